"""Draw limits: the most that a grant pays in a window of time, or of some charges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from attrs import evolve, field, frozen

from tokenbill.core.base.values import Value
from tokenbill.core.credits.windows import Windows, WindowSum, sum_of, with_sum
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers, scope
from tokenbill.core.money.decimals import ZERO, decimal, difference, number
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import midnight, moment, zone
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidGrant, InvalidPeriod

__all__ = ["DrawLimit", "draw_limit", "time_of_draws"]

MOMENT = timedelta(microseconds=1)
MOVED = timedelta(hours=3)
"""More than the rules of a zone move a midnight by."""
EVER = date(1970, 1, 1)
"""Where the one window of a limit without a cycle begins."""


def _amount(value: Any) -> Decimal:
    amount = number(value)
    if amount < 0:
        raise InvalidGrant("a draw limit below zero", value, "give zero or more")
    return amount


def _cycle(value: Any) -> Cycle | None:
    if value is None or isinstance(value, Cycle):
        return value
    raise InvalidGrant("not a cycle of a draw limit", value, 'give one: most=("7.50", Cycle.weekly())')


@frozen(repr=False)
class DrawLimit(Value):
    """The most that one grant pays: in each period of a cycle, of the charges in a scope, or both.

    Args:
        amount: In the currency of the grant.
        cycle: The windows, one after the other; without it all that the grant pays counts.
        on: The charges that count; without it all.

    Raises:
        InvalidGrant, InvalidNumber, InvalidMeter: For parts that are none.

    Source: docs/explanation/credits.md#draw-limits

    >>> DrawLimit("7.50", Cycle.weekly()).start("2026-06-03").isoformat()
    '2026-06-01T00:00:00+00:00'
    """

    amount: Decimal = field(converter=_amount)
    cycle: Cycle | None = field(default=None, converter=_cycle)
    on: Scope = field(default=None, converter=scope)

    def start(self, at: date | str | None) -> date:
        """When the window that holds a moment begins.

        Raises:
            InvalidPeriod: If there is a cycle, and no moment.
        """
        if self.cycle is None:
            return EVER
        if at is None:
            raise InvalidPeriod("a draw limit, and no time to draw at", str(self.amount), "say at=")
        when = moment(at)
        # A date is the midnight of the cycle's own zone: elsewhere a window would begin hours too early.
        there = when if isinstance(when, datetime) else midnight(when, zone(self.cycle.tz))
        return cast(datetime, self.cycle.containing(there).start).astimezone(UTC)

    def counts(self, charge: str) -> bool:
        """Whether it counts what was paid of a charge, by the key that an account keeps draws by."""
        kind, _, name = charge.partition(":")
        return covers(self.on, kind, Meter(name) if kind == "usage" else None)

    def room(self, id: str, windows: Windows, at: date | str | None) -> Decimal:
        """What the grant of that id may still pay in the window of a moment."""
        key, start = f"draws of {id}", self.start(at)
        drawn = sum_of(self._moved(windows, key, start), key, start)
        return decimal(max(difference(self.amount, drawn), ZERO))

    def after(self, id: str, windows: Windows, at: date | str | None, paid: Decimal) -> Windows:
        """The windows after the grant paid, or got back; those before are forgotten."""
        key, start = f"draws of {id}", self.start(at)
        moved = self._moved(windows, key, start)
        known: list[WindowSum] = [each for each in moved if each.key != key or each.start >= start]
        return with_sum(tuple(known), key, start, paid)

    def _moved(self, windows: Windows, key: str, start: date) -> Windows:
        """The sums of draws, one of the window that begins at a moment with that as its start."""
        # Tables of zones move a midnight by an hour or two while its window runs: what was drawn in it stays.
        if not isinstance(start, datetime):
            return windows
        others = [each for each in windows if each.key == key and isinstance(each.start, datetime)]
        near = [each for each in others if each.start != start and abs(each.start - start) < MOVED]
        # Where a window begins by the rules at hand nothing moved: a list may have one for each hour.
        moved = [each for each in near if self.start(each.start) != each.start]
        return tuple(evolve(each, start=start) if each in moved else each for each in windows)


def time_of_draws(at: date | str | None, period: Period | None) -> date | str | None:
    """When a bill draws: at its moment, or, of one of a whole period, at the last moment of that.

    >>> time_of_draws(None, Period("2026-06-01", "2026-07-01"))
    datetime.date(2026, 6, 30)
    """
    if at is not None or period is None:
        return at
    # Ends are exclusive, so at the end itself a grant of this period is gone, and its window is the next.
    end = period.end
    if not isinstance(end, datetime):
        return end - timedelta(days=1)
    # by the instant: on the clock on the wall, the moment before an hour that comes twice is an hour earlier
    return (end.astimezone(UTC) - MOMENT).astimezone(end.tzinfo)


def draw_limit(value: Any) -> DrawLimit | None:
    """*value* as a draw limit: an amount with a cycle, with a scope, or with both.

    >>> draw_limit(("10", "gpu_hours")).on
    (Meter('gpu_hours'),)
    """
    if value is None or isinstance(value, DrawLimit):
        return value
    given: object = value
    parts = tuple(cast("tuple[Any, ...]", given)) if isinstance(given, list | tuple) else (given,)
    cycles = [part for part in parts[1:] if isinstance(part, Cycle)]
    scopes = [part for part in parts[1:] if not isinstance(part, Cycle)]
    if not 2 <= len(parts) <= 3 or len(cycles) > 1 or len(scopes) > 1:
        way_out = 'give an amount with a cycle or a scope: ("5", "calls")'
        raise InvalidGrant("not a draw limit", value, way_out)
    return DrawLimit(cast(Any, parts[0]), cycles[0] if cycles else None, *scopes)
