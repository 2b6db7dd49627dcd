#!/usr/bin/env bash
# The SDK of CloudEvents forwards a metered amount from one HTTP mode to the other, and it is another value there.
#
# With cloudevents 2.2.0, on CPython 3.11.
# Expected by most: an event that came in structured mode and goes on in binary mode carries the same data: the text
#   "9007199254740993.1", which is text so that no float touches it, or a list of counts by meter.
# Seen: the text loses its quotes on the way, is read as JSON, and is the float 9007199254740994.0 ("0.10" is 0.1); the
#   list arrives as one text with Python's single quotes; a mark true, as data or as an extension, is the text "True".
#   Objects arrive as they were, and so does everything in structured mode.
# Put quantities into an object, or forward in structured mode.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PY'
import json

from cloudevents.core.bindings.http import from_http_event, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat

ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/gateway", "type": "usage", "billable": True}


def forwarded(data, send=to_binary_event):
    came = JSONFormat().read(None, json.dumps(ATTRIBUTES | {"datacontenttype": "application/json", "data": data}))
    arrived = from_http_event(send(came))
    return arrived.get_data(), arrived.get_attributes()["billable"]


counts = [{"meter": "input", "tokens": 100}]
sent = ["9007199254740993.1", "0.10", counts, True, {"tokens": "0.10"}]
seen = [forwarded(data) for data in sent]
print(*seen)
expected = [9007199254740994.0, 0.1, "[{'meter': 'input', 'tokens': 100}]", "True", {"tokens": "0.10"}]
assert seen == [(data, "True") for data in expected], seen
assert [forwarded(data, to_structured_event) for data in sent] == [(data, True) for data in sent]
PY
