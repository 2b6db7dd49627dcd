"""Exports: batch outputs, spend logs of gateways, observations, reports of organizations, and spans."""

from __future__ import annotations

from typing import Any, Final

from tokenbill.errors import UnreadableInput
from tokenbill.payloads.answers import id_of
from tokenbill.payloads.log_pieces import Piece, Reader, State, at_path, instant_of, moment, named, shape_by
from tokenbill.payloads.objects import first_of, is_object, listed_in, members_of, text_of
from tokenbill.payloads.table import SHAPES
from tokenbill.shared.spans import USAGE, is_billed

__all__ = [
    "activity",
    "anthropic_batch",
    "gemini_batch",
    "helicone",
    "langfuse",
    "openai_batch",
    "otel",
    "report",
    "spend",
]


def openai_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a row of OpenAI's batch output; a request that failed has none."""
    response = members_of(row["response"], "response")
    body = response.get("body")
    code = response.get("status_code")
    # what failed is not charged, though its row is there
    if row.get("error") is not None or (type(code) is int and code >= 400) or not is_object(body):
        return []
    payload = members_of(body, "body")
    return [Piece(payload, shape_by(kind, payload), variant="batch", at=instant_of(payload))]


def anthropic_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a row of Anthropic's batch results."""
    message = at_path(row, "result.message")
    if not is_object(message):
        return []
    return [Piece(members_of(message, "message"), kind or "anthropic.messages", variant="batch")]


def gemini_batch(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """The answer in a row of Gemini's batch output."""
    if not is_object(row.get("response")):
        return []
    payload = members_of(row["response"], "response")
    return [Piece(payload, kind or "gemini.generate", variant="batch", at=instant_of(payload))]


def spend(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A row of a gateway: its own columns repeat what the object in its metadata says in full."""
    failed = text_of(row.get("status")) == "failure"
    if failed or text_of(row.get("cache_hit")).lower() == "true":
        return []  # what the gateway answered itself, its provider did not charge
    used = at_path(row, "metadata.usage_object")
    if not is_object(used):
        used = {key: row[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens") if key in row}
    labels = named(row.get("model"), row.get("custom_llm_provider"))
    return [
        Piece(
            {"usage": members_of(used, "usage_object")},
            "litellm",
            id_of(row),
            labels,
            moment(row.get("startTime")),
        )
    ]


def langfuse(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """An observation; those that are no generation sum up others."""
    # a trace repeats the tokens of the generations within it
    if text_of(row.get("type")).upper() not in ("GENERATION", "EMBEDDING", ""):
        return [Piece({}, is_summary=True)]
    used = first_of(row, "usageDetails", "usage_details", "usage")
    if not is_object(used) or not members_of(used, "usageDetails"):
        return []
    labels = named(first_of(row, "providedModelName", "model", "internalModel"))
    return [
        Piece({"usage": members_of(used, "usageDetails")}, "langfuse", id_of(row), labels, instant_of(row))
    ]


def helicone(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A request of Helicone's export: its own columns are the counts."""
    keys = SHAPES["helicone"][0].fields
    used = {key: row[key] for key in row if key in keys}
    labels = named(first_of(row, "response_model", "model", "request_model"), row.get("provider"))
    return [Piece({"usage": used}, "helicone", id_of(row), labels, instant_of(row))]


def activity(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
    """A row of OpenRouter's activity: the cells of CSV are text, and an empty one counts nothing."""
    keys = {key for shape in SHAPES["openrouter.activity"] for key in shape.fields}
    used = {key: value for key, value in row.items() if key in keys and value != ""}
    labels = named(first_of(row, "model_permaslug", "model"), row.get("provider_name"))
    return [Piece({"usage": used}, "openrouter.activity", id_of(row), labels, instant_of(row))]


def report(shape: str) -> Reader:
    """What reads the buckets of an organization's usage report, by the shape of its results."""

    def read(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
        pieces = list[Piece]()
        for bucket in listed_in(row["data"], "data") if "data" in row else [row]:
            held = members_of(bucket, "data")
            for one in listed_in(held.get("results"), "results"):
                result = members_of(one, "results")
                free = ("object", "model", "batch", *DIMENSIONS)
                used = {key: value for key, value in result.items() if key not in free}
                # a report says it by row: half the price, under the same model
                batch = "batch" if result.get("batch") is True else ""
                pieces.append(
                    Piece({"usage": used}, shape, None, named(result.get("model")), instant_of(held), batch)
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


def otel(row: dict[str, Any], kind: str | None, state: State) -> list[Piece]:
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
    # two layers of instrumentation make two spans of one answer: its id tells
    name = text_of(attributes.get("gen_ai.response.id")) or (("span", *ids) if all(ids) else None)
    times = [
        moment(first_of(span, *keys))
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
            # a value stands under the name of its type, as in {"intValue": "7"}
            value = next(iter(members_of(value, "value").values()), None)
        flat[text_of(pair.get("key"))] = value
    return flat
