"""Replay: an account made anew from its events and changes, and compared to what a database keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import datetime
from typing import Any, cast

from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.period import Period
from tokenbill.errors import BillMismatch, TokenbillError
from tokenbill.serial import loads
from tokenbill.store.answers import Verified
from tokenbill.store.closing import booked, close, closed_bill, joined
from tokenbill.store.ledger import Ledger
from tokenbill.store.moved import billed_at, drafted, sides
from tokenbill.store.parts import OWN, Booking, Part, Terms, plan_of
from tokenbill.store.sessions import Archived, Session
from tokenbill.store.statements import BILLS, CHANGES, CUSTOMERS, GRANTS, LATER_EVENTS
from tokenbill.store.texts import document_of, edited, time_of, usage_of

__all__ = ["customers_of", "verified"]


class Memory:
    """The closed periods and the grants that left the balance, of a ledger that is replayed."""

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}
        self.grants = Balance()

    def closed_at(self, instant: datetime) -> Part | None:
        """The closed period that holds an instant."""
        found = [part for part in self.parts.values() if part.since <= instant < part.until]
        return max(found, key=lambda part: part.since, default=None)

    def closed_before(self, instant: datetime) -> datetime | None:
        """Where the last period ended that was closed before an instant."""
        return max((part.until for part in self.parts.values() if part.until <= instant), default=None)

    def put(self, part: Part) -> None:
        """Keep a period that was closed just now."""
        self.parts[part.number] = part

    def retired(self) -> Balance:
        """The grants that were spent or over when a period closed."""
        return self.grants

    def retire(self, grants: Balance, back: Sequence[str]) -> None:
        """Keep grants that leave the balance, or what late usage drew on them; some may come *back*."""
        ids = {*back, *(grant.id for grant in grants.grants)}
        known = [grant.id for grant in self.grants.grants if grant.id in ids]
        self.grants = joined([self.grants.without(*known), grants])

    def save(self) -> None:
        """Nothing is written."""


def customers_of(session: Session) -> tuple[str, ...]:
    """All customers of a database, by name."""
    return tuple(name for (name,) in session.rows(CUSTOMERS))


def verified(session: Session, customer: str) -> Verified:
    """Replay one customer.

    Raises:
        BillMismatch: For the first amount, account or bill that comes out otherwise.
    """
    kept = session.ledger(customer)
    open_spans = [part.span for part in kept.parts.values()]
    replay = Replay(session, customer, [*open_spans, *Archived(session, customer).spans()])
    events = replay.run()
    again, memory = replay.ledger, replay.memory
    # The replay asks the same functions in the same order, and none of what a database says of the result.
    for what, one, other in _compared(kept, again):
        if one != other:
            raise BillMismatch(f"{what} of {customer}", one, other)
    for part in memory.parts.values():
        stored = kept.archive.closed_at(part.since)
        if stored is None or _content(stored) != _content(part):
            raise BillMismatch(f"the closed period {part.span} of {customer}", stored, part)
    kept_grants = kept.archive.retired() if memory.parts else memory.grants
    if {g.id: kept_grants.left(g.id) for g in kept_grants.grants} != {
        g.id: memory.grants.left(g.id) for g in memory.grants.grants
    }:
        raise BillMismatch(f"the spent grants of {customer}", kept_grants, memory.grants)
    rows = session.rows(BILLS, name=customer)
    _check_bills(
        customer, [(period, loads(document, longest=OWN)) for _, period, _, document, _ in rows], memory
    )
    return Verified(1, events, len(rows))


def _content(part: Part) -> tuple[object, ...]:
    return part.span, part.terms.hash, part.due, part.final, part.account.used, part.account.accrued


def _compared(kept: Ledger, again: Ledger) -> Iterator[tuple[str, Any, Any]]:
    """What two ledgers say, one beside the other."""
    yield "the number of operations", kept.seq, again.seq
    yield "the terms", [each[1:] for each in kept.terms], [each[1:] for each in again.terms]
    yield "the open periods", sorted(kept.parts), sorted(again.parts)
    for number, part in kept.parts.items():
        other = again.parts[number]
        yield f"period {part.span}", part.span, other.span
        yield f"what is due in {part.span}", part.due, other.due
        yield f"the account of {part.span}", kept.opened(part), again.opened(other)
    yield "the credit", kept.credit, again.credit
    yield "what was met of commitments", kept.met, again.met


def _check_bills(customer: str, rows: list[tuple[int, Bill | Adjustment]], memory: Memory) -> None:
    """That the kept bills of a period, with their adjustments, come to what its bill is now."""
    # A bill and its corrections are documents that were sent: they must sum to what is true now.
    for number, part in memory.parts.items():
        total = sum((each.total for period, each in rows if period == number), start=type(part.due)(0))
        bill = closed_bill(part)
        if total != bill.total:
            raise BillMismatch(f"the bills of {customer} for {part.span}", total, bill.total)
    for _, each in rows:
        if isinstance(each, Bill) and sum(line.amount for line in each.lines) != each.total:
            raise BillMismatch(f"a bill of {customer}", each.total, "another sum of its lines")


class Replay:
    """All operations of a customer, done again in memory, each compared to what was written of it."""

    def __init__(self, session: Session, customer: str, spans: Iterable[Period] = ()) -> None:
        self.session, self.customer = session, customer
        self.memory = Memory()
        self.ledger = Ledger(customer, self.memory)
        self.ledger.written_spans += [span for span in spans if span.is_as_written]
        self.used: list[tuple[int, datetime, Usage, Usage]] = []
        self.given = {id: document for id, document, _ in session.rows(GRANTS, name=customer)}

    def run(self) -> int:
        """Do everything again, in its order; how many events there were."""
        operations: dict[int, list[Any]] = {}
        events = self.session.rows(LATER_EVENTS, name=self.customer, after=0)
        for row in events:
            operations[row[0]] = ["event", row]
        for row in self.session.rows(CHANGES, name=self.customer):
            operations.setdefault(row[0], [row[2]]).append(row)
        for seq in sorted(operations):
            kind, *rows = operations[seq]
            try:
                self._do(kind, rows)
            except BillMismatch:
                raise
            except TokenbillError as error:
                raise BillMismatch(f"{kind} {seq} of {self.customer}", "booked", error.code) from error
        return len(events)

    def _do(self, kind: str, rows: list[Any]) -> None:
        """One operation as it would be booked today, or as it was then where that costs something else."""
        if kind not in ("event", "adjust"):
            self._check(kind, rows, self._done(kind, rows[0], None))
            return
        at = time_of(rows[0][1] if kind == "event" else document_of(rows[0][3])["at"])
        first, *others = sides(self.ledger.part_at(at), at)
        memory = Memory()
        memory.parts = {number: copy(part) for number, part in self.memory.parts.items()} if others else {}
        memory.grants, used = self.memory.grants, [*self.used] if others else []
        before = drafted(self.ledger, memory) if others else self.ledger
        try:
            self._check(kind, rows, self._done(kind, rows[0], first))
        except TokenbillError:
            if not others:
                raise
            self.ledger, self.memory, self.used = before, memory, used
            bookings = self._done(kind, rows[0], others[0])
            self._check(kind, rows, bookings)
            billed_at(bookings[0].part, others[0], at)

    def _done(self, kind: str, row: Any, when: datetime | None) -> list[Booking]:
        """Do one operation again, as if at an instant."""
        ledger = self.ledger
        if kind == "event":
            usage, at = usage_of(row[2]), cast(datetime, when)
            booking = booked(ledger, usage, at)
            self.used.append((booking.part.number, at, usage, Usage()))
            return [booking]
        document = document_of(row[3])
        if kind == "agree":
            terms = Terms(self.session.contract(document["contract"]), document["contract"], None)
            return ledger.agree(terms, self._dated, restate=document["restate"])
        if kind == "grant":
            given = self.given.get(document["grant"])
            if given is None:
                raise edited(document["grant"])
            ledger.grant(loads(given))
            return []
        if kind == "adjust":
            at = cast(datetime, when)
            usage, reversal = usage_of(document["usage"]), usage_of(document["reversal"])
            booking = booked(ledger, usage, at, reversal)
            self.used.append((booking.part.number, at, usage, reversal))
            return [booking]
        if kind == "commitment":
            at = time_of(document["at"])
            return [booked(ledger, Usage(), at)]
        since, until = (time_of(document[name]) for name in ("since", "until"))
        part = ledger.part_at(since)
        # only a period without end is closed where the caller says
        is_cut = plan_of(part.terms.agreed).cycle is None and part.until != until
        return close(ledger, part, until if is_cut else None, self._dated(part)).bookings

    def _dated(self, part: Part) -> list[tuple[datetime, Usage, Usage]]:
        return [each[1:] for each in self.used if part.holds(*each[:2])]

    def _check(self, kind: str, rows: list[Any], bookings: list[Booking]) -> None:
        """That an operation charged what is written of it."""
        at = 3 if kind == "event" else 4
        written = sorted((int(row[at]), int(row[at + 1])) for row in rows)
        again = sorted((each.units, each.due_units) for each in bookings)
        # An operation that charges nothing has a row of zeros, so that there is no gap in the numbers.
        if (again or [(0, 0)]) != written:
            raise BillMismatch(f"{kind} {rows[0][0]} of {self.customer}", written, again)
