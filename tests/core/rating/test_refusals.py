"""What a plan refuses that bills no overage: the last tenth of a cent decides, worked out by hand."""

from decimal import Decimal

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Cycle,
    Discount,
    Fee,
    Grant,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
)
from tokenbill.errors import BalanceExhausted

MILLS = PriceSchedule(calls="0.001", free=0)
REFUSED = {"prices": MILLS, "overage": "refuse"}


def credit(amount, **grant):
    return Account(balance=[Grant("credit", amount, "USD", **grant)])


def is_served(used, plan, opening, **how):
    try:
        Bill.of(Usage(used), plan, opening=opening, **how)
    except BalanceExhausted:
        return False
    return True


# Each is served with the amount beside it, which is up to the next cent, and refused with a cent less.
@pytest.mark.parametrize(
    ("terms", "calls", "least"),
    [
        ({}, 2004, "2.01"),
        ({"fees": Fee(10)}, 2004, "12.01"),
        ({"fees": Fee(10, due="arrears")}, 2004, "12.01"),
        ({"rounding": Rounding(stage="line")}, 2004, "2.01"),
        ({"fees": Fee(10), "rounding": Rounding(stage="line")}, 2004, "12.01"),
        ({"taxes": Tax("VAT", 19)}, 10_000, "11.90"),
        ({"fees": Fee(10), "taxes": Tax("VAT", 19)}, 2004, "14.29"),  # 12.004 and 2.28076: 14.28476
        ({"discounts": Discount.percent(10)}, 2004, "1.81"),  # 1.8036
        (
            {"taxes": [Tax("VAT", 19), Tax("city", 1, on="calls")], "fees": Fee(10)},
            2004,
            "14.31",
        ),  # + 0.02004
    ],
)
@pytest.mark.parametrize("on", [None, ("calls", "fee")], ids=["any", "scoped"])
def test_a_part_of_a_cent_that_credit_does_not_cover_is_refused(terms, calls, least, on):
    plan, cent = BillingPlan(**REFUSED, **terms), Decimal("0.01")

    assert is_served({"calls": calls}, plan, credit(least, on=on))
    assert not is_served({"calls": calls}, plan, credit(Decimal(least) - cent, on=on))


@pytest.mark.parametrize("due", ["advance", "arrears"])
@pytest.mark.parametrize("terms", [{}, {"discounts": Discount.fixed(0)}], ids=["sums", "charges"])
@pytest.mark.parametrize("on", [None, ("calls", "fee")], ids=["any", "scoped"])
def test_the_last_bill_of_a_period_is_asked_what_its_fee_and_a_part_of_a_cent_are(due, terms, on):
    plan = BillingPlan(**REFUSED, fees=Fee(10, due=due), **terms)
    served = Bill.of({"calls": 1000}, plan, opening=credit("11.01", on=on), final=False).closing
    refused = Bill.of({"calls": 1000}, plan, opening=credit("11.00", on=on), final=False).closing

    assert is_served({"calls": 4}, plan, served)  # 11.004
    assert not is_served({"calls": 4}, plan, refused)


@pytest.mark.parametrize(
    "taxes", [(), Tax("VAT", 19), Tax("city", 5, on="calls")], ids=["none", "all", "some"]
)
def test_what_costs_nothing_is_served_without_credit(taxes):
    plan = BillingPlan(**REFUSED, taxes=taxes)
    spent = Bill.of({"calls": 2000}, plan, opening=credit(50)).closing

    for opening in (Account(), spent, credit(3, on="calls"), credit(3, expires="2026-01-01")):
        assert is_served({"free": 9}, plan, opening, at="2026-02-01")


def test_a_fee_that_was_billed_is_not_asked_again_of_usage_that_is_free():
    plan = BillingPlan(**REFUSED, fees=Fee(10), included={"calls": 5})
    opening = Bill.of(Usage(), plan, final=False).closing

    assert opening.accrued == 10
    assert is_served({"calls": 5}, plan, opening)
    assert not is_served({"calls": 6}, plan, opening)


def test_a_call_that_rounds_to_nothing_is_refused_by_each_rounding():
    for rounding in (Rounding(), Rounding(stage="line"), Rounding(mode="down")):
        assert not is_served({"calls": 1}, BillingPlan(**REFUSED, rounding=rounding), Account())


def test_an_account_that_says_nothing_has_no_credit():
    for rounding in (Rounding(), Rounding(stage="line")):
        with pytest.raises(BalanceExhausted):
            Bill.of({"calls": 1000}, BillingPlan(**REFUSED, rounding=rounding))
        owing = Bill.of({"calls": 1000}, BillingPlan(MILLS, overage="owe", rounding=rounding))
        assert (owing.due, owing.closing.credit_balance) == (0, -1)


def test_taxes_that_are_each_rounded_off_are_covered_together():
    # 1.004 and four times 0.004518: 1.022, of which 1.00 is due
    plan = BillingPlan(**REFUSED, taxes=[Tax(f"tax {i}", "0.45") for i in range(4)])

    assert is_served({"calls": 1004}, plan, credit("1.03"))
    assert not is_served({"calls": 1004}, plan, credit("1.02"))


def test_a_request_beside_holds_is_covered_with_its_tax():
    plan = BillingPlan(**REFUSED, taxes=Tax("VAT", 50))
    for amount, is_covered in ((6, True), ("5.99", False)):
        held = credit(amount).hold("one", {"calls": 1000}, plan)

        assert held.balance.held() == Decimal("1.50")
        assert is_served({"calls": 3000}, plan, held) is is_covered


def test_credit_of_one_charge_covers_no_part_of_a_cent_of_another():
    prices = PriceSchedule(a="0.001", b="0.001", f=0)
    for tax, on_b, is_covered in (
        (Tax("VAT", 19), "2.38", False),  # 2.38476
        (Tax("VAT", 19), "2.39", True),
        (Tax("VAT", 19, on="f"), "2.00", False),  # 2.004
        (Tax("VAT", 19, on="f"), "2.01", True),
    ):
        plan = BillingPlan(prices, overage="refuse", taxes=tax)
        grants = [Grant("plenty", 50, "USD", on=("a", "f")), Grant("b", on_b, "USD", on="b")]
        used = {"a": 1000, "b": 2004, "f": 1}
        assert is_served(used, plan, Account(balance=grants)) is is_covered


@pytest.mark.parametrize("due", ["advance", "arrears"])
def test_a_hold_takes_what_its_usage_costs_beside_what_was_billed(due):
    plan = BillingPlan(**REFUSED, fees=Fee(1, due=due))
    account = Bill.of(Usage(calls=4000), plan, opening=credit(7), final=False).closing
    left = 7 - 4 - (due == "advance")

    held = account.hold("h", Usage(calls=left * 1000), plan)
    assert held.balance.held() == left
    with pytest.raises(BalanceExhausted):
        account.hold("h", Usage(calls=left * 1000 + 1), plan)


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_part_of_a_fee_is_refused_to_its_last_digit(stage):
    month = Cycle.monthly("2026-06-01")
    plan = BillingPlan(**REFUSED, fees=Fee(1), cycle=month, rounding=Rounding(stage=stage))
    june = {"period": Period("2026-06-01", "2026-06-11")}

    assert is_served({"free": 1}, plan, credit("0.34"), **june)
    assert not is_served({"free": 1}, plan, credit("0.33"), **june)  # a third
