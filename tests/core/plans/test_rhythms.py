"""Fees with periods of their own: a yearly fee in a plan that is billed monthly, worked out by hand."""

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Commitment,
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
from tokenbill.core.plans.rhythms import plan_alone
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


@pytest.mark.parametrize("rounding", [Rounding(), Rounding(stage="line", tax="line")])
@pytest.mark.parametrize("due", ["advance", "arrears"])
def test_an_equal_amendment_changes_nothing_and_no_cut_does(due, rounding):
    weekly = Fee("10.01", "weekly", due, cycle=Cycle.weekly("2026-03-02"))
    plan = plan_of(weekly, taxes=[Tax("VAT", 19)], discounts=[Discount.percent(10)], rounding=rounding)
    # no week begins or ends from the 17th to the 20th: the fee goes on through that all the same
    contract = Contract(plan).amended("2026-03-17", plan).amended("2026-03-20", plan)

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


def test_a_fee_in_arrears_that_two_plans_have_is_due_once():
    # it was due twice in the versions after an amendment of anything else
    weekly = Fee(10, "weekly", "arrears", cycle=Cycle.weekly("2026-03-02"))
    one, other = plan_of(weekly), plan_of(weekly, taxes=[Tax("VAT", 10)])
    contract = Contract(one).amended("2026-03-12", other)

    # weeks that end on the 9th, and on the 16th, 23rd and 30th
    bill = Bill.of({}, contract, period=month(2026, 3))
    assert [(line.quantity, str(line.amount)) for line in bill.lines[:2]] == [(1, "10"), (3, "30")]
    assert str(bill.total) == "43.00"
    dearer = plan_of(Fee(20, "weekly", "arrears", cycle=Cycle.weekly("2026-03-02")))
    # the week from the 9th on is still of the first one
    changed = Bill.of({}, Contract(one).amended("2026-03-12", dearer), period=month(2026, 3))
    assert str(changed.total) == "60.00"


@pytest.mark.parametrize("due", ["advance", "arrears"])
def test_two_fees_that_are_alike_are_due_each_once(due):
    fee = Fee(10, "disk", due, cycle=Cycle.yearly("2026-03-01"))
    at = {"advance": (2026, 3), "arrears": (2027, 2)}[due]

    assert totals(plan_of(fee, fee), at) == ["20.00"]
    lines = Bill.of({}, Contract(plan_of(fee, fee)).ended("2027-03-01"), period=month(*at)).lines
    assert [(line.quantity, str(line.amount)) for line in lines if line.amount] == [(1, "10"), (1, "10")]
    assert totals(Contract(plan_of(fee, fee)).amended("2026-02-01", plan_of(fee, fee, minimum=1)), at) == [
        "20.00"
    ]


def test_an_end_cuts_short_only_what_it_lies_in():
    weekly = plan_of(Fee(7, "weekly", "arrears", cycle=Cycle.weekly("2026-03-02")))
    contract = Contract(weekly).amended("2026-03-10", weekly).ended("2026-03-18")

    # two weeks, and two days of the third
    assert totals(contract, (2026, 3)) == ["16.00"]


def test_an_end_with_the_period_cuts_arrears_short_too():
    in_arrears = plan_of(Fee(365, "support", "arrears", cycle=YEARLY))

    assert totals(Contract(in_arrears).ended("2026-05-01"), (2026, 3), (2026, 4)) == ["0.00", "61.00"]


def test_what_an_end_cuts_short_is_less_what_was_free():
    trial = Period("2026-03-01", "2026-04-01")
    fees = [Fee(365, "support", "arrears", cycle=YEARLY, prorated=prorated) for prorated in (True, False)]
    contracts = [Contract(plan_of(fee, trial=trial)).ended("2026-04-11") for fee in fees]

    # ten days of April; and all of it
    assert [totals(contract, (2026, 4)) for contract in contracts] == [["10.00"], ["365.00"]]
    whole = Contract(plan_of(fees[0], trial=trial)).ended("2026-04-11", "from_next")
    assert totals(whole, (2026, 4)) == ["334.00"]


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


def test_a_fee_in_arrears_whose_own_period_would_begin_with_the_end_is_not_owed():
    fee = Fee(70, "support", "arrears", cycle=Cycle.weekly("2026-03-02"))

    for fees in ("prorated", "from_next"):
        # the weeks from the 2nd and the 9th of March; none begins on the 16th
        contract = Contract(plan_of(fee)).ended("2026-03-16", fees)
        assert totals(contract, (2026, 3)) == ["140.00"]


def test_a_dated_fee_in_arrears_is_owed_for_own_periods_that_begin_from_its_start_and_before_its_end():
    weekly = Cycle.weekly("2026-03-02")
    fee = Fee(70, "support", "arrears", cycle=weekly, starts="2026-03-09", ends="2026-03-23")

    # the weeks from the 9th and from the 16th
    assert totals(Contract(plan_of(fee)), (2026, 3)) == ["140.00"]


def test_what_was_committed_counts_though_a_plan_to_come_commits_to_nothing():
    def committed(amount):
        return plan_of(commitment=Commitment(amount, cycle=Cycle.quarterly("2026-06-01")))

    contract = (
        Contract(committed(920)).amended("2026-06-16", committed(1840)).amended("2026-09-01", plan_of())
    )

    # of the 92 days of the term, which ends with August, 15 at 920 and 77 at 1,840
    assert totals(contract, (2026, 8)) == ["1690.00"]


@pytest.mark.parametrize("other", [Fee(5, "other", cycle=YEARLY), Fee(5, "other", "arrears", cycle=YEARLY)])
def test_a_fee_of_the_past_counts_beside_one_that_is_none(other):
    # a fee that had ended when its year began is not owed, whatever other fee stands beside it
    ended = Fee(1200, "support", "arrears", cycle=YEARLY, ends="2026-09-01")
    plan = plan_of(ended, other)
    assert (
        totals(plan, (2027, 2), (2028, 2))
        == {
            "advance": ["1200.00", "0.00"],
            "arrears": ["1205.00", "5.00"],
        }[other.due]
    )

    # and one of the plan before is owed for the year that began under it
    yearly = Fee(1200, "support", "arrears", cycle=YEARLY)
    contract = Contract(plan_of(yearly)).amended("2027-02-01", plan_of(other))
    assert totals(contract, (2027, 2)) == ["1200.00"]


BASE, DEARER = plan_of(), plan_of(Fee(5))
BEHIND = plan_of(Fee(1200, "platform", cycle=YEARLY, due="arrears"))
LATER = plan_of(Fee(1200, "platform", cycle=YEARLY, due="arrears", starts="2027-01-01"))
COMMITTED = plan_of(commitment=Commitment(900, cycle=YEARLY))


@pytest.mark.parametrize(
    ("contract", "may"),
    [
        (Contract(BASE), BASE),
        (Contract(BEHIND), BEHIND),
        (Contract(COMMITTED), COMMITTED),
        (Contract(BASE).amended("2026-04-01", DEARER), DEARER),
        (Contract(BASE).amended("2026-06-01", DEARER), BASE),
        (Contract(BASE).amended("2026-05-16", DEARER), None),
        (Contract(BASE).ended("2026-05-16"), None),
        (Contract(BASE).ended("2026-06-01"), BASE),
        (Contract(BEHIND).ended("2026-06-01"), None),
        (Contract(BEHIND).amended("2026-04-01", DEARER), None),
        (Contract(LATER), None),
        (Contract(COMMITTED).amended("2026-04-01", DEARER), None),
    ],
)
def test_a_plan_alone_bills_a_month_in_which_no_terms_but_its_own_count(contract, may):
    period = month(2026, 5)

    assert plan_alone(contract, period) == may
    if may is not None:
        assert Bill.of({"calls": 130}, contract, period=period).total == (
            Bill.of({"calls": 130}, may, period=period).total
        )
