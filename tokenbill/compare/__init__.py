"""Compare: which plan is cheaper, where that changes, how large a package is best, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import evolve, field, frozen

from tokenbill.compare.ranking import Comparison, PlanDifference, difference_of, ranked
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.tables import digits
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import LIMIT, Number, decimal, number
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.curves import at
from tokenbill.errors import InvalidPlan, InvalidUsage
from tokenbill.shared.break_even import Cell, Stretch, cells, horizon, numeral, steady, stretches
from tokenbill.shared.marginal_cost import affordable, falls, next_bend, next_unit, quantity_for
from tokenbill.shared.plan_curve import NO_USAGE, total_curve
from tokenbill.shared.usage_history import Case, History, Named, Plans, changed, named
from tokenbill.shared.usage_history import cases as cases_of

__all__ = [
    "Cheapest",
    "Crossing",
    "affordable",
    "best_size",
    "break_even",
    "envelope",
    "falls",
    "next_bend",
    "next_unit",
    "plans",
    "quantity_for",
    "sizes_at",
    "what_if",
]


@frozen(repr=False)
class Crossing:
    """Where the cheaper of two plans changes, and what the cheaper one costs there, exactly.

    *below*, *at* and *above* are the cheaper plan just below the quantity, at it, and just above it;
    None where both cost the same, and below zero.
    """

    quantity: Fraction
    amount: Fraction
    below: BillingPlan | None
    at: BillingPlan | None
    above: BillingPlan | None
    told: str = field(default="", eq=False)

    def __str__(self) -> str:
        return self.told

    def __repr__(self) -> str:
        return f"<Crossing {self.told}>"


@frozen(repr=False)
class Cheapest:
    """A *plan*, its *name* in the answer, and the *stretch* of quantities on which none is cheaper."""

    stretch: Stretch
    name: str
    plan: BillingPlan

    @property
    def start(self) -> Fraction:
        """Where the stretch begins."""
        return self.stretch.start

    @property
    def end(self) -> Fraction | None:
        """Where it ends; None where it does not."""
        return self.stretch.end

    def __str__(self) -> str:
        return f"{self.stretch} {self.name}"

    def __repr__(self) -> str:
        return f"<Cheapest {self}>"


def plans(usage: History, plans: Plans) -> Comparison:
    """Plans ranked by what they bill for the same usage, fees, minimum, taxes and rounding included.

    Args:
        usage: One usage; a history, as a sequence or as a mapping from periods or other names of months;
            or a mapping from tenants to one of these, of which one without months owes nothing. Each
            usage is a bill of its own; one under a ``Period`` owes that part of a cycle's fees.
        plans: The plans, or a mapping that names them. One that refuses what no balance covers is
            compared as if it billed it.

    Returns:
        The ranking; ``.why`` says line by line what each plan bills more than the best, ``.of(tenant)``
        is the ranking for one tenant, ``.cheapest()`` the best plan for each.

    Raises:
        CurrencyMismatch: If the plans are in different currencies.
        UnpricedUsage: If a plan has no price for a meter.
        InvalidUsage, InvalidPlan: For anything else that is none.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(api_calls="0.01")
    >>> found = plans(
    ...     {"red": Usage(api_calls=1000), "blue": Usage(api_calls=9000)},
    ...     {"pay as you go": BillingPlan.on_demand(prices),
    ...      "flat": BillingPlan.subscription(49, PriceSchedule(api_calls=0))},
    ... )
    >>> print(found)
       plan           total USD  more
    -  -------------  ---------  ----
    1  flat               98.00  0.00
    2  pay as you go     100.00  2.00
    <BLANKLINE>
    case   flat  pay as you go  cheapest
    ----  -----  -------------  -------------
    red   49.00          10.00  pay as you go
    blue  49.00          90.00  flat
    <BLANKLINE>
    pay as you go costs $2.00 more than flat: usage api_calls +100.00, fee -98.00
    """
    titled = named(plans)
    found = list(cases_of(usage))
    if not found:
        raise InvalidUsage("no usage to compare plans for", usage, "give one, or a list of months of them")
    bills = [(title, plan, [_bill(used, plan, case) for case, used in found]) for title, plan in titled]
    return ranked([case for case, _ in found], bills)


def what_if(usage: History, plan: BillingPlan, /, **terms: Any) -> PlanDifference:
    """The same usage on the same plan with other terms: the difference, line by line and by reason.

    Args:
        usage: As for ``plans``.
        plan: The plan as it is.
        terms: What changes, as ``BillingPlan`` calls it, or else InvalidPlan: ``prices``, ``included``, …

    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(input_tokens=3, output_tokens=15))
    >>> dearer = plan.prices | PriceSchedule(output_tokens=18)
    >>> print(what_if({"input_tokens": 2, "output_tokens": 1}, plan, prices=dearer))
    reason               line             now  changed  difference
    -------------------  -------------  -----  -------  ----------
    usage input_tokens   input_tokens    6.00     6.00        0.00
    usage output_tokens  output_tokens  15.00    18.00        3.00
    changed costs $3.00 more than now: usage output_tokens +3.00
    """
    ranking = plans(usage, {"now": plan, "changed": changed(plan, terms)}).ranking
    found = {place.name: place for place in ranking}
    return difference_of(found["now"], found["changed"])


def best_size(
    usage: History, plan_of: Callable[[Decimal], BillingPlan], sizes: Iterable[Number]
) -> Comparison:
    """The best size of a package or a commitment for a history, out of the sizes given.

    Args:
        usage: As for ``plans``.
        plan_of: The plan with a package or commitment of a size: a fee and ``included`` units, a fee and
            a fixed discount, or a ``minimum`` and lower prices.
        sizes: The sizes on offer; where any size is, those of ``sizes_at``.

    Returns:
        The plans of all sizes ranked, each named by its size; of equal ones the smallest size is best.

    >>> from tokenbill import PriceSchedule
    >>> calls = PriceSchedule(api_calls="0.03")
    >>> def package(size):
    ...     return BillingPlan.subscription(size / 50, calls, included={"api_calls": size})
    >>> history = [Usage(api_calls=900), Usage(api_calls=1000), Usage(api_calls=2500)]
    >>> best_size(history, package, [0, 1000, 2000, 3000]).best
    <1. 1000: 105.00 USD>
    """
    given = listed_of(sizes) or ()
    if not callable(plan_of):
        raise InvalidPlan("nothing that makes a plan of a size", plan_of, "give a function: size -> plan")
    return plans(usage, {digits(size): plan_of(size) for size in sorted(set(map(number, given)))})


def sizes_at(usage: History, meter: str) -> tuple[Decimal, ...]:
    """The sizes to try where any size may be had: none, and as much as each of the usages needs.

    Where the fee grows evenly with the included units, and each unit beyond them costs one rate, the cost
    of a history is a line between these sizes, so that no size is better than the best of them.

    >>> sizes_at([Usage(api_calls=900), Usage(api_calls=2500)], "api_calls")
    (Decimal('0'), Decimal('900'), Decimal('2500'))
    """
    return tuple(sorted({number(0), *(used.total(meter) for _, used in cases_of(usage))}))


def break_even(
    plan_a: BillingPlan,
    plan_b: BillingPlan,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    up_to: Number | None = None,
) -> tuple[Crossing, ...]:
    """Every quantity of one meter at which the cheaper of two plans changes, or both cost the same.

    The totals are compared exactly, before any money is rounded, so that crossings are rational numbers.
    Where both cost the same over a stretch, both of its ends are crossings. That both cost the same for
    nothing at all is none.

    Args:
        plan_a: The one plan.
        plan_b: The other.
        meter: What varies.
        usage: What else is used in the period.
        up_to: The largest quantity to look at, for curves that cross without end.

    Raises:
        CurrencyMismatch: If the plans are in different currencies.
        InvalidPrice: If the meter's price lists no pieces, as a user's own may not.
        InvalidPlan: If a plan is no curve of pieces along the meter, as ``totals.total_curve`` says, or
            the plans cross too often.
        UnpricedUsage: If a plan has no price for a meter.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(api_calls="0.01")
    >>> on_demand = BillingPlan.on_demand(prices, name="pay as you go")
    >>> pro = BillingPlan.subscription(20, prices, included={"api_calls": 5000}, name="pro")
    >>> print(*break_even(on_demand, pro, "api_calls"))
    at 2000: pay as you go below, both the same there, pro above
    """
    titled = named([plan_a, plan_b])
    curves = [total_curve(plan, meter, usage=usage) for _, plan in titled]
    found = cells(curves, _beyond(up_to))
    return tuple(
        _crossing(titled, around, at(curves[min(around[1].least)], around[1].start))
        for around in zip([None, *found], found, found[1:], strict=False)
        if around[1].start == around[1].end and around[1].start <= horizon(up_to) and _changes(*around)
    )


def envelope(
    plans: Plans,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    up_to: Number | None = None,
) -> tuple[Cheapest, ...]:
    """The cheapest plan along one meter, stretch by stretch, from zero on.

    Where several plans cost the same, a stretch goes on as long as its plan is among them; a new one
    belongs to the plan that stays among the cheapest longest.

    Args, errors and exactness are those of ``break_even``.

    >>> from tokenbill import PriceSchedule
    >>> offers = {
    ...     "pay as you go": BillingPlan.on_demand(PriceSchedule(gpu_hours=3)),
    ...     "team": BillingPlan.subscription(100, PriceSchedule(gpu_hours=2)),
    ...     "flat": BillingPlan.subscription(500, PriceSchedule(gpu_hours=0)),
    ... }
    >>> for stretch in envelope(offers, "gpu_hours"):
    ...     print(stretch)
    [0, 100] pay as you go
    (100, 200] team
    (200, ∞) flat
    """
    titled = named(plans)
    found = cells([total_curve(plan, meter, usage=usage) for _, plan in titled], up_to)
    runs = stretches(found, steady(found))
    return tuple(Cheapest(stretch, *titled[owner]) for owner, stretch in runs)


def _beyond(up_to: Number | None) -> Number | None:
    """A little more than the largest quantity to look at, so that a crossing there is seen from above."""
    return None if up_to is None else decimal(min(horizon(up_to) + 1, Fraction(LIMIT - 1)))


def _changes(below: Cell | None, here: Cell, above: Cell) -> bool:
    """Whether the cheaper plan changes at a quantity; at zero, only if another one is cheaper above it."""
    if below is None:
        return not above.least <= here.least
    return not below.least == here.least == above.least


def _crossing(titled: Named, around: tuple[Cell | None, Cell, Cell], amount: Fraction) -> Crossing:
    cheaper = [None if cell is None or len(cell.least) > 1 else titled[min(cell.least)] for cell in around]
    below, here, above = ("both the same" if pair is None else pair[0] for pair in cheaper)
    before = "" if around[0] is None else f"{below} below, "
    told = f"at {numeral(around[1].start)}: {before}{here} there, {above} above"
    first, second, third = (None if pair is None else pair[1] for pair in cheaper)
    return Crossing(around[1].start, amount, first, second, third, told)


def _bill(usage: Usage, plan: BillingPlan, case: Case) -> Bill:
    period = next((part for part in reversed(case) if isinstance(part, Period)), None)
    billed = plan if plan.overage == "bill" else evolve(plan, overage="bill")
    return Bill.of(usage, billed, period=period)
