"""Rhythms: fees with periods of their own, and in which service period each of these is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from tokenbill.core.periods.instants import is_before
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.terms import Fee
from tokenbill.errors import InvalidPeriod

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Clause, Contract

__all__ = ["DueFees", "fees_by_version", "fees_due", "has_fees_of_the_past", "plan_alone"]

DueFees: TypeAlias = "tuple[tuple[Fee, Fraction], ...]"
"""Fees with periods of their own, and how many of these are due."""


def fees_due(plan: BillingPlan, period: Period | None) -> DueFees:
    """What a service period owes of a plan's fees with periods of their own.

    Raises:
        InvalidPeriod: If there is no service period to hold the moments at which they are due.
    """
    # a yearly fee in a monthly plan is due whole, in the one month that holds its day
    fees = plan.own_fees
    if fees and period is None:
        raise InvalidPeriod("a fee with periods of its own, billed in none", fees[0].name, "say period=")
    return tuple((fee, _part(plan, fee, period, period)) for fee in fees if period is not None)


def has_fees_of_the_past(contract: Contract) -> bool:
    """Whether terms of an earlier version may count after it is over: fees in arrears, commitments."""
    plans = (contract.plan, *(change.plan for change in contract.amendments))
    is_changing = len(plans) > 1 or contract.end is not None
    if is_changing and any(plan.commitment for plan in plans):
        return True  # what was committed before counts for its part of the term
    is_changing = is_changing or any(fee.starts or fee.ends for fee in contract.plan.own_fees)
    return is_changing and any(fee.due == "arrears" for plan in plans for fee in plan.own_fees)


def plan_alone(contract: Contract, period: Period) -> BillingPlan | None:
    """The plan that alone bills a period; None where terms change in it, or earlier ones still count."""
    first, *others = contract.clauses(period)
    is_changing = others or first.period != period or has_fees_of_the_past(contract)
    return None if is_changing else first.plan


def fees_by_version(contract: Contract, period: Period, clauses: Sequence[Clause]) -> list[DueFees]:
    """The same for each version of a period: a fee is that of the terms at the start of its own period."""
    # what changes later holds from the next one on, so each is read from the plan that held when it began
    end = clauses[-1].period.end if contract.ends_with(period) else None
    found = list[DueFees]()
    for i, clause in enumerate(clauses):
        due = [
            (fee, _part(clause.plan, fee, period, clause.period))
            for fee in clause.plan.own_fees
            if fee.due == "advance"
        ]
        is_last = i == len(clauses) - 1
        due += _in_arrears(contract, period, clause, end if is_last else None)
        found.append(tuple(due))
    return found


def _part(plan: BillingPlan, fee: Fee, period: Period, part: Period) -> Fraction:
    """How many own periods of a fee are due in a part of a service period, less what lies in the trial."""
    due = Fraction(0)
    for own in _own_periods(fee, period):
        # in arrears the last moment counts, so that a period that ends with the fee's own one has it
        at = own.start if fee.due == "advance" else own.end
        is_due = _holds(part, at) if fee.due == "advance" else _ends_in(part, at)
        due += _owed(plan, fee, own, own.end) if is_due else 0
    return due


def _owed(plan: BillingPlan, fee: Fee, own: Period, until: date) -> Fraction:
    """What is owed of an own period of a fee that lasts *until* a moment: less what lies in the trial."""
    used = Period(own.start, until)
    trial = plan.trial_within(used)
    owed = used.share_of(own, plan.proration) - (trial.share_of(own, plan.proration) if trial else 0)
    # a fee that is not prorated is owed whole as soon as a moment of it is not free
    return owed if fee.prorated or not owed else Fraction(1)


def _own_periods(fee: Fee, period: Period) -> Iterator[Period]:
    """The own periods of a fee that have a moment in common with a service period, from its anchor on."""
    cycle = fee.cycle
    assert cycle is not None
    # before the anchor nothing was agreed: own periods begin with it
    own = cycle.containing(period.start)
    while True:
        if cycle.index(own.start) >= 0:
            yield own
        if not is_before(own.end, period.end):
            return
        own = cycle.containing(own.end)


def _in_arrears(contract: Contract, period: Period, clause: Clause, end: date | None) -> DueFees:
    """Fees in arrears whose own period ends in a version, or is cut short by the contract's *end* there."""
    plans = (contract.plan, *(change.plan for change in contract.amendments))
    mine = [fee for fee in clause.plan.own_fees if fee.due == "arrears"]
    # one that is not due in a version of its plan goes on through it, so that no equal amendment parts it
    owed = {(fee, mine[:k].count(fee)): Fraction(0) for k, fee in enumerate(mine)}
    for plan in dict.fromkeys(plans):
        for k, fee in enumerate(plan.own_fees):
            for own in _own_periods(fee, period) if fee.due == "arrears" else ():
                if contract.plan_in(own.start, period) != plan or not _is_agreed(fee, own.start):
                    continue
                number = Fraction(0)
                if _ends_in(clause.period, own.end):
                    number = _owed(plan, fee, own, own.end)
                elif end is not None and is_before(own.start, end) and is_before(end, own.end):
                    # an end within a fee's own period gives the rest back, unless the contract says otherwise
                    number = _owed(plan, fee, own, end if contract.end_fees == "prorated" else own.end)
                if number:
                    # a fee that several plans have is one, two that are alike in one plan are two
                    before = (it for it in plan.own_fees[:k] if _is_agreed(it, own.start))
                    key = (_undated(fee), sum(_undated(it) == _undated(fee) for it in before))
                    owed[key] = owed.get(key, Fraction(0)) + number
    return tuple((fee, number) for (fee, _), number in owed.items())


def _undated(fee: Fee) -> Fee:
    return evolve(fee, starts=None, ends=None)


def _is_agreed(fee: Fee, at: date) -> bool:
    begun = fee.starts is None or not is_before(at, fee.starts)
    return begun and (fee.ends is None or is_before(at, fee.ends))


def _holds(part: Period, at: date) -> bool:
    return not is_before(at, part.start) and is_before(at, part.end)


def _ends_in(part: Period, at: date) -> bool:
    return is_before(part.start, at) and not is_before(part.end, at)
