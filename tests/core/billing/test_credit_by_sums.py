"""Credit that sums say all of: the same bills and accounts as charge by charge."""

from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import Account, Bill, BillingPlan, Discount, Grant, Period, PriceSchedule, Tax, Usage
from tokenbill.errors import AccountMismatch, BalanceExhausted

PRICES = PriceSchedule(gpu_hours="0.105", api_calls="0.0111")
MARCH = Period("2026-03-01", "2026-04-01")
PROMOTIONAL, PAID = Grant("gift", 3, "USD", kind="promotional"), Grant("paid", 50, "USD")
FULL = BillingPlan.subscription(
    7, PRICES, included={"api_calls": 5}, minimum=9, maximum=40, taxes=[Tax("VAT", 19)],
    discounts=[Discount.percent(10), Discount.fixed(1, on="usage")],
)  # fmt: skip
PLANS = {
    "prepaid": BillingPlan.prepaid(PRICES),
    "refusing": BillingPlan.prepaid(PRICES, overage="refuse"),
    "all terms": FULL,
    "scoped tax": BillingPlan.subscription(7, PRICES, taxes=[Tax("VAT", 19, on="usage")]),
    "inclusive tax": BillingPlan.subscription(7, PRICES, taxes=[Tax("VAT", 19, inclusive=True)]),
}
GRANTS = {
    "paid": [PAID],
    "two": [evolve(PAID, id="b", amount=Decimal(4)), PAID],
    "gift": [PROMOTIONAL, PAID],
    "two gifts": [PROMOTIONAL, evolve(PROMOTIONAL, id="later", amount=Decimal(30)), PAID],
    "large gift": [evolve(PROMOTIONAL, amount=Decimal(500))],
    "scoped": [evolve(PAID, on="api_calls"), evolve(PAID, id="rest")],
    "dated": [
        evolve(PROMOTIONAL, expires="2026-03-10"),
        evolve(PAID, starts="2026-03-05"),
        evolve(PAID, id="z"),
    ],
    "spent": [Grant("nothing", 0, "USD"), PAID],
}
EVENTS = [
    ("2026-03-01", {"gpu_hours": 3, "api_calls": 7}, {}),
    ("2026-03-04", {"api_calls": 100}, {}),
    ("2026-03-05", {"gpu_hours": 20}, {"api_calls": 50}),
    ("2026-03-12", {"api_calls": 900}, {}),
    ("2026-03-20", {"gpu_hours": 150}, {}),
    ("2026-03-31", {"gpu_hours": 1}, {}),
]


def month(plan, grants, *, keep, at=True):
    """The bills of a month, each account kept as it is or made anew from its parts."""
    account, bills = Account(balance=grants), []
    for i, (day, used, less) in enumerate(EVENTS):
        opening = account if keep else evolve(account)
        rest = {"at": day} if at else {}
        try:
            bill = Bill.of(
                Usage(used), plan, period=MARCH, opening=opening, final=i == len(EVENTS) - 1,
                reversal=Usage(less), **rest,
            )  # fmt: skip
        except BalanceExhausted:
            continue
        bills.append(bill)
        account = bill.closing
    return bills


def told(bill):
    """All that a bill and its account say."""
    return bill.total, bill.due, bill.draws, bill.lines, bill.closing, bill.delta.draws, bill.delta.balance


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("grants", GRANTS)
@pytest.mark.parametrize("at", [True, False])
def test_bills_by_sums_are_those_by_charge(plan, grants, at):
    kept = month(PLANS[plan], GRANTS[grants], keep=True, at=at)
    anew = month(PLANS[plan], GRANTS[grants], keep=False, at=at)
    assert [told(bill) for bill in kept] == [told(bill) for bill in anew]
    for bill in kept:
        bill.verify()


def test_events_by_sums_make_no_balance_until_somebody_looks():
    account = Account(balance=[PROMOTIONAL, PAID])
    for _ in range(3):
        account = Bill.of(
            Usage(gpu_hours=1), PLANS["prepaid"], opening=account, final=False, period=MARCH
        ).closing
    assert "credit" in account.cache
    assert account.draws == (("gift", Decimal("0.32")),)
    assert account.balance.left("gift") == Decimal("2.68")
    with pytest.raises(AttributeError, match="nothing_of_it"):
        account.nothing_of_it  # noqa: B018


def test_an_account_that_opens_many_bills_knows_what_is_offered():
    account, plan = Account(balance=[PROMOTIONAL, PAID]), PLANS["all terms"]
    one = Bill.of(Usage(gpu_hours=9), plan, opening=account, period=MARCH)
    again = Bill.of(Usage(gpu_hours=9), plan, opening=account, period=MARCH)
    assert told(one) == told(again)
    assert told(one) == told(Bill.of(Usage(gpu_hours=9), plan, opening=evolve(account), period=MARCH))


def test_grants_in_another_currency_and_credit_are_left_to_single_charges():
    account = Account(balance=[PAID], credit_balance=2, credit_currency="USD")
    bill = Bill.of(Usage(gpu_hours=100), PLANS["prepaid"], opening=account)
    assert (bill.due, bill.closing.credit_balance, bill.draws) == (0, 0, (("paid", Decimal("8.50")),))


def test_a_bill_without_a_time_after_one_that_had_one_looks_for_grants_anew():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1))
    account = Account(balance=[Grant("g", 10, "USD")])

    first = Bill.of(Usage(calls=4), plan, opening=account, at="2026-03-05", final=False)
    second = Bill.of(Usage(calls=3), plan, opening=first.closing, final=False)

    assert (second.due, second.closing.balance.left("g")) == (0, 3)


def test_an_account_has_no_other_names_than_its_own():
    with pytest.raises(AttributeError, match="'Account' object has no attribute 'carried'"):
        Account().carried  # noqa: B018


@pytest.mark.parametrize("again", [lambda account: account, evolve])
def test_promotional_credit_that_begins_later_pays_only_what_comes_then(again):
    # 10 of the 2nd are paid; of the 15 that the month has on the 20th, the gift pays the 5 that came
    gift = evolve(PROMOTIONAL, amount=Decimal(20), starts="2026-03-10")
    plan, account = BillingPlan.prepaid(PriceSchedule(calls=1)), Account(balance=[PAID, gift])
    asked = {"period": MARCH, "final": False}
    first = Bill.of({"calls": 10}, plan, opening=account, at="2026-03-02", **asked)
    second = Bill.of({"calls": 5}, plan, opening=again(first.closing), at="2026-03-20", **asked)

    assert (first.draws, second.draws) == ((("paid", Decimal(10)),), (("gift", Decimal(5)),))
    second.verify()


@pytest.mark.parametrize("again", [lambda account: account, evolve])
def test_what_a_hold_lets_go_changes_nothing_that_was_billed(again):
    # the hold has all of the gift, so 9 of the 10 calls are paid; released, the gift is as it was
    plan = BillingPlan.prepaid(PriceSchedule(calls=1))
    account = Account(balance=[PAID, evolve(PROMOTIONAL, amount=Decimal(4))])
    asked = {"period": MARCH, "at": "2026-03-02"}
    account = account.hold("h", {"calls": 3}, plan, **asked)
    bill = Bill.of({"calls": 10}, plan, opening=account, final=False, **asked)
    assert bill.draws == (("gift", Decimal(1)), ("paid", Decimal(9)))

    account = again(bill.closing.released("h"))
    assert account.balance.draws == bill.draws
    assert account.draws_by_charge == bill.closing.draws_by_charge
    assert account.covers({"calls": 42 + 2}, plan, **asked)
    # 1 more: the gift pays it, and may not pay what the paid grant has paid
    more = Bill.of({"calls": 1}, plan, opening=account, final=False, **asked)
    assert (more.draws, more.due) == ((("gift", Decimal(1)),), 0)
    more.verify()


@pytest.mark.parametrize("first_at", ["2026-06-20", "2026-06-15", "2026-06-02"])
def test_a_bill_at_another_time_asks_anew_which_grants_there_are(first_at):
    grants = [
        Grant("a", 1, "USD", starts="2026-06-05", expires="2026-07-05"),
        Grant("b", 50, "USD", starts="2026-06-15", expires="2026-07-01"),
        Grant("c", 100, "USD"),
    ]
    plan, account = BillingPlan.prepaid(PriceSchedule(calls=1)), Account(balance=grants)
    asked = {"period": Period("2026-06-01", "2026-07-01"), "final": False}
    first = Bill.of(Usage(calls=1), plan, opening=account, at=first_at, **asked)
    second = Bill.of(Usage(calls=10), plan, opening=first.closing, at="2026-06-10", **asked)

    # on the 10th the second grant has not begun
    assert dict(first.draws) == ({"c": 1} if first_at == "2026-06-02" else {"b": 1})
    assert dict(second.draws) == {"a": 1, "c": 9}


@pytest.mark.parametrize(("overage", "refused"), [("refuse", True), ("owe", False), ("bill", False)])
def test_a_plan_that_refuses_overage_refuses_it_without_any_credit(overage, refused):
    plan = BillingPlan(PriceSchedule(calls=1), overage=overage)
    asked = {"period": Period("2026-06-01", "2026-07-01"), "final": False}
    empty = Bill.of(Usage(), plan, **asked).closing
    for opening in ({}, {"opening": Account()}, {"opening": empty}):
        if refused:
            with pytest.raises(BalanceExhausted):
                Bill.of(Usage(calls=1), plan, **asked, **opening)
        else:
            bill = Bill.of(Usage(calls=1), plan, **asked, **opening)
            owes = overage == "owe"
            assert (bill.total, bill.due) == (1, 0 if owes else 1)
            assert bill.closing.credit_balance == (-1 if owes else 0)


def test_a_gift_that_has_nothing_to_pay_has_no_line():
    gifts = [evolve(PROMOTIONAL, id="a"), evolve(PROMOTIONAL, id="b")]
    usage = {"gpu_hours": 20}  # 2.10, which a of 3.00 pays alone
    bill = Bill.of(usage, PLANS["prepaid"], opening=Account(balance=gifts), period=MARCH, final=False)
    assert [(line.description, line.amount) for line in bill.lines] == [
        ("gpu_hours", Decimal("2.10")),
        ("credit a", Decimal("-2.10")),
    ]


def test_sums_of_one_period_bill_no_other_one():
    account = Bill.of(
        {"api_calls": 100}, PLANS["prepaid"], period=MARCH, opening=Account(balance=[PAID]), final=False
    ).closing
    assert "credit" in account.cache
    # as long as March, so that the plan is compiled to the same sums
    may = Period("2026-05-01", "2026-06-01")
    with pytest.raises(AccountMismatch):
        Bill.of({"api_calls": 100}, PLANS["prepaid"], period=may, opening=account, final=False)
    same = Bill.of({"api_calls": 100}, PLANS["prepaid"], period=evolve(MARCH), opening=account, final=False)
    assert (
        same.draws
        == Bill.of({"api_calls": 100}, PLANS["prepaid"], period=MARCH, opening=account, final=False).draws
    )
    assert "credit" in same.closing.cache
