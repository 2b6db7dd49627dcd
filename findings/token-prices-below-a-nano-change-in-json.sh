#!/usr/bin/env bash
# A price for one token changes on its way through the JSON of a money type.
#
# With stockholm 0.5.7, on CPython 3.11.
# Expected by most: 0.0000000375 USD, written as JSON and read again, is the same price.
# Seen: it comes back as 0.000000038 (1.3 % more), and 0.0000000004 comes back as nothing, though .amount held both.
# Units and nanos, as in google.type.Money, hold nine decimals; prices for single tokens need more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet stockholm==0.5.7
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal
from stockholm import Money

price = Money("0.0000000375", "USD")
again = Money.from_json(price.json())
tiny = Money("0.0000000004", "USD").asdict()
print(price.amount, "->", again.amount, "; 4E-10 ->", tiny)
assert price.amount == Decimal("3.75E-8")
assert again.amount == Decimal("3.8E-8"), again.amount
assert (tiny["units"], tiny["nanos"]) == (0, 0), tiny
PYTHON
