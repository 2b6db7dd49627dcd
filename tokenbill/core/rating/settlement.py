"""Periods that interim bills have settled, each with the credit that it found: one bill of all of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tokenbill.core.credits.draws import CREDIT
from tokenbill.core.credits.ledger import total
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum
from tokenbill.core.rating.bill_request import BillRequest, Settlement, used_in
from tokenbill.core.rating.billed_before import check_draws
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.opening import draws_by_sort
from tokenbill.core.rating.statement import rate

__all__ = ["settled_parts"]


def settled_parts(request: BillRequest, plan: CompiledPlan, settled: Settlement) -> tuple[Any, ...]:
    """What a bill of a settled period adds to its opening account, as the fields of a ``BillDelta``.

    Raises:
        InvalidGrant: If more was drawn on a grant than it had.
        AccountMismatch: If a charge was paid by more than it comes to.
    """
    opening, usages = request.opening, request.versions.usages if request.versions is not None else ()
    drawn = {id: total(amount for _, amount in parts) for id, parts in settled.draws}
    spent = drawn.pop(CREDIT, ZERO)
    balance = opening.balance.drawn_by(drawn)
    # Credit that came between two bills paid what the later one charged. Drawn anew, it would pay all of it.
    draws = draws_by_sort(opening, request.plan, settled.draws)
    met = opening.commitments
    after = rate(RatingRequest(plan, used_in(request), request.final, draws=draws, usages=usages, met=met))
    check_draws(after, draws, request.plan)
    accrued = decimal(after.total)
    money = [amount for id, amount in drawn.items() if id in draws.get("paid", ())]
    cash = difference(accrued, exact_sum([spent, *money]))
    # Some of what was due may have come back since: what was not asked for is no guess of a bill.
    left: Decimal = decimal(exact_sum([opening.credit_balance, settled.due, -spent, -cash])) or ZERO
    by_grant = tuple(sorted((id, amount) for id, amount in drawn.items() if amount))
    return accrued, accrued, settled.due, left, None, balance, settled.draws, by_grant, after, None
