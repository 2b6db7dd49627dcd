"""tokenbill: AI usage as a bill that can be trusted, exact to the last digit."""

from tokenbill.account import Account
from tokenbill.bill import Bill
from tokenbill.books import PriceBook
from tokenbill.credits import Balance, Grant
from tokenbill.currencies import Currency
from tokenbill.cycles import Cycle
from tokenbill.errors import BalanceExhausted, CurrencyMismatch, TokenbillError, UnpricedUsage
from tokenbill.lines import Adjustment, LineItem
from tokenbill.meters import Meter
from tokenbill.periods import Period
from tokenbill.plan import BillingPlan
from tokenbill.price import Price
from tokenbill.rates import Flat, Package, PerUnit
from tokenbill.rounding import Rounding
from tokenbill.schedule import PriceSchedule
from tokenbill.terms import Discount, Fee, Tax
from tokenbill.tiers import Graduated, Tier, Volume
from tokenbill.usage import Usage

__all__ = [
    "Account",
    "Adjustment",
    "Balance",
    "BalanceExhausted",
    "Bill",
    "BillingPlan",
    "Currency",
    "CurrencyMismatch",
    "Cycle",
    "Discount",
    "Fee",
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
]
