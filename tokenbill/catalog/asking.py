"""Asking: what catalogues are asked for, checked: an instant, and a name that may be misspelled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import Number, from_float, number
from tokenbill.core.periods.instants import moment
from tokenbill.errors import InvalidNumber, UnreadableInput

__all__ = ["by_model", "exact", "instant", "keys_of", "members_of", "near"]

SEPARATORS = str.maketrans("_. ", "---")
CLOSEST = 3
"""Most names that an error proposes."""


def instant(at: object) -> datetime | None:
    """The instant whose prices hold; a date means its midnight in UTC, when lists of prices change.

    Raises:
        InvalidPeriod: If it is neither.

    >>> instant("2026-11-01").isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    when = None if at is None else moment(at)
    if when is None or isinstance(when, datetime):
        return when
    return datetime.combine(when, time(), UTC)


def near(name: str, known: Iterable[str], otherwise: str) -> str:
    """The way out of a name that is not known.

    >>> near("gpt-4oo", ["gpt-4o", "claude"], "an id")
    "did you mean 'gpt-4o'? else give an id"
    """

    # names differ in case and in what separates their parts more often than in their letters
    def plain(text: str) -> str:
        return text.lower().translate(SEPARATORS)

    spelled = dict(zip(map(plain, names := [*known]), names, strict=True))
    found = [spelled[each] for each in get_close_matches(plain(name), spelled, n=CLOSEST, cutoff=0.75)]
    if not found:
        return f"give {otherwise}"
    return f"did you mean {' or '.join(map(quoted, found))}? else give {otherwise}"


def members_of(given: object, what: str, way_out: str, key: str = "key") -> dict[str, Any]:
    """The items of a mapping.

    Raises:
        UnreadableInput: If it is *what*, and none.
        InvalidName: If a *key* of it is no text.

    >>> members_of({"a": 1}, "not prices", "give a mapping")
    {'a': 1}
    """
    # A foreign mapping may raise anything when it is read, and that is no error of whoever bills.
    try:
        members = dict(given) if is_mapping(given) else None
    except Exception:
        members = None
    if members is None:
        raise UnreadableInput(what, type(given).__name__, way_out)
    return {checked_name(each, what=key): value for each, value in members.items()}


def keys_of(given: Iterable[str], way_out: str) -> frozenset[str]:
    """Names of keys, as ``ignore=`` takes them.

    Raises:
        UnreadableInput: For one text, whose letters would be taken for keys, and for what is no list.

    >>> sorted(keys_of(["b", "a"], "give a list"))
    ['a', 'b']
    """
    names = listed_of(given)
    if names is None:
        raise UnreadableInput("not a list of keys", given, way_out)
    return frozenset(checked_name(each, what="key") for each in names)


def exact(value: object, what: str, source: str, *, floats: bool) -> Number:
    """A number of a list of prices; a float only where its shortest text may be believed.

    Raises:
        InvalidNumber: For a float that was not allowed, and for what is no number.

    >>> exact("0.10", "a float", "list", floats=False)
    Decimal('0.10')
    """
    if not isinstance(value, float):
        return number(value)
    if floats:
        return from_float(value)
    # 3e-07 read as a float is another number, and a million tokens later another amount
    way_out = f"read the {source} by json.loads(text, parse_float=Decimal), or say floats=True"
    raise InvalidNumber(f"{what}, which is not exact", value, way_out)


def by_model(usage: Usage) -> dict[tuple[str, str], Usage]:
    """The usage of each model and provider, as its labels tell them; empty texts where they do not.

    >>> by_model(Usage({"calls{model=m}": 2}))
    {('m', ''): Usage({'calls{model=m}': 2})}
    """
    parts = dict[tuple[str, str], dict[Meter, Decimal]]()
    for meter, quantity in usage.items():
        labels = meter.labels
        parts.setdefault((labels.get("model", ""), labels.get("provider", "")), {})[meter] = quantity
    return {told: Usage(quantities) for told, quantities in parts.items()}
