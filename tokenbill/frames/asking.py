"""What a call of frames asks for, each argument checked, and the back end that answers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias, TypedDict, cast

from attrs import evolve

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.rhythms import plan_alone
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidPeriod, InvalidPlan, MissingExtra, UnreadableInput
from tokenbill.frames.calendar import CalendarColumn, column_of
from tokenbill.frames.job import Backend, Report
from tokenbill.frames.layouts import ITEMISED, LINES, Options, texts
from tokenbill.frames.scales import SCALE
from tokenbill.shared.plan_in_force import plan_in_force

__all__ = [
    "NO_PLAN",
    "BillColumns",
    "UNTYPED",
    "Columns",
    "Names",
    "Terms",
    "UsageColumns",
    "backend_of",
    "check_zones",
    "is_number",
    "kinds_of",
    "last_plan",
    "opened",
    "options_of",
    "report_named",
    "terms_in",
    "warn_of_times",
]

Terms: TypeAlias = "BillingPlan | Contract"
Names: TypeAlias = "str | CalendarColumn | Cycle | Iterable[str | CalendarColumn | Cycle]"
Columns: TypeAlias = "Mapping[Any, Terms] | Terms | str"
"""A plan for all, one for each customer, or the column that names it."""

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
WORD = re.compile("[a-z]+")
NUMBERS = {
    *(f"{sign}{size}int" for sign in ("", "u") for size in ("", "tiny", "small", "big", "huge")),
    *("integer", "uinteger", "decimal", "float", "double", "real", "halffloat", "long", "short", "byte"),
}
"""How the types of numbers begin, whatever the engine."""
UNTYPED = {"null", '"null"', "object"}
"""What engines call the type of a column without cells."""
NO_PLAN: Any = object()
"""The plan of what is added up and not billed."""
KINDS = ("DataFrame", "LazyFrame", "Table", "RecordBatch", "DuckDBPyRelation")
"""What frames are called in these packages, which hold other things, too."""
STREAM = "__arrow_c_stream__"
"""What an object has that hands its rows over as a stream of Arrow's batches."""


class UsageColumns(TypedDict, total=False):
    """What the columns of a frame of usage mean, as ``rate`` says it."""

    meter: str
    quantity: str
    labels: Names
    meters: Iterable[str] | None
    counts: Iterable[str]
    scale: int


class BillColumns(UsageColumns, total=False):
    """The same for bills: their period, and what plans they are under."""

    period: Period | None
    time: str | None
    plans: Mapping[Any, Terms] | None


class _Asked(NamedTuple):
    """Names of columns, and the calendar columns among them."""

    names: tuple[str, ...]
    made: tuple[CalendarColumn, ...]


def options_of(
    plan: Any,
    *,
    by: object = (),
    meter: Any = "meter",
    quantity: Any = "quantity",
    labels: object = (),
    meters: object = None,
    period: Any = None,
    counts: object = (),
    spread: object = (),
    time: Any = None,
    plans: Any = None,
    scale: Any = SCALE,
    columns: Any = "lines",
) -> Options:
    """The options of a call, each of the right type."""
    if period is not None and not isinstance(period, Period):
        raise InvalidPeriod("not a period", period, 'write Period("2026-01-01", "2026-02-01")')
    for column, what in ((meter, "meter"), (quantity, "quantity"), (time, "time")):
        if not isinstance(column, str) and not (what == "time" and column is None):
            raise UnreadableInput(f"{what}= names no column", column, f'write {what}="{what}"')
    # 38 digits are the most that every engine has in a fixed decimal
    if type(scale) is not int or not 0 <= scale <= 38:
        raise UnreadableInput("not a number of decimals", scale, "write scale=18")
    if columns not in ("lines", "wide"):
        raise UnreadableInput("not the columns of a result", columns, 'write columns="lines" or "wide"')
    groups, beside, over = (
        _asked(value, what, time) for value, what in ((by, "by"), (labels, "labels"), (spread, "spread"))
    )
    terms = (NO_PLAN, None, None) if plan is NO_PLAN else _terms(plan, plans, groups.names, period, time)
    one, by_customer, contract = terms
    return Options(
        one,
        groups.names,
        meter,
        quantity,
        beside.names,
        None if meters is None else texts(meters, "meters"),
        period,
        counts=texts(counts, "counts"),
        spread=over.names,
        scale=scale,
        plans=by_customer,
        plan_column=plan if isinstance(plan, str) else None,
        time=time,
        calendar=tuple(dict.fromkeys((*groups.made, *beside.made, *over.made))),
        contract=contract,
        columns=ITEMISED if columns == "wide" else LINES,
    )


def _asked(value: object, what: str, time: str | None) -> _Asked:
    one = isinstance(value, str | CalendarColumn | Cycle)
    listed = [value] if one else listed_of(value)
    if listed is None:
        raise UnreadableInput(f"{what}= names no columns", value, f'write {what}=["tenant"]')
    found = [column_of(each, time) for each in listed]
    made = tuple(each for each in found if isinstance(each, CalendarColumn))
    names = [each.name if isinstance(each, CalendarColumn) else each for each in found]
    return _Asked(texts(names, what), made)


def _terms(
    plan: Any, plans: Any, by: tuple[str, ...], period: Period | None, time: str | None
) -> tuple[BillingPlan, Mapping[Any, Terms] | None, Contract | None]:
    """The plan, those of several customers, and a contract that changes within the period."""
    by_customer = plans if isinstance(plan, str) else plan
    if isinstance(plan, str) and not is_mapping(plans):
        raise InvalidPlan("no plans", plans, 'give them by name: plans={"pro": plan}, plan="column"')
    if isinstance(by_customer, PriceSchedule):  # a mapping, too, but of prices and not of plans
        raise InvalidPlan("a price schedule, not a plan", by_customer, "give BillingPlan.on_demand(prices)")
    if is_mapping(by_customer) and not isinstance(by_customer, BillingPlan | Contract):
        found = {key: terms_in(terms, period, time) for key, terms in by_customer.items()}
        if not found or not (by or isinstance(plan, str)):
            what = "no plans" if not found else "a plan for each customer, and no column of customers"
            raise InvalidPlan(what, quoted(list(found)), 'write rate(data, {"acme": plan}, by="tenant")')
        if isinstance(plan, str):  # a plan without a name is shown by the one that the column has for it
            found = {
                key: evolve(each, name=str(key)) if isinstance(each, BillingPlan) and not each.name else each
                for key, each in found.items()
            }
        # equal plans are one, so that a plan that many customers have is compiled once
        equal = dict[Terms, Terms]()
        shared = {key: equal.setdefault(each, each) for key, each in found.items()}
        check_zones(equal, period, time)
        return last_plan(next(iter(shared.values())), period), shared, None
    terms = terms_in(plan, period, time)
    return last_plan(terms, period), None, terms if isinstance(terms, Contract) else None


def terms_in(terms: Any, period: Period | None, time: str | None) -> Terms:
    """The plan that alone bills a period; a contract where times tell rows of its versions apart."""
    if time is not None and period is not None and isinstance(terms, BillingPlan | Contract):
        contract = terms if isinstance(terms, Contract) else Contract(terms)
        if plan_alone(contract, period) is None:
            return contract
    return plan_in_force(
        terms, period, 'name the column of times, by which rows fall to a version: time="at"'
    )


def check_zones(terms: Iterable[Terms], period: Period | None, time: str | None) -> None:
    """Refuse a period of dates whose rows are chosen at the midnights of several zones."""
    if time is None or period is None or isinstance(period.start, datetime):
        return
    cycles = [last_plan(each, period).cycle for each in terms]
    zones = sorted({"UTC" if cycle is None else cycle.tz for cycle in cycles})
    if len(zones) > 1:
        way_out = 'say it in instants: Period("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")'
        raise InvalidPeriod("a period of dates, and plans of several zones", listed(zones), way_out)


def last_plan(terms: Terms, period: Period | None) -> BillingPlan:
    """A plan; of the terms that change in a period that of the last version."""
    return terms.versions(cast(Period, period))[-1].plan if isinstance(terms, Contract) else terms


def backend_of(data: object) -> Backend:
    """The back end for a frame.

    Raises:
        MissingExtra: For the engine of the frame, whichever package its back end lacks.
    """
    extra = None
    # a user may have a class of his own on top of a frame; its package says nothing then
    for kind in type(data).__mro__:
        found = ENGINES.get(kind.__module__.partition(".")[0])
        if found is not None and kind.__name__ in KINDS:
            extra = found
            break
    # whatever speaks the protocol is read as a stream; engines known by name keep their laziness
    if extra is None and (hasattr(data, STREAM) or hasattr(data, "scanner")):
        extra = "streams"
    if extra is None:
        kinds = "a DataFrame of pandas, Polars, PySpark or Dask, a Table of PyArrow, or a relation of DuckDB"
        way_out = f"give {kinds}, or what has {STREAM}"
        raise UnreadableInput("not a data frame", type(data).__name__, way_out)
    try:
        return cast("Backend", import_module(f"tokenbill.frames.{extra}"))
    except MissingExtra as error:
        raise MissingExtra(error.package, "arrow" if extra == "streams" else extra) from None


def report_named(name: str, module: str = "tables") -> Report:
    """A function on sums, imported when it is asked for: it needs numpy and Arrow."""
    return cast("Report", getattr(import_module(f"tokenbill.frames.{module}"), name))


def opened(data: Any) -> Any:
    """The frame itself; of what hands its rows over as a stream the reader of that."""
    # Types are asked for before rows, and some of these hand their stream over only once.
    reader = getattr(backend_of(data), "reader", None)
    return data if reader is None else reader(data)


def kinds_of(data: Any) -> dict[str, str]:
    """The columns of a frame, and what its engine calls their types."""
    read = getattr(data, "collect_schema", None)  # lazy frames of Polars ask for it by this name
    kinds = read() if read is not None else getattr(data, "schema", None)
    if kinds is None:
        kinds = data.dtypes  # pandas, Dask; DuckDB
    if is_mapping(kinds):
        return {str(name): str(kind).lower() for name, kind in kinds.items()}
    names: Any = getattr(kinds, "names", None) or getattr(data, "columns", ())
    types: Any = getattr(kinds, "types", None) or getattr(kinds, "fields", None) or kinds
    each = [getattr(kind, "dataType", kind) for kind in types]
    return {str(name): str(kind).lower() for name, kind in zip(names, each, strict=True)}


def is_number(kind: str) -> bool:
    """Whether an engine means numbers by a type; floats too, which are refused by name."""
    match = WORD.match(kind)
    return match is not None and match[0].removesuffix("type") in NUMBERS


def warn_of_times(data: Any, options: Options, depth: int = 3) -> None:
    """Warn that a period chooses no rows, where a frame has times and no column of them is named.

    *depth* is how far up the call is that somebody wrote.
    """
    if options.period is None or options.time is not None:
        return
    kinds = kinds_of(data)
    # pandas calls a column of dates one of objects, as it calls any other
    is_pandas = type(data).__module__.partition(".")[0] == "pandas"
    objects = [name for name, kind in kinds.items() if is_pandas and kind == "object"]
    is_dated = any("date" in kind or "timestamp" in kind for kind in kinds.values())
    if is_dated or any(isinstance(cell, date) for name in objects for cell in data[name].head(1)):
        warnings.warn(
            'period= is the service period, and chooses no rows: name the column of times, time="at"',
            UserWarning,
            stacklevel=depth,
        )
