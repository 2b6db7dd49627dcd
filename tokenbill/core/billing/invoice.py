"""Invoices: several bills and corrections of one currency in one table, with one total."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeAlias, Unpack, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.tables import digits, html_table, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.page import PageOptions, page
from tokenbill.core.billing.section import Section
from tokenbill.core.money.decimals import decimal, difference, exact_sum
from tokenbill.errors import CurrencyMismatch, InvalidPlan

__all__ = ["Invoice"]

HEADER = ("bill", "net", "tax", "total", "due")
NUMBERS = (1, 2, 3, 4)
Row: TypeAlias = "dict[str, str | Decimal | None]"


def _bills(value: Any) -> tuple[Bill | Adjustment, ...]:
    """Bills and corrections, or one alone."""
    found = (value,) if isinstance(value, Bill | Adjustment) else listed_of(value)
    if not found:
        raise InvalidPlan("not bills to invoice", value, "give a list of at least one")
    # Amounts of two currencies have no sum, and no rate between them is ever guessed.
    for each in found:
        if not isinstance(each, Bill | Adjustment):
            raise InvalidPlan("not a bill", each, "give bills, and differences of bills")
        if each.currency != found[0].currency:
            raise CurrencyMismatch(found[0].currency, each.currency)
    return cast("tuple[Bill | Adjustment, ...]", found)


@frozen(repr=False)
class Invoice(Value):
    """Several bills as one: those of a month, of projects or of customers, and corrections of earlier ones.

    Make one with ``Invoice.of``. Each bill stays rounded as it is, so its sums are sums of what was billed.

    Args:
        bills: Bills and adjustments in one currency, in the order in which they are shown.

    Raises:
        InvalidPlan: If there is none, or something else among them.
        CurrencyMismatch: If they are in several currencies.

    Source: docs/how-to/send-an-invoice.md

    >>> from tokenbill import BillingPlan, PriceSchedule, Usage
    >>> plan = BillingPlan.on_demand(PriceSchedule(calls="0.01"))
    >>> invoice = Invoice.of(
    ...     [Bill.of(Usage(calls=n), plan, about={"team": f"t{n}"}) for n in (150, 275)]
    ... )
    >>> print(invoice)
    bill   net   tax  total   due
    ----  ----  ----  -----  ----
    t150  1.50  0.00   1.50  1.50
    t275  2.75  0.00   2.75  2.75
    Total: 4.25 USD, due 4.25 USD
    """

    bills: tuple[Bill | Adjustment, ...] = field(converter=_bills)

    @classmethod
    def of(cls, bills: Bill | Adjustment | Iterable[Bill | Adjustment]) -> Invoice:
        """The invoice of *bills*."""
        return cls(bills)

    @property
    def currency(self) -> str:
        """The code of the currency that every amount is in."""
        return self.bills[0].currency

    @property
    def net(self) -> Decimal:
        """What all come to before taxes."""
        return self._sum(section.net for section in self._sections)

    @property
    def tax(self) -> Decimal:
        """All taxes."""
        # As of each bill, which rounds every tax by itself: so it is their sum, and no percentage of the net.
        return decimal(difference(self.total, self.net))

    @property
    def total(self) -> Decimal:
        """What all come to."""
        return self._sum(section.total for section in self._sections)

    @property
    def due(self) -> Decimal:
        """What is left to pay; negative where more is given back than charged."""
        return self._sum(section.due for section in self._sections)

    @property
    def _sections(self) -> list[Section]:
        return [bill.section() for bill in self.bills]

    @staticmethod
    def _sum(amounts: Iterable[Decimal]) -> Decimal:
        return decimal(exact_sum(amounts))

    def to_html(self, **options: Unpack[PageOptions]) -> str:
        """All of it as one page with one table: see ``Bill.to_html``."""
        return page(self._sections, **options)

    def to_rows(self) -> list[Row]:
        """A row for each bill: what was said of it, its period, net, tax, total and what is due of it."""
        return [
            {**each.about, "plan": each.title, "currency": each.code, **each.sums(), "due": each.due}
            for each in self._sections
        ]

    def explain(self) -> str:
        """Each bill in turn, every line as arithmetic that a clerk can redo, and the sum of all."""
        # each bill as it was sent: an invoice adds them up, and rounds nothing anew
        headings = [section.heading for section in self._sections]
        parts = [f"{heading}\n{bill.explain()}" for heading, bill in zip(headings, self.bills, strict=True)]
        return "\n\n".join([*parts, f"total of {len(parts)}: {self.total:f} {self.currency}"])

    def __str__(self) -> str:
        table = text_table(HEADER, self._cells, numbers=NUMBERS)
        return f"{table}\nTotal: {self.total:f} {self.currency}, due {self.due:f} {self.currency}"

    def _repr_html_(self) -> str:
        total = f"Total: {self.total:f} {self.currency}"
        return html_table(HEADER, self._cells, numbers=NUMBERS, caption=total)

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        amounts = (
            (each.heading, each.net, decimal(difference(each.total, each.net)), each.total, each.due)
            for each in self._sections
        )
        return [(heading, *map(digits, numbers)) for heading, *numbers in amounts]
