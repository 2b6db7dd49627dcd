"""Notes: what a bill has to say beside its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tokenbill.core.metering.usage import Usage
from tokenbill.core.rating.bill_request import BillRequest

__all__ = ["bill_notes"]

WITHDRAWN = {
    "ANG": "2025-07-01",
    "BGN": "2026-01-01",
    "CUC": "2021-07-01",
    "HRK": "2023-01-01",
    "SLL": "2024-04-01",
    "ZWL": "2024-09-01",
}
"""The first day without each currency that was withdrawn; bills of the days before are corrected in it."""


def bill_notes(request: BillRequest) -> Iterator[str]:
    """What the schedule says of its prices, and what became of terms and credit since the account before."""
    notes: Callable[[Usage], Iterable[str]] | None = getattr(request.plan.prices, "notes", None)
    if callable(notes):
        yield from notes(request.usage)
    opening, versions = request.opening, request.versions
    now = request.plan.fingerprint() if versions is None else versions.contract.fingerprint()
    seen = () if versions is None else [clause.plan.fingerprint() for clause in versions.clauses[:1]]
    if not (opening.fingerprint is None or opening.fingerprint == now or opening.fingerprint in seen):
        yield "other terms, the past is the same"
    for reason, amount in opening.goodwill:
        yield f"credited {amount:f} {request.plan.currency.code}: {reason}"
    code, period = request.plan.currency.code, request.period
    gone = WITHDRAWN.get(code)
    if gone is not None and period is not None and str(period.start)[:10] >= gone:
        yield f"{code} was withdrawn on {gone}, before this period"
    if request.plan.quotas and request.usage and request.at is None and not request.dated:
        yield "usage without a time counts in no quota"
    yield from _grants_passed_over(request)


def _grants_passed_over(request: BillRequest) -> Iterator[str]:
    """Grants that could have paid but for their end, a moment before that of the period it may be."""
    period, balance = request.period, request.opening.balance
    # The surprise of prepaid months: a grant until the 30th pays nothing of a bill of the whole month.
    if request.final and period is not None and request.at is None:
        for grant in balance.grants:
            at = grant.expires
            is_inside = at is not None and at in period and not grant.expired_at(period.start)
            if is_inside and balance.left(grant.id):
                yield f"grant {grant.id} ended inside the period"
