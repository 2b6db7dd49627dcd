"""Listed cycles: fiscal calendars whose boundaries no rule of months says."""

import pickle

import pytest

from tokenbill import Bill, BillingPlan, Contract, Cycle, Fee, Period, PriceSchedule, Usage, serial
from tokenbill.errors import InvalidPeriod

QUARTER = ["2026-10-04", "2026-11-01", "2026-11-29", "2027-01-03"]
"""Weeks in 4-4-5."""
FISCAL = Cycle.listed(QUARTER)
FIVE_WEEKS = Period("2026-11-29", "2027-01-03")
PLAN = BillingPlan(PriceSchedule(u=1), fees=[Fee(99)], cycle=FISCAL)


def test_a_fee_is_whole_in_five_weeks_and_prorated_when_they_are_cut_short():
    whole = Bill.of(Usage(), PLAN, period=FIVE_WEEKS)
    cancelled = Bill.of(Usage(), Contract(PLAN).ended("2026-12-13"), period=FIVE_WEEKS)

    assert (str(whole.total), str(cancelled.total)) == ("99.00", "39.60")  # 14 of 35 days


def test_an_equal_amendment_changes_nothing():
    contract = Contract(PLAN).amended("2026-12-13", PLAN)

    bills = [Bill.of(Usage(u=3), contract, period=FIVE_WEEKS, final=False)]
    bills.append(Bill.of(Usage(u=2), contract, period=FIVE_WEEKS, opening=bills[0].closing))

    assert [str(bill.total) for bill in bills] == ["102.00", "2.00"]


@pytest.mark.parametrize(
    ("day", "k"), [("2026-10-04", 0), ("2026-10-31", 0), ("2026-11-01", 1), ("2027-01-02", 2)]
)
def test_a_period_is_found_by_a_day_in_it(day, k):
    assert FISCAL.index(day) == k
    assert str(FISCAL.containing(day)) == f"{QUARTER[k]}/{QUARTER[k + 1]}"


def test_instants_are_read_on_the_wall_clock_of_the_zone():
    cycle = Cycle.listed(QUARTER, tz="America/New_York")

    assert cycle.index("2026-11-01T03:59:59Z") == 0  # the evening before
    assert cycle.index("2026-11-01T04:00:00Z") == 1
    assert Cycle.listed(["2026-10-04T04:00:00Z", *QUARTER[1:]], tz="America/New_York") == cycle


def test_boundaries_within_a_day_make_periods_of_instants():
    cycle = Cycle.listed(["2026-10-04T06:00:00", "2026-11-01T06:00:00", "2026-11-29"])

    assert str(cycle.containing("2026-10-05")) == "2026-10-04T06:00:00Z/2026-11-01T06:00:00Z"
    assert str(cycle.containing("2026-11-05")) == "2026-11-01T06:00:00Z/2026-11-29T00:00:00Z"


@pytest.mark.parametrize("at", ["2026-10-03", "2027-01-03", "2026-10-03T23:59:59Z", "2030-01-01"])
def test_a_date_outside_the_list_is_refused(at):
    with pytest.raises(InvalidPeriod, match="outside the listed periods"):
        FISCAL.containing(at)


@pytest.mark.parametrize("k", [-1, 4])
def test_a_boundary_outside_the_list_is_refused(k):
    with pytest.raises(InvalidPeriod, match="a boundary outside the list"):
        FISCAL.boundary(k)


@pytest.mark.parametrize(
    "boundaries",
    [
        [],
        ["2026-10-04"],
        None,
        5,
        ["2026-11-01", "2026-10-04"],
        ["2026-10-04", "2026-10-04"],
        ["soon", "later"],
    ],
    ids=repr,
)
def test_what_is_no_list_of_boundaries_is_refused(boundaries):
    with pytest.raises(InvalidPeriod):
        Cycle.listed(boundaries)


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "listed"},
        {"unit": "month", "boundaries": QUARTER},
        {"unit": "listed", "boundaries": QUARTER, "every": 2},
        {"unit": "listed", "boundaries": QUARTER, "anchor": "2026-10-05"},
    ],
)
def test_a_cycle_is_of_one_kind(wrong):
    with pytest.raises(InvalidPeriod):
        Cycle(**{"anchor": "2026-10-04", **wrong})


def test_a_listed_cycle_is_a_document():
    assert serial.loads(serial.dumps(PLAN)) == PLAN
    assert pickle.loads(pickle.dumps(FISCAL)) == FISCAL
    assert (
        PLAN.fingerprint()
        != BillingPlan(PriceSchedule(u=1), fees=[Fee(99)], cycle=Cycle.monthly()).fingerprint()
    )


def test_two_boundaries_make_a_cycle_of_one_period(monkeypatch):
    assert str(Cycle.listed(QUARTER[:2]).containing("2026-10-31")) == "2026-10-04/2026-11-01"
    monkeypatch.setattr("tokenbill.core.periods.cycle.MOST", 3)
    assert Cycle.listed(QUARTER[:3]).index(QUARTER[1]) == 1
    with pytest.raises(InvalidPeriod):
        Cycle.listed(QUARTER)


def test_all_boundaries_ascend():
    with pytest.raises(InvalidPeriod):
        Cycle.listed([*QUARTER[:2], QUARTER[1], QUARTER[3]])


def test_two_boundaries_are_a_cycle_and_one_of_them_out_of_order_is_none():
    two = Cycle.listed(["2026-01-01", "2026-02-01"])

    assert two.containing("2026-01-05") == Period("2026-01-01", "2026-02-01")
    for wrong in (["2026-01-01"], ["2026-01-01", "2026-03-01", "2026-02-01", "2026-04-01"]):
        with pytest.raises(InvalidPeriod):
            Cycle.listed(wrong)
