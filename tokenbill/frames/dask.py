"""Dask: each partition is added up where it is, the sums are joined as a tree, and billed at its root."""

from __future__ import annotations

from functools import partial
from typing import Any

from tokenbill.errors import UnreadableInput
from tokenbill.frames.arrow import spelled_out
from tokenbill.frames.engines import dask, dataframe
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import Layout, Options, float_column, layout_of
from tokenbill.frames.pandas import CAST, returned, source_of
from tokenbill.frames.pandas import rate_rows as rate_pandas_rows
from tokenbill.frames.parts import Part, joined, part_of

__all__ = ["rate_rows", "report"]

WIDE = 8
"""Sums that are joined at once."""


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a frame."""
    layout = _layout(data, options)
    parts = [
        dask.delayed(_part)(frame, options, layout, number) for number, frame in enumerate(data.to_delayed())
    ]
    # joined as a tree, so that no worker ever holds the sums of all partitions at once
    while len(parts) > 1:
        parts = [dask.delayed(joined)(parts[at : at + WIDE]) for at in range(0, len(parts), WIDE)]
    work = partial(_reported, options, layout, report)
    # what no row decides is known from a frame of none
    empty = work(_part(data._meta, options, layout)).iloc[:0]
    return dataframe.from_delayed([dask.delayed(work)(parts[0])], meta=empty, verify_meta=False)


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
    return layout


def _part(frame: Any, options: Options, layout: Layout, number: int = 0) -> Part:
    """The sums of one partition."""
    return part_of(source_of(frame, f"row {{}} of partition {number}".format), layout, options)


def _reported(options: Options, layout: Layout, report: Report, part: Part) -> Any:
    job = Job.of(options, layout, part.places(layout))
    # the types are told before the texts are known, so that these are no categories
    return returned(spelled_out(report(job, part)))


def _rated(frame: Any, options: Options) -> Any:
    return rate_pandas_rows(frame, options, "row {} of a partition".format)
