"""DuckDB: rows are rated by SQL, which checks its arithmetic; sums are its own HUGEINTs, settled on arrays.

A relation of rated rows stays lazy, and what it refuses is an error of DuckDB with our message.
Where a price is the user's own, or there are many labels, rows are rated on arrays, as they are then.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any, NamedTuple
from uuid import uuid4

from tokenbill.core.base.quoting import listed
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.integer_price import IntegerPrice, value, whole
from tokenbill.errors import InvalidUsage, QuantityOverflow, UnreadableInput
from tokenbill.frames.arrow import amount_column
from tokenbill.frames.arrow_columns import Source, ints_of, plain
from tokenbill.frames.batches import streamed
from tokenbill.frames.engines import duckdb, pa, pc
from tokenbill.frames.ints import LONG
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import (
    AMOUNT,
    Layout,
    Options,
    check_counts,
    float_column,
    layout_of,
    no_numbers,
    null_keys,
    quantity_of,
)
from tokenbill.frames.parts import Part
from tokenbill.frames.scales import DIGITS
from tokenbill.frames.tables import lines

__all__ = ["rate_rows", "relation", "report"]

BATCH = 1 << 17
"""Rows that are handed over at once."""
UNORDERED = "a relation, whose rows have no order"
MOST_CASES = 100
"""How many variants are told apart by SQL, which tries one after another for each row."""
HALF = 10**19
"""Half of the digits that a sum may have."""
INTEGERS = {
    "hugeint",  # not UHUGEINT, which DuckDB adds up as DOUBLE
    *(f"{sign}{kind}" for sign in ("", "u") for kind in ("tinyint", "smallint", "integer", "bigint")),
}

NOTHING = "null"
"""The type of a column without cells: that of a month without events, which is a bill of nothing."""
KEYS = {"varchar": '{} COLLATE "C"', **dict.fromkeys(("uuid", "hugeint", NOTHING), "CAST({} AS VARCHAR)")}
"""How columns that name groups and meters are read, so that no collation or setting changes them."""


class _Summed(NamedTuple):
    """The sums of groups and meters with their keys, each by the name of its column.

    ``rows`` is how many rows each is of, ``odd`` how many of these have a null or negative quantity.
    """

    cells: dict[str, Any]
    rows: Any
    odd: Any


class _Variant(NamedTuple):
    """What tells the meters of a column apart: cells of labels and of the meter, also as text by DuckDB."""

    cells: tuple[Any, ...]
    texts: tuple[Any, ...]
    rows: int


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


def _key(data: Any, column: str) -> str:
    """A column whose texts are told apart by their bytes, whatever collation they or the settings have."""
    return KEYS.get(_kind(data, column).id, "{}").format(_name(column))


def _kind(data: Any, column: str) -> Any:
    return data.types[data.columns.index(column)]


def _cells(data: Any, column: str, cells: Any) -> Any:
    """A column as Arrow holds it where no setting asks for types of its own."""
    kind = _kind(data, column).id
    try:
        return _decimals(cells) if kind == "hugeint" else cells.cast("bool") if kind == "boolean" else cells
    except pa.ArrowInvalid:
        raise UnreadableInput(f"cells of more than {DIGITS} digits", column, "give texts") from None


def _decimals(texts: Any) -> Any:
    return plain(texts).cast(pa.decimal128(DIGITS, 0))


def relation(settled: Any, data: Any) -> Any:
    """A table as a relation of the connection that *data* is of."""
    # from DuckDB 2 on a relation knows its connection, though under a name of its own; a query is slower
    connection = getattr(data, "_con", None)
    if connection is not None:
        return connection.from_arrow(settled)
    # DuckDB finds tables among variables by name, so this one is nobody else's
    name = f"tokenbill_{uuid4().hex}"
    view = f"{name}_view"
    globals()[name] = settled
    try:
        return data.query(view, f"SELECT * FROM {name}")
    except duckdb.Error:
        way_out = "rate relation.to_arrow_table(), or let DuckDB read variables and write to the database"
        raise UnreadableInput("a connection that reads no table", listed(data.columns), way_out) from None
    finally:
        del globals()[name]
        # before DuckDB 2 the view of a query stays
        with suppress(duckdb.Error):
            data.query(view, f"DROP VIEW {view}")


# ---------------------------------------------------------------- bills


def report(data: Any, options: Options, report: Report) -> Any:
    """What *report* makes of the sums of a relation, which is evaluated for it."""
    layout = layout_of(data.columns, options)
    if options.times:
        # its zone rules are of its own edition; times are read as instants, batch by batch
        wanted = dict.fromkeys((*layout.keys, *layout.quantities, *options.times))
        named = [f"{_key(data, name)} AS {_name(name)}" for name in wanted if name in data.columns]
        with unbusy(data):
            wanted_rows: Any = data.project(", ".join(named))
            # DuckDB 2 has given it another name
            is_new = hasattr(wanted_rows, "to_arrow_reader")
            reader = wanted_rows.to_arrow_reader if is_new else wanted_rows.fetch_arrow_reader
            found = streamed(reader(BATCH), options, report)
        return relation(found, data)
    summed = _summed(data, layout)
    _check(data, layout, summed)
    places = {name: _places(data, name) for name in layout.quantities}
    job = Job.of(options, layout, places)
    sums = [
        (ints_of(summed.cells[name]), max(summed.cells[name].type.scale, 0)) for name in layout.quantities
    ]
    sums += [(ints_of(summed.rows), 0) for _ in layout.counts]
    keys = {name: summed.cells[name].combine_chunks() for name in layout.keys}
    for cells in keys.values():
        if pa.types.is_nested(cells.type):  # what other engines do not group by
            raise UnreadableInput("cells that tell no rows apart", cells.type, "give texts or numbers")
    # it takes texts by their places, and one array of places for the texts of a line
    is_coded = report is lines and options.plans is None and not layout.is_wide
    is_coded = is_coded and all(pa.types.is_string(keys[name].type) for name in layout.by)
    return relation(report(job, Part(keys, sums, len(summed.rows), is_coded)), data)


def _summed(data: Any, layout: Layout) -> _Summed:
    names = list(layout.keys)
    keys = [_key(data, column) for column in names]
    sums = [_sum(data, column) for column in layout.quantities]
    met = "IS NOT NULL" if layout.signed else ">= 0"
    sound = " AND ".join(f"{_name(column)} {met}" for column in layout.quantities) or "true"
    # what is odd is found in the same pass, and looked for only where there is some; where the statistics of
    # a table or file say that no row is, DuckDB counts the rest as all rows, which a CASE would hide from it
    counts = ["count(*)", f"count(({sound}) OR NULL)"]
    try:
        with unbusy(data):
            # grouped by what is no aggregate, which spares the text of the keys a second reading
            table = data.aggregate(", ".join([*keys, *sums, *counts])).to_arrow_table()
        *columns, rows, found = table.columns  # by place: names of ours could be those of a column
    except duckdb.OutOfRangeException:
        raise too_long(data, layout) from None
    cells = {name: _cells(data, name, column) for name, column in zip(names, columns, strict=False)}
    for name, total in zip(layout.quantities, columns[len(names) :], strict=True):
        # a sum of more digits is null, though there are numbers that it is of; that of none owes 0
        if total.null_count and pc.any(pc.and_(total.is_null(), pc.greater(found, 0))).as_py():
            raise too_long(data, layout)
        cells[name] = pc.fill_null(total, 0) if total.null_count else total
    return _Summed(cells, rows, pc.subtract(rows, found))


@contextmanager
def unbusy(data: Any) -> Generator[None, None, None]:
    """Name the way out where the connection still hands out the rows of another query, from DuckDB 2.0 on."""
    try:
        yield
    except duckdb.Error as error:
        if type(error).__name__ != "ResourceInUseException":
            raise
        way_out = "read its result to the end, or rate a relation of connection.cursor()"
        raise UnreadableInput("a connection that is busy", listed(data.columns), way_out) from None


def _sum(data: Any, column: str) -> str:
    """A sum, of integers as a decimal: how Arrow holds those depends on the settings."""
    _places(data, column)
    total = f"sum({_name(column)})"
    return total if _kind(data, column).id == "decimal" else f"TRY_CAST({total} AS DECIMAL({DIGITS}, 0))"


def too_long(data: Any, layout: Layout) -> QuantityOverflow:
    """The error for sums of too many digits, with the first meter and group of which one is."""
    keys = [_key(data, column) for column in layout.by]
    named = [f"{key} AS k{n}" for n, key in enumerate(keys)]
    for column in layout.quantities:
        n = number(column, _places(data, column), 1)
        top = f"sum({n} // {HALF}) + sum({n} % {HALF}) // {HALF} >= {HALF} AS is_long"
        found = _first(data.aggregate(", ".join([*named, top]), ", ".join(keys)), "is_long")
        if found is not None:
            return QuantityOverflow(column, _group(layout, found), "a sum", f"{DIGITS} digits")
    return QuantityOverflow(", ".join(layout.quantities), "", "a sum", f"{DIGITS} digits")


def _check(data: Any, layout: Layout, summed: _Summed) -> None:
    """Refuse nulls and negative quantities, with their number and the first group that has one."""
    for column in (*layout.by, *([layout.meter] if layout.meter is not None else [])):
        cells = summed.cells[column]
        if cells.null_count:
            nulls = pc.sum(summed.rows.filter(cells.is_null())).as_py()
            raise null_keys(column, nulls, UNORDERED)
    count = pc.sum(summed.odd).as_py()
    if not count:
        return
    # what the rows show when they are read again, which not every relation can be
    names = ", ".join(map(_name, layout.by)) or "NULL"
    for column, (condition, is_null) in product(layout.quantities, (("IS NULL", True), ("< 0", False))):
        found = data.filter(f"{_name(column)} {condition}")
        first, rows = _first(found.project(names)), _first(found.aggregate("count(*)"))
        if first is not None and rows is not None:
            nulls, negatives = (rows[0], 0) if is_null else (0, rows[0])
            check_counts(column, nulls, negatives, _group(layout, first))
    place = pc.index(pc.greater(summed.odd, 0), True).as_py()
    group = _group(layout, [summed.cells[column][place].as_py() for column in layout.by])
    columns = listed(layout.quantities)
    raise InvalidUsage(f"{count} null or negative in {columns}, the first in", group, "fill in 0 or the use")


def _first(data: Any, condition: str = "true") -> Sequence[Any] | None:
    """The first row that is so; None where there is none, or none any more."""
    with suppress(duckdb.Error):
        for row in data.filter(condition).limit(1).fetchall():
            return tuple(row)
    return None


def _group(layout: Layout, cells: Sequence[Any]) -> str:
    """The name of a group."""
    return layout.group(cells) or "the frame"


def _places(data: Any, column: str) -> int:
    """The decimals of a column of quantities."""
    kind = _kind(data, column)
    if kind.id in ("float", "double"):
        raise float_column(column, kind, odd=None, first=None, cast=f"CAST({_name(column)} AS BIGINT)")
    if kind.id == "decimal":
        return int(dict(kind.children)["scale"])
    if kind.id not in (*INTEGERS, NOTHING):
        raise no_numbers(column, kind)
    return 0


# ---------------------------------------------------------------- rows


def rate_rows(data: Any, options: Options) -> Any:
    """The relation with the amount of each row."""
    layout = layout_of(data.columns, options)
    job = Job.of(options, layout, {column: _places(data, column) for column in layout.quantities})
    layout = job.layout
    if job.plan.shown is None:
        return _on_arrays(data, options)
    variants = _variants(data, layout)
    nulls = sum(variant.rows for variant in variants if layout.meter and variant.cells[-1] is None)
    if nulls:
        raise null_keys(str(layout.meter), nulls, UNORDERED)
    # SQL tries one case after the other for each row; arrays look the row up
    if len(variants) > MOST_CASES:
        return _on_arrays(data, options)
    return data.project(f"*, {amount(job, variants)} AS {AMOUNT}")


def _on_arrays(data: Any, options: Options) -> Any:
    """The rows as they are now, with amounts that arrays work out."""
    table = data.to_arrow_table()
    amounts = amount_column(Source(table.schema.names, table.column, table.num_rows), options)
    return relation(table.append_column(AMOUNT, amounts), data)


def _variants(data: Any, layout: Layout) -> list[_Variant]:
    """What tells the meters of a column apart; the relation is evaluated for it."""
    if not layout.variants:
        return [_Variant((), (), 0)]
    names = ", ".join([*(_key(data, column) for column in layout.variants), *map(_text_of, layout.variants)])
    table = data.aggregate(f"{names}, count(*)", names).to_arrow_table()
    if len(table) and _first(data) is None:
        way_out = "rate relation.to_arrow_table()"
        raise UnreadableInput("a relation that can be read only once", listed(data.columns), way_out)
    columns = list(table.columns)
    for place, name in enumerate(layout.variants):
        columns[place] = _cells(data, name, columns[place])
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    size = len(layout.variants)
    return [_Variant(row[:size], row[size:-1], row[-1]) for row in rows]


def _text_of(column: str) -> str:
    return f'CAST({_name(column)} AS VARCHAR) COLLATE "C"'


def amount(job: Job, variants: Sequence[_Variant]) -> str:
    """The amount of a row: the numerators of entries, added up, as a decimal."""
    plan, layout, cases = job.plan, job.layout, list[str]()
    for variant in variants:
        by_entry: dict[EntryCurve, list[str]] = {}
        for column in layout.quantities:
            by_entry.setdefault(layout.entry(plan, column, variant.cells), []).append(column)
        total = " + ".join(_part(job, entry, columns) for entry, columns in by_entry.items())
        met = " AND ".join(
            f"{_text_of(column)} IS NOT DISTINCT FROM {'NULL' if text is None else _quoted(text)}"
            for column, text in zip(layout.variants, variant.texts, strict=True)
        )
        cases.append(f"WHEN {met or 'true'} THEN {total}")
    unknown = f"ELSE error({_quoted('a meter that was not there when the rows were rated')})"
    shown = plan.shown
    assert shown is not None  # else rows are rated on arrays
    total_sql = Sql(f"(CASE {' '.join(cases)} {unknown} END)") if cases else Sql("CAST(0 AS HUGEINT)")
    settled = whole(total_sql * shown.lines[0].rate, shown.divisor, shown.mode)
    point = (
        ""
        if not plan.places
        else f" * CAST({quantity_of(1, 10**plan.places):f} AS DECIMAL({DIGITS}, {plan.places}))"
    )
    return f"CAST(CAST({settled.text} AS DECIMAL({DIGITS}, 0)){point} AS DECIMAL({DIGITS}, {plan.scale}))"


def _part(job: Job, entry: EntryCurve, columns: Iterable[str]) -> str:
    """One entry's amount, worked out in 64 bits where they suffice, and refused where 38 digits do not."""
    plan, places = job.plan, job.places
    numbers = [number(column, places[column], plan.unit // 10 ** places[column]) for column in columns]
    n, function, meter = f"({' + '.join(numbers)})", entry.function, str(entry.key)
    assert function is not None  # else rows are rated on arrays
    # DuckDB checks 64 bits in hardware, and a HUGEINT is twelve times slower to divide
    short, long = function.most(LONG), function.most(plan.limit)
    most = quantity_of(max(long, 0), plan.unit)
    return (
        f"CASE WHEN {n} IS NULL THEN error({_quoted(f'a null quantity of {meter}; fill in 0')})"
        f" WHEN {n} < 0 THEN error({_quoted(f'a negative quantity of {meter}')})"
        f" WHEN {n} <= {short} THEN CAST({_curve(function, Sql(f'CAST({n} AS BIGINT)'), short)} AS HUGEINT)"
        f" WHEN {n} <= {long} THEN {_curve(function, Sql(n), long)}"
        f" ELSE error({_quoted(f'{meter}: more than {most:f}, up to which columns are exact')}) END"
    )


def number(column: str, places: int, factor: int) -> str:
    """A column of quantities in 1/unit."""
    text, power = _name(column), 10**places
    if places > DIGITS // 2 - 1:  # as text: the product below would be too long
        return f"(CAST(replace(CAST({text} AS VARCHAR), '.', '') AS HUGEINT) * {factor})"
    if places:
        rest = f"CAST(({text} - floor({text})) * CAST({power} AS DECIMAL({places + 1}, 0)) AS HUGEINT)"
        return f"((CAST(floor({text}) AS HUGEINT) * {power} + {rest}) * {factor})"
    return f"(CAST({text} AS HUGEINT) * {factor})" if factor > 1 else f"CAST({text} AS HUGEINT)"


def _curve(function: IntegerPrice, n: Sql, most: int) -> str:
    """A price as SQL, the pieces beyond *most* left out."""
    ends = [end for end in function.ends if end < most]
    parts = [value(line, n).text for line in function.lines[: len(ends) + 1]]
    cases = " ".join(f"WHEN {n.text} <= {end} THEN {part}" for end, part in zip(ends, parts, strict=False))
    return f"CASE {cases} ELSE {parts[-1]} END" if ends else parts[-1]
