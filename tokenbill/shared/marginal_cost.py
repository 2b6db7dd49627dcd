"""Margins: what a budget buys, what the next unit costs, where that changes, where more costs less."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import LIMIT, PLACES, Number, decimal, number
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import units
from tokenbill.core.pricing.curves import NIL, Curve, Piece, above, below, constant, curve
from tokenbill.core.pricing.price import Price
from tokenbill.errors import InvalidNumber, InvalidPlan
from tokenbill.shared.break_even import Stretch, cells, jumps_after, netted, period, stretches
from tokenbill.shared.plan_curve import NO_USAGE, along, amounts, moved, total_curve

__all__ = ["Bend", "affordable", "falls", "next_bend", "next_unit", "quantity_for"]

Asked: TypeAlias = "Price | BillingPlan"
"""A price, which is a curve of its quantity; or a plan, which is one of each meter."""


class Bend(NamedTuple):
    """Where the cost of a next unit changes: at *quantity*, *distance* units ahead.

    There the rate goes from *rate_before* to *rate_after*, per unit, and the amount moves by *jump*,
    which is negative at a cliff.
    """

    quantity: Fraction
    distance: Fraction
    rate_before: Fraction
    rate_after: Fraction
    jump: Fraction


def affordable(
    of: Asked, budget: Number, meter: str | None = None, *, usage: Usage | Quantities = NO_USAGE
) -> tuple[Stretch, ...]:
    """Every stretch of quantities whose amount is at most *budget*; none where even nothing costs more.

    Where a larger quantity may cost less there are several.

    Args:
        of: A price; or a plan, whose exact total is looked at, before any money is rounded.
        budget: In the currency of the price or plan.
        meter: What is bought, on a plan.
        usage: What else is used, on a plan.

    Raises:
        InvalidPlan, InvalidPrice, UnpricedUsage: As ``totals.total_curve`` does.

    >>> from tokenbill import Tier, Volume
    >>> seats = Volume([Tier(10, 5), Tier(None, 4)])
    >>> print(*affordable(seats, 46))  # 9.2 × 5 = 46, 11.5 × 4 = 46
    [0, 9.2] (10, 11.5]
    """
    limit = Fraction(number(budget))
    found = cells([_curve(of, meter, usage), curve(limit, [None], [constant(limit)])])
    return tuple(stretch for fits, stretch in stretches(found, [0 in cell.least for cell in found]) if fits)


def quantity_for(
    of: Asked,
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
    >>> quantity_for(price, 1), quantity_for(price, 1, step=1), quantity_for(price.capped(1), 1)
    (Fraction(400, 3), Fraction(133, 1), None)
    """
    found = affordable(of, budget, meter, usage=usage)
    if found and found[-1].end is None:
        return None
    grid = None if step is None else _grid(step)
    for stretch in reversed(found):
        last = _last(stretch, grid)
        if last is not None:
            return last
    raise InvalidNumber("a budget that buys nothing", budget, "give at least what nothing or one step costs")


def _grid(step: Number) -> Fraction:
    found = Fraction(number(step))
    if found <= 0:
        raise InvalidNumber("no step", step, "give more than zero")
    return found


def _last(stretch: Stretch, grid: Fraction | None) -> Fraction | None:
    """The last multiple of *grid* in a stretch that ends; without one, the end, or what comes before it."""
    end = stretch.end
    assert end is not None  # only the last has none, and then nothing is asked
    if grid is None:
        if stretch.has_end:
            return end
        grid = Fraction(1, 10**PLACES)
    last = (end // grid if stretch.has_end else -(-end // grid) - 1) * grid
    return last if last in stretch else None


def next_unit(
    of: Asked,
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
    >>> next_unit(plan, "tokens", usage={"tokens": 500})
    Fraction(3, 1000000)
    """
    start = _position(of, meter, usage, after)
    if isinstance(of, Price):
        return of.exact(unit, prior=decimal(start))
    curve_of = along(of, _meter(of, meter), usage=usage)
    return curve_of.at(decimal(start + Fraction(units(unit)))) - curve_of.at(decimal(start))


def next_bend(
    of: Asked,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    after: Number | None = None,
) -> Bend | None:
    """Where the cost of a next unit changes next: the end of a tier, an allowance or a cap, a new package.

    Args:
        of: A price, or a plan, on which minimum and maximum bend the curve, too.
        meter: What is used, on a plan.
        usage: What has been used so far, on a plan.
        after: How many units have been used so far; on a plan, what *usage* says of the meter.

    Returns:
        The next bend, or None where the rate stays as it is.

    >>> from tokenbill import Graduated, Tier
    >>> bend = next_bend(Graduated([Tier(1000, "0.01"), Tier(None, "0.005")]), after=900)
    >>> bend.distance, bend.rate_after
    (Fraction(100, 1), Fraction(1, 200))
    """
    start = _position(of, meter, usage, after)
    bends = _bends(_curve(of, meter, usage), start)
    return next((bend for bend in bends if bend.jump or bend.rate_before != bend.rate_after), None)


def falls(
    of: Asked,
    meter: str | None = None,
    *,
    usage: Usage | Quantities = NO_USAGE,
    unit: Number = 1,
    up_to: Number | None = None,
) -> tuple[Stretch, ...]:
    """Where one more *unit* makes the amount smaller: every stretch of quantities for which it does.

    Args:
        of: A price, or a plan.
        meter: What is used, on a plan.
        usage: What else is used, on a plan.
        unit: How many units are one more.
        up_to: The largest quantity to look at, for an amount that falls again and again without end.

    Raises:
        InvalidPlan: If it does, or there are too many steps to look at.

    >>> from tokenbill import Tier, Volume
    >>> print(*falls(Volume([Tier(1000, "0.01"), Tier(None, "0.005")])))
    (999, 1000]
    """
    pieces = _curve(of, meter, usage)
    more = moved(pieces, _grid(unit))
    if up_to is not None:
        return _falls(more, pieces, up_to)
    last = max((piece.end.at for piece in pieces if piece.end is not None), default=NIL)
    found = _falls(more, pieces, _repeating(more, pieces, last))
    if found and found[-1].end is not None and found[-1].end > last:
        way_out = "give the largest quantity to look at: up_to="
        raise InvalidPlan("an amount that falls again and again without end", decimal(last), way_out)
    return found


def _falls(more: Curve, pieces: Curve, up_to: Number | None) -> tuple[Stretch, ...]:
    found = cells([more, pieces], up_to)
    return tuple(run for falling, run in stretches(found, [cell.least == {0} for cell in found]) if falling)


def _repeating(more: Curve, pieces: Curve, last: Fraction) -> Decimal | None:
    """One period past the last end, whole: beyond it, what one more unit costs only repeats itself.

    None where it is the same everywhere there.
    """
    again = period(netted(more[-1].form.plus(pieces[-1].form.times(Fraction(-1)))))
    end = -(-(last + again) // 1)
    return Decimal(end) if again and end < LIMIT else None


def _curve(of: Asked, meter: str | None, usage: Usage | Quantities) -> Curve:
    return amounts(of) if isinstance(of, Price) else total_curve(of, _meter(of, meter), usage=usage)


def _meter(plan: object, meter: str | None) -> Meter:
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("neither a price nor a plan", plan, "give one of them")
    if meter is None:
        raise InvalidPlan("a plan without a meter to look along", plan.name, 'name one: meter="api_calls"')
    return Meter(meter)


def _position(of: Asked, meter: str | None, usage: Any, after: Number | None) -> Fraction:
    if after is not None:
        return Fraction(units(after))
    return Fraction(0) if isinstance(of, Price) else Fraction(Usage(usage)[_meter(of, meter)])


def _bends(pieces: Curve, start: Fraction) -> Iterator[Bend]:
    """The ends of pieces and the jumps within them, after *start*."""
    low = start
    while True:
        piece = _behind(pieces, low)
        jumps = [next(jumps_after(step, low)) for step in piece.form.steps]
        ends = [piece.end.at] if piece.end is not None else []
        if not (jumps or ends):
            return
        low = min(*jumps, *ends) if jumps and ends else min(jumps or ends)
        yield _bend(piece, _behind(pieces, low), low, start)


def _behind(pieces: Curve, quantity: Fraction) -> Piece:
    """The piece just above a quantity."""
    return next(piece for piece in pieces if piece.end is None or piece.end > (quantity, True))


def _bend(before: Piece, after: Piece, quantity: Fraction, start: Fraction) -> Bend:
    jump = above(after.form, quantity) - below(before.form, quantity)
    return Bend(quantity, quantity - start, before.form.rate, after.form.rate, jump)
