"""A bill in the costs that FOCUS counts: its items, the credit that paid them, taxes and the rounding.

BilledCost is what the invoice asks for, EffectiveCost what the use of the period cost, whenever it was paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    plus,
    product,
    ratio,
    running_differences,
)
from tokenbill.core.rating.stages import AddTax
from tokenbill.errors import BillMismatch
from tokenbill.shared.focus.allowance import FeeMoved, allowance_costs
from tokenbill.shared.focus.costs import Cost, label_of, line_cost, priced, split
from tokenbill.shared.focus.credit import Draw, Pair, Purchases, cut_costs, money_draws
from tokenbill.shared.focus.items import Costing, costing_of, item_costs, token_costs

__all__ = ["adjustment_costs", "bill_costs", "tax_cost"]

CHARGED = ("usage", "fee", "minimum")
BESIDE = ("credit", "tax", "adjustment", "rounding")
INCLUSION = ", included in prices"

Bases = tuple[Decimal, Decimal]
"""What a tax is on, at list prices and at those of the contract."""

Charged = tuple[Cost, str | tuple[str, ...]]
"""A cost, and what scopes know its charge by."""
Groups = list[list[Cost]]
"""The costs of each item of a bill, in the order of its pairs."""


def bill_costs(bill: Bill, known: Purchases, list_prices: Any, fee: str | None) -> list[Cost]:
    """The costs of a bill; what is billed adds up to its total less what paid grants paid of it."""
    costing = costing_of(bill, known, list_prices, fee)
    # Items and the lines beside them come to the total, unless the bill is a document of older code.
    beside = [line.precise for line in bill.lines if line.kind in BESIDE]
    total = exact_sum([*(pair.change("net") for pair in costing.pairs), *beside])
    if total != bill.total:
        raise BillMismatch("the total", bill.total, decimal(total))

    groups = [item_costs(costing, place) for place in range(len(costing.pairs))]
    prepaid = [
        *(_allowances(costing) if costing.fees else ()),
        *token_costs(costing),
    ]
    known_as = [pair.after.identity.known_as for pair in costing.pairs]
    charged = [(cost, name) for costs, name in zip(groups, known_as, strict=True) for cost in costs]
    notes = _notes(costing, [*charged, *((cost, cost.kind) for cost in prepaid)])
    groups = _without_dust(costing, groups, notes)
    drawn = money_draws(bill, costing.delta, costing.pairs, known)
    groups, notes = _less_credit(costing, groups, notes, drawn)
    rounding = _rounding(costing, [*chain(*groups), *notes], drawn)

    # A fee that pays for what the plan includes has no cost of its own: that is with the units.
    for place, moved in costing.fees.items():
        groups[place] = _moved(costing.pairs[place], groups[place], moved)
    return [*chain(*groups), *prepaid, *notes, *rounding, *cut_costs(bill, known)]


def _allowances(costing: Costing) -> list[Cost]:
    before = None if costing.bill.opening.is_fresh else costing.before
    return allowance_costs(costing.now, before, [*costing.fees.values()], final=costing.bill.final)


def _moved(pair: Pair, costs: Sequence[Cost], fee: FeeMoved) -> list[Cost]:
    """The costs of a fee without what is with the units that it covers."""
    moved = [cost._replace(effective=decimal(difference(cost.effective, cost.amount))) for cost in costs]
    # An amendment may bring the first allowance: then what an earlier bill left with the fee moves, too.
    rest = decimal(difference(difference(*fee), exact_sum(cost.amount for cost in costs)))
    if rest:
        text = f"{pair.after.name}, moved to what it covers"
        cost = Cost("Adjustment", "fee", text).within(pair.version, pair.part)
        moved.append(cost._replace(effective=decimal(difference(ZERO, rest))))
    return moved


def _notes(costing: Costing, charges: Sequence[Charged]) -> list[Cost]:
    """What stands for itself: promotional credit, and taxes on the charges."""
    notes: list[Cost] = []
    taxes = _tax_bases(costing, charges)
    for line in costing.bill.lines:
        amount, text = decimal(line.precise), line.description
        if line.kind == "credit":
            # Promotional credit that a bill takes back is owed, and no credit.
            category = "Credit" if amount < 0 else "Adjustment"
            notes.append(Cost(category, "credit", text, flat=(amount, amount)).worth(amount))
        elif line.kind == "adjustment":  # of a past that is rated anew, what was billed for it
            notes.append(Cost("Adjustment", "adjustment", text, flat=(amount, amount)).worth(amount))
        elif line.kind == "tax":
            # of a tax per unit no price says what it would be on
            at_list, contracted = taxes[text].pop(0) if text in taxes else (amount, amount)
            cost = tax_cost(text)
            if cost.category != "Tax":
                at_list, contracted = (decimal(difference(ZERO, base)) for base in (at_list, contracted))
            notes.append(cost._replace(flat=(at_list, contracted)).worth(amount))
    return notes


def tax_cost(text: str) -> Cost:
    """The cost of a line of a tax, without its amounts."""
    # A tax that prices include is taken out of them by an adjustment, in every column.
    is_included = text.endswith(INCLUSION)
    return Cost("Adjustment", "included tax", text) if is_included else Cost("Tax", "tax", text)


def _tax_bases(costing: Costing, charges: Sequence[Charged]) -> dict[str, list[Bases]]:
    """For the lines of each tax its list and contracted costs, less promotional credit: it is not taxed."""
    compiled = costing.now.plan
    cells = compiled.cells
    taxable = [
        (cost, cells.of(known_as, cost.meter, version=cost.version))
        for cost, known_as in charges
        if cost.kind in CHARGED
    ]
    promotional = [
        (
            pair.change("promotional"),
            cells.of(pair.after.identity.known_as, pair.after.meter, version=pair.version),
        )
        for pair in costing.pairs
    ]
    # The stages say what a tax is of each charge; a cell met for the first time is known to them by now.
    bases: dict[str, list[Bases]] = {}
    for stage in compiled.terms().settling:
        if isinstance(stage, AddTax):
            off = exact_sum(product(amount, stage.parts[cell]) for amount, cell in promotional)
            at_list = exact_sum(product(cost.list_cost, stage.parts[cell]) for cost, cell in taxable)
            contracted = exact_sum(product(cost.contracted_cost, stage.parts[cell]) for cost, cell in taxable)
            both = decimal(difference(at_list, off)), decimal(difference(contracted, off))
            for charge in filter(None, (stage.charge, stage.included)):
                bases.setdefault(charge.description, []).append(both)

    # A tax whose rate changes has a line of one name for each rate; a bill has those that it changed.
    shown = Counter(line.description for line in costing.bill.lines if line.kind == "tax")
    for name, parts in bases.items():
        if shown[name] != len(parts):
            together = [decimal(exact_sum(amounts)) for amounts in zip(*parts, strict=True)]
            bases[name] = [(together[0], together[1]), *[(ZERO, ZERO)] * len(parts)]
    return bases


def _without_dust(costing: Costing, groups: Groups, notes: Sequence[Cost]) -> Groups:
    """Where nothing is rounded, the last digit of amounts that do not end goes to the last charge."""
    costs = [*chain(*groups), *notes]
    dust = decimal(difference(costing.bill.total, exact_sum(cost.amount for cost in costs)))
    own = [at for at, group in enumerate(groups) if group and at not in costing.fees]
    if not dust or not own or any(line.kind == "rounding" for line in costing.bill.lines):
        return groups
    *rest, last = groups[own[-1]]
    last = last.worth(decimal(plus(last.amount, dust)))
    return [[*rest, last] if at == own[-1] else group for at, group in enumerate(groups)]


def _less_credit(
    costing: Costing, groups: Groups, notes: Sequence[Cost], drawn: Sequence[Draw]
) -> tuple[Groups, list[Cost]]:
    """Charges and taxes less what paid grants paid of them."""
    paid, value = exact_sum(each.amount for each in drawn), exact_sum(each.value for each in drawn)
    if not paid:
        return groups, list(notes)

    # Of each item a grant pays first its own amount and then its taxes: both whole, if it paid all of it.
    left: Exact = ZERO
    charges: Groups = []
    for place, group in enumerate(groups):
        pair = costing.pairs[place]
        part = exact_sum(each.parts[place] for each in drawn)
        price = exact_sum(ratio(product(each.parts[place], each.value), each.amount) for each in drawn)
        own = difference(pair.net_change, pair.change("promotional"))
        net, tax = own, pair.change("tax")
        if not part or part != pair.change("gross"):
            net = min(part, max(own, ZERO))
            tax = difference(part, net)
        costs, rest = _less(group, net, ratio(price, part) if part else ONE)
        charges.append(costs)
        left = plus(left, plus(rest, tax))

    owed = [cost for cost in notes if cost.category != "Credit" and cost.billed > 0]
    reduced, left = _less(owed, left, ratio(value, paid))
    by_id = dict(zip(map(id, owed), reduced, strict=True))
    # What is left still was paid for charges that promotional credit paid before it moved to others.
    for place, group in enumerate(charges):
        charges[place], left = _less(group, left, ratio(value, paid))
    return charges, [by_id.get(id(cost), cost) for cost in notes]


def _less(costs: Sequence[Cost], paid: Exact, value: Exact) -> tuple[list[Cost], Exact]:
    """Costs less what is paid of them, one after the other, and what is left of that money.

    Each unit of it had cost *value*.
    """
    is_all = bool(paid) and paid == exact_sum(cost.billed for cost in costs)
    reduced: list[Cost] = []
    for cost in costs:
        part = cost.billed if is_all else decimal(min(paid, max(cost.billed, ZERO)))
        reduced.append(cost.less(part, decimal(product(part, value))))
        paid = difference(paid, part)
    return reduced, paid


def _rounding(costing: Costing, costs: Sequence[Cost], drawn: Sequence[Draw]) -> list[Cost]:
    """What is between the costs and the bill: its rounding, and what credit paid of that."""
    paid, value = exact_sum(each.amount for each in drawn), exact_sum(each.value for each in drawn)
    due = difference(costing.bill.total, paid)
    amount = decimal(difference(costing.bill.total, exact_sum(cost.amount for cost in costs)))
    billed = decimal(difference(due, exact_sum(cost.billed for cost in costs)))
    effective = decimal(difference(plus(due, value), exact_sum(cost.effective for cost in costs)))
    cost = Cost("Adjustment", "rounding", "rounding", flat=(amount, amount), amount=amount)
    return [cost._replace(billed=billed, effective=effective)] if amount or billed or effective else []


def adjustment_costs(note: Adjustment) -> list[Cost]:
    """The costs of a correction, the difference of two bills."""
    charges = [line for line in note.lines if line.kind in CHARGED]
    parts = [(line, part) for line in charges for part in priced(line, {}, ONE)]
    weights = [part.weight for _, part in parts]
    # FOCUS has no rows for discounts and limits: what they changed is spread over the charges.
    spread = exact_sum(line.precise for line in note.lines if line.kind in ("discount", "maximum"))
    amounts = split(decimal(plus(exact_sum(weights), spread)), weights) or running_differences(weights)
    costs: list[Cost] = []
    for at, ((line, part), amount) in enumerate(zip(parts, amounts, strict=True)):
        cost = line_cost(line.kind, line, part).worth(amount)
        if cost.category == "Usage":  # a line of several parts was consumed once
            is_first = at == 0 or parts[at - 1][0] is not line
            cost = cost._replace(consumed=(line.quantity or ZERO) if is_first else ZERO)
        costs.append(cost)

    for line in note.lines:
        if line.kind in ("credit", "tax"):
            amount = decimal(line.precise)
            is_tax = line.kind == "tax" and not label_of(line).endswith(INCLUSION)
            category = "Credit" if line.kind == "credit" else "Tax" if is_tax else "Adjustment"
            costs.append(Cost(category, line.kind, line.description, flat=(amount, amount)).worth(amount))
    rest = decimal(difference(note.total, exact_sum(cost.amount for cost in costs)))
    rounding = Cost("Adjustment", "rounding", "rounding", flat=(rest, rest)).worth(rest)
    return [*costs, rounding] if rest else costs
