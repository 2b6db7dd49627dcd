"""FOCUS rows in Parquet: exact decimals, instants in UTC, everything else as text; needs ``parquet``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from os import PathLike
from typing import Any, BinaryIO

from tokenbill.core.base.tables import shortest
from tokenbill.errors import MissingExtra, UnreadableField
from tokenbill.shared.focus.columns import NUMBERS, TIMES, Row, checked_rows, columns_of

try:
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
except ImportError as error:
    raise MissingExtra("pyarrow", "parquet") from error

__all__ = ["write"]

DIGITS = 38
"""Digits of a decimal that every reader of Parquet knows."""
PLACES = 12
"""Least decimals of a column; one whose numbers need more has more."""


def write(rows: Iterable[Row], where: str | PathLike[str] | BinaryIO) -> None:
    """Write rows as ``focus.write_parquet`` says."""
    checked = checked_rows(rows)
    columns: dict[str, list[Any]] = {
        column: [row.get(column) for row in checked] for column in columns_of(checked)
    }
    for column in TIMES:
        columns[column] = [_instant(text, f"rows[{at}].{column}") for at, text in enumerate(columns[column])]
    arrays = [arrow.array(values, type=_type(column, values)) for column, values in columns.items()]
    parquet.write_table(arrow.table(arrays, names=list(columns)), where)


def _instant(text: Any, path: str) -> datetime:
    """The instant of a text of FOCUS."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except (TypeError, ValueError):
        way_out = "write it as 2026-10-01T00:00:00Z"
        raise UnreadableField(f"not an instant of FOCUS; {way_out}", text, path=path) from None


def _type(column: str, values: Sequence[Any]) -> Any:
    """The type of a column: text, instants, or a decimal that holds each of its numbers to the last digit."""
    if column in TIMES:
        return arrow.timestamp("us", "UTC")
    if column not in NUMBERS and not any(isinstance(value, Decimal) for value in values):
        return arrow.string()
    # A column of Parquet has one scale: it must hold the finest number and the longest one at once.
    numbers = [shortest(value).lstrip("-").partition(".") for value in values if isinstance(value, Decimal)]
    places = max((PLACES, *(len(decimals) for _, _, decimals in numbers)))
    if max((len(whole) for whole, _, _ in numbers), default=0) + places > DIGITS:
        raise UnreadableField(f"numbers of more than {DIGITS} digits; write CSV", None, path=column)
    return arrow.decimal128(DIGITS, places)
