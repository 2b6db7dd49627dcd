from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from attrs import fields, frozen

from tokenbill import Bill, BillingPlan, Flat, Graduated, Package, PerUnit, Price, PriceSchedule, Tier
from tokenbill.core.pricing.breakdown import (
    DEPTH,
    PARTS,
    PriceComponent,
    amount_at,
    breakdown_at,
    direction,
    is_own,
    kept,
    labels_of,
    nests,
    over,
    rule_of,
    summands,
    units,
    whole_direction,
)
from tokenbill.core.pricing.price import Scaled, Sum
from tokenbill.errors import InexactAmount, InvalidNumber, InvalidPrice

ONE = Decimal(1)
ROUND, PRICE = fields(Package).round, fields(Scaled).price


@frozen
class Answering(Price):
    """A price whose amount is whatever it was given."""

    answer: object

    def amount(self, quantity):
        return self.answer


@frozen
class Divided(Price):
    """A price whose author forgot that a third does not terminate."""

    def amount(self, quantity):
        return quantity / 3


@frozen
class Careless(Price):
    """A price that adds a Decimal, which a Fraction of a unit does not mix with."""

    def amount(self, quantity):
        return quantity + Decimal("0.5")


@frozen
class Mixing(Price):
    """A price that adds a text."""

    def amount(self, quantity):
        return quantity + "1"


def nested(depth):
    price = PerUnit(1)
    for _ in range(depth - 1):
        price = Scaled(price, 2)
    return price


def test_a_component_times_a_factor_is_dearer_in_every_part():
    component = PriceComponent(Decimal(52), Decimal(10), Decimal(5), fee=Decimal(2), label="tier 1")

    assert component.times(Decimal(3)) == PriceComponent(
        Decimal(156), Decimal(10), Decimal(15), fee=Decimal(6), label="tier 1"
    )
    assert PriceComponent(ONE, ONE, label="flat").times(Decimal(3)).rate is None


def test_more_can_be_said_of_a_component():
    component = PriceComponent(ONE, ONE)

    assert component.labelled("a").labelled("b").label == "a, b"


def test_a_plain_component_of_converted_units_is_told_in_the_units_before():
    plain = PriceComponent(Decimal(6), Decimal(3), Decimal(2))

    assert plain.in_units(Decimal(2500), Decimal(1000), ONE, "up") == PriceComponent(
        Decimal(6), Decimal(2500), Decimal(2), Decimal(1000), "up"
    )


@pytest.mark.parametrize(
    ("component", "times", "round", "label"),
    [
        (PriceComponent(ONE, ONE, ONE, label="tier 1"), 1, "none", "tier 1, quantity ÷ 1000"),
        (PriceComponent(ONE, ONE, ONE, per=Decimal(7)), 1, "half_up", "quantity ÷ 1000 half up"),
        (PriceComponent(ONE, Decimal(5), ONE), 2, "none", "quantity × 2 ÷ 1000"),
        (PriceComponent(ONE, Decimal(9), ONE), 1, "up", "quantity ÷ 1000 up"),  # of only some of the units
        (PriceComponent(ONE, ONE), 1, "down", "quantity ÷ 1000 down"),
    ],
    ids=["label", "per", "times", "part", "rule"],
)
def test_another_component_of_converted_units_says_how_they_were_converted(component, times, round, label):
    found = component.in_units(Decimal(2500), Decimal(1000), Decimal(times), round)

    assert found == component._replace(label=label)


@pytest.mark.parametrize("answer", [0, 5, Decimal("0.10"), Fraction(1, 3)])
def test_an_amount_is_an_exact_number_of_zero_or_more(answer):
    assert amount_at(Answering(answer), ONE) == answer


@pytest.mark.parametrize(
    "answer", [0.5, True, None, "1", Decimal("NaN"), Decimal("1E+2000"), -1, Fraction(-1, 3)]
)
def test_an_amount_that_is_none_is_refused(answer):
    with pytest.raises(InvalidPrice, match="amount of Answering"):
        amount_at(Answering(answer), ONE)


def test_an_amount_that_loses_a_digit_is_refused():
    assert amount_at(Divided(), Decimal(3)) == 1
    with pytest.raises(InexactAmount):
        amount_at(Divided(), ONE)


def test_an_amount_that_cannot_take_a_part_of_a_unit_is_refused():
    with pytest.raises(InexactAmount):
        amount_at(Careless(), Fraction(1, 3))


def test_a_mistake_of_the_author_is_told_as_it_is():
    with pytest.raises(TypeError):
        amount_at(Mixing(), ONE)


def test_an_amount_is_computed_in_a_context_of_our_own():
    before = getcontext().copy()

    amount_at(Answering(5), ONE)

    assert str(getcontext()) == str(before)


def test_directions_are_checked_by_name():
    assert direction(None, ROUND, "none") is whole_direction(None, ROUND, "up") is None
    with pytest.raises(InvalidPrice, match="unknown round"):
        direction(None, ROUND, "ceiling")
    with pytest.raises(InvalidPrice, match="choose one of up, down, half_up"):
        whole_direction(None, ROUND, "none")
    with pytest.raises(InvalidPrice):
        direction(None, ROUND, ["up"])


def test_a_part_is_a_price_that_nests_no_deeper_than_a_file_can():
    assert nests(None, PRICE, nested(DEPTH - 1)) is None
    with pytest.raises(InvalidPrice, match="nested more than 32 deep"):
        nests(None, PRICE, nested(DEPTH))


@pytest.mark.parametrize("value", [None, 5, "0.10", PerUnit])
def test_what_is_no_price_is_no_part_of_one(value):
    with pytest.raises(InvalidPrice, match="price is not a price"):
        nests(None, PRICE, value)


def test_a_sum_has_at_least_one_price_and_at_most_1000():
    one = PerUnit(1)

    assert summands(iter([one, one])) == (one, one)
    assert len(summands([one] * PARTS)) == 1000
    for prices in ([], [one] * (PARTS + 1), None, 5):
        with pytest.raises(InvalidPrice):
            summands(prices)


class Walked(Price):
    """A price that counts how often it is looked into."""

    walks = 0

    def amount(self, quantity):
        return quantity

    def parts(self):
        Walked.walks += 1
        return ()


def test_a_price_of_a_sum_is_checked_once_however_many_follow():
    Walked.walks = 0
    whole = sum(Walked() for _ in range(1000))
    assert len(whole.prices) == 1000
    assert Walked.walks <= 1001
    with pytest.raises(InvalidPrice, match="too many prices"):
        whole + Walked()
    with pytest.raises(TypeError):
        whole + 1


def test_a_price_in_many_places_is_walked_once():
    Walked.walks = 0
    nested = Walked()
    for _ in range(31):
        nested = Sum((nested, nested))  # 2 ** 31 places
    assert Walked.walks <= 31
    with pytest.raises(InvalidPrice, match="more than 32 deep"):
        Sum((nested, nested))


def test_groups_are_told_apart_by_different_labels():
    assert labels_of(["region", "tier"]) == ("region", "tier")
    for labels in ([], ["region", "region"], [""], [5], "region", None):
        with pytest.raises(InvalidPrice):
            labels_of(labels)


def test_the_curve_over_a_price_that_lists_no_pieces_is_not_known():
    assert over(Answering(5), PerUnit(2).pieces()) is None
    assert over(PerUnit(3), PerUnit(2).pieces()) == PerUnit(6).pieces()


def test_components_are_kept_while_they_make_the_amount():
    price = PerUnit("0.10")

    assert kept(price, Decimal(5), Decimal("0.50"), "at most 20") == price.breakdown(Decimal(5))
    assert kept(price, Decimal(500), Decimal(20), "at most 20") == (
        PriceComponent(Decimal(20), Decimal(500), fee=Decimal(20), label="at most 20"),
    )


def test_a_quantity_to_price_is_zero_or_more():
    assert units("2.5") == Decimal("2.5")
    with pytest.raises(InvalidPrice, match="negative quantity"):
        units(-1)
    with pytest.raises(InvalidNumber):
        units(0.5)


def test_a_flat_fee_is_told_by_its_name():
    (component,) = Flat(20).breakdown(Decimal(3))

    assert (component.amount, component.quantity, component.rate, component.label) == (
        20,
        3,
        None,
        "flat fee",
    )


@frozen
class Listing(Price):
    """A price of a rate, whose breakdown is whatever it was given."""

    rate: Decimal
    listed: object

    def amount(self, quantity):
        return self.rate * quantity

    def breakdown(self, quantity):
        return self.listed(quantity) if callable(self.listed) else self.listed


HALVES = Decimal("0.12345678901234567890123456789")
"""More digits than the context that a caller usually has."""


def in_halves(quantity):
    half = HALVES * quantity / 2
    return [
        PriceComponent(half, quantity / 2, HALVES),
        PriceComponent(half, quantity / 2, HALVES, label="2nd"),
    ]


@pytest.mark.parametrize("precision", [3, 28])
def test_components_of_a_users_own_price_are_made_in_the_context_of_the_library(precision):
    plan = BillingPlan.on_demand(PriceSchedule(a=Listing(HALVES, in_halves)))

    with localcontext() as context:
        context.prec = precision
        bill = Bill.of({"a": 3}, plan)
        lines = bill.lines

    assert sum(Fraction(line.exact) for line in lines if line.kind == "usage") == Fraction(HALVES) * 3
    assert [line.kind for line in lines] == ["usage", "usage", "rounding"]
    bill.verify()


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [PriceComponent(Decimal(1), Decimal(3))],
        [PriceComponent(Decimal("0.3"), Decimal(3)), PriceComponent(Decimal("0.1"), Decimal(1))],
        [PriceComponent(0.3, Decimal(3))],
        [PriceComponent(Decimal("0.3"), 3.0)],
        [PriceComponent(True, Decimal(3))],
        ["0.3"],
    ],
)
def test_components_that_are_no_breakdown_of_the_amount_are_refused(listed):
    """What is missing would stand on the bill as its rounding, whatever its size."""
    bill = Bill.of(
        {"a": 3}, BillingPlan.on_demand(PriceSchedule(a=Listing(Decimal("0.1"), listed) + Flat(1)))
    )

    assert str(bill.total) == "1.30"
    with pytest.raises(InvalidPrice):
        _ = bill.lines


def test_a_digit_that_a_breakdown_loses_is_told():
    def thirds(quantity):
        return [PriceComponent(Decimal(1) / 3 * quantity, quantity)]

    with pytest.raises(InexactAmount):
        breakdown_at(Listing(ONE, thirds), ONE)


def test_prices_of_this_library_are_known_whatever_they_are_made_of():
    assert is_own(Flat(1) + PerUnit(2).after(5))
    assert not is_own(Flat(1) + Listing(ONE, ()).after(5))


@frozen
class Worded(Price):
    """A price whose rule is as long as its author likes."""

    length: int

    def amount(self, quantity):
        return quantity

    def in_words(self):
        return "x" * self.length


@pytest.mark.parametrize(("length", "told"), [(400, "x" * 400), (401, "x" * 399 + "…")])
def test_a_rule_of_more_than_400_characters_is_cut(length, told):
    assert rule_of(Worded(length)) == told


def test_the_deepest_part_says_how_deep_a_sum_is():
    deep = nested(DEPTH - 1)
    for sum_of in (Sum([PerUnit(1), deep]), Sum([deep, PerUnit(1)])):
        with pytest.raises(InvalidPrice, match="nested more than"):
            Scaled(sum_of, 1)


def test_each_name_of_a_label_is_one():
    assert labels_of(["a", "b"]) == ("a", "b")
    with pytest.raises(InvalidPrice, match="not different names of labels"):
        labels_of(["a", "1 b"])


def test_a_tier_of_units_that_were_converted_says_so():
    (component,) = Graduated([Tier(10, 1), Tier(None, 2)]).in_units(1000).breakdown(2500)

    assert (component.label, component.quantity) == ("tier 1: 0 to 10, quantity ÷ 1000", Decimal("2.5"))
