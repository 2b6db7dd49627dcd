#!/usr/bin/env bash
# An electronic invoice (Factur-X, EN 16931) whose unit is one token is not valid by its writer's own schema.
#
# With drafthorse 2025.2.0, on CPython 3.11.
# Expected by most: 4,000,000,000 tokens at 0.00000025 EUR are a valid line: the price is an xs:decimal.
# Seen: the price is written as 2.5E-7, as Python's str() shows it, which an xs:decimal may not be; the same
#   invoice at 0.0000025 passes. Every model below a euro for a million tokens is beyond the border.
# Say the price for a basis quantity of 1,000,000 tokens, as price lists do: that has no exponent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet drafthorse==2025.2.0
"$folder/venv/bin/python" - <<'PY'
from datetime import date
from decimal import Decimal

from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document
from drafthorse.models.tradelines import LineItem
from lxml.etree import XMLSyntaxError


def invoice(price, tokens, basis=1):
    amount = price * tokens / basis
    tax_amount = amount * Decimal("0.19")
    doc = Document()
    doc.context.guideline_parameter.id = "urn:cen.eu:en16931:2017"
    doc.header.id, doc.header.type_code = "1", "380"
    doc.header.issue_date_time = date(2026, 11, 29)
    for party, name in ((doc.trade.agreement.seller, "Seller"), (doc.trade.agreement.buyer, "Buyer")):
        party.name, party.address.country_id = name, "DE"
    doc.trade.settlement.currency_code = "EUR"
    doc.trade.delivery.event.occurrence = date(2026, 11, 29)
    line = LineItem()
    line.document.line_id, line.product.name = "1", "output tokens"
    line.agreement.net.amount = price
    line.agreement.net.basis_quantity = (Decimal(basis), "C62")
    line.delivery.billed_quantity = (Decimal(tokens), "C62")
    line.settlement.trade_tax.type_code, line.settlement.trade_tax.category_code = "VAT", "S"
    line.settlement.trade_tax.rate_applicable_percent = Decimal(19)
    line.settlement.monetary_summation.total_amount = amount
    doc.trade.items.add(line)
    tax = ApplicableTradeTax()
    tax.calculated_amount, tax.basis_amount = tax_amount, amount
    tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S", Decimal(19)
    doc.trade.settlement.trade_tax.add(tax)
    sums = doc.trade.settlement.monetary_summation
    sums.line_total, sums.charge_total, sums.allowance_total = amount, Decimal(0), Decimal(0)
    sums.tax_basis_total, sums.tax_total = amount, (tax_amount, "EUR")
    sums.grand_total = sums.due_amount = amount + tax_amount
    return doc.serialize(schema="FACTUR-X_EN16931")


assert b"<ram:ChargeAmount>0.0000025<" in invoice(Decimal("0.0000025"), 400_000_000)
assert b"<ram:ChargeAmount>0.25<" in invoice(Decimal("0.25"), 4_000_000_000, 1_000_000)
try:
    invoice(Decimal("0.00000025"), 4_000_000_000)
except XMLSyntaxError as error:
    assert "'2.5E-7' is not a valid value of the atomic type 'xs:decimal'" in str(error), error
else:
    raise SystemExit("the invoice is valid now")
PY
echo "seen: a price of 0.00000025 is written as 2.5E-7, and the schema refuses it"
