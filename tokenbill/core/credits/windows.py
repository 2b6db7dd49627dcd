"""Windows: sums that an account keeps for stretches of time, by what they are sums of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from attrs import field, frozen

from tokenbill.core.base.inputs import EMPTY, listed_of, name
from tokenbill.core.base.values import Value
from tokenbill.core.money.decimals import ZERO, Exact, number, plus
from tokenbill.core.periods.instants import utc, utc_moment
from tokenbill.errors import InvalidAccount

__all__ = ["WindowSum", "Windows", "sum_of", "windows_of", "with_sum"]


def _key(value: object) -> str:
    return name(value, what="key of a window")


def _exact(value: Any) -> Exact:
    return value if isinstance(value, Fraction) else number(value)


@frozen(repr=False)
class WindowSum(Value):
    """What was used, drawn or bought in one window of time.

    Args:
        key: What it is a sum of, such as the key of a quota.
        start: When the window begins.
        used: The sum, zero or more.
    """

    key: str = field(converter=_key)
    start: date = field(converter=utc_moment, eq=utc)
    used: Decimal | Fraction = field(converter=_exact)


Windows: TypeAlias = tuple[WindowSum, ...]


def windows_of(value: Any) -> Windows:
    """Sums as an account keeps them: in order of key and start, each once.

    >>> [each.start.isoformat() for each in windows_of([WindowSum("q", "2026-06-02", 1)])]
    ['2026-06-02']
    """
    if value is EMPTY:
        return ()
    listed = listed_of(value)
    for each in (value,) if listed is None else listed:
        if not isinstance(each, WindowSum):
            raise InvalidAccount("not the sum of a window", each, "give WindowSum(key, start, used)")
    found = {(each.key, str(each.start)): each for each in listed or ()}
    if len(found) < len(listed or ()):
        raise InvalidAccount("two sums of one window", len(listed or ()), "add them up first")
    return tuple(found[key] for key in sorted(found))


def sum_of(windows: Iterable[WindowSum], key: str, start: date) -> Exact:
    """The sum of one window.

    >>> sum_of([WindowSum("q", "2026-06-02", 1)], "q", date(2026, 6, 2))
    Decimal('1')
    """
    return next((each.used for each in windows if each.key == key and each.start == start), ZERO)


def with_sum(windows: Windows, key: str, start: date, change: Exact) -> Windows:
    """The sums after a change of one; what falls below zero was counted in an earlier window.

    >>> with_sum((), "q", date(2026, 6, 2), Decimal(2))[0].used
    Decimal('2')
    """
    # A correction may take off what an earlier window counted; a sum below zero would let in too much.
    after = max(plus(sum_of(windows, key, start), change), ZERO)
    rest = [each for each in windows if not (each.key == key and each.start == start)]
    return windows_of([*rest, WindowSum(key, start, after)] if after else rest)
