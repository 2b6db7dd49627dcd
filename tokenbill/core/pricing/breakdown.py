"""Breakdowns: the amount of a price at one quantity, checked, and in components that a clerk can redo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from decimal import Decimal, Inexact
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, cast

from attrs import fields, has

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import is_label
from tokenbill.core.money.decimals import (
    DIRECTIONS,
    ONE,
    ZERO,
    Direction,
    Exact,
    Number,
    decimal,
    difference,
    exact_sum,
    number,
    plain_amount,
    plus,
    product,
    ratio,
    rounded,
    users_context,
)
from tokenbill.core.pricing.curves import Curve, composed
from tokenbill.errors import InexactAmount, InvalidPrice

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "STARTED",
    "AbstractPrice",
    "PriceComponent",
    "amount_at",
    "breakdown_at",
    "direction",
    "is_own",
    "kept",
    "labels_of",
    "nests",
    "over",
    "rule_of",
    "summands",
    "units",
    "whole_direction",
]

DEPTH = 32
"""How deep prices may nest: what a plan file can hold, and what every computer can walk."""
PARTS = 1000
"""Most prices of one sum."""
LONGEST_RULE = 400
"""Most characters of a rule."""
STARTED: Final = {"up": "started", "down": "full", "half_up": "half used"}
"""Which packages and blocks of units are charged, by how their number is made whole."""


class PriceComponent(NamedTuple):
    """A part of a price's amount that a clerk can check: fee + rate × quantity ÷ per, made whole by *round*.

    ``rate`` is None where the amount is no such product; ``label`` then says what it is.
    """

    amount: Exact
    quantity: Exact
    rate: Exact | None = None
    per: Decimal = ONE
    round: Direction = "none"
    fee: Exact = ZERO
    label: str = ""

    def times(self, factor: Decimal) -> PriceComponent:
        """The component, *factor* times as dear."""
        rate = None if self.rate is None else product(self.rate, factor)
        amount, fee = product(self.amount, factor), product(self.fee, factor)
        scaled = self._replace(amount=amount, rate=rate, fee=fee)
        return scaled if rate is not None else scaled.labelled(f"× {factor:f}")

    def labelled(self, label: str) -> PriceComponent:
        """The component with more said of it."""
        return self._replace(label=f"{self.label}, {label}" if self.label else label)

    def in_units(self, quantity: Exact, of: Decimal, times: Decimal, direction: Direction) -> PriceComponent:
        """The component as one of the *quantity* before it was converted, where one line can say both."""
        plain = self.rate is not None and self.per == 1 and self.round == "none" and not self.label
        if plain and times == 1 and self.quantity == rounded(ratio(quantity, of), direction):
            return self._replace(quantity=quantity, per=of, round=direction)
        whole = "" if direction == "none" else f" {direction.replace('_', ' ')}"
        return self.labelled(
            f"quantity ÷ {of:f}{whole}" if times == 1 else f"quantity × {times:f} ÷ {of:f}{whole}"
        )


class AbstractPrice(Value, ABC):
    """What every price answers, whatever it is made of; ``Price`` adds the operators that combine prices."""

    __slots__ = ()

    PAGE: ClassVar[str] = "docs/how-to/write-a-price.md"
    """The page of the documentation that explains this kind of price."""

    @abstractmethod
    def amount(self, quantity: Any) -> Exact | int:
        """The exact amount of the first *quantity* units."""

    def __call__(self, quantity: Number, prior: Number | None = None) -> Decimal:
        """What *quantity* costs after *prior* units, exactly or to 18 places.

        ``prior=None`` means that nothing was billed yet, not even a fee due at zero;
        with a prior the answer is the difference of two points on the curve.
        """
        before = None if prior is None else units(prior)
        # rounded apart, two points may differ from their difference by the last place: both are shown ones
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

    def breakdown(self, quantity: Exact) -> tuple[PriceComponent, ...]:
        """The amount at one quantity in components, which become the lines of a bill."""
        return (PriceComponent(amount_at(self, quantity), quantity, label=type(self).__name__),)

    def parts(self) -> tuple[Any, ...]:
        """The prices that this one is made of."""
        held = (getattr(self, name) for name in fields_of(type(self)))
        return tuple(part for part in held if isinstance(part, AbstractPrice))

    def in_words(self) -> str:
        """What the price does, in words with its numbers; here, the first sentence of its docstring."""
        about = type(self).__doc__ or type(self).__name__
        return about.strip().partition("\n")[0].replace("`", "")


def amount_at(price: AbstractPrice, quantity: Exact) -> Exact:
    """A price's amount at one quantity, checked, and computed in the library's own context."""
    # a price of a user's own must neither see nor change the precision that its caller works in
    try:
        with users_context():
            found: object = price.amount(quantity)
    except Inexact:
        raise InexactAmount(price) from None
    except TypeError:
        # After a conversion that does not end the quantity is a Fraction, which a Decimal does not multiply.
        if isinstance(quantity, Decimal):
            raise
        raise InexactAmount(price) from None

    # A user's own class may answer anything; what it answers becomes money.
    what = f"amount of {type(price).__name__}"
    if isinstance(found, bool | float) or not isinstance(found, Decimal | Fraction | int):
        raise InvalidPrice(f"{what} is not an exact number", found, "return a Decimal, Fraction or int")
    if isinstance(found, Decimal) and plain_amount(found) is None:
        raise InvalidPrice(f"{what} is not of the size of money", found, "return a number")
    if found < 0:
        raise InvalidPrice(f"{what} is negative", found, "return zero or more")
    return Decimal(found) if isinstance(found, int | Decimal) else Fraction(found)


def breakdown_at(price: AbstractPrice, quantity: Exact) -> tuple[PriceComponent, ...]:
    """A price's components at one quantity, checked, and computed in the library's own context.

    Raises:
        InvalidPrice: For what is no component, and for components that do not add up to the amount: what is
            missing would stand on a bill as its rounding, whatever its size.
        InexactAmount: If a digit was lost.
    """
    try:
        with users_context():
            found = tuple(price.breakdown(quantity))
    except Inexact:
        raise InexactAmount(price) from None
    what = type(price).__name__
    for component in found:
        given: object = component
        numbers: tuple[object, ...] = ()
        if isinstance(given, PriceComponent):
            numbers = given.amount, given.quantity, given.fee
        # a float was rounded before anyone saw it, and a bool is no amount
        if not numbers or not all(type(it) is int or isinstance(it, Decimal | Fraction) for it in numbers):
            raise InvalidPrice(f"not a component of {what}", given, "give a PriceComponent of exact numbers")
    told, amount = exact_sum(component.amount for component in found), amount_at(price, quantity)
    if told != amount:
        way_out = f"let the breakdown come to {decimal(amount):f}"
        raise InvalidPrice(f"components of {what} that do not add up to its amount", told, way_out)
    return found


def is_own(price: AbstractPrice) -> bool:
    """Whether a price is made of classes of this library alone, whose components the laws prove."""
    return type(price).__module__.partition(".")[0] == "tokenbill" and all(map(is_own, price.parts()))


def rule_of(price: Any) -> str:
    """The rule of a price or of an entry, cut where it is long: a sum may hold a thousand prices."""
    text: str = price.in_words()
    return text if len(text) <= LONGEST_RULE else f"{text[: LONGEST_RULE - 1]}…"


def direction(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate how a quantity is made whole, or that it is not."""
    _one_of(DIRECTIONS, attribute, value)


def whole_direction(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate how a quantity is made whole, where it must be."""
    _one_of(DIRECTIONS[1:], attribute, value)


def _one_of(choices: Sequence[str], attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InvalidPrice(f"unknown {attribute.name}", value, f"choose one of {', '.join(choices)}")


@lru_cache(1024)
def fields_of(kind: type[AbstractPrice]) -> tuple[str, ...]:
    """The names of the fields of a class of prices, which attrs takes longer to list than all else here."""
    return tuple(item.name for item in fields(cast(Any, kind))) if has(kind) else ()


def nests(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate that a part is a price, and nests no deeper than a plan file can."""
    check_nesting(attribute.name, value, {})


def check_nesting(what: str, value: object, known: dict[int, tuple[int, AbstractPrice]]) -> None:
    """The same, with what is *known* of the depth of prices already."""
    if not isinstance(value, AbstractPrice):
        raise InvalidPrice(f"{what} is not a price", value, 'write one, as in PerUnit("0.10")')
    if depth(value, known) >= DEPTH:
        # by its kind: written out, it may be longer than any memory
        kind, way_out = type(value).__name__, "write it with fewer combinators"
        raise InvalidPrice(f"prices nested more than {DEPTH} deep", kind, way_out)


def depth(price: AbstractPrice, known: dict[int, tuple[int, AbstractPrice]]) -> int:
    found = known.get(id(price))
    if found is None:
        # one price may stand in many places: walked at each, thirty sums of two equal ones would take hours
        deep = 1 + max((depth(part, known) for part in price.parts()), default=0)
        found = known[id(price)] = deep, price  # held, for an id is free again with its price
    return found[0]


def summands(prices: Iterable[Any], *, are_checked: bool = False) -> tuple[Any, ...]:
    """The prices of a sum: something to add up, and no more than can be walked."""
    found = listed_of(prices) or ()
    if not 0 < len(found) <= PARTS:
        raise InvalidPrice("a sum of too few or too many prices", len(found), f"add up 1 to {PARTS}")
    known = dict[int, tuple[int, AbstractPrice]]()
    for price in () if are_checked else found:
        check_nesting("prices", price, known)
    return found


def labels_of(labels: Iterable[str]) -> tuple[str, ...]:
    """The names of the labels that tell groups apart."""
    found = listed_of(labels) or ()
    if not found or not all(map(is_label, found)) or len(set(found)) < len(found):
        raise InvalidPrice("not different names of labels", labels, 'name each once: price.each("region")')
    return found


def over(price: AbstractPrice, outer: Curve) -> Curve | None:
    """The curve *outer* of a price's amounts."""
    pieces = price.pieces()
    return None if pieces is None else composed(pieces, outer)


def kept(price: AbstractPrice, quantity: Exact, amount: Exact, label: str) -> tuple[PriceComponent, ...]:
    """The breakdown of *price* while they make the *amount*; else one that says what holds instead."""
    if amount == amount_at(price, quantity):
        return price.breakdown(quantity)
    return (PriceComponent(amount, quantity, fee=amount, label=label),)


def units(quantity: Number) -> Decimal:
    """A quantity to price, zero or more."""
    found = number(quantity)
    if found < 0:
        raise InvalidPrice("negative quantity", quantity, "correct a bill by a difference of bills")
    return found
