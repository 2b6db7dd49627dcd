"""Periods of open accounts and of bills, where the rules of their zone changed since they were written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from attrs import evolve

from tokenbill.core.billing.versions_of_period import contract_of
from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period, home_of
from tokenbill.core.periods.zone_rules import ZoneAsWritten
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan

__all__ = ["in_period", "is_one_period"]


def is_one_period(one: Period | None, other: Period | None, plan: Any) -> bool:
    """Whether two periods are one: by their instants, or to the cycle of a plan, each by its own rules.

    Tables of zones change while months are open: the midnight that ends one is an hour off then, and is
    still the boundary that both sides agreed on.
    """
    if one is None or other is None or not (one.is_as_written or other.is_as_written):
        return one == other
    terms = plan.plan_in(one.start, one) if hasattr(plan, "plan_in") else plan
    cycle = getattr(terms, "cycle", None)  # what is no plan is refused when its bill is made
    return one == other or (cycle is not None and cycle.placed(one) == cycle.placed(other))


def in_period(opening: Any, period: Period | None, plan: Any) -> Any:
    """An account that is open in a period, as one of *period* if that is its own under other rules."""
    before = opening.period
    if period is None or before is None:
        return opening
    is_parted = any(isinstance(home_of(version.start), ZoneAsWritten) for version in opening.versions[1:])
    if not (is_parted or before.is_as_written or period.is_as_written):
        return opening
    if not is_one_period(before, period, plan):
        return opening
    starts = _starts(plan, period) if is_parted else []
    if before == period and not starts:
        return opening

    def today(start: date) -> date:
        return period.start if utc(start) == utc(before.start) else _placed(start, starts)

    moved = [evolve(version, start=today(version.start)) for version in opening.versions]
    return evolve(opening, period=period, versions=moved)


def _starts(plan: Any, period: Period) -> list[datetime]:
    """Where the versions of a period begin under the rules at hand; what is no plan has none."""
    terms = contract_of(plan) if isinstance(plan, BillingPlan) else plan
    clauses = terms.clauses(period) if isinstance(terms, Contract) else ()
    return [at for at in (clause.period.start for clause in clauses) if isinstance(at, datetime)]


def _placed(start: Any, starts: Iterable[datetime]) -> Any:
    """The start of a version that was billed, as it is today."""
    # An amendment of a day moves with the midnight of that day; one of an instant, and a level, do not.
    if not isinstance(home_of(start), ZoneAsWritten) or start in starts:
        return start
    wall = start.replace(tzinfo=None)
    return next((at for at in starts if at.replace(tzinfo=None) == wall), start)
