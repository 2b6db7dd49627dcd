"""Pending usage: what events used of an open period, kept one by one until somebody asks for the sum."""

from __future__ import annotations

from typing import Any

from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import LIMIT

__all__ = ["EVENTS", "with_event"]

EVENTS = 64
"""Events whose usage an account keeps one by one before it adds them up."""
HALF, MOST = LIMIT // 2, LIMIT // 1000
"""What was used before, and what an event brings: so far below a limit that no sum of them reaches it."""


def with_event(opening: Any, usage: Usage) -> tuple[Usage, tuple[Usage, ...]] | None:
    """What was used before, and the usage of events since then; None where sums might outgrow a quantity."""
    # What is added up later must not be refused later: the bill that brought it was served.
    for quantity in usage.counted.values():
        if quantity >= MOST:
            return None
    base, later = opening.cache.get("pending") or (opening.used, ())
    if not later or len(later) >= EVENTS:
        base, later = opening.used, ()
        if base.counted and max(base.counted.values()) >= HALF:
            return None
    return base, (*later, usage)
