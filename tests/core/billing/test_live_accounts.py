"""Accounts that are open while the price list changes in place: they go on, or say why not."""

import random
from decimal import Decimal

import pytest

from tokenbill import Account, Bill, BillingPlan, Contract, Fee, Grant, Period, PriceSchedule, serial
from tokenbill.errors import AccountMismatch

JUNE = Period("2026-06-01", "2026-07-01")
CALLS = {"calls": "0.01", "calls{model=large}": "0.03"}
BEFORE = BillingPlan(PriceSchedule(CALLS), fees=Fee(5))
AFTER = BillingPlan(PriceSchedule({**CALLS, "images": 1}), fees=Fee(5))
PLAIN, ADDED = (
    BillingPlan(PriceSchedule({"calls": "0.01", **more}), fees=Fee(5))
    for more in ({}, {"calls{team=red}": "0.05"})
)
NOTED = ("other terms, the past is the same",)


def opened(terms, usage, account=None, at="2026-06-03"):
    return Bill.of(usage, terms, period=JUNE, opening=account or Account(), final=False, at=at)


@pytest.mark.slow
def test_a_thousand_accounts_stored_before_a_meter_is_added_go_on():
    rng, documents = random.Random(7), []
    for number in range(1000):
        balance = [Grant("paid", rng.randrange(1, 40), "USD")] if number % 2 else []
        usage = {"calls": rng.randrange(500), "calls{model=large}": rng.randrange(50)}
        if number % 3 == 0:
            usage = {f"calls{{tenant={number}}}": rng.randrange(500)}
        bill = opened(BEFORE, usage, Account(balance=balance))
        documents.append((serial.dumps(bill.closing), bill))

    for text, before in documents:
        account = serial.loads(text)
        bill = opened(AFTER, {"images": 3, "calls": 100}, account, at="2026-06-10")

        # three images and a hundred calls, nothing of the past
        assert bill.total == Decimal("4.00")
        assert bill.notes == NOTED
        assert bill.closing.accrued == before.total + 4


def test_another_customers_contract_on_a_young_account_is_noted_on_the_bill():
    ours = Contract(BEFORE).amended("2026-06-16", AFTER)
    theirs = Contract(BillingPlan(PriceSchedule(calls="0.02"), fees=Fee(5))).amended("2026-06-20", AFTER)
    young = opened(ours, {}).closing

    own, other = (opened(terms, {"calls": 100}, young, at="2026-06-04") for terms in (ours, theirs))

    assert (own.notes, own.total) == ((), Decimal("1.00"))
    assert (other.notes, other.total) == (NOTED, Decimal("2.00"))
    assert NOTED[0] in str(other)
    assert NOTED[0] in other.explain()


def test_an_entry_within_one_whose_usage_is_one_sum_is_refused_in_place():
    account = opened(PLAIN, {"calls{team=red}": 100, "calls{team=blue}": 50}).closing
    assert account.used == {"calls": 150}

    for each in (account, serial.loads(serial.dumps(account))):
        with pytest.raises(AccountMismatch, match=r"usage within 'calls'.*one sum.*team=red.*restate=True"):
            opened(ADDED, {"calls": 1}, each, at="2026-06-10")

    # both ways out: from a day on, or anew with the usage where it was
    dated = Contract(PLAIN).amended("2026-06-10", ADDED)
    usage = {"2026-06-10": {"calls{team=red}": 10}}
    assert opened(dated, usage, account, at="2026-06-10").total == Decimal("0.50")
    again = Bill.of(
        {"calls{team=red}": 100},
        ADDED,
        period=JUNE,
        opening=account,
        at="2026-06-10",
        reversal={"2026-06-01": {"calls": 100}},
        restate=True,
    )
    assert again.total == Decimal("4.00")  # 100 at 0.05 in place of 0.01


def test_an_entry_that_was_there_when_usage_became_one_sum_is_no_new_one():
    # calls{model=large} was never used, and calls of no model are one sum
    account = opened(BEFORE, {"calls{team=red}": 100}).closing

    assert account.idle_labels == ("calls", "calls{model=large}")
    bill = opened(AFTER, {"calls{model=large}": 10, "images": 1}, account, at="2026-06-10")
    assert (bill.total, bill.notes) == (Decimal("1.30"), NOTED)


def test_an_entry_may_be_added_where_labels_were_kept():
    account = opened(PLAIN, {"calls": 100}).closing

    assert opened(ADDED, {"calls{team=red}": 10}, account, at="2026-06-10").total == Decimal("0.50")


def test_an_entry_that_was_added_from_a_day_on_stays():
    account = opened(PLAIN, {"calls{team=red}": 100}).closing
    dated = Contract(PLAIN).amended("2026-06-10", ADDED)

    first = opened(dated, {"2026-06-10": {"calls{team=red}": 10}}, account, at="2026-06-11")
    second = opened(dated, {"2026-06-12": {"calls{team=red}": 10}}, first.closing, at="2026-06-12")

    assert (first.total, second.total) == (Decimal("0.50"), Decimal("0.50"))
