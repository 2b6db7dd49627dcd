"""The package stands on floors: each module imports only from lower ones. This table is the plan of it."""

import ast
import importlib
import inspect
import json
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import tokenbill

PACKAGE = Path(inspect.getfile(tokenbill)).parent

CORE_FLOORS = [
    {"excerpts", "memo", "_iso4217"},
    {"errors"},
    {"decimals", "canonical", "display", "instants"},
    {"rounding", "checks", "currencies", "periods", "meters", "pieces"},
    {"portions", "usage", "lines", "cycles", "scopes"},
    {"price", "grants", "terms"},
    {"rates", "tiers", "ledger"},
    {"lint", "bends", "credits", "prepared", "rules"},
    {"schedule"},
    {"plan", "books"},
    {"compiled"},
    {"charges"},
    {"work"},
    {"rating"},
    {"increment"},
    {"account", "explanation"},
    {"bill"},
    {"__init__"},  # `tokenbill` itself, which gathers what the core offers
]
SHARED = [  # what wings stand on, since none imports another
    {"jsontext", "coding", "_events_checks", "_price_cells", "_price_keys", "_price_units", "_payload_shapes"}
    | {"_focus_columns", "_focus_costs", "_focus_purchases", "_focus_skus"}
    | {"crossings", "forecasts", "histories"},
    {"records", "_payload_counts", "_focus_credit", "_focus_rows", "totals", "ranking", "savings"},
    {"rows", "stored", "_events_read", "_events_otel", "_events_measures", "_price_maps", "_payload_objects"}
    | {"_focus_allowance", "margins"},
    {"_focus_items", "standing"},
    {"_focus_bill", "budgets"},
]
COLUMNS = [  # what `frames` stands on: a plan in whole numbers, then the engines
    {"program"},
    {"tariff"},
    {"layouts"},
    {"_frames_numpy"},
    {"_frames_bills"},
    {"_frames_arrow", "_frames_polars_columns"},
    {"_frames_pandas", "_frames_parts", "_frames_duckdb", "_frames_spark", "_frames_polars_rows"},
    {"_frames_stream", "_frames_dask", "_frames_polars"},
]
WINGS = {
    "serial",
    "events",
    "payloads",
    "catalog",
    "compare",
    "watch",
    "frames",
    "focus",
    "focus_parquet",
    "files",
    "sharing",
    "changes",
}
OUTER = [{"plots", "testing", "_options", "_dialogue"}, {"_reading"}, {"__main__"}]

FLOORS = [*CORE_FLOORS, *SHARED, *COLUMNS, WINGS, *OUTER]
FLOOR_OF = {module: floor for floor, together in enumerate(FLOORS, 1) for module in together}
CORE = set[str]().union(*CORE_FLOORS)
REST = set(FLOOR_OF) - CORE

CONTEXT_NAMES = {"getcontext", "setcontext", "localcontext"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One import: the full name of what is imported, and whether it stands outside all functions."""

    name: str
    at_top: bool


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.glob("*.py"))


def core_modules() -> list[str]:
    return [module for module in modules() if module in CORE]


def source(module: str) -> str:
    return (PACKAGE / f"{module}.py").read_text(encoding="utf-8")


def lines(module: str) -> int:
    return len(source(module).splitlines())


def tree(module: str) -> ast.Module:
    return ast.parse(source(module))


def functions(module: str) -> list[FunctionNode]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, FunctionNode)]


def length(function: FunctionNode) -> int:
    """Lines of the body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def imports(module: str) -> list[Import]:
    return list(imports_below(tree(module), at_top=True))


def imports_below(node: ast.AST, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(alias.name, at_top) for alias in names)
            case ast.ImportFrom():
                yield from (Import(name, at_top) for name in imported_from(child))
            case _:
                yield from imports_below(child, at_top=at_top and not isinstance(child, FunctionNode))


def imported_from(node: ast.ImportFrom) -> list[str]:
    """`from tokenbill.price import Price` and `from tokenbill import price` both name `tokenbill.price…`."""
    origin = ".".join(filter(None, ["tokenbill" if node.level else "", node.module]))
    return [f"{origin}.{alias.name}" for alias in node.names]


def siblings(module: str) -> set[str]:
    """The modules of the package that a module imports; `__init__` for a name of the package itself."""
    found = set()
    for name, _ in imports(module):
        package, _, rest = name.partition(".")
        if package == "tokenbill":
            first = rest.partition(".")[0]
            found.add(first if (PACKAGE / f"{first}.py").exists() else "__init__")
    return found


def strangers(module: str) -> list[Import]:
    """Imports that are neither of the package nor of the standard library."""
    known = {"tokenbill", *sys.stdlib_module_names}
    return [found for found in imports(module) if found.name.partition(".")[0] not in known]


def names_used(module: str) -> set[str]:
    """Every name, attribute and imported name that stands in the code of a module."""
    used = set()
    for node in ast.walk(tree(module)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                used.add(name)
    return used


def functions_called(module: str) -> set[str]:
    calls = (node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    return {called.id for called in calls if isinstance(called, ast.Name)}


def exported(module: str) -> list[str]:
    for node in tree(module).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return list(ast.literal_eval(value))
    raise AssertionError(f"{module} has no __all__")


def definitions(module: str) -> dict[str, FunctionNode | ast.ClassDef]:
    defined = (node for node in tree(module).body if isinstance(node, FunctionNode | ast.ClassDef))
    return {node.name: node for node in defined}


def public_methods(value: type) -> Iterator[str]:
    for name, member in vars(value).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property | classmethod)):
            yield name


def loaded_by_importing_tokenbill() -> set[str]:
    """Names of the modules that `import tokenbill` adds in a fresh, isolated process."""
    program = (
        f"import json, sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); before = set(sys.modules);"
        "import tokenbill; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_every_module_has_its_place_in_the_table():
    assert set(modules()) <= set(FLOOR_OF)


def test_every_module_of_the_core_that_is_in_the_table_is_there():
    assert set(modules()) >= CORE


def test_coverage_is_asked_of_the_whole_core():
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    left_out = {Path(path).stem for path in settings["tool"]["coverage"]["report"]["omit"]}

    assert left_out == REST


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_from_lower_floors(module):
    assert {other for other in siblings(module) if FLOOR_OF[other] >= FLOOR_OF[module]} == set()


@pytest.mark.parametrize("module", core_modules())
def test_the_core_imports_attrs_and_the_standard_library_only(module):
    assert {found.name.partition(".")[0] for found in strangers(module)} <= {"attrs"}


@pytest.mark.parametrize("module", sorted(set(modules()) - set().union(*OUTER)))
def test_another_package_is_imported_at_the_top_of_its_module(module):
    assert [found.name for found in strangers(module) if not found.at_top] == []


@pytest.mark.parametrize("module", core_modules())
def test_a_module_of_the_core_has_at_most_300_lines(module):
    assert lines(module) <= 300


@pytest.mark.parametrize("module", modules())
def test_a_function_has_at_most_25_lines_without_its_docstring(module):
    assert {function.name: length(function) for function in functions(module) if length(function) > 25} == {}


def test_half_of_all_functions_have_at_most_8_lines():
    assert statistics.median(length(function) for module in modules() for function in functions(module)) <= 8


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_is_about(module):
    assert ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", modules())
def test_a_module_lists_its_public_names(module):
    assert len(exported(module)) == len(set(exported(module)))


@pytest.mark.parametrize("module", sorted(set(modules()) - {"__init__"}))
def test_a_module_never_bears_the_name_of_a_function_it_exports(module):
    assert module not in exported(module)


@pytest.mark.parametrize("module", sorted(set(modules()) - {"decimals"}))
def test_only_decimals_touches_decimal_contexts(module):
    assert names_used(module) & CONTEXT_NAMES == set()


@pytest.mark.parametrize("module", sorted(set(modules()) - {"decimals"}))
def test_no_number_becomes_a_float(module):
    assert "float" not in functions_called(module)


def test_the_package_itself_is_nothing_but_imports_and_a_list_of_names():
    docstring, *statements = tree("__init__").body
    names = statements.pop()

    assert isinstance(docstring, ast.Expr)
    assert {type(statement) for statement in statements} == {ast.ImportFrom}
    assert ast.unparse(names).startswith("__all__ = ")


def test_importing_tokenbill_loads_attrs_and_the_standard_library_only():
    packages = {name.partition(".")[0] for name in loaded_by_importing_tokenbill()}

    assert packages - sys.stdlib_module_names <= {"attr", "attrs", "tokenbill"}


def test_importing_tokenbill_loads_no_wing():
    loaded = {
        name.partition(".")[2] for name in loaded_by_importing_tokenbill() if name.startswith("tokenbill.")
    }

    assert loaded <= CORE


@pytest.mark.parametrize("module", sorted(set(modules()) - {"__init__"}))
def test_every_public_name_is_documented(module):
    public = {name: node for name, node in definitions(module).items() if name in exported(module)}

    assert [name for name, node in public.items() if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", sorted(set(core_modules()) - {"__init__"}))
def test_every_public_method_is_documented_by_its_class_or_by_the_one_it_comes_from(module):
    namespace = vars(importlib.import_module(f"tokenbill.{module}"))
    classes = [namespace[name] for name in exported(module) if isinstance(namespace[name], type)]
    methods = [getattr(owner, name) for owner in classes for name in public_methods(owner)]

    assert [method for method in methods if not inspect.getdoc(method)] == []
