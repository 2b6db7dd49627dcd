"""Portions: the amount of a price at one quantity, checked, and in parts that a clerk can redo."""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tokenbill.decimals import DIRECTIONS, ONE, ZERO, Direction, Exact, Number, number, product, users_context
from tokenbill.errors import InexactAmount, InvalidPrice

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Portion", "amount_at", "countable", "direction", "units"]

PARTS = 1000
"""Most prices of one sum."""


class _Curve(Protocol):
    def amount(self, quantity: Any) -> Exact | int: ...


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
        return self._replace(amount=amount, rate=rate, fee=fee)


def amount_at(price: _Curve, quantity: Exact) -> Exact:
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
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidPrice(f"amount of {type(price).__name__} is not finite", value, "return a number")
    if value < 0:
        raise InvalidPrice(f"amount of {type(price).__name__} is negative", value, "return zero or more")
    return Decimal(value) if isinstance(value, int | Decimal) else Fraction(value)


def direction(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate how a quantity is made whole."""
    if not isinstance(value, str) or value not in DIRECTIONS:
        raise InvalidPrice(f"unknown {attribute.name}", value, f"choose one of {', '.join(DIRECTIONS)}")


def countable(_: object, __: object, value: tuple[object, ...]) -> None:
    """Validate that a sum has something to add up, and no more than can be walked."""
    if not 0 < len(value) <= PARTS:
        raise InvalidPrice("a sum of too few or too many prices", len(value), f"add up 1 to {PARTS}")


def units(quantity: Number) -> Decimal:
    """A quantity to price, zero or more."""
    found = number(quantity)
    if found < 0:
        raise InvalidPrice("negative quantity", quantity, "correct a bill by a difference of bills")
    return found
