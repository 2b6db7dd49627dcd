#!/usr/bin/env bash
# Lines of an invoice print as 0 and their total as 2: a locale's digits are not those of the currency.
#
# With babel 2.19.0 and iso4217 1.16.20260101, on CPython 3.11.
# Expected by most: an amount in a currency's minor units (ISO 4217: two decimals for COP, three for IQD) is
#   shown with them, so that lines add up to their total.
# Seen: 15 currencies have fewer digits in CLDR than in ISO 4217; three lines of 0.50 COP print as 0 each (half
#   to even), and their total of 1.50 as 2. A dinar of Iraq, of 1,000 fils, loses all three.
# Give the digits: format_currency(…, format="¤#,##0.00", currency_digits=False).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet babel==2.19.0 iso4217==1.16.20260101
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from iso4217 import Currency

fewer = {
    each.code
    for each in Currency
    if each.exponent is not None and get_currency_precision(each.code) < each.exponent
}
assert len(fewer) == 15 and {"COP", "HUF", "IDR", "IQD"} <= fewer, fewer
line = Decimal("0.50")
assert format_currency(line, "COP", locale="en_US") == "COP0"
assert format_currency(3 * line, "COP", locale="en_US") == "COP2"
assert format_currency(line, "COP", format="¤#,##0.00", locale="en_US", currency_digits=False) == "COP0.50"
PY
echo "seen: three lines of 0.50 COP print as 0, their total as 2"
