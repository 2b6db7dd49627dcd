"""Compound taxes, taxes per unit, and charges of which it is said why they are not taxed."""

from decimal import Decimal

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    frames,
    serial,
)
from tokenbill.core.periods.cycle import Cycle
from tokenbill.errors import InvalidMeter, InvalidName, InvalidPlan, InvalidPrice
from tokenbill.shared.plan_curve import total_curve

CALLS = PriceSchedule(calls="0.25", disks=1)
JUNE = Period("2026-06-01", "2026-07-01")
LEVY = Tax.per_unit("levy", "0.05", meter="calls")


def taxes_of(bill):
    return [str(line.amount) for line in bill.lines if line.kind == "tax"]


def bill_of(net, *taxes, usage=(), **terms):
    plan = BillingPlan.subscription(net, CALLS, taxes=taxes, **terms)
    bill = Bill.of(Usage(usage), plan)
    bill.verify()
    assert sum(line.amount for line in bill.lines) == bill.total == bill.breakdown().total.gross
    again = serial.loads(serial.dumps(bill))
    assert (again.plan, again.lines) == (plan, bill.lines)
    return bill


def test_a_tax_after_another_is_on_that_one_too():
    bill = bill_of(100, Tax("VAT", 19), Tax("city", 1, after=("VAT",)))

    assert (taxes_of(bill), str(bill.total)) == (["19.00", "1.19"], "120.19")
    assert taxes_of(bill_of(80, Tax("A", 10), Tax("B", 2, after="A"))) == ["8.00", "1.76"]


def test_compound_taxes_are_on_exact_amounts():
    # 10 % of 0.05 is 0.005, shown as 0.01; 100 % of 0.055 is 0.055, and not of 0.06
    assert taxes_of(bill_of("0.05", Tax("A", 10), Tax("B", 100, after="A"))) == ["0.01", "0.06"]
    assert taxes_of(bill_of("0.04", Tax("A", 15), Tax("B", 100, after="A"))) == ["0.01", "0.05"]


def test_a_chain_of_taxes_compounds_along_the_chain():
    bill = bill_of(100, Tax("A", 10), Tax("B", 10, after="A"), Tax("C", 10, after=("A", "B")))

    assert taxes_of(bill) == ["10.00", "11.00", "12.10"]  # of 100, 110, 121
    assert taxes_of(bill_of(100, Tax("A", 10), Tax("B", 10, after="A"), Tax("C", 10, after="B"))) == [
        "10.00",
        "11.00",
        "11.10",
    ]


def test_taxes_compound_where_both_apply():
    vat, city = Tax("VAT", 20, on="fee"), Tax("city", 10, after="VAT")

    assert taxes_of(bill_of(100, vat, city, usage={"calls": 400})) == ["20.00", "22.00"]  # 120 + 100


def test_inclusive_taxes_compound_inside_the_price():
    bill = bill_of("122.10", Tax("A", 10, inclusive=True), Tax("B", 11, inclusive=True, after="A"))

    # the net is 122.10 ÷ (1 + 0.1 + 0.11 × 1.1) = 100
    assert taxes_of(bill) == ["10.00", "-10.00", "12.10", "-12.10"]
    assert str(bill.total) == "122.10"


def test_a_tax_per_unit_is_on_all_units():
    plan = BillingPlan.on_demand(CALLS, taxes=[LEVY], included={"calls": 10})

    # 30 × 0.25 and 40 × 0.05: what is free is used, too
    assert taxes_of(Bill.of(Usage(calls=40), plan)) == ["2.00"]
    assert str(Bill.of(Usage(calls=40), plan).total) == "9.50"


def test_a_levy_comes_on_top_of_its_calls():
    bill = bill_of(0, LEVY, usage={"calls": 40, "disks": 3})

    assert (taxes_of(bill), str(bill.total)) == (["2.00"], "15.00")  # 10 + 3 + 2


def test_a_tax_may_come_after_a_tax_per_unit():
    bill = bill_of(5, LEVY, Tax("VAT", 10, after="levy"), usage={"calls": 40})

    assert taxes_of(bill) == ["2.00", "1.70"]  # of 5 + 10 + 2
    twice = bill_of(5, LEVY, Tax("VAT", 10, after="levy"), Tax("city", 50, after="VAT"), usage={"calls": 40})
    assert taxes_of(twice) == ["2.00", "1.70", "8.35"]  # of 15 + 1.70


@pytest.mark.parametrize("tax", ["total", "line"])
def test_taxes_per_unit_are_rounded_as_taxes_are(tax):
    cents = PriceSchedule(a=1, b=1)
    levies = [Tax.per_unit("levy", "0.005", meter=("a", "b"))]
    plan = BillingPlan.on_demand(cents, taxes=levies, rounding=Rounding(stage="line", tax=tax))
    bill = Bill.of(Usage(a=1, b=1), plan)
    bill.verify()

    assert taxes_of(bill) == [{"total": "0.01", "line": "0.02"}[tax]]


def test_interim_bills_and_equal_amendments_owe_the_same_taxes():
    plan = BillingPlan.subscription(
        "7.77", CALLS, taxes=[LEVY, Tax("VAT", "19.6", after="levy")], cycle=Cycle.monthly()
    )
    whole = Bill.of(Usage(calls=41), plan, period=JUNE)
    for terms in (plan, Contract(plan).amended("2026-06-16", plan)):
        account, total = Account(), Decimal(0)
        for day, calls in ((3, 7), (18, 20), (25, 14)):
            bill = Bill.of(
                {f"2026-06-{day:02}": {"calls": calls}},
                terms,
                opening=account,
                period=JUNE,
                final=day == 25,
            )
            bill.verify()
            account, total = bill.closing, total + bill.total
        assert total == whole.total


def test_a_levy_that_rises_is_two_taxes():
    low, high = (
        BillingPlan.on_demand(
            CALLS, taxes=[Tax.per_unit("levy", amount, meter="calls")], cycle=Cycle.monthly()
        )
        for amount in ("0.05", "0.10")
    )
    contract = Contract(low).amended("2026-06-16", high)
    usage = {"2026-06-03": {"calls": 40}, "2026-06-20": {"calls": 40}}

    assert taxes_of(Bill.of(usage, contract, period=JUNE)) == ["2.00", "4.00"]


def test_credit_pays_a_levy_and_lowers_none():
    plan = BillingPlan.on_demand(CALLS, taxes=[LEVY])
    account = Account(
        balance=[Grant("gift", 4, "USD", kind="promotional"), Grant("own", 100, "USD", on="calls")]
    )
    bill = Bill.of(Usage(calls=40), plan, opening=account)

    assert (str(bill.total), str(bill.due)) == ("8.00", "0.00")
    assert str(bill.closing.balance.left("own")) == "92.00"


def test_what_is_not_taxed_says_why():
    none = Tax.none("AE", "Reverse charge", on="usage")
    bill = bill_of(10, Tax("VAT", 20, on="fee"), none, usage={"calls": 40})

    assert taxes_of(bill) == ["2.00", "0.00"]
    assert bill.lines[-1].charge.rule == "Reverse charge"
    assert (none.category, none.percent, none.name) == ("AE", 0, "Reverse charge")
    assert Tax.none("E", "Education", name="VAT").name == "VAT"


def test_columns_tax_as_bills_do():
    polars = pytest.importorskip("polars")
    compound = [Tax("VAT", 19), Tax("city", 1, after="VAT"), Tax.none("AE", "Reverse charge", on="disks")]
    rows = polars.DataFrame({"tenant": ["a", "b"], "calls": [40, 7], "disks": [1, 3]})
    for taxes in (compound, [LEVY, Tax("VAT", 10, after="levy")]):
        plan = BillingPlan.subscription(5, CALLS, taxes=taxes)
        billed = frames.rate(rows, plan, by=["tenant"])
        found = dict(billed.group_by("tenant").agg(polars.col("amount").sum()).iter_rows())
        assert found == {
            "a": Bill.of(Usage(calls=40, disks=1), plan).total,
            "b": Bill.of(Usage(calls=7, disks=3), plan).total,
        }


def test_a_curve_of_amounts_knows_no_units():
    plan = BillingPlan.on_demand(CALLS, taxes=[LEVY])

    with pytest.raises(InvalidPlan, match="a tax per unit along a curve"):
        total_curve(plan, "calls")


@pytest.mark.parametrize(
    ("taxes", "error"),
    [
        ([Tax("B", 1, after="VAT")], "B after a tax that does not come before it"),
        ([Tax("VAT", 10), Tax("B", 1, after="VATT")], "did you mean 'VAT'"),
        ([Tax("B", 1, after="VAT"), Tax("VAT", 10)], "give that one before it"),
        ([Tax("VAT", 10, after="VAT")], "give that one before it"),
        (
            [Tax("VAT", 10), Tax("B", 1, inclusive=True, after="VAT")],
            "after a tax on top",
        ),
        ([Tax.per_unit("levy", 1, meter="call")], "a tax on nothing that is charged"),
    ],
)
def test_taxes_that_wait_for_what_does_not_come_are_refused(taxes, error):
    with pytest.raises(InvalidPlan, match=error):
        BillingPlan.on_demand(CALLS, taxes=taxes)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Tax("VAT", 10, category="AE"), InvalidPlan),
        (lambda: Tax("VAT", 0, reason="because"), InvalidPlan),
        (lambda: Tax.none("S", "standard"), InvalidPlan),
        (lambda: Tax.none("AE", ""), InvalidName),
        (lambda: Tax("levy", 1, on="calls", unit_amount=1), InvalidPlan),
        (lambda: Tax("levy", 0, on="usage", unit_amount=1), InvalidPlan),
        (lambda: Tax("levy", 0, unit_amount=1), InvalidPlan),
        (lambda: Tax.per_unit("levy", -1, meter="calls"), InvalidPrice),
        (lambda: Tax.per_unit("levy", 1, meter="a{"), InvalidMeter),
        (lambda: Tax("VAT", 10, after=5), InvalidPlan),
        (lambda: Tax("VAT", 10, after=[""]), InvalidName),
    ],
    ids=list("abcdefghijk"),
)
def test_a_tax_of_other_parts_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_a_price_of_nothing_that_is_used_has_no_levy():
    plan = BillingPlan.on_demand(PriceSchedule(calls=PerUnit(1).at_least(5)), taxes=[LEVY], fees=[Fee(2)])

    assert taxes_of(Bill.of(Usage(), plan)) == ["0.00"]


def test_an_amount_spread_before_a_levy_along_a_curve_is_refused_as_well():
    plan = BillingPlan.on_demand(CALLS, taxes=[LEVY], maximum=5)

    with pytest.raises(InvalidPlan):
        total_curve(plan, "calls", usage=Usage(disks=3))


def test_a_tax_after_a_levy_is_on_the_levy_where_all_that_is_sold_bears_one():
    plan = BillingPlan(
        PriceSchedule(calls=1),
        taxes=[Tax.per_unit("levy", "0.10", meter="calls"), Tax("VAT", 10, after=["levy"])],
    )

    assert Bill.of(Usage(calls=10), plan).total == Decimal("12.10")  # 10 + 1, and a tenth of that


def test_a_gift_takes_the_tax_off_the_part_of_a_charge_that_it_paid():
    old, new = (
        BillingPlan(PriceSchedule(calls=1), taxes=Tax("VAT", percent), cycle=Cycle.monthly())
        for percent in (10, 20)
    )
    opening = Account(balance=[Grant("gift", 12, "USD", kind="promotional")])
    usage = {"2026-06-05": {"calls": 10}, "2026-06-20": {"calls": 10}}

    bill = Bill.of(usage, Contract(old).amended("2026-06-16", new), period=JUNE, opening=opening)

    assert bill.total == Decimal("9.60")  # it pays all of the first half and 2 of the second: 8 and 20 %
