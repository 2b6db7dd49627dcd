"""OpenTelemetry: the attributes of a GenAI span as usage."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral
from typing import Any, Final

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO, number
from tokenbill.errors import UnreadableInput
from tokenbill.shared.foreign_data import members_of, readable, telling, text_of

__all__ = ["read_otel"]

USAGE: Final = "gen_ai.usage."
OLD: Final = ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens")
"""What input and output tokens were called before; their parts have no old names."""
TOKENS: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.reasoning.output_tokens",
)
TOTAL: Final = "gen_ai.usage.total_tokens"
COST: Final = "gen_ai.usage.cost"
"""What the provider charges is no usage; neither this nor the total is of the conventions, but both occur."""
LABELS: Final = {
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
}
"""The attributes of each label, best first: billed is the model that answered."""


def read_otel(attributes: Mapping[str, Any]) -> Usage:
    """The tokens that the attributes of an OpenTelemetry GenAI span tell, each in one meter.

    ``gen_ai.usage.input_tokens`` includes what was read from a cache or written to it, and
    ``gen_ai.usage.output_tokens`` the reasoning; here they are apart. The model that answered and
    the provider become labels. Where only the old names ``prompt_tokens`` and ``completion_tokens``
    are there, they serve. Attributes beyond ``gen_ai.usage.`` are not read.

    Raises:
        UnreadableInput: If a count is no whole number of zero or more, a part is larger than its
            whole, the names are old and new at once, there are none, one is unknown, or a total is
            not their sum.

    Source: OpenTelemetry semantic conventions 1.41 for generative AI, in development.

    >>> read_otel({"gen_ai.usage.input_tokens": 500, "gen_ai.usage.cache_read.input_tokens": 300,
    ...     "gen_ai.usage.output_tokens": 80, "gen_ai.response.model": "m-1"})["input_tokens{model=m-1}"]
    Decimal('200')
    """
    members = members_of(attributes, "span's attributes")
    whole_in, read, written, whole_out, reasoning = _counts(members)
    if TOTAL in members and _count(members, TOTAL) != EXACT.add(whole_in, whole_out):
        raise UnreadableInput(f"{TOTAL} is not input and output", _count(members, TOTAL), "send what adds up")
    fresh = _left(whole_in, EXACT.add(read, written), "input tokens less those of caches")
    labels = {label: _best(members, keys) for label, keys in LABELS.items()}
    known = {label: value for label, value in labels.items() if value is not None}
    cells: list[tuple[str, dict[str, str], Decimal]] = [
        ("input_tokens", {}, fresh),
        ("input_tokens", {"cache": "read"}, read),
        ("input_tokens", {"cache": "write"}, written),
        ("output_tokens", {}, _left(whole_out, reasoning, "output tokens less reasoning")),
        ("output_tokens", {"kind": "reasoning"}, reasoning),
    ]
    return Usage([(Meter(meter, {**own, **known}), count) for meter, own, count in cells])


def _counts(members: dict[Any, Any]) -> list[Decimal]:
    """The counts in the order of ``TOKENS``, from the names of one generation."""
    given = [key for key in members if isinstance(key, str) and key.startswith(USAGE)]
    old, new = [key for key in OLD if key in members], [key for key in TOKENS if key in members]
    unknown = set(given) - {*old, *new, TOTAL, COST}
    if unknown:
        way_out = "leave it out if it is no usage of its own"
        raise UnreadableInput("an unknown attribute of usage", min(unknown), way_out)
    if old and new:
        raise UnreadableInput("old and new names at once", old[0], f"send {TOKENS[0]} and {TOKENS[3]} alone")
    if not (old or new):
        raise UnreadableInput("a span without usage", given, f"pass those that have {TOKENS[0]}")
    names = (OLD[0], "", "", OLD[1], "") if old else TOKENS
    return [_count(members, key) for key in names]


def _count(members: dict[Any, Any], key: str) -> Decimal:
    value = members.get(key, 0)
    way_out = "send a whole number, zero or more"
    if not isinstance(value, Integral):
        raise UnreadableInput(f"no count in {key}", telling(value), way_out)
    count = readable(number, value, key, way_out)
    if count < 0:
        raise UnreadableInput(f"a negative count in {key}", count, way_out)
    return count


def _left(whole: Decimal, part: Decimal, what: str) -> Decimal:
    left = EXACT.subtract(whole, part)
    if left < ZERO:
        raise UnreadableInput(f"{what} fall below zero", left, "count the part within the whole")
    return left


def _best(members: dict[Any, Any], keys: tuple[str, ...]) -> str | None:
    """The first of these attributes that is there."""
    return next((text_of(members, key) for key in keys if members.get(key) is not None), None)
