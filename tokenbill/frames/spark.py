"""PySpark: the cluster adds up whole numbers in halves that cannot wrap, and its workers settle the bills.

Nothing is multiplied or divided by Spark, so that no setting of its session changes a digit.
What is refused is refused inside the query: an error of Spark with our message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from tokenbill.errors import QuantityOverflow, UnreadableInput
from tokenbill.frames.arrow import amount_column, spelled_out
from tokenbill.frames.arrow_columns import Source, array_of, ints_of
from tokenbill.frames.engines import F, np, pa, pc, spark_arrow, sql, types
from tokenbill.frames.ints import Ints
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import (
    AMOUNT,
    Layout,
    Options,
    check_counts,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
)
from tokenbill.frames.parts import Part
from tokenbill.frames.scales import DIGITS
from tokenbill.frames.times import made_columns

__all__ = ["job_on", "rate_rows", "report", "summed"]

HALF = 31
"""Bits of the lower half of a 64-bit number: as many of either half as a cluster counts add up in 64 bits."""
LONGEST = f"{DIGITS} digits, or a half of it more than 64 bits"
COUNT = "rows"
UNORDERED = "a data frame, whose rows have no order"


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a frame."""
    job = job_on(data, options)
    made = {column.name for column in options.calendar}
    kinds = {field.name: field.dataType for field in data.schema.fields if field.name not in made}
    empty = spelled_out(report(job, _nothing(job, data)))
    fields = [
        types.StructField(field.name, kinds.get(field.name) if field.name in job.layout.keys else None)
        if field.name in job.layout.keys and field.name in kinds
        else types.StructField(field.name, kind_of(field.type))
        for field in empty.schema
    ]
    return summed(data, job).mapInArrow(partial(reported, job, report), types.StructType(fields))


def kind_of(kind: Any) -> Any:
    """The type of Spark for a column of a result."""
    if pa.types.is_decimal(kind):
        return types.DecimalType(kind.precision, kind.scale)
    if pa.types.is_boolean(kind):
        return types.BooleanType()
    if pa.types.is_timestamp(kind):
        return types.TimestampType()
    return types.LongType() if pa.types.is_integer(kind) else types.StringType()


def _nothing(job: Job, data: Any) -> Part:
    """The sums of no rows, whose keys are of the types that they will have."""
    keys, made = {}, {column.name for column in job.options.calendar}
    for name in job.layout.keys:
        kind = pa.int64() if name in job.options.numbered else pa.string()
        if name in data.columns and name not in made:
            kind = spark_arrow.to_arrow_type(data.schema[name].dataType)
        keys[name] = pa.nulls(0, kind)
    none = [(Ints(np.zeros(0, np.int64), 0), job.places[name]) for name in job.layout.measures]
    return Part(keys, none, 0)


def rate_rows(data: Any, options: Options) -> Any:
    """The frame with the amount of each row."""
    job, frame = job_on(data, options), _numbered(data)
    amount = types.StructField(AMOUNT, types.DecimalType(DIGITS, job.plan.scale))
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
    if not isinstance(kind, types.IntegralType | types.DecimalType | types.NullType):
        raise no_numbers(column, kind.simpleString())
    return int(getattr(kind, "scale", 0))


# ---------------------------------------------------------------- on the cluster


def summed(data: Any, job: Job) -> Any:
    """A row for each group and meter: its keys, sums and counts, with all rows of a bill in one partition."""
    layout = job.layout
    data = _timed(data, job.options)
    frame = _numbered(data)
    cells = {
        name: (number, data.schema[name].dataType)
        for name, number in zip(data.columns, frame.columns, strict=True)
    }
    keys = list[str]()
    for place, name in enumerate(layout.keys):
        cell, kind = cells[name]
        # a collation would take texts that differ for the same
        is_text = isinstance(kind, types.StringType)
        keys.append(f"{f'CAST({cell} AS STRING)' if is_text else cell} AS k{place}")
    sums = [text for place, name in enumerate(layout.quantities) for text in _sums(*cells[name], place)]
    totals = map(F.expr, (f"count(1) AS {COUNT}", *sums))
    if not keys:
        return frame.agg(*totals)
    found = frame.groupBy(*map(F.expr, keys)).agg(*totals)
    if not layout.by:  # one bill, even of nothing
        nothing = data.sparkSession.range(1).select(F.lit(0).cast("bigint").alias(COUNT))
        return found.unionByName(nothing, allowMissingColumns=True).coalesce(1)
    by = [f"k{place}" for place in range(len(layout.by))]
    return found.repartition(*by) if len(layout.keys) > len(layout.by) else found


def _timed(data: Any, options: Options) -> Any:
    """A frame with the columns made out of its times, and without rows outside the period."""
    if not options.times:
        return data
    made = [types.StructField(column.name, types.StringType()) for column in options.calendar]
    made += [types.StructField(name, types.LongType()) for name in options.numbered]
    # what is made of a column of times may bear its name, and stands in its place
    names = {field.name for field in made}
    schema = types.StructType([*(field for field in data.schema.fields if field.name not in names), *made])
    return data.mapInArrow(partial(_made, options), schema)


def _made(options: Options, batches: Iterable[Any]) -> Iterator[Any]:
    """Batches with the columns made out of their times."""
    for batch in batches:
        columns, kept = made_columns(options, batch.column, "row {} of a batch".format)
        rows = batch if kept is None else batch.take(array_of(kept))
        names = (*(column.name for column in options.calendar), *options.numbered)
        rows = rows.select([name for name in rows.schema.names if name not in names])
        for name in names:
            rows = rows.append_column(name, columns[name])
        yield rows


def _numbered(data: Any) -> Any:
    """The same columns by names that need no quoting and that no setting takes for one another."""
    return data.toDF(*(f"c{place}" for place in range(len(data.columns))))


def _sums(cell: str, kind: Any, place: int) -> list[str]:
    """The sum of a column, null where it is too long, and how many cells are numbers, and negative ones.

    It is told to Spark as text: an expression built call by call takes longer than the sum of a million rows.
    """
    # a sum of bigint wraps or fails as the session is set; halves of 31 bits cannot wrap in either case
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


def reported(job: Job, report: Report, batches: Iterable[Any]) -> Iterator[Any]:
    """What *report* makes of the groups of one partition."""
    found = list(batches)
    if not found:
        return
    table = pa.Table.from_batches(found)
    table = table.filter(pc.greater(table[COUNT], 0))
    _check(job.layout, table)
    numbers = [
        (_numbers(job, table, place), job.places[name]) for place, name in enumerate(job.layout.quantities)
    ]
    numbers += [(ints_of(table[COUNT]), 0)] * len(job.layout.counts)
    keys = {name: table[f"k{place}"].combine_chunks() for place, name in enumerate(job.layout.keys)}
    # Spark takes no dictionaries for the texts that its schema names
    yield from spelled_out(report(job, Part(keys, numbers, table.num_rows))).to_batches()


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
    rows = table[COUNT]
    for place, name in enumerate(layout.keys):
        lacking = table[f"k{place}"].is_null()
        if name not in layout.optional and pc.any(lacking).as_py():
            raise null_keys(name, pc.sum(rows.filter(lacking)).as_py(), UNORDERED)
    for place, column in enumerate(layout.quantities):
        nulls, below = pc.subtract(rows, table[f"given{place}"]), table[f"below{place}"]
        for counts, is_null in ((nulls, True), (below, False))[: 1 if layout.signed else 2]:
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
        source = Source(names, columns.__getitem__, batch.num_rows, place="row {} of a batch".format)
        yield batch.append_column(AMOUNT, amount_column(source, job.options, job))
