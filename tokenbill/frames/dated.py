"""Bills under a contract that changes in the period: each group by ``Bill.of``, its usage by version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT
from tokenbill.core.periods.instants import utc
from tokenbill.core.plans.contract import Contract
from tokenbill.core.rating.lines import LineItem
from tokenbill.core.rating.statement import used_items
from tokenbill.core.rating.version_items import EntryItem
from tokenbill.frames.bills import Rows, Settled, Totals
from tokenbill.frames.column_plan import TEXTS, BillRow, ColumnPlan, bill_rows, column_plan, line_name
from tokenbill.frames.ints import Array, Ints
from tokenbill.frames.job import Job
from tokenbill.frames.layouts import quantity_of
from tokenbill.frames.sums import Sums
from tokenbill.shared.forecasts import invoice_preview

__all__ = ["DatedBills", "plans_by_version"]


def plans_by_version(job: Job) -> list[ColumnPlan]:
    """The plan for columns of each version of the contract, in their order."""
    contract: Any = job.options.contract
    unit, names, period, scale = job.plan.unit, job.layout.names(), job.options.period, job.options.scale
    return [
        column_plan(clause.plan, unit, names=names, period=period, scale=scale)
        for clause in contract.clauses(period)
    ]


def what_of(line: LineItem) -> tuple[Any, ...]:
    """What a line is for, whatever its amount was rounded to."""
    return line.charge, line.quantity


class DatedBills(Settled):
    """The bills of groups whose usage falls under several versions; the last cell of a variant says which."""

    def __init__(self, job: Job, sums: Sums) -> None:
        super().__init__(job.plan, job.layout, sums)
        self.job, self.plans = job, plans_by_version(job)
        self._usages: list[dict[int, dict[str, Decimal]]] = [{} for _ in range(sums.groups)]
        for column, (n, places) in zip(self.layout.measures, sums.quantities, strict=True):
            self._add(column, n.long().tolist(), 10**places)

    def blocks(self) -> Iterator[Rows]:
        """The lines of the groups, in their order."""
        yield self.listed([(group, row) for group in range(self.sums.groups) for row in self._rows(group)])

    @property
    def is_on_arrays(self) -> bool:
        """Whether the bills are settled on arrays."""
        return False

    @property
    def terms(self) -> Contract:
        """What the bills are made of."""
        contract: Any = self.job.options.contract
        return contract  # type: ignore[no-any-return]

    def usages(self, groups: Array) -> Iterator[Any]:
        """What some groups used, as ``Bill.of`` takes it."""
        return map(self._dated, groups.tolist())

    def totals(self, offered: Ints | None = None) -> Totals:
        """What each group comes to, in 1/10^scale."""
        assert offered is None  # where terms change, credit is drawn bill by bill
        (rows,) = self.blocks()
        return self.added_up(rows)

    def previews(self, *, final: bool) -> Ints:
        """What each group comes to, in 1/10^scale, where nothing is refused; *final* closes the period."""
        options: Any = self.job.options
        contract, period = options.contract, options.period
        every = map(self._dated, range(self.sums.groups))
        found = (invoice_preview(dated, contract, period=period, final=final) for dated in every)
        return self.unscaled(each.accrued for each in found)

    def _dated(self, group: int) -> dict[date, Usage]:
        """What a group used, by where the versions begin."""
        options: Any = self.job.options
        clauses = options.contract.clauses(options.period)
        # in UTC: two versions may begin in the two hours of one name
        usages = self._usages[group].items()
        dated = {utc(clauses[version].period.start): Usage(used) for version, used in usages}
        return dated or {options.period.start: Usage()}

    def _bill(self, group: int) -> Bill:
        options: Any = self.job.options
        return Bill.of(self._dated(group), options.contract, period=options.period)

    @cached_property
    def _items(self) -> list[list[EntryItem]]:
        """What each group used of each entry, in each stretch of versions that agree on it."""
        every: list[Any] = [self._bill(group).request.versions for group in range(self.sums.groups)]
        return [used_items(versions.plan, versions.usages) for versions in every]

    def line_of(self, group: int, key: str, version: int) -> str:
        """The name of the line that usage of an entry in a version has on the bill of a group."""
        found = self._lines[group].get((key, version))
        return "" if found is None else line_name((*[key] * TEXTS, found))

    @cached_property
    def _lines(self) -> list[dict[tuple[str, int], int]]:
        """The first version of the stretch that each version of an entry is in, by group."""
        return [
            {(str(item.curve.key), version): item.versions[0] for item in items for version in item.versions}
            for items in self._items
        ]

    def _rows(self, group: int) -> Iterator[BillRow]:
        quantities, found = dict[str, Decimal](), dict[tuple[Any, ...], list[int]]()
        for used in self._usages[group].values():
            for key, quantity in used.items():
                quantities[key] = EXACT.add(quantities.get(key, Decimal(0)), quantity)
        bill = self._bill(group)
        rest = Counter(what_of(line) for line in bill.lines if line.kind == "usage" and self.layout.shown)
        # labels are of the rows that a version prices, so each version keeps its lines until they are spread
        for item in self._items[group] if self.layout.shown else ():
            key, lines = str(item.curve.key), Counter(map(what_of, item.lines))
            # of no usage, or shown in another way: then it is a line of all rows of its entry
            if not item.quantity or lines - rest:
                continue
            rest -= lines
            quantities[line_name((*[key] * TEXTS, item.versions[0]))] = item.quantity
            quantities[key] = EXACT.subtract(quantities[key], item.quantity)
            for what in lines.elements():
                found.setdefault(what, []).append(item.versions[0])

        def version(line: LineItem) -> tuple[int, ...]:
            versions = found.get(what_of(line))
            return (versions.pop(0),) if versions else ()

        yield from bill_rows(bill, quantities, self.plan.scale, self.layout.is_wide, version=version)

    def _add(self, column: str, numbers: Sequence[int], unit: int) -> None:
        group, variant = self.sums.group.tolist(), self.sums.variant
        assert variant is not None  # a version tells rows apart
        # what an array becomes has no type of its own
        rows: Iterator[tuple[int, int, int]] = zip(group, variant.tolist(), numbers, strict=True)
        # a version prices its own rows: the same meter may fall to another entry after an amendment
        for place, which, n in rows:
            if not n:
                continue  # what was not used needs no price
            *cells, last = self.sums.variants[which]
            version = int(str(last))
            key = str(self.layout.entry(self.plans[version], column, cells).key)
            used = self._usages[place].setdefault(version, {})
            used[key] = EXACT.add(used.get(key, Decimal(0)), quantity_of(n, unit))
