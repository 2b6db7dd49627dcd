"""Calendar columns: what rows are grouped by out of their times, on the local calendar of a zone.

Boundaries are worked out here, by ``Cycle``, and compared as instants. The zone rules of an engine are never
asked: they are of another edition than Python's, and two months would then begin at two moments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock
from typing import Any, TypeAlias, cast

from attrs import frozen

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, iso_text, located, midnight, moment, zone
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidPeriod, UnreadableInput

__all__ = ["CalendarColumn", "column_of", "day", "hours", "month", "time"]

STEP = re.compile(r"([1-9][0-9]{0,5})(s|min|h|d)", re.ASCII)
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
WINDOW = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
DAY = 24 * 60
Window: TypeAlias = "tuple[str, int, int]"
"""A name, and the minutes of the day that it begins and ends at."""


@frozen
class CalendarColumn:
    """A column *name* that is made out of the times in *column*.

    It is the period of *cycle* that a time falls in, written by its first day, or by so many *digits* of it;
    with *step* the part of it of so many seconds, written by its first instant; with *windows* the name of
    the hours of the day.
    """

    name: str
    column: str
    cycle: Cycle
    step: int = 0
    windows: tuple[Window, ...] = ()
    digits: int = 10

    def parts(self, period: Period) -> list[tuple[datetime, str]]:
        """The parts of a period of the cycle: where each begins, and what the column says of it."""
        start: Any = period.start
        if self.windows:
            return self._hours(start)
        if not self.step:
            return [(start, iso_text(start)[: self.digits])]
        # seconds go by whatever the clock on the wall does: a day of 25 hours has 25 parts of one hour
        count = -(-int(period.seconds) // self.step)
        first = start.astimezone(UTC)
        starts = [(first + timedelta(seconds=self.step * i)).astimezone(start.tzinfo) for i in range(count)]
        return [(at, at.isoformat().replace("+00:00", "Z")) for at in starts]

    def at(self, instant: date | str) -> str:
        """What the column says of one instant; a date is midnight in the zone of the cycle.

        >>> month("at", tz="Asia/Shanghai").at("2026-10-31T16:00:00Z")
        '2026-11'
        """
        when = moment(instant)
        if not isinstance(when, datetime):
            when = midnight(when, zone(self.cycle.tz))
        parts = self.parts(self.cycle.period(self.cycle.index(when)))
        return next(text for start, text in reversed(parts) if not is_before(when, start))

    def _hours(self, start: datetime) -> list[tuple[datetime, str]]:
        """Where the windows of a day begin and end; outside them nothing is said."""
        edges = {0, *(edge % DAY for _, first, last in self.windows for edge in (first, last))}
        found = list[tuple[datetime, str]]()
        for minute in sorted(edges):
            # a window that ends before it begins goes over midnight
            names = (
                name
                for name, first, last in self.windows
                if (first <= minute < last if first < last else minute >= first or minute < last)
            )
            name = next(names, "")
            wall = datetime.combine(start.date(), clock(minute // 60, minute % 60))
            found.append((located(wall, cast(tzinfo, start.tzinfo)), name))
        return found


def month(column: str, *, tz: str = "UTC", name: str = "month") -> CalendarColumn:
    """The month of the times in a column on the calendar of a zone, as "2026-11".

    Raises:
        InvalidPeriod: For a zone that is not known.

    >>> month("at", tz="Asia/Shanghai").name
    'month'
    """
    return CalendarColumn(_text(name, "name"), _text(column, "column"), Cycle.monthly(tz=tz), digits=7)


def day(column: str, *, tz: str = "UTC", name: str = "day") -> CalendarColumn:
    """The day of the times in a column on the calendar of a zone, as "2026-11-05".

    Raises:
        InvalidPeriod: For a zone that is not known.

    >>> day("at").name
    'day'
    """
    return CalendarColumn(_text(name, "name"), _text(column, "column"), Cycle.daily(tz=tz))


def time(column: str, every: str | Cycle = "1h", *, tz: str = "UTC", name: str = "time") -> CalendarColumn:
    """The stretch of time that a row falls in, by the instant it begins at: "2026-11-05T13:00:00Z".

    Args:
        column: The column of instants.
        every: A number of seconds, minutes, hours or days: "30s", "15min", "1h", "1d", counted from local
            midnight; or a ``Cycle``, whose periods are named by their first day.
        tz: The zone whose midnights they are counted from.
        name: What the column is called in the result.

    Raises:
        InvalidPeriod: For a zone that is not known, and for what is no stretch of time.

    >>> time("at", "15min").step
    900
    """
    if isinstance(every, Cycle):
        return CalendarColumn(_text(name, "name"), _text(column, "column"), every)
    match = STEP.fullmatch(str(every))
    step = int(match[1]) * SECONDS[match[2]] if match else 0
    # parts that do not divide the day would drift from one day to the next
    if not step or (step > 86400 or 86400 % step):
        raise InvalidPeriod(
            "not a part of a day", every, 'write "1h", "15min", "30s" or "1d", or give a Cycle'
        )
    return CalendarColumn(_text(name, "name"), _text(column, "column"), Cycle.daily(tz=tz), step)


def hours(column: str, windows: Mapping[str, str], *, tz: str = "UTC", name: str = "hours") -> CalendarColumn:
    """A label that depends on the hour of the local day, for ``labels=``; outside all windows there is none.

    Windows are half-open, and one that ends before it begins goes over midnight. A row without the label
    is refused as ``UnpricedUsage``, unless a price is there for the meter without it.

    Raises:
        InvalidPeriod: For a zone that is not known, for what is no window, and for windows that overlap.

    >>> hours("at", {"night": "22:00-06:00"}, tz="Europe/Berlin").windows
    (('night', 1320, 360),)
    """
    if not is_mapping(windows) or not windows:
        raise InvalidPeriod("no hours of the day", windows, 'give names: {"night": "22:00-06:00"}')
    found, taken = list[Window](), set[int]()
    for label, text in windows.items():
        match = WINDOW.fullmatch(str(text))
        first, last = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3)) if match else (0, 0)
        if first == last or max(first, last) > DAY:
            raise InvalidPeriod("not hours of the day", text, 'write "22:00-06:00"')
        # an hour of two names would have the price of whichever was written first
        minutes = {(first + minute) % DAY for minute in range((last - first) % DAY or DAY)}
        if taken & minutes:
            raise InvalidPeriod("hours of the day that overlap", text, "let one begin where another ends")
        taken |= minutes
        found.append((_text(label, "window"), first, last))
    cycle = Cycle.daily(tz=tz)
    return CalendarColumn(_text(name, "name"), _text(column, "column"), cycle, windows=tuple(found))


def column_of(value: Any, time: str | None) -> Any:
    """What stands in ``by=`` as a calendar column: a ``Cycle`` groups the times of ``time=`` by its periods.

    Raises:
        UnreadableInput: For a cycle where no column of times is named.
    """
    if not isinstance(value, Cycle):
        return value
    if time is None:
        raise UnreadableInput("a cycle, and no column of times", str(value), 'name it: time="at"')
    return CalendarColumn("period", time, value)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableInput(f"{what}= names nothing", value, f'write {what}="at"')
    return value
