"""Tables of bills: the sums of any engine, billed group by group, as columns of Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from tokenbill.core.money.decimals import ZERO
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidPlan
from tokenbill.frames.arrow_columns import (
    Decimals,
    GrowingArray,
    array_of,
    coded,
    decimals_of,
    longs,
    texts_of,
)
from tokenbill.frames.bills import Rows, Settled, held
from tokenbill.frames.column_plan import Text
from tokenbill.frames.dated import DatedBills
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import ITEMISED, LINES, VERSION, Layout, shown_as
from tokenbill.frames.parts import Part, added_up
from tokenbill.frames.scales import unscaled
from tokenbill.frames.spread import Spread, in_order
from tokenbill.frames.sums import Sums, added, priced
from tokenbill.frames.times import home_of, version_starts

__all__ = [
    "Billed",
    "billed",
    "bills_by_plan",
    "columns_of",
    "lines",
    "named",
    "parts_by_plan",
    "sums",
    "together",
    "under",
]

KEPT = 32
"""Lists of texts that are kept as columns, of which a plan has three."""
FEW = 1 << 10
"""Texts of a list that is kept: labels of customers make longer ones, each of its own month."""


class Billed(NamedTuple):
    """The groups of one plan: what is to be settled, and the cells that name them.

    ``spread`` is what their lines are spread over, ``labels`` and ``parts`` the cells of it. Where it
    ``is_coded`` lines hold places in dictionaries, for an engine that puts the cells there itself.
    """

    job: Job
    settled: Settled
    groups: dict[str, Any]
    spread: Spread | None
    labels: dict[str, Any]
    parts: dict[str, Any]
    is_coded: bool = False


def lines(job: Job, part: Part) -> Any:
    """The lines of the bills of all groups, as a table."""
    return together([lines_of(billed) for billed in bills_by_plan(job, part)])


def sums(job: Job, part: Part) -> Any:
    """The sums of the columns of numbers by group, as a table."""
    scale, found = job.options.scale, dict(part.keys)

    def name(place: int) -> str:
        return job.layout.group(cells[place].as_py() for cells in part.keys.values())

    for column, (n, places) in zip(job.layout.measures, part.sums, strict=True):
        whole = held(n.tight(), places, what=column, scale=scale, name=name)
        found[column] = decimals_of(whole, scale)
    return pa.table({name: found[name] for name in (*job.layout.by, *job.layout.measures)})


def together(tables: Sequence[Any]) -> Any:
    """Tables of one schema as one; each text in one dictionary."""
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).unify_dictionaries()


def bills_by_plan(job: Job, part: Part) -> Iterator[Billed]:
    """The groups of each plan."""
    return (billed(one, of_plan) for one, of_plan in parts_by_plan(job, part))


def parts_by_plan(job: Job, part: Part) -> Iterator[tuple[Job, Part]]:
    """The sums of the customers of each plan."""
    plans = job.options.plans
    if plans is None:
        yield job, part
        return
    column = job.options.plan_column or job.options.by[0]
    cells = part.keys[column]
    code, found = coded({column: cells}, part.height)
    by_plan = dict[int, tuple[BillingPlan | Contract, list[int]]]()
    for place, cell in enumerate(found[column].to_pylist()):
        # ids of customers are numbers in one table and text in the plan file
        plan: Any = plans.get(cell, plans.get(str(cell)))
        if plan is None:
            raise InvalidPlan("no plan for", cell, "give each customer one, or leave its rows out")
        by_plan.setdefault(id(plan), (plan, []))[1].append(place)
    if not by_plan:  # the types of a result do not depend on there being rows
        yield under(job, part, next(iter(plans.values())))
    for plan, places in by_plan.values():
        rows = np.flatnonzero(np.isin(code, np.array(places)))
        yield under(job, part.taken(rows), plan)


def under(job: Job, part: Part, terms: BillingPlan | Contract) -> tuple[Job, Part]:
    """The job and its sums under one of several terms, whose own versions alone tell rows apart."""
    own, options, keys = job.on(terms), job.options, dict(part.keys)
    if VERSION not in keys:
        return own, part
    # rows are told apart wherever a version of any of the terms begins
    found = keys.pop(VERSION).to_numpy()
    if own.layout.version is not None:
        home, period, contract = home_of(options), cast(Period, options.period), own.options.contract
        every = version_starts(options.contracts, period, home)
        own_starts = version_starts([] if contract is None else [contract], period, home)
        version = np.searchsorted(own_starts, every, side="right") - 1
        keys[VERSION] = array_of(np.where(found < 0, -1, version[found]))
    return own, added_up(keys, part.sums, part.height)


def billed(job: Job, part: Part) -> Billed:
    """The groups of sums by group, meter and label."""
    layout = job.layout
    coarse = tuple(dict.fromkeys((*layout.by, *layout.pricing)))
    # labels that no price reads are only shown: they are added together before anything is priced
    if set(coarse) == set(part.keys):
        keys, height, sums = part.keys, part.height, [n for n, _ in part.sums]
        fine = np.arange(height)
    else:
        fine, keys = coded({name: part.keys[name] for name in coarse}, part.height)
        height = len(next(iter(keys.values()))) if keys else 1
        sums = [added(height, fine, n) for n, _ in part.sums]
    variant, cells = variants(job, keys, height)
    if layout.pricing or not layout.by:
        group, groups = coded({name: keys[name] for name in layout.by}, height)
        count = len(next(iter(groups.values()))) if layout.by else 1
    else:  # every row is a group of its own
        group, groups, count = None, {name: keys[name] for name in layout.by}, height
    of_row = fine if group is None else group[fine]
    if not layout.pricing:
        group = None
        sums = sums if layout.by else [n if n.size else Ints(np.zeros(1, np.int64), 0) for n in sums]

    def name(place: int) -> str:
        return layout.group(column[place].as_py() for column in groups.values())

    quantities = [(n, job.places[column]) for n, column in zip(sums, layout.measures, strict=True)]
    summed = Sums(count, group, cells, variant if layout.pricing else None, quantities, name)
    settled = Settled(job.plan, layout, summed) if layout.version is None else DatedBills(job, summed)
    found = Billed(job, settled, groups, None, {}, {}, part.is_coded)
    return spread_over(found, part, of_row) if layout.shown else found


def variants(job: Job, keys: Mapping[str, Any], height: int) -> tuple[Array, list[tuple[Any, ...]]]:
    """What tells the meters of a column apart, and which of it each row has."""
    names = job.layout.pricing
    code, found = coded({name: keys[name] for name in names}, height)
    cells = list(zip(*(column.to_pylist() for column in found.values()), strict=True)) if names else [()]
    return code, cells


def spread_over(billed: Billed, part: Part, group: Array) -> Billed:
    """With what the lines are spread over: the labels of each group and entry."""
    job, layout, plan = billed.job, billed.job.layout, billed.job.plan
    rank, labels = ranked({name: part.keys[name] for name in layout.shown}, part.height)
    code, cells = variants(job, part.keys, part.height)
    entries, found = dict[str, int](), list[tuple[Array, Array, Array, Ints]]()
    settled = billed.settled
    plans = settled.plans if isinstance(settled, DatedBills) else [plan]
    for column, (n, places) in zip(layout.measures, part.sums, strict=True):
        priced_by = priced(plans, layout, column, n, variants=cells, variant=code)
        keys = ["" if entry is None else str(entry.key) for entry in priced_by]
        known = np.array([entries.setdefault(key, len(entries)) for key in keys], np.int64)
        entry = known[code] if layout.pricing else np.full(part.height, known[0])
        whole = n * (plan.unit // 10**places)
        found.append((group, entry, rank, whole))
        if isinstance(settled, DatedBills):
            # a version has a line of its own, which goes to the rows that it prices
            rows: Iterator[tuple[int, int]] = zip(group.tolist(), code.tolist(), strict=True)
            names = [settled.line_of(of, keys[which], int(cells[which][-1])) for of, which in rows]
            own = np.array([entries.setdefault(name, len(entries)) for name in names], np.int64)
            found.append((group, own, rank, whole))
    parts, of_label = dict[str, Any](), None
    if layout.spread:
        chosen = {name: labels[name] for name in layout.spread}
        of_label, parts = ranked(chosen, len(next(iter(labels.values()))))
    return billed._replace(spread=Spread.of(found, of_label, entries), labels=labels, parts=parts)


def ranked(columns: dict[str, Any], height: int) -> tuple[Array, dict[str, Any]]:
    """The place of each row among the different ones in their order, and those."""
    code, different = coded(columns, height)
    count = len(next(iter(different.values())))
    labels = dict[str, Any]()
    for name, cells in different.items():
        text = cells.cast(cells.type.value_type) if pa.types.is_dictionary(cells.type) else cells
        # an empty label is none, so that its rows are those of no label
        if pa.types.is_string(text.type) or pa.types.is_large_string(text.type):
            text = pc.if_else(array_of(longs(pc.binary_length(text)) == 0), pa.nulls(1, text.type)[0], text)
        labels[name] = text
    once, kept = coded(labels, count)
    rank, ordered = in_order(kept)
    return rank[once[code]], ordered


def lines_of(billed: Billed) -> Any:
    """The lines of the groups of one plan."""
    options, layout, scale = billed.job.options, billed.job.layout, billed.job.plan.scale
    settled, shown, ends = billed.settled, dict[str, list[Any]](), list[int]()
    numbers, counted = (Decimals(scale), Decimals(scale)), list[Array]()
    group, what = places = GrowingArray(np.int32), GrowingArray(np.int32)
    for rows in settled.blocks():
        found_rows = rows if billed.spread is None else billed.spread.over(rows, list(settled.texts))
        # how many lines there are is known at the end; a guess that is large costs nothing until it is used
        times = settled.sums.groups / (int(found_rows.group.max(initial=0)) + 1)
        for column, n in zip(numbers, (found_rows.quantity, found_rows.amount), strict=True):
            column.add(n, times)
        for grown, cells in zip(places, (found_rows.group, found_rows.what), strict=True):
            grown.room(cells.size, times)[:] = cells
        counted.append(found_rows.counted)
        ends.append(group.size)
        for name, cells in _labels(billed, found_rows).items():
            shown.setdefault(name, []).append(cells)
    # an engine that takes places as they are takes them in one piece, and lets go of it at once
    ends = ends[-1:] if billed.is_coded else ends
    texts, at = list(settled.texts), _pieces(what.array, ends)
    groups = _pieces(group.array, ends)
    del places, group, what
    # one text for all rows: every chunk is a part of the longest
    zeros = array_of(np.zeros(max(map(len, at)), np.int32))
    quantity, amount = numbers
    by_place = placed if billed.is_coded else taken
    found = {
        **{name: by_place(cells, groups) for name, cells in billed.groups.items()},
        "plan": constant(options.plan.name or "", zeros, at),
        "currency": constant(options.plan.currency.code, zeros, at),
        "quantity": quantity.column(np.concatenate(counted)),
        "amount": amount.column(),
        **{name: pa.chunked_array(cells) for name, cells in shown.items()},
    }
    for place, name in enumerate(("kind", "meter", "description")):
        every = [text[place] for text in texts]
        found[name] = placed(texts_of(every), at) if billed.is_coded else named(every, at)
    for place, name in enumerate(ITEMISED[5:9] if layout.is_wide else (), 3):
        found[name] = by_place(by_text(texts, place, scale), at)
    return pa.table({name: found[name] for name in columns_of(layout)})


def _pieces(places: Array, ends: Sequence[int]) -> list[Any]:
    """Places as arrays of Arrow, one for each block."""
    return [array_of(places[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def columns_of(layout: Layout) -> tuple[str, ...]:
    """The columns of lines, in their order."""
    names = ITEMISED if layout.is_wide else LINES
    return (*layout.by, *names[:3], *map(shown_as, layout.shown), *names[3:])


def _labels(billed: Billed, rows: Rows) -> dict[str, Any]:
    """The columns of labels and of what lines are spread over, of a block of rows."""
    columns = dict[str, Any]()
    for name in billed.job.layout.shown:
        label = array_of(rows.label, valid=rows.label >= 0)
        column = billed.labels[name].take(label)
        if name in billed.parts:
            part = array_of(rows.part, valid=rows.part >= 0)
            column = billed.parts[name].take(part)
        columns[shown_as(name)] = column
    return columns


def named(texts: Sequence[str | None], what: Iterable[Any]) -> Any:
    """Texts by their places, as a dictionary: a few of them stand in millions of rows."""
    codes, known = (kept_dictionary if len(texts) <= FEW else dictionary_of)(tuple(texts))
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(codes.take(each), known) for each in what],
        pa.dictionary(pa.int32(), pa.string()),
    )


def dictionary_of(texts: Sequence[str | None]) -> tuple[Any, Any]:
    """Places among different texts, and these."""
    # the same text stands in millions of rows: as a number of four bytes it costs a tenth
    different = list(dict.fromkeys(text for text in texts if text is not None))
    places, known = {text: place for place, text in enumerate(different)}, texts_of(different)
    codes = array_of(
        np.array([0 if text is None else places[text] for text in texts], np.int32),
        np.array([text is not None for text in texts], bool),
    )
    return codes, known


# the bills of a plan say the same in every month
kept_dictionary = lru_cache(KEPT)(dictionary_of)


def taken(cells: Any, places: Sequence[Any]) -> Any:
    """The cells at some places."""
    return pa.chunked_array([cells.take(each) for each in places])


def placed(cells: Any, places: Sequence[Any]) -> Any:
    """The same for whoever takes places as they are: the columns of a line share one array of them."""
    if pa.types.is_dictionary(cells.type):
        return taken(cells, places)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(each, cells, safe=False) for each in places])


def by_text(texts: Sequence[Text], place: int, scale: int) -> Any:
    """What the texts of itemised lines say at one place, a number, if anything."""
    numbers = [text[place] if len(text) > place else None for text in texts]
    found = Ints(np.array([unscaled(n or ZERO, scale) for n in numbers], object))
    return decimals_of(found, scale, np.array([n is not None for n in numbers], bool))


def constant(text: str, zeros: Any, what: Sequence[Any]) -> Any:
    """A text for each of so many rows."""
    every = pa.DictionaryArray.from_arrays(zeros, kept_dictionary((text,))[1], safe=False)
    return pa.chunked_array([every.slice(0, len(each)) for each in what])
