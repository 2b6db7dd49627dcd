"""Terms that only one version of a period has, or that change within it: worked out by hand."""

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Amount,
    Bill,
    BillingPlan,
    Commitment,
    Contract,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Trial,
    serial,
)

MONTH, JUNE = Cycle.monthly("2026-06-01"), Period("2026-06-01", "2026-07-01")
WEEKLY = Cycle.weekly("2026-06-01")
ONES = PriceSchedule(a=1, b=1)
PLAN = BillingPlan(ONES, cycle=MONTH)
TIERS = PriceSchedule(a=Graduated([Tier(10, 1), Tier(None, 2)]))


def changed(plan, at, after, **how):
    return Contract(plan).amended(at, after, **how)


def bill_of(terms, used=(), **how):
    bill = Bill.of(
        {f"2026-06-{day:02}": usage for day, usage in dict(used).items()}, terms, period=JUNE, **how
    )
    bill.verify()
    return bill


def shown(bill, kind="fee"):
    return [(line.description, str(line.amount)) for line in bill.lines if line.kind == kind]


def test_fees_of_both_kinds_stand_in_the_order_in_which_they_were_written():
    first = evolve(PLAN, fees=[Fee(1, "x"), Fee(2, "y", cycle=WEEKLY), Fee(3, "z")])
    both = changed(first, "2026-06-16", evolve(PLAN, fees=[Fee(3, "z"), Fee(1, "x")]))
    one_each = changed(
        evolve(PLAN, fees=Fee(1, "x")), "2026-06-16", evolve(PLAN, fees=Fee(3, "w", cycle=WEEKLY))
    )

    # weeks begin on the 1st, 8th and 15th, and on the 22nd and 29th
    assert shown(bill_of(both)) == [("x", "1"), ("y", "6"), ("z", "3")]
    assert shown(bill_of(one_each)) == [("x", "0.50"), ("w", "6")]


@pytest.mark.parametrize(
    ("before", "after", "amounts"),
    [(10, 5, ["10", "0.00"]), (5, 10, ["5", "5.00"]), (10, 10, ["10"]), (7, 0, ["7", "0.00"])],
)
def test_of_a_fee_that_is_due_once_the_larger_amount_is(before, after, amounts):
    plans = [evolve(PLAN, fees=Fee(amount, prorated=False)) for amount in (before, after)]
    bill = bill_of(changed(plans[0], "2026-06-16", plans[1]))

    assert [str(line.amount) for line in bill.lines] == amounts
    assert bill.total == max(before, after)


def test_a_fee_that_is_due_once_is_due_where_a_trial_leaves_some_days():
    fee, trial = Fee(10, prorated=False), Period("2026-05-20", "2026-06-11")
    plan = evolve(PLAN, fees=fee, trial=trial)
    part = changed(plan, "2026-06-21", evolve(PLAN, fees=Fee(5, prorated=False)))
    whole = evolve(plan, trial=Period("2026-05-20", "2026-07-01"))
    assert bill_of(changed(plan, "2026-06-05", plan)).total == 10

    assert (bill_of(part).total, bill_of(whole).total) == (10, 0)


def test_a_fee_that_reads_usage_owes_no_part_of_a_month_that_is_free():
    fee = Fee(PerUnit("0.10").of("a"), "reads")
    free, paid = (bill_of(evolve(PLAN, fees=fee, **more), {2: {"a": 10}}) for more in ({"trial": JUNE}, {}))

    assert [(line.quantity, line.amount) for line in free.lines] == [(0, 0), (10, 10)]
    assert (free.total, paid.total) == (10, 11)


def test_a_fee_may_read_usage_in_one_version_and_be_an_amount_in_the_other():
    fixed, reading = evolve(PLAN, fees=Fee(30, "f")), evolve(PLAN, fees=Fee(PerUnit(2).of("a"), "f"))
    used = {2: {"a": 10}, 20: {"a": 5}}

    for contract, amounts in (
        (changed(fixed, "2026-06-16", reading), ["15.00", "10.00"]),
        (changed(reading, "2026-06-16", fixed), ["20.00", "15.00"]),
    ):
        bill = bill_of(contract, used)
        assert [amount for _, amount in shown(bill)] == amounts
        assert bill.total == 15 + sum(map(Decimal, amounts))


@pytest.mark.parametrize(
    ("term", "taken"), [("maximum", Decimal(-80)), ("minimum", Decimal(0))], ids=["maximum", "minimum"]
)
def test_a_limit_that_reads_usage_in_one_version_says_both_parts(term, taken):
    fixed, reading = evolve(PLAN, **{term: 20}), evolve(PLAN, **{term: PerUnit(2).of("a")})
    bill = bill_of(changed(fixed, "2026-06-16", reading), {2: {"a": 10}, 20: {"b": 100}})

    # 20 for half the month, and twice 10: 30
    (line,) = [line for line in bill.lines if line.kind == term] or [None]
    if line is None:
        assert (bill.total, taken) == (110, 0)
    else:
        assert (line.amount, bill.total) == (taken, 30)
        assert line.charge.rule == "20 × 1/2 + every unit at 2, for a − 110"


def test_a_minimum_that_reads_usage_lifts_to_both_parts():
    fixed, reading = evolve(PLAN, minimum=20), evolve(PLAN, minimum=PerUnit(2).of("a"))
    bill = bill_of(changed(fixed, "2026-06-16", reading), {2: {"a": 1}, 20: {"a": 10}})

    assert (bill.total, bill.lines[-1].charge.rule) == (32, "20 × 1/2 + every unit at 2, for a − 11")


def test_two_minima_lift_each_what_it_is_on():
    plan = evolve(PLAN, minimum=[Limit(10, on="a"), Limit(20, on="b"), Limit(50)])
    account = Account(balance=[Grant("g", 100, "USD", on="minimum")])
    bill = bill_of(plan, {2: {"a": 1, "b": 2}}, opening=account)

    assert [amount for _, amount in shown(bill, "minimum")] == ["9.00", "18.00", "20.00"]
    assert dict(bill.draws) == {"g": 47}


def test_a_fee_with_periods_of_its_own_says_which_part_of_them_it_is():
    quarterly = Fee(30, "q", due="arrears", cycle=Cycle.quarterly("2026-06-01"))
    bill = bill_of(Contract(evolve(PLAN, fees=[quarterly, Fee(30, "m")])).ended("2026-06-16"))

    rules = [line.charge.rule for line in bill.lines if line.kind == "fee"]
    assert rules == ["15/92 of a period of its own", "1/2 of the period"]
    assert bill.total == Decimal("19.89")  # 4.8913… and 15


def test_the_fee_of_a_level_is_one_price_at_the_level():
    seats = Fee(Graduated([Tier(2, 5), Tier(None, 3)]), "seats", level="seats")
    (line,) = bill_of(evolve(PLAN, fees=seats), levels={"seats": 3}).lines

    assert (line.amount, line.rate, line.quantity, line.charge.rule) == (13, 13, 1, "at 3 seats")


@pytest.mark.parametrize(
    ("starts", "ends", "weeks"),
    [(None, None, 4), ("2026-06-15", None, 2), (None, "2026-06-15", 2), ("2026-06-08", "2026-06-15", 1)],
)
def test_a_weekly_fee_in_arrears_is_due_for_the_weeks_in_which_it_is_agreed(starts, ends, weeks):
    fee = Fee(7, "w", due="arrears", cycle=WEEKLY, starts=starts, ends=ends)

    assert bill_of(evolve(PLAN, fees=fee)).total == 7 * weeks
    assert bill_of(evolve(PLAN, fees=[fee, Fee(1, "x", due="arrears", cycle=WEEKLY), fee])).total == (
        14 * weeks + 4
    )


def test_a_change_of_a_level_begins_no_tiers_anew():
    plan = BillingPlan(TIERS, cycle=MONTH, fees=Fee(1, level="seats"))
    levels = {"levels": {"seats": {"2026-06-01": 1, "2026-06-16": 2}}}
    used = {2: {"a": 8}, 12: {"a": 8}, 22: {"a": 8}}

    # 8; then 10 at 1 and 6 at 2; the seats are 1.50
    bill = bill_of(changed(plan, "2026-06-11", plan, tiers="restart"), used, **levels)
    assert bill.total == Decimal("31.50")
    assert [str(line.amount) for line in bill.lines if line.kind == "usage"] == ["8", "10", "12"]


def test_tiers_begin_anew_where_a_trial_of_usage_ends_and_nowhere_else():
    tried = BillingPlan(TIERS, cycle=MONTH, trial=Trial(Period("2026-06-01", "2026-06-11"), on=("usage",)))
    plain, past = (
        evolve(tried, trial=None),
        evolve(tried, trial=Trial(Period("2026-01-01", "2026-02-01"), on=("usage",))),
    )
    used = {2: {"a": 8}, 12: {"a": 8}, 22: {"a": 8}}

    assert bill_of(tried, used).total == 22  # of 16 after it
    for one, other in ((plain, past), (past, plain)):
        assert bill_of(changed(one, "2026-06-11", other), used).total == 38  # of 24


def test_a_group_that_was_used_in_its_trial_alone_owes_nothing_after_it():
    each = Graduated([Tier(10, 1, fee=2), Tier(None, 2)], fee_at_zero=True).each("model")
    trial = Trial(Period("2026-06-01", "2026-06-11"), on=("usage",))
    plan = BillingPlan(PriceSchedule(a=each), cycle=MONTH, trial=trial)

    assert bill_of(plan, {2: {"a{model=x}": 10}, 20: {"a{model=y}": 5}}).total == 7
    assert bill_of(plan, {2: {"a{model=x}": 10}, 20: {"a{model=x}": 5}}).total == 7


# two versions name the same discounts in an order of their own: each waits for its turn in both
@pytest.mark.parametrize(
    ("orders", "taken"),
    [
        # 10 % of 200; half of 100 and 90; 20 % of 90 and 50
        (("AB", "CB", "AC"), [("A", "-20.00"), ("C", "-95.00"), ("B", "-28.00")]),
        # half of 100; 10 % of 100 and 50; 20 % of 100 and 90
        (("B", "AB", "CA"), [("C", "-50.00"), ("A", "-15.00"), ("B", "-38.00")]),
    ],
)
def test_discounts_of_three_versions_are_in_an_order_that_fits_all(orders, taken):
    off = {name: Discount.percent(percent, name) for name, percent in (("A", 10), ("B", 20), ("C", 50))}
    plans = [evolve(PLAN, discounts=[off[name] for name in order]) for order in orders]
    contract = changed(plans[0], "2026-06-11", plans[1]).amended("2026-06-21", plans[2])

    assert shown(bill_of(contract, {day: {"a": 100} for day in (2, 12, 22)}), "discount") == taken


def test_a_fixed_discount_of_another_amount_is_the_same_and_a_percentage_another():
    for make, amounts in ((Discount.fixed, ["-15.00"]), (Discount.percent, ["-10.00", "-20.00"])):
        plans = [evolve(PLAN, discounts=make(value, "d")) for value in (10, 20)]
        bill = bill_of(changed(plans[0], "2026-06-16", plans[1]), {2: {"a": 100}, 20: {"a": 100}})
        assert [amount for _, amount in shown(bill, "discount")] == amounts


@pytest.mark.parametrize("end", ["2026-07-01", "2026-06-15", "2026-08-01"])
def test_the_last_bill_of_a_contract_carries_nothing_on(end):
    bill = bill_of(Contract(evolve(PLAN, least_due=5)).ended(end), {2: {"a": 2}})

    carried = end == "2026-08-01"
    assert (bill.due, bill.closing.credit_balance) == ((0, -2) if carried else (2, 0))


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_usage_without_a_time_falls_to_the_version_of_the_moment_of_the_bill(stage):
    plan = evolve(PLAN, rounding=Rounding(stage=stage))
    contract = changed(plan, "2026-06-11", evolve(plan, prices=PriceSchedule(a=2, b=1)))

    totals = [
        Bill.of({"a": 3}, contract, period=JUNE, at=at).total
        for at in ("2026-05-02", "2026-06-02", "2026-06-11", "2026-07-02")
    ]
    assert totals == [3, 3, 6, 6]


def test_a_bill_of_two_versions_is_of_the_plan_of_the_last():
    after = evolve(PLAN, prices=PriceSchedule(a=2, b=1))

    assert bill_of(changed(PLAN, "2026-06-11", after), {2: {"a": 1}}).plan.prices == after.prices


def test_a_bill_that_rated_the_past_anew_is_stored_and_read():
    contract = changed(PLAN, "2026-06-11", evolve(PLAN, prices=PriceSchedule(a=2, b=1)))
    opening = Bill.of({"a": 10}, PLAN, period=JUNE, final=False, at="2026-06-20").closing
    bill = Bill.of(
        {"2026-06-21": {"a": 1}},
        contract,
        period=JUNE,
        opening=opening,
        restate=True,
        at="2026-06-22",
        final=False,
    )
    again = serial.loads(serial.dumps(bill))

    assert (again.total, again.lines, again.closing) == (bill.total, bill.lines, bill.closing)
    again.verify()


def test_what_an_earlier_version_committed_counts_for_its_part_of_the_term():
    def committed(amount):
        return evolve(PLAN, commitment=Commitment(amount, cycle=Cycle.quarterly("2026-06-01")))

    contract = changed(committed(920), "2026-06-16", committed(1840))
    august = MONTH.containing("2026-08-10")

    # 15 of 92 days at 920 and 77 at 1,840
    assert Bill.of({}, contract, period=august).total == 150 + 1540


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_price_due_at_nothing_is_due_once_and_counts_no_unit(stage):
    entry = Graduated([Tier(10, 1, fee=5), Tier(None, 2, fee=7)], fee_at_zero=True)
    plan = BillingPlan(PriceSchedule(a=entry, b=1), rounding=Rounding(stage=stage), cycle=MONTH)
    later = evolve(plan, prices=PriceSchedule(a=1, b=1))
    cases = (({}, 5), ({"a": 1}, 6), ({"b": 2}, 7), ({"a": 11}, 24))
    for used, total in cases:
        assert Bill.of(used, plan, period=JUNE).total == total
    account = Account()
    for used, total in (({}, 5), ({"b": 2}, 2), ({"a": 1}, 1), ({"a": 10}, 18)):
        bill = Bill.of(used, plan, period=JUNE, opening=account, final=False)
        assert bill.total == total
        account = bill.closing
    assert bill_of(changed(plan, "2026-06-16", later), {2: {"a": 1}, 20: {"b": 2}}).total == 8
    # what the later version asks at once was passed before it
    assert bill_of(changed(later, "2026-06-16", plan), {2: {"a": 1}, 20: {"b": 2}}).total == 3


def test_a_tax_that_changes_is_on_the_part_of_a_flat_price_that_falls_to_each_version():
    low, high = (
        BillingPlan(
            PriceSchedule(a=Flat(10), b=PerUnit(1, per=3)),
            cycle=MONTH,
            taxes=Tax("VAT", percent),
            rounding=Rounding(mode="up"),
        )
        for percent in (10, 20)
    )
    bill = bill_of(changed(low, "2026-06-16", high), {2: {"a": 1, "b": 2}, 20: {"a": 1, "b": 1}})

    # 10 and 2/3 at 10 %; 1/3 at 20 %
    assert [amount for _, amount in shown(bill, "tax")] == ["1.07", "0.07"]
    assert bill.total == Decimal("12.14")


def test_an_amount_that_reads_like_the_part_of_another_is_no_part_of_it():
    plans = [evolve(PLAN, minimum=amount) for amount in (7, "0.5")]

    assert bill_of(changed(plans[0], "2026-06-16", plans[1])).total == Decimal("3.75")


HALF = Period("2026-06-01", "2026-06-16")
SEATS = PriceSchedule(a=1, seats=0)


@pytest.mark.parametrize(
    ("terms", "total"),
    [
        # half the fee of 30 is free; of 100 for usage, the fixed discount and the maximum count whole
        ({"discounts": [Discount.fixed(10, on="usage")]}, 105),
        ({"maximum": Limit(50, on="usage")}, 65),
        ({"maximum": Limit(PerUnit(5).of("seats"), on="usage")}, 30),
    ],
)
def test_what_a_trial_of_fees_takes_off_is_of_fees_alone(terms, total):
    plan = BillingPlan(SEATS, cycle=MONTH, fees=Fee(30), trial=HALF, **terms)
    assert bill_of(plan, {3: {"a": 60, "seats": 1}, 20: {"a": 40, "seats": 2}}).total == total


def test_a_maximum_of_usage_holds_in_a_month_whose_fees_are_free():
    most = Limit(PerUnit(5).of("seats"), on="usage")
    plan = BillingPlan(SEATS, cycle=MONTH, fees=Fee(30), trial=JUNE, maximum=most)
    assert bill_of(plan, {3: {"a": 60, "seats": 2}}).total == 10
    assert BillingPlan(SEATS, trial=Trial(HALF, on="usage"), fees=Fee(30)).fee_share(JUNE) == 1


def test_an_allowance_of_one_version_is_none_of_another_that_has_none():
    plan = evolve(PLAN, fees=Fee(0, "seats", level="seats"))
    contract = changed(evolve(plan, included={"a": 100}), "2026-06-16", plan)
    bill = bill_of(contract, {3: {"a": 20}, 20: {"a": 50}}, levels={"seats": 1})
    assert bill.total == 50


def test_a_minimum_that_is_an_amount_first_and_then_two_curves_reads_each_part_once():
    # a third of 30; then 5 × 2 seats by the 20th; then 7 × 3 seats by the end, less the 7 × 2 of before
    amounts = (30, PerUnit(5).of("seats"), PerUnit(7).of("seats"))
    plans = [BillingPlan(SEATS, cycle=MONTH, minimum=each) for each in amounts]
    contract = Contract(plans[0]).amended("2026-06-11", plans[1]).amended("2026-06-21", plans[2])
    assert bill_of(contract, {12: {"seats": 2}, 25: {"seats": 1}}).total == 10 + 10 + 7


def test_a_minimum_that_is_a_share_of_usage_reads_what_was_charged_by_then():
    # twice the 10 of the first half; three times all 20, less three times those 10
    plans = [evolve(PLAN, minimum=PerUnit(times).of(Amount("usage"))) for times in (2, 3)]
    assert bill_of(changed(plans[0], "2026-06-16", plans[1]), {3: {"a": 10}, 20: {"a": 10}}).total == 50


def test_tiers_begin_anew_where_a_version_without_the_entry_did():
    # 10 at 1, and 10 at 1 again, for the version between them began tiers anew
    with_tiers, without = evolve(PLAN, prices=TIERS), evolve(PLAN, prices=PriceSchedule(b=1))
    contract = changed(with_tiers, "2026-06-11", without, tiers="restart").amended("2026-06-21", with_tiers)
    assert bill_of(contract, {3: {"a": 10}, 25: {"a": 10}}).total == 20


def test_a_plain_price_in_two_versions_needs_no_steps():
    contract = changed(evolve(PLAN, prices=TIERS), "2026-06-16", evolve(PLAN, prices=TIERS, minimum=1))
    for price in (TIERS, PriceSchedule(a=PerUnit(2)), PriceSchedule(a=Flat(5, at_zero=True))):
        plans = [evolve(PLAN, prices=price, taxes=[Tax("VAT", rate)]) for rate in (0, 10)]
        contract = changed(plans[0], "2026-06-16", plans[1])
        bill = bill_of(contract, {3: {"a": 8}, 20: {"a": 8}})
        assert all(not step.steps for step in bill.explanation.steps)


def test_long_quantities_of_two_versions_are_added_to_the_last_digit():
    # 10^9 for each unit: what is lost beyond the 28th digit would be money
    long = "1234567890123456789.01234567890123"
    for price in (PerUnit(10**9), Graduated([Tier(10, 10**9), Tier(None, 10**9)])):
        plan = evolve(PLAN, prices=PriceSchedule(a=price))
        contract = changed(plan, "2026-06-16", evolve(plan, taxes=[Tax("VAT", 0)]))
        used = {"2026-06-03": {"a": long}, "2026-06-20": {"a": 1}}
        for more in (0, 1):
            expected = ((1 + more) * Fraction(long) + 1) * 10**9
            assert abs(Fraction(Bill.of(used, contract, period=JUNE).total) - expected) <= Fraction(1, 200)
            used["2026-06-21"] = {"a": long}
