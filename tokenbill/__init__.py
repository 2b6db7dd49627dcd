"""tokenbill: AI usage as a bill that can be trusted, exact to the last digit."""

from importlib import import_module
from typing import TYPE_CHECKING

from tokenbill.errors import BalanceExhausted, CurrencyMismatch, TokenbillError, UnpricedUsage

if TYPE_CHECKING:
    from tokenbill.core.billing.account import Account
    from tokenbill.core.billing.adjustment import Adjustment
    from tokenbill.core.billing.bill import Bill
    from tokenbill.core.billing.breakdown import Breakdown, BreakdownRow
    from tokenbill.core.billing.invoice import Invoice
    from tokenbill.core.billing.journal import Journal, Posting, journal
    from tokenbill.core.billing.top_up_rules import TopUp
    from tokenbill.core.credits.balance import Balance, Grant
    from tokenbill.core.credits.holds import Hold
    from tokenbill.core.credits.recurring import Grants
    from tokenbill.core.credits.topups import top_up
    from tokenbill.core.metering.meters import Meter
    from tokenbill.core.metering.usage import Usage
    from tokenbill.core.money.currencies import Currency
    from tokenbill.core.money.decimals import from_float, number
    from tokenbill.core.money.rounding import Rounding
    from tokenbill.core.periods.cycle import Cycle
    from tokenbill.core.periods.period import Period
    from tokenbill.core.plans.commitments import Commitment
    from tokenbill.core.plans.contract import Contract
    from tokenbill.core.plans.contract_lint import TermFinding
    from tokenbill.core.plans.limits import Limit
    from tokenbill.core.plans.plan import BillingPlan
    from tokenbill.core.plans.quotas import Quota
    from tokenbill.core.plans.taxes import Tax
    from tokenbill.core.plans.terms import Discount, Fee
    from tokenbill.core.plans.trial import Trial
    from tokenbill.core.pricing.lint import Finding, lint
    from tokenbill.core.pricing.of import Amount
    from tokenbill.core.pricing.price import Price
    from tokenbill.core.pricing.price_book import PriceBook
    from tokenbill.core.pricing.rates import Flat, Package, PerUnit
    from tokenbill.core.pricing.schedule import Entry, PriceSchedule
    from tokenbill.core.pricing.tiers import Graduated, Tier, Volume
    from tokenbill.core.rating.lines import LineItem

__all__ = [
    "Account",
    "Adjustment",
    "Amount",
    "Balance",
    "BalanceExhausted",
    "Bill",
    "BillingPlan",
    "Breakdown",
    "BreakdownRow",
    "Commitment",
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
    "Grants",
    "Hold",
    "Invoice",
    "Journal",
    "Limit",
    "LineItem",
    "Meter",
    "Package",
    "Posting",
    "PerUnit",
    "Period",
    "Price",
    "PriceBook",
    "PriceSchedule",
    "Quota",
    "Rounding",
    "Tax",
    "TermFinding",
    "Tier",
    "TokenbillError",
    "TopUp",
    "Trial",
    "UnpricedUsage",
    "Usage",
    "Volume",
    "from_float",
    "journal",
    "lint",
    "number",
    "top_up",
]

# Where each name lives. It is imported on first use: a program that only reads records starts without
# the calculator, and nobody waits for terms that none of his plans has.
_MODULES = {
    "billing.account": ("Account",),
    "billing.adjustment": ("Adjustment",),
    "billing.bill": ("Bill",),
    "billing.invoice": ("Invoice",),
    "billing.journal": ("Journal", "Posting", "journal"),
    "billing.top_up_rules": ("TopUp",),
    "billing.breakdown": ("Breakdown", "BreakdownRow"),
    "credits.balance": ("Balance", "Grant"),
    "credits.holds": ("Hold",),
    "credits.recurring": ("Grants",),
    "credits.topups": ("top_up",),
    "metering.meters": ("Meter",),
    "metering.usage": ("Usage",),
    "money.currencies": ("Currency",),
    "money.decimals": ("from_float", "number"),
    "money.rounding": ("Rounding",),
    "periods.cycle": ("Cycle",),
    "periods.period": ("Period",),
    "plans.commitments": ("Commitment",),
    "plans.contract": ("Contract",),
    "plans.contract_lint": ("TermFinding",),
    "plans.limits": ("Limit",),
    "plans.plan": ("BillingPlan",),
    "plans.quotas": ("Quota",),
    "plans.taxes": ("Tax",),
    "plans.terms": ("Discount", "Fee"),
    "plans.trial": ("Trial",),
    "pricing.lint": ("Finding", "lint"),
    "pricing.of": ("Amount",),
    "pricing.price": ("Price",),
    "pricing.price_book": ("PriceBook",),
    "pricing.rates": ("Flat", "Package", "PerUnit"),
    "pricing.schedule": ("Entry", "PriceSchedule"),
    "pricing.tiers": ("Graduated", "Tier", "Volume"),
    "rating.lines": ("LineItem",),
}
_HOME = {name: f"tokenbill.core.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
