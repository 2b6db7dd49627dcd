#!/usr/bin/env bash
# The code to pay an invoice by says the amount and not the currency, and a credit note asks its reader for -119.00.
#
# With InvoiceGenerator 1.2.0 and the qrplatba 1.2.0 that it fills in, on CPython 3.11.
# Expected by most: the code of an invoice in euros says CC:EUR, which the format (SPAYD) has a field for, as qrplatba
#   writes it when it is told; and a correction of -119.00 has no code, since nobody has to pay.
# Seen: AM:119.00 for 119 euros and AM:121.00 for 121 koruna, each without a currency; what the payer's bank takes it
#   for is left to the bank, and a koruna is about a twenty-fifth of a euro. The correction says AM:-119.00.
# Write the currency beside every amount that leaves the program, and a code for amounts above zero alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet InvoiceGenerator==1.2.0 qrplatba==1.2.0
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from InvoiceGenerator.api import Client, Correction, Creator, Invoice, Item, Provider, QrCodeBuilder
from qrplatba import QRPlatbaGenerator


def code(kind, currency, price, tax):
    seller = Provider("Seller", bank_account="1265098001", bank_code="5500")
    invoice = kind(Client("Buyer"), seller, Creator("Clerk"))
    invoice.currency = currency
    invoice.use_tax = True
    invoice.add_item(Item(1, Decimal(price), tax=Decimal(tax)))
    return QrCodeBuilder(invoice).qr.get_text().split("*")[3:]


seen = [code(Invoice, "EUR", 100, 19), code(Invoice, "CZK", 100, 21), code(Correction, "EUR", -100, 19)]
told = QRPlatbaGenerator("1265098001/5500", amount=Decimal(119), currency="EUR").get_text().split("*")[3:]
print(seen, told)
assert seen == [["AM:119.00"], ["AM:121.00"], ["AM:-119.00"]], seen
assert told == ["AM:119.00", "CC:EUR"], told
PY
