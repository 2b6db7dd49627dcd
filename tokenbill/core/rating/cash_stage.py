"""Cash rounding: the total in the coins that there are."""

from __future__ import annotations

from collections.abc import Iterator

from tokenbill.core.base.tables import shortest
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import PlanScale, Stage
from tokenbill.core.rating.rating_run import RatingRun

__all__ = ["RoundCash"]


class RoundCash(Stage):
    """The total in steps of the smallest coin; after tax, which is owed to the cent whatever coins exist."""

    __slots__ = ("charge", "step")
    is_of_sums = True

    def __init__(self, at: PlanScale, step: int) -> None:
        rounding = at.plan.rounding
        self.step = step
        assert rounding.step is not None  # its units are more than one
        rule = f"to {shortest(rounding.step)}, {rounding.mode.replace('_', ' ')}"
        self.charge = Charge("rounding", None, "cash rounding", rule=rule)

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        step = at.plan.rounding.step_units(at.places)
        if step > 1:
            yield cls(at, step)

    def apply(self, run: RatingRun) -> None:
        cash = run.round(run.total, self.step) * self.step - run.total
        run.note(self.charge, cash, None, None, None)
        run.settle_cash(cash)
