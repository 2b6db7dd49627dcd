"""FOCUS: bills as rows of the FinOps Open Cost and Usage Specification, and a provider's rows beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from decimal import Decimal
from io import StringIO
from types import MappingProxyType
from typing import Any, Literal, TextIO, TypeAlias, cast

from attrs import frozen

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.quoting import listed
from tokenbill.core.base.values import Value
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import ZERO, decimal, difference, plus
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.core.rating.lines import Adjustment
from tokenbill.errors import InvalidNumber, UnreadableField, UnreadableInput
from tokenbill.focus.bill import adjustment_costs, bill_costs
from tokenbill.focus.columns import (
    COLUMNS,
    MOST,
    Row,
    amount_of,
    checked_rows,
    columns_of,
    digits_of,
    rows_in,
)
from tokenbill.focus.cost_rows import Heading, life_of, row_of
from tokenbill.focus.credit import expired_costs, purchase_cost
from tokenbill.focus.purchases import Expired, Purchase
from tokenbill.focus.skus import Sku

__all__ = [
    "COLUMNS",
    "Difference",
    "Expired",
    "Purchase",
    "Row",
    "Sku",
    "reconcile",
    "rows",
    "to_csv",
    "write_csv",
]

Billed: TypeAlias = "Bill | Adjustment | Purchase | Expired"
"""What there are rows of: what was billed, corrected, bought ahead, or lost."""

KINDS = (Bill, Adjustment, Purchase, Expired)
VERSION = "1.2"
BY = ("BillingCurrency", "ChargeCategory", "SkuMeter", "SkuPriceId")
"""What a provider's row and ours are compared by."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def rows(
    bills: Billed | Iterable[Billed],
    version: str = "1.2",
    *,
    issuer: str,
    provider: str | None = None,
    publisher: str | None = None,
    account_id: str | None = None,
    account_name: str | None = None,
    sub_account_id: str | None = None,
    sub_account_name: str | None = None,
    invoice_id: str | None = None,
    period: Period | None = None,
    billing_period: Period | None = None,
    skus: Mapping[str, Sku] = NOTHING,
    tags: Mapping[str, str] = NOTHING,
    list_prices: Schedule | None = None,
    purchases: Iterable[Purchase] = (),
    allowance_fee: str | None = None,
) -> list[Row]:
    """Rows of FOCUS 1.2 for bills, corrections, purchases of credit, and credit that expired.

    ``BilledCost`` adds up to the totals of the bills less what paid grants paid of them; over bills,
    purchases and expired credit together ``EffectiveCost`` adds up to ``BilledCost``.
    Numbers are exact Decimals in the currency of the bill, everything else is text; null is None.

    Args:
        bills: One or more; a correction is the difference ``bill - earlier``.
        version: Of FOCUS; only 1.2 is written.
        issuer: Who sends the invoices.
        provider: Who provides the services; the issuer unless given.
        publisher: Who made them; the provider unless given.
        account_id: The billing account; what a bill is said to be ``about`` as ``customer`` unless given.
        account_name: Its name; the id unless given.
        sub_account_id: A part of the account; ``sub_account`` unless given.
        sub_account_name: Its name; the id unless given.
        invoice_id: The number of the invoice; ``number`` unless given.
        period: The service period of bills that name none.
        billing_period: The period that is invoiced where it is another one, as of corrections.
        skus: What services and units are called, by meter, or by ``fee``, ``minimum``, ``credits``.
        tags: Written to each row, beside what else a bill is said to be about.
        list_prices: The public schedule, where the prices of the plan are negotiated.
        purchases: Purchases whose rows stand in another file: they say what drawn credit had cost.
        allowance_fee: The fee that pays for what a plan includes: its first one unless named, none if empty.

    Raises:
        UnreadableInput: For another version, and for what is no bill.
        InvalidName, InvalidPeriod, InvalidMeter: For names and periods that are none.
        InvalidGrant: For expired tokens whose purchase is not given.
        BillMismatch: If today's code makes another bill than the one stored.
        CurrencyMismatch: If credit or list prices are in another currency than the bill.
        InvalidPlan: If no fee has the name of *allowance_fee*.

    Source: https://focus.finops.org/focus-specification/v1-2/

    >>> from tokenbill import BillingPlan, PriceSchedule, Usage
    >>> october = Period("2026-10-01", "2026-11-01")
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="2.50"))
    >>> row, = rows(Bill.of(Usage(gpu_hours=10), plan, period=october), issuer="Acme")
    >>> row["BilledCost"], row["PricingUnit"], row["ListUnitPrice"], row["ChargePeriodEnd"]
    (Decimal('25.00'), 'Hours', Decimal('2.50'), '2026-11-01T00:00:00Z')
    """
    _check_version(version)
    heading = Heading(
        issuer=issuer,
        provider=provider,
        publisher=publisher,
        account_id=account_id,
        account_name=account_name,
        sub_account_id=sub_account_id,
        sub_account_name=sub_account_name,
        invoice_id=invoice_id,
        period=period,
        billing_period=billing_period,
        skus=skus,
        tags=tags,
    )
    every = _billed(bills)
    known = {each.grant.id: each for each in (*_purchases(purchases), *every) if isinstance(each, Purchase)}
    return [row for each in every for row in _rows(each, heading, known, (list_prices, allowance_fee))]


def _check_version(version: object) -> None:
    if not isinstance(version, str) or version != VERSION:
        raise UnreadableInput("no version of FOCUS that is written here", version, 'write version="1.2"')


def _billed(bills: Any) -> tuple[Billed, ...]:
    found = (bills,) if isinstance(bills, KINDS) else listed_of(bills, most=MOST)
    for each in (bills,) if found is None or len(found) > MOST else found:
        if not isinstance(each, KINDS):
            way_out = f"give at most {MOST} bills, differences of bills, Purchase or Expired"
            raise UnreadableInput("no bill", each, way_out)
    return cast("tuple[Billed, ...]", found)


def _purchases(value: Any) -> tuple[Purchase, ...]:
    found = listed_of(value)
    if found is None or not all(isinstance(each, Purchase) for each in found):
        raise UnreadableInput("no purchases", value, "give a list of Purchase")
    return found


def _rows(
    each: Billed, heading: Heading, known: Mapping[str, Purchase], prices: tuple[Any, str | None]
) -> list[Row]:
    if isinstance(each, Bill):
        tz = each.plan.cycle.tz if each.plan.cycle else "UTC"
        shared = heading.columns(each.about, each.currency, each.period, tz=tz)
        return [row_of(cost, shared, heading.skus) for cost in bill_costs(each, known, *prices)]
    if isinstance(each, Adjustment):
        about = {"reason": each.reason} if each.reason else {}
        shared = {**heading.columns(about, each.currency, each.period), "ChargeClass": "Correction"}
        return [row_of(cost, shared, heading.skus) for cost in adjustment_costs(each)]
    about = dict(each.about)
    if isinstance(each, Purchase):
        shared = {**heading.columns(about, each.currency.code, each.period), **life_of(each)}
        return [row_of(purchase_cost(each), shared, heading.skus)]
    return [
        row_of(cost, heading.columns(about, currency.code, each.period), heading.skus)
        for cost, currency in expired_costs(each, known)
    ]


def write_csv(rows: Iterable[Row], stream: TextIO) -> None:
    """Write rows as a FOCUS file: every column of FOCUS, then your own, which begin with ``x_``.

    Null is the empty cell, numbers are plain digits with a point, and no text is changed: a name that a
    sheet takes for a formula stays as it is.

    Raises:
        UnreadableField: For what FOCUS does not allow, as a null in a column that is never null.
    """
    checked = checked_rows(rows)
    columns = columns_of(checked)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in checked)


def _cell(value: str | Decimal | None) -> str:
    return "" if value is None else digits_of(value) if isinstance(value, Decimal) else value


def to_csv(rows: Iterable[Row]) -> str:
    r"""What ``write_csv`` writes, as text.

    >>> to_csv([]).partition(",")[0]
    'BilledCost'
    """
    stream = StringIO()
    write_csv(rows, stream)
    return stream.getvalue()


@frozen(repr=False)
class Difference(Value):
    """A charge on which a provider's rows and ours do not agree.

    ``key`` names it, as pairs of column and text; ``ours`` and ``theirs`` are what each bills for it, and
    None where it has no such charge.
    """

    key: tuple[tuple[str, str | None], ...]
    ours: Decimal | None
    theirs: Decimal | None

    @property
    def kind(self) -> Literal["missing", "additional", "differing"]:
        """What is wrong with the provider's rows: a charge is missing, additional, or differs."""
        if self.theirs is None:
            return "missing"
        return "additional" if self.ours is None else "differing"

    @property
    def amount(self) -> Decimal:
        """What the provider bills on top of ours; negative where it bills less."""
        return decimal(difference(self.theirs or ZERO, self.ours or ZERO))


def reconcile(
    bills: Billed | Iterable[Billed] | Iterable[Row],
    provider_rows: Iterable[Mapping[str, Any]],
    *,
    by: Iterable[str] = BY,
    issuer: str = "issuer",
) -> list[Difference]:
    """Where a provider's rows bill something else than our bills: nothing, if all is as it should be.

    Rows of one key are added up on both sides, and amounts compared exactly.

    Args:
        bills: Our bills, or rows made of them, for instance with names that the provider uses.
        provider_rows: Rows of FOCUS as mappings, such as those of ``csv.DictReader``.
        by: The columns that say which rows belong together; an empty text is null.
        issuer: Who sends our bills, where *by* asks for it.

    Raises:
        UnreadableInput: For what is no bills, and no columns.
        UnreadableField: For what is no rows, for a row without a column of *by*, or without an amount.

    >>> from tokenbill import BillingPlan, PriceSchedule, Usage
    >>> bill = Bill.of(Usage(gpu_hours=10), BillingPlan.on_demand(PriceSchedule(gpu_hours="2.50")))
    >>> theirs = [{"SkuMeter": "GPU Hours", "BilledCost": "26.00"}]
    >>> found, = reconcile(bill, theirs, by=["SkuMeter"])
    >>> found.kind, found.ours, found.theirs, found.amount
    ('differing', Decimal('25.00'), Decimal('26.00'), Decimal('1.00'))
    """
    columns = _columns(by)
    ours = _sums(_made(bills, issuer), columns)
    theirs = _sums(provider_rows, columns)
    found = [Difference(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs}]
    return [each for each in found if each.ours is None or each.ours != each.theirs]


def _made(bills: Any, issuer: str) -> Any:
    """Rows as they are, and those of bills."""
    own = listed_of(bills, most=MOST)
    return own if own and all(map(is_mapping, own)) else rows(own or bills, issuer=issuer)


def _columns(by: Any) -> tuple[str, ...]:
    found = listed_of(by)
    if not found or not all(isinstance(column, str) for column in found):
        raise UnreadableInput("no columns to compare by", by, f"name some, as in {listed(BY)}")
    return found


def _sums(rows: Any, columns: Iterable[str]) -> dict[tuple[tuple[str, str | None], ...], Decimal]:
    """What is billed by key."""
    sums: dict[tuple[tuple[str, str | None], ...], Decimal] = {}
    for at, row in enumerate(rows_in(rows)):
        key = tuple((column, _text(at, row, column)) for column in columns)
        sums[key] = decimal(plus(sums.get(key, ZERO), _billed_cost(at, row)))
    return sums


def _text(at: int, row: Mapping[str, Any], column: str) -> str | None:
    value = row.get(column, row)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise UnreadableField(
            "no text to compare by; leave the column out of by=", value, path=f"rows[{at}].{column}"
        )
    return value


def _billed_cost(at: int, row: Mapping[str, Any]) -> Decimal:
    try:
        return amount_of(row.get("BilledCost", ""))
    except InvalidNumber as error:
        raise UnreadableField(str(error), row.get("BilledCost"), path=f"rows[{at}].BilledCost") from None
