"""Draws kept by grant alone, as accounts were stored at first: laid out by charge before the next bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import NO_DRAWS, Offer, total_drawn
from tokenbill.core.credits.grants import KEYS
from tokenbill.core.money.decimals import decimal, plus, shifted
from tokenbill.core.periods.instants import utc
from tokenbill.core.rating.charge_run import NOTHING_DRAWN, RatingRequest, Sort
from tokenbill.core.rating.statement import places_of, rate

__all__ = ["UNKNOWN", "laid_out"]

UNKNOWN = ""
"""The charge of draws that an account was stored with before it kept them by charge."""


def laid_out(request: RatingRequest, balance: Balance, accrued: Decimal) -> RatingRequest:
    """Draws of an account that was stored before they were kept by charge: laid out as they were made.

    Of tokens and promotional credit all must find its place; of paid credit what does not is with what was
    paid in cash for usage that was withdrawn since.
    """
    whole: list[Sort] = [sort for sort in request.draws if sort != "paid"]
    tried = [_drawn_again(request, balance, ended) for ended in _endings(request, balance)]
    for it in tried:
        amounts = [
            (total_drawn(it.draws.get(sort, NO_DRAWS)), total_drawn(request.draws[sort])) for sort in whole
        ]
        if all(one == other for one, other in amounts) and rate(it).total == accrued:
            return it
    return tried[0]


def _drawn_again(request: RatingRequest, balance: Balance, ended: set[str]) -> RatingRequest:
    """The draws as they come about where these grants had ended, and so were drawn on first."""
    plan, grants = request.plan.plan, {grant.id: grant for grant in balance.grants}
    paid = {id: sum(parts.values()) for drawn in request.draws.values() for id, parts in drawn.items()}

    def offers(sort: Sort) -> Sequence[Offer]:
        def place(id: str) -> tuple[Any, ...]:
            grant, places = grants[id], places_of(plan, sort)
            offer = decimal(plus(balance.left(id), shifted(int(paid[id]), places)))
            return (id not in ended, *(KEYS[key](grant, offer) for key in balance.order))

        return [Offer(id, paid[id], grants[id].on) for id in sorted(request.draws.get(sort, {}), key=place)]

    found = rate(request._replace(offers=offers, draws=NOTHING_DRAWN))
    draws = {**found.run.draws, "paid": found.paid()}
    # grants that drew nothing by then are later ones, and take no part in the past
    kept: Any = {
        sort: {id: draws[sort][id] for id in parts if id in draws.get(sort, {})}
        for sort, parts in request.draws.items()
    }
    return request._replace(draws=kept)


def _endings(request: RatingRequest, balance: Balance) -> Iterator[set[str]]:
    """Which grants may have ended by the last bill: accounts stored before did not tell its date."""
    # Nobody wrote down when the last bill was: each end of a grant is tried, until the past comes out.
    ids = {id for sort in request.draws.values() for id in sort}
    drawn = [grant for grant in balance.grants if grant.id in ids]
    yield set()
    for end in sorted({grant.expires for grant in drawn if grant.expires is not None}, key=utc):
        yield {grant.id for grant in drawn if grant.expired_at(end)}
