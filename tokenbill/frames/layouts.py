"""Layouts: which columns of a frame name the bill, the meter and its labels, and which hold quantities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import decimal
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.errors import InvalidNumber, InvalidUsage, UnpricedUsage, UnreadableInput
from tokenbill.frames.calendar import CalendarColumn
from tokenbill.frames.scales import SCALE

if TYPE_CHECKING:
    from tokenbill.frames.column_plan import ColumnPlan

__all__ = [
    "AMOUNT",
    "DAY",
    "ITEMISED",
    "LINES",
    "VERSION",
    "Layout",
    "Options",
    "check_counts",
    "float_column",
    "layout_of",
    "no_numbers",
    "null_keys",
    "quantity_of",
    "shown_as",
    "texts",
]

AMOUNT = "amount"
"""The column that ``rate_rows`` adds."""
LINES = ("plan", "kind", "meter", "description", "quantity", AMOUNT, "currency")
"""The columns of ``rate``, after those that name the bill; labels stand behind the meter."""
ITEMISED = (*LINES[:5], "rate", "per", "tier_from", "tier_up_to", *LINES[5:])
"""Those of ``rate`` where tiers stand line by line."""
VERSION = "version of the terms"
"""The column that says which version of the terms a row falls under; -1 is before the period."""
DAY = "day of the usage"
"""The column that says on which local day a row falls, by its ordinal."""


class Options(NamedTuple):
    """What frames are billed by and how their columns are called; ``adds`` is what is added to the rows.

    ``plans`` are those of several customers, by the cells of ``plan_column``; ``plan`` is then one of them.
    ``calendar`` are the columns that are made out of times; ``signed`` lets numbers below zero in.
    ``until`` takes all rows before a moment, day by day, in place of those of the period.
    """

    plan: BillingPlan
    by: tuple[str, ...] = ()
    meter: str = "meter"
    quantity: str = "quantity"
    labels: tuple[str, ...] = ()
    meters: tuple[str, ...] | None = None
    period: Period | None = None
    adds: str | None = None
    counts: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    scale: int = SCALE
    plans: Mapping[Any, BillingPlan | Contract] | None = None
    plan_column: str | None = None
    time: str | None = None
    calendar: tuple[CalendarColumn, ...] = ()
    contract: Contract | None = None
    columns: tuple[str, ...] = LINES
    signed: bool = False
    until: date | None = None

    @property
    def numbered(self) -> tuple[str, ...]:
        """The columns of whole numbers that are made out of times."""
        if self.until is not None:
            return VERSION, DAY
        return (VERSION,) if self.contracts else ()

    @property
    def terms(self) -> list[BillingPlan | Contract]:
        """All terms that usage may fall to, each once: a contract where it changes within the period."""
        if self.plans is None:
            return [self.plan if self.contract is None else self.contract]
        return list({id(terms): terms for terms in self.plans.values()}.values())

    @property
    def contracts(self) -> list[Contract]:
        """Those of which rows fall under several versions."""
        return [terms for terms in self.terms if isinstance(terms, Contract)]

    @property
    def every_plan(self) -> list[BillingPlan]:
        """All plans that usage may fall to, each once; of a contract that of each version."""
        period: Any = self.period
        found = dict[int, BillingPlan]()
        for terms in self.terms:
            # an earlier version may read a label, or price a meter, that the last one does not know
            versions = terms.versions(period) if isinstance(terms, Contract) else ()
            every = [version.plan for version in versions] if versions else [terms]
            found.update((id(plan), plan) for plan in every if not isinstance(plan, Contract))
        return list(found.values())

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the frame that name bills, labels and plans, those made of times left out."""
        made = {*self.numbered, *(column.name for column in self.calendar)}
        known = (*self.by, *self.labels, *self.spread, *filter(None, [self.plan_column]))
        return tuple(name for name in dict.fromkeys(known) if name not in made)

    @property
    def times(self) -> tuple[str, ...]:
        """The columns of times that are read."""
        found = (self.time, *(column.column for column in self.calendar))
        return tuple(name for name in dict.fromkeys(found) if name is not None)


class Layout(NamedTuple):
    """What the columns of a frame mean.

    ``quantities`` are the columns of numbers. In a long frame that is one, and ``meter`` is the column that
    says what it counts; in a wide one ``meter`` is None, and each column counts the meter of its name.
    ``labels`` are the columns that tell prices apart, ``shown`` those that stand beside the meter, ``spread``
    those that every line is spread over; ``counts`` are meters that count the rows. Quantities are kept apart
    by the columns ``beside`` too: the plan of a row, the day that it falls on.
    """

    by: tuple[str, ...]
    labels: tuple[str, ...]
    meter: str | None
    quantities: tuple[str, ...]
    counts: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    version: str | None = None
    optional: tuple[str, ...] = ()
    signed: bool = False
    is_wide: bool = False

    @property
    def variants(self) -> tuple[str, ...]:
        """The columns that, with its own name, say what a quantity is of."""
        return (*self.labels, *([self.meter] if self.meter is not None else []))

    @property
    def pricing(self) -> tuple[str, ...]:
        """The columns that say how a quantity is priced: variants, and the version of a contract."""
        return (*self.variants, *([self.version] if self.version is not None else []))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that quantities are added up by."""
        return tuple(dict.fromkeys((*self.by, *self.shown, *self.spread, *self.pricing, *self.beside)))

    @property
    def measures(self) -> tuple[str, ...]:
        """What is added up: quantities, and rows."""
        return (*self.quantities, *self.counts)

    def names(self) -> set[str] | None:
        """The names of the meters; None where the rows say them."""
        return None if self.meter is not None else {Meter(column).name for column in self.measures}

    def group(self, cells: Iterable[Any]) -> str:
        """What errors call the bill whose columns hold these cells: nothing where all rows are on one."""
        return ", ".join(f"{name}={cell}" for name, cell in zip(self.by, cells, strict=False))

    def entry(self, plan: ColumnPlan, column: str, variant: Sequence[Any]) -> EntryCurve:
        """The entry for a column of quantities in the rows of a variant; an empty label is not there."""
        meter = column if self.meter is None or column in self.counts else variant[len(self.labels)]
        pairs = zip(self.labels, variant, strict=False)
        # CSV cannot tell an empty cell from none, so neither is a label
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
    # a frame with both columns is a long one; a wide one may have a meter called "quantity"
    long = options.meters is None and options.meter in known and options.quantity in known
    names = (options.meter, options.quantity) if long else options.meters or ()
    wanted = [*options.keys, *names, *options.times]
    for column in wanted:
        if column not in known:
            near = get_close_matches(str(column), map(str, known), n=1)
            hint = f"did you mean {quoted(near[0])}? " if near else ""
            way_out = f"{hint}the columns are {listed(map(str, known))}"
            raise UnreadableInput("no such column", column, way_out)
        if (*options.keys, *names).count(column) > 1:
            raise UnreadableInput("a column that is asked for twice", column, "name each column once")
    check_names(known, options)
    found = (options.quantity,) if long else options.meters
    quantities = _wide(known, options) if found is None else found
    if not quantities and not options.counts:
        raise UnreadableInput(
            "no column of quantities", listed(map(str, known)), 'name a column "quantity", or after its meter'
        )
    for column in (*wanted, *quantities):
        if known.count(column) > 1:
            raise UnreadableInput("a column that is there twice", column, "name each column once")
    spread = tuple(name for name in options.spread if name not in options.by)
    shown = tuple(name for name in dict.fromkeys((*options.labels, *spread)) if name not in options.by)
    return Layout(
        options.by,
        options.labels,
        options.meter if long else None,
        quantities,
        options.counts,
        shown,
        spread,
        (*filter(None, [options.plan_column]), *(name for name in options.numbered if name != VERSION)),
        VERSION if options.numbered else None,
        # that a row has no plan is said by those who look for one
        tuple(name for name in (*shown, options.plan_column) if name and name not in options.by),
        options.signed,
        options.columns == ITEMISED,
    )


def check_names(known: Sequence[Any], options: Options) -> None:
    """Refuse names that would be there twice: in the frame, or in the result."""
    for names in (options.by, options.labels, options.spread):
        for column in names:
            if names.count(column) > 1:
                raise UnreadableInput("a column that is asked for twice", column, "name each column once")
    made = [*options.counts, *(column.name for column in options.calendar)]
    # a column of times that is called "time" or "day" stands for what is made out of it
    own = {column.name for column in options.calendar if column.column == column.name}
    for column in made:
        if (column in known and column not in own) or made.count(column) > 1:
            raise UnreadableInput("a name that another column has", column, "rename one: name=")
    for column in (*options.by, *(name for name in known if _folded(name) == options.adds)):
        # DuckDB and Spark take "Amount" for "amount", and would give one of them back under both names
        if _folded(column) in {*options.columns, options.adds}:
            raise UnreadableInput("a column named like one of the result", column, "rename it")


def shown_as(column: str) -> str:
    """What a label is called in the result, which has columns of its own: the label "kind" is common."""
    return f"label_{column}" if _folded(column) in LINES else column


def _folded(column: Any) -> str:
    """A name as engines compare it that do not tell small letters from capitals."""
    return str(column).casefold()


def _wide(known: Iterable[Any], options: Options) -> tuple[str, ...]:
    """Every column that has no other meaning, each of which must be a meter with a price."""
    other = {*options.keys, *options.times}
    quantities = tuple(column for column in known if column not in other)
    plans = options.every_plan
    for column in quantities:
        if not any(_is_priced(plan, column, options) for plan in plans):
            raise UnreadableInput(
                "a column that is no meter of the plan",
                column,
                "name it in by=, labels= or time=, list the columns of quantities in meters=, or price it",
            )
    return quantities


def _is_priced(plan: BillingPlan, column: Any, options: Options) -> bool:
    try:
        plan.prices.match(Meter(column))
    except UnpricedUsage:
        # its labels are known row by row, and may tell a price that the bare meter has not
        keys = plan.prices if isinstance(plan.prices, PriceSchedule) else ()
        return bool(options.labels) and any(key.name == str(column) for key in keys)
    except ValueError:
        return False
    return True


def texts(value: object, what: str) -> tuple[str, ...]:
    """Names of columns: a list of them, or one alone."""
    found = (value,) if isinstance(value, str) else listed_of(value)
    if found is None or not all(isinstance(name, str) for name in found):
        raise UnreadableInput(f"{what}= names no columns", value, f'write {what}=["tenant"]')
    return tuple(str(name) for name in found)


DECIMALS = {
    "pl.Int64": "pl.Decimal(38, 2)",
    "pa.int64()": "pa.decimal128(38, 2)",
    '"int64"': "pd.ArrowDtype(pa.decimal128(38, 2))",
    "BIGINT": "DECIMAL(38, 2)",
    '"bigint"': '"decimal(38, 2)"',
}
"""What fixed decimals are called, by the whole numbers of the same engine."""


def float_column(column: str, dtype: object, *, odd: int | None, first: object, cast: str) -> InvalidNumber:
    """The error for a column of floats, *odd* of them no whole numbers; None where that is not known."""
    what = f"column {quoted(column)} holds floats, which are not exact"
    # floats are refused even where all are whole: 2^53 + 1 is another number by then
    if odd:
        what = f"{what}, {odd} of them no whole numbers, the first in {first}"
    meant = next((decimals for whole, decimals in DECIMALS.items() if whole in cast), None)
    # what is in memory was read as floats already: a cast to few decimals is the number that was written
    rest = f"to as many decimals as were meant, {meant}" if meant else "read it as text, then as decimals"
    way_out = f"if all are whole numbers, cast it: {cast}; else {rest}"
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
