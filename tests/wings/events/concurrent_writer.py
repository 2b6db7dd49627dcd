"""One of the processes that bill the same accounts as docs/how-to/concurrent-accounts.md says."""

import doctest
import random
import re
import sqlite3
import sys
from pathlib import Path

from tokenbill import (
    Account,
    Balance,
    BillingPlan,
    Discount,
    Graduated,
    Grant,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
)
from tokenbill.errors import BalanceExhausted

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "concurrent-accounts.md"
WRITERS = 8
CUSTOMERS = 4
"""Accounts of each plan."""

CALLS = PriceSchedule(api_calls="0.01")
HOURS = Graduated([Tier(5000, "0.90"), Tier(None, "0.60")], per=3600)
BOTH = PriceSchedule(gpu_seconds=HOURS, api_calls="0.0015")
PLANS = {
    "metered": BillingPlan.on_demand(BOTH),
    "taxed": BillingPlan.on_demand(BOTH, discounts=[Discount.percent(10)], taxes=[Tax("VAT", 19)]),
    "credited": BillingPlan.prepaid(BOTH, taxes=[Tax("VAT", 19)]),
    "refused": BillingPlan.prepaid(CALLS, overage="refuse"),
    "subscribed": BillingPlan.subscription(20, BOTH, included={"api_calls": 1000}),
}


def page() -> dict:
    """The names that the page defines, after all of its examples ran."""
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "page"}, PAGE.name, str(PAGE), 0)
    assert doctest.DocTestRunner(verbose=False).run(test, clear_globs=False).failed == 0
    return test.globs


def connected(url: str, names: dict):
    """A connection to a file of SQLite, or to the server of PostgreSQL that a URL names."""
    if not url.startswith("postgresql:"):
        connection = sqlite3.connect(url, timeout=120)
        connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug in a test
        return connection
    import psycopg

    return names["Postgres"](psycopg.connect(url))


def customer_of(event: int) -> str:
    """Whose an event is: the name of a plan, and a number."""
    return f"{list(PLANS)[event % len(PLANS)]} {event // len(PLANS) % CUSTOMERS}"


def plan_of(customer: str) -> BillingPlan:
    return PLANS[customer.partition(" ")[0]]


def usage_of(event: int) -> Usage:
    """What was used; on the plan that refuses, a call for a cent."""
    if customer_of(event).startswith("refused"):
        return Usage(api_calls=1)
    return Usage(api_calls=event * 7919 % 13, gpu_seconds=f"{event * 104729 % 97}.5")


def openings(events: int) -> dict[str, Account]:
    """What the accounts begin with; on the plan that refuses, a cent for every second event."""
    cents = events // len(PLANS) // CUSTOMERS // 2
    credit = {
        "credited": [Grant("gift", "1.50", "USD", kind="promotional"), Grant("paid", "9.00", "USD")],
        "refused": [Grant("paid", f"{cents // 100}.{cents % 100:02}", "USD")],
    }
    customers = sorted({customer_of(event) for event in range(events)})
    return {name: Account(balance=Balance(credit.get(name.split()[0], ()))) for name in customers}


def share_of(writer: int, events: int) -> list[int]:
    """The events of one writer, and every fifth of its neighbour's: a queue delivers at least once."""
    own = list(range(writer, events, WRITERS))
    neighbours = list(range((writer + 1) % WRITERS, events, WRITERS * 5))
    random.Random(writer).shuffle(own)
    return sorted(own + neighbours, key=lambda event: event // 50)


def main(url: str, writer: int, events: int) -> None:
    names = page()
    db = connected(url, names)
    for event in share_of(writer, events):
        customer = customer_of(event)
        try:
            names["charge"](db, customer, f"queue/{event}", usage_of(event), plan_of(customer))
        except BalanceExhausted:
            db.rollback()
    db.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
