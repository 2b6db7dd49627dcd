"""Periods of open accounts and of bills, where the rules of their zone changed since they were written."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period

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
    if period is None or before is None or not (before.is_as_written or period.is_as_written):
        return opening
    if before == period or not is_one_period(before, period, plan):
        return opening
    moved = [
        evolve(version, start=period.start) if utc(version.start) == utc(before.start) else version
        for version in opening.versions
    ]
    return evolve(opening, period=period, versions=moved)
