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
from tokenbill.errors import UnreadableField

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "Row",
    "amount_of",
    "checked_rows",
    "columns_of",
    "digits_of",
    "instant_text",
    "key_values",
    "rows_in",
]

Row: TypeAlias = "dict[str, str | Decimal | None]"
"""A row of FOCUS: text, exact numbers, or None for null."""

_ALWAYS = """
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

FILLED = frozenset(_ALWAYS.split())
"""The columns that are never null."""
COLUMNS: tuple[str, ...] = tuple(sorted((*FILLED, *_NULLABLE.split())))
"""The columns of every file, in order; null where they do not apply."""
NUMBERS = frozenset(column for column in COLUMNS if column.endswith(("Cost", "Price", "Quantity")))
"""The columns that hold numbers."""
MOST = 10_000_000
"""Most rows of one file."""

_ALLOWED: Mapping[str, Sequence[str | None]] = MappingProxyType(
    {
        "ChargeCategory": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
        "ChargeClass": (None, "Correction"),
        "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
        "PricingCategory": (None, "Standard", "Dynamic", "Committed", "Other"),
    }
)


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
    >>> instant_text(moment("2026-10-01")), instant_text(moment("2026-10-01T08:00:00+08:00"))
    ('2026-10-01T00:00:00Z', '2026-10-01T00:00:00Z')
    """
    at = value if isinstance(value, datetime) else midnight(value, zone(tz))
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def key_values(pairs: Mapping[str, str | int | Decimal | bool]) -> str | None:
    """Names and values as one flat JSON object, sorted; None for none at all.

    >>> key_values({"team": "search", "GpuCount": 8})
    '{"GpuCount": 8, "team": "search"}'
    """
    members = (f"{json.dumps(name)}: {_json(pairs[name])}" for name in sorted(pairs))
    return f"{{{', '.join(members)}}}" if pairs else None


def _json(value: str | int | Decimal | bool) -> str:
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The header of a file: the columns of FOCUS, then those of your own, which begin with ``x_``."""
    own = {column for row in rows for column in row} - set(COLUMNS)
    return [*COLUMNS, *sorted(own)]


def checked_rows(rows: Any) -> list[Row]:
    """Rows as a file may hold them.

    Raises:
        UnreadableField: At the first cell that FOCUS does not allow; the path names row and column.
    """
    return [
        {column: _cell(at, row, column) for column in _named(at, row)} for at, row in enumerate(rows_in(rows))
    ]


def rows_in(rows: Any) -> list[dict[Any, Any]]:
    """Rows as dicts, whatever mappings they are."""
    found = listed_of(rows, most=MOST)
    pairs = [pairs_of(row) if is_mapping(row) else None for row in found or ()]
    if found is None or None in pairs or len(pairs) > MOST:
        raise UnreadableField(
            f"no list of at most {MOST} rows; give what focus.rows returns", rows, path="rows"
        )
    return [dict(row) for row in pairs if row is not None]


def _named(at: int, row: Mapping[Any, Any]) -> list[str]:
    for column in row:
        if column not in COLUMNS and not (isinstance(column, str) and column.startswith("x_")):
            raise UnreadableField("no column of FOCUS; begin your own with x_", column, path=f"rows[{at}]")
    return [*COLUMNS, *(column for column in row if column not in COLUMNS)]


def _cell(at: int, row: Mapping[str, Any], column: str) -> str | Decimal | None:
    value, path = row.get(column), f"rows[{at}].{column}"
    if value is None:
        if column in FILLED:
            way_out = "say it to focus.rows" if "Period" not in column else "bill a period, or give period="
            raise UnreadableField(f"a column that is never null; {way_out}", value, path=path)
        return None
    if column in _ALLOWED and value not in _ALLOWED[column]:
        raise UnreadableField(f"a value that FOCUS does not know in {column}", value, path=path)
    if column == "BillingCurrency" and value not in MINOR_UNITS:
        raise UnreadableField("a bill in no currency of ISO 4217; give the plan one", value, path=path)
    return _typed(value, is_number=column in NUMBERS, path=path)


def _typed(value: Any, *, is_number: bool, path: str) -> str | Decimal:
    if isinstance(value, Decimal) and value.is_finite() and is_number:
        return value
    if is_number or not isinstance(value, str | Decimal):
        raise UnreadableField("neither text nor a Decimal, where one is due", value, path=path)
    return value


def amount_of(value: Number) -> Decimal:
    """A number of a provider's file, which may be written with an exponent."""
    return number(Decimal(value)) if isinstance(value, str) and _exponent(value) else number(value)


def _exponent(text: str) -> bool:
    mantissa, mark, exponent = text.upper().partition("E")
    return (
        bool(mark) and len(exponent) <= 4 and mantissa[-1:].isdecimal() and exponent.lstrip("-").isdecimal()
    )
