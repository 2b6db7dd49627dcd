"""Dask: each partition is added up where it is, the sums are joined as a tree, and billed at its root."""

from __future__ import annotations

from typing import Any

from tokenbill.errors import UnreadableInput
from tokenbill.frames.arrow import bills, keys_of, numbers_of, spelled_out
from tokenbill.frames.engines import dask, dataframe
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import Layout, Options, float_column, layout_of
from tokenbill.frames.pandas import CAST, returned, source_of
from tokenbill.frames.pandas import rate_rows as rate_pandas_rows
from tokenbill.frames.parts import Part, added_up, joined

__all__ = ["rate", "rate_rows"]

WIDE = 8
"""Sums that are joined at once."""


def rate(data: Any, options: Options) -> Any:
    """The lines of bills, one for each group."""
    layout = _layout(data, options)
    parts = [
        dask.delayed(_part)(frame, options, layout, number) for number, frame in enumerate(data.to_delayed())
    ]
    while len(parts) > 1:
        parts = [dask.delayed(joined)(parts[at : at + WIDE]) for at in range(0, len(parts), WIDE)]
    empty = _billed(_part(data._meta, options, layout), options, layout).iloc[:0]
    billed = dask.delayed(_billed)(parts[0], options, layout)
    return dataframe.from_delayed([billed], meta=empty, verify_meta=False)


def rate_rows(data: Any, options: Options) -> Any:
    """The frame with the amount of each row."""
    _layout(data, options)
    return data.map_partitions(_rated, options, meta=_rated(data._meta, options))


def _layout(data: Any, options: Options) -> Layout:
    if not isinstance(data, dataframe.DataFrame):
        raise UnreadableInput("not a data frame of Dask", type(data).__name__, "write .to_dask_dataframe()")
    layout = layout_of(list(data.columns), options)
    for name in layout.quantities:
        if data.dtypes[name].kind == "f":
            raise float_column(name, data.dtypes[name], odd=None, first=None, cast=CAST.format(name))
    return Job.of(options, layout, {}).layout


def _part(frame: Any, options: Options, layout: Layout, number: int = 0) -> Part:
    """The sums of one partition."""
    source = source_of(frame, f"row {{}} of partition {number}".format)
    numbers = [numbers_of(name, source.column(name), CAST, source.place) for name in layout.quantities]
    keys = {name: keys_of(name, source, layout) for name in (*layout.by, *layout.variants)}
    return added_up(keys, numbers, len(frame))


def _billed(part: Part, options: Options, layout: Layout) -> Any:
    places = {name: digits for name, (_, digits) in zip(layout.quantities, part.sums, strict=True)}
    job = Job.of(options, layout, places)
    # the types are told before the texts are known, so that these are no categories
    return returned(spelled_out(bills(job, [n for n, _ in part.sums], part.keys, part.height)))


def _rated(frame: Any, options: Options) -> Any:
    return rate_pandas_rows(frame, options, "row {} of a partition".format)
