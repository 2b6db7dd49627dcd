import copy
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import (
    Adjustment,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Graduated,
    LineItem,
    Meter,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Tier,
    Volume,
)
from tokenbill.core.rating.lines import COLUMNS, Charge, less, telescoped

ONE, THIRD = Decimal(1), Fraction(1, 3)
CALLS = Charge("usage", Meter("calls"), "calls", rate=Decimal("0.01"), per=ONE)


def line_of(charge, quantity, amount, exact=None):
    quantity = None if quantity is None else Decimal(quantity)
    return LineItem(charge, quantity, Decimal(amount), Decimal(amount) if exact is None else exact)


def fee(amount, name="platform"):
    return line_of(
        Charge("fee", None, name, rate=2 * Decimal(amount), rule="1/2 of the period"), "0.5", amount
    )


def noted(amount, kind="discount"):
    return line_of(Charge(kind, None, "10 % off", rule="less 10 % of 13"), None, amount)


def test_a_line_shows_what_its_charge_says():
    line = line_of(CALLS, 130, "1.30")

    assert (line.kind, line.meter, line.description) == ("usage", "calls", "calls")
    assert (line.rate, line.per, line.quantity) == (Decimal("0.01"), 1, 130)


def test_the_exact_amount_of_a_line_is_a_fraction():
    line = LineItem(CALLS, None, Decimal("0.333333333333333333"), THIRD)

    assert line.exact == THIRD
    assert line_of(CALLS, 130, "1.30").exact == Fraction(13, 10)


@pytest.mark.parametrize(
    ("terms", "quantity", "amount", "arithmetic"),
    [
        ({"rate": "0.01", "per": "1"}, "130", "1.30", "130 × 0.01 = 1.30"),
        ({"rate": "2.50", "per": "1000000"}, "1200", "0.003", "1200 ÷ 1000000 × 2.50 = 0.003"),
        ({"rate": "5", "per": "1000", "round": "up"}, "2001", "15", "(2001 ÷ 1000, up) × 5 = 15"),
        ({"rate": "5", "per": "1", "round": "half_up"}, "2.5", "15", "(2.5, half up) × 5 = 15"),
        ({"rate": "5", "per": "1", "fee": "2"}, "10", "52", "2 + 10 × 5 = 52"),
        ({"rate": "0", "per": "1", "fee": "2"}, "10", "2", "2 = 2"),
        ({"fee": "2"}, "10", "2", "2 = 2"),
        ({"rate": "0", "per": "1"}, "10", "0", "10 × 0 = 0"),
        ({"rate": "1", "per": "3"}, "1", "0.333333333333333333", "1 ÷ 3 × 1 ≈ 0.333333333333333333"),
        ({"rule": "The square of the quantity."}, "3", "9", "calls at 3 = 9"),
    ],
)
def test_the_arithmetic_of_a_line_is_a_sum_that_a_clerk_can_redo(terms, quantity, amount, arithmetic):
    numbers = {key: value if key in ("round", "rule") else Decimal(value) for key, value in terms.items()}
    line = line_of(Charge("usage", None, "calls", **numbers), quantity, amount)

    assert line.arithmetic() == arithmetic


def test_a_rule_whose_amount_does_not_terminate_is_shown_about():
    line = LineItem(Charge("usage", None, "calls", rule="a third"), None, Decimal("0.33"), THIRD)

    assert line.arithmetic() == "a third ≈ 0.33"


def test_a_line_explains_itself_with_the_rule_that_the_arithmetic_does_not_tell():
    assert line_of(CALLS, 130, "1.30").explain() == "calls: 130 × 0.01 = 1.30"
    assert fee("10").explain() == "platform: 0.5 × 20 = 10  (1/2 of the period)"
    assert noted("-1.30").explain() == "10 % off: less 10 % of 13 = -1.30"


def test_the_cells_of_a_line_are_what_a_person_reads():
    per_million = Charge("usage", Meter("tokens"), "tokens", rate=Decimal("2.50"), per=Decimal(10) ** 6)

    assert line_of(CALLS, 130, "1.30").cells() == ("calls", "130", "0.01", "1.30")
    assert line_of(per_million, 1200, "0.003").cells() == ("tokens", "1200", "2.50 / 1000000", "0.003")
    assert noted("-1.30").cells() == ("10 % off", "", "", "-1.30")


def test_the_row_of_a_line_has_numbers_that_are_numbers():
    row = line_of(CALLS, "1E+3", "10.00").to_row()

    assert row == {
        "kind": "usage",
        "meter": "calls",
        "description": "calls",
        "quantity": Decimal(1000),
        "rate": Decimal("0.01"),
        "tier_from": None,
        "tier_up_to": None,
        "per": Decimal(1),
        "amount": Decimal("10.00"),
    }
    assert row.keys() < COLUMNS
    assert noted("-1.30").to_row()["meter"] is None
    assert noted("-1.30").to_row()["quantity"] is None


@pytest.mark.parametrize(
    ("description", "bounds"),
    [
        ("calls, tier 1: 0 to 5", (0, 5)),
        ("calls, tier 2: 5 to 12.5", (5, Decimal("12.5"))),
        ("calls, tier 3: above 12.5", (Decimal("12.5"), None)),
        ("calls, tier 1: any quantity", (0, None)),
        ("calls", (None, None)),
        ("calls, tier 1 of the old list", (None, None)),
    ],
)
def test_a_line_knows_the_bounds_of_its_tier(description, bounds):
    charge = Charge("usage", Meter("calls"), description, rate=Decimal(1), per=Decimal(1))

    assert line_of(charge, 1, "1").tier_bounds() == bounds
    assert line_of(Charge("fee", None, "tier 1: 0 to 5"), 1, "1").tier_bounds() == (None, None)


def test_shown_amounts_add_up_to_the_shown_sum_though_not_every_line_terminates():
    thirds = [LineItem(CALLS, None, Decimal("0.333333333333333333"), THIRD)] * 3

    shown = [str(line.amount) for line in telescoped(thirds)]

    # running sums 1/3, 2/3, 1 are shown as 0.333…333, 0.666…667, 1
    assert shown == ["0.333333333333333333", "0.333333333333333334", "0.333333333333333333"]


def test_lines_that_did_not_change_are_left_out_of_a_difference():
    before, after = [line_of(CALLS, 100, "1.00"), fee("10")], [line_of(CALLS, 130, "1.30"), fee("10")]

    (change,) = less(after, before)

    assert change == line_of(CALLS, 30, "0.30")
    assert change.arithmetic() == "30 × 0.01 = 0.30"


def test_a_line_that_is_new_is_the_whole_difference():
    assert less([line_of(CALLS, 130, "1.30")], []) == [line_of(CALLS, 130, "1.30")]


def test_a_line_that_is_gone_is_taken_off():
    assert less([], [line_of(CALLS, 130, "1.30")]) == [line_of(CALLS, -130, "-1.30")]
    assert [line.quantity for line in less([], [noted("-1.30")])] == [None]


def test_more_units_for_nothing_are_a_change():
    free = Charge("usage", Meter("calls"), "calls, included", rate=Decimal(0), per=ONE)

    (change,) = less([line_of(free, 5, "0")], [line_of(free, 3, "0")])

    assert (change.quantity, change.amount) == (2, 0)


def test_the_change_of_what_is_no_plain_product_is_told_as_a_difference():
    package = Charge("usage", Meter("calls"), "calls", rate=Decimal(5), per=Decimal(1000), round="up")

    (change,) = less([line_of(package, 2001, "15")], [line_of(package, 999, "5")])

    assert (change.rate, change.quantity, change.amount) == (None, 1002, 10)
    assert "((2001 ÷ 1000, up) × 5 = 15) less ((999 ÷ 1000, up) × 5 = 5)" in change.explain()


def test_two_lines_that_read_alike_are_told_apart_by_their_place():
    before = [noted("-1"), noted("-2")]
    after = [noted("-1"), noted("-5")]

    assert [line.amount for line in less(after, before)] == [-3]


def test_two_fees_of_one_name_are_told_apart_by_their_amounts():
    advance, arrears = fee("10"), fee("20")

    assert less([arrears, advance], [advance]) == [arrears]


def test_a_change_of_the_rate_is_told_as_a_difference():
    dearer = Charge("usage", Meter("calls"), "calls", rate=Decimal("0.02"), per=ONE)

    (change,) = less([line_of(dearer, 100, "2.00")], [line_of(CALLS, 100, "1.00")])

    assert (change.rate, change.quantity, change.amount) == (None, 0, 1)
    assert "(100 × 0.02 = 2.00) less (100 × 0.01 = 1.00)" in change.explain()


def test_a_difference_keeps_the_order_of_the_stages():
    tax, discount = noted("2.47", "tax"), noted("-1.30")

    changes = less([fee("10"), tax], [discount, line_of(CALLS, 130, "1.30")])

    assert [(line.kind, line.amount) for line in changes] == [
        ("fee", Decimal("10")),
        ("usage", Decimal("-1.30")),
        ("discount", Decimal("1.30")),
        ("tax", Decimal("2.47")),
    ]


def test_the_total_of_an_adjustment_is_after_less_before():
    period = Period("2026-02-01", "2026-03-01")
    note = Adjustment((), Decimal("12.34"), Decimal("10.00"), "USD", period, "outage")

    assert note.total == Decimal("-2.34")
    assert (note.period, note.reason) == (period, "outage")


def test_an_adjustment_prints_as_a_table_with_both_totals():
    note = Adjustment(
        (line_of(CALLS, -100, "-1.00"),), Decimal("11.00"), Decimal("10.00"), "USD", None, "outage"
    )

    assert str(note).splitlines()[2:] == [
        "calls            -100  0.01   -1.00",
        "Total: -1.00 USD (outage), before 11.00, after 10.00 USD",
    ]
    assert str(Adjustment((), Decimal(1), Decimal(1), "USD")).endswith("Total: 0 USD, before 1, after 1 USD")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize(
    "value",
    [CALLS, line_of(CALLS, 130, "1.30"), Adjustment((fee("10"),), ONE, ONE, "USD")],
    ids=["charge", "line", "adjustment"],
)
def test_lines_and_adjustments_survive_a_copy_and_a_pickle(value, again):
    assert again(value) == value
    assert hash(again(value)) == hash(value)
    assert repr(again(value)) == repr(value)


def test_a_line_is_equal_to_lines_only():
    line = line_of(CALLS, 130, "1.30")

    assert line == line_of(CALLS, 130, "1.30")
    assert line != "calls"


def test_every_line_says_its_amount_as_a_decimal_whatever_it_is_of():
    sevenths = PerUnit(1, per=7)
    tiers = Graduated([Tier(10, 1, per=3), Tier(None, 1, per=7)])
    terms = {"fees": Fee(10), "discounts": Discount.percent(10), "taxes": Tax("VAT", 19)}
    week = Period("2026-06-01", "2026-06-08")
    for price in (sevenths, tiers, Volume(tiers.tiers), sevenths.at_least(5), sevenths.after(3)):
        for more in ({}, terms, {"cycle": Cycle.monthly(), **terms}):
            plan = BillingPlan(PriceSchedule(a=price), **more)
            for used in (25, "24.75"):
                bill = Bill.of({"a": used}, plan, period=week)

                assert {type(line.amount) for line in bill.lines} == {Decimal}
                assert {type(line.quantity) for line in bill.lines} <= {Decimal, type(None)}
                assert sum(line.amount for line in bill.lines) == bill.total


def test_a_meter_may_read_like_the_bounds_of_a_tier():
    name = 'calls{about="tier 2: 5 to 9"}'
    tiers = Graduated([Tier(10, 1), Tier(None, 2)])
    for price, bounds in ((1, [(None, None)]), (tiers, [(0, 10), (10, None)])):
        bill = Bill.of({name: 13}, BillingPlan(PriceSchedule({name: price})))
        assert [line.tier_bounds() for line in bill.lines] == bounds


def test_endless_amounts_that_add_up_to_an_end_are_decimals_too():
    tiers = Graduated([Tier(1, 1, per=3), Tier(None, 2, per=3)])
    bill = Bill.of({"a": 2}, BillingPlan(PriceSchedule(a=tiers)))

    assert {type(line.amount) for line in bill.lines} == {Decimal}
    assert bill.exact == bill.total == sum(line.amount for line in bill.lines) == 1


def test_endless_amounts_are_shown_so_that_they_add_up():
    for more in ({}, {"taxes": Tax("VAT", 19)}, {"fees": Fee(1)}, {"discounts": Discount.percent(7)}):
        plan = BillingPlan(PriceSchedule(a=PerUnit(2, per=3), b=PerUnit(2, per=3)), **more)
        bill = Bill.of({"a": 1, "b": 1}, plan)

        # 0.666…667 twice is not 1.333…333
        assert sum(line.amount for line in bill.lines) == bill.total
        assert {type(line.amount) for line in bill.lines} == {Decimal}


def test_lines_of_two_versions_that_never_end_say_how_they_come_about():
    june, plan = Period("2026-06-01", "2026-07-01"), BillingPlan(PriceSchedule(calls=PerUnit(1, per=3)))
    taxed = BillingPlan(plan.prices, taxes=[Tax("VAT", 10)])
    contract = Contract(plan).amended("2026-06-16", taxed)
    lines = Bill.of({"2026-06-02": {"calls": 1}, "2026-06-20": {"calls": 1}}, contract, period=june).lines

    assert [(line.charge.rule, line.exact) for line in lines[:2]] == [("every 3 units at 1", THIRD)] * 2
