"""Terms now: the version of the terms that holds at a moment, and what counts for its tiers so far."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.dated import bill_request
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import is_before
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract, placed
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.rate_card import RateCard
from tokenbill.shared.plan_in_force import plan_in_force

__all__ = ["TermsNow", "lasting_part", "terms_now"]


class TermsNow(NamedTuple):
    """The version of the terms that holds now.

    ``terms`` are what bills are made of, ``starts`` where this version begins and those to come, ``end``
    where the period does, or the contract. ``used`` is what counts for the tiers of the version's ``card``.
    """

    terms: BillingPlan | Contract
    plan: BillingPlan
    card: RateCard
    used: Usage
    starts: tuple[date, ...]
    end: date


def terms_now(
    account: Account, terms: BillingPlan | Contract, at: date, period: Period, billed: Period | None
) -> TermsNow:
    """The version that holds *at* a moment of a period, which bills know as *billed*.

    Raises:
        InvalidPlan: If bills name no period, and the terms change in it.
        InvalidPeriod: If the contract has ended before the period.
        AccountMismatch: If a version tears apart what the account has booked.
    """
    contract = terms if isinstance(terms, Contract) else Contract(terms)
    end = contract.billed_part(period).end
    if billed is None:
        plan = plan_in_force(terms, period)
        return TermsNow(plan, plan, compiled_plan(plan).card, account.used, (at,), end)
    before: Any = account  # pyright takes no field with a converter for what a Protocol asks
    request, compiled = bill_request(NO_USAGE, terms, billed, before, final=False, at=at)
    versions = request.versions
    if versions is None:
        return TermsNow(request.plan, request.plan, compiled.card, account.used, (at,), end)
    starts = [clause.period.start for clause in versions.clauses]
    now = max((i for i, start in enumerate(starts) if not is_before(at, start)), default=0)
    # what was used before a restart counts no more; before any other amendment it does
    since = max((i for i in range(now + 1) if compiled.versions[i].restart), default=0)
    used = sum(versions.usages[since : now + 1], NO_USAGE)
    return TermsNow(
        contract, compiled.versions[now].plan, compiled.cards[now], used, (at, *starts[now + 1 :]), end
    )


def lasting_part(terms: BillingPlan | Contract, period: Period) -> Period | None:
    """The part of a period up to the end of the contract; None where it has ended before.

    >>> from tokenbill.core.pricing.schedule import PriceSchedule
    >>> contract = Contract(BillingPlan.on_demand(PriceSchedule(calls=1))).ended(
    ...     "2026-03-16"
    ... )
    >>> print(lasting_part(contract, Period("2026-03-01", "2026-04-01")))
    2026-03-01/2026-03-16
    """
    if not isinstance(terms, Contract) or terms.end is None:
        return period
    has_ended = not is_before(period.start, placed(terms.end, period, terms.plan.cycle))
    return None if has_ended else terms.billed_part(period)
