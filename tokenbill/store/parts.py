"""Periods of a customer: the terms that hold in each, and the account that is billed in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from sys import maxsize
from typing import Any, Final, NamedTuple, TypeAlias, cast

from attrs import define, evolve, field

from tokenbill.core.base.values import named
from tokenbill.core.billing.account import NEW, Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.running_account import RunningAccount
from tokenbill.core.credits.balance import Balance, Grant
from tokenbill.core.credits.draws import CREDIT
from tokenbill.core.credits.ledger import Draws, DrawsByCharge
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum, plus
from tokenbill.core.periods.instants import is_before, midnight, utc, zone
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract, placed
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.rhythms import plan_alone
from tokenbill.core.rating.statement import minor_units
from tokenbill.errors import InvalidUsage, TokenbillError

__all__ = [
    "ENDLESS",
    "OWN",
    "TICK",
    "Agreed",
    "Booking",
    "Dated",
    "FinalStep",
    "Part",
    "Terms",
    "carrying",
    "draws_without",
    "holds_at",
    "in_force",
    "instant_at",
    "opening_of",
    "place_grant",
    "plan_of",
    "span_of",
    "undrawn",
    "warmed",
]

Agreed: TypeAlias = BillingPlan | Contract
Dated: TypeAlias = Collection[tuple[datetime, Usage, Usage]]
"""Usage and what was taken back of it, by the instants at which it happened."""

OWN: Final = maxsize
"""Longest document of the store's own that is read back: the usual limits are for those of strangers."""
ENDLESS = Period("1970-01-01T00:00:00Z", "9998-12-31T00:00:00Z")
"""The one period of a plan without a cycle."""
MOST = 2**63 - 1
"""Most minor units of an amount: what every database adds up exactly."""
TICK = timedelta(microseconds=1)


class Terms(NamedTuple):
    """What was agreed, the hash of its document, and from when on; None where nothing was before it."""

    agreed: Agreed
    hash: str
    start: date | None


class FinalStep(NamedTuple):
    """What closing a period added to its interim bills: a true-up, fees in arrears, and what paid them."""

    total: Decimal
    due: Decimal
    draws: tuple[tuple[str, Decimal], ...]
    credit: Decimal


class Booking(NamedTuple):
    """What one operation charged in one period, and what of it is left to pay; both in minor units, too."""

    part: Part
    total: Decimal
    due: Decimal
    units: int
    due_units: int

    @classmethod
    def of(cls, part: Part, total: Decimal, due: Decimal) -> Booking:
        """The booking of two amounts.

        Raises:
            InvalidUsage: If one is more than every database adds up exactly.
        """
        return cls(part, total, due, part.minor(total), part.minor(due))


@define(eq=False)
class Part:
    """A period of one customer: its account, which is billed on after it was closed when usage comes late.

    The credit of a customer is one, so of several parts only the account of the ledger's ``holder`` is right
    about it.
    """

    number: int
    span: Period
    terms: Terms
    _account: Account = field(default=NEW, alias="account")
    due: Decimal = ZERO
    final: FinalStep | None = None
    running: RunningAccount | None = field(default=None, init=False)
    agreed: Agreed = field(init=False)
    plan: BillingPlan = field(init=False)
    places: int = field(init=False)
    currency: str = field(init=False)
    since: datetime = field(init=False)
    until: datetime = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.place(self.span)

    def place(self, span: Period) -> None:
        """Let the part be another stretch of time, or the same under other terms."""
        self.span = span
        self.since, self.until = (cast(datetime, utc(at)) for at in (span.start, span.end))
        end = None if isinstance(self.terms.agreed, BillingPlan) else self.terms.agreed.end
        if end is not None:  # a contract that ends cuts its last period
            self.until = min(self.until, cast(datetime, utc(placed(end, span, None))))
        # A contract works out its versions at each bill; where one holds from end to end its plan is enough.
        self.agreed = agreed = in_force(self.terms.agreed, span)
        # for what no version of a period changes: its currency, and the decimals of its amounts
        self.plan = plan_at(agreed, self.last)
        self.currency = self.plan.currency.code
        self.places = self.plan.rounding.known_places(self.plan.currency.places)

    @property
    def account(self) -> Account:
        """The account by now; one that events ran on is made when it is asked for."""
        if self.running is not None:
            self.account = self.running.account()
        return self._account

    @account.setter
    def account(self, account: Account) -> None:
        self._account, self.running = account, None

    def charged(self, usage: Usage, at: datetime) -> Booking | None:
        """What an event adds, by sums; None where a bill has to say it, and nothing is changed then."""
        running = self.running or RunningAccount.of(self._account, self.agreed, self.named)
        after = None if running is None else running.charged(usage, at)
        if after is None:
            return None
        units, due_units = self.minor(after.total), 0  # refused before anything is changed
        self.running = after
        if after.due:
            self.due, due_units = decimal(plus(self.due, after.due)), self.minor(after.due)
        return named(Booking, (self, after.total, after.due, units, due_units))

    @property
    def named(self) -> Period | None:
        """The period as bills name it: a plan without cycle and dates needs none."""
        if isinstance(self.agreed, Contract) or self.agreed.cycle is not None:
            return self.span
        return self.span if self._account.period is not None else None

    @property
    def last(self) -> datetime:
        """The last moment inside: grants that are usable then pay what closing the period adds."""
        return self.until - TICK

    def holds(self, number: int, at: datetime) -> bool:
        """Whether what was booked at an instant, in the period of a number, is of this one."""
        return self.since <= at < self.until if self.plan.cycle is None else number == self.number

    def minor(self, amount: Decimal) -> int:
        """An amount in minor units, as tables hold it.

        Raises:
            InvalidUsage: If it is more than every database adds up exactly.
        """
        units = minor_units(amount, self.places)
        if not -MOST <= units <= MOST:
            raise InvalidUsage("an amount beyond what a database adds up", amount, "record it in parts")
        return units


def holds_at(terms: Terms, instant: datetime) -> bool:
    """Whether terms hold at an instant, or did before others took their place."""
    return terms.start is None or instant_at(terms.start, terms.agreed) <= instant


def plan_of(agreed: Agreed) -> BillingPlan:
    """The plan before any amendment."""
    return agreed if isinstance(agreed, BillingPlan) else agreed.plan


def instant_at(at: date, agreed: Agreed) -> datetime:
    """A date or instant as an instant in UTC: a date begins at midnight in the zone of the cycle."""
    if not isinstance(at, datetime):
        cycle = plan_of(agreed).cycle
        at = midnight(at, UTC if cycle is None else zone(cycle.tz))
    return at.astimezone(UTC)


def plan_at(agreed: Agreed, instant: datetime) -> BillingPlan:
    """The plan that holds at an instant, whether its amendments are dated by days or by instants."""
    found = plan_of(agreed)
    for amendment in () if isinstance(agreed, BillingPlan) else agreed.amendments:
        if instant_at(amendment.at, agreed) <= instant:
            found = amendment.plan
    return found


def span_of_cycle(agreed: Agreed, instant: datetime) -> Period:
    """The period of the cycle that holds an instant, or the endless one."""
    plan = plan_at(agreed, instant)
    return ENDLESS if plan.cycle is None else plan.cycle.containing(instant)


def span_of(terms: Terms, instant: datetime) -> Period:
    """The period that holds an instant: what of it lies after the start of the terms."""
    whole = span_of_cycle(terms.agreed, instant)
    if terms.start is None:
        return whole
    start = instant_at(terms.start, terms.agreed).astimezone(cast(datetime, whole.start).tzinfo)
    return Period(start, whole.end) if is_before(whole.start, start) else whole


def in_force(agreed: Agreed, span: Period) -> Agreed:
    """The plan of a period, where one version holds from end to end: it is billed faster than a contract."""
    if isinstance(agreed, BillingPlan) and not agreed.is_dated:
        return agreed
    contract = Contract(agreed) if isinstance(agreed, BillingPlan) else agreed
    plan = plan_alone(contract, span)
    # what a last bill is left with is due, however little it is
    if plan is None or (plan.least_due is not None and contract.ends_with(span)):
        return contract
    return plan


def place_grant(grant: Grant, home: Any) -> Grant:
    """A grant whose dates are instants, as those of events are: its days begin at local midnight."""
    days = {name: getattr(grant, name) for name in ("starts", "expires", "created")}
    placed_days = {
        name: midnight(day, home)
        for name, day in days.items()
        if day is not None and not isinstance(day, datetime)
    }
    return evolve(grant, **placed_days) if placed_days else grant


def carrying(account: Account, credit: Account) -> Account:
    """An account with the credit of another one."""
    return evolve(
        account,
        balance=credit.balance,
        credit_balance=credit.credit_balance,
        credit_currency=credit.credit_currency,
        windows=credit.windows,
    )


def undrawn(account: Account) -> Balance:
    """The balance as it was before the open period, with every grant that came in since."""
    # Draws taken back are what was there before; grants that came in since are in the balance already.
    paid = account.draws
    if not paid:
        return account.balance
    return account.balance.drawn_by({id: amount.copy_negate() for id, amount in paid})


def draws_without(draws: DrawsByCharge, amounts: Mapping[str, Decimal]) -> dict[str, dict[str, Decimal]]:
    """Draws by grant and charge without amounts by grant, which are taken off its last charges."""
    found = {id: dict(parts) for id, parts in draws}
    for id, amount in amounts.items():
        rest = amount
        for charge, paid in reversed(found[id].items()):
            less = min(paid, rest)
            found[id][charge], rest = decimal(difference(paid, less)), decimal(difference(rest, less))
    return found


def opening_of(
    part: Part, account: Account, total: Decimal, due: Decimal, draws: Draws | None = None
) -> Account:
    """The account before its period: what it had of credit follows from what was billed, paid and left.

    Args:
        part: The period.
        account: The account as it is now.
        total: What the bills of the period came to.
        due: What of it was left to pay.
        draws: What each grant paid of it; those of the account unless given.
    """
    plan = part.plan
    ours = {g.id for g in account.balance.grants if g.currency == plan.currency and g.kind == "paid"}
    paid = [amount for id, amount in (account.draws if draws is None else draws) if id in ours]
    taken = exact_sum([due, *paid])
    credit = decimal(difference(exact_sum([account.credit_balance, total]), taken))
    return Account(
        balance=undrawn(account),
        credit_balance=credit,
        credit_currency=plan.currency if credit else None,
        commitments=account.commitments,
        windows=account.windows,
    )


def warmed(account: Account, part: Part) -> Account:
    """The same account, billed at once: it knows where it stands, and each further event takes less time."""
    # An account that was read knows its sums, and not how they came about: billed once from the beginning it
    # does, and each further event costs what it adds. The result is used only where it is the same account.
    if account.is_fresh or isinstance(part.agreed, Contract) or not account.balance.grants:
        return account
    if account.credit_balance or any(id == CREDIT for id, _ in account.draws_by_charge):
        return account
    opening = Account(balance=undrawn(account))
    try:
        again = Bill.of(
            account.used,
            part.agreed,
            opening=opening,
            period=account.period,
            at=account.billed_at,
            final=False,
        ).closing
    except TokenbillError:
        return account
    return again if again == account else account
