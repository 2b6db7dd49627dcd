#!/usr/bin/env bash
# One library writes an e-invoice of -119.00, as a correction says it; another books it as 119.00 to be paid.
#
# With drafthorse 2025.2.0, nexfin-invoice 0.1.0 and pikepdf 10.18.0, on CPython 3.11.
# Expected by most: a document of type 384 (corrected invoice) or 380 with a total below zero, which EN 16931 allows,
#   is money back, as a credit note (381) of 119.00 is, whose amounts stand above zero.
# Seen: the reader takes the sign off and asks the type alone, so the credit note is 119.00 for the buyer, and both
#   others are -119.00 against the buyer: a month that was corrected costs twice, 238.00 apart from the truth.
# Sign and type say the direction together; send a credit as 381 with amounts above zero, which both readings share.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet drafthorse==2025.2.0 nexfin-invoice==0.1.0 pikepdf==10.18.0
cd "$folder"
venv/bin/python - <<'PY'
from datetime import date
from decimal import Decimal

import pikepdf
from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document
from drafthorse.models.payment import PaymentTerms
from drafthorse.models.tradelines import LineItem
from nexfin_invoice import Config, convert

DAY, HUNDRED = date(2026, 11, 30), Decimal("100.00")


def booked(type_code, sign):
    net, tax_amount = sign * HUNDRED, sign * Decimal("19.00")
    doc = Document()
    doc.context.guideline_parameter.id = "urn:cen.eu:en16931:2017"
    doc.header.id, doc.header.type_code, doc.header.issue_date_time = "1", type_code, DAY
    for party, name in ((doc.trade.agreement.seller, "Seller"), (doc.trade.agreement.buyer, "Buyer")):
        party.name, party.address.country_id = name, "DE"
    doc.trade.settlement.currency_code = "EUR"
    doc.trade.delivery.event.occurrence = DAY
    terms = PaymentTerms()
    terms.due = DAY
    doc.trade.settlement.terms.add(terms)
    line = LineItem()
    line.document.line_id, line.product.name = "1", "tokens"
    line.agreement.net.amount, line.delivery.billed_quantity = HUNDRED, (Decimal(sign), "C62")
    line.settlement.trade_tax.type_code, line.settlement.trade_tax.category_code = "VAT", "S"
    line.settlement.trade_tax.rate_applicable_percent = Decimal(19)
    line.settlement.monetary_summation.total_amount = net
    doc.trade.items.add(line)
    tax = ApplicableTradeTax()
    tax.calculated_amount, tax.basis_amount = tax_amount, net
    tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S", Decimal(19)
    doc.trade.settlement.trade_tax.add(tax)
    sums = doc.trade.settlement.monetary_summation
    sums.line_total, sums.charge_total, sums.allowance_total = net, Decimal(0), Decimal(0)
    sums.tax_basis_total, sums.tax_total = net, (tax_amount, "EUR")
    sums.grand_total = sums.due_amount = net + tax_amount
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.attachments["factur-x.xml"] = doc.serialize(schema="FACTUR-X_EN16931")
        pdf.save("invoice.pdf")
    return convert("invoice.pdf", Config()).invoice.amount


seen = [booked("380", 1), booked("381", 1), booked("384", -1), booked("380", -1)]
print(*seen)
assert seen == [Decimal(-119), Decimal(119), Decimal(-119), Decimal(-119)], seen
PY
