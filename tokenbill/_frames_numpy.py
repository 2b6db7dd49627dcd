"""The numpy kernel: programs on arrays, and the bills of many groups at once.

Whole numbers are int64 while that holds them, checked beforehand, and Python's own where it does not:
slower, and as exact. Every frame of aggregated quantities is settled here, whatever engine made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from tokenbill.errors import MissingExtra, QuantityOverflow
from tokenbill.layouts import Layout, spelled
from tokenbill.prepared import Rate
from tokenbill.program import Program, value, whole
from tokenbill.tariff import Row, Tariff, unscaled

try:
    import numpy as np
except ImportError:
    raise MissingExtra("numpy", "frames") from None

__all__ = ["LONG", "Rows", "Sums", "amounts", "run", "settle"]

Ints: TypeAlias = Any
"""An array of whole numbers: int64, or object where they are longer."""

LONG = 2**63
BLOCK = 1 << 16
"""Numbers that are worked on at once: what fits the cache."""


class Sums(NamedTuple):
    """Quantities by group, or row by row, as whole numbers.

    Args:
        count: How many groups there are.
        group: The group of each entry of the arrays, from 0; None where they are the groups, in order.
        variants: What tells the meters of one column apart: cells of labels, and of the meter.
        variant: Which of them holds; None where there is one only.
        quantities: For each column of quantities its numbers, and their decimals.
        name: What an error calls a group.
    """

    count: int
    group: Ints | None
    variants: Sequence[tuple[Any, ...]]
    variant: Ints | None
    quantities: Sequence[tuple[Ints, int]]
    name: Callable[[int], str]


class Rows(NamedTuple):
    """The lines of bills: ``what`` is a place in ``texts``, the kind, meter and description of each line.

    ``quantity`` is a number of 1/unit and counts where ``counted`` is true; ``amount`` one of 1/10^places.
    """

    group: Ints
    what: Ints
    texts: list[tuple[str, str | None, str]]
    quantity: Ints
    counted: Ints
    amount: Ints


class Cell(NamedTuple):
    """Quantities of one rate, by group; None is every group in order."""

    rate: Any
    group: Ints | None
    n: Ints


# ---------------------------------------------------------------- whole numbers


def largest(values: Ints) -> int:
    """The largest absolute value."""
    return max(int(values.max()), -int(values.min())) if values.size else 0


def plus(one: Ints, other: Ints) -> Ints:
    """The sum, without wrapping."""
    if object not in (one.dtype, other.dtype) and largest(one) + largest(other) >= LONG:
        one = one.astype(object)
    return one + other


def times(values: Ints, factor: int) -> Ints:
    """The product, without wrapping."""
    if factor == 1:
        return values
    if values.dtype != object and largest(values) * abs(factor) >= LONG:
        values = values.astype(object)
    return values * factor


def together(parts: Sequence[Ints]) -> Ints:
    """Arrays in one."""
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def added(count: int, group: Ints, n: Ints) -> Ints:
    """Sums by group."""
    is_long = n.dtype == object or largest(n) * n.size >= LONG
    sums = np.zeros(count, object if is_long else np.int64)
    np.add.at(sums, group, n)
    return sums


# ---------------------------------------------------------------- programs


def run(program: Program, n: Ints) -> Ints:
    """A program at each of many n, none of them negative."""
    if not n.size:
        return n
    if n.dtype == object or int(n.max()) > program.most(LONG):
        return _by_piece(program, n.astype(object))
    if not program.straight:
        return _by_piece(program, n)
    pieces = _pieces(program, int(n.max()))
    if len(pieces[1]) == 1:
        return _settled(program, n * pieces[1][0] + pieces[2][0])
    result = np.empty_like(n)
    for start in range(0, n.size, BLOCK):
        block = n[start : start + BLOCK]
        place = np.searchsorted(pieces[0], block)
        result[start : start + BLOCK] = _settled(program, block * pieces[1][place] + pieces[2][place])
    return result


def _settled(program: Program, values: Ints) -> Ints:
    return whole(values, program.divisor, program.mode)


def _pieces(program: Program, most: int) -> tuple[Ints, Ints, Ints]:
    """Ends, rates and constants of the pieces that are reached: those of others may be too long."""
    ends = [end for end in program.ends if end < most]
    lines = program.lines[: len(ends) + 1]
    rates, constants = [line.rate for line in lines], [line.constant for line in lines]
    return np.array(ends, np.int64), np.array(rates, np.int64), np.array(constants, np.int64)


def _by_piece(program: Program, n: Ints) -> Ints:
    """The same for lines with wholes, and for long numbers: piece after piece."""
    most = int(n.max())
    ends = [end for end in program.ends if end < most]
    place = np.searchsorted(np.array(ends, n.dtype), n)
    result = np.empty_like(n)
    for piece in np.unique(place):
        inside = place == piece
        result[inside] = _settled(program, value(program.lines[piece], n[inside]))
    return result


# ---------------------------------------------------------------- cells


def cells(tariff: Tariff, layout: Layout, sums: Sums) -> list[Cell]:
    """The quantities of each rate, in 1/unit; each group at most once."""
    found: dict[Rate, Cell] = {}
    for column, (n, places) in zip(layout.quantities, sums.quantities, strict=True):
        scaled = times(n, tariff.unit // 10**places)
        for cell in _cells(tariff, layout, column, sums, scaled):
            known = found.get(cell.rate)
            found[cell.rate] = cell if known is None else _merged(sums.count, known, cell)
    return list(found.values())


def _cells(tariff: Tariff, layout: Layout, column: str, sums: Sums, n: Ints) -> Iterator[Cell]:
    """The quantities of one column, by rate."""
    rates = [layout.rate_of(tariff, column, variant) for variant in sums.variants]
    if sums.variant is None:
        yield from (Cell(rate, sums.group, n) for rate in rates)
        return
    places = {rate: place for place, rate in enumerate(dict.fromkeys(rates))}
    which = np.array([places[rate] for rate in rates], np.int64)[sums.variant]
    group = np.arange(sums.count) if sums.group is None else sums.group
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(places) + 1))
    for rate, place in places.items():
        rows = order[bounds[place] : bounds[place + 1]]
        cell = Cell(rate, group[rows], n[rows])
        yield cell if sums.group is None or rates.count(rate) == 1 else _once(sums.count, cell)


def _once(count: int, cell: Cell) -> Cell:
    """A cell with each group once."""
    sums, there = added(count, cell.group, cell.n), np.zeros(count, bool)
    there[cell.group] = True
    group = np.flatnonzero(there)
    return Cell(cell.rate, group, sums[group])


def _merged(count: int, one: Cell, other: Cell) -> Cell:
    if one.group is None and other.group is None:
        return Cell(one.rate, None, plus(one.n, other.n))
    groups = [np.arange(count) if cell.group is None else cell.group for cell in (one, other)]
    return _once(count, Cell(one.rate, together(groups), together([one.n, other.n])))


def _usage(
    tariff: Tariff, found: Iterable[Cell], sums: Sums, limit: int
) -> tuple[Ints, list[tuple[Cell, Ints]]]:
    """What the usage of each group comes to, and the cells that it is made of, in 1/denominator."""
    total, parts = np.zeros(sums.count, np.int64), list[tuple[Cell, Ints]]()
    for cell in found:
        program = tariff.program_of(cell.rate)
        _refuse(str(cell.rate.key), cell, program.most(limit), tariff.unit, sums)
        exact = run(program, cell.n)
        parts.append((cell, exact))
        if cell.group is None:
            total = plus(total, exact)
        else:
            grown = plus(total[cell.group], exact)
            total = total.astype(grown.dtype)
            total[cell.group] = grown
    _refuse("all meters together", Cell(None, None, total), limit - 1, tariff.denominator, sums)
    return total, parts


def _refuse(meter: str, cell: Cell, most: int, unit: int, sums: Sums) -> None:
    """Refuse what is beyond *most*, naming the first group of which it is."""
    if cell.n.size and int(cell.n.max()) > most:
        place = int(np.argmax(cell.n > most))
        group = place if cell.group is None else int(cell.group[place])
        quantity, limit = (spelled(n, unit) for n in (int(cell.n[place]), max(most, 0)))
        raise QuantityOverflow(meter, sums.name(group), quantity, limit)


# ---------------------------------------------------------------- rows


def amounts(tariff: Tariff, layout: Layout, sums: Sums) -> Ints:
    """The amount of each group at the prices alone, in 1/10^row_places: what ``rate_rows`` adds."""
    found = cells(tariff, layout, sums)
    if tariff.programs is None:
        return _slow_amounts(tariff, found, sums.count)
    total, _ = _usage(tariff, found, sums, tariff.limit)
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
    standing = [_standing(rate, found, sums.count) for rate in tariff.card.always]
    used = [_nonzero(cell) for cell in found if cell.rate not in tariff.card.always]
    kept = sorted((*used, *standing), key=lambda cell: cell.rate.order)
    total, parts = _usage(tariff, kept, sums, tariff.bill_limit)
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
        self.every = np.arange(sums.count)
        self.texts: list[tuple[str, str | None, str]] = []
        self.parts: list[tuple[Ints, Ints, Ints, bool]] = []
        self.left = np.zeros(sums.count, np.int64)

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

    def _add_extra(self, extra: Any) -> None:
        amount = self._of(extra.program) * extra.sign
        if extra.kind == "tax":  # on top of the rounded net
            self.left = plus(self.left, amount)
        self._add((extra.kind, None, extra.description), amount, always=extra.always)

    def _add(self, text: tuple[str, str | None, str], amount: Ints, *, always: bool) -> None:
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

    def _keep(self, text: Any, group: Ints, n: Ints, amount: Ints, *, counted: bool) -> None:
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
    usage: list[dict[str, Decimal]] = [{} for _ in range(sums.count)]
    for cell in found:
        groups = range(sums.count) if cell.group is None else cell.group.tolist()
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
