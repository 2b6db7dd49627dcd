"""Prices without tiers: so much a unit, a flat fee, whole packages."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from attrs import field, frozen

from tokenbill.core.money.decimals import ONE, ZERO, Direction, Exact, number, product, ratio, rounded
from tokenbill.core.money.validators import non_negative, positive, yes_or_no
from tokenbill.core.pricing.breakdown import STARTED, PriceComponent, whole_direction
from tokenbill.core.pricing.curves import NIL, Curve, constant, curve, line, stepped
from tokenbill.core.pricing.price import MODELS, Price

__all__ = ["Covered", "Flat", "Package", "PerUnit"]


@frozen(repr=False)
class PerUnit(Price):
    """Every unit costs the same: quantity × rate ÷ per.

    Args:
        rate: Amount for *per* units, in the currency of the schedule, zero or more.
        per: Units that the rate covers: 3600 where a meter of seconds is priced by the hour.

    Raises:
        InvalidNumber: If a number is a float, not finite, or out of bounds.
        InvalidPrice: If *rate* is negative or *per* is not positive.

    Source: docs/explanation/pricing-models.md#per-unit

    >>> PerUnit("0.10", per=3600)(36)
    Decimal('0.001')
    """

    PAGE = f"{MODELS}#per-unit"

    rate: Decimal = field(converter=number, validator=non_negative)
    per: Decimal = field(default=ONE, converter=number, validator=positive)

    def amount(self, quantity: Exact) -> Exact:
        return ratio(product(quantity, self.rate), self.per)

    def pieces(self) -> Curve:
        return curve(NIL, [None], [line(Fraction(self.rate) / Fraction(self.per))])

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        amount = product(quantity, self.rate) if self.per == ONE else self.amount(quantity)
        return (PriceComponent(amount, quantity, self.rate, self.per),)

    def in_words(self) -> str:
        units = "unit" if self.per == ONE else f"{self.per:f} units"
        return f"every {units} at {self.rate:f}"


@frozen(repr=False)
class Flat(Price):
    """One amount, once something is used.

    Args:
        amount: The fee, in the currency of the schedule, zero or more; the attribute is ``fee``.
        at_zero: Whether it is due though nothing is used.

    Raises:
        InvalidNumber: If *amount* is a float, not finite, or out of bounds.
        InvalidPrice: If *amount* is negative.

    Source: docs/explanation/pricing-models.md#flat

    >>> Flat(20)(0), Flat(20)(3), Flat(20, at_zero=True)(0)
    (Decimal('0'), Decimal('20'), Decimal('20'))
    """

    PAGE = f"{MODELS}#flat"

    fee: Decimal = field(converter=number, validator=non_negative, alias="amount")
    at_zero: bool = field(default=False, validator=yes_or_no)

    def amount(self, quantity: Exact) -> Exact:
        # nothing used owes no flat fee unless it was agreed so: a meter that nobody touched makes no line
        return self.fee if quantity or self.at_zero else ZERO

    def pieces(self) -> Curve:
        fee = Fraction(self.fee)
        return curve(fee if self.at_zero else NIL, [None], [constant(fee)])

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        due = self.amount(quantity)
        return (PriceComponent(due, quantity, fee=due, label="flat fee"),)

    def in_words(self) -> str:
        return f"{self.fee:f} {'always' if self.at_zero else 'once something is used'}"


@frozen(repr=False)
class Covered(Price):
    """Usage that costs nothing, because a trial covers it; the plan of a version in a trial has it.

    >>> Covered()(30)
    Decimal('0')
    """

    PAGE = "docs/explanation/periods.md#trials"

    def amount(self, quantity: Exact) -> Exact:
        return ZERO

    def pieces(self) -> Curve:
        # a curve as any other, so that what a trial covers is shown, compared and drawn like it
        return curve(NIL, [None], [constant(NIL)])

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return (PriceComponent(ZERO, quantity, ZERO, label="covered by the trial"),)

    def in_words(self) -> str:
        return "nothing, for a trial covers it"


@frozen(repr=False)
class Package(Price):
    """Whole packages of units; a started package is a full one.

    Args:
        size: Units in one package, more than zero.
        fee: Amount for one package, in the currency of the schedule, zero or more.
        round: How a started package counts: ``up`` in full, ``down`` not at all, ``half_up`` from half on.

    Raises:
        InvalidNumber: If a number is a float, not finite, or out of bounds.
        InvalidPrice: If *size* is not positive, *fee* is negative, or *round* is none of the three.

    Source: docs/explanation/pricing-models.md#package

    >>> Package(size=1000, fee="5.00")(1001)
    Decimal('10.00')
    """

    PAGE = f"{MODELS}#package"

    size: Decimal = field(converter=number, validator=positive)
    fee: Decimal = field(converter=number, validator=non_negative)
    round: Direction = field(default="up", validator=whole_direction)

    def amount(self, quantity: Exact) -> Exact:
        # packages are counted before money is: a started one costs all of its fee
        return product(rounded(ratio(quantity, self.size), self.round), self.fee)

    def pieces(self) -> Curve:
        packages = stepped(Fraction(self.fee), self.round, line(1 / Fraction(self.size)))
        return curve(NIL, [None], [packages])

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        return (PriceComponent(self.amount(quantity), quantity, self.fee, self.size, self.round),)

    def in_words(self) -> str:
        return f"each {STARTED[self.round]} package of {self.size:f} at {self.fee:f}"
