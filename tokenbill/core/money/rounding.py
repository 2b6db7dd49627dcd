"""Rounding: the one place where exact amounts become payable money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from tokenbill.core.base.hashing import LATER
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import BY_MODE, PLACES, Exact, number, plain_amount, shifted
from tokenbill.core.money.validators import optional_number, positive
from tokenbill.errors import InvalidRounding

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Rounding"]

MODES = tuple(BY_MODE)
STAGES = ("bill", "line")
TAXES = ("total", "line")
WEIGHTS = 100_000
"""Most parts of one amount."""


def _known(choices: Sequence[str]) -> Any:
    """A validator: the text is one of *choices*."""

    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or value not in choices:
            raise InvalidRounding(f"unknown {attribute.name}", value, f"choose one of {', '.join(choices)}")

    return check


def _whole_places(_: object, attribute: Attribute[Any] | None, value: object) -> None:
    if value is not None and (type(value) is not int or not 0 <= value <= PLACES):
        raise InvalidRounding("places are not a number of decimals", value, f"give an int from 0 to {PLACES}")


@frozen(repr=False)
class Rounding(Value):
    """How exact amounts become payable money: decimals, ties, and the stage it happens at.

    Args:
        places: Decimals of an amount; None takes those of the currency.
        mode: ``half_up`` (away from zero on a tie, on both sides), ``half_even``, ``up``, ``down``.
        stage: ``bill`` rounds the net once; ``line`` rounds each entry and fee when it is priced.
        tax: At stage ``line``: each tax once on its ``total``, or on each ``line``.
        step: The smallest coin, where that is more than a minor unit: the total of a bill is a multiple of
            it, by a line of its own, and taxes are what they would be without.

    Raises:
        InvalidRounding: For anything else.

    Source: docs/explanation/exactness.md

    >>> (
    ...     Rounding(places=2)(Decimal("1.005")),
    ...     Rounding(places=2, mode="half_even")(Decimal("1.005")),
    ... )
    (Decimal('1.01'), Decimal('1.00'))
    """

    places: int | None = field(default=None, validator=_whole_places)
    mode: Literal["half_up", "half_even", "up", "down"] = field(default="half_up", validator=_known(MODES))
    stage: Literal["bill", "line"] = field(default="bill", validator=_known(STAGES))
    tax: Literal["total", "line"] = field(default="total", validator=_known(TAXES))
    step: Decimal | None = field(
        default=None, converter=optional_number, validator=positive, kw_only=True, metadata={LATER: True}
    )

    def __call__(self, amount: Exact | int | str, places: int | None = None) -> Decimal:
        """*amount* rounded to this rounding's places, or to *places* where it has none."""
        places = self.known_places(places)
        value = _amount(amount)
        try:
            return BY_MODE[self.mode].quantize(value, Decimal((0, (1,), -places)))  # type: ignore[arg-type]
        except (InvalidOperation, TypeError):  # too long for the context, or a Fraction
            return shifted(self._units(Fraction(value) * 10**places), places)

    def allocate(
        self, amount: Exact | int | str, weights: Iterable[Exact | int | str], *, places: int | None = None
    ) -> tuple[Decimal, ...]:
        """*amount*, rounded, split by *weights* so that the parts sum to it: largest remainder.

        Each part gets its floor; the units left go to the largest fractions, ties by position.
        A negative amount mirrors the positive one.

        >>> Rounding(places=2).allocate("10.00", [1, 1, 1])
        (Decimal('3.34'), Decimal('3.33'), Decimal('3.33'))
        """
        places = self.known_places(places)
        given = listed_of(weights, most=WEIGHTS) or ()
        if len(given) > WEIGHTS:
            raise InvalidRounding("too many weights", len(given), f"give at most {WEIGHTS}")
        shares = [Fraction(_amount(weight)) for weight in given]
        if not any(shares) or min(shares) < 0:
            way_out = "give weights ≥ 0, one above zero"
            raise InvalidRounding("weights that cannot share an amount", weights, way_out)

        # Largest remainder: nobody gets less than the floor of a share, nor a whole unit more.
        whole = sum(shares)
        units = int(Fraction(self(amount, places)) * 10**places)
        exact = [abs(units) * share / whole for share in shares]
        floors = [part.numerator // part.denominator for part in exact]
        by_fraction = sorted(range(len(exact)), key=lambda i: floors[i] - exact[i])
        for i in by_fraction[: abs(units) - sum(floors)]:
            floors[i] += 1
        return tuple(shifted(part if units >= 0 else -part, places) for part in floors)

    def known_places(self, places: int | None = None) -> int:
        """This rounding's places, else *places*, else an error: no currency says them."""
        known = places if self.places is None else self.places
        if known is None:
            raise InvalidRounding(
                "places are not known", None, "write Rounding(places=2), or round by a currency's plan"
            )
        _whole_places(None, None, known)
        return known

    def step_units(self, places: int) -> int:
        """The smallest coin in minor units of so many decimals; 1 where none is named.

        Raises:
            InvalidRounding: If it is no whole number of them.

        >>> Rounding(step="0.05").step_units(2)
        5
        """
        units = Fraction(1) if self.step is None else Fraction(self.step) * 10**places
        if units.denominator != 1:
            way_out = f"give a multiple of a minor unit, which has {places} places"
            raise InvalidRounding("a step that is no whole number of minor units", self.step, way_out)
        return int(units)

    def _units(self, value: Fraction) -> int:
        # Halves go away from zero on both sides, so that a credit note mirrors the bill it takes back.
        top, bottom = value.as_integer_ratio()
        whole, rest = divmod(abs(top), bottom)
        tie_up = self.mode == "half_up" or (self.mode == "half_even" and whole % 2 == 1)
        half = self.mode.startswith("half") and (2 * rest > bottom or (2 * rest == bottom and tie_up))
        whole += half or (self.mode == "up" and rest > 0)
        return whole if top >= 0 else -whole


def _amount(value: object) -> Exact:
    """An amount to round or a weight: any exact number, without the limits of the door."""
    if isinstance(value, Fraction):
        return Fraction(value)
    plain = plain_amount(value)
    return number(value) if plain is None else plain
