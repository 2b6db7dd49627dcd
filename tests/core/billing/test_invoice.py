"""Invoices: several bills in one table, with one total."""

from decimal import Decimal

import pytest

from tests.support.pages import cells, head
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    CurrencyMismatch,
    Grant,
    Invoice,
    Period,
    PriceSchedule,
    Tax,
    Usage,
)
from tokenbill.errors import InvalidPlan

PRICES = PriceSchedule(calls="0.01", gpu_hours="0.10")
TAXED = BillingPlan.on_demand(PRICES, taxes=[Tax("VAT", 19)], name="Basic")
PLAIN = BillingPlan.on_demand(PRICES)


def bill(plan=PLAIN, customer="acme", month=10, **used):
    period = Period(f"2026-{month:02}-01", f"2026-{month + 1:02}-01")
    return Bill.of(Usage(used), plan, period=period, about={"customer": customer})


ACME = bill(TAXED, calls=5, gpu_hours="29.50")
GLOBEX = bill(TAXED, "globex", 11, calls=4, gpu_hours="2.75")


def test_several_bills_are_one_table_with_one_total():
    # 0.05 + 2.95 = 3.00, and 19 % 0.57; 0.04 + 0.275 = 0.315, in cents 0.32, and 19 % 0.06
    assert cells(Invoice.of([ACME, GLOBEX]).to_html())[1:] == [
        ("acme · Basic · 1 to 31 October 2026",),
        ("Calls", "5", "0.01", "0.05"),
        ("GPU hours", "29.50 h", "0.10", "2.95"),
        ("Net", "", "", "3.00"),
        ("globex · Basic · 1 to 30 November 2026",),
        ("Calls", "4", "0.01", "0.04"),
        ("GPU hours", "2.75 h", "0.10", "0.275"),
        ("Rounded to 2 decimals", "", "", "0.005"),
        ("Net", "", "", "0.32"),
        ("Net", "3.32"),
        ("VAT 19 %", "0.63"),
        ("Total", "3.95 USD"),
        ("Due", "3.95 USD"),
    ]


def test_the_period_of_an_invoice_is_that_of_all_its_bills():
    assert head(Invoice.of([GLOBEX, ACME]).to_html())["Period"] == "1 October to 30 November 2026"
    utc = Bill.of(Usage(), PLAIN, period=Period("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"))
    assert "Period" not in head(Invoice.of([bill(calls=1), utc]).to_html())


def test_an_invoice_has_the_sums_of_its_bills():
    invoice = Invoice.of([ACME, GLOBEX])

    assert (invoice.net, invoice.tax) == (Decimal("3.32"), Decimal("0.63"))
    assert (invoice.total, invoice.due, invoice.currency) == (Decimal("3.95"), Decimal("3.95"), "USD")


def test_the_rows_of_an_invoice_are_its_bills_and_numbers_are_numbers():
    assert Invoice.of([ACME]).to_rows() == [
        {
            "customer": "acme",
            "plan": "Basic",
            "currency": "USD",
            "period_start": "2026-10-01",
            "period_end": "2026-11-01",
            "net": Decimal("3.00"),
            "tax": Decimal("0.57"),
            "total": Decimal("3.57"),
            "due": Decimal("3.57"),
        }
    ]


def test_a_correction_lowers_what_an_invoice_comes_to():
    note = bill(calls=100) - bill(calls=400)
    invoice = Invoice.of([bill(month=11, calls=500), note])

    # 5.00 less 3.00
    assert (invoice.total, invoice.due) == (Decimal("2.00"), Decimal("2.00"))
    assert ("Due", "2.00 USD") in cells(invoice.to_html())
    assert ("Credit", "3.00 USD") in cells(Invoice.of(note).to_html())
    assert Invoice.of([note]).explain().splitlines()[0] == "2026-10-01/2026-11-01"


def test_what_credit_paid_and_what_went_into_it_stand_beside_each_other():
    account = Account(balance=[Grant("ahead", 1, "USD")])
    paid = Bill.of(Usage(calls=500), PLAIN, opening=account)
    first = Bill.of(Usage(calls=1000), PLAIN, final=False)
    back = Bill.of(Usage(), PLAIN, opening=first.closing, reversal=Usage(calls=200))

    # 5.00, of which 1.00 is paid; −2.00, which stays as credit: 3.00, and 4.00 are due
    rows = cells(Invoice.of([paid, back]).to_html())
    assert [row for row in rows if row[0] in ("Total", "Added to the credit balance", "Due")] == [
        ("Total", "3.00 USD"),
        ("Added to the credit balance", "1.00"),
        ("Due", "4.00 USD"),
    ]


def test_an_invoice_prints_and_explains_itself():
    invoice = Invoice.of([ACME, GLOBEX])

    assert str(invoice).splitlines()[2:] == [
        "acme · Basic    3.00  0.57   3.57  3.57",
        "globex · Basic  0.32  0.06   0.38  0.38",
        "Total: 3.95 USD, due 3.95 USD",
    ]
    assert invoice.explain().endswith("total: 0.38 USD\n\ntotal of 2: 3.95 USD")
    assert "Total: 3.95 USD</caption>" in invoice._repr_html_()


@pytest.mark.parametrize("bills", [[], None, "bills", [ACME, 5], 5])
def test_what_is_no_list_of_bills_is_refused(bills):
    with pytest.raises(InvalidPlan):
        Invoice.of(bills)


def test_bills_in_two_currencies_are_no_invoice():
    euro = Bill.of(Usage(calls=1), BillingPlan.on_demand(PriceSchedule(calls=1, currency="EUR")))

    with pytest.raises(CurrencyMismatch):
        Invoice.of([ACME, euro])
