"""Accounts watched while their terms change: what holds now, and what days to come fall under."""

from datetime import date

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Graduated,
    Grant,
    Package,
    Period,
    PriceBook,
    PriceSchedule,
    Tier,
    Usage,
)
from tokenbill.errors import AccountMismatch, InvalidPeriod, InvalidPlan
from tokenbill.watch import advice, status

MARCH = Period("2026-03-01", "2026-04-01")
SMALL, LARGE = (
    BillingPlan.subscription(fee, PriceSchedule(calls="0.01"), cycle=Cycle.monthly()) for fee in (31, 62)
)
DEARER = BillingPlan.on_demand(
    PriceBook([("2026-01-01", PriceSchedule(calls="0.01")), ("2026-03-16", PriceSchedule(calls="0.02"))])
)


def opened(terms, usage, at, **more):
    return Bill.of(usage, terms, period=MARCH, final=False, at=at, **more).closing


def test_the_fees_of_all_versions_of_the_period_are_spent():
    terms = Contract(SMALL).amended("2026-03-16", LARGE)

    now = status(opened(terms, Usage(calls=100), "2026-03-11"), terms, at="2026-03-11")

    assert str(now.spent) == "48.00"  # 31 × 15/31 + 62 × 16/31 + 100 × 0.01
    assert str(now.forecast.total) == "50.10"  # 10 calls a day, 310 in all


def test_days_to_come_cost_what_they_will():
    account = opened(DEARER, Usage(calls=100), "2026-03-11")

    forecast = status(account, DEARER, at="2026-03-11").forecast

    assert forecast.usage == Usage(calls=310)
    assert str(forecast.total) == "4.70"  # 150 × 0.01 + 160 × 0.02
    assert [str(total) for _, total in forecast.by_day][4:6] == ["1.50", "1.70"]


def test_days_gone_by_cost_what_they_did():
    days = {f"2026-03-{day:02}": Usage(calls=10) for day in range(14, 18)}
    account = opened(DEARER, days, "2026-03-18")

    now = status(account, DEARER, at="2026-03-18", days=days)

    # 10 calls a day, the last two at twice the price
    spent = [(day.day, str(total)) for day, total in now.spent_by_day]
    assert spent[12:] == [(13, "0.00"), (14, "0.10"), (15, "0.20"), (16, "0.40"), (17, "0.60")]


def test_the_ends_of_an_interval_are_of_the_whole_period():
    # the last of ten days used 20 in place of 10: at worst 10 off in one day, and 21 are to come
    days = {f"2026-03-{day:02}": Usage(calls=10 if day < 10 else 20) for day in range(1, 11)}
    account = opened(DEARER, days, "2026-03-11")

    forecast = status(account, DEARER, at="2026-03-11", days=days).forecast

    # 110 so far, 5 days of 10 up to the 15th, and 190 in the 16 days after
    assert str(forecast.total) == "5.40"  # 1.10 + 0.50 + 3.80
    # 240 to come, off by 210: of 30 in all 6.25 fall before the 16th, of 450 it is 93.75
    assert (str(forecast.low), str(forecast.high)) == ("1.64", "9.16")


def test_what_a_meter_may_be_off_though_nothing_is_expected_falls_on_all_days_alike():
    # a meter that was used on the first of nine days, and not in the last seven
    days = {f"2026-03-{day:02}": Usage(calls=9 if day == 1 else 0) for day in range(1, 10)}
    account = opened(DEARER, days, "2026-03-10")

    forecast = status(account, DEARER, at="2026-03-10", days=days).forecast

    # on the 8th 9 were expected for the two days left: 4.5 a day, for 22 days
    assert (str(forecast.low), str(forecast.total)) == ("0.09", "0.09")
    # 27 up to the 15th at 0.01, 72 after it at 0.02
    assert str(forecast.high) == "1.80"


@pytest.mark.parametrize(("tiers", "left"), [("continue", "10"), ("restart", "90")])
def test_an_allowance_goes_on_unless_the_tiers_begin_anew(tiers, left):
    plan = BillingPlan.subscription(31, PriceSchedule(calls="0.01"), included={"calls": 100})
    terms = Contract(plan).amended("2026-03-16", plan, tiers=tiers)
    account = opened(terms, {"2026-03-05": Usage(calls=80), "2026-03-17": Usage(calls=10)}, "2026-03-18")

    (free,) = status(account, terms, at="2026-03-18").allowances

    assert (str(free.included), str(free.left)) == ("100", left)


def test_the_allowance_of_now_is_that_of_its_version():
    prices = PriceSchedule(calls="0.01")
    small, large = (BillingPlan.subscription(31, prices, included={"calls": n}) for n in (100, 500))
    terms = Contract(small).amended("2026-03-16", large)
    account = opened(terms, Usage(calls=80), "2026-03-10")

    before, after = (status(account, terms, at=at).allowances for at in ("2026-03-10", "2026-03-20"))

    assert [(str(free.included), str(free.left)) for free in (*before, *after)] == [
        ("100", "20"),
        ("500", "420"),
    ]


def test_the_next_price_break_is_that_of_the_version_now():
    tiered = PriceSchedule(calls=Graduated([Tier(200, "0.02"), Tier(None, "0.01")]))
    terms = Contract(SMALL).amended("2026-03-16", BillingPlan.on_demand(tiered, cycle=Cycle.monthly()))
    account = opened(terms, Usage(calls=50), "2026-03-10")

    assert status(account, terms, at="2026-03-10").price_breaks == ()
    ((meter, price_break),) = status(account, terms, at="2026-03-16").price_breaks
    assert (meter, price_break.distance) == ("calls", 150)


def test_a_contract_that_ends_is_watched_up_to_its_end():
    terms = Contract(SMALL).ended("2026-03-16")
    paid = Account(balance=[Grant("paid", 100, "USD")])
    account = opened(terms, Usage(calls=100), "2026-03-11", opening=paid)

    now = status(account, terms, at="2026-03-11")

    assert str(now.spent) == "16.00"  # 31 × 15/31 + 1.00
    assert str(now.forecast.total) == "16.50"  # five more days of ten calls
    assert now.exhausted_on is None
    with pytest.raises(InvalidPeriod, match="after the contract's end"):
        status(Account(), terms, at="2026-04-10")


def test_credit_runs_out_at_the_price_of_the_day():
    # 1.50 up to the 15th; from then on 0.20 a day: 0.50 more last two days
    terms = Contract(BillingPlan.on_demand(PriceSchedule(calls="0.01"))).amended(
        "2026-03-16", BillingPlan.on_demand(PriceSchedule(calls="0.02"))
    )
    paid = Account(balance=[Grant("paid", 2, "USD")])
    account = opened(terms, Usage(calls=100), "2026-03-11", opening=paid)

    assert status(account, terms, at="2026-03-11").exhausted_on == date(2026, 3, 18)


def test_an_amendment_that_changes_nothing_changes_no_status():
    same = Contract(SMALL).amended("2026-03-09", SMALL).amended("2026-03-20", SMALL)
    days = {f"2026-03-{day:02}": Usage(calls=day) for day in range(1, 13)}
    account = opened(SMALL, sum(days.values(), Usage()), "2026-03-13")

    for more in ({}, {"days": days}):
        one, other = (status(account, terms, at="2026-03-13", **more) for terms in (SMALL, same))
        assert one == other


def test_days_of_a_period_of_instants_begin_at_their_midnight():
    zone = Period("2026-03-01T12:00:00+01:00", "2026-04-01T00:00:00+01:00")
    terms = Contract(BillingPlan.on_demand(PriceSchedule(calls="0.01"))).amended(
        "2026-03-16T00:00:00+01:00", BillingPlan.on_demand(PriceSchedule(calls="0.02"))
    )
    days = {f"2026-03-{day:02}": Usage(calls=10) for day in (1, 15, 16)}
    usage = {
        "2026-03-01T13:00:00+01:00": Usage(calls=10),
        "2026-03-15T23:00:00+01:00": Usage(calls=10),
        "2026-03-16T00:00:00+01:00": Usage(calls=10),
    }
    account = Bill.of(usage, terms, period=zone, final=False).closing

    now = status(account, terms, at="2026-03-17T00:00:00+01:00", days=days)

    assert [str(total) for _, total in now.spent_by_day][-2:] == ["0.20", "0.40"]


def test_bills_that_name_no_period_have_no_versions():
    account = Bill.of(Usage(calls=10), SMALL, final=False).closing
    terms = Contract(SMALL).amended("2026-03-16", LARGE)

    with pytest.raises(InvalidPlan, match="terms that change in the period"):
        status(account, terms, at="2026-03-10", period=MARCH)
    with pytest.raises(InvalidPlan, match="not a plan"):
        status(Account(), 5, at="2026-03-20")


def test_an_amendment_that_tears_apart_what_is_booked_is_refused_here_too():
    terms = Contract(BillingPlan.on_demand(PriceSchedule(calls="0.01")))
    account = opened(terms, Usage(calls=10), "2026-03-20")

    dearer = terms.amended("2026-03-10", BillingPlan.on_demand(PriceSchedule(calls=1)))
    with pytest.raises(AccountMismatch, match="restate"):
        status(account, dearer, at="2026-03-20")


# --- advice ----------------------------------------------------------------------------------------------


def test_advice_bills_each_day_at_its_price():
    prices = [PriceSchedule({"input_tokens": rate, "input_tokens{cache=read}": "0.1"}) for rate in ("1", "2")]
    terms = Contract(BillingPlan.on_demand(prices[0])).amended("2026-03-16", BillingPlan.on_demand(prices[1]))
    usage = {"2026-03-05": Usage(input_tokens=10), "2026-03-20": Usage(input_tokens=10)}
    flat = BillingPlan.subscription(12, PriceSchedule(input_tokens=0))
    packages = [Package(10, 5), Package(30, 9)]

    cheaper = advice(
        usage, terms, period=MARCH, cached="0.5", plans=[flat, Contract(flat)], packages=packages
    )

    # 30.00 now; half from a cache: 5 × 1 + 5 × 2 + 10 × 0.1 = 16.00; 30 units are 3 packages of 10
    found = [(each.code, str(each.before), str(each.after)) for each in cheaper]
    assert found == [
        ("plan", "30.00", "12.00"),
        ("plan", "30.00", "12.00"),
        ("cache", "30.00", "16.00"),
        ("package", "15.00", "9.00"),
    ]
