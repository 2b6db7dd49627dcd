"""Pandas: columns become Arrow's one by one, and decimals come back as Arrow's."""

from __future__ import annotations

from typing import Any

from tokenbill._frames_arrow import Source, amount_column, lines
from tokenbill.errors import InvalidNumber, shown
from tokenbill.layouts import AMOUNT, Asked, engine

pd = engine("pandas", "pandas")
pa = engine("pyarrow", "pandas")

__all__ = ["rate", "rate_rows"]


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group."""
    return lines(_source(data), asked).to_pandas(types_mapper=_type)


def rate_rows(data: Any, asked: Asked) -> Any:
    """The frame with the amount of each row."""
    amounts = amount_column(_source(data), asked)
    return data.assign(**{AMOUNT: pd.Series(pd.arrays.ArrowExtensionArray(amounts), index=data.index)})


def _type(kind: Any) -> Any:
    return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) else None


def _source(data: Any) -> Source:
    def column(name: str) -> Any:
        try:
            return pa.array(data[name], from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            raise InvalidNumber(
                f"column {shown(name)} holds cells of several kinds, or too long",
                data[name].dtype,
                'give whole numbers, decimals or texts: .astype("int64")',
            ) from None

    return Source(list(data.columns), column, 'df["{}"].astype("int64")')
