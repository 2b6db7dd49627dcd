#!/usr/bin/env bash
# A tool for Slurm's credits leaves projects out of its JSON that it shows in its table: those with a limit on GPUs.
#
# With scredits 1.4, on CPython 3.11; sshare is a small script that answers in the form of its manual.
# Expected by most: two projects with 10,000 units, of which 2,500 and 4,000 are used, have 7,500 and 6,000 left, in the
#   table and in the JSON from which a portal (Open OnDemand) shows each user's balance.
# Seen: so says the table. The JSON has the first alone: it looks for billing=10000 at the end of the text, where
#   Slurm writes gres/gpu=500 for the second, which so has a limit of 0, and is passed over without a word.
# Take a field of TRES by its name between commas; a limit that was not found is not a limit of nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scredits==1.4 pandas==2.3.3
cat >"$folder/sshare" <<'SH'
#!/usr/bin/env bash
echo "Account|User|GrpTRESRaw|GrpTRESMins"
echo "climate||cpu=2500,mem=9000,billing=2500,gres/gpu=0|mem=90000,billing=10000"
[[ $1 != -a ]] || echo "climate|ada|cpu=2500,mem=9000,billing=2500,gres/gpu=0|"
echo "vision||cpu=1000,mem=4000,billing=4000,gres/gpu=300|billing=10000,gres/gpu=500"
[[ $1 != -a ]] || echo "vision|bo|cpu=1000,mem=4000,billing=4000,gres/gpu=300|"
SH
chmod +x "$folder/sshare"
export PATH="$folder:$PATH"
table=$("$folder/venv/bin/scredits" | awk -F '|' '/climate|vision/ { print $3 + 0 }' | paste -sd ' ')
json=$("$folder/venv/bin/scredits" --json |
    python3 -c 'import json, sys; print([(b["user"], b["value"]) for b in json.load(sys.stdin)["balances"]])')
echo "$table $json"
[[ $json == "[('ada', 7500)]" ]]
[[ $table == "7500 6000" ]]
