"""The engines that frames are rated on: each makes a frame of columns, and reads one back.

To have a new engine under every test of `test_frames.py`, add it to ENGINES.
"""

import atexit
import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from shutil import which
from typing import NamedTuple

import pytest


class Decimals(NamedTuple):
    """A column of decimals, all with so many places."""

    cells: list
    places: int


class Engine(NamedTuple):
    """What it takes to test an engine: the packages it needs, and frames out of columns and back.

    ``emptied`` takes all rows off a frame. ``row_error`` and ``bill_error`` name what the engine itself
    raises where rows and bills are refused inside a lazy query. ``is_slow`` asks for fewer examples.
    """

    packages: tuple[str, ...]
    frame: object
    records: object
    emptied: object = lambda frame: frame.head(0)
    row_error: str = ""
    bill_error: str = ""
    is_slow: bool = False

    def refusals(self, *errors):
        """What may be raised where rows are rated: the library's errors, or the engine's own."""
        return (*errors, *named(self.row_error))

    def bill_refusals(self, *errors):
        """The same for bills."""
        return (*errors, *named(self.bill_error))


def named(error):
    package, _, name = error.rpartition(".")
    return [getattr(import_module(package), name)] if name else []


def plain(column):
    return column.cells if isinstance(column, Decimals) else column


def arrow_table(columns):
    pa = import_module("pyarrow")
    kinds = {int: pa.int64(), str: pa.string(), float: pa.float64(), bool: pa.bool_()}
    arrays = {}
    for name, column in columns.items():
        first = next((cell for cell in plain(column) if cell is not None), "")
        kind = pa.decimal128(38, column.places) if isinstance(column, Decimals) else kinds[type(first)]
        arrays[name] = pa.array(plain(column), kind)
    return pa.table(arrays)


def polars_frame(columns):
    pl = import_module("polars")
    return pl.DataFrame(
        [
            pl.Series(name, plain(column), pl.Decimal(38, column.places))
            if isinstance(column, Decimals)
            else pl.Series(name, column)
            for name, column in columns.items()
        ]
    )


def pandas_frame(columns):
    pd, pa = import_module("pandas"), import_module("pyarrow")
    kinds = {
        name: pd.ArrowDtype(pa.decimal128(38, column.places)) if isinstance(column, Decimals) else "Int64"
        for name, column in columns.items()
        if isinstance(column, Decimals) or {*map(type, column)} == {int, type(None)}
    }
    return pd.DataFrame(
        {
            name: pd.Series(plain(column), dtype=kinds.get(name), index=range(7, 7 + len(plain(column))))
            for name, column in columns.items()
        }
    )


def pandas_records(frame):
    pd = import_module("pandas")
    cells = frame.astype(object)
    return cells.where(pd.notna(cells), None).to_dict("records")


def duckdb_relation(columns):
    table = arrow_table(columns)
    assert table.num_columns
    return import_module("duckdb").from_arrow(table)


def duckdb_records(relation):
    return relation.to_arrow_table().to_pylist()


def dask_frame(columns):
    return import_module("dask.dataframe").from_pandas(pandas_frame(columns), npartitions=2)


@cache
def spark_session():
    """A small cluster in this process."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "3",
        "spark.log.level": "OFF",
    }
    builder = import_module("pyspark.sql").SparkSession.builder.master("local[2]").appName("tokenbill")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    atexit.register(session.stop)
    return session


def spark_frame(columns):
    """Two partitions, which keep the order of the rows."""
    return spark_session().createDataFrame(arrow_table(columns))


ENGINES = {
    "duckdb": Engine(
        ("duckdb", "pyarrow"),
        duckdb_relation,
        duckdb_records,
        emptied=lambda relation: relation.limit(0),
        row_error="duckdb.InvalidInputException",
    ),
    "pandas": Engine(("pandas", "pyarrow"), pandas_frame, pandas_records),
    "pyarrow": Engine(
        ("pyarrow",), arrow_table, lambda table: table.to_pylist(), emptied=lambda table: table[:0]
    ),
    "polars": Engine(("polars",), polars_frame, lambda frame: frame.to_dicts()),
    "polars lazy": Engine(
        ("polars",), lambda columns: polars_frame(columns).lazy(), lambda frame: frame.collect().to_dicts()
    ),
    "polars streaming": Engine(
        ("polars",),
        lambda columns: polars_frame(columns).lazy(),
        lambda frame: frame.collect(engine="streaming").to_dicts(),
    ),
    "dask": Engine(
        ("dask", "pandas", "pyarrow"),
        dask_frame,
        lambda frame: pandas_records(frame.compute(scheduler="synchronous")),
        emptied=lambda frame: frame[frame[frame.columns[-1]] < 0],
        is_slow=True,
    ),
    "pyspark": Engine(
        ("pyspark", "pyarrow"),
        spark_frame,
        lambda frame: frame.toArrow().to_pylist(),
        emptied=lambda frame: frame.limit(0),
        row_error="pyspark.errors.PythonException",
        bill_error="pyspark.errors.PythonException",
        is_slow=True,
    ),
}
QUICK = [name for name, engine in ENGINES.items() if not engine.is_slow]
SLOW = [name for name, engine in ENGINES.items() if engine.is_slow]


def engines(names):
    """A test for each of these engines; those that take a cluster or its scheduler wait for --slow."""
    marked = [pytest.param(name, marks=pytest.mark.slow) if ENGINES[name].is_slow else name for name in names]
    return pytest.mark.parametrize("name", marked)


every_engine, quick_engine, slow_engine = map(engines, (ENGINES, QUICK, SLOW))


def engine_of(name):
    """An engine by its name; where it is not installed, the test says what to install."""
    engine = ENGINES[name]
    for package in engine.packages:
        if find_spec(package) is None:
            pytest.skip(f"not run: install {package} to test {name}")
    if name == "pyspark" and which("java") is None:
        pytest.skip("not run: install a Java of version 17 or later to test pyspark")
    return engine
