#!/usr/bin/env bash
# A guard of budgets prices a model that it does not know as the first one whose name it begins with: 300 times as much.
#
# With llm-cost-guard 0.3.1, on CPython 3.11, without a network: the table that it ships.
# Expected by most: gpt-4.1-nano, sold at 0.10 a million input tokens, is not in the table, which an error says, as it
#   does for gpt-5-nano; and where a name is found by its beginning, the longest one wins.
# Seen: it is gpt-4, at 30.00, so a budget of a dollar is spent by 34,000 tokens that cost a third of a cent. And
#   gpt-4o-mini-transcribe is gpt-4o at 2.50, though gpt-4o-mini at 0.15 is in the table: the first name that fits is
#   taken.
# A dash or a dot makes another model; a price that is guessed from a name should say which name it guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet llm-cost-guard==0.3.1
"$folder/venv/bin/python" - <<'PY'
from llm_cost_guard import CostTracker
from llm_cost_guard.exceptions import PricingNotFoundError

tracker = CostTracker(pricing_update=False)


def cost(model, tokens=1_000_000):
    return round(tracker.record("openai", model, tokens, 0).total_cost, 6)


names = ["gpt-4", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini-transcribe"]
seen = [cost(name) for name in names]
print(dict(zip(names, seen)), cost("gpt-4.1-nano", 34_000))
assert seen == [30.0, 30.0, 2.5, 0.15, 2.5], seen
assert cost("gpt-4.1-nano", 34_000) == 1.02
try:
    unknown = cost("gpt-5-nano")
except PricingNotFoundError:
    unknown = None
assert unknown is None, unknown
PY
