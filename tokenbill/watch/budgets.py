"""Budgets: what a period is meant to come to at most, and the alerts that follow, as values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.tables import digits, shortest
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import decimal, number, product
from tokenbill.core.money.validators import positive
from tokenbill.errors import InvalidPlan
from tokenbill.watch.account_status import Status

__all__ = ["Alert", "Budget", "State"]

THRESHOLDS: Any = ("0.5", "0.8", "1")

State = Literal["crossed", "will cross", "may cross"]
"""What became of a threshold, or will at the present pace, or may within the forecast's interval."""


@frozen(repr=False)
class Alert(Value):
    """A threshold of a budget that was crossed, will be at the present pace, or may be.

    ``limit`` and ``spent`` are in ``currency``; ``on`` is the day, where it is known.
    """

    budget: str
    threshold: Decimal
    limit: Decimal
    state: State
    on: date | None
    spent: Decimal
    currency: str

    def __str__(self) -> str:
        told = {"crossed": "crossed", "will cross": "will be crossed", "may cross": "may be crossed"}
        when = f" on {self.on}" if self.on else ""
        percent = shortest(decimal(product(self.threshold, Decimal(100))))
        return f"{self.budget}: {percent} %, {digits(self.limit)} {self.currency}, {told[self.state]}{when}"


def _thresholds(value: Any) -> tuple[Decimal, ...]:
    found = tuple(sorted({number(threshold) for threshold in listed_of(value) or ()}))
    if not found or found[0] <= 0:
        raise InvalidPlan("no thresholds of a budget", value, 'give parts of it: ("0.5", "0.8", 1)')
    return found


def _named(value: object) -> str:
    return checked_name(value, what="budget name")


@frozen(repr=False)
class Budget(Value):
    """What a period is meant to come to at most, in the plan's currency, taxes included.

    Args:
        amount: More than zero.
        thresholds: Parts of it at which somebody wants to know: 1 is the whole.
        name: What alerts call it.

    Raises:
        InvalidNumber, InvalidPrice, InvalidName: For parts that are none.
        InvalidPlan: For thresholds that are none.

    >>> Budget(500, thresholds=["0.8"]).thresholds
    (Decimal('0.8'),)
    """

    amount: Decimal = field(converter=number, validator=positive)
    thresholds: tuple[Decimal, ...] = field(default=THRESHOLDS, converter=_thresholds)
    name: str = field(default="budget", converter=_named)

    def alerts(self, of: Status) -> tuple[Alert, ...]:
        r"""The thresholds that are crossed, will be at the present pace, or may be within its interval.

        >>> from tokenbill import Bill, BillingPlan, Period, PriceSchedule, Usage
        >>> from tokenbill.watch import status
        >>> plan = BillingPlan.on_demand(PriceSchedule(calls="0.01"))
        >>> march = Period("2026-03-01", "2026-04-01")
        >>> bill = Bill.of(Usage(calls=800), plan, period=march, final=False)
        >>> print(*Budget(20).alerts(status(bill.closing, plan, at="2026-03-11")), sep="\n")
        budget: 50 %, 10.0 USD, will be crossed on 2026-03-13
        budget: 80 %, 16.0 USD, will be crossed on 2026-03-20
        budget: 100 %, 20 USD, will be crossed on 2026-03-25
        """
        if not isinstance(of, Status):
            raise InvalidPlan("no status", of, "give one: status(account, plan, at=…)")
        found = (self._alert(of, threshold) for threshold in self.thresholds)
        return tuple(alert for alert in found if alert is not None)

    def _alert(self, status: Status, threshold: Decimal) -> Alert | None:
        limit = decimal(product(self.amount, threshold))
        state, on = _crossing(status, limit)
        if state is None:
            return None
        return Alert(self.name, threshold, limit, state, on, status.spent, status.currency.code)


def _crossing(status: Status, limit: Decimal) -> tuple[State | None, date | None]:
    if status.spent >= limit:
        return "crossed", next((day for day, spent in status.spent_by_day if spent >= limit), None)
    for day, spent in status.forecast.by_day:
        if spent >= limit:
            return "will cross", day
    high = status.forecast.high
    return ("may cross", None) if high is not None and high >= limit else (None, None)
