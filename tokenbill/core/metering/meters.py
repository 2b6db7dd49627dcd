"""Meters: the names of what is counted, and the table of those that LLM traffic is counted by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NoReturn

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
LABELS = "begin with a letter or _, go on with letters, digits, _ . -"
NO_LABELS: Mapping[str, str] = MappingProxyType({})
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
            return _read(text, labels)
        if type(text) is Meter:
            return text
        found = _METERS.get(text) if type(text) is str else None
        if found is None:
            found = _read(text, NO_LABELS)
            if len(KNOWN) >= KNOWN_METERS:
                KNOWN.clear()
                _METERS.clear()
            spelling = str.__str__(text)
            KNOWN[spelling], _METERS[spelling] = str.__str__(found), found
        return found

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
        if self.name != other.name:
            return False
        return not self.labels or self.labels.items() <= other.labels.items()


_set_name, _set_labels = (vars(Meter)[slot].__set__ for slot in ("name", "labels"))
KNOWN: dict[str, str] = {}
"""Canonical texts by the spellings met so far: plain text, which a dict finds faster than a Meter."""
_METERS: dict[str, Meter] = {}


def _read(text: object, labels: Any) -> Meter:
    """The meter of a text, or of another meter, with some labels beside it."""
    name, pairs = (text.name, dict(text.labels)) if type(text) is Meter else _parsed(text)
    if not is_mapping(labels):
        raise InvalidMeter("labels that are not a mapping", labels, 'give names and values: {"gpu": "H100"}')
    # Labels may be given beside the text, where their values need no quotes; each still counts once.
    for label, value in labels.items():
        if not is_label(label):
            raise InvalidMeter("not a label name", label, LABELS)
        if label in pairs:
            raise InvalidMeter(f"label {label} given twice", text, "give each label once")
        pairs[str.__str__(label)] = value

    # One meter has one text: labels in order, quotes only where a value needs them. Two spellings of a
    # meter would be two meters, and one of them unpriced.
    found, inner = dict[str, str](), list[str]()
    for label in sorted(pairs):
        value = pairs[label]
        found[label] = plain = value if type(value) is str else checked_name(value, what=f"label {label}")
        inner.append(_label(label, plain))
    meter = str.__new__(Meter, f"{name}{{{','.join(inner)}}}" if found else name)
    _set_name(meter, name)
    _set_labels(meter, MappingProxyType(found) if found else NO_LABELS)
    return meter


def _parsed(text: object) -> tuple[str, dict[str, str]]:
    """The name in a text, and the labels between its braces."""
    if not isinstance(text, str) or len(text) > TEXT_LENGTH:
        raise InvalidMeter("not a meter", text, 'write its name, as in "gpu_hours" or "gpu_hours{gpu=H100}"')
    name, brace, inner = str.__str__(text).strip().partition("{")
    name, pairs = name.strip(), dict[str, str]()
    if brace and not inner.endswith("}"):
        raise InvalidMeter("a meter whose labels do not end in }", text, 'write "name{label=value}"')
    inner, at = inner[:-1], 0
    while at < len(inner) or (at and inner[at - 1] == ","):
        match = re.compile(LABEL).match(inner, at)
        if match is None:
            way_out = 'write {label=value} or {label="any text"}'
            raise InvalidMeter("labels that cannot be read", text, way_out)
        label, quoted, plain, _ = match.groups()
        if label in pairs:
            raise InvalidMeter(f"label {label} given twice", text, "give each label once")
        pairs[label] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()
    if not is_label(name):
        raise InvalidMeter("not a meter name", text, LABELS)
    if len(name) > 255:
        raise InvalidMeter("a meter name of more than 255 characters", text, "shorten it")
    return name, pairs


def is_label(value: object) -> bool:
    """Whether *value* is a name that a label may have."""
    return isinstance(value, str) and re.fullmatch(NAME, value) is not None


@lru_cache(KNOWN_METERS)
def _label(label: str, value: str) -> str:
    """A label as the text of a meter holds it; of a list of prices most have been met before."""
    checked_name(value, what=f"label {label}")
    if re.fullmatch(PLAIN, value):
        return f"{label}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{label}="{escaped}"'
