"""Documents: what is sent, as PDF."""

import sys

import pytest

from tokenbill import Bill, BillingPlan, PriceSchedule, Usage
from tokenbill.documents import Invoice, to_pdf, write_pdf
from tokenbill.errors import InvalidPlan, MissingExtra

BILL = Bill.of(Usage(calls=150), BillingPlan.on_demand(PriceSchedule(calls="0.01")))


def test_a_bill_an_invoice_and_a_correction_are_printed(tmp_path):
    pytest.importorskip("weasyprint", reason="not run: install weasyprint")
    later = Bill.of(Usage(calls=100), BILL.plan)

    for document in (BILL, Invoice.of([BILL, later]), later - BILL):
        assert to_pdf(document, lang="zh").startswith(b"%PDF-")
    write_pdf(BILL, tmp_path / "bill.pdf", number="7")
    assert (tmp_path / "bill.pdf").read_bytes() == to_pdf(BILL, number="7")


def test_printing_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    with pytest.raises(MissingExtra, match="weasyprint"):
        to_pdf(BILL)


def test_what_is_no_bill_is_not_printed():
    with pytest.raises(InvalidPlan):
        to_pdf("a bill")
