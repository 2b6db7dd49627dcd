#!/usr/bin/env bash
# A reader of plain-text ledgers gives the posting without an amount the last amount, not the rest.
#
# With ledger-cli-toolkit 1.8.6, and ledgerkit 1.0.0.dev1 to compare, on CPython 3.11.
# Expected by most: tokens of 100.00 and a tax of 19.00 leave a debt of -119.00 for the one posting whose amount is left
#   out, as Ledger and hledger infer it, so that the transaction balances.
# Seen: -19.00, the last amount with its sign turned; what balanced in the file is 100.00 off in the balances. With two
#   postings, as in its README, both readings are the same.
# A ledger written for it needs every amount; check that the sum of its balances is zero.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# it imports what draws and exports, too, but does not ask for it
"$folder/venv/bin/pip" install --quiet ledger-cli-toolkit==1.8.6 ledgerkit==1.0.0.dev1 \
    matplotlib==3.11.2 openpyxl==3.1.5 pandas==3.1.1 PyYAML==6.0.3
cd "$folder"
cat >bills.journal <<'LEDGER'
2026/11/30 * Invoice of November
    Expenses:Tokens    $100.00
    Expenses:Tax    $19.00
    Liabilities:Provider
LEDGER
venv/bin/python - <<'PY'
from decimal import Decimal

import ledgerkit
from ledger_cli import LedgerParser

parser = LedgerParser("bills.journal")
balances = parser.calculate_balances(parser.parse_transactions())
(transaction,) = ledgerkit.load("bills.journal").transactions
*_, debt = ledgerkit.resolve_elision(transaction)
print(balances, debt.amount)
assert debt.amount.quantity == Decimal("-119.00"), debt
assert balances["Liabilities:Provider"] == {"$": -19.0}, balances
assert sum(account["$"] for account in balances.values()) == 100.0
PY
