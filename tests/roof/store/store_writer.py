"""One of the processes that record events of the same customers at once, and what their sums must be."""

import json
import random
import sys
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path

from tokenbill import BillingPlan, Cycle, Graduated, Grant, Period, PriceSchedule, Tax, Tier, Usage
from tokenbill.events import Event
from tokenbill.store import Store

WRITERS = 8
BATCH = 50
OCTOBER, NOVEMBER = Period("2026-10-01", "2026-11-01"), Period("2026-11-01", "2026-12-01")
MONTHLY = {"cycle": Cycle.monthly()}
BOTH = PriceSchedule(
    calls=Graduated([Tier(1000, "0.01"), Tier(None, "0.005")]),
    gpu_seconds=Graduated([Tier(None, "0.90")], per=3600),
)
PLANS = {
    "metered": BillingPlan.on_demand(BOTH, **MONTHLY),
    "taxed": BillingPlan.on_demand(BOTH, taxes=[Tax("VAT", 19)], **MONTHLY),
    "prepaid": BillingPlan.prepaid(BOTH, overage="refuse", **MONTHLY),
    "poor": BillingPlan.prepaid(PriceSchedule(calls="0.01", gpu_seconds=0), overage="refuse", **MONTHLY),
    "broke": BillingPlan.prepaid(BOTH, overage="refuse", **MONTHLY),
}
CREDIT = {"prepaid": "100000", "poor": "1.00"}


def customers(count):
    return [f"{list(PLANS)[i % len(PLANS)]} {i}" for i in range(count)]


def kind_of(customer):
    return customer.partition(" ")[0]


def event(number, count):
    """The event of a number; every seventh is of October, which is closed for every second customer."""
    customer = customers(count)[number % count]
    time = f"2026-1{0 if number % 7 == 0 else 1}-{number % 28 + 1:02}T{number % 24:02}:00:00Z"
    calls, seconds = number * 7919 % 13 + 1, f"{number * 104729 % 97}.5"
    usage = Usage(calls=calls) if kind_of(customer) == "poor" else Usage(calls=calls, gpu_seconds=seconds)
    return Event("queue", f"{number}", time, customer, usage)


def begin(store, count):
    """Agree on terms with all customers, and close October for every second one."""
    store.create()
    for i, customer in enumerate(customers(count)):
        store.agree(customer, PLANS[kind_of(customer)])
        if kind_of(customer) in CREDIT:
            store.grant(customer, Grant("paid", CREDIT[kind_of(customer)], "USD"))
        if i % 2:
            store.close(customer, OCTOBER)


def share_of(writer, events):
    """The events of one writer, and a tenth of its neighbour's: a queue delivers at least once."""
    own = list(range(writer, events, WRITERS))
    own += list(range((writer + 1) % WRITERS, events, WRITERS * 10))
    random.Random(writer).shuffle(own)
    return own


def owed(plan, events):
    """What the events of one period cost, as a sum of fractions that knows nothing of curves or bills."""
    calls = sum(Fraction(each.usage["calls"]) for each in events)
    seconds = sum(Fraction(each.usage["gpu_seconds"]) for each in events)
    if plan == "poor":
        net = calls / 100
    else:
        net = min(calls, 1000) / 100 + max(calls - 1000, Fraction(0)) / 200 + seconds * Fraction(9, 10) / 3600
    cents = [floor(net * 100 + Fraction(1, 2))]
    if plan == "taxed":  # a tax is rounded for itself, so that the bill can show it
        cents.append(floor(net * 19 + Fraction(1, 2)))
    return Decimal(sum(cents)) / 100


def main(url, writer, events, count, folder):
    store, numbers = Store(url), share_of(writer, events)
    with Path(folder, f"refused-{writer}").open("w", encoding="utf-8") as refused:
        for at in range(0, len(numbers), BATCH):
            done = store.record([event(number, count) for number in numbers[at : at + BATCH]])
            for each in done.refused:
                told = {"customer": each.customer, "id": each.event.id, "short": str(each.short)}
                refused.write(json.dumps(told | {"code": each.code}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
