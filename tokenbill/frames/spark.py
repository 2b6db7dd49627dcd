"""PySpark: the cluster adds up whole numbers in halves that cannot wrap, and its workers settle the bills.

Nothing is multiplied or divided by Spark, so that no setting of its session changes a digit.
What is refused is refused inside the query: an error of Spark with our message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from tokenbill.errors import QuantityOverflow, UnreadableInput
from tokenbill.frames.arrow import Source, amount_column, bills, ints_of, spelled_out
from tokenbill.frames.column_plan import DIGITS
from tokenbill.frames.engines import F, pa, pc, sql, types
from tokenbill.frames.ints import Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import (
    AMOUNT,
    ROWS,
    Layout,
    Options,
    check_counts,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
)

__all__ = ["job_on", "rate", "rate_rows", "summed"]

HALF = 31
"""Bits of the lower half of a 64-bit number: as many of either half as a cluster counts add up in 64 bits."""
LONGEST = f"{DIGITS} digits, or a half of it more than 64 bits"
COUNT = "rows"
UNORDERED = "a data frame, whose rows have no order"


def rate(data: Any, options: Options) -> Any:
    """The lines of bills, one for each group."""
    job = job_on(data, options)
    fields = dict(zip(data.columns, data.schema.fields, strict=False))
    texts = [types.StructField(name, types.StringType()) for name in ROWS[:3]]
    decimals = [(ROWS[3], job.decimals), (AMOUNT, job.plan.bill_places)]
    numbers = [types.StructField(name, types.DecimalType(DIGITS, places)) for name, places in decimals]
    schema = types.StructType([*(fields[name] for name in job.layout.by), *texts, *numbers])
    return summed(data, job).mapInArrow(partial(_settled, job), schema)


def rate_rows(data: Any, options: Options) -> Any:
    """The frame with the amount of each row."""
    job, frame = job_on(data, options), _numbered(data)
    amount = types.StructField(AMOUNT, types.DecimalType(DIGITS, job.plan.places))
    rated = frame.mapInArrow(
        partial(_rated, job, data.columns), types.StructType([*frame.schema.fields, amount])
    )
    return rated.toDF(*data.columns, AMOUNT)


def job_on(data: Any, options: Options) -> Job:
    """What is rated: the columns of the frame by their meaning, each checked by its type."""
    if not isinstance(data, sql.DataFrame):
        raise UnreadableInput("not a data frame of Spark SQL", type(data).__name__, "give a DataFrame")
    if data.isStreaming:  # its groups change after their bills were written
        raise UnreadableInput("a stream, which has no last row", type(data).__name__, "bill in foreachBatch")
    layout = layout_of(data.columns, options)
    kinds = dict(zip(data.columns, data.schema.fields, strict=False))
    return Job.of(options, layout, {name: _places(name, kinds[name].dataType) for name in layout.quantities})


def _places(column: str, kind: Any) -> int:
    """The decimals of a column of quantities."""
    if isinstance(kind, types.FractionalType) and not isinstance(kind, types.DecimalType):
        cast = f'F.col("{column}").cast("bigint")'
        raise float_column(column, kind.simpleString(), odd=None, first=None, cast=cast)
    if not isinstance(kind, types.IntegralType | types.DecimalType):
        raise no_numbers(column, kind.simpleString())
    return int(getattr(kind, "scale", 0))


# ---------------------------------------------------------------- on the cluster


def summed(data: Any, job: Job) -> Any:
    """A row for each group and meter: its keys, sums and counts, with all rows of a bill in one partition."""
    layout, frame = job.layout, _numbered(data)
    cells = {
        name: (number, data.schema[name].dataType)
        for name, number in zip(data.columns, frame.columns, strict=True)
    }
    keys = [_key(*cells[name], place) for place, name in enumerate((*layout.by, *layout.variants))]
    sums = [text for place, name in enumerate(layout.quantities) for text in _sums(*cells[name], place)]
    totals = map(F.expr, (f"count(1) AS {COUNT}", *sums))
    if not keys:
        return frame.agg(*totals)
    found = frame.groupBy(*map(F.expr, keys)).agg(*totals)
    if not layout.by:  # one bill, even of nothing
        nothing = data.sparkSession.range(1).select(F.lit(0).cast("bigint").alias(COUNT))
        return found.unionByName(nothing, allowMissingColumns=True).coalesce(1)
    by = [f"k{place}" for place in range(len(layout.by))]
    return found.repartition(*by) if layout.variants else found


def _numbered(data: Any) -> Any:
    """The same columns by names that need no quoting and that no setting takes for one another."""
    return data.toDF(*(f"c{place}" for place in range(len(data.columns))))


def _key(cell: str, kind: Any, place: int) -> str:
    """A cell that names a group or meter; text without its collation, by which others would be the same."""
    return f"{f'CAST({cell} AS STRING)' if isinstance(kind, types.StringType) else cell} AS k{place}"


def _sums(cell: str, kind: Any, place: int) -> list[str]:
    """The sum of a column, null where it is too long, and how many cells are numbers, and negative ones.

    It is told to Spark as text: an expression built call by call takes longer than the sum of a million rows.
    """
    high, low = f"shiftright(CAST({cell} AS BIGINT), {HALF})", f"try_sum({cell} & {(1 << HALF) - 1})"
    if isinstance(kind, types.DecimalType):
        high, low = cell, "0L"
    parts = (
        f"try_sum({high}) AS high",
        f"{low} AS low",
        f"count({cell}) AS given",
        f"count_if({cell} < 0) AS below",
    )
    return [f"{part}{place}" for part in parts]


# ---------------------------------------------------------------- on its workers


def _settled(job: Job, batches: Iterable[Any]) -> Iterator[Any]:
    """The bills of the groups of one partition."""
    found = list(batches)
    if not found:
        return
    table = pa.Table.from_batches(found)
    table = table.filter(pc.greater(table[COUNT], 0))
    _check(job.layout, table)
    numbers = [_numbers(job, table, place) for place in range(len(job.layout.quantities))]
    names = (*job.layout.by, *job.layout.variants)
    every = {name: table[f"k{place}"].combine_chunks() for place, name in enumerate(names)}
    # Spark takes no dictionaries for the texts that its schema names
    yield from spelled_out(bills(job, numbers, every, table.num_rows)).to_batches()


def _numbers(job: Job, table: Any, place: int) -> Ints:
    """The sums of a column of quantities."""
    column, high, low = job.layout.quantities[place], table[f"high{place}"], table[f"low{place}"]
    for cells in (high, low):
        if cells.null_count:
            group = _group(job.layout, table, cells.is_null())
            raise QuantityOverflow(column, group, "a sum", LONGEST)
    if pa.types.is_decimal(high.type):
        return ints_of(high)
    return ints_of(high) * (1 << HALF) + ints_of(low)


def _check(layout: Layout, table: Any) -> None:
    """Refuse nulls and negative quantities, with their number here and the first group of one."""
    rows, names = table[COUNT], (*layout.by, *layout.variants)
    for place, name in enumerate(names):
        lacking = table[f"k{place}"].is_null()
        if name not in layout.labels and pc.any(lacking).as_py():
            raise null_keys(name, pc.sum(rows.filter(lacking)).as_py(), UNORDERED)
    for place, column in enumerate(layout.quantities):
        nulls, below = pc.subtract(rows, table[f"given{place}"]), table[f"below{place}"]
        for counts, is_null in ((nulls, True), (below, False)):
            count, odd = pc.sum(counts).as_py() or 0, pc.greater(counts, 0)
            first = _group(layout, table, odd) if count else ""
            check_counts(column, count if is_null else 0, 0 if is_null else count, first)


def _group(layout: Layout, table: Any, odd: Any) -> str:
    """The name of the first group that is odd."""
    row = pc.index(odd, True).as_py()
    return layout.group(table[f"k{place}"][row].as_py() for place in range(len(layout.by))) or "the frame"


def _rated(job: Job, names: Sequence[str], batches: Iterable[Any]) -> Iterator[Any]:
    """Batches of columns of these names, with the amount of each row."""
    for batch in batches:
        columns = dict(zip(names, batch.columns, strict=True))
        source = Source(names, columns.__getitem__, "", "row {} of a batch".format)
        yield batch.append_column(AMOUNT, amount_column(source, job.options, job))
