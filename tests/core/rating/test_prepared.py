from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import frozen

from tokenbill import Flat, Graduated, Meter, Package, PerUnit, Price, Tier
from tokenbill.core.pricing.curves import Edge, Form, Piece
from tokenbill.core.rating.prepared import Rate

ZERO, ONE = Decimal(0), Decimal(1)
KEY = Meter("calls")
LONG = "0." + "3" * 30
TIERS = Graduated([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])


def rate_of(price, denominator=1, standing=ZERO, curve=None):
    rate = Rate(KEY, KEY, (), price, standing)
    rate.prepare(price.pieces() if curve is None else curve, denominator)
    return rate


@frozen
class Third(Price):
    """A third for each unit, and a third for nothing."""

    def amount(self, quantity):
        return Fraction(1 + quantity) / 3


def test_a_straight_line_is_one_slope():
    assert rate_of(PerUnit("0.10")).slope == Decimal("0.10")
    assert rate_of(TIERS).slope is None


def test_a_slope_that_does_not_terminate_is_held_over_a_denominator():
    assert rate_of(PerUnit("0.10", per=3600), denominator=9).slope == Decimal("0.00025")  # 0.1 × 9 ÷ 3600


def test_a_bent_line_is_read_piece_by_piece():
    rate = rate_of(TIERS)

    # 0; 2 + 5 × 10; 2 + 5 × 10 + 3 + 4 × 2
    assert [rate.upon(ZERO, Decimal(quantity), ONE) for quantity in (0, 10, 12)] == [0, 52, 63]
    assert rate.edges == [0, 10]


def test_a_curve_is_counted_on_top_of_a_total():
    assert rate_of(TIERS).upon(Decimal("0.5"), Decimal(10), ONE) == Decimal("52.5")
    assert rate_of(TIERS).upon(Fraction(1, 3), Decimal(10), ONE) == Fraction(157, 3)


def test_what_stands_is_no_part_of_what_usage_adds():
    rate = rate_of(Flat(20, at_zero=True), standing=Decimal(20))

    assert rate.upon(ZERO, Decimal(3), ONE) == 0
    assert rate.slope == 0


@pytest.mark.parametrize(
    ("price", "curve"),
    [
        (Package(1000, 5), None),  # steps
        (PerUnit(1), (Piece(Edge(Fraction(0), closed=False), Form()), Piece(None, Form(rate=Fraction(1))))),
        (PerUnit(1, per=3), None),  # a slope that does not terminate
        (PerUnit(1).after(3).in_units(of=7), None),  # an end that does not
        (PerUnit(1) * LONG * LONG * LONG * LONG * LONG, None),  # 150 digits
    ],
    ids=["steps", "open end", "slope", "constant", "long"],
)
def test_what_cannot_be_held_asks_the_price(price, curve):
    rate = rate_of(price, curve=curve)

    assert rate.edges is None
    assert rate.upon(ZERO, Decimal(3000), ONE) == price.amount(Decimal(3000))


def test_a_price_that_lists_no_pieces_is_asked_for_its_amounts_less_what_stands():
    rate = Rate(KEY, KEY, (), Third(), Fraction(1, 3))

    assert rate.upon(ONE, Decimal(1), Decimal(3)) == 2  # 1 + 3 × (2/3 − 1/3)


def test_another_group_of_an_entry_is_as_prepared_as_the_first():
    first, second = rate_of(TIERS), Rate(KEY, KEY, ("eu",), TIERS, ZERO)

    second.take(first)

    assert second.upon(ZERO, Decimal(12), ONE) == 63
    assert (first.order, second.order) == ("calls", "calls\0eu")
