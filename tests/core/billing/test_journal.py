"""Earned revenue: what credit cost, what of it bills earn, and the postings of a bill."""

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Fee,
    Grant,
    Journal,
    Period,
    Posting,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    journal,
)
from tokenbill.core.credits.revenue import earned_of
from tokenbill.errors import InvalidAccount, InvalidName, InvalidPeriod
from tokenbill.serial import dumps, loads

TOKEN = Currency("TOKEN", places=0)
PLAN = BillingPlan.prepaid(PriceSchedule(calls=1))
JUNE, JULY = Period("2026-06-01", "2026-07-01"), Period("2026-07-01", "2026-08-01")
PACK = Grant("pack", 100, "USD", cost="80")
STORED = pytest.mark.parametrize("kept", [lambda it: it, lambda it: loads(dumps(it))], ids=["same", "stored"])


def interim(usage, opening, terms=PLAN, **how):
    return Bill.of(Usage(usage), terms, opening=opening, final=False, **how)


def amounts(bill):
    return {posting.role: posting.amount for posting in journal(bill).postings}


@STORED
def test_what_is_drawn_is_earned_at_what_it_cost(kept):
    # 100 credits for 80.00: 10 drawn earn 8.00, 72.00 deferred
    bill = kept(interim({"calls": 10}, kept(Account(balance=[PACK]))))
    assert (bill.recognised, bill.closing.deferred) == (8, 72)
    assert amounts(bill) == {"deferred": 8, "earned": -8}
    # 4 withdrawn: 3.20 are deferred again
    back = kept(interim({}, bill.closing, reversal=Usage(calls=4)))
    assert (back.recognised, back.closing.deferred) == (Decimal("-3.20"), Decimal("75.20"))
    assert amounts(back) == {"deferred": Decimal("-3.20"), "earned": Decimal("3.20")}


@STORED
def test_tokens_that_were_bought_are_earned_as_they_burn(kept):
    plan = BillingPlan.prepaid(PriceSchedule(calls=3, currency=TOKEN))
    account = kept(
        Account(balance=[Grant("t", 1000, TOKEN, cost="10"), Grant("free", 30, TOKEN, priority=-1)])
    )
    bill = Bill.of(Usage(calls=110), plan, opening=account, final=False)
    # 330 burned, 30 of them free: 300 × 10 ÷ 1000
    assert bill.recognised == 3


@STORED
def test_a_cost_that_never_ends_is_earned_to_the_cent(kept):
    account = kept(Account(balance=[Grant("g", 3, "USD", cost=10)]))
    posted, earned = Decimal(0), Fraction(0)
    for _ in range(3):
        bill = interim({"calls": 1}, account)
        account = kept(bill.closing)
        posted += journal(bill).of("earned")
        earned += Fraction(bill.recognised)
    assert [earned, posted] == [10, -10]


def test_money_paid_ahead_earns_net_and_owes_the_tax():
    # 10.00 of calls, fee 5.00, 20 % tax: 18.00, of which 12.00 are there
    plan = evolve(PLAN, fees=[Fee(5)], taxes=[Tax("VAT", 20)])
    bill = Bill.of(Usage(calls=10), plan, opening=Account(balance=[Grant("paid", 12, "USD")]))
    assert amounts(bill) == {"receivable": 6, "deferred": 12, "earned": -15, "tax": -3}
    # prices that contain the tax: 12.00 = 10.00 + 2.00
    plan = evolve(PLAN, taxes=[Tax("VAT", 20, inclusive=True)])
    assert amounts(Bill.of(Usage(calls=12), plan)) == {"receivable": 12, "earned": -10, "tax": -2}


def test_roundings_and_what_goes_back_to_the_customer_are_posted():
    plan = BillingPlan.prepaid(PriceSchedule(calls="0.335"))
    bill = interim({"calls": 1}, Account(), plan)
    half = Decimal("0.005")
    assert amounts(bill) == {"receivable": Decimal("0.34"), "earned": -Decimal("0.335"), "rounding": -half}
    back = interim({}, bill.closing, plan, reversal=Usage(calls=1))
    assert back.closing.credit_balance == Decimal("0.34")
    assert amounts(back) == {"receivable": -Decimal("0.34"), "earned": Decimal("0.335"), "rounding": half}


@STORED
def test_what_ends_or_is_forfeited_is_revenue_once(kept):
    grants = [
        Grant("ends", 10, "USD", cost=5, expires="2026-06-20"),
        Grant("rolls", 20, "USD", rollover="50%"),
    ]
    bill = Bill.of(Usage(calls=4), PLAN, period=JUNE, opening=kept(Account(balance=Balance(grants))))
    # 5.00 that ended; 4 of 20 drawn, half of 16 forfeited
    assert amounts(bill) == {"deferred": 17, "earned": -4, "expired": -13}
    after = kept(bill.closing)
    assert after.revenue("2026-07-01") == (25, 4, 8, 13, 0)
    assert amounts(Bill.of(Usage(calls=1), PLAN, period=JULY, opening=after)) == {
        "deferred": Decimal("4.5"),
        "earned": -1,
        "expired": Decimal("-3.5"),
    }


@STORED
def test_paid_is_earned_deferred_expired_and_given_back(kept):
    balance = Balance([PACK, Grant("own", 30, "USD"), Grant("gift", 9, "USD", kind="promotional")])
    account = kept(
        Account(balance=balance.drawn_by({"pack": 10, "own": 3}).paid_out("own", 7).voided("pack"))
    )
    # 80 + 30 paid: 8 + 3 earned, 72 void, 7 given back, 20 deferred
    assert account.revenue() == (110, 11, 20, 72, 7)


def test_what_a_roll_over_added_was_never_paid_for():
    balance = Balance([Grant("g", 10, "USD", cost=5, rollover=(20, None))]).rolled().drawn_by({"g": 15})
    account = Account(balance=balance)
    assert account.revenue()[:3] == (5, 5, 0)
    assert earned_of(Grant("none", 0, "USD"), Decimal(0)) == 0


def test_a_journal_is_written_as_csv_and_beancount():
    bill = Bill.of(Usage(calls=10), PLAN, opening=Account(balance=[PACK]), about={"number": 'R-"7"'})
    books = journal(bill)
    assert books == Journal((Posting("deferred", Decimal(8)), Posting("earned", Decimal(-8))), "USD", 'R-"7"')
    assert books.of("tax") == 0
    assert books.to_csv() == "role,amount,currency\ndeferred,8.00,USD\nearned,-8.00,USD\n"
    assert books.to_beancount("2026-06-30", {"earned": "Income:Tokens"}) == (
        '2026-06-30 * "R-\\"7\\""\n  Liabilities:Deferred  8.00 USD\n  Income:Tokens  -8.00 USD\n'
    )
    assert books.to_beancount("2026-06-30T10:00:00Z").startswith("2026-06-30 *")
    with pytest.raises(InvalidName, match="accounts of no role"):
        books.to_beancount("2026-06-30", {"cash": "Assets:Cash"})
    with pytest.raises(InvalidPeriod):
        books.to_beancount("someday")
    with pytest.raises(InvalidAccount, match="no bill"):
        journal(5)


def test_postings_of_yen_are_whole():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1, currency="JPY"), rounding=Rounding(mode="down"))
    account = Account(balance=[Grant("g", 3, "JPY", cost=10)])
    bills = [interim({"calls": 1}, account, plan)]
    bills.append(interim({"calls": 2}, bills[0].closing, plan))
    assert [journal(bill).of("earned") for bill in bills] == [-3, -7]


def test_what_gifts_pay_is_no_money_that_was_received():
    plan = BillingPlan(PriceSchedule(u=1), taxes=Tax("VAT", 10))
    gifts = [Grant("one", 4, "USD", kind="promotional"), Grant("two", 5, "USD", kind="promotional")]
    paid = [Grant("one", 4, "USD", cost=3), Grant("two", 5, "USD")]

    # 10 less 9 given, and the tax of the rest; or 11, of which 9 were paid ahead, at a cost of 8
    for grants, postings in (
        (gifts, {"receivable": "1.10", "earned": "-1.00", "tax": "-0.10"}),
        (paid, {"receivable": "2.00", "deferred": "8.00", "earned": "-9.00", "tax": "-1.00"}),
        (
            [*gifts[:1], *paid[1:]],
            {"receivable": "1.60", "deferred": "5.00", "earned": "-6.00", "tax": "-0.60"},
        ),
    ):
        books = journal(Bill.of(Usage(u=10), plan, opening=Account(balance=grants)))
        assert {posting.role: str(posting.amount) for posting in books.postings} == postings


def test_what_rolls_over_is_lost_with_the_last_bill_of_a_period():
    account = Account(balance=[Grant("g", 10, "USD", rollover=(0, 2))])
    books = [
        journal(Bill.of(Usage(u=3), BillingPlan(PriceSchedule(u=1)), opening=account, final=final))
        for final in (False, True)
    ]

    assert [{it.role: it.amount for it in each.postings} for each in books] == [
        {"deferred": 3, "earned": -3},
        {"deferred": 8, "earned": -3, "expired": -5},
    ]
