"""Increments: what a bill adds to its opening account, and how the balance pays it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.base.quoting import quoted
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import CREDIT, NO_DRAWS, Offer
from tokenbill.core.credits.ledger import Draws as ByGrant
from tokenbill.core.credits.ledger import DrawsByCharge
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.rating.charges import usage_lines
from tokenbill.core.rating.compiled import NO_BENT, Bent, Compiled, compiled_form
from tokenbill.core.rating.draws_by_grant import UNKNOWN, laid_out
from tokenbill.core.rating.old_stages import rate
from tokenbill.core.rating.opening import Opening, check_currencies, draws_by_sort, offers_of
from tokenbill.core.rating.work import (
    NOTHING_DRAWN,
    Asked,
    Draws,
    Item,
    Sort,
    Sorts,
    Statement,
    drawn_on,
    paid_of,
    sum_of,
    together,
    total_exact,
    total_of,
)
from tokenbill.errors import AccountMismatch, BalanceExhausted

__all__ = [
    "NO_USAGE",
    "About",
    "Given",
    "Increment",
    "added_by",
    "folded",
    "is_straight",
    "lacking_of",
    "used_in",
    "with_statements",
]

AS_STORED = "pass the closing of the bill before as it was stored"
UNITS: Mapping[Sort, str] = MappingProxyType({"tokens": "tokens", "promotional": "units", "paid": "gross"})
"""What each sort of credit pays of a charge."""

NO_USAGE = Usage()
"""What an account begins with, and what a bill takes off unless told."""


About: TypeAlias = "tuple[tuple[str, str], ...]"
"""What is said of a bill, as sorted pairs."""

Given: TypeAlias = "tuple[Usage, BillingPlan, Opening, bool, Usage, About, Period | None, date | str | None]"
"""What a bill was asked with: usage, plan, opening, final, less, about, period, at; a plain tuple."""

Position: TypeAlias = "tuple[Compiled, Exact, Bent]"
"""Where an account stands on its plan's curves, so that the next event need not replay the period."""


class Increment(NamedTuple):
    """What a bill adds to an account, and the statements of the period after and before.

    ``draws`` are those of the period, by grant and charge; ``drawn`` what this bill adds to them, by grant.
    """

    total: Decimal
    accrued: Decimal
    due: Decimal
    credit_balance: Decimal
    position: Position | None
    balance: Balance
    draws: DrawsByCharge = ()
    drawn: ByGrant = ()
    after: Statement | None = None
    before: Statement | None = None


def used_in(given: Given) -> Usage:
    """The usage of the whole period so far."""
    usage, plan, opening, _, reversal, _, period, _ = given
    if opening.idle_labels and (usage or reversal):
        card = compiled_form(plan, plan.share(period))
        usage, reversal = (folded(part, card, opening.idle_labels)[0] for part in (usage, reversal))
    if opening.used.counted:
        usage = opening.used + usage
    return usage - reversal if reversal is not NO_USAGE else usage


def folded(usage: Usage, card: Compiled, within: Iterable[str] | None = None) -> tuple[Usage, set[Meter]]:
    """Usage without the labels that no price looks at, and the entries that had some.

    What labels tell apart and no price does is one sum: a thousand of them cost no more than one. A schedule
    of a user's own may look at anything, so its meters stay as they are.
    """
    keys = {meter: card[meter].key for meter in usage.counted}
    idle = {key for meter, key in keys.items() if key != meter}
    if within is not None:
        idle &= set(within)
    if not idle or not isinstance(card.plan.prices, PriceSchedule):
        return usage, set()
    pairs = [(keys[meter] if keys[meter] in idle else meter, usage[meter]) for meter in usage.counted]
    return Usage(pairs), idle


def added_by(given: Given, card: Compiled, *, refusing: bool = True) -> Increment:
    """What a bill adds to its opening account.

    Raises:
        AccountMismatch: If the account is of another period or terms, or its replay gives another amount.
        BalanceExhausted: If the plan refuses what the balance does not cover; nothing is half done.
        CurrencyMismatch: If a grant or the credit balance is in a currency that the plan does not know.
    """
    if is_straight(given[2], card):
        return _straight(given, card)
    if refusing and given[1].overage == "refuse" and given[0]:
        found, lacking = _weighed(given, card)
        if lacking:
            raise BalanceExhausted(lacking, given[1].currency.code)
        return found
    return _staged(given, card)[0]


def lacking_of(given: Given, card: Compiled) -> Decimal:
    """What the balance does not cover of the exact amount of a bill, rounded up; zero where it does."""
    return _weighed(given, card)[1]


def is_straight(opening: Opening, card: Compiled) -> bool:
    """Whether nothing stands between prices and due: no terms, and no credit to draw on."""
    return card.simple and not (
        opening.balance.grants or opening.draws_by_charge or opening.credit_balance > 0
    )


def with_statements(added: Increment, given: Given, card: Compiled) -> Increment:
    """What a bill adds, with the statements of its period, where it has any; a stored bill keeps none."""
    is_whole = added.after is not None or is_straight(given[2], card)
    return added if is_whole else _staged(given, card)[0]


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
    before, credit = opening.accrued, opening.credit_balance
    if credit:  # what is owed is of one currency, too
        check_currencies(opening, given[1])
    total = decimal(difference(accrued, before)) if before else accrued
    open = decimal(difference(total, credit)) if credit else total
    due, credit = (open, ZERO) if open >= 0 else (ZERO, open.copy_negate())
    position = (card, numerator, bent)
    return Increment._make((total, accrued, due, credit, position, opening.balance, (), (), None, None))


def _replayed(given: Given, card: Compiled) -> Position:
    """Where an account stands, by rating what it used; that must come to what it says was billed."""
    opening = given[2]
    if opening.is_fresh:
        return card, card.standing, NO_BENT
    _check_terms(given)
    _check_accrued(opening, total_of(card, usage_lines(card, opening.used)))
    return card, *card.numerator(opening.used)


def _check_terms(given: Given) -> None:
    """An open account goes on with its own period and plan."""
    plan, opening, period = given[1], given[2], given[6]
    if opening.period != period:
        raise AccountMismatch("period", str(opening.period), str(period))
    if opening.fingerprint != plan.fingerprint():
        raise AccountMismatch("hash of terms", opening.fingerprint, plan.fingerprint())


def _check_accrued(opening: Opening, replayed: Decimal) -> None:
    if replayed != opening.accrued:
        raise AccountMismatch("accrued amount", opening.accrued, replayed, AS_STORED)


def _staged(given: Given, card: Compiled) -> tuple[Increment, Asked]:
    """The difference of two statements of the period, and what credit pays of it; and how it was rated."""
    _, plan, opening, final, _, _, period, at = given
    check_currencies(opening, plan)
    before, earlier = _before(given, card)
    offers = offers_of(opening, plan, period, at)
    shares = plan.share(period), plan.fee_share(period)
    asked = Asked(card, used_in(given), final, *shares, offers, before, earlier)
    after = rate(asked)
    was = before.items if before else ()
    before_paid = earlier.get("paid", NO_DRAWS)
    money: dict[str, Any] = {"before": was, "earlier": before_paid, "places": card.places}
    paid = drawn_on(offers("paid"), after.items, "gross", **money)
    accrued = decimal(after.total)
    total = decimal(difference(accrued, opening.accrued))
    draws = {**after.draws, **paid}
    changes = _changes(draws, {id: parts for sort in earlier.values() for id, parts in sort.items()})
    # cash is what credit does not pay; what was paid too much of it goes to the credit balance
    spent, in_money = changes.pop(CREDIT, ZERO), set(paid) | set(before_paid)
    credit = decimal(difference(opening.credit_balance, spent))
    cash = difference(total, together([spent, *(part for id, part in changes.items() if id in in_money)]))
    due = decimal(max(difference(cash, min(credit, ZERO)), ZERO))
    credit = together([credit, due, difference(ZERO, cash)]) or ZERO
    balance = opening.balance.drawn_by(changes) if changes else opening.balance
    kept: Any = tuple(sorted((id, tuple(sorted(parts.items()))) for id, parts in draws.items()))
    drawn = tuple(sorted(changes.items()))
    added = Increment(total, accrued, due, credit, None, balance, kept, drawn, after, before)
    return added, asked


def _weighed(given: Given, card: Compiled) -> tuple[Increment, Decimal]:
    """What a bill adds, and what is not there of its exact amount.

    What the period comes to, before rounding, less what its past came to, or less what was billed of that if
    it is more: rounded amounts would serve fourteen calls of a tenth of a token for one token, and refuse a
    third of a cent after a fee of 10.333…
    """
    opening = given[2]
    if is_straight(opening, card):
        added, asked = _straight(given, card), Asked(card, used_in(given), given[3])
    else:
        added, asked = _staged(given, card)
    was, paid, offers = None, asked.draws.get("paid", NO_DRAWS), asked.offers
    past: Exact = ZERO
    if added.before is not None or not opening.is_fresh:
        was = rate(asked._replace(usage=opening.used, final=False, offers=None, before=None, exact=True))
        past = max(was.total, opening.accrued)
        was = was._replace(items=_least(was.items, added.before.items if added.before else ()))
    now = rate(asked._replace(offers=offers or _nothing, before=was, exact=True))
    pays: Draws = NO_DRAWS
    if offers is not None:
        money: dict[str, Any] = {"before": was.items if was else (), "earlier": paid, "places": card.places}
        pays = drawn_on(offers("paid"), now.items, "gross", exact=True, **money)
    needed = difference(now.total, past)
    there = difference(sum_of(pays), sum_of(paid))
    lacking = max(difference(needed, there), added.due)
    return added, Rounding(card.places, mode="up")(max(lacking, ZERO))


def _least(exact: Iterable[Item], settled: Iterable[Item]) -> list[Item]:
    """Charges at the lesser of what they came to and what was settled of it.

    What rounding left out of a bill was never charged, so that any credit may pay it now.
    """
    billed, found = {item.key: item for item in settled}, list[Item]()
    for item in exact:
        least, other = Item(item.kind, item.meter, item.name, []), billed.get(item.key, item)
        least.tokens, least.units = min(item.tokens, other.tokens), min(item.units, other.units)
        # of its gross there is no other part left
        least.tax = difference(min(item.gross, other.gross), least.units)
        found.append(least)
    return found


def _nothing(sort: Sort) -> Sequence[Offer]:
    """What is offered where there is no credit."""
    return ()


def _before(given: Given, card: Compiled) -> tuple[Statement | None, Sorts]:
    """The statement of the period as its earlier bills left it, None for its first bill; and their draws."""
    _, plan, opening, _, _, _, period, _ = given
    if opening.is_fresh:
        return None, NOTHING_DRAWN
    _check_terms(given)
    known = opening.made.get("statement")
    if known is not None and known[0] is card:
        return known[1], draws_by_sort(opening, plan)
    shares = plan.share(period), plan.fee_share(period)
    asked = Asked(card, opening.used, False, *shares, draws=draws_by_sort(opening, plan))
    if any(key == UNKNOWN for _, parts in opening.draws_by_charge for key, _ in parts):
        asked = laid_out(asked, opening.balance, opening.accrued, period)
    # always by stages: without them straight prices are not told apart by charge, and credit that came later
    # would pay what was charged before
    before = rate(asked)
    _check_accrued(opening, decimal(before.total))
    for sort, unit in UNITS.items():
        _check_found(asked.draws.get(sort, NO_DRAWS), before.items, unit)
    return before, asked.draws


def _check_found(drawn: Draws, items: Sequence[Item], unit: str) -> None:
    """Every draw finds its charge, and none more than it comes to."""
    amounts = {item.key: getattr(item, unit) for item in items}
    for key in {key for parts in drawn.values() for key in parts}:
        paid = paid_of(drawn, key)
        if paid > amounts.get(key, ZERO):
            raise AccountMismatch(
                f"what grants paid of {quoted(key)}", paid, amounts.get(key, ZERO), AS_STORED
            )


def _changes(draws: Draws, earlier: Draws) -> dict[str, Decimal]:
    """What each grant pays more, or less, than it had paid."""
    changes = {
        id: decimal(
            difference(total_exact(draws.get(id, {}).values()), total_exact(earlier.get(id, {}).values()))
        )
        for id in {**earlier, **draws}
    }
    return {id: amount for id, amount in changes.items() if amount}
