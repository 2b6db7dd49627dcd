"""A process that records and closes until it is done, or killed; started anew, it begins at the beginning."""

import sys

from tokenbill import BillingPlan, Cycle, Grant, Period, PriceSchedule, Usage
from tokenbill.events import Event
from tokenbill.store import Store

CUSTOMERS = [f"customer {i}" for i in range(10)]
MONTHS = 12
EVENTS = len(CUSTOMERS) * MONTHS * 25
TOTALS = [11] * MONTHS
"""What each month comes to: a fee of 10.00, and 25 events of 4 calls at a cent."""


def begin(store):
    store.create()
    plan = BillingPlan.subscription(10, PriceSchedule(calls="0.01"), cycle=Cycle.monthly())
    for customer in CUSTOMERS:
        store.agree(customer, plan)
        store.grant(customer, Grant("paid", 50, "USD"))


def main(url):
    store = Store(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for month in range(1, MONTHS + 1):
        time = f"2026-{month:02}-15T00:00:00Z"
        events = [
            Event("queue", f"{customer}-{month}-{i}", time, customer, Usage(calls=4))
            for i in range(25)
            for customer in CUSTOMERS
        ]
        for at in range(0, len(events), 20):
            store.record(events[at : at + 20])
        end = f"{2026 + month // 12}-{month % 12 + 1:02}-01"
        for customer in CUSTOMERS:
            store.close(customer, Period(f"2026-{month:02}-01", end))


if __name__ == "__main__":
    main(sys.argv[1])
