"""Frames: bills and amounts for the rows of a data frame, on its own engine, to the scalar path's digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from os import PathLike
from typing import Any, TypeAlias, TypeVar, cast

from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidPeriod, MissingExtra, UnreadableInput
from tokenbill.frames.job import Backend
from tokenbill.frames.layouts import AMOUNT, Options, texts
from tokenbill.shared.plan_in_force import plan_in_force

__all__ = ["rate", "rate_rows", "stream"]

Frame = TypeVar("Frame")

Paths: TypeAlias = "str | PathLike[str] | Iterable[str | PathLike[str]]"
"""Where the files are."""

Progress: TypeAlias = "bool | Callable[[int], object] | None"
"""What shows or gets the number of rows read."""

ENGINES = {
    "pandas": "pandas",
    "pyarrow": "arrow",
    "polars": "polars",
    "duckdb": "duckdb",
    "_duckdb": "duckdb",
    "pyspark": "spark",
    "dask": "dask",
}
"""The back end for frames of each package, imported when the first of them comes; named as its extra."""
KINDS = ("DataFrame", "LazyFrame", "Table", "RecordBatch", "DuckDBPyRelation")
"""What frames are called in these packages, which hold other things, too."""


def rate(
    data: Frame,
    plan: BillingPlan | Contract,
    by: str | Iterable[str] = (),
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
    period: Period | None = None,
) -> Frame:
    """The bills of a frame's usage, line by line: one bill for each group of *by*.

    The result has the columns of *by*, then ``kind``, ``meter``, ``description``, ``quantity`` and
    ``amount``, as a bill's own rows have: fees, one row for each entry that was used, discounts, maximum,
    minimum, taxes, and the rounding. The amounts of a group add up to the total of its bill, as ``Bill.of``
    gives it; that of an entry is what its price answers, exactly or to 18 places. Both numbers are decimals
    of 38 digits. A RecordBatch gives a Table.

    Args:
        data: A frame of pandas, PyArrow, Polars, Dask or PySpark, or a relation of DuckDB. Lazy frames of
            Polars, and those of Dask and PySpark, stay lazy; a relation is read. A *long* one has a column
            of meters and one of quantities, a *wide* one a column for each meter, bearing its name.
            Quantities are integers or fixed decimals.
        plan: The terms: a plan, or a contract of which one version holds in the period.
        by: The columns that name the bill; without them everything is on one.
        meter: The column of meters in a long frame.
        quantity: The column of quantities in a long frame.
        labels: Columns whose cells are labels of the meters, under the column's name; an empty cell is none.
        meters: The columns of quantities in a wide frame; all but *by* and *labels* unless given.
        period: The service period of every bill, as in ``Bill.of``.

    Raises:
        InvalidNumber: For a column of floats, or of no numbers.
        InvalidUsage: For nulls and negative quantities, with how many there are and where the first one is;
            for lazy frames, in the batch or partition that has them.
        UnreadableInput: For columns that are not there or mean nothing, and rows that name no group or meter.
        UnpricedUsage: For a meter without a price.
        QuantityOverflow: Where an amount has more than 38 digits, with the meter and the group.
        InvalidPrice: For an amount of a user's own price that has more than 18 decimals.
        MissingExtra: If a package that the kind of frame needs is not installed.
        BalanceExhausted: If the plan refuses what no balance covers.

    Inside a query of DuckDB or PySpark these are errors of its own that bear our message.

    Source: docs/how-to/rate-a-frame.md

    >>> import polars as pl
    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.015"))
    >>> calls = pl.DataFrame({"tenant": ["acme", "acme"], "api_calls": [4, 3]})
    >>> rate(calls, plan, by="tenant").select("kind", "quantity", "amount").rows()
    [('usage', Decimal('7'), Decimal('0.105')), ('rounding', None, Decimal('0.005'))]
    """
    options = _options(
        plan, by=by, meter=meter, quantity=quantity, labels=labels, meters=meters, period=period
    )
    return _backend(data).rate(data, options)  # type: ignore[no-any-return]


def rate_rows(
    data: Frame,
    plan: BillingPlan | Contract,
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
) -> Frame:
    """The frame with one more column, ``amount``: what each row costs at the plan's prices, from zero.

    Prices and allowances are read on each row alone; fees, discounts, taxes and rounding are those of a bill,
    and left out. In a wide frame the amount is that of all meters of the row.
    Arguments and errors are those of ``rate``.

    >>> import polars as pl
    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.015"))
    >>> rate_rows(pl.DataFrame({"api_calls": [4, 3]}), plan)["amount"].to_list()
    [Decimal('0.060'), Decimal('0.045')]
    """
    options = _options(plan, meter=meter, quantity=quantity, labels=labels, meters=meters)._replace(
        adds=AMOUNT
    )
    return _backend(data).rate_rows(data, options)  # type: ignore[no-any-return]


def stream(
    path: Paths,
    plan: BillingPlan | Contract,
    by: str | Iterable[str] = (),
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
    period: Period | None = None,
    progress: Progress = False,
) -> Any:
    r"""The bills of files of usage, line by line, as ``rate`` gives them, in bounded memory.

    Files are read batch by batch; kept are the sums of each group and meter. The result is an Arrow table,
    with a row for each line, as large as there are groups.

    Args:
        path: A file of Parquet or CSV, a list of them, or a folder, with all that are below it. CSV has a
            header; its cells are text and its quantities plain digits, so that no float is ever made.
        plan: The terms: a plan, or a contract of which one version holds in the period.
        by: The columns that name the bill; without them everything is on one.
        meter: The column of meters in a long file.
        quantity: The column of quantities in a long file.
        labels: Columns whose cells are labels of the meters; an empty cell is none.
        meters: The columns of quantities in a wide file; all but *by* and *labels* unless given.
        period: The service period of every bill, as in ``Bill.of``.
        progress: True for a bar by tqdm, or a function that is called with the number of rows of each batch.

    Raises:
        UnreadableInput: For a file that is missing, damaged, or neither Parquet nor CSV, and for one with
            other columns than the first; else as in ``rate``.
        InvalidNumber: For floats, and text that is no plain number.
        InvalidUsage: For nulls and negative quantities, with how many the batch has, and row and file of the
            first one.
        UnpricedUsage: For a meter without a price, in the batch that has it.
        QuantityOverflow: Where an amount has more than 38 digits, with the meter and the group.
        MissingExtra: Without PyArrow and numpy, or tqdm where a bar is wanted.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10"))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "usage.csv")
    ...     _ = path.write_text("customer,gpu_hours\nacme,1.5\nzoo,2\nacme,0.50\n")
    ...     bills = stream(path, plan, by="customer")
    >>> bills.select(["customer", "quantity", "amount"]).to_pylist()[0]
    {'customer': 'acme', 'quantity': Decimal('2.00'), 'amount': Decimal('0.200')}
    """
    options = _options(
        plan, by=by, meter=meter, quantity=quantity, labels=labels, meters=meters, period=period
    )
    return import_module("tokenbill.frames.files").stream(path, options, progress)


def _options(
    plan: Any,
    *,
    meter: Any,
    quantity: Any,
    labels: object,
    meters: object,
    by: object = (),
    period: Any = None,
) -> Options:
    """The options of a call, each of the right type."""
    if period is not None and not isinstance(period, Period):
        raise InvalidPeriod("not a period", period, 'write Period("2026-01-01", "2026-02-01")')
    for column, what in ((meter, "meter"), (quantity, "quantity")):
        if not isinstance(column, str):
            raise UnreadableInput(f"{what}= names no column", column, f'write {what}="{what}"')
    named = None if meters is None else texts(meters, "meters")
    return Options(
        plan_in_force(plan, period), texts(by, "by"), meter, quantity, texts(labels, "labels"), named, period
    )


def _backend(data: object) -> Backend:
    """The back end for a frame.

    Raises:
        MissingExtra: For the engine of the frame, whichever package its back end lacks.
    """
    for kind in type(data).__mro__:
        extra = ENGINES.get(kind.__module__.partition(".")[0])
        if extra is not None and kind.__name__ in KINDS:
            try:
                return cast("Backend", import_module(f"tokenbill.frames.{extra}"))
            except MissingExtra as error:
                raise MissingExtra(error.package, extra) from None
    kinds = "a DataFrame of pandas, Polars, PySpark or Dask, a Table of PyArrow, or a relation of DuckDB"
    raise UnreadableInput("not a data frame", type(data).__name__, f"give {kinds}")
