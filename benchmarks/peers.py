"""The same 1,000 usages and 200 plans in tokenbill, genai-prices, litellm, tokencost and hand-written floats.

Run it as ``python benchmarks/peers.py``; of the peers it takes those that are installed. Each runs in a
process of its own, with the same five price lists, and is compared with fractions worked out here.
An answer is *exact* if its shortest text is the amount to the last digit, *near* if it is right to nine
digits, *wrong* if it is not; what a library has no way to say is *not said*.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from random import Random
from typing import Any, NamedTuple

USAGES, PLANS, LONG = 1000, 200, 200_000
NEAR = Fraction(1, 10**9)
ROUNDS = 3


class Prices(NamedTuple):
    """A provider's list, in dollars for a million tokens; above 200,000 tokens of input it may be dearer."""

    provider: str
    input: str
    read: str
    write: str
    output: str
    long: tuple[str, str, str, str] | None


LISTS = (
    Prices("openai", "1.25", "0.125", "1.25", "10", None),
    Prices("anthropic", "3", "0.30", "3.75", "15", ("6", "0.60", "7.50", "22.50")),
    Prices("gemini", "1.25", "0.31", "1.25", "10", ("2.50", "0.625", "2.50", "15")),
    Prices("deepseek", "0.28", "0.028", "0.28", "0.42", None),
    Prices("mistral", "0.40", "0.04", "0.40", "2", None),
)


class Request(NamedTuple):
    """The tokens of one request; a batch costs half."""

    kind: str
    prices: Prices
    input: int
    read: int
    write: int
    output: int

    @property
    def rates(self) -> tuple[str, str, str, str]:
        """Of input, read, written and output."""
        usual = self.prices[1:5]
        return (self.prices.long or usual) if self.input + self.read + self.write > LONG else usual

    @property
    def tokens(self) -> tuple[int, int, int, int]:
        return self[2:6]


class Plan(NamedTuple):
    """Three graduated tiers, a fee, a discount and a tax in percent; net and tax each to cents, half up."""

    bounds: tuple[int, int]
    rates: tuple[str, str, str]
    fee: str
    discount: int
    tax: int
    quantity: int


def requests() -> list[Request]:
    """A thousand requests of five providers, the same on every run."""
    random, found = Random(2026), list[Request]()
    for place in range(USAGES):
        kind = ("plain", "cached", "long", "batch")[place % 4]
        prices = LISTS[place // 4 % len(LISTS)]
        fresh = random.randint(LONG + 1, 4 * LONG) if kind == "long" else random.randint(1, 50_000)
        read = random.randint(1, 50_000) if kind == "cached" else 0
        write = random.randint(0, 9_000) if kind == "cached" and prices.provider == "anthropic" else 0
        found.append(Request(kind, prices, fresh, read, write, random.randint(1, 9_000)))
    return found


def plans() -> list[Plan]:
    """Two hundred plans, each with one quantity."""
    random, found = Random(4102), list[Plan]()
    for _ in range(PLANS):
        first = random.randint(10, 5_000)
        bounds = first, first + random.randint(10, 50_000)
        rates = [f"0.{random.randint(1, 9999):04}" for _ in range(3)]
        fee, discount, tax = (
            f"{random.randint(0, 9999) / 100:.2f}",
            random.randint(0, 30),
            random.randint(0, 25),
        )
        quantity = random.randint(1, 2 * bounds[1])
        found.append(Plan(bounds, (rates[0], rates[1], rates[2]), fee, discount, tax, quantity))
    return found


def due(request: Request) -> Fraction:
    """What a request costs, by fractions."""
    pairs = zip(request.tokens, request.rates, strict=True)
    amount = sum((tokens * Fraction(rate) for tokens, rate in pairs), Fraction()) / 1_000_000
    return amount / 2 if request.kind == "batch" else amount


def total(plan: Plan) -> Fraction:
    """What a plan comes to, by fractions."""
    low, high = (min(plan.quantity, bound) for bound in plan.bounds)
    slices = zip((low, high - low, plan.quantity - high), plan.rates, strict=True)
    gross = Fraction(plan.fee) + sum(units * Fraction(rate) for units, rate in slices)
    net = gross * (100 - plan.discount) / 100
    return in_cents(net) + in_cents(net * plan.tax / 100)


def in_cents(amount: Fraction) -> Fraction:
    """An amount of zero or more, half up."""
    return Fraction(int(amount * 100 + Fraction(1, 2)), 100)


# The contestants: each gives what prices a request, and what prices a plan; None for what it cannot say.

Answer = Callable[[Any], Any]
Setup = Callable[[], "tuple[Answer, Answer]"]


def not_said(_: object) -> None:
    """A library without plans."""


def tokenbill() -> tuple[Answer, Answer]:
    import tokenbill as tb

    def schedule(prices: Prices, rates: tuple[str, ...], factor: str) -> tb.BillingPlan:
        meters = ("input_tokens", "input_tokens{cache=read}", "input_tokens{cache=write}", "output_tokens")
        entries = {meter: tb.PerUnit(rate, per=1_000_000) for meter, rate in zip(meters, rates, strict=True)}
        exact = tb.Rounding(places=12)
        return tb.BillingPlan.on_demand(tb.PriceSchedule(entries) * factor, rounding=exact)

    of = {
        (prices.provider, rates, is_batch): schedule(prices, rates, "0.5" if is_batch else "1")
        for prices in LISTS
        for rates in {prices[1:5], prices.long or prices[1:5]}
        for is_batch in (False, True)
    }

    def cost(request: Request) -> Decimal:
        plan = of[request.prices.provider, request.rates, request.kind == "batch"]
        meters = {
            "input_tokens": request.input,
            "input_tokens{cache=read}": request.read,
            "input_tokens{cache=write}": request.write,
            "output_tokens": request.output,
        }
        return tb.Bill.of(tb.Usage(meters), plan).total

    def billed(plan: Plan) -> Decimal:
        tiers = [tb.Tier(up_to, rate) for up_to, rate in zip((*plan.bounds, None), plan.rates, strict=True)]
        terms = tb.BillingPlan.subscription(
            plan.fee,
            tb.PriceSchedule(units=tb.Graduated(tiers)),
            discounts=[tb.Discount.percent(plan.discount)],
            taxes=[tb.Tax("tax", plan.tax)],
            rounding=tb.Rounding(places=2),
        )
        return tb.Bill.of({"units": plan.quantity}, terms).total

    return cost, billed


def floats() -> tuple[Answer, Answer]:
    def cost(request: Request) -> float:
        amount = 0.0
        for tokens, rate in zip(request.tokens, request.rates, strict=True):
            amount += tokens * float(rate) / 1_000_000
        return amount / 2 if request.kind == "batch" else amount

    def billed(plan: Plan) -> float:
        low, high = (min(plan.quantity, bound) for bound in plan.bounds)
        first, second, third = map(float, plan.rates)
        net = float(plan.fee) + low * first + (high - low) * second + (plan.quantity - high) * third
        net *= 1 - plan.discount / 100
        return round(round(net, 2) + round(net * plan.tax / 100, 2), 2)

    return cost, billed


def genai_prices() -> tuple[Answer, Answer]:
    genai: Any = import_module("genai_prices")
    types: Any = import_module("genai_prices.types")
    keys = "input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok"

    def model(prices: Prices) -> Any:
        usual, long = map(Decimal, prices[1:5]), map(Decimal, prices.long or prices[1:5])
        tiered = zip(usual, long, strict=True)
        rates = [types.TieredPrices(base, [types.Tier(LONG, dearer)]) for base, dearer in tiered]
        return types.ModelPrice(**dict(zip(keys, rates, strict=True)))

    models = {prices.provider: model(prices) for prices in LISTS}

    def cost(request: Request) -> Any:
        if request.kind == "batch":
            return None
        usage = genai.Usage(
            input_tokens=request.input + request.read + request.write,
            cache_read_tokens=request.read,
            cache_write_tokens=request.write,
            output_tokens=request.output,
        )
        return models[request.prices.provider].calc_price(usage)["total_price"]

    return cost, not_said


def litellm() -> tuple[Answer, Answer]:
    lite: Any = import_module("litellm")
    lite.suppress_debug_info = True
    types: Any = import_module("litellm.types.utils")
    keys = (
        "input_cost_per_token",
        "cache_read_input_token_cost",
        "cache_creation_input_token_cost",
        "output_cost_per_token",
    )

    def entry(prices: Prices) -> dict[str, Any]:
        found: dict[str, Any] = {"litellm_provider": prices.provider, "mode": "chat"}
        for key, rate, long in zip(keys, prices[1:5], prices.long or prices[1:5], strict=True):
            each = float(Decimal(rate) / 1_000_000)
            found |= {key: each, f"{key}_batches": each / 2}
            if prices.long:
                found[f"{key}_above_200k_tokens"] = float(Decimal(long) / 1_000_000)
        return found

    lite.register_model({f"{prices.provider}/peers-bench": entry(prices) for prices in LISTS})

    def cost(request: Request) -> Any:
        prompt = request.input + request.read + request.write
        details = types.PromptTokensDetailsWrapper(
            cached_tokens=request.read, cache_creation_tokens=request.write
        )
        usage = types.Usage(
            prompt_tokens=prompt,
            completion_tokens=request.output,
            total_tokens=prompt + request.output,
            cache_read_input_tokens=request.read,
            cache_creation_input_tokens=request.write,
            prompt_tokens_details=details,
        )
        parts = lite.cost_per_token(
            model=f"{request.prices.provider}/peers-bench",
            custom_llm_provider=request.prices.provider,
            usage_object=usage,
            call_type="retrieve_batch" if request.kind == "batch" else "completion",
        )
        return sum(parts)

    return cost, not_said


def tokencost() -> tuple[Answer, Answer]:
    module: Any = import_module("tokencost")
    costs: Any = import_module("tokencost.costs")
    for prices in LISTS:
        usual, read, _, output = (float(Decimal(rate) / 1_000_000) for rate in prices[1:5])
        costs.TOKEN_COSTS[f"peers-{prices.provider}"] = {
            "input_cost_per_token": usual,
            "cache_read_input_token_cost": read,
            "output_cost_per_token": output,
        }

    def cost(request: Request) -> Any:
        if request.kind in ("long", "batch") or request.write:
            return None
        parts = (("input", request.input), ("cached", request.read), ("output", request.output))
        price = partial(module.calculate_cost_by_tokens, model=f"peers-{request.prices.provider}")
        return sum(price(tokens, token_type=which) for which, tokens in parts if tokens)

    return cost, not_said


CONTESTANTS: dict[str, tuple[str, Setup]] = {
    "tokenbill": ("tokenbill", tokenbill),
    "genai-prices": ("genai_prices", genai_prices),
    "litellm": ("litellm", litellm),
    "tokencost": ("tokencost", tokencost),
    "floats by hand": ("", floats),
}


def judged(answer: Any, right: Fraction) -> tuple[str, Fraction]:
    """How right an answer is, and its error relative to what is right."""
    if answer is None:
        return "not said", Fraction()
    shortest = Fraction(repr(answer) if isinstance(answer, float) else answer)
    error = abs(shortest - right) / right if right else abs(shortest)
    return "exact" if not error else "near" if error < NEAR else "wrong", error


def measured(name: str) -> dict[str, Any]:
    """What one contestant does in this process."""
    module, setup = CONTESTANTS[name]
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its bundled prices, no download
    bare = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    if module:
        import_module(module)
    imported = time.process_time() - start
    cost, billed = setup()
    asked, agreed = requests(), plans()
    verdicts, worst = dict[str, Counter[str]](), Fraction()
    for request in asked:
        verdict, error = judged(cost(request), due(request))
        verdicts.setdefault(request.kind, Counter())[verdict] += 1
        worst = max(worst, error)
    for plan in agreed:
        verdict, _ = judged(billed(plan), total(plan))
        verdicts.setdefault("plans", Counter())[verdict] += 1
    said = [request for request in asked if cost(request) is not None]
    times = list[float]()
    for _ in range(ROUNDS):
        start = time.process_time()
        for request in said:
            cost(request)
        times.append(time.process_time() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - bare
    return {
        "verdicts": verdicts,
        "worst": float(worst),
        "µs": min(times) / len(said) * 1e6,
        "MiB": memory / 1024,
        "import": imported,
    }


def told(verdicts: dict[str, int]) -> str:
    """The counts of a group in a cell."""
    if set(verdicts) == {"not said"}:
        return "not said"
    words = (word for word in ("exact", "near", "wrong", "not said") if word in verdicts)
    return ", ".join(f"{verdicts[word]:,} {word}" for word in words)


def main() -> None:
    """Print the table, one contestant a row."""
    print("| | plain | cached | long | batch | 200 plans | largest error | µs | MiB | import |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, (module, _) in CONTESTANTS.items():
        try:
            label = name if name in ("tokenbill", "floats by hand") else f"{name} {version(name)}"
        except PackageNotFoundError:
            print(f"| {name} | not installed |" + " |" * 8)
            continue
        command = [sys.executable, __file__, "--measure", name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            print(run.stderr, file=sys.stderr)
            raise SystemExit(f"{name} failed")
        found = json.loads(run.stdout.splitlines()[-1])
        cells = [told(found["verdicts"][kind]) for kind in ("plain", "cached", "long", "batch", "plans")]
        figures = f"{found['worst']:.0e} | {found['µs']:.1f} | {found['MiB']:.0f} | {found['import']:.2f} s"
        print(f"| {label} | {' | '.join(cells)} | {figures if module else figures[:-6] + '- '} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measured(sys.argv[2])))
    else:
        main()
