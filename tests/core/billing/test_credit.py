"""Credit over the bills of a period: where it goes back to, what it may pay, and what is asked exactly."""

from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Grant,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
)
from tokenbill.errors import AccountMismatch, BalanceExhausted, CurrencyMismatch, InvalidPeriod, InvalidPlan
from tokenbill.serial import dumps, loads

TOKEN = Currency("TOKEN", places=0)
UNITS = PriceSchedule(u=1, a=1, b=1)
PLAN = BillingPlan.prepaid(UNITS)
JUNE, JULY = Period("2026-06-01", "2026-07-01"), Period("2026-07-01", "2026-08-01")
STORED = pytest.mark.parametrize(
    "kept", [lambda it: it, evolve, lambda it: loads(dumps(it))], ids=["same", "evolved", "stored"]
)


def interim(usage, opening, plan=PLAN, **asked):
    return Bill.of(Usage(usage), plan, opening=opening, final=False, **asked)


@STORED
def test_withdrawn_usage_of_a_grant_that_ended_is_gone(kept):
    opening = Account(balance=[Grant("june", 25, "USD", expires="2026-07-01")])
    first = interim({"u": 10}, opening, period=JUNE)
    second = interim({}, kept(first.closing), period=JUNE, reversal=Usage(u=10))

    assert second.closing.balance.left("june") == 25
    closing = Bill.of(Usage(), PLAN, opening=kept(second.closing), period=JUNE).closing
    assert Bill.of(Usage(u=10), PLAN, opening=closing, period=JULY).due == 10


@STORED
def test_cash_goes_back_before_grants_do(kept):
    first = interim({"u": 10}, Account(balance=[Grant("g", 6, "USD")]))
    second = interim({}, kept(first.closing), reversal=Usage(u=6))

    assert first.due == 4
    assert second.closing.balance.left("g") == 2  # of the 4 that are left the grant pays all
    assert (second.closing.credit_balance, second.closing.credit_currency) == (4, Currency("USD"))


@STORED
def test_a_grant_that_comes_later_pays_nothing_that_was_there_before(kept):
    first = interim({"a": 100}, Account())
    opening = evolve(kept(first.closing), balance=[Grant("late", 50, "USD", on="a")])

    assert interim({"b": 50}, opening).due == 50


@pytest.mark.parametrize(
    "parts", [[{"a": 10, "b": 10}], [{"b": 10}, {"a": 10}], [{"a": 10}, {"b": 10}]], ids=str
)
@STORED
def test_a_credit_balance_is_a_grant_that_is_drawn_first(kept, parts):
    account = Account(balance=[Grant("g", 20, "USD", on="a")], credit_balance=5, credit_currency="USD")
    dues = []
    for part in parts:
        bill = interim(part, account)
        account = kept(bill.closing)
        dues.append(bill.due)

    assert sum(dues) == 10  # 5 of the credit balance and 5 of the grant pay a, cash pays b
    assert (account.balance.left("g"), account.credit_balance) == (15, 0)
    assert dict(account.draws_by_charge)[""] == (("usage:a", 5),)


def test_what_is_owed_is_due_with_the_next_bill():
    bill = interim({"u": 3}, Account(credit_balance=-2, credit_currency="USD"))
    straight = Bill.of(Usage(u=3), BillingPlan.on_demand(UNITS), opening=Account(credit_balance=-2))

    assert (bill.total, bill.due, bill.closing.credit_balance) == (3, 5, 0)
    assert (straight.total, straight.due, straight.closing) == (3, 5, Account())
    with_grant = interim({"u": 3}, Account(credit_balance=-2, balance=[Grant("g", 9, "USD")]))
    assert (with_grant.due, with_grant.closing.balance.left("g")) == (2, 6)


@pytest.mark.parametrize(
    "opening",
    [
        {"balance": [Grant("g", 9, "JPY")]},
        {"credit_balance": 5, "credit_currency": "JPY"},
        {"credit_balance": -5, "credit_currency": "JPY"},
    ],
    ids=str,
)
@pytest.mark.parametrize("plan", [PLAN, BillingPlan.on_demand(UNITS)], ids=["prepaid", "on demand"])
def test_yen_never_pay_dollars(plan, opening):
    with pytest.raises(CurrencyMismatch):
        Bill.of(Usage(u=1), plan, opening=Account(**opening))


def test_a_credit_note_in_another_currency_is_refused():
    yen = BillingPlan.on_demand(PriceSchedule(u=1, currency="JPY"))
    note = Bill.of(Usage(u=1), yen) - Bill.of(Usage(u=3), yen)
    own = BillingPlan.on_demand(PriceSchedule(u=1, currency=TOKEN))

    assert Account().credit(note).credit_currency == Currency("JPY")
    assert Account(credit_balance=1, credit_currency="JPY").credit(note).credit_balance == 3
    with pytest.raises(CurrencyMismatch):
        Account(credit_balance=1, credit_currency="USD").credit(note)
    unknown = Account().credit(Bill.of(Usage(u=1), own) - Bill.of(Usage(u=3), own))
    assert (unknown.credit_balance, unknown.credit_currency) == (2, None)


# Limits


def test_ten_calls_at_a_tenth_of_a_token_fit_one_token():
    prices = PriceSchedule({"calls": PerUnit(1, per=10)}, currency=TOKEN)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit("0.01"), overage="refuse")
    account = Account(balance=[Grant("t", 1, TOKEN)])
    for _ in range(10):
        account = interim({"calls": 1}, account, plan).closing

    with pytest.raises(BalanceExhausted) as refused:
        interim({"calls": 1}, account, plan)

    assert refused.value.short == Decimal("0.01")  # a tenth of a cent, rounded up
    assert not plan.covers(Usage(calls=1), account)


def test_an_amount_is_covered_to_the_last_digit():
    plan = BillingPlan.prepaid(PriceSchedule(requests="0.004"), overage="refuse")
    account = Account(balance=[Grant("g", 10, "USD")])

    assert plan.covers(Usage(requests=2500), account)
    assert not plan.covers(Usage(requests=2501), account)  # 10.004
    with pytest.raises(BalanceExhausted):
        interim({"requests": 1}, interim({"requests": 2500}, account, plan).closing, plan)


@pytest.mark.parametrize("kind", ["paid", "promotional"])
def test_a_part_of_a_cent_that_was_rounded_away_is_covered_by_what_is_left(kind):
    plan = BillingPlan.prepaid(PriceSchedule(requests="0.004"), overage="refuse", taxes=[Tax("VAT", "0.1")])
    account = Account(balance=[Grant("g", 10, "USD", kind=kind)])

    for _ in range(5):
        account = interim({"requests": 1}, account, plan).closing

    assert account.balance.left("g") == Decimal("9.98")


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_third_of_a_cent_that_was_paid_in_cents_takes_nothing_from_the_balance(stage):
    # 10.333…, paid as 10.33
    thirds = PriceSchedule({"third": PerUnit(31, per=3), "u": PerUnit(1)})
    plan = BillingPlan.prepaid(thirds, overage="refuse", rounding=Rounding(stage=stage))
    paid = Bill.of(Usage(third=1), evolve(plan, overage="bill"), final=False)
    opening = evolve(paid.closing, fingerprint=plan.fingerprint(), balance=[Grant("g", 5, "USD")])

    bill = interim({"u": 5}, opening, plan)

    assert (paid.due, bill.due, bill.draws) == (Decimal("10.33"), 0, (("g", 5),))
    with pytest.raises(BalanceExhausted):
        interim({"u": "5.001"}, opening, plan)


def test_nothing_is_lacking_of_a_bill_without_usage():
    plan = BillingPlan.prepaid(UNITS, fees=[Fee(5)], overage="refuse")

    assert Bill.of(Usage(), plan).due == 5
    assert not plan.covers(Usage(), Account())


# Replays


@STORED
def test_a_period_goes_on_after_a_late_event(kept):
    gift = Grant("gift", 4, "USD", kind="promotional", expires="2026-06-10")
    opening = Account(balance=[gift, Grant("paid", 5, "USD", priority=-1, on="b")])
    account = interim({"a": 10}, opening, period=JUNE, at="2026-06-05").closing

    for at, usage in [("2026-06-20", {"b": 3}), ("2026-06-04", {"a": 1}), ("2026-06-21", {"a": 1, "b": 4})]:
        bill = interim(usage, kept(account), period=JUNE, at=at)
        account = bill.closing

    assert account.accrued == 15  # 12 + 7 less the gift
    assert account.balance.left("paid") == 0
    assert dict(account.draws_by_charge)["gift"] == (("usage:a", 4),)


@pytest.mark.parametrize(
    "draws",
    [
        {"gift": {"usage:a": 3, "usage:b": 1}},
        {"gift": {"usage:c": 4}},
        {"gift": {"usage:a": 3}},
        {"gift": {"usage:a": "3.995"}},
    ],
    ids=str,
)
def test_draws_that_do_not_find_their_charge_are_refused(draws):
    plan = BillingPlan.prepaid(UNITS, taxes=[Tax("VAT", 10, on="a")])
    opening = Account(balance=[Grant("gift", 4, "USD", kind="promotional")])
    closing = interim({"a": 10}, opening, plan).closing

    with pytest.raises(AccountMismatch):
        interim({"a": 1}, evolve(closing, draws=draws), plan)


def test_more_than_a_charge_comes_to_is_no_draw_of_it():
    closing = interim({"a": 3, "b": 9}, Account(balance=[Grant("g", 9, "USD")])).closing

    with pytest.raises(AccountMismatch, match="what grants paid of 'usage:a'"):
        interim({"a": 1}, evolve(closing, draws={"g": {"usage:a": 9}}))


def test_fees_of_one_name_are_charges_of_their_own():
    plan = BillingPlan.prepaid(UNITS, fees=[Fee(2, "seat"), Fee(3, "seat"), Fee(4, "desk", "arrears")])
    bill = interim({}, Account(balance=[Grant("g", 4, "USD")]), plan)

    assert dict(bill.closing.draws_by_charge)["g"] == (("fee:seat", 2), ("fee:seat #2", 2))


def test_groups_of_an_entry_are_charges_of_their_own():
    plan = BillingPlan.prepaid(PriceSchedule({"gpu": PerUnit(1).each("m")}), discounts=[Discount.percent(0)])
    bill = interim({"gpu{m=x,z=1}": 2, "gpu{m=y}": 3}, Account(balance=[Grant("g", 4, "USD")]), plan)

    assert dict(bill.closing.draws_by_charge)["g"] == (
        ("usage:gpu > gpu{m=x}", 2),
        ("usage:gpu > gpu{m=y}", 2),
    )


def test_a_part_of_a_token_may_begin_a_package():
    prices = PriceSchedule(a="0.4", currency=TOKEN)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=Package(7, 3), overage="refuse")

    with pytest.raises(BalanceExhausted) as refused:
        interim({"a": 18}, Account(), plan)

    assert refused.value.short == 6  # 7.2 tokens are two packages, though 7 are burned


# The past, rated anew


@pytest.mark.parametrize(("kind", "due", "left"), [("promotional", 10, 50), ("paid", 0, 40)])
def test_where_the_past_is_rated_anew_paid_credit_may_pay_the_difference_and_gifts_may_not(kind, due, left):
    old, new = (BillingPlan.prepaid(PriceSchedule(u=rate), cycle=Cycle.monthly()) for rate in ("1", "1.10"))
    first = interim({"u": 100}, Account(), old, period=JUNE)
    opening = evolve(first.closing, balance=[Grant("g", 50, "USD", kind=kind)])

    anew = interim({}, opening, new, period=JUNE, restate=True)

    assert (first.due, anew.total, anew.due) == (100, 10, due)
    assert anew.closing.balance.left("g") == left


def test_where_one_charge_falls_and_another_grows_paid_credit_pays_the_whole_difference():
    old, new = (
        BillingPlan.subscription(fee, PriceSchedule(calls=rate), cycle=Cycle.monthly())
        for fee, rate in ((31, "0.50"), (62, "0.25"))
    )
    opening = Account(balance=[Grant("paid", 1000, "USD")])
    first = Bill.of(Usage(calls=4), old, period=JUNE, opening=opening, final=False)

    anew = Bill.of(Usage(), new, period=JUNE, opening=first.closing, restate=True)

    assert (first.total, anew.total, anew.due) == (33, 30, 0)
    assert anew.closing.balance.remaining() == 1000 - 63


def test_what_cash_paid_of_a_past_that_is_rated_anew_stays_paid_in_cash():
    old, new = (BillingPlan.on_demand(PriceSchedule(calls=rate)) for rate in (1, 3))
    first = Bill.of(Usage(calls=4), old, period=JUNE, final=False)
    opening = evolve(first.closing, balance=[Grant("paid", 1000, "USD")])

    anew = Bill.of(Usage(), new, period=JUNE, opening=opening, final=False, restate=True)

    assert (first.due, anew.total, anew.due, anew.draws) == (4, 8, 0, (("paid", 8),))


@pytest.mark.parametrize("on", [None, "calls"], ids=["sums", "charges"])
def test_an_ended_grant_does_not_pay_again_what_it_gave_back(on):
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    account = Account(balance=[Grant("ended", 9, "USD", on=on, expires="2026-06-10")])
    for at, used, less in (("2026-06-05", 6, 0), ("2026-06-20", 0, 4)):
        withdrawn = Usage(calls=less)
        account = Bill.of(
            Usage(calls=used), plan, period=JUNE, opening=account, final=False, at=at, reversal=withdrawn
        ).closing

    again = Bill.of(Usage(calls=3), plan, period=JUNE, opening=account, final=False, at="2026-06-20")

    assert (again.total, again.due, again.draws) == (3, 3, ())


@pytest.mark.parametrize("gift", [0, 10])
def test_an_exact_tax_on_what_a_gift_leaves_has_to_be_covered_too(gift):
    gifts = [Grant("gift", gift, "USD", kind="promotional")] if gift else []
    opening = Account(balance=[Grant("paid", 5, "USD"), *gifts])
    plan = BillingPlan.prepaid(PriceSchedule(u=1), overage="refuse", taxes=Tax("levy", "0.08"))

    with pytest.raises(BalanceExhausted, match=r"short of 0\.01 USD"):
        Bill.of({"u": 5 + gift}, plan, opening=opening)  # 5.004, which a bill rounds to 5.00


CREDIT = pytest.mark.parametrize(
    "grants",
    [[], [Grant("g", 100, "USD")], [Grant("g", 100, "USD", on="u"), Grant("h", 1, "USD")]],
    ids=["none", "of every charge", "of one charge"],
)


@CREDIT
def test_an_open_account_is_refused_in_another_period(grants):
    opening = interim({"u": 1}, Account(balance=grants), period=JUNE).closing

    with pytest.raises(AccountMismatch, match="period"):
        interim({"u": 1}, opening, period=JULY)


def test_one_account_may_be_billed_for_several_periods_and_each_asks_its_own_grants():
    opening = Account(balance=[Grant("june", 100, "USD", expires="2026-07-01")])

    june, july = (interim({"u": 1}, opening, period=period) for period in (JUNE, JULY))

    assert (dict(june.draws), dict(july.draws)) == ({"june": 1}, {})
    assert (june.closing.balance.left("june"), july.closing.balance.left("june")) == (99, 100)


@pytest.mark.parametrize("on", [None, "u"])
def test_a_bill_of_an_earlier_day_asks_the_grants_of_that_day(on):
    opening = Account(
        balance=[
            Grant("to the 5th", 100, "USD", expires="2026-06-05", on=on),
            Grant("to the 10th", 100, "USD", expires="2026-06-10"),
            Grant("for good", 100, "USD"),
        ]
    )
    drawn = []
    for used, day in ((1, "2026-06-15"), (2, "2026-06-16"), (4, "2026-06-07"), (8, "2026-06-17")):
        bill = interim({"u": used}, opening, period=JUNE, at=day)
        drawn.append(dict(bill.draws))
        change = {id: opening.balance.left(id) - bill.closing.balance.left(id) for id in drawn[-1]}
        assert change == drawn[-1]  # the account says what the bill does
        opening = bill.closing

    # on the 7th the second one is open, and ends first: it pays all seven, and then offers no more
    assert drawn == [{"for good": 1}, {"for good": 2}, {"to the 10th": 7, "for good": -3}, {"for good": 8}]


@pytest.mark.parametrize("at", ["2026-06-10", None], ids=["on its end", "without a day"])
def test_a_grant_that_is_over_pays_on_a_day_before_its_end(at):
    opening = Account(
        balance=[Grant("to the 10th", 100, "USD", expires="2026-06-10"), Grant("g", 100, "USD")]
    )
    first = interim({"u": 1}, opening, period=JUNE, at=at)
    second = interim({"u": 2}, first.closing, period=JUNE, at="2026-06-09")

    assert [dict(bill.draws) for bill in (first, second)] == [{"g": 1}, {"to the 10th": 3, "g": -1}]
    assert [second.closing.balance.left(id) for id in ("to the 10th", "g")] == [97, 100]


@pytest.mark.parametrize(
    ("used", "paid"), [(3, [3]), (5, [5]), (8, [5, 3]), (10, [5, 5]), (12, [5, 5])], ids=str
)
@pytest.mark.parametrize("fees", [(), Fee(2)], ids=["no fee", "fee"])
@pytest.mark.parametrize("taxes", [(), Tax("VAT", 10)], ids=["no tax", "tax"])
def test_each_gift_has_its_line_once_the_one_before_it_is_spent(used, paid, fees, taxes):
    plan = BillingPlan(PriceSchedule(u=1), fees=fees, taxes=taxes)
    gifts = [Grant(name, 5, "USD", kind="promotional") for name in ("first", "second")]
    bill = Bill.of(Usage(u=used - 2 if fees else used), plan, opening=Account(balance=gifts))

    shown = [(line.description, -line.amount) for line in bill.lines if line.kind == "credit"]
    assert shown == list(zip(("credit first", "credit second"), paid, strict=False))
    assert bill.total == (used - sum(paid)) * (Decimal("1.1") if taxes else 1)


def test_a_grant_that_ended_before_the_moment_of_a_bill_pays_nothing_of_it():
    june, plan = Period("2026-06-01", "2026-07-01"), BillingPlan(PriceSchedule(u=1))
    account = Account(balance=[Grant("early", 5, "USD", expires="2026-06-10")])
    opening = Bill.of(Usage(u=1), plan, period=june, opening=account, final=False, at="2026-06-05").closing
    undated = Bill.of(Usage(u=1), plan, period=june, opening=account, final=False).closing

    for before, draws in ((opening, {"early": 1}), (undated, {})):
        bill = Bill.of(Usage(u=1), plan, period=june, opening=before, final=False, at="2026-06-20")
        assert {id: sum(dict(parts).values()) for id, parts in before.draws_by_charge} == draws
        assert (bill.draws, bill.due) == ((), 1)


def test_a_spent_grant_may_be_on_what_is_charged_no_more():
    spent = Balance([Grant("spent", 5, "USD", on="u")], draws={"spent": 5})

    assert Bill.of(Usage(v=1), BillingPlan(PriceSchedule(v=1)), opening=Account(balance=spent)).due == 1
    beside = Balance([*spent.grants, Grant("open", 5, "USD", on="v")], draws={"spent": 5})
    bill = Bill.of(Usage(v=7), BillingPlan(PriceSchedule(v=1)), opening=Account(balance=beside))
    assert (bill.due, bill.draws) == (2, (("open", 5),))
    with pytest.raises(InvalidPlan, match="grant spent"):
        Bill.of(Usage(v=1), BillingPlan(PriceSchedule(v=1)), opening=Account(balance=Balance(spent.grants)))


@pytest.mark.parametrize("overage", ["bill", "owe"])
def test_a_credit_balance_of_less_than_one_is_credit(overage):
    plan = BillingPlan(PriceSchedule(calls=1), overage=overage)
    opening = Account(credit_balance="0.50", credit_currency="USD")
    bill = Bill.of(Usage(calls=3), plan, opening=opening)
    owed = Decimal("-2.50") if overage == "owe" else Decimal(0)
    assert (bill.total, bill.due, bill.closing.credit_balance) == (3, 0 if owed else Decimal("2.50"), owed)


def test_a_grant_covers_no_debt_where_there_is_credit_of_less_than_one():
    plan = BillingPlan(PriceSchedule(calls=1), overage="owe")
    opening = Account(balance=[Grant("g", 1, "USD")], credit_balance="0.50", credit_currency="USD")
    bill = Bill.of(Usage(calls=3), plan, opening=opening)
    assert (dict(bill.draws), bill.closing.credit_balance) == ({"g": 1}, Decimal("-1.50"))


def test_what_is_held_is_held_with_its_tax():
    # 5 are held, and with 10 % of tax they take 5.50 of 10.90: 5 more do not fit, though 5 and 5.50 would
    plan = BillingPlan.prepaid(PriceSchedule(calls=1), overage="refuse", taxes=[Tax("VAT", 10)])
    opening = Account(balance=[Grant("g", "10.90", "USD")])
    first = Bill.of(Usage(calls=0), plan, opening=opening, final=False).closing
    for account in (opening, first):
        held = account.hold("h", Usage(calls=5), plan)
        with pytest.raises(BalanceExhausted):
            Bill.of(Usage(calls=5), plan, opening=held, final=False)
        assert Bill.of(Usage(calls=4), plan, opening=held, final=False).total == Decimal("4.40")


def test_a_roll_over_that_lacks_its_time_is_refused_before_there_is_a_bill():
    dated = Grant("a", 5, "USD", expires="2026-09-01", rollover=(0, 1))
    plan = BillingPlan.prepaid(PriceSchedule(calls=1))
    for grants in ([dated], [dated, Grant("b", 5, "USD")]):
        with pytest.raises(InvalidPeriod):
            Bill.of(Usage(calls=1), plan, opening=Account(balance=grants), at="2026-06-05")
