"""Integer price functions: a curve in whole numbers, which any engine can run without losing a digit.

A quantity is the whole number n = quantity × unit, an amount the whole number amount × scale.
Between them stand comparison, multiplication, addition and floor division, and nothing else;
``most`` says up to which n none of them leaves a given number of bits or digits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from math import lcm
from operator import add
from typing import Any, Literal, NamedTuple, TypeAlias

from attrs import frozen

from tokenbill.core.base.values import Cache, Value, cache_field
from tokenbill.core.money.decimals import LIMIT, odd_part
from tokenbill.core.pricing.curves import Curve, Edge, Form

__all__ = ["IntegerPrice", "Line", "Mode", "Whole", "denominator_of", "places_for", "value", "whole"]

Mode: TypeAlias = Literal["up", "down", "half_up", "half_even"]
"""How a quotient is made whole."""

SHOWN = 18
"""Decimals that are shown of an amount that does not terminate."""


class Whole(NamedTuple):
    """*factor* for each whole unit of *of* ÷ *divisor*; on its piece *of* is never negative."""

    factor: int
    of: Line
    divisor: int
    mode: Mode


class Line(NamedTuple):
    """constant + rate × n + wholes, as a function of the whole number n."""

    constant: int = 0
    rate: int = 0
    wholes: tuple[Whole, ...] = ()

    def peak(self, n: int) -> int:
        """No number on the way to a value up to *n*, and none of its own, is larger than this, either way."""
        # An upper bound, not the value: what an engine adds on the way may cancel, and has to fit before.
        size = most = abs(self.constant) + abs(self.rate) * max(n, 1)
        for step in self.wholes:
            inner = step.of.peak(n) + step.divisor
            size += abs(step.factor) * (inner // step.divisor + 1)
            most = max(most, inner)
        return max(most, size)


def value(line: Line, n: Any) -> Any:
    """A line at *n*: an int, or whatever has ``+``, ``*`` and a flooring ``//``: arrays, expressions."""
    parts = [whole(value(step.of, n), step.divisor, step.mode) * step.factor for step in line.wholes]
    if line.rate or not parts:
        parts.append(n if line.rate == 1 else n * line.rate)
    total = reduce(add, parts)
    return total + line.constant if line.constant else total


def whole(total: Any, divisor: int, mode: Mode) -> Any:
    """*total* ÷ *divisor*, made whole; *total* is not negative, so that engines that truncate agree.

    >>> whole(5, 2, "up"), whole(5, 2, "down"), whole(5, 2, "half_up"), whole(5, 2, "half_even")
    (3, 2, 3, 2)
    """
    # Engines divide slower than they add, and most prices have nothing to divide.
    if divisor == 1:
        return total
    if mode in ("down", "up"):
        return (total + (divisor - 1 if mode == "up" else 0)) // divisor
    # Half up without a fraction; exact for whole numbers, not for a Fraction, which `MODES` rounds.
    raised = total + divisor // 2
    found = raised // divisor
    if mode == "half_up" or divisor % 2:
        return found
    return found - (found % 2) * (raised % divisor == 0)  # a tie goes to the even neighbour


@frozen(repr=False)
class IntegerPrice(Value):
    """A curve in whole numbers: the line of the piece that n falls in, ÷ divisor, made whole.

    Args:
        ends: The last n of each piece but the last, ascending.
        lines: One more than ends.
        divisor: What the value of a line is divided by, made whole as *mode* says.
        mode: ``up``, ``down``, ``half_up`` or ``half_even``.
        unit: n is the quantity × unit.
        scale: The result is the amount × scale.
        top: The largest n that is a quantity at all.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> cents = IntegerPrice.of(PerUnit("0.10").pieces(), unit=10, scale=100)
    >>> cents.at(25)  # 2.5 units cost 0.25
    25
    """

    ends: tuple[int, ...]
    lines: tuple[Line, ...]
    divisor: int
    mode: Mode
    unit: int
    scale: int
    top: int
    cache: Cache = cache_field()

    @classmethod
    def of(
        cls, curve: Curve, unit: int, scale: int, *, mode: Mode = "half_up", top: int | None = None
    ) -> IntegerPrice:
        """The function of a curve, for quantities in 1/*unit* and amounts in 1/*scale*.

        Args:
            curve: The pieces of a price.
            unit: Parts of one unit of the quantity that n counts.
            scale: Parts of one unit of the currency that the result counts.
            mode: How a result between two parts is made whole.
            top: The largest n; unless given that of the largest quantity, just below 10^30.
        """
        top = LIMIT * unit - 1 if top is None else top
        forms = [piece.form.times(Fraction(scale)) for piece in curve]
        divisor = lcm(*(_denominator(form, unit) for form in forms))
        lines = [_line(form, unit, divisor) for form in forms]
        ends = [_last(piece.end, unit, top) for piece in curve]
        # Between two whole numbers there may be a piece that no quantity of this unit ever reaches.
        held = list(_held(ends, lines))
        return cls(
            tuple(end for end, _ in held[:-1]),
            tuple(line for _, line in held),
            divisor,
            mode,
            unit,
            scale,
            top,
        )

    @property
    def straight(self) -> bool:
        """Whether every piece is a line without wholes: one multiplication and one addition."""
        return not any(line.wholes for line in self.lines)

    def at(self, n: int) -> int:
        """The result at one n."""
        line = self.lines[bisect_left(self.ends, n)]
        if self.divisor == 1 and not line.wholes:
            return line.constant + line.rate * n
        return int(whole(value(line, n), self.divisor, self.mode))

    def most(self, limit: int) -> int:
        """The largest n up to which every number on the way stays below *limit*; -1 if there is none."""
        known: int | None = self.cache.get(limit)
        if known is None:
            known = self.cache[limit] = min(self._most(limit), limit - 1)
        return known

    def reach(self, limit: int) -> int:
        """The largest n up to which every result stays below *limit*; -1 if there is none."""
        return self._most(limit * self.divisor)

    def _most(self, limit: int) -> int:
        best = -1
        for line, end in zip(self.lines, (*self.ends, self.top), strict=True):
            if line.peak(end) + self.divisor >= limit:
                return _last_below(line, limit - self.divisor, best, end)
            best = end
        return best


def _last_below(line: Line, limit: int, low: int, high: int) -> int:
    """The last n from *low* on, and before *high*, whose peak is below *limit*; *low* where there is none."""
    # A straight line says its last n by one division; a stair has to be searched.
    if not line.wholes and line.rate:
        most = (limit - 1 - abs(line.constant)) // abs(line.rate)
        return max(low, min(most, high - 1)) if most > 0 else low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if line.peak(middle) < limit else (low, middle)
    return low


def denominator_of(curve: Curve, unit: int) -> int:
    """What makes every amount of a curve whole, for quantities in 1/*unit*."""
    return lcm(*(_denominator(piece.form, unit) for piece in curve))


def places_for(denominator: int) -> int | None:
    """Decimals that amounts in 1/*denominator* are shown with: all, or 18 where some do not terminate.

    None where both would be needed: some terminate only after more than 18 decimals, others never.

    >>> places_for(8), places_for(3600), places_for(3 * 2**20)
    (3, 18, None)
    """
    # Decimals hold twos and fives alone: what is left of a denominator never ends.
    rest = denominator // odd_part(denominator)
    places = next(places for places in range(rest.bit_length()) if 10**places % rest == 0)
    if rest == denominator:
        return places
    return SHOWN if places <= SHOWN else None


def _denominator(form: Form, unit: int) -> int:
    fees = (step.fee.denominator for step in form.steps)
    return lcm(form.constant.denominator, (form.rate / unit).denominator, *fees)


def _line(form: Form, unit: int, denominator: int) -> Line:
    """A form times its denominator, as a function of n."""
    wholes = (_whole(step.fee * denominator, step.round, step.of, unit) for step in form.steps)
    return Line(int(form.constant * denominator), int(form.rate * denominator / unit), tuple(wholes))


def _whole(factor: Fraction, mode: Any, of: Form, unit: int) -> Whole:
    divisor = _denominator(of, unit)
    return Whole(int(factor), _line(of, unit, divisor), divisor, mode)


def _last(end: Edge | None, unit: int, top: int) -> int:
    """The last n before the end of a piece."""
    if end is None:
        return top
    places = end.at * unit
    # an end that is no whole number of parts lies between two: the last one before it counts
    return min(top, places // 1 if end.closed else -(-places // 1) - 1)


def _held(ends: list[int], lines: list[Line]) -> Iterator[tuple[int, Line]]:
    """Pieces that hold a whole number, and no piece for zero where the next one says the same of it."""
    before = -1
    for place, (end, line) in enumerate(zip(ends, lines, strict=True)):
        needless = place == 0 and len(lines) > 1 and ends[1] > 0 and _agree(line, lines[1])
        if end > before and not needless:
            yield end, line
            before = end


def _agree(first: Line, second: Line) -> bool:
    """Whether two lines are one at zero, and nothing on the way is negative there."""
    inner = [step.of for step in second.wholes]
    return value(first, 0) == value(second, 0) and all(_is_positive(line) for line in inner)


def _is_positive(line: Line) -> bool:
    return value(line, 0) >= 0 and all(_is_positive(step.of) for step in line.wholes)
