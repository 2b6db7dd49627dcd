"""Rows: the cells of CSV and JSON lines, one row at a time, each knowing the line it stands in."""

from __future__ import annotations

import csv
import gzip
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import accumulate, chain
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

from tokenbill.core.base.quoting import listed, quoted
from tokenbill.errors import UnreadableInput, UnreadableRow
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["Progress", "Rows", "Source", "opened"]

Source: TypeAlias = "PathLike[Any] | Iterable[str] | Iterable[bytes]"
"""What is read: a path, an open file, or lines."""

Progress: TypeAlias = "Callable[[int], object] | None"
"""A function that is called with the length of each line."""

ROW_LENGTH = 1 << 20
"""Most bytes of a row: an endless line, or a quotation mark left open, must not fill the memory."""
DEPTH = 32
"""Most levels of one JSON object."""
STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|$)', re.DOTALL)
SEPARATORS = (";", "\t", "|", ",")
"""What may stand between cells; a header that is one cell with such a mark was cut at another."""
QUOTING = "end rows with LF or CRLF, close quotation marks, and double those inside a cell"
OBJECTS = 'write an object a line, as in {"meter": "api_calls", "quantity": 1}'


@contextmanager
def opened(
    source: Source, columns: Iterable[str], progress: Progress = None, *, delimiter: str = ","
) -> Generator[Rows, None, None]:
    """The rows of a source: CSV with a header, or JSON lines, with those *columns* looked for.

    A path that ends in ``.gz`` is unpacked; *delimiter* stands between the cells of CSV.

    Raises:
        UnreadableInput: If *source* is neither a path, nor an open file, nor lines, or cannot be read.
        UnreadableRow: If the header is missing, or lacks a column, or names one twice.

    >>> with opened(["customer,hours", "acme,1.5"], ["hours"]) as rows:
    ...     [rows.cells(row) for row in rows]
    [['1.5']]
    """
    with _pieces_of(source) as (title, pieces):
        lines = _Lines(title, pieces, progress)
        # what a file is its first character says; names of files lie more often
        is_json = lines.look_like_json()
        yield _JsonRows(lines, list(columns)) if is_json else _CsvRows(lines, list(columns), delimiter)


@contextmanager
def _pieces_of(source: object) -> Generator[tuple[str, Iterator[str | bytes]], None, None]:
    """The name of a source and its pieces, each a line or more than a row may be."""
    # a str may be a path or a line: one is billed as nothing, so only a Path is a path
    if isinstance(source, PathLike):
        path = fsdecode(cast("PathLike[str]", source))
        try:
            stream: Any = gzip.open(path) if path.endswith(".gz") else Path(path).open("rb")  # noqa: SIM115
        except (OSError, ValueError) as error:
            raise UnreadableInput("cannot read", path, _reason(error)) from None
        with stream:
            yield path, _read(stream, path)
    elif isinstance(source, str | bytes) or not isinstance(source, Iterable):
        raise UnreadableInput("not a file", source, "give a pathlib.Path, an open file, or a list of lines")
    else:
        pieces = cast("Iterable[object]", source)
        title = str(getattr(pieces, "name", "input"))
        yield title, _read(pieces, title)


def _read(pieces: Any, title: str) -> Iterator[str | bytes]:
    if not hasattr(pieces, "readline"):
        for piece in pieces:
            if not isinstance(piece, str | bytes):
                raise UnreadableInput("not a line of text", piece, "give lines as text or bytes")
            yield piece
        return
    try:
        # A line without end would fill the memory before anybody could count it.
        while piece := pieces.readline(ROW_LENGTH + 1):
            yield piece
    except (OSError, ValueError, EOFError) as error:  # a packed file that was cut ends early
        raise UnreadableInput("cannot read on in", title, _reason(error)) from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


class _Lines:
    """The lines of a source as text, counted; what is wrong with one is the fault of its row."""

    def __init__(self, title: str, pieces: Iterator[str | bytes], progress: Progress) -> None:
        self._title, self._pieces, self._progress = title, pieces, progress
        self._number = self._began = self._length = 0
        self.first = self._fault = ""

    def look_like_json(self) -> bool:
        """Whether JSON opens the file, or its name says so; no CSV begins with a brace or a bracket."""
        first = next(self._pieces, "")
        self._pieces = chain([first] if first else [], self._pieces)
        opening = first if isinstance(first, str) else first.decode("utf-8", "replace")
        # Files of some editors begin with a byte order mark, which belongs to neither format.
        looks = opening.lstrip("\ufeff \t\r\n").startswith(("{", "["))
        return looks or self._title.removesuffix(".gz").endswith((".jsonl", ".ndjson"))

    def begin(self) -> None:
        """The next line begins a row."""
        self._began, self._length, self.first, self._fault = self._number + 1, 0, "", ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        piece = next(self._pieces)
        self._number += 1
        self._length += len(piece)
        if self._progress:
            self._progress(len(piece))
        if isinstance(piece, bytes):
            try:
                text = piece.decode()
            except UnicodeDecodeError:
                # The rest of a row that spans lines is still read, so that it can be left out whole.
                self._fault = "not UTF-8"
                text = piece.decode("utf-8", "backslashreplace")
        else:
            text = piece
        self.first = self.first or text
        if self._length > ROW_LENGTH:
            self.refuse(f"a row of more than {ROW_LENGTH} bytes", self.first, QUOTING)
        if "\0" in text:
            self._fault = "a NUL character"
        return text.removeprefix("\ufeff") if self._number == 1 else text

    def check(self) -> None:
        """Refuse the row that has been read if its characters cannot be trusted."""
        if self._fault:
            self.refuse(self._fault, self.first, "save the file as text in UTF-8")

    def bad(self, problem: object, value: object, column: str | None = None) -> UnreadableRow:
        """The error that names the row."""
        return UnreadableRow(problem, value, file=self._title, line=self._began, column=column)

    def refuse(self, what: str, value: object, way_out: str, column: str | None = None) -> NoReturn:
        """Refuse the row, or one column of it."""
        raise self.bad(f"{what}: {quoted(value)}; {way_out}", value, column) from None

    def refuse_column(self, column: str, columns: Iterable[str]) -> NoReturn:
        """Refuse the lack of a column."""
        from difflib import get_close_matches  # only a typo needs it

        known = [each for each in columns if each]
        near = get_close_matches(str(column), known[:100], n=1)
        hint = f"did you mean {quoted(near[0])}?" if near else f"the columns are {listed(known)}"
        raise self.bad(f"no such column; {hint}", "", str(column))


class Rows(ABC):
    """The rows of one source; each is read by ``cells``, so that a bad one can be left out.

    ``bad`` makes the error that names the current row.
    """

    def __init__(self, lines: _Lines, columns: list[str]) -> None:
        self._lines, self._columns = lines, columns
        self.bad = lines.bad

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """What ``cells`` reads, row by row; after an error here nobody knows where the next row begins."""

    @abstractmethod
    def cells(self, row: Any) -> list[Any]:
        """The cells of the columns looked for, text or a number of JSON; or UnreadableRow."""

    @abstractmethod
    def members(self, row: Any) -> Mapping[str, Any]:
        """All of a row: its cells by column, or an object of JSON; or UnreadableRow."""


class _CsvRows(Rows):
    """The rows of CSV below their header, each a list of cells."""

    def __init__(self, lines: _Lines, columns: list[str], delimiter: str = ",") -> None:
        super().__init__(lines, columns)
        self._reader = csv.reader(lines, strict=True, delimiter=delimiter)
        header = next(iter(self), None)
        lines.check()
        if header is None:
            lines.refuse("no header", "", "begin the file with a line that names the columns")
        # Columns without a name are never looked for, and may occur twice.
        for column, times in Counter(filter(None, header)).items():
            if times > 1:
                lines.refuse("two columns of one name", column, "name each column once", column)
        self._header = header
        for column in columns:
            other = next((mark for mark in SEPARATORS if len(header) == 1 and mark in header[0]), None)
            if column not in header and other is not None:
                way_out = f"say so: delimiter={other!r}, or --delimiter"
                lines.refuse(f"the columns are separated by {other!r}", header[0], way_out)
            if not column or column not in header:
                lines.refuse_column(column, header)
        self._places = [header.index(column) for column in columns]

    def __iter__(self) -> Iterator[list[str]]:
        row: list[str] | None = []
        while row is not None:
            self._lines.begin()
            try:
                row = next(self._reader, None)
            except csv.Error as error:
                what = "a quotation mark left open" if "end of data" in str(error) else f"not CSV, {error}"
                self._lines.refuse(what.partition(" - ")[0], self._lines.first, QUOTING)
            if row:
                yield row

    def cells(self, row: list[str]) -> list[str]:
        self._check(row)
        return [row[place] for place in self._places]

    def members(self, row: list[str]) -> Mapping[str, Any]:
        self._check(row)
        return dict(zip(self._header, row, strict=True))

    def _check(self, row: list[str]) -> None:
        self._lines.check()
        # A cell too many or too few shifts the others: amounts would be read as other columns.
        if len(row) != len(self._header):
            few = len(row) < len(self._header)
            what = f"too {'few' if few else 'many'} cells, {len(row)} for {len(self._header)} columns"
            way_out = "fill every column" if few else "put a cell that holds commas in quotation marks"
            self._lines.refuse(what, ",".join(row), way_out)


class _JsonRows(Rows):
    """JSON lines: each row is the text of an object."""

    def __iter__(self) -> Iterator[str]:
        self._lines.begin()
        for text in self._lines:
            if text.strip():
                yield text
            self._lines.begin()

    def cells(self, row: str) -> list[str | int | Decimal]:
        members = self.members(row)
        cells: list[str | int | Decimal] = []
        for column in self._columns:
            if column not in members:
                self._lines.refuse_column(column, members)
            cell = members[column]
            if not isinstance(cell, str | int | Decimal) or isinstance(cell, bool):
                way_out = "leave the row out, or fill it in"
                self._lines.refuse("neither text nor a number", cell, way_out, column)
            cells.append(cell)
        return cells

    def members(self, row: str) -> Mapping[str, Any]:
        self._lines.check()
        redacted = f"text of {len(row)} characters"  # it may hold a prompt, which no error may show
        # Counting brackets is cheap; only a row with many of them is walked, its strings taken out.
        if row.count("{") + row.count("[") > DEPTH:
            step = {"{": 1, "[": 1, "}": -1, "]": -1}
            levels = accumulate(step.get(each, 0) for each in STRING.sub("", row))
            if max(levels) > DEPTH:
                self._lines.refuse(f"JSON of more than {DEPTH} levels", redacted, OBJECTS)
        try:
            members = decoded(row)
        except NotJson as problem:
            self._lines.refuse(str(problem), redacted, f"{problem.way_out}; {OBJECTS}")
        if not isinstance(members, dict):
            self._lines.refuse("not a JSON object", redacted, OBJECTS)
        return cast("Mapping[str, Any]", members)
