"""Plans at levels: numbers in the place of what is a curve of a level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from attrs import evolve

from tokenbill.core.money.decimals import Exact
from tokenbill.core.plans.limits import Limit
from tokenbill.core.plans.plan_scopes import nearest
from tokenbill.core.plans.terms import Fee
from tokenbill.core.pricing.of import Of
from tokenbill.errors import InvalidPlan, InvalidUsage

__all__ = ["check_known", "fixed"]


def check_known(told: Iterable[str], names: Collection[str]) -> None:
    """Refuse a level that no term reads.

    Raises:
        InvalidUsage: With the nearest one that is read.
    """
    for name in told:
        if name not in names:
            raise InvalidUsage("a level that no term reads", name, nearest(name, names))


def fixed(plan: Any, values: Mapping[str, Decimal]) -> Any:
    """A plan at certain levels: its terms with numbers in the place of curves of levels.

    Raises:
        InvalidUsage: If one of its levels is not among *values*, or another one is.
        InvalidPlan: If an amount does not terminate as a decimal.
    """
    # a misspelt level would leave its fee at nothing
    check_known(values, plan.levels)
    if missing := sorted(plan.levels - values.keys()):
        raise InvalidUsage("a level that was not told", missing[0], f"give it, too: {{{missing[0]!r}: 3}}")

    def at(due: Any) -> Any:
        if not isinstance(due, Of) or due.of not in values:
            return due
        found: Exact = due.at(values[due.of])
        if not isinstance(found, Decimal):
            raise InvalidPlan("an amount that no decimal holds", found, "name a period: period=Period(…)")
        return found

    def at_level(fee: Fee) -> Fee:
        return fee if fee.curve is None else evolve(fee, amount=at(fee.curve), level=None)

    limits = (plan.minima, plan.maxima)
    least, most = ([cast(Limit, evolve(it, amount=at(it.amount))) for it in each] for each in limits)
    included = [evolve(it, units=at(it.units)) for it in plan.allowances]
    return evolve(
        plan, fees=[at_level(it) for it in plan.fees], included=included, minimum=least, maximum=most
    )
