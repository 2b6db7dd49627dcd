#!/usr/bin/env bash
# Two readers of PBS accounting records make 33 minutes and 83 days of one time, and 16 GB and nothing of one size.
#
# With pbsparse 0.2.6 and pbsacct 3.4.6, on CPython 3.11.
# Expected by most: a time is seconds or [[hours:]minutes:]seconds, and a size ends in b, kb, mb, gb or, for words of
#   eight bytes, in w, kw, mw, gw, as pbs_resources(7B) says; 2000, 33:20 and 00:33:20 are 2,000 seconds.
# Seen: the first takes what stands first for hours: 7,200,000 and 120,000 seconds. TORQUE 5.1.2 wrote seconds, says
#   the second, which reads all three. Of 16gb, 17179869184b and 2gw, as users ask for memory, the first reads 16, 0, 0.
# Read a time from its end, and refuse a unit that is not known: a job of no memory is billed for none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pbsparse==0.2.6 pbsacct==3.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
from pbsacct import mem_to_kb, time_to_sec
from pbsparse import PbsRecord


def by_pbsparse(time, size):
    told = f"user=a group=a Resource_List.mem={size} Resource_List.ncpus=4 resources_used.walltime={time}"
    record = PbsRecord(f"11/30/2026 10:00:00;E;7.pbs;{told} start=1796032800 end=1796034800", process=True)
    return record.resources_used["walltime"], record.Resource_List["mem"]


told = [("00:33:20", "16gb"), ("33:20", "17179869184b"), ("2000", "2gw")]
seen = [by_pbsparse(*pair) for pair in told]
compared = [(time_to_sec(time), mem_to_kb(size) / 1024**2) for time, size in told]
print(seen, compared)
assert seen == [(2_000, 16), (120_000, 0), (7_200_000, 0)], seen
assert compared == [(2_000, 16)] * 3, compared
PY
