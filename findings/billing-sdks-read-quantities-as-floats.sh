#!/usr/bin/env bash
# Two billing SDKs read the quantities of their own API as floats.
#
# With orb-billing 4.90.0 and metronome-sdk 4.12.0, on CPython 3.11.
# Expected by most: a usage of 9007199254740993 tokens that the server sends is read as that number.
# Seen: both read 9007199254740992.0: the field is a float, and 2^53 + 1 is none.
# Reconcile against their raw JSON, not against their objects, where counts are large or have decimals.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet orb-billing==4.90.0 metronome-sdk==4.12.0
"$folder/venv/bin/python" - <<'PYTHON'
import json

import httpx
from metronome import Metronome
from orb import Orb

TOKENS = 2**53 + 1
WHEN = {"timeframe_start": "2026-01-01T00:00:00Z", "timeframe_end": "2026-01-02T00:00:00Z"}


def answering(body):
    reply = httpx.Response(200, content=json.dumps(body), headers={"content-type": "application/json"})
    return httpx.Client(transport=httpx.MockTransport(lambda request: reply))


usage = {"billable_metric": {"id": "m", "name": "tokens"}, "view_mode": "periodic"}
usage["usage"] = [{"quantity": TOKENS, **WHEN}]
orb = Orb(api_key="none", http_client=answering({"data": [usage]}))
by_orb = orb.subscriptions.fetch_usage("s").data[0].usage[0].quantity

row = {"billable_metric_id": "m", "billable_metric_name": "tokens", "customer_id": "c", "value": TOKENS}
row |= {"start_timestamp": WHEN["timeframe_start"], "end_timestamp": WHEN["timeframe_end"]}
metronome = Metronome(bearer_token="none", http_client=answering({"data": [row], "next_page": None}))
asked = {"starting_on": WHEN["timeframe_start"], "ending_before": WHEN["timeframe_end"], "window_size": "DAY"}
by_metronome = metronome.v1.usage.list(**asked).data[0].value

print(repr(by_orb), repr(by_metronome))
assert type(by_orb) is float and int(by_orb) == 2**53, by_orb
assert type(by_metronome) is float and int(by_metronome) == 2**53, by_metronome
PYTHON
