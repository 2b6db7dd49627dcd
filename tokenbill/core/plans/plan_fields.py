"""Fields of plans: what each is read from, and checked for."""

from __future__ import annotations

from typing import Any

from tokenbill.core.base.inputs import listed_of, name
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.plans.quotas import Quota
from tokenbill.core.plans.taxes import Tax
from tokenbill.core.plans.terms import Discount, Fee
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.errors import CurrencyMismatch, InvalidPlan

__all__ = ["discounts", "fees", "instance_of", "named", "quotas", "schedule", "taxes", "unit"]


def schedule(value: Any) -> Schedule:
    """A schedule, or a book of them in one currency."""
    if callable(getattr(value, "match", None)) and hasattr(value, "currency"):
        return value  # type: ignore[no-any-return]
    from tokenbill.core.pricing.price_book import PriceBook  # few plans have prices by date

    if not isinstance(value, PriceBook):
        raise InvalidPlan("not a schedule of prices", value, 'give one: PriceSchedule(gpu_hours="0.10")')
    for version in value:
        if currency(version.schedule.currency) != value.currency:
            raise CurrencyMismatch(value.currency, version.schedule.currency)
    return value  # type: ignore[return-value]  # a bill reads the schedule of each version


def unit(value: object) -> Currency | None:
    """A currency, or None."""
    return None if value is None else currency(value)


def named(value: object) -> str:
    """What people call a plan."""
    return name(value, what="plan name", empty=True)


def _listed(value: Any, kind: type) -> tuple[Any, ...]:
    """Values of one kind, or one alone."""
    found = (value,) if isinstance(value, kind) else listed_of(value)
    for item in (value,) if found is None else found:
        if not isinstance(item, kind):
            raise InvalidPlan(f"not a {kind.__name__}", item, f"give a list of {kind.__name__}(…)")
    return found or ()


def fees(value: Any) -> tuple[Fee, ...]:
    """Fees, or one alone."""
    return _listed(value, Fee)


def discounts(value: Any) -> tuple[Discount, ...]:
    """Discounts, or one alone."""
    return _listed(value, Discount)


def taxes(value: Any) -> tuple[Tax, ...]:
    """Taxes, or one alone."""
    return _listed(value, Tax)


def quotas(value: Any) -> tuple[Quota, ...]:
    """Quotas, each of another scope or window."""
    found = _listed(value, Quota)
    if len({quota.key for quota in found}) < len(found):
        raise InvalidPlan("two quotas of one scope and window", found[-1].title, "give each its own name=")
    return found


def instance_of(kind: type, *, optional: bool = True) -> Any:
    """A validator: a value of one kind, or None where that is allowed."""

    def check(_: object, attribute: Any, value: object) -> None:
        if not (isinstance(value, kind) or (optional and value is None)):
            raise InvalidPlan(f"{attribute.name} is not a {kind.__name__}", value, f"give a {kind.__name__}")

    return check
