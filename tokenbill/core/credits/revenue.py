"""Revenue: what customers paid for credit, and what became of it: earned, deferred, expired or given back."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, exact_sum, odd_part
from tokenbill.core.money.iso4217 import MINOR_UNITS

__all__ = ["Revenue", "cost_of", "earned_of", "revenue_of"]


class Revenue(NamedTuple):
    """What was paid for credit and what became of it, to the last digit: paid is the sum of the others."""

    paid: Exact
    earned: Exact
    deferred: Exact
    expired: Exact
    given_back: Exact


def cost_of(grant: Grant) -> Exact:
    """What was paid for a grant: its cost; without one a paid grant in money cost what it is.

    >>> (
    ...     cost_of(Grant("pack", 100, "USD", cost=80)),
    ...     cost_of(Grant("gift", 5, "USD", kind="promotional")),
    ... )
    (Decimal('80'), Decimal('0'))
    """
    if grant.cost is not None:
        return grant.cost
    # tokens are no money: without a cost nobody knows what was paid for them
    return grant.amount if grant.kind == "paid" and grant.currency.code in MINOR_UNITS else ZERO


def earned_of(grant: Grant, drawn: Exact) -> Exact:
    """What is earned of a grant once so much was drawn on it: its cost in proportion.

    What a roll-over added to it was never paid for, and is drawn last.

    >>> earned_of(Grant("pack", 100, "USD", cost=80), 10)
    Decimal('8')
    """
    return _part(grant, min(drawn, grant.amount))


def revenue_of(balance: Balance, at: date | str | None = None) -> Revenue:
    """What became of what was paid for the grants of a balance; those that are over at *at* expired.

    >>> pack = Balance([Grant("pack", 100, "USD", cost=80)]).drawn_by({"pack": 10})
    >>> revenue_of(pack).earned, revenue_of(pack).deferred
    (Decimal('8'), Decimal('72'))
    """
    drawn, back = dict(balance.draws), dict(balance.payouts)
    lost = [dict(balance.forfeited), dict(balance.voids)]
    sums: list[tuple[Exact, ...]] = []
    for grant in balance.grants:
        paid, earned = cost_of(grant), earned_of(grant, drawn.get(grant.id, ZERO))
        # No more is given back than is not earned: what was drawn is revenue, whatever is paid out later.
        given = min(_part(grant, back.get(grant.id, ZERO)), difference(paid, earned))
        rest = difference(difference(paid, earned), given)
        gone = exact_sum(each.get(grant.id, ZERO) for each in lost)
        is_over = grant.expires is not None and at is not None and grant.expired_at(at)
        expired = rest if is_over or grant.id in balance.void else min(_part(grant, gone), rest)
        sums.append((paid, earned, difference(rest, expired), expired, given))
    return Revenue._make(exact_sum(each[i] for each in sums) for i in range(len(Revenue._fields)))


def _part(grant: Grant, amount: Exact) -> Exact:
    """The cost of a part of a grant; a Decimal where its digits end."""
    if not grant.amount:
        return ZERO
    exact = Fraction(cost_of(grant)) * Fraction(amount) / Fraction(grant.amount)
    return decimal(exact) if odd_part(exact.denominator) == 1 else exact
