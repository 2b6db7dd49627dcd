"""Sessions: one transaction of a database, with the ledgers that it locks and what it writes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Dialect

from tokenbill.core.credits.balance import Balance
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.errors import BillMismatch, InvalidAccount
from tokenbill.serial import dumps, loads
from tokenbill.store.closing import joined
from tokenbill.store.ledger import Ledger
from tokenbill.store.moved import billed_at, drafted, sides
from tokenbill.store.parts import OWN, Agreed, Booking, Part
from tokenbill.store.snapshots import part_of, part_text, restore, snapshot, span_written
from tokenbill.store.statements import (
    ADD_BILL,
    ADD_CHANGE,
    ADD_CUSTOMER,
    ADD_PERIOD,
    ADVANCE,
    ADVANCE_WHOLE,
    BILLS,
    CHANGES,
    CLOSE_PERIOD,
    CLOSED,
    CLOSED_AT,
    CLOSED_BEFORE,
    CONTRACT,
    EVENTS_OF,
    EVENTS_WITHIN,
    GRANTS,
    LATER_EVENTS,
    LOCK,
    LOOK,
    RETIRE,
    SNAPSHOT,
    Statement,
)
from tokenbill.store.texts import AS_JSON, document_of, time_of, time_text, usage_of

__all__ = ["Books", "Session"]

SNAPSHOT_AFTER = 128
"""Fewest operations after which a ledger is stored anew; up to then its events say what became of it."""
EVENT_LENGTH = 16
"""As many characters of a stored ledger take as long to write and read as one event takes to book again."""
CACHED = 4096
"""Most ledgers that a store keeps in memory."""

Row = Sequence[Any]


class Books:
    """What a store keeps in memory: ledgers as they were when it last wrote them, and terms by their hash.

    A ledger is taken out while a transaction has its customer locked, so that no two threads share one.
    """

    def __init__(self, contracts: dict[str, Agreed] | None = None) -> None:
        self.ledgers: dict[str, Ledger] = {}
        self.contracts: dict[str, Agreed] = {} if contracts is None else contracts

    def put(self, ledgers: Iterable[Ledger]) -> None:
        """Keep ledgers that were written, and let the oldest go."""
        for ledger in ledgers:
            self.ledgers[ledger.customer] = ledger
        # A dict keeps the order in which things came: the first is the ledger that was written longest ago.
        while len(self.ledgers) > CACHED:
            try:
                self.ledgers.pop(next(iter(self.ledgers)), None)
            except (StopIteration, RuntimeError):  # another thread was faster
                return


class Session:
    """One transaction: it locks customers in order of their names, and writes what became of them."""

    def __init__(self, dialect: Dialect, cursor: Any, books: Books, *, locking: bool) -> None:
        self.dialect, self.cursor = dialect, cursor
        self.books, self.locking = books, locking
        self.ledgers: dict[str, Ledger] = {}
        self.was: dict[str, tuple[int, int]] = {}

    def rows(self, statement: Statement, **values: Any) -> list[Row]:
        """What a query finds."""
        self.cursor.execute(*statement.bound(self.dialect, values))
        found: list[Row] = self.cursor.fetchall()
        return found

    def run(self, statement: Statement, **values: Any) -> int:
        """Run a statement; how many rows it touched."""
        self.cursor.execute(*statement.bound(self.dialect, values))
        return int(self.cursor.rowcount)

    def run_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Insert rows."""
        if len(rows) == 1:
            self.run(statement, **rows[0])
        elif rows:
            text, _ = statement.bound(self.dialect, rows[0])
            self.cursor.executemany(text, [statement.bound(self.dialect, row)[1] for row in rows])

    def run_rows(self, statement: Statement, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows that are given without their names."""
        if rows:
            text, values = statement.bound_many(self.dialect, names, rows)
            # a driver may take one row in a shorter way than a list of one
            if len(values) == 1:
                self.cursor.execute(text, values[0])
            else:
                self.cursor.executemany(text, values)

    def ledger(self, customer: str, *, new: bool = False) -> Ledger:
        """The ledger of a customer as the database has it now, locked against all others.

        Raises:
            InvalidAccount: If there is no such customer, and it is not to be made a *new* one.
        """
        if customer in self.ledgers:
            return self.ledgers[customer]
        # without a lock seq and snapshot come by one statement, so that they belong together
        found = self.rows(LOCK if self.locking else LOOK, name=customer)
        if not found:
            if not new:
                way_out = "agree on terms first: store.agree(customer, plan)"
                raise InvalidAccount("an unknown customer", customer, way_out)
            ledger = Ledger(customer, Archived(self, customer))
            self.run(ADD_CUSTOMER, customer=customer, seq=0, snapshot_seq=0, snapshot=snapshot(ledger))
            self.was[customer] = 0, 0
        else:
            seq, stored, *rest = found[0]
            # only under the lock: what another thread has put there is whole
            kept = self.books.ledgers.pop(customer, None)
            if kept is None or not stored <= kept.seq <= seq:
                text = rest[0] if rest else self.rows(SNAPSHOT, name=customer)[0][0]
                kept = restore(customer, stored, text, Archived(self, customer), self.contract)
            ledger = kept
            ledger.archive = Archived(self, customer)
            ledger = self._caught_up(ledger, seq)
            self.was[customer] = seq, stored
        self.ledgers[customer] = ledger
        return ledger

    def _caught_up(self, ledger: Ledger, seq: int) -> Ledger:
        """Book the events that others have recorded since; anything else would have stored the ledger."""
        if ledger.seq == seq:
            return ledger
        # Booked again they must cost what was written: processes of two versions of this library may share a
        # database, and money never changes in silence.
        for number, time, usage, total, due in self.rows(
            LATER_EVENTS, name=ledger.customer, after=ledger.seq
        ):
            at, used = time_of(time), usage_of(usage)
            first, *others = sides(ledger.part_at(at), at)
            before = drafted(ledger, ledger.archive) if others else ledger
            booking = ledger.charge(ledger.part_at(first), used, first)
            if others and (booking.units, booking.due_units) != (total, due):
                ledger = before
                booking = ledger.charge(ledger.part_at(others[0]), used, others[0])
                billed_at(booking.part, others[0], at)
            check(f"event {number} of {ledger.customer}", booking, total, due)
        ledger.is_changed = False
        ledger.opened_parts.clear()
        return ledger

    def contract(self, key: str) -> Agreed:
        """The terms of a hash."""
        known = self.books.contracts.get(key)
        if known is None:
            [(text,)] = self.rows(CONTRACT, key=key)
            known = self.books.contracts[key] = loads(text, longest=OWN)
        return known

    def save(self) -> None:
        """Write what became of all ledgers of this transaction.

        Raises:
            BillMismatch: If another one has written one of them, in spite of the lock.
        """
        for name, ledger in self.ledgers.items():
            was, stored = self.was[name]
            if ledger.seq == was:
                continue
            for part in ledger.opened_parts:
                self.run(
                    ADD_PERIOD,
                    customer=name,
                    number=part.number,
                    since=time_text(part.since),
                    until=time_text(part.until),
                    currency=part.currency,
                    places=part.places,
                    closed="",
                )
            ledger.opened_parts.clear()
            ledger.archive.save()
            # An account as text takes longer to write than its event: mostly the number of operations moves
            # on, and the events since the last text say what became of it. Whatever no event says is written
            # at once.
            values: dict[str, Any] = {"name": name, "was": was, "now": ledger.seq}
            # A long text, as of a hundred spent grants, is written more seldom: what it costs an event stays
            # the same, however much a customer has behind it.
            enough = SNAPSHOT_AFTER + ledger.stored_length // EVENT_LENGTH
            if ledger.is_changed or ledger.seq - stored >= enough or not ledger.is_warm:
                text = snapshot(ledger)
                touched = self.run(ADVANCE_WHOLE, **values, at=ledger.seq, text=text)
                stored, ledger.stored_length = ledger.seq, len(text)
                ledger.is_changed = False
            else:
                touched = self.run(ADVANCE, **values)
            if touched != 1:
                raise BillMismatch(f"the account of {name}", was, "another one")
            self.was[name] = ledger.seq, stored

    def add_change(
        self, ledger: Ledger, kind: str, document: Mapping[str, Any], bookings: Sequence[Booking] = ()
    ) -> None:
        """Write an operation that is no event, with what it charged in each period."""
        # What is no event is known to other processes by the whole ledger alone, which is stored with it.
        ledger.is_changed = True
        text = AS_JSON(document)
        rows = [
            {
                "customer": ledger.customer,
                "seq": ledger.seq,
                "period": booking.part.number,
                "kind": kind,
                "document": text,
                "total": booking.units,
                "due": booking.due_units,
            }
            for booking in bookings
        ]
        nothing = {"customer": ledger.customer, "seq": ledger.seq, "period": 0, "total": 0, "due": 0}
        self.run_many(ADD_CHANGE, rows or [{**nothing, "kind": kind, "document": text}])

    def add_bill(self, ledger: Ledger, part: Part, kind: str, document: Any) -> None:
        """Keep a final bill, or an adjustment of one."""
        # Numbers of bills have no gaps and no doubles: the customer is locked, and a transaction is whole.
        number = len(self.rows(BILLS, name=ledger.customer)) + 1
        self.run(
            ADD_BILL,
            customer=ledger.customer,
            number=number,
            seq=ledger.seq,
            period=part.number,
            kind=kind,
            total=part.minor(document.total),
            document=dumps(document),
        )

    def dated(self, customer: str, part: Part) -> list[tuple[datetime, Usage, Usage]]:
        """What was used in a period, and taken back, by its instants."""
        # A period without end is cut where it is closed, whatever its events say of it; the ends of any other
        # one are as the rules of its zone had them, and may have been others when an event was booked.
        if part.plan.cycle is None:
            rows = self.rows(
                EVENTS_WITHIN, name=customer, since=time_text(part.since), until=time_text(part.until)
            )
        else:
            rows = self.rows(EVENTS_OF, name=customer, number=part.number)
        found = [(time_of(time), usage_of(usage), Usage()) for time, usage in rows]
        for _, number, kind, text, *_ in self.rows(CHANGES, name=customer):
            if kind == "adjust":
                document = document_of(text)
                at = time_of(document["at"])
                if part.holds(number, at):
                    found.append((at, usage_of(document["usage"]), usage_of(document["reversal"])))
        return found


class Archived:
    """The closed periods of a customer and the grants that have left the balance, in the database."""

    def __init__(self, session: Session, customer: str) -> None:
        self.session, self.customer = session, customer
        self.parts: dict[int, Part] = {}
        self._retired: Balance | None = None
        self._left: set[str] = set()

    def closed_at(self, instant: datetime) -> Part | None:
        """The closed period that holds an instant; the same one for each event of a transaction."""
        for part in self.parts.values():
            if part.since <= instant < part.until == utc(part.span.end):
                return part
        found = self.session.rows(CLOSED_AT, name=self.customer, at=time_text(instant))
        if not found:
            return None
        # The last that begins: the day on which a contract ends may begin at another hour by now, while the
        # next contract's period keeps its start.
        number, text = found[-1]
        # One object for all late events of a transaction, so that each is billed on what those before it
        # left.
        if number not in self.parts:
            self.parts[number] = part_of(text, self.session.contract)
        return self.parts[number]

    def spans(self) -> list[Period]:
        """The spans of all closed periods."""
        return [span_written(text) for (text,) in self.session.rows(CLOSED, name=self.customer)]

    def put(self, part: Part) -> None:
        """Keep a period that was closed just now."""
        self.parts[part.number] = part

    def closed_before(self, instant: datetime) -> datetime | None:
        """Where the last period ended that was closed before an instant."""
        found = self.session.rows(CLOSED_BEFORE, name=self.customer, at=time_text(instant))
        return time_of(found[0][0]) if found else None

    def retired(self) -> Balance:
        """The grants that were spent or over when a period closed."""
        if self._retired is None:
            found = [text for _, _, text in self.session.rows(GRANTS, name=self.customer) if text]
            self._retired = joined([loads(text, longest=OWN) for text in found])
        return self._retired

    def retire(self, grants: Balance, back: Sequence[str]) -> None:
        """Keep grants that leave the balance, or what late usage drew on them; some may come *back*."""
        ids = {*back, *(grant.id for grant in grants.grants)}
        known = self.retired()
        others = known.without(*(grant.id for grant in known.grants if grant.id in ids))
        self._retired = joined([others, grants])
        self._left |= ids

    def save(self) -> None:
        """Write the closed periods and the grants of this transaction."""
        for part in self.parts.values():
            self.session.run(
                CLOSE_PERIOD,
                name=self.customer,
                key=part.number,
                text=part_text(part),
                **{"from": time_text(part.since), "to": time_text(part.until)},
            )
        if not self._left:
            return
        retired = self.retired()
        # Each grant is a balance of its own, so that late usage of long ago reads and writes only those it
        # needs.
        for id in sorted(self._left):
            alone = retired.without(*(grant.id for grant in retired.grants if grant.id != id))
            self.session.run(RETIRE, name=self.customer, key=id, text=dumps(alone) if alone.grants else "")
        self._left.clear()


def check(what: str, booking: Booking, total: int, due: int) -> None:
    """That an operation comes to what was written of it.

    Raises:
        BillMismatch: If it does not: money never changes in silence.
    """
    again = booking.units, booking.due_units
    if again != (total, due):
        raise BillMismatch(what, (total, due), again)
