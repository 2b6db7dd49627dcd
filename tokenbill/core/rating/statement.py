"""Statements: what a period comes to so far, charge by charge, and the lines that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import takewhile
from operator import attrgetter
from typing import cast

from attrs import evolve

from tokenbill.core.base.values import named
from tokenbill.core.credits.draws import ByCharge, Units
from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import (
    EXACT,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    odd_part,
    product,
    running_differences,
    shifted,
)
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.price import Price
from tokenbill.core.rating.charge_run import ChargeRun, Earlier, RatingRequest, Sort, is_in_tokens
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.lines import Charge, LineItem, line_item, telescoped
from tokenbill.core.rating.pricing_stages import BurnTokens, FeeCharge, TokenPrice
from tokenbill.core.rating.rating_run import Identity, Note, Number
from tokenbill.core.rating.readings import items_of, quantities_of
from tokenbill.core.rating.version_items import EntryItem

__all__ = [
    "RatedCharge",
    "Statement",
    "amount_of",
    "fee_line",
    "line_of",
    "minor_units",
    "places_of",
    "plain_lines",
    "rate",
    "rate_fresh",
    "settled_lines",
    "units_drawn",
    "used_items",
    "whole_lines",
]

FRESH = tuple(RatingRequest._field_defaults[name] for name in RatingRequest._fields[3:])
"""What rating a first bill without credit is not asked with."""


def rate(request: RatingRequest) -> Statement:
    """A period so far, stage by stage."""
    run = ChargeRun(request)
    run.terms.rate(run)
    return Statement(run)


def rate_fresh(plan: CompiledPlan, usage: Usage, *, final: bool) -> Statement:
    """A period of one version of which nothing was billed before, without credit, as most are."""
    return rate(named(RatingRequest, (plan, usage, final, *FRESH)))


def used_items(plan: CompiledPlan, usages: Sequence[Usage]) -> list[EntryItem]:
    """What was used of each entry in each stretch of versions: in order of lines, and then of time."""
    if len(plan.versions) > 1:
        return [identity.of for _, _, identity in items_of(plan, usages)]
    quantities = quantities_of(plan, usages[0])
    return [EntryItem(curve, 0, quantities[curve]) for curve in sorted(quantities, key=attrgetter("order"))]


def plain_lines(plan: CompiledPlan, usage: Usage) -> list[LineItem]:
    """The lines of usage at the prices alone, in no order: no charge is looked at, so none is made."""
    quantities = quantities_of(plan, usage)
    return [line for curve, quantity in quantities.items() for line in curve.lines(Decimal(quantity))]


class Statement:
    """A period so far: its charges, what they come to, what credit paid of it, and lines not yet settled."""

    def __init__(self, run: ChargeRun) -> None:
        self.run, self.plan = run, run.plan

    @cached_property
    def total(self) -> Exact:
        """Rounded net less promotional credit plus exclusive taxes; exact where that was asked."""
        if self.run.request.exact:
            return Fraction(self.run.total, 10**self.plan.places)
        return self.plan.money(self.run.total)

    @cached_property
    def amounts(self) -> Earlier:
        """What the charges come to in minor units, by the sort of credit that pays it."""
        return self.run.amounts()

    def paid(self) -> ByCharge:
        """What paid grants pay of the charges, in minor units."""
        # tax included: paid credit is money, and pays what any payment would
        owed = self.amounts["paid"]
        # a charge of several items has one amount here, and the run asks for that of each
        is_one_each = len(owed) == len(self.run.identities)
        return self.run.drawn("paid", list(owed.values()) if is_one_each else self.run.gross())

    @cached_property
    def draws(self) -> Mapping[str, Mapping[str, Decimal]]:
        """What tokens and promotional credit paid, by grant and charge."""
        plan = self.plan.plan
        return {
            id: {key: units_drawn(amount, plan, sort) for key, amount in parts.items()}
            for sort, drawn in self.run.draws.items()
            for id, parts in drawn.items()
        }

    @property
    def tokens_sold(self) -> list[tuple[Price, int]]:
        """The tokens that no credit covers, in their smallest parts: so many at each price, in turn."""
        rests = self.run.sold[0]
        found: list[tuple[Price, int]] = []
        for stage in self.run.terms.settling if rests else ():
            for price in stage.prices if isinstance(stage, BurnTokens) else ():
                inside = price.inside
                cells = enumerate(self.run.cells[: len(rests)])
                places = [i for i, cell in cells if inside is None or inside[cell]]
                found.append((price.price, int(sum(rests[i] for i in places))))
        return found

    @cached_property
    def charges(self) -> list[RatedCharge]:
        """The charges, in order of lines."""
        run, plan = self.run, self.plan
        charges: list[RatedCharge] = []
        places, over = plan.plan.pricing_unit.places, run.over * 10**plan.places
        gross = run.gross()
        for place, identity in enumerate(run.identities):
            charge = RatedCharge(identity, self.lines_at(place), self._versions_at(place))
            net, listed = (
                amount_of(run.priced[place], over, plan),
                exact_sum(it.precise for it in charge.lines),
            )
            # the running sum is cut into charges, so what each comes to is asked of the run, not of its lines
            charge.net = listed if listed == net else net  # the same number as its lines spell it
            charge.units, charge.gross = plan.money(run.units[place]), plan.money(int(gross[place]))
            charge.promotional = plan.money(run.promotional[place]) if run.promotional else ZERO
            charge.tokens = shifted(run.tokens[place], places) if place < len(run.tokens) else ZERO
            # an entry that shows nothing is none, unless a later version used units that cost nothing more
            if charge.lines or (isinstance(identity.of, EntryItem) and identity.of.quantity):
                charges.append(charge)
        return charges

    def _versions_at(self, place: int) -> Sequence[int]:
        """The versions of the terms that one charge is of."""
        identity, plan = self.run.identities[place], self.plan
        if isinstance(identity.of, FeeCharge | EntryItem | TokenPrice):
            return identity.of.versions

        def goes_on(i: int) -> bool:
            has_one = plan.versions[i].plan.minimum is not None
            return has_one and plan.agree(first, i, "minimum", None)

        first = plan.cells.masks[self.run.cells[place]][0]
        return [first, *takewhile(goes_on, range(first + 1, len(plan.versions)))]

    @cached_property
    def lines(self) -> list[LineItem]:
        """Fees, usage, and what terms made of them; amounts are exact, or whole where lines are rounded."""
        # the true-up is told by the note of its stage, where its rule stands
        lines: list[LineItem] = []
        for place, identity in enumerate(self.run.identities):
            if identity.kind != "minimum":
                lines += self.lines_at(place)
        return lines + [line_of(note, self.plan) for note in self.run.notes]

    def lines_at(self, place: int) -> list[LineItem]:
        """The lines of one charge; of a charge in tokens, what is sold of it."""
        identity = self.run.identities[place]
        if self.plan.plan.token_price is not None and is_in_tokens(identity):
            return self._token_lines(place, identity)
        return self.fresh_lines(place)

    def fresh_lines(self, place: int) -> list[LineItem]:
        """The lines of a fee or an entry at the prices alone; rounded where lines are."""
        if not self.plan.whole_lines:
            return self._exact_lines(place)
        identity = self.run.identities[place]
        exact = self._exact_lines(place)
        if identity.kind == "minimum":
            return exact
        if isinstance(identity.of, FeeCharge):
            # of a fee whose other items wait for the end of the period all of them are rounded as one
            return whole_lines(exact, identity.of.number(self.run), self.plan)
        if isinstance(identity.of, EntryCurve) and not self.plan.exactly:
            # an entry of one version is one item, and what was priced says its amount
            number = identity.of.at(self.run.quantities[identity.of])
            return whole_lines(exact, self.plan.charge(number), self.plan)
        # a charge is rounded once: the lines of all its items are cut from the rounded running sum
        items = self._items[identity.key]
        lines = {i: exact if i == place else self._exact_lines(i) for i in items}
        amounts = iter(
            running_differences(
                (line.precise for i in items for line in lines[i]),
                lambda upto: self.plan.plan.rounding(upto, self.plan.places),
            )
        )
        rounded = {i: [(line, next(amounts)) for line in lines[i]] for i in items}
        return [evolve(line, amount=amount, precise=amount) for line, amount in rounded[place]]

    @cached_property
    def _items(self) -> Mapping[str, Sequence[int]]:
        """The places of the items of each charge."""
        found: dict[str, list[int]] = {}
        for place, identity in enumerate(self.run.identities):
            found.setdefault(identity.key, []).append(place)
        return found

    def _exact_lines(self, place: int) -> list[LineItem]:
        """The same before any rounding."""
        of = self.run.identities[place].of
        if isinstance(of, FeeCharge):
            return [fee_line(of, self.plan) if of.reading is None else self._read_fee(of)]
        if isinstance(of, EntryItem):
            return of.lines
        if isinstance(of, EntryCurve):
            return of.lines(Decimal(self.run.quantities[of]))
        return [line_of(note, self.plan) for note in self.run.notes if note.charge is of.charge]

    def _read_fee(self, stage: FeeCharge) -> LineItem:
        """The line of a fee that reads usage: another one on each bill."""
        readings = self.run.readings
        assert readings is not None
        assert stage.reading is not None
        exact = amount_of(readings.amounts(stage.reading)[stage.place], 1, self.plan)
        rule = stage.fee.curve.in_words() if stage.fee.curve is not None else "before it read usage"
        charge = Charge("fee", None, stage.fee.name, rule=rule)
        return LineItem(charge, None, decimal(exact), exact)

    def _token_lines(self, place: int, identity: Identity) -> list[LineItem]:
        rests, money, over = self.run.sold
        exact = amount_of(money[place], over, self.plan)
        if isinstance(identity.of, TokenPrice):
            charge = Charge("usage", None, "tokens", rule="due though no token is left to pay")
            return [LineItem(charge, None, decimal(exact), exact)]
        unit, of = self.plan.plan.pricing_unit, identity.of
        tokens, rest = (shifted(number, unit.places) for number in (self.run.tokens[place], rests[place]))
        rule = f"{tokens:f} {unit.code}, of which {rest:f} are not covered by the balance"
        if isinstance(of, FeeCharge):
            return [LineItem(Charge("fee", None, of.fee.name, rule=rule), tokens, decimal(exact), exact)]
        curve = of.curve if isinstance(of, EntryItem) else of
        charge = Charge("usage", identity.meter, str(curve.key), rule=rule)
        lines = of.lines if isinstance(of, EntryItem) else curve.lines(Decimal(self.run.quantities[curve]))
        return [LineItem(charge, tokens, decimal(exact), exact)] if lines else []


class RatedCharge:
    """One fee, entry or true-up of a statement: what it comes to, and what credit paid of it.

    ``net`` is what is left of it after discounts and limits, exact; ``units`` the same in whole minor units,
    as credit pays it; ``promotional`` what such credit paid of that, ``gross`` what is left to be paid, tax
    included; ``tokens`` is what was burned, in whole tokens. ``versions`` are those that it is of.
    """

    def __init__(self, identity: Identity, lines: Sequence[LineItem], versions: Sequence[int] = (0,)) -> None:
        self.key, self.kind, self.meter, _ = identity
        self.identity, self.lines, self.versions = identity, lines, versions
        self.net: Exact = ZERO
        self.units = self.promotional = self.gross = self.tokens = ZERO

    @property
    def tax(self) -> Decimal:
        """Its share of each rounded tax."""
        return decimal(difference(self.gross, max(difference(self.units, self.promotional), ZERO)))

    @property
    def name(self) -> str:
        """What it is called."""
        return self.key.partition(":")[2]

    def within(self, on: Scope) -> bool:
        """Whether a term applies to it."""
        return covers(on, self.identity.known_as, self.meter)


def whole_lines(lines: Sequence[LineItem], units: Number, plan: CompiledPlan) -> list[LineItem]:
    """The lines of one charge, which comes to whole minor units: cut from the rounded running sum."""
    if len(lines) == 1:  # as most are
        money = plan.money(units)
        return [line_item(lines[0].charge, lines[0].quantity, money, money)]
    amounts = running_differences(
        (line.precise for line in lines), lambda upto: plan.plan.rounding(upto, plan.places)
    )
    return [
        line_item(line.charge, line.quantity, amount, amount)
        for line, amount in zip(lines, amounts, strict=True)
    ]


def line_of(note: Note, plan: CompiledPlan) -> LineItem:
    """What a term changed, as a line."""
    charge, amount, over, base, base_over = note
    if over is None:
        exact: Exact = plan.money(amount)
    else:
        exact = amount_of(amount, over, plan)
    of = None if base is None else (base, base_over)
    return line_item(charge, None, exact if type(exact) is Decimal else decimal(exact), exact, of)


def fee_line(stage: FeeCharge, plan: CompiledPlan) -> LineItem:
    """The line of a fee for a part of a billing period: the same on each bill, so made once."""
    if stage.line is None:
        fee, part = stage.fee, stage.part
        whole = "the period" if fee.cycle is None else "a period of its own"
        told = [stage.level, f"{part} of {whole}" if part is not None and part != 1 else ""]
        rule = ", ".join(filter(None, told))
        if part is None:
            rule = "what it is above the largest before"
        plain = fee.curve is None and isinstance(fee.amount, Decimal)
        rate: Exact = cast(Decimal, fee.amount) if plain else stage.whole or ZERO
        amount = product(rate, part) if part is not None else stage.exact
        if part is None or part.denominator != 1:
            # a part that comes to whole minor units shows them
            units = Fraction(amount) * 10**plan.places
            amount = plan.money(int(units)) if units.denominator == 1 else amount
        else:
            # a whole fee, or none, is a Decimal, which sums faster than a Fraction
            amount = decimal(amount)
        charge = Charge("fee", None, fee.name, decimal(rate), per=None, rule=rule)
        stage.line = LineItem(charge, None if part is None else decimal(part), decimal(amount), amount)
    return stage.line


def places_of(plan: BillingPlan, sort: Sort) -> int:
    """Decimals of what a sort of credit pays: a grant never pays a part of a minor unit."""
    return plan.pricing_unit.places if sort == "tokens" else plan.rounding.known_places(plan.currency.places)


def minor_units(amount: Exact, places: int) -> int:
    """An amount in whole minor units; what is beyond them is never drawn."""
    return int(EXACT.scaleb(amount, places)) if type(amount) is Decimal else int(amount * 10**places)


def units_drawn(units: Units, plan: BillingPlan, sort: Sort) -> Decimal:
    """Minor units of what a sort of credit pays, as an amount."""
    return shifted(int(units), places_of(plan, sort))


def amount_of(number: Number, over: Number, plan: CompiledPlan) -> Exact:
    """A number ÷ *over* as an amount: a Decimal with the currency's places at least, if it terminates."""
    if type(number) is int and type(over) is int:
        units, rest = divmod(number * 10**plan.places, over)
        if not rest:
            return plan.money(units)
    # it has more digits than the currency, or never ends
    exact = Fraction(number) / Fraction(over)
    if odd_part(exact.denominator) != 1:
        return exact
    units = exact * 10**plan.places
    return plan.money(int(units)) if units.denominator == 1 else decimal(exact)


def settled_lines(plan: CompiledPlan, lines: Sequence[LineItem], total: Decimal) -> tuple[LineItem, ...]:
    """The lines as a bill shows them: amounts that add up to the total, with the rounding as a line."""
    net = exact_sum([line.precise for line in lines])
    if type(net) is not Decimal:
        lines = telescoped(lines)
    # lines that add up need no line of rounding; most bills at prices of whole cents are of this kind
    if net == total:
        return tuple(lines)
    amount = decimal(difference(total, decimal(net)))
    exact = amount if type(net) is Decimal else difference(total, net)
    return (*lines, LineItem(plan.rounding, None, amount, exact))
