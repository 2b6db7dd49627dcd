"""Rating runs: a bill in the making, one number for each charge, on which the stages work.

The numbers are whole, over one scale; a number that no scale makes whole is a Fraction, and the same code
takes it. A back end with other numbers (arrays, curves) overrides the arithmetic, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from math import gcd
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeAlias

from tokenbill.core.base.values import named
from tokenbill.core.metering.meters import Meter
from tokenbill.core.rating.lines import Charge
from tokenbill.errors import InvalidPlan

__all__ = ["MODES", "Identity", "Note", "Number", "RatingRun", "allocated", "running_units"]

Number: TypeAlias = Any
"""An int or a Fraction; for a back end whatever it adds and multiplies."""


def _half_even(n: Number, d: Number) -> Number:
    found = (2 * n + d) // (2 * d)
    return found - (found % 2) * ((2 * n + d) % (2 * d) == 0)  # a tie goes to the even neighbour


MODES: Mapping[str, Callable[[Number, Number], Number]] = MappingProxyType(
    {
        # no amount is negative, so that these four bear ints, Fractions and arrays alike
        "half_up": lambda n, d: (2 * n + d) // (2 * d),
        "half_even": _half_even,
        "up": lambda n, d: -(-n // d),
        "down": lambda n, d: n // d,
    }
)
"""n ÷ d, made whole."""


class Identity(NamedTuple):
    """What a charge is for, on every bill of a period: an account keeps draws by its *key*."""

    key: str
    kind: str
    meter: Meter | None
    of: Any = None

    @classmethod
    def named(cls, kind: str, name: str, of: Any, meter: Meter | None = None) -> Identity:
        """That of a fee, an entry or a term."""
        return cls(f"{kind}:{name}", kind, meter, of)

    @property
    def known_as(self) -> str | tuple[str, ...]:
        """What a scope knows it by: its kind; for a fee its name, for a true-up the scope that it lifts."""
        return self.kind if self.kind == "usage" else getattr(self.of, "known_as", self.kind)


class Note(NamedTuple):
    """What a term changed: *amount* ÷ *over* in the currency, and what it looked at, *base* ÷ *over*."""

    charge: Charge
    amount: Number
    over: Number
    base: Number = None
    base_over: Number = None


class RatingRun:
    """Charges on their way through the stages.

    ``nets`` are what is left of each charge, ``cells`` the cell that each belongs to. An amount in the
    currency is a net ÷ (the step's scale × ``widened``): proportional spreads widen the scale. ``total`` is
    in minor units. ``notes`` is None where no lines are asked for.

    Args:
        round: One of ``MODES``.
        whole_lines: Whether every charge is rounded, as at stage ``line``.
        final: Whether the period closes.
    """

    __slots__ = (
        "cells",
        "final",
        "nets",
        "notes",
        "round",
        "total",
        "whole_lines",
        "widened",
    )

    keeps_parts: ClassVar[bool] = False
    """Whether it keeps what a tax comes to on each charge."""

    def __init__(
        self,
        nets: list[Number],
        cells: Sequence[int],
        round: Callable[[Number, Number], Number],
        whole_lines: bool,
        final: bool,
    ) -> None:
        self.nets, self.cells, self.final = nets, cells, final
        self.round, self.whole_lines = round, whole_lines
        self.notes: list[Note] | None = None
        self.widened: Number = 1
        self.total: Number = 0

    # ---- what a back end with other numbers overrides

    def lower(self, one: Number, other: Number) -> Number:
        """The lower of two numbers."""
        return one if one < other else other

    def beyond(self, number: Number, limit: Number) -> Number:
        """What goes beyond a limit, at least 0."""
        return number - limit if number > limit else 0

    def sum(self, numbers: Iterable[Number]) -> Number:
        """Numbers together."""
        return sum(numbers)

    def spread(self, off: Number, whole: Number, places: Sequence[int] | None) -> None:
        """Take *off* from the charges at these places (None: from all), of which *whole* is the sum."""
        nets = self.nets
        if not off:
            return
        if places is None:
            places = range(len(nets))
        # Nothing of one charge need be spread, and nothing of what is taken whole: both keep numbers short.
        keep = whole - off
        if len(places) == 1:
            nets[places[0]] = keep
        elif self.whole_lines:
            for i, part in zip(places, allocated(off, [nets[i] for i in places]), strict=True):
                nets[i] -= part
        elif not keep:
            for i in places:
                nets[i] = 0
        else:
            self.share(keep, whole, places)

    def share(self, keep: Number, whole: Number, places: Sequence[int]) -> None:
        """Let the charges at these places come to *keep* instead of *whole*, in proportion."""
        nets = self.nets
        if not type(keep) is type(whole) is int:
            for i in places:
                nets[i] = nets[i] * Fraction(keep) / whole
            return
        # without the common divisor the digits of many discounts in turn would double at each
        common = gcd(keep, whole)
        keep, whole = keep // common, whole // common
        inside = set(places)
        self.nets = [net * (keep if i in inside else whole) for i, net in enumerate(nets)]
        self.widened *= whole

    def sell(self, stretches: Sequence[Any], moneys: Sequence[Number], stage: Any) -> None:
        """Let charges in tokens cost the money of each stretch together, by what is left to pay of each."""
        for stretch in stretches:
            for i, rest in zip(stretch.places, stretch.rests, strict=True):
                self.nets[i] = rest
        for (price, places, rests, whole), money in zip(stretches, moneys, strict=True):
            if not whole:
                if money:
                    self.add(money * self.widened, price.cell, price.identity)
            elif len(places) == 1:
                self.nets[places[0]] = money * self.widened
            elif self.whole_lines:
                for i, part in zip(places, allocated(money, rests), strict=True):
                    self.nets[i] = part
            else:
                self.share(money, whole, places)

    def count(self, n: Number, d: Number) -> Number:
        """Whole tokens: they are counted even where no money is rounded."""
        return self.round(n, d)

    def price(self, stage: Any, whole: Number) -> Number:
        """What a quantity of whole tokens costs."""
        return stage.at(whole)

    # ---- what the stages ask besides

    def within(self, inside: Sequence[bool] | None) -> tuple[Sequence[int] | None, Number]:
        """The places of charges in such a scope, and what they come to together."""
        nets = self.nets
        if inside is None:
            return None, self.sum(nets)
        places = [i for i, cell in enumerate(self.cells) if inside[cell]]
        return places, self.sum([nets[i] for i in places])

    def by_cell(self, values: Sequence[Number]) -> Sequence[Number]:
        """A value for each charge, given those of the cells."""
        cells = self.cells
        return values if type(cells) is range else [values[cell] for cell in cells]

    def note(self, charge: Charge, amount: Number, over: Number, base: Number, base_over: Number) -> None:
        """Keep what a term changed, for the lines."""
        if self.notes is not None and (amount or charge.kind == "tax"):
            self.notes.append(named(Note, (charge, amount, over, base, base_over)))

    def add(self, number: Number, cell: int, identity: Identity) -> None:
        """Take a charge; *identity* says what it is for."""
        self.nets.append(number)
        self.cells = (*self.cells, cell)

    def true_up(self, short: Number, parts: Sequence[tuple[int, int]], identity: Identity) -> None:
        """Take the charge that lifts a bill to its minimum, if anything is lacking: cells with weights."""
        if not short:
            return
        if len(parts) == 1:
            self.add(short, parts[0][0], identity)
            return
        first = len(self.nets)
        for cell, weight in parts:
            self.add(weight, cell, identity)
        whole = sum(weight for _, weight in parts)
        if self.whole_lines:
            weights = [short * weight for _, weight in parts]
            self.nets[first:] = running_units(weights, lambda upto: self.round(upto, whole))
        else:
            self.share(short, whole, range(first, len(self.nets)))

    def keys(self, places: Sequence[int]) -> Sequence[object]:
        """What tells the charges at these places apart: items of one charge have one key."""
        return places

    def whole(
        self,
        numbers: Sequence[Number],
        divisor: Number,
        keys: Sequence[object],
        rounded: Callable[[Number, Number], Number] | None = None,
    ) -> list[Number]:
        """Numbers ÷ divisor, made whole: a charge is rounded once, and its items are cut from that."""
        rounded = rounded or self.round
        if len(set(keys)) == len(keys):
            return [rounded(number, divisor) for number in numbers]
        by_key: dict[object, list[int]] = {}
        for i, key in enumerate(keys):
            by_key.setdefault(key, []).append(i)
        found: list[Number] = [0] * len(numbers)
        for places in by_key.values():
            units = running_units((numbers[i] for i in places), lambda upto: rounded(upto, divisor))
            for i, unit in zip(places, units, strict=True):
                found[i] = unit
        return found

    def usage(self) -> Iterable[tuple[Number, int, Identity]]:
        """Numbers of the entries used, each with its cell and what it is for."""
        return ()

    def units_used(self) -> Sequence[Number]:
        """The units that were used of each charge, which nobody can tell from amounts alone.

        Raises:
            InvalidPlan: Where single charges, and their quantities, are not known.
        """
        raise InvalidPlan("a tax per unit along a curve", "Tax.per_unit", "compare bills with Bill.of")

    def read(self, reading: Any) -> Sequence[Number]:
        """What terms that are curves of usage come to, item by item.

        Raises:
            InvalidPlan: Where single charges, and their quantities, are not known.
        """
        raise InvalidPlan("a term that reads usage, along a curve", "curve.of", "compare bills with Bill.of")

    def burned(self) -> Sequence[int]:
        """The places of charges in tokens."""
        return ()

    def pay_tokens(self, tokens: list[Number]) -> list[Number]:
        """What is left of whole tokens after the balance paid some."""
        return tokens

    def pay_promotional(self, divisor: Number) -> None:
        """Let promotional credit pay; *divisor* is what a minor unit is in the nets by now."""

    def tax(self, amount: Number, parts: Sequence[Number]) -> None:
        """Take a rounded tax, with what it comes to on each charge."""
        self.total += amount

    def met(self, name: str, start: date) -> Number:
        """What earlier periods of a term came to, as an amount; a run without an account has none."""
        return 0

    def commit(self, name: str, own: Number, over: Number) -> None:
        """Take what a period comes to of a term."""

    def settle_cash(self, cash: Number) -> None:
        """Take what rounding to the smallest coin adds to the total, or takes off it."""
        self.total += cash

    def contain(self, amount: Number, parts: Sequence[Number]) -> None:
        """Take a rounded tax that the prices contain, with what it comes to on each charge."""


def running_units(numbers: Iterable[Number], rounded: Callable[[Number], Number]) -> list[Number]:
    """Whole units that add up to the rounded sum: differences of the rounded running sum."""
    upto, shown = 0, 0
    units: list[Number] = []
    for number in numbers:
        upto = upto + number
        whole = rounded(upto)
        units.append(whole - shown)
        shown = whole
    return units


def allocated(units: int, weights: Sequence[Number]) -> list[int]:
    """Whole units split by weights: each part gets its floor, the units left go to the largest remainders.

    >>> allocated(1000, [1, 1, 1])
    [334, 333, 333]
    """
    whole = sum(weights)
    parts = [int(units * weight // whole) for weight in weights]
    rests = [units * weight % whole for weight in weights]
    # sorting is stable, so that of equal remainders the first line gets the unit, on every machine
    for i in sorted(range(len(parts)), key=lambda i: -rests[i])[: units - sum(parts)]:
        parts[i] += 1
    return parts
