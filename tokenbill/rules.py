"""Rules: what a price does, in words with its numbers, and the page that explains it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from tokenbill.decimals import ONE, Direction, Exact
from tokenbill.price import After, AtLeast, Capped, InUnits, Price, Scaled, Sum, Then
from tokenbill.rates import Flat, Package, PerUnit
from tokenbill.tiers import Graduated, Volume

__all__ = ["COMBINATORS", "conversion", "page_of", "plain", "rule_of"]

COMBINATORS: Final = (Sum, Scaled, After, Capped, AtLeast, InUnits, Then)
"""The prices that are made of others."""

LONGEST = 400
"""Most characters of a rule: a sum may hold a thousand prices."""
MODELS: Final = "docs/explanation/pricing-models.md"
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


def _converted(price: InUnits) -> str:
    return f"{_part(price.price)}, for quantity{conversion(price.of, price.times, price.round)}"


RULES: Final[dict[type, Callable[[Any], str]]] = {
    PerUnit: _per_unit,
    Flat: _flat,
    Package: lambda price: f"each {WHOLE[price.round]} package of {price.size:f} at {price.fee:f}",
    Graduated: lambda price: "each unit at the rate of the tier it falls in, with the fees of tiers entered",
    Volume: lambda price: "all units at the rate of the tier that their total falls in, with its fee",
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
