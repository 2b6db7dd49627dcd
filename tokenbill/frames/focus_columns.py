"""FOCUS in columns: what the bills of many groups cost, without a bill.

The prices of a charge follow from its entry and its quantity, so they are worked out once for each quantity
that occurs. What terms leave of a charge is settled on arrays, as the total and the taxes are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from tokenbill.core.base.inputs import pairs_of
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import (
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    product,
    running_differences,
)
from tokenbill.core.pricing.price import Each
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.entry_curve import EntryCurve
from tokenbill.core.rating.lines import LineItem
from tokenbill.core.rating.rating_run import Identity
from tokenbill.core.rating.stages import (
    AddTax,
    CapAtMaximum,
    FixedOff,
    PayPromotional,
    PercentOff,
    RoundCash,
    RoundNet,
    TrueUpToMinimum,
)
from tokenbill.core.rating.statement import RatedCharge, fee_line
from tokenbill.frames.bills import BLOCK, Settled, held
from tokenbill.frames.block import Block
from tokenbill.frames.engines import np
from tokenbill.frames.focus_charges import (
    BILLED,
    CONTRACTED,
    DRAWN,
    EFFECTIVE,
    LISTED,
    Charges,
    Kinds,
    Sheet,
    merged,
    one_by_one,
)
from tokenbill.frames.ints import Array, Ints, joined, picked
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.scales import unscaled
from tokenbill.frames.sums import Cell, added
from tokenbill.frames.tables import Billed
from tokenbill.shared.focus.allowance import moved_costs, within_allowance
from tokenbill.shared.focus.bill import tax_cost
from tokenbill.shared.focus.costs import Cost, Listed, priced, split
from tokenbill.shared.focus.items import discounted, listed_lines, parts_cost, public_plan, shown_lines
from tokenbill.shared.focus.stretches import RatedPeriod

__all__ = ["charges_of"]

APART = (PercentOff, RoundNet, PayPromotional, AddTax, RoundCash)
"""The stages that look at no other charge, but for sums that are charges of their own."""
NOTHING: Listed = MappingProxyType({})
SPREAD = (FixedOff, CapAtMaximum, TrueUpToMinimum)
"""Those that spread an amount over charges, or lift all of them together."""


def charges_of(billed: Billed, kinds: Kinds, list_prices: Schedule | None, fee: str | None) -> Charges:
    """The charges of the bills of all groups, in their order."""
    settled, groups = billed.settled, np.arange(billed.settled.sums.groups)
    if groups.size and is_settled_on_arrays(settled):
        plan, period = settled.plan.plan, settled.plan.period
        public = None if list_prices is None else public_plan(plan, period, list_prices)
        covering = covering_fee(settled, fee)
        if covering is not None and (public is None or is_listed_apart(settled, public)):
            return Columns(settled, kinds, covering, public).charges()
    return one_by_one(billed, groups, kinds, list_prices, fee)


def is_settled_on_arrays(settled: Settled) -> bool:
    """Whether arrays settle the bills, charge by charge, of one version of the terms."""
    plan, form = settled.plan.plan, settled.plan.form
    if plan.overage != "bill" or plan.token_price is not None or not settled.is_on_arrays:
        return False
    # terms with dates of their own make versions, of which each charge may have several items
    is_dated = Bill.of(Usage(), plan, period=settled.plan.period).request.versions is not None
    return not is_dated and all(isinstance(stage, (*APART, *SPREAD)) for stage in form.terms().settling)


def is_listed_apart(settled: Settled, public: CompiledPlan) -> bool:
    """Whether each entry that is used has a list price of its own, which reads no quantity of another one."""
    used = [cell.entry for cell in settled.cells if cell.n.nonzero().any()]
    return len({public.card[str(entry.key)] for entry in used}) == len(used)


def covering_fee(settled: Settled, fee: str | None) -> str | None:
    """The fee that pays for what the plan includes, empty for none; None where only a bill can tell."""
    plan = settled.plan.plan
    names = [each.name for each in plan.period_fees]
    if fee and names and fee not in names:
        return None  # a bill says what is wrong with it
    if not (plan.free_units and names) or fee == "":
        return ""
    # of an entry of groups nobody knows before its usage how many allowances there are
    included = (price for key, price in pairs_of(plan.prices) or () if Meter(key) in plan.free_units)
    return None if any(isinstance(price, Each) for price in included) else fee or names[0]


Quoted: TypeAlias = "tuple[Sequence[LineItem], Exact, Exact, Listed]"
"""What a quantity costs: lines, what these come to, what of it no fee covers, and lines at list prices."""


class Item(NamedTuple):
    """A charge of all groups: which of its costs each has, and these with their weights in it."""

    identity: Identity
    cell: int
    group: Array
    which: Array
    sheet: Sheet
    weights: Sequence[Sequence[Exact]]


class Columns:
    """The charges of all groups in columns, in the order of the lines of their bills.

    ``nets`` are what is left of each charge, with what they are over, where lines are rounded or a term
    spreads an amount over several; ``by_cell`` list and contracted costs by cell, which taxes are on.
    """

    def __init__(self, settled: Settled, kinds: Kinds, covering: str, public: CompiledPlan | None) -> None:
        self.settled, self.kinds, self.public = settled, kinds, public
        self.plan, self.form, self.scale = settled.plan.plan, settled.plan.form, settled.plan.scale
        self.terms, self.groups = self.form.terms(), settled.sums.groups
        self.zeros = Ints(np.zeros(self.groups, np.int64), 0)
        self.by_cell = dict[int, list[Ints]]()
        # without usage no allowance is touched: all there are, in their order
        self.period = RatedPeriod(self.form, (Usage(),), (None,), ())
        self.allowances = within_allowance(self.period) if covering else {}
        self.covering = covering if self.allowances else ""
        self.included = {each.meter: each.units for each in self.allowances.values()}
        self.cells = settled.ordered(settled.cells)
        is_spread = self.form.whole_lines or any(isinstance(it, SPREAD) for it in self.terms.settling)
        self.blocks = [
            Block(settled.plan, self.cells, at, min(at + BLOCK, self.groups), by_charge=is_spread)
            for at in range(0, self.groups, BLOCK)
        ]
        (rounding,) = (stage for stage in self.terms.settling if isinstance(stage, RoundNet))
        self.unit = rounding.divisor
        self.nets = self.left_by_charge() if is_spread else {}

    def left_by_charge(self) -> dict[object, tuple[Ints, Ints]]:
        """What terms leave of each charge."""
        parts = dict[object, list[tuple[Ints, Ints]]]()
        for block in self.blocks:
            for source, _ in block.run.charges:
                parts.setdefault(source, [])
        for block in self.blocks:
            over = self.unit * 10**self.form.places * block.run.widened + block.zeros
            own = {of: net for (of, _), net in zip(block.run.charges, block.run.nets, strict=True)}
            for source, found in parts.items():  # no group of a block may have used an entry
                found.append((own.get(source, 0) + block.zeros, over))
        return {
            of: (joined([n for n, _ in it]), joined([over for _, over in it])) for of, it in parts.items()
        }

    def charges(self) -> Charges:
        """All charges, with what is left to the total of each bill."""
        items = [*self.items()]
        parts = [self.of_item(item) for item in items]
        beside = [*self.prepaid(items), *self.taxes()]
        rest = self.held(joined([block.run.total + block.zeros for block in self.blocks]), self.form.places)
        for charges in (*parts, *beside):
            rest = rest - added(self.groups, charges.group, charges.numbers[BILLED])
        # where nothing is rounded, the last digit of amounts that do not end goes to the last charge
        dust = picked(self.is_exact(), rest, 0)
        for place, item in reversed([*enumerate(items)]):
            if not self.is_covering(item):
                parts[place], taken = with_dust(parts[place], dust)
                dust, rest = dust - taken, rest - taken
        for place, item in enumerate(items):
            if self.is_covering(item):  # its cost is with the units
                nothing = parts[place].numbers[BILLED] * 0
                parts[place] = parts[place].changed({EFFECTIVE: nothing, DRAWN: nothing})
        rounding = self.of_all(Cost("Adjustment", "rounding", "rounding"), [rest] * 4)
        return merged([*parts, *beside, rounding.taken(rest.nonzero())])

    def is_exact(self) -> Array:
        """Where the charges and taxes of a bill come to its total without a rounding."""
        found = list[Array]()
        for block in self.blocks:
            run = block.run
            taxes = sum(note.amount for note in run.notes or () if note.charge.kind == "tax")
            net = (run.total - taxes) * self.unit * run.widened
            found.append(~(sum(run.nets) - net + block.zeros).nonzero())
        return np.concatenate(found)

    # ---- charges

    def items(self) -> Iterator[Item]:
        """Fees, entries and true-ups, in the order of the lines."""
        every, one = np.arange(self.groups), np.zeros(self.groups, np.int64)
        for fee in self.terms.fee_charges:
            line = fee_line(fee, self.form)
            yield self.item(fee.identity, fee.cell, every, one, [([line], line.precise, ZERO, NOTHING)])
        for cell in self.cells:
            entry, n, group = cell.entry, cell.n, every if cell.group is None else cell.group
            if entry not in self.form.card.always:
                is_used = n.nonzero()
                n, group = n[is_used], group[is_used]
            values, which = np.unique(n.low if n.high is None else n.long(), return_inverse=True)
            yield self.item(entry.identity, entry.cell, group, which, self.priced(entry, values.tolist()))
        for stage in self.terms.settling:
            if isinstance(stage, TrueUpToMinimum):
                nets, over = self.nets[stage]
                group = np.flatnonzero(nets.nonzero())
                pairs = [*zip(nets[group].long().tolist(), over[group].long().tolist(), strict=True)]
                places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
                which = np.array([places[pair] for pair in pairs], np.int64)
                shorts = (Fraction(n, whole) for n, whole in places)
                lines = (LineItem(stage.charge, None, decimal(short), short) for short in shorts)
                found = (([line], line.precise, ZERO, NOTHING) for line in lines)
                yield self.item(stage.identity, stage.parts[0][0], group, which, found)

    def priced(self, entry: EntryCurve, values: Iterable[int]) -> Iterator[Quoted]:
        """What quantities of an entry cost."""
        free = self.included.get(entry.key)
        for value in values:
            quantity = quantity_of(value, self.settled.plan.unit)
            lines: Sequence[LineItem] = entry.lines(quantity)
            amount, number = exact_sum([line.precise for line in lines]), entry.at(quantity)
            if product(amount, Decimal(self.form.card.scale)) != number:
                amount = entry.exact(number)  # a price of its own may say something else than its pieces
            used: Exact = quantity
            if lines and free is not None:  # the first of them is what the fee covers
                lines, used = lines[1:], difference(quantity, min(quantity, free))
            listed = NOTHING
            if self.public is not None:
                listed = listed_lines(self.public, Usage({str(entry.key): quantity}))
            yield shown_lines(entry.key, lines, used), amount, used, listed

    def item(
        self,
        identity: Identity,
        cell: int,
        group: Array,
        which: Array,
        found: Iterable[Quoted],
    ) -> Item:
        """A charge, worked out once for each quantity that occurs."""
        sheet, weights = Sheet(self.kinds, self.scale), list[Sequence[Exact]]()
        factor = discounted(RatedCharge(identity, []), self.plan)
        for lines, amount, used, listed in found:
            parts = [(line, part) for line in lines for part in priced(line, listed, factor)]
            own = [part.weight for _, part in parts]
            net = decimal(product(amount, factor))
            amounts = [net] if len(own) == 1 else split(net, own) or running_differences(own)
            sheet.add(parts_cost(RatedCharge(identity, lines), parts, amounts, used, self.plan))
            weights.append(own if self.nets else ())
        return Item(identity, cell, group, which, sheet, weights)

    def of_item(self, item: Item) -> Charges:
        """The charges of one item."""
        charges, _ = item.sheet.charges(item.group, item.which)
        self.add_up(item.cell, charges)
        if not self.nets:
            return charges
        nets, over = (column[item.group].long().tolist() for column in self.nets[item.identity.of])
        known, found = dict[tuple[int, int, int], list[int]](), list[int]()
        rows: Iterator[tuple[int, int, int]] = zip(item.which.tolist(), nets, over, strict=True)
        for key in rows:
            if key not in known:
                place, n, whole = key
                weights = item.weights[place]
                amounts = split(decimal(Fraction(n, whole)), weights) or running_differences(weights)
                known[key] = [unscaled(amount, self.scale, "a cost") for amount in amounts]
            found += known[key]
        return charges.changed(dict.fromkeys((BILLED, EFFECTIVE, DRAWN), Ints(np.array(found, object))))

    def add_up(self, cell: int, charges: Charges) -> None:
        """Add list and contracted costs to those of a cell."""
        both = [added(self.groups, charges.group, charges.numbers[i]) for i in (LISTED, CONTRACTED)]
        known = self.by_cell.get(cell, [self.zeros, self.zeros])
        self.by_cell[cell] = [one + other for one, other in zip(known, both, strict=True)]

    # ---- allowances

    def is_covering(self, item: Item) -> bool:
        """Whether an item is a fee that pays for what the plan includes."""
        return item.identity.kind == "fee" and item.identity.of.fee.name == self.covering

    def prepaid(self, items: Sequence[Item]) -> Iterator[Charges]:
        """The units that a fee pays for, used and unused."""
        if not self.covering:
            return
        owed = [ZERO] * self.groups
        for item in filter(self.is_covering, items):
            nets = [quantity_of(sum(item.sheet.numbers[BILLED]), 10**self.scale)] * self.groups
            if self.nets:
                n, over = (column.long().tolist() for column in self.nets[item.identity.of])
                nets = [decimal(Fraction(*pair)) for pair in zip(n, over, strict=True)]
            owed = [decimal(exact_sum(pair)) for pair in zip(owed, nets, strict=True)]
        by_key = {cell.entry.key: cell for cell in self.cells}
        used = [self.quantities(by_key.get(each.meter)) for each in self.allowances.values()]
        places = dict[tuple[Decimal, ...], int]()
        which = [places.setdefault(each, len(places)) for each in zip(owed, *used, strict=True)]
        sheet, cells = Sheet(self.kinds, self.scale), list[int]()
        for each in places:
            costs = self.moved(*each)
            sheet.add(costs)
            cells += [self.form.cells.of("usage", cost.meter) for cost in costs]
        charges, at = sheet.charges(np.arange(self.groups), np.array(which, np.int64))
        of_row = np.array(cells, np.int64)[at]
        for cell in set(cells):
            self.add_up(cell, charges.taken(of_row == cell))
        yield charges

    def quantities(self, cell: Cell | None) -> list[Decimal]:
        """What each group used of an entry."""
        if cell is None:
            return [ZERO] * self.groups
        n = cell.n if cell.group is None else cell.n.placed(self.groups, cell.group)
        known = {value: quantity_of(value, self.settled.plan.unit) for value in set(n.long().tolist())}
        return [known[value] for value in n.long().tolist()]

    def moved(self, owed: Decimal, *used: Decimal) -> list[Cost]:
        """The costs of units that a fee pays for, where so much was used of the entries that have some."""
        pairs = zip(self.allowances.items(), used, strict=True)
        after = {key: each._replace(used=min(each.units, quantity)) for (key, each), quantity in pairs}
        return moved_costs(self.period, after, {}, [(owed, ZERO)], final=True)

    # ---- charges of the whole bill

    def taxes(self) -> Iterator[Charges]:
        """The lines of each tax, with its list and contracted costs."""
        notes = [
            [note for note in block.run.notes or () if note.charge.kind == "tax"] for block in self.blocks
        ]
        lines = zip(*notes, strict=True)
        for stage in self.terms.settling:
            if not isinstance(stage, AddTax):
                continue
            for charge in filter(None, (stage.charge, stage.included)):
                pairs = zip(next(lines), self.blocks, strict=True)
                amounts = joined([note.amount + block.zeros for note, block in pairs])
                cost, amount = tax_cost(charge.description), self.held(amounts, self.form.places)
                bases = [self.base(stage, of) for of in range(2)]
                if cost.category != "Tax":
                    bases = [-base for base in bases]
                yield self.of_all(cost, [amount, *bases, amount])

    def base(self, stage: AddTax, of: int) -> Ints:
        """The list or contracted costs of a tax: its part of those of the charges."""
        over, whole = lcm(*(part.denominator for part in stage.parts)), self.zeros
        for cell, sums in self.by_cell.items():
            whole = whole + sums[of] * int(stage.parts[cell] * over)
        if (whole % over).nonzero().any():  # of what never ends a row has 18 decimals, and may need more
            exact = [Fraction(n, over * 10**self.scale) for n in whole.long().tolist()]
            return Ints(np.array([unscaled(decimal(base), self.scale, "a cost") for base in exact], object))
        return whole // over

    def of_all(self, cost: Cost, costs: Sequence[Ints]) -> Charges:
        """A charge of every group without price and quantity: its costs in the order of the measures."""
        group, what = (
            np.arange(self.groups, dtype=np.int32),
            np.full(self.groups, self.kinds.of(cost), np.int32),
        )
        numbers = [*costs, costs[BILLED], self.zeros, self.zeros]
        return Charges(group, what, numbers, np.full(self.groups, -1))

    def held(self, numbers: Ints, places: int) -> Ints:
        """Numbers in 1/10^places with the decimals of the column."""
        return held(numbers, places, what="a cost", scale=self.scale, name=self.settled.sums.name)


def with_dust(charges: Charges, dust: Ints) -> tuple[Charges, Ints]:
    """Charges of which the last of a group bears what is left of it, and what they bear by group."""
    last = np.full(dust.size, -1)
    last[charges.group] = np.arange(charges.group.size)  # of equal places the last one stays
    where = np.flatnonzero((last >= 0) & dust.nonzero())
    if not where.size:
        return charges, dust * 0
    more = dust[where].placed(charges.group.size, last[where])
    columns = {column: charges.numbers[column] + more for column in (BILLED, EFFECTIVE, DRAWN)}
    return charges.changed(columns), dust[where].placed(dust.size, where)
