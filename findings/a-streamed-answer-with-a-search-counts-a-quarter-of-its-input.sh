#!/usr/bin/env bash
# Three instrumentations of one SDK read one streamed answer, and the counts on their spans differ.
#
# With opentelemetry-instrumentation-anthropic 0.62.4, opentelemetry-instrumentation-genai-anthropic 1.3b0,
#   openinference-instrumentation-anthropic 3.1.0 and anthropic 2.14.0, on CPython 3.11.
# Expected by most: the usage in a message_delta is the count so far, in place of the earlier one, so an answer that
#   searched the web has 12,000 input tokens and 600 output tokens.
# Seen: the second and the third say so. The first keeps the 3,000 input tokens of message_start, a quarter, and adds
#   its 4 output tokens to the last count: 604. Where two deltas say 300 and 600 it tells 904.
# Bill a stream from its last usage; from spans only where their instrumentation was seen to keep that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet anthropic==2.14.0 opentelemetry-sdk==1.45.2 \
    opentelemetry-instrumentation-anthropic==0.62.4 opentelemetry-instrumentation-genai-anthropic==1.3b0 \
    openinference-instrumentation-anthropic==3.1.0
"$folder/venv/bin/python" - <<'PY'
import json
from importlib import import_module

import httpx2
from anthropic import Anthropic
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

MODEL = "claude-sonnet-4-5"
STARTED = {"input_tokens": 3_000, "output_tokens": 4}
SEARCHED = {"input_tokens": 12_000, "output_tokens": 600, "server_tool_use": {"web_search_requests": 1}}


def streaming(*deltas):
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": MODEL, "usage": STARTED}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    events = [
        {"type": "message_start", "message": message | {"stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Yes."}},
        {"type": "content_block_stop", "index": 0},
        *({"type": "message_delta", "delta": stop, "usage": usage} for usage in deltas),
        {"type": "message_stop"},
    ]
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    reply = httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})
    return httpx2.Client(transport=httpx2.MockTransport(lambda request: reply))


def counted(package, names):
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = import_module(package).AnthropicInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    for deltas in ([SEARCHED], [{"output_tokens": 300}, {"output_tokens": 600}]):
        client = Anthropic(api_key="none", http_client=streaming(*deltas))
        question = {"model": MODEL, "max_tokens": 999, "messages": [{"role": "user", "content": "?"}]}
        assert list(client.messages.create(**question, stream=True))
    instrumentor.uninstrument()
    return [tuple(span.attributes[name] for name in names) for span in spans.get_finished_spans()]


genai = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
first = counted("opentelemetry.instrumentation.anthropic", genai)
second = counted("opentelemetry.instrumentation.genai.anthropic", genai)
third = counted("openinference.instrumentation.anthropic", ("llm.token_count.prompt", "llm.token_count.completion"))
print(first, second, third)
assert first == [(3_000, 604), (3_000, 904)], first
assert second == third == [(12_000, 600), (3_000, 600)], (second, third)
PY
