"""Allowances: the free units of a period, for one entry or for several together."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.pricing.of import Of, number_or_curve
from tokenbill.errors import InvalidPlan

__all__ = ["Allowance", "Included", "each_allowance", "included"]


def _entries(value: Any) -> tuple[Meter, ...]:
    return tuple(sorted(Meter(part) for part in ((value,) if isinstance(value, str) else value)))


@frozen(repr=False)
class Allowance(Value):
    """Free units of a period, used up by one entry, or by several in the order of their lines.

    Args:
        units: How many, or a curve of another quantity.
        entries: The entries of the schedule.
    """

    units: Decimal | Of = field(converter=number_or_curve)
    entries: tuple[Meter, ...] = field(converter=_entries)

    @property
    def is_plain(self) -> bool:
        """Whether it is a number of units of one entry."""
        return len(self.entries) == 1 and isinstance(self.units, Decimal)


Included = tuple[tuple[Meter, Decimal], ...] | tuple[Allowance, ...]
"""Free units by entry, as most plans have them; else allowances."""


def included(value: Any) -> Included:
    """Allowances in order of their entries, each entry in one of them.

    Raises:
        InvalidPlan: For anything else.

    >>> included({("input_tokens", "output_tokens"): 1_000_000})[0].entries
    (Meter('input_tokens'), Meter('output_tokens'))
    """
    found = list[Allowance]()
    listed = listed_of(value)
    if listed and all(isinstance(each, Allowance) for each in listed):
        found += listed
    else:
        pairs = pairs_of(value)
        if pairs is None:
            way_out = 'give units by entry: {"api_calls": 100_000}'
            raise InvalidPlan("not an allowance", value, way_out)
        found += [Allowance(units, entries) for entries, units in pairs]
    # an entry in two allowances would leave it to their order which is used up first
    names = [entry for each in found for entry in each.entries]
    if len(set(names)) < len(names) or any(isinstance(it.units, Decimal) and it.units < 0 for it in found):
        raise InvalidPlan(
            "an allowance below zero or given twice", value, "give each entry its free units once"
        )
    found.sort(key=lambda each: each.entries)
    # most plans have units by entry alone, and documents of old plans read so
    if all(each.is_plain for each in found):
        return tuple((each.entries[0], each.units) for each in found if isinstance(each.units, Decimal))
    return tuple(found)


def each_allowance(value: Included) -> tuple[Allowance, ...]:
    """The same as allowances."""
    given: Iterable[Any] = value
    return tuple(each if isinstance(each, Allowance) else Allowance(each[1], each[0]) for each in given)
