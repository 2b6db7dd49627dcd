import copy
import pickle
import re
from decimal import Decimal

import pytest
from attrs import evolve

from tests.support.pages import cells
from tests.support.strategies import OwnSchedule
from tokenbill import (
    Account,
    Adjustment,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Discount,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Usage,
)
from tokenbill.core.billing.account import NEW
from tokenbill.core.billing.arguments import check_rest, checked_terms, notes_of
from tokenbill.core.billing.version_usage import VersionUsage
from tokenbill.errors import (
    AccountMismatch,
    InvalidAccount,
    InvalidCurrency,
    InvalidGrant,
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
    InvalidPlan,
    InvalidUsage,
    TokenbillError,
)
from tokenbill.serial import dumps, loads

PRICES = PriceSchedule(gpu_hours="0.10", api_calls="0.01")
PLAN = BillingPlan.on_demand(PRICES)
FEBRUARY = Period("2026-02-01", "2026-03-01")


def note_of(before, after):
    return Adjustment((), Decimal(before), Decimal(after), "USD")


def open_account():
    return Bill.of(Usage(gpu_hours=10), PLAN, period=FEBRUARY, final=False).closing


def test_a_new_account_has_used_nothing_and_owes_nothing():
    account = Account()

    assert (account.period, account.fingerprint, account.draws) == (None, None, ())
    assert (account.used, account.accrued, account.credit_balance) == (Usage(), 0, 0)
    assert account.balance == Balance()
    assert account.is_fresh
    assert account == NEW


def test_an_account_with_a_balance_is_as_good_as_new():
    account = Account(balance=[Grant("welcome", 10, "USD")], credit_balance=5)

    assert account.is_fresh
    assert account.balance.remaining() == 10


@pytest.mark.parametrize(
    "state",
    [{"fingerprint": "x"}, {"used": {"api_calls": 1}}, {"accrued": "0.01"}, {"draws": {"": {"usage:a": 1}}}],
    ids=str,
)
def test_an_account_of_an_open_period_is_not_new(state):
    assert not Account(**state).is_fresh


def test_an_account_takes_its_parts_as_a_store_gives_them():
    balance = Balance([Grant(id, 5, "USD") for id in "ab"], draws={"a": 3, "b": 1})
    drawn = {
        "b": {"usage:gpu_hours": "1"},
        "a": {"usage:gpu_hours": "1.50", "fee:base": "0.50"},
        "": {"x": 0},
    }

    stored = Account(None, None, {"gpu_hours": "10"}, "1.00", drawn, balance, "0.50", "USD")

    assert stored.used == Usage(gpu_hours=10)
    assert (stored.accrued, stored.credit_balance) == (Decimal("1.00"), Decimal("0.50"))
    assert stored.credit_currency == Currency("USD")
    assert stored.draws == (("a", 2), ("b", 1))
    assert dict(stored.draws_by_charge)["a"] == (
        ("fee:base", Decimal("0.50")),
        ("usage:gpu_hours", Decimal("1.50")),
    )


@pytest.mark.parametrize("drawn", [{}, {"a": 1}], ids=["not in the balance", "less in the balance"])
def test_no_more_is_drawn_in_a_period_than_the_balance_says(drawn):
    balance = Balance([Grant(id, 5, "USD") for id in drawn], draws=drawn)

    with pytest.raises(InvalidAccount, match="more drawn on a grant in the open period"):
        Account(draws={"a": {"usage:b": 2}}, balance=balance)


def test_a_grant_that_was_drawn_on_stays_until_the_period_closes():
    plan = BillingPlan.prepaid(PriceSchedule(a=1))
    opening = Account(balance=[Grant("g", 5, "USD"), Grant("h", 5, "USD")])
    closing = Bill.of(Usage(a=2), plan, opening=opening, final=False).closing

    assert evolve(closing, balance=closing.balance.without("h")).balance.left("g") == 3
    with pytest.raises(InvalidAccount, match="keep a grant that was drawn on until the period closes"):
        evolve(closing, balance=closing.balance.without("g"))


@pytest.mark.parametrize(
    "draws",
    [
        5,
        {"a": {"x": -1}},
        {"a": {"x": "y"}},
        {"a": {5: 1}},
        {5: {"x": 1}},
        [("a", 1), ("a", 2)],
        {"a": [("x", 1), ("x", 1)]},
        {"a": 0.5},
    ],
    ids=str,
)
def test_draws_that_are_none_are_refused(draws):
    with pytest.raises(TokenbillError):
        Account(draws=draws, balance=Balance([Grant("a", 5, "USD")], draws={"a": 5}))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ({"period": "2026-02"}, InvalidAccount),
        ({"fingerprint": 5}, InvalidAccount),
        ({"used": {"api_calls": -1}}, InvalidUsage),
        ({"used": None}, InvalidUsage),
        ({"accrued": 0.5}, InvalidNumber),
        ({"accrued": Decimal("NaN")}, InvalidNumber),
        ({"accrued": None}, InvalidNumber),
        ({"draws": {"a": -1}}, InvalidGrant),
        ({"balance": 5}, InvalidGrant),
        ({"credit_balance": "a cent"}, InvalidNumber),
        ({"credit_currency": "gold"}, InvalidCurrency),
        ({"draws": {"welcome": 1}}, InvalidAccount),
        ({"versions": [5]}, InvalidAccount),
        ({"versions": [VersionUsage("2026-03-01", {"a": 1})]}, InvalidAccount),
    ],
    ids=str,
)
def test_parts_that_are_none_are_refused(state, error):
    with pytest.raises(error):
        Account(**state)


def test_an_amount_may_outgrow_what_can_be_given_as_a_number():
    assert Account(accrued=Decimal("1E+40")).accrued == Decimal("1E+40")


def test_a_credit_note_is_carried_to_the_next_bill():
    account = Account(credit_balance=1).credit(note_of("12.34", "10.00"))

    bill = Bill.of(Usage(gpu_hours=100), PLAN, opening=account)

    assert account.credit_balance == Decimal("3.34")  # 1 + 2.34
    assert (bill.total, bill.due) == (10, Decimal("6.66"))


def test_no_more_is_credited_than_was_paid_less_what_was_credited_before():
    account, note = Account(), note_of(30, 10)

    assert account.credit(note, paid=30).credit_balance == 20
    assert account.credit(note, paid="12.50").credit_balance == Decimal("12.50")
    assert account.credit(note, paid="12.50", credited=10).credit_balance == Decimal("2.50")
    assert account.credit(note, paid=10, credited=12).credit_balance == 0


def test_a_further_charge_is_no_credit():
    with pytest.raises(InvalidAccount, match="send it as a bill"):
        Account().credit(note_of("10.00", "12.34"))
    assert Account().credit(note_of(10, 10)).credit_balance == 0


@pytest.mark.parametrize("note", [None, Decimal(-5), "5"], ids=repr)
def test_only_a_difference_of_bills_is_credited(note):
    with pytest.raises(InvalidAccount, match="not an adjustment"):
        Account().credit(note)


@pytest.mark.parametrize("plan", [PLAN, evolve(PLAN, taxes=[Tax("VAT", 0)])], ids=["straight", "staged"])
def test_usage_is_afforded_where_it_would_leave_nothing_due(plan):
    covered = Account(balance=[Grant("paid", 10, "USD")])

    assert covered.covers(Usage(gpu_hours=100), plan)
    assert not covered.covers(Usage(gpu_hours="100.1"), plan)
    assert Account(credit_balance=10).covers({"gpu_hours": 100}, plan)
    assert not Account().covers(Usage(gpu_hours=100), plan)


def test_asking_what_is_afforded_refuses_nothing():
    plan = BillingPlan.prepaid(PRICES, overage="refuse")

    assert not Account().covers(Usage(gpu_hours=100), plan)


def test_usage_is_afforded_after_what_the_period_has_used():
    plan = evolve(PLAN, discounts=[Discount.percent(50)])
    grants = [Grant("paid", 4, "USD", expires="2026-03-01")]
    opening = Bill.of(
        Usage(gpu_hours=20), plan, opening=Account(balance=grants), period=FEBRUARY, final=False
    ).closing

    assert opening.covers(Usage(gpu_hours=60), plan)  # 1 of the 4 is spent; 60 × 0.10 × 0.5 = 3
    assert not opening.covers(Usage(gpu_hours=61), plan)
    assert not opening.covers(Usage(gpu_hours=60), plan, at="2026-03-01")


def test_a_bill_is_of_usage_on_a_plan():
    assert checked_terms({"gpu_hours": 10}, PLAN) == (Usage(gpu_hours=10), PLAN)
    with pytest.raises(InvalidPlan):
        checked_terms(Usage(), PRICES)
    with pytest.raises(InvalidUsage):
        checked_terms(5, PLAN)


def test_what_is_said_of_a_bill_is_sorted():
    assert notes_of({"number": "7", "customer": "acme"}) == (("customer", "acme"), ("number", "7"))


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ("acme", InvalidUsage),
        (None, InvalidUsage),
        ([("customer", "acme")], InvalidUsage),
        ({"amount": "5"}, InvalidUsage),  # a column of the bill
        ({"customer": ""}, InvalidName),
        ({"customer": 7}, InvalidName),
        ({5: "acme"}, InvalidName),
    ],
    ids=str,
)
def test_what_cannot_be_said_of_a_bill_is_refused(about, error):
    with pytest.raises(error):
        notes_of(about)


@pytest.mark.parametrize(
    ("rest", "error"),
    [
        ({"opening": None}, InvalidAccount),
        ({"final": 1}, InvalidPlan),
        ({"period": "2026-02"}, InvalidPeriod),
        ({"at": "yesterday"}, InvalidPeriod),
        ({"reversal": 5}, InvalidUsage),
    ],
    ids=str,
)
def test_what_else_a_bill_is_asked_with_is_checked(rest, error):
    with pytest.raises(error):
        check_rest(**{"opening": NEW, "final": True, "period": None, "at": None, "reversal": Usage(), **rest})
    with pytest.raises(error):
        Bill.of(Usage(), PLAN, **rest)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, evolve, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_an_account_survives_a_copy_and_a_pickle(again):
    account = open_account()

    found = again(account)

    assert found == account
    assert hash(found) == hash(account)
    assert repr(found) == repr(account)
    assert Bill.of(Usage(gpu_hours=5), PLAN, period=FEBRUARY, opening=found).total == Decimal("0.50")


def test_an_account_shows_what_it_is_and_not_what_it_worked_out():
    assert "Usage({'gpu_hours': 10})" in repr(open_account())
    assert "made" not in repr(open_account())


def test_labels_that_no_price_looks_at_are_one_sum():
    plan = BillingPlan.on_demand(
        PriceSchedule({"a": PerUnit(1), "b{m=x}": PerUnit(2), "c": PerUnit(3).each("r")})
    )
    usage = Usage({"a{u=1}": 1, "a{u=2}": 2, "b{m=x}": 3, "c{r=1,u=1}": 4, "c{r=2}": 5})
    closing = Bill.of(usage, plan, final=False).closing

    assert closing.used == Usage({"a": 3, "b{m=x}": 3, "c{r=1}": 4, "c{r=2}": 5})
    assert closing.idle_labels == ("a", "c{r=1}")
    assert loads(dumps(closing)) == closing
    taken = Bill.of(
        Usage({"c{r=2,u=7}": 1}), plan, opening=closing, reversal=Usage({"a{u=2}": 2}), final=False
    )
    assert (taken.total, taken.closing.used["a"], taken.closing.used["c{r=2}"]) == (1, 1, 6)
    assert taken.closing.idle_labels == ("a", "c{r=1}", "c{r=2}")
    assert Bill.of(Usage(a=1), plan, opening=taken.closing, final=False).closing.used["a"] == 2


def test_a_schedule_of_a_users_own_may_look_at_any_label():
    plan = BillingPlan.on_demand(OwnSchedule(PriceSchedule(a="0.50")))
    closing = Bill.of(Usage({"a{u=1}": 1}), plan, final=False).closing

    assert (closing.used, closing.idle_labels) == (Usage({"a{u=1}": 1}), ())


def test_spent_grants_leave_when_a_period_closes():
    february, march = (Period(f"2026-0{month}-01", f"2026-0{month + 1}-01") for month in (2, 3))
    grants = [
        Grant("spent", 2, "USD", priority=-1),
        Grant("over", 5, "USD", expires="2026-02-10", priority=9),
        Grant("again", 1, "USD", priority=-2, rollover=(1, None)),
        Grant("left", 50, "USD"),
    ]
    plan = BillingPlan.prepaid(PriceSchedule(a=1))
    first = Bill.of(Usage(a=4), plan, opening=Account(balance=grants), period=february).closing
    second = Bill.of(Usage(), plan, opening=first, period=march).closing

    # what ended within a period stays for one more, for somebody may ask what was lost
    assert [grant.id for grant in first.balance.grants] == ["again", "left", "over"]
    assert [grant.id for grant in second.balance.grants] == ["again", "left"]
    assert Bill.of(Usage(a=1), plan, opening=first, at="2026-03-01").closing.balance.left("left") == 49


def test_draws_that_no_ending_explains_leave_the_account_to_what_was_billed():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1))
    grant = Grant("g", 10, "USD", kind="promotional", expires="2026-03-20")
    balance = Balance([grant], draws={"g": 3})
    stored = {"period": Period("2026-03-01", "2026-04-01"), "used": {"calls": 10}, "balance": balance}

    # 10 calls less a gift of 3 are 7.00, whenever it ended; 6.00 was never billed
    account = Account(draws={"g": {"": 3}}, accrued=6, **stored)

    with pytest.raises(AccountMismatch, match="accrued amount"):
        Bill.of(Usage(calls=1), plan, opening=account, period=stored["period"], at="2026-03-21")


def test_a_notebook_shows_an_account_as_a_table():
    grant = Grant("gift", 10, "USD", expires="2027-01-01")
    account = Account(balance=[grant, Grant("more", 5, "USD")], credit_balance=3, credit_currency="USD")
    used = Bill.of(Usage(api_calls=2), PLAN, period=FEBRUARY, opening=account, final=False).closing

    assert cells(account._repr_html_()) == [
        ("account", "left or so far", "unit"),
        ("billed so far", "0", ""),
        ("credit balance", "3", "USD"),
        ("grant gift, ends 2027-01-01", "10", "USD"),
        ("grant more", "5", "USD"),
    ]
    assert cells(Account()._repr_html_())[1:] == [("billed so far", "0", "")]
    assert ("used: api_calls", "2", "") in cells(used._repr_html_())
    assert "open period 2026-02-01/2026-03-01</caption>" in used._repr_html_()


# Whether two accounts agree, as far as they tell


@pytest.mark.parametrize(
    ("grant", "drawn", "agree"),
    [
        (Grant("b", 5, "USD"), "5", True),  # spent
        (Grant("b", 5, "USD"), "4", False),  # a dollar is left, which the other does not know of
        (Grant("b", 5, "USD", expires="2026-03-01"), "4", True),  # what expired leaves an account that closes
        (Grant("b", 5, "USD", expires="2026-03-01"), "0", True),
    ],
)
def test_an_account_agrees_with_one_that_a_spent_grant_has_left(grant, drawn, agree):
    kept = Grant("a", 10, "USD", expires="2026-12-01")
    more = Account(balance=Balance([kept, grant], draws={"a": 3, "b": drawn}))
    fewer = Account(balance=Balance([kept], draws={"a": 3}))

    assert more.agrees_with(fewer) is agree
    assert not fewer.agrees_with(more)
    assert more.agrees_with(more)


def test_an_account_that_does_not_tell_the_currency_of_its_credit_agrees_with_one_that_does():
    silent, told = Account(credit_balance=5), Account(credit_balance=5, credit_currency="USD")

    assert silent.agrees_with(told)
    assert not told.agrees_with(silent)
    assert not told.agrees_with(evolve(told, credit_currency="EUR"))
    assert not silent.agrees_with(evolve(told, credit_balance=6))


# --- whether two accounts agree, and how one looks --------------------------------------------------------


def test_an_account_that_was_stored_before_agrees_where_only_what_is_gone_differs():
    ended, spent = Grant("ended", 5, "USD", expires="2026-06-01"), Grant("spent", 5, "USD")
    open_one, kept = Grant("open", 5, "USD"), Grant("kept", 5, "USD")

    def account(*grants):
        return Account(balance=Balance(grants, draws={"spent": 5} if spent in grants else {}))

    stored = account(kept)
    assert account(ended, kept).agrees_with(stored)
    assert account(spent, kept).agrees_with(stored)
    assert account(ended, spent, kept).agrees_with(stored)
    assert not account(open_one, kept).agrees_with(stored)
    assert not account(ended, open_one, kept).agrees_with(stored)
    assert not stored.agrees_with(account(ended, kept))


def test_draws_of_unknown_charges_agree_with_those_of_known_ones():
    grants = [Grant("g", 2, "USD", on="a"), Grant("h", 9, "USD", on="b")]
    plan = BillingPlan(PriceSchedule(a=1, b=1))
    account = Bill.of(Usage(a=5, b=3), plan, opening=Account(balance=grants), final=False).closing

    assert evolve(account, draws={"g": 2, "h": 3}).agrees_with(account)
    assert not evolve(account, draws={"g": 2, "h": {"usage:b": 3}}).agrees_with(account)
    assert not evolve(account, draws={"g": {"usage:b": 2}, "h": {"usage:b": 3}}).agrees_with(account)


@pytest.mark.parametrize(("credit", "shown"), [(0, []), ("0.50", ["0.50"]), (-3, ["-3"])])
def test_a_notebook_shows_credit_that_is_not_nothing_and_numbers_to_the_right(credit, shown):
    page = Account(credit_balance=credit, credit_currency="USD")._repr_html_()
    rows = [re.findall(r"text-align:(left|right)[^>]*>([^<]*)<", row) for row in page.split("<tr>")[1:]]

    assert [row[1][1] for row in rows if row[0][1] == "credit balance"] == shown
    assert {tuple(side for side, _ in row) for row in rows} == {("left", "right", "left")}


def test_what_is_taken_off_may_be_written_as_a_mapping_and_nothing_else():
    plan = BillingPlan(PriceSchedule(a=1))
    opening = Bill.of({"a": 3}, plan, final=False).closing

    for less in (Usage(a=1), {"a": 1}):
        assert Bill.of({}, plan, opening=opening, reversal=less).total == -1
    for wrong in (5, "a", None, [("a", 1)]):
        with pytest.raises(InvalidUsage, match="not a usage to take off"):
            Bill.of({}, plan, opening=opening, reversal=wrong)


def test_usage_with_labels_goes_on_beside_an_entry_of_its_own():
    plan = BillingPlan(PriceSchedule({"calls": 1, "calls{gpu=x}": 2}))
    first = Bill.of({"calls{job=1}": 3, "calls{gpu=x,job=2}": 1}, plan, final=False)
    assert (first.total, first.closing.used) == (5, Usage({"calls": 3, "calls{gpu=x}": 1}))

    for opening in (first.closing, evolve(first.closing)):
        assert Bill.of({"calls{job=2}": 3}, plan, opening=opening).total == 3
        assert Bill.of({}, plan, opening=opening, reversal={"calls{job=1}": 2}).total == -2
        assert Bill.of({}, plan, opening=opening, reversal={"calls{gpu=x,job=9}": 1}).total == -2


def test_usage_whose_labels_no_price_reads_is_one_sum_beside_an_entry_with_labels():
    plan = BillingPlan(PriceSchedule({"calls": 1, "calls{gpu=x}": 2}))
    first = Bill.of(Usage({"calls{job=1}": 3}), plan, final=False)

    for opening in (first.closing, evolve(first.closing)):
        assert Bill.of(Usage({"calls{gpu=x}": 3}), plan, opening=opening).total == 6
        assert Bill.of(Usage(), plan, opening=opening, reversal=Usage({"calls{job=9}": 2})).total == -2
