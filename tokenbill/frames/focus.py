"""FOCUS from columns: a row of FOCUS 1.2 for each charge of each bill, and for each day of its usage."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from os import PathLike
from typing import Any, Unpack

from tokenbill.core.pricing.schedule import Schedule
from tokenbill.errors import InvalidName
from tokenbill.frames.asking import (
    BillColumns,
    Columns,
    Names,
    backend_of,
    opened,
    options_of,
    report_named,
    warn_of_times,
)
from tokenbill.frames.calendar import day
from tokenbill.frames.layouts import DAY, VERSION
from tokenbill.shared.focus.charge_rows import Heading, HeadingNames
from tokenbill.shared.focus.columns import check_version

__all__ = ["focus_rows"]

PATHS = (str, PathLike, list, tuple)
USED = frozenset(BillColumns.__annotations__)
"""The arguments that say what columns mean; the others are names of FOCUS."""


class FocusColumns(BillColumns, HeadingNames, total=False):
    """What the columns of a frame mean, and what FOCUS is to call things."""


def focus_rows(
    data: Any,
    plan: Columns,
    by: Names = (),
    *,
    issuer: str,
    version: str = "1.2",
    daily: bool = True,
    list_prices: Schedule | None = None,
    allowance_fee: str | None = None,
    **named: Unpack[FocusColumns],
) -> Any:
    """The rows of FOCUS 1.2 of bills, one for each group of *by*: those that ``focus.rows`` writes of them.

    The result has every column of FOCUS: numbers are ``decimal(38, scale)`` in the currency of the bill,
    begin and end of periods are instants in UTC, everything else is text. The first column of *by* names the
    billing account, ``sub_account`` and ``number`` the part of it and the invoice; other columns are tags.

    With *time* usage has a row for each line and local day, in the zone of the cycle of the plan, or in UTC:
    a line is spread by quantity, and its days add up to it. Fees, taxes and the rounding are of the period.
    Bills that arrays settle are costed in columns, in some tenths of a millisecond each; those in tokens, and
    of terms that read usage or change, one by one, in one to three.

    Args:
        data: A frame, as in ``rate``, or the path of files, as in ``stream``, which give a table of Arrow.
        plan: The terms, as in ``rate``.
        by: The columns that name the bill.
        issuer: Who sends the invoices.
        version: Of FOCUS; only 1.2 is written.
        daily: Whether usage has a row for each day, where *time* is known.
        list_prices: The public schedule, where the prices of the plan are negotiated.
        allowance_fee: The fee that pays for what a plan includes: its first one unless named, none if empty.
        named: What the columns mean, as in ``rate``, and names, as in ``focus.rows``: ``provider``, ``skus``,
            ``tags`` and so on; of an ``account_id`` the first column of *by* names the parts.

    Raises:
        UnreadableInput: For another version of FOCUS.
        InvalidName: For bills of no account, and for names that are none.
        InvalidPlan: If no fee has the name of *allowance_fee*.
        InvalidPrice: For a number of more decimals than *scale*, with the least that holds it.

    All other errors are those of ``rate``.

    Source: https://focus.finops.org/focus-specification/v1-2/

    >>> import polars as pl
    >>> from tokenbill import BillingPlan, Period, PriceSchedule
    >>> plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="2.50"))
    >>> hours = pl.DataFrame({"tenant": ["acme", "acme"], "gpu_hours": [6, 4]})
    >>> october = Period("2026-10-01", "2026-11-01")
    >>> asked = {"by": "tenant", "period": october, "scale": 2}
    >>> rows = focus_rows(hours, plan, issuer="Acme Cloud", **asked)
    >>> rows.select("PricingUnit", "BilledCost").row(0)
    ('Hours', Decimal('25.00'))
    """
    check_version(version)
    said: Any = {name: value for name, value in named.items() if name in USED}
    heading = Heading(issuer=issuer, **{name: value for name, value in named.items() if name not in USED})
    options = options_of(plan, by=by, **said)
    if not options.by and heading.account_id is None:
        way_out = 'say it: account_id="acme", or name the column of customers: by="tenant"'
        raise InvalidName("no billing account", None, way_out)
    if daily and options.time is not None:
        cycle = options.plan.cycle
        made = day(options.time, tz=cycle.tz if cycle else "UTC", name=DAY)
        versions = (VERSION,) if options.contracts else ()
        options = options._replace(calendar=(*options.calendar, made), spread=(DAY, *versions))
    options = options._replace(columns=())
    costed: Any = report_named("focus_rows", "focus_table")
    report: Any = partial(
        costed,
        heading=heading,
        list_prices=list_prices,
        allowance_fee=allowance_fee,
    )
    rows: Any = data
    if isinstance(rows, PATHS):
        return import_module("tokenbill.frames.files").stream(data, options, None, report)
    rows = opened(data)
    warn_of_times(rows, options)
    return backend_of(rows).report(rows, options, report)
