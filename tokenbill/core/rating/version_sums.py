"""Sums over versions: what the usage of a period whose terms change comes to by cell, no item made of it.

Which versions have an entry, and which of them agree on it, is worked out once, when it is first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, LIMIT
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.rating_run import Number
from tokenbill.core.rating.version_items import stretches_of
from tokenbill.core.rating.version_terms import not_negative

if TYPE_CHECKING:
    from tokenbill.core.rating.compiled_plan import CompiledPlan

__all__ = ["EntryVersions", "VersionSums"]

MOST = LIMIT // 10**6
"""Sums of smaller quantities stay below what a quantity may be; the long way looks at larger ones."""


class EntryVersions:
    """One entry over the versions of a period: its items, each a curve and the versions that share it.

    ``is_one`` says that all versions share one item, so that it need not be known when a unit was used;
    ``is_straight`` that what a unit costs depends on its version alone, not on what was used before it.
    """

    __slots__ = ("count", "is_one", "is_straight", "items", "priced", "standing", "stretches")

    def __init__(self, plan: CompiledPlan, like: EntryCurve, version: int) -> None:
        self.stretches = stretches_of(plan.versions, plan.cards, {version: like})
        self.items = [item for stretch in self.stretches for item in stretch]
        self.count = len(self.items)
        self.is_one = len(self.items[0][1]) == len(plan.versions)
        self.is_straight = all(curve.slope is not None for curve, _ in self.items)
        self.standing: list[tuple[int, Number]] = []
        priced = [k for k, (curve, _) in enumerate(self.items) if not isinstance(curve.price, Covered)]
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        self.priced = priced if "\0" in like.order and len(priced) < self.count else ()

    def numbers(self, used: Sequence[Quantity]) -> list[tuple[int, Number]]:
        """What each item comes to, with its cell, for the quantities used in each."""
        if len(used) == 1:
            curve = self.items[0][0]
            return [(curve.cell, curve.at(used[0]))]
        if self.priced and not any(used[k] for k in self.priced):
            return []
        found, place = list[tuple[int, Number]](), 0
        for stretch in self.stretches:
            before: Quantity = 0
            amounts = list[Number]()
            for curve, _ in stretch:
                now = used[place]
                is_whole = type(before) is int and type(now) is int
                after = before + now if is_whole else EXACT.add(before, now)
                # read along its own curve, so that tiers go on where the terms before left them
                amounts.append(curve.at(after) - (curve.at(before) if amounts else 0))
                before, place = after, place + 1
            if min(amounts) < 0:
                amounts = not_negative(amounts)
            found += [(curve.cell, amount) for (curve, _), amount in zip(stretch, amounts, strict=True)]
        return found


class Place(NamedTuple):
    """Where a meter's usage in one version adds up: the cell of its item, and the item's place.

    ``slope`` is what a unit costs there, where that depends on nothing else.
    """

    slope: int | None
    cell: int
    curve: EntryCurve
    entry: EntryVersions
    item: int


class VersionSums:
    """The sums by cell of a compiled plan of several versions; none of its terms looks at single charges."""

    __slots__ = ("_entries", "_standing", "places", "plan")

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan, self.places = plan, tuple(dict[str, Place]() for _ in plan.versions)
        self._entries: dict[tuple[str, str], EntryVersions] = {}
        self._standing: list[tuple[int, Number]] = []
        for i, card in enumerate(plan.cards):
            for curve in card.always:
                entry = self._entry_of(curve, i)
                if not entry.standing:
                    entry.standing = entry.numbers([0] * entry.count)
                    self._standing += entry.standing

    def place(self, i: int, meter: str) -> Place:
        """Where the usage of a meter adds up in a version.

        Raises:
            UnpricedUsage: If the version has no price for it.
        """
        entry = self._entry_of(self.plan.cards[i][meter], i)
        item, (shared, _) = next((k, item) for k, item in enumerate(entry.items) if i in item[1])
        slope = shared.slope if entry.is_straight else None
        return self.places[i].setdefault(meter, Place(slope, shared.cell, shared, entry, item))

    def _entry_of(self, curve: EntryCurve, i: int) -> EntryVersions:
        key = curve.order, curve.identity.key
        return self._entries.get(key) or self._entries.setdefault(key, EntryVersions(self.plan, curve, i))

    def is_one_item(self, usage: Usage) -> bool:
        """Whether it does not matter when it was used: all versions price it alike.

        Raises:
            UnpricedUsage: If the last version has no price for some of it.
        """
        last = len(self.places) - 1
        return all(self.place(last, meter).entry.is_one for meter in usage.counted)

    def of(self, parts: Iterable[tuple[int, Usage]]) -> list[Number] | None:
        """What usage comes to by cell, given with the version that each part falls under.

        None for quantities so large that a sum of them might be none.
        """
        nets: list[Number] = [0] * len(self.plan.cells.masks)
        for cell, number in self._standing:
            nets[cell] += number
        tiered, all_places = dict[EntryVersions, list[Quantity]](), self.places
        for i, usage in parts:
            places = all_places[i]
            for meter, quantity in usage.counted.items():
                slope, cell, curve, entry, item = places.get(meter) or self.place(i, meter)
                if quantity >= MOST:
                    return None
                if slope is None:
                    used = tiered.get(entry)
                    if used is None:
                        used = tiered[entry] = [0] * entry.count
                    before = used[item]
                    is_whole = type(before) is int and type(quantity) is int
                    used[item] = before + quantity if is_whole else EXACT.add(before, quantity)
                    continue
                if cell >= len(nets):  # a meter met for the first time brought a cell
                    nets += [0] * (len(self.plan.cells.masks) - len(nets))
                nets[cell] += quantity * slope if type(quantity) is int else curve.at(quantity)
        if tiered:
            nets += [0] * (len(self.plan.cells.masks) - len(nets))
        for entry, used in tiered.items():
            for cell, number in entry.numbers(used):
                nets[cell] += number
            for cell, number in entry.standing:
                nets[cell] -= number
        return nets
