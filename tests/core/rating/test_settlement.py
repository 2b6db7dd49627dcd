"""Bills of periods that interim bills have settled, each with the credit that it found."""

from decimal import Decimal

import pytest

from tokenbill import Account, Balance, Bill, BillingPlan, Contract, Fee, Grant, Period, PriceSchedule, Usage
from tokenbill.core.rating.bill_request import Settlement
from tokenbill.errors import AccountMismatch, InvalidGrant
from tokenbill.serial import dumps, loads

JUNE = Period("2026-06-01", "2026-07-01")
PLAN = BillingPlan.on_demand(PriceSchedule(calls=1))


def settled(plan, usage, draws, due, credit=0, **grants):
    """A bill of June: first what was used before the grants came, as if nobody paid it."""
    balance = Balance([Grant(id, 30, "USD", kind=kind) for id, kind in grants.items()])
    opening = Account(balance=balance, credit_balance=credit, credit_currency="USD")
    first = Bill.of(usage, plan, period=JUNE, at="2026-06-20")
    request = first.request._replace(opening=opening, settled=Settlement(draws, Decimal(due)))
    return Bill(request, Bill(request, Decimal(0)).delta.total)


def test_a_gift_pays_what_it_paid_and_not_all_that_there_is():
    bill = settled(PLAN, {"calls": 20}, (("gift", (("usage:calls", Decimal(10)),)),), 10, gift="promotional")

    assert (bill.total, bill.due, bill.draws) == (10, 10, (("gift", 10),))
    assert [line.amount for line in bill.lines] == [20, -10]
    assert bill.closing.balance.left("gift") == 20
    bill.verify()
    again = loads(dumps(bill))
    again.verify()
    assert (again, again.breakdown()) == (bill, bill.breakdown())


def test_what_was_due_and_came_back_is_a_credit():
    # 20 paid in cash, of which 10 were withdrawn; then a credit of 3 paid 3 in place of cash
    bill = settled(PLAN, {"calls": 10}, (("", (("usage:calls", Decimal(3)),)),), 20, credit=3)

    assert (bill.total, bill.due, bill.draws) == (10, 20, ())
    assert bill.closing.credit_balance == 13
    bill.verify()


def test_versions_and_paid_credit_are_settled_alike():
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), fees=[Fee(30, "seat")])
    contract = Contract(plan).amended("2026-06-16", BillingPlan.on_demand(PriceSchedule(calls=2)))
    used = {"2026-06-05": Usage(calls=10), "2026-06-20": Usage(calls=10)}

    bill = settled(contract, used, (("paid", (("usage:calls", Decimal(12)),)),), 33, paid="paid")

    assert (bill.total, bill.due) == (45, 33)  # 15 of the fee, 10 calls at 1 and 10 at 2
    bill.verify()
    loads(dumps(bill)).verify()


@pytest.mark.parametrize(
    ("draws", "error"),
    [
        ((("gift", (("usage:calls", Decimal(21)),)),), AccountMismatch),
        ((("gift", (("usage:disks", Decimal(1)),)),), AccountMismatch),
        ((("gift", (("usage:calls", Decimal(31)),)),), InvalidGrant),
        ((("other", (("usage:calls", Decimal(1)),)),), InvalidGrant),
    ],
)
def test_draws_that_find_no_charge_or_no_grant_are_refused(draws, error):
    with pytest.raises(error):
        settled(PLAN, {"calls": 20}, draws, 10, gift="promotional")
