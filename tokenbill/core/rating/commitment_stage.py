"""Commitments over terms of several bills: what goes beyond them, and what they lack at the end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from tokenbill.core.base.tables import shortest
from tokenbill.core.money.decimals import decimal
from tokenbill.core.plans.commitments import Committed
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import PlanScale, Stage
from tokenbill.core.rating.rating_run import Identity, Number, RatingRun

__all__ = ["KeepCommitment"]


class _Part:
    """What a commitment adds to a bill: beyond it, or up to it."""

    def __init__(self, key: str, name: str, rule: str, known_as: str | tuple[str, ...]) -> None:
        self.charge, self.known_as = Charge("minimum", None, name, rule=rule), known_as
        self.identity = Identity.named("minimum", key, self)


class KeepCommitment(Stage):
    """What a term has come to, against what was committed; after the minimum, whose true-up counts for it."""

    __slots__ = (
        "amount",
        "beyond",
        "cell",
        "committed",
        "inside",
        "looks_at_charges",
        "more",
        "scale",
        "up_to",
    )

    def __init__(self, at: PlanScale, committed: Committed) -> None:
        commitment, last = committed.commitment, len(at.versions) - 1
        self.committed, self.scale, self.looks_at_charges = committed, at.scale, True
        self.amount: Number = at.exact_numbers([committed.amount])[0]
        self.more = Fraction(commitment.overage) - 1
        self.inside = at.inside(dict.fromkeys(range(len(at.versions)), commitment.on))
        known_as = commitment.on or "minimum"
        self.cell = at.cells.of(known_as, version=last)
        name, told = commitment.name, shortest(decimal(committed.amount))
        rule = f"{shortest(decimal(self.more))} × what {{}} is of the term beyond {told}"
        self.beyond = _Part(f"{name}, beyond", f"beyond the {name}", rule, known_as)
        self.up_to = _Part(f"{name}, up to", f"true-up to {name}", f"{told} − {{}}", known_as)

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        for committed in at.versions[-1].committed:
            yield cls(at, committed)

    def apply(self, run: RatingRun) -> None:
        over, name = self.scale * run.widened, self.committed.commitment.name
        own = run.within(self.inside)[1]
        # the account keeps what earlier periods of the term came to; what is beyond is a difference of it
        met = run.met(name, self.committed.term.start) * over
        most, now = self.amount * run.widened, own + met
        run.commit(name, own, over)
        beyond = (run.beyond(now, most) - run.beyond(met, most)) * self.more
        if run.whole_lines:
            beyond = run.round(beyond, 1)
        self._take(run, self.beyond, beyond, now, over)
        is_due = self.committed.commitment.true_up == "end" and self.committed.is_last
        if run.final and is_due:
            self._take(run, self.up_to, run.beyond(most, now), now, over)

    def _take(self, run: RatingRun, part: _Part, amount: Number, base: Number, over: Number) -> None:
        run.note(part.charge, amount, over, base, over)
        if not isinstance(amount, int | Fraction) or amount:
            run.add(amount, self.cell, part.identity)
