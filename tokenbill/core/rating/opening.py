"""Openings: what a bill reads of the account before it, and the credit that it offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from tokenbill.core.base.quoting import quoted
from tokenbill.core.base.values import Cache
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draw_limits import time_of_draws
from tokenbill.core.credits.draws import CREDIT, NO_DRAWS, Limit, Offer, Units
from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.ledger import DrawsByCharge
from tokenbill.core.credits.windows import Windows
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum, plus
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.plans.levels import Levels
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.plan_scopes import check_scope
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.charge_run import Earlier, Offers, Sort, Sorts
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.statement import minor_units, places_of, units_drawn
from tokenbill.errors import AccountMismatch, CurrencyMismatch

__all__ = [
    "Opening",
    "changed_draws",
    "check_currencies",
    "check_entries",
    "check_grants",
    "draws_by_sort",
    "entries_within",
    "folded",
    "has_no_credit",
    "kept_draws",
    "offers_of",
    "sort_of",
]


class Opening(Protocol):
    """What a bill reads of the account before it."""

    @property
    def period(self) -> Period | None:
        """The service period that is open."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """The hash of the terms that it is billed on."""
        ...

    @property
    def used(self) -> Usage:
        """What was used in it so far."""
        ...

    @property
    def idle_labels(self) -> tuple[Meter, ...]:
        """The entries whose usage is one sum, whatever labels it had."""
        ...

    @property
    def accrued(self) -> Decimal:
        """What its bills came to."""
        ...

    @property
    def draws_by_charge(self) -> DrawsByCharge:
        """What credit paid in it, by grant and charge."""
        ...

    @property
    def balance(self) -> Balance:
        """The grants of the customer."""
        ...

    @property
    def credit_balance(self) -> Decimal:
        """A credit of the customer above zero, owed below."""
        ...

    @property
    def credit_currency(self) -> Currency | None:
        """What that is in, where it is known."""
        ...

    @property
    def windows(self) -> Windows:
        """What was used and drawn in windows of time."""
        ...

    @property
    def billed_at(self) -> date | None:
        """The last moment at which the open period was billed."""
        ...

    @property
    def goodwill(self) -> tuple[tuple[str, Decimal], ...]:
        """What was credited without a correction, by reason."""
        ...

    @property
    def levels(self) -> Levels:
        """How many seats and the like there are, since when."""
        ...

    @property
    def commitments(self) -> tuple[CommitmentMet, ...]:
        """What was met of commitments before the open period."""
        ...

    @property
    def cache(self) -> Cache:
        """What was worked out before."""
        ...

    @property
    def is_fresh(self) -> bool:
        """Whether no period is open."""
        ...


def offers_of(opening: Opening, plan: BillingPlan, period: Period | None, at: date | str | None) -> Offers:
    """What credit can pay now: what it drew in this period, and what is left of what is usable beside holds.

    A plan that refuses overage asks what the usage of holds comes to together with all other, so of them
    only those of an amount are held back: frozen parts of rounded sums would refuse what was reserved.
    """
    holds = opening.balance.open_holds
    held = None
    if holds:
        live = holds.live(at)
        held = live.amounts if plan.overage == "refuse" else live.reserved
    drawn = {id: decimal(exact_sum(amount for _, amount in parts)) for id, parts in opening.draws_by_charge}
    spent = drawn.pop(CREDIT, ZERO)

    # Windows of draw limits are looked up at the moment of the bill, though grants are asked by period.
    when = time_of_draws(at, period)

    def offers(sort: Sort) -> list[Offer]:
        if not opening.balance.grants:
            usable: Sequence[tuple[Grant, Decimal]] = ()
        elif sort == "tokens":
            usable = opening.balance.usable(
                at, period=period, currency=plan.pricing_unit, drawn=drawn, held=held
            )
        else:
            usable = opening.balance.usable(
                at, period=period, currency=plan.currency, kind=sort, drawn=drawn, held=held
            )
        places = places_of(plan, sort)
        found = [
            Offer(
                grant.id,
                minor_units(offer, places),
                grant.on,
                _limit(grant, opening, when, places),
                has_ended=not grant.is_usable(at, period),
            )
            for grant, offer in usable
        ]
        # what the balance paid in this period is offered again, as the draws of a grant are
        free = difference(opening.credit_balance, ZERO if held is None else held.get(CREDIT, ZERO))
        credit = minor_units(plus(spent, max(free, ZERO)), places)
        return [Offer(CREDIT, credit), *found] if sort == "paid" and credit else found

    return offers


def _limit(grant: Grant, opening: Opening, at: date | str | None, places: int) -> Limit | None:
    """What a grant with a draw limit may pay more than it paid."""
    if grant.most is None:
        return None
    return Limit(minor_units(grant.most.room(grant.id, opening.windows, at), places), grant.most.counts)


def draws_by_sort(opening: Opening, plan: BillingPlan, draws: DrawsByCharge | None = None) -> Sorts:
    """What was drawn in this period, or these draws of its grants, each sort for itself, in minor units."""
    sorts: dict[str, Sort] = {grant.id: sort_of(grant, plan) for grant in opening.balance.grants}
    sorts[CREDIT] = "paid"
    found: dict[Sort, dict[str, dict[str, Units]]] = {}
    # Each sort in its own minor units: tokens have the places of their unit, not those of the currency.
    for id, parts in opening.draws_by_charge if draws is None else draws:
        places = places_of(plan, sorts[id])
        found.setdefault(sorts[id], {})[id] = {key: minor_units(amount, places) for key, amount in parts}
    return found


def entries_within(plan: BillingPlan, keys: Iterable[Meter]) -> set[Meter]:
    """The entries that price a part of what falls under others: those with the same labels, and more."""
    prices: Any = plan.prices
    entries = list(prices) if isinstance(prices, PriceSchedule) else []
    return {entry for key in keys for entry in entries if entry != key and key.includes(entry)}


def check_entries(opening: Opening, plan: BillingPlan) -> None:
    """Entries that were added within one whose usage is one sum would have priced a part of it.

    Raises:
        AccountMismatch: If there is one: nobody knows any more how much that part was.
    """
    if opening.idle_labels and opening.fingerprint != plan.fingerprint():
        for entry in sorted(entries_within(plan, opening.idle_labels).difference(opening.idle_labels)):
            within = next(key for key in opening.idle_labels if key.includes(entry))
            way_out = "date it, contract.amended(at, plan), or rate the past anew: Bill.of(…, restate=True)"
            raise AccountMismatch(f"usage within {quoted(within)}", "one sum", f"an entry {entry}", way_out)


def folded(usage: Usage, plan: CompiledPlan, within: Iterable[str] | None = None) -> tuple[Usage, set[Meter]]:
    """Usage without the labels that no price looks at, and the entries that had some.

    What labels tell apart and no price does is one sum: a thousand of them cost no more than one. A schedule
    of a user's own may look at anything, so its meters stay as they are.
    """
    card, counted = plan.card, usage.counted
    if card.keys() >= counted.keys() and (not card.idle or card.idle.keys().isdisjoint(counted)):
        return usage, set()  # the card has met all of them, and none with labels that it does not look at
    keys = {meter: card[meter].key for meter in counted}
    idle = {key for meter, key in keys.items() if key != meter}
    if within is not None:
        idle &= set(within)
    # A schedule of a user's own may price by any label at any time.
    if not idle or not isinstance(plan.plan.prices, PriceSchedule):
        return usage, set()
    # as they were counted, for sums of ints are those that every later event adds to
    pairs = [(keys[meter] if keys[meter] in idle else meter, it) for meter, it in counted.items()]
    return Usage(pairs), idle


def has_no_credit(opening: Opening) -> bool:
    """Whether there is no credit to draw on, nor was any drawn."""
    return not (opening.balance.grants or opening.draws_by_charge or opening.credit_balance > 0)


def kept_draws(draws: Sorts, plan: BillingPlan) -> DrawsByCharge:
    """Draws as an account keeps them."""
    return tuple(
        sorted(
            (id, tuple(sorted((key, units_drawn(amount, plan, sort)) for key, amount in parts.items())))
            for sort, drawn in draws.items()
            for id, parts in drawn.items()
        )
    )


def changed_draws(draws: Sorts, earlier: Sorts, plan: BillingPlan) -> dict[str, Decimal]:
    """What each grant pays more, or less, than it had paid."""
    changes: dict[str, Decimal] = {}
    both: Sorts = {**earlier, **draws}
    for sort in both:
        now, before = draws.get(sort, NO_DRAWS), earlier.get(sort, NO_DRAWS)
        # a grant that pays nothing now had perhaps paid before, and gets that back
        for id in {**before, **now}:
            change = sum(now.get(id, {}).values()) - sum(before.get(id, {}).values())
            if change:
                changes[id] = units_drawn(change, plan, sort)
    return changes


def least_of(exact: Earlier, settled: Earlier) -> Earlier:
    """Charges at the lesser of what they came to and what was settled of it.

    What rounding left out of a bill was never charged, so that any credit may pay it now.
    """
    return {
        sort: {key: min(amount, settled.get(sort, {}).get(key, amount)) for key, amount in amounts.items()}
        for sort, amounts in exact.items()
    }


def sort_of(grant: Grant, plan: BillingPlan) -> Sort:
    """Which sort of credit a grant is on a plan."""
    if grant.currency != plan.currency:
        return "tokens"
    return "promotional" if grant.kind == "promotional" else "paid"


def check_grants(opening: Opening, plan: BillingPlan, contract: Any = None) -> None:
    """What a grant is on has to be there: on the plan, or on some plan of the contract."""
    scoped = [
        (f"{what} {grant.id}", on)
        for grant in opening.balance.grants
        for what, on in (("grant", grant.on), ("a draw limit of grant", grant.most and grant.most.on))
        if on and opening.balance.left(grant.id)
    ]
    if scoped:
        amended = () if contract is None else (contract.plan, *(item.plan for item in contract.amendments))
        for what, on in scoped:
            check_scope(what, on, [plan, *amended])


def check_currencies(opening: Opening, plan: BillingPlan) -> None:
    """Yen never pay dollars, whether they are a grant or what a bill gave back."""
    # Nothing is converted on the way: a rate of exchange is a price, and no bill knows one.
    for unit in opening.balance.currencies:
        if unit not in (plan.currency, plan.pricing_unit):
            raise CurrencyMismatch(unit, plan.currency)
    if opening.credit_balance and opening.credit_currency not in (None, plan.currency):
        raise CurrencyMismatch(opening.credit_currency, plan.currency)
