"""Spans of periods: which of them are one, though the rules of their zone changed after one was opened."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.zone_rules import by_rules_at_hand

__all__ = ["is_one_span", "middle"]


def is_one_span(one: Period, other: Period) -> bool:
    """Whether two spans are one: each end by its instant, or by its wall time under the rules at hand."""
    # Both ways: a boundary of a cycle moves with its midnight, terms that begin at an instant do not.
    return all(
        utc(a) == utc(b) or utc(by_rules_at_hand(a)) == utc(by_rules_at_hand(b))
        for a, b in ((one.start, other.start), (one.end, other.end))
    )


def middle(span: Period) -> datetime:
    """A moment that lies in a span by whatever rules: those of two years put its ends an hour apart."""
    start, end = (cast(datetime, utc(at)) for at in (span.start, span.end))
    return start + (end - start) / 2
