"""Itemised lines: the tiers of each entry as rows of their own, with rate and bounds, as a bill shows them.

An array knows what an entry comes to, and its price how that comes about. Between two quantities at which a
price changes its lines stay the same but for their numbers, which are straight lines or blocks of the
quantity. So a price is asked at three quantities of such a stretch, and arrays do the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from tokenbill.core.money.decimals import ONE, ZERO, Exact, rounded
from tokenbill.core.pricing.breakdown import is_own
from tokenbill.core.pricing.curves import NIL, Curve
from tokenbill.core.pricing.price import AtLeast, Combinator, InUnits, Price
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.lines import LineItem
from tokenbill.frames.block import BillLine, Block
from tokenbill.frames.column_plan import Text, item_text
from tokenbill.frames.engines import np
from tokenbill.frames.ints import LONG, Array, Ints, picked
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.scales import SCALE, shown_to, unscaled

__all__ = ["Itemiser", "changes"]

FAR = 10**6
"""How far within a stretch without an end its lines are tried."""


class LineForm(NamedTuple):
    """A line as a function of n: its text, quantity and amount, each a constant and a rate for n.

    To the amount comes *fee* for each whole one of *blocks*, which are made whole in the *direction*.
    """

    text: Text
    quantity: tuple[Fraction, Fraction]
    amount: tuple[Fraction, Fraction]
    fee: Fraction = NIL
    blocks: tuple[Fraction, Fraction] = (NIL, NIL)
    direction: str = "down"


class LineTable(NamedTuple):
    """The lines of many stretches, one after the other, as arrays: where each begins, and how many it has.

    Quantities are in 1/(unit × 10^decimals), amounts in 1/over.
    """

    begin: Array
    count: Array
    code: Array
    quantity: tuple[Ints, Ints]
    decimals: int
    amount: tuple[Ints, Ints]
    over: int
    fee: Ints
    blocks: tuple[Ints, Ints, Ints]

    def quantities(self, at: Array, n: Ints) -> Ints:
        """The quantities of some lines at these n."""
        constant, rate = self.quantity
        return constant[at] + rate[at] * n

    def numerators(self, at: Array, n: Ints) -> Ints:
        """Their amounts."""
        constant, rate = self.amount
        found = constant[at] + rate[at] * n
        if not self.fee.top:
            return found
        start, each, divisor = self.blocks
        return found + self.fee[at] * ((start[at] + each[at] * n) // divisor[at])


def table_of(stretches: Sequence[Sequence[LineForm]], texts: dict[Text, int], unit: int) -> LineTable:
    """Lines as arrays; their texts are put to those of the bills."""
    flat = [form for forms in stretches for form in forms]
    count = np.array([len(forms) for forms in stretches], np.int64)
    parts = lcm(*(number.denominator for form in flat for number in form.quantity))
    decimals = next(places for places in range(parts.bit_length()) if 10**places * unit % parts == 0)
    size = unit * 10**decimals
    over = lcm(*(number.denominator for form in flat for number in (*form.amount, form.fee)))
    sizes = [lcm(*(number.denominator for number in form.blocks)) for form in flat]
    # what is added before a quotient is rounded down, so that a started block, or half a one, is a full one
    shifts = [
        {"down": 0, "up": each - 1, "half_up": each // 2}[form.direction]
        for form, each in zip(flat, sizes, strict=True)
    ]
    pairs = list(zip(flat, sizes, shifts, strict=True))
    return LineTable(
        np.cumsum(count) - count,
        count,
        np.array([texts.setdefault(form.text, len(texts)) for form in flat], np.int32),
        (ints(form.quantity[0] * size for form in flat), ints(form.quantity[1] * size for form in flat)),
        decimals,
        (ints(form.amount[0] * over for form in flat), ints(form.amount[1] * over for form in flat)),
        over,
        ints(form.fee * over for form in flat),
        (
            ints(form.blocks[0] * each + shift for form, each, shift in pairs),
            ints(form.blocks[1] * each for form, each, _ in pairs),
            ints(sizes),
        ),
    )


def ints(numbers: Iterable[Fraction | int]) -> Ints:
    """Whole numbers as an array."""
    found = [int(number) for number in numbers]
    is_long = max(map(abs, found), default=0) >= LONG
    return Ints(np.array(found, object if is_long else np.int64))


class Itemiser:
    """The lines of the entries of a plan, stretch by stretch; ``texts`` are those of the bills."""

    def __init__(self, texts: dict[Text, int], unit: int, scale: int) -> None:
        self.texts, self.unit, self.scale = texts, unit, scale
        self.entries: dict[EntryCurve, _EntryLines] = {}

    def lines(self, block: Block) -> Iterator[BillLine]:
        """The lines of a block, each entry's in its tiers."""
        entries = {str(cell.entry.key): cell.entry for cell in block.cells}
        for line in block.lines():
            kind, meter, _ = line.text
            if kind == "usage" and meter is not None:
                yield from self._tiers(block, line, entries[meter])
            else:
                yield line

    def _tiers(self, block: Block, line: BillLine, entry: EntryCurve) -> Iterator[BillLine]:
        assert line.quantity is not None  # usage has one
        known = self.entries.get(entry)
        if known is None:
            known = self.entries[entry] = _EntryLines(entry, self)
        n = line.quantity.tight()
        line = line._replace(quantity=n)
        which = known.stretches(n)
        if known.table is not None and which is not None:
            yield from itemised(block, line, np.flatnonzero(which >= 0), which, known.table)
        rest = np.arange(n.size) if which is None else np.flatnonzero(which < 0)
        if rest.size:
            # customers use the same few quantities over and over: a price is asked once for each
            values, of_value = np.unique(n[rest].long(), return_inverse=True)
            forms = [known.at(value) for value in values.tolist()]
            of_row = np.zeros(n.size, np.int64)
            of_row[rest] = of_value
            yield from itemised(block, line, rest, of_row, table_of(forms, self.texts, self.unit))


class _EntryLines:
    """The lines of one entry: its stretches, and those of them that were met so far."""

    def __init__(self, entry: EntryCurve, itemiser: Itemiser) -> None:
        self.entry, self.itemiser = entry, itemiser
        self.ends = last_of_each(entry.price, itemiser.unit)
        # of each stretch its place in the table, -1 where its lines are no such functions
        self.places: dict[int, int] = {}
        self.forms: list[list[LineForm]] = []
        self.table: LineTable | None = None

    def stretches(self, n: Ints) -> Array | None:
        """Where the lines of each n stand in the table, -1 for none; None where there is no table."""
        if self.ends is None or n.high is not None or n.is_long:
            return None
        stretch = np.searchsorted(np.array(self.ends, np.int64), n.low)
        found, of_row = np.unique(stretch, return_inverse=True)
        before = len(self.forms)
        for each in found.tolist():
            if each not in self.places:
                forms = self._forms(each)
                self.places[each] = -1 if forms is None else len(self.forms)
                self.forms += [] if forms is None else [forms]
        if len(self.forms) > before:
            self.table = table_of(self.forms, self.itemiser.texts, self.itemiser.unit)
        return np.array([self.places[each] for each in found.tolist()], np.int64)[of_row]

    def at(self, n: int) -> list[LineForm]:
        """The lines at one n, whose numbers are shown to the decimals of the columns."""
        scale, found = self.itemiser.scale, list[LineForm]()
        for item in self._asked(n):
            quantity = unscaled(item.quantity or ZERO, scale, "a quantity")
            amount = unscaled(shown_to(item.exact, scale), scale)
            shown = Fraction(quantity, 10**scale), Fraction(amount, 10**scale)
            found.append(LineForm(item_text(item), (shown[0], NIL), (shown[1], NIL)))
        return found

    def _asked(self, n: int) -> list[LineItem]:
        return self.entry.lines(quantity_of(n, self.itemiser.unit))

    def _forms(self, stretch: int) -> list[LineForm] | None:
        """The lines of a stretch, if three of its quantities have them."""
        assert self.ends is not None  # else there are no stretches
        low = self.ends[stretch - 1] + 1 if stretch else 0
        high = self.ends[stretch] if stretch < len(self.ends) else low + FAR
        points = sorted({low, min(low + 1, high), high})
        asked = [self._asked(n) for n in points]
        if len({len(items) for items in asked}) > 1:
            return None
        forms = [form_of(points, items) for items in zip(*asked, strict=True)]
        # a quantity that a column does not hold, or that was cut, is asked for on its own: it may be refused
        most = min(self.itemiser.scale, SCALE - 1)
        if any(decimals_in(item.quantity) > most for items in asked for item in items):
            return None
        return None if None in forms else [form for form in forms if form is not None]


def decimals_in(quantity: Decimal | None) -> int:
    """How many decimals a quantity is written with."""
    return 0 if quantity is None else -int(quantity.as_tuple().exponent)


def form_of(points: Sequence[int], items: Sequence[LineItem]) -> LineForm | None:
    """One line as a function of n, of which these are the values at some points."""
    charge, text = items[0].charge, item_text(items[0])
    quantities = [Fraction(item.quantity or 0) for item in items]
    quantity = straight(points, quantities)
    if quantity is None or any(item_text(item) != text for item in items):
        return None
    if charge.round == "none" or charge.rate is None:
        amount = straight(points, [item.exact for item in items])
        return None if amount is None else LineForm(text, quantity, amount)
    per, rate, fee = (Fraction(number) for number in (charge.per or ONE, charge.rate, charge.fee))
    told: list[Exact] = [fee + rate * Fraction(rounded(each / per, charge.round)) for each in quantities]
    if told != [item.exact for item in items]:
        return None
    blocks = quantity[0] / per, quantity[1] / per
    return LineForm(text, quantity, (fee, NIL), rate, blocks, charge.round)


def straight(points: Sequence[int], values: Sequence[Fraction]) -> tuple[Fraction, Fraction] | None:
    """The constant and the rate of the line through these values; None where there is no such line."""
    rate = (values[1] - values[0]) / (points[1] - points[0]) if len(points) > 1 else NIL
    constant = values[0] - rate * points[0]
    pairs = zip(points, values, strict=True)
    return (constant, rate) if all(constant + rate * n == value for n, value in pairs) else None


def itemised(block: Block, line: BillLine, rows: Array, which: Array, table: LineTable) -> Iterator[BillLine]:
    """Some rows of the line of an entry as the lines of the table, which add up to each."""
    assert line.quantity is not None  # usage has one
    of_row, n, amount = which[rows], line.quantity[rows], line.amount[rows]
    where = rows if line.where is None else line.where[rows]
    count, parts = table.count[of_row], list[tuple[Array, BillLine]]()
    for place in range(int(count.max(initial=0))):
        there = np.flatnonzero(count > place)
        at, used = table.begin[of_row[there]] + place, n[there]
        part = block.line(line.text, table.numerators(at, used), table.over)
        parts.append((there, part._replace(decimals=table.decimals)))
    places = max(line.places, *(part.places for _, part in parts)) if parts else line.places
    rest = amount * 10 ** (places - line.places)
    for there, part in parts:
        rest = rest - (part.amount * 10 ** (places - part.places)).placed(rows.size, there)
    # amounts that never end are cut line by line, and the last one takes the digits that this loses
    size = picked(rest.signs(), -rest, rest) * 10 ** (block.plan.scale - places)
    # what a term changed, as rounding by line does, no price explains: such a row stays as it is
    is_kept = (count > 0) & (size - (Ints(count) + 1)).signs()
    for place, (there, part) in enumerate(parts):
        kept = np.flatnonzero(is_kept[there])
        found, at = there[kept], table.begin[of_row[there[kept]]] + place
        is_last = Ints((count[found] == place + 1).astype(np.int64), 1)
        shown = part.amount[kept] * 10 ** (places - part.places) + rest[found] * is_last
        yield part._replace(
            amount=shown,
            places=places,
            where=where[found],
            codes=table.code[at],
            quantity=table.quantities(at, n[found]),
        )
    left = np.flatnonzero(~is_kept)
    yield line._replace(amount=amount[left], where=where[left], quantity=n[left])


# ---------------------------------------------------------------- where lines change


def last_of_each(price: Price, unit: int) -> list[int] | None:
    """The last n of each stretch on which the lines of a price stay the same; None where nobody knows."""
    found = changes(price) if is_own(price) else None
    if found is None:
        return None
    # an end may belong to either side, so that it is a stretch of its own, as the quantity zero is
    ends = {0}
    for place in (quantity * unit for quantity in found if quantity > 0):
        last = place // 1
        ends |= {last - 1, last} if last == place else {last}
    return sorted(end for end in ends if end < LONG)


def changes(price: Price) -> set[Fraction] | None:
    """The quantities at which the lines of a price become other ones; None where nobody knows them all.

    >>> from tokenbill import Graduated, Tier
    >>> sorted(changes(Graduated([Tier(5, "0.10"), Tier(None, "0.01")]).after(3)))
    [Fraction(0, 1), Fraction(3, 1), Fraction(8, 1)]
    """
    pieces = price.pieces()
    if pieces is None:
        return None
    found = {piece.end.at for piece in pieces[1:] if piece.end is not None}
    if not isinstance(price, Combinator):
        return found
    if isinstance(price, InUnits) and type(price.price) is PerUnit and price.price.per == price.times == 1:
        return found  # whole minutes at a rate make one line, which counts the seconds
    for part, reaching in price.input_curves():
        inner = changes(part)
        # what reaches a price in blocks, and what a minimum lifts of blocks, changes at every block
        if inner is None or reaching is None or has_steps(reaching):
            return None
        if isinstance(price, AtLeast) and has_steps(part.pieces()):
            return None
        # where another price takes over, and where units begin to reach it, though amounts go on as they were
        found |= {piece.end.at for piece in reaching if piece.end is not None}
        forms = [piece.form for piece in reaching if piece.form.rate]
        found |= {(end - form.constant) / form.rate for end in (NIL, *inner) for form in forms}
    return found


def has_steps(curve: Curve | None) -> bool:
    """Whether a curve counts blocks anywhere; one that nobody knows may."""
    return curve is None or any(piece.form.steps for piece in curve)
