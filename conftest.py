"""What is left out, and pytest says so: modules that lack a package, and what takes long without --slow."""

import doctest
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
IMPORTED = re.compile(r"^\s*>>> (?:import|from) (\w+)", re.MULTILINE)
MISSING = {}

collect_ignore = ["tests/fuzz/fuzz.py"]  # the fuzzers are a program of their own


def lacking(path):
    """The package that a module of ours, or an example in it, needs and that is not installed; or None."""
    from tokenbill.errors import MissingExtra

    try:
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    except MissingExtra as error:
        return error.package
    packages = IMPORTED.findall(path.read_text(encoding="utf-8"))
    return next((package for package in packages if not find_spec(package)), None)


def pytest_ignore_collect(collection_path):
    """Leave out a module that cannot be imported here; None lets pytest decide on any other."""
    module = collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest"))
    ours = any(
        collection_path.is_relative_to(ROOT / folder) for folder in ("tokenbill", "tests/wings", "tests/roof")
    )
    if module and ours and (package := lacking(collection_path)):
        MISSING.setdefault(package, []).append(str(collection_path.relative_to(ROOT)))
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Skip an example that ends in the error about a missing package, which says what to install."""
    from tokenbill.errors import MissingExtra

    try:
        return (yield)
    except doctest.UnexpectedException as error:
        if isinstance(error.exc_info[1], MissingExtra):
            pytest.skip(str(error.exc_info[1]))
        raise


def pytest_addoption(parser):
    """Let `.ci/run` ask for everything."""
    parser.addoption("--slow", action="store_true", help="also run the tests that are marked slow")


def pytest_collection_modifyitems(config, items):
    """Skip what is marked slow, so that the tests of a newcomer end soon."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: run it with --slow"))


def pytest_report_collectionfinish():
    """Say what was left out, and what to install for it."""
    return [f"not collected without {package}: {', '.join(paths)}" for package, paths in MISSING.items()]
