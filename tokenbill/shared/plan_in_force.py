"""The plan in force: the one whose terms hold all through a period, for what cannot bill several."""

from __future__ import annotations

from typing import Any

from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.rhythms import plan_alone
from tokenbill.errors import InvalidPlan

__all__ = ["plan_in_force"]


BY_BILL = "bill it with Bill.of, or ask for the plan of one version: contract.versions(period)"


def plan_in_force(terms: Any, period: Period | None = None, way_out: str = BY_BILL) -> BillingPlan:
    """The plan that holds all through a period, under a plan or a contract, its terms dated no more.

    Of terms that change in the period errors say the *way_out*.

    Raises:
        InvalidPlan: If *terms* is neither, if they read levels, or change in the period or with no period.
        InvalidPeriod: If the contract has ended before.

    >>> from tokenbill.core.pricing.schedule import PriceSchedule
    >>> one, two = (BillingPlan.on_demand(PriceSchedule(calls=rate)) for rate in (1, 2))
    >>> contract = Contract(one).amended("2026-03-01", two)
    >>> plan_in_force(contract, Period("2026-03-01", "2026-04-01")) == two
    True
    """
    if not isinstance(terms, BillingPlan | Contract):
        raise InvalidPlan("not a plan", terms, "give one: BillingPlan.on_demand(prices)")
    contract = terms if isinstance(terms, Contract) else Contract(terms)
    plan = contract.plan
    for each in (plan, *(change.plan for change in contract.amendments)):
        if each.levels:
            at_levels = f'give the plan at them: plan.at_levels({{"{min(each.levels)}": 3}})'
            raise InvalidPlan("a plan that reads levels", each.name, at_levels)
    if not (contract.amendments or contract.end or plan.is_dated):
        return plan
    if period is None:
        by_period = "name a period in which one version holds, or give the plan of one version"
        raise InvalidPlan("terms that change, and no period", plan.name, by_period)
    found = plan_alone(contract, period)
    if found is None:
        # Fees in arrears and commitments are of terms that may be over by then: the plan of now says less.
        begun, *later = contract.versions(period)
        is_changing = later or begun.period != period
        what = (
            "terms that change in the period" if is_changing else "terms of before that count in the period"
        )
        raise InvalidPlan(what, str(period), way_out)
    return found
