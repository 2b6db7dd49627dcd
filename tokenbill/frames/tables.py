"""Tables of bills: the sums of any engine, billed group by group, as columns of Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tokenbill.core.money.decimals import ZERO
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidPlan
from tokenbill.frames.arrow_columns import Decimals, coded, decimals_of
from tokenbill.frames.bills import Rows, Settled, held
from tokenbill.frames.column_plan import Text
from tokenbill.frames.dated import DatedBills, plans_by_version
from tokenbill.frames.engines import np, pa, pc
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import ITEMISED, LINES, Layout, shown_as
from tokenbill.frames.parts import Part
from tokenbill.frames.scales import unscaled
from tokenbill.frames.spread import Spread, in_order
from tokenbill.frames.sums import Sums, added

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
]

WHAT = "tokenbill what"
"""The column of the places of lines' texts, until these stand there; no column of a user's is called so."""


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
    by_plan = dict[int, tuple[BillingPlan, list[int]]]()
    for place, cell in enumerate(found[column].to_pylist()):
        # ids of customers are numbers in one table and text in the plan file
        plan: Any = plans.get(cell, plans.get(str(cell)))
        if plan is None:
            raise InvalidPlan("no plan for", cell, "give each customer one, or leave its rows out")
        by_plan.setdefault(id(plan), (plan, []))[1].append(place)
    if not by_plan:  # the types of a result do not depend on there being rows
        yield job, part
    for plan, places in by_plan.values():
        rows = np.flatnonzero(np.isin(code, np.array(places)))
        yield job.on(plan), part.taken(rows)


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
    if part.is_coded:
        places = pa.array(np.arange(count, dtype=np.int32))
        groups = {
            name: cells
            if pa.types.is_dictionary(cells.type)
            else pa.DictionaryArray.from_arrays(places, cells)
            for name, cells in groups.items()
        }
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
    versions = [plan] if layout.version is None else plans_by_version(job)
    entries, found = dict[str, int](), list[tuple[Array, Array, Array, Ints]]()
    for column, (n, places) in zip(layout.measures, part.sums, strict=True):
        keys = [
            str(layout.entry(versions[cell[-1] if layout.version is not None else 0], column, cell).key)
            for cell in cells
        ]
        known = np.array([entries.setdefault(key, len(entries)) for key in keys], np.int64)
        entry = known[code] if layout.pricing else np.full(part.height, known[0])
        found.append((group, entry, rank, n * (plan.unit // 10**places)))
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
            text = pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)
        labels[name] = text
    once, kept = coded(labels, count)
    rank, ordered = in_order(kept)
    return rank[once[code]], ordered


def lines_of(billed: Billed) -> Any:
    """The lines of the groups of one plan."""
    options, layout, scale = billed.job.options, billed.job.layout, billed.job.plan.scale
    settled, chunks = billed.settled, dict[str, list[Any]]()
    numbers, counted = (Decimals(scale), Decimals(scale)), list[Array]()
    for rows in settled.blocks():
        found_rows = rows if billed.spread is None else billed.spread.over(rows, list(settled.texts))
        # how many lines there are is known at the end; a guess that is large costs nothing until it is used
        done = int(found_rows.group.max(initial=0)) + 1
        for column, n in zip(numbers, (found_rows.quantity, found_rows.amount), strict=True):
            column.add(n, settled.sums.groups / done)
        counted.append(found_rows.counted)
        for name, cells in _columns(billed, found_rows).items():
            chunks.setdefault(name, []).append(cells)
    texts, what = list(settled.texts), chunks.pop(WHAT)
    # one text for all rows: every chunk is a part of the longest
    zeros = pa.array(np.zeros(max(map(len, what)), np.int32))
    quantity, amount = numbers
    found = {
        "plan": constant(options.plan.name or "", zeros, what),
        "currency": constant(options.plan.currency.code, zeros, what),
        "quantity": quantity.column(np.concatenate(counted)),
        "amount": amount.column(),
        **{name: pa.chunked_array(cells) for name, cells in chunks.items()},
    }
    for place, name in enumerate(("kind", "meter", "description")):
        every = [text[place] for text in texts]
        found[name] = by_place(pa.array(every, pa.string()), what) if billed.is_coded else named(every, what)
    for place, name in enumerate(ITEMISED[5:9] if layout.is_wide else (), 3):
        known = by_text(texts, place, scale)
        parts = None if billed.is_coded else [known.take(each) for each in what]
        found[name] = by_place(known, what) if parts is None else pa.chunked_array(parts)
    return pa.table({name: found[name] for name in columns_of(layout)})


def columns_of(layout: Layout) -> tuple[str, ...]:
    """The columns of lines, in their order."""
    names = ITEMISED if layout.is_wide else LINES
    return (*layout.by, *names[:3], *map(shown_as, layout.shown), *names[3:])


def _columns(billed: Billed, rows: Rows) -> dict[str, Any]:
    """The columns of a block of rows; ``what`` is the place of their texts."""
    layout, group = billed.job.layout, pa.array(rows.group)
    columns = {name: cells.take(group) for name, cells in billed.groups.items()}
    for name in layout.shown:
        label = pa.array(rows.label, mask=rows.label < 0)
        column = billed.labels[name].take(label)
        if name in billed.parts:
            part = pa.array(rows.part, mask=rows.part < 0)
            column = billed.parts[name].take(part)
        columns[shown_as(name)] = column
    columns[WHAT] = pa.array(rows.what)
    return columns


def named(texts: Sequence[str | None], what: Iterable[Any]) -> Any:
    """Texts by their places, as a dictionary: a few of them stand in millions of rows."""
    # the same text stands in millions of rows: as a number of four bytes it costs a tenth
    different = list(dict.fromkeys(text for text in texts if text is not None))
    places, known = {text: place for place, text in enumerate(different)}, pa.array(different, pa.string())
    codes = pa.array([None if text is None else places[text] for text in texts], pa.int32())
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(codes.take(each), known) for each in what],
        pa.dictionary(pa.int32(), pa.string()),
    )


def by_place(cells: Any, what: Sequence[Any]) -> Any:
    """The same for whoever takes places as they are: the columns of a line share one array of them."""
    return pa.chunked_array([pa.DictionaryArray.from_arrays(each, cells) for each in what])


def by_text(texts: Sequence[Text], place: int, scale: int) -> Any:
    """What the texts of itemised lines say at one place, a number, if anything."""
    numbers = [text[place] if len(text) > place else None for text in texts]
    cells = decimals_of(Ints(np.array([unscaled(n or ZERO, scale) for n in numbers], object)), scale)
    return pc.if_else(
        pa.array([n is not None for n in numbers], pa.bool_()), cells, pa.scalar(None, cells.type)
    )


def constant(text: str, zeros: Any, what: Sequence[Any]) -> Any:
    """A text for each of so many rows."""
    every = pa.DictionaryArray.from_arrays(zeros, pa.array([text], pa.string()))
    return pa.chunked_array([every.slice(0, len(each)) for each in what])
