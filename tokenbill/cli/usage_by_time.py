"""Usage by time: that of each group of a file, where it matters when it was used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeAlias, cast

from tokenbill.cli.options import Request
from tokenbill.cli.row_reader import time_text
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import moment, utc, zone
from tokenbill.core.periods.period import Period

__all__ = ["Billed", "Groups", "dated"]

Groups: TypeAlias = "dict[tuple[str, ...], Usage]"
"""Usage by the texts of its group."""

Billed: TypeAlias = "Mapping[tuple[str, ...], Usage | Mapping[date, Usage]]"
"""The same; where times are known and matter, each by date or instant."""


def dated(groups: Groups, request: Request) -> dict[tuple[str, ...], dict[date, Usage]]:
    """Usage by group and time, of groups whose last text is the time.

    Raises:
        InvalidPeriod: For a text that is no date or instant.
    """
    found = dict[tuple[str, ...], dict[date, Usage]]()
    for (*group, text), usage in groups.items():
        when, period, cycle = moment(time_text(text)), cast(Period, request.period), request.terms.cycle
        if isinstance(when, datetime) and not isinstance(period.start, datetime):
            # the days of a plan begin at midnight where it lives
            when = when.astimezone(zone(cycle.tz if cycle else "UTC")).date()
        when = utc(when)  # where clocks go back, two times of one name are equal to Python
        mine = found.setdefault(tuple(group), {})
        mine[when] = mine[when] + usage if when in mine else usage
    return found
