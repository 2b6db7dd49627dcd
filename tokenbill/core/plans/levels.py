"""Levels: seats, disks, reserved GPUs, which go on until they change, and are paid by the time they last.

A level is neither usage, which adds up, nor a fee, which is the same whatever happens. A change of it begins
a version of the terms, so that shares, rounding and interim bills are those of every other change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import EMPTY, is_mapping, listed_of, pairs_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import ZERO, number
from tokenbill.core.money.validators import non_negative
from tokenbill.core.periods.instants import is_before, optional_moment, utc
from tokenbill.core.periods.period import Period, home_of
from tokenbill.core.plans.contract import Clause, placed
from tokenbill.errors import InvalidUsage

__all__ = [
    "LevelChange",
    "Levels",
    "cut",
    "in_force",
    "in_period",
    "kept",
    "levels_of",
    "merged",
]


@frozen(repr=False)
class LevelChange(Value):
    """How many there are of something from some moment on.

    Args:
        at: The first moment; None where it was so all the time.
        amount: How many, zero or more.
    """

    at: date | None = field(converter=optional_moment)
    amount: Decimal = field(converter=number, validator=non_negative)


Levels = tuple[tuple[str, tuple[LevelChange, ...]], ...]
"""The changes of each level, in order of time."""


def levels_of(value: Any) -> Levels:
    """Levels by name: a number for all the time, or numbers by date, as pairs or as a mapping.

    Raises:
        InvalidUsage, InvalidNumber, InvalidPrice, InvalidName, InvalidPeriod: For anything else.

    >>> levels_of({"seats": [("2026-06-01", 3), ("2026-06-16", 5)]})[0][1][1].amount
    Decimal('5')
    """
    if value is EMPTY:
        return ()
    pairs = pairs_of(value)
    if pairs is None:
        way_out = 'give them by name: {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]}'
        raise InvalidUsage("not levels", value, way_out)
    return tuple(sorted((checked_name(name, what="level"), _changes(name, given)) for name, given in pairs))


def _changes(name: str, given: Any) -> tuple[LevelChange, ...]:
    if isinstance(given, str | int | Decimal | float):
        return (LevelChange(None, given),)
    pairs = pairs_of(given.items() if is_mapping(given) else _as_pairs(given))
    if not pairs:
        raise InvalidUsage("not a level, nor levels by date", name, 'give 3, or [("2026-06-01", 3)]')
    return _in_order(LevelChange(at, amount) for at, amount in pairs)


def _as_pairs(given: Any) -> Any:
    changes = listed_of(given)
    if changes and all(isinstance(each, LevelChange) for each in changes):
        return [(each.at, each.amount) for each in changes]
    return given if changes is None else changes


def _in_order(changes: Iterable[LevelChange]) -> tuple[LevelChange, ...]:
    """Changes in order of time, the later given of two at one moment."""
    # two changes at one moment are a change and its correction
    by_time = {change.at and utc(change.at): change for change in changes}
    dated = [time for time in by_time if time is not None]
    dated.sort(key=cmp_to_key(_compared))
    return tuple(by_time[time] for time in [*([None] if None in by_time else []), *dated])


def _compared(one: date, other: date) -> int:
    # dates beside instants have no order: that is for `is_before` to refuse
    return -1 if is_before(one, other) else 1


def merged(before: Levels, told: Levels) -> Levels:
    """Levels with what is told of them now; one that is told without a date was so all the time."""
    found = dict(before)
    for name, changes in told:
        is_whole = changes[0].at is None
        found[name] = changes if is_whole else _in_order((*found.get(name, ()), *changes))
    return tuple(sorted(found.items()))


def kept(levels: Levels, whole: Period | None, cycle: Any) -> Levels:
    """Levels as they go on after a period: what holds at its end, and what is to come."""
    if whole is None:
        return levels
    found = list[tuple[str, tuple[LevelChange, ...]]]()
    # after a period only what holds at its end matters, and what was announced beyond it
    for name, changes in levels:
        begun = (it.at is None or not is_before(whole.end, placed(it.at, whole, cycle)) for it in changes)
        over = sum(begun)
        found.append((name, changes[max(over - 1, 0) :]))
    return tuple(found)


def in_force(levels: Levels, names: Collection[str], at: date, *, default: bool) -> dict[str, Decimal]:
    """The levels at the start of a version; before the first change there was none of it.

    Args:
        levels: What is known of levels.
        names: Those that are asked for.
        at: When the version begins.
        default: Whether one of which nothing is known is 0; else it is left out.
    """
    found = dict[str, Decimal]()
    for name, changes in levels:
        # before its first change there was none of it: seats that nobody told of are not charged
        held = [change for change in changes if change.at is None or not is_before(at, change.at)]
        found[name] = held[-1].amount if held else ZERO
    return {name: found.get(name, ZERO) for name in names if default or name in found}


def in_period(levels: Levels, whole: Period, cycle: Any) -> Levels:
    """Levels with their changes as moments of the kind of a period."""
    return tuple(
        (
            name,
            tuple(
                change if change.at is None else LevelChange(placed(change.at, whole, cycle), change.amount)
                for change in changes
            ),
        )
        for name, changes in levels
    )


def cut(clauses: Sequence[Clause], levels: Levels, names: Collection[str]) -> tuple[Clause, ...]:
    """Versions cut where a level changes."""
    moments = {
        utc(change.at): change.at
        for name, changes in levels
        for change in changes
        if name in names and change.at is not None
    }
    if not moments:
        return tuple(clauses)
    found = list[Clause]()
    for clause in clauses:
        start, end = clause.period.start, clause.period.end
        # moments are kept in UTC, and the ends of a period are in one zone
        home = home_of(start)
        inside = [
            at.astimezone(home) if isinstance(at, datetime) else at
            for at in moments.values()
            if is_before(start, at) and is_before(at, end)
        ]
        bounds = [start, *sorted(inside, key=utc), end]
        for place, (first, last) in enumerate(pairwise(bounds)):
            part = clause._replace(period=Period(first, last))
            # a change of a level amends nothing: fees and tiers go on
            found.append(part._replace(is_amendment=False) if place else part)
    return tuple(found)
