"""Conversion: prices in another currency, at a rate that somebody named on some day."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.tables import digits, shortest
from tokenbill.core.money.decimals import ONE, Number, decimal, number, product
from tokenbill.core.periods.instants import moment
from tokenbill.core.pricing.price import Each, Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.source import Source
from tokenbill.errors import InvalidNumber, InvalidPeriod, InvalidSchedule

__all__ = ["converted", "rate_of", "source_of"]


def rate_of(given: Number | Fraction) -> tuple[Decimal, Decimal]:
    """A rate of exchange as two numbers, so that 1/7.12 loses no digit.

    Raises:
        InvalidNumber: If it is no number, and not two.
        InvalidSchedule: If it is not positive.

    >>> rate_of("1/7.12")
    (Decimal('1'), Decimal('7.12'))
    """
    if isinstance(given, Fraction):
        top, bottom = number(given.numerator), number(given.denominator)
    else:
        # 1/7.12 has no last digit as a decimal, so a rate stays the two numbers that it was quoted in
        parts = given.split("/") if isinstance(given, str) else [given]
        if len(parts) > 2:
            raise InvalidNumber("not a rate", given, 'write a number, or two: "1/7.12"')
        top, bottom = number(parts[0]), number(parts[1]) if len(parts) == 2 else ONE
    if top <= 0 or bottom <= 0:
        way_out = "give what one unit is in the other currency"
        raise InvalidSchedule("a rate that is not positive", given, way_out)
    return top, bottom


def source_of(
    rate: tuple[Decimal, Decimal], *, currencies: tuple[object, object], who: str, on: object
) -> Source:
    """What a bill has to say of prices that were converted.

    Raises:
        InvalidPeriod: If *on* is no date.

    >>> source_of(
    ...     (ONE, Decimal("7.12")), currencies=("CNY", "USD"), who="a bank", on="2026-11-05"
    ... ).notes
    ('converted from CNY to USD at 1/7.12, a bank, 2026-11-05',)
    """
    # an auditor asks which rate, whose, and of what day: each bill says all three
    day = moment(on)
    if isinstance(day, datetime):
        raise InvalidPeriod("not a date", day, 'give the day of the rate: "2026-01-31"')
    told = "/".join(digits(part) for part in (rate if rate[1] != ONE else rate[:1]))
    old, new = currencies
    note = f"converted from {old} to {new} at {told}, {checked_name(who, what='source')}, {day.isoformat()}"
    return Source([note], strict=False)


def converted(price: Price | Each, rate: tuple[Decimal, Decimal]) -> Price | Each:
    """A price whose every amount is that of another at a rate; one of so much a unit stays one.

    >>> converted(PerUnit(2, per=1_000_000), rate_of("1/7.12"))
    PerUnit(rate=Decimal('2'), per=Decimal('7120000'))
    """
    if isinstance(price, Each):
        return Each(_converted(price.price, *rate), price.labels)
    return _converted(price, *rate)


def _converted(price: Price, top: Decimal, bottom: Decimal) -> Price:
    if type(price) is PerUnit:
        try:
            # a price for each unit stays one, so that a bill shows rate × quantity and not an amount times a
            # rate
            rate, per = (decimal(each) for each in (product(price.rate, top), product(price.per, bottom)))
            return PerUnit(rate, Decimal(shortest(per)))
        except InvalidNumber:  # more digits than a number holds: the amount is converted, not the rate
            pass
    return price.then(PerUnit(top, bottom))
