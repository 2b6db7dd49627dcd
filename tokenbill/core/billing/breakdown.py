"""Breakdowns: what each charge of a bill comes to, from its list amount to tax, in whole minor units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias, cast

from attrs import frozen

from tokenbill.core.base.tables import digits, html_table, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import decimal, exact_sum
from tokenbill.core.rating.bill_delta import BillDelta, is_straight, with_statements
from tokenbill.core.rating.bill_request import BillRequest, used_in
from tokenbill.core.rating.charge_run import ChargeRun, RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.rating_run import Number, allocated, running_units
from tokenbill.core.rating.stages import PayPromotional
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
        self.taxes: dict[tuple[Key, bool], int] = {}

    def less(self, other: _Row) -> None:
        """Take off what the same charge was before."""
        self.listed, self.off = self.listed - other.listed, self.off - other.off
        self.credit -= other.credit
        for key, amount in other.taxes.items():
            self.taxes[key] = self.taxes.get(key, 0) - amount

    @property
    def is_empty(self) -> bool:
        return not (self.listed or self.off or self.credit or any(self.taxes.values()))

    def told(self, taxes: Sequence[tuple[Key, bool]], money: Callable[[int], Decimal]) -> BreakdownRow:
        """The row with its amounts in the currency."""
        included = -sum(amount for (_, is_included), amount in self.taxes.items() if is_included)
        net = self.listed + self.off + self.credit + included
        gross = net + sum(self.taxes.values())
        listed, off, credit = money(self.listed), money(self.off), money(self.credit)
        shown = tuple([(key[0], money(self.taxes.get((key, kind), 0))) for key, kind in taxes])
        amounts = listed, off, credit, money(included), money(net), shown, money(gross)
        return BreakdownRow(self.kind, self.meter, self.description, *amounts)


def breakdown_of(request: BillRequest, plan: CompiledPlan, delta: Callable[[], BillDelta]) -> Breakdown:
    """The charges of a period so far, less those of its bills before."""
    now, before, billed = _ratings(request, plan, delta)
    rows = _rows(now)
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
        tuple(row.told(taxes, plan.money) for row in rows.values()),
        total.told(taxes, plan.money),
        request.plan.currency.code,
    )


def _ratings(
    request: BillRequest, plan: CompiledPlan, delta: Callable[[], BillDelta]
) -> tuple[RatingRequest, RatingRequest | None, int]:
    """What the period so far is rated with, what it was before this bill, and what else is taken off."""
    opening, versions = request.opening, request.versions
    if (versions is None or opening.is_fresh) and is_straight(opening, plan):
        usages = () if versions is None else versions.usages
        now = RatingRequest(plan, used_in(request), request.final, usages=usages)
        return now, None if opening.is_fresh else RatingRequest(plan, opening.used, final=False), 0
    told = with_statements(delta(), request, plan)
    was, after = told.before, cast(Statement, told.after)
    if versions is not None and versions.restate:
        # the past is rated anew, so its rows are not those of the bills that were sent
        return after.run.request, None, minor_units(opening.accrued, plan.places)
    return after.run.request, None if was is None else was.run.request, 0


def _rows(request: RatingRequest) -> dict[Key, _Row]:
    """The charges of a period so far by what they are for, the items of one charge apart."""
    run, seen = ChargeRun(request), Counter[str]()
    taxes: dict[tuple[Key, bool], list[int]] = {}
    # what discounts took off is left in, so that a list amount of whole cents stays whole
    whole = _settled(run, taxes)
    units, listed = run.units, running_units(whole, lambda upto: run.round(upto, run.over))
    rows: dict[Key, _Row] = {}
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


def _settled(run: ChargeRun, taxes: dict[tuple[Key, bool], list[int]]) -> list[Number]:
    """Take a run through all stages, with its taxes: what charges are before discounts and limits.

    That is in the numbers of the stage at which credit begins to pay, as what is left of them is.
    """
    # Stage by stage, so that what each took off a charge is known: a run keeps only what is left.
    terms, seen = run.terms, Counter[str]()
    for priced in terms.pricing:
        priced.apply(run)
    whole, divisor, is_paid = list(run.nets), terms.divisors[0] * run.widened, False
    for stage, after in zip(terms.settling, terms.divisors[1:], strict=True):
        before, known = list(run.nets), (len(run.taxed), len(run.contained))
        stage.apply(run)
        is_paid = is_paid or isinstance(stage, PayPromotional)
        if not is_paid:
            divisor, was = after * run.widened, divisor
            wider = _ratio(divisor, was)  # a spread widens the scale of all charges at once
            whole = [number * wider for number in whole]
            if not stage.is_reduction:
                # fees and prices that tokens became, a true-up: what it adds is listed, too
                nets = [net * wider for net in before]
                nets += [0] * (len(run.nets) - len(nets))
                whole += [0] * (len(run.nets) - len(whole))
                whole = [each + net - old for each, net, old in zip(whole, run.nets, nets, strict=True)]
        charge: Any = getattr(stage, "charge", None)
        for of, since, is_included in ((run.taxed, known[0], False), (run.contained, known[1], True)):
            for amount, parts in of[since:]:
                seen[charge.description] += 1
                weights = [max(part, 0) for part in parts]
                shares = allocated(int(amount), weights) if amount else [0] * len(weights)
                taxes[(charge.description, seen[charge.description]), is_included] = shares
    return whole


def _ratio(one: Number, other: Number) -> Number:
    return one // other if type(one) is type(other) is int and not one % other else Fraction(one) / other
