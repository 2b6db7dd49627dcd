"""Modules whose packages are not installed are not collected for their examples, and the header says so."""

from importlib.util import find_spec

NEEDS = {
    "tokenbill/focus_parquet.py": ["pyarrow"],
    "tokenbill/plots.py": ["matplotlib"],
    "tokenbill/_frames_numpy.py": ["numpy"],
    "tokenbill/_frames_bills.py": ["numpy"],
    "tokenbill/_frames_arrow.py": ["numpy", "pyarrow"],
    "tokenbill/_frames_pandas.py": ["numpy", "pyarrow", "pandas"],
    "tokenbill/_frames_polars_columns.py": ["numpy", "polars"],
    "tokenbill/_frames_polars_rows.py": ["numpy", "polars"],
    "tokenbill/_frames_polars.py": ["numpy", "polars"],
    "tokenbill/_frames_duckdb.py": ["numpy", "pyarrow", "duckdb"],
    "tokenbill/_frames_spark.py": ["numpy", "pyarrow", "pyspark"],
    "tokenbill/_frames_parts.py": ["numpy", "pyarrow"],
    "tokenbill/_frames_stream.py": ["numpy", "pyarrow"],
    "tokenbill/_frames_dask.py": ["numpy", "pyarrow", "pandas", "dask"],
    "tokenbill/frames.py": ["numpy", "polars", "pyarrow"],
}
MISSING = {
    path: lacking
    for path, packages in NEEDS.items()
    if (lacking := [package for package in packages if not find_spec(package)])
}
collect_ignore = ["tests/fuzz.py", *MISSING]  # the fuzzers are a program of their own


def pytest_report_header():
    """Say what was left out, and what to install for it."""
    return [f"not collected: {path}, install {', '.join(lacking)}" for path, lacking in MISSING.items()]
