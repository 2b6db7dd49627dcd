"""A plan's prices in the form that answers fast: numerators over one denominator, found by meter.

``Price.amount`` is what a price means; this is the same curve, so prepared that a straight line
costs one multiply-and-add, and what cannot be prepared still asks ``amount``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import Any, TypeAlias

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import (
    BY_MODE,
    EXACT,
    ONE,
    STICKY,
    ZERO,
    Exact,
    difference,
    odd_part,
    plus,
    product,
)
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.curves import Curve
from tokenbill.core.pricing.price import After, Each, Price
from tokenbill.core.pricing.schedule import Entry, PriceSchedule, priced
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.prepared import Group, Rate
from tokenbill.errors import InvalidSchedule

__all__ = ["NO_BENT", "Bent", "Compiled", "compiled_form"]

METERS = 65_536
"""Meters that a plan remembers; then it begins anew, for labels may be hostile."""
WHOLE = Fraction(1)
DENOMINATOR = 10**30


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
        "_known",
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
        self._known: dict[Meter, Rate] = {}
        self._groups: dict[tuple[Meter, Group], Rate] = {}
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
        entry = _entry(found)
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

    def _rate(self, entry: Entry, group: Group, standing: Exact) -> Rate:
        """The rate of an entry or one of its groups: the first one made, whichever thread made it."""
        price, key = entry.price, entry.key
        if isinstance(price, Each):
            given = {
                label: value for label, value in zip(price.labels, group, strict=True) if value is not None
            }
            key, price = Meter(key.name, {**key.labels, **given}), price.price
        rate = Rate(key, entry.key, group, price, standing)
        known = self._known.get(entry.key) if group else None
        if known is not None:
            rate.take(known)
        elif curve := self.curves.get(entry.key) or price.pieces():
            rate.prepare(curve, int(self.denominator))
        self._known[entry.key] = rate
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
        for rate, added in bent.items():
            before, quantity = prior.get(rate), added
            if before is not None:
                total = difference(total, rate.upon(ZERO, Decimal(before), self.denominator))
                quantity = _add(before, added)
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


def compiled_form(plan: BillingPlan, share: Fraction = WHOLE) -> Compiled:
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
    terms = (plan.fees, plan.discounts, plan.minimum, plan.taxes, plan.token_price)
    is_free = not any(terms) and plan.maximum is None  # a maximum of 0 holds, too
    return is_free and plan.rounding.stage == "bill" and plan.overage == "bill"


def _walked(prices: Any) -> list[Entry]:
    """The entries of a schedule that lists them; others are billed as usage reaches them."""
    pairs = pairs_of(prices) if hasattr(prices, "__iter__") else []
    if pairs is None:
        raise InvalidSchedule("entries that are no pairs", prices, "let it iterate over Entry(key, price)")
    return [Entry(Meter(key), priced(price)) for key, price in pairs]


def _entry(found: Any) -> Entry:
    """What a schedule's ``match`` gave, as an entry."""
    try:
        return Entry(Meter(found.key), priced(found.price))
    except AttributeError:
        raise InvalidSchedule("match() gave no entry", found, "let it return Entry(key, price)") from None


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
