"""What the command line reads: rows, events and payloads, as usage by group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from tokenbill.cli.options import COUNTED, Misuse, Request
from tokenbill.cli.row_reader import RowReader, lengths_of, outside
from tokenbill.cli.usage_by_column import PARQUET, summed_by_column
from tokenbill.cli.usage_by_time import Billed, Groups, dated
from tokenbill.core.metering.usage import Usage
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidName, TokenbillError, UnreadableInput
from tokenbill.events import Event, once, read_cloudevent, read_cloudevents, usage_by
from tokenbill.files import read_rows, read_usage_by
from tokenbill.frames import CalendarColumn, day, month
from tokenbill.frames import time as hour
from tokenbill.shared.rows import Source

__all__ = ["Callbacks", "Groups", "billed", "usages_of"]

Callbacks: TypeAlias = "Mapping[str, Any]"
"""What a reader of files calls: ``on_bad_row`` and ``progress``."""

CALENDAR = re.compile(r".:(day|month|hour)$")
"""How a column of times is grouped by."""
OF_EVENTS = ("customer", "source")
"""What events may be grouped by."""


def billed(
    source: Source, request: Request, callbacks: Callbacks, note: Callable[[str], object]
) -> tuple[Billed, BillingPlan]:
    """The usage of each group of a file, and the plan that prices it; answers bring that of their models."""
    if request.kind not in COUNTED:
        from tokenbill.cli.answers import answered

        return answered(source, request, callbacks, note)
    if request.kind == "rows" and request.period is not None and request.time is None:
        note("the period chooses no rows; name the column of their times: --time COLUMN")
    is_timed = request.time is not None and request.contract is not None
    is_dated = is_timed or (request.kind == "cloudevents" and request.contract is not None)
    by = (*request.by, cast(str, request.time)) if is_timed else request.by
    groups = usages_of(source, request._replace(by=by), callbacks, note)
    if request.where and not groups:  # a bill of 0.00 would look like a free month
        note(f"no row has {' and '.join(f'{column}={text}' for column, text in request.where)}")
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
    over, *others = (lengths_of(plan) for plan in request.plans)
    if any(each != over for each in others):
        raise Misuse("prices depend on other lengths of a request after the terms change; bill each apart")
    calendars = {column: _calendar(column, request.tz) for column in request.by if CALENDAR.search(column)}
    if not over:
        found = summed_by_column(source, request, callbacks, calendars, note)
        if found is not None:
            return found
    elif isinstance(source, Path) and (source.is_dir() or source.name.endswith(PARQUET)):
        way_out = "these are read as CSV and JSON lines"
        raise UnreadableInput("prices by the length of a request, which is a row", source.name, way_out)
    # What is looked at row by row: a time in a period, a part of a whole, a label that a cell may contradict.
    labelled = any(meter.labels for meter, _ in request.sums)
    one_by_one = over or request.pools or request.time is not None or labelled
    if not (one_by_one or request.labels or request.where or calendars):
        sums, counts, delimiter = request.sums, request.counts, request.delimiter
        return read_usage_by(source, request.by, sums=sums, counts=counts, delimiter=delimiter, **callbacks)
    rows = RowReader(request, over, calendars)
    groups: Groups = {}
    for found_row in read_rows(source, rows.read, delimiter=request.delimiter, **callbacks):
        if found_row is not None:
            key, usage = found_row
            groups[key] = groups[key] + usage if key in groups else usage
    outside(rows.outside, note)
    return dict(sorted(groups.items()))


def _calendar(text: str, tz: str) -> CalendarColumn:
    """What groups rows by the calendar: ``time:day``."""
    column, _, unit = text.rpartition(":")
    try:
        return (
            hour(column, "1h", tz=tz) if unit == "hour" else {"day": day, "month": month}[unit](column, tz=tz)
        )
    except TokenbillError as error:
        raise Misuse(error) from None


def _events(source: Source, request: Request, callbacks: Callbacks, note: Callable[[str], object]) -> Groups:
    """The usage of events that lie in the period, each counted once."""
    for column in request.by:
        if column not in OF_EVENTS:
            raise Misuse(f"events have no {column}; group them by {' or '.join(OF_EVENTS)}")
    source, batch = json_batch(source)
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


def json_batch(source: Source) -> tuple[Source, str | None]:
    """The text of a JSON batch, which is a list; None where the source has an event a line."""
    if not isinstance(source, Path):
        lines = list(cast("Iterable[str | bytes]", source))  # what came by standard input comes once
        text = "".join(line if isinstance(line, str) else line.decode("utf-8", "replace") for line in lines)
        return cast(Source, lines), text if text.lstrip("\ufeff \t\r\n").startswith("[") else None
    try:
        with source.open(encoding="utf-8") as file:
            return source, file.read() if file.read(1) == "[" and not file.seek(0) else None
    except (OSError, ValueError):
        return source, None  # the reader of rows says what is wrong with it
