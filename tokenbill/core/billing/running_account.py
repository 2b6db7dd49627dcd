"""Running accounts: what events add to an open period, one after the other, without a bill for each.

A service charges thousands of small events to one account, and looks at none of the bills in between. Where
sums say what the next event adds, they are all that is kept; the account is made when somebody asks for it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.base.values import named
from tokenbill.core.billing.account import Account, going_on
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO
from tokenbill.core.periods.instants import moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import NO_BALANCE, BillDelta, is_straight
from tokenbill.core.rating.bill_request import NO_USAGE, BillRequest
from tokenbill.core.rating.compiled_plan import Position, compiled_plan
from tokenbill.core.rating.credit_position import CreditPosition

__all__ = ["RunningAccount"]

APART = 100
"""Most meters of an account that runs on, where labels that no price looks at tell some apart."""


class RunningAccount(NamedTuple):
    """An account of an open period, and what events have added to it; each gives a new one.

    ``total`` and ``due`` are those of the last event, in the plan's currency; ``accrued`` is what the period
    comes to, in minor units.

    >>> from tokenbill import Bill, Grant, PriceSchedule
    >>> plan = BillingPlan.prepaid(PriceSchedule(calls="0.50"))
    >>> opening = Account(balance=[Grant("paid", 5, "USD")])
    >>> first = Bill.of(Usage(calls=1), plan, opening=opening, final=False).closing
    >>> after = RunningAccount.of(first, plan, None).charged(Usage(calls=2), None)
    >>> after.total, after.due, after.account().balance.remaining()
    (Decimal('1.00'), Decimal('0.00'), Decimal('3.50'))
    """

    opening: Account
    sums: Position
    credit: CreditPosition | None
    accrued: int
    used: Usage
    idle: Usage = NO_USAGE
    at: datetime | None = None
    total: Decimal = ZERO
    due: Decimal = ZERO

    @classmethod
    def of(cls, account: Account, plan: object, period: Period | None) -> RunningAccount | None:
        """The account as one that runs; None where only a bill says what the next event adds."""
        credit: CreditPosition | None = account.cache.get("credit")
        sums: Position | None = account.cache.get("position") if credit is None else credit.sums
        # The windows of a quota want the time of each event.
        if sums is None or type(plan) is not BillingPlan or plan.quotas or period != account.period:
            return None
        # Sums that a bill left are of terms that hold for all of its period: those must be the terms still.
        if sums.plan is not compiled_plan(plan, period):
            return None
        before: Any = account  # pyright takes no field with a converter for what a Protocol asks
        due = ZERO
        if credit is not None:
            accrued, may_run = credit.total, not credit.stretch.balance.recurring
            due = sums.plan.money(0)  # while credit pays all of it
        else:
            accrued = sums.plan.units(sums.nets, final=False)
            may_run = is_straight(before, sums.plan) and plan.least_due is None
        return cls(account, sums, credit, accrued, account.used, due=due) if may_run else None

    def charged(self, usage: Usage, at: datetime | None) -> RunningAccount | None:
        """The account after an event; None where only a bill says what it adds.

        Raises:
            UnpricedUsage: If the schedule has no price for a meter.
            InvalidNumber: If more is used of a meter than a number holds.
        """
        plan, credit = self.sums.plan, self.credit
        if credit is not None:
            credit = credit.after(usage, at)
            # What credit leaves to pay is for a bill to say: it may look at single charges.
            if credit is None or credit.paid != credit.total:
                return None
            sums, accrued = credit.sums, credit.total
        else:
            nets = list(self.sums.nets)
            sums = Position(plan, nets, plan.added(usage, nets, self.sums.tiered))
            accrued = plan.units(nets, final=False)
        # A period that comes to less gives back; and a card that hostile labels filled takes no more events.
        if accrued < self.accrued or plan.card.is_full:
            return None
        used, idle = self.used.plus((usage,)), self.idle
        if plan.card.idle and not plan.card.idle.keys().isdisjoint(usage.counted):
            # A job of its own on each event would make usage longer and longer: a bill makes it one sum.
            if len(used) > APART:
                return None
            idle = usage
        total = plan.money(accrued - self.accrued)
        due = total if credit is None else self.due
        # the last time that was said is the last at which the period was billed
        last = self.at if at is None else at
        parts = self.opening, sums, credit, accrued, used, idle, last, total, due
        return named(RunningAccount, parts)

    def account(self) -> Account:
        """The account as the interim bills of all its events would leave it."""
        if self.used is self.opening.used:
            return self.opening
        plan, opening = self.sums.plan, self.opening
        before: Any = opening
        at = None if self.at is None else moment(self.at)
        request = BillRequest(self.idle, plan.plan, before, False, period=opening.period, at=at)
        accrued, credit = plan.money(self.accrued), self.credit
        position, balance = (self.sums, opening.balance) if credit is None else (None, NO_BALANCE)
        delta = BillDelta(ZERO, accrued, ZERO, ZERO, position, balance, credit=credit)
        return going_on(request, delta, self.used)
