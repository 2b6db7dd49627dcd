"""Bills of plans with everything switched on, one by one and in frames, which have to agree digit for digit.

Run it as ``python -m tests.wings.frames.agreement --bills 100000 --tenants 250 [--seed N]
[--engines polars duckdb] [--progress FILE]``. A seed makes a plan, tenants and what they use; what differs is
printed with its seed. With a file for its progress, a run that was stopped goes on where it was.
"""

import argparse
import json
import random
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from tests.oracle.simulator import plan_of
from tests.oracle.stories import QUANTITIES, Story
from tests.support.engines import Decimals, engine_of
from tests.wings.frames.frame_bills import billed, shown_in
from tokenbill import Bill, Period
from tokenbill.errors import BalanceExhausted, TokenbillError
from tokenbill.frames import rate

TENANTS = 40
PLACES = 3


class Difference(Exception):
    """A bill of a frame is not the bill of its usage."""


def usages_of(story, plan, tenants=TENANTS):
    """What each tenant uses: most of the meters, most of them a little."""
    meters = story.meters(plan)
    return {
        f"tenant {place}": {
            meter: Fraction(random_quantity(story.rng)) for meter in meters if story.rng.random() < 0.8
        }
        for place in range(tenants)
    }


def random_quantity(rng):
    often = Fraction(rng.choice(QUANTITIES))
    return often if rng.random() < 0.6 else Fraction(rng.randrange(10 ** rng.randrange(1, 9)), 10**PLACES)


def one_by_one(plan, usages, period):
    """The lines and total of each bill, checked the long way; those that the plan refuses are left out."""
    found = {}
    for tenant, usage in usages.items():
        try:
            bill = Bill.of(used_of(usage), plan, period=period)
        except BalanceExhausted:
            continue
        bill.verify()
        found[tenant] = billed(bill)
    return found


def used_of(usage):
    """Usage as a bill takes it."""
    return {meter: Decimal(quantity.numerator) / quantity.denominator for meter, quantity in usage.items()}


def columns_of(usages, tenants):
    """Usage as events: each quantity in two rows."""
    rows = [
        (tenant, meter, part)
        for tenant in tenants
        for meter, quantity in usages[tenant].items()
        for part in (quantity - int(quantity), Fraction(int(quantity)))
    ]
    random.Random(len(rows)).shuffle(rows)
    numbers = [Decimal(part.numerator) / part.denominator for _, _, part in rows]
    return {
        "tenant": [tenant for tenant, _, _ in rows],
        "meter": [meter for _, meter, _ in rows],
        "quantity": Decimals(numbers, PLACES),
    }


def drawn(seed, tenants=TENANTS):
    """The plan of a seed, its period, and what each tenant uses."""
    story = Story(seed)
    story.much = max(story.much, 0.7)
    told = story.plan()
    needs_dates = told["cycle"] or told["trial"] or told.get("commitment")
    needs_dates = needs_dates or any(fee.get("cycle") for fee in told["fees"])
    plan, start = plan_of(told), story.first if needs_dates else None
    bounds = story.bounds(told, start)
    period = None if bounds is None else Period(*bounds)
    return plan, period, {tenant: usage for tenant, usage in usages_of(story, told, tenants).items() if usage}


def agreed(seed, engines=("polars", "duckdb"), tenants=TENANTS):
    """How many bills of a seed agree on all engines."""
    plan, period, usages = drawn(seed, tenants)
    expected = one_by_one(plan, usages, period)
    if not expected:
        return 0
    for name in engines:
        if len(expected) < len(usages):
            refused(name, plan, columns_of(usages, usages), period)
        engine, found = engine_of(name), defaultdict(lambda: defaultdict(Fraction))
        frame = engine.frame(columns_of(usages, expected))
        for row in engine.records(rate(frame, plan, "tenant", period=period)):
            places = -row["amount"].as_tuple().exponent
            found[row["tenant"]][row["kind"], row["meter"], row["description"]] += Fraction(row["amount"])
        for tenant, (lines, total) in expected.items():
            shown = {key: shown_in(sum(line), places) for key, line in lines.items()}
            shown["rounding", None, "rounding"] = total - sum(shown.values())
            shown = {key: amount for key, amount in shown.items() if amount}
            made = {key: amount for key, amount in found[tenant].items() if amount}
            if made != shown:
                raise Difference(f"{name}, {tenant}: {made} is not {shown}, of {plan}")
    return len(expected)


def refused(name, plan, columns, period):
    """A frame of which one bill is refused is refused."""
    engine = engine_of(name)
    try:
        rate(engine.frame(columns), plan, "tenant", period=period)
    except BalanceExhausted:
        return
    raise Difference(f"{name} bills what {plan} refuses")


def main():
    """Compare bills until there are enough, and tell which seeds differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first one; the next ones follow")
    parser.add_argument("--bills", type=int, default=1000)
    parser.add_argument("--tenants", type=int, default=TENANTS, help="bills of one plan in one frame")
    parser.add_argument("--engines", nargs="*", default=["polars", "duckdb"])
    parser.add_argument("--progress", type=Path, help="a file that keeps how far a run came")
    options = parser.parse_args()
    run = {"first": options.seed, "next": options.seed, "bills": 0, "differences": []}
    if options.progress and options.progress.exists():
        run = json.loads(options.progress.read_text(encoding="utf-8"))
    while run["bills"] < options.bills:
        seed = run["next"]
        try:
            run["bills"] += agreed(seed, options.engines, options.tenants)
        except (Difference, TokenbillError) as difference:
            run["differences"].append(seed)
            print(f"seed {seed}: {difference}", flush=True)
        run["next"] = seed + 1
        if options.progress:
            options.progress.write_text(json.dumps(run), encoding="utf-8")
    print(f"{len(run['differences'])} seeds differ: {run['differences']}")
    seeds, engines = f"{run['first']} to {run['next'] - 1}", ", ".join(options.engines)
    print(f"{run['bills']} bills of the seeds {seeds} agree on {engines}")
    return bool(run["differences"])


if __name__ == "__main__":
    raise SystemExit(main())
