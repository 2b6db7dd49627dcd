"""Times in columns: instants as whole microseconds, and what is made of them: calendar columns, periods.

Every engine hands its column of times over as Arrow's; what is compared are whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from tokenbill.core.base.quoting import quoted
from tokenbill.core.periods.instants import midnight, moment, zone
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.errors import InvalidPeriod, UnreadableInput
from tokenbill.frames.arrow_columns import array_of, longs, texts_of
from tokenbill.frames.calendar import CalendarColumn
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import Array
from tokenbill.frames.layouts import DAY, VERSION, Options, null_keys

__all__ = ["Made", "boundary", "home_of", "made_columns", "micros_of", "version_starts"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = EPOCH.date()
MICROSECOND = timedelta(microseconds=1)
PER_SECOND = 10**6
PER_DAY = 86400 * PER_SECOND
UNITS = {"s": PER_SECOND, "ms": 1000, "us": 1, "ns": 1}
MOST_PARTS = 10**7
"""Parts of the calendar between the first time and the last: more are a mistake in a cell."""


class Made(NamedTuple):
    """What is made out of the times of rows: columns by name, and the rows that count; None is all."""

    columns: dict[str, Any]
    kept: Array | None


def made_columns(options: Options, column: Callable[[str], Any], place: Callable[[int], str]) -> Made:
    """The calendar columns of rows, the version that each falls under, and which rows the period holds."""
    kept, found = None, dict[str, Any]()
    if options.time is not None and options.period is not None:
        period, home = options.period, home_of(options)
        at = micros_of(options.time, column(options.time), home, place)
        if options.until is None:
            kept = np.flatnonzero((at >= boundary(period.start, home)) & (at < boundary(period.end, home)))
        else:
            # what came before the period says how a day is used, and costs nothing in it
            kept = np.flatnonzero(at < boundary(options.until, home))
            found[DAY] = array_of(ordinals(at[kept], home))
        at = at[kept]
        if options.numbered:
            edges = version_starts(options.contracts, period, home)
            found[VERSION] = array_of(np.searchsorted(edges, at, side="right") - 1)
    for made in options.calendar:
        at = micros_of(made.column, column(made.column), zone(made.cycle.tz), place)
        found[made.name] = labelled(made, at if kept is None else at[kept], place)
    return Made(found, kept)


def home_of(options: Options) -> tzinfo | None:
    """The zone of a period: its own, or that of the plan."""
    start: Any = options.period and options.period.start
    if isinstance(start, datetime):
        return start.tzinfo
    # the days of a plan begin at midnight where it lives
    cycle = options.plan.cycle
    return zone(cycle.tz if cycle else "UTC")


def version_starts(contracts: Sequence[Contract], period: Period, home: tzinfo | None) -> Array:
    """Where a version of any of some contracts begins in a period, which is where the first one does."""
    starts = (clause.period.start for contract in contracts for clause in contract.clauses(period))
    return np.array(sorted({boundary(start, home) for start in (period.start, *starts)}), np.int64)


def ordinals(at: Array, home: tzinfo | None) -> Array:
    """The local day of each moment, by its ordinal."""
    if not at.size:
        return at
    ends = (EPOCH + timedelta(microseconds=int(edge)) for edge in (at.min(), at.max()))
    first, last = (end.astimezone(home).toordinal() for end in ends)
    starts = [boundary(date.fromordinal(day), home) for day in range(first, last + 1)]
    return np.searchsorted(np.array(starts, np.int64), at, side="right") - 1 + first


def boundary(at: date, home: tzinfo | None = None) -> int:
    """A moment in microseconds; a date is midnight in the zone *home*, or in UTC."""
    if not isinstance(at, datetime) and home is not None:
        at = midnight(at, home)
    if isinstance(at, datetime):
        return (at.astimezone(UTC) - EPOCH) // MICROSECOND
    return (at.toordinal() - FIRST_DAY.toordinal()) * PER_DAY


def labelled(made: CalendarColumn, at: Array, place: Callable[[int], str]) -> Any:
    """The text of the part of the calendar that each moment falls in."""
    if not at.size:
        return pa.nulls(0, pa.string())
    cycle = made.cycle
    ends = [EPOCH + timedelta(microseconds=int(edge)) for edge in (at.min(), at.max())]
    try:
        first, last = (cycle.index(end) for end in ends)
    except InvalidPeriod:
        raise UnreadableInput("a time out of bounds", str(ends), "give instants from 1970 on") from None
    starts, texts = list[int](), list[str]()
    for k in range(first, last + 1):
        for start, text in made.parts(cycle.period(k)):
            starts.append(boundary(start))
            texts.append(text)
        if len(starts) > MOST_PARTS:
            raise UnreadableInput(
                "times too far apart", f"{ends[0]}/{ends[1]}", "leave out what is not meant"
            )
    which = np.searchsorted(np.array(starts, np.int64), at, side="right") - 1
    names = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    codes = np.array([names[text] for text in texts], np.int32)[np.maximum(which, 0)]
    # plain texts: engines join parts of several batches, whose dictionaries differ
    return pa.DictionaryArray.from_arrays(array_of(codes), texts_of(list(names))).cast(pa.string())


def micros_of(name: str, cells: Any, home: tzinfo | None, place: Callable[[int], str]) -> Array:
    """Times in microseconds; a date is midnight in the zone *home*."""
    if cells.null_count:
        first = int(pc.index(cells.is_null(), True).as_py())
        raise null_keys(name, cells.null_count, place(first))
    if pa.types.is_null(cells.type):
        return np.zeros(0, np.int64)  # a month without events comes without types
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_timestamp(cells.type):
        return _instants(name, cells)
    if pa.types.is_date(cells.type):
        days = longs(cells.cast(pa.date32()).cast(pa.int32()))
        if home is None:
            return days * PER_DAY
        # a zone is asked once for each day that occurs: its rules are Python's, and slow
        different, code = np.unique(days, return_inverse=True)
        dates = (date.fromordinal(FIRST_DAY.toordinal() + int(n)) for n in different)
        starts = np.array([boundary(midnight(day, home)) for day in dates], np.int64)
        return starts[code] if starts.size else days
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type) or "view" in str(cells.type):
        return _read(name, cells.cast(pa.string()), home, place)
    raise UnreadableInput(f"column {quoted(name)} holds no times", str(cells.type), "give instants or dates")


def _instants(name: str, cells: Any) -> Array:
    if cells.type.tz is None:
        # guessed, a month would begin hours early or late without a word
        way_out = (
            "name it: .dt.tz_localize(…) in pandas, .dt.replace_time_zone(…) in Polars, AT TIME ZONE in SQL"
        )
        raise UnreadableInput(f"column {quoted(name)} holds times without a zone", str(cells.type), way_out)
    unit = cells.type.unit
    numbers = longs(cells.cast(pa.int64()))
    # rounded down, so that what is before a boundary stays before it
    return numbers // 1000 if unit == "ns" else numbers * UNITS[unit]


def _read(name: str, cells: Any, home: tzinfo | None, place: Callable[[int], str]) -> Array:
    """Text as times: RFC 3339, or dates."""
    try:
        return _instants(name, cells.cast(pa.timestamp("us", "UTC")))
    except pa.ArrowInvalid:
        pass  # dates, fractions of nanoseconds, or no times: read one by one, each once
    different = cells.dictionary_encode()
    different = different.combine_chunks() if isinstance(different, pa.ChunkedArray) else different
    found: Sequence[str] = different.dictionary.to_pylist()
    micros = np.zeros(len(found), np.int64)
    for number, text in enumerate(found):
        try:
            at = moment(text)
        except InvalidPeriod as error:
            row = int(pc.index(cells, pa.scalar(text, cells.type)).as_py())
            what = f"not a time in column {quoted(name)} in {place(row)}"
            raise UnreadableInput(what, text, 'write "2026-11-05T10:00:00Z" or "2026-11-05"') from error
        is_day = home is not None and not isinstance(at, datetime)
        micros[number] = boundary(midnight(at, home) if is_day and home is not None else at)
    return micros[longs(different.indices)]
