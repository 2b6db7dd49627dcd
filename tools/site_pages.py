"""A hook of MkDocs: the navigation of the reference, and examples as readers want them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markdown.extensions.toc import slugify

GROUP_OR_PAGE = re.compile(r"^## (?P<group>.+)$|^\| \[(?P<title>.+?)\]\((?P<page>.+?\.md)\) \|", re.MULTILINE)
SESSION = re.compile(r"^```python\n(?=>>> )", re.MULTILINE)
DIRECTIVE = re.compile(r"  # doctest: \+\w+(?=$)", re.MULTILINE)
CODE = re.compile(r"^<!-- code -->$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)
CHINESE = ".zh.md"
BROKEN = re.compile(r"([\u3001-\u9fff\uff01-\uff5e])\n(?=[\u4e00-\u9fff`\w])")
"""A line of Chinese that goes on in the next one: a browser would show a space between them."""
NOTEBOOK = re.compile(r"^<!-- notebook: (?P<file>.+) -->$", re.MULTILINE)
PART = re.compile(r"^<!-- (?P<file>README[\w.]*): (?P<title>.+) -->$", re.MULTILINE)


def part_of(text: str, title: str) -> str:
    """A section of README, below its title in a page of docs/; the first one without it."""
    parts = dict(re.findall(r"^##? ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    head = "" if text.startswith(f"# {title}\n") else f"## {title}\n"
    return head + re.sub(r"\]\(docs/", "](", parts[title]).rstrip()


def translated(chinese: str, english: str) -> str:
    """A page in Chinese, with the examples of the English one, and its headings under the same links."""
    examples = iter(FENCED.findall(english))
    text = CODE.sub(lambda _: next(examples), chinese)
    links = iter([slugify(title, "-") for title in HEADING.findall(FENCED.sub("", english))])
    parts = re.split(f"({FENCED.pattern})", text, flags=FENCED.flags)
    return "".join(
        part
        if part.startswith("```")
        else HEADING.sub(lambda found: f"{found[0]} {{ #{next(links)} }}", BROKEN.sub(r"\1", part))
        for part in parts
    )


def notebook(path: Path) -> Iterator[str]:
    """A notebook as it was run: what is written, the code, and what came out, pictures in the page itself."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        yield source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
        for output in cell.get("outputs", ()):
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            if "text/markdown" in data:
                yield data["text/markdown"]
            elif "image/png" in data:
                yield f'<img alt="" src="data:image/png;base64,{data["image/png"].strip()}">'
            else:
                yield f"```text\n{data.get('text/plain') or ''.join(output.get('text', ()))}\n```"


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


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Sections of README and notebooks stand where a page asks for them; sessions without what tests need."""
    root, folder = Path(config.docs_dir).parent, Path(page.file.abs_src_path).parent

    source = Path(page.file.abs_src_path)
    if source.name.endswith(CHINESE) and CODE.search(markdown):
        english = source.with_name(f"{source.name.removesuffix(CHINESE)}.md").read_text(encoding="utf-8")
        markdown = translated(markdown, english)

    def part(found: re.Match[str]) -> str:
        return part_of((root / found["file"]).read_text(encoding="utf-8"), found["title"])

    markdown = PART.sub(part, markdown)
    markdown = NOTEBOOK.sub(lambda found: "\n\n".join(notebook(folder / found["file"])), markdown)
    return DIRECTIVE.sub("", SESSION.sub("```pycon\n", markdown)).replace("\n<BLANKLINE>\n", "\n\n")
