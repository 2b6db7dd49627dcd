"""The store on MariaDB or MySQL: a server of its own, eight writers, a year of closings, and a replay of all.

    pip install . 'sqlalchemy>=2' pymysql
    python -m tools.store_on_mariadb [--events 2000]

It needs `mariadbd` and `mariadb-install-db`, as Debian's mariadb-server-core brings them.
"""

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from tests.roof.store import store_killed, store_writer
from tests.roof.store.store_writer import NOVEMBER, OCTOBER, WRITERS, begin, customers, kind_of, owed
from tokenbill import BillingPlan, PriceSchedule, Usage
from tokenbill.events import Event
from tokenbill.store import Store

ROOT = Path(__file__).parents[1]
PATIENCE = 60
CUSTOMERS = 40


@contextmanager
def server() -> Iterator[str]:
    """The URL of a new server, which listens on a socket in its own folder."""
    with tempfile.TemporaryDirectory(prefix="tokenbill-maria-") as home:
        who = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        shutil.chown(home, who)
        data, socket = f"{home}/data", f"{home}/socket"
        shared = ["--no-defaults", f"--datadir={data}", f"--user={who}"]
        install = ["mariadb-install-db", *shared, "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        log = f"--log-error={home}/log"
        running = subprocess.Popen(["mariadbd", *shared, "--skip-networking", f"--socket={socket}", log])
        url = f"mariadb+pymysql://root@localhost/{{}}?unix_socket={socket}&charset=utf8mb4"
        try:
            for _ in range(PATIENCE * 10):
                if Path(socket).exists():
                    break
                time.sleep(0.1)
            engine = create_engine(url.format("mysql"))
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE DATABASE billing CHARACTER SET utf8mb4")
            engine.dispose()
            yield url.format("billing")
        finally:
            running.terminate()
            running.wait(PATIENCE)


def names_are_told_apart(store: Store) -> None:
    """Spellings that MySQL takes for one, unless a column says otherwise."""
    names = ["acme", "ACME", "acme ", "é", "e\u0301", "😀"]
    for name in names:
        store.agree(name, BillingPlan.on_demand(PriceSchedule(calls="0.50")))
        done = store.record([Event("s", name, "2026-11-05T00:00:00Z", name, Usage(calls=1))])
        assert len(done.charged) == 1, (name, done)
    assert set(names) <= set(store.customers())


def writers(store: Store, url: str, events: int, folder: str) -> None:
    """Eight processes record; every bill is the sum of fractions of what was charged."""
    begin(store, CUSTOMERS)
    command = [sys.executable, store_writer.__file__, url]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    numbers = [[str(i), str(events), str(CUSTOMERS), folder] for i in range(WRITERS)]
    running = [subprocess.Popen([*command, *each], env=environment) for each in numbers]
    assert [each.wait() for each in running] == [0] * WRITERS
    charged: dict[tuple[str, int], list[Event]] = {}
    with store.engine.connect() as connection:
        for (id,) in connection.exec_driver_sql("SELECT id FROM tokenbill_events WHERE source = 'queue'"):
            event = store_writer.event(int(id), CUSTOMERS)
            charged.setdefault((str(event.customer), event.time.month), []).append(event)
    for customer in customers(CUSTOMERS):
        months = [owed(kind_of(customer), charged.get((customer, month), [])) for month in (10, 11)]
        assert [store.bill(customer, period).total for period in (OCTOBER, NOVEMBER)] == months


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=2000, help="events that the writers record")
    events = parser.parse_args().events
    with server() as url, tempfile.TemporaryDirectory() as folder:
        store = Store(url)
        store.create()
        names_are_told_apart(store)
        writers(store, url, events, folder)
        store_killed.begin(store)
        store_killed.main(url)
        print(store.verify())
        store.engine.dispose()


if __name__ == "__main__":
    main()
