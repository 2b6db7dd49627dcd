"""Cost allocation (showback, chargeback): one bill shared between tenants, to the last minor unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import currency
from tokenbill.core.money.decimals import ZERO, Exact, Number, number
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidRounding, InvalidUsage

__all__ = ["by_peak", "by_use", "share"]

Tenant = TypeVar("Tenant")


def share(
    shared: Bill | Adjustment,
    weights: Mapping[Tenant, Exact | Number],
    *,
    rounding: Rounding | None = None,
) -> dict[Tenant, Decimal]:
    """Allocate the total of a bill, or of a correction, by weights: the parts sum to it exactly.

    Each tenant gets the floor of its share; the minor units left go to the largest fractions, ties in
    the order of the weights. A negative total mirrors the positive one, and a weight of zero gets nothing.

    Args:
        shared: What is split, of either sign.
        weights: The allocation key: by tenant, zero or more, at least one above zero.
        rounding: Whose places the parts have. Otherwise those of the bill's plan; for a correction that
            knows no plan, those of its currency, or as many as its totals have.

    Raises:
        InvalidRounding: If the weights cannot share an amount, or the places cannot hold the total.
        InvalidCurrency: If a correction in a virtual unit comes without a rounding that says its places.

    >>> from tokenbill import PriceSchedule
    >>> bill = Bill.of(
    ...     Usage(gpu_hours=10), BillingPlan.on_demand(PriceSchedule(gpu_hours=1))
    ... )
    >>> share(bill, {"red": 1, "blue": 1, "green": 1})
    {'red': Decimal('3.34'), 'blue': Decimal('3.33'), 'green': Decimal('3.33')}
    """
    if not isinstance(shared, Bill | Adjustment):
        raise InvalidRounding("not a bill to share", shared, "give a bill, or the difference of two")
    if not isinstance(weights, Mapping):
        raise InvalidRounding("not weights by tenant", weights, 'give a mapping: {"red": 1, "blue": 2}')

    policy, places = rounding or Rounding(), None
    if isinstance(shared, Bill):
        policy, places = rounding or shared.plan.rounding, shared.plan.currency.places
    elif policy.places is None:
        places = shared.places
        if places is None:
            digits = (-int(amount.as_tuple().exponent) for amount in (shared.before, shared.after))
            places = max(currency(shared.currency).places, *digits)

    # Rounding the total first would share out another amount than the one that was billed.
    if Fraction(shared.total) * 10 ** policy.known_places(places) % 1:
        way_out = "leave rounding out, or give it as many places as the total has"
        raise InvalidRounding("places that cannot hold the total", shared.total, way_out)
    return dict(zip(weights, policy.allocate(shared.total, weights.values(), places=places), strict=True))


def by_use(usages: Mapping[Tenant, Usage], plan: BillingPlan) -> dict[Tenant, Fraction]:
    """Weights by consumption: what each tenant's own usage would come to, exactly, with the fees of the plan.

    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10"))
    >>> by_use({"red": Usage(gpu_hours=1), "blue": Usage(gpu_hours=3)}, plan)
    {'red': Fraction(1, 10), 'blue': Fraction(3, 10)}
    """
    # Exact amounts, for rounded ones would weigh small tenants by their rounding.
    return {tenant: Bill.of(usage, plan).exact for tenant, usage in _by_tenant(usages).items()}


def by_peak(readings: Mapping[Tenant, Iterable[Number]]) -> dict[Tenant, Decimal]:
    """Weights by peak demand: the largest reading of each tenant, zero where there is none.

    Raises:
        InvalidUsage: If a reading is negative.

    >>> by_peak({"red": [2, 8, 4], "blue": []})
    {'red': Decimal('8'), 'blue': Decimal('0')}
    """
    peaks: dict[Tenant, Decimal] = {}
    for tenant, series in _by_tenant(readings).items():
        quantities = [number(reading) for reading in listed_of(series) or ()]
        if any(quantity < 0 for quantity in quantities):
            raise InvalidUsage("a negative reading", min(quantities), "give zero or more")
        peaks[tenant] = max(quantities, default=ZERO)
    return peaks


def _by_tenant(values: Any) -> Mapping[Any, Any]:
    if not is_mapping(values):
        raise InvalidUsage("not a mapping by tenant", values, 'give one: {"red": …, "blue": …}')
    return values
