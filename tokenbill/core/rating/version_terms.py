"""Versions of the terms of one period, as rating reads them: shares, fees, and what belongs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import FEE, covers
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.commitments import Committed, committed
from tokenbill.core.plans.limits import Limit
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.reading import reads
from tokenbill.core.plans.rhythms import DueFees, fees_by_version, fees_due
from tokenbill.core.plans.taxes import Tax
from tokenbill.core.plans.terms import Amounts, Discount, Fee
from tokenbill.core.pricing.of import Of
from tokenbill.errors import InvalidUsage

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Clause, Contract

__all__ = [
    "VersionTerms",
    "concern",
    "first_of",
    "in_turn",
    "keyed",
    "neighbours",
    "not_negative",
    "terms_of_plan",
    "terms_of_versions",
]

NO_LEVELS: Mapping[str, Decimal] = MappingProxyType({})

Named = TypeVar("Named", Fee, Discount, Tax, Limit)


class VersionTerms(NamedTuple):
    """The terms of one version: its plan, and its part of the billing period.

    ``fee_share`` is the share less what lies in the trial; ``fees`` are those that hold in it, after what
    amendments said of them, and ``own_fees`` those with periods of their own; ``unspent`` is the part of the
    billing period after the contract's end that
    its fees are owed for all the same. ``restart`` says that tiers and allowances begin anew;
    ``levels`` are those that hold in it; ``committed`` are commitments of the period, in its last version.
    """

    plan: BillingPlan
    share: Fraction
    fee_share: Fraction
    fees: tuple[Fee, ...] = ()
    own_fees: DueFees = ()
    restart: bool = False
    unspent: Fraction = Fraction(0)
    levels: Mapping[str, Decimal] = NO_LEVELS
    committed: tuple[Committed, ...] = ()

    def amount(self, due: Amounts | None) -> Fraction | None:
        """An amount for a whole period, at the levels of the version; None where it reads usage.

        Raises:
            InvalidUsage: If a level was not told.
        """
        if isinstance(due, Decimal):
            return Fraction(due)
        if not isinstance(due, Of) or self.reads_usage(due):
            return None
        if due.of not in self.levels:
            way_out = f'say how many there are: levels={{"{due.of}": 3}}'
            raise InvalidUsage("a level that no bill was told", due.of, way_out)
        return Fraction(due.at(self.levels[due.of]))

    def reads_usage(self, of: Of) -> bool:
        """Whether a curve reads what is used or charged, and no level."""
        # a fee that an amendment put off reads a level that the plan of now may not know
        return of.amount_of is not None or (of.of not in self.plan.levels and of.of not in self.levels)

    def level_in_words(self, fee: Fee) -> str:
        """The level that a fee is for, in words; nothing where it is for none."""
        name = "" if fee.curve is None else fee.curve.of
        return f"at {shortest(self.levels[name])} {name}" if name in self.levels else ""


def terms_of_plan(plan: BillingPlan, period: Period | None) -> VersionTerms:
    """The terms of a plan in a service period, where they stay the same."""
    due = fees_due(plan, period) if plan.own_fees else ()
    found = VersionTerms(plan, plan.share(period), plan.fee_share(period), plan.period_fees, due)
    return found._replace(committed=committed(plan, period)) if plan.commitment else found


def terms_of_versions(
    contract: Contract,
    period: Period,
    clauses: Sequence[Clause],
    levels: Sequence[Mapping[str, Decimal]] = (),
) -> list[VersionTerms]:
    """The terms of the versions of a period, in order; their shares add up to that of the period."""
    found: list[VersionTerms] = []
    for i, clause in enumerate(clauses):
        plan = clause.plan
        if plan.cycle is None:
            # without a cycle the period itself is the whole that versions are parts of
            share = Fraction(1) if clause.period == period else clause.period.share_of(period, plan.proration)
            free = share - plan.fee_share(clause.period) * share
        else:
            share = plan.share(clause.period)
            free = share - plan.fee_share(clause.period)
        # a trial uses no allowance up: all begins when it is over
        is_over = i > 0 and clauses[i - 1].in_trial != clause.in_trial
        restart = is_over or (clause.is_amendment and clause.tiers == "restart")
        found.append(VersionTerms(plan, share, share - free, plan.period_fees, restart=restart))
        if len(found) > 1:
            _let_fees_hold(found, clause)
    if any(plan.own_fees for plan in (contract.plan, *(change.plan for change in contract.amendments))):
        due = fees_by_version(contract, period, clauses)
        found = [one._replace(own_fees=fees) for one, fees in zip(found, due, strict=True)]
    if contract.end is not None and contract.end_fees == "from_next":
        last = found[-1]
        found[-1] = last._replace(unspent=last.plan.share(period) - sum(one.share for one in found))
    if found[-1].plan.commitment:
        found[-1] = found[-1]._replace(committed=_committed(contract, period, found[-1].plan))
    if levels:
        return [version._replace(levels=own) for version, own in zip(found, levels, strict=True)]
    return found


def _committed(contract: Contract, period: Period, plan: BillingPlan) -> tuple[Committed, ...]:
    changes = [contract.placed_in(change.at, period) for change in contract.amendments]
    end = None if contract.end is None else contract.placed_in(contract.end, period)
    end = None if contract.end_fees == "from_next" else end
    return committed(plan, period, changes, lambda at: contract.plan_in(at, period), end)


def _let_fees_hold(versions: list[VersionTerms], clause: Clause) -> None:
    """What the beginning of the last version does to the fees of the period."""
    before, now = versions[-2], versions[-1]
    # a plan with the fees of the one before leaves them as they stand, fees put off by `from_next` too
    put_off = clause.fees == "from_next" if clause.is_amendment else before.fees != before.plan.period_fees
    if put_off or now.plan.period_fees == before.plan.period_fees:
        versions[-1] = now._replace(fees=before.fees)
    elif clause.is_amendment and clause.fees == "from_start":
        versions[:] = [version._replace(fees=now.fees) for version in versions]


def concern(version: VersionTerms, kind: str | tuple[str, ...], meter: Meter | None) -> Hashable:
    """All that decides on a charge beside its own amount; where it is equal, versions share an item."""
    plan = version.plan
    within, capped = _terms_on(plan, kind, meter)
    # the fees in force read, which an amendment may have put off, not those that the plan has written
    own = {fee.curve for fee in plan.fees}
    curves: list[tuple[Of, Hashable]] = [(of, None) for of in plan.usage_curves if of not in own]
    for fee in version.fees:
        if fee.curve is not None and version.reads_usage(fee.curve):
            # where the terms of such a fee change, what it reads is parted too
            curves.append((fee.curve, _terms_on(plan, FEE + fee.name, None)))
    read = tuple(it for it in curves if reads(it[0], kind, meter))
    shared = None if meter is None else plan.shared_allowance(meter)
    return within, plan.token_price, capped, read, shared


def _terms_on(plan: BillingPlan, kind: str | tuple[str, ...], meter: Meter | None) -> tuple[Any, Hashable]:
    """The discounts and taxes that a charge is in the scope of, and which maxima."""
    terms: tuple[Discount | Tax, ...] = (*plan.discounts, *plan.taxes)
    within = tuple(term for term in terms if term.on is None or covers(term.on, kind, meter))
    return within, tuple(key for key, limit in keyed(plan.maxima) if covers(limit.on, kind, meter))


def neighbours(indices: Iterable[int], alike: Callable[[int, int], bool]) -> list[list[int]]:
    """Versions next to each other that agree, put together.

    >>> neighbours([0, 1, 3], lambda one, other: True)
    [[0, 1], [3]]
    """
    found: list[list[int]] = []
    for i in indices:
        if found and found[-1][-1] == i - 1 and alike(i - 1, i):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def not_negative(amounts: Iterable[Any]) -> list[Any]:
    """Amounts of which none is below 0: what one falls short lowers those before it, the latest first.

    >>> not_negative([200, -170])  # a volume price that falls when more is used
    [30, 0]
    """
    found: list[Any] = []
    for amount in amounts:
        lacking = max(-amount, 0)
        found.append(max(amount, 0))
        for k in range(len(found) - 2, -1, -1):
            part = min(found[k], lacking)
            found[k], lacking = found[k] - part, lacking - part
    return found


def keyed(terms: Iterable[Named]) -> Iterator[tuple[Hashable, Named]]:
    """Terms with what tells them apart from version to version.

    That is the name, which of a limit is its scope; for a tax its percentage and kind too, and for a
    percentage off its value: another one is another term. Those alike in this are told apart by their
    place among them.
    """
    seen = Counter[Hashable]()
    for term in terms:
        same: Hashable = term.name
        if isinstance(term, Tax):
            same = term.name, term.percent, term.inclusive, term.after, term.unit_amount, term.category
        elif isinstance(term, Discount):
            same = term.name, term.unit, term.value if term.unit == "percent" else None
        seen[same] += 1
        yield (same, seen[same]), term


def first_of(by_version: Mapping[int, Named]) -> Named:
    """A term as the first version has it."""
    return next(iter(by_version.values()))


def in_turn(by_version: Sequence[Iterable[Named]]) -> list[dict[int, Named]]:
    """The discounts or limits of all versions, each by the versions that have it, in an order that fits all.

    A fixed discount of one name is one; so are a percentage of one name and value, and limits of one scope.
    Each waits until all
    versions that have it have come to it; of two that wait for each other the first one goes first.
    """
    steps: dict[Any, dict[int, Named]] = {}
    waiting: list[list[Any]] = []
    for i, terms in enumerate(by_version):
        chain: list[Any] = []
        for key, term in keyed(terms):
            chain.append(key)
            steps.setdefault(key, {})[i] = term
        waiting.append(chain)
    left = list(steps)
    found: list[dict[int, Named]] = []
    while left:
        ready = (step for step in left if all(waiting[i][0] == step for i in steps[step]))
        chosen = next(ready, left[0])
        left.remove(chosen)
        for i in steps[chosen]:
            waiting[i].remove(chosen)
        found.append(steps[chosen])
    return found
