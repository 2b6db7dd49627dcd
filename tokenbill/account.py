"""Accounts: all the state that a customer carries from bill to bill, and what a bill adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from attrs import evolve, field, frozen

from tokenbill.compiled import NO_BENT, Bent, Compiled, compiled
from tokenbill.credits import Balance
from tokenbill.currencies import Currency
from tokenbill.decimals import ZERO, Exact, Number, decimal, difference, number, plus
from tokenbill.errors import AccountMismatch, BalanceExhausted, CurrencyMismatch, InvalidAccount
from tokenbill.grants import KEYS, Grant, Kind
from tokenbill.ledger import Draws, draws_of
from tokenbill.lines import Adjustment
from tokenbill.memo import Memo, memo
from tokenbill.periods import Period
from tokenbill.plan import BillingPlan
from tokenbill.rating import rate
from tokenbill.usage import Usage
from tokenbill.work import Asked, Item, Offers, Statement, drawn_on, together

__all__ = ["NEW", "NO_USAGE", "Account", "Given", "Increment", "increment", "used_in"]

NO_USAGE = Usage()
"""What an account begins with, and what a bill takes off unless told."""
NO_BALANCE = Balance()


def _usage(value: Any) -> Usage:
    return value if type(value) is Usage else Usage(value)


def _money(value: Any) -> Decimal:
    """A stored amount; a Decimal of ours is taken as it is, for each event carries a few of them."""
    return value if type(value) is Decimal and value.is_finite() else number(value)


def _drawn(value: Any) -> Draws:
    return () if value == () else draws_of(value)


def _balance(value: Any) -> Balance:
    return value if type(value) is Balance else Balance(value)


def _open(value: Any) -> Period | None:
    if value is None or isinstance(value, Period):
        return value
    raise InvalidAccount("no period", value, "give a Period, or None")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidAccount("no terms", value, "give what plan.terms() says, or None")


@frozen
class Account:
    """All the state that a customer carries from bill to bill; the user stores it.

    ``Account()``, with a balance or not, fits any period and plan: nothing used, nothing billed.

    Args:
        period: The service period that is open; None where none is, or none was named.
        terms: The hash of the plan that the open period is billed on.
        used: The usage of the open period so far.
        accrued: What its bills came to, in the plan's currency.
        draws: What grants paid in the open period, by id.
        balance: The grants that the customer has, and what became of them.
        carried: What is left of negative bills, zero or less, spent before any grant.

    Raises:
        InvalidAccount, InvalidNumber, InvalidUsage, InvalidGrant: For parts that are none.

    >>> from tokenbill.credits import Grant
    >>> Account(balance=[Grant("welcome", 10, "USD")]).balance.remaining()
    Decimal('10')
    """

    period: Period | None = field(default=None, converter=_open)
    terms: str | None = field(default=None, converter=_text)
    used: Usage = field(default=NO_USAGE, converter=_usage)
    accrued: Decimal = field(default=ZERO, converter=_money)
    draws: Draws = field(default=(), converter=_drawn)
    balance: Balance = field(default=NO_BALANCE, converter=_balance)
    carried: Decimal = field(default=ZERO, converter=_money)
    made: Memo = memo()

    @property
    def is_fresh(self) -> bool:
        """Whether no period is open."""
        return self is NEW or (self.terms is None and not (self.used or self.accrued or self.draws))

    def credit(self, adjustment: Adjustment, *, paid: Number | None = None, credited: Number = 0) -> Account:
        """The account after a credit note: a negative total is carried to the next bill.

        Args:
            adjustment: The difference of two bills of a closed period.
            paid: What was paid on the period; no more than that is credited, less what already was.
            credited: What was credited on it before.

        Raises:
            InvalidAccount: If the adjustment is no credit but a further charge: bill that instead.
        """
        amount = difference(ZERO, adjustment.total)
        if amount < 0:
            raise InvalidAccount("an adjustment that charges", adjustment.total, "send it as a bill")
        if paid is not None:
            amount = max(min(amount, difference(number(paid), number(credited))), ZERO)
        return evolve(self, carried=decimal(difference(self.carried, amount)))

    def affords(
        self, usage: Usage, plan: BillingPlan, *, at: date | str | None = None, period: Period | None = None
    ) -> bool:
        """Whether *usage* on *plan* would leave nothing due: the check before a request is admitted."""
        given = (_usage(usage), plan, self, False, NO_USAGE, (), period or self.period, at)
        return not increment(given, compiled(plan, plan.share(given[6])), refusing=False).due


NEW = Account()

Given: TypeAlias = "tuple[Usage, BillingPlan, Account, bool, Usage, tuple[tuple[str, str], ...], Period | None, date | str | None]"
"""What a bill was asked with: usage, plan, opening, final, less, about, period, at; a plain tuple, made per event."""

Position: TypeAlias = "tuple[Compiled, Exact, Bent]"
"""Where an account stands on its plan's curves, so that the next event need not replay the period."""


class Increment(NamedTuple):
    """What a bill adds to an account: the statements of the period after and before, and what follows from them."""

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
    if opening is not NEW:
        usage = opening.used + usage
    return usage - less if less is not NO_USAGE else usage


def increment(given: Given, card: Compiled, *, refusing: bool = True) -> Increment:
    """What a bill adds to its opening account.

    Raises:
        AccountMismatch: If the account is of another period or other terms, or its replay gives another amount.
        BalanceExhausted: If the plan refuses what the balance does not cover; nothing is half done.
    """
    opening = given[2]
    if card.simple and not opening.balance.grants:
        return _straight(given, card)
    found = _staged(given, card)
    if refusing and given[1].overage == "refuse" and given[0] and found.due:
        raise BalanceExhausted(found.due, given[1].currency.code)
    return found


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
    total = decimal(difference(accrued, opening.accrued))
    open = decimal(plus(total, opening.carried)) if opening.carried else total
    return Increment(
        total,
        accrued,
        max(open, ZERO),
        min(open, ZERO),
        (card, numerator, bent),
        opening.balance,
        opening.draws,
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
    if opening.terms != plan.terms():
        raise AccountMismatch("terms", opening.terms, plan.terms())


def _check_accrued(opening: Account, replayed: Decimal) -> None:
    if replayed != opening.accrued:
        raise AccountMismatch("accrued amount", opening.accrued, replayed)


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
    offers = _spent(opening) if opening.draws else None
    asked = Asked(card, opening.used, False, plan.share(period), plan.fee_share(period), offers)
    before = rate(asked)
    _check_accrued(opening, before.total)
    return before


def _check_currencies(balance: Balance, plan: BillingPlan) -> None:
    for unit in balance.currencies:
        if unit not in (plan.currency, plan.units):
            raise CurrencyMismatch(unit, plan.currency)


def _offers(opening: Account, period: Period | None, at: date | str | None) -> Offers:
    """What grants can pay now: what they drew in this period, and what is left of those usable."""

    def offers(currency: Currency, gifts: bool) -> Sequence[tuple[Grant, Decimal]]:
        kind: Kind | None = "promotional" if gifts else None
        return opening.balance.usable(at, period=period, currency=currency, kind=kind, drawn=opening.draws)

    return offers


def _spent(opening: Account) -> Offers:
    """What grants drew in this period, in the order in which they were drawn on."""
    drawn, order = dict(opening.draws), opening.balance.order

    def offers(currency: Currency, gifts: bool) -> Sequence[tuple[Grant, Decimal]]:
        found = [(grant, _offered(opening, grant)) for grant in opening.balance.grants if grant.id in drawn]
        asked = [
            (grant, offer)
            for grant, offer in found
            if grant.currency == currency and (not gifts or grant.kind == "promotional")
        ]
        asked.sort(key=lambda offer: tuple(KEYS[key](*offer) for key in order))
        return [(grant, drawn[grant.id]) for grant, _ in asked]

    return offers


def _offered(opening: Account, grant: Grant) -> Decimal:
    """What a grant had to offer before it paid in this period."""
    return decimal(plus(opening.balance.left(grant.id), dict(opening.draws)[grant.id]))


def _paid(
    given: Given, card: Compiled, after: Statement, before: Statement | None, open: Decimal
) -> dict[str, Decimal]:
    """What paid grants in money pay of this bill; they are never undone."""
    plan, opening, period, at = given[1], given[2], given[6], given[7]
    if not opening.balance.grants or not open:
        return {}
    offers = opening.balance.usable(at, period=period, currency=plan.currency, kind="paid")
    grown = _growth(after.items, before)
    parts = drawn_on(offers, after.items, grown, card.places, open)
    paid = {grant.id: together(part) for (grant, _), part in zip(offers, parts, strict=True)}
    return {key: amount for key, amount in paid.items() if amount}


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
