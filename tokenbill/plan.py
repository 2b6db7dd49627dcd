"""Plans: a schedule, and the terms on which what it prices becomes payable."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from tokenbill.canonical import content_hash, name
from tokenbill.currencies import Currency, currency
from tokenbill.errors import InvalidPlan
from tokenbill.memo import Memo, memo
from tokenbill.rounding import Rounding
from tokenbill.schedule import Schedule

__all__ = ["BillingPlan"]


def _schedule(value: Any) -> Schedule:
    if callable(getattr(value, "match", None)) and hasattr(value, "currency"):
        return value  # type: ignore[no-any-return]
    raise InvalidPlan("no schedule of prices", value, 'give one: PriceSchedule(gpu_hours="0.10")')


def _named(value: object) -> str:
    return name(value, what="plan name", empty=True)


def _rounding(value: object) -> Rounding:
    if isinstance(value, Rounding):
        return value
    raise InvalidPlan("no rounding", value, "give a Rounding, as in Rounding(places=2)")


@frozen
class BillingPlan:
    """The terms of a customer: what usage costs, and how it is settled.

    Make one with a named constructor, such as ``BillingPlan.on_demand(prices)``.

    Args:
        prices: A PriceSchedule, or any object with ``match(meter)`` and ``currency``.
        name: What people call the plan; no rule reads it.
        rounding: How exact amounts become payable; the decimals are the currency's unless given.

    Raises:
        InvalidPlan: If a term is not what it should be, or two contradict each other.
        InvalidName: If *name* is too long or holds control characters.

    Source: docs/explanation/stages.md
    """

    prices: Schedule = field(converter=_schedule)
    name: str = field(default="", converter=_named, kw_only=True)
    rounding: Rounding = field(factory=Rounding, converter=_rounding, kw_only=True)
    made: Memo = memo()

    @classmethod
    def on_demand(cls, prices: Schedule, *, name: str = "", rounding: Rounding | None = None) -> BillingPlan:
        """A plan that is settled at once, as usage happens.

        >>> BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10")).currency.code
        'USD'
        """
        return cls(prices, name=name, rounding=rounding or Rounding())

    @property
    def currency(self) -> Currency:
        """What its bills are in."""
        return currency(self.prices.currency)

    def terms(self) -> str:
        """A hash of everything that decides about money, the same in every process.

        A schedule brought by a user counts with its own ``content_hash()``, where it has one.
        """
        terms: str | None = self.made.get("terms")
        if terms is None:
            terms = self.made["terms"] = content_hash((self._prices_hash(), self.currency, self.rounding))
        return terms

    def _prices_hash(self) -> str | None:
        own = getattr(self.prices, "content_hash", None)
        return str(own()) if callable(own) else None
