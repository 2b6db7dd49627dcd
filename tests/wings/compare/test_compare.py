from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.support.pages import cells
from tests.support.plans_along import TINY, fine, plans_along, small_money, small_prices
from tests.support.strategies import Saturating, junk
from tokenbill import (
    Bill,
    BillingPlan,
    Commitment,
    CurrencyMismatch,
    Cycle,
    Discount,
    Flat,
    Graduated,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
    Volume,
)
from tokenbill.compare import best_size, break_even, candidate_sizes, cheapest_plans, plans, what_if
from tokenbill.core.money.decimals import shifted
from tokenbill.errors import InvalidNumber, InvalidPlan, InvalidPrice, InvalidUsage, TokenbillError

# ---------------------------------------------------------------- brute force

SMALL = 400
"""How far brute force looks at every integer."""


@st.composite
def pairs_of_plans(draw, of=small_prices, count=2):
    return [draw(plans_along(of=of, money=small_money)) for _ in range(count)]


def break_even_points(one, other, up_to=None):
    try:
        return break_even(one, other, "calls", up_to=up_to)
    except InvalidPlan as error:
        event(str(error)[:40])
        assume(False)


def by_bills(pair):
    """Brute force: the plan whose bill is lower, rounded so finely that only equal totals are equal."""
    one, other = map(fine, pair)

    def cheaper(quantity):
        usage = Usage(calls=quantity)
        gap = Fraction(Bill.of(usage, one).total) - Fraction(Bill.of(usage, other).total)
        return None if abs(gap) < TINY else pair[0] if gap < 0 else pair[1]

    return cheaper


def summary(found, quantity, otherwise):
    """Who is cheaper at a quantity above zero, if break_even_points are all that one knows."""
    before = [point for point in found if point.quantity <= quantity]
    if before:
        return before[-1].at if before[-1].quantity == quantity else before[-1].above
    return found[0].below if found else otherwise


def near(found, steps, top):
    """Every multiple of 1/steps near each point, and some from zero on."""
    places = {0, *(int(point.quantity * steps) for point in found)}
    asked = {place + by for place in places for by in range(-3, 5)} | set(range(1, SMALL, 5))
    return [shifted(10 * place // steps, 1) for place in sorted(asked) if 0 < place <= top * steps]


@pytest.mark.parametrize("steps", [1, 10])
@given(pair=pairs_of_plans())
def test_between_crossings_brute_force_finds_no_other(steps, pair):
    found, cheaper = break_even_points(*pair, up_to=1000), by_bills(pair)
    event(f"{min(len(found), 5)} break_even_points")
    at_first = cheaper(Decimal("1e-9"))

    for quantity in near(found, steps, 1000):
        assert summary(found, quantity, at_first) is cheaper(quantity), quantity


@given(pair=pairs_of_plans())
def test_a_crossing_continues_what_the_one_before_it_says(pair):
    found = break_even_points(*pair, up_to=1000)

    for before, after in pairwise(found):
        assert before.quantity < after.quantity
        assert before.above is after.below
    for point in found[1:]:
        assert not point.below is point.at is point.above


@given(pair=pairs_of_plans())
def test_without_end_the_crossings_are_those_of_any_range(pair):
    try:
        every = break_even(*pair, "calls")
    except InvalidPlan:
        assume(False)

    assert break_even_points(*pair, up_to=500) == tuple(found for found in every if found.quantity <= 500)


@given(three=pairs_of_plans(count=3))
def test_on_its_stretch_no_bill_is_below_that_of_the_cheapest_plan(three):
    try:
        found = cheapest_plans({"a": three[0], "b": three[1], "c": three[2]}, "calls", up_to=1000)
    except InvalidPlan:
        assume(False)
    finely, places = [fine(plan) for plan in three], {int(each.start) for each in found}

    for quantity in sorted(
        {0, 1000, *range(1, 300, 9), *(place + by for place in places for by in (0, 1, 2))}
    ):
        if quantity <= 1000:
            (best,) = (each for each in found if quantity in each.quantities)
            bills = [Fraction(Bill.of(Usage(calls=quantity), plan).total) for plan in finely]
            assert bills["abc".index(best.name)] <= min(bills) + TINY


@given(three=pairs_of_plans(count=3))
def test_stretches_tile_what_is_looked_at(three):
    try:
        found = cheapest_plans(three, "calls", up_to=1000)
    except InvalidPlan:
        assume(False)

    assert (found[0].start, found[0].quantities.has_start) == (0, True)
    assert (found[-1].end, found[-1].quantities.has_end) == (1000, True)
    for before, after in pairwise(found):
        assert before.end == after.start
        assert before.quantities.has_end is not after.quantities.has_start
        assert before.plan is not after.plan


@given(pair=pairs_of_plans())
def test_an_envelope_of_two_changes_only_at_their_crossings(pair):
    found = break_even_points(*pair, up_to=1000)

    starts = {each.start for each in cheapest_plans(pair, "calls", up_to=1000)[1:]}

    assert starts <= {point.quantity for point in found}


# ---------------------------------------------------------------- break-even


def on_demand(price, name="", **terms):
    return BillingPlan.on_demand(PriceSchedule(calls=price, gpu=2), name=name, **terms)


def places(*plans, **terms):
    return [point.quantity for point in break_even(*plans, "calls", **terms)]


def sides(pair, point):
    """Who is cheaper below, at and above: a, b, = for both, - for neither."""
    told = {id(pair[0]): "a", id(pair[1]): "b", id(None): "="}
    return "".join(told[id(plan)] for plan in (point.below, point.at, point.above))


def test_a_subscription_breaks_even_where_its_fee_is_used_up():
    prices = PriceSchedule(calls="0.01")
    pair = (
        BillingPlan.on_demand(prices),
        BillingPlan.subscription(20, prices, included={"calls": 5000}),
    )

    (point,) = break_even(*pair, "calls")

    assert point.quantity == 2000  # 2000 × 0.01 = 20
    assert point.amount == 20
    assert sides(pair, point) == "a=b"


def test_a_crossing_is_an_exact_fraction():
    assert places(on_demand("0.03"), on_demand(Flat(1))) == [Fraction(100, 3)]


def test_a_cliff_is_a_crossing_though_the_two_are_equal_nowhere():
    pair = on_demand("0.008"), on_demand(Volume([Tier(1000, "0.01"), Tier(None, "0.005")]))

    (point,) = break_even(*pair, "calls")

    # 8 and 10 at 1000, 8.008 and 5.005 at 1001
    assert (point.quantity, point.amount, sides(pair, point)) == (1000, 8, "aab")


def test_packages_cross_a_rate_in_every_package_until_they_never_do_again():
    # packages of 100 for 5 cost 5, 10, 15, …; 0.06 a call reaches that at 83⅓, 166⅔, 250, 333⅓, 416⅔
    reached = [Fraction(250, 3), Fraction(500, 3), 250, Fraction(1000, 3), Fraction(1250, 3)]

    assert places(on_demand("0.06"), on_demand(Package(100, 5))) == sorted([*reached, 100, 200, 300, 400])


def test_a_touch_is_a_crossing_with_one_plan_on_both_sides():
    pair = on_demand("0.05"), on_demand(Package(100, 5))

    found = break_even(*pair, "calls", up_to=200)

    assert [(point.quantity, sides(pair, point)) for point in found] == [(100, "a=a"), (200, "a=a")]


def test_plans_that_cross_without_end_ask_how_far_to_look():
    with pytest.raises(InvalidPlan, match="up_to="):
        break_even(on_demand("0.05"), on_demand(Package(100, 5)), "calls")


def test_steps_without_end_that_never_meet_need_no_end():
    assert places(on_demand("0.04"), on_demand(Package(100, 5))) == []


def test_equal_steps_do_not_hide_where_the_rest_crosses():
    packages = Package(1, "0.5")

    assert places(on_demand(packages + Flat(3)), on_demand(packages + PerUnit("0.1"))) == [30]


def test_a_stretch_of_equal_totals_has_a_crossing_at_both_ends():
    pair = on_demand("0.01"), on_demand(PerUnit("0.01").at_least(1).capped(5))

    found = break_even(*pair, "calls")

    assert [(point.quantity, sides(pair, point)) for point in found] == [(100, "a=="), (500, "==b")]


def test_equal_for_nothing_is_no_crossing_but_a_fee_for_nothing_is_one():
    assert places(on_demand(1), on_demand(2)) == []
    pair = on_demand(Flat(5, at_zero=True)), on_demand(Flat(9))

    (point,) = break_even(*pair, "calls")

    assert (point.quantity, point.below, point.at, point.above) == (0, None, pair[1], pair[0])


def test_equal_plans_cross_nowhere():
    assert places(on_demand(1), on_demand(PerUnit(2, per=2))) == []


def test_a_crossing_at_the_end_of_the_range_knows_what_lies_above():
    pair = on_demand("0.03"), on_demand(Flat(3))

    (point,) = break_even(*pair, "calls", up_to=100)

    assert sides(pair, point) == "a=b"
    assert places(*pair, up_to=99) == []


def test_fees_discounts_minimum_and_taxes_move_the_crossing():
    vat = Tax("VAT", 25)
    plain = on_demand(1, taxes=vat)
    agreed = BillingPlan.subscription(
        30,
        PriceSchedule(calls="0.5"),
        discounts=Discount.percent(20, on="fee"),
        minimum=60,
        taxes=Tax("VAT", 25),
    )

    # 24 + q ÷ 2, at least 60: both net 60 at q = 60, below which 72 calls are not yet reached
    assert places(plain, agreed) == [60]


def test_the_rest_of_the_usage_counts():
    cheap_gpu = BillingPlan.on_demand(PriceSchedule(calls=3, gpu=1))

    assert places(on_demand(1), cheap_gpu, usage={"gpu": 10, "calls": 999}) == [5]  # 20 + q = 10 + 3 q


def test_usage_under_the_same_entry_stands_before_the_meter():
    tiered = on_demand(Graduated([Tier(100, 1), Tier(None, "0.5")]))

    # 60 units before: 60 + 40 + (q − 40) ÷ 2 = 0.9 × (60 + q) at q = 65
    assert places(tiered, on_demand("0.9"), usage={"calls{x=1}": 60}) == [65]


def test_a_crossing_says_itself_in_words():
    (point,) = break_even(on_demand(1, "pay as you go"), on_demand(Flat(20), "flat"), "calls")

    assert str(point) == "at 20: pay as you go below, both the same there, flat above"
    assert repr(point) == f"<BreakEvenPoint {point}>"


def test_plans_without_a_name_are_called_by_their_place():
    (point,) = break_even(on_demand(1), on_demand(Flat(20)), "calls")

    assert str(point) == "at 20: plan 1 below, both the same there, plan 2 above"


def test_a_price_that_lists_no_pieces_is_refused_with_a_way_out():
    with pytest.raises(InvalidPrice, match=r"Saturating.*pieces"):
        break_even(on_demand(1), on_demand(Saturating(5, 5)), "calls")


def test_other_meters_may_have_prices_of_any_kind():
    own = BillingPlan.on_demand(PriceSchedule(calls=1, gpu=Saturating(10, 2)))

    assert places(own, on_demand(Flat(20)), usage={"gpu": 2}) == [
        0,
        19,
    ]  # 5 and 4 for no calls; 5 + q = 20 + 4


def test_plans_in_two_currencies_are_not_compared():
    euros = BillingPlan.on_demand(PriceSchedule(calls=1, currency="EUR"))

    for compared in (
        lambda: break_even(on_demand(1), euros, "calls"),
        lambda: cheapest_plans([on_demand(1), euros], "calls"),
        lambda: plans(Usage(calls=1), [on_demand(1), euros]),
    ):
        with pytest.raises(CurrencyMismatch):
            compared()


@pytest.mark.parametrize("up_to", [0, -1, "x", 10**30, 0.5])
def test_a_range_that_is_none_is_refused(up_to):
    with pytest.raises(InvalidNumber):
        break_even(on_demand(1), on_demand(2), "calls", up_to=up_to)


def test_a_meter_without_a_price_is_told():
    with pytest.raises(UnpricedUsage):
        break_even(on_demand(1), on_demand(2), "unknown")


# ---------------------------------------------------------------- cheapest_plans


def test_an_envelope_names_the_cheapest_plan_on_every_stretch():
    offers = {
        "small": on_demand(3),
        "dear": on_demand(PerUnit(4) + Flat(1)),
        "team": on_demand(PerUnit(2) + Flat(100)),
        "flat": on_demand(Flat(500)),
    }

    found = cheapest_plans(offers, "calls")

    # 3 q = 100 + 2 q at 100; 100 + 2 q = 500 at 200
    assert [str(each) for each in found] == ["[0, 100] small", "(100, 200] team", "(200, ∞) flat"]
    assert [(each.start, each.end, each.plan) for each in found] == [
        (0, 100, offers["small"]),
        (100, 200, offers["team"]),
        (200, None, offers["flat"]),
    ]


def test_where_several_are_cheapest_the_plan_stays():
    offers = [on_demand("0.01", "a"), on_demand(PerUnit("0.01").at_least(1).capped(5), "b")]

    assert [str(each) for each in cheapest_plans(offers, "calls")] == ["[0, 500] a", "(500, ∞) b"]


def test_a_plan_that_is_cheapest_at_one_quantity_only_has_a_stretch_of_it():
    before = Volume([Tier("0.5", fee=5), Tier(None)], fee_at_zero=True).in_units(of=10, round="down")
    behind = Flat(5).after(1).in_units(of=10, round="up")
    dips = on_demand(before + behind, "dips")  # 5, but nothing at 10
    flat = on_demand(Flat(3, at_zero=True), "flat")

    found = cheapest_plans([flat, dips], "calls")
    (point,) = break_even(flat, dips, "calls")

    assert [str(each) for each in found] == ["[0, 10) flat", "[10, 10] dips", "(10, ∞) flat"]
    assert (point.quantity, sides((flat, dips), point)) == (10, "aba")


# ---------------------------------------------------------------- rankings

PRICES = PriceSchedule(calls="0.01")
OFFERS = {
    "pay as you go": BillingPlan.on_demand(PRICES),
    "pro": BillingPlan.subscription(20, PRICES, included={"calls": 5000}),
    "flat": BillingPlan.subscription(49, PriceSchedule(calls=0)),
}


def standing(comparison):
    return [(ranked.place, ranked.name, str(ranked.total)) for ranked in comparison.ranking]


def test_plans_are_ranked_by_their_bills():
    found = plans(Usage(calls=6000), OFFERS)

    # 60; 20 + 1000 × 0.01; 49
    assert standing(found) == [(1, "pro", "30.00"), (2, "flat", "49.00"), (3, "pay as you go", "60.00")]
    assert found.best.plan is OFFERS["pro"]
    assert found.currency.code == "USD"


def test_ties_share_a_place_in_the_order_given():
    found = plans(Usage(calls=2000), {**OFFERS, "late": OFFERS["pay as you go"]})

    assert [name for _, name, _ in standing(found)] == ["pay as you go", "pro", "late", "flat"]
    assert [place for place, _, _ in standing(found)] == [1, 1, 1, 4]


def test_a_history_adds_up_bills_of_its_months():
    found = plans([Usage(calls=1000), {"calls": 9000}], OFFERS)

    # 10 + 90; 20 + 20 + 40; 49 + 49
    assert standing(found) == [(1, "pro", "80.00"), (2, "flat", "98.00"), (3, "pay as you go", "100.00")]
    assert found.scenarios == ((1,), (2,))
    assert [str(bill.total) for bill in found.best.bills] == ["20.00", "60.00"]


def test_a_period_owes_its_part_of_the_fees():
    half = Period.inclusive("2026-06-01", "2026-06-15")
    monthly = BillingPlan.subscription(30, PRICES, cycle=Cycle.monthly(anchor=1))

    assert plans({half: Usage()}, [monthly]).best.total == 15  # 30 × 15 ÷ 30


def test_each_tenant_has_its_own_cheapest_plan():
    usage = {"red": [Usage(calls=500), Usage(calls=700)], "blue": Usage(calls=9000), "green": {}}

    found = plans(usage, OFFERS)

    assert {tenant: best.name for tenant, best in found.cheapest().items()} == {
        "red": "pay as you go",
        "blue": "flat",
        "green": "pay as you go",
    }
    assert found.scenarios == (("red", 1), ("red", 2), ("blue",), ("green",))
    assert found.of("red").best.total == 12
    assert found.of("red", 2).best.total == 7
    assert found.of("red").cheapest()[1].name == "pay as you go"


def test_a_tenant_that_was_not_compared_is_told():
    with pytest.raises(InvalidUsage, match="red"):
        plans({"red": Usage()}, OFFERS).of("blue")


@pytest.mark.parametrize("asked", [Decimal("sNaN"), Decimal("NaN"), None, [], 10**400])
def test_a_month_is_asked_for_by_anything(asked):
    found = plans({"red": {Decimal(1): Usage(), Decimal(2): Usage()}}, OFFERS)

    with pytest.raises(InvalidUsage):
        found.of("red", asked)
    with pytest.raises(InvalidUsage):
        found.of(asked)


@pytest.mark.parametrize("empty", [[], ()])
def test_a_tenant_without_months_owes_nothing(empty):
    found = plans({"red": empty, "blue": [Usage(calls=1)], "green": {}}, OFFERS)

    assert found.scenarios == (("blue", 1), ("green",))
    assert [str(ranked.total) for ranked in found.ranking] == ["0.01", "40.00", "98.00"]


@pytest.mark.parametrize("empty", [[], (), {"red": []}, {"red": [], "blue": ()}])
def test_no_usage_at_all_is_refused(empty):
    with pytest.raises(InvalidUsage, match="without usage"):
        plans(empty, OFFERS)
    with pytest.raises(InvalidUsage, match="without usage"):
        best_size(empty, package, [0, 1000])


def test_one_usage_may_be_a_plain_mapping():
    assert plans({"calls": 2000}, OFFERS).scenarios == ((),)
    assert plans({}, OFFERS).best.name == "pay as you go"


def test_reasons_say_line_by_line_what_another_plan_bills_more():
    (to_flat, to_demand) = plans(Usage(calls=6000), OFFERS).why

    assert (to_demand.one, to_demand.other, to_demand.total) == ("pro", "pay as you go", 30)
    assert [(line.reason, line.description, line.amount) for line in to_demand.lines] == [
        ("fee", "subscription", -20),
        ("usage calls", "calls, included", 0),
        ("usage calls", "calls", 50),  # 60 less 10
    ]
    assert [(reason.reason, reason.amount) for reason in to_demand.reasons] == [
        ("fee", -20),
        ("usage calls", 50),
    ]
    assert to_flat.summary == "flat costs $19.00 more than pro: fee +29.00, usage calls -10.00"


@given(drawn=pairs_of_plans(), quantities=st.lists(st.integers(0, 500), min_size=1, max_size=3))
def test_the_lines_of_a_difference_add_up_to_it(drawn, quantities):
    found = plans([Usage(calls=quantity) for quantity in quantities], drawn)

    (difference,) = found.why
    assert difference.total == found.ranking[1].total - found.best.total
    assert sum(reason.amount for reason in difference.reasons) == difference.total


def test_a_plan_that_refuses_is_compared_as_if_it_billed():
    prepaid = BillingPlan.prepaid(PRICES, overage="refuse")

    assert plans(Usage(calls=100), [prepaid]).best.total == 1


def test_a_comparison_is_shown_as_tables():
    found = plans({"red": Usage(calls=6000), "<b>": Usage()}, OFFERS)

    assert str(found).splitlines() == [
        "   plan           total USD   more",
        "-  -------------  ---------  -----",
        "1  pro                50.00   0.00",
        "2  pay as you go      60.00  10.00",
        "3  flat               98.00  48.00",
        "",
        "scenario    pro  pay as you go   flat  cheapest",
        "--------  -----  -------------  -----  -------------",
        "red       30.00          60.00  49.00  pro",
        "<b>       20.00           0.00  49.00  pay as you go",
        "",
        "pay as you go costs $10.00 more than pro: usage calls +50.00, fee -40.00",
        "flat costs $48.00 more than pro: fee +58.00, usage calls -10.00",
    ]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert repr(found) == "<Comparison of 3 plans, best <1. pro: 50.00 USD>>"


def test_a_comparison_has_a_row_for_each_plan_and_scenario():
    rows = plans({"red": [Usage(calls=100)]}, [OFFERS["flat"]]).to_rows()

    assert rows == [
        {"plan": "plan 1", "place": "1", "scenario": "red / 1", "total": "49.00", "currency": "USD"}
    ]


def test_a_difference_is_shown_as_a_table():
    (difference,) = plans(Usage(calls=100), [OFFERS["pay as you go"], OFFERS["flat"]]).why

    assert str(difference).splitlines() == [
        "reason       line          plan 1  plan 2  difference",
        "-----------  ------------  ------  ------  ----------",
        "usage calls  calls           1.00    0.00       -1.00",
        "fee          subscription    0.00   49.00       49.00",
        "plan 2 costs $48.00 more than plan 1: fee +49.00, usage calls -1.00",
    ]
    assert difference.to_rows()[0]["difference"] == "-1.00"
    assert "<table" in difference._repr_html_()


def test_plans_of_one_name_are_told_apart():
    found = plans(
        Usage(), [BillingPlan.on_demand(PRICES, name="pro"), BillingPlan.on_demand(PRICES, name="pro")]
    )

    assert [ranked.name for ranked in found.ranking] == ["pro 1", "pro 2"]
    assert found.why[0].summary == "pro 2 costs the same as pro 1"


@pytest.mark.parametrize("offered", [[], {}, None, 7, "pro", [PRICES], {"pro": 1}, OFFERS["pro"], [OFFERS]])
def test_what_is_no_plans_is_refused(offered):
    with pytest.raises(InvalidPlan):
        plans(Usage(), offered)
    with pytest.raises(InvalidPlan):
        cheapest_plans(offered, "calls")


@pytest.mark.parametrize(
    "usage", [7, None, [[[Usage()]]], {"a": {"b": {"c": Usage()}}}, [1], {"a": Usage(), "b": 1}]
)
def test_what_is_no_usage_is_refused(usage):
    with pytest.raises(TokenbillError):
        plans(usage, OFFERS)


# ---------------------------------------------------------------- what-if and sizes


def test_what_if_says_what_changed_terms_change():
    found = what_if(Usage(calls=1000, gpu=2), on_demand("0.01"), discounts=[Discount.percent(10)])

    assert [(line.reason, line.amount) for line in found.lines] == [
        ("usage calls", 0),
        ("usage gpu", 0),
        ("discount", Decimal("-1.4")),  # 10 % of 10 + 4
    ]
    assert found.total == Decimal("-1.4")
    assert found.summary == "changed costs $1.40 less than now: discount -1.40"


def test_what_if_takes_a_history():
    plan = on_demand("0.01")

    assert what_if([Usage(calls=100), Usage(calls=200)], plan, prices=plan.prices * 2).total == 3


def test_what_if_of_no_plan_is_refused():
    with pytest.raises(InvalidPlan):
        what_if(Usage(), PRICES)


def test_what_if_of_no_term_names_those_near():
    with pytest.raises(InvalidPlan, match="did you mean discounts"):
        what_if(Usage(), on_demand(1), discount=[])
    with pytest.raises(InvalidPlan, match="the terms are prices, name, fees"):
        what_if(Usage(), on_demand(1), **{"x\n" * 99: 1})


def package(size):
    """A package of calls at 2 cents; those beyond it cost 3."""
    return BillingPlan.subscription(size / 50, PriceSchedule(calls="0.03"), included={"calls": size})


HISTORY = [Usage(calls=900), Usage(calls=1000), Usage(calls=2500)]


def test_the_best_size_is_the_cheapest_of_those_given():
    found = best_size(HISTORY, package, [0, 1000, 2000, "3000.0"])

    # 132; 60 + 45; 120 + 15; 180
    assert standing(found) == [
        (1, "1000", "105.00"),
        (2, "0", "132.00"),
        (3, "2000", "135.00"),
        (4, "3000.0", "180.00"),
    ]


def test_of_equal_sizes_the_smallest_is_best():
    assert best_size(HISTORY, lambda size: package(Decimal(0)), [9, 3, 5]).best.name == "3"


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_no_size_is_better_than_the_best_of_those_at_the_usages(quantities):
    history = [Usage(calls=quantity) for quantity in quantities]

    best = best_size(history, package, candidate_sizes(history, "calls")).best.total

    assert best == best_size(history, package, range(61)).best.total


def test_a_commitment_is_sized_by_its_minimum():
    def committed(size):
        return BillingPlan.on_demand(PriceSchedule(calls="0.01") * (1 - size / 100), minimum=size)

    # 20 + 80; 2 × 10 % off is 18 + 72; 30 % off of 80 is 56, and at least 30
    assert standing(best_size([Usage(calls=2000), Usage(calls=8000)], committed, [0, 10, 30])) == [
        (1, "30", "86.00"),
        (2, "10", "90.00"),
        (3, "0", "100.00"),
    ]


@pytest.mark.parametrize("sizes", [[], None, 5])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(InvalidPlan):
        best_size(HISTORY, package, sizes)


def test_what_makes_no_plans_is_refused():
    with pytest.raises(InvalidPlan):
        best_size(HISTORY, "package", [1])
    with pytest.raises(InvalidPlan):
        best_size(HISTORY, lambda size: size, [1])


def test_labels_of_a_meter_are_one_size():
    assert candidate_sizes({"red": Usage({"calls{x=1}": 2, "calls": 3})}, "calls") == (0, 5)


# ---------------------------------------------------------------- anything at all


@given(junk, st.integers(0, 9))
def test_any_data_gives_an_answer_or_an_error_of_ours(data, door):
    plan = OFFERS["pro"]
    doors = [
        lambda: str(plans(data, OFFERS)) + plans(data, OFFERS)._repr_html_(),
        lambda: plans(Usage(), data),
        lambda: break_even(data, plan, "calls"),
        lambda: break_even(plan, OFFERS["flat"], data),
        lambda: break_even(plan, OFFERS["flat"], "calls", usage=data),
        lambda: break_even(plan, OFFERS["flat"], "calls", up_to=data),
        lambda: cheapest_plans(data, "calls"),
        lambda: best_size(HISTORY, package, data),
        lambda: what_if(data, plan),
        lambda: candidate_sizes(data, "calls"),
    ]

    with suppress(TokenbillError):
        doors[door]()


def test_break_even_points_and_cheapest_plans_are_tables_in_a_notebook():
    plans = {
        "pay": BillingPlan.on_demand(PriceSchedule(calls="0.01"), name="pay"),
        "flat": BillingPlan.subscription(20, PriceSchedule(calls=0), name="flat"),
    }
    points = break_even(*plans.values(), "calls")

    assert cells(points._repr_html_()) == [
        ("quantity", "amount", "cheaper"),
        ("2000", "20", "pay below, both the same there, flat above"),
    ]
    assert points[0]._repr_html_() == points._repr_html_()
    assert cells(cheapest_plans(plans, "calls")._repr_html_()) == [
        ("quantities", "cheapest"),
        ("[0, 2000]", "pay"),
        ("(2000, ∞)", "flat"),
    ]
    assert isinstance(points, tuple)
    assert break_even(plans["pay"], plans["pay"], "calls")._repr_html_() == "<p>none</p>"


def test_a_commitment_counts_in_the_period_that_trues_it_up():
    yearly = Commitment(100, cycle=Cycle.yearly("2026-01-01"))
    committed = BillingPlan(PriceSchedule(calls=1), name="c", commitment=yearly, cycle=Cycle.monthly())
    free = BillingPlan.on_demand(PriceSchedule(calls=2), name="o")

    (point,) = break_even(committed, free, "calls", period=Period("2026-12-01", "2027-01-01"))

    assert point.quantity == 50
    assert break_even(committed, free, "calls", period=Period("2026-03-01", "2026-04-01")) == ()


WEEKS = [("2026-06-01", "2026-06-08"), ("2026-06-08", "2026-06-15"), ("2026-06-15", "2026-06-29")]


def test_a_month_by_its_period_is_shown_as_its_two_ends():
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), name="one")
    found = plans({"red": {Period(*ends): Usage(calls=1) for ends in WEEKS}}, [plan, on_demand(2, "two")])

    shown = [row["scenario"] for row in found.to_rows() if row["plan"] == "one"]
    assert shown == [f"red / {start}/{end}" for start, end in WEEKS]
    assert "2026-06-15/2026-06-29" in str(found.of("red"))
    assert "Period(" not in str(found.of("red"))


def test_sentences_cut_endless_amounts_where_their_sum_stays_true():
    calls, cycle = PriceSchedule(calls="0.01"), Cycle.monthly()
    offers = {"pay": BillingPlan.on_demand(calls), "pro": BillingPlan.subscription(20, calls, cycle=cycle)}
    found = plans({Period(*ends): Usage(calls=100) for ends in WEEKS}, offers)

    # 20 × 28 ÷ 30 is 18.666…, and each of the three bills is rounded: 4.67 + 4.67 + 9.33
    assert found.why[0].summary == "pro costs $18.67 more than pay: fee +18.67"
    one = plans({Period("2026-06-01", "2026-06-08"): Usage(calls=100)}, offers)
    assert one.why[0].summary == "pro costs $4.67 more than pay: fee +4.67"


def test_sentences_keep_amounts_that_would_not_add_up_if_they_were_cut():
    cheap = BillingPlan.on_demand(PriceSchedule(calls="0.010", images=0))
    dear = BillingPlan.on_demand(PriceSchedule(calls="0.015", images="0.005"))
    found = plans(Usage(calls=1, images=1), {"one": cheap, "other": dear})

    assert found.why[0].summary == (
        "other costs $0.01 more than one: usage calls +0.005, usage images +0.005"
    )
