"""The real traffic that lies beside the repository: days and tenants of a service, or nothing without it."""

import csv
import os
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

from tokenbill import Usage

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("TOKENBILL_SHARED", ROOT.parent / "shared")) / "data"
REQUESTS = DATA / "genai_requests.csv"
MISSING = f"no traffic at {REQUESTS}; set TOKENBILL_SHARED to the folder that holds data/"

FIRST, DAYS = date(2024, 11, 15), 24
"""The requests are of 24 whole days."""


def requests_by_day():
    """By tenant, by day: calls, and GPU-hours to the second."""
    seconds, calls = defaultdict(Counter), defaultdict(Counter)
    with REQUESTS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["gmt_create"][:10])
            seconds[row["groupId"]][day] += Decimal(row["exec_time_seconds"])
            calls[row["groupId"]][day] += 1
    return {
        tenant: {
            day: Usage(api_calls=calls[tenant][day], gpu_seconds=seconds[tenant][day])
            for day in calls[tenant]
        }
        for tenant in calls
    }


def together(by_tenant):
    """The usage of all tenants by day."""
    total = defaultdict(Usage)
    for by_day in by_tenant.values():
        for day, usage in by_day.items():
            total[day] += usage
    return dict(total)
