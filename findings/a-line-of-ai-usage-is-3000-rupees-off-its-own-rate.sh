#!/usr/bin/env bash
# An invoice of AI usage states a rate at which its dollars are not its rupees, and a total in 0.0001 of a rupee.
#
# With ledgrr 0.6.0, on CPython 3.11, without a network: the rates are given with the events.
# Expected by most: calls of 1,000.00 USD at 84 and of 0.01 USD at 90 are 84,000.90 rupees, at a rate of 84.0001, for
#   the code says of the line's rate that it is the weighted average of the period; and an invoice ends at the paisa.
# Seen: the rate is 87, the mean of both calls, so the line is 1,000.01 USD at 87 = 84,000.90, and not 87,000.87. With
#   two small lines more the invoice asks for 99,122.4497 rupees, and so does the payload for the portal of the tax
#   office. The library has functions that round to the paisa, which its invoice does not call.
# The rate of a line is its rupees divided by its dollars, and a total is rounded before anyone is asked for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ledgrr==0.6.0
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from ledgrr.event import BillingEvent
from ledgrr.invoice import InvoiceGenerator
from ledgrr.irp import build_irp_payload
from ledgrr.ledger_sqlite import Ledger
from ledgrr.money import compute_gst, usd_to_inr

ledger = Ledger(":memory:")
calls = [("gpt-4o", "1000", "84"), ("gpt-4o", "0.01", "90"), ("gpt-4o-mini", "0.0123", "84"), ("o3", "0.0017", "84")]
for number, (model, dollars, rate) in enumerate(calls):
    rupees = usd_to_inr(Decimal(dollars), Decimal(rate))
    event = BillingEvent(
        event_id=f"event-{number}",
        idempotency_key=f"key-{number}",
        event_type="inference.completed",
        provider_request_id=f"request-{number}",
        provider="openai",
        model=model,
        customer_id="customer",
        user_id="user",
        billing_period="2026-11",
        input_tokens=1_000,
        output_tokens=10,
        usd_cost=Decimal(dollars),
        fx_rate_snapshot=Decimal(rate),
        fx_snapshot_date="2026-11-01",
        inr_cost=rupees,
        gst_component=compute_gst(rupees),
    )
    ledger.append(event)
seller = InvoiceGenerator(ledger, "Seller", "29AABCL1234A1Z5", "Bangalore", "29")
invoice = seller.generate("customer", "Buyer", "2026-11", customer_gstin="27AAPFU0939F1ZV", customer_state_code="27")
line = invoice.line_items[0]
seen = line.usd_cost, line.fx_rate, line.inr_amount
asked = build_irp_payload(invoice)["ValDtls"]["TotInvVal"]
print(seen, round(line.usd_cost * line.fx_rate, 2), invoice.total_inr, asked)
assert seen == (1000.01, 87.0, 84000.9), seen
assert invoice.total_inr == asked == 99122.4497, (invoice.total_inr, asked)
PY
