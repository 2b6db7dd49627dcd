"""The numpy kernel: programs on arrays, and what the usage of many groups comes to.

Whole numbers are int64 while that holds them, checked beforehand, and Python's own where it does not:
slower, and as exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.rating.prepared import Rate
from tokenbill.errors import QuantityOverflow
from tokenbill.frames.layouts import Layout, engine, spelled
from tokenbill.frames.tariff import DIGITS, Tariff
from tokenbill.shared.program import Program, value, whole

np = engine("numpy", "arrow")

__all__ = [
    "LONG",
    "Cell",
    "Ints",
    "Sums",
    "added",
    "cells",
    "plus",
    "refuse_beyond",
    "run",
    "times",
    "together",
    "usage_of",
]

Ints: TypeAlias = Any
"""An array of whole numbers: int64, or object where they are longer."""

LONG = 2**63
BLOCK = 1 << 16
"""Numbers that are worked on at once: what fits the cache."""


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
    group: Ints | None
    variants: Sequence[tuple[Any, ...]]
    variant: Ints | None
    quantities: Sequence[tuple[Ints, int]]
    name: Callable[[int], str]


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
    if values.dtype != object and max(largest(values), 1) * abs(factor) >= LONG:
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
    ends, rates, constants = _pieces(program, int(n.max()))
    if len(rates) == 1:
        return _settled(program, n * rates[0] + constants[0])
    result = np.empty_like(n)
    for start in range(0, n.size, BLOCK):
        block = n[start : start + BLOCK]
        place = np.searchsorted(ends, block)
        result[start : start + BLOCK] = _settled(program, block * rates[place] + constants[place])
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
        result[inside] = _settled(program, value(program.lines[int(piece)], n[inside]))
    return result


# ---------------------------------------------------------------- cells


def cells(tariff: Tariff, layout: Layout, sums: Sums) -> list[Cell]:
    """The quantities of each rate, in 1/unit; each group at most once."""
    found: dict[Rate, Cell] = {}
    for column, (n, places) in zip(layout.quantities, sums.quantities, strict=True):
        scaled = times(n, tariff.unit // 10**places)
        for cell in _cells(tariff, layout, column, sums, scaled):
            known = found.get(cell.rate)
            found[cell.rate] = cell if known is None else _merged(sums.groups, known, cell)
    return list(found.values())


def _cells(tariff: Tariff, layout: Layout, column: str, sums: Sums, n: Ints) -> Iterator[Cell]:
    """The quantities of one column, by rate."""
    rates = [layout.rate_of(tariff, column, variant) for variant in sums.variants]
    if sums.variant is None:
        yield from (Cell(rate, sums.group, n) for rate in rates)
        return
    places = {rate: place for place, rate in enumerate(dict.fromkeys(rates))}
    which = np.array([places[rate] for rate in rates], np.int64)[sums.variant]
    group = np.arange(sums.groups) if sums.group is None else sums.group
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(places) + 1))
    for rate, place in places.items():
        rows = order[bounds[place] : bounds[place + 1]]
        cell = Cell(rate, group[rows], n[rows])
        yield cell if sums.group is None or rates.count(rate) == 1 else _once(sums.groups, cell)


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


def usage_of(
    tariff: Tariff, found: Iterable[Cell], sums: Sums, limit: int
) -> tuple[Ints, list[tuple[Cell, Ints]]]:
    """What the usage of each group comes to, and the cells that it is made of, in 1/denominator.

    Refused are quantities of too many digits, and amounts that do not stay below *limit*.
    """
    total, parts = np.zeros(sums.groups, np.int64), list[tuple[Cell, Ints]]()
    for cell in found:
        program = tariff.program_of(cell.rate)
        meter = str(cell.rate.key)
        # beyond the top no quantity is one, and the program has no pieces
        refuse_beyond(meter, cell, min(program.top, 10**DIGITS - 1), tariff.unit, sums)
        exact = run(program, cell.n)
        refuse_beyond(meter, Cell(cell.rate, cell.group, exact), limit - 1, tariff.denominator, sums)
        parts.append((cell, exact))
        if cell.group is None:
            total = plus(total, exact)
        else:
            grown = plus(total[cell.group], exact)
            total = total.astype(grown.dtype)
            total[cell.group] = grown
    refuse_beyond("all meters together", Cell(None, None, total), limit - 1, tariff.denominator, sums)
    return total, parts


def refuse_beyond(meter: str, cell: Cell, most: int, unit: int, sums: Sums) -> None:
    """Refuse what is beyond *most*, naming the first group of which it is."""
    if cell.n.size and int(cell.n.max()) > most:
        place = int(np.argmax(cell.n > most))
        group = place if cell.group is None else int(cell.group[place])
        quantity, limit = (spelled(n, unit) for n in (int(cell.n[place]), max(most, 0)))
        raise QuantityOverflow(meter, sums.name(group), quantity, limit)
