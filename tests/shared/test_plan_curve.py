from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.plans_along import TINY, exact, plans_along, quantities
from tests.support.strategies import Saturating, quantities_near
from tokenbill import (
    Bill,
    BillingPlan,
    Currency,
    Discount,
    Fee,
    Flat,
    Graduated,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
)
from tokenbill.core.pricing.curves import Form, at
from tokenbill.core.pricing.price import Each
from tokenbill.errors import InvalidMeter, InvalidPlan, InvalidPrice
from tokenbill.shared.plan_curve import along, total_curve

CALLS = PriceSchedule(calls="0.01", gpu=2)


def curve_or_nothing(plan, usage):
    """The total's curve; a plan that has none is no example."""
    try:
        return total_curve(plan, "calls", usage=usage)
    except InvalidPlan:
        assume(False)


@st.composite
def plans_and_quantities(draw):
    plan = draw(plans_along())
    price = plan.prices["calls"]
    near = quantities_near(price.price if isinstance(price, Each) else price)
    others = {"calls{x=1}": draw(quantities), "gpu": draw(quantities) if "gpu" in plan.prices else 0}
    return plan, Usage(others), [draw(near | quantities) for _ in range(4)]


def test_where_minimum_and_maximum_are_one_amount_the_curve_is_level():
    tokens = PriceSchedule(calls=1, currency=Currency("TOKEN", places=0))
    sold = Package(1, 15).in_units(of="2.5", round="half_up")  # 15 for every two and a half tokens or so
    plan = BillingPlan.on_demand(tokens, currency="USD", token_price=sold, minimum=6, maximum=6)

    curve = total_curve(plan, "calls", usage=Usage())

    assert [at(curve, Fraction(calls)) for calls in (0, 1, 2, 1000)] == [6, 6, 6, 6]


@given(plans_and_quantities())
def test_the_curve_of_a_plan_is_what_its_bills_come_to(drawn):
    plan, usage, asked = drawn
    curve = curve_or_nothing(plan, usage)

    for quantity in asked:
        total = exact(plan, usage + Usage(calls=quantity))
        assert abs(at(curve, Fraction(quantity)) - total) <= max(TINY, total * TINY)


@given(plans_and_quantities())
def test_a_curve_and_its_points_are_worked_out_alike(drawn):
    plan, usage, asked = drawn
    curve = curve_or_nothing(plan, usage)

    for quantity in asked:
        assert along(plan, "calls", usage=usage).at(quantity) == at(curve, Fraction(quantity))


# ---------------------------------------------------------------- by hand


def total(plan, quantity, **usage):
    return at(total_curve(plan, "calls", usage=usage), Fraction(quantity))


def test_a_plan_of_prices_only_is_its_price():
    plan = BillingPlan.on_demand(CALLS)

    assert total(plan, "33.3") == Fraction("0.333")
    assert total(plan, 100, gpu=3) == 7  # 1 + 6


def test_terms_apply_in_the_order_of_the_stages():
    plan = BillingPlan.subscription(
        20,
        CALLS,
        included={"calls": 100},
        discounts=[Discount.percent(10, on="usage"), Discount.fixed(2)],
        maximum=40,
        minimum=25,
        taxes=Tax("VAT", 20),
    )

    assert total(plan, 100) == 30  # 20 − 2 = 18, lifted to 25, × 1.20
    assert total(plan, 1100, gpu=1) == Fraction("34.56")  # 20 + 12 × 0.9 − 2 = 28.80, × 1.20
    assert total(plan, 10_000) == 48  # 20 + 99 × 0.9 − 2, held to 40, × 1.20


def test_inclusive_taxes_are_contained_and_others_are_on_the_rest():
    taxes = [Tax("VAT", 25, inclusive=True), Tax("city", 10)]

    assert total(BillingPlan.on_demand(CALLS, taxes=taxes), 1000) == Fraction("10.8")  # 10 + 8 × 0.10


def test_the_true_up_is_taxed_as_a_charge_of_its_own():
    plan = BillingPlan.on_demand(CALLS, minimum=10, taxes=Tax("VAT", 50, on="minimum"))

    assert [total(plan, calls) for calls in (0, 400, 1000)] == [15, 13, 10]  # 4 + 6 × 1.50 = 13


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("half_up", [0, 1, 1, 2, 2, 3]),
        ("half_even", [0, 0, 1, 2, 2, 2]),
        ("up", [0, 1, 1, 2, 2, 3]),
        ("down", [0, 0, 1, 1, 2, 2]),
    ],
)
def test_tokens_are_counted_whole_as_the_plan_rounds(mode, expected):
    unit = Currency("TOKEN", places=0)
    prices = PriceSchedule(calls="0.5", currency=unit)
    plan = BillingPlan.on_demand(prices, currency="USD", token_price=PerUnit(1), rounding=Rounding(mode=mode))

    assert [total(plan, calls) for calls in range(6)] == expected


def test_at_line_stage_the_tokens_of_each_entry_are_counted_whole():
    prices = PriceSchedule(calls="0.5", gpu="0.5", currency=Currency("TOKEN", places=0))
    plans = [
        BillingPlan.on_demand(prices, currency="USD", token_price=PerUnit(1), rounding=Rounding(stage=stage))
        for stage in ("bill", "line")
    ]

    assert [total(plan, 1, gpu=1) for plan in plans] == [1, 2]  # ½ + ½, and 1 + 1


def test_below_the_minimum_nothing_is_left_of_the_steps():
    prices = PriceSchedule(calls=1, currency=Currency("TOKEN", places=0))
    plan = BillingPlan.on_demand(prices, currency="USD", token_price=PerUnit(1), minimum=10**12)

    assert {piece.form for piece in total_curve(plan, "calls")[:-1]} == {Form(Fraction(10**12))}


def test_a_discount_of_everything_leaves_nothing():
    assert total(BillingPlan.on_demand(CALLS, discounts=Discount.percent(100)), 5000, gpu=2) == 0


def test_an_amount_off_fixed_charges_is_spread_over_them():
    plan = BillingPlan.on_demand(
        CALLS,
        fees=[Fee(30, "seat")],
        discounts=[Discount.fixed(20, on=("fee", "gpu")), Discount.percent(50, on="gpu")],
    )

    assert total(plan, 100, gpu=5) == Fraction("18.5")  # 30 − 15, (10 − 5) ÷ 2, and 1 for the calls


def test_an_entry_that_is_due_for_nothing_stands_on_the_bill():
    fee = Flat(5, at_zero=True)

    assert total(BillingPlan.on_demand(PriceSchedule(calls=fee)), 0) == 5
    assert total(BillingPlan.on_demand(PriceSchedule(calls=fee.each("team"))), 0) == 0
    assert total(BillingPlan.on_demand(PriceSchedule(calls=fee.each("team"))), 1) == 5


def test_what_is_used_of_the_meter_itself_is_left_out():
    assert total(BillingPlan.on_demand(CALLS), 10, calls=5000) == Fraction(1, 10)


def test_other_meters_of_the_entry_come_before_it():
    plan = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, "0.1")])))
    usage = Usage({"calls{x=1}": 4, "calls{x=2}": 5})

    assert at(total_curve(plan, "calls", usage=usage), Fraction(11)) == 11  # 10 + 10 × 0.1


def test_each_group_is_a_curve_of_its_own():
    plan = BillingPlan.on_demand(PriceSchedule(calls=Package(10, 1).each("x")))
    usage = Usage({"calls{x=1}": 4})

    assert at(total_curve(plan, "calls{x=2}", usage=usage), Fraction(5)) == 2
    assert at(total_curve(plan, "calls{x=1,y=1}", usage=usage), Fraction(5)) == 1


def test_a_bill_rounded_once_is_the_nearest_minor_unit():
    plan = BillingPlan.subscription("9.99", PriceSchedule(calls=PerUnit(1, per=3)))

    for calls in range(20):
        billed = Fraction(Bill.of(Usage(calls=calls), plan).total)
        assert abs(billed - total(plan, calls)) <= Fraction(1, 200)


# ---------------------------------------------------------------- what is no curve of pieces


@pytest.mark.parametrize(
    "terms",
    [
        {"discounts": Discount.fixed(5), "taxes": Tax("VAT", 20, on="usage")},
        {"discounts": [Discount.fixed(5), Discount.percent(10, on="fee")]},
        {"maximum": 50, "taxes": Tax("VAT", 20, on="fee")},
    ],
    ids=["discount and tax", "two discounts", "maximum and tax"],
)
def test_an_amount_spread_over_what_is_later_told_apart_is_refused(terms):
    plan = BillingPlan.subscription(30, CALLS, **terms)

    with pytest.raises(InvalidPlan, match="spread"):
        total_curve(plan, "calls")


def test_tokens_spread_over_what_is_later_told_apart_are_refused():
    prices = PriceSchedule(calls=1, gpu=1, currency=Currency("TOKEN", places=0))
    plan = BillingPlan.on_demand(
        prices, currency="USD", token_price=PerUnit(1), taxes=Tax("VAT", 20, on="gpu")
    )

    with pytest.raises(InvalidPlan, match="TOKEN"):
        total_curve(plan, "calls", usage=Usage(gpu=1))
    assert total(plan, 3) == 3


def test_tokens_due_for_nothing_are_no_charge_of_a_meter():
    plan = BillingPlan.on_demand(
        PriceSchedule(calls=1, currency=Currency("TOKEN", places=0)),
        currency="USD",
        token_price=Flat(5, at_zero=True),
        taxes=Tax("VAT", 20, on="calls"),
    )

    with pytest.raises(InvalidPlan, match="TOKEN"):
        total_curve(plan, "calls")


def test_a_price_of_a_users_own_has_points_but_no_curve():
    plan = BillingPlan.subscription(30, PriceSchedule(calls=Saturating(10, 2)))

    assert along(plan, "calls").at(2) == 35
    with pytest.raises(InvalidPrice, match="pieces"):
        total_curve(plan, "calls")


def test_a_token_price_of_a_users_own_is_refused():
    prices = PriceSchedule(calls=1, currency=Currency("TOKEN", places=0))

    with pytest.raises(InvalidPrice, match="pieces"):
        along(BillingPlan.on_demand(prices, currency="USD", token_price=Saturating(1, 1)), "calls")


def test_a_total_of_too_many_pieces_is_refused():
    tiers = [*(Tier(end, end % 7) for end in range(1, 1000)), Tier(None, 1)]
    prices = PriceSchedule(calls=Graduated(tiers), currency=Currency("TOKEN", places=0))
    terms = {"currency": "USD", "token_price": PerUnit(1)}
    half_even = BillingPlan.on_demand(prices, rounding=Rounding(mode="half_even"), **terms)

    with pytest.raises(InvalidPlan, match="too many pieces"):
        total_curve(half_even, "calls")


@pytest.mark.parametrize("plan", [None, CALLS, "plan", 5])
def test_what_is_no_plan_is_refused(plan):
    with pytest.raises(InvalidPlan):
        total_curve(plan, "calls")


def test_a_meter_needs_a_price_and_a_name():
    plan = BillingPlan.on_demand(CALLS)

    with pytest.raises(UnpricedUsage):
        total_curve(plan, "unknown")
    with pytest.raises(UnpricedUsage):
        total_curve(plan, "calls", usage={"unknown": 1})
    for meter in ("a{", "", None, 5):
        with pytest.raises(InvalidMeter):
            total_curve(plan, meter)
