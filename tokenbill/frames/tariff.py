"""Tariffs: a plan as programs, for columns of whole numbers.

Every entry's amount is a whole number in 1/denominator, so that they add up. Of what the usage of a group
comes to, in the same unit, every other line of its bill and its total are programs, too.
Where a price lists no pieces, or a term looks at single charges, ``Bill.of`` bills each group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, plus, product
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.terms import Discount
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.pricing.curves import (
    NIL,
    Curve,
    Form,
    at_least,
    at_most,
    beyond,
    composed,
    constant,
    curve,
    line,
)
from tokenbill.core.pricing.price import Each
from tokenbill.core.rating.compiled import compiled_form
from tokenbill.core.rating.prepared import Rate
from tokenbill.errors import InvalidPrice
from tokenbill.shared.program import Program, denominator_of, places_for

__all__ = ["DIGITS", "Extra", "Row", "Tariff", "Terms", "unscaled"]

DIGITS = 38
"""Digits of the widest fixed decimal that every engine has."""
PLACES = 18
"""Decimals of amounts where they are worked out one by one."""
TOP = 10 ** (2 * DIGITS)
ONE = Fraction(1)
IDENTITY = curve(NIL, [None], [line(ONE)])


class Extra(NamedTuple):
    """A line of a bill beside its usage: its amount as a program of what the usage comes to.

    ``sign`` is -1 for what is taken off; ``always`` says whether it is shown at 0, too.
    """

    kind: str
    description: str
    program: Program
    sign: int = 1
    always: bool = False


class Terms(NamedTuple):
    """What a plan makes of the sum of its usage: lines, and the rounded net; taxes come on top of that."""

    extras: tuple[Extra, ...]
    net: Program

    @property
    def programs(self) -> tuple[Program, ...]:
        """All of them."""
        return (self.net, *(extra.program for extra in self.extras))


class Row(NamedTuple):
    """One line of a bill as frames show it: all that an entry or a term comes to."""

    kind: str
    meter: str | None
    description: str
    quantity: Decimal | None
    amount: Decimal


class Tariff:
    """A plan for columns of quantities, n being the quantity × *unit*.

    ``programs`` are those of its entries, with results in 1/``denominator``, or None where a price lists no
    pieces; ``shown`` makes amounts with ``row_places`` decimals of such a result. ``terms`` are None where a
    bill has to be worked out by ``Bill.of``; the amounts on bills have ``places`` decimals.
    Results stay below ``limit`` for rows, where no number on the way may leave 38 digits, either, and below
    ``bill_limit`` for bills, where fixed decimals end.

    Args:
        plan: The terms.
        unit: What a quantity is multiplied by to be whole: a power of ten.
        names: The meters that occur, by name; None for all that the plan prices.
        period: The service period, as in ``Bill.of``.

    >>> from tokenbill import PriceSchedule
    >>> tariff = Tariff(BillingPlan.on_demand(PriceSchedule(gpu_hours="0.25")), unit=10)
    >>> tariff.programs["gpu_hours"].at(15), tariff.denominator  # 1.5 hours
    (375, 1000)
    """

    def __init__(
        self,
        plan: BillingPlan,
        unit: int = 1,
        *,
        names: Collection[str] | None = None,
        period: Period | None = None,
    ) -> None:
        self.plan, self.unit, self.period = plan, unit, period
        self.card = compiled_form(plan, plan.share(period))
        standing = {str(rate.key) for rate in self.card.always}
        curves = {
            str(key): found
            for key, found in self.card.curves.items()
            if names is None or key.name in names or key in standing
        }
        self.denominator, self.places, self.row_places = 1, PLACES, PLACES
        self.programs: dict[str, Program] | None = None
        self.terms: Terms | None = None
        if self.card.curves:
            self._compile(curves)

    def _compile(self, curves: Mapping[str, Curve | None]) -> None:
        known = {key: found for key, found in curves.items() if found is not None}
        denominator = lcm(*(denominator_of(found, self.unit) for found in known.values()))
        places = places_for(denominator)
        if len(known) < len(curves) or places is None or places > DIGITS:
            return
        if 10**places % denominator == 0:
            denominator = 10**places
        self.denominator, self.places, self.row_places = denominator, places, places
        self.programs = {key: Program.of(found, self.unit, denominator) for key, found in known.items()}
        self.terms = _terms(self)
        programs = self.terms.programs if self.terms is not None else ()
        least = PLACES if self.terms is None else 0  # what Bill.of makes of charges may have any decimals
        self.places = max(places, least, *(_places(program.scale) for program in programs))
        self.shown = Program.of(IDENTITY, denominator, 10**places, top=TOP)
        self.limit = self.shown.most(10**DIGITS) + 1
        self.bill_limit = min(_room(program, self.places) for program in (self.shown, *programs))

    def rate_of(self, meter: str, labels: Mapping[str, str] | None = None) -> Rate:
        """The entry, or the group of an ``.each`` entry, that a meter with these labels falls to."""
        return self.card[str(Meter(meter, labels) if labels else Meter(meter))]

    def program_of(self, rate: Rate) -> Program:
        """The program of an entry."""
        assert self.programs is not None  # only asked where they are
        return self.programs[rate.order.partition("\0")[0]]

    def told_apart(self, labels: Iterable[str]) -> list[str]:
        """Those of *labels* that can change a price; all of them where the schedule lists no entries."""
        if not self.card.curves:
            return list(labels)
        asked = {label for key in self.card.curves for label in key.labels}
        for _, price in pairs_of(self.plan.prices) or ():
            asked |= set(price.labels) if isinstance(price, Each) else set()
        return [label for label in labels if label in asked]

    def amount(self, usage: Iterable[tuple[Rate, Exact]]) -> Decimal:
        """What quantities come to at the prices alone, one after the other: exact, or to 18 places."""
        total: Exact = ZERO
        for rate, quantity in usage:
            total = plus(total, amount_at(rate.price, quantity))
        return decimal(total)

    def rows(self, usage: Mapping[str, Decimal]) -> list[Row]:
        """The bill of one group by ``Bill.of``, its usage given by meter: a row for each entry and term."""
        bill = Bill.of(Usage(usage), self.plan, period=self.period)
        quantities: dict[str, Decimal] = {}
        for meter, quantity in bill.usage.items():
            key = str(self.card[meter].key)
            quantities[key] = decimal(plus(quantities.get(key, ZERO), quantity))
        sums: dict[tuple[str, str | None, str], Exact] = {}
        for item in bill.lines:
            meter_text = None if item.meter is None else str(item.meter)
            place = item.kind, meter_text, meter_text or item.description
            if item.kind != "rounding":
                sums[place] = plus(sums.get(place, ZERO), item.precise)
        rows = [
            Row(*place, quantities.get(place[1] or "", ZERO if place[1] else None), decimal(amount))
            for place, amount in sums.items()
        ]
        return [*rows, *_rounding(bill.total, rows)]


def unscaled(amount: Decimal, places: int) -> int:
    """An amount in 1/10^places.

    Raises:
        InvalidPrice: If it has more decimals, or too many digits.
    """
    scaled = Fraction(amount) * 10**places
    if scaled.denominator != 1 or abs(scaled) >= 10**DIGITS:
        raise InvalidPrice(
            f"an amount that no decimal({DIGITS}, {places}) holds", amount, "bill it with Bill.of"
        )
    return int(scaled)


def _rounding(total: Decimal, rows: Iterable[Row]) -> Iterator[Row]:
    """What the rows lack of the total."""
    rest: Exact = total
    for row in rows:
        rest = difference(rest, row.amount)
    if rest:
        yield Row("rounding", None, "rounding", None, decimal(rest))


def _places(scale: int) -> int:
    return len(str(scale)) - 1


def _room(program: Program, places: int) -> int:
    """What amounts in 1/denominator must stay below, so that what comes of them fits, with so many places.

    Only the result has to: bills are worked out in numbers of any length.
    """
    return program.reach(10**DIGITS * program.scale // 10**places) + 1


def _terms(tariff: Tariff) -> Terms | None:
    """The terms of a plan as programs of what its usage comes to, where no term looks at single charges."""
    plan = tariff.plan
    scopes = [*(discount.on for discount in plan.discounts), *(tax.on for tax in plan.taxes)]
    scoped = any(scope is not None for scope in scopes)
    if scoped or plan.token_price or plan.overage == "refuse" or plan.rounding.stage == "line":
        return None
    try:
        return _Net(tariff).terms()
    except _TooLong:
        return None


class _TooLong(Exception):
    """A curve of more pieces than can be written, or amounts that no number of decimals shows."""


class _Net:
    """The net amount of a bill as a curve of what its usage comes to, stage by stage as in ``rating``."""

    def __init__(self, tariff: Tariff) -> None:
        self.tariff, self.plan, self.card = tariff, tariff.plan, tariff.card
        self.share, self.curve = tariff.plan.share(tariff.period), IDENTITY
        self.extras: list[Extra] = []

    def terms(self) -> Terms:
        self._charge_fees()
        for discount in self.plan.discounts:
            self._take_off(discount)
        if self.plan.maximum is not None:
            most = self._scaled(self.plan.maximum)
            self._note("maximum", "maximum", beyond(most), sign=-1)
            self.curve = self._of_net(at_most(most))
        if self.plan.minimum:
            self._lift(self._scaled(self.plan.minimum))
        self._add_taxes()
        return Terms(tuple(self.extras), self._settled(self.curve))

    def _charge_fees(self) -> None:
        share, total = self.plan.fee_share(self.tariff.period), NIL
        for fee in self.plan.fees:
            amount = Fraction(product(fee.amount, share if fee.prorated else Fraction(share > 0)))
            total += amount
            self._note("fee", fee.name, curve(amount, [None], [constant(amount)]), always=True)
        self.curve = curve(total, [None], [Form(total, ONE)])

    def _take_off(self, discount: Discount) -> None:
        if discount.unit == "percent":
            part = Fraction(discount.value) / 100
            off, left = curve(NIL, [None], [line(part)]), curve(NIL, [None], [line(1 - part)])
        else:
            amount = self._scaled(discount.value)
            off, left = at_most(amount), beyond(amount)
        self._note("discount", discount.name, off, sign=-1)
        self.curve = self._of_net(left)

    def _lift(self, least: Fraction) -> None:
        short = curve(least, [least, None], [Form(least, -ONE), Form()])
        self._note("minimum", "true-up to minimum", short)
        self.curve = self._of_net(at_least(least))

    def _add_taxes(self) -> None:
        included = sum((Fraction(tax.percent) for tax in self.plan.taxes if tax.inclusive), NIL)
        for tax in self.plan.taxes:
            owed = line(Fraction(tax.percent) / (100 + included))
            program = self._settled(self._of_net(curve(NIL, [None], [owed])))
            self.extras.append(Extra("tax", tax.name, program, always=True))
            if tax.inclusive:
                self.extras.append(Extra("tax", f"{tax.name}, included in prices", program, -1, always=True))

    def _scaled(self, amount: Decimal) -> Fraction:
        return Fraction(amount) * self.share

    def _of_net(self, outer: Curve) -> Curve:
        return _known(composed(self.curve, outer))

    def _note(
        self, kind: str, description: str, outer: Curve, *, sign: int = 1, always: bool = False
    ) -> None:
        amount = self._of_net(outer)
        denominator = self.tariff.denominator
        places = places_for(denominator_of(amount, denominator))
        if places is None or places > DIGITS:
            raise _TooLong
        program = Program.of(amount, denominator, 10**places, top=TOP)
        self.extras.append(Extra(kind, description, program, sign, always))

    def _settled(self, amount: Curve) -> Program:
        """A program of the amount in minor units, rounded as the plan says."""
        mode, scale = self.plan.rounding.mode, 10**self.card.places
        return Program.of(amount, self.tariff.denominator, scale, mode=mode, top=TOP)


def _known(found: Curve | None) -> Curve:
    if found is None:
        raise _TooLong
    return found
