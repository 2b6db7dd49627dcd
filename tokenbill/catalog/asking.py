"""Asking: what catalogues are asked for, checked: an instant, and a name that may be misspelled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from difflib import get_close_matches

from tokenbill.core.base.quoting import quoted
from tokenbill.core.periods.instants import moment

__all__ = ["instant", "near"]

CLOSEST = 3
"""Most names that an error proposes."""


def instant(at: object) -> datetime | None:
    """The instant whose prices hold; a date means its midnight in UTC, when lists of prices change.

    Raises:
        InvalidPeriod: If it is neither.

    >>> instant("2026-11-01").isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    when = None if at is None else moment(at)
    if when is None or isinstance(when, datetime):
        return when
    return datetime.combine(when, time(), UTC)


def near(name: str, known: Iterable[str], otherwise: str) -> str:
    """The way out of a name that is not known.

    >>> near("gpt-4oo", ["gpt-4o", "claude"], "an id")
    "did you mean 'gpt-4o'? else give an id"
    """
    # names differ in case and in what separates their parts more often than in their letters
    spelled = dict(zip(map(_plain, names := [*known]), names, strict=True))
    found = [spelled[each] for each in get_close_matches(_plain(name), spelled, n=CLOSEST, cutoff=0.75)]
    if not found:
        return f"give {otherwise}"
    return f"did you mean {' or '.join(map(quoted, found))}? else give {otherwise}"


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-").replace(" ", "-")
