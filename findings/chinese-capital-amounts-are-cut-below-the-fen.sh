#!/usr/bin/env bash
# Chinese capital amounts, as invoices show them, are cut below the fen, not rounded.
#
# With cn2an 0.5.24, on CPython 3.11.
# Expected by most: 0.999 yuan is one yuan, or is refused.
# Seen: nine jiao nine fen (0.99), without a word; 1.005 loses its half fen, too.
# Words that are a fen below the figures beside them contradict these: round before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cn2an==0.5.24
"$folder/venv/bin/python" - <<'PYTHON'
import cn2an

seen = [cn2an.an2cn(amount, "rmb") for amount in ("0.999", "1.005", "1.009")]
print(seen)
assert seen == ["\u7396\u89d2\u7396\u5206", "\u58f9\u5143\u6574", "\u58f9\u5143\u6574"], seen
PYTHON
