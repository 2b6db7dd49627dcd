"""Columns of Arrow: what names groups and meters, and whole numbers out of them and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from tokenbill.core.base.quoting import quoted
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.layouts import Layout, check_counts, float_column, no_numbers, null_keys
from tokenbill.frames.scales import DIGITS

__all__ = [
    "IN_ORDER",
    "Decimals",
    "GrowingArray",
    "Numbers",
    "Place",
    "Source",
    "array_of",
    "coded",
    "decimals_of",
    "flags",
    "ints_of",
    "keys_of",
    "longs",
    "numbers_of",
    "plain",
    "readable",
    "refuse_nulls",
    "texts_of",
    "uuid_texts",
]

Numbers: TypeAlias = "tuple[Ints, int]"
"""Whole numbers, and how many decimals of what they count they hold."""

Place: TypeAlias = Callable[[int], str]
"""What an error calls a row."""

IN_ORDER: Place = "row {}".format
UUID_SIZE = 16
SPARE = 1 << 10
"""Numbers for which a column that grows has room beyond those that are expected."""
VIEWS = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}


class Source(NamedTuple):
    """The columns of a frame: their names, one by its name, how many rows it has.

    ``cast`` is how floats of a column become integers, ``place`` what errors call a row.
    """

    names: Sequence[str]
    column: Callable[[str], Any]
    height: int
    cast: str = ""
    place: Place = IN_ORDER


# ---------------------------------------------------------------- keys


def keys_of(name: str, source: Source, layout: Layout) -> Any:
    """A column that names groups or meters, checked."""
    cells = readable(source.column(name))
    refuse_nulls(name, cells, layout, source.place)
    return cells


def readable(cells: Any) -> Any:
    """A column of keys of a type that tells rows apart: UUIDs as text, no runs, no short decimals."""
    kind = cells.type
    # before PyArrow 18 a UUID of Parquet is sixteen bytes like any others
    is_bytes = pa.types.is_fixed_size_binary(kind) and kind.byte_width == UUID_SIZE
    if is_bytes or getattr(kind, "extension_name", "") == "arrow.uuid":
        return uuid_texts(cells)
    if pa.types.is_run_end_encoded(kind):
        chunks = [pc.run_end_decode(chunk) for chunk in _chunks(cells)]
        return pa.chunked_array(chunks) if isinstance(cells, pa.ChunkedArray) else chunks[0]
    if pa.types.is_decimal(kind) and kind.bit_width < 128:
        return cells.cast(pa.decimal128(DIGITS, kind.scale))
    return cells


def uuid_texts(cells: Any) -> Any:
    """UUIDs as text, and other bytes as hexadecimal digits."""
    chunks = list[Any]()
    for chunk in _chunks(cells):
        storage = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        known = storage.cast(pa.binary()).dictionary_encode()
        texts = [
            str(UUID(bytes=key)) if len(key) == UUID_SIZE else key.hex()
            for key in known.dictionary.to_pylist()
        ]
        chunks.append(texts_of(texts).take(known.indices))
    return pa.chunked_array(chunks, pa.string()) if isinstance(cells, pa.ChunkedArray) else chunks[0]


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
    if name in layout.optional:
        return
    if pa.types.is_dictionary(cells.type):  # which may hold a null, too
        found = [flags(chunk.dictionary.is_valid().take(chunk.indices)) for chunk in _chunks(cells)]
        is_null = ~np.concatenate(found)
    else:
        is_null = ~flags(cells.is_valid()) if cells.null_count else np.zeros(0, bool)
    if is_null.any():
        raise null_keys(name, int(is_null.sum()), place(int(np.argmax(is_null))))


def _chunks(cells: Any) -> list[Any]:
    return (cells.chunks or [pa.nulls(0, cells.type)]) if isinstance(cells, pa.ChunkedArray) else [cells]


def coded(columns: Mapping[str, Any], height: int) -> tuple[Array, dict[str, Any]]:
    """The place of each row among the different rows of some columns, and those rows."""
    code, keys = np.zeros(height, np.int64), dict[str, Any]()
    for name, cells in columns.items():
        found, different = encoded(cells)
        size = max(len(different), 1)
        if keys:
            both = array_of(code * size + found).dictionary_encode()
            code, pairs = longs(both.indices), longs(both.dictionary)
            keys = {key: part.take(array_of(pairs // size)) for key, part in keys.items()}
            keys[name] = different.take(array_of(pairs % size))
        else:
            code, keys = found, {name: different}
    return code, keys


def encoded(cells: Any) -> tuple[Array, Any]:
    """The place of each cell among the different ones, in the order of the rows, and those."""
    try:
        whole = _dictionary(cells)
    except pa.ArrowNotImplementedError:
        raise UnreadableInput("cells that tell no rows apart", cells.type, "give texts or numbers") from None
    if whole.null_count or pa.types.is_dictionary(cells.type):  # some may be of no row
        used = whole.indices.dictionary_encode(null_encoding="encode")
        return longs(used.indices), whole.dictionary.take(used.dictionary)
    return longs(whole.indices), whole.dictionary


def _dictionary(cells: Any) -> Any:
    """Cells as places in a dictionary without nulls, in one piece: all texts may be too long for one."""
    if pa.types.is_dictionary(cells.type):
        # a dictionary of others may hold a null, or one text twice
        chunks = list[Any]()
        for chunk in _chunks(cells):
            known = plain(chunk.dictionary).dictionary_encode()
            chunks.append(pa.DictionaryArray.from_arrays(known.indices.take(chunk.indices), known.dictionary))
        cells = pa.chunked_array(chunks)
    elif pa.types.is_null(cells.type):
        return pa.DictionaryArray.from_arrays(pa.nulls(len(cells), pa.int32()), pa.nulls(0))
    else:
        cells = plain(cells).dictionary_encode()
    return cells.unify_dictionaries().combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells


# ---------------------------------------------------------------- numbers


def numbers_of(
    name: str, cells: Any, cast: str = "", place: Place = IN_ORDER, *, signed: bool = False
) -> Numbers:
    """A column of quantities as whole numbers, checked, and its decimals."""
    is_number = pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type)
    # A month without events comes with no types, or those of an empty column: it is a bill of nothing.
    if pa.types.is_null(cells.type) or not (is_number or len(cells)):
        cells, is_number = pa.nulls(len(cells), pa.int64()), True
    if pa.types.is_floating(cells.type):
        raise _float(name, cells, cast, place)
    if not is_number:
        raise no_numbers(name, cells.type)
    if cells.null_count:
        check_counts(name, cells.null_count, 0, place(_first(cells.is_null())))
    n = ints_of(cells)
    is_negative = n.signs()
    if is_negative.any() and not signed:
        check_counts(name, 0, int(is_negative.sum()), place(int(np.argmax(is_negative))))
    return shortened(name, n, cells, place) if pa.types.is_decimal(cells.type) else (n, 0)


def shortened(name: str, n: Ints, cells: Any, place: Place) -> Numbers:
    """Decimals without places that are all zeros, where there are more digits than 38."""
    places = max(cells.type.scale, 0)
    if places > DIGITS or n.tight().top >= 10**DIGITS:
        numbers = n.long()
        while places and not (numbers % 10).any():
            numbers, places = numbers // 10, places - 1
        n = Ints(numbers)
        if places > DIGITS:
            odd = int(np.argmax(numbers % 10 ** (places - DIGITS) != 0))
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
    """Whole numbers as an array."""
    if pa.types.is_decimal(cells.type):
        return unscaled(cells)
    if pa.types.is_uint64(cells.type):
        low = longs(cells).view(np.uint64)
        return Ints(low, 2**64, np.zeros(low.size, np.int64)).tight()
    return Ints(longs(cells))


def longs(cells: Any) -> Array:
    """Whole numbers of at most 64 bits as an array; what is null is any number."""
    # PyArrow's own way to numpy asks pandas, as pa.array and pa.scalar do, and imports all of it for that:
    # half a second and 50 MiB in a process that has no frame of pandas
    found = np.concatenate([_held(chunk, str(chunk.type), 1) for chunk in _chunks(cells)])
    return found.astype(np.int64, copy=False)


def flags(cells: Any) -> Array:
    """Truth values as an array; null is False."""
    found = [np.zeros(0, bool)]
    for chunk in filter(len, _chunks(cells)):
        start, end = chunk.offset, chunk.offset + len(chunk)
        # bits that say what is valid, if any, and those of the values
        held = [np.frombuffer(buffer, np.uint8) for buffer in chunk.buffers() if buffer is not None]
        bits = [np.unpackbits(each, bitorder="little")[start:end] for each in held]
        found.append(np.logical_and.reduce(bits))
    return np.concatenate(found)


def _first(cells: Any) -> int:
    """The first that is true."""
    return int(np.argmax(flags(cells)))


def unscaled(cells: Any) -> Ints:
    """Decimals times 10^scale, by their words."""
    scale, bits = cells.type.scale, cells.type.bit_width
    power = int(10 ** max(-scale, 0))
    if bits < 128:
        cells = cells.cast(pa.decimal128(DIGITS, scale))
    width = max(bits, 128) // 64
    # the words of 64 bits of each, the lowest first
    words = np.concatenate([_held(chunk, "int64", width).reshape(-1, width) for chunk in _chunks(cells)]).T
    low, upper = np.ascontiguousarray(words[0]), np.ascontiguousarray(words[1])
    if bool((words[2:] == upper >> 63).all()):
        return Ints(low.view(np.uint64), 2**127, upper).tight() * power
    n = words[-1].astype(object)
    for word in words[-2::-1]:
        n = n * 2**64 + word.view(np.uint64).astype(object)
    return Ints(n) * power


def _held(chunk: Any, kind: str, width: int) -> Array:
    """The numbers of an array of Arrow, so many of each cell."""
    buffer = chunk.buffers()[1]
    if buffer is None or not len(chunk):
        return np.zeros(0, kind)
    return np.frombuffer(buffer, kind, width * (chunk.offset + len(chunk)))[width * chunk.offset :]


def array_of(cells: Array, valid: Array = None) -> Any:
    """Numbers or truth values as an array of Arrow; what is not *valid* is null."""
    bits = None if valid is None else _bits(valid)
    data = _bits(cells) if cells.dtype == bool else pa.py_buffer(np.ascontiguousarray(cells))
    return pa.Array.from_buffers(pa.from_numpy_dtype(cells.dtype), cells.size, [bits, data])


def texts_of(texts: Sequence[str | None]) -> Any:
    """Texts as an array of Arrow, where None is null; by their bytes."""
    held = [b"" if text is None else text.encode() for text in texts]
    ends = np.array(list(accumulate(map(len, held), initial=0)), np.int32)
    bits = _bits(np.array([text is not None for text in texts], bool)) if None in texts else None
    return pa.Array.from_buffers(
        pa.string(), len(held), [bits, pa.py_buffer(ends), pa.py_buffer(b"".join(held))]
    )


def _bits(values: Array) -> Any:
    """Truth values as Arrow keeps them."""
    return pa.py_buffer(np.packbits(values, bitorder="little"))


class GrowingArray:
    """An array that grows block by block and stays in one piece; *width* columns wide, if it is told."""

    def __init__(self, kind: Any, *width: int) -> None:
        self.size = 0
        self.held: Array = np.empty((0, *width), kind)

    def room(self, size: int, times: float) -> Array:
        """The room for so many rows more, of which *times* as many may come in all."""
        start, self.size = self.size, self.size + size
        if self.size > len(self.held):
            # memory that nobody wrote to is none yet, so that what is reserved for nothing costs nothing
            rows = max(self.size, int(self.size * times * 1.1) + SPARE)
            more = np.empty((rows, *self.held.shape[1:]), self.held.dtype)
            more[:start] = self.held[:start]
            self.held = more
        return self.held[start : self.size]

    @property
    def array(self) -> Array:
        """What was written so far."""
        return self.held[: self.size]


class Decimals(GrowingArray):
    """A column of decimals that grows block by block."""

    def __init__(self, places: int) -> None:
        super().__init__(np.int64, 2)
        self.places = places

    def add(self, numbers: Ints, times: float) -> None:
        """Add whole numbers in 1/10^places, of which *times* as many may come in all."""
        low, high = numbers.words()
        room = self.room(low.size, times)
        room[:, 0], room[:, 1] = low.view(np.int64), high

    def column(self, valid: Array = None) -> Any:
        """What was added, as a column; a number that is not *valid* is none."""
        bits = None if valid is None else _bits(valid)
        kind, data = pa.decimal128(DIGITS, self.places), pa.py_buffer(self.array)
        return pa.Decimal128Array.from_buffers(kind, self.size, [bits, data])


def decimals_of(numbers: Ints, places: int, valid: Array = None) -> Any:
    """Whole numbers in 1/10^places as a column of decimals; what is not *valid* is null."""
    column = Decimals(places)
    column.add(numbers, 0)
    return column.column(valid)
