#!/usr/bin/env bash
# A money library reads 5.01 as five dollars and a cent, and 5.00 as five cents.
#
# With @half0wl/money 1.0.2 (npm), on Node.
# Expected by most: fromString("USD", "5.00") is 500 cents: a text with two decimals is an amount in dollars.
# Seen: 5 cents. The text becomes a number first, and a number without a fraction is taken for cents; so 1200.01 is
#   1,200.01, and 1200.00 is 12.00. Of prices from 0.01 to 100.00, one in a hundred is a hundredth of itself.
# Let the text decide, not the number it becomes: whole prices are the usual ones, and tests like uneven ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @half0wl/money@1.0.2 >/dev/null
cat >prices.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { createRequire } from "node:module";

const { Money } = createRequire(import.meta.url)("@half0wl/money");
const cents = (text) => Money.fromString("USD", text).getAmount();
const seen = ["5.01", "5.00", "1200.01", "1200.00"].map(cents);
console.log(seen, Money.fromString("USD", "1200.00").toLocaleString());
assert.deepStrictEqual(seen, [501, 5, 120001, 1200]);
const prices = Array.from({ length: 10_000 }, (_, place) => place + 1);
const wrong = prices.filter((price) => cents((price / 100).toFixed(2)) !== price);
assert.deepStrictEqual(wrong, prices.filter((price) => price % 100 === 0));
JAVASCRIPT
node prices.mjs
