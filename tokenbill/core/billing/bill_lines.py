"""The lines of a bill: those of the whole period so far, less what stood on the bills before."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from tokenbill.core.billing.account import NEW, Account
from tokenbill.core.metering.usage import Usage
from tokenbill.core.rating.bill_delta import BillDelta, is_straight
from tokenbill.core.rating.bill_request import BillRequest, used_in
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.lines import Charge, LineItem, less
from tokenbill.core.rating.lines_by_sums import lines_by_sums
from tokenbill.core.rating.statement import Statement, rate, settled_lines

__all__ = ["bill_lines", "lines_of_first"]

BILLED_BEFORE = Charge("adjustment", None, "billed before")


def bill_lines(
    request: BillRequest,
    plan: CompiledPlan,
    total: Decimal,
    delta: Callable[[], BillDelta],
    known: Statement | None = None,
) -> tuple[LineItem, ...]:
    """The lines of all usage so far less those of the usage before, and the rounding.

    What the bill adds to its account, *delta*, is asked for only where credit or a past takes part; *known*
    is the statement of its period, where its total came of one.
    """
    opening = cast(Account, request.opening)
    # The bills before were rated by other terms, so what they came to is one line, not a line of each.
    if request.versions is not None and request.versions.restate:
        now = cast(Statement, delta().after)
        billed = LineItem(BILLED_BEFORE, None, -opening.accrued, -opening.accrued)
        return settled_lines(plan, [*now.lines, billed], total)
    if request.versions is None and plan.by_sums:
        lines = _sum_lines(request, plan, delta)
        if lines is not None:
            return settled_lines(plan, lines, total)
    if opening is NEW:
        usages = () if request.versions is None else request.versions.usages
        known = known or rate(RatingRequest(plan, used_in(request), request.final, usages=usages))
        return settled_lines(plan, known.lines, total)
    was, now = delta().before, cast(Statement, delta().after)
    return settled_lines(plan, now.lines if was is None else less(now.lines, was.lines), total)


def lines_of_first(parts: tuple[Any, ...], total: Decimal) -> tuple[LineItem, ...]:
    """The lines of a first bill that sums say, as most are: of what it was asked with nothing else counts."""
    plan = compiled_plan(parts[1], parts[6])
    return settled_lines(plan, lines_by_sums(plan, parts[0], final=parts[3]), total)


def _sum_lines(
    request: BillRequest, plan: CompiledPlan, delta: Callable[[], BillDelta]
) -> list[LineItem] | None:
    """The lines where sums say them, as they say what is due; None elsewhere."""
    opening = cast(Account, request.opening)
    if opening is NEW or is_straight(request.opening, plan):
        lines = _fresh_lines(plan, used_in(request), final=request.final)
        return lines if opening.is_fresh else less(lines, _fresh_lines(plan, opening.used, final=False))
    # After a first bill what a grant may pay depends on what each charge grew, which no sum tells.
    credit = delta().credit if opening.is_fresh and not plan.exactly else None
    if credit is None:
        return None
    promotional = credit.stretch.offered("promotional")
    return lines_by_sums(plan, used_in(request), final=request.final, promotional=promotional)


def _fresh_lines(plan: CompiledPlan, usage: Usage, *, final: bool) -> list[LineItem]:
    """The lines of a period in which no credit pays; the long way looks at each charge, to prove the sums."""
    # `verify` must not trust the sums that it is there to prove.
    if plan.exactly:
        return rate(RatingRequest(plan, usage, final)).lines
    return lines_by_sums(plan, usage, final=final)
