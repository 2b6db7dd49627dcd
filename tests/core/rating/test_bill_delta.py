"""What a bill adds to its opening account, where the balance changes between two bills of a period."""

import pytest
from attrs import evolve

from tokenbill import Account, Bill, BillingPlan, Discount, Grant, Period, PriceSchedule, Usage

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


@pytest.mark.parametrize("period", [None, Period("2026-02-01", "2026-03-01")], ids=["no period", "period"])
@pytest.mark.parametrize(
    "kept",
    [lambda it: it, evolve, lambda it: evolve(it, draws=dict(it.draws))],
    ids=["kept", "stored", "stored by grant alone"],
)
def test_a_stored_account_is_replayed_with_the_grants_first_that_had_ended(kept, period):
    ended = Grant("ended", 4, "USD", expires="2026-02-10", kind="promotional", on="a", priority=1)
    later = Grant("later", 10, "USD", starts="2026-02-15", kind="promotional")
    opening, asked = Account(balance=[ended, later]), {"period": period, "final": False}

    first = Bill.of(Usage(a=10), STRAIGHT, opening=opening, at="2026-02-05", **asked)
    second = Bill.of(Usage(b=10), STRAIGHT, opening=kept(first.closing), at="2026-02-20", **asked)
    third = Bill.of(Usage(b=1), STRAIGHT, opening=kept(second.closing), at="2026-02-21", **asked)

    # 4 of a by the one; then 6 of a and 4 of b by the other, which comes first but for what had been drawn
    assert [bill.draws for bill in (first, second, third)] == [(("ended", 4),), (("later", 10),), ()]
    assert [bill.total for bill in (first, second, third)] == [6, 0, 1]
