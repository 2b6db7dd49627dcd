"""Scopes of a plan: that each names something there is, and which name is nearest where it does not.

A tax on ``"fees"`` would tax nothing, and nobody would hear of it before the accounts are audited. So what a
term is on has to be a kind of charge, a fee of the plan, or a meter that is or includes an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import FEE, KINDS, Scope
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.schedule import Entry, PriceSchedule
from tokenbill.errors import InvalidPlan, UnpricedUsage

__all__ = ["check_quantity", "check_scope", "entries_of", "names_nothing", "nearest"]

LIKE = 0.8
"""How much alike two names are of which one is taken for the other misspelt: "storag" and "storage" 0.92."""


def check_scope(what: str, on: Scope, plans: Sequence[Any]) -> None:
    """Refuse a scope of which a part is neither a kind nor on any of the *plans*.

    Raises:
        InvalidPlan: With the nearest name that there is.
    """
    # a tax on "fees" instead of "fee" would tax nothing, silently, for years
    for part in () if on is None else on:
        if part not in KINDS and not any(_has(plan, part) for plan in plans):
            known = {name for plan in plans for name in _names(plan)}
            raise InvalidPlan(f"{what} on nothing that is charged", str(part), nearest(part, known))


def check_quantity(name: str, plan: Any) -> None:
    """Refuse the name of a level that is nearly that of a meter, unless a fee says that it is a level.

    Raises:
        InvalidPlan: With the nearest meter.
    """
    # any name may be one of a level, but a misspelt meter would wait for a level that nobody ever tells
    from difflib import get_close_matches  # few plans read another quantity

    if any(fee.level == name for fee in plan.fees):
        return
    meters = dict.fromkeys(
        each for entry in entries_of(plan.prices) or () for each in (entry.key, entry.key.name)
    )
    if near := get_close_matches(name[:100], map(str, meters), n=1, cutoff=LIKE):
        way_out = f"did you mean {quoted(near[0])}? a level needs a name less like that of a meter"
        raise InvalidPlan("a curve of no meter", name, way_out)


def names_nothing(on: Scope, plan: Any) -> Iterator[str]:
    """The parts of a scope on which a plan charges nothing; a user's own schedule is asked for meters."""
    for part in () if on is None else on:
        if part in KINDS or (not isinstance(part, Meter) and _has(plan, part)):
            continue
        if not isinstance(part, Meter):
            yield part
        elif isinstance(plan.prices, PriceSchedule):
            if not _has(plan, part):
                yield part
        elif not _matches(plan.prices, part):
            yield part


def _matches(prices: Any, part: Meter) -> bool:
    """Whether a user's own schedule has a price for a meter, or lists an entry that the meter includes."""
    listed_pairs = pairs_of(prices) if hasattr(prices, "__iter__") else None
    if any(_holds(part, Entry(Meter(key), price)) for key, price in listed_pairs or ()):
        return True
    try:
        prices.match(part)
    except UnpricedUsage:
        return False
    return True


def nearest(name: str, known: Iterable[str]) -> str:
    """The way out of a name that is not there: the nearest of those that are, or a few of them.

    >>> nearest("fees", ["fee", "usage"])
    "did you mean 'fee'?"
    """
    from difflib import get_close_matches  # only a typo needs it

    names = [str(each) for each in known]
    near = get_close_matches(name[:100], names, n=1)
    return f"did you mean {quoted(near[0])}?" if near else f"name one of {listed(names)}"


def entries_of(prices: Any) -> tuple[Entry, ...] | None:
    """The entries of a schedule, of a price book those of all its schedules; None of a user's own.

    What a schedule of a user's own prices nobody can list, so nothing on it is refused.
    """
    # what holds in any schedule of a book is there: a model may be priced later than a discount on it
    given: list[Any] = [edition.schedule for edition in prices] if isinstance(prices, PriceBook) else [prices]
    schedules = [schedule for schedule in given if isinstance(schedule, PriceSchedule)]
    if len(schedules) < len(given):
        return None
    return tuple(entry for schedule in schedules for entry in schedule.entries)


def _has(plan: Any, part: str) -> bool:
    if not isinstance(part, Meter):
        return any(FEE + fee.name == part for fee in plan.fees)
    prices = plan.prices
    if isinstance(prices, PriceSchedule) and part in prices:
        return True
    entries = entries_of(prices)
    return entries is None or any(_holds(part, entry) for entry in entries)


def _holds(part: Meter, entry: Entry) -> bool:
    """Whether a meter is or includes an entry, or some of the groups that its price tells apart."""
    key, price = entry
    # of an entry with groups a scope may hold some groups only
    groups = price.labels if isinstance(price, Each) else ()
    return part.name == key.name and all(
        key.labels[label] == value if label in key.labels else label in groups
        for label, value in part.labels.items()
    )


def _names(plan: Any) -> Iterator[str]:
    yield from KINDS
    yield from (FEE + fee.name for fee in plan.fees)
    yield from (str(entry.key) for entry in entries_of(plan.prices) or ())
