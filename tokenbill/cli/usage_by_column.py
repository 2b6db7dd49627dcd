"""Usage by column: long files added up by the reader of frames, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenbill.cli.options import Request
from tokenbill.cli.row_reader import RowReader
from tokenbill.cli.usage_by_time import Groups
from tokenbill.core.base.inputs import name
from tokenbill.core.metering.usage import Usage
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.frames import CalendarColumn, add_up

__all__ = ["summed_by_column"]

LONG = 1 << 20
"""Bytes from which on a file is read by column: importing the reader takes longer than reading less."""
COLUMNAR = (".csv", ".csv.gz")
PARQUET = (".parquet", ".pq")
ROWS = "rows counted"
"""The column of a result that says how many rows it is of."""


def summed_by_column(
    source: Any, request: Request, callbacks: Mapping[str, Any], calendars: Mapping[str, CalendarColumn]
) -> Groups | None:
    """The usage of each group of a long file, added up by column; None where it is to be read row by row.

    What the reader of columns refuses is read row by row: that says which line, column and word is wrong.
    """
    is_parquet = isinstance(source, Path) and source.name.endswith(PARQUET)
    try:
        is_long = is_parquet or (source.name.endswith(COLUMNAR) and source.stat().st_size >= LONG)
    except (AttributeError, OSError):  # no path, or no file: the reader of rows says so
        return None
    is_plain = request.delimiter == "," and callbacks.get("on_bad_row") is None
    if not is_long or not (is_parquet or is_plain) or not (find_spec("pyarrow") and find_spec("numpy")):
        if is_parquet:
            raise UnreadableInput("Parquet, which PyArrow reads", source.name, "pip install pyarrow numpy")
        return None
    try:
        if request.labels or request.where or calendars:
            return _summed_as_rows(source, request, calendars)
        return _summed(source, request)
    # The reader of rows says line, column and word of what is wrong; Parquet has no lines to name.
    except TokenbillError:
        if is_parquet:
            raise
        return None


def _summed(source: Path, request: Request) -> Groups:
    """The sums of a file by group."""
    is_wide = bool(request.sums or request.counts)
    keys = [*request.by, *([] if is_wide else ["meter"])]
    columns = list(dict.fromkeys(column for _, column in request.sums)) if is_wide else ["quantity"]
    # each count is the same number of rows
    counts = [ROWS] if request.counts else []
    # Usage below zero is refused in a short file, and must be in a long one.
    table = add_up(source, keys, columns=columns, counts=counts, signed=False)
    found = dict[tuple[str, ...], list[tuple[Any, Any]]]()
    cells = {column: table[column].to_pylist() for column in table.column_names}
    for row in range(table.num_rows):
        group = tuple(name(str(cells[column][row]), what="group") for column in request.by)
        if is_wide:
            pairs = [(meter, _short(cells[column][row])) for meter, column in request.sums]
            pairs += [(meter, int(cells[counts[0]][row])) for meter in request.counts]
        else:
            pairs = [(cells["meter"][row], _short(cells["quantity"][row]))]
        found.setdefault(group, []).extend(pairs)
    return {group: Usage(pairs) for group, pairs in sorted(found.items())}


def _summed_as_rows(source: Path, request: Request, calendars: Mapping[str, CalendarColumn]) -> Groups:
    """The sums of a file by all that tells its rows apart, each read as one row of so many."""
    columns = [calendars.get(column, column) for column in request.by]
    keys = dict.fromkeys((*columns, *request.labels.values(), *(column for column, _ in request.where)))
    sums = list(dict.fromkeys(column for _, column in request.sums))
    table = add_up(source, list(keys), columns=sums, counts=[ROWS], signed=False)
    # the calendar is read already, so that its column stands there by the name it was asked for
    named = {str(calendars[column].name): column for column in calendars}
    names: list[str] = table.column_names
    cells = {named.get(column, column): table[column].to_pylist() for column in names}
    reader, groups = RowReader(request, (), {}), dict[tuple[str, ...], Usage]()
    for place in range(table.num_rows):
        row = {
            column: _short(column_cells[place]) if column in (*sums, ROWS) else str(column_cells[place])
            for column, column_cells in cells.items()
        }
        found = reader.read(row, rows=int(row[ROWS]))
        if found is not None:
            key, usage = found
            groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items()))


def _short(number: Any) -> Any:
    """A sum without the zeros behind its last digit."""
    whole = int(number)
    return whole if whole == number else type(number)(format(number, "f").rstrip("0"))
