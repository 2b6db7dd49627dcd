"""What a period is rated with and comes to: its items, and the hands that the stages have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from tokenbill.core.credits.draws import NO_DRAWS, Offer, Payable, Units, draws
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import (
    EXACT,
    ZERO,
    Exact,
    decimal,
    difference,
    plus,
    product,
    ratio,
    shifted,
)
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.charges import rounded_lines
from tokenbill.core.rating.compiled import Compiled
from tokenbill.core.rating.lines import Charge, LineItem, exact_sum, telescoped

__all__ = [
    "NOTHING_DRAWN",
    "Asked",
    "Draws",
    "Item",
    "Offers",
    "Sort",
    "Sorts",
    "Statement",
    "Work",
    "drawn_on",
    "exact_of",
    "minor_units",
    "paid_of",
    "places_of",
    "settled_lines",
    "sum_of",
    "together",
    "total_exact",
    "total_net",
    "total_of",
]

Sort: TypeAlias = 'Literal["tokens", "promotional", "paid"]'
"""The sorts of credit, in the order in which they pay."""

Draws: TypeAlias = "Mapping[str, Mapping[str, Exact]]"
"""What was drawn, by grant and charge."""

Sorts: TypeAlias = "Mapping[Sort, Draws]"
"""The same, each sort for itself."""

Offers: TypeAlias = "Callable[[Sort], Sequence[Offer]]"
"""The grants of a sort that can pay, in order, each with how much."""

NOTHING_DRAWN: Sorts = MappingProxyType({})


class Item:
    """One fee, entry or true-up on its way through the stages.

    ``net`` is what is left of it, exact; ``units`` the same in whole minor units, before promotional
    credit; ``gift`` what such credit paid of them; ``tokens`` what was burned, in whole tokens.
    """

    __slots__ = ("gift", "kind", "lines", "meter", "name", "net", "tax", "tokens", "units")

    def __init__(self, kind: str, meter: Meter | None, name: str, lines: Sequence[LineItem]) -> None:
        self.kind, self.meter, self.name, self.lines = kind, meter, name, lines
        self.net: Exact = exact_sum(lines)
        self.units: Exact = ZERO
        self.gift: Exact = ZERO
        self.tax: Exact = ZERO
        self.tokens: Exact = ZERO

    @property
    def key(self) -> str:
        """What the item is about, on every bill of the period; an account keeps draws by it."""
        return f"{self.kind}:{self.name}"

    @property
    def gross(self) -> Exact:
        """What is to be paid of it, tax included, in whole minor units."""
        return plus(max(difference(self.units, self.gift), ZERO), self.tax)

    def within(self, on: Scope) -> bool:
        """Whether a term applies to it."""
        return on is None or covers(on, self.kind, self.meter)


class Asked(NamedTuple):
    """What a period is rated with.

    Without *offers* the *draws* of its earlier bills stand as they are; with them, they are worked out anew.
    Asked for the *exact* amount, nothing is rounded, and credit pays to the last digit.
    """

    card: Compiled
    usage: Usage
    final: bool = True
    share: Fraction = Fraction(1)
    fee_share: Fraction = Fraction(1)
    offers: Offers | None = None
    before: Statement | None = None
    draws: Sorts = NOTHING_DRAWN
    exact: bool = False


class Statement(NamedTuple):
    """A period so far: lines before they are settled, items, what it comes to, what grants paid of it."""

    lines: list[LineItem]
    items: list[Item]
    total: Exact
    draws: Draws


class Work:
    """A statement in the making."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.card, self.plan = asked, asked.card, asked.card.plan
        self.items: list[Item] = []
        self.lines: list[LineItem] = []
        self.draws: dict[str, Mapping[str, Exact]] = {}
        self.taxed: Exact = ZERO
        self.whole_lines = self.card.whole_lines and not asked.exact

    def whole(self, amount: Exact) -> Exact:
        """An amount as this rounding stage carries it on: in whole minor units at stage ``line``."""
        return self.plan.rounding(amount, self.card.places) if self.whole_lines else amount

    def add(self, item: Item) -> None:
        """Take an item and its lines, in whole minor units where lines are rounded."""
        if self.whole_lines:
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
        if self.whole_lines:
            return self.plan.rounding.allocate(amount, nets, places=self.card.places)
        whole = total_net(items)
        return [ratio(product(amount, net), whole) for net in nets]

    def pay(self, sort: Sort, items: Sequence[Item], unit: str, places: int) -> Draws:
        """What the grants of a sort pay of *unit* of these items, by grant and charge."""
        earlier, offers = self.asked.draws.get(sort, NO_DRAWS), self.asked.offers
        if offers is not None:
            before = self.asked.before.items if self.asked.before else ()
            asked: dict[str, Any] = {"places": places, "exact": self.asked.exact}
            earlier = drawn_on(offers(sort), items, unit, before=before, earlier=earlier, **asked)
        self.draws.update(earlier)
        return earlier

    def tax(self, amount: Exact, owed: Sequence[Exact]) -> None:
        """Count a tax towards the total, and towards the gross of its items."""
        self.taxed = plus(self.taxed, amount)
        parts: Sequence[Exact] = owed
        if not self.asked.exact:
            parts = self.plan.rounding.allocate(decimal(amount), owed, places=self.card.places)
        for item, part in zip(self.items, parts, strict=True):
            item.tax = plus(item.tax, part)

    def total(self) -> Exact:
        """Rounded net less promotional credit plus exclusive taxes."""
        if self.asked.exact:
            return total_exact(item.gross for item in self.items)
        net = self.plan.rounding(total_net(self.items), self.card.places)
        gifts = together(item.gift for item in self.items)
        return decimal(plus(difference(net, gifts), self.taxed))

    def note(self, kind: str, name: str, amount: Exact, rule: str) -> None:
        """Add a line that changes what the lines above it come to."""
        self.lines.append(LineItem(Charge(kind, None, name, rule=rule), None, decimal(amount), amount))


def total_net(items: Iterable[Item]) -> Exact:
    """What is left of items together."""
    return total_exact(item.net for item in items)


def drawn_on(
    offers: Sequence[Offer],
    items: Sequence[Item],
    unit: str,
    *,
    before: Iterable[Item],
    earlier: Draws,
    places: int,
    exact: bool = False,
) -> dict[str, dict[str, Exact]]:
    """What each grant pays of *unit* of each item: `draws`, in whole minor units, or to the last digit."""

    def units(amount: Exact) -> Units:
        return Fraction(amount) * 10**places if exact else minor_units(amount, places)

    was = {item.key: units(getattr(item, unit)) for item in before}
    payables = [
        Payable(item.key, item.kind, item.meter, units(getattr(item, unit)), was.get(item.key, 0))
        for item in items
    ]
    paid = {id: {key: units(amount) for key, amount in parts.items()} for id, parts in earlier.items()}
    return {
        id: {
            key: shifted(amount, places) if type(amount) is int else Fraction(amount, 10**places)
            for key, amount in parts.items()
        }
        for id, parts in draws(payables, offers, paid).items()
    }


def minor_units(amount: Exact, places: int) -> int:
    """An amount in whole minor units; what is beyond them is never drawn."""
    return int(EXACT.scaleb(amount, places)) if type(amount) is Decimal else int(amount * 10**places)


def places_of(plan: BillingPlan, sort: Sort) -> int:
    """Decimals of what a sort of credit pays: a grant never pays a part of a minor unit."""
    return plan.pricing_unit.places if sort == "tokens" else plan.rounding.known_places(plan.currency.places)


def sum_of(drawn: Draws) -> Exact:
    """What all grants paid of all charges."""
    return total_exact(amount for parts in drawn.values() for amount in parts.values())


def paid_of(drawn: Draws, key: str) -> Exact:
    """What all grants together paid of a charge."""
    return total_exact(parts.get(key, ZERO) for parts in drawn.values())


def together(amounts: Iterable[Exact]) -> Decimal:
    """Amounts together, as a Decimal."""
    return decimal(total_exact(amounts))


def total_exact(amounts: Iterable[Exact]) -> Exact:
    """Amounts together, to the last digit."""
    total: Exact = ZERO
    for amount in amounts:
        total = plus(total, amount)
    return total


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
