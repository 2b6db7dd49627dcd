"""Sessions of agents that write code: each keeps its answers in its own place, and some keep running sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenbill.payloads.answers import id_of
from tokenbill.payloads.labels import model_of
from tokenbill.payloads.log_pieces import Piece, State, at_path, instant_of, moment, named
from tokenbill.payloads.objects import first_of, is_object, listed_in, members_of, text_of

__all__ = ["claude_code", "codex", "copilot", "droid", "gemini_cli", "kimi", "opencode", "qwen"]

KIMI_CODE: Final = {
    "inputOther": "input_other",
    "inputCacheRead": "input_cache_read",
    "inputCacheCreation": "input_cache_creation",
}
"""What Kimi Code calls the counts of Kimi's wire log."""


def claude_code(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a message of Claude Code; its message's id tells snapshots apart."""
    message = row.get("message")
    if not is_object(message) or not is_object(members_of(message, "message").get("usage")):
        return []
    payload = members_of(message, "message")
    # What the agent says itself under no model cost nothing.
    if text_of(payload.get("model")) == "<synthetic>":
        return []
    # a snapshot is written for each block of one message, each with the counts so far
    name = id_of(payload) or id_of(row)
    return [Piece(payload, "anthropic.messages", name, at=instant_of(row))]


def codex(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """Counts since the session began, some of them twice; their differences are the answers."""
    held = members_of(row["payload"], "payload") if is_object(row.get("payload")) else {}
    # a session that is resumed begins its sums anew
    if text_of(row.get("type")) == "session_meta":
        state.pop("total", None)
    model = text_of(held.get("model"))
    if model:
        state["model"] = model
    info = held.get("info")
    if text_of(held.get("type")) != "token_count" or not is_object(info):
        return []
    members = members_of(info, "info")
    total, last = members.get("total_token_usage"), members.get("last_token_usage")
    if is_object(total):
        now = members_of(total, "total_token_usage")
        # the same sums are written again where only the rate limits changed
        before, state["total"] = state.get("total"), now
        if before == now:
            return []
        last = _difference(before, now) if before is not None else (last if is_object(last) else now)
    if not is_object(last):
        return []
    return [Piece({"usage": last}, "codex", None, named(state.get("model")), instant_of(row))]


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What was added since; a count that began anew is all new."""
    numbers = {key: value for key, value in now.items() if type(value) is int}
    earlier = {key: value for key, value in before.items() if type(value) is int}
    # the sums began anew without a word, as after a compaction
    if any(numbers[key] < earlier.get(key, 0) for key in numbers):
        return numbers
    return {key: numbers[key] - earlier.get(key, 0) for key in numbers}


def gemini_cli(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answers of a session of Gemini CLI, which keeps them in one document."""
    messages = listed_in(row["messages"], "messages") if "messages" in row else [row]
    pieces = list[Piece]()
    for one in messages:
        message = members_of(one, "messages")
        if is_object(message.get("tokens")):
            name = (
                ("gemini-cli", text_of(row.get("sessionId")), text_of(message.get("id")))
                if message.get("id")
                else None
            )
            payload = {"usage": members_of(message["tokens"], "tokens")}
            pieces.append(
                Piece(payload, "gemini-cli", name, named(message.get("model")), instant_of(message))
            )
    return pieces


def qwen(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a row of Qwen Code, which keeps Gemini's own object."""
    payload = {"usageMetadata": members_of(row["usageMetadata"], "usageMetadata")}
    return [
        Piece(
            payload,
            "gemini.generate",
            id_of(row) or text_of(row.get("uuid")) or None,
            named(model_of(row)),
            instant_of(row),
        )
    ]


def opencode(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a message of opencode."""
    tokens = row.get("tokens")
    if not is_object(tokens):
        return []
    at = moment(at_path(row, "time.created"))
    labels = named(row.get("modelID"), row.get("providerID"))
    return [Piece({"usage": members_of(tokens, "tokens")}, "opencode", id_of(row), labels, at)]


def kimi(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer that a status of Kimi's wire log counts, or a record of use in that of Kimi Code."""
    # Kimi Code repeats the counts at the end of a step; its records alone have each of them once.
    if text_of(row.get("type")) == "usage.record" and is_object(row.get("usage")):
        counts = {KIMI_CODE.get(key, key): n for key, n in members_of(row["usage"], "usage").items()}
        model = text_of(row.get("model")).removeprefix("kimi-code/")
        return [Piece({"usage": counts}, "kimi", None, named(model), moment(row.get("time")))]
    status = at_path(row, "message.payload") if is_object(row.get("message")) else row.get("payload", row)
    held = members_of(status, "payload") if is_object(status) else {}
    if not is_object(held.get("token_usage")):
        return []
    name = text_of(held.get("message_id")) or None
    payload = {"usage": members_of(held["token_usage"], "token_usage")}
    return [Piece(payload, "kimi", name, named(first_of(held, "model") or row.get("model")), instant_of(row))]


def droid(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The sums of a session of Factory's droid."""
    payload = {"usage": members_of(row["tokenUsage"], "tokenUsage")}
    return [
        Piece(
            payload,
            "droid",
            id_of(row) or text_of(row.get("sessionId")) or None,
            named(model_of(row)),
            instant_of(row),
        )
    ]


def copilot(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The counts of each call; the sums by model at the end of a session repeat them."""
    data = members_of(row["data"], "data") if is_object(row.get("data")) else {}
    if text_of(row.get("type")) == "assistant.usage":
        state["calls"] = True
        numbers = {
            key: data[key]
            for key in ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
            if key in data
        }
        return [
            Piece(
                {"usage": numbers},
                "copilot",
                text_of(data.get("apiCallId")) or None,
                named(data.get("model")),
                instant_of(row),
            )
        ]
    metrics = data.get("modelMetrics")
    # the sums of a session hold the calls that were counted one by one
    if not is_object(metrics) or state.get("calls"):
        return []
    each = members_of(metrics, "modelMetrics").items()
    used = [(model, members_of(held, "modelMetrics").get("usage")) for model, held in each]
    return [
        Piece({"usage": members_of(usage, "usage")}, "copilot", None, named(model), instant_of(row))
        for model, usage in used
        if is_object(usage)
    ]
