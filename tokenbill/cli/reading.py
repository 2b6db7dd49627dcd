"""What the command line reads: rows, events and payloads, as usage by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tokenbill.cli.options import Misuse, Request
from tokenbill.core.base.inputs import name
from tokenbill.core.metering.usage import Usage
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidName, InvalidUsage, UnreadableInput
from tokenbill.events import Event, bracket, once, read_cloudevent, read_otel, usage_by
from tokenbill.files import read_rows, read_usage_by
from tokenbill.shared.rows import Source

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
    if request.kind == "usage":
        return {(): _document(source)}
    if request.kind == "cloudevents":
        return _events(source, request, watched, tell)
    over = _thresholds(request.plan.prices)
    if request.kind == "rows" and not over:
        return read_usage_by(source, request.by, sums=request.sums, counts=request.counts, **watched)
    read = _reader(request)

    def reader(row: Mapping[str, Any]) -> tuple[tuple[str, ...], Usage]:
        usage = _of_model(read(row), request.model)
        return _group(row, request.by), bracket(usage, over=over) if over else usage

    return _summed(read_rows(source, reader, **watched))


def _document(source: Any) -> Usage:
    from tokenbill.serial import load, loads

    found = load(source) if isinstance(source, Path) else loads(source.read())
    if not isinstance(found, Usage):
        raise UnreadableInput("no usage", type(found).__name__, "give a document of Usage")
    return found


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
    for column in by:
        if getattr(event, column) is None:
            way_out = f"leave out --by {column}, or send events with a subject"
            raise InvalidName(f"no {column} of event {event.id} from {event.source}", None, way_out)
    return tuple(getattr(event, column) for column in by)


def _reader(request: Request) -> Callable[[Mapping[str, Any]], Usage]:
    """What reads the usage of one request."""
    if request.kind == "otel":
        return read_otel
    if request.kind == "rows":
        return _columns_reader(request)
    from tokenbill.payloads import read_usage

    shape = None if request.kind == "payload" else request.kind
    return lambda payload: read_usage(payload, shape)


def _columns_reader(request: Request) -> Callable[[Mapping[str, Any]], Usage]:
    """What reads a row that is a request: its columns say how long it was."""
    if not request.sums:
        raise Misuse("the prices depend on the length of a request; give --sum, for rows that are requests")
    ones = [(meter, 1) for meter in request.counts]
    return lambda row: Usage([*((meter, _member(row, column)) for meter, column in request.sums), *ones])


def _of_model(usage: Usage, model: str | None) -> Usage:
    """Usage, if all of it is of the model whose prices were asked for."""
    for meter in usage if model is not None else ():
        if meter.labels.get("model", model) != model:
            way_out = f"its prices are not those of {model}: bill it apart, by its own --model or a --plan"
            raise InvalidUsage("usage of another model", meter.labels["model"], way_out)
    return usage


def _thresholds(prices: object) -> tuple[int, ...]:
    """The lengths of a request at which a schedule changes its prices, as its labels say."""
    keys = prices if isinstance(prices, PriceSchedule) else ()
    lengths = (key.labels.get("context", "") for key in keys)
    return tuple(sorted({int(length) for length in lengths if length.isascii() and length.isdecimal()}))


def _group(row: Mapping[str, Any], by: Iterable[str]) -> tuple[str, ...]:
    return tuple(name(_member(row, column), what=column) for column in by)


def _member(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise InvalidName("no such member", column, "name one that every row has")
    return row[column]


def _summed(pairs: Iterable[tuple[tuple[str, ...], Usage]]) -> Groups:
    groups: Groups = {}
    for key, usage in pairs:
        groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items()))
