#!/usr/bin/env bash
# Four readers of Slurm's accounting count 2, 3 and no GPUs of a job that held five.
#
# With slurm-job-analyzer 0.1.1, slurm-receipt 0.1.0, jobscope 0.1.1 and slurm2sql 0.9.9, on CPython 3.11.
# Expected by most: a job with gres/gpu:tesla=2 and gres/gpu:volta=3 in its AllocTRES held five GPUs. A cluster whose
#   AccountingStorageTRES names only types, as slurm.conf(5) shows it, writes it without gres/gpu=5.
# Seen: the first takes the first number (2), the second the last (3), the others look for gres/gpu= alone: 0 and
#   nothing. Where gres/gpu=5 stands beside the types the second still says 3, and the first says 2 if it comes last.
# GPU-hours are billed from this field: add the types where there is no sum, and never both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet slurm-job-analyzer==0.1.1 slurm-receipt==0.1.0 jobscope==0.1.1 slurm2sql==0.9.9
cd "$folder"
venv/bin/python - <<'PY'
from pathlib import Path

from jobscope.blob import gpus_from_tres
from slurm2sql import COLUMNS
from slurm_analyze.parse import read_sacct_tsv
from slurm_receipt.sacct import parse_tres


def gpus(held):
    Path("jobs.tsv").write_text(f"JobID\tPartition\tState\tElapsed\tAllocTRES\n1\tgpu\tCOMPLETED\t01:00:00\t{held}\n")
    (job,) = read_sacct_tsv(Path("jobs.tsv"))
    by_sum = gpus_from_tres(held), COLUMNS["_NGpus"].calc({"AllocTRES": held})
    return job.alloc_gpus, parse_tres(held)["gpu_count"], *by_sum


types = "gres/gpu:tesla=2,gres/gpu:volta=3"
written = (types, f"gres/gpu=5,{types}", f"{types},gres/gpu=5")
seen = [gpus(f"billing=64,cpu=64,{each},mem=256G,node=2") for each in written]
print(seen)
assert seen == [(2, 3, 0, None), (5, 3, 5, 5), (2, 3, 5, 5)], seen
PY
