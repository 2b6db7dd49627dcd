"""Requests: what a bill was asked with, and the usage of its period."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from attrs import evolve

from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.levels import Levels
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.opening import Opening, folded

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Clause, Contract

__all__ = ["NO_USAGE", "About", "At", "BillRequest", "ByVersion", "used_in", "with_held"]

NO_USAGE = Usage()
"""What an account begins with, and what a bill takes off unless told."""


About: TypeAlias = "tuple[tuple[str, str], ...]"
"""What is said of a bill, as sorted pairs."""


class ByVersion(NamedTuple):
    """The usage of a period whose terms change, by version, and the same as the account was billed so far.

    ``restate`` says that the past is rated anew, and the difference charged.
    """

    contract: Contract
    plan: CompiledPlan
    usages: tuple[Usage, ...]
    past: CompiledPlan
    past_usages: tuple[Usage, ...]
    clauses: tuple[Clause, ...]
    past_clauses: tuple[Clause, ...]
    restate: bool


At: TypeAlias = "date | str | None"
"""When credit is drawn on."""


class BillRequest(NamedTuple):
    """What a bill was asked with; of a plan whose terms change, *plan* is that of the last version.

    *dated* is the usage by its time, where it was given so, *levels* what is known of them by now.
    """

    usage: Usage
    plan: BillingPlan
    opening: Opening
    final: bool = True
    reversal: Usage = NO_USAGE
    about: About = ()
    period: Period | None = None
    at: At = None
    versions: ByVersion | None = None
    dated: tuple[tuple[date, Usage], ...] = ()
    levels: Levels = ()


def used_in(request: BillRequest) -> Usage:
    """The usage of the whole period so far."""
    usage, opening, reversal = request.usage, request.opening, request.reversal
    if request.versions is not None:
        return sum(request.versions.usages, NO_USAGE)
    if opening.idle_labels and (usage or reversal):
        compiled = compiled_plan(request.plan, request.period)
        usage = folded(usage, compiled, opening.idle_labels)[0]
        if reversal is not NO_USAGE:
            reversal = folded(reversal, compiled, opening.idle_labels)[0]
    if opening.used.counted:
        usage = opening.used + usage
    return usage - reversal if reversal is not NO_USAGE else usage


def with_held(request: BillRequest) -> BillRequest:
    """The request together with all that open holds may use: what has to be covered before more is served.

    Two holds within one free allowance cost nothing each, and yet something together; so they are priced
    with the usage of the period, never one by one.
    """
    opening, versions = request.opening, request.versions
    holds = opening.balance.open_holds.live(request.at)
    if not holds.usage:
        return request
    left = opening.balance.with_holds(holds.of_amounts)
    opening = evolve(cast(Any, opening), balance=left)
    if versions is not None:
        *before, last = versions.usages
        versions = versions._replace(usages=(*before, last + holds.usage))
    return request._replace(usage=request.usage + holds.usage, opening=opening, versions=versions)
