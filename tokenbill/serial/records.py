"""Records: values as tables of their fields, and the classes that documents know by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property, reduce
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, has

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.serial.coding import (
    Choice,
    Codec,
    Either,
    Instant,
    Line,
    Listed,
    Misfit,
    Number,
    Optional,
    Pairs,
    Truth,
    Whole,
    hint,
    refuse,
    tried,
    unwritable,
)
from tokenbill.serial.reading import DIGEST, NOW, READING, VERSION, Reading, digest_of, reading

__all__ = [
    "MARKS",
    "REGISTRY",
    "Member",
    "Named",
    "Record",
    "Registry",
    "codec_of",
    "members_of",
]

MARKS = ("type", "version", "$schema")
"""What a table says of itself; no field of a class may be called so."""
TABLE = "give one with a type"
REGISTER = "make its class known: serial.register(YourClass)"
FIELDS = (
    "annotate it as Decimal, int, str, bool, date, Price, a Literal of words, a class that is registered,"
    " a tuple of one of these, or one of them or None"
)

Former: TypeAlias = "tuple[str, Callable[[Any], Any], int]"
"""What a field is called now, what becomes of its value, and the last version that had the old name."""

MEANT = {"plan": "Contract", "prices": "BillingPlan", "entries": "PriceSchedule"}
"""What a document without a type is that has such a key."""


class Member(NamedTuple):
    """One field of a class: its attribute, how it is written, and what it is where nothing is said.

    ``is_told`` says that its class has no default for what a document may leave out.
    """

    attribute: str
    codec: Codec
    default: Any
    is_told: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a document must say it."""
        return self.default is NOTHING

    def is_usual(self, text: Any) -> bool:
        """Whether a value that equals the default is it digit for digit, written as *text*."""
        return not self.is_required and bool(text == self.codec.encode(self.default))


class Record(Codec):
    """A value of one class as a table of its fields; what has its default is left out.

    A class that is not made from its fields has a *stand_in*, with the fields to write, ``of(value)`` and
    ``value()``. *former* are earlier names of its fields, each with today's, what became of its value, and
    the last version that used it. A *sealed* one carries a digest.
    """

    def __init__(self, cls: type, stand_in: Any = None, name: str = "", **kept: Any) -> None:
        self.cls, self._stand_in, self.name = cls, stand_in, name or cls.__name__
        self._former: Mapping[str, Former] = kept.get("former", {})
        self._sealed: bool = kept.get("sealed", False)

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """The fields by the names that documents give them."""
        return members_of(self._stand_in or self.cls)

    @cached_property
    def _needed(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Those that a document must say, and those of which the class must be told that it does not."""
        members = self.members.items()
        required = frozenset(name for name, item in members if item.is_required)
        return required, tuple(name for name, item in members if item.is_told)

    def encode(self, value: Any) -> dict[str, Any]:
        if type(value) is not self.cls:
            unwritable(f"as a {self.name}", value, REGISTER)
        held = self._stand_in.of(value) if self._stand_in else value
        written = dict[str, Any]()
        for name, member in self.members.items():
            item = getattr(held, member.attribute)
            # what has its default is left out: documents stay short, and a new field changes no old one
            if item is member.default:
                continue
            try:
                text = member.codec.encode(item)
            except TokenbillError:
                raise
            except Exception:  # a user's own class may hold anything, whatever its annotation says
                unwritable(f"as {name}", item, FIELDS)
            # 0.00 equals 0 and is written all the same: digits are part of what was agreed.
            if text is not None and not (item == member.default and member.is_usual(text)):
                written[name] = text
        if self._sealed and written:
            written[DIGEST] = digest_of(written)
        return written

    def decode(self, given: Any) -> Any:
        if not is_mapping(given):
            refuse(f"no {self.name}", given, f"give a table with {listed(self.members)}")
        now = READING.get(NOW)
        # A table within may be a document of its own, pasted from another file with its version.
        if "version" in given or "type" in given:
            version = given.get("version", now.version)
            self._check_marks(given.get("type", self.name), version)
            if version != now.version:
                with reading(now._replace(version=version)):
                    return self.decode(given)
        if self._sealed:
            given = self._unsealed(given, now)
        # Before the keys are looked at, for an old name may be a new one with another meaning.
        if self._former:
            given = dict(self._renamed(name, item, now.version) for name, item in given.items())
        parts, members = dict[str, Any](), self.members
        for name, item in given.items():
            member = members.get(name)
            if member is not None:
                try:
                    parts[name] = member.codec.decode(item)
                except Misfit as misfit:
                    misfit.steps.append(f".{name}")
                    raise
            elif name not in MARKS:
                refuse(f"unknown key of {self.name}", name, hint(name, members))
        required, told = self._needed
        if not parts.keys() >= required:
            lacking = next(name for name in members if name in required and name not in parts)
            raise Misfit(f"no {quoted(lacking)}, which {self.name} needs", given)
        for name in told:
            parts.setdefault(name, None)
        return tried(lambda: self._made(parts), given)

    def _unsealed(self, given: Mapping[Any, Any], now: Reading) -> Mapping[Any, Any]:
        """What a sealed table holds; one that was edited by hand is refused, one of version 1 has none."""
        held = {name: item for name, item in given.items() if name not in MARKS}
        said = held.pop(DIGEST, None)
        # an account without state is written without a digest; one that says it had one lost its state
        is_exempt = now.edited or (said is None and (now.version == 1 or not held))
        if not is_exempt and said != digest_of(held):
            way_out = "read it all the same with edited=True, if you mean the change"
            refuse(f"{self.name} was edited since it was written: another digest", said, way_out)
        return held

    def _renamed(self, name: Any, item: Any, version: int) -> tuple[Any, Any]:
        """A field of an earlier version under the name that it has now."""
        renamed, changed, last = self._former.get(name, (name, None, 0))
        if changed is None or version > last:
            return name, item
        try:
            return renamed, changed(item)
        except Misfit as misfit:
            misfit.steps.append(f".{name}")
            raise

    def _check_marks(self, name: object, version: object) -> None:
        known = REGISTRY.records.get(name) if isinstance(name, str) else None
        if name != self.name and (known is None or known.cls is not self.cls):
            refuse("another type", name, f"give a {self.name}")
        if type(version) is not int or not 1 <= version <= VERSION:
            way_out = f"write {VERSION}, or install a tokenbill that knows this one"
            refuse("unknown version", version, way_out)

    def _made(self, parts: dict[str, Any]) -> Any:
        value = (self._stand_in or self.cls)(**parts)
        return value.value() if self._stand_in else value

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def definition(self) -> dict[str, Any]:
        """The schema of the class itself, which ``schema`` names."""
        about = (self.cls.__doc__ or "").partition("\n")[0]
        marks: dict[str, Any] = {
            "type": {"const": self.name},
            "version": {"const": VERSION},
            "$schema": {},
        }
        if self._sealed:
            marks[DIGEST] = {"type": "string"}
        own = {name: member.codec.schema() for name, member in self.members.items()}
        return {
            "description": about,
            "type": "object",
            "properties": {**marks, **own},
            "required": [name for name, member in self.members.items() if member.is_required],
            "additionalProperties": False,
        }


class Registry:
    """What documents know: classes by name, and how a field is written, by its annotation."""

    def __init__(self) -> None:
        self.records = dict[str, Record]()
        self.classes = dict[type, Record]()
        self.codecs: dict[Any, Codec] = {
            str: Line(),
            int: Whole(),
            bool: Truth(),
            Decimal: Number(),
            Fraction: Number(ratio=True),
            Decimal | Fraction: Number(ratio=True),
            date: Instant(),
            datetime: Instant(),
        }

    def add(self, record: Record) -> None:
        """Make a class known; its first name is the one that is written.

        Raises:
            UnreadableInput: If another class has the name; one that a notebook defines anew is the same.
        """
        held = self.records.get(record.name, record)
        if _origin(held.cls) != _origin(record.cls):
            raise UnreadableInput("a name that another class has", record.name, "register it by another name")
        self.records[record.name] = self.classes.setdefault(record.cls, record)


def _origin(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


REGISTRY = Registry()
"""The one registry; ``tokenbill.serial.stored`` fills it with our own classes."""


class Named(Codec):
    """A value of one of the classes that fit; its table says which as ``type``.

    What is no table is read by *short*, and a table without a type is of the *usual* class.
    """

    def __init__(
        self, name: str, fits: Callable[[type], bool], short: Codec | None = None, usual: str = ""
    ) -> None:
        self.name, self._fits, self._short, self._usual = name, fits, short, usual

    def encode(self, value: Any) -> Any:
        text = self._short.encode(value) if self._short else None
        if text is not None:
            return text
        record = REGISTRY.classes.get(value.__class__)
        if record is None:
            raise UnreadableInput("no class that documents know", type(value).__name__, REGISTER)
        named = {} if record.name == self._usual else {"type": record.name}
        return {**named, **record.encode(value)}

    def decode(self, given: Any) -> Any:
        if not is_mapping(given):
            return self._short.decode(given) if self._short else refuse("no table", given, TABLE)
        name = given.get("type", self._usual)
        record = REGISTRY.records.get(name) if isinstance(name, str) else None
        if record is None or not self._fits(record.cls):
            known = [name for name, record in REGISTRY.records.items() if self._fits(record.cls)]
            if "type" not in given:
                meant = (kind for key, kind in MEANT.items() if key in given and kind in known)
                kind = next(meant, None)
                way_out = hint("", known) if kind is None else f'write type = "{kind}" at its top'
                raise Misfit(f"no 'type'; {way_out}", given)
            refuse("unknown type", name, hint(name, known))
        return record.decode(given)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}

    def definition(self) -> dict[str, Any]:
        """The schema of the classes that fit, which ``schema`` names."""
        records = [record for record in REGISTRY.classes.values() if self._fits(record.cls)]
        usual = [record.schema() for record in records if record.name == self._usual]
        named = {"required": ["type"], "anyOf": [record.schema() for record in records]}
        return {"anyOf": [*([self._short.schema()] if self._short else []), *usual, named]}


def codec_of(annotation: Any) -> Codec:
    """How fields of an annotation are written and read.

    Raises:
        UnreadableInput: If documents cannot hold such a field.

    >>> codec_of(tuple[Decimal, ...]).encode([Decimal("0.10")])
    ['0.10']
    """
    known = REGISTRY.codecs.get(annotation) or REGISTRY.classes.get(annotation)
    if known is not None:
        return known
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal and all(isinstance(part, str) for part in parts):
        return Choice(parts)
    if kind in (Union, UnionType) and int in parts and len(parts) == 2:
        return Either(codec_of(parts[parts[0] is int]))
    if kind is tuple and parts[1:] == (Ellipsis,):
        pair = get_args(parts[0]) if get_origin(parts[0]) is tuple else ()
        is_named = len(pair) == 2 and pair[0] in (str, Meter)
        return Pairs(*map(codec_of, pair)) if is_named else Listed(codec_of(parts[0]))
    raise UnreadableInput("a field that no document can hold", annotation, FIELDS)


@cache
def members_of(cls: Any) -> Mapping[str, Member]:
    """The fields that a class is made from, by the names of its arguments.

    Raises:
        UnreadableInput: If the class is not of attrs, or documents cannot hold a field of it.
    """
    if not has(cls):
        raise UnreadableInput("a class without fields", cls, "write it with attrs: @frozen")
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        way_out = "define it where the module can see it, not for type checkers alone"
        raise UnreadableInput("a field of an unknown class", str(error), way_out) from None
    # what a class makes of its fields by itself is made again when it is read
    held = [item for item in fields(cls) if item.init]
    return {str(item.alias): _member(str(item.alias), item, hints.get(item.name)) for item in held}


def _member(name: str, item: Any, annotation: Any) -> Member:
    if name in MARKS:
        raise UnreadableInput("a field whose name documents need", name, "call it otherwise")
    parts = get_args(annotation)
    if NoneType not in parts or annotation in REGISTRY.codecs:
        return Member(item.name, codec_of(annotation), _default(item.default))
    if item.default not in (None, NOTHING):
        raise UnreadableInput(
            "a field that may be None, and is not unless said", name, "let it default to None"
        )
    held = reduce(lambda one, other: one | other, (part for part in parts if part is not NoneType))
    return Member(item.name, Optional(codec_of(held)), None, item.default is NOTHING)


def _default(default: Any) -> Any:
    """The default of a field; one that a factory makes of the value itself is always written."""
    if not hasattr(default, "takes_self"):
        return default
    return NOTHING if default.takes_self else default.factory()
