"""Polars: sums are taken in 128 bits and settled on arrays; lazy frames stay lazy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from tokenbill.errors import QuantityOverflow
from tokenbill.frames.bills import settle
from tokenbill.frames.column_plan import DIGITS
from tokenbill.frames.engines import pl
from tokenbill.frames.ints import LONG, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import AMOUNT, ROWS, Layout, Options
from tokenbill.frames.polars_columns import (
    OURS,
    check,
    coded,
    decimals_of,
    ints_of,
    job_on,
    telling,
)
from tokenbill.frames.polars_rows import rate_rows
from tokenbill.frames.sums import Sums

__all__ = ["rate", "rate_rows"]

GROUP, VARIANT, SOUND, HIGH = f"{OURS}group", f"{OURS}variant", f"{OURS}sound", f"{OURS}high of "
HALF = 10**19
"""Numbers that could leave 128 bits when they are added up are added in two parts: n // HALF and n % HALF."""
FITTING = 10**26
"""As many numbers below this as can be counted add up within 128 bits."""


def rate(data: Any, options: Options) -> Any:
    """The lines of bills, one for each group."""
    frame = data.lazy()
    schema = frame.collect_schema()
    job = job_on(schema, options, data)
    layout = job.layout
    keys = [*layout.by, *layout.variants]
    frame = frame.select(*keys, *layout.quantities, _sound(layout))
    wide = [column for column in layout.quantities if _is_wide(schema[column])]
    if isinstance(data, pl.DataFrame):
        frame = _checked(layout, wide, "row {}".format, frame.collect()).lazy()
    else:
        halves = {name: pl.Int128 for column in wide for name in (column, HIGH + column)}
        frame = frame.map_batches(
            telling(partial(_checked, layout, wide, "row {} of a batch".format)),
            schema={**frame.collect_schema(), **halves},
            streamable=True,
        )
    # 64 bits where no sum of all rows can leave them, which saves a quarter of the memory
    short = {column for column in layout.quantities if column not in wide and _is_short(data, column)}
    kinds = {column: pl.Int64 if column in short else pl.Int128 for column in layout.quantities}
    sums = [pl.col(column).cast(kinds[column]).sum() for column in layout.quantities]
    sums += [pl.col(HIGH + column).sum() for column in wide]
    summed = frame.group_by(keys).agg(sums) if keys else frame.select(sums)
    result = summed.map_batches(telling(partial(_settled, job, wide)), schema=_schema(schema, job))
    return result.collect() if isinstance(data, pl.DataFrame) else result


def _schema(schema: Any, job: Job) -> dict[str, Any]:
    texts = dict.fromkeys(ROWS[:3], pl.Categorical)
    quantity = pl.Decimal(DIGITS, job.decimals)
    decimals = {"quantity": quantity, AMOUNT: pl.Decimal(DIGITS, job.plan.bill_places)}
    return {**{column: schema[column] for column in job.layout.by}, **texts, **decimals}


def _sound(layout: Layout) -> Any:
    """Whether a row names its group and meter, and its quantities are none that `check` refuses."""
    names = [*layout.by, *([layout.meter] if layout.meter is not None else [])]
    named = [pl.col(column).is_not_null() for column in names]
    return pl.all_horizontal(*named, *(pl.col(column) >= 0 for column in layout.quantities)).alias(SOUND)


def _is_short(data: Any, column: str) -> bool:
    """Whether the numbers of a frame in memory add up within 64 bits, whichever of them are together."""
    if not isinstance(data, pl.DataFrame):
        return False
    return bool(int(data[column].max() or 0) * max(data.height, 1) < LONG)


def _is_wide(dtype: Any) -> bool:
    """Whether numbers of a column can be so long that their sum leaves 128 bits."""
    return dtype.is_decimal() or dtype in (pl.Int128, pl.UInt128)


def _checked(layout: Layout, wide: Sequence[str], place: Callable[[Any], str], frame: Any) -> Any:
    """A frame, or one batch of it, without nulls and negative quantities, its wide columns in two."""
    if not frame[SOUND].all(ignore_nulls=False):
        check(layout, frame, place)
    halves = [half for column in wide for half in _halves(frame[column], place)]
    return frame.with_columns(halves) if halves else frame


def _halves(cells: Any, place: Callable[[Any], str]) -> tuple[Any, Any]:
    """A column of whole numbers as low and high parts, neither of whose sums wraps."""
    numbers = cells.reinterpret(dtype=pl.Int128) if cells.dtype.is_decimal() else cells
    most = int(numbers.max() or 0)
    if most >= 10**DIGITS:
        raise QuantityOverflow(cells.name, place(numbers.arg_max()), most, 10**DIGITS - 1)
    n, half = pl.lit(numbers.cast(pl.Int128)), pl.lit(HALF, pl.Int128)
    low, high = (n, pl.lit(0, pl.Int128)) if most < FITTING else (n % half, n // half)
    return low.alias(cells.name), high.alias(HIGH + cells.name)


def _settled(job: Job, wide: Collection[str], frame: Any) -> Any:
    """The bills of aggregated quantities."""
    layout = job.layout
    sums, keys = _sums(job, wide, frame)
    group, what, named, quantity, counted, amount = settle(job.plan, layout, sums)
    texts = pl.DataFrame(named, schema=dict.fromkeys(ROWS[:3], pl.Categorical), orient="row")
    found = [texts[pl.Series(what.view("uint32"))]]
    del what  # what was read is let go, for there may be millions of rows
    groups = [keys[pl.Series(group.view("uint32"))]] if layout.by else []
    del group, sums
    quantities = decimals_of(quantity, job.decimals)
    del quantity
    quantities = quantities.set(~pl.Series(counted), None).alias(ROWS[3])
    amounts = decimals_of(amount, job.plan.bill_places).alias(AMOUNT)
    return pl.concat([*groups, *found, pl.DataFrame([quantities, amounts])], how="horizontal")


def _sums(job: Job, wide: Collection[str], frame: Any) -> tuple[Sums, Any]:
    """The quantities of a frame by its groups, and the groups."""
    layout = job.layout
    if not layout.variants:  # every row is a group of its own
        keys, group, found, variant = frame.select(layout.by), None, [()], None
    else:
        keys, group = coded(frame, layout.by, GROUP)
        variants, variant = coded(frame, layout.variants, VARIANT)
        found = variants.rows()
    quantities = [(_joined(frame, column, wide), job.places[column]) for column in layout.quantities]
    count = keys.height if layout.by else 1

    def name(place: int) -> str:
        return layout.group(keys.row(place) if layout.by else ())

    return Sums(count, group, found, variant, quantities, name), keys


def _joined(frame: Any, column: str, wide: Collection[str]) -> Ints:
    """The sums of a column."""
    low = ints_of(frame[column])
    return ints_of(frame[HIGH + column]) * HALF + low if column in wide else low
