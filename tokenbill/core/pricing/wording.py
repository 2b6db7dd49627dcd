"""Rules: what a price does, in words with its numbers, and the page that explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast

from attrs import Attribute, fields, has

from tokenbill.core.base.inputs import listed_of, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import ONE, ZERO, Direction, Exact, difference
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import spelled
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.price import After, AtLeast, Capped, InUnits, Price, Scaled, Sum, Then
from tokenbill.core.pricing.rates import Flat, Package, PerUnit
from tokenbill.core.pricing.tiers import Graduated, Tier, Volume

__all__ = [
    "COMBINATORS",
    "conversion",
    "entry_rule",
    "numbers_of",
    "page_of",
    "plain",
    "prices_below",
    "rule_of",
    "terms_of",
]

COMBINATORS: Final = (Sum, Scaled, After, Capped, AtLeast, InUnits, Then)
"""The prices that are made of others."""

LONGEST = 400
"""Most characters of a rule: a sum may hold a thousand prices."""
MODELS: Final = "docs/explanation/pricing-models.md"
TIERS = 6
"""Most tiers that a rule lists."""
WHOLE: Final = {"up": "started", "down": "full", "half_up": "half used"}


def rule_of(price: Price) -> str:
    """What a price does, in words; of a user's own class, the first sentence of its docstring.

    >>> rule_of(PerUnit("0.01").after(100).capped(500))
    '(the first 100 units free, then every unit at 0.01), at most 500'
    """
    told = RULES.get(type(price), _own)(price)
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def page_of(price: Price) -> str:
    """The page of the documentation on a kind of price, with the section.

    >>> page_of(PerUnit("0.01"))
    'docs/explanation/pricing-models.md#per-unit'
    """
    section = SECTIONS.get(type(price))
    return f"{MODELS}#{section}" if section else "docs/how-to/write-a-price.md"


def conversion(of: Decimal, times: Decimal, direction: Direction) -> str:
    """How a quantity is converted, as the rest of a sum.

    >>> conversion(Decimal(60), Decimal(1), "up")
    ' ÷ 60, made whole up'
    """
    factors = (f" × {times:f}" if times != ONE else "") + (f" ÷ {of:f}" if of != ONE else "")
    return factors + (f", made whole {direction.replace('_', ' ')}" if direction != "none" else "")


def terms_of(plan: Any) -> list[tuple[str, str]]:
    """What a plan says, term by term: those that it leaves as they are without being said are left out."""
    entries = pairs_of(plan.prices) if hasattr(plan.prices, "__iter__") else None
    told = [(f"price of {key}", entry_rule(price)) for key, price in entries or ()]
    told += [(f"{plain(units)} free units", str(key)) for key, units in plan.included]
    others = [item for item in _said(plan) if item.alias not in ("prices", "name", "included")]
    told += [(str(item.alias).replace("_", " "), _term(getattr(plan, item.name))) for item in others]
    return told


def entry_rule(price: Any) -> str:
    """What an entry of a schedule does: its price, or its price for each group.

    >>> entry_rule(PerUnit("0.01").each("region"))
    'every unit at 0.01, by region'
    """
    if isinstance(price, Price):
        return rule_of(price)
    return f"{rule_of(price.price)}, by {', '.join(price.labels)}"


def _said(value: Any) -> list[Any]:
    """The fields of a value that are not what they would be unless said."""
    items = fields(cast(Any, type(value)))
    return [item for item in items if item.eq and getattr(value, item.name) != _default(item)]


def _default(item: Any) -> object:
    factory = getattr(item.default, "factory", None)
    return item.default if factory is None else factory()


def _term(value: Any) -> str:
    if isinstance(value, tuple):
        return "; ".join(map(_term, listed_of(value) or ()))
    if isinstance(value, Price):
        return rule_of(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return spelled(value)
    if isinstance(value, Value | Cycle):
        told = (f"{item.alias} {_term(getattr(value, item.name))}" for item in _said(value))
        return f"{type(value).__name__}: {', '.join(told)}"
    return str(value)


def prices_below(price: Price, quantity: Exact) -> list[tuple[Price, Exact]]:
    """The prices that a price is made of, each with the quantity that reaches it.

    >>> prices_below(PerUnit("0.01").after(100), Decimal(130))
    [(PerUnit(rate=Decimal('0.01'), per=Decimal('1')), Decimal('30'))]
    """
    match price:
        case Sum():
            return [(part, quantity) for part in price.prices]
        case Scaled() | Capped() | AtLeast():
            return [(price.price, quantity)]
        case After():
            return [(price.price, max(difference(quantity, price.units), ZERO))]
        case InUnits():
            return [(price.price, price.converted(quantity))]
        case Then():
            return [(price.price, quantity), (price.curve, amount_at(price.price, quantity))]
        case _:
            return []


def numbers_of(price: Price) -> tuple[tuple[str, Exact], ...]:
    """The numbers that a price is made with, by name.

    >>> numbers_of(PerUnit("0.01").after(100))
    (('units', Decimal('100')),)
    """
    named = [(item.alias or item.name, getattr(price, item.name)) for item in _fields(price)]
    return tuple((name, value) for name, value in named if isinstance(value, Decimal | Fraction))


def _fields(price: Price) -> Sequence[Attribute[object]]:
    kind: Any = type(price)
    return fields(kind) if has(kind) else ()


def plain(value: Exact) -> str:
    """An exact number in plain digits, or as a fraction where they do not end.

    >>> from fractions import Fraction
    >>> plain(Decimal("0.10")), plain(Fraction(1, 3))
    ('0.10', '1/3')
    """
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _own(price: Price) -> str:
    return (type(price).__doc__ or type(price).__name__).strip().partition("\n")[0].replace("`", "")


def _part(price: Price) -> str:
    told = rule_of(price)
    return f"({told})" if isinstance(price, COMBINATORS) else told


def _per_unit(price: PerUnit) -> str:
    return f"every {'unit' if price.per == ONE else f'{price.per:f} units'} at {price.rate:f}"


def _flat(price: Flat) -> str:
    return f"{price.fee:f} {'always' if price.at_zero else 'once something is used'}"


def _tiers(price: Graduated | Volume) -> str:
    told = [_tier(tier, price.per) for tier in price.tiers[:TIERS]]
    return "; ".join(told) + ("; …" if len(price.tiers) > TIERS else "")


def _tier(tier: Tier, per: Decimal) -> str:
    end = "above" if tier.up_to is None else f"up to {tier.up_to:f}"
    units = tier.per or per
    made = f", {WHOLE[tier.round]} ones" if tier.round != "none" else ""
    rate = f"{end} at {tier.rate:f}" + (f" for {units:f}{made}" if units != ONE or made else "")
    return rate + (f" (and {tier.fee:f} once)" if tier.fee else "")


def _converted(price: InUnits) -> str:
    return f"{_part(price.price)}, for quantity{conversion(price.of, price.times, price.round)}"


RULES: Final[dict[type, Callable[[Any], str]]] = {
    PerUnit: _per_unit,
    Flat: _flat,
    Package: lambda price: f"each {WHOLE[price.round]} package of {price.size:f} at {price.fee:f}",
    Graduated: lambda price: f"each unit as its tier says: {_tiers(price)}",
    Volume: lambda price: f"all units as the tier of their total says: {_tiers(price)}",
    Sum: lambda price: " plus ".join(map(_part, price.prices)),
    Scaled: lambda price: f"{_part(price.price)}, × {price.factor:f}",
    After: lambda price: f"the first {plain(price.units)} units free, then {_part(price.price)}",
    Capped: lambda price: f"{_part(price.price)}, at most {price.most:f}",
    AtLeast: lambda price: f"{_part(price.price)}, at least {price.least:f}",
    InUnits: _converted,
    Then: lambda price: f"{_part(price.price)}, and that amount is the quantity of {_part(price.curve)}",
}
SECTIONS: Final[dict[type, str]] = {
    PerUnit: "per-unit",
    Flat: "flat",
    Package: "package",
    Graduated: "graduated",
    Volume: "volume",
    Sum: "sum",
    Scaled: "mark-up",
    After: "allowance",
    Capped: "cap",
    AtLeast: "minimum",
    InUnits: "conversion",
    Then: "composition",
}
