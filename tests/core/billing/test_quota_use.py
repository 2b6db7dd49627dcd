"""Quotas over the bills and holds of an account."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Quota,
    Usage,
)
from tokenbill.core.billing.quota_use import QuotaUse
from tokenbill.core.credits.windows import WindowSum, windows_of
from tokenbill.errors import BalanceExhausted, InvalidAccount, InvalidPeriod, QuotaExhausted
from tokenbill.serial import dumps, loads
from tokenbill.watch import status

PRICES = PriceSchedule({"output_tokens": "0.0001", "calls": 1, "calls{model=opus}": 5})
JUNE = Period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
FIVE_HOURS = Quota("output_tokens", 100_000, every="5h")
STORED = pytest.mark.parametrize("kept", [lambda it: it, lambda it: loads(dumps(it))], ids=["same", "stored"])


def day(hour, minute=0, *, day=1):
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


def plan(*quotas, **terms):
    return BillingPlan.prepaid(PRICES, quotas=quotas, **terms)


def having(amount=1000):
    return Account(balance=[Grant("paid", amount, "USD")])


def used(usage, opening, terms, at, **how):
    how = {"period": JUNE, "final": False, **how}
    return Bill.of(Usage(usage), terms, opening=opening, at=at, **how).closing


@STORED
def test_a_window_of_hours_refuses_until_it_is_over(kept):
    # windows of 5 h from 00:00 UTC: 80,000 at 06:00, 30,000 asked at 08:00: refused, free at 10:00
    terms = plan(FIVE_HOURS)
    account = kept(used({"output_tokens": 80_000}, having(), terms, day(6)))
    asked = Usage(output_tokens=30_000)

    assert not account.covers(asked, terms, at=day(8))
    assert not terms.covers(asked, account, at=day(8))
    with pytest.raises(
        QuotaExhausted, match="exceeded by 10000 units; ask again at 2026-06-01T10:00"
    ) as refused:
        account.hold("h1", asked, terms, at=day(8))
    assert (refused.value.free_at, refused.value.short) == (day(10), 10_000)
    assert account.covers(Usage(output_tokens=20_000), terms, at=day(8))
    assert account.covers(asked, terms, at=day(10))
    # more than fits is never admitted
    with pytest.raises(QuotaExhausted, match="ask for less"):
        account.hold("h1", Usage(output_tokens=100_001), terms, at=day(12))


@STORED
def test_two_quotas_at_once(kept):
    # worked by hand: 100 calls a day, 150 a week. 90 on Monday, 50 on Tuesday; of the day 50 are left, of the
    # week 10; on Wednesday 10, and after that the week is full until Monday the 8th
    terms = plan(Quota("calls", 100, every="1d"), Quota("calls", 150, every="1w"))
    account = kept(used({"calls": 90}, having(), terms, day(12)))
    with pytest.raises(QuotaExhausted, match=r"calls every 1d.*by 1 units; ask again at 2026-06-02T00:00"):
        account.hold("h1", Usage(calls=11), terms, at=day(13))
    account = kept(used({"calls": 50}, account, terms, day(9, day=2)))
    with pytest.raises(QuotaExhausted, match=r"calls every 1w.*by 1 units; ask again at 2026-06-08T00:00"):
        account.hold("h1", Usage(calls=11), terms, at=day(13, day=2))
    account = kept(used({"calls": 10}, account, terms, day(9, day=3)))
    assert not account.covers(Usage(calls=1), terms, at=day(10, day=3))
    assert account.covers(Usage(calls=100), terms, at=day(0, day=8))


@STORED
def test_a_quota_in_money_is_priced_by_the_contract(kept):
    # worked by hand: 50.00 a day on opus at 5.00 and output at 0.0001, 10 calls free of each
    terms = plan(
        Quota(amount="50", every="1d", on=("output_tokens", "calls{model=opus}")),
        included={"calls{model=opus}": 2},
    )
    # 8 calls less 2 free are 30.00, 100,000 tokens are 10.00, other calls count nothing: 40.00
    usage = {"calls{model=opus}": 8, "output_tokens": 100_000, "calls": 700}
    account = kept(used(usage, having(), terms, day(6)))
    assert account.covers(Usage({"calls{model=opus}": 2}), terms, at=day(8))
    with pytest.raises(QuotaExhausted, match=r"by 5 USD; ask again at 2026-06-02T00:00"):
        account.hold("h1", Usage({"calls{model=opus}": 3}), terms, at=day(8))
    # what is held counts as priced together
    account = kept(account.hold("h1", Usage({"calls{model=opus}": 1}), terms, at=day(8)))
    assert account.covers(Usage({"calls{model=opus}": 1}), terms, at=day(8))
    assert not account.covers(Usage({"calls{model=opus}": 2}), terms, at=day(8))
    with pytest.raises(QuotaExhausted):
        account.hold("h2", Usage(output_tokens=50_001), terms, at=day(8))
    assert account.covers(Usage(output_tokens=50_000), terms, at=day(8))


@STORED
def test_a_rolling_window_looks_back_from_now(kept):
    # worked by hand: 100 in any 58 minutes, in parts of one minute. 60 at 12:00:30, 40 at 12:30; the part of
    # 12:00 counts until 12:01 + 58 min
    terms = plan(Quota("calls", 100, every="58m", rolling=True))
    account = kept(used({"calls": 60}, having(), terms, datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)))
    account = kept(used({"calls": 40}, account, terms, day(12, 30)))
    with pytest.raises(QuotaExhausted, match="ask again at 2026-06-01T12:59:00"):
        account.hold("h1", Usage(calls=60), terms, at=day(12, 58))
    with pytest.raises(QuotaExhausted, match="ask again at 2026-06-01T13:29:00"):
        account.hold("h1", Usage(calls=61), terms, at=day(12, 58))
    assert account.covers(Usage(calls=60), terms, at=day(12, 59))
    # parts that are over leave
    account = kept(used({"calls": 1}, account, terms, day(14)))
    assert [each.used for each in account.windows] == [1]


@STORED
def test_what_is_held_counts_until_it_is_settled(kept):
    terms = plan(FIVE_HOURS)
    account = kept(having().hold("h1", Usage(output_tokens=60_000), terms, at=day(6), until=day(7)))
    assert not account.covers(Usage(output_tokens=40_001), terms, at=day(6))
    assert account.covers(Usage(output_tokens=40_001), terms, at=day(7))
    account = kept(used({"output_tokens": 10_000}, account, terms, day(6, 30), settles="h1"))
    assert account.covers(Usage(output_tokens=90_000), terms, at=day(6, 30))
    assert not account.covers(Usage(output_tokens=90_001), terms, at=day(6, 30))


@STORED
def test_windows_go_on_when_a_period_closes_and_under_an_equal_plan(kept):
    terms = plan(Quota("calls", 100, every="1w"))
    june = kept(used({"calls": 30}, having(), terms, datetime(2026, 6, 30, 12, tzinfo=UTC), final=True))
    july = Period("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z")
    first = datetime(2026, 7, 1, 12, tzinfo=UTC)
    contract = Contract(terms).amended("2026-07-01T06:00:00Z", evolve(terms))
    account = kept(used({"calls": 20}, june, contract, first, period=july))
    assert [each.used for each in account.windows] == [50]
    assert account.covers(Usage(calls=50), contract, at=first, period=july)
    assert not account.covers(Usage(calls=51), contract, at=first, period=july)


def test_any_cut_of_usage_leaves_the_same_windows():
    terms = plan(FIVE_HOURS, Quota(amount=50, every="1d"), Quota("calls", 9, every="1h", rolling=True))
    usage = {"calls": 3, "output_tokens": 6_000}
    whole = used(usage, having(), terms, day(6))
    parts = having()
    for part in ({"calls": 1}, {"output_tokens": 6_000}, {"calls": 2}):
        parts = used(part, parts, terms, day(6))
    assert parts.windows == whole.windows
    # calls, tokens, and 3.00 + 0.60 of money
    assert [each.used for each in whole.windows] == [3, 6_000, Decimal("3.6")]


def test_usage_by_date_counts_in_the_windows_of_its_dates():
    terms = plan(Quota("calls", 10, every="1d"), Quota(amount=10, every="1d"))
    bill = Bill.of(
        {"2026-06-01": {"calls": 7}, "2026-06-02": {"calls": 4}},
        terms,
        period=Period("2026-06-01", "2026-07-01"),
        opening=having(),
        final=False,
        at="2026-06-02",
    )
    # in money all of a bill counts at its latest date: early is never free too soon
    assert sorted((str(each.start)[:10], each.used) for each in bill.closing.windows) == [
        ("2026-06-02", 4),
        ("2026-06-02", 11),
    ]
    loads(dumps(bill)).verify()


def test_withdrawn_usage_leaves_its_window_and_none_is_below_zero():
    terms = plan(Quota("calls", 10, every="1d"))
    account = used({"calls": 7}, having(), terms, day(6))
    account = used({}, account, terms, day(7), reversal=Usage(calls=3))
    assert [each.used for each in account.windows] == [4]
    account = used({}, account, terms, day(7, day=2), reversal=Usage(calls=4))
    assert account.windows == () or account.windows[0].used == 4


def test_a_quota_needs_a_time():
    terms = plan(FIVE_HOURS)
    with pytest.raises(InvalidPeriod, match="a quota, and no time to ask about"):
        having().covers(Usage(calls=1), terms)
    bill = Bill.of(Usage(calls=1), terms, opening=having())
    assert bill.notes == ("usage without a time counts in no quota",)
    assert bill.closing.windows == ()


def test_a_quota_is_no_price_and_an_exhausted_one_an_exhausted_balance():
    terms = plan(Quota("calls", 1, every="1d"), fees=[Fee(10)])
    bill = Bill.of(Usage(calls=9), terms, opening=having(), at=day(6), period=JUNE)
    assert bill.total == 19
    assert issubclass(QuotaExhausted, BalanceExhausted)


def test_a_period_of_a_cycle_may_be_a_window():
    terms = plan(Quota("calls", 10, every=Cycle.monthly()))
    account = used({"calls": 10}, having(), terms, day(6))
    with pytest.raises(QuotaExhausted, match="ask again at 2026-07-01"):
        account.hold("h1", Usage(calls=1), terms, at=day(8))


def test_a_status_tells_quotas_and_what_is_held():
    terms = plan(FIVE_HOURS, Quota(amount=50, every="1d"))
    account = used({"output_tokens": 80_000}, having(100), terms, day(6))
    account = account.hold("h1", Usage(output_tokens=10_000), terms, at=day(7))
    now = status(account, terms, at=day(8), period=JUNE)

    tokens, money = now.quotas
    assert (tokens.used, tokens.held, tokens.left, tokens.free_at) == (80_000, 10_000, 10_000, day(10))
    assert (money.used, money.held, money.left) == (8, 1, 41)
    assert (now.credit[0].left, now.credit[0].held) == (91, 1)
    assert (
        "output_tokens every 5h left",
        "10000",
        "units",
        "of 100000, free again at 2026-06-01T10:00:00Z",
    ) in [tuple(row.values()) for row in now.to_rows()]
    assert "held" in str(now)
    fresh = status(Account(), terms, at=day(8), period=JUNE)
    assert [(each.left, each.free_at) for each in fresh.quotas] == [(100_000, None), (50, None)]


def test_sums_of_windows_are_checked():
    with pytest.raises(InvalidAccount, match="not the sum of a window"):
        Account(windows=[5])
    with pytest.raises(InvalidAccount, match="not the sum of a window"):
        Account(windows=5)
    one = WindowSum("q", "2026-06-01", 1)
    with pytest.raises(InvalidAccount, match="two sums of one window"):
        windows_of([one, one])
    assert QuotaUse(FIVE_HOURS, Decimal(120_000), Decimal(0), None).left == 0


@STORED
def test_money_is_counted_under_the_terms_of_its_time(kept):
    # 1.00 a call up to the 16th, 2.00 from then on: 20 calls before, 10 calls of 20.00 today, 30.00 are left
    terms = plan(Quota(amount=50, every="1d", on="calls"))
    dearer = evolve(terms, prices=PriceSchedule({"output_tokens": "0.0001", "calls": 2}))
    contract = Contract(terms).amended("2026-06-16T00:00:00Z", dearer)
    account = kept(used({"calls": 20}, having(), contract, day(6, day=10)))
    account = kept(used({"calls": 10}, account, contract, day(6, day=20)))
    assert [each.used for each in account.windows] == [20]
    asked = {"at": day(8, day=20), "period": JUNE}
    assert account.covers(Usage(calls=15), contract, **asked)
    assert not account.covers(Usage(calls=16), contract, **asked)


def test_money_without_a_time_counts_in_no_window():
    terms = plan(Quota(amount=50, every="1d"))
    assert Bill.of(Usage(calls=9), terms, opening=having(), period=JUNE).closing.windows == ()


def test_a_window_counts_from_its_first_moment_on():
    terms = plan(FIVE_HOURS)
    account = used({"output_tokens": 80_000}, having(), terms, day(5))

    assert account.covers(Usage(output_tokens=80_000), terms, at=day(4, 59))
    assert not account.covers(Usage(output_tokens=80_000), terms, at=day(5))


def test_the_next_part_of_a_rolling_window_is_free_first():
    terms = plan(Quota("calls", 100, every="58m", rolling=True))
    account = used({"calls": 60}, having(), terms, day(12))
    account = used({"calls": 10}, account, terms, day(12, 30))
    (use,) = status(account, terms, at=day(12, 40), period=JUNE).quotas

    assert (use.used, use.free_at) == (70, day(12, 59))


def test_what_counts_nothing_is_let_in_though_a_quota_is_full():
    terms = plan(Quota("calls", 5, every="1d"))
    account = used({"calls": 6}, having(), terms, day(6))

    assert account.covers(Usage(output_tokens=1), terms, at=day(7))
    assert not account.covers(Usage(calls=1), terms, at=day(7))


def test_a_quota_of_money_counts_no_fee_that_is_not_yet_due():
    june = Period("2026-06-01", "2026-07-01")
    quota = Quota(None, amount=10, every="1d")
    plan = BillingPlan(PriceSchedule(a=1), fees=Fee(7, due="arrears"), quotas=quota)
    account, asked = Account(balance=[Grant("g", 50, "USD")]), {"at": "2026-06-05T01:00:00Z", "period": june}

    assert account.hold("h", {"a": 10}, plan, **asked).balance.held() == 10
    with pytest.raises(QuotaExhausted):
        account.hold("h", {"a": 11}, plan, **asked)


def test_a_quota_in_money_is_kept_of_amounts_that_never_end():
    # a third for each call: after two of them a third is left of 1
    terms = BillingPlan.prepaid(
        PriceSchedule(calls=PerUnit(1, per=3)), quotas=[Quota(amount=1, every="1d", on="calls")]
    )
    account = used({"calls": 2}, having(), terms, day(6))
    assert [each.used for each in account.windows] == [Fraction(2, 3)]
    account = used({"calls": 1}, account, terms, day(7))
    assert [each.used for each in account.windows] == [1]
    assert not account.covers(Usage(calls=1), terms, at=day(8))


def test_a_true_up_that_is_not_due_yet_counts_in_no_quota():
    terms = plan(Quota(amount=5, every="1d", on=("calls", "minimum")), minimum=20)
    account = used({"calls": 3}, having(), terms, day(6))
    assert account.covers(Usage(calls=2), terms, at=day(7))
    assert not account.covers(Usage(calls=3), terms, at=day(7))
