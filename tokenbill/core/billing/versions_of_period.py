"""The versions of a period under a contract, at the levels of each, and what they compile to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Clause, Contract
from tokenbill.core.plans.levels import Levels, cut, in_force, in_period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.compiled_plan import PERIODS, CompiledPlan
from tokenbill.core.rating.version_terms import terms_of_versions

__all__ = [
    "VersionsOfPeriod",
    "compiled_contract",
    "contract_of",
    "kept_by",
    "levels_at",
    "levels_read",
    "versions_of_period",
]


class VersionsOfPeriod(NamedTuple):
    """The versions of a period at the levels of each, and what they compile to."""

    clauses: tuple[Clause, ...]
    plan: CompiledPlan


def versions_of_period(contract: Contract, period: Period, levels: Levels) -> VersionsOfPeriod:
    """The versions of a period, cut where a level changes that some term reads."""
    names, told = levels_read(contract), in_period(levels, period, contract.plan.cycle)
    clauses = cut(contract.clauses(period), told, names)
    plan = compiled_contract(contract, period, clauses, levels_at(clauses, told, names))
    return VersionsOfPeriod(clauses, plan)


def compiled_contract(
    contract: Contract,
    period: Period,
    clauses: Sequence[Clause],
    levels: Sequence[Mapping[str, Decimal]] = (),
) -> CompiledPlan:
    """The compiled form of the versions of a period at their levels, kept by the contract.

    With a schedule of a user's own it is made anew each time, for what that answers may change.
    """
    if not all(isinstance(clause.plan.prices, PriceSchedule) for clause in clauses):
        return CompiledPlan(clauses[0].plan, versions=terms_of_versions(contract, period, clauses, levels))
    told = tuple(tuple(sorted(each.items())) for each in levels)
    key = period, tuple((utc(clause.period.start), clause.period.end) for clause in clauses), told
    kept = kept_by(contract)
    known: CompiledPlan | None = kept.get(key)
    if known is None or any(card.is_full for card in known.cards):
        versions = terms_of_versions(contract, period, clauses, levels)
        known = kept[key] = CompiledPlan(clauses[0].plan, versions=versions)
    return known


def kept_by(contract: Contract) -> dict[Any, Any]:
    """What a contract keeps, by period; it begins anew where that grows, for periods have no end."""
    kept = contract.compiled.value
    if kept is None or len(kept) >= PERIODS:
        kept = contract.compiled.value = {}
    return kept


def contract_of(plan: BillingPlan) -> Contract:
    """A plan as a contract, kept by the plan with what it compiled; a user's own schedule may change."""
    kept: Contract | None = plan.cache.get("contract")
    if kept is None:
        kept = Contract(plan)
        if isinstance(plan.prices, PriceSchedule):
            plan.cache["contract"] = kept
    return kept


def levels_read(terms: BillingPlan | Contract) -> frozenset[str]:
    """The levels that a plan, or some plan of a contract, reads."""
    if isinstance(terms, BillingPlan):
        return terms.levels
    return terms.plan.levels.union(*(change.plan.levels for change in terms.amendments))


def levels_at(
    clauses: Iterable[Clause], levels: Levels, names: Collection[str], *, default: bool = False
) -> list[dict[str, Decimal]]:
    """The levels of each version; those that an account did not know yet count as none in its past."""
    if not names:
        return []
    return [in_force(levels, names, clause.period.start, default=default) for clause in clauses]
