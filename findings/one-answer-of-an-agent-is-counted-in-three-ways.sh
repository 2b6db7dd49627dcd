#!/usr/bin/env bash
# Four readers of a coding agent's log count one answer of 900 output tokens as 906, 3, 3 and 900.
#
# With cc-cost 1.1.0, claude-tokens 0.2.1, claude-code-cost 1.3.1 and coding-agent-cost 0.5.2, on CPython 3.11.
# Expected by most: Claude Code writes a line for each block of an answer, all with the ids and the input of the
#   answer, and with its output so far: 3, 3 and, on the line with a stop_reason, 900. It is one answer of 900.
# Seen: the first adds up the lines, the input too (three times 50,010 tokens), the next two keep the first line, only
#   the last keeps the last one. At 3.00, 3.75, 0.30 and 15.00 a million: 0.1622, 0.0496, 0.0496 and 0.0630.
# Tell lines apart by the answer's id, and take the one that came last: repeats are no copies.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cc-cost==1.1.0 claude-tokens==0.2.1 \
    claude-code-cost==1.3.1 coding-agent-cost==0.5.2
cd "$folder"
venv/bin/python - <<'PY'
import json
from datetime import UTC, date
from pathlib import Path

from agent_cost.readers.claude import read_claude_facts
from cc_cost import analyze_file
from claude_code_cost.analyzer import ClaudeHistoryAnalyzer
from claude_tokens.core import ClaudeCodeSource, collect

FOLDER, DAY = Path("projects"), date(2026, 11, 20)
INPUT = {"input_tokens": 10, "cache_creation_input_tokens": 10_000, "cache_read_input_tokens": 40_000}
THOUGHT, TEXT = {"type": "thinking", "thinking": "Which?", "signature": "s"}, {"type": "text", "text": "I look."}
TOOL = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "a.py"}}

lines = []
for place, (block, output, stop) in enumerate([(THOUGHT, 3, None), (TEXT, 3, None), (TOOL, 900, "tool_use")]):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "content": [block]}
    message |= {"stop_reason": stop, "usage": INPUT | {"output_tokens": output}}
    line = {"type": "assistant", "sessionId": "s1", "uuid": f"u{place}", "requestId": "req_1", "version": "2.1.0"}
    lines.append(json.dumps(line | {"timestamp": f"{DAY}T10:00:0{place}.000Z", "cwd": "/work", "message": message}))
log = FOLDER / "-work" / "session.jsonl"
log.parent.mkdir(parents=True)
log.write_text("\n".join(lines) + "\n")

summed = analyze_file(log)
(first,) = collect([ClaudeCodeSource(FOLDER)], DAY, DAY, UTC)
history = ClaudeHistoryAnalyzer(FOLDER, {"usd_to_cny": 7.0, "display_unit": "USD"}, "en")
history.analyze_directory(FOLDER)
(again,) = history.model_stats.values()
again_input = again.total_input_tokens + again.total_cache_creation_tokens + again.total_cache_read_tokens
facts = {fact.token_kind: fact.tokens for fact in read_claude_facts(FOLDER).facts}
output = facts.pop("output")
seen = [
    (summed.input_tokens + summed.cache_create_tokens + summed.cache_read_tokens, summed.output_tokens),
    (first.input + first.cache_create + first.cache_read, first.output),
    (again_input, again.total_output_tokens),
    (sum(facts.values()), output),
]
print(seen)
assert seen == [(150_030, 906), (50_010, 3), (50_010, 3), (50_010, 900)], seen
PY
