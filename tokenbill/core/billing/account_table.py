"""How an account looks in a notebook."""

from __future__ import annotations

from decimal import Decimal

from tokenbill.core.base.tables import digits, html_table
from tokenbill.core.credits.balance import Balance
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.periods.period import Period

__all__ = ["account_table"]


def account_table(
    used: Usage,
    accrued: Decimal,
    credit: tuple[Decimal, Currency | None],
    balance: Balance,
    period: Period | None,
) -> str:
    """What an account holds, as a table: usage of the open period, what was billed, credit and grants."""
    rows = [(f"used: {meter}", digits(quantity), "") for meter, quantity in used.items()]
    rows.append(("billed so far", digits(accrued), ""))
    if credit[0]:
        rows.append(("credit balance", digits(credit[0]), str(credit[1] or "")))
    for grant in balance.grants:
        ends = "" if grant.expires is None else f", ends {iso_text(grant.expires)}"
        rows.append((f"grant {grant.id}{ends}", digits(balance.left(grant.id)), str(grant.currency)))
    caption = "" if period is None else f"open period {period}"
    return html_table(("account", "left or so far", "unit"), rows, numbers=(1,), caption=caption)
