"""What finance teams asked of frames of real traffic, with the right digits, on every engine."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

import csv
import io
from decimal import Decimal
from importlib import import_module
from itertools import permutations
from pathlib import Path
from uuid import UUID

from tests.support.engines import engine_of, every_engine, quick_engine
from tokenbill import (
    Bill,
    BillingPlan,
    Discount,
    Graduated,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
    focus,
)
from tokenbill.errors import InvalidName, InvalidPeriod, InvalidPlan
from tokenbill.files import to_csv
from tokenbill.frames import add_up, compare, focus_rows, month, rate, rate_rows, stream, totals

ROOT = Path(__file__).parents[3]
PLAN = BillingPlan.on_demand(PriceSchedule(gpu_seconds="1"))
TIERED = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(5, "0.10"), Tier(None, "0.01")])))


def asked(name, work, cells, /, *what, **options):
    engine = engine_of(name)
    return engine.records(work(engine.frame(cells), *what, **options))


def summed(rows, column="amount"):
    return sum((row[column] for row in rows), start=Decimal(0))


@every_engine
def test_two_months_have_one_type_whatever_the_plan(name, tmp_path):
    """A file of each plan, read together in either order: 0.03 and 0.03."""
    pa, parquet, duckdb = map(pytest.importorskip, ("pyarrow", "pyarrow.parquet", "duckdb"))
    use = {"t": ["a"], "calls": [3], "gpu_s": [1]}
    plans = [
        BillingPlan.on_demand(PriceSchedule(calls="0.01")),
        BillingPlan.on_demand(PriceSchedule(calls="0.01", gpu_s=PerUnit("0.10", per=3600))),
    ]
    for place, plan in enumerate(plans):
        rows = asked(name, rate, use, plan, by="t", meters=["calls"] if not place else None)
        amounts = pa.array([row["amount"] for row in rows], pa.decimal128(38, 18))
        parquet.write_table(pa.table({"amount": amounts}), tmp_path / f"m{place}.parquet")

    kinds = {str(parquet.read_schema(path).field("amount").type) for path in tmp_path.iterdir()}
    assert kinds == {"decimal128(38, 18)"}
    for paths in permutations(str(path) for path in tmp_path.iterdir()):
        total = duckdb.connect().execute(f"SELECT sum(amount) FROM read_parquet({list(paths)})").fetchone()
        assert total == (Decimal("0.06"),)


@pytest.mark.parametrize("bits", ["int32", "int64"])
def test_sums_of_short_integers_do_not_wrap(bits):
    pa, pl, pd = map(pytest.importorskip, ("pyarrow", "polars", "pandas"))
    n = {"int32": 1_500_000_000, "int64": 4 * 10**18}[bits]
    table = pa.table(
        {
            "day": [1] * 3,
            "tenant": ["acme"] * 3,
            "gpu_seconds": pa.array([n] * 3, getattr(pa, bits)()),
        }
    )
    frames = table, pl.from_arrow(table), pl.from_arrow(table).lazy(), table.to_pandas()
    for frame, records in zip(frames, ("pyarrow", "polars", "polars lazy", "pandas"), strict=True):
        (row,) = engine_of(records).records(add_up(frame, by=["day", "tenant"]))
        assert row["gpu_seconds"] == 3 * n
    (row,) = rate(table, PLAN, by="tenant", meters=["gpu_seconds"]).to_pylist()
    assert row["amount"] == 3 * n
    assert isinstance(table.to_pandas(), pd.DataFrame)


@every_engine
def test_a_label_may_name_the_bill_too(name):
    prices = {"calls{model=small}": "0.01", "calls{model=large}": "0.02"}
    columns = {"tenant": ["x", "x"], "model": ["small", "large"], "region": ["eu", "us"], "calls": [1, 2]}
    plan = BillingPlan.on_demand(PriceSchedule(prices))
    how = {"by": ["tenant", "model"], "labels": ["model", "region"], "meters": ["calls"]}

    rows = asked(name, rate, columns, plan, **how)

    found = {(row["tenant"], row["model"], row["region"], row["amount"]) for row in rows}
    assert found == {("x", "large", "us", Decimal("0.04")), ("x", "small", "eu", Decimal("0.01"))}


@every_engine
def test_a_spread_is_one_bill_and_groups_are_many(name):
    columns = {"s": [1, 2, 3, 4], "calls": [4, 4, 4, 4]}
    cheap = BillingPlan.on_demand(PriceSchedule(calls="0.001"))

    assert summed(asked(name, rate, columns, cheap, spread=["s"], meters=["calls"])) == Decimal("0.02")
    assert summed(asked(name, rate, columns, cheap, by="s", meters=["calls"])) == 0
    assert summed(asked(name, rate, columns, TIERED, spread=["s"], meters=["calls"])) == Decimal("0.61")
    assert summed(asked(name, rate_rows, columns, TIERED, meters=["calls"])) == Decimal("1.60")


@every_engine
def test_a_minimum_is_spread_with_the_rest(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"), minimum="10.00")
    columns = {"tenant": ["x", "x"], "size": ["small", "large"], "calls": [20, 60]}

    rows = asked(name, rate, columns, plan, "tenant", spread="size", meters=["calls"])

    assert summed(rows) == Decimal("10.00")


def test_a_period_chooses_the_rows_of_a_file():
    pytest.importorskip("pyarrow", reason="not run: install pyarrow, which reads files")
    plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10"))
    how = {"by": "customer", "meters": ["gpu_hours"], "time": "time"}
    days = Period("2026-11-01", "2026-11-03")

    rows = stream(ROOT / "docs/usage.csv", plan, period=days, **how).to_pylist()

    totals = {}
    for row in rows:
        totals[row["customer"]] = totals.get(row["customer"], 0) + row["amount"]
    assert sorted(totals.values()) == [Decimal("0.03"), Decimal("0.55"), Decimal("1.20")]
    quantities = sorted(row["quantity"] for row in rows if row["kind"] == "usage")
    assert quantities == [Decimal("0.25"), Decimal("5.45"), 12]


SCHEMA = [
    *("plan", "kind", "meter", "description", "quantity", "rate", "per"),
    *("tier_from", "tier_up_to", "amount", "currency"),
]


@every_engine
def test_rate_rows_of_bills_and_files_have_one_schema(name):
    """The same lines three ways: columns by name in one order, and the same cells."""
    plan = BillingPlan.subscription("9.00", TIERED.prices, name="tiers", taxes=[Tax("VAT", 20)])
    bill = Bill.of(Usage(calls=20), plan)

    rated = asked(name, rate, {"calls": [20]}, plan, columns="wide")
    rows = [{column: row[column] for column in SCHEMA} for row in bill.to_rows()]
    written = list(csv.DictReader(io.StringIO(to_csv(bill))))

    assert [list(row) for row in rated] == [SCHEMA] * 4
    assert [list(row) for row in written] == [SCHEMA] * 4
    assert [column for column in bill.to_rows()[0] if column in SCHEMA] == SCHEMA
    # the fee of a frame has no rate of its own: its amount says all
    shown = [{**row, "quantity": None, "rate": None, "per": None} for row in rows[:1]] + rows[1:]
    fee = {**rated[0], "quantity": None, "rate": None, "per": None}
    assert [fee, *rated[1:]] == shown
    texts = [{column: "" if cell is None else f"{cell}" for column, cell in row.items()} for row in rows]
    assert written == texts
    lines = asked(name, rate, {"calls": [20]}, plan)
    assert [list(row) for row in lines] == [[column for column in SCHEMA if column not in SCHEMA[5:9]]] * 3


@every_engine
def test_counts_plans_and_totals_of_finance_teams(name):
    """Rows counted at 0.50, a plan for each customer in its currency, net and tax, plans compared."""
    plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.50", seconds="1.00"))
    used = {"tenant": ["a", "a", "b"], "seconds": [3, 5, 4]}
    rows = asked(name, rate, used, plan, by="tenant", counts=["api_calls"])
    assert {t: summed(row for row in rows if row["tenant"] == t) for t in "ab"} == {
        "a": 9,
        "b": Decimal("4.50"),
    }

    plans = {
        "acme": BillingPlan.on_demand(PriceSchedule(calls="0.25")),
        "zoo": BillingPlan.on_demand(PriceSchedule(calls="2.00", currency="EUR")),
    }
    rows = asked(name, rate, {"tenant": ["acme", "zoo"], "calls": [3, 4]}, plans, by="tenant")
    found = {(row["tenant"], row["amount"], row["currency"]) for row in rows}
    assert found == {("acme", Decimal("0.75"), "USD"), ("zoo", 8, "EUR")}

    terms = {"discounts": [Discount.percent(10)], "taxes": [Tax("VAT", 20)]}
    taxed = BillingPlan.on_demand(PriceSchedule(calls=1), **terms)
    (row,) = asked(name, totals, {"tenant": ["a"], "calls": [300]}, taxed, by="tenant")
    assert [row[column] for column in ("net", "discount", "tax", "total", "currency")] == [
        *(270, 30, 54, 324),
        "USD",
    ]

    offers = {
        "on demand": BillingPlan.on_demand(PriceSchedule(calls="0.10")),
        "pro": BillingPlan.subscription("15.00", PriceSchedule(calls="0.02")),
    }
    rows = asked(name, compare, {"tenant": ["x", "y"], "calls": [100, 250]}, offers, by="tenant")
    found = {row["tenant"]: (row["on demand"], row["pro"], row["cheapest"]) for row in rows}
    assert found == {"x": (10, 17, "on demand"), "y": (25, 20, "pro")}


@quick_engine
def test_a_customer_without_a_plan_is_refused_by_name(name):
    with pytest.raises(InvalidPlan, match="zoo"):
        asked(name, rate, {"tenant": ["acme", "zoo"], "calls": [1, 1]}, {"acme": TIERED}, by="tenant")


@every_engine
def test_months_begin_where_the_customer_lives(name):
    """Midnight of Shanghai is four in the afternoon of London; the end of a month is the next one's."""
    columns = {"at": ["2026-10-31T15:59:59Z", "2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z"]}
    columns["calls"] = [1, 2, 4]
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    november = Period("2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00")

    assert summed(asked(name, rate, columns, plan, time="at", period=november)) == 2
    rows = asked(name, rate, columns, plan, by=[month("at", tz="Asia/Shanghai")])
    assert {row["month"]: row["amount"] for row in rows} == {"2026-10": 1, "2026-11": 2, "2026-12": 4}


def test_months_of_pandas_are_text_and_a_label_comes_back():
    pd = import_module("pandas")
    frame = pd.DataFrame({"month": pd.to_datetime(["2026-10-05", "2026-11-05"]), "gpu_seconds": [1, 2]})
    frame["month"] = frame["month"].dt.to_period("M")

    assert list(rate(frame, PLAN, by="month")["month"]) == ["2026-10", "2026-11"]


@every_engine
def test_a_line_of_focus_has_its_account_and_its_days(name):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.001"))
    october, day = Period("2026-10-01", "2026-11-01"), Period("2026-10-02", "2026-10-03")
    bill = Bill.of(Usage(calls=1), plan, period=october)
    with pytest.raises(InvalidPeriod, match="another period than that of the bill"):
        focus.rows(bill, issuer="me", account_id="acme", period=day)
    with pytest.raises(InvalidName, match="no billing account"):
        focus.rows(bill, issuer="me")

    columns = {"at": ["2026-10-02", "2026-10-09"], "calls": [1000, 3000]}
    how = {"issuer": "me", "account_id": "acme", "time": "at", "period": october}
    rows = asked(name, focus_rows, columns, plan, **how)

    found = [(row["ChargePeriodStart"].day, row["ChargePeriodEnd"].day, row["BilledCost"]) for row in rows]
    assert found == [(2, 3, 1), (9, 10, 3)]


def test_whatever_hands_over_batches_is_read():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("SELECT 'a' AS tenant, 5 AS gpu_seconds")
    reader = getattr(relation, "to_arrow_reader", relation.fetch_arrow_reader)()

    (row,) = rate(reader, PLAN, by="tenant").to_pylist()

    assert row["amount"] == 5


def test_uuids_are_text_on_every_engine(tmp_path):
    duckdb, pl, pd = map(pytest.importorskip, ("duckdb", "polars", "pandas"))
    id, path = "00000000-0000-0000-0000-000000000001", tmp_path / "u.parquet"
    duckdb.sql(f"COPY (SELECT uuid '{id}' AS tenant, 5 AS gpu_seconds) TO '{path}'")

    assert stream(path, PLAN, by="tenant")["tenant"].to_pylist() == [id]
    assert rate(pl.read_parquet(path), PLAN, by="tenant")["tenant"].to_list() == [id]
    assert rate(duckdb.read_parquet(str(path)), PLAN, by="tenant").fetchall()[0][0] == id
    frame = pd.DataFrame({"tenant": [UUID(id)], "gpu_seconds": [5]})
    assert list(rate(frame, PLAN, by="tenant")["tenant"]) == [id]
