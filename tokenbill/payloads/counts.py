"""Counts: the numbers of a usage object, told apart into meters that share no token."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral
from typing import TypeAlias

from attrs import field, frozen

from tokenbill.core.metering.meters import LLM_METERS
from tokenbill.core.money.decimals import LIMIT, number
from tokenbill.errors import UnreadableInput
from tokenbill.payloads.shapes import MODALITIES, Path, Shape
from tokenbill.shared.foreign_data import telling

__all__ = ["Counts", "Quantity", "count", "measure", "meters_of"]

Quantity: TypeAlias = "int | Decimal"


@frozen
class Counts:
    """Numbers by their role, and the key under which each was found; what is not there counts 0."""

    found: dict[str, Quantity] = field(factory=dict[str, Quantity])
    keys: dict[str, str] = field(factory=dict[str, str])

    def add(self, role: str, quantity: Quantity, path: Path) -> None:
        """One more number; a role that is told twice must be told the same."""
        key = ".".join(path)
        if self.found.setdefault(role, quantity) != quantity:
            raise UnreadableInput(
                f"{self.keys[role]} is {self.found[role]}, but {key} is",
                quantity,
                "they are the same count; give the object as the API wrote it",
            )
        self.keys.setdefault(role, key)

    def __contains__(self, role: object) -> bool:
        return role in self.found

    def __getitem__(self, role: str) -> int:
        return int(self.found.get(role, 0))

    def key(self, role: str) -> str:
        """What a role is called where it was found."""
        return self.keys.get(role, role)

    def rest(self, role: str, whole: int, parts: Iterable[int]) -> int:
        """What is left of a whole without these parts; a larger part is never cut to fit."""
        inside = sum(parts)
        if inside > whole:
            raise UnreadableInput(
                f"parts larger than their whole: {self.key(role)} has room for {whole}, they add up to",
                inside,
                "name the shape of the API that wrote this",
            )
        return whole - inside

    def split(self, role: str, whole: int, *, plain: str = "text") -> dict[str, int]:
        """A whole by modality; what is given under none is *plain*, or text where that one is given, too."""
        parts = {modality: self[f"{role}.{modality}"] for modality in ("text", *MODALITIES)}
        rest = self.rest(role, whole, parts.values())
        parts["text" if f"{role}.{plain}" in self else plain] += rest
        return parts


def meters_of(counts: Counts, shape: Shape) -> dict[str, Quantity]:
    """The meters of one usage object, which add up to its own total.

    Raises:
        UnreadableInput: If a part is larger than its whole, or the total is another.
    """
    tokens = _input(counts, shape)
    tokens |= _output(counts, shape, sum(tokens.values()))
    total = sum(tokens.values())
    _check_total(counts, total)
    calls = {role: quantity for role, quantity in counts.found.items() if role in LLM_METERS}
    return {meter: quantity for meter, quantity in {**tokens, **calls}.items() if quantity}


def _check_total(counts: Counts, *possible: int) -> None:
    if "total" in counts and counts["total"] not in possible:
        raise UnreadableInput(
            f"the counts add up to {' or '.join(map(str, possible))}, but {counts.key('total')} is",
            counts["total"],
            "name the shape of the API that wrote it; nothing is billed that does not add up",
        )


def _input(counts: Counts, shape: Shape) -> dict[str, int]:
    written = _written(counts)
    cached = counts["read"] + sum(written.values())
    whole = counts["input"] + (cached if shape.cache_outside else 0)
    _check_uncached(counts, counts.rest("input", whole, [cached]))
    given, read = counts.split("input", whole), counts.split("read", counts["read"])
    tool = counts.split("tool", counts["tool"])
    meters = {"input_tokens": _text(counts, given, read["text"] + sum(written.values())) + tool["text"]}
    meters |= {"input_tokens{cache=read}": read["text"], **written}
    for modality in MODALITIES:
        uncached = counts.rest(f"input.{modality}", given[modality], [read[modality]])
        meters[f"input_tokens{{modality={modality}}}"] = uncached + tool[modality]
        meters[f"input_tokens{{cache=read,modality={modality}}}"] = read[modality]
    return meters


def _written(counts: Counts) -> dict[str, int]:
    """What was written to a cache, by lifetime; without any it is the short one."""
    short, long = counts["write.5m"], counts["write.1h"]
    if "write.5m" not in counts and "write.1h" not in counts:
        short = counts["write"]
    elif "write" in counts and counts["write"] != short + long:
        raise UnreadableInput(
            f"{counts.key('write')} is {counts['write']}, but its lifetimes add up to",
            short + long,
            "they are the same tokens; give the object as the API wrote it",
        )
    return {"input_tokens{cache=write}": short, "input_tokens{cache=write,ttl=1h}": long}


def _check_uncached(counts: Counts, uncached: int) -> None:
    if "uncached" in counts and counts["uncached"] != uncached:
        raise UnreadableInput(
            f"{uncached} tokens were not read from a cache, but {counts.key('uncached')} is",
            counts["uncached"],
            "give the object as the API wrote it",
        )


def _text(counts: Counts, given: dict[str, int], cached: int) -> int:
    """Text that no cache held. Cached tokens without a modality are text, or nobody knows what they are."""
    if cached > given["text"]:
        raise UnreadableInput(
            f"ambiguous: only {given['text']} tokens are text, and without a modality are cached",
            cached,
            "nothing says which modality they had; price this request by hand",
        )
    return given["text"] - cached


def _output(counts: Counts, shape: Shape, input_tokens: int) -> dict[str, int]:
    whole, reasoning = counts["output"], counts["reasoning"]
    counts.rest("output", whole, [counts["predicted.accepted"], counts["predicted.rejected"]])
    given = counts.split("output", whole, plain=shape.plain_output)
    inside = 0 if _reasons_outside(counts, shape, input_tokens + whole) else reasoning
    meters = {f"output_tokens{{modality={modality}}}": given[modality] for modality in MODALITIES}
    return {
        "output_tokens": counts.rest("output", given["text"], [inside]),
        "output_tokens{kind=reasoning}": reasoning,
        **meters,
    }


def _reasons_outside(counts: Counts, shape: Shape, tokens: int) -> bool:
    """Whether reasoning is counted beside the output; some APIs leave that to their total."""
    if not shape.total_decides or "total" not in counts:
        return shape.reasoning_outside
    _check_total(counts, tokens, tokens + counts["reasoning"])
    return counts["total"] == tokens + counts["reasoning"]


def count(value: object, key: str) -> int:
    """A count out of a payload: an integer of 0 or more, and nothing that only looks like one.

    Raises:
        UnreadableInput: If it is anything else; text is not shown, since a payload may hold a prompt.
        InvalidNumber: If it is beyond the limits of all numbers.
    """
    if type(value) is int and 0 <= value < LIMIT:
        return value
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UnreadableInput(f"{key} is no count", telling(value), "a count is an integer of 0 or more")
    whole = int(number(value))
    if whole < 0:
        raise UnreadableInput(f"{key} is negative", whole, "a count is an integer of 0 or more")
    return whole


def measure(value: object, key: str) -> Quantity:
    """A length of time out of a payload: an integer or a Decimal of 0 or more.

    Raises:
        UnreadableInput: If it is anything else.
        InvalidNumber: If it is beyond the limits of all numbers.
    """
    if not isinstance(value, Decimal):
        return count(value, key)
    length = number(value)
    if length < 0:
        raise UnreadableInput(f"{key} is negative", length, "give 0 or more")
    return length
