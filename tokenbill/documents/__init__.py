"""Documents: invoices of one or several bills, as HTML and as PDF.

>>> from tokenbill import Bill, BillingPlan, PriceSchedule, Usage
>>> plan = BillingPlan.on_demand(PriceSchedule(calls="0.01"))
>>> invoice = Invoice.of(
...     [Bill.of(Usage(calls=150), plan), Bill.of(Usage(calls=275), plan)]
... )
>>> "4.25 USD" in invoice.to_html(number="2026-0007", customer="acme")
True
"""

from __future__ import annotations

from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, Unpack

from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.invoice import Invoice
from tokenbill.core.billing.page import PageOptions
from tokenbill.errors import InvalidPlan, MissingExtra

__all__ = ["Invoice", "PageOptions", "to_pdf", "write_pdf"]

Sendable: TypeAlias = "Bill | Adjustment | Invoice"


def to_pdf(document: Sendable, **options: Unpack[PageOptions]) -> bytes:
    """The page of a bill, a correction or an invoice as PDF, on A4; the extra ``pdf`` brings WeasyPrint.

    The same bytes for the same page, with the fonts of this machine in it: Chinese needs one that has it.

    Args:
        document: What is to be sent.
        **options: As for ``Bill.to_html``.

    Raises:
        InvalidPlan: If *document* is none.
        MissingExtra: If WeasyPrint is not installed.
    """
    if not isinstance(document, Bill | Adjustment | Invoice):
        raise InvalidPlan(
            "not a bill to print", document, "give a bill, a difference of bills, or an Invoice"
        )
    html = document.to_html(**options)
    try:
        weasyprint: Any = import_module("weasyprint")
    except ImportError:
        raise MissingExtra("weasyprint", "pdf") from None

    # Whatever a name may hold, printing a page opens no file and no connection.
    def refused(url: str, *_: Any, **__: Any) -> Any:
        raise ValueError(url)

    return bytes(weasyprint.HTML(string=html, url_fetcher=refused).write_pdf())


def write_pdf(document: Sendable, path: str | PathLike[str], **options: Unpack[PageOptions]) -> None:
    """Write what ``to_pdf`` gives to a file."""
    Path(fspath(path)).write_bytes(to_pdf(document, **options))
