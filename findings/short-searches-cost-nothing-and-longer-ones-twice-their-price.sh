#!/usr/bin/env bash
# A tracker of the AI SDK's costs adds up searches of 24 tokens to nothing, and of 25 to twice their price.
#
# With ai-sdk-cost-calculator 7.1.14 (npm), on Node, and its own price of text-embedding-3-small: 0.02 a million.
# Expected by most: 100,000 searches that embed 24 tokens each cost 0.048, and of 25 tokens 0.050.
# Seen: each call is rounded to a millionth of a dollar before it is added: 0.00000048 is nothing, and 0.0000005 is
#   0.000001. The tracker tells 2,400,000 tokens and a cost of 0; 2,500,000 and 0.10. At half the price, as for a
#   batch, the rounded cost is halved and rounded again, up: it is still 0.10.
# A rounding that shows six digits belongs on what is shown, once; the sum is made of what was not rounded.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit ai-sdk-cost-calculator@7.1.14 >/dev/null
cat >searches.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { createEmbeddingCostTracker } from "ai-sdk-cost-calculator";

const tracked = (tokens, costMultiplier) => {
  const tracker = createEmbeddingCostTracker({ model: "text-embedding-3-small", costMultiplier });
  for (let search = 0; search < 100_000; search++) tracker.addUsage({ tokens });
  return [tracker.getTotalTokens(), Number(tracker.getTotalCost().totalCost.toFixed(6))];
};
const seen = [tracked(24), tracked(25), tracked(25, 0.5)];
console.log(...seen);
assert.deepStrictEqual(seen, [[2_400_000, 0], [2_500_000, 0.1], [2_500_000, 0.1]]);
JAVASCRIPT
node searches.mjs
