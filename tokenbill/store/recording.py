"""Recording: events into charges, each once, and for each customer all that fits or nothing half."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

from attrs import evolve
from sqlalchemy import and_, or_, select

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import shifted
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import ConflictingEvent, InvalidUsage, TokenbillError, UnreadableInput
from tokenbill.events import Event, read_cloudevent
from tokenbill.store import tables
from tokenbill.store.answers import Charged, Recorded, Refused, charged_of
from tokenbill.store.closing import behind, booked_late, closed_bill
from tokenbill.store.ledger import Ledger
from tokenbill.store.parts import Part
from tokenbill.store.sessions import Session
from tokenbill.store.statements import ADD_EVENT, Statement, one
from tokenbill.store.texts import time_text, usage_text

__all__ = ["Events", "adjustment", "correct_later", "keep_adjustments", "readable_events", "record"]

MOST = 100_000
"""Most events of one call."""


MOST_KEYS = 100
"""Most events that one query asks for."""
NAMES = tuple(f"{column}{i}" for i in range(MOST_KEYS) for column in ("source", "id"))
COLUMNS = tuple(column.name for column in tables.events.columns)
Row = tuple[Any, ...]
"""An event as its table keeps it, column by column."""
Events = list[Event | TokenbillError]
"""The events of one call, and the errors of those that could not be read."""


New = tuple[int, Event, str]
"""An event that was not charged before: its place among those of a call, the event, and its digest."""


class Known(NamedTuple):
    """An event that was charged before: what it said, and the answer."""

    digest: str
    total: Decimal
    due: Decimal
    currency: str


def _known_statement(size: int) -> Statement:
    """What was charged before of so many sources and ids."""
    e, p = tables.events.c, tables.periods.c
    keys = [and_(e.source == one(f"source{i}"), e.id == one(f"id{i}")) for i in range(size)]
    joined = tables.events.join(tables.periods, and_(e.customer == p.customer, e.period == p.number))
    columns = (e.source, e.id, e.digest, e.total, e.due, p.currency, p.places)
    return Statement(select(*columns).select_from(joined).where(or_(*keys)))


KNOWN = {size: _known_statement(size) for size in (1, 10, 100)}
"""The same for a few sizes, so that each is compiled once; a smaller batch names its last event again."""


def readable_events(given: Any) -> Events:
    """Each of what was given as an event, or the error that says why it is none.

    Raises:
        InvalidUsage: If it is no list of events at all.
    """
    if isinstance(given, Event | Mapping) or hasattr(given, "get_attributes"):
        given = [given]
    listed = listed_of(given, most=MOST)
    if listed is None:
        raise InvalidUsage("not events", type(given).__name__, "give a list of events")
    if len(listed) > MOST:
        raise InvalidUsage("too many events at once", len(listed), f"give at most {MOST}")
    found = list[Event | TokenbillError]()
    for message in listed:
        try:
            event = message if type(message) is Event else read_cloudevent(message)
            if event.customer is None:
                way_out = "send the customer as its subject"
                raise UnreadableInput("an event without a customer", event.id, way_out)
            found.append(event)
        except TokenbillError as error:
            found.append(error)
    return found


def record(session: Session, calls: list[Events]) -> list[Recorded]:
    """Charge the events of several calls: those known before are answered as they were, the others booked.

    The events of one customer are booked in order of their time.
    """
    events = [event for call in calls for event in call]
    readable = [event for event in events if isinstance(event, Event)]
    # First the locks, in the order of their names, so that two transactions never wait for each other; then
    # what another one has charged meanwhile is known.
    for customer in sorted({str(event.customer) for event in readable}):
        with suppress(TokenbillError):
            session.ledger(customer)
    batch, rows = Batch(_known(session, readable)), list[Row]()
    batch.sort(events)
    for customer in sorted(batch.fresh):
        _book(session, customer, batch.fresh[customer], rows, batch.answers)
    session.run_rows(ADD_EVENT, COLUMNS, rows)
    batch.answer_repeated()
    found, first = list[Recorded](), 0
    for call in calls:
        found.append(batch.recorded(first, first + len(call)))
        first += len(call)
    return found


class Batch:
    """Events of one transaction, and the answer to each."""

    def __init__(self, known: Mapping[tuple[str, str], Known]) -> None:
        self.known = known
        self.first: dict[tuple[str, str], tuple[int, str]] = {}
        self.fresh: dict[str, list[New]] = {}
        self.again: dict[int, tuple[Event, tuple[str, str]]] = {}
        self.answers: dict[int, Charged | Refused] = {}
        self.repeated: dict[int, Charged] = {}

    def sort(self, events: Events) -> None:
        """Find out whether each event is new, a repetition, or in conflict with another of its id."""
        for place, event in enumerate(events):
            if not isinstance(event, Event):
                self.answers[place] = Refused(place, None, event)
                continue
            key, digest = (event.source, event.id), event.digest
            before, first = self.known.get(key), self.first.get(key)
            said = before.digest if before is not None else None if first is None else first[1]
            if said is None:
                self.first[key] = place, digest
                self.fresh.setdefault(str(event.customer), []).append((place, event, digest))
            elif said == digest:
                self.again[place] = event, key
            else:
                self.answers[place] = Refused(place, event, ConflictingEvent(*key))

    def answer_repeated(self) -> None:
        """Answer events that came before, in another transaction or in this one."""
        for place, (event, key) in self.again.items():
            before = self.known.get(key)
            if before is not None:
                self.repeated[place] = Charged(event, before.total, before.due, before.currency)
                continue
            # The first of them was new to the database and is of this transaction: what became of it is the
            # answer.
            answer = self.answers[self.first[key][0]]
            if isinstance(answer, Charged):
                self.repeated[place] = answer
            else:  # the first of the two was refused just now
                self.answers[place] = Refused(place, event, answer.error)

    def recorded(self, first: int, end: int) -> Recorded:
        """What became of the events of one call, in their order."""
        charged, repeated, refused = list[Charged](), list[Charged](), list[Refused]()
        for place in range(first, end):
            if place in self.repeated:
                repeated.append(self.repeated[place])
                continue
            answer = self.answers[place]
            if isinstance(answer, Charged):
                charged.append(answer)
            else:
                refused.append(Refused(place - first, answer.event, answer.error))
        return Recorded(tuple(charged), tuple(repeated), tuple(refused))


def _known(session: Session, events: list[Event]) -> dict[tuple[str, str], Known]:
    """Those of the events that were charged before."""
    keys = iter(dict.fromkeys((event.source, event.id) for event in events))
    found = dict[tuple[str, str], Known]()
    while True:
        part = list(islice(keys, MOST_KEYS))
        if not part:
            return found
        size = next(size for size in KNOWN if size >= len(part))
        # A query of another size would be compiled anew; asking twice for one event finds it once.
        part += part[-1:] * (size - len(part))
        values = dict(zip(NAMES, chain.from_iterable(part), strict=False))
        for source, id, digest, total, due, currency, places in session.rows(KNOWN[size], **values):
            found[source, id] = Known(digest, shifted(total, places), shifted(due, places), currency)


def _book(
    session: Session,
    customer: str,
    events: list[New],
    rows: list[Row],
    answers: dict[int, Charged | Refused],
) -> None:
    """Charge the events of one customer, and answer each; what is refused leaves no trace."""
    try:
        ledger = session.ledger(customer)
    except TokenbillError as error:
        answers |= {place: Refused(place, event, error) for place, event, _ in events}
        return
    late = dict[int, tuple[Part, Bill]]()
    # Credit begins and ends, and tiers fill up: the order of time is the one that a customer can follow, and
    # the same events in one batch always cost the same.
    for place, event, digest in sorted(events, key=lambda new: new[1].time):
        try:
            part = ledger.part_at(event.time)
            if part.final is None:
                booking = ledger.charge(part, event.usage, event.time)
            else:  # the bill as it was, for the adjustment
                late.setdefault(part.number, (part, closed_bill(part)))
                booking = booked_late(ledger, part, event.usage, event.time)
        except TokenbillError as error:
            answers[place] = Refused(place, event, error)
            continue
        at, used = time_text(event.time), usage_text(event.usage)
        _, total, due, *units = booking
        rows.append((customer, ledger.seq, event.source, event.id, digest, at, used, part.number, *units))
        answers[place] = charged_of(event, total, due, part.currency)
    correct_later(session, ledger, late)
    keep_adjustments(session, ledger, late)


def correct_later(session: Session, ledger: Ledger, late: dict[int, tuple[Part, Bill]]) -> None:
    """Bill closed periods anew that count for commitments what came late in those before them."""
    for part, _ in [*late.values()]:
        for later in behind(ledger, part):
            late.setdefault(later.number, (later, closed_bill(later)))
            # an operation of its own, so that the sums of each period by SQL are its bills
            booking = booked_late(ledger, later, NO_USAGE, later.last)
            session.add_change(ledger, "commitment", {"at": time_text(later.last)}, [booking])


def keep_adjustments(
    session: Session, ledger: Ledger, late: dict[int, tuple[Part, Bill]], reason: str = "late usage"
) -> None:
    """Keep what closed periods were billed anew, as adjustments of their bills."""
    # One correction of a bill for all that came late at once, and none where a minimum covers it anyway.
    for part, before in late.values():
        after = closed_bill(part)
        if after.total != before.total:
            ledger.is_changed = True
            session.add_bill(ledger, part, "adjustment", adjustment(after, before, reason))


def adjustment(after: Bill, before: Bill, reason: str) -> Adjustment:
    """What a later bill of a period changes of an earlier one, and why."""
    return evolve(after - before, reason=reason)
