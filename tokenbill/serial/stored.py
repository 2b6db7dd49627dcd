"""Stored: the classes that documents know, and how those are written that are not made from their fields."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any, Literal, cast

from attrs import evolve, frozen

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.billing.account import NEW, NO_USAGE, Account
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.arguments import check_rest, notes_of
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.dated import restored
from tokenbill.core.billing.top_up_rules import TopUp
from tokenbill.core.billing.version_usage import VersionUsage
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draw_limits import DrawLimit
from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.holds import Hold
from tokenbill.core.credits.ledger import by_charge, total
from tokenbill.core.credits.recurring import Grants
from tokenbill.core.credits.windows import WindowSum
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import ZERO, Direction, decimal, plus
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.cycle import Cycle, Unit
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.allowances import Allowance, Included
from tokenbill.core.plans.commitments import Commitment, CommitmentMet
from tokenbill.core.plans.contract import Amendment, Contract
from tokenbill.core.plans.levels import LevelChange, Levels
from tokenbill.core.plans.limits import Limit, Limits
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.quotas import Quota
from tokenbill.core.plans.taxes import Tax
from tokenbill.core.plans.terms import Amounts, Discount, Fee
from tokenbill.core.plans.trial import Trial
from tokenbill.core.pricing.breakdown import AbstractPrice
from tokenbill.core.pricing.markup import MarkedUp
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import After, AtLeast, Capped, Each, InUnits, Price, Scaled, Sum, Then
from tokenbill.core.pricing.price_book import PriceBook, PriceVersion
from tokenbill.core.pricing.rates import Covered, Flat, Package, PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule, Schedule
from tokenbill.core.pricing.source import Hours, Source
from tokenbill.core.pricing.tiers import Graduated, Tier, Volume
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.bill_request import BillRequest, Settlement
from tokenbill.core.rating.draws_by_grant import UNKNOWN
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.errors import BillMismatch
from tokenbill.serial.coding import Codec, Line, Listed, Number, Pairs, Text, TextOr, refuse, tried
from tokenbill.serial.records import REGISTRY, Named, Record
from tokenbill.serial.stand_ins import StoredHours, StoredSchedule, StoredUsage
from tokenbill.serial.term_codecs import AmountCodec, IncludedCodec, LimitsCodec, TrialCodec

__all__ = ["DOCUMENT", "KINDS"]

LAST_PLACE = Fraction(1, 10**18)
LONGEST = 1 << 16
"""Most bits of the denominator that the exact amounts of a bill have together."""


@frozen
class _Cycle:
    """A cycle as it is written; a person may anchor it on a day of the month."""

    unit: Unit
    anchor: datetime | int
    every: int = 1
    tz: str = "UTC"
    boundaries: tuple[datetime, ...] = ()

    @classmethod
    def of(cls, cycle: Cycle) -> _Cycle:
        return cls(cycle.unit, cycle.anchor, cycle.every, cycle.tz, cycle.boundaries)

    def value(self) -> Cycle:
        return Cycle(self.unit, self.anchor, self.every, self.tz, boundaries=self.boundaries)


@frozen
class _PriceVersion:
    """A price version of a book as it is written."""

    start: date
    schedule: Schedule

    @classmethod
    def of(cls, version: PriceVersion) -> _PriceVersion:
        return cls(*version)

    def value(self) -> PriceVersion:
        return PriceVersion(self.start, self.schedule)


@frozen
class _Rollover:
    """A roll-over as it is written."""

    least: Decimal
    most: Decimal | None = None

    @classmethod
    def of(cls, rollover: tuple[Decimal, Decimal | None]) -> _Rollover:
        return cls(*rollover)

    def value(self) -> tuple[Decimal, Decimal | None]:
        return self.least, self.most


@frozen
class _Line:
    """A line as it is written: what it is for, and what it comes to; *exact* where that is more."""

    kind: Literal["fee", "usage", "discount", "maximum", "minimum", "credit", "tax", "adjustment", "rounding"]
    description: str
    amount: Decimal
    exact: Decimal | Fraction | None = None
    meter: Meter | None = None
    quantity: Decimal | None = None
    rate: Decimal | None = None
    per: Decimal | None = None
    round: Direction = "none"
    fee: Decimal = ZERO
    rule: str = ""

    @classmethod
    def of(cls, line: LineItem) -> _Line:
        charge = line.charge
        return cls(
            cast(Any, charge.kind),
            charge.description,
            line.amount,
            None if line.precise == line.amount else line.precise,
            charge.meter,
            line.quantity,
            charge.rate,
            charge.per,
            charge.round,
            charge.fee,
            charge.rule,
        )

    def value(self) -> LineItem:
        charge = Charge(
            self.kind, self.meter, self.description, self.rate, self.per, self.round, self.fee, self.rule
        )
        exact = self.amount if self.exact is None else self.exact
        # an amount is shown to 18 places, and running sums may move the last of them by one
        if exact is not self.amount and abs(Fraction(exact) - Fraction(self.amount)) > LAST_PLACE:
            raise BillMismatch("the exact amount of a line", exact, self.amount)
        return LineItem(charge, self.quantity, self.amount, exact)


@frozen
class _Bill:
    """A bill as it is written: what it was asked with, and what was settled."""

    usage: Usage
    plan: BillingPlan
    total: Decimal
    due: Decimal
    lines: tuple[LineItem, ...]
    closing: Account
    draws: tuple[tuple[str, Decimal], ...] = ()
    opening: Account = NEW
    final: bool = True
    reversal: Usage = NO_USAGE
    about: tuple[tuple[str, str], ...] = ()
    period: Period | None = None
    at: date | None = None
    contract: Contract | None = None
    versions: tuple[VersionUsage, ...] = ()
    restate: bool = False
    dated: tuple[VersionUsage, ...] = ()
    levels: Levels = ()
    settled: tuple[tuple[str, tuple[tuple[str, Decimal], ...]], ...] | None = None

    @classmethod
    def of(cls, bill: Bill) -> _Bill:
        request, versions = bill.request, bill.request.versions
        settled = (bill.total, bill.due, bill.lines, bill.closing, bill.draws)
        stored = cls(
            request.usage,
            request.plan,
            *settled,
            bill.opening,
            request.final,
            request.reversal,
            request.about,
            request.period,
            cast(Any, request.at),
            dated=tuple(VersionUsage(when, part) for when, part in request.dated),
            levels=request.levels,
            settled=None if request.settled is None else request.settled.draws,
        )
        if versions is None:
            return stored
        parts = zip(versions.clauses, versions.usages, strict=True)
        used = tuple(VersionUsage(clause.period.start, part) for clause, part in parts)
        return evolve(stored, contract=versions.contract, versions=used, restate=versions.restate)

    def value(self) -> Bill:
        """The bill with the lines that it had; whether today's code agrees is for ``verify`` to say."""
        self._check()
        opening: Any = self.opening
        at = check_rest(opening, self.final, self.period, self.at, self.reversal)
        versions = None
        if self.contract is not None and self.period is not None:
            used = [(version.start, version.used) for version in self.versions]
            versions = restored(
                self.contract, self.period, used, opening, restate=self.restate, levels=self.levels
            )
        about, dated = notes_of(dict(self.about)), tuple((part.start, part.used) for part in self.dated)
        request = BillRequest(
            self.usage,
            self.plan,
            opening,
            self.final,
            self.reversal,
            about,
            self.period,
            at,
            versions,
            dated,
            self.levels,
            None if self.settled is None else Settlement(by_charge(self.settled), self.due),
        )
        # The numbers that were sent, not what today's code makes of the plan: a bill that was paid must
        # not change by an upgrade. `verify` is asked for that, and says where the two differ.
        bill = Bill(request, self.total)
        bill.cache.update(lines=self.lines, closing=self.closing, delta=self._delta())
        return bill

    def _check(self) -> None:
        """What every bill keeps to, whatever the code that made it."""
        common = 1
        for line in self.lines:
            common = lcm(common, line.precise.as_integer_ratio()[1])
            # denominators of strangers may have nothing in common: their sum would take seconds
            if common.bit_length() > LONGEST:
                refuse("exact amounts with nothing in common", line.precise, "give those of one plan")
        # whatever made it, the rows that a customer reads add up to what the customer pays
        lines = total(line.amount for line in self.lines)
        if lines != self.total:
            raise BillMismatch("the total", self.total, lines)
        ours = [grant for grant in self.opening.balance.grants if grant.currency == self.plan.currency]
        paid = {grant.id for grant in ours if grant.kind == "paid"}
        paying = total(amount for key, amount in self.draws if key in paid)
        # What is owed now equals what was paid and what stood before; grants in tokens pay no money here.
        owed = plus(self.total, self.closing.credit_balance)
        settled = total((self.due, paying, self.opening.credit_balance))
        if self.due < 0 or owed != settled:
            raise BillMismatch("what is due, drawn and credited", settled, decimal(owed))

    def _delta(self) -> BillDelta:
        after, accrued = self.closing, total((self.opening.accrued, self.total))
        paid = (None, after.balance, after.draws_by_charge, self.draws)
        return BillDelta(self.total, accrued, self.due, after.credit_balance, *paid)


class _Rate(Codec):
    """A price for each unit, written as its rate alone."""

    def encode(self, value: Any) -> Any:
        is_plain = type(value) is PerUnit and str(value.per) == "1"
        return NUMBER.encode(value.rate) if is_plain else None

    def decode(self, given: Any) -> Any:
        rate = NUMBER.decode(given)
        return tried(lambda: PerUnit(rate), given)

    def schema(self) -> dict[str, Any]:
        return NUMBER.schema()


class _Unit(Codec):
    """A currency: its code where ISO 4217 knows it, else with its places."""

    def encode(self, value: Any) -> Any:
        return value.code if value.code in MINOR_UNITS else UNIT.encode(value)

    def decode(self, given: Any) -> Any:
        return (UNIT if is_mapping(given) else Text(currency)).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, UNIT.schema()]}


class _Quantities(Codec):
    """Usage inside another value: quantities by meter."""

    pairs = Pairs(Text(Meter), Number())

    def encode(self, value: Any) -> Any:
        return self.pairs.encode(value.items())

    def decode(self, given: Any) -> Any:
        pairs = self.pairs.decode(given)
        return tried(lambda: Usage(pairs), given)

    def schema(self) -> dict[str, Any]:
        return self.pairs.schema()


NUMBER = Number()
UNIT = Record(Currency)
AMOUNT = AmountCodec()
CYCLE = Record(Cycle, _Cycle)
ROLLOVER = Record(tuple, _Rollover, "Rollover")
PLAIN = (PerUnit, Flat, Covered, Package, Graduated, Volume)
PRICES = (*PLAIN, Sum, Scaled, MarkedUp, After, Capped, AtLeast, InUnits, Then, Each)
TERMS = (TopUp, BillingPlan, Quota, Fee, Discount, Tax, Limit, Allowance, Rounding, Period, Tier, Trial)
STATE = (LevelChange, DrawLimit, Grants, Grant, Hold, WindowSum, Adjustment, VersionUsage)
COMMITMENTS = (Commitment, CommitmentMet)

DOCUMENT = Named("AnyDocument", lambda cls: True)
"""Any value that documents know."""
KINDS = (
    Named("AnyPrice", lambda cls: issubclass(cls, Price), _Rate()),
    Named("AnyEntry", lambda cls: issubclass(cls, Price | Each), _Rate()),
    AMOUNT.curve,
    Named("AnyBonus", lambda cls: issubclass(cls, Price) or cls is Of, _Rate()),
    Named("AnySchedule", lambda cls: hasattr(cls, "match") or cls is PriceBook, usual="PriceSchedule"),
)
"""Fields that may hold one of several classes, which users may add to."""


def _as_it_was(given: Any) -> Any:
    return given


def _negated(given: Any) -> str:
    """What was carried, as a credit balance: above zero it is the customer's."""
    return format(NUMBER.decode(given).copy_negate(), "f")


def _of_unknown_charges(given: Any) -> Any:
    """Draws by grant, of charges that nobody wrote down; the next bill lays them out."""
    return {id: {UNKNOWN: amount} for id, amount in given.items()} if is_mapping(given) else given


_BOOK = {"editions": ("versions", _as_it_was, 2)}
_BALANCE = {"added": ("rolled_over", _as_it_was, 1), "cut": ("forfeited", _as_it_was, 1)}
_ACCOUNT = {
    "terms": ("fingerprint", _as_it_was, 1),
    "carried": ("credit_balance", _negated, 1),
    "draws": ("draws", _of_unknown_charges, 1),
}

# A name that was written once is read for ever, so nothing is ever taken off this list.
for _class in (*PRICES, Of, *TERMS, *COMMITMENTS, Amendment, Contract, *STATE):
    REGISTRY.add(Record(_class))
REGISTRY.add(UNIT)
REGISTRY.add(Record(PriceBook, former=_BOOK))
REGISTRY.add(Record(Balance, former=_BALANCE))
REGISTRY.add(Record(Account, former=_ACCOUNT, sealed=True))
REGISTRY.add(CYCLE)
REGISTRY.add(Record(Hours, StoredHours))
REGISTRY.add(Record(Source))
REGISTRY.add(Record(PriceSchedule, StoredSchedule))
REGISTRY.add(Record(Usage, StoredUsage))
REGISTRY.add(Record(LineItem, _Line))
REGISTRY.add(Record(Bill, _Bill, former={"less": ("reversal", _as_it_was, 1)}))
REGISTRY.codecs.update(zip((Price, Price | Each, Schedule), (*KINDS[:2], KINDS[-1]), strict=True))
REGISTRY.codecs |= {
    Meter: Text(Meter),
    Currency: _Unit(),
    str | Cycle: TextOr(CYCLE),
    Limits: LimitsCodec(),
    Included: IncludedCodec(),
    Levels: Pairs(Line(), Listed(Record(LevelChange))),
    Amounts: AMOUNT,
    Decimal | Of: AMOUNT,
    Price | Of: KINDS[3],
    AbstractPrice: KINDS[0],
    Period | int | Trial: TrialCodec(),
    Usage: _Quantities(),
    PriceVersion: Record(PriceVersion, _PriceVersion),
    tuple[Decimal, Decimal | None]: ROLLOVER,
    tuple[Decimal, Decimal | None] | str: TextOr(ROLLOVER),
}
