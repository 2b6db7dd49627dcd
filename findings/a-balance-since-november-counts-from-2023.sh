#!/usr/bin/env bash
# A tool for the balance of Slurm projects takes the date to count from, and counts from 20 February 2023.
#
# With slurm-sbalance 0.2.4, on CPython 3.11; Slurm's commands are small scripts that answer as its manuals say.
# Expected by most: -X takes the usage from the jobs of sacct, since the date of -S ("starting date"): of 1,000,000
#   units a job of November used 100,000, so 900,000 are left; and without -S all jobs count, as in scontrol's sum.
# Seen: sacct is asked for jobs since 2023-02-20T14:30:00, whatever -S says. With a job of 2025 of 600,000 the balance
#   since November is 300,000; and of a job of 150,000 in January 2023, which scontrol has in its 850,000, no unit is in
#   any exact balance. Without -X the tool says 150,000.
# A date in a package is that of its author's machine; compare what you counted with what the scheduler says it charged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet slurm-sbalance==0.2.4
cat >"$folder/slurm" <<'PY'
#!/usr/bin/env python3
import sys
from pathlib import Path

JOBS = [("2023-01-10", 150_000), ("2025-06-01", 600_000), ("2026-11-05", 100_000)]
command, words = Path(sys.argv[0]).name, sys.argv[1:]
used = sum(units for _, units in JOBS)
if command == "sinfo":
    print("slurm 25.05.3")
elif command == "sacctmgr" and "qos" in words:
    print("Name|GrpTRESMins|Flags|Descr\nproject|billing=1000000|NoDecay|the project")
elif command == "sacctmgr":
    print("Account|User|QOS|Def QOS\nproject|user|project|project")
elif command == "scontrol":
    print(f"QOS Records\nQOS=project(1) GrpTRESMins=cpu=N(0),billing=1000000({used}) Account Limits")
elif command == "sacct":
    since = words[words.index("-S") + 1]
    print("JobID|User|Account|QOS|State|AllocTRES|ElapsedRaw|Partition")
    for number, (day, units) in enumerate(JOBS):
        if day >= since[:10]:
            print(f"{number}|user|project|project|COMPLETED|billing=1000,cpu=1000|{units * 60 // 1000}|compute")
PY
chmod +x "$folder/slurm"
for command in sinfo sacctmgr sacct scontrol; do ln -s "$folder/slurm" "$folder/$command"; done
remaining() {
    PATH="$folder:$PATH" "$folder/venv/bin/sbalance" --json "$@" |
        python3 -c 'import json, sys; [row] = json.load(sys.stdin); print(row["su_remaining"])'
}
seen="$(remaining) $(remaining -X) $(remaining -X -S 2026-11-01)"
echo "$seen"
[[ $seen == "150000 300000 300000" ]]
