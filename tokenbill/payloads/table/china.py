"""Providers in China: DashScope, Ark, Zhipu, Hunyuan, Moonshot, MiniMax, StepFun, Qianfan, SiliconFlow."""

from __future__ import annotations

from typing import Final

from tokenbill.payloads.beside import Calls, Executed, Tier
from tokenbill.payloads.shapes import ByName, Shape, paths, prefixed
from tokenbill.payloads.table.parts import (
    CHAT,
    COMPATIBLE_RULES,
    CREATED,
    RESPONSES,
    modalities,
)

__all__ = ["SHAPES"]

DASHSCOPE_SEEN: Final = "2026-11, dashscope 2.0.2"
ARK_SEEN: Final = "2026-11, volcengine-python-sdk 5.0.54"

CACHES: Final = {
    "cached_tokens": "read",
    "cache_creation_input_tokens": "write",
    **prefixed("cache_creation", CREATED),
}
EXPLICIT: Final = COMPATIBLE_RULES["prompt_tokens_details.cache_type"]
PLUGINS: Final = ByName({"search": "web_searches"}, other="plugin_calls")
NATIVE: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "total_tokens": "total",
    "image_tokens": "input.image",
    "video_tokens": "input.video",
    "audio_tokens": "input.audio",
    "characters": "characters",
    "image_count": "images",
    "cached_tokens": "read",
    **prefixed("prompt_tokens_details", CACHES),
    **prefixed("input_tokens_details", CACHES | modalities("input")),
    **prefixed("output_tokens_details", {"reasoning_tokens": "reasoning", **modalities("output")}),
}
DASHSCOPE: Final = (
    Shape(
        "dashscope",
        DASHSCOPE_SEEN,
        NATIVE,
        {
            "prompt_tokens_details.cache_type": EXPLICIT,
            "input_tokens_details.cache_type": EXPLICIT,
            "plugins": PLUGINS,
        },
        marks=paths(
            "prompt_tokens_details image_tokens video_tokens audio_tokens characters image_count plugins "
            "output_tokens_details.text_tokens"
        ),
    ),
    Shape("dashscope.embeddings", DASHSCOPE_SEEN, {"total_tokens": "input"}, required=("input",)),
    Shape(
        "dashscope.images",
        DASHSCOPE_SEEN,
        {"image_count": "images"},
        free=paths("size width height"),
        required=("images",),
    ),
    Shape(
        "dashscope.video",
        DASHSCOPE_SEEN,
        {"video_duration": "video_seconds", "video_count": "videos"},
        free=paths("video_ratio SR size duration output_video_duration input_video_duration"),
        required=("video_seconds",),
    ),
    Shape("dashscope.speech", DASHSCOPE_SEEN, {"characters": "characters"}, required=("characters",)),
    Shape(
        "dashscope.recognition", DASHSCOPE_SEEN, {"duration": "audio_seconds"}, required=("audio_seconds",)
    ),
    Shape(
        "dashscope.chat",
        DASHSCOPE_SEEN,
        CHAT | prefixed("prompt_tokens_details", CACHES),
        {"prompt_tokens_details.cache_type": EXPLICIT, "plugins": PLUGINS},
        beside={"service_tier": Tier("service_tier")},
    ),
)

ARK_TOOLS: Final = ByName(
    {
        "web_search": "web_searches",
        "knowledge_search": "file_searches",
        "doubao_app": "app_calls",
        "mcp": None,
    }
)
ARK_PAID: Final = {
    "prompt_tokens_details.provisioned_tokens": "input.provisioned",
    "completion_tokens_details.provisioned_tokens": "output.provisioned",
    "prompt_tokens_details.audio_cached_tokens": "read.audio",
}
ARK: Final = (
    Shape("ark.chat", ARK_SEEN, CHAT | ARK_PAID, beside={"service_tier": Tier("service_tier")}),
    Shape(
        "ark.responses",
        ARK_SEEN,
        RESPONSES | {"input_tokens_details.audio_cached_tokens": "read.audio"},
        {"tool_usage": ARK_TOOLS},
        free=paths("tool_usage_details"),
        marks=paths("tool_usage input_tokens_details.audio_cached_tokens"),
        beside={"service_tier": Tier("service_tier")},
    ),
    # Images are charged by the piece; the tokens say how large they were.
    Shape(
        "ark.images",
        ARK_SEEN,
        {
            "generated_images": "images",
            "input_images": "images{direction=input}",
            "output_tokens": "output",
            "total_tokens": "total",
        },
        {"tool_usage": ARK_TOOLS},
        required=("images",),
        plain_output="image",
    ),
    Shape(
        "ark.video",
        ARK_SEEN,
        {"completion_tokens": "output", "total_tokens": "total"},
        {"tool_usage": ARK_TOOLS},
        required=("output",),
        plain_output="video",
        beside={"service_tier": Tier("service_tier")},
    ),
)

SHAPES: Final = (
    *DASHSCOPE,
    *ARK,
    Shape(
        "zai.chat",
        "2026-11, zai-sdk 0.2.3",
        CHAT,
        beside={"web_search": Calls("web_search", "web_searches")},
    ),
    Shape(
        "hunyuan.chat",
        "2026-11",
        {"PromptTokens": "input", "CompletionTokens": "output", "TotalTokens": "total"},
    ),
    Shape(
        "moonshot.chat",
        "2026-11",
        CHAT | {"cached_tokens": "read"},
        beside={
            "choices": Executed("choices", "tool_calls", {"$web_search": "web_searches"}, name="function"),
        },
    ),
    Shape("minimax.chat", "2026-11", CHAT | {"total_characters": "characters"}),
    Shape("stepfun.chat", "2026-11", CHAT | {"cached_tokens": "read"}),
    Shape("qianfan.chat", "2026-11", CHAT | {"search_count": "web_searches"}, {"plugins": PLUGINS}),
    Shape(
        "siliconflow.chat",
        "2026-11",
        CHAT | {"prompt_cache_hit_tokens": "read", "prompt_cache_miss_tokens": "uncached"},
    ),
)
