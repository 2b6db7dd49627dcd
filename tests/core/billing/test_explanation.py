import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given

from tests.support.strategies import Saturating, plans_and_usages, prices_and_quantities
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Discount,
    Flat,
    Graduated,
    Grant,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.billing.explanation import PAGES, STAGES, explained_price
from tokenbill.core.pricing.price import MODELS, Combinator
from tokenbill.errors import InvalidNumber, InvalidPrice
from tokenbill.serial import dumps, loads

ROOT = Path(__file__).parents[3]
CALLS = PerUnit("0.01")


def bill_of(price, used, **terms):
    return Bill.of(Usage(calls=used), BillingPlan(PriceSchedule(calls=price), **terms))


def text_of(price, quantity):
    return str(explained_price(price, Decimal(quantity))).splitlines()


def anchors_of(page):
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


# A price


def test_a_plain_price_is_one_sum():
    assert text_of(CALLS, 130) == ["130 × 0.01 = 1.30"]


def test_a_capped_price_says_what_it_came_to_before_the_cap():
    assert text_of(CALLS.after(100).capped(500), 70_000) == [
        "at most 500 of 699.00 = 500",
        "  69900 beyond the first 100 of 70000 = 699.00",
        "    69900 × 0.01 = 699.00",
    ]


def test_a_minimum_says_what_the_price_came_to():
    assert text_of(CALLS.at_least(5), 100) == [
        "at least 5, where it comes to 1.00, = 5",
        "  100 × 0.01 = 1.00",
    ]


def test_a_sum_has_a_step_for_each_price():
    assert text_of(CALLS + Flat(20), 1500) == ["15.00 + 20 = 35.00", "  1500 × 0.01 = 15.00", "  20 = 20"]


def test_a_mark_up_stands_after_what_it_is_taken_of():
    assert text_of(CALLS * "1.2", 100) == ["1.00 × 1.2 = 1.200", "  100 × 0.01 = 1.00"]


def test_a_conversion_says_how_many_units_are_priced():
    assert text_of(PerUnit(2).in_units(of=60, round="up"), 61) == [
        "61 ÷ 60, made whole up: 2 = 4",
        "  2 × 2 = 4",
    ]


def test_a_composition_prices_the_amount_of_the_first_by_the_second():
    assert text_of(PerUnit(2).then(CALLS), 30) == [
        "60 as a quantity = 0.60",
        "  30 × 2 = 60",
        "  60 × 0.01 = 0.60",
    ]


def test_tiers_are_steps_where_there_are_several():
    price = Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])

    assert text_of(price, 1500) == [
        "10.00 + 2.500 = 12.500",
        "  tier 1: 0 to 1000: 1000 × 0.01 = 10.00",
        "  tier 2: above 1000: 500 × 0.005 = 2.500",
    ]
    assert text_of(price, 500) == ["500 × 0.01 = 5.00"]
    assert text_of(Volume(price.tiers), 1500) == ["1500 × 0.005 = 7.500"]


def test_an_amount_without_end_is_told_as_about():
    assert text_of(PerUnit(1, per=3) * 1, 1)[0] == "0.333333333333333333 × 1 ≈ 0.333333333333333333"


def test_a_node_has_its_rule_inputs_exact_value_and_page():
    node = explained_price(PerUnit(1, per=3).after(2), Decimal(3))

    assert node.rule == "the first 2 units free, then every 3 units at 1"
    assert node.inputs == (("quantity", Decimal(3)), ("units", Decimal(2)))
    assert node.exact == Fraction(1, 3)
    assert node.page == "docs/explanation/pricing-models.md#allowance"
    assert node.steps[0].inputs == (("quantity", Decimal(1)), ("rate", Decimal(1)), ("per", Decimal(3)))


@given(prices_and_quantities(count=1))
def test_every_price_is_explained_by_the_amount_that_it_charges(case):
    price, quantity = case
    node = explained_price(price, quantity)

    assert node.exact == price.exact(quantity)
    assert all(below.text for _, below in node.walk())


# A bill


def test_a_bill_of_a_nested_price_shows_the_way_below_its_line():
    assert bill_of(CALLS.after(100).capped(500), 70_000).explain().splitlines() == [
        "calls, at most 500: 500 = 500  ((the first 100 units free, then every unit at 0.01), at most 500)",
        "  at 70000: at most 500 of 699.00 = 500",
        "    69900 beyond the first 100 of 70000 = 699.00",
        "      69900 × 0.01 = 699.00",
        "total: 500.00 USD",
    ]


def test_a_later_bill_shows_both_points_on_the_curve():
    plan = BillingPlan(PriceSchedule(calls=CALLS.capped(5)))
    first = Bill.of(Usage(calls=400), plan, final=False)

    assert Bill.of(Usage(calls=200), plan, opening=first.closing).explain().splitlines()[2:] == [
        "  at 600: at most 5 of 6.00 = 5",
        "    600 × 0.01 = 6.00",
        "  less at 400: at most 5 of 4.00 = 4.00",
        "    400 × 0.01 = 4.00",
        "total: 1.00 USD",
    ]


def test_an_allowance_before_a_plain_price_needs_no_steps():
    assert bill_of(CALLS.after(100), 130).explain().splitlines() == [
        "calls, included: 100 × 0 = 0  (the first 100 units free, then every unit at 0.01)",
        "calls: 30 × 0.01 = 0.30  (the first 100 units free, then every unit at 0.01)",
        "total: 0.30 USD",
    ]


def test_a_line_rounded_by_itself_names_the_rounding():
    bill = bill_of("0.125", 3, rounding=Rounding(stage="line"))

    assert bill.explain().splitlines()[0] == (
        "calls: 3 × 0.125 ≈ 0.38  (every unit at 0.125), to 2 places, half up"
    )
    assert bill.explanation.steps[0].rule == "every unit at 0.125, to 2 places, half up"


def test_tokens_are_explained_in_tokens():
    token = Currency("TOKEN", places=0)
    prices = PriceSchedule(calls=5, currency=token)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit(20, per=10_000))
    bill = Bill.of(Usage(calls=100), plan, opening=Account(balance=[Grant("g", 100, token)]))

    assert bill.explain().splitlines() == [
        "calls: calls at 500 = 0.80  (500 TOKEN, of which 400 are not covered by the balance)",
        "  at 100: 100 × 5 = 500 TOKEN",
        "  tokens at 400 TOKEN: 400 ÷ 10000 × 20 = 0.8",
        "total: 0.80 USD",
        "in the total already, paid by g: 100 TOKEN",
        "due: 0.80 USD",
    ]


def test_what_tokens_cost_is_told_of_all_that_the_balance_does_not_cover():
    token = Currency("TOKEN", places=0)
    prices = PriceSchedule({"a": 1, "b": 1}, currency=token)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=Package(100, 3))
    opening = Account(balance=[Grant("g", 50, token)])
    first = Bill.of(Usage(a=300, b=71), plan, opening=opening, final=False)
    second = Bill.of(Usage(b=300), plan, opening=first.closing)

    told = [line for line in first.explain().splitlines() if "tokens" in line]
    more = [line for line in second.explain().splitlines() if "tokens" in line]

    assert told == ["  tokens at 321 TOKEN: (321 ÷ 100, up) × 3 = 12"]
    assert more == [
        "  tokens at 621 TOKEN: (621 ÷ 100, up) × 3 = 21",
        "  less tokens at 321 TOKEN: (321 ÷ 100, up) × 3 = 12",
    ]
    sale = second.explanation.steps[-1].steps[-1]
    assert (sale.exact, sale.page) == (12, "docs/explanation/stages.md#tokens")


def test_a_stored_bill_explains_itself_as_it_did_when_it_was_made():
    tokens = Currency("TOKEN", places=0)
    prices = PriceSchedule(gpu_hours=100, currency=tokens)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit("0.02"))
    made = Bill.of(Usage(gpu_hours=3), plan, opening=Account(balance=[Grant("gift", 50, tokens)]))

    assert loads(dumps(made)).explain() == made.explain()
    assert "tokens at 250 TOKEN: 250 × 0.02 = 5.00" in made.explain()


def test_a_bill_that_credit_pays_says_how_its_total_becomes_what_is_due():
    grants = [Grant("paid", 5, "USD"), Grant("gift", 1, "USD", kind="promotional")]
    plan = BillingPlan(PriceSchedule(calls=CALLS))

    bill = Bill.of(Usage(calls=800), plan, opening=Account(balance=grants))

    assert bill.explain().splitlines()[-4:] == [
        "total: 7.00 USD",
        "in the total already, paid by gift: 1.00 USD",
        "less paid by paid: 5.00 USD",
        "due: 2.00 USD",
    ]


def test_a_bill_below_zero_is_credited_to_the_next_one():
    plan = BillingPlan(PriceSchedule(calls=CALLS))
    first = Bill.of(Usage(calls=800), plan, final=False)
    second = Bill.of(Usage(), plan, opening=first.closing, reversal=Usage(calls=500), final=False)
    third = Bill.of(Usage(calls=700), plan, opening=second.closing, reversal=Usage(calls=500))

    assert second.explain().splitlines()[1:] == [
        "total: -5.00 USD",
        "credit balance after: 5.00 USD",
        "due: 0 USD",
    ]
    assert third.due < third.total
    assert "credit balance before: 5.00 USD" in third.explain()


@pytest.mark.parametrize("quantity", [Decimal("NaN"), Decimal("1E+999999"), 0.5, True, None, "x"])
def test_a_quantity_that_is_none_is_not_explained(quantity):
    with pytest.raises(InvalidNumber):
        explained_price(CALLS, quantity)


@pytest.mark.parametrize("price", [None, PerUnit, "0.01", CALLS.each("region")])
def test_what_is_no_price_is_not_explained(price):
    with pytest.raises(InvalidPrice):
        explained_price(price, 5)


def test_less_than_nothing_is_not_explained():
    with pytest.raises(InvalidPrice):
        explained_price(CALLS, -5)


def test_a_quantity_without_end_is_told_as_about():
    assert text_of(PerUnit(1).in_units(of=3), 10) == [
        "10 ÷ 3: 3.333333333333333333 ≈ 3.333333333333333333",
        "  3.333333333333333333 × 1 ≈ 3.333333333333333333",
    ]
    # 10 ÷ 3 × 3 is 10 again, and the digits shown do not come to it
    assert text_of(PerUnit(3).in_units(of=3), 10) == [
        "10 ÷ 3: 3.333333333333333333 ≈ 10",
        "  3.333333333333333333 × 3 ≈ 10",
    ]


def test_each_line_of_a_bill_is_a_step_with_its_page():
    plan = BillingPlan.subscription(
        "99",
        PriceSchedule(calls=CALLS),
        discounts=[Discount.percent(10)],
        taxes=[Tax("VAT", 20)],
        minimum=500,
    )
    bill = Bill.of(Usage(calls=33), plan)

    assert [(step.title, step.page.partition("#")[2]) for step in bill.explanation.steps] == [
        ("subscription", "fees"),
        ("calls", "per-unit"),
        ("10 % off", "discounts"),
        ("true-up to minimum", "maximum-and-minimum"),
        ("VAT", "taxes"),
    ]


def test_an_explanation_is_rows_for_a_sheet_and_a_table_for_a_notebook():
    tree = bill_of(PerUnit(1, per=3) * 2, 1).explanation

    assert tree.to_rows()[1] == {
        "level": "1",
        "title": "Scaled",
        "rule": "every 3 units at 1, × 2",
        "inputs": "quantity 1, factor 2",
        "value": "2/3",
        "page": "docs/explanation/pricing-models.md#mark-up",
    }
    assert "at 1: 0.333333333333333333 × 2" in tree._repr_html_()


@given(plans_and_usages())
def test_the_steps_of_a_bill_are_its_lines_and_come_to_its_total(case):
    plan, early, late = case
    first = Bill.of(early, plan, final=False)
    for bill in (first, Bill.of(late, plan, opening=first.closing)):
        steps = bill.explanation.steps

        assert [step.title for step in steps] == [line.description for line in bill.lines]
        assert [step.exact for step in steps] == [line.exact for line in bill.lines]
        assert bill.explanation.exact == sum((line.exact for line in bill.lines), Fraction())


@pytest.mark.parametrize("page", sorted({*PAGES.values(), STAGES}))
def test_every_page_of_a_stage_is_there(page):
    path, _, anchor = page.partition("#")

    assert not anchor or anchor in anchors_of(path)


def test_every_page_of_a_price_is_there():
    ours = [Flat, Graduated, Package, PerUnit, Volume, *Combinator.__subclasses__()]

    assert {kind.PAGE.removeprefix(f"{MODELS}#") for kind in ours} <= anchors_of(MODELS)
    assert (ROOT / Saturating(1, 1).PAGE).exists()


def test_the_fee_of_a_tier_is_among_what_its_arithmetic_begins_with():
    (step,) = bill_of(Graduated([Tier(10, 1, fee=4), Tier(None, 2)]), 3).explanation.steps

    assert step.inputs == (("quantity", 3), ("rate", 1), ("per", 1), ("fee", 4))


def test_where_one_version_has_a_price_made_of_others_each_point_is_told():
    june, plain = Period("2026-06-01", "2026-07-01"), BillingPlan(PriceSchedule(calls=1))
    contract = Contract(plain).amended("2026-06-16", BillingPlan(PriceSchedule(calls=PerUnit(2).at_least(5))))
    bill = Bill.of({"2026-06-02": {"calls": 1}, "2026-06-20": {"calls": 1}}, contract, period=june)

    assert "2026-06-01/2026-06-16, at 1: 1 × 1 = 1" in bill.explain()
    assert "2026-06-16/2026-07-01, at 2: at least 5, where it comes to 4, = 5" in bill.explain()
