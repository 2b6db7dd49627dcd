"""A bill in the costs that FOCUS counts: its items, the credit that paid them, taxes and the rounding."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.scopes import covers
from tokenbill.core.money.decimals import ONE, ZERO, Exact, decimal, difference, plus, product, ratio
from tokenbill.core.plans.terms import Tax
from tokenbill.core.rating.lines import Adjustment, LineItem
from tokenbill.errors import BillMismatch
from tokenbill.focus.allowance import allowance_costs, token_rate
from tokenbill.focus.costs import Cost, apart, label_of, line_cost, priced, split, sum_of
from tokenbill.focus.credit import Drawn, Purchases, cut_costs, money_drawn
from tokenbill.focus.items import Case, case_of, item_costs, token_costs

__all__ = ["adjustment_costs", "bill_costs"]

HUNDRED = Decimal(100)
CHARGED = ("usage", "fee", "minimum")
INCLUSION = ", included in prices"

Groups = list[list[Cost]]
"""The costs of each item of a case, in the order of its pairs."""


def bill_costs(bill: Bill, known: Purchases, list_prices: Any, fee: str | None) -> list[Cost]:
    """The costs of a bill; what is billed adds up to its total less what paid grants paid of it."""
    case = case_of(bill, known, list_prices, fee)
    _check(case)
    groups = [item_costs(case, place) for place in range(len(case.pairs))]
    beside = [*(allowance_costs(bill, case.fees, token_rate(bill)) if case.fees else ()), *token_costs(case)]
    notes = _notes(case, [*_flat(groups), *beside])
    groups = _without_dust(case, groups, notes)
    drawn = money_drawn(bill, case.pairs, known)
    groups, notes = _paid(case, groups, notes, drawn)
    rounding = _rounding(case, [*_flat(groups), *notes], drawn)
    return [*_flat(_moved(case, groups)), *beside, *notes, *rounding, *cut_costs(bill, known)]


def _check(case: Case) -> None:
    """The items and the lines beside them come to the total; a stored bill may be of older code."""
    beside = [line.precise for line in case.bill.lines if line.kind in ("credit", "tax", "rounding")]
    found = sum_of([*(pair.growth("net") for pair in case.pairs), *beside])
    if found != case.bill.total:
        raise BillMismatch("the total", case.bill.total, decimal(found))


def _flat(groups: Groups) -> list[Cost]:
    return [cost for group in groups for cost in group]


def _moved(case: Case, groups: Groups) -> Groups:
    """Fees that pay for what the plan includes have no cost of their own: that is with the units."""
    return [
        [cost._replace(effective=decimal(difference(cost.effective, cost.amount))) for cost in group]
        if pair in case.fees
        else group
        for pair, group in zip(case.pairs, groups, strict=True)
    ]


def _notes(case: Case, charges: Sequence[Cost]) -> list[Cost]:
    """What stands for itself: promotional credit, and taxes on the charges."""
    found: list[Cost] = []
    for line in case.bill.lines:
        amount = decimal(line.precise)
        if line.kind == "credit":
            # what a bill takes back of a gift is owed, and no credit
            category = "Credit" if amount < 0 else "Adjustment"
            found.append(Cost(category, "credit", line.description, flat=(amount, amount)).worth(amount))
        elif line.kind == "tax":
            found.append(_tax(case, line, charges).worth(amount))
    return found


def _tax(case: Case, line: LineItem, charges: Sequence[Cost]) -> Cost:
    """A tax; one that prices include is taken out of them by an adjustment, in every column."""
    taxes = {tax.name: tax for tax in case.plan.taxes}
    tax = taxes.get(line.description)
    if tax is not None:
        base = _base(case, tax, charges)
        return Cost("Tax", "tax", line.description, flat=base)
    at_list, contracted = _base(case, taxes[line.description.removesuffix(INCLUSION)], charges)
    flat = decimal(difference(ZERO, at_list)), decimal(difference(ZERO, contracted))
    return Cost("Adjustment", "included tax", line.description, flat=flat)


def _base(case: Case, tax: Tax, charges: Sequence[Cost]) -> tuple[Decimal, Decimal]:
    """The tax on list costs and on contracted costs, less the gifts that lowered what is taxed."""
    gifts = sum_of(
        product(pair.growth("gift"), _percent(case, tax, pair.after.kind, pair.after.meter))
        for pair in case.pairs
    )
    rates = [(cost, _percent(case, tax, cost.kind, cost.meter)) for cost in charges if cost.kind in CHARGED]
    at_list = sum_of(product(cost.list_cost, rate) for cost, rate in rates)
    contracted = sum_of(product(cost.contracted_cost, rate) for cost, rate in rates)
    return decimal(difference(at_list, gifts)), decimal(difference(contracted, gifts))


def _percent(case: Case, tax: Tax, kind: str, meter: Any) -> Exact:
    """The part of a charge that a tax is, what inclusive taxes contain taken out."""
    if not covers(tax.on, kind, meter):
        return ZERO
    within = [each.percent for each in case.plan.taxes if each.inclusive and covers(each.on, kind, meter)]
    return ratio(tax.percent, plus(HUNDRED, sum_of(within)))


def _without_dust(case: Case, groups: Groups, notes: Sequence[Cost]) -> Groups:
    """Where nothing is rounded, the last digit of amounts that do not end goes to the last charge."""
    costs = [*_flat(groups), *notes]
    dust = decimal(difference(case.bill.total, sum_of(cost.amount for cost in costs)))
    own = [at for at, pair in enumerate(case.pairs) if groups[at] and pair not in case.fees]
    if not dust or not own or any(line.kind == "rounding" for line in case.bill.lines):
        return groups
    *rest, last = groups[own[-1]]
    last = last.worth(decimal(plus(last.amount, dust)))
    return [[*rest, last] if at == own[-1] else group for at, group in enumerate(groups)]


def _paid(
    case: Case, groups: Groups, notes: Sequence[Cost], drawn: Sequence[Drawn]
) -> tuple[Groups, list[Cost]]:
    """Charges and taxes less what paid grants paid of them: of each item first its own amount."""
    paid, value = sum_of(each.amount for each in drawn), sum_of(each.value for each in drawn)
    if not paid:
        return groups, list(notes)
    found, left = _paid_items(case, groups, drawn)
    owed = [cost for cost in notes if cost.category != "Credit" and cost.billed > 0]
    reduced, left = _less(owed, left, ratio(value, paid))
    known = dict(zip(map(id, owed), reduced, strict=True))
    again: Groups = []
    for group in found:  # what a gift that moved to another item no longer pays
        costs, left = _less(group, left, ratio(value, paid))
        again.append(costs)
    return again, [known.get(id(cost), cost) for cost in notes]


def _paid_items(case: Case, groups: Groups, drawn: Sequence[Drawn]) -> tuple[Groups, Exact]:
    """Charges less what was paid of them, and what was paid beyond them: of taxes."""
    left: Exact = ZERO
    found: Groups = []
    for place, group in enumerate(groups):
        paid = sum_of(each.parts[place] for each in drawn)
        value = sum_of(ratio(product(each.parts[place], each.value), each.amount) for each in drawn)
        net, tax = _net_and_tax(case, place, paid)
        costs, rest = _less(group, net, ratio(value, paid) if paid else ONE)
        found.append(costs)
        left = plus(left, plus(rest, tax))
    return found, left


def _net_and_tax(case: Case, place: int, paid: Exact) -> tuple[Exact, Exact]:
    """What was paid of an item's own amount, and then of its taxes: all of both, if all was paid."""
    pair = case.pairs[place]
    own = difference(pair.added, pair.growth("gift"))
    if paid and paid == pair.growth("gross"):
        return own, pair.growth("tax")
    net = min(paid, max(own, ZERO))
    return net, difference(paid, net)


def _less(costs: Sequence[Cost], paid: Exact, value: Exact) -> tuple[list[Cost], Exact]:
    """Costs less what is paid of them, one after the other, and what is left of that money.

    Each unit of it had cost *value*.
    """
    is_all = bool(paid) and paid == sum_of(cost.billed for cost in costs)
    found: list[Cost] = []
    for cost in costs:
        part = cost.billed if is_all else decimal(min(paid, max(cost.billed, ZERO)))
        found.append(cost.less(part, decimal(product(part, value))))
        paid = difference(paid, part)
    return found, paid


def _rounding(case: Case, costs: Sequence[Cost], drawn: Sequence[Drawn]) -> list[Cost]:
    """What is between the costs and the bill: its rounding, and what credit paid of that."""
    paid, value = sum_of(each.amount for each in drawn), sum_of(each.value for each in drawn)
    due = difference(case.bill.total, paid)
    amount = decimal(difference(case.bill.total, sum_of(cost.amount for cost in costs)))
    billed = decimal(difference(due, sum_of(cost.billed for cost in costs)))
    effective = decimal(difference(plus(due, value), sum_of(cost.effective for cost in costs)))
    cost = Cost("Adjustment", "rounding", "rounding", flat=(amount, amount), amount=amount)
    return [cost._replace(billed=billed, effective=effective)] if amount or billed or effective else []


# the difference of two bills


def adjustment_costs(note: Adjustment) -> list[Cost]:
    """The costs of a correction; what discounts and limits changed is spread over the charges."""
    charges = [line for line in note.lines if line.kind in CHARGED]
    folded = sum_of(line.precise for line in note.lines if line.kind in ("discount", "maximum"))
    parts = [(line, part) for line in charges for part in priced(line, {}, ONE)]
    weights = [part.weight for _, part in parts]
    whole = sum_of(weights)
    amounts = split(decimal(plus(whole, folded)), weights)
    costs = [
        line_cost(line.kind, line, part).worth(amount)
        for (line, part), amount in zip(parts, amounts or apart(weights), strict=True)
    ]
    others = [line for line in note.lines if line.kind in ("credit", "tax")]
    costs = [*_with_use(costs, [line for line, _ in parts]), *map(_stand_alone, others)]
    rest = decimal(difference(note.total, sum_of(cost.amount for cost in costs)))
    rounding = Cost("Adjustment", "rounding", "rounding", flat=(rest, rest)).worth(rest)
    return [*costs, rounding] if rest else costs


def _with_use(costs: Sequence[Cost], lines: Sequence[LineItem]) -> list[Cost]:
    """Costs with what their lines counted, each line once."""
    found: list[Cost] = []
    for at, (cost, line) in enumerate(zip(costs, lines, strict=True)):
        counted = line.quantity or ZERO
        again = at > 0 and lines[at - 1] is line
        found.append(cost._replace(consumed=ZERO if again else counted) if cost.category == "Usage" else cost)
    return found


def _stand_alone(line: LineItem) -> Cost:
    amount = decimal(line.precise)
    is_tax = line.kind == "tax" and not label_of(line).endswith(INCLUSION)
    category = "Credit" if line.kind == "credit" else "Tax" if is_tax else "Adjustment"
    return Cost(category, line.kind, line.description, flat=(amount, amount)).worth(amount)
