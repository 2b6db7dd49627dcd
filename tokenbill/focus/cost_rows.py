"""Rows: costs under the names of FOCUS, with whose they are and the periods they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.base.tables import shortest
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidName, InvalidPeriod
from tokenbill.focus.columns import COLUMNS, Row, instant_text, key_values
from tokenbill.focus.costs import Cost
from tokenbill.focus.purchases import Purchase
from tokenbill.focus.skus import Sku, named, skus_of

__all__ = ["Heading", "life_of", "row_of"]

SAID = ("customer", "sub_account", "number")
"""What a bill may say of itself that has a column; the rest become tags."""


def _name(value: Any) -> str:
    return name(value)


def _known(value: Any) -> str | None:
    return None if value is None else name(value)


def _period(value: Any) -> Period | None:
    if value is None or isinstance(value, Period):
        return value
    raise InvalidPeriod("no period", value, "give a Period, or leave it out")


def _tags(value: Any) -> dict[str, str]:
    if not is_mapping(value):
        raise InvalidName("no tags", value, 'give a mapping: {"team": "search"}')
    return {name(key, what="tag"): name(item, what="tag") for key, item in value.items()}


@frozen(kw_only=True)
class Heading:
    """What is the same in many rows: what a bill does not know, as ``focus.rows`` takes it."""

    issuer: str = field(converter=_name)
    provider: str | None = field(default=None, converter=_known)
    publisher: str | None = field(default=None, converter=_known)
    account_id: str | None = field(default=None, converter=_known)
    account_name: str | None = field(default=None, converter=_known)
    sub_account_id: str | None = field(default=None, converter=_known)
    sub_account_name: str | None = field(default=None, converter=_known)
    invoice_id: str | None = field(default=None, converter=_known)
    period: Period | None = field(default=None, converter=_period)
    billing_period: Period | None = field(default=None, converter=_period)
    skus: Mapping[str, Sku] = field(converter=skus_of)
    tags: Mapping[str, str] = field(converter=_tags)

    def columns(
        self, about: Mapping[str, str], currency: str, period: Period | None, *, tz: str = "UTC"
    ) -> Row:
        """The columns that are the same in all rows of one bill."""
        period = period or self.period
        rest = {key: value for key, value in about.items() if key not in SAID}
        return {
            "InvoiceIssuerName": self.issuer,
            "ProviderName": self.provider or self.issuer,
            "PublisherName": self.publisher or self.provider or self.issuer,
            **self._accounts(about),
            "BillingCurrency": currency,
            **ends("BillingPeriod", self.billing_period or period, tz),
            **ends("ChargePeriod", period, tz),
            "Tags": key_values({**rest, **self.tags}),
        }

    def _accounts(self, about: Mapping[str, str]) -> dict[str, str | None]:
        """Whose charges they are: as given here, else as the bill says."""
        account = self.account_id or about.get("customer") or "customer"
        sub_account = self.sub_account_id or about.get("sub_account")
        return {
            "BillingAccountId": account,
            "BillingAccountName": self.account_name or account,
            "SubAccountId": sub_account,
            "SubAccountName": sub_account and (self.sub_account_name or sub_account),
            "InvoiceId": self.invoice_id or about.get("number"),
        }


def ends(which: str, period: Period | None, tz: str) -> dict[str, str | None]:
    """The two columns of a period."""
    start, end = (None, None) if period is None else (period.start, period.end)
    return {
        f"{which}Start": None if start is None else instant_text(start, tz),
        f"{which}End": None if end is None else instant_text(end, tz),
    }


def life_of(purchase: Purchase) -> dict[str, str | None]:
    """The charge period of a purchase: the life of its grant, and where that is open the billing period."""
    grant, period = purchase.grant, purchase.period
    found = ends("ChargePeriod", period, "UTC")
    if grant.starts is not None:
        found["ChargePeriodStart"] = instant_text(grant.starts)
    if grant.expires is not None:
        found["ChargePeriodEnd"] = instant_text(grant.expires)
    start, end = found["ChargePeriodStart"], found["ChargePeriodEnd"]
    if start is not None and end is not None and end < start:  # credit that begins after it was billed
        found["ChargePeriodEnd"] = start
    return {column: text for column, text in found.items() if text is not None}


def row_of(cost: Cost, shared: Row, skus: Mapping[str, Sku]) -> Row:
    """A cost under its names: every column, null where it does not apply."""
    sku = named(cost.kind, cost.meter, cost.label or cost.text, skus)
    region = cost.meter.labels.get("region") if cost.meter is not None else None
    return {
        **dict.fromkeys(COLUMNS),
        **shared,
        "ChargeCategory": cost.category,
        "ChargeDescription": cost.text,
        "ChargeFrequency": cost.frequency,
        "BilledCost": cost.billed,
        "ListCost": cost.list_cost,
        "ContractedCost": cost.contracted_cost,
        "EffectiveCost": cost.effective,
        "ConsumedQuantity": cost.consumed,
        "ConsumedUnit": None if cost.consumed is None else sku.unit,
        "ServiceName": sku.service,
        "ServiceCategory": sku.category,
        "ServiceSubcategory": sku.subcategory,
        "RegionId": region,
        "RegionName": region,
        **_currency(cost, shared),
        **(_priced(cost, sku, shared) if cost.quantity is not None else {}),
    }


def _currency(cost: Cost, shared: Row) -> Row:
    """The currency of prices: the virtual one that a charge was paid in, else that of the bill."""
    if cost.token is None:
        return {"PricingCurrency": shared["BillingCurrency"], "PricingCurrencyEffectiveCost": cost.effective}
    code, _, drawn = cost.token
    return {"PricingCurrency": code, "PricingCurrencyEffectiveCost": drawn}


def _priced(cost: Cost, sku: Sku, shared: Row) -> Row:
    """What only charges with a quantity and a price have."""
    unit = cost.unit or sku.unit
    unit = f"{shortest(cost.per)} {unit}" if cost.per != 1 else unit
    rate = None if cost.token is None else cost.token[1]
    return {
        "PricingCategory": "Standard",
        "PricingQuantity": cost.quantity,
        "PricingUnit": unit,
        "ListUnitPrice": cost.list_price,
        "ContractedUnitPrice": cost.price,
        "PricingCurrencyListUnitPrice": cost.list_price if rate is None else rate,
        "PricingCurrencyContractedUnitPrice": cost.price if rate is None else rate,
        "SkuId": sku.id,
        "SkuMeter": sku.meter,
        "SkuPriceDetails": key_values(dict(sku.details)),
        "SkuPriceId": dict(sku.price_ids).get(cost.label) or _price_id(cost, sku, f"{unit}", shared),
    }


def _price_id(cost: Cost, sku: Sku, unit: str, shared: Row) -> str:
    """An id that says the price: the same for every customer, and another when the list price changes."""
    in_tokens = cost.token is not None and cost.kind == "usage"
    price, code = cost.list_price, shared["BillingCurrency"]
    if cost.token is not None and in_tokens:
        code, price, _ = cost.token
    label = cost.label if cost.meter is not None else ""
    said = (f"{sku.id}", label, "" if price is None else shortest(price), f"{code} per {unit}")
    return "/".join(part for part in said if part)
