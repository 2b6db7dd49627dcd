"""What is owed and carried, and what is credited without a correction: numbers worked out by hand."""

from decimal import Decimal, localcontext

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Grant,
    Period,
    PriceSchedule,
    Usage,
    serial,
)
from tokenbill.errors import (
    CurrencyMismatch,
    InvalidAccount,
    InvalidName,
    InvalidNumber,
    InvalidPlan,
    InvalidPrice,
)

U = PriceSchedule(u=1)
CENTS = PriceSchedule(u="0.01")
OWING = BillingPlan.prepaid(U, overage="owe")
AHEAD = (("ahead", 1),)
MARCH = Period("2026-03-01", "2026-04-01")


def ahead(amount, id="ahead", **grant):
    return Account(balance=[Grant(id, amount, "USD", **grant)])


def topped_up(account, *grants):
    return evolve(account, balance=account.balance.with_grants(*grants))


def stored(account):
    return serial.loads(serial.dumps(account))


# --- a smaller amount is not due -------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [lambda account: account, stored], ids=["kept", "stored"])
def test_a_small_amount_comes_with_the_next_bill(keep):
    plan, account, bills = BillingPlan.on_demand(CENTS, least_due=1), Account(), []
    for used in (40, 35, 200, 100):
        bills.append(Bill.of(Usage(u=used), plan, opening=account))
        account = keep(bills[-1].closing)

    assert [str(bill.total) for bill in bills] == ["0.40", "0.35", "2.00", "1.00"]
    assert [bill.due for bill in bills] == [0, 0, Decimal("2.75"), 1]
    assert [bill.closing.credit_balance for bill in bills] == [Decimal("-0.40"), Decimal("-0.75"), 0, 0]


def test_eighteen_cents_are_carried():
    plan = BillingPlan.on_demand(CENTS, least_due="1.00")
    first = Bill.of(Usage(u=18), plan, final=False)

    second = Bill.of(Usage(u=100), plan, opening=first.closing)

    assert (first.due, second.due) == (0, Decimal("1.18"))
    assert "credit balance before: -0.18 USD" in second.explain()
    second.verify()


def test_what_grants_leave_open_is_carried_too():
    plan = BillingPlan.prepaid(CENTS, least_due=1)

    by_sums = Bill.of(Usage(u=140), plan, opening=ahead(1))
    by_charge = Bill.of(Usage(u=140), plan, opening=ahead(1, on="u"))

    assert [bill.due for bill in (by_sums, by_charge)] == [0, 0]
    assert [bill.closing.credit_balance for bill in (by_sums, by_charge)] == [Decimal("-0.40")] * 2


def test_an_amendment_that_changes_nothing_carries_the_same():
    plan = BillingPlan(CENTS, cycle=Cycle.monthly(), least_due=1)

    bill = Bill.of({"2026-03-02": {"u": 18}}, Contract(plan).amended("2026-03-16", plan), period=MARCH)

    assert (bill.due, bill.closing.credit_balance) == (0, Decimal("-0.18"))


def test_the_least_that_is_due_is_an_amount():
    with pytest.raises(InvalidPrice, match="least_due is negative"):
        BillingPlan.on_demand(U, least_due=-1)
    assert BillingPlan.on_demand(U).fingerprint() != BillingPlan.on_demand(U, least_due=1).fingerprint()


@pytest.mark.parametrize("keep", [lambda account: account, stored], ids=["kept", "stored"])
@pytest.mark.parametrize(
    ("end", "usage"), [("2026-04-16", 18), ("2026-05-01", 18), (None, 18), ("2026-05-02", 18)]
)
def test_the_last_bill_of_a_contract_carries_nothing(end, usage, keep):
    plan = BillingPlan.on_demand(CENTS, cycle=Cycle.monthly(), least_due="1.00")
    contract, april = Contract(plan), Period("2026-04-01", "2026-05-01")
    first = Bill.of({"u": 30}, contract, period=MARCH)
    contract = contract.ended(end) if end else contract

    interim = Bill.of(
        {"2026-04-05": {"u": usage}}, contract, period=april, opening=keep(first.closing), final=False
    )
    last = Bill.of({}, contract, period=april, opening=keep(interim.closing))

    # 0.30 of March and 0.18 of April, where no bill comes after it
    is_last = end in ("2026-04-16", "2026-05-01")
    assert (first.due, interim.due, last.due) == (0, 0, Decimal("0.48") if is_last else 0)
    assert last.closing.credit_balance == (0 if is_last else Decimal("-0.48"))
    last.verify()
    assert serial.loads(serial.dumps(last)).due == last.due


# --- accounts that may owe -------------------------------------------------------------------------------


@pytest.mark.parametrize("final", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("keep", [lambda account: account, stored], ids=["kept", "stored"])
def test_the_next_grant_covers_what_is_owed_first(final, keep):
    first = Bill.of(Usage(u=12), OWING, opening=ahead(5), final=final)
    assert (first.due, first.closing.credit_balance) == (0, -7)

    account = topped_up(keep(first.closing), Grant("more", 20, "USD"))
    second = Bill.of(Usage(u=1), OWING, opening=account, final=final)

    assert (second.due, dict(second.draws)["more"]) == (0, 8)
    assert (second.closing.balance.remaining(), second.closing.credit_balance) == (12, 0)
    second.verify()
    assert serial.loads(serial.dumps(second)).draws == second.draws


def test_a_grant_that_is_too_small_leaves_the_rest_owed():
    first = Bill.of(Usage(u=12), OWING, opening=ahead(5), final=False)
    account = topped_up(first.closing, Grant("little", 3, "USD"))

    second = Bill.of(Usage(u=1), OWING, opening=account, final=False)
    third = Bill.of(Usage(u=2), OWING, opening=second.closing)

    assert (second.closing.credit_balance, dict(second.draws)) == (-5, {"little": 3})
    assert (third.closing.credit_balance, third.draws, third.due) == (-7, (), 0)


def test_a_grant_with_a_scope_pays_its_charges_and_nothing_that_is_owed():
    first = Bill.of(Usage(u=12), OWING, opening=ahead(5), final=False)
    account = topped_up(first.closing, Grant("scoped", 20, "USD", on="u"))

    second = Bill.of(Usage(u=1), OWING, opening=account)

    assert (dict(second.draws), second.closing.credit_balance) == ({"scoped": 1}, -7)


def test_what_covers_what_is_owed_is_not_there_for_more():
    account = topped_up(evolve(Account(), credit_balance=-7), Grant("more", 20, "USD"))

    assert OWING.covers(Usage(u=13), account)
    assert not OWING.covers(Usage(u=14), account)


def test_an_account_that_owes_under_another_plan_is_billed():
    bill = Bill.of(Usage(u=1), BillingPlan.prepaid(U), opening=Account(credit_balance=-7))

    assert bill.due == 8


def test_an_unknown_way_with_overage_is_refused():
    with pytest.raises(InvalidPlan, match="bill, refuse, owe"):
        BillingPlan.prepaid(U, overage="lend")


# --- goodwill --------------------------------------------------------------------------------------------


def test_goodwill_pays_the_next_bill_and_is_noted():
    account = Account().credit("5.00", reason="the outage of 3 June")

    bill = Bill.of(Usage(u=9), BillingPlan.on_demand(U), opening=stored(account))

    assert (bill.due, bill.closing) == (4, Account())
    assert bill.notes == ("credited 5.00 USD: the outage of 3 June",)


def test_goodwill_is_kept_while_the_period_is_open():
    account = Account().credit(5, reason="outage").credit("2.50", reason="outage").credit(1, reason="late")
    plan = BillingPlan.on_demand(U)

    first = Bill.of(Usage(u=1), plan, opening=account, final=False)

    assert first.closing.goodwill == (("outage", Decimal("7.50")), ("late", Decimal(1)))
    assert first.closing.credit_balance == Decimal("7.50")
    assert Bill.of(Usage(u=9), plan, opening=first.closing).due == Decimal("1.50")


def test_goodwill_lowers_what_is_owed():
    account = Account(credit_balance=-7, credit_currency="USD").credit(5, reason="sorry")

    assert (account.credit_balance, account.credit_currency.code) == (-2, "USD")
    with pytest.raises(CurrencyMismatch):
        Bill.of(Usage(u=9), BillingPlan.on_demand(PriceSchedule(u=1, currency="EUR")), opening=account)


def test_goodwill_without_a_reason_or_an_amount_is_refused():
    with pytest.raises(InvalidAccount, match="an amount with its reason"):
        Account().credit(5)
    with pytest.raises(InvalidName):
        Account().credit(5, reason="x" * 256)
    with pytest.raises(InvalidAccount, match="above 0"):
        Account().credit(0, reason="nothing")
    with pytest.raises(InvalidNumber):
        Account().credit(0.5, reason="a float")
    with pytest.raises(InvalidAccount, match="not amounts by reason"):
        Account(goodwill=5)


@pytest.mark.parametrize("keep", [lambda account: account, stored], ids=["kept", "stored"])
def test_a_debt_that_credit_paid_is_not_given_back_by_the_next_bill(keep):
    opening = Account(balance=[Grant("g", 20, "USD")], credit_balance=-5, credit_currency="USD")
    first = Bill.of({"u": 3}, OWING, opening=opening, period=MARCH, final=False)
    second = Bill.of({"u": 1}, OWING, opening=keep(first.closing), period=MARCH, final=False)

    # 3 used and 5 owed, then 1
    assert [dict(bill.draws) for bill in (first, second)] == [{"g": 8}, {"g": 1}]
    assert second.closing.credit_balance == 0


# --- what is in credit, what is owed, and what pays it ---------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "draws"),
    [("0.50", "-0.50", AHEAD), ("0", "-1", AHEAD), ("-0.50", "-1.50", AHEAD), ("3", "1", ())],
)
def test_credit_pays_first_and_the_rest_is_owed(before, after, draws):
    opening = evolve(ahead(1), credit_balance=before, credit_currency="USD")
    bill = Bill.of(Usage(u=2), OWING, opening=opening)

    assert (bill.total, bill.due, bill.draws) == (2, 0, draws)
    assert bill.closing.credit_balance == Decimal(after)


@pytest.mark.parametrize("keep", [lambda account: account, evolve, stored], ids=["kept", "copied", "stored"])
def test_a_gift_pays_no_debt_and_a_debt_that_one_grant_paid_stays_paid_beside_another(keep):
    two, owed = PriceSchedule(u=1, v=1), {"credit_balance": -5, "credit_currency": "USD"}
    plan = BillingPlan.prepaid(two, overage="owe")
    gift = Bill.of(Usage(u=2), plan, opening=evolve(ahead(10, kind="promotional"), **owed))
    assert (gift.due, dict(gift.draws), gift.closing.credit_balance) == (0, {"ahead": 2}, -5)

    account = evolve(topped_up(ahead(4), Grant("more", 10, "USD", on="v")), **owed)
    first = Bill.of(Usage(u=2), plan, opening=account, final=False)
    second = Bill.of(Usage(v=3), plan, opening=keep(first.closing), final=False)
    third = Bill.of(Usage(v=3), plan, opening=keep(second.closing))

    # four of the five are paid; what was used is owed beside the fifth, and v is paid by its own grant
    bills = first, second, third
    assert [dict(bill.draws) for bill in bills] == [{"ahead": 4}, {"more": 3}, {"more": 3}]
    assert [(bill.due, bill.closing.credit_balance) for bill in bills] == [(0, -3)] * 3


@pytest.mark.parametrize("keep", [lambda account: account, evolve, stored], ids=["kept", "copied", "stored"])
def test_a_debt_that_one_grant_paid_whole_stays_paid(keep):
    plan = BillingPlan.prepaid(PriceSchedule(u=1, v=1), overage="owe")
    account = evolve(
        topped_up(ahead(4), Grant("more", 10, "USD", on="v")), credit_balance=-4, credit_currency="USD"
    )
    first = Bill.of(Usage(v=3), plan, opening=account, final=False)
    second = Bill.of(Usage(v=3), plan, opening=keep(first.closing))

    assert [dict(bill.draws) for bill in (first, second)] == [{"ahead": 4, "more": 3}, {"more": 3}]
    assert [bill.closing.credit_balance for bill in (first, second)] == [0, 0]


def test_what_is_owed_is_paid_to_the_cent_in_any_context():
    account = evolve(ahead(50_000), credit_balance="-6182.55", credit_currency="USD")
    with localcontext() as context:
        context.prec = 1
        bill = Bill.of(Usage(u="1.45"), OWING, opening=account)

    assert (bill.draws, bill.due, bill.closing.credit_balance) == ((("ahead", 6184),), 0, 0)
