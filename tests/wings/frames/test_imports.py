"""What billing a frame imports: nothing that the user did not bring."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
import duckdb, polars as pl, pyarrow as pa
from tokenbill import *
from tokenbill.frames import *

vat, prices = Tax("VAT", 19), PriceSchedule({"calls": "0.01", "gpu_s": PerUnit("0.10", per=3600)})
plan = BillingPlan.subscription("20", prices, included={"calls": 1}, minimum=25, taxes=[vat])
asked = {"by": "tenant", "meters": ["calls", "gpu_s"]}
text = "tenant,model,calls,gpu_s,at\\na,x,1,4,2026-11-01T00:00:00Z\\nb,,2e1,5.5,2026-11-02T00:00:00Z\\n"
november = Period("2026-11-01", "2026-12-01")
with TemporaryDirectory() as folder:
    path = Path(folder, "usage.csv")
    path.write_text(text)
    stream(path, plan, time="at", period=november, **asked)
    frame = pl.read_csv(path, schema_overrides={"calls": pl.Decimal(38, 0), "gpu_s": pl.Decimal(38, 1)})
    add_up(path, by="tenant", columns=["calls"])
relation = duckdb.sql("SELECT 'a' AS tenant, 'x' AS model, 3 AS calls, 4 AS gpu_s")
for data in (frame, frame.lazy(), frame.to_arrow(), relation):
    rate(data, plan, **asked)
    rate(data, plan, spread=["model"], **asked)
    rate(data, plan, columns="wide", labels=["model"], **asked)
    totals(data, plan, **asked)
    compare(data, {"a": plan, "b": plan}, **asked)
assert "pandas" not in sys.modules, "pandas"
"""


@pytest.mark.skipif(
    not all(map(find_spec, ("pandas", "polars", "duckdb", "pyarrow"))), reason="pandas, Polars and DuckDB"
)
def test_frames_of_others_do_not_import_pandas():
    """It takes half a second and 50 MiB, and PyArrow imports it where a scalar or an array is made."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
