"""What the command line reads: rows, events and payloads, as usage by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from tokenbill._options import Misuse, Request
from tokenbill.canonical import name
from tokenbill.errors import InvalidName
from tokenbill.events import Event, bracket, once, read_cloudevent, read_otel, usage_by
from tokenbill.files import read_rows, read_usage_by
from tokenbill.rows import Source
from tokenbill.schedule import PriceSchedule
from tokenbill.usage import Usage

__all__ = ["Groups", "Watched", "usages_of"]

Groups: TypeAlias = "dict[tuple[str, ...], Usage]"
"""Usage by the texts that tell its group."""

Watched: TypeAlias = "Mapping[str, Any]"
"""What a reader of files tells of its progress and of bad rows."""

OF_EVENTS = ("customer", "source")
"""What events may be grouped by."""


def usages_of(source: Source, request: Request, watched: Watched, tell: Callable[[str], object]) -> Groups:
    """The usage of each group of a file; *tell* is told of what was left out.

    Raises:
        Misuse: If rows of this kind cannot be grouped as asked.
        TokenbillError: For what the file holds.
    """
    if request.kind == "rows":
        return read_usage_by(source, request.by, sums=request.sums, counts=request.counts, **watched)
    if request.kind == "cloudevents":
        return _events(source, request, watched, tell)
    read = _reader(request)
    return _summed(read_rows(source, lambda row: (_group(row, request.by), read(row)), **watched))


def _events(source: Source, request: Request, watched: Watched, tell: Callable[[str], object]) -> Groups:
    """The usage of events that lie in the period, each counted once."""
    for column in request.by:
        if column not in OF_EVENTS:
            raise Misuse(f"events have no {column}; group them by {' or '.join(OF_EVENTS)}")
    read = list(read_rows(source, read_cloudevent, **watched))
    first = once(read).events
    due = [event for event in first if request.period is None or event.time in request.period]
    _tell_of(len(read) - len(first), "delivered again", tell)
    _tell_of(len(first) - len(due), "outside the period", tell)
    return usage_by(due, lambda event: _attributes(event, request.by))


def _tell_of(count: int, what: str, tell: Callable[[str], object]) -> None:
    if count:
        tell(f"{count} {'event' if count == 1 else 'events'} {what}")


def _attributes(event: Event, by: Iterable[str]) -> tuple[str, ...]:
    return tuple(getattr(event, column) or "" for column in by)


def _reader(request: Request) -> Callable[[Mapping[str, Any]], Usage]:
    """What reads the usage of one request, labelled by its length where prices depend on it."""
    if request.kind == "otel":
        read: Callable[[Mapping[str, Any]], Usage] = read_otel
    else:
        from tokenbill.payloads import read_usage

        shape = None if request.kind == "payload" else request.kind

        def read(payload: Mapping[str, Any]) -> Usage:
            return read_usage(payload, shape)

    over = _thresholds(request)
    return (lambda row: bracket(read(row), over=over)) if over else read


def _thresholds(request: Request) -> tuple[int, ...]:
    """The lengths of a request at which a schedule changes its prices, as its labels say."""
    keys = request.plan.prices if isinstance(request.plan.prices, PriceSchedule) else ()
    lengths = (key.labels.get("context", "") for key in keys)
    return tuple(sorted({int(length) for length in lengths if length.isdecimal()}))


def _group(row: Mapping[str, Any], by: Iterable[str]) -> tuple[str, ...]:
    for column in by:
        if column not in row:
            raise InvalidName("no such member", column, "group by a member that every row has")
    return tuple(name(row[column], what=column) for column in by)


def _summed(pairs: Iterable[tuple[tuple[str, ...], Usage]]) -> Groups:
    groups: Groups = {}
    for key, usage in pairs:
        groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items()))
