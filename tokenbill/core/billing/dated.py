"""Dated usage: under which version of the terms each quantity falls, now and on the account before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

from attrs import evolve

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.billing.versions_of_period import (
    compiled_contract,
    contract_of,
    kept_by,
    levels_at,
    levels_read,
    versions_of_period,
)
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import is_before, iso_text, moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Amendment, Clause, Contract, placed
from tokenbill.core.plans.levels import (
    Levels,
    cut,
    in_period,
    levels_of,
    merged,
)
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.plan_at_levels import check_known, fixed
from tokenbill.core.plans.rhythms import has_fees_of_the_past
from tokenbill.core.rating.bill_request import NO_USAGE, About, BillRequest, ByVersion
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.errors import AccountMismatch, InvalidPeriod, InvalidPlan, InvalidUsage, UnpricedUsage

__all__ = [
    "bill_request",
    "by_version",
    "is_dated",
    "parts_of",
    "restored",
    "version_at",
]

RESTATE = "rate the past anew with Bill.of(…, restate=True), which charges the difference"


def is_dated(usage: object) -> bool:
    """Whether usage is given by date: a mapping from dates or instants to usage."""
    return (
        is_mapping(usage)
        and not isinstance(usage, Usage)
        and any(isinstance(part, Usage) or is_mapping(part) for part in usage.values())
    )


def bill_request(
    usage: Any,
    plan: BillingPlan | Contract,
    period: Period | None,
    opening: Any,
    *,
    final: bool,
    at: date | None,
    reversal: Any = NO_USAGE,
    about: About = (),
    restate: bool = False,
    levels: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[BillRequest, CompiledPlan]:
    """What a bill was asked with, and the compiled terms of its period.

    A period that has one version from end to end is one of its plan, whatever the contract says of others.
    """
    if not isinstance(plan, BillingPlan | Contract):
        raise InvalidPlan("not a plan", plan, "give one: BillingPlan.on_demand(prices)")
    if isinstance(plan, Contract) and not (plan.amendments or plan.end):
        plan = plan.plan  # a contract that never changed is its plan, and needs no period
    parts, taken = parts_of(usage), parts_of(reversal)
    whole, back = (sum((part for _, part in both), NO_USAGE) for both in (parts, taken))
    dated = tuple((when, part) for when, part in parts if when is not None)
    has_dates = any(when is not None for when, _ in (*parts, *taken)) or bool(opening.versions)
    names = levels_read(plan)
    told = levels_of(levels)
    known = merged(opening.levels, told)
    check_known((name for name, _ in told), names)
    if names and period is None and opening.period is None and isinstance(plan, BillingPlan):
        # without a period a level has no share of one: it is what the terms come to at it
        plan, names = fixed(plan, _undated(known, names)), frozenset[str]()
    if isinstance(plan, BillingPlan) and not (plan.is_dated or has_dates or restate or names):
        request = BillRequest(whole, plan, opening, final, back, about, period, at, levels=known)
        return request, compiled_plan(plan, period)
    contract = plan if isinstance(plan, Contract) else contract_of(plan)
    period = opening.period if period is None else period
    if period is None:
        raise InvalidPeriod(
            "terms or usage with dates, and no period",
            None,
            'say which: period=Period("2026-03-01", "2026-04-01")',
        )
    versions = by_version(contract, period, parts, taken, opening, at=at, restate=restate, levels=known)
    clauses = versions.clauses
    is_one = len(clauses) == 1 and clauses[0].period == period and len(versions.past.versions) == 1
    carries = clauses[0].plan.least_due is not None and contract.ends_with(period)
    if is_one and not (restate or names or carries) and not has_fees_of_the_past(contract):
        plan = clauses[0].plan
        return BillRequest(whole, plan, opening, final, back, about, period, at, None, dated), compiled_plan(
            plan, period
        )
    last = clauses[-1].plan
    request = BillRequest(whole, last, opening, final, back, about, period, at, versions, dated, known)
    return request, versions.plan


def _undated(levels: Levels, names: Collection[str]) -> dict[str, Decimal]:
    """The levels of a plan where no period is named."""
    found: dict[str, Decimal] = {}
    for name, changes in levels:
        if changes[-1].at is not None:
            raise InvalidPeriod(
                "a level with a date, and no period",
                name,
                'say which: period=Period("2026-06-01", "2026-07-01")',
            )
        found[name] = changes[-1].amount
    return {name: amount for name, amount in found.items() if name in names}


def by_version(
    contract: Contract,
    period: Period,
    usage: Sequence[tuple[date | None, Usage]],
    reversal: Sequence[tuple[date | None, Usage]],
    opening: Any,
    *,
    at: date | None,
    restate: bool,
    levels: Levels = (),
) -> ByVersion:
    """The usage of a period by version, with what is new on a bill, and as the account before it was billed.

    Raises:
        AccountMismatch: If an amendment tears apart what is booked.
        InvalidUsage: For usage outside the period, and for usage without a time whose price changed.
    """
    # An account that knew one version has booked all its usage under the start of the period.
    booked = [(version.start, version.used) for version in opening.versions]
    booked = booked or [(period.start, opening.used)]
    names, cycle = levels_read(contract), contract.plan.cycle
    before = in_period(opening.levels, period, cycle)
    clauses, plan = versions_of_period(contract, period, levels)
    seen = [start for start, _ in booked]
    known, past = list(clauses), plan
    if not opening.is_fresh:  # else there is no past to rate
        agreed = _seen_contract(contract, period, seen, opening)
        known = _as_seen(cut(agreed.clauses(period), before, names), seen)
        past = compiled_contract(agreed, period, known, levels_at(known, before, names, default=True))
    past_usages = _moved(booked, known, period)
    if not restate:
        _check_booked(booked, known, clauses, plan, opening)
    usages = _moved(booked, clauses, period)
    for request, is_new in ((usage, True), (reversal, False)):
        for when, labelled in request:
            if when is None and at is None:
                i = _version_of(clauses, plan, labelled)
            else:
                i = version_at(clauses, cast(date, when or at), period, is_dated=when is not None)
            part, idle = labelled, opening.idle_labels
            if idle:  # labels that the account before it did not keep
                keys = {meter: plan.cards[i][meter].key for meter in labelled.counted}
                part = Usage(
                    [(key if key in idle else meter, labelled[meter]) for meter, key in keys.items()]
                )
            usages[i] = usages[i] + part if is_new else usages[i] - part
    return ByVersion(contract, plan, tuple(usages), past, tuple(past_usages), clauses, tuple(known), restate)


def restored(
    contract: Contract,
    period: Period,
    used: Sequence[tuple[date, Usage]],
    opening: Any,
    *,
    restate: bool,
    levels: Levels = (),
) -> ByVersion:
    """The usage of a period by version, as a stored bill keeps it."""
    versions = by_version(contract, period, (), (), opening, at=None, restate=True, levels=levels)
    by_start = {utc(start): part for start, part in used}
    usages = tuple(by_start.get(utc(part.period.start), NO_USAGE) for part in versions.clauses)
    return versions._replace(usages=usages, restate=restate)


def _seen_contract(contract: Contract, period: Period, starts: Sequence[date], opening: Any) -> Contract:
    """The contract as an account has seen it, kept by the contract: what it compiled serves the next bill."""
    key = "seen", period, opening.fingerprint, tuple(map(utc, starts))
    kept = kept_by(contract)
    known: Contract | None = kept.get(key)
    if known is None:
        known = kept[key] = _known_part(contract, period, starts, opening)
    return known


def _known_part(contract: Contract, period: Period, starts: Sequence[date], opening: Any) -> Contract:
    """The contract as an account has seen it: perhaps without its end and amendments in the period.

    With an amendment its dated terms fall away: those of the plan before it went on.
    """
    seen, cycle = {utc(start) for start in starts}, contract.plan.cycle
    before: list[Amendment] = []
    inside: list[Amendment] = []
    for item in contract.amendments:
        at = placed(item.at, period, cycle)
        if not is_before(period.start, at) or not is_before(at, period.end):
            before.append(item)
        elif utc(at) in seen:
            inside.append(item)
    kept = (*before, *inside)
    if contract.end is None and len(kept) == len(contract.amendments) and not inside:
        return contract  # which keeps what it compiled
    if opening.fingerprint == contract.fingerprint():
        return contract  # with its end, which was seen too
    # where a dated term began on the day of a later amendment, the day does not tell which of them was seen;
    # nor does anything but the hash tell whether the end was
    fewer = [evolve(contract, amendments=kept[:count]) for count in range(len(before), len(kept) + 1)]
    endless = Contract(contract.plan, kept)
    seen_ones = (*fewer, *(Contract(each.plan, each.amendments) for each in fewer))
    return next((each for each in seen_ones if each.fingerprint() == opening.fingerprint), endless)


def _as_seen(clauses: Iterable[Clause], starts: Sequence[date]) -> list[Clause]:
    """The versions that an account was billed under: one that it has not seen is not there yet."""
    seen = {utc(start) for start in starts}
    known: list[Clause] = []
    for clause in clauses:
        if not known or utc(clause.period.start) in seen:
            known.append(clause)
        else:
            before = known[-1]
            known[-1] = before._replace(period=Period(before.period.start, clause.period.end))
    return known


def _moved(booked: Sequence[tuple[date, Usage]], clauses: Sequence[Clause], period: Period) -> list[Usage]:
    """Booked usage by the versions of a period: each falls under the one that holds its start."""
    found = [NO_USAGE] * len(clauses)
    for start, used in booked:
        i = _index(clauses, start)
        found[i] = found[i] + used
    return found


def _index(clauses: Sequence[Clause], at: date) -> int:
    """The version that holds a moment: the first one before all of them, the last one after."""
    later = [i for i, clause in enumerate(clauses) if not is_before(at, clause.period.start)]
    return later[-1] if later else 0


def parts_of(usage: Any) -> list[tuple[date | None, Usage]]:
    """Usage by the date or instant that it has, if it has one."""
    if not is_dated(usage):
        return [(None, usage if type(usage) is Usage else Usage(usage))]
    return [(moment(when), part if type(part) is Usage else Usage(part)) for when, part in usage.items()]


def version_at(clauses: Sequence[Clause], at: date, period: Period, *, is_dated: bool) -> int:
    """The version that usage of some time falls under; only what is dated has to lie in the period.

    Raises:
        InvalidUsage: For dated usage outside the period, or after the contract's end.
    """
    when = placed(at, period, clauses[0].plan.cycle)
    # Refused and not left out: an event that silently falls away is money that nobody misses.
    if is_dated and (is_before(when, period.start) or not is_before(when, period.end)):
        raise InvalidUsage("usage outside the period", iso_text(at), f"date it within {period}")
    if is_dated and not is_before(when, clauses[-1].period.end):
        way_out = f"date it before {iso_text(clauses[-1].period.end)}"
        raise InvalidUsage("usage after the contract's end", iso_text(at), way_out)
    return _index(clauses, when)


def _version_of(clauses: Sequence[Clause], plan: CompiledPlan, usage: Usage) -> int:
    """A version for usage that has no time: any, where all of it costs the same in each."""
    last = len(clauses) - 1
    for meter in usage.counted:
        changed = [i for i in range(last) if not _is_one_item(plan, meter, i, last)]
        if changed:
            way_out = 'say when: at=, or usage by date: {"2026-03-05": {…}}'
            raise InvalidUsage(
                f"usage of {meter} without a time, though its terms changed", usage[meter], way_out
            )
    return last


def _is_one_item(plan: CompiledPlan, meter: str, one: int, other: int) -> bool:
    """Whether the entry of a meter is one item over two versions."""
    curves: list[EntryCurve] = []
    for i in (one, other):
        try:
            curves.append(plan.cards[i][meter])
        except UnpricedUsage:
            return False
    if curves[0].price != curves[1].price or curves[0].identity.key != curves[1].identity.key:
        return False
    if any(version.restart for version in plan.versions[one + 1 : other + 1]):
        return False
    return plan.agree(one, other, "usage", curves[0].key)


def _check_booked(
    booked: Sequence[tuple[date, Usage]],
    known: Sequence[Clause],
    clauses: Sequence[Clause],
    plan: CompiledPlan,
    opening: Any,
) -> None:
    """No version that begins before the last bill may tear apart what was booked without its dates."""
    starts = {utc(clause.period.start) for clause in known}
    if opening.billed_at is None:
        return
    for start, used in booked:
        first = _index(clauses, start)
        for i in range(first + 1, len(clauses)):
            begins = clauses[i].period.start
            if utc(begins) in starts:
                break
            billed = placed(opening.billed_at, clauses[0].period, clauses[0].plan.cycle)
            if is_before(billed, begins) or utc(billed) == utc(begins):
                continue
            for meter in used.counted:
                if not _is_one_item(plan, meter, first, i):
                    what = f"when {meter} was used"
                    raise AccountMismatch(
                        what, f"up to {iso_text(billed)}", f"from {iso_text(begins)}", RESTATE
                    )
