"""Polars: rows are rated by expressions of its own, sums taken in 128 bits; lazy frames stay lazy.

What depends on the numbers, such as how many bits they need, is decided batch by batch, inside the query.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial, reduce
from operator import le
from typing import Any, NamedTuple

from tokenbill._frames_bills import amounts, settle
from tokenbill._frames_numpy import LONG, Ints, Sums, plus, times
from tokenbill.errors import InvalidNumber, QuantityOverflow, TokenbillError
from tokenbill.layouts import (
    AMOUNT,
    ROWS,
    Asked,
    Layout,
    check_counts,
    engine,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
)
from tokenbill.program import Program, value, whole
from tokenbill.tariff import DIGITS, Tariff

np = engine("numpy", "polars")
pl = engine("polars", "polars")

__all__ = ["rate", "rate_rows"]

GROUP, VARIANT, SOUND, HIGH = "tokenbill group", "tokenbill variant", "tokenbill sound", "tokenbill high of "
HALF = 10**19
"""Numbers that could leave 128 bits when they are added up are added in two parts: n // HALF and n % HALF."""
PIECES = 16
"""So many pieces of a curve are told apart by an expression; arrays are faster for more."""
BELOW_ZERO = {pl.Int8: 2**7, pl.Int16: 2**15, pl.Int32: 2**31, pl.Int64: LONG, pl.Int128: 2**127}
"""From here on the bits of a number, read without a sign, are those of a negative one."""
FITTING = 10**26
"""As many numbers below this as can be counted add up within 128 bits."""


class _Job(NamedTuple):
    """What is rated: the plan for columns, what they mean, and their decimals."""

    tariff: Tariff
    layout: Layout
    places: dict[str, int]


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group."""
    frame = data.lazy()
    schema = frame.collect_schema()
    job = _job(schema, asked, data)
    layout = job.layout
    keys = [*layout.by, *layout.variants]
    frame = frame.select(*keys, *layout.quantities, _sound(layout))
    wide = [column for column in layout.quantities if _is_wide(schema[column])]
    if isinstance(data, pl.DataFrame):
        frame = _checked(layout, wide, "row {}".format, frame.collect()).lazy()
    else:
        halves = {name: pl.Int128 for column in wide for name in (column, HIGH + column)}
        frame = frame.map_batches(
            _telling(partial(_checked, layout, wide, "row {} of a batch".format)),
            schema={**frame.collect_schema(), **halves},
            streamable=True,
        )
    sums = [pl.col(column).cast(pl.Int128).sum() for column in layout.quantities]
    sums += [pl.col(HIGH + column).sum() for column in wide]
    summed = frame.group_by(keys).agg(sums) if keys else frame.select(sums)
    result = summed.map_batches(_telling(partial(_settled, job, wide)), schema=_schema(schema, job))
    return result.collect() if isinstance(data, pl.DataFrame) else result


def rate_rows(data: Any, asked: Asked) -> Any:
    """The frame with the amount of each row."""
    frame, is_lazy = data.lazy(), not isinstance(data, pl.DataFrame)
    schema = frame.collect_schema()
    job = _job(schema, asked, data)
    rater = _Rater(job, schema, "row {} of a batch" if is_lazy else "row {}")
    kind = pl.Decimal(DIGITS, job.tariff.row_places)
    # a frame in memory comes in one piece, which Polars divides among its threads where it works on it
    rated = pl.map_batches(rater.columns(), _telling(rater.batch), return_dtype=kind, is_elementwise=is_lazy)
    result = frame.with_columns(rated.alias(AMOUNT))
    return result if is_lazy else result.collect()


def _job(schema: Any, asked: Asked, data: Any) -> _Job:
    layout = layout_of(schema.names(), asked)
    places = {column: _places(column, schema[column], data) for column in layout.quantities}
    tariff = Tariff(
        asked.plan, 10 ** max(places.values(), default=0), names=layout.names(), period=asked.period
    )
    return _Job(tariff, layout._replace(labels=tuple(tariff.told_apart(layout.labels))), places)


def _places(column: str, dtype: Any, data: Any) -> int:
    """The decimals of a column of quantities."""
    if dtype.is_float():
        raise _float(column, dtype, data)
    if isinstance(dtype, pl.Decimal):
        return int(dtype.scale)
    if not dtype.is_integer():
        raise no_numbers(column, dtype)
    return 0


def _float(column: str, dtype: Any, data: Any) -> InvalidNumber:
    cast = f'pl.col("{column}").cast(pl.Int64)'
    if not isinstance(data, pl.DataFrame):
        return float_column(column, dtype, odd=None, first=None, cast=cast)
    odd = (data[column] % 1 != 0).fill_null(value=True)
    return float_column(column, dtype, odd=odd.sum(), first=f"row {odd.arg_max()}", cast=cast)


def _schema(schema: Any, job: _Job) -> dict[str, Any]:
    texts = dict.fromkeys(ROWS[:3], pl.String)
    quantity = pl.Decimal(DIGITS, _digits(job.tariff.unit))
    decimals = {"quantity": quantity, AMOUNT: pl.Decimal(DIGITS, job.tariff.places)}
    return {**{column: schema[column] for column in job.layout.by}, **texts, **decimals}


def _digits(power: int) -> int:
    return len(str(power)) - 1


# ---------------------------------------------------------------- checks


def _check(layout: Layout, frame: Any, place: Any) -> dict[str, int]:
    """Refuse nulls and negative quantities, in a frame or one batch of it; how large the others are."""
    for column in (*layout.by, *([layout.meter] if layout.meter is not None else [])):
        cells = frame[column]
        if cells.null_count():
            raise null_keys(column, cells.null_count(), place(cells.is_null().arg_max()))
    return {column: _largest(column, frame[column], place) for column in layout.quantities}


def _largest(column: str, cells: Any, place: Any) -> int:
    """The largest number of a column of quantities, which has no nulls and no negative ones."""
    nulls = cells.null_count()
    if nulls:
        check_counts(column, nulls, 0, place(cells.is_null().arg_max()))
    numbers = cells.reinterpret(dtype=pl.Int128) if cells.dtype.is_decimal() else cells
    most = int(numbers.reinterpret(signed=False).max() or 0)
    if most >= BELOW_ZERO.get(numbers.dtype, most + 1):
        negative = numbers < 0
        check_counts(column, 0, negative.sum(), place(negative.arg_max()))
    return most


def _sound(layout: Layout) -> Any:
    """Whether a row names its group and meter, and its quantities are none that `_check` refuses."""
    names = [*layout.by, *([layout.meter] if layout.meter is not None else [])]
    named = [pl.col(column).is_not_null() for column in names]
    return pl.all_horizontal(*named, *(pl.col(column) >= 0 for column in layout.quantities)).alias(SOUND)


def _is_wide(dtype: Any) -> bool:
    """Whether numbers of a column can be so long that their sum leaves 128 bits."""
    return dtype.is_decimal() or dtype in (pl.Int128, pl.UInt128)


def _checked(layout: Layout, wide: Sequence[str], place: Callable[[Any], str], frame: Any) -> Any:
    """A frame, or one batch of it, without nulls and negative quantities, its wide columns in two."""
    if not frame[SOUND].all(ignore_nulls=False):
        _check(layout, frame, place)
    halves = [half for column in wide for half in _halves(frame[column], place)]
    return frame.with_columns(halves) if halves else frame


def _halves(cells: Any, place: Callable[[Any], str]) -> tuple[Any, Any]:
    """A column of whole numbers as low and high parts, neither of whose sums wraps."""
    numbers = cells.reinterpret(dtype=pl.Int128) if cells.dtype.is_decimal() else cells
    most = int(numbers.max() or 0)
    if most >= 10**DIGITS:
        raise QuantityOverflow(cells.name, place(numbers.arg_max()), most, 10**DIGITS - 1)
    n, half = pl.lit(numbers.cast(pl.Int128)), pl.lit(HALF, pl.Int128)
    low, high = (n, pl.lit(0, pl.Int128)) if most < FITTING else (n % half, n // half)
    return low.alias(cells.name), high.alias(HIGH + cells.name)


def _telling(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work inside a query, whose errors Polars makes anew out of their message alone."""

    def done(*given: Any) -> Any:
        try:
            return work(*given)
        except TokenbillError as error:
            raise _retold(error) from None

    return done


def _retold(error: TokenbillError) -> TokenbillError:
    """The same error, of a class that a message is enough for and that knows the rest."""
    kind = type(error)
    parts = {**vars(error), "__init__": TokenbillError.__init__}
    retold: TokenbillError = type(kind.__name__, (kind,), parts)(str(error))
    return retold


# ---------------------------------------------------------------- bills


def _settled(job: _Job, wide: Collection[str], frame: Any) -> Any:
    """The bills of aggregated quantities."""
    tariff, layout = job.tariff, job.layout
    sums, keys = _sums(job, wide, frame)
    rows = settle(tariff, layout, sums)
    texts = pl.DataFrame(rows.texts, schema=dict.fromkeys(ROWS[:3], pl.String), orient="row")
    counted = pl.Series(rows.counted)
    quantity = _decimals(rows.quantity, _digits(tariff.unit)).set(~counted, None)
    numbers = [quantity.alias(ROWS[3]), _decimals(rows.amount, tariff.places).alias(AMOUNT)]
    groups = [keys[pl.Series(rows.group)]] if layout.by else []
    return pl.concat([*groups, texts[pl.Series(rows.what)], pl.DataFrame(numbers)], how="horizontal")


def _sums(job: _Job, wide: Collection[str], frame: Any) -> tuple[Sums, Any]:
    """The quantities of a frame by its groups, and the groups."""
    layout = job.layout
    if not layout.variants:  # every row is a group of its own
        keys, group, found, variant = frame.select(layout.by), None, [()], None
    else:
        keys, group = _coded(frame, layout.by, GROUP)
        variants, variant = _coded(frame, layout.variants, VARIANT)
        found = variants.rows()
    quantities = [(_joined(frame, column, wide), job.places[column]) for column in layout.quantities]
    count = keys.height if layout.by else 1

    def name(place: int) -> str:
        return (
            ""
            if not layout.by
            else ", ".join(f"{key}={cell}" for key, cell in zip(layout.by, keys.row(place), strict=True))
        )

    return Sums(count, group, found, variant, quantities, name), keys


def _coded(frame: Any, columns: Sequence[str], code: str) -> tuple[Any, Ints]:
    """The different rows of some columns, and which of them each row has."""
    if not columns:
        return frame.select([]), np.zeros(frame.height, np.int64)
    different = frame.select(columns).unique(maintain_order=True)
    coded = frame.select(columns).join(
        different.with_row_index(code), on=list(columns), how="left", nulls_equal=True, maintain_order="left"
    )
    return different, coded[code].cast(pl.Int64).to_numpy()


def _joined(frame: Any, column: str, wide: Collection[str]) -> Ints:
    """The sums of a column."""
    low = _ints(frame[column])
    return plus(times(_ints(frame[HIGH + column]), HALF), low) if column in wide else low


def _ints(numbers: Any) -> Ints:
    """Whole numbers as an array: int64 where they fit."""
    if isinstance(numbers.dtype, pl.Decimal):
        numbers = numbers.reinterpret(dtype=pl.Int128)
    if numbers.len() and numbers.max() >= LONG:
        return np.array(numbers.to_list(), object)
    return numbers.cast(pl.Int64).to_numpy()


def _decimals(numbers: Ints, places: int) -> Any:
    """Whole numbers in 1/10^places as a column of decimals."""
    if numbers.dtype == object:
        held = pl.Series(numbers.tolist(), dtype=pl.Int128)
    else:
        held = pl.Series(numbers).cast(pl.Int128)
    return held.reinterpret(dtype=pl.Decimal(DIGITS, places))


# ---------------------------------------------------------------- rows


class _Rater:
    """The amounts of rows: by expressions of Polars where the columns say the meters, else on arrays.

    An expression is part of the query before its numbers are known; so that of 64 bits is always worked out,
    and only used where all of them fit.
    """

    def __init__(self, job: _Job, schema: Any, place: str) -> None:
        self.job, self.schema, self.place = job, schema, place.format
        self.needed = [*job.layout.variants, *job.layout.quantities]
        self.by_rate: list[tuple[Program, list[str]]] = []
        if job.tariff.programs is not None and not job.layout.variants:
            self.by_rate = self._columns_by_rate()
        self.reach = {pl.Int64: self._reach(LONG), pl.Int128: self._reach(10**DIGITS)} if self.by_rate else {}

    def _columns_by_rate(self) -> list[tuple[Program, list[str]]]:
        """The columns of a wide frame by the entry that they fall to."""
        layout, tariff = self.job.layout, self.job.tariff
        found: dict[Any, list[str]] = {}
        for column in layout.quantities:
            found.setdefault(layout.rate_of(tariff, column, ()), []).append(column)
        return [(tariff.program_of(rate), columns) for rate, columns in found.items()]

    def _reach(self, limit: int) -> list[int]:
        """Of each rate the largest n that stays below *limit* on its way, within its first pieces."""
        room = min(limit, self.job.tariff.shown.most(limit) + 1) // len(self.by_rate)
        return [
            min(program.most(room), *program.ends[PIECES - 1 : PIECES], limit) for program, _ in self.by_rate
        ]

    def columns(self) -> list[Any]:
        """What is asked of a query: the columns, whether amounts in 64 bits are right, and these amounts."""
        return [*self.needed, *([self._fits(), self._amount(pl.Int64)] if self.by_rate else [])]

    def batch(self, columns: Sequence[Any]) -> Any:
        """The amount of each row of a frame, or of one batch of it."""
        if self.by_rate and columns[-2].all(ignore_nulls=False):
            numbers = columns[-1]
        else:
            frame = pl.DataFrame(columns[: len(self.needed)])
            largest = _check(self.job.layout, frame, self.place)
            if not self._is_within(largest):
                return _decimals(self._on_arrays(frame), self.job.tariff.row_places)
            numbers = frame.lazy().select(self._amount(pl.Int128)).collect().to_series()
        return numbers.reinterpret(dtype=pl.Decimal(DIGITS, self.job.tariff.row_places))

    def _is_within(self, largest: Mapping[str, int]) -> bool:
        """Whether 128 bits hold every number on the way."""
        sums = (
            sum(largest[column] * self._factor(column) for column in columns) for _, columns in self.by_rate
        )
        return bool(self.by_rate) and all(map(le, sums, self.reach[pl.Int128]))

    def _fits(self) -> Any:
        """Whether 64 bits do for the quantities of a row: none is too large, negative or null."""
        bounds = [
            (column, reach // self._factor(column) // len(columns))
            for reach, (_, columns) in zip(self.reach[pl.Int64], self.by_rate, strict=True)
            for column in columns
        ]
        return pl.all_horizontal(
            _raw(pl.col(name), self.schema[name]).is_between(0, most) for name, most in bounds
        )

    def _on_arrays(self, frame: Any) -> Ints:
        layout = self.job.layout
        variants, variant = _coded(frame, layout.variants, VARIANT)
        found, which = (variants.rows(), variant) if layout.variants else ([()], None)
        quantities = [(_ints(frame[column]), self.job.places[column]) for column in layout.quantities]
        return amounts(
            self.job.tariff, layout, Sums(frame.height, None, found, which, quantities, self.place)
        )

    def _factor(self, column: str) -> int:
        return int(self.job.tariff.unit // 10 ** self.job.places[column])

    def _amount(self, width: Any) -> Any:
        """The expression for amounts as far as they can be worked out in a width, in 128 bits."""
        parts = [
            _expression(program, self._quantity(columns, width), top, width)
            for top, (program, columns) in zip(self.reach[width], self.by_rate, strict=True)
        ]
        line, shown = self.job.tariff.shown.lines[0], self.job.tariff.shown
        total = reduce(pl.Expr.add, parts)
        return whole(total if line.rate == 1 else total * line.rate, shown.divisor, shown.mode).cast(
            pl.Int128
        )

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


def _expression(program: Program, n: Any, most: int, width: Any) -> Any:
    """A program as an expression of n up to *most*: the numbers of pieces beyond may be too long."""
    ends = [end for end in program.ends if end < most]
    lines = program.lines[: len(ends) + 1]
    if program.straight and ends:
        rate = _picked(ends, n, [line.rate for line in lines], width)
        start = _picked(ends, n, [line.constant for line in lines], width)
        return whole(n * rate + start, program.divisor, program.mode)
    values = [whole(value(line, n), program.divisor, program.mode) for line in lines]
    return _picked(ends, n, values, width)


def _picked(ends: Sequence[int], n: Any, parts: Sequence[Any], width: Any) -> Any:
    """The part of the piece that n falls in."""
    held = [pl.lit(part, width) if isinstance(part, int) else part for part in parts]
    picked = held[-1]
    for end, part in zip(reversed(ends), reversed(held[:-1]), strict=True):
        picked = pl.when(n <= pl.lit(end, width)).then(part).otherwise(picked)
    return picked
