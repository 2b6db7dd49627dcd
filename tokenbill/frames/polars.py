"""Polars: sums are taken in 128 bits and settled on arrays; lazy frames stay lazy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from tokenbill.errors import QuantityOverflow
from tokenbill.frames.arrow_columns import Numbers, uuid_texts
from tokenbill.frames.column_plan import KEPT
from tokenbill.frames.engines import np, pa, pl
from tokenbill.frames.ints import LONG, Ints
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import LINES, Layout, Options
from tokenbill.frames.parts import Part, added_up
from tokenbill.frames.polars_columns import OURS, check, ints_of, job_on, telling, typed
from tokenbill.frames.polars_rows import rate_rows
from tokenbill.frames.scales import DIGITS
from tokenbill.frames.tables import lines
from tokenbill.frames.times import made_columns

__all__ = ["rate_rows", "report"]

SOUND, HIGH = f"{OURS}sound", f"{OURS}high of "
SMALL = 1 << 16
"""So many rows are added up sooner in one piece than as a stream, and so many bills made into a frame."""
FEW = 1 << 10
"""So many rows are added up before the threads of a query are awake."""
HALF = 10**19
"""Numbers that could leave 128 bits when they are added up are added in two parts: n // HALF and n % HALF."""
FITTING = 10**26
"""As many numbers below this as can be counted add up within 128 bits."""


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a frame."""
    frame, is_lazy = data.lazy(), not isinstance(data, pl.DataFrame)
    schema = frame.collect_schema()
    job = job_on(schema, options, data)
    layout = job.layout
    untyped, (frame, schema) = schema, typed(frame, schema, layout, data)
    frame, place = _timed(frame, options, "row {} of a batch" if is_lazy else "row {}")
    own = {*layout.keys} - {column.name for column in options.calendar}
    # numbers of such columns can be so long that their sum leaves 128 bits
    long_kinds = (pl.Int128, pl.UInt128)
    wide = [name for name in layout.quantities if schema[name].is_decimal() or schema[name] in long_kinds]
    # what a frame in memory says of its columns saves a pass over its rows
    cells = {} if is_lazy else {name: data[name] for name in layout.quantities}
    known = {name: (int(n.min() or 0), int(n.max() or 0)) for name, n in cells.items()}
    is_sound = not (is_lazy or wide or options.times) and _is_sound(layout, data, known)
    if not is_sound:
        frame = frame.select(*(name for name in layout.keys), *layout.quantities, _sound(layout))
    if is_lazy:
        halves = {name: pl.Int128 for column in wide for name in (column, HIGH + column)}
        frame = frame.map_batches(
            telling(partial(checked, layout, wide, place)),
            schema={**frame.collect_schema(), **halves},
            streamable=True,
        )
    elif not is_sound:
        frame = checked(layout, wide, place, frame.collect()).lazy()
    key_kinds = {name: kind for name, kind in schema.items() if name in own and kind != pl.Binary}
    # other keys are grouped by Polars alone, which knows what is the same in them
    is_few = is_sound and schema is untyped and data.height <= FEW
    if is_few and all(schema[name] == pl.String or schema[name].is_integer() for name in own):
        rows = part_of(job, (), data, is_coded=False)
        return framed(job, report, key_kinds, added_up(rows.keys, rows.sums, data.height))
    summed = grouped(frame, layout, known, wide, None if is_lazy else data.height)
    work = partial(reported, job, report, wide, key_kinds)
    if not is_lazy:
        # a stream holds no copy of the rows that it groups
        return work([summed.collect(engine="in-memory" if data.height <= SMALL else "streaming")])
    kept = job.plan.schemas if report is lines and options.plans is None else {}
    return later(summed, work, kept, (layout, *schema.items()))


def grouped(
    frame: Any,
    layout: Layout,
    known: Mapping[str, tuple[int, int]],
    wide: Collection[str],
    height: int | None,
) -> Any:
    """The sums of a frame by group, asked for and not worked out; the *height* of a lazy one is not known."""
    kinds = sum_kinds(layout, known, wide, 0 if height is None else max(height, 1))
    sums = [pl.col(column).cast(kinds[column]).sum() for column in layout.quantities]
    sums += [pl.col(HIGH + column).sum() for column in wide]
    sums += [pl.len().cast(pl.Int64).alias(name) for name in layout.counts]
    # in one piece groups come out in any order, unless they are asked for as they came
    is_small, keys = height is not None and height <= SMALL, list(layout.keys)
    return frame.group_by(keys, maintain_order=is_small).agg(sums) if keys else frame.select(sums)


def later(summed: Any, work: Callable[[list[Any]], Any], kept: dict[object, Any], key: object) -> Any:
    """The same work as a part of the query, done when that runs; schemas of results are *kept* by *key*."""

    def batch(frame: Any) -> Any:
        return work([frame])

    schema = kept.get(key)
    if schema is None:
        # what no row decides is known from a frame of none
        schema = work([pl.DataFrame(schema=summed.collect_schema())]).schema
        if len(kept) >= KEPT:
            kept.clear()
        kept[key] = schema
    return summed.map_batches(telling(batch), schema=schema)


def _timed(frame: Any, options: Options, place: str) -> tuple[Any, Callable[[Any], str]]:
    """A frame with the columns made out of its times, and without rows outside the period."""
    if not options.times:
        return frame, place.format
    kinds = {column.name: pl.String for column in options.calendar}
    kinds |= dict.fromkeys(options.numbered, pl.Int64)

    def made(batch: Any) -> Any:
        def cells(name: str) -> Any:
            return batch[name].to_arrow(compat_level=pl.CompatLevel.oldest())

        columns, kept = made_columns(options, cells, place.format)
        rows = batch if kept is None else batch[kept]
        return rows.with_columns([pl.from_arrow(columns[name]).alias(name) for name in kinds])

    schema = {**frame.collect_schema(), **kinds}
    return frame.map_batches(telling(made), schema=schema, streamable=True), f"{place} kept".format


def sum_kinds(
    layout: Layout, known: Mapping[str, tuple[int, int]], wide: Collection[str], height: int
) -> dict[str, Any]:
    """What columns are added up in: 64 bits where no sum of all rows can leave them, 128 elsewhere."""
    # half the memory; what is known of a column bounds every sum of its rows
    short = {name for name, (least, most) in known.items() if max(most, -least) * height < LONG}
    return {name: pl.Int64 if name in short - {*wide} else pl.Int128 for name in layout.quantities}


def _is_sound(layout: Layout, data: Any, known: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a frame in memory has nothing that `check` refuses."""
    is_any = layout.signed or all(least >= 0 for least, _ in known.values())
    named = (*layout.by, *filter(None, [layout.meter]), *known)
    return is_any and not any(data[name].null_count() for name in named)


def _sound(layout: Layout) -> Any:
    """Whether a row names its group and meter, and its quantities are none that `check` refuses."""
    given = [pl.col(name).is_not_null() if layout.signed else pl.col(name) >= 0 for name in layout.quantities]
    named = [pl.col(name).is_not_null() for name in (*layout.by, *filter(None, [layout.meter]))]
    return pl.all_horizontal(pl.lit(value=True), *named, *given).alias(SOUND)


def checked(layout: Layout, wide: Sequence[str], place: Callable[[Any], str], frame: Any) -> Any:
    """A frame, or one batch of it, without nulls and negative quantities, its wide columns in two."""
    if not frame[SOUND].all(ignore_nulls=False):
        check(layout, frame, place)
    halves = [half for column in wide for half in _halves(frame[column], place)]
    return frame.with_columns(halves) if halves else frame


def _halves(cells: Any, place: Callable[[Any], str]) -> tuple[Any, Any]:
    """A column of whole numbers as low and high parts, neither of whose sums wraps."""
    numbers = cells.reinterpret(dtype=pl.Int128) if cells.dtype.is_decimal() else cells
    most = max(int(numbers.max() or 0), -int(numbers.min() or 0))
    if most >= 10**DIGITS:
        raise QuantityOverflow(cells.name, place(numbers.arg_max()), most, 10**DIGITS - 1)
    n, half = pl.lit(numbers.cast(pl.Int128)), pl.lit(HALF, pl.Int128)
    low, high = (n, pl.lit(0, pl.Int128)) if most < FITTING else (n % half, n // half)
    return low.alias(cells.name), high.alias(HIGH + cells.name)


def reported(
    job: Job, report: Report, wide: Collection[str], kinds: Mapping[str, Any], held: list[Any]
) -> Any:
    """What *report* makes of aggregated quantities, its keys of the types that they had.

    The frame of them is taken out of *held*, so that nobody has it any more while it becomes lines.
    """
    # few lines are made sooner in one go; the many of all customers cost memory, column by column
    is_coded = report is lines and job.options.plans is None and held[0].height > SMALL
    return framed(job, report, kinds, part_of(job, wide, held.pop(), is_coded=is_coded))


def framed(job: Job, report: Report, kinds: Mapping[str, Any], part: Part) -> Any:
    """The same of a part, which is let go of by the time that there are lines."""
    table, is_coded = report(job, part), part.is_coded
    if is_coded:
        del part
        columns = dict(zip(table.column_names, table.columns, strict=True))
        del table
        result = put_in(columns)
    else:
        # of few lines there is one batch, which Polars takes as it is; a table it asks for its chunks
        batches = table.to_batches()
        result = pl.DataFrame(batches[0]) if len(batches) == 1 else pl.from_arrow(table)
    # a key comes back in the type that it had, so that the result joins with the user's frame
    found = result.schema
    casts = [pl.col(name).cast(kind) for name, kind in kinds.items() if found.get(name, kind) != kind]
    return result.with_columns(casts) if casts else result


def part_of(job: Job, wide: Collection[str], frame: Any, *, is_coded: bool) -> Part:
    """Aggregated quantities as a part, or those of rows."""
    layout, schema, keys = job.layout, frame.schema, dict[str, Any]()
    # texts that nobody tells apart any more stay where they are
    is_whole = is_coded and layout.keys == layout.by
    for name in layout.keys:
        kind, cells = schema[name], frame[name]
        # Arrow knows no integers of 128 bits
        cells = cells.cast(pl.String) if kind in (pl.Int128, pl.UInt128) else cells
        level = pl.CompatLevel.newest() if is_whole and kind == pl.String else pl.CompatLevel.oldest()
        found = cells.to_arrow(compat_level=level)
        # Polars reads the UUIDs of Parquet as bytes, and forgets what they were
        keys[name] = uuid_texts(found) if kind == pl.Binary else found
    sums = list[Numbers]()
    for column in layout.quantities:
        n = ints_of(frame[column])
        n = ints_of(frame[HIGH + column]) * HALF + n if column in wide else n
        sums.append((n, job.places[column]))
    for name in layout.counts:  # rows that nobody counted yet are one each
        sums.append((ints_of(frame[name]) if name in schema else Ints(np.ones(frame.height, np.int64), 1), 0))
    return Part(keys, sums, frame.height, is_coded)


def put_in(columns: dict[str, Any]) -> Any:
    """Lines as a frame, with the cells that their columns hold the places of."""
    found, ordered = list[Any](), list[Any]()
    for name in list(columns):
        cells = columns.pop(name)  # each is let go before the next one is made
        if not pa.types.is_dictionary(cells.type):
            found.append(pl.from_arrow(cells).alias(name))
            ordered.append(pl.col(name))
            continue
        known = pl.from_arrow(cells.chunk(0).dictionary)
        known = known.cast(pl.Categorical) if name in LINES else known
        if name in (LINES[0], LINES[-1]):  # one text for all rows takes no memory for each
            ordered.append(pl.lit(known).first().alias(name))
            continue
        # Polars counts places without a sign, and would make a copy of those that have one
        unsigned = f"uint{cells.chunk(0).indices.type.bit_width}"
        places = pl.from_arrow(pa.chunked_array([chunk.indices.view(unsigned) for chunk in cells.chunks]))
        found.append(known[places].alias(name))
        ordered.append(pl.col(name))
    return pl.DataFrame(found).select(ordered)
