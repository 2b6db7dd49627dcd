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
minor units of that net, before tax, since it lowers what is taxed; paid credit is money, and pays last,
tax included, as any payment would. Taxes are on the exact net, so that rounding it does not move them.

Each stage is written once, for numbers of any kind. A bill takes whole numbers over one scale, many bills
arrays of them, ``verify()`` Fractions, a comparison of plans curves of one meter: a run's arithmetic
(`rating_run`) says what adding, a minimum and a proportional spread are. Nobody else knows the order: a
stage that is put into ``STAGES`` works in single bills, in columns and along a meter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import lcm
from operator import mul

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.scopes import Scope
from tokenbill.core.plans.limits import Limit
from tokenbill.core.plans.terms import Discount
from tokenbill.core.rating.cash_stage import RoundCash
from tokenbill.core.rating.commitment_stage import KeepCommitment
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import PlanScale, Stage, words
from tokenbill.core.rating.pricing_stages import BurnTokens, FeeCharge, PriceUsage
from tokenbill.core.rating.rating_run import Identity, Number, RatingRun
from tokenbill.core.rating.read_amounts import in_numbers, read_limits
from tokenbill.core.rating.tax_stages import AddTax, taxes
from tokenbill.core.rating.version_terms import first_of, in_turn, neighbours

__all__ = [
    "STAGES",
    "AddTax",
    "BurnTokens",
    "CapAtMaximum",
    "Discounts",
    "FeeCharge",
    "FixedOff",
    "KeepCommitment",
    "PayPromotional",
    "PercentOff",
    "PriceUsage",
    "RoundCash",
    "RoundNet",
    "TrueUpToMinimum",
]

HUNDRED = Fraction(100)


class PercentOff(Stage):
    """A percentage of each charge; discounts apply in the order given, each on what the ones before left."""

    __slots__ = ("charge", "factors", "inside", "off", "over", "scale", "scale_before")
    is_reduction = True

    def __init__(self, at: PlanScale, discounts: Mapping[int, Discount]) -> None:
        discount, scopes = first_of(discounts), {i: item.on for i, item in discounts.items()}
        part = Fraction(discount.value) / HUNDRED
        self.inside, self.scale_before = at.inside(scopes), at.scale
        within = at.cells.within(scopes)
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
        if run.whole_lines:
            places, before = run.within(self.inside)
            inside = range(len(run.nets)) if places is None else places
            parts = [run.nets[i] * self.off for i in inside]
            for i, off in zip(inside, run.whole(parts, self.over, run.keys(inside)), strict=True):
                run.nets[i] = run.nets[i] - off
            off = before - run.within(self.inside)[1]
            run.note(self.charge, -off, self.scale, before, self.scale)
            return
        if run.notes is not None:
            before = run.within(self.inside)[1]
            over = self.scale_before * run.widened
            run.note(self.charge, -before * self.off, over * self.over, before, over)
        run.nets = list(map(mul, run.nets, run.by_cell(self.factors)))


class FixedOff(Stage):
    """An amount off the charges in scope, spread over them in proportion, at most what is left of them."""

    __slots__ = ("amount", "charge", "inside", "scale")
    is_reduction = True

    def __init__(self, at: PlanScale, discounts: Mapping[int, Discount]) -> None:
        parts = at.due({i: (Fraction(item.value), item.prorated) for i, item in discounts.items()})
        self.amount, self.scale = at.amount(parts), at.scale
        self.inside = at.inside({i: item.on for i, item in discounts.items()})
        rule = f"less {words(parts)} of {{}}"
        self.charge = Charge("discount", None, first_of(discounts).name, rule=rule)

    def treats(self, cell: int) -> object:
        return self.inside is None or self.inside[cell]

    def apply(self, run: RatingRun) -> None:
        places, whole = run.within(self.inside)
        off = run.lower(self.amount * run.widened, whole)
        if run.notes is not None:
            over = self.scale * run.widened
            run.note(self.charge, -off, over, whole, over)
        run.spread(off, whole, places)


class Discounts:
    """Discounts of both kinds; before the maximum, which looks at what is owed."""

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        for discounts in in_turn([version.plan.discounts for version in at.versions]):
            is_percent = first_of(discounts).unit == "percent"
            yield PercentOff(at, discounts) if is_percent else FixedOff(at, discounts)


class CapAtMaximum(Stage):
    """What is over the maximum is spread like a discount; before the minimum, which lifts what is left."""

    __slots__ = ("amount", "charge", "inside", "reading", "scale")
    is_reduction = True

    def __init__(self, at: PlanScale, maxima: Mapping[int, Limit]) -> None:
        parts = at.due(in_numbers(at, maxima))
        self.amount, self.scale = at.amount(parts), at.scale
        self.reading, told = read_limits(at, maxima, parts)
        self.inside = at.inside({i: limit.on for i, limit in maxima.items()})
        of = first_of(maxima).name
        name = f"maximum of {of}" if of else "maximum"
        self.charge = Charge("maximum", None, name, rule=f"{told} − {{}}")

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        # in the order given: each looks at what the one before it left
        for maxima in in_turn([version.plan.maxima for version in at.versions]):
            yield cls(at, maxima)

    def treats(self, cell: int) -> object:
        return self.inside is None or self.inside[cell]

    def apply(self, run: RatingRun) -> None:
        places, whole = run.within(self.inside)
        amount = self.amount if self.reading is None else run.read(self.reading)[0]
        beyond = run.beyond(whole, amount * run.widened)
        if run.notes is not None:
            over = self.scale * run.widened
            run.note(self.charge, -beyond, over, whole, over)
        run.spread(beyond, whole, places)


class TrueUpToMinimum(Stage):
    """The true-up, when the period closes; before credit, which may pay it, and tax, which it owes."""

    __slots__ = (
        "amount",
        "charge",
        "identity",
        "inside",
        "known_as",
        "parts",
        "reading",
        "scale",
    )
    is_of_sums = True

    def __init__(self, at: PlanScale, minima: Mapping[int, Limit], place: int) -> None:
        # what a trial takes off the fees it takes off the minimum too: a month that is free owes none
        parts = at.due(in_numbers(at, minima), of_fees=True)
        self.amount, self.scale = at.amount(parts), at.scale
        self.reading, told = read_limits(at, minima, parts, of_fees=True)
        limit = first_of(minima)
        known_as = self.known_as = limit.on or "minimum"
        # what is in its scope counts in every version of the period, also in those that have no minimum
        self.inside = at.inside(dict.fromkeys(range(len(at.versions)), limit.on))
        groups = neighbours(minima, lambda one, other: at.agree(one, other, known_as, None))
        amounts = {i: at.versions[i].amount(limit.amount) for i, limit in minima.items()}
        # what a curve of usage lifts to is not known yet, so it falls to versions by their share
        owed = {i: (1 if it is None else it) * at.versions[i].fee_share for i, it in amounts.items()}
        weights = [sum((owed[i] for i in group), Fraction(0)) for group in groups]
        common = lcm(*(weight.denominator for weight in weights))
        self.parts = [
            (at.cells.of(known_as, version=group[0]), int(weight * common))
            for group, weight in zip(groups, weights, strict=True)
        ]
        of = limit.name
        key = (of or "minimum") + (f" #{place}" if place > 1 else "")
        self.identity = Identity.named("minimum", key, self)
        name = f"true-up to minimum of {of}" if of else "true-up to minimum"
        self.charge = Charge("minimum", None, name, rule=f"{told} − {{}}")

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        seen = Counter[Scope]()
        for minima in in_turn([version.plan.minima for version in at.versions]):
            on = first_of(minima).on
            seen[on] += 1
            yield cls(at, minima, seen[on])

    def treats(self, cell: int) -> object:
        return self.inside is None or self.inside[cell]

    def apply(self, run: RatingRun) -> None:
        if run.final:
            net = run.within(self.inside)[1]
            amount = self.amount if self.reading is None else run.read(self.reading)[0]
            short = run.beyond(amount * run.widened, net)
            if run.notes is not None:
                over = self.scale * run.widened
                run.note(self.charge, short, over, net, over)
            run.true_up(short, self.parts, self.identity)


class RoundNet(Stage):
    """The net in whole minor units, rounded once: what credit pays in, and what taxes come on top of."""

    __slots__ = ("divisor",)
    is_of_sums = True

    def __init__(self, divisor: Number) -> None:
        self.divisor = divisor

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        yield cls(at.divisor)

    def apply(self, run: RatingRun) -> None:
        run.total = run.round(run.sum(run.nets), self.divisor * run.widened)


class PayPromotional(Stage):
    """Promotional credit, which lowers what is taxed; it pays whole minor units of the rounded net."""

    __slots__ = ("divisor",)
    is_of_sums = True

    def __init__(self, divisor: Number) -> None:
        self.divisor = divisor

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        yield cls(at.divisor)

    def apply(self, run: RatingRun) -> None:
        run.pay_promotional(self.divisor * run.widened)


STAGES: tuple[Callable[[PlanScale], Iterator[Stage]], ...] = (
    FeeCharge.of,
    PriceUsage.of,
    BurnTokens.of,
    Discounts.of,
    CapAtMaximum.of,
    TrueUpToMinimum.of,
    KeepCommitment.of,
    RoundNet.of,
    PayPromotional.of,
    taxes,
    RoundCash.of,
)
"""The order; each says in its first line why it stands where it does."""
