"""Items: what an entry comes to in each stretch of versions that agree on it, read from curves that go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from tokenbill.core.money.decimals import EXACT, decimal, exact_sum
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.lines import Charge, LineItem, less
from tokenbill.core.rating.rate_card import RateCard
from tokenbill.core.rating.rating_run import Identity, Number
from tokenbill.core.rating.version_terms import VersionTerms, concern, neighbours, not_negative
from tokenbill.errors import UnpricedUsage

__all__ = ["EntryItem", "Stretch", "Stretches", "entry_items", "stretches_of"]

Stretch: TypeAlias = "list[tuple[EntryCurve, list[int]]]"
"""The items of an entry while its tiers go on: curves, each with its versions."""

Stretches: TypeAlias = "dict[tuple[str, str], list[Stretch]]"
"""Those of each entry, by its place among the lines and its key."""


class EntryItem:
    """One entry in a stretch of *versions*: its curve from the units *before* up to the units *after*."""

    def __init__(
        self,
        curve: EntryCurve,
        before: Quantity,
        after: Quantity,
        *,
        is_first: bool = True,
        versions: Sequence[int] = (0,),
    ) -> None:
        self.curve, self.before, self.after, self.is_first = curve, before, after, is_first
        self.versions = versions
        self.amount: Number = curve.at(after) - (0 if is_first else curve.at(before))

    @property
    def is_lowered(self) -> bool:
        """Whether it is less than its curve says, for a price that falls lowered it, or above 0."""
        before = 0 if self.is_first else self.curve.at(self.before)
        return bool(self.amount != self.curve.at(self.after) - before)

    @property
    def quantity(self) -> Decimal:
        """The units that were used in it."""
        return EXACT.subtract(Decimal(self.after), Decimal(self.before))

    @cached_property
    def lines(self) -> list[LineItem]:
        """What a bill shows of it: what its last unit makes of the curve, less what its first one found."""
        lines = self.curve.lines(Decimal(self.after))
        if not self.is_first:
            lines = list(less(lines, self.curve.lines(Decimal(self.before))))
        own = self.curve.exact(self.amount)
        if exact_sum(line.precise for line in lines) == own:
            return lines
        # a price that falls lowered what came before it: no price component says so
        charge = Charge("usage", self.curve.key, str(self.curve.key), rule="no version is below 0")
        return [LineItem(charge, self.quantity, decimal(own), own)]


def entry_items(
    versions: Sequence[VersionTerms],
    cards: Sequence[RateCard],
    quantities: Sequence[Mapping[EntryCurve, Quantity]],
    known: Stretches | None = None,
    allowed: Callable[[int, EntryCurve], EntryCurve] = lambda _, curve: curve,
) -> list[tuple[Number, int, Identity]]:
    """The items of all entries used, each with its number, its cell, and what it is for.

    An entry's position is that of the whole period: each version reads its own curve between what was used
    before it and what was used up to its end. *known* keeps which versions share an item, from bill to bill;
    *allowed* takes allowances off that read other usage, and then nothing can be kept.
    """
    used: dict[tuple[str, str], dict[int, EntryCurve]] = {}
    for i, by_curve in enumerate(quantities):
        for curve in by_curve:
            used.setdefault((curve.order, curve.identity.key), {})[i] = curve
    found: list[tuple[Number, int, Identity]] = []
    for name in sorted(used):
        curves = used[name]
        stretches = None if known is None else known.get(name)
        if stretches is None:
            stretches = stretches_of(versions, cards, curves, allowed)
            if known is not None:
                known[name] = stretches
        parts = {i: quantities[i][curve] for i, curve in curves.items()}
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        is_tried = "\0" in name[0] and all(isinstance(curve.price, Covered) for curve in curves.values())
        for stretch in stretches:
            if is_tried and parts.keys().isdisjoint(i for _, group in stretch for i in group):
                continue
            found += _items_of(stretch, parts, name[1])
    return found


def stretches_of(
    versions: Sequence[VersionTerms],
    cards: Sequence[RateCard],
    used: Mapping[int, EntryCurve],
    allowed: Callable[[int, EntryCurve], EntryCurve] = lambda _, curve: curve,
) -> list[Stretch]:
    """The items of an entry between restarts, curves with their versions; those that *used* it know it."""
    like = next(iter(used.values()))
    curves: dict[int, EntryCurve] = {}
    for i, card in enumerate(cards):
        # a version that has the entry counts for its tiers, though nothing was used in it
        curve = used.get(i) or _curve_of(card, like)
        if curve is not None:
            curves[i] = allowed(i, curve)

    def alike(one: int, other: int) -> bool:
        meter = curves[one].key
        same = curves[one].price == curves[other].price
        return same and concern(versions[one], "usage", meter) == concern(versions[other], "usage", meter)

    return [
        [(curves[group[0]], group) for group in neighbours(stretch, alike)]
        for stretch in _between_restarts(curves, versions)
    ]


def _curve_of(card: RateCard, like: EntryCurve) -> EntryCurve | None:
    """The curve of the same entry and group on another card, if it is there."""
    try:
        curve = card[like.key]
    except UnpricedUsage:
        return None
    return curve if curve.identity.key == like.identity.key else None


def _between_restarts(indices: Mapping[int, object], versions: Sequence[VersionTerms]) -> list[list[int]]:
    """Versions between which tiers go on."""
    stretches: list[list[int]] = []
    for i in indices:
        if stretches and not any(versions[k].restart for k in range(stretches[-1][-1] + 1, i + 1)):
            stretches[-1].append(i)
        else:
            stretches.append([i])
    return stretches


def _items_of(
    stretch: Stretch, parts: Mapping[int, Quantity], key: str
) -> list[tuple[Number, int, Identity]]:
    """The items of one entry while its tiers go on."""
    before: Quantity = 0
    items: list[EntryItem] = []
    for curve, group in stretch:
        after: Quantity = before
        for i in group:
            after = EXACT.add(after, parts[i]) if i in parts else after
        items.append(EntryItem(curve, before, after, is_first=not items, versions=group))
        before = after
    if any(item.amount < 0 for item in items):
        for item, amount in zip(items, not_negative(item.amount for item in items), strict=True):
            item.amount = amount
    return [
        (item.amount, item.curve.cell, Identity(key, "usage", item.curve.key, item))
        for item in items
        if item.amount or item.after != item.before or item.is_first
    ]
