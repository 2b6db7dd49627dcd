"""Eight processes bill the same accounts at once: on a file of SQLite, and on PostgreSQL where it runs.

They use the functions that docs/how-to/concurrent-accounts.md shows.
"""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.wings.events.concurrent_writer import (
    WRITERS,
    connected,
    customer_of,
    openings,
    page,
    plan_of,
    usage_of,
)
from tokenbill import Account, Balance, Bill, Currency, Grant, Period, Usage

EVENTS = int(os.environ.get("TOKENBILL_EVENTS", "1000"))
WRITER = Path(__file__).with_name("concurrent_writer.py")
ROOT = WRITER.parents[3]


@pytest.fixture(scope="module")
def names():
    return page()


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a server; where there is none, a skip that nobody overlooks."""
    pytest.importorskip("psycopg", reason="POSTGRESQL WAS NOT TESTED: pip install 'psycopg[binary]'")
    from tests.wings.events.postgresql_server import programs, server

    folder = programs()
    if folder is None:
        pytest.skip("POSTGRESQL WAS NOT TESTED: install a server, or put its initdb on the PATH")
    with server(folder) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return str(tmp_path_factory.mktemp("sqlite") / "accounts.db")


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
    yield connection
    connection.close()


def let_all_write(url):
    """Start all writers, and wait for them."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, str(WRITER), url, str(writer), str(EVENTS)] for writer in range(WRITERS)]
    writers = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for command in commands
    ]
    ended = [(writer.communicate()[1], writer.returncode) for writer in writers]
    assert ended == [("", 0)] * WRITERS


def kept(db, customer):
    """The numbers of the events that were charged, and what their bills came to and left to pay."""
    rows = db.execute("SELECT event, total, due FROM bills WHERE customer = ?", [customer]).fetchall()
    events = sorted(int(event.removeprefix("queue/")) for event, _, _ in rows)
    return events, sum(Decimal(row[1]) for row in rows), sum(Decimal(row[2]) for row in rows)


@pytest.mark.slow
def test_eight_writers_lose_no_cent_and_charge_none_twice(url, db, names):
    let_all_write(url)

    for customer, opening in openings(EVENTS).items():
        events, total, due = kept(db, customer)
        used = sum(map(usage_of, events), Usage())
        at_once = Bill.of(used, plan_of(customer), opening=opening, final=False)
        assert names["load"](db, customer) == (len(events), at_once.closing)
        assert (total, due) == (at_once.total, at_once.due)
        if customer.startswith("refused"):  # its calls cost a cent each, served while the balance lasts
            assert (total, len(events)) == (opening.balance.remaining(), total * 100)
        else:
            assert events == [event for event in range(EVENTS) if customer_of(event) == customer]


class PowerCut(Exception):
    pass


class Doomed:
    """A connection whose process dies instead of committing."""

    def __init__(self, connection):
        self.execute, self.close = connection.execute, connection.close

    def commit(self):
        raise PowerCut


def test_an_account_is_the_same_after_it_was_stored_as_text(names):
    start, end = "2026-03-01T00:00:00-05:00[America/New_York]", "2026-04-01T00:00:00-04:00[America/New_York]"
    grants = [
        Grant("a", "5.00", "USD", start, end, priority=-1, kind="promotional", on=("fee", "a{b=c}")),
        Grant("b", 1000, Currency("TOKEN", places=0), rollover=(5, None), created=start),
    ]
    balance = Balance(grants, ("scoped", "id"), draws={"a": "0.10"}, rolled_over={"b": 7}, forfeited={"b": 3})
    used = {"calls{x=y}": "0.00000001"}
    account = Account(Period(start, end), "terms", used, "0.10", {"a": "0.10"}, balance, -2)

    again = names["read"](names["written"](account))

    assert again == account
    assert str(again.period) == str(account.period)  # the zone, which equality does not see


def test_a_writer_that_dies_before_it_commits_has_written_nothing(url, db, names):
    doomed = Doomed(connected(url, names))
    version, account = names["load"](doomed, "metered 0")
    bill = Bill.of(Usage(api_calls=100), plan_of("metered 0"), opening=account, final=False)

    with pytest.raises(PowerCut):
        names["keep"](doomed, "metered 0", version, "queue/0", bill)
    doomed.close()

    assert names["load"](db, "metered 0") == (0, account)
    assert kept(db, "metered 0") == ([], 0, 0)


def test_two_bills_on_one_account_are_told_apart_by_its_version(db, names):
    version, account = names["load"](db, "metered 0")
    bills = [
        Bill.of(Usage(api_calls=calls), plan_of("metered 0"), opening=account, final=False)
        for calls in (1000, 2000)
    ]

    answers = [names["keep"](db, "metered 0", version, f"queue/{i}", bill) for i, bill in enumerate(bills)]

    assert answers == [True, False]
    assert kept(db, "metered 0") == ([0], Decimal("1.50"), Decimal("1.50"))  # 1000 × 0.0015


def test_without_the_version_a_bill_is_lost(db, names):
    _, account = names["load"](db, "metered 0")
    bills = [
        Bill.of(Usage(api_calls=calls), plan_of("metered 0"), opening=account, final=False)
        for calls in (1000, 2000)
    ]

    for bill in bills:
        state = names["written"](bill.closing)
        db.execute("UPDATE accounts SET state = ? WHERE customer = 'metered 0'", [state])

    assert names["load"](db, "metered 0")[1].accrued == Decimal("3.00")  # and not 1.50 + 3.00
