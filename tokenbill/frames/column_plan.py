"""Plans for columns of whole numbers: compiled in the unit of the columns, with the decimals of amounts.

Where a price lists no pieces, ``Bill.of`` bills each group, and ``amount`` rates each row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import NamedTuple

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
from tokenbill.core.rating.integer_price import IntegerPrice, denominator_of, places_for
from tokenbill.core.rating.rating_run import Number
from tokenbill.core.rating.stages import BurnTokens, FeeCharge
from tokenbill.core.rating.version_terms import terms_of_plan
from tokenbill.errors import InvalidPrice
from tokenbill.frames.array_run import ArrayRun
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Ints

__all__ = ["DIGITS", "PLACES", "BillRow", "ColumnPlan", "column_plan", "places_of", "unscaled"]

DIGITS = 38
"""Digits of the widest fixed decimal that every engine has."""
PLACES = 18
"""Decimals of amounts that do not terminate, or are worked out one by one."""
TOP = 10 ** (2 * DIGITS)
KEPT = 16
"""Forms that a plan keeps: units of columns, and periods."""
IDENTITY = curve(NIL, [None], [line(Fraction(1))])


class BillRow(NamedTuple):
    """One line of a bill as frames show it: all that an entry or a term comes to."""

    kind: str
    meter: str | None
    description: str
    quantity: Decimal | None
    amount: Decimal


class ColumnPlan:
    """A plan for columns of quantities, n being the quantity × *unit*.

    ``form`` is its compiled form. ``shown`` makes amounts with ``places`` decimals of the numerators of its
    entries; it is None where a price lists no pieces, or needs decimals without end beside more than 18.
    Rows are refused from ``limit`` on, where a number on the way may leave 38 digits.

    Args:
        plan: The terms.
        unit: What a quantity is multiplied by to be whole: a power of ten.
        names: The meters that occur, by name; None for all that the plan prices.
        period: The service period, as in ``Bill.of``.

    >>> columns = ColumnPlan(BillingPlan.on_demand(PriceSchedule(gpu_hours="0.25")), unit=10)
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
    ) -> None:
        self.plan, self.unit, self.period = plan, unit, period
        self.form = CompiledPlan(plan, unit=unit, versions=[terms_of_plan(plan, period)])
        card = self.form.card
        always = {entry.key for entry in card.always}
        curves = [
            found for key, found in card.curves.items() if names is None or key.name in names or key in always
        ]
        known = [found for found in curves if found is not None]
        places = places_for(lcm(*(denominator_of(found, unit) for found in known)))
        self.places, self.shown, self.limit = PLACES, None, 10**DIGITS
        if card.curves and len(known) == len(curves) and places is not None and places <= DIGITS:
            self.places = places
            self.shown = IntegerPrice.of(IDENTITY, card.scale, 10**places, top=TOP)
            self.limit = self.shown.most(10**DIGITS) + 1

    @cached_property
    def on_arrays(self) -> bool:
        """Whether bills are settled on arrays: every price has pieces, that of tokens too."""
        terms = self.form.terms()
        tokens = [stage for stage in terms.settling if isinstance(stage, BurnTokens)]
        if terms.looks_at_charges or self.form.reads_usage:
            return False  # quantities of single charges are for `Bill.of` to look at
        return self.shown is not None and all(
            price.function is not None for stage in tokens for price in stage.prices
        )

    @cached_property
    def note_places(self) -> list[int]:
        """Decimals of each line of a bill that comes after its usage."""
        form, terms, nothing = self.form, self.form.terms(), Ints(np.zeros(1, np.int64), 0)
        # what a line is a numerator of depends on the plan, never on a quantity: a bill of nothing tells it;
        # every charge is there twice where there can be several, for a spread over one widens no scale
        if form.by_cell:
            cells = (*terms.cells, *terms.cells) if form.cells.scopes else tuple(terms.cells)
            run = terms.settle(ArrayRun(form, [nothing] * len(cells), cells))
        else:
            entries = [(self.entry(str(key)), nothing) for key in form.card.curves]
            run = terms.rate(ArrayRun(form, [], (), entries * 2))
        overs = [note.over for note in run.notes or ()]
        return [form.places if over is None else places_of(over) for over in overs]

    @cached_property
    def bill_places(self) -> int:
        """Decimals of the amounts on bills: those that any line needs."""
        form = self.form
        if not self.on_arrays:
            return PLACES
        usage = self.places if form.by_cell else form.places if form.whole_lines else PLACES
        fees = [stage.amount for stage in form.terms().pricing if isinstance(stage, FeeCharge)]
        over = 10**form.places if form.whole_lines else form.card.scale
        needed = [places_of(Fraction(amount, over).denominator) for amount in fees]
        return max(usage, form.places, *needed, *self.note_places)

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
        return decimal(total)

    def rows(self, usage: Mapping[str, Decimal]) -> Iterator[BillRow]:
        """The bill of one group by ``Bill.of``, its usage given by meter: a row for each entry and term."""
        bill = Bill.of(Usage(usage), self.plan, period=self.period)
        quantities: dict[str, Exact] = {}
        for meter, quantity in bill.usage.items():
            key = str(self.form.card[meter].key)
            quantities[key] = plus(quantities.get(key, ZERO), quantity)
        sums: dict[tuple[str, str | None, str], Exact] = {}
        for item in bill.lines:
            meter_text = None if item.meter is None else str(item.meter)
            place = item.kind, meter_text, meter_text or item.description
            if place != ("rounding", None, "rounding"):
                sums[place] = plus(sums.get(place, ZERO), item.precise)
        rest: Exact = bill.total
        for place, exact in sums.items():
            used = decimal(quantities.get(place[1], ZERO)) if place[1] else None
            yield BillRow(*place, used, decimal(exact))
            rest = difference(rest, decimal(exact))
        if rest:
            yield BillRow("rounding", None, "rounding", None, decimal(rest))


def column_plan(
    plan: BillingPlan,
    unit: int = 1,
    *,
    names: Collection[str] | None = None,
    period: Period | None = None,
) -> ColumnPlan:
    """A plan for columns, kept by its plan; that of a user's own schedule is made anew each time."""
    kept: dict[object, ColumnPlan] | None = plan.made.get("columns")
    if kept is None or len(kept) >= KEPT:
        kept = plan.made["columns"] = dict[object, ColumnPlan]()
    key = unit, None if names is None else frozenset(names), period
    found = kept.get(key)
    if found is None or found.form.card.is_full or not isinstance(plan.prices, PriceSchedule):
        found = kept[key] = ColumnPlan(plan, unit, names=names, period=period)
    return found


def places_of(over: Number) -> int:
    """Decimals that amounts in 1/*over* are shown with: all that they have, or 18."""
    if isinstance(over, Ints):
        return PLACES
    places = places_for(over)
    return PLACES if places is None or places > DIGITS else places


def unscaled(amount: Decimal, places: int) -> int:
    """An amount in 1/10^places.

    Raises:
        InvalidPrice: If it has more decimals, or too many digits.
    """
    scaled = Fraction(amount) * 10**places
    if scaled.denominator != 1 or abs(scaled) >= 10**DIGITS:
        raise InvalidPrice(
            f"an amount that no decimal({DIGITS}, {places}) holds", amount, "bill it with Bill.of"
        )
    return int(scaled)
