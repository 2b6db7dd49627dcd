"""Currencies: the unit that amounts are in, and how many decimals it has."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from attrs import field, frozen

from tokenbill.core.money.decimals import PLACES, number, plain_amount
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.errors import InvalidCurrency, InvalidNumber

__all__ = ["Currency", "currency"]

CODE = r"[A-Za-z][A-Za-z0-9_-]{0,31}"
SYMBOLS = {"USD": "$"}
"""Only what every terminal can print and every reader takes for one currency."""
LONGEST = 1000
"""Most digits before or after the point of an amount to show."""


def _code(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(CODE, value):
        way_out = 'give a code such as "USD": a letter, then at most 31 letters, digits, "_" or "-"'
        raise InvalidCurrency("not a currency", value, way_out)
    code = str.__str__(value)
    if code != code.upper() and code.upper() in MINOR_UNITS:
        raise InvalidCurrency("a currency in small letters", code, f'write "{code.upper()}"')
    return code


def _places(given: int | None) -> Any:
    """Decimals in their range; None stays until the code is known."""
    if given is not None and (type(given) is not int or not 0 <= given <= PLACES):
        raise InvalidCurrency("places are not a number of decimals", given, f"give an int from 0 to {PLACES}")
    return given


@frozen
class Currency:
    """A currency of ISO 4217, or a virtual unit that says its own decimals.

    Args:
        code: The ISO code in capitals, or any short name of a virtual unit.
        places: Decimals of an amount. ISO 4217 knows them; a virtual unit needs them.

    Raises:
        InvalidCurrency: For a code that ISO 4217 does not list, or lists without decimals (gold),
            when no places are given; for places that contradict ISO 4217.

    Source: docs/explanation/exactness.md

    >>> Currency("JPY")
    Currency(code='JPY', places=0)
    >>> Currency("TOKEN", places=0).places
    0
    """

    code: str = field(converter=_code)
    places: int = field(default=None, converter=_places)

    def __attrs_post_init__(self) -> None:
        # ISO 4217 knows the decimals of its currencies; a plan with others would round to coins that
        # do not exist, and a mistyped code without places would become a currency of its own.
        code, given = self.code, cast("int | None", self.places)
        known = MINOR_UNITS.get(code, given)
        if known is None:
            # a proposal of 0 for a currency that is withdrawn or new would bill it without its cents
            way_out = f'check the code, or give a unit of your own its places: Currency("{code}", places=…)'
            raise InvalidCurrency("not a currency of ISO 4217 that has minor units", code, way_out)
        if given not in (None, known):
            way_out = "leave them out, or name another unit"
            raise InvalidCurrency(f"{code} has {known} places in ISO 4217", given, way_out)
        object.__setattr__(self, "places", known)

    def __str__(self) -> str:
        return self.code

    def minor(self, amount: Decimal | int | str) -> int:
        """*amount* in minor units, as payment providers count: cents of a dollar, whole yen.

        Raises:
            InvalidNumber: For an amount that is no whole number of them.

        >>> Currency("USD").minor("12.30"), Currency("JPY").minor(10000)
        (1230, 10000)
        """
        plain = plain_amount(amount)
        units = Fraction(number(amount) if plain is None else plain) * 10**self.places
        if units.denominator != 1:
            way_out = f"round it to {self.places} places first: Rounding(places={self.places})(amount)"
            raise InvalidNumber(f"no whole number of minor units of {self.code}", amount, way_out)
        return int(units)

    def format(self, amount: Decimal | int | str) -> str:
        """*amount* as people write it, with at least the decimals of the currency; never rounded.

        >>> Currency("USD").format(Decimal(11)), Currency("EUR").format(Decimal("-0.125"))
        ('$11.00', '-0.125 EUR')
        """
        # A Decimal with a huge exponent would take gigabytes to write out.
        value = Decimal(amount) if isinstance(amount, Decimal) else number(amount)
        if not value.is_finite() or not -LONGEST < value.adjusted() < LONGEST:
            value = number(value)
        whole, _, decimals = format(value.copy_abs(), "f").partition(".")
        decimals = decimals.ljust(self.places, "0")
        digits = f"{whole}.{decimals}" if decimals else whole
        sign = "-" if value < 0 else ""
        symbol = SYMBOLS.get(self.code)
        return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits} {self.code}"


def currency(value: object) -> Currency:
    """*value* as a Currency: one, or a code of ISO 4217.

    >>> currency("EUR")
    Currency(code='EUR', places=2)
    """
    return value if isinstance(value, Currency) else Currency(value)
