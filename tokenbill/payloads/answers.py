"""Answers: rows that are pieces, snapshots or retries of one answer, told apart by its id and merged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import define, field

from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.payloads.objects import MEMBERS, NO_COUNT, first_of, is_empty, is_object, members_of, text_of
from tokenbill.payloads.reading import enclosing
from tokenbill.shared.foreign_data import count, each_of

__all__ = ["Answers", "merged"]

Row: TypeAlias = "dict[str, Any]"

IDS: Final = ("id", "responseId", "response_id", "request_id", "requestId", "generation_id")
"""Where an answer has its id, the best first."""
LISTS: Final = ("candidates",)
"""What each piece of a stream has a part of; all other members are whole in the last piece."""
SILENT: Final = (
    r"(content_block|content-|ping|message_stop|message-start|tool-|citation-)"
    r"|(response\.|error|thread\.|step\.)"
)
"""Events of a stream that carry no counts."""


def merged(rows: Iterable[Any]) -> list[Row]:
    """Every answer once: snapshots of a log, chunks of a stream, events and retries become one row each.

    Rows with one id are one answer, whatever lies between them; its last counts hold, and what only an
    earlier piece says is kept. Events of a stream without an id belong to the answer that began last.
    Rows without any id are answers of their own. Pieces without counts are left out.

    Args:
        rows: Responses, usage objects or events, in the order in which they came.

    Raises:
        UnreadableInput: If the counts of one answer fall, or a row is no object.
        InvalidUsage: If *rows* is no iterable.

    >>> chunk = {
    ...     "id": "c-1",
    ...     "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
    ... }
    >>> last = {
    ...     "id": "c-1",
    ...     "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    ... }
    >>> [row["usage"]["completion_tokens"] for row in merged([chunk, last])]
    [2]
    """
    answers = Answers()
    for row in each_of(rows, "rows"):
        answers.add(row)
    return answers.rows


@define
class Answers:
    """Answers as their pieces come in, in the order in which they began."""

    found: dict[object, Row] = field(factory=dict[object, Row])
    passed: int = 0
    open: object = None

    @property
    def rows(self) -> list[Row]:
        """Every answer, once."""
        return list(self.found.values())

    def add(self, row: Any, name: object = None) -> object:
        """One more piece: the key of the answer that it belongs to, or None where it counts nothing."""
        members, key = enclosing(members_of(row, "payload"))
        kind = text_of(members.get("type"))
        started = kind == "message_start" and is_object(members.get("message"))
        if started:
            members, key = enclosing(members_of(members["message"], "message"))
        # an event without counts is no answer: taken as one it would begin a row of its own
        if (key is None and _silent(kind, members)) or (key is not None and members[key] is None):
            self.passed += 1
            return None
        at = name if name is not None else id_of(members)
        # the last event of a stream carries the counts and no id: it belongs to what began last
        if kind == "message_delta" and at is None:
            at = self.open
        if started:
            members = {**members, "type": "message_start"}  # until more of it comes
            self.open = at if at is not None else ("stream", len(self.found))
            at = self.open
        if at is None:
            # nothing says that it repeats another, so it is charged
            at = ("row", len(self.found) + self.passed)
        if at in self.found:
            self.passed += 1
            self.found[at] = _merged(self.found[at], members, key)
        else:
            self.found[at] = members
        return at


def id_of(members: Mapping[str, Any]) -> object:
    """The id of an answer: text, or the number of a row; None where it has none."""
    found = first_of(members, *IDS)
    return text_of(found) or (found if type(found) is int else None)


def _silent(kind: str, members: Mapping[str, Any]) -> bool:
    """Whether a row without usage is a piece of a stream, and not a payload of its own."""
    chunk = text_of(members.get("object")).endswith(".chunk") or members.get("done") is False
    return chunk or re.match(SILENT, kind) is not None


def _merged(earlier: Row, later: Row, key: str | None) -> Row:
    """A piece and the next one of the same answer."""
    if key is None:
        return _grown(earlier, later)
    # the last chunk may leave out what an earlier one said, such as the model
    row = {**earlier, **{name: value for name, value in later.items() if not is_empty(value)}}
    before = earlier.get(key)
    if before is not None:
        row[key] = _grown(members_of(before, key), members_of(later[key], key))
    for name in LISTS:
        parts = [each[name] for each in (earlier, later) if type(each.get(name)) is list]
        if len(parts) == 2 and parts[0] != parts[1]:
            row[name] = [*parts[0], *parts[1]][-MEMBERS:]
    if text_of(row.get("type")) == "message_delta":
        row["type"] = "message"  # whole now
    return row


def _grown(earlier: Row, later: Row) -> Row:
    """Counts that only grow: the later ones, with what only the earlier ones say."""
    row = dict(earlier)
    for key, value in later.items():
        before = row.get(key)
        # the last event of some streams writes null for what did not change
        if is_empty(value) and before is not None:
            continue
        if is_object(before) and is_object(value):
            row[key] = _grown(members_of(before, key), members_of(value, key))
            continue
        # usage of an answer is a running sum: one that falls is that of another answer
        if not re.search(NO_COUNT, key):
            one, other = _whole(before), _whole(value)
            if one is not None and other is not None and other < one:
                way_out = "give each answer an id of its own, or its pieces in the order in which they came"
                raise UnreadableInput(f"the counts of one answer fall from {one} to", other, way_out)
        row[key] = value
    return row


def _whole(value: object) -> int | None:
    """A member as a count, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        return count(value, "")
    except TokenbillError:
        return None
