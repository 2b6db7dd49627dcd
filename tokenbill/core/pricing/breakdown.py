"""Portions: the amount of a price at one quantity, checked, and in parts that a clerk can redo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, Inexact
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.metering.meters import is_label
from tokenbill.core.money.decimals import (
    DIRECTIONS,
    ONE,
    ZERO,
    Direction,
    Exact,
    Number,
    number,
    plain_amount,
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
    "Portion",
    "amount_at",
    "direction",
    "kept",
    "labels_of",
    "nests",
    "over",
    "summands",
    "units",
    "whole_direction",
]

DEPTH = 32
"""How deep prices may nest: what a plan file can hold, and what every computer can walk."""
PARTS = 1000
"""Most prices of one sum."""


@runtime_checkable
class Curved(Protocol):
    """What a price is, seen from below."""

    def amount(self, quantity: Any) -> Exact | int: ...
    def pieces(self) -> Curve | None: ...
    def portions(self, quantity: Any) -> tuple[Portion, ...]: ...
    def parts(self) -> Iterable[Any]: ...


class Portion(NamedTuple):
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

    def times(self, factor: Decimal) -> Portion:
        """The portion, *factor* times as dear."""
        rate = None if self.rate is None else product(self.rate, factor)
        amount, fee = product(self.amount, factor), product(self.fee, factor)
        scaled = self._replace(amount=amount, rate=rate, fee=fee)
        return scaled if rate is not None else scaled.labelled(f"× {factor:f}")

    def labelled(self, label: str) -> Portion:
        """The portion with more said of it."""
        return self._replace(label=f"{self.label}, {label}" if self.label else label)

    def in_units(self, quantity: Exact, of: Decimal, times: Decimal, direction: Direction) -> Portion:
        """The portion as one of the *quantity* before it was converted, where one line can say both."""
        plain = self.rate is not None and self.per == 1 and self.round == "none" and not self.label
        if plain and times == 1 and self.quantity == rounded(ratio(quantity, of), direction):
            return self._replace(quantity=quantity, per=of, round=direction)
        whole = "" if direction == "none" else f" {direction.replace('_', ' ')}"
        return self.labelled(
            f"quantity ÷ {of:f}{whole}" if times == 1 else f"quantity × {times:f} ÷ {of:f}{whole}"
        )


def amount_at(price: Curved, quantity: Exact) -> Exact:
    """A price's amount at one quantity, checked, and computed in the library's own context."""
    try:
        with users_context():
            found = price.amount(quantity)  # a Fraction where a conversion does not end
    except Inexact:
        raise InexactAmount(price) from None
    except TypeError:
        if isinstance(quantity, Decimal):
            raise
        raise InexactAmount(price) from None
    return _checked(price, found)


def _checked(price: object, value: object) -> Exact:
    """What a price's ``amount`` gave, checked: exact, finite, not negative."""
    if isinstance(value, bool | float) or not isinstance(value, Decimal | Fraction | int):
        raise InvalidPrice(
            f"amount of {type(price).__name__} is no exact number", value, "return a Decimal, Fraction or int"
        )
    if isinstance(value, Decimal) and plain_amount(value) is None:
        raise InvalidPrice(f"amount of {type(price).__name__} is no size of money", value, "return a number")
    if value < 0:
        raise InvalidPrice(f"amount of {type(price).__name__} is negative", value, "return zero or more")
    return Decimal(value) if isinstance(value, int | Decimal) else Fraction(value)


def direction(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate how a quantity is made whole, or that it is not."""
    _one_of(DIRECTIONS, attribute, value)


def whole_direction(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate how a quantity is made whole, where it must be."""
    _one_of(DIRECTIONS[1:], attribute, value)


def _one_of(choices: Sequence[str], attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InvalidPrice(f"unknown {attribute.name}", value, f"choose one of {', '.join(choices)}")


def nests(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate that a part is a price, and nests no deeper than a plan file can."""
    if not isinstance(value, Curved) or isinstance(value, type):  # a class has the methods of its values
        raise InvalidPrice(f"{attribute.name} is no price", value, 'write one, as in PerUnit("0.10")')
    if _depth(value) >= DEPTH:
        raise InvalidPrice(f"prices nested more than {DEPTH} deep", value, "write it with fewer combinators")


def _depth(price: Curved) -> int:
    return 1 + max(map(_depth, price.parts()), default=0)


def summands(prices: Iterable[Any]) -> tuple[Any, ...]:
    """The prices of a sum: something to add up, and no more than can be walked."""
    found = listed_of(prices) or ()
    if not 0 < len(found) <= PARTS:
        raise InvalidPrice("a sum of too few or too many prices", len(found), f"add up 1 to {PARTS}")
    return found


def labels_of(labels: Iterable[str]) -> tuple[str, ...]:
    """The names of the labels that tell groups apart."""
    found = listed_of(labels) or ()
    if not found or not all(map(is_label, found)) or len(set(found)) < len(found):
        raise InvalidPrice("not different names of labels", labels, 'name each once: price.each("region")')
    return found


def over(price: Curved, outer: Curve) -> Curve | None:
    """The curve *outer* of a price's amounts."""
    pieces = price.pieces()
    return None if pieces is None else composed(pieces, outer)


def kept(price: Curved, quantity: Exact, amount: Exact, label: str) -> tuple[Portion, ...]:
    """The portions of *price* while they make the *amount*; else one that says what holds instead."""
    if amount == amount_at(price, quantity):
        return price.portions(quantity)
    return (Portion(amount, quantity, fee=amount, label=label),)


def units(quantity: Number) -> Decimal:
    """A quantity to price, zero or more."""
    found = number(quantity)
    if found < 0:
        raise InvalidPrice("negative quantity", quantity, "correct a bill by a difference of bills")
    return found
