"""JSON text: read strictly, numbers by their digits, and written in one canonical form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn, cast

from tokenbill.core.base.inputs import is_mapping

__all__ = ["LongNumber", "NotJson", "canonical_json", "decimal_of", "decoded"]

NUMBER_LENGTH = 64
"""Longest number that is read as one."""
EXPONENT = re.compile(r"[eE][+-]?[0-9]{4}")
"""An exponent of four digits or more."""


class NotJson(Exception):
    """Text that is not JSON, or that Python's reader would take and a bill must not; and the way out."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(problem)
        self.way_out = way_out


class LongNumber(str):
    """A number with more digits than are read: its text, which is no number to anybody."""

    __slots__ = ()


def decoded(text: str) -> Any:
    """The value of a JSON text: whole numbers are ints, others Decimals, never floats.

    A number of more than 64 characters, or of an exponent of four digits, is a ``LongNumber``.

    Raises:
        NotJson: For anything else, for a name that is there twice, for NaN, and for endless nesting.

    >>> decoded('{"rate": 0.10, "per": 1000000}')
    {'rate': Decimal('0.10'), 'per': 1000000}
    """
    try:
        return DECODER.decode(text.strip(" \t\r\n"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, " if error.lineno > 1 else ""
        problem = f"not JSON, {error.msg.lower()} at {place}character {error.colno}"
        raise NotJson(problem, "give one JSON text, whole") from None
    except RecursionError:
        raise NotJson("JSON that nests without end", "nest less deeply") from None


def decimal_of(text: str) -> Decimal | LongNumber:
    """A number of JSON or TOML by its digits; NaN and infinities stay what they are.

    >>> decimal_of("1.50"), decimal_of("1e9999")
    (Decimal('1.50'), '1e9999')
    """
    # "1e999999999" is short to write and a billion digits to add up.
    if len(text) > NUMBER_LENGTH or EXPONENT.search(text):
        return LongNumber(text)
    return Decimal(text)


def canonical_json(value: object) -> str:
    r"""Texts, whole numbers, truths, lists and mappings as RFC 8785 writes them: one form for one value.

    >>> canonical_json({"b": [1, True], "a": "\u20ac"})
    '{"a":"€","b":[1,true]}'
    """
    text = PLAIN.encode(value) if type(value) is dict else ""
    # UTF-16 code units sort as characters do, up to those that take two of them
    return text if text and (text.isascii() or max(text) < "\ud800") else WRITER.encode(_ordered(value))


WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _ordered(value: Any) -> object:
    if is_mapping(value):
        members = cast("Mapping[str, object]", value)
        # RFC 8785 sorts names by their UTF-16 code units, not by their code points.
        names = sorted(members, key=lambda name: name.encode("utf-16-be"))
        return {name: _ordered(members[name]) for name in names}
    return [_ordered(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotJson("a name that is there twice", "write each name once")
    return members


def _constant(text: str) -> NoReturn:
    raise NotJson(f"{text}, which is not JSON", "write numbers in digits")


# Python's own reader takes names twice, NaN and endless digits; a document of money must not hold them.
DECODER = json.JSONDecoder(
    object_pairs_hook=_once,
    parse_int=lambda text: int(text) if len(text) <= NUMBER_LENGTH else LongNumber(text),
    parse_float=decimal_of,
    parse_constant=_constant,
)
