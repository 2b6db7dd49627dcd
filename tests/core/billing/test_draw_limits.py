"""Draw limits and roll-over: how much grants pay in a window, and what stays when a period closes."""

from datetime import UTC, datetime
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
    Cycle,
    Grant,
    Period,
    PriceSchedule,
    Usage,
)
from tokenbill.core.credits.draw_limits import DrawLimit, draw_limit, time_of_draws
from tokenbill.core.credits.holds import Hold
from tokenbill.errors import InvalidGrant, InvalidPeriod
from tokenbill.serial import dumps, loads

PLAN = BillingPlan.prepaid(PriceSchedule(premium=1, other=1))
JUNE = Period("2026-06-01", "2026-07-01")
WEEKLY = ("7.50", Cycle.weekly())
STORED = pytest.mark.parametrize(
    "kept", [lambda it: it, evolve, lambda it: loads(dumps(it))], ids=["same", "evolved", "stored"]
)


def having(most=WEEKLY, on="premium", **more):
    allowance = Grant("allowance", 50, "USD", on=on, most=most, priority=-1, **more)
    return Account(balance=[allowance, Grant("own", 20, "USD")])


def billed(usage, opening, at, terms=PLAN, **how):
    return Bill.of(Usage(usage), terms, period=JUNE, opening=opening, at=at, **{"final": False, **how})


def left(account):
    return account.balance.left("allowance"), account.balance.left("own")


@STORED
@pytest.mark.parametrize("terms", [PLAN, Contract(PLAN).amended("2026-06-05", evolve(PLAN))])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_grant_pays_so_much_a_week_and_then_the_next_one_pays(kept, terms, parts):
    account = having()
    for _ in range(parts):
        bill = billed({"premium": Decimal(10) / parts}, kept(account), "2026-06-02", terms)
        account = bill.closing
    # 7.50 of 10 in the first week
    assert left(account) == (Decimal("42.50"), Decimal("17.50"))
    for _ in range(parts):
        bill = billed({"premium": Decimal(6) / parts}, kept(account), "2026-06-09", terms)
        account = bill.closing
    # 6.00 in the second; what the first left to own money stays there
    assert left(account) == (Decimal("36.50"), Decimal("17.50"))
    bill.verify()
    # 1.50 are free yet in this week
    account = billed({"premium": 4}, kept(account), "2026-06-10", terms).closing
    assert left(account) == (Decimal("35.00"), Decimal("15.00"))
    assert len(account.windows) == 1


@STORED
def test_what_comes_back_may_be_drawn_again_in_its_week(kept):
    account = kept(billed({"premium": 5}, having(), "2026-06-02").closing)
    account = kept(billed({}, account, "2026-06-03", reversal=Usage(premium=3)).closing)
    account = billed({"premium": 10}, account, "2026-06-03").closing
    # 2 + 5.50 of 12 in all
    assert left(account) == (Decimal("42.50"), Decimal("15.50"))


def test_a_limit_of_some_charges_leaves_others_alone():
    account = billed({"premium": 9, "other": 9}, having(most=(4, "premium"), on=None), "2026-06-02").closing
    assert left(account) == (37, 15)  # 4 + 9 of the allowance
    account = billed({"premium": 9, "other": 1}, account, "2026-06-20").closing
    assert left(account) == (36, 6)


def test_a_limit_holds_for_reservations_too():
    strict = evolve(PLAN, overage="refuse")
    account = having()
    assert account.covers(Usage(premium="27.50"), strict, at="2026-06-02", period=JUNE)
    assert not account.covers(Usage(premium="27.51"), strict, at="2026-06-02", period=JUNE)
    held = account.hold("h1", Usage(premium=10), strict, at="2026-06-02", period=JUNE)
    assert held.balance.holds[0].reserved == (("allowance", Decimal("7.50")), ("own", Decimal("2.50")))


def test_a_limit_by_a_cycle_needs_a_time():
    with pytest.raises(InvalidPeriod, match="a draw limit, and no time to draw at"):
        Bill.of(Usage(premium=1), PLAN, opening=having())
    midnight = DrawLimit(1, Cycle.weekly(tz="Asia/Shanghai"))
    assert midnight.start("2026-06-01") == midnight.start("2026-06-01T00:00:00+08:00")


@pytest.mark.parametrize(
    "most", [5, (5,), ("-1", "calls"), (1, "a", "b"), (1, Cycle.daily(), Cycle.daily()), (1, "a", "b", "c")]
)
def test_what_is_no_draw_limit_is_refused(most):
    with pytest.raises(InvalidGrant, match="draw limit"):
        Grant("g", 5, "USD", most=most)


def test_a_limit_is_an_amount_with_a_cycle_a_scope_or_both():
    assert draw_limit((5, Cycle.weekly(), "calls")) == draw_limit((5, "calls", Cycle.weekly()))
    assert draw_limit(DrawLimit(5)) == DrawLimit(5)
    with pytest.raises(InvalidGrant, match="not a cycle"):
        DrawLimit(5, "1w")
    grant = Grant("g", 5, "USD", most=(5, Cycle.weekly(), "calls"))
    assert loads(dumps(grant)) == grant


@STORED
def test_a_share_of_what_is_left_rolls_over(kept):
    gift = Grant("gift", 100, "USD", kind="promotional", rollover="50%")
    bill = Bill.of(Usage(other=10), PLAN, period=JUNE, opening=kept(Account(balance=[gift])))
    closing = kept(bill.closing)
    assert closing.balance.left("gift") == 45
    assert closing.balance.forfeited == (("gift", Decimal(45)),)
    assert closing.balance.expired() == 45


@pytest.mark.parametrize(("share", "stays"), [("0%", 0), ("12.5%", "1.25"), ("100%", 10)])
def test_shares_go_from_nothing_to_all(share, stays):
    assert Balance([Grant("g", 10, "USD", rollover=share)]).rolled().left("g") == Decimal(stays)


@pytest.mark.parametrize("share", ["50", "101%", "-1%", "50 %%"])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(Exception, match=r"share|number"):
        Grant("g", 10, "USD", rollover=share)


@STORED
def test_a_balance_keeps_so_much_over_all_grants(kept):
    # 30 + 40 + 20 left, 50 may stay: the gift goes first, then 10 of what ends first
    balance = Balance(
        [
            Grant("gift", 30, "USD", kind="promotional"),
            Grant("soon", 40, "USD", expires="2026-08-01"),
            Grant("late", 20, "USD", expires="2026-12-01"),
        ],
        most=50,
    )
    closing = kept(Bill.of(Usage(), PLAN, period=JUNE, opening=kept(Account(balance=balance))).closing)
    assert closing.balance.remaining("2026-07-01") == 50
    assert closing.balance.forfeited == (("soon", Decimal(10)),)
    assert [grant.id for grant in closing.balance.grants] == ["late", "soon"]
    assert closing.balance.most == 50


@pytest.mark.parametrize(("rollover", "kept"), [("50%", 3), ((0, 2), 3), ("0%", 3), ((4, 8), 5)])
def test_no_roll_over_takes_what_is_held(rollover, kept):
    # 10, of which 5 are drawn before and 3 held: half of 5 is 2.5, and 3 stay
    balance = Balance([Grant("g", 10, "USD", rollover=rollover)], holds=[Hold("h", {"g": 3})]).drawn_by(
        {"g": 5}
    )

    assert balance.rolled().held() == 3
    assert balance.rolled().remaining() == kept - 3


def test_what_is_held_is_not_cut():
    balance = Balance([Grant("a", 10, "USD")], most=2, holds=[Hold("h1", {"a": 5})])
    assert balance.rolled().held() == 5
    assert balance.rolled().remaining() == 0
    assert Balance([Grant("a", 10, "USD")], most=20).rolled().remaining() == 10


def test_a_cap_is_of_one_currency():
    mixed = Balance([Grant("a", 10, "USD"), Grant("t", 5, Currency("TOKEN", places=0))], most=5)
    with pytest.raises(InvalidGrant, match="several currencies"):
        mixed.rolled()
    with pytest.raises(InvalidGrant, match="a negative amount"):
        Balance(most=-1)


def test_a_limit_of_nothing_is_one_and_below_zero_there_is_none():
    assert DrawLimit(0).amount == 0
    with pytest.raises(InvalidGrant, match="below zero"):
        DrawLimit("-0.01")


def test_a_limit_without_a_cycle_has_one_window_from_the_beginning_of_time():
    account = Account(balance=[Grant("g", 5, "USD", most=(3, "a"))])
    asked = {"opening": account, "final": False, "at": "2026-06-05"}
    (window,) = Bill.of(Usage(a=1), BillingPlan(PriceSchedule(a=1)), **asked).closing.windows

    assert (window.key, str(window.start), window.used) == ("draws of g", "1970-01-01", 1)


def test_a_limit_of_four_parts_is_none():
    with pytest.raises(InvalidGrant, match="not a draw limit"):
        draw_limit((5, Cycle.monthly(), "a", "b"))
    with pytest.raises(InvalidGrant, match="not a draw limit"):
        draw_limit((5, Cycle.monthly(), "a", "b", "c"))


def test_a_limit_that_is_used_up_pays_not_a_cent_more():
    plan, most = BillingPlan(PriceSchedule(a=1, b=1)), (3, ("a", "b"))
    account = Account(balance=[Grant("g", 50, "USD", most=most)])
    bill = Bill.of(Usage(a=5, b=5), plan, opening=account, final=False)
    assert (bill.draws, bill.due) == ((("g", 3),), 7)
    again = Bill.of(Usage(a=1, b=1), plan, opening=bill.closing, final=False)
    assert (again.draws, again.due) == ((), 2)

    # one that came later pays nothing of what cash has paid
    paid = Bill.of(Usage(a=5), plan, final=False).closing
    later = evolve(paid, balance=[Grant("g", 50, "USD", most=(9, ("a", "b")))])
    assert Bill.of(Usage(), plan, opening=later, final=False).draws == ()
    assert Bill.of(Usage(b=2), plan, opening=later, final=False).draws == (("g", 2),)


def test_the_last_moment_of_a_period_is_told_by_the_instant():
    # 02:00 comes twice that night; the moment before its second one is in the first
    night = Period("2026-10-24T02:00:00+02:00[Europe/Berlin]", "2026-10-25T02:00:00+01:00[Europe/Berlin]")

    assert time_of_draws(None, night).isoformat() == "2026-10-25T02:59:59.999999+02:00"


@pytest.mark.parametrize(
    ("used", "falls", "drawn"),
    [
        # the grant paid 5 of 6 of the first, cash the rest; 4 of it are withdrawn: 2 stay with the grant
        ({"other": 6, "premium": 5}, {"other": 4}, {"usage:other": 2}),
        # 4 of the first and 1 of the other: of the 3 that fall away it pays no more of that than it did
        ({"other": 4, "premium": 5}, {"other": 3, "premium": 1}, {"usage:other": 1, "usage:premium": 1}),
    ],
)
@STORED
def test_what_falls_away_lets_a_limited_grant_pay_nothing_that_cash_paid(used, falls, drawn, kept):
    account = Account(balance=[Grant("g", 100, "USD", most=(5, Cycle.monthly()))])
    plan = evolve(PLAN, overage="bill")
    first = kept(billed(used, account, "2026-06-02", plan).closing)
    bill = billed({}, first, "2026-06-03", plan, reversal=Usage(falls))

    assert dict(bill.draws) == {"g": -3}
    assert {id: dict(parts) for id, parts in bill.closing.draws_by_charge} == {"g": drawn}


def test_windows_of_two_grants_begin_each_in_its_own_zone():
    berlin = Grant("own", 20, "USD", most=("7.50", Cycle.weekly(tz="Europe/Berlin")))
    account = Account(balance=[Grant("allowance", 50, "USD", most=WEEKLY, priority=-1), berlin])

    account = billed({"premium": 10}, account, "2026-06-09").closing
    assert left(account) == (Decimal("42.50"), Decimal("17.50"))
    # midnight of Berlin is two hours before that of Greenwich
    starts = {datetime(2026, 6, 8, tzinfo=UTC), datetime(2026, 6, 7, 22, tzinfo=UTC)}
    assert {each.start for each in account.windows} == starts


def test_windows_of_an_hour_are_windows_of_their_own():
    hours = [datetime(2026, 6, 1, hour, tzinfo=UTC) for hour in range(4)]
    most = ("7.50", Cycle.listed([*hours, datetime(2026, 7, 1, tzinfo=UTC)]))
    account = Account(balance=[Grant("own", 20, "USD", most=most)])
    june = Period(hours[0], datetime(2026, 7, 1, tzinfo=UTC))

    for hour, spent in ((hours[1], "12.50"), (hours[2], "5.00")):
        opening = {"opening": account, "period": june, "at": hour, "final": False}
        account = Bill.of(Usage(premium=10), PLAN, **opening).closing
        assert account.balance.left("own") == Decimal(spent)
