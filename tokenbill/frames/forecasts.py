"""Forecasts on arrays: where the period of each group will end at its run rate, day by day.

The method is that of `tokenbill.shared.forecasts`, and so are the digits: for each meter the same weekday of
the last seven days, and how far off that was at worst. Only the arithmetic is another: a number is an array,
one for each group and meter, and a Fraction is a numerator beside its divisor.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple

from tokenbill.core.money.decimals import odd_part
from tokenbill.core.periods.instants import is_before
from tokenbill.errors import InvalidPeriod, InvalidUsage
from tokenbill.frames.arrow_columns import Numbers, coded, decimals_of, longs
from tokenbill.frames.bills import Settled
from tokenbill.frames.dated import DatedBills
from tokenbill.frames.engines import np, pa
from tokenbill.frames.ints import Array, Ints, beyond, joined, picked
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import DAY, VERSION
from tokenbill.frames.parts import Part
from tokenbill.frames.scales import places_of
from tokenbill.frames.sums import Sums, added
from tokenbill.frames.tables import parts_by_plan, together
from tokenbill.shared.forecasts import LONGEST, WEEK, days_between, local_day

__all__ = ["forecasts"]

SHOWN = 18
"""Places of a quantity that never ends."""


def forecasts(job: Job, part: Part) -> Any:
    """A row for each group: what it comes to so far, and at the end of the period, at least and at most."""
    return together([forecast(one, of_plan) for one, of_plan in parts_by_plan(job, part)])


class _Calendar(NamedTuple):
    """The days of the period: ordinals of its first day and of *today*, and those ahead.

    ``parts`` are the days ahead in parts of a day × ``over``, ``version`` the version of the terms in each;
    ``gone`` are the days gone by.
    """

    start: int
    today: int
    gone: Fraction
    parts: list[int]
    over: int
    version: list[int]
    versions: int

    @classmethod
    def of(cls, options: Any) -> _Calendar:
        """That of a period, asked at a moment of it."""
        now, whole, contract = options.until, options.period, options.contract
        clauses = () if contract is None else contract.clauses(whole)
        starts = [clause.period.start for clause in clauses] or [whole.start]
        ahead = list(days_between(now, clauses[-1].period.end if clauses else whole.end))
        if not ahead:
            raise InvalidPeriod("a time after the contract's end", str(now), "ask before it")
        over = lcm(*(part.denominator for _, part in ahead))
        version = [max(i for i, start in enumerate(starts) if not is_before(day, start)) for day, _ in ahead]
        gone = sum((part for _, part in days_between(whole.start, now)), Fraction())
        days = (local_day(whole.start).toordinal(), local_day(now).toordinal())
        return cls(*days, gone, [int(part * over) for _, part in ahead], over, version, len(starts))


class _Rows(NamedTuple):
    """Sums by group and meter: the group of each, its days that are known, and what tells meters apart."""

    group: Array
    known: Array
    cells: list[tuple[Any, ...]]
    variant: Array

    @property
    def height(self) -> int:
        """How many there are."""
        return int(self.group.size)


class _Amounts(NamedTuple):
    """Quantities as numerators over divisors, with so many decimals."""

    number: Ints
    over: Ints
    places: int

    def least(self) -> int:
        """The decimals that hold each of them that ends, and 18 places of the others."""
        needs = (places_of(value // odd_part(value), 0) for value in set(self.over.long().tolist()))
        return max(SHOWN, self.places + max(needs, default=0))

    def shown(self, places: int) -> Ints:
        """In 1/10^places: exact, or the nearest of 18 places, half up, as `decimal` shows a Fraction."""
        values, place = np.unique(self.over.long(), return_inverse=True)
        odd = Ints(np.array([odd_part(value) for value in values.tolist()], object))[place].tight()
        ends = ~(self.number % odd).nonzero()
        exact = self.number * 10 ** (places - self.places) // self.over
        whole = self.over * (2 * 10**self.places)
        near = (self.number * (2 * 10**SHOWN) + self.over * 10**self.places) // whole
        return picked(ends, exact, near * 10 ** (places - SHOWN))


class _Meter:
    """What the rows of one meter used: day by day before today, and by version in the period."""

    def __init__(self, part: Part, code: Array, numbers: Numbers, rows: _Rows, at: _Calendar) -> None:
        (n, self.places), self.rows, self.at = numbers, rows, at
        day, version = (longs(part.keys[name]) for name in (DAY, VERSION))
        self.spent = [self._sum(code, n, np.flatnonzero(version == k)) for k in range(at.versions)]
        self.longest = int(rows.known.max(initial=0))
        # the sums up to the end of each day, aligned at yesterday: who came later used nothing before
        order = np.argsort(day, kind="stable")
        bounds = np.searchsorted(day[order], np.arange(at.today - self.longest, at.today + 1))
        self.upto = [Ints(np.zeros(rows.height, np.int64), 0)]
        for first, last in pairwise(bounds):
            self.upto.append(self.upto[-1] + self._sum(code, n, order[first:last]))

    def _sum(self, code: Array, n: Ints, which: Array) -> Ints:
        return added(self.rows.height, code[which], n[which])

    def expected(self) -> list[_Amounts]:
        """What is used ahead up to the end of each version."""
        at, known, found = self.at, self.rows.known, list[_Amounts]()
        weekly, some = known >= WEEK, known > 0
        used: Any = sum(self.spent)
        gone, whole = at.gone or Fraction(1), self.upto[-1]
        over = Ints(np.where(weekly, 1, np.maximum(known, 1)).astype(np.int64)) * at.over
        # on the first day there is no day gone by: what was used of it, by how much of it is gone
        over = picked(some, over, at.over * gone.numerator)
        for k in range(at.versions):
            parts = [part if version <= k else 0 for part, version in zip(at.parts, at.version, strict=True)]
            mean = picked(some, whole, used * gone.denominator) * sum(parts)
            # seasonal naive: traffic repeats by the week
            week: Any = mean * 0
            for i in range(WEEK if self.longest >= WEEK else 0):
                day = self.upto[self.longest - WEEK + i + 1] - self.upto[self.longest - WEEK + i]
                week = week + day * sum(parts[i::WEEK])
            found.append(_Amounts(picked(weekly, week, mean), over, self.places))
        return found

    def error(self) -> tuple[Ints, Ints]:
        """How far off a day was at worst: the forecast made again on each day known, for the days since."""
        upto, ahead = self.upto, len(self.at.parts)
        worst, over = self.upto[0], Ints(np.ones(self.rows.height, np.int64))
        for known in range(WEEK, self.longest):
            days = min(ahead, self.longest - known)
            weeks, rest = divmod(days, WEEK)
            week = upto[known - WEEK]
            expected = (upto[known] - week) * weeks + upto[known - WEEK + rest] - week
            off = upto[known + days] - upto[known] - expected
            off = picked(off.signs(), -off, off)
            is_known = self.rows.known >= WEEK + self.longest - known
            is_worse = (worst * days - off * over).signs() & is_known
            worst, over = picked(is_worse, off, worst), picked(is_worse, days, over)
        return worst, over

    def off_by(self, expected: Sequence[_Amounts], sign: int, error: tuple[Ints, Ints]) -> list[_Amounts]:
        """What is used ahead if each day is as far off; the whole is off, and every version by its part."""
        at, (worst, days), whole = self.at, error, expected[-1]
        off = beyond(whole.number * days + worst * (sign * sum(at.parts)), 0)
        over = whole.over * days
        if at.versions == 1:
            return [_Amounts(off, over, self.places)]
        found, is_none = list[_Amounts](), ~whole.number.nonzero()
        for k, upto in enumerate(expected):
            length = sum(part for part, version in zip(at.parts, at.version, strict=True) if version <= k)
            part = picked(is_none, length, upto.number)
            every = picked(is_none, sum(at.parts), whole.number)
            found.append(_Amounts(off * part, over * every, self.places))
        return found


def forecast(job: Job, part: Part) -> Any:
    """The forecasts of the groups of one plan."""
    at, scale = _Calendar.of(job.options), job.options.scale
    code, rows, groups, count = rows_of(job, part, at)
    columns = zip(job.layout.measures, part.sums, strict=True)
    meters = {name: _Meter(part, code, numbers, rows, at) for name, numbers in columns}
    cases = {"forecast": {name: meter.expected() for name, meter in meters.items()}}
    known = np.zeros(count, np.int64)
    known[rows.group] = rows.known
    is_known = known > WEEK
    if is_known.any():
        # all meters are taken to be off in the same direction, which is wide on purpose
        errors = {name: meter.error() for name, meter in meters.items()}
        for sign, case in ((-1, "low"), (1, "high")):
            cases[case] = {
                name: meter.off_by(cases["forecast"][name], sign, errors[name])
                for name, meter in meters.items()
            }
    places = max(each.least() for case in cases.values() for upto in case.values() for each in upto)
    job = job._replace(places=dict.fromkeys(job.layout.measures, places))

    def name(place: int) -> str:
        return job.layout.group(cells[place].as_py() for cells in groups.values())

    def total(used: dict[str, list[Ints]], *, final: bool) -> Ints:
        return _bills(job, rows, used, count, name).previews(final=final)

    spent = {name: [n * 10 ** (places - it.places) for n in it.spent] for name, it in meters.items()}
    found = {"spent": total(spent, final=False)}
    for case, used in cases.items():
        found[case] = total({name: _after(spent[name], used[name], places) for name in meters}, final=True)
    table = groups | {name: decimals_of(found[name], scale) for name in ("spent", "forecast")}
    low = high = found["forecast"]
    # more usage may cost less at a cliff, so the ends are those of the amounts, not of the usages
    for other in (found.get("low", low), found.get("high", low)):
        low, high = picked((other - low).signs(), other, low), picked((high - other).signs(), other, high)
    for name_of_end, n in (("low", low), ("high", high)):
        table[name_of_end] = decimals_of(n, scale, is_known)
    return pa.table(table)


def rows_of(job: Job, part: Part, at: _Calendar) -> tuple[Array, _Rows, dict[str, Any], int]:
    """The row of each sum, the rows, the groups, and how many these are."""
    layout = job.layout
    code, keys = coded({name: part.keys[name] for name in (*layout.by, *layout.variants)}, part.height)
    height = len(next(iter(keys.values()))) if keys else 1
    group, groups = coded({name: keys[name] for name in layout.by}, height)
    count = len(next(iter(groups.values()))) if groups else 1
    variant, cells = coded({name: keys[name] for name in layout.variants}, height)
    first = np.full(count, at.start)
    np.minimum.at(first, group[code], longs(part.keys[DAY]))
    # days are counted from the first of the period, or from before it where a customer used something then
    known = np.maximum(at.today - first, 0)
    if count and known.max() > LONGEST:
        raise InvalidUsage("too many days", int(known.max()), f"give the last {LONGEST} at most")
    every = list(zip(*(column.to_pylist() for column in cells.values()), strict=True)) if cells else [()]
    return code, _Rows(group, known[group], every, variant), groups, count


def _after(spent: Sequence[Ints], upto: Sequence[_Amounts], places: int) -> list[Ints]:
    """What is used in each version, with what is used ahead: running totals are cut once, then subtracted."""
    found, before = list[Ints](), spent[0] * 0
    for used, each in zip(spent, upto, strict=True):
        after = each.shown(places)
        found.append(used + (after - before))
        before = after
    return found


def _bills(job: Job, rows: _Rows, used: dict[str, list[Ints]], count: int, name: Any) -> Settled:
    """The bills of so much usage, by version of the terms."""
    layout, versions = job.layout, range(len(next(iter(used.values()))))
    quantities = [(joined(parts), job.places[column]) for column, parts in used.items()]
    if len(versions) == 1:
        layout = layout._replace(version=None, beside=())
        is_plain = not layout.variants
        group, variant = (None, None) if is_plain else (rows.group, rows.variant)
        return Settled(job.plan, layout, Sums(count, group, rows.cells, variant, quantities, name))
    cells = [(*cell, k) for k in versions for cell in rows.cells]
    variant = np.concatenate([rows.variant + k * len(rows.cells) for k in versions])
    group = np.concatenate([rows.group for _ in versions])
    return DatedBills(job, Sums(count, group, cells, variant, quantities, name))
