"""Files of usage larger than the memory: Parquet and CSV, batch by batch, added up by group.

What is kept are the sums of each group and meter, not rows; they are rated when the last file is read.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import PLACES
from tokenbill.errors import InvalidNumber, TokenbillError, UnreadableInput
from tokenbill.frames.arrow import Numbers, Place, bills, coded, numbers_of, plain, refuse_nulls
from tokenbill.frames.column_plan import DIGITS
from tokenbill.frames.engines import arrow_csv, np, pa, parquet, pc
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import Options, float_column, layout_of
from tokenbill.frames.parts import Part, added_up, common, joined

__all__ = ["stream"]

BATCH = 1 << 17
"""Rows that are read at once."""
BLOCK = 1 << 22
"""Bytes of a CSV file that are read at once; no row is longer."""
PENDING = 1 << 20
"""Sums that may wait to be added together."""
PATHS: tuple[type, ...] = (str, PathLike)
CSV = (".csv", ".csv.gz")
PARQUET = (".parquet", ".pq")
PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
"""A number in CSV: what ``decimals.number`` takes."""
SHORT = 18
"""Digits that 64 bits hold in any case."""
CAST = 'in {}, write column "{}" as int64 or a decimal'

Told: TypeAlias = Callable[[int], object]


def stream(path: object, options: Options, progress: object) -> Any:
    """The lines of bills as a table."""
    paths = _paths(path)
    with _watched(progress, paths) as tell:
        files = map(_opened, paths)
        first = next(files)
        total = _Total(options, first)
        for file in (first, *files):
            total.add(file, tell)
    return total.bills()


# ---------------------------------------------------------------- sums


class _Total:
    """The sums of all rows so far, some of them still waiting to be added together."""

    def __init__(self, options: Options, first: _File) -> None:
        with _told_of(first.name):
            layout = layout_of(first.names, options)
        self.options, self.job = options, Job.of(options, layout, {})
        self.layout = self.job.layout
        self.columns = (*self.layout.by, *self.layout.variants)
        empty = {name: plain(pa.array([], first.kinds[name])) for name in self.columns}
        none = [(Ints(np.zeros(0, np.int64), 0), 0)] * len(layout.quantities)
        self.parts, self.waiting = [Part(empty, none, 0)], 0
        self.kinds = {name: cells.type for name, cells in empty.items()}
        self.seen = set[tuple[Any, ...]]()

    def add(self, file: _File, tell: Told) -> None:
        """Add the rows of a file."""
        with _told_of(file.name):
            found = layout_of(file.names, self.options)
        if set(found.quantities) != set(self.layout.quantities) or found.meter != self.layout.meter:
            raise UnreadableInput("a file with other columns than the first", file.name, "bill it on its own")
        for name in found.quantities:
            if pa.types.is_floating(file.kinds[name]):
                cast = CAST.format(file.name, name)
                raise float_column(name, file.kinds[name], odd=None, first=None, cast=cast)
        before = 0
        for batch in file.read([*self.columns, *self.layout.quantities]):
            self._add(batch, file, before)
            before += batch.num_rows
            tell(batch.num_rows)

    def _add(self, batch: Any, file: _File, before: int) -> None:
        def place(row: int) -> str:
            return f"row {before + row} of {file.name}"

        sums = list[Numbers]()
        for name in self.layout.quantities:
            cells = file.counted(name, batch.column(name), place)
            sums.append(numbers_of(name, cells, place=place))
        keys = {name: batch.column(name) for name in self.columns}
        for name, cells in keys.items():
            refuse_nulls(name, cells, self.layout, place)
        part = added_up(keys, sums, batch.num_rows)
        self._match(part, keys, place)
        self._keep(part, file)

    def _keep(self, part: Part, file: _File) -> None:
        for name, cells in part.keys.items():
            kind = common([self.kinds[name], cells.type])
            if kind is None:
                what = f"column {quoted(name)} of another type than in the first file"
                raise UnreadableInput(what, file.name, "write it with one type")
            self.kinds[name] = kind
        self.parts.append(part)
        self.waiting += part.height
        if self.waiting > max(PENDING, self.parts[0].height):
            self._join()

    def _match(self, part: Part, keys: Mapping[str, Any], place: Place) -> None:
        """Refuse meters without a price in the batch that brings them, and not after the last file."""
        _, variants = self._variants(part.keys, part.height)
        for variant in variants:
            if variant not in self.seen:
                self._price(variant, keys, place)
                self.seen.add(variant)

    def _price(self, variant: tuple[Any, ...], keys: Mapping[str, Any], place: Place) -> None:
        try:
            self.layout.entry(self.job.plan, self.layout.quantities[0], variant)
        except TokenbillError as error:
            with _told_of(place(self._first(variant, keys))):
                raise error from None

    def _variants(self, keys: Mapping[str, Any], height: int) -> tuple[Array, list[tuple[Any, ...]]]:
        """What tells the meters of rows apart, and which of it each row has."""
        code, found = coded({name: keys[name] for name in self.layout.variants}, height)
        return code, list(zip(*(cells.to_pylist() for cells in found.values()), strict=True))

    def _first(self, variant: tuple[Any, ...], keys: Mapping[str, Any]) -> int:
        """The first row of a variant."""
        code, variants = self._variants(keys, len(next(iter(keys.values()))))
        return int(np.argmax(code == variants.index(variant)))

    def _join(self) -> None:
        self.parts, self.waiting = [joined(self.parts)], 0

    def bills(self) -> Any:
        """The bills of all rows."""
        self._join()
        (part,) = self.parts
        places = {name: digits for name, (_, digits) in zip(self.layout.quantities, part.sums, strict=True)}
        job = Job.of(self.options, self.layout, places)
        return bills(job, [n for n, _ in part.sums], part.keys, part.height)


# ---------------------------------------------------------------- files


class _File(NamedTuple):
    """A file: what errors call it, its columns and their types, and the batches of some columns.

    ``counted`` makes a column of quantities one of numbers.
    """

    name: str
    names: Sequence[str]
    kinds: Mapping[str, Any]
    read: Callable[[Sequence[str]], Iterator[Any]]
    counted: Callable[[str, Any, Place], Any]


def _paths(given: Any) -> list[Path]:
    """The files that are meant: one, several, or all Parquet and CSV files below a folder, by name."""
    every: list[Any] = [given] if isinstance(given, PATHS) or not hasattr(given, "__iter__") else [*given]
    found = [path for one in every for path in _below(one)]
    if not found:
        raise UnreadableInput("no files", given, 'give the path of a file or folder: "usage.parquet"')
    return found


def _below(given: Any) -> list[Path]:
    """A file, or the files of a folder."""
    try:
        path = Path(given)
    except TypeError:
        raise UnreadableInput(
            "not a path", given, 'give the path of a file or folder: "usage.parquet"'
        ) from None
    with _reading(path):
        is_there = path.exists()
    if not is_there:
        raise UnreadableInput("no such file", path.name, "look at its folder and its name")
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.name.endswith(CSV + PARQUET))


def _opened(path: Path) -> _File:
    if path.name.endswith(CSV):
        return _csv_file(path)
    if path.name.endswith(PARQUET):
        return _parquet_file(path)
    raise UnreadableInput("not a Parquet or CSV file", path.name, f"name it {' or '.join(PARQUET + CSV)}")


@contextmanager
def _told_of(where: str) -> Generator[None, None, None]:
    """Say before what is refused where that is."""
    try:
        yield
    except TokenbillError as error:
        error.args = (f"{where}: {error}",)
        raise


@contextmanager
def _reading(path: Path, odd: Sequence[int] = ()) -> Generator[None, None, None]:
    """Tell what Arrow and the system refuse with the name of the file, and without its text."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError):
        reason = "it is damaged, locked, or not what its name says"
        if odd:
            reason = f"row {odd[0] - 2} has too many or too few cells"  # counted from 1, with the header
        raise UnreadableInput("cannot read", path.name, reason) from None


def _parquet_file(path: Path) -> _File:
    with _reading(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
    kinds = dict(zip(schema.names, schema.types, strict=True))

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        texts = [name for name in columns if pa.types.is_string(kinds[name])]
        with _reading(path), parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as opened:
            yield from opened.iter_batches(BATCH, columns=columns)

    return _File(path.name, schema.names, kinds, batches, _as_it_is)


def _as_it_is(_: str, cells: Any, __: Place) -> Any:
    return cells


def _csv_file(path: Path) -> _File:
    """A CSV file, all of whose cells are read as text."""
    with _reading(path), pa.input_stream(path) as raw:
        head = raw.read(BLOCK).decode("utf-8-sig", "replace")
        names = next(csv.reader(StringIO(head, newline="")), list[str]())

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        odd = list[int]()
        options = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=columns,
            null_values=[""],
            strings_can_be_null=True,
        )
        parse = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=_noting(odd))
        read = arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False)
        with _reading(path, odd), arrow_csv.open_csv(path, read, parse, options) as opened:
            yield from opened

    return _File(path.name, names, dict.fromkeys(names, pa.string()), batches, _counted)


def _noting(odd: list[int]) -> Callable[[Any], str]:
    """Note the numbers of rows that have too many or too few cells."""

    def note(row: Any) -> str:
        odd.append(row.number)
        return "error"

    return note


def _counted(name: str, cells: Any, place: Place) -> Any:
    """Text as whole numbers, or as decimals with as many places as the longest of them needs."""
    if pc.all(pc.ascii_is_decimal(cells)).as_py() and _most(pc.utf8_length(cells)) <= SHORT:
        return cells.cast(pa.int64())
    odd = pc.index(pc.match_substring_regex(cells, PLAIN), False).as_py()
    if odd >= 0:
        what = f"not a number in column {quoted(name)} in {place(odd)}"
        raise InvalidNumber(what, cells[odd].as_py(), 'write digits with at most one point: "1234.5"')
    length, point = pc.utf8_length(cells), pc.find_substring(cells, ".")
    whole = pc.if_else(pc.less(point, 0), length, point)
    places = pc.subtract(pc.subtract(length, whole), pc.if_else(pc.less(point, 0), 0, 1))
    is_long = pc.or_(pc.greater(pc.add(whole, places), DIGITS), pc.greater(places, PLACES))
    longest = pc.index(is_long, True).as_py()
    if longest >= 0:  # Arrow itself would wrap
        where = f"in column {quoted(name)} in {place(longest)}"
        what = f"more than {DIGITS} digits, or {PLACES} decimals, {where}"
        raise InvalidNumber(what, cells[longest].as_py(), "write fewer digits")
    digits = _most(whole) + _most(places)
    return cells.cast(
        (pa.decimal256 if digits > DIGITS else pa.decimal128)(max(digits, DIGITS), _most(places))
    )


def _most(numbers: Any) -> int:
    return int(pc.max(numbers).as_py() or 0)


# ---------------------------------------------------------------- progress


@contextmanager
def _watched(progress: object, paths: Sequence[Path]) -> Generator[Told, None, None]:
    """What is told how many rows were read: a bar, a function, or nobody."""
    if progress is True:
        from tokenbill.frames.engines import tqdm  # only a bar needs it

        with tqdm.tqdm(total=_rows(paths), desc="reading", unit="row", unit_scale=True) as bar:
            yield bar.update
    elif progress is None or progress is False:
        yield lambda _: None
    elif callable(progress):
        yield progress
    else:
        raise UnreadableInput(
            "not a progress", progress, "give True, False, or a function of a number of rows"
        )


def _rows(paths: Iterable[Path]) -> int | None:
    """How many rows there are, where the files say it."""
    total = 0
    for path in paths:
        if not path.name.endswith(PARQUET):
            return None
        with _reading(path):
            total += parquet.read_metadata(path).num_rows
    return total
