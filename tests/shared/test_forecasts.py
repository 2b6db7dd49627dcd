from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Bill, BillingPlan, PriceSchedule, Usage
from tokenbill.core.periods.instants import moment
from tokenbill.errors import InvalidPeriod, InvalidUsage
from tokenbill.shared.forecasts import RunRate, daily_usage, days_between, invoice_preview, usage_of

WEEK = [9, 9, 9, 9, 9, 1, 2]


def run_rate_of(*calls):
    return RunRate([Usage(calls=units) for units in calls])


def calls_on(run_rate, days):
    return [run_rate.on(ahead).get("calls", 0) for ahead in range(days)]


def test_each_day_to_come_is_as_the_same_weekday_of_the_last_week():
    assert calls_on(run_rate_of(100, *WEEK), 9) == [9, 9, 9, 9, 9, 1, 2, 9, 9]


def test_less_than_a_week_is_told_by_its_mean():
    assert calls_on(run_rate_of(1, 2, 2), 2) == [Fraction(5, 3), Fraction(5, 3)]
    assert run_rate_of(1, 2, 2).method == "each day as the mean of the 3 seen"


def test_no_days_are_told_by_the_mean_of_the_period():
    assert RunRate(mean={"calls": Fraction(1, 3)}).on(5) == {"calls": Fraction(1, 3)}


def test_a_week_that_repeats_itself_is_forecast_without_error():
    assert run_rate_of(*WEEK, *WEEK, *WEEK).error(10) == {"calls": 0}


def test_the_error_is_the_worst_that_the_same_forecast_made_on_the_days_known():
    # after seven days of 9: days 8 and 9 were 12 and 9, so 3 off over one day, 3 off over two days
    run_rate = run_rate_of(9, 9, 9, 9, 9, 9, 9, 12, 9)

    assert run_rate.error(1) == {"calls": 3}
    assert run_rate.error(2) == {"calls": Fraction(3, 2)}
    assert run_rate.interval == "as far off as the same forecast was at worst on the 9 days before"


def test_a_week_alone_says_nothing_of_errors():
    assert run_rate_of(*WEEK).interval == ""


@given(st.lists(st.integers(0, 50), min_size=8, max_size=30), st.integers(1, 20))
def test_the_error_is_that_of_the_forecasts_made_one_by_one(calls, ahead):
    worst = 0
    for known in range(7, len(calls)):
        days = min(ahead, len(calls) - known)
        told = sum(calls_on(run_rate_of(*calls[:known]), days))
        worst = max(worst, Fraction(abs(sum(calls[known : known + days]) - told)) / days)

    assert run_rate_of(*calls).error(ahead)["calls"] == worst if any(calls) else True


def test_days_left_out_used_nothing_and_days_from_today_on_are_not_read():
    by_day = {"2026-03-01": Usage(calls=1), date(2026, 3, 3): {"calls": 3}, "2026-03-04": Usage(calls=4)}

    first, today = date(2026, 3, 1), date(2026, 3, 4)
    assert daily_usage(by_day, first, today) == (Usage(calls=1), Usage(), Usage(calls=3))
    assert daily_usage(by_day, first, first) == ()
    assert daily_usage(by_day, today, today) == daily_usage(by_day, first, today)
    assert daily_usage({}, first, today) == (Usage(),) * 3


@pytest.mark.parametrize("days", [5, "x", [Usage()], {"2001-01-01": Usage()}, {"2026-03-01": 5}])
def test_what_is_no_usage_by_day_is_refused(days):
    with pytest.raises(InvalidUsage):
        daily_usage(days, date(2026, 3, 4), date(2026, 3, 4))


def test_an_instant_is_no_day():
    with pytest.raises(InvalidPeriod):
        daily_usage({"2026-03-01T00:00:00Z": Usage()}, date(2026, 3, 4), date(2026, 3, 4))


def test_the_days_of_a_stretch_of_instants_count_by_what_is_left_of_them():
    begin, end = moment("2026-03-01T18:00:00Z"), moment("2026-03-03T12:00:00Z")

    assert [part for _, part in days_between(begin, end)] == [Fraction(1, 4), 1, Fraction(1, 2)]


def test_the_day_of_23_hours_is_a_whole_day():
    begin = moment("2026-03-29T00:00:00+01:00[Europe/Berlin]")

    assert [part for _, part in days_between(begin, begin + timedelta(days=1))] == [1]


def test_quantities_become_usage_and_none_is_below_zero():
    assert usage_of({"a": Fraction(1, 3), "b": Fraction(-1)}) == Usage(a="0.333333333333333333")


def test_what_a_plan_would_refuse_has_its_figures_all_the_same():
    plan = BillingPlan.prepaid(PriceSchedule(calls=2), overage="refuse")

    assert invoice_preview(Usage(calls=3), plan).due == Decimal("6.00")


def test_an_outlook_is_what_the_bill_comes_to():
    plan = BillingPlan.subscription("20", PriceSchedule(calls="0.01"), minimum=50)
    first = Bill.of(Usage(calls=100), plan, final=False)

    assert invoice_preview(Usage(calls=5), plan, opening=first.closing).total == (
        Bill.of(Usage(calls=5), plan, opening=first.closing).total
    )


@pytest.mark.parametrize("days", [5, None, "ab", [5], [None], Usage(calls=1)])
def test_a_pace_is_made_of_usage(days):
    with pytest.raises(InvalidUsage):
        RunRate(days)


@pytest.mark.parametrize("mean", [5, None, {"calls": 5.0}, {"calls": "x"}])
def test_the_mean_of_a_day_is_exact(mean):
    with pytest.raises(InvalidUsage):
        RunRate(mean=mean)


@pytest.mark.parametrize("ahead", ["x", None, -1, 1.5, True])
def test_a_day_ahead_is_a_whole_number(ahead):
    with pytest.raises(InvalidUsage):
        RunRate([Usage(calls=1)]).on(ahead)
    with pytest.raises(InvalidUsage):
        RunRate([Usage(calls=1)] * 9).error(ahead if ahead is not True else 0)
