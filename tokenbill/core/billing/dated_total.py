"""Totals of bills whose terms or usage have dates, where sums by cell say them: no request is made for it.

What the period of a contract compiles to is kept by the contract, with the version of each known date.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias, cast

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
from tokenbill.core.rating.bill_request import NO_USAGE, BillRequest, ByVersion
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.version_sums import Places, VersionSums
from tokenbill.errors import TokenbillError

__all__ = ["PeriodSums", "dated_total"]

DATES = 4096
"""Dates of usage that a period knows the version of; then it begins anew, for instants have no end."""

DICT: Any = dict
"""The type of a plain dict, as ``Any``: no checker narrows by it, and no ``cast`` costs time."""
TERMS = Contract, BillingPlan
KEYED = frozenset({str, int, date})
DATE_TYPES = frozenset({str, date, datetime})

Dated: TypeAlias = "dict[Any, Usage] | Usage"
"""Usage with the dates it was given, or without any."""


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
    ) -> tuple[Dated, Decimal, PeriodSums] | None:
        """What ``dated_total`` says; None where the time of usage has to be known, or it is too large."""
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
        return None if total is None else (kept, total, self)

    def request(self, parts: tuple[Any, ...]) -> BillRequest:
        """What a bill was asked with, its usage by version."""
        usage, terms, opening, final, _, about, period, at, _ = parts
        if len(self.plan.versions) == 1:
            asked: Any = {"at": at, "about": about, "levels": dict(self.levels)}
            return bill_request(usage, terms, period, opening, final=final, **asked)[0]
        usages, whole = [NO_USAGE] * len(self.clauses), NO_USAGE
        for i, part in self.parts(usage, at) or ():
            usages[i], whole = usages[i] + part, whole + part
        none, clauses = (NO_USAGE,) * len(usages), self.clauses
        # nothing was billed before, so that the past is of the same terms
        versions = ByVersion(
            self.contract, self.plan, tuple(usages), self.plan, none, clauses, clauses, restate=False
        )
        given: dict[Any, Usage] = {} if isinstance(usage, Usage) else usage
        dated = tuple((moment(when), part) for when, part in given.items())
        plan, levels = clauses[-1].plan, self.levels
        return BillRequest(whole, plan, opening, final, NO_USAGE, about, period, at, versions, dated, levels)

    def __reduce__(self) -> tuple[Any, ...]:
        # what a contract compiles to is no value: a copy of a bill, in whatever process, compiles it anew
        return _sums_of, (self.contract, self.period, dict(self.levels))


def dated_total(
    usage: Any, terms: Any, period: Period | None, at: date | None, levels: Any, *, final: bool
) -> tuple[Dated, Decimal, PeriodSums] | None:
    """Usage as it stays, the total of a first bill without credit, and the sums that say it.

    None where sums do not say it, or where something is wrong: what is wrong, and what of it is told first,
    is for the long way to say.
    """
    # the period that a contract was asked for last is at hand, and most are asked for one again and again
    known: Any = terms.compiled.value if type(terms) is Contract and not levels else None
    versions: PeriodSums | None = known.get("sums") if known else None
    try:
        if versions is None or versions.period is not period or versions.key != () or versions.is_full:
            versions = _sums_of(terms, period, levels) if isinstance(terms, TERMS) and period else None
        if versions is None or versions.sums is None:
            return None
        # a date that is known says by itself that usage is dated; a subclass may say anything of itself
        if type(usage) is DICT and usage:
            kept: Any = usage.copy()
            total = versions.sums.total(kept.items(), versions.known, final)
            if total is not None:
                return kept, total, versions
        return versions.total(versions.sums, usage, at, final)
    except TokenbillError:
        return None


def _sums_of(terms: Any, period: Period, levels: Any) -> PeriodSums | None:
    """The sums of a period, kept by the contract; a user's own schedule is asked anew each time."""
    contract: Any = terms
    if type(terms) is BillingPlan:
        contract = contract_of(terms)
    elif not (terms.amendments or terms.end):
        contract = contract_of(terms.plan)
    key = _key_of(levels) if levels else ()
    kept: Any = contract.compiled.value or {}
    last: PeriodSums | None = kept.get("sums")
    # equal periods may be written in two zones, and their versions show so
    is_last = (
        last is not None and last.key == key and (last.period is period or str(last.period) == str(period))
    )
    if not is_last:
        last = kept.get(("sums", str(period), key))
    # levels that no key stands for may be others, though they compare as equal
    if last is None or key is None or last.is_full:
        if not all(isinstance(clause.plan.prices, PriceSchedule) for clause in contract.clauses(period)):
            return None
        last = PeriodSums(contract, period, merged((), levels_of(levels)), key)
        kept_by(contract)["sums", str(period), key] = last
    contract.compiled.value["sums"] = last
    return last


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
