from decimal import Decimal, FloatOperation, Inexact, getcontext, localcontext
from enum import IntEnum
from fractions import Fraction
from numbers import Integral

import pytest

from tokenbill import Rounding
from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import (
    EXACT,
    LIMIT,
    decimal,
    difference,
    exact_sum,
    from_float,
    number,
    odd_part,
    plain_amount,
    plus,
    product,
    ratio,
    rounded,
    running_differences,
    shifted,
    users_context,
)
from tokenbill.errors import InvalidNumber

THIRD = Fraction(1, 3)
LONG = Decimal("1." + "0" * 150 + "1")
"""A number whose square needs more digits than the exact context holds."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, "3"),
        (-3, "-3"),
        (0, "0"),
        (Decimal("0.10"), "0.10"),
        ("0.10", "0.10"),
        ("007", "7"),
        ("-2.50", "-2.50"),
        (Decimal("-0.00"), "0.00"),  # zero has no sign
        ("-0", "0"),
        (Decimal("1E+3"), "1000"),  # in plain digits
        ("1e3", "1000"),
        ("1e+06", "1000000"),
        ("1e-05", "0.00001"),
        ("2.5E-7", "2.5E-7"),
        ("-1.50e1", "-15.0"),
        ("1e29", "1" + "0" * 29),
        ("1e-30", "1E-30"),
        ("0e0", "0"),
        (Decimal("1E-30"), "1E-30"),
        (LIMIT - 1, "999999999999999999999999999999"),
        ("999999999999999999999999999999.999999999999999999999999999999",) * 2,
    ],
)
def test_a_number_enters_as_the_decimal_that_it_is(given, expected):
    found = number(given)

    assert (type(found), str(found)) == (Decimal, expected)


@pytest.mark.parametrize(
    "given",
    [
        *["", " 1", "1 ", "+1", ".5", "1.", "1_000", "1,5", "0x10", "NaN", "Infinity", "١٢", "1\n"],
        *["1e", "e3", "1e 3", "1.e3", "1e3.0", "1e1e1", "1e١", "1e003", "1e-100", "1e30", "1e-31", "1.5e-30"],
        *["1" * 65, 10**30, -(10**30), "1" + "0" * 30, Decimal("1E+30"), Decimal("1E-31"), "0." + "0" * 31],
        *[Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999"), 10**5000],
        *[0.5, 1.0, float("nan"), float("inf"), True, False, None, b"1", [1], 1j, Fraction(1, 2)],
    ],
    ids=lambda given: f"{type(given).__name__} {quoted(given)}",
)
def test_what_is_no_plain_number_in_bounds_is_refused(given):
    with pytest.raises(InvalidNumber):
        number(given)


def test_a_float_is_refused_with_the_text_to_write_instead():
    with pytest.raises(InvalidNumber, match=r'write it as a string: "0\.1"'):
        number(0.1)


def test_a_number_of_a_class_of_ones_own_enters_as_plain_digits():
    class Loud(int):
        def __str__(self):
            raise AssertionError("an operator of the subclass ran")

        __repr__ = __lt__ = __neg__ = __str__

    class Level(IntEnum):
        HIGH = 3

    class Money(Decimal):
        pass

    class Count:
        def __int__(self):
            return 12

    Integral.register(Count)

    assert [number(Loud(5)), number(Level.HIGH), number(Count())] == [5, 3, 12]
    assert type(number(Money("0.10"))) is Decimal


def test_a_float_has_one_named_door():
    assert from_float(0.1) == Decimal("0.1")
    assert from_float(1e21) == Decimal("1000000000000000000000")


@pytest.mark.parametrize("given", [1, "0.1", None, float("nan"), float("-inf"), 1e30, 1e-31])
def test_the_door_for_floats_takes_nothing_else_and_nothing_out_of_bounds(given):
    with pytest.raises(InvalidNumber):
        from_float(given)


def test_arithmetic_on_decimals_that_fit_stays_in_decimals():
    one, other = Decimal("0.1"), Decimal("0.2")

    found = [plus(one, other), difference(one, other), product(one, other), ratio(one, other)]

    assert list(map(str, found)) == ["0.3", "-0.1", "0.02", "0.5"]


def test_arithmetic_that_a_decimal_cannot_hold_goes_on_in_fractions():
    assert ratio(Decimal(1), Decimal(3)) == THIRD
    assert plus(THIRD, Decimal(1)) == Fraction(4, 3)
    assert difference(Decimal(1), THIRD) == Fraction(2, 3)
    assert product(THIRD, Decimal(3)) == 1
    assert ratio(THIRD, Decimal(2)) == Fraction(1, 6)
    assert product(LONG, LONG) == Fraction(LONG) ** 2
    assert plus(Decimal(10) ** 200, LONG) == 10**200 + Fraction(LONG)


def test_arithmetic_neither_reads_nor_changes_the_callers_decimal_context():
    with localcontext(prec=1, traps=[Inexact, FloatOperation]) as context:
        context.clear_flags()
        found = [plus(Decimal("0.15"), Decimal("0.25")), product(Decimal("1.5"), Decimal("1.5"))]

        assert list(map(str, found)) == ["0.40", "2.25"]
        assert getcontext() is context
        assert not any(context.flags.values())


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("none", ["2", "2.1", "2.5", "2.9"]),
        ("up", ["2", "3", "3", "3"]),
        ("down", ["2", "2", "2", "2"]),
        ("half_up", ["2", "2", "3", "3"]),
    ],
)
def test_a_quantity_is_made_whole_in_one_of_four_directions(direction, expected):
    quantities = map(Decimal, ["2", "2.1", "2.5", "2.9"])

    assert [rounded(quantity, direction) for quantity in quantities] == list(map(Decimal, expected))


def test_a_fraction_of_a_unit_is_made_whole_exactly():
    assert rounded(Fraction(21, 3), "up") == 7  # 2.1 ÷ 0.3 in floats is 7.000000000000001, and 8 packages
    assert rounded(Fraction(22, 3), "up") == 8
    assert rounded(Fraction(1, 2), "half_up") == 1
    assert rounded(THIRD, "half_up") == 0
    assert rounded(THIRD, "none") == THIRD


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (Decimal("1.50"), "1.50"),
        (Fraction(1, 8), "0.125"),
        (Fraction(3, 50), "0.06"),
        (Fraction(7), "7"),
        (Fraction(-7, 4), "-1.75"),
        (THIRD, "0.333333333333333333"),
        (Fraction(2, 3), "0.666666666666666667"),
        (Fraction(-2, 3), "-0.666666666666666667"),
    ],
)
def test_an_exact_amount_is_shown_in_full_or_to_18_places(exact, shown):
    assert str(decimal(exact)) == shown


def test_amounts_add_up_whatever_they_are():
    assert str(exact_sum([])) == "0"
    assert str(exact_sum(iter([Decimal("0.10"), Decimal("0.20")]))) == "0.30"
    assert exact_sum([THIRD, Decimal("0.5"), THIRD]) == Fraction(7, 6)
    assert exact_sum([LONG, Decimal(10) ** 200]) == 10**200 + Fraction(LONG)


def test_differences_of_the_running_sum_add_up_to_the_rounded_sum():
    # 0.335, 0.67 and 1.005 are 0.34, 0.67 and 1.01
    calls = running_differences([Decimal("0.335")] * 3, Rounding(places=2))

    assert list(map(str, calls)) == ["0.34", "0.33", "0.34"]


def test_differences_of_the_running_sum_are_shown_to_18_places():
    thirds = running_differences([THIRD] * 3)

    assert thirds[1] == Decimal("0.333333333333333334")
    assert sum(thirds) == 1
    assert running_differences([]) == []


def test_a_number_of_any_length_is_put_together_from_its_digits():
    assert shifted(-12345, 2) == Decimal("-123.45")
    assert str(shifted(10**1200 + 1, 1)) == "1" + "0" * 1199 + ".1"


def test_an_amount_is_of_a_size_that_can_be_multiplied_out():
    assert plain_amount(Decimal("1E+1999")) == Decimal("1E+1999")
    assert plain_amount(Decimal("-0.335")) == Decimal("-0.335")


@pytest.mark.parametrize(
    "value", [Decimal("1E+2000"), Decimal("1E-2000"), Decimal("NaN"), 1, "1", None], ids=repr
)
def test_what_no_money_has_is_no_plain_amount(value):
    assert plain_amount(value) is None


def test_factors_of_two_and_five_are_no_odd_part():
    assert [odd_part(bottom) for bottom in (1, 1000, 3600, 7, 35)] == [1, 1, 9, 7, 7]


def test_a_users_amount_runs_where_a_lost_digit_raises():
    with users_context(), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)
    with users_context(), pytest.raises(FloatOperation):
        Decimal(1) < 0.5  # noqa: B015 the comparison is what raises


def test_what_a_users_amount_does_to_its_context_is_forgotten():
    with users_context():
        getcontext().prec = 3

    assert EXACT.prec == 200
    assert getcontext().prec == 28


@pytest.mark.parametrize("given", [Fraction(12, 5), THIRD, Fraction(2)], ids=str)
def test_a_fraction_is_refused_with_what_to_write(given):
    with pytest.raises(
        InvalidNumber, match=r"a Fraction may have no last decimal: Fraction\(.*; give a Decimal"
    ):
        number(given)


def test_a_number_has_at_most_64_characters():
    assert number("0" * 63 + "7") == 7
    with pytest.raises(InvalidNumber):
        number("0" * 64 + "7")
