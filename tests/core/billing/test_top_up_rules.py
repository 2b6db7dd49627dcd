"""Top-up rules: which credit an account would buy, when, and how much of it."""

from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Amount,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    TopUp,
    Usage,
)
from tokenbill.core.billing.top_up_rules import bought_after
from tokenbill.errors import InvalidCurrency, InvalidGrant, InvalidPlan
from tokenbill.serial import dumps, loads

RULE = TopUp(below="5", to="20", most=("100", Cycle.monthly()), cooloff="1h", bonus=PerUnit("0.10"))
PLAN = BillingPlan.prepaid(PriceSchedule(calls=1))
NOON = "2026-06-20T12:00:00Z"
STORED = pytest.mark.parametrize(
    "kept", [lambda it: it, evolve, lambda it: loads(dumps(it))], ids=["same", "evolved", "stored"]
)


def having(*grants, rule=RULE, drawn=()):
    return Account(balance=Balance(grants).drawn_by(drawn), top_ups=rule)


@STORED
def test_what_is_left_is_lifted_to_an_amount(kept):
    # 4.20 left: 15.80, and 1.58 on top
    account = kept(having(Grant("a", 10, "USD"), drawn={"a": "5.80"}))
    paid, bonus = account.due_topups(NOON)
    assert (paid.amount, paid.cost, paid.kind) == (Decimal("15.80"), Decimal("15.80"), "paid")
    assert (bonus.amount, bonus.cost, bonus.kind) == (Decimal("1.58"), 0, "promotional")
    assert account.balance.remaining() == Decimal("4.20")

    more = kept(evolve(account, balance=account.balance.with_grants(paid, bonus)))
    assert more.due_topups(NOON) == ()
    assert more.balance.remaining() == Decimal("21.58")


@STORED
def test_a_bonus_may_read_a_level_or_a_meter(kept):
    # 0.50 a seat: 2.50 for the five seats of the 20th; 1.00 for each ten calls of the period: 3.00
    plan = BillingPlan.prepaid(PriceSchedule(calls=0, images=0), fees=[Fee(0, "seats", level="seats")])
    seats = {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]}
    june = Period("2026-06-01", "2026-07-01")
    for curve, extra in (
        (PerUnit("0.50").of("seats"), "2.50"),
        (PerUnit(1, per=10).of("calls"), "3"),
        (PerUnit(1).of("images"), None),
    ):
        opening = having(Grant("a", 4, "USD"), rule=evolve(RULE, bonus=curve))
        used = {"2026-06-02": {"calls": 10}, "2026-06-18": {"calls": 20}}
        bill = Bill.of(used, plan, period=june, opening=opening, final=False, at="2026-06-18", levels=seats)
        paid, *bonus = kept(bill.closing).due_topups("2026-06-20")
        assert (paid.amount, [str(grant.amount) for grant in bonus]) == (16, [extra] if extra else [])
    with pytest.raises(InvalidGrant, match="a bonus of an amount"):
        evolve(RULE, bonus=PerUnit(1).of(Amount("usage")))


@STORED
def test_no_more_is_bought_in_a_month_than_its_limit(kept):
    # 92.00 bought this month: 8.00 are left of 100
    bought = [
        Grant("old", 50, "USD", created="2026-05-31T23:00:00Z"),
        Grant("new", 100, "USD", cost=92, created=NOON),
    ]
    account = kept(having(*bought, drawn={"old": 50, "new": "95.80"}))
    assert [grant.amount for grant in account.due_topups("2026-06-20T13:00:00Z")] == [8, Decimal("0.80")]
    assert account.due_topups("2026-07-01T00:00:00Z")[0].amount == Decimal("15.80")
    none = kept(
        having(*bought, Grant("x", 1, "USD", cost=8, created=NOON), drawn={"old": 50, "new": 100, "x": 1})
    )
    assert none.due_topups("2026-06-20T13:00:00Z") == ()


@STORED
def test_a_rule_waits_after_a_purchase(kept):
    account = kept(having(Grant("a", 1, "USD", created=NOON)))
    assert account.due_topups("2026-06-20T12:59:59Z") == ()
    assert account.due_topups("2026-06-20T13:00:00Z")[0].amount == 19


@STORED
def test_a_rule_without_a_wait_buys_again_at_once(kept):
    account = kept(having(Grant("a", 1, "USD", created=NOON), rule=evolve(RULE, cooloff=None)))
    assert account.due_topups(NOON)[0].amount == 19


@STORED
def test_each_purchase_counts_once_and_in_its_own_currency(kept):
    # 50 that left and 40 that stay are 90 of 100 a month; 70 tokens are none of that month's dollars
    token = Currency("TOK", places=0)
    prices = PriceSchedule(calls=1, images=1, currency=token)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit(1))
    june = Period("2026-06-01T00:00:00Z", "2026-06-21T00:00:00Z")
    bought = [
        Grant("a", 50, "USD", created=NOON),
        Grant("b", 40, "USD", created=NOON, priority=1),
        Grant("e", 70, token, on="images", created=NOON, expires="2026-06-20T18:00:00Z"),
    ]
    account = kept(having(*bought, rule=evolve(RULE, currency="USD", bonus=None)))
    closing = kept(Bill.of(Usage(calls=88), plan, period=june, opening=account, at=NOON).closing)
    assert closing.balance.left("b") == 2
    assert [grant.amount for grant in closing.due_topups("2026-06-21T13:00:00Z")] == [10]


@STORED
def test_what_was_bought_counts_after_its_grant_has_left(kept):
    june, plan = Period("2026-06-01T00:00:00Z", "2026-06-21T00:00:00Z"), PLAN
    account = kept(having(Grant("a", 92, "USD", created=NOON)))
    closing = kept(Bill.of(Usage(calls=92), plan, period=june, opening=account, at=NOON).closing)
    assert (closing.balance.grants, closing.top_ups) == ((), (RULE,))
    with pytest.raises(InvalidCurrency, match="a top-up of no one currency"):
        closing.due_topups(NOON)
    usd = evolve(closing, top_ups=[evolve(RULE, currency="USD", bonus=None)])
    assert [grant.amount for grant in usd.due_topups("2026-06-20T13:00:00Z")] == [8]
    assert usd.due_topups("2026-07-01T00:00:00Z")[0].amount == 20
    # what is more than a year back is forgotten
    later = evolve(closing, balance=[Grant("b", 1, "USD", created="2027-07-01T00:00:00Z")])
    july = Period("2027-07-01T00:00:00Z", "2027-08-01T00:00:00Z")
    after = Bill.of(Usage(calls=1), plan, period=july, opening=later, at="2027-07-02T00:00:00Z").closing
    assert [str(each.start)[:4] for each in after.windows] == ["2027"]


def test_only_what_pays_everything_counts_and_what_is_held_does_not():
    account = having(Grant("images", 50, "USD", on="images"), Grant("a", 10, "USD"))
    assert account.due_topups(NOON) == ()
    assert account.hold("h1", amount=6).due_topups(NOON)[0].amount == 16
    assert account.due_topups("2026-06-20") == ()


def test_rules_without_limits_and_of_several_currencies():
    token = Currency("TOKEN", places=0)
    rules = [TopUp(1, 2, currency="USD"), TopUp(5, 10, currency=token, name="tokens")]
    account = Account(balance=[Grant("t", 4, token)], top_ups=rules)
    assert [(grant.amount, grant.currency.code) for grant in account.due_topups(NOON)] == [
        (2, "USD"),
        (6, "TOKEN"),
    ]
    assert loads(dumps(account)) == account


@pytest.mark.parametrize(
    ("parts", "error", "wrong"),
    [
        ({"below": 5, "to": 4}, InvalidGrant, "ends below where it begins"),
        ({"below": 5, "to": 9, "most": (5, "calls")}, InvalidGrant, "not a limit of top-ups"),
        ({"below": 5, "to": 9, "most": 5}, InvalidGrant, "not a draw limit"),
        ({"below": 5, "to": 9, "cooloff": "soon"}, InvalidPlan, "not a window of time"),
        ({"below": 5, "to": 9, "bonus": 5}, InvalidGrant, "a bonus that is no curve"),
    ],
)
def test_what_is_no_rule_is_refused(parts, error, wrong):
    with pytest.raises(error, match=wrong):
        TopUp(**parts)


@pytest.mark.parametrize("rules", [5, [5], [TopUp(1, 2), TopUp(3, 4)]])
def test_rules_of_an_account_are_checked(rules):
    with pytest.raises(InvalidGrant, match="top-up rule"):
        Account(top_ups=rules)


def test_purchases_of_another_currency_count_for_themselves():
    euros = [Grant("e", 1, "EUR", created=NOON), Grant("d", 1, "USD", created=NOON)]
    rule = TopUp(5, 20, most=(10, Cycle.monthly()), currency="USD")
    account = having(*euros, rule=rule)
    assert [grant.amount for grant in account.due_topups("2026-06-21T12:00:00Z")] == [9]
    left = bought_after(account.balance, Balance(), account.windows, account.top_ups)
    assert [(each.key, each.used) for each in left] == [("bought in EUR", 1), ("bought in USD", 1)]
    after = evolve(account, balance=Balance(), windows=left)
    assert [grant.amount for grant in after.due_topups("2026-06-21T12:00:00Z")] == [9]


def test_a_rule_tops_up_below_its_bound_and_not_at_it():
    assert having(Grant("a", 5, "USD")).due_topups(NOON) == ()
    assert having(Grant("a", "4.99", "USD")).due_topups(NOON)[0].amount == Decimal("15.01")


def test_a_rule_may_top_up_to_its_bound():
    rule = TopUp(below=5, to=5)

    assert having(Grant("a", 3, "USD"), rule=rule).due_topups(NOON)[0].amount == 2


def test_a_limit_of_purchases_has_a_cycle_and_no_scope():
    for most in ((5, Cycle.monthly(), "u"), (5, "u")):
        with pytest.raises(InvalidGrant, match="not a limit of top-ups"):
            TopUp(10, 20, most=most)


def test_a_part_of_a_unit_is_topped_up_too():
    account = Account(balance=[Grant("g", "9.75", "USD")], top_ups=[TopUp(10, 10)])

    assert [grant.amount for grant in account.due_topups("2026-06-05")] == [Decimal("0.25")]
