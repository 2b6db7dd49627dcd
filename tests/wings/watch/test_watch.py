"""How an account stands, by hand and on days of real traffic that no forecast saw."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tests.support.pages import cells
from tests.support.traffic import DAYS, FIRST, MISSING, REQUESTS, requests_by_day, together
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Cycle,
    Fee,
    Flat,
    Graduated,
    Grant,
    Package,
    Period,
    PerUnit,
    Price,
    PriceSchedule,
    Tier,
    UnpricedUsage,
    Usage,
)
from tokenbill.core.money.currencies import currency
from tokenbill.errors import (
    AccountMismatch,
    InvalidAccount,
    InvalidPeriod,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
)
from tokenbill.watch import Budget, Credit, advice, footprint, status

MARCH = Period("2026-03-01", "2026-04-01")
CENT = PriceSchedule(calls="0.01")
PLAN = BillingPlan.on_demand(CENT)


def opened(plan=PLAN, used=800, period=MARCH, **given):
    return Bill.of(Usage(calls=used), plan, period=period, final=False, **given).closing


def days_from(first, *calls):
    begin = date.fromisoformat(first)
    return {begin + timedelta(back): Usage(calls=units) for back, units in enumerate(calls)}


# What is left, and what comes next


def test_an_allowance_says_what_is_left_of_it():
    plan = BillingPlan(CENT, included={"calls": 1000})

    (free,) = status(opened(plan), plan, at="2026-03-11").allowances

    assert (free.meter, free.included, free.used, free.left) == ("calls", 1000, 800, 200)


def test_an_allowance_used_up_has_nothing_left():
    plan = BillingPlan(CENT, included={"calls": 100})

    assert status(opened(plan), plan, at="2026-03-11").allowances[0].left == 0


def test_an_allowance_that_is_not_touched_is_whole():
    plan = BillingPlan(PriceSchedule(calls=1, gpu_hours=1), included={"gpu_hours": 5})

    assert status(opened(plan), plan, at="2026-03-11").allowances[0].left == 5


def test_a_part_of_a_period_includes_a_part_of_the_units():
    half = Period("2026-02-15", "2026-03-01")
    plan = BillingPlan(CENT, included={"calls": 1000}, prorate_included=True, cycle=Cycle.monthly())

    assert status(opened(plan, 100, half), plan, at="2026-02-20").allowances[0].included == 500


def test_each_group_of_an_entry_has_its_own_allowance():
    plan = BillingPlan(PriceSchedule(calls=PerUnit(1).each("region")), included={"calls": 10})
    used = Usage({"calls{region=eu}": 4, "calls{region=us}": 11})
    account = Bill.of(used, plan, period=MARCH, final=False).closing

    found = status(account, plan, at="2026-03-11").allowances

    assert [(str(free.meter), free.left) for free in found] == [
        ("calls{region=eu}", 6),
        ("calls{region=us}", 0),
    ]


def test_the_next_tier_is_so_many_units_ahead():
    plan = BillingPlan(PriceSchedule(calls=Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])))

    ((meter, price_break),) = status(opened(plan), plan, at="2026-03-11").price_breaks

    assert (meter, price_break.distance, price_break.rate_before, price_break.rate_after) == (
        "calls",
        200,
        Fraction(1, 100),
        Fraction(1, 200),
    )


def test_a_straight_price_and_one_of_a_users_own_have_no_next_tier():
    class Own(Price):
        def amount(self, quantity):
            return quantity

    plan = BillingPlan(PriceSchedule(calls="0.01", other=Own()))

    assert status(opened(plan), plan, at="2026-03-11").price_breaks == ()


def test_a_balance_lasts_until_the_day_that_it_does_not_pay_all_of():
    # 80 calls a day are 0.80; 8 are gone on 11 March, 12 are left: 15 days, so the 26th is short
    account = opened(opening=Account(balance=[Grant("paid", 20, "USD")]))

    found = status(account, PLAN, at="2026-03-11")

    assert (found.credit[0].left, found.exhausted_on) == (Decimal("12.00"), date(2026, 3, 26))


def test_a_balance_may_last_into_the_periods_to_come():
    # 32 are left, 40 days of 0.80 from 11 March on; the fee of 1 April takes 1 of them
    plan = BillingPlan(CENT, fees=[Fee(1)], cycle=Cycle.monthly())
    account = opened(plan, opening=Account(balance=[Grant("paid", 41, "USD")]))

    assert status(account, plan, at="2026-03-11").exhausted_on == date(2026, 4, 18)


def test_a_fee_of_the_periods_to_come_is_owed_for_all_of_them():
    # half a fee of 10 is paid for half of April, 7 are left, and May owes all of it
    plan = BillingPlan(CENT, fees=[Fee(10)], cycle=Cycle.monthly())
    april = Period("2026-04-16", "2026-05-01")
    account = opened(plan, 0, april, opening=Account(balance=[Grant("paid", 12, "USD")]))

    assert status(account, plan, at="2026-04-16").exhausted_on == date(2026, 5, 1)


def test_a_balance_may_end_with_what_the_end_of_a_period_brings():
    plan = BillingPlan(CENT, fees=[Fee(10, due="arrears")])
    account = opened(plan, 0, opening=Account(balance=[Grant("paid", 5, "USD")]))

    assert status(account, plan, at="2026-03-11").exhausted_on == date(2026, 3, 31)


def test_a_balance_ends_with_its_grants():
    account = opened(
        opening=Account(balance=[Grant("paid", 500, "USD", expires="2026-04-03")]), at="2026-03-10"
    )

    assert status(account, PLAN, at="2026-03-11").exhausted_on == date(2026, 4, 3)


def test_a_plan_that_refuses_lasts_until_the_day_it_refuses():
    plan = BillingPlan.prepaid(CENT, overage="refuse")
    account = opened(plan, opening=Account(balance=[Grant("paid", 20, "USD")]))

    found = status(account, plan, at="2026-03-11")

    assert (found.exhausted_on, found.forecast.total) == (date(2026, 3, 26), Decimal("24.80"))


def test_a_balance_that_outlasts_what_is_followed_has_no_last_day():
    account = opened(opening=Account(balance=[Grant("paid", 10_000, "USD")]))

    assert status(account, PLAN, at="2026-03-11").exhausted_on is None


def test_without_a_balance_nothing_lasts():
    found = status(opened(), PLAN, at="2026-03-11")

    assert (found.credit, found.exhausted_on) == ((), None)


def test_a_balance_that_is_used_up_is_a_balance_of_nothing():
    account = opened(opening=Account(balance=[Grant("paid", 5, "USD")]))

    found = status(account, PLAN, at="2026-03-11")

    assert (found.credit, found.exhausted_on) == ((Credit(currency("USD"), Decimal(0)),), date(2026, 3, 11))
    assert list(found.to_rows()[-1].values()) == ["balance", "0.00", "USD", "lasts until 2026-03-11"]


def test_a_balance_that_has_expired_is_a_balance_of_nothing():
    account = opened(
        opening=Account(balance=[Grant("paid", 500, "USD", expires="2026-03-05")]), at="2026-03-04"
    )

    found = status(account, PLAN, at="2026-03-11")

    assert (found.credit[0].left, found.exhausted_on) == (0, date(2026, 3, 11))


def test_a_balance_that_has_not_begun_is_none_yet():
    account = opened(
        opening=Account(balance=[Grant("paid", 500, "USD", starts="2026-03-20")]), at="2026-03-10"
    )

    assert status(account, PLAN, at="2026-03-11").credit == ()


def test_a_balance_is_followed_for_so_many_bills(monkeypatch):
    minute = Period("2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z")
    account = opened(used=1, period=minute, opening=Account(balance=[Grant("paid", 50_000, "USD")]))
    bills, of = [], Bill.of

    def counted(*args, **how):
        bills.append(1)
        return of(*args, **how)

    monkeypatch.setattr(Bill, "of", counted)

    assert status(account, PLAN, at="2026-03-01T00:00:30Z").exhausted_on is None
    assert len(bills) <= 1001


# The forecast


def test_the_pace_of_the_period_goes_on():
    found = status(opened(), PLAN, at="2026-03-11").forecast

    # 800 calls in 10 days: 2480 in 31
    assert (found.total, found.usage) == (Decimal("24.80"), Usage(calls=2480))
    assert (found.low, found.high, found.interval) == (None, None, "")


def test_a_forecast_is_a_bill_with_everything_that_the_end_of_a_period_brings():
    plan = BillingPlan.subscription(
        "20", CENT, included={"calls": 1000}, fees=[Fee(5, "support", due="arrears")], minimum=50
    )

    found = status(opened(plan), plan, at="2026-03-11")

    # 20 + 5 + 14.80 lifted to 50; so far only the fee in advance
    assert (found.spent, found.forecast.total) == (Decimal("20.00"), Decimal("50.00"))


def test_what_is_due_in_the_end_is_less_than_what_the_balance_pays():
    account = opened(opening=Account(balance=[Grant("paid", 20, "USD")]))

    assert status(account, PLAN, at="2026-03-11").forecast.due == Decimal("4.80")


def test_days_tell_weekdays_apart_and_how_far_off_they_were():
    days = days_from("2026-03-01", *[10, 10, 10, 10, 10, 0, 0] * 2, 10, 10, 10, 10, 20, 0, 0)

    found = status(opened(used=160), PLAN, at="2026-03-22", days=days).forecast

    # ten days to come: 10 10 10 10 20 0 0 10 10 10 are 90 calls on top of 160
    assert found.total == Decimal("2.50")
    # at worst 10 off in one day, told the day before: over three days and all others it is less a day
    assert (found.low, found.high) == (Decimal("2.17"), Decimal("2.83"))
    assert found.method == "each day as the same weekday of the last seven days"


def test_the_way_is_told_day_by_day():
    found = status(opened(used=20), PLAN, at="2026-03-03", days=days_from("2026-03-01", 5, 15))

    assert found.spent_by_day == ((date(2026, 3, 1), Decimal("0.05")), (date(2026, 3, 2), Decimal("0.20")))
    assert found.forecast.by_day[0] == (date(2026, 3, 3), Decimal("0.30"))
    assert found.forecast.by_day[-1] == (date(2026, 3, 31), found.forecast.total)


def test_the_way_is_that_of_the_credit_which_the_period_began_with():
    gift = Grant("gift", 5, "USD", kind="promotional")
    account = opened(opening=Account(balance=[gift]))

    found = status(account, PLAN, at="2026-03-11", days=days_from("2026-03-01", *[80] * 10))

    # 0.80 a day; the gift pays the first five
    assert [str(spent) for _, spent in found.spent_by_day[4:8]] == ["0.00", "0.00", "0.60", "1.40"]
    assert found.spent_by_day[-1][1] == found.spent == Decimal("3.00")


def test_days_before_the_period_tell_the_pace_and_no_spend():
    found = status(opened(used=0), PLAN, at="2026-03-01", days=days_from("2026-02-20", *[10] * 9))

    assert (found.spent_by_day, found.forecast.total) == ((), Decimal("3.10"))


def test_the_rest_of_a_day_counts_as_a_part_of_it():
    period = Period("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z")
    account = opened(used=30, period=period)

    # 30 calls in 1.5 days are 20 a day; half a day is left
    assert status(account, PLAN, at="2026-03-02T12:00:00Z").forecast.total == Decimal("0.40")


def test_a_date_in_a_period_of_instants_is_its_midnight():
    period = Period("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z")

    assert status(opened(used=20, period=period), PLAN, at="2026-03-02").forecast.total == Decimal("0.40")


def test_nothing_seen_forecasts_nothing_more():
    plan = BillingPlan.subscription("20", CENT)

    found = status(Account(), plan, at="2026-03-01")

    assert (found.period, found.spent, found.forecast.total) == (MARCH, Decimal("20.00"), Decimal("20.00"))


def test_bills_without_a_period_are_forecast_over_the_one_that_is_said():
    account = opened(period=None)

    assert status(account, PLAN, at="2026-03-11", period=MARCH).forecast.total == Decimal("24.80")


def test_a_cliff_does_not_turn_the_interval_inside_out():
    plan = BillingPlan(PriceSchedule(calls=Flat(5).capped(5) + PerUnit(0)))
    days = days_from("2026-03-01", *[10] * 8, 20)

    found = status(opened(plan, 100), plan, at="2026-03-10", days=days).forecast

    assert found.low <= found.total <= found.high


# What cannot be answered


@pytest.mark.parametrize("at", ["2026-02-28", "2026-04-01", "2026-03-11T00:00:00Z", "soon", 5, None])
def test_a_time_that_lies_not_in_the_period_is_refused(at):
    with pytest.raises(InvalidPeriod):
        status(opened(), PLAN, at=at)


def test_without_a_period_nothing_can_be_forecast():
    with pytest.raises(InvalidPeriod, match="period="):
        status(Account(), PLAN, at="2026-03-11")


@pytest.mark.parametrize(
    ("account", "plan", "error"), [(5, PLAN, InvalidAccount), (Account(), CENT, InvalidPlan)]
)
def test_what_is_no_account_or_no_plan_is_refused(account, plan, error):
    with pytest.raises(error):
        status(account, plan, at="2026-03-11", period=MARCH)


def test_what_is_no_period_is_refused():
    with pytest.raises(InvalidPeriod):
        status(Account(), PLAN, at="2026-03-11", period="2026-03")


def test_an_account_whose_past_comes_to_something_else_is_refused():
    assert status(opened(), evolve(PLAN, minimum=5), at="2026-03-11").spent == 8  # the past is the same
    with pytest.raises(AccountMismatch):
        status(opened(), BillingPlan.on_demand(PriceSchedule(calls="0.02")), at="2026-03-11")


def test_days_that_are_none_are_refused():
    with pytest.raises(InvalidUsage):
        status(opened(), PLAN, at="2026-03-11", days=[Usage(calls=5)])


def test_days_that_used_more_than_the_account_are_refused():
    with pytest.raises(InvalidUsage, match="more than the account"):
        status(opened(used=100), PLAN, at="2026-03-11", days=days_from("2026-03-01", 60, 41))


def test_days_may_have_labels_that_no_price_reads():
    # the account has one sum of them, so the days are held against that
    plan, march = BillingPlan.on_demand(PriceSchedule(calls="0.01")), Period("2026-03-01", "2026-04-01")
    used = {"calls{model=small}": 500, "calls{model=large}": 300}
    account = Bill.of(used, plan, period=march, final=False).closing

    now = status(account, plan, at="2026-03-11", days={"2026-03-10": used})

    assert (now.spent, now.forecast.total) == (
        Decimal("8.00"),
        Decimal("32.00"),
    )  # three Tuesdays are to come
    with pytest.raises(InvalidUsage, match="more than the account"):
        status(account, plan, at="2026-03-11", days={"2026-03-10": {**used, "calls": 1}})


def test_days_before_the_period_are_none_of_the_account():
    days = days_from("2026-02-27", 900, 900, 60, 40)

    assert status(opened(used=100), PLAN, at="2026-03-11", days=days).spent == Decimal("1.00")


def test_an_instant_in_a_period_of_dates_is_told_to_be_a_date():
    with pytest.raises(InvalidPeriod, match=r"an instant in a period of dates.*give a date"):
        status(opened(), PLAN, at="2026-03-11T00:00:00Z")


# Budgets


def alerts_of(budget, at="2026-03-11", **given):
    found = status(opened(), PLAN, at=at, **given)
    return [(str(it.limit), it.state, it.on and it.on.isoformat()) for it in budget.alerts(found)]


def test_a_threshold_is_crossed_or_will_be_on_a_day():
    # 8.00 are spent, 0.80 are added each day from the 11th on
    assert alerts_of(Budget(16, thresholds=["0.5", "0.55", 1])) == [
        ("8.0", "crossed", None),
        ("8.80", "will cross", "2026-03-11"),
        ("16", "will cross", "2026-03-20"),
    ]


def test_days_tell_when_a_threshold_was_crossed():
    days = days_from("2026-03-01", *[80] * 10)

    assert alerts_of(Budget(8, thresholds=["0.5"]), days=days) == [("4.0", "crossed", "2026-03-05")]


def test_a_threshold_beyond_the_forecast_may_be_crossed_within_its_interval():
    days = days_from("2026-03-01", *[70] * 8, 80, 160)

    assert alerts_of(Budget(30, thresholds=[1]), days=days) == [("30", "may cross", None)]


def test_a_budget_that_is_kept_is_silent():
    assert alerts_of(Budget(1000)) == []


def test_an_alert_is_told_in_a_sentence():
    found = status(opened(), PLAN, at="2026-03-11")

    assert [str(it) for it in Budget(16, name="team", thresholds=["0.5", 1]).alerts(found)] == [
        "team: 50 %, 8.0 USD, crossed",
        "team: 100 %, 16 USD, will be crossed on 2026-03-20",
    ]


@pytest.mark.parametrize("thresholds", [[], [0], ["-0.5"], 5])
def test_thresholds_are_more_than_nothing(thresholds):
    with pytest.raises(InvalidPlan):
        Budget(5, thresholds=thresholds)


def test_alerts_are_asked_of_a_status():
    with pytest.raises(InvalidPlan):
        Budget(5).alerts(opened())


def test_a_budget_is_more_than_nothing():
    with pytest.raises(InvalidPrice):
        Budget(0)


# Footprint


def test_energy_and_carbon_are_meters_that_stand_beside_the_money():
    used = Usage({"gpu_hours{gpu=H100,region=eu}": 10, "gpu_hours{gpu=L4,region=us}": 20})
    energy = footprint(used, {"gpu_hours{gpu=H100}": "0.7", "gpu_hours{gpu=L4}": "0.072"}, "energy_kwh")
    carbon = footprint(energy, {"energy_kwh{region=eu}": "0.25", "energy_kwh": "0.4"}, "carbon_kg")
    prices = PriceSchedule(gpu_hours=2, energy_kwh=0, carbon_kg="0.10")

    bill = Bill.of(used + energy + carbon, BillingPlan.on_demand(prices))

    # 7 + 1.44 kWh; 1.75 + 0.576 kg at 0.10 each
    assert [(str(line.meter), str(line.quantity), str(line.amount)) for line in bill.lines[:3]] == [
        ("carbon_kg", "2.326", "0.23260"),
        ("energy_kwh", "8.44", "0.00"),
        ("gpu_hours", "30", "60"),
    ]
    assert bill.total == Decimal("60.23")


def test_a_meter_without_a_factor_is_an_error():
    with pytest.raises(UnpricedUsage):
        footprint(Usage(calls=1), {"gpu_hours": 1}, "energy_kwh")


def test_groups_and_packages_convert_each_meter_by_itself():
    used = Usage({"jobs{region=eu}": 1, "jobs{region=us}": 11})

    found = footprint(used, {"jobs": Package(10, 3).each("region")}, "energy_kwh")

    assert found == Usage({"energy_kwh{region=eu}": 3, "energy_kwh{region=us}": 6})


# What people read


def test_a_status_is_rows_and_a_table():
    plan = BillingPlan(PriceSchedule(calls=Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])))
    account = opened(plan, opening=Account(balance=[Grant("<b>", 20, "USD")]))
    found = status(account, plan, at="2026-03-11", days=days_from("2026-03-01", *[80] * 10))

    assert [row["what"] for row in found.to_rows()] == [
        "spent",
        "forecast",
        "at least",
        "at most",
        "calls, next price break",
        "balance",
    ]
    assert found.to_rows()[4] == {
        "what": "calls, next price break",
        "amount": "200",
        "unit": "units ahead",
        "note": "from 0.01 to 0.005 a unit",
    }
    assert "<b>" not in found._repr_html_()


def test_a_status_is_printed_as_a_table():
    assert str(status(opened(), PLAN, at="2026-03-11")).splitlines() == [
        "what      amount  unit  note",
        "--------  ------  ----  -----------------------------------------",
        "spent       8.00  USD",
        "forecast   24.80  USD   each day as the mean of the period so far",
    ]


def test_a_status_tells_what_is_left_and_where_a_package_begins():
    plan = BillingPlan(PriceSchedule(calls=Package(1000, 5)), included={"calls": 100})
    account = opened(plan, 50, opening=Account(balance=[Grant("paid", 10_000, "USD")]))

    rows = status(account, plan, at="2026-03-11").to_rows()

    assert [list(row.values()) for row in rows[2:]] == [
        ["calls left", "50", "units", "of 100 included"],
        ["calls, next price break", "50", "units ahead", "where its price jumps"],
        ["balance", "10000.00", "USD", "lasts longer than is looked ahead"],
    ]


# The real traffic: forecasts and advice are made on some days and measured on days that they did not see

WHOLE = Period(FIRST, FIRST + timedelta(DAYS))
SERVICE = BillingPlan.on_demand(PriceSchedule(gpu_seconds=PerUnit("1.80", per=3600), api_calls="0.01"))


@pytest.fixture(scope="module")
def tenants():
    if not REQUESTS.exists():
        pytest.skip(MISSING)
    return requests_by_day()


def forecast_after(known, by_day, plan=SERVICE):
    """What is told after so many days, when the others are hidden."""
    at = FIRST + timedelta(known)
    seen = {day: usage for day, usage in by_day.items() if day < at}
    account = Bill.of(sum(seen.values(), Usage()), plan, period=WHOLE, final=False).closing
    return status(account, plan, at=at, days=seen).forecast


def test_a_forecast_of_the_service_is_as_close_as_the_docs_say(tenants):
    by_day = together(tenants)
    actual = Bill.of(sum(by_day.values(), Usage()), SERVICE).total

    errors = {known: abs(forecast_after(known, by_day).total / actual - 1) for known in range(7, DAYS)}

    assert actual == Decimal("652.68")
    assert max(errors[known] for known in range(7, 10)) < Decimal("0.64")
    assert max(errors[known] for known in range(10, 14)) < Decimal("0.33")
    assert max(errors[known] for known in range(14, DAYS)) < Decimal("0.14")


def test_the_interval_held_what_came_on_each_day_that_could_be_checked(tenants):
    by_day = together(tenants)
    actual = Bill.of(sum(by_day.values(), Usage()), SERVICE).total

    found = [forecast_after(known, by_day) for known in range(8, DAYS)]

    assert sum(it.low <= actual <= it.high for it in found) == len(found) == 16


def test_the_interval_of_a_tenant_holds_nine_times_in_ten(tenants):
    held, off, owed = [], Decimal(0), Decimal(0)
    for by_day in tenants.values():
        actual = Bill.of(sum(by_day.values(), Usage()), SERVICE).total
        for known in (10, 14, 17, 20):
            if calls_before(FIRST + timedelta(known), by_day) >= 20:
                found = forecast_after(known, by_day)
                held.append(found.low <= actual <= found.high)
                off, owed = off + abs(found.total - actual), owed + actual

    assert (sum(held), len(held)) == (386, 421)
    assert Decimal("0.44") < off / owed < Decimal("0.46")


def calls_before(day, by_day):
    return sum(usage["api_calls"] for seen, usage in by_day.items() if seen < day)


def test_a_plan_advised_on_half_of_the_days_saves_on_the_other_half(tenants):
    """The advice of 12 days is followed for the 12 after; what it saves then is measured, not believed."""
    bulk = BillingPlan(
        PriceSchedule(gpu_seconds=PerUnit("0.90", per=3600), api_calls="0.005"), fees=[Fee("0.20")]
    )
    middle = FIRST + timedelta(DAYS // 2)
    promised = saved = Decimal(0)
    right = wrong = 0
    for by_day in tenants.values():
        early = sum((usage for day, usage in by_day.items() if day < middle), Usage())
        late = sum((usage for day, usage in by_day.items() if day >= middle), Usage())
        for found in advice(early, SERVICE, plans=[bulk]):
            gain = Bill.of(late, SERVICE).total - Bill.of(late, bulk).total
            promised, saved = promised + found.saving, saved + gain
            right, wrong = right + (gain > 0), wrong + (gain <= 0)

    assert (promised, saved) == (Decimal("39.15"), Decimal("21.97"))
    assert (right, wrong) == (26, 56)


def test_forecasts_and_advice_are_tables_in_a_notebook():
    plan = BillingPlan.on_demand(PriceSchedule({"input_tokens": "0.03", "input_tokens{cache=read}": "0.003"}))
    found = advice(Usage(input_tokens=1000), plan, cached="0.5")

    assert cells(found._repr_html_()) == [
        ("change", "before", "after", "saving", ""),
        ("read 0.5 of the input from a cache", "30.00", "16.50", "13.50", "USD"),
    ]
    assert found[0]._repr_html_() == found._repr_html_()
    forecast = status(Account(), plan, at="2026-03-11", period=Period("2026-03-01", "2026-04-01")).forecast
    assert cells(forecast._repr_html_()) == [("forecast", "amount"), ("total", "0.00"), ("due", "0.00")]
