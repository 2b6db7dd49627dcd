"""Credit in columns: what the grants of all customers pay of their bills.

Grants without a scope pay by sums, as they do of a single account: promotional credit of the net, paid credit
of the total, and which grant that is drawn of is a running sum, clipped. Where it matters which charge credit
pays, or a plan asks more of a balance, the bill of a customer is made by `Bill.of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant, kind_of
from tokenbill.core.money.currencies import currency as unit_of
from tokenbill.core.periods.instants import zone
from tokenbill.errors import InvalidGrant, InvalidPeriod, UnreadableInput
from tokenbill.frames.arrow_columns import Numbers, array_of, coded, numbers_of, plain, readable
from tokenbill.frames.bills import Settled, Totals, held
from tokenbill.frames.column_plan import BillRow, bill_rows
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import LONG, Array, Ints, beyond, lower, picked
from tokenbill.frames.layouts import Options, null_keys, quantity_of
from tokenbill.frames.scales import unscaled
from tokenbill.frames.sums import added
from tokenbill.frames.tables import Billed
from tokenbill.frames.times import boundary, micros_of

__all__ = ["Credited", "GrantTable", "credited"]

ALWAYS, NEVER = -LONG, LONG - 1
"""When a grant starts that is always usable, and when one ends that never does."""


class GrantTable(NamedTuple):
    """The grants that can pay, in order of drawing: their columns, what is left of each, who each is of.

    It is sent to the workers of a cluster.
    """

    columns: dict[str, Any]
    amount: Numbers
    left: Numbers
    is_promotional: Array
    by: tuple[str, ...]
    at: date | None

    @classmethod
    def of(cls, frame: Any, options: Options, at: date | None) -> GrantTable:
        """Those of a frame, at a moment, or, without one, for bills of the whole period.

        Raises:
            UnreadableInput: For a column that is not there, and a grant without an owner or id.
            InvalidGrant: For a negative amount, an unknown kind, and an id that a customer has twice.
            InvalidPeriod: For grants that start or expire, where neither a moment nor a period is given.
        """
        table = table_of(frame)
        for name in (*options.by, "id", "amount", "currency"):
            if name not in table.schema.names:
                raise UnreadableInput(
                    "no such column of grants", name, "grants have an owner, id, amount, currency"
                )
        columns = {name: plain(readable(table[name])) for name in table.schema.names}
        for name in (*options.by, "id", "currency"):
            if columns[name].null_count:
                first = pc.index(columns[name].is_null(), True).as_py()
                raise null_keys(name, columns[name].null_count, f"row {first} of the grants")
        code, different = coded({name: columns[name] for name in (*options.by, "id")}, table.num_rows)
        if len(different["id"]) < table.num_rows:
            again = int(np.flatnonzero(np.bincount(code)[code] > 1)[0])
            raise InvalidGrant(
                "a grant given twice", columns["id"][again].as_py(), "give each an id of its own"
            )
        amount = _credit(columns["amount"], "amount")
        left = _credit(columns["left"], "left") if "left" in columns else amount
        count = table.num_rows
        kinds = columns.get("kind", pa.repeat("paid", count)).cast(pa.string()).fill_null("paid")
        for kind in pc.unique(kinds).to_pylist():
            kind_of(kind)
        starts, expires, is_usable = _life(columns, count, options, at)
        priority = np.zeros(count, np.int64)
        if "priority" in columns:
            priority = columns["priority"].fill_null(0).to_numpy()
        rank = pc.rank(columns["id"], sort_keys="ascending", tiebreaker="dense").to_numpy()
        # the order of `Balance`: lower priority, what expires first, what could be used first, and the id
        order = np.lexsort((rank, starts, expires, priority))
        rows = order[(is_usable & left[0].nonzero())[order]]
        return cls(
            {name: cells.take(array_of(rows)) for name, cells in columns.items()},
            (amount[0][rows], amount[1]),
            (left[0][rows], left[1]),
            pc.equal(kinds, "promotional").to_numpy(zero_copy_only=False)[rows],
            options.by,
            at,
        )

    def owners(self, groups: dict[str, Any], count: int) -> Array:
        """The group that each grant is of; -1 where that used nothing."""
        size = self.is_promotional.size
        if not self.by:
            return np.zeros(size, np.int64)
        both = {name: together(groups[name], self.columns[name]) for name in self.by}
        # groups are there once each, so their codes lead back to their places
        code, different = coded(both, count + size)
        # a customer who used nothing has grants, and no bill that they could pay
        place = np.full(len(next(iter(different.values()))), -1)
        place[code[:count]] = np.arange(count)
        return place[code[count:]]

    def grants(self, rows: Iterable[int]) -> tuple[list[Grant], dict[str, Decimal], dict[str, Decimal]]:
        """Some of them, what of each was drawn before, and what roll-over added."""
        grants, drawn, more = list[Grant](), dict[str, Decimal](), dict[str, Decimal]()
        for row in rows:
            cells = {name: cells[row].as_py() for name, cells in self.columns.items()}
            amount, left = (
                quantity_of(int(n[row : row + 1].long()[0]), 10**places)
                for n, places in (self.amount, self.left)
            )
            options = {name: cells.get(name) for name in ("starts", "expires", "on")}
            priority, kind = cells.get("priority") or 0, cells.get("kind") or "paid"
            grant = Grant(
                str(cells["id"]), amount, cells["currency"], priority=priority, kind=kind, **options
            )
            grants.append(grant)
            (drawn if left <= amount else more)[grant.id] = abs(amount - left)
        return grants, drawn, more


class Credited(NamedTuple):
    """What bills come to beside credit: ``totals``, ``paid`` and ``due`` of each group, in 1/10^scale.

    ``drawn`` is what was drawn of each grant, by its row in the table, and ``group`` whose it is.
    """

    totals: Totals
    paid: Ints
    due: Ints
    group: Array
    drawn: Ints


def credited(found: Billed, grants: GrantTable) -> Credited:
    """The bills of groups with what their grants pay."""
    settled, plan = found.settled, found.settled.plan
    count, scale, places = settled.sums.groups, plan.scale, plan.form.places
    group = grants.owners(found.groups, count)
    is_lone = _lone(settled, grants, group)
    in_arrays = np.flatnonzero(~is_lone[group] & (group >= 0)) if count else np.zeros(0, np.int64)
    order = in_arrays[np.argsort(group[in_arrays], kind="stable")]
    n, digits = grants.left
    # what is less than a minor unit is never drawn
    units, is_promotional, owner = (
        n[order] * 10**places // 10**digits,
        grants.is_promotional[order],
        group[order],
    )
    offered = {
        sort: added(count, owner[is_promotional == sort], units[is_promotional == sort])
        for sort in (True, False)
    }
    hold = partial(held, what="all meters together", scale=scale, name=settled.sums.name, least=places)
    if is_lone.all() and count:
        nothing = Ints(np.zeros(count, np.int64), 0)
        totals = Totals(*[nothing] * 5)
    else:
        totals = settled.totals(offered[True] if is_promotional.any() else None)
    paid = lower(hold(offered[False], places), totals.total)
    drawn = Ints(np.zeros(group.size, np.int64), 0)
    for sort, pay in ((True, totals.credit), (False, paid)):
        rows = np.flatnonzero(is_promotional == sort)
        part = _parts(hold(units[rows], places), owner[rows], pay)
        drawn = drawn + part.placed(group.size, order[rows])
    # paid credit is money: it pays last, tax included
    both = Credited(totals, paid, totals.total - paid, group, drawn)
    return with_lone(both, settled, grants, np.flatnonzero(is_lone)) if is_lone.any() else both


def _lone(settled: Settled, grants: GrantTable, group: Array) -> Array:
    """The groups whose bills `Bill.of` makes."""
    plan, form = settled.plan.plan, settled.plan.form
    count = settled.sums.groups
    has_plain_money = plan.overage == "bill" and plan.least_due is None and plan.pricing_unit == plan.currency
    if not (settled.is_on_arrays and has_plain_money and plan.token_price is None):
        return np.ones(count, bool)
    is_lone, on = np.zeros(count, bool), grants.columns.get("on")
    units = grants.columns["currency"]
    ours = [text for text in pc.unique(units).to_pylist() if unit_of(text) == plan.currency]
    is_odd = ~pc.is_in(units, pa.array(ours, units.type)).to_numpy(zero_copy_only=False)
    if on is not None:
        is_odd |= on.is_valid().to_numpy(zero_copy_only=False)
    # promotional credit lowers what is taxed, and where taxes have scopes, it matters of which charge
    if not (form.by_cell and all(tax.on is None for tax in plan.taxes)):
        is_odd |= grants.is_promotional
    is_lone[group[is_odd & (group >= 0)]] = True
    return is_lone


def _parts(units: Ints, owner: Array, pay: Ints) -> Ints:
    """What each grant pays of what all of its owner pay: a running sum, clipped."""
    if not units.size:
        return units
    is_short = units.high is None and not units.is_long and units.top * units.size < LONG
    upto = Ints(np.cumsum(units.low if is_short else units.long()))
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    base = (upto - units)[first][np.repeat(np.arange(first.size), np.diff(np.r_[first, owner.size]))]
    # what the grants before it paid is gone by the time a grant is asked
    rest = beyond(pay[owner] - (upto - units - base), 0)
    found: Ints = lower(units, rest)
    return found


def with_lone(found: Credited, settled: Settled, grants: GrantTable, lone: Array) -> Credited:
    """The same with the bills of some groups made one by one."""
    rows_of = dict[int, list[int]]()
    for row, owner in enumerate(found.group.tolist()):
        rows_of.setdefault(owner, []).append(row)
    scale, count = settled.plan.scale, settled.sums.groups
    paid, due = np.zeros(count, object), np.zeros(count, object)
    drawn, listed = found.drawn.long(), list[tuple[int, BillRow]]()
    for owner, usage in zip(lone.tolist(), settled.usages(lone), strict=True):
        rows = rows_of.get(owner, [])
        held_grants, before, more = grants.grants(rows)
        balance = Balance(held_grants, draws=before, rolled_over=more)
        period = settled.plan.period
        bill = Bill.of(usage, settled.terms, opening=Account(balance=balance), period=period, at=grants.at)
        listed.extend((owner, row) for row in bill_rows(bill, {}, scale))
        due[owner], draws = unscaled(bill.due, scale), dict(bill.draws)
        for row, grant in zip(rows, held_grants, strict=True):
            drawn[row] = unscaled(draws.get(grant.id, Decimal(0)), scale, "a draw")
            is_money = grant.currency == settled.plan.plan.currency and grant.kind == "paid"
            paid[owner] += drawn[row] if is_money else 0
    where = np.zeros(count, bool)
    where[lone] = True
    lone_totals = settled.added_up(settled.listed(listed))
    totals = Totals(
        *(picked(where, one, other) for one, other in zip(lone_totals, found.totals, strict=True))
    )
    return found._replace(
        totals=totals,
        paid=picked(where, Ints(paid), found.paid),
        due=picked(where, Ints(due), found.due),
        drawn=Ints(drawn),
    )


# ---------------------------------------------------------------- the frame of grants


def table_of(frame: Any) -> Any:
    """A frame of any engine as a table of Arrow; a lazy one is evaluated."""
    for name in ("collect", "compute"):
        if hasattr(frame, name) and not hasattr(frame, "toArrow"):
            frame = getattr(frame, name)()
    for name in ("toArrow", "to_arrow_table"):
        if hasattr(frame, name):
            return getattr(frame, name)()
    try:
        if hasattr(frame, "iloc"):
            return pa.Table.from_pandas(frame, preserve_index=False)
        return pa.table(frame)
    except (TypeError, ValueError, pa.ArrowException) as error:
        kind = type(frame).__name__
        raise UnreadableInput("not a frame of grants", kind, "give a data frame") from error


def _credit(cells: Any, name: str) -> Numbers:
    """A column of amounts of credit."""
    n, places = numbers_of(name, cells, place="row {} of the grants".format, signed=True)
    if n.signs().any():
        first = int(np.argmax(n.signs()))
        raise InvalidGrant("a negative amount of credit", cells[first].as_py(), "give zero or more")
    return n, places


def _life(
    columns: dict[str, Any], count: int, options: Options, at: date | None
) -> tuple[Array, Array, Array]:
    """When each grant starts and expires, and whether it can pay."""
    period, cycle = options.period, options.plan.cycle
    home: Any = zone(cycle.tz if cycle else "UTC")
    if period is not None and isinstance(period.start, datetime):
        home = period.start.tzinfo
    edges, is_dated = list[Array](), np.zeros(count, bool)
    for name, none in (("starts", ALWAYS), ("expires", NEVER)):
        edge = np.full(count, none, np.int64)
        if name in columns:
            is_there = columns[name].is_valid()
            cells = columns[name].filter(is_there)
            where = np.flatnonzero(is_there.to_numpy(zero_copy_only=False))
            if where.size:
                edge[where] = micros_of(name, cells, home, "row {} of the grants".format)
                is_dated[where] = True
        edges.append(edge)
    starts, expires = edges
    if at is not None:
        now = boundary(at, home)
        return starts, expires, (starts <= now) & (expires > now)
    if period is None:
        if is_dated.any():
            raise InvalidPeriod("grants that start or expire, and no moment", None, 'give at="2026-11-05"')
        return starts, expires, ~is_dated
    end = boundary(period.end, home)
    # a grant pays a bill of all of a period if it starts before the end and lasts up to it
    return starts, expires, (starts < end) & (expires >= end)


def together(one: Any, other: Any) -> Any:
    """Two columns of keys in one; of different types by their text."""
    one, other = plain(one), plain(other)
    chunks = list[Any]()
    kind = one.type if one.type == other.type else pa.string()
    for cells in (one, other):
        cast = cells.cast(kind)
        chunks.extend(cast.chunks if isinstance(cast, pa.ChunkedArray) else [cast])
    return pa.chunked_array(chunks, kind)
