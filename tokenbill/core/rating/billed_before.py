"""The past of a period: what its earlier bills came to, and what credit paid of each charge."""

from __future__ import annotations

from decimal import Decimal

from tokenbill.core.base.quoting import quoted
from tokenbill.core.credits.draws import NO_DRAWS, OWED, Units
from tokenbill.core.money.decimals import decimal
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import BillRequest
from tokenbill.core.rating.charge_run import NOTHING_DRAWN, RatingRequest, Sorts
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.draws_by_grant import UNKNOWN, laid_out
from tokenbill.core.rating.opening import Opening, check_entries, draws_by_sort
from tokenbill.core.rating.statement import Statement, minor_units, rate, units_drawn
from tokenbill.errors import AccountMismatch

__all__ = ["billed_before", "check_accrued", "check_draws", "check_terms"]

AS_STORED = (
    "pass the closing of the bill before as it was stored, or rate the past anew and charge the difference:"
    " Bill.of(…, restate=True)"
)


def check_terms(request: BillRequest) -> None:
    """An open account goes on with its own period and plan."""
    opening, period = request.opening, request.period
    if opening.period != period:
        raise AccountMismatch("period", str(opening.period), str(period))


def check_accrued(opening: Opening, replayed: Decimal) -> None:
    """The past must come to what was billed for it, whatever terms it is that say so."""
    if replayed != opening.accrued:
        raise AccountMismatch("accrued amount", opening.accrued, replayed, AS_STORED)


def billed_before(request: BillRequest, plan: CompiledPlan) -> tuple[Statement | None, Sorts]:
    """The statement of the period as its earlier bills left it, None for its first bill; and their draws."""
    opening = request.opening
    if opening.is_fresh:
        return None, NOTHING_DRAWN
    check_terms(request)
    # In one process the statement is at hand; an account that was stored is rated anew, and has to agree.
    known, versions = opening.cache.get("statement"), request.versions
    if versions is not None:
        plan = versions.past
    if known is not None and known[0] is plan:
        return known[1], draws_by_sort(opening, request.plan)
    rating = RatingRequest(plan, opening.used, final=False, draws=draws_by_sort(opening, request.plan))
    rating = rating._replace(met=opening.commitments)
    if versions is not None:
        rating = rating._replace(usages=versions.past_usages)
        if versions.restate:
            return _restated(opening, rating), rating.draws
    check_entries(opening, plan.versions[0].plan)
    if any(key == UNKNOWN for _, parts in opening.draws_by_charge for key, _ in parts):
        rating = laid_out(rating, opening.balance, opening.accrued)
    # always by charge, though sums may do: credit that comes later pays only what single charges grow
    before = rate(rating)
    check_accrued(opening, decimal(before.total))
    check_draws(before, rating.draws, request.plan)
    return before, rating.draws


def check_draws(statement: Statement, draws: Sorts, plan: BillingPlan) -> None:
    """What grants paid of a charge must be no more than it came to."""
    for sort, drawn in draws.items():
        amounts = statement.amounts[sort]
        for key in {key for parts in drawn.values() for key in parts} - {OWED}:
            paid, there = sum(parts.get(key, 0) for parts in drawn.values()), amounts.get(key, 0)
            # An edited document may say that a grant paid more than there was: nothing would get that back.
            if paid > there:
                was, now = (units_drawn(number, plan, sort) for number in (paid, there))
                raise AccountMismatch(f"what grants paid of {quoted(key)}", was, now, AS_STORED)


def _restated(opening: Opening, rating: RatingRequest) -> Statement:
    """The past as the terms of now have it; of what it comes to more only paid credit may pay."""
    before = rate(rating._replace(draws=NOTHING_DRAWN))
    accrued = minor_units(opening.accrued, before.plan.places)
    amounts = dict(before.amounts["paid"])
    drawn: dict[str, Units] = {}
    for parts in rating.draws.get("paid", NO_DRAWS).values():
        for key, part in parts.items():
            drawn[key] = drawn.get(key, 0) + part
    # Of each charge what credit paid stands, and of the rest what cash paid, in the order of lines: all
    # that a charge comes to more, credit may pay, and what it comes to less is free for another.
    cash = max(accrued - sum(part for key, part in drawn.items() if key != OWED), 0)
    for key, amount in amounts.items():
        kept = min(amount, drawn.get(key, 0))
        more = min(amount - kept, cash)
        amounts[key], cash = kept + more, cash - more
    before.amounts = {**before.amounts, "paid": amounts}  # in place of what it works out by itself
    return before
