"""Break the package on purpose, once in each room of the core and each wing, and see that a test fails.

Run it as ``python tools/breaks.py [ROOM ...]``: it copies the package, plants one break after another in the
copy, runs the tests that are to notice, and prints the table of tests/LAWS.md. Exits 1 if one goes unnoticed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Break(NamedTuple):
    """What is planted where, in words too, and the test that is to fail."""

    room: str
    module: str
    before: str
    after: str
    words: str
    test: str


BREAKS = (
    Break(
        "core/base",
        "core/base/inputs.py",
        "if not is_legible(plain):",
        "if False:",
        "names may hold control characters",
        "tests/core/base/test_inputs.py::test_what_is_empty_long_or_hides_other_text_is_no_name",
    ),
    Break(
        "core/money",
        "core/money/rounding.py",
        "by_fraction[: abs(units) - sum(floors)]",
        "by_fraction[:0]",
        "the units left over go to nobody",
        "tests/core/money/test_rounding.py",
    ),
    Break(
        "core/periods",
        "core/periods/period.py",
        "return not is_before(at, self.start) and is_before(at, self.end)",
        "return not is_before(at, self.start) and not is_before(self.end, at)",
        "a period holds its end",
        "tests/core/periods/test_period.py",
    ),
    Break(
        "core/metering",
        "core/metering/meters.py",
        "self.labels.items() <= other.labels.items()",
        "self.labels.items() >= other.labels.items()",
        "a meter includes those with fewer labels",
        "tests/core/metering",
    ),
    Break(
        "core/pricing",
        "core/pricing/tiers.py",
        "form.plus(constant(before))",
        "form",
        "a tier forgets what the tiers below it cost",
        "tests/core/pricing/test_tiers.py",
    ),
    Break(
        "core/credits",
        "core/credits/grants.py",
        'self.expires is not None and not is_before(at, self.expires, "expires", self.id)',
        "self.expires is not None and is_before(self.expires, at)",
        "at the instant of its expiry a grant still pays",
        "tests/core/credits/test_grants.py",
    ),
    Break(
        "core/plans",
        "core/plans/rhythms.py",
        "return is_before(part.start, at) and not is_before(part.end, at)",
        "return is_before(part.start, at) and is_before(at, part.end)",
        "fees in arrears that end with a version are left out",
        "tests/core/plans/test_rhythms.py",
    ),
    Break(
        "core/rating",
        "core/rating/stages.py",
        "left: Number = self.over - self.off",
        "left: Number = self.over",
        "a percentage is passed over",
        "tests/oracle/test_simulator.py::test_the_package_and_the_oracle_bill_the_same_lives",
    ),
    Break(
        "core/billing",
        "core/billing/verification.py",
        'for name in ("total", "due", "draws"):',
        'for name in ("due", "draws"):',
        "`verify` does not compare the total",
        "tests/core/billing/test_bill.py::test_a_stored_total_that_does_not_come_out_is_told",
    ),
    Break(
        "files",
        "files/__init__.py",
        "text if column in NUMBERS else guarded(text)",
        "text",
        "cells that a sheet takes for formulas are written as they are",
        "tests/wings/files/test_files.py::test_no_sheet_runs_a_text_as_a_formula",
    ),
    Break(
        "serial",
        "serial/records.py",
        "if not is_exempt and said != digest_of(held):",
        "if not is_exempt and said is None:",
        "the digest is not compared",
        "tests/wings/serial/test_stored.py::test_an_edited_account_is_refused_or_the_same",
    ),
    Break(
        "events",
        "events/__init__.py",
        "elif before != digest:",
        'elif before == "":',
        "other content under a known id is passed over",
        "tests/wings/events/test_events.py::test_a_conflict_is_found_wherever_it_comes",
    ),
    Break(
        "payloads",
        "payloads/counts.py",
        "plain = type(value) is int and 0 <= value < LIMIT",
        "plain = type(value) is int",
        "a count below zero is read",
        "tests/wings/payloads/test_payloads.py::test_a_number_that_is_no_count_is_refused_wherever_it_stands",
    ),
    Break(
        "catalog",
        "catalog/other_lists.py",
        "MILLION: Final = 1_000_000",
        "MILLION: Final = 1_000",
        "prices for a million tokens are prices for a thousand",
        "tests/wings/catalog/test_price_cases.py",
    ),
    Break(
        "focus",
        "shared/focus/costs.py",
        "return running_differences(ratio(product(total, weight), whole) for weight in weights)",
        "return [*running_differences(ratio(product(total, weight), whole) for weight in weights)][::-1]",
        "parts of a charge change places",
        "tests/wings/focus/test_focus.py",
    ),
    Break(
        "frames",
        "frames/spread.py",
        "parts = parts + Ints((rank < left[row]).astype(np.int64), 1)",
        "parts = parts + Ints((rank < 0).astype(np.int64), 1)",
        "what is left of an amount after the floors goes to nobody",
        "tests/wings/frames/test_questions.py::test_showback_adds_up_to_the_bill",
    ),
    Break(
        "compare",
        "compare/ranking.py",
        "return decimal(difference(self.other, self.one))",
        "return decimal(difference(self.one, self.other))",
        "a line that costs more is told as one that costs less",
        "tests/wings/compare/test_compare.py::test_the_lines_of_a_difference_add_up_to_it",
    ),
    Break(
        "watch",
        "watch/budgets.py",
        "reached = [day for day, spent in of.spent_by_day if spent >= limit]",
        "reached = [day for day, spent in of.spent_by_day if spent > limit]",
        "a threshold that is reached exactly was crossed on no day",
        "tests/wings/watch/test_watch.py::test_days_tell_when_a_threshold_was_crossed",
    ),
    Break(
        "sharing",
        "sharing.py",
        "peaks[tenant] = max(quantities, default=ZERO)",
        "peaks[tenant] = min(quantities, default=ZERO)",
        "the smallest reading weighs",
        "tests/wings/test_sharing.py",
    ),
    Break(
        "testing",
        "testing/laws.py",
        "found.exact == 0 or at_zero",
        "True or at_zero",
        "a price may cost something at zero",
        "tests/wings/test_testing.py",
    ),
)


def main() -> int:
    """Plant each break in a copy; say which tests noticed."""
    asked = set(sys.argv[1:])
    unnoticed = list[str]()
    with TemporaryDirectory() as folder:
        copied = Path(folder)
        for name in ("tokenbill", "tests", "docs", "tools", "benchmarks"):
            copytree(ROOT / name, copied / name, ignore=ignore_patterns("__pycache__"))
        for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.py"), *ROOT.glob("*.md")):
            copy(path, copied)
        print("| room | break | caught by |\n| --- | --- | --- |")
        for each in BREAKS:
            if asked and each.room not in asked:
                continue
            caught = noticed(each, copied)
            print(f"| `{each.room}` | {each.words} | `{caught or 'nothing'}` |", flush=True)
            if not caught:
                unnoticed.append(each.room)
    return bool(unnoticed)


def noticed(each: Break, copied: Path) -> str:
    """The test that failed on the broken copy; nothing if all passed, an error if none could run."""
    module = copied / "tokenbill" / each.module
    text = module.read_text(encoding="utf-8")
    if text.count(each.before) != 1:
        raise SystemExit(f"{each.module} holds {text.count(each.before)} times: {each.before}")
    module.write_text(text.replace(each.before, each.after), encoding="utf-8")
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    surroundings = {**os.environ, "PYTHONPATH": str(copied)}
    run = subprocess.run(
        [*command, each.test], cwd=copied, env=surroundings, capture_output=True, text=True, check=False
    )
    module.write_text(text, encoding="utf-8")
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED ")]
    if run.returncode not in (0, 1) or (run.returncode == 1 and not failed):
        raise SystemExit(run.stdout + run.stderr)
    return failed[0].partition("::")[2].partition(" - ")[0].partition("[")[0] if failed else ""


if __name__ == "__main__":
    raise SystemExit(main())
