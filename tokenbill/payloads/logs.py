"""Logs: files of answers as tools keep them, each answer read once, under the model that gave it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

from attrs import define, field, frozen

from tokenbill.core.metering.usage import Usage
from tokenbill.errors import TokenbillError, UnreadableInput, UnreadableRow
from tokenbill.payloads.answers import Answers
from tokenbill.payloads.labels import answering, labelled
from tokenbill.payloads.log_pieces import Piece, instant_of
from tokenbill.payloads.log_rows import ROWS, kind_of, pieces_of
from tokenbill.payloads.objects import members_of
from tokenbill.payloads.reading import read_usage
from tokenbill.payloads.table import SHAPES
from tokenbill.shared.rows import Progress, Rows, Source, opened
from tokenbill.shared.spans import read_otel
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["LOGS", "Log", "Record", "read_log"]

PAYLOAD: Final = "payload"
"""The kind of rows that are answers of any shape."""
LOGS: Final = tuple(ROWS)
"""The kinds of logs, besides files of answers of one shape: ``claude-code``, ``openai.batch`` …"""


@frozen
class Record:
    """One answer of a log: its usage, the model that gave it, when, and the last row that told of it."""

    usage: Usage
    model: str | None
    provider: str | None
    at: datetime | None
    line: int
    row: Mapping[str, Any] = field(eq=False, repr=False)


@frozen
class Log:
    """The answers of a log, each once, and how many rows told nothing new or nothing at all.

    Args:
        records: The answers, in the order in which they began.
        repeated: Rows of answers that another row tells as well.
        summaries: Spans that sum up other spans.
        others: Rows of other kinds, and requests that failed.
        file: What the source is called.
    """

    records: tuple[Record, ...]
    repeated: int = 0
    summaries: int = 0
    others: int = 0
    file: str = "input"

    @property
    def usage(self) -> Usage:
        """All of it together."""
        return sum((record.usage for record in self.records), Usage())

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def read_log(
    source: Source,
    kind: str | None = None,
    *,
    on_bad_row: Callable[[UnreadableRow], object] | None = None,
    progress: Progress = None,
) -> Log:
    """The answers of a log file, each once, labelled with the model that gave it.

    Rows are told apart by the ids of their answers: snapshots, chunks of a stream and retries are one.
    Envelopes of batches, gateways and agents are opened, whatever the kind; the tokens of a batch have
    the label ``variant=batch``, and requests that failed count nothing.

    Args:
        source: A path, an open file, or lines: JSON lines, one JSON document, or CSV with a header.
        kind: The name of a shape, for rows that are answers; ``"payload"`` for answers of any shape; the
            name of a log (``LOGS``), such as ``"claude-code"``, or ``"otel"`` for spans; None where the
            rows say it themselves.
        on_bad_row: Called with each row that cannot be read, which is then left out.
        progress: Called with the length of each line read.

    Raises:
        UnreadableRow: At the first row that cannot be read, without *on_bad_row*.
        UnreadableInput: If the kind is not known, or *source* cannot be read.

    Source: docs/how-to/read-provider-payloads.md

    >>> counts = '"usage": {"prompt_tokens": 7, "completion_tokens": 2}'
    >>> line = '{"id": "c1", "model": "gpt-5.1", ' + counts + "}"
    >>> log = read_log([line, line], "openai.chat")
    >>> log.usage, log.repeated
    (Usage({'input_tokens{model=gpt-5.1}': 7, 'output_tokens{model=gpt-5.1}': 2}), 1)
    """
    if kind not in (None, PAYLOAD) and kind not in SHAPES and kind not in ROWS:
        known = ", ".join([*ROWS, "or the name of a shape"])
        raise UnreadableInput("not a kind of log", kind, f"name one of {known}")
    with opened(source, (), progress) as rows:
        reading = Reading(None if kind == PAYLOAD else kind, rows, on_bad_row)
        if kind is None:
            # any row may be the first that tells the kind, so all are read before one is billed
            every = [(row, rows.bad("", "").line) for row in _members(rows, reading)]
            reading.kind = kind_of(row for row, _ in every)
            for row, line in every:
                reading.add(row, line)
            return reading.log()
        for row in _members(rows, reading):
            reading.add(row, rows.bad("", "").line)
        return reading.log()


@define
class Reading:
    """A log as its rows come in."""

    kind: str | None
    rows: Rows
    on_bad_row: Callable[[UnreadableRow], object] | None
    answers: Answers = field(factory=Answers)
    last: dict[object, tuple[Piece, int, Mapping[str, Any]]] = field(
        factory=dict[object, tuple[Piece, int, Mapping[str, Any]]]
    )
    state: dict[str, Any] = field(factory=dict[str, Any])
    others: int = 0
    summaries: int = 0
    file: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.file = self.rows.bad("", "").file

    def add(self, row: Mapping[str, Any], line: int) -> None:
        """One more row."""
        try:
            pieces = pieces_of(row, self.kind, self.state)
            if not pieces:
                self.others += 1
            for piece in pieces:
                self._take(piece, line, row)
        except TokenbillError as error:
            self.refuse(error, line)

    def _take(self, piece: Piece, line: int, row: Mapping[str, Any]) -> None:
        if piece.is_summary:
            self.summaries += 1
            return
        before = len(self.answers.found)
        at = self.answers.add(piece.payload, piece.name)
        # counts nothing, and belongs to no answer
        if at is None:
            return
        known = self.last.get(at)
        if known is not None and len(self.answers.found) == before:
            piece = piece.over(known[0])  # what only the first piece of a stream says
        self.last[at] = piece, line, row

    def refuse(self, error: TokenbillError, line: int) -> None:
        """Leave a row out, or stop at it."""
        bad = (
            error if isinstance(error, UnreadableRow) else UnreadableRow(error, "", file=self.file, line=line)
        )
        if self.on_bad_row is None:
            raise bad from None
        self.on_bad_row(bad)

    def log(self) -> Log:
        """What the rows come to."""
        records = list[Record]()
        for at, payload in self.answers.found.items():
            piece, line, row = self.last[at]
            try:
                records.append(_record(payload, piece, line, row))
            except TokenbillError as error:
                self.refuse(error, line)
        return Log(tuple(records), self.answers.passed, self.summaries, self.others, self.file)


def _record(payload: dict[str, Any], piece: Piece, line: int, row: Mapping[str, Any]) -> Record:
    named = {**answering(payload), **piece.labels}
    if piece.is_span:
        usage = read_otel(payload["usage"])
        meter = next(iter(usage), None)
        named = {**({} if meter is None else meter.labels), **named}
    else:
        named = {label: value for label, value in named.items() if value}
        # What a tool used was another model's; nothing else lacks the labels of its answer.
        usage = read_usage(payload, piece.shape)
        tools = Usage([(meter, quantity) for meter, quantity in usage.items() if "tool" in meter.labels])
        usage = labelled(usage - tools, named) + tools
    if piece.variant:
        # a batch halves the price of tokens; searches cost in it what they cost outside
        tokens = Usage([(meter, n) for meter, n in usage.items() if meter.name.endswith("_tokens")])
        usage = labelled(tokens, {"variant": piece.variant}) + (usage - tokens)
    at = piece.at or instant_of(payload)
    return Record(usage, named.get("model"), named.get("provider"), at, line, row)


def _members(rows: Rows, reading: Reading) -> Iterator[Mapping[str, Any]]:
    """The rows of a file as objects: its lines, or the items of one document that spans them all."""
    texts = iter(rows)
    first = next(texts, None)
    if first is None:
        return
    if isinstance(first, str) and (document := _document(first, texts)) is not None:
        yield from document
        return
    for text in _chain(first, texts):
        try:
            yield rows.members(text)
        except UnreadableRow as bad:
            reading.refuse(bad, bad.line)


def _chain(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _document(first: str, texts: Iterator[Any]) -> list[Mapping[str, Any]] | None:
    """The objects of a JSON document that the first line opens; None where each line is an object."""
    opening = first.lstrip("\ufeff \t")
    if not opening.startswith("[") and opening.strip() != "{":
        return None
    try:
        found: Any = decoded("\n".join([opening, *texts]))
    except NotJson as problem:
        raise UnreadableInput("not JSON lines, and not a document", str(problem), problem.way_out) from None
    listed = cast("list[object]", found) if isinstance(found, list) else [found]
    return [members_of(item, "row") for item in listed]
