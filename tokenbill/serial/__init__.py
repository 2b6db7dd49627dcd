"""Documents: plans, schedules, usage, accounts and bills as JSON or TOML, and back, digit for digit.

A document is a table with a ``type``, the name of a class, the ``version`` of this notation, and the
arguments that make the value. Numbers are texts, and what has its default is left out.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from os import PathLike, fsdecode, fsync
from pathlib import Path
from secrets import token_hex
from shutil import copymode
from typing import Any, Literal, TypeAlias, TypeVar

from tokenbill.core.base.inputs import is_mapping
from tokenbill.errors import MissingExtra, UnreadableInput
from tokenbill.serial.coding import DEFINITIONS, Misfit
from tokenbill.serial.reading import VERSION, Reading, reading
from tokenbill.serial.records import REGISTRY, Record, members_of
from tokenbill.serial.stored import DOCUMENT, KINDS
from tokenbill.shared.strict_json import NotJson, canonical_json, decimal_of, decoded

__all__ = ["LENGTHS", "VERSION", "dump", "dumps", "load", "loads", "register", "schema"]

Format: TypeAlias = Literal["json", "toml"]
Class = TypeVar("Class", bound=type)

LENGTHS = {"json": 8 << 20, "toml": 1 << 18}
"""Longest document of a format, unless said otherwise; Python takes its time for TOML."""
DEPTH = 100
"""Most levels of a document: a price may nest 32 deep, and a sum of prices takes two levels for each."""
MEMBERS = 50_000
"""Most members of all tables together, unless a document may be longer than usual: each takes its time."""
DOTTED = re.compile(
    r"""(?<![\w\\-])(?:(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){70}"""
)
"""A key of TOML with more than seventy parts: its reader walks all of a header's parts for each key below."""


def dumps(value: object, *, format: Format = "json") -> str:
    """A value as the text of a document; equal documents have equal bytes (RFC 8785).

    Args:
        value: A plan, schedule, book, usage, account, balance, bill, adjustment, or any part of one.
        format: ``json``, or ``toml``, which needs the package tomli-w.

    Raises:
        UnreadableInput: For a class that documents do not know; see ``register``.
        MissingExtra: If TOML is to be written, and its writer is not installed.

    >>> from tokenbill import PriceSchedule
    >>> dumps(PriceSchedule(gpu_hours="0.90"))
    '{"currency":"USD","entries":{"gpu_hours":"0.90"},"type":"PriceSchedule","version":2}'
    """
    encoded = DOCUMENT.encode(value)
    document = {"type": encoded["type"], "version": VERSION, **encoded}
    if _checked(format) == "toml":
        _check_size(document, sys.maxsize)
        return _toml(document)
    # Measured after it was written: what dumps writes loads has to read, and few documents are large.
    text = canonical_json(document)
    if not _is_small(text):
        _check_size(document, sys.maxsize)
    return text


def loads(
    text: str | bytes, *, format: Format = "json", longest: int | None = None, edited: bool = False
) -> Any:
    """The value of a document.

    Args:
        text: What ``dumps`` gave, or a person wrote; bytes are UTF-8. It is never taken for a path.
        format: ``json`` or ``toml``.
        longest: Most characters that are read; 8 MiB of JSON and 256 KiB of TOML unless said.
            Raise it for documents of your own, never for a stranger's.
        edited: Whether an account is read though it was edited since it was written. Its digest is no
            signature: it tells a slip of the hand, and nobody who means it.

    Raises:
        UnreadableInput: For text that is no document.
        UnreadableField: For a key that is unknown, missing, or holds a wrong value, and for an account that
            was edited; its ``path`` says which.

    >>> loads('{"type": "PerUnit", "version": 2, "rate": "0.10", "per": "3600"}')
    PerUnit(rate=Decimal('0.10'), per=Decimal('3600'))
    >>> loads('{"type": "PerUnit", "version": 2, "rat": "0.10"}')
    Traceback (most recent call last):
        ...
    tokenbill.errors.UnreadableField: PerUnit: unknown key of PerUnit: 'rat'; did you mean 'rate'?
    """
    read = _text(text, _most(_checked(format), longest))
    document = _parsed(read, format)
    if not is_mapping(document):
        raise UnreadableInput("no document", document, "give a table with type and version")
    # Before anything is made of it: a stranger's document may nest a thousand deep in a few bytes.
    if format == "toml" or not _is_small(read):
        _check_size(document, MEMBERS if longest is None else sys.maxsize)
    # Without a version nobody could tell, in years, what its keys meant.
    if "version" not in document:
        raise UnreadableInput("no version", document, f"write version = {VERSION} at its top")
    try:
        with reading(Reading(edited=edited)):
            return DOCUMENT.decode(document)
    except Misfit as misfit:
        raise misfit.at(str(document.get("type", "document"))) from None


def dump(value: object, path: PathLike[str]) -> None:
    """Write a document to a file, TOML where its name ends so; the file is whole, or as it was.

    Raises:
        UnreadableInput: If the file cannot be written, or for what ``dumps`` refuses.
    """
    target = _path(path)
    text = dumps(value, format=_format_of(target))
    try:
        _replace(target.resolve(), text)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unusable("cannot write", target, error) from None


def load(path: PathLike[str], *, longest: int | None = None, edited: bool = False) -> Any:
    """The value of the document in a file: TOML where its name ends so, else JSON.

    Raises:
        UnreadableInput: If the file cannot be read, or for what ``loads`` refuses.
    """
    source = _path(path)
    format = _format_of(source)
    try:
        with source.open("rb") as stream:
            text = stream.read(_most(format, longest) + 1)
    except (OSError, ValueError) as error:
        raise _unusable("cannot read", source, error) from None
    return loads(text, format=format, longest=longest, edited=edited)


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
    ... class Steeper(Price):
    ...     rate: int
    ...     def amount(self, quantity):
    ...         return self.rate * quantity * quantity
    >>> loads(dumps(Steeper(2)))(3)
    Decimal('18')
    """
    members_of(cls)
    REGISTRY.add(Record(cls, name=name))
    return cls


def schema() -> dict[str, Any]:
    """The JSON schema of every document, for editors that complete and check plan files.

    Classes that you registered are in it; ``tokenbill/schema.json`` is the same without them.

    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    records = {record.name: record for record in REGISTRY.records.values()}.values()
    parts = [codec for codec in REGISTRY.codecs.values() if isinstance(codec, Record)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"tokenbill document, version {VERSION}",
        "required": ["type", "version"],
        "anyOf": [record.schema() for record in records],
        "$defs": {
            **DEFINITIONS,
            **{kind.name: kind.definition() for kind in KINDS},
            **{record.name: record.definition() for record in (*records, *parts)},
        },
    }


def _checked(format: Format) -> Format:
    if format not in ("json", "toml"):
        raise UnreadableInput("unknown format", format, 'give "json" or "toml"')
    return format


def _most(format: Format, longest: Any) -> int:
    if longest is None:
        return LENGTHS[format]
    if type(longest) is not int or longest < 1:
        raise UnreadableInput("longest is no length", longest, "give a whole number of characters")
    return longest


def _path(path: Any) -> Path:
    with suppress(TypeError):
        if not isinstance(path, str | bytes):
            return Path(fsdecode(path))
    raise UnreadableInput("no path", path, "give a pathlib.Path; text is for loads")


def _format_of(path: Path) -> Format:
    return "toml" if path.suffix == ".toml" else "json"


def _replace(target: Path, text: str) -> None:
    """Put a whole file in the place of another, with what others may do with it."""
    # A crash half way must not leave half a plan: the draft is whole before it takes the name.
    draft = target.with_name(f"{target.name}.{token_hex(4)}.draft")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            # without it a file system may keep the new name and lose the bytes
            fsync(stream.fileno())
        with suppress(FileNotFoundError):
            copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _unusable(what: str, path: Path, error: Exception) -> UnreadableInput:
    reason = str(getattr(error, "strerror", None) or error).lower()
    return UnreadableInput(what, str(path), reason)


def _text(given: object, longest: int) -> str:
    # a path is no text: loads("plan.json") would else read the name as a document
    if not isinstance(given, str | bytes):
        raise UnreadableInput("no text", type(given).__name__, "give the text of a document")
    if len(given) > longest:
        raise UnreadableInput("a document too long", len(given), f"give at most {longest} bytes: longest=")
    try:
        text = bytes.decode(given) if isinstance(given, bytes) else str.__str__(given)
        # half of a surrogate pair decodes, and no file could ever hold it
        text.encode()
    except UnicodeError:
        raise UnreadableInput("text that is not UTF-8", given, "save the document in UTF-8") from None
    return text.removeprefix("\ufeff")


def _parsed(text: str, format: Format) -> Any:
    # tomllib joins the parts of a key again for each of them, which is quadratic in their number.
    if format == "toml" and DOTTED.search(text):
        raise UnreadableInput("a key of too many parts", text, "give at most 70")
    try:
        return decoded(text) if format == "json" else tomllib.loads(text, parse_float=decimal_of)
    except NotJson as problem:
        raise UnreadableInput(str(problem), text, problem.way_out) from None
    except (RecursionError, ValueError) as error:  # not only its own: for integers, dates and depths, too
        raise UnreadableInput(
            f"not TOML, {str(error)[:100]}", text, "give one TOML document, whole"
        ) from None


def _toml(document: Mapping[str, Any]) -> str:
    try:
        return str(import_module("tomli_w").dumps(document))
    except ModuleNotFoundError:
        raise MissingExtra("tomli-w", "toml") from None


def _is_small(text: str) -> bool:
    """Whether JSON is neither too deep nor too crowded, by what it has of brackets and characters."""
    return len(text) < MEMBERS and text.count("{") + text.count("[") < DEPTH


def _check_size(document: object, most: int) -> None:
    """Refuse tables too deep, or of too many members, before anything walks them."""
    # Level by level, not by recursion: the stack ends long before a hostile document does.
    level: list[Any] = [document]
    members = 0
    for _ in range(DEPTH):
        inner: list[Any] = [item for table in level for item in _items(table)]
        members += len(inner)
        if members > most:
            raise UnreadableInput("a document too crowded", members, f"give at most {most} members: longest=")
        level = [item for item in inner if isinstance(item, dict | list)]
    if level:
        raise UnreadableInput("a document too deep", len(level), f"nest at most {DEPTH} levels")


def _items(table: Any) -> Iterable[Any]:
    return table.values() if is_mapping(table) else table
