"""Pieces: what a row of a log says of an answer, and where such rows have their instants and models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from tokenbill.errors import TokenbillError
from tokenbill.payloads.counts import label_of
from tokenbill.payloads.objects import first_of, is_object, members_of, text_of
from tokenbill.shared.foreign_data import instant

__all__ = ["Piece", "Reader", "State", "at_path", "instant_of", "moment", "named", "shape_by"]

State: TypeAlias = "dict[str, Any]"
"""What earlier rows of a log say of later ones."""

INSTANTS: Final = (
    *(
        "timestamp",
        "created",
        "created_at",
        "createTime",
        "createdAt",
        "startTime",
        "start_time",
        "starting_at",
    ),
    *("endTime", "end_time", "request_created_at", "date", "time"),
)
SHAPES_BY_OBJECT: Final = {
    "chat.completion": "openai.chat",
    "chat.completion.chunk": "openai.chat",
    "response": "openai.responses",
    "message": "anthropic.messages",
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Piece:
    """What one row says of one answer."""

    payload: dict[str, Any]
    shape: str | None = None
    name: object = None
    labels: dict[str, str] = field(factory=dict[str, str])
    at: datetime | None = None
    variant: str = ""
    is_span: bool = False
    is_summary: bool = False

    def over(self, earlier: Piece) -> Piece:
        """This piece, with what only an earlier one of its answer said."""
        return evolve(self, labels={**earlier.labels, **self.labels}, at=earlier.at or self.at)


Reader: TypeAlias = "Callable[[dict[str, Any], str | None, State], list[Piece]]"
"""What reads a row: its members, the shape that was named, and the state of the log."""


def at_path(members: Mapping[str, Any], path: str) -> Any:
    """What stands at a path, or None."""
    held: Any = members
    for key in path.split("."):
        if not is_object(held):
            return None
        held = members_of(held, key).get(key)
    return held


def instant_of(members: Mapping[str, Any]) -> datetime | None:
    """When an answer was given, as far as its row says it."""
    return next((at for key in INSTANTS if (at := moment(members.get(key))) is not None), None)


def moment(value: object) -> datetime | None:
    """An instant out of a log: RFC 3339 text, in UTC where it names no zone, or a count since 1970."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal) or (isinstance(value, str) and str.isdecimal(value)):
        number = int(value) if int(value) < 10**20 else 0
        digits = len(str(number))
        # seconds, milliseconds, microseconds and nanoseconds since 1970 do not overlap for centuries
        scale = next(
            (scale for most, scale in ((11, 1), (14, 10**3), (17, 10**6), (20, 10**9)) if digits <= most), 0
        )
        return EPOCH + timedelta(microseconds=number * 10**6 // scale) if scale and number else None
    text = re.sub(r"^(\d{4}-\d\d-\d\d) ", r"\1T", text_of(value))
    # some exports write neither zone nor time; they mean UTC, and midnight
    for written in (text, f"{text}Z", f"{text}T00:00:00Z"):
        try:
            return instant(written)
        except TokenbillError:
            continue
    return None


def named(model: object, provider: object = None) -> dict[str, str]:
    """The labels ``model`` and ``provider``, as far as they are there."""
    found = {"model": model, "provider": provider}
    return {label: label_of(value, label) for label, value in found.items() if text_of(value)}


def shape_by(kind: str | None, payload: Mapping[str, Any]) -> str | None:
    """The shape that was named, or that of the object that the answer says it is."""
    said = text_of(first_of(payload, "object", "type"))
    return kind or SHAPES_BY_OBJECT.get(said)
