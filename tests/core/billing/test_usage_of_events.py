"""Usage of an open account that is added up later: the same as if every event had added it."""

import copy
import pickle
from decimal import Decimal

import pytest

from tokenbill import Account, Bill, BillingPlan, Period, PerUnit, PriceSchedule, Tax, Usage, serial
from tokenbill.core.billing.running_account import EVENTS
from tokenbill.errors import InvalidNumber

JUNE = Period("2026-06-01", "2026-07-01")
PLAN = BillingPlan.on_demand(PriceSchedule({"calls": 1, "disks": "0.5"}))
LIMIT = 10**30


def after(account, *events, plan=PLAN):
    """The account after interim bills of these."""
    for usage in events:
        account = Bill.of(usage, plan, opening=account, period=JUNE, final=False).closing
    return account


def test_what_was_used_is_the_sum_of_all_events_however_many():
    events = [Usage(calls=i, disks=1) for i in range(1, 201)]
    account = after(Account(), *events)
    assert account.used == Usage(calls=20_100, disks=200)  # 1 + 2 + … + 200 = 200 × 201 ÷ 2
    assert str(account.accrued) == "20200.00"  # 20,100 × 1 + 200 × 0.5


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_no_more_than_some_events_wait(count):
    account = after(Account(), *[Usage(calls=1)] * count)
    running = account.cache.get("running")
    waiting = () if running is None else running.later
    assert len(waiting) <= EVENTS
    assert account.used.total("calls") == count


def test_two_bills_of_one_account_do_not_see_each_other():
    account = after(Account(), Usage(calls=1))
    one, other = after(account, Usage(calls=2)), after(account, Usage(disks=4))
    assert (one.used, other.used) == (Usage(calls=3), Usage(calls=1, disks=4))
    assert account.used == Usage(calls=1)


def test_an_account_is_the_same_value_looked_at_or_copied_or_stored():
    one, other = (after(Account(), Usage(calls=1), Usage(calls=2)) for _ in range(2))
    assert other.used == Usage(calls=3)
    assert one == other
    copies = pickle.loads(pickle.dumps(after(Account(), Usage(calls=3)))), copy.deepcopy(one)
    assert all(each == one for each in copies)
    assert serial.loads(serial.dumps(one)) == one


def test_what_is_added_up_was_within_the_limits_when_it_was_billed():
    free = BillingPlan.on_demand(PriceSchedule(calls=0))
    half = after(Account(), Usage(calls=LIMIT // 2), plan=free)
    most = after(half, Usage(calls=LIMIT // 2 - 1), plan=free)
    assert most.used == Usage(calls=LIMIT - 1)
    with pytest.raises(InvalidNumber):  # told by the account of the bill that brings it, never by a later one
        after(most, Usage(calls=1), plan=free)
    near = after(Account(), *[Usage(calls=LIMIT // 1000 - 1)] * 1000, plan=free)
    assert near.used == Usage(calls=1000 * (LIMIT // 1000 - 1))
    with pytest.raises(InvalidNumber):
        after(near, Usage(calls=1001), plan=free)


def test_labels_that_no_price_looks_at_are_added_to_their_sum():
    account = after(Account(), Usage({"calls{id=a}": 1}), Usage({"calls{id=b}": 2}), Usage(calls=4))
    assert account.used == Usage(calls=7)
    assert list(account.idle_labels) == ["calls"]


def test_whole_numbers_stay_whole_numbers():
    # sums of ints are those that every later event adds to, in half the time of Decimals
    labelled = after(Account(), Usage({"calls{id=a}": 1}), Usage({"calls{id=b}": 2}))
    assert {*map(type, labelled.used.counted.values())} == {int}
    corrected = Bill.of(Usage(), PLAN, opening=labelled, reversal=Usage(calls=1), final=False, period=JUNE)
    assert {*map(type, corrected.closing.used.counted.values())} == {int}
    assert corrected.closing.used == Usage(calls=2)
    assert (Usage(calls="2.5") - Usage(calls=1)).counted == {"calls": Decimal("1.5")}


def test_sums_of_an_account_know_no_cell_that_another_bill_brought_since():
    taxes = [Tax("VAT", 10, on="calls{region=eu}")]
    plan = BillingPlan.on_demand(PriceSchedule(calls=PerUnit(1).each("region")), taxes=taxes)
    account = after(Account(), Usage({"calls{region=us}": 10}), plan=plan)
    assert str(Bill.of(Usage({"calls{region=eu}": 10}), plan).total) == "11.00"  # 10 × 1, and 10 % of it
    account = after(account, Usage({"calls{region=us}": 5}), plan=plan)
    assert str(account.accrued) == "15.00"


def test_an_unknown_field_of_an_account_is_none():
    with pytest.raises(AttributeError, match="nothing"):
        Account().nothing  # noqa: B018
