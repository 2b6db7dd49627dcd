import importlib
import sys
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import count

import pytest
from attrs import define, frozen
from hypothesis import HealthCheck, given, settings

from tests.support.strategies import Saturating, Squared, Started, junk, prices
from tokenbill import Flat, Graduated, Package, PerUnit, Price, Tier, TokenbillError, Volume
from tokenbill.core.pricing.breakdown import PriceComponent
from tokenbill.core.pricing.curves import NIL, curve, line
from tokenbill.errors import InvalidPrice, MissingExtra
from tokenbill.testing import check_price, quantities_near

ASKED = count()


@settings(max_examples=settings.default.max_examples // 10 + 1, suppress_health_check=list(HealthCheck))
@given(prices)
def test_every_price_of_ours_passes(price):
    check_price(price)


@pytest.mark.parametrize("price", [Saturating(500, 100), Started(3, at_zero=True), Squared("0.5")], ids=repr)
def test_a_users_price_that_keeps_the_laws_passes(price):
    check_price(price)


def test_a_price_written_within_a_function_passes():
    class Plain(Price):
        def amount(self, quantity):
            return quantity * 2

    check_price(Plain())


class Broken(Price):
    """A price with one flaw, said in its name."""

    def amount(self, quantity):
        return quantity


@frozen
class DueAtZero(Broken):
    def amount(self, quantity):
        return quantity + 1


@frozen
class Negative(Broken):
    def __call__(self, quantity, prior=None):
        return Decimal(-1) if quantity else Decimal(0)

    def exact(self, quantity, prior=None):
        return Fraction(self(quantity, prior))


@frozen
class BelowZero(Broken):
    def amount(self, quantity):
        return quantity - 1 if quantity else 0


@frozen
class Floating(Broken):
    def amount(self, quantity):
        return float(quantity) * 1.5 if quantity else 0


@frozen
class Inexact(Broken):
    def amount(self, quantity):
        return quantity / 3


@frozen
class Raising(Broken):
    def amount(self, quantity):
        return 0 // int(quantity <= 999)


@frozen
class Forgetful(Broken):
    """It charges what comes later as if nothing had come before."""

    def amount(self, quantity):
        return quantity * quantity

    def exact(self, quantity, prior=None):
        return super().exact(quantity)


@frozen
class Changing(Broken):
    def amount(self, quantity):
        return next(ASKED) if quantity else 0


@frozen
class Sometimes(Broken):
    """Wrong for one question in a thousand, so that it may be right when it is asked again."""

    def amount(self, quantity):
        return 2 * quantity if next(ASKED) % 999 == 0 else quantity


@frozen
class OfTheCaller(Broken):
    def __call__(self, quantity, prior=None):
        return super().__call__(quantity, prior) + 0 if getcontext().prec > 1 else Decimal(1)


@frozen
class Rounding(Broken):
    def __call__(self, quantity, prior=None):
        return round(super().__call__(quantity, prior), 2)


@frozen
class OtherPieces(Broken):
    def pieces(self):
        return curve(NIL, [None], [line(Fraction(2))])


@frozen
class Falling(Broken):
    def amount(self, quantity):
        return max(1000 - quantity, 0) if quantity else 0

    def pieces(self):
        return curve(NIL, [Fraction(1000), None], [line(Fraction(-1), Fraction(1000)), line(NIL)])


@frozen
class FewComponents(Broken):
    def breakdown(self, quantity):
        return ()


@frozen
class WrongSum(Broken):
    def breakdown(self, quantity):
        return (PriceComponent(quantity, quantity, Decimal(2)),)


@frozen
class NoBreakdown(Broken):
    def breakdown(self, quantity):
        return (PriceComponent(1 // 0, quantity),)


@frozen
class OneComponent(Broken):
    def breakdown(self, quantity):
        return PriceComponent(quantity, quantity)


@frozen
class NoPieces(Broken):
    def pieces(self):
        raise LookupError("tiers")


@frozen
class OddPieces(Broken):
    def pieces(self):
        return [(0, 1)]


@frozen
class PiecesOfAFraction(Broken):
    def pieces(self):
        return curve(NIL, [None], [None])


@define(eq=True)
class Mutable(Broken):
    rate: int = 1


@frozen
class Unequal(Broken):
    rate: int = 1

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return 1


@frozen
class HashedByPlace(Broken):
    rate: int = 1

    def __hash__(self):
        return id(self)


@frozen
class Function(Broken):
    rule: object = lambda quantity: quantity


class Copied(Broken):
    def __copy__(self):
        made = Copied()
        made.rate = 2
        return made


BROKEN = {
    DueAtZero: r"the law of zero: price\(0\) is 1, but it has no at_zero",
    Negative: "the law of sign",
    BelowZero: r"the law of answers: price\(.*\) raises InvalidPrice: amount of BelowZero is negative",
    Floating: "the law of answers: .* is not an exact number",
    Inexact: "the law of answers: .* InexactAmount",
    Raising: "the law of answers: .* ZeroDivisionError",
    Forgetful: r"the law of sums: price\(.*\) \+ price\(.*, prior=.*\) is .*, but price\(.*\) is",
    Changing: "the law of|breaks determinism",
    Sometimes: "the law of|breaks determinism",
    OfTheCaller: "the law of",
    Rounding: "the law of",
    OtherPieces: "the law of pieces: .*, but by its pieces it is",
    Falling: "the law of monotony: .*, and its pieces have no cliff",
    FewComponents: "the law of breakdown: .*, but its components add up to 0",
    WrongSum: "the law of breakdown: .* shows a sum of",
    NoBreakdown: "the law of breakdown: its answer at .* leads to ZeroDivisionError",
    OneComponent: "the law of breakdown: its answer at .* leads to AttributeError",
    NoPieces: r"the law of pieces: pieces\(\) leads to LookupError: tiers",
    OddPieces: r"the law of pieces: pieces\(\) leads to AttributeError",
    PiecesOfAFraction: "the law of pieces: .* leads to AttributeError",
    Mutable: "the law of hashes: it has none; make the class frozen",
    Unequal: "the law of copies: .*, but the two are not equal",
    HashedByPlace: "the law of hashes: .*, but their hashes differ",
    Function: "the law of content: .* write the price as a frozen class",
    Copied: "the law of copies: copy gives .*, but its content differs",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_price_is_told_which_law_it_breaks(broken):
    with pytest.raises(AssertionError, match=BROKEN[broken]):
        check_price(broken())


def test_an_amount_at_zero_may_be_allowed():
    check_price(DueAtZero(), at_zero=True)


@pytest.mark.parametrize(
    "price",
    [
        Flat(20, at_zero=True),
        Graduated([Tier(10, 1, fee=2), Tier(None, 1)], fee_at_zero=True),
        Volume([Tier(None, 1, fee=2)], fee_at_zero=True).after(10) * 2,
        PerUnit(1).at_least(5) + Package(10, 1),
    ],
    ids=lambda price: type(price).__name__,
)
def test_a_price_that_says_so_may_be_due_at_zero(price):
    check_price(price)


def test_it_looks_where_it_is_told_that_a_curve_bends():
    @frozen
    class Hidden(Price):
        """Wrong at one quantity that neither its pieces nor its fields tell."""

        def amount(self, quantity):
            return quantity if str(quantity) != "123456.789" else Fraction(1, 7) - 1

    check_price(Hidden())
    with pytest.raises(AssertionError, match=r"price\(12345[56]\.789"):
        check_price(Hidden(), quantities=["123456.789"])


@pytest.mark.parametrize("wrong", [None, 1, PerUnit, "0.10"], ids=str)
def test_only_prices_can_be_checked(wrong):
    with pytest.raises(InvalidPrice, match="not a price"):
        check_price(wrong)


@given(junk)
def test_quantities_near_are_numbers(it):
    try:
        quantities_near(PerUnit(1), [it])
    except TokenbillError as error:
        refusal = error
        assert refusal.code == "invalid_number"


def test_without_hypothesis_it_names_what_to_install(monkeypatch):
    import tokenbill.testing as testing

    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingExtra, match=r"run: pip install hypothesis$"):
        importlib.reload(testing)
