"""FOCUS as a table: the costs of the bills of all groups, under their names, and spread over days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import evolve

from tokenbill.core.base.inputs import name
from tokenbill.core.money.decimals import ZERO
from tokenbill.core.periods.instants import zone
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.frames.arrow_columns import array_of, decimals_of, longs, plain, texts_of
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.focus_charges import CONTRACTED, LISTED, MEASURES, QUANTITY, Charges, Kinds
from tokenbill.frames.focus_columns import charges_of
from tokenbill.frames.ints import Array, Ints, joined
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import DAY, VERSION, quantity_of
from tokenbill.frames.parts import Part
from tokenbill.frames.scales import least_scale, too_narrow, unscaled
from tokenbill.frames.spread import allocated_within
from tokenbill.frames.sums import added
from tokenbill.frames.tables import Billed, bills_by_plan, named, together
from tokenbill.frames.times import boundary
from tokenbill.shared.focus.charge_rows import Heading, charge_period, row_of
from tokenbill.shared.focus.columns import COLUMNS, NUMBERS, TIMES, key_values
from tokenbill.shared.focus.costs import Cost

__all__ = ["focus_rows"]

INSTANT = pa.timestamp("us", "UTC")


def focus_rows(
    job: Job, part: Part, *, heading: Heading, list_prices: Schedule | None, allowance_fee: str | None
) -> Any:
    """A row for each charge of each bill, and for each day of usage where days are known."""
    tables = list[Any]()
    for billed in bills_by_plan(job, part):
        kinds = Kinds()
        charges = charges_of(billed, kinds, list_prices, allowance_fee)
        days = list[str]()
        if DAY in job.options.spread and charges.group.size:
            days = sorted(set(billed.parts[DAY].to_pylist()))
            charges = by_day(charges, list(kinds), billed, days)
        tables.append(_table(charges, list(kinds), billed, heading, days))
    return together(tables)


# ---------------------------------------------------------------- days


def by_day(charges: Charges, kinds: Sequence[Cost], billed: Billed, days: Sequence[str]) -> Charges:
    """Charges of usage spread over the days on which their entry was used, by quantity."""
    spread = billed.spread
    assert spread is not None  # days are what lines are spread over
    assert spread.part is not None
    places = {text: place for place, text in enumerate(days)}
    of_part = np.array([places[text] for text in billed.parts[DAY].to_pylist()], np.int64)
    versions = longs(billed.parts[VERSION]) if VERSION in billed.parts else None
    part = spread.part[spread.label]
    found, rows = list[Charges](), list[Array]()
    for what, kind in enumerate(kinds):
        where = np.flatnonzero(charges.what == what)
        entry = spread.entries.get(str(kind.meter), -1)
        # a fee is of its period and what was not used of no day: usage alone is told apart by days
        uses = spread.entry == (entry if kind.frequency == "Usage-Based" else -1)
        if versions is not None and kind.period is not None:
            uses &= np.isin(versions[part], versions_in(billed.job, kind.period))
        key = spread.group[uses].astype(np.int64) * len(days) + of_part[part[uses]]
        pairs, place = np.unique(key, return_inverse=True)
        n = added(pairs.size, place, spread.n[uses])
        first = charges.group[where].astype(np.int64) * len(days)
        low = np.searchsorted(pairs, first)
        size = np.searchsorted(pairs, first + len(days)) - low
        row = np.repeat(np.arange(where.size), np.maximum(size, 1))
        starts = np.cumsum(np.maximum(size, 1)) - np.maximum(size, 1)
        at = np.arange(row.size) - starts[row] + low[row]
        is_whole = size[row] == 0
        at[is_whole] = 0
        day = np.where(is_whole, -1, pairs[at] % len(days) if pairs.size else -1)
        weights = n[at] if pairs.size else Ints(np.ones(row.size, np.int64), 1)
        numbers = allocated([each[where] for each in charges.numbers], kind, row, weights, billed)
        found.append(Charges(charges.group[where][row], np.full(row.size, what, np.int32), numbers, day))
        rows.append(where[row])
    # stable, so that the days of a charge stay in their order behind one another
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Charges(
        np.concatenate([each.group for each in found])[order],
        np.concatenate([each.what for each in found])[order],
        [joined(list(column))[order] for column in zip(*(each.numbers for each in found), strict=True)],
        np.concatenate([each.day for each in found])[order],
    )


def versions_in(job: Job, period: Period) -> list[int]:
    """The versions of a contract that lie within a part of the period."""
    contract: Any = job.options.contract
    clauses = contract.clauses(job.options.period)
    home = zone(job.options.plan.cycle.tz if job.options.plan.cycle else "UTC")
    first, last = boundary(period.start, home), boundary(period.end, home)
    return [
        place
        for place, clause in enumerate(clauses)
        if first <= boundary(clause.period.start, home) and boundary(clause.period.end, home) <= last
    ]


def allocated(numbers: Sequence[Ints], kind: Cost, row: Array, weights: Ints, billed: Billed) -> list[Ints]:
    """The numbers of charges by day; where there is a price, both costs are products of the quantity."""
    scale, count = billed.job.options.scale, numbers[0].size
    found = [allocated_within(each, row, count, weights) for each in numbers]
    if kind.list_price is None or kind.price is None or row.size == count:
        return found
    # FOCUS: a cost is its price times its quantity, exactly; so the quantity leaves the price its decimals.
    places = max(least_scale(price) or 0 for price in (kind.list_price, kind.price))
    power = 10 ** max(min(places, scale), 0)
    blocks = numbers[QUANTITY]
    while power > 1 and (blocks % power).nonzero().any():
        power //= 10
    quantity = allocated_within(blocks // power, row, count, weights) * power
    found[QUANTITY] = quantity
    for place, price in ((LISTED, kind.list_price), (CONTRACTED, kind.price)):
        cost = quantity * unscaled(price, scale)
        rest = (cost % 10**scale).nonzero()
        if rest.any():
            n = int(cost[int(np.argmax(rest)) : int(np.argmax(rest)) + 1].long()[0])
            raise too_narrow("a cost of one day", quantity_of(n, 10 ** (2 * scale)), scale)
        found[place] = cost // 10**scale
    return found


# ---------------------------------------------------------------- columns


def _table(
    charges: Charges, kinds: Sequence[Cost], billed: Billed, heading: Heading, days: Sequence[str]
) -> Any:
    """Charges under their names: every column of FOCUS, in their order."""
    options, plan = billed.job.options, billed.job.options.plan
    tz = plan.cycle.tz if plan.cycle else "UTC"
    group, what, scale = array_of(charges.group), array_of(charges.what), options.scale
    by_group = accounts(billed, heading)
    # what all bills share is written once, with any account: whose a row is, its group says
    any_account = evolve(heading, account_id=heading.account_id or "any")
    shared = any_account.columns({}, plan.currency.code, options.period, tz=tz)
    rows = [{**row_of(kind, shared, heading.skus), **charge_period(kind, tz)} for kind in kinds]
    found = dict[str, Any]()
    for column in COLUMNS:
        cells: list[Any] = [row[column] for row in rows]
        if column in MEASURES:
            is_told = np.array([cell is not None for cell in cells], bool)[charges.what]
            found[column] = decimals_of(charges.numbers[MEASURES.index(column)], scale, is_told)
        elif column in NUMBERS:
            found[column] = prices(cells, scale).take(what)
        elif column in by_group:
            found[column] = by_group[column].take(group)
        elif column in TIMES:
            instants = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
            found[column] = pa.array(instants, INSTANT).take(what)
        else:
            found[column] = named(cells, [what])
    if days:
        found |= day_ends(found, charges.day, days, tz)
    return pa.table(found)


def prices(cells: Iterable[Decimal | None], scale: int) -> Any:
    """Prices by kind of charge."""
    listed = list(cells)
    numbers = Ints(np.array([unscaled(cell or ZERO, scale, "a price") for cell in listed], object))
    return decimals_of(numbers, scale, np.array([cell is not None for cell in listed], bool))


def accounts(billed: Billed, heading: Heading) -> dict[str, Any]:
    """The columns that differ from bill to bill: account, part of it, invoice, tags."""
    count, by = billed.settled.sums.groups, list(billed.groups)
    texts = {column: plain(cells).cast(pa.string()) for column, cells in billed.groups.items()}
    for column, cells in texts.items():
        for cell in pc.unique(cells).to_pylist():
            name(cell, what=column)  # names reach invoices and terminals, as those of a bill do
    first = next((column for column in ("customer", *by) if column in by), None)
    sub_account = "sub_account" if "sub_account" in by else None
    found = dict[str, Any]()
    if heading.account_id is None and first is not None:
        found["BillingAccountId"] = texts[first]
        if heading.account_name is None:
            found["BillingAccountName"] = texts[first]
    elif sub_account is None and heading.sub_account_id is None:
        sub_account = first
    if heading.sub_account_id is None and sub_account is not None:
        found["SubAccountId"] = found["SubAccountName"] = texts[sub_account]
        if heading.sub_account_name is not None:
            found["SubAccountName"] = pa.repeat(pa.scalar(heading.sub_account_name), count)
    if heading.invoice_id is None and "number" in by:
        found["InvoiceId"] = texts["number"]
    own = [column for column in by if column not in (first, sub_account, "number")]
    if own:
        rows = zip(*(texts[column].to_pylist() for column in own), strict=True)
        tags = [key_values({**dict(zip(own, row, strict=True)), **heading.tags}) for row in rows]
        found["Tags"] = texts_of(tags)
    return found


def day_ends(found: Mapping[str, Any], day: Array, days: Sequence[str], tz: str) -> dict[str, Any]:
    """The charge periods of rows, of those of one day that day, as far as it is in the period."""
    home, dates = zone(tz), [date.fromisoformat(text) for text in days]
    where = array_of(day, valid=day >= 0)
    starts, stops = (
        array_of(np.array([boundary(each + timedelta(days=more), home) for each in dates], np.int64)).take(
            where
        )
        for more in (0, 1)
    )
    # of a day in which terms change, or a period begins, the part of it is charged; null says nothing
    start, stop = (found[name].cast(pa.int64()) for name in TIMES[2:])
    return {
        "ChargePeriodStart": pc.max_element_wise(starts, start).cast(INSTANT),
        "ChargePeriodEnd": pc.min_element_wise(stops, stop).cast(INSTANT),
    }
