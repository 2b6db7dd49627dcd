"""Wording: what a price and a plan say, in words with their numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from attrs import fields, has

from tokenbill.core.base.inputs import listed_of, pairs_of
from tokenbill.core.base.tables import plain
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import Exact
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.pricing.breakdown import rule_of
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import Price

__all__ = ["numbers_of", "terms_of"]


def numbers_of(price: Price) -> tuple[tuple[str, Exact], ...]:
    """The numbers that a price is made with, by name.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> numbers_of(PerUnit("0.01").after(100))
    (('units', Decimal('100')),)
    """
    kind: Any = type(price)
    held = fields(kind) if has(kind) else ()
    named = [(str(item.alias), getattr(price, item.name)) for item in held]
    return tuple((name, value) for name, value in named if isinstance(value, Decimal | Fraction))


def terms_of(plan: Any) -> list[tuple[str, str]]:
    """What a plan says, term by term: those that it leaves as they are without being said are left out."""
    entries = pairs_of(plan.prices) if hasattr(plan.prices, "__iter__") else None
    told = [(f"price of {key}", rule_of(price)) for key, price in entries or ()]
    for free in plan.allowances:
        units = free.units.in_words() if isinstance(free.units, Of) else plain(free.units)
        told.append((f"{units} free units", ", ".join(map(str, free.entries))))
    others = [item for item in _said(plan) if item.alias not in ("prices", "name", "included")]
    told += [(str(item.alias).replace("_", " "), _term(getattr(plan, item.name))) for item in others]
    return told


def _said(value: Any) -> list[Any]:
    """The fields of a value that are not what they would be unless said."""
    said = list[Any]()
    for item in fields(cast(Any, type(value))):
        factory = getattr(item.default, "factory", None)
        usual = item.default if factory is None else factory()
        if item.eq and getattr(value, item.name) != usual:
            said.append(item)
    return said


def _term(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join(map(_term, listed_of(value) or ()))
    if isinstance(value, Price | Of):
        return rule_of(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return iso_text(value)
    if isinstance(value, Value | Cycle):
        told = (f"{item.alias} {_term(getattr(value, item.name))}" for item in _said(value))
        return f"{type(value).__name__}: {', '.join(told)}"
    return str(value)
