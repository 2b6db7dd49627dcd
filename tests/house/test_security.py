"""What SECURITY.md promises of the whole package; each sentence there names the test that shows it."""

import ast
import pickle
import re
import subprocess
import sys

from tests.vectors.shared_vectors import ROOT
from tokenbill import Bill, BillingPlan, Period, PerUnit, PriceSchedule, focus
from tokenbill.files import to_csv

PACKAGE = ROOT / "tokenbill"
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
BILLING = """
import os, sys
from tokenbill import *
from tokenbill.serial import dumps, loads

grants = [Grant("paid", 5, "USD", expires="2027-01-01T00:00:00Z")]
prices = PriceSchedule({"calls": Graduated([Tier(100, "0.01"), Tier(None, "0.005")])})
terms = dict(discounts=[Discount.percent(5)], taxes=[Tax("VAT", 19)], cycle=Cycle.monthly(1))
plan = BillingPlan.subscription(20, prices, included={"calls": 10}, **terms)

def bill():
    terms = dict(period=plan.cycle.period(0), at="1970-01-31T00:00:00Z")
    bill = Bill.of(Usage(calls=1234), plan, opening=Account(balance=grants), **terms)
    bill.verify()
    again = loads(dumps(bill))
    return str(again.explain()), again.to_rows(), again.to_html(), again._repr_html_()

bill()  # what is imported on first use, is

class Refusing(dict):
    def __getitem__(self, key): raise AssertionError(f"read the environment: {key}")
    get = __contains__ = __iter__ = __getitem__

TOUCHES = "open", "socket.", "subprocess.", "os.", "exec", "compile", "pickle.", "shutil.", "urllib."
touched = []
def note(event, arguments):
    if event.startswith(TOUCHES):
        touched.append((event, str(arguments)[:80]))
os.environ = os.environb = Refusing()
sys.addaudithook(note)
bill()
print(touched)
open(os.devnull).close()
print(len(touched))
"""


def test_while_billing_nothing_is_opened_started_or_read_from_the_environment():
    command = [sys.executable, "-c", BILLING]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert not run.returncode, run.stderr
    assert run.stdout.split("\n")[:2] == ["[]", "1"]  # the file of the test itself is noticed


FOREIGN = {"pickle", "marshal", "shelve", "yaml", "socket", "urllib.request", "http", "ssl", "logging"}
RUNNING = {"eval", "exec", "compile", "__import__"}


def reached(tree):
    """What a module imports, and which built-in runners of code it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_no_module_runs_what_it_reads_opens_a_connection_or_logs():
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in reached(ast.parse(path.read_text(encoding="utf-8")))
        if name in FOREIGN | RUNNING
    }

    assert found <= {("testing/laws.py", "pickle")}  # it pickles prices, and reads its own bytes


def test_a_module_that_evaluates_is_noticed():
    assert "eval" in reached(ast.parse("def read(text):\n    return eval(text)"))


def test_unpickling_runs_no_validator():
    usual = pickle.dumps(PerUnit("0.10"))
    forged = usual.replace(b"0.10", b"-9.9")

    assert pickle.loads(forged).rate < 0


def test_a_text_cell_is_guarded_in_a_bill_and_not_in_focus():
    plan = BillingPlan.on_demand(PriceSchedule(calls=1))
    bill = Bill.of({"calls": 1}, plan, period=Period("2026-01-01", "2026-02-01"), about={"customer": "=1+1"})

    assert "'=1+1" in to_csv(bill)
    assert ",=1+1," in focus.to_csv(focus.rows(bill, issuer="=1+1"))


def test_every_test_that_the_page_names_is_one():
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", SECURITY)

    assert len(named) >= 15
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"
