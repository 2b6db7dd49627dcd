"""Statements: what a store asks of its tables, each compiled once for a kind of database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Dialect, select
from sqlalchemy.sql import ClauseElement

from tokenbill.store import tables

__all__ = [
    "ADD_BILL",
    "ADD_CHANGE",
    "ADD_CONTRACT",
    "ADD_CUSTOMER",
    "ADD_EVENT",
    "ADD_GRANT",
    "ADD_PERIOD",
    "ADVANCE",
    "ADVANCE_WHOLE",
    "BILLS",
    "CHANGES",
    "CLOSED",
    "CLOSED_AT",
    "CLOSED_BEFORE",
    "CLOSE_PERIOD",
    "CONTRACT",
    "CUSTOMERS",
    "EVENTS_OF",
    "EVENTS_WITHIN",
    "GRANTS",
    "LATER_EVENTS",
    "LOCK",
    "LOOK",
    "RETIRE",
    "SNAPSHOT",
    "Statement",
    "one",
]


class Statement:
    """A statement that is compiled once for each driver; to compile it costs more than to run it."""

    __slots__ = ("clause", "texts")

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause
        self.texts: dict[str, tuple[str, Sequence[str] | None, dict[str, Any]]] = {}

    def bound(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, Any]:
        """The text for a dialect, with values as its driver takes them."""
        text, names, fixed = self.texts.get(dialect.driver) or self._compiled(dialect)
        if fixed:
            values = {**fixed, **values}
        return text, values if names is None else tuple([values[name] for name in names])

    def bound_many(
        self, dialect: Dialect, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> tuple[str, Sequence[Any]]:
        """The same for many rows of values, *names* being those of each."""
        text, places, _ = self.texts.get(dialect.driver) or self._compiled(dialect)
        if places is None:
            return text, [dict(zip(names, row, strict=True)) for row in rows]
        if [*places] == [*names]:
            return text, rows
        order = [names.index(place) for place in places]
        return text, [[row[i] for i in order] for row in rows]

    def _compiled(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, dict[str, Any]]:
        # The driver decides on the signs for values, and with a number of places on their order; what
        # SQLAlchemy writes by itself, such as the number of a LIMIT, is a value, too.
        compiled: Any = self.clause.compile(dialect=dialect)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        names = compiled.positiontup if compiled.positional else None
        found = self.texts[dialect.driver] = str(compiled), names, fixed
        return found


def one(name: str) -> Any:
    """A value that a statement is run with."""
    return BindParameter[Any](name)


# SQLite leaves out FOR UPDATE, and needs none: its transactions begin with the lock of the whole file.
LOCK = Statement(
    select(tables.customers.c.seq, tables.customers.c.snapshot_seq)
    .where(tables.customers.c.customer == one("name"))
    .with_for_update()
)
LOOK = Statement(
    select(tables.customers.c.seq, tables.customers.c.snapshot_seq, tables.customers.c.snapshot).where(
        tables.customers.c.customer == one("name")
    )
)
SNAPSHOT = Statement(select(tables.customers.c.snapshot).where(tables.customers.c.customer == one("name")))
ADD_CUSTOMER = Statement(tables.customers.insert())
# the condition is the last guard: a seq that moved on means that the lock was none
ADVANCE = Statement(
    tables.customers.update()
    .where(tables.customers.c.customer == one("name"), tables.customers.c.seq == one("was"))
    .values(seq=one("now"))
)
ADVANCE_WHOLE = Statement(
    tables.customers.update()
    .where(tables.customers.c.customer == one("name"), tables.customers.c.seq == one("was"))
    .values(seq=one("now"), snapshot_seq=one("at"), snapshot=one("text"))
)
LATER_EVENTS = Statement(
    select(
        tables.events.c.seq,
        tables.events.c.time,
        tables.events.c.usage,
        tables.events.c.total,
        tables.events.c.due,
    )
    .where(tables.events.c.customer == one("name"), tables.events.c.seq > one("after"))
    .order_by(tables.events.c.seq)
)
# Times are text of one length in UTC, which every database compares as time does, to the microsecond.
EVENTS_WITHIN = Statement(
    select(tables.events.c.time, tables.events.c.usage).where(
        tables.events.c.customer == one("name"),
        tables.events.c.time >= one("since"),
        tables.events.c.time < one("until"),
    )
)
EVENTS_OF = Statement(
    select(tables.events.c.time, tables.events.c.usage).where(
        tables.events.c.customer == one("name"), tables.events.c.period == one("number")
    )
)
ADD_EVENT = Statement(tables.events.insert())
ADD_CHANGE = Statement(tables.changes.insert())
CHANGES = Statement(
    select(
        tables.changes.c.seq,
        tables.changes.c.period,
        tables.changes.c.kind,
        tables.changes.c.document,
        tables.changes.c.total,
        tables.changes.c.due,
    )
    .where(tables.changes.c.customer == one("name"))
    .order_by(tables.changes.c.seq, tables.changes.c.period)
)
CONTRACT = Statement(select(tables.contracts.c.document).where(tables.contracts.c.hash == one("key")))
ADD_CONTRACT = Statement(tables.contracts.insert())
ADD_PERIOD = Statement(tables.periods.insert())
CLOSE_PERIOD = Statement(
    tables.periods.update()
    .where(tables.periods.c.customer == one("name"), tables.periods.c.number == one("key"))
    .values(since=one("from"), until=one("to"), closed=one("text"))
)
CLOSED_AT = Statement(
    select(tables.periods.c.number, tables.periods.c.closed)
    .where(
        tables.periods.c.customer == one("name"),
        tables.periods.c.closed != "",
        tables.periods.c.since <= one("at"),
        tables.periods.c.until > one("at"),
    )
    .order_by(tables.periods.c.since)
)
CLOSED = Statement(
    select(tables.periods.c.closed)
    .where(tables.periods.c.customer == one("name"), tables.periods.c.closed != "")
    .order_by(tables.periods.c.number)
)
# An endless period that was closed goes on as another one, which begins where the last one ended.
CLOSED_BEFORE = Statement(
    select(tables.periods.c.until)
    .where(
        tables.periods.c.customer == one("name"),
        tables.periods.c.closed != "",
        tables.periods.c.until <= one("at"),
    )
    .order_by(tables.periods.c.until.desc())
    .limit(1)
)
GRANTS = Statement(
    select(tables.grants.c.id, tables.grants.c.document, tables.grants.c.retired).where(
        tables.grants.c.customer == one("name")
    )
)
ADD_GRANT = Statement(tables.grants.insert())
RETIRE = Statement(
    tables.grants.update()
    .where(tables.grants.c.customer == one("name"), tables.grants.c.id == one("key"))
    .values(retired=one("text"))
)
ADD_BILL = Statement(tables.bills.insert())
BILLS = Statement(
    select(
        tables.bills.c.number,
        tables.bills.c.period,
        tables.bills.c.kind,
        tables.bills.c.document,
        tables.bills.c.seq,
    )
    .where(tables.bills.c.customer == one("name"))
    .order_by(tables.bills.c.number)
)
CUSTOMERS = Statement(select(tables.customers.c.customer).order_by(tables.customers.c.customer))
