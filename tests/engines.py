"""The engines that frames are rated on: each makes a frame of columns, and reads one back.

To have a new engine under every test of `test_frames.py`, add it to ENGINES.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import pytest


class Decimals(NamedTuple):
    """A column of decimals, all with so many places."""

    cells: list
    places: int


class Engine(NamedTuple):
    """What it takes to test an engine: the packages it needs, and frames out of columns and back.

    ``own_error`` is the name of what it raises itself where rows are refused inside a lazy query.
    """

    packages: tuple[str, ...]
    frame: object
    records: object
    own_error: str = ""

    def refusal(self, error):
        """What is raised where rows are rated: the library's error, or the engine's own with its message."""
        package, _, name = self.own_error.partition(".")
        return getattr(import_module(package), name) if name else error


def plain(column):
    return column.cells if isinstance(column, Decimals) else column


def arrow_table(columns):
    pa = import_module("pyarrow")
    kinds = {int: pa.int64(), str: pa.string()}
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
        name: pd.ArrowDtype(pa.decimal128(38, column.places))
        for name, column in columns.items()
        if isinstance(column, Decimals)
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


ENGINES = {
    "duckdb": Engine(("duckdb", "pyarrow"), duckdb_relation, duckdb_records, "duckdb.InvalidInputException"),
    "pandas": Engine(("pandas", "pyarrow"), pandas_frame, pandas_records),
    "pyarrow": Engine(("pyarrow",), arrow_table, lambda table: table.to_pylist()),
    "polars": Engine(("polars",), polars_frame, lambda frame: frame.to_dicts()),
    "polars lazy": Engine(
        ("polars",), lambda columns: polars_frame(columns).lazy(), lambda frame: frame.collect().to_dicts()
    ),
    "polars streaming": Engine(
        ("polars",),
        lambda columns: polars_frame(columns).lazy(),
        lambda frame: frame.collect(engine="streaming").to_dicts(),
    ),
}


def engine_of(name):
    """An engine by its name; where it is not installed, the test says what to install."""
    engine = ENGINES[name]
    for package in engine.packages:
        if find_spec(package) is None:
            pytest.skip(f"not run: install {package} to test {name}")
    return engine
