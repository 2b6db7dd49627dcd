"""The bills of a block of groups: what they used, the run that settles it, and their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import gcd
from typing import NamedTuple, TypeAlias

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.rating_run import Number
from tokenbill.core.rating.stages import BurnTokens, FeeCharge
from tokenbill.frames.array_run import ArrayRun, numerators
from tokenbill.frames.column_plan import PLACES, ColumnPlan, places_of
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, picked
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.sums import Cell

__all__ = ["BillLine", "Block", "Text"]

Text: TypeAlias = "tuple[str, str | None, str]"
"""The kind, meter and description of a line."""


class BillLine(NamedTuple):
    """A line of the bills of a block: *amount* is that of the groups at *where*; None is all of them."""

    text: Text
    amount: Ints
    where: Array | None = None
    quantity: Ints | None = None


class Block:
    """The groups from *start* on, before *stop*: what each used, by entry, and the run that settles them."""

    def __init__(self, plan: ColumnPlan, cells: Iterable[Cell], start: int, stop: int) -> None:
        self.plan, self.size = plan, stop - start
        self.zeros = Ints(np.zeros(self.size, np.int64), 0)
        self.cells = [found for cell in cells if (found := cell.within(start, stop)).n.size]
        self.numerators = [self._numerator(cell) for cell in self.cells]
        self.run = self._settled()

    def _numerator(self, cell: Cell) -> Ints:
        found = numerators(cell.function, cell.n)
        if cell.function.at(0) and cell.entry not in self.plan.form.card.always:
            # what is due with the first unit is not due of a group that used none
            return found * Ints(cell.n.nonzero().astype(np.int64), 1)
        return found

    def _settled(self) -> ArrayRun:
        form, terms = self.plan.form, self.plan.form.terms()
        pairs = zip(self.cells, self.numerators, strict=True)
        used = [
            (cell.entry, n if cell.group is None else n.placed(self.size, cell.group)) for cell, n in pairs
        ]
        if not form.by_cell:  # some term looks at single charges
            run = ArrayRun(form, [], (), used)
            terms.rate(run)
            return run
        nets: list[Number] = list(terms.due[True])
        for entry, n in used:
            nets[entry.cell] = n + nets[entry.cell]
        run = ArrayRun(form, nets, terms.cells)
        terms.settle(run)
        return run

    def lines(self) -> Iterator[BillLine]:
        """Fees, usage, what changes it, taxes, and what is left to the rounded total."""
        plan, form = self.plan, self.plan.form
        total = self.run.total + self.zeros
        if plan.plan.overage == "refuse":
            self._refuse(total)
        left = total * 10 ** (plan.bill_places - form.places)
        for line in (*self._fees(), *self._usage(), *self._notes()):
            amount = line.amount if line.where is None else line.amount.placed(self.size, line.where)
            left = left - amount
            yield line
        yield _where_any(("rounding", None, "rounding"), left)

    def _refuse(self, total: Ints) -> None:
        """No balance pays here, so a plan that bills no overage bills no usage that costs.

        What is asked is the exact amount, which may be less than a minor unit: ``Bill.of`` is the judge.
        """
        is_used, costs = np.zeros(self.size, bool), np.zeros(self.size, bool)
        for cell, n in zip(self.cells, self.numerators, strict=True):
            where = slice(None) if cell.group is None else cell.group
            is_used[where] |= cell.n.nonzero()
            costs[where] |= n.nonzero()
        settled = total.nonzero()
        surely, perhaps = np.flatnonzero(is_used & settled), np.flatnonzero(is_used & costs & ~settled)
        for group in (*surely[:1].tolist(), *perhaps.tolist()):
            found = [(cell, cell.within(group, group + 1).n.long()) for cell in self.cells]
            used = {str(cell.entry.key): quantity_of(n[0], self.plan.unit) for cell, n in found if n.size}
            Bill.of(Usage(used), self.plan.plan, period=self.plan.period)

    def _fees(self) -> Iterator[BillLine]:
        form = self.plan.form
        for stage in form.terms().pricing:
            if isinstance(stage, FeeCharge):
                over = 10**form.places if form.whole_lines else form.card.scale
                own = places_of(over // gcd(stage.amount, over))
                yield BillLine(("fee", None, stage.fee.name), self._shown(stage.amount, over, own))

    def _usage(self) -> Iterator[BillLine]:
        """A line for each entry that was used, and for what is due though no token is left to pay."""
        plan, form, run = self.plan, self.plan.form, self.run
        amounts: Sequence[Number]
        over: Number = form.card.scale
        is_dense, places = not form.by_cell, PLACES
        if form.by_cell:
            amounts, places = self.numerators, plan.places
        elif plan.plan.token_price is None:
            amounts = [number for source, number in run.charges if isinstance(source, EntryCurve)]
        else:
            amounts, over = run.sold[0], over * run.sold[1]
        if form.whole_lines:
            over, places = 10**form.places, form.places
        for cell, number in zip(self.cells, amounts, strict=True):
            where, n, key = cell.group, cell.n, str(cell.entry.key)
            amount = number[where] if is_dense and where is not None else number
            if cell.entry not in form.card.always and not (is_used := n.nonzero()).all():
                where = np.flatnonzero(is_used) if where is None else where[is_used]
                amount, n = amount[is_used], n[is_used]
            yield BillLine(("usage", key, key), self._shown(amount, _at(over, where), places), where, n)
        for source, number in run.charges:
            if isinstance(source, BurnTokens):
                text = ("usage", None, "tokens")
                yield _where_any(text, self._shown(number, over, places))

    def _notes(self) -> Iterator[BillLine]:
        """What terms changed; taxes are shown though they are nothing."""
        form = self.plan.form
        for note, own in zip(self.run.notes or (), self.plan.note_places, strict=True):
            over = 10**form.places if note.over is None else note.over
            text, amount = (
                (note.charge.kind, None, note.charge.description),
                self._shown(note.amount, over, own),
            )
            yield BillLine(text, amount) if note.charge.kind == "tax" else _where_any(text, amount)

    def _shown(self, number: Number, over: Number, own: int) -> Ints:
        """Numerators as amounts with so many decimals, in the places of the column."""
        places = self.plan.bill_places
        number = number + self.zeros if isinstance(number, int) else number
        found: Ints
        found = _rounded(number, over, own) * 10 ** (places - own)
        if own == PLACES < places:
            # 18 decimals are for what never ends; an amount that the column holds is shown to its last digit
            full = _rounded(number, over, places)
            found = picked(~(full * over - number * 10**places).nonzero(), full, found)
        return found


def _rounded(number: Ints, over: Number, places: int) -> Ints:
    """Numerators in 1/10^places, half up, as the scalar path rounds what does not terminate."""
    top, divisor = 10**places, over
    if isinstance(over, int):
        common = gcd(top, over)
        top, divisor = top // common, over // common
    found: Ints = number * top
    return found if isinstance(divisor, int) and divisor == 1 else (found * 2 + divisor) // (divisor * 2)


def _at(over: Number, where: Array | None) -> Number:
    return over if isinstance(over, int) or where is None or over.size == 1 else over[where]


def _where_any(text: Text, amount: Ints) -> BillLine:
    """A line of the groups where it comes to something."""
    where = np.flatnonzero(amount.nonzero())
    return BillLine(text, amount) if where.size == amount.size else BillLine(text, amount[where], where)
