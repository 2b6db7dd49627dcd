#!/usr/bin/env bash
# A tax calculator's net and tax differ from its gross by a cent, for one price in ten at 10 %.
#
# With vatcalc 1.0.0, on CPython 3.11.
# Expected by most: net 0.15 and the tax on it, 10 %, are the gross: 0.02 and 0.17, or 0.01 and 0.16.
# Seen: a tax of 0.02 and a gross of 0.16; a tax of 0.00 and a gross of 0.06 for 0.05. Each is right alone, with
#   halves rounded to even; but where the net is odd, the same half goes up in the one and down in the other. So it
#   is for 1,000 of the prices from 0.01 to 100.00 at 10 %, and for none at 19 % or 20 %.
# Round the tax once, and get the gross by adding.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vatcalc==1.0.0
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

from vatcalc import net_to_gross, vat_amount_from_net

PRICES = [Decimal(cents) / 100 for cents in range(1, 10_001)]


def apart(rate):
    return sum(net + vat_amount_from_net(net, rate) != net_to_gross(net, rate) for net in PRICES)


net, ten = Decimal("0.15"), Decimal(10)
seen = [vat_amount_from_net(net, ten), net_to_gross(net, ten), apart(ten), apart(Decimal(19)), apart(Decimal(20))]
print(*seen)
assert seen == [Decimal("0.02"), Decimal("0.16"), 1_000, 0, 0], seen
PY
