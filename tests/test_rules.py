from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import frozen

from tokenbill import Flat, Graduated, Package, PerUnit, Price, Tier, Volume
from tokenbill.price import After, Sum
from tokenbill.rules import COMBINATORS, LONGEST, RULES, SECTIONS, page_of, plain, rule_of

CALLS = PerUnit("0.01")


@frozen
class Squared(Price):
    """Grows with the ``square`` of the quantity.

    More is said below.
    """

    def amount(self, quantity):
        return quantity * quantity


class Bare(Price):
    def amount(self, quantity):
        return 0


@pytest.mark.parametrize(
    ("price", "told"),
    [
        (CALLS, "every unit at 0.01"),
        (PerUnit("2.50", per=1_000_000), "every 1000000 units at 2.50"),
        (Flat(20), "20 once something is used"),
        (Flat(20, at_zero=True), "20 always"),
        (Package(1000, 5), "each started package of 1000 at 5"),
        (Package(1000, 5, round="down"), "each full package of 1000 at 5"),
        (Package(1000, 5, round="half_up"), "each half used package of 1000 at 5"),
        (
            Graduated([Tier(None, 1)]),
            "each unit at the rate of the tier it falls in, with the fees of tiers entered",
        ),
        (
            Volume([Tier(None, 1)]),
            "all units at the rate of the tier that their total falls in, with its fee",
        ),
        (CALLS + Flat(20), "every unit at 0.01 plus 20 once something is used"),
        (CALLS * "1.2", "every unit at 0.01, × 1.2"),
        (CALLS.after(100), "the first 100 units free, then every unit at 0.01"),
        (After(CALLS, Fraction(100, 3)), "the first 100/3 units free, then every unit at 0.01"),
        (CALLS.capped(500), "every unit at 0.01, at most 500"),
        (CALLS.at_least(5), "every unit at 0.01, at least 5"),
        (CALLS.in_units(of=60, round="half_up"), "every unit at 0.01, for quantity ÷ 60, made whole half up"),
        (CALLS.in_units(times=3), "every unit at 0.01, for quantity × 3"),
        (PerUnit(2).then(CALLS), "every unit at 2, and that amount is the quantity of every unit at 0.01"),
        (Squared(), "Grows with the square of the quantity."),
        (Bare(), "Bare"),
    ],
)
def test_a_rule_says_with_its_numbers_what_a_price_does(price, told):
    assert rule_of(price) == told


def test_the_rule_of_a_nested_price_names_every_price_in_it():
    price = CALLS.after(100).capped(500) + Flat(20)

    assert rule_of(price) == (
        "((the first 100 units free, then every unit at 0.01), at most 500) plus 20 once something is used"
    )


def test_a_rule_of_many_prices_is_cut():
    told = rule_of(Sum([CALLS] * 1000))

    assert len(told) == LONGEST
    assert told.endswith("…")


def test_each_kind_of_price_has_a_rule_and_a_page():
    assert set(RULES) == set(SECTIONS) == {PerUnit, Flat, Package, Graduated, Volume, *COMBINATORS}
    assert page_of(CALLS.capped(5)) == "docs/explanation/pricing-models.md#cap"
    assert page_of(Squared()) == "docs/how-to/write-a-price.md"


def test_an_exact_number_is_told_in_plain_digits_or_as_a_fraction():
    assert [plain(value) for value in (Decimal("1E-7"), Fraction(1, 3))] == ["0.0000001", "1/3"]
