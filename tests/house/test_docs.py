"""What the README and the pages of docs/ show is what happens: every example runs."""

import doctest
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import tokenbill
from tests.house.house import House, room
from tokenbill import errors

ROOT = Path(__file__).parents[2]
EVERY_PAGE = [*ROOT.glob("README*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in EVERY_PAGE if page.parent == ROOT or not page.name.endswith(".zh.md")]
NEEDS = {
    "prices-by-the-hour.md": ("numpy", "polars"),
    "rate-a-frame.md": ("numpy", "polars"),
    "showback.md": ("numpy", "polars"),
    "compare-plans-for-all-customers.md": ("numpy", "polars"),
    "bill-files-and-folders.md": ("numpy", "pyarrow"),
    "billing-at-scale.md": ("numpy", "pyarrow"),
    "export-focus.md": ("numpy", "polars"),
    "billing-service.md": ("sqlalchemy",),
    "draw-pictures.md": ("matplotlib",),
}
"""Packages that a page's examples need."""
REFERENCE = ROOT / "docs" / "reference"

FENCE = re.compile(r"^```.*$", re.MULTILINE)
DRAWN = re.compile(r"^::: (\S+)$", re.MULTILINE)
NAME = re.compile(r"`([A-Za-z_][\w.]*)(?:\(.*?\))?`")
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


LONGEST = 88
"""Most characters of a line of code: more would be cut on a page beside its navigation."""


def test_no_example_is_too_long_for_a_page():
    code = (path for path in (ROOT / "tokenbill").rglob("*.py") if "core" not in path.parts)
    shown = [*(page for page in PAGES if page.parent != ROOT), *code]
    lines = {
        f"{title(path)}: {line.strip()}"
        for path in shown
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith((">>> ", "... ")) and len(line.strip()) > LONGEST
    }

    assert lines == set()


PART = re.compile(r"^<!-- (README[\w.]*): (.+) -->$", re.MULTILINE)


def test_the_readme_in_chinese_has_examples_of_the_english_one():
    chinese, english = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.zh.md", "README.md"))

    for line in re.findall(r"^(?:>>>|\$) .*$", chinese, re.MULTILINE):
        assert line in english


def test_a_page_shows_parts_of_the_readme_that_exist():
    for page in EVERY_PAGE:
        for file, heading in PART.findall(page.read_text(encoding="utf-8")):
            assert re.search(rf"^##? {heading}$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.zh.md")), ids=title)
def test_a_page_in_chinese_has_the_examples_and_headings_of_the_english_one(page):
    """Its examples are taken from there, so they are written and run once."""
    chinese = page.read_text(encoding="utf-8")
    english = page.with_name(page.name.replace(".zh.md", ".md")).read_text(encoding="utf-8")

    assert "```" not in chinese
    assert chinese.count("<!-- code -->") == len(re.findall(r"^```\w+$", english, re.MULTILINE)), (
        "an example more or less: add or take a line <!-- code --> where it stands"
    )
    prose = re.sub(r"^```.*?^```$", "", english, flags=re.MULTILINE | re.DOTALL)
    if "<!-- code -->" in chinese:
        assert len(re.findall("^##+ ", chinese, re.M)) == len(re.findall("^##+ ", prose, re.M))


def test_the_readme_bills_a_file_and_runs_the_tests_in_its_first_two_commands():
    commands = re.findall(r"^\$ (.*)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert commands[0].startswith("pip install . && python -m tokenbill bill docs/usage.csv ")
    assert commands[1] == "pip install '.[test]' && pytest -n 2"


def public_modules() -> set[str]:
    """The package, its wings and the roof: whatever of the top folder is not the core or shared by wings."""
    wings = {path.parent.name for path in (ROOT / "tokenbill").glob("*/__init__.py")}
    wings |= {path.stem for path in (ROOT / "tokenbill").glob("[!_]*.py")}
    return {"tokenbill", *(f"tokenbill.{name}" for name in wings - {"core", "shared"})}


def test_every_public_module_has_a_page_of_reference():
    drawn = {module for page in REFERENCE.glob("*.md") for module in DRAWN.findall(page.read_text("utf-8"))}

    assert public_modules() <= drawn
    assert len(list(REFERENCE.glob("*.md"))) <= 22


def test_every_public_name_of_the_package_is_on_one_page_of_reference():
    texts = [page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")]
    pages = [text for text in texts if "::: tokenbill\n" in text]
    names = [name for text in pages for name in re.findall(r"^        - (\w+)$", text, re.MULTILINE)]

    assert sorted(names) == sorted(set(tokenbill.__all__) - set(errors.__all__))  # those have a page


def test_the_overview_of_the_reference_leads_to_each_of_its_pages():
    linked = re.findall(r"^\| \[.+?\]\((.+?)\) \|", (REFERENCE / "index.md").read_text("utf-8"), re.MULTILINE)

    assert sorted([*linked, "index.md"]) == sorted(page.name for page in REFERENCE.glob("*.md"))


def test_every_other_page_is_in_the_navigation():
    linked = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [page for page in PAGES if page.parent not in (ROOT, REFERENCE) or page == REFERENCE / "index.md"]

    assert sorted(linked) == sorted(str(page.relative_to(ROOT / "docs")) for page in pages)


@pytest.mark.parametrize("page", EVERY_PAGE, ids=title)
def test_a_page_imports_what_is_public(page):
    assert re.findall(r"(?:from|import) (tokenbill\.(?:core|shared)\S*)", page.read_text("utf-8")) == []


def test_the_picture_of_the_rooms_shows_all_of_them_and_no_other():
    page = (ROOT / "docs" / "explanation" / "design.md").read_text(encoding="utf-8")
    picture = page.partition("```text\n")[2].partition("```")[0]
    lines = [line[9:] if line.startswith("wings") else line[9:48] for line in picture.splitlines()]
    rooms = {room(module).removeprefix("core.") for module in House(ROOT / "tokenbill").modules}

    assert set(re.findall("[a-z]+", " ".join(lines))) == rooms - {"", "core", "errors", "__main__"}


GLOSSARY = ROOT / "docs" / "explanation" / "glossary.md"


@pytest.mark.parametrize("name", sorted(set(NAME.findall(GLOSSARY.read_text(encoding="utf-8")))))
def test_a_name_in_the_glossary_is_one_of_ours(name):
    value, path = tokenbill, name.partition("(")[0].split(".")
    if not hasattr(tokenbill, path[0]):
        value = importlib.import_module(f"tokenbill.{path.pop(0)}")
    for part in path:
        value = getattr(value, part)
