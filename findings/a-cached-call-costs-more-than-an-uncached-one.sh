#!/usr/bin/env bash
# A calculator for the AI SDK's usage charges cached input twice: at the full rate and at the cached one.
#
# With tokenlens 1.3.1 (npm), on Node, and its own prices of azure:gpt-4o: 2.50 and, cached, 1.25 a million.
# Expected by most: 1,000,000 tokens of input of which 900,000 were cached cost 0.25 + 1.125 = 1.375, less
#   than the 2.50 of a call without a cache. Both usage objects say that the input includes the cached part.
# Seen: 3.625, more than without a cache.
# Whether counts overlap is a fact of the shape that told them: take the cached part out before it is priced.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit tokenlens@1.3.1 >/dev/null
cat >cost.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { costFromUsage } from "tokenlens";

const cost = (usage) => costFromUsage({ id: "azure:gpt-4o", usage });
const plain = cost({ inputTokens: 1_000_000, outputTokens: 0 });
const sdk = cost({ inputTokens: 1_000_000, cachedInputTokens: 900_000, outputTokens: 0 });
const chat = cost({
  prompt_tokens: 1_000_000,
  completion_tokens: 0,
  prompt_tokens_details: { cached_tokens: 900_000 },
});
console.log({ plain, sdk, chat });
assert.equal(plain, 2.5);
assert.equal(sdk, 3.625);
assert.equal(chat, 3.625);
JAVASCRIPT
node cost.mjs
