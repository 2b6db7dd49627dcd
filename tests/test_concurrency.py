"""Eight processes bill the same accounts at once: on a file of SQLite, and on PostgreSQL where there is a server.

They use the functions that docs/how-to/concurrent-accounts.md shows.
"""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from concurrent_writer import PLANS, WRITERS, connected, openings, page, usage_of

from tokenbill import Bill, Usage

EVENTS = int(os.environ.get("TOKENBILL_EVENTS", "10000"))
WRITER = Path(__file__).with_name("concurrent_writer.py")
ROOT = WRITER.parents[1]


@pytest.fixture(scope="module")
def names():
    return page()


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a server; where there is none, a skip that nobody overlooks."""
    pytest.importorskip("psycopg", reason="POSTGRESQL WAS NOT TESTED: pip install 'psycopg[binary]'")
    from postgresql_server import programs, server

    folder = programs()
    if folder is None:
        pytest.skip("POSTGRESQL WAS NOT TESTED: install a server, or put its initdb and postgres on the PATH")
    with server(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return str(tmp_path / "accounts.db") if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def db(url, names):
    """A connection to tables in which every account is at its beginning."""
    connection = connected(url, names)
    for table in names["TABLES"]:
        connection.execute(f"DROP TABLE IF EXISTS {table.split()[2]}")
        connection.execute(table)
    for customer, account in openings(EVENTS).items():
        connection.execute("INSERT INTO accounts VALUES (?, 0, ?)", [customer, names["written"](account)])
    connection.commit()
    return connection


def write_all(url):
    """Let all writers loose on the accounts, and wait for them."""
    commands = [[sys.executable, str(WRITER), url, str(writer), str(EVENTS)] for writer in range(WRITERS)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for command in commands]
    assert [(writer.communicate()[1].decode(), writer.returncode) for writer in writers] == [("", 0)] * WRITERS


def kept(db, customer):
    """The numbers of the events that were charged, and what their bills came to."""
    rows = db.execute("SELECT event, total, due FROM bills WHERE customer = ?", [customer]).fetchall()
    events = [int(event.removeprefix("queue/")) for event, _, _ in rows]
    return events, sum(Decimal(total) for _, total, _ in rows), sum(Decimal(due) for _, _, due in rows)


def test_eight_writers_lose_no_cent_and_charge_none_twice(url, db, names):
    write_all(url)

    for customer, plan in PLANS.items():
        version, account = names["load"](db, customer)
        events, total, due = kept(db, customer)
        used = sum((usage_of(event)[1] for event in events), Usage())
        at_once = Bill.of(used, plan, opening=openings(EVENTS)[customer], final=False)
        assert (version, account.used) == (len(events), used)
        assert account == at_once.closing
        assert (total, due) == (at_once.total, at_once.due)
        assert account.balance.left ...
