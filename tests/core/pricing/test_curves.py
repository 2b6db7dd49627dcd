from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import Graduated, Package, PerUnit, Tier, Volume
from tokenbill.core.pricing.curves import (
    NIL,
    Edge,
    Form,
    Piece,
    Step,
    above,
    at,
    at_most,
    below,
    composed,
    constant,
    curve,
    line,
    reach,
    summed,
)
from tokenbill.core.pricing.price import Sum

F = Fraction
VOLUME = Volume([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])


def values(price, *quantities):
    pieces = price.pieces()
    return [at(pieces, F(quantity)) for quantity in quantities]


def ends(pieces):
    return [piece.end for piece in pieces]


def test_a_form_is_a_constant_a_rate_and_steps():
    packages = Package(10, 5).pieces()[1].form

    form = Form(F(3), F(2)).plus(packages)

    assert form.at(F(15)) == 43  # 3 + 2 × 15 + 2 packages at 5
    assert form.times(F(2)).at(F(15)) == 86
    assert form.times(NIL) == Form()
    assert form.size() == 2


def test_a_form_of_a_form_counts_in_the_units_of_the_inner_one():
    packages = Package(10, 5).pieces()[1].form

    doubled = Form(F(1), F(3)).plus(packages).over(line(F(2)))

    assert doubled.at(F(7)) == 53  # 1 + 3 × 14 + 2 packages at 5
    assert packages.over(constant(F(11))) == Form(F(10))  # two packages, whatever the quantity


def test_the_value_at_an_end_is_that_of_the_piece_that_it_closes():
    assert values(VOLUME, 0, 10, "10.5", 12) == [0, 52, 45, 51]


def test_a_curve_of_steps_has_the_limit_above_a_step():
    packages = Package(10, 5).pieces()[1].form

    assert (packages.at(F(10)), above(packages, F(10))) == (5, 10)


def test_a_cap_cuts_a_line_where_it_reaches_it():
    pieces = PerUnit(2).capped(7).pieces()

    assert ends(pieces) == [Edge(NIL, True), Edge(F(7, 2), True), None]
    assert [piece.form for piece in pieces] == [Form(), line(F(2)), constant(F(7))]


def test_a_cap_cuts_steps_where_they_pass_it():
    pieces = Package(10, 5).capped(12).pieces()

    assert ends(pieces) == [Edge(NIL, True), Edge(F(20), True), None]
    assert values(Package(10, 5).capped(12), 20, "20.01", 31) == [10, 12, 12]


def test_steps_that_round_down_pass_a_cap_with_their_first_unit():
    pieces = Package(10, 5, "down").capped(12).pieces()

    assert ends(pieces) == [Edge(NIL, True), Edge(F(10), False), Edge(F(30), False), None]
    assert values(Package(10, 5, "down").capped(12), "29.99", 30) == [10, 12]


def test_a_line_with_steps_is_cut_between_them():
    price = (PerUnit(1) + Package(10, 5)).capped(18)

    assert ends(price.pieces()) == [Edge(NIL, True), Edge(F(10), True), None]
    assert values(price, 10, "10.01") == [15, 18]  # 20.01 is more than 18
    assert ends((PerUnit(1) + Package(10, 5)).capped(22).pieces())[1] == Edge(F(12), True)  # 12 + 10


def test_zeros_cap_lift_and_free_nothing():
    assert ends(PerUnit(2).capped(0).pieces()) == [Edge(NIL, True), None]
    assert PerUnit(2).at_least(0).pieces() == PerUnit(2).pieces()
    assert PerUnit(2).after(0).pieces() == PerUnit(2).pieces()


def test_a_minimum_holds_up_to_where_the_line_reaches_it():
    assert values(PerUnit(2).at_least(7), 0, 3, "3.5", 4) == [7, 7, 7, 8]


def test_an_allowance_shifts_every_end():
    assert ends(VOLUME.after(5).pieces()) == [Edge(NIL, True), Edge(F(5), True), Edge(F(15), True), None]


def test_a_sum_has_the_ends_of_all_its_prices():
    price = VOLUME + Graduated([Tier(4, 1), Tier(None, 2)])

    assert ends(price.pieces()) == [Edge(NIL, True), Edge(F(4), True), Edge(F(10), True), None]
    assert values(price, 4, 10, 12) == [26, 68, 71]  # 22 + 4; 52 + 16; 51 + 20


def test_a_falling_price_passes_the_ends_of_the_next_one_again():
    price = Volume([Tier(10, 5), Tier(None, 1)]).then(Graduated([Tier(20, 1), Tier(None, 2)]))

    assert ends(price.pieces()) == [Edge(F(end), True) for end in (0, 4, 10, 20)] + [None]
    assert values(price, 4, 10, 11, 30) == [20, 80, 11, 40]  # 20; 20 + 30 × 2; 11; 20 + 10 × 2


def test_neighbours_of_one_form_are_one_piece():
    assert len(Graduated([Tier(5, 1), Tier(None, 1)]).in_units(of=2).pieces()) == 2


@pytest.mark.parametrize("of", ["1", "3", "0.7"])
def test_a_rounded_conversion_jumps_at_every_whole_unit(of):
    price = PerUnit(2).in_units(of=of, round="down")

    assert values(price, of, F(of) * 2 - F(1, 10**20)) == [2, 2]


def test_a_curve_too_long_to_list_is_known_by_its_amount_alone():
    price = PerUnit("0.5") + Package(3, 1)
    for _ in range(20):  # each doubles the steps of the one before
        price = price.then(PerUnit("0.5") + Package(3, 1))

    assert price.pieces() is None
    assert price(3) == price(3)


def test_a_sum_too_long_to_list_is_known_by_its_amounts_alone():
    many = [Graduated([Tier(end, 1), Tier(None, 2)]) for end in range(1, 500)]

    assert Sum(many).pieces() is None
    assert summed([price.pieces() for price in many[:100]]) is not None


def test_a_composition_too_long_to_list_is_none():
    saw = curve(NIL, [*map(F, range(1, 100)), None], [line(F(1), F(low)) for low in range(100)])
    tiers = curve(NIL, [*(F(end, 100) for end in range(1, 100)), None], [constant(F(i)) for i in range(100)])

    assert composed(saw, tiers) is None
    assert composed(line_of(F(1)), tiers) == tiers


def line_of(rate):
    return (Piece(Edge(NIL, True), Form()), Piece(None, line(rate)))


def test_steps_that_cancel_are_no_steps():
    packages = Form(steps=(Step(F(5), "up", Form(rate=F(1, 3))),))
    others = Form(F(2), steps=(Step(F(1), "down", Form(rate=F(1, 3))),))

    assert packages.plus(others).plus(packages.times(F(-1))) == others


def test_a_form_that_stays_is_passed_nowhere_however_it_is_written():
    thirds = Form(rate=F(1, 3))
    doubled = Form(steps=(Step(F(2), "up", thirds),))
    level = doubled.plus(Form(F(7), steps=(Step(F(-1), "up", doubled),)))  # 7: twice the thirds, less them

    assert level.steps
    assert composed((Piece(Edge(NIL, True), Form(F(7))), Piece(None, level)), at_most(F(7)))[-1].end is None
    assert [at(at_most(F(7)), level.at(F(q))) for q in (1, 2, 300)] == [7, 7, 7]


# --- curves of prices within prices, beside what their amounts are -----------------------------------------

TIERED = [Tier("7.5", 3, fee=2), Tier(20, 1, per=4), Tier(None, "0.5", fee=4)]
NESTED = {
    "tiers in blocks of four": Graduated(TIERED),
    "volume": Volume(TIERED),
    "volume at zero": Volume(TIERED, fee_at_zero=True),
    "graduated at zero": Graduated(TIERED, fee_at_zero=True).then(PerUnit(3)),
    "of packages": Package(10, 7).then(Volume(TIERED)),
    "halves of packages": Package(3, 7, "half_up").then(Package(5, 2, "half_up")),
    "packages of packages": Package(3, 7).then(Package(5, 2)).capped(20),
    "down": Graduated(TIERED).in_units(of=3, round="down").then(Volume(TIERED)),
    "a fee at first": (Package(4, 3) + PerUnit(1, per=3)).then(Graduated(TIERED, fee_at_zero=True)),
    "after": (Package(4, 3) * "1.5").after(6).at_least(10),
    "volume of at least": Graduated(TIERED).at_least(5).then(Volume(TIERED, fee_at_zero=True)),
    "beyond a level": (Package(2, 1, "half_up") + PerUnit("0.25")).then(Package(3, 4)),
}


@pytest.mark.parametrize("price", NESTED.values(), ids=NESTED)
def test_a_curve_costs_what_its_price_says_between_its_ends_too(price):
    curve = price.pieces()

    for quarters in (*range(100), *range(100, 300, 7)):
        assert at(curve, F(quarters, 4)) == price.exact(Decimal(quarters) / 4)


@pytest.mark.parametrize("price", NESTED.values(), ids=NESTED)
def test_just_above_and_just_below_are_what_stands_a_little_beside(price):
    little = Fraction(1, 10**9)
    for form in {piece.form for piece in price.pieces()}:
        for twelfths in range(1, 72):
            quantity = Fraction(twelfths, 12)
            assert above(form, quantity) == form.at(quantity + little) - form.rate * little
            assert below(form, quantity) == form.at(quantity - little) + form.rate * little


@pytest.mark.parametrize("price", NESTED.values(), ids=NESTED)
def test_how_far_a_form_reaches_is_where_it_passes_a_value(price):
    little = Fraction(1, 10**9)
    for form in {piece.form for piece in price.pieces()}:
        for target in (Fraction(n, 3) for n in range(1, 40, 3)):
            for start in (Fraction(0), Fraction(7, 5)):
                for closed in (True, False):
                    end = reach(form, Edge(target, closed), Edge(start, closed=True))
                    if end is None or end.at < start:
                        continue
                    assert form.at(end.at + little) > target or (
                        not closed and form.at(end.at + little) == target
                    )
                    if end.at - little > start:
                        assert form.at(end.at - little) <= target
                    if end.closed and end.at >= start:
                        assert form.at(end.at) <= target


@pytest.mark.parametrize("rate", ["0.5", "2", "3"])
def test_a_curve_with_steps_and_a_slope_passes_an_end_between_two_steps(rate):
    # 10 for each started 100 and a slope between: where it passes 25.3 depends on the slope
    inner = PerUnit(rate) + Package(100, 10)
    price = inner.then(Graduated([Tier("25.3", 1), Tier(None, 5)]))
    pieces = price.pieces()

    for quantity in ("5", "5.09", "5.11", "5.9", "7.6", "7.7", "7.9", "8", "30.5", "30.7", "30.9", "101"):
        assert at(pieces, F(quantity)) == price.exact(Decimal(quantity))
