"""Price keys: what the keys of a price map count, in which variant, and above which threshold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tokenbill.core.base.inputs import is_mapping

__all__ = ["OFF_PEAK", "PER", "SEARCHES", "TIERS", "condition", "counted", "is_price", "multiplier"]

RATES: Final = {
    "input_cost_per_token": "input_tokens",
    "cache_read_input_token_cost": "input_tokens{cache=read}",
    "input_cost_per_token_cache_hit": "input_tokens{cache=read}",
    "explicit_cache_read_input_token_cost": "input_tokens{cache=read,kind=explicit}",
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
    "output_cost_per_character": "characters{direction=output}",
    "ocr_cost_per_page": "pages",
    "annotation_cost_per_page": "pages{kind=annotated}",
    "code_interpreter_cost_per_session": "code_sessions",
    "file_search_cost_per_1k_calls": "file_searches",
    "google_maps_grounding_cost_per_query": "map_searches",
}
"""Keys of prices for one unit, and the meters that count it."""

IMAGES: Final = {"input_cost_per_image": "images", "output_cost_per_image": "images"}
SEEN: Final = {
    "input_cost_per_image": "images{direction=input}",
    "output_cost_per_image": "images",
    "input_cost_per_video_per_second": "video_seconds",
    "input_cost_per_audio_per_second": "audio_seconds",
    "input_cost_per_second": "provisioned_seconds",
    "cost_per_second": "provisioned_seconds",
}
"""What a model of text charges for what else it reads and draws, and for capacity that was reserved."""
OF_MODE: Final = {
    "audio_transcription": {
        "input_cost_per_second": "audio_seconds",
        "output_cost_per_second": "audio_seconds",
    },
    "image_generation": IMAGES,
    "image_edit": IMAGES,
    "search": {"input_cost_per_query": "api_calls"},
    "rerank": {"input_cost_per_query": "api_calls"},
    **dict.fromkeys(("chat", "responses", "completion", "embedding"), SEEN),
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
    "fast": "fast",
    "ultrafast": "ultrafast",
    "decisions": "decisions",
}
"""What the keys call a variant, and what its label does."""

MULTIPLIERS: Final = {
    # A request through an endpoint of one region, or of one kind of customer, costs more for all its tokens.
    "regional_processing_uplift_multiplier_eu": ("geo", "eu"),
    "regional_processing_uplift_multiplier_us": ("geo", "us"),
    "fedramp_uplift_multiplier": ("geo", "fedramp"),
    "regional_endpoint_uplift_multiplier": ("geo", "regional"),
    "provider_specific_entry.us": ("geo", "us"),
    "provider_specific_entry.fast": ("variant", "fast"),
}
"""Keys of factors that hold under a condition, and the label that says it does."""

TIERS: Final = "tiered_pricing"
OFF_PEAK: Final = "off_peak_pricing"

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
        "alias_of",
        "input_dbu_cost_per_token",
        "metadata",
        "output_dbu_cost_per_token",
        "output_vector_size",
        "prompt_cache_min_tokens",
        "provider_specific_entry.bedrock_invocation_schema",
        "provider_specific_entry.realtime_ga_only",
        "provider_specific_entry.transcription_json_or_text_only",
        "provider_specific_entry.transcription_usage_duration",
        "rpm",
        "search_free_requests",
        "tpm",
        "web_search_billing_unit",
    )
)
"""Keys that hold a number or speak of a price, and charge nothing of their own."""
PRICELESS_BEGINNINGS: Final = ("max_", "supports_", "supported_", "token_count_")
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
    base = parts_of(key)["base"]
    of_mode = OF_MODE.get(mode, {}) if isinstance(mode, str) else {}
    meter = of_mode.get(base) or RATES.get(base)
    return {meter: value} if meter else {}


def condition(key: str, provider: object) -> tuple[str, int | None]:
    """The variant that a price is of, empty for the standard, and the threshold above which it holds.

    >>> condition("output_cost_per_token_above_200k_tokens_batches", "anthropic")
    ('batch', 200000)
    """
    parts = parts_of(key)
    variant = VARIANTS.get(parts["variant"], "")
    if parts["count"] is None:
        return variant, None
    start = int(parts["count"]) * (1000 if parts["kilo"] else 1)
    return variant, start - (isinstance(provider, str) and provider in INCLUSIVE)


def multiplier(key: str) -> tuple[str, str] | None:
    """The label under which a key is a factor on all token prices, or None.

    >>> multiplier("fedramp_uplift_multiplier"), multiplier("input_cost_per_token")
    (('geo', 'fedramp'), None)
    """
    return MULTIPLIERS.get(key)


def parts_of(key: str) -> Mapping[str, Any]:
    """What a key says: what is counted, above which threshold, in which variant."""
    match = KEY.fullmatch(key)
    return match.groupdict() if match else {"base": key, "variant": None, "count": None}


def is_price(key: str, value: object) -> bool:
    """Whether a key that is not known may charge something: by its name, or by what it holds.

    A price of 0 charges nothing: usage of what it counts has no price then, and is refused.

    >>> (
    ...     is_price("cost_per_wish", "0.10"),
    ...     is_price("supports_wishes", True),
    ...     is_price("cost_per_wish", 0),
    ... )
    (True, False, False)
    """
    if key in PRICELESS or key.startswith(PRICELESS_BEGINNINGS) or isinstance(value, bool):
        return False
    if isinstance(value, int | float | Decimal):
        # tokens of an unknown kind would cost what others do, though they are free: they are not passed over
        return "token" in key or bool(value)
    return is_mapping(value) or SPEAKING.search(key) is not None
