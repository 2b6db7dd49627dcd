from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import fields

from tokenbill.core.money.validators import non_negative, number_or_part, optional_number, positive, yes_or_no
from tokenbill.core.pricing.rates import Flat, PerUnit
from tokenbill.errors import InvalidNumber, InvalidPrice

RATE, AT_ZERO = fields(PerUnit).rate, fields(Flat).at_zero


def test_none_is_an_absent_number_where_one_may_be_absent():
    assert optional_number(None) is None
    assert optional_number("1.5") == Decimal("1.5")
    with pytest.raises(InvalidNumber):
        optional_number("")


def test_a_part_of_a_number_may_be_a_fraction():
    assert number_or_part(Fraction(1, 3)) == Fraction(1, 3)
    assert number_or_part("1.5") == Decimal("1.5")


def test_the_validators_of_numbers_name_the_field_that_is_wrong():
    with pytest.raises(InvalidPrice, match=r"rate is negative: -0\.1"):
        non_negative(None, RATE, Decimal("-0.1"))
    with pytest.raises(InvalidPrice, match="rate is not positive: 0"):
        positive(None, RATE, Decimal(0))
    with pytest.raises(InvalidPrice, match="at_zero is neither True nor False: 1"):
        yes_or_no(None, AT_ZERO, 1)


def test_the_validators_of_numbers_let_pass_what_is_right_or_absent():
    assert non_negative(None, RATE, Decimal(0)) is non_negative(None, RATE, None) is None
    assert positive(None, RATE, Decimal("1E-30")) is positive(None, RATE, None) is None
    assert yes_or_no(None, AT_ZERO, False) is None
