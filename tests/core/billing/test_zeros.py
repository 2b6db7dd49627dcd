"""Nothing to pay is zero, of the places of the currency and without a sign, whatever a plan says of it."""

import pytest

from tokenbill import Account, Bill, BillingPlan, Fee, Grant, PriceSchedule, Rounding, Usage

PRICES = PriceSchedule(calls="0.001")
PLANS = {
    "bill": BillingPlan(PRICES),
    "refuse": BillingPlan(PRICES, overage="refuse"),
    "owe": BillingPlan(PRICES, overage="owe"),
    "least due": BillingPlan(PRICES, least_due=1),
    "line": BillingPlan(PRICES, rounding=Rounding(stage="line")),
}
OPENINGS = {
    "new": Account(),
    "gift": Account(balance=[Grant("gift", 5, "USD", kind="promotional")]),
    "paid": Account(balance=[Grant("paid", 5, "USD")]),
    "scoped": Account(balance=[Grant("paid", 5, "USD", on="calls")]),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_a_bill_of_nothing_is_due_at_zero(plan, opening):
    for final in (False, True):
        bill = Bill.of(Usage(), plan, opening=opening, final=final)

        assert [str(amount) for amount in (bill.total, bill.due)] == ["0.00", "0.00"]
        assert str(bill.closing.credit_balance) == "0"
        opening = bill.closing


@pytest.mark.parametrize("overage", ["bill", "owe"])
def test_a_fee_in_arrears_is_nothing_before_the_period_ends_however_it_is_rounded(overage):
    plan = BillingPlan(PRICES, fees=Fee("0.01", due="arrears"), rounding=Rounding(mode="up"), overage=overage)
    bill = Bill.of(Usage(calls=20), plan, final=False)

    assert (str(bill.total), str(bill.closing.accrued)) == ("0.02", "0.02")
    later, last = (Bill.of(Usage(calls=20), plan, opening=bill.closing, final=it) for it in (False, True))
    assert [line.description for line in later.lines if line.amount] == ["calls"]
    assert [line.description for line in last.lines if line.amount] == ["subscription", "calls"]
    assert [str(it.total) for it in (later, last)] == ["0.02", "0.03"]
