"""Modules whose packages are not installed are not collected for their examples, and the header says so."""

import ast
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent
PACKAGE = ROOT / "tokenbill"


def file_of(module):
    """The file of a module of the package, or None."""
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()), None)


@cache
def needs(path):
    """Packages that a module imports at its top, or that what it imports there does."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            package, ours = name.partition(".")[0], file_of(name)
            found |= needs(ours) if ours else {package} - {"tokenbill", *sys.stdlib_module_names}
    return found


MISSING = {
    str(path.relative_to(ROOT)): lacking
    for path in sorted(PACKAGE.rglob("*.py"))
    if (lacking := sorted(package for package in needs(path) if not find_spec(package)))
}
collect_ignore = ["tests/fuzz/fuzz.py", *MISSING]  # the fuzzers are a program of their own


def pytest_report_header():
    """Say what was left out, and what to install for it."""
    return [f"not collected: {path}, install {', '.join(lacking)}" for path, lacking in MISSING.items()]
