"""Commitments over a year in plans that are billed monthly, worked out by hand."""

from decimal import Decimal

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
    Grant,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    serial,
)
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.errors import CurrencyMismatch, InvalidAccount, InvalidPeriod, InvalidPlan

YEAR = Cycle.yearly("2026-01-01")
MONTH = Cycle.monthly()
KEEP = {"kept": lambda account: account, "stored": lambda account: serial.loads(serial.dumps(account))}


def plan_of(amount=12000, **terms):
    commitment = Commitment(amount, cycle=YEAR, **terms.pop("term", {}))
    return BillingPlan(PriceSchedule(u=1, v=1), **{"cycle": MONTH, "commitment": commitment, **terms})


def month(number, year=2026):
    return MONTH.containing(f"{year}-{number:02}-10")


def year_of(plan, spends, keep=KEEP["kept"], account=None):
    """The totals of the months of a year, and the account after it."""
    totals, account = [], account or Account()
    for number, spend in enumerate(spends, 1):
        bill = Bill.of({} if not spend else {"u": spend}, plan, period=month(number), opening=account)
        totals.append(bill.total)
        account = keep(bill.closing)
    return totals, account


@pytest.mark.parametrize("keep", KEEP.values(), ids=KEEP)
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_what_is_lacking_is_owed_when_the_term_ends(stage, keep):
    totals, account = year_of(plan_of(rounding=Rounding(stage=stage)), [900] * 12, keep)

    assert totals == [*[900] * 11, 2100]  # 12,000 − 10,800
    assert account == Account()


@pytest.mark.parametrize("keep", KEEP.values(), ids=KEEP)
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_what_goes_beyond_costs_the_overage(stage, keep):
    plan = plan_of(term={"overage": "1.5"}, rounding=Rounding(stage=stage))

    totals, _ = year_of(plan, [1100] * 12, keep)

    assert totals == [*[1100] * 10, 1150, 1650]  # 100 beyond 12,000 in the eleventh month, 1,100 in the last
    assert sum(totals) == 12_000 + Decimal("1.5") * 1_200


def test_an_account_keeps_what_was_met_and_a_new_term_begins_with_nothing():
    _, account = year_of(plan_of(), [900] * 3)
    _, after = year_of(plan_of(), [1200] * 12)

    assert account.commitments == (CommitmentMet("commitment", "2026-01-01", 2700, "USD"),)
    assert after.commitments == ()
    bill = Bill.of({"u": 50}, plan_of(), period=month(1, 2027), opening=after)
    assert [it.amount for it in bill.closing.commitments] == [50]


@pytest.mark.parametrize("spend", [900, 1100])
@pytest.mark.parametrize("stage", ["bill", "line"])
def test_any_cut_and_equal_amendments_change_nothing(stage, spend):
    plan = plan_of(
        term={"overage": "1.5"}, rounding=Rounding(stage=stage), taxes=[Tax("VAT", 19)], fees=[Fee("0.335")]
    )
    contract = Contract(plan).amended("2026-12-16", plan)
    _, account = year_of(plan, [spend] * 11)
    whole = Bill.of({"u": spend}, plan, period=month(12), opening=account)

    december = {"period": month(12), "final": False}
    early, late = ({day: {"u": used}} for day, used in (("2026-12-02", spend - 100), ("2026-12-20", 100)))
    first = Bill.of(early, contract, opening=account, **december)
    middle = Bill.of(late, contract, opening=KEEP["stored"](first.closing), **december)
    last = Bill.of({}, contract, period=month(12), opening=middle.closing)

    assert sum(bill.total for bill in (first, middle, last)) == whole.total
    for bill in (first, middle, last, whole):
        bill.verify()
        check_breakdown(bill)
        assert serial.loads(serial.dumps(bill)).lines == bill.lines


def test_a_ramp_by_amendment_holds_for_its_part_of_the_term():
    # 12,000 for January to June, 181 of 365 days, 24,000 for the rest: 18,049.32
    contract = Contract(plan_of(12000)).amended("2026-07-01", plan_of(24000))

    totals, _ = year_of(contract, [1000] * 12)

    assert totals == [*[1000] * 11, Decimal("7049.32")]
    ramp = Contract(plan_of(12000)).amended("2027-01-01", plan_of(24000))
    assert year_of(ramp, [900] * 12)[0][-1] == 2100
    assert Bill.of({}, ramp, period=month(12, 2027)).total == 24000


def test_amendments_in_an_hour_that_comes_twice_follow_one_another():
    # 02:30 of Berlin, and 02:15 when the hour comes again
    term, monthly = (each("2026-10-01", tz="Europe/Berlin") for each in (Cycle.yearly, Cycle.monthly))
    plans = [
        BillingPlan(
            PriceSchedule(u=1), cycle=monthly, commitment=Commitment(amount, cycle=term), proration="second"
        )
        for amount in (0, 0, 365 * 24)
    ]
    contract = Contract(plans[0])
    for at, plan in zip(("00:30", "01:15"), plans[1:], strict=True):
        contract = contract.amended(f"2026-10-25T{at}:00Z", plan)
    totals, account = [], Account()
    for k in range(12):
        bill = Bill.of(Usage(), contract, period=monthly.period(k), opening=account)
        totals.append(bill.total)
        account = bill.closing

    # a unit of money an hour, but for the 24 days and 3 ¼ hours before the last amendment
    assert totals == [0] * 11 + [Decimal("8180.75")]


def test_an_end_cuts_the_commitment_off():
    # 1 January to 1 July are 181 of 365 days: 5,950.68 of 12,000
    _, account = year_of(plan_of(), [900] * 5)

    ended = Bill.of({"u": 900}, Contract(plan_of()).ended("2026-07-01"), period=month(6), opening=account)
    owed = Contract(plan_of()).ended("2026-06-16", "from_next")

    assert ended.total == Decimal("1450.68")  # 5,950.68 − 4,500
    assert Bill.of({"u": 900}, owed, period=month(6), opening=account).total == 900


def test_a_scope_counts_its_charges_only_and_is_taxed_like_them():
    plan = plan_of(
        100,
        term={"on": "u"},
        fees=[Fee(50)],
        taxes=[Tax("VAT", 10, on="usage")],
        discounts=[Discount.percent(50)],
    )

    bill = Bill.of({"u": 40, "v": 500}, plan, period=month(12))

    # u 20, v 250, the fee 25; 80 are lacking; tax on 20, 250 and 80
    assert bill.total == 375 + 35
    assert [row.description for row in check_breakdown(bill)][-1] == "true-up to commitment"


def test_without_a_true_up_only_the_overage_is_left():
    assert year_of(plan_of(term={"true_up": "never", "overage": 2}), [900] * 12)[0] == [900] * 12


def test_grants_pay_what_a_commitment_adds():
    account = Account(balance=[Grant("ahead", 20_000, "USD")])

    bill = Bill.of({"u": 900}, plan_of(1000), period=month(12), opening=account)

    assert (bill.total, bill.due, dict(bill.draws)) == (1000, 0, {"ahead": 1000})


def test_before_its_first_day_nothing_is_committed():
    assert Bill.of({}, plan_of(), period=month(12, 2025)).total == 0


def test_a_term_needs_whole_periods_and_a_period():
    with pytest.raises(InvalidPeriod, match="say period="):
        Bill.of(Usage(), plan_of())
    plan = plan_of(cycle=Cycle.monthly("2026-01-15"))
    with pytest.raises(InvalidPeriod, match="a term that ends within a period"):
        Bill.of(Usage(), plan, period=plan.cycle.containing("2026-12-20"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"cycle": "year"},
        {"cycle": YEAR, "overage": "0.5"},
        {"cycle": YEAR, "true_up": "later"},
    ],
    ids=repr,
)
def test_what_is_no_commitment_is_refused(wrong):
    with pytest.raises(InvalidPlan):
        Commitment(5, **wrong)


def test_a_plan_takes_several_by_their_names():
    two = [Commitment(5, cycle=YEAR, name="a", on="u"), Commitment(9, cycle=YEAR, name="b", on="v")]

    assert Bill.of({"u": 1, "v": 1}, plan_of(commitment=two), period=month(12)).total == 14
    for wrong in (5, [5], two[:1] * 2):
        with pytest.raises(InvalidPlan):
            plan_of(commitment=wrong)
    with pytest.raises(InvalidPlan, match="did you mean"):
        plan_of(term={"on": "usages"})
    with pytest.raises(InvalidAccount, match="not what was met"):
        Account(commitments=5)


@pytest.mark.parametrize("keep", KEEP.values(), ids=KEEP)
def test_what_was_met_in_one_currency_is_no_part_of_a_commitment_in_another(keep):
    dollars, euros = (
        BillingPlan(
            PriceSchedule({"u": 1}, currency=code), cycle=MONTH, commitment=Commitment(100, cycle=YEAR)
        )
        for code in ("USD", "EUR")
    )
    account = keep(Bill.of({"u": 30}, dollars, period=month(1)).closing)

    assert Bill.of({"u": 30}, dollars, period=month(2), opening=account).closing.commitments[0].amount == 60
    with pytest.raises(CurrencyMismatch, match="USD"):
        Bill.of({"u": 30}, euros, period=month(2), opening=account)


def test_two_commitments_are_met_each_by_its_own():
    terms = [
        Commitment(100, cycle=YEAR, on="u", name="one"),
        Commitment(1000, cycle=YEAR, on="v", name="two"),
    ]
    plan, account, totals = plan_of(commitment=terms), Account(), []
    for number in range(1, 13):
        bill = Bill.of({"u": 5, "v": 90}, plan, period=month(number), opening=account)
        totals.append(bill.total)
        account = bill.closing
        if number == 2:
            assert [(it.name, it.amount) for it in account.commitments] == [("one", 10), ("two", 180)]

    assert totals == [*[95] * 11, 135]  # 40 lack of the one; the other is met, and costs nothing more
    assert [row.description for row in bill.breakdown().rows] == ["u", "v", "true-up to one"]


def test_what_a_commitment_lacks_is_taxed_as_the_last_version_says():
    term = Commitment(100, cycle=MONTH, on="u", name="one")
    low, high = (plan_of(commitment=term, taxes=Tax("VAT", percent)) for percent in (10, 20))
    used = {"2026-06-02": {"u": 10}, "2026-06-12": {"u": 10}}
    bill = Bill.of(used, Contract(low).amended("2026-06-11", high), period=month(6))

    taxes = [str(line.amount) for line in bill.lines if line.kind == "tax"]
    assert (taxes, bill.total) == (["1.00", "18.00"], 119)  # of 10; of 10 and 80


def test_a_compiled_plan_without_an_account_has_met_nothing_before():
    plan = plan_of(commitment=Commitment(100, cycle=MONTH))
    bill = Bill.of({"u": 30}, plan, period=month(6))

    assert bill.total == compiled_plan(plan, month(6)).total(Usage(u=30)) == 100


# a change at an end of the term, or outside it, changes no part of it
@pytest.mark.parametrize("at", ["2025-06-01", "2026-01-01", "2027-01-01", "2027-06-01"])
def test_amounts_of_a_term_are_those_within_it(at):
    once = Contract(plan_of(1200)).amended("2026-07-02", plan_of(2400))
    twice = once.amended(at, plan_of(1200 if at < "2026-02" else 2400))
    bills = [Bill.of({}, contract, period=month(12)) for contract in (once, twice)]

    # 182 days of 365 at 1,200 and 183 at 2,400
    assert [str(bill.total) for bill in bills] == ["1801.64", "1801.64"]
