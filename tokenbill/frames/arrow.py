"""Arrow: tables, and whatever hands its rows over as a stream of Arrow's batches."""

from __future__ import annotations

from typing import Any

from tokenbill.frames.arrow_columns import Source, coded, decimals_of, keys_of, numbers_of
from tokenbill.frames.bills import amounts
from tokenbill.frames.engines import pa
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import AMOUNT, Options, layout_of
from tokenbill.frames.parts import part_of
from tokenbill.frames.sums import Sums

__all__ = ["amount_column", "rate_rows", "report", "reported", "spelled_out"]

CAST = 'pc.cast(table["{}"], pa.int64())'


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a table."""
    return reported(_source(data), options, report)


def rate_rows(data: Any, options: Options) -> Any:
    """The table with the amount of each row."""
    return data.append_column(AMOUNT, amount_column(_source(data), options))


def _source(data: Any) -> Source:
    return Source(data.schema.names, data.column, data.num_rows, CAST)


def reported(source: Source, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of some columns."""
    layout = layout_of(source.names, options)
    part = part_of(source, layout, options)
    return report(Job.of(options, layout, part.places(layout)), part)


def spelled_out(table: Any) -> Any:
    """The same rows with each text of a dictionary of ours in its row."""
    # only dictionaries of ours: a category of the user's comes back as what it was
    plain = pa.dictionary(pa.int32(), pa.string())
    return pa.table(
        {
            name: table[name].cast(pa.string()) if table[name].type == plain else table[name]
            for name in table.schema.names
        }
    )


def amount_column(source: Source, options: Options, job: Job | None = None) -> Any:
    """The amount of each row as a column; the columns are those of *job*, where that is known."""
    layout = layout_of(source.names, options)
    found = [numbers_of(name, source.column(name), source.cast, source.place) for name in layout.quantities]
    places = {name: digits for name, (_, digits) in zip(layout.quantities, found, strict=True)}
    job = job or Job.of(options, layout, places)
    variants = job.layout.variants
    keys = {name: keys_of(name, source, job.layout) for name in variants}
    code, different = coded(keys, source.height)
    cells = list(zip(*(part.to_pylist() for part in different.values()), strict=True)) if variants else [()]
    sums = Sums(source.height, None, cells, code if variants else None, found, source.place)
    return decimals_of(amounts(job.plan, job.layout, sums), job.plan.scale)
