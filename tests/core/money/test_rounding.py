import copy
import pickle
from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction
from itertools import repeat

import pytest

from tokenbill import Rounding
from tokenbill.core.money.decimals import PLACES
from tokenbill.errors import InvalidNumber, InvalidRounding

CENTS = Rounding(places=2)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("half_up", ["0.34", "0.33", "0.35", "-0.34", "-0.33", "-0.35"]),
        ("half_even", ["0.34", "0.33", "0.34", "-0.34", "-0.33", "-0.34"]),
        ("up", ["0.34", "0.34", "0.35", "-0.34", "-0.34", "-0.35"]),
        ("down", ["0.33", "0.33", "0.34", "-0.33", "-0.33", "-0.34"]),
    ],
)
def test_a_mode_treats_both_sides_of_zero_alike(mode, expected):
    rounding = Rounding(places=2, mode=mode)
    amounts = ["0.335", "0.334", "0.345", "-0.335", "-0.334", "-0.345"]

    assert [str(rounding(amount)) for amount in amounts] == expected
    assert [str(rounding(Fraction(amount))) for amount in amounts] == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("half_up", "0.67"), ("half_even", "0.67"), ("up", "0.67"), ("down", "0.66")],
)
def test_an_amount_that_does_not_terminate_is_rounded_from_its_exact_value(mode, expected):
    assert str(Rounding(places=2, mode=mode)(Fraction(2, 3))) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("half_up", "1"), ("half_even", "1"), ("up", "1"), ("down", "0")],
)
def test_an_amount_just_above_a_tie_is_no_tie(mode, expected):
    above = Fraction(1, 2) + Fraction(1, 10**300)

    assert str(Rounding(places=0, mode=mode)(above)) == expected


def test_three_calls_rounded_together_are_not_three_calls_rounded_alone():
    together, alone = CENTS("1.005"), [CENTS("0.335")] * 3

    assert str(together) == "1.01"
    assert sum(alone) == Decimal("1.02")


def test_a_currency_without_decimals_rounds_to_whole_units():
    assert str(Rounding()(Decimal("10.5"), 0)) == "11"  # yen
    assert str(Rounding()(Decimal("1.0005"), 3)) == "1.001"  # dinar


def test_the_places_of_a_rounding_win_over_those_of_the_currency():
    assert str(CENTS("0.125", 3)) == "0.13"


def test_an_amount_too_long_for_a_context_is_rounded_all_the_same():
    digits = "9" * 250

    assert str(CENTS(Decimal(f"{digits}.995"))) == f"1{'0' * 250}.00"


def test_the_callers_decimal_context_changes_no_rounding():
    with localcontext(prec=1, rounding=ROUND_DOWN):
        assert str(CENTS("1234.565")) == "1234.57"


def test_a_rounding_without_places_does_not_guess_them():
    with pytest.raises(InvalidRounding, match="places are not known"):
        Rounding()("1.005")


@pytest.mark.parametrize("places", [-1, 31, 2.0, "2", True, Decimal(2)])
def test_places_are_a_whole_number_from_0_to_30(places):
    with pytest.raises(InvalidRounding):
        Rounding(places=places)
    with pytest.raises(InvalidRounding):
        Rounding()("1", places)


@pytest.mark.parametrize(
    "terms",
    [
        {"mode": "ceiling"},
        {"mode": ["up"]},
        {"mode": None},
        {"stage": "total"},
        {"stage": 1},
        {"tax": "bill"},
    ],
)
def test_a_policy_that_does_not_exist_is_refused(terms):
    with pytest.raises(InvalidRounding, match="choose one of"):
        Rounding(**terms)


@pytest.mark.parametrize("amount", [0.5, True, None, "1e30", Decimal("NaN")])
def test_only_exact_numbers_are_rounded(amount):
    with pytest.raises(InvalidNumber):
        CENTS(amount)


def test_cents_left_over_go_to_the_largest_fractions():
    # 10 by sevenths: 1.42…, 2.85…, 5.71…; floors 1 + 2 + 5 leave two units
    assert Rounding(places=0).allocate(10, [1, 2, 4]) == (1, 3, 6)


def test_of_equal_fractions_the_first_ones_get_the_cents_left_over():
    assert CENTS.allocate("10.00", [1, 1, 1]) == (Decimal("3.34"), Decimal("3.33"), Decimal("3.33"))
    assert CENTS.allocate("0.02", [1, 1, 1]) == (Decimal("0.01"), Decimal("0.01"), 0)


def test_a_negative_amount_is_split_as_the_mirror_image():
    assert CENTS.allocate("-10.00", [1, 1, 1]) == (Decimal("-3.34"), Decimal("-3.33"), Decimal("-3.33"))


def test_a_weight_of_zero_gets_nothing():
    assert CENTS.allocate("0.05", [0, 1, 0, 1]) == (0, Decimal("0.03"), 0, Decimal("0.02"))


def test_scaling_all_weights_changes_nothing():
    by_fractions = CENTS.allocate("100.00", [Fraction(1, 3), Fraction(1, 7), "0.1"])

    # 1/3 : 1/7 : 1/10 is 70 : 30 : 21, of 121; 57.85… + 24.79… + 17.35… leave two cents
    assert by_fractions == CENTS.allocate("100.00", [70, 30, 21])
    assert list(map(str, by_fractions)) == ["57.85", "24.79", "17.36"]


def test_what_is_split_is_rounded_first():
    assert CENTS.allocate("0.125", [1, 1]) == (Decimal("0.07"), Decimal("0.06"))  # of 0.13
    assert Rounding().allocate("1", [1, 1], places=0) == (1, 0)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], 5, None, "11", {"red": 1}])
def test_weights_that_cannot_share_an_amount_are_refused(weights):
    with pytest.raises(InvalidRounding):
        CENTS.allocate("1.00", weights)


def test_an_amount_is_shared_by_at_most_100000_weights():
    with pytest.raises(InvalidRounding, match="too many weights"):
        CENTS.allocate("1.00", repeat(1))


@pytest.mark.parametrize("weight", [0.5, "one", None])
def test_a_weight_is_an_exact_number(weight):
    with pytest.raises(InvalidNumber):
        CENTS.allocate("1.00", [1, weight])


def test_equal_roundings_are_one_value():
    spelled = Rounding(2, "half_even", stage="line")

    assert len({spelled, Rounding(places=2, mode="half_even", stage="line", tax="total")}) == 1
    assert copy.deepcopy(spelled) == pickle.loads(pickle.dumps(spelled)) == spelled
    assert repr(spelled) == "Rounding(places=2, mode='half_even', stage='line', tax='total', step=None)"


def test_as_many_places_and_weights_as_there_may_be(monkeypatch):
    assert Rounding(places=PLACES).places == PLACES
    with pytest.raises(InvalidRounding):
        Rounding(places=PLACES + 1)
    monkeypatch.setattr("tokenbill.core.money.rounding.WEIGHTS", 2)
    assert CENTS.allocate("0.03", [1, 2]) == (Decimal("0.01"), Decimal("0.02"))
    with pytest.raises(InvalidRounding, match="too many weights"):
        CENTS.allocate("0.03", [1, 1, 1])
