"""Charge rows: costs under the names of FOCUS, with whose they are and the periods they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypedDict

from attrs import field, frozen
from attrs.converters import optional

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.base.tables import shortest
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.period import period as checked_period
from tokenbill.errors import InvalidName, InvalidPeriod
from tokenbill.shared.focus.columns import COLUMNS, Row, instant_text, key_values
from tokenbill.shared.focus.costs import Cost
from tokenbill.shared.focus.purchases import Purchase
from tokenbill.shared.focus.skus import Sku, sku_of, skus_of

__all__ = ["Heading", "HeadingNames", "charge_period", "ends", "life_of", "row_of"]

NOTHING: Mapping[str, Any] = MappingProxyType({})
NAMED_COLUMNS = ("customer", "sub_account", "number")
"""What a bill may be ``about`` that has a column; the rest become tags."""


class HeadingNames(TypedDict, total=False):
    """What a heading may say beside the issuer, as arguments of a function."""

    provider: str | None
    publisher: str | None
    account_id: str | None
    account_name: str | None
    sub_account_id: str | None
    sub_account_name: str | None
    invoice_id: str | None
    billing_period: Period | None
    skus: Mapping[str, Sku]
    tags: Mapping[str, str]


def _tags(value: Any) -> dict[str, str]:
    if not is_mapping(value):
        raise InvalidName("not tags", value, 'give a mapping: {"team": "search"}')
    return {name(key, what="tag"): name(item, what="tag") for key, item in value.items()}


@frozen(kw_only=True)
class Heading:
    """What is the same in many rows: what a bill does not know, as ``focus.rows`` takes it."""

    issuer: str = field(converter=name)
    provider: str | None = field(default=None, converter=optional(name))
    publisher: str | None = field(default=None, converter=optional(name))
    account_id: str | None = field(default=None, converter=optional(name))
    account_name: str | None = field(default=None, converter=optional(name))
    sub_account_id: str | None = field(default=None, converter=optional(name))
    sub_account_name: str | None = field(default=None, converter=optional(name))
    invoice_id: str | None = field(default=None, converter=optional(name))
    period: Period | None = field(default=None, converter=optional(checked_period))
    billing_period: Period | None = field(default=None, converter=optional(checked_period))
    skus: Mapping[str, Sku] = field(default=NOTHING, converter=skus_of)
    tags: Mapping[str, str] = field(default=NOTHING, converter=_tags)

    def columns(
        self, about: Mapping[str, str], currency: str, period: Period | None, *, tz: str = "UTC"
    ) -> Row:
        """The columns that are the same in all rows of one bill."""
        if self.period is not None and period not in (None, self.period):
            # One of the two would be left out without a word, and the rows lie in a month nobody asked for.
            way_out = f"leave out period=, or say when it is invoiced: billing_period={self.period}"
            raise InvalidPeriod("another period than that of the bill", period, way_out)
        # Both periods are asked of every row; a correction is invoiced in another one than it is about.
        period = period or self.period
        account = self.account_id or about.get("customer")
        if account is None:
            way_out = 'say it: account_id="acme", or about={"customer": "acme"} to each bill'
            raise InvalidName("no billing account", account, way_out)
        sub_account = self.sub_account_id or about.get("sub_account")
        rest = {key: value for key, value in about.items() if key not in NAMED_COLUMNS}
        return {
            "InvoiceIssuerName": self.issuer,
            "ProviderName": self.provider or self.issuer,
            "PublisherName": self.publisher or self.provider or self.issuer,
            "BillingAccountId": account,
            "BillingAccountName": self.account_name or account,
            "SubAccountId": sub_account,
            "SubAccountName": sub_account and (self.sub_account_name or sub_account),
            "InvoiceId": self.invoice_id or about.get("number"),
            "BillingCurrency": currency,
            **ends("BillingPeriod", self.billing_period or period, tz),
            **ends("ChargePeriod", period, tz),
            "Tags": key_values({**rest, **self.tags}),
        }


def ends(which: str, period: Period | None, tz: str) -> dict[str, str | None]:
    """The two columns of a period."""
    start, end = (None, None) if period is None else (period.start, period.end)
    return {
        f"{which}Start": None if start is None else instant_text(start, tz),
        f"{which}End": None if end is None else instant_text(end, tz),
    }


def charge_period(cost: Cost, tz: str) -> dict[str, str | None]:
    """The charge period of a cost that is of a part of its bill's period, where the terms change in it."""
    return {} if cost.period is None else ends("ChargePeriod", cost.period, tz)


def life_of(purchase: Purchase) -> dict[str, str | None]:
    """The charge period of a purchase: the life of its grant, and where that is open the billing period."""
    # FOCUS dates prepaid credit by its validity: that is when what it pays for may be used.
    grant, period = purchase.grant, purchase.period
    life = ends("ChargePeriod", period, "UTC")
    if grant.starts is not None:
        life["ChargePeriodStart"] = instant_text(grant.starts)
    if grant.expires is not None:
        life["ChargePeriodEnd"] = instant_text(grant.expires)
    # Credit may begin after the period in which it was billed; no period ends before it starts.
    start, end = life["ChargePeriodStart"], life["ChargePeriodEnd"]
    if start is not None and end is not None and end < start:
        life["ChargePeriodEnd"] = start
    return {column: text for column, text in life.items() if text is not None}


def row_of(cost: Cost, shared: Row, skus: Mapping[str, Sku]) -> Row:
    """A cost under its names: every column, null where it does not apply."""
    sku = sku_of(cost.kind, cost.meter, cost.label or cost.text, skus)
    region = cost.meter.labels.get("region") if cost.meter is not None else None
    # The currency of prices is the virtual one that a charge was paid in, else that of the bill.
    currency, drawn = shared["BillingCurrency"], cost.effective
    if cost.token is not None:
        currency, _, drawn = cost.token
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
        "PricingCurrency": currency,
        "PricingCurrencyEffectiveCost": drawn,
        **({} if cost.quantity is None else _price_columns(cost, sku, shared)),
    }


def _price_columns(cost: Cost, sku: Sku, shared: Row) -> Row:
    """What only charges with a quantity and a price have."""
    # FOCUS writes blocks into the unit: "1000000 Tokens", and counts blocks.
    unit = cost.unit or sku.unit
    unit = f"{shortest(cost.per)} {unit}" if cost.per != 1 else unit
    rate = None if cost.token is None else cost.token[1]

    # The id says the price: the same for every customer, and another when the list price changes.
    price, code = cost.list_price, shared["BillingCurrency"]
    if cost.token is not None and cost.kind == "usage":
        code, price, _ = cost.token
    label = cost.label if cost.meter is not None else ""
    parts = (f"{sku.id}", label, "" if price is None else shortest(price), f"{code} per {unit}")
    price_id = "/".join(part for part in parts if part)
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
        "SkuPriceId": dict(sku.price_ids).get(cost.label) or price_id,
    }
