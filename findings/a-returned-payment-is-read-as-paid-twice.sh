#!/usr/bin/env bash
# A reader of bank statements gives a payment that the bank took back the sign of a payment.
#
# With mt-940 5.1.1, and bankfile 0.2.0 to compare, on CPython 3.11.
# Expected by most: in MT940 a line marked RC reverses a credit, so 119.00 that came on one day and went back two days
#   later are 119.00 and -119.00, and a balance of 1,000.00 is 1,000.00 again, as the statement says.
# Seen: 119.00 twice: only the mark D turns a sign, so an invoice whose debit was returned is paid two times over, and
#   the entries are 238.00 apart from the balances beside them. The docstring of its amount says that RC is negative; it
#   is where Options(reversal_sign=True) is asked for. The second reads the mark itself, over the same parser.
# Add the entries to the opening balance, and book nothing until that is the closing balance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mt-940==5.1.1 bankfile==0.2.0
"$folder/venv/bin/python" - <<'PY'
import mt940
from bankfile.mt940_adapter import read_mt940

lines = [
    ":20:STATEMENT",
    ":25:10020030/1234567",
    ":28C:1/1",
    ":60F:C261101EUR1000,00",
    ":61:2611031103C119,00NTRFINVOICE-11//0001",
    ":86:an invoice is paid",
    ":61:2611051105RC119,00NTRFINVOICE-11//0002",
    ":86:and the payment is returned",
    ":62F:C261105EUR1000,00",
]
text = "\r\n".join(lines) + "\r\n"


def amounts(**more):
    return [entry.data["amount"].amount for entry in mt940.parse(text, **more)]


statement = mt940.parse(text)
balances = [statement.data[f"final_{side}_balance"].amount.amount for side in ("opening", "closing")]
seen, asked = amounts(), amounts(options=mt940.Options(reversal_sign=True))
compared = [entry.amount for entry in read_mt940(text.encode()).transactions]
print(balances, seen, asked, compared)
assert balances == [1000, 1000], balances
assert seen == [119, 119], seen
assert asked == compared == [119, -119], (asked, compared)
PY
