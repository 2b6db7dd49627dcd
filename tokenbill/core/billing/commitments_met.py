"""What accounts have met of commitments: how it is read, and what a period adds to it."""

from __future__ import annotations

from typing import Any

from tokenbill.core.base.inputs import EMPTY, listed_of
from tokenbill.core.money.decimals import ZERO, decimal, plus, shifted
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.rating.bill_delta import BillDelta, with_statements
from tokenbill.core.rating.bill_request import BillRequest
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.errors import InvalidAccount

__all__ = ["met_after", "met_of"]


def met_of(value: Any) -> tuple[CommitmentMet, ...]:
    """What was met of commitments, in the order of their names."""
    if value is EMPTY:
        return ()
    found = (value,) if isinstance(value, CommitmentMet) else listed_of(value)
    for item in (value,) if found is None else found:
        if not isinstance(item, CommitmentMet):
            raise InvalidAccount("not what was met of a commitment", item, "give CommitmentMet(…)")
    return tuple(sorted(found or (), key=lambda item: item.name))


def met_after(request: BillRequest, delta: BillDelta) -> tuple[CommitmentMet, ...]:
    """What is met of each commitment whose term goes on after a period that ends."""
    if not request.plan.commitment:
        return ()
    versions, opening = request.versions, request.opening
    plan = compiled_plan(request.plan, request.period) if versions is None else versions.plan
    # What a term that is over came to is settled with its last bill; to keep it would count it again.
    running = [each for each in plan.versions[-1].committed if not each.is_last]
    after = with_statements(delta, request, plan).after
    assert after is not None  # the statement of a bill is there when it is asked for
    found: list[CommitmentMet] = []
    for committed in running:
        key, start = committed.commitment.name, committed.term.start
        own = shifted(int(after.run.committed.get(key, 0)), plan.places)
        before = next((it.amount for it in opening.commitments if it.is_of(key, start)), ZERO)
        amount = decimal(plus(before, own))
        found.append(CommitmentMet(key, start, amount, request.plan.currency.code))
    return met_of(found)
