"""Price keys: what the keys of a price map count, in which variant, and above which threshold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tokenbill.core.base.inputs import is_mapping

__all__ = ["PER", "condition", "counted", "is_price"]

RATES: Final = {
    "input_cost_per_token": "input_tokens",
    "cache_read_input_token_cost": "input_tokens{cache=read}",
    "input_cost_per_token_cache_hit": "input_tokens{cache=read}",
    "cache_creation_input_token_cost": "input_tokens{cache=write}",
    "cache_creation_input_token_cost_above_1hr": "input_tokens{cache=write,ttl=1h}",
    "cache_creation_input_token_cost_above_12hr": "input_tokens{cache=write,ttl=12h}",
    "input_cost_per_audio_token": "input_tokens{modality=audio}",
    "cache_read_input_audio_token_cost": "input_tokens{cache=read,modality=audio}",
    "cache_creation_input_audio_token_cost": "input_tokens{cache=write,modality=audio}",
    "input_cost_per_image_token": "input_tokens{modality=image}",
    "cache_read_input_image_token_cost": "input_tokens{cache=read,modality=image}",
    "input_cost_per_video_token": "input_tokens{modality=video}",
    "output_cost_per_token": "output_tokens",
    "output_cost_per_reasoning_token": "output_tokens{kind=reasoning}",
    "citation_cost_per_token": "output_tokens{kind=citation}",
    "output_cost_per_audio_token": "output_tokens{modality=audio}",
    "output_cost_per_image_token": "output_tokens{modality=image}",
    "output_cost_per_video_token": "output_tokens{modality=video}",
    "input_cost_per_request": "api_calls",
    "input_cost_per_character": "characters",
    "ocr_cost_per_page": "pages",
    "code_interpreter_cost_per_session": "code_sessions",
    "file_search_cost_per_1k_calls": "file_searches",
}
"""Keys of prices for one unit, and the meters that count it."""

OF_MODE: Final = {
    "audio_transcription": {
        "input_cost_per_second": "audio_seconds",
        "output_cost_per_second": "audio_seconds",
    },
    "image_generation": {"input_cost_per_image": "images", "output_cost_per_image": "images"},
    "image_edit": {"input_cost_per_image": "images", "output_cost_per_image": "images"},
    "search": {"input_cost_per_query": "api_calls"},
}
"""Keys that say what they count only together with the mode of the model."""

MEDIUM: Final = "search_context_size_medium"
SEARCHES: Final = {
    "search_context_size_low": "web_searches{search_context=low}",
    MEDIUM: "web_searches",
    "search_context_size_high": "web_searches{search_context=high}",
}
"""Keys of the prices of a web search; a search whose size nobody names is a medium one."""

VARIANTS: Final = {
    "batches": "batch",
    "flex": "flex",
    "priority": "priority",
    "balanced": "balanced",
    "ultrafast": "ultrafast",
}
"""What the keys call a variant, and what its label does."""

KEY: Final = re.compile(
    rf"(?P<base>.+?)(_above_(?P<count>[1-9][0-9]{{0,8}})(?P<kilo>k?)_tokens)?(_(?P<variant>{'|'.join(VARIANTS)}))?"
)
"""A key: what is counted, above which threshold, in which variant; every request would pass one of 0."""

PER: Final = {"file_search_cost_per_1k_calls": 1000}
"""Units that a price covers, where it is not one."""

INCLUSIVE: Final = frozenset({"xai"})
"""Providers whose long prices hold from the threshold on, not only above it."""

PRICELESS: Final = frozenset(
    (
        "input_dbu_cost_per_token",
        "metadata",
        "output_dbu_cost_per_token",
        "output_vector_size",
        "prompt_cache_min_tokens",
        "rpm",
        "token_count_framing",
        "token_count_model",
        "tpm",
        "web_search_billing_unit",
    )
)
"""Keys that hold a number or speak of a price, and charge nothing of their own."""
PRICELESS_BEGINNINGS: Final = ("max_", "supports_", "supported_")
SPEAKING: Final = re.compile(
    r"cost|pric|fee|rate|charge|multiplier|uplift|discount|surcharge|free|peak", re.I
)
"""What the name of a price may hold; there is no telling from it what else would be one."""


def counted(key: str, value: object, mode: object) -> dict[str, object]:
    """What a key charges, by meter; nothing where it is no price that is known.

    >>> counted("cache_read_input_token_cost_above_200k_tokens_batches", 1, "chat")
    {'input_tokens{cache=read}': 1}
    """
    if key == "search_context_cost_per_query" and is_mapping(value) and value.keys() <= SEARCHES.keys():
        return {SEARCHES[size]: price for size, price in value.items()}
    meters = {**RATES, **(OF_MODE.get(mode, {}) if isinstance(mode, str) else {})}
    base = _parts(key)["base"]
    return {meters[base]: value} if base in meters else {}


def condition(key: str, provider: object) -> tuple[str, int | None]:
    """The variant that a price is of, empty for the standard, and the threshold above which it holds.

    >>> condition("output_cost_per_token_above_200k_tokens_batches", "anthropic")
    ('batch', 200000)
    """
    parts = _parts(key)
    variant = VARIANTS.get(parts["variant"], "")
    if parts["count"] is None:
        return variant, None
    start = int(parts["count"]) * (1000 if parts["kilo"] else 1)
    return variant, start - (isinstance(provider, str) and provider in INCLUSIVE)


def _parts(key: str) -> Mapping[str, Any]:
    match = KEY.fullmatch(key)
    return match.groupdict() if match else {"base": key, "variant": None, "count": None}


def is_price(key: str, value: object) -> bool:
    """Whether a key that is not known may charge something: by its name, or by what it holds.

    >>> is_price("cost_per_wish", "0.10"), is_price("supports_wishes", True)
    (True, False)
    """
    if key in PRICELESS or key.startswith(PRICELESS_BEGINNINGS) or isinstance(value, bool):
        return False
    holds = isinstance(value, int | float | Decimal) or is_mapping(value)
    return holds or SPEAKING.search(key) is not None
