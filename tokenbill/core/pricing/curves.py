"""Curves as lists of pieces: what plots, break-even, lint, columns and the fast path read of a price.

On each piece a curve has one *form*: a constant, a rate per unit, and steps.
A form never falls on its piece; a curve may fall between two pieces, and that is a cliff.
Capping, raising, shifting and converting a curve are all one operation: ``composed``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import reduce
from itertools import zip_longest
from math import lcm
from typing import NamedTuple, TypeAlias

from tokenbill.core.money.decimals import Direction, rounded

__all__ = [
    "NIL",
    "Curve",
    "Form",
    "Piece",
    "Step",
    "above",
    "at",
    "below",
    "composed",
    "constant",
    "curve",
    "line",
    "summed",
]

NIL = Fraction(0)
ONE = Fraction(1)
LONGEST, WIDEST = 2_500, 100_000
"""Most forms and steps of a composed curve and of a sum; beyond them only ``amount`` knows a price."""


class Step(NamedTuple):
    """*fee* for each whole unit of the form *of*, made whole in the direction *round*."""

    fee: Fraction
    round: Direction
    of: Form


class Form(NamedTuple):
    """constant + rate × q + steps, as a function of the quantity q; it never falls."""

    constant: Fraction = NIL
    rate: Fraction = NIL
    steps: tuple[Step, ...] = ()

    def at(self, quantity: Fraction) -> Fraction:
        """The value at one quantity."""
        # exact throughout: the side of an end that a quantity falls on must not depend on a rounding
        whole = (step.fee * Fraction(rounded(step.of.at(quantity), step.round)) for step in self.steps)
        return sum(whole, self.constant + self.rate * quantity)

    def size(self) -> int:
        """How many forms it takes to write it."""
        return 1 + sum(step.of.size() for step in self.steps)

    def plus(self, other: Form) -> Form:
        """The sum of two forms."""
        steps = self.steps + other.steps
        # What a maximum leaves of a charge is the charge less what is beyond: steps that cancel are no steps,
        # or a form that is the same everywhere would be searched for ever for where it passes a value.
        if any(step.fee < 0 for step in steps):
            fees = defaultdict[tuple[Direction, Form], Fraction](Fraction)
            for fee, direction, of in steps:
                fees[direction, of] += fee
            steps = tuple(Step(fee, direction, of) for (direction, of), fee in fees.items() if fee)
        return Form(self.constant + other.constant, self.rate + other.rate, steps)

    def times(self, factor: Fraction) -> Form:
        """The form, *factor* times as steep."""
        steps = tuple(Step(step.fee * factor, step.round, step.of) for step in self.steps if factor)
        return Form(self.constant * factor, self.rate * factor, steps)

    def over(self, inner: Form) -> Form:
        """This form of *inner*'s value, as a form of inner's quantity."""
        # a line of a line is one, a step of a line a step: compositions stay forms, whatever is nested
        result = inner.times(self.rate).plus(Form(self.constant))
        for step in self.steps:
            result = result.plus(stepped(step.fee, step.round, step.of.over(inner)))
        return result

    def growth(self) -> Fraction:
        """What it rises by for one unit in the long run: it stays for ever where this is nothing."""
        return sum((step.fee * step.of.growth() for step in self.steps), self.rate)

    def lattice(self) -> int:
        """A denominator of every quantity at which the form jumps: between its multiples it is a line."""
        return lcm(*(lcm(step.of.lattice(), step.of._crossings()) for step in self.steps))

    def _crossings(self) -> int:
        """A denominator of every quantity at which the form itself passes a whole or half number."""
        if not self.rate:
            return 1
        halves = lcm(2, self.constant.denominator, *(step.fee.denominator for step in self.steps))
        return halves * self.rate.numerator


# Tiers that end at 1000 take the unit 1000 with them, and a conversion made whole from a half on changes
# just below it: so an end says which side it belongs to, and no epsilon is ever added.
class Edge(NamedTuple):
    """Where a piece ends: just below *at*, or with it where *closed*; edges compare in this order."""

    at: Fraction
    closed: bool


class Piece(NamedTuple):
    """A stretch of a curve, from where the piece before it ended; ``None`` has no end."""

    end: Edge | None
    form: Form


Curve: TypeAlias = tuple[Piece, ...]
"""Pieces in order: the first is the quantity zero alone, the last has no end."""

ZERO_EDGE = Edge(NIL, closed=True)
NOWHERE = Edge(Fraction(-1), closed=False)


def constant(amount: Fraction) -> Form:
    """The same amount everywhere."""
    return Form(amount)


def line(rate: Fraction, through: Fraction = NIL) -> Form:
    """*rate* for each unit, counted from the quantity *through*."""
    return Form(-rate * through, rate)


def stepped(fee: Fraction, direction: Direction, of: Form) -> Form:
    """*fee* for each whole unit of *of*."""
    if direction == "none":
        return of.times(fee)
    if not of.rate and not of.steps:
        return Form(fee * Fraction(rounded(of.constant, direction)))
    return Form(steps=(Step(fee, direction, of),)) if fee else Form()


def curve(at_zero: Fraction, ends: Sequence[Fraction | None], forms: Sequence[Form]) -> Curve:
    """A curve of closed pieces: *at_zero* for nothing, then one form up to each end."""
    edges = (None if end is None else Edge(end, closed=True) for end in ends)
    return (
        Piece(ZERO_EDGE, Form(at_zero)),
        *(Piece(edge, form) for edge, form in zip(edges, forms, strict=True)),
    )


def at_most(most: Fraction) -> Curve:
    """An amount, up to *most*."""
    return _bent(NIL, most, line(ONE), constant(most))


def at_least(least: Fraction) -> Curve:
    """An amount, and *least* where it is less."""
    return _bent(least, least, constant(least), line(ONE))


def beyond(units: Fraction) -> Curve:
    """What goes beyond so many units."""
    return _bent(NIL, units, constant(NIL), line(ONE, units))


def _bent(at_zero: Fraction, end: Fraction, below: Form, above: Form) -> Curve:
    return curve(at_zero, [end, None], [below, above]) if end else curve(at_zero, [None], [above])


def at(pieces: Curve, quantity: Fraction) -> Fraction:
    """A curve's value at one quantity."""
    return pieces[_index(pieces, Edge(quantity, closed=True))].form.at(quantity)


def _index(pieces: Curve, edge: Edge) -> int:
    """The piece in which the curve arrives at *edge*."""
    return bisect_left(pieces, edge, hi=len(pieces) - 1, key=_end)


def _end(piece: Piece) -> Edge:
    assert piece.end is not None  # only the last piece has no end, and it is never asked
    return piece.end


def summed(curves: Sequence[Curve]) -> Curve | None:
    """The sum of curves, piece by piece; None where it would be too long."""
    # a sum changes wherever one of its curves does, and nowhere else
    edges = sorted({piece.end for pieces in curves for piece in pieces if piece.end is not None})
    width = sum(max(piece.form.size() for piece in pieces) for pieces in curves)
    if len(edges) * width > WIDEST:
        return None
    found = list[Piece]()
    for end in (*edges, None):
        forms = (pieces[-1 if end is None else _index(pieces, end)].form for pieces in curves)
        found.append(Piece(end, reduce(Form.plus, forms)))
    return tuple(found)


def composed(inner: Curve, outer: Curve) -> Curve | None:
    """The curve *outer* of *inner*'s value: the amount of one is the next's quantity; None if too long."""
    pieces = [Piece(ZERO_EDGE, Form(at(outer, inner[0].form.at(NIL))))]
    width, size = max(piece.form.size() for piece in outer), 0
    for piece in inner[1:]:
        inner_size, start = piece.form.size(), _end(pieces[-1])
        # packages of packages may have millions of pieces: then only `amount` knows the price
        if inner_size * width > LONGEST:
            return None
        first = _index(outer, Edge(piece.form.at(start.at), closed=True))
        for found in _through(piece, outer[first:], start):
            pieces.append(found)
            size += max(found.form.size(), inner_size)
            if size > LONGEST:
                return None
    # Neighbours of one form are one piece; the point zero stays apart: what nothing costs is its own rule.
    pairs = zip_longest(pieces[1:], pieces[2:])
    last = (piece for piece, following in pairs if following is None or following.form != piece.form)
    return (pieces[0], *last)


def _through(piece: Piece, outer: Sequence[Piece], start: Edge) -> Iterator[Piece]:
    """One piece of the inner curve, cut where its value passes an end of the outer one's pieces."""
    targets = iter(outer)
    end: Edge | None = NOWHERE
    while end != piece.end:
        target = next(targets)  # the last one has no end, so that this piece ends before they do
        reached = None if target.end is None else reach(piece.form, target.end, start)
        end = piece.end if reached is None or (piece.end is not None and piece.end <= reached) else reached
        if end is None or end > start:
            yield Piece(end, target.form.over(piece.form))
            start = end or start


def reach(form: Form, target: Edge, start: Edge) -> Edge | None:
    """The last quantity from *start* on at which the form is at most *target*; None if it stays there."""
    if not form.steps:
        # where a line passes a value is a division; its side is that of the end that it passes
        if form.rate:
            return Edge((target.at - form.constant) / form.rate, target.closed)
        return None if _within(form.constant, target) else NOWHERE

    # A form with steps is searched on its lattice, between whose points it is a line: first doubling the
    # distance, then halving it. The amounts of packages may be passed after a billion of them.
    grid = form.lattice()
    low = start.at * grid // 1
    if not _within(form.at(Fraction(low, grid)), target):
        return NOWHERE
    if not form.growth():
        return None
    size = 1
    while _within(form.at(Fraction(low + size, grid)), target):
        size *= 2
    while size := size // 2:
        low += size * _within(form.at(Fraction(low + size, grid)), target)
    return _line_reach(form, target, Fraction(low, grid), Fraction(low + 1, grid))


def _within(value: Fraction, target: Edge) -> bool:
    return Edge(value, closed=True) <= target


def _line_reach(form: Form, target: Edge, low: Fraction, high: Fraction) -> Edge:
    """Where the form passes *target* between *low*, which fits, and *high*, which does not."""
    start = _limit(form, low, high)
    if not _within(start, target):
        return Edge(low, closed=True)
    end = (low + (target.at - start) / form.rate) if form.rate else high
    return Edge(high, closed=False) if end >= high else Edge(end, target.closed)


def _limit(form: Form, low: Fraction, high: Fraction) -> Fraction:
    """The form just above *low*, where it is a line up to *high*."""
    return form.at((low + high) / 2) - form.rate * (high - low) / 2


def above(form: Form, quantity: Fraction) -> Fraction:
    """The form's value just above *quantity*."""
    cell = Fraction(1, form.lattice())
    return _limit(form, quantity, (quantity // cell + 1) * cell)


def below(form: Form, quantity: Fraction) -> Fraction:
    """The form's value just below *quantity*, which is above zero."""
    cell = Fraction(1, form.lattice())
    low = (-(-quantity // cell) - 1) * cell
    return form.at((low + quantity) / 2) + form.rate * (quantity - low) / 2
