"""The house as rules: what may import what, how long things are, and that every name is documented."""

import ast
import importlib
import inspect
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import tokenbill

PACKAGE = Path(inspect.getfile(tokenbill)).parent
ROOT = PACKAGE.parent

FLOORS = {
    "base": 1,
    "money": 2,
    "periods": 3,
    "metering": 3,
    "pricing": 4,
    "credits": 4,
    "plans": 5,
    "rating": 6,
    "billing": 7,
}
"""The folders of the core, each with its floor; a module imports from lower floors or its own folder."""
ROOF = {"__main__", "cli", "documents", "plots", "store"}
"""What may enter any wing; everything else beside the core and `shared` is a wing."""

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
CONTEXT_NAMES = {"getcontext", "setcontext", "localcontext"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One import: the full name of what is imported, and whether it stands outside all functions."""

    name: str
    at_top: bool


def modules() -> list[str]:
    """Every module by its path in the package: `core.money.decimals`; a folder by its own name."""
    paths = (path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in paths)


def path_of(module: str) -> Path:
    place = PACKAGE.joinpath(*filter(None, module.split(".")))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def core_modules() -> list[str]:
    return [module for module in modules() if module.startswith("core.")]


def room(module: str) -> str:
    """`core.money` for `core.money.decimals`, `frames` for `frames.arrow`, `errors` for itself."""
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] == "core" else parts[:1])


def is_wing(name: str) -> bool:
    return name not in {"", "errors", "shared", *ROOF} and not name.startswith("core")


def source(module: str) -> str:
    return path_of(module).read_text(encoding="utf-8")


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
    """Full names: `from tokenbill import serial` names `tokenbill.serial`, as `import` of it does."""
    origin = ".".join(filter(None, ["tokenbill" if node.level else "", node.module]))
    return [f"{origin}.{alias.name}" for alias in node.names]


def siblings(module: str) -> set[str]:
    """The modules of the package that a module imports; the empty name is the package itself."""
    known, found = set(modules()), set[str]()
    for name, _ in imports(module):
        package, *parts = name.split(".")
        if package == "tokenbill":
            while ".".join(parts) not in known:
                parts.pop()
            found.add(".".join(parts))
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
    return []


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


def test_the_folders_of_the_core_are_its_floors():
    assert {path.name for path in (PACKAGE / "core").iterdir() if (path / "__init__.py").exists()} == set(
        FLOORS
    )


@pytest.mark.parametrize("module", [*core_modules(), "errors"])
def test_a_module_of_the_core_imports_from_its_own_folder_and_lower_floors(module):
    here = FLOORS[room(module).partition(".")[2]] if module != "errors" else 1
    others = {other for other in siblings(module) if room(other) != room(module) and other != "errors"}

    assert {other for other in others if not other.startswith("core.")} == set()
    assert {
        other for other in others if FLOORS[room(other).partition(".")[2]] >= here + (module == "errors")
    } == set()


@pytest.mark.parametrize("place", sorted({room(module) for module in modules()} - {""}))
def test_no_folder_holds_a_circle_of_imports(place):
    within = {module for module in modules() if room(module) == place}
    graph = {module: siblings(module) & within - {module} for module in within}

    assert set(TopologicalSorter(graph).static_order()) == within


@pytest.mark.parametrize("module", [module for module in modules() if room(module) == "shared"])
def test_what_wings_share_enters_no_wing(module):
    assert {other for other in siblings(module) if is_wing(room(other)) or room(other) in ROOF} == set()


@pytest.mark.parametrize("module", [module for module in modules() if is_wing(room(module))])
def test_a_wing_imports_no_other_wing(module):
    others = {room(other) for other in siblings(module)} - {room(module)}

    assert {other for other in others if is_wing(other) or other in ROOF} == set()


@pytest.mark.parametrize("module", [module for module in modules() if room(module) in ROOF])
def test_the_roof_enters_a_wing_by_its_face(module):
    assert {other for other in siblings(module) if is_wing(room(other)) and other != room(other)} == set()


@pytest.mark.parametrize("module", core_modules())
def test_the_core_imports_attrs_and_the_standard_library_only(module):
    assert {found.name.partition(".")[0] for found in strangers(module)} <= {"attrs"}


@pytest.mark.parametrize("module", [module for module in modules() if room(module) not in ROOF])
def test_another_package_is_imported_at_the_top_of_its_module(module):
    assert [found.name for found in strangers(module) if not found.at_top] == []


def test_coverage_is_asked_of_the_whole_core():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]

    assert settings["report"]["include"] == ["tokenbill/core/*"]
    assert settings["report"]["fail_under"] == 100


@pytest.mark.parametrize("path", ["pyproject.toml", "conftest.py", "mkdocs.yml"])
def test_no_module_is_listed_outside_the_package(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    inside = [module for module in modules() if module.count(".") and module != room(module)]

    assert [
        module
        for module in inside
        if f"tokenbill.{module}" in text or f"{module.replace('.', '/')}.py" in text
    ] == []


@pytest.mark.parametrize("module", modules())
def test_a_module_has_at_most_400_lines(module):
    assert lines(module) <= LONGEST_MODULE


@pytest.mark.parametrize("module", modules())
def test_a_function_has_at_most_40_lines_without_its_docstring(module):
    assert {each.name: length(each) for each in functions(module) if length(each) > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_is_about(module):
    assert ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", [module for module in modules() if definitions(module)])
def test_a_module_lists_its_public_names(module):
    assert exported(module)
    assert len(exported(module)) == len(set(exported(module)))


@pytest.mark.parametrize("place", sorted({module.rpartition(".")[0] for module in modules()}))
def test_a_face_exports_no_name_that_one_of_its_modules_bears(place):
    """Importing ``frames.files`` sets the attribute `files` of `frames`, whatever stood there before."""
    inside = {
        module.rpartition(".")[2] for module in modules() if module and module.rpartition(".")[0] == place
    }

    assert inside & set(exported(place)) == set()


@pytest.mark.parametrize("module", sorted(set(modules()) - {"core.money.decimals"}))
def test_only_decimals_touches_decimal_contexts(module):
    assert names_used(module) & CONTEXT_NAMES == set()


@pytest.mark.parametrize("module", sorted(set(modules()) - {"core.money.decimals"}))
def test_no_number_becomes_a_float(module):
    assert "float" not in functions_called(module)


def test_the_package_itself_is_nothing_but_imports_and_a_list_of_names():
    docstring, *statements = tree("").body
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

    assert {room(name) for name in loaded} <= {"core", "errors", *(f"core.{folder}" for folder in FLOORS)}


@pytest.mark.parametrize("module", sorted(set(modules()) - {""}))
def test_every_public_name_is_documented(module):
    public = {name: node for name, node in definitions(module).items() if name in exported(module)}

    assert [name for name, node in public.items() if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("module", core_modules())
def test_every_public_method_is_documented_by_its_class_or_by_the_one_it_comes_from(module):
    namespace = vars(importlib.import_module(f"tokenbill.{module}"))
    classes = [namespace[name] for name in exported(module) if isinstance(namespace[name], type)]
    methods = [getattr(owner, name) for owner in classes for name in public_methods(owner)]

    assert [method for method in methods if not inspect.getdoc(method)] == []
