"""The house as rules: what may import what, how long things are, and that every name is documented."""

import ast
import importlib
import inspect
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attr
import attrs
import pytest

import tokenbill
from tests.house.house import FLOORS, FunctionNode, House, is_wing, room

PACKAGE = Path(inspect.getfile(tokenbill)).parent
ROOT = PACKAGE.parent
HOUSE = House(PACKAGE)

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
CLOCKS = {"now", "utcnow", "today", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime"}
CONTEXT_NAMES = {"getcontext", "setcontext", "localcontext"}


def length(function: FunctionNode) -> int:
    """Lines of the body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions(module: str) -> list[FunctionNode]:
    return [node for node in ast.walk(HOUSE.tree(module)) if isinstance(node, FunctionNode)]


def names_used(module: str) -> set[str]:
    """Every name, attribute and imported name that stands in the code of a module."""
    used = set()
    for node in ast.walk(HOUSE.tree(module)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                used.add(name)
    return used


def functions_called(module: str) -> set[str]:
    calls = (node.func for node in ast.walk(HOUSE.tree(module)) if isinstance(node, ast.Call))
    return {called.id for called in calls if isinstance(called, ast.Name)}


def public_methods(value: type) -> Iterator[str]:
    for name, member in vars(value).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property | classmethod)):
            yield name


@cache
def loaded_by_importing_tokenbill() -> set[str]:
    """Names of the modules that all names of `tokenbill` add in a fresh, isolated process."""
    program = (
        f"import json, sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); before = set(sys.modules);"
        "from tokenbill import *; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def house(place: Path, **modules: str) -> House:
    """A small house with the folders of the core and two wings; `core_money_decimals=` is a module's text."""
    package = place / "tokenbill"
    for folder in ("", "core", *(f"core/{name}" for name in FLOORS), "shared", "files", "frames", "cli"):
        (package / folder).mkdir()
        (package / folder / "__init__.py").touch()
    for name in ("errors", "core_money_decimals", "core_plans_plan", "files_reading", *modules):
        path = package.joinpath(*name.split("_")).with_suffix(".py")
        path.write_text(modules.get(name, ""), encoding="utf-8")
    return House(package)


# The four rules, each beside houses that break it


def test_the_folders_of_the_core_are_its_floors():
    folders = {path.name for path in (PACKAGE / "core").iterdir() if (path / "__init__.py").exists()}

    assert folders == set(FLOORS)


def test_a_module_of_the_core_imports_from_its_own_folder_and_lower_floors():
    assert HOUSE.imports_up() == {}


@pytest.mark.parametrize(
    ("module", "text", "other"),
    [
        ("core_money_decimals", "from tokenbill.core.plans.plan import BillingPlan", "core.plans.plan"),
        ("core_periods_cycle", "from tokenbill.core.metering import usage", "core.metering"),
        ("core_plans_plan", "def later():\n    import tokenbill.shared", "shared"),
        ("core_billing_bill", "from tokenbill import files", "files"),
        ("core_billing_bill", "from tokenbill import Bill", ""),
        ("errors", "from tokenbill.core.money.decimals import number", "core.money.decimals"),
    ],
)
def test_a_core_that_imports_up_is_noticed(module, text, other, tmp_path):
    assert house(tmp_path, **{module: text}).imports_up() == {module.replace("_", "."): {other}}


def test_no_folder_holds_a_circle_of_imports():
    assert HOUSE.circles() == {}


def test_a_circle_within_a_folder_is_noticed(tmp_path):
    one, other = "from tokenbill.core.money.rounding import Rounding", "import tokenbill.core.money.decimals"
    broken = house(tmp_path, core_money_decimals=one, core_money_rounding=other)

    assert broken.circles() == {"core.money": {"core.money.decimals", "core.money.rounding"}}


def test_wings_import_no_other_and_the_roof_enters_one_by_its_face():
    assert HOUSE.back_doors() == {}


@pytest.mark.parametrize(
    ("module", "text", "other"),
    [
        ("frames_stream", "from tokenbill.files import read_usage", "files"),
        ("frames_stream", "from tokenbill.files.reading import row", "files.reading"),
        ("frames_stream", "def later():\n    from tokenbill.cli import main", "cli"),
        ("shared_rows", "from tokenbill import files", "files"),
        ("cli_reading", "from tokenbill.files.reading import row", "files.reading"),
        ("plots", "import tokenbill.files.reading", "files.reading"),
    ],
)
def test_a_wing_that_is_entered_by_another_way_is_noticed(module, text, other, tmp_path):
    assert house(tmp_path, **{module: text}).back_doors() == {module.replace("_", "."): {other}}


def test_the_roof_may_enter_a_wing_by_its_face(tmp_path):
    assert house(tmp_path, cli_reading="from tokenbill.files import read_usage").back_doors() == {}


def test_the_core_imports_attrs_and_the_standard_library_only_and_wings_import_at_their_top():
    assert HOUSE.foreign_packages() == {}


@pytest.mark.parametrize(
    ("module", "text", "package"),
    [
        ("core_money_decimals", "import numpy", "numpy"),
        ("core_plans_plan", "def later():\n    from six import moves", "six.moves"),
        ("errors", "import six", "six"),
        ("files_reading", "def later():\n    import pyarrow", "pyarrow"),
    ],
)
def test_a_foreign_package_is_noticed(module, text, package, tmp_path):
    assert house(tmp_path, **{module: text}).foreign_packages() == {module.replace("_", "."): {package}}


# No list of modules


def test_coverage_is_asked_of_the_whole_core():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]

    assert settings["report"]["include"] == ["tokenbill/core/*"]
    assert settings["report"]["fail_under"] == 100


@pytest.mark.parametrize("path", ["pyproject.toml", "conftest.py", "mkdocs.yml"])
def test_no_module_is_listed_outside_the_package(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    inside = {module for module in HOUSE.modules if module.count(".") and module != room(module)}
    names = {name for name in inside if f"tokenbill.{name}" in text or f"{name.replace('.', '/')}.py" in text}

    assert names == set()
    assert [name for name in HOUSE.modules if f"reference/{name}.md" in text] == []


def test_the_package_is_few_entries_without_underscores():
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]

    assert len(entries) <= 27
    assert [module for module in HOUSE.modules if "._" in f".{module}" and module != "__main__"] == []


# Sizes


def test_a_module_has_at_most_400_lines():
    lines = {module: len(HOUSE.source(module).splitlines()) for module in HOUSE.modules}

    assert {module: count for module, count in lines.items() if count > LONGEST_MODULE} == {}


def test_a_function_has_at_most_40_lines_without_its_docstring():
    def too_long(module: str) -> list[str]:
        return [
            f"{each.name}: {length(each)}" for each in functions(module) if length(each) > LONGEST_FUNCTION
        ]

    assert HOUSE.broken(too_long) == {}


# What a module says and exports


def test_a_module_says_what_it_is_about():
    assert [module for module in HOUSE.modules if not ast.get_docstring(HOUSE.tree(module))] == []


def test_a_module_lists_its_public_names_once_each():
    for module in HOUSE.modules:
        names = HOUSE.exported(module)

        assert names or not HOUSE.definitions(module), module
        assert len(names) == len(set(names)), module


def test_a_face_exports_no_name_that_one_of_its_modules_bears():
    """Importing ``frames.files`` sets the attribute `files` of `frames`, whatever stood there before."""

    def borne(place: str) -> set[str]:
        inside = {
            module.rpartition(".")[2]
            for module in HOUSE.modules
            if module and module.rpartition(".")[0] == place
        }
        return inside & set(HOUSE.exported(place))

    assert HOUSE.broken(borne, sorted({module.rpartition(".")[0] for module in HOUSE.modules})) == {}


def test_only_decimals_touches_decimal_contexts():
    others = [module for module in HOUSE.modules if module != "core.money.decimals"]

    assert HOUSE.broken(lambda module: names_used(module) & CONTEXT_NAMES, others) == {}


def test_no_number_becomes_a_float():
    others = [module for module in HOUSE.modules if module != "core.money.decimals"]

    assert HOUSE.broken(lambda module: functions_called(module) & {"float"}, others) == {}


def test_nothing_reads_a_clock_or_keeps_a_global():
    def outside(module: str) -> set[str]:
        nodes = list(ast.walk(HOUSE.tree(module)))
        called = [node.func for node in nodes if isinstance(node, ast.Call)]
        clocks = {call.attr for call in called if isinstance(call, ast.Attribute)} & CLOCKS
        return clocks | {name for node in nodes if isinstance(node, ast.Global) for name in node.names}

    assert HOUSE.broken(outside) == {}


def test_every_public_name_is_documented():
    def silent(module: str) -> list[str]:
        public = set(HOUSE.exported(module))
        nodes = {name: node for name, node in HOUSE.definitions(module).items() if name in public}
        return [name for name, node in nodes.items() if not ast.get_docstring(node)]

    assert HOUSE.broken(silent) == {}


def test_every_public_method_is_documented_by_its_class_or_by_the_one_it_comes_from():
    def silent(module: str) -> list[str]:
        namespace = vars(importlib.import_module(f"tokenbill.{module}"))
        exported = [namespace[name] for name in HOUSE.exported(module)]
        classes = [value for value in exported if isinstance(value, type)]
        methods = [getattr(owner, name) for owner in classes for name in public_methods(owner)]
        return [repr(method) for method in methods if not inspect.getdoc(method)]

    assert HOUSE.broken(silent, HOUSE.core) == {}


# The import of the package


def test_the_package_itself_is_a_list_of_names_that_are_imported_on_first_use():
    docstring, *statements = HOUSE.tree("").body
    others = [node for node in statements if not isinstance(node, ast.ImportFrom)]
    shapes = [ast.unparse(node).partition("\n")[0].partition(" = ")[0] for node in others]

    assert isinstance(docstring, ast.Expr)
    assert shapes == [
        "if TYPE_CHECKING:",
        "__all__",
        "_MODULES",
        "_HOME",
        "def __getattr__(name: str) -> object:",
        "def __dir__() -> list[str]:",
    ]


def test_a_type_checker_finds_each_name_where_its_first_use_does():
    (typed,) = (node for node in HOUSE.tree("").body if isinstance(node, ast.If))
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]

    assert {alias.name: node.module for node in imports for alias in node.names} == vars(tokenbill)["_HOME"]


def test_every_name_of_the_package_is_there_and_no_other():
    assert [name for name in tokenbill.__all__ if not hasattr(tokenbill, name)] == []
    assert set(tokenbill.__all__) <= set(dir(tokenbill))
    with pytest.raises(AttributeError, match="has no attribute 'Bil'"):
        _ = tokenbill.Bil


def test_importing_tokenbill_loads_attrs_and_the_standard_library_only():
    packages = {name.partition(".")[0] for name in loaded_by_importing_tokenbill()}

    assert packages - sys.stdlib_module_names <= {"attr", "attrs", "tokenbill"}


@pytest.mark.parametrize("wing", sorted({room(module) for module in HOUSE.modules if is_wing(room(module))}))
def test_the_face_of_a_wing_is_imported_without_the_packages_of_its_extras(wing, tmp_path):
    if wing == "testing":
        pytest.skip("it is nothing without Hypothesis")
    for package in (attr, attrs):
        place = Path(package.__file__).parent
        (tmp_path / place.name).symlink_to(place)
    program = f"import sys; sys.path += [{str(ROOT)!r}, {str(tmp_path)!r}]; import tokenbill.{wing}"

    done = subprocess.run([sys.executable, "-ISc", program], capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_importing_tokenbill_loads_no_wing():
    loaded = {
        name.partition(".")[2] for name in loaded_by_importing_tokenbill() if name.startswith("tokenbill.")
    }

    assert {room(name) for name in loaded} <= {"core", "errors", *(f"core.{folder}" for folder in FLOORS)}
