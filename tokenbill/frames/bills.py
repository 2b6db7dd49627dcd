"""The bills of many groups at once: usage summed by any engine, settled on arrays, block by block.

Every frame of aggregated quantities comes here, whatever engine made it, so that settling is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cached_property, partial
from typing import Any, NamedTuple

from tokenbill.core.metering.usage import Usage
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.errors import QuantityOverflow
from tokenbill.frames.array_run import numerators
from tokenbill.frames.block import BillLine, Block
from tokenbill.frames.column_plan import BillRow, ColumnPlan, Text
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, joined
from tokenbill.frames.itemised import Itemiser
from tokenbill.frames.layouts import Layout, quantity_of
from tokenbill.frames.scales import DIGITS, least_scale, too_narrow, unscaled
from tokenbill.frames.sums import Cell, Sums, added, cells, refuse_beyond

__all__ = ["Rows", "Settled", "Totals", "amounts", "held"]

BLOCK = 1 << 13
"""Groups that are settled at once: their numbers, and those on the way, fit the cache."""
TOGETHER = "all meters together"
MOST = 10**DIGITS - 1


class Rows(NamedTuple):
    """Lines of bills: ``what`` is a place in ``Settled.texts``, the kind, meter and description of each.

    Numbers are in 1/10^scale; ``quantity`` counts where ``counted`` is true. ``label`` and ``part`` are the
    places of the labels that the line is of, and of what it is spread over; -1 is none.
    """

    group: Array
    what: Array
    quantity: Ints
    counted: Array
    amount: Ints
    label: Array = None
    part: Array = None


class Totals(NamedTuple):
    """What each group comes to, in 1/10^scale: net − credit + tax = total."""

    net: Ints
    discount: Ints
    credit: Ints
    tax: Ints
    total: Ints


class Settled:
    """The bills of all groups, block by block; ``texts`` are those of the lines that were met so far."""

    def __init__(self, plan: ColumnPlan, layout: Layout, sums: Sums) -> None:
        self.plan, self.layout, self.sums = plan, layout, sums
        self.texts: dict[Text, int] = {}

    def blocks(self) -> Iterator[Rows]:
        """The lines of the groups, in their order."""
        sums, plan, found = self.sums, self.plan, self.cells
        if not self.is_on_arrays:
            yield self._one_by_one(found)
            return
        ordered = self.ordered(found)
        itemiser = Itemiser(self.texts, plan.unit, plan.scale) if self.layout.is_wide else None
        if not sums.groups:  # the types of a result do not depend on there being rows
            yield self.listed([])
        for start in range(0, sums.groups, BLOCK):
            stop = min(start + BLOCK, sums.groups)
            block = Block(plan, ordered, start, stop)
            lines = block.lines() if itemiser is None else itemiser.lines(block)
            yield self._written(list(lines), start, stop)

    def totals(self, offered: Ints | None = None) -> Totals:
        """What each group comes to, of which promotional credit pays what is *offered*, in minor units."""
        sums, plan, found = self.sums, self.plan, self.cells
        if not self.is_on_arrays:
            return self.added_up(self._one_by_one(found))
        parts = list[tuple[Ints, ...]]()
        ordered = self.ordered(found)
        for start in range(0, sums.groups, BLOCK):
            stop = min(start + BLOCK, sums.groups)
            parts.append(Block(plan, ordered, start, stop, offered=offered).totals())
        off, credit, taxes, total = (joined([part[i] for part in parts]) for i in range(4))
        places = max(plan.scale, plan.form.places)
        every = (total - taxes + credit, off, credit, taxes, total)
        hold = partial(held, what=TOGETHER, scale=plan.scale, name=sums.name, least=plan.form.places)
        return Totals(*(hold(numbers, places) for numbers in every))

    def previews(self, *, final: bool) -> Ints:
        """What each group comes to, in 1/10^scale, where nothing is refused; *final* closes the period."""
        sums, plan, found, parts = self.sums, self.plan, self.cells, list[Ints]()
        if not self.is_on_arrays:
            return self.unscaled(
                plan.preview(Usage(used), final=final) for used in self._usage_by_group(found)
            )
        ordered = self.ordered(found)
        for start in range(0, sums.groups, BLOCK):
            block = Block(plan, ordered, start, min(start + BLOCK, sums.groups), final=final)
            parts.append(block.run.total + block.zeros)
        return held(joined(parts), plan.form.places, what=TOGETHER, scale=plan.scale, name=sums.name)

    def unscaled(self, amounts: Iterable[Decimal]) -> Ints:
        """Amounts of single bills in 1/10^scale."""
        return Ints(np.array([unscaled(amount, self.plan.scale) for amount in amounts], object))

    def _name_of(self, where: Array) -> Callable[[int], str]:
        """What errors call the groups of a line."""
        return lambda place: self.sums.name(int(where[place]))

    def added_up(self, rows: Rows) -> Totals:
        """The same of lines that ``Bill.of`` made."""
        texts = list(self.texts)
        kinds = np.array([text[0] for text in texts])[rows.what] if texts else np.zeros(0, str)

        def of(kind: str, *, is_above: bool = False) -> Ints:
            where = np.flatnonzero((kinds == kind) & (~rows.amount.signs() if is_above else True))
            return added(self.sums.groups, rows.group[where], rows.amount[where])

        total, taxes = added(self.sums.groups, rows.group, rows.amount), of("tax", is_above=True)
        credit = -of("credit")
        return Totals(total - taxes + credit, -of("discount"), credit, taxes, total)

    @cached_property
    def cells(self) -> list[Cell]:
        """The quantities by entry."""
        return cells(self.plan, self.layout, self.sums)

    @property
    def is_on_arrays(self) -> bool:
        """Whether the bills are settled on arrays."""
        return self.plan.on_arrays and all(cell.entry.function is not None for cell in self.cells)

    @property
    def terms(self) -> BillingPlan | Contract:
        """What the bills are made of."""
        return self.plan.plan

    def usages(self, groups: Array) -> Iterator[Any]:
        """What some groups used, as ``Bill.of`` takes it."""
        every: list[Any] = self._usage_by_group(self.cells)
        return (Usage(every[group]) for group in groups.tolist())

    def ordered(self, found: list[Cell]) -> list[Cell]:
        """The quantities by entry in the order of lines, none of them beyond what an entry prices."""
        plan, sums = self.plan, self.sums
        by_entry = {cell.entry: cell for cell in found}
        # every group has what costs though nothing is used
        for entry in plan.form.card.always:
            n, known = Ints(np.zeros(sums.groups, np.int64), 0), by_entry.get(entry)
            if known is not None:
                n = known.n if known.group is None else known.n.placed(sums.groups, known.group)
            by_entry[entry] = Cell(entry, None, n)
        ordered = sorted(by_entry.values(), key=lambda cell: cell.entry.order)
        for cell in ordered:
            # beyond the top no quantity is one, and the curve has no pieces
            most = min(cell.function.top, MOST)
            refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=most, unit=plan.unit, sums=sums)
        return ordered

    def _written(self, lines: list[BillLine], start: int, stop: int) -> Rows:
        """Lines of a block as rows: each is written to its place, behind the lines of its bill before it."""
        # lines come term by term, rows stand bill by bill: each line is written behind those before it
        counts = np.zeros(stop - start, np.int64)
        for line in lines:
            counts[slice(None) if line.where is None else line.where] += 1
        ends = np.cumsum(counts)
        place, count = ends - counts, int(ends[-1])
        what, counted = np.zeros(count, np.int32), np.zeros(count, bool)
        amount, quantity = _Words(count), _Words(count)
        group = np.repeat(np.arange(start, stop, dtype=np.int32), counts)
        # in the decimals that these lines need, and only then in those of the column: that takes two words
        scale = self.plan.scale
        places = min(scale, max((line.places for line in lines), default=0))
        decimals, unit = max((line.decimals for line in lines), default=0), len(str(self.plan.unit)) - 1

        def of_row(row: int) -> str:
            meter: Any = list(self.texts)[int(what[row])][1]
            return str(meter or TOGETHER)

        hold = partial(held, scale=scale, name=self._name_of(group), least=self.plan.form.places)
        for line in lines:
            rows = place if line.where is None else place[line.where]
            codes = line.codes
            what[rows] = self.texts.setdefault(line.text, len(self.texts)) if codes is None else codes
            exact = line.amount * 10 ** max(places - line.places, 0)
            if line.places > places or exact.top > MOST:
                kept = self._held(line, group[rows], line.amount, line.places)
                exact = kept if line.places > places else exact.tight()
            amount.write(rows, exact)
            if line.quantity is not None:
                counted[rows] = True
                number = line.quantity * 10 ** (decimals - line.decimals)
                if number.top > MOST:
                    self._held(line, group[rows], line.quantity, unit + line.decimals)
                    number = number.tight()
                quantity.write(rows, number)
            place[slice(None) if line.where is None else line.where] += 1
        quantities = hold(quantity.ints(), unit + decimals, what=of_row)
        return Rows(group, what, quantities, counted, hold(amount.ints(), places, what=of_row))

    def _held(self, line: BillLine, groups: Array, numbers: Ints, places: int) -> Ints:
        """Numbers of a line as its column holds them."""
        # what the column does not hold is refused before it is too long for two words
        name, what = self._name_of(groups), line.text[1] or TOGETHER
        return held(numbers, places, what=what, scale=self.plan.scale, name=name, least=self.plan.form.places)

    def _one_by_one(self, found: Iterable[Cell]) -> Rows:
        """The bills of the groups by ``Bill.of``."""
        bills = (self.plan.rows(used, is_wide=self.layout.is_wide) for used in self._usage_by_group(found))
        return self.listed([(group, row) for group, rows in enumerate(bills) for row in rows])

    def _usage_by_group(self, found: Iterable[Cell]) -> list[dict[str, Decimal]]:
        """What each group used, by the keys of entries."""
        plan, sums = self.plan, self.sums
        usage: list[dict[str, Decimal]] = [{} for _ in range(sums.groups)]
        for cell in found:
            refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=MOST, unit=plan.unit, sums=sums)
            groups = range(sums.groups) if cell.group is None else cell.group.tolist()
            for group, n in zip(groups, cell.n.long().tolist(), strict=True):
                usage[group][str(cell.entry.key)] = quantity_of(n, plan.unit)
        return usage

    def listed(self, rows: list[tuple[int, BillRow]]) -> Rows:
        """Rows of single bills, each with its group."""
        scale = self.plan.scale
        what = [self.texts.setdefault(row.text, len(self.texts)) for _, row in rows]
        quantities = [unscaled(row.quantity or Decimal(0), scale, "a quantity") for _, row in rows]
        return Rows(
            np.array([group for group, _ in rows], np.int32),
            np.array(what, np.int32),
            Ints(np.array(quantities, object)),
            np.array([row.quantity is not None for _, row in rows], bool),
            self.unscaled(row.amount for _, row in rows),
        )


def held(
    numbers: Ints,
    places: int,
    *,
    what: str | Callable[[int], str],
    scale: int,
    name: Callable[[int], str],
    least: int = 0,
) -> Ints:
    """Numbers in 1/10^places with the decimals of a column, none of which it would lose or not hold.

    Raises:
        InvalidPrice: For one of more decimals, with the scale that it needs.
        QuantityOverflow: For one of more digits before the point, with the scale that leaves room for it.
    """

    def exact(row: int) -> Decimal:
        return quantity_of(int(numbers[row : row + 1].long()[0]), 10**places)

    if places > scale:
        rest = (numbers % 10 ** (places - scale)).nonzero()
        if rest.any():
            first = int(np.argmax(rest))
            told = what if isinstance(what, str) else what(first)
            raise too_narrow(f"a number of {told}", exact(first), scale)
        return held(numbers // 10 ** (places - scale), scale, what=what, scale=scale, name=name, least=least)
    # the decimals that the column adds take digits from those before the point
    room = MOST // 10 ** (scale - places)
    if numbers.top > room and numbers.tight().top > room:
        is_large = (room - numbers).signs() | (numbers + room).signs()
        if is_large.any():
            first = int(np.argmax(is_large))
            number, most = abs(exact(first)), quantity_of(room, 10**places)
            told = what if isinstance(what, str) else what(first)
            raise QuantityOverflow(told, name(first), number, most, scale=least_scale(number, least))
    found: Ints = numbers * 10 ** (scale - places)
    return found


def amounts(plan: ColumnPlan, layout: Layout, sums: Sums) -> Ints:
    """The amount of each group at the prices alone, in 1/10^scale: what ``rate_rows`` adds."""
    found = cells(plan, layout, sums)
    if plan.shown is None:
        usage: list[list[tuple[EntryCurve, Decimal]]] = [[] for _ in range(sums.groups)]
        for cell in found:
            groups = range(sums.groups) if cell.group is None else cell.group.tolist()
            for group, n in zip(groups, cell.n.long().tolist(), strict=True):
                usage[group].append((cell.entry, quantity_of(n, plan.unit)))
        return Ints(np.array([unscaled(plan.amount(row), plan.scale) for row in usage], object))
    total = Ints(np.zeros(sums.groups, np.int64), 0)
    for cell in found:
        # engines rate rows in numbers of 38 digits, so what they refuse is refused on arrays, too
        most = cell.function.most(plan.limit)
        refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=most, unit=plan.unit, sums=sums)
        amount = numerators(cell.function, cell.n)
        total = total + (amount if cell.group is None else amount.placed(sums.groups, cell.group))
    refuse_beyond(TOGETHER, None, total, most=plan.limit - 1, unit=plan.form.card.scale, sums=sums)
    return numerators(plan.shown, total) * plan.factor


class _Words:
    """Numbers that are written place by place, with an upper word once one needs it."""

    def __init__(self, count: int) -> None:
        self.low: Array = np.zeros(count, np.int64)
        self.high: Array = None
        self.top = 0

    def write(self, rows: Array, numbers: Ints) -> None:
        """Write numbers to these places."""
        # a bound that history made too wide would add an upper word that no number needs
        numbers = numbers if numbers.top < self.top else numbers.tight()
        self.top = max(self.top, numbers.top)
        if numbers.high is None and not numbers.is_long and self.high is None:
            self.low[rows] = numbers.low
            return
        if self.high is None:
            self.high = self.low >> 63
        low, high = numbers.words()
        self.low[rows], self.high[rows] = low.view(np.int64), high

    def ints(self) -> Ints:
        """What was written."""
        if self.high is None:
            return Ints(self.low, self.top)
        return Ints(self.low.view(np.uint64), self.top, self.high)
