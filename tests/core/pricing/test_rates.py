from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import Flat, Package, PerUnit
from tokenbill.core.pricing.curves import NIL, Edge, Form, Piece
from tokenbill.errors import InvalidNumber, InvalidPrice


def test_a_rate_per_many_units_is_multiplied_first_and_divided_once():
    hours = PerUnit(1, per=3600)

    assert hours(36 * 100) == Decimal(1)  # 36 jobs of 100 s at 1.00 an hour
    assert PerUnit("0.10", per=3600)(36) == Decimal("0.001")  # 36 × 0.10 ÷ 3600


def test_a_price_per_million_tokens_is_exact():
    rates = {"3": 1_200, "0.30": 8_000, "3.75": 500, "6": 200, "15": 900}

    total = sum(PerUnit(rate, per=1_000_000).exact(tokens) for rate, tokens in rates.items())

    assert total == Fraction("0.022575")  # 0.0036 + 0.0024 + 0.001875 + 0.0012 + 0.0135


def test_an_amount_that_does_not_end_is_shown_with_18_places():
    assert PerUnit(1, per=3)(2) == Decimal("0.666666666666666667")
    assert PerUnit(1, per=3).exact(2) == Fraction(2, 3)


def test_a_rate_is_neither_negative_nor_a_float():
    with pytest.raises(InvalidPrice, match="rate is negative"):
        PerUnit("-0.01")
    with pytest.raises(InvalidNumber, match=r'write it as a string: "0[.]1"'):
        PerUnit(0.1)
    with pytest.raises(InvalidPrice, match="per is not positive"):
        PerUnit(1, per=0)


def test_a_flat_fee_is_due_once_something_is_used_or_always():
    assert (Flat(20)(0), Flat(20)("0.001"), Flat(20)(7)) == (Decimal(0), Decimal(20), Decimal(20))
    assert (Flat(20, at_zero=True)(0), Flat(20, at_zero=True)(7)) == (Decimal(20), Decimal(20))
    assert Flat(20, at_zero=True)(7, prior=0) == Decimal(0)  # 20 − 20: it was billed before


def test_a_flat_fee_jumps_from_zero_unless_it_is_always_due():
    assert Flat(20).pieces() == (Piece(Edge(NIL, closed=True), Form(NIL)), Piece(None, Form(Fraction(20))))
    assert Flat(20, at_zero=True).pieces()[0].form == Form(Fraction(20))


def test_a_switch_is_true_or_false():
    with pytest.raises(InvalidPrice):
        Flat(20, at_zero="no")


@pytest.mark.parametrize(
    ("direction", "amount"),
    [("up", "15"), ("down", "10"), ("half_up", "10")],
)
def test_a_started_package_counts_as_its_direction_says(direction, amount):
    assert Package(1000, 5, direction)(2001) == Decimal(amount)  # 2.001 packages at 5


def test_half_a_package_counts_in_full_from_the_half_on():
    halves = Package(1000, 5, "half_up")

    assert (halves(2499), halves(2500)) == (Decimal(10), Decimal(15))  # 2.499 → 2, 2.5 → 3


def test_packages_are_divided_exactly_before_they_are_counted():
    assert Package("0.3", 1)("2.1") == Decimal(7)  # a float would say 7.000000000000001, so 8


def test_free_units_come_off_before_packages():
    assert Package(1000, 5).after(500)(2001) == Decimal(10)  # 1501 units are 2 packages


def test_packages_are_counted_whole():
    with pytest.raises(InvalidPrice, match="choose one of up, down, half_up"):
        Package(1000, 5, "none")
    with pytest.raises(InvalidPrice, match="size is not positive"):
        Package(0, 5)
    with pytest.raises(InvalidPrice, match="fee is negative"):
        Package(1, -5)


def test_components_show_the_numbers_of_the_price():
    (hours,) = PerUnit("0.10", per=3600).breakdown(Decimal(36))
    (fee,) = Flat(20).breakdown(Decimal(3))
    (packages,) = Package(1000, 5).breakdown(Decimal(2001))

    assert (hours.amount, hours.rate, hours.per) == (Decimal("0.001"), Decimal("0.10"), Decimal(3600))
    assert (fee.amount, fee.fee, fee.rate, fee.label) == (Decimal(20), Decimal(20), None, "flat fee")
    assert (packages.amount, packages.rate, packages.per, packages.round) == (15, 5, 1000, "up")
