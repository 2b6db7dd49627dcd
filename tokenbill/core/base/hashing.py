"""Canonical text of values, and its hash: the same content gives the same bytes in every process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import BuiltinFunctionType, MemberDescriptorType
from typing import Any, cast

from attrs import fields, has

from tokenbill.core.base.inputs import is_mapping
from tokenbill.errors import InvalidPrice

__all__ = [
    "LATER",
    "canonical_text",
    "content_hash",
    "fields_of",
]

LATER = "came later"
"""In the metadata of a field: that documents and hashes were written before the class had it."""


def canonical_text(value: object) -> str:
    """*value* as canonical JSON-like text: keys sorted, numbers without trailing zeros, classes named.

    >>> canonical_text({"b": Decimal("1.00"), "a": (None, True)})
    '{"a":[null,true],"b":"1"}'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Fraction):
        return f'"{value.numerator}/{value.denominator}"'
    if isinstance(value, int | Decimal):
        # 1, 1.0 and 1.00 are one rate: what was agreed does not change with the zeros that are written.
        text = format(value, "f") if isinstance(value, Decimal) else str(int(value))
        return f'"{(text.rstrip("0").rstrip(".") or "0") if "." in text else text}"'
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return _text(value.isoformat())
    if is_mapping(value):
        return _members((canonical_text(key), item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        texts = map(canonical_text, cast("Iterable[object]", value))
        return f"[{','.join(texts if isinstance(value, list | tuple) else sorted(texts))}]"
    # Our own classes go by their bare name, so that moving one between modules changes no hash.
    cls = type(value)
    own = cls.__module__.partition(".")[0] == "tokenbill"
    name = cls.__qualname__ if own else f"{cls.__module__}.{cls.__qualname__}"
    return _members([('"class"', name), *((_text(key), item) for key, item in fields_of(value))])


def _members(pairs: Iterable[tuple[str, Any]]) -> str:
    return "{" + ",".join(sorted(f"{key}:{canonical_text(item)}" for key, item in pairs)) + "}"


def _text(value: str) -> str:
    import json  # a process that never asks for a hash does not load it

    return json.dumps(str.__str__(value))


def fields_of(value: object) -> list[tuple[str, Any]]:
    """The names and values that make a value what it is.

    Raises:
        InvalidPrice: If the value is a class or a function, which has no content to compare.
    """
    if has(type(value)):
        held = [(item, getattr(value, item.name)) for item in fields(cast(Any, type(value))) if item.eq]
        # a field that came later counts where it is used, so that older hashes stay what they were
        kept = [(item, own) for item, own in held if own != item.default or LATER not in item.metadata]
        # a public field goes by the name that it is given by, whatever the attribute is called
        return [(item.name if item.name[0] == "_" else str(item.alias), own) for item, own in kept]
    if isinstance(value, type | BuiltinFunctionType) or hasattr(value, "__code__"):
        raise InvalidPrice("content without fields", value, "write the price as a frozen class")
    # A class may keep its content in slots of its bases, in its own, and in a dict beside them.
    members = [member for cls in type(value).__mro__ for member in vars(cls).items()]
    slots = [slot for slot, member in members if isinstance(member, MemberDescriptorType)]
    held = [(slot, getattr(value, slot)) for slot in slots if hasattr(value, slot)]
    return [*held, *getattr(value, "__dict__", {}).items()]


def content_hash(value: object) -> str:
    """SHA-256 of the canonical text, in hex: stable over processes and Python versions."""
    from hashlib import sha256  # loads OpenSSL, which most processes that bill never need

    return sha256(canonical_text(value).encode()).hexdigest()
