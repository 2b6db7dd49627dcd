#!/usr/bin/env bash
# A report of coding agents' tokens passes over each log line with a space after "usage":.
#
# With ccusage 20.0.24 (npm, Linux on x64), on Node.
# Expected by most: a line of JSON counts the same however it is spaced; a log that was read, redacted and
#   written again by Python's json.dumps, which spaces so, holds the same use.
# Seen: no day, no token, a cost of -0.0 and exit code 0, where the compact line counts 1,000 tokens.
# Compare the number of lines read with the number of answers before an empty report is believed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit ccusage@20.0.24 >/dev/null
mkdir -p agent/projects/p
report() {
    CLAUDE_CONFIG_DIR=$folder/agent HOME=$folder node node_modules/ccusage/src/cli.js claude daily --json --offline
}
usage='{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":900}'
message='"id":"m1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[]'
for space in "" " "; do
    printf '%s\n' "{\"type\":\"assistant\",\"sessionId\":\"s1\",\"uuid\":\"u1\",\"requestId\":\"r1\",\"version\":\"2.1.0\",\"cwd\":\"/p\",\"timestamp\":\"2026-11-20T10:00:00.000Z\",\"message\":{$message,\"usage\":$space$usage}}" >agent/projects/p/s1.jsonl
    report >"report$space.json"
done
python3 - <<'PYTHON'
import json

compact, spaced = (json.load(open(name)) for name in ("report.json", "report .json"))
print("compact:", compact["totals"])
print("spaced: ", spaced["totals"])
assert compact["totals"]["totalTokens"] == 1000, compact
assert spaced["daily"] == [] and spaced["totals"]["totalTokens"] == 0, spaced
PYTHON
