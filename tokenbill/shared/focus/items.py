"""The items of a bill in costs: each in parts of one unit price, discounts folded in, before credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.base.quoting import listed
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import currency
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    product,
    ratio,
    running_differences,
)
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.bill_request import used_in
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.lines import Charge, LineItem, less
from tokenbill.core.rating.statement import RatedCharge, plain_lines
from tokenbill.core.rating.version_terms import VersionTerms
from tokenbill.errors import CurrencyMismatch, InvalidPlan
from tokenbill.shared.focus.allowance import FeeMoved, covering, within_allowance
from tokenbill.shared.focus.costs import Cost, Listed, Priced, line_cost, priced, split
from tokenbill.shared.focus.credit import Draw, Market, Pair, Purchases, token_draws
from tokenbill.shared.focus.stretches import ItemKey, RatedPeriod, periods_of

__all__ = [
    "Costing",
    "costing_of",
    "discounted",
    "item_costs",
    "listed_lines",
    "parts_cost",
    "public_plan",
    "shift",
    "shown_lines",
    "token_costs",
]

HUNDRED = Decimal(100)
PERIODS = {
    "day": "Days",
    "week": "Weeks",
    "month": "Months",
    "quarter": "Quarters",
    "year": "Years",
    "listed": "Periods",
}


class Costing(NamedTuple):
    """A bill, and what its costs are worked out from.

    ``now`` is its period as the bill leaves it. ``fees`` are those that pay for what the plan includes, by
    place, each with what it comes to after the bill and before it;
    ``used`` is what this bill adds by item, and ``lines`` what that costs in the unit of the schedule, both
    without what a fee covers.
    """

    bill: Bill
    delta: BillDelta
    now: RatedPeriod
    before: RatedPeriod
    pairs: Sequence[Pair]
    fees: Mapping[int, FeeMoved]
    used: Mapping[ItemKey, Exact]
    lines: Mapping[ItemKey, Sequence[LineItem]]
    listed: Listed
    known: Purchases
    tokens: Sequence[Draw]

    @property
    def plan(self) -> BillingPlan:
        """The terms; of several versions those of the last."""
        return self.bill.plan

    def terms(self, pair: Pair) -> BillingPlan:
        """The terms of an item."""
        return self.now.terms(pair.version)

    def used_of(self, pair: Pair) -> Exact:
        """What this bill adds to the usage of an item, without what a fee covers."""
        return self.used.get(pair.key, ZERO)

    def uncovered(self, place: int) -> Decimal:
        """What the bill adds to the tokens of an item that no credit covers."""
        drawn = exact_sum(drawn.parts[place] for drawn in self.tokens)
        return decimal(difference(self.pairs[place].change("tokens"), drawn))

    def used_by_draw(self, place: int) -> list[Decimal]:
        """What was used of an item, by the draws on it in order, and last what was sold."""
        used = decimal(self.used_of(self.pairs[place]))
        weights = [*(drawn.parts[place] for drawn in self.tokens), self.uncovered(place)]
        return split(used, weights) or [*(ZERO for _ in self.tokens), used]


def costing_of(bill: Bill, known: Purchases, list_prices: Any, fee: str | None) -> Costing:
    """What the costs of a bill are worked out from: its period after it, less the period before it."""
    delta, now, before = periods_of(bill)
    pairs = _pairs(now, before)

    fees = [each.name for version in now.plan.versions for each in version.fees]
    if fee and fees and fee not in fees:
        raise InvalidPlan("not a fee of the plan", fee, f"name one of {listed(fees)}")
    # The units that a fee covers have rows of their own, so neither they nor their line count here.
    names, names_before = covering(now, fee), covering(before, fee)
    is_covered = bool(names or names_before)
    used, lines = _beyond_allowance(now, is_covered=is_covered)
    used_before, lines_before = _beyond_allowance(before, is_covered=is_covered)
    if bill.opening.is_fresh:
        lines_before = {}
    public = None if list_prices is None else public_plan(bill.plan, bill.period, list_prices)
    return Costing(
        bill,
        delta,
        now,
        before,
        pairs,
        _fees(pairs, names, names_before),
        {key: difference(used.get(key, ZERO), used_before.get(key, ZERO)) for key in {*used, *used_before}},
        {key: less(lines.get(key, ()), lines_before.get(key, ())) for key in {*lines, *lines_before}},
        {} if public is None else listed_lines(public, used_in(bill.request)),
        known,
        token_draws(bill, delta, pairs, known),
    )


def _pairs(now: RatedPeriod, before: RatedPeriod) -> list[Pair]:
    """The items of a period with what each was before the bill."""
    # Of an item that is gone from the period, nothing is left: its pair takes back what was billed.
    earlier = {before.key(item.key, item.versions[0]): item for item in before.charges}
    pairs = list[Pair]()
    for item in now.charges:
        version = item.versions[0]
        key = now.key(item.key, version)
        pairs.append(Pair(item, earlier.pop(key, None), key, version, now.part_of(item.versions)))
    for key, item in earlier.items():
        version = now.version_at(key[1])
        gone = RatedCharge(item.identity, [])
        pairs.append(Pair(gone, item, key, version, now.part_of((version,))))
    return pairs


def _fees(pairs: Sequence[Pair], names: frozenset[str], names_before: frozenset[str]) -> dict[int, FeeMoved]:
    """What of each fee is with the units that it covers, after the bill and before it."""
    found: dict[int, FeeMoved] = {}
    for place, (now, before, *_) in enumerate(pairs):
        is_covering = now.kind == "fee" and any(line.description in names for line in now.lines)
        was = before is not None and any(line.description in names_before for line in before.lines)
        if is_covering or (was and now.kind == "fee"):
            found[place] = (
                decimal(now.net) if is_covering else ZERO,
                decimal(before.net) if before is not None and was else ZERO,
            )
    return found


def public_plan(plan: BillingPlan, period: Period | None, list_prices: Any) -> CompiledPlan:
    """The prices of a public schedule, with the units that a plan includes in a period."""
    unit = plan.pricing_unit
    if currency(getattr(list_prices, "currency", unit)) != unit:
        raise CurrencyMismatch(list_prices.currency, unit)
    public = BillingPlan(list_prices, included=plan.free_units, prorate_included=plan.prorate_included)
    share = plan.share(period)
    return CompiledPlan(public, versions=[VersionTerms(public, share, share)])


def listed_lines(public: CompiledPlan, usage: Usage) -> Listed:
    """The lines of usage at list prices."""
    return {(line.meter, line.description): line for line in plain_lines(public, usage)}


def _beyond_allowance(
    period: RatedPeriod, *, is_covered: bool
) -> tuple[dict[ItemKey, Exact], dict[ItemKey, Sequence[LineItem]]]:
    """What was used by item, and its lines, without what a fee covers, which is the first line."""
    allowances = within_allowance(period) if is_covered else {}
    used: dict[ItemKey, Exact] = {}
    lines: dict[ItemKey, Sequence[LineItem]] = {}
    for stretch in period.stretches():
        key, allowance = stretch.key, allowances.get(stretch.key)
        used[key] = difference(stretch.used, allowance.used) if allowance else stretch.used
        has_one = allowance is not None and period.allowance(stretch.version, stretch.item.curve.key)
        lines[key] = stretch.lines_beyond if has_one else stretch.item.lines
    return used, lines


def item_costs(costing: Costing, place: int) -> list[Cost]:
    """The costs of one item; together they come to what the bill adds to it.

    That is a difference over time, so that a period adds up however it is cut.
    """
    pair = costing.pairs[place]
    item, net, used = pair.after, pair.net_change, costing.used_of(pair)
    if item.meter is not None and costing.plan.token_price is not None:
        return [cost.within(pair.version, pair.part) for cost in _sold(costing, place, net)]
    lines = less(item.lines, pair.before.lines) if pair.before else item.lines
    if item.meter is not None:
        lines = shown_lines(item.meter, costing.lines.get(pair.key, ()), used)
    terms = costing.terms(pair)
    factor = discounted(item, terms)
    parts = [(line, part) for line in lines for part in priced(line, costing.listed, factor)]
    weights = [part.weight for _, part in parts]
    # Discounts, limits and rounding by line moved the net away from the parts; they share it by weight.
    amounts = split(net, weights)
    costs = parts_cost(item, parts, amounts or running_differences(weights), used, terms)
    moved = [] if amounts or not net else [shift(item, net)]
    return [cost.within(pair.version, pair.part) for cost in (*costs, *moved)]


def shown_lines(meter: Meter, lines: Sequence[LineItem], used: Exact) -> Sequence[LineItem]:
    """The lines of what was used of an entry, or one that costs nothing."""
    # What is used may cost nothing more, as inside a package that was begun; it still has a row.
    free = LineItem(Charge("usage", meter, str(meter)), None, ZERO, ZERO)
    return lines or ([free] if used else [])


def parts_cost(
    item: RatedCharge,
    parts: Sequence[tuple[LineItem, Priced]],
    amounts: Sequence[Decimal],
    used: Exact,
    plan: BillingPlan,
) -> list[Cost]:
    """The costs of the lines of one item in parts, which come to these amounts, under its terms."""
    costs: list[Cost] = []
    for (line, part), amount in zip(parts, amounts, strict=True):
        cost = line_cost(item.kind, line, part).worth(amount)
        own = getattr(item.identity.of, "fee", None)
        cycle = own.cycle if own is not None and own.cycle is not None else plan.cycle
        # A fee for half a month is 0.5 Months at the monthly fee.
        if cost.kind == "fee" and cycle is not None and cost.unit is None:
            cost = cost._replace(unit=PERIODS[cycle.unit], per=Decimal(cycle.every))
        costs.append(cost)
    return _consumed(costs, [part for _, part in parts], used)


def discounted(item: RatedCharge, plan: BillingPlan) -> Exact:
    """What percent discounts leave of the price of an item."""
    factor: Exact = ONE
    # FOCUS: ContractedUnitPrice carries negotiated percentages only; fixed amounts lower BilledCost.
    for discount in plan.discounts:
        if discount.unit == "percent" and item.kind != "minimum" and item.within(discount.on):
            factor = product(factor, ratio(difference(HUNDRED, discount.value), HUNDRED))
    return factor


def shift(item: RatedCharge, amount: Decimal) -> Cost:
    """What a discount or a limit moved to an item that this bill has no line for."""
    text = f"{item.meter or item.name}, share of discounts and limits"
    return Cost("Adjustment", item.kind, text, item.meter, flat=(amount, amount)).worth(amount)


def _consumed(costs: Sequence[Cost], parts: Sequence[Priced], used: Exact) -> list[Cost]:
    """Costs with what was consumed: as lines say, if these make up what was used; else the first has all."""
    quantities = [part.used or ZERO for part in parts]
    if exact_sum(quantities) != used:
        quantities = [decimal(used), *(ZERO for _ in parts[1:])]
    return [
        cost._replace(consumed=quantity) if cost.category == "Usage" else cost
        for cost, quantity in zip(costs, quantities, strict=True)
    ]


def _sold(costing: Costing, place: int, net: Decimal) -> list[Cost]:
    """The tokens of an item that no credit covers, at the token price."""
    pair = costing.pairs[place]
    rest, used = costing.uncovered(place), costing.used_by_draw(place)[-1]
    if not (rest or net or used):
        return []
    price, meter = costing.terms(pair).token_price, pair.after.meter
    gross = decimal(pair.after.lines[0].precise) if pair.after.lines else ZERO
    if pair.before and pair.before.lines:
        gross = decimal(difference(gross, pair.before.lines[0].precise))
    # Only a price per unit has a rate; a token price of blocks is priced by its amount.
    charge = Charge("usage", meter, f"{meter}, overage")
    if isinstance(price, PerUnit):
        charge = Charge("usage", meter, f"{meter}, overage", price.rate, price.per)
    line = LineItem(charge, rest, gross, gross)
    (part,) = priced(line, {}, discounted(pair.after, costing.terms(pair)))
    cost = line_cost("usage", line, part).worth(net)
    unit = "Credits" if isinstance(price, PerUnit) else part.unit
    return [cost._replace(unit=unit, consumed=used)]


def token_costs(costing: Costing) -> list[Cost]:
    """The tokens that credit covers: nothing billed, and for cost what the credit was bought for."""
    costs: list[Cost] = []
    for at, drawn in enumerate(costing.tokens):
        values = split(drawn.value, drawn.parts) or [ZERO] * len(drawn.parts)
        for place, tokens in enumerate(drawn.parts):
            if tokens:
                costs += _token_costs_of(costing, place, at, values[place])
    return costs


def _token_costs_of(costing: Costing, place: int, at: int, value: Decimal) -> list[Cost]:
    """What one grant paid of an item: in units of service if it paid all of it; else in tokens."""
    pair, drawn = costing.pairs[place], costing.tokens[at]
    tokens, meter = drawn.parts[place], pair.after.meter
    lines = costing.lines.get(pair.key, ()) if meter is not None else ()
    parts = [(line, part) for line in lines for part in priced(line, {}, ONE)]
    # FOCUS wants drawn units of service where it can: GPU hours paid with credits are GPU hours.
    is_rated = all(part.used is not None for _, part in parts)
    is_all = tokens == pair.change("tokens") == exact_sum(part.weight for _, part in parts)
    if not (is_rated and is_all):
        charge = Charge("usage", meter, f"{meter or pair.after.name}, paid with {drawn.grant.id}", ONE, ONE)
        line = LineItem(charge, tokens, tokens, tokens)
        parts = [(line, part._replace(label="in credits", unit="Credits")) for part in priced(line, {}, ONE)]

    # The unit price in money is tokens for a unit times money for a token, both as the row shows them.
    market = Market(costing.known, costing.plan.currency, costing.plan)
    at_list, price = market.per_credit(drawn.grant)
    values = split(value, [part.weight for _, part in parts]) or [value]
    costs: list[Cost] = []
    for (line, part), effective in zip(parts, values, strict=True):
        cost = line_cost("usage", line, part)
        rate = cost.price or ZERO
        costs.append(
            cost._replace(
                list_price=decimal(product(rate, at_list)),
                price=decimal(product(rate, price)),
                token=(drawn.grant.currency.code, rate, decimal(part.weight)),
                effective=effective,
            )
        )
    costs = _consumed(costs, [part for _, part in parts], costing.used_by_draw(place)[at])
    return [cost.within(pair.version, pair.part) for cost in costs]
