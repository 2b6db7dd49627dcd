"""Bills: what a usage costs on a plan, line by line, and what is due."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import frozen

from tokenbill.account import NEW, NO_USAGE, Account, Position
from tokenbill.canonical import name
from tokenbill.compiled import NO_BENT, Compiled, compiled
from tokenbill.decimals import ZERO, decimal, difference, plus
from tokenbill.display import digits, html_table, text_table
from tokenbill.errors import AccountMismatch, BillMismatch, CurrencyMismatch, InvalidAccount, InvalidPlan
from tokenbill.lines import Adjustment, LineItem, less
from tokenbill.memo import Memo, memo, slot_setters
from tokenbill.plan import BillingPlan
from tokenbill.rating import exact_of, settled_lines, statement, total_of
from tokenbill.usage import Quantities, Usage

__all__ = ["Bill"]

NOTHING: Mapping[str, str] = MappingProxyType({})
Given: TypeAlias = "tuple[Usage, BillingPlan, Account, bool, Usage, tuple[tuple[str, str], ...]]"
"""What a bill was asked with: usage, plan, opening, final, less, about; a plain tuple, made for every event."""


@frozen(init=False)
class Bill:
    """What a usage costs on a plan: the lines, their total, and what is due.

    Make one with ``Bill.of``. Its lines are made when they are first looked at.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(gpu_hours="0.1", api_calls="0.01")
    >>> Bill.of(Usage(gpu_hours=10, api_calls=1000), BillingPlan.on_demand(prices)).total
    Decimal('11.00')
    """

    given: Given
    total: Decimal
    made: Memo = memo()

    def __init__(self, given: Given, total: Decimal) -> None:
        # made for every event; writing the slots halves what it costs
        _set_given(self, given)
        _set_total(self, total)
        _set_made(self, Memo())

    @classmethod
    def of(
        cls,
        usage: Usage | Quantities,
        plan: BillingPlan,
        *,
        opening: Account = NEW,
        final: bool = True,
        less: Usage = NO_USAGE,
        about: Mapping[str, str] = NOTHING,
    ) -> Bill:
        """The bill of *usage* on *plan*, after what the *opening* account has already billed.

        Args:
            usage: What was used since the opening account.
            plan: The terms.
            opening: The account before; the ``closing`` of the bill before.
            final: Whether the period ends here; an interim bill carries its state on in ``closing``.
            less: Taken off the period's usage: a correction.
            about: Customer, number, and so on: carried and shown, read by no rule.

        Raises:
            UnpricedUsage: If the schedule has no price for a meter.
            AccountMismatch: If *opening* belongs to other terms, or was edited.
            InvalidUsage: If *less* takes off more than was used.
        """
        if type(usage) is not Usage or type(plan) is not BillingPlan or type(opening) is not Account:
            usage, plan, opening = _checked(usage, plan, opening)
        card = plan.made.get("compiled") or compiled(plan)
        given = (usage, plan, opening, final, less, _notes(about) if about else ())
        if opening is NEW and final and card.simple and less is NO_USAGE:
            return cls(given, card.settled(card.numerator(usage)[0]))
        total, position = _increment(given, card)
        bill = cls(given, total)
        bill.made["position"] = position
        return bill

    @property
    def usage(self) -> Usage:
        """What was used since the opening account."""
        return self.given[0]

    @property
    def plan(self) -> BillingPlan:
        """The terms."""
        return self.given[1]

    @property
    def opening(self) -> Account:
        """The account before."""
        return self.given[2]

    @property
    def final(self) -> bool:
        """Whether the period ends with this bill."""
        return self.given[3]

    @property
    def about(self) -> Mapping[str, str]:
        """What was said of the bill: customer, number, and so on."""
        return MappingProxyType(dict(self.given[5]))

    @property
    def currency(self) -> str:
        """The code of the currency that every amount is in."""
        return self.plan.currency.code

    @property
    def lines(self) -> tuple[LineItem, ...]:
        """The rows: charges by meter, and the rounding; their amounts add up to the total."""
        if "lines" not in self.made:
            self.made["lines"] = _lines(self.given, self.total)
        return self.made["lines"]  # type: ignore[no-any-return]

    @property
    def exact(self) -> Fraction:
        """The lines without the rounding line, to the last digit."""
        return exact_of(self.lines)

    @property
    def due(self) -> Decimal:
        """What is left to pay: never negative, for what is too much is carried to the next bill."""
        return max(self._open(), ZERO)

    def _open(self) -> Decimal:
        carried = self.opening.carried
        return decimal(plus(self.total, carried)) if carried else self.total

    @property
    def closing(self) -> Account:
        """The account after: pass it to the next bill as *opening*."""
        closing = self.made.get("closing")
        if closing is None:
            carried = min(self._open(), ZERO)
            closing = self.made["closing"] = (
                Account(carried=carried) if self.final else self._carrying(carried)
            )
        return closing

    def _carrying(self, carried: Decimal) -> Account:
        """The account of a period that goes on."""
        position = self.made["position"]
        account = Account(self.plan.terms(), _used(self.given), position[3], carried)
        account.made["position"] = position
        return account

    def __sub__(self, earlier: Bill) -> Adjustment:
        """What this bill of a period changes of an *earlier* one.

        Raises:
            CurrencyMismatch: If the two are in different currencies.
        """
        if not isinstance(earlier, Bill):
            return NotImplemented
        if earlier.currency != self.currency:
            raise CurrencyMismatch(self.currency, earlier.currency)
        changed = tuple(less(self.lines, earlier.lines))
        reason = self.about.get("reason", "")
        return Adjustment(changed, earlier.total, self.total, self.currency, reason=reason)

    def verify(self) -> None:
        """Compute the bill again from plan and usage, the long way.

        Raises:
            BillMismatch: If a line or the total comes out otherwise; it names the first.
        """
        card = Compiled(self.plan)
        total = _recomputed(self.given, card)
        lines = _settled(self.given, card, total)
        for line, again in zip(self.lines, lines, strict=False):
            if (line, line.exact) != (again, again.exact):
                raise BillMismatch(line.description, line.amount, again.amount)
        if len(lines) != len(self.lines):
            raise BillMismatch("the number of lines", len(self.lines), len(lines))
        if total != self.total:
            raise BillMismatch("the total", self.total, total)

    def explain(self) -> str:
        """Each line as arithmetic that a clerk can redo, and the rule applied."""
        told = [line.explain() for line in self.lines]
        return "\n".join([*told, f"total: {digits(self.total)} {self.currency}"])

    def to_rows(self) -> list[dict[str, str | None]]:
        """The lines as text by column, ready for CSV, JSON or a data frame."""
        shared = {**self.about, "plan": self.plan.name}
        return [{**shared, **line.to_row(), "currency": self.currency} for line in self.lines]

    def __str__(self) -> str:
        return "\n".join([text_table(HEADER, self._rows(), numbers=NUMBERS), self._sum()])

    def _repr_html_(self) -> str:
        caption = " · ".join([*filter(None, [self.plan.name]), *self.about.values(), self._sum()])
        return html_table(HEADER, self._rows(), numbers=NUMBERS, caption=caption)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (line.description, digits(line.quantity), _per(line), digits(line.amount)) for line in self.lines
        ]

    def _sum(self) -> str:
        return f"Total: {self.plan.currency.format(self.total)}"


_set_given, _set_total, _set_made = slot_setters(Bill)

HEADER = ("description", "quantity", "rate", "amount")
NUMBERS = (1, 2, 3)


def _per(line: LineItem) -> str:
    return (
        digits(line.rate) if line.per in (None, 1) or line.rate is None else f"{line.rate:f} / {line.per:f}"
    )


def _checked(usage: Any, plan: Any, opening: Any) -> tuple[Usage, BillingPlan, Account]:
    """Arguments as a bill needs them."""
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("no plan", plan, "give one: BillingPlan.on_demand(prices)")
    if not isinstance(opening, Account):
        raise InvalidAccount("no account", opening, "give the closing of the bill before, or Account()")
    return Usage(usage), plan, opening


def _notes(about: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name(key), name(value, what=key)) for key, value in about.items()))


def _used(given: Given) -> Usage:
    """The usage of the whole period so far."""
    usage, _, opening, _, less, _ = given
    if opening is not NEW:
        usage = opening.used + usage
    return usage - less if less is not NO_USAGE else usage


def _fresh(opening: Account) -> bool:
    """Whether no period is open."""
    return opening is NEW or opening.terms is None and not opening.used and not opening.accrued


def _increment(given: Given, card: Compiled) -> tuple[Decimal, Position]:
    """The total of a bill on an account, and where the account then stands."""
    usage, plan, opening, _, less, _ = given
    before = opening.made.get("position")
    if before is None or before[0] is not card:
        before = _replayed(opening, plan, card)
    if less is not NO_USAGE or not card.simple:
        numerator, bent = card.numerator(_used(given))
    else:
        numerator, bent = card.numerator(usage, before[1], before[2])
    accrued = card.settled(numerator) if card.simple else total_of(card, statement(card, _used(given)))
    return decimal(difference(accrued, opening.accrued)), (card, numerator, bent, accrued)


def _replayed(opening: Account, plan: BillingPlan, card: Compiled) -> Position:
    """Where an account stands, by rating what it used; it must come to what it says was billed."""
    if _fresh(opening):
        return card, card.standing, NO_BENT, ZERO
    if opening.terms != plan.terms():
        raise AccountMismatch("terms", opening.terms, plan.terms())
    accrued = total_of(card, statement(card, opening.used))
    if accrued != opening.accrued:
        raise AccountMismatch("accrued amount", opening.accrued, accrued)
    return card, *card.numerator(opening.used), accrued


def _recomputed(given: Given, card: Compiled) -> Decimal:
    """The total of a bill by its lines."""
    return decimal(difference(total_of(card, statement(card, _used(given))), given[2].accrued))


def _lines(given: Given, total: Decimal) -> tuple[LineItem, ...]:
    return _settled(given, compiled(given[1]), total)


def _settled(given: Given, card: Compiled, total: Decimal) -> tuple[LineItem, ...]:
    """The lines of all usage so far less those of the usage before, and the rounding."""
    opening = given[2]
    lines = statement(card, _used(given))
    if not _fresh(opening):
        lines = less(lines, statement(card, opening.used))
    return settled_lines(card, lines, total)
