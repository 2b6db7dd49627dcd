"""Limits: what a period owes at most, or at least, of all charges or of those in a scope."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.values import Value
from tokenbill.core.metering.scopes import Scope, covers, scope
from tokenbill.core.money.validators import non_negative, yes_or_no
from tokenbill.core.plans.plan_scopes import check_scope
from tokenbill.core.pricing.of import Of, number_or_curve
from tokenbill.errors import InvalidPlan

__all__ = ["Limit", "Limits", "check_limits", "each_limit", "limits"]


def _non_negative(limit: object, attribute: Any, value: Decimal | Of) -> None:
    if isinstance(value, Decimal):
        non_negative(limit, attribute, value)


@frozen(repr=False)
class Limit(Value):
    """What charges in a scope come to at most, as a ``maximum=``, or at least, as a ``minimum=``.

    Args:
        amount: For a whole period, in the plan's currency, zero or more; or a curve of another quantity.
        on: The charges that it limits: kinds, fees, meters, a tuple of them; None for all.
        prorated: Whether a part of a period has a part of it.

    Raises:
        InvalidNumber, InvalidPrice, InvalidName, InvalidMeter: For parts that are none.

    Source: docs/explanation/stages.md#maximum-and-minimum

    >>> Limit(500, on="spot_hours").amount
    Decimal('500')
    """

    amount: Decimal | Of = field(converter=number_or_curve, validator=_non_negative)
    on: Scope = field(default=None, converter=scope)
    prorated: bool = field(default=True, validator=yes_or_no, kw_only=True)

    @property
    def name(self) -> str:
        """What it is on, in words; nothing where that is every charge."""
        return "" if self.on is None else ", ".join(map(str, self.on))


Limits = Decimal | tuple[Limit, ...]
"""One amount for all charges, as most plans have it; else limits in the order in which they apply."""


def limits(value: Any) -> Limits | None:
    """An amount, a limit, or several of both; one amount for all charges stays the amount.

    Raises:
        InvalidPlan, InvalidNumber: For anything else.

    >>> limits([Limit("9.50")]), limits(())
    (Decimal('9.50'), None)
    """
    many = None if isinstance(value, Limit | Of) else listed_of(value)
    found = tuple(each if isinstance(each, Limit) else Limit(each) for each in many or ())
    if many is None:
        if value is None:
            return None
        found = (value if isinstance(value, Limit) else Limit(value),)
    first = found[0].amount if len(found) == 1 else None
    if isinstance(first, Decimal) and found[0] == Limit(first):
        return first
    return found or None


def each_limit(value: Limits | None) -> tuple[Limit, ...]:
    """The same as limits, in order."""
    if value is None or isinstance(value, tuple):
        return value or ()
    return (Limit(value),)


def check_limits(plan: Any) -> None:
    """What a plan's limits are on is there, and no maximum of a scope is below the minimum of that scope.

    Raises:
        InvalidPlan: Where it is otherwise, or a tax holds only a part of what a minimum lifts.
    """
    for minimum in plan.minima:
        for maximum in plan.maxima:
            most, least = maximum.amount, minimum.amount
            are_numbers = isinstance(most, Decimal) and isinstance(least, Decimal)
            # both at once cannot be kept, and the order of stages would decide in silence
            if maximum.on == minimum.on and are_numbers and most < least:
                what = f"a maximum of {maximum.name}" if maximum.on else "a maximum"
                raise InvalidPlan(f"{what} below the minimum", most, f"give at least {least:f}")
        # whatever of a true-up such a tax is on, another reading would be as good
        for tax in plan.taxes if minimum.on else ():
            parts = [covers(tax.on, (part,)) for part in minimum.on or ()]
            if any(parts) and not all(parts):
                way_out = f"give each part its own minimum, or let {tax.name} be on all of it"
                raise InvalidPlan("a minimum that a tax holds in part", minimum.name, way_out)
    if not plan.is_version:
        for limit in plan.maxima:
            check_scope("a maximum", limit.on, [plan])
        for limit in plan.minima:
            check_scope("a minimum", limit.on, [plan])
