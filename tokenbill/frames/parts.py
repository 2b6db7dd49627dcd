"""Parts: sums by group and meter, which are added together until they are rated.

A part is small beside the rows that it stands for, and may be sent from one process to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tokenbill.core.base.quoting import listed
from tokenbill.errors import UnreadableInput
from tokenbill.frames.arrow_columns import Numbers, Source, array_of, coded, keys_of, numbers_of
from tokenbill.frames.engines import np, pa
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.ints import joined as joined_ints
from tokenbill.frames.layouts import Layout, Options
from tokenbill.frames.sums import added
from tokenbill.frames.times import made_columns

__all__ = ["Part", "added_up", "common", "joined", "part_of", "timed"]

LONG_OF = ((pa.large_string(), pa.string()), (pa.large_binary(), pa.binary()))
"""Types of the same cells."""


class Part(NamedTuple):
    """Sums: the cells that name the groups and meters, and for each column of quantities its numbers.

    Whose part ``is_coded`` takes lines whose cells are places in dictionaries.
    """

    keys: dict[str, Any]
    sums: list[Numbers]
    height: int
    is_coded: bool = False

    def places(self, layout: Layout) -> dict[str, int]:
        """The decimals of each column of quantities."""
        return {name: digits for name, (_, digits) in zip(layout.quantities, self.sums, strict=False)}

    def taken(self, rows: Array) -> Part:
        """Some of its rows."""
        keys = {name: cells.take(array_of(rows)) for name, cells in self.keys.items()}
        return Part(keys, [(n[rows], places) for n, places in self.sums], len(rows))


def timed(source: Source, options: Options) -> Source:
    """The columns of a frame with those made out of its times, and without rows outside the period."""
    if not options.times:
        return source
    made, kept = made_columns(options, source.column, source.place)

    def column(name: str) -> Any:
        if name in made:
            return made[name]
        cells = source.column(name)
        return cells if kept is None else cells.take(array_of(kept))

    if kept is None:
        return source._replace(column=column)

    def place(row: int) -> str:
        return source.place(int(kept[row]))

    return source._replace(column=column, height=len(kept), place=place)


def part_of(source: Source, layout: Layout, options: Options) -> Part:
    """The sums of some columns, checked."""
    source = timed(source, options)
    numbers = [
        numbers_of(name, source.column(name), source.cast, source.place, signed=layout.signed)
        for name in layout.quantities
    ]
    # a row is one, whatever its quantities; so a count is a column of ones that nobody has to write
    ones = Ints(np.ones(source.height, np.int64), 1)
    numbers += [(ones, 0)] * len(layout.counts)
    keys = {name: keys_of(name, source, layout) for name in layout.keys}
    return added_up(keys, numbers, source.height)


def added_up(keys: Mapping[str, Any], numbers: Iterable[Numbers], height: int) -> Part:
    """Rows as one sum for each of their groups and meters."""
    code, different = coded(keys, height)
    count = len(next(iter(different.values()))) if different else 1
    return Part(different, [(added(count, code, n), places) for n, places in numbers], count)


def joined(parts: Sequence[Part]) -> Part:
    """Parts of the same columns as one."""
    keys, sums = dict[str, Any](), list[Numbers]()
    for name in parts[0].keys:
        cells = [part.keys[name] for part in parts]
        kinds = {column.type for column in cells}
        kind = common(kinds)
        if kind is None:
            way_out = "give it one type in all parts"
            raise UnreadableInput("a key of several types", listed(map(str, kinds)), way_out)
        keys[name] = pa.concat_arrays([column.cast(kind) for column in cells])
    for column in zip(*(part.sums for part in parts), strict=True):
        # a batch of whole numbers and one of cents are added in cents
        most = max(places for _, places in column)
        sums.append((joined_ints([n * 10 ** (most - places) for n, places in column]), most))
    return added_up(keys, sums, sum(part.height for part in parts))


def common(kinds: Iterable[Any]) -> Any | None:
    """The type that keys of these types can have together; None where there is none."""
    found = {*kinds} - {pa.null()}  # the type of labels that are all missing
    for long, short in LONG_OF:
        if found == {long, short}:
            return long
    return None if len(found) > 1 else next(iter(found), pa.null())
