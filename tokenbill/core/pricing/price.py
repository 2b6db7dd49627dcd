"""Prices: a price is a curve, ``amount(q)`` being what the first q units of a period cost together.

The combinators take curves and give curves, so that a few of them replace many pricing models.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Final

from attrs import field, frozen

from tokenbill.core.base.tables import plain
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Direction,
    Exact,
    Number,
    difference,
    exact_sum,
    number,
    product,
    ratio,
    rounded,
)
from tokenbill.core.money.validators import non_negative, number_or_part, positive
from tokenbill.core.pricing.breakdown import (
    AbstractPrice,
    PriceComponent,
    amount_at,
    direction,
    kept,
    labels_of,
    nests,
    over,
    rule_of,
    summands,
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
from tokenbill.core.pricing.of import Amount, Of

__all__ = [
    "After",
    "AtLeast",
    "Capped",
    "Combinator",
    "Each",
    "InUnits",
    "MODELS",
    "SAME",
    "Price",
    "Scaled",
    "Sum",
    "Then",
]

MODELS: Final = "docs/explanation/pricing-models.md"


class Price(AbstractPrice):
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

    def __add__(self, other: Price) -> Price:
        """Both together; sums flatten, so that addition is associative."""
        if not isinstance(other, Price):
            return NotImplemented
        both = (each.prices if isinstance(each, Sum) else Sum((each,)).prices for each in (self, other))
        found = Sum.__new__(Sum)  # its prices are checked: at each addition again, 1,000 would take seconds
        object.__setattr__(found, "prices", summands(chain(*both), are_checked=True))
        return found

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

    def of(self, quantity: str | Amount) -> Of:
        """The curve read at another quantity, a meter, a level or an ``Amount``: a term of a plan."""
        return Of(self, amount_of=quantity.on) if isinstance(quantity, Amount) else Of(self, of=quantity)


class Combinator(Price):
    """A price made of others; the class says which quantity reaches each of them, and how they combine."""

    __slots__ = ()

    def inputs(self, quantity: Exact) -> tuple[tuple[Price, Exact], ...]:
        """Its prices, each with the quantity that reaches it."""
        return tuple((price, quantity) for price in self.parts())

    def input_curves(self) -> tuple[tuple[Price, Curve | None], ...]:
        """The same as curves of the quantity; None where it is not known."""
        return tuple((price, SAME) for price in self.parts())

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        """How its amount comes about, over the *amounts* of its prices, the first *reached* by so much."""
        return " + ".join(amounts)


SAME: Curve = curve(NIL, [None], [line(Fraction(1))])
"""The curve whose amount is the quantity."""


def _nested(price: Price) -> str:
    """The rule of a price within another one's rule."""
    return f"({rule_of(price)})" if isinstance(price, Combinator) else rule_of(price)


@frozen(repr=False)
class Sum(Combinator):
    """Several prices together."""

    PAGE = f"{MODELS}#sum"

    prices: tuple[Price, ...] = field(converter=summands)

    def amount(self, quantity: Exact) -> Exact:
        return exact_sum([amount_at(price, quantity) for price in self.prices])

    def pieces(self) -> Curve | None:
        curves = [price.pieces() for price in self.prices]
        return None if None in curves else summed([pieces for pieces in curves if pieces])

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return tuple(component for price in self.prices for component in price.breakdown(quantity))

    def parts(self) -> tuple[Price, ...]:
        return self.prices

    def in_words(self) -> str:
        return " plus ".join(map(_nested, self.prices))


@frozen(repr=False)
class Scaled(Combinator):
    """Another price times a factor."""

    PAGE = f"{MODELS}#mark-up"

    price: Price = field(validator=nests)
    factor: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return product(amount_at(self.price, quantity), self.factor)

    def pieces(self) -> Curve | None:
        return over(self.price, curve(NIL, [None], [line(Fraction(self.factor))]))

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return tuple(component.times(self.factor) for component in self.price.breakdown(quantity))

    def in_words(self) -> str:
        return f"{_nested(self.price)}, × {self.factor:f}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"{amounts[0]} × {self.factor:f}"


@frozen(repr=False)
class After(Combinator):
    """The first units are free."""

    PAGE = f"{MODELS}#allowance"

    price: Price = field(validator=nests)
    units: Exact = field(converter=number_or_part, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.price, max(difference(quantity, self.units), ZERO))

    def pieces(self) -> Curve | None:
        pieces = self.price.pieces()
        return None if pieces is None else composed(beyond(Fraction(self.units)), pieces)

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        over = max(difference(quantity, self.units), ZERO)
        free = PriceComponent(ZERO, min(quantity, self.units), ZERO, label="included")
        return (free, *(self.price.breakdown(over) if over or amount_at(self.price, ZERO) else ()))

    def inputs(self, quantity: Exact) -> tuple[tuple[Price, Exact], ...]:
        return ((self.price, max(difference(quantity, self.units), ZERO)),)

    def input_curves(self) -> tuple[tuple[Price, Curve | None], ...]:
        return ((self.price, beyond(Fraction(self.units))),)

    def in_words(self) -> str:
        return f"the first {plain(self.units)} units free, then {_nested(self.price)}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"{reached} beyond the first {plain(self.units)} of {quantity}"


@frozen(repr=False)
class Capped(Combinator):
    """At most an amount."""

    PAGE = f"{MODELS}#cap"

    price: Price = field(validator=nests)
    most: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return min(amount_at(self.price, quantity), self.most)

    def pieces(self) -> Curve | None:
        return over(self.price, at_most(Fraction(self.most)))

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return kept(self.price, quantity, self.amount(quantity), f"at most {self.most:f}")

    def in_words(self) -> str:
        return f"{_nested(self.price)}, at most {self.most:f}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"at most {self.most:f} of {amounts[0]}"


@frozen(repr=False)
class AtLeast(Combinator):
    """At least an amount, also for nothing."""

    PAGE = f"{MODELS}#minimum"
    at_zero = True  # due though nothing is used

    price: Price = field(validator=nests)
    least: Decimal = field(converter=number, validator=non_negative)

    def amount(self, quantity: Exact) -> Exact:
        return max(amount_at(self.price, quantity), self.least)

    def pieces(self) -> Curve | None:
        return over(self.price, at_least(Fraction(self.least)))

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return kept(self.price, quantity, self.amount(quantity), f"at least {self.least:f}")

    def in_words(self) -> str:
        return f"{_nested(self.price)}, at least {self.least:f}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"at least {self.least:f}, where it comes to {amounts[0]},"


@frozen(repr=False)
class InUnits(Combinator):
    """Another unit is priced: the quantity × times ÷ of, made whole as said."""

    PAGE = f"{MODELS}#conversion"

    price: Price = field(validator=nests)
    divisor: Decimal = field(default=ONE, converter=number, validator=positive, alias="of")
    times: Decimal = field(default=ONE, converter=number, validator=positive)
    round: Direction = field(default="none", validator=direction)

    def converted(self, quantity: Exact) -> Exact:
        """The quantity that is priced."""
        return rounded(ratio(product(quantity, self.times), self.divisor), self.round)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.price, self.converted(quantity))

    def pieces(self) -> Curve | None:
        pieces = self.price.pieces()
        return None if pieces is None else composed(self._conversion(), pieces)

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return tuple(
            component.in_units(quantity, self.divisor, self.times, self.round)
            for component in self.price.breakdown(self.converted(quantity))
        )

    def inputs(self, quantity: Exact) -> tuple[tuple[Price, Exact], ...]:
        return ((self.price, self.converted(quantity)),)

    def input_curves(self) -> tuple[tuple[Price, Curve | None], ...]:
        return ((self.price, self._conversion()),)

    def in_words(self) -> str:
        return f"{_nested(self.price)}, for quantity{self._factors()}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"{quantity}{self._factors()}: {reached}"

    def _conversion(self) -> Curve:
        units = stepped(Fraction(1), self.round, line(Fraction(self.times) / Fraction(self.divisor)))
        return curve(NIL, [None], [units])

    def _factors(self) -> str:
        times, of = (
            f" {sign} {value:f}" if value != ONE else ""
            for sign, value in (("×", self.times), ("÷", self.divisor))
        )
        whole = f", made whole {self.round.replace('_', ' ')}" if self.round != "none" else ""
        return f"{times}{of}{whole}"


@frozen(repr=False)
class Then(Combinator):
    """The amount of one price is the quantity of the next."""

    PAGE = f"{MODELS}#composition"

    price: Price = field(validator=nests)
    curve: Price = field(validator=nests)

    def amount(self, quantity: Exact) -> Exact:
        return amount_at(self.curve, amount_at(self.price, quantity))

    def pieces(self) -> Curve | None:
        outer = self.curve.pieces()
        return None if outer is None else over(self.price, outer)

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        inner = self.curve.breakdown(amount_at(self.price, quantity))
        return tuple(component.labelled("on the amount before") for component in inner)

    def inputs(self, quantity: Exact) -> tuple[tuple[Price, Exact], ...]:
        return (self.price, quantity), (self.curve, amount_at(self.price, quantity))

    def input_curves(self) -> tuple[tuple[Price, Curve | None], ...]:
        return (self.price, SAME), (self.curve, self.price.pieces())

    def in_words(self) -> str:
        return f"{_nested(self.price)}, and that amount is the quantity of {_nested(self.curve)}"

    def arithmetic(self, quantity: str, reached: str, amounts: Sequence[str]) -> str:
        return f"{amounts[0]} as a quantity"


@frozen(repr=False)
class Each(Value):
    """One curve for each value of some labels: ``price.each("region")``, an entry of a schedule."""

    price: Price = field(validator=nests)
    labels: tuple[str, ...] = field(converter=labels_of)

    def __mul__(self, factor: Number) -> Each:
        return Each(self.price * factor, self.labels)

    def in_words(self) -> str:
        """What it does, in words: its price, for each group."""
        return f"{rule_of(self.price)}, by {', '.join(self.labels)}"
