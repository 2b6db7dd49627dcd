"""The oracle against numbers that people worked out: examples of the rules that it was written from."""

from fractions import Fraction

import pytest

from tests.oracle import oracle

ONE_EACH = ["per_unit", "1", "1"]
GRANT = {
    "currency": "USD",
    "starts": None,
    "expires": None,
    "priority": 0,
    "kind": "paid",
    "on": None,
    "rollover": None,
    "created": None,
}


def plan_of(prices, *, rounding=None, **terms):
    """A plan in dollars; *prices* by entry, *terms* as they differ from none."""
    plan = {
        "currency": "USD",
        "places": 2,
        "units": "USD",
        "unit_places": 2,
        "rounding": {"places": None, "mode": "half_up", "stage": "bill", "tax": "total"} | (rounding or {}),
        "entries": {key: {"price": price, "each": None} for key, price in prices.items()},
        "cycle": None,
        "proration": "day",
        "overage": "bill",
        "prorate_included": False,
        "included": {},
    }
    none = dict.fromkeys(["minimum", "maximum", "token_price", "trial"])
    return plan | {"fees": [], "discounts": [], "taxes": []} | none | terms


def grant(id, amount, **terms):
    return {**GRANT, "id": id, "amount": amount, **terms}


def tax(percent, on=None, *, inclusive=False):
    return {"percent": percent, "inclusive": inclusive, "on": on}


def percent_off(value, on=None):
    return {"unit": "percent", "value": value, "on": on}


def fixed_off(value, on=None):
    return {"unit": "fixed", "value": value, "on": on}


def bills(plan, parts, grants=(), **asked):
    """The answers of the bills of a period, and the state after it."""
    state, answers = oracle.opened(list(grants), None, "0"), []
    for i, usage in enumerate(parts):
        answer, state = oracle.billed(plan, state, usage, final=i == len(parts) - 1, **asked)
        answers.append(answer)
    return answers, state


def total(plan, usage, grants=(), **asked):
    ((answer,), _) = bills(plan, [usage], grants, **asked)
    return answer.total


def tier(up_to, rate="0", fee="0", per=None, direction="none"):
    return {"up_to": up_to, "rate": rate, "fee": fee, "per": per, "round": direction}


FEES = [tier("10", "5", "2"), tier(None, "4", "3")]
FALLING = [tier("1000", "0.01"), tier("5000", "0.008"), tier(None, "0.005")]
CONVERTED = ["graduated", [tier("2", "10"), tier(None, "4")], "1", False]
FACTOR = ["graduated", [tier("100", "1"), tier(None, "1.5")], "1", False]
BY_EVENT = ["sum", ["per_unit", "2.5", "100"], ["flat", "0.50", False]]
BLOCKS = [tier("50", "1", "0", "10", "up"), tier(None, "1.5", "0", "20", "up")]


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        (["graduated", FALLING, "1", False], "1000.5", "10.004"),
        (["graduated", FEES, "1", False], "12", "63"),
        (["volume", FEES, "1", False], "10", "52"),
        (["volume", FEES, "1", False], "12", "51"),
        (["volume", FEES, "1", True], "0", "2"),
        (["graduated", BLOCKS, "1", False], "57", "6.5"),
        (["volume", BLOCKS, "1", False], "51", "4.5"),
        (["package", "0.3", "5", "up"], "2.1", "35"),
        (["after", ["package", "1000", "5", "up"], "500"], "2001", "10"),
        (["at_least", ["capped", BY_EVENT, "20"], "1"], "10", "1"),
        (["in_units", CONVERTED, "1000", "1", "up"], "2500", "24"),
        (["then", ONE_EACH, FACTOR], "140", "160"),
    ],
)
def test_prices_come_to_what_the_rules_say(price, quantity, amount):
    assert oracle.price_of(price, Fraction(quantity)) == Fraction(amount)


@pytest.mark.parametrize(("used", "owed"), [("600", 500), ("400", 450), ("200", 450)])
def test_discounts_come_before_the_maximum_and_the_minimum_is_last(used, owed):
    plan = plan_of({"a": ONE_EACH}, discounts=[percent_off("10")], maximum="500", minimum="450")

    assert total(plan, {"a": used}) == owed


def test_discounts_are_chained_in_the_order_given():
    twice = [percent_off("10"), percent_off("10")]

    assert total(plan_of({"a": ONE_EACH}, discounts=[*twice, fixed_off("30")]), {"a": "200"}) == 132
    assert total(plan_of({"a": ONE_EACH}, discounts=[fixed_off("30"), *twice]), {"a": "200"}) == Fraction(
        "137.7"
    )


@pytest.mark.parametrize(
    ("rounding", "owed"), [({}, "1.01"), ({"mode": "half_even"}, "1.00"), ({"stage": "line"}, "1.02")]
)
def test_three_lines_are_rounded_once_or_each(rounding, owed):
    plan = plan_of({key: ["per_unit", "0.335", "1"] for key in "abc"}, rounding=rounding)

    assert total(plan, dict.fromkeys("abc", "1")) == Fraction(owed)


def test_what_is_spread_goes_to_the_largest_remainders():
    cents = oracle.Unit(Fraction(1, 100), "half_up")

    assert cents.shared(Fraction(10), [1, 1, 1]) == [Fraction("3.34"), Fraction("3.33"), Fraction("3.33")]
    assert oracle.Unit(Fraction(1), "half_up").shared(Fraction(10), [1, 2, 4]) == [1, 3, 6]


@pytest.mark.parametrize(("rounding", "owed"), [({}, "119.99"), ({"stage": "line", "tax": "line"}, "120.00")])
def test_a_tax_is_rounded_once_or_on_each_line(rounding, owed):
    # 99.99 + 19.998, and 99.99 + 3 × 6.67
    plan = plan_of({key: ["flat", "33.33", False] for key in "abc"}, rounding=rounding, taxes=[tax("20")])

    assert total(plan, dict.fromkeys("abc", "1")) == Fraction(owed)


def test_inclusive_taxes_are_taken_out_together_and_others_are_on_that_net():
    both = plan_of({"a": ONE_EACH}, taxes=[tax("19", inclusive=True), tax("5")])

    assert total(both, {"a": "119"}) == 124
    assert total(plan_of({"a": ONE_EACH}, taxes=[tax("5"), tax("9.975")]), {"a": "250"}) == Fraction("287.44")


def test_promotional_credit_comes_before_tax_and_paid_credit_after():
    plan, paid = plan_of({"a": ONE_EACH}, taxes=[tax("20")]), grant("p", "50")
    gift = grant("g", "10", kind="promotional")

    ((answer,), _) = bills(plan, [{"a": "100"}], [gift, paid])
    assert (answer.total, answer.due) == (108, 58)
    ((answer,), _) = bills(plan, [{"a": "100"}], [grant("p", "60")])
    assert (answer.total, answer.due) == (120, 60)


def test_a_bill_never_falls_below_zero_by_a_draw():
    plan = plan_of({"a": ["per_unit", "1.0005", "1"]})

    assert total(plan, {"a": "10"}, [grant("g", "10.01", kind="promotional")]) == 0  # of 10.005


def test_a_priority_beats_the_nearer_expiry():
    a = grant("a", "30", priority=1, expires="2026-03-20")
    b = grant("b", "50", priority=1)
    c = grant("c", "20", priority=2, expires="2026-02-10")

    ((answer,), _) = bills(plan_of({"a": ONE_EACH}), [{"a": "60"}], [c, b, a], at="2026-02-01")

    assert answer.draws == {"a": 30, "b": 30}


def test_a_grant_added_later_pays_no_earlier_charge():
    plan, state = plan_of({"a": ONE_EACH}), oracle.opened([], None, "0")
    _, state = oracle.billed(plan, state, {"a": "100"}, final=False)
    state = oracle.topped_up(state, [grant("g", "50", kind="promotional")])

    answer, _ = oracle.billed(plan, state, {}, final=False)

    assert (answer.total, answer.draws) == (0, {})


def test_grants_pay_lines_in_their_order_however_usage_is_split():
    plan = plan_of(dict.fromkeys("ab", ONE_EACH))
    gifts = [grant("g", "10", kind="promotional"), grant("h", "10", kind="promotional", on=["a"])]

    answers, _ = bills(plan, [{"a": "10", "b": "9"}, {"b": "3"}], gifts)

    assert sum(answer.total for answer in answers) == 12  # and not 9
    assert total(plan, {"a": "10", "b": "12"}, gifts) == 12


def test_tokens_are_settled_cumulatively_and_what_is_left_is_one_quantity():
    token = {"units": "TOKEN", "unit_places": 0}
    third = plan_of({"calls": ["per_unit", "1", "3"]}, **token, token_price=ONE_EACH)
    cliff = plan_of(
        {"a": ONE_EACH}, **token, token_price=["volume", [tier("10", "10"), tier(None, "6")], "1", False]
    )
    tokens = grant("t", "5", currency="TOKEN")

    answers, _ = bills(third, [{"calls": "1"}] * 3, [tokens])
    assert [answer.draws for answer in answers] == [{}, {"t": 1}, {}]
    assert total(cliff, {"a": "12"}) == 72
    assert total(cliff, {"a": "12"}, [grant("t", "2", currency="TOKEN")]) == 100


def test_what_is_billed_too_much_is_carried_and_spent_first():
    plan = plan_of({"a": ["volume", [tier("10", "10"), tier(None, "6")], "1", False]})

    answers, state = bills(plan, [{"a": "10"}, {"a": "2"}, {"a": "8"}])

    assert [(answer.total, answer.due) for answer in answers] == [(100, 100), (-28, 0), (48, 20)]
    assert state.credit == 0


def test_a_part_of_a_period_owes_a_part_of_what_is_fixed():
    monthly = {"cycle": {"unit": "month", "every": 1, "anchor": 1}}
    fee = [{"amount": "93", "due": "advance", "prorated": True}]

    assert total(plan_of({}, fees=fee, **monthly), {}, period=["2026-03-16", "2026-03-31"]) == 45
    assert total(plan_of({}, minimum="310", **monthly), {}, period=["2026-03-01", "2026-03-11"]) == 100


def test_a_cycle_from_the_31st_clamps_and_returns():
    cycle = {"unit": "month", "every": 1, "anchor": "2026-01-31"}

    assert [str(oracle.boundary(cycle, k)) for k in (1, 2, 3)] == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert [str(day) for day in oracle.billing_period(cycle, oracle.day_of("2026-02-14"))] == [
        "2026-01-31",
        "2026-02-28",
    ]


def test_a_roll_over_cuts_what_is_left_when_a_period_closes():
    _, state = bills(plan_of({"a": ONE_EACH}), [{"a": "10"}], [grant("g", "100", rollover=["0", "50"])])

    assert state.left == {"g": 50}


def test_a_plan_refuses_usage_that_is_not_covered_and_nothing_else():
    plan = plan_of({"a": ONE_EACH}, overage="refuse", minimum="5")

    with pytest.raises(oracle.Refused) as refused:
        bills(plan, [{"a": "12"}], [grant("g", "10")])
    assert refused.value.short == 2
    assert total(plan, {}) == 5


def test_a_correction_takes_off_no_more_than_was_used():
    plan = plan_of({"a": ONE_EACH})
    _, state = oracle.billed(plan, oracle.opened([], None, "0"), {"a": "10"}, final=False)

    answer, _ = oracle.billed(plan, state, {}, reversal={"a": "4"}, final=False)
    assert answer.total == -4
    with pytest.raises(oracle.BelowZero):
        oracle.billed(plan, state, {}, reversal={"a": "11"})


@pytest.mark.parametrize(("paid", "credited", "carried"), [(None, "0", 30), ("20", "5", 15), ("5", "9", 0)])
def test_a_credit_note_is_no_more_than_was_paid(paid, credited, carried):
    state = oracle.credited(oracle.opened([], None, "0"), Fraction(120), Fraction(90), paid, credited)

    assert state.credit == carried
