"""Readings: what terms that are curves of other quantities come to for the usage of a period so far.

An allowance that several entries share, or one that reads another meter, is known only with the usage; so is
a fee on the amount of other charges. Each is worked out once for a run, when the first one asks for it, and
reads what the *whole* period used or comes to at its prices: however a period is split, it reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, odd_part, plus
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.pricing.of import Of
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.pricing_stages import FeeCharge
from tokenbill.core.rating.rating_run import Identity, Number
from tokenbill.core.rating.read_amounts import ReadAmounts, ReadPart
from tokenbill.core.rating.version_items import entry_items
from tokenbill.core.rating.version_terms import not_negative
from tokenbill.errors import InvalidPlan

if TYPE_CHECKING:
    from tokenbill.core.rating.compiled_plan import CompiledPlan

__all__ = ["Readings", "items_of", "quantities_of", "readings_of"]

Item = tuple[Number, int, Identity]
"""A number of an entry, its cell, and what it is for."""


class Readings:
    """What the curves of other quantities come to, for the quantities of each version.

    ``quantities`` are those of a plan of one version by the curves that charge them, allowances taken off.
    """

    def __init__(self, plan: CompiledPlan, by_version: Sequence[Mapping[EntryCurve, Quantity]]) -> None:
        self.plan, self.by_version = plan, by_version
        self.quantities: dict[EntryCurve, Quantity] = {}
        self._items: dict[tuple[str, str], list[Item]] = {}
        self._amounts: dict[int, list[Fraction]] = {}
        self._waiting: list[str] = []
        self._names = sorted({(curve.order, curve.identity.key) for used in by_version for curve in used})

    def items(self) -> list[Item]:
        """What each entry and stretch of versions comes to, in order of the lines."""
        return [item for name in self._names for item in self._items_of(name)]

    def _items_of(self, name: tuple[str, str]) -> list[Item]:
        known = self._items.get(name)
        if known is not None:
            return known
        if name[1] in self._waiting:  # of amendments each may wait for what the other makes
            circle = " → ".join([*self._waiting, name[1]])
            raise InvalidPlan("amounts that wait for each other", circle, "let one read something else")
        self._waiting.append(name[1])
        own = [
            {curve: q for curve, q in used.items() if (curve.order, curve.identity.key) == name}
            for used in self.by_version
        ]
        if len(own) > 1:
            found = entry_items(self.plan.versions, self.plan.cards, own, None, self.allowed)
        else:
            ((curve, quantity),) = own[0].items()
            curve = self.allowed(0, curve)
            self.quantities[curve] = quantity
            found = [(curve.at(quantity), curve.cell, curve.identity)]
        self._waiting.pop()
        self._items[name] = found
        return found

    def allowed(self, i: int, curve: EntryCurve) -> EntryCurve:
        """The curve of an entry in a version, beyond what it has of an allowance that reads something."""
        allowance = self.plan.versions[i].plan.shared_allowance(curve.entry)
        return curve if allowance is None else curve.after(self._free(i, allowance, curve))

    def _free(self, i: int, allowance: Allowance, curve: EntryCurve) -> Exact:
        """The free units of an entry: those of its allowance that entries in lines before it left."""
        units = self.plan.units_of(i, allowance)
        if units is None:
            units = self.value(allowance.units)
        for version in self.plan.going_on(i):
            for other, quantity in self.by_version[version].items():
                if other.entry in allowance.entries and other.order < curve.order:
                    units = difference(units, Decimal(quantity))
        return max(units, ZERO)

    def value(self, of: Any, upto: int | None = None) -> Exact:
        """What a curve comes to, for all versions up to one of them."""
        last = len(self.by_version) - 1 if upto is None else upto
        assert isinstance(of, Of)
        return of.at(self._used(of.of, last) if of.amount_of is None else self._amount(of.amount_of, last))

    def _used(self, name: str, last: int) -> Exact:
        meter, total = Meter(name), ZERO
        for used in self.by_version[: last + 1]:
            for curve, quantity in used.items():
                if meter.includes(curve.key):
                    total = decimal(plus(total, Decimal(quantity)))
        return total

    def _amount(self, on: Scope, last: int) -> Exact:
        """What charges in a scope come to at their prices, before discounts and limits."""
        masks, total = self.plan.cells.masks, Fraction(0)
        for name in self._names:
            curve = next(curve for used in self.by_version for curve in used if curve.identity.key == name[1])
            if covers(on, "usage", curve.key):
                items = self._items_of(name)
                total += sum(Fraction(number) for number, cell, _ in items if masks[cell][0] <= last)
        total /= Fraction(self.plan.card.scale)
        for stage in self.plan.terms().pricing:
            if isinstance(stage, FeeCharge) and covers(on, stage.known_as) and stage.versions[0] <= last:
                total += stage.exact if stage.reading is None else self.amounts(stage.reading)[stage.place]
        return decimal(total) if odd_part(total.denominator) == 1 else total

    def amounts(self, reading: ReadAmounts) -> list[Fraction]:
        """What the items of a fee, or of a limit, come to."""
        found = self._amounts.get(id(reading))
        if found is None:
            found = self._amounts[id(reading)] = not_negative(self._part(part) for part in reading.parts)
        return found

    def _part(self, part: ReadPart) -> Fraction:
        if part.of is None:
            return part.fixed
        # as for the price of an entry: what it comes to by now, less what it came to before its versions
        found = Fraction(self.value(part.of, part.last))
        return found if part.is_first else found - Fraction(self.value(part.of, part.first - 1))


def readings_of(plan: CompiledPlan, usages: Sequence[Usage]) -> Readings:
    """What the terms of a plan read of the usage of each version."""
    return Readings(plan, [card.quantities(usage) for card, usage in zip(plan.cards, usages, strict=True)])


def items_of(plan: CompiledPlan, usages: Sequence[Usage]) -> list[Item]:
    """What the usage of each version comes to at the prices alone, by entry and stretch of versions."""
    return readings_of(plan, usages).items() if plan.reads_usage else plan.items(usages)


def quantities_of(plan: CompiledPlan, usage: Usage) -> Mapping[EntryCurve, Quantity]:
    """What was used under each entry, by the curve that charges it: beyond allowances that read usage."""
    if not plan.reads_usage:
        return plan.card.quantities(usage)
    readings = readings_of(plan, [usage])
    readings.items()
    return readings.quantities
