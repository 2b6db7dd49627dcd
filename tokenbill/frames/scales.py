"""Scales: how many decimals columns have, and what they do not hold."""

from __future__ import annotations

from decimal import MAX_PREC, Context, Decimal
from fractions import Fraction

from tokenbill.core.money.decimals import EXACT, Exact, decimal, odd_part, shifted
from tokenbill.errors import InvalidPrice

__all__ = ["DIGITS", "SCALE", "least_scale", "places_of", "shown_to", "too_narrow", "unscaled"]

DIGITS = 38
"""Digits of the widest fixed decimal that every engine has."""
SCALE = 18
"""Decimals of every quantity and amount, unless the caller says otherwise: two months then have one type."""


def places_of(over: int, scale: int) -> int:
    """Decimals that amounts in 1/*over* need, or *scale* where some never end."""
    rest = over // odd_part(over)
    places = next(places for places in range(rest.bit_length()) if 10**places % rest == 0)
    return places if rest == over else max(places, scale)


def shown_to(exact: Exact, scale: int) -> Decimal:
    """An amount as it is shown: itself, or the nearest of *scale* places, half up, where it never ends."""
    top, bottom = exact.as_integer_ratio()
    if odd_part(bottom) == 1:
        return decimal(exact)
    return shifted((2 * top * 10**scale + bottom) // (2 * bottom), scale)


def unscaled(amount: Decimal, scale: int, what: str = "an amount") -> int:
    """An amount in 1/10^scale.

    Raises:
        InvalidPrice: If it has more decimals, or too many digits.
    """
    scaled: Exact
    try:
        scaled = EXACT.scaleb(amount, scale)
    except ArithmeticError:  # of more digits than the context has, which may be zeros
        scaled = Fraction(amount) * 10**scale
    whole = int(scaled)
    if whole != scaled or abs(whole) >= 10**DIGITS:
        raise too_narrow(what, amount, scale)
    return whole


def too_narrow(what: str, number: Decimal, scale: int) -> InvalidPrice:
    """The error for a number that the columns do not hold, with the least scale that holds it."""
    least = least_scale(number)
    way_out = "bill it with Bill.of" if least is None else f"write scale={least}"
    return InvalidPrice(f"{what} that no decimal({DIGITS}, {scale}) holds", number, way_out)


def least_scale(number: Decimal, places: int = 0) -> int | None:
    """The least scale of a column that holds a number, and *places* of others; None where none does."""
    exponent = number.normalize(Context(prec=MAX_PREC)).as_tuple().exponent
    least = max(-int(exponent), places)
    return least if least + max(number.adjusted() + 1, 0) <= DIGITS else None
