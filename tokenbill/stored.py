"""What documents hold: the classes that they know, and those whose fields to write are not their own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, cast

from attrs import frozen

from tokenbill._iso4217 import MINOR_UNITS
from tokenbill.account import NEW, NO_USAGE, Account, check_rest, notes_of
from tokenbill.bill import Bill
from tokenbill.books import Edition, PriceBook
from tokenbill.canonical import is_legible, is_mapping
from tokenbill.coding import Codec, Named, Pairs, Record, Registry, Text, codec_of, made, use
from tokenbill.credits import Balance
from tokenbill.currencies import Currency, currency
from tokenbill.cycles import Cycle
from tokenbill.decimals import ONE, ZERO, Direction, plus
from tokenbill.errors import BillMismatch, InvalidName
from tokenbill.grants import Grant
from tokenbill.increment import Increment
from tokenbill.ledger import total
from tokenbill.lines import Adjustment, Charge, LineItem
from tokenbill.meters import Meter
from tokenbill.periods import Period
from tokenbill.plan import BillingPlan
from tokenbill.price import After, AtLeast, Capped, Each, InUnits, Price, Scaled, Sum, Then
from tokenbill.rates import Flat, Package, PerUnit
from tokenbill.rounding import Rounding
from tokenbill.schedule import Priced, PriceSchedule, Schedule
from tokenbill.terms import Discount, Fee, Tax
from tokenbill.tiers import Graduated, Tier, Volume
from tokenbill.usage import Usage

__all__ = ["REGISTRY"]

REGISTRY = Registry()
"""The classes that documents know."""


@frozen
class _Schedule:
    """A schedule as it is written."""

    entries: tuple[tuple[Meter, Priced], ...]
    currency: Currency
    name: str = ""

    @classmethod
    def of(cls, schedule: PriceSchedule) -> _Schedule:
        return cls(schedule.entries, schedule.currency, schedule.name)

    def value(self) -> PriceSchedule:
        return PriceSchedule(self.entries, currency=self.currency, name=self.name)


@frozen
class _Usage:
    """Usage as it is written where it is a document by itself."""

    quantities: tuple[tuple[Meter, Decimal], ...]

    @classmethod
    def of(cls, usage: Usage) -> _Usage:
        return cls(tuple(usage.items()))

    def value(self) -> Usage:
        return Usage(self.quantities)


@frozen
class _Edition:
    """An edition of a price book as it is written."""

    start: date
    schedule: Schedule

    @classmethod
    def of(cls, edition: Edition) -> _Edition:
        return cls(*edition)

    def value(self) -> Edition:
        return Edition(self.start, self.schedule)


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

    kind: Literal["fee", "usage", "discount", "maximum", "minimum", "credit", "tax", "rounding"]
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
        for text in (self.description, self.rule):
            if not is_legible(text):
                raise InvalidName("a line with control characters", text, "leave them out")
        charge = Charge(
            self.kind, self.meter, self.description, self.rate, self.per, self.round, self.fee, self.rule
        )
        return LineItem(charge, self.quantity, self.amount, self.amount if self.exact is None else self.exact)


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
    less: Usage = NO_USAGE
    about: tuple[tuple[str, str], ...] = ()
    period: Period | None = None
    at: date | None = None

    @classmethod
    def of(cls, bill: Bill) -> _Bill:
        usage, plan, _, final, less, about, period, at = bill.given
        settled = (bill.total, bill.due, bill.lines, bill.closing, bill.draws)
        return cls(usage, plan, *settled, bill.opening, final, less, about, period, cast(Any, at))

    def value(self) -> Bill:
        """The bill with the lines that it had; whether today's code agrees is for ``verify`` to say."""
        self._check()
        opening: Any = self.opening
        asked = (self.usage, self.plan, opening, self.final, self.less)
        at = check_rest(opening, self.final, self.period, self.at, self.less)
        bill = Bill((*asked, notes_of(dict(self.about)), self.period, at), self.total)
        bill.made.update(lines=self.lines, closing=self.closing, added=self._added())
        return bill

    def _check(self) -> None:
        """What every bill keeps to, whatever the code that made it."""
        lines = total(line.amount for line in self.lines)
        if lines != self.total:
            raise BillMismatch("the total", self.total, lines)
        ours = [grant for grant in self.closing.balance.grants if grant.currency == self.plan.currency]
        paid = {grant.id for grant in ours if grant.kind == "paid"}
        paying = total(amount for key, amount in self.draws if key in paid)
        owed = plus(self.total, self.opening.carried)
        settled = total((self.due, paying, self.closing.carried))
        if self.due < 0 or owed != settled:
            raise BillMismatch("what is due, drawn and carried", settled, owed)

    def _added(self) -> Increment:
        after, accrued = self.closing, total((self.opening.accrued, self.total))
        paid = (None, after.balance, after.draws, self.draws)
        return Increment(self.total, accrued, self.due, after.carried, *paid)


class _Rate(Codec):
    """A price for each unit, written as its rate alone."""

    def encode(self, value: Any) -> Any:
        is_plain = type(value) is PerUnit and value.per == ONE
        return codec_of(Decimal).encode(value.rate) if is_plain else None

    def decode(self, given: Any, path: str) -> Any:
        return made(lambda: PerUnit(codec_of(Decimal).decode(given, path)), given, path)

    def schema(self) -> dict[str, Any]:
        return codec_of(Decimal).schema()


class _Unit(Codec):
    """A currency: its code where ISO 4217 knows it, else with its places."""

    def encode(self, value: Any) -> Any:
        return value.code if value.code in MINOR_UNITS else Record(Currency).encode(value)

    def decode(self, given: Any, path: str) -> Any:
        return (Record(Currency) if is_mapping(given) else Text(currency)).decode(given, path)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, Record(Currency).schema()]}


class _Quantities(Codec):
    """Usage inside another value: quantities by meter."""

    pairs = Pairs(Text(Meter), codec_of(Decimal))

    def encode(self, value: Any) -> Any:
        return self.pairs.encode(value.items())

    def decode(self, given: Any, path: str) -> Any:
        return made(lambda: Usage(self.pairs.decode(given, path)), given, path)

    def schema(self) -> dict[str, Any]:
        return self.pairs.schema()


def _is_price(cls: type) -> bool:
    return issubclass(cls, Price)


def _is_priced(cls: type) -> bool:
    return issubclass(cls, Price | Each)


def _is_schedule(cls: type) -> bool:
    return hasattr(cls, "match")


use(Meter, Text(Meter))
use(Currency, _Unit())
use(Usage, _Quantities())
use(Price, Named(REGISTRY, _is_price, _Rate()))
use(Price | Each, Named(REGISTRY, _is_priced, _Rate()))
use(Schedule, Named(REGISTRY, _is_schedule, usual="PriceSchedule"))

use(Edition, Record(Edition, _Edition))
use(LineItem, Record(LineItem, _Line))
use(tuple[Decimal, Decimal | None], Record(tuple, _Rollover, "Rollover"))

PRICES = (PerUnit, Flat, Package, Graduated, Volume)
COMBINED = (Sum, Scaled, After, Capped, AtLeast, InUnits, Then, Each)
TERMS = (BillingPlan, Fee, Discount, Tax, Rounding, Cycle, Period, Tier)
STATE = (Account, Balance, Grant, PriceBook, Adjustment, Currency)

for _class in (*PRICES, *COMBINED, *TERMS, *STATE):
    REGISTRY.add(Record(_class))
REGISTRY.add(Record(PriceSchedule, _Schedule))
REGISTRY.add(Record(Usage, _Usage))
REGISTRY.add(Record(LineItem, _Line))
REGISTRY.add(Record(Bill, _Bill))
