"""Stages that price: fees, entries and tokens, as charges in the order of the lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from attrs import evolve

from tokenbill.core.metering.scopes import FEE
from tokenbill.core.money.decimals import ZERO, decimal
from tokenbill.core.plans.terms import Fee
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.rating.integer_price import IntegerPrice, denominator_of
from tokenbill.core.rating.lines import LineItem
from tokenbill.core.rating.plan_scale import PlanScale, Stage, part_of
from tokenbill.core.rating.rating_run import Identity, Number, RatingRun, running_units
from tokenbill.core.rating.read_amounts import ReadAmounts, ReadPart
from tokenbill.core.rating.version_terms import first_of, keyed, neighbours, not_negative

__all__ = ["FeeCharge", "PriceUsage", "BurnTokens", "TokenPrice"]


class FeeCharge(Stage):
    """Fees as given, those in arrears with the last bill: they lead the bill."""

    __slots__ = (
        "amount",
        "cell",
        "exact",
        "fee",
        "identity",
        "in_tokens",
        "known_as",
        "level",
        "line",
        "part",
        "place",
        "reading",
        "versions",
        "whole",
    )
    is_of_sums = True

    def __init__(
        self,
        fee: Fee,
        name: str,
        *,
        part: Fraction | None,
        exact: Fraction,
        amount: Number,
        cell: int,
        versions: Sequence[int],
    ) -> None:
        self.fee, self.part, self.exact, self.amount, self.cell = fee, part, exact, amount, cell
        self.versions, self.in_tokens = versions, False
        self.identity, self.known_as = Identity.named("fee", name, self), FEE + fee.name
        self.line: LineItem | None = None
        self.reading: ReadAmounts | None = None
        self.whole: Fraction | None = None
        self.place, self.level = 0, ""

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        seen = Counter[str]()
        by_key: dict[Hashable, tuple[dict[int, Fee], dict[int, Fraction]]] = {}
        for i, version in enumerate(at.versions):
            for key, fee in keyed(version.fees):
                by_key.setdefault(key, ({}, {}))[0][i] = fee
            # two fees that are alike are due each by itself
            numbers = [number for _, number in version.own_fees]
            for (key, fee), number in zip(keyed(fee for fee, _ in version.own_fees), numbers, strict=True):
                fees, due = by_key.setdefault(("own", key), ({}, {}))
                fees[i], due[i] = fee, number
        groups = list(by_key.values())
        if any(version.own_fees for version in at.versions):
            written = [fee.name for version in at.versions for fee in version.plan.fees]
            place = {name: i for i, name in reversed(list(enumerate(written)))}
            groups.sort(key=lambda group: place.get(first_of(group[0]).name, len(written)))
        for fees, due in groups:
            # two fees may have one name, and what one of them grew by is asked later
            name = first_of(fees).name
            seen[name] += 1
            for stage in cls._items(at, name if seen[name] == 1 else f"{name} #{seen[name]}", fees, due):
                stage.in_tokens = at.plan.in_tokens(stage.fee)
                yield stage

    @classmethod
    def _items(
        cls, at: PlanScale, name: str, fees: Mapping[int, Fee], due: Mapping[int, Fraction]
    ) -> Iterator[FeeCharge]:
        """One fee of the versions that have it: an item for each stretch of versions that agree on it."""
        whole = {i: at.versions[i].amount(fee.curve or fee.amount) for i, fee in fees.items()}
        # of a level a fee is what it comes to there: another curve, or another level, that comes to the same
        # does not part it
        told = {
            i: fee if fee.curve is None or whole[i] is None else evolve(fee, amount=ZERO, level=None)
            for i, fee in fees.items()
        }
        groups = neighbours(
            fees,
            lambda one, other: (
                (told[one], whole[one]) == (told[other], whole[other])
                and at.agree(one, other, FEE + fees[one].name, None)
            ),
        )
        parts, read = _parts_of_fee(at, fees, whole, groups, due)
        reading = ReadAmounts(at, read) if any(item.of for item in read) else None
        fixed = [item.fixed for item in read]
        numbers = at.tokens(fixed) if at.plan.in_tokens(first_of(fees)) else at.numbers(fixed)
        for place, (group, number) in enumerate(zip(groups, numbers, strict=True)):
            if parts[place] == 0 and fees[group[0]].cycle is not None:
                continue  # none of its own periods is due here
            fee, part, exact = fees[group[0]], parts[place], read[place].fixed
            cell = at.cells.of(FEE + fee.name, version=group[0])
            stage = cls(fee, name, part=part, exact=exact, amount=number, cell=cell, versions=group)
            stage.whole, stage.place, stage.reading = whole[group[0]], place, reading
            stage.level = at.versions[group[0]].level_in_words(fee)
            yield stage

    def number(self, run: RatingRun) -> Number:
        """What it comes to in a run, due or not: at stage ``line`` cut from the rounded sum of its items."""
        number: Number = self.amount if self.reading is None else run.read(self.reading)[self.place]
        return number

    def apply(self, run: RatingRun) -> None:
        if run.final or self.fee.due == "advance":
            run.add(self.number(run), self.cell, self.identity)


def _parts_of_fee(
    at: PlanScale,
    fees: Mapping[int, Fee],
    whole: Mapping[int, Fraction | None],
    groups: Sequence[Sequence[int]],
    due: Mapping[int, Fraction],
) -> tuple[list[Fraction | None], list[ReadPart]]:
    """The part of a period that each item of a fee is for, and what it comes to where that is known.

    *due* says by version how many periods of its own a fee owes.
    """
    largest = Fraction(0)
    parts: list[Fraction | None] = []
    read: list[ReadPart] = []
    for group in groups:
        fee, versions, amount = fees[group[0]], [at.versions[i] for i in group], whole[group[0]]
        part, exact, of = None, Fraction(0), None
        if amount is None and not any(at.versions[i].fee_share for i in fees):
            part = Fraction(0)  # all is in the trial
        elif amount is None:
            of = (
                fee.curve
            )  # what it reads is of the part of the period that there is: no share is taken of it
        elif fee.cycle is not None:
            part = sum((due[i] for i in group), Fraction(0))
            exact = amount * part
        elif fee.prorated:
            part = sum((version.fee_share + version.unspent for version in versions), Fraction(0))
            exact = amount * part
        elif any(version.fee_share > 0 for version in versions):
            # due once: each version owes what its amount is above the largest before
            part = Fraction(1) if not largest else None
            exact = max(amount - largest, Fraction(0))
            largest = max(largest, amount)
        else:
            part = Fraction(0)
        parts.append(part)
        read.append(ReadPart(of, exact, group[0], group[-1], not read))
    return parts, read


class PriceUsage(Stage):
    """Units, allowance and price are one curve for each entry, read on the period's whole usage."""

    __slots__ = ("divisor", "is_money")
    is_of_sums = True

    def __init__(self, divisor: Number, *, is_money: bool) -> None:
        self.divisor, self.is_money = divisor, is_money

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        yield cls(part_of(at.entry_scale, at.places), is_money=at.plan.token_price is None)

    def apply(self, run: RatingRun) -> None:
        if not (self.is_money and run.whole_lines):
            for number, cell, identity in run.usage():
                run.add(number, cell, identity)
            return
        items = list(run.usage())
        keys = [item[2].key for item in items]
        numbers = run.whole([item[0] for item in items], self.divisor, keys)
        for number, (_, cell, identity) in zip(numbers, items, strict=True):
            run.add(number, cell, identity)


class BurnTokens(Stage):
    """Whole tokens, paid from the balance in line order; the rest as one quantity on the token price.

    A balance in tokens pays before money is spoken of.
    """

    __slots__ = ("by_entry", "divisor", "money_scale", "places", "prices", "scale", "token_divisor")

    def __init__(self, at: PlanScale) -> None:
        self.scale, self.places = at.entry_scale, at.plan.pricing_unit.places
        self.token_divisor = part_of(at.entry_scale, self.places)
        self.divisor = part_of(at.entry_scale, at.places)
        self.by_entry, self.money_scale = at.plan.rounding.stage == "line", at.scale
        groups = neighbours(
            range(len(at.versions)),
            lambda one, other: at.versions[one].plan.token_price == at.versions[other].plan.token_price,
        )
        self.prices = [TokenPrice(at, group) for group in groups]

    @classmethod
    def of(cls, at: PlanScale) -> Iterator[Stage]:
        """What the versions of a plan have of it, in order."""
        if at.plan.token_price is not None:
            yield cls(at)

    def apply(self, run: RatingRun) -> None:
        burned = run.burned()
        tokens = self.whole_tokens(run, [run.nets[i] for i in burned])
        rests = run.pay_tokens(tokens)
        if len(self.prices) == 1:
            stretches = [TokenStretch(self.prices[0], burned, rests, run.sum(rests))]
            moneys = [run.price(self.prices[0], stretches[0].whole)]
        else:
            stretches, moneys = self.stretches(run, burned, rests)
        if run.whole_lines:
            moneys = run.whole(moneys, self.divisor, [""] * len(moneys))
        run.sell(stretches, moneys, self)

    def stretches(
        self, run: RatingRun, burned: Sequence[int], rests: Sequence[Number]
    ) -> tuple[list[TokenStretch], list[Number]]:
        """What is sold at each price, and for how much: the price of tokens goes on, as an entry's does."""
        upto = 0
        found: list[TokenStretch] = []
        moneys: list[Number] = []
        for price in self.prices:
            inside = price.inside
            places = [i for i in burned if inside is None or inside[run.cells[i]]]
            owed = [rests[burned.index(i)] for i in places]
            before, upto = upto, upto + run.sum(owed)
            money = run.price(price, upto)
            moneys.append(money - run.price(price, before) if found else money)
            found.append(TokenStretch(price, places, owed, upto - before))
        return found, not_negative(moneys)

    def whole_tokens(self, run: RatingRun, exact: Sequence[Number]) -> list[Number]:
        """Whole tokens that add up to the rounded sum; each entry rounded where lines are."""
        if self.by_entry:
            return run.whole(exact, self.token_divisor, run.keys(run.burned()), run.count)
        return running_units(exact, lambda upto: run.count(upto, self.token_divisor))


class TokenStretch(NamedTuple):
    """What is sold at one price of tokens: places of charges, what is left to pay of each, and of all."""

    price: TokenPrice
    places: Sequence[int]
    rests: Sequence[Number]
    whole: Number


class TokenPrice:
    """The price of tokens in a stretch of versions."""

    __slots__ = ("cell", "function", "identity", "inside", "places", "price", "scale", "versions")

    def __init__(self, at: PlanScale, versions: Sequence[int]) -> None:
        self.versions = versions
        price = at.versions[versions[0]].plan.token_price
        assert price is not None  # a plan with another unit of account has one
        self.price, self.scale, self.places = price, at.entry_scale, at.plan.pricing_unit.places
        self.cell, self.inside = at.cells.of("usage", version=versions[0]), at.inside(dict.fromkeys(versions))
        self.identity = Identity.named("usage", "tokens", self)
        self.function: IntegerPrice | None = None
        curve = price.pieces() if type(at.entry_scale) is int else None
        if curve is not None and at.entry_scale % denominator_of(curve, 10**self.places) == 0:
            self.function = IntegerPrice.of(curve, 10**self.places, int(at.entry_scale))

    def at(self, n: Number) -> Number:
        """The money for so many of the smallest parts of a token, as a number of the entries' scale."""
        # whole numbers would lose a part of a token, which may begin a package
        if self.function is not None and type(n) is not Fraction:
            return self.function.at(n)
        return Fraction(amount_at(self.price, decimal(Fraction(n, 10**self.places)))) * self.scale
