"""A hook of MkDocs: the navigation of the reference, and examples as readers want them."""

import re
from pathlib import Path
from typing import Any

GROUP_OR_PAGE = re.compile(r"^## (?P<group>.+)$|^\| \[(?P<title>.+?)\]\((?P<page>.+?\.md)\) \|", re.MULTILINE)
SESSION = re.compile(r"^```python\n(?=>>> )", re.MULTILINE)
DIRECTIVE = re.compile(r"  # doctest: \+\w+(?=$)", re.MULTILINE)
PART = re.compile(r"^<!-- (?P<file>README[\w.]*): (?P<title>.+) -->$", re.MULTILINE)


def part_of(text: str, title: str) -> str:
    """A section of README, below its title in a page of docs/; the first one without it."""
    parts = dict(re.findall(r"^##? ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    head = "" if text.startswith(f"# {title}\n") else f"## {title}\n"
    return head + re.sub(r"\]\(docs/", "](", parts[title]).rstrip()


def on_config(config: Any) -> Any:
    """Put the groups of pages below the overview of the reference, which the navigation ends with."""
    overview = (Path(config.docs_dir) / "reference" / "index.md").read_text(encoding="utf-8")
    groups: list[dict[str, list[dict[str, str]]]] = []
    for found in GROUP_OR_PAGE.finditer(overview):
        if found["group"]:
            groups.append({found["group"]: []})
        else:
            [pages] = groups[-1].values()
            pages.append({found["title"].replace("`", ""): f"reference/{found['page']}"})
    reference = next(iter(config.nav[-1].values()))
    if len(reference) == 1:  # the hook is called for each language
        reference += groups
    return config


def on_page_markdown(markdown: str, config: Any, **_: Any) -> str:
    """Sections of README stand where a page asks for them; examples are sessions, without what tests need."""
    root = Path(config.docs_dir).parent
    markdown = PART.sub(
        lambda found: part_of((root / found["file"]).read_text("utf-8"), found["title"]), markdown
    )
    return DIRECTIVE.sub("", SESSION.sub("```pycon\n", markdown)).replace("\n<BLANKLINE>\n", "\n\n")
