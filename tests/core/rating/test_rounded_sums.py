"""Charges that are rounded one by one add up: sums say of them what single charges say."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Discount,
    Fee,
    Graduated,
    Grant,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
)
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.lines_by_sums import lines_by_sums
from tokenbill.core.rating.statement import rate

BY_LINE = Rounding(stage="line")
PRICES = PriceSchedule(
    {
        "calls": PerUnit("0.005"),
        "seconds": PerUnit(1, per=3600),
        "tokens": Graduated([Tier(10, "0.013"), Tier(None, "0.0071")]),
        "line": PerUnit("0.5").at_least("1.005"),
        "bytes": PerUnit("0.333").each("region"),
    }
)
VAT = Tax("VAT", "8.25", on="usage")
PLANS = {
    "prices": BillingPlan.on_demand(PRICES, rounding=BY_LINE),
    "taxes": BillingPlan(PRICES, taxes=[VAT, Tax("city", 3)], rounding=BY_LINE),
    "down": BillingPlan(PRICES, rounding=Rounding(mode="down", stage="line"), taxes=[Tax("VAT", 19)]),
    "fees": BillingPlan(PRICES, fees=[Fee("4.995"), Fee("7.005", "later", due="arrears")], rounding=BY_LINE),
    "minimum": BillingPlan(PRICES, minimum=9, taxes=[Tax("VAT", 19)], rounding=BY_LINE),
    "coins": BillingPlan(PRICES, taxes=[VAT], rounding=Rounding(stage="line", step="0.05")),
}
METERS = ["calls", "line", "seconds", "tokens", "bytes{region=eu}", "bytes{region=us}"]
usages = st.builds(
    Usage,
    st.dictionaries(st.sampled_from(METERS), st.one_of(st.integers(0, 99), st.decimals(0, 50, places=3))),
)


@given(st.sampled_from(sorted(PLANS)), usages, st.booleans())
def test_sums_come_to_what_single_charges_come_to(name, usage, final):
    plan = compiled_plan(PLANS[name])
    statement = rate(RatingRequest(plan, usage, final))
    assert plan.by_sums
    assert plan.total(usage, final=final) == statement.total
    assert lines_by_sums(plan, usage, final=final) == statement.lines


@given(st.sampled_from(sorted(PLANS)), st.lists(usages, min_size=2, max_size=5), st.sampled_from([0, 2, 90]))
def test_events_come_to_what_their_sum_comes_to(name, events, gift):
    plan, account = PLANS[name], Account()
    if gift:
        account = Account(balance=[Grant("gift", gift, "USD", kind="promotional"), Grant("paid", 5, "USD")])
    whole = Bill.of(sum(events, Usage()), plan, opening=account)
    bills = []
    for i, usage in enumerate(events, 1):
        bills.append(Bill.of(usage, plan, opening=account, final=i == len(events)))
        account = bills[-1].closing
    assert sum(bill.total for bill in bills) == whole.total
    assert [bill.verify() for bill in (*bills, whole)] == [None] * (len(bills) + 1)
    assert account.balance == whole.closing.balance


def test_a_charge_is_rounded_and_not_each_event():
    plan, account, totals = PLANS["prices"], Account(), []
    for _ in range(3):
        bill = Bill.of(Usage(calls=1), plan, opening=account, final=False)
        account = bill.closing
        totals.append(str(bill.total))
    # 1.005 for the line is 1.01 by line; 1, 2 and 3 calls are 0.01, 0.01 and 0.02
    assert totals == ["1.02", "0.00", "0.01"]


@pytest.mark.parametrize(
    "terms",
    [
        {"discounts": [Discount.percent(10)]},
        {"discounts": [Discount.fixed(1)]},
        {"maximum": 3},
        {"rounding": Rounding(stage="line", tax="line"), "taxes": [Tax("VAT", 19)]},
        {"taxes": [Tax.per_unit("duty", "0.01", meter="calls")]},
    ],
)
def test_what_falls_to_single_charges_is_asked_of_them(terms):
    plan = BillingPlan(PRICES, **{"rounding": BY_LINE, **terms})
    assert not compiled_plan(plan).by_sums
    bill = Bill.of(Usage(calls=3, line=9), plan)
    bill.verify()
    assert bill.total > Decimal(1)
