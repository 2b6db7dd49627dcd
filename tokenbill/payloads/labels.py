"""Labels: what an answer says of all its tokens, or of those of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.errors import UnreadableInput
from tokenbill.payloads.counts import Counts, label_of, one_of
from tokenbill.payloads.objects import members_of, plain, text_of

__all__ = ["MODEL_KEYS", "answering", "by_label", "labelled", "model_of"]

MODEL_KEYS: Final = ("model", "modelVersion", "model_version", "modelId", "model_id", "model_name")
"""Where an answer names the model that gave it."""
READ: Final = "cache=read"


def labelled(usage: Usage, labels: Mapping[str, str]) -> Usage:
    """The usage with labels on every meter; what a meter has, it keeps."""
    if not is_mapping(labels):
        way_out = 'give names and values: {"model": "gpt-5.1"}'
        raise UnreadableInput("labels that are not a mapping", labels, way_out)
    more = members_of(labels, "labels")
    return Usage([(_with(meter, more), quantity) for meter, quantity in usage.items()]) if more else usage


def by_label(tokens: Mapping[Any, Any], counts: Counts) -> dict[str, Any]:
    """The tokens with the labels that their object names: for all of them, or for those of one role."""
    found: dict[str, Any] = {}
    # a lifetime of what was read concerns that alone, a service tier everything
    every = {label: one_of(values, label) for (role, label), values in counts.labels.items() if role is None}
    read = {label: one_of(values, label) for (role, label), values in counts.labels.items() if role == "read"}
    for text, quantity in tokens.items():
        meter = str.__str__(_with(Meter(text), {**every, **(read if READ in text else {})}))
        found[meter] = found.get(meter, 0) + quantity
    return found


def _with(meter: Meter, labels: Mapping[str, Any]) -> Meter:
    new = {label: value for label, value in labels.items() if label not in meter.labels}
    return Meter(meter, new) if new else meter


def model_of(response: Mapping[str, Any]) -> str:
    """The model that an answer names, or an empty text."""
    for key in MODEL_KEYS:
        value = plain(response.get(key))
        if isinstance(value, str) and value:
            return str.__str__(value)
    return ""


def answering(response: Mapping[str, Any]) -> dict[str, str]:
    """The labels ``model`` and ``provider``, as far as an answer names them."""
    found = dict[str, str]()
    if model := model_of(response):
        found["model"] = label_of(model, "model")
    if text_of(response.get("provider")):
        found["provider"] = label_of(response["provider"], "provider")
    return found
