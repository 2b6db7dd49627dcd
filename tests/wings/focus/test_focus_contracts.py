"""FOCUS rows of bills whose terms change within the period: a charge period for each version."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.oracle.contract_plans import contract_of, levels_of
from tests.oracle.contract_stories import ContractStory
from tests.oracle.simulator import grant_of
from tests.wings.focus.focus_bills import paid_of, worth_drawn
from tests.wings.focus.focus_checker import faults, total
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Grant,
    Package,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Volume,
    focus,
    serial,
)
from tokenbill.errors import BalanceExhausted, InvalidPlan

MARCH = Period("2026-03-01", "2026-04-01")
FIRST, SECOND = (
    ("2026-03-01T00:00:00Z", "2026-03-16T00:00:00Z"),
    ("2026-03-16T00:00:00Z", "2026-04-01T00:00:00Z"),
)
WHOLE = (FIRST[0], SECOND[1])
CREDITS = Currency("CREDITS", places=0)
CALLS = PriceSchedule(calls="0.01")
SMALL, LARGE = (BillingPlan.subscription(fee, CALLS, cycle=Cycle.monthly()) for fee in (31, 62))
UPGRADED = Contract(SMALL).amended("2026-03-16", LARGE)
BOOK = PriceBook([("2026-01-01", CALLS), ("2026-03-16", PriceSchedule(calls="0.02"))])


def rows_of(bills, **more):
    return focus.rows(bills, issuer="Acme", account_id="customer", **more)


def shown(rows, *columns):
    return [tuple(row[column] for column in columns) for row in rows]


def when(row):
    return row["ChargePeriodStart"], row["ChargePeriodEnd"]


def test_a_fee_has_a_row_for_each_version():
    rows = rows_of(Bill.of({}, UPGRADED, period=MARCH))

    assert [(when(row), str(row["BilledCost"])) for row in rows] == [(FIRST, "15.00"), (SECOND, "32.00")]
    assert shown(rows, "ListUnitPrice", "PricingUnit") == [(31, "Months"), (62, "Months")]
    assert {(row["BillingPeriodStart"], row["BillingPeriodEnd"]) for row in rows} == {WHOLE}


def test_what_does_not_change_is_one_row_of_the_whole_period():
    bill = Bill.of({"2026-03-05": {"calls": 100}, "2026-03-20": {"calls": 200}}, UPGRADED, period=MARCH)

    (calls,) = (row for row in rows_of(bill) if row["ChargeCategory"] == "Usage")

    assert (when(calls), calls["ConsumedQuantity"], str(calls["BilledCost"])) == (WHOLE, 300, "3.00")


def test_usage_has_the_price_of_its_version():
    plan = BillingPlan.on_demand(BOOK)
    bill = Bill.of({"2026-03-05": {"calls": 100}, "2026-03-20": {"calls": 200}}, plan, period=MARCH)

    rows = rows_of(bill)

    assert [when(row) for row in rows] == [FIRST, SECOND]
    columns = ("ListUnitPrice", "ConsumedQuantity", "BilledCost")
    assert shown(rows, *columns) == [
        (Decimal("0.01"), 100, Decimal("1.00")),
        (Decimal("0.02"), 200, Decimal("4.00")),
    ]


def test_an_upgrade_takes_back_what_falls_away_and_charges_what_comes():
    first = Bill.of({}, SMALL, period=MARCH, at="2026-03-01", final=False)
    upgrade = Bill.of({}, UPGRADED, period=MARCH, opening=first.closing, at="2026-03-16", final=False)

    rows = rows_of([first, upgrade])

    # 31 for all of March; then 31 × 16/31 less, and 62 × 16/31
    assert [(when(row), str(row["BilledCost"])) for row in rows] == [
        (WHOLE, "31"),
        (FIRST, "-16.00"),
        (SECOND, "32.00"),
    ]


def test_a_fee_that_is_due_at_both_ends_and_rounded_by_line_adds_up():
    terms = {"cycle": Cycle.monthly(), "rounding": Rounding(mode="up", stage="line")}
    late, early = (BillingPlan(CALLS, fees=Fee(1, "G", due=due), **terms) for due in ("arrears", "advance"))
    contract = Contract(late).amended("2026-03-16", early)
    first = Bill.of({}, contract, period=MARCH, at="2026-03-20", final=False)
    last = Bill.of({}, contract, period=MARCH, opening=first.closing)

    rows = rows_of([first, last])

    # 0.483… is 0.49, and the rest of 1.00 is 0.51
    assert [(when(row), str(row["BilledCost"])) for row in rows] == [(SECOND, "0.51"), (FIRST, "0.49")]
    assert total(rows, "EffectiveCost") == 1


def test_a_percentage_lowers_the_price_of_its_version_alone():
    plan = BillingPlan(CALLS, discounts=Discount.percent(50, starts="2026-03-16"))
    bill = Bill.of({"2026-03-05": {"calls": 100}, "2026-03-20": {"calls": 100}}, plan, period=MARCH)

    rows = rows_of(bill)

    columns = ("ListUnitPrice", "ContractedUnitPrice", "BilledCost")
    assert shown(rows, *columns) == [
        (Decimal("0.01"), Decimal("0.01"), Decimal("1.00")),
        (Decimal("0.01"), Decimal("0.005"), Decimal("0.50")),
    ]


def test_a_tax_that_rises_is_a_row_for_each_rate_on_what_it_is_of():
    taxes = [Tax("VAT", 5, ends="2026-03-16"), Tax("VAT", 8, starts="2026-03-16")]
    plan = BillingPlan(PriceSchedule(calls=1), taxes=taxes)
    usage = {"2026-03-05": {"calls": 100}, "2026-03-20": {"calls": 50}}

    rows = [row for row in rows_of(Bill.of(usage, plan, period=MARCH)) if row["ChargeCategory"] == "Tax"]

    assert shown(rows, "BilledCost", "ListCost") == [(5, 5), (4, 4)]


def test_a_tax_of_which_a_bill_changes_one_rate_has_all_its_cost_in_one_row():
    taxes = [Tax("VAT", 5, ends="2026-03-16"), Tax("VAT", 8, starts="2026-03-16")]
    plan = BillingPlan(PriceSchedule(calls=1), taxes=taxes)
    first = Bill.of({"2026-03-05": {"calls": 100}}, plan, period=MARCH, final=False)
    second = Bill.of({"2026-03-20": {"calls": 50}}, plan, period=MARCH, opening=first.closing)

    rows = [row for row in rows_of(second) if row["ChargeCategory"] == "Tax"]

    assert shown(rows, "BilledCost", "ListCost") == [(4, 4)]


def test_a_true_up_is_spread_over_the_versions_that_have_a_minimum():
    floors = [BillingPlan(CALLS, minimum=least, cycle=Cycle.monthly()) for least in (31, 62)]
    floors[1] = attrs.evolve(floors[1], taxes=[Tax("VAT", 10)])
    terms = Contract(floors[0]).amended("2026-03-16", floors[1])

    rows = [row for row in rows_of(Bill.of({}, terms, period=MARCH)) if row["ChargeCategory"] == "Usage"]

    assert [(when(row), str(row["BilledCost"])) for row in rows] == [(FIRST, "15.00"), (SECOND, "32.00")]


def test_a_true_up_that_all_versions_treat_alike_is_one_row():
    floors = [BillingPlan(CALLS, minimum=least, cycle=Cycle.monthly()) for least in (31, 62)]
    none = BillingPlan(CALLS, cycle=Cycle.monthly())
    terms = Contract(floors[0]).amended("2026-03-11", floors[1]).amended("2026-03-16", none)

    (row,) = rows_of(Bill.of({}, terms, period=MARCH))

    assert (when(row), str(row["BilledCost"])) == (FIRST, "20.00")  # 31 × 10/31 + 62 × 5/31


def test_a_fee_moves_to_the_units_that_it_covers_in_each_version():
    small, large = (
        BillingPlan.subscription(fee, CALLS, included={"calls": free}, cycle=Cycle.monthly())
        for fee, free in ((31, 100), (62, 500))
    )
    terms = Contract(small).amended("2026-03-16", large)
    usage = {"2026-03-05": {"calls": 120}, "2026-03-20": {"calls": 300}}

    rows = rows_of(Bill.of(usage, terms, period=MARCH))

    calls = [row for row in rows if row["ChargeCategory"] == "Usage"]
    # 20 beyond the first hundred at 0.01, given back by the five hundred of the second version
    found = [(when(row), row["ChargeDescription"], row["ConsumedQuantity"]) for row in calls]
    assert (FIRST, "calls, included", 100) in found
    assert (SECOND, "calls, included", 300) in found or (SECOND, "calls, included", 320) in found
    assert total(rows, "EffectiveCost") == total(rows, "BilledCost") == Decimal("47.20")


def test_units_that_only_the_last_version_includes_are_unused_in_it():
    small = BillingPlan.subscription(31, CALLS, included={"calls": 100}, cycle=Cycle.monthly())
    large = BillingPlan.subscription(31, CALLS, included={"calls": 500}, cycle=Cycle.monthly())
    terms = Contract(small).amended("2026-03-16", large)

    rows = rows_of(Bill.of({"2026-03-05": {"calls": 80}}, terms, period=MARCH))

    (unused,) = (row for row in rows if row["ChargeDescription"] == "calls, unused")
    assert unused["PricingQuantity"] == 420
    assert total(rows, "EffectiveCost") == 31


def test_an_allowance_begins_anew_with_the_tiers():
    plan = BillingPlan.subscription(31, CALLS, included={"calls": 100}, cycle=Cycle.monthly())
    terms = Contract(plan).amended("2026-03-16", plan, tiers="restart")

    rows = rows_of(Bill.of({"2026-03-05": {"calls": 80}, "2026-03-20": {"calls": 30}}, terms, period=MARCH))

    units = [(when(row), row["ChargeDescription"], row["PricingQuantity"]) for row in rows[1:]]
    assert units == [
        (FIRST, "calls, included", 80),
        (SECOND, "calls, included", 30),
        (FIRST, "calls, unused", 20),
        (SECOND, "calls, unused", 70),
    ]


def test_an_entry_that_a_version_does_not_have_includes_nothing_there():
    other = BillingPlan.subscription(
        31, PriceSchedule(images=1), included={"images": 5}, cycle=Cycle.monthly()
    )
    plan = BillingPlan.subscription(31, CALLS, included={"calls": 100}, cycle=Cycle.monthly())
    terms = Contract(plan).amended("2026-03-16", other)

    rows = rows_of(Bill.of({"2026-03-05": {"calls": 80}}, terms, period=MARCH))

    units = [(when(row), row["ChargeDescription"], row["PricingQuantity"]) for row in rows[1:]]
    assert (FIRST, "calls, included", 80) in units
    assert (SECOND, "images, unused", 5) in units
    assert total(rows, "EffectiveCost") == 31


def test_the_fee_that_covers_may_have_another_name_after_a_change():
    small, large = (
        BillingPlan(
            CALLS, fees=[Fee(fee, name), Fee(1, "support")], included={"calls": 100}, cycle=Cycle.monthly()
        )
        for fee, name in ((31, "small"), (62, "large"))
    )
    bill = Bill.of({}, Contract(small).amended("2026-03-16", large), period=MARCH)

    fees = {
        row["ChargeDescription"]: str(row["EffectiveCost"])
        for row in rows_of(bill)
        if row["ChargeCategory"] == "Purchase"
    }

    assert fees == {"small": "0.00", "large": "0.00", "support": "1"}
    with pytest.raises(InvalidPlan, match="not a fee of the plan"):
        rows_of(bill, allowance_fee="medium")


def test_a_price_that_falls_shows_no_tier():
    # 20 at 10.00; at 30 all cost 1.00: the second version gives back what the first asked for
    falling = PriceSchedule(calls=Volume([Tier(25, 10), Tier(None, 1)]))
    terms = Contract(BillingPlan.on_demand(falling)).amended(
        "2026-03-16", BillingPlan(falling, taxes=Tax("VAT", 20))
    )

    rows = rows_of(Bill.of({"2026-03-05": {"calls": 20}, "2026-03-20": {"calls": 10}}, terms, period=MARCH))

    calls = [row for row in rows if row["ChargeCategory"] == "Usage"]
    assert [(when(row), str(row["BilledCost"])) for row in calls] == [(FIRST, "30"), (SECOND, "0")]


def test_tokens_are_sold_at_the_price_of_their_version():
    plans = [
        BillingPlan.prepaid(
            PriceSchedule(calls=2, currency=CREDITS), token_price=PerUnit(rate), currency="USD"
        )
        for rate in ("0.10", "0.20")
    ]
    terms = Contract(plans[0]).amended("2026-03-16", plans[1])
    account = Account(balance=[Grant("g", 30, CREDITS)])
    usage = {"2026-03-05": {"calls": 20}, "2026-03-20": {"calls": 10}}

    bill = Bill.of(usage, terms, period=MARCH, opening=account)
    rows = rows_of(bill, purchases=[focus.Purchase(account.balance.grants[0], 3, "USD", period=MARCH)])

    # 40 tokens before, of which 30 are paid, 20 after
    sold = [(when(row), str(row["BilledCost"])) for row in rows if row["BilledCost"]]
    assert sold == [(FIRST, "1.00"), (SECOND, "4.00")]


def test_usage_that_costs_nothing_more_is_consumed_all_the_same():
    # packages of ten, begun in the first version: the second one uses what is left of it
    packs = PriceSchedule(calls=PerUnit(1).then(Package(10, 5)))
    terms = Contract(BillingPlan.on_demand(packs)).amended(
        "2026-03-16", BillingPlan(packs, taxes=Tax("VAT", 0))
    )

    rows = rows_of(Bill.of({"2026-03-05": {"calls": 2}, "2026-03-20": {"calls": 3}}, terms, period=MARCH))

    assert [(when(row), row["ConsumedQuantity"]) for row in rows if row["ConsumedQuantity"]] == [
        (FIRST, 2),
        (SECOND, 3),
    ]


def test_what_a_grant_paid_of_a_charge_is_told_item_by_item():
    plan = BillingPlan.prepaid(BOOK)
    account = Account(balance=[Grant("g", 2, "USD")])
    usage = {"2026-03-05": {"calls": 100}, "2026-03-20": {"calls": 200}}

    rows = rows_of(Bill.of(usage, plan, period=MARCH, opening=account))

    # 1.00 and 4.00, of which 2.00 are paid: the first item in full
    assert [(when(row), str(row["BilledCost"])) for row in rows] == [(FIRST, "0.00"), (SECOND, "3.00")]


def test_a_past_that_is_rated_anew_has_the_rows_of_the_whole_period():
    first = Bill.of({"2026-03-05": {"calls": 100}}, SMALL, period=MARCH, at="2026-03-10", final=False)
    again = Bill.of({}, LARGE, period=MARCH, opening=first.closing, at="2026-03-10", restate=True)

    rows = rows_of(again)

    assert [(row["ChargeDescription"], str(row["BilledCost"])) for row in rows] == [
        ("subscription", "62"),
        ("calls", "1.00"),
        ("billed before", "-32.00"),
    ]


def test_a_contract_that_ends_charges_up_to_its_end():
    rows = rows_of(Bill.of({}, Contract(SMALL).ended("2026-03-16"), period=MARCH))

    assert [(when(row), str(row["BilledCost"])) for row in rows] == [(FIRST, "15.00")]


# --- laws ------------------------------------------------------------------------------------------------


def bills_of(seed):
    """The bills of a period under a contract drawn at random, in order; what no balance covers is refused."""
    story = ContractStory(seed)
    told = story.told()
    plan = told["contract"]["plan"]
    grants = [grant_of(plan, story.grant(plan)) for _ in range(story.rng.randrange(3))]
    contract, account = contract_of(told["contract"]), Account(balance=grants)
    steps = [({day: usage}, {"at": day, "final": False}) for day, usage in sorted(told["used"].items())]
    made = []
    for usage, how in [*steps, ({}, {})]:
        levels = levels_of(told, how["at"]) if how else levels_of(told)
        with suppress(BalanceExhausted):
            period = Period(*told["period"])
            made.append(Bill.of(usage, contract, period=period, opening=account, levels=levels, **how))
            account = made[-1].closing
    return made


@given(st.integers(0, 10**9))
@example(600)  # a fee of one name that is due at both ends, and rounded by line
@example(1579)
def test_rows_of_contracts_bill_the_total_and_break_no_rule(seed):
    for bill in bills_of(seed):
        rows = rows_of(bill)
        assert faults(rows) == []
        assert Fraction(total(rows, "BilledCost")) == Fraction(bill.total) - paid_of(bill)
        consumed = sum(Fraction(row["ConsumedQuantity"] or 0) for row in rows)
        assert consumed == sum(map(Fraction, bill.usage.values()))
        rounded = sum((line.exact for line in bill.lines if line.kind == "rounding"), Fraction(0))
        hidden = sum(row["ListCost"] for row in rows if row["ChargeDescription"] == "rounding")
        assert abs(Fraction(hidden) - rounded) < Fraction(1, 10**12)
        assert rows_of(serial.loads(serial.dumps(bill))) == rows


@given(st.integers(0, 10**9))
@example(1446)  # a level that changed before the only bill, whose closing keeps the last of it alone
def test_each_row_lies_in_a_version_or_in_the_whole_period_and_their_costs_close(seed):
    made, rows = bills_of(seed), []
    levels = [change for bill in made for _, changes in bill.request.levels for change in changes]
    changed = {str(change.at) for change in levels}
    for bill in made:
        starts = {str(version.period.start) for version in bill.versions} | {str(bill.period.start)} | changed
        ends = {str(version.period.end) for version in bill.versions} | {str(bill.period.end)} | changed
        rows += rows_of(bill)
        for row in rows:
            assert row["ChargePeriodStart"][:10] in starts
            assert row["ChargePeriodEnd"][:10] in ends

    if not (made and made[-1].final):
        return
    # over the period what its use cost is what was billed for it, and what credit was once bought for
    drawn = [row for row in rows if row["PricingCurrency"] != row["BillingCurrency"]]
    lost = [row for row in rows if row["SkuMeter"] == "Credits" and row not in drawn]
    billed = sum(Fraction(bill.total) - paid_of(bill) + worth_drawn(bill) for bill in made)
    assert Fraction(total(rows, "EffectiveCost")) == billed + Fraction(total(drawn + lost, "EffectiveCost"))
