from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.plans_along import TINY, exact, plans_along, small_money, small_prices
from tests.support.strategies import Saturating, junk, listed_prices
from tokenbill import (
    BillingPlan,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    PriceSchedule,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
    Volume,
)
from tokenbill.core.money.decimals import shifted
from tokenbill.core.pricing.curves import Form, Step, curve
from tokenbill.errors import InvalidMeter, InvalidNumber, InvalidPlan, InvalidPrice, TokenbillError
from tokenbill.shared.marginal_cost import (
    PriceBreak,
    affordable_quantities,
    cliffs,
    marginal_cost,
    next_breakpoint,
    quantity_for,
)

SEATS = Volume([Tier(10, 5), Tier(None, 4)])
TIERS = Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])
PLAN = BillingPlan.subscription(
    20, PriceSchedule(calls=TIERS, gpu=2), included={"calls": 100}, taxes=Tax("VAT", 25)
)

tenths = st.integers(0, 9000).map(lambda tenths: shifted(tenths, 1))
"""Quantities of a grid finer than whole numbers."""


class Sawtooth(Price):
    """What is beyond the last whole number: an amount that falls at each of them."""

    def amount(self, quantity):
        return self.exact(quantity)

    def pieces(self):
        whole = Step(Fraction(-1), "down", Form(rate=Fraction(1)))
        return curve(Fraction(0), [None], [Form(rate=Fraction(1), steps=(whole,))])


def spans(ranges):
    return [str(quantities) for quantities in ranges]


# ---------------------------------------------------------------- what a budget buys


def test_a_budget_buys_up_to_an_exact_fraction():
    assert quantity_for(PerUnit("0.03"), 1) == Fraction(100, 3)
    assert quantity_for(TIERS, 12) == 1400  # 1000 × 0.01, and 2 ÷ 0.005


def test_in_steps_it_buys_the_last_whole_step():
    assert quantity_for(PerUnit("0.03"), 1, step=1) == 33
    assert quantity_for(PerUnit("0.03"), 1, step="0.1") == Fraction(333, 10)


def test_on_a_plan_the_rest_comes_first():
    # (20 + 2 × 3 + (q − 100) × 0.01) × 1.25 = 40
    assert quantity_for(PLAN, 40, "calls", usage={"gpu": 3}) == 700


def test_where_more_costs_less_every_stretch_is_told():
    assert spans(affordable_quantities(SEATS, 46)) == ["[0, 9.2]", "(10, 11.5]"]
    assert quantity_for(SEATS, 46) == Fraction(23, 2)


def test_a_step_that_misses_the_last_stretch_is_looked_for_in_those_before():
    assert quantity_for(SEATS, 41, step=9) == 0  # (10, 10.25] and [0, 8.2]
    assert quantity_for(SEATS, 45, step=9) == 9


def test_a_cap_or_a_free_price_has_no_largest_quantity():
    assert quantity_for(PerUnit(1).capped(5), 5) is None
    assert quantity_for(PerUnit(0), 0) is None
    assert spans(affordable_quantities(PerUnit(1).capped(5), 5)) == ["[0, ∞)"]


def test_an_end_that_costs_more_already_is_not_bought():
    price = Package(10, 3, "down")  # 3 from 10 on

    assert spans(affordable_quantities(price, 0)) == ["[0, 10)"]
    assert quantity_for(price, 0) == 10 - Fraction(1, 10**30)
    assert quantity_for(price, 0, step=1) == 9
    assert quantity_for(price, 0, step=5) == 5


def test_a_budget_below_the_least_amount_buys_nothing():
    assert affordable_quantities(Flat(5, at_zero=True), 4) == ()
    for budget, step in ((4, None), (4, 1), (-1, None)):
        with pytest.raises(InvalidNumber):
            quantity_for(Flat(5, at_zero=True), budget, step=step)


def test_a_fee_that_only_nothing_escapes_leaves_nothing():
    assert quantity_for(Flat(5), 4) == 0


@given(small_prices, small_money, tenths)
def test_a_quantity_is_within_a_stretch_where_its_amount_is_within_the_budget(price, budget, quantity):
    within = any(Fraction(quantity) in quantities for quantities in affordable_quantities(price, budget))

    assert within is (price.exact(quantity) <= budget)


@given(small_prices, small_money, st.sampled_from([1, 10]))
def test_one_step_more_than_a_budget_buys_is_over_it(price, budget, steps):
    assume(price.exact(0) <= budget)
    found = quantity_for(price, budget, step=shifted(1, steps // 10))
    assume(found is not None and found < 10**6)

    asked = [shifted(int(found * 10) + by * 10 // steps, 1) for by in range(30)]

    assert price.exact(asked[0]) <= budget
    assert all(price.exact(quantity) > budget for quantity in asked[1:])


# ---------------------------------------------------------------- what the next unit costs


def test_the_next_unit_of_a_price_is_a_difference_of_its_curve():
    assert marginal_cost(TIERS) == Fraction(1, 100)
    assert marginal_cost(TIERS, after=1000) == Fraction(1, 200)
    assert marginal_cost(TIERS, after="999.5") == Fraction(15, 2000)
    assert marginal_cost(TIERS, after=900, unit=200) == Fraction(3, 2)  # 1.00 + 0.50


def test_the_next_unit_on_a_plan_counts_what_is_used_so_far():
    assert marginal_cost(PLAN, "calls", usage={"calls": 50}) == 0
    assert marginal_cost(PLAN, "calls", usage={"calls": 100}) == Fraction(1, 80)  # 0.01 × 1.25
    assert marginal_cost(PLAN, "calls", usage={"calls": 50}, after=100) == Fraction(1, 80)
    assert marginal_cost(PLAN, "gpu") == Fraction(5, 2)


def test_the_next_unit_may_make_the_bill_smaller():
    assert marginal_cost(SEATS, after=10) == -6  # 44 − 50


def test_a_price_of_a_users_own_needs_no_pieces_for_it():
    own = Saturating(10, 2)

    assert marginal_cost(own, after=2) == 1  # 10 × 3 ÷ 5 − 10 × 2 ÷ 4
    assert marginal_cost(BillingPlan.on_demand(PriceSchedule(calls=own)), "calls", usage={"calls": 2}) == 1


@given(plans_along(of=small_prices, money=small_money), tenths)
def test_the_next_unit_is_the_difference_of_two_bills(plan, quantity):
    try:
        found = marginal_cost(plan, "calls", usage={"calls": quantity})
    except InvalidPlan:
        assume(False)

    bills = (exact(plan, Usage(calls=quantity) + more) for more in (Usage(calls=1), Usage()))
    after, before = bills
    assert abs(found - (after - before)) < TINY


# ---------------------------------------------------------------- the next price break


def test_the_next_bend_is_the_end_of_the_tier():
    assert next_breakpoint(TIERS, after=900) == PriceBreak(
        Fraction(1000), Fraction(100), Fraction(1, 100), Fraction(1, 200), Fraction(0)
    )


def test_behind_the_last_tier_nothing_bends():
    assert next_breakpoint(TIERS, after=1000) is None
    assert next_breakpoint(PerUnit(1)) is None


def test_the_end_of_a_tier_at_which_nothing_changes_is_no_bend():
    assert next_breakpoint(Graduated([Tier(10, 1), Tier(None, 1)])) is None


def test_a_cliff_and_a_package_are_jumps():
    assert next_breakpoint(SEATS, after=3) == PriceBreak(
        Fraction(10), Fraction(7), Fraction(5), Fraction(4), Fraction(-10)
    )
    price_break = next_breakpoint(Package(1000, 5), after=1500)
    assert (price_break.quantity, price_break.distance, price_break.jump) == (2000, 500, 5)


def test_a_package_of_packages_bends_where_the_outer_one_is_full():
    price_break = next_breakpoint(Package(3, 5).in_units(of=60, round="up"), after=10)

    assert (price_break.quantity, price_break.jump) == (180, 5)


def test_an_allowance_and_a_minimum_bend_the_total_of_a_plan():
    assert next_breakpoint(PLAN, "calls", usage={"calls": 40}).distance == 60
    lifted = evolve(PLAN, minimum=25)  # 20 + 5 at 600
    assert next_breakpoint(lifted, "calls", usage={"calls": 40}).quantity == 600


def test_steps_that_a_minimum_hides_are_no_bends():
    plan = BillingPlan.on_demand(PriceSchedule(calls=Package(10, 1)), minimum=3)

    assert next_breakpoint(plan, "calls").quantity == 30


@given(small_prices, tenths)
def test_up_to_the_next_bend_the_curve_is_a_line(price, quantity):
    price_break, start = next_breakpoint(price, after=quantity), Fraction(quantity)
    assume(price_break is None or price_break.distance > Fraction(1, 10**6))
    end = start + 50 if price_break is None else price_break.quantity
    inner = [start + (end - start) * part / 8 for part in (1, 2, 3, 4, 5, 6, 7)]

    amounts = [Fraction(price.amount(point)) for point in inner]

    assert len({after - before for before, after in pairwise(amounts)}) == 1


# ---------------------------------------------------------------- where more costs less


def test_one_more_unit_makes_the_amount_smaller_before_a_cliff():
    assert spans(cliffs(SEATS)) == ["(9, 10]"]
    assert spans(cliffs(SEATS, unit=2)) == ["(8, 10]"]  # 5 q > 4 (q + 2) from 8 on
    assert cliffs(SEATS, unit=3) == ()  # 50 at 10, 52 at 13
    assert spans(cliffs(SEATS, unit="0.1")) == ["(9.9, 10]"]


def test_a_price_that_never_falls_has_no_such_quantity():
    assert cliffs(TIERS + Package(7, 3)) == ()


def test_steps_without_end_that_never_fall_need_no_end():
    minutes = PerUnit("0.01").in_units(of=60, round="up")

    for price in (Package(1000, 5), minutes, TIERS + Package(7, 3)):
        assert cliffs(price) == ()
        assert cliffs(BillingPlan.subscription(5, PriceSchedule(calls=price)), "calls") == ()


def test_a_cliff_before_steps_without_end_is_found():
    price = Volume([Tier(1000, "0.01"), Tier(None, 0)]) + Package(1000, 5)  # 15 at 1000, 10 above

    assert spans(cliffs(price)) == ["(999, 1000]"]


@given(small_prices)
def test_without_end_the_falls_are_those_of_any_range(price):
    try:
        found = [cliffs(price), cliffs(price, up_to=1000)]
    except InvalidPlan:
        assume(False)

    assert found[0] == found[1] or any(run.end is None or run.end >= 1000 for run in found[0] + found[1])


def test_an_amount_that_falls_without_end_asks_how_far_to_look():
    with pytest.raises(InvalidPlan, match="again and again"):
        cliffs(Sawtooth(), unit="0.5")

    # a half more costs less from a half on, up to the whole number, where the tooth ends
    assert spans(cliffs(Sawtooth(), unit="0.5", up_to=2)) == ["[0.5, 1)", "[1.5, 2)"]


def test_a_minimum_hides_a_cliff_of_the_price():
    plan = BillingPlan.on_demand(PriceSchedule(seats=SEATS))

    assert spans(cliffs(plan, "seats")) == ["(9, 10]"]
    assert cliffs(evolve(plan, minimum=100), "seats") == ()


def test_where_only_the_true_up_is_taxed_the_bill_falls_without_a_cliff():
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), minimum=10, taxes=Tax("VAT", 50, on="minimum"))

    # 15 for nothing, 10.00 for 10 calls; from 9⅓ on, one more call costs more than it saves
    assert spans(cliffs(plan, "calls")) == ["[0, 28/3)"]


@given(small_prices, tenths)
def test_a_quantity_is_within_a_fall_where_one_more_unit_costs_less(price, quantity):
    try:
        found = cliffs(price, up_to=1000)
    except InvalidPlan:
        assume(False)

    within = any(Fraction(quantity) in quantities for quantities in found)

    assert within is (price.exact(1, prior=quantity) < 0)


# ---------------------------------------------------------------- what is refused


def test_what_is_neither_a_price_nor_a_plan_is_refused():
    for asked in (PriceSchedule(calls=1), None, 5):
        with pytest.raises(InvalidPlan, match="neither"):
            affordable_quantities(asked, 5, "calls")
        with pytest.raises(InvalidPlan, match="neither"):
            marginal_cost(asked, "calls")


def test_a_plan_needs_a_meter_that_it_prices():
    with pytest.raises(InvalidPlan, match="meter"):
        quantity_for(PLAN, 5)
    with pytest.raises(UnpricedUsage):
        quantity_for(PLAN, 5, "unknown")
    with pytest.raises(InvalidMeter):
        marginal_cost(PLAN, "a{")


def test_a_price_without_pieces_is_refused_where_they_are_needed():
    for asked in (affordable_quantities, quantity_for):
        with pytest.raises(InvalidPrice, match="pieces"):
            asked(Saturating(3, 3), 5)
    with pytest.raises(InvalidPrice, match="pieces"):
        next_breakpoint(Saturating(3, 3))


@pytest.mark.parametrize("bad", [0.5, True, "x", Decimal("NaN"), 10**30, 10**400])
def test_numbers_come_by_the_one_door(bad):
    for asked in (
        lambda: affordable_quantities(TIERS, bad),
        lambda: quantity_for(TIERS, 5, step=bad),
        lambda: marginal_cost(TIERS, after=bad),
        lambda: marginal_cost(PLAN, "calls", unit=bad),
        lambda: next_breakpoint(TIERS, after=bad),
        lambda: cliffs(TIERS, unit=bad),
        lambda: cliffs(TIERS, up_to=bad),
    ):
        with pytest.raises(InvalidNumber):
            asked()


def test_steps_and_units_are_more_than_zero():
    with pytest.raises(InvalidNumber):
        quantity_for(TIERS, 5, step=0)
    with pytest.raises(InvalidNumber):
        cliffs(TIERS, unit=-1)


@given(listed_prices)
def test_every_price_of_ours_has_a_next_bend_or_none(price):
    price_break = next_breakpoint(price)

    assert price_break is None or price_break.quantity > 0


@given(junk, st.integers(0, 7))
def test_any_data_gives_an_answer_or_an_error_of_ours(data, door):
    doors = [
        lambda: affordable_quantities(data, 5, "calls"),
        lambda: affordable_quantities(TIERS, data),
        lambda: quantity_for(PLAN, 50, data),
        lambda: quantity_for(PLAN, 50, "calls", usage=data, step=1),
        lambda: marginal_cost(PLAN, "calls", usage=data),
        lambda: marginal_cost(TIERS, after=data, unit=data),
        lambda: next_breakpoint(PLAN, "calls", usage=data, after=5),
        lambda: cliffs(TIERS, unit=data),
    ]

    with suppress(TokenbillError):
        doors[door]()
