"""Top-ups: which credit to buy when little is left, by rule; nothing here buys anything."""

from __future__ import annotations

from datetime import date

from attrs import evolve

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant, credit
from tokenbill.core.credits.ledger import total
from tokenbill.core.money.decimals import Number, difference
from tokenbill.errors import InvalidGrant

__all__ = ["top_up"]


def top_up(
    balance: Balance, grant: Grant, *, below: Number, to: Number | None = None, at: date | str | None = None
) -> Grant | None:
    """The grant to buy when less than *below* is left to pay with, or None.

    Counted is what is usable at *at*, in the currency of *grant* and for all that it pays.
    The amount bought is that of *grant*, or with *to* what lifts the rest to this amount.
    A pure rule: it buys nothing, and adds nothing to the balance.

    >>> balance = Balance([Grant("a", 15, "USD")])
    >>> top_up(balance, Grant("auto-1", 100, "USD"), below=20).amount
    Decimal('100')
    >>> top_up(balance, Grant("auto-1", 0, "USD"), below=20, to=50).amount
    Decimal('35')
    """
    given: tuple[object, object] = (balance, grant)
    if not (isinstance(given[0], Balance) and isinstance(given[1], Grant)):
        raise InvalidGrant("nothing to top up", given, "give a balance, and the grant to buy")
    # Only what pays all that the grant would pay counts: a scoped grant is no reserve for the rest.
    left = total(left for held, left in balance.usable(at, currency=grant.currency) if held.pays(grant.on))
    least, aim = credit(below), None if to is None else credit(to)
    if aim is not None and aim < least:
        raise InvalidGrant("a top-up that ends below where it begins", to, "give to= no less than below=")
    if left >= least:
        return None
    return grant if aim is None else evolve(grant, amount=difference(aim, left))
