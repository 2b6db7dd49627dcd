"""Trials: the time in which fees are not owed, and usage perhaps not either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import FIRST_YEAR
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.pricing.schedule import Entry, PriceSchedule, Schedule
from tokenbill.errors import InvalidPlan

__all__ = ["Trial", "check_trial", "terms_of_trial", "trial_part"]

DAYS = 3660
"""Most days of a trial."""
COVERED = ("fee", "usage")


def _length(value: Any) -> Period | int:
    if isinstance(value, Period) or (type(value) is int and 0 <= value <= DAYS):
        return value
    raise InvalidPlan("not a trial", value, f"give a Period, or days from 0 to {DAYS}")


def _kinds(value: Any) -> tuple[str, ...]:
    given: set[Any] = set((value,) if isinstance(value, str) else listed_of(value) or ())
    if not given or not given <= set(COVERED):
        raise InvalidPlan("what a trial covers is neither fees nor usage", value, 'write on=("fee", "usage")')
    return tuple(kind for kind in COVERED if kind in given)


@frozen(repr=False)
class Trial(Value):
    """The time in which a plan is tried out, and what is not owed in it.

    Usage that a trial covers costs nothing, a line says how much it was, and no allowance is used up by it:
    allowances and tiers begin when the trial is over.

    Args:
        length: A Period, or days from the anchor of the plan's cycle on, which has to be a date.
        on: What is not owed: ``fee``, ``usage``, or both.

    Raises:
        InvalidPlan: For anything else.

    Source: docs/explanation/periods.md#trials

    >>> Trial(14, on=("fee", "usage")).on
    ('fee', 'usage')
    """

    length: Period | int = field(converter=_length)
    on: tuple[str, ...] = field(default=("fee",), converter=_kinds)


def check_trial(trial: Period | int | Trial | None, cycle: Cycle | None) -> None:
    """Refuse what is no trial, and days that no cycle begins."""
    length = trial.length if isinstance(trial, Trial) else trial
    days = None if length is None else _length(length)
    if not isinstance(days, int) or not days:
        return
    if cycle is None:
        way_out = "give a Period, or a cycle"
        raise InvalidPlan("a trial of days, with no cycle to count from", days, way_out)


def trial_part(length: Period | int, cycle: Cycle | None, period: Period) -> Period | None:
    """The part of a period that lies in a trial, if there is one.

    Raises:
        InvalidPlan: For days, and a cycle that is anchored on no date.
    """
    # Days of a trial are counted from the anchor of the cycle, in its zone; an invoice of dates takes
    # them as dates, and one of instants as the instants at which they begin there.
    if not isinstance(length, Period):
        if not length or cycle is None:
            return None
        # a day of the month is that of January 1970: days counted from there were over long ago
        if cycle.anchor.year == FIRST_YEAR:
            way_out = 'give a Period, or anchor the cycle on the first day: Cycle.monthly("2026-06-01")'
            raise InvalidPlan("a trial of days, and a cycle without a first day", length, way_out)
        days = Cycle("day", cycle.anchor, tz=cycle.tz)
        first, end = days.boundary(0), days.boundary(length)
        at_midnight = not isinstance(period.start, datetime)
        length = Period(first.date(), end.date()) if at_midnight else Period(first, end)
    return period.common(length)


def terms_of_trial(trial: object, prices: Schedule, *, in_trial: bool) -> dict[str, Any]:
    """What a trial makes of the terms of a version: nothing for usage in it, and no allowance used up."""
    if not isinstance(trial, Trial):
        return {}
    # what is left of it concerns fees
    # in the trial itself nothing is included, so that allowances are whole when it is over
    fees = {"trial": trial.length if "fee" in trial.on else None}
    return {**fees, "prices": covered(prices), "included": ()} if in_trial else fees


def covered(prices: Schedule) -> Schedule:
    """A schedule that prices what another one does, and asks nothing for it."""
    if isinstance(prices, PriceSchedule):
        entries = {entry.key: _free(entry.price) for entry in prices.entries}
        return PriceSchedule(entries, currency=prices.currency, name=prices.name, source=prices.source)
    return CoveredSchedule(prices)


def _free(price: Any) -> Covered | Each:
    return Each(Covered(), price.labels) if isinstance(price, Each) else Covered()


@frozen
class CoveredSchedule:
    """A user's own schedule, whose prices a trial makes nothing of."""

    prices: Schedule

    @property
    def currency(self) -> Any:
        """What its prices are in."""
        return self.prices.currency

    def match(self, meter: Meter) -> Entry:
        """The entry of a meter, at no price."""
        found = self.prices.match(meter)
        return Entry(Meter(found.key), _free(found.price))

    def __iter__(self) -> Iterator[Entry]:
        listed: Any = self.prices
        pairs = pairs_of(listed) if hasattr(listed, "__iter__") else None
        return iter([Entry(Meter(key), _free(price)) for key, price in pairs or ()])
