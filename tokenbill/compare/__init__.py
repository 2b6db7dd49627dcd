"""Compare: which plan is cheaper, where that changes, how large a package is best, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from attrs import field, frozen

from tokenbill.compare.ranking import (
    Comparison,
    LineDifference,
    PlanDifference,
    RankedPlan,
    difference_of,
    ranking_of,
)
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.tables import Listing, digits, html_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.dated import is_dated
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import LIMIT, Number, decimal, number
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.curves import at
from tokenbill.errors import InvalidPlan, InvalidUsage
from tokenbill.shared.break_even import QuantityRange, cells, horizon, numeral, quantity_ranges, steady
from tokenbill.shared.marginal_cost import (
    PriceBreak,
    affordable_quantities,
    cliffs,
    marginal_cost,
    next_breakpoint,
    quantity_for,
)
from tokenbill.shared.plan_curve import NO_USAGE, total_curve
from tokenbill.shared.usage_history import (
    Plans,
    Scenario,
    Terms,
    UsageHistory,
    named_plans,
    scenarios,
    with_terms,
)

__all__ = [
    "BreakEvenPoint",
    "CheapestPlan",
    "Comparison",
    "LineDifference",
    "PlanDifference",
    "PriceBreak",
    "RankedPlan",
    "Scenario",
    "QuantityRange",
    "UsageHistory",
    "affordable_quantities",
    "best_size",
    "break_even",
    "candidate_sizes",
    "cheapest_plans",
    "cliffs",
    "marginal_cost",
    "next_breakpoint",
    "plans",
    "quantity_for",
    "what_if",
]


@frozen(repr=False)
class BreakEvenPoint:
    """Where the cheaper of two plans changes, and what the cheaper one costs there, exactly.

    *below*, *at* and *above* are the cheaper plan just below the quantity, at it, and just above it;
    None where both cost the same, and below zero.
    """

    quantity: Fraction
    amount: Fraction
    below: Terms | None
    at: Terms | None
    above: Terms | None
    summary: str = field(default="", eq=False)

    def titles(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """What the cells are called, and which of them are numbers."""
        return ("quantity", "amount", "cheaper"), (0, 1)

    def cells(self) -> tuple[str, ...]:
        """The point as a row of a table."""
        return numeral(self.quantity), numeral(self.amount), self.summary.partition(": ")[2]

    def _repr_html_(self) -> str:
        header, numbers = self.titles()
        return html_table(header, [self.cells()], numbers=numbers)

    def __str__(self) -> str:
        return self.summary

    def __repr__(self) -> str:
        return f"<BreakEvenPoint {self.summary}>"


@frozen(repr=False)
class CheapestPlan:
    """A *plan*, its *name* in the answer, and the *quantities* for which none is cheaper."""

    quantities: QuantityRange
    name: str
    plan: Terms

    @property
    def start(self) -> Fraction:
        """Where the quantities begin."""
        return self.quantities.start

    @property
    def end(self) -> Fraction | None:
        """Where they end; None where they do not."""
        return self.quantities.end

    def titles(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """What the cells are called, and which of them are numbers."""
        return ("quantities", "cheapest"), ()

    def cells(self) -> tuple[str, ...]:
        """The answer as a row: quantities, and the name of the plan."""
        return str(self.quantities), self.name

    def __str__(self) -> str:
        return f"{self.quantities} {self.name}"

    def __repr__(self) -> str:
        return f"<CheapestPlan {self}>"


def plans(usage: UsageHistory, plans: Plans) -> Comparison:
    """Plans ranked by what they bill for the same usage, fees, minimum, taxes and rounding included.

    Args:
        usage: One usage; a history, as a sequence or as a mapping from periods or other names of months;
            or a mapping from tenants to one of these, of which one without months owes nothing. Each
            usage is a bill of its own; one under a ``Period`` owes that part of a cycle's fees. Where terms
            change within a ``Period``, its usage is a mapping from dates.
        plans: The plans or contracts, or a mapping that names them. One that refuses what no balance covers
            is compared as if it billed it.

    Returns:
        The ranking; ``.why`` says line by line what each plan bills more than the best, ``.of(tenant)``
        is the ranking for one tenant, ``.cheapest()`` the best plan for each.

    Raises:
        CurrencyMismatch: If the plans are in different currencies.
        UnpricedUsage: If a plan has no price for a meter.
        InvalidUsage: If it is not usage, or an empty history.
        InvalidPlan: For anything else than plans.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(api_calls="0.01")
    >>> comparison = plans(
    ...     {"red": Usage(api_calls=1000), "blue": Usage(api_calls=9000)},
    ...     {"pay as you go": BillingPlan.on_demand(prices),
    ...      "flat": BillingPlan.subscription(49, PriceSchedule(api_calls=0))},
    ... )
    >>> print(comparison)
       plan           total USD  more
    -  -------------  ---------  ----
    1  flat               98.00  0.00
    2  pay as you go     100.00  2.00
    <BLANKLINE>
    scenario   flat  pay as you go  cheapest
    --------  -----  -------------  -------------
    red       49.00          10.00  pay as you go
    blue      49.00          90.00  flat
    <BLANKLINE>
    pay as you go costs $2.00 more than flat: usage api_calls +100.00, fee -98.00
    """
    offers, history = named_plans(plans), list(scenarios(usage))
    if not history:
        raise InvalidUsage("a history without usage", usage, "give a usage, or a list of months")
    bills: list[tuple[str, Terms, list[Bill]]] = []
    for name, plan in offers:
        # Where nobody has a balance, a plan that refuses overage would have no bill to compare.
        billed = with_terms(plan, {"overage": "bill"})
        bills.append((name, plan, []))
        for scenario, used in history:
            # A month under its Period owes that part of a cycle's fees; under another name, all of them.
            period = next((part for part in reversed(scenario) if isinstance(part, Period)), None)
            bills[-1][-1].append(Bill.of(used, billed, period=period))
    return ranking_of([scenario for scenario, _ in history], bills)


def what_if(usage: UsageHistory, plan: Terms, /, **terms: Any) -> PlanDifference:
    """The same usage on the same plan with other terms: the difference, line by line and by reason.

    Args:
        usage: As for ``plans``.
        plan: The plan as it is, or a contract, of which every version changes.
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
    comparison = plans(usage, {"now": plan, "changed": with_terms(plan, terms)})
    by_name = {ranked.name: ranked for ranked in comparison.ranking}
    return difference_of(by_name["now"], by_name["changed"])


def best_size(
    usage: UsageHistory, plan_of: Callable[[Decimal], BillingPlan], sizes: Iterable[Number]
) -> Comparison:
    """The best size of a package or a commitment for a history, out of the *sizes* on offer.

    Args:
        usage: As for ``plans``.
        plan_of: The plan with a package or commitment of a size: a fee and ``included`` units, a fee and
            a fixed discount, or a ``minimum`` and lower prices.
        sizes: The sizes on offer; where any size is, those of ``candidate_sizes``.

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
    if not callable(plan_of):
        raise InvalidPlan("not a plan for each size", plan_of, "give a function: size -> plan")
    # Sorted, so that of sizes that cost the same the smallest wins, which binds the least money.
    offers = sorted({number(size) for size in listed_of(sizes) or ()})
    return plans(usage, {digits(size): plan_of(size) for size in offers})


def candidate_sizes(usage: UsageHistory, meter: str) -> tuple[Decimal, ...]:
    """The sizes to try where any size may be had: none, and as much as each of the usages needs.

    Where the fee grows evenly with the included units, and each unit beyond them costs one rate, the cost
    of a history is a line between these sizes, so that no size is better than the best of them.

    >>> candidate_sizes([Usage(api_calls=900), Usage(api_calls=2500)], "api_calls")
    (Decimal('0'), Decimal('900'), Decimal('2500'))
    """
    # The cost of a history is piecewise linear in the size, and its corners are the usages of months.
    sizes = {number(0)}
    for _, used in scenarios(usage):
        dated: Any = used
        parts = dated.values() if is_dated(dated) else (dated,)
        sizes.add(sum(map(Usage, parts), NO_USAGE).total(meter))
    return tuple(sorted(sizes))


def break_even(
    plan_a: Terms,
    plan_b: Terms,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    up_to: Number | None = None,
    period: Period | None = None,
) -> tuple[BreakEvenPoint, ...]:
    """Every quantity of one meter at which the cheaper of two plans changes, or both cost the same.

    The totals are compared exactly, before any money is rounded, so that such a quantity is a rational
    number. Where both cost the same over a range, both of its ends count. That both cost the same for
    nothing at all does not.

    Args:
        plan_a: The one plan.
        plan_b: The other.
        meter: What varies.
        usage: What else is used in the period.
        up_to: The largest quantity to look at, for curves that cross without end.
        period: The service period, where fees or the version of the terms depend on it.

    Raises:
        CurrencyMismatch: If the plans are in different currencies.
        InvalidPrice: If the meter's price lists no pieces, as a user's own may not.
        InvalidPlan: If an amount is spread over charges that later terms tell apart, so that a plan is no
            curve along the meter, the plans cross too often, or terms change within the period: then a
            quantity has no one total.
        UnpricedUsage: If a plan has no price for a meter.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(api_calls="0.01")
    >>> on_demand = BillingPlan.on_demand(prices, name="pay as you go")
    >>> pro = BillingPlan.subscription(20, prices, included={"api_calls": 5000}, name="pro")
    >>> print(*break_even(on_demand, pro, "api_calls"))
    at 2000: pay as you go below, both the same there, pro above
    """
    offers = named_plans([plan_a, plan_b])
    curves = [total_curve(plan, meter, usage=usage, period=period) for _, plan in offers]
    # Whether the plans cross at the last quantity shows only above it, so look one unit further.
    last = horizon(up_to)
    beyond = None if up_to is None else decimal(min(last + 1, Fraction(LIMIT - 1)))
    steps = cells(curves, beyond)

    points: list[BreakEvenPoint] = []
    for below, here, above in zip([None, *steps], steps, steps[1:], strict=False):
        # From zero on there is nothing below; there it is a point only if a plan wins just above it.
        is_same = above.least <= here.least if below is None else below.least == here.least == above.least
        if here.start != here.end or here.start > last or is_same:
            continue
        sides = [
            None if step is None or len(step.least) > 1 else offers[min(step.least)]
            for step in (below, here, above)
        ]
        names = ["both the same" if side is None else side[0] for side in sides]
        before = "" if below is None else f"{names[0]} below, "
        amount = at(curves[min(here.least)], here.start)
        cheaper_below, cheaper_at, cheaper_above = (None if side is None else side[1] for side in sides)
        summary = f"at {numeral(here.start)}: {before}{names[1]} there, {names[2]} above"
        points.append(BreakEvenPoint(here.start, amount, cheaper_below, cheaper_at, cheaper_above, summary))
    return Listing(points)


def cheapest_plans(
    plans: Plans,
    meter: str,
    *,
    usage: Usage | Quantities = NO_USAGE,
    up_to: Number | None = None,
    period: Period | None = None,
) -> tuple[CheapestPlan, ...]:
    """The cheapest plan for every quantity of one meter, from zero on.

    Where several plans cost the same, a plan goes on as long as it is among them; after it comes the one
    that stays among the cheapest longest.

    Args, errors and exactness are those of ``break_even``.

    >>> from tokenbill import PriceSchedule
    >>> offers = {
    ...     "pay as you go": BillingPlan.on_demand(PriceSchedule(gpu_hours=3)),
    ...     "team": BillingPlan.subscription(100, PriceSchedule(gpu_hours=2)),
    ...     "flat": BillingPlan.subscription(500, PriceSchedule(gpu_hours=0)),
    ... }
    >>> for cheapest in cheapest_plans(offers, "gpu_hours"):
    ...     print(cheapest)
    [0, 100] pay as you go
    (100, 200] team
    (200, ∞) flat
    """
    offers = named_plans(plans)
    steps = cells([total_curve(plan, meter, usage=usage, period=period) for _, plan in offers], up_to)
    # Ties go to the plan that lasts: who follows the answer should not have to change for nothing.
    ranges = quantity_ranges(steps, steady(steps))
    return Listing(CheapestPlan(part, *offers[place]) for place, part in ranges)
