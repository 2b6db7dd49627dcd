"""Plan curves: what a plan comes to along one meter, as a curve, exact, before any money is rounded.

The stages are those of bills: here the number that each charge has is a curve of what one entry comes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Any, NamedTuple

from attrs import frozen

from tokenbill.core.base.values import Value
from tokenbill.core.billing.arguments import checked_terms
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import EXACT, ZERO, Number, plus
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at, units
from tokenbill.core.pricing.curves import (
    LONGEST,
    NIL,
    Curve,
    Form,
    Piece,
    at,
    at_least,
    at_most,
    beyond,
    composed,
    constant,
    curve,
    line,
    stepped,
    summed,
)
from tokenbill.core.pricing.price import Price
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.rating_run import Identity, RatingRun
from tokenbill.core.rating.version_terms import terms_of_plan
from tokenbill.errors import InvalidPlan, InvalidPrice
from tokenbill.shared.break_even import netted
from tokenbill.shared.plan_in_force import plan_in_force

__all__ = ["NO_USAGE", "Along", "along", "amounts", "moved", "total_curve"]

NO_USAGE = Usage()
ONE = Fraction(1)
QUARTER = Fraction(1, 4)


class Along(NamedTuple):
    """A plan along one meter: the *price* of its entry after *before* units, and the *rest* of the plan.

    ``rest`` is the total as a curve of what the entry comes to. ``is_due`` says whether the entry
    stands on the bill though nothing is used.
    """

    price: Price
    before: Decimal
    rest: Curve
    is_due: bool

    def at(self, quantity: Number) -> Fraction:
        """The total at one quantity; a price that lists no pieces is asked for its amount."""
        used = plus(self.before, units(quantity))
        return at(self.rest, Fraction(amount_at(self.price, used)) if used or self.is_due else NIL)

    def curve(self) -> Curve:
        """The total at every quantity."""
        pieces = moved(amounts(self.price), Fraction(self.before))
        # an entry that nothing was used of stands on no bill, though its price may begin above zero
        if not self.before and not self.is_due:
            pieces = (pieces[0]._replace(form=Form()), *pieces[1:])
        return _short(composed(pieces, self.rest))


def total_curve(
    plan: BillingPlan | Contract,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    period: Period | None = None,
) -> Curve:
    """What a whole period on *plan* comes to as a curve of one meter, the rest of *usage* fixed.

    It is exact, before any money is rounded: a bill of the same usage, rounded once, is the nearest
    minor unit to it. Whole tokens are counted as the plan counts them. What *usage* says of the meter
    itself is left out. In a part of a cycle's *period* fees and limits are those of the part.

    Raises:
        UnpricedUsage: If the schedule has no price for a meter.
        InvalidPrice: If the meter's price lists no pieces, as a user's own may not.
        InvalidPlan: If a fixed discount, the maximum or tokens are spread over charges that later terms
            treat differently, so that the total is no straight line; or if the terms change in the period.

    >>> from tokenbill import PriceSchedule
    >>> calls = BillingPlan.subscription(
    ...     20, PriceSchedule(api_calls="0.01"), included={"api_calls": 100}
    ... )
    >>> at(total_curve(calls, "api_calls"), Fraction(150))
    Fraction(41, 2)
    """
    return along(plan, meter, usage=usage, period=period).curve()


def along(
    plan: BillingPlan | Contract,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    period: Period | None = None,
) -> Along:
    """The same, not yet put together: it can also be asked of a price that lists no pieces.

    >>> from tokenbill import PriceSchedule
    >>> along(BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10")), "gpu_hours").at(7)
    Fraction(7, 10)
    """
    fixed, terms = checked_terms(usage, plan_in_force(plan, period))
    versions = [terms_of_plan(terms, period)]
    compiled, meter = CompiledPlan(terms, exactly=True, unrounded=True, versions=versions), Meter(meter)
    card = compiled.card
    # what the usage says of the meter itself is what the curve runs along
    fixed = Usage({other: quantity for other, quantity in fixed.items() if other != meter})
    entry, before = card[meter], ZERO
    for other, quantity in fixed.items():
        # meters of one entry share its tiers, so the others come before the first unit of this one
        before = EXACT.add(before, quantity) if card[other] is entry else before
    used = [(entry.identity, entry.cell, Amounts(curve(NIL, [None], [line(ONE)])))]
    quantities = card.quantities(fixed)
    for curve_of in sorted(quantities, key=attrgetter("order")):
        if curve_of is not entry:
            amount = Amounts.level(Fraction(curve_of.at(quantities[curve_of])))
            used.append((curve_of.identity, curve_of.cell, amount))
    total = CurveRun(compiled, used).total_curve()
    rest = tuple(Piece(end, netted(form)) for end, form in total)
    return Along(entry.price, before, rest, entry in card.always)


def amounts(price: Price) -> Curve:
    """The pieces of a price.

    Raises:
        InvalidPrice: If it lists none.
    """
    pieces = price.pieces()
    if pieces is None:
        way_out = "let it list its pieces(), or compare bills at the quantities that matter"
        raise InvalidPrice("a price that lists no pieces", price, way_out)
    return pieces


def moved(pieces: Curve, by: Fraction) -> Curve:
    """A curve as it goes on after so many units."""
    return _short(composed(curve(by, [None], [Form(by, ONE)]), pieces)) if by else pieces


def _short(found: Curve | None) -> Curve:
    if found is None:
        way_out = "write the prices with fewer tiers and steps"
        raise InvalidPlan("a total of too many pieces, more than", LONGEST, way_out)
    return found


@frozen
class Amounts(Value):
    """A curve as a number: it adds up, and is multiplied by numbers."""

    pieces: Curve

    @classmethod
    def level(cls, amount: Fraction) -> Amounts:
        """The same amount everywhere."""
        return cls(curve(amount, [None], [constant(amount)]))

    @classmethod
    def of(cls, number: Any) -> Amounts:
        """A number as a curve."""
        return number if isinstance(number, Amounts) else cls.level(Fraction(number))

    @property
    def fixed(self) -> Fraction | None:
        """The amount of a curve that is the same everywhere."""
        forms = {piece.form for piece in self.pieces}
        form = forms.pop()
        return None if forms or form.rate or form.steps else form.constant

    def __add__(self, other: Any) -> Amounts:
        total = _short(summed([self.pieces, Amounts.of(other).pieces]))
        # what both have in common falls away, or the steps of a price would double at each term
        return Amounts(tuple(Piece(end, netted(form)) for end, form in total))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Amounts:
        return self + -Amounts.of(other)

    def __neg__(self) -> Amounts:
        return self * -1

    def __mul__(self, factor: int | Fraction) -> Amounts:
        times = Fraction(factor)
        return Amounts(tuple(Piece(end, form.times(times)) for end, form in self.pieces))

    def then(self, outer: Curve) -> Amounts:
        """The curve *outer* of these amounts."""
        return Amounts(_short(composed(self.pieces, outer)))


class CurveRun(RatingRun):
    """A run in which each charge has a curve for its number, and no money is rounded."""

    __slots__ = ("compiled", "stage", "to_come", "used")

    def __init__(self, compiled: CompiledPlan, used: Sequence[tuple[Identity, int, Amounts]]) -> None:
        super().__init__([], (), round=_ratio, whole_lines=False, final=True)
        self.compiled, self.used = compiled, used
        self.stage: Any = None
        self.to_come: Sequence[Any] = ()

    def total_curve(self) -> Curve:
        """The total in the currency, taken through all stages."""
        terms = self.compiled.terms()
        stages = (*terms.pricing, *terms.settling)
        for place, stage in enumerate(stages):
            self.stage, self.to_come = stage, stages[place + 1 :]
            stage.apply(self)
        return (Amounts.of(self.total) * Fraction(1, 10**self.compiled.places)).pieces

    def usage(self) -> Iterable[tuple[Any, int, Identity]]:
        return ((amount, cell, identity) for identity, cell, amount in self.used)

    def burned(self) -> Sequence[int]:
        return range(len(self.nets) - len(self.used), len(self.nets))

    def lower(self, one: Any, other: Any) -> Any:
        return Amounts.of(other).then(at_most(Fraction(one)))

    def beyond(self, number: Any, limit: Any) -> Any:
        if isinstance(limit, Amounts):  # the true-up: what a minimum is above the net
            return limit.then(at_least(Fraction(number))) - limit
        return Amounts.of(number).then(beyond(Fraction(limit))) if limit else number

    def sum(self, numbers: Iterable[Any]) -> Any:
        return Amounts(_short(summed([Amounts.level(NIL).pieces, *(Amounts.of(n).pieces for n in numbers)])))

    def spread(self, off: Any, whole: Any, places: Sequence[int] | None) -> None:
        every = range(len(self.nets)) if places is None else places
        held = [place for place in every if Amounts.of(self.nets[place]).fixed != NIL]
        keep, whole = Amounts.of(whole) - off, Amounts.of(whole)
        if self._is_as_one(held):
            self._put(keep, held)
        elif whole.fixed is None or keep.fixed is None:
            name = self.stage.charge.description
            raise _not_straight("an amount spread over charges", name)
        else:
            for place in held:
                self.nets[place] = Amounts.of(self.nets[place]) * (keep.fixed / whole.fixed)

    def _is_as_one(self, places: Sequence[int]) -> bool:
        """Whether all stages to come treat these charges alike."""
        treatments = {tuple(stage.treats(self.cells[place]) for stage in self.to_come) for place in places}
        return len(treatments) <= 1

    def _put(self, amount: Amounts, places: Sequence[int]) -> None:
        """Let the first of these charges stand for all."""
        for place in places:
            self.nets[place] = amount if place == places[0] else NIL

    def sell(self, stretches: Sequence[Any], moneys: Sequence[Any], stage: Any) -> None:
        ((price, places, _, _),), (money,) = stretches, moneys  # a plan is one version
        if at(money.pieces, NIL):  # due though no token is left to pay, which is a charge of its own
            self.add(NIL, price.cell, price.identity)
            places = [*places, len(self.nets) - 1]
        if not self._is_as_one(places):
            raise _not_straight("tokens spread over meters", self.compiled.plan.pricing_unit.code)
        self._put(money, places)

    def count(self, n: Any, d: Any) -> Any:
        return Amounts.of(n).then(_whole(self.compiled.plan.rounding.mode, Fraction(d)))

    def price(self, stage: Any, whole: Any) -> Any:
        tokens = Amounts.of(whole) * Fraction(1, 10**stage.places)
        return tokens.then(amounts(stage.price))

    def tax(self, amount: Any, parts: Sequence[Any]) -> None:
        self.total = self.total + amount


def _not_straight(what: str, name: str) -> InvalidPlan:
    way_out = "let those terms apply to all of them, or compare bills at the quantities that matter"
    return InvalidPlan(f"{what} that later discounts or taxes tell apart", name, way_out)


def _ratio(n: Any, d: Any) -> Any:
    """What a rounding would be of: nothing is rounded."""
    return Amounts.of(n) * (1 / Fraction(d))


def _whole(mode: str, unit: Fraction) -> Curve:
    """How many units an amount is, made whole, as a curve of it."""
    if mode != "half_even":
        return curve(NIL, [None], [stepped(ONE, mode, line(1 / unit))])  # type: ignore[arg-type]
    # ⌈x/2 − ¼⌉ + ⌊x/2 + ¼⌋ takes each half to the even side
    up = stepped(ONE, "up", Form(-QUARTER, 1 / (2 * unit)))
    down = stepped(ONE, "down", Form(QUARTER, 1 / (2 * unit)))
    return curve(NIL, [None], [up.plus(down)])
