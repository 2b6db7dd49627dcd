"""Cash rounding: totals in the coins that there are, worked out by hand."""

from decimal import Decimal

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Fee,
    Grant,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    serial,
)
from tokenbill.errors import InvalidPrice, InvalidRounding

FRANCS = PriceSchedule(a=1, b=1, currency="CHF")
COINS = [Rounding(step="0.05"), Rounding(step="0.05", stage="line")]
MARCH = Period("2026-03-01", "2026-04-01")


@pytest.mark.parametrize("rounding", COINS, ids=["bill", "line"])
@pytest.mark.parametrize(("net", "total"), [("10.53", "10.55"), ("10.52", "10.50"), ("99.98", "100.00")])
def test_a_total_is_in_coins_by_a_line_of_its_own(rounding, net, total):
    bill = Bill.of(Usage(a=net), BillingPlan.on_demand(FRANCS, rounding=rounding))

    assert str(bill.total) == total
    assert [(line.kind, line.description) for line in bill.lines[1:]] == [("rounding", "cash rounding")]
    assert bill.exact == Decimal(net)
    bill.verify()
    assert "cash rounding: to 0.05, half up" in bill.explain()
    check_breakdown(bill)
    assert serial.loads(serial.dumps(bill)).lines == bill.lines


def test_tax_is_what_it_would_be_without_coins():
    # 10.53 and 8.1 % of it, 0.85293, are 11.38: 11.40
    bill = Bill.of(
        Usage(a="10.53"), BillingPlan.on_demand(FRANCS, taxes=[Tax("VAT", "8.1")], rounding=COINS[0])
    )

    assert [str(line.amount) for line in bill.lines] == ["10.53", "0.85", "0.02"]
    assert bill.total == Decimal("11.40")


def test_any_cut_of_a_period_comes_to_the_one_total():
    plan, account, totals = BillingPlan.on_demand(FRANCS, rounding=COINS[0]), Account(), []
    for used in ("3.01", "3.02", "4.50"):
        bill = Bill.of(Usage(a=used), plan, opening=account, final=False)
        totals.append(bill.total)
        account = bill.closing

    assert totals == [Decimal("3.00"), Decimal("3.05"), Decimal("4.50")]  # 3.00, 6.05, 10.55


def test_an_equal_amendment_changes_nothing():
    plan = BillingPlan(FRANCS, fees=[Fee("10.01")], cycle=Cycle.monthly(), rounding=COINS[0])

    bill = Bill.of({"2026-03-02": {"a": "0.01"}}, Contract(plan).amended("2026-03-16", plan), period=MARCH)

    assert (bill.total, bill.lines[-1].description) == (Decimal("10.00"), "cash rounding")


@pytest.mark.parametrize(("net", "drawn", "left"), [("10.53", "10.55", "19.45"), ("10.52", "10.50", "19.50")])
@pytest.mark.parametrize("on", [None, "a"])
def test_a_grant_pays_the_total_in_coins(net, drawn, left, on):
    plan = BillingPlan.prepaid(FRANCS, rounding=COINS[0])
    account = Account(balance=[Grant("ahead", 30, "CHF", on=on)])

    bill = Bill.of(Usage(a=net), plan, opening=account)

    assert (bill.due, bill.draws) == (0, (("ahead", Decimal(drawn)),))
    assert bill.closing.balance.remaining() == Decimal(left)


def test_coins_that_take_more_off_than_the_last_charge_is():
    # 1.01 and 0.01 are 1.00 in coins: nothing of the second is due, and a centime less of the first
    plan = BillingPlan.prepaid(FRANCS, rounding=Rounding(step="0.05"))
    account = Account(balance=[Grant("ahead", 30, "CHF", on="a")])

    bill = Bill.of(Usage(a="1.01", b="0.01"), plan, opening=account)

    assert (bill.total, bill.due, dict(bill.draws)["ahead"]) == (Decimal("1.00"), 0, Decimal("1.00"))


# what coins add is due with the last charge; what they take off, the last ones lose
@pytest.mark.parametrize(
    ("used", "due"),
    [
        ({"a": "1.01", "b": "2.01", "c": "0.51"}, {"a": "1.01", "b": "2.01", "c": "0.53"}),
        ({"a": "1.01", "b": "2.01", "c": "0.01"}, {"a": "1.01", "b": "2.01", "c": "0.03"}),
        ({"a": "1.00", "b": "0.01", "c": "0.01"}, {"a": "1.00", "b": "0", "c": "0"}),
        ({"a": "1.01", "b": "0.04", "c": "0.02"}, {"a": "1.01", "b": "0.04", "c": "0"}),
        ({"a": "1.00", "b": "2.00"}, {"a": "1.00", "b": "2.00", "c": "0"}),
        ({"a": "1.02", "b": "2.00"}, {"a": "1.02", "b": "1.98", "c": "0"}),
        ({"a": "1.01", "b": "2.02", "free": 5}, {"a": "1.01", "b": "2.04", "c": "0", "free": "0"}),
    ],
)
@pytest.mark.parametrize("on", ["a", "b", "c", "free"])
def test_a_grant_pays_of_its_charge_what_is_due_of_it_in_coins(used, due, on):
    prices = PriceSchedule(a=1, b=1, c=1, free=0, currency="CHF")
    plan = BillingPlan.on_demand(prices, rounding=Rounding(step="0.05"))
    bill = Bill.of(used, plan, opening=Account(balance=[Grant("ahead", 30, "CHF", on=on)]))

    paid = Decimal(due.get(on, 0))
    assert bill.total == sum(map(Decimal, due.values()))
    assert (dict(bill.draws).get("ahead", 0), bill.due) == (paid, bill.total - paid)


def test_a_step_of_two_minor_units_is_one():
    plan = BillingPlan.on_demand(FRANCS, rounding=Rounding(step="0.02"))

    assert [str(line.amount) for line in Bill.of(Usage(a="1.01"), plan).lines] == ["1.01", "0.01"]


def test_a_balance_that_covers_the_amount_but_not_the_coins_is_refused():
    plan = BillingPlan.prepaid(FRANCS, overage="refuse", rounding=COINS[0])

    assert not plan.covers(Usage(a="10.53"), Account(balance=[Grant("ahead", "10.54", "CHF")]))
    assert plan.covers(Usage(a="10.53"), Account(balance=[Grant("ahead", "10.55", "CHF")]))


def test_a_step_that_no_coin_has_is_refused():
    with pytest.raises(InvalidRounding, match="no whole number of minor units"):
        BillingPlan.on_demand(FRANCS, rounding=Rounding(step="0.005"))
    with pytest.raises(InvalidPrice, match="not positive"):
        Rounding(step=0)
    plan = BillingPlan.on_demand(FRANCS, rounding=Rounding(step="0.01"))
    assert Bill.of(Usage(a="10.53"), plan).lines[-1].kind == "usage"  # a centime is no step


def test_a_plan_in_coins_is_a_document():
    plan = BillingPlan.on_demand(FRANCS, rounding=COINS[0])

    assert serial.loads(serial.dumps(plan)) == plan
    assert '"step":"0.05"' in serial.dumps(plan)
