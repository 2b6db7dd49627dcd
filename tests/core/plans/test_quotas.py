"""Windows of quotas: of the clock, of cycles, and rolling."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tokenbill import BillingPlan, Cycle, PriceSchedule, Quota
from tokenbill.core.periods.spans import span_seconds
from tokenbill.errors import InvalidPeriod, InvalidPlan
from tokenbill.serial import dumps, loads

PRICES = PriceSchedule(calls=1)


def window(at, **how):
    return tuple(edge.isoformat()[:16] for edge in Quota("calls", 5, **how).window(at))


def test_windows_of_hours_are_counted_from_midnight_of_the_zone():
    assert window("2026-06-01T08:00:00Z", every="5h") == ("2026-06-01T05:00", "2026-06-01T10:00")
    # 20:00 to 24:00: the last window of a day is shorter
    assert window("2026-06-01T21:00:00Z", every="5h") == ("2026-06-01T20:00", "2026-06-02T00:00")
    # midnight in Shanghai is 16:00 UTC
    assert window("2026-06-01T16:30:00Z", every="1h", tz="Asia/Shanghai")[0] == "2026-06-01T16:00"
    assert window("2026-06-01", every="1d", tz="Asia/Shanghai") == ("2026-05-31T16:00", "2026-06-01T16:00")


def test_a_day_on_which_the_clock_changes_has_the_hours_that_it_has():
    # Berlin, 29 March 2026: 23 hours
    start, end = Quota("calls", 5, every="1d", tz="Europe/Berlin").window("2026-03-29T12:00:00Z")
    assert end - start == timedelta(hours=23)


def test_weeks_begin_on_monday_and_days_go_on_from_one():
    assert window("2026-06-07T23:00:00Z", every="1w") == ("2026-06-01T00:00", "2026-06-08T00:00")
    assert window("2026-06-07T23:00:00Z", every="14d")[0] in ("2026-05-25T00:00", "2026-06-01T00:00")
    assert window("2026-06-07", every=Cycle.monthly()) == ("2026-06-01T00:00", "2026-07-01T00:00")


@pytest.mark.parametrize("every", ["1s", "7s", "58m", "5h", "1d", "30d"])
def test_a_rolling_window_keeps_60_parts_at_most_and_frees_none_too_early(every):
    quota = Quota("calls", 5, every=every, rolling=True)
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    start, end = quota.window(now)
    assert start <= now < end
    # what was used at the last moment of a part still counts a whole window later
    assert quota.counted_until(start) == end + timedelta(seconds=quota.seconds)
    parts = (timedelta(seconds=quota.seconds) + (end - start)) / (end - start)
    assert parts <= 60


@pytest.mark.parametrize("every", ["", "5", "0h", "5 h", "1mo", "25h", 7, None])
def test_a_window_is_written_as_a_number_and_a_unit(every):
    with pytest.raises(InvalidPlan, match="a window"):
        Quota("calls", 5, every=every)


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ({"on": "calls"}, "a quota of nothing"),
        ({"on": "calls", "units": 1, "amount": 1}, "a quota of nothing, or of two"),
        ({"on": "calls", "units": -1}, "a quota below zero"),
        ({"units": 1}, "without its meters"),
        ({"on": "usage", "units": 1}, "without its meters"),
    ],
)
def test_what_is_no_quota_is_refused(parts, wrong):
    with pytest.raises(InvalidPlan, match=wrong):
        Quota(every="1d", **parts)


def test_a_cycle_does_not_roll_and_a_zone_is_one():
    with pytest.raises(InvalidPlan, match="a rolling window of a cycle"):
        Quota("calls", 1, every=Cycle.monthly(), rolling=True)
    with pytest.raises(InvalidPeriod, match="an unknown time zone"):
        Quota("calls", 1, every="1d", tz="Mars")


def test_a_plan_has_one_quota_of_a_scope_and_window():
    with pytest.raises(InvalidPlan, match="two quotas of one scope and window"):
        BillingPlan(PRICES, quotas=[Quota("calls", 5, every="1d"), Quota("calls", 6, every="1d")])
    with pytest.raises(InvalidPlan, match="not a Quota"):
        BillingPlan(PRICES, quotas=[5])


def test_quotas_are_kept_in_plan_files():
    pytest.importorskip("tomli_w", reason="TOML WAS NOT WRITTEN: pip install tomli-w")
    plan = BillingPlan(PRICES, quotas=[Quota("calls", 5, every="1d", tz="Asia/Shanghai", rolling=True)])

    assert loads(dumps(plan, format="toml"), format="toml") == plan


def test_quotas_are_kept_in_documents_and_decide_about_no_money():
    quotas = [
        Quota("calls", 5, every="1d", tz="Asia/Shanghai", rolling=True),
        Quota(amount="50", every=Cycle.weekly(), on=("calls", "fee"), name="premium"),
    ]
    plan = BillingPlan(PRICES, quotas=quotas)
    assert loads(dumps(plan)) == plan
    assert plan.fingerprint() == BillingPlan(PRICES).fingerprint()
    assert [quota.title for quota in plan.quotas] == ["calls every 1d", "premium"]
    assert Quota(amount=1, every=Cycle.monthly()).title == "usage every 1 month"
    assert plan.quotas[1].limit == Decimal(50)
    assert "calls every" not in plan._repr_html_()
    assert "premium" in plan._repr_html_()


def test_a_day_of_25_hours_is_one_window():
    # New York, 1 November 2026, from midnight to midnight; 04:30 UTC of the 2nd is its last hour
    quota = Quota("calls", 5, every="1d", tz="America/New_York")

    for at in ("2026-11-01T12:00:00Z", "2026-11-02T04:30:00Z"):
        start, end = quota.window(at)
        assert (start.isoformat()[:16], end - start) == ("2026-11-01T04:00", timedelta(hours=25))


def test_a_quota_of_nothing_admits_nothing_and_is_one():
    assert Quota("calls", 0, every="1d").limit == 0
    with pytest.raises(InvalidPlan, match="below zero"):
        Quota("calls", -1, every="1d")


def test_what_windows_are_kept_by_never_changes():
    assert Quota("calls", 5, every="1d").key == "|calls|units|1d|UTC"
    assert Quota(amount=5, every="1d", rolling=True, name="a").key == "a||amount|1d|UTC|rolling"


def test_an_account_keeps_windows_by_a_key_that_stays():
    every = (
        Quota("calls", 5, every="1d"),
        Quota(amount=5, every="5h", rolling=True, name="n", tz="Asia/Tokyo"),
    )

    assert [quota.key for quota in every] == ["|calls|units|1d|UTC", "n||amount|5h|Asia/Tokyo|rolling"]


def test_a_quota_may_be_nothing_or_a_part_of_one():
    assert [Quota("calls", units, every="90s").limit for units in (0, "0.5")] == [0, Decimal("0.5")]


def test_spans_are_seconds():
    spans = {"30s": 30, "5m": 300, "2h": 7200, "1d": 86_400, "1w": 604_800}

    assert {text: span_seconds(text) for text in spans} == spans


def test_windows_of_days_are_counted_from_a_monday():
    assert window("2026-06-04T08:00:00Z", every="1w") == ("2026-06-01T00:00", "2026-06-08T00:00")
    assert datetime(2026, 6, 1, tzinfo=UTC).weekday() == 0
    starts = [window(f"2026-06-{day:02}T08:00:00Z", every="2d")[0][8:10] for day in (1, 2, 3, 4)]
    # 31 May is 20,600 days after Monday, 5 January 1970
    assert starts == ["31", "02", "02", "04"]
