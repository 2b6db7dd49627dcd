"""The bills of a block of groups: what they used, the run that settles it, and their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import gcd
from typing import NamedTuple, cast

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import decimal, odd_part
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.pricing_stages import FeeCharge, TokenPrice
from tokenbill.core.rating.rating_run import Number
from tokenbill.frames.array_run import ArrayRun, numerators
from tokenbill.frames.column_plan import ColumnPlan, Text
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, beyond
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.scales import places_of, too_narrow
from tokenbill.frames.sums import Cell

__all__ = ["BillLine", "Block"]


class BillLine(NamedTuple):
    """A line of the bills of a block, in 1/10^places: that of the groups at *where*; None is all of them.

    Quantities are in 1/(unit × 10^decimals). ``codes`` are the places of the texts where these differ.
    """

    text: Text
    amount: Ints
    places: int
    where: Array | None = None
    quantity: Ints | None = None
    decimals: int = 0
    codes: Array | None = None


class Block:
    """The groups from *start* on, before *stop*: what each used, by entry, and the run that settles them."""

    def __init__(
        self,
        plan: ColumnPlan,
        cells: Iterable[Cell],
        start: int,
        stop: int,
        *,
        final: bool = True,
        offered: Ints | None = None,
        by_charge: bool = False,
    ) -> None:
        self.plan, self.size = plan, stop - start
        self.by_cell = plan.form.by_cell and not by_charge
        self.zeros = Ints(np.zeros(self.size, np.int64), 0)
        self.cells = [found for cell in cells if (found := cell.within(start, stop)).n.size]
        self.numerators = list[Ints]()
        for cell in self.cells:
            amounts = numerators(cell.function, cell.n)
            if cell.function.at(0) and cell.entry not in plan.form.card.always:
                # what is due with the first unit is not due of a group that used none
                amounts = amounts * Ints(cell.n.nonzero().astype(np.int64), 1)
            self.numerators.append(amounts)
        self.run = self._settled(final, None if offered is None else offered[start:stop])

    def _settled(self, final: bool, offered: Ints | None) -> ArrayRun:
        form, terms = self.plan.form, self.plan.form.terms()
        pairs = zip(self.cells, self.numerators, strict=True)
        used = [
            (cell.entry, n if cell.group is None else n.placed(self.size, cell.group)) for cell, n in pairs
        ]
        if not self.by_cell:  # some term looks at single charges, or what is left of each is asked for
            run = ArrayRun(form, [], (), used, final=final, offered=offered)
            terms.rate(run)
            return run
        nets: list[Number] = list(terms.due[final])
        for entry, n in used:
            nets[entry.cell] = n + nets[entry.cell]
        run = ArrayRun(form, nets, terms.cells, final=final, offered=offered)
        terms.settle(run)
        return run

    def lines(self) -> Iterator[BillLine]:
        """Fees, usage, what changes it, taxes, and what is left to the rounded total."""
        plan, form = self.plan, self.plan.form
        left, places = self.run.total + self.zeros, form.places
        if plan.plan.overage == "refuse":
            self._refuse(left)
        lines = list[BillLine]()
        for stage in form.terms().pricing:
            if isinstance(stage, FeeCharge):
                over = 10**form.places if form.whole_lines else form.card.scale
                lines.append(self.line(("fee", None, stage.fee.name), stage.amount, over))
        lines += self._usage()
        for note in self.run.notes or ():
            over = 10**form.places if note.over is None else note.over
            line = self.line((note.charge.kind, None, note.charge.description), note.amount, over)
            # a tax is shown though it is nothing: that none is owed has to be said
            is_tax = note.charge.kind == "tax"
            lines.append(line if is_tax else where_any(line.text, line.amount, line.places))
        for line in lines:
            amount = line.amount if line.where is None else line.amount.placed(self.size, line.where)
            wider = max(places, line.places)
            left = left * 10 ** (wider - places) - amount * 10 ** (wider - line.places)
            places = wider
            yield line
        yield where_any(("rounding", None, "rounding"), left, places)

    def totals(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Discounts, promotional credit, taxes and the total, in the most decimals of column and currency."""
        form = self.plan.form
        scale = max(self.plan.scale, form.places)
        total = (self.run.total + self.zeros) * 10 ** (scale - form.places)
        if self.plan.plan.overage == "refuse":
            self._refuse(self.run.total + self.zeros)
        off, taxes = self.zeros, self.zeros
        for note in self.run.notes or ():
            over = 10**form.places if note.over is None else note.over
            if note.charge.kind == "discount":
                line = self.line(("discount", None, note.charge.description), -note.amount, over)
                off = off + line.amount * 10 ** (scale - line.places)
            elif note.charge.kind == "tax":  # of a tax that prices contain, the line that takes it off again
                taxes = taxes + beyond(note.amount + self.zeros, 0) * 10 ** (scale - form.places)
        credit = (self.run.promotional + self.zeros) * 10 ** (scale - form.places)
        return off, credit, taxes, total

    def _refuse(self, total: Ints) -> None:
        """No balance pays here, so a plan that bills no overage bills no usage that costs.

        What is asked is the exact amount, which may be less than a minor unit: ``Bill.of`` is the judge.
        """
        is_used, costs = np.zeros(self.size, bool), np.zeros(self.size, bool)
        for cell, n in zip(self.cells, self.numerators, strict=True):
            where = slice(None) if cell.group is None else cell.group
            is_used[where] |= cell.n.nonzero()
            costs[where] |= n.nonzero()
        # a fee of less than a minor unit is not covered either, though the usage itself costs nothing
        costs |= (sum(self.run.nets) + self.zeros).nonzero()
        if self.plan.form.whole_lines and (self.plan.plan.fees or self.plan.plan.minima):
            # where charges are rounded one by one, what is left of them no longer tells of such a fee
            costs |= is_used
        settled = total.nonzero()
        surely, perhaps = np.flatnonzero(is_used & settled), np.flatnonzero(is_used & costs & ~settled)
        for group in (*surely[:1].tolist(), *perhaps.tolist()):
            found = [(cell, cell.within(group, group + 1).n.long()) for cell in self.cells]
            used = {str(cell.entry.key): quantity_of(n[0], self.plan.unit) for cell, n in found if n.size}
            Bill.of(Usage(used), self.plan.plan, period=self.plan.period)

    def _usage(self) -> Iterator[BillLine]:
        """A line for each entry that was used, and for what is due though no token is left to pay."""
        plan, form, run = self.plan, self.plan.form, self.run
        amounts: Sequence[Number]
        over: Number = form.card.scale
        is_dense = not self.by_cell
        if self.by_cell:
            amounts = self.numerators
        elif plan.plan.token_price is None:
            amounts = [number for source, number in run.charges if isinstance(source, EntryCurve)]
        else:
            amounts, over = run.sold[0], over * run.sold[1]
        if form.whole_lines:
            over = 10**form.places
        for cell, number in zip(self.cells, amounts, strict=True):
            where, n, key = cell.group, cell.n, str(cell.entry.key)
            amount = number[where] if is_dense and where is not None else number
            if cell.entry not in form.card.always and not (is_used := n.nonzero()).all():
                where = np.flatnonzero(is_used) if where is None else where[is_used]
                amount, n = amount[is_used], n[is_used]
            # what spreads widened differs from group to group, unless all share it
            is_shared = isinstance(over, int) or where is None or over.size == 1
            line = self.line(("usage", key, key), amount, over if is_shared else cast(Ints, over)[where])
            yield line._replace(where=where, quantity=n)
        for source, number in run.charges:
            if isinstance(source, TokenPrice):
                line = self.line(("usage", None, "tokens"), number, over)
                yield where_any(line.text, line.amount, line.places)

    def line(self, text: Text, number: Number, over: Number) -> BillLine:
        """Numerators as amounts: exact, or to the decimals of the column where they never end."""
        scale = self.plan.scale
        number = number + self.zeros if isinstance(number, int) else number
        if isinstance(over, Ints):
            return BillLine(text, rounded(number, over, scale), scale)
        places = places_of(over, scale)
        if places <= scale and odd_part(over) == 1:
            return BillLine(text, rounded(number, over, places), places)
        found = rounded(number, over, scale)
        # what ends only after more decimals than the column has would lose them without a word
        inexact = (found * over - number * 10**scale).nonzero()
        ends = inexact if odd_part(over) == 1 else inexact & ~(number % odd_part(over)).nonzero()
        if ends.any():
            n = int(number[int(np.argmax(ends)) : int(np.argmax(ends)) + 1].long()[0])
            raise too_narrow(f"an amount of {text[1] or text[2]}", decimal(Fraction(n, over)), scale)
        return BillLine(text, found, scale)


def rounded(number: Ints, over: Number, places: int) -> Ints:
    """Numerators in 1/10^places, half up, as the scalar path rounds what does not terminate."""
    top, divisor = 10**places, over
    if isinstance(over, int):
        common = gcd(top, over)
        top, divisor = top // common, over // common
    found: Ints = number * top
    return found if isinstance(divisor, int) and divisor == 1 else (found * 2 + divisor) // (divisor * 2)


def where_any(text: Text, amount: Ints, places: int) -> BillLine:
    """A line of the groups where it comes to something."""
    where = np.flatnonzero(amount.nonzero())
    if where.size == amount.size:
        return BillLine(text, amount, places)
    return BillLine(text, amount[where], places, where)
