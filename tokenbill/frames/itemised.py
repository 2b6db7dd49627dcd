"""Itemised lines: the tiers of each entry as rows of their own, with rate and bounds, as a bill shows them.

An array knows what an entry comes to, and its price how that comes about: it is asked once for each quantity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tokenbill.core.rating.lines import LineItem
from tokenbill.frames.bills import Rows, Settled
from tokenbill.frames.column_plan import item_text
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, joined, picked
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.scales import shown_to, unscaled
from tokenbill.frames.sums import added

__all__ = ["itemised"]


class _Lines(NamedTuple):
    """The lines of one entry at some quantities: how many each has, and these one after the other."""

    count: Array
    what: Array
    quantity: Ints
    amount: Ints

    @classmethod
    def of(cls, settled: Settled, every: Sequence[Sequence[LineItem]]) -> _Lines:
        """Those that a price gave, each text once among those of the bills."""
        scale, flat = settled.plan.scale, [item for items in every for item in items]
        texts = [item_text(item) for item in flat]
        quantities = [unscaled(item.quantity or quantity_of(0, 1), scale, "a quantity") for item in flat]
        return cls(
            np.array([len(items) for items in every], np.int64),
            np.array([settled.texts.setdefault(text, len(settled.texts)) for text in texts], np.int32),
            Ints(np.array(quantities, object)),
            Ints(np.array([unscaled(shown_to(item.exact, scale), scale) for item in flat], object)),
        )


def itemised(rows: Rows, settled: Settled) -> Rows:
    """Rows of whole entries as rows of their lines, which add up to each."""
    left, parts, places = np.ones(rows.what.size, bool), list[Rows](), list[Array]()
    for what, (kind, meter, *more) in enumerate(list(settled.texts)):
        where = np.flatnonzero(rows.what == what)
        if kind != "usage" or meter is None or len(more) > 1 or not where.size:
            continue  # a bill that was made by itself has told its lines
        part, row = of_entry(rows, where, meter, settled)
        left[where[row]] = False
        parts.append(part)
        places.append(where[row])
    others = np.flatnonzero(left)
    parts.append(Rows(*(column[others] for column in rows[:5])))
    places.append(others)
    # stable, so that the tiers of a line stay in their order behind one another
    order = np.argsort(np.concatenate(places), kind="stable")
    return Rows(
        np.concatenate([part.group for part in parts])[order],
        np.concatenate([part.what for part in parts])[order],
        joined([part.quantity for part in parts])[order],
        np.concatenate([part.counted for part in parts])[order],
        joined([part.amount for part in parts])[order],
    )


def of_entry(rows: Rows, where: Array, meter: str, settled: Settled) -> tuple[Rows, Array]:
    """The lines of the rows of one entry, and which of these each is of."""
    scale, entry = settled.plan.scale, settled.plan.form.card[meter]
    # customers use the same few quantities over and over: a price is asked once for each
    values, which = np.unique(rows.quantity[where].long(), return_inverse=True)
    lines = _Lines.of(settled, [entry.lines(quantity_of(n, 10**scale)) for n in values.tolist()])
    count = lines.count[which]
    row = np.repeat(np.arange(where.size), count)
    begin, first = np.cumsum(lines.count) - lines.count, np.cumsum(count) - count
    at = np.arange(row.size) + np.repeat(begin[which] - first, count)
    rest = rows.amount[where] - added(where.size, row, lines.amount[at])
    # what a term changed, as rounding by line does, no price explains: such a row stays as it is
    size = picked(rest.signs(), -rest, rest)
    kept = ((count > 0) & (size - (Ints(count) + 1)).signs())[row]
    row, at = row[kept], at[kept]
    is_last = np.ones(row.size, bool)
    is_last[:-1] = row[1:] != row[:-1]
    # amounts that never end are cut line by line, and the last one takes the digit that this loses
    amount = lines.amount[at] + rest[row] * Ints(is_last.astype(np.int64), 1)
    ones = np.ones(row.size, bool)
    return Rows(rows.group[where][row], lines.what[at], lines.quantity[at], ones, amount), row
