"""Laws of plans with levels, curves of other quantities, shared allowances, scoped limits and taxes on taxes.

Each plan has some of these terms, by chance; the reckoning in `tests/oracle/terms.py` shares no code.
"""

import os
from fractions import Fraction

import tokenbill as tb
from tests.oracle import terms
from tests.oracle.term_stories import day, plan_of, story
from tests.support.breakdowns import check_breakdown
from tokenbill import serial

LIVES = min(int(os.environ.get("TOKENBILL_SIMULATED", "240")) // 6, 2000)
SEED = 20_261_129
JULY = "2026-07-01"


def told(plan, levels, upto=31):
    """The levels of a plan as a bill is told them, up to some day."""
    changes = {day(since): amount for since, amount in levels["seats"] if since <= upto}
    return {"seats": changes} if "seats" in plan.levels else {}


def sums(usage):
    found = {}
    for part in usage.values():
        for entry, quantity in part.items():
            found[entry] = found.get(entry, 0) + quantity
    return found


def checked(bill):
    bill.verify()
    assert bill.explain()
    assert sum(line.amount for line in bill.lines) == bill.total
    check_breakdown(bill)
    again = serial.loads(serial.dumps(bill))
    assert (again.lines, again.total, again.closing) == (bill.lines, bill.total, bill.closing)
    return bill


def test_a_bill_is_what_a_clerk_reckons():
    for seed in range(SEED, SEED + LIVES):
        data, first, usage, levels = story(seed)
        plan, period = plan_of(data), tb.Period(day(first), JULY)
        bill = tb.Bill.of(tb.Usage(sums(usage)), plan, period=period, levels=told(plan, levels))

        assert Fraction(bill.total) == terms.owed(data, first, sums(usage), levels), f"seed {seed}"
        assert serial.loads(serial.dumps(plan)) == plan
        if seed % 8 == 0:
            checked(bill)


def test_splits_equal_amendments_and_storage_change_nothing():
    for seed in range(SEED, SEED + LIVES):
        data, first, usage, levels = story(seed)
        stage = ("bill", "line")[seed % 2]
        plan = plan_of(data, rounding=tb.Rounding(stage=stage))
        period = tb.Period(day(first), JULY)
        dated = {day(at): part for at, part in usage.items()}
        whole = tb.Bill.of(dated, plan, period=period, levels=told(plan, levels))

        contract = tb.Contract(plan).amended(day(20), plan)
        account, total = tb.Account(), 0
        for place, at in enumerate(usage):
            last = place == len(usage) - 1
            bill = tb.Bill.of(
                {day(at): usage[at]},
                (plan, contract)[seed % 3 == 0],
                opening=account,
                period=period,
                levels=told(plan, levels, 31 if last else max(at, first)),
                final=last,
                at=day(at),
            )
            account = serial.loads(serial.dumps(bill.closing)) if seed % 4 == 0 else bill.closing
            total += bill.total
            if seed % 16 == 0:
                checked(bill)
        assert total == whole.total, f"seed {seed}"
