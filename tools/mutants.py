"""Change one token of the package at a time, and see whether a test that reaches the line notices.

    python tools/mutants.py map tests/core tests/laws             # which test reaches which line
    python tools/mutants.py run tokenbill/core/pricing/tiers.py   # goes on where it was stopped
    python tools/mutants.py run --bounds tokenbill/core           # comparisons, min and max only
    python tools/mutants.py run --again tokenbill/core            # the alive once more, with more time
    python tools/mutants.py load tokenbill/core                   # what only runs on import
    python tools/mutants.py report                                # noticed, equivalent, alive, and which

Everything is kept in ``.mutants``, the mapped package too, and a new map begins from the start.
``run`` collects the tests once; each mutant is a child of that process in which the changed function gets its
new code. What only runs on import waits for ``load``, where a fresh pytest reads the changed file.
Text of errors is left alone, for tests ask their codes; so are annotations.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import os
import signal
import sys
import tomllib
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from shutil import copytree, rmtree
from types import CodeType, FunctionType
from typing import Any

from mutations import COPY, HOME, Mutant, asked_for, named, planted, tree
from reach import FEW, MANY, Known, Test, functions, live_functions, mapped, tested

RESULTS, WORK = HOME / "results.jsonl", HOME / "work"
"""What was found so far; and the package with one mutant in it."""
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
"""The mutants that were read and change nothing, by the reason why."""
SECONDS, AGAIN = 1.0, 3.0
"""How long the tests of one mutant may take when the package is whole; and those of one tried again."""
FILES = 4
"""How many files of tests are read for a mutant that acts on import."""
PATIENCE = 10
"""How many times as long a test may take with a mutant in it, before it counts as noticed."""


def waited(child: int) -> str:
    """The verdict that a child's end gives."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed by time" if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM) else "killed"
    return {0: "alive", 1: "killed", 2: "killed"}.get(os.waitstatus_to_exitcode(status), "unreached")


def hurried(seconds: float) -> None:
    """End this process when it has worked so long; or waits, as for a lock, for many times that."""
    signal.setitimer(signal.ITIMER_PROF, 2 + PATIENCE * seconds)
    signal.alarm(300)


@cache
def compiled(module: str) -> dict[tuple[str, int], CodeType]:
    """The code of each function of a module as it was mapped, by its name and first line."""
    whole = compile(tree(module), str(COPY / module), "exec", dont_inherit=True)
    return {(code.co_qualname, code.co_firstlineno): code for code in functions(whole)}


class Run:
    """A plugin of pytest: instead of running the tests it collected, try mutants on them."""

    def __init__(self, known: Known, left: list[Mutant], seconds: float) -> None:
        self.known = known
        self.left = left
        self.seconds = seconds
        self.whole = set[str]()

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.live = defaultdict[tuple[str, str, int], list[FunctionType]](list)
        for module in {mutant.module for mutant in self.left}:
            importlib.import_module(module.removesuffix(".py").replace("/", "."))  # some are imported late
        for function in live_functions():
            code = function.__code__
            self.live[code.co_filename, code.co_qualname, code.co_firstlineno].append(function)
        for thing in gc.get_objects():
            if "tokenbill." in str(getattr(thing, "__module__", "")) and hasattr(thing, "cache_clear"):
                thing.cache_clear()
        gc.freeze()  # so that children copy less
        for mutant in self.left:
            tell(mutant, *self.verdict(session, mutant))
        return True

    def changed(self, mutant: Mutant) -> dict[FunctionType, CodeType]:
        """The functions that the mutant changes, with their new code; none where it acts on import."""
        file = str(COPY / mutant.module)
        before = compiled(mutant.module)
        with planted(mutant) as tree_of_mutant:
            whole = compile(tree_of_mutant, file, "exec", dont_inherit=True)
        return {
            function: code
            for code in functions(whole)
            if code != before[code.co_qualname, code.co_firstlineno]
            for function in self.live[file, code.co_qualname, code.co_firstlineno]
        }

    def verdict(self, session: Any, mutant: Mutant) -> tuple[str, str]:
        """What a child found that has the mutant's code, and the test it ended with."""
        changed = self.changed(mutant)
        tests = [test for test in self.known.asked(mutant, self.seconds) if test.name in self.items]
        if not changed or not tests:
            return "on import" if tests else "unreached", ""
        if mutant.module not in self.whole:
            self.whole.add(mutant.module)
            found, name = self.found(session, {}, tests)
            if found != "alive":
                raise SystemExit(f"{name} fails without a mutant")
        found, name = self.found(session, changed, tests)
        if found.startswith("killed"):
            self.known.noticed[mutant.module].append(next(test for test in tests if test.name == name))
        return found, name

    def found(
        self, session: Any, changed: dict[FunctionType, CodeType], tests: list[Test]
    ) -> tuple[str, str]:
        """How a child ends that runs some tests, and the last of them."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            for function, code in changed.items():
                function.__code__ = code
            items = [self.items[test.name] for test in tests]
            for place, (item, after) in enumerate(zip(items, [*items[1:], None], strict=True)):
                os.write(writer, place.to_bytes(4))
                hurried(tests[place].seconds * MANY / FEW)
                item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
                if session.testsfailed:
                    os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            told = stream.read()
        return waited(child), tests[int.from_bytes(told[-4:])].name


def tell(mutant: Mutant, found: str, test: str) -> None:
    """Keep a verdict; the last one of a mutant is what counts."""
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"key": mutant.key, "verdict": found, "test": test}) + "\n")


def run(paths: list[str], *, bounds: bool, again: bool) -> None:
    """Try each mutant of the modules asked for that has no verdict yet, or each that is alive."""
    done = results()
    wanted = "alive" if again else ""
    left = [one for one in asked_for(paths) if done.get(one.key, {}).get("verdict", "") == wanted]
    left = [one for one in left if one.is_bound or not bounds]
    known = Known(again=again)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    plugin = Run(known, left, AGAIN if again else SECONDS)
    tested(COPY, known.paths, plugin, examples=MANY if again else FEW)


def load(paths: list[str]) -> None:
    """Try what acts on import: the file is changed, a fresh pytest reads it."""
    for name in ("pytest", "attrs", "zoneinfo"):  # not Hypothesis, which pytest has to see first
        importlib.import_module(name)
    known, whole = Known(), set[str]()
    rmtree(WORK, ignore_errors=True)
    copytree(COPY, WORK)
    done = results()
    for mutant in asked_for(paths):
        if done.get(mutant.key, {}).get("verdict") != "on import":
            continue
        names = [test.name for test in known.asked(mutant, AGAIN)]
        files = list(dict.fromkeys(name.partition("::")[0] for name in names))[:FILES]
        names = [name for name in names if name.startswith(tuple(files))]
        if mutant.module not in whole:
            whole.add(mutant.module)
            if loaded(mutant.module, ast.unparse(tree(mutant.module)), names) != "alive":
                raise SystemExit(f"the tests of {mutant.module} fail without a mutant")
        with planted(mutant) as tree_of_mutant:
            text = ast.unparse(tree_of_mutant)
        tell(mutant, loaded(mutant.module, text, names), "")


def loaded(module: str, text: str, names: list[str]) -> str:
    """The verdict of tests on a module with another text."""
    path = WORK / module
    before = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    child = os.fork()
    if not child:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        hurried(AGAIN)
        os._exit(tested(WORK, ["-x", *names], examples=FEW))
    found = waited(child)
    path.write_text(before, encoding="utf-8")
    return found


def results() -> dict[str, dict[str, str]]:
    """What was found so far, by the mutant's key."""
    if not RESULTS.exists():
        return {}
    told = map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())
    return {line["key"]: line for line in told}


def main() -> None:
    """Map, run, try again or report."""
    what, *given = sys.argv[1:] or ["report"]
    match what:
        case "map":
            RESULTS.unlink(missing_ok=True)
            mapped(given)
        case "run":
            paths = [path for path in given if not path.startswith("--")]
            run(paths, bounds="--bounds" in given, again="--again" in given)
        case "load":
            load(given)
        case _:
            report()


def report() -> None:
    """How many mutants there are by room, which change nothing and why, and which nobody noticed."""
    known, told = results(), tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    reasons = {name: kind for kind, its in told.items() for name in its["mutants"]}
    rooms = defaultdict[str, Counter[str]](Counter)
    kinds, alive = Counter[str](), list[str]()
    for path in sorted((COPY / "tokenbill/core").rglob("*.py")):
        for name, mutant in named(path.relative_to(COPY).as_posix()):
            verdict = known.get(mutant.key, {}).get("verdict", "not tried")
            # noticed is noticed, whatever was thought of it before
            kind = "noticed" if verdict.startswith("killed") else "equivalent" if name in reasons else verdict
            rooms[name.partition("/")[0]][kind] += 1
            if kind == "equivalent":
                kinds[reasons[name]] += 1
            elif kind != "noticed":
                alive.append(f"{mutant.node.lineno}: {name} [{verdict}]")
    rooms["all"] = sum(rooms.values(), Counter[str]())
    for room, counts in rooms.items():
        left = max(counts.total() - counts["equivalent"], 1)
        share = f"{counts['noticed'] / left:.1%}"
        print(f"| {room} | {counts.total()} | {counts['equivalent']} | {counts['noticed']} | {share} |")
    for kind, count in kinds.most_common():
        print(f"| {kind} | {told[kind]['why']} | {count} |")
    print(*alive, sep="\n")


if __name__ == "__main__":
    main()
