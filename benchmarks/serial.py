"""What it costs to write and read the account of a prepaid customer, beside plain JSON of the same text.

python benchmarks/serial.py
"""

import json
import statistics
import time

from tokenbill import Account, Bill, BillingPlan, Cycle, Grant, Period, PriceSchedule, Tax, serial

TARGET = 150  # µs each way


def account():
    prices = PriceSchedule(gpu_hours="0.90", api_calls="0.01")
    plan = BillingPlan.prepaid(prices, cycle=Cycle.monthly(), taxes=[Tax("VAT", 19)])
    period = Period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    grants = [Grant("gift", 5, "USD", kind="promotional"), Grant("paid", 100, "USD")]
    opening = Account(balance=grants)
    return Bill.of(
        {"gpu_hours": 3, "api_calls": 100}, plan, period=period, opening=opening, final=False
    ).closing


def micros(call, rounds=9, times=300):
    """The median of a few rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            call()
        found.append((time.process_time() - began) / times * 1e6)
    return statistics.median(found)


def main():
    kept = account()
    text = serial.dumps(kept)
    plain = json.loads(text)
    rows = [
        ("write an account", lambda: serial.dumps(kept), lambda: json.dumps(plain)),
        ("read an account", lambda: serial.loads(text), lambda: json.loads(text)),
    ]
    for name, ours, theirs in rows:
        took, base = micros(ours), micros(theirs)
        print(f"{name:18} {took:6.0f} µs, target {TARGET} µs, {took / base:5.1f} × json")


if __name__ == "__main__":
    main()
