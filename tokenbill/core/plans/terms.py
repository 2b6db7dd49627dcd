"""The terms of a plan beside its prices: fees and discounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import field, frozen
from attrs.converters import optional

from tokenbill.core.base.hashing import LATER
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.metering.scopes import Scope, scope
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import Number, number
from tokenbill.core.money.validators import non_negative, yes_or_no
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, iso_text, optional_moment
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.errors import InvalidPlan, InvalidPrice

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Amounts", "Discount", "Fee", "amounts", "in_order", "one_of"]

HUNDRED = Decimal(100)

Amounts = Decimal | Price | Of
"""What is due for a whole period: a number, or a curve of something else."""


def one_of(*choices: str) -> Any:
    """A validator: the text is one of *choices*."""

    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or value not in choices:
            raise InvalidPlan(f"unknown {attribute.name}", value, f"choose one of {', '.join(choices)}")

    return check


def in_order(term: Any) -> None:
    """A term that is dated ends after it starts."""
    if term.starts is not None and term.ends is not None and not is_before(term.starts, term.ends):
        raise InvalidPlan("a term that ends before it starts", iso_text(term.ends), "swap its dates")


def _rhythm(_: object, __: object, value: Any) -> None:
    """A fee's own periods, where it has some."""
    if value is not None and not isinstance(value, Cycle):
        raise InvalidPlan("not a cycle of a fee", value, 'write cycle=Cycle.yearly("2026-03-01")')


def level_name(value: Any) -> str | None:
    """The name of a level, if there is one."""
    return None if value is None else checked_name(value, what="level")


def amounts(value: Any) -> Amounts:
    """A number, zero or more, or a curve of something."""
    if isinstance(value, Price | Of):
        return value
    found = number(value)
    if found < 0:
        raise InvalidPrice("amount is negative", found, "give zero or more")
    return found


@frozen(repr=False)
class Fee(Value):
    """An amount that is due once in each period, whatever is used.

    With a *level*, such as seats, it is due for each part of the period in which the level stayed the same:
    the sum of share × price(level). A curve of a meter or of an amount is due once, on the whole period.

    Args:
        amount: For a whole period, in the plan's currency, zero or more; with a level for each unit of it,
            or any price. ``curve.of(…)`` reads another quantity.
        name: What the bill calls it.
        due: ``advance`` with the first bill of a period, ``arrears`` with its last.
        prorated: Whether a part of a period owes a part of it.
        starts, ends: The first moment at which it is owed, and the first at which it no longer is.
        cycle: Periods of its own, from the anchor on, as a yearly fee has in a plan that is billed monthly:
            it is due, whole, with the bill whose period holds the first moment of one, in arrears the last.
        level: The name of what it is for each unit of; the bill is told how many there are since when.
        currency: The plan's unless given, or the unit that its schedule prices in: such a fee is paid from
            the balance like usage, and what that does not cover goes through the token price.

    Raises:
        InvalidNumber, InvalidPrice, InvalidName, InvalidPlan, InvalidPeriod: For parts that are none.

    Source: docs/explanation/stages.md#fees

    >>> Fee("99", "platform").due
    'advance'
    """

    amount: Amounts = field(converter=amounts)
    name: str = field(default="subscription", converter=checked_name)
    due: Literal["advance", "arrears"] = field(default="advance", validator=one_of("advance", "arrears"))
    prorated: bool = field(default=True, validator=yes_or_no)
    starts: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})
    ends: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})
    cycle: Cycle | None = field(default=None, validator=_rhythm, kw_only=True, metadata={LATER: True})
    level: str | None = field(default=None, converter=level_name, kw_only=True, metadata={LATER: True})
    currency: Currency | None = field(
        default=None, converter=optional(currency), kw_only=True, metadata={LATER: True}
    )

    def __attrs_post_init__(self) -> None:
        in_order(self)
        if self.level is None and isinstance(self.amount, Price):
            raise InvalidPlan(
                "a curve of nothing", self.name, 'say of what: level="seats", or curve.of("storage")'
            )
        if self.level is not None and isinstance(self.amount, Of):
            raise InvalidPlan("a curve of two quantities", self.level, "leave level= out")

    @property
    def curve(self) -> Of | None:
        """The curve of another quantity that it is; None where it is an amount."""
        if self.level is None:
            return self.amount if isinstance(self.amount, Of) else None
        price = PerUnit(self.amount) if isinstance(self.amount, Decimal) else self.amount
        return Of(cast(Price, price), of=self.level)


@frozen(repr=False)
class Discount(Value):
    """What is taken off charges: a percentage of each, or a fixed amount spread over them.

    Make one with ``Discount.percent`` or ``Discount.fixed``. Discounts apply in the order given,
    each to what the ones before have left; a fixed one takes at most what is left. A part of a period
    takes a part of a fixed one, unless it is not *prorated*; *starts* and *ends* are the first moments
    at which it holds and no longer does.

    Raises:
        InvalidNumber, InvalidPrice, InvalidName, InvalidMeter, InvalidPeriod: For parts that are none.
        InvalidPlan: For more than 100 percent.

    Source: docs/explanation/stages.md#discounts

    >>> Discount.percent(10, on="usage").name
    '10 % off'
    """

    value: Decimal = field(converter=number, validator=non_negative)
    unit: Literal["percent", "fixed"] = field(validator=one_of("percent", "fixed"))
    name: str = field(converter=checked_name)
    on: Scope = field(default=None, converter=scope)
    prorated: bool = field(default=True, validator=yes_or_no, kw_only=True, metadata={LATER: True})
    starts: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})
    ends: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})

    def __attrs_post_init__(self) -> None:
        in_order(self)
        # a bill is never below zero: what is to be given back is a correction, or credit
        if self.unit == "percent" and self.value > HUNDRED:
            raise InvalidPlan("a discount of more than 100 percent", self.value, "give at most 100")

    @classmethod
    def percent(cls, percent: Number, name: str = "", *, on: Any = None, **dates: Any) -> Discount:
        """*percent* of each charge in the scope *on*; *dates* are ``starts`` and ``ends``."""
        return cls(percent, "percent", name or f"{number(percent):f} % off", on, **dates)

    @classmethod
    def fixed(
        cls, amount: Number, name: str = "", *, on: Any = None, prorated: bool = True, **dates: Any
    ) -> Discount:
        """*amount* for a whole period, in the plan's currency, off the charges in the scope *on*."""
        return cls(amount, "fixed", name or f"{number(amount):f} off", on, prorated=prorated, **dates)
