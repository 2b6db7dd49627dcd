"""Hosts and servers that offer others' models, most of them by OpenAI's chat with members of their own."""

from __future__ import annotations

from typing import Final

from tokenbill.payloads.beside import ByModel, Executed, Tier
from tokenbill.payloads.shapes import ByName, Call, Shape, paths, prefixed
from tokenbill.payloads.table.makers import GEO
from tokenbill.payloads.table.parts import CHAT, CREATED, GROQ_TIMES, SPEEDS

__all__ = ["SHAPES"]

TIERED: Final = {"service_tier": Tier("service_tier")}
GROQ: Final = Shape("groq.chat", "2026-11, groq 1.7.0", CHAT, free=GROQ_TIMES)
SEARCHES: Final = {"server_tool_use.web_search_requests": "web_searches"}

OPENROUTER: Final = Shape(
    "openrouter.chat",
    "2026-11, openrouter 1.3.84",
    CHAT
    | SEARCHES
    | {
        "server_tool_use_details.web_search_requests": "web_searches",
        "prompt_tokens_details.file_tokens": "input.text",
    }
    | prefixed("cache_creation", CREATED),
    {"inference_geo": GEO},
    tiers=paths("service_tier speed"),
    free=paths(
        "cost cost_details is_byok iterations "
        "server_tool_use.tool_calls_executed server_tool_use.tool_calls_requested "
        "server_tool_use_details.tool_calls_executed server_tool_use_details.tool_calls_requested"
    ),
    beside=TIERED,
)
PERPLEXITY: Final = (
    Shape(
        "perplexity.chat",
        "2026-11, perplexityai 0.46.1",
        {
            "prompt_tokens": "input",
            "completion_tokens": "output",
            "total_tokens": "total",
            "reasoning_tokens": "reasoning",
            "citation_tokens": "input_tokens{kind=citation}",
            "num_search_queries": "web_searches",
        },
        {"search_context_size": Call("api_calls", "search_context_size")},
        free=paths("cost"),
        marks=paths("search_context_size citation_tokens num_search_queries"),
        reasoning_outside=True,
        total_covers=False,
    ),
    Shape(
        "perplexity.responses",
        "2026-11, perplexityai 0.46.1",
        {
            "input_tokens": "input",
            "output_tokens": "output",
            "total_tokens": "total",
            "input_tokens_details.cache_read_input_tokens": "read",
            "input_tokens_details.cache_creation_input_tokens": "write",
        },
        {
            "tool_calls_details": ByName(
                {"web_search": "web_searches", "search_web": "web_searches", "fetch_url": "web_fetches"},
                other="tool_calls",
            )
        },
        free=paths("cost"),
        marks=paths("tool_calls_details input_tokens_details.cache_read_input_tokens"),
    ),
)

SHAPES: Final = (
    OPENROUTER,
    Shape(
        "groq.chat",
        "2026-11, groq 1.7.0",
        CHAT,
        free=GROQ_TIMES,
        beside={
            **TIERED,
            "usage_breakdown": ByModel("usage_breakdown", GROQ),
            "choices": Executed(
                "choices",
                "executed_tools",
                {
                    **dict.fromkeys(("search", "web_search", "browser_search"), "web_searches"),
                    **dict.fromkeys(("visit", "visit_website", "browser.open"), "web_fetches"),
                    **dict.fromkeys(("python", "code_interpreter", "code_execution"), "code_sessions"),
                },
            ),
        },
    ),
    Shape(
        "cerebras.chat",
        "2026-11, cerebras-cloud-sdk 1.91.0",
        CHAT | {"image_tokens": "input.image"},
        beside=TIERED,
    ),
    Shape("together.chat", "2026-11, together 3.1.1", CHAT | {"cached_tokens": "read"}),
    Shape("fireworks.chat", "2026-11", CHAT, beside=TIERED),
    Shape("deepinfra.chat", "2026-11", CHAT, free=paths("estimated_cost"), beside=TIERED),
    Shape(
        "vertex.openai",
        "2026-11",
        CHAT,
        tiers=paths("extra_properties.google.traffic_type"),
        reasoning_outside=True,
        total_decides=True,
    ),
    *PERPLEXITY,
    Shape("sambanova.chat", "2026-11", CHAT, free=SPEEDS),
    Shape(
        "databricks.chat",
        "2026-11",
        CHAT | {"cache_read_input_tokens": "read", "cache_creation_input_tokens": "write"},
        marks=paths("cache_read_input_tokens cache_creation_input_tokens"),
        cache_outside=None,
    ),
    # Its wire is OpenAI's and its counts are not: the cache stands beside the prompt, inside the total.
    Shape(
        "snowflake.chat",
        "2026-11",
        CHAT | {"cache_read_input_tokens": "read", "guardrails_tokens": "input_tokens{kind=guardrails}"},
        marks=paths("total_tokens"),
        cache_outside=True,
    ),
    Shape("cloudflare.chat", "2026-11", CHAT),
    Shape(
        "watsonx.generate",
        "2026-11",
        {"input_token_count": "input", "generated_token_count": "output"},
        free=paths("generated_text stop_reason seed moderations"),
        flat=True,
    ),
    Shape("vllm.chat", "2026-11", CHAT),
    Shape("sglang.chat", "2026-11", CHAT | {"reasoning_tokens": "reasoning"}),
    Shape(
        "llamacpp.completion",
        "2026-11",
        {"tokens_evaluated": "input", "tokens_predicted": "output"},
        free=paths("tokens_cached timings generation_settings index id_slot"),
        marks=paths("tokens_evaluated"),
        flat=True,
    ),
    Shape(
        "ollama",
        "2026-11, ollama 0.6.3",
        {"prompt_eval_count": "input", "eval_count": "output"},
        free=paths("total_duration load_duration prompt_eval_duration eval_duration"),
        marks=paths("prompt_eval_count eval_count"),
        required=("input",),
        flat=True,
    ),
)
