"""Counts: the numbers of a usage object by their role, its calls, and the labels that it names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from attrs import define, field

from tokenbill.core.base.inputs import is_legible
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import LIMIT
from tokenbill.errors import InvalidName, UnreadableInput
from tokenbill.payloads.objects import (
    AS_WRITTEN,
    counts_something,
    is_object,
    key_of,
    listed_in,
    members_of,
    plain,
    text_of,
)
from tokenbill.payloads.shapes import (
    TIERS,
    ByName,
    Field,
    Kind,
    Labelled,
    Listed,
    Shape,
)
from tokenbill.shared.foreign_data import count, measure, telling
from tokenbill.shared.token_counts import TOKENS, WHOLES, TokenCounts

__all__ = [
    "Counts",
    "Quantity",
    "add_calls",
    "add_label",
    "add_tier",
    "counted",
    "label_of",
    "one_of",
]

Quantity: TypeAlias = "int | Decimal"


@define
class Counts(TokenCounts):
    """The numbers of an answer by role, its calls by meter, its labels, and what other models used."""

    calls: dict[str, Quantity] = field(factory=dict[str, Quantity])
    labels: dict[tuple[str | None, str], set[str]] = field(factory=dict[tuple[str | None, str], set[str]])
    others: list[tuple[dict[str, str], Any, Shape]] = field(factory=list[tuple[dict[str, str], Any, Shape]])
    replaced: bool = False
    shape: Shape = field(kw_only=True)

    def apart(self) -> int:
        """Tokens that have a meter of their own, which a total holds as well."""
        calls = self.calls
        return sum(int(calls[meter]) for meter in calls if "_tokens" in meter) if calls else 0

    def call(self, meter: str, quantity: Quantity) -> None:
        """More calls of a meter, or more of what else stands beside the tokens."""
        before = self.calls.get(meter)
        if before is None or (type(before) is int and type(quantity) is int):
            self.calls[meter] = quantity if before is None else before + quantity
        elif before != quantity:
            raise UnreadableInput(f"{meter} is {before}, and", quantity, f"it is one length; {AS_WRITTEN}")


def counted(usage: dict[str, Any], shape: Shape, *, named: bool = True) -> Counts:
    """The numbers of a usage object by role, its calls, and the labels that it names.

    Raises:
        UnreadableInput: If a count is no count, is missing, or is not known.
    """
    counts = Counts(shape=shape)
    _read(usage, shape.named_fields if named else shape.fields, counts)
    found = counts.found
    # a summary counts what its details name: only without them it is all there is
    for summary, details in shape.summaries.items():
        if usage.get(summary) is not None and usage.get(details) is None:
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
    found, repeated = counts.found, counts.shape.repeated
    for key, value in members.items():
        known = fields.get(key)
        if known is None:
            # a number that the shape does not know may be what costs most
            if value is not None and (type(value) is not str or value.isdecimal()):
                _check_unknown(key, value, counts.shape)
            continue
        kind, rule, path = known
        if kind == Kind.COUNT:
            plain = type(value) is int and 0 <= value < LIMIT
            quantity = value if plain else _count(value, rule, path)
            # A part that is null is not there; zeros of most roles say no more.
            if quantity or (quantity is not None and rule in repeated):
                if rule in found:
                    counts.add(rule, quantity, path)
                else:
                    found[rule], counts.keys[rule] = quantity, path
        elif kind == Kind.GROUP:
            if value is not None:
                _read(members_of(value, path), rule, counts)
        elif kind != Kind.FREE:
            _apply(known, value, counts)


def _count(value: object, role: str, path: str) -> int | None:
    # a whole that is null was not counted: taken as 0 the request would be free
    if value is None and role in WHOLES:
        raise UnreadableInput(f"{path} is not known", value, "leave the request out, or look up its counts")
    return None if value is None else count(value, path)


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
        # an item under no label counts too, under the role that the shape gives to it
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
        # tokens are parts of a whole; all else stands beside it
        if role.partition(".")[0] in TOKENS:
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
        # a tool that is not in the table may be free or dear: nobody can say which
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
    # a tier that nobody knows has a price that nobody knows
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
