#!/usr/bin/env bash
# A converter to the minor units that payment providers take makes 0 of every refund in dollars.
#
# With zero-decimal-currencies 1.6.0 (npm), on Node.
# Expected by most: 19.99 USD is 1999 and -19.99 USD is -1999, as its own inverse says; and 19.99 yen are 20, for its
#   README says that 100.51 yen are 101.
# Seen: whatever is below a cent is "0", credits of any size among it: -19.99 and -100 in dollars, -15.778 in dinars of
#   Kuwait; only yen keep their sign. 19.99 yen are 19, though 100.51 are 101: the digits that were cut off are
#   looked for by a remainder, which finds others where the amount is short.
# Test a converter of money with its inverse, below zero too; a sign belongs to the amount, not to its size.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit zero-decimal-currencies@1.6.0 >/dev/null
cat >refunds.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const { fromSmallestUnit, toStripeUnit } = require("zero-decimal-currencies");

const charges = [toStripeUnit(19.99, "USD"), toStripeUnit(15.778, "KWD"), toStripeUnit(100.51, "JPY")];
const refunds = [[-19.99, "USD"], [-100, "USD"], [-15.778, "KWD"], [-20, "JPY"]].map((each) => toStripeUnit(...each));
const [inverse, yen] = [fromSmallestUnit(-1999, "USD"), toStripeUnit(19.99, "JPY")];
console.log(charges, refunds, inverse, yen);
assert.deepStrictEqual(charges, ["1999", "15780", "101"]);
assert.deepStrictEqual(refunds, ["0", "0", "0", "-20"]);
assert.strictEqual(inverse, -19.99);
assert.strictEqual(yen, "19");
JAVASCRIPT
node refunds.cjs
