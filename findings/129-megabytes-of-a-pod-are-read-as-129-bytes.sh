#!/usr/bin/env bash
# A parser of Kubernetes' quantities, on which the cost of pods is reckoned, reads 129e6 bytes as 129.
#
# With kubernetes-resource-parser 0.1.0, and k8s-resource-parser 0.2.2 to compare (npm), on Node.
# Expected by most: the five ways in which Kubernetes' own pages write about 129 MB (128974848, 129e6, 129M,
#   128974848000m, 123Mi) are about 129 MB, as the second says, and 1.5Gi is a gibibyte and a half.
# Seen: 129e6 is 129 bytes, 128974848000m is no number, 1.5Gi is one byte and 0.5Gi none. A processor's use of
#   250000000n, as the metrics API tells a quarter of a core, is 250 million cores; the second refuses that.
# A prefix that is read as a number passes every check that asks for a number: match the whole text, or refuse it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit kubernetes-resource-parser@0.1.0 k8s-resource-parser@0.2.2 >/dev/null
cat >pods.cjs <<'JAVASCRIPT'
const assert = require("node:assert");
const { cpuParser, memoryParser } = require("kubernetes-resource-parser");
const other = require("k8s-resource-parser");

const memory = ["128974848", "129e6", "129M", "128974848000m", "123Mi", "1.5Gi", "0.5Gi"];
const [seen, compared] = [memory.map(memoryParser), memory.map(other.memoryParser)];
const cores = cpuParser("250000000n");
console.log(seen, compared, cores);
assert.deepStrictEqual(seen, [128974848, 129, 129000000, NaN, 128974848, 1, 0]);
assert.deepStrictEqual(compared, [128974848, 129000000, 129000000, 128974848, 128974848, 1610612736, 536870912]);
assert.strictEqual(cores, 250000000);
assert.throws(() => other.cpuParser("250000000n"), SyntaxError);
JAVASCRIPT
node pods.cjs
