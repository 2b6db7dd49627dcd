#!/usr/bin/env bash
# A money library prints -100.00 in Norwegian, reads its own text back, and gets 100.00.
#
# With @dintero/money 1.1.12 (npm), on Node.
# Expected by most: fromLocaleString undoes toLocaleString, as its README shows with 5,50, for credits too.
# Seen: Norwegian, Swedish, Finnish and Estonian write U+2212 for the minus; all but digits, "-" and the decimal sign
#   is taken out before the text is read, so the sign is lost, and a charge and its credit add up to twice the charge.
#   Danish, German and English write "-", and are right.
# Send amounts as numbers in minor units or plain decimal text; what is printed for people is not for reading back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @dintero/money@1.1.12 >/dev/null
cat >credit.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { createRequire } from "node:module";

const { Money } = createRequire(import.meta.url)("@dintero/money");
const again = (amount, locale) =>
  Money.fromLocaleString(Money.of(amount, "NOK").toLocaleString(locale), "NOK", locale).toString();
const charge = again("5.50", "no-NB");
const seen = ["nb-NO", "sv-SE", "fi-FI", "et-EE", "da-DK", "de-DE", "en-GB"].map((locale) => again("-100.00", locale));
console.log(charge, ...seen);
assert.equal(charge, "5.50");
assert.deepStrictEqual(seen, ["100.00", "100.00", "100.00", "100.00", "-100.00", "-100.00", "-100.00"]);
JAVASCRIPT
node credit.mjs
