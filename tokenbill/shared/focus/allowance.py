"""The allowance of a subscription in FOCUS: the fee moves to the units that it covers, used or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    plus,
    product,
    ratio,
)
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.price import After, Price
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.shared.focus.costs import Cost, line_cost, priced, split
from tokenbill.shared.focus.stretches import ItemKey, RatedPeriod

__all__ = ["Allowance", "FeeMoved", "allowance_costs", "covering", "moved_costs", "within_allowance"]


FeeMoved: TypeAlias = "tuple[Decimal, Decimal]"
"""What of a fee is with the units that it covers, after a bill and before it."""


class Allowance(NamedTuple):
    """The units of one entry or group that the plan includes, how many are used, and what they are worth."""

    meter: Meter
    version: int
    units: Exact
    used: Exact
    price: Price

    @property
    def worth(self) -> Exact:
        """What the units would cost at the price of those beyond them."""
        rate, per = first_rate(self.price)
        return ratio(product(self.units, rate), per)


def first_rate(price: Price) -> tuple[Exact, Decimal]:
    """What the first unit costs, and how many units that is quoted for; nothing where no rate says it."""
    for component in price.breakdown(ONE):
        if component.rate is not None:
            return component.rate, component.per
    return ZERO, ONE


def within_allowance(period: RatedPeriod) -> dict[ItemKey, Allowance]:
    """The allowances of a period, by entry or group and stretch of versions; those not touched count too."""
    found: dict[ItemKey, Allowance] = {}
    reached = set[Meter]()
    for stretch in period.stretches():
        item, version = stretch.item, stretch.version
        own, now = period.allowance(version, item.curve.key), period.allowance_now(stretch)
        price = own or now
        if price is not None:
            reached.add(Meter(period.terms(version).prices.match(item.curve.key).key))
            # An allowance is a price that begins after its units: what is free is what it does not charge.
            free, total = (ZERO if each is None else each.units for each in (own, now))
            before, after = Decimal(item.before), Decimal(item.after)
            used = difference(min(after, free), min(before, free))
            left = difference(max(total, after), after) if stretch.is_last else ZERO
            found[stretch.key] = Allowance(item.curve.key, version, plus(used, left), used, price.price)

    # The fee pays for units that nobody used, too; of an ``.each`` entry without usage there is no group.
    last = len(period.parts) - 1
    for key in period.terms(last).free_units.keys() - reached:
        curve = period.plan.cards[last][key]
        if isinstance(curve.price, After):
            unused = Allowance(curve.key, last, curve.price.units, ZERO, curve.price.price)
            found[period.key(curve.identity.key, last)] = unused
    in_order = sorted(found.items(), key=lambda pair: pair[1][:2])
    return {key: allowance for key, allowance in in_order if allowance.units}


def covering(period: RatedPeriod, fee: str | None) -> frozenset[str]:
    """The names of the fees that pay for what a plan includes: *fee*, or else the first of each version.

    None do where nothing is included, or where they are not due yet: then a fee has a cost of its own.
    """
    versions = period.plan.versions
    names = [version.fees[0].name for version in versions if version.fees] if fee is None else [fee]
    is_any = any(units for version in versions for units in version.plan.free_units.values())
    due = {line.description for charge in period.charges if charge.kind == "fee" for line in charge.lines}
    return frozenset(due.intersection(names)) if is_any and within_allowance(period) else frozenset()


def allowance_costs(
    now: RatedPeriod, before: RatedPeriod | None, fees: Sequence[FeeMoved], *, final: bool
) -> list[Cost]:
    """The rows of what a plan includes: used in this bill, and unused where it closes the period.

    *fees* are what the fees that pay for it come to after the bill, and before it.
    """
    earlier = {} if before is None else within_allowance(before)
    return moved_costs(now, within_allowance(now), earlier, fees, final=final)


def moved_costs(
    now: RatedPeriod,
    after: Mapping[ItemKey, Allowance],
    earlier: Mapping[ItemKey, Allowance],
    fees: Sequence[FeeMoved],
    *,
    final: bool,
) -> list[Cost]:
    """The rows of allowances, as a bill leaves them and as it found them."""
    owed, then = (decimal(exact_sum(parts)) for parts in zip(*fees, strict=True))
    # FOCUS: a fee that covers later use has an EffectiveCost of 0, and the units covered carry it. What
    # they carry so far, less what they carried before, is the same however the period is cut.
    shares, shares_then = _used_shares(after, owed), _used_shares(earlier, then)
    costs: list[Cost] = []
    for key in sorted(after.keys() | earlier.keys()):
        used = difference(
            after[key].used if key in after else ZERO, earlier[key].used if key in earlier else ZERO
        )
        moved = decimal(difference(shares.get(key, ZERO), shares_then.get(key, ZERO)))
        if used or moved:
            allowance = after.get(key) or earlier[key]._replace(version=now.version_at(key[1]))
            costs.append(_cost(now, allowance, used, moved, label="included"))
    if not (final and after):
        return costs

    # Nothing of the fee may be lost: what no used unit carries goes to the unused ones, to the last digit.
    rest = decimal(difference(owed, exact_sum(shares.values())))
    weights = _weights(after)
    left = {key: difference(allowance.units, allowance.used) for key, allowance in after.items()}
    unused = [ratio(product(weights[key], left[key]), allowance.units) for key, allowance in after.items()]
    parts = split(rest, unused) or [*(ZERO for _ in list(after)[1:]), rest]
    for (key, allowance), part in zip(after.items(), parts, strict=True):
        if left[key] or part:
            cost = _cost(now, allowance, left[key], part, label="unused")
            costs.append(cost._replace(consumed=ZERO, frequency="Recurring"))
    return costs


def _used_shares(allowances: Mapping[ItemKey, Allowance], fee: Decimal) -> dict[ItemKey, Decimal]:
    """The part of the fee that the units used so far carry."""
    whole = _weights(allowances)
    parts = {
        key: ratio(product(product(fee, whole[key]), allowance.used), allowance.units)
        for key, allowance in allowances.items()
    }
    return {key: decimal(part) for key, part in parts.items()}


def _weights(allowances: Mapping[ItemKey, Allowance]) -> dict[ItemKey, Exact]:
    """How a fee is divided between allowances: by what they are worth, or evenly if nothing has a price."""
    worth = {key: allowance.worth for key, allowance in allowances.items()}
    whole = exact_sum(worth.values())
    if not whole:
        return {key: ratio(ONE, Decimal(len(allowances))) for key in allowances}
    return {key: ratio(value, whole) for key, value in worth.items()}


def _cost(now: RatedPeriod, allowance: Allowance, units: Exact, moved: Decimal, *, label: str) -> Cost:
    """Units of an allowance at the price of those beyond it, which the fee has paid."""
    rate, per = first_rate(allowance.price)
    # The unit price shown is what a unit would cost without the fee; a row bills nothing for it.
    worth = decimal(product(rate, token_rate(now.terms(allowance.version))))
    charge = Charge("usage", allowance.meter, f"{allowance.meter}, {label}", worth, per)
    line = LineItem(charge, decimal(units), ZERO, ZERO)
    (part,) = priced(line, {}, ONE)
    cost = line_cost("usage", line, part)._replace(consumed=decimal(units), effective=moved)
    return cost.within(allowance.version, now.part_of((allowance.version,)))


def token_rate(plan: BillingPlan) -> Exact:
    """The money that one unit of the schedule is worth: 1, or what the token price asks for one token."""
    price = plan.token_price
    if price is None:
        return ONE
    # A price of blocks has no rate for one token; then one token costs what a block of it does.
    rate, per = first_rate(price)
    return ratio(rate, per) if rate else amount_at(price, ONE)
