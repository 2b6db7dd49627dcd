from decimal import Decimal

import pytest
from attrs import frozen

from tokenbill import Flat, Graduated, Package, PerUnit, Price, Tier, Volume
from tokenbill.shared.breakpoints import bounds


@frozen
class Own(Price):
    """A user's price with fields of any kind."""

    limits: tuple
    factor: Decimal
    at_zero: bool = True
    name: str = "7"

    def amount(self, quantity):
        return 0


def test_the_ends_of_tiers_are_bounds():
    assert bounds(Graduated([Tier(10, 5), Tier("20.5", 4), Tier(None, 3)])) == (10, Decimal("20.5"))
    assert bounds(PerUnit(3)) == ()


def test_bounds_follow_a_price_into_its_combinators():
    assert 2500 in bounds(Volume([Tier(2, 10), Tier(None, 4)]).in_units(of=1000).after(500))  # 2 × 1000 + 500
    assert 70 in bounds((PerUnit(2) + Flat(10)).capped(150))  # 10 + 70 × 2


def test_packages_jump_at_their_ends_and_their_halves():
    assert bounds(Package(1000, 5, "half_up")) == (500, 1000, 1500, 2000)
    assert bounds(Package(1000, 5).after(1000)) == (1000, 1500, 2000, 2500, 3000)
    assert {Decimal("1.5"), 3} <= set(bounds(Package(2, 5).in_units(of="1.5", round="up")))


def test_the_numbers_of_a_users_price_are_bounds():
    own = Own((Decimal(7), 100, -1, (Tier(3),)), Decimal("0.5"))

    assert bounds(own) == (Decimal("0.5"), 3, 7, 100)
    assert bounds(own + PerUnit(11, per=9)) == (Decimal("0.5"), 3, 7, 9, 11, 100)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1E+999999", "1E+40"])
def test_a_number_that_no_quantity_can_be_is_no_bound(odd):
    assert bounds(Own((), Decimal(odd))) == ()


def test_a_bound_is_cut_to_the_decimals_of_a_quantity():
    assert bounds(PerUnit(3).capped(1)) == (Decimal("0." + "3" * 30),)
