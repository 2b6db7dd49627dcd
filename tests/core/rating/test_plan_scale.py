"""Amounts that only one term of a plan brings, far below a cent: none of them is cut off."""

from fractions import Fraction

import pytest

from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Limit,
    Period,
    PriceSchedule,
    Rounding,
)

APRIL = Cycle.monthly("2026-04-01")
DAY = Period("2026-04-01", "2026-04-02")  # one of 30
TINY = "0.0000000000001"
"""Beyond what prices alone make whole."""


def bill_of(used, mode, period=DAY, **terms):
    plan = BillingPlan(PriceSchedule(calls=1), cycle=APRIL, rounding=Rounding(mode=mode), **terms)
    return Bill.of({"calls": used}, plan, period=period)


@pytest.mark.parametrize(
    ("used", "mode", "terms", "total"),
    [
        (0, "up", {"fees": Fee(1)}, "0.04"),  # 0.0333…
        (0, "up", {"fees": Fee(TINY)}, "0.01"),
        (0, "up", {"fees": Fee(TINY, prorated=False)}, "0.01"),
        (0, "up", {"fees": Fee(TINY, cycle=Cycle.weekly("2026-04-01"))}, "0.01"),
        (10, "down", {"discounts": Discount.fixed(1)}, "9.96"),  # 9.9666…
        (10, "down", {"discounts": Discount.fixed(TINY)}, "9.99"),
        (10, "down", {"discounts": Discount.fixed(TINY, prorated=False)}, "9.99"),
        (10, "down", {"discounts": Discount.percent("0.001")}, "9.99"),
        (10, "up", {"maximum": Limit(1)}, "0.04"),
        (10, "up", {"maximum": Limit(TINY)}, "0.01"),
        (10, "up", {"maximum": Limit(TINY, prorated=False)}, "0.01"),
        (0, "up", {"minimum": Limit(1)}, "0.04"),
        (0, "up", {"minimum": Limit(TINY)}, "0.01"),
        (0, "up", {"minimum": Limit(TINY, prorated=False)}, "0.01"),
    ],
)
def test_a_term_counts_to_its_last_digit(used, mode, terms, total):
    bill = bill_of(used, mode, **terms)

    assert str(bill.total) == total
    bill.verify()


def test_a_part_of_a_fee_with_periods_of_its_own_counts_to_its_last_digit():
    fee = Fee(TINY, due="arrears", cycle=Cycle.quarterly("2026-04-01"))
    plan = BillingPlan(PriceSchedule(calls=1), cycle=APRIL, fees=fee, rounding=Rounding(mode="up"))
    contract = Contract(plan).ended("2026-04-02")
    bill = Bill.of({}, contract, period=Period("2026-04-01", "2026-05-01"))

    assert bill.exact == Fraction(TINY) / 91
    assert str(bill.total) == "0.01"
    bill.verify()


# just below a half, at it, just above it, at the next half, and at a whole unit
@pytest.mark.parametrize(
    ("mode", "totals"),
    [
        ("half_up", ["0.02", "0.03", "0.03", "0.04", "0.03"]),
        ("half_even", ["0.02", "0.02", "0.03", "0.04", "0.03"]),
        ("up", ["0.03", "0.03", "0.03", "0.04", "0.03"]),
        ("down", ["0.02", "0.02", "0.02", "0.03", "0.03"]),
    ],
)
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_total_is_rounded_by_its_mode(mode, totals, stage):
    plan = BillingPlan(PriceSchedule(calls=1), rounding=Rounding(mode=mode, stage=stage))
    bills = [Bill.of({"calls": used}, plan) for used in ("0.0249", "0.025", "0.0251", "0.035", "0.03")]

    assert [str(bill.total) for bill in bills] == totals
    for bill in bills:
        bill.verify()
