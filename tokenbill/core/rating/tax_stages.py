"""Taxes as stages: percentages of the net, compound ones on top of others, and amounts for each unit.

A tax is rounded once, on the exact sum of what it is on. One that comes *after* another is on the exact
amount of that one too, not on its rounded one: rounding a tax moves no other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from fractions import Fraction
from math import lcm
from operator import mul
from typing import TypeAlias

from tokenbill.core.base.tables import shortest
from tokenbill.core.money.decimals import ZERO
from tokenbill.core.plans.taxes import Tax
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import PlanScale, Stage
from tokenbill.core.rating.rating_run import Number, RatingRun
from tokenbill.core.rating.version_terms import first_of, keyed

__all__ = ["AddTax", "AddUnitTax", "taxes"]

HUNDRED = Fraction(100)
NIL = Fraction(0)

Base: TypeAlias = "dict[Hashable, Fraction]"
"""What a tax is on, for each 1 of something: of the net (by None), of the taxes per unit before it."""


def taxes(at: PlanScale) -> Iterator[Stage]:
    """What the versions of a plan have of taxes, in order."""
    # taxes of one name, percentage and kind are one tax, in whatever versions, rounded once
    known: dict[Hashable, dict[int, Tax]] = {}
    for i, version in enumerate(at.versions):
        for key, tax in keyed(version.plan.taxes):
            known.setdefault(key, {})[i] = tax
    per_unit = {
        key: AddUnitTax(at, its) for key, its in known.items() if first_of(its).unit_amount is not None
    }
    bases = [_bases_in(at, cell) for cell in range(len(at.cells.masks))] if known else []
    for key, its in known.items():
        yield per_unit.get(key) or AddTax(at, key, its, bases, per_unit)


def _bases_in(at: PlanScale, cell: int) -> dict[Hashable, Base]:
    """What each tax of a charge is on: the net, and the taxes before it that it comes after."""
    found: dict[Hashable, Base] = {}
    before: list[tuple[Hashable, Tax]] = []
    version = at.cells.masks[cell][0]
    for key, tax in keyed(at.versions[version].plan.taxes):
        if not at.cells.within({version: tax.on})[cell]:
            continue
        base: Base = {None: Fraction(1)}
        for other_key, other in before:
            if other.name not in tax.after:
                continue
            if other.unit_amount is not None:
                base[other_key] = base.get(other_key, NIL) + 1
            else:
                for source, part in found[other_key].items():
                    base[source] = base.get(source, NIL) + part * Fraction(other.percent) / HUNDRED
        found[key] = base
        before.append((key, tax))
    return found


class AddTax(Stage):
    """A tax on the exact net of its charges, less promotional credit and what inclusive taxes contain.

    None compounds, but where it says after which others it comes.
    """

    __slots__ = (
        "by_line",
        "charge",
        "included",
        "is_of_sums",
        "over",
        "parts",
        "per_unit",
        "rate",
        "scale",
        "weights",
    )

    def __init__(
        self,
        at: PlanScale,
        key: Hashable,
        its: Mapping[int, Tax],
        bases: list[dict[Hashable, Base]],
        per_unit: Mapping[Hashable, AddUnitTax],
    ) -> None:
        tax = first_of(its)
        # of a price that contains 19 and 5 %, 100 / 124 is the net
        whole = [_contained(at, cell, of) for cell, of in enumerate(bases)]
        on_net = [of.get(key, {}).get(None, NIL) for of in bases]
        nets = [part / all_of_it for part, all_of_it in zip(on_net, whole, strict=True)]
        common = lcm(*(net.denominator for net in nets))
        self.weights = [int(net * common) for net in nets]
        percent = Fraction(tax.percent) / HUNDRED
        self.parts = [net * percent for net in nets]  # what it is of a charge, by cell, for reports
        self.rate, self.scale = percent.numerator, at.scale * common
        self.over = at.divisor * common * percent.denominator
        self.by_line = at.whole_lines and at.plan.rounding.tax == "line"
        # what it is on of the taxes per unit that it comes after, by cell
        self.per_unit = [
            (stage, [of.get(key, {}).get(other, NIL) * common for of in bases])
            for other, stage in per_unit.items()
            if any(other in of.get(key, {}) for of in bases)
        ]
        self.is_of_sums = not (self.by_line or self.per_unit)
        rule = tax.reason or f"{shortest(tax.percent)} % of {{}}"
        self.charge = Charge("tax", None, tax.name, rule=rule)
        name = f"{tax.name}, included in prices"
        self.included = Charge("tax", None, name, rule="prices contain it") if tax.inclusive else None

    def treats(self, cell: int) -> object:
        return self.weights[cell]

    def apply(self, run: RatingRun) -> None:
        over = self.over * run.widened
        if self.is_of_sums and not run.keeps_parts:
            nets = run.nets
            if len(nets) == 1:
                whole = nets[0] * self.weights[run.cells[0]]
            else:
                whole = run.sum(map(mul, nets, run.by_cell(self.weights)))
            amount = run.round(run.beyond(whole * self.rate, 0), over)
            if run.notes is not None:
                run.note(self.charge, amount, None, whole, self.scale * run.widened)
                if self.included is not None:
                    run.note(self.included, -amount, None, None, None)
            if self.included is None:
                run.tax(amount, ())
            return
        bases = list(map(mul, run.nets, run.by_cell(self.weights)))
        for stage, weights in self.per_unit:
            owed_of = map(mul, stage.numbers(run), run.by_cell(weights))
            bases = [base + part for base, part in zip(bases, owed_of, strict=True)]
        if self.by_line:
            parts = [run.round(run.beyond(base * self.rate, 0), over) for base in bases]
            amount = run.sum(parts)
        else:
            parts = bases
            amount = run.round(run.beyond(run.sum(bases) * self.rate, 0), over)
        run.note(self.charge, amount, None, run.sum(bases), self.scale * run.widened)
        if self.included is None:
            run.tax(amount, parts)
        else:
            run.note(self.included, -amount, None, None, None)
            run.contain(amount, parts)


class AddUnitTax(Stage):
    """A tax of so much for each unit of a meter that was used, free units included: credit lowers no duty."""

    __slots__ = ("amount", "by_line", "charge", "divisor", "inside", "scale")

    looks_at_charges = True

    def __init__(self, at: PlanScale, its: Mapping[int, Tax]) -> None:
        tax = first_of(its)
        self.inside = at.cells.within({i: item.on for i, item in its.items()})
        self.amount, self.scale, self.divisor = Fraction(tax.unit_amount or 0), at.scale, at.divisor
        self.by_line = at.whole_lines and at.plan.rounding.tax == "line"
        self.charge = Charge("tax", None, tax.name, rule=f"{shortest(tax.unit_amount or ZERO)} a unit")

    def treats(self, cell: int) -> object:
        return self.inside[cell]

    def numbers(self, run: RatingRun) -> list[Number]:
        """What it comes to on each charge, in the numbers of the run."""
        one = self.amount * self.scale * run.widened
        inside = run.by_cell(self.inside)
        return [
            quantity * one if is_in else 0 for quantity, is_in in zip(run.units_used(), inside, strict=True)
        ]

    def apply(self, run: RatingRun) -> None:
        parts, over = self.numbers(run), self.divisor * run.widened
        if self.by_line:
            parts = [run.round(part, over) for part in parts]
            amount = run.sum(parts)
        else:
            amount = run.round(run.sum(parts), over)
        run.note(self.charge, amount, None, None, None)
        run.tax(amount, parts)


def _contained(at: PlanScale, cell: int, of: Mapping[Hashable, Base]) -> Fraction:
    """A price as a multiple of the net: what inclusive taxes there are come on top of 1."""
    version = at.cells.masks[cell][0]
    every = ((tax, of.get(key)) for key, tax in keyed(at.versions[version].plan.taxes) if tax.inclusive)
    return sum(
        (Fraction(tax.percent) * base[None] / HUNDRED for tax, base in every if base is not None), Fraction(1)
    )
