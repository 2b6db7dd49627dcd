"""A month without events often comes without types: it is a bill of nothing, and breaks no nightly job."""

import re
from decimal import Decimal
from importlib import import_module

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")
pytest.importorskip("pyarrow", reason="not run: install pyarrow, which every engine needs")

from tests.support.engines import ENGINES, arrow_table, engine_of
from tokenbill import BillingPlan, PriceSchedule
from tokenbill.errors import InvalidNumber, InvalidUsage, UnreadableInput
from tokenbill.frames import add_up, rate, rate_rows, totals

PLAN = BillingPlan.subscription("20", PriceSchedule(calls="1"))
WIDE, LONG = ("tenant", "calls"), ("tenant", "meter", "quantity")


def untyped(name, columns):
    """A frame of no rows, as each engine makes one of empty lists."""
    if name == "duckdb":
        nothing = ", ".join(f"NULL AS {column}" for column in columns)
        return import_module("duckdb").sql(f"SELECT {nothing} WHERE false")
    if name == "dask":
        frame = import_module("pandas").DataFrame(columns=list(columns))
        return import_module("dask.dataframe").from_pandas(frame, npartitions=1)
    if name == "pyspark":
        return (
            import_module("tests.support.engines")
            .spark_session()
            .sql(f"SELECT {', '.join(f'NULL AS {column}' for column in columns)} WHERE false")
        )
    if name == "pandas":
        return import_module("pandas").DataFrame({column: [] for column in columns})
    if name == "pyarrow":
        return import_module("pyarrow").table({column: [] for column in columns})
    frame = import_module("polars").DataFrame({column: [] for column in columns})
    return frame if name == "polars" else frame.lazy()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("columns", [WIDE, LONG])
def test_a_frame_without_rows_and_types_is_the_bill_of_nothing(name, columns):
    engine = engine_of(name)

    assert engine.records(rate(untyped(name, columns), PLAN, by="tenant")) == []
    assert engine.records(totals(untyped(name, columns), PLAN, by="tenant")) == []
    rows = untyped(name, columns)
    assert engine.records(rate_rows(rows, PLAN, meters=["calls"] if columns == WIDE else None)) == []
    # without groups everything is on one bill, and its fee is due
    assert [row["amount"] for row in engine.records(rate(untyped(name, columns[1:]), PLAN))] == [20]


@pytest.mark.parametrize("name", ["duckdb", "pandas", "polars", "pyarrow"])
def test_sums_of_nothing_are_none(name):
    engine = engine_of(name)

    assert engine.records(add_up(untyped(name, WIDE), by="tenant")) == []
    assert [row["calls"] for row in engine.records(add_up(untyped(name, ["calls"])))] == [Decimal(0)]
    with pytest.raises(UnreadableInput, match="no column of quantities"):
        add_up(engine.frame({"tenant": ["a"]}), by="tenant")


def test_floats_of_no_rows_are_nothing_and_those_of_rows_refused():
    pd, pl = import_module("pandas"), import_module("polars")

    for frame in (pd.DataFrame({"calls": [1.0]}), pl.DataFrame({"calls": [1.0]})):
        with pytest.raises(InvalidNumber, match="holds floats"):
            rate(frame, PLAN)
        assert list(rate(frame[:0], PLAN)["amount"]) == [20]


@pytest.mark.parametrize("name", ["duckdb", "pyarrow", "polars"])
def test_a_column_of_nothing_but_nulls_is_refused_by_its_count(name):
    engine_of(name)
    table = arrow_table({"tenant": ["a", "b"]}).append_column("calls", import_module("pyarrow").nulls(2))
    frame = table
    if name == "duckdb":
        frame = import_module("duckdb").sql("SELECT 'a' AS tenant, NULL AS calls FROM range(2)")
    elif name != "pyarrow":
        frame = import_module("polars").from_arrow(table)
    with pytest.raises(InvalidUsage, match="2 null in column 'calls'"):
        rate(frame, PLAN, by="tenant")


def test_sums_may_refuse_numbers_below_zero():
    frame = arrow_table({"tenant": ["a", "a"], "calls": [3, -5]})

    assert add_up(frame, by="tenant")["calls"].to_pylist() == [-2]
    with pytest.raises(InvalidUsage, match="1 negative in column 'calls'"):
        add_up(frame, by="tenant", signed=False)


def test_floats_are_cast_to_the_decimals_that_the_error_names():
    pd, pl, pa = (import_module(name) for name in ("pandas", "polars", "pyarrow"))
    column = {"calls": [2.4, 0.1]}
    polars, pandas, arrow = pl.DataFrame(column), pd.DataFrame(column), pa.table(column)
    cast = {
        "pl.Decimal(38, 2)": (polars, polars.with_columns(pl.col("calls").cast(pl.Decimal(38, 2)))),
        "pd.ArrowDtype(pa.decimal128(38, 2))": (
            pandas,
            pandas.astype({"calls": pd.ArrowDtype(pa.decimal128(38, 2))}),
        ),
        "pa.decimal128(38, 2)": (arrow, pa.table({"calls": arrow["calls"].cast(pa.decimal128(38, 2))})),
    }
    for named, (floats, decimals) in cast.items():
        with pytest.raises(InvalidNumber, match=re.escape(f"as many decimals as were meant, {named}") + "$"):
            rate(floats, PLAN)
        assert str(add_up(decimals)["calls"][0]).startswith("2.5")
