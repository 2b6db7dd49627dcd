"""What is seldom meant in the terms of a contract, in one of its periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import FEE, Scope, covers
from tokenbill.core.money.decimals import decimal, exact_sum
from tokenbill.core.periods.instants import is_before, iso_text
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.plan_scopes import names_nothing
from tokenbill.core.plans.reading import curves_of
from tokenbill.core.plans.trial import Trial, trial_part
from tokenbill.errors import InvalidGrant, InvalidPlan

__all__ = ["TermFinding", "contract_findings"]

DAY = timedelta(days=1)
ALWAYS = Period("1970-01-01", "9998-12-31")


class TermFinding(NamedTuple):
    """What the lint of a contract has to say of one term: a stable *code*, the *term*, and a *message*.

    | code | what it says |
    | --- | --- |
    | ``scope`` | a term, or a grant, is on what nothing is charged for, or reads it |
    | ``minimum`` | the fees alone reach the minimum |
    | ``limits`` | a maximum of some charges is below the minimum of others |
    | ``trial`` | the trial was over before the period, or its days begin at no date |
    | ``grant`` | a grant ends within the last day of the period, and pays nothing of it |
    """

    code: str
    term: str
    message: str


def contract_findings(
    versions: Sequence[BillingPlan],
    written: Iterable[BillingPlan],
    period: Period,
    credit: Any,
    place: Callable[[date], date],
) -> tuple[TermFinding, ...]:
    """What is seldom meant in the *versions* of a period, in the plans as *written*, and in grants.

    *place* reads a date or an instant as one of the period's kind.
    """
    # what holds in several versions is told once
    found = dict.fromkeys(finding for plan in versions for finding in (*_scopes(plan), *_limits(plan)))
    found |= dict.fromkeys(finding for plan in written for finding in _trial(plan, period, place))
    found |= dict.fromkeys(_grants(versions, period, credit, place))
    return tuple(found)


def _scopes(plan: BillingPlan) -> Iterator[TermFinding]:
    """Scopes on nothing: what one version of a price book lacks, or a schedule that lists no entries."""
    terms: list[tuple[str, Scope]] = [(f"discount {each.name}", each.on) for each in plan.discounts]
    terms += [(f"tax {each.name}", each.on) for each in plan.taxes]
    terms += [("maximum", each.on) for each in plan.maxima] + [("minimum", each.on) for each in plan.minima]
    terms += [("commitment", each.on) for each in plan.commitment]
    terms += [(f"quota {each.title}", each.on) for each in plan.quotas]
    terms += [("allowance", each.entries) for each in plan.allowances]
    # a level is no meter, and no charge either
    read = dict.fromkeys(of for _, of in curves_of(plan) if of.of not in plan.levels)
    terms += [("curve", of.amount_of or (Meter(of.of),)) for of in read]
    for name, on in terms:
        for part in names_nothing(on, plan):
            yield TermFinding("scope", name, f"{name} is on {part}, which nothing is charged for")


def _limits(plan: BillingPlan) -> Iterator[TermFinding]:
    """A minimum that fees reach alone, and a maximum of some charges below the minimum of others."""
    # a curve of something else is an amount only when a bill is made
    fees = [(FEE + fee.name, fee.amount) for fee in plan.period_fees if not plan.in_tokens(fee)]
    for minimum in plan.minima:
        least = minimum.amount
        if not isinstance(least, Decimal):
            continue
        due = [amount for name, amount in fees if isinstance(amount, Decimal) and covers(minimum.on, name)]
        owed, told = decimal(exact_sum(due)), f"the minimum of {shortest(least)}"
        if 0 < least < owed:
            message = f"{told} is below the fees of {shortest(owed)}, which reach it alone"
            yield TermFinding("minimum", "minimum", message)
        for maximum in plan.maxima:
            most, is_other = maximum.amount, maximum.on != minimum.on and _overlap(maximum.on, minimum.on)
            if isinstance(most, Decimal) and most < least and is_other:
                message = f"the maximum of {shortest(most)} on {maximum.name or 'all charges'} is below"
                message = f"{message} {told} on {minimum.name or 'all charges'}"
                yield TermFinding("limits", "maximum", message)


def _overlap(one: Scope, other: Scope) -> bool:
    """Whether two scopes may hold one charge."""
    if one is None or other is None:
        return True
    return any(_holds(one, part) for part in other) or any(_holds(other, part) for part in one)


def _holds(on: Scope, part: str) -> bool:
    return covers(on, "usage", part) if isinstance(part, Meter) else covers(on, part)


def _trial(plan: BillingPlan, period: Period, place: Callable[[date], date]) -> Iterator[TermFinding]:
    """A trial that was over when the period began."""
    length = plan.trial.length if isinstance(plan.trial, Trial) else plan.trial
    try:
        trial = length if isinstance(length, Period) else trial_part(length or 0, plan.cycle, ALWAYS)
    except InvalidPlan as error:
        yield TermFinding("trial", "trial", str(error))
        return
    if trial is not None and not is_before(period.start, place(trial.end)):
        told = f"the trial was over on {iso_text(trial.end)}, before the period"
        yield TermFinding("trial", "trial", told)


def _grants(
    versions: Sequence[BillingPlan], period: Period, credit: Any, place: Callable[[date], date]
) -> Iterator[TermFinding]:
    """Grants that end just before the period does, and those on nothing that is charged."""
    balance = getattr(credit, "balance", credit)
    grants = listed_of(getattr(balance, "grants", balance))
    if grants is None:
        raise InvalidGrant("not grants", credit, "give an Account, a Balance or a list of grants")
    for grant in grants:
        name = f"grant {grant.id}"
        if grant.expires is not None:
            # beside dates an instant falls on its day
            is_inside = isinstance(grant.expires, datetime) and not isinstance(period.start, datetime)
            end = grant.expires.date() if is_inside else place(grant.expires)
            if is_before(end, period.end) and not is_before(end, period.end - DAY):
                told = (
                    f"{name} ends at {iso_text(grant.expires)}, just before the period: it pays nothing of it"
                )
                yield TermFinding("grant", name, told)
        first, *others = (list(names_nothing(grant.on, plan)) for plan in versions)
        for part in (part for part in first if all(part in each for each in others)):
            yield TermFinding("scope", name, f"{name} is on {part}, which nothing is charged for")
