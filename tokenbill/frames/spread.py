"""Showback: each line of a bill spread over the labels of its usage, so that the parts add up to the bill.

A line of usage goes by quantity among the labels that used the entry; every other line by the amounts of
usage of each label. Parts are floors in the last decimal of the column, and what is left goes to the largest
remainders, ties by the order of the labels: rows have no order, so none of this depends on one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tokenbill.frames.arrow_columns import longs, texts_of
from tokenbill.frames.bills import Rows
from tokenbill.frames.column_plan import TEXTS, Text, line_name
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import Array, Ints, joined, picked
from tokenbill.frames.sums import added

__all__ = ["Spread", "allocated_within", "in_order"]


class Spread(NamedTuple):
    """What the groups used, by entry and labels: sorted by group, entry and label, each once.

    ``label`` is the place among the sorted labels, ``part`` of each of those its place among what every line
    is spread over; None where lines that are no usage stay in one piece.
    """

    group: Array
    entry: Array
    label: Array
    n: Ints
    part: Array | None
    entries: dict[str, int]

    @classmethod
    def of(
        cls, found: Sequence[tuple[Array, Array, Array, Ints]], part: Array | None, entries: dict[str, int]
    ) -> Spread:
        """That of quantities: for each their groups, entries, labels and numbers."""
        group, entry, label = (np.concatenate([each[i] for each in found]) for i in range(3))
        n = joined([numbers for *_, numbers in found])
        used = n.nonzero()  # what was not used gets no part
        group, entry, label, n = group[used], entry[used], label[used], n[used]
        order = np.lexsort((label, entry, group))
        group, entry, label, n = group[order], entry[order], label[order], n[order]
        is_new = np.ones(group.size, bool)
        is_new[1:] = (np.diff(group) != 0) | (np.diff(entry) != 0) | (np.diff(label) != 0)
        place = np.cumsum(is_new) - 1
        first = np.flatnonzero(is_new)
        return cls(group[first], entry[first], label[first], added(first.size, place, n), part, dict(entries))

    def over(self, rows: Rows, texts: Sequence[Text]) -> Rows:
        """Rows of whole bills, each spread."""
        count = len(self.entries) + 1
        by_text = [self.entries.get(line_name(text), -1) if text[0] == "usage" else -1 for text in texts]
        entry = np.array(by_text, np.int64)[rows.what]
        # group and entry as one number, sorted as they are, so that a search finds the labels of a line
        key = self.group.astype(np.int64) * count + self.entry
        wanted = rows.group.astype(np.int64) * count + entry
        low = np.searchsorted(key, wanted, side="left")
        size = np.where(entry < 0, 0, np.searchsorted(key, wanted, side="right") - low)
        is_usage = size > 0
        use = _Targets.of(low[is_usage], size[is_usage])
        n = self.n[use.at]
        usage_rows = np.flatnonzero(is_usage)
        amount = allocated_within(rows.amount[usage_rows], use.row, usage_rows.size, n)
        # the quantity of a line is that of its labels together, and that of a tier is spread like its amount
        quantity = allocated_within(rows.quantity[usage_rows], use.row, usage_rows.size, n)
        label = self.label[use.at]
        part = None if self.part is None else self.part[label]
        parts = [
            Rows(
                rows.group[usage_rows][use.row],
                rows.what[usage_rows][use.row],
                quantity,
                np.ones(label.size, bool),
                amount,
                label,
                np.full(label.size, -1) if part is None else part,
            )
        ]
        others = np.flatnonzero(~is_usage)
        parts.append(self._others(rows, others, parts[0]))
        found = merged(parts, np.concatenate([usage_rows[use.row], others[parts[1].label]]))
        return without_versions(found, texts) if any(len(text) > TEXTS for text in texts) else found

    def _others(self, rows: Rows, others: Array, usage: Rows) -> Rows:
        """Lines that are no usage: by the amounts of usage of each part. ``label`` is the row it is of."""
        if self.part is None:
            where, target, amount = np.arange(others.size), np.full(others.size, -1), rows.amount[others]
        else:
            width = int(self.part.max(initial=0)) + 1
            key = usage.group.astype(np.int64) * width + usage.part
            pairs, place = np.unique(key, return_inverse=True)
            nets = added(pairs.size, place, usage.amount)
            first = rows.group[others].astype(np.int64) * width
            low = np.searchsorted(pairs, first, side="left")
            size = np.searchsorted(pairs, first + width, side="left") - low
            lone = size == 0  # nothing was used: the line stays in one piece
            found = _Targets.of(np.where(lone, 0, low), np.where(lone, 1, size))
            where, is_lone = found.row, lone[found.row]
            target = np.where(is_lone, -1, pairs[found.at] % width if pairs.size else -1)
            weights = nets[found.at] if pairs.size else Ints(np.ones(where.size, np.int64), 1)
            amount = allocated_within(rows.amount[others], where, others.size, weights)
        quantity, counted = rows.quantity[others][where], rows.counted[others][where]
        whole = Rows(rows.group[others][where], rows.what[others][where], quantity, counted, amount)
        return whole._replace(label=where, part=target)


def without_versions(rows: Rows, texts: Sequence[Text]) -> Rows:
    """Rows of the same line in several versions as one for each label."""
    places, padding = dict[Text, int](), (None,) * TEXTS
    plain = ((*text, *padding)[:TEXTS] for text in texts)
    known = np.array([places.setdefault(text, place) for place, text in enumerate(plain)], np.int32)
    what = known[rows.what]
    columns = np.stack([rows.group, what, rows.label, rows.part])
    _, first, place = np.unique(columns, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first)  # the lines stay in the order of the bill
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    place, first = rank[place.ravel()], first[order]
    quantity, amount = (added(first.size, place, n) for n in (rows.quantity, rows.amount))
    label, part = rows.label[first], rows.part[first]
    return Rows(rows.group[first], what[first], quantity, rows.counted[first], amount, label, part)


class _Targets(NamedTuple):
    """Places that rows are spread over, one after the other, and the row of each."""

    at: Array
    row: Array

    @classmethod
    def of(cls, low: Array, size: Array) -> _Targets:
        """So many places from *low* on, for each row."""
        row = np.repeat(np.arange(size.size), size)
        starts = np.cumsum(size) - size
        return cls(np.arange(row.size) - np.repeat(starts, size) + np.repeat(low, size), row)


def merged(parts: Sequence[Rows], row: Array) -> Rows:
    """Usage and the rest in the order of the lines that they are of."""
    usage, other = parts
    order = np.argsort(row, kind="stable")
    label = np.concatenate([usage.label, np.full(other.label.size, -1)])
    return Rows(
        np.concatenate([usage.group, other.group])[order],
        np.concatenate([usage.what, other.what])[order],
        joined([usage.quantity, other.quantity])[order],
        np.concatenate([usage.counted, other.counted])[order],
        joined([usage.amount, other.amount])[order],
        label[order],
        np.concatenate([usage.part, other.part])[order],
    )


def allocated_within(amounts: Ints, row: Array, count: int, weights: Ints) -> Ints:
    """Whole amounts of rows, each split by the weights of its targets, which come in the order of ties.

    Each target gets its floor, and the units left go to the largest remainders; equal parts where all
    weights are 0. An amount below zero is split as if it were above.
    """
    if row.size == count:
        return amounts[row]  # one target each
    whole = added(count, row, weights)
    is_none = ~whole.nonzero()
    sizes = np.bincount(row, minlength=count)
    weights = picked(is_none[row], 1, weights)
    whole = picked(is_none, Ints(sizes), whole)
    is_below = amounts.signs()
    size = picked(is_below, -amounts, amounts)
    shares = size[row] * weights
    parts = shares // whole[row]
    rests = (shares - parts * whole[row]).tight()
    # fewer units are left than there are targets, for each floor lost less than one
    left = (size - added(count, row, parts)).tight().long().astype(np.int64)
    order = np.lexsort((*descending(rests), row))
    rank = np.empty(row.size, np.int64)
    starts = np.cumsum(sizes) - sizes
    rank[order] = np.arange(row.size) - starts[row[order]]
    parts = parts + Ints((rank < left[row]).astype(np.int64), 1)
    return picked(is_below[row], -parts, parts)


def descending(numbers: Ints) -> tuple[Array, ...]:
    """Keys that sort numbers that are not negative from the largest down."""
    if numbers.is_long:
        ranks = {n: -place for place, n in enumerate(sorted(set(numbers.low.tolist())))}
        return (np.array([ranks[n] for n in numbers.low.tolist()], np.int64),)
    if numbers.high is None:
        return (-numbers.low,)
    return ~numbers.low, -numbers.high


def in_order(columns: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
    """The place of each row when the rows are sorted, the empty cell first, and the rows in that order."""
    plain = {str(place): _plain(cells) for place, cells in enumerate(columns.values())}
    found = {
        key: cells
        for name, part in plain.items()
        for key, cells in ((f"is {name}", part.is_valid()), (name, part))
    }
    keys = [(key, "ascending") for key in found]
    # engines put missing cells first or last; here the order decides who gets the last digit
    order = pc.sort_indices(pa.table(found), sort_keys=keys)
    rank = np.empty(len(order), np.int64)
    rank[longs(order)] = np.arange(len(order))
    return rank, {name: cells.take(order) for name, cells in columns.items()}


def _plain(cells: Any) -> Any:
    """A column that Arrow can sort; of other types by their text."""
    kind = cells.type
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return cells
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_decimal128(kind):
        return cells
    return texts_of([None if cell is None else str(cell) for cell in cells.to_pylist()])
