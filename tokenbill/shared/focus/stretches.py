"""Stretches: a bill's period by the versions of its terms, and what was used of each entry in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import Exact
from tokenbill.core.periods.instants import is_before
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.price import After, Price
from tokenbill.core.rating.bill_delta import BillDelta, with_statements
from tokenbill.core.rating.bill_request import used_in
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.lines import LineItem, less
from tokenbill.core.rating.statement import RatedCharge, used_items
from tokenbill.core.rating.version_items import EntryItem
from tokenbill.errors import UnpricedUsage

__all__ = ["ItemKey", "RatedPeriod", "Stretch", "periods_of"]

ItemKey: TypeAlias = "tuple[str, date | None]"
"""A charge, and the start of the first version that its item is of; None where the terms do not change."""


class Stretch(NamedTuple):
    """What was used of an entry while its price stayed, and the first version in which it did.

    ``is_last`` says that no later item of the entry goes on where this one ends.
    """

    key: ItemKey
    version: int
    item: EntryItem
    is_last: bool

    @property
    def used(self) -> Exact:
        """The units used in it."""
        return self.item.quantity

    @property
    def lines_beyond(self) -> list[LineItem]:
        """Its lines without the first one of its price, which is what a plan includes."""
        item = self.item
        if item.is_lowered:
            return item.lines  # a price that falls has lowered it: no line of its price says so
        lines = item.curve.lines(Decimal(item.after))[1:]
        return lines if item.is_first else less(lines, item.curve.lines(Decimal(item.before))[1:])


class RatedPeriod(NamedTuple):
    """A period so far: its terms, what was used under each version of them, where each lies, its charges."""

    plan: CompiledPlan
    usages: Sequence[Usage]
    parts: Sequence[Period | None]
    charges: Sequence[RatedCharge]

    def terms(self, version: int) -> BillingPlan:
        """The plan of a version."""
        return self.plan.versions[version].plan

    def key(self, charge: str, version: int) -> ItemKey:
        """What tells an item of this period from all others."""
        part = self.parts[version]
        return charge, None if part is None else part.start

    def version_at(self, start: date | None) -> int:
        """The version that holds a moment at which one began before this bill."""
        starts = [part.start for part in self.parts if part is not None]
        return max((i for i, each in enumerate(starts) if start and not is_before(start, each)), default=0)

    def part_of(self, versions: Sequence[int]) -> Period | None:
        """The part of the period that adjacent versions fill; None where the terms do not change."""
        first, last = self.parts[versions[0]], self.parts[versions[-1]]
        return None if first is None or last is None else Period(first.start, last.end)

    def stretches(self) -> Iterator[Stretch]:
        """What was used of each entry, in order of lines, and of one entry in order of time."""
        items = used_items(self.plan, self.usages)
        for item, later in zip(items, [*items[1:], None], strict=False):
            goes_on = later is not None and later.curve.identity.key == item.curve.identity.key
            version, is_last = item.versions[0], later is None or not goes_on or later.is_first
            yield Stretch(self.key(item.curve.identity.key, version), version, item, is_last=is_last)

    def allowance(self, version: int, key: Meter) -> After | None:
        """The price of an entry beyond what a version includes of it; None where it includes nothing."""
        price = self._price(version, key)
        entry = Meter(self.terms(version).prices.match(key).key) if price else key
        return price if isinstance(price, After) and self.terms(version).allowance(entry) else None

    def allowance_now(self, stretch: Stretch) -> After | None:
        """The same for the latest version in which the tiers of a stretch go on."""
        key, version = stretch.item.curve.key, stretch.version
        later = range(version + 1, len(self.plan.versions) if stretch.is_last else version + 1)
        going_on = [version, *takewhile(lambda i: not self.plan.versions[i].restart, later)]
        # a version in which nothing was used has no item, and yet may include more, or less
        return self.allowance(next(i for i in reversed(going_on) if self._price(i, key)), key)

    def _price(self, version: int, key: Meter) -> Price | None:
        try:
            return self.plan.cards[version][key].price
        except UnpricedUsage:
            return None


def periods_of(bill: Bill) -> tuple[BillDelta, RatedPeriod, RatedPeriod]:
    """What a bill adds, its period as it leaves it, and the period as its earlier bills left it.

    Where the past is rated anew there is nothing before: the bill has the lines of the whole period.
    """
    versions = bill.request.versions
    card = compiled_plan(bill.plan, bill.period) if versions is None else versions.plan
    delta = with_statements(bill.delta, bill.request, card)
    after = delta.after.charges if delta.after else []
    before = delta.before.charges if delta.before else []
    if versions is None:
        now = RatedPeriod(card, (used_in(bill.request),), (None,), after)
        return delta, now, RatedPeriod(card, (bill.opening.used,), (None,), before)
    parts, past_parts = (
        [clause.period for clause in clauses] for clauses in (versions.clauses, versions.past_clauses)
    )
    past = RatedPeriod(versions.past, versions.past_usages, past_parts, before)
    if versions.restate:
        past = past._replace(usages=[Usage()] * len(past_parts), charges=())
    return delta, RatedPeriod(versions.plan, versions.usages, parts, after), past
