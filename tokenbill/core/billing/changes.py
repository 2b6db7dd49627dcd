"""Changes: another plan from some instant of a period on, as two final bills over its two parts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import frozen

from tokenbill.core.base.values import Value
from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import NOTHING, Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, plus, product
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import CurrencyMismatch, InvalidPeriod, InvalidPlan

__all__ = ["PlanChange", "change_of_plan"]

NEW = Account()


@frozen(repr=False)
class PlanChange(Value):
    """A period cut in two by a change of plan: both bills, and what the change does to fees in advance.

    ``credit`` gives back the part of the old fees that is left, ``charge`` takes that of the new ones;
    each is rounded for itself, before discounts and taxes. ``net`` is their exact difference, rounded
    once: what one bill of both owes.
    """

    first: Bill
    second: Bill
    credit: Decimal
    charge: Decimal
    net: Decimal

    @property
    def total(self) -> Decimal:
        """What both bills come to."""
        return decimal(plus(self.first.total, self.second.total))

    def __str__(self) -> str:
        shown = self.second.plan.currency.format
        fees = f"fees left: {shown(self.credit)} + {shown(self.charge)}, rounded once {shown(self.net)}"
        return f"{self.first}\n\n{self.second}\n\n{fees}\nTotal of both: {shown(self.total)}"


def change_of_plan(
    old: BillingPlan,
    new: BillingPlan,
    *,
    period: Period,
    at: date | str,
    before: Usage | None = None,
    after: Usage | None = None,
    opening: Account = NEW,
    about: Mapping[str, str] = NOTHING,
) -> PlanChange:
    """Two final bills: *old* from the start of *period* to *at*, *new* from then to its end.

    Args:
        old: The plan that ends.
        new: The plan that begins; in the same currency.
        period: The whole period that is cut.
        at: The date or instant of the change: the first of the second part.
        before: Usage up to *at*.
        after: Usage from *at* on.
        opening: The account before; the second bill opens with what the first one leaves. What bills of the
            whole period have charged already is credit: ``Account(balance=…, credit_balance=accrued)``.
        about: What is said of both bills.

    Raises:
        InvalidPeriod: If *at* lies outside the period.
        InvalidPlan: If a plan has fees but no cycle, which would tell their parts.
        CurrencyMismatch: If the plans are in different currencies.

    Source: docs/explanation/periods.md

    >>> from tokenbill import Cycle, PriceSchedule
    >>> small, large = (BillingPlan.subscription(fee, PriceSchedule()) for fee in (10, 20))
    >>> june = Cycle.monthly().containing(date(2026, 6, 11))
    >>> change = change_of_plan(small, large, period=june, at="2026-06-11")
    >>> change.credit, change.charge, change.net
    (Decimal('-6.67'), Decimal('13.33'), Decimal('6.67'))
    """
    plans: tuple[Any, Any] = (old, new)
    for plan in plans:
        if not isinstance(plan, BillingPlan) or (plan.fees and plan.cycle is None):
            raise InvalidPlan("no plan whose fees can be cut", plan, "give a plan with a cycle")
    if not isinstance(period, Period):
        raise InvalidPeriod("no period", period, "give the whole period that is cut")
    if old.currency != new.currency:
        raise CurrencyMismatch(old.currency, new.currency)
    used, left = Period(period.start, at), Period(at, period.end)
    first = Bill.of(before or Usage(), old, period=used, opening=opening, about=about)
    second = Bill.of(after or Usage(), new, period=left, opening=first.closing, about=about)
    given, taken = _fees_left(old, left), _fees_left(new, left)
    places, rounding = new.currency.places, new.rounding
    credit = rounding(difference(ZERO, given), places)
    charge, net = rounding(taken, places), rounding(difference(taken, given), places)
    return PlanChange(first, second, credit, charge, net)


def _fees_left(plan: BillingPlan, left: Period) -> Exact:
    """The prorated fees in advance that fall on what is left of the period."""
    total: Exact = ZERO
    share: Fraction = plan.fee_share(left)
    for fee in plan.fees:
        if fee.prorated and fee.due == "advance":
            total = plus(total, product(fee.amount, share))
    return total
