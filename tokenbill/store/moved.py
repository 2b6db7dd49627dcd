"""Hours that the rules of a zone move from one version of the terms to another, after events were booked.

The midnight at which an amendment begins is an hour off when tables of zones change. What was booked by then
stays as it was charged, and no row of the database says under which rules that was.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import cast

from attrs import evolve

from tokenbill.core.periods.instants import utc
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.store.ledger import Archive, Ledger
from tokenbill.store.parts import TICK, Part

__all__ = ["billed_at", "drafted", "sides"]

MOST = timedelta(hours=3)
"""More than the rules of a zone move a midnight by."""


def sides(part: Part, at: datetime) -> list[datetime]:
    """An instant, and one in the other version where another begins within hours of it.

    What was booked at the first and cost something else was booked as if at the second.
    """
    home = cast(datetime, part.span.start).tzinfo
    if isinstance(part.agreed, BillingPlan) or str(home) == "UTC":  # whose rules never change
        return [at]
    for version in part.agreed.versions(part.span)[1:]:
        start = cast(datetime, utc(version.period.start))
        if abs(start - at) < MOST:
            return [at, start if at < start else start - TICK]
    return [at]


def billed_at(part: Part, when: datetime, at: datetime) -> None:
    """Let a period have been billed at an instant, where it was booked as if at another."""
    if part.account.billed_at == when != at:
        part.account = evolve(part.account, billed_at=at)


def drafted(ledger: Ledger, archive: Archive) -> Ledger:
    """A ledger in the same state, to go back to where a try comes to something else."""
    draft = copy(ledger)
    draft.archive = archive
    draft.parts = {number: copy(part) for number, part in ledger.parts.items()}
    draft.holder = None if ledger.holder is None else draft.parts[ledger.holder.number]
    draft.terms, draft.met, draft.opened_parts = [*ledger.terms], [*ledger.met], [*ledger.opened_parts]
    return draft
