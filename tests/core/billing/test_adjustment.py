from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import Adjustment, Bill, BillingPlan, PriceSchedule, Rounding


@pytest.mark.parametrize(("before", "after"), [("1.5", "1.25"), ("1.25", "1.5")])
def test_a_unit_that_nobody_lists_is_shown_with_the_finer_places_of_the_two_amounts(before, after):
    note = Adjustment((), Decimal(before), Decimal(after), "TOKEN")

    assert note.section().places == 2


@pytest.mark.parametrize(("earlier", "later"), [(2, 4), (4, 2)])
def test_the_difference_of_two_plans_keeps_the_finer_places(earlier, later):
    prices = PriceSchedule(api_calls="0.1234")
    bills = [
        Bill.of({"api_calls": 1}, BillingPlan(prices, rounding=Rounding(places=places)))
        for places in (earlier, later)
    ]

    assert (bills[1] - bills[0]).places == 4


def test_an_adjustment_says_why_and_is_the_same_in_other_places():
    plan = BillingPlan(PriceSchedule(a=1))
    adjustment = Bill.of({"a": 3}, plan) - Bill.of({"a": 1}, plan)

    assert evolve(adjustment, places=5) == adjustment != evolve(adjustment, reason="late")
    assert "late" in evolve(adjustment, reason="late").to_html()
    assert "reason" not in str(adjustment.section().about)
