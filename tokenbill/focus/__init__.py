"""FOCUS: bills as rows of the FinOps Open Cost and Usage Specification, and a provider's rows beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from decimal import Decimal
from io import StringIO
from os import PathLike
from types import MappingProxyType
from typing import Any, BinaryIO, Literal, TextIO, TypeAlias, cast

from attrs import frozen

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.quoting import listed
from tokenbill.core.base.values import Value
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import ZERO, decimal, difference, plus
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.errors import InvalidNumber, UnreadableField, UnreadableInput
from tokenbill.shared.focus.bill import adjustment_costs, bill_costs
from tokenbill.shared.focus.charge_rows import Heading, charge_period, life_of, row_of
from tokenbill.shared.focus.columns import (
    COLUMNS,
    MOST,
    Row,
    amount_of,
    check_version,
    checked_rows,
    columns_of,
    digits_of,
    rows_in,
)
from tokenbill.shared.focus.credit import expired_costs, purchase_cost
from tokenbill.shared.focus.purchases import Expired, Purchase
from tokenbill.shared.focus.skus import Sku

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
    "write_parquet",
]

Chargeable: TypeAlias = "Bill | Adjustment | Purchase | Expired"
"""What there are rows of: what was billed, corrected, bought ahead, or lost."""

KINDS = (Bill, Adjustment, Purchase, Expired)
BY = ("BillingCurrency", "ChargeCategory", "SkuMeter", "SkuPriceId")
"""What a provider's row and ours are compared by."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def rows(
    bills: Chargeable | Iterable[Chargeable],
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

    A bill whose terms change in its period has rows for each version, with its part as their charge period.
    ``BilledCost`` adds up to the totals of the bills less what paid grants paid of them; over bills,
    purchases and expired credit together ``EffectiveCost`` adds up to ``BilledCost``.
    Numbers are exact Decimals in the currency of the bill, everything else is text; null is None.

    Args:
        bills: One or more; a correction is the difference ``bill - earlier``.
        version: Of FOCUS; only 1.2 is written.
        issuer: Who sends the invoices.
        provider: Who provides the services; by default the issuer.
        publisher: Who made them; by default the provider.
        account_id: The billing account; without it each bill must be ``about`` a ``customer``.
        account_name: Its name; by default the id.
        sub_account_id: A part of the account; by default the ``sub_account``.
        sub_account_name: Its name; by default the id.
        invoice_id: The number of the invoice; by default the ``number``.
        period: The service period of bills that name none; no other than that of bills that do.
        billing_period: The period that is invoiced where it is another one, as of corrections.
        skus: What services and units are called, by meter, or by ``fee``, ``minimum``, ``credits``.
        tags: Written to each row, beside what else a bill is about.
        list_prices: The public schedule, where the prices of the plan are negotiated.
        purchases: Purchases whose rows stand in another file: they say what drawn credit had cost.
        allowance_fee: The fee that pays for what a plan includes: its first one unless named, none if empty.

    Raises:
        UnreadableInput: For another version, and for anything but bills.
        InvalidName: For a bill of no account, and for names that are not valid.
        InvalidPeriod: For another *period* than that of a bill, and for what is none.
        InvalidMeter: For a key of *skus* that is no meter.
        InvalidGrant: For expired tokens whose purchase is not known.
        BillMismatch: If today's code makes another bill than the one stored.
        CurrencyMismatch: If credit or list prices are in another currency than the bill.
        InvalidPlan: If no fee has the name of *allowance_fee*.

    Source: https://focus.finops.org/focus-specification/v1-2/

    >>> from tokenbill import BillingPlan, PriceSchedule, Usage
    >>> october = Period("2026-10-01", "2026-11-01")
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="2.50"))
    >>> bill = Bill.of(Usage(gpu_hours=10), plan, period=october)
    >>> row, = rows(bill, issuer="Acme", account_id="zoo")
    >>> row["BilledCost"], row["PricingUnit"], row["ListUnitPrice"], row["ChargePeriodEnd"]
    (Decimal('25.00'), 'Hours', Decimal('2.50'), '2026-11-01T00:00:00Z')
    """
    check_version(version)
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
    every = (bills,) if isinstance(bills, KINDS) else listed_of(bills, most=MOST)
    for each in (bills,) if every is None or len(every) > MOST else every:
        if not isinstance(each, KINDS):
            way_out = f"give at most {MOST} bills, differences of bills, Purchase or Expired"
            raise UnreadableInput("not a bill", each, way_out)
    charges = cast("tuple[Chargeable, ...]", every)
    bought = listed_of(purchases)
    if bought is None or not all(isinstance(each, Purchase) for each in bought):
        raise UnreadableInput("not purchases", purchases, "give a list of Purchase")

    # A purchase that has rows here says what its credit had cost as well as one of another file does.
    known = {each.grant.id: each for each in (*bought, *charges) if isinstance(each, Purchase)}
    return [row for each in charges for row in _rows_of(each, heading, known, (list_prices, allowance_fee))]


def _rows_of(
    each: Chargeable, heading: Heading, known: Mapping[str, Purchase], prices: tuple[Any, str | None]
) -> list[Row]:
    # Dates of a bill are midnights where its plan lives; FOCUS writes instants in UTC.
    if isinstance(each, Bill):
        tz = each.plan.cycle.tz if each.plan.cycle else "UTC"
        shared = heading.columns(each.about, each.currency, each.period, tz=tz)
        return [
            {**row_of(cost, shared, heading.skus), **charge_period(cost, tz)}
            for cost in bill_costs(each, known, *prices)
        ]
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
    for row in checked:
        cells = (row.get(column) for column in columns)
        writer.writerow(digits_of(cell) if isinstance(cell, Decimal) else cell or "" for cell in cells)


def to_csv(rows: Iterable[Row]) -> str:
    r"""What ``write_csv`` writes, as text.

    >>> to_csv([]).partition(",")[0]
    'BilledCost'
    """
    stream = StringIO()
    write_csv(rows, stream)
    return stream.getvalue()


def write_parquet(rows: Iterable[Row], where: str | PathLike[str] | BinaryIO) -> None:
    """Write rows as a FOCUS file in Parquet: decimals of 38 digits, instants in UTC, everything else as text.

    Args:
        rows: What ``focus.rows`` returns.
        where: A path, or a file open for writing bytes.

    Raises:
        MissingExtra: Without PyArrow.
        UnreadableField: For what FOCUS does not allow, and for a column of numbers too long for 38 digits.
    """
    from tokenbill.focus.parquet import write  # who writes CSV need not have PyArrow

    write(rows, where)


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
    bills: Chargeable | Iterable[Chargeable] | Iterable[Row],
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
        UnreadableInput: For anything but bills, and for anything but columns.
        UnreadableField: For anything but rows, for a row without a column of *by*, or without an amount.

    >>> from tokenbill import BillingPlan, PriceSchedule, Usage
    >>> bill = Bill.of(
    ...     Usage(gpu_hours=10), BillingPlan.on_demand(PriceSchedule(gpu_hours="2.50"))
    ... )
    >>> theirs = [{"SkuMeter": "GPU Hours", "BilledCost": "26.00"}]
    >>> wrong, = reconcile(bill, theirs, by=["SkuMeter"])
    >>> wrong.kind, wrong.ours, wrong.theirs, wrong.amount
    ('differing', Decimal('25.00'), Decimal('26.00'), Decimal('1.00'))
    """
    columns = listed_of(by)
    if not columns or not all(isinstance(column, str) for column in columns):
        raise UnreadableInput("not columns to compare by", by, f"name some, as in {listed(BY)}")
    # Rows may be made with the provider's names, by skus=; then they are compared as they are.
    own: Any = listed_of(bills, most=MOST)
    if not own or not all(map(is_mapping, own)):
        # A bill has to say who is billed only where *by* compares that; any account does elsewhere.
        is_compared = any(str(column).startswith("BillingAccount") for column in columns)
        own = rows(own or cast(Any, bills), issuer=issuer, account_id=None if is_compared else "any")
    ours, theirs = _sums(own, columns), _sums(provider_rows, columns)
    differences = [Difference(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs}]
    return [each for each in differences if each.ours is None or each.ours != each.theirs]


def _sums(rows: Any, columns: Iterable[str]) -> dict[tuple[tuple[str, str | None], ...], Decimal]:
    """What is billed by key."""
    sums: dict[tuple[tuple[str, str | None], ...], Decimal] = {}
    for at, row in enumerate(rows_in(rows)):
        key: list[tuple[str, str | None]] = []
        for column in columns:
            value = row.get(column, row)
            if value is not None and not isinstance(value, str):
                problem = "not text to compare by; leave the column out of by="
                raise UnreadableField(problem, value, path=f"rows[{at}].{column}")
            key.append((column, value or None))  # CSV has no null but the empty cell
        try:
            cost = amount_of(row.get("BilledCost", ""))
        except InvalidNumber as error:
            path = f"rows[{at}].BilledCost"
            raise UnreadableField(str(error), row.get("BilledCost"), path=path) from None
        sums[tuple(key)] = decimal(plus(sums.get(tuple(key), ZERO), cost))
    return sums
