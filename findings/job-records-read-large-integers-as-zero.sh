#!/usr/bin/env bash
# A job scheduler's records read an integer of 2^63 as 0, and sums wrap.
#
# With htcondor 25.14.1 (module classad2), on CPython 3.11.
# Expected by most: 9223372036854775808 is that number, or an error; one more than the largest integer is larger.
# Seen: it is read as 0, and 9223372036854775807 + 1 evaluates to -9223372036854775808, both in silence.
# Bytes or token-like counters that are summed in an expression come out as nothing or below nothing: sum outside.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet htcondor==25.14.1
"$folder/venv/bin/python" - <<'PYTHON'
import classad2

read = classad2.parseOne("Total = 9223372036854775808")["Total"]
added = classad2.ExprTree("9223372036854775807 + 1").eval()
print(read, added)
assert read == 0, read
assert added == -(2**63), added
PYTHON
