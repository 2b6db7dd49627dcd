"""Columns of Polars: what those of a frame are, what is refused in them, and whole numbers out and in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tokenbill.errors import InvalidNumber, TokenbillError, UnreadableInput
from tokenbill.frames.engines import np, pl
from tokenbill.frames.ints import LONG, Array, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import (
    Layout,
    Options,
    check_counts,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
)
from tokenbill.frames.scales import DIGITS

__all__ = ["OURS", "check", "coded", "decimals_of", "ints_of", "job_on", "telling", "typed"]

OURS = "tokenbill "
"""How the columns begin that are added to those of a frame, and taken away again."""
BELOW_ZERO = {pl.Int8: 2**7, pl.Int16: 2**15, pl.Int32: 2**31, pl.Int64: LONG, pl.Int128: 2**127}
"""From here on the bits of a number, read without a sign, are those of a negative one."""


def job_on(schema: Any, options: Options, data: Any) -> Job:
    """What is options for of a frame with such columns."""
    layout = layout_of(schema.names(), options)
    for column in (*layout.keys, *layout.measures, *options.times):
        # Polars reads such a name as a pattern, and would sum other columns with it
        if column == "*" or column.startswith(("^", OURS)):
            raise UnreadableInput("a column that Polars takes for others, or ours", column, "rename it")
    return Job.of(
        options, layout, {column: _places(column, schema[column], data) for column in layout.quantities}
    )


def _places(column: str, dtype: Any, data: Any) -> int:
    """The decimals of a column of quantities."""
    if is_untyped(dtype, data):
        return 0
    if dtype.is_float():
        raise _float(column, dtype, data)
    if isinstance(dtype, pl.Decimal):
        return int(dtype.scale)
    if not dtype.is_integer():
        raise no_numbers(column, dtype)
    return 0


def is_untyped(dtype: Any, data: Any) -> bool:
    """Whether a column has no type: that of a month without events, which is a bill of nothing."""
    return dtype == pl.Null or (dtype.is_float() and isinstance(data, pl.DataFrame) and not data.height)


def typed(frame: Any, schema: Any, layout: Layout, data: Any) -> tuple[Any, Any]:
    """A lazy frame whose columns without a type are text where they are keys, and else whole numbers.

    With it come the types that it has then.
    """
    if pl.Null not in schema.values() and not is_untyped(pl.Float64(), data):
        return frame, schema
    casts = [pl.col(name).cast(pl.String) for name in layout.keys if schema.get(name) == pl.Null]
    numbers = [name for name in layout.quantities if is_untyped(schema[name], data)]
    frame = frame.with_columns(*casts, *(pl.col(name).cast(pl.Int64) for name in numbers))
    return frame, frame.collect_schema()


def _float(column: str, dtype: Any, data: Any) -> InvalidNumber:
    cast = f'pl.col("{column}").cast(pl.Int64)'
    if not isinstance(data, pl.DataFrame):
        return float_column(column, dtype, odd=None, first=None, cast=cast)
    odd = (data[column] % 1 != 0).fill_null(value=True)
    return float_column(column, dtype, odd=odd.sum(), first=f"row {odd.arg_max()}", cast=cast)


def check(layout: Layout, frame: Any, place: Any) -> dict[str, int]:
    """Refuse nulls and negative quantities, in a frame or one batch of it; how large the others are."""
    for column in (*layout.by, *([layout.meter] if layout.meter is not None else [])):
        cells = frame[column]
        if cells.null_count():
            raise null_keys(column, cells.null_count(), place(cells.is_null().arg_max()))
    return {column: largest(column, frame[column], place) for column in layout.quantities}


def largest(column: str, cells: Any, place: Any) -> int:
    """The largest number of a column of quantities, which has no nulls and no negative ones."""
    nulls = cells.null_count()
    if nulls:
        check_counts(column, nulls, 0, place(cells.is_null().arg_max()))
    numbers = cells.reinterpret(dtype=pl.Int128) if cells.dtype.is_decimal() else cells
    most = int(numbers.reinterpret(signed=False).max() or 0)
    if most >= BELOW_ZERO.get(numbers.dtype, most + 1):
        negative = numbers < 0
        check_counts(column, 0, negative.sum(), place(negative.arg_max()))
    return most


def telling(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work inside a query, whose errors Polars makes anew out of their message alone."""

    def done(*given: Any) -> Any:
        try:
            return work(*given)
        except TokenbillError as error:
            # the same error, of a class that a message is enough for and that knows the rest
            kind = type(error)
            parts = {**vars(error), "__init__": TokenbillError.__init__}
            retold: TokenbillError = type(kind.__name__, (kind,), parts)(str(error))
            raise retold from None

    return done


def coded(frame: Any, columns: Sequence[str], code: str) -> tuple[Any, Array]:
    """The different rows of some columns, and which of them each row has."""
    if not columns:
        return frame.select([]), np.zeros(frame.height, np.int64)
    different = frame.select(columns).unique(maintain_order=True)
    coded = frame.select(columns).join(
        different.with_row_index(code), on=list(columns), how="left", nulls_equal=True, maintain_order="left"
    )
    return different, coded[code].cast(pl.Int64).to_numpy()


def ints_of(numbers: Any) -> Ints:
    """Whole numbers as an array, by their words where 64 bits do not hold them."""
    if isinstance(numbers.dtype, pl.Decimal):
        numbers = numbers.reinterpret(dtype=pl.Int128)
    top = max(int(numbers.max() or 0), -int(numbers.min() or 0))
    if top < LONG:
        return Ints(numbers.cast(pl.Int64).to_numpy(), top)
    return Ints(np.array(numbers.to_list(), object), top)


def decimals_of(numbers: Ints, places: int) -> Any:
    """Whole numbers in 1/10^places as a column of decimals."""
    if numbers.high is None and not numbers.is_long:
        held = pl.Series(numbers.low).cast(pl.Int128)
    else:
        low, high = map(pl.Series, numbers.words())
        held = high.cast(pl.Int128) * pl.Series([2**64], dtype=pl.Int128) + low.cast(pl.Int128)
    return held.reinterpret(dtype=pl.Decimal(DIGITS, places))
