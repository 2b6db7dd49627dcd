"""Limits on draws: what grants that have one paid in the windows of time that count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.ledger import Draws, DrawsByCharge, total
from tokenbill.core.credits.windows import Windows
from tokenbill.core.money.decimals import decimal, difference

__all__ = ["limits_after"]


def limits_after(
    before: DrawsByCharge,
    after: DrawsByCharge,
    grants: Iterable[Grant],
    windows: Windows,
    at: date | str | None,
) -> Windows:
    """The windows of an account after grants paid, or got back, within the limits that they have."""
    for grant in grants:
        limit = grant.most
        if limit is not None:
            counted = [
                total(amount for charge, amount in _draws_of(draws, grant.id) if limit.counts(charge))
                for draws in (after, before)
            ]
            if counted[0] != counted[1]:
                windows = limit.after(grant.id, windows, at, decimal(difference(*counted)))
    return windows


def _draws_of(draws: DrawsByCharge, id: str) -> Draws:
    return dict(draws).get(id, ())
