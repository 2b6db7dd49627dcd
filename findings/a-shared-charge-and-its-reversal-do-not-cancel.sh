#!/usr/bin/env bash
# A money library splits a charge and its reversal into parts that do not cancel.
#
# With dinero.js 1.9.1 and currency.js 2.0.4 (npm), on Node.
# Expected by most: 0.05 for two teams is 0.03 + 0.02, its credit note is -0.03 - 0.02, and afterwards
#   neither team owes anything; the same where a charge of 1.005 is rounded to cents and taken back.
# Seen: dinero.js splits -0.05 into -0.02 - 0.03, so one team has paid a cent for the other, while both totals
#   are right; currency.js splits both alike, but makes 1.01 of the charge and -1.00 of what takes it back.
# Share a charge once and reverse the parts; and round the amount, not the number with its sign.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit dinero.js@1.9.1 currency.js@2.0.4 >/dev/null
cat >shares.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import Dinero from "dinero.js";
import currency from "currency.js";

const shares = (amount) => Dinero({ amount }).allocate([1, 1]).map((part) => part.getAmount());
const [charge, note] = [shares(5), shares(-5)];
console.log("dinero.js: 0.05 as", charge, "cents, its reversal as", note);
assert.deepStrictEqual(charge, [3, 2]);
assert.deepStrictEqual(note, [-2, -3]);
assert.deepStrictEqual(charge.map((part, place) => part + note[place]), [1, -1]);

const distributed = (amount) => currency(amount).distribute(2).map((part) => part.value);
assert.deepStrictEqual(distributed(0.05), [0.03, 0.02]);
assert.deepStrictEqual(distributed(-0.05), [-0.03, -0.02]);
const [up, down] = [currency("1.005").value, currency("-1.005").value];
console.log("currency.js: 1.005 is", up, "and -1.005 is", down);
assert.deepStrictEqual([up, down], [1.01, -1]);
JAVASCRIPT
node shares.mjs
