"""Sections: what a page shows of one bill or correction, as rows of text, and what several come to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from tokenbill.core.billing.languages import Words, amount_text
from tokenbill.core.credits.balance import Balance
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.lines import LineItem

__all__ = [
    "INCLUDED",
    "NOTHING",
    "CreditUse",
    "Look",
    "Row",
    "Section",
    "Totals",
    "credits_of",
    "places_of",
    "rows_of",
    "sums_of",
    "totals_of",
]

INCLUDED: Final = ", included in prices"
"""How the line ends that takes a tax out again which the prices contain."""
PERCENT: Final = re.compile(r"([\d.]+) % of ")
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class CreditUse(NamedTuple):
    """What credit paid of a bill: its name, how much, what is left of it, and its end; in its own unit."""

    id: str
    paid: Decimal
    left: Decimal
    expires: date | None
    code: str
    places: int


class Section(NamedTuple):
    """One bill or correction: its lines, what they come to, what is due of it, and what paid the rest."""

    lines: Sequence[LineItem]
    total: Decimal
    due: Decimal
    code: str
    places: int
    title: str = ""
    about: Mapping[str, str] = NOTHING
    period: Period | None = None
    credits: Sequence[CreditUse] = ()
    notes: Sequence[str] = ()
    before: Decimal | None = None

    @property
    def taxes(self) -> list[LineItem]:
        """The lines of taxes."""
        return [line for line in self.lines if is_tax(line)]

    @property
    def net(self) -> Decimal:
        """The total less the taxes: each is rounded by itself, so all other rounding is in the net."""
        return decimal(difference(self.total, exact_sum(line.amount for line in self.taxes)))

    def to_rows(self) -> list[dict[str, str | Decimal | None]]:
        """The lines by column; what is said of the bill, its period and its sums are on each of them."""
        about = {**self.about, "plan": self.title}
        whole = {"currency": self.code, **self.sums()}
        return [{**about, **line.to_row(), **whole} for line in self.lines]

    def sums(self) -> dict[str, str | Decimal | None]:
        """The period, and what it comes to."""
        period = self.period
        return {
            "period_start": None if period is None else iso_text(period.start),
            "period_end": None if period is None else iso_text(period.end),
            "net": self.net,
            "tax": decimal(difference(self.total, self.net)),
            "total": self.total,
        }

    @property
    def paid(self) -> Decimal:
        """What credit paid; below 0 what a bill that gives back adds to the credit balance."""
        return decimal(difference(self.total, self.due))

    @property
    def said(self) -> dict[str, str]:
        """What is said of it above its lines."""
        # which request a bill settles is of use to a service, and means nothing to its customer
        return {key: text for key, text in self.about.items() if key != "settles"}

    @property
    def heading(self) -> str:
        """Whose it is, and of what plan."""
        period = "" if self.period is None else str(self.period)
        return " · ".join(filter(None, [*self.said.values(), self.title])) or period


def is_tax(line: LineItem) -> bool:
    """Whether a line charges a tax, and does not take it out again where prices contain it."""
    return line.kind == "tax" and not line.description.endswith(INCLUDED)


class Totals(NamedTuple):
    """What sections come to together."""

    net: Decimal
    taxes: Mapping[str, Decimal]
    total: Decimal
    paid: Decimal
    due: Decimal


class Look(NamedTuple):
    """How a page is written: its words, the names of meters and charges, and decimals of amounts."""

    words: Words
    names: Mapping[str, str]
    places: int
    beyond: int

    def amount(self, amount: Decimal) -> str:
        """Money that is owed, in the decimals of its currency."""
        return amount_text(amount, self.places)

    def tax(self, line: LineItem) -> str:
        """A tax with its percentage."""
        title = self.words.charge(line.charge, self.names)
        # The difference of two bills takes one tax less another: at two rates, neither is that of the line
        rates = set(PERCENT.findall(line.charge.rule))
        return f"{title} {rates.pop()} %" if len(rates) == 1 and "%" not in title else title


class Row(NamedTuple):
    """A row of the table; ``look`` is its class in the style sheet."""

    title: str
    amount: str = ""
    quantity: str = ""
    rate: str = ""
    look: str = ""


def totals_of(sections: Sequence[Section], look: Look) -> Totals:
    """The sums of sections in one currency, each tax by its name and percentage."""
    taxes: dict[str, Decimal] = {}
    for section in sections:
        for line in section.taxes:
            # One tax at two percentages is two rows: a return asks for the tax at each.
            label = look.tax(line)
            taxes[label] = decimal(exact_sum([taxes.get(label, ZERO), line.amount]))
    net, total, paid, due = (
        decimal(exact_sum(amounts))
        for amounts in zip(*((each.net, each.total, each.paid, each.due) for each in sections), strict=True)
    )
    return Totals(net, taxes, total, paid, due)


def rows_of(section: Section, look: Look, *, headed: bool) -> Iterator[Row]:
    """The lines of a section down to its net; *headed* by whose it is where a page has several."""
    words = look.words
    if headed:
        period = "" if section.period is None else words.period_text(section.period)
        parts = [*section.said.values(), section.title, period]
        yield Row(" · ".join(filter(None, parts)), look="s")
    # A correction may be known by its two totals alone, and then has no lines to tell.
    if not section.lines:
        yield Row(words.correction if section.total else words.nothing, look.amount(section.total))
    net_lines = [line for line in section.lines if line.kind != "rounding" and not is_tax(line)]
    used = {line.meter for line in net_lines if line.quantity}
    for line in net_lines:
        # A contract rates every meter in each of its versions: those without any use say nothing
        if line.quantity == 0 == line.amount and line.kind == "usage" and line.meter in used:
            continue
        charge = line.charge
        yield Row(
            words.charge(charge, look.names),
            amount_text(line.precise, look.places, beyond=look.beyond),
            words.quantity_text(charge, line.quantity),
            words.rate_text(charge, look.places),
        )
    # The rounding line of the bill, so that the rows add up to the net that stands below them.
    rest = difference(section.net, exact_sum(line.amount for line in net_lines))
    if rest and section.lines:
        title = words.rounding.format(places=look.places)
        yield Row(title, amount_text(rest, look.places, beyond=look.beyond))
    if headed:
        yield Row(words.net, look.amount(section.net), look="u")


def sums_of(sections: Sequence[Section], totals: Totals, look: Look) -> Iterator[Row]:
    """What stands below the lines: net, taxes, total, what credit paid, and what is due."""
    words, code = look.words, sections[0].code
    yield Row(words.net, look.amount(totals.net))
    for label, amount in totals.taxes.items():
        yield Row(label, look.amount(amount))
    yield Row(words.total, f"{look.amount(totals.total)} {code}", look="b")
    # What is given back is no debt of the customer below zero.
    if totals.paid and totals.total >= 0:
        is_paid = totals.paid > 0
        yield Row(words.paid if is_paid else words.kept, look.amount(abs(totals.paid)))
    if totals.total < 0:
        yield Row(words.credit, f"{look.amount(decimal(difference(ZERO, totals.total)))} {code}", look="d")
    else:
        yield Row(words.due, f"{look.amount(totals.due)} {code}", look="d")


def credits_of(before: Balance, after: Balance, paid: Mapping[str, Decimal]) -> tuple[CreditUse, ...]:
    """What each grant paid of a bill, with what is left of it *after*."""
    # A grant of which nothing is left is gone afterwards, and one may come and be used within the bill.
    grants = {grant.id: grant for grant in (*before.grants, *after.grants)}
    left = {grant.id for grant in after.grants}
    return tuple(
        CreditUse(
            id,
            amount,
            after.left(id) if id in left else ZERO,
            grants[id].expires,
            grants[id].currency.code,
            grants[id].currency.places,
        )
        for id, amount in paid.items()
    )


def places_of(code: str, amount: Decimal) -> int:
    """Decimals of a currency known by its code alone: of a unit that nobody lists, those of the amount.

    >>> places_of("JPY", Decimal(5)), places_of("TOKEN", Decimal("1.5"))
    (0, 1)
    """
    known = MINOR_UNITS.get(code)
    return max(-int(amount.as_tuple().exponent), 0) if known is None else known
