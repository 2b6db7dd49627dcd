"""Items: what an entry comes to in each stretch of versions that agree on it, read from curves that go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property

from tokenbill.core.money.decimals import EXACT, decimal, exact_sum
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.lines import Charge, LineItem, less
from tokenbill.core.rating.rate_card import RateCard
from tokenbill.core.rating.rating_run import Identity, Number
from tokenbill.core.rating.version_terms import VersionTerms, concern, neighbours, not_negative
from tokenbill.errors import UnpricedUsage

__all__ = ["EntryItem", "entry_items", "stretches_of"]


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
    allowed: Callable[[int, EntryCurve], EntryCurve] = lambda _, curve: curve,
) -> list[tuple[Number, int, Identity]]:
    """The items of all entries used, each with its number, its cell, and what it is for.

    An entry's position is that of the whole period: each version reads its own curve between what was used
    before it and what was used up to its end; *allowed* takes allowances off that read other usage.
    """
    used = dict[tuple[str, str], dict[int, tuple[EntryCurve, Quantity]]]()
    for i, by_curve in enumerate(quantities):
        for curve, quantity in by_curve.items():
            used.setdefault((curve.order, curve.identity.key), {})[i] = curve, quantity
    found = list[tuple[Number, int, Identity]]()
    for (order, key), parts in sorted(used.items(), key=lambda item: item[0]):
        curves = dict[int, EntryCurve]()
        for i, card in enumerate(cards):
            # a version that has the entry counts for its tiers, though nothing was used in it
            here = parts[i][0] if i in parts else _curve_of(card, next(iter(parts.values()))[0])
            if here is not None:
                curves[i] = allowed(i, here)
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        is_tried = "\0" in order and all(isinstance(curve.price, Covered) for curve, _ in parts.values())
        for stretch in _between_restarts(curves, versions):
            if is_tried and parts.keys().isdisjoint(stretch):
                continue
            found += _items_of(stretch, curves, versions, parts, key)
    return found


def _curve_of(card: RateCard, like: EntryCurve) -> EntryCurve | None:
    """The curve of the same entry and group on another card, if it is there."""
    try:
        curve = card[like.key]
    except UnpricedUsage:
        return None
    return curve if curve.identity.key == like.identity.key else None


def stretches_of(
    versions: Sequence[VersionTerms], cards: Sequence[RateCard], like: EntryCurve
) -> list[list[tuple[EntryCurve, list[int]]]]:
    """The items of an entry between restarts: curves, each with its versions."""
    found = {i: curve for i, card in enumerate(cards) if (curve := _curve_of(card, like)) is not None}
    alike = alike_in(found, versions)
    return [
        [(found[group[0]], group) for group in neighbours(stretch, alike)]
        for stretch in _between_restarts(found, versions)
    ]


def _between_restarts(indices: Mapping[int, object], versions: Sequence[VersionTerms]) -> list[list[int]]:
    """Versions between which tiers go on."""
    stretches = list[list[int]]()
    for i in indices:
        if stretches and not any(versions[k].restart for k in range(stretches[-1][-1] + 1, i + 1)):
            stretches[-1].append(i)
        else:
            stretches.append([i])
    return stretches


def alike_in(
    curves: Mapping[int, EntryCurve], versions: Sequence[VersionTerms]
) -> Callable[[int, int], bool]:
    """What says whether two versions share an item of an entry: price, and terms in whose scope it is."""

    def alike(one: int, other: int) -> bool:
        meter = curves[one].key
        same = curves[one].price == curves[other].price
        return same and concern(versions[one], "usage", meter) == concern(versions[other], "usage", meter)

    return alike


def _items_of(
    stretch: Sequence[int],
    curves: Mapping[int, EntryCurve],
    versions: Sequence[VersionTerms],
    parts: Mapping[int, tuple[EntryCurve, Quantity]],
    key: str,
) -> list[tuple[Number, int, Identity]]:
    """The items of one entry while its tiers go on."""
    before: Quantity = 0
    items = list[EntryItem]()
    for group in neighbours(stretch, alike_in(curves, versions)):
        after: Quantity = before
        for i in group:
            after = EXACT.add(after, parts[i][1]) if i in parts else after
        items.append(EntryItem(curves[group[0]], before, after, is_first=not items, versions=group))
        before = after
    if any(item.amount < 0 for item in items):
        for item, amount in zip(items, not_negative(item.amount for item in items), strict=True):
            item.amount = amount
    return [
        (item.amount, item.curve.cell, Identity(key, "usage", item.curve.key, item))
        for item in items
        if item.amount or item.after != item.before or item.is_first
    ]
