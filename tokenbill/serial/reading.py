"""Reading: the version of a notation, how the document at hand is read, and what its digest is."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Any, NamedTuple

from tokenbill.shared.strict_json import canonical_json

__all__ = ["DIGEST", "NOW", "READING", "VERSION", "Reading", "digest_of", "reading"]

VERSION = 2
"""The version of the notation that is written; every version up to it is read."""
DIGEST = "digest"
"""What a sealed table says of its content: the SHA-256 of its canonical text, without its marks."""


class Reading(NamedTuple):
    """How a document is read: the version of its notation, and whether its digests are passed over."""

    version: int = VERSION
    edited: bool = False


NOW = Reading()
READING: ContextVar[Reading] = ContextVar("READING")
"""How the document at hand is read, for every table in it."""


@contextmanager
def reading(how: Reading) -> Generator[None, None, None]:
    """Read what follows in this way."""
    # A variable of the context, not an argument of every codec: a table within may say another version,
    # and threads and tasks that read at the same time do not see each other's.
    before = READING.set(how)
    try:
        yield
    finally:
        READING.reset(before)


def digest_of(table: Mapping[str, Any]) -> str:
    """The digest of a table; "" where it holds what no document does."""
    try:
        # Of the canonical text, so that order and spaces, which editors change, are no edit.
        return sha256(canonical_json(table).encode()).hexdigest()
    except (TypeError, ValueError):
        return ""
