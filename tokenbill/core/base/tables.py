"""How things look: rows of text as a text table, as HTML, and as CSV that a sheet cannot run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol, TypeVar

__all__ = ["digits", "Listing", "Tabular", "guarded", "html_table", "plain", "shortest", "text_table"]

STYLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
TITLE = "caption-side:top;text-align:left;padding:2px 10px;font-weight:bold"
CELL = (
    "padding:2px 10px;text-align:{side};vertical-align:top;border-bottom:1px solid rgba(128,128,128,{line})"
)
"""Half a grey line is seen on white and on black; colours of text are left to the page."""
MOST = 10
"""Most rows of a table in a notebook."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet read a cell as a formula, wide forms included."""


class Tabular(Protocol):
    """What is a row of a table."""

    def titles(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The titles of the columns, and which of them are numbers."""
        ...

    def cells(self) -> tuple[str, ...]:
        """The row, as text."""
        ...


Item = TypeVar("Item", bound=Tabular)


def digits(value: Decimal | None) -> str:
    """A number in plain digits, without an exponent; nothing for None.

    >>> digits(Decimal("1E+3")), digits(Decimal("0.10"))
    ('1000', '0.10')
    """
    return "" if value is None else format(value, "f")


def shortest(value: Decimal) -> str:
    """A number in as few digits as say it, however it came about.

    >>> shortest(Decimal("2.20")), shortest(Decimal("100"))
    ('2.2', '100')
    """
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def plain(value: Decimal | Fraction) -> str:
    """An exact number in plain digits, or as a quotient where it is a Fraction.

    >>> plain(Decimal("0.10")), plain(Fraction(1, 3))
    ('0.10', '1/3')
    """
    return str(value) if isinstance(value, Fraction) else format(value, "f")


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """Rows under a header, columns aligned; the columns in *numbers* to the right."""
    table = [list(map(_one_line, row)) for row in (header, *rows)]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    lines = list[str]()
    for row in table:
        blanks = (" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        cells = (
            blank + cell if i in numbers else cell + blank
            for i, (cell, blank) in enumerate(zip(row, blanks, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _one_line(cell: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cell)


def _width(cell: str) -> int:
    """Columns on a terminal: a wide character takes two."""
    from unicodedata import east_asian_width  # only tables need it

    return sum(2 if east_asian_width(c) in "WF" else 1 for c in cell)


def html_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), caption: str = ""
) -> str:
    """The first ten rows as HTML, every cell escaped, and how many more there are.

    Colours are the page's own, light or dark.
    """
    from html import escape  # only notebooks need it

    # a notebook keeps what it shows: thousands of rows would make it megabytes that nobody reads
    every = list(rows)
    shown, more = every[:MOST], len(every) - MOST

    def row_of(cells: Sequence[str], tag: str, line: str) -> str:
        styles = (CELL.format(side="right" if i in numbers else "left", line=line) for i in range(len(cells)))
        inner = "".join(
            f'<{tag} style="{style}">{escape(cell, quote=True)}</{tag}>'
            for style, cell in zip(styles, cells, strict=True)
        )
        return f"<tr>{inner}</tr>"

    title = f'<caption style="{TITLE}">{escape(caption, quote=True)}</caption>' if caption else ""
    head, body = row_of(header, "th", "0.8"), "".join(row_of(row, "td", "0.3") for row in shown)
    if more > 0:
        style = CELL.format(side="left", line="0.3")
        body += f'<tr><td colspan="{len(header)}" style="{style}">… {more:,} more</td></tr>'
    return f'<table style="{STYLE}">{title}<thead>{head}</thead><tbody>{body}</tbody></table>'


class Listing(tuple[Item, ...]):
    """Answers in a row: a tuple in everything, but that a notebook shows it as one table."""

    def _repr_html_(self) -> str:
        if not self:
            return "<p>none</p>"
        header, numbers = self[0].titles()
        return html_table(header, [item.cells() for item in self], numbers=numbers)


def guarded(cell: str) -> str:
    """A text cell for CSV that no spreadsheet takes for a formula; numbers are not text.

    >>> guarded("=1+1"), guarded("gpu_hours")
    ("'=1+1", 'gpu_hours')
    """
    # A cell "=cmd|..." of a customer's name runs on the machine of the clerk who opens the sheet.
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(FORMULA) else cell
