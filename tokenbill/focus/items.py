"""The items of a bill in costs: each in parts of one unit price, discounts folded in, before credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import currency
from tokenbill.core.money.decimals import ONE, ZERO, Exact, decimal, difference, product, ratio
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.rating.charges import entry_lines, usage_lines
from tokenbill.core.rating.compiled import Compiled
from tokenbill.core.rating.increment import Increment, used_in, with_statements
from tokenbill.core.rating.lines import Charge, LineItem, less
from tokenbill.core.rating.work import Item
from tokenbill.errors import CurrencyMismatch
from tokenbill.focus.allowance import card_of, covering, used_by, within_allowance
from tokenbill.focus.costs import Cost, Listed, Priced, apart, line_cost, priced, split, sum_of
from tokenbill.focus.credit import Drawn, Market, Pair, Purchases, tokens_drawn

__all__ = ["Case", "case_of", "item_costs", "shift", "token_costs"]

HUNDRED = Decimal(100)
PERIODS = {"day": "Days", "week": "Weeks", "month": "Months", "quarter": "Quarters", "year": "Years"}


class Case(NamedTuple):
    """A bill, and what its costs are worked out from.

    ``fees`` are those that pay for what the plan includes; ``used`` is what this bill adds by entry, and
    ``lines`` what that costs in the unit of the schedule, both without what a fee covers.
    """

    bill: Bill
    pairs: Sequence[Pair]
    fees: Sequence[Pair]
    used: Mapping[Meter, Exact]
    lines: Mapping[Meter, Sequence[LineItem]]
    listed: Listed
    known: Purchases
    tokens: Sequence[Drawn]

    @property
    def plan(self) -> BillingPlan:
        """The terms."""
        return self.bill.plan


def case_of(bill: Bill, known: Purchases, list_prices: Any, fee: str | None) -> Case:
    """What the costs of a bill are worked out from: its period after it, less the period before it."""
    added = with_statements(bill.added, bill.given, card_of(bill))
    pairs = _pairs(bill, added)
    fees = covering(bill, pairs, fee)
    used, lines = _beyond(bill, used_in(bill.given), fees)
    before, earlier = _beyond(bill, bill.opening.used, fees)
    if bill.opening.is_fresh:
        earlier = {}
    return Case(
        bill,
        pairs,
        fees,
        {key: difference(used.get(key, ZERO), before.get(key, ZERO)) for key in {*used, *before}},
        {key: less(lines.get(key, ()), earlier.get(key, ())) for key in {*lines, *earlier}},
        _listed(bill, list_prices),
        known,
        tokens_drawn(bill, added, pairs, known),
    )


def _pairs(bill: Bill, added: Increment) -> list[Pair]:
    """The items of the period as they are and as they were; of what is gone, nothing is left."""
    after, before = _items(bill, added)
    earlier = {item.key: item for item in before}
    pairs = [Pair(item, earlier.pop(item.key, None)) for item in after]
    return [*pairs, *(Pair(Item(item.kind, item.meter, item.name, []), item) for item in earlier.values())]


def _items(bill: Bill, added: Increment) -> tuple[Sequence[Item], Sequence[Item]]:
    if added.after is not None:
        return added.after.items, added.before.items if added.before else ()
    card, opening = card_of(bill), bill.opening
    return _priced(card, used_in(bill.given)), () if opening.is_fresh else _priced(card, opening.used)


def _priced(card: Compiled, usage: Usage) -> list[Item]:
    return [Item("usage", rate.key, rate.order, lines) for rate, lines in entry_lines(card, usage) if lines]


def _beyond(
    bill: Bill, usage: Usage, fees: Sequence[Pair]
) -> tuple[dict[Meter, Exact], dict[Meter, Sequence[LineItem]]]:
    """What was used by entry, and its lines, without what a fee covers, which is the first line."""
    card = card_of(bill)
    cells = within_allowance(card, usage) if fees else {}
    free = {key: cell.used for key, cell in cells.items()}
    used = {key: difference(units, free.get(key, ZERO)) for key, units in used_by(card, usage).items()}
    lines = {rate.key: lines[1:] if rate.key in cells else lines for rate, lines in entry_lines(card, usage)}
    return used, lines


def _listed(bill: Bill, list_prices: Any) -> Listed:
    """The lines of the period's usage at list prices, by meter and description."""
    if list_prices is None:
        return {}
    plan = bill.plan
    if currency(getattr(list_prices, "currency", plan.pricing_unit)) != plan.pricing_unit:
        raise CurrencyMismatch(list_prices.currency, plan.pricing_unit)
    public = BillingPlan(list_prices, included=plan.included, prorate_included=plan.prorate_included)
    card = Compiled(public, plan.share(bill.period))
    return {(line.meter, line.description): line for line in usage_lines(card, used_in(bill.given))}


def item_costs(case: Case, place: int) -> list[Cost]:
    """The costs of one item; together they come to what the bill adds to it.

    That is a difference over time, so that a period adds up however it is cut.
    """
    pair = case.pairs[place]
    net = pair.added
    if pair.after.meter is not None and case.plan.token_price is not None:
        return _sold(case, place, net)
    parts = _parts(case, pair)
    weights = [part.weight for _, part in parts]
    amounts = split(net, weights)
    moved = [] if amounts or not net else [shift(pair.after, net)]
    costs = [
        line_cost(pair.after.kind, line, part).worth(amount)
        for (line, part), amount in zip(parts, amounts or apart(weights), strict=True)
    ]
    costs = [_by_period(case.plan, cost) if cost.kind == "fee" else cost for cost in costs]
    return [*_consumed(costs, [part for _, part in parts], _used(case, pair)), *moved]


def shift(item: Item, amount: Decimal) -> Cost:
    """What a discount or a limit moved to an item that this bill has no line for."""
    text = f"{item.meter or item.name}, share of discounts and limits"
    return Cost("Adjustment", item.kind, text, item.meter, flat=(amount, amount)).worth(amount)


def _parts(case: Case, pair: Pair) -> list[tuple[LineItem, Priced]]:
    item = pair.after
    if item.meter is not None:
        # what is used may cost nothing more, as inside a package that was begun
        free = LineItem(Charge("usage", item.meter, str(item.meter)), None, ZERO, ZERO)
        lines = case.lines.get(item.meter, ()) or ([free] if _used(case, pair) else [])
    else:
        lines = less(item.lines, pair.before.lines) if pair.before else item.lines
    factor = _factor(case.plan, item)
    return [(line, part) for line in lines for part in priced(line, case.listed, factor)]


def _factor(plan: BillingPlan, item: Item) -> Exact:
    """What percent discounts leave of the price of an item."""
    factor: Exact = ONE
    for discount in plan.discounts:
        if discount.unit == "percent" and item.kind != "minimum" and item.within(discount.on):
            factor = product(factor, ratio(difference(HUNDRED, discount.value), HUNDRED))
    return factor


def _by_period(plan: BillingPlan, cost: Cost) -> Cost:
    """A fee in billing periods, where the plan has a cycle and the cost a quantity of them."""
    if plan.cycle is None or cost.unit is not None:
        return cost
    return cost._replace(unit=PERIODS[plan.cycle.unit], per=Decimal(plan.cycle.every))


def _used(case: Case, pair: Pair) -> Exact:
    meter = pair.after.meter
    return ZERO if meter is None else case.used.get(meter, ZERO)


def _consumed(costs: Sequence[Cost], parts: Sequence[Priced], used: Exact) -> list[Cost]:
    """Costs with what was consumed: as lines say, if these make up what was used; else the first has all."""
    told = [part.used or ZERO for part in parts]
    if sum_of(told) != used:
        told = [decimal(used), *(ZERO for _ in parts[1:])]
    return [
        cost._replace(consumed=quantity) if cost.category == "Usage" else cost
        for cost, quantity in zip(costs, told, strict=True)
    ]


# tokens: the unit that a schedule may be in


def _sold(case: Case, place: int, net: Decimal) -> list[Cost]:
    """The tokens of an item that no credit covers, at the token price."""
    pair = case.pairs[place]
    rest, used = _rest(case, place), _uses(case, place)[-1]
    if not (rest or net or used):
        return []
    price, meter = case.plan.token_price, pair.after.meter
    gross = decimal(pair.after.lines[0].precise) if pair.after.lines else ZERO
    if pair.before:
        gross = decimal(difference(gross, pair.before.lines[0].precise))
    charge = Charge("usage", meter, f"{meter}, overage")
    if isinstance(price, PerUnit):
        charge = Charge("usage", meter, f"{meter}, overage", price.rate, price.per)
    line = LineItem(charge, rest, gross, gross)
    (part,) = priced(line, {}, _factor(case.plan, pair.after))
    cost = line_cost("usage", line, part).worth(net)
    unit = "Credits" if isinstance(price, PerUnit) else part.unit
    return [cost._replace(unit=unit, consumed=used)]


def _rest(case: Case, place: int) -> Decimal:
    """What the bill adds to the tokens of an item that no credit covers."""
    drawn = sum_of(drawn.parts[place] for drawn in case.tokens)
    return decimal(difference(case.pairs[place].growth("tokens"), drawn))


def _uses(case: Case, place: int) -> list[Decimal]:
    """What was used of an item, by the draws on it in order, and last what was sold."""
    used = decimal(_used(case, case.pairs[place]))
    weights = [*(drawn.parts[place] for drawn in case.tokens), _rest(case, place)]
    return split(used, weights) or [*(ZERO for _ in case.tokens), used]


def token_costs(case: Case) -> list[Cost]:
    """The tokens that credit covers: nothing billed, and for cost what the credit was bought for."""
    values = [split(drawn.value, drawn.parts) or [ZERO] * len(drawn.parts) for drawn in case.tokens]
    return [
        cost
        for at, drawn in enumerate(case.tokens)
        for place, tokens in enumerate(drawn.parts)
        if tokens
        for cost in _drawn(case, place, at, values[at][place])
    ]


def _drawn(case: Case, place: int, at: int, value: Decimal) -> list[Cost]:
    """What one grant paid of an item: in units of service if it paid all of it; else in tokens."""
    pair, drawn = case.pairs[place], case.tokens[at]
    tokens, meter = drawn.parts[place], pair.after.meter
    lines = case.lines.get(meter, ()) if meter is not None else ()
    parts = [(line, part) for line in lines for part in priced(line, {}, ONE)]
    weights = [part.weight for _, part in parts]
    is_rated = all(part.used is not None for _, part in parts)
    if not (is_rated and tokens == pair.growth("tokens") == sum_of(weights)):
        charge = Charge("usage", meter, f"{meter}, paid with {drawn.grant.id}", ONE, ONE)
        line = LineItem(charge, tokens, tokens, tokens)
        parts = [(line, part._replace(label="in credits", unit="Credits")) for part in priced(line, {}, ONE)]
        weights = [tokens]
    values = split(value, weights) or [value]
    costs = [
        _in_tokens(case, drawn, line_cost("usage", line, part), part.weight)._replace(effective=cost)
        for (line, part), cost in zip(parts, values, strict=True)
    ]
    return _consumed(costs, [part for _, part in parts], _uses(case, place)[at])


def _in_tokens(case: Case, drawn: Drawn, cost: Cost, tokens: Exact) -> Cost:
    """A cost priced in tokens, with what these were bought for."""
    at_list, price = Market(case.known, case.plan.currency, case.plan).per_credit(drawn.grant)
    rate = cost.price or ZERO
    return cost._replace(
        list_price=decimal(product(rate, at_list)),
        price=decimal(product(rate, price)),
        token=(drawn.grant.currency.code, rate, decimal(tokens)),
    )
