"""One entry's curve, prepared so that a quantity costs one look and one multiply-and-add."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal, Inexact
from fractions import Fraction
from typing import TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import (
    EXACT,
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    odd_part,
    plus,
    product,
)
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.curves import Curve
from tokenbill.core.pricing.price import Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.rating.lines import Charge, LineItem

__all__ = ["Group", "Rate"]

DIGITS = 120
"""Longest coefficient that a quantity can multiply without leaving the exact context."""

Group: TypeAlias = "tuple[str | None, ...]"
"""The values that tell the groups of an ``.each`` entry apart; None where a meter lacks the label."""

_fma, _add = EXACT.fma, EXACT.add


class Rate:
    """One entry, or one group of an ``.each`` entry: its curve less *standing*, what is due without it.

    ``slope`` is the numerator of a straight line; else ``edges``, ``slopes`` and ``constants`` are those
    of its pieces; where ``edges`` is None only ``amount`` knows the curve.
    """

    __slots__ = (
        "charges",
        "constants",
        "edges",
        "key",
        "name",
        "order",
        "per",
        "price",
        "rule",
        "rungs",
        "slope",
        "slopes",
        "standing",
        "unit",
    )

    def __init__(self, key: Meter, entry: Meter, group: Group, price: Price, standing: Exact) -> None:
        self.key, self.price, self.standing = key, price, standing
        self.name = str(entry) if not group else f"{entry} > {key}"
        self.order = "\0".join((str(entry), *(place or "" for place in group)))
        self.slope: Decimal | None = None
        self.edges: list[Decimal] | None = None
        self.slopes: list[Decimal] = []
        self.constants: list[Decimal] = []
        self.unit: Decimal | None = None
        self.per: Decimal | None = None
        self.charges: dict[str, Charge] = {}
        self.rungs: list[LineItem] = []
        self.rule = ""

    def prepare(self, curve: Curve, denominator: int) -> None:
        """Take the pieces, where all of them are lines whose numerators a Decimal holds."""
        if any(piece.form.steps or (piece.end and not piece.end.closed) for piece in curve):
            return
        standing = Fraction(self.standing)
        slopes = [_held(piece.form.rate * denominator) for piece in curve]
        constants = [_held((piece.form.constant - standing) * denominator) for piece in curve]
        edges = [_held(piece.end.at) for piece in curve if piece.end]
        if None in slopes or None in constants or None in edges:
            return
        self.edges, self.slopes, self.constants = edges, slopes, constants  # type: ignore[assignment]
        if len(curve) == 2 and not any(constants):
            self.slope = slopes[1]
        if type(self.price) is PerUnit and _held(curve[1].form.rate) is not None:
            # the numbers of the price, not their quotient: 6 at 0.10 reads 0.60 on every bill
            self.unit = self.price.rate
            self.per = None if self.price.per == ONE else self.price.per

    def take(self, other: Rate) -> None:
        """Be as prepared as another group of the same entry."""
        self.edges, self.slopes, self.constants = other.edges, other.slopes, other.constants
        self.slope, self.unit, self.per = other.slope, other.unit, other.per

    def upon(self, total: Exact, quantity: Decimal, denominator: Decimal) -> Exact:
        """*total*, and the curve at a quantity less what stands, times the denominator."""
        if self.edges is None:
            amount = difference(amount_at(self.price, quantity), self.standing)
            return plus(total, product(amount, denominator))
        piece = bisect_left(self.edges, quantity)
        try:
            start = self.constants[piece]
            return _fma(self.slopes[piece], quantity, start if total is ZERO else _add(total, start))  # type: ignore[arg-type]
        except (Inexact, TypeError):
            return plus(total, plus(product(self.slopes[piece], quantity), self.constants[piece]))


def _held(value: Fraction) -> Decimal | None:
    """A number as a Decimal, or None where it does not terminate or is too long to multiply."""
    held = decimal(value) if odd_part(value.denominator) == 1 else None
    return held if held is not None and len(held.as_tuple().digits) <= DIGITS else None
