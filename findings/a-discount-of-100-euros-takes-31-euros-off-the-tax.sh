#!/usr/bin/env bash
# An e-invoice library takes a discount off the tax base of every rate, so it is taken off twice where two rates are.
#
# With en16931 0.2, on CPython 3.11.
# Expected by most: 100.00 at 21 % and 100.00 at 10 %, less 100.00, bear a tax of 15.50 where the discount is shared,
#   and never less than 10.00 or more than 21.00, on whichever line it falls.
# Seen: 0.00: each base loses the whole discount, so one of 150.00 is a tax of -15.50 on a sale of 50.00. A charge of
#   100.00 for delivery is taxed twice, 62.00 for at most 52.00. With one rate the tax is right.
# Share a discount over the lines before they are taxed; EN 16931 asks for a rate on each discount for this reason.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet en16931==0.2
"$folder/venv/bin/python" - <<'PY'
from en16931 import Invoice, InvoiceLine


def invoice(*rates, **changes):
    bill = Invoice(invoice_id="1", currency="EUR")
    for rate in rates:
        bill.add_line(InvoiceLine(quantity=1, price=100, item_name="use", tax_percent=rate, tax_category="S"))
    for name, amount in changes.items():
        setattr(bill, name, amount)
    return str(bill.tax_amount()), str(bill.total())


plain, one = invoice(0.21, 0.10), invoice(0.21, 0.21, discount_amount=100)
two, more = (invoice(0.21, 0.10, discount_amount=amount) for amount in (100, 150))
delivered = invoice(0.21, 0.10, charge_amount=100)
seen = [plain, one, two, more, delivered]
print(*seen)
assert seen == [("31.00", "231.00"), ("21.00", "121.00"), ("0.00", "100.00"), ("-15.50", "34.50"), ("62.00", "362.00")]
PY
