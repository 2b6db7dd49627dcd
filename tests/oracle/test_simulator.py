"""Bills at random beside an oracle that shares no code with the package; a failing seed replays."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle import oracle
from tests.oracle.simulator import main, simulated, simulation, told
from tests.oracle.stories import DIRECTIONS, Story

TESTS = Path(__file__).parent
BILLS = int(os.environ.get("TOKENBILL_SIMULATED", "1000"))
SEED = 20_261_123
"""Where the stories begin; each of the next seeds is one of them."""


def test_the_package_and_the_oracle_bill_the_same_lives():
    made, difference = simulation(SEED, BILLS)

    assert difference is None, difference
    assert made >= BILLS


@pytest.mark.parametrize(
    "module",
    ["oracle", "stories", "contracts", "contract_items", "contract_stories", "contract_versions"],
)
def test_the_oracle_and_the_stories_share_no_code_with_the_package(module):
    nodes = list(ast.walk(ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported = {*plain, *(node.module for node in nodes if isinstance(node, ast.ImportFrom))}

    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "tests"}
    assert {name for name in imported if name.startswith("tests")} <= {
        "tests.oracle",
        "tests.oracle.contract_items",
        "tests.oracle.contract_versions",
        "tests.oracle.oracle",
        "tests.oracle.stories",
    }


@pytest.mark.parametrize("seed", [3, 37, 75])
def test_a_seed_says_the_same_bytes_in_every_process(seed):
    command = [sys.executable, "-m", "tests.oracle.simulator", "--seed", str(seed), "--tell"]
    surroundings = [{"PYTHONHASHSEED": "1", "TZ": "UTC"}, {"PYTHONHASHSEED": "2", "TZ": "Asia/Shanghai"}]

    here = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    runs = [
        subprocess.run(command, env=here | more, capture_output=True, check=False) for more in surroundings
    ]

    assert runs[0].stdout == runs[1].stdout
    assert [run.returncode for run in runs] == [0, 0]
    assert runs[0].stdout.startswith(b"seed %d, answer " % seed)


def test_a_difference_is_found_and_replays_byte_for_byte(monkeypatch, capsys):
    monkeypatch.setitem(oracle.PRICES, "flat", lambda q, amount, at_zero: oracle.Fraction(amount))

    made, difference = simulation(SEED, 2000)
    first, _, _ = difference.partition("\n")
    seed = int(first.removeprefix("seed ").partition(",")[0])

    run, agreed = simulated(seed)
    assert not agreed
    assert made < 2000
    assert told(seed, run, run.answers[-1:]) == difference
    assert (main(["--seed", str(seed)]), capsys.readouterr().out) == (1, f"{difference}\n")


def test_a_run_without_a_difference_says_how_many_bills_it_made(capsys):
    assert main(["--seed", "1", "--bills", "10"]) == 0
    assert capsys.readouterr().out.endswith(" bills, 0 differences\n")


def told_of(value):
    """Every name, text and flag in a story, each with the key that it stands under."""
    if isinstance(value, dict):
        return {(key, str(item)) for key, item in value.items()}.union(*map(told_of, value.values()))
    if isinstance(value, list):
        return {("item", str(item)) for item in value}.union(*map(told_of, value))
    return set()


REACHED = {
    "item": [
        *oracle.PRICES,
        "usage",
        "fee",
        "minimum",
        "gpu{m=x}",
        "priority",
        "created",
        "larger",
        "scoped",
    ],
    "round": DIRECTIONS,
    "mode": ["half_up", "half_even", "up", "down"],
    "stage": ["bill", "line"],
    "tax": ["total", "line"],
    "kind": ["paid", "promotional"],
    "currency": ["USD", "JPY", "BHD", "TOKEN"],
    "overage": ["bill", "refuse"],
    "inclusive": [True, False],
    "due": ["advance", "arrears"],
    "unit": ["percent", "fixed", "day", "week", "month", "quarter", "year"],
    "proration": ["day", "second"],
    "prorated": [True, False],
    "prorate_included": [True, False],
    "keep": ["memo", "evolved", "stored", "edited"],
}
"""What stories must tell of; a generator that leaves something out would be silent about it."""


@pytest.fixture(scope="module")
def all_told():
    return set().union(*(told_of(Story(seed).told()) for seed in range(SEED, SEED + 600)))


@pytest.mark.parametrize("key", REACHED)
def test_stories_tell_of_all_that_a_plan_and_a_balance_can_be(key, all_told):
    assert {(key, str(value)) for value in REACHED[key]} <= all_told
