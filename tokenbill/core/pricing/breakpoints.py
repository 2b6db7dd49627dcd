"""Breakpoints: the quantities at which a curve jumps or changes its rate, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from heapq import merge
from itertools import chain, count, groupby, islice, pairwise, takewhile
from typing import NamedTuple, cast

from attrs import has

from tokenbill.core.base.hashing import fields_of
from tokenbill.core.money.decimals import PLACES, decimal
from tokenbill.core.pricing.curves import NIL, Curve, Edge, Piece, Step, above, below, reach
from tokenbill.core.pricing.price import Price

__all__ = ["Breakpoint", "breakpoints", "first_breakpoints", "jumps_within", "step_jumps"]

HALF = Fraction(1, 2)
FEW = 4
"""Jumps of each piece among the first breakpoints: packages jump without end."""
MOST = 10**29
"""First breakpoints lie below it, so that two of them add up to a quantity that may still be asked for."""


class Breakpoint(NamedTuple):
    """Where a curve changes: between two of its pieces, or at a jump within one, which then is both."""

    quantity: Fraction
    before: Piece
    after: Piece

    def amounts(self) -> tuple[Fraction, Fraction]:
        """What the curve comes to on both sides: at the quantity on the side that it belongs to."""
        # an end that belongs to its piece is asked on the piece, else just below: amounts may jump there
        closed = self.before.end is not None and self.before.end == (self.quantity, True)
        within = self.before is self.after
        low, high = self.before.form, self.after.form
        return (
            low.at(self.quantity) if closed else below(low, self.quantity),
            above(high, self.quantity) if closed or within else high.at(self.quantity),
        )


def breakpoints(curve: Curve, after: Fraction | None = None, *, jumps: bool = True) -> Iterator[Breakpoint]:
    """The breakpoints of a curve above *after*, or all of them; without *jumps* the ends of its pieces alone.

    Packages jump without end, and so may this.

    >>> from tokenbill.core.pricing.rates import Package
    >>> [point.quantity for point in islice(breakpoints(Package(10, 5).pieces()), 3)]
    [Fraction(0, 1), Fraction(10, 1), Fraction(20, 1)]
    """
    low = NIL if after is None else after
    # a piece that ends at the point itself may still change behind it
    left = [piece for piece in curve if piece.end is None or after is None or piece.end > (after, True)]
    for piece, following in pairwise([*left, left[-1]]):
        for quantity in jumps_within(piece, low) if jumps else ():
            yield Breakpoint(quantity, piece, piece)
        if piece.end is not None:
            low = piece.end.at
            yield Breakpoint(low, piece, following)


def jumps_within(piece: Piece, low: Fraction) -> Iterator[Fraction]:
    """The quantities above *low* at which the steps of a piece jump before it ends."""
    found = merge(*(step_jumps(step, low) for step in piece.form.steps))
    return takewhile(
        lambda quantity: piece.end is None or quantity < piece.end.at,
        (quantity for quantity, _ in groupby(found)),
    )


def step_jumps(step: Step, low: Fraction) -> Iterator[Fraction]:
    """The quantities above *low* at which a step jumps, or just behind which it does, in order.

    >>> from tokenbill.core.pricing.curves import Form
    >>> packages = Step(Fraction(5), "up", Form(rate=Fraction(1, 1000)))
    >>> list(islice(step_jumps(packages, Fraction(1)), 2))
    [Fraction(1000, 1), Fraction(2000, 1)]
    """
    # made whole from a half on, a step jumps half a unit before the others do
    shift = HALF if step.round == "half_up" else NIL
    if not step.of.steps:
        first = (step.of.at(low) - shift) // 1 + 1
        yield from ((whole + shift - step.of.constant) / step.of.rate for whole in count(first))

    # Steps of steps are searched: each time the last quantity before the next whole number. Where the form
    # does not grow by itself, it may stand on a whole number that it has not passed yet.
    closed = step.round == "up"
    stays = closed and not step.of.rate
    while True:
        value = above(step.of, low) - shift
        target = (-(-value // 1) if stays else value // 1 + 1) + shift
        found = reach(step.of, Edge(target, closed), Edge(low, closed=True))
        assert found is not None  # steps of a curve grow without end
        low = found.at
        yield low


def first_breakpoints(price: Price) -> tuple[Decimal, ...]:
    """The quantities above zero at which a price changes: the ends of its pieces, the first jumps in each.

    Of a price that lists no pieces, it is the numbers among its fields.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> first_breakpoints((PerUnit("0.50") * "1.1").after(100))
    (Decimal('100'),)
    """
    pieces = price.pieces()
    if pieces is None:
        # nobody knows where a price of a user's own changes; its numbers are the likeliest places
        found = set(_numbers(price))
    else:
        ends = [piece.end.at for piece in pieces if piece.end is not None]
        pairs = zip(pieces, [NIL, *ends], strict=True)
        found = {*ends, *chain(*(islice(jumps_within(piece, start), FEW) for piece, start in pairs))}
    # a quantity has at most so many decimals: the last one that may be asked for
    cut = (Fraction(value * 10**PLACES // 1, 10**PLACES) for value in found if 0 < value < MOST)
    return tuple(sorted({decimal(value) for value in cut}))


def _numbers(value: object) -> Iterator[Fraction]:
    """The numbers within a value, however deep."""
    if isinstance(value, Decimal):
        yield from (Fraction(value),) if value.is_finite() and value.adjusted() < PLACES else ()
    elif isinstance(value, int | Fraction) and not isinstance(value, bool):
        yield Fraction(value)
    elif isinstance(value, list | tuple):
        for item in cast("Iterable[object]", value):
            yield from _numbers(item)
    elif isinstance(value, Price) or has(type(value)):
        yield from _numbers([item for _, item in fields_of(value)])
