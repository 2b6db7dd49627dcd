"""Reserve, answer, settle: holds over the bills of an account."""

import random
from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Fee,
    Graduated,
    Grant,
    Invoice,
    Period,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
)
from tokenbill.core.billing import reservations
from tokenbill.errors import BalanceExhausted, CurrencyMismatch, InvalidCurrency, InvalidHold
from tokenbill.serial import dumps, loads

TOKEN = Currency("TOKEN", places=0)
PRICES = PriceSchedule(calls=1, images=1)
PLAN = BillingPlan.prepaid(PRICES)
STRICT = BillingPlan.prepaid(PRICES, overage="refuse")
JUNE = Period("2026-06-01", "2026-07-01")
STORED = pytest.mark.parametrize(
    "kept", [lambda it: it, evolve, lambda it: loads(dumps(it))], ids=["same", "evolved", "stored"]
)
PLANS = pytest.mark.parametrize("plan", [PLAN, STRICT], ids=["bill", "refuse"])


def having(amount, **more):
    return Account(balance=[Grant("paid", amount, "USD", **more)])


def interim(usage, opening, plan=PLAN, **asked):
    return Bill.of(Usage(usage), plan, opening=opening, final=False, **asked)


@STORED
@PLANS
def test_what_a_hold_does_not_use_is_free_again(kept, plan):
    # 10.00, hold 5.00, used 3.20: 6.80 left
    account = kept(having(10).hold("h1", amount="5.00"))
    assert account.balance.remaining() == Decimal("5.00")

    bill = interim({"calls": "3.20"}, account, plan, settles="h1")
    assert (bill.total, bill.due) == (Decimal("3.20"), 0)
    assert kept(bill.closing).balance.remaining() == Decimal("6.80")
    assert bill.closing.balance.holds == ()
    assert bill.about == {"settles": "h1"}
    # of use to a service, and nothing to whoever reads the bill
    assert "h1" not in bill._repr_html_()
    assert "settles the hold h1, whose rest is free again" in bill.explain()
    bill.verify()


@STORED
@PLANS
def test_usage_is_held_at_what_it_costs_after_all_that_runs(kept, plan):
    # 10 there: 5 held, 4 held, so that 1 is left; 2 used of the first: 10 − 2 − 4
    account = kept(having(10).hold("h1", Usage(calls=5), plan))
    account = kept(account.hold("h2", Usage(images=4), plan))
    assert [hold.amount for hold in account.balance.holds] == [5, 4]
    assert account.balance.remaining() == 1
    assert account.covers(Usage(calls=1), plan)
    assert not account.covers(Usage(calls="1.01"), plan)

    after = kept(interim({"calls": 2}, account, plan, settles="h1").closing)
    assert after.balance.remaining() == 4
    assert kept(after.released("h2")).balance.remaining() == 8


@STORED
def test_nothing_that_is_held_can_be_spent_by_another(kept):
    account = kept(having(10).hold("h1", Usage(calls=8), STRICT))
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        account.hold("h2", Usage(calls=3), STRICT)
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        account.hold("h2", amount=3)
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        interim({"calls": 3}, account, STRICT)
    # where overage is billed, 2 are paid by the grant and 1 is due
    assert interim({"calls": 3}, account).due == 1
    # the request that holds it may use it all
    assert interim({"calls": 8}, account, STRICT, settles="h1").closing.balance.remaining() == 2


@STORED
def test_a_hold_that_is_over_frees_itself(kept):
    # worked by hand: 10.00; 5.00 held from 12:00 until 12:05, 3.20 used and settled at 12:10
    account = kept(having(10).hold("h1", amount=5, at="2026-06-01T12:00:00Z", until="2026-06-01T12:05:00Z"))

    assert account.balance.remaining("2026-06-01T12:04:59Z") == 5
    assert account.balance.remaining("2026-06-01T12:05:00Z") == 10
    assert not account.covers(Usage(calls=6), PLAN, at="2026-06-01T12:04:59Z")
    assert account.covers(Usage(calls=6), PLAN, at="2026-06-01T12:05:00Z")
    other = kept(interim({"calls": 6}, account, STRICT, at="2026-06-01T12:06:00Z").closing)
    # what was reserved is gone: 10 − 6 − 3.20
    settled = interim({"calls": "3.20"}, other, STRICT, settles="h1", at="2026-06-01T12:10:00Z")
    assert settled.closing.balance.remaining() == Decimal("0.80")


@STORED
def test_a_hold_that_was_too_small(kept):
    # worked by hand: 10.00, 5.00 held, 7.00 used: 3.00 left; with 8.00 held by others 2.00 + 5.00 are there
    account = kept(having(10).hold("h1", amount=5))
    assert interim({"calls": 7}, account, STRICT, settles="h1").closing.balance.remaining() == 3

    account = kept(having(15).hold("h1", amount=5).hold("h2", amount=8))
    assert interim({"calls": 7}, account, STRICT, settles="h1").closing.balance.remaining() == 0
    with pytest.raises(BalanceExhausted, match=r"short of 0\.50 USD"):
        interim({"calls": "7.50"}, account, STRICT, settles="h1")
    assert interim({"calls": "7.50"}, account, PLAN, settles="h1").due == Decimal("0.50")


@STORED
@PLANS
def test_holds_within_one_free_allowance_cost_what_they_cost_together(kept, plan):
    # worked by hand: 100 calls free, then 1.00; each of two holds of 100 alone is free, both cost 100.00
    plan = evolve(plan, included={"calls": 100})
    account = kept(having(100).hold("h1", Usage(calls=100), plan))
    account = kept(account.hold("h2", Usage(calls=100), plan))
    assert [hold.amount for hold in account.balance.holds] == [0, 100]
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        account.hold("h3", Usage(calls=1), plan)

    # whichever is settled first, both are covered
    for order in (("h1", "h2"), ("h2", "h1")):
        after = account
        for id in order:
            after = kept(interim({"calls": 100}, after, plan, settles=id).closing)
        assert (after.balance.remaining(), after.balance.holds) == (0, ())


@STORED
def test_what_was_held_can_be_settled_whatever_is_billed_in_between(kept):
    # 100 free: held while free, then others ask for 60 of the free calls; 40 + 20 would have to be there
    plan = evolve(STRICT, included={"calls": 100})
    account = kept(having(20).hold("h1", Usage(calls=60), plan))
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        interim({"calls": 61}, account, plan)
    after = kept(interim({"calls": 60}, account, plan).closing)
    assert interim({"calls": 60}, after, plan, settles="h1").closing.balance.remaining() == 0


@STORED
def test_ten_holds_of_a_tenth_fit_one_token(kept):
    plan = BillingPlan.prepaid(PriceSchedule(calls="0.1", currency=TOKEN), overage="refuse")
    account = Account(balance=[Grant("t", 1, TOKEN)])
    for number in range(10):
        account = kept(account.hold(f"h{number}", Usage(calls=1), plan))
    with pytest.raises(BalanceExhausted):
        account.hold("h10", Usage(calls=1), plan)
    for number in (0, 1, 2, 3, 5, 4, 6, 7, 9, 8):
        account = kept(interim({"calls": 1}, account, plan, settles=f"h{number}").closing)
    assert account.balance.remaining() == 0


@STORED
@PLANS
def test_tiers_are_those_of_all_that_runs(kept, plan):
    # 10 at 1.00, then 0.50: 8 used, 4 held cost 2.00 + 1.00, 2 more 1.00
    plan = evolve(plan, prices=PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, "0.5")])))
    account = kept(interim({"calls": 8}, having(20), plan).closing)
    account = kept(account.hold("h1", Usage(calls=4), plan))
    account = kept(account.hold("h2", Usage(calls=2), plan))
    assert [hold.amount for hold in account.balance.holds] == [3, 1]
    # the second is settled first, and costs the 2.00 that the first had reserved
    account = kept(interim({"calls": 2}, account, plan, settles="h2").closing)
    assert account.balance.drawn() == 10


@STORED
def test_a_hold_reserves_of_the_grants_that_may_pay_it(kept):
    images = Grant("images", 5, "USD", on="images", priority=-1)
    account = Account(balance=Balance([images, Grant("paid", 10, "USD")]))
    account = kept(account.hold("h1", Usage(images=7), PLAN))
    assert account.balance.holds[0].reserved == (("images", Decimal(5)), ("paid", Decimal(2)))
    # an amount is of grants without a scope
    with pytest.raises(BalanceExhausted, match=r"short of 1\.00 USD"):
        account.hold("h2", amount=9)
    assert interim({"calls": 8}, account).due == 0
    assert interim({"calls": 9}, account).due == 1


@STORED
def test_a_credit_balance_is_reserved_first(kept):
    account = Account(balance=[Grant("paid", 10, "USD")], credit_balance=4, credit_currency="USD")
    by_amount, by_usage = account.hold("h1", amount=6), account.hold("h1", Usage(calls=6), PLAN)
    for held in map(kept, (by_amount, by_usage)):
        assert held.balance.holds[0].reserved == (("", Decimal(4)), ("paid", Decimal(2)))
        assert interim({"calls": 9}, held).due == 1
        assert interim({"calls": 6}, held, settles="h1").closing.balance.remaining() == 8  # 4 + 2
    only = kept(Account(credit_balance=4, credit_currency="USD").hold("h1", amount=3))
    with pytest.raises(BalanceExhausted):
        only.hold("h2", amount=2)
    assert only.hold("h2", amount=1).balance.holds[1].reserved == (("", Decimal(1)),)


@STORED
def test_holds_go_on_into_the_next_period_unless_they_are_over(kept):
    account = having(10).hold("h1", amount=2, until="2026-07-01").hold("h2", amount=3, until="2026-07-02")
    closing = kept(Bill.of(Usage(calls=1), PLAN, period=JUNE, opening=kept(account)).closing)
    assert [hold.id for hold in closing.balance.holds] == ["h2"]
    assert closing.balance.remaining() == 6


@STORED
def test_holds_go_on_under_an_equal_plan_and_an_amended_one(kept):
    dearer = evolve(STRICT, prices=PriceSchedule(calls=2, images=1))
    for after, left in ((STRICT, 5), (dearer, 1)):
        contract = Contract(STRICT).amended("2026-06-16", after)
        asked = {"period": JUNE, "at": "2026-06-10"}
        account = kept(interim({"calls": 1}, having(10), contract, **asked).closing)
        account = kept(account.hold("h1", Usage(calls=4), contract, at="2026-06-20", period=JUNE))
        bill = interim({"calls": 4}, account, contract, settles="h1", period=JUNE, at="2026-06-20")
        assert bill.closing.balance.remaining() == left
        with pytest.raises(BalanceExhausted):
            interim({"images": left + 1}, account, contract, period=JUNE, at="2026-06-20")


def test_a_credit_of_several_currencies_has_to_be_named():
    account = Account(balance=[Grant("usd", 5, "USD"), Grant("eur", 5, "EUR")])
    with pytest.raises(InvalidCurrency, match="credit of no one currency"):
        account.hold("h1", amount=1)
    with pytest.raises(InvalidCurrency, match=r"credit of no one currency.*none"):
        Account().hold("h1", amount=1)
    held = account.hold("h1", amount=1, currency="EUR")
    assert held.balance.holds[0].reserved == (("eur", Decimal(1)),)
    with pytest.raises(BalanceExhausted, match="short of 1 JPY"):
        account.hold("h1", amount=1, currency="JPY")


def test_a_token_is_held_by_its_code_with_its_places():
    account = Account(balance=[Grant("t", 5, TOKEN)])
    with pytest.raises(CurrencyMismatch):
        account.hold("h1", amount=5, currency=Currency("TOKEN", places=2))
    assert account.hold("h1", amount=5, currency=TOKEN).balance.remaining() == 0


@pytest.mark.parametrize(
    "asked",
    [{}, {"usage": Usage(calls=1)}, {"plan": PLAN}, {"usage": Usage(calls=1), "plan": PLAN, "amount": 1}],
)
def test_a_hold_is_of_an_amount_or_of_usage(asked):
    with pytest.raises(InvalidHold, match="a hold of nothing, or of two things: 'h1'"):
        having(10).hold("h1", **asked)


def test_what_cannot_be_held_or_settled_is_refused():
    account = having(10).hold("h1", amount=1)
    with pytest.raises(InvalidHold, match="a hold given twice"):
        account.hold("h1", amount=1)
    with pytest.raises(InvalidHold, match="no open hold of that id"):
        account.released("h2")
    with pytest.raises(InvalidHold, match="no open hold of that id"):
        interim({"calls": 1}, interim({"calls": 1}, account, settles="h1").closing, settles="h1")
    with pytest.raises(InvalidHold, match="over before it begins"):
        account.hold("h2", amount=1, at="2026-06-02", until="2026-06-01")


def test_an_account_edited_in_its_holds_is_refused():
    text = dumps(having(10).hold("h1", amount=5))
    assert loads(text).balance.held() == 5
    with pytest.raises(Exception, match="edited since it was written"):
        loads(text.replace('"paid":"5"', '"paid":"4"'))


def test_an_account_without_credit_covers_nothing_under_terms_that_change():
    contract = Contract(PLAN).amended("2026-06-16", evolve(PLAN, prices=PriceSchedule(calls=2, images=1)))
    asked = {"at": "2026-06-20", "period": JUNE}
    assert Account().covers(Usage(), contract, **asked)
    assert not Account().covers(Usage(calls=1), contract, **asked)
    with pytest.raises(BalanceExhausted, match=r"short of 2\.00 USD"):
        Account().hold("h1", Usage(calls=1), contract, **asked)


def taken(account, usage, plan, at):
    """What a hold would take of each grant; None where it is refused."""
    try:
        return reservations.reservation_of_usage(account, usage, plan, at=at, period=None)
    except BalanceExhausted as error:
        return str(error.short)


TERMS = (
    {},
    {"taxes": [Tax("VAT", 19)]},
    {"included": {"calls": 6}, "fees": [Fee("0.333", "seat")], "taxes": [Tax("VAT", "7.7", inclusive=True)]},
)


def lived(seed, by_sums):
    """A short life of small balances: at each step both ways say the same; how often sums said it."""
    rng, told = random.Random(seed), 0
    tiers = Graduated([Tier(10, "0.333"), Tier(None, "0.1")])
    prices = PriceSchedule(calls=tiers, images="0.25")
    plan = BillingPlan.prepaid(prices, overage="refuse", **TERMS[seed % len(TERMS)])
    grants = [
        Grant("gift", rng.randrange(3), "USD", kind="promotional"),
        Grant("early", rng.randrange(4), "USD", expires="2026-06-20"),
        Grant("paid", rng.randrange(1, 12), "USD"),
    ]
    account = Account(balance=grants)
    for step in range(8):
        at = f"2026-06-{rng.randrange(1, 28):02}" if rng.random() < 0.3 else "2026-06-05"
        usage = Usage(calls=rng.randrange(9), images=rng.randrange(4))
        by_sums.clear()
        said = taken(account, usage, plan, at)
        told += any(found is not None for found in by_sums)
        by_sums[:] = ["charges"]
        assert taken(account, usage, plan, at) == said, (seed, step)
        by_sums.clear()
        if not isinstance(said, dict):
            break
        if usage and rng.random() < 0.6:
            account = account.hold(f"h{step}", usage, plan, at=at)
        elif rng.random() < 0.5:
            account = Bill.of(usage, plan, opening=account, final=False, at=at).closing
        elif account.balance.holds:
            account = account.released(account.balance.holds[0].id)
    return told


def test_a_hold_takes_by_sums_what_single_charges_say(monkeypatch):
    by_sums, draws_to_come = [], reservations.draws_to_come

    def noted(*asked):
        if by_sums == ["charges"]:
            return None
        by_sums.append(draws_to_come(*asked))
        return by_sums[-1]

    monkeypatch.setattr(reservations, "draws_to_come", noted)

    assert sum(lived(seed, by_sums) for seed in range(60)) > 60


def test_the_id_of_a_hold_is_kept_with_the_bill_and_shown_to_no_customer():
    bill = Bill.of(
        Usage(calls=1),
        PLAN,
        opening=having(10).hold("req-77", amount="5.00"),
        settles="req-77",
        about={"team": "search"},
        final=False,
    )

    assert bill.about == {"settles": "req-77", "team": "search"}
    assert bill.to_rows()[0]["settles"] == "req-77"
    for page in (bill.to_html(), Invoice.of([bill, bill]).to_html()):
        assert "req-77" not in page
        assert "search" in page
    assert "req-77" not in str(Invoice.of([bill]))


def test_a_release_of_no_hold_names_those_that_are_open():
    with pytest.raises(
        InvalidHold, match=r"'x'; open are 'h1', 'h2'; what has none is billed without settles="
    ):
        having(10).hold("h1", amount=1).hold("h2", amount=1).released("x")
    with pytest.raises(InvalidHold, match="open are nothing"):
        having(10).released("x")


def test_what_costs_more_than_its_hold_and_all_credit_is_settled_on_the_plan_that_owes():
    owing = evolve(STRICT, overage="owe")
    account = having(10).hold("h1", Usage(calls=9), STRICT)
    over = interim({"calls": 12}, account, owing, settles="h1")
    assert (over.total, over.due, over.closing.credit_balance) == (12, 0, -2)
    with pytest.raises(BalanceExhausted):
        over.closing.hold("h2", Usage(calls=1), STRICT)

    more = evolve(over.closing, balance=over.closing.balance.with_grants(Grant("more", 5, "USD")))
    paid = interim({}, more, owing).closing
    assert (paid.credit_balance, paid.balance.remaining()) == (0, 3)
    assert paid.hold("h2", Usage(calls=3), STRICT).balance.remaining() == 0


def test_a_hold_lasts_for_some_time():
    account = having(10)

    assert account.hold("h1", amount=1, at="2026-06-01T10:00:00Z", until="2026-06-01T10:00:01Z")
    for until in ("2026-06-01T10:00:00Z", "2026-06-01T09:59:59Z"):
        with pytest.raises(InvalidHold, match="over before it begins"):
            account.hold("h1", amount=1, at="2026-06-01T10:00:00Z", until=until)


# --- of what an amount is reserved, and until when -------------------------------------------------------


@pytest.mark.parametrize(
    ("credit", "code", "reserved"),
    [
        ("0.50", "USD", {"": "0.50"}),
        ("0.20", "USD", {"": "0.20", "free": "0.30"}),
        ("0.50", "EUR", {"free": "0.50"}),
        (0, None, {"free": "0.50"}),
        (-3, "USD", {"free": "0.50"}),
    ],
)
def test_an_amount_is_reserved_of_credit_and_then_of_grants_without_a_scope(credit, code, reserved):
    grants = [Grant("a scoped one", 5, "USD", on="u"), Grant("free", 5, "USD")]
    account = Account(balance=grants, credit_balance=credit, credit_currency=code)

    (hold,) = account.hold("h", amount="0.50", currency="USD").balance.holds
    assert dict(hold.reserved) == {id: Decimal(part) for id, part in reserved.items()}


def test_holds_of_amounts_are_those_that_are_open():
    plan, account = BillingPlan(PriceSchedule(u=1)), Account(balance=[Grant("g", 50, "USD")])
    seen = []
    for step in (
        lambda it: it.hold("use", {"u": 2}, plan),
        lambda it: it.hold("one", amount=5),
        lambda it: it.hold("two", amount=7),
        lambda it: it.hold("more", {"u": 1}, plan),
        lambda it: it.released("one"),
        lambda it: it.released("use"),
        lambda it: it.released("two"),
    ):
        account = step(account)
        seen.append([hold.id for hold in account.balance.open_holds.of_amounts])

    assert seen == [[], ["one"], ["one", "two"], ["one", "two"], ["two"], ["two"], []]


def test_holds_end_each_by_itself_though_one_was_released():
    account = Account(balance=[Grant("g", 50, "USD")])
    for id, amount, until in (("one", 5, "2026-06-10"), ("two", 7, "2026-06-20"), ("three", 1, None)):
        account = account.hold(id, amount=amount, at="2026-06-01", until=until)

    for gone, held in (("one", [8, 8, 1]), ("two", [6, 1, 1]), ("three", [12, 7, 0])):
        left = account.released(gone).balance
        assert [left.held(at) for at in ("2026-06-05", "2026-06-15", "2026-06-25")] == held


def test_usage_that_is_held_may_be_written_as_a_mapping():
    plan, account = BillingPlan(PriceSchedule(u=1)), Account(balance=[Grant("g", 50, "USD")])

    assert account.hold("h", {"u": 2}, plan) == account.hold("h", Usage(u=2), plan)


def test_a_dated_grant_is_held_within_the_open_period_of_its_account():
    june, plan = Period("2026-06-01", "2026-07-01"), BillingPlan(PriceSchedule(u=1))
    grant = Grant("g", 50, "USD", starts="2026-06-01", expires="2026-07-01")
    account = Bill.of(Usage(u=1), plan, period=june, opening=Account(balance=[grant]), final=False).closing

    (hold,) = account.hold("h", amount=5).balance.holds
    assert dict(hold.reserved) == {"g": 5}
