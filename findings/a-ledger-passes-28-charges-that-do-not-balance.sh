#!/usr/bin/env bash
# A plain-text ledger that checks its balance lets token charges of less than half a cent vanish.
#
# With beancount 3.2.3, on CPython 3.11.
# Expected by most: a transaction that posts 0.004 to an expense and 0.00 to cash does not balance, and is an error.
# Seen: 28 of them in a month load without an error, 0.112 in all: the tolerance is half of the last digit written.
# Write charges below a cent with more digits on both sides, or round the month once before it is posted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet beancount==3.2.3
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

from beancount import loader
from beancount.core.data import Transaction

accounts = "2026-02-01 open Assets:Cash USD\n2026-02-01 open Expenses:Tokens USD\n"
days = "".join(
    f'2026-02-{day:02} * "tokens"\n  Expenses:Tokens  0.004 USD\n  Assets:Cash  0.00 USD\n' for day in range(1, 29)
)
entries, errors, _ = loader.load_string(accounts + days)
postings = [posting for entry in entries if isinstance(entry, Transaction) for posting in entry.postings]
total = sum(posting.units.number for posting in postings)
print(len(errors), "errors; all postings together:", total)
assert errors == [] and total == Decimal("0.112"), (errors, total)
PYTHON
