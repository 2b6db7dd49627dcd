from datetime import date
from decimal import Decimal

import pytest

from tokenbill import (
    Account,
    BillingPlan,
    Currency,
    CurrencyMismatch,
    Cycle,
    Fee,
    Grant,
    Period,
    PriceSchedule,
    TokenbillError,
    Usage,
)
from tokenbill.core.billing.changes import change_of_plan
from tokenbill.errors import InvalidPeriod

JUNE = Period("2026-06-01", "2026-07-01")
CALLS = PriceSchedule(api_calls="0.01")


def subscription(fee, **terms):
    return BillingPlan.subscription(fee, CALLS, cycle=Cycle.monthly(), **terms)


def test_each_plan_owes_its_own_part_of_the_period():
    change = change_of_plan(
        subscription(30), subscription(60), period=JUNE, at="2026-06-11", before=Usage(api_calls=100)
    )

    assert change.first.total == Decimal("11.00")  # 30 × 10/30 + 100 × 0.01
    assert change.second.total == Decimal("40.00")  # 60 × 20/30
    assert change.total == Decimal("51.00")


def test_the_net_of_credit_and_charge_is_rounded_once():
    change = change_of_plan(subscription(10), subscription(20), period=JUNE, at="2026-06-11")

    assert change.credit == Decimal("-6.67")  # 10 × 20/30
    assert change.charge == Decimal("13.33")  # 20 × 20/30
    assert change.net == Decimal("6.67")  # 6.666…, not 13.33 − 6.67 = 6.66


def test_fees_in_arrears_or_of_whole_periods_are_not_given_back():
    old = subscription(Fee(10, due="arrears"), fees=[Fee(5, "setup", prorated=False)])
    change = change_of_plan(old, subscription(0), period=JUNE, at="2026-06-16")

    assert change.credit == 0


def test_included_units_follow_each_plan():
    old = subscription(0, included={"api_calls": 300}, prorate_included=True)
    new = subscription(0, included={"api_calls": 3000}, prorate_included=True)
    calls = Usage(api_calls=2100)
    change = change_of_plan(old, new, period=JUNE, at="2026-06-11", before=calls, after=calls)

    assert change.first.total == Decimal("20.00")  # 2100 − 300 × 10/30 = 2000 calls
    assert change.second.total == Decimal("1.00")  # 2100 − 3000 × 20/30 = 100 calls


def test_the_second_bill_goes_on_with_the_balance_of_the_first():
    opening = Account(balance=[Grant("paid", 25, "USD")])
    change = change_of_plan(subscription(30), subscription(60), period=JUNE, at="2026-06-11", opening=opening)

    assert (change.first.due, change.second.due) == (0, Decimal("25.00"))  # 10 − 10; 40 − 15


def test_both_bills_are_shown_with_what_the_change_does():
    shown = str(change_of_plan(subscription(10), subscription(20), period=JUNE, at=date(2026, 6, 11)))

    assert "fees left: -$6.67 + $13.33, rounded once $6.67" in shown
    assert "Total of both: $16.66" in shown  # 3.33 + 13.33


def test_plans_in_two_currencies_do_not_share_a_period():
    other = BillingPlan.on_demand(PriceSchedule(api_calls=1, currency=Currency("TOKEN", places=0)))

    with pytest.raises(CurrencyMismatch):
        change_of_plan(subscription(10), other, period=JUNE, at="2026-06-11")


@pytest.mark.parametrize("at", ["2026-05-31", "2026-07-02"])
def test_a_change_outside_the_period_is_refused(at):
    with pytest.raises(InvalidPeriod):
        change_of_plan(subscription(10), subscription(20), period=JUNE, at=at)


@pytest.mark.parametrize(
    "call",
    [
        lambda: change_of_plan(None, subscription(1), period=JUNE, at="2026-06-11"),
        lambda: change_of_plan(subscription(1), subscription(1), period=None, at="2026-06-11"),
        lambda: change_of_plan(
            BillingPlan.on_demand(CALLS, fees=[Fee(10)]), subscription(1), period=JUNE, at="2026-06-11"
        ),
    ],
    ids=["plan", "period", "cycle"],
)
def test_what_cannot_be_cut_is_refused(call):
    with pytest.raises(TokenbillError):
        call()
