#!/usr/bin/env bash
# A library reads an e-invoice, drops the quantity that a price is for, and writes a token at 0.25 euros into the next.
#
# With facturex 0.6.4, and drafthorse 2025.2.0 to write the invoice, on CPython 3.11.
# Expected by most: 4,000,000,000 tokens at 0.25 for 1,000,000 are a line of 1,000.00, read from CII and written as UBL
#   or CII again; and a price of 0.0000025 is itself after both.
# Seen: the price is 0.25 for one, so the library reckons 1,000,000,000.00 and calls the invoice wrong, and both formats
#   that it writes say 0.25, without a quantity beside it, and a line of 1,000.00. The other price is written as 0.00.
# BT-149, the base quantity of a price, is part of the price: divide by it, or refuse what you cannot hold.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet facturex==0.6.4 drafthorse==2025.2.0
"$folder/venv/bin/python" - <<'PY'
import re
from datetime import date
from decimal import Decimal

from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document
from drafthorse.models.tradelines import LineItem
from facturex import parse_bytes, validate, write_cii, write_ubl


def written(price, tokens, basis):
    amount = price * tokens / basis
    vat = amount * Decimal("0.20")
    doc = Document()
    doc.context.guideline_parameter.id = "urn:cen.eu:en16931:2017"
    doc.header.id, doc.header.type_code = "1", "380"
    doc.header.issue_date_time = date(2026, 11, 29)
    for party, name in ((doc.trade.agreement.seller, "Seller"), (doc.trade.agreement.buyer, "Buyer")):
        party.name, party.address.country_id = name, "FR"
    doc.trade.settlement.currency_code = "EUR"
    doc.trade.delivery.event.occurrence = date(2026, 11, 29)
    line = LineItem()
    line.document.line_id, line.product.name = "1", "output tokens"
    line.agreement.net.amount = price
    line.agreement.net.basis_quantity = (Decimal(basis), "C62")
    line.delivery.billed_quantity = (Decimal(tokens), "C62")
    line.settlement.trade_tax.type_code, line.settlement.trade_tax.category_code = "VAT", "S"
    line.settlement.trade_tax.rate_applicable_percent = Decimal(20)
    line.settlement.monetary_summation.total_amount = amount
    doc.trade.items.add(line)
    tax = ApplicableTradeTax()
    tax.calculated_amount, tax.basis_amount = vat, amount
    tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S", Decimal(20)
    doc.trade.settlement.trade_tax.add(tax)
    sums = doc.trade.settlement.monetary_summation
    sums.line_total, sums.charge_total, sums.allowance_total = amount, Decimal(0), Decimal(0)
    sums.tax_basis_total, sums.tax_total = amount, (vat, "EUR")
    sums.grand_total = sums.due_amount = amount + vat
    return doc.serialize(schema="FACTUR-X_EN16931")


def prices(text):
    return re.findall(r"<(?:\w+:)?((?:Price|Charge)Amount|Bas[ei]s?Quantity)\b[^>]*>([^<]+)<", text.decode())


million = written(Decimal("0.25"), 4_000_000_000, 1_000_000)
assert prices(million)[-2:] == [("ChargeAmount", "0.25"), ("BasisQuantity", "1000000")], prices(million)
read = parse_bytes(million)
line = read.lines[0]
wrong = [finding.message for finding in validate(read).findings if "1000000000.00" in finding.message]
single = parse_bytes(written(Decimal("0.0000025"), 400_000_000, 1))
seen = [prices(write(invoice)) for invoice in (read, single) for write in (write_ubl, write_cii)]
print(line.unit_price, line.net_amount, line.computed_net_amount(), wrong, *seen, sep="\n")
assert (line.unit_price, line.net_amount) == (Decimal("0.25"), 1_000), line
assert line.computed_net_amount() == 1_000_000_000 and wrong, line
assert seen[:2] == [[("PriceAmount", "0.25")], [("ChargeAmount", "0.25")]], seen
assert single.lines[0].unit_price == Decimal("0.0000025"), single.lines
assert seen[2:] == [[("PriceAmount", "0.00")], [("ChargeAmount", "0.00")]], seen
PY
