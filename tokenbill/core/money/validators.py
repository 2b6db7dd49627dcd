"""Checks: the converters and validators that fields of values share."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tokenbill.core.money.decimals import Exact, number
from tokenbill.errors import InvalidPrice

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["non_negative", "number_or_part", "optional_number", "positive", "yes_or_no"]


def optional_number(value: object) -> Decimal | None:
    """``number``, where None means absent."""
    return None if value is None else number(value)


def number_or_part(value: object) -> Exact:
    """``number``, or a Fraction: the part of a number that a part of a period includes."""
    return value if isinstance(value, Fraction) else number(value)


def non_negative(_: object, attribute: Attribute[Any], value: Exact | None) -> None:
    """Validate that a number is zero or more."""
    if value is not None and value < 0:
        raise InvalidPrice(f"{attribute.name} is negative", value, "give zero or more")


def yes_or_no(_: object, attribute: Attribute[Any], value: object) -> None:
    """Validate that a switch is True or False, and not something that counts as one."""
    if not isinstance(value, bool):
        raise InvalidPrice(f"{attribute.name} is neither True nor False", value, "give one of them")


def positive(_: object, attribute: Attribute[Any], value: Decimal | None) -> None:
    """Validate that a number is more than zero."""
    if value is not None and value <= 0:
        raise InvalidPrice(f"{attribute.name} is not positive", value, "give more than zero")
