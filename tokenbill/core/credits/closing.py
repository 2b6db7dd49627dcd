"""Closing: what becomes of a balance when a period ends."""

from __future__ import annotations

from datetime import date

from tokenbill.core.credits.balance import Balance
from tokenbill.core.periods.instants import optional_moment
from tokenbill.core.periods.period import Period

__all__ = ["closed_balance"]


def closed_balance(balance: Balance, period: Period | None, at: date | str | None) -> Balance:
    """The balance after a period: grants roll over, spent ones leave, and so do holds that are over.

    >>> from tokenbill.core.credits.grants import Grant
    >>> closed_balance(
    ...     Balance([Grant("a", 90, "USD", rollover=(0, 50))]), None, None
    ... ).remaining()
    Decimal('50')
    """
    end = period.end if period else None
    # Before grants roll over: what a request that goes on has reserved is not cut.
    if balance.holds:
        balance = balance.with_holds(balance.open_holds.past(end or optional_moment(at)))
    if balance.grants:
        # one that ended within the period stays for one more, so that what was lost can be told
        over = period.start if period else at
        balance = balance.rolled(end).without_spent(over)
    last = end or at
    if balance.recurring and last is not None:
        # a life that is over leaves nothing: when it was made is known, so that none is given twice
        begun = tuple(f"{each.id} " for each in balance.recurring)
        ids = {each.id for each in balance.recurring}
        lives = [it for it in balance.grants if it.id in ids or it.id.startswith(begun)]
        balance = balance.without(*(it.id for it in lives if it.expired_at(last)))
    return balance
