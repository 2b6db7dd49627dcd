"""Sharing: one bill split over tenants, by weights, by use or by peak, to the last minor unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from tokenbill.core.base.hashing import is_mapping, listed_of
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import ZERO, Exact, Number, number
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.lines import Adjustment
from tokenbill.errors import InvalidRounding, InvalidUsage

__all__ = ["by_peak", "by_use", "share"]

Tenant = TypeVar("Tenant")


def share(
    shared: Bill | Adjustment,
    weights: Mapping[Tenant, Exact | Number],
    *,
    rounding: Rounding | None = None,
) -> dict[Tenant, Decimal]:
    """The total of a bill, or of a correction, split by weights: the parts sum to it exactly.

    Each tenant gets the floor of its share; the minor units left go to the largest fractions, ties in
    the order given. A negative total mirrors the positive one, and a weight of zero gets nothing.

    Args:
        shared: What is split, of either sign.
        weights: By tenant, zero or more, at least one above zero.
        rounding: Whose places the parts have; that of the bill's plan unless given.

    Raises:
        InvalidRounding: If the weights cannot share an amount, or an adjustment comes without rounding.

    >>> from tokenbill import PriceSchedule
    >>> bill = Bill.of(Usage(gpu_hours=10), BillingPlan.on_demand(PriceSchedule(gpu_hours=1)))
    >>> share(bill, {"red": 1, "blue": 1, "green": 1})
    {'red': Decimal('3.34'), 'blue': Decimal('3.33'), 'green': Decimal('3.33')}
    """
    if not isinstance(shared, Bill | Adjustment):
        raise InvalidRounding("nothing to share", shared, "give a bill, or the difference of two")
    if not isinstance(weights, Mapping):
        raise InvalidRounding("no weights by tenant", weights, 'give a mapping: {"red": 1, "blue": 2}')
    policy = rounding or (shared.plan.rounding if isinstance(shared, Bill) else Rounding())
    unit = shared.plan.currency if isinstance(shared, Bill) else _unit(shared, policy)
    places = None if unit is None else unit.places
    return dict(zip(weights, policy.allocate(shared.total, weights.values(), places=places), strict=True))


def _unit(note: Adjustment, policy: Rounding) -> Currency | None:
    """The currency of a correction, unless the rounding says its places, which a virtual unit lacks."""
    return None if policy.places is not None else currency(note.currency)


def by_use(usages: Mapping[Tenant, Usage], plan: BillingPlan) -> dict[Tenant, Fraction]:
    """Weights by use: what each tenant's own usage would come to, exactly, with the fees of the plan.

    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10"))
    >>> by_use({"red": Usage(gpu_hours=1), "blue": Usage(gpu_hours=3)}, plan)
    {'red': Fraction(1, 10), 'blue': Fraction(3, 10)}
    """
    return {tenant: Bill.of(usage, plan).exact for tenant, usage in _by_tenant(usages).items()}


def by_peak(readings: Mapping[Tenant, Iterable[Number]]) -> dict[Tenant, Decimal]:
    """Weights by peak: the largest reading of each tenant, zero where there is none.

    Raises:
        InvalidUsage: If a reading is negative.

    >>> by_peak({"red": [2, 8, 4], "blue": []})
    {'red': Decimal('8'), 'blue': Decimal('0')}
    """
    return {
        tenant: max(map(_reading, listed_of(series) or ()), default=ZERO)
        for tenant, series in _by_tenant(readings).items()
    }


def _by_tenant(values: Any) -> Mapping[Any, Any]:
    if not is_mapping(values):
        raise InvalidUsage("nothing by tenant", values, 'give a mapping: {"red": …, "blue": …}')
    return values


def _reading(value: Number) -> Decimal:
    reading = number(value)
    if reading < 0:
        raise InvalidUsage("a negative reading", value, "give zero or more")
    return reading
