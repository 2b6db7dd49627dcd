"""The bills of many groups at once: usage summed by any engine, settled on arrays.

Every frame of aggregated quantities comes here, whatever engine made it, so that settling is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from tokenbill.core.rating.prepared import Rate
from tokenbill.frames.layouts import Layout, engine, spelled
from tokenbill.frames.numpy import (
    Cell,
    Ints,
    Sums,
    cells,
    plus,
    refuse_beyond,
    run,
    times,
    together,
    usage_of,
)
from tokenbill.frames.tariff import DIGITS, Extra, Row, Tariff, unscaled
from tokenbill.shared.program import Program

np = engine("numpy", "arrow")

__all__ = ["Rows", "amounts", "settle"]

Text: TypeAlias = "tuple[str, str | None, str]"
"""The kind, meter and description of a line."""


class Rows(NamedTuple):
    """The lines of bills: ``what`` is a place in ``texts``, the kind, meter and description of each line.

    ``quantity`` is a number of 1/unit and counts where ``counted`` is true; ``amount`` one of 1/10^places.
    """

    group: Ints
    what: Ints
    texts: list[Text]
    quantity: Ints
    counted: Ints
    amount: Ints


def amounts(tariff: Tariff, layout: Layout, sums: Sums) -> Ints:
    """The amount of each group at the prices alone, in 1/10^row_places: what ``rate_rows`` adds."""
    found = cells(tariff, layout, sums)
    if tariff.programs is None:
        return _slow_amounts(tariff, found, sums.groups)
    for cell in found:
        # engines rate rows in numbers of 38 digits, so what they refuse is refused on arrays, too
        most = tariff.program_of(cell.rate).most(tariff.limit)
        refuse_beyond(str(cell.rate.key), cell, most, tariff.unit, sums)
    total, _ = usage_of(tariff, found, sums, tariff.limit)
    return run(tariff.shown, total)


def _slow_amounts(tariff: Tariff, found: Iterable[Cell], count: int) -> Ints:
    """The same, row by row."""
    usage: list[list[tuple[Rate, Decimal]]] = [[] for _ in range(count)]
    for cell in found:
        groups = range(count) if cell.group is None else cell.group.tolist()
        for group, n in zip(groups, cell.n.tolist(), strict=True):
            usage[group].append((cell.rate, spelled(n, tariff.unit)))
    return np.array([unscaled(tariff.amount(row), tariff.row_places) for row in usage], object)


def settle(tariff: Tariff, layout: Layout, sums: Sums) -> Rows:
    """The bill of each group, line by line."""
    found = cells(tariff, layout, sums)
    if tariff.programs is None or tariff.terms is None:
        return _slow_rows(tariff, found, sums)
    standing = [_standing(rate, found, sums.groups) for rate in tariff.card.always]
    used = [_nonzero(cell) for cell in found if cell.rate not in tariff.card.always]
    kept = sorted((*used, *standing), key=lambda cell: cell.rate.order)
    total, parts = usage_of(tariff, kept, sums, tariff.bill_limit)
    return _Bills(tariff, sums, total).rows(parts)


def _standing(rate: Rate, found: Iterable[Cell], count: int) -> Cell:
    """The cell of a rate that costs something for nothing: every group has it."""
    n = np.zeros(count, np.int64)
    for cell in found:
        if cell.rate is rate:
            n = n.astype(cell.n.dtype)
            n[slice(None) if cell.group is None else cell.group] = cell.n
    return Cell(rate, None, n)


def _nonzero(cell: Cell) -> Cell:
    used = np.flatnonzero(cell.n)
    if cell.group is None:
        return cell if used.size == cell.n.size else Cell(cell.rate, used, cell.n[used])
    return Cell(cell.rate, cell.group[used], cell.n[used])


class _Bills:
    """The lines of many bills in the making."""

    def __init__(self, tariff: Tariff, sums: Sums, total: Ints) -> None:
        self.tariff, self.sums, self.total = tariff, sums, total
        self.every = np.arange(sums.groups)
        self.texts: list[Text] = []
        self.parts: list[tuple[Ints, Ints, Ints, bool]] = []
        self.left = np.zeros(sums.groups, np.int64)

    def rows(self, usage: Iterable[tuple[Cell, Ints]]) -> Rows:
        """Fees, usage, what changes it, taxes, and what is left to the rounded total."""
        terms = self.tariff.terms
        assert terms is not None  # else bills are worked out one by one
        self.left = plus(self.left, self._of(terms.net))
        for extra in terms.extras:
            if extra.kind == "fee":
                self._add_extra(extra)
        for cell, exact in usage:
            self._add_usage(cell, exact)
        for extra in terms.extras:
            if extra.kind != "fee":
                self._add_extra(extra)
        self._add(("rounding", None, "rounding"), self.left, always=False)
        return self._sorted()

    def _of(self, program: Program) -> Ints:
        """A program of what the usage comes to."""
        return times(run(program, self.total), 10**self.tariff.places // program.scale)

    def _add_extra(self, extra: Extra) -> None:
        amount = self._of(extra.program) * extra.sign
        if extra.kind == "tax":  # on top of the rounded net
            self.left = plus(self.left, amount)
        self._add((extra.kind, None, extra.description), amount, always=extra.always)

    def _add(self, text: Text, amount: Ints, *, always: bool) -> None:
        group = self.every if always else np.flatnonzero(amount)
        self.left = plus(self.left, -amount)
        self._keep(text, group, np.zeros(group.size, np.int64), amount[group], counted=False)

    def _add_usage(self, cell: Cell, exact: Ints) -> None:
        tariff = self.tariff
        amount = times(run(tariff.shown, exact), 10**tariff.places // tariff.shown.scale)
        group = self.every if cell.group is None else cell.group
        less = plus(self.left[group], -amount)
        self.left = self.left.astype(less.dtype)
        self.left[group] = less
        self._keep(("usage", str(cell.rate.key), str(cell.rate.key)), group, cell.n, amount, counted=True)

    def _keep(self, text: Text, group: Ints, n: Ints, amount: Ints, *, counted: bool) -> None:
        self.texts.append(text)
        self.parts.append((group, n, amount, counted))

    def _sorted(self) -> Rows:
        sizes = [group.size for group, _, _, _ in self.parts]
        group, n, amount = (together([part[i] for part in self.parts]) for i in range(3))
        what = np.repeat(np.arange(len(sizes)), sizes)
        counted = np.repeat(np.array([part[3] for part in self.parts], bool), sizes)
        order = np.lexsort((what, group))
        return Rows(group[order], what[order], self.texts, n[order], counted[order], amount[order])


def _slow_rows(tariff: Tariff, found: Iterable[Cell], sums: Sums) -> Rows:
    """The bills of the groups, one by one, by ``Bill.of``."""
    usage: list[dict[str, Decimal]] = [{} for _ in range(sums.groups)]
    for cell in found:
        refuse_beyond(str(cell.rate.key), cell, 10**DIGITS - 1, tariff.unit, sums)
        groups = range(sums.groups) if cell.group is None else cell.group.tolist()
        for group, n in zip(groups, cell.n.tolist(), strict=True):
            usage[group][str(cell.rate.key)] = spelled(n, tariff.unit)
    rows = [(group, row) for group, used in enumerate(usage) for row in tariff.rows(used)]
    return _as_arrays(tariff, rows)


def _as_arrays(tariff: Tariff, rows: Sequence[tuple[int, Row]]) -> Rows:
    texts = {(row.kind, row.meter, row.description): 0 for _, row in rows}
    for place, text in enumerate(texts):
        texts[text] = place
    what = [texts[row.kind, row.meter, row.description] for _, row in rows]
    quantities = [int(Fraction(row.quantity or 0) * tariff.unit) for _, row in rows]
    return Rows(
        np.array([group for group, _ in rows], np.int64),
        np.array(what, np.int64),
        list(texts),
        np.array(quantities, object),
        np.array([row.quantity is not None for _, row in rows], bool),
        np.array([unscaled(row.amount, tariff.places) for _, row in rows], object),
    )
