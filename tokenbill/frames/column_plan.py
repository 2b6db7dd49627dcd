"""Plans for columns of whole numbers: compiled in the unit of the columns, with the decimals of amounts.

Where a price lists no pieces, ``Bill.of`` bills each group, and ``amount`` rates each row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, plus
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.curves import NIL, curve, line
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.integer_price import IntegerPrice, denominator_of
from tokenbill.core.rating.lines import LineItem
from tokenbill.core.rating.stages import BurnTokens, FeeCharge
from tokenbill.core.rating.version_terms import terms_of_plan
from tokenbill.frames.scales import DIGITS, SCALE, places_of, shown_to
from tokenbill.shared.forecasts import invoice_preview

__all__ = [
    "TEXTS",
    "BillRow",
    "ColumnPlan",
    "Text",
    "bill_rows",
    "column_plan",
    "item_text",
    "line_name",
]

TOP = 10 ** (2 * DIGITS)
KEPT = 16
"""Forms that a plan keeps: units of columns, and periods."""
IDENTITY = curve(NIL, [None], [line(Fraction(1))])


Text: TypeAlias = "tuple[Any, ...]"
"""The kind, meter and description of a line; of an itemised one rate, per and the bounds of its tier, too.

Behind these may stand the version of the terms that the line is of.
"""
TEXTS = 7


class BillRow(NamedTuple):
    """One line of a bill as frames show it: all that an entry or a term comes to, or, itemised, one line."""

    text: Text
    quantity: Decimal | None
    amount: Decimal


class ColumnPlan:
    """A plan for columns of quantities, n being the quantity × *unit*.

    ``form`` is its compiled form. ``shown`` makes amounts with ``places`` decimals of the numerators of its
    entries, ``factor`` of them the decimals of the column; it is None where a price lists no pieces, or where
    the places that it may need are more than the column has: then each amount is looked at.
    Rows are refused from ``limit`` on, where a number on the way may leave 38 digits.
    ``schemas`` are those of the lines of lazy frames, which ask for them before there are rows.

    Args:
        plan: The terms.
        unit: What a quantity is multiplied by to be whole: a power of ten.
        names: The meters that occur, by name; None for all that the plan prices.
        period: The service period, as in ``Bill.of``.
        scale: Decimals of the columns of amounts and quantities.

    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.25"))
    >>> columns = ColumnPlan(plan, unit=10)
    >>> columns.entry("gpu_hours").function.at(15), columns.form.card.scale  # 1.5 hours
    (75, 200)
    """

    def __init__(
        self,
        plan: BillingPlan,
        unit: int = 1,
        *,
        names: Collection[str] | None = None,
        period: Period | None = None,
        scale: int = SCALE,
    ) -> None:
        self.plan, self.unit, self.period, self.scale = plan, unit, period, scale
        self.schemas = dict[object, Any]()
        self.form = CompiledPlan(plan, unit=unit, versions=[terms_of_plan(plan, period)])
        card = self.form.card
        always = {entry.key for entry in card.always}
        curves = [
            found for key, found in card.curves.items() if names is None or key.name in names or key in always
        ]
        known = [found for found in curves if found is not None]
        # a number on the way, and the decimals that the column adds, stay within 38 digits
        places = places_of(lcm(*(denominator_of(found, unit) for found in known)), scale)
        self.listed = bool(card.curves) and len(known) == len(curves)
        self.places, self.factor, self.shown, self.limit = scale, 1, None, 10**DIGITS
        if self.listed and places <= scale:
            self.places, self.factor = places, 10 ** (scale - places)
            self.shown = IntegerPrice.of(IDENTITY, card.scale, 10**places, top=TOP)
            self.limit = self.shown.reach(10**DIGITS // self.factor) + 1
            self.limit = min(self.limit, self.shown.most(10**DIGITS) + 1)

    @cached_property
    def on_arrays(self) -> bool:
        """Whether bills are settled on arrays: every price has pieces, that of tokens too."""
        terms = self.form.terms()
        tokens = [stage for stage in terms.settling if isinstance(stage, BurnTokens)]
        if terms.looks_at_charges or self.form.reads_usage:
            return False  # quantities of single charges are for `Bill.of` to look at
        if any(isinstance(stage, FeeCharge) and stage.in_tokens for stage in terms.pricing):
            return False
        return self.listed and all(price.function is not None for stage in tokens for price in stage.prices)

    def entry(self, meter: str, labels: Mapping[str, str] | None = None) -> EntryCurve:
        """The entry, or the group of an ``.each`` entry, that a meter with these labels falls to."""
        return self.form.card[str(Meter(meter, labels) if labels else Meter(meter))]

    def told_apart(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Those of *labels* that can change a price; all of them where the schedule lists no entries."""
        curves = self.form.card.curves
        if not curves:
            return tuple(labels)
        read = {label for key in curves for label in key.labels}
        for _, price in pairs_of(self.plan.prices) or ():
            read |= set(price.labels) if isinstance(price, Each) else set()
        return tuple(label for label in labels if label in read)

    def amount(self, usage: Iterable[tuple[EntryCurve, Exact]]) -> Decimal:
        """What quantities come to at the prices alone, one after the other: exact, or to 18 places."""
        total: Exact = ZERO
        for entry, quantity in usage:
            total = plus(total, amount_at(entry.price, quantity))
        return shown_to(total, self.scale)

    def preview(self, usage: Usage, *, final: bool) -> Decimal:
        """What the usage of one group comes to, where nothing is refused; *final* closes the period."""
        return invoice_preview(usage, self.plan, period=self.period, final=final).accrued

    def rows(self, usage: Mapping[str, Decimal], *, is_wide: bool = False) -> Iterator[BillRow]:
        """The bill of one group by ``Bill.of``, its usage given by meter: a row for each entry and term."""
        bill = Bill.of(Usage(usage), self.plan, period=self.period)
        quantities: dict[str, Exact] = {}
        for meter, quantity in bill.usage.items():
            key = str(self.form.card[meter].key)
            quantities[key] = plus(quantities.get(key, ZERO), quantity)
        used = {key: decimal(quantity) for key, quantity in quantities.items()}
        yield from bill_rows(bill, used, self.scale, is_wide)


def bill_rows(
    bill: Bill,
    quantities: Mapping[str, Decimal],
    scale: int,
    is_wide: bool = False,
    version: Callable[[LineItem], tuple[int, ...]] = lambda _: (),
) -> Iterator[BillRow]:
    """A bill as frames show it: a row for each entry, with the quantity that it was used, and term.

    What *version* says of a line of usage stands behind its text, and has a row of its own.
    """
    sums: dict[Text, Exact] = {}
    used: dict[Text, Exact] = {}
    for item in bill.lines:
        meter_text = None if item.meter is None else str(item.meter)
        place: Text = item_text(item) if is_wide else (item.kind, meter_text, meter_text or item.description)
        if place[:3] == ("rounding", None, "rounding"):
            continue
        if meter_text and (of := version(item)):
            place = (*place, *([None] * (TEXTS - len(place))), *of)
        sums[place] = plus(sums.get(place, ZERO), item.precise)
        if is_wide and meter_text and item.quantity is not None:
            used[place] = plus(used.get(place, ZERO), item.quantity)
    rest: Exact = bill.total
    for place, exact in sums.items():
        quantity: Exact | None = quantities.get(line_name(place), ZERO) if place[1] else None
        quantity = used.get(place, quantity)
        shown = shown_to(exact, scale)
        yield BillRow(place, None if quantity is None else decimal(quantity), shown)
        rest = difference(rest, shown)
    if rest:
        yield BillRow(("rounding", None, "rounding"), None, decimal(rest))


def line_name(text: Text) -> str:
    """What tells the entry of a line apart from others, and from itself in another version."""
    version = text[TEXTS:]
    return f"{text[1]}\0{version[0]}" if version else str(text[1])


def item_text(item: LineItem) -> Text:
    """What an itemised line says: its kind, meter and description, rate, per, and the bounds of its tier."""
    meter = None if item.meter is None else str(item.meter)
    rate, per = (item.rate, item.per) if meter is not None and item.rate is not None else (None, None)
    return (item.kind, meter, item.description, rate, per, *item.tier_bounds())


def column_plan(
    plan: BillingPlan,
    unit: int = 1,
    *,
    names: Collection[str] | None = None,
    period: Period | None = None,
    scale: int = SCALE,
) -> ColumnPlan:
    """A plan for columns, kept by its plan; that of a user's own schedule is made anew each time."""
    kept: dict[object, ColumnPlan] | None = plan.cache.get("columns")
    if kept is None or len(kept) >= KEPT:
        kept = plan.cache["columns"] = dict[object, ColumnPlan]()
    key = unit, None if names is None else frozenset(names), period, scale
    found = kept.get(key)
    # a schedule of a user may answer otherwise tomorrow; a card that is full is made anew
    if found is None or found.form.card.is_full or not isinstance(plan.prices, PriceSchedule):
        found = kept[key] = ColumnPlan(plan, unit, names=names, period=period, scale=scale)
    return found
