"""Curves of another quantity: what a meter, a level or an amount makes free, or due, or at least due."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import field, frozen
from attrs.converters import optional

from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.metering.scopes import Scope, scope
from tokenbill.core.money.decimals import Exact, number
from tokenbill.core.pricing.breakdown import AbstractPrice, amount_at, nests, rule_of
from tokenbill.errors import InvalidPrice

__all__ = ["Amount", "Of", "number_or_curve"]


def _scope(value: Any) -> Scope:
    return scope(("fee", "usage") if value is None else value)


@frozen(repr=False)
class Amount(Value):
    """What the charges in a scope come to at their prices, before discounts and limits: something to read.

    Args:
        on: Kinds, fees and meters; fees and usage together unless given.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> support = PerUnit(10, per=100).at_least(29).of(Amount("usage"))
    >>> support.name
    'the amount of usage'
    """

    on: Scope = field(default=None, converter=_scope)


@frozen(repr=False)
class Of(Value):
    """A curve read at another quantity: an allowance, a fee, or a limit. ``price.of(…)`` makes one.

    Args:
        price: The curve; what it comes to is an amount, or free units.
        of: The name of a meter or of a level.
        amount_of: In its place, the scope of the charges whose amount is read.

    Raises:
        InvalidPrice: If *price* is none, or not exactly one of both is given.
    """

    price: AbstractPrice = field(validator=nests)
    of: str = field(default="", kw_only=True)
    amount_of: Scope = field(default=None, converter=optional(scope), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.of:
            checked_name(self.of, what="name of a quantity")
        if bool(self.of) == bool(self.amount_of):
            way_out = 'name a meter or a level, or give Amount("usage")'
            raise InvalidPrice("a curve of no quantity, or of two", self.of, way_out)

    @property
    def name(self) -> str:
        """What it reads, in words."""
        return self.of or f"the amount of {', '.join(map(str, self.amount_of or ()))}"

    def at(self, quantity: Exact) -> Exact:
        """What it comes to at one quantity."""
        return amount_at(self.price, quantity)

    def in_words(self) -> str:
        """What it does, in words."""
        return f"{rule_of(self.price)}, for {self.name}"


def number_or_curve(value: Any) -> Decimal | Of:
    """An amount or a number of units, or the curve that tells it when usage is known."""
    return value if isinstance(value, Of) else number(value)
