"""Batches of rows: read one after the other, added up by group and meter, billed when the last one is in.

What is kept are the sums of each group and meter, never rows: files, streams of Arrow, and what an engine
hands over where its own arithmetic does not do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, cast

from tokenbill.core.base.quoting import quoted
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.frames.arrow_columns import (
    Numbers,
    Place,
    Source,
    coded,
    numbers_of,
    plain,
    readable,
    refuse_nulls,
)
from tokenbill.frames.engines import np, pa
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.job import Job, Report
from tokenbill.frames.layouts import Options, float_column, layout_of
from tokenbill.frames.parts import Part, added_up, common, joined, timed

__all__ = ["Batches", "Told", "Total", "as_it_is", "streamed", "told_of"]

PENDING = 1 << 20
"""Sums that may wait to be added together."""
CAST = 'in {}, write column "{}" as int64 or a decimal'

Told: TypeAlias = Callable[[int], object]
"""What is told how many rows were read."""


class Batches(NamedTuple):
    """Rows of one file or stream: what errors call it, its columns and their types, the batches of some.

    ``counted`` makes a column of quantities one of numbers; ``parts`` are what its path says of all rows,
    as in ``day=2026-11-01/tenant=acme/part-0.parquet``.
    """

    name: str
    names: Sequence[str]
    kinds: Mapping[str, Any]
    read: Callable[[Sequence[str]], Iterator[Any]]
    counted: Callable[[str, Any, Place], Any]
    parts: Mapping[str, str | None] = MappingProxyType({})

    def with_parts(self, options: Options) -> Batches:
        """With those parts of its path that are asked for as columns."""
        wanted = {*options.keys, *options.times, options.meter}
        found = {name: text for name, text in self.parts.items() if name in wanted and name not in self.kinds}
        if not found:
            return self
        kinds = {**self.kinds, **dict.fromkeys(found, pa.string())}

        def read(columns: Sequence[str]) -> Iterator[Any]:
            for batch in self.read([name for name in columns if name not in found]):
                more = {
                    name: pa.repeat(pa.scalar(text, pa.string()), len(batch)) for name, text in found.items()
                }
                arrays = [more[name] if name in more else batch.column(name) for name in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

        return self._replace(names=[*self.names, *found], kinds=kinds, read=read)


def as_it_is(_: str, cells: Any, __: Place) -> Any:
    """A column of numbers is one already."""
    return cells


def streamed(reader: Any, options: Options, report: Report) -> Any:
    """What *report* makes of a stream of Arrow's batches, as a table."""
    kinds = dict(zip(reader.schema.names, reader.schema.types, strict=True))

    def read(columns: Sequence[str]) -> Iterator[Any]:
        for batch in reader:
            yield batch.select(list(columns))

    batches = Batches("the stream", reader.schema.names, kinds, read, as_it_is)
    total = Total(options, batches)
    total.add(batches, lambda _: None)
    return total.report(report)


class Total:
    """The sums of all rows so far, some of them still waiting to be added together."""

    def __init__(self, options: Options, first: Batches) -> None:
        first = first.with_parts(options)
        with told_of(first.name):
            layout = layout_of(first.names, options)
        self.options, self.job = options, Job.of(options, layout, dict.fromkeys(layout.quantities, 0))
        self.layout = layout
        made = {column.name: pa.string() for column in options.calendar}
        made |= dict.fromkeys(options.numbered, pa.int64())
        kinds = {name: made[name] if name in made else first.kinds[name] for name in layout.keys}
        empty = {name: plain(readable(pa.nulls(0, kind))) for name, kind in kinds.items()}
        none = [(Ints(np.zeros(0, np.int64), 0), 0)] * len(layout.measures)
        self.parts, self.waiting = [Part(empty, none, 0)], 0
        self.kinds = {name: cells.type for name, cells in empty.items()}
        self.seen = set[tuple[Any, ...]]()

    def add(self, file: Batches, tell: Told) -> None:
        """Add the rows of a file."""
        file = file.with_parts(self.options)
        with told_of(file.name):
            found = layout_of(file.names, self.options)
        if set(found.quantities) != set(self.layout.quantities) or found.meter != self.layout.meter:
            raise UnreadableInput("a file with other columns than the first", file.name, "bill it on its own")
        for name in found.quantities:
            if pa.types.is_floating(file.kinds[name]):
                cast = CAST.format(file.name, name)
                raise float_column(name, file.kinds[name], odd=None, first=None, cast=cast)
        before, wanted = 0, [*self.layout.keys, *self.layout.quantities, *self.options.times]
        for batch in file.read([name for name in dict.fromkeys(wanted) if name in file.kinds]):
            self._add(batch, file, before)
            before += batch.num_rows
            tell(batch.num_rows)

    def _add(self, batch: Any, file: Batches, before: int) -> None:
        def place(row: int) -> str:
            return f"row {before + row} of {file.name}"

        source = Source(file.names, batch.column, batch.num_rows, place=place)
        source, sums = timed(source, self.options), list[Numbers]()
        for name in self.layout.quantities:
            cells = file.counted(name, source.column(name), source.place)
            sums.append(numbers_of(name, cells, place=source.place, signed=self.layout.signed))
        sums += [(Ints(np.ones(source.height, np.int64), 1), 0)] * len(self.layout.counts)
        keys = {name: readable(source.column(name)) for name in self.layout.keys}
        for name, cells in keys.items():
            refuse_nulls(name, cells, self.layout, source.place)
        part = added_up(keys, sums, source.height)
        self._match(part, keys, source.place)
        for name, cells in part.keys.items():
            kind = common([self.kinds[name], cells.type])
            if kind is None:
                what = f"column {quoted(name)} of another type than in the first file"
                raise UnreadableInput(what, file.name, "write it with one type")
            self.kinds[name] = kind
        self.parts.append(part)
        self.waiting += part.height
        # joined now and then: the memory is that of the groups, and each sum is moved a few times only
        if self.waiting > max(PENDING, self.parts[0].height):
            self._join()

    def _match(self, part: Part, keys: Mapping[str, Any], place: Place) -> None:
        """Refuse meters without a price in the batch that brings them, and not after the last file."""
        _, variants = self._variants(part.keys, part.height)
        for variant in variants:
            if variant not in self.seen:
                self._price(variant, keys, place)
                self.seen.add(variant)

    def _price(self, variant: tuple[Any, ...], keys: Mapping[str, Any], place: Place) -> None:
        if self.options.plans is not None or not isinstance(self.options.plan, BillingPlan):
            return  # which plan prices a row is known once its customer is; what is added up asks for none
        refused: TokenbillError | None = None
        for plan in self.options.every_plan:  # the price of any version will do, until that of a row is known
            try:
                self.job.layout.entry(self.job.on(plan).plan, self.layout.measures[0], variant)
            except TokenbillError as error:
                refused = error
            else:
                return
        with told_of(place(self._first(variant, keys))):
            raise cast(TokenbillError, refused) from None

    def _variants(self, keys: Mapping[str, Any], height: int) -> tuple[Array, list[tuple[Any, ...]]]:
        """What tells the meters of rows apart, and which of it each row has."""
        code, found = coded({name: keys[name] for name in self.job.layout.variants}, height)
        return code, list(zip(*(cells.to_pylist() for cells in found.values()), strict=True))

    def _first(self, variant: tuple[Any, ...], keys: Mapping[str, Any]) -> int:
        """The first row of a variant."""
        code, variants = self._variants(keys, len(next(iter(keys.values()))))
        return int(np.argmax(code == variants.index(variant)))

    def _join(self) -> None:
        self.parts, self.waiting = [joined(self.parts)], 0

    def report(self, report: Report) -> Any:
        """What *report* makes of all rows."""
        self._join()
        (part,) = self.parts
        return report(Job.of(self.options, self.layout, part.places(self.layout)), part)


@contextmanager
def told_of(where: str) -> Generator[None, None, None]:
    """Say before what is refused where that is."""
    try:
        yield
    except TokenbillError as error:
        error.args = (f"{where}: {error}",)
        raise
