"""Holds: credit that is reserved for requests that run, so that no other request can spend it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Any, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, name
from tokenbill.core.base.quoting import listed
from tokenbill.core.base.values import Value
from tokenbill.core.credits.ledger import Draws, draws_of, total
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.core.periods.instants import is_before, optional_moment, utc
from tokenbill.errors import InvalidHold

__all__ = ["NO_HOLDS", "Hold", "Holds", "holds_of"]

NOTHING_HELD = Usage()
BY_ID = attrgetter("id")


def _id(value: object) -> str:
    return name(value, what="hold id")


def _usage(value: Any) -> Usage:
    return value if type(value) is Usage else Usage(value)


def _reserved(value: object) -> Draws:
    """Amounts by grant; the credit balance stands among grants with an empty id."""
    # The credit balance is no grant, so its empty id never passes the checks of grants' ids.
    pairs = dict(cast(Any, value))
    credit = pairs.pop("", ZERO)
    return tuple(sorted((*draws_of(pairs), *((("", decimal(credit)),) if credit else ()))))


@frozen(repr=False)
class Hold(Value):
    """Credit reserved for one request: from which grants, for what usage, and until when.

    Args:
        id: What the request calls it: 1 to 255 characters, unique among the open holds of an account.
        reserved: How much of which grant, in its currency; of the credit balance under an empty id.
        usage: What the request may use; nothing where an amount was reserved.
        until: The first moment at which it is over and frees itself; None until it is settled or released.

    Raises:
        InvalidName, InvalidGrant, InvalidUsage, InvalidPeriod: For parts that are none.

    Source: docs/explanation/credits.md#holds

    >>> Hold("h1", {"paid": "5.00"}).amount
    Decimal('5.00')
    """

    id: str = field(converter=_id)
    reserved: Draws = field(default=(), converter=_reserved)
    usage: Usage = field(default=NOTHING_HELD, converter=_usage)
    until: date | None = field(default=None, converter=optional_moment, eq=utc)

    @property
    def amount(self) -> Decimal:
        """What is reserved in all."""
        return total(amount for _, amount in self.reserved)


class Holds(tuple["Hold", ...]):
    """The open holds of a balance in order of their ids, with their sums, which one more hold adds to.

    Thousands may be open at once, and a bill asks for their sums alone.
    """

    @cached_property
    def reserved(self) -> Mapping[str, Decimal]:
        """What all of them reserve, by grant."""
        return _sums(self)

    @cached_property
    def amounts(self) -> Mapping[str, Decimal]:
        """The same of those that reserve an amount: the price of the others is known of their usage."""
        return _sums(self.of_amounts)

    @cached_property
    def of_amounts(self) -> Holds:
        """Those that reserve an amount."""
        return Holds(hold for hold in self if not hold.usage)

    @cached_property
    def usage(self) -> Usage:
        """What all of them may use."""
        return sum((hold.usage for hold in self if hold.usage), NOTHING_HELD)

    @cached_property
    def bound(self) -> date | None:
        """A moment before which none of them is over; None where none ever is."""
        return min((hold.until for hold in self if hold.until is not None), key=utc, default=None)

    def get(self, id: object) -> Hold:
        """The hold of an id.

        Raises:
            InvalidHold: If there is none: it was settled, released or over.
        """
        place = self._place(id) if isinstance(id, str) else len(self)
        if place == len(self) or self[place].id != id:
            way_out = f"open are {listed(hold.id for hold in self)}; what has none is billed without settles="
            raise InvalidHold("no open hold of that id", id, way_out)
        return self[place]

    def with_hold(self, hold: Hold) -> Holds:
        """The holds with one more.

        Raises:
            InvalidHold: If its id is taken.
        """
        # Kept in order of ids: a gateway opens thousands, and a search by halves finds each at once.
        place = self._place(hold.id)
        if self[place : place + 1] and self[place].id == hold.id:
            raise InvalidHold("a hold given twice", hold.id, "give each request an id of its own")
        more = Holds((*self[:place], hold, *self[place:]))
        ends = [end for end in (self.bound, hold.until) if end is not None]
        # the sums go on from those before: a gateway opens and settles thousands of holds
        if hold.usage and "of_amounts" in self.__dict__:
            more.__dict__["of_amounts"] = self.of_amounts
        more.__dict__.update(
            reserved=_moved(self.reserved, hold.reserved),
            amounts=self.amounts if hold.usage else _moved(self.amounts, hold.reserved),
            usage=self.usage + hold.usage if hold.usage else self.usage,
            bound=min(ends, key=utc, default=None),
        )
        return more

    def without(self, id: str) -> Holds:
        """The holds without one."""
        hold = self.get(id)
        place = self._place(id)
        rest = Holds((*self[:place], *self[place + 1 :]))
        back = [(grant, amount.copy_negate()) for grant, amount in hold.reserved]
        # the bound stays: it is early at most, and the next look at the clock puts it right
        if hold.usage and "of_amounts" in self.__dict__:
            rest.__dict__["of_amounts"] = self.of_amounts
        rest.__dict__.update(
            reserved=_moved(self.reserved, back),
            amounts=self.amounts if hold.usage else _moved(self.amounts, back),
            usage=self.usage - hold.usage if hold.usage else self.usage,
            bound=self.bound if rest else None,
        )
        return rest

    def live(self, at: date | str | None) -> Holds:
        """Those not over at *at*; without a moment all of them."""
        when = optional_moment(at)
        if when is None or self.bound is None or is_before(when, self.bound):
            return self
        known: tuple[date, Holds] | None = self.__dict__.get("_live")
        if known is None or known[0] != when:
            left = Holds(hold for hold in self if hold.until is None or is_before(when, hold.until))
            known = self.__dict__["_live"] = when, left
        return known[1]

    def past(self, end: date | None) -> Holds:
        """Those that go on after a period that closes at *end*; a date tells nothing of an instant."""
        if end is None:
            return self
        # A hold until 15:00 of the last day is not told apart from that day: it stays, and frees itself.
        is_instant = isinstance(end, datetime)
        return Holds(
            hold
            for hold in self
            if hold.until is None
            or isinstance(hold.until, datetime) is not is_instant
            or is_before(end, hold.until)
        )

    def __reduce__(self) -> tuple[type[Holds], tuple[tuple[Hold, ...]]]:
        return Holds, (tuple(self),)

    def _place(self, id: str) -> int:
        return bisect_left(self, id, key=BY_ID)


NO_HOLDS = Holds()


def holds_of(value: object) -> Holds:
    """*value* as the holds of a balance: in order of their ids.

    Raises:
        InvalidHold: For what is no hold, and for an id given twice.

    >>> [hold.id for hold in holds_of([Hold("b"), Hold("a")])]
    ['a', 'b']
    """
    if type(value) is Holds:
        return value
    holds = (value,) if isinstance(value, Hold) else listed_of(value)
    for hold in (value,) if holds is None else holds:
        if not isinstance(hold, Hold):
            raise InvalidHold("not a hold", hold, 'write account.hold("h1", amount="5.00")')
    found = Holds(sorted(holds or (), key=BY_ID))
    for one, other in pairwise(found):
        if one.id == other.id:
            raise InvalidHold("a hold given twice", one.id, "give each request an id of its own")
    return found


def _sums(holds: Iterable[Hold]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for hold in holds:
        sums = _moved(sums, hold.reserved)
    return sums


def _moved(sums: Mapping[str, Decimal], changes: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Sums by grant after changes of either sign; those of zero are left out."""
    # Sums are shared between the holds before and after: a copy, for neither may change.
    moved = dict(sums)
    for id, change in changes:
        moved[id] = decimal(plus(moved.get(id, ZERO), change))
        if not moved[id]:
            del moved[id]
    return moved
