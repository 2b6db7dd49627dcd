"""Sums over versions: what a period whose terms change comes to, by cell, and no item made of it.

Which versions have an entry, and which of them agree on it, is worked out once, when it is first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

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

Counted: TypeAlias = "Mapping[str, Quantity]"
"""Quantities by meter, as usage keeps them."""

MOST = LIMIT // 10**6
"""Sums of smaller quantities stay below what a quantity may be; the long way looks at larger ones."""


class EntryVersions:
    """One entry over the versions of a period: its items, each a curve and the versions that share it.

    ``is_one`` says that all versions share one item, so that it need not be known when a unit was used;
    ``is_straight`` that what a unit costs depends on its version alone, not on what was used before it.
    ``standing`` is what it comes to, by cell, though nothing is used.
    """

    __slots__ = ("count", "is_one", "is_straight", "items", "places", "priced", "standing", "stretches")

    def __init__(self, plan: CompiledPlan, like: EntryCurve, version: int, *, is_sum: bool) -> None:
        self.stretches = stretches_of(plan.versions, plan.cards, {version: like})
        self.items = [item for stretch in self.stretches for item in stretch]
        self.count = len(self.items)
        self.is_one = len(self.items[0][1]) == len(plan.versions)
        self.is_straight = all(curve.slope is not None for curve, _ in self.items)
        # where nothing but a sum is asked for, all is one cell
        self.places = [Place(self, curve, 0 if is_sum else curve.cell) for curve, _ in self.items]
        self.standing: list[tuple[int, Number]] = []
        priced = [k for k, (curve, _) in enumerate(self.items) if not isinstance(curve.price, Covered)]
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        self.priced = priced if "\0" in like.order and len(priced) < self.count else ()

    def numbers(self, used: Sequence[Quantity]) -> list[tuple[int, Number]]:
        """What each item comes to, with its cell, for the quantities used in each."""
        if self.count == 1:
            return [(self.places[0].cell, self.items[0][0].at(used[0]))]
        if self.priced and not any(used[k] for k in self.priced):
            return []
        quantities = iter(used)
        found: list[Number] = []
        for stretch in self.stretches:
            before: Quantity = 0
            amounts: list[Number] = []
            for curve, _ in stretch:
                now = next(quantities)
                is_whole = type(before) is int and type(now) is int
                after = before + now if is_whole else EXACT.add(before, now)
                # read along its own curve, so that tiers go on where the terms before left them
                amounts.append(curve.at(after) - (curve.at(before) if amounts else 0))
                before = after
            found += not_negative(amounts) if min(amounts) < 0 else amounts
        return list(zip((place.cell for place in self.places), found, strict=True))


class Place:
    """Where usage of one entry adds up, in versions that share an item of it: the cell of that item.

    ``slope`` is what a unit costs there, where that depends on nothing else.
    """

    __slots__ = ("cell", "curve", "entry", "slope")

    def __init__(self, entry: EntryVersions, curve: EntryCurve, cell: int) -> None:
        self.entry, self.curve, self.cell = entry, curve, cell
        self.slope = curve.slope if entry.is_straight else None


class VersionSums:
    """The sums by cell of a compiled plan of several versions; none of its terms looks at single charges.

    ``places`` are those of the meters met in each version, ``start`` the sums while nothing is used.
    ``is_full`` says that hostile labels filled a card.
    """

    __slots__ = ("_entries", "is_full", "is_sum", "places", "plan", "start")

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan, self.is_sum, self.is_full = plan, plan.fees is not None, False
        self.places: tuple[dict[str, Place], ...] = tuple({} for _ in plan.versions)
        self._entries: dict[tuple[str, str], EntryVersions] = {}
        due = plan.terms().due[False]
        self.start: list[Number] = [sum(due)] if self.is_sum else list(due)
        for i, card in enumerate(plan.cards):
            for curve in card.always:
                entry = self.entry_of(curve, i)
                if not entry.standing:
                    entry.standing = entry.numbers([0] * entry.count)
                    for cell, number in entry.standing:
                        self.start[cell] += number

    def entry_of(self, curve: EntryCurve, version: int) -> EntryVersions:
        """An entry over all versions, of which one has this curve."""
        key = curve.order, curve.identity.key
        found = self._entries.get(key)
        if found is None:
            found = EntryVersions(self.plan, curve, version, is_sum=self.is_sum)
        return self._entries.setdefault(key, found)

    def met(self, version: int, meter: str) -> Place:
        """The place of a meter that is met for the first time, by its rate card; it may bring a cell."""
        card = self.plan.cards[version]
        entry = self.entry_of(card[meter], version)
        self.is_full = self.is_full or card.is_full
        if not self.is_sum:
            self.start += [0] * (len(self.plan.cells.masks) - len(self.start))
        item = next(k for k, (_, group) in enumerate(entry.items) if version in group)
        return self.places[version].setdefault(meter, entry.places[item])

    def is_one_item(self, usage: Usage) -> bool:
        """Whether it does not matter when it was used: all versions price it alike.

        Raises:
            UnpricedUsage: If the last version has no price for some of it.
        """
        last = len(self.places) - 1
        return all((self.places[last].get(it) or self.met(last, it)).entry.is_one for it in usage.counted)

    def total(self, parts: Iterable[tuple[int, Counted]], *, final: bool) -> Decimal | None:
        """What a period comes to of what was counted, given with the version that each part falls under.

        None for quantities so large that a sum of them might be none.
        """
        nets, all_places = list(self.start), self.places
        tiered: dict[Place, Quantity] = {}
        for i, counted in parts:
            places = all_places[i]
            for meter, quantity in counted.items():
                try:
                    place = places[meter]
                except KeyError:
                    place = self.met(i, meter)
                    nets += [0] * (len(self.start) - len(nets))
                if quantity >= MOST:
                    return None
                slope = place.slope
                if slope is None:
                    before = tiered.get(place, 0)
                    is_whole = type(before) is int and type(quantity) is int
                    tiered[place] = before + quantity if is_whole else EXACT.add(before, quantity)
                else:
                    is_whole = type(quantity) is int
                    nets[place.cell] += quantity * slope if is_whole else place.curve.at(quantity)
        if tiered:
            for entry in {place.entry for place in tiered}:
                for cell, number in entry.numbers([tiered.get(place, 0) for place in entry.places]):
                    nets[cell] += number
                for cell, number in entry.standing:
                    nets[cell] -= number
        return self.plan.money(self.plan.units(nets, final=final))
