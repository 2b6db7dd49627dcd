"""Tiers as rows of their own: the lines that a price gives, whether arrays or the price worked them out."""

from contextlib import suppress
from decimal import Decimal
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from tests.support.engines import Decimals, engine_of
from tests.support.strategies import listed_prices
from tests.wings.frames.frame_bills import quantity_column
from tokenbill import BillingPlan, Flat, Graduated, Meter, Package, PerUnit, PriceSchedule, Tax, Tier, Volume
from tokenbill.core.money.decimals import shifted
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.errors import InvalidPrice, QuantityOverflow
from tokenbill.frames import rate
from tokenbill.frames.column_plan import column_plan, item_text
from tokenbill.frames.itemised import changes
from tokenbill.frames.scales import shown_to
from tokenbill.testing import quantities_near

engine = engine_of("pyarrow")
fewer = settings(max_examples=settings.default.max_examples // 4)
TIERS = Graduated([Tier(5, "0.10"), Tier(50, "0.05", fee=1), Tier(None, "0.01", per=3, round="up")])
TEXTS = ("kind", "meter", "description", "rate", "per", "tier_from", "tier_up_to")
LAST = Decimal("1e-18")


def wide(price, numbers, places=0, scale=18):
    """The lines of usage of a bill for each number, and what the price itself says of it."""
    plan = BillingPlan.on_demand(PriceSchedule({"a": price}))
    columns = {"tenant": [str(n) for n in numbers], "a": quantity_column(numbers, places)}
    rows = engine.records(rate(engine.frame(columns), plan, "tenant", columns="wide", scale=scale))
    entry, found = column_plan(plan, 10**places).entry("a"), {n: [] for n in numbers}
    for row in rows:
        if row["kind"] == "usage":
            found[int(row["tenant"])].append(row)
    for n, mine in found.items():
        yield mine, entry.lines(shifted(n, places)) if n or mine else []


def check(price, numbers, places=0):
    for mine, items in wide(price, numbers, places):
        told = [(*(row[text] for text in TEXTS), row["quantity"]) for row in mine]
        assert told == [(*item_text(item), item.quantity or 0) for item in items]
        # what never ends is cut line by line, and the last line takes the rest
        rests = [row["amount"] - shown_to(item.exact, 18) for row, item in zip(mine, items, strict=True)]
        assert not any(rests[:-1])
        assert all(abs(rest) <= LAST * len(items) for rest in rests)


@fewer
@given(listed_prices, st.sampled_from([0, 0, 2]), st.data())
def test_arrays_show_the_lines_of_a_price(price, places, data):
    near = data.draw(st.lists(quantities_near(price), min_size=1, max_size=6))
    whole = {int(quantity * 10**places) for quantity in near if quantity < 10**12}
    numbers = {max(n + step, 0) for n in whole for step in (-1, 0, 1, 2, 77, 1000)}
    with suppress(InvalidPrice, QuantityOverflow):  # of more digits or decimals than a column has
        check(price, sorted(numbers), places)


@pytest.mark.parametrize(
    "price",
    [
        TIERS,
        TIERS.after(7),
        (TIERS.after("2.5") * "1.1").capped(9),
        TIERS.in_units(60, round="up"),  # whole minutes in tiers: the price is asked for each quantity
        PerUnit("0.25").in_units(60, round="half_up"),
        Package(7, "0.30").at_least(1),
        Package(8, "0.30", "half_up") + Flat(2, at_zero=True) + Volume([Tier("2.5", 1), Tier(None, "0.5")]),
        PerUnit("0.30", per=7).then(TIERS),
        Flat("0.01", at_zero=True).after(3 * 10**6),
    ],
)
def test_lines_are_those_of_the_price_at_each_quantity(price):
    check(price, [*range(90), 10**6, 10**12])
    check(price, [*range(0, 900, 7)], places=1)


@pytest.mark.parametrize("price", [TIERS, TIERS.after(7), TIERS.after("2.5").capped(9), Package(7, "0.30")])
def test_a_price_is_asked_for_three_quantities_of_each_of_its_stretches(price, monkeypatch):
    asked, lines = [], EntryCurve.lines
    monkeypatch.setattr(
        EntryCurve, "lines", lambda entry, quantity: asked.append(1) or lines(entry, quantity)
    )
    plan = BillingPlan.on_demand(PriceSchedule({"a": price}))
    columns = {"tenant": [str(n) for n in range(2000)], "a": list(range(2000))}

    rate(engine.frame(columns), plan, "tenant", columns="wide")

    # each place where it changes is a stretch of its own, and so is zero
    assert len(asked) <= 3 * (2 * len(changes(price)) + 2)


def test_a_quantity_that_a_column_does_not_hold_is_refused():
    price = Volume([Tier(None, 2)]).after("2.5")

    assert [row["quantity"] for mine, _ in wide(price, [7], scale=2) for row in mine] == [
        Decimal("2.50"),
        Decimal("4.50"),
    ]
    with pytest.raises(InvalidPrice, match=r"quantity.*scale=1"):
        list(wide(price, [7], scale=0))


def test_a_quantity_that_was_cut_elsewhere_is_not_cut_where_it_ends():
    price = PerUnit("1e-30", per=3).then(PerUnit(0))

    assert [row["quantity"] for mine, _ in wide(price, [1, 2]) for row in mine] == [0, 0]
    with pytest.raises(InvalidPrice, match="a quantity"):
        list(wide(price, [1, 3]))


def test_quantities_of_more_than_64_bits_are_shown_line_by_line():
    columns = {"a": Decimals([Decimal(10**19)], 0)}
    plan = BillingPlan.on_demand(PriceSchedule(a=Volume([Tier(None, "0.01")])))

    rows = engine.records(rate(engine.frame(columns), plan, columns="wide"))

    assert [(row["description"], row["quantity"]) for row in rows] == [("a, tier 1: any quantity", 10**19)]


def test_a_quantity_too_long_beside_one_with_many_decimals_is_refused():
    plan = BillingPlan.on_demand(PriceSchedule(a=PerUnit(0), b=PerUnit(1).after("1e-30")))
    columns = {
        "tenant": ["x", "y"],
        "a": Decimals([Decimal(10**9), Decimal(0)], 0),
        "b": Decimals([Decimal(0), Decimal(3)], 0),
    }

    # 10^9 with 30 decimals are 40 digits, and a column has 38
    with pytest.raises(QuantityOverflow, match=r"'a' of 'tenant=x'.*write scale=2"):
        rate(engine.frame(columns), plan, "tenant", columns="wide", scale=30)


# ---------------------------------------------------------------- many bills of Polars

BILLED = BillingPlan.subscription(
    "2.00",
    PriceSchedule(
        {"a": TIERS, Meter("a", {"model": "big"}): Package(7, "0.30"), "b": PerUnit("0.10", per=7)}
    ),
    name="team",
    included={"a": 3},
    taxes=[Tax("VAT", 19)],
)


@pytest.mark.parametrize("columns", ["lines", "wide"])
@pytest.mark.parametrize("asked", [{}, {"labels": "model"}, {"labels": "model", "spread": "team"}], ids=str)
@pytest.mark.parametrize("kind", ["String", "Categorical", "Int64"])
@pytest.mark.parametrize("height", [40, 0])
def test_bills_of_many_customers_are_those_of_few(columns, asked, kind, height, monkeypatch):
    pl, back_end = pytest.importorskip("polars"), import_module("tokenbill.frames.polars")
    named = {"model": ["big", "small", ""], "team": ["x", "y"]}
    used = [name for name in named if name in asked.values()]
    frame = pl.DataFrame(
        {
            "tenant": [str(place % 7) for place in range(height)],
            **{name: [named[name][place % len(named[name])] for place in range(height)] for name in used},
            "a": list(range(height)),
            "b": list(range(height)),
        },
        schema={"tenant": pl.String, **dict.fromkeys(used, pl.String), "a": pl.Int64, "b": pl.Int64},
    ).with_columns(pl.col("tenant").cast(getattr(pl, kind)))
    asked = {**asked, "by": "tenant", "columns": columns, "meters": ["a", "b"]}
    few = rate(frame, BILLED, **asked)

    # as if there were more: groups that Polars finds
    monkeypatch.setattr(back_end, "FEW", -1)
    assert rate(frame, BILLED, **asked).equals(few)
    # as if all were many: these lines are put together column by column
    monkeypatch.setattr(back_end, "SMALL", -1)
    many = rate(frame, BILLED, **asked)

    assert many.schema == few.schema
    order = [name for name in few.columns if name not in ("plan", "currency")]
    assert many.sort(order).equals(few.sort(order))
    assert set(many["plan"].to_list()) == ({"team"} if height else set())
    assert rate(frame.lazy(), BILLED, **asked).collect().sort(order).equals(few.sort(order))
