"""The columns of FOCUS 1.2: which there are, what may stand in them, and how a file writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

from tokenbill.core.base.inputs import is_mapping, listed_of, pairs_of
from tokenbill.core.money.decimals import Number, number
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.periods.instants import midnight, utc, zone
from tokenbill.errors import UnreadableField, UnreadableInput

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "TIMES",
    "Row",
    "amount_of",
    "check_version",
    "checked_rows",
    "columns_of",
    "digits_of",
    "instant_text",
    "key_values",
    "rows_in",
]

Row: TypeAlias = "dict[str, str | Decimal | None]"
"""A row of FOCUS: text, exact numbers, or None for null."""

_NEVER_NULL = """
    BilledCost BillingAccountId BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory
    ChargeFrequency ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost
    ProviderName PublisherName ServiceCategory ServiceName ServiceSubcategory"""
_NULLABLE = """
    BillingAccountName ChargeClass ChargeDescription CommitmentDiscountCategory CommitmentDiscountId
    CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType
    CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedUnitPrice InvoiceId ListUnitPrice
    PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
    PricingCurrencyListUnitPrice PricingQuantity PricingUnit RegionId RegionName SkuId SkuMeter
    SkuPriceDetails SkuPriceId SubAccountId SubAccountName Tags"""

NEVER_NULL = frozenset(_NEVER_NULL.split())
"""The columns that are never null."""
COLUMNS: tuple[str, ...] = tuple(sorted((*NEVER_NULL, *_NULLABLE.split())))
"""The columns of every file, in order; null where they do not apply."""
NUMBERS = frozenset(column for column in COLUMNS if column.endswith(("Cost", "Price", "Quantity")))
"""The columns that hold numbers."""
TIMES = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
"""The columns that hold instants."""
VERSION = "1.2"
MOST = 10_000_000
"""Most rows of one file."""

# The values that the specification allows in columns that hold a choice; null where it may be absent.
_ALLOWED: Mapping[str, Sequence[str | None]] = MappingProxyType(
    {
        "ChargeCategory": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
        "ChargeClass": (None, "Correction"),
        "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
        "PricingCategory": (None, "Standard", "Dynamic", "Committed", "Other"),
    }
)


def check_version(version: object) -> None:
    """Refuse versions of FOCUS that are not written here.

    Raises:
        UnreadableInput: For any but 1.2.
    """
    if not isinstance(version, str) or version != VERSION:
        raise UnreadableInput("not a version of FOCUS that is written here", version, 'write version="1.2"')


def digits_of(value: Decimal) -> str:
    """A number as a file writes it: plain digits with a point, or a reader takes the column for integers.

    >>> digits_of(Decimal("1E+3")), digits_of(Decimal("0.10"))
    ('1000.0', '0.10')
    """
    text = format(value, "f")
    return text if "." in text else f"{text}.0"


def instant_text(value: date, tz: str = "UTC") -> str:
    """An instant in UTC as FOCUS writes it; a date is the midnight of zone *tz*, parts of a second are cut.

    >>> from tokenbill.core.periods.instants import moment
    >>> (
    ...     instant_text(moment("2026-10-01")),
    ...     instant_text(moment("2026-10-01T08:00:00+08:00")),
    ... )
    ('2026-10-01T00:00:00Z', '2026-10-01T00:00:00Z')
    """
    at = value if isinstance(value, datetime) else midnight(value, zone(tz))
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def key_values(pairs: Mapping[str, str | int | Decimal | bool]) -> str | None:
    """Names and values as one flat JSON object, sorted; None for none at all.

    >>> key_values({"team": "search", "GpuCount": 8})
    '{"GpuCount": 8, "team": "search"}'
    """
    members: list[str] = []
    for name in sorted(pairs):
        value = pairs[name]
        # A Decimal keeps its digits, which json would not write.
        text = format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
        members.append(f"{json.dumps(name)}: {text}")
    return f"{{{', '.join(members)}}}" if pairs else None


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The header of a file: the columns of FOCUS, then those of your own, which begin with ``x_``."""
    own = {column for row in rows for column in row} - set(COLUMNS)
    return [*COLUMNS, *sorted(own)]


def checked_rows(rows: Any) -> list[Row]:
    """Rows as a file may hold them.

    Raises:
        UnreadableField: At the first cell that FOCUS does not allow; the path names row and column.
    """
    checked: list[Row] = []
    for at, row in enumerate(rows_in(rows)):
        for column in row:
            if column not in COLUMNS and not (isinstance(column, str) and column.startswith("x_")):
                problem = "not a column of FOCUS; begin your own with x_"
                raise UnreadableField(problem, column, path=f"rows[{at}]")
        own = (column for column in row if column not in COLUMNS)
        checked.append({column: _cell(row, column, f"rows[{at}].{column}") for column in (*COLUMNS, *own)})
    return checked


def _cell(row: Mapping[str, Any], column: str, path: str) -> str | Decimal | None:
    value = row.get(column)
    if value is None:
        if column in NEVER_NULL:
            way_out = "say it to focus.rows" if "Period" not in column else "bill a period, or give period="
            raise UnreadableField(f"a column that is never null; {way_out}", value, path=path)
        return None
    if column in _ALLOWED and value not in _ALLOWED[column]:
        raise UnreadableField(f"not a value that FOCUS knows in {column}", value, path=path)
    if column == "BillingCurrency" and value not in MINOR_UNITS:
        raise UnreadableField("a bill in no currency of ISO 4217; give the plan one", value, path=path)
    if isinstance(value, Decimal) and value.is_finite() and column in NUMBERS:
        return value
    # Columns of your own may hold either; in those of FOCUS a text is no number, and a number no text.
    if column in NUMBERS or not isinstance(value, str | Decimal):
        raise UnreadableField("neither text nor a Decimal, where one is due", value, path=path)
    return value


def rows_in(rows: Any) -> list[dict[Any, Any]]:
    """Rows as dicts, whatever mappings they are."""
    listed = listed_of(rows, most=MOST)
    pairs = [pairs_of(row) if is_mapping(row) else None for row in listed or ()]
    if listed is None or None in pairs or len(pairs) > MOST:
        problem = f"not a list of at most {MOST} rows; give what focus.rows returns"
        raise UnreadableField(problem, rows, path="rows")
    return [dict(row) for row in pairs if row is not None]


def amount_of(value: Number) -> Decimal:
    """A number of a provider's file, which may be written with an exponent."""
    if isinstance(value, str):
        # Only a short exponent is read: "1e999999999" would be a number of a billion digits.
        mantissa, mark, exponent = value.upper().partition("E")
        is_exponent = len(exponent) <= 4 and exponent.lstrip("-").isdecimal()
        if mark and is_exponent and mantissa[-1:].isdecimal():
            return number(Decimal(value))
    return number(value)
