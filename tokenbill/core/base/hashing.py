"""Canonical text of values, and its hash: the same content gives the same bytes in every process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import BuiltinFunctionType, MemberDescriptorType
from typing import Any, TypeGuard, cast

from attrs import fields, has

from tokenbill.errors import InvalidName, InvalidPrice, TokenbillError

__all__ = [
    "canonical_text",
    "content_hash",
    "fields_of",
    "is_legible",
    "is_mapping",
    "listed_of",
    "name",
    "pairs_of",
]

NAME_LENGTH = 255
ITEMS = 100_000
"""Most items of a list, so that an endless one is refused."""
HIDING = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
)
"""Characters that reorder or hide the text around them."""


def name(value: object, *, what: str = "name", empty: bool = False) -> str:
    """*value* as a name: text of 1 to 255 characters, none of which controls or hides others.

    Raises:
        InvalidName: For anything else; *empty* lets the empty text pass.
    """
    plain = str.__str__(value) if isinstance(value, str) else None  # of a subclass only the text
    if plain is None or not (empty or plain):
        raise InvalidName(f"{what} is no text", value, "give a string of 1 to 255 characters")
    if len(plain) > NAME_LENGTH:
        raise InvalidName(f"{what} is too long", plain, f"give at most {NAME_LENGTH} characters")
    if not is_legible(plain):
        raise InvalidName(
            f"{what} holds a control character", plain, "leave out control and direction characters"
        )
    return plain


def is_legible(text: str) -> bool:
    """Whether no character of *text* controls or hides others.

    >>> is_legible("GPU × 3"), is_legible("a" + chr(27))
    (True, False)
    """
    return text.isprintable() or not any(_unfit(character) for character in text)


def _unfit(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or character in HIDING


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether *value* is a mapping, of whatever to whatever."""
    return isinstance(value, Mapping)


def pairs_of(value: Any) -> list[tuple[Any, Any]] | None:
    """The items of a mapping, or the pairs of an iterable; None where it is neither.

    An error of ours on the way is told as it is: it names what is wrong inside.
    """
    try:
        return [(key, item) for key, item in (value.items() if is_mapping(value) else value)]
    except TokenbillError:
        raise
    except (TypeError, ValueError):
        return None


def listed_of(value: Any, *, most: int = ITEMS) -> tuple[Any, ...] | None:
    """What an iterable holds, read no further than one beyond *most*; None where it is none.

    A text is a value, not a list of characters; a mapping is more than a list of its keys.
    """
    try:
        return None if isinstance(value, str | bytes | Mapping) else tuple(islice(value, most + 1))
    except TokenbillError:
        raise
    except (TypeError, ValueError):
        return None


def canonical_text(value: object) -> str:
    """*value* as canonical JSON-like text: keys sorted, numbers without trailing zeros, classes named.

    >>> canonical_text({"b": Decimal("1.00"), "a": (None, True)})
    '{"a":[null,true],"b":"1"}'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | Decimal | Fraction):
        return f'"{_number(value)}"'
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return _text(value.isoformat())
    if is_mapping(value):
        return _members((canonical_text(key), item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        texts = map(canonical_text, cast("Iterable[object]", value))
        return f"[{','.join(texts if isinstance(value, list | tuple) else sorted(texts))}]"
    return _members(
        [('"class"', _class_name(type(value))), *((_text(key), item) for key, item in fields_of(value))]
    )


def _members(pairs: Iterable[tuple[str, Any]]) -> str:
    return "{" + ",".join(sorted(f"{key}:{canonical_text(item)}" for key, item in pairs)) + "}"


def _number(value: int | Decimal | Fraction) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    text = format(value, "f") if isinstance(value, Decimal) else str(int(value))
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _text(value: str) -> str:
    import json  # a process that never asks for a hash does not load it

    return json.dumps(str.__str__(value))


def _class_name(cls: type) -> str:
    """Our own classes by their bare name, so that moving one between modules changes no hash."""
    own = cls.__module__.partition(".")[0] == "tokenbill"
    return cls.__qualname__ if own else f"{cls.__module__}.{cls.__qualname__}"


def fields_of(value: object) -> list[tuple[str, Any]]:
    """The names and values that make a value what it is.

    Raises:
        InvalidPrice: If the value is a class or a function, which has no content to compare.
    """
    if has(type(value)):
        return [(item.name, getattr(value, item.name)) for item in fields(cast(Any, type(value))) if item.eq]
    if isinstance(value, type | BuiltinFunctionType) or hasattr(value, "__code__"):
        raise InvalidPrice("content without fields", value, "write the price as a frozen class")
    members = [member for cls in type(value).__mro__ for member in vars(cls).items()]
    slots = [slot for slot, member in members if isinstance(member, MemberDescriptorType)]
    held = [(slot, getattr(value, slot)) for slot in slots if hasattr(value, slot)]
    return [*held, *getattr(value, "__dict__", {}).items()]


def content_hash(value: object) -> str:
    """SHA-256 of the canonical text, in hex: stable over processes and Python versions."""
    from hashlib import sha256  # loads OpenSSL, which most processes that bill never need

    return sha256(canonical_text(value).encode()).hexdigest()
