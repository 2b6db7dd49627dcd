"""The built site: examples are code, nothing is fetched from elsewhere, both languages are there."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 88
"""Most characters of a line of code: more would be cut on a page beside its navigation."""
FETCHING = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
LOADED = ("stylesheet", "icon", "preload", "modulepreload", "preconnect")
"""Links that a browser follows by itself."""

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page holds of quotes, code and things that a browser fetches."""

    def __init__(self, text):
        super().__init__()
        self.open, self.nested, self.codes, self.prompts_outside, self.fetched = Counter(), 0, [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open[tag] += 1
        self.nested += tag == "blockquote" and self.open[tag] > 1
        if tag == "code" and self.open["pre"]:
            self.codes.append("")
        attributes = dict(attrs)
        is_data = tag == "link" and attributes.get("rel") not in (
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
        )
        if tag in FETCHING and not is_data:
            self.fetched.append(attributes.get(FETCHING[tag]) or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open[tag] -= 1

    def handle_endtag(self, tag):
        self.open[tag] -= 1

    def handle_data(self, data):
        if self.open["pre"] and self.codes:
            self.codes[-1] += data
        elif not self.open["script"] and not self.open["style"] and not self.open["code"]:
            self.prompts_outside += data.count(">>> ")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in ("mkdocs", "material", "mkdocs_static_i18n", "mkdocstrings"):
        pytest.importorskip(package, reason="not run: install the group docs")
    if built := os.environ.get("TOKENBILL_SITE"):
        return Path(built)
    place = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    return place


@pytest.fixture(scope="module")
def pages(site):
    return {
        str(path.relative_to(site)): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")
    }


def test_no_example_is_a_quote(pages):
    assert {name for name, page in pages.items() if page.nested or page.prompts_outside} == set()


def test_every_example_of_a_docstring_is_in_a_block_of_code(pages):
    codes = "\n".join(code for name, page in pages.items() if "reference/" in name for code in page.codes)
    shown = set(re.findall(r"^>>> (.*?)\s*$", codes, re.MULTILINE))

    # bills.md lists its classes by name, so what they show is on a page, too
    from tokenbill import Bill, Invoice, Period, PerUnit

    for value in (Bill, Bill.to_html, Invoice, Period, PerUnit):
        examples = re.findall(r"^ *>>> (.*?)(?:  # doctest.*)?\s*$", value.__doc__, re.MULTILINE)
        assert examples
        assert set(examples) <= shown
    assert len(re.findall(r"^>>> ", codes, re.MULTILINE)) > 400


def test_no_line_of_code_is_too_long_for_a_page(pages):
    long = {
        (name, line)
        for name, page in pages.items()
        if not name.startswith("notebooks/")
        for code in page.codes
        for line in code.splitlines()
        # a command is one line, as the shell takes it
        if line.startswith((">>> ", "... ")) and len(line) > LONGEST
    }

    assert long == set()


def test_no_page_shows_what_only_the_tests_need(pages):
    for name, page in pages.items():
        codes = "\n".join(page.codes)
        assert "<BLANKLINE>" not in codes, name
        assert "# doctest:" not in codes, name


def test_nothing_is_fetched_from_elsewhere(site, pages):
    assert {url for page in pages.values() for url in page.fetched if re.match(r"(https?:)?//", url)} == set()
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", path.read_text(encoding="utf-8")), path.name


def test_a_search_finds_pages_in_both_languages(site):
    entries = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    found = {entry["location"].partition("#")[0] for entry in entries}

    assert {"reference/bills/", "how-to/send-an-invoice/"} <= found
    # a page that is not translated is the same in both, and found once
    chinese = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.zh.md")]
    places = {str(path.parent / path.name.removesuffix(".zh.md")) for path in chinese} - {"index"}
    assert {f"zh/{place}/" for place in places} <= found
