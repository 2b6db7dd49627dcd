"""Accounts in memory: where one stands is kept from bill to bill, and decides nothing.

A service that keeps an account and one that reads it again before each request get the same bills and holds.
"""

from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Cycle,
    Discount,
    Graduated,
    Grant,
    Period,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
)
from tokenbill.errors import TokenbillError

MARCH = Period("2026-03-01", "2026-04-01")
PRICES = PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, "0.335")]), images="0.125")
PLANS = st.sampled_from(
    [
        BillingPlan.prepaid(PRICES),
        BillingPlan.prepaid(PRICES, overage="refuse", included={"calls": 3}),
        BillingPlan.prepaid(PRICES, taxes=[Tax("VAT", 19)], included={"calls": 3}),
        BillingPlan.prepaid(PRICES, overage="owe"),
        BillingPlan.subscription(7, PRICES, taxes=[Tax("VAT", 19, on="usage")]),
        BillingPlan.subscription(7, PRICES, minimum=9, maximum=40, discounts=[Discount.percent(10)]),
    ]
)
DAYS = st.integers(1, 31)
USAGES = st.fixed_dictionaries({"calls": st.integers(0, 11), "images": st.integers(0, 11)}).map(Usage)
STEPS = st.tuples(
    DAYS,
    st.sampled_from(["bill", "bill", "withdraw", "hold", "hold an amount", "settle", "release"]),
    USAGES,
    DAYS,
)


@st.composite
def grants(draw):
    """Up to three, of both kinds, some of which begin or end within the month."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        starts, expires = draw(st.tuples(st.none() | DAYS, st.none() | DAYS))
        if starts and expires and expires <= starts:
            expires = None
        life = {"starts": day(starts), "expires": day(expires)}
        kind, on = (
            draw(st.sampled_from(["paid", "promotional"])),
            draw(st.sampled_from([None, None, "images"])),
        )
        amount = draw(st.sampled_from([0, 1, 5, 12, 50]))
        found.append(Grant(f"g{number}", amount, "USD", kind=kind, on=on, **life))
    return found


@st.composite
def grants_with_scopes(draw):
    """Up to four in any order of drawing, some for one charge only or limited by the day; some end early."""
    found = []
    for number in range(draw(st.integers(2, 4))):
        found.append(
            Grant(
                f"g{number}",
                draw(st.sampled_from([2, 5, 12, 50])),
                "USD",
                kind=draw(st.sampled_from(["paid", "paid", "promotional"])),
                on=draw(st.sampled_from([None, "calls", "images"])),
                most=draw(st.sampled_from([None, None, (2, Cycle.daily())])),
                priority=draw(st.integers(0, 2)),
                expires=day(draw(st.sampled_from([None, 5, 6]))),
            )
        )
    return found


def day(number):
    return None if number is None else f"2026-03-{number:02}"


def result(account, plan, name, step):
    """What a step gives, a bill, an account or an error, and the account after it."""
    number, what, usage, until = step
    at, holds = day(number), account.balance.open_holds
    asked = {"at": at, "period": MARCH}
    try:
        if what == "hold":
            account = account.hold(name, usage, plan, until=day(until) if until > number else None, **asked)
        elif what == "hold an amount":
            account = account.hold(name, amount=2, at=at, currency="USD")
        elif what == "release" and holds:
            account = account.released(next(iter(holds)).id)
        else:
            settles = next(iter(holds)).id if what == "settle" and holds else None
            if what == "withdraw":
                bill = Bill.of({}, plan, reversal=usage, opening=account, final=False, **asked)
            else:
                bill = Bill.of(usage, plan, opening=account, final=False, settles=settles, **asked)
            bill.verify()
            said = bill.total, bill.due, bill.lines, bill.draws, bill.delta.draws, bill.delta.balance
            return said, bill.closing
    except TokenbillError as error:
        return (error.code, str(error)), account
    return (account.balance, account.draws_by_charge), account


@given(PLANS, grants() | grants_with_scopes(), st.lists(STEPS, min_size=2, max_size=7), st.booleans())
def test_an_account_that_is_kept_goes_on_as_one_that_is_read_again(plan, given_grants, steps, is_looked_at):
    kept = again = Account(balance=given_grants)
    for number, step in enumerate(sorted(steps, key=lambda step: step[0])):
        found, kept = result(kept, plan, f"h{number}", step)
        expected, again = result(evolve(again), plan, f"h{number}", step)
        assert found == expected
        # what is looked at is worked out, and must not change what comes later
        assert not is_looked_at or kept == again
    assert kept == again


@given(
    PLANS.filter(lambda plan: plan.overage != "owe"),
    grants_with_scopes(),
    st.lists(st.tuples(USAGES, st.booleans()), min_size=1, max_size=4),
    st.sampled_from([8, 20]),
)
def test_a_bill_of_no_usage_moves_no_money_whatever_grants_have_ended(plan, given_grants, uses, last):
    account = Account(balance=given_grants)
    try:
        # a withdrawal comes after some grants have ended, and leaves a credit balance where cash had paid
        for number, (usage, is_withdrawn) in enumerate(uses, 1):
            account = billed(usage, plan, account, number)
            if is_withdrawn:
                account = billed({}, plan, account, number + 4, reversal=usage)
    except TokenbillError:
        assume(False)
    bill = Bill.of({}, plan, opening=account, period=MARCH, at=day(last), final=False)
    bill.verify()
    assert (bill.total, bill.due, worth(bill.closing, last)) == (0, 0, worth(account, last))


def billed(usage, plan, account, number, **more):
    asked = {"period": MARCH, "at": day(number), "final": False}
    return Bill.of(usage, plan, opening=account, **asked, **more).closing


def worth(account, number):
    """What a customer still has, wherever it lies."""
    return account.credit_balance + account.balance.remaining(day(number))
