"""Requests: what a bill was asked with, and the usage of its period."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from attrs import evolve

from tokenbill.core.credits.ledger import DrawsByCharge
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.levels import Levels
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.opening import Opening, folded
from tokenbill.core.rating.version_terms import VersionTerms

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Clause, Contract

__all__ = [
    "NO_USAGE",
    "About",
    "At",
    "BillRequest",
    "ByVersion",
    "Settlement",
    "request_of",
    "used_in",
    "with_held",
]

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByVersion) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        return tuple(self._replace(plan=None, past=None))  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, ...]:
        # what terms compile to is no value: a copy of a bill, in whatever process, compiles them anew
        plan, past = ((each.plan, tuple(map(_told, each.versions))) for each in (self.plan, self.past))
        return _by_version, (plan, past, self._values())


def _told(version: VersionTerms) -> VersionTerms:
    return version._replace(levels=dict(version.levels))


def _by_version(plan: Any, past: Any, rest: tuple[Any, ...]) -> ByVersion:
    compiled = [CompiledPlan(terms, versions=versions) for terms, versions in (plan, past)]
    return ByVersion(*rest)._replace(plan=compiled[0], past=compiled[1])


At: TypeAlias = "date | str | None"
"""When credit is drawn on."""


class Settlement(NamedTuple):
    """What the interim bills of a period came to: what credit paid, by grant and charge, and what was due."""

    draws: DrawsByCharge
    due: Decimal


class BillRequest(NamedTuple):
    """What a bill was asked with; of a plan whose terms change, *plan* is that of the last version.

    *dated* is the usage by its time, where it was given so, *levels* what is known of them by now. A bill of
    a whole period that others have charged says what they *settled*.
    """

    usage: Usage
    plan: BillingPlan
    opening: Opening
    final: bool
    reversal: Usage = NO_USAGE
    about: About = ()
    period: Period | None = None
    at: At = None
    versions: ByVersion | None = None
    dated: tuple[tuple[date, Usage], ...] = ()
    levels: Levels = ()
    settled: Settlement | None = None


def request_of(parts: Any) -> BillRequest:
    """What a bill was asked with, of what was written down of it when it was made.

    That are the fields up to *versions*; where sums by version said the total, they stand in that place.
    """
    if type(parts) is BillRequest:
        return parts
    sums = parts[-1]
    return BillRequest(*parts) if sums is None else cast(BillRequest, sums.request(parts))


def used_in(request: BillRequest) -> Usage:
    """The usage of the whole period so far."""
    usage, opening, reversal = request.usage, request.opening, request.reversal
    if request.versions is not None:
        return sum(request.versions.usages, NO_USAGE)
    # An account that keeps an entry as one sum cannot take off a part by its labels: both sides fold alike.
    if opening.idle_labels and (usage or reversal):
        compiled = compiled_plan(request.plan, request.period)
        usage = folded(usage, compiled, opening.idle_labels)[0]
        if reversal is not NO_USAGE:
            reversal = folded(reversal, compiled, opening.idle_labels)[0]
    # most bills are the first of their period, and have nothing to add to
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
    # What holds of usage reserve is in their price already; reserved once more it would be asked twice.
    left = opening.balance.with_holds(holds.of_amounts)
    opening = evolve(cast(Any, opening), balance=left)
    if versions is not None:
        *before, last = versions.usages
        versions = versions._replace(usages=(*before, last + holds.usage))
    return request._replace(usage=request.usage + holds.usage, opening=opening, versions=versions)
