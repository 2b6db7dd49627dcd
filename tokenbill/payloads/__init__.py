"""Payloads: what a provider's response says was used, as usage in meters that share no token."""

from tokenbill.payloads.answers import merged
from tokenbill.payloads.costs import read_cost, read_costs
from tokenbill.payloads.logs import LOGS, Log, Record, read_log
from tokenbill.payloads.reading import read_usage, shape_of
from tokenbill.payloads.table import SHAPES

__all__ = [
    "LOGS",
    "SHAPES",
    "Log",
    "Record",
    "merged",
    "read_cost",
    "read_costs",
    "read_log",
    "read_usage",
    "shape_of",
]
