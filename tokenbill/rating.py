"""Rating: usage becomes the lines of a bill, stage by stage.

The stages, and why each stands where it does:

1. *units → allowance → price*: prices are curves over the period's whole usage, so that tiers,
   allowances and packages are read once, wherever the period is cut into bills.
2. *settle*: money is rounded once, after everything exact is known; what that changes is a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

from attrs import evolve

from tokenbill.compiled import Compiled, Rate
from tokenbill.decimals import EXACT, ZERO, Exact, decimal, difference, plus
from tokenbill.lines import Charge, LineItem, exact_sum, telescoped
from tokenbill.portions import Portion
from tokenbill.price import Price
from tokenbill.tiers import Graduated
from tokenbill.usage import Usage

__all__ = ["exact_of", "settled_lines", "statement", "total_of"]


def statement(card: Compiled, usage: Usage) -> list[LineItem]:
    """The lines of a period's whole usage, before they are settled: entries by key, groups by key, tiers in order."""
    quantities: dict[Rate, int | Decimal] = dict.fromkeys(card.always, 0)
    for meter, quantity in usage.counted.items():
        rate = card[meter]
        quantities[rate] = EXACT.add(quantities[rate], quantity) if rate in quantities else quantity
    rates = sorted(quantities, key=_order) if len(quantities) > 1 else quantities
    lines: list[LineItem] = []
    for rate in rates:
        priced = _priced(rate, Decimal(quantities[rate]))
        lines += priced if card.simple else _rounded(card, priced)
    return lines


_order = attrgetter("order")
_multiply = EXACT.multiply


def _priced(rate: Rate, quantity: Decimal) -> Sequence[LineItem]:
    """The lines of one entry; a price for each unit makes one, at a charge that never changes."""
    if rate.unit is not None and "" in rate.charges:
        amount = _multiply(quantity, rate.unit)
        return (LineItem(rate.charges[""], quantity, amount, amount),)
    if type(rate.price) is Graduated:
        top, reached = rate.price.reached(quantity)
        return [*_whole(rate, rate.price)[:top], _line(rate, reached)]
    return [_line(rate, portion) for portion in rate.price.portions(quantity)]


def _whole(rate: Rate, price: Graduated) -> list[LineItem]:
    """The lines of tiers used up: the same on each bill, so made once."""
    if not rate.whole:
        rate.whole = [_line(rate, portion) for portion in price.full()]
    return rate.whole


def _line(rate: Rate, portion: Portion) -> LineItem:
    amount, quantity = portion.amount, portion.quantity
    if type(amount) is Decimal and type(quantity) is Decimal:
        return LineItem(_charge(rate, portion, portion.label), quantity, amount, amount)
    return LineItem(_charge(rate, portion, portion.label), decimal(quantity), decimal(amount), amount)


def _charge(rate: Rate, portion: Portion, label: str) -> Charge:
    """What a portion is charged for; while rate and fee are the same objects, the one made before."""
    known = rate.charges.get(label)
    if (
        known is not None
        and known.rate is portion.rate
        and known.fee is portion.fee
        and known.per is portion.per
    ):
        return known
    description = f"{rate.key}, {label}" if label else str(rate.key)
    price = None if portion.rate is None else decimal(portion.rate)
    fee = decimal(portion.fee)
    made = Charge("usage", rate.key, description, price, portion.per, portion.round, fee, rule_of(rate.price))
    rate.charges[label] = made
    return made


def rule_of(price: Price) -> str:
    """What a price does, in the first sentence of its own words."""
    return (type(price).__doc__ or type(price).__name__).strip().partition("\n")[0].replace("`", "")


def _rounded(card: Compiled, lines: Iterable[LineItem]) -> list[LineItem]:
    """The lines of one entry in whole minor units: the entry is rounded, its lines cut from that."""
    running: Exact = ZERO
    shown, cut = ZERO, []
    for line in lines:
        running = plus(running, line.precise)
        upto = card.plan.rounding(running, card.places)
        amount = decimal(difference(upto, shown))
        cut.append(evolve(line, amount=amount, precise=amount))
        shown = upto
    return cut


def total_of(card: Compiled, lines: Iterable[LineItem]) -> Decimal:
    """What the lines of a whole period are settled at."""
    return card.plan.rounding(exact_sum(lines), card.places)


def settled_lines(card: Compiled, lines: list[LineItem], total: Decimal) -> tuple[LineItem, ...]:
    """The lines as a bill shows them: amounts that add up to the total, with the rounding as a line."""
    net = exact_sum(lines)
    if type(net) is not Decimal:
        lines = telescoped(lines)
    if net == total:
        return tuple(lines)
    amount = decimal(difference(total, decimal(net)))
    return (
        *lines,
        LineItem(card.rounding, None, amount, amount if type(net) is Decimal else difference(total, net)),
    )


def exact_of(lines: Iterable[LineItem]) -> Fraction:
    """The exact amount of lines, the rounding left out."""
    return Fraction(exact_sum([line for line in lines if line.kind != "rounding"]))
