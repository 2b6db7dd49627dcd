"""The allowance of a subscription in FOCUS: the fee moves to the units that it covers, used or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from tokenbill.core.base.quoting import listed
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
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
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.price import After, Price
from tokenbill.core.rating.bill_request import used_in
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.core.rating.statement import entry_lines
from tokenbill.errors import InvalidPlan
from tokenbill.focus.costs import Cost, line_cost, priced, split
from tokenbill.focus.credit import Pair

__all__ = ["allowance_costs", "card_of", "covering", "token_rate", "used_by", "within_allowance"]


class Allowance(NamedTuple):
    """The units of one entry or group that the plan includes, how many are used, and what they are worth."""

    meter: Meter
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


def card_of(bill: Bill) -> CompiledPlan:
    """The compiled plan of a bill."""
    return compiled_plan(bill.plan, bill.period)


def used_by(card: CompiledPlan, usage: Usage) -> dict[Meter, Exact]:
    """What was used, by entry or group."""
    used: dict[Meter, Exact] = {}
    for meter, quantity in usage.items():
        key = card.card[meter].key
        used[key] = plus(used.get(key, ZERO), Decimal(quantity))
    return used


def within_allowance(card: CompiledPlan, usage: Usage) -> dict[Meter, Allowance]:
    """The allowances of a plan, by entry or group; those not touched count too."""
    allowances: dict[Meter, Allowance] = {}
    used = used_by(card, usage)
    for rate, _ in entry_lines(card, usage):
        entry = Meter(card.plan.prices.match(rate.key).key)
        # An allowance is a price that begins after its units: what is free is what it does not charge.
        if card.plan.allowance(entry) and isinstance(rate.price, After):
            units = rate.price.units
            allowances[rate.key] = Allowance(
                rate.key, units, min(used.get(rate.key, ZERO), units), rate.price.price
            )

    # The fee pays for units that nobody used, too; of an ``.each`` entry without usage there is no group.
    reached = {Meter(card.plan.prices.match(key).key) for key in allowances}
    for key in dict(card.plan.included).keys() - reached:
        rate = card.card[key]
        if isinstance(rate.price, After):
            allowances[key] = Allowance(rate.key, rate.price.units, ZERO, rate.price.price)
    return {key: allowances[key] for key in sorted(allowances) if allowances[key].units}


def covering(bill: Bill, pairs: Iterable[Pair], fee: str | None) -> list[Pair]:
    """The fees that pay for what the plan includes: those of the name *fee*, the first if it is None."""
    plan = bill.plan
    if not plan.fees or not any(units for _, units in plan.included):
        return []
    names = [each.name for each in plan.fees]
    wanted = names[0] if fee is None else fee
    if wanted and wanted not in names:
        raise InvalidPlan("not a fee of the plan", wanted, f"name one of {listed(names)}")
    fees = [pair for pair in pairs if pair.after.kind == "fee"]
    return [pair for pair in fees if any(line.description == wanted for line in pair.after.lines)]


def allowance_costs(bill: Bill, fees: Sequence[Pair], credit: Exact) -> list[Cost]:
    """The rows of what a plan includes: used in this bill, and unused where it closes the period.

    *credit* is the money that one unit of the schedule is worth; 1 where it is in money.
    """
    card, opening = card_of(bill), bill.opening
    after = within_allowance(card, used_in(bill.request))
    before = {} if opening.is_fresh else within_allowance(card, opening.used)
    now = decimal(exact_sum(decimal(pair.after.net) for pair in fees))
    then = decimal(exact_sum(decimal(pair.before.net) for pair in fees if pair.before))
    # FOCUS: a fee that covers later use has an EffectiveCost of 0, and the units covered carry it. What
    # they carry so far, less what they carried before, is the same however the period is cut.
    shares, earlier = _used_shares(after, now), _used_shares(before, then)
    costs: list[Cost] = []
    for key in sorted(after.keys() | before.keys()):
        used = difference(
            after[key].used if key in after else ZERO, before[key].used if key in before else ZERO
        )
        moved = decimal(difference(shares.get(key, ZERO), earlier.get(key, ZERO)))
        if used or moved:
            costs.append(_cost(after.get(key) or before[key], used, moved, credit, label="included"))
    if not bill.final:
        return costs

    # Nothing of the fee may be lost: what no used unit carries goes to the unused ones, to the last digit.
    rest = decimal(difference(now, exact_sum(shares.values())))
    weights = _weights(after)
    left = {key: difference(allowance.units, allowance.used) for key, allowance in after.items()}
    unused = [ratio(product(weights[key], left[key]), allowance.units) for key, allowance in after.items()]
    parts = split(rest, unused) or [*(ZERO for _ in list(after)[1:]), rest]
    for (key, allowance), part in zip(after.items(), parts, strict=True):
        if left[key] or part:
            cost = _cost(allowance, left[key], part, credit, label="unused")
            costs.append(cost._replace(consumed=ZERO, frequency="Recurring"))
    return costs


def _used_shares(allowances: Mapping[Meter, Allowance], fee: Decimal) -> dict[Meter, Decimal]:
    """The part of the fee that the units used so far carry."""
    whole = _weights(allowances)
    parts = {
        key: ratio(product(product(fee, whole[key]), allowance.used), allowance.units)
        for key, allowance in allowances.items()
    }
    return {key: decimal(part) for key, part in parts.items()}


def _weights(allowances: Mapping[Meter, Allowance]) -> dict[Meter, Exact]:
    """How a fee is divided between allowances: by what they are worth, or evenly if nothing has a price."""
    worth = {key: allowance.worth for key, allowance in allowances.items()}
    whole = exact_sum(worth.values())
    if not whole:
        return {key: ratio(ONE, Decimal(len(allowances))) for key in allowances}
    return {key: ratio(value, whole) for key, value in worth.items()}


def _cost(allowance: Allowance, units: Exact, moved: Decimal, credit: Exact, *, label: str) -> Cost:
    """Units of an allowance at the price of those beyond it, which the fee has paid."""
    rate, per = first_rate(allowance.price)
    # The unit price shown is what a unit would cost without the fee; a row bills nothing for it.
    charge = Charge(
        "usage", allowance.meter, f"{allowance.meter}, {label}", decimal(product(rate, credit)), per
    )
    line = LineItem(charge, decimal(units), ZERO, ZERO)
    (part,) = priced(line, {}, ONE)
    return line_cost("usage", line, part)._replace(consumed=decimal(units), effective=moved)


def token_rate(bill: Bill) -> Exact:
    """The money that one unit of the schedule is worth: 1, or what the token price asks for one token."""
    price = bill.plan.token_price
    if price is None:
        return ONE
    # A price of blocks has no rate for one token; then one token costs what a block of it does.
    rate, per = first_rate(price)
    return ratio(rate, per) if rate else amount_at(price, ONE)
