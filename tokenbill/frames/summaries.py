"""Summaries of bills on arrays: what each comes to, under one plan or several."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from tokenbill.frames.arrow_columns import array_of, decimals_of, texts_of
from tokenbill.frames.bills import held
from tokenbill.frames.credit import GrantTable, credited
from tokenbill.frames.engines import np, pa
from tokenbill.frames.ints import Array, Ints, picked
from tokenbill.frames.job import Job
from tokenbill.frames.parts import Part
from tokenbill.frames.tables import billed, bills_by_plan, together, under

__all__ = ["compared", "draws", "margins", "rolled_out", "totals"]


def totals(job: Job, part: Part, grants: GrantTable | None = None) -> Any:
    """A row for each bill: what it comes to, what grants pay of it, and in which currency."""
    scale, tables = job.options.scale, list[Any]()
    for found in bills_by_plan(job, part):
        if grants is None:
            amounts = found.settled.totals()._asdict()
        else:
            paid = credited(found, grants)
            amounts = {**paid.totals._asdict(), "paid": paid.paid, "due": paid.due}
        columns = found.groups | {name: decimals_of(n, scale) for name, n in amounts.items()}
        count = len(columns["total"])
        code = texts_of([found.job.options.plan.currency.code])
        columns["currency"] = pa.DictionaryArray.from_arrays(array_of(np.zeros(count, np.int32)), code)
        tables.append(pa.table(columns))
    return together(tables)


def draws(job: Job, part: Part, grants: GrantTable) -> Any:
    """A row for each grant that was drawn on: how much, and what is left of it."""
    scale, tables = job.options.scale, list[Any]()
    for found in bills_by_plan(job, part):
        paid = credited(found, grants)
        rows = np.flatnonzero(paid.drawn.nonzero())
        owners = array_of(paid.group[rows])
        (left, places), row = grants.left, array_of(rows)

        def name(place: int, rows: Array = rows) -> str:
            return f"grant {grants.columns['id'][int(rows[place])].as_py()}"

        whole = held(left[rows], places, what="credit", scale=scale, name=name)
        columns = {key: cells.take(owners) for key, cells in found.groups.items()}
        columns["id"] = grants.columns["id"].take(row).cast(pa.string())
        columns["amount"] = decimals_of(paid.drawn[rows], scale)
        columns["left"] = decimals_of(whole - paid.drawn[rows], scale)
        columns["currency"] = grants.columns["currency"].take(row).cast(pa.string()).dictionary_encode()
        tables.append(pa.table(columns))
    return together(tables)


def compared(job: Job, part: Part) -> Any:
    """A row for each group: its total under each plan, and the plan of the lowest."""
    groups, found = under_each(job, part, -1)
    best, which = None, np.zeros(0, np.int32)
    for place, numbers in enumerate(found.values()):
        if best is None:
            best, which = numbers, np.zeros(numbers.size, np.int32)
            continue
        # strictly lower: of plans that cost the same the first one is named
        is_lower = (numbers - best).signs()
        best, which = picked(is_lower, numbers, best), np.where(is_lower, place, which).astype(np.int32)
    columns = groups | {name: decimals_of(n, job.options.scale) for name, n in found.items()}
    names = texts_of(list(found))
    columns["cheapest"] = pa.DictionaryArray.from_arrays(array_of(which), names)
    return pa.table(columns)


def margins(job: Job, part: Part) -> Any:
    """A row for each group: revenue, cost, the margin, and its part of the revenue."""
    groups, found = under_each(job, part, 0)
    scale = job.options.scale
    revenue, cost = found["revenue"], found["cost"]
    rest = revenue - cost
    is_none = ~revenue.nonzero()
    divisor = picked(is_none, 1, revenue)
    rates = (rest * (2 * 10**scale) + divisor) // (divisor * 2)
    columns = groups | {
        "revenue": decimals_of(revenue, scale),
        "cost": decimals_of(cost, scale),
        "margin": decimals_of(rest, scale),
        "rate": decimals_of(rates, scale, ~is_none),
    }
    return pa.table(columns)


def rolled_out(job: Job, part: Part, percent: Decimal) -> Any:
    """A row for each group: its total under the old terms and the new, and whether it would grow too much."""
    groups, found = under_each(job, part, -1)
    scale = job.options.scale
    old, new = found["old"], found["new"]
    # in whole numbers: a growth of exactly so many percent is allowed
    whole = 1 + Fraction(percent) / 100
    stays = (old * whole.numerator - new * whole.denominator).signs()
    columns = groups | {
        "old": decimals_of(old, scale),
        "new": decimals_of(new, scale),
        "change": decimals_of(new - old, scale),
        "stays": array_of(stays),
    }
    return pa.table(columns)


def under_each(job: Job, part: Part, amount: int) -> tuple[dict[str, Any], dict[str, Ints]]:
    """The groups, and one of the amounts of each under each plan, by its name."""
    groups, found = dict[str, Any](), dict[str, Ints]()
    plans: Any = job.options.plans
    for name, plan in plans.items():
        bills = billed(*under(job, part, plan))
        groups, found[name] = bills.groups, bills.settled.totals()[amount]
    return groups, found
