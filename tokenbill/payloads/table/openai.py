"""OpenAI's own APIs."""

from __future__ import annotations

from typing import Final

from tokenbill.payloads.beside import IMAGES, Items, Marked, OtherModel, Tier
from tokenbill.payloads.shapes import ByName, Shape, paths, prefixed
from tokenbill.payloads.table.parts import (
    CHAT,
    COMPATIBLE,
    COMPATIBLE_FREE,
    COMPATIBLE_RULES,
    EMBEDDING,
    RESPONSES,
    TOTAL,
    modalities,
)

__all__ = ["IMAGE_USAGE", "RESPONSE_BESIDE", "SHAPES", "TIER", "XAI_CALLS"]

SEEN: Final = "2026-11, openai 3.57.0"
TIER: Final = (Tier("service_tier"),)
TOKENS: Final = {"input_tokens": "input", "output_tokens": "output", **TOTAL}

IMAGE_USAGE: Final = Shape(
    "openai.images",
    SEEN,
    {
        **TOKENS,
        **prefixed("input_tokens_details", modalities("input")),
        **prefixed("output_tokens_details", modalities("output")),
    },
    tolerated={
        "cached_tokens": "read",
        "cached_tokens_details.cached_text_tokens": "read.text",
        "cached_tokens_details.cached_image_tokens": "read.image",
    },
    marks=paths("input_tokens_details"),
    plain_output="image",
    beside={
        "svg_usage": OtherModel(
            "svg_usage",
            Shape("openai.svg", SEEN, {**TOKENS, "reasoning_tokens": "reasoning"}),
            {"tool": "svg_generation"},
        )
    },
)
ITEMS: Final = Items(
    "output",
    {
        "web_search_call": "web_searches",
        "file_search_call": "file_searches",
        "code_interpreter_call": "code_sessions",
        "image_generation_call": IMAGES,
    },
    IMAGE_USAGE,
)
RESPONSE_BESIDE: Final = {**{rule.key: rule for rule in TIER}, "output": ITEMS, "tool_usage": ITEMS}
XAI_CALLS: Final = ByName(
    {
        "web_search": "web_searches",
        "web_search_calls": "web_searches",
        "x_search": "x_searches",
        "x_search_calls": "x_searches",
        "code_execution": "code_sessions",
        "code_interpreter_calls": "code_sessions",
        "collections_search": "file_searches",
        "file_search_calls": "file_searches",
        "document_search_calls": "file_searches",
        "attachment_search": "file_searches",
        "image_search": "image_searches",
        "image_generation": "images{tool=image_generation}",
        # What it costs is in the tokens.
        "view_image": None,
        "view_x_video": None,
        "mcp": None,
        "mcp_calls": None,
        "invalid": None,
    },
    lead="SERVER_SIDE_TOOL_",
)

SHAPES: Final = (
    Shape(
        "openai.chat",
        SEEN,
        CHAT,
        tolerated=COMPATIBLE,
        tolerated_rules=COMPATIBLE_RULES,
        tolerated_free=COMPATIBLE_FREE,
        beside={"service_tier": Tier("service_tier"), "choices": Marked("choices", "web_searches")},
    ),
    Shape(
        "openai.responses",
        SEEN,
        RESPONSES,
        tolerated={"num_sources_used": "web_searches"},
        tolerated_rules={"server_side_tool_usage_details": XAI_CALLS},
        tolerated_free=paths("cost cost_details cost_in_usd_ticks is_byok requests request_usage_entries"),
        beside=RESPONSE_BESIDE,
    ),
    Shape(
        "openai.realtime",
        SEEN,
        {
            **TOKENS,
            **prefixed(
                "input_token_details",
                {
                    "cached_tokens": "read",
                    "cache_write_tokens": "write",
                    **prefixed("cached_tokens_details", modalities("read")),
                    **modalities("input"),
                },
            ),
            **prefixed("output_token_details", {"reasoning_tokens": "reasoning", **modalities("output")}),
        },
        beside={"output": ITEMS, "tool_usage": ITEMS},
    ),
    Shape("openai.embeddings", SEEN, EMBEDDING, required=("input",)),
    IMAGE_USAGE,
    Shape(
        "openai.transcription",
        SEEN,
        {**TOKENS, **prefixed("input_token_details", modalities("input"))},
        free=paths("type"),
    ),
    Shape(
        "openai.transcription",
        SEEN,
        {"seconds": "audio_seconds"},
        free=paths("type"),
        required=("audio_seconds",),
    ),
)
