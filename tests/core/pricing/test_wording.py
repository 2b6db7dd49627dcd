from fractions import Fraction

import pytest
from attrs import frozen

from tokenbill import (
    BillingPlan,
    Currency,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Volume,
)
from tokenbill.core.pricing.breakdown import LONGEST_RULE, rule_of
from tokenbill.core.pricing.price import After, Combinator, Sum
from tokenbill.core.pricing.wording import terms_of

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
            Graduated([Tier(1000, "0.01", fee=5), Tier(None, "0.005")]),
            "each unit as its tier says: up to 1000 at 0.01 (and 5 once); above at 0.005",
        ),
        (
            Volume([Tier(1000, 3, per=100, round="up"), Tier(None, 2)], per=10),
            "all units as the tier of their total says: "
            "up to 1000 at 3 for 100, started ones; above at 2 for 10",
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

    assert len(told) == LONGEST_RULE
    assert told.endswith("…")


def test_a_rule_of_many_tiers_lists_the_first():
    price = Graduated([*(Tier(end, 1) for end in range(1, 9)), Tier(None, 1)])

    assert rule_of(price).endswith("up to 6 at 1; …")


def test_the_rule_of_an_entry_of_groups_names_the_labels():
    assert rule_of(CALLS.each("region", "gpu")) == "every unit at 0.01, by region, gpu"


def test_the_terms_of_a_plan_are_what_it_says_and_no_more():
    plan = BillingPlan.subscription(
        "99",
        PriceSchedule(calls=CALLS),
        included={"calls": 100},
        taxes=[Tax("VAT", 19)],
        rounding=Rounding(stage="line"),
        minimum=5,
        name="Team",
    )

    assert terms_of(plan) == [
        ("price of calls", "every unit at 0.01"),
        ("100 free units", "calls"),
        ("fees", "Fee: amount 99"),
        ("minimum", "5"),
        ("taxes", "Tax: name VAT, percent 19"),
        ("rounding", "Rounding: stage line"),
        ("cycle", "Cycle: unit month, anchor 1970-01-01T00:00:00"),
    ]


def test_the_price_of_tokens_is_a_term_told_as_a_rule():
    token = Currency("TOKEN", places=0)
    prices = PriceSchedule(calls=5, currency=token)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit(20, per=10_000))

    assert terms_of(plan)[1:] == [("currency", "USD"), ("token price", "every 10000 units at 20")]


def test_a_schedule_of_a_users_own_may_list_no_entries():
    class Own:
        currency = "USD"

        def match(self, meter):
            return PriceSchedule(calls=1).match(meter)

    assert terms_of(BillingPlan.on_demand(Own())) == []


def test_each_kind_of_price_has_words_and_a_page_of_its_own():
    ours = {Flat, Graduated, Package, PerUnit, Volume, *Combinator.__subclasses__()}

    assert all({"in_words", "PAGE"} <= vars(kind).keys() for kind in ours)
    assert CALLS.capped(5).PAGE == "docs/explanation/pricing-models.md#cap"
    assert Squared().PAGE == "docs/how-to/write-a-price.md"
