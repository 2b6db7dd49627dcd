"""Rows of FOCUS for bills with terms of every kind: what is billed adds up, whatever the terms are."""

from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Trial,
    Usage,
    focus,
)

JUNE = Period("2026-06-01", "2026-07-01")
MONTH = Cycle.monthly("2026-06-01")
TOKEN = Currency("TOKEN", places=0)


def rows_of(bill):
    return focus.rows([bill], issuer="Example AI Cloud", account_id="acme")


def billed(rows):
    return sum(row["BilledCost"] for row in rows)


@pytest.mark.parametrize(
    "terms",
    [
        {"rounding": Rounding(step="0.05"), "taxes": [Tax("VAT", 8)]},
        {"least_due": 100},
        {"fees": [Fee(1200, "platform", cycle=Cycle.yearly("2026-06-01"))]},
        {"fees": [Fee(40)], "included": {"calls": 10}, "trial": Trial(15, on=("fee", "usage"))},
        {"trial": Trial(60, on="usage")},
    ],
    ids=["coins", "least due", "rhythm", "trial", "all in the trial"],
)
def test_what_is_billed_adds_up_to_the_total(terms):
    plan = BillingPlan(PriceSchedule(calls="1.03"), cycle=MONTH, **terms)

    bill = Bill.of({"2026-06-05": {"calls": 30}, "2026-06-20": {"calls": 12}}, plan, period=JUNE)

    assert billed(rows_of(bill)) == bill.total


def test_a_yearly_fee_is_in_years():
    plan = BillingPlan(PriceSchedule(), cycle=MONTH, fees=[Fee(1200, cycle=Cycle.yearly("2026-06-01"))])

    (row,) = rows_of(Bill.of(Usage(), plan, period=JUNE))

    assert (row["PricingUnit"], row["BilledCost"]) == ("Years", Decimal(1200))


def test_what_covers_an_older_debt_is_no_cost_of_the_bill():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1), overage="owe", cycle=MONTH)
    five = Account(balance=[Grant("five", 5, "USD")])
    first = Bill.of(Usage(calls=12), plan, period=JUNE, opening=five, final=False)
    bought = evolve(first.closing, balance=first.closing.balance.with_grants(Grant("more", 20, "USD")))

    second = Bill.of(Usage(calls=1), plan, period=JUNE, opening=bought)

    assert [billed(rows_of(bill)) for bill in (first, second)] == [7, 0]
    assert dict(second.draws)["more"] == 8


def test_a_fee_in_tokens_is_paid_with_a_grant_by_its_name():
    plan = BillingPlan.prepaid(
        PriceSchedule(calls=2, currency=TOKEN),
        currency="USD",
        token_price=PerUnit("0.10"),
        fees=[Fee(100, "seat", currency=TOKEN)],
        cycle=MONTH,
    )
    pack = Account(balance=[Grant("pack", 250, TOKEN)])

    rows = rows_of(Bill.of(Usage(calls=90), plan, period=JUNE, opening=pack))

    assert billed(rows) == 3
    assert "seat, paid with pack" in [row["ChargeDescription"] for row in rows]
