#!/usr/bin/env bash
# A library that counts in whole cents, to avoid floats, is two cents off where a product is below zero.
#
# With money-math 2.6.3 (npm), on Node.
# Expected by most: 1.50 hours at 13.37 are 20.055, so 20.06 (or 20.05) is charged, and a credit of as much is -20.06
#   (or -20.05); the tax on a credit of 9.99 at 8.25 %, -0.824175, is -0.82.
# Seen: 20.06 and -20.04; 0.82 and -0.81; and -20.00 for three is -6.65 each. This is no matter of halves: a product
#   is cut towards zero, and a rest of half a cent or more then adds a cent, below zero as above it. So the error
#   comes near to two cents: -1.99 at 1.01, -2.0099, is -1.99.
# Compute with the amount and put the sign on afterwards.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit money-math@2.6.3 >/dev/null
cat >credits.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import money from "money-math";

const seen = [
  money.mul("13.37", "1.50"),
  money.mul("-13.37", "1.50"),
  money.percent("9.99", "8.25"),
  money.percent("-9.99", "8.25"),
  money.div("-20.00", "3.00"),
  money.mul("-1.99", "1.01"),
];
console.log(...seen);
assert.deepStrictEqual(seen, ["20.06", "-20.04", "0.82", "-0.81", "-6.65", "-1.99"]);
JAVASCRIPT
node credits.mjs
