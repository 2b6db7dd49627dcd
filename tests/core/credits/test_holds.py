"""Holds as values: their sums, their ids, and when they are over."""

import pickle
from decimal import Decimal

import pytest

from tokenbill import Balance, Grant, Usage
from tokenbill.core.credits.holds import NO_HOLDS, Hold, Holds, holds_of
from tokenbill.errors import InvalidGrant, InvalidHold, InvalidName

ONE = Hold("h1", {"a": "5.00"}, until="2026-06-01T12:00:00Z")
TWO = Hold("h2", {"a": "2.50", "b": 1}, Usage(calls=3), until="2026-06-01T13:00:00Z")


def test_a_hold_reserves_the_sum_of_what_it_takes_of_grants():
    assert TWO.amount == Decimal("3.50")
    assert Hold("h3", {"": 2, "a": 1}).reserved == (("", Decimal(2)), ("a", Decimal(1)))


def test_sums_go_on_from_those_before_and_come_to_those_made_anew():
    grown = NO_HOLDS.with_hold(TWO).with_hold(ONE)
    anew = holds_of([ONE, TWO])

    assert grown == anew == (ONE, TWO)
    assert grown.reserved == anew.reserved == {"a": Decimal("7.50"), "b": 1}
    assert grown.amounts == anew.amounts == {"a": Decimal("5.00")}
    assert grown.usage == anew.usage == Usage(calls=3)
    assert grown.bound == anew.bound == ONE.until
    fewer = grown.without("h2")
    assert (fewer, fewer.reserved, fewer.amounts, fewer.usage) == ((ONE,), {"a": 5}, {"a": 5}, Usage())
    assert fewer.without("h1").reserved == {}


def test_a_hold_is_over_at_its_end_and_not_before():
    holds = holds_of([ONE, TWO, Hold("h3", {"a": 1})])

    assert holds.live(None) is holds
    assert holds.live("2026-06-01T11:59:59Z") is holds
    assert [hold.id for hold in holds.live("2026-06-01T12:00:00Z")] == ["h2", "h3"]
    assert holds.live("2026-06-01T12:00:00Z") is holds.live("2026-06-01T12:00:00Z")
    assert [hold.id for hold in holds.live("2026-06-02T00:00:00Z")] == ["h3"]


def test_a_period_that_closes_takes_over_holds_along():
    holds = holds_of([ONE, TWO, Hold("h3", {"a": 1}), Hold("h4", {"a": 1}, until="2026-06-30")])

    assert holds.past(None) is holds
    assert [hold.id for hold in holds.past(TWO.until)] == ["h3", "h4"]
    assert [hold.id for hold in holds.past(Hold("x", until="2026-07-01").until)] == ["h1", "h2", "h3"]


def test_an_id_is_open_once():
    holds = holds_of(ONE)
    with pytest.raises(InvalidHold, match="a hold given twice: 'h1'"):
        holds.with_hold(Hold("h1"))
    with pytest.raises(InvalidHold, match="a hold given twice"):
        holds_of([ONE, Hold("h1")])
    for unknown in ("h0", "h2", None):
        with pytest.raises(InvalidHold, match="no open hold of that id"):
            holds.get(unknown)


@pytest.mark.parametrize("wrong", ["h1", 5, [5]])
def test_what_is_no_hold_is_refused(wrong):
    with pytest.raises(InvalidHold, match="not a hold"):
        Balance([Grant("a", 10, "USD")], holds=wrong)


def test_parts_of_a_hold_are_checked():
    with pytest.raises(InvalidName):
        Hold("")
    with pytest.raises(InvalidGrant, match="a negative amount"):
        Hold("h1", {"a": -1})


def test_holds_are_pickled_with_their_balance():
    balance = Balance([Grant("a", 10, "USD")], holds=[ONE])
    again = pickle.loads(pickle.dumps(balance))
    assert again == balance
    assert isinstance(again.holds, Holds)


def test_what_is_held_is_neither_left_nor_drawn():
    balance = Balance([Grant("a", 10, "USD"), Grant("b", 4, "USD")], holds=[ONE, TWO])

    # a: 10 − 5.00 − 2.50, b: 4 − 1
    assert (balance.left("a"), balance.left("b")) == (Decimal("2.50"), 3)
    assert (balance.held(), balance.remaining()) == (Decimal("8.50"), Decimal("5.50"))
    assert balance.draw(20, at="2026-06-01T10:00:00Z").short == Decimal("14.50")
    # at 12:00 the first is over: 10 − 2.50 and 3
    assert balance.remaining("2026-06-01T12:00:00Z") == Decimal("10.50")


def test_holds_never_reserve_more_than_there_is():
    balance = Balance([Grant("a", 10, "USD")], holds=[ONE]).drawn_by({"a": 8})
    assert (balance.left("a"), balance.held(), balance.remaining()) == (0, 2, 0)


def test_a_void_grant_is_nobodys():
    balance = Balance([Grant("a", 30, "USD"), Grant("b", 5, "USD")]).drawn_by({"a": 12}).voided("a")

    assert (balance.left("a"), balance.voids, balance.remaining()) == (0, (("a", Decimal(18)),), 5)
    # what comes back to it is void, too: 30 − 10
    assert balance.drawn_by({"a": -2}).voids == (("a", Decimal(20)),)
    assert balance.drawn_by({"a": -2}).usable() == balance.usable()
    with pytest.raises(InvalidGrant, match="no grant of that id"):
        balance.voided("c")
    with pytest.raises(InvalidGrant, match="no grant of that id"):
        Balance([Grant("a", 30, "USD")], void=["c"])
    with pytest.raises(InvalidGrant, match="not ids of grants"):
        Balance([Grant("a", 30, "USD")], void=5)
    assert Balance([Grant("a", 30, "USD")], void="a").remaining() == 0


def test_a_void_grant_rolls_nothing_over():
    balance = Balance([Grant("a", 30, "USD", rollover=(50, None))]).voided("a").rolled()
    assert (balance.remaining(), balance.rolled_over) == (0, ())


def test_a_pay_out_takes_what_is_left_beside_holds():
    balance = Balance([Grant("a", 30, "USD")]).drawn_by({"a": 12})

    assert balance.paid_out("a", 10).left("a") == 8
    assert balance.paid_out("a", 10).payouts == (("a", Decimal(10)),)
    held = balance.with_holds(holds_of([ONE]))
    with pytest.raises(InvalidGrant, match=r"a pay-out of more than is left.*13"):
        held.paid_out("a", 14)
    with pytest.raises(InvalidGrant, match="a pay-out of a promotional grant"):
        Balance([Grant("g", 5, "USD", kind="promotional")]).paid_out("g", 1)


def test_grants_that_leave_take_pay_outs_and_voids_along():
    balance = Balance([Grant("a", 30, "USD"), Grant("b", 5, "USD")]).paid_out("a", 10).voided("b")
    left = balance.without("a", "b")
    assert (left.payouts, left.void, left.granted()) == ((), (), 0)
