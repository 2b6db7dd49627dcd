"""Accounts: all the state that a customer carries from bill to bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from attrs import evolve, field, frozen

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.base.values import Memo, Value, memo_field, slot_setters
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.ledger import Draws, draws_of
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Number, decimal, difference, number, plain_amount
from tokenbill.core.periods.instants import moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.compiled import compiled_form
from tokenbill.core.rating.increment import NO_USAGE, About, Given, Increment, added_by, used_in
from tokenbill.core.rating.lines import COLUMNS, Adjustment
from tokenbill.errors import InvalidAccount, InvalidPeriod, InvalidPlan, InvalidUsage

__all__ = ["NEW", "NO_USAGE", "Account", "check_rest", "checked_terms", "going_on", "notes_of"]

NO_BALANCE = Balance()


def _usage(value: Any) -> Usage:
    return value if type(value) is Usage else Usage(value)


def _money(value: Any) -> Decimal:
    """A stored amount; a Decimal of ours is taken as it is, for each event carries a few of them."""
    plain = plain_amount(value)
    return number(value) if plain is None else plain


def _below(value: Any) -> Decimal:
    amount = _money(value)
    if amount > 0:
        raise InvalidAccount(
            "an amount carried that is owed", amount, "give zero or less: what was billed too much"
        )
    return amount


def _drawn(value: Any) -> Draws:
    return () if value == () else draws_of(value)


def _balance(value: Any) -> Balance:
    return value if type(value) is Balance else Balance(value)


def _open(value: Any) -> Period | None:
    if value is None or isinstance(value, Period):
        return value
    raise InvalidAccount("no period", value, "give a Period, or None")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidAccount("no terms", value, "give what plan.fingerprint() says, or None")


@frozen(repr=False)
class Account(Value):
    """All the state that a customer carries from bill to bill; the user stores it.

    ``Account()``, with a balance or not, fits any period and plan: nothing used, nothing billed.

    Args:
        period: The service period that is open; None where none is, or none was named.
        terms: The hash of the plan that the open period is billed on.
        used: The usage of the open period so far.
        accrued: What its bills came to, in the plan's currency.
        draws: What grants paid in the open period, by id.
        balance: The grants that the customer has, and what became of them.
        carried: What is left of negative bills, zero or less, spent before any grant.

    Raises:
        InvalidAccount, InvalidNumber, InvalidUsage, InvalidGrant: For parts that are none.

    >>> from tokenbill.core.credits.balance import Grant
    >>> Account(balance=[Grant("welcome", 10, "USD")]).balance.remaining()
    Decimal('10')
    """

    period: Period | None = field(default=None, converter=_open)
    terms: str | None = field(default=None, converter=_text)
    used: Usage = field(default=NO_USAGE, converter=_usage)
    accrued: Decimal = field(default=ZERO, converter=_money)
    draws: Draws = field(default=(), converter=_drawn)
    balance: Balance = field(default=NO_BALANCE, converter=_balance)
    carried: Decimal = field(default=ZERO, converter=_below)
    made: Memo = memo_field()

    @property
    def is_fresh(self) -> bool:
        """Whether no period is open."""
        return self is NEW or (self.terms is None and not (self.used or self.accrued or self.draws))

    def credit(self, adjustment: Adjustment, *, paid: Number | None = None, credited: Number = 0) -> Account:
        """The account after a credit note: a negative total is carried to the next bill.

        Args:
            adjustment: The difference of two bills of a closed period.
            paid: What was paid on the period; no more than that is credited, less what already was.
            credited: What was credited on it before.

        Raises:
            InvalidAccount: If the adjustment is no credit but a further charge: bill that instead.
        """
        if not isinstance(adjustment, Adjustment):
            raise InvalidAccount(
                "no adjustment", adjustment, "give the difference of two bills: bill - earlier"
            )
        amount = difference(ZERO, adjustment.total)
        if amount < 0:
            raise InvalidAccount("an adjustment that charges", adjustment.total, "send it as a bill")
        if paid is not None:
            amount = max(min(amount, difference(number(paid), number(credited))), ZERO)
        return evolve(self, carried=decimal(difference(self.carried, amount)))

    def covers(
        self, usage: Usage, plan: BillingPlan, *, at: date | str | None = None, period: Period | None = None
    ) -> bool:
        """Whether *usage* on *plan* would leave nothing due: the check before a request is admitted."""
        opening: Any = self  # pyright takes no field with a converter for what a Protocol asks
        given = (_usage(usage), plan, opening, False, NO_USAGE, (), period or self.period, at)
        return not added_by(given, compiled_form(plan, plan.share(given[6])), refusing=False).due


_period, _terms, _used, _accrued, _draws, _left, _carried, _made = slot_setters(Account)
NEW = Account()


def going_on(given: Given, added: Increment) -> Account:
    """The account of a period that goes on after a bill; made for every event, its parts need no check."""
    account = Account.__new__(Account)
    _period(account, given[6])
    _terms(account, given[1].fingerprint())
    _used(account, used_in(given))
    _accrued(account, added.accrued)
    _draws(account, added.draws)
    _left(account, added.balance)
    _carried(account, added.carried)
    _made(account, Memo(position=added.position))
    return account


def checked_terms(usage: Any, plan: Any) -> tuple[Usage, BillingPlan]:
    """What a bill is of, as it needs them."""
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("no plan", plan, "give one: BillingPlan.on_demand(prices)")
    return usage if isinstance(usage, Usage) else Usage(usage), plan


def notes_of(about: Any) -> About:
    """What is said of a bill, as sorted pairs; a name of its columns would hide one of them."""
    if not is_mapping(about) or not COLUMNS.isdisjoint(about):
        raise InvalidUsage(
            "nothing that can be said of a bill", about, 'give a mapping: {"customer": "acme"}'
        )
    return tuple(sorted((name(key), name(value, what=key)) for key, value in about.items()))


def check_rest(opening: Any, final: Any, period: Any, at: Any, reversal: Any) -> date | None:
    """Check what most bills leave out, and read the time at which grants are drawn on."""
    if not isinstance(opening, Account):
        raise InvalidAccount("no account", opening, "give the closing of the bill before, or Account()")
    if not isinstance(final, bool):
        raise InvalidPlan("final is neither True nor False", final, "give one of them")
    if period is not None and not isinstance(period, Period):
        raise InvalidPeriod("no period", period, "give a Period")
    if not isinstance(reversal, Usage):
        raise InvalidUsage("not a usage to take off", reversal, "give a Usage")
    return None if at is None else moment(at)
