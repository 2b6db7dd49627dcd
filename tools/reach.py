"""Which test reaches which line of the package, and which tests are asked for a mutant."""

from __future__ import annotations

import gc
import importlib
import marshal
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from time import process_time
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from mutations import COPY, HOME, Mutant

ROOT = Path(__file__).parents[1]
MAP = HOME / "map"
FEW, MANY = 10, 30
"""How many examples a law is tried on, and when it is tried again."""
NEAR = 3
"""How many tests are asked first of each branch near a mutant."""


class Test(NamedTuple):
    """A test as it was mapped: its name, how long it took, and how many lines it reached."""

    name: str
    seconds: float
    reach: int


def functions(code: CodeType) -> Iterator[CodeType]:
    """The code of each function below, whatever it stands in."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from functions(constant)


def live_functions() -> list[FunctionType]:
    """Every function of the copy's package that is in memory now."""
    return [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(f"{COPY}/tokenbill/")
    ]


class Reach:
    """A plugin of pytest: which test reaches which line of the package, and how long it takes."""

    def __init__(self) -> None:
        self.tests = list[Test]()
        self.reached = defaultdict[tuple[str, int], int](int)
        self.lines = set[tuple[str, int]]()
        self.is_failed = False

    def pytest_collection_finish(self) -> None:
        events = sys.monitoring.events.LINE
        sys.monitoring.use_tool_id(4, "mutants")
        sys.monitoring.register_callback(4, events, self.noted)
        for function in live_functions():
            for code in (function.__code__, *functions(function.__code__)):
                sys.monitoring.set_local_events(4, code, events)

    def noted(self, code: CodeType, line: int) -> Any:
        self.lines.add((code.co_filename, line))
        return sys.monitoring.DISABLE  # until the next test

    def pytest_runtest_logstart(self) -> None:
        self.lines.clear()
        self.is_failed = False
        sys.monitoring.restart_events()
        self.start = process_time()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.is_failed |= report.failed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self.is_failed:  # without a mutant: it would say nothing of one
            return
        bit = 1 << len(self.tests)
        self.tests.append(Test(nodeid, process_time() - self.start, len(self.lines)))
        for place in self.lines:
            self.reached[place] |= bit

    def pytest_sessionfinish(self) -> None:
        sys.monitoring.free_tool_id(4)


class Profile:
    """A plugin of pytest: laws are tried on the same few examples each time, and none is made smaller."""

    def __init__(self, examples: int) -> None:
        self.examples = examples

    def pytest_load_initial_conftests(self) -> None:
        hypothesis: Any = importlib.import_module("hypothesis")
        hypothesis.settings.register_profile(
            "mutants",
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )


def tested(folder: Path, arguments: list[str], *plugins: object, examples: int) -> int:
    """What pytest's run in a copy ends with."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    pytest: Any = importlib.import_module("pytest")
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=native"]
    return int(pytest.main([*options, *arguments], plugins=[Profile(examples), *plugins]))


def mapped(paths: list[str]) -> None:
    """Copy the package, run tests there once, and keep which of them reached which line."""
    HOME.mkdir(exist_ok=True)
    rmtree(COPY, ignore_errors=True)
    for name in ("tokenbill", "tests", "docs", "tools", "benchmarks"):
        copytree(ROOT / name, COPY / name, ignore=ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.py"), *ROOT.glob("*.md")):
        (COPY / path.name).write_bytes(path.read_bytes())
    reach = Reach()
    tested(COPY, paths, reach, examples=FEW)
    kept = {
        "paths": paths,
        "tests": [tuple(test) for test in reach.tests],
        "reached": {
            (Path(file).relative_to(COPY).as_posix(), line): tests
            for (file, line), tests in reach.reached.items()
        },
    }
    MAP.write_bytes(marshal.dumps(kept))


class Known:
    """The map: which tests are to be asked for a mutant, and in which order."""

    def __init__(self, *, again: bool = False) -> None:
        self.again = again
        kept = marshal.loads(MAP.read_bytes())
        self.paths: list[str] = kept["paths"]
        self.tests = [Test(*test) for test in kept["tests"]]
        self.reached: dict[tuple[str, int], int] = kept["reached"]
        self.noticed = defaultdict[str, list[Test]](list)

    def asked(self, mutant: Mutant, seconds: float) -> list[Test]:
        """The tests that reach the mutant, or its module; first what noticed the last ones there."""
        masks = [self.reached.get((mutant.module, line), 0) for line in mutant.around]
        mask = 0
        for line in mutant.lines:
            mask |= self.reached.get((mutant.module, line), 0)
        if not mask:
            for (module, _), more in self.reached.items():
                mask |= more if module == mutant.module else 0
        known = self.ordered(mutant.module, mask)
        lately = [test for test in reversed(self.noticed[mutant.module][-8:]) if test in known]
        # some tests of each branch nearby: what a condition lets pass may matter to few of those that meet it
        near = [
            test
            for branch in dict.fromkeys(masks)
            for test in islice((test for test, place in known.items() if branch >> place & 1), NEAR)
        ]
        chosen = list[Test]()
        for test in dict.fromkeys([*lately, *near, *known]):
            if test.seconds <= seconds:
                seconds -= test.seconds + 0.002
                chosen.append(test)
        return chosen

    @cache  # noqa: B019
    def ordered(self, module: str, mask: int) -> dict[Test, int]:
        """The tests of a mask, with their places: of the module's own file, short and specific ones first.

        When they are asked again it is the other way round: those that reach much come first.
        """
        own = module.replace("tokenbill/", "tests/").rpartition("/")
        own_file = f"{own[0]}/test_{own[2]}"
        places = {test: place for place, test in enumerate(self.tests) if mask >> place & 1}

        def cost(test: Test) -> float:
            reach = 1 / test.reach if self.again else test.reach * (0.2 if own_file in test.name else 1)
            return (0.003 + test.seconds) * reach

        found = sorted(places, key=cost)
        # a test of a hundred cases is asked case by case, between the others
        cases = Counter[str]()
        rank = dict[Test, tuple[int, int]]()
        for place, test in enumerate(found):
            name = test.name.partition("[")[0]
            rank[test] = (cases[name], place) if self.again else (place * (1 + cases[name]), place)
            cases[name] += 1
        return {test: places[test] for test in sorted(found, key=rank.__getitem__)}
