"""Periods: the stretch of time that a bill covers, and what part of another it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from attrs import field, frozen

from tokenbill.core.money.decimals import decimal
from tokenbill.core.periods.instants import FIRST_YEAR, is_before, iso_text, midnight, moment, utc
from tokenbill.core.periods.zone_rules import ZoneAsWritten, boundary
from tokenbill.errors import InvalidPeriod

__all__ = ["By", "Period", "period"]

By = Literal["day", "second"]
"""What a share counts: days of the local calendar, or seconds that went by."""

COUNTED = ("day", "second")
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)


@frozen
class Period:
    """A stretch of time from *start* up to *end*, which no longer belongs to it.

    It may be empty, as a day is that a zone skips. Periods of the same instants are equal, in
    whatever zone each is written.

    Args:
        start: A date, an aware datetime, or the RFC 3339 text of either.
        end: The same kind as *start*, and an instant in the same zone.

    Raises:
        InvalidPeriod: For an end before the start, a date with an instant, two zones, a naive time.

    Source: docs/explanation/periods.md

    >>> february = Period("2026-02-01", "2026-03-01")
    >>> Period("2026-02-15", "2026-03-01").share_of(february)
    Fraction(1, 2)
    """

    start: date = field(converter=boundary, eq=utc)
    end: date = field(converter=boundary, eq=utc)

    def __attrs_post_init__(self) -> None:
        if is_before(self.end, self.start):
            raise InvalidPeriod("a period that ends before it starts", str(self), "swap its ends")
        if str(home_of(self.start)) != str(home_of(self.end)):
            raise InvalidPeriod("a period in two zones", str(self), "write both ends in one zone")

    @classmethod
    def inclusive(cls, first: date | str, last: date | str) -> Period:
        """The period of dates from *first* to *last*, both counted.

        >>> Period.inclusive("2026-02-01", "2026-02-28").end
        datetime.date(2026, 3, 1)
        """
        begin, final = moment(first), moment(last)
        if isinstance(begin, datetime) or isinstance(final, datetime):
            raise InvalidPeriod("not dates", (begin, final), "give dates, or Period(start, end)")
        return cls(begin, final + DAY)

    def __contains__(self, instant: date | str) -> bool:
        """Whether *instant* is at or after the start and before the end.

        In a period of instants a date stands for its local midnight.
        """
        # Half open: what happens at the end belongs to the next period, so that no event is billed twice.
        at = moment(instant)
        at = at if isinstance(at, datetime) and isinstance(self.start, datetime) else self._placed(at)
        return not is_before(at, self.start) and is_before(at, self.end)

    def __reduce__(self) -> tuple[type[Period], tuple[str, str]]:
        # pickle 2 and 3 forget which of two equal wall times a datetime is; its text does not
        return Period, (iso_text(self.start), iso_text(self.end))

    def __str__(self) -> str:
        return f"{iso_text(self.start)}/{iso_text(self.end)}"

    @property
    def is_as_written(self) -> bool:
        """Whether an end has an offset that its zone had when it was written, and has no more."""
        return any(isinstance(home_of(end), ZoneAsWritten) for end in (self.start, self.end))

    @property
    def days(self) -> int:
        """Days of the local calendar, from the date it starts on up to the date it ends on.

        >>> Period("2024-03-09T12:00:00-05:00", "2024-03-11T09:00:00-05:00").days
        2
        """
        return _count(self, "day")

    @property
    def seconds(self) -> Decimal:
        """Seconds that go by; a day of a period of dates has 86,400.

        >>> Period("2026-02-01", "2026-03-01").seconds
        Decimal('2419200')
        """
        return decimal(Fraction(_count(self, "second"), 10**6))

    def share_of(self, whole: Period, by: By = "day") -> Fraction:
        """What part of *whole* this period is; the shares of a partition sum to exactly 1.

        Days are counted on the local calendar of *whole*, where a day of 23 hours is a day, and the
        time of day is ignored. Dates within a whole of instants are local midnights there.

        Raises:
            InvalidPeriod: If a part of it lies outside *whole*, or *whole* has no day to count.

        >>> Period("2024-03-16", "2024-03-31").share_of(Period("2024-03-01", "2024-04-01"))
        Fraction(15, 31)
        """
        if by not in COUNTED:
            raise InvalidPeriod("nothing to count a share by", by, f"choose one of {', '.join(COUNTED)}")
        outer = period(whole)
        part = Period(outer._placed(self.start), outer._placed(self.end))
        if is_before(part.start, outer.start) or is_before(outer.end, part.end):
            raise InvalidPeriod("a part outside its whole", str(part), f"stay within {outer}")
        # A quotient of whole counts: shares of a partition sum to exactly 1, which rounded ones do not.
        counted = _count(outer, by)
        if counted:
            return Fraction(_count(part, by), counted)
        # Of a whole shorter than a day only all of it can be told by days.
        if part != outer or utc(outer.start) == utc(outer.end):
            way_out = 'give a longer one, or by="second"'
            raise InvalidPeriod(f"a whole without a {by} to count", str(outer), way_out)
        return Fraction(1)

    def common(self, other: Period) -> Period | None:
        """The stretch that lies in both, or None.

        >>> print(Period("2026-02-01", "2026-03-01").common(Period("2026-02-20", "2026-04-01")))
        2026-02-20/2026-03-01
        """
        start, end = self._placed(period(other).start), self._placed(other.end)
        start = self.start if is_before(start, self.start) else start
        end = self.end if is_before(self.end, end) else end
        return Period(start, end) if is_before(start, end) else None

    def _placed(self, at: date) -> date:
        """*at* in the zone of this period, where it has one."""
        home = home_of(self.start)
        if home is None:
            return at
        return at.astimezone(home) if isinstance(at, datetime) else midnight(at, home)


def period(value: object) -> Period:
    """*value*, if it is a Period.

    >>> str(period(Period("2026-02-01", "2026-03-01")))
    '2026-02-01/2026-03-01'
    """
    if not isinstance(value, Period):
        raise InvalidPeriod("not a period", value, "give a Period")
    return value


def home_of(value: date) -> tzinfo | None:
    """The zone of an instant; a date has none."""
    return value.tzinfo if isinstance(value, datetime) else None


def _count(period: Period, by: str) -> int:
    """Days or microseconds from one end to the other: differences of positions, so that parts add up."""
    # Days are local dates, whatever hours the clock left out: a fee by the day costs the same on each.
    if by == "day":
        return day_position(period.end) - day_position(period.start)
    start, end = (
        (at.astimezone(UTC) - EPOCH) // MICROSECOND
        if isinstance(at, datetime)
        else at.toordinal() * (DAY // MICROSECOND)
        for at in (period.start, period.end)
    )
    return end - start


def day_position(at: date) -> int:
    """The local date as a number that never falls.

    Where clocks go back over midnight (St. John's until 2011, at 00:01), the old date comes again,
    and yet the new one has begun.
    """
    home = home_of(at)
    if home is None:
        return at.toordinal()
    tomorrow = midnight(date.fromordinal(at.toordinal() + 1), home)
    return at.toordinal() + (not is_before(at, tomorrow))
