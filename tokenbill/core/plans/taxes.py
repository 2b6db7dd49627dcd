"""Taxes: percentages of what is charged, amounts for each unit, and why something is not taxed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.hashing import LATER
from tokenbill.core.base.inputs import listed_of, name_or_nothing
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, scope
from tokenbill.core.money.decimals import Number, number
from tokenbill.core.money.validators import non_negative, optional_number, yes_or_no
from tokenbill.core.periods.instants import optional_moment
from tokenbill.core.plans.plan_scopes import nearest
from tokenbill.core.plans.terms import in_order
from tokenbill.errors import InvalidPlan

__all__ = ["Tax", "check_taxes"]

CATEGORIES = {
    "Z": "zero rated",
    "E": "exempt",
    "AE": "reverse charge",
    "K": "intra-community supply",
    "G": "export",
    "O": "outside the scope of tax",
}
"""The categories of EN 16931 (UNTDID 5305) under which a line is not taxed."""


def _after(value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else listed_of(value)
    if names is None:
        raise InvalidPlan("not the names of taxes", value, 'give them: after=("VAT",)')
    return tuple(map(checked_name, names))


def _category(_: object, __: object, value: str) -> None:
    if value and value not in CATEGORIES:
        way_out = f"choose one of {', '.join(CATEGORIES)}"
        raise InvalidPlan("unknown category of what is not taxed", value, way_out)


@frozen(repr=False)
class Tax(Value):
    """A tax on charges: on top of them, or included in them.

    Several taxes do not compound: each is on the net amount, unless it says *after* which others it comes.
    ``Tax.none`` says why charges are not taxed, ``Tax.per_unit`` taxes each unit of a meter.

    Args:
        name: What the bill calls it.
        percent: Of the net amount, zero or more: ``"8.875"``.
        inclusive: Whether the prices contain it already.
        on: The charges that it applies to: kinds, fees, meters, a tuple of them; None for all.
        starts, ends: The first moment at which it holds, and the first at which it no longer does.
        after: Names of taxes before it in the plan that are taxed by it too.
        unit_amount: For each unit that was used of the meters it is on, in place of a percentage.
        category, reason: Why charges are not taxed, as e-invoices say it; only where percent is 0.

    Raises:
        InvalidNumber, InvalidPrice, InvalidName, InvalidMeter, InvalidPlan, InvalidPeriod: For parts that
            are none, or contradict each other.

    Source: docs/explanation/stages.md#taxes

    >>> Tax("VAT", 19, inclusive=True).percent
    Decimal('19')
    """

    name: str = field(converter=checked_name)
    percent: Decimal = field(converter=number, validator=non_negative)
    inclusive: bool = field(default=False, validator=yes_or_no)
    on: Scope = field(default=None, converter=scope)
    starts: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})
    ends: date | None = field(default=None, converter=optional_moment, kw_only=True, metadata={LATER: True})
    after: tuple[str, ...] = field(default=(), converter=_after, kw_only=True, metadata={LATER: True})
    unit_amount: Decimal | None = field(
        default=None,
        converter=optional_number,
        validator=non_negative,
        kw_only=True,
        metadata={LATER: True},
    )
    category: str = field(
        default="",
        converter=name_or_nothing,
        validator=_category,
        kw_only=True,
        metadata={LATER: True},
    )
    reason: str = field(default="", converter=name_or_nothing, kw_only=True, metadata={LATER: True})

    def __attrs_post_init__(self) -> None:
        in_order(self)
        if (self.category or self.reason) and (self.percent or not self.category):
            way_out = 'write Tax.none("AE", "Reverse charge")'
            what = "a reason not to be taxed beside a tax, or without its category"
            raise InvalidPlan(what, self.name, way_out)
        if self.unit_amount is None:
            return
        if self.percent or self.inclusive or self.after or self.category:
            raise InvalidPlan("a tax per unit that is also something else", self.name, "write two taxes")
        if not self.on or not all(isinstance(part, Meter) for part in self.on):
            raise InvalidPlan("a tax per unit of no meter", self.on, "name its meters: meter=")

    @classmethod
    def none(cls, category: str, reason: str, *, on: Any = None, name: str = "", **dates: Any) -> Tax:
        """No tax on the charges in the scope *on*, and why: a line of 0.00 says so, as e-invoices must.

        Args:
            category: That of EN 16931: ``Z`` zero rated, ``E`` exempt, ``AE`` reverse charge, ``K`` supply
                inside the European Union, ``G`` export, ``O`` outside the scope of the tax.
            reason: The same in words.
            on: The charges that are not taxed. It takes no other tax away: give each the scope that it has.
            name: What the bill calls it; the reason unless given.
            dates: ``starts`` and ``ends``.

        >>> Tax.none("AE", "Reverse charge", on="usage").name
        'Reverse charge'
        """
        return cls(name or reason, 0, False, on, category=category, reason=reason, **dates)

    @classmethod
    def per_unit(cls, name: str, amount: Number, *, meter: Any, **dates: Any) -> Tax:
        """*amount* for each unit that was used of a meter, or of several, units that were free included.

        >>> Tax.per_unit("levy", "0.05", meter="calls").unit_amount
        Decimal('0.05')
        """
        return cls(name, 0, False, meter, unit_amount=amount, **dates)


def check_taxes(taxes: Sequence[Tax]) -> None:
    """A tax comes after taxes before it in the plan, so that none waits for itself.

    Raises:
        InvalidPlan: Where it names another one, or a tax in the prices comes after one on top of them.
    """
    for place, tax in enumerate(taxes):
        # in the order given, so that no two taxes can wait for each other
        before = {other.name: other for other in taxes[:place]}
        for name in tax.after:
            if name not in before:
                later = any(other.name == name for other in taxes[place:])
                way_out = "give that one before it" if later else nearest(name, before)
                raise InvalidPlan(f"{tax.name} after a tax that does not come before it", name, way_out)
            if tax.inclusive and not before[name].inclusive:
                way_out = "let both be included in prices, or none"
                raise InvalidPlan(f"{tax.name}, which prices contain, after a tax on top", name, way_out)
