"""Programs give the digits of the curves that they are made of, and say where they end."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.strategies import listed_prices, quantities
from tokenbill import Flat, Graduated, Package, PerUnit, Rounding, Tier, Volume
from tokenbill.core.money.decimals import LIMIT, shifted
from tokenbill.core.rating.integer_price import (
    IntegerPrice,
    Line,
    Whole,
    denominator_of,
    places_for,
    value,
    whole,
)
from tokenbill.testing import quantities_near

DIRECTIONS = ["up", "down", "half_up", "half_even"]


def compiled(price, unit=1):
    """The program of a price that loses nothing."""
    curve = price.pieces()
    return IntegerPrice.of(curve, unit, denominator_of(curve, unit))


@st.composite
def prices_units_and_numbers(draw):
    """A price, a unit, and whole numbers at the bounds of the price and beside them."""
    price = draw(listed_prices)
    assume(price.pieces() is not None)
    unit = 10 ** draw(st.sampled_from([0, 0, 1, 2, 6, 9]))
    near = st.builds(
        lambda quantity, step: int(quantity * unit) + step, quantities_near(price), st.integers(-1, 1)
    )
    special = st.sampled_from([0, 1, 2**53 - 1, 2**53 + 1, 2**62, 2**63, LIMIT * unit - 1])
    drawn = draw(st.lists(near | special, min_size=1, max_size=5))
    return price, unit, [min(max(n, 0), LIMIT * unit - 1) for n in drawn]


@given(prices_units_and_numbers())
def test_a_program_gives_the_amount_of_its_price(drawn):
    price, unit, numbers = drawn
    program = compiled(price, unit)

    for n in numbers:
        assert Fraction(program.at(n), program.scale) == price.exact(shifted(n, len(str(unit)) - 1))


@given(prices_units_and_numbers(), st.sampled_from([2, 6, 18]), st.sampled_from(["up", "down", "half_up"]))
def test_a_program_rounds_once(drawn, places, mode):
    price, unit, numbers = drawn
    program = IntegerPrice.of(price.pieces(), unit, 10**places, mode=mode)

    for n in numbers:
        exact = price.exact(shifted(n, len(str(unit)) - 1)) * 10**places
        up = {"up": -(-exact // 1), "down": exact // 1, "half_up": (exact + Fraction(1, 2)) // 1}
        assert program.at(n) == up[mode]


class Watched(int):
    """A number that remembers the largest that came of it."""

    largest = 0

    def _kept(self, found):
        Watched.largest = max(Watched.largest, abs(found))
        return Watched(found)

    def __add__(self, other):
        return self._kept(int(self) + int(other))

    def __mul__(self, other):
        return self._kept(int(self) * int(other))

    def __floordiv__(self, other):
        return self._kept(int(self) // int(other))


@given(prices_units_and_numbers(), st.sampled_from([2**63, 10**38]))
def test_no_number_on_the_way_reaches_the_limit_up_to_the_most(drawn, limit):
    price, unit, numbers = drawn
    program = IntegerPrice.of(price.pieces(), unit, 10**6)
    most = program.most(limit)

    for n in [n for n in (*numbers, most) if 0 <= n <= most]:
        Watched.largest = 0
        line = program.lines[sum(end < n for end in program.ends)]
        whole(value(line, Watched(n)), program.divisor, program.mode)
        assert Watched.largest < limit


@given(prices_units_and_numbers())
def test_nothing_that_is_divided_is_negative_on_its_piece(drawn):
    price, unit, numbers = drawn
    program = compiled(price, unit)

    for n in (*numbers, *program.ends):
        line = program.lines[sum(end < n for end in program.ends)]
        assert_positive(line, n)


def assert_positive(line, n):
    for step in line.wholes:
        assert value(step.of, n) >= 0
        assert_positive(step.of, n)


@pytest.mark.parametrize("limit", [2**63, 10**38])
def test_most_is_the_largest_of_all(limit):
    program = IntegerPrice.of(PerUnit("0.07").pieces(), 1, 100)  # 7 × n, and 1 more for the divisor

    assert program.most(limit) == (limit - 2) // 7 if limit == 2**63 else LIMIT - 1


def test_most_is_less_than_zero_where_the_curve_itself_is_too_long():
    assert compiled(Flat(10**20, at_zero=True)).most(2**63) == -1


def test_results_reach_further_than_the_numbers_on_the_way():
    thirds = IntegerPrice.of(PerUnit("0.10", per=3).pieces(), unit=1, scale=100)  # n × 10 ÷ 3

    assert thirds.most(1000) == 99  # 10 × 99 + 3 is below 1000, and 10 × 100 + 3 is not
    assert thirds.reach(1000) == 299  # 10 × 299 + 3 is below 3 × 1000
    assert thirds.at(299) == 997
    assert IntegerPrice.of(Flat(5, at_zero=True).pieces(), unit=1, scale=1).reach(6) == -1
    assert IntegerPrice.of(Flat(5, at_zero=True).pieces(), unit=1, scale=1).reach(7) == LIMIT - 1


def test_a_straight_price_is_one_line():
    program = compiled(PerUnit("2.50", per=1_000_000))

    assert (program.ends, program.lines, program.divisor) == ((), (Line(0, 1),), 1)
    assert program.scale == 400_000  # 2.50 / 1,000,000 = 1 / 400,000


def test_a_fee_at_zero_is_a_piece_of_its_own():
    program = compiled(Flat(3))

    assert (program.ends, program.at(0), program.at(1)) == ((0,), 0, 3)


def test_a_tier_ends_with_the_last_part_of_a_unit_inside_it():
    price = Volume([Tier("1.5", 1), Tier(None, 2)])

    assert compiled(price, 1).ends == (1,)  # 1.5 units are one whole unit
    assert compiled(price, 10).ends == (15,)


def test_a_tier_that_holds_no_part_of_a_unit_is_left_out():
    price = Graduated([Tier("0.1", 9), Tier("0.2", 5), Tier(None, 1)])

    assert compiled(price, 1).ends == (0,)
    assert compiled(price, 100).ends == (10, 20)


def test_packages_are_steps():
    program = compiled(Package(1000, 5))

    assert program.lines == (Line(wholes=(Whole(5, Line(rate=1), 1000, "up"),)),)
    assert [program.at(n) for n in (0, 1, 1000, 1001)] == [0, 5, 5, 10]
    assert not program.straight


@given(st.integers(0, 10**6), st.integers(1, 1000), st.sampled_from(DIRECTIONS))
def test_whole_numbers_are_the_nearest_in_their_direction(total, divisor, mode):
    exact, found = Fraction(total, divisor), whole(total, divisor, mode)

    assert {
        "up": found - 1 < exact <= found,
        "down": found <= exact < found + 1,
        "half_up": found - Fraction(1, 2) <= exact < found + Fraction(1, 2),
        "half_even": found == round(exact),
    }[mode]


@given(quantities, st.integers(1, 10**9))
def test_places_show_every_amount_or_eighteen(quantity, denominator):
    places = places_for(denominator)
    top = int(quantity)

    if places is not None and Fraction(10**places, denominator).denominator == 1:
        assert Decimal(top * (10**places // denominator)) == Fraction(top, denominator) * 10**places
    else:
        assert places in (18, None)


@pytest.mark.parametrize(("total", "rounded"), [(5, 2), (7, 4), (6, 3), (9, 4)])
def test_a_tie_goes_to_the_even_neighbour(total, rounded):
    assert whole(total, 2, "half_even") == rounded


def test_eighteen_decimals_are_the_most_beside_amounts_that_never_end():
    assert places_for(3 * 2**18) == 18  # 1 ÷ 2^18 has eighteen
    assert places_for(3 * 2**19) is None


# --- every whole number up to sixty, of prices of each kind ------------------------------------------------

TIERED = [Tier("7.5", 3, fee=2), Tier(20, 1), Tier(None, "0.5", fee=4)]
SMALL = {
    "a unit": PerUnit(2),
    "a third": PerUnit(1, per=3),
    "nothing": PerUnit(0),
    "a fee": Flat(50, at_zero=True) + PerUnit(3),
    "packages": Package(10, 500),
    "halves": Package(10, 7, "half_up"),
    "packages and units": Package(10, 40) + PerUnit(3),
    "graduated": Graduated(TIERED),
    "volume": Volume(TIERED),
    "volume at zero": Volume(TIERED, fee_at_zero=True),
    "blocks, then units": Graduated([Tier(20, 10, per=5, round="up"), Tier(None, 1)]),
    "minutes": Graduated(TIERED).in_units(of=3, round="down"),
    "started minutes": Volume(TIERED).in_units(of=3, round="up"),
    "capped": Package(10, 40).capped(100),
    "of packages": Package(10, 7).then(Volume(TIERED)),
    "after": (Package(4, 3) * "1.5").after(6).at_least(10),
}


@pytest.mark.parametrize("unit", [1, 2, 10])
@pytest.mark.parametrize("price", SMALL.values(), ids=SMALL)
def test_each_whole_number_costs_what_its_price_says(price, unit):
    program = compiled(price, unit)

    for n in range(61):
        assert program.at(n) == price.exact(Decimal(n) / unit) * program.scale
    # at half the scale results are made whole, and the half goes up
    coarse = IntegerPrice.of(price.pieces(), unit, 1)
    half_up = Rounding(places=0)
    assert [coarse.at(n) for n in range(61)] == [half_up(price.exact(Decimal(n) / unit)) for n in range(61)]


@pytest.mark.parametrize("price", SMALL.values(), ids=SMALL)
def test_the_most_is_the_last_whole_number_that_fits(price):
    program = compiled(price)
    for limit in (1, 2, 30, 31, 60, 100, 500, 501, 1000):
        fits = []
        for n in range(1100):
            line = program.lines[sum(end < n for end in program.ends)]
            if not (n < limit and line.peak(n) + program.divisor < limit):
                break
            fits.append(n)
        assert program.most(limit) == len(fits) - 1


def test_the_peak_of_a_line_is_no_less_than_what_stands_on_the_way():
    for price in SMALL.values():
        for line in compiled(price).lines:
            for n in (1, 9, 10, 11, 1001):
                inner = [value(step.of, n) + step.divisor - 1 for step in line.wholes]
                parts = [
                    whole(value(step.of, n), step.divisor, step.mode) * step.factor for step in line.wholes
                ]
                assert line.peak(n) >= max([value(line, n), *inner, *map(abs, parts)])


def test_a_line_is_a_constant_and_a_rate():
    assert [value(Line(5, rate), 7) for rate in (0, 1, 2, 3)] == [5, 12, 19, 26]
    assert [value(Line(0, rate), 7) for rate in (0, 1, 2)] == [0, 7, 14]


def test_one_piece_with_steps_makes_a_price_no_straight_one():
    straight = {name for name, price in SMALL.items() if compiled(price).straight}

    assert straight == {"a unit", "a third", "nothing", "a fee", "graduated", "volume", "volume at zero"}


def test_an_end_between_two_parts_of_a_unit_is_before_the_next_of_them():
    # units are made thirds, each full one counts: at 2/3 of a unit there are 2, and the second costs 5
    price = PerUnit(1).in_units(times=3, round="down").then(Graduated([Tier(1, 1), Tier(None, 5)]))
    function = IntegerPrice.of(price.pieces(), unit=100, scale=1)
    assert [function.at(n) for n in (33, 34, 66, 67, 99, 100)] == [0, 1, 1, 6, 6, 11]


def test_the_last_whole_number_below_a_limit_may_be_the_first():
    function = IntegerPrice.of(PerUnit(5).pieces(), unit=1, scale=1)
    assert [function.most(limit) for limit in (7, 11, 12)] == [1, 1, 2]
