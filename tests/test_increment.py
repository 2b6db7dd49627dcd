"""What a bill adds to its opening account, where the balance changes between two bills of a period."""

import pytest
from attrs import evolve

from tokenbill import Bill, BillingPlan, Discount, Grant, PriceSchedule, Usage

PRICES = PriceSchedule(a=1, b=1)
STRAIGHT = BillingPlan.prepaid(PRICES)
STAGED = BillingPlan.prepaid(PRICES, discounts=[Discount.fixed(0)])


def account_with(grant, plan):
    """100 units of a are billed and due, and then the grant comes."""
    billed = Bill.of(Usage(a=100), plan, final=False)
    return evolve(billed.closing, balance=[grant])


@pytest.mark.parametrize("plan", [STRAIGHT, STAGED], ids=["straight", "staged"])
def test_a_gift_pays_nothing_that_was_billed_before_it_came(plan):
    opening = account_with(Grant("gift", 50, "USD", kind="promotional"), plan)

    nothing = Bill.of(Usage(), plan, opening=opening, final=False)
    more = Bill.of(Usage(a=30), plan, opening=opening, final=False)

    assert (nothing.total, nothing.draws) == (0, ())
    assert (more.total, more.draws) == (0, (("gift", 30),))  # and not −20, by all 50 of the gift


@pytest.mark.parametrize("plan", [STRAIGHT, STAGED], ids=["straight", "staged"])
def test_a_scoped_grant_pays_nothing_that_was_billed_before_it_came(plan):
    opening = account_with(Grant("scoped", 50, "USD", on="a"), plan)

    bill = Bill.of(Usage(a=5, b=10), plan, opening=opening, final=False)

    assert (bill.draws, bill.due) == ((("scoped", 5),), 10)
