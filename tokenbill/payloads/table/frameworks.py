"""Frameworks that write many providers' usage in one form, each with a loss: prefer what they had."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from tokenbill.payloads.shapes import Shape, paths, prefixed
from tokenbill.payloads.table.makers import ANTHROPIC, GEO
from tokenbill.payloads.table.parts import CHAT, CREATED, RESPONSES, modalities

__all__ = ["SHAPES"]

LITELLM: Final = Shape(
    "litellm",
    "2026-11, litellm 1.110.2",
    CHAT
    | {
        "cache_read_input_tokens": "read",
        "cache_creation_input_tokens": "write",
        "reasoning_tokens": "reasoning",
        "server_tool_use.web_search_requests": "web_searches",
        **prefixed(
            "prompt_tokens_details",
            {
                "cache_creation_tokens": "write",
                **prefixed("cache_creation_token_details", CREATED),
                "web_search_requests": "web_searches",
                "google_maps_grounding_requests": "map_searches",
                "character_count": "characters",
                "image_count": "images",
                "video_length_seconds": "video_seconds",
                "audio_length_seconds": "audio_seconds",
                "query_count": "queries",
            },
        ),
        **prefixed("cache_creation", CREATED),
    },
    {"inference_geo": GEO},
    tiers=paths("service_tier speed"),
    free=paths(
        "cost is_byok iterations server_tool_use.tool_search_requests server_tool_use.web_fetch_requests "
        "server_tool_use.browser_open_requests prompt_tokens_details.tool_use_tokens "
        "prompt_tokens_details.initial_prompt_tokens"
    ),
    marks=paths(
        "cache_read_input_tokens cache_creation_input_tokens prompt_tokens_details.cache_creation_tokens"
    ),
)

LANGCHAIN_IN: Final = {
    **{key.removesuffix("_tokens"): role for key, role in modalities("input").items()},
    "cache_read": "read",
    "cache_creation": "write",
    **CREATED,
}
LANGCHAIN_OUT: Final = {
    **{key.removesuffix("_tokens"): role for key, role in modalities("output").items()},
    "reasoning": "reasoning",
}
COUNTS: Final = {"input_tokens": "input", "output_tokens": "output", "total_tokens": "total"}
LANGCHAIN: Final = (
    Shape(
        "langchain",
        "2026-11, langchain-core 1.8.3",
        COUNTS
        | prefixed("input_token_details", LANGCHAIN_IN)
        | prefixed("output_token_details", LANGCHAIN_OUT),
        zeros_are_absent=True,
    ),
    # A tier is written into the names of the parts, and its plain name holds what is in none of them.
    *(
        Shape(
            "langchain",
            "2026-11, langchain-core 1.8.3",
            COUNTS
            | prefixed(
                "input_token_details", {f"{tier}_cache_read": "read", **LANGCHAIN_IN, tier: "uncached"}
            )
            | prefixed(
                "output_token_details",
                {f"{tier}_reasoning": "reasoning", **LANGCHAIN_OUT, tier: "output.text"},
            ),
            marks=paths(f"input_token_details.{tier} output_token_details.{tier}"),
            variant=tier,
        )
        for tier in ("flex", "priority")
    ),
)

AI_SDK: Final = (
    Shape(
        "ai-sdk",
        "2026-11, ai 7",
        {
            "inputTokens": "input",
            "outputTokens": "output",
            "totalTokens": "total",
            "reasoningTokens": "reasoning",
            "cachedInputTokens": "read",
            "inputTokenDetails.noCacheTokens": "uncached",
            "inputTokenDetails.cacheReadTokens": "read",
            "inputTokenDetails.cacheWriteTokens": "write",
            "outputTokenDetails.textTokens": "output.text",
            "outputTokenDetails.reasoningTokens": "reasoning",
        },
        free=paths("raw"),
        marks=paths("inputTokenDetails outputTokenDetails reasoningTokens cachedInputTokens"),
        total_decides=True,
    ),
    Shape(
        "ai-sdk",
        "2026-11, ai 7",
        {
            "inputTokens.total": "input",
            "inputTokens.noCache": "uncached",
            "inputTokens.cacheRead": "read",
            "inputTokens.cacheWrite": "write",
            "outputTokens.total": "output",
            "outputTokens.text": "output.text",
            "outputTokens.reasoning": "reasoning",
        },
        free=paths("raw"),
    ),
)

# The parts that a provider gave, under its own names, beside the whole that they are in.
PYDANTIC_DETAILS: Final = paths(
    " ".join(
        f"details.{key}"
        for key in (
            *("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
            *(
                "cached_tokens",
                "cache_write_tokens",
                "audio_tokens",
                "text_tokens",
                "image_tokens",
                "video_tokens",
            ),
            *(
                "accepted_prediction_tokens",
                "rejected_prediction_tokens",
                "cached_content_tokens",
                "total_tokens",
            ),
            *("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "tool_use_prompt_tokens", "is_byok"),
            *(
                f"{each}_{part}_tokens"
                for each in ("text", "audio", "image", "video")
                for part in ("prompt", "candidates", "cache")
            ),
        )
    )
)
PYDANTIC: Final = Shape(
    "pydantic-ai",
    "2026-11, pydantic-ai-slim 2.68.0",
    {
        "input_tokens": "input",
        "output_tokens": "output",
        "total_tokens": "total",
        "cache_read_tokens": "read",
        "cache_write_tokens": "write",
        "input_audio_tokens": "input.audio",
        "cache_audio_read_tokens": "read.audio",
        "output_audio_tokens": "output.audio",
        "output_reasoning_tokens": "reasoning",
        "audio_seconds": "audio_seconds",
        "details.reasoning_tokens": "reasoning",
        "details.thoughts_tokens": "reasoning",
        "details.thinking_tokens": "reasoning",
        "details.web_search_requests": "web_searches",
        "details.web_fetch_requests": "web_fetches",
        "details.num_sources_used": "web_searches",
    },
    free=PYDANTIC_DETAILS | paths("requests tool_calls unmeasured_requests cost"),
    marks=paths("cache_read_tokens cache_write_tokens input_audio_tokens details"),
    zeros_are_absent=True,
)

CODEX: Final = Shape(
    "codex",
    "2026-11",
    # what was written to the cache is a part of the input, as what was read from it
    COUNTS
    | {
        "cached_input_tokens": "read",
        "cache_write_input_tokens": "write",
        "reasoning_output_tokens": "reasoning",
    },
)
AGENTS: Final = Shape(
    "openai.agents",
    "2026-11, openai-agents 0.24.0",
    RESPONSES,
    free=paths("requests request_usage_entries"),
    marks=paths("requests request_usage_entries"),
)
CLAUDE_AGENT: Final = evolve(
    ANTHROPIC, name="claude-agent", seen="2026-11, claude-agent-sdk 0.2.189", marks=paths("model_usage")
)

SHAPES: Final = (LITELLM, *LANGCHAIN, *AI_SDK, PYDANTIC, CODEX, AGENTS, CLAUDE_AGENT)
