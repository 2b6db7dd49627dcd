"""A package as the rules of the house see it: its rooms, and what each module imports and exports."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

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

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Broken = dict[str, set[str]]
"""What breaks a rule, by module."""


class Import(NamedTuple):
    """One import: the full name of what is imported, and whether it stands outside all functions."""

    name: str
    at_top: bool


def imports_below(node: ast.AST, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(alias.name, at_top) for alias in names)
            case ast.ImportFrom():
                # `from tokenbill import serial` names `tokenbill.serial`, as `import` of it does.
                origin = ".".join(filter(None, ["tokenbill" if child.level else "", child.module]))
                yield from (Import(f"{origin}.{alias.name}", at_top) for alias in child.names)
            case _:
                yield from imports_below(child, at_top=at_top and not isinstance(child, FunctionNode))


def room(module: str) -> str:
    """`core.money` for `core.money.decimals`, `frames` for `frames.arrow`, `errors` for itself."""
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] == "core" else parts[:1])


def floor(module: str) -> int:
    """Of a module of the core; `errors` stands beside the ground, and quotes values with its words."""
    return FLOORS.get(room(module).partition(".")[2], 0) if module != "errors" else 2


def is_wing(name: str) -> bool:
    return name not in {"", "errors", "shared", *ROOF} and not name.startswith("core")


class House:
    """The modules below a folder, by their path in it: `core.money.decimals`; a folder by its own name."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self.tree = cache(lambda module: ast.parse(self.source(module)))
        self.siblings = cache(self._siblings)

    @cached_property
    def modules(self) -> list[str]:
        paths = (path.relative_to(self.package).with_suffix("").parts for path in self.package.rglob("*.py"))
        return sorted(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in paths)

    @property
    def core(self) -> list[str]:
        return [module for module in self.modules if module.startswith("core.")]

    def source(self, module: str) -> str:
        place = self.package.joinpath(*filter(None, module.split(".")))
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        return path.read_text(encoding="utf-8")

    def imports(self, module: str) -> list[Import]:
        return list(imports_below(self.tree(module), at_top=True))

    def _siblings(self, module: str) -> set[str]:
        """The modules of the package that a module imports; the empty name is the package itself."""
        known, found = set(self.modules), set[str]()
        for name, _ in self.imports(module):
            package, *parts = name.split(".")
            if package == "tokenbill":
                while ".".join(parts) not in known:
                    parts.pop()
                found.add(".".join(parts))
        return found

    def strangers(self, module: str) -> list[Import]:
        """Imports that are neither of the package nor of the standard library."""
        known = {"tokenbill", *sys.stdlib_module_names}
        return [found for found in self.imports(module) if found.name.partition(".")[0] not in known]

    def definitions(self, module: str) -> dict[str, FunctionNode | ast.ClassDef]:
        body = self.tree(module).body
        return {node.name: node for node in body if isinstance(node, FunctionNode | ast.ClassDef)}

    def exported(self, module: str) -> list[str]:
        for node in self.tree(module).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                    return list(ast.literal_eval(value))
        return []

    def broken(self, rule: Callable[[str], Iterable[str]], modules: Iterable[str] | None = None) -> Broken:
        """The modules, of those given or all, that break a rule, each with what breaks it."""
        found = {module: set(rule(module)) for module in (self.modules if modules is None else modules)}
        return {module: broken for module, broken in found.items() if broken}

    # The four rules. Each gives what breaks it, by module.

    def imports_up(self) -> Broken:
        """A module of the core imports from its own folder and from lower floors."""

        def higher(module: str) -> set[str]:
            others = {other for other in self.siblings(module) if room(other) != room(module)}
            # Errors are raised everywhere, and quote values in the words of the ground floor.
            others -= {"errors"}
            return {
                other for other in others if not other.startswith("core.") or floor(other) >= floor(module)
            }

        return self.broken(higher, [*self.core, "errors"])

    def circles(self) -> Broken:
        """No folder holds a circle of imports."""

        def circle(place: str) -> list[str]:
            within = {module for module in self.modules if room(module) == place}
            graph = {module: self.siblings(module) & within - {module} for module in within}
            try:
                TopologicalSorter(graph).prepare()
            except CycleError as error:
                return list(error.args[1])
            return []

        return self.broken(circle, sorted({room(module) for module in self.modules} - {""}))

    def back_doors(self) -> Broken:
        """A wing imports no other wing, what wings share none at all, and the roof enters one by its face."""

        def entered(module: str) -> set[str]:
            here = room(module)
            wings = {other for other in self.siblings(module) if is_wing(room(other)) and room(other) != here}
            roof = {other for other in self.siblings(module) if room(other) in ROOF and room(other) != here}
            if here in ROOF:
                return {other for other in wings if other != room(other)}
            return wings | roof

        outside = [module for module in self.modules if not module.startswith("core") and module != "errors"]
        return self.broken(entered, outside)

    def foreign_packages(self) -> Broken:
        """The core imports attrs and the standard library; elsewhere a package stands at a module's top."""

        def foreign(module: str) -> set[str]:
            if module.startswith("core.") or module in {"", "errors"}:
                return {
                    each.name for each in self.strangers(module) if each.name.partition(".")[0] != "attrs"
                }
            if room(module) in ROOF:
                return set()
            return {each.name for each in self.strangers(module) if not each.at_top}

        return self.broken(foreign)
