"""What a period is rated with and comes to: its items, and the hands that the stages have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from tokenbill.core.credits.grants import Grant
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, plus, product, ratio
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.rating.charges import rounded_lines
from tokenbill.core.rating.compiled import Compiled
from tokenbill.core.rating.lines import Charge, LineItem, exact_sum, telescoped

__all__ = [
    "Asked",
    "Item",
    "Offers",
    "Statement",
    "Work",
    "budget_of",
    "drawn_on",
    "exact_of",
    "settled_lines",
    "together",
    "total_net",
    "total_of",
]

Offers: TypeAlias = "Callable[[Currency, bool], Sequence[tuple[Grant, Decimal]]]"
"""The grants in a currency that can pay, in order, each with how much; True asks for promotional ones."""

_WHOLE_UNITS = Rounding(mode="down")


class Item:
    """One fee, entry or true-up on its way through the stages.

    ``net`` is what is left of it, exact; ``units`` the same in whole minor units, before promotional
    credit; ``gift`` what such credit paid of them; ``tokens`` what was burned, in whole tokens.
    """

    __slots__ = ("gift", "kind", "lines", "meter", "name", "net", "tax", "tokens", "units")

    def __init__(self, kind: str, meter: Meter | None, name: str, lines: Sequence[LineItem]) -> None:
        self.kind, self.meter, self.name, self.lines = kind, meter, name, lines
        self.net: Exact = exact_sum(lines)
        self.units = self.gift = self.tax = self.tokens = ZERO

    @property
    def key(self) -> tuple[object, ...]:
        """What the item is about, on every bill of the period."""
        return self.kind, self.meter, self.name

    @property
    def gross(self) -> Decimal:
        """What is to be paid of it, tax included, in whole minor units."""
        return decimal(plus(difference(self.units, self.gift), self.tax))

    def within(self, on: Scope) -> bool:
        """Whether a term applies to it."""
        return on is None or covers(on, self.kind, self.meter)


class Asked(NamedTuple):
    """What a period is rated with."""

    card: Compiled
    usage: Usage
    final: bool = True
    share: Fraction = Fraction(1)
    fee_share: Fraction = Fraction(1)
    offers: Offers | None = None
    before: Statement | None = None


class Statement(NamedTuple):
    """A period so far: lines before they are settled, items, what it comes to, what grants paid of it."""

    lines: list[LineItem]
    items: list[Item]
    total: Decimal
    draws: dict[str, Decimal]


class Work:
    """A statement in the making."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.card, self.plan = asked, asked.card, asked.card.plan
        self.items: list[Item] = []
        self.lines: list[LineItem] = []
        self.draws: dict[str, Decimal] = {}
        self.taxed = ZERO

    def whole(self, amount: Exact) -> Exact:
        """An amount as this rounding stage carries it on: in whole minor units at stage ``line``."""
        return self.plan.rounding(amount, self.card.places) if self.card.whole_lines else amount

    def add(self, item: Item) -> None:
        """Take an item and its lines, in whole minor units where lines are rounded."""
        if self.card.whole_lines:
            item.lines = rounded_lines(self.card, item.lines)
            item.net = exact_sum(item.lines)
        self.items.append(item)
        self.lines += item.lines

    def scoped(self, on: Scope) -> list[Item]:
        """The items that a term applies to, those with nothing left passed over."""
        return [item for item in self.items if item.net > 0 and item.within(on)]

    def spread(self, amount: Exact, items: Sequence[Item]) -> None:
        """Take an amount off items in proportion to what is left of each."""
        for item, part in zip(items, self._parts(amount, items), strict=True):
            item.net = difference(item.net, part)

    def spread_over(self, amount: Exact, items: Sequence[Item]) -> None:
        """Give items an amount in proportion to what stands in their place."""
        for item, part in zip(items, self._parts(amount, items), strict=True):
            item.net = part

    def _parts(self, amount: Exact, items: Sequence[Item]) -> Sequence[Exact]:
        nets = [item.net for item in items]
        if self.card.whole_lines:
            return self.plan.rounding.allocate(amount, nets, places=self.card.places)
        whole = total_net(items)
        return [ratio(product(amount, net), whole) for net in nets]

    def offers(self, currency: Currency, *, gifts: bool = False) -> Sequence[tuple[Grant, Decimal]]:
        """The grants in a currency that pay before tax, each with how much; only *gifts* where asked."""
        return self.asked.offers(currency, gifts) if self.asked.offers else ()

    def record(self, grant: Grant, parts: Iterable[Decimal]) -> Decimal:
        """Keep what a grant paid, and tell how much that is."""
        paid = together(parts)
        if paid:
            self.draws[grant.id] = paid
        return paid

    def tax(self, amount: Decimal, owed: Sequence[Exact]) -> None:
        """Count a rounded tax towards the total, and towards the gross of its items."""
        self.taxed = decimal(plus(self.taxed, amount))
        parts = self.plan.rounding.allocate(amount, owed, places=self.card.places)
        for item, part in zip(self.items, parts, strict=True):
            item.tax = decimal(plus(item.tax, part))

    def total(self) -> Decimal:
        """Rounded net less promotional credit plus exclusive taxes."""
        net = self.plan.rounding(total_net(self.items), self.card.places)
        gifts = together(item.gift for item in self.items)
        return decimal(plus(difference(net, gifts), self.taxed))

    def note(self, kind: str, name: str, amount: Exact, rule: str) -> None:
        """Add a line that changes what the lines above it come to."""
        self.lines.append(LineItem(Charge(kind, None, name, rule=rule), None, decimal(amount), amount))


def total_net(items: Iterable[Item]) -> Exact:
    """What is left of items together."""
    total: Exact = ZERO
    for item in items:
        total = plus(total, item.net)
    return total


def budget_of(work: Work, offers: Iterable[tuple[Grant, Decimal]], unit: str) -> Decimal | None:
    """What credit may pay in all: what it had paid, and the growth; a later gift pays no earlier charge."""
    before = work.asked.before
    if before is None:
        return None
    earlier = {item.key: getattr(item, unit) for item in before.items}
    growth = [difference(getattr(item, unit), earlier.get(item.key, ZERO)) for item in work.items]
    ids = {grant.id for grant, _ in offers}
    spent = [amount for key, amount in before.draws.items() if key in ids]
    return together([*(grown for grown in growth if grown > 0), *spent])


def drawn_on(
    offers: Iterable[tuple[Grant, Decimal]],
    items: Sequence[Item],
    open: Sequence[Decimal],
    places: int,
    budget: Decimal | None,
) -> list[list[Decimal]]:
    """What each grant pays of each item: grants in order, the items in the scope of each in order too."""
    left, drawn = list(open), list[list[Decimal]]()
    for grant, offer in offers:
        rest, parts = _WHOLE_UNITS(offer, places), list[Decimal]()
        for i, item in enumerate(items):
            part = min(left[i], rest, rest if budget is None else budget) if item.within(grant.on) else ZERO
            part = max(part, ZERO)
            left[i], rest = decimal(difference(left[i], part)), decimal(difference(rest, part))
            budget = None if budget is None else decimal(difference(budget, part))
            parts.append(part)
        drawn.append(parts)
    return drawn


def together(amounts: Iterable[Exact]) -> Decimal:
    """Amounts together, as a Decimal."""
    total: Exact = ZERO
    for amount in amounts:
        total = plus(total, amount)
    return decimal(total)


def total_of(card: Compiled, lines: Iterable[LineItem]) -> Decimal:
    """What the lines of a whole period are settled at, where nothing stands between prices and total."""
    return card.plan.rounding(exact_sum(lines), card.places)


def settled_lines(card: Compiled, lines: Sequence[LineItem], total: Decimal) -> tuple[LineItem, ...]:
    """The lines as a bill shows them: amounts that add up to the total, with the rounding as a line."""
    net = exact_sum(lines)
    if type(net) is not Decimal:
        lines = telescoped(lines)
    if net == total:
        return tuple(lines)
    amount = decimal(difference(total, decimal(net)))
    exact = amount if type(net) is Decimal else difference(total, net)
    return (*lines, LineItem(card.rounding, None, amount, exact))


def exact_of(lines: Iterable[LineItem]) -> Fraction:
    """The exact amount of lines, the rounding left out."""
    return Fraction(exact_sum([line for line in lines if line.kind != "rounding"]))
