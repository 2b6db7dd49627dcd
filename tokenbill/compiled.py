"""A plan's prices in the form that answers fast: numerators over one denominator, found by meter.

``Price.amount`` is what a price means; this is the same curve, so prepared that a straight line
costs one multiply-and-add, and what cannot be prepared still asks ``amount``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from decimal import Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import Any, TypeAlias

from tokenbill.decimals import (
    BY_MODE,
    EXACT,
    ONE,
    STICKY,
    ZERO,
    Exact,
    decimal,
    difference,
    odd_part,
    plus,
    product,
)
from tokenbill.errors import InvalidSchedule
from tokenbill.lines import Charge, LineItem
from tokenbill.meters import Meter
from tokenbill.pieces import Curve
from tokenbill.plan import BillingPlan
from tokenbill.portions import amount_at
from tokenbill.price import After, Each, Price
from tokenbill.rates import PerUnit
from tokenbill.schedule import Entry, PriceSchedule, priced
from tokenbill.usage import Usage

__all__ = ["NO_BENT", "Bent", "Compiled", "Rate", "compiled"]

METERS = 65_536
"""Meters that a plan remembers; then it begins anew, for labels may be hostile."""
WHOLE = Fraction(1)
DENOMINATOR = 10**30
DIGITS = 120
"""Longest coefficient that a quantity can multiply without leaving the exact context."""
EACH_PLACE: TypeAlias = "tuple[str | None, ...]"


class Rate:
    """One entry, or one group of an ``.each`` entry: its curve less *standing*, what is due without it.

    ``slope`` is the numerator of a straight line; else ``edges``, ``slopes`` and ``constants`` are those
    of its pieces; where ``edges`` is None only ``amount`` knows the curve.
    """

    __slots__ = (
        "charges",
        "constants",
        "edges",
        "key",
        "order",
        "price",
        "rungs",
        "slope",
        "slopes",
        "standing",
        "unit",
    )

    def __init__(self, key: Meter, group: EACH_PLACE, price: Price, standing: Exact) -> None:
        self.key, self.price, self.standing = key, price, standing
        self.order = "\0".join((str(key), *(place or "" for place in group)))
        self.slope: Decimal | None = None
        self.edges: list[Decimal] | None = None
        self.slopes: list[Decimal] = []
        self.constants: list[Decimal] = []
        self.unit: Decimal | None = None
        self.charges: dict[str, Charge] = {}
        self.rungs: list[LineItem] = []

    def prepare(self, curve: Curve, denominator: int) -> None:
        """Take the pieces, where all of them are lines whose numerators a Decimal holds."""
        if any(piece.form.steps or (piece.end and not piece.end.closed) for piece in curve):
            return
        standing = Fraction(self.standing)
        slopes = [_held(piece.form.rate * denominator) for piece in curve]
        constants = [_held((piece.form.constant - standing) * denominator) for piece in curve]
        edges = [_held(piece.end.at) for piece in curve if piece.end]
        if None in slopes or None in constants or None in edges:
            return
        self.edges, self.slopes, self.constants = edges, slopes, constants  # type: ignore[assignment]
        if len(curve) == 2 and not any(constants):
            self.slope = slopes[1]
        if type(self.price) is PerUnit:
            self.unit = _held(curve[1].form.rate)

    def upon(self, total: Exact, quantity: Decimal, denominator: Decimal) -> Exact:
        """*total*, and the curve at a quantity less what stands, times the denominator."""
        if self.edges is None:
            amount = difference(amount_at(self.price, quantity), self.standing)
            return plus(total, product(amount, denominator))
        piece = bisect_left(self.edges, quantity)
        try:
            start = self.constants[piece]
            return _fma(self.slopes[piece], quantity, start if total is ZERO else _add(total, start))  # type: ignore[arg-type]
        except (Inexact, TypeError):
            return plus(total, plus(product(self.slopes[piece], quantity), self.constants[piece]))


Bent: TypeAlias = "Mapping[Rate, int | Decimal]"
"""What was used of each rate that is no straight line."""

NO_BENT: Bent = MappingProxyType({})
_fma, _add, _divide = EXACT.fma, EXACT.add, STICKY.divide


class Compiled(dict[str, Rate]):
    """Rates by meter for one plan; a meter met for the first time is matched.

    ``always`` are the rates that stand: due though nothing is used; ``standing`` is their numerator.
    """

    __slots__ = (
        "_groups",
        "always",
        "curves",
        "denominator",
        "places",
        "plan",
        "quantize",
        "rounding",
        "share",
        "simple",
        "standing",
        "unit",
        "whole",
        "whole_lines",
    )

    def __init__(self, plan: BillingPlan, share: Fraction = WHOLE) -> None:
        self.plan, self.share = plan, share
        walked = [Entry(entry.key, self._allowed(entry)) for entry in _walked(plan.prices)]
        self.curves = {entry.key: _curve(entry.price) for entry in walked}
        self.denominator = Decimal(_denominator(self.curves.values()))
        self._groups: dict[tuple[Meter, EACH_PLACE], Rate] = {}
        self.always = tuple(self._stand(walked))
        self.standing: Exact = ZERO
        for rate in self.always:
            self.standing = plus(self.standing, product(rate.standing, self.denominator))
        self.simple = _is_simple(plan)
        self.whole = self.denominator == ONE
        self.whole_lines = plan.rounding.stage == "line"
        self.places = plan.rounding.known_places(plan.currency.places)
        self.unit = Decimal((0, (1,), -self.places))
        self.quantize = BY_MODE[plan.rounding.mode].quantize
        rule = f"to {self.places} places, {plan.rounding.mode.replace('_', ' ')}"
        self.rounding = Charge("rounding", None, "rounding", rule=rule)

    def _stand(self, walked: Iterable[Entry]) -> Iterable[Rate]:
        """The rates of entries that cost something before anything is used."""
        for entry in walked:
            if isinstance(entry.price, Price) and (standing := amount_at(entry.price, ZERO)):
                yield self._rate(entry, (), standing)

    def __missing__(self, text: str) -> Rate:
        meter = Meter(text)
        found = self.plan.prices.match(meter)
        entry = Entry(Meter(found.key), priced(found.price))
        entry = Entry(entry.key, self._allowed(entry))
        labels = entry.price.labels if isinstance(entry.price, Each) else ()
        group = tuple(map(meter.labels.get, labels))
        rate = self._groups.get((entry.key, group)) or self._rate(entry, group, ZERO)
        if len(self) >= METERS:  # the bill at hand goes on with this one: groups must not change under it
            self.plan.made.pop("compiled", None)
        return self.setdefault(text, rate)

    def _allowed(self, entry: Entry) -> Price | Each:
        """The price of an entry beyond what the plan includes."""
        free: Exact = self.plan.allowance(entry.key)
        if free and self.plan.prorate_included:
            free = product(free, self.share)
        if not free:
            return entry.price
        if isinstance(entry.price, Each):
            return Each(After(entry.price.price, free), entry.price.labels)
        return After(entry.price, free)

    def _rate(self, entry: Entry, group: EACH_PLACE, standing: Exact) -> Rate:
        """The rate of an entry or one of its groups: the first one made, whichever thread made it."""
        price, key = entry.price, entry.key
        if isinstance(price, Each):
            given = {
                label: value for label, value in zip(price.labels, group, strict=True) if value is not None
            }
            key, price = Meter(key.name, {**key.labels, **given}), price.price
        rate = Rate(key, group, price, standing)
        curve = self.curves.get(entry.key) or price.pieces()
        if curve is not None:
            rate.prepare(curve, int(self.denominator))
        return self._groups.setdefault((entry.key, group), rate)

    def numerator(
        self, usage: Usage, start: Exact | None = None, prior: Bent = NO_BENT
    ) -> tuple[Exact, Bent]:
        """What usage costs, times the denominator, on top of *start*; and the quantities of bent rates.

        Without a start that is what stands; *prior* are the quantities of bent rates before.
        """
        total = self.standing if start is None else start
        bent: dict[Rate, int | Decimal] | None = None
        try:
            for meter, quantity in usage.counted.items():
                rate = self[meter]
                if rate.slope is not None:
                    total = _fma(quantity, rate.slope, total)  # type: ignore[arg-type]
                elif bent is None:
                    bent = {rate: quantity}
                else:
                    bent[rate] = _add(bent[rate], quantity) if rate in bent else quantity
        except (Inexact, TypeError):  # more digits than the context holds, or a sum that does not terminate
            total, bent = self._slowly(usage, self.standing if start is None else start)
        return (total, prior) if bent is None else self._bent(total, bent, prior)

    def _slowly(self, usage: Usage, start: Exact) -> tuple[Exact, dict[Rate, int | Decimal]]:
        """The same loop in Fractions where need be."""
        bent: dict[Rate, int | Decimal] = {}
        for meter, quantity in usage.counted.items():
            rate = self[meter]
            if rate.slope is not None:
                start = plus(start, product(Decimal(quantity), rate.slope))
            else:
                bent[rate] = EXACT.add(bent.get(rate, ZERO), quantity)
        return start, bent

    def _bent(self, total: Exact, bent: Bent, prior: Bent) -> tuple[Exact, Bent]:
        """The total with what bent rates add to it: the difference of two points on each curve."""
        if prior is NO_BENT:
            for rate, quantity in bent.items():
                total = rate.upon(total, Decimal(quantity), self.denominator)
            return total, bent
        quantities = dict(prior)
        for rate, quantity in bent.items():
            before = prior.get(rate)
            if before is not None:
                total = difference(total, rate.upon(ZERO, Decimal(before), self.denominator))
                quantity = _add(before, quantity)
            quantities[rate] = quantity
            total = rate.upon(total, Decimal(quantity), self.denominator)
        return total, quantities

    def settled(self, numerator: Exact) -> Decimal:
        """The amount rounded once, as the plan says."""
        try:
            return self.quantize(numerator if self.whole else _divide(numerator, self.denominator), self.unit)  # type: ignore[arg-type]
        except (InvalidOperation, TypeError):  # too long for the context, or a Fraction
            return self.plan.rounding(self.exact(numerator), self.places)

    def exact(self, numerator: Exact) -> Fraction:
        """The amount itself."""
        return Fraction(numerator) / Fraction(self.denominator)


def compiled(plan: BillingPlan, share: Fraction = WHOLE) -> Compiled:
    """The compiled form of a plan, made on first use; that of a user's schedule is made anew each time.

    *share* is the part of a billing period that is billed, where the plan prorates what it includes.
    """
    found = plan.made.get("compiled")
    if found is not None:
        return found  # type: ignore[no-any-return]
    found = Compiled(plan, share)
    if isinstance(plan.prices, PriceSchedule) and not plan.prorate_included:
        plan.made["compiled"] = found
    return found


def _is_simple(plan: BillingPlan) -> bool:
    """Whether the total is what the prices come to, rounded: nothing stands between the two."""
    terms = (plan.fees, plan.discounts, plan.minimum, plan.maximum, plan.taxes, plan.token_price)
    return not any(terms) and plan.rounding.stage == "bill" and plan.overage == "bill"


def _walked(prices: Any) -> list[Entry]:
    """The entries of a schedule that lists them; others are billed as usage reaches them."""
    pairs = prices.items() if isinstance(prices, Mapping) else prices if isinstance(prices, Iterable) else ()
    try:
        return [Entry(Meter(key), priced(price)) for key, price in pairs]
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        raise InvalidSchedule(
            "entries that are no pairs", prices, "let it iterate over Entry(key, price)"
        ) from None


def _curve(price: Price | Each) -> Curve | None:
    return (price.price if isinstance(price, Each) else price).pieces()


def _denominator(curves: Iterable[Curve | None]) -> int:
    """What makes every rate and constant a terminating Decimal; factors 2 and 5 need not be in it."""
    denominator = 1
    for piece in (piece for curve in curves if curve for piece in curve):
        wider = lcm(
            denominator, *(odd_part(value.denominator) for value in (piece.form.rate, piece.form.constant))
        )
        denominator = wider if wider <= DENOMINATOR and not piece.form.steps else denominator
    return denominator


def _held(value: Fraction) -> Decimal | None:
    """A number as a Decimal, or None where it does not terminate or is too long to multiply."""
    held = decimal(value) if odd_part(value.denominator) == 1 else None
    return held if held is not None and len(held.as_tuple().digits) <= DIGITS else None
