#!/usr/bin/env bash
# A VAT library asks for the date of a sale, and charges December 2020 in Germany 19 %, not 16 %.
#
# With pyvat 1.3.18, and duty27-eu-vat 0.1.0 for the rates of each day, on CPython 3.11.
# Expected by most: the date says which rate was in force: 16 % in Germany from July to December 2020, 25.5 % in
#   Finland since September 2024. A credit note of today for an invoice of then returns the tax of then.
# Seen: 19 % and 24 %: a country has one rate, and the date only tells whether a sale is older than 2015. For each
#   100.00 that is credited, three euros of tax are returned that nobody paid.
# Keep the rate with the line that was billed, and reverse it with that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyvat==1.3.18 duty27-eu-vat==0.1.0
"$folder/venv/bin/python" - <<'PY'
from datetime import date
from decimal import Decimal

from duty27_eu_vat import get_standard_rate
from pyvat import ItemType, Party, get_sale_vat_charge


def rates(country, day):
    seller, consumer = Party(country, True), Party(country, False)
    charge = get_sale_vat_charge(day, ItemType.generic_electronic_service, consumer, seller)
    return charge.rate, get_standard_rate(country, day)


seen = [rates("DE", date(2020, 6, 30)), rates("DE", date(2020, 12, 1)), rates("FI", date(2025, 1, 1))]
print(seen)
assert seen == [(19, 19), (19, 16), (24, Decimal("25.5"))], seen
PY
