"""Spans: lengths of time as text."""

from __future__ import annotations

import re

from tokenbill.errors import InvalidPlan

__all__ = ["DAY", "optional_span", "span_seconds"]

SPAN = r"([1-9][0-9]{0,5})(s|m|h|d|w)"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DAY = 86_400


def span_seconds(value: object) -> int:
    """How long a span such as ``90s``, ``30m``, ``5h``, ``1d`` or ``1w`` is.

    >>> span_seconds("5h")
    18000
    """
    found = re.fullmatch(SPAN, value) if isinstance(value, str) else None
    if found is None:
        raise InvalidPlan("not a window of time", value, 'write "30m", "5h", "1d" or "1w"')
    return int(found[1]) * SECONDS[found[2]]


def optional_span(value: object) -> str | None:
    """A span as it was written, where None means absent.

    >>> optional_span("5h")
    '5h'
    """
    if value is not None:
        span_seconds(value)
    return value  # type: ignore[return-value]  # span_seconds has seen that it is text
