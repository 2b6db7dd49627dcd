"""A hook of MkDocs: the pages of reference are in the navigation as docs/reference/index.md groups them."""

import re
from pathlib import Path
from typing import Any

GROUP_OR_PAGE = re.compile(r"^## (?P<group>.+)$|^\| \[(?P<title>.+?)\]\((?P<page>.+?\.md)\) \|", re.MULTILINE)


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
    config.nav[-1]["Reference"] += groups
    return config
