"""Modules whose packages are not installed are not collected for their examples, and the header says so."""

from importlib.util import find_spec

NEEDS = {
    "tokenbill/focus_parquet.py": ["pyarrow"],
    "tokenbill/plots.py": ["matplotlib"],
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
