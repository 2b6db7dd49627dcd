"""Fees with periods of their own: a yearly fee in a plan that is billed monthly, worked out by hand."""

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    serial,
)
from tokenbill.errors import InvalidPeriod, InvalidPlan

CALLS = PriceSchedule(calls=1)
YEARLY = Cycle.yearly("2026-03-01")
PLATFORM = Fee(1200, "platform", cycle=YEARLY)


def month(year, number):
    return Cycle.monthly("2020-01-01").containing(f"{year}-{number:02}-15")


def plan_of(*fees, **terms):
    return BillingPlan(CALLS, fees=fees, **{"cycle": Cycle.monthly(), "included": {"calls": 100}, **terms})


def totals(contract, *months):
    return [str(Bill.of({}, contract, period=month(*each)).total) for each in months]


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_yearly_fee_is_due_in_the_month_in_which_its_year_begins(stage):
    plan, account, bills = plan_of(PLATFORM, rounding=Rounding(stage=stage)), Account(), []
    for number, used in ((3, 90), (4, 120)):
        bills.append(Bill.of(Usage(calls=used), plan, period=month(2026, number), opening=account))
        account = serial.loads(serial.dumps(bills[-1])).closing

    assert [str(bill.total) for bill in bills] == ["1200.00", "20.00"]  # 20 calls beyond 100 a month
    for bill in bills:
        bill.verify()
    assert totals(plan, (2026, 2), (2027, 2), (2027, 3), (2027, 4)) == ["0.00", "0.00", "1200.00", "0.00"]


def test_in_arrears_it_is_due_where_its_year_ends():
    plan = plan_of(Fee(1200, "support", "arrears", cycle=YEARLY))

    assert totals(plan, (2026, 2), (2026, 3), (2027, 2), (2027, 3)) == ["0.00", "0.00", "1200.00", "0.00"]
    open_bill = Bill.of(Usage(calls=101), plan, period=month(2027, 2), final=False)
    assert str(open_bill.total) == "1.00"  # not before the period closes


def test_a_period_may_hold_several_of_its_periods():
    plan = plan_of(Fee(10, "weekly", cycle=Cycle.weekly("2026-03-02")))

    bill = Bill.of({}, plan, period=month(2026, 3))  # the 2nd, 9th, 16th, 23rd and 30th

    assert [(line.quantity, line.rate, line.amount) for line in bill.lines] == [(5, 10, 50)]


def test_fees_stay_in_the_order_in_which_they_are_written():
    bill = Bill.of(
        {}, plan_of(PLATFORM, Fee(5, "seat"), Fee(1, "audit", cycle=YEARLY)), period=month(2026, 3)
    )

    assert [line.description for line in bill.lines] == ["platform", "seat", "audit"]


@pytest.mark.parametrize("due", ["advance", "arrears"])
def test_an_equal_amendment_changes_nothing_and_no_cut_does(due):
    weekly = Fee("10.01", "weekly", due, cycle=Cycle.weekly("2026-03-02"))
    plan = plan_of(weekly, taxes=[Tax("VAT", 19)], discounts=[Discount.percent(10)])
    contract = Contract(plan).amended("2026-03-11", plan).amended("2026-03-20", plan)

    whole = Bill.of({}, plan, period=month(2026, 3))
    account, parts = Account(), []
    for final in (False, False, True):
        parts.append(Bill.of({}, contract, period=month(2026, 3), opening=account, final=final))
        account = parts[-1].closing

    assert sum(bill.total for bill in parts) == whole.total
    assert Bill.of({}, contract, period=month(2026, 3)).lines == whole.lines


@pytest.mark.parametrize("due", ["advance", "arrears"])
def test_a_later_change_holds_from_its_next_period(due):
    small, large = (plan_of(Fee(amount, "platform", due, cycle=YEARLY)) for amount in (1200, 2400))
    contract = Contract(small).amended("2026-06-16", large)

    june = Bill.of({}, contract, period=month(2026, 6))
    firsts = {"advance": [(2026, 3), (2027, 3)], "arrears": [(2027, 2), (2028, 2)]}[due]

    assert str(june.total) == "0.00"
    assert totals(contract, *firsts) == ["1200.00", "2400.00"]


def test_a_change_within_a_month_counts_from_the_day_on_which_its_period_begins():
    weekly = [plan_of(Fee(amount, "weekly", cycle=Cycle.weekly("2026-03-02"))) for amount in (10, 20)]

    bill = Bill.of({}, Contract(weekly[0]).amended("2026-03-16", weekly[1]), period=month(2026, 3))

    assert str(bill.total) == "80.00"  # the 2nd and 9th at 10; the 16th, 23rd and 30th at 20


def test_a_dated_fee_in_arrears_is_owed_if_it_held_when_its_period_began():
    fee = Fee(1200, "support", "arrears", cycle=YEARLY, ends="2026-09-01")

    assert totals(plan_of(fee), (2027, 2), (2028, 2)) == ["1200.00", "0.00"]


def test_an_end_gives_nothing_of_an_advance_back_and_cuts_arrears_short():
    in_advance, in_arrears = plan_of(PLATFORM), plan_of(Fee(1200, "support", "arrears", cycle=YEARLY))

    assert totals(Contract(in_advance).ended("2026-04-11"), (2026, 4)) == ["0.00"]
    # 1 March to 11 April are 41 of 365 days
    assert totals(Contract(in_arrears).ended("2026-04-11"), (2026, 4)) == ["134.79"]
    assert totals(Contract(in_arrears).ended("2026-04-11", "from_next"), (2026, 4)) == ["1200.00"]


def test_a_trial_takes_its_part():
    # 31 days of March are free, of 365
    trial = Period("2026-03-01", "2026-04-01")
    once = Fee(1200, "setup", cycle=YEARLY, prorated=False)

    assert totals(plan_of(PLATFORM, trial=trial), (2026, 3)) == ["1098.08"]
    assert totals(plan_of(once, trial=trial), (2026, 3)) == ["1200.00"]


def test_periods_of_instants_are_read_in_the_zone_of_the_fee():
    zone = "Asia/Shanghai"
    plan = plan_of(Fee(10, "yearly", cycle=Cycle.yearly("2026-03-01", tz=zone)), cycle=Cycle.monthly(tz=zone))
    march = plan.cycle.containing("2026-03-15T00:00:00Z")

    assert Bill.of({}, plan, period=march).total == 10
    assert Bill.of({}, plan, period=plan.cycle.containing("2026-04-15T00:00:00Z")).total == 0


def test_without_a_period_nobody_knows_when_it_is_due():
    with pytest.raises(InvalidPeriod, match="say period="):
        Bill.of(Usage(), plan_of(PLATFORM))
    with pytest.raises(InvalidPlan, match="not a cycle of a fee"):
        Fee(1, cycle="year")


def test_a_fee_of_its_own_rhythm_is_a_document():
    bill = Bill.of(Usage(calls=90), plan_of(PLATFORM), period=month(2026, 3))

    assert serial.loads(serial.dumps(bill.plan)) == bill.plan
    assert "platform: 1 × 1200 = 1200" in bill.explain()
    assert check_breakdown(bill)[0].gross == 1200
