"""Usage ahead: what days to come use, by the version of the terms that each falls under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import is_before, utc
from tokenbill.shared.forecasts import Quantities, usage_of

__all__ = ["UsageAhead"]


class UsageAhead:
    """The usage of days to come, added day by day.

    Args:
        starts: Where the version of now begins to be used, and where each later one begins.
    """

    def __init__(self, starts: Sequence[date]) -> None:
        # in UTC: two versions may begin in the two hours of one name
        self._starts, self._days = [utc(start) for start in starts], Fraction(0)
        self._units: Quantities = {}
        # what was used up to the end of each version, and in how many days
        self._upto = dict[date, tuple[Fraction, Quantities]]()

    def add(self, day: date, part: Fraction, expected: Mapping[Meter, Fraction]) -> None:
        """Add a part of a day, of which a whole one uses so much."""
        self._days += part
        self._units = {**self._units}
        for meter, units in expected.items():
            self._units[meter] = self._units.get(meter, Fraction(0)) + units * part
        start = [start for start in self._starts if not is_before(day, start)][-1]
        self._upto[start] = self._days, self._units

    def usage(self) -> dict[date, Usage]:
        """The usage by where its version begins."""
        return _in_parts({start: units for start, (_, units) in self._upto.items()})

    def off_by(self, errors: Mapping[Meter, Fraction]) -> dict[date, Usage]:
        """The same, each day off by so much; below zero it counts as nothing.

        The whole is off, and every version by its part of it: cut at zero version by version, the sum would
        depend on where versions begin.
        """
        whole = {
            meter: max(self._units.get(meter, Fraction(0)) + error * self._days, Fraction(0))
            for meter, error in errors.items()
        }
        found = dict[date, Quantities]()
        for start, (days, units) in self._upto.items():
            found[start] = dict(units)
            for meter, off in whole.items():
                expected = self._units.get(meter)
                part = units.get(meter, Fraction(0)) / expected if expected else days / self._days
                found[start][meter] = off * part
        return _in_parts(found)


def _in_parts(upto: Mapping[date, Quantities]) -> dict[date, Usage]:
    """Running totals as the usage of each stretch: cut to the places of a quantity once, then subtracted."""
    found, before = dict[date, Usage](), Usage()
    for start, units in upto.items():
        after = usage_of(units)
        found[start] = after - before
        before = after
    return found
