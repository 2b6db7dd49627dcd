"""Rating runs on arrays: the stages of a bill, worked out for many groups at once.

The stages are those of single bills. What differs is the arithmetic: a number is an array of a number for
each group, so nothing here asks whether *the* number is zero; each group gets what it would get alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import gcd
from typing import Any

from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.credit_position import PROMOTIONAL
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.integer_price import IntegerPrice, Line, value, whole
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.rating_run import Identity, Note, Number, RatingRun
from tokenbill.errors import QuantityOverflow
from tokenbill.frames.engines import np
from tokenbill.frames.ints import LONG, WIDE, Array, Ints, beyond, lower, picked

__all__ = ["ArrayRun", "numerators"]

BLOCK = 1 << 16
"""Numbers whose tier is looked up at once: what fits the cache."""


class ArrayRun(RatingRun):
    """Charges of many groups on their way through the stages; a number that all groups share stays an int.

    ``charges`` are what was added one by one: what it is of, and its number. ``sold`` are the amounts of
    charges in tokens, once the price of tokens turned them into money, and how far spreads had widened them.
    ``promotional`` is what promotional credit paid of what it had ``offered``, in minor units.
    """

    __slots__ = ("charges", "entries", "offered", "promotional", "sold")

    def __init__(
        self,
        form: CompiledPlan,
        nets: list[Number],
        cells: Sequence[int],
        entries: Iterable[tuple[EntryCurve, Ints]] = (),
        *,
        final: bool = True,
        offered: Ints | None = None,
    ) -> None:
        super().__init__(nets, cells, round=form.round, whole_lines=form.whole_lines, final=final)
        self.notes, self.entries, self.offered = [], entries, offered
        self.promotional: Number = 0
        self.charges: list[tuple[Any, Number]] = []
        self.sold: tuple[Sequence[Number], Number] = (), 1

    def lower(self, one: Number, other: Number) -> Number:
        return lower(one, other)

    def beyond(self, number: Number, limit: Number) -> Number:
        return beyond(number, limit)

    def usage(self) -> Iterator[tuple[Number, int, Identity]]:
        for entry, numerator in self.entries:
            yield numerator, entry.cell, entry.identity

    def add(self, number: Number, cell: int, identity: Identity) -> None:
        super().add(number, cell, identity)
        self.charges.append((identity.of, number))

    def true_up(self, short: Number, parts: Sequence[tuple[int, int]], identity: Identity) -> None:
        self.add(short, parts[0][0], identity)

    def note(self, charge: Charge, amount: Number, over: Number, base: Number, base_over: Number) -> None:
        assert self.notes is not None  # arrays always show their lines
        self.notes.append(Note(charge, amount, over))

    def spread(self, off: Number, whole: Number, places: Sequence[int] | None) -> None:
        if isinstance(off, int) and isinstance(whole, int):
            super().spread(off, whole, places)
            return
        nets, places = self.nets, range(len(self.nets)) if places is None else places
        if len(places) == 1:
            nets[places[0]] = whole - off
        elif self.whole_lines:
            for i, part in zip(places, allocated(off, [nets[i] for i in places]), strict=True):
                nets[i] = nets[i] - part
        else:
            self.share(whole - off, whole, places)

    def share(self, keep: Number, whole: Number, places: Sequence[int]) -> None:
        # where all is kept, or nothing, the numbers of a group need not grow
        is_all, is_none = _is_zero(whole - keep) | _is_zero(whole), _is_zero(keep)
        # 0 of 0 is kept whole, or the group would be divided by nothing
        keep, whole = picked(is_all, 1, keep), picked(is_all | is_none, 1, whole)
        longest = max(net if isinstance(net, int) else net.top for net in self.nets)
        if longest * max(keep.tight().top, whole.tight().top) >= WIDE:
            # without the common divisor the digits of many discounts in turn would double at each
            keep, whole = shortened(keep, whole)
        inside = set(places)
        self.nets = [net * (keep if i in inside else whole) for i, net in enumerate(self.nets)]
        self.widened = whole * self.widened

    def pay_promotional(self, divisor: Number) -> None:
        if self.offered is not None:
            self.promotional = lower(self.offered, self.total)
            self.total = self.total - self.promotional
            # every tax is on all charges, so it is one whose charge the credit pays
            self.add(-self.promotional * divisor, 0, PROMOTIONAL)

    def burned(self) -> Sequence[int]:
        return [i for i, (source, _) in enumerate(self.charges) if isinstance(source, EntryCurve)]

    def price(self, stage: Any, whole: Number) -> Number:
        if isinstance(whole, int):
            return stage.at(whole)
        tokens = whole.tight()
        if tokens.top > stage.function.top:
            raise QuantityOverflow("tokens", "", tokens.top, stage.function.top)
        return numerators(stage.function, tokens)

    def sell(self, stretches: Sequence[Any], moneys: Sequence[Number], stage: Any) -> None:
        ((price, places, rests, whole),), (money,) = stretches, moneys  # a plan is one version
        if isinstance(whole, int):
            super().sell(stretches, moneys, stage)
            return
        for i, rest in zip(places, rests, strict=True):
            self.nets[i] = rest
        is_none = _is_zero(whole)
        alone, money = picked(is_none, money, 0), picked(is_none, 0, money)
        if self.whole_lines:
            for i, part in zip(places, allocated(money, rests), strict=True):
                self.nets[i] = part
        elif len(places) == 1:
            self.nets[places[0]] = money
        else:
            self.share(money, whole, places)
        self.sold = [self.nets[i] for i in places], self.widened
        # due though no token is left to pay: a charge of its own, which for most groups is nothing
        self.add(alone * self.widened, price.cell, price.identity)


def _is_zero(number: Number) -> Array:
    return np.array([not number]) if isinstance(number, int) else ~number.nonzero()


def shortened(keep: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """Both without what they have in common."""
    one, other = keep.tight(), whole.tight()
    if one.high is None and other.high is None and not (one.is_long or other.is_long):
        common = Ints(np.gcd(one.low, other.low))
    else:
        pairs = zip(*np.broadcast_arrays(one.long(), other.long()), strict=True)
        common = Ints(np.array([gcd(*pair) for pair in pairs], object))
    return one // common, other // common


def allocated(units: Number, weights: Sequence[Number]) -> list[Number]:
    """Whole units split by weights: each part gets its floor, the units left go to the largest remainders."""
    zero = Ints(np.zeros(max(item.size for item in (units, *weights) if isinstance(item, Ints)), np.int64), 0)
    whole = sum(weights) + zero
    # weights of nothing but zeros get nothing, and must not be divided by
    whole = picked(_is_zero(whole), 1, whole)
    parts = [(units * weight + zero) // whole for weight in weights]
    rests = [units * weight - part * whole for weight, part in zip(weights, parts, strict=True)]
    short = [rest.tight() for rest in rests]
    is_long = any(rest.high is not None or rest.is_long for rest in short)
    stacked = np.stack([rest.long() if is_long else rest.low for rest in short])
    rank = np.empty(stacked.shape, np.int64)
    # the largest remainder first, and of equal ones the first, as in a single bill
    order = np.argsort(-stacked, axis=0, kind="stable")
    np.put_along_axis(rank, order, np.arange(len(parts))[:, None], 0)
    left = units - sum(parts)
    gets = [(Ints(place, len(parts)) - left).signs() for place in rank]
    return [part + Ints(more.astype(np.int64), 1) for part, more in zip(parts, gets, strict=True)]


# ---------------------------------------------------------------- prices


def numerators(function: IntegerPrice, n: Ints) -> Ints:
    """What a price comes to at each of many n, none of them negative."""
    n = n.tight()
    if not n.size:
        return n
    most = n.top
    if n.high is not None or n.is_long or most > function.most(LONG):
        return by_piece(function, n)
    ends, lines = _reached(function, most)
    if not function.straight:
        return by_piece(function, n)
    rates = np.array([line.rate for line in lines], np.int64)
    constants = np.array([line.constant for line in lines], np.int64)
    if not ends:
        return Ints(whole(n.low * rates[0] + constants[0], function.divisor, function.mode))
    edges, result = np.array(ends, np.int64), np.empty_like(n.low)
    for start in range(0, n.size, BLOCK):
        block = n.low[start : start + BLOCK]
        place = np.searchsorted(edges, block)
        total = block * rates[place] + constants[place]
        result[start : start + BLOCK] = whole(total, function.divisor, function.mode)
    return Ints(result)


def _reached(function: IntegerPrice, most: int) -> tuple[list[int], tuple[Line, ...]]:
    """Ends and lines of the pieces that are reached: the numbers of others may be too long."""
    # the numbers of a tier that nobody reached may not fit 64 bits, and need not
    ends = [end for end in function.ends if end < most]
    return ends, function.lines[: len(ends) + 1]


def by_piece(function: IntegerPrice, n: Ints) -> Ints:
    """The same for lines with wholes, and for long numbers: piece after piece."""
    ends, lines = _reached(function, n.top)
    result: Ints | None = None
    for end, line in zip((-1, *ends), lines, strict=True):
        amount = value(line, n)
        amount = amount if isinstance(amount, Ints) else n * 0 + amount
        amount = whole(amount, function.divisor, function.mode)
        result = amount if result is None else picked((n - (end + 1)).signs(), result, amount)
    assert result is not None  # there is always a piece
    return result
