"""Rating: the bills of a frame or of files line by line, rows with their amounts, and exact sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from importlib import import_module
from os import PathLike
from typing import Any, Literal, TypeAlias, TypeVar, Unpack

from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import midnight, zone
from tokenbill.core.periods.period import Period
from tokenbill.errors import UnreadableInput
from tokenbill.frames.asking import (
    NO_PLAN,
    UNTYPED,
    BillColumns,
    Columns,
    Names,
    Terms,
    backend_of,
    is_number,
    kinds_of,
    opened,
    options_of,
    report_named,
    warn_of_times,
)
from tokenbill.frames.calendar import CalendarColumn, day
from tokenbill.frames.layouts import AMOUNT
from tokenbill.frames.scales import SCALE

__all__ = ["add_up", "rate", "rate_rows", "stream"]

Frame = TypeVar("Frame")

Paths: TypeAlias = "str | PathLike[str] | Iterable[str | PathLike[str]]"
"""Where the files are."""

Progress: TypeAlias = "bool | Callable[[int], object] | None"
"""What shows or gets the number of rows read."""


def rate(
    data: Frame,
    plan: Columns,
    by: Names = (),
    *,
    spread: Names = (),
    columns: Literal["lines", "wide"] = "lines",
    **usage: Unpack[BillColumns],
) -> Frame:
    """The bills of a frame's usage, line by line: one bill for each group of *by*.

    The result has the columns of *by*, then ``plan``, ``kind``, ``meter``, the labels, ``description``,
    ``quantity``, ``amount`` and ``currency``, as a bill's own rows have: fees, a row for each entry that was
    used and its labels, discounts, maximum, minimum, taxes, and the rounding. The amounts of a group add up
    to the total of its bill, as ``Bill.of`` gives it. Both numbers are ``decimal(38, scale)``, whatever plan
    and data: what never ends is shown to *scale* places, and the rounding takes the rest.

    With *spread* each line of a bill is spread over these columns, so that the parts add up to the bill:
    usage by quantity, every other line by the amounts of usage, equally where these are 0.

    Args:
        data: A frame of pandas, PyArrow, Polars, Dask or PySpark, a relation of DuckDB, or whatever has
            ``__arrow_c_stream__``, of which the result is a table of Arrow. Lazy frames of Polars, and those
            of Dask and PySpark, stay lazy; a relation is read. A *long* one has a column of meters and one
            of quantities, a *wide* one a column for each meter, bearing its name.
            Quantities are integers or fixed decimals.
        plan: The terms: a plan, or a contract, whose versions are told apart by *time*; a mapping from the
            cells of the first column of *by* to plans; or the column that names one of *plans*.
        by: The columns that name the bill, or ``month``, ``day``, ``time`` of one, or a ``Cycle`` for that
            of *time*; without them everything is on one.
        meter: The column of meters in a long frame.
        quantity: The column of quantities in a long frame.
        labels: Columns whose cells are labels of the meters, under the column's name; an empty cell is none.
            ``hours`` makes one out of times. Each comes back beside the meter.
        meters: The columns of quantities in a wide frame; all that have no other meaning unless given.
        counts: Meters that count the rows.
        spread: The columns that each line is spread over; ``month``, ``day`` and ``time`` as in *by*.
        columns: ``lines``, or ``wide``: a row for each tier of an entry, as a bill shows it, with ``rate``,
            ``per``, and the bounds ``tier_from`` and ``tier_up_to`` behind the quantity. A price of your
            own is asked once for each quantity that occurs.
        period: The service period of every bill, as in ``Bill.of``.
        time: The column of instants or dates: rows outside *period* are left out. A period of dates begins
            at midnight in the zone of the plan's cycle, in UTC without one; one of instants where it says.
        plans: Plans by name, where *plan* is the column that has the names.
        scale: Decimals of quantities and amounts.

    Raises:
        InvalidNumber: For a column of floats, or of no numbers.
        InvalidUsage: For nulls and negative quantities, with how many there are and where the first one is;
            for lazy frames, in the batch or partition that has them.
        UnreadableInput: For columns that are not there or mean nothing, rows that name no group or meter, and
            times without a zone.
        UnpricedUsage: For a meter without a price.
        InvalidPlan: For a customer without a plan.
        QuantityOverflow: Where a number has more digits than the columns, with the meter, the group, and the
            least *scale* that holds it.
        InvalidPrice: For an amount or quantity of more decimals than *scale*, with the least that holds it.
        MissingExtra: If a package that the kind of frame needs is not installed.
        BalanceExhausted: If the plan refuses what no balance covers.

    Inside a query of DuckDB or PySpark these are errors of its own that bear our message.

    Source: docs/how-to/rate-a-frame.md

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.015"))
    >>> calls = pl.DataFrame({"tenant": ["acme", "acme"], "api_calls": [4, 3]})
    >>> bills = rate(calls, plan, by="tenant")
    >>> for line in bills.select("kind", "quantity", "amount").rows():
    ...     print(*line)
    usage 7.000000000000000000 0.105000000000000000
    rounding None 0.005000000000000000
    """
    options = options_of(plan, by=by, spread=spread, columns=columns, **usage)
    rows = opened(data)
    warn_of_times(rows, options)
    return backend_of(rows).report(rows, options, report_named("lines"))  # type: ignore[no-any-return]


def rate_rows(
    data: Frame,
    plan: Terms,
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
    scale: int = SCALE,
) -> Frame:
    """The frame with one more column, ``amount``: what each row costs at the plan's prices, from zero.

    Prices and allowances are read on each row alone; fees, discounts, taxes and rounding are those of a bill,
    and left out. In a wide frame the amount is that of all meters of the row, a ``decimal(38, scale)``.
    Arguments and errors are those of ``rate``.

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(api_calls="0.015"))
    >>> rate_rows(pl.DataFrame({"api_calls": [4, 3]}), plan, scale=3)["amount"].to_list()
    [Decimal('0.060'), Decimal('0.045')]
    """
    options = options_of(plan, meter=meter, quantity=quantity, labels=labels, meters=meters, scale=scale)
    options = options._replace(adds=AMOUNT, columns=())
    return backend_of(data).rate_rows(data, options)  # type: ignore[no-any-return]


def stream(
    path: Paths,
    plan: Columns,
    by: Names = (),
    *,
    spread: Names = (),
    columns: Literal["lines", "wide"] = "lines",
    progress: Progress = False,
    **usage: Unpack[BillColumns],
) -> Any:
    r"""The bills of files of usage, line by line, as ``rate`` gives them, in bounded memory.

    Files are read batch by batch; kept are the sums of each group and meter. The result is an Arrow table,
    with a row for each line, as large as there are groups.

    Args:
        path: A file of Parquet or CSV, a list of them, or a folder, with all that are below it. CSV has a
            header; its cells are text and its quantities plain digits, so that no float is ever made.
        plan: The terms, as in ``rate``.
        by: The columns that name the bill, as in ``rate``.
        meter: The column of meters in a long file.
        quantity: The column of quantities in a long file.
        labels: Columns whose cells are labels of the meters; each comes back beside the meter.
        meters: The columns of quantities in a wide file.
        counts: Meters that count the rows.
        spread: The columns that each line is spread over.
        columns: ``lines`` or ``wide``, as in ``rate``.
        period: The service period of every bill.
        time: The column of instants or dates; in CSV text of RFC 3339.
        plans: Plans by name, where *plan* is the column that has the names.
        scale: Decimals of quantities and amounts.
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
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10"))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "usage.csv")
    ...     _ = path.write_text("customer,gpu_hours\nacme,1.5\nzoo,2\nacme,0.50\n")
    ...     bills = stream(path, plan, by="customer", scale=3)
    >>> bills.select(["customer", "quantity", "amount"]).to_pylist()[0]
    {'customer': 'acme', 'quantity': Decimal('2.000'), 'amount': Decimal('0.200')}
    """
    options = options_of(plan, by=by, spread=spread, columns=columns, **usage)
    return import_module("tokenbill.frames.files").stream(path, options, progress, report_named("lines"))


def add_up(
    data: Any,
    by: Names = (),
    *,
    time: str | CalendarColumn | None = None,
    period: Period | None = None,
    columns: Iterable[str] | None = None,
    counts: Iterable[str] = (),
    signed: bool = True,
    scale: int = SCALE,
) -> Any:
    """The exact sums of the columns of numbers: one row for each group of *by*.

    An engine's own sum may wrap without a word, or turn into a float. What ``rate`` gives is added up by
    currency, its amounts alone; a long frame of usage by meter. Files give a table of Arrow.

    Args:
        data: A frame, as in ``rate``, or the path of files, as in ``stream``, with *columns*.
        by: The columns of groups; ``month``, ``day`` and ``time`` as in ``rate``.
        time: A column of times, whose rows are added up by day, or ``month``, ``day`` or ``time`` of one.
        period: Rows whose *time* lies outside it are left out; dates begin in the zone of *time*.
        columns: The columns that are added up; all columns of integers and decimals unless given.
        counts: Columns of the result that count the rows.
        signed: Whether numbers below zero are added up, as amounts are; usage below zero is refused.
        scale: Decimals of the sums, which are ``decimal(38, scale)``.

    Raises:
        InvalidNumber: For a column of floats.
        InvalidUsage: For a number below zero that is not *signed*, and for nulls.
        UnreadableInput: For a period without *time*.
        QuantityOverflow: For a sum of more digits than the columns have.

    Source: docs/how-to/billing-at-scale.md

    >>> import polars as pl
    >>> counts = pl.Series([2_000_000_000] * 3, dtype=pl.Int32)
    >>> calls = pl.DataFrame({"tenant": ["a"] * 3, "calls": counts})
    >>> add_up(calls, by="tenant", scale=0)["calls"].to_list()
    [Decimal('6000000000')]
    """
    is_file = isinstance(data, str | PathLike)
    rows: Any = data if is_file else opened(data)  # pyright: ignore[reportUnknownVariableType]
    known = {} if is_file else kinds_of(rows)
    one = isinstance(by, str | CalendarColumn | Cycle)
    groups: list[Any] = [by] if one else list(by)  # type: ignore[arg-type]
    made = day(time) if isinstance(time, str) else time
    if made is not None:
        groups.append(made)
    named = [each for each in groups if isinstance(each, str)]
    beside = ["currency"] if AMOUNT in known else ["meter"] if "quantity" in known else []
    # dollars and euros, calls and seconds: what has another unit is never added up together
    groups += [name for name in beside if name in known and name not in named]
    within = chosen(made, period)
    options = options_of(NO_PLAN, by=groups, counts=counts, scale=scale, **within)
    taken = {*named, *options.times, *beside}
    free = [name for name in known if name not in taken]
    # a frame of no rows has often no types: what is not named counts, as a sum of nothing
    found = [name for name in free if is_number(known[name])] or [
        name for name in free if known[name] in UNTYPED
    ]
    if columns is not None:
        found = list(columns)
    elif AMOUNT in known:
        found = [AMOUNT]
    options = options._replace(meters=tuple(found), signed=signed, columns=())
    if is_file:
        return import_module("tokenbill.frames.files").stream(data, options, None, report_named("sums"))
    return backend_of(rows).report(rows, options, report_named("sums"))


def chosen(made: CalendarColumn | None, period: Period | None) -> dict[str, Any]:
    """The column of times and the period that rows are chosen by, where they are."""
    if period is None:
        return {}
    if made is None:
        raise UnreadableInput("a period, and no column of times", str(period), 'name it: time="at"')
    ends: list[Any] = [getattr(period, name, None) for name in ("start", "end")]
    if type(ends[0]) is date:
        period = Period(*(midnight(end, zone(made.cycle.tz)) for end in ends))
    return {"time": made.column, "period": period}
