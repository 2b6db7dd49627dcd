"""Prices: a price is a curve, ``amount(q)`` being what the first q units of a period cost together.

The combinators take curves and give curves, so that a few of them replace many pricing models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from attrs import field, fields, frozen, has
from attrs.validators import deep_iterable

from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Direction,
    Exact,
    Number,
    decimal,
    difference,
    number,
    plus,
    product,
    ratio,
    rounded,
)
from tokenbill.core.money.validators import non_negative, number_or_part, positive
from tokenbill.core.pricing.breakdown import (
    Portion,
    amount_at,
    direction,
    kept,
    labels_of,
    nests,
    over,
    summands,
    units,
)
from tokenbill.core.pricing.curves import (
    NIL,
    Curve,
    at_least,
    at_most,
    beyond,
    composed,
    curve,
    line,
    stepped,
    summed,
)

__all__ = [
    "After",
    "AtLeast",
    "Capped",
    "Each",
    "InUnits",
    "Price",
    "Scaled",
    "Sum",
    "Then",
]


class Price(Value, ABC):
    """What the first q units of a period cost together, as a function of q: write ``amount``.

    ``amount`` gets a Decimal ≥ 0 and returns a Decimal, Fraction or int ≥ 0 in the schedule's currency.
    It runs in the library's own decimal context, where a lost digit raises InexactAmount.

    >>> from attrs import frozen
    >>> @frozen
    ... class Squared(Price):
    ...     def amount(self, quantity: Decimal) -> Decimal:
    ...         return quantity * quantity
    >>> Squared()(3), Squared()(1, prior=3)
    (Decimal('9'), Decimal('7'))
    """

    __slots__ = ()

    @abstractmethod
    def amount(self, quantity: Decimal) -> Exact | int:
        """The exact amount of the first *quantity* units."""

    def __call__(self, quantity: Number, prior: Number | None = None) -> Decimal:
        """What *quantity* costs after *prior* units, exactly or to 18 places.

        ``prior=None`` means that nothing was billed yet, not even a fee due at zero;
        with a prior the answer is the difference of two points on the curve.
        """
        before = None if prior is None else units(prior)
        after = amount_at(self, plus(before or ZERO, units(quantity)))
        if before is None:
            return decimal(after)
        return decimal(difference(decimal(after), decimal(amount_at(self, before))))

    def exact(self, quantity: Number, prior: Number | None = None) -> Fraction:
        """The same as a Fraction, to the last digit."""
        before = None if prior is None else units(prior)
        after = Fraction(amount_at(self, plus(before or ZERO, units(quantity))))
        return after if before is None else after - Fraction(amount_at(self, before))

    def pieces(self) -> Curve | None:
        """The curve piece by piece, or None where only ``amount`` knows it."""
        return None

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        """The parts of the amount at one quantity, for the lines of a bill."""
        return (Portion(amount_at(self, quantity), quantity, label=type(self).__name__),)

    def parts(self) -> tuple[Price, ...]:
        """The prices that this one is made of."""
        made_of = (
            (getattr(self, item.name) for item in fields(cast(Any, type(self)))) if has(type(self)) else ()
        )
        return tuple(part for part in made_of if isinstance(part, Price))

    def __add__(self, other: Price) -> Price:
        """Both together; sums flatten, so that addition is associative."""
        if not isinstance(other, Price):
            return NotImplemented
        return Sum((*_summands(self), *_summands(other)))

    def __radd__(self, other: object) -> Price:
        return self if type(other) is int and other == 0 else NotImplemented  # sum() begins with 0

    def __mul__(self, factor: Number) -> Price:
        """The price times a factor ≥ 0: a discount, a mark-up."""
        return Scaled(self, factor)

    __rmul__ = __mul__

    def after(self, units: Number) -> Price:
        """An allowance: the first *units* are free."""
        return After(self, units)

    def capped(self, most: Number) -> Price:
        """At most this amount."""
        return Capped(self, most)

    def at_least(self, least: Number) -> Price:
        """At least this amount, also for nothing used."""
        return AtLeast(self, least)

    def in_units(self, of: Number = 1, times: Number = 1, round: Direction = "none") -> Price:
        """The quantity × *times* ÷ *of*, made whole as *round* says, is what is priced."""
        return InUnits(self, of, times, round)

    def then(self, curve: Price) -> Price:
        """The amount of this price is the quantity of *curve*."""
        return Then(self, curve)

    def each(self, *labels: str) -> Each:
        """One curve for each value of the *labels*; outermost, it makes an entry of a schedule."""
        return Each(self, labels)


def _summands(price: Price) -> tuple[Price, ...]:
    return price.prices if isinstance(price, Sum) else (price,)


@frozen(repr=False)
class Sum(Price):
    """Several prices together."""

    prices: tuple[Price, ...] = field(converter=summands, validator=deep_iterable(nests))

    def amount(self, quantity: Exact) -> Exact:
        total: Exact = ZERO
        for price in self.prices:
            total = plus(total, amount_at(price, quantity))
        return total

    def pieces(self) -> Curve | None:
        curves = [price.pieces() for price in self.prices]
        return None if None in curves else summed([pieces for pieces in curves if pieces])

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        return tuple(portion for price in self.prices for portion in price.portions(quantity))

    def parts(self) -> tuple[Price, ...]:
        return self.prices


@frozen(repr=False)
class Scaled(Price):
    """Another price times a factor."""

    price: Price = field(validator=nests)
    factor: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return product(amount_at(self.price, quantity), self.factor)

    def pieces(self) -> Curve | None:
        return over(self.price, curve(NIL, [None], [line(Fraction(self.factor))]))

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        return tuple(portion.times(self.factor) for portion in self.price.portions(quantity))


@frozen(repr=False)
class After(Price):
    """The first units are free."""

    price: Price = field(validator=nests)
    units: Exact = field(converter=number_or_part, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.price, max(difference(quantity, self.units), ZERO))

    def pieces(self) -> Curve | None:
        pieces = self.price.pieces()
        return None if pieces is None else composed(beyond(Fraction(self.units)), pieces)

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        over = max(difference(quantity, self.units), ZERO)
        free = Portion(ZERO, min(quantity, self.units), ZERO, label="included")
        return (free, *(self.price.portions(over) if over or amount_at(self.price, ZERO) else ()))


@frozen(repr=False)
class Capped(Price):
    """At most an amount."""

    price: Price = field(validator=nests)
    most: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return min(amount_at(self.price, quantity), self.most)

    def pieces(self) -> Curve | None:
        return over(self.price, at_most(Fraction(self.most)))

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        return kept(self.price, quantity, self.amount(quantity), f"at most {self.most:f}")


@frozen(repr=False)
class AtLeast(Price):
    """At least an amount, also for nothing."""

    price: Price = field(validator=nests)
    least: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return max(amount_at(self.price, quantity), self.least)

    def pieces(self) -> Curve | None:
        return over(self.price, at_least(Fraction(self.least)))

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        return kept(self.price, quantity, self.amount(quantity), f"at least {self.least:f}")


@frozen(repr=False)
class InUnits(Price):
    """Another unit is priced: the quantity × times ÷ of, made whole as said."""

    price: Price = field(validator=nests)
    of: Decimal = field(default=ONE, converter=number, validator=positive)
    times: Decimal = field(default=ONE, converter=number, validator=positive)
    round: Direction = field(default="none", validator=direction)

    def converted(self, quantity: Exact) -> Exact:
        """The quantity that is priced."""
        return rounded(ratio(product(quantity, self.times), self.of), self.round)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.price, self.converted(quantity))

    def pieces(self) -> Curve | None:
        pieces, rate = self.price.pieces(), Fraction(self.times) / Fraction(self.of)
        units = stepped(Fraction(1), self.round, line(rate))
        return None if pieces is None else composed(curve(NIL, [None], [units]), pieces)

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        return tuple(
            portion.in_units(quantity, self.of, self.times, self.round)
            for portion in self.price.portions(self.converted(quantity))
        )


@frozen(repr=False)
class Then(Price):
    """The amount of one price is the quantity of the next."""

    price: Price = field(validator=nests)
    curve: Price = field(validator=nests)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.curve, amount_at(self.price, quantity))

    def pieces(self) -> Curve | None:
        outer = self.curve.pieces()
        return None if outer is None else over(self.price, outer)

    def portions(self, quantity: Exact) -> tuple[Portion, ...]:
        inner = self.curve.portions(amount_at(self.price, quantity))
        return tuple(portion.labelled("on the amount before") for portion in inner)


@frozen(repr=False)
class Each(Value):
    """One curve for each value of some labels: ``price.each("region")``, an entry of a schedule."""

    price: Price = field(validator=nests)
    labels: tuple[str, ...] = field(converter=labels_of)

    def __mul__(self, factor: Number) -> Each:
        return Each(self.price * factor, self.labels)
