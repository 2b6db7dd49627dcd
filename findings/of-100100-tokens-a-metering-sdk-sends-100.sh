#!/usr/bin/env bash
# A vendor's metering SDK sends a tenth of a per cent of one maker's input tokens, and no embeddings.
#
# With amberflo-metering-python 3.3.1 and the answers of anthropic 2.14.0 and openai 3.57.0, on CPython 3.11.
# Expected by most: a prompt of 100,100 tokens is metered as 100,100, whoever answers it, cached or not.
# Seen: from a ChatCompletion 100,100; from a Message 100, for its input_tokens stand beside the cache's 80,000 read and
#   20,000 written, not around them, and these are not sent: 0.0003 of 0.0993 at 3.00, 0.30 and 3.75 a million. Of the
#   100,100 tokens of an embedding nothing is sent: the kind is looked for on the list of vectors, not on each of them.
# Whether counts overlap is a fact of each maker's shape: meter every part under its own name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet amberflo-metering-python==3.3.1 anthropic==2.14.0 openai==3.57.0
"$folder/venv/bin/python" - <<'PY'
from anthropic.types import Message
from metering.llms import extract_ingest_messages
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion


def metered(kind, **answer):
    events = extract_ingest_messages(kind.model_validate(answer), "acme", {})
    return {event["meterApiName"]: event["meterValue"] for event in events}


chat = {"prompt_tokens": 100_100, "completion_tokens": 50, "total_tokens": 100_150}
chat |= {"prompt_tokens_details": {"cached_tokens": 80_000}}
message = {"input_tokens": 100, "cache_creation_input_tokens": 20_000, "cache_read_input_tokens": 80_000}
message |= {"output_tokens": 50}
vectors = {"data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "object": "list"}
seen = [
    metered(ChatCompletion, id="c", object="chat.completion", created=1, model="gpt-4o", choices=[], usage=chat),
    metered(
        Message, id="m", type="message", role="assistant", content=[], model="claude-sonnet-4-5",
        stop_reason="end_turn", stop_sequence=None, usage=message,
    ),
    metered(
        CreateEmbeddingResponse, model="text-embedding-3-small",
        usage={"prompt_tokens": 100_100, "total_tokens": 100_100}, **vectors,
    ),
]
print(*seen)
assert seen == [{"input_tokens": 100_100, "output_tokens": 50}, {"input_tokens": 100, "output_tokens": 50}, {}], seen
PY
