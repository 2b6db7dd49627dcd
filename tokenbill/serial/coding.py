"""Coding: how one field of a value is written in a document, read again, and described."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any, NoReturn, cast

from tokenbill.core.base.inputs import is_legible, is_mapping
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.periods.zone_rules import as_written
from tokenbill.errors import TokenbillError, UnreadableField, UnreadableInput

__all__ = [
    "DEFINITIONS",
    "NUMBER",
    "Choice",
    "Codec",
    "Either",
    "Instant",
    "Line",
    "Listed",
    "Misfit",
    "Number",
    "Optional",
    "Pairs",
    "Text",
    "TextOr",
    "Truth",
    "Whole",
    "hint",
    "inside",
    "refuse",
    "tried",
    "unwritable",
]

DIGITS = 4000
"""Most digits before or after the point of a number that a document holds."""
NUMBER = re.compile(rf"-?[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,{DIGITS}}})?")
RATIO = re.compile(rf"(-?[0-9]{{1,{DIGITS}}})/([1-9][0-9]{{0,{DIGITS - 1}}})")
SAFE = 1 << 53
"""Whole numbers from here on are written as text, for other readers of JSON would round them."""
STEP = 80
"""Most characters that one step of a path keeps."""
TOLD = 400
"""Most characters of a problem; with the path before it, it is still short."""

DEFINITIONS = {
    "number": {"type": ["string", "number"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "ratio": {"type": ["string", "number"], "pattern": r"^-?[0-9]+(\.[0-9]+|/[1-9][0-9]*)?$"},
    "whole": {"type": ["string", "integer"], "pattern": "^-?[0-9]+$"},
}
"""The kinds of number, as a JSON schema describes them."""


class Misfit(Exception):
    """What does not fit in a document: the problem, the value, and the steps to it, the last one first."""

    def __init__(self, problem: object, value: object) -> None:
        super().__init__(problem)
        self.value = value
        self.steps: list[str] = []

    def at(self, root: str) -> UnreadableField:
        """The error to tell, *root* being what the document is."""
        told, path = str(self), "".join(step[:STEP] for step in (root, *reversed(self.steps)))
        return UnreadableField(told if len(told) <= TOLD else f"{told[:TOLD]}…", self.value, path=path)


def refuse(what: str, value: object, way_out: str) -> NoReturn:
    """Refuse what a document holds."""
    raise Misfit(f"{what}: {quoted(value)}; {way_out}", value)


def unwritable(what: str, value: object, way_out: str) -> NoReturn:
    """Refuse to write what could not be read again."""
    raise UnreadableInput(f"no document can hold {what}", value, way_out)


def inside(step: str, codec: Codec, given: object) -> Any:
    """What stands one step further in, such as ``.prices`` or ``[0]``; a misfit there knows of the step."""
    try:
        return codec.decode(given)
    except Misfit as misfit:
        misfit.steps.append(step)
        raise


def tried(make: Callable[[], Any], given: object) -> Any:
    """What a class makes of its arguments; what it refuses, does not fit."""
    try:
        return make()
    except Misfit:
        raise
    except TokenbillError as error:
        raise Misfit(error, given) from None
    # Whatever a class raises, a document that it refuses is a misfit at a place, not a crash.
    except Exception as error:  # a user's own class may raise anything
        raise Misfit(quoted(error), given) from error


def hint(name: object, known: Mapping[str, object] | list[str]) -> str:
    """The nearest of the *known* names, or a few of them."""
    near = get_close_matches(str(name)[:100], known, n=1)
    return f"did you mean {quoted(near[0])}?" if near else f"give one of {listed(known)}"


class Codec(ABC):
    """How one kind of field is written and read."""

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """*value* as texts, whole numbers, truths, lists and mappings."""

    @abstractmethod
    def decode(self, given: Any) -> Any:
        """What ``encode`` wrote, or what a person did; the value's own class has the last word."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """What a JSON schema says of the field."""


class Truth(Codec):
    """True or false."""

    def encode(self, value: Any) -> Any:
        return value if isinstance(value, bool) else unwritable("as true or false", value, "give one of them")

    def decode(self, given: Any) -> Any:
        return (
            given if isinstance(given, bool) else refuse("neither true nor false", given, "write one of them")
        )

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Line(Codec):
    """A line of text, in which no character controls or hides others."""

    def encode(self, value: Any) -> Any:
        if not isinstance(value, str) or not is_legible(value):
            unwritable("as a line of text", value, "give a str without control characters")
        return str.__str__(value)

    def decode(self, given: Any) -> Any:
        if type(given) is not str:
            refuse("no text", given, 'write it in quotation marks: "…"')
        return given if is_legible(given) else refuse("text with control characters", given, "leave them out")

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Choice(Line):
    """One of some words."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    def decode(self, given: Any) -> Any:
        if type(given) is not str or given not in self._words:
            refuse("no such choice", given, f"choose one of {', '.join(self._words)}")
        return given

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self._words)}


class Text(Codec):
    """A value that is written as one text; its own class reads it."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def encode(self, value: Any) -> Any:
        return str.__str__(value)

    def decode(self, given: Any) -> Any:
        if type(given) is not str:
            refuse("no text", given, "write it in quotation marks")
        return tried(lambda: self._read(given), given)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class TextOr(Codec):
    """A text, or a table of another kind; the class of the value has the last word on the text."""

    def __init__(self, other: Codec) -> None:
        self._other = other

    def encode(self, value: Any) -> Any:
        return TEXT.encode(value) if isinstance(value, str) else self._other.encode(value)

    def decode(self, given: Any) -> Any:
        return (self._other if is_mapping(given) else TEXT).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [TEXT.schema(), self._other.schema()]}


class Whole(Codec):
    """A whole number."""

    def encode(self, value: Any) -> Any:
        text = _digits(value)
        if not isinstance(value, int):
            unwritable("as a whole number", value, "give an int")
        # other readers of JSON hold every number as a double, and would change the last digits
        return int(value) if -SAFE < value < SAFE else text

    def decode(self, given: Any) -> Any:
        if type(given) is str and NUMBER.fullmatch(given) and "." not in given:
            # Python refuses int(text) of more than 4,300 digits, or as many as the process was told
            return int(Decimal(given))  # int(text) has a limit of its own
        return given if type(given) is int else refuse("no whole number", given, "write its digits, no point")

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/whole"}


class Number(Codec):
    """A number as the text of its digits; as a *ratio*, a quotient such as ``1/3`` where they do not end."""

    def __init__(self, *, ratio: bool = False) -> None:
        self._ratio = ratio

    def encode(self, value: Any) -> Any:
        if self._ratio and isinstance(value, Fraction):
            top, bottom = map(_digits, value.as_integer_ratio())
            return top if bottom == "1" else f"{top}/{bottom}"
        return _digits(value)

    def decode(self, given: Any) -> Any:
        # A TOML document may hold a bare number; as JSON reads one, it never was a float.
        if isinstance(given, Decimal) and given.is_finite():
            return given
        if type(given) is int and given.bit_length() <= DIGITS:
            return Decimal(given)
        if type(given) is str and NUMBER.fullmatch(given):
            return Decimal(given)
        if type(given) is str and self._ratio and (found := RATIO.fullmatch(given)):
            return Fraction(int(Decimal(found[1])), int(Decimal(found[2])))
        refuse("no number", given, 'write its digits as text: "0.10"')

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{'ratio' if self._ratio else 'number'}"}


def _digits(value: object) -> str:
    """The digits of a number, checked by its size before they are written out."""
    plain = value if isinstance(value, Decimal) else Decimal("NaN")
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 3 * DIGITS:
        plain = Decimal(value)
    # Measured before it is written: 1e999999 is nine characters here, and a million of digits there.
    exponent = plain.as_tuple().exponent
    if not isinstance(exponent, int) or not -DIGITS <= exponent <= plain.adjusted() < DIGITS:
        unwritable("as a number", value, f"give an int or a Decimal of at most {DIGITS} digits")
    return format(plain, "f")


class Instant(Codec):
    """A date or an instant as RFC 3339 text; what TOML writes bare is taken, too."""

    def encode(self, value: Any) -> Any:
        return iso_text(value)

    def decode(self, given: Any) -> Any:
        if isinstance(given, date):
            return given
        if type(given) is not str:
            refuse("no date or time", given, 'write "2026-01-31" or "2026-01-31T00:00:00Z"')
        return tried(lambda: as_written(given), given)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Listed(Codec):
    """Several values of one kind; one alone may stand for itself."""

    def __init__(self, item: Codec) -> None:
        self._item = item

    def encode(self, value: Any) -> Any:
        return [self._item.encode(item) for item in value]

    def decode(self, given: Any) -> Any:
        # people write one scope or one tier without brackets
        if not isinstance(given, list):
            return (self._item.decode(given),)
        items = enumerate(cast("list[object]", given))
        return tuple(inside(f"[{at}]", self._item, item) for at, item in items)

    def schema(self) -> dict[str, Any]:
        one = self._item.schema()
        return {"anyOf": [{"type": "array", "items": one}, one]}


class Pairs(Codec):
    """Pairs of a name and a value in order of the names, written as a mapping."""

    def __init__(self, name: Codec, item: Codec) -> None:
        self._name, self._item = name, item

    def encode(self, value: Any) -> Any:
        pairs = [(self._name.encode(name), self._item.encode(item)) for name, item in value]
        # A mapping holds each name once, and in one order: else equal values would have unequal documents.
        if any(one[0] >= other[0] for one, other in pairwise(pairs)):
            unwritable("as pairs", value, "sort them by name, and give each name once")
        return dict(pairs)

    def decode(self, given: Any) -> Any:
        if not is_mapping(given):
            refuse("no table of names and values", given, 'write {"name": value}')
        pairs = [self._pair(f".{name}", name, item) for name, item in given.items()]
        return tuple(sorted(pairs, key=lambda pair: pair[0]))

    def _pair(self, step: str, name: object, item: object) -> tuple[str, Any]:
        return inside(step, self._name, name), inside(step, self._item, item)

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._item.schema()}


class Either(Codec):
    """A whole number or something else, which is never written as one."""

    def __init__(self, other: Codec) -> None:
        self._other = other

    def encode(self, value: Any) -> Any:
        return (WHOLE if isinstance(value, int) else self._other).encode(value)

    def decode(self, given: Any) -> Any:
        return (WHOLE if type(given) is int else self._other).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer"}, self._other.schema()]}


class Optional(Codec):
    """What may be absent; JSON may say so by ``null``."""

    def __init__(self, held: Codec) -> None:
        self._held = held

    def encode(self, value: Any) -> Any:
        return None if value is None else self._held.encode(value)

    def decode(self, given: Any) -> Any:
        return None if given is None else self._held.decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._held.schema(), {"type": "null"}]}


WHOLE = Whole()
TEXT = Line()
