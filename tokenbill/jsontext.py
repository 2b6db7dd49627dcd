"""JSON text: read strictly, numbers by their digits, and written in one canonical form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn, cast

from tokenbill.canonical import is_mapping

__all__ = ["NotJson", "canonical_json", "decoded"]

NUMBER_LENGTH = 64
"""Longest number that is read as one; a longer one stays text, and no door of numbers takes it."""
EXPONENT = re.compile(r"[eE][+-]?[0-9]{4}")
"""An exponent of four digits or more: such a number stays text, too."""


class NotJson(Exception):
    """Text that is no JSON, or that Python's reader would take and a bill must not; and the way out."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(problem)
        self.way_out = way_out


def decoded(text: str) -> Any:
    """The value of a JSON text: whole numbers are ints, others Decimals, never floats.

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


def canonical_json(value: object) -> str:
    r"""Texts, whole numbers, truths, lists and mappings as RFC 8785 writes them: one form for one value.

    >>> canonical_json({"b": [1, True], "a": "\u20ac"})
    '{"a":"€","b":[1,true]}'
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"))


def _ordered(value: object) -> object:
    if is_mapping(value):
        members = cast("Mapping[str, object]", value).items()
        return {key: _ordered(item) for key, item in sorted(members, key=_units_of)}
    return [_ordered(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


def _units_of(member: tuple[str, object]) -> bytes:
    """What RFC 8785 sorts names by: their UTF-16 code units."""
    return member[0].encode("utf-16-be")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotJson("a name that is there twice", "write each name once")
    return members


def _constant(text: str) -> NoReturn:
    raise NotJson(f"{text}, which is no JSON", "write numbers in digits")


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= NUMBER_LENGTH else text


def _decimal(text: str) -> Decimal | str:
    return text if len(text) > NUMBER_LENGTH or EXPONENT.search(text) else Decimal(text)


DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_decimal, parse_constant=_constant
)
