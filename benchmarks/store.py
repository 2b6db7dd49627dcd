"""Events a second of a store, beside a program written by hand from pages of docs/how-to, in one run.

    python benchmarks/store.py [--events 1000] [--folder FOLDER]

The program by hand is what two pages said before there was a store, "Bill events" and "Bill one account from
many processes", put together as their readers did: a table of seen events, accounts as JSON, compare-and-swap
and a row for each bill, all in one transaction for each event. Both sides promise the same: what was answered
is on the disk (SQLite, a write-ahead log, `synchronous=FULL`), each event is charged once, an account is kept
as JSON, and customers, who are prepaid in tokens, are refused what their balance does not cover. By hand an
event leaves its digest, its bill and the account behind; in a store the event itself, with its digest and
what it was charged, and the account after every so many events.

A commit waits for the disk, which the first line of the output measures alone: one caller with one event at a
time can never do more, by whatever program, and each line says how much of it that is. Services have several
callers at once, so that is measured, too, with eight: by hand they wait for each other's commits, while a
store writes what they bring together in one transaction. What the programs themselves take shows where a
commit waits for nothing. So all is measured on two media: where temporary files are, and in memory.
"""

import argparse
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

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
CALLERS = 8
TURNS = 10
MEMORY = Path("/dev/shm")

TABLES = (
    "CREATE TABLE seen (source TEXT, id TEXT, digest TEXT NOT NULL, PRIMARY KEY (source, id))",
    "CREATE TABLE accounts (customer TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE bills (event TEXT PRIMARY KEY, customer TEXT, total TEXT NOT NULL, due TEXT NOT NULL)",
)
SWAP = "UPDATE accounts SET version = version + 1, state = ? WHERE customer = ? AND version = ?"
FIND_SEEN = "SELECT source, id, digest FROM seen WHERE source = ? AND id = ?"
FIND_ACCOUNT = "SELECT version, state FROM accounts WHERE customer = ?"


class ByHand:
    """The program that two pages made: an event is seen once, its bill and the account kept together."""

    def __init__(self, path):
        self.turn = Lock()  # of one connection; it costs callers less than waiting within SQLite does
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        for table in TABLES:
            self.db.execute(table)
        for customer in CUSTOMERS:
            account = Account(balance=[Grant("first", CREDIT, TOKEN)])
            self.db.execute("INSERT INTO accounts VALUES (?, 0, ?)", [customer, dumps(account)])

    def record(self, messages):
        """Charge each message in a transaction of its own, as the pages do."""
        for message in messages:
            event = read_cloudevent(message)
            with self.turn:
                self.charge(event)

    def charge(self, event):
        self.db.execute("BEGIN IMMEDIATE")
        try:
            new = once([event], self.db.execute(FIND_SEEN, [event.source, event.id]).fetchall())
            for customer, usage in usage_by(new, "customer").items():
                version, state = self.db.execute(FIND_ACCOUNT, [customer]).fetchone()
                bill = Bill.of(usage, PLAN, opening=loads(state), final=False)
                assert self.db.execute(SWAP, [dumps(bill.closing), customer, version]).rowcount == 1
                row = [f"{event.source}/{event.id}", customer, f"{bill.total:f}", f"{bill.due:f}"]
                self.db.execute("INSERT INTO bills VALUES (?, ?, ?, ?)", row)
            self.db.executemany("INSERT INTO seen VALUES (?, ?, ?)", new.added.rows())
            self.db.execute("COMMIT")
        except BalanceExhausted:
            self.db.execute("ROLLBACK")

    def left(self, customer):
        return loads(self.db.execute(FIND_ACCOUNT, [customer]).fetchone()[1]).balance.remaining()


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


def rate(record, given, size, callers=1):
    """Events a second, of one caller or of several at once."""
    parts = [given[at : at + size] for at in range(0, len(given), size)]
    began = time.perf_counter()
    if callers == 1:
        for part in parts:
            record(part)
    else:
        with ThreadPoolExecutor(callers) as threads:
            list(threads.map(record, parts))
    return len(given) / (time.perf_counter() - began)


def disk(folder, count):
    """Transactions a second of one row each: all that the disk can do one after the other."""
    db = sqlite3.connect(folder / "disk.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY)")
    began = time.perf_counter()
    for _ in range(count):
        db.execute("INSERT INTO rows DEFAULT VALUES")
    took = time.perf_counter() - began
    db.close()
    return count / took


def ageing(folder, events):
    """How much longer events take on an old account than on a fresh one, by turns, all turns together."""
    old, fresh = stored(folder, "old.db", ["old"], grants=101), stored(folder, "fresh.db", ["fresh"])
    for part in range(0, 4000, 100):
        old.record(messages(4000, "age", ["old"])[part : part + 100])
    times = {"old": 0, "fresh": 0}
    for turn in range(20):
        for store, name in ((old, "old"), (fresh, "fresh")):
            given = messages(events // 20, f"turn{turn}", [name])
            # the sum, not a median: now and then an account is stored whole, which costs an old one the most
            times[name] += 1 / rate(store.record, given, 1)
    return times["old"] / times["fresh"]


def median(values):
    return sorted(values)[len(values) // 2]


def compare(folder, events):
    """Events a second of each way, by turns, so that a machine that slows down slows all of them down.

    Beside each stand how many times as many that is as by hand, and the disk's commits, in the same turn.
    """
    by_hand, store = ByHand(folder / "hand.db"), stored(folder, "store.db")
    # those that are compared run one after the other, for a machine is as fast as it was a moment before
    ways = {
        "by hand": (by_hand.record, 1, 1, events // TURNS),
        "single events": (store.record, 1, 1, events // TURNS),
        "batches of 100": (store.record, 100, 1, max(events // 2, 100)),
        "by hand, 8 callers": (by_hand.record, 1, CALLERS, events // TURNS),
        "single, 8 callers": (store.record, 1, CALLERS, events // TURNS),
    }
    found, alone = {way: [] for way in ways}, []
    given = messages(200, "warm")
    rate(by_hand.record, given, 1), rate(store.record, given, 100)
    # both have charged the same to the last token, or there is nothing to compare
    assert all(by_hand.left(name) == store.balance(name).remaining() for name in CUSTOMERS)
    for turn in range(TURNS):
        alone.append(disk(folder, events // TURNS))
        for way, (record, size, callers, count) in ways.items():
            found[way].append(rate(record, messages(count, f"{way} {turn}"), size, callers))
    store.verify()
    store.engine.dispose()

    def beside(way, other):
        return median([one / another for one, another in zip(found[way], other, strict=True)])

    hands = {way: found["by hand, 8 callers" if "8" in way else "by hand"] for way in ways}
    rows = {way: (median(found[way]), beside(way, hands[way]), beside(way, alone)) for way in ways}
    return median(alone), rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1000, help="events of a run")
    parser.add_argument("--folder", help="the one place where databases are made, instead of both media")
    given = parser.parse_args()
    media = {"the disk of temporary files": tempfile.gettempdir()}
    if MEMORY.is_dir():
        media["memory, where a commit waits for nothing"] = MEMORY
    if given.folder is not None:
        media = {given.folder: given.folder}
    for medium, place in media.items():
        with tempfile.TemporaryDirectory(dir=place) as folder:
            measure(medium, Path(folder), given.events)


def measure(medium, folder, events):
    """Print what is measured on one medium."""
    print(f"On {medium}: SQLite {sqlite3.sqlite_version}, both in a write-ahead log, synchronous=FULL")
    alone, found = compare(folder, events)
    print(f"{'the disk alone':20} {alone:9,.0f} commits/s")
    for way, (each, times, share) in found.items():
        beside = " " * 17 if "by hand" in way else f"   {times:5.1f} x by hand"
        print(f"{way:20} {each:9,.0f} events/s{beside}   {share:5.2f} x the disk alone")
    aged = ageing(folder, max(events, 1000))
    print(f"an old account (4,000 events, 100 spent grants) takes {aged:.2f} x of a fresh one", flush=True)


if __name__ == "__main__":
    main()
