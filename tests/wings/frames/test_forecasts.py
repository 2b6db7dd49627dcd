"""Forecasts of frames: for each customer those of `watch.status`, to the last digit."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import engine_of, every_engine
from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Fee,
    Graduated,
    Limit,
    Period,
    Price,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
    Volume,
    watch,
)
from tokenbill.errors import InvalidPeriod, InvalidUsage
from tokenbill.frames import forecast

few = settings(max_examples=settings.default.max_examples // 4 + 1)
NOVEMBER = Period("2026-11-01", "2026-12-01")
START = date(2026, 11, 1)
MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
PRICES = PriceSchedule(
    {
        "calls": Graduated([Tier(40, "0.10"), Tier(None, "0.03")]),
        "calls{model=large}": Volume([Tier(100, "0.20"), Tier(None, "0.07")]),
    }
)
PLANS = [
    BillingPlan.on_demand(PRICES, taxes=[Tax("VAT", 19)]),
    BillingPlan(PRICES, fees=[Fee("12", "base", due="arrears")], minimum="30", cycle=Cycle.monthly()),
    BillingPlan.on_demand(PRICES, maximum=Limit("20", on="usage"), taxes=[Tax("VAT", 7, on="usage")]),
    Contract(BillingPlan.on_demand(PRICES)).amended(
        "2026-11-16", BillingPlan.on_demand(PRICES, fees=[Fee("5", "base")])
    ),
]


class Half(Price):
    """Half the quantity, by a method alone."""

    def amount(self, quantity):
        return quantity / 2


def expected(terms, events, at, period=NOVEMBER, home=UTC):
    """The status of each customer: spent, forecast, low, high."""
    found = {}
    by_tenant = defaultdict(list)
    for tenant, when, model, calls in events:
        if when < at:
            by_tenant[tenant].append((when.astimezone(home).date(), model, calls))
    for tenant, rows in by_tenant.items():
        days, dated = defaultdict(Usage), defaultdict(Usage)
        for day, model, calls in rows:
            used = Usage({"calls" if model is None else f"calls{{model={model}}}": calls})
            days[day] += used
            if day >= period.start:
                dated[day] += used
        now = at.date()
        usage = dict(dated) if isinstance(terms, Contract) else sum(dated.values(), Usage())
        bill = Bill.of(usage, terms, period=period, final=False)
        status = watch.status(bill.closing, terms, at=now, period=period, days=days)
        end = status.forecast
        found[tenant] = status.spent, end.total, end.low, end.high
    return found


def forecasts(name, terms, events, at, **how):
    engine = engine_of(name)
    tenants, times, models, calls = (list(cells) for cells in zip(*events, strict=True))
    texts = [when.isoformat() for when in times]
    frame = engine.frame({"tenant": tenants, "at": texts, "model": models, "calls": calls})
    rows = engine.records(forecast(frame, terms, "tenant", time="at", at=at, labels="model", **how))
    return {row["tenant"]: (row["spent"], row["forecast"], row["low"], row["high"]) for row in rows}


@st.composite
def traffic(draw):
    """Terms, a day of November, and events before it and after: some customers were there in October."""
    at = datetime.combine(START + timedelta(draw(st.integers(0, 29))), time(), UTC)
    first = draw(st.sampled_from([0, 0, 5, 20]))
    event = st.tuples(
        st.sampled_from(["red", "blue"]),
        st.integers(-first * 24, 30 * 24 - 1).map(
            lambda n: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=n)
        ),
        st.sampled_from([None, "large"]),
        st.integers(0, 90),
    )
    events = draw(st.lists(event, min_size=1, max_size=30))
    # the types of columns of nothing but nulls are not what is tried here
    events.append(("red", at - timedelta(hours=1) if at.date() > START else at, "large", 1))
    return draw(st.sampled_from(PLANS)), at, events


@few
@given(traffic())
def test_a_forecast_is_that_of_the_status_of_each_customer(drawn):
    terms, at, events = drawn

    found = forecasts("pyarrow", terms, events, at.date(), period=NOVEMBER)

    assert found == expected(terms, events, at)


def many_days(since, count):
    """Three customers, of whom one came late and one used nothing of late."""
    events = []
    for n in range(count):
        at = datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(days=since + n)
        events.append(("acme", at, "large" if n % 3 else None, 10 + n * n % 7))
        events.append(("zoo" if n > 8 else "gone", at, None, n))
    return events


@every_engine
@pytest.mark.parametrize("terms", [PLANS[1], PLANS[3]], ids=["plan", "contract"])
def test_every_engine_forecasts_the_same(name, terms):
    events, at = many_days(-4, 30), datetime(2026, 11, 14, tzinfo=UTC)

    found = forecasts(name, terms, events, at.date(), period=NOVEMBER)

    assert found == expected(terms, events, at)
    assert found["acme"][2] is not None
    assert found["zoo"][1] > found["zoo"][0]


def test_today_counts_by_the_part_of_it_that_is_left():
    shanghai = ZoneInfo("Asia/Shanghai")
    period = Period("2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00")
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"))
    # ten a day, the last ones at 6 in the morning of the 11th, when three quarters of the day are left
    times = [datetime(2026, 11, day, 5, 59, tzinfo=shanghai) for day in range(1, 12)]
    events = [("acme", at, None, 10) for at in times]
    at = datetime(2026, 11, 11, 6, tzinfo=shanghai)

    found = forecasts("pyarrow", plan, events, at, period=period)

    # 110 so far, 7.5 today, 190 in the 19 days to come
    assert found == {"acme": (Decimal("11.00"), Decimal("30.75"), Decimal("30.75"), Decimal("30.75"))}


def test_the_first_day_is_the_mean_of_what_is_gone_of_it():
    period = Period("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"))
    events = [("acme", datetime(2026, 11, 1, 2, tzinfo=UTC), None, 7)]

    found = forecasts("pyarrow", plan, events, datetime(2026, 11, 1, 8, tzinfo=UTC), period=period)

    # 7 in a third of a day: 42 in two of them
    assert found == {"acme": (Decimal("0.70"), Decimal("4.20"), None, None)}


def test_each_customer_may_have_a_plan_and_the_cycle_says_the_period():
    plans = {"acme": PLANS[1], "gone": evolve(PLANS[1], minimum=None), "zoo": evolve(PLANS[1], name="zoo")}
    events, at = many_days(0, 12), datetime(2026, 11, 13, tzinfo=UTC)

    found = forecasts("pyarrow", plans, events, at.date())

    assert found == {tenant: expected(plan, events, at)[tenant] for tenant, plan in plans.items()}


def test_a_plan_that_only_bill_of_can_read_is_forecast_by_single_bills():
    half = PriceSchedule(calls=Half(), currency="USD")
    plan = BillingPlan.prepaid(half, overage="refuse")
    # this schedule reads no label
    events = [(tenant, when, None, calls) for tenant, when, _, calls in many_days(0, 12)]
    at = datetime(2026, 11, 13, tzinfo=UTC)

    assert forecasts("pyarrow", plan, events, at.date(), period=NOVEMBER) == expected(
        evolve(plan, overage="bill"), events, at
    )


def test_what_cannot_be_forecast_is_refused():
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"))
    events = many_days(0, 3)
    for at in ("2026-10-31", "2026-12-01"):
        with pytest.raises(InvalidPeriod, match="a time outside the period"):
            forecasts("pyarrow", plan, events, at, period=NOVEMBER)
    with pytest.raises(InvalidPeriod, match="an instant in a period of dates"):
        forecasts("pyarrow", plan, events, "2026-11-05T12:00:00Z", period=NOVEMBER)
    with pytest.raises(InvalidPeriod, match="a period that nothing says"):
        forecasts("pyarrow", plan, events, "2026-11-05")
    ended = Contract(PLANS[1]).ended("2026-11-04")
    with pytest.raises(InvalidPeriod, match="a time after the contract's end"):
        forecasts("pyarrow", ended, events, "2026-11-05", period=NOVEMBER)
    long_ago = [("acme", datetime(2009, 1, 1, tzinfo=UTC), None, 1)]
    with pytest.raises(InvalidUsage, match="too many days"):
        forecasts("pyarrow", plan, long_ago, "2026-11-05", period=NOVEMBER)
