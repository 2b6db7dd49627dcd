"""Lines of periods whose sums by cell say all: each term notes one amount, and no charge is looked at.

What a discount, a limit or a tax comes to is the same whether it is taken of single charges or of their
sums, so its line is too. A statement would make a charge of each entry first, which costs twice the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter

from tokenbill.core.credits.draws import Offer
from tokenbill.core.metering.usage import Usage
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.credit_position import CellRun
from tokenbill.core.rating.lines import LineItem
from tokenbill.core.rating.rating_run import Note, RatingRun
from tokenbill.core.rating.statement import fee_line, line_of, whole_lines

__all__ = ["lines_by_sums"]

_order = attrgetter("order")


def lines_by_sums(
    plan: CompiledPlan, usage: Usage, *, final: bool, promotional: Sequence[Offer] = ()
) -> list[LineItem]:
    """The lines of a period so far, not yet settled, of a plan of one version whose terms ask for sums.

    *promotional* are what promotional grants without scopes offer, in order of drawing.
    """
    quantities = plan.card.quantities(usage)
    curves = sorted(quantities, key=_order) if len(quantities) > 1 else quantities
    terms = plan.terms()  # a meter met for the first time may have brought a cell
    lines: list[LineItem] = []
    for stage in terms.fee_charges:
        if final or stage.fee.due == "advance":
            line = stage.line or fee_line(stage, plan)
            lines += whole_lines([line], stage.amount, plan) if plan.whole_lines else [line]
    if plan.fees is not None and not promotional:
        # No term has anything to note, and nothing is settled: the lines are the charges.
        for curve in curves:
            lines += curve.lines(Decimal(quantities[curve]))
        return lines
    nets = list(terms.due[final])
    notes: list[Note] = []
    for curve in curves:
        quantity = quantities[curve]
        number, own = curve.at(quantity), curve.lines(Decimal(quantity))
        if plan.whole_lines:
            number = plan.charge(number)
            own = whole_lines(own, number, plan)
        nets[curve.cell] += number
        lines += own
    if promotional:
        by_cell = CellRun(nets, terms.cells, plan.round, whole_lines=False, final=final)
        by_cell.offers, by_cell.notes = promotional, notes
        terms.settle(by_cell)
    else:
        run = RatingRun(nets, terms.cells, plan.round, whole_lines=False, final=final)
        run.notes = notes
        for apply in terms.sums:
            apply(run)
    lines += [line_of(note, plan) for note in notes]
    return lines
