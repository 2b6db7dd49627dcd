"""Agents of code, observers and reports: how each splits the tokens that it logs."""

from __future__ import annotations

from typing import Final

from tokenbill.payloads.shapes import Labelled, Shape, paths, prefixed
from tokenbill.payloads.table.makers import GEO
from tokenbill.payloads.table.parts import CREATED

__all__ = ["SHAPES"]

SEEN: Final = "2026-11"
NEVER: Final = paths("\0")
"""Shapes of logs are read by their names alone: keys as short as theirs are no evidence."""

AGENTS: Final = (
    # Thoughts and what tools added stand beside, the cache inside.
    Shape(
        "gemini-cli",
        SEEN,
        {
            "input": "input",
            "output": "output",
            "cached": "read",
            "thoughts": "reasoning",
            "tool": "tool",
            "total": "total",
        },
        marks=NEVER,
        reasoning_outside=True,
    ),
    # Each number stands for itself; the total holds them all.
    Shape(
        "opencode",
        SEEN,
        {
            "input": "input",
            "output": "output",
            "reasoning": "reasoning",
            "cache.read": "read",
            "cache.write": "write",
            "total": "total",
        },
        marks=NEVER,
        cache_outside=True,
        reasoning_outside=True,
    ),
    Shape(
        "kimi",
        SEEN,
        {
            "input_other": "input",
            "output": "output",
            "input_cache_read": "read",
            "input_cache_creation": "write",
        },
        marks=paths("input_other"),
        cache_outside=True,
    ),
    Shape(
        "droid",
        SEEN,
        {
            "inputTokens": "input",
            "outputTokens": "output",
            "cacheReadTokens": "read",
            "cacheCreationTokens": "write",
            "thinkingTokens": "reasoning",
        },
        marks=paths("thinkingTokens cacheCreationTokens"),
        cache_outside=True,
        reasoning_outside=True,
    ),
    Shape(
        "copilot",
        SEEN,
        {
            "inputTokens": "input",
            "outputTokens": "output",
            "cacheReadTokens": "read",
            "cacheWriteTokens": "write",
            "reasoningTokens": "reasoning",
        },
        marks=paths("cacheReadTokens cacheWriteTokens"),
    ),
)

# Langfuse keeps buckets that share no token; what it was given is cut into them.
LANGFUSE: Final = Shape(
    "langfuse",
    SEEN,
    {
        "input": "input",
        "output": "output",
        "total": "total",
        **dict.fromkeys(("input_cached_tokens", "input_cache_read", "cache_read_input_tokens"), "read"),
        **dict.fromkeys(
            ("input_cache_creation", "cache_creation_input_tokens", "input_cache_write"), "write"
        ),
        "input_cache_creation_5m": "write.5m",
        "input_cache_creation_1h": "write.1h",
        **dict.fromkeys(("output_reasoning_tokens", "output_reasoning", "reasoning"), "reasoning"),
        "input_audio_tokens": "input_tokens{modality=audio}",
        "input_image_tokens": "input_tokens{modality=image}",
        "output_audio_tokens": "output_tokens{modality=audio}",
    },
    free=paths("unit inputCost outputCost totalCost"),
    marks=NEVER,
    required=(),
    cache_outside=True,
    reasoning_outside=True,
)
HELICONE: Final = Shape(
    "helicone",
    SEEN,
    {
        "prompt_tokens": "input",
        "completion_tokens": "output",
        "total_tokens": "total",
        "prompt_cache_read_tokens": "read",
        "prompt_cache_write_tokens": "write",
        "prompt_audio_tokens": "input.audio",
        "completion_audio_tokens": "output.audio",
        "reasoning_tokens": "reasoning",
    },
    marks=paths("prompt_cache_read_tokens prompt_cache_write_tokens"),
    cache_outside=None,
)
OPENROUTER: Final = (
    Shape(
        "openrouter.activity",
        SEEN,
        {
            "tokens_prompt": "input",
            "tokens_completion": "output",
            "tokens_reasoning": "reasoning",
            "tokens_cached": "read",
        },
    ),
    Shape(
        "openrouter.activity",
        SEEN,
        {
            "prompt_tokens": "input",
            "completion_tokens": "output",
            "reasoning_tokens": "reasoning",
            "requests": "api_calls",
        },
        marks=paths("requests"),
    ),
)

OPENAI_PARTS: Final = {
    **{f"input_{kind}_tokens": f"input.{kind}" for kind in ("text", "audio", "image")},
    **{f"output_{kind}_tokens": f"output.{kind}" for kind in ("text", "audio", "image")},
    **{f"input_cached_{kind}_tokens": f"read.{kind}" for kind in ("text", "audio", "image")},
}
OPENAI_SEEN: Final = "2026-11, openai 3.57.0"
OTHER_REPORTS: Final = {
    "images": "images",
    "characters": "characters",
    "seconds": "audio_seconds",
    "num_sessions": "code_sessions",
    "num_requests": "searches",
    "usage_bytes": "storage_bytes",
}
REPORTS: Final = (
    Shape(
        "openai.usage",
        "2026-11, openai 3.57.0",
        {
            "input_tokens": "input",
            "output_tokens": "output",
            "input_cached_tokens": "read",
            "input_uncached_tokens": "uncached",
            "input_cache_write_tokens": "write",
            "input_cache_write_30m_tokens": "write.30m",
            "input_cache_write_12h_tokens": "write.12h",
            "num_model_requests": "api_calls",
            **OPENAI_PARTS,
        },
        tiers=paths("service_tier"),
        marks=paths("num_model_requests"),
    ),
    # The reports of embeddings, images, speech, code and searches, each by its own count.
    Shape(
        "openai.usage",
        OPENAI_SEEN,
        {"input_tokens": "input", "num_model_requests": "api_calls"},
        marks=paths("num_model_requests"),
        required=("input",),
    ),
    *(
        Shape(
            "openai.usage",
            OPENAI_SEEN,
            {key: meter, "num_model_requests": "api_calls"},
            free=paths("source size"),
            marks=paths(key),
            required=(meter,),
        )
        for key, meter in OTHER_REPORTS.items()
    ),
    Shape(
        "anthropic.usage",
        "2026-11, anthropic 2.14.0",
        {
            "uncached_input_tokens": "input",
            "cache_read_input_tokens": "read",
            **prefixed("cache_creation", CREATED),
            "output_tokens": "output",
            "server_tool_use.web_search_requests": "web_searches",
            "server_tool_use.web_fetch_requests": "web_fetches",
        },
        {
            "inference_geo": GEO,
            # Above this length of a request all of it costs more.
            "context_window": Labelled("context", {"0-200k": None, "200k-1m": "200000"}),
        },
        tiers=paths("service_tier speed"),
        marks=paths("uncached_input_tokens"),
        cache_outside=True,
    ),
)

SHAPES: Final = (*AGENTS, LANGFUSE, HELICONE, *OPENROUTER, *REPORTS)
