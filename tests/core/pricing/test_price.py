import operator
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction
from time import process_time

import pytest
from attrs import frozen

from tokenbill import Flat, Graduated, Package, PerUnit, Price, Tier, TokenbillError, Volume
from tokenbill.core.pricing.price import Each, Sum
from tokenbill.errors import InexactAmount, InvalidNumber, InvalidPrice

CENT = PerUnit("0.01")


@frozen
class Answers(Price):
    """A user's price that answers whatever it is given."""

    answer: object

    def amount(self, quantity):
        return self.answer


@frozen
class Divided(Price):
    """A user's price that divides Decimals, which may not end."""

    by: int

    def amount(self, quantity):
        return quantity / self.by


@frozen
class Doubled(Price):
    """A user's own combinator."""

    price: Price

    def amount(self, quantity):
        return 2 * self.price.amount(quantity)


# ---------------------------------------------------------------- asking


def test_a_price_is_asked_for_a_decimal_or_a_fraction():
    assert CENT(130) == Decimal("1.30")
    assert CENT.exact("1.5") == Fraction(15, 1000)


def test_no_prior_means_that_nothing_was_billed_yet():
    fee = Flat(20, at_zero=True)

    assert fee(5) == Decimal(20)
    assert fee(5, prior=0) == Decimal(0)  # 20 − 20
    assert (fee.exact(5), fee.exact(5, prior=0)) == (Fraction(20), Fraction(0))


def test_decimals_that_do_not_end_still_add_up():
    third = PerUnit(1, per=3)

    assert third(1) == Decimal("0.333333333333333333")
    assert third(1, prior=1) == Decimal("0.333333333333333334")  # 0.666…667 − 0.333…333
    assert third(1, prior=2) == Decimal("0.333333333333333333")
    assert third.exact(1, prior=1) == Fraction(1, 3)


@pytest.mark.parametrize("quantity", [-1, "-0.5"])
def test_a_quantity_is_never_negative(quantity):
    with pytest.raises(InvalidPrice, match="correct a bill by a difference of bills"):
        CENT(quantity)
    with pytest.raises(InvalidPrice):
        CENT(1, prior=quantity)
    with pytest.raises(InvalidPrice):
        CENT.exact(quantity)


def test_a_quantity_is_no_float():
    with pytest.raises(InvalidNumber, match=r'write it as a string: "0[.]5"'):
        CENT(0.5)


# ---------------------------------------------------------------- a user's own price


@pytest.mark.parametrize("answer", [Decimal("2.50"), Fraction(5, 2), 3])
def test_an_amount_is_a_decimal_a_fraction_or_an_int(answer):
    assert Answers(answer).exact(1) == answer


@pytest.mark.parametrize(
    "answer",
    [0.5, True, None, "2.50", 1j, Decimal("NaN"), Decimal("Infinity"), Decimal(-1), Fraction(-1, 3), -1],
)
def test_an_amount_that_is_inexact_negative_or_no_number_is_refused(answer):
    with pytest.raises(InvalidPrice, match="amount of Answers"):
        Answers(answer)(1)


def test_a_division_that_does_not_end_asks_for_a_fraction():
    assert Divided(4)(1) == Decimal("0.25")
    with pytest.raises(InexactAmount, match=r"return a fractions\.Fraction"):
        Divided(3)(1)


def test_a_price_written_for_decimals_refuses_a_conversion_that_does_not_end():
    @frozen
    class Cents(Price):
        def amount(self, quantity):
            return quantity * Decimal("0.01")

    assert Cents().in_units(of=4)(3) == Decimal("0.0075")
    with pytest.raises(InexactAmount):
        Cents().in_units(of=3)(1)


def test_an_error_of_a_users_own_code_stays_what_it_is():
    @frozen
    class Broken(Price):
        def amount(self, quantity):
            return len(quantity)

    with pytest.raises(TypeError, match="has no len"):
        Broken()(1)


def test_the_context_of_the_caller_is_neither_read_nor_changed():
    with localcontext(prec=2, rounding="ROUND_UP") as context:
        context.clear_flags()

        assert Answers(Decimal("1.2345"))(1) == Decimal("1.2345")
        assert (CENT + Divided(8))("3.333") == Decimal("0.449955")  # 0.03333 + 0.416625
        assert getcontext().prec == 2
        assert not any(context.flags.values())


def test_a_users_price_lists_no_pieces_and_one_component():
    (component,) = Divided(4).breakdown(Decimal(3))

    assert Divided(4).pieces() is None
    assert (component.amount, component.quantity, component.rate, component.label) == (
        Decimal("0.75"),
        3,
        None,
        "Divided",
    )


def test_parts_are_the_prices_that_a_price_is_made_of():
    class Plain(Price):
        def amount(self, quantity):
            return 0

    assert Doubled(CENT).parts() == (CENT,)
    assert (CENT + Flat(1)).parts() == (CENT, Flat(1))
    assert CENT.then(Flat(1)).parts() == (CENT, Flat(1))
    assert (CENT.parts(), Plain().parts()) == ((), ())


# ---------------------------------------------------------------- combinators


def test_prices_add_up_and_sums_flatten():
    price = CENT + Flat(20) + Package(10, 1)

    assert price(15) == Decimal("22.15")  # 0.15 + 20 + 2
    assert price == CENT + (Flat(20) + Package(10, 1))
    assert sum([CENT, Flat(20), Package(10, 1)]) == price


@pytest.mark.parametrize("other", [1, "0.10", None, True, 0.0])
def test_only_prices_add_up(other):
    with pytest.raises(TypeError):
        operator.add(CENT, other)
    with pytest.raises(TypeError):
        operator.add(other, CENT)


def test_a_sum_has_1_to_1000_prices():
    most = Sum([CENT] * 1000)

    assert most(1) == Decimal(10)  # 1000 × 0.01
    with pytest.raises(InvalidPrice, match="add up 1 to 1000"):
        most + CENT
    with pytest.raises(InvalidPrice):
        Sum([])
    with pytest.raises(InvalidPrice):
        Sum([1])


def test_a_thousand_prices_are_added_up_in_no_more_time_than_they_take():
    start = process_time()
    total = sum([CENT] * 1000)

    assert total(1) == 10
    assert process_time() - start < 2  # it took six seconds when each sum was made of the one before


def test_a_factor_is_a_mark_up_or_a_discount():
    assert (CENT * "1.05")(100) == Decimal("1.05")
    assert ("0.9" * CENT)(100) == Decimal("0.90")
    with pytest.raises(InvalidPrice, match="factor is negative"):
        CENT * -1
    with pytest.raises(InvalidNumber):
        CENT * 1.05


def test_an_allowance_is_free():
    price = CENT.after(100)

    assert [price(q) for q in (0, 100, 101)] == [Decimal(0), Decimal(0), Decimal("0.01")]


def test_an_allowance_keeps_what_is_due_at_zero():
    assert Flat(20, at_zero=True).after(100)(0) == Decimal(20)
    assert Flat(20).after(100)(100) == Decimal(0)


def test_a_price_is_capped_and_lifted():
    price = (PerUnit("2.5", per=100) + Flat("0.50")).at_least(1).capped(20)

    assert [price(q) for q in (10, 80, 5000)] == [Decimal(1), Decimal("2.50"), Decimal(20)]
    assert price(0) == Decimal(1)  # at_least holds for nothing, too


def test_basis_points_have_a_cap():
    price = PerUnit(25, per=10_000).capped(25)

    assert [price(q) for q in (5000, 20_000)] == [Decimal("12.5"), Decimal(25)]


def test_a_conversion_comes_before_the_tiers():
    tiers = Graduated([Tier(2, 10), Tier(None, 4)])

    assert tiers.in_units(of=1000)(2500) == Decimal(22)  # 2.5 units: 20 + 0.5 × 4
    assert tiers.in_units(of=1000, round="up")(2500) == Decimal(24)  # 3 units: 20 + 4
    assert tiers.in_units(times=2)(1) == Decimal(20)


def test_an_allowance_is_of_raw_or_of_converted_units():
    assert PerUnit(1).in_units(of=1000).after(500)(2500) == Decimal(2)  # 2000 ÷ 1000
    assert PerUnit(1).after(2).in_units(of=1000)(2500) == Decimal("0.5")  # 2.5 − 2


def test_the_amount_of_one_price_is_the_quantity_of_the_next():
    price = PerUnit(2).then(Graduated([Tier(100, 1), Tier(None, "1.5")]))

    assert price(40) == Decimal(80)
    assert price(70) == Decimal(160)  # 140 is 100 + 40 × 1.5
    assert price.at_least(100)(40) == Decimal(100)


@pytest.mark.parametrize("wrong", [None, 1, "0.10", PerUnit, CENT.each("region")])
def test_what_is_combined_is_a_price(wrong):
    with pytest.raises(InvalidPrice, match="is not a price"):
        CENT.then(wrong)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("after", {"units": -1}),
        ("after", {"units": "some"}),
        ("capped", {"most": -1}),
        ("at_least", {"least": -1}),
        ("in_units", {"of": 0}),
        ("in_units", {"times": -1}),
        ("in_units", {"round": "sideways"}),
    ],
    ids=str,
)
def test_combinators_take_sensible_numbers(method, wrong):
    with pytest.raises(TokenbillError):
        getattr(CENT, method)(**wrong)


def test_prices_nest_at_most_32_deep():
    price = CENT
    for _ in range(31):
        price = price * "1.1"

    with pytest.raises(InvalidPrice, match="nested more than 32 deep"):
        price.after(1)


def test_each_is_one_curve_for_each_value_of_labels():
    entry = CENT.each("region", "gpu")

    assert entry == Each(CENT, ["region", "gpu"])
    assert entry * 2 == (CENT * 2).each("region", "gpu")
    with pytest.raises(InvalidPrice):
        CENT.each()
    with pytest.raises(InvalidPrice):
        CENT.each("region", "region")
    with pytest.raises(TokenbillError):
        CENT.each(1)


# ---------------------------------------------------------------- pieces and components


def test_a_combinator_lists_no_pieces_where_a_part_lists_none():
    own = Divided(4)
    combined = [
        own + CENT,
        own * 2,
        own.after(1),
        own.capped(1),
        own.at_least(1),
        own.in_units(2),
        own.then(CENT),
    ]

    assert [price.pieces() for price in [*combined, CENT.then(own)]] == [None] * 8


def test_the_components_of_an_allowance_show_what_is_included():
    (within,) = CENT.after(100).breakdown(Decimal(40))
    included, beyond = CENT.after(100).breakdown(Decimal(130))

    assert (within.amount, within.quantity, within.label) == (0, 40, "included")
    assert (included.amount, included.quantity) == (0, 100)
    assert (beyond.amount, beyond.quantity, beyond.rate) == (Decimal("0.30"), 30, Decimal("0.01"))


def test_a_fee_due_at_zero_shows_beside_what_is_included():
    included, fee = Flat(20, at_zero=True).after(100).breakdown(Decimal(40))

    assert (included.quantity, fee.amount) == (40, 20)


def test_a_cap_shows_its_own_amount_only_where_it_holds():
    (under,) = CENT.capped(5).breakdown(Decimal(400))
    (over,) = CENT.capped(5).breakdown(Decimal(600))
    (lifted,) = CENT.at_least(5).breakdown(Decimal(400))

    assert (under.amount, under.rate) == (4, Decimal("0.01"))
    assert (over.amount, over.fee, over.rate, over.label) == (5, 5, None, "at most 5")
    assert (lifted.amount, lifted.label) == (5, "at least 5")


def test_a_factor_scales_every_number_that_a_component_shows():
    fee, (units,) = (Flat(20) * 2).breakdown(Decimal(3))[0], (Package(10, 5) * 2).breakdown(Decimal(15))

    assert (fee.amount, fee.fee, fee.rate) == (40, 40, None)
    assert (units.amount, units.rate, units.per, units.round) == (20, 10, 10, "up")


def test_a_conversion_shows_in_the_component_where_one_line_can_say_both():
    (plain,) = PerUnit(3).in_units(of=1000, round="up").breakdown(Decimal(1500))
    (tier,) = Volume([Tier(None, 3)]).in_units(of=1000, times=2).breakdown(Decimal(1500))

    assert (plain.amount, plain.quantity, plain.per, plain.round) == (6, 1500, 1000, "up")  # 2 × 3
    assert (tier.amount, tier.quantity, tier.label) == (9, 3, "tier 1: any quantity, quantity × 2 ÷ 1000")


def test_a_component_beyond_converted_free_units_shows_what_is_left_of_them():
    included, beyond = PerUnit(1).after(2).in_units(of=1000).breakdown(Decimal(5000))

    assert (included.quantity, included.label) == (2, "included, quantity ÷ 1000")
    assert (beyond.amount, beyond.quantity, beyond.per, beyond.label) == (3, 3, 1, "quantity ÷ 1000")
