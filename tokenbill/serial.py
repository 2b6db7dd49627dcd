"""Documents: plans, schedules, usage, accounts and bills as JSON or TOML, and back, digit for digit.

A document is a table with a ``type``, the name of a class, the ``version`` of this notation, and the
arguments that make the value. Numbers are texts, and what has its default is left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from importlib import import_module
from os import PathLike, fsdecode
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal, TypeAlias, TypeVar, cast

from tokenbill.canonical import is_mapping
from tokenbill.coding import Record, members_of
from tokenbill.errors import MissingExtra, UnreadableField, UnreadableInput
from tokenbill.jsontext import NotJson, canonical_json, decoded
from tokenbill.stored import REGISTRY

__all__ = ["LENGTH", "VERSION", "dump", "dumps", "load", "loads", "register", "schema"]

Format: TypeAlias = Literal["json", "toml"]
Class = TypeVar("Class", bound=type)

VERSION = 1
"""The version of the notation that is written; every version up to it is read."""
LENGTH = 8 << 20
"""Most bytes of a document, unless said otherwise."""
DEPTH = 100
"""Most levels of a document: a price may nest 32 deep, and a sum of prices takes two levels for each."""
MEMBERS = 100_000
"""Most members of one table: a catalog has a price for each meter of thousands of models."""


def dumps(value: object, *, format: Format = "json") -> str:
    """A value as the text of a document; equal documents have equal bytes (RFC 8785).

    Args:
        value: A plan, schedule, book, usage, account, balance, bill, adjustment, or any part of one.
        format: ``json``, or ``toml``, which needs ``pip install 'tokenbill[toml]'``.

    Raises:
        UnreadableInput: For a class that documents do not know; see ``register``.
        MissingExtra: If TOML is to be written, and its writer is not installed.

    >>> from tokenbill import PriceSchedule
    >>> dumps(PriceSchedule(gpu_hours="0.90"))
    '{"currency":"USD","entries":{"gpu_hours":"0.90"},"type":"PriceSchedule","version":1}'
    """
    record = REGISTRY.named(value)
    document = {"type": record.name, "version": VERSION, **record.encode(value)}
    if _checked(format) == "json":
        return canonical_json(document)
    return str(_toml_writer().dumps(document))


def loads(text: str | bytes, *, format: Format = "json", longest: int = LENGTH) -> Any:
    """The value of a document.

    Args:
        text: What ``dumps`` gave, or a person wrote; bytes are UTF-8. It is never taken for a path.
        format: ``json`` or ``toml``.
        longest: Most bytes that are read; raise it for documents of your own, never for a stranger's.

    Raises:
        UnreadableInput: For text that is no document.
        UnreadableField: For a key that is unknown, missing, or holds a wrong value; its ``path`` says which.

    >>> loads('{"type": "PerUnit", "version": 1, "rate": "0.10", "per": "3600"}')
    PerUnit(rate=Decimal('0.10'), per=Decimal('3600'))
    >>> loads('{"type": "PerUnit", "version": 1, "rat": "0.10"}')
    Traceback (most recent call last):
        ...
    tokenbill.errors.UnreadableField: PerUnit.rat: unknown key of PerUnit: 'rat'; did you mean 'rate'?
    """
    document = _parsed(_text(text, longest), _checked(format))
    if not is_mapping(document):
        raise UnreadableInput("no document", document, "give a table with type and version")
    _check_size(document)
    rest = {key: item for key, item in document.items() if key not in ("version", "$schema")}
    _check_version(document)
    return REGISTRY.read(rest, str(document.get("type", "document")), lambda _: True)


def dump(value: object, path: PathLike[str]) -> None:
    """Write a document to a file, TOML where its name ends so; the file is whole, or as it was.

    Raises:
        UnreadableInput: If the file cannot be written, or for what ``dumps`` refuses.
    """
    target = _path(path)
    text = dumps(value, format=_format_of(target))
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=target.parent, delete=False
        ) as draft:
            draft.write(text)
        Path(draft.name).replace(target)
    except OSError as error:
        raise UnreadableInput("cannot write", str(target), str(error.strerror or error).lower()) from None


def load(path: PathLike[str], *, longest: int = LENGTH) -> Any:
    """The value of the document in a file: TOML where its name ends so, else JSON.

    Raises:
        UnreadableInput: If the file cannot be read, or for what ``loads`` refuses.
    """
    source = _path(path)
    try:
        with source.open("rb") as stream:
            text = stream.read(longest + 1)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise UnreadableInput("cannot read", str(source), reason) from None
    return loads(text, format=_format_of(source), longest=longest)


def register(cls: Class, name: str = "") -> Class:
    """Let documents hold a price, a schedule or another value of your own; use it as a decorator.

    Args:
        cls: A frozen class of attrs, its fields annotated with what documents can hold.
        name: What documents call it; the name of the class unless given. A class may have several,
            of which the first is written: so what an older name wrote is still read.

    Raises:
        UnreadableInput: For another kind of class or field, and for a name that is taken.

    >>> from attrs import frozen
    >>> from tokenbill import Price
    >>> @register
    ... @frozen
    ... class Squared(Price):
    ...     rate: Decimal
    ...     def amount(self, quantity: Decimal) -> Decimal:
    ...         return self.rate * quantity * quantity
    >>> loads(dumps(Squared(Decimal("0.50"))))(3)
    Decimal('4.50')
    """
    members_of(cls)
    REGISTRY.add(Record(cls, name=name))
    return cls


def schema() -> dict[str, Any]:
    """The JSON schema of every document, for editors that complete and check plan files.

    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    records = [record for record in REGISTRY.values() if record.cls.__module__.startswith("tokenbill.")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"tokenbill document, version {VERSION}",
        "anyOf": [_whole(record.definition()) for record in records],
        "$defs": {record.name: record.definition() for record in records},
    }


def _whole(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a value that is a document by itself."""
    own = {"version": {"const": VERSION}, "$schema": {"type": "string"}}
    needed = ["type", "version", *definition["required"]]
    return {**definition, "properties": {**definition["properties"], **own}, "required": needed}


def _checked(format: Format) -> Format:
    if format not in ("json", "toml"):
        raise UnreadableInput("unknown format", format, 'give "json" or "toml"')
    return format


def _path(path: object) -> Path:
    if not isinstance(path, PathLike):
        raise UnreadableInput("no path", path, "give a pathlib.Path; text is for loads")
    return Path(fsdecode(cast("PathLike[str]", path)))


def _format_of(path: Path) -> Format:
    return "toml" if path.suffix == ".toml" else "json"


def _text(given: object, longest: int) -> str:
    if not isinstance(given, str | bytes):
        raise UnreadableInput("no text", type(given).__name__, "give the text of a document")
    if len(given) > longest:
        raise UnreadableInput(
            "a document too long", f"{len(given)} bytes", f"give at most {longest}: longest="
        )
    try:
        text = given.decode() if isinstance(given, bytes) else given
        text.encode()
    except UnicodeError:
        raise UnreadableInput("text that is not UTF-8", given, "save the document in UTF-8") from None
    return text.removeprefix("\ufeff")


def _parsed(text: str, format: Format) -> Any:
    try:
        return decoded(text) if format == "json" else tomllib.loads(text, parse_float=_digits)
    except NotJson as problem:
        raise UnreadableInput(str(problem), text, problem.way_out) from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise UnreadableInput(
            f"not TOML, {str(error)[:100]}", text, "give one TOML document, whole"
        ) from None


def _digits(text: str) -> Decimal | str:
    """A decimal number of TOML by its digits; another float stays text, which no door of numbers takes."""
    with suppress(ArithmeticError):
        found = Decimal(text)
        return found if found.is_finite() and abs(found.adjusted()) < DEPTH else text
    return text


def _check_size(document: Any) -> None:
    """Refuse tables too deep or too wide, before anything walks them."""
    level: list[Any] = [document]
    for _ in range(DEPTH):
        inner = [item for table in level for item in (table.values() if is_mapping(table) else table)]
        level = [item for item in inner if isinstance(item, dict | list)]
        if any(len(item) > MEMBERS for item in level):
            raise UnreadableInput("a table too wide", "", f"give at most {MEMBERS} members")
    if level:
        raise UnreadableInput("a document too deep", "", f"nest at most {DEPTH} levels")


def _check_version(document: Mapping[str, Any]) -> None:
    version = document.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        way_out = f"write version = {VERSION}, or install a tokenbill that knows this one"
        raise UnreadableField(f"unknown version: {version!r:.80}; {way_out}", version, path="version")


def _toml_writer() -> Any:
    try:
        return import_module("tomli_w")
    except ImportError:
        raise MissingExtra("tomli-w", "toml") from None
