"""Limits on draws: what grants that have one paid in the windows of time that count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from tokenbill.core.credits.draw_limits import time_of_draws
from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.ledger import DrawsByCharge, total
from tokenbill.core.credits.windows import Windows
from tokenbill.core.money.decimals import decimal, difference
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.bill_request import BillRequest
from tokenbill.core.rating.compiled_plan import compiled_plan

__all__ = ["limits_after", "windows_of_bill"]


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
                total(amount for charge, amount in dict(draws).get(grant.id, ()) if limit.counts(charge))
                for draws in (after, before)
            ]
            if counted[0] != counted[1]:
                windows = limit.after(grant.id, windows, at, decimal(difference(*counted)))
    return windows


def windows_of_bill(request: BillRequest, delta: BillDelta) -> Windows:
    """The windows of an account after a bill: of grants with a draw limit, and of quotas."""
    opening: Any = request.opening
    windows: Windows = opening.windows
    # a position of credit is kept only where no grant has a draw limit
    if delta.credit is None and delta.charges is None and delta.balance.grants:
        grants = delta.balance.grants
        when = time_of_draws(request.at, request.period)
        windows = limits_after(opening.draws_by_charge, delta.draws, grants, windows, when)
    if not request.plan.quotas:
        return windows
    from tokenbill.core.billing.quota_use import windows_after  # few plans have quotas

    versions = request.versions
    plan = compiled_plan(request.plan, request.period) if versions is None else versions.plan
    return windows_after(request, delta, plan, windows)
