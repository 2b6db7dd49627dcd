#!/usr/bin/env bash
# LangChain splits what was written to a cache by its hours and sets the old name to 0, where its readers find nothing.
#
# With langchain-anthropic 1.7.10, opentelemetry-instrumentation-langchain 0.62.4, langchain-tokonomics 0.1.0, and
#   openinference-instrumentation-langchain 0.1.80 to compare, on CPython 3.11; nothing is sent.
# Expected by most: 100,000 tokens written to a cache are a part of the input of 101,000 in spans, as where the answer
#   does not say for how long they are kept; for an hour, each costs twice a token of input.
# Seen: where it says so, cache_creation is 0 in LangChain's usage, beside ephemeral_1h_input_tokens, and in the spans
#   of the first. The second, whose prices hold the model, looks for OpenAI's names: no call, no cost. The third reads
#   what the provider said, and tells 100,000, but not the hour. With 500 out, at 3.00, 3.75, 6.00 and 15.00 a million,
#   0.6105 are 0.3105, 0.00 and 0.3855.
# A part that is split goes on as a sum under its old name, or every reader of that name is wrong without a sign.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet langchain-anthropic==1.7.10 langchain-core==1.8.3 anthropic==2.14.0 \
    langchain-tokonomics==0.1.0 opentelemetry-instrumentation-langchain==0.62.4 \
    openinference-instrumentation-langchain==0.1.80 opentelemetry-sdk==1.45.2
cat >"$folder/spans.py" <<'PY'
import importlib
import sys

import anthropic
import httpx2
from langchain_anthropic import ChatAnthropic
from langchain_tokonomics import TokonomicsCallbackHandler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

module, name, whole, written, expected = sys.argv[1:]
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
getattr(importlib.import_module(module), name)().instrument(tracer_provider=provider)
tracker = TokonomicsCallbackHandler()
MODEL = "claude-sonnet-4-20250514"
USAGE = {
    "input_tokens": 1_000,
    "cache_creation_input_tokens": 100_000,
    "cache_read_input_tokens": 0,
    "output_tokens": 500,
}
HOUR = {"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 100_000}}


def asked(usage):
    answer = {
        "id": "message",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": "Yes."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
    chat = ChatAnthropic(model=MODEL, api_key="none", max_tokens=1_000)
    chat.__dict__["_client"] = anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport))
    told = chat.invoke("Is it?", config={"callbacks": [tracker]}).usage_metadata
    assert (told["input_tokens"], told["output_tokens"]) == (101_000, 500), told
    return told["input_token_details"]


plain, hour = asked(USAGE), asked(USAGE | HOUR)
seen = " ".join(f"{span.attributes[whole]}:{span.attributes[written]}" for span in spans.get_finished_spans())
print(module, seen, hour, tracker.total_cost)
assert plain["cache_creation"] == hour["ephemeral_1h_input_tokens"] == 100_000, (plain, hour)
assert hour["cache_creation"] == 0, hour
assert seen == expected, seen
assert (tracker.total_cost, tracker.total_tokens) == (0, 0), tracker.summary()
tracker.tracker.record(MODEL, 101_000, 500)
assert round(tracker.total_cost, 4) == 0.3105, tracker.total_cost
PY
"$folder/venv/bin/python" "$folder/spans.py" opentelemetry.instrumentation.langchain LangchainInstrumentor \
    gen_ai.usage.input_tokens gen_ai.usage.cache_creation.input_tokens "101000:100000 101000:0"
"$folder/venv/bin/python" "$folder/spans.py" openinference.instrumentation.langchain LangChainInstrumentor \
    llm.token_count.prompt llm.token_count.prompt_details.cache_write "101000:100000 101000:100000"
