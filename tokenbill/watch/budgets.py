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
"""What became of a threshold, or will at the run rate, or may within the forecast's interval."""


@frozen(repr=False)
class Alert(Value):
    """A threshold of a budget that was crossed, will be at the run rate, or may be.

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
        states = {"crossed": "crossed", "will cross": "will be crossed", "may cross": "may be crossed"}
        when = f" on {self.on}" if self.on else ""
        percent = shortest(decimal(product(self.threshold, Decimal(100))))
        return f"{self.budget}: {percent} %, {digits(self.limit)} {self.currency}, {states[self.state]}{when}"


def _thresholds(value: Any) -> tuple[Decimal, ...]:
    thresholds = tuple(sorted({number(threshold) for threshold in listed_of(value) or ()}))
    if not thresholds or thresholds[0] <= 0:
        raise InvalidPlan("not thresholds of a budget", value, 'give parts of it: ("0.5", "0.8", 1)')
    return thresholds


def _budget_name(value: object) -> str:
    return checked_name(value, what="budget name")


@frozen(repr=False)
class Budget(Value):
    """What a period is meant to come to at most, in the plan's currency, taxes included.

    Args:
        amount: More than zero.
        thresholds: Parts of it at which somebody wants to know: 1 is the whole.
        name: What alerts call it.

    Raises:
        InvalidNumber, InvalidPrice: If *amount* is not a number above zero.
        InvalidName: If *name* is not a name.
        InvalidPlan: If *thresholds* are not numbers above zero.

    >>> Budget(500, thresholds=["0.8"]).thresholds
    (Decimal('0.8'),)
    """

    amount: Decimal = field(converter=number, validator=positive)
    thresholds: tuple[Decimal, ...] = field(default=THRESHOLDS, converter=_thresholds)
    name: str = field(default="budget", converter=_budget_name)

    def alerts(self, of: Status) -> tuple[Alert, ...]:
        r"""The thresholds that are crossed, will be at the run rate, or may be within its interval.

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
            raise InvalidPlan("not a status", of, "give one: status(account, plan, at=…)")
        alerts: list[Alert] = []
        # Each threshold says one thing only: that it was crossed hides that it will be, and so on.
        for threshold in self.thresholds:
            limit = decimal(product(self.amount, threshold))
            state: State = "crossed"
            reached = [day for day, spent in of.spent_by_day if spent >= limit]
            if of.spent < limit:
                state = "will cross"
                reached = [day for day, spent in of.forecast.by_day if spent >= limit]
                if not reached:
                    state = "may cross"
                    if of.forecast.high is None or of.forecast.high < limit:
                        continue
            on = reached[0] if reached else None
            alerts.append(Alert(self.name, threshold, limit, state, on, of.spent, of.currency.code))
        return tuple(alerts)
