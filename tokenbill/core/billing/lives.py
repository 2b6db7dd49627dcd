"""Lives: the recurring grants of an account that are open when it is drawn on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from attrs import evolve

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draw_limits import time_of_draws
from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.ledger import DrawsByCharge, total
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.core.periods.instants import is_before, moment
from tokenbill.core.periods.period import Period

__all__ = ["with_lives"]


def with_lives(account: Any, at: date | str | None, period: Period | None) -> Any:
    """An account with the recurring grants that are open at the time of a bill; those that are over are one.

    Without a time none begins and none ends.
    """
    credit = account.cache.get("credit") or account.cache.get("charges")
    recurring = (account.balance if credit is None else credit.stretch.balance).recurring
    if not recurring:
        return account
    said = time_of_draws(at, period or account.period)
    if said is None:
        return account
    when, balance, draws = moment(said), account.balance, account.draws_by_charge
    for each in recurring:
        until = each.made_until
        made = [grant for grant in each.open_at(when) if until is None or not is_before(grant.starts, until)]
        over = [
            grant for grant in balance.grants if grant.id.startswith(f"{each.id} ") and grant.expired_at(when)
        ]
        if made or over:
            balance, draws = _folded(balance, draws, each.id, over)
            balance = balance.with_grants(*made)
        following = each.next_after(when)
        if until is None or is_before(until, following):
            others = [it for it in balance.recurring if it.id != each.id]
            balance = evolve(balance, recurring=(*others, evolve(each, made_until=following)))
    if balance is account.balance:
        return account
    # the past is rated again, for its lines name the grants as they stood
    return evolve(account, balance=balance, draws=draws)


def _folded(
    balance: Balance, draws: DrawsByCharge, id: str, over: list[Grant]
) -> tuple[Balance, DrawsByCharge]:
    """Grants that are over as one ended grant: all that it may still do is take back what they paid."""
    if not over:
        return balance, draws
    # A year of daily grants would be 365 of them at every event; one ended grant can take back as much.
    ids = {grant.id for grant in over} | {id}
    known = [grant for grant in balance.grants if grant.id in ids]
    ledgers = {
        what: dict(getattr(balance, what)) for what in ("draws", "rolled_over", "forfeited", "payouts")
    }
    sums = {
        what: (id, total(ledger[each] for each in ids if each in ledger)) for what, ledger in ledgers.items()
    }
    amount = total(grant.amount for grant in known)
    last = max((grant for grant in over), key=lambda grant: str(grant.expires))
    ended = evolve(last, id=id, amount=amount, starts=None, created=None)
    rest = balance.without(*(grant.id for grant in known))
    merged: dict[str, Any] = {what: (*getattr(rest, what), pair) for what, pair in sums.items() if pair[1]}
    balance = evolve(rest, grants=(*rest.grants, ended), **merged)
    parts: dict[str, Decimal] = {}
    for each, by_charge in draws:
        if each in ids:
            for charge, part in by_charge:
                parts[charge] = decimal(plus(parts.get(charge, ZERO), part))
    kept: Mapping[str, Any] = {each: by_charge for each, by_charge in draws if each not in ids}
    return balance, tuple({**kept, **({id: tuple(sorted(parts.items()))} if parts else {})}.items())
