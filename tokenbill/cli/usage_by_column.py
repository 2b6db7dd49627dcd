"""Usage by column: long files added up by the reader of frames, where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import evolve

from tokenbill.cli.options import Request
from tokenbill.cli.row_reader import RowReader, cell_text, outside
from tokenbill.cli.usage_by_time import Groups
from tokenbill.core.base.inputs import name
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.cycle import Cycle
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.frames import CalendarColumn, add_up, time

__all__ = ["PARQUET", "summed_by_column"]

LONG = 1 << 20
"""Bytes from which on a file is read by column: importing the reader takes longer than reading less."""
COLUMNAR = (".csv", ".csv.gz")
PARQUET = (".parquet", ".pq")
ROWS = "rows counted"
"""The column of a result that says how many rows it is of."""
YEAR = "year of the row"
"""The column of a result that says in which year its rows are."""


def summed_by_column(
    source: Any,
    request: Request,
    callbacks: Mapping[str, Any],
    calendars: Mapping[str, CalendarColumn],
    note: Callable[[str], object],
) -> Groups | None:
    """The usage of each group of a long file, added up by column; None where it is to be read row by row.

    What the reader of columns refuses is read row by row: that says which line, column and word is wrong.
    """
    try:
        is_folder = isinstance(source, Path) and source.is_dir()
        has_columns = is_folder or (isinstance(source, Path) and source.name.endswith(PARQUET))
        is_long = has_columns or (source.name.endswith(COLUMNAR) and source.stat().st_size >= LONG)
    except (AttributeError, OSError):  # no path, or no file: the reader of rows says so
        return None
    is_plain = request.delimiter == "," and callbacks.get("on_bad_row") is None
    if not is_long or not (has_columns or is_plain) or not (find_spec("pyarrow") and find_spec("numpy")):
        if has_columns:
            what = "a folder" if is_folder else "Parquet"
            raise UnreadableInput(f"{what}, which PyArrow reads", source.name, "pip install pyarrow numpy")
        return None
    is_more = request.labels or request.where or request.time or request.pools or calendars
    try:
        if is_more or any(meter.labels for meter, _ in request.sums):
            return _summed_as_rows(source, request, calendars, note)
        return _summed(source, request)
    # The reader of rows says line, column and word of what is wrong; Parquet has no lines to name.
    except TokenbillError:
        if has_columns:
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
        group = tuple(name(cell_text(cells[column][row]), what="group") for column in request.by)
        if is_wide:
            pairs = [(meter, _short(cells[column][row])) for meter, column in request.sums]
            pairs += [(meter, int(cells[counts[0]][row])) for meter in request.counts]
        else:
            pairs = [(cells["meter"][row], _short(cells["quantity"][row]))]
        found.setdefault(group, []).extend(pairs)
    return {group: Usage(pairs) for group, pairs in sorted(found.items())}


def _summed_as_rows(
    source: Path,
    request: Request,
    calendars: Mapping[str, CalendarColumn],
    note: Callable[[str], object],
) -> Groups:
    """The sums of a file by all that tells its rows apart, each read as one row of so many."""
    is_wide = bool(request.sums or request.counts)
    # a calendar column by the name that it was asked for: two of them may both be days
    keys = [
        evolve(calendars[column], name=column) if column in calendars else column for column in request.by
    ]
    keys += [*request.labels.values(), *(column for column, _ in request.where)]
    keys += [] if is_wide else ["meter"]
    labels = {label for meter, _ in request.sums for label in meter.labels}
    keys += [label for label in sorted(labels - {*request.labels}) if _is_column(source, label)]
    sums = list(dict.fromkeys(column for _, column in request.sums)) if is_wide else ["quantity"]
    within: dict[str, Any] = {}
    if request.time is not None:
        cycle = request.terms.cycle
        home = cycle.tz if cycle else request.tz
        # by years, which are few: the period chooses rows to the instant
        years = time(request.time, Cycle.yearly(tz=home), name=YEAR)
        within = {"time": years, "period": request.period}
    table = add_up(source, list(dict.fromkeys(keys)), columns=sums, counts=[ROWS], signed=False, **within)
    names: list[str] = table.column_names
    cells = {column: table[column].to_pylist() for column in names}
    if within:
        every = add_up(source, columns=[], counts=[ROWS])[ROWS].to_pylist()
        outside(int(sum(every) - sum(cells[ROWS])), note)
    # the period has chosen the rows already
    reader, groups = RowReader(request._replace(time=None), (), {}), dict[tuple[str, ...], Usage]()
    for place in range(table.num_rows):
        row = {
            column: _short(column_cells[place]) if column in (*sums, ROWS) else cell_text(column_cells[place])
            for column, column_cells in cells.items()
        }
        found = reader.read(row, rows=int(row[ROWS]))
        if found is not None:
            key, usage = found
            groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items()))


def _is_column(source: Path, label: str) -> bool:
    """Whether a file has a column of the name of a label."""
    try:
        add_up(source, label, columns=[], counts=[ROWS])
    except TokenbillError as error:
        # a column with a null is one: taken for none, its rows would all be billed under the label of --sum
        return "no such column" not in str(error)
    return True


def _short(number: Any) -> Any:
    """A sum without the zeros behind its last digit."""
    whole = int(number)
    return whole if whole == number else type(number)(format(number, "f").rstrip("0"))
