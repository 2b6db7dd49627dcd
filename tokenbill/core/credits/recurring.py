"""Recurring grants: credit that is given anew in each period of a cycle, and lives as long as it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import EMPTY, listed_of
from tokenbill.core.base.values import Value
from tokenbill.core.credits.grants import Grant, Kind, credit, grant_id, grants_of, kind_of, priority_of
from tokenbill.core.metering.scopes import Scope, scope
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.currencies import currency as unit_of
from tokenbill.core.money.decimals import ZERO
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, iso_text, located, moment, optional_moment, utc, zone
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.spans import DAY, optional_span, span_seconds
from tokenbill.errors import InvalidGrant

__all__ = ["Grants", "granted", "recurring_of", "take_recurring"]

LIVES = 1000
"""Most lives that may be open at once."""
PRORATED = ("none", "first", "last", "both")


def _cycle(value: Any) -> Cycle:
    if not isinstance(value, Cycle):
        raise InvalidGrant("not a cycle of grants", value, "give one: Grants.every(Cycle.daily(), 50)")
    return value


def _prorated(_: object, __: object, value: object) -> None:
    if value not in PRORATED:
        raise InvalidGrant("unknown proration of grants", value, f"choose one of {', '.join(PRORATED)}")


@frozen(repr=False)
class Grants(Value):
    """A grant for each period of a cycle; put it among the grants of a balance.

    A bill makes the grants whose lives are open when it draws. Those that are over are one ended grant until
    the period closes, and then none.

    Args:
        id: What the ids of its grants begin with.
        amount: How much each grants.
        cycle: When one begins: at the start of each period.
        currency: A code of ISO 4217, or a Currency.
        life: How long each lives, ``12h``, ``1d``, ``90d``; without it, until the next one begins.
        prorated: Which grants of a part of a period are a part: ``first``, ``last``, ``both`` or ``none``.
        starts, ends: When the first one may begin, and the moment from which there is none.
        kind, on, priority: As those of a Grant.
        made_until: Up to when they were made; bills write it, so that none is given twice.

    Raises:
        InvalidGrant, InvalidNumber, InvalidPlan, InvalidPeriod, InvalidCurrency: For parts that are none.

    Source: docs/explanation/credits.md#recurring-grants

    >>> daily = Grants.every(Cycle.daily(), 50, life="1d")
    >>> [(grant.id, str(grant.amount)) for grant in daily.open_at("2026-06-03")]
    [('recurring 2026-06-03', '50')]
    """

    id: str = field(converter=grant_id)
    amount: Decimal = field(converter=credit)
    cycle: Cycle = field(converter=_cycle)
    currency: Currency = field(converter=unit_of)
    life: str | None = field(default=None, converter=optional_span)
    prorated: Literal["none", "first", "last", "both"] = field(default="none", validator=_prorated)
    starts: date | None = field(default=None, converter=optional_moment, eq=utc)
    ends: date | None = field(default=None, converter=optional_moment, eq=utc)
    kind: Kind = field(default="promotional", converter=kind_of)
    on: Scope = field(default=None, converter=scope)
    priority: int = field(default=0, converter=priority_of)
    made_until: date | None = field(default=None, converter=optional_moment, eq=utc)

    @classmethod
    def every(
        cls, cycle: Cycle, amount: Any, *, id: str = "recurring", currency: Any = "USD", **more: Any
    ) -> Grants:
        """Grants of *amount* in each period of a cycle; the other arguments are those of the class.

        >>> Grants.every(Cycle.monthly(), 10, prorated="both").prorated
        'both'
        """
        return cls(id, amount, cycle, currency, **more)

    def open_at(self, at: date | str) -> Iterator[Grant]:
        """The grants whose lives are open at a moment, the latest first.

        >>> weekly = Grants.every(Cycle.weekly(), 7, starts="2026-06-04", prorated="first")
        >>> [str(grant.amount) for grant in weekly.open_at("2026-06-05")]  # four of seven days
        ['4.00']
        """
        when = moment(at)
        # Backwards from now: the life of a grant may be longer than the cycle, so several may be open.
        k = self.cycle.index(when)
        for back in range(LIVES + 1):
            whole = self._period(k - back, when)
            part = self._part(whole)
            if part is None:
                if self.starts is not None and not is_before(self._alike(self.starts, when), whole.end):
                    return
                continue
            end = self._end(part)
            if not is_before(when, end):
                return
            if not is_before(when, part.start):
                yield self._grant(whole, part, end)
        raise InvalidGrant("too many grants open at once", LIVES, "give a shorter life=")

    def next_after(self, at: date | str) -> date:
        """When the next one begins.

        >>> Grants.every(Cycle.daily(), 50).next_after("2026-06-03")
        datetime.date(2026, 6, 4)
        """
        when = moment(at)
        return self._period(self.cycle.index(when), when).end

    def _period(self, k: int, like: date) -> Period:
        """A period of the cycle, of dates where it is asked for by one."""
        period = self.cycle.period(k)
        if isinstance(like, datetime) or self.cycle.anchor.time() != time():
            return period
        home = zone(self.cycle.tz)
        start, end = (self.cycle.boundary(i).astimezone(home).date() for i in (k, k + 1))
        return Period(start, end)

    def _alike(self, value: date, like: date) -> date:
        """A bound of the grants as a date or an instant, as it is asked for."""
        home = zone(self.cycle.tz)
        if isinstance(like, datetime):
            return value if isinstance(value, datetime) else located(datetime.combine(value, time()), home)
        return value.astimezone(home).date() if isinstance(value, datetime) else value

    def _part(self, whole: Period) -> Period | None:
        """What of a period lies between the first and the last moment; None where nothing does."""
        start, end = whole.start, whole.end
        if self.starts is not None:
            start = max(start, self._alike(self.starts, start), key=utc)
        if self.ends is not None:
            end = min(end, self._alike(self.ends, end), key=utc)
        return Period(start, end) if is_before(start, end) else None

    def _end(self, part: Period) -> date:
        """When the life of the grant that begins with a part of a period is over."""
        if self.life is None:
            return part.end
        span, start = timedelta(seconds=span_seconds(self.life)), part.start
        if not isinstance(start, datetime):
            if span % timedelta(seconds=DAY):
                raise InvalidGrant("a life of hours from a date on", self.life, "bill at instants: at=")
            return start + span
        if span % timedelta(seconds=DAY):
            return start + span
        # a life of days ends on the wall clock, also where that was put forward or back
        home = zone(self.cycle.tz)
        return located(start.astimezone(home).replace(tzinfo=None) + span, home)

    def _grant(self, whole: Period, part: Period, end: date) -> Grant:
        is_cut = {
            "first": is_before(whole.start, part.start),
            "last": is_before(part.end, whole.end),
        }
        amount: Any = self.amount
        if self.prorated != "none" and any(
            is_cut[side] for side in is_cut if self.prorated in (side, "both")
        ):
            # Rounded to the currency: a part of a grant is whole minor units, as all that grants pay.
            exact = part.share_of(whole) * self.amount.as_integer_ratio()[0]
            exact /= self.amount.as_integer_ratio()[1]
            amount = Rounding()(exact, self.currency.places)
        start = part.start
        # The id says when it began, so that the same life has the same id on every machine.
        told = iso_text(start.date() if isinstance(start, datetime) and start.time() == time() else start)
        life = {"starts": start, "expires": end, "created": start}
        return Grant(
            f"{self.id} {told}",
            amount,
            self.currency,
            **life,
            priority=self.priority,
            kind=self.kind,
            on=self.on,
            cost=ZERO if self.kind == "paid" else None,
        )


def recurring_of(value: Any) -> tuple[Grants, ...]:
    """*value* as recurring grants of different ids.

    >>> recurring_of([])
    ()
    """
    if value is EMPTY:
        return ()
    listed = (value,) if isinstance(value, Grants) else listed_of(value)
    for each in (value,) if listed is None else listed:
        if not isinstance(each, Grants):
            raise InvalidGrant("not recurring grants", each, "write Grants.every(Cycle.daily(), 50)")
    found = {each.id: each for each in listed or ()}
    if len(found) < len(listed or ()):
        raise InvalidGrant("recurring grants given twice", len(listed or ()), "give each an id of its own")
    return tuple(found[id] for id in sorted(found))


def granted(value: Any) -> tuple[Any, ...]:
    """*value* as the grants of a balance; recurring ones may stand among them, and come last.

    >>> [
    ...     each.id
    ...     for each in granted(
    ...         [Grants.every(Cycle.daily(), 50), Grant("month", 1000, "USD")]
    ...     )
    ... ]
    ['month', 'recurring']
    """
    given: object = value
    listed = list(cast("list[Any]", given)) if isinstance(given, list | tuple) else [given]
    among = [each for each in listed if isinstance(each, Grants)]
    if not among:
        return grants_of(value)
    return (*grants_of([each for each in listed if not isinstance(each, Grants)]), *among)


def take_recurring(balance: Any) -> None:
    """Move recurring grants out of the grants of a balance that is being made."""
    among = [each for each in balance.grants if isinstance(each, Grants)]
    if among:
        object.__setattr__(balance, "grants", tuple(it for it in balance.grants if it not in among))
        object.__setattr__(balance, "recurring", recurring_of((*balance.recurring, *among)))
