"""Rows of logs: where each tool keeps an answer, its id, its model and its instant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.payloads.answers import id_of
from tokenbill.payloads.counts import label_of
from tokenbill.payloads.labels import model_of
from tokenbill.payloads.objects import first_of, is_object, listed_in, members_of, text_of
from tokenbill.payloads.table import SHAPES
from tokenbill.shared.foreign_data import instant
from tokenbill.shared.spans import USAGE, is_billed

__all__ = ["ROWS", "Piece", "instant_of", "kind_of", "pieces_of"]

State: TypeAlias = "dict[str, Any]"

INSTANTS: Final = (
    *(
        "timestamp",
        "created",
        "created_at",
        "createTime",
        "createdAt",
        "startTime",
        "start_time",
        "starting_at",
    ),
    *("endTime", "end_time", "request_created_at", "date", "time"),
)
SHAPES_BY_OBJECT: Final = {
    "chat.completion": "openai.chat",
    "chat.completion.chunk": "openai.chat",
    "response": "openai.responses",
    "message": "anthropic.messages",
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Piece:
    """What one row says of one answer."""

    payload: dict[str, Any]
    shape: str | None = None
    name: object = None
    labels: dict[str, str] = field(factory=dict[str, str])
    at: datetime | None = None
    variant: str = ""
    is_span: bool = False
    is_summary: bool = False

    def over(self, earlier: Piece) -> Piece:
        """This piece, with what only an earlier one of its answer said."""
        return evolve(self, labels={**earlier.labels, **self.labels}, at=earlier.at or self.at)


def pieces_of(row: Mapping[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answers of a row; none where it is of another kind, or of a request that failed.

    Raises:
        UnreadableInput: If the row is not of the kind.
    """
    members = members_of(row, "row")
    if kind is not None and kind in ROWS:
        marked, reader = ROWS[kind]
        if kind == "otel" or marked(members):
            return reader(members, None, state)
        if kind not in SHAPES:
            return []
    for name in ENVELOPES:
        marked, reader = ROWS[name]
        if marked(members):
            return reader(members, kind, state)
    return [Piece(members, kind, at=instant_of(members))]


def at_path(members: Mapping[str, Any], path: str) -> Any:
    """What stands at a path, or None."""
    held: Any = members
    for key in path.split("."):
        if not is_object(held):
            return None
        held = members_of(held, key).get(key)
    return held


def instant_of(members: Mapping[str, Any]) -> datetime | None:
    """When an answer was given, as far as its row says it."""
    return next((at for key in INSTANTS if (at := _moment(members.get(key))) is not None), None)


def _moment(value: object) -> datetime | None:
    """An instant out of a log: RFC 3339 text, in UTC where it names no zone, or a count since 1970."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal) or (isinstance(value, str) and str.isdecimal(value)):
        number = int(value) if int(value) < 10**20 else 0
        digits = len(str(number))
        # seconds, milliseconds, microseconds and nanoseconds since 1970 do not overlap for centuries
        scale = next(
            (scale for most, scale in ((11, 1), (14, 10**3), (17, 10**6), (20, 10**9)) if digits <= most), 0
        )
        return EPOCH + timedelta(microseconds=number * 10**6 // scale) if scale and number else None
    text = re.sub(r"^(\d{4}-\d\d-\d\d) ", r"\1T", text_of(value))
    for written in (text, f"{text}Z", f"{text}T00:00:00Z"):
        try:
            return instant(written)
        except TokenbillError:
            continue
    return None


def _labels(model: object, provider: object = None) -> dict[str, str]:
    found = {"model": model, "provider": provider}
    return {label: label_of(value, label) for label, value in found.items() if text_of(value)}


def _shape(kind: str | None, payload: Mapping[str, Any]) -> str | None:
    """The shape that was named, or that of the object that the answer says it is."""
    said = text_of(first_of(payload, "object", "type"))
    return kind or SHAPES_BY_OBJECT.get(said)


def _openai_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    response = members_of(row["response"], "response")
    body = response.get("body")
    code = response.get("status_code")
    if row.get("error") is not None or (type(code) is int and code >= 400) or not is_object(body):
        return []
    payload = members_of(body, "body")
    return [Piece(payload, _shape(kind, payload), variant="batch", at=instant_of(payload))]


def _anthropic_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    message = at_path(row, "result.message")
    if not is_object(message):
        return []
    return [Piece(members_of(message, "message"), kind or "anthropic.messages", variant="batch")]


def _gemini_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    if not is_object(row.get("response")):
        return []
    payload = members_of(row["response"], "response")
    return [Piece(payload, kind or "gemini.generate", variant="batch", at=instant_of(payload))]


def _claude_code(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    message = row.get("message")
    if not is_object(message) or not is_object(members_of(message, "message").get("usage")):
        return []
    payload = members_of(message, "message")
    # What the agent says itself under no model cost nothing.
    if text_of(payload.get("model")) == "<synthetic>":
        return []
    name = id_of(payload) or id_of(row)
    return [Piece(payload, "anthropic.messages", name, at=instant_of(row))]


def _codex(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """Counts since the session began, some of them twice; their differences are the answers."""
    held = members_of(row["payload"], "payload") if is_object(row.get("payload")) else {}
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
        before, state["total"] = state.get("total"), now
        if before == now:
            return []
        last = _difference(before, now) if before is not None else (last if is_object(last) else now)
    if not is_object(last):
        return []
    return [Piece({"usage": last}, "codex", None, _labels(state.get("model")), instant_of(row))]


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What was added since; a count that began anew is all new."""
    numbers = {key: value for key, value in now.items() if type(value) is int}
    earlier = {key: value for key, value in before.items() if type(value) is int}
    if any(numbers[key] < earlier.get(key, 0) for key in numbers):
        return numbers
    return {key: numbers[key] - earlier.get(key, 0) for key in numbers}


def _gemini_cli(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
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
                Piece(payload, "gemini-cli", name, _labels(message.get("model")), instant_of(message))
            )
    return pieces


def _qwen(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    payload = {"usageMetadata": members_of(row["usageMetadata"], "usageMetadata")}
    return [
        Piece(
            payload,
            "gemini.generate",
            id_of(row) or text_of(row.get("uuid")) or None,
            _labels(model_of(row)),
            instant_of(row),
        )
    ]


def _opencode(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    tokens = row.get("tokens")
    if not is_object(tokens):
        return []
    at = _moment(at_path(row, "time.created"))
    labels = _labels(row.get("modelID"), row.get("providerID"))
    return [Piece({"usage": members_of(tokens, "tokens")}, "opencode", id_of(row), labels, at)]


def _kimi(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    status = at_path(row, "message.payload") if is_object(row.get("message")) else row.get("payload", row)
    held = members_of(status, "payload") if is_object(status) else {}
    if not is_object(held.get("token_usage")):
        return []
    name = text_of(held.get("message_id")) or None
    payload = {"usage": members_of(held["token_usage"], "token_usage")}
    return [
        Piece(payload, "kimi", name, _labels(first_of(held, "model") or row.get("model")), instant_of(row))
    ]


def _droid(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    payload = {"usage": members_of(row["tokenUsage"], "tokenUsage")}
    return [
        Piece(
            payload,
            "droid",
            id_of(row) or text_of(row.get("sessionId")) or None,
            _labels(model_of(row)),
            instant_of(row),
        )
    ]


def _copilot(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
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
                _labels(data.get("model")),
                instant_of(row),
            )
        ]
    metrics = data.get("modelMetrics")
    if not is_object(metrics) or state.get("calls"):
        return []
    each = members_of(metrics, "modelMetrics").items()
    used = [(model, members_of(held, "modelMetrics").get("usage")) for model, held in each]
    return [
        Piece({"usage": members_of(usage, "usage")}, "copilot", None, _labels(model), instant_of(row))
        for model, usage in used
        if is_object(usage)
    ]


def _spend(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A row of a gateway: its own columns repeat what the object in its metadata says in full."""
    failed = text_of(row.get("status")) == "failure"
    if failed or text_of(row.get("cache_hit")).lower() == "true":
        return []  # what the gateway answered itself, its provider did not charge
    used = at_path(row, "metadata.usage_object")
    if not is_object(used):
        used = {key: row[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens") if key in row}
    labels = _labels(row.get("model"), row.get("custom_llm_provider"))
    return [
        Piece(
            {"usage": members_of(used, "usage_object")},
            "litellm",
            id_of(row),
            labels,
            _moment(row.get("startTime")),
        )
    ]


def _langfuse(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """An observation; those that are no generation sum up others."""
    if text_of(row.get("type")).upper() not in ("GENERATION", "EMBEDDING", ""):
        return [Piece({}, is_summary=True)]
    used = first_of(row, "usageDetails", "usage_details", "usage")
    if not is_object(used) or not members_of(used, "usageDetails"):
        return []
    labels = _labels(first_of(row, "providedModelName", "model", "internalModel"))
    return [
        Piece({"usage": members_of(used, "usageDetails")}, "langfuse", id_of(row), labels, instant_of(row))
    ]


def _helicone(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    keys = SHAPES["helicone"][0].fields
    used = {key: row[key] for key in row if key in keys}
    labels = _labels(first_of(row, "response_model", "model", "request_model"), row.get("provider"))
    return [Piece({"usage": used}, "helicone", id_of(row), labels, instant_of(row))]


def _activity(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A row of OpenRouter's activity: the cells of CSV are text, and an empty one counts nothing."""
    keys = {key for shape in SHAPES["openrouter.activity"] for key in shape.fields}
    used = {key: value for key, value in row.items() if key in keys and value != ""}
    labels = _labels(first_of(row, "model_permaslug", "model"), row.get("provider_name"))
    return [Piece({"usage": used}, "openrouter.activity", id_of(row), labels, instant_of(row))]


def _report(shape: str) -> Reader:
    def read(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
        pieces = list[Piece]()
        for bucket in listed_in(row["data"], "data") if "data" in row else [row]:
            held = members_of(bucket, "data")
            for one in listed_in(held.get("results"), "results"):
                result = members_of(one, "results")
                free = ("object", "model", "batch", *DIMENSIONS)
                used = {key: value for key, value in result.items() if key not in free}
                batch = "batch" if result.get("batch") is True else ""
                pieces.append(
                    Piece({"usage": used}, shape, None, _labels(result.get("model")), instant_of(held), batch)
                )
        return pieces

    return read


DIMENSIONS: Final = (
    *(
        "project_id",
        "user_id",
        "api_key_id",
        "workspace_id",
        "api_source",
        "account_id",
        "service_account_id",
    ),
    *("line_item", "organization_id"),
)


def _otel(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A span: its attributes alone, with what is around them, or many in the envelopes of OTLP."""
    resources = first_of(row, "resourceSpans", "resource_spans")
    if resources is None:
        return _span(row)
    pieces = list[Piece]()
    for resource in listed_in(resources, "resourceSpans"):
        scopes = first_of(
            members_of(resource, "resourceSpans"), "scopeSpans", "scope_spans", "instrumentationLibrarySpans"
        )
        for scope in listed_in(scopes, "scopeSpans"):
            for span in listed_in(members_of(scope, "scopeSpans").get("spans"), "spans"):
                pieces += _span(members_of(span, "spans"))
    return pieces


def _span(span: dict[str, Any]) -> list[Piece]:
    held = span.get("attributes")
    attributes = span if held is None else _flat(held)
    if not any(key.startswith(USAGE) for key in attributes):
        # a span without usage is of another kind where it stands among others, or an error alone
        if held is None:
            raise UnreadableInput("a span without usage", None, f"pass those that have {USAGE}input_tokens")
        return []
    if not is_billed(attributes):
        return [Piece({}, is_summary=True)]
    context = members_of(span["context"], "context") if is_object(span.get("context")) else span
    ids = tuple(
        text_of(first_of(context, *keys)) for keys in (("traceId", "trace_id"), ("spanId", "span_id"))
    )
    name = text_of(attributes.get("gen_ai.response.id")) or (("span", *ids) if all(ids) else None)
    times = [
        _moment(first_of(span, *keys))
        for keys in (("endTimeUnixNano", "end_time"), ("startTimeUnixNano", "start_time"))
    ]
    at = next((time for time in times if time is not None), None)
    return [Piece({"usage": attributes}, "otel", name, at=at, is_span=True)]


def _flat(attributes: object) -> dict[str, Any]:
    """Attributes as a mapping; the protocol writes a list of keys, each with a value of a named kind."""
    if is_object(attributes):
        return members_of(attributes, "attributes")
    flat = dict[str, Any]()
    for one in listed_in(attributes, "attributes"):
        pair = members_of(one, "attributes")
        value = pair.get("value")
        if is_object(value):
            value = next(iter(members_of(value, "value").values()), None)
        flat[text_of(pair.get("key"))] = value
    return flat


Reader: TypeAlias = "Callable[[dict[str, Any], str | None, State], list[Piece]]"
Marked: TypeAlias = "Callable[[dict[str, Any]], bool]"


def _has(*paths: str) -> Marked:
    return lambda row: all(at_path(row, path) is not None for path in paths)


def _any(*paths: str) -> Marked:
    return lambda row: any(at_path(row, path) is not None for path in paths)


def _is_session(row: dict[str, Any]) -> bool:
    """Whether a row is a message of an agent's session, and no event of a stream."""
    return not text_of(row.get("type")).startswith("message_") and _has("message.usage", "message.model")(row)


ROWS: Final[Mapping[str, tuple[Marked, Reader]]] = {
    "openai.batch": (_has("custom_id", "response"), _openai_batch),
    "anthropic.batch": (_has("custom_id", "result.type"), _anthropic_batch),
    "gemini.batch": (_has("key", "response"), _gemini_batch),
    "otel": (_any("resourceSpans", "resource_spans", "attributes"), _otel),
    "litellm": (_any("metadata.usage_object", "call_type", "spend"), _spend),
    "claude-code": (_is_session, _claude_code),
    "codex": (_has("payload"), _codex),
    "gemini-cli": (_any("messages", "tokens"), _gemini_cli),
    "qwen-code": (_has("usageMetadata"), _qwen),
    "opencode": (_has("tokens"), _opencode),
    "kimi": (_any("message.payload", "payload", "token_usage"), _kimi),
    "droid": (_has("tokenUsage"), _droid),
    "copilot": (_has("data"), _copilot),
    "langfuse": (_any("usageDetails", "usage_details", "usage", "type"), _langfuse),
    "helicone": (_has("prompt_tokens"), _helicone),
    "openrouter.activity": (_any("tokens_prompt", "prompt_tokens"), _activity),
    "openai.usage": (_any("data", "results"), _report("openai.usage")),
    "anthropic.usage": (_any("data", "results"), _report("anthropic.usage")),
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
    "kimi": _any("message.payload.token_usage", "payload.token_usage"),
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
