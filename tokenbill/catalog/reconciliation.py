"""Reconciliation: what a provider's report says against one's own records, difference by difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import frozen

from tokenbill.catalog.asking import by_model
from tokenbill.catalog.causes import Cause, causes_of
from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.tables import digits, html_table, text_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import decimal, number
from tokenbill.core.periods.instants import moment, utc
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import TokenbillError, UnreadableInput

__all__ = ["PARTS", "Difference", "Reconciliation", "reconcile"]

PARTS: Final = ("missing", "doubled", "quantity", "price", "rounding", "unexplained")
"""What a difference is made of; the parts of one add up to it."""
AMOUNTS: Final = ("amount", "cost", "BilledCost")
DAYS: Final = ("day", "date", "time", "at", "ChargePeriodStart")
"""Names that a report may give to what a row cost, and to when it was."""

Key: TypeAlias = "tuple[str, ...]"


class Row(NamedTuple):
    """One row of either side: what it is of, its usage, what it cost, and the texts that stand beside."""

    key: Key
    usage: Usage | None
    amount: Decimal | None
    at: datetime | None
    beside: tuple[tuple[str, str], ...]


@frozen
class Difference:
    """One key on both sides: what each says, what the difference is made of, and what explains it.

    Args:
        key: The values of what the sides were compared by.
        ours: What our records come to, exactly.
        theirs: What the report says.
        parts: The difference by kind: *missing* on one side, *doubled*, *quantity* at our price, *price*
            at their quantity, *rounding*, and what nothing explains. They add up to ``difference``.
        causes: Errors that would make the report say just this, each found by rating again.
    """

    key: Key
    ours: Fraction
    theirs: Decimal
    parts: tuple[tuple[str, Fraction], ...]
    causes: tuple[str, ...] = ()

    @property
    def difference(self) -> Fraction:
        """Theirs less ours."""
        return Fraction(self.theirs) - self.ours


@frozen
class Reconciliation:
    """The differences between a report and our records, by key; it iterates over them.

    Args:
        by: What was compared: the names of the keys.
        differences: One for each key that either side has, sorted; also those of no difference.
    """

    by: tuple[str, ...]
    differences: tuple[Difference, ...]

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    @property
    def parts(self) -> dict[str, Fraction]:
        """The difference of all keys together, by kind."""
        return {
            part: sum((dict(each.parts).get(part, Fraction()) for each in self), Fraction()) for part in PARTS
        }

    def to_rows(self) -> list[dict[str, str]]:
        """The differences as text by column."""
        return [
            {
                **dict(zip(self.by, each.key, strict=True)),
                "ours": digits(decimal(each.ours)),
                "theirs": digits(each.theirs),
                "difference": digits(decimal(each.difference)),
                **{part: digits(decimal(amount)) for part, amount in each.parts if amount},
                "causes": ", ".join(each.causes),
            }
            for each in self
        ]

    def _table(self) -> tuple[Sequence[str], list[list[str]], range]:
        columns = [*self.by, "ours", "theirs", "difference", "causes"]
        rows = [[row[column] for column in columns] for row in self.to_rows()]
        return columns, rows, range(len(self.by), len(columns) - 1)

    def __str__(self) -> str:
        columns, rows, numbers = self._table()
        return text_table(columns, rows, numbers=numbers)

    def _repr_html_(self) -> str:
        columns, rows, numbers = self._table()
        return html_table(columns, rows, numbers=numbers)


def reconcile(
    ours: Iterable[Any],
    theirs: Iterable[Mapping[str, Any]],
    by: Iterable[str] = ("day", "model"),
    *,
    prices: PriceSchedule | PriceBook,
    columns: Mapping[str, str] | None = None,
) -> Reconciliation:
    """What a provider's report, an invoice or FOCUS rows say against our own records, explained.

    Our rows are rated by *prices*; the report's amounts are taken as they are. Each difference is split
    into parts that add up to it; then errors that are often made are tried, one by one, by rating our
    records again: cached tokens counted twice or at the full price, the price of another variant or of an
    older version, reasoning left out, a day twice, an API key that is missing. One that comes to the
    report's amount, to its last digit, is named.

    Args:
        ours: Rows with a ``usage`` and what *by* names; or events, of which ``time`` tells the day. Where a
            row has no ``model``, the label of its meters tells it.
        theirs: Rows with an ``amount`` (``cost``, ``BilledCost``), what *by* names, and, if the report
            counts, a ``usage``.
        by: What rows are compared by; ``day`` is read of ``date``, ``time`` or ``ChargePeriodStart`` too.
        prices: The price list, or the book of its versions; usage is as ``request`` gives it.
        columns: Other names that the report has: ``{"model": "SkuId"}``.

    Raises:
        UnreadableInput: If a row lacks what is compared, or its amount.
        UnpricedUsage: If our records hold what the list does not price.

    Source: docs/how-to/prices-from-a-catalog.md

    >>> prices = PriceSchedule(
    ...     {"input_tokens": "0.01", "input_tokens{cache=read}": "0.001"}
    ... )
    >>> ours = [
    ...     {
    ...         "day": "2026-11-05",
    ...         "usage": {"input_tokens": 100, "input_tokens{cache=read}": 1000},
    ...     }
    ... ]
    >>> theirs = [{"day": "2026-11-05", "amount": "12.00"}]
    >>> print(reconcile(ours, theirs, by=["day"], prices=prices))
    day         ours  theirs  difference  causes
    ----------  ----  ------  ----------  -------------------------------------
    2026-11-05     2   12.00          10  cached input counted as fresh one too
    """
    names = tuple(
        checked_name(each, what="key") for each in listed_of((by,) if isinstance(by, str) else by) or ()
    )
    if not isinstance(prices, PriceSchedule | PriceBook):
        raise UnreadableInput(
            "not a price list", type(prices).__name__, "give a PriceSchedule, or a PriceBook"
        )
    own, other = dict[Key, list[Row]](), dict[Key, list[Row]]()
    for given in _each(ours):
        for row in _rows(given, names, {}):
            own.setdefault(row.key, []).append(row)
    for given in _each(theirs):
        for row in _rows(given, names, dict(columns or {})):
            # a report of counts alone says nothing of money, and 0 in its place would be a finding
            if row.amount is None:
                raise UnreadableInput(
                    "a row of the report without an amount", ", ".join(row.key), "give amount="
                )
            other.setdefault(row.key, []).append(row)
    rates = _Rates(prices, names)
    keys = sorted({*own, *other})
    return Reconciliation(
        names, tuple(difference_of(key, own.get(key, []), other.get(key, []), rates) for key in keys)
    )


class _Rates:
    """What usage costs, by the version of the prices that held when it was used, or by another one."""

    def __init__(self, prices: PriceSchedule | PriceBook, by: tuple[str, ...]) -> None:
        self._prices, self._by = prices, by
        self._plans = dict[int, BillingPlan]()

    def amount(self, row: Row, usage: Usage | None = None, schedule: PriceSchedule | None = None) -> Fraction:
        """What a row costs, or other usage in its place; at its own prices, or those of a schedule."""
        found = self.schedule(row) if schedule is None else schedule
        plan = self._plans.setdefault(id(found), BillingPlan.on_demand(found))
        given = (row.usage or Usage()) if usage is None else usage
        return Bill.of(self._of_model(given, row), plan).exact

    def schedule(self, row: Row) -> PriceSchedule:
        """The prices of a row."""
        if isinstance(self._prices, PriceSchedule):
            return self._prices
        if row.at is None:
            way_out = "the prices depend on the date; give each row its day"
            raise UnreadableInput("a row without its day", ", ".join(row.key), way_out)
        found: Any = self._prices.on(row.at)
        return found  # type: ignore[no-any-return]

    def versions(self) -> Iterator[tuple[str, PriceSchedule]]:
        """All versions of the prices, and since when each holds."""
        if isinstance(self._prices, PriceBook):
            for version in self._prices:
                held: Any = version.schedule
                yield version.start.isoformat()[:10], held

    def _of_model(self, usage: Usage, row: Row) -> Usage:
        """Usage with the label of its model, where the list tells models apart and only the key names it."""
        model = dict(zip(self._by, row.key, strict=True)).get("model")
        priced: Any = self.schedule(row)
        if not model or not any("model" in key.labels for key in priced):
            return usage
        return Usage(
            (meter if "model" in meter.labels else Meter(meter, {"model": model}), quantity)
            for meter, quantity in usage.items()
        )


def difference_of(key: Key, own: list[Row], other: list[Row], rates: _Rates) -> Difference:
    """What the rows of one key differ by, in parts that add up to it."""
    ours = sum((rates.amount(row) for row in own), Fraction())
    theirs = sum((row.amount for row in other if row.amount is not None), Decimal(0))
    parts: dict[str, Fraction] = dict.fromkeys(PARTS, Fraction())
    # What one side does not have at all is no error of prices: a lost key, a day not yet reported.
    if not own or not other:
        parts["missing"] = Fraction(theirs) - ours
        return Difference(key, ours, theirs, tuple(parts.items()))
    causes = () if _is_rounded(ours, theirs) else told_causes(own, theirs, rates)
    # rows that say the very same are one row that came again
    once = list(dict.fromkeys(other))
    left = sum((row.amount for row in once if row.amount is not None), Decimal(0))
    parts["doubled"] = Fraction(theirs) - Fraction(left)
    rest = Fraction(left) - ours
    # with counts the rest is told apart: their quantity at our price, then their price at their quantity
    counted = [row.usage for row in once]
    if all(usage is not None for usage in counted):
        at_ours = rates.amount(own[0], sum((usage for usage in counted if usage is not None), Usage()))
        part = "doubled" if [each.part for each in causes] == ["doubled"] else "quantity"
        parts[part] += at_ours - ours
        rest = Fraction(left) - at_ours
        parts["rounding" if _is_rounded(at_ours, left) else "price"] += rest
    elif _is_rounded(ours, left):
        parts["rounding"] = rest
    elif causes:
        parts[causes[0].part] += causes[0].amount - ours
        parts["rounding"] += rest - (causes[0].amount - ours)
    else:
        parts["unexplained"] = rest
    return Difference(key, ours, theirs, tuple(parts.items()), tuple(each.name for each in causes))


def _is_rounded(amount: Fraction, told: Decimal) -> bool:
    """Whether what is told is the amount, at the digits that are told: up, down or to the nearest."""
    places = max(-int(told.as_tuple().exponent), 0)
    return abs(amount - Fraction(told)) * 10**places < 1 and (bool(amount) == bool(told) or not told)


def told_causes(own: list[Row], theirs: Decimal, rates: _Rates) -> tuple[Cause, ...]:
    """The errors that make our records come to their amount."""

    def rated(change: Callable[[Usage], Usage], schedule: PriceSchedule | None = None) -> Fraction | None:
        try:
            return sum((rates.amount(row, change(row.usage or Usage()), schedule) for row in own), Fraction())
        except TokenbillError:  # the list has no price for this: nobody billed it so
            return None

    # each error is tried on our own usage; what comes to their amount is what they may have done
    known = {label for row in own for key in rates.schedule(row) for label in key.labels.items()}
    found = list(causes_of([row.usage or Usage() for row in own], known, rated, list(rates.versions())))
    for beside in dict.fromkeys(pair for row in own for pair in row.beside):
        without = sum((rates.amount(row) for row in own if beside not in row.beside), Fraction())
        found.append(Cause(f"{beside[0]} {beside[1]} is missing", "missing", without))
    return tuple(each for each in found if _is_told(each.amount, theirs))


def _is_told(amount: Fraction, told: Decimal) -> bool:
    """Whether an amount is told, exactly or rounded half up or half to even at the digits that are told."""
    places = max(-int(told.as_tuple().exponent), 0)
    off = abs(amount - Fraction(told)) * 10**places
    return off == 0 or (off <= Fraction(1, 2) and bool(told))


def _each(rows: Any) -> Iterable[Any]:
    found = listed_of(rows)
    if found is None:
        raise UnreadableInput(
            "not a list of rows", type(rows).__name__, "give a list of mappings, or of events"
        )
    return found


def _rows(given: Any, by: tuple[str, ...], columns: Mapping[str, str]) -> Iterator[Row]:
    """The row of a mapping or an event; one for each model, where the labels of its meters tell it."""
    members = _members(given)
    members |= {ours: members.get(theirs) for ours, theirs in columns.items()}
    usage = members.get("usage")
    told = None if usage is None else usage if type(usage) is Usage else Usage(usage)
    value, at = next((members[each] for each in DAYS if members.get(each) is not None), None), None
    if value is not None:
        when: date = utc(moment(value))
        # reports count by days of UTC, whatever zone our own records are kept in
        at = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day, tzinfo=UTC)
        members["day"] = at.date().isoformat()
    # of several names of an amount the first that is there counts, as AMOUNTS orders them
    amount = next((number(members[each]) for each in AMOUNTS if members.get(each) is not None), None)
    beside = tuple(
        sorted(
            (key, value)
            for key, value in members.items()
            if type(key) is type(value) is str and key not in (*by, *AMOUNTS, *DAYS, *columns.values())
        )
    )
    if "model" in by and members.get("model") is None and told is not None:
        parts = dict[str, Usage]()
        for (model, _), part in by_model(told).items():
            if not model:
                raise UnreadableInput("a row without", "model", "label its meters, or give it a model")
            # one row for each model: of two providers' it would bring the amount of the row twice
            parts[model] = parts.get(model, Usage()) + part
        for model, part in parts.items():
            yield Row(_key({**members, "model": model}, by), part, amount, at, beside)
    else:
        yield Row(_key(members, by), told, amount, at, beside)


def _members(given: Any) -> dict[str, Any]:
    if is_mapping(given):
        try:
            return dict(given)
        except Exception:  # a foreign mapping may raise anything
            pass
    elif all(hasattr(given, each) for each in ("time", "usage", "customer")):
        return {"time": given.time, "usage": given.usage, "customer": given.customer}
    raise UnreadableInput("not a row", type(given).__name__, "give a mapping, or an event")


def _key(members: Mapping[str, Any], by: tuple[str, ...]) -> Key:
    for each in by:
        if members.get(each) is None:
            raise UnreadableInput("a row without", each, "give it to every row, or compare by something else")
    return tuple(checked_name(str(members[each]), what=each) for each in by)
