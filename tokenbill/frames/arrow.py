"""Arrow tables: keys are encoded by Arrow, numbers summed and rated by the numpy kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.base.quoting import quoted
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.frames.bills import amounts, settle
from tokenbill.frames.layouts import (
    AMOUNT,
    ROWS,
    Asked,
    Layout,
    check_counts,
    engine,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
)
from tokenbill.frames.numpy import LONG, Ints, Sums, added, times
from tokenbill.frames.tariff import DIGITS, Tariff

np = engine("numpy", "arrow")
pa = engine("pyarrow", "arrow")
pc = engine("pyarrow.compute", "arrow")

__all__ = [
    "IN_ORDER",
    "Job",
    "Numbers",
    "Place",
    "Source",
    "amount_column",
    "bills",
    "coded",
    "ints_of",
    "job_of",
    "keys_of",
    "lines",
    "numbers_of",
    "plain",
    "rate",
    "rate_rows",
    "refuse_nulls",
]

Numbers: TypeAlias = "tuple[Ints, int]"
"""Whole numbers, and how many decimals of what they count they hold."""

Place: TypeAlias = Callable[[int], str]
"""What an error calls a row."""

IN_ORDER: Place = "row {}".format
VIEWS = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}


class Source(NamedTuple):
    """The columns of a frame: their names, one by its name, and how floats of a column become integers.

    ``place`` is what errors call a row.
    """

    names: Sequence[str]
    column: Callable[[str], Any]
    cast: str
    place: Place = IN_ORDER


class Job(NamedTuple):
    """What is rated: the plan for columns, what they mean, and their numbers with their decimals."""

    tariff: Tariff
    layout: Layout
    quantities: Sequence[Numbers]
    height: int


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group."""
    return lines(_source(data), asked)


def rate_rows(data: Any, asked: Asked) -> Any:
    """The table with the amount of each row."""
    return data.append_column(AMOUNT, amount_column(_source(data), asked))


def _source(data: Any) -> Source:
    return Source(data.schema.names, data.column, 'pc.cast(table["{}"], pa.int64())')


def lines(source: Source, asked: Asked) -> Any:
    """The lines of bills as a table."""
    job = _job(source, asked)
    columns = (*job.layout.by, *job.layout.variants)
    return bills(job, {name: keys_of(name, source, job.layout) for name in columns})


def bills(job: Job, every: Mapping[str, Any]) -> Any:
    """The lines of the bills of quantities beside the cells that name their groups and meters, as a table."""
    by, variants = job.layout.by, job.layout.variants
    code, keys = coded(every, job.height)
    count = len(next(iter(keys.values()))) if every else 1
    summed = [(added(count, code, n), places) for n, places in job.quantities]
    group, groups = coded({name: keys[name] for name in by}, count)
    variant, found = coded({name: keys[name] for name in variants}, count)
    found_variants = list(zip(*(cells.to_pylist() for cells in found.values()), strict=True))

    def name(place: int) -> str:
        return job.layout.group(cells[place].as_py() for cells in groups.values())

    sums = Sums(
        len(next(iter(groups.values()))) if by else 1,
        group if variants else None,
        found_variants if variants else [()],
        variant if variants else None,
        summed,
        name,
    )
    return _table(job, groups, sums)


def amount_column(source: Source, asked: Asked, tariff: Tariff | None = None) -> Any:
    """The amount of each row as a column; *tariff* is the plan for its decimals, where that is known."""
    job = _job(source, asked, tariff)
    variants = job.layout.variants
    every = {name: keys_of(name, source, job.layout) for name in variants}
    code, found = coded(every, job.height)
    cells = list(zip(*(part.to_pylist() for part in found.values()), strict=True)) if variants else [()]
    which = code if variants else None
    sums = Sums(job.height, None, cells, which, job.quantities, source.place)
    return _decimals(amounts(job.tariff, job.layout, sums), job.tariff.row_places)


def _job(source: Source, asked: Asked, tariff: Tariff | None = None) -> Job:
    layout = layout_of(source.names, asked)
    found = [numbers_of(name, source.column(name), source.cast, source.place) for name in layout.quantities]
    return job_of(asked, layout, found, len(found[0][0]) if found else 0, tariff)


def job_of(
    asked: Asked, layout: Layout, found: Sequence[Numbers], height: int, tariff: Tariff | None = None
) -> Job:
    """The job of rating some numbers, with the plan in the unit that all of them are whole in."""
    unit = 10 ** max((places for _, places in found), default=0)
    tariff = tariff or Tariff(asked.plan, unit, names=layout.names(), period=asked.period)
    return Job(tariff, layout._replace(labels=tuple(tariff.told_apart(layout.labels))), found, height)


def _table(job: Job, groups: Mapping[str, Any], sums: Sums) -> Any:
    """The settled bills as a table."""
    rows = settle(job.tariff, job.layout, sums)
    by = {name: cells.take(pa.array(rows.group)) for name, cells in groups.items()}
    what = pa.array(rows.what)
    texts = {
        name: pa.array([text[place] for text in rows.texts], pa.string()).take(what)
        for place, name in enumerate(ROWS[:3])
    }
    quantity = _decimals(rows.quantity, len(str(job.tariff.unit)) - 1)
    numbers = {
        "quantity": pc.if_else(pa.array(rows.counted), quantity, pa.scalar(None, quantity.type)),
        AMOUNT: _decimals(rows.amount, job.tariff.places),
    }
    return pa.table(by | texts | numbers)


# ---------------------------------------------------------------- keys


def keys_of(name: str, source: Source, layout: Layout) -> Any:
    """A column that names groups or meters, checked."""
    cells = source.column(name)
    refuse_nulls(name, cells, layout, source.place)
    return cells


def plain(cells: Any) -> Any:
    """A column without a dictionary, and without views, which Arrow cannot take rows of."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    kind = VIEWS.get(str(cells.type))
    if kind is None:
        return cells
    try:
        return cells.cast(kind)
    except pa.ArrowNotImplementedError:  # before Arrow 18
        return pa.array(cells.to_pylist(), kind)


def refuse_nulls(name: str, cells: Any, layout: Layout, place: Place = IN_ORDER) -> None:
    """Refuse rows that name no group or meter; only a label may be missing."""
    is_null = _is_null(cells)
    nulls = pc.sum(is_null).as_py()
    if nulls and name not in layout.labels:
        raise null_keys(name, nulls, place(_first(is_null)))


def _is_null(cells: Any) -> Any:
    """Where cells are missing; a dictionary may hold a null, too."""
    if not pa.types.is_dictionary(cells.type):
        return cells.is_null()
    found = [chunk.dictionary.is_null().take(chunk.indices).fill_null(True) for chunk in _chunks(cells)]
    return pa.chunked_array(found, pa.bool_())


def _first(cells: Any) -> int:
    return int(pc.index(cells, True).as_py())


def _chunks(cells: Any) -> list[Any]:
    return (cells.chunks or [pa.array([], cells.type)]) if isinstance(cells, pa.ChunkedArray) else [cells]


def coded(columns: Mapping[str, Any], height: int) -> tuple[Ints, dict[str, Any]]:
    """The place of each row among the different rows of some columns, and those rows."""
    code, keys = np.zeros(height, np.int64), dict[str, Any]()
    for name, cells in columns.items():
        found, different = _encoded(cells)
        size = max(len(different), 1)
        if keys:
            both = pa.array(code * size + found).dictionary_encode()
            code, pairs = both.indices.to_numpy().astype(np.int64), both.dictionary.to_numpy()
            keys = {key: part.take(pa.array(pairs // size)) for key, part in keys.items()}
            keys[name] = different.take(pa.array(pairs % size))
        else:
            code, keys = found, {name: different}
    return code, keys


def _encoded(cells: Any) -> tuple[Ints, Any]:
    """The place of each cell among the different ones, in the order of the rows, and those."""
    try:
        whole = _dictionary(cells)
    except pa.ArrowNotImplementedError:
        raise UnreadableInput("cells that tell no rows apart", cells.type, "give texts or numbers") from None
    if whole.null_count or pa.types.is_dictionary(cells.type):  # some may be of no row
        used = whole.indices.dictionary_encode(null_encoding="encode")
        return used.indices.to_numpy().astype(np.int64), whole.dictionary.take(used.dictionary)
    return whole.indices.to_numpy().astype(np.int64), whole.dictionary


def _dictionary(cells: Any) -> Any:
    """Cells as places in a dictionary without nulls, in one piece: all texts may be too long for one."""
    if pa.types.is_dictionary(cells.type):
        cells = pa.chunked_array([_cleared(chunk) for chunk in _chunks(cells)])
    elif pa.types.is_null(cells.type):
        return pa.DictionaryArray.from_arrays(pa.nulls(len(cells), pa.int32()), pa.nulls(0))
    else:
        cells = plain(cells).dictionary_encode()
    return cells.unify_dictionaries().combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells


def _cleared(chunk: Any) -> Any:
    """A dictionary that holds no null and nothing twice."""
    known = plain(chunk.dictionary).dictionary_encode()
    return pa.DictionaryArray.from_arrays(known.indices.take(chunk.indices), known.dictionary)


# ---------------------------------------------------------------- numbers


def numbers_of(name: str, cells: Any, cast: str = "", place: Place = IN_ORDER) -> Numbers:
    """A column of quantities as whole numbers, checked, and its decimals."""
    if pa.types.is_floating(cells.type):
        raise _float(name, cells, cast, place)
    if not pa.types.is_integer(cells.type) and not pa.types.is_decimal(cells.type):
        raise no_numbers(name, cells.type)
    if cells.null_count:
        check_counts(name, cells.null_count, 0, place(_first(cells.is_null())))
    n = ints_of(cells)
    if n.size and n.min() < 0:
        check_counts(name, 0, int((n < 0).sum()), place(int(np.argmax(n < 0))))
    return _shortened(name, n, cells, place) if pa.types.is_decimal(cells.type) else (n, 0)


def _shortened(name: str, n: Ints, cells: Any, place: Place) -> Numbers:
    """Decimals without places that are all zeros, where there are more digits than 38."""
    places = max(cells.type.scale, 0)
    if places > DIGITS or (n.size and n.max() >= 10**DIGITS):
        while places and not (n % 10).any():
            n, places = n // 10, places - 1
    if places > DIGITS:
        odd = int(np.argmax(n % 10 ** (places - DIGITS) != 0))
        what = f"more than {DIGITS} decimals in column {quoted(name)} in {place(odd)}"
        raise InvalidNumber(what, cells[odd].as_py(), "write fewer digits")
    return n, places


def _float(name: str, cells: Any, cast: str, place: Place) -> Exception:
    """The error for floats; where all that are there are whole numbers, nulls are what is wrong."""
    kind, cells = cells.type, cells.cast(pa.float64())  # Arrow rounds none that are short
    odd = pc.invert(pc.and_(pc.equal(pc.floor(cells), cells), pc.is_finite(cells))).fill_null(False)
    count = pc.sum(odd).as_py() or 0
    if cells.null_count and not count:
        check_counts(name, cells.null_count, 0, place(_first(cells.is_null())))
    return float_column(name, kind, odd=count, first=place(_first(odd)), cast=cast.format(name))


def ints_of(cells: Any) -> Ints:
    """Whole numbers as an array: int64 where they fit."""
    if pa.types.is_decimal(cells.type):
        return _unscaled(cells)
    if pa.types.is_uint64(cells.type) and len(cells) and pc.max(cells).as_py() >= LONG:
        return np.array(cells.to_pylist(), object)
    return cells.to_numpy().astype(np.int64)


def _unscaled(cells: Any) -> Ints:
    """Decimals times 10^scale: their low words, where the higher ones say that these are all."""
    scale, bits = cells.type.scale, cells.type.bit_width
    if bits < 128:
        cells = cells.cast(pa.decimal128(DIGITS, scale))
    words = np.concatenate([_words(chunk, max(bits, 128) // 64) for chunk in _chunks(cells)]).T
    low, n = np.ascontiguousarray(words[0]), words[-1]
    if bool((words[1:] == low >> 63).all()):
        return times(low, 10 ** max(-scale, 0))
    for word in words[-2::-1]:
        n = n.astype(object) * 2**64 + word.view(np.uint64).astype(object)
    return times(n, 10 ** max(-scale, 0))


def _words(chunk: Any, count: int) -> Any:
    """The words of 64 bits of decimals, the lowest first."""
    buffer = chunk.buffers()[1]
    if buffer is None or not len(chunk):
        return np.zeros((0, count), np.int64)
    held = np.frombuffer(buffer, np.int64)[count * chunk.offset : count * (chunk.offset + len(chunk))]
    return held.reshape(-1, count)


def _decimals(numbers: Ints, places: int) -> Any:
    """Whole numbers in 1/10^places as a column of decimals."""
    if numbers.dtype == object:
        held = b"".join(int(n).to_bytes(16, "little", signed=True) for n in numbers.tolist())
    else:
        held = np.stack([numbers, numbers >> 63], axis=1)
    kind = pa.decimal128(DIGITS, places)
    return pa.Decimal128Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(held)])
