"""Price units: which meter counts a unit of the package genai-prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenbill.core.metering.meters import Meter
from tokenbill.errors import UnreadableInput

__all__ = ["meter_of"]

WAY_OUT: Final = "price it by a schedule of your own"

METERS: Final = {
    "input_audio_seconds": "audio_seconds",
    "input_characters": "characters",
    "input_document_pages": "pages",
    "input_annotated_document_pages": "pages{kind=annotated}",
    "storage_searches": "file_searches",
    "requests": "api_calls",
    "audio_seconds": "audio_seconds",
    "web_searches": "web_searches",
}
"""Units that are no tokens, and the meters that count them."""

LABELS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("family", "tokens"): {},
    ("direction", "input"): {},
    ("direction", "output"): {},
    ("token_type", "cache_read"): {"cache": "read"},
    ("token_type", "cache_write"): {"cache": "write"},
    ("token_type", "reasoning"): {"kind": "reasoning"},
    ("token_type", "citation"): {"kind": "citation"},
    ("cache_ttl", "5m"): {},
    ("cache_ttl", "1h"): {"ttl": "1h"},
    ("modality", "text"): {},
    ("modality", "audio"): {"modality": "audio"},
    ("modality", "image"): {"modality": "image"},
    ("modality", "video"): {"modality": "video"},
}
"""What a dimension of tokens is as labels; five minutes and text carry none."""


def meter_of(unit: str, dimensions: Mapping[str, str]) -> Meter:
    """The meter of a unit with certain dimensions.

    Raises:
        UnreadableInput: If no meter counts it, or no label tells its tokens from others.

    >>> meter_of(
    ...     "cache_write_1h_tokens",
    ...     {
    ...         "family": "tokens",
    ...         "direction": "input",
    ...         "token_type": "cache_write",
    ...         "cache_ttl": "1h",
    ...     },
    ... )
    Meter('input_tokens{cache=write,ttl=1h}')
    """
    if dimensions.get("family") != "tokens":
        if unit not in METERS:
            raise UnreadableInput("a unit that no meter counts", unit, WAY_OUT)
        return Meter(METERS[unit])
    labels = dict[str, str]()
    for dimension in dimensions.items():
        if dimension not in LABELS:
            raise UnreadableInput("tokens that no label tells", unit, WAY_OUT)
        labels.update(LABELS[dimension])
    return Meter(f"{dimensions['direction']}_tokens", labels)
