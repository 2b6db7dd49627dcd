"""Events: from what a meter sends to usage that can be billed, each event counted once.

What reads them, and what is decided before usage is summed, stands in the modules beside;
all of it is to be had from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar, cast, overload

from attrs import field, fields, frozen

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, utc
from tokenbill.core.periods.period import Period, period
from tokenbill.errors import ConflictingEvent, InvalidPeriod, InvalidUsage, UnreadableInput
from tokenbill.events.cloudevents import Event, read_cloudevent, read_cloudevents, to_cloudevent
from tokenbill.events.jobs import Job, read_condor, read_sacct
from tokenbill.events.measures import Charged, bracket, counter, free_window, gpu_seconds, increments, rises
from tokenbill.events.otel import read_otel
from tokenbill.shared.foreign_data import each_of, members_of, telling

__all__ = [
    "Charged",
    "ConflictingEvent",
    "Event",
    "Job",
    "Once",
    "Seen",
    "bracket",
    "by_period",
    "counter",
    "free_window",
    "gpu_seconds",
    "increments",
    "late",
    "once",
    "read_cloudevent",
    "read_cloudevents",
    "read_condor",
    "read_otel",
    "read_sacct",
    "repeated",
    "rises",
    "to_cloudevent",
    "usage_by",
]

Key = TypeVar("Key", bound=Hashable)
Name: TypeAlias = "tuple[str, str]"
"""What an event is known by: its source and its id."""

NOTHING_SEEN: Mapping[Name, str] = {}
DIGEST = r"[0-9a-f]{64}"


def _digests(given: Any) -> dict[Name, str]:
    """Digests by source and id, out of a mapping or of rows of all three."""
    rows: Iterable[Any] = (
        members_of(given, "events seen").items() if is_mapping(given) else each_of(given, "rows")
    )
    digests: dict[Name, str] = {}
    for row in rows:
        try:
            *pair, digest = row
        except (TypeError, ValueError):
            pair, digest = [()], None
        # a mapping has its keys as pairs, where a table has three columns
        key: Any = pair[0] if is_mapping(given) else pair
        parts = list(cast("Iterable[Any]", key)) if isinstance(key, tuple | list) else []
        if len(parts) != 2:
            raise UnreadableInput("not an event that was seen", row, "give source, id and digest")
        source, identity = name(parts[0], what="source"), name(parts[1], what="id")
        if not isinstance(digest, str) or not re.fullmatch(DIGEST, digest):
            raise UnreadableInput("not the digest of an event", digest, "store what Seen.rows() gives")
        if digests.setdefault((source, identity), digest) != digest:
            raise ConflictingEvent(source, identity)
    return digests


@frozen(eq=False, repr=False)
class Seen(Mapping[Name, str]):
    """The events that were counted before: by source and id, the digest of what each said.

    An immutable value; you store its rows, and give them back.

    Args:
        digests: Another ``Seen``, a mapping, or rows of source, id and digest.

    Raises:
        UnreadableInput: If a row is none, or a digest is not one.
        ConflictingEvent: If two rows differ for one event.

    >>> seen = once(
    ...     [Event("gateway", "r-17", "2026-11-05T10:00:00Z", "acme", Usage(tokens=5))]
    ... ).seen
    >>> Seen(seen.rows()) == seen
    True
    """

    digests: Mapping[Name, str] = field(default=NOTHING_SEEN, converter=_digests)

    def __getitem__(self, key: Name) -> str:
        return self.digests[key]

    def __iter__(self) -> Iterator[Name]:
        return iter(self.digests)

    def __len__(self) -> int:
        return len(self.digests)

    def __hash__(self) -> int:
        return hash(frozenset(self.digests.items()))

    def __repr__(self) -> str:
        return f"<Seen: {len(self)} events>"

    def rows(self) -> list[tuple[str, str, str]]:
        """Source, id and digest of each event, sorted: three texts, as a table takes them."""
        return [(*key, digest) for key, digest in sorted(self.digests.items())]


def _seen(digests: dict[Name, str]) -> Seen:
    """Events that need no check, for they come from events."""
    seen = Seen()
    object.__setattr__(seen, "digests", digests)
    return seen


@frozen
class Once:
    """The events that were new; it iterates over them.

    Args:
        events: Each new event, once, in the order they came.
        seen: All events seen so far: what to give to the next call.
        added: Only those seen here first: what to add to a table.
    """

    events: tuple[Event, ...]
    seen: Seen
    added: Seen

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


def once(
    events: Iterable[Event], seen: Seen | Mapping[Name, str] | Iterable[tuple[str, str, str]] = ()
) -> Once:
    """Each event once, however often and in whichever batches it is delivered.

    An event is known by its source and id. The same content again is passed over; other content is
    an error, whichever came first. The same content under another id is another event.

    Args:
        events: What came in.
        seen: What was seen before: ``seen`` of the call before, or stored rows. It may be only
            those of the events given, and it is not changed; keep what comes back, in the same
            transaction as the bill.

    Raises:
        ConflictingEvent: If source and id were seen with other content; nothing is counted then.
        InvalidUsage: If *events* are none.
        UnreadableInput: If *seen* is not what was seen.

    >>> event = Event("gateway", "r-17", "2026-11-05T10:00:00Z", "acme", Usage(tokens=5))
    >>> first = once([event, event])
    >>> len(first), len(once([event], first.seen))
    (1, 0)
    """
    # What was seen is left as it was until all are read: a conflict in the middle of a batch counts nothing.
    known = seen if type(seen) is Seen else Seen(seen)
    kept, added = list[Event](), dict[Name, str]()
    for event in _events(events):
        key, digest = (event.source, event.id), event.digest
        before = known.digests.get(key) or added.get(key)
        if before is None:
            added[key] = digest
            kept.append(event)
        elif before != digest:
            raise ConflictingEvent(event.source, event.id)
    return Once(tuple(kept), _seen({**known.digests, **added}), _seen(added))


def repeated(events: Iterable[Event]) -> tuple[tuple[Event, ...], ...]:
    """Events that look like one another under other ids: of one source, customer, time and usage.

    A sender that makes a new id for each retry sends such events. Nothing is left out by itself: two
    requests of one instant look the same. Groups come in the order of their first event, one of each id.

    Raises:
        InvalidUsage: If *events* are none.

    >>> moment = "2026-11-05T10:00:00Z"
    >>> events = [
    ...     Event("s", key, moment, "acme", Usage(tokens=5)) for key in ("r-1", "r-2")
    ... ]
    >>> [[event.id for event in group] for group in repeated(events)]
    [['r-1', 'r-2']]
    """
    groups = dict[Any, dict[str, Event]]()
    for event in _events(events):
        # A digest says nothing of the id, so a retry under another one falls into the same group.
        groups.setdefault((event.source, event.digest), {}).setdefault(event.id, event)
    return tuple(tuple(group.values()) for group in groups.values() if len(group) > 1)


@overload
def usage_by(events: Iterable[Event], key: Callable[[Event], Key]) -> dict[Key, Usage]: ...
@overload
def usage_by(events: Iterable[Event], key: str) -> dict[Any, Usage]: ...
def usage_by(events: Iterable[Event], key: Any) -> dict[Any, Usage]:
    """The usage of each group of events, summed; the order of the events does not matter.

    Args:
        events: What is summed; one that comes twice counts twice, unless it went through ``once``.
        key: What tells the group of an event: a function, or the name of one of its attributes.

    Raises:
        InvalidUsage: If *events* are none, *key* is neither, or what it gives cannot be a key.

    >>> moment = "2026-11-05T10:00:00Z"
    >>> events = [Event("s", f"{i}", moment, "acme", Usage(tokens=i)) for i in (1, 2, 3)]
    >>> usage_by(events, "customer")
    {'acme': Usage({'tokens': 6})}
    """
    group, sums = key, dict[Any, dict[str, Any]]()
    if not callable(key):
        if key not in [attribute.name for attribute in fields(Event)]:
            way_out = 'give a function, or an attribute: key="customer"'
            raise InvalidUsage("not a key of events", key, way_out)
        group = attrgetter(key)
    for event in _events(events):
        told = group(event)
        try:
            counted = sums.setdefault(told, {})
        except TypeError:
            way_out = "give text, or a tuple of texts"
            raise InvalidUsage("a group that cannot be a key", told, way_out) from None
        # Summed in plain dicts: a Usage for each event would copy all meters of the group again.
        for meter, quantity in event.usage.counted.items():
            counted[meter] = _sum(counted[meter], quantity) if meter in counted else quantity
    return {key: Usage(counted) for key, counted in sums.items()}


def by_period(events: Iterable[Event], cycle: Cycle) -> dict[Period, tuple[Event, ...]]:
    """The events of each period: its own time decides, not the time at which an event comes in.

    Periods come in their order, and the events of each in order of time, then of id.

    Raises:
        InvalidPeriod: If *cycle* is none.
        InvalidUsage: If *events* are none.

    >>> instants = {"a": "2026-10-31T23:59:59Z", "b": "2026-11-01T00:00:00Z"}
    >>> events = [
    ...     Event("s", key, instants[key], "acme", Usage(tokens=1)) for key in instants
    ... ]
    >>> [
    ...     (str(period), len(found))
    ...     for period, found in by_period(events, Cycle.monthly()).items()
    ... ]
    [('2026-10-01T00:00:00Z/2026-11-01T00:00:00Z', 1), ('2026-11-01T00:00:00Z/2026-12-01T00:00:00Z', 1)]
    """
    if not isinstance(cycle, Cycle):
        raise InvalidPeriod("not a cycle", cycle, "give a Cycle: Cycle.monthly()")
    found: dict[Period, list[Event]] = {}
    current: list[Event] = []
    end: Any = None
    for event in _in_order(events):
        # Events come in order, so the calendar, which is slow, is asked once a period and not once an event.
        if end is None or event.time >= end:
            turn = cycle.containing(event.time)
            current, end = found.setdefault(turn, []), utc(turn.end)
        current.append(event)
    return {turn: tuple(those) for turn, those in found.items()}


def late(events: Iterable[Event], open_period: Period) -> tuple[Event, ...]:
    """The events that happened before the period now open, in order of time, then of id.

    They belong to periods that may have been billed, and make a correction there.

    Raises:
        InvalidPeriod: If *open_period* is no period, or one of dates, whose begin depends on a zone.
        InvalidUsage: If *events* are none.

    >>> november = Period("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    >>> event = Event("gateway", "r-17", "2026-10-31T23:59:59Z", "acme", Usage(tokens=5))
    >>> [event.id for event in late([event], november)]
    ['r-17']
    """
    # A period of dates begins at another moment in each zone; is_before refuses it, rather than guess one.
    start = period(open_period).start
    return tuple(event for event in _in_order(events) if is_before(event.time, start))


def _events(events: Iterable[Event]) -> Iterator[Event]:
    for event in each_of(events, "events"):
        if not isinstance(event, Event):
            raise InvalidUsage("not an event", telling(event), "read it first: read_cloudevent(…)")
        yield event


def _in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(_events(events), key=attrgetter("time", "id", "source"))


def _sum(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    """The exact sum; ints add faster."""
    return one + other if type(one) is int and type(other) is int else EXACT.add(one, other)
