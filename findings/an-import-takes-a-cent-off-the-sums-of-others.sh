#!/usr/bin/env bash
# Where a money library is imported, every decimal sum of that thread is cut to 16 digits, and of later threads none.
#
# With fxmoney 0.1.2, on CPython 3.11, without a network: the file of the ECB is a line of it, laid in its cache.
# Expected by most: an import changes nothing for the rest of the program; a cent on 100,000,000,000,000.01, as sums in
#   rial or rupiah are, is 100,000,000,000,000.02, and 2^53 + 1 tokens at 0.25 a million are 2,251,799,813.68524825.
# Seen: 100,000,000,000,000.0 and 2,251,799,813.685248, in whatever module they are added; a thread that starts later
#   still gets both right, so one bill has two totals. To show 17 digits with two decimals raises an error.
# The decimal context belongs to the program: a library takes a context of its own, or works with integers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fxmoney==0.1.2
HOME=$folder "$folder/venv/bin/python" - <<'PY'
import zipfile
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from pathlib import Path

cache = Path.home() / ".fxmoney"
cache.mkdir()
rates = "Date,USD\n2026-11-27,1.1600\n"
(cache / "eurofxref-hist.csv").write_text(rates)
with zipfile.ZipFile(cache / "eurofxref-hist.zip", "w") as held:
    held.writestr("eurofxref-hist.csv", rates)


def sums():
    total = Decimal("100000000000000.01") + Decimal("0.01")
    return str(total), str(Decimal(2**53 + 1) * Decimal("0.00000025"))


right = sums()
import fxmoney  # noqa: E402

seen = sums()
with ThreadPoolExecutor(1) as pool:
    beside = pool.submit(sums).result()
try:
    shown = str(fxmoney.Money("100000000000000.02", "USD"))
except InvalidOperation:
    shown = None
print(right, seen, beside, shown)
assert right == beside == ("100000000000000.02", "2251799813.68524825"), (right, beside)
assert seen == ("100000000000000.0", "2251799813.685248"), seen
assert shown is None, shown
PY
