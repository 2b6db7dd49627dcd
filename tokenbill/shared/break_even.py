"""Break-even: which of several curves is the least at every quantity, and where that changes.

Between two breakpoints a curve is a line, so every break-even point is rational.
Whole packages jump without end; they are walked only where the steps of two curves can meet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, groupby, islice, pairwise, takewhile
from math import gcd, lcm
from operator import itemgetter
from typing import NamedTuple, TypeVar

from attrs import frozen

from tokenbill.core.base.tables import digits
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import LIMIT, Number, decimal, number
from tokenbill.core.pricing.breakpoints import step_jumps
from tokenbill.core.pricing.curves import NIL, Curve, Edge, Form, Step, at
from tokenbill.errors import InvalidNumber, InvalidPlan

__all__ = [
    "Cell",
    "QuantityRange",
    "cells",
    "horizon",
    "netted",
    "numeral",
    "period",
    "steady",
    "quantity_ranges",
]

MOST = 20_000
"""Most steps that are walked where two curves may meet."""
DEEP = 2_000
"""The same for steps of steps, each of which has to be searched."""
HALF = Fraction(1, 2)
ONE = Fraction(1)
WIDENED = {"up": (NIL, ONE), "down": (-ONE, NIL), "half_up": (-HALF, HALF)}
"""How far a number is moved at most by being made whole."""

Owner = TypeVar("Owner")


@frozen(repr=False)
class QuantityRange(Value):
    """The quantities from *start* to *end*, which is None where there is no end.

    *has_start* and *has_end* say whether the ends belong to it.

    >>> print(QuantityRange(Fraction(0), Fraction(5, 2), has_end=False))
    [0, 2.5)
    """

    start: Fraction
    end: Fraction | None
    has_start: bool = True
    has_end: bool = True

    def __contains__(self, quantity: Fraction) -> bool:
        low = quantity > self.start or (self.has_start and quantity == self.start)
        return low and (self.end is None or quantity < self.end or (self.has_end and quantity == self.end))

    def __str__(self) -> str:
        end = "∞" if self.end is None else numeral(self.end)
        return f"{'[' if self.has_start else '('}{numeral(self.start)}, {end}{']' if self.has_end else ')'}"


def numeral(value: Fraction) -> str:
    """A quantity for people: its digits, or the quotient where they do not end.

    >>> numeral(Fraction(5, 2)), numeral(Fraction(1, 3))
    ('2.5', '1/3')
    """
    shown = decimal(value)
    return digits(shown) if Fraction(shown) == value else str(value)


class Cell(NamedTuple):
    """A quantity, or all between two, at which the same curves are the *least*, by their place.

    ``start == end`` is one quantity; else neither end belongs to it. None has no end.
    """

    start: Fraction
    end: Fraction | None
    least: frozenset[int]


def horizon(up_to: Number | None) -> Fraction:
    """The largest quantity to look at; quantities lie below 10^30 anyway."""
    found = Fraction(LIMIT if up_to is None else number(up_to))
    if found <= 0:
        raise InvalidNumber("not a quantity to look up to", up_to, "give more than zero")
    return found


def cells(curves: Sequence[Curve], up_to: Number | None = None) -> list[Cell]:
    """Which curves are the least, at every quantity up to *up_to*: single quantities and gaps in turn.

    Neighbours may have the same least curves; ``quantity_ranges`` joins them.

    Raises:
        InvalidPlan: If the steps of two curves may meet at too many quantities; a smaller *up_to* helps.
    """
    end = horizon(up_to)
    marks = {NIL, end}
    for one, other in combinations(curves, 2):
        ends = {piece.end.at for piece in (*one, *other) if piece.end is not None and piece.end.at < end}
        for low, high in pairwise(sorted({NIL, end, *ends})):
            # the difference of two curves changes its sign only where one of both changes, or at a root of it
            gap = netted(_within(one, low, high).plus(_within(other, low, high).times(-ONE)))
            marks |= {low, high, *_turns(gap, low, high)}
    found = list[Cell]()
    for low, high in pairwise(sorted(marks)):
        found.append(Cell(low, low, _least(curves, low)))
        # nothing changes between two marks, so the middle speaks for all of it
        found.append(Cell(low, high, _least(curves, (low + high) / 2)))
    if up_to is None:
        return [*found[:-1], found[-1]._replace(end=None)]
    return [*found, Cell(end, end, _least(curves, end))]


def _least(curves: Sequence[Curve], quantity: Fraction) -> frozenset[int]:
    amounts = [at(curve, quantity) for curve in curves]
    least = min(amounts)
    return frozenset(place for place, amount in enumerate(amounts) if amount == least)


def quantity_ranges(found: Iterable[Cell], owners: Iterable[Owner]) -> list[tuple[Owner, QuantityRange]]:
    """Cells joined as long as they have one owner."""
    found_ranges = list[tuple[Owner, QuantityRange]]()
    for owner, run in groupby(zip(owners, found, strict=True), key=itemgetter(0)):
        cells = [cell for _, cell in run]
        first, last = cells[0], cells[-1]
        part = QuantityRange(first.start, last.end, first.start == first.end, last.start == last.end)
        found_ranges.append((owner, part))
    return found_ranges


def steady(found: Sequence[Cell]) -> list[int]:
    """For each cell one of its least curves, so that it changes as seldom as can be."""
    owners = list[int]()
    for place, cell in enumerate(found):
        if owners and owners[-1] in cell.least:
            owners.append(owners[-1])
            continue
        # greedy is right here: whichever lasts longest leaves no other a later change
        lasting = {
            curve: sum(1 for _ in takewhile(lambda later: curve in later.least, found[place:]))  # noqa: B023
            for curve in sorted(cell.least)
        }
        owners.append(max(lasting, key=lasting.__getitem__))
    return owners


def _within(curve: Curve, low: Fraction, high: Fraction) -> Form:
    """The form of a curve between two quantities that no piece ends between."""
    middle = Edge((low + high) / 2, closed=True)
    return curve[bisect_left(curve, middle, hi=len(curve) - 1, key=itemgetter(0))].form


def netted(form: Form) -> Form:
    """The form with equal steps put together: what both curves have in common falls away."""
    fees: dict[Step, Fraction] = {}
    for step in form.steps:
        kind = step._replace(fee=NIL)
        fees[kind] = fees.get(kind, NIL) + step.fee
    return form._replace(steps=tuple(kind._replace(fee=fee) for kind, fee in fees.items() if fee))


def _turns(gap: Form, low: Fraction, high: Fraction) -> set[Fraction]:
    """Quantities from *low* to *high* between which a form keeps its sign."""
    slope, least, most = _band(gap)
    if slope:
        # outside of this stretch the slope outweighs all steps, and the sign is known
        first, last = sorted((-least / slope, -most / slope))
        return _walked(gap, max(low, first), min(high, last))
    # without a slope only the steps can change the sign, and here they are too small
    if not least <= 0 <= most:
        return set()
    # The gap repeats itself after a period of its steps: if it keeps one sign there, it always does.
    again = low + period(gap)
    if again < high:
        marks = sorted(_walked(gap, low, again))
        looked_at = (*marks[1:], *((one + other) / 2 for one, other in pairwise(marks)))
        amounts = map(gap.at, looked_at)
        if len({(amount > 0) - (amount < 0) for amount in amounts}) == 1:
            return set()
    return _walked(gap, low, high)


def _band(form: Form) -> tuple[Fraction, Fraction, Fraction]:
    """A slope, and the two constants between which the form lies beside it."""
    slope, least, most = form.rate, form.constant, form.constant
    for step in form.steps:
        inner, *ends = _band(step.of)
        moved = [step.fee * (end + by) for end, by in zip(ends, WIDENED[step.round], strict=True)]
        slope, least, most = slope + step.fee * inner, least + min(moved), most + max(moved)
    return slope, least, most


def period(form: Form) -> Fraction:
    """After how much more every step of a form stands at the same part of its unit; 0 without steps."""
    found = NIL
    for step in form.steps:
        for length in (period(step.of), 1 / _band(step.of)[0]):
            if found and length:  # the least multiple that two lengths have in common
                top = lcm(found.numerator, length.numerator)
                found = Fraction(top, gcd(found.denominator, length.denominator))
            else:
                found = found or length
    return found


def _walked(gap: Form, low: Fraction, high: Fraction) -> set[Fraction]:
    """Both ends, each jump between them, and the roots of the lines between the jumps."""
    if low > high:
        return set()
    marks = {low, high}
    for step in gap.steps:
        most = DEEP if step.of.steps else MOST
        found = list(islice(takewhile(high.__ge__, step_jumps(step, low)), most + 1))
        if len(found) > most:
            way_out = "look at less of them: up_to= is the largest quantity"
            raise InvalidPlan(f"more than {most} steps at which two curves may meet", decimal(high), way_out)
        marks.update(found)
    if gap.rate:
        for start, end in pairwise(sorted(marks)):
            middle = (start + end) / 2
            # between two jumps the gap is a line: the middle gives its root, whatever jumps at the ends
            root = middle - gap.at(middle) / gap.rate
            marks |= {root} if start < root < end else set()
    return marks
