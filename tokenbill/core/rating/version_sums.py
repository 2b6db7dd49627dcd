"""Sums over versions: what a period whose terms change comes to, by cell, and no item made of it.

Which versions have an entry, and which of them agree on it, is worked out once, when it is first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, LIMIT
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.rating_run import Number
from tokenbill.core.rating.version_items import stretches_of
from tokenbill.core.rating.version_terms import not_negative

if TYPE_CHECKING:
    from tokenbill.core.rating.compiled_plan import CompiledPlan

__all__ = ["EntryVersions", "Places", "VersionSums"]

Places: TypeAlias = "dict[str, Place]"
"""Where usage adds up, by the meters met in one version."""

MOST = LIMIT // 10**6
"""Sums of smaller quantities stay below what a quantity may be; the long way looks at larger ones."""


class EntryVersions:
    """One entry over the versions of a period: its items, each a curve and the versions that share it.

    ``is_one`` says that all versions share one item, so that it need not be known when a unit was used.
    ``standing`` is what it comes to, by cell, though nothing is used.
    """

    __slots__ = ("is_one", "places", "priced", "standing", "stretches")

    def __init__(self, plan: CompiledPlan, like: EntryCurve, version: int) -> None:
        self.stretches = stretches_of(plan.versions, plan.cards, {version: like})
        items = [item for stretch in self.stretches for item in stretch]
        self.is_one = len(items[0][1]) == len(plan.versions)
        # one item has no other that it goes on from, and what a unit costs on straight lines is known at once
        is_alone = len(items) == 1 or all(curve.slope is not None for curve, _ in items)
        # where nothing but a sum is asked for, all is one cell
        cells = [0 if plan.fees is not None else curve.cell for curve, _ in items]
        self.places = [Place(self, *item, cell, is_alone) for item, cell in zip(items, cells, strict=True)]
        priced = [place for place in self.places if not isinstance(place.curve.price, Covered)]
        # a group that was used in its trial alone costs nothing after it, not even what is due at zero
        self.priced = priced if "\0" in like.order and len(priced) < len(items) else ()
        is_standing = any(curve.standing for curve, _ in items)
        self.standing = self.numbers({}) if is_standing else []

    def numbers(self, used: Mapping[Place, Quantity]) -> list[tuple[int, Number]]:
        """What each item comes to, with its cell, for the quantities used in each."""
        if self.priced and not any(used.get(place) for place in self.priced):
            return []
        places = iter(self.places)
        found: list[Number] = []
        for stretch in self.stretches:
            before: Quantity = 0
            amounts: list[Number] = []
            for curve, _ in stretch:
                now = used.get(next(places), 0)
                is_whole = type(before) is int and type(now) is int
                after = before + now if is_whole else EXACT.add(before, now)
                # read along its own curve, so that tiers go on where the terms before left them
                amounts.append(curve.at(after) - (curve.at(before) if amounts else 0))
                before = after
            found += not_negative(amounts) if min(amounts) < 0 else amounts
        return list(zip((place.cell for place in self.places), found, strict=True))

    def add_to(self, nets: list[Number], used: Mapping[Place, Quantity]) -> None:
        """Add what it comes to, to sums that began with what is due though nothing is used."""
        for cell, number in self.numbers(used):
            nets[cell] += number
        for cell, number in self.standing:
            nets[cell] -= number


class Place:
    """Where usage of one entry adds up, in *versions* that share an item of it: the *cell* of that item.

    ``is_alone`` says that what is used there costs what its curve says, whatever was used elsewhere, and
    ``slope`` what a unit then costs on a straight line.
    """

    __slots__ = ("cell", "curve", "entry", "is_alone", "slope", "versions")

    def __init__(
        self, entry: EntryVersions, curve: EntryCurve, versions: Sequence[int], cell: int, is_alone: bool
    ) -> None:
        self.entry, self.curve, self.versions = entry, curve, versions
        self.cell, self.is_alone = cell, is_alone
        self.slope = curve.slope if is_alone else None


class VersionSums:
    """The sums by cell of a compiled plan of several versions; none of its terms looks at single charges.

    ``places`` are those of the meters met in each version, ``start`` the sums of an interim and of a final
    bill while nothing is used. ``is_full`` says that hostile labels filled a card.
    """

    __slots__ = ("_entries", "_lock", "is_full", "places", "plan", "start")

    def __init__(self, plan: CompiledPlan) -> None:
        self.plan, self._lock, self.is_full = plan, Lock(), False
        self.places: dict[int, Places] = {i: {} for i in range(len(plan.versions))}
        self._entries: dict[tuple[str, str], EntryVersions] = {}
        due = [[sum(each)] if plan.fees is not None else list(each) for each in plan.terms().due]
        self.start: tuple[list[Number], list[Number]] = (due[False], due[True])
        for i, card in enumerate(plan.cards):
            for curve in card.always:
                self.entry_of(curve, i)
        for entry in self._entries.values():
            for cell, number in entry.standing:
                for nets in self.start:
                    nets[cell] += number

    def entry_of(self, curve: EntryCurve, version: int) -> EntryVersions:
        """An entry over all versions, of which one has this curve."""
        key = curve.order, curve.identity.key
        found = self._entries.get(key)
        if found is None:
            found = EntryVersions(self.plan, curve, version)
        return self._entries.setdefault(key, found)

    def meet(self, usage: Usage, version: int) -> None:
        """Find the places of all that was used in a version, by its rate card.

        Raises:
            UnpricedUsage: If the version has no price for some of it.
        """
        places, card = self.places[version], self.plan.cards[version]
        for meter in usage.counted:
            if meter not in places:
                entry = self.entry_of(card[meter], version)
                with self._lock:  # a cell that is new has its sum before anybody adds to it
                    for nets in self.start if self.plan.fees is None else ():
                        nets.extend([0] * (len(self.plan.cells.masks) - len(nets)))
                self.is_full = self.is_full or card.is_full
                places[meter] = next(place for place in entry.places if version in place.versions)

    def is_one_item(self, usage: Usage) -> bool:
        """Whether it does not matter when it was used: all versions price it alike.

        Raises:
            UnpricedUsage: If the last version has no price for some of it.
        """
        last = len(self.places) - 1
        self.meet(usage, last)
        return all(self.places[last][meter].entry.is_one for meter in usage.counted)

    def total(
        self, parts: Iterable[tuple[Any, Any]], places_of: Mapping[Any, Places], final: bool
    ) -> Decimal | None:
        """What a period comes to of usage in parts, each given with what says the places of its meters.

        None where a part is no usage or its places are not known yet, and for quantities so large that a sum
        of them might be none.
        """
        used = used_in(parts, places_of)
        if used is None:
            return None
        nets = [*self.start[final]]
        going_on: dict[EntryVersions, None] | None = None
        for place, quantity in used.items():
            if quantity >= MOST:
                return None
            slope = place.slope
            if slope is not None and type(quantity) is int:
                nets[place.cell] += quantity * slope
            elif place.is_alone:
                nets[place.cell] += place.curve.at(quantity) - place.curve.standing
            else:
                going_on = going_on or {}
                going_on[place.entry] = None
        if going_on is not None:
            for entry in going_on:
                entry.add_to(nets, used)
        plan = self.plan
        settled = plan.settled(nets, final=final) if plan.fees is None else plan.round(nets[0], plan.divisor)
        return plan.money(settled)


def used_in(parts: Iterable[tuple[Any, Any]], places_of: Mapping[Any, Places]) -> dict[Place, Any] | None:
    """What was used in each place; None where a part is no usage or its places are not known yet."""
    used: dict[Place, Any] = {}
    broken: list[tuple[Place, Quantity]] = []
    try:
        for when, part in parts:
            places = places_of[when]
            if type(part) is not Usage:
                return None
            counted = part.counted
            for meter in counted:  # its ``items`` would be made for each usage, which takes longer
                place, quantity = places[meter], counted[meter]
                if type(quantity) is int:
                    used[place] = used.get(place, 0) + quantity
                else:
                    broken.append((place, quantity))
    except KeyError:
        return None
    # after all whole numbers, for those need no care to add up exactly
    for place, quantity in broken:
        used[place] = EXACT.add(used.get(place, 0), quantity)
    return used
