import copy
import itertools
import pickle
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.shared_vectors import shared_vectors, vector_id
from tokenbill.core.periods.instants import located, utc, zone
from tokenbill.core.periods.period import Period, period
from tokenbill.errors import InvalidPeriod

NEW_YORK = ZoneInfo("America/New_York")
FEBRUARY = Period("2026-02-01", "2026-03-01")
ZONES = [
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "Europe/Berlin",
    "Pacific/Apia",
    "Australia/Lord_Howe",
]

dates = st.dates(date(1970, 1, 1), date(2200, 1, 1))
near_changes = st.builds(
    lambda start, hours: start + timedelta(hours=hours),
    st.sampled_from(
        [
            datetime(2010, 11, 7, 2, 31, tzinfo=UTC),  # St. John's, back over midnight
            datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia, a day is skipped
            datetime(2024, 3, 10, 7, tzinfo=UTC),
            datetime(2024, 11, 3, 6, tzinfo=UTC),
        ]
    ),
    st.fractions(-50, 50, max_denominator=60).map(float),
)
instants = near_changes | st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@st.composite
def partitions(draw):
    """The bounds, in order, of the parts of a period of dates, or of instants in some zone."""
    if draw(st.booleans()):
        return sorted(draw(st.lists(dates, min_size=2, max_size=6)))
    home = zone(draw(st.sampled_from(ZONES)))
    return [instant.astimezone(home) for instant in sorted(draw(st.lists(instants, min_size=2, max_size=6)))]


def local(text, key):
    """A wall time of the vectors as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(key))


@pytest.mark.parametrize(
    "vector", [v for v in shared_vectors("calendar.json") if v["kind"] == "proration"], ids=vector_id
)
def test_a_share_is_that_of_the_public_example(vector):
    whole = Period(local(vector["period_start"], vector["tz"]), local(vector["period_end"], vector["tz"]))
    part = Period(local(vector["used_start"], vector["tz"]), local(vector["used_end"], vector["tz"]))

    assert part.share_of(whole, by="day") == Fraction(vector["by_day"])
    assert part.share_of(whole, by="second") == Fraction(vector["by_second"])


def test_a_period_holds_its_start_and_not_its_end():
    january = Period("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")

    assert "2026-01-01T00:00:00Z" in january
    assert "2026-01-31T23:59:59.999999Z" in january
    assert "2026-02-01T00:00:00Z" not in january
    assert "2025-12-31T23:59:59Z" not in january


def test_a_period_of_dates_holds_dates():
    assert date(2026, 2, 28) in FEBRUARY
    assert "2026-03-01" not in FEBRUARY


def test_an_instant_is_sought_in_no_period_of_dates():
    with pytest.raises(InvalidPeriod, match="do not mix"):
        assert "2026-02-10T00:00:00Z" in FEBRUARY


def test_a_date_in_a_period_of_instants_is_its_local_midnight():
    march = Period(datetime(2026, 3, 1, tzinfo=NEW_YORK), datetime(2026, 4, 1, tzinfo=NEW_YORK))

    assert date(2026, 3, 1) in march
    assert date(2026, 4, 1) not in march


def test_the_second_of_two_equal_hours_is_outside_a_period_that_ends_with_the_first():
    end = datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK)
    first_half = Period(datetime(2024, 11, 1, tzinfo=NEW_YORK), end)

    assert end.replace(minute=29) in first_half
    assert end.replace(minute=29, fold=1) not in first_half


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-02-01", "2026-01-31"),
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-02-01T00:00:00Z", "2026-02-01T08:00:00+08:00"),
        ("2026-02-01", "2026-03-01T00:00:00Z"),
        (date(2026, 1, 1), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1), datetime(2026, 2, 1)),
        (datetime(2026, 1, 1, tzinfo=NEW_YORK), datetime(2026, 2, 1, tzinfo=UTC)),
        (
            datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=1),
            datetime(2024, 11, 3, 1, 45, tzinfo=NEW_YORK),
        ),
        (True, True),
        (None, None),
        (1767571200, 1769571200),
    ],
)
def test_ends_that_make_no_period_are_refused(start, end):
    with pytest.raises(InvalidPeriod):
        Period(start, end)


@pytest.mark.parametrize(
    "ends", [("2026-02-01", "2026-02-01"), ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")]
)
def test_an_empty_period_holds_nothing(ends):
    empty = Period(*ends)

    assert ends[0] not in empty
    assert (empty.days, empty.seconds) == (0, 0)


def test_the_first_and_the_last_day_are_both_counted():
    assert Period.inclusive(date(2024, 2, 1), "2024-02-29") == Period("2024-02-01", "2024-03-01")
    assert Period.inclusive("2026-02-01", "2026-02-01").days == 1


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"),
        ("2026-02-01", "2026-02-28T00:00:00Z"),
        ("2026-02-02", "2026-01-31"),
        ("9998-12-01", "9998-12-31"),
        (None, "2026-01-01"),
    ],
)
def test_what_has_no_first_and_last_day_is_refused(first, last):
    with pytest.raises(InvalidPeriod):
        Period.inclusive(first, last)


def test_half_open_and_inclusive_dates_prorate_differently():
    march = Period("2024-03-01", "2024-04-01")

    assert 93 * Period("2024-03-16", "2024-03-31").share_of(march) == 45  # 15 of 31 days
    assert 93 * Period.inclusive("2024-03-16", "2024-03-31").share_of(march) == 48  # 16 of 31 days


def test_days_are_not_seconds_where_the_clock_changes():
    march = Period(datetime(2024, 3, 1, tzinfo=NEW_YORK), datetime(2024, 4, 1, tzinfo=NEW_YORK))
    used = Period(datetime(2024, 3, 1, tzinfo=NEW_YORK), datetime(2024, 3, 11, tzinfo=NEW_YORK))

    assert used.share_of(march) == Fraction(10, 31)
    assert used.share_of(march, by="second") == Fraction(239, 743)
    assert (march.days, march.seconds) == (31, 743 * 3600)


def test_dates_in_a_whole_of_instants_are_local_midnights():
    march = Period(datetime(2024, 3, 1, tzinfo=NEW_YORK), datetime(2024, 4, 1, tzinfo=NEW_YORK))

    assert Period("2024-03-01", "2024-03-11").share_of(march, by="second") == Fraction(239, 743)


def test_days_are_those_of_the_zone_of_the_whole():
    shanghai = ZoneInfo("Asia/Shanghai")
    february = Period(datetime(2026, 2, 1, tzinfo=shanghai), datetime(2026, 3, 1, tzinfo=shanghai))
    part = Period("2026-01-31T16:00:00Z", "2026-02-14T15:59:59Z")

    assert part.share_of(february) == Fraction(13, 28)  # up to 14 February, 23:59:59


def test_the_time_of_day_is_no_part_of_a_day():
    january = Period("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")

    assert Period("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z").share_of(january) == Fraction(1, 31)
    assert Period("2026-01-31T00:00:00Z", "2026-01-31T23:59:59Z").share_of(january) == 0


def test_a_date_that_comes_back_is_not_counted_again():
    st_johns = ZoneInfo("America/St_Johns")
    day = [
        datetime(2010, 11, 7, 0, 0, 30, tzinfo=st_johns),
        datetime(2010, 11, 6, 23, 30, tzinfo=st_johns, fold=1),
    ]

    assert Period(*day).days == 0


def test_a_part_outside_its_whole_is_refused():
    with pytest.raises(InvalidPeriod, match="outside"):
        Period("2026-01-31", "2026-02-10").share_of(FEBRUARY)
    with pytest.raises(InvalidPeriod, match="outside"):
        Period("2026-02-10", "2026-03-02").share_of(FEBRUARY)


def test_a_part_in_instants_of_a_whole_in_dates_is_refused():
    with pytest.raises(InvalidPeriod, match="do not mix"):
        Period("2026-02-10T00:00:00Z", "2026-02-11T00:00:00Z").share_of(FEBRUARY)


@pytest.mark.parametrize("whole", [None, "2026-02", ("2026-02-01", "2026-03-01"), date(2026, 2, 1)])
def test_a_whole_that_is_no_period_is_refused(whole):
    with pytest.raises(InvalidPeriod):
        FEBRUARY.share_of(whole)


@pytest.mark.parametrize("by", ["month", "", None, ["day"], 1])
def test_a_share_counts_days_or_seconds(by):
    with pytest.raises(InvalidPeriod, match="day, second"):
        FEBRUARY.share_of(FEBRUARY, by=by)


def test_a_whole_within_one_day_has_a_share_of_seconds_only():
    hour = Period("2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z")
    half = Period("2026-02-01T00:00:00Z", "2026-02-01T00:30:00Z")

    assert hour.share_of(hour) == 1
    assert half.share_of(hour, by="second") == Fraction(1, 2)
    with pytest.raises(InvalidPeriod, match='by="second"'):
        half.share_of(hour)


@pytest.mark.parametrize("by", ["day", "second"])
def test_nothing_is_a_share_of_an_empty_whole(by):
    empty = Period("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z")

    with pytest.raises(InvalidPeriod):
        empty.share_of(empty, by=by)


def test_seconds_are_exact():
    assert Period("2026-01-01T00:00:00Z", "2026-01-01T00:00:01.000001Z").seconds == Decimal("1.000001")


def test_a_period_prints_as_its_two_ends():
    shanghai = ZoneInfo("Asia/Shanghai")
    day = Period(datetime(2026, 2, 1, tzinfo=shanghai), datetime(2026, 2, 2, tzinfo=shanghai))

    assert str(FEBRUARY) == "2026-02-01/2026-03-01"
    assert str(day) == "2026-02-01T00:00:00+08:00[Asia/Shanghai]/2026-02-02T00:00:00+08:00[Asia/Shanghai]"


def test_one_period_in_several_spellings_is_equal():
    spellings = {
        Period("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        Period("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00.000Z"),
        Period("2026-01-01T08:00:00+08:00", "2026-02-01T08:00:00+08:00"),
        Period(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), datetime(2026, 2, 1, tzinfo=UTC)),
    }

    assert len(spellings) == 1
    assert Period("2026-01-01", "2026-02-01") not in spellings


def test_periods_that_differ_by_a_repeated_hour_differ():
    start, end = datetime(2024, 11, 1, tzinfo=NEW_YORK), datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK)

    assert Period(start, end) != Period(start, end.replace(fold=1))
    assert Period(end, end.replace(hour=9)) != Period(end.replace(fold=1), end.replace(hour=9))


def test_a_period_is_taken_for_one():
    assert period(FEBRUARY) is FEBRUARY
    with pytest.raises(InvalidPeriod):
        period("2026-02")


@given(partitions())
def test_a_period_survives_pickle_copy_and_evolve(bounds):
    whole = Period(bounds[0], bounds[-1])
    again = [pickle.loads(pickle.dumps(whole, protocol)) for protocol in range(2, 6)]

    assert {*again, copy.copy(whole), copy.deepcopy(whole), attrs.evolve(whole)} == {whole}
    assert {str(value) for value in again} == {str(whole)}


@given(partitions(), st.sampled_from(["day", "second"]))
def test_shares_of_a_partition_sum_to_exactly_one(bounds, by):
    whole = Period(bounds[0], bounds[-1])
    parts = [Period(start, end) for start, end in itertools.pairwise(bounds)]

    shares = [part.share_of(whole, by) for part in parts if counted(whole, by)]

    assert sum(shares) == (1 if counted(whole, by) else 0)
    assert all(0 <= share <= 1 for share in shares)


def counted(whole, by):
    return whole.days if by == "day" else whole.seconds


@given(partitions())
def test_every_part_holds_what_the_next_does_not(bounds):
    parts = [Period(start, end) for start, end in itertools.pairwise(bounds)]

    for bound in bounds[:-1]:
        holders = [part for part in parts if bound in part]
        assert len(holders) == (utc(bound) < utc(bounds[-1]))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)), st.sampled_from(ZONES))
def test_the_days_of_a_stretch_are_never_negative(wall, key):
    start = located(wall, zone(key))
    later = (start.astimezone(UTC) + timedelta(minutes=30)).astimezone(start.tzinfo)

    assert Period(start, later).days in (0, 1, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Period("2026-01-01", "2026-02-01"), Period("2026-02-01", "2026-03-01")),
        (Period("2026-02-01", "2026-03-01"), Period("2026-01-01", "2026-02-01")),
        (Period("2026-02-01", "2026-03-01"), Period("2026-02-10", "2026-02-10")),
    ],
    ids=["before", "after", "empty"],
)
def test_periods_that_only_touch_have_nothing_in_common(one, other):
    assert one.common(other) is None


def test_days_that_are_both_counted_are_dates_both_of_them():
    for first, last in (("2026-01-01", "2026-01-02T00:00:00Z"), ("2026-01-01T00:00:00Z", "2026-01-02")):
        with pytest.raises(InvalidPeriod, match="not dates"):
            Period.inclusive(first, last)


def test_of_a_fraction_of_a_second_six_digits_count():
    ends = [f"2026-06-0{day}T00:00:00.{digits}Z" for day, digits in ((1, "1234567"), (2, "999999999"))]

    assert [end.microsecond for end in (Period(*ends).start, Period(*ends).end)] == [123456, 999999]
