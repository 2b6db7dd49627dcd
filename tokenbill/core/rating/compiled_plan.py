"""Compiled plans: entries and terms over one denominator, kept by the plan and the part of a period.

A back end of columns compiles with the *unit* of its quantities, makes a ``RatingRun`` of its own with arrays
for numbers, hands ``usage()`` the entries' numerators (``card[meter].function`` at n = quantity × unit), and
calls ``terms().rate(run)``: stages, scales and cells are those of single bills. What it overrides is the
arithmetic: ``lower``, ``beyond``, ``sum``, ``spread``, ``share``, ``true_up``, ``sell``, ``price`` and the
rounding. ``run.notes`` then holds what each line comes to, ``run.total`` the total in minor units.

>>> from tokenbill import BillingPlan, PriceSchedule, Tax, Usage
>>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.25"), taxes=[Tax("VAT", 20)])
>>> compiled = compiled_plan(plan)
>>> compiled.total(Usage(gpu_hours=10))
Decimal('3.00')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, Inexact
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO, Exact, decimal, odd_part, shifted
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.cell_terms import Terms
from tokenbill.core.rating.entry_curve import EntryCurve, Quantity
from tokenbill.core.rating.integer_price import denominator_of
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import PlanScale, amounts_of, part_of
from tokenbill.core.rating.rate_card import WIDEST, Cells, RateCard
from tokenbill.core.rating.rating_run import MODES, Identity, Number, RatingRun
from tokenbill.core.rating.stages import STAGES
from tokenbill.core.rating.version_items import Stretches, entry_items
from tokenbill.core.rating.version_terms import VersionTerms, concern, terms_of_plan

__all__ = ["UNIT", "CompiledPlan", "Position", "compiled_plan"]

UNIT = 10**9
"""Parts of a unit that a quantity counts in whole numbers; one with more decimals becomes a Fraction."""
PERIODS = 64
"""Periods that a plan remembers its form by."""
WHOLE = Fraction(1)

Tiered: TypeAlias = "Mapping[EntryCurve, Quantity]"
"""What was used of each entry that is no straight line."""
NOTHING: Tiered = MappingProxyType({})
_multiply = EXACT.multiply


class Position(NamedTuple):
    """Where an account stands: fees in advance and usage by cell, and the quantities on curves with tiers."""

    plan: CompiledPlan
    nets: Sequence[Number]
    tiered: Tiered


class CompiledPlan:
    """A plan for a part of a billing period, in whole numbers.

    ``card`` has its entries; ``fees`` are what fees add to it, on an interim bill and on a final one, where
    nothing else stands between prices and total. ``by_cell`` says that sums by cell are all that its total
    needs: no term then looks at single charges. ``by_sums`` says the same also of charges that are rounded
    one by one, before they add up.

    Args:
        plan: The terms.
        unit: What a quantity is multiplied by to be whole.
        exactly: Whether every number is to be a Fraction, entries asked for their ``amount``.
        unrounded: Whether no charge is to be rounded, whatever the plan says.
        versions: The terms of each version of the period; a whole billing period of the plan unless given.
    """

    __slots__ = (
        "_terms",
        "_unrounded",
        "by_cell",
        "by_sums",
        "card",
        "cards",
        "cells",
        "divisor",
        "exactly",
        "fees",
        "minor_unit",
        "places",
        "plan",
        "reads_usage",
        "round",
        "rounding",
        "step",
        "stretches",
        "versions",
        "whole_lines",
    )

    def __init__(
        self,
        plan: BillingPlan,
        *,
        unit: int = UNIT,
        exactly: bool = False,
        unrounded: bool = False,
        versions: Sequence[VersionTerms] = (),
    ) -> None:
        self.plan, self.exactly = plan, exactly
        self.versions = tuple(versions) or (terms_of_plan(plan, None),)
        # a user's own schedule may match a meter otherwise each time
        own = not all(isinstance(version.plan.prices, PriceSchedule) for version in self.versions)
        self.stretches: Stretches | None = None if own else {}
        self.whole_lines = plan.rounding.stage == "line" and not unrounded
        self._unrounded: CompiledPlan | None = None if self.whole_lines else self
        self.places = plan.rounding.known_places(plan.currency.places)
        self.minor_unit = Decimal((0, (1,), -self.places))
        self.step = plan.rounding.step_units(self.places)
        self.round = MODES[plan.rounding.mode]
        rule = f"to {self.places} places, {plan.rounding.mode.replace('_', ' ')}"
        self.rounding = Charge("rounding", None, "rounding", rule=rule)
        self.cells = Cells(self.versions)
        self.cards = self._cards(unit)
        self.card = self.cards[0]
        for i, card in enumerate(self.cards):
            for key in card.curves:
                self.cells.of("usage", key, version=i)
        self._terms = self._compiled()
        # after the terms, which widened the scale of the card to hold their own amounts
        self.divisor = part_of(WHOLE if exactly else self.card.scale, self.places)
        self.reads_usage = any(version.plan.reads_usage for version in self.versions)
        self.fees = None if self.reads_usage or self.whole_lines else self._terms.fees
        terms, is_in_tokens = self._terms, plan.token_price is not None
        adds_up = not (self.reads_usage or terms.looks_at_charges or is_in_tokens)
        self.by_cell = adds_up and not self.whole_lines
        self.by_sums = self.by_cell or (adds_up and terms.is_of_sums and len(self.versions) == 1)

    @property
    def unrounded(self) -> CompiledPlan:
        """The same without rounding of charges: what asks for exact amounts goes by it."""
        if self._unrounded is None:
            self._unrounded = CompiledPlan(
                self.plan,
                exactly=self.exactly,
                unrounded=True,
                versions=self.versions,
            )
        return self._unrounded

    def _cards(self, unit: int) -> tuple[RateCard, ...]:
        """A rate card for each version, all of one scale."""
        scale = None if self.exactly else self._scale()
        cards: list[RateCard] = []
        # A card may widen the scale that the cards before it were made with: again, until all agree.
        while not cards or any(card.scale != cards[-1].scale for card in cards):
            cards.clear()
            for i, version in enumerate(self.versions):
                free = self._allowances(i)
                card = RateCard(version.plan, free, version=i, unit=unit, scale=scale, cells=self.cells)
                scale = None if scale is None else card.scale
                cards.append(card)
        return tuple(cards)

    def _allowances(self, i: int) -> Callable[[Meter], Exact]:
        """The free units of entries in a version, but for those that only its usage tells."""
        plan = self.versions[i].plan
        if not (plan.prorate_included or plan.levels):
            return plan.allowance
        own = {it.entries[0]: it for it in plan.allowances if plan.shared_allowance(it.entries[0]) is None}

        def allowance(key: Meter) -> Exact:
            its = own.get(key)
            if its is None and plan.prorate_included:
                # parts add up: what another version includes for its part is free in this one, too
                others = (it for k in self.going_on(i) for it in self.versions[k].plan.allowances)
                its = next((it for it in others if it.entries == (key,)), None)
            return (self.units_of(i, its) or ZERO) if its is not None else ZERO

        return allowance

    def going_on(self, i: int) -> range:
        """The versions through which tiers and allowances go on, around one of them."""
        since = max((k for k in range(i + 1) if self.versions[k].restart), default=0)
        ends = (k for k in range(i + 1, len(self.versions)) if self.versions[k].restart)
        return range(since, next(ends, len(self.versions)))

    def units_of(self, i: int, allowance: Allowance) -> Exact | None:
        """The units of an allowance in a version; None where they read usage.

        Where they are prorated they are parts of those of each version. A level counts by the time that it
        lasted, so that what is included does not depend on when somebody looked.
        """
        plan, total, shares = self.versions[i].plan, Fraction(0), Fraction(0)
        if isinstance(allowance.units, Decimal) and not plan.prorate_included:
            return allowance.units
        if self.versions[i].amount(allowance.units) is None:
            return None
        for k in self.going_on(i):
            version = self.versions[k]
            same = (it.units for it in version.plan.allowances if it.entries == allowance.entries)
            amount = version.amount(next(same, None))
            if amount is not None and version.plan.prorate_included == plan.prorate_included:
                total, shares = total + amount * version.share, shares + version.share
        found = total if plan.prorate_included or not shares else total / shares
        return decimal(found) if odd_part(found.denominator) == 1 else found

    def agree(self, one: int, other: int, kind: str, meter: Meter | None) -> bool:
        """Whether two versions treat a charge alike in everything but its own amount."""
        return concern(self.versions[one], kind, meter) == concern(self.versions[other], kind, meter)

    def items(self, usages: Sequence[Usage]) -> list[tuple[Number, int, Identity]]:
        """What the usage of each version comes to at the prices alone, by entry and stretch of versions."""
        quantities = [card.quantities(usage) for card, usage in zip(self.cards, usages, strict=True)]
        return entry_items(self.versions, self.cards, quantities, self.stretches)

    def _scale(self) -> int:
        """What makes the terms of the versions whole; entries widen it."""
        units = 10**self.places
        scale = lcm(units, *(amount.denominator for amount in amounts_of(self.versions)))
        for version in self.versions:
            price = version.plan.token_price
            if price is None:
                continue
            scale, parts = lcm(scale, 10**self.plan.pricing_unit.places), 10**self.plan.pricing_unit.places
            curve = price.pieces()
            wider = scale if curve is None else lcm(scale, denominator_of(curve, parts))
            scale = wider if wider <= WIDEST else scale
        return scale

    def _compiled(self) -> Terms:
        at = PlanScale(
            self.versions,
            cells=self.cells,
            scale=WHOLE if self.exactly else self.card.scale,
            places=self.places,
            whole_lines=self.whole_lines,
        )
        stages = [(stage, at.divisor) for compiled in STAGES for stage in compiled(at)]
        return Terms(self.cells, stages)

    def terms(self) -> Terms:
        """The stages, for all cells that there are by now: a meter met late may bring a new one."""
        terms = self._terms
        while len(terms.cells) != len(self.cells.masks):
            terms = self._terms = self._compiled()
        return terms

    def numerator(self, usage: Usage) -> Number:
        """What usage comes to at the prices alone, × the scale: all that a plain plan asks."""
        total: Number = 0
        card = self.card
        tiered: dict[EntryCurve, Quantity] = {}
        counted = usage.counted
        for meter in counted:  # its ``items`` would be made for each usage, which takes longer
            curve, quantity = card[meter], counted[meter]
            slope = curve.slope
            if slope is None:
                tiered[curve] = _sum(tiered[curve], quantity) if curve in tiered else quantity
            else:
                total += quantity * slope if type(quantity) is int else curve.at(quantity)
        if tiered:
            for curve, quantity in tiered.items():
                total += curve.at(quantity) - curve.standing
        return total + sum(curve.standing for curve in card.always) if card.always else total

    def added(self, usage: Usage, nets: list[Number], before: Tiered = NOTHING) -> Tiered:
        """Add what usage comes to, to sums by cell; the quantities on curves with tiers, old and new."""
        card, by_line, width = self.card, self.whole_lines, len(nets)
        tiered: dict[EntryCurve, Quantity] = {}
        counted = usage.counted
        for meter in counted:
            curve, quantity = card[meter], counted[meter]
            # a meter that no bill saw before may bring a cell that these sums do not have yet
            if curve.cell >= width:
                nets.extend([0] * (len(self.cells.masks) - width))
                width = len(nets)
            slope = curve.slope
            if slope is None or by_line:
                tiered[curve] = _sum(tiered[curve], quantity) if curve in tiered else quantity
            else:
                nets[curve.cell] += quantity * slope if type(quantity) is int else curve.at(quantity)
        if not tiered:
            return before
        # Read at the whole quantity: what it came to before goes, what it comes to now is added.
        for curve, quantity in tiered.items():
            was: Number = curve.standing
            if curve in before:
                prior = before[curve]
                tiered[curve], was = _sum(prior, quantity), curve.at(prior)
            now = curve.at(tiered[curve])
            nets[curve.cell] += self.charge(now) - self.charge(was) if by_line else now - was
        return {**before, **tiered} if before else tiered

    def charge(self, number: Number) -> Number:
        """What an entry's number is of a charge: rounded where lines are."""
        return self.round(number, self.divisor) if self.whole_lines else number

    def start(self, *, final: bool = False) -> list[Number]:
        """Sums by cell while nothing is used: fees, and entries that cost something even so.

        Fees in arrears are among them where the bill is the *final* one.
        """
        nets = list(self.terms().due[final])
        for curve in self.card.always:
            nets[curve.cell] += self.charge(curve.standing)
        return nets

    def units(self, sums: Sequence[Number], *, final: bool) -> Number:
        """Minor units that sums by cell come to, which began as an interim bill's, after all terms."""
        if self.fees is not None:
            whole = sum(sums)
            return self.round(whole + self.fees[1] - self.fees[0] if final else whole, self.divisor)
        return self.settled(self.whole(sums, final=True)[0] if final else list(sums), final=final)

    def settled(self, nets: list[Number], *, final: bool) -> Number:
        """Minor units of sums by cell with all that is due, after all terms; the sums are used up."""
        terms = self._terms
        # a meter that no bill saw before, this one's or that of another thread, brought a cell
        if len(nets) != len(terms.cells):
            nets, terms = self.whole(nets, final=False)
        run = RatingRun(nets, terms.cells, self.round, False, final)
        for apply in terms.sums:
            apply(run)
        return run.total

    def whole(self, sums: Sequence[Number], *, final: bool) -> tuple[list[Number], Terms]:
        """Sums by cell with what falls due at the end, for all cells that there are; and their terms."""
        terms, nets = self.terms(), list(sums)
        if len(nets) < len(terms.cells):
            nets += [0] * (len(terms.cells) - len(nets))
        if final:
            for cell, amount in terms.arrears:
                nets[cell] += amount
        return nets, terms

    def total(self, usage: Usage, *, final: bool = True) -> Decimal:
        """What a period of this usage comes to, by sums."""
        if self.fees is not None:
            units = self.round(self.numerator(usage) + self.fees[final], self.divisor)
        else:
            nets = self.start(final=final)
            self.added(usage, nets)
            units = self.settled(nets, final=final)
        return self.money(units)

    def money(self, units: int) -> Decimal:
        """Minor units as an amount."""
        try:
            return _multiply(units, self.minor_unit)
        except Inexact:
            return shifted(units, self.places)


def _sum(one: Quantity, other: Quantity) -> Quantity:
    """Two quantities of one entry, to which several meters may fall."""
    return one + other if type(one) is int and type(other) is int else EXACT.add(one, other)


def compiled_plan(plan: BillingPlan, period: Period | None = None) -> CompiledPlan:
    """The compiled form of a plan for a service period: kept by the plan, and by the part of its cycle.

    That of a user's own schedule is made anew each time, for what it answers may change.
    """
    last: tuple[Period | None, CompiledPlan] | None = plan.cache.get("last compiled")
    if last is not None and last[0] is period and not last[1].card.is_full:
        return last[1]
    if not isinstance(plan.prices, PriceSchedule):
        return CompiledPlan(plan, versions=[terms_of_plan(plan, period)])
    # of fees with periods of their own it is not the part that counts, but when it is
    # Not by the period itself: all whole months of a plan are one form, and a year has one for each part.
    key = plan.share(period), plan.fee_share(period), period if plan.own_fees or plan.commitment else None
    kept: dict[Any, Any] | None = plan.cache.get("compiled")
    if kept is None or len(kept) >= PERIODS:
        kept = plan.cache["compiled"] = {}
    found: CompiledPlan | None = kept.get(key)
    if found is None or found.card.is_full:
        found = kept[key] = CompiledPlan(plan, versions=[terms_of_plan(plan, period)])
    plan.cache["last compiled"] = period, found
    return found
