"""Parts that many shapes share: OpenAI's chat and its details, as hosts copy and extend them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenbill.payloads.shapes import MODALITIES, ByName, Labelled, Listed, paths, prefixed

__all__ = [
    "CHAT",
    "COMPATIBLE",
    "COMPATIBLE_FREE",
    "COMPATIBLE_RULES",
    "CREATED",
    "EMBEDDING",
    "GROQ_TIMES",
    "RESPONSES",
    "SPEEDS",
    "camel",
    "listed_modalities",
    "modalities",
]


def modalities(role: str, suffix: str = "_tokens") -> dict[str, str]:
    """A count for each modality, as parts of a whole."""
    return {f"{modality}{suffix}": f"{role}.{modality}" for modality in ("text", *MODALITIES)}


def listed_modalities(role: str, count: str) -> Listed:
    """A list by modality; documents are counted as the text and images that they are made of."""
    texts = dict.fromkeys(("", "TEXT", "DOCUMENT", "MODALITY_UNSPECIFIED"), f"{role}.text")
    return Listed("modality", count, texts | {name.upper(): f"{role}.{name}" for name in MODALITIES})


def camel(members: Mapping[str, str]) -> dict[str, str]:
    """Members as JSON of protobuf spells them."""

    def spelled(key: str) -> str:
        first, *more = key.split("_")
        return first + "".join(word.capitalize() for word in more)

    return {".".join(map(spelled, path.split("."))): role for path, role in members.items()}


CREATED: Final = {f"ephemeral_{ttl}_input_tokens": f"write.{ttl}" for ttl in ("5m", "30m", "1h", "12h")}
LIVES: Final = {
    f"cache_write_tokens_details.ttl_{ttl}_tokens": f"write.{ttl}" for ttl in ("30m", "1h", "12h")
}
READ: Final = {f"cached_tokens_details.{key}": role for key, role in modalities("read").items()}
IN: Final = {"cached_tokens": "read", "cache_write_tokens": "write", **LIVES, **READ, **modalities("input")}
OUT: Final = {
    "reasoning_tokens": "reasoning",
    **{f"{end}_prediction_tokens": f"predicted.{end}" for end in ("accepted", "rejected")},
    **modalities("output"),
}
TOTAL: Final = {"total_tokens": "total"}

CHAT: Final = {
    "prompt_tokens": "input",
    "completion_tokens": "output",
    **TOTAL,
    **prefixed("prompt_tokens_details", IN),
    **prefixed("completion_tokens_details", OUT),
}
RESPONSES: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    **TOTAL,
    **prefixed("input_tokens_details", IN),
    **prefixed("output_tokens_details", OUT),
}
EMBEDDING: Final = {"prompt_tokens": "input", **TOTAL, **prefixed("prompt_tokens_details", IN)}

GROQ_TIMES: Final = paths("queue_time prompt_time completion_time total_time")
SPEEDS: Final = paths(
    "completion_tokens_after_first_per_sec completion_tokens_after_first_per_sec_first_ten "
    "completion_tokens_after_first_per_sec_graph completion_tokens_per_sec total_tokens_per_sec "
    "tokens_per_second "
    "time_to_first_token time_to_first_token_graph total_latency start_time end_time model_execution_time "
    "is_last_response stop_reason acceptance_rate batch_size_used"
)

# What hosts add to the chat and mean alike: people name such an answer openai.chat, and may.
COMPATIBLE: Final = {
    "cached_tokens": "read",
    "num_cached_tokens": "read",
    "prompt_cache_hit_tokens": "read",
    "prompt_cache_miss_tokens": "uncached",
    "reasoning_tokens": "reasoning",
    "image_tokens": "input.image",
    "total_characters": "characters",
    "prompt_audio_seconds": "audio_seconds",
    "server_tool_use.web_search_requests": "web_searches",
    "prompt_token_details.cached_tokens": "read",
    **prefixed(
        "prompt_tokens_details",
        {
            "cache_creation_tokens": "write",
            "cache_creation_input_tokens": "write",
            "provisioned_tokens": "input.provisioned",
            **prefixed("cache_creation", CREATED),
        },
    ),
    "completion_tokens_details.provisioned_tokens": "output.provisioned",
}
COMPATIBLE_RULES: Final = {
    # A hit that was asked for costs half of one that the host found by itself.
    "prompt_tokens_details.cache_type": Labelled("kind", {"ephemeral": "explicit", "implicit": None}, "read"),
    "plugins": ByName({"search": "web_searches"}),
}
COMPATIBLE_FREE: Final = (
    GROQ_TIMES
    | SPEEDS
    | paths(
        "cost cost_details cost_in_usd_ticks estimated_cost is_byok request_count "
        "completion_tokens_details.citation_tokens_read"
    )
)
