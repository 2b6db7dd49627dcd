#!/usr/bin/env bash
# A money library that is asked for the last known rate of a currency takes 1 for it: 100,000 roubles are 100,000 euros.
#
# With fxmoney 0.1.2, on CPython 3.11, without a network: the file of the ECB is three days of it, laid in its cache.
# Expected by most: to(…, fallback="last") takes the last rate that the ECB gave, whatever the setting for all calls is:
#   117.2010 roubles on 1 March 2022, and 1.9558 leva on 31 December 2025, before Bulgaria took the euro.
# Seen: 853.24 euros where the setting is "last" anyway. Where it is "raise", as a careful program sets it, the error
#   is caught for this call and 1 stands in for the rate: 100,000.00 euros, for roubles and for leva.
# No rate is better than a made-up one; 1 is the rate of a currency to itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fxmoney==0.1.2
HOME=$folder "$folder/venv/bin/python" - <<'PY'
import zipfile
from pathlib import Path

cache = Path.home() / ".fxmoney"
cache.mkdir()
rates = """Date,USD,RUB,BGN
2026-11-27,1.1600,N/A,N/A
2025-12-31,1.1750,N/A,1.9558
2022-03-01,1.1162,117.2010,1.9558
"""
(cache / "eurofxref-hist.csv").write_text(rates)
with zipfile.ZipFile(cache / "eurofxref-hist.zip", "w") as held:
    held.writestr("eurofxref-hist.csv", rates)

import fxmoney  # noqa: E402

roubles, leva = fxmoney.Money("100000.00", "RUB"), fxmoney.Money("100000.00", "BGN")


def euros():
    return [str(money.to("EUR", fallback="last")) for money in (roubles, leva)]


right = euros()
fxmoney.set_fallback_mode("raise")
seen = euros()
print(right, seen)
assert right == ["853.24 EUR", "51129.97 EUR"], right
assert seen == ["100000.00 EUR", "100000.00 EUR"], seen
PY
