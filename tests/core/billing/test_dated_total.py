"""Totals of dated bills that sums say: the same as the long way, whatever takes part."""

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import contract_simulator
from tests.oracle.contract_plans import contract_of, levels_of
from tokenbill import (
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Trial,
    Usage,
    Volume,
)
from tokenbill.core.billing import dated_total
from tokenbill.core.billing.dated_total import PeriodSums
from tokenbill.core.rating import rate_card
from tokenbill.core.rating.version_terms import not_negative
from tokenbill.errors import InvalidPeriod, InvalidPlan, InvalidUsage, UnpricedUsage

MARCH, JUNE = Period("2026-03-01", "2026-04-01"), Period("2026-06-01", "2026-07-01")


def is_by_sums(bill):
    return type(bill._parts[-1]) is PeriodSums


def by_sums(bill):
    """A bill whose total sums said, and the long way says, too."""
    assert is_by_sums(bill)
    assert bill.delta.total == bill.total
    bill.verify()
    return str(bill.total)


def changed(*plans, on=("2026-06-11", "2026-06-21"), **how):
    contract = Contract(plans[0])
    for at, plan in zip(on, plans[1:], strict=False):
        contract = contract.amended(at, plan, **how)
    return contract


def monthly(fee, prices, **terms):
    return BillingPlan.subscription(fee, PriceSchedule(prices), **terms)


def test_three_versions_of_fees_and_one_allowance():
    plans = [monthly(fee, {"calls": "0.01", "gpus": "0.10"}, included={"calls": 500}) for fee in (30, 60, 90)]
    used = {f"2026-06-{day}": Usage(calls=1000, gpus=10) for day in ("05", "15", "25")}
    # fees 10 + 20 + 30, calls (3,000 − 500) × 0.01, gpus 30 × 0.10
    assert by_sums(Bill.of(used, changed(*plans), period=JUNE)) == "88.00"
    assert by_sums(Bill.of(used, changed(*plans), period=JUNE, final=False)) == "88.00"


def test_tiers_go_on_over_prices_and_begin_anew_where_they_restart():
    old = Graduated([Tier(100, "1"), Tier(None, "0.5")])
    new = Graduated([Tier(100, "2"), Tier(None, "1")])
    plans = [BillingPlan.subscription(0, PriceSchedule(calls=price)) for price in (old, new)]
    used = {"2026-06-05": Usage(calls=60), "2026-06-15": Usage(calls=60)}
    # 60 × 1, then 40 × 2 + 20 × 1; begun anew 60 × 2
    assert by_sums(Bill.of(used, changed(*plans), period=JUNE)) == "160.00"
    assert by_sums(Bill.of(used, changed(*plans, tiers="restart"), period=JUNE)) == "180.00"


def test_no_version_is_below_zero():
    falling = Volume([Tier(30, 10), Tier(None, 1)])
    plans = [
        BillingPlan.subscription(0, PriceSchedule(calls=falling), taxes=[Tax("VAT", rate)])
        for rate in (20, 0)
    ]
    used = {"2026-06-05": Usage(calls=20), "2026-06-15": Usage(calls=20)}
    # 200 and 40 − 200 are 40 and 0, of which 20 % is tax
    assert by_sums(Bill.of(used, changed(*plans), period=JUNE)) == "48.00"


def test_what_is_due_though_nothing_is_used_is_due_once():
    standing = PerUnit("1") + Flat(5, at_zero=True)
    plans = [monthly(0, {"calls": price}) for price in (standing, standing + PerUnit(1))]
    contract = changed(*plans)
    assert by_sums(Bill.of(Usage(), contract, period=JUNE, at="2026-06-30")) == "5.00"
    # 5 + 10 × 1, then 10 × 2
    used = {"2026-06-05": Usage(calls=10), "2026-06-15": Usage(calls=10)}
    assert by_sums(Bill.of(used, contract, period=JUNE)) == "35.00"
    restarted = changed(*plans, tiers="restart")
    # 5 + 10 × 1, then 5 + 10 × 2
    assert by_sums(Bill.of(used, restarted, period=JUNE)) == "40.00"


def test_an_entry_that_only_a_later_version_has():
    plans = [
        monthly(0, {"calls": 1}),
        monthly(0, {"calls": 1, "disk": Flat(7, at_zero=True)}),
        monthly(0, {"disk": 2}),
    ]
    contract = changed(*plans)
    # 3 + 3 calls, and disk 7; a price of 2 for the one disk there was lowers nothing more
    used = {"2026-06-05": Usage(calls=3), "2026-06-15": Usage(calls=3, disk=1)}
    assert by_sums(Bill.of(used, contract, period=JUNE)) == "13.00"
    with pytest.raises(UnpricedUsage):
        Bill.of({"2026-06-25": Usage(calls=3)}, contract, period=JUNE)


def test_groups_and_labels_met_late():
    each = PriceSchedule(
        {"calls": Graduated([Tier(10, 1), Tier(None, 2)]).each("region"), "calls{kind=spot}": "0.5"}
    )
    plans = [
        BillingPlan.subscription(0, each, discounts=[Discount.percent(part, on="calls{kind=spot}")])
        for part in (10, 20)
    ]
    contract = changed(*plans)
    # 10 × 1 + 2 × 2 in a, 6 × 1 in b, 10 × 0.5 less 10 %, 10 × 0.5 less 20 %
    first = Usage({"calls{region=a}": 6, "calls{kind=spot}": 10})
    later = Usage({"calls{region=a}": 6, "calls{region=b}": 6, "calls{kind=spot}": 10})
    assert by_sums(Bill.of({"2026-06-05": first, "2026-06-15": later}, contract, period=JUNE)) == "28.50"


@pytest.mark.parametrize("price", [PerUnit(1), Graduated([Tier(100, 1), Tier(None, 2)])], ids=str)
def test_a_group_met_late_that_a_tax_is_on_alone(price):
    prices = PriceSchedule({"calls": price.each("region"), "calls{kind=spot,region=a}": "0.5"})
    taxes = [Tax("VAT", 10, on="calls{region=a}"), Tax("levy", 1, on="calls{kind=spot}")]
    plans = [BillingPlan.subscription(fee, prices, taxes=taxes) for fee in (0, 30)]
    contract = changed(*plans, on=["2026-06-16"])
    used = {"2026-06-05": Usage({"calls{region=b}": 10}), "2026-06-20": Usage({"calls{region=a}": 10})}
    # 15 of a fee, 10, 10 and 10 % of the last
    assert by_sums(Bill.of(used, contract, period=JUNE)) == "36.00"


def test_a_group_that_was_used_in_its_trial_alone_costs_nothing_after_it():
    price = (PerUnit(1) + Flat(7, at_zero=True)).each("region")
    trial = Trial(Period("2026-06-01", "2026-06-11"), on=("usage",))
    plan = BillingPlan.subscription(0, PriceSchedule(calls=price), trial=trial)
    before, after = Usage({"calls{region=a}": 5}), Usage({"calls{region=b}": 5})
    assert by_sums(Bill.of({"2026-06-05": before}, plan, period=JUNE)) == "0.00"
    # 7 + 5 × 1 of b alone, and then of a too
    assert by_sums(Bill.of({"2026-06-05": before, "2026-06-15": after}, plan, period=JUNE)) == "12.00"
    assert (
        by_sums(Bill.of({"2026-06-05": before, "2026-06-15": before + after}, plan, period=JUNE)) == "24.00"
    )


def test_usage_of_no_time_where_all_versions_price_it_alike():
    plans = [monthly(fee, {"calls": 1}, included={"calls": 5}) for fee in (30, 60)]
    contract = changed(*plans)
    # 10 + 40 of fees, 7 − 5 calls
    assert by_sums(Bill.of(Usage(calls=7), contract, period=JUNE)) == "52.00"
    assert by_sums(Bill.of({"calls": 7}, contract, period=JUNE)) == "52.00"
    dearer = changed(plans[0], monthly(30, {"calls": 2}, included={"calls": 5}))
    with pytest.raises(InvalidUsage, match="without a time"):
        Bill.of(Usage(calls=7), dearer, period=JUNE)
    # of a version that has the entry alone nobody asks when
    assert by_sums(Bill.of(Usage(calls=7), dearer, period=JUNE, at="2026-06-15")) == "34.00"


def test_quantities_of_any_kind_and_dates_of_any_form():
    contract = changed(monthly(0, {"calls": "0.001"}), monthly(0, {"calls": "0.002"}))
    days = {Day("2026-06-05"): Usage(calls="1000.5"), date(2026, 6, 15): Usage(calls="0.1234567891")}
    # 1.0005 + 0.0002469135782; a text of another class may compare as it likes, so it is read each time
    assert by_sums(Bill.of(days, contract, period=JUNE)) == "1.00"
    instants = {datetime(2026, 6, 15, tzinfo=UTC): Usage(calls=1000), "2026-06-05T00:00:00Z": {"calls": 1000}}
    whole = Period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    assert by_sums(Bill.of(instants, contract, period=whole)) == "3.00"
    twice = {"2026-06-05": Usage({"calls{a=1}": 1000, "calls{a=2}": "0.5"}), "2026-06-06": Usage(calls=1)}
    # 1001.5 × 0.001
    assert by_sums(Bill.of(twice, contract, period=JUNE)) == "1.00"


def test_one_day_written_in_two_ways():
    contract = changed(monthly(0, {"calls": 1}), monthly(0, {"calls": 2}))
    for period in (JUNE, Period("2026-05-01", "2026-06-01")):
        day = period.start.replace(day=5)
        for part in ({"calls": 2}, Usage(calls=2)):
            bill = Bill.of({day.isoformat(): part, day: Usage(calls=3)}, contract, period=period)
            assert by_sums(bill) == "5.00"
            assert bill.usage == Usage(calls=5)


def test_a_quantity_near_the_largest_is_for_the_long_way():
    contract = changed(monthly(0, {"calls": "0.001"}), monthly(0, {"calls": "0.002"}))
    bill = Bill.of({"2026-06-05": Usage(calls=10**25)}, contract, period=JUNE)
    assert not is_by_sums(bill)
    assert bill.total == 10**22


def test_a_period_of_one_version_and_one_that_is_cut_short():
    contract = changed(monthly(30, {"calls": 1}), monthly(60, {"calls": 2}))
    assert by_sums(Bill.of(Usage(calls=3), contract, period=Period("2026-05-01", "2026-06-01"))) == "33.00"
    assert by_sums(Bill.of(Usage(calls=3), contract, period=Period("2026-07-01", "2026-08-01"))) == "66.00"
    # a fee of 10 + 60 × 10 ÷ 30, for the contract ends on the 21st
    ended = contract.ended("2026-06-21")
    assert by_sums(Bill.of({"2026-06-05": Usage(calls=3)}, ended, period=JUNE)) == "33.00"
    with pytest.raises(InvalidUsage, match="after the contract's end"):
        Bill.of({"2026-06-25": Usage(calls=3)}, ended, period=JUNE)
    with pytest.raises(InvalidUsage, match="outside the period"):
        Bill.of({"2026-07-05": Usage(calls=3)}, contract, period=JUNE)


def test_what_is_wrong_is_told_as_ever():
    contract = changed(monthly(30, {"calls": 1}), monthly(60, {"calls": 2}))
    with pytest.raises(InvalidUsage, match="negative"):
        Bill.of({"2026-06-05": {"calls": -1}}, contract, period=JUNE)
    with pytest.raises(InvalidPeriod, match="no period"):
        Bill.of({"2026-06-05": {"calls": 1}}, contract)
    with pytest.raises(InvalidPlan, match="not a plan"):
        Bill.of({"2026-06-05": {"calls": 1}}, None, period=JUNE)


def test_a_price_book_and_dated_terms_and_a_contract_that_never_changed():
    book = PriceBook([("2026-01-01", PriceSchedule(calls=1)), ("2026-06-16", PriceSchedule(calls=2))])
    fee = Fee(30, "support", starts="2026-06-16")
    plan = BillingPlan.subscription(0, book, fees=[fee])
    used = {"2026-06-05": Usage(calls=3), "2026-06-20": Usage(calls=3)}
    for terms in (plan, Contract(plan)):
        assert by_sums(Bill.of(used, terms, period=JUNE)) == "24.00"


def test_levels_told_again_are_read_once():
    plan = BillingPlan.subscription(Fee(10, "seats", level="seats"), PriceSchedule(calls=1))
    for levels in (
        {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]},
        {"seats": [("2026-06-01", 3), ("2026-06-16", 5)]},
        {"seats": {"2026-06-01": Decimal(3), "2026-06-16": Decimal(5)}},
        {"seats": [["2026-06-01", 3], ["2026-06-16", 5]]},
        (("seats", (("2026-06-01", "3"), ("2026-06-16", "5"))),),
    ):
        assert by_sums(Bill.of(Usage(calls=2), plan, period=JUNE, levels=levels)) == "42.00"
    assert by_sums(Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": 4})) == "42.00"
    assert by_sums(Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": Decimal(4)})) == "42.00"
    kept = plan.cache["contract"].compiled.value
    three = Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": 3})
    known = kept["sums"]
    five = Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": 5})
    assert (by_sums(three), by_sums(five)) == ("32.00", "52.00")
    assert by_sums(Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": 3})) == "32.00"
    assert kept["sums"] is known
    with pytest.raises(InvalidUsage, match="no term reads"):
        Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seat": 4})


def test_what_sums_do_not_say_goes_the_long_way():
    strict = {"overage": "refuse"}
    taxed_by_line = {"rounding": Rounding(stage="line")}
    for terms in (strict, taxed_by_line):
        contract = changed(monthly(0, {"calls": 1}, **terms), monthly(0, {"calls": 2}, **terms))
        bill = Bill.of({"2026-06-05": Usage()}, contract, period=JUNE)
        assert not is_by_sums(bill)


class Day(str):
    """A text of another class."""

    __slots__ = ()


class Own:
    """A schedule of a user's own."""

    currency = "USD"

    def match(self, meter):
        return PriceSchedule(calls=1).match(meter)


def test_a_schedule_of_a_users_own_is_asked_anew():
    contract = changed(BillingPlan.on_demand(Own()), BillingPlan.on_demand(Own()), on=["2026-06-16"])
    bill = Bill.of({"2026-06-05": Usage(calls=2)}, contract, period=JUNE)
    assert not is_by_sums(bill)
    assert str(bill.total) == "2.00"


def test_a_bill_is_the_same_value_whether_it_was_looked_at_or_not():
    contract = changed(monthly(30, {"calls": 1}), monthly(60, {"calls": 2}))
    used = {"2026-06-05": Usage(calls=1), "2026-06-15": Usage(calls=1)}
    one, other = (Bill.of(used, contract, period=JUNE) for _ in range(2))
    assert other.lines
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(other) == one
    used["2026-06-25"] = Usage(calls=100)  # what was asked stays what it was
    assert one.usage == Usage(calls=2)


def test_dates_and_labels_without_end_begin_anew(monkeypatch):
    monkeypatch.setattr(dated_total, "DATES", 2)
    monkeypatch.setattr(rate_card, "METERS", 3)
    contract = changed(monthly(0, {"calls": 1}), monthly(0, {"calls": 2}))
    for day in range(1, 10):
        used = {f"2026-06-0{day}": Usage({f"calls{{id=n{day}}}": 1, "calls": 1})}
        assert by_sums(Bill.of(used, contract, period=JUNE)) == "2.00"
        sums = contract.compiled.value["sums"]
        assert len(sums.known) <= 2
        assert all(len(places) <= 5 for places in sums.sums.places.values())


def test_contracts_at_random_come_to_what_the_long_way_says():
    said = 0
    for seed in range(20_261_129, 20_261_189):
        _, told = contract_simulator.life(seed)
        contract, period = contract_of(told["contract"]), Period(*told["period"])
        for final in (True, False):
            bill = Bill.of(told["used"], contract, period=period, final=final, levels=levels_of(told))
            if is_by_sums(bill):
                said += 1
                assert bill.delta.total == bill.total, f"seed {seed}"
    assert said > 15  # of the others some term looks at single charges


def test_dates_that_are_known_may_come_with_usage_of_any_form():
    contract = changed(monthly(0, {"calls": 1}), monthly(0, {"calls": 2}))
    for used in (Usage(calls=1), {"calls": 1}):
        dated = {"2026-06-05": used, "2026-06-15": used}
        assert by_sums(Bill.of(dated, contract, period=JUNE)) == "3.00"


def test_levels_that_no_key_stands_for_are_read_each_time():
    plan = BillingPlan.subscription(Fee(10, "seats", level="seats"), PriceSchedule(calls=1))
    bills = [
        Bill.of(Usage(calls=2), plan, period=JUNE, levels={"seats": Decimal(amount)}) for amount in (3, 5, 3)
    ]

    assert [by_sums(bill) for bill in bills] == ["32.00", "52.00", "32.00"]


def test_the_first_and_the_last_day_of_a_period_belong_to_it():
    contract = changed(monthly(0, {"calls": 1}), monthly(0, {"calls": 2}))
    used = {"2026-06-01": Usage(calls=1), "2026-06-30": Usage(calls=1)}

    assert by_sums(Bill.of(used, contract, period=JUNE)) == "3.00"
    for outside in ("2026-05-31", "2026-07-01"):
        with pytest.raises(InvalidUsage, match="outside the period"):
            Bill.of({outside: Usage(calls=1)}, contract, period=JUNE)


def test_the_day_of_the_end_is_after_the_contract():
    contract = Contract(monthly(0, {"calls": 1})).ended("2026-06-16")

    assert str(Bill.of({"2026-06-15": {"calls": 1}}, contract, period=JUNE).total) == "1.00"
    with pytest.raises(InvalidUsage, match="after the contract's end"):
        Bill.of({"2026-06-16": {"calls": 1}}, contract, period=JUNE)


def test_dated_usage_of_one_plan_lies_in_its_period():
    plan = monthly(0, {"calls": 1})

    assert str(Bill.of({"2026-06-30": {"calls": 1}}, plan, period=JUNE).total) == "1.00"
    with pytest.raises(InvalidUsage, match="outside the period"):
        Bill.of({"2026-07-01": {"calls": 1}}, plan, period=JUNE)


# --- the hour that comes twice -----------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = Period("2026-10-01T00:00:00+02:00[Europe/Berlin]", "2026-11-01T00:00:00+01:00[Europe/Berlin]")


@pytest.mark.parametrize("folds", [(0, 1, 0), (1, 0, 1)])
def test_an_hour_that_comes_twice_is_of_two_versions(folds):
    # 02:30 comes at 00:30Z and again at 01:30Z; Python holds the two for equal
    plans = [BillingPlan.on_demand(PriceSchedule(calls=price)) for price in (1, 10)]
    contract = changed(*plans, on=["2026-10-25T01:00:00Z"])
    half_past = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)

    for fold in folds:
        bill = Bill.of({half_past.replace(fold=fold): Usage(calls=1)}, contract, period=OCTOBER)
        assert by_sums(bill) == ("1.00", "10.00")[fold]
    # both in one bill are told apart by their offsets
    both = {f"2026-10-25T02:30:00+0{hours}:00[Europe/Berlin]": Usage(calls=1) for hours in (2, 1)}
    assert by_sums(Bill.of(both, contract, period=OCTOBER)) == "11.00"


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_a_zone_skips_is_of_the_version_of_its_instant(fold):
    # 02:30 is none on 29 March: its offset is that before the gap, 01:30Z, or that after it, 00:30Z
    plans = [BillingPlan.on_demand(PriceSchedule(calls=price)) for price in (1, 10)]
    contract = changed(*plans, on=["2026-03-29T01:00:00Z"])
    march = Period("2026-03-01T00:00:00+01:00[Europe/Berlin]", "2026-04-01T00:00:00+02:00[Europe/Berlin]")
    skipped = datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN)

    for order in (fold, 1 - fold):
        bill = Bill.of({skipped.replace(fold=order): Usage(calls=1)}, contract, period=march)
        assert by_sums(bill) == ("10.00", "1.00")[order]


def test_whole_cents_stay_whole_cents_in_versions_that_are_rounded_up():
    month, up = Cycle.monthly("2026-06-01"), Rounding(mode="up")
    tiers = Graduated([Tier(10, "0.50"), Tier(None, "0.25")])
    before, after = (
        BillingPlan(PriceSchedule(a=tiers, b=rate, c=1), cycle=month, rounding=up, fees=Fee(3), taxes=taxes)
        for rate, taxes in ((1, ()), (2, Tax("VAT", 10, on="c")))
    )
    contract = Contract(before).amended("2026-06-16", after)
    used = {"2026-06-02": Usage(a=8, b=3), "2026-06-20": Usage(a=8, b=3)}

    # 4; then 1 and 1.50; 3 and 6; the fees are 1.50 each
    for _ in range(2):
        assert str(Bill.of(used, contract, period=month.containing("2026-06-05")).total) == "18.50"
        Bill.of({"2026-06-03": Usage(c=1)}, contract, period=month.containing("2026-06-05"))


@pytest.mark.parametrize(
    ("amounts", "left"),
    [
        ([200, -170], [30, 0]),
        ([5, 5, -7], [3, 0, 0]),
        ([5, -7], [0, 0]),
        ([-1, 3], [0, 3]),
        ([3, 2, 1, -4, -1], [1, 0, 0, 0, 0]),
        ([1, 0, -1], [0, 0, 0]),
        ([4, -1, 2, -3], [2, 0, 0, 0]),
    ],
)
def test_what_falls_short_lowers_what_came_before_the_latest_first(amounts, left):
    assert not_negative(amounts) == left
