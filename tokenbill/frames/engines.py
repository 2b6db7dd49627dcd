"""The packages of engines, each imported when a back end first takes it from here.

>>> from tokenbill.frames.engines import np
>>> np.zeros(2).tolist()
[0.0, 0.0]
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tokenbill.errors import MissingExtra

__all__ = ["PACKAGES"]

PACKAGES = {
    "np": "numpy",
    "pa": "pyarrow",
    "pc": "pyarrow.compute",
    "arrow_csv": "pyarrow.csv",
    "parquet": "pyarrow.parquet",
    "pd": "pandas",
    "pl": "polars",
    "duckdb": "duckdb",
    "dask": "dask",
    "dataframe": "dask.dataframe",
    "sql": "pyspark.sql",
    "F": "pyspark.sql.functions",
    "types": "pyspark.sql.types",
    "spark_arrow": "pyspark.sql.pandas.types",
    "tqdm": "tqdm",
}
"""What each is called in this package."""


def __getattr__(name: str) -> Any:
    """A package by its name here.

    Raises:
        MissingExtra: If it is not installed.
    """
    if name not in PACKAGES:
        raise AttributeError(name)
    try:
        return import_module(PACKAGES[name])
    except ImportError:
        package = PACKAGES[name].partition(".")[0]
        raise MissingExtra(package, "progress" if name == "tqdm" else "arrow") from None
