#!/usr/bin/env bash
# A peer prices a prompt of 300,000 tokens as if it were short, with the price of long ones in its own table.
#
# With tokencost 0.1.26, on CPython 3.11, without a network: the table that it ships.
# Expected by most: gemini-2.5-pro costs 1.25 a million tokens up to 200,000 and 2.50 for a longer prompt, so
#   300,000 tokens cost 0.75; the table says so, as input_cost_per_token_above_200k_tokens.
# Seen: 0.375, the half. No function of it reads that key.
# A price that depends on the length of the prompt is a price of the request: bill requests, not sums of tokens.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tokencost==0.1.26
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from tokencost import TOKEN_COSTS, calculate_cost_by_tokens

prices = TOKEN_COSTS["gemini-2.5-pro"]
assert prices["input_cost_per_token"] == 1.25e-06
assert prices["input_cost_per_token_above_200k_tokens"] == 2.5e-06
assert calculate_cost_by_tokens(300_000, "gemini-2.5-pro", "input") == Decimal("0.375")
PY
echo "seen: 300,000 tokens cost 0.375 in place of 0.75"
