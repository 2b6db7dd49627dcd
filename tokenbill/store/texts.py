"""Texts: how a table keeps instants, usage and documents, and how they are read again."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import utc
from tokenbill.errors import InvalidAccount

__all__ = ["AS_JSON", "Document", "document_of", "edited", "time_of", "time_text", "usage_of", "usage_text"]

PLAIN = re.compile(r"[0-9]{1,18}")
"""A whole quantity as it was written."""
AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
"""What ``json.dumps`` makes anew at each call; events are many."""


class Document(dict[str, Any]):
    """A JSON object of a table, whose members are all there, or the text was edited."""

    def __missing__(self, key: str) -> Any:
        raise edited(key)


def edited(text: object) -> InvalidAccount:
    """The error of a text that this library did not write; it shows nothing of it."""
    told = f"text of {len(text)} characters" if isinstance(text, str) else type(text).__name__
    return InvalidAccount("not what a store wrote", told, "restore it; store.verify() says whose it is")


def time_text(instant: datetime) -> str:
    """An instant in UTC as text of one length, which sorts as time does."""
    at: Any = instant if instant.tzinfo is UTC else utc(instant)
    return str(at.isoformat("T", "microseconds"))


def time_of(text: str) -> datetime:
    """The instant of a text."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise edited(text) from None
    if at.tzinfo is None:  # it would be compared to instants
        raise edited(text)
    return at


def usage_text(usage: Usage) -> str:
    """Usage as JSON: quantities by meter, each by its digits."""
    # "f" would make a float of an int
    digits = [
        f'{quoted(meter)}: "{units if type(units) is int else format(units, "f")}"'
        for meter, units in usage.counted.items()
    ]
    return f"{{{', '.join(digits)}}}"


@lru_cache(4096)
def quoted(meter: str) -> str:
    """A meter as a key of JSON; millions of events name the same few thousand."""
    return AS_JSON(meter)


def usage_of(text: str) -> Usage:
    """The usage of a text."""
    # A whole number is read as the int that was written: it adds up several times as fast as a Decimal.
    return Usage(
        {
            meter: int(units) if type(units) is str and PLAIN.fullmatch(units) else units
            for meter, units in document_of(text).items()
        }
    )


def document_of(text: str) -> Document:
    """The JSON object of a text."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise edited(text)
    return Document(found)  # pyright: ignore[reportUnknownArgumentType]
