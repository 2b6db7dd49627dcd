"""Cycles: billing periods that follow each other, on the wall clock of the customer's zone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import field, frozen

from tokenbill.core.base.hashing import LATER
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.periods.instants import (
    FIRST_YEAR,
    LAST_YEAR,
    bounded,
    is_before,
    located,
    moment,
    read,
    zone,
)
from tokenbill.core.periods.period import By, Period, period
from tokenbill.core.periods.zone_rules import ZoneAsWritten, by_rules_at_hand
from tokenbill.errors import InvalidPeriod

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Anchor", "Cycle", "Unit"]

Unit = Literal["day", "week", "month", "quarter", "year", "listed"]
"""What a cycle steps by."""

Anchor: TypeAlias = "int | str | date"
"""What the anchor of a cycle may be given as."""

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
LISTED = "listed"
MOST = 10_000
"""Most boundaries of a list."""
EVERY = 1000
"""Most units between two boundaries."""
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()


def _unit(_: object, __: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or value not in {*DAYS, *MONTHS, LISTED}:
        raise InvalidPeriod("not a unit of cycles", value, f"choose one of {', '.join((*DAYS, *MONTHS))}")


def _every(_: object, __: Attribute[Any], value: object) -> None:
    if type(value) is not int or not 1 <= value <= EVERY:
        raise InvalidPeriod("not a number of units", value, f"give an int from 1 to {EVERY}")


def _anchor(value: Anchor) -> datetime:
    """The anchor as a wall time, or as an instant, whose wall time the zone of the cycle tells."""
    # A bare day of the month is that day of a January, which has all of them: the 31st clamps and returns.
    if isinstance(value, int):
        if type(value) is not int or not 1 <= value <= 31:
            raise InvalidPeriod("not a day of the month", value, "give 1 to 31, or a date")
        value = date(FIRST_YEAR, 1, value)
    elif isinstance(value, str):
        value = read(value)
    if not isinstance(value, datetime):
        return datetime.combine(moment(value), time())
    # Of a wall time that occurs twice the anchor is the first: a fold would move every later boundary.
    if value.tzinfo is None:
        return bounded(datetime.combine(datetime.date(value), datetime.time(value).replace(fold=0)))
    return moment(value)


def _boundaries(value: Any) -> tuple[datetime, ...]:
    """Listed boundaries as wall times or instants."""
    found = listed_of(value, most=MOST)
    if value == ():
        return ()
    if found is None or not 2 <= len(found) <= MOST:
        raise InvalidPeriod("not a list of boundaries", value, f"give 2 to {MOST} dates in order")
    return tuple(_anchor(item) for item in found)


def _key(value: str | tzinfo) -> str:
    """The IANA key of a zone given as text or as a ``ZoneInfo``."""
    key = getattr(value, "key", value)
    zone(key)
    return str(key)


@frozen
class Cycle:
    """Periods that follow each other: one boundary every so many units from an anchor.

    Boundary *k* is *k* steps of wall time from the anchor, never from the boundary before: an
    anchor on the 31st falls on the last day of a shorter month, and returns. A wall time that
    occurs twice is the first; one that the zone skips takes the offset before the gap.

    Args:
        unit: ``day``, ``week``, ``month``, ``quarter`` or ``year``.
        anchor: A date, a wall time in *tz*, an instant, which becomes the wall time it has there,
            the text of one of these, or a day of the month: that day of January 1970.
        every: Units from one boundary to the next, 1 to 1000.
        tz: The IANA key of the time zone.
        boundaries: Those of a ``listed`` cycle, in order; the first one is its anchor.

    Raises:
        InvalidPeriod: For anything else, and for a boundary outside the years 1970 to 9998 or the list.

    Source: docs/explanation/periods.md

    >>> print(Cycle("month", 31).containing("2026-02-10"))
    2026-01-31/2026-02-28
    """

    unit: Unit = field(validator=_unit)
    anchor: datetime = field(converter=_anchor)
    every: int = field(default=1, validator=_every)
    tz: str = field(default="UTC", converter=_key)
    boundaries: tuple[datetime, ...] = field(
        default=(), converter=_boundaries, kw_only=True, metadata={LATER: True}
    )

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "anchor", self._at_wall(self.anchor))
        if (self.unit == LISTED) != bool(self.boundaries) or (self.boundaries and self.every != 1):
            raise InvalidPeriod("a cycle of two kinds", self.unit, "write Cycle.listed([…])")
        if self.boundaries:
            walls = tuple(map(self._at_wall, self.boundaries))
            if any(one >= other for one, other in pairwise(walls)) or walls[0] != self.anchor:
                raise InvalidPeriod("boundaries that are not in order", str(walls[0]), "list each once")
            object.__setattr__(self, "boundaries", walls)

    def _at_wall(self, value: datetime) -> datetime:
        """An instant as the wall time that it has in the zone."""
        if value.tzinfo is None:
            return value
        return bounded(value.astimezone(zone(self.tz)).replace(tzinfo=None, fold=0))

    @classmethod
    def listed(cls, boundaries: Iterable[date | str], *, tz: str = "UTC") -> Cycle:
        """Periods between dates that are listed one by one: fiscal calendars, weeks in 4-4-5.

        The last boundary ends the last period; a date outside the list is refused.

        >>> quarter = Cycle.listed(["2026-10-04", "2026-11-01", "2026-11-29", "2027-01-03"])
        >>> print(quarter.containing("2026-12-24"))
        2026-11-29/2027-01-03
        """
        found = _boundaries(boundaries)
        return cls("listed", found[0], 1, tz, boundaries=found)

    @classmethod
    def daily(cls, anchor: Anchor = 1, *, every: int = 1, tz: str = "UTC") -> Cycle:
        """Every day, or every so many days.

        >>> print(Cycle.daily("2026-01-01", every=30).containing("2026-02-01"))
        2026-01-31/2026-03-02
        """
        return cls("day", anchor, every, tz)

    @classmethod
    def weekly(cls, anchor: Anchor = 5, *, every: int = 1, tz: str = "UTC") -> Cycle:
        """Every week, from Monday unless the anchor says otherwise.

        >>> print(Cycle.weekly().containing("2026-01-01"))
        2025-12-29/2026-01-05
        """
        return cls("week", anchor, every, tz)

    @classmethod
    def monthly(cls, anchor: Anchor = 1, *, every: int = 1, tz: str = "UTC") -> Cycle:
        """Every month, from the first unless the anchor says otherwise.

        >>> print(Cycle.monthly(31).containing("2026-02-28"))
        2026-02-28/2026-03-31
        """
        return cls("month", anchor, every, tz)

    @classmethod
    def quarterly(cls, anchor: Anchor = 1, *, every: int = 1, tz: str = "UTC") -> Cycle:
        """Every three months, from 1 January unless the anchor says otherwise.

        >>> print(Cycle.quarterly().containing("2026-05-31"))
        2026-04-01/2026-07-01
        """
        return cls("quarter", anchor, every, tz)

    @classmethod
    def yearly(cls, anchor: Anchor = 1, *, every: int = 1, tz: str = "UTC") -> Cycle:
        """Every year, from 1 January unless the anchor says otherwise.

        >>> print(Cycle.yearly("2024-02-29").containing("2027-12-24"))
        2027-02-28/2028-02-29
        """
        return cls("year", anchor, every, tz)

    def boundary(self, k: int) -> datetime:
        """The instant of boundary *k* in the zone of the cycle: 0 at the anchor, -1 the one before.

        >>> Cycle.monthly(anchor=15, tz="Asia/Shanghai").boundary(12).isoformat()
        '1971-01-15T00:00:00+08:00'
        """
        return located(self._wall(k), zone(self.tz))

    def period(self, k: int) -> Period:
        """The period from boundary *k* up to the next one.

        >>> print(Cycle.monthly("2026-01-31").period(1))
        2026-02-28T00:00:00Z/2026-03-31T00:00:00Z
        """
        return Period(self.boundary(k), self.boundary(k + 1))

    def index(self, instant: date | str) -> int:
        """The *k* of the period that holds *instant*; a date stands for its local midnight.

        >>> Cycle.monthly(anchor="2024-01-31").index("2023-03-01T00:00:00Z")
        -11
        """
        at = moment(instant)
        if not isinstance(at, datetime) or self._is_as_written(at):
            wall = at.replace(tzinfo=None) if isinstance(at, datetime) else datetime.combine(at, time())
            return self._search(wall, lambda k: wall < self._wall(k))
        wall = at.astimezone(zone(self.tz)).replace(tzinfo=None)
        return self._search(wall, lambda k: is_before(at, self.boundary(k)))

    def containing(self, instant: date | str) -> Period:
        """The period that holds *instant*: of dates for a date, if the cycle turns at midnight.

        >>> noon = Cycle.monthly("2026-01-31T12:00:00", tz="America/New_York")
        >>> noon.containing("2026-03-31T16:00:00Z").start.isoformat()
        '2026-03-31T12:00:00-04:00'
        """
        k = self.index(instant)
        is_midnight = all(self._wall(i).time() == time() for i in (k, k + 1))
        if isinstance(moment(instant), datetime) or not is_midnight:
            return self.period(k)
        return Period(self._wall(k).date(), self._wall(k + 1).date())

    def share_of(self, part: Period, by: By = "day") -> Fraction:
        """What *part* is of the period of this cycle that holds its start.

        The seconds are those of the zone, also where *part* is a period of dates.

        >>> march = Cycle.monthly(tz="America/New_York")
        >>> march.share_of(Period("2024-03-01", "2024-03-11"), by="second")
        Fraction(239, 743)
        """
        part = self.placed(period(part))
        if part.is_as_written:
            # A first month that began on the 13th has 19 days: the hour before midnight is not the 12th.
            ends: Any = (part.start, part.end)
            part = Period(*(by_rules_at_hand(at) if at.time() == time() else at for at in ends))
        start = part.start
        return part.share_of(self.containing(start) if by == "day" else self.period(self.index(start)), by)

    def placed(self, part: Period) -> Period:
        """A period whose ends that were boundaries of the cycle under other rules of its zone are so today.

        >>> november = Period(
        ...     "2026-11-01T00:00:00-07:00[America/Vancouver]",
        ...     "2026-12-01T00:00:00-09:00[America/Vancouver]",
        ... )
        >>> cycle = Cycle.monthly(tz="America/Vancouver")
        >>> cycle.placed(november) == cycle.containing("2026-11-16T00:00:00Z")
        True
        """
        ends = [
            self.boundary(self.index(at)) if isinstance(at, datetime) and self._is_as_written(at) else at
            for at in (part.start, part.end)
        ]
        return part if ends == [part.start, part.end] else Period(*ends)

    def _is_as_written(self, at: datetime) -> bool:
        """Whether *at* was a boundary by the offset written beside it, which its zone has no more."""
        if not isinstance(at.tzinfo, ZoneAsWritten) or at.tzinfo.key != self.tz:
            return False
        wall = at.replace(tzinfo=None)
        is_written = wall == at.tzinfo.wall
        return is_written and self._wall(self._search(wall, lambda k: wall < self._wall(k))) == wall

    def _search(self, wall: datetime, is_ahead: Callable[[int], bool]) -> int:
        """The index, from the wall time: clamped days and changes of the clock put that off by a few."""
        if self.boundaries:
            last = len(self.boundaries) - 1
            if is_ahead(0) or not is_ahead(last):
                way_out = f"list boundaries up to it: they are from {self.anchor} to {self.boundaries[last]}"
                raise InvalidPeriod("a time outside the listed periods", str(wall), way_out)
            k = min(bisect_right(self.boundaries, wall) - 1, last - 1)
        elif self.unit in DAYS:
            k = (wall.toordinal() - self.anchor.toordinal()) // (self.every * DAYS[self.unit])
        else:
            k = (month_number(wall) - month_number(self.anchor)) // (self.every * MONTHS[self.unit])
        # An estimate by units is off where the anchor's day is clamped, or a zone skipped a day altogether.
        while is_ahead(k):
            k -= 1
        while not is_ahead(k + 1):
            k += 1
        return k

    def _wall(self, k: int) -> datetime:
        """The wall time of boundary *k*."""
        if type(k) is not int:
            raise InvalidPeriod("not a number of a boundary", k, "give an int")
        if self.boundaries:
            if not 0 <= k < len(self.boundaries):
                raise InvalidPeriod("a boundary outside the list", k, "list more of them")
            return self.boundaries[k]
        # Steps are counted from the anchor, never from the boundary before: the 31st falls on the 28th
        # of February, and on the 31st of March again.
        steps, out = k * self.every, f"stay within the years {FIRST_YEAR} to {LAST_YEAR}"
        if self.unit in DAYS:
            ordinal = self.anchor.toordinal() + steps * DAYS[self.unit]
            if not FIRST_DAY <= ordinal <= LAST_DAY:
                raise InvalidPeriod("a boundary out of bounds", k, out)
            return datetime.combine(date.fromordinal(ordinal), self.anchor.time())
        year, month = divmod(month_number(self.anchor) + steps * MONTHS[self.unit], 12)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise InvalidPeriod("a boundary out of bounds", k, out)
        following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
        last = date.fromordinal(following.toordinal() - 1).day
        return datetime.combine(date(year, month + 1, min(self.anchor.day, last)), self.anchor.time())


def month_number(value: date) -> int:
    return value.year * 12 + value.month - 1
