"""Breakdowns: what each charge of a bill comes to, from its list amount to tax, in whole minor units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias, cast

from attrs import frozen

from tokenbill.core.base.tables import digits, html_table, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import decimal, exact_sum, shifted
from tokenbill.core.rating.bill_delta import BillDelta, is_straight, with_statements
from tokenbill.core.rating.bill_request import BillRequest, used_in
from tokenbill.core.rating.charge_run import ChargeRun, RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.rating_run import Number, allocated, running_units
from tokenbill.core.rating.statement import Statement, minor_units

__all__ = ["Breakdown", "BreakdownRow", "breakdown_of"]

Key: TypeAlias = tuple[str, int]
"""What tells a row or a tax apart: its name, and its place among those of that name."""

COLUMNS = ("list_amount", "discounts", "credit", "included", "net")


@frozen(repr=False)
class BreakdownRow(Value):
    """One charge of a bill, or all of them together, in whole minor units of the bill's currency.

    ``list_amount + discounts + credit + included = net``, and ``net`` with all ``taxes`` is ``gross``.

    Args:
        kind: ``fee``, ``usage``, ``minimum`` and so on; ``total`` for the last row.
        meter: The entry of the schedule; None where the charge is of no meter.
        description: What the charge is called.
        list_amount: What it comes to at the prices, before any other term.
        discounts: What discounts and maximum take off it, zero or below.
        credit: What promotional credit pays of it, zero or below.
        included: The taxes that its price contains, taken out: zero or below.
        net: What is left, and what taxes are on.
        taxes: Each tax by name, in the order of the plan.
        gross: Net and taxes.
    """

    kind: str
    meter: Meter | None
    description: str
    list_amount: Decimal
    discounts: Decimal
    credit: Decimal
    included: Decimal
    net: Decimal
    taxes: tuple[tuple[str, Decimal], ...]
    gross: Decimal

    @property
    def tax(self) -> Decimal:
        """All its taxes together."""
        return decimal(exact_sum(amount for _, amount in self.taxes))


@frozen(repr=False)
class Breakdown(Value):
    """The charges of a bill, each with discounts, credit and taxes; every row and every column adds up.

    It is what is sent on to a payment provider, and what an invoice shows. Made by ``bill.breakdown()``.

    Args:
        rows: One for each charge, in the order of the bill's lines.
        total: The sums of the columns; its ``gross`` is the bill's total.
        currency: The code of the currency.

    Source: docs/explanation/stages.md#breakdown

    >>> from tokenbill import Bill, BillingPlan, Discount, PriceSchedule, Usage
    >>> plan = BillingPlan.on_demand(
    ...     PriceSchedule(a=1, b=1), discounts=[Discount.percent(20)]
    ... )
    >>> [str(row.net) for row in Bill.of(Usage(a=100, b=30), plan).breakdown()]
    ['80.00', '24.00']
    """

    rows: tuple[BreakdownRow, ...]
    total: BreakdownRow
    currency: str

    def __iter__(self) -> Iterator[BreakdownRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> BreakdownRow:
        return self.rows[place]

    def to_rows(self) -> list[dict[str, str]]:
        """The rows as text by column, ready for CSV, JSON or a data frame; a column for each tax."""
        return [dict(zip(self._header, self._cells(row), strict=True)) for row in self.rows]

    def __str__(self) -> str:
        return text_table(self._header, self._table, numbers=self._numbers)

    def _repr_html_(self) -> str:
        return html_table(self._header, self._table, numbers=self._numbers, caption=self.currency)

    @property
    def _header(self) -> tuple[str, ...]:
        named = [name for name, _ in self.total.taxes]
        return ("description", *(column.replace("_", " ") for column in COLUMNS), *named, "gross")

    @property
    def _numbers(self) -> Sequence[int]:
        return range(1, len(self._header))

    @property
    def _table(self) -> list[tuple[str, ...]]:
        return [self._cells(row) for row in (*self.rows, self.total)]

    def _cells(self, row: BreakdownRow) -> tuple[str, ...]:
        taxes = (amount for _, amount in row.taxes)
        amounts = (*(getattr(row, column) for column in COLUMNS), *taxes, row.gross)
        return (row.description, *map(digits, amounts))


class _Row:
    """One charge in minor units: what terms made of it, and each tax with whether its price contains it."""

    def __init__(self, kind: str, meter: Meter | None, description: str) -> None:
        self.kind, self.meter, self.description = kind, meter, description
        self.listed = self.off = self.credit = 0
        self.taxes = dict[tuple[Key, bool], int]()

    def less(self, other: _Row) -> None:
        """Take off what the same charge was before."""
        self.listed, self.off = self.listed - other.listed, self.off - other.off
        self.credit -= other.credit
        for key, amount in other.taxes.items():
            self.taxes[key] = self.taxes.get(key, 0) - amount

    @property
    def is_empty(self) -> bool:
        return not (self.listed or self.off or self.credit or any(self.taxes.values()))

    def told(self, taxes: Sequence[tuple[Key, bool]], places: int) -> BreakdownRow:
        """The row with its amounts in the currency."""
        included = -sum(amount for (_, is_included), amount in self.taxes.items() if is_included)
        net = self.listed + self.off + self.credit + included
        gross = net + sum(self.taxes.values())
        units = (self.listed, self.off, self.credit, included, net, gross)
        listed, off, credit, contained, net_, gross_ = (shifted(n, places) for n in units)
        shown = tuple((key[0], shifted(self.taxes.get((key, kind), 0), places)) for key, kind in taxes)
        named = (self.kind, self.meter, self.description)
        return BreakdownRow(*named, listed, off, credit, contained, net_, shown, gross_)


def breakdown_of(request: BillRequest, plan: CompiledPlan, delta: BillDelta) -> Breakdown:
    """The charges of a period so far, less those of its bills before."""
    now, before, billed = _ratings(request, plan, delta)
    places, rows = plan.places, _rows(now)
    if before is not None:
        for key, row in _rows(before).items():
            rows.setdefault(key, _Row(row.kind, row.meter, row.description)).less(row)
        rows = {key: row for key, row in rows.items() if not row.is_empty}
    if billed:
        rows["adjustment", 1] = row = _Row("adjustment", None, "billed before")
        row.listed = -billed
    # the sum is twice negated, for a row only knows how to take another off
    total = _Row("total", None, "total")
    for row in rows.values():
        total.less(row)
    negated, total = total, _Row("total", None, "total")
    total.less(negated)
    taxes = list(total.taxes)
    return Breakdown(
        tuple(row.told(taxes, places) for row in rows.values()),
        total.told(taxes, places),
        request.plan.currency.code,
    )


def _ratings(
    request: BillRequest, plan: CompiledPlan, delta: BillDelta
) -> tuple[RatingRequest, RatingRequest | None, int]:
    """What the period so far is rated with, what it was before this bill, and what else is taken off."""
    opening, versions = request.opening, request.versions
    if versions is None and is_straight(opening, plan):
        now = RatingRequest(plan, used_in(request), request.final)
        return now, None if opening.is_fresh else RatingRequest(plan, opening.used, final=False), 0
    told = with_statements(delta, request, plan)
    was, after = told.before, cast(Statement, told.after)
    if versions is not None and versions.restate:
        # the past is rated anew, so its rows are not those of the bills that were sent
        return after.run.request, None, minor_units(opening.accrued, plan.places)
    return after.run.request, None if was is None else was.run.request, 0


def _rows(request: RatingRequest) -> dict[Key, _Row]:
    """The charges of a period so far by what they are for, the items of one charge apart."""
    run, taxes, seen = ChargeRun(request), dict[tuple[Key, bool], list[int]](), Counter[str]()
    off = _settled(run, taxes)
    units = run.units
    # what discounts took off is put back on what is left, so that a list amount of whole cents stays whole
    exact = (Fraction(net) / Fraction(run.over) + part for net, part in zip(run.priced, off, strict=True))
    listed = running_units(exact, lambda upto: run.round(upto, 1))
    rows = dict[Key, _Row]()
    for i, identity in enumerate(run.identities):
        key, kind, meter, of = identity
        seen[key] += 1
        name = key.partition(":")[2] if kind in ("fee", "usage") else of.charge.description
        row = rows[key, seen[key]] = _Row(kind, meter, str(meter or name))
        row.listed, row.off = int(listed[i]), int(units[i] - listed[i])
        row.credit = -int(run.promotional[i]) if run.promotional else 0
        row.taxes = {tax: parts[i] for tax, parts in taxes.items()}
    if run.cash:
        rows["rounding", 1] = row = _Row("rounding", None, "cash rounding")
        row.listed = int(run.cash)
    return rows


def _settled(run: ChargeRun, taxes: dict[tuple[Key, bool], list[int]]) -> list[Fraction]:
    """Take a run through all stages: what discounts and limits took off each charge, and its taxes."""
    # Stage by stage, so that what each took off a charge is known: a run keeps only what is left.
    terms, off, seen = run.terms, list[Fraction](), Counter[str]()
    for priced in terms.pricing:
        priced.apply(run)
    divisor: Number = terms.divisors[0]
    for stage, after in zip(terms.settling, terms.divisors[1:], strict=True):
        before, over = list(run.nets), Fraction(divisor * run.widened)
        known = len(run.taxed), len(run.contained)
        stage.apply(run)
        divisor = after
        off += [Fraction(0)] * (len(run.nets) - len(off))
        # Both sides over their own scale: a spread widens that of all charges at once.
        if stage.is_reduction:
            left = Fraction(divisor * run.widened)
            for i, net in enumerate(before):
                off[i] += Fraction(net) / over - Fraction(run.nets[i]) / left
        charge: Any = getattr(stage, "charge", None)
        for of, was, is_included in ((run.taxed, known[0], False), (run.contained, known[1], True)):
            for amount, parts in of[was:]:
                seen[charge.description] += 1
                weights = [max(part, 0) for part in parts]
                shares = allocated(int(amount), weights) if amount else [0] * len(weights)
                taxes[(charge.description, seen[charge.description]), is_included] = shares
    return off
