"""Quotas: how much may be used within windows of time. They admit requests, and never price them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from attrs import field, frozen

from tokenbill.core.base.inputs import name_or_nothing
from tokenbill.core.base.values import Value
from tokenbill.core.metering.scopes import KINDS, Scope, scope
from tokenbill.core.money.validators import optional_number, yes_or_no
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import midnight, moment, zone
from tokenbill.core.periods.spans import DAY, span_seconds
from tokenbill.errors import InvalidPlan

__all__ = ["Quota", "Window", "instant_of"]

Every: TypeAlias = "str | Cycle"
"""How long a window is: a text such as ``5h``, or a cycle."""

MONDAY = date(1970, 1, 5).toordinal()
BUCKETS = 58
"""Parts of a rolling window: with the one that begins and the one that ends, 60 are kept at most."""


class Window(NamedTuple):
    """A stretch of time in which a quota adds up, as instants in UTC."""

    start: datetime
    end: datetime


def _every(value: Any) -> Every:
    if isinstance(value, Cycle):
        return value
    seconds, way_out = span_seconds(value), 'write "5h", "1d", "1w" or a Cycle'
    if seconds > DAY and seconds % DAY:
        raise InvalidPlan("a window of more than a day that is no whole number of days", value, way_out)
    return str.__str__(value)


def _zone(value: Any) -> str:
    zone(value)
    return str.__str__(value)


@frozen(repr=False)
class Quota(Value):
    """The most that may be used within a window: in units of a meter, or in money as the contract prices it.

    A window of hours is one of the clock: it is counted from midnight in the zone, where the last of a day
    may be shorter. Days and weeks begin at midnight, weeks on Monday. A rolling window looks back from now.

    Args:
        on: The meters that count; of a quota in money kinds of charge, too, and all usage unless said.
        units: The most units of them together.
        every: How long a window is: ``90s``, ``30m``, ``5h``, ``1d``, ``1w``, or a Cycle.
        amount: In place of units: the most that they may cost, in the plan's currency, before tax.
        tz: The IANA key of the zone whose clock it is.
        rolling: Whether the window ends now, in place of being one of the clock.
        name: What people call it.

    Raises:
        InvalidPlan: If neither units nor an amount is given, or both, or a window that is none.
        InvalidNumber, InvalidMeter, InvalidPeriod, InvalidName: For parts that are none.

    Source: docs/explanation/credits.md#quotas

    >>> window = Quota("output_tokens", 100_000, every="5h").window("2026-06-01T08:00:00Z")
    >>> window.start.isoformat(), window.end.isoformat()
    ('2026-06-01T05:00:00+00:00', '2026-06-01T10:00:00+00:00')
    """

    on: Scope = field(default=None, converter=scope)
    units: Decimal | None = field(default=None, converter=optional_number)
    every: str | Cycle = field(kw_only=True, converter=_every)
    amount: Decimal | None = field(default=None, converter=optional_number, kw_only=True)
    tz: str = field(default="UTC", converter=_zone, kw_only=True)
    rolling: bool = field(default=False, validator=yes_or_no, kw_only=True)
    name: str = field(default="", converter=name_or_nothing, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if (self.units is None) is (self.amount is None):
            raise InvalidPlan("a quota of nothing, or of two things", self.units, "give units, or amount=")
        if self.limit < 0:
            raise InvalidPlan("a quota below zero", self.limit, "give zero or more")
        if self.units is not None and (self.on is None or not set(KINDS).isdisjoint(self.on)):
            # tokens and hours have no sum
            raise InvalidPlan("a quota of units without its meters", self.on, 'name them: "output_tokens"')
        if self.rolling and isinstance(self.every, Cycle):
            raise InvalidPlan("a rolling window of a cycle", self.every, 'give its length: every="1d"')

    @property
    def limit(self) -> Decimal:
        """The most, in units or in money."""
        found = self.units if self.amount is None else self.amount
        assert found is not None  # one of them is there
        return found

    @property
    def scope(self) -> Scope:
        """What counts: all usage, unless something is named."""
        return ("usage",) if self.on is None else self.on

    @property
    def key(self) -> str:
        """What an account keeps its windows by: everything but the limit, which may change."""
        what = "amount" if self.units is None else "units"
        # a limit that is raised while a window runs must not forget what was used in it
        parts = [self.name, ",".join(self.on or ()), what, str(self.every), self.tz]
        return "|".join([*parts, "rolling"] if self.rolling else parts)

    @property
    def title(self) -> str:
        """What it is called: its name, or what it counts and how often."""
        every = self.every if isinstance(self.every, str) else f"{self.every.every} {self.every.unit}"
        return self.name or f"{', '.join(self.scope or ())} every {every}"

    @property
    def seconds(self) -> int:
        """How long a window of a text is."""
        return span_seconds(self.every)

    def window(self, at: date | str) -> Window:
        """The window of the clock that holds *at*; of a rolling quota the bucket that does.

        >>> Quota("calls", 5, every="1w").window("2026-06-03").start.isoformat()
        '2026-06-01T00:00:00+00:00'
        """
        now = instant_of(at, self.tz)
        if isinstance(self.every, Cycle):
            period: Any = self.every.containing(now)
            return Window(period.start.astimezone(UTC), period.end.astimezone(UTC))
        if self.rolling:
            # rounded up: more buckets than that would make an account grow with its window
            width = -(-self.seconds // BUCKETS)
            since = int(now.timestamp()) // width * width
            return Window(*(datetime.fromtimestamp(edge, UTC) for edge in (since, since + width)))
        home = zone(self.tz)
        day, days = now.astimezone(home).date().toordinal(), max(self.seconds // DAY, 1)
        # counted in local days, so that a day of 23 hours is one window too
        first = day - (day - MONDAY) % days
        start, end = (midnight(date.fromordinal(d), home).astimezone(UTC) for d in (first, first + days))
        if self.seconds < DAY:
            step = timedelta(seconds=self.seconds)
            start += (now - start) // step * step
            end = min(start + step, end)
        return Window(start, end)

    def counted_until(self, start: datetime) -> datetime:
        """When what was used in the window or bucket that begins at *start* counts no longer.

        >>> hour = Quota("calls", 5, every="58m", rolling=True)
        >>> hour.counted_until(instant_of("2026-06-01T08:00:00Z", "UTC")).isoformat()
        '2026-06-01T08:59:00+00:00'
        """
        end = self.window(start).end
        # a bucket is free when all of it is, so that none is free too early
        return end + timedelta(seconds=self.seconds) if self.rolling else end


def instant_of(at: date | str, tz: str) -> datetime:
    """A moment in UTC; a date is its midnight in the zone.

    >>> instant_of("2026-06-01", "Asia/Shanghai").isoformat()
    '2026-05-31T16:00:00+00:00'
    """
    when = moment(at)
    there = when if isinstance(when, datetime) else midnight(when, zone(tz))
    return there.astimezone(UTC)
