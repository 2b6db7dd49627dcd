"""What the command line reads: rows, events and payloads, as usage by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from tokenbill.cli.options import COUNTED, Misuse, Request
from tokenbill.cli.usage_by_time import Billed, Groups, dated
from tokenbill.core.base.inputs import name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, number
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidName, UnreadableInput
from tokenbill.events import Event, bracket, once, read_cloudevent, read_cloudevents, usage_by
from tokenbill.files import read_rows, read_usage_by
from tokenbill.shared.rows import Source

__all__ = ["Callbacks", "Groups", "billed", "usages_of"]

Callbacks: TypeAlias = "Mapping[str, Any]"
"""What a reader of files calls: ``on_bad_row`` and ``progress``."""

OF_EVENTS = ("customer", "source")
"""What events may be grouped by."""


def billed(
    source: Source, request: Request, callbacks: Callbacks, note: Callable[[str], object]
) -> tuple[Billed, BillingPlan]:
    """The usage of each group of a file, and the plan that prices it; answers bring that of their models."""
    if request.kind not in COUNTED:
        from tokenbill.cli.answers import answered

        return answered(source, request, callbacks, note)
    is_dated = request.time is not None or (request.kind == "cloudevents" and request.contract is not None)
    by = request.by if request.time is None else (*request.by, request.time)
    groups = usages_of(source, request._replace(by=by), callbacks, note)
    return dated(groups, request) if is_dated else groups, request.terms


def usages_of(
    source: Source, request: Request, callbacks: Callbacks, note: Callable[[str], object]
) -> Groups:
    """The usage of each group of a file; *note* is called with what was left out.

    Raises:
        Misuse: If rows of this kind cannot be grouped in this way.
        TokenbillError: For what the file holds.
    """
    if request.kind == "usage":
        from tokenbill.serial import load, loads

        document: Any = load(source) if isinstance(source, Path) else loads(cast(Any, source).read())
        if not isinstance(document, Usage):
            raise UnreadableInput("not usage", type(document).__name__, "give a document of Usage")
        return {(): document}
    if request.kind == "cloudevents":
        return _events(source, request, callbacks, note)

    # Where a price depends on the length of a request, each row is one: its sum would be a longer one.
    over, *others = (_lengths(plan) for plan in request.plans)
    if any(each != over for each in others):
        raise Misuse("prices depend on other lengths of a request after the terms change; bill each apart")
    if not over and not request.labels and not request.pools:
        return read_usage_by(source, request.by, sums=request.sums, counts=request.counts, **callbacks)
    read = _reader(request)

    def reader(row: Mapping[str, Any]) -> tuple[tuple[str, ...], Usage]:
        usage, group = read(row), tuple(name(_member(row, column), what=column) for column in request.by)
        return group, bracket(usage, over=over) if over else usage

    groups: Groups = {}
    for key, usage in read_rows(source, reader, **callbacks):
        groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items()))


def _events(source: Source, request: Request, callbacks: Callbacks, note: Callable[[str], object]) -> Groups:
    """The usage of events that lie in the period, each counted once."""
    for column in request.by:
        if column not in OF_EVENTS:
            raise Misuse(f"events have no {column}; group them by {' or '.join(OF_EVENTS)}")
    batch = _batch(source)
    every = list(
        read_rows(source, read_cloudevent, **callbacks) if batch is None else read_cloudevents(batch)
    )
    # Queues deliver at least once: an event of the same source and id is the same event.
    first = once(every).events
    due = [event for event in first if request.period is None or event.time in request.period]
    again, outside = len(every) - len(first), len(first) - len(due)
    for count, why in ((again, "delivered again"), (outside, "outside the period")):
        if count:
            note(f"{count} {'event' if count == 1 else 'events'} {why}")

    by_time = request.contract is not None

    def group(event: Event) -> tuple[str, ...]:
        for column in request.by:
            if getattr(event, column) is None:
                way_out = f"leave out --by {column}, or send events with a subject"
                raise InvalidName(f"no {column} of event {event.id} from {event.source}", None, way_out)
        texts = [getattr(event, column) for column in request.by]
        return (*texts, event.time.isoformat()) if by_time else tuple(texts)

    return usage_by(due, group)


def _lengths(plan: BillingPlan) -> list[int]:
    """The lengths of a request from which on its units have another price."""
    prices: object = plan.prices
    lengths = [key.labels.get("context", "") for key in prices] if isinstance(prices, PriceSchedule) else []
    return sorted({int(length) for length in lengths if length.isascii() and length.isdecimal()})


def _batch(source: Source) -> str | None:
    """The text of a JSON batch, which is a list; None where the file has an event a line."""
    if not isinstance(source, Path):
        return None
    try:
        with source.open(encoding="utf-8") as file:
            return file.read() if file.read(1) == "[" and not file.seek(0) else None
    except (OSError, ValueError):
        return None  # the reader of rows says what is wrong with it


def _reader(request: Request) -> Callable[[Mapping[str, Any]], Usage]:
    """What reads the usage of one row by its columns."""
    if not request.sums:
        raise Misuse("the prices depend on the length of a request; give --sum, for rows that are requests")
    columns = {column for _, column in request.sums}
    for column in [column for pool in request.pools for column in pool]:
        if column not in columns:
            raise Misuse(f"--pool names a column that no --sum adds up: {quoted(column)}")

    def read(row: Mapping[str, Any]) -> Usage:
        cells = {column: number(_member(row, column)) for column in columns}
        # What is a part of another column is counted there, too.
        for part, whole in request.pools:
            cells[whole] = EXACT.subtract(cells[whole], cells[part])
        labels = {label: name(_member(row, column), what=label) for label, column in request.labels.items()}
        summed = [(Meter(meter, labels), cells[column]) for meter, column in request.sums]
        return Usage([*summed, *((Meter(meter, labels), 1) for meter in request.counts)])

    return read


def _member(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise InvalidName("no such member", column, "name one that every row has")
    return row[column]
