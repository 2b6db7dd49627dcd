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
from tokenbill.core.rating.pricing_stages import FeeCharge
from tokenbill.core.rating.statement import fee_line, line_of, plain_lines

__all__ = ["lines_by_sums"]

_order = attrgetter("order")


def lines_by_sums(
    plan: CompiledPlan, usage: Usage, *, final: bool, promotional: Sequence[Offer] = ()
) -> list[LineItem]:
    """The lines of a period so far, not yet settled, of a plan of one version whose terms ask for sums.

    *promotional* are what promotional grants without scopes offer, in order of drawing.
    """
    if plan.is_plain and not promotional:
        return plain_lines(plan, usage)
    quantities = plan.card.quantities(usage)
    curves = sorted(quantities, key=_order) if len(quantities) > 1 else quantities
    terms = plan.terms()  # after the quantities: a meter met for the first time may bring a cell
    lines = [
        fee_line(stage, plan)
        for stage in terms.pricing
        if isinstance(stage, FeeCharge) and (final or stage.fee.due == "advance")
    ]
    nets = list(terms.due[final])
    for curve in curves:
        quantity = quantities[curve]
        nets[curve.cell] += curve.at(quantity)
        lines += curve.lines(Decimal(quantity))
    run = CellRun(nets, terms.cells, round=plan.round, whole_lines=False, final=final)
    run.offers, run.notes = promotional, []
    terms.settle(run)
    for note in run.notes:
        lines.append(line_of(note, plan))
    return lines
