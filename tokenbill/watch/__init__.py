"""Watch: how an account stands in the middle of a period, and where it will end at the present pace.

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
from tokenbill.core.credits.ledger import total
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, product
from tokenbill.core.periods.instants import is_before, midnight, moment, spelled
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.charges import quantities_of
from tokenbill.core.rating.compiled import compiled_form
from tokenbill.core.rating.increment import NO_USAGE, Increment
from tokenbill.errors import (
    BalanceExhausted,
    InvalidAccount,
    InvalidPeriod,
    InvalidPlan,
    InvalidUsage,
)
from tokenbill.shared.forecasts import Pace, days_between, days_of, local_day, outlook, usage_of
from tokenbill.shared.marginal_cost import Bend, next_bend
from tokenbill.watch.account_status import Allowance, Credit, Forecast, Path, Status
from tokenbill.watch.budgets import Alert, Budget
from tokenbill.watch.savings import Advice, advice, footprint, with_share

__all__ = [
    "Advice",
    "Alert",
    "Allowance",
    "Budget",
    "Credit",
    "Forecast",
    "Pace",
    "Path",
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
    plan: BillingPlan,
    *,
    at: date | str,
    period: Period | None = None,
    days: Days | None = None,
) -> Status:
    """How an account stands *at* an instant, and where its period will end at the present pace.

    Args:
        account: The closing of the latest bill of the period.
        plan: The terms.
        at: Now: a date, of which nothing has been used yet, or an instant.
        period: The service period; that of the account, or of the plan's cycle, unless given.
        days: What was used on each day, in this period or before it. A day left out used nothing; those
            from *at* on are not read.

    Raises:
        InvalidPeriod: If *at* lies outside the period, or nothing says what the period is.
        InvalidUsage: If *days* is no mapping from dates to usage, or its days in this period used more
            than the account.
        AccountMismatch: If the account is of another period or plan.

    Source: docs/explanation/forecast.md

    >>> from tokenbill import PriceSchedule
    >>> plan = BillingPlan.subscription("20", PriceSchedule(calls="0.01"), included={"calls": 1000})
    >>> so_far = Bill.of(Usage(calls=800), plan, period=Period("2026-03-01", "2026-04-01"), final=False)
    >>> now = status(so_far.closing, plan, at="2026-03-11")  # 80 calls a day
    >>> now.allowances[0].left, now.forecast.total
    (Decimal('200'), Decimal('34.80'))
    """
    seen = _seen(account, plan, at, period, days)
    credit = tuple(_credit(seen))
    return Status(
        seen.at,
        seen.period,
        plan.currency,
        outlook(NO_USAGE, plan, opening=account, period=seen.billed, final=False, at=seen.at).accrued,
        tuple(_spent_by_day(seen)),
        tuple(_allowances(seen)),
        tuple(_bends(seen)),
        credit,
        _lasts(seen) if credit else None,
        _forecast(seen),
    )


class Seen(NamedTuple):
    """What a status is made of; *billed* is the period as bills name it, *ahead* the days still to come."""

    account: Account
    plan: BillingPlan
    at: date
    period: Period
    billed: Period | None
    pace: Pace
    ahead: tuple[tuple[date, Fraction], ...]


def _seen(account: Any, plan: Any, at: Any, period: Any, days: Any) -> Seen:
    if not isinstance(account, Account):
        raise InvalidAccount("no account", account, "give the closing of the bill before, or Account()")
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("no plan", plan, "give one: BillingPlan.on_demand(prices)")
    now = moment(at)
    whole = _period(account, plan, now, period)
    now = _placed(now, whole)
    if now not in whole:
        raise InvalidPeriod("a time outside the period", spelled(now), f"ask within {whole}")
    known = () if days is None else days_of(days, local_day(whole.start), local_day(now))
    pace = Pace(known) if known else Pace(mean=_mean(account.used, whole, now))
    billed = whole if account.is_fresh else account.period
    seen = Seen(account, plan, now, whole, billed, pace, tuple(days_between(now, whole.end)))
    _check_days(seen)
    return seen


def _check_days(seen: Seen) -> None:
    together = sum((usage for _, usage in _days_in(seen)), NO_USAGE)
    for meter, units in together.items():
        if units > seen.account.used[meter]:
            way_out = f"give no more of {quoted(meter)} than the bills of this period"
            raise InvalidUsage("days that used more than the account", units, way_out)


def _days_in(seen: Seen) -> Iterator[tuple[date, Usage]]:
    """The days known of this period, each with what it used."""
    gone = len(seen.pace.days)
    for i, usage in enumerate(seen.pace.days):
        day = local_day(seen.at) - timedelta(gone - i)
        if not is_before(day, local_day(seen.period.start)):
            yield day, usage


def _period(account: Account, plan: BillingPlan, now: date, given: Any) -> Period:
    if given is not None and not isinstance(given, Period):
        raise InvalidPeriod("no period", given, "give a Period")
    found: Period | None = given or account.period
    if found is None and plan.cycle is not None:
        return plan.cycle.containing(now)
    if found is None:
        raise InvalidPeriod("a period that nothing says", spelled(now), "give it: period=Period(start, end)")
    return found


def _placed(now: date, period: Period) -> date:
    """The time in the zone of a period of instants."""
    if not isinstance(period.start, datetime):
        if isinstance(now, datetime):
            raise InvalidPeriod("an instant in a period of dates", spelled(now), "give a date")
        return now
    home = cast(Any, period.start.tzinfo)
    return now.astimezone(home) if isinstance(now, datetime) else midnight(now, home)


def _mean(used: Usage, period: Period, now: date) -> dict[Meter, Fraction]:
    gone = sum((part for _, part in days_between(period.start, now)), Fraction())
    return {meter: Fraction(units) / gone for meter, units in used.items()} if gone else {}


def _allowances(seen: Seen) -> Iterator[Allowance]:
    """Free units by entry, and by group where an entry has groups that were used."""
    card = compiled_form(seen.plan, seen.plan.share(seen.billed))
    used = quantities_of(card, seen.account.used)
    for key, included in seen.plan.included:
        free = product(included, card.share) if seen.plan.prorate_included else included
        reached = [
            (rate.key, quantity) for rate, quantity in used.items() if _entry(seen.plan, rate.key) == key
        ]
        for meter, quantity in sorted(reached) or [(key, ZERO)]:
            yield Allowance(meter, decimal(free), Decimal(quantity))


def _entry(plan: BillingPlan, meter: Meter) -> Meter:
    return Meter(plan.prices.match(meter).key)


def _bends(seen: Seen) -> Iterator[tuple[Meter, Bend]]:
    """Where the price of each meter in use changes next, as far as its price tells."""
    card = compiled_form(seen.plan, seen.plan.share(seen.billed))
    used = quantities_of(card, seen.account.used)
    for rate in sorted(used, key=lambda rate: rate.order):
        bend = next_bend(rate.price, after=Decimal(used[rate])) if rate.price.pieces() is not None else None
        if bend is not None:
            yield rate.key, bend


def _credit(seen: Seen) -> Iterator[Credit]:
    """What is left of the grants that have started, by currency: nothing where all is drawn or expired."""
    grants = seen.account.balance.grants
    begun = [grant for grant in grants if grant.starts is None or not is_before(seen.at, grant.starts)]
    usable = seen.account.balance.usable(seen.at) if begun else ()
    for unit in sorted({grant.currency for grant in begun}, key=str):
        nothing = Decimal((0, (0,), -unit.places))
        yield Credit(unit, total([nothing, *(left for grant, left in usable if grant.currency == unit)]))


def _spent_by_day(seen: Seen) -> Iterator[tuple[date, Decimal]]:
    """What the period came to at the end of each day known, billed anew."""
    account, used = seen.account, NO_USAGE
    given_back = {key: decimal(difference(ZERO, amount)) for key, amount in account.draws}
    opening: Any = Account(balance=account.balance.drawn_by(given_back))
    for day, usage in _days_in(seen):
        used += usage
        yield day, _outlook(seen, used, opening=opening, final=False).accrued


def _outlook(seen: Seen, usage: Usage, *, final: bool, opening: Account | None = None) -> Increment:
    """What usage adds; without a period on the bills, credit is asked as of now."""
    at = None if seen.billed is not None else seen.at
    account = seen.account if opening is None else opening
    return outlook(usage, seen.plan, opening=account, period=seen.billed, final=final, at=at)


def _forecast(seen: Seen) -> Forecast:
    """The period billed as if each day to come were used at the pace."""
    rest, by_day = dict[Meter, Fraction](), list[tuple[date, Decimal]]()
    for ahead, (day, part) in enumerate(seen.ahead):
        for meter, units in seen.pace.on(ahead).items():
            rest[meter] = rest.get(meter, Fraction()) + units * part
        final = ahead == len(seen.ahead) - 1
        by_day.append((local_day(day), _outlook(seen, usage_of(rest), final=final).accrued))
    end = _outlook(seen, usage_of(rest), final=True)
    low, high = _interval(seen, rest, end.accrued)
    usage, pace = seen.account.used + usage_of(rest), seen.pace
    return Forecast(usage, end.accrued, end.due, low, high, pace.method, pace.interval, tuple(by_day))


def _interval(
    seen: Seen, rest: Mapping[Meter, Fraction], middle: Decimal
) -> tuple[Decimal | None, Decimal | None]:
    """The period billed with every meter as far off as it was at worst, below and above."""
    if not seen.pace.interval:
        return None, None
    days = sum((part for _, part in seen.ahead), Fraction())
    error = {meter: off * days for meter, off in seen.pace.error(len(seen.ahead)).items()}
    ends = [
        {meter: rest.get(meter, Fraction()) + sign * off for meter, off in error.items()} for sign in (-1, 1)
    ]
    found = [_outlook(seen, usage_of(end), final=True).accrued for end in ends]
    return min(*found, middle), max(*found, middle)


def _lasts(seen: Seen) -> date | None:
    """The first day on which something is left to pay: each day billed ahead, period after period.

    None where that takes more than 1,000 bills.
    """
    account, period, billed, start, bills = seen.account, seen.period, seen.billed, seen.at, 0
    while _days_off(seen, start) < FOLLOWED and bills < BILLS:
        for day, part in days_between(start, period.end):
            expected = seen.pace.on(_days_off(seen, day))
            usage = usage_of({meter: units * part for meter, units in expected.items()})
            bill = _paid(usage, seen.plan, opening=account, period=billed, final=False, at=day)
            if bill is None:
                return local_day(day)
            account, start, bills = bill.closing, day, bills + 1
        end = _paid(NO_USAGE, seen.plan, opening=account, period=billed, at=start)
        if end is None:
            return local_day(start)
        account, start, bills = end.closing, period.end, bills + 1
        period = _following(seen.plan, period)
        billed = None if seen.billed is None else period
    return None


def _days_off(seen: Seen, day: date) -> int:
    return (local_day(day) - local_day(seen.at)).days


def _paid(usage: Usage, plan: BillingPlan, **how: Any) -> Bill | None:
    """A bill of which nothing is left to pay, or None."""
    try:
        bill = Bill.of(usage, plan, **how)
    except BalanceExhausted:
        return None
    return None if bill.due else bill


def _following(plan: BillingPlan, period: Period) -> Period:
    """The period after one: the next of the cycle, or one as long."""
    if plan.cycle is not None:
        return plan.cycle.containing(period.end)
    return Period(period.end, period.end + min(period.end - period.start, timedelta(FOLLOWED)))
