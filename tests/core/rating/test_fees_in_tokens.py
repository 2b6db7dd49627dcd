"""Fees in the unit that a schedule prices in: paid from the balance, as usage is."""

from decimal import Decimal

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    CurrencyMismatch,
    Cycle,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    serial,
)
from tokenbill.errors import InvalidPlan

TOKEN = Currency("TOKEN", places=0)
SEAT, PLATFORM = Fee(100, "seat", currency=TOKEN), Fee(7, "platform", currency="USD")
MARCH = Period("2026-03-01", "2026-04-01")


def plan_of(*fees, **terms):
    prices = PriceSchedule(calls=2, currency=TOKEN)
    return BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit("0.10"), fees=fees, **terms)


def ahead(amount, **grant):
    return Account(balance=[Grant("pack", amount, TOKEN, **grant)])


def test_a_seat_takes_credits_from_the_balance():
    bill = Bill.of(Usage(), plan_of(SEAT), opening=ahead(250))

    assert (bill.total, bill.closing.balance.remaining()) == (0, 150)
    assert "100 TOKEN, of which 0 are not covered by the balance" in bill.explain()


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_what_the_balance_does_not_cover_is_sold_with_the_usage(stage):
    # 100 and 2 × 90 tokens, 250 of them ahead: 30 at 0.10; 7.00 in money; 10 % of 10.00
    plan = plan_of(PLATFORM, SEAT, taxes=[Tax("VAT", 10)], rounding=Rounding(stage=stage))

    bill = Bill.of(Usage(calls=90), plan, opening=ahead(250))

    assert [(line.description, line.quantity) for line in bill.lines[:3]] == [
        ("platform", 1), ("seat", 100), ("calls", 180),
    ]  # fmt: skip
    assert (str(bill.total), dict(bill.draws)) == ("11.00", {"pack": 250})
    bill.verify()
    check_breakdown(bill)
    stored = serial.loads(serial.dumps(bill))
    stored.verify()
    assert stored.lines == bill.lines


def test_a_grant_for_usage_pays_no_seat():
    bill = Bill.of(Usage(calls=10), plan_of(SEAT), opening=ahead(250, on="usage"))

    assert (bill.total, dict(bill.draws)) == (10, {"pack": 20})  # 100 tokens at 0.10


def test_any_cut_and_equal_amendments_change_nothing():
    plan = plan_of(SEAT, cycle=Cycle.monthly())
    contract = Contract(plan).amended("2026-03-16", plan)

    first = Bill.of(Usage(calls=60), contract, period=MARCH, opening=ahead(250), final=False)
    last = Bill.of(Usage(calls=30), contract, period=MARCH, opening=first.closing)

    assert [bill.total for bill in (first, last)] == [0, 3]
    assert first.closing.balance.remaining() == 30
    half = Bill.of(Usage(), plan, period=Period("2026-03-17", "2026-04-01"), opening=ahead(250))
    assert half.closing.balance.remaining() == 202  # 100 × 15/31 are 48.4 tokens, of which whole ones burn


def test_another_unit_is_refused():
    with pytest.raises(CurrencyMismatch):
        plan_of(Fee(1, currency="EUR"))
    assert serial.loads(serial.dumps(plan_of(SEAT))) == plan_of(SEAT)


def test_a_fee_in_tokens_that_reads_other_usage_is_refused():
    with pytest.raises(InvalidPlan, match="a curve of something else in tokens"):
        BillingPlan(
            PriceSchedule(calls=2, currency=TOKEN),
            fees=[Fee(PerUnit(1).of("calls"), "seat", currency=TOKEN)],
            currency="USD",
            token_price=PerUnit("0.10"),
        )


def test_a_part_of_a_token_is_due_as_a_fee():
    token = Currency("TOKEN", places=2)
    prices, fee = PriceSchedule(a=1, currency=token), Fee("0.25", currency=token)
    plan = BillingPlan(prices, currency="USD", token_price=PerUnit("0.10"), fees=fee)
    bill = Bill.of(Usage(a="1.5"), plan)

    assert bill.exact == Decimal("0.175")
    assert bill.total == Decimal("0.18")
    bill.verify()
