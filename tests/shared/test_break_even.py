from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.plans_along import small_prices
from tests.support.strategies import listed_prices
from tokenbill import Flat, Package, PerUnit, Tier, Volume
from tokenbill.core.pricing.curves import Form, at
from tokenbill.errors import InvalidNumber, InvalidPlan
from tokenbill.shared.break_even import Cell, QuantityRange, cells, horizon, netted, numeral, quantity_ranges

HALF = Fraction(1, 2)


def curves(*prices):
    return [price.pieces() for price in prices]


def least(found):
    """Ranges with the curves that are least there, by their place."""
    return [
        f"{run} {''.join(map(str, sorted(who)))}"
        for who, run in quantity_ranges(found, [c.least for c in found])
    ]


def step(price):
    """The only step of a price."""
    (found,) = price.pieces()[-1].form.steps
    return found


# ---------------------------------------------------------------- cells and ranges


def test_cells_are_quantities_and_gaps_in_turn():
    assert cells(curves(PerUnit(1), Flat(5))) == [
        Cell(Fraction(0), Fraction(0), frozenset({0, 1})),
        Cell(Fraction(0), Fraction(5), frozenset({0})),
        Cell(Fraction(5), Fraction(5), frozenset({0, 1})),
        Cell(Fraction(5), None, frozenset({1})),
    ]


def test_what_is_looked_at_ends_with_the_last_quantity():
    assert least(cells(curves(PerUnit(1), Flat(5)), up_to=5)) == ["[0, 0] 01", "(0, 5) 0", "[5, 5] 01"]


def test_one_curve_is_the_least_everywhere():
    assert least(cells(curves(Volume([Tier(10, 2), Tier(None, 1)])))) == ["[0, ∞) 0"]


def test_three_curves_may_meet_in_one_point():
    found = cells(curves(PerUnit(3), PerUnit(2) + Flat(10), PerUnit(1) + Flat(20)))

    assert least(found) == ["[0, 0] 012", "(0, 10) 0", "[10, 10] 012", "(10, ∞) 2"]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (Package(10, 1), ["[0, 0] 01", "(0, 10] 0", "(10, ∞) 1"]),
        (Package(10, 1, "down"), ["[0, 0] 01", "(0, 20) 0", "[20, ∞) 1"]),
        (Package(10, 1, "half_up"), ["[0, 0] 01", "(0, 15) 0", "[15, ∞) 1"]),
    ],
    ids=["up", "down", "half_up"],
)
def test_packages_pass_a_fee_where_their_rounding_says(price, expected):
    assert least(cells(curves(price, Flat("1.5")))) == expected


def test_a_quantity_is_in_a_stretch_with_the_ends_that_belong_to_it():
    part = QuantityRange(Fraction(1), Fraction(2), has_start=False)

    assert [Fraction(halves, 2) in part for halves in (1, 2, 3, 4, 5)] == [False, False, True, True, False]
    assert 10**40 in QuantityRange(Fraction(1), None, has_end=False)


def test_a_number_whose_digits_end_is_shown_by_them():
    assert [numeral(Fraction(value)) for value in ("1/8", "100", "-2/3")] == ["0.125", "100", "-2/3"]


@given(st.tuples(small_prices, small_prices, small_prices), st.integers(0, 5000))
def test_the_least_curves_are_those_of_brute_force(prices, tenths):
    quantity = Fraction(tenths, 10)
    try:
        found = cells(curves(*prices), up_to=500)
    except InvalidPlan:
        assume(False)
    amounts = [at(curve, quantity) for curve in curves(*prices)]

    (cell,) = (cell for cell in found if _within(cell, quantity))

    assert cell.least == {place for place in range(3) if amounts[place] == min(amounts)}


def _within(cell, quantity):
    return cell.start == quantity if cell.start == cell.end else cell.start < quantity < cell.end


@given(listed_prices, listed_prices)
def test_prices_of_any_size_are_compared_or_refused(one, other):
    try:
        found = cells(curves(one, other))
    except InvalidPlan:
        assume(False)

    for cell in found[:40]:
        middle = cell.start + 1 if cell.end is None else (cell.start + cell.end) / 2
        amounts = [at(curve, middle) for curve in curves(one, other)]
        assert cell.least == {place for place in range(2) if amounts[place] == min(amounts)}


# ---------------------------------------------------------------- steps


def test_steps_are_walked_only_where_curves_can_meet():
    tokens = Package("0.000001", "0.000002")  # 10¹² steps up to a million

    assert least(cells(curves(tokens, PerUnit(3) + Flat(1)))) == ["[0, 0] 01", "(0, ∞) 0"]
    assert len(cells(curves(tokens, Flat("0.00001")))) < 200


def test_too_many_steps_are_refused_at_once():
    with pytest.raises(InvalidPlan, match="up_to="):
        cells(curves(Package("0.000001", 1), PerUnit(1_000_000)))


def test_a_smaller_range_has_fewer_steps():
    assert len(cells(curves(Package(1, 1), PerUnit(1)), up_to=100)) == 201  # 0 to 100, and the gaps


def test_steps_with_one_period_need_no_end_if_they_keep_their_order():
    above, below = Package(4, 4) + Flat(1), Package(6, 6, "down")  # equal at 12 without the 1

    assert least(cells(curves(above, below))) == ["[0, 0] 01", "(0, ∞) 1"]


@pytest.mark.parametrize(
    "packages", [Package(4, 4), Package(2, 4).in_units(of=2, round="up")], ids=["plain", "nested"]
)
def test_steps_of_two_lengths_are_looked_at_until_both_begin_anew(packages):
    others = Package(6, 6, "down") + Flat(1)

    # 4, 8, 12 and 1, 7, 13: only at 12, 24, … is the first one less
    assert least(cells(curves(packages, others), up_to=13)) == [
        "[0, 0] 01",
        "(0, 12) 1",
        "[12, 12] 0",
        "(12, 13] 1",
    ]
    with pytest.raises(InvalidPlan):
        cells(curves(packages, others))


def test_steps_of_one_kind_are_put_together():
    packages, others = (step(Package(10, fee)) for fee in (5, 7))

    assert netted(Form(steps=(packages, others))).steps == (step(Package(10, 12)),)
    assert netted(Form(steps=(packages, packages._replace(fee=Fraction(-5))))).steps == ()


# ---------------------------------------------------------------- ranges


@pytest.mark.parametrize("bad", [0, -1, 0.5, "x", 10**30])
def test_a_range_ends_above_zero(bad):
    with pytest.raises(InvalidNumber):
        horizon(bad)
