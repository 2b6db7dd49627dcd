"""Ends of periods whose offset is not the one that their zone has by the rules at hand."""

import pickle
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from tokenbill import Cycle, Period
from tokenbill.core.periods.zone_rules import boundary

PARIS = "Europe/Paris"
# Paris is at +01:00 in November, at +02:00 in June
WRITTEN = Period(f"2026-11-01T00:00:00+01:00[{PARIS}]", f"2026-12-01T00:00:00+02:00[{PARIS}]")
MONTHS = Cycle.monthly(tz=PARIS)


def test_an_offset_is_kept_and_the_instant_is_the_one_it_says():
    assert str(WRITTEN).endswith(f"2026-12-01T00:00:00+02:00[{PARIS}]")
    assert Period("2026-10-31T23:00:00Z", "2026-11-30T22:00:00Z") == WRITTEN
    assert WRITTEN.seconds == 30 * 86_400 - 3600
    assert all(
        str(again) == str(WRITTEN) for again in (pickle.loads(pickle.dumps(WRITTEN)), deepcopy(WRITTEN))
    )
    assert str(Period(WRITTEN.start, WRITTEN.end)) == str(WRITTEN)


def test_text_that_its_zone_agrees_with_is_read_as_ever():
    for text in (f"2026-12-01T00:00:00+01:00[{PARIS}]", f"2026-11-30T23:00:00Z[{PARIS}]", "2026-12-01"):
        assert not Period(
            "2026-01-01" if len(text) == 10 else f"2026-01-01T00:00:00Z[{PARIS}]", text
        ).is_as_written
    assert WRITTEN.is_as_written


def test_one_wall_time_keeps_its_offset_and_all_others_follow_the_rules():
    home = WRITTEN.end.tzinfo

    assert str(home) == home.tzname(WRITTEN.end) == PARIS
    assert (home.dst(WRITTEN.end), home.utcoffset(None)) == (None, None)
    assert WRITTEN.end.astimezone(UTC).astimezone(home) == WRITTEN.end
    assert datetime(2026, 12, 1, 12, tzinfo=UTC).astimezone(home).isoformat() == "2026-12-01T13:00:00+01:00"
    assert datetime(2026, 7, 1, tzinfo=home).utcoffset() == timedelta(hours=2)


def test_a_boundary_of_the_cycle_by_its_offset_is_that_boundary():
    assert MONTHS.placed(WRITTEN) == MONTHS.containing("2026-11-16T00:00:00Z")
    assert MONTHS.index(WRITTEN.end) == MONTHS.index("2026-12-16T00:00:00Z")
    assert MONTHS.share_of(WRITTEN) == MONTHS.share_of(WRITTEN, by="second") == 1
    half = Period(f"2026-11-16T00:00:00+01:00[{PARIS}]", WRITTEN.end)
    assert MONTHS.share_of(half) == Fraction(1, 2)


def test_an_instant_of_the_same_wall_time_today_is_another_one():
    # it begins at 00:00Z on 1 December; midnight by the rules of today is an hour before
    december = Period(f"2026-12-01T00:00:00+00:00[{PARIS}]", f"2027-01-01T00:00:00+01:00[{PARIS}]")

    assert "2026-12-01T00:00:00Z" in december
    assert not any(text in december for text in ("2026-11-30T23:00:00Z", "2026-11-30T23:59:59Z"))
    assert "2026-12-02" in december


@pytest.mark.parametrize("offset", ["+02:00", "+00:00"])
def test_a_first_month_that_began_on_the_13th_has_the_days_it_had(offset):
    part = Period(f"2026-11-13T00:00:00{offset}[{PARIS}]", f"2026-12-01T00:00:00+01:00[{PARIS}]")

    assert MONTHS.share_of(part) == Fraction(18, 30)
    assert MONTHS.share_of(part, by="second") == Fraction(18, 30)
    # an instant within a day stays where it is
    noon = Period(f"2026-11-13T12:00:00{offset}[{PARIS}]", f"2026-12-01T00:00:00+01:00[{PARIS}]")
    hours = 1 if offset == "+02:00" else -1
    assert MONTHS.share_of(noon, by="second") == Fraction(17 * 24 + 12 + hours, 30 * 24)


@pytest.mark.parametrize(
    "text",
    [
        f"2026-12-01T06:00:00+02:00[{PARIS}]",  # not at midnight
        f"2026-12-02T00:00:00+02:00[{PARIS}]",  # not the first of a month
        "2026-12-01T00:00:00+02:00[Europe/Berlin]",  # another zone's
    ],
)
def test_what_is_no_boundary_by_its_offset_is_an_instant(text):
    at = boundary(text)

    assert MONTHS.index(at) == MONTHS.index(at.astimezone(UTC))
    part = Period(at, at + timedelta(days=1))
    assert MONTHS.placed(part) is part
