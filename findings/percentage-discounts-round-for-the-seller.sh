#!/usr/bin/env bash
# A discount of 15 % on 9.99 leaves 8.50, not 8.49.
#
# With prices 1.1.1, on CPython 3.11.
# Expected by most: 9.99 less 15 % is 8.4915, so 8.49 is owed.
# Seen: the discount is rounded down to 1.49 unless another rounding is given, so 8.50 is owed.
# A cent for each line, always to one side: round what is owed, or say how the discount rounds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet prices==1.1.1
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import ROUND_HALF_UP, Decimal
from prices import Money, fractional_discount

price = Money(Decimal("9.99"), "USD")
usual = fractional_discount(price, Decimal("0.15"))
half_up = fractional_discount(price, Decimal("0.15"), rounding=ROUND_HALF_UP)
print(usual, half_up)
assert usual.amount == Decimal("8.50"), usual
assert half_up.amount == Decimal("8.49"), half_up
PYTHON
