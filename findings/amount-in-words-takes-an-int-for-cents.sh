#!/usr/bin/env bash
# An amount in words is a hundred times less when it is given as an int.
#
# With num2words 0.5.14, on CPython 3.11.
# Expected by most: 150 and Decimal("150") are the same amount of euros, in words too.
# Seen: the int is read as cents (one euro, fifty cents), the Decimal as euros (one hundred and fifty).
# Whoever writes invoices: give a Decimal, never an int, to to="currency".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet num2words==0.5.14
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal
from num2words import num2words

as_int = num2words(150, to="currency", currency="EUR")
as_decimal = num2words(Decimal("150"), to="currency", currency="EUR")
print(f"int: {as_int}; Decimal: {as_decimal}")
assert as_int == "one euro, fifty cents", as_int
assert as_decimal == "one hundred and fifty euro, zero cents", as_decimal
PYTHON
