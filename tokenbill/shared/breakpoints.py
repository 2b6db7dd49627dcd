"""Bends: the quantities at which a price may bend or jump, where whoever draws or tests a curve looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import cast

from attrs import has

from tokenbill.core.base.hashing import fields_of
from tokenbill.core.money.decimals import PLACES, decimal
from tokenbill.core.pricing.curves import NIL, Curve, Form
from tokenbill.core.pricing.price import Price

__all__ = ["MOST", "bounds"]

MOST = 10**29
"""Bounds lie below it, so that two such quantities add up to one that may still be asked for."""


def bounds(price: Price) -> tuple[Decimal, ...]:
    """Quantities at which a price may bend or jump: the ends of its pieces, and its next steps after each.

    Of a price that lists no pieces, it is the numbers among its fields.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> bounds((PerUnit("0.50") * "1.1").after(100))
    (Decimal('100'),)
    """
    pieces = price.pieces()
    found = set(_numbers(price) if pieces is None else _ends(pieces))
    return tuple(sorted({_cut(value) for value in found if 0 < value < MOST}))


def _cut(value: Fraction) -> Decimal:
    """The last quantity up to *value* that may be asked for: quantities have at most so many decimals."""
    return decimal(Fraction(value * 10**PLACES // 1, 10**PLACES))


def _ends(pieces: Curve) -> Iterator[Fraction]:
    start = NIL
    for piece in pieces:
        yield from _jumps(piece.form, start)
        if piece.end is not None:
            start = piece.end.at
            yield start


def _jumps(form: Form, start: Fraction) -> Iterator[Fraction]:
    """Where the steps of a form jump next after *start*."""
    for step in form.steps:
        if step.of.rate:
            passed = step.of.at(start)
            ahead = (passed // 1 + Fraction(halves, 2) for halves in range(1, 5))
            yield from (start + (value - passed) / step.of.rate for value in ahead)
        yield from _jumps(step.of, start)


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
