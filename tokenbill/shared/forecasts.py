"""Forecasts: what days to come will use at the run rate of days gone by, and how far off that may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any, TypeAlias, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.values import Value
from tokenbill.core.billing.account import NEW, Account
from tokenbill.core.billing.dated import bill_request
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import decimal
from tokenbill.core.periods.instants import is_before, iso_text, midnight, moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import BillDelta, delta_of
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import InvalidPeriod, InvalidUsage

__all__ = [
    "LONGEST",
    "WEEK",
    "Quantities",
    "RunRate",
    "daily_usage",
    "days_between",
    "invoice_preview",
    "local_day",
    "moment_in",
    "usage_of",
]

Quantities: TypeAlias = "dict[Meter, Fraction]"
"""Exact quantities by meter, which a forecast may hold though no usage does."""

WEEK = 7
LONGEST = 3660
"""Most days that a forecast is made from: ten years."""
DAY = timedelta(days=1)
NIL = Fraction(0)


def _usages(days: object) -> tuple[Usage, ...]:
    usages = listed_of(days)
    if usages is None or not all(isinstance(usage, Usage) for usage in usages):
        raise InvalidUsage("not usage by day", days, "give a list of Usage, one for each day")
    return usages


def _mean_usage(mean: object) -> Any:
    if not is_mapping(mean) or not all(isinstance(units, Fraction) for units in mean.values()):
        raise InvalidUsage("not the mean of a day", mean, "give a mapping from meters to Fractions")
    return dict(mean)


def _check_ahead(ahead: object, least: int) -> None:
    if not isinstance(ahead, int) or isinstance(ahead, bool) or ahead < least:
        raise InvalidUsage("not a number of days ahead", ahead, f"give an int of {least} or more")


@frozen(repr=False)
class RunRate(Value):
    """The run rate: what a day uses, each day to come as the same weekday of the last seven days.

    Of fewer than seven days it is their mean, and without any that of the period so far, *mean*.

    Args:
        days: What was used on each day, in order; the last one is yesterday.
        mean: Quantities of one day, where there are no days.

    Raises:
        InvalidUsage: If *days* is not a list of Usage, *mean* not a mapping to Fractions, or the number of
            days ahead not an int.

    Source: docs/explanation/forecast.md

    >>> weekdays = [Usage(calls=calls) for calls in (9, 9, 9, 9, 9, 1, 2)]
    >>> RunRate(weekdays).on(0), RunRate(weekdays).on(5)
    ({Meter('calls'): Fraction(9, 1)}, {Meter('calls'): Fraction(1, 1)})
    """

    days: tuple[Usage, ...] = field(default=(), converter=_usages)
    mean: Quantities = field(factory=dict[Meter, Fraction], converter=_mean_usage)

    @property
    def method(self) -> str:
        """How the days to come follow from those gone by, in words."""
        if len(self.days) >= WEEK:
            return "each day as the same weekday of the last seven days"
        if self.days:
            return f"each day as the mean of the {len(self.days)} seen"
        return "each day as the mean of the period so far"

    @property
    def interval(self) -> str:
        """How far off it may be, in words; nothing where too few days are known."""
        if len(self.days) <= WEEK:
            return ""
        return f"as far off as the same forecast was at worst on the {len(self.days)} days before"

    def on(self, ahead: int) -> Quantities:
        """What the day so many days ahead will use; 0 is today."""
        _check_ahead(ahead, 0)
        # Seasonal naive: traffic repeats by the week, and other methods have to beat this one.
        if len(self.days) >= WEEK:
            return {meter: Fraction(units) for meter, units in self.days[ahead % WEEK - WEEK].items()}
        if not self.days:
            return self.mean
        together: Usage = sum(self.days, NO_USAGE)
        return {meter: Fraction(units) / len(self.days) for meter, units in together.items()}

    def error(self, ahead: int) -> Quantities:
        """How far off, for each day, the forecast of so many days was at worst on the days known."""
        _check_ahead(ahead, 1)
        worst: Quantities = {}
        for meter in {meter for usage in self.days for meter in usage}:
            sums = list(accumulate((Fraction(usage[meter]) for usage in self.days), initial=NIL))
            worst[meter] = NIL
            # The forecast is made again on each day that has a week before it, for the days gone by since.
            for known in range(WEEK, len(self.days)):
                days = min(ahead, len(self.days) - known)
                weeks, rest = divmod(days, WEEK)
                week = sums[known - WEEK]
                expected = weeks * (sums[known] - week) + sums[known - WEEK + rest] - week
                error = abs(sums[known + days] - sums[known] - expected) / days
                worst[meter] = max(worst[meter], error)
        return worst


def usage_of(quantities: Mapping[Meter, Fraction]) -> Usage:
    """Exact quantities as usage, to 18 places; what is below zero counts as nothing."""
    return Usage({meter: decimal(units) for meter, units in quantities.items() if units > 0})


def daily_usage(days: object, since: date, today: date) -> tuple[Usage, ...]:
    """What was used on each day before *today*, from *since* on or the first day known before it.

    A day left out used nothing.

    Raises:
        InvalidUsage: If *days* is not a mapping from dates to usage, or reaches back more than ten years.
    """
    if not is_mapping(days):
        raise InvalidUsage("not usage by day", days, "give a mapping from dates to Usage")
    known: dict[date, Usage] = {}
    for day, usage in days.items():
        at = moment(day)
        # an instant is of two days, east and west: whose day it is only the user knows
        if isinstance(at, datetime):
            raise InvalidPeriod("an instant for a day", at, "give dates, those of the local calendar")
        known[at] = usage if isinstance(usage, Usage) else Usage(usage)
    count = (today - min([since, *known])).days
    if count > LONGEST:
        raise InvalidUsage("too many days", count, f"give the last {LONGEST} at most")
    return tuple(known.get(today - DAY * back, NO_USAGE) for back in range(count, 0, -1))


def moment_in(now: date, whole: Period) -> date:
    """A moment of a period as one of its kind: a period of instants has the days of its own zone.

    Raises:
        InvalidPeriod: For an instant in a period of dates, and a moment outside it.

    >>> print(moment_in(date(2026, 3, 11), Period("2026-03-01", "2026-04-01")))
    2026-03-11
    """
    if isinstance(whole.start, datetime):
        home = cast(Any, whole.start.tzinfo)
        now = now.astimezone(home) if isinstance(now, datetime) else midnight(now, home)
    elif isinstance(now, datetime):
        raise InvalidPeriod("an instant in a period of dates", iso_text(now), "give a date")
    if now not in whole:
        raise InvalidPeriod("a time outside the period", iso_text(now), f"ask within {whole}")
    return now


def local_day(at: date) -> date:
    """The date of an instant in its zone; a date is its own."""
    return at.date() if isinstance(at, datetime) else at


def days_between(start: date, end: date) -> Iterator[tuple[date, Fraction]]:
    """The days from *start* up to *end*, each as where it begins and what part of the day is left of it."""
    while is_before(start, end):
        day: date = local_day(start) + DAY
        if isinstance(start, datetime):
            day = midnight(day, cast(Any, start.tzinfo))
        stop, part = day if is_before(day, end) else end, Fraction(1)
        if isinstance(start, datetime):
            # The day of a clock change has 23 or 25 hours, and its parts are parts of those.
            whole = Period(midnight(start.date(), cast(Any, start.tzinfo)), day)
            part = Period(start, stop).share_of(whole, "second")
        yield start, part
        start = stop


def invoice_preview(
    usage: Usage | Mapping[date, Usage],
    plan: BillingPlan | Contract,
    *,
    opening: Account = NEW,
    period: Period | None = None,
    final: bool = True,
    at: date | None = None,
) -> BillDelta:
    """The figures of the bill that *usage* would make, where nothing is refused.

    A plan that refuses what the balance does not cover still has a price for it. Usage has dates where the
    terms change within the period.

    >>> from tokenbill import PriceSchedule
    >>> invoice_preview(
    ...     Usage(calls=3), BillingPlan.prepaid(PriceSchedule(calls=2), overage="refuse")
    ... ).accrued
    Decimal('6.00')
    """
    before: Any = opening  # pyright takes no field with a converter for what a Protocol asks
    request, compiled = bill_request(usage, plan, period, before, final=final, at=at)
    return delta_of(request, compiled, refusing=False)
