#!/usr/bin/env bash
# Instrumentations of Google's SDK count one answer in three ways, and two of them by the call that asked for it.
#
# With opentelemetry-instrumentation-google-genai 1.3b0, openinference-instrumentation-google-genai 1.4.14,
#   opentelemetry-instrumentation-google-generativeai 0.62.4 and google-genai 2.34.0, on CPython 3.11; nothing is sent.
# Expected by most: 100,000 tokens in, 80,000 of them cached, an answer of 100 and 5,000 of thought, 105,100 in all as
#   both calls say, are 100,000 in and 5,100 out, whether generate_content or interactions.create asked for them.
# Seen: so the first and second say for generate_content. For an interaction the first leaves the thought out (100), and
#   the second adds the cached part to what holds it (180,000, and 185,100 in all). The third knows generate_content
#   alone, and tells 100. At 1.25, cached 0.125, and 10.00 a million: 0.086, 0.036 and 0.186.
# Keep the usage that came with the answer; a sum that is not the total which stands beside it is wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet google-genai==2.34.0 opentelemetry-sdk==1.45.2 \
    opentelemetry-instrumentation-google-genai==1.3b0 openinference-instrumentation-google-genai==1.4.14 \
    opentelemetry-instrumentation-google-generativeai==0.62.4
cat >"$folder/spans.py" <<'PY'
import importlib
import sys

import httpx
from google import genai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

module, name, names, expected = sys.argv[1], sys.argv[2], sys.argv[3].split(","), sys.argv[4]
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
getattr(importlib.import_module(module), name)().instrument(tracer_provider=provider)
answer = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP", "index": 0}],
    "modelVersion": "gemini-2.5-pro",
    "usageMetadata": {
        "promptTokenCount": 100_000,
        "cachedContentTokenCount": 80_000,
        "candidatesTokenCount": 100,
        "thoughtsTokenCount": 5_000,
        "totalTokenCount": 105_100,
    },
}
interaction = {
    "id": "interaction",
    "model": "gemini-2.5-pro",
    "status": "completed",
    "created": "2026-11-01T00:00:00Z",
    "updated": "2026-11-01T00:00:01Z",
    "steps": [{"type": "model_output", "content": [{"type": "text", "text": "Yes."}]}],
    "usage": {
        "total_input_tokens": 100_000,
        "total_cached_tokens": 80_000,
        "total_output_tokens": 100,
        "total_thought_tokens": 5_000,
        "total_tokens": 105_100,
    },
}


def respond(request):
    return httpx.Response(200, json=interaction if "interactions" in request.url.path else answer)


transport = httpx.Client(transport=httpx.MockTransport(respond))
client = genai.Client(api_key="none", http_options=genai.types.HttpOptions(httpx_client=transport))
generated = client.models.generate_content(model="gemini-2.5-pro", contents="Is it?")
created = client.interactions.create(model="gemini-2.5-pro", input="Is it?")
assert generated.usage_metadata.total_token_count == created.usage.total_tokens == 105_100
seen = " ".join(":".join(str(span.attributes[key]) for key in names) for span in spans.get_finished_spans())
print(module, seen)
assert seen == expected, seen
PY
spans=("$folder/venv/bin/python" "$folder/spans.py")
otel=gen_ai.usage.input_tokens,gen_ai.usage.output_tokens
openinference=llm.token_count.prompt,llm.token_count.completion,llm.token_count.total
"${spans[@]}" opentelemetry.instrumentation.google_genai GoogleGenAiSdkInstrumentor "$otel" "100000:5100 100000:100"
"${spans[@]}" openinference.instrumentation.google_genai GoogleGenAIInstrumentor "$openinference" \
    "100000:5100:105100 180000:5100:185100"
"${spans[@]}" opentelemetry.instrumentation.google_generativeai GoogleGenerativeAiInstrumentor "$otel" "100000:100"
