"""What stages are made of: a term at its place, and the scale that its amounts have there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, TypeAlias

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope
from tokenbill.core.money.decimals import Exact, decimal, running_differences
from tokenbill.core.plans.terms import Fee
from tokenbill.core.rating.rate_card import Cells
from tokenbill.core.rating.rating_run import Number, RatingRun
from tokenbill.core.rating.version_terms import VersionTerms, concern

__all__ = ["Part", "PlanScale", "Stage", "amounts_of", "part_of", "words"]

Part: TypeAlias = "tuple[Decimal | Fraction, Fraction]"
"""An amount for a whole billing period, and the part of one that it is for."""


def amounts_of(versions: Sequence[VersionTerms]) -> Iterator[Fraction]:
    """Every amount of the terms for their parts of a period: what a scale has to make whole."""
    for version in versions:
        plan, share = version.plan, version.share
        for fee in version.fees:
            amount = version.amount(fee.curve or fee.amount)
            yield from (amount * part for part in fee_parts(fee, version) if amount is not None)
        yield from ((version.amount(fee.amount) or 0) * part for fee, part in version.own_fees)
        fixed = [item for item in plan.discounts if item.unit == "fixed"]
        yield from (Fraction(item.value) * (share if item.prorated else 1) for item in fixed)
        for limits, part in ((plan.maxima, share), (plan.minima, version.fee_share)):
            for limit in limits:
                yield (version.amount(limit.amount) or Fraction(0)) * (part if limit.prorated else 1)


def fee_parts(fee: Fee, version: VersionTerms) -> tuple[Fraction, ...]:
    """The parts of a fee that make up what a version owes of it."""
    return (version.fee_share, version.unspent) if fee.prorated else (Fraction(1),)


class PlanScale:
    """What a plan's terms are compiled with: what an amount is multiplied by at the place of each.

    Args:
        versions: The terms of each version of the period.
        cells: Where charges add up.
        scale: That of the entries; Fraction(1) where every number is to be a Fraction.
        places: Decimals of what is settled.
        whole_lines: Whether every charge is rounded.
    """

    def __init__(
        self,
        versions: Sequence[VersionTerms],
        *,
        cells: Cells,
        scale: int | Fraction,
        places: int,
        whole_lines: bool,
    ) -> None:
        self.versions, self.plan, self.cells = versions, versions[0].plan, cells
        self.places, self.whole_lines, self.entry_scale = places, whole_lines, scale
        # at stage "line" every charge is in whole minor units once it is priced
        self.scale = 10**places if whole_lines else scale

    @property
    def divisor(self) -> Number:
        """What one minor unit is in the numbers at this place."""
        return part_of(self.scale, self.places)

    def numbers(self, amounts: Iterable[Fraction]) -> list[Number]:
        """Amounts that are one together, in numbers of this place: rounded once where lines are."""
        exact: Iterable[Exact] = amounts
        if self.whole_lines:
            exact = running_differences(amounts, lambda upto: self.plan.rounding(upto, self.places))
        scaled = [Fraction(amount) * self.scale for amount in exact]
        return [int(number) for number in scaled] if type(self.scale) is int else list(scaled)

    def exact_numbers(self, amounts: Sequence[Fraction]) -> list[Number]:
        """The same of amounts that the scale was not made for: they may be Fractions."""
        return self.numbers(amounts) if self.whole_lines else [amount * self.scale for amount in amounts]

    def tokens(self, amounts: Iterable[Fraction]) -> list[Number]:
        """Amounts of tokens in the numbers of entries, which are made whole when tokens are burned."""
        scaled = [amount * self.entry_scale for amount in amounts]
        return [int(number) for number in scaled] if type(self.entry_scale) is int else list(scaled)

    def amount(self, parts: Iterable[Part]) -> Number:
        """Amounts for whole billing periods, each for a part of one, as one number of this place."""
        return self.numbers([sum((Fraction(amount) * part for amount, part in parts), Fraction(0))])[0]

    def in_parts(self, amounts: Mapping[int, Decimal | Fraction], *, of_fees: bool) -> list[Part]:
        """Amounts of versions with the part of a period that each is for, equal neighbours put together."""
        parts: list[Part] = []
        for i, amount in amounts.items():
            part = self.versions[i].fee_share if of_fees else self.versions[i].share
            if parts and parts[-1][0] == amount:
                part += parts.pop()[1]
            parts.append((amount, part))
        return parts

    def due(self, terms: Mapping[int, tuple[Fraction, bool]], *, of_fees: bool = False) -> list[Part]:
        """Amounts of versions, each with whether it is prorated; of the others the largest is due once.

        With *of_fees* a trial takes its part, and what is due once is not where all is in the trial.
        """
        parts = self.in_parts(
            {i: amount for i, (amount, prorated) in terms.items() if prorated}, of_fees=of_fees
        )
        whole = [
            amount
            for i, (amount, prorated) in terms.items()
            if not prorated and (self.versions[i].fee_share > 0 or not of_fees)
        ]
        return [*parts, (max(whole), Fraction(1))] if whole else parts

    def agree(self, one: int, other: int, kind: str | tuple[str, ...], meter: Meter | None) -> bool:
        """Whether two versions treat a charge alike in everything but its own amount."""
        return concern(self.versions[one], kind, meter) == concern(self.versions[other], kind, meter)

    def inside(self, scopes: Mapping[int, Scope]) -> Sequence[bool] | None:
        """The cells that a term holds; None where it holds all."""
        within = self.cells.within(scopes)
        return None if all(within) else within


def part_of(scale: int | Fraction, places: int) -> Number:
    """What one of 10^places parts is of a scale that they divide."""
    return scale // 10**places if type(scale) is int else Fraction(scale, 10**places)


def words(parts: Sequence[Part]) -> str:
    """Amounts for whole periods as a sum: each with the part of a period that it is for."""
    return " + ".join(
        shortest(decimal(amount)) if part == 1 else f"{shortest(decimal(amount))} × {part}"
        for amount, part in parts
    )


class Stage:
    """One term at its place, compiled from a plan; ``apply`` is what it does to the numbers.

    ``looks_at_charges`` says that it asks for more of a charge than its cell and what is left of it; of
    stages that read usage the plan says so. ``is_of_sums`` says that sums of charges are enough for it also
    where each is rounded: it takes whole minor units from none of them.
    """

    __slots__ = ()

    looks_at_charges: bool = False
    is_of_sums: bool = False
    is_reduction: ClassVar[bool] = False
    """Whether it takes from the charges there are, as discounts do."""

    def treats(self, cell: int) -> object:
        """How it treats the charges of a cell: two of which all stages to come say the same are as one."""
        return None

    def apply(self, run: RatingRun) -> None:
        """Do it to the charges of a run."""
