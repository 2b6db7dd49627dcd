"""Change one token of the package at a time, and see whether a test that reaches the line notices.

    python tools/mutants.py map tests/core/pricing tests/laws     # which test reaches which line
    python tools/mutants.py run tokenbill/core/pricing/tiers.py   # goes on where it was stopped
    python tools/mutants.py run --bounds tokenbill/core           # comparisons, min and max only
    python tools/mutants.py report                                # killed, alive, and which

Everything is kept in ``.mutants``, the mapped package too, and a new map begins from the start.
Run it with ``nice -n 19``: a mutant takes a second or two. Text of errors is left alone, for tests ask
their codes; so are annotations.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".mutants"
MAP, RESULTS = HOME / "map", HOME / "results.jsonl"
COPY, WORK = HOME / "copy", HOME / "work"
"""The package as it was mapped, whose lines the map means; and the same with one mutant in it."""
SECONDS, TESTS = 90, 60
"""Longest time of one mutant, and the most tests that are asked for it."""
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
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """One change: where, what stands there, and what is put in its place."""

    module: str
    line: int
    column: int
    end: tuple[int, int]
    after: str
    is_bound: bool

    @property
    def key(self) -> str:
        return f"{self.module}:{self.line}:{self.column}: {self.after}"


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
    """The nodes that may be changed: no annotation, no text of an error, nothing for type checkers alone."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.Raise | ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            is_text = isinstance(child, ast.FunctionDef) and child.name in ("__repr__", "__str__")
            if not is_typing and not is_text:
                yield child
                yield from walked(child)


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    module = path.relative_to(COPY).as_posix()
    for node in walked(ast.parse(path.read_text(encoding="utf-8"))):
        for after, is_bound in changes(node):
            place: Any = node
            end = (place.end_lineno, place.end_col_offset)
            yield Mutant(module, place.lineno, place.col_offset, end, f"({ast.unparse(after)})", is_bound)


def planted(mutant: Mutant, text: str) -> str:
    """The text of the module with the mutant in it; columns of the tree count bytes."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    last = lines[mutant.end[0] - 1][mutant.end[1] :]
    first = lines[mutant.line - 1][: mutant.column]
    middle = first + mutant.after.encode() + last
    return b"".join([*lines[: mutant.line - 1], middle, *lines[mutant.end[0] :]]).decode()


def nothing_at(mutant: Mutant) -> Mutant:
    """A mutant that puts nothing before the first token of the module."""
    return mutant._replace(line=1, column=0, end=(1, 0), after="")


def mapped(paths: list[str]) -> None:
    """Copy the package, run tests there once, and keep which of them reached which line."""
    HOME.mkdir(exist_ok=True)
    rmtree(COPY, ignore_errors=True)
    RESULTS.unlink(missing_ok=True)
    for name in ("tokenbill", "tests", "docs"):
        copytree(ROOT / name, COPY / name, ignore=ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.py"), *ROOT.glob("*.md")):
        (COPY / path.name).write_bytes(path.read_bytes())
    settings = HOME / "coveragerc"
    settings.write_text("[run]\nsource = tokenbill\ndynamic_context = test_function\n", encoding="utf-8")
    coverage = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", f"--data-file={MAP}"]
    subprocess.run([*coverage, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths], cwd=COPY, check=True)


def reaching(data: Any, mutant: Mutant) -> list[str]:
    """The tests that reach the mutant; those of the whole module where its line runs on import only."""
    by_line: dict[int, list[str]] = data.contexts_by_lineno(str(COPY / mutant.module))
    found = [name for name in by_line.get(mutant.line, []) if name]
    found = found or sorted({name for names in by_line.values() for name in names if name})
    nodes = list[str]()
    for name in found[:TESTS]:
        *path, test = name.split(".")
        file = Path(*path).with_suffix(".py")
        if (COPY / file).exists():
            nodes.append(f"{file.as_posix()}::{test}")
    return nodes


def verdict(mutant: Mutant, tests: list[str]) -> str:
    """Plant the mutant in the copy, and run the tests in a child that has imported what all need."""
    if not tests:
        return "unreached"
    module = WORK / mutant.module
    text = module.read_text(encoding="utf-8")
    module.write_text(planted(mutant, text), encoding="utf-8")
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        os.chdir(WORK)
        sys.path.insert(0, str(WORK))
        sys.dont_write_bytecode = True
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        pytest: Any = importlib.import_module("pytest")
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    _, status = os.waitpid(child, 0)
    module.write_text(text, encoding="utf-8")
    if os.WIFSIGNALED(status):
        return "killed by time"
    found = {0: "alive", 1: "killed", 2: "killed", 5: "unreached"}.get(os.waitstatus_to_exitcode(status))
    if found is None:
        raise SystemExit(f"pytest could not run {' '.join(tests)}")
    return found


def run(asked: list[str], *, bounds: bool) -> None:
    """Try each mutant of the modules asked for that has no verdict yet."""
    coverage: Any = importlib.import_module("coverage")
    for name in ("pytest", "attrs", "zoneinfo"):  # pytest itself has to be first to see Hypothesis
        importlib.import_module(name)
    data = coverage.CoverageData(str(MAP))
    data.read()
    rmtree(WORK, ignore_errors=True)
    copytree(COPY, WORK)
    known = {line["key"] for line in results()}
    for given in map(Path, asked):
        for path in sorted((COPY / given).rglob("*.py")) if given.suffix != ".py" else [COPY / given]:
            left = [mutant for mutant in mutants(path) if mutant.key not in known]
            if bounds:
                left = [mutant for mutant in left if mutant.is_bound]
            for place, mutant in enumerate(left):
                tests = reaching(data, mutant)
                if not place and verdict(nothing_at(mutant), tests) not in ("alive", "unreached"):
                    raise SystemExit(f"the tests of {mutant.module} fail without a mutant")
                told = {"key": mutant.key, "verdict": verdict(mutant, tests)}
                with RESULTS.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(told) + "\n")


def results() -> list[dict[str, str]]:
    """What was found so far."""
    return (
        [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
        if RESULTS.exists()
        else []
    )


def main() -> None:
    """Map, run or report."""
    what, *given = sys.argv[1:] or ["report"]
    if what == "map":
        mapped(given)
    elif what == "run":
        run([path for path in given if path != "--bounds"], bounds="--bounds" in given)
    else:
        found = results()
        for line in found:
            if not line["verdict"].startswith("killed"):
                print(f"{line['verdict']}: {line['key']}")
        by_module = Counter((line["key"].partition(":")[0], line["verdict"]) for line in found)
        for (module, verdict_), count in sorted(by_module.items()):
            print(f"{module}: {count} {verdict_}")


if __name__ == "__main__":
    main()
