from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import Graduated, Tier, Volume
from tokenbill.core.pricing.curves import at
from tokenbill.errors import InvalidNumber, InvalidPrice

CALLS = [Tier(1000, "0.01"), Tier(5000, "0.008"), Tier(None, "0.005")]
FEES = [Tier(10, 5, fee=2), Tier(None, 4, fee=3)]
BLOCKS = [Tier(50, 1, per=10, round="up"), Tier(None, "1.5", per=20, round="up")]
STEPS = [Tier(10, fee=50), Tier(20, fee=100), Tier(None, fee=150)]


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        (0, "0"),
        (1000, "10.00"),
        ("1000.5", "10.004"),  # 10 + 0.5 × 0.008
        (5000, "42.00"),  # 10 + 4000 × 0.008
        (6000, "47.00"),  # 10 + 32 + 1000 × 0.005
    ],
)
def test_each_unit_costs_the_rate_of_its_tier_and_the_upper_end_belongs_to_it(quantity, amount):
    assert Graduated(CALLS)(quantity) == Decimal(amount)


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [(0, "0"), (1000, "10.00"), ("1000.5", "8.004"), (5000, "40.00"), (6000, "30.00")],
)
def test_all_units_cost_the_rate_of_the_tier_that_the_total_falls_in(quantity, amount):
    assert Volume(CALLS)(quantity) == Decimal(amount)  # 1000.5 × 0.008; 6000 × 0.005


def test_a_graduated_price_takes_the_fee_of_every_tier_entered():
    assert Graduated(FEES)(10) == Decimal(52)  # 2 + 10 × 5
    assert Graduated(FEES)(12) == Decimal(63)  # 52 + 3 + 2 × 4


def test_a_volume_price_takes_the_fee_of_the_tier_reached():
    assert Volume(FEES)(10) == Decimal(52)  # 2 + 10 × 5
    assert Volume(FEES)(12) == Decimal(51)  # 3 + 12 × 4


def test_the_first_fee_is_due_at_zero_only_if_the_price_says_so():
    for tiered in (Graduated, Volume):
        assert tiered(FEES)(0) == Decimal(0)
        assert tiered(FEES, fee_at_zero=True)(0) == Decimal(2)
        assert tiered(FEES, fee_at_zero=True)(1) == Decimal(7)  # 2 + 5


def test_rounded_tiers_make_blocks():
    assert Graduated(BLOCKS)(50) == Decimal(5)  # 5 blocks of 10 at 1
    assert Graduated(BLOCKS)(57) == Decimal("6.5")  # 5 + a started block of 20 at 1.50
    assert Volume(BLOCKS)(50) == Decimal(5)
    assert Volume(BLOCKS)(51) == Decimal("4.5")  # 3 started blocks of 20 at 1.50


@pytest.mark.parametrize(
    ("quantity", "reached", "cumulative"), [(0, 0, 0), (10, 50, 50), (20, 100, 150), ("20.5", 150, 300)]
)
def test_tiers_of_fees_are_stairsteps(quantity, reached, cumulative):
    assert Volume(STEPS)(quantity) == Decimal(reached)
    assert Graduated(STEPS)(quantity) == Decimal(cumulative)


def test_a_per_of_the_whole_price_holds_for_tiers_that_give_none():
    tiers = [Tier(1000, 2), Tier(None, 3, per=10)]

    assert Graduated(tiers, per=100)(1500) == Decimal(170)  # 1000 × 2 ÷ 100 + 500 × 3 ÷ 10
    assert Volume(tiers, per=100)(1000) == Decimal(20)


def test_what_comes_next_is_the_difference_of_two_points_on_the_curve():
    assert Graduated(CALLS)(1000, prior=500) == Decimal("9.00")  # 500 × 0.01 + 500 × 0.008
    assert Volume([Tier(10, 10), Tier(None, 6)])(2, prior=10) == Decimal(-28)  # 12 × 6 − 10 × 10


def test_tier_at_tells_the_tier_that_a_total_falls_in():
    price = Volume(CALLS)

    assert [price.tier_at(q).rate for q in (0, 1000, "1000.1", Fraction(15001, 3))] == [
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal("0.008"),
        Decimal("0.005"),  # 5000 ⅓
    ]


def test_tier_at_refuses_what_is_no_quantity():
    with pytest.raises(InvalidNumber):
        Volume(CALLS).tier_at("many")
    with pytest.raises(InvalidPrice, match="negative quantity"):
        Volume(CALLS).tier_at(-1)


def test_widths_and_lower_bounds_spell_the_same_tiers():
    tiers = (Tier(200, "0.10"), Tier(500, "0.08"), Tier(None, "0.05"))

    assert Tier.widths([(200, "0.10"), (300, "0.08"), (None, "0.05")]) == tiers
    assert Tier.lower_bounds([(0, "0.10"), (200, "0.08"), (500, "0.05")]) == tiers
    assert Tier.lower_bounds({0: "0.10", 200: "0.08", 500: "0.05"}) == tiers


@pytest.mark.parametrize("table", [5, [1], "tiers", [(0, 1, 2)]])
def test_a_table_of_tiers_is_pairs(table):
    with pytest.raises(InvalidPrice, match="not a table of tiers"):
        Tier.widths(table)
    with pytest.raises(InvalidPrice, match="not a table of tiers"):
        Tier.lower_bounds(table)


@pytest.mark.parametrize("bounds", [[], [(1, "0.10")]])
def test_lower_bounds_begin_at_zero(bounds):
    with pytest.raises(InvalidPrice, match="give the first tier the lower end 0"):
        Tier.lower_bounds(bounds)


@pytest.mark.parametrize("tiers", [[], None, "tiers", {"a": 1}, [1], 5])
def test_tiers_are_a_list_of_tiers(tiers):
    with pytest.raises(InvalidPrice, match="not tiers"):
        Graduated(tiers)


def test_the_last_tier_is_open():
    with pytest.raises(InvalidPrice, match="let it end with None"):
        Volume([Tier(10, 1)])


@pytest.mark.parametrize("ends", [[10, 10, None], [10, 5, None], [None, 10, None], [None, None]])
def test_tiers_ascend_and_only_the_last_is_open(ends):
    with pytest.raises(InvalidPrice, match="tiers out of order"):
        Graduated([Tier(end, 1) for end in ends])


def test_a_price_has_at_most_1000_tiers():
    many = [*(Tier(end, 1) for end in range(1, 1000)), Tier(None, 1)]

    assert Graduated(many)(1000) == Decimal(1000)
    with pytest.raises(InvalidPrice, match="at most 1000"):
        Graduated([Tier("0.5", 1), *many])


@pytest.mark.parametrize(
    "wrong", [{"up_to": 0}, {"up_to": -1}, {"rate": -1}, {"fee": -1}, {"per": 0}, {"round": "sideways"}]
)
def test_a_tier_holds_sensible_numbers(wrong):
    with pytest.raises(InvalidPrice):
        Tier(**{"up_to": None, **wrong})


def test_a_fee_at_zero_is_a_switch():
    with pytest.raises(InvalidPrice):
        Graduated(FEES, fee_at_zero=1)


def test_the_components_of_a_graduated_price_are_its_tiers():
    full, reached = Graduated(FEES).breakdown(Decimal(12))

    assert (full.amount, full.quantity, full.fee, full.label) == (52, 10, 2, "tier 1: 0 to 10")
    assert (reached.amount, reached.quantity, reached.fee, reached.label) == (11, 2, 3, "tier 2: above 10")


def test_the_component_of_a_volume_price_is_the_tier_reached():
    (component,) = Volume(FEES).breakdown(Decimal(12))
    (only,) = Volume([Tier(None, 4)]).breakdown(Decimal(3))

    assert (component.amount, component.quantity, component.fee, component.label) == (
        51,
        12,
        3,
        "tier 2: above 10",
    )
    assert (only.amount, only.label) == (12, "tier 1: any quantity")


def test_the_pieces_of_tiers_begin_at_zero_and_end_with_each_tier():
    graduated, volume = Graduated(FEES, fee_at_zero=True).pieces(), Volume(FEES).pieces()

    assert [piece.end and piece.end.at for piece in graduated] == [0, 10, None]
    assert [(piece.form.constant, piece.form.rate) for piece in graduated] == [(2, 0), (2, 5), (15, 4)]
    assert [(piece.form.constant, piece.form.rate) for piece in volume] == [(0, 0), (2, 5), (3, 4)]


@pytest.mark.parametrize("kind", [Graduated, Volume])
def test_a_tier_of_single_units_is_rounded_as_it_says(kind):
    assert kind([Tier(None, 2, round="up")])("2.5") == 6
    assert kind([Tier(None, 2)])("2.5") == 5


def test_all_of_a_list_of_tiers_are_tiers():
    with pytest.raises(InvalidPrice, match="not tiers"):
        Graduated([Tier(1000, "0.01"), (None, "0.005")])


@pytest.mark.parametrize(("count", "ending"), [(6, "above at 6"), (7, "; …")])
def test_a_rule_lists_six_tiers(count, ending):
    price = Volume([*(Tier(n, n) for n in range(1, count)), Tier(None, count)])

    assert price.in_words().endswith(ending)


def test_blocks_of_a_tier_and_fees_at_zero_are_in_its_pieces_too():
    blocks = Graduated([Tier(100, 3, per=10, round="up"), Tier(None, 1)])
    flat = Volume([Tier(10, 1, 5), Tier(None, 1, 7)], fee_at_zero=True)

    # 2 blocks of 3; 10 blocks and 5 more
    assert [(blocks.amount(n), at(blocks.pieces(), Fraction(n))) for n in (15, 105)] == [(6, 6), (35, 35)]
    assert flat.amount(0) == at(flat.pieces(), Fraction(0)) == 5
