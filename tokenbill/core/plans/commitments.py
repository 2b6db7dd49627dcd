"""Commitments: what is owed at least over a term that is longer than a bill, and what goes beyond it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from attrs import field, frozen
from attrs.converters import optional

from tokenbill.core.base.hashing import LATER
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.metering.scopes import Scope, scope
from tokenbill.core.money.decimals import number
from tokenbill.core.money.validators import non_negative
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.zone_rules import by_rules_at_hand
from tokenbill.core.plans.terms import one_of
from tokenbill.errors import InvalidPeriod, InvalidPlan

__all__ = ["Commitment", "CommitmentMet", "Committed", "commitments", "committed"]


def _cycle(_: object, __: object, value: Any) -> None:
    if not isinstance(value, Cycle):
        raise InvalidPlan("not a term of a commitment", value, 'write cycle=Cycle.yearly("2026-03-01")')


def _factor(_: object, __: object, value: Decimal) -> None:
    if value < 1:
        raise InvalidPlan("an overage below 1", value, "give the factor: 1.5 for half as much again")


@frozen(repr=False)
class Commitment(Value):
    """What charges come to at least over a term of several bills; the account keeps what was met.

    Charges count after discounts and limits. What they come to beyond the commitment costs *overage* times
    as much, from the bill on in which it is reached; what is lacking when the term ends is owed with the
    bill that ends it. An amendment that changes the amount changes it for its part of the term.

    Args:
        amount: For a whole term, in the plan's currency.
        cycle: The terms, from the anchor on; each is made of whole periods.
        on: The charges that count: kinds, fees, meters, a tuple of them; None for all.
        true_up: ``end``: what is lacking is owed when the term ends; ``never``.
        overage: The factor for what goes beyond the commitment, 1 or more.
        name: What the bill calls it.

    Raises:
        InvalidPlan, InvalidNumber, InvalidPrice, InvalidName, InvalidMeter: For parts that are none.

    Source: docs/explanation/stages.md#commitments

    >>> Commitment("12000", cycle=Cycle.yearly("2026-01-01"), overage="1.5").overage
    Decimal('1.5')
    """

    amount: Decimal = field(converter=number, validator=non_negative)
    cycle: Cycle = field(validator=_cycle, kw_only=True)
    on: Scope = field(default=None, converter=scope, kw_only=True)
    true_up: Literal["end", "never"] = field(default="end", validator=one_of("end", "never"), kw_only=True)
    overage: Decimal = field(default=Decimal(1), converter=number, validator=_factor, kw_only=True)
    name: str = field(default="commitment", converter=checked_name, kw_only=True)


@frozen(repr=False)
class CommitmentMet(Value):
    """What an account has met of a commitment in the term that runs.

    Args:
        name: That of the commitment.
        start: When the term began.
        amount: What was billed of the charges that count, in the plan's currency.
        currency: Its code; a plan in another currency does not go on with it.
    """

    name: str = field(converter=checked_name)
    start: date = field(converter=moment)
    amount: Decimal = field(converter=number)
    currency: str | None = field(default=None, converter=optional(checked_name), metadata={LATER: True})

    def is_of(self, name: str, start: date) -> bool:
        """Whether it was met of the commitment of a name, in the term that begins at a moment."""
        # The rules of a zone may have moved the midnight of a term that runs; what was met in it stays.
        starts = utc(self.start), utc(by_rules_at_hand(self.start))
        return self.name == name and utc(start) in starts


class Committed(NamedTuple):
    """A commitment in a service period: its amount for the term, and whether the term ends with it."""

    commitment: Commitment
    amount: Fraction
    term: Period
    is_last: bool


def commitments(value: Any) -> tuple[Commitment, ...]:
    """One commitment or several, each with a name of its own."""
    given = (value,) if isinstance(value, Commitment) else () if value is None else listed_of(value)
    found: tuple[Any, ...] = (value,) if given is None else given
    for item in found:
        if not isinstance(item, Commitment):
            raise InvalidPlan("not a Commitment", item, "give a list of Commitment(…)")
    # an account keeps what was met by name
    if len({item.name for item in found}) < len(found):
        raise InvalidPlan("two commitments of one name", found[-1].name, "give each its own name=")
    return found


def committed(
    plan: Any,
    period: Period | None,
    changes: Sequence[date] = (),
    plan_at: Callable[[date], Any] | None = None,
    end: date | None = None,
) -> tuple[Committed, ...]:
    """The commitments of a service period; *changes* are the amendments, read as times of the period's kind.

    Raises:
        InvalidPeriod: If there is no period, or one that a term ends within.
    """
    found = list[Committed]()
    for commitment in plan.commitment:
        if period is None:
            raise InvalidPeriod("a commitment, and no period", commitment.name, "say period=")
        cycle = commitment.cycle
        # a commitment that begins later owes nothing yet
        if cycle.index(period.start) < 0:
            continue
        term = cycle.containing(period.start)
        # charges of one period have no dates, so that none can be split between two terms
        if is_before(term.end, period.end):
            raise InvalidPeriod("a term that ends within a period", str(term), f"bill up to {term.end}")
        # each amount counts for its part of the term, and what an end cuts off is not owed
        until = term.end if end is None or not is_before(end, term.end) else end
        inside = [at for at in changes if is_before(term.start, at) and is_before(at, until)]
        amount, cuts = Fraction(0), [term.start, *sorted(inside, key=utc), until]
        for begin, stop in pairwise(cuts):
            own = (plan if plan_at is None else plan_at(begin)).commitment
            held = sum((Fraction(it.amount) for it in own if it.name == commitment.name), Fraction(0))
            amount += held * Period(begin, stop).share_of(term, plan.proration)
        found.append(Committed(commitment, amount, term, not is_before(period.end, until)))
    return tuple(found)
