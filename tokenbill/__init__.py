"""tokenbill: AI usage as a bill that can be trusted, exact to the last digit."""

from typing import TYPE_CHECKING

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance, Grant, top_up
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import from_float, number
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.terms import Discount, Fee, Tax
from tokenbill.core.pricing.price import Price
from tokenbill.core.pricing.rates import Flat, Package, PerUnit
from tokenbill.core.pricing.schedule import Entry, PriceSchedule
from tokenbill.core.pricing.tiers import Graduated, Tier, Volume
from tokenbill.core.rating.lines import Adjustment, LineItem
from tokenbill.errors import BalanceExhausted, CurrencyMismatch, TokenbillError, UnpricedUsage

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Contract
    from tokenbill.core.pricing.lint import Finding, lint
    from tokenbill.core.pricing.price_book import PriceBook

__all__ = [
    "Account",
    "Adjustment",
    "Balance",
    "BalanceExhausted",
    "Bill",
    "BillingPlan",
    "Contract",
    "Currency",
    "CurrencyMismatch",
    "Cycle",
    "Discount",
    "Entry",
    "Fee",
    "Finding",
    "Flat",
    "Graduated",
    "Grant",
    "LineItem",
    "Meter",
    "Package",
    "PerUnit",
    "Period",
    "Price",
    "PriceBook",
    "PriceSchedule",
    "Rounding",
    "Tax",
    "Tier",
    "TokenbillError",
    "UnpricedUsage",
    "Usage",
    "Volume",
    "from_float",
    "lint",
    "number",
    "top_up",
]


def __getattr__(name: str) -> object:
    # What few programs ask for is imported on first use, so that all others start faster.
    if name in {"Finding", "lint"}:
        from tokenbill.core.pricing import lint

        return getattr(lint, name)
    if name == "Contract":
        from tokenbill.core.plans import contract

        return contract.Contract
    if name == "PriceBook":
        from tokenbill.core.pricing import price_book

        return price_book.PriceBook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
