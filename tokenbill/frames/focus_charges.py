"""Charges of FOCUS: the costs of many bills as columns, and bills that are costed one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import ONE, ZERO
from tokenbill.core.pricing.schedule import Schedule
from tokenbill.frames.engines import np
from tokenbill.frames.ints import Array, Ints, joined
from tokenbill.frames.scales import unscaled
from tokenbill.frames.tables import Billed
from tokenbill.shared.focus.bill import bill_costs
from tokenbill.shared.focus.costs import Cost

__all__ = [
    "BILLED",
    "CONTRACTED",
    "DRAWN",
    "EFFECTIVE",
    "LISTED",
    "MEASURES",
    "QUANTITY",
    "Charges",
    "Kinds",
    "Sheet",
    "merged",
    "one_by_one",
]

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
BILLED, LISTED, CONTRACTED, EFFECTIVE, DRAWN, QUANTITY, CONSUMED = range(len(MEASURES))


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

    def changed(self, columns: Mapping[int, Ints]) -> Charges:
        """The same with other numbers in some columns."""
        return self._replace(numbers=[columns.get(i, own) for i, own in enumerate(self.numbers)])


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


class Sheet:
    """Costs that are written as columns one after the other, which take a tenth of their memory."""

    def __init__(self, kinds: Kinds, scale: int) -> None:
        self.kinds, self.scale = kinds, scale
        self.count, self.what = list[int](), list[int]()
        self.numbers = [list[int]() for _ in MEASURES]

    def add(self, costs: Sequence[Cost]) -> None:
        """Write the costs of one bill, or of one quantity, with how many there are."""
        self.count.append(len(costs))
        for cost in costs:
            self.what.append(self.kinds.of(cost))
            known = dict[int, int]()  # most costs are one number in several columns
            for column, number in zip(self.numbers, numbers_of(cost), strict=True):
                if id(number) not in known:
                    known[id(number)] = unscaled(number, self.scale, "a cost")
                column.append(known[id(number)])

    def charges(self, group: Array, which: Array) -> tuple[Charges, Array]:
        """The costs as charges of groups, each of one of those written, and the place of each cost."""
        count = np.array(self.count, np.int64)
        size, begin = count[which], (np.cumsum(count) - count)[which]
        row = np.repeat(np.arange(group.size), size)
        at = np.arange(row.size) - (np.cumsum(size) - size)[row] + begin[row]
        numbers = [Ints(np.array(column, object))[at] for column in self.numbers]
        what = np.array(self.what, np.int32)[at]
        return Charges(group[row].astype(np.int32), what, numbers, np.full(row.size, -1)), at


def one_by_one(
    billed: Billed, groups: Array, kinds: Kinds, list_prices: Schedule | None, fee: str | None
) -> Charges:
    """The charges of some groups by ``Bill.of``."""
    settled, options = billed.settled, billed.job.options
    sheet = Sheet(kinds, options.scale)
    for usage in settled.usages(groups):
        bill = Bill.of(usage, settled.terms, period=options.period)
        sheet.add(bill_costs(bill, {}, list_prices, fee))
    return sheet.charges(groups, np.arange(groups.size))[0]


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
