"""Files of usage larger than the memory: Parquet and CSV, batch by batch, added up by group.

What is kept are the sums of each group and meter, not rows; they are rated when the last file is read.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from os import PathLike, walk
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import PLACES, number
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.frames.arrow_columns import Place, flags, longs, texts_of
from tokenbill.frames.batches import Batches, Told, Total, as_it_is
from tokenbill.frames.engines import arrow_csv, np, pa, parquet, pc
from tokenbill.frames.job import Report
from tokenbill.frames.layouts import Options
from tokenbill.frames.scales import DIGITS

__all__ = ["stream"]

BATCH = 1 << 17
"""Rows that are read at once."""
BLOCK = 1 << 22
"""Bytes of a CSV file that are read at once; no row is longer."""
PATHS: tuple[type, ...] = (str, PathLike)
CSV = (".csv", ".csv.gz")
PARQUET = (".parquet", ".pq")
NO_PART = "__HIVE_DEFAULT_PARTITION__"
"""What a folder is called whose rows have no value."""
PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
"""A number in CSV: what ``decimals.number`` takes."""
EXPONENT = r"[eE]"
SHORT = 18
"""Digits that 64 bits hold in any case."""


def stream(path: object, options: Options, progress: object, report: Report) -> Any:
    """What *report* makes of the rows of files, as a table."""
    found = _paths(path)
    with watched(progress, [each.path for each in found]) as tell:
        files = map(_opened, found)
        first = next(files)
        total = Total(options, first)
        for file in (first, *files):
            total.add(file, tell)
    return total.report(report)


# ---------------------------------------------------------------- files


class _Found(NamedTuple):
    """A file, and what the folders on the way to it say of its rows."""

    path: Path
    parts: dict[str, str | None]


def _paths(given: Any) -> list[_Found]:
    """The files that are meant: one, several, or all Parquet and CSV files below a folder, by name."""
    every: list[Any] = [given] if isinstance(given, PATHS) or not hasattr(given, "__iter__") else [*given]
    found = [path for one in every for path in _below(one)]
    if not found:
        raise UnreadableInput("no files", given, 'give the path of a file or folder: "usage.parquet"')
    return found


def _below(given: Any) -> list[_Found]:
    """A file, or the files of a folder."""
    try:
        path = Path(given)
    except TypeError:
        raise UnreadableInput(
            "not a path", given, 'give the path of a file or folder: "usage.parquet"'
        ) from None
    with reading(path):
        is_there = path.exists()
    if not is_there:
        raise UnreadableInput("no such file", path.name, "look at its folder and its name")
    if not path.is_dir():
        refuse_table(path.parent)
        return [_Found(path, {})]
    found = list[_Found]()
    for place, folders, files in walk(path):
        folder = Path(place)
        refuse_table(folder)
        # what a job that died or a log leaves begins so; engines do not read it either
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        parts = dict(filter(None, map(part_of, folder.relative_to(path).parts)))
        names = (name for name in files if name.endswith(CSV + PARQUET) and not name.startswith(("_", ".")))
        found.extend(_Found(folder / name, parts) for name in names)
    return sorted(found, key=lambda each: each.path)


def part_of(folder: str) -> tuple[str, str | None] | None:
    """What the name of a folder says of all rows below it."""
    name, equals, text = folder.partition("=")
    if not (name and equals):
        return None
    return unquote(name), None if text == NO_PART else unquote(text)


def refuse_table(folder: Path) -> None:
    """Refuse the folder of a table that keeps a log: rows deleted or written anew are in its files still."""
    way_out, kind = "", ""
    if (folder / "_delta_log").is_dir():
        kind, way_out = "Delta", "DeltaTable(…).to_pyarrow_table() of deltalake"
    elif any((folder / "metadata").glob("*.metadata.json")):
        kind, way_out = "Iceberg", "table.scan().to_arrow() of pyiceberg"
    elif (folder / ".hoodie").is_dir():
        kind, way_out = "Hudi", "the reader of Hudi, or Spark"
    if kind:
        what = f"a table of {kind}, whose files hold deleted rows, too"
        raise UnreadableInput(what, folder.name, f"read it with {way_out}, and rate what it gives")


def _opened(found: _Found) -> Batches:
    path = found.path
    if path.name.endswith(CSV + PARQUET):
        file = csv_file(path) if path.name.endswith(CSV) else _parquet_file(path)
        return file._replace(parts=found.parts)
    raise UnreadableInput("not a Parquet or CSV file", path.name, f"name it {' or '.join(PARQUET + CSV)}")


@contextmanager
def reading(path: Path, odd: Sequence[int] = ()) -> Generator[None, None, None]:
    """Tell what Arrow and the system refuse with the name of the file, and without its text."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError):
        reason = "it is damaged, locked, or not what its name says"
        if odd:
            reason = f"row {odd[0] - 2} has too many or too few cells"  # counted from 1, with the header
        raise UnreadableInput("cannot read", path.name, reason) from None


def _parquet_file(path: Path) -> Batches:
    with reading(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
    kinds = dict(zip(schema.names, schema.types, strict=True))

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        # texts are read as places in a dictionary: groups are then found without comparing text
        texts = [name for name in columns if pa.types.is_string(kinds[name])]
        with reading(path), parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as opened:
            yield from opened.iter_batches(BATCH, columns=columns)

    return Batches(path.name, schema.names, kinds, batches, as_it_is)


def csv_file(path: Path) -> Batches:
    """A CSV file, all of whose cells are read as text."""
    with reading(path), pa.input_stream(path) as raw:
        head = raw.read(BLOCK).decode("utf-8-sig", "replace")
        names = next(csv.reader(StringIO(head, newline="")), list[str]())

    def batches(columns: Sequence[str]) -> Iterator[Any]:
        odd = list[int]()
        # every cell is text: a reader that guesses types makes floats of amounts, and drops the zeros of ids
        options = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=columns,
            null_values=[""],
            strings_can_be_null=True,
        )
        parse = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=noting(odd))
        read = arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False)
        with reading(path, odd), arrow_csv.open_csv(path, read, parse, options) as opened:
            yield from opened

    return Batches(path.name, names, dict.fromkeys(names, pa.string()), batches, counted)


def noting(odd: list[int]) -> Callable[[Any], str]:
    """Note the numbers of rows that have too many or too few cells."""

    def note(row: Any) -> str:
        odd.append(row.number)
        return "error"

    return note


def counted(name: str, cells: Any, place: Place) -> Any:
    """Text as whole numbers, or as decimals with as many places as the longest of them needs."""
    # most columns are plain integers, which Arrow reads many times faster than decimals
    if pc.all(pc.ascii_is_decimal(cells)).as_py() and (pc.max(pc.utf8_length(cells)).as_py() or 0) <= SHORT:
        return cells.cast(pa.int64())
    if pc.any(pc.match_substring_regex(cells, EXPONENT)).as_py():  # as pandas writes what is small or large
        different = cells.dictionary_encode()
        cells = pa.chunked_array([different]) if not isinstance(different, pa.ChunkedArray) else different
        cells = cells.unify_dictionaries().combine_chunks()
        plain_texts = [without_exponent(text) for text in cells.dictionary.to_pylist()]
        cells = texts_of(plain_texts).take(cells.indices)
    is_odd = flags(pc.invert(pc.match_substring_regex(cells, PLAIN)))
    if is_odd.any():
        odd = int(np.argmax(is_odd))
        what = f"not a number in column {quoted(name)} in {place(odd)}"
        raise InvalidNumber(what, cells[odd].as_py(), 'write digits with at most one point: "1234.5"')
    length, point = longs(pc.utf8_length(cells)), longs(pc.find_substring(cells, "."))
    is_there, has_point = flags(cells.is_valid()), point >= 0
    whole = np.where(has_point, point, length) * is_there
    places = (length - whole - has_point) * is_there
    is_long = (whole + places > DIGITS) | (places > PLACES)
    if is_long.any():  # Arrow itself would wrap
        longest = int(np.argmax(is_long))
        where = f"in column {quoted(name)} in {place(longest)}"
        what = f"more than {DIGITS} digits, or {PLACES} decimals, {where}"
        raise InvalidNumber(what, cells[longest].as_py(), "write fewer digits")
    # one cell may have the most digits before the point and another behind it
    before, behind = int(whole.max(initial=0)), int(places.max(initial=0))
    digits = before + behind
    return cells.cast((pa.decimal256 if digits > DIGITS else pa.decimal128)(max(digits, DIGITS), behind))


def without_exponent(text: str) -> str:
    """A number in plain digits; what is none is left for the error."""
    try:
        return format(number(text), "f")
    except InvalidNumber:
        return text


# ---------------------------------------------------------------- progress


@contextmanager
def watched(progress: object, paths: Sequence[Path]) -> Generator[Told, None, None]:
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
        with reading(path):
            total += parquet.read_metadata(path).num_rows
    return total
