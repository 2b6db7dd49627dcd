"""What the terms of a plan read: levels, which a bill is told, and usage, which it has.

An allowance, a fee or a limit may be a curve of another quantity. It reads what a period comes to so far and
nothing else, so that splitting a period changes nothing; and none of them may wait for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import FEE, Scope, covers
from tokenbill.core.plans.plan_scopes import check_quantity, check_scope, entries_of
from tokenbill.core.pricing.of import Of
from tokenbill.errors import InvalidMeter, InvalidPlan

__all__ = ["check_readings", "curves_of", "is_metered", "level_names", "reads"]


def curves_of(plan: Any) -> Iterator[tuple[str, Of]]:
    """The curves of other quantities in a plan, each with what it makes: a fee, an entry's price, a limit."""
    for fee in plan.fees:
        if fee.curve is not None:
            yield FEE + fee.name, fee.curve
    for allowance in plan.allowances:
        if isinstance(allowance.units, Of):
            for entry in allowance.entries:
                yield str(entry), allowance.units
    for kind, limits in (("minimum", plan.minima), ("maximum", plan.maxima)):
        yield from ((kind, limit.amount) for limit in limits if isinstance(limit.amount, Of))


def is_metered(plan: Any, name: str) -> bool:
    """Whether a name is a meter that the plan prices; what it is no meter of is a level."""
    if any(fee.level == name for fee in plan.fees):
        return False
    try:
        meter = Meter(name)
    except InvalidMeter:
        return False
    entries = entries_of(plan.prices)
    return entries is None or any(meter.includes(entry.key) for entry in entries)


def level_names(plan: Any) -> frozenset[str]:
    """The levels that a plan reads."""
    return frozenset(of.of for _, of in curves_of(plan) if of.of and not is_metered(plan, of.of))


def reads(of: Of, kind: str | tuple[str, ...], meter: Meter | None) -> bool:
    """Whether a curve reads a charge: what was used of it, or what it comes to."""
    if of.amount_of is not None:
        return covers(of.amount_of, kind, meter)
    return meter is not None and Meter(of.of).includes(meter)


def check_readings(plan: Any) -> None:
    """What curves read is there, and none waits for itself.

    Raises:
        InvalidPlan: Naming the path of what waits for itself.
    """
    amounts = dict[str, list[Scope]]()
    for name, of in curves_of(plan):
        if of.of and not is_metered(plan, of.of):
            check_quantity(of.of, plan)
        if of.amount_of is not None:
            check_scope("a curve of an amount", of.amount_of, [plan])
            # a true-up comes after discounts and maximum: a fee that read it would have to be there before
            if "minimum" in of.amount_of:
                raise InvalidPlan("a curve of what comes after it", "minimum", "read fees or usage")
            if plan.token_price is not None:
                raise InvalidPlan("a curve of an amount in tokens", of.name, "read what was used of a meter")
            amounts.setdefault(name, []).append(of.amount_of)
    for name in amounts:
        _follow(name, amounts, ())


def _follow(name: str, amounts: dict[str, list[Scope]], path: tuple[str, ...]) -> None:
    if name in path:
        circle = " → ".join([*path[path.index(name) :], name])
        raise InvalidPlan("amounts that wait for each other", circle, "let one of them read something else")
    for on in amounts.get(name, ()):
        for other in amounts:
            is_read = covers(on, other) if other.startswith(FEE) else covers(on, "usage", Meter(other))
            if is_read and other not in ("minimum", "maximum"):
                _follow(other, amounts, (*path, name))
