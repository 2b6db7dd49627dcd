"""Bills of contracts: what a period comes to whose terms change while it runs, worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
    serial,
)
from tokenbill.core.pricing.schedule import Entry
from tokenbill.core.rating.compiled_plan import PERIODS
from tokenbill.errors import AccountMismatch, BalanceExhausted, InvalidPeriod, InvalidUsage

MARCH, APRIL = Period("2026-03-01", "2026-04-01"), Period("2026-04-01", "2026-05-01")
JUNE, JULY = Period("2026-06-01", "2026-07-01"), Period("2026-07-01", "2026-08-01")
BY_LINE = Rounding(stage="line")


def monthly(fee=None, **terms):
    """A monthly plan; prices by meter, and a fee where there is one."""
    prices = terms.pop("prices", None)
    schedule = prices if hasattr(prices, "currency") else PriceSchedule(prices or {"calls": "0.01"})
    fees = [fee if isinstance(fee, Fee) else Fee(fee)] if fee is not None else []
    return BillingPlan(
        schedule, fees=[*fees, *terms.pop("fees", ())], cycle=terms.pop("cycle", Cycle.monthly()), **terms
    )


def amended(plan, *changes, **how):
    contract = Contract(plan)
    for at, new in changes:
        contract = contract.amended(at, new, **how)
    return contract


def bills(period, *steps, opening=None):
    """Bills in turn, each on the account of the one before; a step is (contract, usage, at, more)."""
    account, made = opening or Account(), []
    for contract, usage, at, *more in steps:
        options = {"final": False, "period": period, **(more[0] if more else {})}
        made.append(Bill.of(usage, contract, opening=account, at=at, **options))
        account = made[-1].closing
    return made


def totals(made):
    return [str(bill.total) for bill in made]


def dues(made):
    return [str(bill.due) for bill in made]


def final(contract, period, usage=()):
    return Bill.of(dict(usage), contract, period=period)


# --- an amendment that changes nothing -------------------------------------------------------------------


@pytest.mark.parametrize("rounding", [Rounding(), BY_LINE], ids=["bill", "line"])
def test_a_fee_amended_to_equal_plans_is_rounded_once(rounding):
    plan = monthly("10", rounding=rounding)
    contract = amended(plan, *((day, plan) for day in ("2026-03-09", "2026-03-18", "2026-03-27")))

    assert final(contract, MARCH).total == 10  # not 2.58 + 2.90 + 2.90 + 1.61 = 9.99


@pytest.mark.parametrize("rounding", [Rounding(), BY_LINE], ids=["bill", "line"])
def test_a_line_over_two_equal_versions_is_rounded_once(rounding):
    plan = monthly(prices={"u": "0.0125"}, rounding=rounding)
    usage = {"2026-03-05": {"u": 1}, "2026-03-20": {"u": 1}}

    assert str(final(amended(plan, ("2026-03-16", plan)), MARCH, usage).total) == "0.03"  # 0.025


def test_an_allowance_of_both_versions_is_given_once():
    plan = monthly(prices={"u": "0.40"}, included={"u": 30})
    usage = {"2026-03-05": {"u": 25}, "2026-03-20": {"u": 25}}

    assert str(final(amended(plan, ("2026-03-16", plan)), MARCH, usage).total) == "8.00"  # 20 × 0.40


# --- fees ------------------------------------------------------------------------------------------------


def test_an_upgrade_is_charged_once():
    small, large = monthly(31), monthly(62)
    contract = amended(small, ("2026-03-16", large))

    made = bills(
        MARCH,
        (small, {}, "2026-03-01"),
        (contract, {}, "2026-03-16"),
        (contract, {"calls": 100}, "2026-03-20"),
        (contract, {}, "2026-04-01", {"final": True}),
    )

    assert dues(made) == ["31.00", "16.00", "1.00", "0.00"]  # 31 × 15/31 + 62 × 16/31 = 47


def test_the_preview_of_an_upgrade_is_its_bill_with_a_line_for_what_falls_away_and_one_for_what_comes():
    may = Period("2026-05-01", "2026-06-01")
    small, large = monthly(310), monthly(620)

    _, preview = bills(
        may, (small, {}, "2026-05-01"), (amended(small, ("2026-05-18", large)), {}, "2026-05-18")
    )

    assert [line.amount for line in preview.lines if line.kind == "fee"] == [-140, 280]
    assert str(preview.due) == "140.00"


def test_a_second_upgrade_in_a_month():
    one = monthly(31)
    two = amended(one, ("2026-03-11", monthly(62)))
    three = two.amended("2026-03-21", monthly(124))

    made = bills(MARCH, (one, {}, "2026-03-01"), (two, {}, "2026-03-11"), (three, {}, "2026-03-21"))

    assert totals(made) == ["31.00", "21.00", "22.00"]


def test_an_upgrade_two_days_before_renewal():
    plan = monthly(26)

    made = bills(
        MARCH, (plan, {}, "2026-03-01"), (amended(plan, ("2026-03-30", monthly(80))), {}, "2026-03-30")
    )

    assert dues(made) == ["26.00", "3.48"]  # (80 − 26) × 2/31


def test_an_upgrade_of_a_yearly_plan():
    year = Period("2026-01-01", "2027-01-01")
    small, large = monthly(290, cycle=Cycle.yearly()), monthly(790, cycle=Cycle.yearly())

    made = bills(year, (small, {}, "2026-01-01"), (amended(small, ("2026-07-02", large)), {}, "2026-07-02"))

    assert dues(made) == ["290.00", "250.68"]  # 500 × 183/365


def test_a_downgrade_on_the_first_day_gives_the_difference_to_the_customer():
    cycle = Cycle.yearly("2026-03-01")
    dear, cheap = monthly("470.40", cycle=cycle), monthly(288, cycle=cycle)
    contract = amended(dear, ("2026-03-01", cheap))

    made = bills(
        Period("2026-03-01", "2027-03-01"),
        (dear, {}, "2026-03-01"),
        (contract, {}, "2026-03-01", {"restate": True}),
    )

    assert totals(made) == ["470.40", "-182.40"]
    assert str(made[1].closing.credit_balance) == "182.40"


@pytest.mark.parametrize(
    ("fees", "expected", "next_month"),
    [("from_start", ["20.00", "12.00", "0.00"], "32.00"), ("from_next", ["20.00", "0.00", "0.00"], "32.00")],
)
def test_an_amendment_says_what_it_does_to_the_fees_of_the_period(fees, expected, next_month):
    old, new = monthly(20), monthly(32)
    contract = amended(old, ("2026-06-20", new), fees=fees)

    made = bills(
        JUNE,
        (old, {}, "2026-06-01"),
        (contract, {}, "2026-06-20"),
        (contract, {}, "2026-07-01", {"final": True}),
    )

    assert dues(made) == expected
    assert str(final(contract, JULY).total) == next_month


def test_the_difference_of_two_fees_from_the_start_of_the_period():
    contract = amended(monthly(10), ("2026-06-29", monthly(15)), fees="from_start")

    made = bills(JUNE, (monthly(10), {}, "2026-06-01"), (contract, {}, "2026-06-29"))

    assert totals(made) == ["10.00", "5.00"]


def test_fees_put_off_stay_put_off_when_the_same_plan_is_agreed_again():
    old, new = monthly(10), monthly(40)
    contract = amended(old, ("2026-06-11", new), fees="from_next").amended("2026-06-21", new)

    assert str(final(contract, JUNE).total) == "10.00"


def test_fees_put_off_stay_put_off_where_one_of_the_new_ones_begins_later():
    new = monthly(40, fees=[Fee(30, "support", starts="2026-06-21")])
    contract = amended(monthly(10), ("2026-06-11", new), fees="from_next")

    assert final(contract, JUNE).total == 10
    assert final(contract, JULY).total == 70


def test_an_unprorated_fee_is_due_once_and_each_part_is_taxed_by_its_version():
    old = monthly(Fee(100, "seat", prorated=False))
    new = monthly(Fee(110, "seat", prorated=False), taxes=Tax("VAT", 20))

    assert str(final(amended(old, ("2026-06-16", new)), JUNE).total) == "112.00"  # 100 + 10 × 1.20


@pytest.mark.parametrize(
    ("trial", "total"),
    [(30, "0.00"), (14, "53.33")],  # fee 60 × 16/30 = 32, lifted to 100 × 16/30
)
def test_a_trial_takes_its_part_from_the_minimum_too(trial, total):
    plan = monthly(60, minimum=100, trial=trial, cycle=Cycle.monthly("2026-06-01"))

    assert str(final(plan, JUNE).total) == total


# --- prices ----------------------------------------------------------------------------------------------


def price_cut(**terms):
    return amended(
        monthly(prices={"u": "1.00"}, **terms), ("2026-03-16", monthly(prices={"u": "0.99"}, **terms))
    )


def book_of_the_same(**terms):
    book = PriceBook([("2026-01-01", PriceSchedule(u="1.00")), ("2026-03-16", PriceSchedule(u="0.99"))])
    return monthly(prices=book, **terms)


@pytest.mark.parametrize("agreed", [price_cut, book_of_the_same])
@pytest.mark.parametrize(
    ("terms", "total"),
    [
        ({"minimum": 93}, "100.00"),
        ({"maximum": 93}, "93.00"),
        ({"fees": [Fee(9, "support", prorated=False)]}, "109.00"),
    ],
    ids=["minimum", "maximum", "unprorated fee"],
)
def test_what_is_due_once_a_period_is_due_once_at_a_price_cut(agreed, terms, total):
    assert str(final(agreed(**terms), MARCH, {"2026-03-05": {"u": 100}}).total) == total


@pytest.mark.parametrize("agreed", [price_cut, book_of_the_same])
def test_an_allowance_goes_on_at_a_price_cut(agreed):
    usage = {"2026-03-05": {"u": 100}, "2026-03-20": {"u": 100}}

    assert str(final(agreed(included={"u": 100}), MARCH, usage).total) == "99.00"


def test_tiers_of_another_meter_go_on_when_one_price_changes():
    october = Period("2026-10-01", "2026-11-01")
    calls = Graduated([Tier(10_000, "0.01"), Tier(None, "0.005")])
    old, new = (monthly(prices={"calls": calls, "storage": rate}) for rate in (1, 2))
    usage = {"2026-10-05": {"calls": 9000}, "2026-10-20": {"calls": 9000}}

    assert str(final(amended(old, ("2026-10-15", new)), october, usage).total) == "140.00"


@pytest.mark.parametrize(("tiers", "total"), [("continue", "19.00"), ("restart", "27.00")])
def test_tiers_go_on_or_begin_anew(tiers, total):
    old = monthly(prices={"u": Graduated([Tier(100, "0.10"), Tier(None, "0.05")])})
    new = monthly(prices={"u": Graduated([Tier(100, "0.20"), Tier(None, "0.10")])})
    usage = {"2026-03-05": {"u": 120}, "2026-03-20": {"u": 80}}

    # 11.00 + (30.00 − 22.00), or 11.00 + 16.00
    assert str(final(amended(old, ("2026-03-16", new), tiers=tiers), MARCH, usage).total) == total


def test_usage_before_an_upgrade_keeps_its_price():
    old, new = (monthly(prices={"events": rate}) for rate in ("0.01", "0.02"))
    contract = amended(old, ("2026-03-16", new))

    made = bills(
        MARCH,
        (old, {"events": 1000}, "2026-03-05"),
        (contract, {}, "2026-03-16"),
        (contract, {"events": 100}, "2026-03-20"),
    )

    assert totals(made) == ["10.00", "0.00", "2.00"]


def test_late_usage_falls_to_the_version_of_its_date():
    old, new = (monthly(prices={"u": rate}, included={"u": 50}) for rate in ("0.05", "0.10"))
    contract = amended(old, ("2026-03-16", new))

    made = bills(
        MARCH,
        (old, {"u": 60}, "2026-03-05"),
        (contract, {}, "2026-03-16"),
        (contract, {"2026-03-05": {"u": 1}}, "2026-03-20"),
    )

    assert totals(made) == ["0.50", "0.00", "0.05"]


def test_usage_without_a_time_is_refused_where_its_entry_changed_alone():
    old, new = (monthly(prices={"u": rate, "v": 1}) for rate in (1, 2))
    contract = amended(old, ("2026-03-16", new))

    assert final(contract, MARCH, {"v": 3}).total == 3
    with pytest.raises(InvalidUsage, match="say when"):
        final(contract, MARCH, {"u": 3})


def test_a_price_that_falls_lowers_what_came_before_it():
    old = monthly(prices={"a": 10}, taxes=Tax("VAT", 20))
    new = monthly(prices={"a": Volume([Tier(20, 10), Tier(None, 1)])})
    usage = {"2026-06-05": {"a": 20}, "2026-06-20": {"a": 10}}

    # 200 − 170 = 30, all of it in the version that is taxed
    assert str(final(amended(old, ("2026-06-16", new)), JUNE, usage).total) == "36.00"


# --- terms of the whole period ---------------------------------------------------------------------------


def test_a_maximum_from_the_middle_on_holds_the_items_after_it():
    old, new = monthly(prices={"a": 1}), monthly(prices={"a": 1}, maximum=10)
    usage = {"2026-06-05": {"a": 100}, "2026-06-20": {"a": 100}}

    assert str(final(amended(old, ("2026-06-16", new)), JUNE, usage).total) == "105.00"


def test_the_true_up_is_spread_over_the_versions_and_taxed_by_each():
    old, new = (monthly(prices={"a": 1}, minimum=100, taxes=Tax("VAT", rate)) for rate in (19, 20))

    assert str(final(amended(old, ("2026-06-16", new)), JUNE).total) == "119.50"  # 50 × 1.19 + 50 × 1.20


def test_a_fee_in_two_items_is_rounded_once_at_stage_line():
    old = monthly("1.01", rounding=BY_LINE)
    new = monthly("1.01", rounding=BY_LINE, taxes=Tax("VAT", 0))

    assert str(final(amended(old, ("2026-06-16", new)), JUNE).total) == "1.01"


def late_and_then_early():
    """A fee of one name, in arrears for a third of June and in advance for the rest, cents rounded up."""
    terms = {"rounding": Rounding(mode="up", stage="line")}
    late, early = (monthly(Fee(1, "support", due=due), **terms) for due in ("arrears", "advance"))
    return amended(late, ("2026-06-11", early))


@pytest.mark.parametrize(("final", "lines"), [(False, ["0.66"]), (True, ["0.34", "0.66"])])
def test_a_fee_is_rounded_once_before_all_of_it_is_due(final, lines):
    # 0.333… is 0.34 and both are 1.00, so that 0.66 are left, whichever of them is due first
    bill = Bill.of({}, late_and_then_early(), period=JUNE, final=final)

    assert [str(line.amount) for line in bill.lines] == lines
    assert bill.total == sum(map(Decimal, lines))
    bill.verify()


def test_what_was_billed_of_a_fee_stays_as_it_is_when_the_rest_is_due():
    contract = late_and_then_early()

    first, last = bills(JUNE, (contract, {}, "2026-06-20"), (contract, {}, None, {"final": True}))

    assert [str(line.amount) for line in (*first.lines, *last.lines)] == ["0.66", "0.34"]


def test_discounts_that_come_in_other_orders_find_one():
    a, b, c = (Discount.fixed(amount, name) for amount, name in ((1, "A"), (2, "B"), (4, "C")))
    plans = [monthly(prices={"u": 1}, discounts=pair) for pair in ([a, b], [b, c], [c, a])]
    contract = amended(plans[0], ("2026-06-11", plans[1]), ("2026-06-21", plans[2]))
    usage = {day: {"u": 30} for day in ("2026-06-05", "2026-06-15", "2026-06-25")}

    # A 1 × 20/30, B 2 × 20/30, C 4 × 20/30
    assert str(final(contract, JUNE, usage).total) == "85.33"


# --- dated terms -----------------------------------------------------------------------------------------


def test_a_discount_until_a_day():
    plan = monthly(310, discounts=Discount.percent(20, ends="2026-03-16"))

    assert str(final(plan, MARCH).total) == "280.00"  # 310 − 20 % of 310 × 15/31


def test_a_tax_that_rises():
    taxes = [Tax("VAT", 5, ends="2026-06-11"), Tax("VAT", 8, starts="2026-06-11")]
    usage = {"2026-06-05": {"u": 100}, "2026-06-20": {"u": 50}}

    bill = final(monthly(prices={"u": 1}, taxes=taxes), JUNE, usage)

    assert str(bill.total) == "159.00"
    assert [str(line.amount) for line in bill.lines if line.kind == "tax"] == ["5.00", "4.00"]


def test_a_fee_from_a_day():
    plan = monthly(Fee(45, "support", starts="2026-06-11"))

    assert [str(final(plan, period).total) for period in (JUNE, JULY)] == ["30.00", "45.00"]


def test_a_discount_that_begins_later_does_not_stop_an_account():
    plan = monthly(prices={"u": 1})
    later = monthly(prices={"u": 1}, discounts=Discount.percent(10, on="usage", starts="2026-06-20"))

    made = bills(JUNE, (plan, {"u": 10}, "2026-06-05"), (later, {"u": 10}, "2026-06-20"))

    assert totals(made) == ["10.00", "9.00"]


def test_an_unprorated_discount_is_one_amount():
    plan = monthly(62, discounts=Discount.fixed(12, "coupon", prorated=False))

    assert str(final(plan, Period("2026-03-16", "2026-04-01")).total) == "20.00"  # 62 × 16/31 − 12
    assert str(final(amended(plan, ("2026-03-16", plan)), MARCH).total) == "50.00"


# --- the end of a contract -------------------------------------------------------------------------------


def test_a_cancellation_in_the_middle_gives_the_rest_back():
    plan = monthly(93)

    made = bills(
        MARCH,
        (plan, {}, "2026-03-01"),
        (Contract(plan).ended("2026-03-11"), {}, "2026-03-11", {"final": True}),
    )

    assert totals(made) == ["93.00", "-63.00"]  # 21 of 31 days
    assert str(made[1].closing.credit_balance) == "63.00"


def test_a_cancellation_that_gives_no_fee_back():
    plan = monthly(93)

    made = bills(
        MARCH,
        (plan, {}, "2026-03-01"),
        (Contract(plan).ended("2026-03-11", fees="from_next"), {}, "2026-03-11", {"final": True}),
    )

    assert totals(made) == ["93.00", "0.00"]


def test_from_monthly_to_yearly():
    month, year = monthly(20), monthly(200, cycle=Cycle.yearly("2026-03-16"))

    made = bills(
        MARCH,
        (month, {}, "2026-03-01"),
        (Contract(month).ended("2026-03-16"), {}, "2026-03-16", {"final": True}),
        (year, {}, "2026-03-16", {"period": Period("2026-03-16", "2027-03-16")}),
    )

    assert totals(made) == ["20.00", "-10.32", "200.00"]
    assert [bill.due for bill in made] == [20, 0, Decimal("189.68")]


# --- the account goes on ---------------------------------------------------------------------------------


def test_a_meter_added_to_a_live_prepaid_account():
    token = Currency("TOKEN", places=0)
    tokens = {"currency": token}
    old = BillingPlan.prepaid(PriceSchedule({"calls": PerUnit(1, per=10)}, **tokens), overage="refuse")
    new = BillingPlan.prepaid(
        PriceSchedule({"calls": PerUnit(1, per=10), "gpu_seconds": 1}, **tokens), overage="refuse"
    )
    account = Account(balance=[Grant("p", 100, token)])

    first = Bill.of({"calls": 5}, old, opening=account, final=False)
    second = Bill.of({"calls": 5}, new, opening=first.closing, final=False)

    assert second.closing.balance.left("p") == 99


def test_a_past_that_is_priced_anew_is_refused_or_restated():
    old, new = monthly(prices={"u": "0.50"}), monthly(prices={"u": "0.45"})
    (first,) = bills(JUNE, (old, {"u": 40}, "2026-06-05"))

    with pytest.raises(AccountMismatch, match="restate") as refused:
        Bill.of({}, new, opening=first.closing, period=JUNE, at="2026-06-06", final=False)
    restated = Bill.of(
        {}, new, opening=first.closing, period=JUNE, at="2026-06-06", final=False, restate=True
    )

    assert {"20.00", "18.00"} <= set(str(refused.value).replace(",", " ").replace(";", " ").split())
    assert str(restated.total) == "-2.00"


def test_an_amendment_that_tears_apart_what_is_booked_is_refused_with_the_way_out():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 2})
    made = bills(JUNE, (old, {"u": 10}, "2026-06-03"), (old, {"u": 10}, "2026-06-21"))
    contract = amended(old, ("2026-06-11", new))

    with pytest.raises(AccountMismatch, match="restate"):
        Bill.of({}, contract, opening=made[-1].closing, period=JUNE, at="2026-06-22", final=False)
    restated = Bill.of(
        {"2026-06-21": {"u": 10}},
        contract,
        opening=made[-1].closing,
        period=JUNE,
        at="2026-06-22",
        final=False,
        restate=True,
        reversal={"2026-06-03": {"u": 10}},
    )

    assert str(restated.total) == "10.00"  # 10 × 1 + 10 × 2 = 30, less 20


def test_another_contract_on_a_young_account_is_noted_on_the_bill():
    (first,) = bills(JUNE, (monthly(prices={"u": 1}), {}, "2026-06-03"))

    second = Bill.of(
        {"u": 1}, monthly(prices={"u": 2}), opening=first.closing, period=JUNE, at="2026-06-04", final=False
    )

    assert second.notes == ("other terms, the past is the same",)
    assert str(second.total) == "2.00"


# --- credit ----------------------------------------------------------------------------------------------


def granted(account, grant):
    return evolve(account, balance=account.balance.with_grants(grant))


def left(bill):
    return {grant.id: str(bill.closing.balance.left(grant.id)) for grant in bill.closing.balance.grants}


@pytest.mark.parametrize("cuts", ["one", "three", "a bill for each call"])
def test_gifts_and_what_was_paid_ahead_live_through_an_upgrade(cuts):
    small, large = (monthly(fee, prices={"calls": "1.00"}) for fee in (31, 62))
    contract = amended(small, ("2026-03-16", large))
    account = Account(
        balance=[Grant("gift", 30, "USD", kind="promotional", on="calls"), Grant("paid", 100, "USD")]
    )
    steps = {
        "one": [(contract, {"2026-03-05": {"calls": 40}}, "2026-04-01", {"final": True})],
        "three": [
            (small, {"calls": 40}, "2026-03-05"),
            (contract, {}, "2026-03-16"),
            (contract, {}, "2026-04-01", {"final": True}),
        ],
        "a bill for each call": [
            *((small, {"calls": 1}, "2026-03-05") for _ in range(40)),
            (contract, {}, "2026-04-01", {"final": True}),
        ],
    }[cuts]

    made = bills(MARCH, *steps, opening=account)

    assert str(sum(bill.total for bill in made)) == "57.00"  # 15 + 32 + 40 − 30
    assert {bill.due for bill in made} == {Decimal("0.00")}
    assert Decimal(left(made[-1])["paid"]) == 43


def test_a_roll_over_waits_for_the_end_of_the_period():
    small, large = (monthly(fee, prices={"calls": "1.00"}) for fee in (31, 62))
    contract = amended(small, ("2026-03-16", large))
    gift = Grant("gift", 100, "USD", kind="promotional", on="calls", rollover=(0, 50))

    made = bills(
        MARCH,
        (small, {"calls": 10}, "2026-03-05"),
        (contract, {}, "2026-03-16"),
        (contract, {"calls": 60}, "2026-03-20"),
        (contract, {}, "2026-04-01", {"final": True}),
        opening=Account(balance=[gift]),
    )

    assert str(sum(bill.total for bill in made)) == "47.00"
    assert Decimal(left(made[-1])["gift"]) == 30


def test_a_grant_added_at_an_amendment_pays_nothing_earlier():
    old, new = (monthly(prices={"u": rate}) for rate in (1, 3))
    contract = amended(old, ("2026-06-16", new))
    (first,) = bills(JUNE, (old, {"u": 20}, "2026-06-05"))
    account = granted(first.closing, Grant("g", 40, "USD", kind="promotional"))

    second, third = bills(
        JUNE, (contract, {}, "2026-06-16"), (contract, {"u": 5}, "2026-06-20"), opening=account
    )

    assert (str(first.due), str(second.total), Decimal(left(second)["g"])) == ("20.00", "0.00", 40)
    assert (str(third.due), Decimal(left(third)["g"])) == ("0.00", 25)


def test_a_gift_never_turns_the_cash_of_a_fee_into_money():
    old, new = monthly(30, prices={"u": 1}), monthly(60, prices={"u": 1})
    (first,) = bills(JUNE, (old, {}, "2026-06-01"))
    account = granted(first.closing, Grant("g", 50, "USD", kind="promotional"))

    (second,) = bills(JUNE, (amended(old, ("2026-06-16", new)), {}, "2026-06-16"), opening=account)

    assert str(second.total) == "0.00"  # 45.00 less 30.00 paid, of which the gift pays 15.00
    assert second.closing.credit_balance == 0


def test_a_grants_last_valid_day():
    september, october = Period("2026-09-01", "2026-10-01"), Period("2026-10-01", "2026-11-01")
    plan = monthly(prices={"a": 1})
    account = Account(balance=[Grant("g", 5, "USD", through="2026-09-30")])

    first = Bill.of({"a": 4}, plan, period=september, opening=account)
    second = Bill.of({"a": 1}, plan, period=october, opening=first.closing)

    assert (str(first.due), str(second.due)) == ("0.00", "1.00")


# --- any cut, one sum ------------------------------------------------------------------------------------


def test_any_cut_comes_to_one_sum():
    calls = Graduated([Tier(20, "0.50"), Tier(None, "0.25")])
    terms = {"discounts": Discount.percent(20, on="usage"), "taxes": Tax("VAT", 10)}
    old = monthly(45, prices={"calls": calls, "data": "0.10"}, **terms)
    new = monthly(90, prices={"calls": calls, "data": "0.30"}, **terms)
    contract = amended(old, ("2026-06-11", new))
    usage = {
        "2026-06-03": {"calls": 15, "data": 20},
        "2026-06-08": {"calls": 3},
        "2026-06-20": {"calls": 10, "data": 10},
    }

    made = bills(
        JUNE,
        (old, {}, "2026-06-01"),
        (old, usage["2026-06-03"], "2026-06-03"),
        (contract, {}, "2026-06-11"),
        (contract, usage["2026-06-20"], "2026-06-20"),
        (contract, {"2026-06-08": usage["2026-06-08"]}, "2026-06-21"),
        (contract, {}, "2026-07-01", {"final": True}),
    )

    assert str(final(contract, JUNE, usage).total) == "97.46"  # 88.60 net, 8.86 tax
    assert str(sum(bill.total for bill in made)) == "97.46"


def test_a_dated_bill_verifies_and_its_lines_sum_to_its_total():
    contract = price_cut(minimum=500, taxes=Tax("VAT", 19), discounts=Discount.fixed(4))
    bill = final(contract, MARCH, {"2026-03-05": {"u": 100}, "2026-03-20": {"u": 33}})

    bill.verify()
    assert sum(line.amount for line in bill.lines) == bill.total


def test_usage_that_is_dated_needs_no_contract():
    plan = monthly(prices={"u": "0.40"}, included={"u": 30})

    assert final(plan, MARCH, {"2026-03-05": {"u": 25}, "2026-03-20": Usage(u=25)}).total == 8


@pytest.mark.parametrize(
    ("day", "problem"), [("2026-04-01", "outside"), ("2026-03-20", "after the contract")]
)
def test_usage_has_a_date_on_which_the_contract_holds(day, problem):
    contract = Contract(monthly(prices={"u": 1})).ended("2026-03-16")

    with pytest.raises(InvalidUsage, match=problem):
        final(contract, MARCH, {day: {"u": 1}})


def test_usage_without_a_time_is_refused_where_an_earlier_version_has_no_price_or_tiers_begin_anew():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 1, "v": 2})
    contract, restarted = (
        amended(old, ("2026-03-16", new)),
        amended(old, ("2026-03-16", old), tiers="restart"),
    )

    assert final(contract, MARCH, {"2026-03-20": {"v": 3}}).total == 6
    for terms, usage in ((contract, {"v": 3}), (restarted, {"u": 3})):
        with pytest.raises(InvalidUsage, match="say when"):
            final(terms, MARCH, usage)


def test_an_account_does_not_go_on_without_a_version_that_it_was_billed_under():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 2})
    (first,) = bills(MARCH, (amended(old, ("2026-03-16", new)), {"2026-03-20": {"u": 5}}, "2026-03-20"))

    with pytest.raises(AccountMismatch, match="accrued amount"):
        Bill.of({}, old, opening=first.closing, period=MARCH, at="2026-03-21", final=False)


def test_an_amendment_of_the_past_is_taken_where_it_changes_nothing_that_was_used():
    old, new = monthly(prices={"u": 1, "v": 1, "w": 1}), monthly(prices={"u": 2, "v": 1, "w": 1})
    contract = amended(old, ("2026-03-11", new), ("2026-03-13", new))

    made = bills(
        MARCH,
        (old, {"v": 10, "w": 1}, "2026-03-20"),
        (contract, {}, "2026-03-21"),
        (contract, {"2026-03-21": {"u": 1}}, "2026-03-21"),
    )

    assert totals(made) == ["11.00", "0.00", "2.00"]


@pytest.mark.parametrize("rounding", [Rounding(), BY_LINE], ids=["bill", "line"])
def test_the_price_of_tokens_goes_on_where_it_changes(rounding):
    token = Currency("TOKEN", places=0)
    prices = PriceSchedule({"u": 1}, currency=token)
    falling = Graduated([Tier(10, "0.20"), Tier(None, "0.05")])
    old, new = (
        monthly(prices=prices, currency="USD", token_price=price, rounding=rounding)
        for price in (PerUnit("0.10"), falling)
    )
    usage = {"2026-03-05": {"u": 10}, "2026-03-20": {"u": 10}}

    bill = final(amended(old, ("2026-03-16", new)), MARCH, usage)

    assert [line.amount for line in bill.lines] == [1, Decimal("0.5")]  # 10 × 0.10; 10 × 0.05 after 10
    assert str(bill.total) == "1.50"


def test_usage_at_two_prices_is_rounded_once_at_stage_line():
    old, new = (monthly(prices={"u": rate}, rounding=BY_LINE) for rate in ("0.005", "0.006"))
    usage = {"2026-03-05": {"u": 1}, "2026-03-20": {"u": 1}}

    assert str(final(amended(old, ("2026-03-16", new)), MARCH, usage).total) == "0.01"  # 0.011, not 2 × 0.01


def test_a_true_up_over_two_versions_is_cut_into_whole_cents_at_stage_line():
    old, new = (monthly(minimum=100, taxes=Tax("VAT", rate), rounding=BY_LINE) for rate in (19, 20))

    # 48.39 and 51.61, with 9.19 and 10.32 of tax
    bill = final(amended(old, ("2026-03-16", new)), MARCH)

    assert [str(line.amount) for line in bill.lines] == ["100.00", "9.19", "10.32"]


def test_a_balance_refuses_what_it_does_not_cover_at_the_price_of_the_day():
    old, new = (BillingPlan.prepaid(PriceSchedule(u=rate), overage="refuse") for rate in (1, 2))
    contract = amended(old, ("2026-03-16", new))
    (first,) = bills(
        MARCH,
        (contract, {"2026-03-05": {"u": 4}}, "2026-03-05"),
        opening=Account(balance=[Grant("g", 10, "USD")]),
    )

    with pytest.raises(BalanceExhausted) as refused:
        Bill.of(
            {"2026-03-20": {"u": 4}},
            contract,
            opening=first.closing,
            period=MARCH,
            at="2026-03-20",
            final=False,
        )
    (last,) = bills(MARCH, (contract, {"2026-03-20": {"u": 3}}, "2026-03-20"), opening=first.closing)

    assert refused.value.short == 2  # 4 × 2 on the 6 that are left
    assert last.draws == (("g", 6),)


def test_without_a_cycle_versions_are_parts_of_the_period():
    old, new = (BillingPlan.on_demand(PriceSchedule(u=1), fees=[Fee(fee)]) for fee in (31, 62))
    contract = amended(old, ("2026-03-16", new))

    assert str(final(contract, MARCH).total) == "47.00"  # 31 × 15/31 + 62 × 16/31
    assert [version.plan for version in final(contract, MARCH).versions] == [old, new]
    assert Bill.of({}, old, period=MARCH).versions == ()


def test_a_fee_that_is_due_once_is_not_due_in_a_trial():
    trial = Period("2026-03-01", "2026-04-01")
    old, new = (monthly(Fee(fee, prorated=False), trial=trial) for fee in (10, 20))

    assert final(amended(old, ("2026-03-16", new)), MARCH).total == 0


def test_what_a_falling_price_takes_back_is_told():
    old = monthly(prices={"a": 10})
    new = monthly(prices={"a": Volume([Tier(20, 10), Tier(None, 1)])})
    usage = {"2026-06-05": {"a": 20}, "2026-06-20": {"a": 10}}

    lines = final(amended(old, ("2026-06-16", new)), JUNE, usage).lines

    # 200 − 170: the second version is not −170
    assert [(line.quantity, line.amount, line.charge.rule) for line in lines] == [
        (20, 30, "no version is below 0"),
        (10, 0, "no version is below 0"),
    ]


def test_a_restated_bill_charges_the_difference_to_what_was_billed():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 2})
    (first,) = bills(MARCH, (old, {"u": 10}, "2026-03-20"))

    restated = Bill.of(
        {},
        amended(old, ("2026-03-01", new)),
        opening=first.closing,
        period=MARCH,
        at="2026-03-21",
        final=False,
        restate=True,
    )

    assert [(line.description, line.amount) for line in restated.lines] == [("u", 20), ("billed before", -10)]


def test_a_grant_that_ends_inside_the_period_is_noted_while_something_is_left_of_it():
    plan = monthly(prices={"u": 1})
    ending = Grant("spring", 5, "USD", expires="2026-03-31")
    spent = {"grants": [ending], "draws": {"spring": 5}}

    bill = Bill.of({"u": 10}, plan, period=MARCH, opening=Account(balance=[ending]))
    later = Bill.of({"u": 10}, plan, period=MARCH, opening=Account(balance=Balance(**spent)))

    assert (bill.notes, bill.due) == (("grant spring ended inside the period",), 10)
    assert later.notes == ()


def test_usage_with_dates_needs_a_period():
    with pytest.raises(InvalidPeriod, match="no period"):
        Bill.of({"2026-03-05": {"u": 1}}, monthly(prices={"u": 1}))


def test_a_fee_that_is_due_once_and_rises_says_what_is_due_of_it():
    old, new = (monthly(Fee(fee, prorated=False)) for fee in (10, 25))

    lines = final(amended(old, ("2026-03-16", new)), MARCH).lines

    assert [(line.amount, line.charge.rule) for line in lines] == [
        (10, ""),
        (15, "what it is above the largest before"),
    ]


# --- what an account has seen ----------------------------------------------------------------------------


def test_a_dated_term_that_was_planned_may_fall_away():
    planned = monthly(prices={"u": 1}, discounts=Discount.percent(10, on="usage", starts="2026-06-20"))

    made = bills(
        JUNE, (planned, {"u": 10}, "2026-06-05"), (monthly(prices={"u": 1}), {"u": 10}, "2026-06-25")
    )

    assert totals(made) == ["10.00", "10.00"]


def test_an_amendment_before_a_dated_term_leaves_the_past_alone():
    fees = [Fee(30, "seat"), Fee(30, "support", starts="2026-06-16")]
    old, new = monthly(fees=fees), monthly(fees=fees, discounts=Discount.percent(50, on="fee"))

    made = bills(JUNE, (old, {}, "2026-06-01"), (amended(old, ("2026-06-11", new)), {}, "2026-06-11"))

    assert totals(made) == ["45.00", "-17.50"]  # half of 30 × 20/30 + 30 × 15/30


def test_an_amendment_on_the_day_of_a_dated_term_leaves_the_past_alone():
    book = PriceBook([("2026-01-01", PriceSchedule(u="1.00")), ("2026-06-16", PriceSchedule(u="0.99"))])
    old, new = monthly(30, prices=book), monthly(60, prices=book)

    made = bills(JUNE, (old, {}, "2026-06-01"), (amended(old, ("2026-06-16", new)), {}, "2026-06-16"))

    assert totals(made) == ["30.00", "15.00"]


def test_an_end_that_gives_no_fees_back_hides_no_terms_that_were_seen():
    book = PriceBook([("2026-01-01", PriceSchedule(u="1.00")), ("2026-06-16", PriceSchedule(u="0.99"))])
    old, new = monthly(30, prices=book), monthly(60, prices=book)
    # what the end does to fees was said together with it, and is no part of what the account has seen
    ended = amended(old, ("2026-06-16", new)).ended("2026-06-21", fees="from_next")

    made = bills(JUNE, (old, {}, "2026-06-01"), (ended, {}, "2026-06-16"))

    assert totals(made) == ["30.00", "15.00"]


def test_labels_that_no_price_looks_at_are_one_sum_after_an_amendment_too():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 2})
    contract = amended(old, ("2026-06-16", new))

    made = bills(
        JUNE,
        (old, {"u{team=red}": 5}, "2026-06-05"),
        (contract, {"u{team=blue}": 1}, "2026-06-20"),
        (contract, {}, "2026-06-21", {"reversal": {"2026-06-05": {"u{team=red}": 2}}}),
    )

    assert totals(made) == ["5.00", "2.00", "-2.00"]


def test_a_paid_grant_pays_within_its_scope_where_a_charge_has_several_items():
    old, new = (monthly(prices={"a": rate, "b": 1}) for rate in (1, 2))
    contract = amended(old, ("2026-06-16", new))
    usage = {"2026-06-05": {"a": 10}, "2026-06-20": {"a": 10, "b": 7}}

    bill = Bill.of(usage, contract, period=JUNE, opening=Account(balance=[Grant("p", 50, "USD", on="b")]))

    assert (str(bill.total), str(bill.due)) == ("37.00", "30.00")
    assert Decimal(left(bill)["p"]) == 43


def test_a_meter_that_comes_later_is_explained():
    old, new = monthly(prices={"a": 1}), monthly(prices={"a": 1, "b": 2})
    usage = {"2026-06-05": {"a": 1}, "2026-06-20": {"b": 2}}

    bill = final(amended(old, ("2026-06-16", new)), JUNE, usage)

    assert bill.explain().splitlines()[:2] == [
        "a: 1 × 1 = 1  (every unit at 1)",
        "b: 2 × 2 = 4  (every unit at 2)",
    ]


def test_an_account_that_saw_the_end_goes_on():
    plan = monthly(93, prices={"u": 1})
    contract = Contract(plan).ended("2026-03-11")

    made = bills(
        MARCH,
        (plan, {"u": 3}, "2026-03-05"),
        (contract, {}, "2026-03-11"),
        (contract, {}, "2026-03-12", {"final": True}),
    )

    assert totals(made) == ["96.00", "-63.00", "0.00"]
    assert made[-1].closing.period is None


def test_a_past_that_was_rated_anew_is_explained_and_stored():
    old, new = monthly(prices={"u": 1}), monthly(prices={"u": 2})
    account = Account(balance=[Grant("gift", 5, "USD", kind="promotional"), Grant("paid", 50, "USD")])
    (first,) = bills(JUNE, (old, {"u": 10}, "2026-06-05"), opening=account)

    restated = Bill.of(
        {}, new, period=JUNE, at="2026-06-06", opening=first.closing, final=False, restate=True
    )
    restated.verify()

    assert "billed before" in restated.explain()
    assert serial.loads(serial.dumps(restated)).lines == restated.lines
    assert (str(restated.total), str(restated.due)) == ("10.00", "0.00")
    assert {id: Decimal(amount) for id, amount in left(restated).items()} == {"gift": 0, "paid": 35}


def test_a_contract_that_never_changed_needs_no_period():
    plan = monthly(31)

    assert Bill.of({"calls": 100}, Contract(plan)).total == Bill.of({"calls": 100}, plan).total == Decimal(32)


def test_an_amendment_before_an_end_that_was_seen_leaves_the_past_alone():
    ended = Contract(monthly(31)).ended("2026-03-27")
    first = Bill.of({"calls": 100}, ended, period=MARCH, at="2026-03-20", final=False)
    changed = Contract(monthly(31)).amended("2026-03-22", monthly(62)).ended("2026-03-27")

    last = Bill.of({}, changed, period=MARCH, opening=first.closing)

    # 31 × 21/31 + 62 × 5/31 in place of 31 × 26/31
    assert (first.total, last.total) == (Decimal("27.00"), Decimal("5.00"))


def test_a_schedule_of_a_users_own_is_asked_anew_for_each_bill_of_a_contract():
    class Rising:
        currency, rate = "USD", 0

        def match(self, meter):
            self.rate += 1
            return Entry(meter, PerUnit(self.rate))

    contract = amended(monthly(prices=Rising()), ("2026-06-16", monthly(prices={"u": 1})))

    made = [Bill.of({"2026-06-05": {"u": 1}}, contract, period=JUNE).total for _ in range(2)]

    assert made[1] > made[0]


def test_a_prorated_allowance_of_one_version_is_free_in_the_one_after_it_too():
    old = monthly(prices={"u": 1}, included={"u": 30}, prorate_included=True)
    contract = amended(old, ("2026-06-16", monthly(prices={"u": 1}, prorate_included=True)))

    # 30 × 15/30 are included, whenever they are used
    assert Bill.of({"2026-06-20": {"u": 20}}, contract, period=JUNE).total == Decimal("5.00")


def test_a_contract_serves_more_periods_than_it_keeps_compiled():
    old, new = (
        BillingPlan.subscription(0, PriceSchedule(calls=rate), cycle=Cycle.daily()) for rate in (1, 2)
    )
    contract, first = Contract(old).amended("2026-03-01T12:00:00Z", new), date(2026, 3, 1)

    for number in range(PERIODS + 2):
        day = Period(*(f"{first + timedelta(number + n)}T00:00:00Z" for n in (0, 1)))
        early, late = (f"{first + timedelta(number)}T{hour}:00:00Z" for hour in ("01", "23"))
        part = Bill.of({early: {"calls": 1}}, contract, period=day, final=False)
        whole = Bill.of({late: {"calls": 1}}, contract, period=day, opening=part.closing)
        assert (part.total, whole.total) == ((1, 2) if number == 0 else (2, 2))


def test_of_three_versions_that_begin_anew_each_includes_its_own_part():
    plan = monthly(prices={"u": 1}, included={"u": 30}, prorate_included=True)
    contract = amended(plan, ("2026-06-11", plan), ("2026-06-21", plan), tiers="restart")

    # 30 × 10/30 are free in the last ten days, whatever the ten before them left
    assert Bill.of({"2026-06-25": {"u": 20}}, contract, period=JUNE).total == Decimal("10.00")


@pytest.mark.parametrize(("first", "then"), [(50, 80), (80, 50)])
@pytest.mark.parametrize(
    ("terms", "used", "total"),
    [
        (lambda amount: {"minimum": Limit(amount, prorated=False)}, 0, 80),
        (lambda amount: {"maximum": Limit(amount, prorated=False)}, 100, 80),
        (lambda amount: {"discounts": Discount.fixed(amount, "off", prorated=False)}, 100, 20),
    ],
    ids=["minimum", "maximum", "discount"],
)
def test_of_amounts_that_are_due_once_in_two_versions_the_larger_is(terms, used, total, first, then):
    old, new = (monthly(prices={"u": 1}, **terms(amount)) for amount in (first, then))

    assert final(amended(old, ("2026-06-16", new)), JUNE, {"2026-06-20": {"u": used}}).total == total


def test_usage_without_a_time_is_taken_where_only_the_discount_of_another_meter_changed():
    old, new = (
        monthly(prices={"a": 1, "b": 1}, discounts=Discount.percent(percent, "off", on="b"))
        for percent in (10, 20)
    )
    contract = amended(old, ("2026-06-16", new))

    assert Bill.of({"a": 5}, contract, period=JUNE).total == Decimal("5.00")
    with pytest.raises(InvalidUsage, match="usage of b without a time"):
        Bill.of({"b": 5}, contract, period=JUNE)


# What an account has seen, and usage without a time --------------------------------------------------------


def test_an_amendment_before_the_period_goes_on_counting_beside_one_that_is_new():
    # 10 at 2, as agreed in May; from the 16th on at 3
    one, two, three = (BillingPlan(PriceSchedule(a=rate)) for rate in (1, 2, 3))
    contract = amended(one, ("2026-05-01", two))
    first = Bill.of({"a": 10}, contract, period=JUNE, final=False, at="2026-06-02")
    changed = contract.amended("2026-06-16", three)
    second = Bill.of({"a": 1}, changed, period=JUNE, opening=first.closing, at="2026-06-20")

    assert (first.total, second.total) == (20, 3)
    second.verify()


def test_a_dated_term_that_nobody_had_seen_changes_nothing_of_the_past():
    # a fee of 30 was billed; half of it is taken off from the 16th on: 15 of 30 days, 7.50
    plan = BillingPlan(PriceSchedule(a=1), fees=Fee(30), cycle=Cycle.monthly())
    first = Bill.of({}, plan, period=JUNE, final=False, at="2026-06-02")
    half = evolve(plan, discounts=[Discount.percent(50, starts="2026-06-16")])
    second = Bill.of({}, half, period=JUNE, opening=first.closing, at="2026-06-20")

    assert (first.total, second.total) == (30, Decimal("-7.50"))


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        # the same price, of another entry
        ([("2026-06-11", {"a": 1, "a{model=x}": 1}, "continue")], True),
        ([("2026-06-11", {"a": 1}, "continue")], False),
        # tiers begin anew in one of three versions: the first, or the second
        ([("2026-06-11", {"a": 1}, "restart"), ("2026-06-21", {"a": 1}, "continue")], True),
        ([("2026-06-11", {"a": 1}, "continue"), ("2026-06-21", {"a": 1}, "restart")], True),
    ],
)
def test_usage_without_a_time_has_to_cost_the_same_in_each_version(changes, is_refused):
    contract = Contract(BillingPlan(PriceSchedule(a=1)))
    for at, prices, tiers in changes:
        contract = contract.amended(at, BillingPlan(PriceSchedule(prices), minimum=1), tiers=tiers)
    if is_refused:
        with pytest.raises(InvalidUsage, match="without a time"):
            Bill.of({"a{model=x}": 5}, contract, period=JUNE)
    else:
        assert Bill.of({"a{model=x}": 5}, contract, period=JUNE).total == 5


@pytest.mark.parametrize(
    ("tiers", "is_torn"), [(("restart", "continue"), True), (("continue", "restart"), False)]
)
def test_an_amendment_of_the_past_tears_nothing_apart_but_where_tiers_begin_anew(tiers, is_torn):
    # of the 10 that were billed on the 15th nobody knows which came before the 11th
    plan = BillingPlan(PriceSchedule(a=1))
    first = Bill.of({"a": 10}, plan, period=JUNE, final=False, at="2026-06-15")
    contract = Contract(plan)
    for at, how in zip(("2026-06-11", "2026-06-21"), tiers, strict=True):
        contract = contract.amended(at, evolve(plan, minimum=1), tiers=how)
    asked = {"period": JUNE, "opening": first.closing, "at": "2026-06-22"}
    if is_torn:
        with pytest.raises(AccountMismatch, match="when a was used"):
            Bill.of({"a": 1}, contract, **asked)
    else:
        assert Bill.of({"a": 1}, contract, **asked).total == 1


def test_an_amendment_between_two_that_were_billed_tears_apart_what_came_before():
    one, two, three = (BillingPlan(PriceSchedule(a=rate)) for rate in (1, 2, 3))
    contract = amended(one, ("2026-06-20", three))
    used = {"2026-06-05": {"a": 10}, "2026-06-21": {"a": 1}}
    first = Bill.of(used, contract, period=JUNE, final=False, at="2026-06-25")
    between = contract.amended("2026-06-10", two)

    with pytest.raises(AccountMismatch, match="when a was used"):
        Bill.of({}, between, period=JUNE, opening=first.closing, at="2026-06-26")


def test_usage_of_which_only_a_part_is_dated_is_no_usage():
    plan = BillingPlan(PriceSchedule(a=1))
    with pytest.raises(InvalidPeriod):
        Bill.of({"2026-06-05": {"a": 1}, "a": 2}, plan, period=JUNE)


def test_a_level_that_nobody_had_to_tell_before_is_none_of_the_past():
    plain = BillingPlan(PriceSchedule(a=1), cycle=Cycle.monthly())
    seats = evolve(plain, fees=[Fee(10, "seats", level="seats")])
    first = Bill.of({"a": 3}, plain, period=JUNE, final=False, at="2026-06-02")
    contract = Contract(plain).amended("2026-06-16", seats)
    second = Bill.of({}, contract, period=JUNE, opening=first.closing, at="2026-06-20", levels={"seats": 2})

    assert (first.total, second.total) == (3, 10)  # 2 seats for 15 of 30 days


def test_a_bill_says_that_the_account_before_it_was_of_other_terms():
    one = BillingPlan(PriceSchedule(a=1, b=1))
    other = evolve(one, taxes=[Tax("VAT", 10, on="b")])
    opening = Bill.of({"a": 3}, other, period=JUNE, final=False, at="2026-06-02").closing
    contract = Contract(one).amended("2026-06-16", other)
    bill = Bill.of({"2026-06-20": {"a": 1}}, contract, period=JUNE, opening=opening, at="2026-06-20")

    assert "other terms, the past is the same" in bill.notes
    same = Contract(other).amended("2026-06-16", one)
    bill = Bill.of({"2026-06-20": {"a": 1}}, same, period=JUNE, opening=opening, at="2026-06-20")
    assert bill.notes == ()
