"""What each grant pays of each charge: the limit by charge, and where credit goes back to."""

from fractions import Fraction

from tokenbill.core.credits.draws import CREDIT, Offer, Payable, draws, total_drawn
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import scope


def charge(name, amount, before=0):
    return Payable(name, "usage", Meter(name), amount, before)


def offer(id, amount, on=None):
    return Offer(id, amount, scope(on))


def test_grants_fill_charges_in_their_order():
    drawn = draws([charge("a", 10), charge("b", 12)], [offer("g", 10), offer("h", 10, "a"), offer("i", 5)])

    assert drawn == {"g": {"a": 10}, "i": {"b": 5}}


def test_a_grant_added_later_pays_no_earlier_charge():
    assert draws([charge("a", 20, 20)], [offer("late", 40)]) == {}
    assert draws([charge("a", 25, 20)], [offer("late", 40)]) == {"late": {"a": 5}}


def test_growth_of_one_charge_pays_no_other():
    # 100 of a in cash, a grant of 50 for a, then 50 of b: b is outside its scope
    assert draws([charge("a", 100, 100), charge("b", 50)], [offer("late", 50, "a")]) == {}


def test_cash_goes_back_before_what_a_grant_paid():
    # 10 used, 6 of it paid by the grant, 4 in cash; of the 4 that are left the grant may pay all
    assert draws([charge("u", 4, 10)], [offer("g", 6)], {"g": {"u": 6}}) == {"g": {"u": 4}}


def test_what_falls_away_of_one_charge_pays_another():
    now = [charge("a", 0, 10), charge("b", 10, 10)]

    assert draws(now, [offer("g", 10)], {"g": {"a": 10}}) == {"g": {"b": 10}}
    assert draws(now[1:], [offer("g", 10)], {"g": {"a": 10}}) == {"g": {"b": 10}}


def test_what_falls_away_is_paid_again_once_and_by_no_grant_that_came_later():
    now, earlier = [charge("a", 4, 10), charge("b", 10, 10), charge("c", 10, 10)], {"g": {"a": 10}}

    assert draws(now, [offer("late", 50), offer("g", 10)], earlier) == {"late": {"a": 4}, "g": {"b": 6}}
    assert draws(now, [offer("late", 50, "b"), offer("g", 10)], earlier) == {"g": {"a": 4, "b": 6}}


def test_grants_of_a_sort_may_change_places_on_a_charge():
    earlier = {"g": {"a": 6}}

    assert draws([charge("a", 10, 10)], [offer(CREDIT, 4), offer("g", 6)], earlier) == {
        CREDIT: {"a": 4},
        "g": {"a": 2},
    }


def test_a_charge_below_nothing_is_not_paid():
    assert draws([charge("a", -5)], [offer("g", 10)]) == {}
    assert draws([charge("a", -5, 3), charge("b", 3, 3)], [offer("g", 3)], {"g": {"a": 3}}) == {"g": {"b": 3}}


def test_what_is_not_settled_is_drawn_to_the_last_digit():
    drawn = draws([charge("a", Fraction(31, 3), 10)], [offer("g", 500)], {"g": {"a": 10}})

    assert drawn == {"g": {"a": Fraction(31, 3)}}
    assert total_drawn(drawn) == Fraction(31, 3)


def test_one_that_has_ended_keeps_the_charges_that_it_paid():
    now = [charge("a", 2, 2), charge("b", 2, 2)]
    earlier = {"scoped": {"a": 2}, "over": {"b": 2}}
    over = Offer("over", 2, has_ended=True)
    assert draws(now, [over, offer("scoped", 9, "a")], earlier) == {"over": {"b": 2}, "scoped": {"a": 2}}
    # what falls away of them may pay another charge, after its own
    fell = [charge("a", 4, 2), charge("b", 1, 2)]
    assert draws(fell, [over, offer("scoped", 9, "a")], earlier) == {
        "over": {"a": 1, "b": 1},
        "scoped": {"a": 3},
    }


def test_no_other_takes_what_one_that_has_ended_paid():
    now = [charge("b", 5, 5), charge("c", 5, 5)]
    earlier = {"any": {"a": 5}, "only-b": {"b": 5}}
    ended = [Offer("any", 5, has_ended=True), offer("only-b", 5, "b")._replace(has_ended=True)]

    # a fell away, so what "any" paid of it may pay c, which cash had paid; b stays with the one that paid it
    assert draws(now, ended, earlier) == {"any": {"c": 5}, "only-b": {"b": 5}}
    assert draws(now[:1], [offer(CREDIT, 9), *ended], earlier) == {"only-b": {"b": 5}}


def test_one_that_has_ended_keeps_nothing_outside_its_scope():
    over = offer("over", 4, "b")._replace(has_ended=True)

    # what an account says that it paid of a is open for others, as credit had paid it
    assert draws([charge("a", 10, 10)], [over, offer("rest", 50)], {"over": {"a": 4}}) == {"rest": {"a": 4}}


def test_one_that_has_ended_keeps_no_more_of_a_charge_than_it_comes_to():
    over = Offer("over", 5, has_ended=True)
    assert draws([charge("a", -1, 5)], [over], {"over": {"a": 5}}) == {}
    assert draws([charge("a", 3, 5)], [over, offer("paid", 9)], {"over": {"a": 5}}) == {"over": {"a": 3}}


def test_what_fell_of_a_charge_pays_what_cash_paid_of_others_no_more_than_once():
    def payable(name, amount, before):
        return Payable(f"usage:{name}", "usage", Meter(name), amount, before)

    charges = [payable("a", 4, 10), payable("b", 5, 5), payable("c", 5, 5), payable("d", 3, 3)]
    earlier = {"g": {"usage:a": 10}, "h": {"usage:d": 3}}

    # six fell: five go to b and one to c, and the other grant goes on as it did
    assert draws(charges, [Offer("g", 10), Offer("h", 10)], earlier) == {
        "g": {"usage:a": 4, "usage:b": 5, "usage:c": 1},
        "h": {"usage:d": 3},
    }
    # b grew by two, which anybody may pay; five of it and one of c are what fell
    charges[1] = payable("b", 7, 5)
    assert draws(charges[:3], [Offer("g", 20)], {"g": {"usage:a": 10}}) == {
        "g": {"usage:a": 4, "usage:b": 7, "usage:c": 1}
    }
