"""Stages: the steps by which usage becomes a bill, in their one order, each with the reason for its place.

A **period** is the stretch of time that is billed as one: tiers, allowances, fees, minimum and maximum count
once in it. It may be part of a longer one of the plan's cycle; then what is due for a whole one is due in
proportion. Everything below is worked out on the *whole usage of the period so far*, never on the usage of
one bill. What a price says of the next unit depends on all units before it, a maximum on all charges, a
rounding on the exact sum: none of them can be known from an increment.

A **version** is a stretch of the period in which one set of terms holds. A plan is one version. Charges that
every term treats alike add up in one *cell*: which scopes hold it today, which version too where there are
several. Terms never look at anything of a charge but its cell, its place, and what is left of it.

An **entry** is one price of the schedule, or one group of an entry with ``.each``: a curve, read at the
quantity of the whole period. Allowance and price are one curve, so that a unit is free or charged by its
place in the period, whichever bill it comes with.

A **charge** is what an entry, a fee or the true-up comes to. The stages carry one number for each: what is
left of it. They add charges, take from them in proportion, and note what they did; each note becomes a line.

A **statement** is the outcome for a period so far: charges, notes, total, what credit paid of each charge.
It is a function of usage and terms, and of nothing else but what credit is offered.

A **difference** of two statements is a bill: what the period comes to now, less what it came to before. So
a period may be billed once or after every event, in whatever parts usage arrives, late or corrected, and the
totals are the same. Rounding each bill by itself would make the sum depend on how often one bills; here the
rounded statements are subtracted, and every sum of bills is a rounded statement again.

Why this order: fees and usage first, for everything else looks at them. Tokens are burned before there is
money at all. Discounts before the maximum, for the maximum compares what is *owed*. The minimum after the
maximum, last of the charges, for it lifts what is left of all others. Only then is the net rounded, once:
rounded earlier, a maximum of 1.01 on three lines of 0.335 would come to 1.02. Promotional credit pays whole
minor units of that net, before tax, since a gift lowers what is taxed; paid credit is money, and pays last,
tax included, as any payment would. Taxes are on the exact net, so that rounding it does not move them.

Each stage is written once, for numbers of any kind. A bill takes whole numbers over one scale, many bills
arrays of them, ``verify()`` Fractions, a comparison of plans curves of one meter: a run's arithmetic
(`rating_run`) says what adding, a minimum and a proportional spread are. Nobody else knows the order: a
stage that is put into ``STAGES`` works in single bills, in columns and along a meter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from operator import mul

from tokenbill.core.base.tables import shortest
from tokenbill.core.money.decimals import decimal
from tokenbill.core.plans.terms import Discount, Fee, Tax
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.rating.integer_price import IntegerPrice, denominator_of
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.core.rating.plan_scale import PlanScale, Stage, fee_part, part_of
from tokenbill.core.rating.rating_run import Identity, Number, RatingRun, running_units

__all__ = [
    "STAGES",
    "AddTax",
    "BurnTokens",
    "CapAtMaximum",
    "Discounts",
    "FeeCharge",
    "FixedOff",
    "PayGifts",
    "PercentOff",
    "PriceUsage",
    "RoundNet",
    "TrueUpToMinimum",
]

HUNDRED = Fraction(100)


class FeeCharge(Stage):
    """Fees as given, those in arrears with the last bill: they lead the bill."""

    __slots__ = ("amount", "cell", "fee", "identity", "line", "part")

    def __init__(self, fee: Fee, name: str, part: Fraction, cell: int, amount: Number) -> None:
        self.fee, self.part, self.cell, self.amount = fee, part, cell, amount
        self.identity = Identity.named("fee", name, self)
        self.line: LineItem | None = None

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        cell = at.cells.of("fee")
        seen = Counter[str]()
        for fee in at.plan.fees:
            seen[fee.name] += 1
            # two fees may have one name, and what one of them grew by is asked later
            name = fee.name if seen[fee.name] == 1 else f"{fee.name} #{seen[fee.name]}"
            part = fee_part(fee, at.fee_share)
            yield cls(fee, name, part, cell, at.amount(fee.amount, part))

    def apply(self, run: RatingRun) -> None:
        if run.final or self.fee.due == "advance":
            run.add(self.amount, self.cell, self.identity)


class PriceUsage(Stage):
    """Units, allowance and price are one curve for each entry, read on the period's whole usage."""

    __slots__ = ("divisor", "is_money")

    def __init__(self, divisor: Number, *, is_money: bool) -> None:
        self.divisor, self.is_money = divisor, is_money

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        yield cls(part_of(at.entry_scale, at.places), is_money=at.plan.token_price is None)

    def apply(self, run: RatingRun) -> None:
        whole = self.is_money and run.whole_lines
        for number, cell, identity in run.usage():
            run.add(run.round(number, self.divisor) if whole else number, cell, identity)


class BurnTokens(Stage):
    """Whole tokens, paid from the balance in line order; the rest as one quantity on the token price.

    A balance in tokens pays before money is spoken of.
    """

    __slots__ = (
        "by_entry",
        "cell",
        "divisor",
        "function",
        "identity",
        "money_scale",
        "places",
        "price",
        "scale",
        "token_divisor",
    )

    def __init__(self, at: PlanScale) -> None:
        price = at.plan.token_price
        assert price is not None  # the only caller asked
        self.price, self.scale, self.places = price, at.entry_scale, at.plan.pricing_unit.places
        self.token_divisor = part_of(at.entry_scale, self.places)
        self.divisor, self.cell = part_of(at.entry_scale, at.places), at.cells.of("usage")
        self.by_entry, self.money_scale = at.plan.rounding.stage == "line", at.scale
        self.identity = Identity.named("usage", "tokens", self)
        self.function: IntegerPrice | None = None
        curve = price.pieces() if type(at.entry_scale) is int else None
        if curve is not None and at.entry_scale % denominator_of(curve, 10**self.places) == 0:
            self.function = IntegerPrice.of(curve, 10**self.places, int(at.entry_scale))

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        if at.plan.token_price is not None:
            yield cls(at)

    def apply(self, run: RatingRun) -> None:
        burned = run.burned()
        tokens = self.whole_tokens(run, run.at(burned))
        rests = run.pay_tokens(tokens)
        whole = run.sum(rests)
        money = run.price(self, whole)
        run.sell(burned, rests, whole, run.round(money, self.divisor) if run.whole_lines else money, self)

    def whole_tokens(self, run: RatingRun, exact: Sequence[Number]) -> list[Number]:
        """Whole tokens that add up to the rounded sum; each entry rounded where lines are."""
        if self.by_entry:
            return [run.count(number, self.token_divisor) for number in exact]
        return running_units(exact, lambda upto: run.count(upto, self.token_divisor))

    def at(self, n: Number) -> Number:
        """The money for so many of the smallest parts of a token, as a number of the entries' scale."""
        # whole numbers would lose a part of a token, which may begin a package
        if self.function is not None and type(n) is not Fraction:
            return self.function.at(n)
        return Fraction(amount_at(self.price, decimal(Fraction(n, 10**self.places)))) * self.scale


class PercentOff(Stage):
    """A percentage of each charge; discounts apply in the order given, each on what the ones before left."""

    __slots__ = ("charge", "factors", "inside", "off", "over", "scale", "scale_before")

    def __init__(self, at: PlanScale, discount: Discount) -> None:
        part = Fraction(discount.value) / HUNDRED
        self.inside, self.scale_before = at.inside(discount.on), at.scale
        within = at.cells.within(discount.on)
        self.off, self.over = part.numerator, part.denominator
        left: Number = self.over - self.off
        whole = self.over
        if type(at.scale) is Fraction:
            left, whole = 1 - part, 1
        elif not at.whole_lines:
            at.scale *= self.over
        self.factors: list[Number] = [left if inside else whole for inside in within]
        self.scale = at.scale
        rule = f"less {shortest(discount.value)} % of {{}}"
        self.charge = Charge("discount", None, discount.name, rule=rule)

    def treats(self, cell: int) -> object:
        return self.factors[cell]

    def apply(self, run: RatingRun) -> None:
        places = run.places(self.inside)
        if run.whole_lines:
            before = run.sum(run.at(places))
            for i in range(len(run.nets)) if places is None else places:
                run.nets[i] = run.nets[i] - run.round(run.nets[i] * self.off, self.over)
            off = before - run.sum(run.at(places))
            run.note(self.charge, -off, self.scale, before, self.scale)
            return
        if run.notes is not None:
            before = run.sum(run.at(places))
            over = self.scale_before * run.widened
            run.note(self.charge, -before * self.off, over * self.over, before, over)
        run.nets = list(map(mul, run.nets, run.by_cell(self.factors)))


class FixedOff(Stage):
    """An amount off the charges in scope, spread over them in proportion, at most what is left of them."""

    __slots__ = ("amount", "charge", "inside", "scale")

    def __init__(self, at: PlanScale, discount: Discount) -> None:
        self.amount, self.inside = at.amount(discount.value, at.share), at.inside(discount.on)
        self.scale = at.scale
        rule = f"less {at.words(discount.value)} of {{}}"
        self.charge = Charge("discount", None, discount.name, rule=rule)

    def treats(self, cell: int) -> object:
        return self.inside is None or self.inside[cell]

    def apply(self, run: RatingRun) -> None:
        places = run.places(self.inside)
        whole = run.sum(run.at(places))
        off = run.lower(self.amount * run.widened, whole)
        over = self.scale * run.widened
        run.note(self.charge, -off, over, whole, over)
        run.spread(off, whole, places)


class Discounts(Stage):
    """Discounts of both kinds; before the maximum, which looks at what is owed."""

    __slots__ = ()

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        for discount in at.plan.discounts:
            yield PercentOff(at, discount) if discount.unit == "percent" else FixedOff(at, discount)


class CapAtMaximum(Stage):
    """What is over the maximum is spread like a discount; before the minimum, which lifts what is left."""

    __slots__ = ("amount", "charge", "scale")

    def __init__(self, at: PlanScale, maximum: Decimal) -> None:
        self.amount, self.scale = at.amount(maximum, at.share), at.scale
        self.charge = Charge("maximum", None, "maximum", rule=f"{at.words(maximum)} − {{}}")

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        if at.plan.maximum is not None:
            yield cls(at, at.plan.maximum)

    def apply(self, run: RatingRun) -> None:
        whole = run.sum(run.nets)
        beyond = run.beyond(whole, self.amount * run.widened)
        over = self.scale * run.widened
        run.note(self.charge, -beyond, over, whole, over)
        run.spread(beyond, whole, None)


class TrueUpToMinimum(Stage):
    """The true-up, when the period closes; before credit, which may pay it, and tax, which it owes."""

    __slots__ = ("amount", "cell", "charge", "identity", "scale")

    def __init__(self, at: PlanScale, minimum: Decimal) -> None:
        self.amount, self.scale, self.cell = at.amount(minimum, at.share), at.scale, at.cells.of("minimum")
        self.identity = Identity.named("minimum", "minimum", self)
        rule = f"{at.words(minimum)} − {{}}"
        self.charge = Charge("minimum", None, "true-up to minimum", rule=rule)

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        if at.plan.minimum is not None:
            yield cls(at, at.plan.minimum)

    def apply(self, run: RatingRun) -> None:
        if run.final:
            net, over = run.sum(run.nets), self.scale * run.widened
            short = run.beyond(self.amount * run.widened, net)
            run.note(self.charge, short, over, net, over)
            run.true_up(short, self.cell, self.identity)


class RoundNet(Stage):
    """The net in whole minor units, rounded once: what credit pays in, and what taxes come on top of."""

    __slots__ = ("divisor",)

    def __init__(self, divisor: Number) -> None:
        self.divisor = divisor

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        yield cls(at.divisor)

    def apply(self, run: RatingRun) -> None:
        run.total = run.round(run.sum(run.nets), self.divisor * run.widened)


class PayGifts(Stage):
    """Promotional credit, which lowers what is taxed; it pays whole minor units of the rounded net."""

    __slots__ = ("divisor",)

    def __init__(self, divisor: Number) -> None:
        self.divisor = divisor

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        yield cls(at.divisor)

    def apply(self, run: RatingRun) -> None:
        run.pay_gifts(self.divisor * run.widened)


class AddTax(Stage):
    """A tax on the exact net of its charges, less gifts and what inclusive taxes contain; none compounds."""

    __slots__ = ("by_line", "charge", "included", "over", "parts", "rate", "rates", "scale", "weights")

    def __init__(self, at: PlanScale, tax: Tax) -> None:
        within, masks = at.cells.within(tax.on), range(len(at.cells.masks))
        contained = [(other, at.cells.within(other.on)) for other in at.plan.taxes if other.inclusive]
        # of a price that contains 19 and 5 %, 100 / 124 is the net
        whole = [sum((Fraction(t.percent) for t, its in contained if its[i]), HUNDRED) for i in masks]
        nets = [HUNDRED / whole[i] if within[i] else Fraction(0) for i in masks]
        common = lcm(*(net.denominator for net in nets))
        self.weights = [int(net * common) for net in nets]
        percent = Fraction(tax.percent) / HUNDRED
        self.parts = [net * percent for net in nets]  # what it is of a charge, by cell, for reports
        self.rates = [weight * percent.numerator for weight in self.weights]
        self.rate, self.scale = percent.numerator, at.scale * common
        self.over = at.divisor * common * percent.denominator
        self.by_line = at.whole_lines and at.plan.rounding.tax == "line"
        rule = f"{shortest(tax.percent)} % of {{}}"
        self.charge = Charge("tax", None, tax.name, rule=rule)
        rule = "prices contain it"
        name = f"{tax.name}, included in prices"
        self.included = Charge("tax", None, name, rule=rule) if tax.inclusive else None

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        for tax in at.plan.taxes:
            yield cls(at, tax)

    def treats(self, cell: int) -> object:
        return self.weights[cell]

    def apply(self, run: RatingRun) -> None:
        over = self.over * run.widened
        if run.notes is None and not self.by_line:  # sums are all that is asked
            owed = run.sum(map(mul, run.nets, run.by_cell(self.rates)))
            if self.included is None:
                run.tax(run.round(run.beyond(owed, 0), over), ())
            return
        bases = list(map(mul, run.nets, run.by_cell(self.weights)))
        if self.by_line:
            parts = [run.round(run.beyond(base * self.rate, 0), over) for base in bases]
            amount = run.sum(parts)
        else:
            parts = bases
            amount = run.round(run.beyond(run.sum(bases) * self.rate, 0), over)
        if run.notes is not None:
            base, base_over = run.sum(bases), self.scale * run.widened
            run.note(self.charge, amount, None, base, base_over)
            if self.included is not None:
                run.note(self.included, -amount, None, None, None)
        if self.included is None:
            run.tax(amount, parts)


STAGES: tuple[type[Stage], ...] = (
    FeeCharge,
    PriceUsage,
    BurnTokens,
    Discounts,
    CapAtMaximum,
    TrueUpToMinimum,
    RoundNet,
    PayGifts,
    AddTax,
)
"""The order; each says in its first line why it stands where it does."""
