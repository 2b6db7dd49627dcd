"""Random requests of random models of litellm's map, priced by litellm and by tokenbill.

Prints how many agree, and the others by the rule of docs/how-to/prices-from-a-catalog.md that explains
them; exits 1 if one is left. Run it by hand: python tools/compare_litellm.py 20000
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper
from litellm.types.utils import Usage as LitellmUsage

from tokenbill import Bill, BillingPlan, Meter, PriceSchedule, Usage, catalog
from tokenbill.errors import TokenbillError, UnpricedVariant

logging.disable(logging.CRITICAL)
litellm.suppress_debug_info = True

TEXT = ("chat", "responses", "completion")
MAP = Path(litellm.__file__).parent / "model_prices_and_context_window_backup.json"
TIERS = ("", "", "", "flex", "priority", "batch")
CLOSE = Fraction(1, 10**9)
"""Floats lose digits: amounts that differ by less than this, relative to their size, are the same."""


def main() -> int:
    """Compare as many requests as the first argument says."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    models: dict[str, Any] = json.loads(MAP.read_text(encoding="utf-8"), parse_float=Decimal)
    models.pop("sample_spec", None)
    refused = catalog.refused_in_price_map(models)
    # litellm looks a model up with its provider's prefix or without, so that another entry may answer for it
    names = [
        name
        for name, info in models.items()
        if info.get("mode") in TEXT
        and name not in refused
        and models.get(f"{info.get('litellm_provider')}/{name}", info) == info
        and models.get(name.removeprefix(f"{info.get('litellm_provider')}/"), info) == info
    ]
    random, found, examples = Random(20261129), Counter[str](), dict[str, str]()
    schedules = dict[str, PriceSchedule]()
    while sum(found.values()) < count:
        name = random.choice(names)
        prices = schedules.get(name) or schedules.setdefault(name, catalog.from_price_map(models, model=name))
        verdict, example = compared(random, name, models[name], prices)
        found[verdict] += 1
        examples.setdefault(verdict, example)
    for verdict, times in found.most_common():
        print(f"{times:7d}  {verdict}  {'' if verdict == 'equal' else examples[verdict]}")
    return 1 if any(verdict.startswith("OTHER") for verdict in found) else 0


def compared(random: Random, name: str, info: dict[str, Any], prices: PriceSchedule) -> tuple[str, str]:
    """What one random request of a model comes to on both sides."""
    size = random.choice([10**3, 10**5, 4 * 10**5, 2 * 10**6])
    counts = {
        meter: random.randint(1, size)
        for meter in (
            "input_tokens",
            "input_tokens{cache=read}",
            "input_tokens{cache=write}",
            "output_tokens",
        )
        if meter == "input_tokens" or random.random() < 0.6
    }
    if "output_tokens" in counts and random.random() < 0.4:
        counts["output_tokens{kind=reasoning}"] = random.randint(1, size)
    tier, now = random.choice(TIERS), datetime.now(UTC)
    geo = random.choice(["", "", "us", "eu", "fedramp"]) if info.get("litellm_provider") == "openai" else ""
    labels = {key: value for key, value in (("variant", tier), ("geo", geo)) if value}
    told = f"{name} {counts} {labels}"
    theirs = of_litellm(name, info, counts, tier, geo)
    if theirs is None:
        return "litellm has no price for it", told
    usage = Usage((Meter(meter, labels), quantity) for meter, quantity in counts.items())
    try:
        ours = Bill.of(catalog.request(usage, prices, now), BillingPlan.on_demand(prices)).exact
    except UnpricedVariant:
        return (
            "refused: a variant or region that the map does not price, which litellm bills as standard",
            told,
        )
    except TokenbillError as error:
        return explained(info, tier, counts, str(error)[:60]), told
    is_perplexity = info.get("litellm_provider") == "perplexity"
    # a batch is half of whatever litellm finds, of these rates too
    base = at_base_rates(info, counts, batch=tier == "batch") / (2 if tier == "batch" else 1)
    if is_perplexity and abs(theirs - base) > CLOSE * theirs:
        return "OTHER perplexity, not at its base rates", f"{told}: {float(base)} and {float(theirs)}"
    if abs(ours - theirs) <= CLOSE * max(abs(ours), abs(theirs)):
        return "equal", told
    return explained(info, tier, counts, ""), f"{told}: {float(ours)} and {float(theirs)}"


def of_litellm(
    name: str, info: dict[str, Any], counts: dict[str, int], tier: str, geo: str
) -> Fraction | None:
    """What litellm makes of it, or None where it raises."""
    read, write = (counts.get(f"input_tokens{{cache={kind}}}", 0) for kind in ("read", "write"))
    reasoning = counts.get("output_tokens{kind=reasoning}", 0)
    prompt, completion = counts["input_tokens"] + read + write, counts.get("output_tokens", 0) + reasoning
    usage = LitellmUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=write,
        prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=read, cache_creation_tokens=write),
        completion_tokens_details=CompletionTokensDetailsWrapper(reasoning_tokens=reasoning),
    )
    try:
        parts = litellm.cost_per_token(
            model=name,
            custom_llm_provider=info.get("litellm_provider"),
            usage_object=usage,
            call_type="retrieve_batch" if tier == "batch" else "completion",
            service_tier=tier if tier in ("flex", "priority") else None,
            data_residency=geo or None,
        )
    except Exception:  # whatever it raises, it gives no price
        return None
    return sum((Fraction(part) for part in parts), Fraction())


def at_base_rates(info: dict[str, Any], counts: dict[str, int], *, batch: bool) -> Fraction:
    """All at the three rates that litellm looks at for Perplexity: input, output and reasoning.

    Of a batch it knows the price of what was read from a cache, too, and takes none for 0.
    """
    total = Fraction()
    for meter, count in counts.items():
        rate = info.get(f"{meter.partition('_')[0]}_cost_per_token", 0)
        if "reasoning" in meter:
            rate = info.get("output_cost_per_reasoning_token", rate)
        if batch and meter == "input_tokens{cache=read}":
            rate = info.get("cache_read_input_token_cost", 0)
        total += Fraction(float(rate)) * count
    return total


def explained(info: dict[str, Any], tier: str, counts: dict[str, int], error: str) -> str:
    """The rule by which the two differ."""
    provider, cached = info.get("litellm_provider"), any("cache" in meter for meter in counts)
    if "input_cost_per_token" not in info and "tiered_pricing" not in info:
        return "refused: a model that is not priced by its input tokens, for which litellm finds 0"
    charged = {"input": True, "output": any("output" in meter for meter in counts)}
    if tier == "batch" and any(
        used and f"{kind}_cost_per_token_batches" not in info for kind, used in charged.items()
    ):
        return "a batch without a price of its own: half the standard in litellm, the standard here, noted"
    if tier == "batch" and cached:
        return "cached input of a batch without an own price: as fresh in litellm, standard here, noted"
    if provider == "fireworks_ai" and (tier or "input_tokens{cache=read}" in counts):
        return "fireworks: litellm halves cached input, and knows no tiers, which the map does not say"
    if provider == "perplexity":
        return "perplexity: litellm knows no cached, flex or long price, which the map has"
    if "input_cost_per_request" in info:
        return "a fee for the request, which litellm does not count among the costs of tokens"
    return f"OTHER {provider} {tier} {error}"


if __name__ == "__main__":
    sys.exit(main())
