"""Streams: whatever hands its rows over by Arrow's C stream protocol, read batch by batch."""

from __future__ import annotations

from typing import Any

from tokenbill.errors import UnreadableInput
from tokenbill.frames import arrow
from tokenbill.frames.batches import streamed
from tokenbill.frames.engines import pa
from tokenbill.frames.job import Report
from tokenbill.frames.layouts import Options

__all__ = ["rate_rows", "reader", "report"]


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a stream, as a table."""
    return streamed(reader(data), options, report)


def rate_rows(data: Any, options: Options) -> Any:
    """A table of the rows with the amount of each."""
    return arrow.rate_rows(reader(data).read_all(), options)


def reader(data: Any) -> Any:
    """A reader of the batches of a stream, or of a dataset of Arrow."""
    try:
        if isinstance(data, pa.RecordBatchReader):
            return data
        # a dataset of Arrow has a scanner, and no stream of its own
        if not hasattr(data, "__arrow_c_stream__"):
            return data.scanner().to_reader()
        return pa.RecordBatchReader.from_stream(data)
    except (TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        kind = type(data).__name__
        raise UnreadableInput("not a stream of rows", kind, "give a table with named columns") from error
