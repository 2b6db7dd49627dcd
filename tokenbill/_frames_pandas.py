"""Pandas: columns become Arrow's one by one, and decimals come back as Arrow's."""

from __future__ import annotations

from typing import Any

from tokenbill._frames_arrow import IN_ORDER, Place, Source, amount_column, lines
from tokenbill.errors import InvalidNumber
from tokenbill.excerpts import shown
from tokenbill.layouts import AMOUNT, Asked, engine

pd = engine("pandas", "pandas")
pa = engine("pyarrow", "pandas")

__all__ = ["CAST", "rate", "rate_rows", "returned", "source_of"]

CAST = 'df["{}"].astype("int64")'


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group."""
    return returned(lines(source_of(data), asked))


def rate_rows(data: Any, asked: Asked, place: Place = IN_ORDER) -> Any:
    """The frame with the amount of each row; *place* is what errors call a row."""
    amounts = amount_column(source_of(data, place), asked)
    return data.assign(**{AMOUNT: pd.Series(pd.arrays.ArrowExtensionArray(amounts), index=data.index)})


def returned(table: Any) -> Any:
    """A table as a frame of pandas."""
    return table.to_pandas(types_mapper=_type)


def _type(kind: Any) -> Any:
    return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None


def source_of(data: Any, place: Place = IN_ORDER) -> Source:
    """The columns of a frame of pandas."""

    def column(name: str) -> Any:
        try:
            return pa.array(data[name], from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            raise InvalidNumber(
                f"column {shown(name)} holds cells of several kinds, or too long",
                data[name].dtype,
                'give whole numbers, decimals or texts: .astype("int64")',
            ) from None

    return Source(list(data.columns), column, CAST, place)
