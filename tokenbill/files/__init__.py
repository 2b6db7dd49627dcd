"""Files: usage out of CSV and JSON lines, row by row, and bills into CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from io import StringIO
from itertools import chain
from typing import Any, TextIO, TypeAlias, TypeVar, overload

from tokenbill.core.base.inputs import name
from tokenbill.core.base.tables import digits, guarded
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, number
from tokenbill.errors import (
    InvalidMeter,
    InvalidName,
    InvalidUsage,
    TokenbillError,
    UnreadableRow,
)
from tokenbill.shared.rows import Progress, Rows, Source, opened

__all__ = ["read_rows", "read_usage", "read_usage_by", "to_csv", "to_json", "write_csv", "write_json"]

Sums: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"
Row = TypeVar("Row")
OnBadRow: TypeAlias = "Callable[[UnreadableRow], object] | None"

LONG = ("meter", "quantity")
"""The columns of a file that has a row for each meter."""
NUMBERS = ("quantity", "rate", "per", "tier_from", "tier_up_to", "amount")
OF_BILLS = frozenset(("period_start", "period_end", "net", "tax", "total"))
"""Columns of rows that say something of their whole bill."""
Billed: TypeAlias = "Bill | Adjustment"
"""The columns of a bill that hold numbers, which no sheet takes for formulas."""
KNOWN_CELLS = 4096
"""Cells whose reading is remembered."""


def read_usage(
    source: Source,
    *,
    sums: Sums = (),
    counts: Iterable[str] = (),
    on_bad_row: OnBadRow = None,
    progress: Progress = None,
    delimiter: str = ",",
) -> Usage:
    """The usage of all rows of a file together.

    A file is CSV with a header, or JSON lines: an object a line; one that ends in ``.gz`` is unpacked.
    Its memory does not grow with the rows.

    Args:
        source: A path, an open file, or lines; JSON lines by its name or first line, else CSV.
        sums: Meters and the column that each is the sum of.
        counts: Meters that count the rows.
            Without *sums* and *counts* a row is a ``meter`` and its ``quantity``.
        on_bad_row: Called with each row that cannot be read, which is then left out.
        progress: Called with the length of each line read.
        delimiter: What stands between the cells of CSV.

    Raises:
        UnreadableRow: At the first bad row, without *on_bad_row*; at what makes all rows doubtful
            (a column that is missing or there twice, misplaced quotation marks) in any case.
        UnreadableInput: If *source* cannot be opened or read.
        InvalidUsage: If *sums* are not meters with their columns.
        InvalidMeter: If *sums* or *counts* name what is not a meter, or one twice.

    >>> read_usage(
    ...     ["customer,gpu_hours", "acme,1.5", "globex,2"], sums={"gpu_hours": "gpu_hours"}
    ... )
    Usage({'gpu_hours': 3.5})
    """
    # Sums are all that is kept: a file may be larger than the memory.
    tally = _Tally((), sums, counts)
    for _ in _each(source, tally.columns, tally.add, on_bad_row, progress, delimiter=delimiter):
        pass
    return tally.usages().get((), Usage())


@overload
def read_usage_by(
    source: Source,
    by: str,
    *,
    sums: Sums = (),
    counts: Iterable[str] = (),
    on_bad_row: OnBadRow = None,
    progress: Progress = None,
    delimiter: str = ",",
) -> dict[str, Usage]: ...


@overload
def read_usage_by(
    source: Source,
    by: tuple[str, ...],
    *,
    sums: Sums = (),
    counts: Iterable[str] = (),
    on_bad_row: OnBadRow = None,
    progress: Progress = None,
    delimiter: str = ",",
) -> dict[tuple[str, ...], Usage]: ...


def read_usage_by(
    source: Source,
    by: str | tuple[str, ...],
    *,
    sums: Sums = (),
    counts: Iterable[str] = (),
    on_bad_row: OnBadRow = None,
    progress: Progress = None,
    delimiter: str = ",",
) -> dict[Any, Usage]:
    """The usage of each group of rows: those with the same text in the column *by*, sorted by it.

    Several columns, as a tuple, give groups named by tuples. The rest is as in ``read_usage``.

    >>> lines = ["customer,hours", "acme,1.5", "globex,2", "acme,1"]
    >>> read_usage_by(lines, "customer", sums={"gpu_hours": "hours"})
    {'acme': Usage({'gpu_hours': 2.5}), 'globex': Usage({'gpu_hours': 2})}
    """
    tally = _Tally((by,) if isinstance(by, str) else tuple(by), sums, counts)
    for _ in _each(source, tally.columns, tally.add, on_bad_row, progress, delimiter=delimiter):
        pass
    return {key[0] if isinstance(by, str) else key: usage for key, usage in tally.usages().items()}


def read_rows(
    source: Source,
    reader: Callable[[Mapping[str, Any]], Row],
    *,
    on_bad_row: OnBadRow = None,
    progress: Progress = None,
    delimiter: str = ",",
) -> Iterator[Row]:
    """What *reader* makes of each row of a file, one after the other: events, payloads, job records.

    A row of CSV is a mapping from columns to text; one of JSON lines is the object itself.
    An error of *reader* names the file and the line. The rest is as in ``read_usage``.

    >>> from tokenbill.events import gpu_seconds
    >>> jobs = ["start,end,gpus", "2026-01-01T00:00:00Z,2026-01-01T00:00:30Z,8"]
    >>> list(
    ...     read_rows(
    ...         jobs, lambda job: gpu_seconds([(job["start"], job["end"], job["gpus"])])
    ...     )
    ... )
    [Decimal('240')]
    """

    def read(rows: Rows, row: Any) -> Row:
        members = rows.members(row)
        try:
            return reader(members)
        except TokenbillError as error:
            raise rows.bad(error, "", None) from None

    return _each(source, (), read, on_bad_row, progress, delimiter=delimiter)


def _each(
    source: Source,
    columns: Iterable[str],
    read: Callable[[Rows, Any], Row],
    on_bad_row: OnBadRow,
    progress: Progress,
    *,
    delimiter: str,
) -> Iterator[Row]:
    """What *read* makes of each row that it can read."""
    with opened(source, columns, progress, delimiter=delimiter) as rows:
        for row in rows:
            try:
                yield read(rows, row)
            except UnreadableRow as bad:
                if on_bad_row is None:
                    raise
                bad.__context__ = None  # an error that is kept must not keep the frames it came through
                on_bad_row(bad.with_traceback(None))


class _Tally:
    """The sums so far, by group and meter: all that is kept of the rows."""

    def __init__(self, by: tuple[str, ...], sums: Any, counts: Iterable[str]) -> None:
        try:
            pairs = [(meter, column) for meter, column in (sums.items() if hasattr(sums, "items") else sums)]
        except (TypeError, ValueError):
            way_out = 'give meters and columns: {"gpu_hours": "hours"}'
            raise InvalidUsage("not meters with their columns", sums, way_out) from None
        ones = [Meter(meter) for meter in ([counts] if isinstance(counts, str) else counts)]
        self._meters = [Meter(meter) for meter, _ in pairs]
        self._ones = [(meter, 1) for meter in ones]
        # A meter that is both a sum and a count would be billed twice.
        filled = [*self._meters, *ones]
        for at, meter in enumerate(filled):
            if meter in filled[:at]:
                raise InvalidMeter("a meter filled twice", meter, "give it one sum or one count")

        # Files repeat their cells, so what was read is remembered; 1, True and Decimal(1) stay apart.
        group: Callable[[Any], Any] = lru_cache(KNOWN_CELLS, typed=True)(_group)
        quantity: Callable[[Any], Any] = lru_cache(KNOWN_CELLS, typed=True)(_quantity)
        self._long = not (pairs or ones)
        rest: list[Callable[[Any], Any]] = [Meter, quantity] if self._long else [quantity] * len(pairs)
        self._by = len(by)
        self.columns = [*by, *(LONG if self._long else [column for _, column in pairs])]
        self._readers = list(zip(self.columns, [*[group] * len(by), *rest], strict=True))
        self._groups: dict[tuple[str, ...], dict[str, Any]] = {}

    def add(self, rows: Rows, row: Any) -> None:
        """Add a row: all of it, or nothing where a cell is bad."""
        values: list[Any] = []
        for (column, read), cell in zip(self._readers, rows.cells(row), strict=True):
            try:
                values.append(read(cell))
            except TokenbillError as error:
                raise rows.bad(error, cell, column) from None

        sums = self._groups.setdefault(tuple(values[: self._by]), {})
        quantities = values[self._by :]
        pairs = (quantities,) if self._long else chain(zip(self._meters, quantities, strict=True), self._ones)
        for meter, quantity in pairs:
            # Whole numbers add up faster, and no file is too long for them.
            before = sums.get(meter, 0)
            whole = type(before) is int and type(quantity) is int
            sums[meter] = before + quantity if whole else EXACT.add(before, quantity)

    def usages(self) -> dict[tuple[str, ...], Usage]:
        """The groups in their order, whatever the order of the rows."""
        return {key: Usage(self._groups[key]) for key in sorted(self._groups)}


def _group(cell: object) -> str:
    # Usage of nobody would be a bill that nobody gets.
    if cell == "":
        raise InvalidName("an empty cell", cell, "say whose usage it is")
    return name(str(cell) if type(cell) is int else cell, what="group")


def _quantity(cell: object) -> int | Decimal:
    """A quantity; a whole one without its decimals, so that 32.0 and 43.0 add up to 75."""
    # Usage that was too much is taken back by a correction, which names the bill that it corrects.
    quantity = number(cell)
    if quantity < 0:
        raise InvalidUsage("a negative quantity", cell, "correct a bill by a difference of bills")
    whole = int(quantity)
    return whole if whole == quantity else quantity


def write_csv(bills: Billed | Iterable[Billed], stream: TextIO) -> None:
    """Write the lines of bills as CSV: a row a line, under one header.

    Text that a sheet would take for a formula is led by an apostrophe; numbers never are.
    """
    rows = _rows(bills)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(guarded, columns))
    for row in rows:
        # A guard before a negative number would make it text, and a sum over the column wrong.
        cells = [(column, row.get(column) or "") for column in columns]
        writer.writerow(text if column in NUMBERS else guarded(text) for column, text in cells)


def to_csv(bills: Billed | Iterable[Billed]) -> str:
    r"""What ``write_csv`` writes, as text.

    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(calls="0.50"))
    >>> print(to_csv(Bill.of(Usage(calls=3), plan)))
    plan,kind,meter,description,quantity,rate,per,tier_from,tier_up_to,amount,currency
    ,usage,calls,calls,3,0.50,1,,,1.50,USD
    <BLANKLINE>
    """
    stream = StringIO()
    write_csv(bills, stream)
    return stream.getvalue()


def write_json(bills: Billed | Iterable[Billed], stream: TextIO) -> None:
    """Write the lines of bills as one JSON array of objects; numbers are text, and no text is changed."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in _rows(bills))
    stream.write(f"[\n{lines}\n]\n" if lines else "[]\n")


def to_json(bills: Billed | Iterable[Billed]) -> str:
    """What ``write_json`` writes, as text.

    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> bill = Bill.of(Usage(calls=3), BillingPlan.on_demand(PriceSchedule(calls="0.50")))
    >>> json.loads(to_json(bill))[0]["amount"]
    '1.50'
    """
    stream = StringIO()
    write_json(bills, stream)
    return stream.getvalue()


def _rows(bills: Billed | Iterable[Billed]) -> list[dict[str, str | None]]:
    """The lines as text; a sum over a column of whole bills would count each of them once a line."""
    every = [bills] if isinstance(bills, Bill | Adjustment) else bills
    rows = (row for bill in every for row in bill.to_rows())
    return [
        {
            column: digits(value) if isinstance(value, Decimal) else value
            for column, value in row.items()
            if column not in OF_BILLS
        }
        for row in rows
    ]
