"""Marginal cost: what the next unit costs, where that changes, what a budget buys, where more costs less."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import LIMIT, PLACES, Number, decimal, number
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import units
from tokenbill.core.pricing.breakpoints import breakpoints
from tokenbill.core.pricing.curves import NIL, Curve, above, below, constant, curve
from tokenbill.core.pricing.price import Price
from tokenbill.errors import InvalidNumber, InvalidPlan
from tokenbill.shared.break_even import QuantityRange, cells, netted, period, quantity_ranges
from tokenbill.shared.plan_curve import NO_USAGE, along, amounts, moved, total_curve

__all__ = [
    "PriceBreak",
    "affordable_quantities",
    "cliffs",
    "next_breakpoint",
    "marginal_cost",
    "quantity_for",
]

Priced: TypeAlias = "Price | BillingPlan"
"""A price, which is a curve of its quantity; or a plan, which is one of each meter."""


class PriceBreak(NamedTuple):
    """A change of the marginal cost: at *quantity*, *distance* units ahead.

    There the rate goes from *rate_before* to *rate_after*, per unit, and the amount moves by *jump*,
    which is negative at a cliff.
    """

    quantity: Fraction
    distance: Fraction
    rate_before: Fraction
    rate_after: Fraction
    jump: Fraction


def affordable_quantities(
    of: Priced, budget: Number, meter: str | None = None, *, usage: Usage | Quantities = NO_USAGE
) -> tuple[QuantityRange, ...]:
    """Every range of quantities whose amount is at most *budget*; none where even nothing costs more.

    Where a larger quantity may cost less there are several.

    Args:
        of: A price; or a plan, whose exact total is looked at, before any money is rounded.
        budget: In the currency of the price or plan.
        meter: What is bought, on a plan.
        usage: What else is used, on a plan.

    Raises:
        InvalidPlan, InvalidPrice, UnpricedUsage: As ``break_even`` does.

    >>> from tokenbill import Tier, Volume
    >>> seats = Volume([Tier(10, 5), Tier(None, 4)])
    >>> print(*affordable_quantities(seats, 46))  # 9.2 × 5 = 46, 11.5 × 4 = 46
    [0, 9.2] (10, 11.5]
    """
    # The budget is a curve, too, a level one: a quantity fits where the price is not above it.
    limit = Fraction(number(budget))
    steps = cells([_curve(of, meter, usage), curve(limit, [None], [constant(limit)])])
    return tuple(part for fits, part in quantity_ranges(steps, [0 in step.least for step in steps]) if fits)


def quantity_for(
    of: Priced,
    budget: Number,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    step: Number | None = None,
) -> Fraction | None:
    """The largest quantity whose amount is at most *budget*; None where there is no largest.

    Args:
        of: A price, or a plan.
        budget: In the currency of the price or plan.
        meter: What is bought, on a plan.
        usage: What else is used, on a plan.
        step: What the quantity has to be a multiple of: 1 for whole calls. Without it the answer is
            exact; where the end itself costs more already, it is the last quantity of 30 decimals.

    Raises:
        InvalidNumber: If the budget is less than what the smallest quantities cost.

    >>> from tokenbill import PerUnit
    >>> price = PerUnit("0.03").after(100)
    >>> (
    ...     quantity_for(price, 1),
    ...     quantity_for(price, 1, step=1),
    ...     quantity_for(price.capped(1), 1),
    ... )
    (Fraction(400, 3), Fraction(133, 1), None)
    """
    affordable = affordable_quantities(of, budget, meter, usage=usage)
    if affordable and affordable[-1].end is None:
        return None
    grid = None if step is None else _step(step)
    for part in reversed(affordable):
        end = part.end
        assert end is not None  # only the last one may be endless
        if grid is None and part.has_end:
            return end
        # Just below an end that costs more there is no last fraction, only a last one that can be asked for.
        size = Fraction(1, 10**PLACES) if grid is None else grid
        last = (end // size if part.has_end else -(-end // size) - 1) * size
        if last in part:
            return last
    raise InvalidNumber("a budget that buys nothing", budget, "give at least what nothing or one step costs")


def _step(value: Number) -> Fraction:
    step = Fraction(number(value))
    if step <= 0:
        raise InvalidNumber("not a step", value, "give more than zero")
    return step


def marginal_cost(
    of: Priced,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    after: Number | None = None,
    unit: Number = 1,
) -> Fraction:
    """What the next *unit* costs, exactly, before any money is rounded; negative where more costs less.

    Args:
        of: A price, or a plan; also one whose price lists no pieces.
        meter: What is used, on a plan.
        usage: What has been used so far, on a plan.
        after: How many units have been used so far; on a plan, what *usage* says of the meter.
        unit: How many units are meant.

    >>> from tokenbill import PerUnit, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(tokens=PerUnit(3, per=1_000_000)))
    >>> marginal_cost(plan, "tokens", usage={"tokens": 500})
    Fraction(3, 1000000)
    """
    start = _position(of, meter, usage, after)
    # A difference of two points of the curve, which is what a later bill of the period would charge.
    if isinstance(of, Price):
        return of.exact(unit, prior=decimal(start))
    curve_of = along(of, _meter(of, meter), usage=usage)
    return curve_of.at(decimal(start + Fraction(units(unit)))) - curve_of.at(decimal(start))


def next_breakpoint(
    of: Priced,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    after: Number | None = None,
) -> PriceBreak | None:
    """The next price break: the end of a tier, an allowance or a cap, a new package.

    Args:
        of: A price, or a plan, whose minimum and maximum are breakpoints, too.
        meter: What is used, on a plan.
        usage: What has been used so far, on a plan.
        after: How many units have been used so far; on a plan, what *usage* says of the meter.

    Returns:
        The next price break, or None where the rate stays as it is.

    >>> from tokenbill import Graduated, Tier
    >>> price_break = next_breakpoint(
    ...     Graduated([Tier(1000, "0.01"), Tier(None, "0.005")]), after=900
    ... )
    >>> price_break.distance, price_break.rate_after
    (Fraction(100, 1), Fraction(1, 200))
    """
    start = _position(of, meter, usage, after)
    for quantity, before, following in breakpoints(_curve(of, meter, usage), start):
        # Neighbours may join without a change, as tiers of one rate do: that is no price break.
        jump = above(following.form, quantity) - below(before.form, quantity)
        if jump or before.form.rate != following.form.rate:
            return PriceBreak(quantity, quantity - start, before.form.rate, following.form.rate, jump)
    return None


def cliffs(
    of: Priced,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    unit: Number = 1,
    up_to: Number | None = None,
) -> tuple[QuantityRange, ...]:
    """The cliffs of a price: every range of quantities at which one more *unit* makes the amount smaller.

    Volume tiers have them: the last units of a tier cost more than the first of the next.

    Args:
        of: A price, or a plan.
        meter: What is used, on a plan.
        usage: What else is used, on a plan.
        unit: How many units are one more.
        up_to: The largest quantity to look at, for an amount that falls again and again without end.

    Raises:
        InvalidPlan: If it does, or there are too many steps to look at.

    >>> from tokenbill import Tier, Volume
    >>> print(*cliffs(Volume([Tier(1000, "0.01"), Tier(None, "0.005")])))
    (999, 1000]
    """
    pieces = _curve(of, meter, usage)
    more = moved(pieces, _step(unit))
    last = max((piece.end.at for piece in pieces if piece.end is not None), default=NIL)
    stop: Number | None = up_to
    if up_to is None:
        # Beyond the last end the marginal cost only repeats itself: one period of it, whole, shows all.
        again = period(netted(more[-1].form.plus(pieces[-1].form.times(Fraction(-1)))))
        end = -(-(last + again) // 1)
        stop = Decimal(end) if again and end < LIMIT else None

    steps = cells([more, pieces], stop)
    falling = [
        part for is_less, part in quantity_ranges(steps, [step.least == {0} for step in steps]) if is_less
    ]
    if up_to is None and falling and falling[-1].end is not None and falling[-1].end > last:
        way_out = "give the largest quantity to look at: up_to="
        raise InvalidPlan("an amount that falls again and again without end", decimal(last), way_out)
    return tuple(falling)


def _curve(of: Priced, meter: str | None, usage: Usage | Quantities) -> Curve:
    return amounts(of) if isinstance(of, Price) else total_curve(of, _meter(of, meter), usage=usage)


def _meter(plan: object, meter: str | None) -> Meter:
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("neither a price nor a plan", plan, "give one of them")
    if meter is None:
        raise InvalidPlan("a plan without a meter to look along", plan.name, 'name one: meter="api_calls"')
    return Meter(meter)


def _position(of: Priced, meter: str | None, usage: Any, after: Number | None) -> Fraction:
    if after is not None:
        return Fraction(units(after))
    return Fraction(0) if isinstance(of, Price) else Fraction(Usage(usage)[_meter(of, meter)])
