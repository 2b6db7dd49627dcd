"""Many processes on one store, and processes that are killed: on a file of SQLite, and on PostgreSQL."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from tests.roof.store import store_killed, store_writer
from tests.roof.store.store_writer import NOVEMBER, OCTOBER, WRITERS, begin, customers, kind_of, owed
from tokenbill.store import Store

EVENTS = int(os.environ.get("TOKENBILL_STORE_EVENTS", "2000"))
CUSTOMERS = 200 if EVENTS > 10_000 else 40
KILLS = int(os.environ.get("TOKENBILL_STORE_KILLS", "8"))
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a server; where there is none, a skip that nobody overlooks."""
    pytest.importorskip("psycopg", reason="POSTGRESQL WAS NOT TESTED: pip install 'psycopg[binary]'")
    from tests.wings.events.postgresql_server import programs, server

    folder = programs()
    if folder is None:
        pytest.skip("POSTGRESQL WAS NOT TESTED: install a server, or put its initdb on the PATH")
    with server(folder) as url:
        yield url.replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'billing.db'}"
    found = request.getfixturevalue("postgresql")
    store = Store(found)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    store.engine.dispose()
    return found


@pytest.fixture
def store(url):
    made = Store(url)
    yield made
    made.engine.dispose()


def started(module, *arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, module.__file__, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def recorded(store):
    """The events that were charged, by customer and month."""
    found = {}
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT customer, id FROM tokenbill_events").fetchall()
    for customer, id in rows:
        event = store_writer.event(int(id), CUSTOMERS)
        assert event.customer == customer
        found.setdefault((customer, event.time.month), []).append(event)
    assert len({id for _, id in rows}) == len(rows)
    return found


def test_eight_writers_charge_each_event_once_and_every_balance_is_the_sum_of_fractions(store, url, tmp_path):
    begin(store, CUSTOMERS)

    writers = [started(store_writer, url, i, EVENTS, CUSTOMERS, tmp_path) for i in range(WRITERS)]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * WRITERS

    charged = recorded(store)
    ids = {int(each.id) for events in charged.values() for each in events}
    refused = [
        json.loads(line)
        for i in range(WRITERS)
        for line in (tmp_path / f"refused-{i}").read_text().splitlines()
    ]
    assert ids | {int(each["id"]) for each in refused} == set(range(EVENTS))
    for each in refused:
        event = store_writer.event(int(each["id"]), CUSTOMERS)
        assert (each["code"], each["customer"]) == ("balance_exhausted", event.customer)
        assert kind_of(event.customer) in ("broke", "poor")
        assert Decimal(each["short"]) > 0
        if kind_of(event.customer) == "broke":  # it has nothing, and a first event is short of all of it
            assert Fraction(each["short"]) == Fraction(ceil(owed_exactly(event) * 100), 100)
    for customer in customers(CUSTOMERS):
        months = [owed(kind_of(customer), charged.get((customer, month), [])) for month in (10, 11)]
        assert [store.bill(customer, period).total for period in (OCTOBER, NOVEMBER)] == months
        if kind_of(customer) in store_writer.CREDIT:
            left = Decimal(store_writer.CREDIT[kind_of(customer)]) - sum(months)
            assert store.balance(customer).remaining() == left
    assert store.verify().events == len(ids)


def owed_exactly(event):
    calls, seconds = event.usage["calls"], event.usage["gpu_seconds"]
    return Fraction(calls) / 100 + Fraction(seconds) * Fraction(9, 10) / 3600


def test_processes_that_are_killed_lose_nothing_double_nothing_and_leave_nothing_half_done(store, url):
    numbers = random.Random(7)
    store_killed.begin(store)
    killed = 0

    while killed < KILLS:
        with started(store_killed, url) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(numbers.random() * 0.25)
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        verified = store.verify()
        assert verified.events <= store_killed.EVENTS

    with started(store_killed, url) as process:
        assert process.communicate() == ("ready\n", "")
    assert store.verify().events == store_killed.EVENTS
    # 100 calls a customer and month, and the fee of each month
    for customer in store_killed.CUSTOMERS:
        months = [bill.total for bill in store.bills(customer) if not hasattr(bill, "before")]
        assert months == store_killed.TOTALS
