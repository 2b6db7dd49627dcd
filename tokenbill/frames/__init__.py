"""Frames: bills and amounts for the rows of a data frame, on its own engine, to the scalar path's digits."""

from __future__ import annotations

from tokenbill.frames.calendar import CalendarColumn, day, hours, month, time
from tokenbill.frames.focus import focus_rows
from tokenbill.frames.rating import add_up, rate, rate_rows, stream
from tokenbill.frames.reports import compare, draws, forecast, margin, rollout, totals

__all__ = [
    "CalendarColumn",
    "add_up",
    "compare",
    "day",
    "draws",
    "focus_rows",
    "forecast",
    "hours",
    "margin",
    "month",
    "rate",
    "rate_rows",
    "rollout",
    "stream",
    "time",
    "totals",
]
