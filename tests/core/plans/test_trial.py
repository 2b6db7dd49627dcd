"""Trials that cover usage, and those that no date begins: numbers worked out by hand."""

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Fee,
    Graduated,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Trial,
    Usage,
    serial,
)
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import InvalidPeriod, InvalidPlan

JUNE, JULY = Period("2026-06-01", "2026-07-01"), Period("2026-07-01", "2026-08-01")
FROM_JUNE = Cycle.monthly("2026-06-01")
BOTH = ("fee", "usage")
USED = {"2026-06-05": {"calls": 30}, "2026-06-20": {"calls": 12}}


def plan_of(trial, fee=40, **terms):
    prices = terms.pop("prices", PriceSchedule(calls=1))
    return BillingPlan(prices, fees=[Fee(fee)], **{"cycle": FROM_JUNE, "trial": trial, **terms})


TRIED = plan_of(Trial(15, on=BOTH), included={"calls": 10})


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_trial_covers_usage_and_uses_no_allowance_up(stage):
    # the fee for 15 of 30 days; twelve calls after the trial, ten of them included
    plan = plan_of(Trial(15, on=BOTH), included={"calls": 10}, rounding=Rounding(stage=stage))

    bill = Bill.of(USED, plan, period=JUNE)

    assert str(bill.total) == "22.00"
    said = [(line.description, line.quantity) for line in bill.lines[1:]]
    assert said == [("calls, covered by the trial", 30), ("calls, included", 10), ("calls", 2)]
    bill.verify()
    check_breakdown(bill)
    assert "nothing, for a trial covers it" in bill.explain()
    stored = serial.loads(serial.dumps(bill))
    stored.verify()
    assert stored.lines == bill.lines


@pytest.mark.parametrize(
    "keep", [lambda account: account, lambda it: serial.loads(serial.dumps(it))], ids=["kept", "stored"]
)
def test_any_cut_and_equal_amendments_change_nothing(keep):
    contract = Contract(TRIED).amended("2026-06-10", TRIED).amended("2026-06-22", TRIED)
    account, totals = Account(), []
    for day, used in USED.items():
        bill = Bill.of(Usage(used), contract, period=JUNE, at=day, opening=account, final=False)
        totals.append(str(bill.total))
        account = keep(bill.closing)

    assert totals == ["20.00", "2.00"]
    assert Bill.of(Usage(), contract, period=JUNE, opening=account).total == 0
    assert Bill.of(USED, contract, period=JUNE).lines == Bill.of(USED, TRIED, period=JUNE).lines


def test_tiers_begin_when_the_trial_is_over():
    tiers = Graduated([Tier(10, 3), Tier(None, 1)])
    plan = plan_of(Trial(15, on="usage"), fee=0, prices=PriceSchedule({"calls": tiers.each("region")}))

    bill = Bill.of({"2026-06-05": {"calls": 30}, "2026-06-20": {"calls": 12}}, plan, period=JUNE)

    assert bill.total == 32  # ten at 3, two at 1


def test_what_was_used_in_the_trial_alone_owes_nothing_by_group_after_it():
    prices = PriceSchedule(hours=PerUnit(1).at_least(10).each("machine"))
    plan = plan_of(Trial(15, on=BOTH), prices=prices)
    used = {"2026-06-05": {"hours{machine=a}": 30}, "2026-06-20": {"hours{machine=b}": 2}}

    bill = Bill.of(used, plan, period=JUNE)

    # 20 of the fee, and the least that machine b costs
    assert str(bill.total) == "30.00"
    bill.verify()


def test_a_month_in_the_trial_is_free_and_the_next_is_not():
    plan = plan_of(Trial(30, on=BOTH), taxes=[Tax("VAT", 20)])

    first = Bill.of(Usage(calls=9), plan, period=JUNE)
    second = Bill.of(Usage(calls=9), plan, period=JULY, opening=first.closing)

    assert (str(first.total), str(second.total)) == ("0.00", "58.80")  # 49.00 and 20 %
    first.verify()
    assert serial.loads(serial.dumps(first)).breakdown() == first.breakdown()


def test_fees_may_be_owed_while_usage_is_tried():
    assert Bill.of(USED, plan_of(Trial(15, on="usage")), period=JUNE).total == 52  # 40 and twelve calls
    assert Bill.of(USED, plan_of(Trial(15)), period=JUNE).total == 62  # 20 and 42 calls
    assert Bill.of(USED, plan_of(Trial(Period("2026-06-01", "2026-06-16"), on=BOTH)), period=JUNE).total == 32


def test_a_price_list_of_ones_own_may_be_tried():
    class Own:
        currency = "USD"

        def match(self, meter):
            return Entry("calls", 1)

    class Listed(Own):
        def __iter__(self):
            return iter([Entry("calls", 1)])

    for prices in (Own(), Listed()):
        assert Bill.of(USED, plan_of(Trial(15, on=BOTH), prices=prices), period=JUNE).total == 32


def test_fourteen_days_need_a_first_day():
    with pytest.raises(InvalidPlan, match="a cycle without a first day"):
        Bill.of(Usage(), BillingPlan.subscription(60, PriceSchedule(), trial=14), period=JUNE)
    with pytest.raises(InvalidPlan, match="no cycle to count from"):
        BillingPlan(PriceSchedule(), trial=Trial(14))
    plan = BillingPlan.subscription(60, PriceSchedule(), trial=14, cycle=FROM_JUNE)
    assert str(Bill.of(Usage(), plan, period=JUNE).total) == "32.00"
    for tried in (plan, TRIED):
        with pytest.raises(InvalidPeriod, match="no period"):
            Bill.of(Usage(), tried)
    assert BillingPlan.subscription(60, PriceSchedule(), trial=0).trial == 0


@pytest.mark.parametrize("wrong", [(-1,), ("14",), (5, ()), (5, "tax"), (5, 5)], ids=repr)
def test_what_is_no_trial_is_refused(wrong):
    with pytest.raises(InvalidPlan):
        Trial(*wrong)


def test_a_trial_is_a_document():
    for trial in (Trial(15, on=BOTH), Trial(JUNE), 15, JUNE):
        plan = plan_of(trial)
        assert serial.loads(serial.dumps(plan)) == plan


def test_a_trial_lasts_up_to_3660_days():
    assert Trial(3660).length == 3660
    assert Trial(0).length == 0
    with pytest.raises(InvalidPlan, match="not a trial"):
        Trial(3661)
