"""Meters: the names of what is counted, and the table of those that LLM traffic is counted by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NoReturn, cast

from attrs.exceptions import FrozenInstanceError

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.errors import InvalidMeter

__all__ = ["KNOWN", "LLM_METERS", "Meter", "is_label"]

# Patterns are texts, compiled when first used: most processes that import the library read few of them.
NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
PLAIN = r"[A-Za-z0-9_.:/@+-]+"
LABEL = r'\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?:"((?:[^"\\]|\\["\\])*)"|([A-Za-z0-9_.:/@+-]+))\s*(,|$)'
TEXT_LENGTH = 4096
KNOWN_METERS: Final = 4096
"""Spellings that are remembered; then the memory starts anew, for labels may be hostile."""

LLM_METERS: Mapping[str, str] = MappingProxyType(
    {
        "input_tokens": "uncached input, text or unspecified modality",
        "input_tokens{cache=read}": "input read from a cache",
        "input_tokens{cache=write}": "input written to a cache, five minutes or no stated lifetime",
        "input_tokens{cache=write,ttl=1h}": "input written to a cache for one hour",
        "input_tokens{modality=audio}": "audio input",
        "input_tokens{modality=image}": "image input",
        "input_tokens{modality=video}": "video input",
        "output_tokens": "output that is neither reasoning nor of another modality",
        "output_tokens{kind=reasoning}": "reasoning, thinking, thoughts",
        "output_tokens{modality=audio}": "audio output",
        "output_tokens{modality=image}": "image output",
        "web_searches": "web searches billed by the call",
        "web_fetches": "web fetches billed by the call",
        "file_searches": "file searches billed by the call",
        "code_sessions": "code sessions billed by the call",
        "api_calls": "calls",
        "audio_seconds": "seconds of audio",
        "images": "images",
        "characters": "characters",
        "pages": "pages",
    }
)
"""The meters of LLM traffic, disjoint: each token is counted in exactly one of them."""


class Meter(str):
    """What is counted, in the notation of metrics: ``name`` or ``name{label=value,...}``.

    The text is canonical: labels sorted, values quoted only where they must be.
    Any spelling is read, and a mapping of labels may be given beside the name.

    Raises:
        InvalidMeter: If the text cannot be read, or a label occurs twice.

    >>> Meter("gpu_hours{region=eu, gpu=H100}")
    Meter('gpu_hours{gpu=H100,region=eu}')
    >>> Meter("gpu_hours", {"gpu": "H100 SXM"}).labels
    mappingproxy({'gpu': 'H100 SXM'})
    """

    __slots__ = ("labels", "name")

    name: str
    labels: Mapping[str, str]

    def __new__(cls, text: str, labels: Mapping[str, str] | None = None) -> Meter:
        if labels is not None:
            if type(text) is Meter and type(labels) is dict:
                return _with(text, cast("dict[str, str]", labels))
            return _read(text, labels)
        if type(text) is Meter:
            return text
        return (_METERS.get(text) if type(text) is str else None) or _remembered(text)

    def __repr__(self) -> str:
        return f"Meter({str.__repr__(self)})"

    def __str__(self) -> str:
        return str.__str__(self)

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise FrozenInstanceError

    def __delattr__(self, attribute: str) -> NoReturn:
        raise FrozenInstanceError  # all of one spelling share one meter: it would be broken everywhere

    def __reduce__(self) -> tuple[Any, ...]:
        return Meter, (str.__str__(self),)

    def includes(self, other: Meter) -> bool:
        """Whether *other* has this name and all of these labels."""
        return self.name == other.name and self.labels.items() <= other.labels.items()


_set_name, _set_labels = (vars(Meter)[slot].__set__ for slot in ("name", "labels"))
KNOWN: dict[str, str] = {}
"""Canonical texts by the spellings met so far: plain text, which a dict finds faster than a Meter."""
_METERS: dict[str, Meter] = {}


def _remembered(text: object) -> Meter:
    """The meter of a spelling met for the first time."""
    meter = _read(text, {})
    if len(KNOWN) >= KNOWN_METERS:
        KNOWN.clear()
        _METERS.clear()
    spelling = str.__str__(cast(str, text))
    KNOWN[spelling], _METERS[spelling] = str.__str__(meter), meter
    return meter


def _read(text: object, labels: Any) -> Meter:
    if not isinstance(text, str) or len(text) > TEXT_LENGTH:
        raise InvalidMeter("not a meter", text, 'write its name, as in "gpu_hours" or "gpu_hours{gpu=H100}"')
    name, brace, inner = str.__str__(text).strip().partition("{")
    name, pairs = name.strip(), dict(_labels(text, inner)) if brace else {}
    if not re.fullmatch(NAME, name):
        raise InvalidMeter(
            "not a meter name", text, "begin with a letter or _, go on with letters, digits, _ . -"
        )
    if len(name) > 255:
        raise InvalidMeter("a meter name of more than 255 characters", text, "shorten it")

    # Labels may be given beside the text, where their values need no quotes; each still counts once.
    if not is_mapping(labels):
        raise InvalidMeter("labels that are not a mapping", labels, 'give names and values: {"gpu": "H100"}')
    for label in labels:
        if not is_label(label):
            raise InvalidMeter(
                "not a label name", label, "begin with a letter or _, go on with letters, digits, _ . -"
            )
        if label in pairs:
            raise InvalidMeter(f"label {label} given twice", text, "give each label once")

    both = {**pairs, **labels}
    return _made(name, {label: checked_name(both[label], what=f"label {label}") for label in both})


def _with(meter: Meter, labels: dict[str, str]) -> Meter:
    """A meter with more labels: of lists of thousands of models most meters differ in the model alone."""
    pairs = dict(meter.labels)
    for label, value in labels.items():
        if type(label) is not str or type(value) is not str or label in pairs:
            return _read(meter, labels)
        pairs[_known(label)] = _named(label, value)
    return _made(meter.name, pairs)


@lru_cache(KNOWN_METERS)
def _known(label: str) -> str:
    if not is_label(label):
        raise InvalidMeter(
            "not a label name", label, "begin with a letter or _, go on with letters, digits, _ . -"
        )
    return label


@lru_cache(KNOWN_METERS)
def _named(label: str, value: str) -> str:
    return checked_name(value, what=f"label {label}")


def _made(name: str, pairs: dict[str, str]) -> Meter:
    # One meter has one text: labels in order, quotes only where a value needs them. Two spellings of a
    # meter would be two meters, and one of them unpriced.
    found = {label: pairs[label] for label in sorted(pairs)}
    inner = ",".join([f"{label}={_quoted(value)}" for label, value in found.items()])
    meter = str.__new__(Meter, f"{name}{{{inner}}}" if found else name)
    _set_name(meter, name)
    _set_labels(meter, MappingProxyType(found))
    return meter


def _labels(text: str, inner: str) -> Iterator[tuple[str, str]]:
    """The labels between the braces, one by one."""
    if not inner.endswith("}"):
        raise InvalidMeter("a meter whose labels do not end in }", text, 'write "name{label=value}"')
    inner, at, seen = inner[:-1], 0, set[str]()
    while at < len(inner) or (at and inner[at - 1] == ","):
        match = re.compile(LABEL).match(inner, at)
        if match is None:
            raise InvalidMeter(
                "labels that cannot be read", text, 'write {label=value} or {label="any text"}'
            )
        label, quoted, plain, _ = match.groups()
        if label in seen:
            raise InvalidMeter(f"label {label} given twice", text, "give each label once")
        seen.add(label)
        yield label, plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()


def is_label(value: object) -> bool:
    """Whether *value* is a name that a label may have."""
    return isinstance(value, str) and re.fullmatch(NAME, value) is not None


@lru_cache(KNOWN_METERS)
def _quoted(value: str) -> str:
    if re.fullmatch(PLAIN, value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
