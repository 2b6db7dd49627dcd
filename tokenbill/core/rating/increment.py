"""Increments: what a bill adds to its opening account, and how the balance pays it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeAlias

from tokenbill.core.base.values import Memo
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import KEYS, Grant, Kind
from tokenbill.core.credits.ledger import Draws, draws_of
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, plus
from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.compiled import NO_BENT, Bent, Compiled
from tokenbill.core.rating.old_stages import rate
from tokenbill.core.rating.work import Asked, Item, Offers, Statement, drawn_on, together
from tokenbill.errors import AccountMismatch, BalanceExhausted, CurrencyMismatch

__all__ = ["NO_USAGE", "About", "Given", "Increment", "added_by", "used_in", "with_statements"]

NO_USAGE = Usage()
"""What an account begins with, and what a bill takes off unless told."""


class Opening(Protocol):
    """What a bill reads of the account before it."""

    @property
    def period(self) -> Period | None: ...
    @property
    def terms(self) -> str | None: ...
    @property
    def used(self) -> Usage: ...
    @property
    def accrued(self) -> Decimal: ...
    @property
    def draws(self) -> Draws: ...
    @property
    def balance(self) -> Balance: ...
    @property
    def carried(self) -> Decimal: ...
    @property
    def made(self) -> Memo: ...
    @property
    def is_fresh(self) -> bool: ...


About: TypeAlias = "tuple[tuple[str, str], ...]"
"""What is said of a bill, as sorted pairs."""

Given: TypeAlias = "tuple[Usage, BillingPlan, Opening, bool, Usage, About, Period | None, date | str | None]"
"""What a bill was asked with: usage, plan, opening, final, less, about, period, at; a plain tuple."""

Position: TypeAlias = "tuple[Compiled, Exact, Bent]"
"""Where an account stands on its plan's curves, so that the next event need not replay the period."""


class Increment(NamedTuple):
    """What a bill adds to an account, and the statements of the period after and before."""

    total: Decimal
    accrued: Decimal
    due: Decimal
    carried: Decimal
    position: Position | None
    balance: Balance
    draws: Draws = ()
    drawn: Draws = ()
    after: Statement | None = None
    before: Statement | None = None


def used_in(given: Given) -> Usage:
    """The usage of the whole period so far."""
    usage, _, opening, _, less, *_ = given
    if opening.used.counted:
        usage = opening.used + usage
    return usage - less if less is not NO_USAGE else usage


def added_by(given: Given, card: Compiled, *, refusing: bool = True) -> Increment:
    """What a bill adds to its opening account.

    Raises:
        AccountMismatch: If the account is of another period or terms, or its replay gives another amount.
        BalanceExhausted: If the plan refuses what the balance does not cover; nothing is half done.
    """
    opening = given[2]
    if card.simple and not opening.balance.grants:
        return _straight(given, card)
    found = _staged(given, card)
    if refusing and given[1].overage == "refuse" and given[0] and found.due:
        raise BalanceExhausted(found.due, given[1].currency.code)
    return found


def with_statements(added: Increment, given: Given, card: Compiled) -> Increment:
    """What a bill adds, with the statements of its period, where it has any; a stored bill keeps none."""
    is_whole = added.after is not None or (card.simple and not given[2].balance.grants)
    return added if is_whole else added_by(given, card, refusing=False)


def _straight(given: Given, card: Compiled) -> Increment:
    """Where nothing stands between prices and total: a difference of two points on each curve."""
    usage, _, opening, _, less, _, period, _ = given
    position = opening.made.get("position")
    if (
        position is None
        or position[0] is not card
        or (period is not opening.period and period != opening.period)
    ):
        position = _replayed(given, card)
    if less is NO_USAGE:
        numerator, bent = card.numerator(usage, position[1], position[2])
    else:
        numerator, bent = card.numerator(used_in(given))
    accrued = card.settled(numerator)
    before, carried = opening.accrued, opening.carried
    total = decimal(difference(accrued, before)) if before else accrued
    open = decimal(plus(total, carried)) if carried else total
    due, carried = (open, ZERO) if open >= 0 else (ZERO, open)
    position = (card, numerator, bent)
    return Increment._make(
        (total, accrued, due, carried, position, opening.balance, opening.draws, (), None, None)
    )


def _replayed(given: Given, card: Compiled) -> Position:
    """Where an account stands, by rating what it used; that must come to what it says was billed."""
    opening = given[2]
    if opening.is_fresh:
        return card, card.standing, NO_BENT
    _check_terms(given)
    _check_accrued(opening, rate(Asked(card, opening.used, final=False)).total)
    return card, *card.numerator(opening.used)


def _check_terms(given: Given) -> None:
    """An open account goes on with its own period and plan."""
    plan, opening, period = given[1], given[2], given[6]
    if opening.period != period:
        raise AccountMismatch("period", str(opening.period), str(period))
    if opening.terms != plan.fingerprint():
        raise AccountMismatch("hash of terms", opening.terms, plan.fingerprint())


def _check_accrued(opening: Opening, replayed: Decimal) -> None:
    if replayed != opening.accrued:
        way_out = "pass the closing of the bill before as it was stored"
        raise AccountMismatch("accrued amount", opening.accrued, replayed, way_out)


def _staged(given: Given, card: Compiled) -> Increment:
    """The difference of two statements of the period, and what the balance pays of it."""
    _, plan, opening, final, _, _, period, at = given
    _check_currencies(opening.balance, plan)
    before = _before(given, card)
    offers = _offers(opening, period, at) if opening.balance.grants else None
    asked = Asked(card, used_in(given), final, plan.share(period), plan.fee_share(period), offers, before)
    after = rate(asked)
    total = decimal(difference(after.total, opening.accrued))
    open = max(decimal(plus(total, opening.carried)), ZERO)
    paid = _paid(given, card, after, before, open)
    changes = _changes(before, after)
    due = decimal(difference(open, together(paid.values())))
    carried = min(decimal(plus(total, opening.carried)), ZERO)
    balance = opening.balance.drawn_by(_sum(changes, paid)) if changes or paid else opening.balance
    kept = {key: amount for key, amount in opening.draws if before is None or key not in before.draws}
    draws = draws_of(_sum(_sum(kept, paid), after.draws))
    drawn = tuple(sorted(_sum(changes, paid).items()))
    return Increment(total, after.total, due, carried, None, balance, draws, drawn, after, before)


def _before(given: Given, card: Compiled) -> Statement | None:
    """The statement of the period as its earlier bills left it; None for its first bill."""
    _, plan, opening, _, _, _, period, _ = given
    if opening.is_fresh:
        return None
    _check_terms(given)
    known = opening.made.get("statement")
    if known is not None and known[0] is card:
        return known[1]  # type: ignore[no-any-return]
    asked = Asked(card, opening.used, False, plan.share(period), plan.fee_share(period))
    # always with offers, though nothing was drawn: without them straight prices are not told apart by item,
    # and credit that came later would pay what was charged before
    replays = (rate(asked._replace(offers=_spent(opening, ended))) for ended in _endings(opening, period))
    first = next(replays)
    before = next((it for it in chain([first], replays) if _is_as_left(opening, it, plan)), first)
    _check_accrued(opening, before.total)
    return before


def _endings(opening: Opening, period: Period | None) -> Iterator[set[str]]:
    """Which grants had ended by the last bill, and so were drawn on first: no account tells its date."""
    drawn = [grant for grant in opening.balance.grants if grant.id in dict(opening.draws)]
    yield set()
    if period is not None:
        yield {grant.id for grant in drawn if grant.dated and not grant.usable_in(period)}
    for end in sorted({grant.expires for grant in drawn if grant.expires is not None}, key=utc):
        yield {grant.id for grant in drawn if grant.expired_at(end)}


def _is_as_left(opening: Opening, replayed: Statement, plan: BillingPlan) -> bool:
    """Whether a replay comes to what the account says was billed, and what was paid before tax."""
    grants = opening.balance.grants
    anew = {grant.id for grant in grants if grant.kind == "promotional" or grant.currency != plan.currency}
    paid = all(replayed.draws.get(key, ZERO) == amount for key, amount in opening.draws if key in anew)
    return paid and replayed.total == opening.accrued


def _check_currencies(balance: Balance, plan: BillingPlan) -> None:
    for unit in balance.currencies:
        if unit not in (plan.currency, plan.pricing_unit):
            raise CurrencyMismatch(unit, plan.currency)


def _offers(opening: Opening, period: Period | None, at: date | str | None) -> Offers:
    """What grants can pay now: what they drew in this period, and what is left of those usable."""

    def offers(currency: Currency, gifts: bool) -> Sequence[tuple[Grant, Decimal]]:
        kind: Kind | None = "promotional" if gifts else None
        return opening.balance.usable(at, period=period, currency=currency, kind=kind, drawn=opening.draws)

    return offers


def _spent(opening: Opening, ended: set[str]) -> Offers:
    """What grants drew in this period, in the order in which they were drawn on."""
    drawn, order = dict(opening.draws), opening.balance.order

    def place(grant: Grant) -> tuple[Any, ...]:
        left = ZERO if grant.id in ended else opening.balance.left(grant.id)
        offer = decimal(plus(left, drawn[grant.id]))
        return (grant.id not in ended, *(KEYS[key](grant, offer) for key in order))

    def offers(currency: Currency, gifts: bool) -> Sequence[tuple[Grant, Decimal]]:
        asked = [
            grant
            for grant in opening.balance.grants
            if grant.id in drawn and grant.currency == currency and (not gifts or grant.kind == "promotional")
        ]
        return [(grant, drawn[grant.id]) for grant in sorted(asked, key=place)]

    return offers


def _paid(
    given: Given, card: Compiled, after: Statement, before: Statement | None, open: Decimal
) -> dict[str, Decimal]:
    """What paid grants in money pay of this bill; they are never undone."""
    plan, opening, period, at = given[1], given[2], given[6], given[7]
    if not opening.balance.grants or not open:
        return {}
    offers = _placed(opening, opening.balance.usable(at, period=period, currency=plan.currency, kind="paid"))
    grown = _growth(after.items, before)
    parts = drawn_on(offers, after.items, grown, card.places, open)
    paid = {grant.id: together(part) for (grant, _), part in zip(offers, parts, strict=True)}
    return {key: amount for key, amount in paid.items() if amount}


def _placed(opening: Opening, offers: Sequence[tuple[Grant, Decimal]]) -> list[tuple[Grant, Decimal]]:
    """Grants in the places that they had when the period began, or a split would change who is larger."""
    drawn, order = dict(opening.draws), opening.balance.order

    def place(offer: tuple[Grant, Decimal]) -> tuple[Any, ...]:
        grant, left = offer
        first = decimal(plus(left, drawn.get(grant.id, ZERO)))
        return tuple(KEYS[key](grant, first) for key in order)

    return sorted(offers, key=place)


def _growth(items: Sequence[Item], before: Statement | None) -> list[Decimal]:
    """What this bill adds to each item, tax included."""
    earlier = {item.key: item.gross for item in before.items} if before else {}
    return [max(decimal(difference(item.gross, earlier.get(item.key, ZERO))), ZERO) for item in items]


def _changes(before: Statement | None, after: Statement) -> dict[str, Decimal]:
    """What token and promotional grants pay more, or less, than they had paid."""
    earlier = {key: difference(ZERO, amount) for key, amount in before.draws.items()} if before else {}
    changes = _sum(after.draws, earlier)
    return {key: amount for key, amount in changes.items() if amount}


def _sum(one: Mapping[str, Exact], other: Mapping[str, Exact]) -> dict[str, Decimal]:
    return {key: together([one.get(key, ZERO), other.get(key, ZERO)]) for key in (*one, *other)}
