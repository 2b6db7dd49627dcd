"""Layouts: which columns of a frame name the bill, the meter and its labels, and which hold quantities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import decimal
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.errors import (
    InvalidNumber,
    InvalidUsage,
    UnpricedUsage,
    UnreadableInput,
)

if TYPE_CHECKING:
    from tokenbill.frames.column_plan import ColumnPlan

__all__ = [
    "AMOUNT",
    "ROWS",
    "Options",
    "Layout",
    "check_counts",
    "float_column",
    "layout_of",
    "no_numbers",
    "null_keys",
    "quantity_of",
    "texts",
]

AMOUNT = "amount"
"""The column that ``rate_rows`` adds."""
ROWS = ("kind", "meter", "description", "quantity", AMOUNT)
"""The columns of ``rate``, after those that name the bill."""


class Options(NamedTuple):
    """What frames are billed by and how their columns are called; ``adds`` is what is added to the rows."""

    plan: BillingPlan
    by: tuple[str, ...] = ()
    meter: str = "meter"
    quantity: str = "quantity"
    labels: tuple[str, ...] = ()
    meters: tuple[str, ...] | None = None
    period: Period | None = None
    adds: str | None = None


class Layout(NamedTuple):
    """What the columns of a frame mean.

    ``quantities`` are the columns of numbers. In a long frame that is one, and ``meter`` is the column that
    says what it counts; in a wide one ``meter`` is None, and each column counts the meter of its name.
    """

    by: tuple[str, ...]
    labels: tuple[str, ...]
    meter: str | None
    quantities: tuple[str, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """The columns that, with its own name, say what a quantity is of."""
        return (*self.labels, *([self.meter] if self.meter is not None else []))

    def names(self) -> set[str] | None:
        """The names of the meters; None where the rows say them."""
        return None if self.meter is not None else {Meter(column).name for column in self.quantities}

    def group(self, cells: Iterable[Any]) -> str:
        """What errors call the bill whose columns hold these cells: nothing where all rows are on one."""
        return ", ".join(f"{name}={cell}" for name, cell in zip(self.by, cells, strict=False))

    def entry(self, plan: ColumnPlan, column: str, variant: Sequence[Any]) -> EntryCurve:
        """The entry for a column of quantities in the rows of a variant; an empty label is not there."""
        meter = column if self.meter is None else variant[-1]
        pairs = zip(self.labels, variant, strict=False)
        labels = {label: str(value) for label, value in pairs if value not in (None, "")}
        return plan.entry(meter, labels)


def layout_of(columns: Iterable[Any], options: Options) -> Layout:
    """The layout of a frame with these columns.

    Raises:
        UnreadableInput: If a column that is asked for is not there, or there are columns of no known meaning.
        UnpricedUsage: If a column in ``meters`` has no price.
        InvalidMeter: If it is no meter.
    """
    known = list(columns)
    long = options.meters is None and options.meter in known and options.quantity in known
    wanted = [
        *options.by,
        *options.labels,
        *((options.meter, options.quantity) if long else options.meters or ()),
    ]
    for column in wanted:
        if column not in known:
            raise UnreadableInput("no such column", column, f"the columns are {listed(map(str, known))}")
        if wanted.count(column) > 1:
            raise UnreadableInput("a column that is asked for twice", column, "name each column once")
    for column in (*options.by, *(name for name in known if _folded(name) == options.adds)):
        if _folded(column) in ROWS:
            raise UnreadableInput("a column named like one of the result", column, "rename it")
    found = (options.quantity,) if long else options.meters
    quantities = _wide(known, options) if found is None else found
    if not quantities:
        raise UnreadableInput(
            "no column of quantities", listed(map(str, known)), 'name a column "quantity", or after its meter'
        )
    for column in (*wanted, *quantities):
        if known.count(column) > 1:
            raise UnreadableInput("a column that is there twice", column, "name each column once")
    return Layout(options.by, options.labels, options.meter if long else None, quantities)


def _folded(column: Any) -> str:
    """A name as engines compare it that do not tell small letters from capitals."""
    return str(column).casefold()


def _wide(known: Iterable[Any], options: Options) -> tuple[str, ...]:
    """Every column that has no other meaning, each of which must be a meter with a price."""
    quantities = tuple(column for column in known if column not in {*options.by, *options.labels})
    for column in quantities:
        try:
            options.plan.prices.match(Meter(column))
        except (UnpricedUsage, ValueError):
            raise UnreadableInput(
                "a column that is no meter of the plan",
                column,
                "name it in by= or labels=, list the columns of quantities in meters=, or price it",
            ) from None
    return quantities


def texts(value: object, what: str) -> tuple[str, ...]:
    """Names of columns: a list of them, or one alone."""
    found = (value,) if isinstance(value, str) else listed_of(value)
    if found is None or not all(isinstance(name, str) for name in found):
        raise UnreadableInput(f"{what}= names no columns", value, f'write {what}=["tenant"]')
    return tuple(str(name) for name in found)


def float_column(column: str, dtype: object, *, odd: int | None, first: object, cast: str) -> InvalidNumber:
    """The error for a column of floats, *odd* of them no whole numbers; None where that is not known."""
    what = f"column {quoted(column)} holds floats, which are not exact"
    if odd:
        what = f"{what}, {odd} of them no whole numbers, the first in {first}"
    way_out = f"if all are whole numbers, cast it: {cast}; else read it as text, then as decimals"
    return InvalidNumber(what, dtype, f"they are whole numbers, so cast it: {cast}" if odd == 0 else way_out)


def no_numbers(column: str, dtype: object) -> InvalidNumber:
    """The error for a column of quantities that are no numbers."""
    return InvalidNumber(f"column {quoted(column)} holds no numbers", dtype, "give integers or decimals")


def check_counts(column: str, nulls: int, negatives: int, first: object) -> None:
    """Refuse nulls and negative quantities, with how many there are and where the first one stands."""
    if nulls:
        raise InvalidUsage(
            f"{nulls} null in column {quoted(column)}, the first in", first, "fill in 0 or the use"
        )
    if negatives:
        raise InvalidUsage(
            f"{negatives} negative in column {quoted(column)}, the first in",
            first,
            "correct a bill by a difference of bills",
        )


def null_keys(column: str, nulls: int, first: object) -> UnreadableInput:
    """The error for rows that name no group or meter."""
    return UnreadableInput(f"{nulls} null in column {quoted(column)}, the first in", first, "fill it in")


def quantity_of(n: int, unit: int) -> Decimal:
    """A quantity as it is written, of so many parts of a unit."""
    return decimal(Fraction(n, unit))
