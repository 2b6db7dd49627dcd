"""Read amounts: fees and limits that are curves of usage, as the versions of a period have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from fractions import Fraction
from typing import NamedTuple

from tokenbill.core.plans.limits import Limit
from tokenbill.core.pricing.of import Of
from tokenbill.core.rating.plan_scale import Part, PlanScale, words
from tokenbill.core.rating.rating_run import Number
from tokenbill.core.rating.version_terms import neighbours

__all__ = ["ReadAmounts", "ReadPart", "in_numbers", "read_limits"]


class ReadPart(NamedTuple):
    """An amount over versions that agree on it: *fixed*, or read by a curve *of* something."""

    of: Of | None
    fixed: Fraction
    first: int
    last: int
    is_first: bool


class ReadAmounts:
    """Amounts that a run reads, and how it has them in numbers at their place among the stages."""

    def __init__(self, at: PlanScale, parts: list[ReadPart], *, is_one: bool = False) -> None:
        self.parts, self.is_one = parts, is_one
        self.at = copy(at)  # stages to come change the scale

    def numbers(self, amounts: list[Fraction]) -> list[Number]:
        """Amounts as numbers of this place: of a limit one, of a fee one for each of its items."""
        return self.at.exact_numbers([sum(amounts, Fraction(0))] if self.is_one else amounts)


def in_numbers(at: PlanScale, limits: Mapping[int, Limit]) -> dict[int, tuple[Fraction, bool]]:
    """The limits of versions that are amounts, each with whether it is prorated."""
    amounts = {i: at.versions[i].amount(limit.amount) for i, limit in limits.items()}
    return {i: (it, limits[i].prorated) for i, it in amounts.items() if it is not None}


def read_limits(
    at: PlanScale, limits: Mapping[int, Limit], parts: Sequence[Part], *, of_fees: bool = False
) -> tuple[ReadAmounts | None, str]:
    """What of limits reads usage, with what does not; and both in words.

    With *of_fees* they read nothing where all is in the trial.
    """
    curves = {
        i: limit.amount
        for i, limit in limits.items()
        if isinstance(limit.amount, Of) and at.versions[i].amount(limit.amount) is None
    }
    # a month that is free owes no minimum, whatever was used in it
    if of_fees and not any(at.versions[i].fee_share for i in curves):
        curves = {}
    if not curves:
        return None, words(parts)
    fixed = sum((Fraction(amount) * part for amount, part in parts), Fraction(0))
    read = [ReadPart(None, fixed, 0, 0, is_first=True)] if fixed else []
    for group in neighbours(curves, lambda one, other: curves[one] == curves[other]):
        is_first = not any(part.of for part in read)
        read.append(ReadPart(curves[group[0]], Fraction(0), group[0], group[-1], is_first))
    told = [words(parts)] if fixed else []
    told += dict.fromkeys(of.in_words() for of in curves.values())
    return ReadAmounts(at, read, is_one=True), " + ".join(told)
