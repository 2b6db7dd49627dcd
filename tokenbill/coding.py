"""Coding: how the fields of values are written as texts, lists and mappings, read again, and described."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from functools import cache, reduce
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, NoReturn, Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, Factory, fields, has

from tokenbill.canonical import is_mapping
from tokenbill.errors import TokenbillError, UnreadableField, UnreadableInput, listed, shown
from tokenbill.instants import spelled

__all__ = [
    "Codec",
    "Listed",
    "Member",
    "Named",
    "Pairs",
    "Record",
    "Registry",
    "Text",
    "codec_of",
    "made",
    "members_of",
    "refuse",
    "use",
]

NUMBER = re.compile(r"-?[0-9]{1,2000}(\.[0-9]{1,2000})?")
RATIO = re.compile(r"(-?[0-9]{1,2000})/0*([1-9][0-9]{0,1999})")
REGISTER = "make it known: serial.register(YourClass)"
FIELDS = "annotate it as Decimal, int, str, bool, date, Price, a Literal, or a tuple of these"
NUMBER_SCHEMA = {"type": ["string", "integer"], "pattern": "^-?[0-9]+([.][0-9]+)?$"}


class Codec(ABC):
    """How one kind of field is written and read; *path* says where a document is wrong."""

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """*value* as texts, whole numbers, truths, lists and mappings."""

    @abstractmethod
    def decode(self, given: Any, path: str) -> Any:
        """What ``encode`` wrote, or what a person did; the value's own class has the last word."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """What a JSON schema says of the field."""


def refuse(what: str, value: object, way_out: str, path: str) -> NoReturn:
    """Refuse what stands at *path* of a document."""
    raise UnreadableField(f"{what}: {shown(value)}; {way_out}", value, path=path) from None


def made(make: Callable[[], Any], given: object, path: str) -> Any:
    """What a class makes of its arguments; what it refuses, it refuses at *path*."""
    try:
        return make()
    except UnreadableField:
        raise
    except (
        TokenbillError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as error:  # a user's class may raise these
        raise UnreadableField(error, given, path=path) from None


class _Scalar(Codec):
    """Text, a whole number or a truth, which stands for itself."""

    def __init__(self, kind: type, name: str) -> None:
        self._kind, self._name = kind, name

    def encode(self, value: Any) -> Any:
        return self._kind(value) if self._kind is not str else str.__str__(value)

    def decode(self, given: Any, path: str) -> Any:
        if type(given) is not self._kind:
            refuse(f"no {self._name}", given, f"give a {self._name}", path)
        return given

    def schema(self) -> dict[str, Any]:
        return {"type": self._name}


class _Choice(_Scalar):
    """One of some words."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(str, "string")
        self._words = words

    def decode(self, given: Any, path: str) -> Any:
        if given not in self._words:
            refuse("no such choice", given, f"choose one of {', '.join(self._words)}", path)
        return super().decode(given, path)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self._words)}


class Text(Codec):
    """A value that is written as one text; its own class reads it."""

    def __init__(self, read: Callable[[Any], Any], write: Callable[[Any], str] = str.__str__) -> None:
        self._read, self._write = read, write

    def encode(self, value: Any) -> Any:
        return self._write(value)

    def decode(self, given: Any, path: str) -> Any:
        return made(lambda: self._read(given), given, path)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class _Number(Codec):
    """A number as the text of its digits; where digits do not end, a fraction such as ``1/3``."""

    def encode(self, value: Any) -> Any:
        if isinstance(value, Fraction) and value.denominator != 1:
            return f"{value.numerator}/{value.denominator}"
        return format(value, "f") if isinstance(value, Decimal) else str(int(value))

    def decode(self, given: Any, path: str) -> Any:
        if type(given) is int or isinstance(given, Decimal):
            return Decimal(given)
        if isinstance(given, str) and NUMBER.fullmatch(given):
            return Decimal(given)
        if isinstance(given, str) and (ratio := RATIO.fullmatch(given)):
            return Fraction(int(ratio[1]), int(ratio[2]))
        refuse("no number", given, 'write its digits as text: "0.10"', path)

    def schema(self) -> dict[str, Any]:
        return NUMBER_SCHEMA


class _Amount(_Number):
    """A number whose digits end."""

    def decode(self, given: Any, path: str) -> Any:
        found = super().decode(given, path)
        if isinstance(found, Fraction):
            refuse("no decimal number", given, 'write its digits as text: "0.10"', path)
        return found


class _Instant(Codec):
    """A date or an instant as RFC 3339 text; what TOML writes bare is taken, too."""

    def encode(self, value: Any) -> Any:
        return value if isinstance(value, str) else spelled(value)

    def decode(self, given: Any, path: str) -> Any:
        if isinstance(given, str | date) or type(given) is int:
            return given
        refuse("no date or time", given, 'write "2026-01-31" or "2026-01-31T00:00:00Z"', path)

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer"]}


class Listed(Codec):
    """Several values of one kind; one alone may stand for itself."""

    def __init__(self, item: Codec) -> None:
        self._item = item

    def encode(self, value: Any) -> Any:
        return [self._item.encode(item) for item in value]

    def decode(self, given: Any, path: str) -> Any:
        if not isinstance(given, list):
            return (self._item.decode(given, path),)
        items = enumerate(cast("list[object]", given))
        return tuple(self._item.decode(item, f"{path}[{at}]") for at, item in items)

    def schema(self) -> dict[str, Any]:
        one = self._item.schema()
        return {"anyOf": [{"type": "array", "items": one}, one]}


class Pairs(Codec):
    """Pairs of a name and a value, written as a mapping."""

    def __init__(self, name: Codec, item: Codec) -> None:
        self._name, self._item = name, item

    def encode(self, value: Any) -> Any:
        return {self._name.encode(name): self._item.encode(item) for name, item in value}

    def decode(self, given: Any, path: str) -> Any:
        if not is_mapping(given):
            refuse("no table of names and values", given, 'write {"name": value}', path)
        return tuple(
            (self._name.decode(name, f"{path}.{name}"), self._item.decode(item, f"{path}.{name}"))
            for name, item in given.items()
        )

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._item.schema()}


class _Union(Codec):
    """A record or a whole number: what is given decides."""

    def __init__(self, record: Codec, other: Codec) -> None:
        self._record, self._other = record, other

    def encode(self, value: Any) -> Any:
        return (self._other if isinstance(value, int) else self._record).encode(value)

    def decode(self, given: Any, path: str) -> Any:
        return (self._record if is_mapping(given) else self._other).decode(given, path)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self._record.schema(), self._other.schema()]}


class Member(NamedTuple):
    """One field of a class: where it stands, how it is written, and what it is where nothing is said."""

    attribute: str
    codec: Codec
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether a document must say it."""
        return self.default is NOTHING


class Record(Codec):
    """A value of one class as a mapping of its fields; what has its default is left out.

    A class that is not made from its fields has a *stand_in*: a class with the fields to write,
    which has ``of(value)`` and ``value()``.
    """

    def __init__(self, cls: type, stand_in: Any = None, name: str = "") -> None:
        self.cls, self._stand_in, self.name = cls, stand_in, name or cls.__name__

    @property
    def members(self) -> Mapping[str, Member]:
        """The fields by the names that documents give them."""
        return members_of(self._stand_in or self.cls)

    def encode(self, value: Any) -> dict[str, Any]:
        held = self._stand_in.of(value) if self._stand_in else value
        found = ((name, member, getattr(held, member.attribute)) for name, member in self.members.items())
        return {
            name: member.codec.encode(item)
            for name, member, item in found
            if item is not None and (member.is_required or item != member.default)
        }

    def decode(self, given: Any, path: str) -> Any:
        if not is_mapping(given):
            refuse(f"no {self.name}", given, f"give a table of {listed(self.members)}", path)
        if given.get("type", self.name) != self.name:
            refuse("another type", given["type"], f"give a {self.name}", f"{path}.type")
        parts = {name: self._part(name, item, path) for name, item in given.items() if name != "type"}
        parts = {**{name: it.default for name, it in self.members.items() if not it.is_required}, **parts}
        for name in self.members.keys() - parts.keys():
            refuse(f"no {name}", sorted(given), f"a {self.name} needs {shown(name)}", path)
        return made(lambda: self._made(parts), given, path)

    def _part(self, name: Any, given: Any, path: str) -> Any:
        member = self.members.get(name)
        if member is None:
            near = get_close_matches(str(name)[:100], self.members, n=1)
            hint = f"did you mean {shown(near[0])}?" if near else f"give {listed(self.members)}"
            refuse(f"unknown key of {self.name}", name, hint, path)
        return None if given is None else member.codec.decode(given, f"{path}.{name}")

    def _made(self, parts: dict[str, Any]) -> Any:
        value = (self._stand_in or self.cls)(**parts)
        return value.value() if self._stand_in else value

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def definition(self) -> dict[str, Any]:
        """The schema of the class itself, which ``schema`` names."""
        about = (self.cls.__doc__ or "").partition("\n")[0]
        own = {name: member.codec.schema() for name, member in self.members.items()}
        needed = [name for name, member in self.members.items() if member.is_required]
        properties = {"type": {"const": self.name}, **own}
        return {
            "type": "object",
            "description": about,
            "properties": properties,
            "required": needed,
            "additionalProperties": False,
        }


class Registry(dict[str, Record]):
    """The classes that documents know, by name; the first name of a class is the one that is written."""

    def add(self, record: Record) -> None:
        """Make a class known.

        Raises:
            UnreadableInput: If another class has its name.
        """
        if self.setdefault(record.name, record).cls is not record.cls:
            raise UnreadableInput("a name that another class has", record.name, "register it by another name")

    def named(self, value: object) -> Record:
        """The record of a value's class.

        Raises:
            UnreadableInput: If documents do not know it.
        """
        for record in self.values():
            if record.cls is type(value):
                return record
        raise UnreadableInput("no class that documents know", type(value).__name__, REGISTER)

    def read(self, given: Any, path: str, fits: Callable[[type], bool], usual: str = "") -> Any:
        """A value of one of the classes that fit, by the ``type`` that it names, or the *usual* one."""
        known = [name for name, record in self.items() if fits(record.cls)]
        name = given.get("type", usual) if is_mapping(given) else ""
        if not isinstance(name, str) or name not in known:
            near = get_close_matches(str(name)[:100], known, n=1)
            hint = f"did you mean {shown(near[0])}?" if near else f"give one of {listed(known)}"
            refuse("no type that fits here", name, hint, f"{path}.type")
        return self[name].decode(given, path)


class Named(Codec):
    """A value of one of the classes of a registry that fit; its mapping says which as ``type``.

    What is no mapping is read by *short*, and what names no type is of the *usual* class.
    """

    def __init__(
        self, registry: Registry, fits: Callable[[type], bool], short: Codec | None = None, usual: str = ""
    ) -> None:
        self._registry, self._fits, self._short, self._usual = registry, fits, short, usual

    def encode(self, value: Any) -> Any:
        text = self._short.encode(value) if self._short else None
        record = self._registry.named(value)
        named = {} if record.name == self._usual else {"type": record.name}
        return {**named, **record.encode(value)} if text is None else text

    def decode(self, given: Any, path: str) -> Any:
        if self._short and not is_mapping(given):
            return self._short.decode(given, path)
        return self._registry.read(given, path, self._fits, self._usual)

    def schema(self) -> dict[str, Any]:
        records = [record for record in self._registry.values() if self._fits(record.cls)]
        named = [
            {"allOf": [record.schema()], "required": [] if record.name == self._usual else ["type"]}
            for record in records
        ]
        return {"anyOf": [*([self._short.schema()] if self._short else []), *named]}


CODECS: dict[Any, Codec] = {
    str: _Scalar(str, "string"),
    int: _Scalar(int, "integer"),
    bool: _Scalar(bool, "boolean"),
    Decimal: _Amount(),
    Fraction: _Number(),
    Decimal | Fraction: _Number(),
    date: _Instant(),
    datetime: _Instant(),
}
"""How a field is written and read, by its annotation."""


def use(annotation: Any, codec: Codec) -> None:
    """Write and read fields of this annotation by *codec*."""
    CODECS[annotation] = codec


def codec_of(annotation: Any) -> Codec:
    """The codec for fields of an annotation.

    Raises:
        UnreadableInput: If there is none.

    >>> codec_of(tuple[Decimal, ...]).encode([Decimal("0.10")])
    ['0.10']
    """
    if annotation in CODECS:
        return CODECS[annotation]
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return _Choice(parts)
    if kind in (Union, UnionType):
        return _union(annotation, [part for part in parts if part is not NoneType])
    if kind is tuple and parts[1:] == (Ellipsis,):
        return _several(parts[0])
    if has(annotation):
        return Record(annotation)
    raise UnreadableInput("a field that no document can hold", annotation, FIELDS)


def _union(annotation: Any, parts: list[Any]) -> Codec:
    if len(parts) < len(get_args(annotation)):
        return codec_of(reduce(lambda one, other: one | other, parts))
    if len(parts) == 2 and parts[1] is int:
        return _Union(codec_of(parts[0]), codec_of(int))
    raise UnreadableInput("a field that no document can hold", annotation, FIELDS)


def _several(item: Any) -> Codec:
    if get_origin(item) is tuple:
        name, value = get_args(item)
        return Pairs(codec_of(name), codec_of(value))
    return Listed(codec_of(item))


@cache
def members_of(cls: Any) -> Mapping[str, Member]:
    """The fields that a class is made from, by the names of its arguments.

    Raises:
        UnreadableInput: If the class is not of attrs, or a field is of a kind that no document can hold.
    """
    if not has(cls):
        raise UnreadableInput("a class without fields", cls, "write it with attrs: @frozen")
    hints = get_type_hints(cls)
    given = (item for item in fields(cls) if item.init)
    return {
        cast(str, item.alias): Member(item.name, codec_of(hints[item.name]), _default(item, hints[item.name]))
        for item in given
    }


def _default(item: Any, annotation: Any) -> Any:
    if isinstance(item.default, Factory):  # type: ignore[arg-type]
        return item.default.factory()
    is_optional = item.default is NOTHING and NoneType in get_args(annotation)
    return None if is_optional else item.default
