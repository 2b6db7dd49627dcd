"""Pages as a reader sees them."""

import re
from html import unescape


def cells(html):
    """The rows of all tables, cell by cell."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
    return [
        tuple(unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row))
        for row in rows
    ]


def head(html):
    """What stands above the table, by what it is called."""
    terms = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, re.DOTALL)
    return {unescape(key): unescape(text) for key, text in terms}
