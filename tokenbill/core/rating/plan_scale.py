"""What stages are made of: a term at its place, and the scale that its amounts have there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.scopes import Scope
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.terms import Fee
from tokenbill.core.rating.rate_card import Cells
from tokenbill.core.rating.rating_run import Number, RatingRun

__all__ = ["PlanScale", "Stage", "amounts_of", "fee_part", "part_of"]


def amounts_of(plan: BillingPlan, share: Fraction, fee_share: Fraction) -> Iterator[Fraction]:
    """Every amount of a plan for its part of a period: what a scale has to make whole."""
    yield from (Fraction(fee.amount) * fee_part(fee, fee_share) for fee in plan.fees)
    yield from (Fraction(item.value) * share for item in plan.discounts if item.unit == "fixed")
    yield from (Fraction(limit) * share for limit in (plan.maximum, plan.minimum) if limit is not None)


def fee_part(fee: Fee, share: Fraction) -> Fraction:
    """The part of a fee that is due; one that is not prorated is due as a whole, or not at all."""
    return share if fee.prorated else Fraction(share > 0)


class PlanScale:
    """What a plan's terms are compiled with: what an amount is multiplied by at the place of each.

    Args:
        plan: The terms.
        share: The part of a billing period.
        fee_share: The same, less the trial.
        cells: Where charges add up.
        scale: That of the entries; Fraction(1) where every number is to be a Fraction.
        places: Decimals of what is settled.
        whole_lines: Whether every charge is rounded.
    """

    def __init__(
        self,
        plan: BillingPlan,
        share: Fraction,
        fee_share: Fraction,
        *,
        cells: Cells,
        scale: int | Fraction,
        places: int,
        whole_lines: bool,
    ) -> None:
        self.plan, self.share, self.fee_share, self.cells = plan, share, fee_share, cells
        self.places, self.whole_lines, self.entry_scale = places, whole_lines, scale
        # at stage "line" every charge is in whole minor units once it is priced
        self.scale = 10**places if whole_lines else scale

    @property
    def divisor(self) -> Number:
        """What one minor unit is in the numbers at this place."""
        return part_of(self.scale, self.places)

    def amount(self, amount: Decimal, part: Fraction) -> Number:
        """An amount for a whole billing period, for the part that is billed, in numbers of this place."""
        exact = Fraction(amount) * part
        if self.whole_lines:
            exact = Fraction(self.plan.rounding(exact, self.places))
        scaled = exact * self.scale
        return int(scaled) if type(self.scale) is int else scaled

    def words(self, amount: Decimal) -> str:
        """An amount for a period as a sum: with the part of the period that is billed."""
        return shortest(amount) if self.share == 1 else f"{shortest(amount)} × {self.share}"

    def inside(self, on: Scope) -> Sequence[bool] | None:
        """The cells in a scope; None where it holds all."""
        within = self.cells.within(on)
        return None if all(within) else within


def part_of(scale: int | Fraction, places: int) -> Number:
    """What one of 10^places parts is of a scale that they divide."""
    return scale // 10**places if type(scale) is int else Fraction(scale, 10**places)


class Stage:
    """One term at its place: ``of`` compiles it from a plan, ``apply`` is what it does to the numbers."""

    __slots__ = ()

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the plan has of this stage, in order."""
        raise NotImplementedError

    def treats(self, cell: int) -> object:
        """How it treats the charges of a cell: two of which all stages to come say the same are as one."""
        return None

    def apply(self, run: RatingRun) -> None:
        """Do it to the charges of a run."""
        raise NotImplementedError
