"""Levels: seats and the like, paid for by the time that they last."""

from datetime import date
from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Discount,
    Fee,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
    frames,
    serial,
)
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.plans.levels import LevelChange, in_force, kept, levels_of, merged
from tokenbill.errors import (
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
)
from tokenbill.focus import rows

CALLS = PriceSchedule(calls=1)
SEATS = BillingPlan.subscription(Fee(10, "seats", level="seats"), CALLS)
STAIRS = Volume([Tier(10, fee=50), Tier(20, fee=100), Tier(None, fee=150)])
MARCH = Period("2026-03-01", "2026-04-01")
JUNE = Period("2026-06-01", "2026-07-01")
JULY = Period("2026-07-01", "2026-08-01")
AUGUST = Period("2026-08-01", "2026-09-01")


def bill_of(plan, levels, period=JUNE, usage=(), **how):
    bill = Bill.of(Usage(usage), plan, period=period, levels=levels, **how)
    bill.verify()
    assert sum(line.amount for line in bill.lines) == bill.total == bill.breakdown().total.gross
    again = serial.loads(serial.dumps(bill))
    again.verify()
    assert (again.lines, again.closing, again.due) == (bill.lines, bill.closing, bill.due)
    return bill


def amounts(bill):
    return [str(line.amount) for line in bill.lines]


def test_each_part_of_the_period_owes_its_level():
    bill = bill_of(SEATS, {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]})

    assert (amounts(bill), str(bill.total)) == (["15.00", "25.00"], "40.00")
    assert "at 3 seats, 1/2 of the period" in bill.explain()


@pytest.mark.parametrize(
    "moments",
    [("2026-12-01", "2026-12-15"), ("2026-11-30T16:00:00Z", "2026-12-14T16:00:00Z")],
    ids=["days", "instants"],
)
@pytest.mark.parametrize("is_amended", [False, True])
def test_levels_change_in_the_zone_of_the_cycle(moments, is_amended):
    cycle = Cycle.monthly(tz="Asia/Shanghai")
    plan = BillingPlan.subscription(Fee(10, "seats", level="seats"), CALLS, cycle=cycle)
    terms = Contract(plan).amended("2026-12-20", evolve(plan, minimum=1)) if is_amended else plan
    levels = {"seats": dict(zip(moments, (3, 5), strict=True))}

    # 14 of 31 days with 3 seats, 17 with 5
    assert str(bill_of(terms, levels, cycle.containing("2026-12-05T12:00:00Z")).total) == "40.97"


def test_parts_are_rounded_together():
    changes = {
        "2026-07-01": "3",
        "2026-07-03": "4",
        "2026-07-08": "5",
        "2026-07-13": "4",
        "2026-07-21": "6",
        "2026-07-27": "5",
    }
    for stage in ("bill", "line"):
        plan = BillingPlan.subscription(
            Fee(10, "seats", level="seats"), CALLS, rounding=Rounding(stage=stage)
        )
        bill = bill_of(plan, {"seats": changes}, JULY)
        assert str(bill.total) == "46.45"  # 1440 ÷ 31
    assert bill_of(SEATS, {"seats": changes}, JULY).exact == Fraction(1440, 31)


def test_a_fee_of_a_level_is_what_it_comes_to_whatever_its_curve():
    by_line = {"rounding": Rounding(mode="down", stage="line", tax="line"), "taxes": [Tax("VAT", "33.3")]}
    few = Fee(Volume([Tier(4, rate=1), Tier(None, fee=5)]).of("seats"), "care")
    each = Fee(PerUnit(1).of("seats"), "care")
    contract = Contract(BillingPlan.subscription(few, CALLS, **by_line))
    contract = contract.amended("2026-06-06", BillingPlan.subscription(each, CALLS, **by_line))

    # 4 seats are 4.00 by either: one item, with a tax of 1.332, rounded once; 0.66 and 3.34 would owe 1.32
    assert amounts(bill_of(contract, {"seats": 4})) == ["4.00", "1.33"]


def test_a_level_may_be_a_part():
    plan = BillingPlan.subscription(Fee(31, "disk", level="disk"), CALLS)
    bill = bill_of(plan, {"disk": {"2026-07-01": "0.1", "2026-07-15": "0.2"}}, JULY)

    assert amounts(bill) == ["1.40", "3.40"]


def test_any_curve_prices_a_level():
    plan = BillingPlan.subscription(Fee(STAIRS, "seats", level="seats"), CALLS)

    assert str(bill_of(plan, {"seats": 8}).total) == "50.00"
    assert str(bill_of(Contract(plan).amended("2026-06-16", plan), {"seats": 8}).total) == "50.00"
    # half of 50 and half of 100, the line is cut where the level changes
    assert str(bill_of(plan, {"seats": {"2026-06-01": 8, "2026-06-16": 12}}).total) == "75.00"
    read = BillingPlan.subscription(Fee(STAIRS.of("seats"), "seats"), CALLS)
    assert str(bill_of(read, {"seats": 8}).total) == "50.00"


def test_a_level_goes_on_until_it_changes_in_the_account_too():
    first = bill_of(SEATS, {"seats": {"2026-06-01": 1}}, final=False, at="2026-06-01")
    second = bill_of(SEATS, {"seats": {"2026-06-16": 4}}, opening=first.closing, at="2026-06-16")

    assert (str(first.total), str(second.total)) == ("10.00", "15.00")
    assert amounts(second) == ["-5.00", "20.00"]
    account = serial.loads(serial.dumps(second.closing))
    assert account.levels == (("seats", (LevelChange("2026-06-16", 4),)),)
    july = bill_of(SEATS, {}, JULY, opening=account)
    assert str(july.total) == "40.00"
    assert str(bill_of(SEATS, {}, AUGUST, opening=july.closing).total) == "40.00"


def test_a_change_to_come_waits_for_its_period():
    june = bill_of(SEATS, {"seats": [("2026-06-01", 2), ("2026-07-16", 4)]})

    assert str(june.total) == "20.00"
    # 15 of 31 days at 20, 16 at 40: 9.677… + 20.645…
    assert str(bill_of(SEATS, {}, JULY, opening=june.closing).total) == "30.32"


def test_a_change_that_is_told_late_is_billed_when_it_is_told():
    first = bill_of(SEATS, {"seats": 2}, final=False, at="2026-06-20")
    late = bill_of(SEATS, {"seats": {"2026-06-11": 5}}, opening=first.closing)

    assert (str(first.total), str(late.total)) == ("20.00", "20.00")  # 2 × ⅓ and 5 × ⅔ are 40


@pytest.mark.parametrize("days", [(3,), (3, 18), (2, 11, 16, 25)])
def test_splitting_and_equal_amendments_change_nothing(days):
    plan = BillingPlan.subscription(
        Fee(7, "seats", level="seats"),
        CALLS,
        fees=[Fee(PerUnit("0.05").of("calls"), "care"), Fee(3, "disks", level="disks", prorated=False)],
        discounts=[Discount.percent(10, on="fee:seats")],
        taxes=[Tax("VAT", "19.6", on="fee")],
        minimum=Limit(PerUnit(4).of("seats"), on="usage"),
    )
    levels = {"seats": {f"2026-06-{day:02}": day for day in days}, "disks": 2}
    usage = {f"2026-06-{day:02}": {"calls": day} for day in (1, 12, 24)}
    whole = Bill.of(usage, plan, period=JUNE, levels=levels)

    for terms in (plan, Contract(plan).amended("2026-06-16", plan)):
        account, total = Account(), 0
        for at, used in usage.items():
            told = {"disks": 2, "seats": {"2026-06-01": 0}}
            told["seats"] |= {day: n for day, n in levels["seats"].items() if day <= at}
            last = at.endswith("24")
            told = levels if last else told
            bill = Bill.of({at: used}, terms, opening=account, period=JUNE, levels=told, final=last)
            bill.verify()
            account, total = serial.loads(serial.dumps(bill.closing)), total + bill.total
        assert total == whole.total


def test_an_allowance_counts_a_level_by_the_time_it_lasted():
    plan = BillingPlan.subscription(
        Fee(0, level="seats"), CALLS, included={"calls": PerUnit(1900).of("seats")}
    )

    assert str(bill_of(plan, {"seats": 3}, usage={"calls": 6000}).total) == "300.00"
    changes = {"seats": {"2026-06-01": 3, "2026-06-16": 5}}
    assert str(bill_of(plan, changes, usage={"calls": 8000}).total) == "400.00"  # 4 × 1,900 are free
    half = Period("2026-06-16", "2026-07-01")
    assert str(bill_of(plan, {"seats": 2}, half, usage={"calls": 4000}).total) == "200.00"
    part = BillingPlan.subscription(
        Fee(0, level="seats"), CALLS, included={"calls": PerUnit(1900).of("seats")}, prorate_included=True
    )
    assert str(bill_of(part, {"seats": 2}, half, usage={"calls": 4000}).total) == "2100.00"


def test_limits_count_a_level_by_the_time_it_lasted():
    plan = BillingPlan.on_demand(CALLS, minimum=PerUnit(10).of("seats"), cycle=Cycle.monthly())

    assert str(bill_of(plan, {"seats": {"2026-06-01": 3, "2026-06-16": 5}}).total) == "40.00"
    capped = BillingPlan.on_demand(CALLS, maximum=PerUnit(10).of("seats"), cycle=Cycle.monthly())
    assert str(bill_of(capped, {"seats": 2}, usage={"calls": 50}).total) == "20.00"


def test_deferred_fees_keep_their_price_and_follow_the_level():
    dear = BillingPlan.subscription(Fee(20, "seats", level="seats"), CALLS)
    contract = Contract(SEATS).amended("2026-06-11", dear, fees="from_next")

    # 10 for each seat of the month, 2 and then 4
    assert str(bill_of(contract, {"seats": {"2026-06-01": 2, "2026-06-16": 4}}).total) == "30.00"
    assert str(bill_of(contract, {"seats": 4}, JULY).total) == "80.00"


def test_an_upgrade_in_the_middle_charges_each_price_for_its_time():
    dear = BillingPlan.subscription(Fee(20, "seats", level="seats"), CALLS)
    contract = Contract(SEATS).amended("2026-06-16", dear)

    assert str(bill_of(contract, {"seats": 2}).total) == "30.00"  # 10 + 20
    assert str(bill_of(SEATS, {"seats": 2}, Period("2026-06-16", "2026-07-01")).total) == "10.00"


def test_without_a_period_a_level_is_a_number():
    plan = BillingPlan.on_demand(CALLS, included={"calls": PerUnit(1900).of("seats")})
    bill = Bill.of(Usage(calls=6000), plan, levels={"seats": 3}, final=False)

    assert str(bill.total) == "300.00"
    assert str(Bill.of(Usage(calls=50), plan, opening=bill.closing).total) == "50.00"
    with pytest.raises(InvalidPeriod, match="a level with a date, and no period"):
        Bill.of(Usage(), plan, levels={"seats": {"2026-06-01": 3}})


def test_a_plan_at_levels_has_numbers():
    plan = BillingPlan.on_demand(
        CALLS,
        fees=[Fee(10, "seats", level="seats"), Fee(1, "base"), Fee(PerUnit(1).of("calls"), "care")],
        included={"calls": PerUnit(5).of("seats")},
        minimum=PerUnit(100).of("seats"),
    )
    fixed = plan.at_levels({"seats": 3})

    assert [fee.amount for fee in fixed.fees[:2]] == [30, 1]
    assert (fixed.included, fixed.minimum, fixed.levels) == (((("calls"), 15),), 300, frozenset())
    with pytest.raises(InvalidUsage, match="a level that was not told"):
        plan.at_levels({})
    with pytest.raises(InvalidUsage, match="did you mean 'seats'"):
        plan.at_levels({"seat": 3})
    thirds = BillingPlan.on_demand(CALLS, fees=[Fee(PerUnit(1, per=3), "s", level="seats")])
    with pytest.raises(InvalidPlan, match="an amount that no decimal holds"):
        thirds.at_levels({"seats": 1})


def test_columns_and_comparisons_ask_for_the_plan_at_levels():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"calls": [3]})

    with pytest.raises(InvalidPlan, match=r"a plan that reads levels.*at_levels"):
        frames.rate(frame, SEATS)
    billed = frames.rate(frame, SEATS.at_levels({"seats": 2}))
    assert billed["amount"].sum() == 23


def test_credit_pays_levels_and_gets_back_what_falls_away():
    account = Account(balance=[Grant("g", 100, "USD")])
    first = bill_of(SEATS, {"seats": 6}, final=False, opening=account, at="2026-06-01")
    second = bill_of(SEATS, {"seats": {"2026-06-16": 2}}, opening=first.closing, at="2026-06-16")

    assert (str(first.total), str(second.total)) == ("60.00", "-20.00")
    assert str(second.closing.balance.left("g")) == "60.00"


def test_focus_rows_have_a_part_for_each_level():
    bill = bill_of(SEATS, {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]})

    assert sum(row["BilledCost"] for row in rows(bill, issuer="x", account_id="c")) == 40


def test_instants_change_levels_in_the_zone_of_the_cycle():
    plan = BillingPlan.subscription(
        Fee(30, "seats", level="seats"), CALLS, cycle=Cycle.monthly(tz="Europe/Berlin"), proration="second"
    )
    period = plan.cycle.containing("2026-06-05")
    bill = bill_of(plan, {"seats": {"2026-05-31T22:00:00Z": 1, "2026-06-16T00:00:00+02:00": 3}}, period)

    assert str(bill.total) == "60.00"


@pytest.mark.parametrize(
    ("levels", "error", "match"),
    [
        ({}, InvalidUsage, "a level that no bill was told: 'seats'"),
        ({"seat": 3}, InvalidUsage, "did you mean 'seats'"),
        ({"seats": -1}, InvalidPrice, "negative"),
        ({"seats": 0.5}, InvalidNumber, "float"),
        ({"seats": []}, InvalidUsage, "not a level"),
        ({"seats": None}, InvalidUsage, "not a level"),
        ({"seats": {"June": 3}}, InvalidPeriod, "June"),
        ({"": 3}, InvalidName, "level"),
        (5, InvalidUsage, "not levels"),
    ],
    ids=list("abcdefghi"),
)
def test_levels_that_are_none_are_refused(levels, error, match):
    with pytest.raises(error, match=match):
        Bill.of(Usage(), SEATS, period=JUNE, levels=levels)


def test_a_plan_that_reads_no_level_takes_none():
    plan = BillingPlan.subscription(10, CALLS)

    with pytest.raises(InvalidUsage, match="a level that no term reads"):
        Bill.of(Usage(), plan, levels={"seats": 3})


def test_levels_are_kept_in_order_and_merged():
    told = levels_of({"a": [("2026-06-16", 5), ("2026-06-01", 3), ("2026-06-16", 6)]})

    assert [change.amount for change in told[0][1]] == [3, 6]
    assert merged(told, levels_of({"a": 9})) == (("a", (LevelChange(None, 9),)),)
    assert [c.amount for c in dict(merged(told, levels_of({"a": {"2026-06-10": 4}})))["a"]] == [3, 4, 6]
    assert kept(told, None, None) == told
    assert in_force(told, ["a", "b"], date(2026, 5, 1), default=True) == {"a": 0, "b": 0}
    assert levels_of(told) == told
    with pytest.raises(InvalidPeriod):
        levels_of({"a": [("2026-06-01", 3), ("2026-06-02T00:00:00Z", 3)]})


def test_levels_by_date_may_come_from_any_iterable():
    once = iter([("2026-06-01", 3), ("2026-06-16", 5)])

    assert str(bill_of(SEATS, {"seats": once}).total) == "40.00"


def test_a_level_that_changes_with_the_terms_begins_no_version_of_its_own():
    dear = BillingPlan.subscription(Fee(20, "seats", level="seats"), CALLS)
    contract = Contract(SEATS).amended("2026-06-16", dear)
    levels = {"seats": [("2026-06-01", 1), ("2026-06-16", 3)]}
    account = Bill.of(Usage(), contract, period=JUNE, levels=levels, final=False).closing

    assert [str(version.start) for version in account.versions] == ["2026-06-01", "2026-06-16"]
    assert str(account.accrued) == "35.00"  # half of 10, half of 60


def test_of_a_level_that_changes_with_the_period_only_what_holds_goes_on():
    told = levels_of({"seats": [("2026-06-01", 3), ("2026-07-01", 5), ("2026-07-02", 6)]})

    assert [change.amount for change in kept(told, JUNE, SEATS.cycle)[0][1]] == [5, 6]


def test_a_fee_of_a_level_that_is_put_off_goes_on_under_a_plan_without_it():
    seats = BillingPlan(PriceSchedule(calls=1), fees=[Fee(30, "seats", level="seats")], cycle=Cycle.monthly())
    without = BillingPlan(PriceSchedule(calls=1), cycle=Cycle.monthly())
    june, told = Period("2026-06-01", "2026-07-01"), {"seats": 3}

    def total(contract):
        return str(Bill.of({}, contract, period=june, levels=told).total)

    assert total(Contract(seats).amended("2026-06-16", without, fees="from_next")) == "90.00"
    assert total(Contract(seats).amended("2026-06-16", without)) == "45.00"
    assert total(Contract(without).amended("2026-06-16", seats, fees="from_start")) == "90.00"


def test_a_level_that_one_bill_was_told_is_none_of_the_next():
    june = Period("2026-06-01", "2026-07-01")
    read = Contract(BillingPlan(PriceSchedule(a=1), fees=[Fee(10, "seats", level="seats")]))
    assert Bill.of({"a": 1}, read, period=june, levels={"seats": 3}).total == 31
    with pytest.raises(InvalidUsage):
        Bill.of({"a": 1}, read, period=june)
    plain = Contract(BillingPlan(PriceSchedule(a=1)))
    assert Bill.of({"a": 1}, plain, period=june).total == 1
    with pytest.raises(InvalidUsage):
        Bill.of({"a": 1}, plain, period=june, levels={"seats": 3})
