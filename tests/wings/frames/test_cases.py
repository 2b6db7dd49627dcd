"""What finance teams asked of frames of real traffic, with the right digits, on every engine."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from decimal import Decimal
from itertools import permutations
from pathlib import Path
from uuid import UUID

from tests.support.engines import engine_of, every_engine, quick_engine
from tokenbill import Bill, BillingPlan, Graduated, Period, PerUnit, PriceSchedule, Tier, Usage
from tokenbill.frames import add_up, rate, rate_rows, stream

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


@quick_engine
def test_the_lines_of_a_bill_have_one_schema(name):
    plan = BillingPlan.on_demand(TIERED.prices, name="tiers")
    (one, two) = asked(name, rate, {"calls": [20]}, plan, columns="wide")

    shown = {*Bill.of(Usage(calls=20), plan).to_rows()[0]}
    bounds = {"tier_from", "tier_up_to"}
    assert {*one} - bounds <= shown
    assert {"plan", "currency", "rate", "per", *bounds} <= {*one}
    assert (one["plan"], two["rate"], two["amount"]) == ("tiers", Decimal("0.01"), Decimal("0.15"))


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
