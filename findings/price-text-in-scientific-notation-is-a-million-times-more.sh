#!/usr/bin/env bash
# A parser of price texts reads 3e-7 USD as 3 USD.
#
# With price-parser 0.5.1, on CPython 3.11.
# Expected by most: 0.0000003, as price maps of models write the price of a token, or nothing.
# Seen: 3 dollars; and 1.000 KWD, a currency of three decimals, is read as a thousand.
# Prices for tokens come as JSON numbers that print with exponents: read numbers, not texts meant for people.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet price-parser==0.5.1
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

from price_parser import Price

tokens, dinars = Price.fromstring("3e-7 USD"), Price.fromstring("1.000 KWD")
print(tokens.amount, dinars.amount)
assert tokens.amount == Decimal(3), tokens
assert dinars.amount == Decimal(1000), dinars
PYTHON
