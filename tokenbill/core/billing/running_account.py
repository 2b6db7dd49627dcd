"""Accounts that run on: events of an open period, one by one, on the sums of their period.

An interim bill of more usage adds whole numbers to sums and settles them; the account after it, and what the
bill shows besides its total, are made of these when somebody asks.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.base.values import Cache, draft_of, named
from tokenbill.core.billing.account import NEW, Account, going_on
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import LIMIT, ZERO
from tokenbill.core.periods.instants import moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import BillDelta, delta_by_sums, is_straight
from tokenbill.core.rating.bill_request import NO_USAGE, About, BillRequest
from tokenbill.core.rating.compiled_plan import Position, compiled_plan
from tokenbill.core.rating.credit_position import CreditPosition
from tokenbill.core.rating.opening import folded

__all__ = ["EVENTS", "RunningAccount", "event_on"]

EVENTS = 32
"""Events whose usage is kept one by one before it is added up, so that no event copies a thousand meters."""
HALF, MOST = LIMIT // 2, LIMIT // 1000
"""What was used before, and what an event brings: so far below a limit that no sum of them reaches it."""


class RunningAccount(NamedTuple):
    """An account of an open period, and what events have added to it; each gives a new one.

    ``total`` and ``due`` are those of the last event, in the plan's currency; ``accrued`` is what the period
    comes to, in minor units. What was used is *base*, and the usage of the events *later*.

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
    base: Usage
    later: tuple[Usage, ...] = ()
    at: date | None = None
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
            is_paid = is_straight(before, sums.plan) and plan.least_due is None
            may_run = is_paid and not account.balance.recurring
        return cls(account, sums, credit, accrued, account.used, due=due) if may_run else None

    def charged(self, usage: Usage, at: date | None) -> RunningAccount | None:
        """The account after an event; None where only a bill says what it adds.

        Raises:
            UnpricedUsage: If the schedule has no price for a meter.
            InvalidNumber: If more is used of a meter than a number holds.
        """
        opening, sums, credit, before, base, later, last, _, due = self
        plan = sums.plan
        if credit is not None:
            credit = credit.after(usage, at)
            # What credit leaves to pay is for a bill to say: it may look at single charges.
            if credit is None or credit.paid != credit.total:
                return None
            sums, accrued = credit.sums, credit.total
        else:
            nets = list(sums.nets)
            sums = named(Position, (plan, nets, plan.added(usage, nets, sums.tiered)))
            accrued = plan.units(nets, final=False)
        card, counted = plan.card, usage.counted
        # A period that comes to less gives back; and a card that hostile labels filled takes no more events.
        if accrued < before or card.is_full:
            return None
        if card.idle and not card.idle.keys().isdisjoint(counted):
            idle = {card.idle[meter] for meter in counted if meter in card.idle}
            # an entry whose usage becomes one sum only now is noted by the account of a bill
            if not idle.issubset(opening.idle_labels):
                return None
        # What is added up later must not be refused later: the event that brought it was served.
        if later and len(later) < EVENTS and not (counted and max(counted.values()) >= MOST):
            later = (*later, usage)
        else:
            base = folded(self.used.plus((usage,)), plan)[0]
            later = () if base.counted and max(base.counted.values()) >= HALF else (NO_USAGE,)
        total = plan.money(accrued - before)
        # the last time that was said is the last at which the period was billed
        last, due = last if at is None else at, total if credit is None else due
        return named(RunningAccount, (opening, sums, credit, accrued, base, later, last, total, due))

    @property
    def used(self) -> Usage:
        """What was used in the period so far."""
        return self.base.plus(self.later) if self.later else self.base

    def delta(self, request: BillRequest) -> BillDelta:
        """What the bill of the last event, asked for with *request*, adds."""
        plan, credit = self.sums.plan, self.credit
        accrued = plan.money(self.accrued)
        if credit is not None:
            return delta_by_sums(request, plan, credit, self.total, accrued)
        parts = self.total, accrued, self.due, ZERO, self.sums, self.opening.balance
        return BillDelta(*parts)

    def account(self) -> Account:
        """The account as the interim bills of all its events would leave it."""
        if self.base is self.opening.used and not self.later:
            return self.opening
        opening: Any = self.opening
        plan, period = self.sums.plan.plan, opening.period
        request = BillRequest(NO_USAGE, plan, opening, False, period=period, at=self.at)
        return going_on(request, self.delta(request), self.used)

    def closing(self) -> Account:
        """The same, of which all but sums is made when it is looked at."""
        account: Any = _Draft()
        account.cache = cache = Cache()
        cache["running"], credit = self, self.credit
        if credit is None:
            cache["position"] = self.sums
        else:
            cache["credit"] = credit
        account.__class__ = Account
        return account  # type: ignore[no-any-return]  # of its class by now


_Draft = draft_of(Account)


def event_on(
    account: Any, usage: Any, plan: Any, period: Any, *, at: Any, notes: About
) -> tuple[tuple[Any, ...], Decimal, Cache] | None:
    """The interim bill of an event on an open account, as a bill keeps it: what was asked, and its total.

    None where sums alone do not say what it adds.
    """
    if account is NEW or type(account) is not Account or type(usage) is not Usage:
        return None
    running: RunningAccount | None = account.cache.get("running")
    # Most events come with the very objects of the event before; others are compared, which takes longer.
    if running is None or running.sums.plan.plan is not plan or running.opening.period is not period:
        running = RunningAccount.of(account, plan, period)
        if running is None:
            return None
    at = None if at is None else moment(at)
    after = running.charged(usage, at)
    if after is None:
        return None
    kept = Cache()
    kept["running"] = after
    return (usage, plan, account, False, NO_USAGE, notes, period, at, None), after.total, kept
