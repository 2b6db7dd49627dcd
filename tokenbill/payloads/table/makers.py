"""Makers of models with an API of their own: Anthropic, Google, Amazon, Cohere, Mistral, xAI, DeepSeek."""

from __future__ import annotations

import re
from typing import Any, Final

from tokenbill.payloads.beside import ByModel, Grounding, Header, Session, Tier
from tokenbill.payloads.shapes import ByName, Labelled, Listed, Shape, paths, prefixed
from tokenbill.payloads.table.openai import TIER, XAI_CALLS
from tokenbill.payloads.table.parts import CHAT, CREATED, RESPONSES, camel, listed_modalities

__all__ = ["ANTHROPIC", "GEO", "MESSAGES", "SHAPES"]

# Tokens that stay in one place cost more there; everywhere is the price of the list.
GEO: Final = Labelled("geo", dict.fromkeys(("", "global", "not_available", "unspecified")))
MESSAGES: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "read",
    "cache_creation_input_tokens": "write",
    **prefixed("cache_creation", CREATED),
    "output_tokens_details.thinking_tokens": "reasoning",
    "server_tool_use.web_search_requests": "web_searches",
    "server_tool_use.web_fetch_requests": "web_fetches",
}
# What an agent says of all models that it asked, helpers of its own included.
BY_CLAUDE: Final = Shape(
    "claude-agent",
    "2026-11, claude-agent-sdk 0.2.189",
    {
        "inputTokens": "input",
        "outputTokens": "output",
        "cacheReadInputTokens": "read",
        "cacheCreationInputTokens": "write",
        "webSearchRequests": "web_searches",
    },
    free=paths("costUSD contextWindow maxOutputTokens canonicalModel provider"),
    cache_outside=True,
)
ANTHROPIC: Final = Shape(
    "anthropic.messages",
    "2026-11, anthropic 2.14.0",
    MESSAGES,
    rules={
        "inference_geo": GEO,
        # A retry that is billed as if its model had answered all along has no price by its counts alone.
        "fallback_credit.status.type": Labelled("credit", {"redeemed": "fallback", "not_applied": None}),
    },
    tiers=paths("service_tier speed"),
    free=paths("iterations fallback_credit.status.reason server_tool_use.tool_search_requests"),
    cache_outside=True,
    rounds="iterations",
    beside={
        "container": Session("container", "code_sessions"),
        **{key: ByModel(key, BY_CLAUDE) for key in ("model_usage", "modelUsage")},
    },
)

GEMINI: Final = {
    "promptTokenCount": "input",
    "toolUsePromptTokenCount": "tool",
    "cachedContentTokenCount": "read",
    "candidatesTokenCount": "output",
    "responseTokenCount": "output",  # so written by the Live API
    "thoughtsTokenCount": "reasoning",
    "totalTokenCount": "total",
}
GEMINI_LISTS: Final = {
    "promptTokensDetails": "input",
    "promptTokenDetails": "input",  # so written by embeddings
    "toolUsePromptTokensDetails": "tool",
    "cacheTokensDetails": "read",
    "candidatesTokensDetails": "output",
    "responseTokensDetails": "output",
}


def _snake(key: str) -> str:
    """A key as Google's Python SDK spells it."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", key)


def _gemini() -> Shape:
    """Gemini's object, in the spelling of its API and in that of its SDK."""
    lists: dict[str, Any] = {key: listed_modalities(role, "tokenCount") for key, role in GEMINI_LISTS.items()}
    lists |= {_snake(key): listed_modalities(role, "token_count") for key, role in GEMINI_LISTS.items()}
    headers = [Header(key, "x-gemini-service-tier") for key in ("sdk_http_response", "sdkHttpResponse")]
    return Shape(
        "gemini.generate",
        "2026-11, google-genai 3.6.1",
        GEMINI | {_snake(key): role for key, role in GEMINI.items()},
        lists,
        tiers=paths("trafficType traffic_type serviceTier service_tier"),
        required=(),  # keys are absent where they count 0
        reasoning_outside=True,
        beside={"candidates": Grounding("candidates"), **{header.key: header for header in headers}},
    )


INTERACTIONS: Final = Shape(
    "gemini.interactions",
    "2026-11, google-genai 3.6.1",
    {
        "total_input_tokens": "input",
        "total_cached_tokens": "read",
        "total_output_tokens": "output",
        "total_thought_tokens": "reasoning",
        "total_tool_use_tokens": "tool",
        "total_tokens": "total",
    },
    {
        **{
            f"{part}_tokens_by_modality": listed_modalities(role, "tokens")
            for part, role in (
                ("input", "input"),
                ("cached", "read"),
                ("output", "output"),
                ("tool_use", "tool"),
            )
        },
        "grounding_tool_count": Listed(
            "type",
            "count",
            {"GOOGLE_SEARCH": "web_searches", "GOOGLE_MAPS": "map_searches", "RETRIEVAL": "file_searches"},
        ),
    },
    tiers=paths("service_tier traffic_type"),
    free=paths("initial_input_tokens"),
    required=(),
    reasoning_outside=True,
)

BEDROCK_SEEN: Final = "2026-11, bedrock-runtime 2023-09-30"
BEDROCK: Final = (
    Shape(
        "bedrock.converse",
        BEDROCK_SEEN,
        {
            "inputTokens": "input",
            "outputTokens": "output",
            "totalTokens": "total",
            "cacheReadInputTokens": "read",
            "cacheReadInputTokenCount": "read",
            "cacheWriteInputTokens": "write",
            "cacheWriteInputTokenCount": "write",
        },
        {"cacheDetails": Listed("ttl", "inputTokens", {"5M": "write.5m", "1H": "write.1h"})},
        cache_outside=True,
        free=paths("serverToolUsage"),
        beside={
            "serviceTier": Tier("serviceTier"),
            "service_tier": Tier("service_tier"),
            "performanceConfig": Tier("performanceConfig", "latency"),
        },
    ),
    Shape(
        "bedrock.invoke",
        BEDROCK_SEEN,
        {
            "inputTokenCount": "input",
            "outputTokenCount": "output",
            "cacheReadInputTokenCount": "read",
            "cacheWriteInputTokenCount": "write",
        },
        free=paths("invocationLatency firstByteLatency"),
        cache_outside=True,
        beside={
            "serviceTier": Tier("serviceTier"),
            "performanceConfig": Tier("performanceConfig", "latency"),
        },
    ),
)

COHERE_SEEN: Final = "2026-11, cohere 7.3.1"
COHERE_UNITS: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "search_units": "search_units",
    "classifications": "classifications",
    "images": "images",
    "pages": "pages",
}
# The whole of what was processed stands beside what is billed of it.
COHERE_FREE: Final = paths("tokens cached_tokens api_version warnings billed_units.text_tokens")


def _cohere(api: str, required: tuple[str, ...], *units: str) -> Shape:
    counts = prefixed("billed_units", {unit: COHERE_UNITS[unit] for unit in units})
    more = {"billed_units.image_tokens": "input.image"} if api == "embed" else {}
    return Shape(f"cohere.{api}", COHERE_SEEN, counts | more, free=COHERE_FREE, required=required)


MISTRAL_SEEN: Final = "2026-11, mistralai 3.7.0"
MISTRAL: Final = (
    Shape(
        "mistral.chat",
        MISTRAL_SEEN,
        CHAT
        | {
            "num_cached_tokens": "read",
            "prompt_token_details.cached_tokens": "read",
            "prompt_audio_seconds": "audio_seconds",
        },
        tiers=paths("service_tier"),
        free=paths("request_count"),
        beside={rule.key: rule for rule in TIER},
    ),
    Shape(
        "mistral.conversations",
        MISTRAL_SEEN,
        CHAT | {"connector_tokens": "tool"},
        {
            "connectors": ByName(
                {
                    "web_search": "web_searches",
                    "web_search_premium": "web_searches{tier=premium}",
                    "code_interpreter": "code_sessions",
                    "image_generation": "images{tool=image_generation}",
                    "document_library": "file_searches",
                },
                other="connector_calls",
            )
        },
        marks=paths("connector_tokens connectors"),
    ),
    Shape(
        "mistral.ocr",
        MISTRAL_SEEN,
        {"pages_processed": "pages"},
        free=paths("doc_size_bytes"),
        required=("pages",),
    ),
)

XAI_SEEN: Final = "2026-11, xai-sdk 1.21.0"
XAI_SDK: Final = {
    "completion_tokens": "output",
    "prompt_tokens": "input",
    "total_tokens": "total",
    "reasoning_tokens": "reasoning",
    "cached_prompt_text_tokens": "read",
    "prompt_text_tokens": "input.text",
    "prompt_image_tokens": "input.image",
    "num_sources_used": "source_searches",
}
XAI_FREE: Final = paths("cost_in_usd_ticks num_server_side_tools_used")
# How many tools ran says what is billed only where nothing says which.
XAI_SUMMARY: Final = {"num_server_side_tools_used": "server_side_tool_usage_details"}
XAI: Final = (
    Shape(
        "xai.chat",
        XAI_SEEN,
        CHAT | {"num_sources_used": "web_searches"},
        {"server_side_tool_usage_details": XAI_CALLS},
        free=XAI_FREE,
        summaries=XAI_SUMMARY,
        total_decides=True,
        beside={rule.key: rule for rule in TIER},
    ),
    Shape(
        "xai.sdk",
        XAI_SEEN,
        XAI_SDK,
        {"server_side_tools_used": XAI_CALLS},
        free=XAI_FREE,
        total_decides=True,
        marks=paths("server_side_tools_used cached_prompt_text_tokens prompt_text_tokens"),
        beside={rule.key: rule for rule in TIER},
    ),
    Shape(
        "xai.sdk",
        XAI_SEEN,
        camel(XAI_SDK),
        {"serverSideToolsUsed": XAI_CALLS},
        free=paths("costInUsdTicks numServerSideToolsUsed"),
        total_decides=True,
        marks=paths("serverSideToolsUsed cachedPromptTextTokens promptTextTokens"),
    ),
    Shape(
        "xai.responses",
        XAI_SEEN,
        RESPONSES | {"num_sources_used": "web_searches"},
        {"server_side_tool_usage_details": XAI_CALLS},
        free=XAI_FREE,
        summaries=XAI_SUMMARY,
        marks=paths(
            "num_sources_used num_server_side_tools_used cost_in_usd_ticks server_side_tool_usage_details"
        ),
        beside={rule.key: rule for rule in TIER},
    ),
)

SHAPES: Final = (
    ANTHROPIC,
    _gemini(),
    INTERACTIONS,
    *BEDROCK,
    _cohere("chat", ("input", "output"), "input_tokens", "output_tokens", "search_units"),
    _cohere("embed", (), "input_tokens", "images"),
    _cohere("rerank", ("search_units",), "search_units"),
    _cohere("classify", ("classifications",), "classifications"),
    Shape(
        "deepseek.chat",
        "2026-11",
        CHAT | {"prompt_cache_hit_tokens": "read", "prompt_cache_miss_tokens": "uncached"},
    ),
    *MISTRAL,
    *XAI,
)
