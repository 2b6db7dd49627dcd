"""Frames give the scalar path's digits, on every engine, or an error instead."""

import csv
import re
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from importlib import import_module

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from tests.support.engines import Decimals, engine_of, every_engine, quick_engine, slow_engine
from tests.support.strategies import (
    Saturating,
    Squared,
    leaves,
    listed_prices,
    nested_in,
    rates,
)
from tests.wings.frames.frame_bills import (
    TRAFFIC,
    check_bills,
    discounts,
    is_beyond,
    plans_and_events,
    quantity_column,
    taxes,
)
from tokenbill import (
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
)
from tokenbill.core.money.decimals import decimal, shifted
from tokenbill.errors import (
    InvalidNumber,
    InvalidPeriod,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
    MissingExtra,
    QuantityOverflow,
    UnreadableInput,
)
from tokenbill.frames import add_up, rate, rate_rows
from tokenbill.frames.column_plan import column_plan
from tokenbill.testing import quantities_near

few = settings(max_examples=settings.default.max_examples // 2)
fewer = settings(max_examples=settings.default.max_examples // 20 + 1)


def rated(name, columns, plan, by=(), **asked):
    engine = engine_of(name)
    return engine.records(rate(engine.frame(columns), plan, by, **asked))


def rated_rows(name, columns, plan, **asked):
    engine = engine_of(name)
    return engine.records(rate_rows(engine.frame(columns), plan, **asked))


# ---------------------------------------------------------------- rows


@st.composite
def priced_columns(draw, of=listed_prices):
    """A price, decimals, and whole numbers at its bounds and beside them that columns are exact for."""
    price, places = draw(of), draw(st.sampled_from([0, 0, 2, 6]))
    plan = BillingPlan.on_demand(PriceSchedule({"a": price}))
    columns = column_plan(plan, 10**places)
    most = 10**18
    if columns.shown is not None:
        most = columns.entry("a").function.most(columns.limit)
        assume(most >= 0)
    near = st.builds(
        lambda quantity, step: int(quantity * 10**places) + step, quantities_near(price), st.integers(-1, 1)
    )
    special = st.sampled_from([0, 1, 2**53 - 1, 2**53 + 1, 2**62, 2**63 - 1, 2**63, most])
    numbers = draw(st.lists(near | special, min_size=1, max_size=6))
    return plan, places, [min(max(n, 0), most) for n in numbers]


@quick_engine
@given(priced_columns())
def test_each_row_costs_what_its_price_says(name, drawn):
    check_long_rows(name, drawn)


@slow_engine
@fewer
@given(priced_columns())
def test_each_row_costs_what_its_price_says_on_slow_engines(name, drawn):
    check_long_rows(name, drawn)


def check_long_rows(name, drawn):
    plan, places, numbers = drawn
    columns = {"meter": ["a"] * len(numbers), "quantity": quantity_column(numbers, places)}
    price = plan.prices["a"]

    try:
        found = [row["amount"] for row in rated_rows(name, columns, plan)]
    except engine_of(name).refusals(InvalidPrice):  # more decimals than a fixed type has
        assert column_plan(plan, 10**places).shown is None
    else:
        assert found == [price(shifted(n, places)) for n in numbers]


@quick_engine
@given(priced_columns())
def test_a_wide_row_costs_the_same(name, drawn):
    check_wide_rows(name, drawn)


@slow_engine
@fewer
@given(priced_columns())
def test_a_wide_row_costs_the_same_on_slow_engines(name, drawn):
    check_wide_rows(name, drawn)


def check_wide_rows(name, drawn):
    plan, places, numbers = drawn
    columns = {"a": quantity_column(numbers, places)}
    price = plan.prices["a"]

    try:
        found = [row["amount"] for row in rated_rows(name, columns, plan)]
    except engine_of(name).refusals(InvalidPrice):
        assert column_plan(plan, 10**places).shown is None
    else:
        assert found == [price(shifted(n, places)) for n in numbers]


STEEP = BillingPlan.on_demand(
    PriceSchedule(
        {"calls": Graduated([Tier(1000, "0.01"), Tier(None, "0.005")]), "gpu": PerUnit("0.10", per=3600)}
    )
)


@every_engine
@pytest.mark.parametrize("meter", ["calls", "gpu"])
@pytest.mark.parametrize("layout", ["long", "wide"])
def test_the_largest_safe_quantity_is_exact_and_one_more_is_refused(name, meter, layout):
    known = column_plan(STEEP, 10**6, names={meter} if layout == "wide" else None)
    most = known.entry(meter).function.most(known.limit)

    def columns(n):
        cells = Decimals([shifted(1, 6), shifted(n, 6)], 6)
        return {"meter": [meter] * 2, "quantity": cells} if layout == "long" else {meter: cells}

    assert rated_rows(name, columns(most), STEEP)[1]["amount"] == STEEP.prices[meter](shifted(most, 6))
    with pytest.raises(
        engine_of(name).refusals(QuantityOverflow), match=f"{meter}.* is more than|{meter}: more"
    ):
        rated_rows(name, columns(most + 1), STEEP)


@every_engine
def test_a_price_of_many_tiers_is_the_same_around_each_of_its_edges(name):
    price = Graduated([*(Tier(10 * i, Decimal(i % 7) / 100) for i in range(1, 40)), Tier(None, "0.001")])
    plan = BillingPlan.on_demand(PriceSchedule(calls=price))
    calls = [0, *(10 * i + near for i in range(1, 40) for near in (-1, 0, 1)), 2**62]

    assert [row["amount"] for row in rated_rows(name, {"calls": calls}, plan)] == [price(n) for n in calls]


@pytest.mark.parametrize("name", ["polars", "polars lazy", "polars streaming"])
@pytest.mark.parametrize("kind", ["Int8", "UInt8", "Int16", "UInt32", "UInt64", "Int128"])
def test_a_column_of_any_width_costs_the_same(name, kind):
    engine, pl = engine_of(name), import_module("polars")
    frame = pl.DataFrame({"calls": pl.Series([0, 100], dtype=getattr(pl, kind))})

    rows = engine.records(rate_rows(frame.lazy() if name != "polars" else frame, STEEP, meters=["calls"]))
    bill = engine.records(rate(frame.lazy() if name != "polars" else frame, STEEP, meters=["calls"]))

    assert [row["amount"] for row in rows] == [Decimal(0), Decimal(1)]
    assert [row["quantity"] for row in bill] == [Decimal(100)]


@pytest.mark.parametrize("name", ["polars", "polars lazy", "polars streaming"])
@pytest.mark.parametrize("kind", ["Int8", "Int64", "Int128"])
def test_a_negative_quantity_of_any_width_is_refused(name, kind):
    engine, pl = engine_of(name), import_module("polars")
    frame = pl.DataFrame({"calls": pl.Series([1, -1, 2, -3], dtype=getattr(pl, kind))})

    for work in (rate, rate_rows):
        with pytest.raises(InvalidUsage, match=r"[12] negative in column 'calls', the first in: 'row [01]"):
            engine.records(work(frame.lazy() if name != "polars" else frame, STEEP, meters=["calls"]))


@every_engine
def test_an_amount_beyond_64_bits_does_not_wrap(name):
    columns = {"calls": [2**62, 2**53 + 1, 1001], "gpu": [2**62, 2**53 - 1, 36]}

    found = [row["amount"] for row in rated_rows(name, columns, STEEP)]

    assert found == [
        # 10 + (2^62 - 1000) × 0.005 + 2^62 ÷ 36000, to 18 places
        decimal(Fraction(10) + (2**62 - 1000) * Fraction(5, 1000) + Fraction(2**62, 36000)),
        decimal(Fraction(10) + (2**53 + 1 - 1000) * Fraction(5, 1000) + Fraction(2**53 - 1, 36000)),
        Decimal("10.006"),  # 10 + 0.005 + 0.001
    ]


# ---------------------------------------------------------------- bills


@quick_engine
@few
@given(plans_and_events())
def test_the_lines_of_each_group_are_those_of_its_bill(name, drawn):
    check_groups(name, drawn)


@slow_engine
@fewer
@given(plans_and_events())
def test_the_lines_of_each_group_are_those_of_its_bill_on_slow_engines(name, drawn):
    check_groups(name, drawn)


def check_groups(name, drawn):
    plan, places, events = drawn
    tenants, meters, numbers = (list(cells) for cells in zip(*events, strict=True))
    columns = {"tenant": tenants, "meter": meters, "quantity": quantity_column(numbers, places)}
    by_tenant = defaultdict(Usage)
    for tenant, meter, n in events:
        by_tenant[tenant] += Usage({meter: shifted(n, places)})

    try:
        rows = rated(name, columns, plan, by="tenant")
    except engine_of(name).bill_refusals(InvalidPrice, QuantityOverflow):
        assert is_beyond(plan, by_tenant.values(), places)
    else:
        check_bills(plan, by_tenant, rows)


@quick_engine
@few
@given(plans_and_events(nested_in(leaves)))
def test_a_frame_without_groups_is_one_bill(name, drawn):
    check_one_bill(name, drawn)


@slow_engine
@fewer
@given(plans_and_events(nested_in(leaves)))
def test_a_frame_without_groups_is_one_bill_on_slow_engines(name, drawn):
    check_one_bill(name, drawn)


def check_one_bill(name, drawn):
    plan, places, events = drawn
    _, meters, numbers = (list(cells) for cells in zip(*events, strict=True))
    columns = {"meter": meters, "quantity": quantity_column(numbers, places)}
    usage = Usage((meter, shifted(n, places)) for _, meter, n in events)

    try:
        rows = rated(name, columns, plan)
    except engine_of(name).bill_refusals(InvalidPrice, QuantityOverflow):
        assert is_beyond(plan, [usage], places)
    else:
        check_bills(plan, {None: usage}, rows)


PLAN = BillingPlan.subscription(
    "20",
    PriceSchedule(
        {
            "gpu_seconds": PerUnit("0.10", per=3600),
            "gpu_seconds{gpu=H100}": PerUnit("2.50", per=3600),
            "api_calls": Graduated([Tier(10, "0.10"), Tier(None, "0.05")]).each("region"),
            "seats": Flat(3, at_zero=True),
        }
    ),
    discounts=[Discount.percent(10), Discount.fixed(1)],
    minimum=30,
    maximum=100,
    taxes=[Tax("VAT", "19")],
)
EVENTS = {
    "tenant": ["acme", "acme", "zoo", "acme", "acme"],
    "meter": ["gpu_seconds", "api_calls", "api_calls", "gpu_seconds", "api_calls"],
    "gpu": ["H100", None, None, "A100", None],
    "region": [None, "eu", "eu", "eu", "us"],
    "quantity": [3600, 11, 3, 36, 12],
}


@every_engine
def test_a_bill_lists_fees_usage_discounts_minimum_taxes_and_rounding(name):
    rows = rated(name, EVENTS, PLAN, by=["tenant"], labels=["gpu", "region"])

    assert [
        (row["kind"], row["description"], row["quantity"], row["amount"])
        for row in rows
        if row["tenant"] == "acme"
    ] == [
        ("fee", "subscription", None, Decimal(20)),
        ("usage", "api_calls{region=eu}", Decimal(11), Decimal("1.05")),
        ("usage", "api_calls{region=us}", Decimal(12), Decimal("1.10")),
        ("usage", "gpu_seconds", Decimal(36), Decimal("0.001")),
        ("usage", "gpu_seconds{gpu=H100}", Decimal(3600), Decimal("2.50")),
        ("usage", "seats", Decimal(0), Decimal(3)),
        ("discount", "10 % off", None, Decimal("-2.7651")),  # 27.651
        ("discount", "1 off", None, Decimal(-1)),
        ("minimum", "true-up to minimum", None, Decimal("6.1141")),  # 30 − 23.8859
        ("tax", "VAT", None, Decimal("5.70")),
    ]


@every_engine
def test_an_inclusive_tax_is_shown_and_changes_no_total(name):
    plan = BillingPlan.on_demand(
        PriceSchedule(calls=1), taxes=[Tax("VAT", 19, inclusive=True), Tax("city", 10)]
    )

    rows = rated(name, {"calls": [100, 19]}, plan)

    assert [(row["kind"], row["description"], row["amount"]) for row in rows] == [
        ("usage", "calls", Decimal(119)),
        ("tax", "VAT", Decimal(19)),  # 19 % of 119 ÷ 1.19
        ("tax", "VAT, included in prices", Decimal(-19)),
        ("tax", "city", Decimal(10)),  # 10 % of 100
    ]


TOKENS = PriceSchedule(hours=1, currency=Currency("TOKEN", 0))
LINES = Rounding(stage="line")
JANUARY = Cycle.monthly()


@every_engine
@pytest.mark.parametrize(
    ("plan", "asked", "amounts"),
    [
        # 3 hours at 1 and a fee; tax on the usage alone: 0.57
        (
            BillingPlan.subscription("9.999", PriceSchedule(hours=1), taxes=[Tax("VAT", 19, on="usage")]),
            {},
            ["9.999", "3", "0.57", "0.001"],
        ),
        # 0.30 less 12.5 % of it
        (
            BillingPlan.on_demand(
                PriceSchedule(hours="0.10"), discounts=[Discount.percent("12.5", on="usage")]
            ),
            {},
            ["0.30", "-0.0375", "-0.0025"],
        ),
        # 3 tokens at 0.0125
        (BillingPlan(TOKENS, currency="USD", token_price=PerUnit("0.0125")), {}, ["0.0375", "0.0025"]),
        # each line to the cent: 0.125 up to 0.13
        (
            BillingPlan(PriceSchedule(hours="0.0415"), fees=[Fee("0.125")], rounding=LINES),
            {},
            ["0.13", "0.12"],
        ),
        # 11 of 31 days of 100, to the cent; tax on the usage, 0.30: 0.06
        (
            BillingPlan.subscription(
                "100", PriceSchedule(hours="0.1"), taxes=[Tax("VAT", 19, on="usage")], cycle=JANUARY
            ),
            {"period": Period("2026-01-10", "2026-01-21")},
            ["35.483870967741935484", "0.3", "0.06", "-0.003870967741935484"],
        ),
    ],
)
def test_a_term_that_looks_at_single_charges_is_billed_group_by_group(name, plan, asked, amounts):
    rows = rated(name, {"tenant": ["a"], "hours": [3]}, plan, by="tenant", **asked)

    assert [row["amount"] for row in rows] == [Decimal(amount) for amount in amounts]
    assert sum(map(Decimal, amounts)) == Bill.of({"hours": 3}, plan, **asked).total


@every_engine
def test_a_wide_frame_has_a_column_for_each_meter(name):
    columns = {
        "tenant": ["acme", "zoo", "acme"],
        "gpu_seconds": [3600, 0, 36],
        "gpu_seconds{gpu=H100}": [0, 0, 7200],
        "region": ["eu", "eu", "us"],
        "api_calls": [11, 3, 12],
    }
    usages = {
        "acme": {
            "gpu_seconds": 3636,
            "gpu_seconds{gpu=H100}": 7200,
            "api_calls{region=eu}": 11,
            "api_calls{region=us}": 12,
        },
        "zoo": {"api_calls{region=eu}": 3},
    }

    check_bills(PLAN, usages, rated(name, columns, PLAN, by="tenant", labels="region"))


@every_engine
def test_columns_of_one_entry_are_one_quantity(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, 0)])))
    columns = {"calls{region=eu}": [8, 1], "calls{region=us}": Decimals([Decimal("1.5"), Decimal(20)], 1)}

    assert [row["amount"] for row in rated_rows(name, columns, plan)] == [Decimal("9.5"), Decimal(10)]
    assert [(row["quantity"], row["amount"]) for row in rated(name, columns, plan)] == [
        (Decimal("30.5"), Decimal(10))
    ]


@every_engine
def test_a_sum_beyond_64_bits_does_not_wrap(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.01"))

    rows = rated(name, {"calls": [2**63 - 1] * 3}, plan)

    assert rows[0]["quantity"] == Decimal(27670116110564327421)
    assert sum(row["amount"] for row in rows) == Decimal("276701161105643274.21")


@every_engine
def test_a_sum_beyond_128_bits_does_not_wrap(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    short, long = Decimals([Decimal(10**23), Decimal(1)], 8), Decimals([Decimal(2**126)] * 4, 0)

    with pytest.raises(engine_of(name).bill_refusals(QuantityOverflow), match="write scale=2"):
        rated(name, {"calls": short}, plan)
    assert rated(name, {"calls": short}, plan, scale=2)[0]["quantity"] == 10**23 + 1
    with pytest.raises(engine_of(name).bill_refusals(QuantityOverflow), match="calls"):
        rated(name, {"calls": long}, plan)


plans_for_one_meter = st.builds(
    BillingPlan,
    st.builds(lambda price: PriceSchedule({"a": price}), leaves),
    fees=st.lists(st.builds(Fee, rates), max_size=1),
    discounts=st.lists(discounts, max_size=2),
    taxes=st.lists(taxes, max_size=2),
    minimum=st.none() | rates,
)


@few
@given(plans_for_one_meter, st.sampled_from([0, 2, 9]))
def test_bills_near_the_largest_of_a_plan_are_exact_or_refused(plan, places):
    columns = column_plan(plan, 10**places)
    assume(columns.on_arrays)
    function, scale = columns.entry("a").function, columns.form.card.scale
    room = 10**20 * scale // 2  # of the price alone; the other lines have the rest
    most = min(function.reach(room), 10 ** (20 + places) - 1)
    assume(most >= 0 and max(map(Decimal, re.findall(r"Decimal\('([^']+)'\)", repr(plan)))) < 10**9)

    try:
        rows = rated("pyarrow", {"a": Decimals([shifted(most, places)], places)}, plan)
    except InvalidPrice as refused:  # an amount of more than 18 decimals is refused by the scale that it asks
        assert re.search(r"write scale=(19|[23][0-9])|Bill\.of", str(refused))  # noqa: PT017
        return

    assert sum(Fraction(row["amount"]) for row in rows) == Bill.of({"a": shifted(most, places)}, plan).total
    if most < 10 ** (20 + places) - 1:
        more = shifted(most + 1, places)
        with suppress(QuantityOverflow, InvalidPrice):
            rows = rated("pyarrow", {"a": Decimals([more], places)}, plan)
            assert sum(Fraction(row["amount"]) for row in rows) == Bill.of({"a": more}, plan).total
    else:
        one = [shifted(n, places) for n in (most, 1)]
        with pytest.raises(QuantityOverflow, match="a"):
            rated("pyarrow", {"a": Decimals(one, places)}, plan)


@every_engine
def test_many_decimals_leave_room_for_the_bills_of_any_customer(name):
    prices = PriceSchedule({"calls": "0.0125", "gpu": PerUnit("0.10", per=3600)})
    plan = BillingPlan(
        prices,
        fees=[Fee(20, "support")],
        discounts=[Discount.percent("33.3")],
        taxes=[Tax("VAT", "8.875", inclusive=True)],
    )
    calls, gpu = Decimal("123456789012345.000000001"), Decimal("987654321.123456789")

    rows = rated(name, {"calls": Decimals([calls], 9), "gpu": Decimals([gpu], 9)}, plan)

    assert sum(row["amount"] for row in rows) == Bill.of({"calls": calls, "gpu": gpu}, plan).total


@every_engine
def test_a_users_own_price_is_rated_on_the_sums(name):
    plan = BillingPlan.on_demand(PriceSchedule(a=Saturating(10, 5), b=Squared("0.5")))
    columns = {"tenant": ["red", "blue", "red"], "meter": ["a", "b", "a"], "quantity": [2, 3, 3]}

    rows = rated(name, columns, plan, by="tenant")

    assert {(row["tenant"], row["kind"]): row["amount"] for row in rows} == {
        ("red", "usage"): Decimal(5),  # 10 × 5 ÷ (5 + 5)
        ("blue", "usage"): Decimal("4.5"),
    }


@every_engine
def test_a_sum_of_too_many_digits_is_refused_for_a_users_own_price_too(name):
    plan = BillingPlan.on_demand(PriceSchedule(a=Saturating(10, 5)))
    columns = {"tenant": ["x"] * 20, "a": Decimals([Decimal(9 * 10**27)] * 20, 10)}

    with pytest.raises(engine_of(name).bill_refusals(QuantityOverflow), match="a"):
        rated(name, columns, plan, "tenant")


@every_engine
def test_a_column_of_the_rows_is_never_replaced(name):
    frame = engine_of(name).frame({"calls": [1], "amount": [2]})

    with pytest.raises(UnreadableInput, match="amount"):
        rate_rows(frame, STEEP, meters=["calls"])


@pytest.mark.parametrize("few", [-1, 1 << 10])
def test_bills_of_a_polars_frame_come_in_the_order_of_their_first_rows(few, monkeypatch):
    pl = pytest.importorskip("polars", reason="not run: install polars")
    monkeypatch.setattr(import_module("tokenbill.frames.polars"), "FEW", few)
    tenants = [f"t{row * 7919 % 50}" for row in range(100)]
    frame = pl.DataFrame({"tenant": tenants, "calls": [1] * 100})
    plan = BillingPlan.on_demand(PriceSchedule({"calls": "0.10"}))

    assert list(dict.fromkeys(rate(frame, plan, "tenant", scale=2)["tenant"].to_list())) == tenants[:50]


def test_a_lazy_frame_says_the_types_of_its_bills_whatever_was_billed_before():
    pl = pytest.importorskip("polars", reason="not run: install polars")
    plan = BillingPlan.on_demand(PriceSchedule({"calls": "0.10"}))
    cells = {"String": ["a", "b"], "Int8": [1, 2], "Date": [1, 2], "Categorical": ["a", "b"]}

    for name in map("of {}".format, range(10)):
        for kind, key in cells.items():
            of = pl.Series(name, key).cast(getattr(pl, kind))
            for asked in ({"by": name}, {"labels": name}, {"by": name, "scale": 2}):
                found = rate(pl.LazyFrame({name: of, "calls": [1, 2]}), plan, meters=["calls"], **asked)
                assert found.collect_schema() == found.collect().schema
                assert found.collect_schema()[name] == of.dtype


@pytest.mark.parametrize("kind", ["String", "Int8", "UInt64", "Int128", "Categorical", "Boolean", "Null"])
def test_few_rows_of_polars_are_billed_like_many(kind, monkeypatch):
    pl = pytest.importorskip("polars", reason="not run: install polars")
    cells = [None] * 3 if kind == "Null" else [0, 1, 0]
    # text becomes a category by itself, a number does not
    texts = pl.Series(cells).cast(pl.String) if kind == "Categorical" else pl.Series(cells)
    frame = pl.DataFrame(
        {"of": texts.cast(getattr(pl, kind)), "tenant": ["b", "a", "b"], "calls": [2**62, 3, 2**62]}
    )
    plan = BillingPlan.on_demand(PriceSchedule({"calls": "0.10", "rows": "1"}))
    asked = {"by": "tenant", "labels": "of", "meters": ["calls"], "counts": ["rows"]}
    found = rate(frame, plan, **asked)

    assert add_up(found, by="tenant")["amount"].to_list() == [Decimal("922337203685477582.8"), Decimal("1.3")]
    monkeypatch.setattr(import_module("tokenbill.frames.polars"), "FEW", -1)
    assert rate(frame, plan, **asked).equals(found)
    assert rate(frame, plan, **asked).schema == found.schema


@every_engine
def test_a_frame_of_no_rows_is_the_bill_of_nothing(name):
    engine = engine_of(name)
    frame = rate_rows(engine.frame({"tenant": ["x"], "seats": [1]}), PLAN, meters=["seats"])
    empty = engine.emptied(frame)

    bills = engine.records(rate(empty, PLAN, meters=["seats"]))

    assert sum(row["amount"] for row in bills) == Bill.of({}, PLAN).total
    assert engine.records(rate(empty, PLAN, by="tenant", meters=["seats"])) == []


@every_engine
def test_the_kind_of_frame_is_kept_and_columns_are_of_fixed_types(name):
    engine = engine_of(name)
    frame = engine.frame({"tenant": ["red"], "seats": [1]})

    assert type(rate(frame, PLAN, "tenant", meters=["seats"])) is type(frame)
    assert type(rate_rows(frame, PLAN, meters=["seats"])) is type(frame)


@every_engine
def test_frames_that_are_read_later_keep_their_rows(name):
    engine = engine_of(name)
    frames = [engine.frame({"calls": [n]}) for n in (1, 5)]

    rows = [rate_rows(frame, STEEP) for frame in frames]
    bills = [rate(frame, STEEP) for frame in frames]

    assert [engine.records(found)[0]["amount"] for found in rows] == [Decimal("0.01"), Decimal("0.05")]
    assert [engine.records(found)[0]["amount"] for found in bills] == [Decimal("0.01"), Decimal("0.05")]


# ---------------------------------------------------------------- refusals


@every_engine
@pytest.mark.parametrize(
    ("columns", "error", "told"),
    [
        (
            {"quantity": [1, -2, -3]},
            InvalidUsage,
            r"\d negative in column 'quantity'.*(row 1|row \d of a batch|row 0 of partition 1|tenant=x)",
        ),
        ({"quantity": [1, None, 3]}, InvalidUsage, "1 null in column 'quantity'.*(row 1|tenant=x)"),
        ({"quantity": [True, False, True]}, InvalidNumber, "no numbers"),
        ({"quantity": ["1", "2", "3"]}, InvalidNumber, "no numbers"),
        (
            {"meter": ["calls", None, "calls"]},
            UnreadableInput,
            "1 null in column 'meter'.*(row 1|whose rows have no order)",
        ),
        (
            {"tenant": [None, "x", None]},
            UnreadableInput,
            "null in column 'tenant'.*(row 0|whose rows have no order)",
        ),
        ({"meter": ["calls", "b", "calls"]}, UnpricedUsage, "no price for meter 'b'"),
        ({"quantity": [10**19] * 3}, QuantityOverflow, "calls.*tenant=x"),
    ],
)
def test_what_no_bill_takes_is_refused_with_its_place(name, columns, error, told):
    steep = BillingPlan.on_demand(PriceSchedule(calls=PerUnit(str(10**18))))
    given_columns = {"tenant": ["x"] * 3, "meter": ["calls"] * 3, "quantity": [1, 2, 3], **columns}
    engine = engine_of(name)
    numbers = given_columns["quantity"]
    if numbers[0] == 10**19:
        given_columns["quantity"] = Decimals([Decimal(n) for n in numbers], 0)

    with pytest.raises(engine.bill_refusals(error), match=told):
        engine.records(rate(engine.frame(given_columns), steep, by="tenant"))


@every_engine
def test_a_group_of_nothing_but_nulls_is_refused(name):
    engine = engine_of(name)
    frame = engine.frame({"tenant": ["x", "y", "y"], "calls": [1, None, None]})

    with pytest.raises(engine.bill_refusals(InvalidUsage), match=r"[12] null in column 'calls'"):
        engine.records(rate(frame, STEEP, by="tenant"))


@every_engine
def test_floats_are_refused_with_the_cast_to_write(name):
    engine = engine_of(name)

    with pytest.raises(InvalidNumber, match=r"floats.*cast it: .*(?i:int64|bigint)") as told:
        engine.records(rate(engine.frame({"calls": [1.0, 2.0]}), STEEP, meters=["calls"]))
    assert told.value.code == "invalid_number"


@every_engine
@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"by": "nobody"}, UnreadableInput),
        ({"by": ["tenant", "tenant"]}, UnreadableInput),
        ({"by": 3}, UnreadableInput),
        ({"meters": ["calls", "b"]}, UnreadableInput),
        ({"meters": []}, UnreadableInput),
        ({"plan": None}, InvalidPlan),
        ({"period": "2026-01"}, InvalidPeriod),
        ({"meter": None}, UnreadableInput),
        ({"quantity": ["calls"]}, UnreadableInput),
    ],
)
def test_a_question_that_has_no_answer_is_refused(name, asked, error):
    frame = engine_of(name).frame({"tenant": ["x"], "calls": [1]})

    with pytest.raises(error):
        rate(frame, **{"plan": STEEP, "by": "tenant", **asked})


@pytest.mark.parametrize("column", ["Kind", "AMOUNT"])
@every_engine
def test_a_column_that_some_engine_takes_for_one_of_the_result_is_refused(name, column):
    frame = engine_of(name).frame({column: [1], "calls": [1]})

    with pytest.raises(UnreadableInput, match=column):
        rate(frame, STEEP, by=column)
    if column == "AMOUNT":
        with pytest.raises(UnreadableInput, match=column):
            rate_rows(frame, STEEP, meters=["calls"])


@pytest.mark.parametrize("name", ["polars", "polars lazy"])
@pytest.mark.parametrize("column", ["*", "^t.*$", "tokenbill sound"])
def test_a_column_that_polars_takes_for_others_is_refused(name, column):
    frame = engine_of(name).frame({column: [1, 1], "calls": [1, 2]})

    for asked in (
        {"by": column, "meters": ["calls"]},
        {"meters": [column]},
        {"quantity": column, "meter": "calls"},
    ):
        with pytest.raises(UnreadableInput, match="a column that Polars takes for"):
            rate(frame, STEEP, **asked)


@every_engine
def test_an_empty_label_is_none(name):
    plan = BillingPlan.on_demand(PriceSchedule({"gpu": 1, "gpu{kind=H100}": 5}))
    columns = {"meter": ["gpu"] * 4, "kind": ["", None, "H100", ""], "quantity": [1, 2, 3, 4]}

    assert [row["amount"] for row in rated_rows(name, columns, plan, labels="kind")] == [1, 2, 15, 4]
    bill = rated(name, columns, plan, labels="kind")
    found = [(row["label_kind"] or None, row["quantity"], row["amount"]) for row in bill]
    assert found == [(None, 7, 7), ("H100", 3, 15)]


class Odd:
    """What a package of an engine holds beside frames."""


@pytest.mark.parametrize("package", ["pandas", "pyarrow", "polars", "duckdb", "dask", "pyspark", "builtins"])
def test_what_is_no_frame_is_refused(package, monkeypatch):
    monkeypatch.setattr(Odd, "__module__", f"{package}.core")

    with pytest.raises(UnreadableInput, match="not a data frame: 'Odd'; give a DataFrame"):
        rate(Odd(), STEEP)


@pytest.mark.parametrize(
    ("package", "extra"),
    [
        ("pandas", "pandas"),
        ("polars", "polars"),
        ("duckdb", "duckdb"),
        ("dask", "dask"),
        ("pyspark", "spark"),
    ],
)
def test_a_package_that_is_not_there_is_named_with_the_extra_of_the_engine(package, extra, monkeypatch):
    def lacking(_):
        raise MissingExtra("numpy", "arrow")

    kind = type("DataFrame", (), {"__module__": package})
    monkeypatch.setattr("tokenbill.frames.asking.import_module", lacking)

    with pytest.raises(
        MissingExtra, match=r"numpy is not installed; run: pip install .*\bnumpy\b"
    ) as refused:
        rate(kind(), STEEP)

    assert refused.value.extra == extra


# ---------------------------------------------------------------- real traffic


def requests():
    with TRAFFIC.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@every_engine
@pytest.mark.skipif(not TRAFFIC.exists(), reason="not run without the shared traffic, genai_requests.csv")
def test_real_traffic_bills_the_same_tenant_by_tenant(name):
    plan = BillingPlan.on_demand(
        PriceSchedule({"gpu_seconds": PerUnit("0.10", per=3600), "api_calls": "0.01"})
    )
    rows = requests()
    seconds = [int(row["exec_time_seconds"].removesuffix(".0")) for row in rows]
    columns = {
        "tenant": [row["groupId"] for row in rows],
        "gpu_seconds": seconds,
        "api_calls": [1] * len(rows),
    }
    usages = defaultdict(lambda: [0, 0])
    for row, gpu in zip(rows, seconds, strict=True):
        usages[row["groupId"]][0] += gpu
        usages[row["groupId"]][1] += 1

    totals = defaultdict(Decimal)
    for row in rated(name, columns, plan, by="tenant"):
        totals[row["tenant"]] += row["amount"]

    assert totals == {
        tenant: Bill.of({"gpu_seconds": gpu, "api_calls": calls}, plan).total
        for tenant, (gpu, calls) in usages.items()
    }


def test_a_single_amount_is_scaled_whatever_its_length():
    from tokenbill.frames.scales import unscaled

    assert unscaled(Decimal("1.23"), 4) == 12300
    assert unscaled(Decimal("2." + "0" * 300), 1) == 20
    for amount in (Decimal("0.123"), Decimal("9" * 1500), Decimal("1." + "3" * 1500), Decimal("1E+37")):
        with pytest.raises(InvalidPrice):
            unscaled(amount, 2)
