"""The reference bill, made in a process of its own: ``python reference_bill.py '{"setup": "…"}'``.

It prints the bill in every form it has, and whether the caller's surroundings stayed as they were.
"""

import asyncio
import datetime
import decimal
import enum
import json
import locale
import os
import pathlib
import random
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction

MODULES = (decimal, datetime, enum, pathlib, sys, os, time, random, locale)
NAMES = {**{module.__name__: module for module in MODULES}, "Decimal": Decimal, "Fraction": Fraction}
"""What an expression of the corpus may name, beside what is not in the standard library."""


def reference_bill():
    """Every form of a few bills; the library is imported after the setup, not before."""
    import tokenbill as tb
    from tokenbill.files import to_csv, to_json
    from tokenbill.serial import dumps, loads

    prices = {
        "gpu_hours{gpu=H100}": "2.49",
        "gpu_seconds": tb.PerUnit("0.10", per=3600),
        "calls": tb.Graduated([tb.Tier(1000, "0.0123456789", 1), tb.Tier(None, "0.005", 2)])
        + tb.Flat("0.015"),
        "images": tb.Package(1000, "5.005").capped(500).each("region"),
        "tokens": (tb.PerUnit(1, per=3).after(10) * "1.07").at_least("0.5"),
    }
    plan = tb.BillingPlan.on_demand(tb.PriceSchedule(prices), name="reference")
    early = tb.Usage({"gpu_hours{gpu=H100}": "0.123456789012345678", "calls": 999, "images{region=eu}": 1001})
    late = tb.Usage({"gpu_seconds": 1234567, "calls": "12.5", "images{region=us}": 7, "tokens": 31})
    first = tb.Bill.of(early, plan, final=False)
    bills = [first, tb.Bill.of(late, plan, opening=first.closing), tb.Bill.of(early + late, plan)]
    documents = list(map(dumps, bills))
    for bill in [*bills, *map(loads, documents)]:
        bill.verify()
    forms = [[str(bill), repr(bill), bill.explain(), bill._repr_html_(), str(bill.exact)] for bill in bills]
    return [forms, to_csv(bills), to_json(bills), documents, plan.fingerprint()]


def at_once(given):
    """Many bills, each in a task or a thread that has set a context of its own."""
    made = []

    def bill():
        made.append(reference_bill())

    if "asyncio_tasks" in given:
        asyncio.run(in_tasks(given["asyncio_tasks"], defined("async def", given["each"]), bill))
    else:
        in_threads(given["threads"], defined("def", given["each"]), bill)
    return made


async def in_tasks(count, task, bill):
    async def awaited():
        await asyncio.sleep(0)
        bill()

    await asyncio.gather(*(task(i, awaited()) for i in range(count)))


def in_threads(count, task, bill):
    started = [threading.Thread(target=task, args=(i, bill)) for i in range(count)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def defined(opening, each):
    names = dict(NAMES)
    exec(f"{opening} task(i, bill):\n    {each}", names)  # noqa: S102
    return names["task"]


def surroundings():
    """What is the caller's own; the context's text holds its flags and traps."""
    contexts = [repr(decimal.getcontext()), repr(decimal.DefaultContext)]
    return [*contexts, locale.setlocale(locale.LC_ALL), random.getstate(), dict(os.environ)]


def main(given):
    try:
        exec(given.get("setup", ""), dict(NAMES))  # noqa: S102
    except (locale.Error, NameError) as error:
        return {"not run": repr(error)}
    before = surroundings()
    bills = [reference_bill()] if "setup" in given else at_once(given)
    return {"bills": bills, "unchanged": surroundings() == before}


if __name__ == "__main__":
    sys.stdout.buffer.write(json.dumps(main(json.loads(sys.argv[1]))).encode())
