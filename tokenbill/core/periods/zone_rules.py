"""Boundaries written under other rules of their zone: tables of zones change while accounts are open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from tokenbill.core.periods.instants import located, moment, read

__all__ = ["ZoneAsWritten", "as_written", "boundary", "by_rules_at_hand"]


class ZoneAsWritten(tzinfo):
    """A zone in which one wall time keeps the offset that was written beside it; all others follow its rules.

    It is never pickled by itself: a period goes by its text.
    """

    def __init__(self, wall: datetime, offset: timedelta, home: tzinfo) -> None:
        self.wall, self.offset, self.home = wall, offset, home
        self.key = str(home)

    def utcoffset(self, value: datetime | None, /) -> timedelta | None:
        """The written offset at the written wall time."""
        if value is None:
            return None
        is_written = value.replace(tzinfo=None) == self.wall
        return self.offset if is_written else self.home.utcoffset(value.replace(tzinfo=self.home))

    def dst(self, value: datetime | None, /) -> timedelta | None:
        """Unknown: the rules that the text was written under are not those at hand."""

    def tzname(self, value: datetime | None, /) -> str:
        """The key of the zone."""
        return self.key

    def fromutc(self, value: datetime, /) -> datetime:
        """The wall time of an instant: as it was written, or by the rules at hand."""
        instant = value.replace(tzinfo=UTC)
        if instant == self.wall.replace(tzinfo=UTC) - self.offset:
            return self.wall.replace(tzinfo=self)
        return instant.astimezone(self.home).replace(tzinfo=self)

    def __str__(self) -> str:
        return self.key


def as_written(text: str) -> date:
    """``read``, for the end of a period: an offset that the rules of its zone no longer say is kept.

    A month of Vancouver that ended at ``2026-12-01T00:00:00-08:00`` by the rules of 2025 is read as that
    instant, and still is the end of November, though the rules of 2026 put that midnight at ``-07:00``.

    >>> print(as_written("2026-12-01T00:00:00-09:00[America/Vancouver]"))
    2026-12-01 00:00:00-09:00
    """
    at = read(text)
    written, _, key = text.partition("[")
    # "Z" beside a zone says nothing of its offset (RFC 9557)
    if key and written[-1] not in "Zz" and isinstance(at, datetime) and at.tzinfo is not None:
        fixed: Any = read(written)
        if fixed.utcoffset() != at.utcoffset():
            wall: datetime = fixed.replace(tzinfo=None)
            return wall.replace(tzinfo=ZoneAsWritten(wall, fixed.utcoffset(), at.tzinfo))
    return at


def by_rules_at_hand(at: date) -> date:
    """A wall time that was written under other rules of its zone, by those at hand; any other time as it is.

    >>> print(by_rules_at_hand(as_written("2026-12-01T00:00:00-09:00[Europe/Paris]")))
    2026-12-01 00:00:00+01:00
    """
    if not isinstance(at, datetime) or not isinstance(at.tzinfo, ZoneAsWritten):
        return at
    home = at.tzinfo
    return located(home.wall, home.home) if at.replace(tzinfo=None) == home.wall else at


def boundary(value: object) -> date:
    """``moment`` for the end of a period, text read ``as_written``."""
    return moment(as_written(value) if isinstance(value, str) else value)
