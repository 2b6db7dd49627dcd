"""Rows of logs: the table of kinds, each with what marks its rows and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from tokenbill.payloads.log_agents import claude_code, codex, copilot, droid, gemini_cli, kimi, opencode, qwen
from tokenbill.payloads.log_exports import (
    activity,
    anthropic_batch,
    gemini_batch,
    helicone,
    langfuse,
    openai_batch,
    otel,
    report,
    spend,
)
from tokenbill.payloads.log_pieces import Piece, Reader, State, at_path, instant_of
from tokenbill.payloads.objects import is_object, listed_in, members_of, text_of
from tokenbill.payloads.table import SHAPES
from tokenbill.shared.spans import USAGE

__all__ = ["ROWS", "kind_of", "pieces_of"]

Marked: TypeAlias = "Callable[[dict[str, Any]], bool]"


def _has(*paths: str) -> Marked:
    return lambda row: all(at_path(row, path) is not None for path in paths)


def _any(*paths: str) -> Marked:
    return lambda row: any(at_path(row, path) is not None for path in paths)


def _is_session(row: dict[str, Any]) -> bool:
    """Whether a row is a message of an agent's session, and no event of a stream."""
    return not text_of(row.get("type")).startswith("message_") and _has("message.usage", "message.model")(row)


ROWS: Final[Mapping[str, tuple[Marked, Reader]]] = {
    "openai.batch": (_has("custom_id", "response"), openai_batch),
    "anthropic.batch": (_has("custom_id", "result.type"), anthropic_batch),
    "gemini.batch": (_has("key", "response"), gemini_batch),
    "otel": (_any("resourceSpans", "resource_spans", "attributes"), otel),
    "litellm": (_any("metadata.usage_object", "call_type", "spend"), spend),
    "claude-code": (_is_session, claude_code),
    "codex": (_has("payload"), codex),
    "gemini-cli": (_any("messages", "tokens"), gemini_cli),
    "qwen-code": (_has("usageMetadata"), qwen),
    "opencode": (_has("tokens"), opencode),
    "kimi": (_any("message.payload", "payload", "token_usage", "type"), kimi),
    "droid": (_has("tokenUsage"), droid),
    "copilot": (_has("data"), copilot),
    "langfuse": (_any("usageDetails", "usage_details", "usage", "type"), langfuse),
    "helicone": (_has("prompt_tokens"), helicone),
    "openrouter.activity": (_any("tokens_prompt", "prompt_tokens"), activity),
    "openai.usage": (_any("data", "results"), report("openai.usage")),
    "anthropic.usage": (_any("data", "results"), report("anthropic.usage")),
}
"""How each kind of log marks a row that holds answers, and what reads it."""
ENVELOPES: Final = ("openai.batch", "anthropic.batch")
"""What is opened whatever the kind: a batch holds answers of the shape that was named."""
SIGNS: Final[Mapping[str, Marked]] = {
    "otel": _any("resourceSpans", "resource_spans"),
    "openai.batch": _has("custom_id", "response.body"),
    "anthropic.batch": _has("custom_id", "result.type"),
    "gemini.batch": _has("key", "response.usageMetadata"),
    "litellm": _has("metadata.usage_object"),
    "codex": _any("payload.info.total_token_usage", "payload.info.last_token_usage"),
    "claude-code": _is_session,
    "gemini-cli": _any("messages", "tokens.thoughts"),
    "opencode": _has("tokens.cache"),
    "kimi": _any("message.payload.token_usage", "payload.token_usage", "usage.inputOther"),
    "droid": _has("tokenUsage.cacheReadTokens"),
    "copilot": _any("data.modelMetrics", "data.cacheReadTokens"),
    "langfuse": _any("usageDetails", "usage_details"),
    "helicone": _has("request_created_at", "prompt_tokens"),
    "openrouter.activity": _has("tokens_prompt"),
}
"""What tells each kind where it is not named."""


def kind_of(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The kind of a log by the first row that only it has; None where all are answers as they are."""
    for row in rows:
        members = members_of(row, "row")
        # a report is a list under "data", as many answers are: only what its results count tells it
        for key in ("uncached_input_tokens", "num_model_requests"):
            if any(key in members_of(one, "results") for one in _results(members)):
                return "anthropic.usage" if key.startswith("uncached") else "openai.usage"
        kind = next((kind for kind, marked in SIGNS.items() if marked(members)), None)
        if kind is not None:
            return kind
        if any(isinstance(key, str) and key.startswith(USAGE) for key in _attributes(members)):
            return "otel"
    return None


def _attributes(members: dict[str, Any]) -> Mapping[Any, Any]:
    held = members.get("attributes")
    return members_of(held, "attributes") if is_object(held) else members


def _results(members: dict[str, Any]) -> list[Any]:
    """The results in the buckets of a report."""
    held = members.get("data") if type(members.get("data")) is list else [members]
    buckets = [members_of(one, "data") for one in listed_in(held, "data") if is_object(one)]
    return [
        one
        for bucket in buckets
        if type(bucket.get("results")) is list
        for one in bucket["results"]
        if is_object(one)
    ]


def pieces_of(row: Mapping[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answers of a row; none where it is of another kind, or of a request that failed.

    Raises:
        UnreadableInput: If the row is not of the kind.
    """
    members = members_of(row, "row")
    if kind is not None and kind in ROWS:
        marked, reader = ROWS[kind]
        # every span is read: one that sums up others is told apart by its operation
        if kind == "otel" or marked(members):
            return reader(members, None, state)
        if kind not in SHAPES:
            return []
    for name in ENVELOPES:
        marked, reader = ROWS[name]
        if marked(members):
            return reader(members, kind, state)
    return [Piece(members, kind, at=instant_of(members))]
