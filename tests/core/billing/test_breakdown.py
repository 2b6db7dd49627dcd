"""Breakdowns of bills: what each charge comes to, worked out by hand, and what all of them keep to."""

import re
from decimal import Decimal

import pytest

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    serial,
)
from tokenbill.errors import InvalidNumber

MARCH = Period("2026-03-01", "2026-04-01")
THREE = PriceSchedule(a=1, b=1, c=1)


def column(table, name):
    return [str(getattr(row, name)) for row in table]


def test_a_discount_on_the_bill_is_told_for_each_charge():
    plan = BillingPlan.on_demand(THREE, discounts=[Discount.percent(20)])

    table = check_breakdown(Bill.of(Usage(a=100, b=30, c=20), plan))

    assert column(table, "list_amount") == ["100.00", "30.00", "20.00"]
    assert column(table, "discounts") == ["-20.00", "-6.00", "-4.00"]
    assert column(table, "net") == column(table, "gross") == ["80.00", "24.00", "16.00"]
    assert [str(row.meter) for row in table] == ["a", "b", "c"]


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_fixed_discount_that_leaves_thirds_of_a_cent_adds_up(stage):
    # 29.97 − 5.00 = 24.97; 19 % of it are 4.7443
    rounding = Rounding(stage=stage)
    plan = BillingPlan.on_demand(
        THREE, discounts=[Discount.fixed(5)], taxes=[Tax("VAT", 19)], rounding=rounding
    )

    bill = Bill.of(Usage(a="9.99", b="9.99", c="9.99"), plan)
    table = check_breakdown(bill)

    assert column(table, "list_amount") == ["9.99", "9.99", "9.99"]
    assert sorted(column(table, "net")) == ["8.32", "8.32", "8.33"]
    total = table.total
    assert (total.net, total.tax, total.gross) == (Decimal("24.97"), Decimal("4.74"), Decimal("29.71"))
    assert bill.total_minor == 2971


def test_promotional_credit_and_a_maximum_lower_the_net():
    # 100 + 50, at most 120: 80 + 40; the gift pays 30 of the first
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=1), maximum=120, taxes=[Tax("VAT", 10)])
    account = Account(balance=[Grant("gift", 30, "USD", kind="promotional"), Grant("paid", 5, "USD")])

    table = check_breakdown(Bill.of(Usage(a=100, b=50), plan, opening=account))

    assert column(table, "discounts") == ["-20.00", "-10.00"]
    assert column(table, "credit") == ["-30.00", "0.00"]
    assert column(table, "gross") == ["55.00", "44.00"]  # what was paid ahead pays these


def test_taxes_that_prices_contain_are_taken_out_of_the_net():
    # 119 with 19 % in it, and 5 % on the net of 100
    plan = BillingPlan.on_demand(PriceSchedule(a=1), taxes=[Tax("VAT", 19, inclusive=True), Tax("levy", 5)])

    table = check_breakdown(Bill.of(Usage(a=119), plan))

    row = table[0]
    assert (row.list_amount, row.included, row.net) == (Decimal("119.00"), Decimal("-19.00"), Decimal(100))
    assert row.taxes == (("VAT", Decimal("19.00")), ("levy", Decimal("5.00")))
    assert row.gross == table.total.gross == Decimal("124.00")


def test_the_true_up_and_fees_are_charges_too():
    plan = BillingPlan(PriceSchedule(a=1), fees=[Fee(10, "seat")], minimum=50)

    table = check_breakdown(Bill.of(Usage(a=15), plan))

    assert [row.description for row in table] == ["seat", "a", "true-up to minimum"]
    assert column(table, "net") == ["10.00", "15.00", "25.00"]


def test_interim_bills_tell_what_they_add():
    plan = BillingPlan(PriceSchedule(a="0.335", b=1), fees=[Fee(10)], discounts=[Discount.percent(50)])

    first = Bill.of(Usage(a=3), plan, final=False)
    second = Bill.of(Usage(a=1), plan, opening=first.closing, final=False)
    last = Bill.of(Usage(b=2), plan, opening=second.closing)

    assert column(check_breakdown(first), "list_amount") == ["10.00", "1.01"]  # 1.005, rounded once
    assert [row.description for row in check_breakdown(second)] == ["a"]  # 1.34 − 1.01, half of it off
    assert column(second.breakdown(), "list_amount") == ["0.33"]
    assert column(check_breakdown(last), "net") == ["1.00"]


def test_a_fall_takes_back_what_was_told():
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=1), taxes=[Tax("VAT", 20)])
    first = Bill.of(Usage(a=10, b=1), plan, final=False)

    back = Bill.of(Usage(), plan, opening=first.closing, reversal=Usage(a=4))

    assert column(check_breakdown(back), "gross") == ["-4.80"]


def test_versions_of_a_contract_are_told_apart_where_they_differ():
    # 31 × 15/31, 62 × 16/31; the second in taxes of its own
    small, large = (
        BillingPlan(PriceSchedule(a=1), fees=[Fee(fee)], cycle=Cycle.monthly(), taxes=[Tax("VAT", rate)])
        for fee, rate in ((31, 20), (62, 25))
    )
    contract = Contract(small).amended("2026-03-16", large)

    bill = Bill.of({"2026-03-02": {"a": 4}}, contract, period=MARCH)
    table = check_breakdown(bill)

    assert column(table, "net") == ["15.00", "32.00", "4.00"]
    assert [str(row.tax) for row in table] == ["3.00", "8.00", "0.80"]
    stored = serial.loads(serial.dumps(bill))
    assert stored.breakdown() == table


def test_a_past_rated_anew_is_less_what_was_billed():
    plan, dearer = (BillingPlan.on_demand(PriceSchedule(a=rate)) for rate in (1, 2))
    first = Bill.of(Usage(a=10), plan, period=MARCH, final=False)

    again = Bill.of(Usage(), dearer, period=MARCH, opening=first.closing, restate=True)

    table = check_breakdown(again)
    assert [row.description for row in table] == ["a", "billed before"]
    assert column(table, "gross") == ["20.00", "-10.00"]


def test_tokens_are_told_in_money():
    tokens = Currency("TOKEN", places=0)
    prices = PriceSchedule({"a": 1}, currency=tokens)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit("0.5"))
    account = Account(balance=[Grant("g", 4, tokens)])

    table = check_breakdown(Bill.of(Usage(a=10), plan, opening=account))

    assert column(table, "list_amount") == ["3.00"]  # six tokens that the balance does not cover


def test_a_breakdown_is_a_table_in_text_html_and_rows():
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=1), taxes=[Tax("VAT", 20)])
    table = Bill.of(Usage(a=10, b=5), plan).breakdown()

    assert str(table).splitlines()[0].split() == [
        "description", "list", "amount", "discounts", "credit", "included", "net", "VAT", "gross",
    ]  # fmt: skip
    assert str(table).splitlines()[-1].split() == [
        "total",
        "15.00",
        "0.00",
        "0.00",
        "0.00",
        "15.00",
        "3.00",
        "18.00",
    ]
    assert "<td" in table._repr_html_()
    assert table.to_rows()[0]["VAT"] == "2.00"
    assert (len(table), table[1].description) == (2, "b")


# --- minor units -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "amount", "minor"),
    [("USD", "12.30", 1230), ("JPY", 10000, 10000), ("USD", "0.05", 5), ("BHD", "-1.234", -1234)],
)
def test_amounts_in_minor_units(code, amount, minor):
    assert Currency(code).minor(amount) == minor


def test_the_total_in_minor_units_of_the_currency():
    bill = Bill.of(Usage(a="12.3"), BillingPlan.on_demand(PriceSchedule(a=1)))

    assert bill.total_minor == 1230


def test_an_amount_with_parts_of_a_minor_unit_is_refused():
    with pytest.raises(InvalidNumber, match="round it to 2 places first"):
        Currency("USD").minor("0.005")


def test_a_later_bill_takes_off_what_the_period_showed_before_its_end():
    # 10 so far, and 20 at the end, where the minimum lifts them to 50: the last bill shows 10 and 30
    plan = BillingPlan.on_demand(THREE, minimum=50)
    first = Bill.of(Usage(a=10), plan, period=MARCH, final=False)
    table = check_breakdown(Bill.of(Usage(a=10), plan, period=MARCH, opening=first.closing))

    assert column(table, "net") == ["10.00", "30.00"]


# --- lines that are rounded one by one, cut from the running sum ------------------------------------------


def test_tiers_that_are_rounded_by_line_are_cut_from_their_sum():
    tiers = Graduated([Tier(10, "0.0125"), Tier(None, "0.0275")])
    terms = {"minimum": 1, "discounts": Discount.percent(10), "rounding": Rounding(stage="line")}
    bill = Bill.of({"a": 13}, BillingPlan(PriceSchedule(a=tiers), **terms))

    # 0.125 and 0.2075; a tenth of 0.21; what lacks of 1
    assert [str(line.amount) for line in bill.lines] == ["0.13", "0.08", "-0.02", "0.81"]
    assert bill.explain().splitlines()[2:] == [
        *["10 % off: less 10 % of 0.21 = -0.02", "true-up to minimum: 1 − 0.19 = 0.81", "total: 1.00 USD"]
    ]
    check_breakdown(bill)


@pytest.mark.parametrize(
    ("rates", "amounts"),
    [
        (("0.125", "0.115"), ["0.13", "0.11", "0.01", "0.02"]),  # 0.125 and 0.24
        (("0.124", "0.121"), ["0.12", "0.13", "0.01", "0.03"]),  # 0.124 and 0.245
    ],
)
def test_a_charge_of_two_versions_is_rounded_by_line_once(rates, amounts):
    plans = [
        BillingPlan(
            PriceSchedule(a=rate), cycle=Cycle.monthly(), rounding=Rounding(stage="line"), taxes=Tax("V", tax)
        )
        for rate, tax in zip(rates, (10, 20), strict=True)
    ]
    june, used = Period("2026-06-01", "2026-07-01"), {"2026-06-02": {"a": 1}, "2026-06-20": {"a": 1}}
    bill = Bill.of(used, Contract(plans[0]).amended("2026-06-16", plans[1]), period=june)

    assert [str(line.amount) for line in bill.lines] == amounts
    bill.verify()


def test_of_a_charge_of_two_versions_a_gift_pays_the_earlier_first():
    plans = [BillingPlan(PriceSchedule(a=1), cycle=Cycle.monthly(), taxes=Tax("V", tax)) for tax in (10, 20)]
    june, used = Period("2026-06-01", "2026-07-01"), {"2026-06-02": {"a": 10}, "2026-06-20": {"a": 10}}
    contract = Contract(plans[0]).amended("2026-06-16", plans[1])
    for amount, credit, taxes in ((5, [5, 0], ["0.50", "2.00"]), (15, [10, 5], ["0.00", "1.00"])):
        account = Account(balance=[Grant("g", amount, "USD", kind="promotional", on="a")])
        bill = Bill.of(used, contract, period=june, opening=account)
        assert [-row.credit for row in bill.breakdown().rows] == credit
        assert [str(line.amount) for line in bill.lines if line.kind == "tax"] == taxes
        check_breakdown(bill)
        bill.verify()


def test_what_is_withdrawn_whole_is_told_with_its_taxes():
    plan = BillingPlan(PriceSchedule(a=1, b=1), taxes=[Tax("A", 10, on="a"), Tax("B", 5, on="b")])
    first = Bill.of(Usage(a=10, b=20), plan, final=False)
    last = Bill.of(Usage(), plan, opening=first.closing, reversal=Usage(a=10))

    assert [tuple(map(str, dict(row.taxes).values())) for row in first.breakdown().rows] == [
        *[("1.00", "0.00"), ("0.00", "1.00")]
    ]
    assert [(row.description, str(row.net), str(row.gross)) for row in last.breakdown().rows] == [
        ("a", "-10.00", "-11.00")
    ]


def test_a_notebook_shows_the_numbers_of_a_breakdown_to_the_right():
    page = Bill.of(Usage(a=10), BillingPlan(THREE, taxes=Tax("A", 10))).breakdown()._repr_html_()

    for row in page.split("<tr>")[1:]:
        first, *rest = re.findall(r"text-align:(left|right)", row)
        assert (first, set(rest)) == ("left", {"right"})


def test_what_is_free_bears_no_tax():
    # the whole tax of a cent falls to what costs one
    plan = BillingPlan(PriceSchedule(a=0, b="0.01"), taxes=[Tax("VAT", 100)], rounding=Rounding(stage="line"))
    found = Bill.of(Usage(a=1, b=1), plan).breakdown()
    assert [(row.description, str(row.gross)) for row in found.rows] == [("a", "0.00"), ("b", "0.02")]
