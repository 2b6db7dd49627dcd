"""tokenbill: AI usage as a bill that can be trusted, exact to the last digit."""

from tokenbill.account import Account
from tokenbill.bill import Bill
from tokenbill.books import PriceBook
from tokenbill.currencies import Currency
from tokenbill.errors import CurrencyMismatch, TokenbillError, UnpricedUsage
from tokenbill.lines import Adjustment, LineItem
from tokenbill.meters import Meter
from tokenbill.plan import BillingPlan
from tokenbill.price import Price
from tokenbill.rates import Flat, Package, PerUnit
from tokenbill.rounding import Rounding
from tokenbill.schedule import PriceSchedule
from tokenbill.tiers import Graduated, Tier, Volume
from tokenbill.usage import Usage

__all__ = [
    "Account",
    "Adjustment",
    "Bill",
    "BillingPlan",
    "Currency",
    "CurrencyMismatch",
    "Flat",
    "Graduated",
    "LineItem",
    "Meter",
    "Package",
    "PerUnit",
    "Price",
    "PriceBook",
    "PriceSchedule",
    "Rounding",
    "Tier",
    "TokenbillError",
    "UnpricedUsage",
    "Usage",
    "Volume",
]
