import copy
import decimal
import pickle
from decimal import Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill.core.credits.balance import Balance, Draw, Grant
from tokenbill.core.credits.grants import KEYS
from tokenbill.core.credits.topups import top_up
from tokenbill.core.money.currencies import Currency
from tokenbill.core.periods.period import Period
from tokenbill.errors import CurrencyMismatch, InvalidCurrency, InvalidGrant, InvalidNumber, InvalidPeriod

TOKEN = Currency("TOKEN", places=0)
FEBRUARY = Period("2026-02-01", "2026-03-01")


def money(id, amount=10, **parts):
    return Grant(id, amount, "USD", **parts)


def drawn_first(balance, at=None):
    """The ids in the order of drawing."""
    return [grant.id for grant, _ in balance.usable(at)]


# Drawing


def test_a_draw_takes_what_it_needs_and_leaves_the_rest():
    draw = Balance([money("a", 100)]).draw("30.50")

    assert draw.by_grant == (("a", Decimal("30.50")),)
    assert draw.short == 0
    assert draw.balance.left("a") == Decimal("69.50")


def test_what_no_grant_covers_is_short():
    draw = Balance([money("a", 40)]).draw(100)  # credits-04 of the public examples

    assert (draw.amount, draw.by_grant, draw.short) == (100, (("a", 40),), 60)


def test_one_grant_after_the_other_is_drawn():
    draw = Balance([money("a", 100, priority=1), money("b", 100, priority=1)]).draw(200)  # credits-02

    assert draw.by_grant == (("a", 100), ("b", 100))
    assert draw.short == 0


def test_a_draw_of_nothing_draws_on_nothing():
    draw = Balance([money("a")]).draw(0)

    assert (draw.by_grant, draw.short, draw.balance) == ((), 0, Balance([money("a")]))


def test_an_empty_balance_pays_nothing():
    assert Balance().draw(5).short == 5
    assert Balance().draw(5, currency="EUR").short == 5
    assert Balance().remaining() == Balance().granted() == 0
    assert Balance().currencies == ()


def test_a_used_up_grant_is_not_drawn_on():
    emptied = Balance([money("a"), money("b")]).draw(10).balance

    assert emptied.draw(1).by_grant == (("b", 1),)


def test_no_digit_is_lost():
    draw = Balance([money("g1", "17.9699999999999988631316")]).draw("17.97")

    assert draw.by_grant == (("g1", Decimal("17.9699999999999988631316")),)
    assert f"{draw.short:f}" == "0.0000000000000011368684"


def test_two_draws_go_through_the_value_that_the_first_returned():
    balance = Balance([money("a", 10)])

    first = balance.draw(8)
    second = first.balance.draw(8)

    assert (first.short, second.short) == (0, 6)  # 8 + 8 − 10
    assert balance.left("a") == 10


@pytest.mark.parametrize("amount", ["NaN", 0.5, None, True, Decimal("Infinity"), Fraction(1, 3)])
def test_a_draw_is_of_a_number(amount):
    with pytest.raises(InvalidNumber):
        Balance([money("a")]).draw(amount)


def test_a_draw_is_never_negative():
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).draw(-1)


# Life


def test_a_grant_is_gone_at_the_instant_it_expires():
    balance = Balance([money("g1", 5, expires="2026-01-01T00:00:00Z")])

    draw = balance.draw(1, "2026-01-01T00:00:00Z")

    assert (draw.by_grant, draw.short) == ((), 1)
    assert draw.balance.expired("2026-01-01T00:00:00Z") == 5
    assert draw.balance.remaining("2026-01-01T00:00:00Z") == 0


def test_an_expired_grant_gives_nothing():
    balance = Balance([money("expired", 100, priority=1, expires="2024-01-01")])

    assert balance.draw(50, "2024-02-01").short == 50  # credits-03


def test_expiry_touches_its_own_grant_only():
    balance = (
        Balance([money("gift", 5, expires="2026-02-01"), money("paid", 20)]).draw(1, "2026-01-15").balance
    )

    assert balance.expired("2026-02-01") == 4  # 5 − 1
    assert balance.remaining("2026-02-01") == 20


def test_usage_before_the_start_cannot_draw():
    balance = Balance([money("later", 5, starts="2026-02-01")])

    assert balance.draw(1, "2026-01-31").short == 1
    assert balance.draw(1, "2026-02-01").short == 0


def test_a_grant_that_has_not_begun_remains():
    balance = Balance([money("later", 5, starts="2026-02-01")])

    assert balance.remaining("2026-01-01") == 5
    assert balance.remaining() == 5
    assert balance.expired() == 0


def test_a_bill_of_a_period_draws_on_grants_that_see_its_end():
    balance = Balance(
        [
            money("whole", expires="2026-03-01"),
            money("ended", expires="2026-02-28"),
            money("begun", starts="2026-02-28"),
            money("next", starts="2026-03-01"),
        ]
    )

    assert balance.draw(100, period=FEBRUARY).by_grant == (("whole", 10), ("begun", 10))


def test_an_instant_counts_more_than_a_period():
    balance = Balance([money("ended", expires="2026-02-28")])

    assert balance.draw(1, "2026-02-27", period=FEBRUARY).short == 0


def test_a_dated_grant_asks_for_a_time():
    balance = Balance([money("always"), money("dated", starts="2026-01-01", expires="2026-02-01")])

    with pytest.raises(InvalidPeriod):
        balance.draw(1)
    with pytest.raises(InvalidPeriod):
        balance.usable()
    with pytest.raises(InvalidPeriod):
        balance.remaining()
    with pytest.raises(InvalidPeriod):
        balance.expired()


def test_a_time_is_of_the_kind_of_the_grants():
    with pytest.raises(InvalidPeriod):
        Balance([money("dated", starts="2026-01-01")]).draw(1, "2026-01-01T00:00:00Z")


# Order


def test_priority_beats_the_nearer_expiry():
    balance = Balance(
        [
            money("a", 30, priority=1, expires="2026-03-20"),
            money("b", 50, priority=1),
            money("c", 20, priority=2, expires="2026-02-10"),
        ]
    )

    assert balance.draw(60, "2026-02-01").by_grant == (("a", 30), ("b", 30))


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (["priority"], money("z", priority=-1)),
        (["expires"], money("z", expires="2026-05-01")),
        (["created"], money("z", created="2026-01-01")),
        (["larger"], money("z", "10.01")),
        (["promotional"], money("z", kind="promotional")),
        (["scoped"], money("z", on="usage")),
    ],
)
def test_each_key_puts_its_grant_first(order, first):
    plain = money("a", priority=0)

    assert drawn_first(Balance([plain, first], order), "2026-02-01") == ["z", "a"]
    assert drawn_first(Balance([plain, first], ["id"]), "2026-02-01") == ["a", "z"]


def test_a_grant_usable_always_comes_before_one_that_starts():
    balance = Balance(
        [money("a", starts="2026-01-02"), money("b", starts="2026-01-01"), money("c")], ["starts"]
    )

    assert drawn_first(balance, "2026-02-01") == ["c", "b", "a"]


def test_the_earlier_expiry_comes_first_in_whatever_zone():
    balance = Balance(
        [
            money("a", expires="2026-02-01T08:30:00+08:00[Asia/Shanghai]"),  # 00:30 in UTC
            money("b", expires="2026-02-01T00:00:00Z"),
        ]
    )

    assert drawn_first(balance, "2026-01-01T00:00:00Z") == ["b", "a"]


def test_what_is_unknown_or_never_comes_last():
    balance = Balance(
        [money("a"), money("b", created="2026-01-02"), money("c", created="2026-01-01")], ["created"]
    )

    assert drawn_first(balance) == ["c", "b", "a"]


def test_the_larger_remainder_is_read_after_each_draw():
    balance = Balance([money("a", 10), money("b", 8)], ["larger"])

    first = balance.draw(5)
    assert first.by_grant == (("a", 5),)
    assert first.balance.draw(9).by_grant == (("b", 8), ("a", 1))  # 8 left of b, 5 of a


def test_keys_decide_one_after_the_other():
    balance = Balance(
        [
            money("a", priority=1),
            money("b", priority=1, kind="promotional"),
            money("c", priority=0),
            money("d", priority=0),
        ],
        ("priority", "promotional"),
    )

    assert drawn_first(balance) == ["c", "d", "b", "a"]


def test_an_unknown_order_is_refused():
    with pytest.raises(InvalidGrant):
        Balance([money("a")], ["age"])


# Scope


def test_charges_are_paid_by_the_grants_for_them():
    """credits-01 of the public examples, one charge after the other."""
    balance = Balance(
        [
            money("normal", priority=50, created="2024-01-01"),
            money("priority", priority=49, created="2024-01-02"),
            money("limited_charge", priority=50, created="2024-01-03", on="charge"),
            money("priority_limited_charge", priority=49, created="2024-01-04", on="charge"),
            money("limited_subscription", priority=50, created="2024-01-05", on="subscription"),
            money("priority_limited_subscription", priority=49, created="2024-01-06", on="subscription"),
        ],
        order=["priority", "created"],
    )

    fee = balance.draw("36.00", on="subscription")
    charge = fee.balance.draw("15.50", on="charge")

    assert dict(fee.by_grant) == {
        "priority": 10,
        "priority_limited_subscription": 10,
        "normal": 10,
        "limited_subscription": 6,  # 36 − 3 × 10
    }
    assert dict(charge.by_grant) == {"priority_limited_charge": 10, "limited_charge": Decimal("5.50")}
    assert (fee.short, charge.short) == (0, 0)


def test_a_grant_with_a_scope_pays_nothing_that_is_not_said_to_lie_in_it():
    balance = Balance([money("scoped", on="usage")])

    assert balance.draw(5).short == 5
    assert balance.draw(5, on="fee").short == 5
    assert balance.draw(5, on="gpu_hours").short == 0
    assert balance.draw(5, on=("minimum", "usage")).short == 0


# Currencies


def test_the_only_currency_need_not_be_said():
    balance = Balance([money("a")])

    assert balance.draw(5).balance == balance.draw(5, currency="USD").balance
    assert balance.currencies == (Currency("USD"),)


def test_another_currency_is_refused_zero_included():
    with pytest.raises(CurrencyMismatch) as refused:
        Balance([money("a")]).draw(0, currency="EUR")
    assert (refused.value.one, refused.value.other) == ("EUR", "USD")
    with pytest.raises(CurrencyMismatch):
        Balance([money("a")]).remaining(currency="EUR")
    with pytest.raises(InvalidCurrency):
        Balance([money("a")]).draw(1, currency="")


def test_tokens_and_money_lie_side_by_side():
    balance = Balance([money("m", "9.99"), Grant("t", 1000, TOKEN)])

    draw = balance.draw(300, currency=TOKEN)

    assert draw.by_grant == (("t", 300),)
    assert draw.balance.remaining(currency=TOKEN) == 700
    assert draw.balance.remaining(currency="USD") == Decimal("9.99")
    assert draw.balance.drawn(currency="USD") == 0
    assert draw.balance.granted(currency=TOKEN) == 1000
    assert draw.balance.expired(currency=TOKEN) == 0
    assert balance.currencies == (TOKEN, Currency("USD"))


def test_one_of_several_currencies_must_be_said():
    balance = Balance([money("m"), Grant("t", 1000, TOKEN)])

    with pytest.raises(InvalidCurrency):
        balance.draw(5)
    with pytest.raises(InvalidCurrency):
        balance.granted()


def test_a_dated_grant_of_another_currency_asks_for_no_time():
    balance = Balance([money("m"), Grant("t", 1000, TOKEN, expires="2026-02-01")])

    assert balance.draw(5, currency="USD").short == 0


# What a bill asks of a balance


def test_the_usable_grants_come_in_order_with_what_each_has_left():
    paid, gift = money("paid"), money("gift", 3, kind="promotional", priority=1)
    balance = Balance([gift, paid, Grant("t", 1000, TOKEN), money("none", 0)]).drawn_by({"paid": 4})

    assert balance.usable(currency="USD") == ((paid, 6), (gift, 3))
    assert balance.usable(kind="promotional") == ((gift, 3),)
    assert balance.usable(currency=TOKEN, kind="promotional") == ()
    assert balance.usable(currency="EUR") == ()


def test_what_the_period_has_drawn_is_offered_anew():
    balance = Balance([money("a"), money("b")]).drawn_by({"a": 10, "b": 4})

    assert [(grant.id, left) for grant, left in balance.usable(drawn={"a": 7})] == [("a", 7), ("b", 6)]


def test_a_grant_that_has_ended_offers_first_and_only_what_it_drew():
    ended = money("z", 10, expires="2026-02-10", priority=9)
    balance = Balance([money("a", 5), ended]).drawn_by({"z": 8})

    offers = balance.usable("2026-02-20", drawn=[("z", 3)])

    assert [(grant.id, left) for grant, left in offers] == [("z", 3), ("a", 5)]
    assert drawn_first(balance, "2026-02-20") == ["a"]


def test_the_order_reads_what_is_offered():
    balance = Balance([money("a", 10), money("b", 8)], ["larger"]).drawn_by({"a": 5})

    assert drawn_first(balance) == ["b", "a"]
    assert [grant.id for grant, _ in balance.usable(drawn={"a": 5})] == ["a", "b"]


@pytest.mark.parametrize("parts", [{"kind": "gift"}, {"drawn": {"ghost": 1}}, {"drawn": {"a": -1}}])
def test_the_usable_grants_are_not_asked_for_nonsense(parts):
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).usable(**parts)


def test_draws_are_recorded_and_given_back():
    balance = Balance([money("a"), money("b")]).drawn_by({"a": 10, "b": "2.50"})

    back = balance.drawn_by([("a", "-4")])

    assert back.draws == (("a", 6), ("b", Decimal("2.50")))
    assert back.drawn() == Decimal("8.50")
    assert back.drawn_by({"a": -6, "b": "-2.5"}) == Balance([money("a"), money("b")])


@pytest.mark.parametrize("amounts", [{"a": "10.01"}, {"a": "-0.01"}, {"ghost": 1}, {"ghost": -1}, None])
def test_no_more_is_drawn_than_there_is_nor_given_back_than_was_drawn(amounts):
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).drawn_by(amounts)


@pytest.mark.parametrize("ledger", ["draws", "forfeited"])
def test_a_balance_that_overdraws_a_grant_does_not_exist(ledger):
    assert Balance([money("a")], **{ledger: {"a": 10}}).left("a") == 0
    with pytest.raises(InvalidGrant):
        Balance([money("a")], **{ledger: {"a": "10.01"}})


def test_what_is_left_is_asked_of_a_grant_of_the_balance():
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).left("ghost")
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).left(["a"])


# Roll-over


def test_a_rollover_cuts_what_is_more_than_the_most():
    balance = Balance([money("a", 100, rollover=(0, 50))]).draw(10).balance

    rolled = balance.rolled()

    assert rolled.left("a") == rolled.remaining() == 50  # rollover-01 of the public examples
    assert rolled.expired() == 40  # 100 − 10 − 50
    assert rolled.forfeited == (("a", 40),)


def test_a_rollover_adds_what_is_missing_to_the_least():
    rolled = Balance([money("a", 100, rollover=(30, 50))]).draw(95).balance.rolled()

    assert rolled.left("a") == 30
    assert rolled.granted() == 125  # 100 + 25
    assert rolled.rolled_over == (("a", 25),)


def test_rollovers_add_up_over_periods():
    balance = Balance([money("a", 100, rollover=(20, 50))])

    third = balance.rolled().draw(45).balance.rolled().draw(20).balance.rolled()

    # 100 → 50, less 45 → 5 → 20, less 20 → 0 → 20
    assert (third.forfeited, third.draws, third.rolled_over) == ((("a", 50),), (("a", 65),), (("a", 35),))
    assert third.left("a") == 20  # 100 + 35 − 65 − 50


def test_a_grant_without_a_rollover_is_left_alone():
    assert Balance([money("a", 100)]).rolled() == Balance([money("a", 100)])
    assert Balance([money("a", 100, expires="2026-02-01")]).rolled().left("a") == 100


def test_a_rollover_concerns_grants_usable_on_both_sides_of_the_end():
    rollover = (0, 1)
    balance = Balance(
        [
            money("over", rollover=rollover, starts="2026-02-28", expires="2026-03-02"),
            money("ended", rollover=rollover, expires="2026-03-01"),
            money("next", rollover=rollover, starts="2026-03-01"),
            money("always", rollover=rollover),
        ]
    )

    assert balance.rolled(FEBRUARY.end).forfeited == (("always", 9), ("over", 9))


def test_a_dated_grant_with_a_rollover_asks_for_the_end():
    with pytest.raises(InvalidPeriod):
        Balance([money("a", rollover=(0, 1), starts="2026-01-01")]).rolled()


# More grants, and fewer


def test_grants_are_added():
    balance = Balance([money("a")]).draw(4).balance

    more = balance.with_grants(money("c"), money("b"))

    assert [grant.id for grant in more.grants] == ["a", "b", "c"]
    assert more.remaining() == 26  # 6 + 10 + 10
    assert balance.with_grants() == balance


def test_a_grant_is_added_once():
    with pytest.raises(InvalidGrant):
        Balance([money("a")]).with_grants(money("a"))


def test_grants_are_left_out_with_their_history():
    balance = Balance([money("a", rollover=(0, 1)), money("b")]).draw(12).balance.rolled()

    assert balance.without("a") == Balance([money("b")], draws={"b": 2})
    assert balance.without("a", "b") == Balance()
    assert balance.without() == balance
    with pytest.raises(InvalidGrant):
        balance.without("ghost")


# Top-up

MORE = money("auto-1", 100)


def test_a_top_up_is_bought_when_less_is_left():
    assert top_up(Balance([money("a", "19.99")]), MORE, below=20) == MORE
    assert top_up(Balance([money("a", 20)]), MORE, below=20) is None
    assert top_up(Balance(), MORE, below=20) == MORE


def test_a_top_up_may_reach_for_an_amount():
    bought = top_up(Balance([money("a", "12.50")]), money("auto-1", 0, expires="2027-01-01"), below=20, to=50)

    assert bought == money("auto-1", "37.50", expires="2027-01-01")  # 50 − 12.50


def test_a_top_up_counts_what_pays_for_the_same_at_that_time():
    balance = Balance(
        [
            money("gone", 100, expires="2026-02-01"),
            money("scoped", 100, on="fee"),
            Grant("tokens", 100, TOKEN),
            money("left", 5),
        ]
    )

    assert top_up(balance, money("auto-1", 0), below=20, to=20, at="2026-02-01") == money("auto-1", 15)
    assert top_up(balance, money("auto-1", 0, on="fee"), below=20, to=20, at="2026-02-01") is None


def test_a_top_up_reaches_at_least_what_it_begins_below():
    assert top_up(Balance(), MORE, below=20, to=20) == money("auto-1", 20)
    with pytest.raises(InvalidGrant):
        top_up(Balance([money("a", 50)]), MORE, below=20, to="19.99")


@pytest.mark.parametrize("bounds", [{"below": -1}, {"below": 1, "to": -1}])
def test_the_bounds_of_a_top_up_are_not_negative(bounds):
    with pytest.raises(InvalidGrant):
        top_up(Balance(), MORE, **bounds)


def test_a_top_up_is_a_grant_for_a_balance():
    with pytest.raises(InvalidGrant, match="nothing to top up"):
        top_up([money("a", 5)], MORE, below=20)
    with pytest.raises(InvalidGrant, match="nothing to top up"):
        top_up(Balance(), 100, below=20)


def test_the_same_top_up_is_not_added_twice():
    bought = Balance().with_grants(MORE)

    with pytest.raises(InvalidGrant):
        bought.with_grants(MORE)


# Values


@pytest.mark.parametrize("grants", [None, 5, "gift", [5], [money("a"), money("a")], money("a")])
def test_what_is_no_list_of_grants_is_refused(grants):
    with pytest.raises(InvalidGrant):
        Balance(grants)


def test_balances_of_equal_amounts_are_equal():
    one, other = (
        Balance([money("a", "10.0")], draws={"a": "1.0"}),
        Balance([money("a", 10)], draws=[["a", 1]]),
    )

    assert one == other
    assert hash(one) == hash(other)


def test_a_balance_survives_pickle_copy_and_evolve():
    balance = Balance([money("a", rollover=(0, 1)), money("b")]).draw(12).balance.rolled()

    for twin in (pickle.loads(pickle.dumps(balance)), copy.deepcopy(balance), attrs.evolve(balance)):
        assert twin == balance
        assert hash(twin) == hash(balance)
        assert twin.left("b") == balance.left("b")


def test_a_draw_is_a_value():
    assert Balance([money("a")]).draw(4) == Draw(
        Decimal(4), (("a", Decimal(4)),), Decimal(0), Balance([money("a")], draws={"a": 4})
    )


# Laws

days = st.dates(min_value=FEBRUARY.start, max_value=FEBRUARY.end)
amounts = st.decimals(0, 100, places=2)
orders = st.permutations(sorted(KEYS.keys() - {"id"})).flatmap(
    lambda keys: st.integers(0, len(keys)).map(lambda n: keys[:n])
)


@st.composite
def grants(draw):
    starts, expires = sorted(draw(st.lists(days, min_size=2, max_size=2, unique=True)))
    least, most = sorted(draw(st.lists(amounts, min_size=2, max_size=2)))
    return Grant(
        draw(st.sampled_from("abcdefgh")),
        draw(amounts),
        "USD",
        starts=draw(st.sampled_from([None, starts])),
        expires=draw(st.sampled_from([None, expires])),
        priority=draw(st.integers(0, 2)),
        kind=draw(st.sampled_from(["paid", "promotional"])),
        on=draw(st.sampled_from([None, "usage", "fee"])),
        rollover=draw(st.sampled_from([None, (least, most), (least, None)])),
        created=draw(st.none() | days),
    )


lists_of_grants = st.lists(grants(), max_size=6, unique_by=lambda grant: grant.id)
balances = st.builds(Balance, lists_of_grants, orders)
charges = st.tuples(amounts, days, st.sampled_from([None, "usage", "fee", "gpu_hours"]))


@st.composite
def lives(draw):
    """A balance, and what it is after some draws, roll-overs and returns of what was drawn."""
    balance = now = draw(balances)
    for step in draw(st.lists(charges | days, max_size=6)):
        if isinstance(step, tuple):
            now = now.draw(*step).balance
        else:
            now = now.rolled(step).drawn_by({id: -amount for id, amount in now.draws[:1]})
    return balance, now


@given(lives(), days)
def test_credit_is_conserved_for_each_grant_and_in_all(life, day):
    _, now = life
    drawn, added, cut = dict(now.draws), dict(now.rolled_over), dict(now.forfeited)

    for grant in now.grants:
        before = grant.amount + added.get(grant.id, 0)
        assert before == drawn.get(grant.id, 0) + cut.get(grant.id, 0) + now.left(grant.id)
        assert 0 <= now.left(grant.id) <= before
    assert now.granted() == now.drawn() + now.expired(day) + now.remaining(day)


@given(lives(), charges)
def test_a_draw_pays_what_it_says_and_never_more_than_is_left(life, charge):
    _, now = life

    draw = now.draw(*charge)

    assert draw.amount == sum(amount for _, amount in draw.by_grant) + draw.short
    assert draw.short >= 0
    assert draw.balance.drawn() - now.drawn() == draw.amount - draw.short
    for id, amount in draw.by_grant:
        assert 0 < amount <= now.left(id)
        assert draw.balance.left(id) == now.left(id) - amount


@given(balances, charges)
def test_a_draw_falls_short_only_when_every_grant_it_may_use_is_used_up(balance, charge):
    _, at, on = charge

    draw = balance.draw(*charge)

    left = [draw.balance.left(grant.id) for grant in balance.grants if grant.usable_at(at) and grant.pays(on)]
    assert not draw.short or sum(left) == 0


@given(balances, charges)
def test_no_grant_is_drawn_outside_its_life_or_its_scope(balance, charge):
    _, at, on = charge
    by_id = {grant.id: grant for grant in balance.grants}

    drawn = [by_id[id] for id, _ in balance.draw(*charge).by_grant]

    for grant in drawn:
        assert grant.starts is None or grant.starts <= at
        assert grant.expires is None or at < grant.expires
        assert grant.pays(on)


@given(lives(), charges)
def test_the_old_value_stays_as_it_was(life, charge):
    _, now = life
    before, left = repr(now), {grant.id: now.left(grant.id) for grant in now.grants}

    now.draw(*charge)
    now.rolled(FEBRUARY.end)
    now.with_grants(money("z"))

    assert repr(now) == before
    assert {grant.id: now.left(grant.id) for grant in now.grants} == left


@given(
    lists_of_grants.flatmap(lambda given: st.tuples(st.just(given), st.permutations(given))), orders, charges
)
def test_the_order_in_which_grants_are_given_changes_nothing(both, order, charge):
    one, other = (Balance(given, order) for given in both)

    assert (one, hash(one), repr(one)) == (other, hash(other), repr(other))
    assert repr(one.draw(*charge)) == repr(other.draw(*charge))


@given(lists_of_grants, orders, charges, amounts)
def test_two_draws_at_one_time_are_one_draw_of_their_sum(given_grants, order, charge, more):
    balance = Balance(given_grants, [key for key in order if key != "larger"])
    amount, at, on = charge

    first = balance.draw(amount, at, on)
    second = first.balance.draw(more, at, on)

    once = balance.draw(amount + more, at, on)
    assert second.balance == once.balance
    assert first.short + second.short == once.short


@given(lives(), days)
def test_what_a_period_has_drawn_is_offered_on_top_of_what_is_left(life, day):
    _, now = life

    offers = {grant.id: offer for grant, offer in now.usable(day, drawn=now.draws)}

    for grant in now.grants:
        left = now.left(grant.id) if grant.usable_at(day) else 0
        assert offers.get(grant.id, 0) == left + dict(now.draws).get(grant.id, 0)


@given(lives())
def test_a_balance_is_made_again_from_its_parts(life):
    _, now = life

    again = Balance(
        now.grants, now.order, draws=now.draws, rolled_over=now.rolled_over, forfeited=now.forfeited
    )

    assert again == now
    assert again.drawn_by({id: -amount for id, amount in now.draws}).drawn() == 0


@given(balances, charges)
def test_the_decimal_context_of_the_caller_changes_nothing(balance, charge):
    usual = repr(balance.draw(*charge).balance.rolled(FEBRUARY.end))

    with decimal.localcontext(decimal.Context(prec=1, rounding=decimal.ROUND_UP, Emax=1, Emin=-1)) as context:
        hostile = repr(balance.draw(*charge).balance.rolled(FEBRUARY.end))
        flags = [flag for flag, raised in context.flags.items() if raised]

    assert hostile == usual
    assert flags == []


def test_all_that_is_left_may_be_paid_out_and_no_more():
    balance = Balance([money("a", 30)]).drawn_by({"a": 12})

    assert balance.paid_out("a", 18).left("a") == 0
    with pytest.raises(InvalidGrant, match="more than is left"):
        balance.paid_out("a", "18.01")


def test_a_gift_is_not_paid_out_beside_credit_that_is():
    balance = Balance([Grant("paid", 5, "USD"), Grant("gift", 5, "USD", kind="promotional")])

    assert balance.paid_out("paid", "0.50").left("paid") == Decimal("4.50")
    with pytest.raises(InvalidGrant):
        balance.paid_out("gift", 1)
