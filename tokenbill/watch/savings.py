"""Savings: what could be paid less for the same work, each with its amount."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast

from attrs import frozen

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.tables import Listing, digits, html_table, shortest
from tokenbill.core.base.values import Value
from tokenbill.core.billing.account import NEW
from tokenbill.core.billing.dated import bill_request, is_dated
from tokenbill.core.metering.meters import LLM_METERS, Meter, is_label
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, Number, decimal, difference, exact_sum, number, product
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.period import period as checked_period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.rates import Package
from tokenbill.core.pricing.schedule import Prices, PriceSchedule
from tokenbill.core.rating.bill_request import BillRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.statement import plain_lines
from tokenbill.errors import CurrencyMismatch, InvalidMeter, InvalidPlan, InvalidUsage
from tokenbill.shared.forecasts import invoice_preview

__all__ = ["Advice", "advice", "footprint", "with_share"]

TOKENS: Final = frozenset(Meter(text).name for text in LLM_METERS)
INPUT: Final = "input_tokens"


@frozen(repr=False)
class Advice(Value):
    """One change, and what it saves: *before* less *after*, both for the same usage.

    | code | the change |
    | --- | --- |
    | ``cache`` | a share of the input is read from a cache |
    | ``batch`` | a share of the tokens is sent in batches |
    | ``plan`` | another plan |
    | ``package`` | another prepaid package |
    """

    code: str
    message: str
    before: Decimal
    after: Decimal
    currency: str

    @property
    def saving(self) -> Decimal:
        """What is paid less, more than zero, in the plan's currency."""
        return decimal(difference(self.before, self.after))

    def __str__(self) -> str:
        saved = f"saves {digits(self.saving)} {self.currency}"
        return f"{self.message}: {saved}, {digits(self.after)} in place of {digits(self.before)}"

    def titles(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """What the cells are called, and which of them are numbers."""
        return ("change", "before", "after", "saving", ""), (1, 2, 3)

    def cells(self) -> tuple[str, ...]:
        """The change as a row."""
        amounts = (digits(amount) for amount in (self.before, self.after, self.saving))
        return (self.message, *amounts, self.currency)

    def _repr_html_(self) -> str:
        header, numbers = self.titles()
        return html_table(header, [self.cells()], numbers=numbers)


def advice(
    usage: Usage | Mapping[Any, Usage],
    plan: BillingPlan | Contract,
    *,
    period: Period | None = None,
    cached: Number = 0,
    batched: Number = 0,
    plans: Iterable[BillingPlan | Contract] = (),
    packages: Iterable[Package] = (),
) -> tuple[Advice, ...]:
    """What would make the bill of *usage* smaller, the largest saving first; nothing without a number.

    Each is computed by itself, as the difference of two bills of the whole usage: savings do not add up.

    Args:
        usage: What is used in a period; a forecast's, or that of a period gone by. By date or instant where
            the terms change within it.
        plan: The terms today, a plan or a contract.
        period: The service period, where fees depend on it.
        cached: The share of uncached input tokens, 0 to 1, that could be read from a cache.
        batched: The share of tokens, 0 to 1, that could be sent in batches.
        plans: Other plans, in the same currency.
        packages: Prepaid packages, today's first: ``size`` in the units of the schedule, ``fee`` in the
            plan's currency. Whole packages are bought, and what is left of the last one counts as lost.

    Raises:
        InvalidUsage: If a share is not between 0 and 1.
        CurrencyMismatch: If a plan is in another currency.
        InvalidPlan: If one of *plans* or *packages* is something else.
        UnpricedUsage: If a plan has no price for a meter.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(
    ...     {"input_tokens": "0.03", "input_tokens{cache=read}": "0.003"}
    ... )
    >>> print(
    ...     *advice(Usage(input_tokens=1000), BillingPlan.on_demand(prices), cached="0.5")
    ... )
    read 0.5 of the input from a cache: saves 13.50 USD, 16.50 in place of 30.00
    """
    period = None if period is None else checked_period(period)
    request, compiled = bill_request(usage, plan, period, cast(Any, NEW), final=True, at=None)
    terms = request.plan

    def cost(used: Usage | Mapping[Any, Usage], terms: BillingPlan | Contract) -> Decimal:
        return invoice_preview(used, terms, period=period).accrued

    # Each change is made alone: who reads from a cache has less left to send in batches.
    now = cost(usage, plan)
    changes = list[tuple[str, str, Decimal, Decimal]]()
    if part := _share(cached, "the input that could be cached"):
        message = f"read {shortest(part)} of the input from a cache"
        changes.append(
            ("cache", message, now, cost(_with_shares(usage, part, "cache", "read", {INPUT}), plan))
        )
    if part := _share(batched, "the tokens that could be batched"):
        message = f"send {shortest(part)} of the tokens in batches"
        changes.append(
            ("batch", message, now, cost(_with_shares(usage, part, "variant", "batch", TOKENS), plan))
        )
    for other in _listed(plans, BillingPlan, Contract):
        first = other.plan if isinstance(other, Contract) else other
        if first.currency != terms.currency:
            raise CurrencyMismatch(terms.currency, first.currency)
        changes.append(("plan", f"change to {first.name or 'another plan'}", now, cost(usage, other)))

    # Packages are bought for all that the usage comes to in the units of the schedule, today's first.
    offers = _listed(packages, Package)
    if offers:
        need = _at_the_prices(request, compiled)
        rounding = Rounding(terms.rounding.known_places(terms.currency.places), mode=terms.rounding.mode)
        before = rounding(offers[0].amount(need))
        for package in offers[1:]:
            message = f"buy packages of {shortest(package.size)} in place of {shortest(offers[0].size)}"
            changes.append(("package", message, before, rounding(package.amount(need))))
    every = (Advice(*change, terms.currency.code) for change in changes)
    return Listing(sorted((it for it in every if it.saving > 0), key=lambda it: -Fraction(it.saving)))


def _at_the_prices(request: BillRequest, compiled: CompiledPlan) -> Exact:
    """What the usage of a period comes to at the prices alone, in the units of the schedule."""
    if request.versions is None:
        return exact_sum([line.precise for line in plain_lines(compiled, request.usage)])
    items = compiled.items(request.versions.usages)
    return exact_sum(line.precise for _, _, identity in items for line in identity.of.lines)


def _listed(values: Any, *kinds: type) -> tuple[Any, ...]:
    listed, name = listed_of(values), kinds[0].__name__
    if listed is None or not all(isinstance(value, kinds) for value in listed):
        raise InvalidPlan(f"not {name}s to compare with", values, f"give a list of {name}s")
    return listed


def _with_shares(
    usage: Any, share: Decimal, label: str, value: str, names: Iterable[str]
) -> Usage | Mapping[Any, Usage]:
    """The same share of usage, or of that of each date."""
    if not is_dated(usage):
        return with_share(Usage(usage), share, label, value, names=names)
    dated: Mapping[Any, Usage] = usage
    return {when: with_share(part, share, label, value, names=names) for when, part in dated.items()}


def _share(value: Number, of: str) -> Decimal:
    share = number(value)
    if not 0 <= share <= 1:
        raise InvalidUsage(f"not a share of {of}", value, "give 0 to 1")
    return share


def with_share(
    usage: Usage, share: Number, label: str, value: str, *, names: Iterable[str] | None = None
) -> Usage:
    """Usage of which a share of every meter without a *label* has it, with this *value*.

    *names* are those of the meters that it concerns; without *names* it is all of them.

    Raises:
        InvalidUsage: If the share is not between 0 and 1, or *usage* is not usage.
        InvalidMeter: If *label* or *value* cannot be one of a meter.

    >>> with_share(Usage(input_tokens=100), "0.25", "cache", "read")
    Usage({'input_tokens': 75.00, 'input_tokens{cache=read}': 25.00})
    """
    used, part = Usage(usage), _share(share, "the usage")
    wanted = None if names is None else listed_of(names)
    if not is_label(label):
        raise InvalidMeter("not the name of a label", label, 'give a name: "cache"')
    if names is not None and wanted is None:
        raise InvalidMeter("not names of meters", names, 'give a list: ["input_tokens"]')
    # What is left is the difference, so that no unit is lost to the division.
    pairs = list[tuple[Meter, Exact]]()
    for meter, quantity in used.items():
        moved: Exact = ZERO
        if label not in meter.labels and (wanted is None or meter.name in wanted):
            moved = product(quantity, part)
            pairs.append((Meter(meter.name, {**meter.labels, label: value}), moved))
        pairs.append((meter, difference(quantity, moved)))
    return Usage([(meter, decimal(quantity)) for meter, quantity in pairs])


def footprint(usage: Usage, factors: Prices, meter: str) -> Usage:
    """What a usage uses of something else, such as energy or carbon: so much for each unit, as a meter.

    The labels stay, so that energy by region becomes carbon by region. Add it to the usage, and price it
    at 0 or at what it costs: it stands on the bill beside the money. Each meter is converted by itself.

    Args:
        usage: What was used.
        factors: By meter, as prices are written: the amount is in the unit of *meter*.
        meter: The name of the new meter, which says its unit: ``energy_kwh``.

    Raises:
        UnpricedUsage: If a meter has no factor; write 0 for one that uses nothing.

    >>> energy = footprint(
    ...     Usage({"gpu_hours{region=eu}": 10}), {"gpu_hours": "0.7"}, "energy_kwh"
    ... )
    >>> energy, footprint(energy, {"energy_kwh{region=eu}": "0.25"}, "carbon_kg")
    (Usage({'energy_kwh{region=eu}': 7}), Usage({'carbon_kg{region=eu}': 1.75}))
    """
    schedule, name = PriceSchedule(factors), Meter(meter).name
    pairs = list[tuple[Meter, Decimal]]()
    for source, quantity in Usage(usage).items():
        price = schedule.match(source).price
        # Each meter is converted by itself, so it is its own group of an ``.each`` price.
        curve = price.price if isinstance(price, Each) else price
        pairs.append((Meter(name, source.labels), decimal(curve.exact(quantity))))
    return Usage(pairs)
