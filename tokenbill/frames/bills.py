"""The bills of many groups at once: usage summed by any engine, settled on arrays, block by block.

Every frame of aggregated quantities comes here, whatever engine made it, so that settling is written once.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.frames.array_run import numerators
from tokenbill.frames.block import BillLine, Block, Text
from tokenbill.frames.column_plan import DIGITS, ColumnPlan, unscaled
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, joined
from tokenbill.frames.layouts import Layout, quantity_of
from tokenbill.frames.sums import Cell, Sums, cells, refuse_beyond

__all__ = ["Rows", "amounts", "settle"]

BLOCK = 1 << 13
"""Groups that are settled at once: their numbers, and those on the way, fit the cache."""
TOGETHER = "all meters together"


class Rows(NamedTuple):
    """The lines of bills: ``what`` is a place in ``texts``, the kind, meter and description of each line.

    ``quantity`` is a number of 1/unit and counts where ``counted`` is true; ``amount`` one of 1/10^places.
    """

    group: Array
    what: Array
    texts: list[Text]
    quantity: Ints
    counted: Array
    amount: Ints


def amounts(plan: ColumnPlan, layout: Layout, sums: Sums) -> Ints:
    """The amount of each group at the prices alone, in 1/10^places: what ``rate_rows`` adds."""
    found = cells(plan, layout, sums)
    if plan.shown is None:
        usage: list[list[tuple[EntryCurve, Decimal]]] = [[] for _ in range(sums.groups)]
        for cell in found:
            groups = range(sums.groups) if cell.group is None else cell.group.tolist()
            for group, n in zip(groups, cell.n.long().tolist(), strict=True):
                usage[group].append((cell.entry, quantity_of(n, plan.unit)))
        return Ints(np.array([unscaled(plan.amount(row), plan.places) for row in usage], object))
    total = Ints(np.zeros(sums.groups, np.int64), 0)
    for cell in found:
        # engines rate rows in numbers of 38 digits, so what they refuse is refused on arrays, too
        most = cell.function.most(plan.limit)
        refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=most, unit=plan.unit, sums=sums)
        amount = numerators(cell.function, cell.n)
        total = total + (amount if cell.group is None else amount.placed(sums.groups, cell.group))
    refuse_beyond(TOGETHER, None, total, most=plan.limit - 1, unit=plan.form.card.scale, sums=sums)
    return numerators(plan.shown, total)


def settle(plan: ColumnPlan, layout: Layout, sums: Sums) -> Rows:
    """The bill of each group, line by line."""
    found = cells(plan, layout, sums)
    if not plan.on_arrays or any(cell.entry.function is None for cell in found):
        return _one_by_one(plan, found, sums)
    by_entry = {cell.entry: cell for cell in found}
    for entry in plan.form.card.always:  # every group has what costs something though nothing is used
        n, known = Ints(np.zeros(sums.groups, np.int64), 0), by_entry.get(entry)
        if known is not None:
            n = known.n if known.group is None else known.n.placed(sums.groups, known.group)
        by_entry[entry] = Cell(entry, None, n)
    ordered = sorted(by_entry.values(), key=lambda cell: cell.entry.order)
    for cell in ordered:
        # beyond the top no quantity is one, and the curve has no pieces
        most = min(cell.function.top, 10**DIGITS - 1)
        refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=most, unit=plan.unit, sums=sums)
    writer = _Writer(plan, sums)
    for start in range(0, sums.groups, BLOCK):
        stop = min(start + BLOCK, sums.groups)
        writer.add(list(Block(plan, ordered, start, stop).lines()), start, stop)
    return writer.rows()


class _Writer:
    """Lines of blocks as rows: each is written to its place, behind the lines of its bill before it."""

    def __init__(self, plan: ColumnPlan, sums: Sums) -> None:
        self.plan, self.sums = plan, sums
        self.texts: dict[Text, int] = {}
        self.parts: list[Rows] = []

    def add(self, lines: list[BillLine], start: int, stop: int) -> None:
        """Write the lines of the groups from *start* on."""
        plan, size = self.plan, stop - start
        counts = np.zeros(size, np.int64)
        for line in lines:
            counts[slice(None) if line.where is None else line.where] += 1
            where = np.arange(start, stop) if line.where is None else line.where + start
            meter = line.text[1] or TOGETHER
            most, unit = 10**DIGITS - 1, 10**plan.bill_places
            refuse_beyond(meter, where, line.amount, most=most, unit=unit, sums=self.sums)
        ends = np.cumsum(counts)
        place, count = ends - counts, int(ends[-1])
        what, counted = np.zeros(count, np.int32), np.zeros(count, bool)
        amount, quantity = _Words(count), _Words(count)
        for line in lines:
            rows = place if line.where is None else place[line.where]
            what[rows] = self.texts.setdefault(line.text, len(self.texts))
            amount.write(rows, line.amount)
            if line.quantity is not None:
                counted[rows] = True
                quantity.write(rows, line.quantity)
            place[slice(None) if line.where is None else line.where] += 1
        group = np.repeat(np.arange(start, stop, dtype=np.int32), counts)
        self.parts.append(Rows(group, what, [], quantity.ints(), counted, amount.ints()))

    def rows(self) -> Rows:
        """All that was written."""
        parts, self.parts = self.parts, []
        groups, whats, _, quantities, counts, amounts = (
            [list(column) for column in zip(*parts, strict=True)] if parts else [[], [], [], [], [], []]
        )
        # each column is let go once it is joined, or the rows would be in memory twice
        parts.clear()
        return Rows(
            _concatenated(groups, np.int32),
            _concatenated(whats, np.int32),
            list(self.texts),
            _joined(quantities),
            _concatenated(counts, bool),
            _joined(amounts),
        )


def _joined(parts: list[Ints]) -> Ints:
    found = joined(parts)
    parts.clear()
    return found


def _concatenated(parts: list[Array], kind: Any) -> Array:
    found = np.concatenate([np.zeros(0, kind), *parts])
    parts.clear()
    return found


class _Words:
    """Numbers that are written place by place, with an upper word once one needs it."""

    def __init__(self, count: int) -> None:
        self.low: Array = np.zeros(count, np.int64)
        self.high: Array = None
        self.top = 0

    def write(self, rows: Array, numbers: Ints) -> None:
        """Write numbers to these places."""
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
        return (
            Ints(self.low, self.top)
            if self.high is None
            else Ints(self.low.view(np.uint64), self.top, self.high)
        )


def _one_by_one(plan: ColumnPlan, found: Iterable[Cell], sums: Sums) -> Rows:
    """The bills of the groups by ``Bill.of``."""
    usage: list[dict[str, Decimal]] = [{} for _ in range(sums.groups)]
    for cell in found:
        refuse_beyond(str(cell.entry.key), cell.group, cell.n, most=10**DIGITS - 1, unit=plan.unit, sums=sums)
        groups = range(sums.groups) if cell.group is None else cell.group.tolist()
        for group, n in zip(groups, cell.n.long().tolist(), strict=True):
            usage[group][str(cell.entry.key)] = quantity_of(n, plan.unit)
    rows = [(group, row) for group, used in enumerate(usage) for row in plan.rows(used)]
    texts: dict[Text, int] = {}
    what = [texts.setdefault(row[:3], len(texts)) for _, row in rows]
    quantities = [int(Fraction(row.quantity or 0) * plan.unit) for _, row in rows]
    return Rows(
        np.array([group for group, _ in rows], np.int32),
        np.array(what, np.int32),
        list(texts),
        Ints(np.array(quantities, object)),
        np.array([row.quantity is not None for _, row in rows], bool),
        Ints(np.array([unscaled(row.amount, plan.bill_places) for _, row in rows], object)),
    )
