"""Instants: dates, aware datetimes and their text, read strictly, and the zones that they lie in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import TypeVar, overload

from tokenbill.core.base.quoting import quoted
from tokenbill.errors import InvalidPeriod

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "bounded",
    "is_before",
    "located",
    "midnight",
    "moment",
    "optional_moment",
    "read",
    "iso_text",
    "utc",
    "utc_moment",
    "zone",
]

Day = TypeVar("Day", bound=date)

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Years that a date may lie in: beyond them the arithmetic of ``datetime`` overflows."""

# Patterns are texts, compiled when first used: most processes that import the library read few times.
TEXT = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])(?:\[([^\[\]]{1,64})\])?)?)?"
)
ZONE = r"[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*){0,2}"
"""Every part of an IANA key begins with a capital; ``localtime``, ``posixrules`` and paths do not."""
LONGEST = 120
ZONE_LENGTH = 64
MIXED = "dates and instants do not mix"
MINUTE = timedelta(minutes=1)


@overload
def moment(value: datetime) -> datetime: ...
@overload
def moment(value: object) -> date: ...
def moment(value: object) -> date:
    """*value* as a plain date, or as an aware datetime in a zone of ours: every time enters here.

    Text is RFC 3339, a date or an instant with its offset; a fraction of a second is cut after
    microseconds, and a zone may follow in brackets (RFC 9557).

    Raises:
        InvalidPeriod: For anything else: a naive time, a leap second, years outside 1970 to 9998.

    >>> moment("2026-01-31"), moment("2026-01-31T08:00:00+08:00[Asia/Shanghai]").isoformat()
    (datetime.date(2026, 1, 31), '2026-01-31T08:00:00+08:00')
    """
    if isinstance(value, str):
        value = read(value)
    if isinstance(value, datetime):
        return value if hasattr(value.tzinfo, "wall") else _instant(value)
    if isinstance(value, date):
        return bounded(date.fromordinal(date.toordinal(value)))
    way_out = 'give a date, an aware datetime, or text: "2026-01-31T00:00:00Z"'
    raise InvalidPeriod("not a date or an instant", value, way_out)


def utc_moment(value: object) -> date:
    """``moment`` in UTC, for a value that no local calendar reads.

    >>> utc_moment("2026-01-31T08:00:00+08:00").isoformat()
    '2026-01-31T00:00:00+00:00'
    """
    return utc(moment(value))


def optional_moment(value: object) -> date | None:
    """``utc_moment``, where None means absent."""
    return None if value is None else utc_moment(value)


def read(text: str) -> date:
    """The date, the aware datetime or, without an offset, the wall time that *text* spells.

    >>> read("2026-01-31T09:30:00")
    datetime.datetime(2026, 1, 31, 9, 30)
    """
    # Python's own reader takes weeks, bare digits and, from 3.14 on, hour 24: other dates than were meant.
    match = re.fullmatch(TEXT, text) if len(text) <= LONGEST else None
    if match is None:
        raise InvalidPeriod(
            "not a date or a time", text, 'write it as "2026-01-31" or "2026-01-31T00:00:00Z"'
        )
    year, month, day, hour, minute, second, fraction, offset, key = match.groups()
    try:
        when = date(int(year), int(month), int(day))
        if hour is None:
            return when
        clock = time(int(hour), int(minute), int(second), int((fraction or "0").ljust(6, "0")[:6]))
    except ValueError:
        raise InvalidPeriod("a date or time that no calendar has", text, "write one that exists") from None
    if not offset:
        return datetime.combine(when, clock)
    size = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])) if offset not in "Zz" else timedelta()
    fixed = timezone(size if offset[0] == "+" else -size) if size else UTC
    aware = bounded(datetime.combine(when, clock, fixed))
    return aware.astimezone(zone(key)) if key else aware


def _instant(value: datetime) -> datetime:
    """A plain datetime for one of any class and any library's zone, at the same instant."""
    # Events are many, and what they say of time was read before: a plain instant in UTC is what it is.
    if type(value) is datetime and value.tzinfo is UTC and not value.fold:
        return bounded(value)
    plain = bounded(datetime.combine(datetime.date(value), datetime.timetz(value)))
    if plain.tzinfo is None:
        raise InvalidPeriod("a time without a zone", plain, "give its tzinfo, or its offset in the text")
    try:
        offset, home = plain.utcoffset(), _home(plain.tzinfo)
    except InvalidPeriod:
        raise
    except Exception as error:  # a foreign tzinfo may raise anything
        raise InvalidPeriod("a time zone that fails", plain.tzinfo, "use one of zoneinfo") from error
    if offset is None:  # Python would read such a time in the zone of the machine
        raise InvalidPeriod("a time zone without an offset", plain.tzinfo, "use one of zoneinfo")
    return bounded(plain.replace(tzinfo=timezone(offset), fold=0).astimezone(home))


def _home(given: tzinfo) -> tzinfo:
    """A zone of ours for a datetime's own: by its IANA key (pytz says ``zone``), else by its one offset."""
    # A zone by its key follows its own clock; one known by an offset alone has no summer time to follow.
    key = getattr(given, "key", None) or getattr(given, "zone", None)
    if isinstance(key, str):
        return zone(key)
    offset = given.utcoffset(None)
    if offset is None or offset % MINUTE:
        raise InvalidPeriod("a time zone without a key", given, 'use zoneinfo.ZoneInfo("Asia/Shanghai")')
    return timezone(offset) if offset else UTC


def bounded(value: Day) -> Day:
    """*value*, if its year is one that a date may lie in."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise InvalidPeriod("a date out of bounds", value, f"stay within {FIRST_YEAR} to {LAST_YEAR}")
    return value


def zone(key: object) -> tzinfo:
    """The time zone of an IANA key; nothing that depends on the machine.

    >>> str(zone("Asia/Shanghai"))
    'Asia/Shanghai'
    """
    if not isinstance(key, str) or len(key) > ZONE_LENGTH or not re.fullmatch(ZONE, key) or key == "Factory":
        raise InvalidPeriod("not a time zone", key, 'give a key of the IANA list: "Asia/Shanghai"')
    if key in ("UTC", "Etc/UTC"):
        return UTC
    from zoneinfo import ZoneInfo  # a process that bills in UTC never needs it

    try:
        return ZoneInfo(str.__str__(key))
    except Exception:  # no such file, no file, no zone in it: each raises something else
        way_out = (
            'give a key of the IANA list: "Asia/Shanghai", and on a machine without zones install tzdata'
        )
        raise InvalidPeriod("an unknown time zone", key, way_out) from None


def located(wall: datetime, home: tzinfo) -> datetime:
    """The instant of a *wall* time in zone *home*.

    A time that occurs twice is the first; one that a zone skips takes the offset before the gap,
    and so moves forward.

    >>> located(datetime(2024, 3, 10, 2, 30), zone("America/New_York")).isoformat()
    '2024-03-10T03:30:00-04:00'
    """
    return wall.replace(tzinfo=home, fold=0).astimezone(UTC).astimezone(home)


def midnight(day: date, home: tzinfo) -> datetime:
    """The instant at which *day* begins in zone *home*."""
    return located(datetime.combine(day, time()), home)


def utc(value: date) -> date:
    """*value* in UTC, where it compares and hashes as an instant; a date stays.

    Python compares two times of one zone by their wall clocks, though an hour may come twice.
    """
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def is_before(one: date, other: date, field: str = "", grant: str = "") -> bool:
    """Whether *one* comes before *other*: two dates, or two instants.

    Where one of them is a *field* of a *grant*, an error names both.

    Raises:
        InvalidPeriod: For a date and an instant: where the date begins depends on a zone.

    >>> is_before(moment("2026-01-31T23:00:00Z"), moment("2026-02-01T00:30:00+01:00"))
    True
    """
    # Where a date begins depends on a zone, which neither of the two has said.
    if isinstance(one, datetime) is not isinstance(other, datetime):
        what = f"{MIXED}, {field}= of grant {quoted(grant)}" if field else MIXED
        way_out = f"beside it is {iso_text(other)}: give two dates, or two instants"
        raise InvalidPeriod(what, iso_text(one), way_out)
    return utc(one) < utc(other)


def iso_text(value: date) -> str:
    """The text of a date or an instant: RFC 3339, and the zone in brackets; ``moment`` reads it.

    >>> (
    ...     iso_text(moment("2026-01-31T08:00:00.50+08:00[Asia/Shanghai]")),
    ...     iso_text(date(2026, 1, 31)),
    ... )
    ('2026-01-31T08:00:00.500000+08:00[Asia/Shanghai]', '2026-01-31')
    """
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value.isoformat()
    key = getattr(value.tzinfo, "key", None)
    offset = value.utcoffset()
    # RFC 3339 has no seconds in an offset; Monrovia had until 1972
    text = (value if offset is not None and not offset % MINUTE else value.astimezone(UTC)).isoformat()
    return text.replace("+00:00", "Z") + (f"[{key}]" if key else "")
