"""What the README and the pages of docs/ show is what happens: every example runs."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NEEDS = {"rate-a-frame.md": ("numpy", "polars"), "billing-at-scale.md": ("numpy", "pyarrow")}
"""Packages that a page's examples need."""
REFERENCE = ROOT / "docs" / "reference"

FENCE = re.compile(r"^```.*$", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


def examples(page: Path) -> doctest.DocTest:
    """The examples of a page, which share their names; a fence ends the output above it."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, title(page), title(page), 0)


def sessions(page: Path) -> list[tuple[str, str]]:
    """Each command that a page shows beside its output: lines after a `$ `, up to the next one."""
    blocks = CONSOLE.findall(page.read_text(encoding="utf-8"))
    shown = [
        part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)
    ]
    return [(command, output) for command, _, output in shown if output]


def printed_by(command: str) -> str:
    """What a command prints that calls `python -m tokenbill`, installed or not."""
    program, *arguments = shlex.split(command.rpartition("&& ")[2])
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_example_of_a_page_gives_what_is_shown(page, monkeypatch):
    report = []
    for package in NEEDS.get(page.name, ()):
        pytest.importorskip(package, reason=f"not run: install {package}")
    monkeypatch.chdir(ROOT)

    result = doctest.DocTestRunner(verbose=False).run(examples(page), out=report.append)

    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("page", [page for page in PAGES if sessions(page)], ids=title)
def test_each_command_of_a_page_prints_what_is_shown_below_it(page):
    for command, output in sessions(page):
        assert printed_by(command) == output


def test_the_readme_bills_a_file_and_runs_the_tests_in_its_first_two_commands():
    commands = re.findall(r"^\$ (.*)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert commands[0].startswith("pip install . && python -m tokenbill bill docs/usage.csv ")
    assert commands[1] == "pip install '.[test]' && pytest"


def test_every_module_has_a_page_of_reference():
    wings = {path.parent.name for path in (ROOT / "tokenbill").glob("*/__init__.py")}
    modules = {"tokenbill", *wings, *(path.stem for path in (ROOT / "tokenbill").glob("[!_]*.py"))}
    modules -= {"core", "shared", "cli"}

    assert modules == {path.stem for path in REFERENCE.glob("*.md")}


@pytest.mark.parametrize("page", sorted(REFERENCE.glob("*.md")), ids=title)
def test_a_page_of_reference_is_drawn_from_its_module(page):
    name = "tokenbill" if page.stem == "tokenbill" else f"tokenbill.{page.stem}"

    assert f"::: {name}\n" in page.read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation():
    linked = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(linked) == sorted(str(page.relative_to(ROOT / "docs")) for page in PAGES[1:])
