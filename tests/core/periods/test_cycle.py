import copy
import itertools
import pickle
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.shared_vectors import shared_vectors, vector_id
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import iso_text, utc
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidPeriod

ZONES = [
    "UTC",
    "Africa/Casablanca",
    "America/New_York",
    "America/Santiago",  # summer time begins at midnight
    "America/St_Johns",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",  # no 30 December 2011
    "Pacific/Kwajalein",  # no 21 August 1993
]

walls = st.datetimes(datetime(2000, 1, 1), datetime(2030, 12, 31))
near_changes = st.builds(
    lambda start, hours: start + timedelta(hours=hours),
    st.sampled_from(
        [
            datetime(1993, 8, 20, 12, tzinfo=UTC),
            datetime(2010, 11, 7, 2, 31, tzinfo=UTC),
            datetime(2011, 12, 30, 10, tzinfo=UTC),
            datetime(2024, 3, 10, 7, tzinfo=UTC),
            datetime(2024, 11, 3, 6, tzinfo=UTC),
            datetime(2026, 9, 6, 4, tzinfo=UTC),
        ]
    ),
    st.integers(-50, 50),
)
instants = near_changes | st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
cycles = st.builds(
    Cycle,
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    walls | st.dates(date(2000, 1, 1), date(2030, 12, 31)),
    every=st.integers(1, 9),
    tz=st.sampled_from(ZONES),
)


def vectors(kind):
    return [vector for vector in shared_vectors("calendar.json") if vector["kind"] == kind]


def cycle_of(vector):
    return Cycle(vector["unit"], vector["anchor"], every=vector["count"], tz=vector["tz"])


def in_utc(*instants):
    return [iso_text(utc(instant)) for instant in instants]


@pytest.mark.parametrize("vector", vectors("sequence"), ids=vector_id)
def test_boundaries_are_those_of_the_public_example(vector):
    cycle, count = cycle_of(vector), len(vector["boundaries"])

    assert in_utc(*map(cycle.boundary, range(count))) == vector["boundaries"]
    assert [cycle.period(k).seconds for k in range(count - 1)] == vector["seconds"]


@pytest.mark.parametrize("vector", vectors("period_containing"), ids=vector_id)
def test_the_period_of_an_instant_is_that_of_the_public_example(vector):
    cycle = cycle_of(vector)
    found = cycle.containing(vector["at"])

    assert cycle.index(vector["at"]) == vector["index"]
    assert in_utc(found.start, found.end) == [vector["start"], vector["end"]]


def test_an_anchor_on_the_31st_clamps_and_returns():
    cycle = Cycle.monthly(anchor="2026-01-31", tz="Asia/Shanghai")

    assert [cycle.boundary(k).date().isoformat() for k in range(-2, 5)] == [
        "2025-11-30",
        "2025-12-31",
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]


def test_boundaries_lie_in_the_zone_of_the_cycle():
    assert iso_text(Cycle.monthly(anchor=31, tz="Asia/Shanghai").boundary(0)) == (
        "1970-01-31T00:00:00+08:00[Asia/Shanghai]"
    )


@pytest.mark.parametrize(
    ("cycle", "dates"),
    [
        (Cycle.daily(), "2026-05-14/2026-05-15"),
        (Cycle.daily("2026-05-01", every=10), "2026-05-11/2026-05-21"),
        (Cycle.weekly(), "2026-05-11/2026-05-18"),
        (Cycle.weekly("2026-05-06", every=2), "2026-05-06/2026-05-20"),
        (Cycle.monthly(), "2026-05-01/2026-06-01"),
        (Cycle.monthly(31), "2026-04-30/2026-05-31"),
        (Cycle.quarterly(), "2026-04-01/2026-07-01"),
        (Cycle.quarterly("2025-11-30"), "2026-02-28/2026-05-30"),
        (Cycle.yearly(), "2026-01-01/2027-01-01"),
        (Cycle.yearly("2024-02-29", every=3), "2024-02-29/2027-02-28"),
    ],
)
def test_a_date_is_in_a_period_of_dates(cycle, dates):
    assert str(cycle.containing(date(2026, 5, 14))) == dates


def test_a_date_is_in_a_period_of_instants_where_the_cycle_turns_at_noon():
    cycle = Cycle.monthly("2026-01-15T12:00:00", tz="Asia/Shanghai")

    assert in_utc(cycle.containing("2026-02-15").start) == ["2026-01-15T04:00:00Z"]
    assert in_utc(cycle.containing("2026-02-16").start) == ["2026-02-15T04:00:00Z"]


def test_a_day_that_the_zone_skips_is_an_empty_period():
    december = Cycle.daily("2011-12-01", tz="Pacific/Apia")

    assert in_utc(*map(december.boundary, (28, 29, 30))) == [
        "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-30T10:00:00Z",
    ]
    assert december.period(29).seconds == 0
    assert december.index("2011-12-30T10:00:00Z") == 30
    assert str(december.containing("2011-12-30")) == "2011-12-30/2011-12-31"


def test_a_boundary_in_an_hour_that_comes_twice_is_the_first():
    cycle = Cycle.daily("2024-11-01T01:30:00", tz="America/New_York")

    assert in_utc(cycle.boundary(2)) == ["2024-11-03T05:30:00Z"]
    assert cycle.index("2024-11-03T05:29:59Z") == 1
    assert cycle.index("2024-11-03T06:29:59Z") == 2


def test_a_day_has_begun_though_the_clock_goes_back_over_midnight():
    cycle = Cycle.daily("2010-11-01", tz="America/St_Johns")

    assert in_utc(cycle.boundary(6)) == ["2010-11-07T02:30:00Z"]
    assert cycle.index("2010-11-07T02:45:00Z") == 6  # the clock shows 23:15 of the 6th again


def test_a_boundary_in_an_hour_that_is_skipped_moves_forward_and_returns():
    cycle = Cycle.daily("2024-03-09T02:30:00", tz="America/New_York")

    assert [cycle.boundary(k).isoformat() for k in range(3)] == [
        "2024-03-09T02:30:00-05:00",
        "2024-03-10T03:30:00-04:00",
        "2024-03-11T02:30:00-04:00",
    ]


@pytest.mark.parametrize(
    "anchor",
    [
        1,
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00+08:00",
        datetime(1970, 1, 1),
        date(1970, 1, 1),
        datetime(1970, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(1970, 1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
        datetime(1970, 1, 1, fold=1),
    ],
)
def test_an_anchor_is_a_wall_time_of_the_zone(anchor):
    cycle = Cycle.monthly(anchor, tz="Asia/Shanghai")

    assert cycle == Cycle("month", 1, 1, "Asia/Shanghai")
    assert hash(cycle) == hash(Cycle("month", 1, 1, "Asia/Shanghai"))
    assert repr(cycle.anchor) == "datetime.datetime(1970, 1, 1, 0, 0)"


@pytest.mark.parametrize(
    "anchor",
    [0, 32, -1, True, None, 1.0, "31", "", "2026-02-30", "2026-01-01T00:00:60", [1], date(1969, 12, 31)],
)
def test_what_is_no_anchor_is_refused(anchor):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly(anchor)


@pytest.mark.parametrize("anchor", [datetime(1, 1, 1), datetime(9999, 12, 31, 23), "1970-01-01T00:00:00Z"])
def test_an_anchor_beyond_the_years_is_refused(anchor):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly(anchor, tz="America/New_York")


@pytest.mark.parametrize("unit", ["fortnight", "Month", "months", "", None, 1, ["month"]])
def test_an_unknown_unit_is_refused(unit):
    with pytest.raises(InvalidPeriod, match="month"):
        Cycle(unit, 1)


@pytest.mark.parametrize("every", [0, -1, 1001, True, "1", 1.0, None, 10**400])
def test_a_cycle_steps_by_1_to_1000_units(every):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly(every=every)


def test_a_cycle_may_step_by_1000_units():
    assert in_utc(Cycle.daily(every=1000).boundary(1)) == ["1972-09-27T00:00:00Z"]


@pytest.mark.parametrize("tz", [None, "", "localtime", "../../etc/passwd", "A" * 500, 8, "Mars/Olympus", UTC])
def test_an_unknown_zone_is_refused(tz):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly("2026-01-01T00:00:00", tz=tz)


def test_a_zone_may_be_given_as_zoneinfo():
    assert Cycle.monthly(tz=ZoneInfo("Asia/Shanghai")) == Cycle.monthly(tz="Asia/Shanghai")


@pytest.mark.parametrize("k", [True, 1.0, "1", None, Fraction(1)])
def test_a_boundary_is_numbered_by_an_int(k):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly().boundary(k)


@pytest.mark.parametrize(
    "cycle", [Cycle.daily(), Cycle.weekly(1), Cycle.monthly(), Cycle.quarterly(), Cycle.yearly()]
)
def test_a_boundary_beyond_the_years_is_refused(cycle):
    assert cycle.boundary(0).year == 1970
    for k in (-1, 10**7, 10**400, -(10**400)):
        with pytest.raises(InvalidPeriod, match="1970 to 9998"):
            cycle.boundary(k)


def test_the_last_boundaries_are_in_the_year_9998():
    assert in_utc(Cycle.daily("9998-12-30").boundary(1)) == ["9998-12-31T00:00:00Z"]
    assert in_utc(Cycle.monthly("9998-11-30").boundary(1)) == ["9998-12-30T00:00:00Z"]
    with pytest.raises(InvalidPeriod, match="1970 to 9998"):
        Cycle.daily("9998-12-30").boundary(2)


@pytest.mark.parametrize(
    "instant", [None, True, 31, "2026", datetime(2026, 1, 1), "2026-01-01T00:00:00", "1969-01-01"]
)
def test_what_is_no_instant_is_in_no_period(instant):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly().containing(instant)


def test_an_instant_whose_period_leaves_the_years_is_refused():
    with pytest.raises(InvalidPeriod):
        Cycle.monthly(31).containing("1970-01-05T00:00:00Z")
    with pytest.raises(InvalidPeriod):
        Cycle.monthly().containing("9998-12-05T00:00:00Z")


def test_the_anchor_of_a_summer_signup_bills_the_same_as_one_in_winter():
    summer, winter = (Cycle.monthly(f"2023-{month}-01", tz="America/New_York") for month in ("07", "11"))

    assert summer.containing("2024-04-01T04:00:00Z") == winter.containing("2024-04-01T04:00:00Z")


def test_a_share_of_a_cycle_is_that_of_the_period_which_holds_the_start():
    cycle = Cycle.monthly(31)

    assert cycle.share_of(Period("2026-02-14", "2026-02-28")) == Fraction(14, 28)
    assert cycle.share_of(Period("2026-02-28", "2026-03-31")) == 1


def test_a_share_by_second_counts_those_of_the_zone_for_dates_too():
    cycle, part = Cycle.monthly(tz="America/New_York"), Period("2024-03-01", "2024-03-11")

    assert cycle.share_of(part, by="second") == Fraction(239, 743)
    assert cycle.share_of(part) == part.share_of(cycle.containing(part.start)) == Fraction(10, 31)


@pytest.mark.parametrize("part", [None, "2026-02", date(2026, 2, 1)])
def test_what_is_no_period_has_no_share_of_a_cycle(part):
    with pytest.raises(InvalidPeriod):
        Cycle.monthly().share_of(part)


def test_a_part_over_a_boundary_has_no_share():
    with pytest.raises(InvalidPeriod, match="outside"):
        Cycle.monthly().share_of(Period("2026-01-31", "2026-02-02"))


@given(cycles, st.integers(-3, 40))
def test_periods_tile_without_gap_or_overlap(cycle, k):
    before, after = cycle.period(k), cycle.period(k + 1)

    assert utc(before.end) == utc(after.start)
    assert utc(before.start) <= utc(before.end)
    assert cycle.boundary(k) not in before or before.seconds > 0


@given(cycles, instants)
def test_every_instant_is_in_the_one_period_that_contains_it(cycle, instant):
    k, found = cycle.index(instant), cycle.containing(instant)

    assert found == cycle.period(k)
    assert instant in found
    assert instant not in cycle.period(k - 1)
    assert instant not in cycle.period(k + 1)


@given(cycles, st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_every_date_is_in_the_period_that_contains_it(cycle, day):
    found = cycle.containing(day)

    assert day in found
    assert isinstance(found.start, datetime) is (cycle.anchor.time() != time())


@given(cycles, st.integers(-3, 40))
def test_boundaries_never_go_back(cycle, k):
    bounds = [utc(cycle.boundary(j)) for j in range(k, k + 4)]

    assert all(one <= other for one, other in itertools.pairwise(bounds))


@given(cycles, st.integers(-3, 40))
def test_the_start_of_a_period_is_in_it_unless_it_is_empty(cycle, k):
    start = cycle.boundary(k)

    assert cycle.index(start) == k or cycle.period(k).seconds == 0


@given(cycles, instants, st.lists(st.fractions(0, 1, max_denominator=1000), max_size=4))
def test_shares_of_the_parts_of_a_cycle_sum_to_exactly_one(cycle, instant, cuts):
    whole = cycle.containing(instant)
    start, end = utc(whole.start), utc(whole.end)
    inner = [
        start + timedelta(microseconds=int((end - start) / timedelta(microseconds=1) * cut)) for cut in cuts
    ]
    bounds = [bound.astimezone(whole.start.tzinfo) for bound in sorted([start, *inner, end])]
    parts = [Period(one, other) for one, other in itertools.pairwise(bounds)]

    assert sum(part.share_of(whole, by="second") for part in parts) == 1
    assert whole.days == 0 or sum(part.share_of(whole) for part in parts) == 1


@given(cycles)
def test_a_cycle_survives_pickle_copy_and_evolve(cycle):
    again = [pickle.loads(pickle.dumps(cycle, protocol)) for protocol in range(2, 6)]

    assert {*again, copy.copy(cycle), copy.deepcopy(cycle), attrs.evolve(cycle)} == {cycle}


@given(cycles, instants)
def test_an_instant_is_found_in_a_few_steps(cycle, instant):
    asked = []
    wall = instant.astimezone(ZoneInfo(cycle.tz)).replace(tzinfo=None)

    cycle._search(wall, lambda k: asked.append(k) or utc(cycle.boundary(k)) > instant)

    assert len(asked) <= 5
