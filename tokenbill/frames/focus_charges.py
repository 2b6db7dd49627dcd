"""Charges of FOCUS: what the bills of a plan cost, each by itself or, where charges stand apart, in columns.

Where no term of a plan spreads an amount over several charges, what a charge costs follows from its entry and
its quantity alone. Then it is worked out once for each quantity that occurs, taxes are products of columns,
and no bill is made at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from math import lcm
from typing import NamedTuple

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ONE, ZERO, decimal, product
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.stages import AddTax, PayPromotional, PercentOff, RoundCash, RoundNet
from tokenbill.core.rating.statement import RatedCharge, fee_line
from tokenbill.frames.bills import BLOCK, Settled, held
from tokenbill.frames.block import Block
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, joined
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.scales import unscaled
from tokenbill.frames.sums import Cell, added
from tokenbill.frames.tables import Billed
from tokenbill.shared.focus.bill import bill_costs, tax_cost
from tokenbill.shared.focus.costs import Cost
from tokenbill.shared.focus.items import discounted, lines_cost

__all__ = ["MEASURES", "Charges", "charges_of"]

MEASURES = (
    "BilledCost",
    "ListCost",
    "ContractedCost",
    "EffectiveCost",
    "PricingCurrencyEffectiveCost",
    "PricingQuantity",
    "ConsumedQuantity",
)
"""The numbers that differ from one charge of a kind to the next, in the order of `Charges.numbers`."""
BILLED, LISTED, CONTRACTED = range(3)
APART = (PercentOff, RoundNet, PayPromotional, AddTax, RoundCash)
"""The stages that look at no other charge, but for a sum that is a charge of its own."""
DUST = 18
"""Decimals of what never ends: each such amount is off by less than one of them."""


class Charges(NamedTuple):
    """Charges of many bills, in the order of their rows: the group of each, and what kind of charge it is.

    ``what`` is a place among the kinds: costs without their numbers, which are ``numbers``, in 1/10^scale.
    ``day`` is a place among the days of usage, -1 for none.
    """

    group: Array
    what: Array
    numbers: Sequence[Ints]
    day: Array

    def taken(self, rows: Array) -> Charges:
        """Some of them."""
        numbers = [column[rows] for column in self.numbers]
        return Charges(self.group[rows], self.what[rows], numbers, self.day[rows])


class Kinds(dict[Cost, int]):
    """The kinds of charges that were met so far, each with its place."""

    def of(self, cost: Cost) -> int:
        """The place of the kind of a cost: what many charges have in common."""
        kind = cost._replace(
            quantity=None if cost.quantity is None else ONE,
            consumed=None if cost.consumed is None else ZERO,
            amount=ZERO,
            billed=ZERO,
            effective=ZERO,
            flat=(ZERO, ZERO),
            token=None if cost.token is None else (*cost.token[:2], ZERO),
            version=0,
        )
        return self.setdefault(kind, len(self))


def charges_of(billed: Billed, kinds: Kinds, list_prices: Schedule | None, fee: str | None) -> Charges:
    """The charges of the bills of all groups, in their order."""
    settled = billed.settled
    groups = np.arange(settled.sums.groups)
    if not groups.size or list_prices is not None or not is_apart(settled, fee):
        return one_by_one(billed, groups, kinds, list_prices, fee)
    charges, is_whole = Columns(settled, kinds).settled_charges()
    if is_whole.all():
        return charges
    alone = one_by_one(billed, groups[~is_whole], kinds, list_prices, fee)
    return merged([charges.taken(is_whole[charges.group]), alone])


def one_by_one(
    billed: Billed, groups: Array, kinds: Kinds, list_prices: Schedule | None, fee: str | None
) -> Charges:
    """The charges of some groups by ``Bill.of``."""
    settled, options = billed.settled, billed.job.options
    every, count = list[Cost](), list[int]()
    for usage in settled.usages(groups):
        bill = Bill.of(usage, settled.terms, period=options.period)
        costs = bill_costs(bill, {}, list_prices, fee)
        every += costs
        count.append(len(costs))
    return written(np.repeat(groups, np.array(count, np.int64)), every, kinds, options.scale)


def written(group: Array, costs: Sequence[Cost], kinds: Kinds, scale: int) -> Charges:
    """Costs as columns."""
    what = np.array([kinds.of(cost) for cost in costs], np.int32)
    numbers = [list[int]() for _ in MEASURES]
    for cost in costs:
        for column, number in zip(numbers, numbers_of(cost), strict=True):
            column.append(unscaled(number, scale, "a cost"))
    columns = [Ints(np.array(column, object)) for column in numbers]
    return Charges(group.astype(np.int32), what, columns, np.full(what.size, -1))


def numbers_of(cost: Cost) -> tuple[Decimal, ...]:
    """The numbers of a cost, in the order of the measures; 0 for what it has not."""
    drawn = cost.effective if cost.token is None else cost.token[2]
    quantity, consumed = cost.quantity or ZERO, cost.consumed or ZERO
    return cost.billed, cost.list_cost, cost.contracted_cost, cost.effective, drawn, quantity, consumed


def merged(parts: Iterable[Charges]) -> Charges:
    """Charges behind one another, bill by bill."""
    groups, whats, numbers, days = zip(*parts, strict=True)
    group = np.concatenate(groups)
    # stable, so that the charges of a bill stay in the order of its lines
    order = np.argsort(group, kind="stable")
    columns = [joined(list(column)) for column in zip(*numbers, strict=True)]
    return Charges(group, np.concatenate(whats), columns, np.concatenate(days)).taken(order)


# ---------------------------------------------------------------- columns


def is_apart(settled: Settled, fee: str | None) -> bool:
    """Whether no charge of the bills depends on another one."""
    plan, form = settled.plan.plan, settled.plan.form
    # a fee that pays for what the plan includes moves to the units of all entries, and a name has to be one
    is_covering = fee if fee is not None else plan.fees and plan.free_units
    if is_covering or plan.overage != "bill" or not (form.by_cell and settled.is_on_arrays):
        return False
    # terms with dates of their own make versions, of which each charge may have several items
    is_dated = Bill.of(Usage(), plan, period=settled.plan.period).request.versions is not None
    return not is_dated and all(isinstance(stage, APART) for stage in form.terms().settling)


class Columns:
    """The charges of all groups in columns, in the order of the lines of their bills."""

    def __init__(self, settled: Settled, kinds: Kinds) -> None:
        self.settled, self.kinds = settled, kinds
        self.plan, self.form, self.scale = settled.plan.plan, settled.plan.form, settled.plan.scale
        self.groups = settled.sums.groups
        self.by_cell = dict[int, list[Ints]]()

    def settled_charges(self) -> tuple[Charges, Array]:
        """All charges with the rounding, and which groups they are right for."""
        cells = self.settled.ordered(self.settled.cells)
        plan, count, places = self.settled.plan, self.groups, self.form.places
        blocks = [Block(plan, cells, at, min(at + BLOCK, count)) for at in range(0, count, BLOCK)]
        total = self.held(joined([block.run.total + block.zeros for block in blocks]), places)
        charges = merged([*self.charges(cells), *self.taxes(blocks)])
        rest = total - added(count, charges.group, charges.numbers[BILLED])
        rounding = self.of_all(Cost("Adjustment", "rounding", "rounding"), [rest] * 4)
        # What is so small may be no rounding: amounts that never end may come to the total all the same.
        sizes = Ints(np.bincount(charges.group, minlength=count)) * 10 ** max(self.scale - DUST, 0)
        is_large = (sizes - rest).signs() | (sizes + rest).signs()
        has_rest = rest.nonzero()
        return merged([charges, rounding.taken(has_rest)]), is_large | ~has_rest

    def charges(self, cells: Iterable[Cell]) -> Iterator[Charges]:
        """Fees and entries, each of all groups."""
        for stage in self.form.terms().fee_charges:
            line = fee_line(stage, self.form)
            item = RatedCharge(stage.identity, [line])
            net = decimal(product(line.precise, discounted(item, self.plan)))
            costs = lines_cost(item, item.lines, net, ZERO, self.plan)
            yield self.of_cell(stage.cell, np.arange(self.groups), np.zeros(self.groups, int), [costs])
        for cell in cells:
            yield self.entry(cell)

    def entry(self, cell: Cell) -> Charges:
        """The charges of one entry, worked out once for each quantity that occurs."""
        n, group = cell.n, np.arange(self.groups) if cell.group is None else cell.group
        if cell.entry not in self.form.card.always:
            is_used = n.nonzero()
            n, group = n[is_used], group[is_used]
        values, which = np.unique(n.low if n.high is None else n.long(), return_inverse=True)
        quantities = [quantity_of(value, self.settled.plan.unit) for value in values.tolist()]
        return self.of_cell(cell.entry.cell, group, which, [self.costs(cell.entry, it) for it in quantities])

    def costs(self, entry: EntryCurve, quantity: Decimal) -> list[Cost]:
        """What a quantity of an entry costs."""
        item = RatedCharge(entry.identity, entry.lines(quantity))
        net = product(entry.exact(entry.at(quantity)), discounted(item, self.plan))
        return lines_cost(item, item.lines, decimal(net), quantity, self.plan) if item.lines else []

    def of_cell(self, cell: int, group: Array, which: Array, every: Sequence[Sequence[Cost]]) -> Charges:
        """Charges of a cell: of each group the costs at one place of *every*."""
        flat = written(np.zeros(sum(map(len, every)), int), [*chain(*every)], self.kinds, self.scale)
        count = np.array([len(costs) for costs in every], np.int64)
        size, begin = count[which], (np.cumsum(count) - count)[which]
        row = np.repeat(np.arange(group.size), size)
        at = np.arange(row.size) - (np.cumsum(size) - size)[row] + begin[row]
        charges = flat.taken(at)._replace(group=group[row].astype(np.int32))
        both = [added(self.groups, charges.group, charges.numbers[i]) for i in (LISTED, CONTRACTED)]
        known = self.by_cell.setdefault(cell, both)
        if known is not both:
            self.by_cell[cell] = [one + other for one, other in zip(known, both, strict=True)]
        return charges

    def taxes(self, blocks: Sequence[Block]) -> Iterator[Charges]:
        """The lines of each tax, with its list and contracted costs."""
        notes = [[note for note in block.run.notes or () if note.charge.kind == "tax"] for block in blocks]
        lines = zip(*notes, strict=True)
        for stage in self.form.terms().settling:
            if not isinstance(stage, AddTax):
                continue
            for charge in filter(None, (stage.charge, stage.included)):
                parts = [note.amount + block.zeros for note, block in zip(next(lines), blocks, strict=True)]
                cost, amount = tax_cost(charge.description), self.held(joined(parts), self.form.places)
                bases = [self.base(stage, of) for of in range(2)]
                if cost.category != "Tax":
                    bases = [-base for base in bases]
                yield self.of_all(cost, [amount, *bases, amount])

    def of_all(self, cost: Cost, costs: Sequence[Ints]) -> Charges:
        """A charge of every group without price and quantity: its costs in the order of the measures."""
        group, zeros = np.arange(self.groups, dtype=np.int32), Ints(np.zeros(self.groups, np.int64), 0)
        what = np.full(self.groups, self.kinds.of(cost), np.int32)
        return Charges(group, what, [*costs, costs[BILLED], zeros, zeros], np.full(self.groups, -1))

    def base(self, stage: AddTax, of: int) -> Ints:
        """The list or contracted costs of a tax: its part of those of the charges."""
        over = lcm(*(part.denominator for part in stage.parts))
        whole = Ints(np.zeros(self.groups, np.int64), 0)
        for cell, sums in self.by_cell.items():
            whole = whole + sums[of] * int(stage.parts[cell] * over)
        found, rest = whole // over, (whole % over).nonzero()
        if rest.any():  # of what never ends a row has as many decimals as the column
            exact = [Fraction(n, over * 10**self.scale) for n in whole.long().tolist()]
            return Ints(np.array([unscaled(decimal(base), self.scale, "a cost") for base in exact], object))
        return found

    def held(self, numbers: Ints, places: int) -> Ints:
        """Numbers in 1/10^places with the decimals of the column."""
        return held(numbers, places, what="a cost", scale=self.scale, name=self.settled.sums.name)
