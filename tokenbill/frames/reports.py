"""Reports: what all customers come to, under one plan or several, a row for each bill and no lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from importlib import import_module
from typing import Any, TypeVar, Unpack, cast

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.money.decimals import number
from tokenbill.core.periods.instants import iso_text, moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import CurrencyMismatch, InvalidNumber, InvalidPeriod, InvalidPlan
from tokenbill.frames.asking import (
    BillColumns,
    Columns,
    Names,
    Terms,
    UsageColumns,
    backend_of,
    check_zones,
    last_plan,
    opened,
    options_of,
    report_named,
    terms_in,
    warn_of_times,
)
from tokenbill.frames.layouts import Options
from tokenbill.shared.forecasts import moment_in
from tokenbill.shared.plan_in_force import plan_in_force

__all__ = ["compare", "draws", "forecast", "margin", "rollout", "totals"]

Frame = TypeVar("Frame")

GROWTH = re.compile(r"\s*\+?\s*([0-9]{1,6}(?:\.[0-9]{1,12})?)\s*%\s*", re.ASCII)
TOTALS = ("net", "discount", "credit", "tax", "total", "paid", "due", "currency")


def totals(
    data: Frame,
    plan: Columns,
    by: Names = (),
    *,
    grants: Any = None,
    at: date | str | None = None,
    **usage: Unpack[BillColumns],
) -> Frame:
    """What each bill comes to: ``net``, ``discount``, ``credit``, ``tax``, ``total``, and its ``currency``.

    ``net`` is what is owed before tax, discounts taken off, taxes that prices contain too; ``discount`` is
    what all discounts took off. net − credit + tax = total.

    With *grants*, ``credit`` is what promotional grants paid, and ``paid`` and ``due`` are there: what paid
    grants pay of the total, and what is left to pay, as on a first bill of each customer in ``Bill.of``.
    Grants without a scope pay on arrays; a customer who has one with a scope, or whose plan does more than
    bill what no credit covers, is billed by ``Bill.of``, at some hundred microseconds each.

    Args:
        data: A frame, as in ``rate``.
        plan: The terms, as in ``rate``.
        by: The columns that name the bill.
        grants: A frame of grants, of any engine: the columns of *by*, ``id``, ``amount``, ``currency``, and,
            where there are any, ``left`` (what is left of it), ``starts``, ``expires``, ``priority``,
            ``kind`` and ``on``, as in ``Grant``.
        at: When grants are drawn on; without it only those usable for a bill of all of *period* pay.
        usage: What the columns mean, as in ``rate``; a *period* of dates begins at midnight in the zone of
            the plan's cycle, in UTC without one.

    Raises:
        InvalidGrant: For a negative amount, an unknown kind, an id that a customer has twice.
        InvalidPeriod: For grants that start or expire, with neither *at* nor a period.
        CurrencyMismatch: For a grant in a currency that its owner's plan does not know.

    All other errors are those of ``rate``.

    Source: docs/how-to/showback.md

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, Discount, PriceSchedule, Tax
    >>> prices, off, vat = PriceSchedule(calls="1.00"), Discount.percent(10), Tax("VAT", 20)
    >>> plan = BillingPlan.on_demand(prices, discounts=[off], taxes=[vat])
    >>> calls = pl.DataFrame({"tenant": ["acme"], "calls": [300]})
    >>> totals(calls, plan, by="tenant", scale=2).row(0)
    ('acme', Decimal('270.00'), Decimal('30.00'), Decimal('0.00'), Decimal('54.00'), Decimal('324.00'), 'USD')
    """
    options = options_of(plan, by=by, **usage)._replace(columns=TOTALS)
    report: Any = report_named("totals", "summaries")
    if grants is None:
        return _reported(data, options, report)
    return _reported(data, options, partial(report, grants=_grants(grants, options, at)))


def draws(
    data: Frame,
    plan: Columns,
    by: Names = (),
    *,
    grants: Any,
    at: date | str | None = None,
    **usage: Unpack[BillColumns],
) -> Frame:
    """What each bill draws of which grant: the columns of *by*, ``id``, ``amount``, ``left``, ``currency``.

    Grants of which nothing is drawn have no row. Arguments and errors are those of ``totals``.

    Source: docs/explanation/credits.md

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.prepaid(PriceSchedule(calls="0.10"))
    >>> calls = pl.DataFrame({"tenant": ["acme"], "calls": [300]})
    >>> credit = {"tenant": ["acme", "acme"], "id": ["gift", "paid"], "amount": [10, 50]}
    >>> kinds = ["promotional", "paid"]
    >>> grants = pl.DataFrame({**credit, "currency": "USD", "kind": kinds})
    >>> found = draws(calls, plan, by="tenant", grants=grants, scale=2)
    >>> for row in found.sort("id").rows():
    ...     print(*row)
    acme gift 10.00 0.00 USD
    acme paid 20.00 30.00 USD
    """
    options = options_of(plan, by=by, **usage)._replace(columns=("id", "amount", "left", "currency"))
    report: Any = report_named("draws", "summaries")
    return _reported(data, options, partial(report, grants=_grants(grants, options, at)))


def _grants(frame: Any, options: Options, at: date | str | None) -> Any:
    """The grants of a frame; they need numpy and Arrow, and a face is imported without them."""
    table = import_module("tokenbill.frames.credit").GrantTable
    return table.of(frame, options, None if at is None else moment(at))


def compare(
    data: Frame,
    plans: Mapping[str, Terms] | Iterable[Terms],
    by: Names = (),
    *,
    period: Period | None = None,
    time: str | None = None,
    **usage: Unpack[UsageColumns],
) -> Frame:
    """What each group would pay under each plan: a column for each plan by its name, and ``cheapest``.

    The usage is added up once. Of plans that cost the same the first one is named.

    Args:
        data: A frame, as in ``rate``.
        plans: Plans by name, or a list of plans that have names; all in one currency.
        by: The columns of the groups.
        period: The service period of every bill.
        time: The column of instants or dates: rows outside *period* are left out.
        usage: What the columns mean, as in ``rate``, and *scale*.

    Raises:
        InvalidPlan: For plans without names, or two of one name.
        CurrencyMismatch: For plans in several currencies.

    Source: docs/how-to/compare-plans-for-all-customers.md

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plans = {
    ...     "on demand": BillingPlan.on_demand(PriceSchedule(calls="0.10")),
    ...     "pro": BillingPlan.subscription("15.00", PriceSchedule(calls="0.02")),
    ... }
    >>> calls = pl.DataFrame({"tenant": ["a", "b"], "calls": [100, 250]})
    >>> compare(calls, plans, by="tenant", scale=2).sort("tenant").rows()
    [('a', Decimal('10.00'), Decimal('17.00'), 'on demand'), ('b', Decimal('25.00'), Decimal('20.00'), 'pro')]
    """
    named = _named(plans)
    options = several(named, by, period=period, time=time, **usage)._replace(columns=(*named, "cheapest"))
    return _reported(data, options, report_named("compared", "summaries"))


def forecast(
    data: Frame,
    plan: Columns,
    by: Names = (),
    *,
    time: str,
    at: date | str,
    period: Period | None = None,
    plans: Mapping[Any, Terms] | None = None,
    **usage: Unpack[UsageColumns],
) -> Frame:
    """Where the period of each group will end: ``spent`` so far, ``forecast``, ``low`` and ``high``.

    Each is a total, taxes included, in the currency of the plan, to the digits of ``watch.status``. The days
    to come are used at the run rate: each as the same weekday of the last seven days; ``low`` and ``high``
    are as far off as that was at worst on the days before, and empty where no more than seven are known.
    Rows before the period are days known too, and rows from *at* on are not read.

    Args:
        data: A frame, as in ``rate``.
        plan: The terms, as in ``rate``.
        by: The columns of the groups.
        time: The column of instants or dates.
        at: Now: a date, of which nothing has been used yet, or an instant.
        period: The service period; otherwise that of the cycle of the plans.
        plans: Plans by name, where *plan* is the column that has the names.
        usage: What the columns mean, as in ``rate``, and *scale*.

    Raises:
        InvalidPeriod: If *at* lies outside the period, or nothing says what the period is.
        InvalidUsage: For rows of more than ten years.

    Source: docs/explanation/forecast.md

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(calls="0.10"))
    >>> days = [f"2026-11-{day:02}" for day in range(1, 11)]
    >>> calls = pl.DataFrame({"at": days, "calls": [10] * 9 + [14]})
    >>> november = Period("2026-11-01", "2026-12-01")
    >>> found = forecast(calls, plan, time="at", at="2026-11-11", period=november, scale=2)
    >>> for name, amount in found.row(0, named=True).items():
    ...     print(name, amount)
    spent 10.40
    forecast 31.20
    low 23.20
    high 39.20
    """
    now = moment(at)
    whole = period_at(now, plans if isinstance(plan, str) else plan) if period is None else period
    options = options_of(plan, by=by, period=whole, time=time, plans=plans, **usage)
    options = options._replace(columns=("spent", "forecast", "low", "high"), until=moment_in(now, whole))
    return _reported(data, options, report_named("forecasts", "forecasts"))


def period_at(now: date, plans: Any) -> Period:
    """The period of the cycle that all plans have."""
    every = plans.values() if is_mapping(plans) else [plans]
    found = list[Period | None]()
    for terms in every:
        cycle = plan_in_force(terms.plan_at(now) if isinstance(terms, Contract) else terms).cycle
        found.append(None if cycle is None else cycle.containing(now))
    if None in found or len(set(map(str, found))) != 1:
        raise InvalidPeriod("a period that nothing says", iso_text(now), "give it: period=Period(start, end)")
    return cast(Period, found[0])


def margin(
    data: Frame,
    plan: Terms,
    cost_plan: Terms,
    by: Names = (),
    *,
    period: Period | None = None,
    time: str | None = None,
    **usage: Unpack[UsageColumns],
) -> Frame:
    """What each group brings in and costs: ``revenue``, ``cost``, ``margin``, and ``rate``, its part of 1.

    Both are net of taxes. The rate is to *scale* places, half up; without revenue there is none.

    Args:
        data: A frame, as in ``rate``.
        plan: What customers pay.
        cost_plan: What the same usage costs you: its meters at the prices of your suppliers.
        by: The columns of the groups.
        period: The service period of every bill.
        time: The column of instants or dates: rows outside *period* are left out.
        usage: What the columns mean, as in ``rate``, and *scale*.

    Raises:
        CurrencyMismatch: If the two are in different currencies.

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> rates = PriceSchedule(calls="0.10"), PriceSchedule(calls="0.04")
    >>> price, cost = map(BillingPlan.on_demand, rates)
    >>> calls = pl.DataFrame({"tenant": ["a"], "calls": [100]})
    >>> margin(calls, price, cost, by="tenant", scale=2).row(0)
    ('a', Decimal('10.00'), Decimal('4.00'), Decimal('6.00'), Decimal('0.60'))
    """
    names = ("revenue", "cost", "margin", "rate")
    options = several({"revenue": plan, "cost": cost_plan}, by, period=period, time=time, **usage)._replace(
        columns=names
    )
    return _reported(data, options, report_named("margins", "summaries"))


def rollout(
    data: Frame,
    old: Terms,
    new: Terms,
    by: Names = (),
    *,
    most: str = "+10 %",
    period: Period | None = None,
    time: str | None = None,
    **usage: Unpack[UsageColumns],
) -> Frame:
    """What a change of prices does to everybody: ``old``, ``new``, ``change``, and who ``stays``.

    ``stays`` is true for those whose total would grow by more than *most*: the smallest set of groups to
    leave on the old terms, so that nobody pays more than allowed.

    Args:
        data: A frame, as in ``rate``.
        old: The terms today.
        new: The terms to come.
        by: The columns of the groups.
        most: By how much a total may grow: "+10 %".
        period: The service period of every bill.
        time: The column of instants or dates: rows outside *period* are left out.
        usage: What the columns mean, as in ``rate``, and *scale*.

    Raises:
        InvalidNumber: If *most* is no percentage of 0 or more.
        CurrencyMismatch: If the two are in different currencies.

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, PriceSchedule
    >>> rates = PriceSchedule(calls=1, gpu=9), PriceSchedule(calls=2, gpu=8)
    >>> old, new = map(BillingPlan.on_demand, rates)
    >>> use = pl.DataFrame({"tenant": ["a", "b"], "calls": [10, 1], "gpu": [0, 10]})
    >>> rollout(use, old, new, by="tenant", scale=0).sort("tenant").rows()[0]
    ('a', Decimal('10'), Decimal('20'), Decimal('10'), True)
    """
    match = GROWTH.fullmatch(str(most))
    if match is None:
        raise InvalidNumber("not a growth that is allowed", most, 'write a percentage: "+10 %"')
    percent = number(match[1])
    names = ("old", "new", "change", "stays")
    options = several({"old": old, "new": new}, by, period=period, time=time, **usage)._replace(columns=names)
    report: Any = report_named("rolled_out", "summaries")
    return _reported(data, options, partial(report, percent=percent))


def _reported(data: Frame, options: Options, report: Any) -> Frame:
    rows = opened(data)
    warn_of_times(rows, options, depth=4)
    return backend_of(rows).report(rows, options, report)  # type: ignore[no-any-return]


def several(
    plans: Mapping[str, Any], by: Names, *, period: Period | None, time: str | None, **usage: Any
) -> Options:
    """The options of one usage under several plans of one currency."""
    found = {name: terms_in(terms, period, time) for name, terms in plans.items()}
    codes = [last_plan(terms, period).currency.code for terms in found.values()]
    for code in codes:
        if code != codes[0]:
            raise CurrencyMismatch(codes[0], code)
    check_zones(found.values(), period, time)
    first = next(iter(found.values()))
    options = options_of(first, by=by, period=period, time=time, **usage)
    return options._replace(plans=found, contract=None)


def _named(plans: Any) -> dict[str, Any]:
    """Plans by name."""
    if is_mapping(plans):
        found: dict[str, Any] = {str(name): plan for name, plan in plans.items()}
        every = list(found)
    else:
        listed = [plans] if isinstance(plans, BillingPlan | Contract) else list(plans)
        every = [getattr(getattr(plan, "plan", plan), "name", None) or "" for plan in listed]
        found = dict(zip(every, listed, strict=True))
    if not found or "" in found or len(found) < len(every):
        raise InvalidPlan("plans that no name tells apart", every, 'name them: {"pro": plan}')
    return found
