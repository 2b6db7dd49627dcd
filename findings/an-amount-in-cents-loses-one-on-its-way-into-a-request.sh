#!/usr/bin/env bash
# A billing engine's client takes an amount in cents that is no whole number, and cuts it to one.
#
# With lago-python-client 1.55.0, on CPython 3.11.
# Expected by most: a fee of 19.99, given as 19.99 * 100 cents, is 1999, or an error says that 1998.9999999999998
#   is no whole number of cents.
# Seen: the request holds 1998, and Decimal("0.99") of a cent is 0; neither says so. Optional[int] of pydantic 1
#   cuts what it is given.
# Round amounts to minor units before they are handed over; tokenbill's totals are whole minor units.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet lago-python-client==1.55.0
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from lago_python_client.models.add_on import AddOn


def sent(amount):
    return AddOn(name="seat", code="seat", amount_cents=amount, amount_currency="USD").dict()["amount_cents"]


assert sent(1999) == 1999
assert sent(19.99 * 100) == 1998, sent(19.99 * 100)
assert sent(Decimal("0.99")) == 0, sent(Decimal("0.99"))
PY
echo "seen: 19.99 * 100 cents are sent as 1998"
