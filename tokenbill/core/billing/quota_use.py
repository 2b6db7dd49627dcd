"""Quota use: what counts within the windows of quotas, and whether more is admitted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple, cast

from tokenbill.core.credits.windows import Windows, with_sum
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, exact_sum, odd_part, plus
from tokenbill.core.plans.quotas import Quota, instant_of
from tokenbill.core.rating.bill_delta import BillDelta, with_statements
from tokenbill.core.rating.bill_request import BillRequest, used_in, with_held
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.statement import Statement, rate
from tokenbill.errors import InvalidPeriod, QuotaExhausted

__all__ = ["QuotaUse", "check_quotas", "quota_use", "windows_after"]


class QuotaUse(NamedTuple):
    """Where an account stands in a quota: what was used, what is held, and when it is free again.

    ``free_at`` is the first moment at which more is free than now; None while nothing counts.
    """

    quota: Quota
    used: Exact
    held: Exact
    free_at: datetime | None

    @property
    def left(self) -> Exact:
        """What may still be used now."""
        return max(difference(difference(self.quota.limit, self.used), self.held), ZERO)


def quota_use(account: Any, request: BillRequest, plan: CompiledPlan) -> Iterator[tuple[QuotaUse, Exact]]:
    """Where an account stands in each quota of its plan, and what the usage of a request would add.

    Raises:
        InvalidPeriod: If there is a quota, and no moment to ask about.
    """
    if not request.plan.quotas:
        return
    if request.at is None:
        raise InvalidPeriod("a quota, and no time to ask about", request.plan.name, "say at=")
    holds = account.balance.open_holds.live(request.at).usage
    # Whether more is admitted is asked before it runs, so there is nothing to take off yet.
    now = request._replace(reversal=Usage())
    for quota in request.plan.quotas:
        counts = [(each, until) for each, until in _counting(account.windows, quota, request.at)]
        used = exact_sum(amount for amount, _ in counts)
        held, more = _units(quota, holds), _units(quota, request.usage)
        if quota.amount is not None:
            # priced after all that was used: what the scope comes to with it, less what it comes to without
            before, open, after = (_priced(it, plan, quota.scope) for it in _steps(now))
            held, more = difference(open, before), difference(after, open)
        free_at = min((until for _, until in counts), default=None)
        yield QuotaUse(quota, used, held, free_at), more


def check_quotas(account: Any, request: BillRequest, plan: CompiledPlan) -> None:
    """Admit usage into every window.

    Raises:
        QuotaExhausted: If a quota has no room for it; it says when there is.
    """
    for use, more in quota_use(account, request, plan):
        beyond = difference(plus(plus(use.used, use.held), more), use.quota.limit)
        if more > 0 and beyond > 0:
            unit = request.plan.currency.code if use.quota.units is None else "units"
            free_at = _free_at(account.windows, use, more, request)
            raise QuotaExhausted(use.quota.title, decimal(beyond), unit, free_at)


def windows_after(request: BillRequest, delta: BillDelta, plan: CompiledPlan, before: Windows) -> Windows:
    """The windows of an account after a bill: what it used is added where its time falls.

    Usage without a time counts in no window; a bill notes it.
    """
    quotas = {quota.key: quota for quota in request.plan.quotas}
    kept = tuple(each for each in before if each.key not in quotas)
    for quota in quotas.values():
        own = tuple(each for each in before if each.key == quota.key)
        parts = _parts(request)
        if quota.amount is None:
            for when, usage, sign in parts:
                units = _units(quota, usage)
                start = quota.window(cast(date, when)).start
                own = with_sum(own, quota.key, start, units if sign > 0 else difference(ZERO, units))
        elif parts:
            told = with_statements(delta, request, plan)
            was = ZERO if told.before is None else _scoped(told.before, quota.scope)
            last = max(instant_of(cast(date, when), quota.tz) for when, _, _ in parts)
            cost = difference(_scoped(cast(Statement, told.after), quota.scope), was)
            own = with_sum(own, quota.key, quota.window(last).start, cost)
        # those that were over when the latest of them began count for nothing any more
        latest = max((cast(datetime, each.start) for each in own), default=None)
        for each in own:
            if latest is not None and quota.counted_until(cast(datetime, each.start)) > latest:
                kept += (each,)
    return tuple(sorted(kept, key=lambda each: (each.key, str(each.start))))


def _parts(request: BillRequest) -> list[tuple[date | str, Usage, int]]:
    """What a bill adds and takes off, each with its time; what has none is left out."""
    if request.dated:
        return [(when, usage, 1) for when, usage in request.dated]
    both = [(request.usage, 1), (request.reversal, -1)]
    return [] if request.at is None else [(request.at, usage, sign) for usage, sign in both if usage]


def _counting(windows: Windows, quota: Quota, at: date | str) -> Iterator[tuple[Exact, datetime]]:
    """The sums that count at a moment, each with the moment from which it does not."""
    now = instant_of(at, quota.tz)
    for each in windows:
        if each.key == quota.key:
            start = cast(datetime, each.start)
            until = quota.counted_until(start)
            if start <= now < until:
                yield each.used, until


def _free_at(windows: Windows, use: QuotaUse, more: Exact, request: BillRequest) -> datetime | None:
    """When there will be room, if the holds of now are still open by then; None where there never is."""
    # Windows run out one after the other; the first moment at which enough of them did is the answer.
    left = exact_sum([use.used, use.held, more])
    at = cast("date | str", request.at)
    for amount, until in sorted(_counting(windows, use.quota, at), key=lambda pair: pair[1]):
        left = difference(left, amount)
        if left <= use.quota.limit:
            return until
    return None


def _units(quota: Quota, usage: Usage) -> Exact:
    if quota.units is None:
        return ZERO
    return exact_sum(units for meter, units in usage.items() if covers(quota.scope, "", Meter(meter)))


def _steps(request: BillRequest) -> tuple[BillRequest, BillRequest, BillRequest]:
    """The period so far, with what is held, and with what is asked, too."""
    none = request._replace(usage=Usage())
    if request.versions is not None:
        versions = request.versions
        none = none._replace(versions=versions._replace(usages=versions.past_usages, plan=versions.past))
    return none, with_held(none), with_held(request)


def _priced(request: BillRequest, plan: CompiledPlan, scope: Scope) -> Exact:
    usages = () if request.versions is None else request.versions.usages
    compiled = plan if request.versions is None else request.versions.plan
    rating = RatingRequest(compiled, used_in(request), final=False, usages=usages)
    return _scoped(rate(rating._replace(met=request.opening.commitments)), scope)


def _scoped(statement: Statement, scope: Scope) -> Exact:
    """What charges in a scope come to before credit and tax, to the last digit."""
    run, units = statement.run, 10**statement.plan.places
    priced = zip(run.identities, run.priced, strict=False)
    within = [net for identity, net in priced if covers(scope, identity.kind, identity.meter)]
    exact = Fraction(sum(within)) / (Fraction(run.over) * units)
    return decimal(exact) if odd_part(exact.denominator) == 1 else exact
