"""Totals: what a plan comes to along one meter, as a curve, exact, before any money is rounded.

Allowance, fees, discounts, maximum, minimum and taxes are curves of a curve, in the order of the stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from tokenbill.core.billing.account import checked_terms
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import covers
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import EXACT, ZERO, Number, plus
from tokenbill.core.money.rounding import Rounding
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
from tokenbill.core.rating.charges import entry_lines
from tokenbill.core.rating.compiled import compiled_form
from tokenbill.core.rating.lines import exact_sum
from tokenbill.errors import InvalidPlan, InvalidPrice
from tokenbill.shared.break_even import netted

__all__ = ["NO_USAGE", "Along", "along", "amounts", "moved", "total_curve"]

NO_USAGE = Usage()
ONE = Fraction(1)
HUNDRED = Fraction(100)
QUARTER = Fraction(1, 4)

Groups: TypeAlias = "Mapping[tuple[bool, ...], Curve]"
"""What is left of the charges that the discounts and taxes to come treat alike: which of them apply."""


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
        if not self.before and not self.is_due:
            pieces = (pieces[0]._replace(form=Form()), *pieces[1:])
        return _short(composed(pieces, self.rest))


def total_curve(plan: BillingPlan, meter: str, *, usage: Usage | Quantities = NO_USAGE) -> Curve:
    """What a whole period on *plan* comes to as a curve of one meter, the rest of *usage* fixed.

    It is exact, before any money is rounded: a bill of the same usage, rounded once, is the nearest
    minor unit to it. Whole tokens are counted as the plan counts them. What *usage* says of the meter
    itself is left out.

    Raises:
        UnpricedUsage: If the schedule has no price for a meter.
        InvalidPrice: If the meter's price lists no pieces, as a user's own may not.
        InvalidPlan: If a fixed discount, the maximum or tokens are spread over charges that later terms
            treat differently, so that the total is no straight line.

    >>> from tokenbill import PriceSchedule
    >>> calls = BillingPlan.subscription(20, PriceSchedule(api_calls="0.01"), included={"api_calls": 100})
    >>> at(total_curve(calls, "api_calls"), Fraction(150))
    Fraction(41, 2)
    """
    return along(plan, meter, usage=usage).curve()


def along(plan: BillingPlan, meter: str, *, usage: Usage | Quantities = NO_USAGE) -> Along:
    """The same, not yet put together: it can also be asked of a price that lists no pieces.

    >>> from tokenbill import PriceSchedule
    >>> along(BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10")), "gpu_hours").at(7)
    Fraction(7, 10)
    """
    fixed, plan = checked_terms(usage, plan)
    card, meter = compiled_form(plan), Meter(meter)
    fixed = Usage({other: quantity for other, quantity in fixed.items() if other != meter})
    rate, before = card[meter], ZERO
    for other, quantity in fixed.items():
        before = EXACT.add(before, quantity) if card[other] is rate else before
    charges = [_Charge("fee", None, _level(Fraction(fee.amount))) for fee in plan.fees]
    used = [_Charge("usage", rate.key, curve(NIL, [None], [line(ONE)]))]
    for entry, lines in entry_lines(card, fixed):
        if entry is not rate:
            used.append(_Charge("usage", entry.key, _level(Fraction(exact_sum(lines)))))
    return Along(rate.price, before, _settled(plan, charges, used), rate in card.always)


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


class _Charge(NamedTuple):
    """One fee or entry: what a term asks of it, and its amount as a curve of the entry that varies."""

    kind: str
    meter: Meter | None
    amount: Curve


def _level(amount: Fraction) -> Curve:
    return curve(amount, [None], [constant(amount)])


def _short(found: Curve | None) -> Curve:
    if found is None:
        way_out = "write the prices with fewer tiers and steps"
        raise InvalidPlan("a total of too many pieces, more than", LONGEST, way_out)
    return found


def _settled(plan: BillingPlan, fees: list[_Charge], used: list[_Charge]) -> Curve:
    """What is to be paid for the charges, stage by stage, as `rating` does it for one usage."""
    if plan.token_price is not None:
        used = [_sold(plan, used)]
    groups = _grouped((_scope(plan, charge), charge.amount) for charge in (*fees, *used))
    groups = _lifted(plan, _held(plan, _discounted(plan, groups)))
    total = _sum(_scaled(amount, _with_taxes(plan, applied)) for applied, amount in groups.items())
    return tuple(Piece(end, netted(form)) for end, form in total)


def _scope(plan: BillingPlan, charge: _Charge) -> tuple[bool, ...]:
    """Which discounts, then which taxes, apply to a charge."""
    scopes = (*(discount.on for discount in plan.discounts), *(tax.on for tax in plan.taxes))
    return tuple(on is None or covers(on, charge.kind, charge.meter) for on in scopes)


def _grouped(pairs: Iterable[tuple[tuple[bool, ...], Curve]]) -> Groups:
    """Charges that are treated alike put together; those of nothing are passed over, as bills do."""
    alike: dict[tuple[bool, ...], list[Curve]] = {}
    for applied, amount in pairs:
        if _fixed(amount) != NIL:
            alike.setdefault(applied, []).append(amount)
    return {applied: _sum(amounts) for applied, amounts in alike.items()}


def _sum(amounts: Iterable[Curve]) -> Curve:
    return _short(summed([_level(NIL), *amounts]))


def _scaled(pieces: Curve, factor: Fraction) -> Curve:
    return tuple(Piece(end, form.times(factor)) for end, form in pieces)


def _fixed(pieces: Curve) -> Fraction | None:
    """The amount of a curve that is the same everywhere."""
    forms = {piece.form for piece in pieces}
    form = forms.pop()
    return None if forms or form.rate or form.steps else form.constant


def _sold(plan: BillingPlan, burned: list[_Charge]) -> _Charge:
    """What the tokens burned cost: whole ones, as one quantity on the token price."""
    assert plan.token_price is not None  # the caller asked
    whole = _whole_units(plan.rounding, plan.pricing_unit.places)
    each = plan.rounding.stage == "line"
    tokens = [_short(composed(charge.amount, whole)) if each else charge.amount for charge in burned]
    count = _sum(tokens) if each else _short(composed(_sum(tokens), whole))
    money = _short(composed(count, amounts(plan.token_price)))
    unused = [_Charge("usage", None, money)] if money[0].form.at(NIL) else []
    if len({_scope(plan, charge) for charge in (*burned, *unused)}) > 1:
        raise _not_straight("tokens spread over meters", plan.pricing_unit.code)
    return burned[0]._replace(amount=money)


def _whole_units(rounding: Rounding, places: int) -> Curve:
    """Whole units of so many places, as a curve of their exact number."""
    unit = Fraction(1, 10**places)
    if rounding.mode != "half_even":
        return curve(NIL, [None], [stepped(unit, rounding.mode, line(1 / unit))])
    # ⌈x/2 − ¼⌉ + ⌊x/2 + ¼⌋ takes each half to the even side
    up = stepped(unit, "up", Form(-QUARTER, 1 / (2 * unit)))
    down = stepped(unit, "down", Form(QUARTER, 1 / (2 * unit)))
    return curve(NIL, [None], [up.plus(down)])


def _discounted(plan: BillingPlan, groups: Groups) -> Groups:
    """Discounts in the order given, each on what is left; its place falls away from what is to come."""
    for discount in plan.discounts:
        others = [(applied[1:], amount) for applied, amount in groups.items() if not applied[0]]
        within = _grouped((applied[1:], amount) for applied, amount in groups.items() if applied[0])
        value = Fraction(discount.value)
        if discount.unit == "percent":
            within = {applied: _scaled(amount, 1 - value / HUNDRED) for applied, amount in within.items()}
        else:
            within = _spread(within, beyond(value), discount.name)
        groups = _grouped((*others, *within.items()))
    return groups


def _held(plan: BillingPlan, groups: Groups) -> Groups:
    return groups if plan.maximum is None else _spread(groups, at_most(Fraction(plan.maximum)), "maximum")


def _spread(groups: Groups, left: Curve, name: str) -> Groups:
    """Groups of which *left* says what is left of them together: taken off each in proportion."""
    if len(groups) == 1:
        return {applied: _short(composed(amount, left)) for applied, amount in groups.items()}
    whole = _fixed(_sum(groups.values()))
    if whole is None:
        raise _not_straight("an amount spread over charges", name)
    return {applied: _scaled(amount, at(left, whole) / (whole or ONE)) for applied, amount in groups.items()}


def _not_straight(what: str, name: str) -> InvalidPlan:
    way_out = "let those terms apply to all of them, or compare bills at the quantities that matter"
    return InvalidPlan(f"{what} that later discounts or taxes tell apart", name, way_out)


def _lifted(plan: BillingPlan, groups: Groups) -> Groups:
    """The groups and the true-up, which is a charge of its own to the taxes."""
    if plan.minimum is None:
        return groups
    net = _sum(groups.values())
    lifted = _short(composed(net, at_least(Fraction(plan.minimum))))
    short = _sum([lifted, _scaled(net, -ONE)])
    taxed = _scope(plan, _Charge("minimum", None, short))[len(plan.discounts) :]
    return _grouped([*groups.items(), (taxed, short)])


def _with_taxes(plan: BillingPlan, applied: Iterable[bool]) -> Fraction:
    """What one unit of money is with its taxes: inclusive ones are contained, the others come on top."""
    taxes = [tax for tax, applies in zip(plan.taxes, applied, strict=True) if applies]
    included, added = (
        sum((Fraction(tax.percent) for tax in taxes if tax.inclusive is inclusive), NIL) / HUNDRED
        for inclusive in (True, False)
    )
    return 1 + added / (1 + included)
