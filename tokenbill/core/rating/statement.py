"""Statements: what a period comes to so far, charge by charge, and the lines that show it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from operator import attrgetter

from attrs import evolve

from tokenbill.core.metering.scopes import Scope, covers
from tokenbill.core.money.decimals import (
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
from tokenbill.core.rating.charge_run import ChargeRun, RatingRequest, Sorts
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.lines import Charge, LineItem, telescoped
from tokenbill.core.rating.rating_run import Note, Number
from tokenbill.core.rating.stages import BurnTokens, FeeCharge

__all__ = ["RatedCharge", "Statement", "amount_of", "plain_lines", "rate", "settled_lines"]


def rate(request: RatingRequest) -> Statement:
    """A period so far, stage by stage."""
    run = ChargeRun(request)
    run.terms.rate(run)
    return Statement(run)


def plain_lines(request: RatingRequest) -> list[LineItem]:
    """The lines of a plan that is prices alone: no charge is looked at, so none is made."""
    quantities = request.plan.card.quantities(request.usage)
    curves = sorted(quantities, key=attrgetter("order")) if len(quantities) > 1 else quantities
    return [line for curve in curves for line in curve.lines(Decimal(quantities[curve]))]


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

    @property
    def draws(self) -> Sorts:
        """What tokens and promotional credit paid, in minor units."""
        return self.run.draws

    @cached_property
    def charges(self) -> list[RatedCharge]:
        """The charges, in order of lines."""
        return [RatedCharge(self, place) for place in range(len(self.run.identities))]

    @cached_property
    def lines(self) -> list[LineItem]:
        """Fees, usage, and what terms made of them; amounts are exact, or whole where lines are rounded."""
        priced = [line for charge in self.charges if charge.kind != "minimum" for line in charge.lines]
        return [*priced, *(self.line_of(note) for note in self.run.notes)]

    def line_of(self, note: Note) -> LineItem:
        """What a term changed, as a line."""
        charge, amount, over, base, base_over = note
        if over is None:
            money = self.plan.money(amount)
            exact: Exact = money
        else:
            exact = amount_of(amount, over, self.plan)
            money = decimal(exact)
        of = None if base is None else amount_of(base, base_over, self.plan)
        return LineItem(charge, None, money, exact, base=of)

    def fresh_lines(self, place: int) -> list[LineItem]:
        """The lines of a fee or an entry at the prices alone; rounded where lines are."""
        of = self.run.identities[place].of
        if isinstance(of, FeeCharge):
            lines = [_fee_line(of)]
        elif isinstance(of, EntryCurve):
            lines = of.lines(Decimal(self.run.quantities[of]))
        else:
            return [self.line_of(note) for note in self.run.notes if note.charge.kind == "minimum"]
        if not self.plan.whole_lines:
            return lines
        amounts = running_differences(
            (line.precise for line in lines), lambda upto: self.plan.plan.rounding(upto, self.plan.places)
        )
        pairs = zip(lines, amounts, strict=True)
        return [evolve(line, amount=amount, precise=amount) for line, amount in pairs]


class RatedCharge:
    """One fee, entry or true-up of a statement: what it comes to, and what credit paid of it."""

    def __init__(self, statement: Statement, place: int) -> None:
        self.statement, self.place = statement, place
        self.key, self.kind, self.meter, _ = statement.run.identities[place]

    def __repr__(self) -> str:
        return f"<{self.key} of {self.net}>"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.key.partition(":")[2]

    def within(self, on: Scope) -> bool:
        """Whether a term applies to it."""
        return on is None or covers(on, self.kind, self.meter)

    @property
    def net(self) -> Exact:
        """What is left of it after discounts and limits, before credit and tax."""
        run, plan = self.statement.run, self.statement.plan
        return amount_of(run.priced[self.place], run.over * 10**plan.places, plan)

    @property
    def units(self) -> Decimal:
        """The same in whole minor units, as credit pays it."""
        return self.statement.plan.money(self.statement.run.units[self.place])

    @property
    def gross(self) -> Decimal:
        """What is to be paid of it, promotional credit taken off and tax included."""
        return self.statement.plan.money(int(self.statement.run.gross()[self.place]))

    @property
    def tokens(self) -> Decimal:
        """What was burned of it, in whole tokens."""
        tokens = self.statement.run.tokens
        places = self.statement.plan.plan.pricing_unit.places
        return shifted(tokens[self.place], places) if self.place < len(tokens) else ZERO

    @property
    def lines(self) -> list[LineItem]:
        """The lines that show it."""
        if self.statement.plan.plan.token_price is None or self.kind != "usage":
            return self.statement.fresh_lines(self.place)
        return [self._token_line()]

    def _token_line(self) -> LineItem:
        statement = self.statement
        rests, money, over = statement.run.sold
        exact = amount_of(money[self.place], over, statement.plan)
        of = statement.run.identities[self.place].of
        if isinstance(of, BurnTokens):
            charge = Charge("usage", None, "tokens", rule="due though no token is left to pay")
            return LineItem(charge, None, decimal(exact), exact)
        unit = statement.plan.plan.pricing_unit
        rest = shifted(rests[self.place], unit.places)
        rule = f"{self.tokens:f} {unit.code}, of which {rest:f} are not covered by the balance"
        described = of.lines(Decimal(statement.run.quantities[of]))[0].description.partition(",")[0]
        return LineItem(Charge("usage", self.meter, described, rule=rule), self.tokens, decimal(exact), exact)


def _fee_line(stage: FeeCharge) -> LineItem:
    """The line of a fee for a part of a billing period: the same on each bill, so made once."""
    if stage.line is None:
        fee, part = stage.fee, stage.part
        amount = product(fee.amount, part)
        rule = f"{part} of the period" if part != 1 else ""
        charge = Charge("fee", None, fee.name, fee.amount, per=None, rule=rule)
        stage.line = LineItem(charge, decimal(part), decimal(amount), amount)
    return stage.line


def amount_of(number: Number, over: Number, plan: CompiledPlan) -> Exact:
    """A number ÷ *over* as an amount: a Decimal with the currency's places at least, if it terminates."""
    if type(number) is int and type(over) is int:
        units, rest = divmod(number * 10**plan.places, over)
        if not rest:
            return plan.money(units)
    exact = Fraction(number) / Fraction(over)
    if odd_part(exact.denominator) != 1:
        return exact
    units = exact * 10**plan.places
    return plan.money(int(units)) if units.denominator == 1 else decimal(exact)


def settled_lines(plan: CompiledPlan, lines: Sequence[LineItem], total: Decimal) -> tuple[LineItem, ...]:
    """The lines as a bill shows them: amounts that add up to the total, with the rounding as a line."""
    net = exact_sum(line.precise for line in lines)
    if type(net) is not Decimal:
        lines = telescoped(lines)
    if net == total:
        return tuple(lines)
    amount = decimal(difference(total, decimal(net)))
    exact = amount if type(net) is Decimal else difference(total, net)
    return (*lines, LineItem(plan.rounding, None, amount, exact))
