"""Plans: a schedule, and the terms on which what it prices becomes payable."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from attrs import field, frozen

from tokenbill.core.base.hashing import LATER, content_hash, fields_of
from tokenbill.core.base.tables import html_table
from tokenbill.core.base.values import Cache, Slot, Value, cache_field, slot_field
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import Number, number
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.money.validators import non_negative, optional_number
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.period import By, Period
from tokenbill.core.plans.allowances import Allowance, Included, each_allowance, included
from tokenbill.core.plans.commitments import Commitment, commitments
from tokenbill.core.plans.limits import Limit, Limits, check_limits, each_limit, limits
from tokenbill.core.plans.plan_fields import (
    discounts,
    fees,
    instance_of,
    named,
    quotas,
    schedule,
    taxes,
    unit,
)
from tokenbill.core.plans.plan_scopes import check_scope, entries_of, nearest
from tokenbill.core.plans.quotas import Quota
from tokenbill.core.plans.reading import check_readings, curves_of, level_names
from tokenbill.core.plans.taxes import Tax, check_taxes
from tokenbill.core.plans.terms import Discount, Fee, one_of
from tokenbill.core.plans.trial import Trial, check_trial, trial_part
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import Price
from tokenbill.core.pricing.schedule import PriceSchedule, Schedule
from tokenbill.errors import CurrencyMismatch, InvalidPeriod, InvalidPlan

if TYPE_CHECKING:
    from tokenbill.core.pricing.lint import Finding

__all__ = ["BillingPlan", "Included"]

Overage: TypeAlias = Literal["bill", "refuse", "owe"]
"""What becomes of what the balance does not cover."""

WHOLE = Fraction(1)


@frozen(repr=False)
class BillingPlan(Value):
    """The terms of a customer: what usage costs, and how it is settled.

    Make one with ``BillingPlan.on_demand``, ``.prepaid`` or ``.subscription``; all take these terms.

    Args:
        prices: A PriceSchedule, a PriceBook, or any object with ``match(meter)`` and ``currency``.
        name: What people call the plan; no rule reads it.
        fees: Amounts due once a period.
        included: Free units of a period, by entry of the schedule, or by several that share them:
            ``{("input_tokens", "output_tokens"): 1_000_000}``; ``curve.of(…)`` reads another quantity.
        prorate_included: Whether a part of a period includes a part of them.
        discounts: In the order in which they apply.
        minimum: What a period owes at least, in the plan's currency; the last bill lifts it there. A
            ``Limit`` has a scope; several apply in the order given.
        maximum: What a period owes at most, taxes left out; a ``Limit``, or several, as well.
        taxes: On what is left after discounts and promotional credit.
        rounding: How exact amounts become payable; the decimals are the currency's unless given.
        currency: What bills are in; that of the schedule unless a *token_price* leads to another.
        token_price: The price of the schedule's units that the balance does not cover.
        cycle: The billing periods; a part of one owes a part of fees, fixed discounts, minimum, maximum.
        proration: Whether parts are counted by ``day`` of the local calendar or by ``second``.
        trial: The time in which no fees are owed: a Period, days from the cycle's anchor on, or a Trial,
            which may cover usage, too.
        overage: What becomes of what the balance does not cover: ``bill`` it, ``refuse`` the usage, or let
            the account ``owe`` it, which the next paid grant without scope covers first.
        least_due: A smaller amount is not due; it is owed, and comes with the next bill.
        quotas: The most that may be used within windows of time: they admit requests, and price nothing.
        commitment: What charges come to at least over terms of several bills: a Commitment, or several.
        is_version: Whether it is one version of a plan whose terms are dated, which need not have what a
            term of another version is on; no part of the value.

    Raises:
        InvalidPlan: If a term is not what it should be, two contradict each other, or one is on a kind, fee
            or meter that is not there.
        CurrencyMismatch: If the schedule is in another currency, and no token price leads out of it.
        InvalidName, InvalidNumber, InvalidPrice, InvalidCurrency: For parts that are none.

    Source: docs/explanation/stages.md
    """

    prices: Schedule = field(converter=schedule)
    name: str = field(default="", converter=named, kw_only=True)
    fees: tuple[Fee, ...] = field(default=(), converter=fees, kw_only=True)
    included: Included = field(default=(), converter=included, kw_only=True)
    prorate_included: bool = field(default=False, validator=instance_of(bool, optional=False), kw_only=True)
    discounts: tuple[Discount, ...] = field(default=(), converter=discounts, kw_only=True)
    minimum: Limits | None = field(default=None, converter=limits, kw_only=True)
    maximum: Limits | None = field(default=None, converter=limits, kw_only=True)
    taxes: tuple[Tax, ...] = field(default=(), converter=taxes, kw_only=True)
    rounding: Rounding = field(
        factory=Rounding, validator=instance_of(Rounding, optional=False), kw_only=True
    )
    _currency: Currency | None = field(default=None, converter=unit, kw_only=True)
    token_price: Price | None = field(default=None, validator=instance_of(Price), kw_only=True)
    cycle: Cycle | None = field(default=None, validator=instance_of(Cycle), kw_only=True)
    proration: By = field(default="day", validator=one_of("day", "second"), kw_only=True)
    trial: Period | int | Trial | None = field(default=None, kw_only=True)
    overage: Overage = field(default="bill", validator=one_of("bill", "refuse", "owe"), kw_only=True)
    least_due: Decimal | None = field(
        default=None,
        converter=optional_number,
        validator=non_negative,
        kw_only=True,
        metadata={LATER: True},
    )
    quotas: tuple[Quota, ...] = field(default=(), converter=quotas, kw_only=True)
    commitment: tuple[Commitment, ...] = field(
        default=(), converter=commitments, kw_only=True, metadata={LATER: True}
    )
    is_version: bool = field(default=False, kw_only=True, eq=False, repr=False)
    cache: Cache = cache_field()
    compiled: Slot[object] = slot_field()

    def __attrs_post_init__(self) -> None:
        self._check_names()

        # Two units of account need a price from one to the other; one unit needs none.
        tokens = self.pricing_unit
        if self.currency != tokens and self.token_price is None:
            raise CurrencyMismatch(tokens, self.currency)
        if self.token_price is not None and self.currency == tokens:
            raise InvalidPlan("a token price that leads nowhere", tokens.code, "name another currency")

        for fee in self.fees:
            if fee.currency not in (None, self.currency, tokens):
                raise CurrencyMismatch(fee.currency, self.currency)
            if isinstance(fee.amount, Of) and self.in_tokens(fee):
                way_out = "give its amount in tokens, or price the curve in money"
                raise InvalidPlan("a curve of something else in tokens", fee.name, way_out)
        check_limits(self)
        if self.rounding.step is not None:
            self.rounding.step_units(self.rounding.known_places(self.currency.places))
        # A tax on each line is a tax on what the line shows, so the line must be money already.
        if self.rounding.tax == "line" and self.rounding.stage == "bill":
            way_out = "write Rounding(stage='line', tax='line')"
            raise InvalidPlan("taxes by line, lines not rounded", "stage='bill'", way_out)

        check_trial(self.trial, self.cycle)

    def _check_names(self) -> None:
        """What terms are on has to be there."""
        # of a plan whose terms are dated, one version need not have what a term of another is on
        if not self.is_version:
            entries = entries_of(self.prices) if self.included else None
            keys = {entry.key for entry in entries or ()}
            for key in (key for allowance in self.allowances for key in allowance.entries):
                if entries is not None and key not in keys:
                    raise InvalidPlan("an allowance for no entry", key, nearest(key, keys))
            check_taxes(self.taxes)
            check_readings(self)
            scoped: tuple[Any, ...] = (*self.discounts, *self.taxes, *self.commitment, *self.quotas)
            for term in scoped:
                check_scope(f"a {type(term).__name__.lower()}", term.on, [self])

    @classmethod
    def on_demand(cls, prices: Schedule, **terms: Any) -> BillingPlan:
        """A plan that is settled at once, as usage happens.

        >>> BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10")).currency.code
        'USD'
        """
        return cls(prices, **terms)

    @classmethod
    def prepaid(cls, prices: Schedule, *, overage: Overage = "bill", **terms: Any) -> BillingPlan:
        """A plan that draws on the account's balance; *overage* says what becomes of the rest.

        >>> BillingPlan.prepaid(PriceSchedule(gpu_hours="0.10"), overage="refuse").overage
        'refuse'
        """
        return cls(prices, overage=overage, **terms)

    @classmethod
    def subscription(cls, fee: Fee | Number, prices: Schedule, **terms: Any) -> BillingPlan:
        """A plan with a fee for each period, settled per cycle; monthly unless *cycle* says otherwise.

        >>> calls = PriceSchedule(api_calls="0.01")
        >>> plan = BillingPlan.subscription("99", calls, included={"api_calls": 100})
        >>> plan.fees[0].amount, plan.cycle.unit
        (Decimal('99'), 'month')
        """
        base = fee if isinstance(fee, Fee) else Fee(fee)
        every = (base, *fees(terms.pop("fees", ())))
        terms.setdefault("cycle", Cycle.monthly())
        return cls(prices, fees=every, **terms)

    @cached_property
    def is_dated(self) -> bool:
        """Whether its terms change at dates of their own: a price book, or a term that starts or ends."""
        terms: tuple[Fee | Discount | Tax, ...] = (*self.fees, *self.discounts, *self.taxes)
        # a price book has no entry for a meter before it is known when
        has_dates = self.covers_usage or any(term.starts or term.ends for term in terms)
        return not hasattr(self.prices, "match") or has_dates

    @cached_property
    def minima(self) -> tuple[Limit, ...]:
        """What it owes at least, in the order in which it applies."""
        return each_limit(self.minimum)

    @cached_property
    def maxima(self) -> tuple[Limit, ...]:
        """What it owes at most, in the order in which it applies."""
        return each_limit(self.maximum)

    @cached_property
    def own_fees(self) -> tuple[Fee, ...]:
        """The fees with periods of their own."""
        return tuple(fee for fee in self.fees if fee.cycle is not None)

    @cached_property
    def period_fees(self) -> tuple[Fee, ...]:
        """The fees that are due once in each billing period."""
        return tuple(fee for fee in self.fees if fee.cycle is None) if self.own_fees else self.fees

    @property
    def currency(self) -> Currency:
        """What its bills are in."""
        return self._currency or currency(self.prices.currency)

    @property
    def pricing_unit(self) -> Currency:
        """What its schedule is in: the currency too, unless a token price leads from one to the other."""
        return currency(self.prices.currency)

    @cached_property
    def allowances(self) -> tuple[Allowance, ...]:
        """Free units of entries, of several together, and those that are curves of other quantities."""
        return each_allowance(self.included)

    @cached_property
    def free_units(self) -> dict[Meter, Decimal]:
        """The free units of the entries that have a number of their own."""
        return {it.entries[0]: cast(Decimal, it.units) for it in self.allowances if it.is_plain}

    def allowance(self, key: Meter) -> Decimal:
        """The free units of an entry of its own; zero where several share them or a curve says how many."""
        return self.free_units.get(Meter(key), Decimal(0))

    def shared_allowance(self, entry: str) -> Allowance | None:
        """The allowance of an entry that only the usage of a period tells, if it has one."""
        return self._shared.get(entry) if self._shared else None

    @cached_property
    def _shared(self) -> dict[str, Allowance]:
        """Allowances of several entries together, and those that read usage."""
        return {
            entry: it
            for it in self.allowances
            for entry in it.entries
            if len(it.entries) > 1 or (isinstance(it.units, Of) and it.units in self.usage_curves)
        }

    @property
    def reads_usage(self) -> bool:
        """Whether a term is known only with the usage of a period."""
        return bool(self.usage_curves or self._shared)

    @cached_property
    def levels(self) -> frozenset[str]:
        """The names of the levels that its terms read: what a bill has to be told."""
        known: frozenset[str] | None = self.cache.get("levels")  # those of the plan that it is a version of
        return level_names(self) if known is None else known

    def at_levels(self, levels: Mapping[str, Number]) -> BillingPlan:
        """The plan at certain levels, for what takes no levels: columns, comparisons, curves.

        >>> plan = BillingPlan.subscription(
        ...     Fee(10, "seats", level="seats"), PriceSchedule(calls=1)
        ... )
        >>> plan.at_levels({"seats": 3}).fees[0].amount
        Decimal('30')
        """
        from tokenbill.core.plans.plan_at_levels import fixed  # few plans have any

        return fixed(self, {name: number(amount) for name, amount in levels.items()})  # type: ignore[no-any-return]

    @cached_property
    def usage_curves(self) -> tuple[Of, ...]:
        """Its curves of what is used or charged, which a bill works out of its usage."""
        return tuple(of for _, of in curves_of(self) if of.of not in self.levels or of.amount_of)

    def share(self, period: Period | None) -> Fraction:
        """What part of a billing period a service period is: 1 where the plan has no cycle."""
        if period is None or self.cycle is None:
            return WHOLE
        return self.cycle.share_of(period, self.proration)

    def fee_share(self, period: Period | None) -> Fraction:
        """The same, less the part that lies in the trial."""
        whole = self.share(period)
        if period is None and isinstance(self.trial, int) and self.trial:
            way_out = 'say which: period=Period("2026-06-01", "2026-07-01")'
            raise InvalidPeriod("a trial of days, and no period", self.trial, way_out)
        free = None if period is None else self.trial_within(period)
        if period is None or free is None:
            return whole
        return whole - (self.share(free) if self.cycle else free.share_of(period, self.proration))

    def trial_within(self, period: Period, kind: str = "fee") -> Period | None:
        """The part of a period that lies in the trial, if there is one, and it covers charges of a kind."""
        trial = self.trial
        if not trial or (isinstance(trial, Trial) and kind not in trial.on):
            return None
        return trial_part(trial.length if isinstance(trial, Trial) else trial, self.cycle, period)

    def in_tokens(self, fee: Fee) -> bool:
        """Whether a fee is paid in the unit of the schedule, which a token price leads out of."""
        return fee.currency not in (None, self.currency)

    @property
    def covers_usage(self) -> bool:
        """Whether it has a trial that covers usage, too."""
        return isinstance(self.trial, Trial) and "usage" in self.trial.on

    def covers(self, usage: Any, account: Any, **when: Any) -> bool:
        """Whether the account's balance covers *usage*: the check before a request is admitted.

        It is due nothing, after what is carried, grants, fees and taxes.
        ``at`` and ``period`` are those of ``Bill.of``.
        """
        if isinstance(account, BillingPlan) or not hasattr(account, "covers"):
            raise InvalidPlan("not an account", account, "give the closing of the bill before, or Account()")
        return bool(account.covers(usage, self, **when))

    def lint(self) -> tuple[Finding, ...]:
        """What is seldom meant in its prices, the token price among them; a user's own schedule is not read.

        >>> from tokenbill.core.pricing.tiers import Tier, Volume
        >>> falling = Volume([Tier(10, 10), Tier(None, 6)])
        >>> [
        ...     finding.code
        ...     for finding in BillingPlan.on_demand(PriceSchedule(calls=falling)).lint()
        ... ]
        ['cliff']
        """
        tokens = PriceSchedule({"token_price": self.token_price or 0}, currency=self.currency)
        ours = [prices for prices in (self.prices, tokens) if isinstance(prices, PriceSchedule)]
        return tuple(finding for prices in ours for finding in prices.lint())

    def _repr_html_(self) -> str:
        from tokenbill.core.pricing.wording import terms_of  # only notebooks need it

        return html_table(("term", "what was agreed"), terms_of(self), caption=self.name)

    def fingerprint(self) -> str:
        """A hash of everything that decides about money, the same in every process.

        A schedule brought by a user counts with its own ``content_hash()``, where it has one.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        own: Any = getattr(self.prices, "content_hash", None)
        parts = dict(fields_of(self))
        # a quota admits requests, and decides about no money
        parts.pop("quotas", None)
        parts |= {"prices": str(own()) if callable(own) else None, "name": None}
        return content_hash(parts)
