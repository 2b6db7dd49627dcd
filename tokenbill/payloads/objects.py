"""Objects: members, lists and texts of what a provider wrote, as a dict or as its SDK's own object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from itertools import islice
from numbers import Integral
from typing import Any, Final, cast

from tokenbill.core.base.inputs import is_mapping
from tokenbill.errors import UnreadableInput
from tokenbill.shared.foreign_data import count, measure, telling

__all__ = [
    "AS_WRITTEN",
    "count",
    "counts_something",
    "first_of",
    "is_empty",
    "is_object",
    "key_of",
    "listed_in",
    "measure",
    "members_of",
    "plain",
    "text_of",
]

MEMBERS: Final = 10_000
"""Most members of an object, and most items of a list."""
NAME: Final = "[A-Za-z_][A-Za-z0-9_.-]{0,63}"
NO_COUNT: Final = r"(?i)time(?!s)|latency|created|_ms$|(^|_)id$|per_sec"
"""Names of numbers that count nothing: times, ids, speeds."""
AS_DICT: Final = "give a dict: json.loads(…) of the response, or the SDK's own object"
AS_WRITTEN: Final = "give the object as the API wrote it"
ONLY_TEXT: Final = {str}
REPEATED: Final = 3
"""How protobuf numbers the label of a field that repeats."""


def members_of(value: Any, what: str) -> dict[str, Any]:
    """The members of an object, their keys as plain text; of an SDK's object those that it writes.

    Raises:
        UnreadableInput: If it is no object, has a key that is no text, or too many.
    """
    known: dict[str, Any] = value
    # most payloads come from json.loads, and need no look at each key
    if type(known) is dict and len(known) <= MEMBERS and {*map(type, known)} <= ONLY_TEXT:
        return known
    foreign: object = value
    if not is_mapping(foreign):
        return _written(foreign, what)
    pairs = _taken(foreign, what)
    for key, _ in pairs:
        if not isinstance(key, str):
            raise UnreadableInput(f"a key of the {what} is no text", telling(key), AS_DICT)
    return {str.__str__(key): member for key, member in pairs}


def first_of(members: Mapping[str, Any], *keys: str) -> Any:
    """The first of these members that is there; what is null is not."""
    return next((members[key] for key in keys if members.get(key) is not None), None)


def is_empty(value: object) -> bool:
    """Whether a member says nothing: null, or a list or an object without members."""
    return value is None or (type(value) in (dict, list, tuple) and not value)


def is_object(value: object) -> bool:
    """Whether *value* has members: a mapping, or an object of an SDK."""
    return is_mapping(value) or any(hasattr(type(value), mark) for mark in WRITERS)


def _written(value: object, what: str) -> dict[str, Any]:
    """What an object of an SDK writes of itself: pydantic's, protobuf's, a dataclass, or one around these."""
    kind, found = type(value), None
    if kind is not type and not isinstance(value, type):
        try:
            found = next((write(value) for mark, write in WRITERS.items() if hasattr(kind, mark)), None)
        except Exception:  # a foreign object may raise anything
            raise UnreadableInput(f"the {what} cannot be read", telling(value), AS_DICT) from None
    if not is_mapping(found):
        raise UnreadableInput(f"the {what} is not an object", telling(value), AS_DICT)
    return members_of(dict(found.items()) if type(found) is not dict else found, what)


def _dumped(value: Any) -> object:
    try:
        return value.model_dump(warnings=False)  # an answer that is newer than its SDK would warn
    except TypeError:
        return value.model_dump()


def _message(value: Any) -> object:
    """The set members of a protobuf message; numbers that were not set count 0, enums have their names."""
    held = dict[str, Any]()
    for descriptor in value.DESCRIPTOR.fields:
        repeats = getattr(descriptor, "is_repeated", None)
        if repeats is None:
            repeats = descriptor.label == REPEATED
        if not repeats and descriptor.has_presence and not value.HasField(descriptor.name):
            continue
        member, names = getattr(value, descriptor.name), descriptor.enum_type
        if names is not None:
            numbers = member if repeats else [member]
            named = [
                # an enum that is newer than the SDK has a number and no name
                names.values_by_number[each].name if each in names.values_by_number else each
                for each in numbers
            ]
            member = named if repeats else named[0]
        elif repeats and not is_mapping(member):
            member = list(member)
        held[descriptor.name] = member
    return held


def _inner_message(value: Any) -> object:
    return _message(value._pb)


def _as_dict(value: Any) -> object:
    return value.to_dict()


def _data(value: Any) -> object:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _around(value: Any) -> object:
    """The usage within an object that keeps its answer to itself, such as a chat of an SDK by gRPC."""
    return {key: getattr(value, key) for key in ("usage", "model", "id") if hasattr(value, key)}


WRITERS: Final[Mapping[str, Any]] = {
    "model_dump": _dumped,
    "_pb": _inner_message,
    "DESCRIPTOR": _message,
    "to_dict": _as_dict,
    "__dataclass_fields__": _data,
    "usage": _around,
}
"""How each kind of object says what it holds, by what its class has; the first one counts."""


def listed_in(value: object, what: str) -> list[Any]:
    """The items of a list.

    Raises:
        UnreadableInput: If it is none, or has too many.
    """
    if not isinstance(value, list | tuple | None):
        raise UnreadableInput(f"the {what} is not a list", telling(value), AS_WRITTEN)
    return [] if value is None else _taken(value, what)


def _taken(values: Any, what: str) -> list[Any]:
    """What an object or a list holds, if it is no more than a usage object or a response has."""
    try:
        taken = list(islice(values.items() if is_mapping(values) else values, MEMBERS + 1))
    except Exception:  # a foreign mapping may raise anything
        raise UnreadableInput(f"the {what} cannot be read", telling(values), AS_DICT) from None
    if len(taken) > MEMBERS:
        raise UnreadableInput(f"the {what} has too many members", len(taken), f"give at most {MEMBERS}")
    return taken


def text_of(value: object) -> str:
    """A text as a plain one, that of an enum included; what is none is empty."""
    if isinstance(value, Enum):
        value = value.value
    return str.__str__(value) if isinstance(value, str) else ""


def plain(value: object) -> object:
    """A member as its text where it is one, or the text of an enum."""
    return text_of(value) if isinstance(value, str | Enum) else value


def key_of(key: str) -> str:
    """A key as an error may show it; what is no name may be a prompt."""
    return key if re.fullmatch(NAME, key) else str(telling(key))


def counts_something(value: object) -> bool:
    """Whether an unknown part holds a whole number other than 0, or any number in the name of tokens."""
    left, seen = [("", value)], 0
    while left:
        key, part = left.pop()
        seen += 1
        if is_mapping(part):
            left.extend(members_of(part, "payload").items())
        elif isinstance(part, list | tuple):
            left.extend((key, item) for item in listed_in(cast("Iterable[object]", part), "payload"))
        elif _is_count(key, part):
            return True
        if seen + len(left) > MEMBERS:
            return True  # larger than any usage object, or without an end
    return False


def _is_count(key: str, value: object) -> bool:
    if isinstance(value, bool) or re.search(NO_COUNT, key):
        return False
    if isinstance(value, str):
        return "token" in key.lower() and str.isdecimal(value)
    # a zero counts nothing; a fraction may be a score, unless it is named after tokens
    zero = type(value) in (int, float, Decimal) and not value
    return not zero and (isinstance(value, Integral) or (value is not None and "token" in key.lower()))
