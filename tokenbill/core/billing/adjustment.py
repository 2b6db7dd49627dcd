"""Adjustments: what a later bill of a period changes of an earlier one; a negative one is a credit note."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Unpack

from attrs import field, frozen

from tokenbill.core.base.tables import digits, html_table, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.billing.zone_rules import is_one_period
from tokenbill.core.money.decimals import decimal, difference
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.lines import HEADER, NUMBERS, LineItem, less
from tokenbill.errors import CurrencyMismatch, InvalidPeriod

if TYPE_CHECKING:
    from tokenbill.core.billing.page import PageOptions
    from tokenbill.core.billing.section import Section

__all__ = ["Adjustment", "adjustment_of"]


@frozen(repr=False)
class Adjustment(Value):
    """What a later bill of the same period changes: the lines that differ, and both totals.

    ``total`` is after − before; a negative one is a credit note. ``places`` are the decimals that the plan
    of the bills rounds to, None where nobody said them.
    """

    lines: tuple[LineItem, ...]
    before: Decimal
    after: Decimal
    currency: str
    period: Period | None = None
    reason: str = ""
    # how the change may be split, no part of what changed: documents of old did not tell it
    places: int | None = field(default=None, eq=False)

    @property
    def total(self) -> Decimal:
        """What is owed on top of *before*; negative where too much was billed."""
        return decimal(difference(self.after, self.before))

    def __str__(self) -> str:
        changed = text_table(HEADER, [line.cells() for line in self.lines], numbers=NUMBERS)
        totals = f"before {digits(self.before)}, after {digits(self.after)} {self.currency}"
        why = f" ({self.reason})" if self.reason else ""
        return f"{changed}\nTotal: {digits(self.total)} {self.currency}{why}, {totals}"

    def section(self) -> Section:
        """What a page shows of it."""
        from tokenbill.core.billing.section import (  # a process that only bills never needs it
            Section,
            places_of,
        )

        about = {"reason": self.reason} if self.reason else {}
        places = self.places
        if places is None:
            places = max(places_of(self.currency, self.before), places_of(self.currency, self.after))
        return Section(
            self.lines,
            self.total,
            self.total,
            self.currency,
            places,
            about=about,
            period=self.period,
            before=self.before,
        )

    def to_html(self, **options: Unpack[PageOptions]) -> str:
        """The same page as of a bill, a credit note where the total is negative: see ``Bill.to_html``.

        >>> "Credit note" in Adjustment((), Decimal(5), Decimal(0), "USD").to_html(
        ...     customer="acme"
        ... )
        True
        """
        from tokenbill.core.billing.page import page

        return page([self.section()], **options)

    def to_rows(self) -> list[dict[str, str | Decimal | None]]:
        """The lines that differ, as ``Bill.to_rows`` gives them."""
        return self.section().to_rows()

    def explain(self) -> str:
        """Each line as arithmetic that a clerk can redo, and how the total comes about."""
        total = (
            f"total: {digits(self.after)} less {digits(self.before)} = {digits(self.total)} {self.currency}"
        )
        return "\n".join([*(line.explain() for line in self.lines), total])

    def _repr_html_(self) -> str:
        total = f"Total: {digits(self.total)} {self.currency}"
        caption = " · ".join(filter(None, [self.reason, total]))
        return html_table(HEADER, [line.cells() for line in self.lines], numbers=NUMBERS, caption=caption)


def adjustment_of(later: Any, earlier: Any) -> Adjustment:
    """What a later bill of a period changes of an earlier one.

    Raises:
        CurrencyMismatch: If the two are in different currencies.
        InvalidPeriod: If they are of different periods.
    """
    if earlier.currency != later.currency:
        raise CurrencyMismatch(later.currency, earlier.currency)
    if not is_one_period(earlier.period, later.period, later.plan):
        raise InvalidPeriod("bills of two periods", str(earlier.period), f"give one of {later.period}")
    changed, reason = tuple(less(later.lines, earlier.lines)), later.about.get("reason", "")
    # of two plans the finer places: a part of the difference must not fall between them
    places = max(each.plan.rounding.known_places(each.plan.currency.places) for each in (later, earlier))
    return Adjustment(changed, earlier.total, later.total, later.currency, later.period, reason, places)
