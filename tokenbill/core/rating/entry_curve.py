"""Entry curves: one entry of a plan as a function of whole numbers, and the lines that show it."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal, Inexact
from fractions import Fraction
from typing import TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import EXACT, ONE, Exact, decimal, odd_part
from tokenbill.core.pricing.breakdown import PriceComponent, amount_at, breakdown_at, is_own, rule_of
from tokenbill.core.pricing.curves import Curve
from tokenbill.core.pricing.price import After, Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.tiers import Graduated
from tokenbill.core.rating.integer_price import IntegerPrice
from tokenbill.core.rating.lines import Charge, LineItem, line_item
from tokenbill.core.rating.rating_run import Identity

__all__ = ["EntryCurve", "Group", "Quantity"]

Group: TypeAlias = "tuple[str | None, ...]"
"""The values that tell the groups of an ``.each`` entry apart; None where a meter lacks the label."""

Quantity: TypeAlias = "int | Decimal"
"""What was used, as usage counts it."""

_multiply, _divide = EXACT.multiply, EXACT.divide


class EntryCurve:
    """One entry, or one group of an ``.each`` entry: amounts are numerators over the *scale* of its plan.

    ``slope`` is what one unit costs, where the curve is a straight line from nothing; else ``function``
    is the curve for quantities × ``unit``. Where it is None only ``amount`` knows the curve, and a
    numerator may be a Fraction. ``whole_ends`` and ``whole_lines`` say the same of whole units, each line
    as what is due before the first unit and for each. ``standing`` is due though nothing is used; ``cell``
    is where it adds up, ``order`` where its lines stand.
    """

    __slots__ = (
        "cell",
        "charges",
        "function",
        "identity",
        "is_for_one",
        "is_own",
        "key",
        "order",
        "price",
        "rule",
        "scale",
        "slope",
        "standing",
        "tiers_used",
        "unit",
        "unit_charge",
        "unit_per",
        "unit_rate",
        "whole_ends",
        "whole_lines",
    )

    def __init__(self, key: Meter, price: Price, cell: int, *, scale: int, unit: int) -> None:
        self.key, self.price, self.scale, self.unit, self.cell = key, price, scale, unit, cell
        self.order = ""
        self.identity = Identity.named("usage", str(key), self, key)
        self.slope: int | None = None
        self.function: IntegerPrice | None = None
        self.whole_ends: tuple[int, ...] = ()
        self.whole_lines: tuple[tuple[int, int], ...] = ()
        self.standing: int | Fraction = 0
        self.charges: dict[str, Charge] = {}
        self.tiers_used: list[LineItem] = []
        self.rule = ""
        self.is_own: bool | None = None
        self.unit_charge: Charge | None = None
        self.is_for_one = False
        self.unit_rate = self.unit_per = ONE

    def prepare(self, curve: Curve) -> None:
        """Take the pieces, of which the scale makes every number whole."""
        self.function = function = IntegerPrice.of(curve, self.unit, self.scale)
        # a straight line from nothing needs no search: one multiplication, as by hand
        if not function.ends and not function.lines[0].wholes and not function.lines[0].constant:
            self.slope = function.lines[0].rate * self.unit
        if function.divisor == 1 and function.straight:
            self.whole_ends = tuple(end // self.unit for end in function.ends)
            self.whole_lines = tuple((line.constant, line.rate * self.unit) for line in function.lines)

    def take(self, other: EntryCurve) -> None:
        """Be as prepared as another group of the same entry."""
        self.function, self.slope = other.function, other.slope
        self.whole_ends, self.whole_lines = other.whole_ends, other.whole_lines

    @property
    def entry(self) -> str:
        """The entry of the schedule that it is of, or of which it is a group."""
        return self.order.partition("\0")[0]

    def after(self, free: Exact) -> EntryCurve:
        """The same beyond free units that only the usage of a period tells."""
        found = EntryCurve(self.key, After(self.price, free), self.cell, scale=self.scale, unit=self.unit)
        found.order, found.identity = self.order, self.identity._replace(of=found)
        found.standing = self.standing
        return found

    def at(self, quantity: Quantity) -> int | Fraction:
        """The amount at a quantity × scale."""
        if type(quantity) is int:
            if self.slope is not None:
                return quantity * self.slope
            if self.whole_lines:  # most quantities are whole, and short numbers are compared faster
                due, rate = self.whole_lines[bisect_left(self.whole_ends, quantity)]
                return due + rate * quantity
            n = quantity * self.unit
        else:
            top, bottom = quantity.as_integer_ratio()
            if self.unit % bottom:  # more decimals than whole numbers count
                return self._exactly(quantity)
            n = top * (self.unit // bottom)
        # a user's own price lists no pieces: its amount is asked, and stays a Fraction
        return self._exactly(quantity) if self.function is None else self.function.at(n)

    def _exactly(self, quantity: Quantity) -> Fraction:
        return Fraction(amount_at(self.price, Decimal(quantity))) * self.scale

    def exact(self, number: int | Fraction) -> Exact:
        """A numerator as an amount."""
        exact = Fraction(number) / self.scale
        return decimal(exact) if odd_part(exact.denominator) == 1 else exact

    def lines(self, quantity: Decimal) -> list[LineItem]:
        """What a bill shows of it; a price for each unit makes one line, at a charge that never changes."""
        price, charge = self.price, self.unit_charge
        if charge is not None:
            # the numbers of the price, not their quotient: 6 at 0.10 reads 0.60 on every bill
            amount = _multiply(quantity, self.unit_rate)
            try:
                amount = amount if self.is_for_one else _divide(amount, self.unit_per)
                return [line_item(charge, quantity, amount, amount)]
            except Inexact:
                pass  # it does not terminate: the component has the Fraction
        elif type(price) is Graduated and quantity:
            top, units, owed = price.tier_reached(quantity)
            full = self.tiers_used
            if not full:  # tiers used up are the same on each bill
                full = self.tiers_used = [self._line(component) for component in price.full_tiers]
            return [*full[:top], _item(full[top].charge, units, owed)]
        if self.is_own is None:
            self.is_own = is_own(price)
        found = price.breakdown(quantity) if self.is_own else breakdown_at(price, quantity)
        return [self._line(component) for component in found]

    def _line(self, component: PriceComponent) -> LineItem:
        return _item(self._charge(component), component.quantity, component.amount)

    def _charge(self, component: PriceComponent) -> Charge:
        """What a component is charged for; while rate and fee are the same objects, the one made before."""
        label, known = component.label, self.charges.get(component.label)
        if (
            known is not None
            and known.rate is component.rate
            and known.fee is component.fee
            and known.per is component.per
        ):
            return known
        description = f"{self.key}, {label}" if label else str(self.key)
        rate = None if component.rate is None else decimal(component.rate)
        fee = decimal(component.fee)
        rule = self._words() if rate is not None or fee else ""
        made = Charge("usage", self.key, description, rate, component.per, component.round, fee, rule)
        self.charges[label] = made
        if type(self.price) is PerUnit:
            self.unit_rate, self.unit_per = self.price.rate, self.price.per
            self.unit_charge, self.is_for_one = made, self.price.per == ONE
        return made

    def _words(self) -> str:
        """What the price does, in words that are made once."""
        if not self.rule:
            self.rule = rule_of(self.price)
        return self.rule


def _item(charge: Charge, quantity: Exact, amount: Exact) -> LineItem:
    if type(amount) is Decimal and type(quantity) is Decimal:
        return line_item(charge, quantity, amount, amount)
    return line_item(charge, decimal(quantity), decimal(amount), amount)
