"""Charges: what usage costs by entry, with the lines that show it, and what a fee comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

from attrs import evolve

from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO, Exact, decimal, difference, plus, product
from tokenbill.core.plans.terms import Fee
from tokenbill.core.pricing.breakdown import PriceComponent, rule_of
from tokenbill.core.pricing.tiers import Graduated
from tokenbill.core.rating.compiled import Compiled
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.core.rating.prepared import Rate

__all__ = ["entry_lines", "fee_line", "quantities_of", "rounded_lines", "usage_lines"]


def usage_lines(card: Compiled, usage: Usage) -> list[LineItem]:
    """The lines of a period's whole usage: entries by key, groups by key, tiers in order."""
    quantities = quantities_of(card, usage)
    if len(quantities) == 1:
        (rate,) = quantities
        return _priced(rate, Decimal(quantities[rate]))
    return [
        line for rate in sorted(quantities, key=_order) for line in _priced(rate, Decimal(quantities[rate]))
    ]


def entry_lines(card: Compiled, usage: Usage) -> Iterator[tuple[Rate, Sequence[LineItem]]]:
    """The same, entry by entry."""
    quantities = quantities_of(card, usage)
    for rate in sorted(quantities, key=_order):
        yield rate, _priced(rate, Decimal(quantities[rate]))


def quantities_of(card: Compiled, usage: Usage) -> dict[Rate, int | Decimal]:
    """What was used under each entry and group, those included that cost something for nothing."""
    quantities: dict[Rate, int | Decimal] = dict.fromkeys(card.always, 0) if card.always else {}
    for meter, quantity in usage.counted.items():
        rate = card[meter]
        quantities[rate] = EXACT.add(quantities[rate], quantity) if rate in quantities else quantity
    return quantities


_order = attrgetter("order")
_multiply, _divide = EXACT.multiply, EXACT.divide


def _priced(rate: Rate, quantity: Decimal) -> list[LineItem]:
    """The lines of one entry; a price for each unit makes one, at a charge that never changes."""
    if rate.unit is not None and "" in rate.charges:
        amount = _multiply(quantity, rate.unit)
        if rate.per is not None:
            amount = _divide(amount, rate.per)
        return [LineItem(rate.charges[""], quantity, amount, amount)]
    if type(rate.price) is Graduated and quantity:
        top, units, owed = rate.price.tier_reached(quantity)
        rungs = rate.rungs or _rungs(rate, rate.price)
        return [*rungs[:top], _item(rungs[top].charge, units, owed)]
    return [_line(rate, component) for component in rate.price.breakdown(quantity)]


def _rungs(rate: Rate, price: Graduated) -> list[LineItem]:
    """The lines of tiers used up: the same on each bill, so made once."""
    rate.rungs = [_line(rate, component) for component in price.full_tiers]
    return rate.rungs


def _line(rate: Rate, component: PriceComponent) -> LineItem:
    return _item(_charge(rate, component, component.label), component.quantity, component.amount)


def _item(charge: Charge, quantity: Exact, amount: Exact) -> LineItem:
    if type(amount) is Decimal and type(quantity) is Decimal:
        return LineItem(charge, quantity, amount, amount)
    return LineItem(charge, decimal(quantity), decimal(amount), amount)


def _charge(rate: Rate, component: PriceComponent, label: str) -> Charge:
    """What a component is charged for; while rate and fee are the same objects, the one made before."""
    known = rate.charges.get(label)
    if (
        known is not None
        and known.rate is component.rate
        and known.fee is component.fee
        and known.per is component.per
    ):
        return known
    description = f"{rate.key}, {label}" if label else str(rate.key)
    price = None if component.rate is None else decimal(component.rate)
    fee = decimal(component.fee)
    rule = _rule(rate) if price is not None or fee else ""
    made = Charge("usage", rate.key, description, price, component.per, component.round, fee, rule)
    rate.charges[label] = made
    return made


def _rule(rate: Rate) -> str:
    """What the price of a rate does, told once."""
    if not rate.rule:
        rate.rule = rule_of(rate.price)
    return rate.rule


def rounded_lines(card: Compiled, lines: Iterable[LineItem]) -> list[LineItem]:
    """The lines of one entry in whole minor units: the entry is rounded, its lines cut from that."""
    running: Exact = ZERO
    shown, cut = ZERO, list[LineItem]()
    for line in lines:
        running = plus(running, line.precise)
        upto = card.plan.rounding(running, card.places)
        amount = decimal(difference(upto, shown))
        cut.append(evolve(line, amount=amount, precise=amount))
        shown = upto
    return cut


def fee_line(fee: Fee, share: Fraction) -> LineItem:
    """The line of a fee for a part of a billing period."""
    part = share if fee.prorated else Fraction(share > 0)
    amount = product(fee.amount, part)
    rule = f"{part} of the period" if part != 1 else ""
    charge = Charge("fee", None, fee.name, fee.amount, per=None, rule=rule)
    return LineItem(charge, decimal(part), decimal(amount), amount)
