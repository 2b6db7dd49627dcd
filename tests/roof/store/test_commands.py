"""`python -m tokenbill store`: what it prints, and how it ends."""

import json

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from tokenbill import BillingPlan, Cycle, Grant, PriceSchedule, Usage, serial
from tokenbill.cli import main
from tokenbill.events import Event
from tokenbill.store import Store


@pytest.fixture
def url(tmp_path):
    found = f"sqlite:///{tmp_path / 'billing.db'}"
    assert main(["store", found, "create"]) == 0
    store = Store(found)
    plan = BillingPlan.subscription("20.00", PriceSchedule(calls="0.50"), cycle=Cycle.monthly())
    store.agree("acme", plan)
    store.grant("acme", Grant("june", "5.00", "USD"))
    store.record([Event("gateway", "r-1", "2026-06-05T00:00:00Z", "acme", Usage(calls=2))])
    store.engine.dispose()
    return found


def said(capsys, *arguments):
    capsys.readouterr()
    code = main(["store", *arguments])
    return code, capsys.readouterr()


def test_a_shell_looks_at_an_account_and_closes_a_period(url, capsys):
    assert "june     5.00  0.00  USD" in said(capsys, url, "balance", "acme")[1].out
    assert "Total: $21.00" in said(capsys, url, "bill", "acme")[1].out
    assert "Total: $21.00" in said(capsys, url, "close", "acme", "--period", "2026-06-01/2026-07-01")[1].out
    exported = said(capsys, url, "export")[1].out
    assert json.loads(exported)["type"] == "Bill"
    assert serial.loads(exported).total == 21
    assert said(capsys, url, "export", "acme")[1].out == exported
    assert said(capsys, url, "verify")[1].out == "1 customers, 1 events and 1 bills agree\n"


def test_what_is_wrong_is_said_on_one_line(url, capsys):
    code, told = said(capsys, url, "balance", "nobody")
    assert (code, told.err.count("\n"), "unknown customer" in told.err) == (1, 1, True)
    assert said(capsys, url, "bill", "acme", "--period", "june")[0] == 2
    assert said(capsys, url, "dance")[0] == 2
    code, told = said(capsys, "nonsense", "verify")
    assert (code, "sqlite:///billing.db" in told.err) == (1, True)
