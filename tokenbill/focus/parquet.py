"""FOCUS rows in Parquet: numbers as exact decimals, everything else as text; needs the extra ``parquet``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib import import_module
from os import PathLike
from typing import Any, BinaryIO

from tokenbill.core.base.tables import shortest
from tokenbill.errors import MissingExtra, UnreadableField
from tokenbill.focus.columns import NUMBERS, Row, checked_rows, columns_of

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
    columns = {column: [row.get(column) for row in checked] for column in columns_of(checked)}
    arrays = [arrow.array(values, type=_type(column, values)) for column, values in columns.items()]
    parquet.write_table(arrow.table(arrays, names=list(columns)), where)


def _type(column: str, values: Sequence[str | Decimal | None]) -> Any:
    """The type of a column: text, or a decimal that holds each of its numbers to the last digit."""
    if column not in NUMBERS and not any(isinstance(value, Decimal) for value in values):
        return arrow.string()
    # A column of Parquet has one scale: it must hold the finest number and the longest one at once.
    numbers = [shortest(value).lstrip("-").partition(".") for value in values if isinstance(value, Decimal)]
    places = max((PLACES, *(len(decimals) for _, _, decimals in numbers)))
    if max((len(whole) for whole, _, _ in numbers), default=0) + places > DIGITS:
        raise UnreadableField(f"numbers of more than {DIGITS} digits; write CSV", None, path=column)
    return arrow.decimal128(DIGITS, places)
