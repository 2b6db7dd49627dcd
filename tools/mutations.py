"""What one changed token makes of a module: a comparison the other way, max for min, a number one more."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HOME = Path(__file__).parents[1] / ".mutants"
COPY = HOME / "copy"
"""The package as it was mapped, whose lines the map means."""
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
UNCHANGED = ast.Raise | ast.JoinedStr | ast.Assert
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """One change: where, what stands there, and what is put in its place."""

    module: str
    node: Any
    after: Any
    is_bound: bool

    @property
    def key(self) -> str:
        return f"{self.module}:{self.node.lineno}:{self.node.col_offset}: {ast.unparse(self.after)}"

    @property
    def lines(self) -> range:
        return range(self.node.lineno, self.node.end_lineno + 1)

    @property
    def around(self) -> range:
        return range(self.node.lineno - 5, self.node.end_lineno + 16)


def changes(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The node with one thing changed, and whether that is a bound: the comparisons money hangs on."""
    again: Any = copy.deepcopy(node)
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                again = copy.deepcopy(node)
                again.ops[place] = OTHER[type(operator)]()
                yield again, True
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OTHER:
            again.op = OTHER[type(node.op)]()
            yield again, False
        case ast.UnaryOp(op=ast.Not()):
            yield again.operand, False
        case ast.IfExp():
            again.body, again.orelse = again.orelse, again.body
            yield again, False
        case ast.Constant() if type(node.value) in (int, bool):
            again.value = not node.value if isinstance(node.value, bool) else again.value + 1
            yield again, False
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            again.func.id = NAMES[name]
            yield again, name in ("min", "max")
        case ast.Call(func=ast.Name(id="is_before"), args=[_, _]):
            again.args.reverse()
            yield ast.UnaryOp(op=ast.Not(), operand=again), True  # earlier, or at once
        case _:
            return


def walked(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that may be changed: no annotation, no text of an error, nothing for type checkers alone.

    Nor what is only there to fail where it never does: assertions, and ``strict=`` of zip.
    """
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, UNCHANGED):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            is_text = isinstance(child, ast.FunctionDef) and child.name in ("__repr__", "__str__")
            is_strict = isinstance(child, ast.keyword) and child.arg == "strict"
            if not (is_typing or is_text or is_strict):
                yield child
                yield from walked(child)


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    for node in walked(tree(module)):
        for after, is_bound in changes(node):
            yield Mutant(module, node, after, is_bound)


def named(module: str) -> Iterator[tuple[str, Mutant]]:
    """Every mutant by a name that stays when other lines of the module change.

    That is the module in its room, the function, and what is changed there; the second of two alike is #2.
    """
    seen = Counter[str]()
    owners: dict[ast.AST, str] = {}

    def own(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            is_named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            owners[child] = f"{name}.{child.name}".lstrip(".") if is_named else name
            own(child, owners[child])

    own(tree(module), "")
    for mutant in mutants(module):
        where = f"{module.removeprefix('tokenbill/core/')} {owners[mutant.node]}".rstrip()
        text = f"{where}: {ast.unparse(mutant.node)} -> {ast.unparse(mutant.after)}"
        seen[text] += 1
        yield (text if seen[text] == 1 else f"{text} #{seen[text]}"), mutant


@cache
def tree(module: str) -> ast.Module:
    """The module as it was mapped."""
    return ast.parse((COPY / module).read_text(encoding="utf-8"))


@contextmanager
def planted(mutant: Mutant) -> Iterator[ast.Module]:
    """The tree of the module with the mutant in it for a while; all else stands where it stood."""
    whole = tree(mutant.module)
    after = ast.fix_missing_locations(ast.copy_location(mutant.after, mutant.node))
    for node in ast.walk(whole):
        for name, value in ast.iter_fields(node):
            if value is mutant.node:
                setattr(node, name, after)
                yield whole
                setattr(node, name, mutant.node)
                return
            if isinstance(value, list) and any(one is mutant.node for one in value):
                setattr(node, name, [after if one is mutant.node else one for one in value])
                yield whole
                setattr(node, name, value)
                return


def asked_for(paths: list[str]) -> Iterator[Mutant]:
    """The mutants of the modules asked for."""
    for given in map(Path, paths):
        for path in sorted((COPY / given).rglob("*.py")) if given.suffix != ".py" else [COPY / given]:
            yield from mutants(path.relative_to(COPY).as_posix())
