"""Dask: each partition is added up where it is, the sums are joined as a tree, and billed at its root."""

from __future__ import annotations

from typing import Any

from tokenbill.errors import UnreadableInput
from tokenbill.frames.arrow import bills, job_of, keys_of, numbers_of
from tokenbill.frames.layouts import Asked, Layout, engine, float_column, layout_of
from tokenbill.frames.pandas import CAST, returned, source_of
from tokenbill.frames.pandas import rate_rows as rate_pandas_rows
from tokenbill.frames.parts import Part, added_up, joined
from tokenbill.frames.tariff import Tariff

dask = engine("dask", "dask")
dataframe = engine("dask.dataframe", "dask")

__all__ = ["rate", "rate_rows"]

WIDE = 8
"""Sums that are joined at once."""


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group."""
    layout = _layout(data, asked)
    parts = [
        dask.delayed(_part)(frame, asked, layout, number) for number, frame in enumerate(data.to_delayed())
    ]
    while len(parts) > 1:
        parts = [dask.delayed(joined)(parts[at : at + WIDE]) for at in range(0, len(parts), WIDE)]
    empty = _billed(_part(data._meta, asked, layout), asked, layout).iloc[:0]
    billed = dask.delayed(_billed)(parts[0], asked, layout)
    return dataframe.from_delayed([billed], meta=empty, verify_meta=False)


def rate_rows(data: Any, asked: Asked) -> Any:
    """The frame with the amount of each row."""
    _layout(data, asked)
    return data.map_partitions(_rated, asked, meta=_rated(data._meta, asked))


def _layout(data: Any, asked: Asked) -> Layout:
    if not isinstance(data, dataframe.DataFrame):
        raise UnreadableInput("no data frame of Dask", type(data).__name__, "write .to_dask_dataframe()")
    layout = layout_of(list(data.columns), asked)
    for name in layout.quantities:
        if data.dtypes[name].kind == "f":
            raise float_column(name, data.dtypes[name], odd=None, first=None, cast=CAST.format(name))
    told = Tariff(asked.plan, names=layout.names()).told_apart(layout.labels)
    return layout._replace(labels=tuple(told))


def _part(frame: Any, asked: Asked, layout: Layout, number: int = 0) -> Part:
    """The sums of one partition."""
    source = source_of(frame, f"row {{}} of partition {number}".format)
    numbers = [numbers_of(name, source.column(name), CAST, source.place) for name in layout.quantities]
    keys = {name: keys_of(name, source, layout) for name in (*layout.by, *layout.variants)}
    return added_up(keys, numbers, len(frame))


def _billed(part: Part, asked: Asked, layout: Layout) -> Any:
    return returned(bills(job_of(asked, layout, part.sums, part.height), part.keys))


def _rated(frame: Any, asked: Asked) -> Any:
    return rate_pandas_rows(frame, asked, "row {} of a partition".format)
