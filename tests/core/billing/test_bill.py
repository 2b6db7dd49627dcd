import copy
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from tokenbill import (
    Account,
    Balance,
    BalanceExhausted,
    Bill,
    BillingPlan,
    CurrencyMismatch,
    Discount,
    Fee,
    Graduated,
    Grant,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
    Volume,
)
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import AccountMismatch, BillMismatch, InvalidPeriod, InvalidPlan, InvalidUsage

PRICES = PriceSchedule(gpu_hours="0.1", api_calls="0.01")
PLAN = BillingPlan.on_demand(PRICES, name="basic")
STAGED = BillingPlan(PRICES, taxes=[Tax("VAT", 20)], fees=[Fee(5)])
CALLS = Usage(gpu_hours=10, api_calls=1000)
FEBRUARY, MARCH = Period("2026-02-01", "2026-03-01"), Period("2026-03-01", "2026-04-01")
BOTH = pytest.mark.parametrize("plan", [PLAN, STAGED], ids=["straight", "staged"])


class Doubling:
    """A schedule of a user's own: every meter costs 2."""

    currency = "USD"

    def match(self, meter):
        return Entry(meter, PerUnit(2))


def told(bill):
    return [(line.description, str(line.amount)) for line in bill.lines]


# Totals and lines


def test_a_bill_is_what_usage_costs_on_a_plan():
    bill = Bill.of(CALLS, PLAN)

    assert (str(bill.total), bill.due, bill.currency) == ("11.00", 11, "USD")
    assert told(bill) == [("api_calls", "10.00"), ("gpu_hours", "1.0")]
    assert (bill.usage, bill.plan, bill.period, bill.final) == (CALLS, PLAN, None, True)
    assert (bill.opening, bill.about, bill.draws) == (Account(), {}, ())


def test_usage_may_be_given_as_a_mapping():
    assert Bill.of({"gpu_hours": 10}, PLAN) == Bill.of(Usage(gpu_hours=10), PLAN)


def test_a_bill_of_nothing_has_no_lines():
    bill = Bill.of(Usage(), PLAN)

    assert (str(bill.total), bill.lines, bill.exact) == ("0.00", (), 0)


def test_the_rounding_is_a_line_and_no_part_of_the_exact_amount():
    bill = Bill.of(Usage(api_calls="33.5"), PLAN)

    assert told(bill) == [("api_calls", "0.335"), ("rounding", "0.005")]
    assert bill.lines[1].explain() == "rounding: to 2 places, half up = 0.005"
    assert bill.exact == Fraction(335, 1000)


def test_a_meter_without_a_price_is_refused():
    with pytest.raises(UnpricedUsage):
        Bill.of(Usage(pages=1), PLAN)


def test_a_bill_needs_a_plan():
    with pytest.raises(InvalidPlan):
        Bill.of(CALLS, PRICES)


def test_a_schedule_of_ones_own_is_billed_like_any_other():
    plan = BillingPlan(Doubling())
    first = Bill.of(Usage(anything=1, else_=2), plan, final=False)

    assert first.total == 6
    assert Bill.of(Usage(anything=2), plan, opening=first.closing).total == 4


# Interim bills


@BOTH
def test_bills_of_a_period_add_up_to_one_bill_of_all_of_it(plan):
    first = Bill.of(Usage(gpu_hours=3), plan, period=FEBRUARY, final=False)
    second = Bill.of(Usage(gpu_hours=7), plan, period=FEBRUARY, opening=first.closing, final=False)
    last = Bill.of(Usage(api_calls=1000), plan, period=FEBRUARY, opening=second.closing)

    assert first.total + second.total + last.total == Bill.of(CALLS, plan, period=FEBRUARY).total


def test_three_calls_billed_apart_cost_what_they_cost_together():
    plan = BillingPlan(PriceSchedule(calls="0.335"))
    bills, opening = [], Account()
    for _ in range(3):
        bills.append(Bill.of(Usage(calls=1), plan, opening=opening, final=False))
        opening = bills[-1].closing

    # 0.335, 0.670 and 1.005 are 0.34, 0.67 and 1.01
    assert [str(bill.total) for bill in bills] == ["0.34", "0.33", "0.34"]
    assert told(bills[1]) == [("calls", "0.335"), ("rounding", "-0.005")]


def test_an_interim_bill_shows_what_the_period_has_used_more():
    prices = PriceSchedule(calls=Graduated([Tier(10, 5), Tier(None, 4)]), pages=1)
    first = Bill.of(Usage(calls=8, pages=3), BillingPlan(prices), final=False)

    second = Bill.of(Usage(calls=4), BillingPlan(prices), opening=first.closing, final=False)

    assert told(second) == [("calls, tier 1: 0 to 10", "10"), ("calls, tier 2: above 10", "8")]
    assert [line.quantity for line in second.lines] == [2, 2]


def test_a_total_that_falls_is_credited_and_spent_before_any_grant():
    plan = BillingPlan(PriceSchedule(calls=Volume([Tier(10, 10), Tier(None, 6)])))
    first = Bill.of(Usage(calls=10), plan, final=False)
    second = Bill.of(Usage(calls=2), plan, opening=first.closing, final=False)
    third = Bill.of(Usage(calls=8), plan, opening=second.closing)

    # 10 × 10 = 100, 12 × 6 = 72, 20 × 6 = 120
    assert [(bill.total, bill.due) for bill in (first, second, third)] == [(100, 100), (-28, 0), (48, 20)]
    assert [bill.closing.credit_balance for bill in (first, second, third)] == [0, 28, 0]


def test_a_final_bill_closes_the_period():
    bill = Bill.of(CALLS, PLAN, period=FEBRUARY, opening=Account(credit_balance=20))

    assert bill.closing == Account(credit_balance=9, credit_currency="USD")


def test_grants_roll_over_when_the_period_closes():
    grant = Grant("pack", 90, "USD", rollover=(0, 50))
    bill = Bill.of(CALLS, PLAN, period=FEBRUARY, opening=Account(balance=Balance([grant])))

    assert bill.due == 0
    assert bill.closing.balance.left("pack") == 50  # of 79
    assert Bill.of(CALLS, PLAN, opening=Account(balance=Balance([grant]))).closing.balance.left("pack") == 50


def test_a_roll_over_that_lacks_its_time_is_refused_before_the_bill_exists():
    grant = Grant("pack", 90, "USD", expires="2026-06-01", rollover=(0, 50))
    opening = Account(balance=Balance([grant]))

    with pytest.raises(InvalidPeriod):
        Bill.of(CALLS, PLAN, opening=opening, at="2026-02-28")
    assert Bill.of(CALLS, PLAN, opening=opening, at="2026-02-28", final=False).due == 0
    assert Bill.of(CALLS, PLAN, opening=opening, period=FEBRUARY).closing.balance.left("pack") == 50


@BOTH
def test_an_interim_bill_carries_its_state_on(plan):
    bill = Bill.of(CALLS, plan, period=FEBRUARY, final=False)

    assert bill.closing is bill.closing
    assert (bill.closing.period, bill.closing.fingerprint) == (FEBRUARY, plan.fingerprint())
    assert (bill.closing.used, bill.closing.accrued) == (CALLS, bill.total)


@BOTH
@pytest.mark.parametrize("stored", [lambda it: it, evolve, copy.deepcopy], ids=["kept", "evolved", "copied"])
def test_an_account_goes_on_the_same_whether_it_was_kept_or_stored(plan, stored):
    first = Bill.of(Usage(gpu_hours=3), plan, period=FEBRUARY, final=False)

    second = Bill.of(Usage(gpu_hours=7), plan, period=FEBRUARY, opening=stored(first.closing))

    assert second.total == Decimal("0.70") * (6 if plan.taxes else 5) / 5  # 7 × 0.1, and 20 % on top


# Accounts of something else


@BOTH
@pytest.mark.parametrize(
    ("asked", "edited", "what"),
    [
        ({"period": MARCH}, {}, "period"),
        ({}, {}, "period"),
        ({"period": FEBRUARY}, {"accrued": Decimal("0.01")}, "accrued amount"),
        ({"period": FEBRUARY}, {"used": Usage(gpu_hours=4)}, "accrued amount"),
    ],
    ids=["other period", "no period", "accrued", "used"],
)
def test_an_account_of_another_period_or_edited_is_refused(plan, asked, edited, what):
    closing = Bill.of(Usage(gpu_hours=3), plan, period=FEBRUARY, final=False).closing

    with pytest.raises(AccountMismatch, match=what):
        Bill.of(CALLS, plan, opening=evolve(closing, **edited), **asked)


@BOTH
def test_an_account_goes_on_with_another_plan_that_bills_its_past_the_same(plan):
    closing = Bill.of(Usage(gpu_hours=3), plan, final=False).closing

    lifted = Bill.of(CALLS, evolve(plan, minimum=100), opening=closing)  # a minimum is due when it closes

    assert lifted.notes == ("other terms, the past is the same",)
    with pytest.raises(AccountMismatch, match="accrued amount"):
        Bill.of(CALLS, BillingPlan(PRICES * 2), opening=closing)


def test_the_refusal_of_an_account_tells_both_sides():
    closing = Bill.of(Usage(gpu_hours=3), PLAN, period=FEBRUARY, final=False).closing

    with pytest.raises(AccountMismatch) as refused:
        Bill.of(CALLS, PLAN, opening=closing, period=MARCH)

    assert refused.value.account == "'2026-02-01/2026-03-01'"
    assert refused.value.bill == "'2026-03-01/2026-04-01'"


# Credit


def test_a_balance_pays_what_is_due():
    opening = Account(balance=[Grant("a", 4, "USD"), Grant("b", 20, "USD", priority=1)])

    bill = Bill.of(CALLS, PLAN, opening=opening)

    assert (bill.total, bill.due) == (11, 0)
    assert bill.draws == (("a", 4), ("b", 7))
    assert bill.closing.balance.remaining() == 13


def test_a_grant_pays_the_charges_in_its_scope():
    opening = Account(balance=[Grant("gpu", 20, "USD", on="gpu_hours")])

    bill = Bill.of(CALLS, STAGED, opening=opening)

    # 1 of gpu_hours with its share of the tax: 20 % of 16 is 3.20, of which 0.20
    assert (bill.total, bill.due, bill.draws) == (Decimal("19.20"), 18, (("gpu", Decimal("1.20")),))


def test_what_a_bill_takes_back_returns_to_the_grant():
    gift = Grant("gift", 50, "USD", kind="promotional")
    first = Bill.of(Usage(gpu_hours=100), PLAN, opening=Account(balance=[gift]), final=False)

    second = Bill.of(Usage(), PLAN, opening=first.closing, reversal=Usage(gpu_hours=60), final=False)

    assert (first.total, first.draws) == (0, (("gift", 10),))
    assert (second.total, second.draws) == (0, (("gift", -6),))
    assert second.closing.balance.left("gift") == 46
    assert second.closing.draws == (("gift", 4),)


def test_withdrawn_usage_goes_back_to_the_grant_that_paid_it():
    paid = Grant("paid", 50, "USD")
    first = Bill.of(Usage(gpu_hours=100), PLAN, opening=Account(balance=[paid]), final=False)

    second = Bill.of(Usage(), PLAN, opening=first.closing, reversal=Usage(gpu_hours=60), final=False)

    assert (second.total, second.due, second.draws) == (-6, 0, (("paid", -6),))
    assert (second.closing.credit_balance, second.closing.balance.left("paid")) == (0, 46)


def test_grants_of_several_orders_are_replayed_as_they_were_drawn_on():
    grants = [Grant("a", 3, "USD", kind="promotional"), Grant("b", 4, "USD", kind="promotional", priority=-1)]
    opening = Account(balance=Balance([*grants, Grant("p", 1, "USD")]))
    first = Bill.of(Usage(gpu_hours=50), PLAN, opening=opening, final=False)

    second = Bill.of(Usage(gpu_hours=50), PLAN, opening=evolve(first.closing), final=False)

    assert first.draws == (("a", 1), ("b", 4))  # 5 of gifts; nothing is left for p
    assert second.draws == (("a", 2), ("p", 1))
    assert second.due == 2


def test_a_balance_in_a_currency_that_the_plan_does_not_know_is_refused():
    with pytest.raises(CurrencyMismatch):
        Bill.of(CALLS, PLAN, opening=Account(balance=[Grant("a", 4, "EUR")]))


def test_a_dated_grant_needs_a_time():
    opening = Account(balance=[Grant("a", 20, "USD", expires="2026-02-15")])

    with pytest.raises(InvalidPeriod):
        Bill.of(CALLS, PLAN, opening=opening)
    assert Bill.of(CALLS, PLAN, opening=opening, at="2026-02-14").due == 0
    assert Bill.of(CALLS, PLAN, opening=opening, at="2026-02-15").due == 11
    assert Bill.of(CALLS, PLAN, opening=opening, period=FEBRUARY).due == 11


def test_usage_that_the_balance_does_not_cover_may_be_refused():
    plan = BillingPlan.prepaid(PRICES, overage="refuse")
    opening = Account(balance=[Grant("a", "10.50", "USD")])

    assert Bill.of(Usage(gpu_hours=105), plan, opening=opening).due == 0
    with pytest.raises(BalanceExhausted) as refused:
        Bill.of(CALLS, plan, opening=opening)
    assert (refused.value.short, refused.value.currency) == (Decimal("0.50"), "USD")


def test_a_bill_of_no_usage_is_never_refused():
    plan = BillingPlan.prepaid(PRICES, overage="refuse", minimum=5)

    assert Bill.of(Usage(), plan).due == 5


# Corrections


@BOTH
def test_what_was_used_too_much_is_taken_off_the_period(plan):
    first = Bill.of(CALLS, plan, final=False)

    corrected = Bill.of(
        Usage(gpu_hours=1), plan, opening=first.closing, reversal=Usage(api_calls=500), final=False
    )

    assert first.total + corrected.total == Bill.of(Usage(gpu_hours=11, api_calls=500), plan).total
    assert corrected.closing.used == Usage(gpu_hours=11, api_calls=500)


@BOTH
def test_no_more_is_taken_off_than_the_period_used(plan):
    with pytest.raises(InvalidUsage):
        Bill.of(Usage(api_calls=1), plan, reversal=Usage(api_calls=2))


def test_the_difference_of_two_bills_of_a_period_is_an_adjustment():
    billed = Bill.of(CALLS, PLAN, period=FEBRUARY)
    right = Bill.of(Usage(gpu_hours=10, api_calls=900), PLAN, period=FEBRUARY, about={"reason": "outage"})

    note = right - billed

    assert (str(note.total), note.currency, note.period, note.reason) == ("-1.00", "USD", FEBRUARY, "outage")
    assert [(line.description, line.quantity, line.amount) for line in note.lines] == [
        ("api_calls", -100, -1)
    ]


def test_a_bill_differs_from_a_bill_in_the_same_currency():
    with pytest.raises(CurrencyMismatch):
        Bill.of(CALLS, PLAN) - Bill.of(CALLS, BillingPlan(PriceSchedule(dict(PRICES), currency="EUR")))
    with pytest.raises(TypeError):
        Bill.of(CALLS, PLAN) - 5


def test_a_bill_differs_from_a_bill_of_the_same_period():
    with pytest.raises(InvalidPeriod, match="bills of two periods"):
        Bill.of(CALLS, PLAN, period=MARCH) - Bill.of(CALLS, PLAN, period=FEBRUARY)


# Verification


@pytest.mark.parametrize(
    "bill",
    [
        Bill.of(CALLS, PLAN),
        Bill.of(CALLS, STAGED, period=FEBRUARY),
        Bill.of(CALLS, PLAN, opening=Bill.of(CALLS, PLAN, final=False).closing),
        Bill.of(CALLS, PLAN, opening=Account(balance=[Grant("a", 5, "USD", kind="promotional")])),
    ],
    ids=["straight", "staged", "opened", "balance"],
)
def test_a_bill_can_be_computed_again(bill):
    assert bill.verify() is None


@BOTH
@pytest.mark.parametrize("off", ["0.01", "-0.01"])
def test_an_account_whose_usage_comes_to_more_or_less_than_was_billed_is_refused(plan, off):
    account = Bill.of(CALLS, plan, final=False).closing
    edited = evolve(account, accrued=account.accrued + Decimal(off))

    with pytest.raises(AccountMismatch, match="accrued amount"):
        Bill.of(CALLS, plan, opening=edited)


@BOTH
def test_a_stored_total_that_does_not_come_out_is_told(plan):
    stored = Bill(Bill.of(CALLS, plan).request, Decimal("12.00"))

    with pytest.raises(BillMismatch) as found:
        stored.verify()

    assert (found.value.line, found.value.stored) == ("the bill's total", "12.00")


def test_a_stored_line_that_does_not_come_out_is_told_by_its_name():
    bill = Bill.of(CALLS, PLAN)
    calls, hours = bill.lines
    bill.cache["lines"] = (calls, evolve_amount(hours, "2.00"))

    with pytest.raises(BillMismatch) as found:
        bill.verify()

    assert (found.value.line, found.value.stored, found.value.computed) == ("gpu_hours", "2.00", "1.0")


def test_a_line_whose_amount_comes_out_is_told_by_what_does_not():
    bill = Bill.of(CALLS, PLAN)
    calls, hours = bill.lines
    bill.cache["lines"] = (calls, evolve(hours, charge=evolve(hours.charge, rate=Decimal(9))))

    with pytest.raises(BillMismatch, match=r"'gpu_hours, its rate' reads 9 but comes out as 0\.1;"):
        bill.verify()


def test_a_line_that_is_missing_is_told():
    bill = Bill.of(CALLS, PLAN)
    bill.cache["lines"] = bill.lines[:1]

    with pytest.raises(BillMismatch, match="the number of lines"):
        bill.verify()


@pytest.mark.parametrize(
    ("name", "value"),
    [("due", Decimal("1.50")), ("drawn", (("gift", Decimal(1)),)), ("credit_balance", Decimal(1))],
)
def test_what_paid_a_bill_is_verified_with_it(name, value):
    bill = Bill.of(CALLS, PLAN)
    bill.cache["delta"] = bill.delta._replace(**{name: value})

    with pytest.raises(BillMismatch, match=r"the bill's (due|draws|closing)"):
        bill.verify()


def test_words_may_change_without_a_mismatch():
    bill = Bill.of(CALLS, PLAN)
    calls, hours = bill.lines
    bill.cache["lines"] = (calls, evolve(hours, charge=evolve(hours.charge, description="hours", rule="new")))

    assert bill.verify() is None


def evolve_amount(line, amount):
    return evolve(line, amount=Decimal(amount), precise=Decimal(amount))


# What people read


def test_a_bill_explains_itself_line_by_line():
    plan = BillingPlan(PriceSchedule(calls=Package(1000, 5)), taxes=[Tax("VAT", 20)])

    assert Bill.of(Usage(calls=1001), plan).explain().splitlines() == [
        "calls: (1001 ÷ 1000, up) × 5 = 10  (each started package of 1000 at 5)",
        "VAT: 20 % of 10 = 2.00",
        "total: 12.00 USD",
    ]


def test_a_bill_is_shown_by_what_it_comes_to():
    bill = Bill.of(CALLS, PLAN, about={"customer": "acme"})

    assert repr(bill) == "<Bill of 11.00 USD, plan 'basic', customer='acme'>"


def test_a_bill_prints_as_a_table():
    assert str(Bill.of(CALLS, PLAN)).splitlines() == [
        "description  quantity  rate  amount",
        "-----------  --------  ----  ------",
        "api_calls        1000  0.01   10.00",
        "gpu_hours          10   0.1     1.0",
        "Total: $11.00",
    ]


def test_a_bill_is_shown_in_a_notebook_with_what_is_said_of_it():
    html = Bill.of(CALLS, PLAN, about={"customer": "<acme>"})._repr_html_()

    assert ">basic · &lt;acme&gt; · Total: $11.00</caption>" in html
    assert ">api_calls</td>" in html


def test_the_rows_of_a_bill_repeat_what_is_said_of_it():
    rows = Bill.of(CALLS, PLAN, about={"customer": "acme"}).to_rows()

    assert [row["description"] for row in rows] == ["api_calls", "gpu_hours"]
    assert {(row["customer"], row["plan"], row["currency"]) for row in rows} == {("acme", "basic", "USD")}
    assert (rows[0]["amount"], rows[0]["total"]) == (Decimal("10.00"), Decimal("11.00"))


def test_what_is_said_of_a_bill_is_read_and_not_changed():
    bill = Bill.of(CALLS, PLAN, about={"number": "7", "customer": "acme"})

    assert dict(bill.about) == {"customer": "acme", "number": "7"}
    with pytest.raises(TypeError):
        bill.about["customer"] = "other"


# As a value


def test_a_bill_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Bill.of(CALLS, PLAN).total = 0


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@BOTH
def test_a_bill_survives_a_copy_and_a_pickle(plan, again):
    bill = Bill.of(CALLS, plan, period=FEBRUARY, about={"customer": "acme"}, final=False)
    lines, closing = bill.lines, bill.closing

    found = again(bill)

    assert found == bill
    assert hash(found) == hash(bill)
    assert (found.lines, found.closing, found.due) == (lines, closing, bill.due)


def test_the_same_bill_is_one_value_whatever_was_asked_of_it():
    looked_at = Bill.of(CALLS, PLAN)
    str(looked_at)

    assert len({looked_at, Bill.of({"api_calls": "1000", "gpu_hours": 10}, PLAN)}) == 1
    assert looked_at != Bill.of(CALLS, evolve(PLAN, rounding=Rounding(places=3)))
    assert looked_at != Bill.of(CALLS, evolve(PLAN, discounts=[Discount.fixed(0)]))


def test_no_bill_is_made_of_another_by_changing_its_total():
    bill = Bill.of(CALLS, BillingPlan.on_demand(PriceSchedule(gpu_hours=1, api_calls=1)))

    with pytest.raises(TypeError):
        evolve(bill, total=Decimal(5))
