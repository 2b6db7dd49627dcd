"""The validator of the FinOps Foundation, run over rows in an environment of its own, without a network.

It exits with 0 though rules fail, skips what it takes for optional, and calls some good files bad; so its
report is read, every criterion is switched on, and what it is known to get wrong is listed here by rule.
"""

import csv
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "REGION_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "VIRTUAL_CURRENCY_SUPPORTED",
)

LOSING_BRANCH = {"InvoiceId-C-004-C"}
"""One of two branches, of which one always fails; what asks for either of them passes."""
PLACEHOLDER = {"ChargeClass-C-000-M", "ChargeClass-C-005-C"}
"""The second pass writes a class that there is not, or rules about ordinary charges would not run."""
VIRTUAL_CURRENCY = {"PricingCurrency-C-000-C", "PricingCurrency-C-003-M"}
"""A virtual currency need not have three capital letters."""
ACCESS_FEE = {"EffectiveCost-C-005-C"}
"""A purchase has no cost of its own only where it covers later charges; a fee for access covers none."""

REGULAR = "Regular"
WAY_OUT = "no validator: set TOKENBILL_FOCUS_VALIDATOR to an environment of Python 3.12 with focus-validator"


class Report(NamedTuple):
    """What one pass found: how many rules passed, and which failed."""

    passed: int
    failed: frozenset[str]


def environment() -> Path | None:
    """The environment that holds the validator, where one is named."""
    named = os.environ.get("TOKENBILL_FOCUS_VALIDATOR")
    return Path(named).absolute() if named else None


def validated(path: Path) -> tuple[Report, Report]:
    """A CSV file in two passes: as it is, and with each charge in a class, so that every rule runs."""
    return report(path), report(shadow_of(path))


def shadow_of(path: Path) -> Path:
    """The same file with a class for each charge."""
    shadow = path.with_name(f"shadow-{path.name}")
    with path.open(newline="") as source, shadow.open("w", newline="") as target:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(target, reader.fieldnames)
        writer.writeheader()
        writer.writerows({**row, "ChargeClass": row["ChargeClass"] or REGULAR} for row in reader)
    return shadow


def report(path: Path) -> Report:
    """What the validator says of one file."""
    place = environment()
    (packages,) = place.glob("lib/python3.*/site-packages")
    command = [
        *offline(),
        str(place / "bin" / "focus-validator"),
        *("--data-file", str(path.absolute())),
        *("--validate-version", "1.2"),
        "--block-download",
        *("--applicability-criteria", ",".join(CRITERIA)),
    ]
    # it opens a table of currencies by a path relative to its own packages
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True, check=False)
    counts = re.search(r"Total: \d+ \| Pass: (\d+) \| Fail: (\d+)", done.stdout)
    failed = frozenset(re.findall(r"^❌ (\S+): FAIL", done.stdout, re.MULTILINE))
    if counts is None or int(counts[2]) != len(failed):
        raise AssertionError(f"the validator did not finish: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    return Report(int(counts[1]), failed)


def offline() -> list[str]:
    """What runs a command without a network, where the system can."""
    if shutil.which("unshare") is None:
        return []
    works = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    return ["unshare", "-rn"] if works else []
