"""Terms by cell: the stages of a plan, compiled for the charges that they tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from tokenbill.core.rating.plan_scale import Stage
from tokenbill.core.rating.pricing_stages import FeeCharge, PriceUsage
from tokenbill.core.rating.rate_card import Cells
from tokenbill.core.rating.rating_run import Number, RatingRun
from tokenbill.core.rating.stages import PayPromotional, RoundNet

__all__ = ["Terms"]


class Terms:
    """The stages of a plan for a number of cells: those that price, and those that settle.

    ``divisors`` are what a minor unit is in the numbers before the first stage that settles, and after each.
    ``fee_charges`` are the stages that price fees;
    ``due`` is what fees come to by cell before anything is used, on an interim bill and on a final one,
    ``arrears`` the cells where a final bill owes more, with how much;
    ``fees`` are their sums where nothing but fees stands between prices and the rounded net, else None.
    """

    __slots__ = (
        "arrears",
        "cells",
        "divisors",
        "due",
        "fee_charges",
        "fees",
        "is_of_sums",
        "looks_at_charges",
        "pricing",
        "settling",
        "sums",
    )

    def __init__(self, cells: Cells, stages: Sequence[tuple[Stage, Number]]) -> None:
        self.cells = range(len(cells.masks))
        self.pricing = tuple(stage for stage, _ in stages if isinstance(stage, FeeCharge | PriceUsage))
        self.settling = tuple(stage for stage, _ in stages if not isinstance(stage, FeeCharge | PriceUsage))
        # that of the prices, then that after each stage that settles
        self.divisors = tuple(divisor for _, divisor in stages[len(self.pricing) - 1 :])
        # read from the stages, not from the plan: one that is put into the list is never passed over
        self.looks_at_charges = any(stage.looks_at_charges for stage, _ in stages)
        self.is_of_sums = all(stage.is_of_sums for stage, _ in stages)
        # sums by cell are asked where no credit is there to pay
        self.sums = tuple(stage.apply for stage in self.settling if not isinstance(stage, PayPromotional))
        due = [[0] * len(self.cells), [0] * len(self.cells)]
        # Fees are known before anything is used, so a bill adds usage to their sums and prices no fee.
        self.fee_charges = tuple(stage for stage in self.pricing if isinstance(stage, FeeCharge))
        for stage in self.fee_charges:
            due[1][stage.cell] += stage.amount
            due[0][stage.cell] += stage.amount if stage.fee.due == "advance" else 0
        self.due: tuple[Sequence[Number], Sequence[Number]] = (tuple(due[0]), tuple(due[1]))
        rises = [now - before for before, now in zip(*due, strict=True)]
        self.arrears = tuple((cell, rise) for cell, rise in enumerate(rises) if rise)
        adding = FeeCharge | PriceUsage | RoundNet | PayPromotional
        adds_up = all(isinstance(stage, adding) for stage, _ in stages)
        self.fees = (sum(due[0]), sum(due[1])) if adds_up else None

    def rate(self, run: RatingRun) -> RatingRun:
        """A run taken through all stages."""
        for stage in self.pricing:
            stage.apply(run)
        return self.settle(run)

    def settle(self, run: RatingRun) -> RatingRun:
        """A run whose charges are priced, taken through the rest."""
        for stage in self.settling:
            stage.apply(run)
        return run
