from decimal import Decimal
from fractions import Fraction
from itertools import islice

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans_along import small_prices
from tokenbill import Flat, Graduated, Package, PerUnit, Price, Tier, Volume
from tokenbill.core.pricing.breakpoints import breakpoints, first_breakpoints, step_jumps
from tokenbill.core.pricing.curves import Form, Step

HALF = Fraction(1, 2)


@frozen
class Own(Price):
    """A user's price with fields of any kind."""

    limits: tuple
    factor: Decimal
    at_zero: bool = True
    name: str = "7"

    def amount(self, quantity):
        return 0


def test_the_ends_of_tiers_are_first_breakpoints():
    price = Graduated([Tier(10, 5), Tier("20.5", 4), Tier(None, 3)])

    assert first_breakpoints(price) == (10, Decimal("20.5"))
    assert first_breakpoints(PerUnit(3)) == ()


def test_breakpoints_follow_a_price_into_its_combinators():
    thousands = Volume([Tier(2, 10), Tier(None, 4)]).in_units(of=1000)

    assert 2500 in first_breakpoints(thousands.after(500))  # 2 × 1000 + 500
    assert 70 in first_breakpoints((PerUnit(2) + Flat(10)).capped(150))  # 10 + 70 × 2


def test_packages_jump_at_their_ends_or_their_halves():
    assert first_breakpoints(Package(1000, 5, "half_up")) == (500, 1500, 2500, 3500)
    assert first_breakpoints(Package(1000, 5).after(1000)) == (1000, 2000, 3000, 4000, 5000)
    assert first_breakpoints(Package(2, 5).in_units(of="1.5", round="up")) == (3, 6, 9, 12)


def test_the_numbers_of_a_users_price_are_first_breakpoints():
    own = Own((Decimal(7), 100, -1, (Tier(3),)), Decimal("0.5"))

    assert first_breakpoints(own) == (Decimal("0.5"), 3, 7, 100)
    assert first_breakpoints(own + PerUnit(11, per=9)) == (Decimal("0.5"), 3, 7, 9, 11, 100)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1E+999999", "1E+40"])
def test_a_number_that_no_quantity_can_be_is_no_breakpoint(odd):
    assert first_breakpoints(Own((), Decimal(odd))) == ()


def test_a_breakpoint_is_cut_to_the_decimals_of_a_quantity():
    assert first_breakpoints(PerUnit(3).capped(1)) == (Decimal("0." + "3" * 30),)


# ---------------------------------------------------------------- the breakpoints of a curve


def ends(price):
    """The ends of pieces with the amounts on both sides."""
    return [(point.quantity, *point.amounts()) for point in breakpoints(price.pieces(), jumps=False)]


def test_an_end_has_the_amounts_on_both_sides():
    # 10 × 5 + 2 are 52, 10 × 4 + 3 are 43
    assert ends(Volume([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])) == [(0, 0, 2), (10, 52, 43)]
    assert ends(Graduated([Tier(10, 5), Tier(None, 4)])) == [(0, 0, 0), (10, 50, 50)]
    assert ends(Flat(20, at_zero=True)) == [(0, 20, 20)]


def test_an_open_end_has_the_amount_that_the_curve_comes_close_to():
    halves = Volume([Tier(10, 2), Tier(None, 1)]).in_units(round="half_up")

    # from 0.5 on it is one unit; below 10.5 it is 10 × 2, from there on 11 × 1
    assert ends(halves)[1:] == [(Fraction(1, 2), 0, 2), (Fraction(21, 2), 20, 11)]


def test_breakpoints_are_ends_and_jumps_in_order():
    price = Package(4, 5).capped(15) + PerUnit(1).after(6)

    found = list(islice(breakpoints(price.pieces()), 6))

    # three packages cost 15, so that the fourth, above 12, costs nothing
    assert [point.quantity for point in found] == [0, 4, 6, 8, 12]
    assert [point.amounts() for point in found] == [(0, 5), (5, 10), (10, 10), (12, 17), (21, 21)]


def test_breakpoints_begin_above_a_quantity():
    points = breakpoints(Package(10, 5).after(5).pieces(), Fraction(15))

    assert [(point.quantity, *point.amounts()) for point in islice(points, 2)] == [(25, 10, 15), (35, 15, 20)]


# ---------------------------------------------------------------- steps


def step(price):
    (found,) = price.pieces()[-1].form.steps
    return found


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (Package(10, 1), [10, 20, 30]),
        (Package(10, 1, "half_up"), [5, 15, 25]),
        (Package(3, 1).in_units(of=60, round="up"), [180, 360, 540]),
        (Package(3, 1, "down").in_units(of=60, round="up"), [120, 300, 480]),
        (Package(3, 1, "half_up").in_units(of=60, round="down"), [120, 300, 480]),  # at 2, 5, 8 minutes
        (Package("0.5", 1).in_units(of=60, round="half_up"), [30, 90, 150]),
    ],
    ids=["packages", "halves", "of packages", "down", "half up", "two at once"],
)
def test_a_step_jumps_at_these_quantities(price, expected):
    assert list(islice(step_jumps(step(price), Fraction(0)), 3)) == expected
    assert list(islice(step_jumps(step(price), Fraction(expected[0])), 2)) == expected[1:]


def test_a_step_of_a_form_that_also_grows_by_itself():
    # whole units of ⌈q⌉ + q ÷ 2, which is above 1 at once, above 2 from 1 on, above 4 from 2 on, …
    started = Step(Fraction(1), "up", Form(rate=Fraction(1)))
    inner = Form(rate=HALF, steps=(started,))

    found = list(islice(step_jumps(Step(Fraction(1), "up", inner), Fraction(0)), 4))

    assert found == [1, 2, 3, 4]


@given(small_prices, st.integers(1, 3000))
def test_between_two_jumps_a_step_stays(price, tenths):
    low = Fraction(tenths, 10)
    for found in price.pieces()[-1].form.steps:
        first, second = islice(step_jumps(found, low), 2)
        alone = Form(steps=(found,))
        assert low < first < second
        assert alone.at((low + first) / 2) == alone.at((low + 7 * first) / 8)
        assert alone.at((first * 7 + second) / 8) == alone.at((first + second * 7) / 8)
        assert alone.at((low + first) / 2) < alone.at((first + second) / 2)


def test_what_lies_at_a_point_itself_is_not_above_it():
    tiers = Graduated([Tier(10, 1), Tier(20, 2), Tier(None, 3)]).pieces()

    found = {
        after: [point.quantity for point in breakpoints(tiers, Fraction(after))]
        for after in (0, 9, 10, 11, 20)
    }
    assert found == {0: [10, 20], 9: [10, 20], 10: [20], 11: [20], 20: []}
