"""Time reading an answer's usage against genai-prices' ``extract_usage`` of the same answer, and its prices.

Run it as ``python benchmarks/readers.py [--rounds N]``.
Every row is a ratio of two things timed in turn in this one run; machines are noisy, ratios are steadier.
The target is that reading takes no longer; prices are timed against ``json.loads`` of the data they are of,
and a meter is matched on a list of all models as on that of one, which has fewer sets of labels to ask.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import timeit
from collections.abc import Callable
from typing import NamedTuple

from genai_prices import data_snapshot, extract_usage

from tokenbill import Meter, PriceSchedule, catalog
from tokenbill.payloads import read_usage

ROUND = 2_000_000
"""Nanoseconds that each side runs in one round."""


class Row(NamedTuple):
    """An answer, and how each of both reads it."""

    name: str
    ours: Callable[[], object]
    other: Callable[[], object]
    target: int = 1


def row(name: str, shape: str | None, provider: str, flavor: str, answer: dict[str, object]) -> Row:
    return Row(
        name,
        lambda: read_usage(answer, shape),
        lambda: extract_usage(answer, provider_id=provider, api_flavor=flavor),
    )


CHAT = {
    "id": "c1",
    "model": "gpt-5.1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}}],
    "usage": {
        "prompt_tokens": 900,
        "completion_tokens": 250,
        "total_tokens": 1150,
        "prompt_tokens_details": {"cached_tokens": 640, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 192, "audio_tokens": 0},
    },
}
MESSAGE = {
    "id": "msg_1",
    "model": "claude-sonnet-4-5",
    "usage": {
        "input_tokens": 12,
        "cache_read_input_tokens": 3000,
        "cache_creation_input_tokens": 700,
        "cache_creation": {"ephemeral_5m_input_tokens": 450, "ephemeral_1h_input_tokens": 250},
        "output_tokens": 95,
        "service_tier": "standard",
    },
}
GENERATED = {
    "responseId": "g1",
    "modelVersion": "gemini-2.5-pro",
    "candidates": [{"content": {"parts": [{"text": "hello"}]}}],
    "usageMetadata": {
        "promptTokenCount": 50,
        "cachedContentTokenCount": 20,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 25,
        "totalTokenCount": 90,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}],
    },
}
ROWS = [
    row("OpenAI chat", "openai.chat", "openai", "chat", CHAT),
    row("Anthropic messages", "anthropic.messages", "anthropic", "default", MESSAGE),
    row("Gemini generate", "gemini.generate", "google", "default", GENERATED),
]


def plain(held: object) -> object:
    """What JSON holds of a value of genai-prices."""
    members = getattr(held, "__dict__", None)
    return str(held) if members is None else {k: v for k, v in members.items() if not k.startswith("_")}


DATA = json.dumps(data_snapshot.get_snapshot().providers, default=plain)
PRICES = [
    Row("all prices of a day", lambda: catalog.schedule(at="2026-11-01"), lambda: json.loads(DATA), 20),
    Row("all prices, by date", catalog.schedule, lambda: json.loads(DATA), 40),
]


ALL, LABELS = catalog.schedule(at="2026-11-01"), {"model": "gpt-5", "context": "1", "user": "u"}
OF_ONE = PriceSchedule(
    {key: price for key, price in ALL.items() if key.labels.get("model") == "gpt-5"}, source=ALL.source
)
MATCHES = [
    Row(told, lambda meter=meter: ALL.match(meter), lambda meter=meter: OF_ONE.match(meter), 10)
    for told, meter in (
        ("its context told", Meter("input_tokens", LABELS)),
        ("modality untold", Meter("input_tokens", LABELS | {"modality": "unknown"})),
    )
]


def timed(each: Row, rounds: int) -> tuple[float, float, float]:
    """Medians: microseconds of both, and the ratio of each pair of rounds."""
    few = each.target > 10  # a list of thousands of models is long enough to be timed once
    loops = [1, 1] if few else [max(10, int(ROUND / _once(side))) for side in (each.ours, each.other)]
    pairs = [(_once(each.ours, loops[0]), _once(each.other, loops[1])) for _ in range(rounds)]
    ours, other = (statistics.median(side) / 1000 for side in zip(*pairs, strict=True))
    return ours, other, statistics.median(one / two for one, two in pairs)


def _once(call: Callable[[], object], loops: int = 100) -> float:
    return timeit.timeit(call, timer=time.process_time, number=loops) / loops * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    given = parser.parse_args()
    print(f"{'answer':<20}{'read_usage':>12}{'extract_usage':>15}{'ratio':>8}{'target':>8}")
    for each in ROWS:
        ours, other, ratio = timed(each, given.rounds)
        print(f"{each.name:<20}{ours:>9.1f} µs{other:>12.1f} µs{ratio:>8.2f}{'≤ 1':>8}")
    print(f"{'prices':<20}{'schedule':>12}{'json.loads':>15}{'ratio':>8}{'target':>8}")
    for each in PRICES:
        ours, other, ratio = timed(each, min(given.rounds, 5))
        target = f"≤ {each.target}"
        print(f"{each.name:<20}{ours / 1000:>9.1f} ms{other / 1000:>12.1f} ms{ratio:>8.0f}{target:>8}")
    print(f"{'a meter never seen':<20}{'all models':>12}{'one model':>15}{'ratio':>8}{'target':>8}")
    for each in MATCHES:
        ours, other, ratio = timed(each, given.rounds)
        print(f"{each.name:<20}{ours:>9.1f} µs{other:>12.1f} µs{ratio:>8.2f}{'≤ 10':>8}")


if __name__ == "__main__":
    main()
