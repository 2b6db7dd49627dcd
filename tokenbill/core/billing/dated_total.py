"""Totals of bills whose terms or usage have dates, where sums by cell say them: no request is made for it.

What the period of a contract compiles to is kept by the contract, with the version of each known date.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias, cast

from tokenbill.core.base.values import named
from tokenbill.core.billing.dated import bill_request, is_dated, version_at
from tokenbill.core.billing.versions_of_period import contract_of, kept_by, levels_read, versions_of_period
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.levels import Levels, levels_of, merged
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.plan_at_levels import check_known
from tokenbill.core.plans.rhythms import has_fees_of_the_past
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.bill_request import NO_USAGE, About, BillRequest, ByVersion
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.version_sums import Places, VersionSums
from tokenbill.errors import TokenbillError

__all__ = ["DatedRequest", "dated_total"]

DATES = 4096
"""Dates of usage that a period knows the version of; then it begins anew, for instants have no end."""

TERMS = Contract, BillingPlan
KEYED = frozenset({str, int, date})
DATE_TYPES = frozenset({str, date, datetime})

Dated: TypeAlias = "dict[Any, Usage] | Usage"
"""Usage with the dates it was given, or without any."""


class DatedRequest(NamedTuple):
    """What a bill was asked with whose total sums said; the request itself is made when it is asked for.

    *key* stands for its levels, where one can.
    """

    usage: Dated
    terms: BillingPlan | Contract
    opening: Any
    final: bool
    about: About
    period: Period
    at: date | None
    levels: Any
    key: Hashable

    def resolved(self) -> BillRequest:
        """The request, with the usage of each version."""
        sums = _sums_of(self.terms, self.period, dict(self.levels), self.key)
        if sums is not None and len(sums.plan.versions) > 1:
            return sums.request(self)
        asked: Any = {"at": self.at, "about": self.about, "levels": dict(self.levels)}
        return bill_request(self.usage, self.terms, self.period, self.opening, final=self.final, **asked)[0]


class PeriodSums:
    """A period of a contract of which nothing was billed yet: its versions, their sums, and known dates."""

    def __init__(self, contract: Contract, period: Period, levels: Levels, key: Hashable) -> None:
        self.contract, self.period, self.levels, self.key = contract, period, levels, key
        names = levels_read(contract)
        self.clauses, self.plan = versions_of_period(contract, period, levels)
        # a period that has one version from end to end is one of its plan
        is_one = len(self.clauses) == 1 and self.clauses[0].period == period
        if is_one and not (names or has_fees_of_the_past(contract)):
            self.plan = compiled_plan(self.clauses[0].plan, period)
        check_known((name for name, _ in levels), names)
        # where credit may be refused, more has to be known than what is owed
        says_all = self.plan.by_cell and self.clauses[-1].plan.overage == "bill"
        self.sums = VersionSums(self.plan) if says_all else None
        self.places: Mapping[int, Places] = self.sums.places if self.sums is not None else {}
        self.known: dict[Any, Places] = {}
        self.is_full = False

    def version(self, when: Any) -> int:
        """The version that holds a date of usage."""
        found = version_at(self.clauses, moment(when), self.period, is_dated=True)
        # two times of an hour that comes twice are equal to Python, and may be of two versions
        is_one = (
            type(when) is not datetime or when.utcoffset() == when.replace(fold=1 - when.fold).utcoffset()
        )
        if is_one and type(when) in DATE_TYPES:
            if len(self.known) >= DATES:
                self.known.clear()
            self.known[when] = self.places[found]
        return found

    def parts(self, usage: Dated, at: date | None) -> list[tuple[int, Usage]] | None:
        """Usage with the version that each part falls under; None where its time has to be known."""
        if not isinstance(usage, Usage):
            return [(self.version(when), part) for when, part in usage.items()]
        i = len(self.clauses) - 1
        if at is not None:
            i = version_at(self.clauses, at, self.period, is_dated=False)
        elif self.sums is None or not self.sums.is_one_item(usage):
            return None
        return [(i, usage)]

    def total(
        self, sums: VersionSums, usage: Any, at: date | None, final: bool
    ) -> tuple[Dated, Decimal] | None:
        """Usage as it stays, and what it comes to; None where its time has to be known, or is too large."""
        kind = cast(Any, type(usage))
        kept = usage
        if is_dated(usage):
            kept = {when: part if type(part) is Usage else Usage(part) for when, part in usage.items()}
        elif kind is not Usage:
            kept = Usage(usage)
        parts = self.parts(kept, at)
        if parts is None:
            return None
        for i, part in parts:
            sums.meet(part, i)
        # the bill at hand ends with what labels filled, the next one begins anew
        self.is_full = sums.is_full
        total = sums.total(parts, self.places, final)
        return None if total is None else (kept, total)

    def request(self, asked: DatedRequest) -> BillRequest:
        """What a bill was asked with, its usage by version."""
        usages, whole = [NO_USAGE] * len(self.clauses), NO_USAGE
        for i, part in self.parts(asked.usage, asked.at) or ():
            usages[i], whole = usages[i] + part, whole + part
        none, clauses = (NO_USAGE,) * len(usages), self.clauses
        # nothing was billed before, so that the past is of the same terms
        versions = ByVersion(
            self.contract, self.plan, tuple(usages), self.plan, none, clauses, clauses, restate=False
        )
        given = {} if isinstance(asked.usage, Usage) else asked.usage
        dated = tuple((moment(when), part) for when, part in given.items())
        return BillRequest(
            whole,
            clauses[-1].plan,
            asked.opening,
            asked.final,
            about=asked.about,
            period=self.period,
            at=asked.at,
            versions=versions,
            dated=dated,
            levels=self.levels,
        )


def dated_total(asked: tuple[Any, ...]) -> tuple[DatedRequest, Decimal] | None:
    """The total of a first bill without credit; None where sums do not say it, or where something is wrong.

    What is wrong, and what of it is told first, is for the long way to say. What was *asked* are the fields
    of a `DatedRequest`, usage and levels as they were given.
    """
    usage, terms, opening, final, about, period, at, levels = asked
    key = _key_of(levels) if levels else ()
    try:
        versions = _sums_of(terms, period, levels, key) if isinstance(terms, TERMS) and period else None
        sums = None if versions is None else versions.sums
        if versions is None or sums is None:
            return None
        kept: Any = usage
        total: Decimal | None = None
        # a date that is known says by itself that usage is dated; a subclass may say anything of itself
        kind = cast(Any, type(usage))
        if kind is dict and usage:
            kept = usage.copy()
            total = sums.total(kept.items(), versions.known, final)
        if total is None:
            found = versions.total(sums, usage, at, final)
            if found is None:
                return None
            kept, total = found
    except TokenbillError:
        return None
    parts = kept, terms, opening, final, about, versions.period, at, versions.levels, key
    return named(DatedRequest, parts), total


def _sums_of(terms: Any, period: Period, levels: Any, key: Hashable) -> PeriodSums | None:
    """The sums of a period, kept by the contract; a user's own schedule is asked anew each time."""
    contract: Any = terms
    if type(terms) is BillingPlan:
        contract = contract_of(terms)
    elif not (terms.amendments or terms.end):
        contract = contract_of(terms.plan)
    kept: Any = contract.compiled.value or {}
    last: Any = kept.get("sums")
    if last is not None and last.period is period and last.key == key is not None and not last.is_full:
        return cast(PeriodSums, last)
    # equal periods may be written in two zones, and their versions show so
    if last is None or last.key != key or (last.period is not period and str(last.period) != str(period)):
        last = kept.get(("sums", str(period), key))
    if last is None or key is None or last.is_full:
        if not all(isinstance(clause.plan.prices, PriceSchedule) for clause in contract.clauses(period)):
            return None
        last = PeriodSums(contract, period, merged((), levels_of(levels)), key)
        kept_by(contract)["sums", str(period), key] = last
    contract.compiled.value["sums"] = last
    found: PeriodSums = last
    return found


def _key_of(levels: Any) -> Hashable:
    """Levels as they were told, so that those told again need not be read.

    None for whatever might equal other levels and not be them, as 3.0 and True do.
    """
    kind = cast(Any, type(levels))  # of which a checker makes nothing narrower
    if kind is not dict:
        return None
    found: list[Any] = []
    for name, given in levels.items():
        kind = cast(Any, type(given))
        changes: Any = tuple(given) if kind is list else given
        parts = [changes]
        if kind is list or kind is tuple:
            if any(type(each) is not tuple or not each for each in changes):
                return None
            parts = [part for each in changes for part in each]
        if not KEYED.issuperset(map(type, parts)):
            return None
        found.append((name, changes))
    return tuple(found)
