"""Counts: the numbers of a usage object by their role, and the meters that they make, which share no token."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import define, field

from tokenbill.core.base.inputs import is_legible
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import LIMIT
from tokenbill.errors import InvalidName, UnreadableInput
from tokenbill.payloads.objects import (
    AS_WRITTEN,
    count,
    counts_something,
    is_object,
    key_of,
    listed_in,
    measure,
    members_of,
    plain,
    text_of,
)
from tokenbill.payloads.shapes import (
    COUNTED,
    LIFETIMES,
    MODALITIES,
    TIERS,
    WHOLES,
    ByName,
    Field,
    Kind,
    Labelled,
    Listed,
    Shape,
)
from tokenbill.shared.foreign_data import telling

__all__ = [
    "Counts",
    "Quantity",
    "add_calls",
    "add_label",
    "add_tier",
    "counted",
    "label_of",
    "meters_of",
    "one_of",
]

Quantity: TypeAlias = "int | Decimal"

PLAIN: Final = frozenset({"input", "output", "total", "read", "write", "write.5m", "write.1h", "reasoning"})
"""The roles of most answers, whose meters need no sums over modalities."""


@define
class Counts:
    """Numbers by role, the key under which each was found, calls by meter, and labels.

    What is not there counts 0.
    """

    shape: Shape
    found: dict[str, int] = field(factory=dict[str, int])
    keys: dict[str, str] = field(factory=dict[str, str])
    calls: dict[str, Quantity] = field(factory=dict[str, Quantity])
    labels: dict[tuple[str | None, str], set[str]] = field(factory=dict[tuple[str | None, str], set[str]])
    others: list[tuple[dict[str, str], Any, Shape]] = field(factory=list[tuple[dict[str, str], Any, Shape]])
    replaced: bool = False

    def add(self, role: str, quantity: int, path: str) -> None:
        """One more number; a role that is there twice must be the same."""
        if self.found.setdefault(role, quantity) != quantity:
            raise UnreadableInput(
                f"{self.keys[role]} is {self.found[role]}, but {path} is",
                quantity,
                f"they are the same count; {AS_WRITTEN}",
            )
        self.keys.setdefault(role, path)

    def call(self, meter: str, quantity: Quantity) -> None:
        """More calls of a meter, or more of what else stands beside the tokens."""
        before = self.calls.get(meter)
        if before is None or (type(before) is int and type(quantity) is int):
            self.calls[meter] = quantity if before is None else before + quantity
        elif before != quantity:
            raise UnreadableInput(f"{meter} is {before}, and", quantity, f"it is one length; {AS_WRITTEN}")

    def __contains__(self, role: object) -> bool:
        return role in self.found

    def __getitem__(self, role: str) -> int:
        return self.found.get(role, 0)

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


def counted(usage: dict[str, Any], shape: Shape, *, named: bool = True) -> Counts:
    """The numbers of a usage object by role, its calls, and the labels that it names.

    Raises:
        UnreadableInput: If a count is no count, is missing, or is not known.
    """
    counts = Counts(shape)
    _read(usage, shape.named_fields if named else shape.fields, counts)
    found = counts.found
    for summary, details in shape.summaries.items():
        if usage.get(summary) and usage.get(details) is None:
            counts.call("server_tool_calls", count(usage[summary], summary))
    for role in shape.required:
        if role not in found and role not in counts.calls:
            raise _missing(counts)
    if not (found or counts.calls or counts.others):
        raise _missing(counts)
    return counts


def _missing(counts: Counts) -> UnreadableInput:
    shape = counts.shape
    absent = {role for role in shape.required if role not in counts and role not in counts.calls}
    keys = [path for path, role in shape.counts.items() if role in absent]
    return UnreadableInput(
        f"missing in a payload of {shape.name}",
        ", ".join(keys) or "every count",
        "give its usage object, or the response around it; of a stream, all of it: payloads.merged(…)",
    )


def _read(members: dict[str, Any], fields: dict[str, Field], counts: Counts) -> None:
    """One pass over an object: each member by what the shape says of it."""
    found, keys, repeated = counts.found, counts.keys, counts.shape.repeated
    for key, value in members.items():
        known = fields.get(key)
        if known is None:
            if value and (type(value) is not str or value.isdecimal()):
                _check_unknown(key, value, counts.shape)
            continue
        kind, rule, path = known
        if kind == Kind.COUNT:
            if type(value) is not int or not 0 <= value < LIMIT:
                if value is None and rule not in WHOLES:
                    continue  # a part that is null is not there
                if value is None:
                    way_out = "leave the request out, or look up its counts"
                    raise UnreadableInput(f"{path} is not known", value, way_out)
                value = count(value, path)
            if value or rule in repeated:
                if rule in found:
                    counts.add(rule, value, path)
                else:
                    found[rule], keys[rule] = value, path
        elif kind == Kind.GROUP:
            if value is None:
                continue
            if not is_object(value):
                raise UnreadableInput(f"{path} is not an object", telling(value), AS_WRITTEN)
            _read(members_of(value, path), rule, counts)
        elif kind != Kind.FREE:
            _apply(known, value, counts)


def _apply(known: Field, value: Any, counts: Counts) -> None:
    """What is neither a part of the sums nor an object of parts: calls, lists, labels."""
    kind, rule, path = known
    if value is None:
        return
    if kind == Kind.METER:
        counts.call(rule, measure(value, path))
    elif kind == Kind.LIST:
        _add_list(counts, value, rule, path)
    elif kind == Kind.NAMES:
        add_calls(counts, value, rule, path)
    elif kind == Kind.TIER:
        add_tier(counts, value, path)
    elif kind == Kind.LABEL:
        add_label(counts, value, rule, path)
    else:
        counts.call(str.__str__(Meter(rule.meter, {rule.label: label_of(value, path)})), 1)


def _check_unknown(key: str, value: object, shape: Shape) -> None:
    """What is not in the table may be left out only if it counts nothing."""
    if counts_something({key: value}):
        what = f"a count that {shape.name} does not have, under the key"
        raise UnreadableInput(what, key_of(key), "name the shape that has it")


def label_of(value: object, key: str) -> str:
    """The text of a label; what none can be is refused, and not shown."""
    try:
        return checked_name(plain(value), what="label")
    except InvalidName:
        raise UnreadableInput(f"{key} is not a name", telling(value), AS_WRITTEN) from None


def _add_list(counts: Counts, value: object, listed: Listed, key: str) -> None:
    """The counts of a list, such as one by modality, each under the role of its label."""
    sums = dict[str, int]()
    for item in listed_in(value, key):
        members = members_of(item, key)
        label, amount = members.get(listed.label), members.get(listed.count)
        role = listed.roles.get("" if label is None else text_of(label).upper() or "?")
        more = {name: held for name, held in members.items() if name not in (listed.label, listed.count)}
        if role is None or counts_something(
            {name: held for name, held in more.items() if name not in listed.free}
        ):
            known = ", ".join(filter(None, listed.roles))
            raise UnreadableInput(
                f"{key} counts what is not known", telling(label), f"its {listed.label} is one of {known}"
            )
        sums[role] = sums.get(role, 0) + (0 if amount is None else count(amount, f"{key}.{listed.count}"))
    for role, amount in sums.items():
        if role.partition(".")[0] in COUNTED:
            counts.add(role, amount, key)
        else:
            counts.call(role, amount)


def add_calls(counts: Counts, value: object, rule: ByName, key: str) -> None:
    """Calls by name: a list names one for each time, a mapping says how often."""
    if is_object(value):
        pairs = [(name, held) for name, held in members_of(value, key).items() if held is not None]
        named = [(name, _times(held, f"{key}.{key_of(name)}")) for name, held in pairs]
    else:
        named = [(text_of(plain(name)), 1) for name in listed_in(value, key)]
    for name, times in named:
        meter = rule.meters.get(name.removeprefix(rule.lead).lower(), rule.other or "?")
        if meter == "?" and times:
            way_out = f"known are {', '.join(rule.meters)}; price this request by hand"
            raise UnreadableInput(f"{key} has a call that is not known", key_of(name), way_out)
        if meter is not None and times:
            counts.call(str.__str__(Meter(meter)), times)


def _times(value: object, key: str) -> int:
    """How often, which some wrap in an object: ``{"count": 2}``."""
    held = members_of(value, key).get("count", 1) if is_object(value) else value
    return count(held, key)


def add_tier(counts: Counts, tier: object, key: str) -> None:
    """The label of a way of processing, if it has a price of its own.

    Raises:
        UnreadableInput: If nobody knows what it costs.
    """
    if tier is None:
        return
    name = text_of(tier).lower()
    if name not in TIERS or (not name and not isinstance(tier, str)):
        known = ", ".join(sorted(filter(None, TIERS)))
        raise UnreadableInput(f"{key} is not known", telling(tier), f"it is one of {known}")
    if variant := TIERS[name]:
        counts.labels.setdefault((None, "variant"), set()).add(variant)


def add_label(counts: Counts, value: object, rule: Labelled, key: str) -> None:
    """A fact that changes the price of what has a role, or of all tokens."""
    text = label_of(value, key).lower() if value not in (None, "") else ""
    found = rule.values.get(text, text)
    if found:
        counts.labels.setdefault((rule.role, rule.label), set()).add(found)


def one_of(values: set[str], label: str) -> str:
    """The one value of a label; two would be two prices."""
    if len(values) > 1:
        both = " and ".join(sorted(values))
        what = "two service tiers at once" if label == "variant" else f"two values of {label} at once"
        raise UnreadableInput(what, both if is_legible(both) else len(values), "give the one that was billed")
    return min(values)


def meters_of(counts: Counts) -> dict[str, int]:
    """The meters of one usage object, which add up to its own total.

    Raises:
        UnreadableInput: If a part is larger than its whole, or the total is another.
    """
    if counts.found.keys() <= PLAIN and not counts.shape.total_decides:
        meters = _plain(counts)
        if meters is not None:
            return meters
    tokens = _input(counts)
    tokens |= _output(counts, sum(tokens.values()))
    _check_total(counts, sum(tokens.values()))
    _take_provisioned(counts, tokens)
    return {meter: quantity for meter, quantity in tokens.items() if quantity}


def _plain(counts: Counts) -> dict[str, int] | None:
    """The meters of an answer without modalities; None where something does not add up."""
    shape, get = counts.shape, counts.found.get
    whole, out, read, reasoning = get("input", 0), get("output", 0), get("read", 0), get("reasoning", 0)
    short, long = get("write.5m"), get("write.1h", 0)
    if short is None and not long and "write.1h" not in counts.found:
        short = get("write", 0)
    elif short is None or get("write", short + long) != short + long:
        return None
    if shape.cache_outside is None or shape.plain_output != "text":
        return None
    fresh = whole if shape.cache_outside else whole - read - short - long
    said = out if shape.reasoning_outside else out - reasoning
    tokens = fresh + read + short + long + said + reasoning
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


def _check_total(counts: Counts, *possible: int) -> None:
    if "total" not in counts:
        return
    if not counts.shape.total_covers:
        possible = (counts["input"] + counts["output"],)
    if counts["total"] not in possible:
        raise UnreadableInput(
            f"the counts add up to {' or '.join(map(str, possible))}, but {counts.key('total')} is",
            counts["total"],
            "name the shape of the API that wrote it; nothing is billed that does not add up",
        )


def _input(counts: Counts) -> dict[str, int]:
    written = _written(counts)
    cached = counts["read"] + sum(written.values())
    whole = counts["input"] + (cached if _cached_outside(counts, cached) else 0)
    _check_uncached(counts, counts.rest("input", whole, [cached]))
    held, read = counts.split("input", whole), counts.split("read", counts["read"])
    tool = counts.split("tool", counts["tool"])
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
    counts: Counts, held: dict[str, int], read: dict[str, int], written: dict[str, int]
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


def _cached_outside(counts: Counts, cached: int) -> bool:
    """Whether caches stand beside the input; some hosts leave that to their total."""
    shape = counts.shape
    if shape.cache_outside is not None:
        return shape.cache_outside
    return cached > 0 and counts["total"] == counts["input"] + counts["tool"] + cached + counts["output"]


def _written(counts: Counts) -> dict[str, int]:
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


def _check_uncached(counts: Counts, uncached: int) -> None:
    if "uncached" in counts and counts["uncached"] != uncached:
        raise UnreadableInput(
            f"{uncached} tokens were not read from a cache, but {counts.key('uncached')} is",
            counts["uncached"],
            AS_WRITTEN,
        )


def _output(counts: Counts, input_tokens: int) -> dict[str, int]:
    whole, reasoning = counts["output"], counts["reasoning"]
    counts.rest("output", whole, [counts["predicted.accepted"], counts["predicted.rejected"]])
    held = counts.split("output", whole, plain=counts.shape.plain_output)
    inside = 0 if _reasons_outside(counts, input_tokens + whole) else reasoning
    meters = {f"output_tokens{{modality={modality}}}": held[modality] for modality in MODALITIES}
    return {
        "output_tokens": counts.rest("output", held["text"], [inside]),
        "output_tokens{kind=reasoning}": reasoning,
        **meters,
    }


def _reasons_outside(counts: Counts, tokens: int) -> bool:
    """Whether reasoning is counted beside the output; some APIs leave that to their total."""
    shape = counts.shape
    if not shape.total_decides or "total" not in counts:
        return shape.reasoning_outside
    _check_total(counts, tokens, tokens + counts["reasoning"])
    return counts["total"] == tokens + counts["reasoning"]


def _take_provisioned(counts: Counts, tokens: dict[str, int]) -> None:
    """Tokens that ran on capacity paid ahead, out of those that did not run out of a cache."""
    for role in ("input", "output"):
        if paid := counts[f"{role}.provisioned"]:
            tokens[f"{role}_tokens{{variant=provisioned}}"] = paid
            tokens[f"{role}_tokens"] = counts.rest(role, tokens[f"{role}_tokens"], [paid])
