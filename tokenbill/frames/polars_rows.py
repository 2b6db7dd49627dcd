"""Rows of Polars: rated by expressions of its own, in 64 bits wherever these hold every number on the way.

What depends on the numbers is decided batch by batch, inside the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import le
from typing import Any

from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.integer_price import IntegerPrice, value, whole
from tokenbill.frames.bills import amounts
from tokenbill.frames.engines import pl
from tokenbill.frames.ints import LONG, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import AMOUNT, Options
from tokenbill.frames.polars_columns import OURS, check, coded, decimals_of, ints_of, job_on, telling, typed
from tokenbill.frames.scales import DIGITS
from tokenbill.frames.sums import Sums

__all__ = ["rate_rows"]

PIECES = 16
"""So many pieces of a curve are told apart by an expression; arrays are faster for more."""
VARIANT = f"{OURS}variant"


def rate_rows(data: Any, options: Options) -> Any:
    """The frame with the amount of each row."""
    frame, is_lazy = data.lazy(), not isinstance(data, pl.DataFrame)
    schema = frame.collect_schema()
    job = job_on(schema, options, data)
    frame, schema = typed(frame, schema, job.layout, data)
    rater = _Rater(job, schema, "row {} of a batch" if is_lazy else "row {}")
    kind = pl.Decimal(DIGITS, job.plan.scale)
    # a frame in memory comes in one piece, which Polars divides among its threads where it works on it
    rated = pl.map_batches(rater.columns(), telling(rater.batch), return_dtype=kind, is_elementwise=is_lazy)
    result = frame.with_columns(rated.alias(AMOUNT))
    return result if is_lazy else result.collect()


class _Rater:
    """The amounts of rows: by expressions of Polars where the columns say the meters, else on arrays.

    An expression is part of the query before its numbers are known; so that of 64 bits is always worked out,
    and only used where all of them fit.
    """

    def __init__(self, job: Job, schema: Any, place: str) -> None:
        self.job, self.schema, self.place, self.shown = job, schema, place.format, job.plan.shown
        self.needed = [*job.layout.variants, *job.layout.quantities]
        self.by_entry: list[tuple[IntegerPrice, list[str]]] = []
        if job.plan.shown is not None and not job.layout.variants:
            # the columns of a wide frame by the entry that they fall to
            found = dict[EntryCurve, list[str]]()
            for column in job.layout.quantities:
                found.setdefault(job.layout.entry(job.plan, column, ()), []).append(column)
            known = ((entry.function, columns) for entry, columns in found.items())
            self.by_entry = [(function, columns) for function, columns in known if function is not None]
        self.reach = (
            {pl.Int64: self._reach(LONG), pl.Int128: self._reach(10**DIGITS)} if self.by_entry else {}
        )

    def _reach(self, limit: int) -> list[int]:
        """Of each rate the largest n that stays below *limit* on its way, within its first pieces."""
        assert self.shown is not None  # else rows are rated on arrays
        room = min(limit, self.shown.most(limit) + 1, self.job.plan.limit) // len(self.by_entry)
        return [
            min(function.most(room), *function.ends[PIECES - 1 : PIECES], limit)
            for function, _ in self.by_entry
        ]

    def columns(self) -> list[Any]:
        """What a query is asked for: the columns, whether amounts in 64 bits are right, and these amounts."""
        return [*self.needed, *([self._fits(), self._amount(pl.Int64)] if self.by_entry else [])]

    def batch(self, columns: Sequence[Any]) -> Any:
        """The amount of each row of a frame, or of one batch of it."""
        if self.by_entry and columns[-2].all(ignore_nulls=False):
            numbers = columns[-1]
        else:
            frame = pl.DataFrame(columns[: len(self.needed)])
            largest = check(self.job.layout, frame, self.place)
            if not self._is_within(largest):
                return decimals_of(self._on_arrays(frame), self.job.plan.scale)
            numbers = frame.lazy().select(self._amount(pl.Int128)).collect().to_series()
        return numbers.reinterpret(dtype=pl.Decimal(DIGITS, self.job.plan.scale))

    def _is_within(self, largest: Mapping[str, int]) -> bool:
        """Whether 128 bits hold every number on the way."""
        sums = (
            sum(largest[column] * self._factor(column) for column in columns) for _, columns in self.by_entry
        )
        return bool(self.by_entry) and all(map(le, sums, self.reach[pl.Int128]))

    def _fits(self) -> Any:
        """Whether 64 bits do for the quantities of a row: none is too large, negative or null."""
        bounds = [
            (column, reach // self._factor(column) // len(columns))
            for reach, (_, columns) in zip(self.reach[pl.Int64], self.by_entry, strict=True)
            for column in columns
        ]
        return pl.all_horizontal(
            _raw(pl.col(name), self.schema[name]).is_between(0, most) for name, most in bounds
        )

    def _on_arrays(self, frame: Any) -> Ints:
        layout = self.job.layout
        variants, variant = coded(frame, layout.variants, VARIANT)
        found, which = (variants.rows(), variant) if layout.variants else ([()], None)
        quantities = [(ints_of(frame[column]), self.job.places[column]) for column in layout.quantities]
        return amounts(self.job.plan, layout, Sums(frame.height, None, found, which, quantities, self.place))

    def _factor(self, column: str) -> int:
        return int(self.job.plan.unit // 10 ** self.job.places[column])

    def _amount(self, width: Any) -> Any:
        """The expression for amounts as far as they can be worked out in a width, in 128 bits."""
        parts = [
            expression(function, self._quantity(columns, width), top, width)
            for top, (function, columns) in zip(self.reach[width], self.by_entry, strict=True)
        ]
        assert self.shown is not None  # else rows are rated on arrays
        line, shown = self.shown.lines[0], self.shown
        total = reduce(pl.Expr.add, parts)
        amount = whole(total if line.rate == 1 else total * line.rate, shown.divisor, shown.mode)
        # the decimals that the column adds; 128 bits hold them, or the row is refused before
        factor = self.job.plan.factor
        return amount.cast(pl.Int128) * pl.lit(factor, pl.Int128) if factor > 1 else amount.cast(pl.Int128)

    def _quantity(self, columns: Iterable[str], width: Any) -> Any:
        """The columns of one rate, in 1/unit, together; what does not fit the width is not looked at."""
        parts = list[Any]()
        for column in columns:
            raw, factor = _raw(pl.col(column), self.schema[column]), self._factor(column)
            number = raw.cast(width, strict=False)
            parts.append(number if factor == 1 else number * pl.lit(factor, width))
        return reduce(pl.Expr.add, parts)


def _raw(column: Any, dtype: Any) -> Any:
    """A column of quantities as whole numbers."""
    return column.reinterpret(dtype=pl.Int128) if isinstance(dtype, pl.Decimal) else column


def expression(function: IntegerPrice, n: Any, most: int, width: Any) -> Any:
    """A function as an expression of n up to *most*: the numbers of pieces beyond may be too long."""
    ends = [end for end in function.ends if end < most]
    lines = function.lines[: len(ends) + 1]
    if function.straight and ends:
        rate = _picked(ends, n, [line.rate for line in lines], width)
        start = _picked(ends, n, [line.constant for line in lines], width)
        return whole(n * rate + start, function.divisor, function.mode)
    values = [whole(value(line, n), function.divisor, function.mode) for line in lines]
    return _picked(ends, n, values, width)


def _picked(ends: Sequence[int], n: Any, parts: Sequence[Any], width: Any) -> Any:
    """The part of the piece that n falls in."""
    held = [pl.lit(part, width) if isinstance(part, int) else part for part in parts]
    picked = held[-1]
    for end, part in zip(reversed(ends), reversed(held[:-1]), strict=True):
        picked = pl.when(n <= pl.lit(end, width)).then(part).otherwise(picked)
    return picked
