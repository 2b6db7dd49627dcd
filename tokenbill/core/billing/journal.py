"""Journals: what a bill means for the books, as postings by role that sum to zero."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from attrs import frozen

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.base.values import Value
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.revenue import earned_of, revenue_of
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, exact_sum, plus
from tokenbill.core.periods.instants import iso_text, moment
from tokenbill.errors import InvalidAccount, InvalidName

__all__ = ["ROLES", "Journal", "Posting", "journal", "recognised"]

ROLES = ("receivable", "deferred", "earned", "expired", "tax", "rounding")
"""What a posting may be to: what the customer owes, what was paid ahead, and what becomes of both."""

ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "receivable": "Assets:Receivable",
        "deferred": "Liabilities:Deferred",
        "earned": "Income:Earned",
        "expired": "Income:Expired",
        "tax": "Liabilities:Tax",
        "rounding": "Equity:Rounding",
    }
)


class Posting(NamedTuple):
    """An amount posted to a role: above zero on the debit side, below on the credit side."""

    role: str
    amount: Decimal


@frozen(repr=False)
class Journal(Value):
    """The postings of one bill, in its currency; they sum to zero.

    ``receivable`` is what the bill adds to what the customer owes, the credit balance taken off; ``deferred``
    what it takes of money paid ahead; ``earned`` revenue without tax, ``expired`` what was paid ahead and
    can be used no more.
    """

    postings: tuple[Posting, ...]
    currency: str
    title: str

    def of(self, role: str) -> Decimal:
        """The amount of one role; zero where nothing is posted to it."""
        return next((posting.amount for posting in self.postings if posting.role == role), ZERO)

    def to_csv(self) -> str:
        """The postings as CSV: role, amount, currency."""
        text = io.StringIO()
        rows = [(posting.role, f"{posting.amount:f}", self.currency) for posting in self.postings]
        csv.writer(text, lineterminator="\n").writerows([("role", "amount", "currency"), *rows])
        return text.getvalue()

    def to_beancount(self, on: date | str, accounts: Mapping[str, str] = ACCOUNTS) -> str:
        """The postings as a transaction of beancount.

        Args:
            on: The day of the books.
            accounts: Your accounts by role, in place of the usual ones.

        Raises:
            InvalidName: For a role that is none.
            InvalidPeriod: If *on* is no date.
        """
        given: Any = accounts
        if not is_mapping(given) or not set(given) <= set(ROLES):
            raise InvalidName("accounts of no role", list(given), f"name some of {', '.join(ROLES)}")
        known = {**ACCOUNTS, **{role: name(account, what="account") for role, account in given.items()}}
        when = moment(on)
        day = when.date() if isinstance(when, datetime) else when
        title = self.title.replace("\\", "\\\\").replace('"', '\\"')
        rows = [f"  {known[each.role]}  {each.amount:f} {self.currency}" for each in self.postings]
        return "\n".join([f'{iso_text(day)} * "{title}"', *rows, ""])


def recognised(bill: Any) -> Exact:
    """What a bill earns of what was paid for credit, to the last digit, tax included where credit pays it."""
    return exact_sum(difference(after, before) for before, after in _earned(bill))


def journal(bill: Any) -> Journal:
    """The postings of a bill.

    Amounts are in minor units: parts of a cost that never end are posted as differences of their rounded
    running sum, so that a grant that is used up was earned to the cent.

    Raises:
        InvalidAccount: If *bill* is none.

    >>> from tokenbill import Account, Bill, BillingPlan, Grant, PriceSchedule, Usage
    >>> account = Account(balance=[Grant("pack", 100, "USD", cost=80)])
    >>> plan = BillingPlan.prepaid(PriceSchedule(calls=1))
    >>> books = journal(Bill.of(Usage(calls=10), plan, opening=account))
    >>> [(posting.role, str(posting.amount)) for posting in books.postings]
    [('deferred', '8.00'), ('earned', '-8.00')]
    """
    if not hasattr(bill, "delta") or not hasattr(bill, "lines"):
        raise InvalidAccount("no bill", bill, "give one: journal(Bill.of(…))")
    rounding = bill.plan.rounding
    places = rounding.known_places(bill.plan.currency.places)

    def settled(amounts: tuple[Exact, Exact]) -> Decimal:
        return decimal(difference(rounding(amounts[1], places), rounding(amounts[0], places)))

    # the tax that prices contain is on a bill twice: as what is owed, and taken off again
    owed = [line for line in bill.lines if line.kind == "tax" and line.charge.rule != "prices contain it"]
    taxes = exact_sum(line.amount for line in owed)
    rounded = exact_sum(line.amount for line in bill.lines if line.kind == "rounding")
    net = difference(difference(bill.total, taxes), rounded)
    # what paid grants in the currency of the bill pay is money that was received; tokens are none
    unit, grants = bill.plan.currency, bill.opening.balance.grants
    money = {grant.id for grant in grants if grant.kind == "paid" and grant.currency == unit}
    face = exact_sum(amount for id, amount in bill.draws if id in money)
    before, now = bill.opening.credit_balance, bill.delta.credit_balance
    receivable = difference(bill.due, difference(now, before))
    taken = exact_sum(map(settled, _earned(bill)))
    lost = settled(_expired(bill))
    earned = plus(difference(net, face), taken)
    amounts = (
        receivable,
        plus(taken, lost),
        *(difference(ZERO, it) for it in (earned, lost, taxes, rounded)),
    )
    zero = Decimal((0, (0,), -places))
    postings = [Posting(role, decimal(plus(it, zero))) for role, it in zip(ROLES, amounts, strict=True) if it]
    return Journal(tuple(postings), bill.currency, bill.about.get("number", "bill"))


def _earned(bill: Any) -> list[tuple[Exact, Exact]]:
    """What was earned of each grant that a bill draws on, before it and after."""
    drawn, grants = dict(bill.opening.balance.draws), {it.id: it for it in bill.opening.balance.grants}
    pairs: list[tuple[Exact, Exact]] = []
    for id, amount in bill.draws:
        before = drawn.get(id, ZERO)
        pairs.append((earned_of(grants[id], before), earned_of(grants[id], plus(before, amount))))
    return pairs


def _expired(bill: Any) -> tuple[Exact, Exact]:
    """What had expired of what was paid for credit, by the bill before and by this one."""
    opening, period, final = bill.opening, bill.period, bill.final
    then = opening.billed_at or (period.start if period else None)
    now = period.end if period and final else bill.request.at
    after = cast(Balance, bill.delta.balance)
    after = after.rolled(now) if final and after.grants else after
    return revenue_of(opening.balance, then).expired, revenue_of(after, now or then).expired
