"""Shapes: where each provider's usage object counts what, as one table.

The facts are those of the providers' API references, checked against recorded responses.
A new shape is a new entry here: the reader in ``payloads`` knows no provider by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from attrs import Factory, field, frozen

__all__ = ["MODALITIES", "SHAPES", "TIERS", "VOCABULARIES", "WHOLES", "Listed", "Path", "Shape"]

Path: TypeAlias = "tuple[str, ...]"
"""The keys that lead to a count from the usage object."""

WHOLES: Final = frozenset({"input", "output", "total"})
"""The counts without which nothing is known; all others are parts of these, or calls."""
MODALITIES: Final = ("audio", "image", "video")
"""What is told apart by a label; text carries none."""
VOCABULARIES: Final = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("promptTokenCount", "candidatesTokenCount"),
    ("prompt_token_count", "candidates_token_count"),
    ("inputTokens", "outputTokens"),
)
"""Names of the same two counts: an object with names of two kinds would be billed twice."""
TIERS: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(("auto", "default", "on_demand", "standard", "traffic_type_unspecified")),
    **{tier: tier for tier in ("batch", "fast", "flex", "priority")},
    **{f"on_demand_{tier}": tier for tier in ("flex", "priority")},
    **dict.fromkeys(("provisioned_throughput", "reserved", "scale"), "provisioned"),
}
"""The label ``variant`` of each way of processing; capacity that was paid ahead is ``provisioned``."""


def _groups(shape: Shape) -> frozenset[Path]:
    """The objects within a usage object that hold what the shape knows."""
    known = (*shape.roles, *shape.lists, *shape.tiers, *shape.ignored)
    return frozenset(path[:end] for path in known for end in range(1, len(path)))


@frozen
class Listed:
    """A list of counts, each beside what it counts: ``[{"modality": "AUDIO", "tokenCount": 5}, …]``."""

    label: str
    count: str
    roles: Mapping[str, str]


@frozen
class Shape:
    """One API's usage object: the role of each count, and which parts stand outside their whole.

    Roles are ``input``, ``output`` and ``total``; ``tool`` for input that a tool added; ``read``, ``write``,
    ``uncached`` and ``reasoning``; one of these, a point and a modality or a lifetime, as in ``read.audio``;
    ``predicted.…`` for what is inside the output under two names; else the name of a meter.
    """

    name: str
    roles: Mapping[Path, str]
    lists: Mapping[Path, Listed] = field(factory=dict[Path, Listed])
    tiers: frozenset[Path] = frozenset()
    ignored: frozenset[Path] = frozenset()
    required: tuple[str, ...] = ("input", "output")
    cache_outside: bool = False
    reasoning_outside: bool = False
    total_decides: bool = False  # where reasoning stands, if there is a total
    plain_output: str = "text"
    items: Mapping[str, str] = field(factory=dict[str, str])
    rounds: str | None = None
    groups: frozenset[Path] = field(init=False, default=Factory(_groups, takes_self=True))

    def knows(self, path: Path) -> bool:
        """Whether the table says what stands at a path."""
        tables = (self.roles, self.lists, self.tiers, self.ignored, self.groups)
        return any(path in table for table in tables)


def _paths(text: str) -> frozenset[Path]:
    """Paths out of a text: separated by spaces, their keys by points."""
    return frozenset(tuple(path.split(".")) for path in text.split())


def _roles(**counts: str | dict[str, str]) -> dict[Path, str]:
    """Roles by path; a keyword with a dict is an object with counts."""
    flat = {(key,): role for key, role in counts.items() if isinstance(role, str)}
    nested = {key: roles for key, roles in counts.items() if isinstance(roles, dict)}
    return flat | {
        (key, *path.split(".")): role for key, roles in nested.items() for path, role in roles.items()
    }


def _modalities(role: str, suffix: str = "_tokens") -> dict[str, str]:
    return {f"{modality}{suffix}": f"{role}.{modality}" for modality in ("text", *MODALITIES)}


CACHED = {"cached_tokens": "read", "cache_write_tokens": "write"}
READ = {f"cached_tokens_details.{key}": role for key, role in _modalities("read").items()}
PREDICTED = {f"{end}_prediction_tokens": f"predicted.{end}" for end in ("accepted", "rejected")}
REASONING = {"reasoning_tokens": "reasoning"}
TOTAL = {"total_tokens": "total"}

CHAT = _roles(
    prompt_tokens="input",
    completion_tokens="output",
    **TOTAL,
    prompt_tokens_details={**CACHED, **_modalities("input")},
    completion_tokens_details={**REASONING, **PREDICTED, **_modalities("output")},
)
RESPONSES = _roles(
    input_tokens="input",
    output_tokens="output",
    **TOTAL,
    input_tokens_details=CACHED,
    output_tokens_details=REASONING,
)
REALTIME = _roles(
    input_tokens="input",
    output_tokens="output",
    **TOTAL,
    input_token_details={"cached_tokens": "read", **READ, **_modalities("input")},
    output_token_details={**REASONING, **_modalities("output")},
)
IMAGES = _roles(
    input_tokens="input",
    output_tokens="output",
    **TOTAL,
    input_tokens_details=_modalities("input"),
    output_tokens_details=_modalities("output"),
)
TRANSCRIPTION = _roles(
    input_tokens="input",
    output_tokens="output",
    **TOTAL,
    input_token_details=_modalities("input"),
)
MESSAGES = _roles(
    input_tokens="input",
    output_tokens="output",
    cache_read_input_tokens="read",
    cache_creation_input_tokens="write",
    cache_creation={f"ephemeral_{ttl}_input_tokens": f"write.{ttl}" for ttl in ("5m", "1h")},
    output_tokens_details={"thinking_tokens": "reasoning"},
    server_tool_use={"web_search_requests": "web_searches", "web_fetch_requests": "web_fetches"},
)
CONVERSE = _roles(
    inputTokens="input",
    outputTokens="output",
    totalTokens="total",
    cacheReadInputTokens="read",
    cacheReadInputTokenCount="read",
    cacheWriteInputTokens="write",
    cacheWriteInputTokenCount="write",
)
GEMINI = _roles(
    promptTokenCount="input",
    toolUsePromptTokenCount="tool",
    cachedContentTokenCount="read",
    candidatesTokenCount="output",
    thoughtsTokenCount="reasoning",
    totalTokenCount="total",
)
GEMINI_LISTS = {
    "promptTokensDetails": "input",
    "promptTokenDetails": "input",  # so written by embeddings
    "toolUsePromptTokensDetails": "tool",
    "cacheTokensDetails": "read",
    "candidatesTokensDetails": "output",
}
COHERE = _roles(billed_units={"input_tokens": "input", "output_tokens": "output"})
GROQ_TIMES = _paths("queue_time prompt_time completion_time total_time")
OPENROUTER_COSTS = _paths("cost cost_details is_byok")
OPENROUTER = CHAT | _roles(server_tool_use={"web_search_requests": "web_searches"})
DEEPSEEK = CHAT | _roles(prompt_cache_hit_tokens="read", prompt_cache_miss_tokens="uncached")
MISTRAL = CHAT | _roles(
    num_cached_tokens="read",
    prompt_token_details={"cached_tokens": "read"},
    prompt_audio_seconds="audio_seconds",
)


def _modality_list(role: str, count: str) -> Listed:
    """A list by modality; documents are counted as the text and images that they are made of."""
    texts = dict.fromkeys(("", "TEXT", "DOCUMENT", "MODALITY_UNSPECIFIED"), f"{role}.text")
    return Listed("modality", count, texts | {name.upper(): f"{role}.{name}" for name in MODALITIES})


def _snake(key: str) -> str:
    """A key as Google's Python SDK spells it."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", key)


def _gemini() -> Shape:
    """Gemini's object, in the spelling of its API and in that of its SDK."""
    lists: dict[Path, Listed] = {
        (key,): _modality_list(role, "tokenCount") for key, role in GEMINI_LISTS.items()
    }
    snake = {(_snake(key),): _modality_list(role, "token_count") for key, role in GEMINI_LISTS.items()}
    return Shape(
        "gemini.generate",
        GEMINI | {(_snake(key),): role for (key,), role in GEMINI.items()},
        lists | snake,
        tiers=_paths("trafficType traffic_type serviceTier service_tier"),
        required=(),  # keys are absent where they count 0
        reasoning_outside=True,
    )


_EVERY = (
    Shape("openai.chat", CHAT),
    Shape(
        "openai.responses",
        RESPONSES,
        items={
            "web_search_call": "web_searches",
            "file_search_call": "file_searches",
            "code_interpreter_call": "code_sessions",
        },
    ),
    Shape("openai.realtime", REALTIME),
    Shape("openai.embeddings", _roles(prompt_tokens="input", **TOTAL), required=("input",)),
    Shape("openai.images", IMAGES, plain_output="image"),
    Shape("openai.transcription", TRANSCRIPTION, ignored=_paths("type")),
    Shape(
        "openai.transcription",
        _roles(seconds="audio_seconds"),
        ignored=_paths("type"),
        required=("audio_seconds",),
    ),
    Shape(
        "anthropic.messages",
        MESSAGES,
        tiers=_paths("service_tier speed"),
        ignored=_paths("inference_geo iterations"),
        cache_outside=True,
        rounds="iterations",
    ),
    _gemini(),
    Shape(
        "bedrock.converse",
        CONVERSE,
        {("cacheDetails",): Listed("ttl", "inputTokens", {"5m": "write.5m", "1h": "write.1h"})},
        cache_outside=True,
    ),
    Shape("openrouter.chat", OPENROUTER, ignored=OPENROUTER_COSTS),
    Shape("deepseek.chat", DEEPSEEK),
    Shape("groq.chat", CHAT, ignored=GROQ_TIMES),
    Shape("cerebras.chat", CHAT),
    Shape("mistral.chat", MISTRAL, tiers=_paths("service_tier"), ignored=_paths("request_count")),
    Shape("zai.chat", CHAT),
    Shape("together.chat", CHAT | _roles(cached_tokens="read")),
    Shape(
        "xai.chat",
        CHAT | _roles(num_sources_used="web_searches"),
        ignored=_paths("cost_in_usd_ticks num_server_side_tools_used"),
        total_decides=True,
    ),
    Shape(
        "vertex.openai",
        CHAT,
        tiers=_paths("extra_properties.google.traffic_type"),
        reasoning_outside=True,
        total_decides=True,
    ),
    Shape(
        "cohere.chat",
        COHERE,
        ignored=_paths("tokens cached_tokens api_version warnings"),
    ),
)

SHAPES: Final[Mapping[str, tuple[Shape, ...]]] = {
    name: tuple(shape for shape in _EVERY if shape.name == name)
    for name in dict.fromkeys(shape.name for shape in _EVERY)
}
"""Each shape by its name; a transcription is counted either in tokens or in seconds."""
