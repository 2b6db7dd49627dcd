"""Sums over versions: what a period whose terms change comes to, by cell, and no item made of it.

Which versions have an entry, and which of them agree on it, is worked out once, when it is first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

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

    __slots__ = ("cells", "count", "is_one", "is_straight", "items", "priced", "standing", "stretches")

    def __init__(self, plan: CompiledPlan, like: EntryCurve, version: int, *, is_sum: bool) -> None:
        self.stretches = stretches_of(plan.versions, plan.cards, {version: like})
        self.items = [item for stretch in self.stretches for item in stretch]
        self.count = len(self.items)
        # where nothing but a sum is asked for, all is one cell
        self.cells = [0 if is_sum else curve.cell for curve, _ in self.items]
        self.is_one = len(self.items[0][1]) == len(plan.versions)
        self.is_straight = all(curve.slope is not None for curve, _ in self.items)
        self.standing: list[tuple[int, Number]] = []
        priced = [k for k, (curve, _) in enumerate(self.items) if not isinstance(curve.price, Covered)]
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        self.priced = priced if "\0" in like.order and len(priced) < self.count else ()

    def numbers(self, used: Sequence[Quantity]) -> list[tuple[int, Number]]:
        """What each item comes to, with its cell, for the quantities used in each."""
        if self.count == 1:
            return [(self.cells[0], self.items[0][0].at(used[0]))]
        if self.priced and not any(used[k] for k in self.priced):
            return []
        found, quantities = list[Number](), iter(used)
        for stretch in self.stretches:
            before: Quantity = 0
            amounts = list[Number]()
            for curve, _ in stretch:
                now = next(quantities)
                is_whole = type(before) is int and type(now) is int
                after = before + now if is_whole else EXACT.add(before, now)
                # read along its own curve, so that tiers go on where the terms before left them
                amounts.append(curve.at(after) - (curve.at(before) if amounts else 0))
                before = after
            found += not_negative(amounts) if min(amounts) < 0 else amounts
        return list(zip(self.cells, found, strict=True))


class Place(NamedTuple):
    """Where a meter's usage in one version adds up: the cell of its item, and the item's place.

    ``slope`` is what a unit costs there, where that depends on nothing else.
    """

    slope: int | None
    cell: int
    curve: EntryCurve
    entry: EntryVersions
    item: int


class Places(dict[str, Place]):
    """The places of meters in one version; one met for the first time is looked up on its rate card."""

    __slots__ = ("sums", "version")

    def __init__(self, sums: VersionSums, version: int) -> None:
        self.sums, self.version = sums, version

    def __missing__(self, meter: str) -> Place:
        sums, i = self.sums, self.version
        entry = sums.entry_of(sums.plan.cards[i][meter], i)
        item, (shared, _) = next((k, item) for k, item in enumerate(entry.items) if i in item[1])
        slope = shared.slope if entry.is_straight else None
        return self.setdefault(meter, Place(slope, entry.cells[item], shared, entry, item))


class VersionSums:
    """The sums by cell of a compiled plan of several versions; none of its terms looks at single charges."""

    __slots__ = ("_entries", "is_sum", "places", "plan", "start")

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan, self.is_sum = plan, plan.terms().fees is not None
        self.places = tuple(Places(self, i) for i in range(len(plan.versions)))
        self._entries: dict[tuple[str, str], EntryVersions] = {}
        self.start: list[Number] = [0] if self.is_sum else [0] * len(plan.cells.masks)
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

    def is_one_item(self, usage: Usage) -> bool:
        """Whether it does not matter when it was used: all versions price it alike.

        Raises:
            UnpricedUsage: If the last version has no price for some of it.
        """
        return all(self.places[-1][meter].entry.is_one for meter in usage.counted)

    def total(self, parts: Iterable[tuple[int, Counted]], *, final: bool) -> Decimal | None:
        """What a period comes to of what was counted, given with the version that each part falls under.

        None for quantities so large that a sum of them might be none.
        """
        nets, tiered, all_places = list(self.start), dict[EntryVersions, list[Quantity]](), self.places
        for i, counted in parts:
            places = all_places[i]
            for meter, quantity in counted.items():
                slope, cell, curve, entry, item = places[meter]
                if quantity >= MOST:
                    return None
                if slope is not None:
                    if cell >= len(nets):  # a meter met for the first time brought a cell
                        nets += [0] * (cell + 1 - len(nets))
                    nets[cell] += quantity * slope if type(quantity) is int else curve.at(quantity)
                    continue
                used = tiered.get(entry)
                if used is None:
                    used = tiered[entry] = [0] * entry.count
                before = used[item]
                is_whole = type(before) is int and type(quantity) is int
                used[item] = before + quantity if is_whole else EXACT.add(before, quantity)
        for entry, used in tiered.items():
            for cell, number in entry.numbers(used):
                if cell >= len(nets):
                    nets += [0] * (cell + 1 - len(nets))
                nets[cell] += number
            for cell, number in entry.standing:
                nets[cell] -= number
        plan = self.plan
        fees = plan.terms().fees if self.is_sum else None
        if fees is None:
            return plan.settled(nets, final=final)
        return plan.money(plan.round(nets[0] + fees[final], plan.divisor))
