"""Checks: what events and payloads ask of foreign data, and what an error may show of it.

Foreign data can hold prompts, so an error shows numbers, times and keys, and no other text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Integral
from typing import Any, Final, TypeVar, cast

from tokenbill.core.base.inputs import NAME_LENGTH, is_mapping, name
from tokenbill.core.money.decimals import LIMIT, number
from tokenbill.core.periods.instants import bounded, utc_moment
from tokenbill.errors import InvalidPeriod, InvalidUsage, TokenbillError, UnreadableInput

__all__ = ["count", "each_of", "instant", "measure", "members_of", "readable", "telling", "text_of"]

Read = TypeVar("Read")

HARMLESS: Final = r"[0-9TZe:.+_-]{1,64}"
"""Text that an error may show: a number or a time, or what was meant as one."""
A_COUNT: Final = "a count is an integer of 0 or more"
FLOATS: Final = 2**53
"""Above this a binary float does not hold every whole number, so it may be another count than was written."""
DIGITS: Final = 40
"""Most digits of a count; all limits are below."""
NUMBERS: Final = (bool, int, float, Decimal)
"""What an error shows as it is; a subclass may show anything."""


def each_of(values: Any, what: str) -> Iterable[Any]:
    """*values*, if they are a list or another iterable; neither text nor a mapping is one.

    Raises:
        InvalidUsage: If they are not.

    >>> each_of([1, 2], "readings")
    [1, 2]
    """
    listed: Any = values
    # text and mappings are iterables too, of characters and keys: billed as a list they would be nonsense
    if isinstance(listed, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidUsage(f"no {what}", telling(values), "give a list")
    return cast("Iterable[Any]", listed)


def instant(value: object) -> datetime:
    """*value* as an instant in UTC: an aware datetime, or its RFC 3339 text.

    Raises:
        InvalidPeriod: For anything else, a date included.

    >>> instant("2026-11-05T10:00:00+08:00").isoformat()
    '2026-11-05T02:00:00+00:00'
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return bounded(value)  # it has been read before, and events are many
    when = utc_moment(value)
    if not isinstance(when, datetime):
        raise InvalidPeriod("a date where an instant is due", when, 'write "2026-01-31T00:00:00Z"')
    return when


def members_of(value: Any, what: str) -> dict[Any, Any]:
    """A foreign mapping as a plain dict, which runs no code of its own.

    Raises:
        UnreadableInput: If it is no mapping, or one that fails.

    >>> members_of({"id": "r-17"}, "event")
    {'id': 'r-17'}
    """
    if is_mapping(value):
        given: Any = value
        try:
            return dict(given.items())
        except Exception:  # a foreign mapping may raise anything
            pass
    way_out = "give a mapping, as json.loads makes of an object"
    raise UnreadableInput(f"no {what}", telling(value), way_out)


def text_of(members: Mapping[Any, Any], key: str) -> str:
    """The text of a member: 1 to 255 characters, none of which controls or hides others.

    Raises:
        UnreadableInput: If it is missing, or no such text.

    >>> text_of({"id": "r-17"}, "id")
    'r-17'
    """
    value = members.get(key)
    # Almost every text is plain, and events are many: what passes here is a name as it is.
    if type(value) is str and value.isprintable() and len(value) <= NAME_LENGTH and "!" <= value[:1] <= "~":
        return value
    way_out = "give text of 1 to 255 characters, none of which controls or hides others"
    return readable(name, value, key, way_out)


def readable(reader: Callable[[object], Read], value: object, what: str, way_out: str) -> Read:
    """What *reader* makes of a foreign value; its error shows no text of it.

    Raises:
        UnreadableInput: If the reader refuses it.

    >>> readable(instant, "tell me a secret", "time of an event", "write RFC 3339")
    Traceback (most recent call last):
    tokenbill.errors.UnreadableInput: cannot read time of an event: 'text of 16 characters'; write RFC 3339
    """
    try:
        return reader(value)
    except TokenbillError:
        raise UnreadableInput(f"cannot read {what}", telling(value), way_out) from None


def telling(value: object) -> object:
    """What an error may show of foreign data: a number, or text that looks like one; else its kind.

    >>> telling("1e5"), telling("tell me a secret"), telling(["secret"])
    ('1e5', 'text of 16 characters', 'list')
    """
    if isinstance(value, str):
        # a subclass of str may show anything as itself
        text = str.__str__(value)
        return text if re.fullmatch(HARMLESS, text) else f"text of {len(text)} characters"
    return value if value is None or type(value) in NUMBERS else type(value).__name__


def count(value: object, key: str) -> int:
    """A count out of a payload: an integer of 0 or more, a whole float, or its digits as text.

    Cohere's SDK gives every count as a float, and the JSON of protobuf long ones as text.

    Raises:
        UnreadableInput: If it is anything else; text is not shown, since a payload may hold a prompt.
        InvalidNumber: If it is beyond the limits of all numbers.
    """
    if type(value) is int and 0 <= value < LIMIT:
        return value
    whole: object = value
    if (
        (type(value) is str and value.isascii() and value.isdecimal() and len(value) < DIGITS)
        or (type(value) is float and value.is_integer() and abs(value) < FLOATS)
        or (
            type(value) is Decimal
            and value.is_finite()
            and value.adjusted() < 40
            and value == value.to_integral_value()
        )
    ):
        whole = int(value)
    # True is an int to Python; no provider counts with it
    if isinstance(whole, bool) or not isinstance(whole, Integral):
        raise UnreadableInput(f"{key} is not a count", telling(value), A_COUNT)
    counted = int(number(whole))
    if counted < 0:
        raise UnreadableInput(f"{key} is negative", counted, A_COUNT)
    return counted


def measure(value: object, key: str) -> int | Decimal:
    """A length of time out of a payload: an integer or a Decimal of 0 or more.

    Raises:
        UnreadableInput: If it is anything else.
        InvalidNumber: If it is beyond the limits of all numbers.
    """
    if type(value) is not Decimal:
        return count(value, key)
    length = number(value)
    if length < 0:
        raise UnreadableInput(f"{key} is negative", length, "give 0 or more")
    return length
