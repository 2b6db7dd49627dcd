"""Sums by group: quantities of each entry of a plan, in arrays, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.integer_price import IntegerPrice
from tokenbill.errors import QuantityOverflow, UnpricedUsage
from tokenbill.frames.column_plan import ColumnPlan
from tokenbill.frames.engines import np
from tokenbill.frames.ints import LONG, Array, Ints, joined
from tokenbill.frames.layouts import Layout, quantity_of

__all__ = ["Cell", "Sums", "added", "cells", "priced", "refuse_beyond"]


class Sums(NamedTuple):
    """Quantities by group, or row by row, as whole numbers.

    Args:
        groups: How many groups there are.
        group: The group of each entry of the arrays, from 0; None where they are the groups, in order.
        variants: What tells the meters of one column apart: cells of labels, and of the meter.
        variant: Which of them holds; None where there is one only.
        quantities: For each column of quantities its numbers, and their decimals.
        name: What an error calls a group.
    """

    groups: int
    group: Array
    variants: Sequence[tuple[Any, ...]]
    variant: Array | None
    quantities: Sequence[tuple[Ints, int]]
    name: Callable[[int], str]


class Cell(NamedTuple):
    """Quantities of one entry, by group, in ascending order; None is every group."""

    entry: EntryCurve
    group: Array
    n: Ints

    @property
    def function(self) -> IntegerPrice:
        """What the entry costs, where its price lists pieces."""
        assert self.entry.function is not None  # else no array is asked for it
        return self.entry.function

    def within(self, start: int, stop: int) -> Cell:
        """The same of the groups from *start* on, before *stop*."""
        if self.group is None:
            return self._replace(n=self.n[start:stop])
        first, last = np.searchsorted(self.group, (start, stop))
        return self._replace(group=self.group[first:last] - start, n=self.n[first:last])


def added(count: int, group: Array, n: Ints) -> Ints:
    """Sums by group."""
    # the bound of the sum decides the width before anything is added, so that nothing wraps
    if n.high is not None or n.top * max(n.size, 1) >= LONG:
        n = n.tight()
    is_long = n.high is not None or n.is_long or n.top * max(n.size, 1) >= LONG
    sums = np.zeros(count, object if is_long else np.int64)
    np.add.at(sums, group, n.long() if is_long else n.low)
    return Ints(sums)


# ---------------------------------------------------------------- cells


def cells(plan: ColumnPlan, layout: Layout, sums: Sums) -> list[Cell]:
    """The quantities of each entry, in 1/unit; each group at most once."""
    found: dict[EntryCurve, Cell] = {}
    for column, (n, places) in zip(layout.measures, sums.quantities, strict=True):
        scaled = n * (plan.unit // 10**places)
        for cell in _cells(plan, layout, column, sums, scaled):
            known = found.get(cell.entry)
            if known is None:
                found[cell.entry] = cell
            elif known.group is None and cell.group is None:
                found[cell.entry] = Cell(cell.entry, None, known.n + cell.n)
            else:  # several columns fall to one entry, not all in the same groups
                groups = [np.arange(sums.groups) if it.group is None else it.group for it in (known, cell)]
                both = Cell(cell.entry, np.concatenate(groups), joined([known.n, cell.n]))
                found[cell.entry] = _once(sums.groups, both)
    return list(found.values())


def _cells(plan: ColumnPlan, layout: Layout, column: str, sums: Sums, n: Ints) -> Iterator[Cell]:
    """The quantities of one column, by entry."""
    entries = priced([plan], layout, column, n, variants=sums.variants, variant=sums.variant)
    if sums.variant is None:
        yield from (Cell(entry, sums.group, n) for entry in entries if entry is not None)
        return
    places = {entry: place for place, entry in enumerate(dict.fromkeys(entries))}
    which = np.array([places[entry] for entry in entries], np.int64)[sums.variant]
    group = np.arange(sums.groups) if sums.group is None else sums.group
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(places) + 1))
    for entry, place in places.items():
        rows = order[bounds[place] : bounds[place + 1]]
        if entry is None:
            continue
        cell = Cell(entry, group[rows], n[rows])
        if sums.group is None:
            yield cell
        elif entries.count(entry) == 1:
            rows = np.argsort(cell.group)  # engines give groups in any order
            yield Cell(entry, cell.group[rows], cell.n[rows])
        else:
            yield _once(sums.groups, cell)


def priced(
    plans: Sequence[ColumnPlan],
    layout: Layout,
    column: str,
    n: Ints,
    *,
    variants: Sequence[tuple[Any, ...]],
    variant: Array | None,
) -> list[EntryCurve | None]:
    """The entry of each variant of a column; None where none prices it, and nothing was used of it.

    Of several plans the last cell of a variant says which.
    """
    found = list[EntryCurve | None]()
    for place, cells in enumerate(variants):
        try:
            found.append(layout.entry(plans[cells[-1] if len(plans) > 1 else 0], column, cells))
        except UnpricedUsage:
            # where plans differ, a wide frame has a 0 for what only others pay for, and a bill asks no price
            rows = n if variant is None else n[np.flatnonzero(variant == place)]
            if rows.nonzero().any():
                raise
            found.append(None)
    return found


def _once(count: int, cell: Cell) -> Cell:
    """A cell with each group once."""
    sums, there = added(count, cell.group, cell.n), np.zeros(count, bool)
    there[cell.group] = True
    group = np.flatnonzero(there)
    return Cell(cell.entry, group, sums[group])


# ---------------------------------------------------------------- refusals


def refuse_beyond(meter: str, group: Array, n: Ints, *, most: int, unit: int, sums: Sums) -> None:
    """Refuse numbers of groups (None: of each in turn) beyond *most*, naming the first group that has one."""
    if n.top <= most or n.tight().top <= most:
        return
    is_beyond = (most - n).signs()
    if is_beyond.any():
        place = int(np.argmax(is_beyond))
        name = sums.name(place if group is None else int(group[place]))
        found = int(n[place : place + 1].long()[0])
        raise QuantityOverflow(meter, name, quantity_of(found, unit), quantity_of(max(most, 0), unit))
