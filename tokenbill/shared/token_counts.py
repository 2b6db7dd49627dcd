"""Token counts: numbers by their role, and the meters that they make, which share no token.

Every provider counts a whole and parts of it; some count a part beside it. What an answer's object and
the attributes of a span say comes here under the same roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from attrs import define, field

from tokenbill.core.metering.meters import Meter
from tokenbill.errors import UnreadableInput

__all__ = ["LIFETIMES", "MODALITIES", "TOKENS", "WHOLES", "Conventions", "TokenCounts", "meters_of"]

WHOLES: Final = frozenset({"input", "output", "total"})
"""The counts without which nothing is known; all others are parts of these, or stand beside them."""
TOKENS: Final = WHOLES | {"read", "write", "reasoning", "uncached", "tool", "predicted"}
"""The first words of roles that are parts of the sums."""
MODALITIES: Final = ("audio", "image", "video")
"""What is told apart by a label; text carries none."""
LIFETIMES: Final = {"5m": None, "30m": None, "1h": "1h", "12h": "12h"}
"""The label ``ttl`` of what was written to a cache; what a provider writes by default carries none."""
PLAIN: Final = frozenset({"input", "output", "total", "read", "write", "write.5m", "write.1h", "reasoning"})
"""The roles of most answers, whose meters need no sums over modalities."""
AS_WRITTEN: Final = "give the object as the API wrote it"


class Conventions(Protocol):
    """Which parts stand outside their whole, and what a total says of it."""

    @property
    def cache_outside(self) -> bool | None: ...
    @property
    def reasoning_outside(self) -> bool: ...
    @property
    def total_decides(self) -> bool: ...
    @property
    def total_covers(self) -> bool: ...
    @property
    def plain_output(self) -> str: ...


@define
class TokenCounts:
    """Numbers by role, and the key under which each was found; what is not there counts 0."""

    found: dict[str, int] = field(factory=dict[str, int])
    keys: dict[str, str] = field(factory=dict[str, str])

    def add(self, role: str, quantity: int, path: str) -> None:
        """One more number; a role that is there twice must be the same."""
        # an SDK may give one count under its old name and its new one: the same once, but never two
        if self.found.setdefault(role, quantity) != quantity:
            raise UnreadableInput(
                f"{self.keys[role]} is {self.found[role]}, but {path} is",
                quantity,
                f"they are the same count; {AS_WRITTEN}",
            )
        self.keys.setdefault(role, path)

    def __contains__(self, role: object) -> bool:
        return role in self.found

    def __getitem__(self, role: str) -> int:
        return self.found.get(role, 0)

    def key(self, role: str) -> str:
        """What a role is called where it was found."""
        return self.keys.get(role, role)

    def apart(self) -> int:
        """Tokens of meters that are not parts of these sums, but of their total."""
        return 0

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


def meters_of(counts: TokenCounts, shape: Conventions) -> dict[str, int]:
    """The meters of one usage object, which add up to its own total.

    Raises:
        UnreadableInput: If a part is larger than its whole, or the total is another.
    """
    if counts.found.keys() <= PLAIN and not shape.total_decides:
        meters = _plain(counts, shape)
        if meters is not None:
            return meters
    # anything unusual goes the long way, which names what does not add up
    tokens = _input(counts, shape)
    tokens |= _output(counts, shape, sum(tokens.values()))
    _check_total(counts, shape, sum(tokens.values()) + counts.apart())
    _take_provisioned(counts, tokens)
    return {meter: quantity for meter, quantity in tokens.items() if quantity}


def _plain(counts: TokenCounts, shape: Conventions) -> dict[str, int] | None:
    """The meters of an answer without modalities; None where something does not add up."""
    get = counts.found.get
    whole, out, read, reasoning = get("input", 0), get("output", 0), get("read", 0), get("reasoning", 0)
    short, long = get("write.5m"), get("write.1h", 0)
    if short is None and not long and "write.1h" not in counts.found:
        short = get("write", 0)
    elif short is None or get("write", short + long) != short + long:
        return None
    if shape.cache_outside is None or shape.plain_output != "text":
        return None
    # some providers count what a cache gave beside the input, most within it: billed twice, or not at all
    fresh = whole if shape.cache_outside else whole - read - short - long
    said = out if shape.reasoning_outside else out - reasoning
    tokens = fresh + read + short + long + said + reasoning + counts.apart()
    if fresh < 0 or said < 0 or get("total", tokens) != tokens:
        return None
    found = {
        "input_tokens": fresh,
        "input_tokens{cache=read}": read,
        "input_tokens{cache=write}": short,
        "input_tokens{cache=write,ttl=1h}": long,
        "output_tokens": said,
        "output_tokens{kind=reasoning}": reasoning,
    }
    return {meter: quantity for meter, quantity in found.items() if quantity}


def _check_total(counts: TokenCounts, shape: Conventions, *possible: int) -> None:
    if "total" not in counts:
        return
    # a total that leaves parts out can only be held against the sums it names
    if not shape.total_covers:
        possible = (counts["input"] + counts["output"],)
    if counts["total"] not in possible:
        raise UnreadableInput(
            f"the counts add up to {' or '.join(map(str, possible))}, but {counts.key('total')} is",
            counts["total"],
            "name the shape of the API that wrote it; nothing is billed that does not add up",
        )


def _input(counts: TokenCounts, shape: Conventions) -> dict[str, int]:
    written = _written(counts)
    cached = counts["read"] + sum(written.values())
    whole = counts["input"] + (cached if _cached_outside(counts, shape, cached) else 0)
    _check_uncached(counts, counts.rest("input", whole, [cached]))
    held, read = counts.split("input", whole), counts.split("read", counts["read"])
    # the prompts of tools are input beside the input: they are never cached
    tool = counts.split("tool", counts["tool"])
    # what is written to a cache is given without modality, so it is taken as text while there is enough
    loose = read["text"] + sum(written.values())
    if loose > held["text"]:
        meters = _open_input(counts, held, read, written)
        for modality, added in tool.items():
            meter = _with("input_tokens", modality)
            meters[meter] = meters.get(meter, 0) + added
        return meters
    meters = {"input_tokens": held["text"] - loose + tool["text"], "input_tokens{cache=read}": read["text"]}
    meters |= written
    for modality in MODALITIES:
        uncached = counts.rest(f"input.{modality}", held[modality], [read[modality]])
        meters[f"input_tokens{{modality={modality}}}"] = uncached + tool[modality]
        meters[f"input_tokens{{cache=read,modality={modality}}}"] = read[modality]
    return meters


def _with(meter: str, modality: str) -> str:
    """A meter with its modality, which text does not carry."""
    return meter if modality == "text" else str.__str__(Meter(meter, {"modality": modality}))


def _open_input(
    counts: TokenCounts, held: dict[str, int], read: dict[str, int], written: dict[str, int]
) -> dict[str, int]:
    """Input of which more was cached than is text: of the only modality there is, else of an unknown one.

    A split that is open need not matter: where all modalities cost the same, the bill is settled.
    """
    known = [modality for modality in MODALITIES if held[modality]]
    alone = known[0] if len(known) == 1 and not held["text"] else "unknown"
    cells = {_with(meter, alone): quantity for meter, quantity in written.items()}
    cells[_with("input_tokens{cache=read}", alone)] = sum(read.values())
    fresh = counts.rest("input", sum(held.values()), [sum(cells.values())])
    return {**cells, _with("input_tokens", alone): fresh}


def _cached_outside(counts: TokenCounts, shape: Conventions, cached: int) -> bool:
    """Whether caches stand beside the input; some hosts leave that to their total."""
    if shape.cache_outside is not None:
        return shape.cache_outside
    return cached > 0 and counts["total"] == counts["input"] + counts["tool"] + cached + counts["output"]


def _written(counts: TokenCounts) -> dict[str, int]:
    """What was written to a cache, by lifetime; without any it is the short one.

    Lifetimes that fall short of the whole leave the rest of an unknown one: the streams of a provider
    name those of the first round alone. Above the whole they contradict it.
    """
    lifetimes = {ttl: counts[f"write.{ttl}"] for ttl in LIFETIMES if f"write.{ttl}" in counts}
    meters: dict[str, int] = {}
    for ttl, quantity in lifetimes.items():
        label = LIFETIMES[ttl]
        meter = f"input_tokens{{cache=write,ttl={label}}}" if label else "input_tokens{cache=write}"
        meters[meter] = meters.get(meter, 0) + quantity
    known = sum(lifetimes.values())
    # the whole and its lifetimes are one count told twice
    if "write" not in counts or counts["write"] == known:
        return meters
    if not lifetimes:
        return {"input_tokens{cache=write}": counts["write"]}
    if known > counts["write"]:
        raise UnreadableInput(
            f"{counts.key('write')} is {counts['write']}, but its lifetimes add up to",
            known,
            f"they are the same tokens; {AS_WRITTEN}",
        )
    return meters | {"input_tokens{cache=write,ttl=unknown}": counts["write"] - known}


def _check_uncached(counts: TokenCounts, uncached: int) -> None:
    if "uncached" in counts and counts["uncached"] != uncached:
        raise UnreadableInput(
            f"{uncached} tokens were not read from a cache, but {counts.key('uncached')} is",
            counts["uncached"],
            AS_WRITTEN,
        )


def _output(counts: TokenCounts, shape: Conventions, input_tokens: int) -> dict[str, int]:
    whole, reasoning = counts["output"], counts["reasoning"]
    counts.rest("output", whole, [counts["predicted.accepted"], counts["predicted.rejected"]])
    held = counts.split("output", whole, plain=shape.plain_output)
    inside = 0 if _reasons_outside(counts, shape, input_tokens + whole) else reasoning
    meters = {f"output_tokens{{modality={modality}}}": held[modality] for modality in MODALITIES}
    return {
        "output_tokens": counts.rest("output", held["text"], [inside]),
        "output_tokens{kind=reasoning}": reasoning,
        **meters,
    }


def _reasons_outside(counts: TokenCounts, shape: Conventions, tokens: int) -> bool:
    """Whether reasoning is counted beside the output; some APIs leave that to their total."""
    if not shape.total_decides or "total" not in counts:
        return shape.reasoning_outside
    # both sums are possible here, and the total says which of them was meant
    _check_total(counts, shape, tokens, tokens + counts["reasoning"])
    return counts["total"] == tokens + counts["reasoning"]


def _take_provisioned(counts: TokenCounts, tokens: dict[str, int]) -> None:
    """Tokens that ran on capacity paid ahead, out of those that did not run out of a cache."""
    for role in ("input", "output"):
        if paid := counts[f"{role}.provisioned"]:
            tokens[f"{role}_tokens{{variant=provisioned}}"] = paid
            tokens[f"{role}_tokens"] = counts.rest(role, tokens[f"{role}_tokens"], [paid])
