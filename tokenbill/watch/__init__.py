"""Watch: the status of an account in the middle of a period, and where the period will end at the run rate.

Nothing here reads a clock: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, cast

from tokenbill.core.base.quoting import quoted
from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.dated import bill_request
from tokenbill.core.billing.quota_use import quota_use
from tokenbill.core.credits.ledger import total
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, iso_text, midnight, moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import (
    BalanceExhausted,
    InvalidAccount,
    InvalidPeriod,
    InvalidPlan,
    InvalidUsage,
)
from tokenbill.shared.forecasts import (
    RunRate,
    daily_usage,
    days_between,
    invoice_preview,
    local_day,
    moment_in,
    usage_of,
)
from tokenbill.shared.marginal_cost import PriceBreak, next_breakpoint
from tokenbill.watch.account_status import Allowance, Credit, DailyTotals, Forecast, QuotaStatus, Status
from tokenbill.watch.budgets import Alert, Budget, State
from tokenbill.watch.savings import Advice, advice, footprint, with_share
from tokenbill.watch.terms_now import TermsNow, lasting_part, terms_now
from tokenbill.watch.usage_ahead import UsageAhead

__all__ = [
    "Advice",
    "Alert",
    "Allowance",
    "Budget",
    "Credit",
    "DailyTotals",
    "Forecast",
    "PriceBreak",
    "QuotaStatus",
    "RunRate",
    "State",
    "Status",
    "advice",
    "footprint",
    "status",
    "with_share",
]

Days: TypeAlias = "Mapping[Any, Any]"
"""Usage by date of the local calendar."""

FOLLOWED, BILLS = 360, 1000
"""Days that a balance is followed ahead, and the most bills for it: periods may be short."""


def status(
    account: Account,
    plan: BillingPlan | Contract,
    *,
    at: date | str,
    period: Period | None = None,
    days: Days | None = None,
) -> Status:
    """The status of an account *at* an instant, and where its period will end at the run rate.

    Args:
        account: The closing of the latest bill of the period.
        plan: The terms: a plan, or a contract; days to come are billed under the version that holds then.
        at: Now: a date, of which nothing has been used yet, or an instant.
        period: The service period; otherwise that of the account, or of the plan's cycle.
        days: What was used on each day, in this period or before it. A day left out used nothing; those
            from *at* on are not read.

    Raises:
        InvalidPeriod: If *at* lies outside the period, or nothing says what the period is.
        InvalidUsage: If *days* is not a mapping from dates to usage, or its days in this period used more
            than the account.
        AccountMismatch: If the account is of another period or plan.
        InvalidPlan: If the terms change within the period of an account whose bills named none.

    Source: docs/explanation/forecast.md

    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.subscription(
    ...     "20", PriceSchedule(calls="0.01"), included={"calls": 1000}
    ... )
    >>> so_far = Bill.of(
    ...     Usage(calls=800), plan, period=Period("2026-03-01", "2026-04-01"), final=False
    ... )
    >>> now = status(so_far.closing, plan, at="2026-03-11")  # 80 calls a day
    >>> now.allowances[0].left, now.forecast.total
    (Decimal('200'), Decimal('34.80'))
    """
    now = _snapshot(account, plan, at, period, days)
    # What is left of the grants that have started, by currency: 0.00 where all is drawn or expired, and
    # nothing where there never was any.
    balance = account.balance
    started = [each for each in balance.grants if each.starts is None or not is_before(now.at, each.starts)]
    usable = balance.usable(now.at) if started else ()
    credit: list[Credit] = []
    for unit in sorted({grant.currency for grant in started}, key=str):
        nothing = Decimal((0, (0,), -unit.places))
        left = total([nothing, *(left for grant, left in usable if grant.currency == unit)])
        credit.append(Credit(unit, left, balance.held(now.at, currency=unit)))
    # a bill of nothing: what the period came to so far, with what time alone made due
    spent = invoice_preview(
        NO_USAGE, now.in_force.terms, opening=account, period=now.billed, final=False, at=now.at
    )
    return Status(
        now.at,
        now.period,
        now.in_force.plan.currency,
        spent.accrued,
        tuple(_spent_by_day(now)),
        tuple(_allowances(now)),
        tuple(_price_breaks(now)),
        tuple(credit),
        _exhausted_on(now) if credit else None,
        _forecast(now),
        tuple(_quotas(now)),
    )


def _quotas(now: Snapshot) -> Iterator[QuotaStatus]:
    """Where the account stands in each quota."""
    request, compiled = bill_request(
        NO_USAGE, now.in_force.terms, now.billed, now.account, final=False, at=now.at
    )
    for use, _ in quota_use(now.account, request, compiled):
        used, held, left = map(decimal, (use.used, use.held, use.left))
        yield QuotaStatus(use.quota, used, held, left, use.free_at)


class Snapshot(NamedTuple):
    """What a status is made of; *billed* is the period as bills name it, *ahead* the days still to come.

    *terms* are those of all periods, *in_force* says what of them holds in this one.
    """

    account: Account
    in_force: TermsNow
    terms: BillingPlan | Contract
    at: date
    period: Period
    billed: Period | None
    run_rate: RunRate
    ahead: tuple[tuple[date, Fraction], ...]


def _snapshot(account: Any, plan: Any, at: Any, period: Any, days: Any) -> Snapshot:
    if not isinstance(account, Account):
        raise InvalidAccount("not an account", account, "give the closing of the bill before, or Account()")
    if not isinstance(plan, BillingPlan | Contract):
        raise InvalidPlan("not a plan", plan, "give one: BillingPlan.on_demand(prices)")
    now, terms = moment(at), plan
    plan = terms if isinstance(terms, BillingPlan) else terms.plan_at(now)
    if period is not None and not isinstance(period, Period):
        raise InvalidPeriod("not a period", period, "give a Period")
    whole: Period | None = period or account.period
    if whole is None and plan.cycle is None:
        raise InvalidPeriod("a period that nothing says", iso_text(now), "give it: period=Period(start, end)")
    whole = whole or cast(Cycle, plan.cycle).containing(now)

    now = moment_in(now, whole)
    billed = whole if account.is_fresh else account.period
    in_force = terms_now(account, terms, now, whole, billed)

    known = () if days is None else daily_usage(days, local_day(whole.start), local_day(now))
    gone = sum((part for _, part in days_between(whole.start, now)), Fraction())
    mean = {meter: Fraction(units) / gone for meter, units in account.used.items()} if gone else {}
    run_rate = RunRate(known) if known else RunRate(mean=mean)
    snapshot = Snapshot(
        account, in_force, terms, now, whole, billed, run_rate, tuple(days_between(now, in_force.end))
    )

    # Days that used more than was billed belong to another account, or count something twice.
    used: Usage = sum((usage for _, usage in _days_in(snapshot)), NO_USAGE)
    if account.idle_labels:  # the account has one sum of what no price tells apart
        keys = {meter: in_force.card[meter].key for meter in used}
        idle = {meter: key for meter, key in keys.items() if key in account.idle_labels}
        used = Usage([(idle.get(meter, meter), units) for meter, units in used.items()])
    for meter, units in used.items():
        if units > account.used[meter]:
            way_out = f"give no more of {quoted(meter)} than the bills of this period"
            raise InvalidUsage("days that used more than the account", units, way_out)
    return snapshot


def _days_in(now: Snapshot) -> Iterator[tuple[date, Usage]]:
    """The days known of this period, each with what it used."""
    days = now.run_rate.days
    for back, usage in zip(range(len(days), 0, -1), days, strict=True):
        day = local_day(now.at) - timedelta(back)
        if not is_before(day, local_day(now.period.start)):
            yield day, usage


def _allowances(now: Snapshot) -> Iterator[Allowance]:
    """Free units by entry, and by group where an entry has groups that were used."""
    plan, card = now.in_force.plan, now.in_force.card
    used = card.quantities(now.in_force.used)
    for key in plan.free_units:
        # The allowance of an ``.each`` entry is one for each group, not one for all of them.
        groups = [
            (rate.key, quantity)
            for rate, quantity in used.items()
            if Meter(plan.prices.match(rate.key).key) == key
        ]
        for meter, quantity in sorted(groups) or [(key, ZERO)]:
            # Included units are those of the whole period; a plan may give a part of them for a part of it.
            yield Allowance(meter, decimal(card.allowance(key)), Decimal(quantity))


def _price_breaks(now: Snapshot) -> Iterator[tuple[Meter, PriceBreak]]:
    """The next price break of each meter in use whose price lists its pieces."""
    used = now.in_force.card.quantities(now.in_force.used)
    for rate in sorted(used, key=lambda rate: rate.order):
        if rate.price.pieces() is not None:
            price_break = next_breakpoint(rate.price, after=Decimal(used[rate]))
            if price_break is not None:
                yield rate.key, price_break


def _spent_by_day(now: Snapshot) -> Iterator[tuple[date, Decimal]]:
    """What the period came to at the end of each day known, billed anew."""
    # The bills of the days begin where the period began: with its draws back in the balance.
    returned = {key: decimal(difference(ZERO, amount)) for key, amount in now.account.draws}
    opening = Account(balance=cast(Any, now.account.balance.drawn_by(returned)))
    used = dict[date, Usage]()
    for day, usage in _days_in(now):
        # the first day of a period may be one of which only a part belongs to it
        start = now.period.start
        begins = midnight(day, cast(Any, start.tzinfo)) if isinstance(start, datetime) else day
        used[start if is_before(begins, start) else begins] = usage
        yield day, _preview(now, used, opening=opening, final=False).accrued


def _preview(
    now: Snapshot, usage: Mapping[date, Usage], *, final: bool, opening: Account | None = None
) -> BillDelta:
    """What usage adds; without a period on the bills, credit is what it is now."""
    at = None if now.billed is not None else now.at
    account, terms = now.account if opening is None else opening, now.in_force.terms
    # where the terms do not change it makes no difference when something was used
    dated = usage if isinstance(terms, Contract) else sum(usage.values(), NO_USAGE)
    return invoice_preview(dated, terms, opening=account, period=now.billed, final=final, at=at)


def _forecast(now: Snapshot) -> Forecast:
    """The period billed as if each day to come were used at the run rate."""
    run_rate, ahead, by_day = now.run_rate, UsageAhead(now.in_force.starts), list[tuple[date, Decimal]]()
    for place, (day, part) in enumerate(now.ahead):
        ahead.add(day, part, run_rate.on(place))
        # Minimum and fees in arrears are due with the last day, and a day before it would not show them.
        final = place == len(now.ahead) - 1
        by_day.append((local_day(day), _preview(now, ahead.usage(), final=final).accrued))
    end = _preview(now, ahead.usage(), final=True)

    low = high = None
    if run_rate.interval:
        errors = run_rate.error(len(now.ahead))
        # More usage may cost less at a cliff, so the ends are those of the amounts, not of the usages.
        amounts = [end.accrued]
        for sign in (-1, 1):
            off = ahead.off_by({meter: sign * error for meter, error in errors.items()})
            amounts.append(_preview(now, off, final=True).accrued)
        low, high = min(amounts), max(amounts)
    usage = now.account.used + sum(ahead.usage().values(), NO_USAGE)
    return Forecast(usage, end.accrued, end.due, low, high, run_rate.method, run_rate.interval, tuple(by_day))


def _exhausted_on(now: Snapshot) -> date | None:
    """The first day on which something is left to pay: each day billed ahead, period after period.

    None where that takes more than 1,000 bills.
    """
    # The account goes on from bill to bill, so what a grant pays, loses or rolls over is what it will.
    account, period, billed, start, bills = now.account, now.period, now.billed, now.at, 0
    # bills without a period have no versions of their terms
    terms, cycle = now.in_force.terms if billed is None else now.terms, now.in_force.plan.cycle
    while (local_day(start) - local_day(now.at)).days < FOLLOWED and bills < BILLS:
        lasts = lasting_part(terms, period)
        if lasts is None:
            return None
        for day, part in days_between(start, lasts.end):
            expected = now.run_rate.on((local_day(day) - local_day(now.at)).days)
            usage = usage_of({meter: units * part for meter, units in expected.items()})
            paid = _paid(usage, terms, opening=account, period=billed, final=False, at=day)
            if paid is None:
                return local_day(day)
            account, start, bills = paid.closing, day, bills + 1

        # Fees in arrears, the minimum and expiries come with the end of a period.
        closed = _paid(NO_USAGE, terms, opening=account, period=billed, at=start)
        if closed is None:
            return local_day(start)
        account, start, bills = closed.closing, period.end, bills + 1
        if cycle is not None:
            period = cycle.containing(start)
        else:
            period = Period(start, start + min(start - period.start, timedelta(FOLLOWED)))
        billed = None if now.billed is None else period
    return None


def _paid(usage: Usage, plan: BillingPlan | Contract, **how: Any) -> Bill | None:
    """A bill of which nothing is left to pay, or None."""
    try:
        bill = Bill.of(usage, plan, **how)
    except BalanceExhausted:
        return None
    return None if bill.due else bill
