"""Numbers: the one door they enter by, and exact arithmetic on them.

No function here reads or changes the caller's decimal context: ``EXACT`` traps every lost digit,
and what does not fit it becomes a ``Fraction``.
"""

from __future__ import annotations

import re
from decimal import (
    ROUND_05UP,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from fractions import Fraction
from functools import reduce
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tokenbill.errors import InvalidNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "BY_MODE",
    "DIRECTIONS",
    "EXACT",
    "LIMIT",
    "ONE",
    "PLACES",
    "STICKY",
    "ZERO",
    "Direction",
    "Exact",
    "Number",
    "decimal",
    "difference",
    "exact_sum",
    "from_float",
    "number",
    "odd_part",
    "plain_amount",
    "plus",
    "product",
    "ratio",
    "rounded",
    "running_differences",
    "shifted",
    "users_context",
]

Number: TypeAlias = "int | str | Decimal"
"""What a number may be given as."""

Exact: TypeAlias = "Decimal | Fraction"
"""An amount to the last digit: a Decimal where it terminates and fits, else a Fraction."""

Direction = Literal["none", "up", "down", "half_up"]
"""How a quantity is made whole."""

DIRECTIONS = ("none", "up", "down", "half_up")
MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_UP, "down": ROUND_DOWN}

ZERO = Decimal(0)
ONE = Decimal(1)
LIMIT = 10**30
"""Every number is below this, so that no product of a few of them outgrows ``EXACT``."""
PLACES = 30
"""Most decimals of a number."""
SIZE = 2000
"""Largest exponent of an amount, either way: what is multiplied out stays short."""
TEXT = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"
"""Two digits of an exponent reach every number within the limits; more could only name a bomb."""
TEXT_LENGTH = 64
UNKNOWN = "leave out what is unknown; nothing bills NaN or infinity"
SHARE = 10**18
"""What a Decimal shows of an amount that does not terminate: 18 places."""

EXACT = Context(
    prec=200,
    rounding=ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)
STICKY = Context(prec=160, rounding=ROUND_05UP, Emin=-999, Emax=999, flags=[], traps=[InvalidOperation])
"""Divides so that rounding the quotient again is right, ties included."""
BY_MODE = {
    name: Context(prec=158, rounding=mode, Emin=-999, Emax=999, flags=[], traps=[InvalidOperation])
    for name, mode in MODES.items()
}
"""The contexts of a Rounding's modes; only ``quantize`` is asked of them.

They hold fewer digits than a quotient of ``STICKY``; what needs more is refused, and becomes a Fraction.
"""


def number(value: object) -> Decimal:
    """*value* as a plain Decimal, or InvalidNumber: every number enters here.

    Raises:
        InvalidNumber: For float and bool, for text that is not ``-?digits[.digits]``, with an
            exponent of at most two digits or without, for NaN and infinities, from 10^30 on, and beyond
            30 decimals.

    >>> number("0.10"), number(3), number("1e+06")
    (Decimal('0.10'), Decimal('3'), Decimal('1000000'))
    """
    if isinstance(value, Decimal):
        return _bounded(Decimal(value), value)

    # Decimal's own constructor reads "1_000", " 1 " and the digits of every script.
    if isinstance(value, str):
        text = str.__str__(value)
        if len(text) > TEXT_LENGTH or not re.fullmatch(TEXT, text):
            way_out = 'write digits with at most one point, at most 64 characters: "1234.5"'
            raise InvalidNumber("not a number", text, way_out)
        return _bounded(Decimal(text), text)

    # A float was rounded before anyone saw it, and no test can tell which number was meant.
    if isinstance(value, float):
        plain = float(value)
        if plain - plain != 0:
            raise InvalidNumber("not a finite number", plain, UNKNOWN)
        raise InvalidNumber("a float is not exact", plain, f'write it as a string: "{plain!r}"')

    if isinstance(value, Fraction):
        way_out = 'give a Decimal, or digits in a string: "2.4"; PerUnit("1", per=3) is a third'
        raise InvalidNumber("a Fraction may have no last decimal", value, way_out)

    # Copied to the plain type before any operator of its own runs: a subclass by int's own method.
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidNumber("not a number", value, "give an int, a Decimal, or digits in a string")
    given: Any = value
    whole = int.__index__(given) if isinstance(given, int) else int(given)
    if not -LIMIT < whole < LIMIT:
        raise InvalidNumber("a number out of bounds", whole, "stay below 10^30")
    return Decimal(whole)


def _bounded(plain: Decimal, given: object) -> Decimal:
    """*plain*, checked by its digits and exponent alone: no arithmetic before the limits."""
    if not plain.is_finite():
        raise InvalidNumber("not a finite number", given, UNKNOWN)
    # Most numbers are whole: asking that first spares most calls a tuple of all digits.
    exponent = 0 if plain.same_quantum(ONE) else plain.as_tuple().exponent
    if plain.adjusted() >= PLACES or not -PLACES <= exponent <= PLACES:  # type: ignore[operator]
        raise InvalidNumber("a number out of bounds", given, "stay below 10^30, with at most 30 decimals")
    if not plain:
        return plain.copy_abs()  # zero has no sign: a credit note of nothing is nothing
    return EXACT.quantize(plain, ONE) if exponent > 0 else plain  # type: ignore[operator]


def from_float(value: float) -> Decimal:
    """The Decimal of a float's shortest text: the one named door for floats.

    >>> from_float(0.1)
    Decimal('0.1')
    """
    if not isinstance(value, float):
        raise InvalidNumber("not a float", value, "give it to number() as it is")
    return _bounded(Decimal(repr(float(value))), value)


def plus(one: Exact, other: Exact) -> Exact:
    """The exact sum."""
    try:
        return EXACT.add(one, other)  # type: ignore[arg-type]
    except (Inexact, TypeError):
        return Fraction(one) + Fraction(other)


def difference(one: Exact, other: Exact) -> Exact:
    """*one* less *other*, exactly."""
    try:
        return EXACT.subtract(one, other)  # type: ignore[arg-type]
    except (Inexact, TypeError):
        return Fraction(one) - Fraction(other)


def product(one: Exact, other: Exact) -> Exact:
    """The exact product."""
    try:
        return EXACT.multiply(one, other)  # type: ignore[arg-type]
    except (Inexact, TypeError):
        return Fraction(one) * Fraction(other)


def ratio(one: Exact, other: Exact) -> Exact:
    """*one* divided by *other*, exactly."""
    try:
        return EXACT.divide(one, other)  # type: ignore[arg-type]
    except (Inexact, TypeError):
        return Fraction(one) / Fraction(other)


def exact_sum(amounts: Iterable[Exact]) -> Exact:
    """The exact sum of any amounts.

    >>> (
    ...     exact_sum([Decimal("0.10"), Decimal("0.20")]),
    ...     exact_sum([Fraction(1, 3), Decimal(1)]),
    ... )
    (Decimal('0.30'), Fraction(4, 3))
    """
    parts = amounts if isinstance(amounts, list) else list(amounts)
    try:
        return reduce(EXACT.add, parts, ZERO)  # pyright: ignore[reportArgumentType] a Fraction falls through
    except (Inexact, TypeError):
        return sum((Fraction(part) for part in parts), Fraction())


def running_differences(
    amounts: Iterable[Exact], rounding: Callable[[Exact], Decimal] | None = None
) -> list[Decimal]:
    """Amounts as Decimals that add up to their rounded sum: differences of the rounded running sum.

    *rounding* says how a running sum is rounded; without it, to the digits that ``decimal`` shows.

    >>> [
    ...     str(part)
    ...     for part in running_differences(
    ...         [Fraction(1, 3)] * 3, lambda sum: round(decimal(sum), 2)
    ...     )
    ... ]
    ['0.33', '0.34', '0.33']
    """
    # Rounding each amount for itself would let the errors add up; here no part is off by a whole unit,
    # and the parts of the first n amounts are the rounded sum of these, for every n.
    total: Exact = ZERO
    before = ZERO
    parts: list[Decimal] = []
    for amount in amounts:
        total = plus(total, amount)
        upto = decimal(total) if rounding is None else rounding(total)
        parts.append(decimal(difference(upto, before)))
        before = upto
    return parts


def rounded(value: Exact, direction: Direction) -> Exact:
    """A quantity made whole; ``"none"`` leaves it.

    >>> rounded(Decimal("2.5"), "half_up"), rounded(Decimal("2.1"), "up")
    (Decimal('3'), Decimal('3'))
    """
    if direction == "none":
        return value
    top, bottom = value.as_integer_ratio()
    if direction == "half_up":
        top, bottom = 2 * top + bottom, 2 * bottom
    return Decimal(-(-top // bottom) if direction == "up" else top // bottom)


def decimal(value: Exact) -> Decimal:
    """The Decimal to show for an exact amount: itself, or the nearest of 18 places.

    A number that does not terminate is rounded half up, so that running sums telescope.

    >>> decimal(Fraction(1, 3)), decimal(Fraction(1, 8))
    (Decimal('0.333333333333333333'), Decimal('0.125'))
    """
    if isinstance(value, Decimal):
        return value
    top, bottom = value.as_integer_ratio()
    # A Decimal holds a denominator of twos and fives alone, with as many places as the more of the two.
    twos = (bottom & -bottom).bit_length() - 1
    rest, fives = bottom >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return shifted((2 * top * SHARE + bottom) // (2 * bottom), 18)
    places = max(twos, fives)
    return shifted(top * 10**places // bottom, places)


def shifted(digits: int, places: int) -> Decimal:
    """The number digits ÷ 10^places, of any length: ``scaleb`` rounds what its context cannot hold."""
    sign, text = int(digits < 0), Decimal(abs(digits)).as_tuple().digits
    return Decimal((sign, text, -places))


def plain_amount(value: object) -> Decimal | None:
    """A Decimal as a plain one, if its size is that of money; None where it is none, or would take hours."""
    if not isinstance(value, Decimal):
        return None
    plain = Decimal(value)
    return plain if plain.is_finite() and -SIZE < plain.adjusted() < SIZE else None


def odd_part(bottom: int) -> int:
    """What is left of a denominator without factors 2 and 5, which a Decimal absorbs."""
    bottom >>= (bottom & -bottom).bit_length() - 1
    while bottom % 5 == 0:
        bottom //= 5
    return bottom


def users_context(context: Context = EXACT) -> Any:
    """A context manager for a user's ``amount``: a copy of ``EXACT``, where a lost digit raises."""
    return localcontext(context)
