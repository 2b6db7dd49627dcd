"""Accounts: all the state that a customer carries from bill to bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen
from attrs import fields as attrs_fields

from tokenbill.core.base.inputs import name
from tokenbill.core.base.values import Cache, Value, cache_field, draft_of
from tokenbill.core.billing import account_fields as fields
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.commitments_met import met_after, met_of
from tokenbill.core.billing.limits import windows_of_bill
from tokenbill.core.billing.top_up_rules import TopUp, bought_after, due_grants, top_ups_of
from tokenbill.core.billing.version_usage import VersionUsage, versions_of
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.closing import closed_balance
from tokenbill.core.credits.ledger import Draws, DrawsByCharge, total
from tokenbill.core.credits.revenue import Revenue, revenue_of
from tokenbill.core.credits.windows import Windows, windows_of
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import ZERO, Exact, Number, decimal, difference, number, plus
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.periods.instants import optional_moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.plans.levels import Levels, levels_of
from tokenbill.core.plans.levels import kept as levels_after
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.bill_request import NO_USAGE, BillRequest, used_in
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.draws_by_grant import UNKNOWN
from tokenbill.core.rating.opening import entries_within, folded
from tokenbill.errors import (
    BalanceExhausted,
    CurrencyMismatch,
    InvalidAccount,
)

if TYPE_CHECKING:
    from tokenbill.core.credits.grants import Grant
    from tokenbill.core.plans.contract import Contract

__all__ = [
    "NEW",
    "NO_USAGE",
    "Account",
    "closed",
    "closing_of",
    "going_on",
]

NO_BALANCE = Balance()


@frozen(repr=False)
class Account(Value):
    """All the state that a customer carries from bill to bill; the user stores it.

    ``Account()``, with a balance or not, fits any period and plan: nothing used, nothing billed.

    Args:
        period: The service period that is open; None where none is, or none was named.
        fingerprint: The hash of the plan that the open period is billed on.
        used: The usage of the open period so far.
        accrued: What its bills came to, in the plan's currency.
        draws: What credit paid in the open period, by grant and charge; the credit balance has an empty id.
        balance: The grants that the customer has, and what became of them.
        credit_balance: Above 0 a credit of the customer, spent before any paid grant; below 0 what is owed.
        credit_currency: What it is in; None until a bill says so.
        idle_labels: The entries whose usage is one sum, though it had labels that no price looks at.
        versions: The usage by version of the terms, where there were several; together they are *used*.
        billed_at: The last moment at which the open period was billed, where a bill said one.
        goodwill: What was credited without a correction, by reason; kept until a period closes.
        commitments: What was met of commitments, in the terms that run.
        windows: What was used in the windows of quotas that still count, and drawn in those of grants.
        top_ups: The rules by which credit is to be bought.
        levels: How many seats and the like there are, since when; they go on until they change.

    Raises:
        InvalidAccount, InvalidNumber, InvalidUsage, InvalidGrant, InvalidCurrency: For parts that are none.
        InvalidAccount: If more was drawn in the open period than the balance says, or on a grant not in it.

    >>> from tokenbill.core.credits.balance import Grant
    >>> Account(balance=[Grant("welcome", 10, "USD")]).balance.remaining()
    Decimal('10')
    """

    period: Period | None = field(default=None, converter=fields.open_period)
    fingerprint: str | None = field(default=None, converter=fields.text)
    used: Usage = field(default=NO_USAGE, converter=fields.usage)
    accrued: Decimal = field(default=ZERO, converter=fields.money)
    draws_by_charge: DrawsByCharge = field(default=(), converter=fields.drawn, alias="draws")
    balance: Balance = field(default=NO_BALANCE, converter=fields.balance)
    credit_balance: Decimal = field(default=ZERO, converter=fields.money)
    credit_currency: Currency | None = field(default=None, converter=fields.unit)
    idle_labels: tuple[Meter, ...] = field(default=(), converter=fields.meters)
    versions: tuple[VersionUsage, ...] = field(default=(), converter=versions_of)
    billed_at: date | None = field(default=None, converter=optional_moment)
    goodwill: tuple[tuple[str, Decimal], ...] = field(default=(), converter=fields.reasons)
    commitments: tuple[CommitmentMet, ...] = field(default=(), converter=met_of)
    windows: Windows = field(default=(), converter=windows_of, kw_only=True)
    top_ups: tuple[TopUp, ...] = field(default=(), converter=top_ups_of, kw_only=True)
    levels: Levels = field(default=(), converter=levels_of, kw_only=True)
    cache: Cache = cache_field()

    def __attrs_post_init__(self) -> None:
        # Documents come from outside: parts that contradict each other would bill something twice, or never.
        if self.versions and sum((version.used for version in self.versions), NO_USAGE) != self.used:
            raise InvalidAccount("usage by version that is not what was used", self.used, "let them add up")
        drawn = dict(self.balance.draws)
        for id, amount in self.draws:
            if amount > drawn.get(id, ZERO):
                raise InvalidAccount(
                    "more drawn on a grant in the open period than its balance says",
                    f"{id}: {amount:f}",
                    "keep a grant that was drawn on until the period closes",
                )

    @property
    def is_fresh(self) -> bool:
        """Whether no period is open."""
        return self is NEW or (
            self.fingerprint is None and not (self.used.counted or self.accrued or self.draws_by_charge)
        )

    @property
    def draws(self) -> Draws:
        """What each grant paid in the open period."""
        sums = [(id, total(amount for _, amount in parts)) for id, parts in self.draws_by_charge if id]
        return tuple(sums)

    def agrees_with(self, other: Account) -> bool:
        """Whether two are the same, as far as they tell.

        One that was stored at first tells neither the currency of its credit nor the charges of its draws.
        """
        # spent grants stayed in one that was stored at first
        ids = {grant.id for grant in other.balance.grants}
        more = [grant for grant in self.balance.grants if grant.id not in ids]
        if more and all(grant.expires is not None or not self.balance.left(grant.id) for grant in more):
            left = self.balance.without(*(grant.id for grant in more))
            return evolve(self, balance=left).agrees_with(other)
        told: dict[str, Any] = {}
        if self.credit_currency is None:
            told["credit_currency"] = None
        if any(charge == UNKNOWN for _, parts in self.draws_by_charge for charge, _ in parts):
            told["draws"] = dict(other.draws)
        return self == (evolve(other, **told) if told else other)

    def credit(
        self,
        adjustment: Adjustment | Number,
        *,
        paid: Number | None = None,
        credited: Number = 0,
        reason: str = "",
    ) -> Account:
        """The account after a credit note: what it gives back is added to the credit balance.

        Args:
            adjustment: The difference of two bills of a closed period, or an amount out of goodwill.
            paid: What was paid on the period; no more than that is credited, less what already was.
            credited: What was credited on it before.
            reason: Why an amount is given without a correction; bills of the period note it.

        Raises:
            InvalidAccount: If the adjustment is no credit but a further charge: bill that instead; for an
                amount that is not above 0, or comes without a reason.
            CurrencyMismatch: If the credit balance is in another currency.

        >>> Account().credit("5.00", reason="the outage of 3 June").credit_balance
        Decimal('5.00')
        """
        if not isinstance(adjustment, Adjustment):
            if not reason:
                way_out = "give the difference of two bills: bill - earlier, or an amount with its reason="
                raise InvalidAccount("not an adjustment", adjustment, way_out)
            given, why = number(adjustment), name(reason, what="reason of a credit")
            if given <= 0:
                raise InvalidAccount("not a credit", given, "give an amount above 0, or bill it")
            told = dict(self.goodwill)
            told[why] = decimal(plus(told.get(why, ZERO), given))
            credit = decimal(plus(self.credit_balance, given))
            return evolve(self, credit_balance=credit, goodwill=tuple(told.items()))
        # A bill that nobody paid gives nothing back: what is credited was paid, and was not credited before.
        amount = difference(ZERO, adjustment.total)
        if amount < 0:
            raise InvalidAccount("an adjustment that charges", adjustment.total, "send it as a bill")
        if paid is not None:
            amount = max(min(amount, difference(number(paid), number(credited))), ZERO)
        unit = self.credit_currency
        if unit is None or not self.credit_balance:
            # the unit of a plan of one's own has a code that says no places; the next bill brings it
            unit = currency(adjustment.currency) if adjustment.currency in MINOR_UNITS else None
        elif unit.code != adjustment.currency:
            raise CurrencyMismatch(unit, adjustment.currency)
        return evolve(self, credit_balance=decimal(plus(self.credit_balance, amount)), credit_currency=unit)

    def _repr_html_(self) -> str:
        from tokenbill.core.billing.account_table import account_table  # only notebooks need it

        credit = (self.credit_balance, self.credit_currency)
        return account_table(self.used, self.accrued, credit, self.balance, self.period)

    def covers(
        self,
        usage: Usage,
        plan: BillingPlan | Contract,
        *,
        at: date | str | None = None,
        period: Period | None = None,
    ) -> bool:
        """Whether credit covers *usage* on *plan*, unrounded, beside what is held: asked before a request.

        >>> from tokenbill import Grant, PriceSchedule
        >>> plan = BillingPlan.prepaid(PriceSchedule(calls=1))
        >>> account = Account(balance=[Grant("paid", 10, "USD")]).hold("h1", amount=5)
        >>> account.covers(Usage(calls=5), plan), account.covers(Usage(calls=6), plan)
        (True, False)
        """
        from tokenbill.core.billing.reservations import reservation_of_usage

        try:
            reservation_of_usage(self, usage, plan, at=at, period=period)
        except BalanceExhausted:
            return False
        return True

    def hold(
        self,
        id: str,
        usage: Any = None,
        plan: BillingPlan | Contract | None = None,
        *,
        amount: Number | None = None,
        at: date | str | None = None,
        until: date | str | None = None,
        period: Period | None = None,
        currency: Currency | str | None = None,
    ) -> Account:
        """The account after credit was reserved for a request, which ``Bill.of(…, settles=id)`` settles.

        Args:
            id: What the request calls it.
            usage: The most that the request may use, priced by *plan* after all that runs already.
            plan: The terms.
            amount: In place of usage: an amount in *currency*, of grants without a scope.
            at: When the request is admitted; may be left out where no grant is dated.
            until: The first moment at which the hold is over and frees itself.
            period: The service period, where the account has none yet.
            currency: What *amount* is in; may be left out where credit is of one currency.

        Raises:
            BalanceExhausted: If credit does not cover it beside what is held already.
            InvalidHold: If the id is taken, or neither an amount nor usage with its plan is given.

        >>> from tokenbill import Grant
        >>> account = Account(balance=[Grant("paid", 10, "USD")]).hold("h1", amount="5.00")
        >>> account.balance.remaining(), account.released("h1").balance.remaining()
        (Decimal('5.00'), Decimal('10'))
        """
        from tokenbill.core.billing.reservations import with_hold

        asked = {"amount": amount, "at": at, "until": until, "period": period, "currency": currency}
        after: Account = with_hold(self, id, usage, plan, **asked)
        return after

    def released(self, id: str) -> Account:
        """The account without a hold: what it reserved is free again.

        Raises:
            InvalidHold: If no hold of that id is open.
        """
        from tokenbill.core.billing.reservations import holding, open_holds

        after: Account = holding(self, open_holds(self).without(id))
        return after

    def revenue(self, at: date | str | None = None) -> Revenue:
        """What was paid for the grants, and what of it is earned, deferred, expired by *at* or given back."""
        return revenue_of(self.balance, at)

    @property
    def deferred(self) -> Exact:
        """What was paid for credit and is neither earned nor expired by the last bill of the open period."""
        return self.revenue(self.billed_at).deferred

    def due_topups(self, at: date | str) -> tuple[Grant, ...]:
        """The grants to buy at a moment, by the top-up rules, each with its cost; nothing is bought.

        Add them with ``evolve(account, balance=account.balance.with_grants(*bought))``.
        """
        return tuple(due_grants(self, at))


_Draft = draft_of(Account)


def _left_out(account: Account, name: str) -> Any:
    # not by the frozen door: what is written here was always the account's
    write, cache = object.__setattr__, account.cache
    # after a bill that credit pays the two are left out: most accounts of events are never asked for them
    position = cache.get("credit") or cache.get("charges")
    if position is not None and name in BY_CREDIT:
        write(account, "balance", position.balance())
        write(account, "draws_by_charge", position.draws(account.used))
    elif "running" in cache:
        # and of the accounts of events on sums all is left out, as long as one event only follows the other
        full = cache["running"].account()
        for each in BY_SUMS if position is not None else (*BY_SUMS, *BY_CREDIT):
            write(account, each, getattr(full, each))
    return object.__getattribute__(account, name)


BY_CREDIT = ("balance", "draws_by_charge")
BY_SUMS = tuple(item.name for item in attrs_fields(Account) if item.name not in {"cache", *BY_CREDIT})
setattr(Account, "__getattr__", _left_out)  # noqa: B010  # a checker would take any name for an attribute
NEW = Account()


def closing_of(request: BillRequest, delta: BillDelta) -> Account:
    """The account after a bill."""
    if request.final:
        return closed(request, delta)
    account = going_on(request, delta)
    if delta.credit is None and delta.after is not None:
        account.cache["statement"] = delta.after.plan, delta.after
    return account


def closed(request: BillRequest, delta: BillDelta) -> Account:
    """The account of a period that ends: what is left of grants rolls over, and spent ones leave it."""
    balance = closed_balance(delta.balance, request.period, request.at)
    credit = delta.credit_balance
    unit = request.plan.currency if credit else None
    opening: Any = request.opening
    windows = bought_after(delta.balance, balance, windows_of_bill(request, delta), opening.top_ups)
    kept: Any = {"windows": windows, "top_ups": opening.top_ups, "commitments": met_after(request, delta)}
    kept["levels"] = levels_after(request.levels, request.period, request.plan.cycle)
    return Account(balance=balance, credit_balance=credit, credit_currency=unit, **kept)


def going_on(request: BillRequest, delta: BillDelta, summed: Usage | None = None) -> Account:
    """The account of a period that goes on after a bill; made for every event, its parts need no check.

    *summed* is what was used in the period by then, where somebody has summed it up.
    """
    account: Any = _Draft()
    _, plan, given, _, _, _, period, at, versions, _, levels, _ = request
    opening: Any = given
    account.cache = cache = Cache()
    account.period, known = period, opening.idle_labels
    if versions is None:
        account.fingerprint, account.versions = plan.fingerprint(), ()
        if delta.charges is not None:
            summed = delta.charges.after.run.request.usage
        summed = used_in(request) if summed is None else summed
        account.used, idle = folded(summed, compiled_plan(plan, period))
        # an entry within that comes later would price a part of the sum: those that there are are noted
        known = tuple(sorted({*known, *idle, *entries_within(plan, idle)})) if idle else known
    else:
        account.used = used_in(request)
        account.fingerprint = versions.contract.fingerprint()
        pairs = zip(versions.clauses, versions.usages, strict=True)
        account.versions = tuple(VersionUsage(clause.period.start, part) for clause, part in pairs)
    account.billed_at, account.idle_labels = opening.billed_at if at is None else at, known
    account.goodwill, account.commitments = opening.goodwill, opening.commitments
    account.accrued, account.credit_balance = delta.accrued, delta.credit_balance
    account.credit_currency = plan.currency if delta.credit_balance else None
    account.windows, account.levels = windows_of_bill(request, delta), levels
    account.top_ups = opening.top_ups
    credit, charges = delta.credit, delta.charges
    if credit is not None:
        cache["credit"] = credit
    elif charges is not None:
        cache["charges"] = charges
    else:
        account.draws_by_charge, account.balance = delta.draws, delta.balance
        cache["position"] = delta.position
    account.__class__ = Account
    return account  # type: ignore[no-any-return]  # of its class by now
