"""Draws kept by grant alone, as accounts were stored at first: laid out by charge before the next bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import NO_DRAWS, Offer
from tokenbill.core.credits.grants import KEYS
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.old_stages import rate
from tokenbill.core.rating.work import (
    NOTHING_DRAWN,
    Asked,
    Sort,
    drawn_on,
    minor_units,
    places_of,
    sum_of,
    together,
)

__all__ = ["UNKNOWN", "laid_out"]

UNKNOWN = ""
"""The charge of draws that an account was stored with before it kept them by charge."""


def laid_out(asked: Asked, balance: Balance, accrued: Decimal, period: Period | None) -> Asked:
    """Draws of an account that was stored before they were kept by charge: laid out as they were made.

    Of tokens and promotional credit all must find its place; of paid credit what does not is with what was
    paid in cash for usage that was withdrawn since.
    """
    whole = [sort for sort in asked.draws if sort != "paid"]
    tried = [_drawn_again(asked, balance, ended) for ended in _endings(asked, balance, period)]
    for it in tried:
        amounts = [(sum_of(it.draws.get(sort, NO_DRAWS)), sum_of(asked.draws[sort])) for sort in whole]
        if all(one == other for one, other in amounts) and rate(it).total == accrued:
            return it
    return tried[0]


def _drawn_again(asked: Asked, balance: Balance, ended: set[str]) -> Asked:
    """The draws as they come about where these grants had ended, and so were drawn on first."""
    order = balance.order
    grants = {grant.id: grant for grant in balance.grants}

    def place(id: str) -> tuple[Any, ...]:
        grant = grants[id]
        offer = decimal(plus(ZERO if id in ended else balance.left(id), paid[id]))
        return (id not in ended, *(KEYS[key](grant, offer) for key in order))

    def offers(sort: Sort) -> Sequence[Offer]:
        places = places_of(asked.card.plan, sort)
        ids = sorted(asked.draws.get(sort, {}), key=place)
        return [Offer(id, minor_units(paid[id], places), grants[id].on) for id in ids]

    paid = {id: together(parts.values()) for sort in asked.draws.values() for id, parts in sort.items()}
    found = rate(asked._replace(offers=offers, draws=NOTHING_DRAWN))
    money = drawn_on(
        offers("paid"), found.items, "gross", before=(), earlier=NO_DRAWS, places=asked.card.places
    )
    draws = {**found.draws, **money}
    by_sort = {sort: {id: draws[id] for id in parts if id in draws} for sort, parts in asked.draws.items()}
    return asked._replace(draws=by_sort)


def _endings(asked: Asked, balance: Balance, period: Period | None) -> Iterator[set[str]]:
    """Which grants may have ended by the last bill: accounts stored before did not tell its date."""
    ids = {id for sort in asked.draws.values() for id in sort}
    drawn = [grant for grant in balance.grants if grant.id in ids]
    yield set()
    if period is not None:
        yield {grant.id for grant in drawn if grant.dated and not grant.usable_in(period)}
    for end in sorted({grant.expires for grant in drawn if grant.expires is not None}, key=utc):
        yield {grant.id for grant in drawn if grant.expired_at(end)}
