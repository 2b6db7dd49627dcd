import pickle
import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill.core.periods.instants import (
    is_before,
    iso_text,
    located,
    midnight,
    moment,
    optional_moment,
    read,
    utc,
    utc_moment,
    zone,
)
from tokenbill.errors import InvalidPeriod

ZONES = [
    "UTC",
    "Africa/Casablanca",
    "Africa/Monrovia",  # offsets with seconds until 1972
    "America/New_York",
    "America/St_Johns",  # clocks went back from 00:01 to 23:01 until 2011
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Europe/Berlin",
    "Pacific/Apia",  # no 30 December 2011
]

instants = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T00:00:00Z", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31t00:00:00z", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00:00+08:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-30T18:30:00-05:30", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T00:00:00-00:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T00:00:00.5Z", datetime(2026, 1, 31, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T23:59:59.999999999Z", datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-01-31T00:00:00Z[Asia/Shanghai]", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00:00+08:00[Asia/Shanghai]", datetime(2026, 1, 31, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9998-12-31T23:59:59Z", datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_text_of_rfc_3339_is_an_instant(text, expected):
    assert moment(text) == expected


def test_text_of_a_date_is_a_date():
    assert moment("2024-02-29") == date(2024, 2, 29)
    assert type(moment("2024-02-29")) is date


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-01",
        "26-01-01",
        "20260101",
        "2026-W01-1",
        "2026-001",
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-01 ",
        "2026-01-01\n",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00Z",
        "2026-01-01T00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00 Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2026-01-01T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00+0800",
        "2026-01-01T00:00:00+08",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+08:60",
        "2026-01-01T00:00:00+08:00:30",
        "2026-01-01T00:00:00Z[Mars/Olympus]",
        "2026-01-01T00:00:00Z[]",
        "2026-01-01T00:00:00[Asia/Shanghai]",
        "2026-01-01[Asia/Shanghai]",
        "２０２６-01-01",
        "1969-12-31",
        "9999-01-01",
        "0000-01-01",
        "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z[America/New_York]",
        "9999-12-31T23:59:59Z[Asia/Shanghai]",
        "0001-01-01T00:00:00Z[America/New_York]",
        "2026-01-01T00:00:00Z" + " " * 10_000,
        "now",
    ],
)
def test_other_text_is_refused(text):
    with pytest.raises(InvalidPeriod):
        moment(text)


@pytest.mark.parametrize(
    "value", [True, 0, 1767571200, 1.5, None, b"2026-01-01", ["2026-01-01"], timedelta(1), object()]
)
def test_what_is_no_time_is_refused(value):
    with pytest.raises(InvalidPeriod):
        moment(value)


@pytest.mark.parametrize("value", [date(1969, 12, 31), date(9999, 1, 1), date.min, date.max])
def test_a_date_beyond_the_years_is_refused(value):
    with pytest.raises(InvalidPeriod):
        moment(value)


@pytest.mark.parametrize("value", [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)])
@pytest.mark.parametrize("offset", [-23, 0, 23])
def test_an_instant_beyond_the_years_is_refused(value, offset):
    with pytest.raises(InvalidPeriod):
        moment(value.replace(tzinfo=timezone(timedelta(hours=offset))))


def test_a_naive_time_is_refused():
    with pytest.raises(InvalidPeriod, match="a time without a zone"):
        moment(datetime(2026, 1, 1))


def test_subclasses_become_plain():
    class Day(date):
        pass

    class Time(datetime):
        pass

    assert type(moment(Day(2026, 1, 1))) is date
    assert type(moment(Time(2026, 1, 1, tzinfo=UTC))) is datetime


class Foreign(tzinfo):
    """A zone of another library."""

    def __init__(self, fixed, offset=timedelta(hours=8), **names):
        self.fixed, self.offset = fixed, offset
        self.__dict__.update(names)

    def utcoffset(self, when):
        return self.fixed if when is None else self.offset


def test_a_foreign_zone_is_taken_by_its_key():
    shanghai = Foreign(None, zone="Asia/Shanghai")

    assert (
        iso_text(moment(datetime(2026, 1, 1, 8, tzinfo=shanghai)))
        == "2026-01-01T08:00:00+08:00[Asia/Shanghai]"
    )


def test_a_foreign_zone_is_taken_by_its_one_offset():
    east, utc_of_theirs = Foreign(timedelta(hours=8)), Foreign(timedelta(0), timedelta(0))

    assert iso_text(moment(datetime(2026, 1, 1, 8, tzinfo=east))) == "2026-01-01T08:00:00+08:00"
    assert moment(datetime(2026, 1, 1, tzinfo=utc_of_theirs)).tzinfo is UTC


@pytest.mark.parametrize(
    "home",
    [
        Foreign(None),
        Foreign(timedelta(seconds=30)),
        Foreign(timedelta(0), None),
        Foreign(timedelta(0), timedelta(days=2)),
        Foreign(timedelta(0), "soon"),
        Foreign("soon"),
        Foreign(None, key="Mars/Olympus"),
        tzinfo(),
        timezone(timedelta(seconds=30)),
    ],
)
def test_a_zone_that_cannot_be_told_is_refused(home):
    with pytest.raises(InvalidPeriod):
        moment(datetime(2026, 1, 1, tzinfo=home))


def test_an_instant_that_its_zone_puts_beyond_the_years_is_refused():
    east = Foreign(None, zone="America/New_York")

    with pytest.raises(InvalidPeriod, match="1970 to 9998"):
        moment(datetime(1970, 1, 1, 0, 30, tzinfo=east))


def test_absent_is_absent_and_the_rest_is_in_utc():
    assert optional_moment(None) is None
    assert optional_moment("2026-01-01") == date(2026, 1, 1)
    assert optional_moment("2026-01-01T08:00:00+08:00").tzinfo is UTC
    assert utc_moment("2026-01-01T08:00:00+08:00").hour == 0


def test_text_without_an_offset_reads_as_a_wall_time():
    assert read("2026-01-31T09:30:00.25") == datetime(2026, 1, 31, 9, 30, 0, 250_000)


def test_every_listed_key_is_a_zone():
    keys = zoneinfo.available_timezones() - {"Factory", "localtime"}

    assert len(keys) > 400
    assert [key for key in keys if zone(key) is None] == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "localtime",
        "posixrules",
        "Factory",
        "utc",
        "asia/shanghai",
        "posix/Asia/Shanghai",
        "right/Asia/Shanghai",
        "../../etc/passwd",
        "/etc/localtime",
        "Asia",
        "Asia/",
        "Asia//Shanghai",
        "Asia/../Europe/Berlin",
        "Asia/Shanghai\n",
        "Asia/Shanghai\0",
        "Asia\\Shanghai",
        "Mars/Olympus",
        "leapseconds",
        "tzdata.zi",
        "+08:00",
        "UTC+8",
        "A" * 64,
        "A" * 65,
        "A" * 500,
        None,
        8,
        True,
        UTC,
        b"UTC",
    ],
)
def test_what_is_no_listed_key_is_refused(key):
    with pytest.raises(InvalidPeriod):
        zone(key)


def test_a_key_is_looked_up_only_if_it_has_at_most_64_characters():
    with pytest.raises(InvalidPeriod, match="unknown time zone"):
        zone("A" * 64)
    with pytest.raises(InvalidPeriod, match="not a time zone"):
        zone("A" * 65)


def test_a_zone_needs_no_data_for_utc(monkeypatch):
    monkeypatch.setattr(zoneinfo, "ZoneInfo", None)

    assert zone("UTC") is zone("Etc/UTC") is UTC


def test_a_time_that_a_zone_skips_takes_the_offset_before():
    assert utc(located(datetime(2024, 3, 10, 2, 30), ZoneInfo("America/New_York"))) == datetime(
        2024, 3, 10, 7, 30, tzinfo=UTC
    )


def test_a_time_that_occurs_twice_is_the_first():
    second = datetime(2024, 11, 3, 1, 30, fold=1)

    assert utc(located(second, ZoneInfo("America/New_York"))) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)


def test_a_day_begins_when_its_zone_says():
    assert (
        iso_text(midnight(date(2026, 9, 6), zone("America/Santiago")))
        == "2026-09-06T01:00:00-03:00[America/Santiago]"
    )


def test_one_hour_that_comes_twice_is_two_instants():
    home = ZoneInfo("America/New_York")
    first, second = (datetime(2024, 11, 3, 1, 30, tzinfo=home, fold=fold) for fold in (0, 1))

    assert first == second  # Python compares the wall times of one zone
    assert utc(first) != utc(second)
    assert is_before(first, second)
    assert not is_before(second, first)


def test_a_date_and_an_instant_are_in_no_order():
    with pytest.raises(InvalidPeriod, match="do not mix"):
        is_before(date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(InvalidPeriod) as mixed:
        is_before(moment("2026-01-02T00:00:00.5+08:00[Asia/Shanghai]"), date(2026, 1, 1))
    assert str(mixed.value) == (
        "dates and instants do not mix: '2026-01-02T00:00:00.500000+08:00[Asia/Shanghai]'; "
        "beside it is 2026-01-01: give two dates, or two instants"
    )


def test_a_wall_time_is_spelled_without_an_offset():
    assert iso_text(datetime(2026, 1, 31, 9, 30)) == "2026-01-31T09:30:00"


def test_an_offset_with_seconds_is_spelled_in_utc():
    early = moment("1971-01-01T00:00:00Z[Africa/Monrovia]")

    assert early.utcoffset() == timedelta(minutes=-45, seconds=30)
    assert iso_text(early) == "1971-01-01T00:00:00Z[Africa/Monrovia]"


@given(instants, st.sampled_from(ZONES))
def test_an_instant_reads_back_from_its_text_in_its_zone(instant, key):
    local = moment(instant.astimezone(ZoneInfo(key)))
    again = moment(iso_text(local))

    assert utc(again) == utc(local) == instant
    assert (str(again.tzinfo), again.fold, again.hour) == (str(local.tzinfo), local.fold, local.hour)


@given(instants, st.integers(-23 * 60, 23 * 60))
def test_an_instant_reads_back_from_its_text_with_an_offset(instant, minutes):
    local = moment(instant.astimezone(timezone(timedelta(minutes=minutes))))

    assert moment(iso_text(local)) == local == instant
    assert pickle.loads(pickle.dumps(local)) == local
