"""Where tests lie, and how they import what they share; tests/README.md says it in words."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("*.py"))
WRONG = re.compile(r"^\.|\.test_")
"""What is imported by its place, or out of another test."""
FIXED = re.compile(r"max_examples=\d")


def imported(path: Path) -> set[str]:
    """The modules of tests that a module of tests imports, and dots for what it imports by its place."""
    nodes = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)
    ]
    names = {node.module for node in nodes if (node.module or "").partition(".")[0] == "tests"}
    return names | {"." * node.level for node in nodes if node.level}


def test_the_folders_of_tests_are_those_of_the_package_and_few_more():
    folders = {path.name for path in (TESTS / "core").iterdir() if path.is_dir()} - {"__pycache__"}
    rooms = {path.name for path in (ROOT / "tokenbill" / "core").iterdir()}
    top = {path.name for path in TESTS.iterdir() if path.is_dir()} - {"__pycache__"}

    assert folders <= rooms
    assert top == {
        "core", "fuzz", "house", "laws", "oracle", "roof", "shared", "stored", "support", "vectors", "wings",
    }  # fmt: skip


def test_helpers_are_imported_by_their_full_names_and_no_test_imports_another():
    wrong = {
        str(path.relative_to(ROOT)): [
            name for name in imported(path) if re.search(r"^\.|\.test_|^tests$", name)
        ]
        for path in MODULES
    }

    assert {path: names for path, names in wrong.items() if names} == {}


def test_how_many_examples_a_law_is_tried_on_is_up_to_the_profile():
    fixed = {
        str(path.relative_to(ROOT)): re.findall(r"max_examples=\d+", path.read_text("utf-8"))
        for path in MODULES
    }

    assert {path: numbers for path, numbers in fixed.items() if numbers} == {}
