"""DuckDB: rows are rated by SQL, which checks its arithmetic; sums are its own HUGEINTs, settled on arrays.

A relation of rated rows stays lazy, and what it refuses is an error of DuckDB with our message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tokenbill._frames_arrow import Source, amount_column, lines
from tokenbill._frames_numpy import LONG
from tokenbill.errors import QuantityOverflow
from tokenbill.layouts import (
    AMOUNT,
    Asked,
    Layout,
    check_counts,
    engine,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
    spelled,
)
from tokenbill.prepared import Rate
from tokenbill.program import Program, value, whole
from tokenbill.tariff import DIGITS, Tariff

duckdb = engine("duckdb", "duckdb")
pc = engine("pyarrow.compute", "duckdb")

__all__ = ["rate", "rate_rows"]

UNORDERED = "a relation, whose rows have no order"
ODD = "rows with a null or negative quantity"
VIEW = "rows of tokenbill"
HALF = 10**19
"""Half of the digits that a sum may have."""
INTEGERS = {
    "hugeint",  # not UHUGEINT, which DuckDB adds up as DOUBLE
    *(f"{sign}{kind}" for sign in ("", "u") for kind in ("tinyint", "smallint", "integer", "bigint")),
}


class _Variant(NamedTuple):
    """What tells the meters of a column apart: cells of labels and of the meter, also as text by DuckDB."""

    cells: tuple[Any, ...]
    texts: tuple[Any, ...]


class Sql(NamedTuple):
    """An expression of whole numbers, which what works on numbers builds on."""

    text: str

    def __add__(self, other: Any) -> Sql:
        return Sql(f"({self.text} + {_text(other)})")

    def __mul__(self, other: Any) -> Sql:
        return Sql(f"({self.text} * {_text(other)})")

    def __floordiv__(self, other: Any) -> Sql:
        return Sql(f"({self.text} // {_text(other)})")


def _text(other: Any) -> str:
    return other.text if isinstance(other, Sql) else f"({other})"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


# ---------------------------------------------------------------- bills


def rate(data: Any, asked: Asked) -> Any:
    """The lines of bills, one for each group; the relation is evaluated for it."""
    layout = layout_of(data.columns, asked)
    for column in layout.quantities:
        _places(data, column)
    keys = [*layout.by, *layout.variants]
    sums = [f"sum({_name(column)}) AS {_name(column)}" for column in layout.quantities]
    sound = " AND ".join(f"{_name(column)} >= 0" for column in layout.quantities)
    asked_for = ", ".join([*map(_name, keys), *sums, f"count(*) - count(*) FILTER ({sound}) AS {_name(ODD)}"])
    try:
        table = data.aggregate(asked_for, ", ".join(map(_name, keys))).to_arrow_table()
    except duckdb.OutOfRangeException:
        raise _too_long(data, layout) from None
    _check(data, layout, table)
    return _relation(lines(Source([*keys, *layout.quantities], _column_of(layout, table), ""), asked), data)


def _relation(settled: Any, data: Any) -> Any:
    """A table as a relation of the connection that *data* is of; not every version drops the view itself."""
    assert settled is not None  # the query below reads it by its name
    found = data.query(VIEW, "SELECT * FROM settled")
    data.query(VIEW, f"DROP VIEW {_name(VIEW)}")
    return found


def _too_long(data: Any, layout: Layout) -> QuantityOverflow:
    """The error for sums that leave 128 bits, with the first meter and group of which one does."""
    for column in layout.quantities:
        n, keys = _number(column, _places(data, column), 1), ", ".join(map(_name, layout.by))
        top = f"sum({n} // {HALF}) + sum({n} % {HALF}) // {HALF} >= {HALF} AS {_name(ODD)}"
        groups = data.aggregate(f"{keys}, {top}" if keys else top, keys)
        if _count(groups, _name(ODD)):
            return QuantityOverflow(column, _group(groups, layout, _name(ODD)), "a sum", f"{DIGITS} digits")
    raise AssertionError("the sums of groups are shorter than those of groups and meters")


def _column_of(layout: Layout, table: Any) -> Any:
    def column(name: str) -> Any:
        cells = table.column(name)
        return pc.fill_null(cells, 0) if name in layout.quantities else cells  # the sum of no rows

    return column


def _check(data: Any, layout: Layout, table: Any) -> None:
    """Refuse nulls and negative quantities, with their number and the first group that has one."""
    for column in (*layout.by, *([layout.meter] if layout.meter is not None else [])):
        nulls = _count(data, f"{_name(column)} IS NULL") if table.column(column).null_count else 0
        if nulls:
            raise null_keys(column, nulls, UNORDERED)
    if not pc.max(table.column(ODD)).as_py():
        return
    for column in layout.quantities:
        for condition in ("IS NULL", "< 0"):
            where = f"{_name(column)} {condition}"
            count, group = _count(data, where), _group(data, layout, where)
            check_counts(column, *((count, 0) if condition == "IS NULL" else (0, count)), group)


def _count(data: Any, condition: str) -> int:
    return int(data.filter(condition).aggregate("count(*)").fetchall()[0][0])


def _group(data: Any, layout: Layout, condition: str) -> str:
    """The group of a row that is so."""
    names = ", ".join(map(_name, layout.by)) or "NULL"
    found = data.filter(condition).project(names).limit(1).fetchall()
    cells = [f"{column}={cell}" for row in found for column, cell in zip(layout.by, row, strict=False)]
    return ", ".join(cells) or "the frame"


def _places(data: Any, column: str) -> int:
    """The decimals of a column of quantities."""
    kind = data.types[data.columns.index(column)]
    if kind.id in ("float", "double"):
        raise float_column(column, kind, odd=None, first=None, cast=f"CAST({_name(column)} AS BIGINT)")
    if kind.id == "decimal":
        return int(dict(kind.children)["scale"])
    if kind.id not in INTEGERS:
        raise no_numbers(column, kind)
    return 0


# ---------------------------------------------------------------- rows


def rate_rows(data: Any, asked: Asked) -> Any:
    """The relation with the amount of each row."""
    layout = layout_of(data.columns, asked)
    places = {column: _places(data, column) for column in layout.quantities}
    tariff = Tariff(asked.plan, 10 ** max(places.values()), names=layout.names())
    layout = layout._replace(labels=tuple(tariff.told_apart(layout.labels)))
    if tariff.programs is None:
        table = data.to_arrow_table()
        amounts = amount_column(Source(table.schema.names, table.column, ""), asked)
        return _relation(table.append_column(AMOUNT, amounts), data)
    amount = _amount(tariff, layout, places, _variants(data, layout))
    return data.project(f"*, {amount} AS {AMOUNT}")


def _variants(data: Any, layout: Layout) -> list[_Variant]:
    """What tells the meters of a column apart."""
    if not layout.variants:
        return [_Variant((), ())]
    names = [*map(_name, layout.variants), *map(_text_of, layout.variants)]
    found = data.project(", ".join(f"{name} AS c{n}" for n, name in enumerate(names))).distinct()
    cells = zip(*(column.to_pylist() for column in found.to_arrow_table().columns), strict=True)
    return [_Variant(row[: len(layout.variants)], row[len(layout.variants) :]) for row in cells]


def _text_of(column: str) -> str:
    return f"CAST({_name(column)} AS VARCHAR)"


def _amount(tariff: Tariff, layout: Layout, places: dict[str, int], variants: Iterable[_Variant]) -> str:
    """The amount of a row: each entry's in 1/denominator, added up, as a decimal."""
    cases: list[str] = []
    for variant in variants:
        if layout.meter is not None and variant.cells[-1] is None:
            raise null_keys(layout.meter, 1, UNORDERED)
        by_rate: dict[Rate, list[str]] = {}
        for column in layout.quantities:
            by_rate.setdefault(layout.rate_of(tariff, column, variant.cells), []).append(column)
        total = " + ".join(_part(tariff, rate, columns, places) for rate, columns in by_rate.items())
        met = " AND ".join(
            f"{_text_of(column)} IS NOT DISTINCT FROM {'NULL' if text is None else _quoted(text)}"
            for column, text in zip(layout.variants, variant.texts, strict=True)
        )
        cases.append(f"WHEN {met or 'true'} THEN {total}")
    unknown = f"ELSE error({_quoted('a meter that was not there when the rows were rated')})"
    shown = tariff.shown
    total_sql = Sql(f"(CASE {' '.join(cases)} {unknown} END)") if cases else Sql("CAST(0 AS HUGEINT)")
    settled = whole(total_sql * shown.lines[0].rate, shown.divisor, shown.mode)
    point = (
        ""
        if not tariff.row_places
        else f" * CAST({spelled(1, 10**tariff.row_places):f} AS DECIMAL({DIGITS}, {tariff.row_places}))"
    )
    return (
        f"CAST(CAST({settled.text} AS DECIMAL({DIGITS}, 0)){point} AS DECIMAL({DIGITS}, {tariff.row_places}))"
    )


def _part(tariff: Tariff, rate: Rate, columns: Iterable[str], places: dict[str, int]) -> str:
    """One entry's amount, worked out in 64 bits where they suffice, and refused where 38 digits do not."""
    numbers = [_number(column, places[column], tariff.unit // 10 ** places[column]) for column in columns]
    n, program, meter = f"({' + '.join(numbers)})", tariff.program_of(rate), str(rate.key)
    short, long = program.most(LONG), program.most(tariff.limit)
    most = spelled(max(long, 0), tariff.unit)
    return (
        f"CASE WHEN {n} IS NULL THEN error({_quoted(f'a null quantity of {meter}; fill in 0')})"
        f" WHEN {n} < 0 THEN error({_quoted(f'a negative quantity of {meter}')})"
        f" WHEN {n} <= {short} THEN CAST({_curve(program, Sql(f'CAST({n} AS BIGINT)'), short)} AS HUGEINT)"
        f" WHEN {n} <= {long} THEN {_curve(program, Sql(n), long)}"
        f" ELSE error({_quoted(f'{meter}: more than {most:f}, up to which columns are exact')}) END"
    )


def _number(column: str, places: int, factor: int) -> str:
    """A column of quantities in 1/unit."""
    text, power = _name(column), 10**places
    if places > DIGITS // 2 - 1:  # as text: the product below would be too long
        return f"(CAST(replace({_text_of(column)}, '.', '') AS HUGEINT) * {factor})"
    if places:
        rest = f"CAST(({text} - floor({text})) * CAST({power} AS DECIMAL({places + 1}, 0)) AS HUGEINT)"
        return f"((CAST(floor({text}) AS HUGEINT) * {power} + {rest}) * {factor})"
    return f"(CAST({text} AS HUGEINT) * {factor})" if factor > 1 else f"CAST({text} AS HUGEINT)"


def _curve(program: Program, n: Sql, most: int) -> str:
    """A program as SQL, the pieces beyond *most* left out."""
    ends = [end for end in program.ends if end < most]
    parts = [value(line, n).text for line in program.lines[: len(ends) + 1]]
    cases = " ".join(f"WHEN {n.text} <= {end} THEN {part}" for end, part in zip(ends, parts, strict=False))
    return f"CASE {cases} ELSE {parts[-1]} END" if ends else parts[-1]
