"""What an analyst asks of a frame: the right digits on every engine, worked out by hand."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engines import engine_of, every_engine, quick_engine, slow_engine
from tests.support.strategies import Saturating
from tests.wings.frames.frame_bills import is_beyond, plans_and_events, quantity_column
from tokenbill import (
    Bill,
    BillingPlan,
    Discount,
    Fee,
    Graduated,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.money.decimals import shifted
from tokenbill.errors import (
    CurrencyMismatch,
    InvalidNumber,
    InvalidPlan,
    InvalidPrice,
    QuantityOverflow,
    UnreadableInput,
)
from tokenbill.frames import add_up, compare, margin, rate, rollout, totals

few = settings(max_examples=settings.default.max_examples // 2)
fewer = settings(max_examples=settings.default.max_examples // 20 + 1)

CALLS = BillingPlan.on_demand(PriceSchedule(calls="0.001"))
TIERED = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(5, "0.10"), Tier(None, "0.01")])))


def asked(name, work, columns, /, *what, **options):
    engine = engine_of(name)
    return engine.records(work(engine.frame(columns), *what, **options))


def by_key(rows, *key, value="amount"):
    """Amounts added up by some columns."""
    found = {}
    for row in rows:
        place = tuple(row[column] for column in key)
        # no context of Decimal holds the digits of all sums
        found[place] = found.get(place, 0) + Fraction(row[value])
    return found if len(key) > 1 else {place[0]: amount for place, amount in found.items()}


# ---------------------------------------------------------------- one type


@every_engine
def test_every_plan_gives_columns_of_one_type(name):
    both = BillingPlan.on_demand(PriceSchedule(calls="0.01", gpu_s=PerUnit("0.10", per=3600)))
    one = BillingPlan.on_demand(PriceSchedule(calls="0.01"))
    for plan in (one, both):
        for row in asked(name, rate, {"t": ["a"], "calls": [3], "gpu_s": [1]}, plan, "t", meters=["calls"]):
            assert row["amount"].as_tuple().exponent == -18
            assert row["quantity"] is None or row["quantity"].as_tuple().exponent == -18
            assert row["currency"] == "USD"


@every_engine
@pytest.mark.parametrize("way", ["by", "labels", "spread"])
def test_a_column_may_be_called_what(name, way):
    rows = asked(name, rate, {"what": ["x", "y"], "calls": [1000, 2000]}, CALLS, **{way: "what"})

    assert by_key(rows, "what") == {"x": 1, "y": 2}


@every_engine
def test_what_needs_more_places_is_refused_with_the_least_scale(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.000000000000000000000001"))  # 24 places
    engine = engine_of(name)

    with pytest.raises(engine.bill_refusals(InvalidPrice), match="write scale=24"):
        asked(name, rate, {"calls": [1]}, plan)
    assert asked(name, rate, {"calls": [1]}, plan, scale=24)[0]["amount"] == Decimal("1E-24")


# ---------------------------------------------------------------- showback


@every_engine
def test_a_bill_is_spread_by_quantity_and_its_rounding_with_it(name):
    # 5 × 3 × 0.001 = 0.015, rounded to 0.02
    rows = asked(name, rate, {"s": [1, 2, 3, 4, 5], "calls": [3] * 5}, CALLS, spread="s", meters=["calls"])

    assert by_key(rows, "s") == dict.fromkeys([1, 2, 3, 4, 5], Decimal("0.004"))
    # 5 × 0.10 + 11 × 0.01 = 0.61
    rows = asked(name, rate, {"s": [1, 2, 3, 4], "calls": [4] * 4}, TIERED, spread=["s"], meters=["calls"])
    assert by_key(rows, "s") == dict.fromkeys([1, 2, 3, 4], Decimal("0.1525"))


@every_engine
def test_a_minimum_is_spread_by_the_net_of_the_usage(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"), minimum="10.00")
    columns = {"tenant": ["x", "x", "y"], "model": ["small", "large", "small"], "calls": [10, 30, 0]}

    rows = asked(name, rate, columns, plan, "tenant", spread="model", meters=["calls"])

    found = by_key(rows, "tenant", "model")
    # 1 and 3 of 4; without any usage equally
    assert found == {
        ("x", "small"): Decimal("2.50"),
        ("x", "large"): Decimal("7.50"),
        ("y", None): Decimal("10.00"),
    }


@every_engine
def test_what_does_not_divide_goes_to_the_first_labels_in_order(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"), fees=[Fee("1.00", "base")])
    columns = {"team": ["c", "a", "b"], "calls": [1, 1, 1]}

    rows = asked(name, rate, columns, plan, spread="team", meters=["calls"])

    fee = {row["team"]: row["amount"] for row in rows if row["kind"] == "fee"}
    third = Decimal("0.333333333333333333")
    assert fee == {"a": third + Decimal("1E-18"), "b": third, "c": third}


@every_engine
def test_labels_come_back_beside_the_meter(name):
    plan = BillingPlan.on_demand(PriceSchedule({"calls{model=small}": "0.01", "calls{model=large}": "0.02"}))
    columns = {
        "tenant": ["x", "x", "x"],
        "model": ["small", "large", "large"],
        "region": ["eu", "eu", "us"],
        "calls": [1, 1, 1],
    }

    both = asked(name, rate, columns, plan, ["tenant", "model"], labels="model", meters=["calls"])
    assert by_key(both, "tenant", "model") == {
        ("x", "small"): Decimal("0.01"),
        ("x", "large"): Decimal("0.04"),
    }
    one = asked(name, rate, columns, plan, "tenant", labels=["model", "region"], meters=["calls"])
    assert by_key(one, "meter", "model", "region") == {
        ("calls{model=small}", "small", "eu"): Decimal("0.01"),
        ("calls{model=large}", "large", "eu"): Decimal("0.02"),
        ("calls{model=large}", "large", "us"): Decimal("0.02"),
    }


@quick_engine
@few
@given(plans_and_events(), st.data())
def test_showback_adds_up_to_the_bill(name, drawn, data):
    check_showback(name, drawn, data)


@slow_engine
@fewer
@given(plans_and_events(), st.data())
def test_showback_adds_up_to_the_bill_on_slow_engines(name, drawn, data):
    check_showback(name, drawn, data)


def check_showback(name, drawn, data):
    """Spread over teams and models, each line is the line of the bill, and all are its total."""
    plan, places, few_events = drawn
    # each event three times, by three teams, and a fee for all of them: no decimal is a third of it
    plan = evolve(plan, fees=[*plan.fees, Fee("1.00", "shared")])
    events = [event for event in few_events for _ in range(3)]
    tenants, meters, numbers = (list(cells) for cells in zip(*events, strict=True))
    models = data.draw(st.lists(st.sampled_from([1, 2]), min_size=len(events), max_size=len(events)))
    columns = {"tenant": tenants, "meter": meters, "quantity": quantity_column(numbers, places)}
    columns |= {"team": ["x", "y", "z"] * len(few_events), "model": models}
    by_tenant = defaultdict(Usage)
    for tenant, meter, n in events:
        by_tenant[tenant] += Usage({meter: shifted(n, places)})
    try:
        rows = asked(name, rate, columns, plan, "tenant", spread=["team", "model"])
        whole = asked(name, rate, columns, plan, "tenant")
    except engine_of(name).bill_refusals(InvalidPrice, QuantityOverflow):
        assert is_beyond(plan, by_tenant.values(), places)
        return
    found = by_key(rows, "tenant")  # a bill of nothing has no lines
    for tenant, usage in by_tenant.items():
        assert found.get(tenant, 0) == Bill.of(usage, plan).total
    line = "tenant", "kind", "meter", "description"
    assert by_key(rows, *line) == by_key(whole, *line)
    for row in rows:  # nobody gets the part of another's line that has the other sign
        total = by_key(whole, *line)[tuple(row[column] for column in line)]
        assert Fraction(row["amount"]) * total >= 0


# ---------------------------------------------------------------- counts, plans, totals


@every_engine
def test_rows_are_counted(name):
    plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.50", seconds="1.00"))
    columns = {"tenant": ["a", "a", "b"], "seconds": [3, 5, 4]}

    rows = asked(name, rate, columns, plan, "tenant", counts=["api_calls"])

    assert by_key(rows, "tenant") == {"a": Decimal("9.00"), "b": Decimal("4.50")}


def two_currencies():
    euro = BillingPlan.on_demand(PriceSchedule(calls="2.00", currency="EUR"), name="eu")
    return {"acme": BillingPlan.on_demand(PriceSchedule(calls="0.25"), name="us"), "zoo": euro}


@every_engine
def test_each_customer_has_a_plan(name):
    columns = {"tenant": ["acme", "zoo"], "calls": [3, 4]}

    rows = asked(name, rate, columns, two_currencies(), "tenant")

    assert {(row["tenant"], row["amount"], row["plan"], row["currency"]) for row in rows} == {
        ("acme", Decimal("0.75"), "us", "USD"),
        ("zoo", Decimal("8.00"), "eu", "EUR"),
    }
    with pytest.raises(engine_of(name).bill_refusals(InvalidPlan), match="no plan for: 'nobody'"):
        asked(name, rate, {"tenant": ["nobody"], "calls": [3]}, two_currencies(), "tenant")


@every_engine
def test_a_column_names_the_plan(name):
    columns = {"tenant": ["a", "b"], "tariff": ["zoo", "acme"], "calls": [4, 3]}

    rows = asked(name, rate, columns, "tariff", "tenant", plans=two_currencies(), meters=["calls"])

    assert by_key(rows, "tenant", "currency") == {("a", "EUR"): Decimal(8), ("b", "USD"): Decimal("0.75")}
    # a plan without a name is shown by that of the column
    nameless = {key: evolve(plan, name="") for key, plan in two_currencies().items()}
    rows = asked(name, rate, columns, "tariff", "tenant", plans=nameless, meters=["calls"])
    assert {(row["tenant"], row["plan"]) for row in rows} == {("a", "zoo"), ("b", "acme")}
    columns = {"tenant": ["a", "b"], "tariff": ["zoo", None], "calls": [4, 3]}
    with pytest.raises(engine_of(name).bill_refusals(InvalidPlan), match="no plan for: None"):
        asked(name, rate, columns, "tariff", "tenant", plans=two_currencies(), meters=["calls"])


@every_engine
def test_totals_are_net_of_discounts_and_taxes(name):
    plan = BillingPlan.on_demand(
        PriceSchedule(calls="1.00"), discounts=[Discount.percent(10)], taxes=[Tax("VAT", 20)]
    )
    (row,) = asked(name, totals, {"tenant": ["a"], "calls": [300]}, plan, "tenant")

    found = {key: row[key] for key in ("net", "discount", "credit", "tax", "total", "currency")}
    assert found == {"net": 270, "discount": 30, "credit": 0, "tax": 54, "total": 324, "currency": "USD"}
    gross = BillingPlan.on_demand(PriceSchedule(calls="1.19"), taxes=[Tax("VAT", 19, inclusive=True)])
    (row,) = asked(name, totals, {"calls": [100]}, gross)
    assert (row["net"], row["tax"], row["total"]) == (100, 19, 119)


@every_engine
def test_plans_are_compared_for_all_customers(name):
    plans = {
        "on demand": BillingPlan.on_demand(PriceSchedule(calls="0.10")),
        "pro": BillingPlan.subscription("15.00", PriceSchedule(calls="0.02")),
    }
    rows = asked(name, compare, {"tenant": ["a", "b"], "calls": [100, 250]}, plans, "tenant")

    assert {(row["tenant"], row["on demand"], row["pro"], row["cheapest"]) for row in rows} == {
        ("a", 10, 17, "on demand"),
        ("b", 25, 20, "pro"),
    }


@every_engine
def test_margins_are_revenue_less_cost(name):
    price, cost = (BillingPlan.on_demand(PriceSchedule(calls=each)) for each in ("0.30", "0.10"))

    rows = asked(name, margin, {"tenant": ["a", "b"], "calls": [3, 0]}, price, cost, "tenant", scale=4)

    assert {(r["tenant"], r["revenue"], r["cost"], r["margin"], r["rate"]) for r in rows} == {
        ("a", Decimal("0.90"), Decimal("0.30"), Decimal("0.60"), Decimal("0.6667")),
        ("b", 0, 0, 0, None),
    }


@every_engine
def test_a_rollout_says_who_stays_on_the_old_terms(name):
    old, new = (BillingPlan.on_demand(PriceSchedule(calls=c, gpu=g)) for c, g in ((10, 10), (11, 12)))
    columns = {"tenant": ["a", "b", "c"], "calls": [1, 0, 9], "gpu": [0, 1, 1]}

    rows = asked(name, rollout, columns, old, new, "tenant", most="+10 %")

    assert {(row["tenant"], row["old"], row["new"], row["change"], bool(row["stays"])) for row in rows} == {
        ("a", 10, 11, 1, False),  # exactly 10 % more
        ("b", 10, 12, 2, True),
        ("c", 100, 111, 11, True),
    }


def test_questions_that_have_no_answer_are_refused():
    frame = engine_of("pyarrow").frame({"tenant": ["a"], "calls": [1]})
    dollars, euros = two_currencies().values()

    for plans in ([CALLS, TIERED], {}, [dollars, dollars]):
        with pytest.raises(InvalidPlan, match="plans that no name tells apart"):
            compare(frame, plans, "tenant")
    with pytest.raises(CurrencyMismatch):
        compare(frame, [dollars, euros], "tenant")
    for most in ("10", "-5 %", 10, "much"):
        with pytest.raises(InvalidNumber, match="not a growth that is allowed"):
            rollout(frame, CALLS, TIERED, "tenant", most=most)
    with pytest.raises(InvalidPlan, match="no plans"):
        rate(frame, {}, "tenant")
    with pytest.raises(InvalidPlan, match="no column of customers"):
        rate(frame, {"a": CALLS})
    with pytest.raises(InvalidPlan, match="give them by name"):
        rate(frame, "tenant")
    with pytest.raises(UnreadableInput, match="not a number of decimals"):
        rate(frame, CALLS, "tenant", scale=39)
    with pytest.raises(UnreadableInput, match="a name that another column has"):
        rate(frame, CALLS, "tenant", counts=["calls"])


# ---------------------------------------------------------------- sums


@every_engine
def test_sums_do_not_wrap(name):
    columns = {"day": [1] * 3, "tenant": ["acme"] * 3, "calls": [4 * 10**18] * 3}

    (row,) = asked(name, add_up, columns, ["day", "tenant"])

    assert (row["day"], row["tenant"], row["calls"]) == (1, "acme", 12 * 10**18)


@quick_engine
def test_results_are_added_up_by_currency(name):
    engine = engine_of(name)
    bills = rate(engine.frame({"tenant": ["acme", "zoo"], "calls": [3, 4]}), two_currencies(), "tenant")

    rows = engine.records(add_up(bills))

    assert {(row["currency"], row["amount"]) for row in rows} == {("USD", Decimal("0.75")), ("EUR", 8)}


# ---------------------------------------------------------------- itemised


ITEMISED = BillingPlan(
    PriceSchedule(
        calls=Graduated([Tier(5, "0.10"), Tier(None, "0.01")]),
        gpu=Volume([Tier(5, "1"), Tier(None, "0.5")]),
        pages=Package("3", 10),
        odd=PerUnit("0.10", per=7),
    ),
    fees=[Fee("2.00", "base")],
    included={"calls": 3},
    discounts=[Discount.percent(10)],
    taxes=[Tax("VAT", 19)],
)


def told(rows):
    """What lines say, those of nothing left out."""
    return {
        tuple(row[key] for key in ("kind", "meter", "description", "quantity", "rate", "per", "amount"))
        for row in rows
        if row["amount"] or row["quantity"]
    }


@every_engine
@pytest.mark.parametrize("own", [{}, {"own": Saturating(1, 10)}], ids=["arrays", "Bill.of"])
def test_wide_columns_show_tiers_as_a_bill_does(name, own):
    entries = {str(entry.key): entry.price for entry in ITEMISED.prices.entries}
    plan = evolve(ITEMISED, prices=PriceSchedule({**entries, **own}))
    used = {"calls": [20, 2, 0], "gpu": [7, 5, 0], "pages": [13, 0, 1], "odd": [3, 14, 0]}
    rows = asked(name, rate, {"tenant": ["a", "b", "c"], **used}, plan, "tenant", columns="wide")

    for place, tenant in enumerate("abc"):
        bill = Bill.of(Usage({meter: n[place] for meter, n in used.items()}), plan)
        lines = [line for line in bill.lines if line.kind != "rounding"]
        expected = {
            (
                line.kind,
                None if line.meter is None else str(line.meter),
                line.description,
                line.quantity if line.meter else None,
                *((line.rate, line.per) if line.meter else (None, None)),
                line.amount,
            )
            for line in lines
            if line.amount or (line.meter and line.quantity)
        }
        mine = [row for row in rows if row["tenant"] == tenant]
        assert told(row for row in mine if row["kind"] != "rounding") == expected
        assert sum(Fraction(row["amount"]) for row in mine) == bill.total
    (above,) = (row for row in rows if row["description"] == "calls, tier 2: above 5")
    assert (above["tier_from"], above["tier_up_to"]) == (5, None)
    below = next(row for row in rows if row["description"] == "calls, tier 1: 0 to 5")
    assert (below["tier_from"], below["tier_up_to"]) == (0, 5)


@quick_engine
def test_wide_columns_are_spread_tier_by_tier(name):
    columns = {"team": ["x", "y"], "calls": [4, 12]}

    rows = asked(name, rate, columns, TIERED, spread="team", columns="wide", meters=["calls"])

    # 5 and 11 units at a quarter and three quarters
    assert by_key(rows, "team", "description", value="quantity") == {
        ("x", "calls, tier 1: 0 to 5"): Decimal("1.25"),
        ("y", "calls, tier 1: 0 to 5"): Decimal("3.75"),
        ("x", "calls, tier 2: above 5"): Decimal("2.75"),
        ("y", "calls, tier 2: above 5"): Decimal("8.25"),
    }
    assert by_key(rows, "team") == {"x": Decimal("0.1525"), "y": Decimal("0.4575")}


def test_lines_that_terms_changed_stay_whole():
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.0015"), rounding=Rounding(stage="line"))

    (row,) = asked("pyarrow", rate, {"calls": [7]}, plan, columns="wide")

    assert (row["description"], row["rate"], row["amount"]) == ("calls", None, Decimal("0.01"))
    with pytest.raises(UnreadableInput, match="not the columns of a result"):
        asked("pyarrow", rate, {"calls": [7]}, plan, columns="narrow")
