"""The name on the package index is ours, and nothing advises to install another project's code."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tokenbill.errors import MissingExtra
from tokenbill.frames.asking import ENGINES
from tokenbill.frames.engines import PACKAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADVISED = re.compile(r"pip3? +(?:install|download)[^\n`&;]*?[\s'\"]tokenbill\b|\btokenbill\[\w")
"""`tokenbill` as something to install, or with an extra."""
TEXTS = {".md", ".py", ".toml", ".yml", ".yaml", ".ipynb", ".txt", ".sh", ""}


def texts() -> list[Path]:
    """Every text of the project but the log of changes and this one."""
    folders = ("tokenbill", "tests", "docs", "tools", "benchmarks", ".ci")
    inside = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths = [path for path in (*ROOT.iterdir(), *inside) if path.is_file() and path.suffix in TEXTS]
    return sorted(path for path in paths if path.name not in {"CHANGELOG.md", Path(__file__).name})


def packages(requirements: list[str]) -> list[str]:
    """The names of requirements, with what they bring in brackets, without versions."""
    return [re.split(r"[<>=;~! ]", each)[0] for each in requirements]


def test_the_name_is_not_that_of_the_other_project():
    assert PROJECT["name"] == "exact-usage-billing"
    assert PROJECT["scripts"] == {"tokenbill": "tokenbill.cli:main"}


def test_nothing_advises_to_install_the_other_project():
    found = {path.relative_to(ROOT): ADVISED.findall(path.read_text(encoding="utf-8")) for path in texts()}

    assert {path: advice for path, advice in found.items() if advice} == {}


@pytest.mark.parametrize(
    "text", ["pip install tokenbill", "pip install 'tokenbill[toml]'", "tokenbill[toml]"]
)
def test_such_advice_would_be_found(text):
    assert ADVISED.search(text)


@pytest.mark.parametrize("text", ["pip install . && python -m tokenbill bill", "pip install '.[toml]'"])
def test_installing_from_the_checkout_is_no_such_advice(text):
    assert not ADVISED.search(text)


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_the_error_of_a_missing_extra_names_the_packages_that_the_extra_brings(extra):
    advice = str(MissingExtra("some-package", extra)).partition("pip install ")[2]

    assert packages(re.sub(r"'", "", advice).split()) == packages(PROJECT["optional-dependencies"][extra])


def imported(module: str, seen: set[str]) -> set[str]:
    """What a module of frames takes of the engines, and what those that it imports take."""
    seen.add(module)
    tree = ast.parse((ROOT / f"tokenbill/frames/{module}.py").read_text(encoding="utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found = {name.name for node in froms if node.module == "tokenbill.frames.engines" for name in node.names}
    for node in froms:
        _, frames, other = (node.module or "").rpartition("tokenbill.frames.")
        if frames and other not in seen:
            found |= imported(other, seen)
    return found


@pytest.mark.parametrize("engine", sorted(set(ENGINES.values())))
def test_an_extra_brings_all_that_its_engine_imports(engine):
    needed = {PACKAGES[name].partition(".")[0] for name in imported(engine, set()) if name in PACKAGES}

    assert needed - {"tqdm"} <= {
        re.sub(r"\[.*", "", it) for it in packages(PROJECT["optional-dependencies"][engine])
    }
