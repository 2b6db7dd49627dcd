"""Rows, one by one: their usage under labels and pools, and which of them count."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from tokenbill.cli.options import Misuse, Request
from tokenbill.core.base.inputs import name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, number
from tokenbill.core.periods.instants import moment, zone
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidName, InvalidUsage
from tokenbill.events import bracket
from tokenbill.frames import CalendarColumn

__all__ = ["RowReader", "cell_text", "lengths_of", "outside", "time_text"]


SPACED = re.compile(r"^(\d{4}-\d\d-\d\d) (?=\d)", re.ASCII)


class RowReader:
    """What reads the group and the usage of a row; None where it does not count.

    ``outside`` counts those that lie outside the period.
    """

    def __init__(
        self, request: Request, over: Sequence[int], calendars: Mapping[str, CalendarColumn]
    ) -> None:
        self.request, self.over, self.calendars, self.outside = request, over, calendars, 0
        self.columns = {column for _, column in request.sums}
        self.is_long = not (request.sums or request.counts)
        if not request.sums and (over or request.labels):
            raise Misuse(
                "the prices depend on the length of a request; give --sum, for rows that are requests"
            )
        for column in [column for pool in request.pools for column in pool]:
            if column not in self.columns:
                raise Misuse(f"--pool names a column that no --sum adds up: {quoted(column)}")

    def read(self, row: Mapping[str, Any], rows: int = 1) -> tuple[tuple[str, ...], Usage] | None:
        """The group and usage of a row, or of so many that were added up."""
        request = self.request
        if any(cell_text(_member(row, column)) != text for column, text in request.where):
            return None
        if request.time is not None and not self._is_inside(_member(row, request.time)):
            self.outside += 1
            return None
        usage = self._usage(row, rows)
        return tuple(map(self._part(row), request.by)), bracket(usage, over=self.over) if self.over else usage

    def _is_inside(self, text: Any) -> bool:
        """Whether the period holds a time."""
        period, cycle, when = self.request.period, self.request.terms.cycle, moment(time_text(text))
        assert period is not None  # an option asks for the other
        if isinstance(when, datetime) and not isinstance(period.start, datetime):
            # the days of a plan begin at midnight where it lives
            when = when.astimezone(zone(cycle.tz if cycle else self.request.tz)).date()
        return when in period

    def _part(self, row: Mapping[str, Any]) -> Any:
        def part(column: str) -> str:
            calendar = self.calendars.get(column)
            if calendar is not None and column not in row:
                return calendar.at(time_text(_member(row, calendar.column)))
            return name(_member(row, column), what=column)

        return part

    def _usage(self, row: Mapping[str, Any], rows: int) -> Usage:
        request = self.request
        if self.is_long:
            return Usage({_member(row, "meter"): number(_member(row, "quantity"))})
        cells = {column: number(_member(row, column)) for column in self.columns}
        # what is a part of another column is counted there, too
        for part, whole in request.pools:
            cells[whole] = EXACT.subtract(cells[whole], cells[part])
        texts = {label: _member(row, column) for label, column in request.labels.items()}
        # as in frames: an empty cell is no label, and its row asks for a price without one
        labels = {label: name(text, what=label) for label, text in texts.items() if text not in ("", None)}
        summed = list[tuple[Meter, Any]]()
        for meter, column in request.sums:
            for label, text in meter.labels.items():
                # a row of another model would be billed as this one without a word
                if label not in labels and label in row and row[label] not in ("", text):
                    way_out = f"write --label {label}, and leave it out of --sum"
                    raise InvalidUsage(
                        f"a row whose {label} is not that of --sum {meter}", row[label], way_out
                    )
            summed.append((Meter(meter, labels), cells[column]))
        return Usage([*summed, *((Meter(meter, labels), rows) for meter in request.counts)])


def cell_text(cell: Any) -> str:
    """A cell as the text that CSV and JSON have of it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, date) else "" if cell is None else str(cell)


def time_text(cell: Any) -> Any:
    """A time as RFC 3339 has it: pandas and Arrow write a space between the day and the clock in CSV."""
    return SPACED.sub(r"\1T", cell) if isinstance(cell, str) else cell


def outside(count: int, note: Callable[[str], object]) -> None:
    """Say how many rows lie outside the period, if any do."""
    if count:
        note(f"{count} {'row' if count == 1 else 'rows'} outside the period")


def _member(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        near = get_close_matches(column, map(str, row), n=1)
        way_out = f"did you mean {quoted(near[0])}?" if near else "name one that every row has"
        raise InvalidName("no such member", column, way_out)
    return row[column]


def lengths_of(plan: BillingPlan) -> list[int]:
    """The lengths of a request from which on its units have another price."""
    prices: object = plan.prices
    lengths = [key.labels.get("context", "") for key in prices] if isinstance(prices, PriceSchedule) else []
    return sorted({int(length) for length in lengths if length.isascii() and length.isdecimal()})
