"""Reservations: what a hold takes of which grant, before a request is served."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, cast

from attrs import fields

from tokenbill.core.base.values import Cache, draft_of
from tokenbill.core.billing.dated import bill_request
from tokenbill.core.billing.lives import with_lives
from tokenbill.core.billing.zone_rules import in_period
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import CREDIT
from tokenbill.core.credits.grants import credit
from tokenbill.core.credits.holds import Hold, Holds
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import ZERO, Number, decimal, difference
from tokenbill.core.periods.instants import is_before, iso_text, moment
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.bill_delta import weighed
from tokenbill.core.rating.bill_request import with_held
from tokenbill.core.rating.credit_position import CreditPosition, draws_to_come
from tokenbill.errors import BalanceExhausted, CurrencyMismatch, InvalidCurrency, InvalidHold

__all__ = ["holding", "open_holds", "reservation_of_usage", "with_hold"]


def with_hold(
    account: Any,
    id: str,
    usage: Any,
    plan: Any,
    *,
    amount: Any,
    at: Any,
    until: Any,
    period: Any,
    currency: Any,
) -> Any:
    """The account after credit was reserved, for usage on a plan or of an amount."""
    account = with_lives(account, at, period)
    held = Usage()
    if amount is not None and usage is None and plan is None:
        reserved = reservation_of_amount(account, amount, at=at, period=period, currency=currency)
    elif amount is None and usage is not None and plan is not None:
        held = usage if type(usage) is Usage else Usage(usage)
        reserved = reservation_of_usage(account, held, plan, at=at, period=period)
    else:
        raise InvalidHold("a hold of nothing, or of two things", id, "give amount=, or usage and plan")
    end = None if until is None else moment(until)
    if end is not None and at is not None and not is_before(moment(at), end):
        raise InvalidHold("a hold that is over before it begins", iso_text(end), "give a later until=")
    return holding(account, open_holds(account).with_hold(Hold(id, reserved, held, end)))


def open_holds(account: Any) -> Holds:
    """The holds of an account; one after a bill by sums need not work out its balance for them."""
    credit: CreditPosition | None = account.cache.get("credit")
    holds: Holds = account.balance.open_holds if credit is None else credit.holds
    return holds


def holding(account: Any, holds: Holds) -> Any:
    """The account with these open holds; what was worked out of its period stays, for holds change none."""
    cls: Any = account.__class__
    credit, (draft, names) = account.cache.get("credit"), _draft(cls)
    after = draft()
    for name in names:
        if credit is None or name not in ("balance", "draws_by_charge"):
            setattr(after, name, getattr(account, name))
    if credit is None:
        after.balance = account.balance.with_holds(holds)
        known = {key: account.cache[key] for key in ("position", "statement") if key in account.cache}
    else:
        known = {"credit": credit._replace(opened=holds)}
    after.cache = Cache(known)
    after.__class__ = cls
    return after


@cache
def _draft(cls: Hashable) -> tuple[Any, tuple[str, ...]]:
    """What an account is written as, and the names of its fields."""
    return draft_of(cls), tuple(item.name for item in fields(cast(Any, cls)))


def reservation_of_usage(
    account: Any, usage: Any, plan: Any, *, at: date | str | None, period: Period | None
) -> dict[str, Decimal]:
    """What usage takes of each grant, after what was used and all that open holds may use.

    Raises:
        BalanceExhausted: If credit does not cover all of it, to the last digit.
    """
    when, period = None if at is None else moment(at), period or account.period
    account = with_lives(in_period(account, period, plan), when, period)
    request, compiled = bill_request(usage, plan, period, account, final=False, at=when)
    if request.plan.quotas:
        from tokenbill.core.billing.quota_use import check_quotas  # few plans have quotas

        check_quotas(account, request, compiled)
    # what the holds before it took of the same grants is reserved already
    before = open_holds(account).live(when)
    # Priced together with all that runs: two requests within one free allowance may cost something together.
    taken = None
    if request.versions is None:
        taken = draws_to_come(request.opening, compiled, request.usage + before.usage, request.period, when)
    if taken is None:
        request = with_held(request)
        found, lacking = weighed(request, compiled)
        if lacking:
            raise BalanceExhausted(lacking, request.plan.currency.code)
        spent = difference(account.credit_balance, found.credit_balance)
        taken = {**dict(found.drawn), CREDIT: decimal(max(spent, ZERO))}
    held = {id: difference(before.reserved[id], before.amounts.get(id, ZERO)) for id in before.reserved}
    more = {id: decimal(difference(amount, held.get(id, ZERO))) for id, amount in taken.items()}
    return {id: amount for id, amount in more.items() if amount > 0}


def reservation_of_amount(
    account: Any, amount: Number, *, at: date | str | None, period: Period | None, currency: Any
) -> dict[str, Decimal]:
    """What an amount takes of each grant without a scope, in the order of drawing.

    Raises:
        BalanceExhausted: If less is left beside what is held.
        InvalidCurrency: If credit is of several currencies, and none is said.
    """
    balance: Balance = account.balance
    unit, short = _unit(account, currency), credit(amount)
    reserved: dict[str, Decimal] = {}
    live = balance.open_holds.live(at)
    if account.credit_balance > 0 and account.credit_currency in (None, unit):
        free = difference(account.credit_balance, live.reserved.get(CREDIT, ZERO))
        reserved[CREDIT] = decimal(min(max(free, ZERO), short))
    short = decimal(difference(short, reserved.get(CREDIT, ZERO)))
    held = unit in balance.currencies
    usable = balance.usable(at, period=period or account.period, currency=unit) if held else ()
    for grant, left in usable:
        if short and grant.on is None:
            reserved[grant.id] = min(left, short)
            short = decimal(difference(short, reserved[grant.id]))
    if short:
        raise BalanceExhausted(short, unit.code)
    return reserved


def _unit(account: Any, said: Any) -> Currency:
    """The currency said, or the only one that there is credit in."""
    known = {*account.balance.currencies, *filter(None, (account.credit_currency,))}
    if said is None:
        if len(known) != 1:
            codes = ", ".join(sorted(map(str, known))) or "none"
            raise InvalidCurrency("credit of no one currency", codes, "say which: currency=")
        return next(iter(known))  # type: ignore[no-any-return]
    unit = currency(said)
    # One code with two sets of places would hold a hundred times too much.
    for other in known:
        if other.code == unit.code and other != unit:
            raise CurrencyMismatch(unit, other)
    # a code alone says nothing of the places of a currency of one's own
    return unit
