"""Pandas: columns become Arrow's one by one, and decimals come back as Arrow's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tokenbill.core.base.quoting import listed, quoted
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.frames.arrow import amount_column, reported
from tokenbill.frames.arrow_columns import IN_ORDER, Place, Source
from tokenbill.frames.engines import pa, pd
from tokenbill.frames.job import Report
from tokenbill.frames.layouts import AMOUNT, Options

__all__ = ["CAST", "rate_rows", "report", "returned", "source_of"]

CAST = 'df["{}"].astype("int64")'


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a frame."""
    return returned(reported(source_of(data), options, report))


def rate_rows(data: Any, options: Options, place: Place = IN_ORDER) -> Any:
    """The frame with the amount of each row; *place* is what errors call a row."""
    amounts = amount_column(source_of(data, place), options)
    return data.assign(**{AMOUNT: pd.Series(pd.arrays.ArrowExtensionArray(amounts), index=data.index)})


def returned(table: Any) -> Any:
    """A table as a frame of pandas."""
    # pandas has no decimals: without Arrow's the column is one of objects, and its scale is lost in Parquet

    def mapped(kind: Any) -> Any:
        return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None

    return table.to_pandas(types_mapper=mapped)


def source_of(data: Any, place: Place = IN_ORDER) -> Source:
    """The columns of a frame of pandas."""

    def column(name: str) -> Any:
        cells = data[name]
        is_uuid = cells.dtype == object and isinstance(next(iter(cells.dropna()), None), UUID)
        if is_uuid or isinstance(cells.dtype, pd.PeriodDtype):  # a month reads "2026-11"
            cells = cells.astype("string")
        try:
            return pa.array(cells, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise refused(name, data[name].dropna(), isinstance(error, UnicodeError)) from None

    return Source(list(data.columns), column, len(data), CAST, place)


def refused(name: str, cells: Any, is_text: bool) -> InvalidNumber | UnreadableInput:
    """The error for cells that make no column of Arrow, with the way out of what is wrong with them."""
    column, kinds = f"column {quoted(name)} holds", {type(cell).__name__ for cell in cells}
    if is_text:
        way_out = f'write df["{name}"].str.encode("utf-8", "replace").str.decode("utf-8")'
        return UnreadableInput(f"{column} text that is no Unicode", cells.dtype, way_out)
    if kinds == {"int"}:
        way_out = f'make them decimals: df["{name}"].map(decimal.Decimal)'
        return InvalidNumber(f"{column} integers of more than 64 bits", cells.dtype, way_out)
    what = "of several kinds" if len(kinds) > 1 else "of no known kind"
    way_out = f"make names text: .astype(str), and quantities whole numbers: {CAST.format(name)}"
    return InvalidNumber(f"{column} cells {what}: {listed(kinds)}", cells.dtype, way_out)
