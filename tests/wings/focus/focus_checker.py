"""What FOCUS 1.2 asks of rows and no validator looks at: rules across the columns of a row, and of all rows.

Written from the text of the specification, and knows nothing of how the package makes its rows.
"""

import json
import re
from decimal import Context, Decimal, localcontext

EXACTLY = Context(prec=2000)

MANDATORY_COLUMNS = """
    BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart
    ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost
    EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit ProviderName PublisherName
    ServiceCategory ServiceName
"""
OTHER_COLUMNS = """
    AvailabilityZone BillingAccountType CapacityReservationId CapacityReservationStatus ChargeFrequency
    CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
    CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
    ContractedUnitPrice InvoiceId ListUnitPrice PricingCategory PricingCurrency
    PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice
    RegionId RegionName ResourceId ResourceName ResourceType ServiceSubcategory SkuId SkuMeter
    SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags
"""

MANDATORY = frozenset(MANDATORY_COLUMNS.split())
NEVER_NULL = MANDATORY - {
    "BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit",
}  # fmt: skip
FOCUS = MANDATORY | frozenset(OTHER_COLUMNS.split())
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {None, "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {None, "Standard", "Dynamic", "Committed", "Other"},
    "CommitmentDiscountStatus": {None, "Used", "Unused"},
}
SUBCATEGORIES = {
    "AI and Machine Learning": {"Generative AI", "Machine Learning", "Other (AI and Machine Learning)"},
    "Compute": {"Virtual Machines", "Containers", "Other (Compute)"},
    "Other": {"Other (Other)"},
}
"""Those that our own tests use."""
PRICED = (
    "ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "PricingCategory", "SkuId",
    "SkuPriceId",
)  # fmt: skip
DETAILS = {
    "CoreCount", "DiskMaxIops", "DiskSpace", "DiskType", "GpuCount", "InstanceType", "InstanceSeries",
    "MemorySize", "NetworkMaxIops", "NetworkMaxThroughput", "OperatingSystem", "Redundancy", "StorageClass",
}  # fmt: skip
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
UNIT = re.compile(r"([1-9][0-9]* )?[A-Z][A-Za-z-]*s")


def total(rows, column, **where):
    """The sum of a column over the rows that have these values, to the last digit."""
    with localcontext(EXACTLY):
        chosen = (row for row in rows if all(row[key] == value for key, value in where.items()))
        return sum((row[column] for row in chosen), Decimal(0))


def faults(rows):
    """Every rule that rows break, as pairs of the place of the row and the rule; none for good rows."""
    with localcontext(EXACTLY):
        found = [(place, rule) for place, row in enumerate(rows) for rule in _faults_of(row)]
        return found + [(None, rule) for rule in _across(rows)]


def _faults_of(row):
    yield from _columns(row)
    yield from _values(row)
    yield from _prices(row)
    yield from _quantities(row)
    yield from _costs(row)
    yield from _texts(row)


def _columns(row):
    for column in MANDATORY - set(row):
        yield f"{column} is missing"
    for column in NEVER_NULL:
        if row.get(column) is None:
            yield f"{column} is null"
    for column in set(row) - FOCUS:
        if not column.startswith("x_"):
            yield f"{column} is no column"


def _values(row):
    for column, allowed in ALLOWED.items():
        if row.get(column) not in allowed:
            yield f"{column} is not one of its values"
    if row.get("ServiceSubcategory") not in SUBCATEGORIES.get(row.get("ServiceCategory"), ()):
        yield "ServiceSubcategory is not one of its category"
    if row.get("ChargeCategory") == "Purchase" and row.get("ChargeFrequency") == "Usage-Based":
        yield "a purchase is not based on usage"
    for column in ("Region", "SubAccount"):
        if (row.get(f"{column}Id") is None) != (row.get(f"{column}Name") is None):
            yield f"{column}Name is null exactly when {column}Id is"


def _prices(row):
    category, correction = row.get("ChargeCategory"), row.get("ChargeClass") == "Correction"
    for column in PRICED:
        if category in ("Usage", "Purchase") and not correction and row.get(column) is None:
            yield f"{column} is null on {category}"
        if category == "Tax" and row.get(column) is not None:
            yield f"{column} is not null on Tax"
    for column in ("ListUnitPrice", "ContractedUnitPrice"):
        if (row.get(column) or 0) < 0:
            yield f"{column} is negative"
        if category == "Tax" and row.get(f"PricingCurrency{column}") is not None:
            yield f"PricingCurrency{column} is not null on Tax"
        cost = row.get(column.removesuffix("UnitPrice") + "Cost")
        if row.get(column) is not None and not correction and row[column] * row["PricingQuantity"] != cost:
            yield f"{column} × PricingQuantity is not the cost"


def _quantities(row):
    category = row.get("ChargeCategory")
    if category == "Usage" and row.get("ConsumedQuantity") is None:
        yield "ConsumedQuantity is null on Usage"
    if category != "Usage" and row.get("ConsumedQuantity") is not None:
        yield "ConsumedQuantity is not null"
    for kind in ("Consumed", "Pricing"):
        if (row.get(f"{kind}Quantity") is None) != (row.get(f"{kind}Unit") is None):
            yield f"{kind}Unit is null exactly when {kind}Quantity is"
        if row.get(f"{kind}Unit") is not None and not UNIT.fullmatch(row[f"{kind}Unit"]):
            yield f"{kind}Unit is no unit"


def _costs(row):
    if row.get("ChargeCategory") == "Credit":
        costs = {row["BilledCost"], row["EffectiveCost"], row["ListCost"], row["ContractedCost"]}
        if len(costs) > 1:
            yield "the costs of a credit are not the same"
    for column, value in row.items():
        is_number = type(value) is Decimal and value.is_finite()
        if column.endswith(("Cost", "Price", "Quantity")) and value is not None and not is_number:
            yield f"{column} is no number"


def _texts(row):
    for column in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"):
        if not INSTANT.fullmatch(row.get(column) or ""):
            yield f"{column} is no instant in UTC"
    for period in ("BillingPeriod", "ChargePeriod"):
        if (row.get(f"{period}Start") or "") > (row.get(f"{period}End") or ""):
            yield f"{period} is reversed"
    for column in ("Tags", "SkuPriceDetails"):
        pairs = json.loads(row.get(column) or "{}", object_pairs_hook=list)
        if any(isinstance(value, list) for _, value in pairs):
            yield f"{column} is nested"
        if len({key for key, _ in pairs}) < len(pairs):
            yield f"{column} has a key twice"
        if column == "SkuPriceDetails" and any(k not in DETAILS and not k.startswith("x_") for k, _ in pairs):
            yield "SkuPriceDetails has an unknown key"


def _across(rows):
    parents, columns = {}, {frozenset(row) for row in rows}
    for row in rows:
        if row.get("SkuPriceId") is not None:
            parents.setdefault(row["SkuPriceId"], set()).add(row["SkuId"])
    if any(len(skus) > 1 for skus in parents.values()):
        yield "a SkuPriceId has two SkuIds"
    if len(columns) > 1:
        yield "rows have different columns"
    for period in {row.get("InvoiceId") for row in rows} - {None}:
        roundings = [r for r in rows if r["InvoiceId"] == period and r["ChargeDescription"] == "rounding"]
        if len(roundings) > 1:
            yield "an invoice has two rounding rows"
