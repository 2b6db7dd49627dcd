"""Rating: the stages by which usage becomes a bill, in order, with the reason for each place.

The bill of a period is worked out on all of its usage; what earlier bills charged is subtracted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from tokenbill.core.base.tables import shortest
from tokenbill.core.money.decimals import ONE, ZERO, Exact, decimal, difference, plus, product, ratio
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.plans.terms import Discount, Tax
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.rating.charges import entry_lines, fee_line
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.core.rating.work import (
    Asked,
    Item,
    Statement,
    Work,
    paid_of,
    together,
    total_net,
)

__all__ = ["STAGES", "rate"]

HUNDRED = Decimal(100)


def rate(asked: Asked) -> Statement:
    """A period so far, stage by stage."""
    work = Work(asked)
    for stage in STAGES:
        stage(work)
    return Statement(work.lines, work.items, work.total(), work.draws)


def price_fees(work: Work) -> None:
    """Fees as given, those in arrears with the last bill."""
    seen = Counter[str]()
    for fee in work.plan.fees:
        seen[fee.name] += 1
        if fee.due == "advance" or work.asked.final:
            # two fees may have one name, and what one of them grew by is asked later
            name = fee.name if seen[fee.name] == 1 else f"{fee.name} #{seen[fee.name]}"
            work.add(Item("fee", None, name, [fee_line(fee, work.asked.fee_share)]))


def price_usage(work: Work) -> None:
    """Units, allowance and price are one curve for each entry, read on the period's whole usage."""
    for entry, lines in entry_lines(work.card, work.asked.usage):
        if lines:
            item = Item("usage", entry.key, entry.name, lines)
            if work.plan.token_price is None:
                work.add(item)
            else:
                work.items.append(item)


def burn_tokens(work: Work) -> None:
    """Whole tokens, paid from the balance in line order; the rest as one quantity on the token price."""
    price, places = work.plan.token_price, work.plan.pricing_unit.places
    if price is None:
        return
    burned = [item for item in work.items if item.kind == "usage"]
    _count_tokens(work, burned, places)
    drawn = work.pay("tokens", burned, "tokens", places)
    # a replay to the last digit may hold less than the whole tokens that were drawn
    rests = [max(difference(item.tokens, paid_of(drawn, item.key)), ZERO) for item in burned]
    _sell_tokens(work, burned, rests, work.whole(amount_at(price, together(rests))))


def _count_tokens(work: Work, items: Iterable[Item], places: int) -> None:
    """Whole tokens that add up to the rounded sum; each entry rounded where lines are."""
    rounding = Rounding(places, mode=work.plan.rounding.mode)
    exact: Exact = ZERO
    for item in items:
        if work.asked.exact:
            item.tokens = item.net
            continue
        upto = rounding(plus(exact, item.net))
        item.tokens = (
            rounding(item.net) if work.card.whole_lines else decimal(difference(upto, rounding(exact)))
        )
        exact = plus(exact, item.net)


def _sell_tokens(work: Work, items: Sequence[Item], rests: Sequence[Exact], money: Exact) -> None:
    """The money for the rest, spread over the entries in proportion to it."""
    for item, rest in zip(items, rests, strict=True):
        item.net = rest
    whole = total_net(items)
    if whole:
        work.spread_over(money, items)
    elif money:
        charge = Charge("usage", None, "tokens", rule="due though no token is left to pay")
        work.add(Item("usage", None, "tokens", [LineItem(charge, None, decimal(money), money)]))
    for item, rest in zip(items, rests, strict=True):
        item.lines = [_token_line(work, item, rest)]
        work.lines += item.lines


def _token_line(work: Work, item: Item, rest: Exact) -> LineItem:
    unit, tokens = work.plan.pricing_unit.code, decimal(item.tokens)
    rule = f"{tokens:f} {unit}, of which {decimal(rest):f} are not covered by the balance"
    charge = Charge("usage", item.meter, item.lines[0].description.partition(",")[0], rule=rule)
    return LineItem(charge, tokens, decimal(item.net), item.net)


def take_off_discounts(work: Work) -> None:
    """Discounts in the order given, each on what is left; before the maximum, which looks at what is owed."""
    for discount in work.plan.discounts:
        items = work.scoped(discount.on)
        before = total_net(items)
        if discount.unit == "percent":
            _percent_off(work, items, discount)
        elif items:
            work.spread(min(_scaled(work, discount.value), before), items)
        off = difference(before, total_net(items))
        if off:
            work.note("discount", discount.name, difference(ZERO, off), _told(work, discount, before))


def _told(work: Work, discount: Discount, before: Exact) -> str:
    base = shortest(decimal(before))
    if discount.unit == "percent":
        return f"less {shortest(discount.value)} % of {base}"
    return f"less {_part(work, discount.value)} of {base}"


def _part(work: Work, amount: Decimal) -> str:
    """An amount for a period as a sum: with the part of the period that is billed."""
    share = work.asked.share
    return shortest(amount) if share == 1 else f"{shortest(amount)} × {share}"


def _percent_off(work: Work, items: Iterable[Item], discount: Discount) -> None:
    for item in items:
        off = work.whole(ratio(product(item.net, discount.value), Decimal(100)))
        item.net = difference(item.net, off)


def _scaled(work: Work, amount: Decimal) -> Exact:
    """An amount for a whole billing period, for the part that is billed."""
    return work.whole(product(amount, work.asked.share))


def hold_to_maximum(work: Work) -> None:
    """What is over the maximum is spread like a discount; before the minimum, which lifts what is left."""
    if work.plan.maximum is None:
        return
    before = total_net(work.items)
    over = difference(before, _scaled(work, work.plan.maximum))
    if over > 0:
        work.spread(over, work.scoped(None))
        rule = f"{_part(work, work.plan.maximum)} − {shortest(decimal(before))}"
        work.note("maximum", "maximum", difference(ZERO, over), rule)


def lift_to_minimum(work: Work) -> None:
    """The true-up, when the period closes; before credit, which may pay it, and tax, which it owes."""
    if work.plan.minimum is None or not work.asked.final:
        return
    short = difference(_scaled(work, work.plan.minimum), total_net(work.items))
    if short > 0:
        rule = f"{_part(work, work.plan.minimum)} − {shortest(decimal(total_net(work.items)))}"
        charge = Charge("minimum", None, "true-up to minimum", rule=rule)
        work.add(Item("minimum", None, "minimum", [LineItem(charge, None, decimal(short), short)]))


def cut_into_units(work: Work) -> None:
    """Whole minor units that add up to the rounded net: credit pays in these."""
    shown, exact = ZERO, total_net(())
    for item in work.items:
        if work.asked.exact:
            item.units = item.net
            continue
        exact = plus(exact, item.net)
        upto = work.plan.rounding(exact, work.card.places)
        item.units = decimal(difference(upto, shown))
        shown = upto


def draw_gifts(work: Work) -> None:
    """Promotional credit, which lowers what is taxed."""
    drawn = work.pay("promotional", work.items, "units", work.card.places)
    for item in work.items:
        item.gift = paid_of(drawn, item.key)
    for id, parts in drawn.items():
        paid = together(parts.values())
        work.note("credit", f"credit {id}", difference(ZERO, paid), "promotional credit")


def add_taxes(work: Work) -> None:
    """Each tax on the exact net of its charges, without what inclusive taxes contain; none compounds."""
    bases = [_base(work, item) for item in work.items]
    for tax in work.plan.taxes:
        owed = _owed(work, tax, bases)
        amount = max(_sum(owed), ZERO)
        if not work.asked.exact:
            amount = work.plan.rounding(amount, work.card.places)
        net = [base for item, base in zip(work.items, bases, strict=True) if item.within(tax.on)]
        work.note("tax", tax.name, amount, f"{shortest(tax.percent)} % of {shortest(together(net))}")
        if tax.inclusive:
            work.note("tax", f"{tax.name}, included in prices", difference(ZERO, amount), "prices contain it")
        elif amount:
            work.tax(amount, [max(part, ZERO) for part in owed])


def _base(work: Work, item: Item) -> Exact:
    """What is taxed of an item: what is left after credit, without the taxes that its price includes."""
    included = [tax.percent for tax in work.plan.taxes if tax.inclusive and item.within(tax.on)]
    taxed = difference(item.net, item.gift)
    if work.asked.exact:
        taxed = max(taxed, ZERO)
    return ratio(taxed, plus(ONE, ratio(together(included), HUNDRED))) if included else taxed


def _owed(work: Work, tax: Tax, bases: Iterable[Exact]) -> list[Exact]:
    """What a tax comes to on each charge: rounded there, where taxes are by line."""
    rounding, places, rate = work.plan.rounding, work.card.places, ratio(tax.percent, HUNDRED)
    pairs = zip(work.items, bases, strict=True)
    owed = [product(base, rate) if item.within(tax.on) else ZERO for item, base in pairs]
    by_line = rounding.tax == "line" and not work.asked.exact
    return [rounding(max(part, ZERO), places) for part in owed] if by_line else owed


def _sum(amounts: Iterable[Exact]) -> Exact:
    total: Exact = ZERO
    for amount in amounts:
        total = plus(total, amount)
    return total


STAGES: tuple[Callable[[Work], None], ...] = (
    price_fees,  # fees lead the bill, in the order in which the plan gives them
    price_usage,  # units, allowance and price are one curve, so tiers are read once a period
    burn_tokens,  # a balance in tokens pays before money is spoken of
    take_off_discounts,  # on money, each on what the ones before left
    hold_to_maximum,  # compares with what is owed after discounts
    lift_to_minimum,  # last of the charges: it lifts what is left of all others
    cut_into_units,  # credit pays whole minor units, which add up to the rounded net
    draw_gifts,  # a gift lowers what is taxed
    add_taxes,  # on the exact net, each rounded once
)
"""What remains is to settle: the net is rounded once, and paid credit pays the bill (`account`)."""
