"""Events a second of a store, beside a program written by hand from pages of docs/how-to, in one run.

    python benchmarks/store.py [--events 2000]

Both write to SQLite with a write-ahead log and `synchronous=FULL`, so that what was answered is on the disk.
Customers are prepaid in tokens and refused what their balance does not cover. The program by hand is what two
pages said before there was a store: a table of seen events, accounts as documents, and compare-and-swap.
"""

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path

from tokenbill import Account, Bill, BillingPlan, Currency, Grant, PerUnit, PriceSchedule
from tokenbill.errors import BalanceExhausted
from tokenbill.events import once, read_cloudevent, usage_by
from tokenbill.serial import dumps, loads
from tokenbill.store import Store

TOKEN = Currency("TOKEN", places=0)
PRICES = PriceSchedule(
    {"gpu_seconds{gpu=H100}": PerUnit(3, per=60), "calls": PerUnit(1, per=10)}, currency=TOKEN
)
PLAN = BillingPlan.prepaid(PRICES, overage="refuse")
CUSTOMERS = [f"customer-{i}" for i in range(8)]
CREDIT = 5_000_000

TABLES = (
    "CREATE TABLE seen (source TEXT, id TEXT, digest TEXT NOT NULL, PRIMARY KEY (source, id))",
    "CREATE TABLE accounts (customer TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE bills (event TEXT PRIMARY KEY, customer TEXT, total TEXT NOT NULL, due TEXT NOT NULL)",
)
SWAP = "UPDATE accounts SET version = version + 1, state = ? WHERE customer = ? AND version = ?"


class ByHand:
    """The program that two pages made: an event is seen once, its bill and the account kept together."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        for table in TABLES:
            self.db.execute(table)
        for customer in CUSTOMERS:
            account = Account(balance=[Grant("first", CREDIT, TOKEN)])
            self.db.execute("INSERT INTO accounts VALUES (?, 0, ?)", [customer, dumps(account)])

    def record(self, messages):
        """Charge each message in a transaction of its own, as the page does."""
        return [self.charge(message) for message in messages]

    def charge(self, message):
        event = read_cloudevent(message)
        self.db.execute("BEGIN IMMEDIATE")
        try:
            find = "SELECT source, id, digest FROM seen WHERE source = ? AND id = ?"
            new = once([event], self.db.execute(find, [event.source, event.id]).fetchall())
            for customer, usage in usage_by(new, "customer").items():
                find = "SELECT version, state FROM accounts WHERE customer = ?"
                version, state = self.db.execute(find, [customer]).fetchone()
                bill = Bill.of(usage, PLAN, opening=loads(state), final=False)
                swap = (
                    "UPDATE accounts SET version = version + 1, state = ? WHERE customer = ? AND version = ?"
                )
                assert self.db.execute(swap, [dumps(bill.closing), customer, version]).rowcount == 1
                row = [f"{event.source}/{event.id}", customer, f"{bill.total:f}", f"{bill.due:f}"]
                self.db.execute("INSERT INTO bills VALUES (?, ?, ?, ?)", row)
            self.db.executemany("INSERT INTO seen VALUES (?, ?, ?)", new.added.rows())
            self.db.execute("COMMIT")
        except BalanceExhausted:
            self.db.execute("ROLLBACK")

    def left(self, customer):
        find = "SELECT state FROM accounts WHERE customer = ?"
        return loads(self.db.execute(find, [customer]).fetchone()[0]).balance.remaining()


def messages(count, prefix, customers=CUSTOMERS):
    """So many CloudEvents: calls and seconds of a GPU by turns."""
    kinds = [
        {"type": "calls", "data": {"quantity": "1"}},
        {"type": "gpu_seconds", "data": {"quantity": "20", "labels": {"gpu": "H100"}}},
    ]
    shared = {"specversion": "1.0", "source": "gateway", "time": "2026-11-05T10:00:00Z"}
    return [
        {**shared, "id": f"{prefix}-{i}", "subject": customers[i % len(customers)], **kinds[i % 2]}
        for i in range(count)
    ]


def stored(folder, name, customers=CUSTOMERS, grants=1):
    """A store in which customers have their credit, perhaps in grants of which all but one are spent."""
    store = Store(f"sqlite:///{folder / name}")
    store.create()
    for customer in customers:
        store.agree(customer, PLAN)
        for i in range(grants):
            store.grant(customer, Grant(f"g{i:03}", 2 if i < grants - 1 else CREDIT, TOKEN))
    return store


def rate(record, given, size):
    """Events a second."""
    began = time.perf_counter()
    for at in range(0, len(given), size):
        record(given[at : at + size])
    return len(given) / (time.perf_counter() - began)


def ageing(folder, events):
    """How much longer an event takes on an old account than on a fresh one, turn by turn."""
    old, fresh = stored(folder, "old.db", ["old"], grants=101), stored(folder, "fresh.db", ["fresh"])
    for part in range(0, 4000, 100):
        old.record(messages(4000, "age", ["old"])[part : part + 100])
    times = {"old": [], "fresh": []}
    for turn in range(10):
        for store, name in ((old, "old"), (fresh, "fresh")):
            given = messages(events // 10, f"turn{turn}", [name])
            times[name].append(1 / rate(store.record, given, 1))
    return sorted(times["old"])[5] / sorted(times["fresh"])[5]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=2000, help="events of a run")
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        by_hand, store = ByHand(folder / "hand.db"), stored(folder, "store.db")
        rate(by_hand.record, messages(100, "warm"), 1), rate(store.record, messages(100, "warm"), 1)
        # by turns, so that a machine that slows down slows all of them down
        hand, single, batch = [], [], []
        for turn in range(5):
            hand.append(rate(by_hand.record, messages(events // 5, f"t{turn}"), 1))
            single.append(rate(store.record, messages(events // 5, f"t{turn}"), 1))
            batch.append(rate(store.record, messages(events, f"b{turn}"), 100))
        hand, single, batch = (sorted(each)[2] for each in (hand, single, batch))
        print(f"by hand          {hand:9,.0f} events/s")
        print(f"single events    {single:9,.0f} events/s   {single / hand:5.1f} x")
        print(f"batches of 100   {batch:9,.0f} events/s   {batch / hand:5.1f} x")
        aged = ageing(folder, events // 5)
        print(f"an old account (4,000 events, 100 spent grants) takes {aged:.2f} x of a fresh one")
        store.verify()


if __name__ == "__main__":
    main()
