"""Contracts: what was agreed with one customer over time, as versions of the terms of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from attrs import evolve, field, frozen
from attrs.converters import optional

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.values import Slot, Value, slot_field
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import is_before, iso_text, midnight, moment, utc, zone
from tokenbill.core.periods.period import Period, period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.taxes import Tax
from tokenbill.core.plans.terms import Discount, Fee, one_of
from tokenbill.core.plans.trial import terms_of_trial
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.errors import InvalidPeriod, InvalidPlan

if TYPE_CHECKING:
    from tokenbill.core.plans.contract_lint import TermFinding

__all__ = ["Amendment", "Contract", "FeeChange", "TierChange", "Version", "versions_of"]

FeeChange: TypeAlias = Literal["prorated", "from_start", "from_next"]
"""What an amendment does to the fees of a period that runs."""

TierChange: TypeAlias = Literal["continue", "restart"]
"""Whether what was used before an amendment counts for the tiers and allowances after it."""


class Version(NamedTuple):
    """A part of a period, and the plan whose terms hold in it, none of them dated any more."""

    period: Period
    plan: BillingPlan


class Clause(NamedTuple):
    """A version, and how it began: by an amendment that changed fees and tiers, or by a dated term."""

    period: Period
    plan: BillingPlan
    fees: FeeChange
    tiers: TierChange
    is_amendment: bool
    in_trial: bool


def _plan(value: Any) -> BillingPlan:
    if not isinstance(value, BillingPlan):
        raise InvalidPlan("not a plan", value, "give one: BillingPlan.on_demand(prices)")
    return value


@frozen(repr=False)
class Amendment(Value):
    """Another plan from some date or instant on.

    Args:
        at: The first moment at which it holds: a date, an aware datetime, or the text of one.
        plan: The whole of the new terms.
        fees: ``prorated``: each plan's fees for its part of the period; ``from_start``: the new fees as
            if from the start of the period; ``from_next``: the old ones up to its end.
        tiers: ``continue``: tiers and allowances go on where they are; ``restart``: they begin anew.

    Raises:
        InvalidPlan, InvalidPeriod: For parts that are none.

    Source: docs/explanation/contracts.md#amendments
    """

    at: date = field(converter=moment)
    plan: BillingPlan = field(converter=_plan)
    fees: FeeChange = field(default="prorated", validator=one_of("prorated", "from_start", "from_next"))
    tiers: TierChange = field(default="continue", validator=one_of("continue", "restart"))


def _amendments(value: Any) -> tuple[Amendment, ...]:
    """Amendments in the order of their dates, the later of two at one date."""
    found = (value,) if isinstance(value, Amendment) else listed_of(value)
    for item in (value,) if found is None else found:
        if not isinstance(item, Amendment):
            raise InvalidPlan("not an amendment", item, 'write contract.amended("2026-03-16", plan)')
    # the later given wins: a correction of an amendment carries its date
    by_date = {utc(item.at): item for item in found or ()}
    for one, other in pairwise(by_date):
        is_before(one, other)  # refuses dates beside instants, which have no order
    return tuple(by_date[at] for at in sorted(by_date))


@frozen(repr=False)
class Contract(Value):
    """What was agreed with one customer over time: a plan, its amendments, and perhaps an end.

    A BillingPlan is taken wherever a contract is, and means a contract of one version.

    Args:
        plan: The terms before any amendment.
        amendments: In any order; of two at one date the later given holds.
        end: The first moment without the contract.
        end_fees: ``prorated`` gives the rest of the last period's fees back, ``from_next`` does not.

    Raises:
        InvalidPlan: If a part is not what it should be, or an amendment is dated after the end.
        InvalidPeriod: For a date that is none, and for dates beside instants.

    Source: docs/explanation/contracts.md

    >>> from tokenbill.core.pricing.schedule import PriceSchedule
    >>> small, large = (
    ...     BillingPlan.subscription(fee, PriceSchedule(calls=1)) for fee in (31, 62)
    ... )
    >>> contract = Contract(small).amended("2026-03-16", large)
    >>> [
    ...     str(version.period)
    ...     for version in contract.versions(Period("2026-03-01", "2026-04-01"))
    ... ]
    ['2026-03-01/2026-03-16', '2026-03-16/2026-04-01']
    """

    plan: BillingPlan = field(converter=_plan)
    amendments: tuple[Amendment, ...] = field(default=(), converter=_amendments)
    end: date | None = field(default=None, converter=optional(moment), kw_only=True)
    end_fees: Literal["prorated", "from_next"] = field(
        default="prorated", validator=one_of("prorated", "from_next"), kw_only=True
    )
    compiled: Slot[dict[Any, object]] = slot_field()

    def __attrs_post_init__(self) -> None:
        for amendment in self.amendments:
            if self.end is not None and not is_before(amendment.at, self.end):
                way_out = f"date it before {iso_text(self.end)}, or make a new contract from then on"
                raise InvalidPlan("an amendment after the end", iso_text(amendment.at), way_out)

    def amended(
        self,
        at: date | str,
        plan: BillingPlan,
        fees: FeeChange = "prorated",
        tiers: TierChange = "continue",
    ) -> Contract:
        """The contract under which *plan* holds from *at* on, up to the next amendment.

        An amendment at a date that has one replaces it; later ones stay.

        Raises:
            InvalidPlan: If currency, token unit, rounding, proration or the boundaries of the cycle change
                in the middle of a period: end it first, and make a new contract from then on.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> plans = [BillingPlan.on_demand(PriceSchedule(calls=rate)) for rate in (1, 2)]
        >>> Contract(plans[0]).amended("2026-03-16", plans[1]).plan_at("2026-03-16") == plans[1]
        True
        """
        new = Amendment(at, plan, fees, tiers)
        before = self.plan_at(new.at)
        cycle = before.cycle
        if cycle is not None:
            whole = cycle.containing(new.at)
            if utc(whole.start) != utc(new.at):  # on the first day of a period everything may change
                _check_alike(before, new.plan, whole)
        return evolve(self, amendments=(*self.amendments, new))

    def ended(self, at: date | str, fees: Literal["prorated", "from_next"] = "prorated") -> Contract:
        """The contract whose last period ends at *at*: a cancellation, or a change to another rhythm.

        Amendments from *at* on fall away.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> Contract(BillingPlan.on_demand(PriceSchedule(calls=1))).ended("2026-03-16").end
        datetime.date(2026, 3, 16)
        """
        end = moment(at)
        # what was planned for after the end is taken back with it
        kept = tuple(item for item in self.amendments if is_before(item.at, end))
        return evolve(self, amendments=kept, end=end, end_fees=fees)

    def plan_at(self, instant: date | str) -> BillingPlan:
        """The plan that holds at *instant*, its dated terms as they were written.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> plan = BillingPlan.on_demand(PriceSchedule(calls=1))
        >>> Contract(plan).plan_at("2026-01-01") is plan
        True
        """
        at, found = moment(instant), self.plan
        for amendment in self.amendments:
            if not is_before(at, amendment.at):
                found = amendment.plan
        return found

    def plan_in(self, instant: date, period: Period) -> BillingPlan:
        """The same, read for a period: dates of amendments are local midnights there."""
        found = self.plan
        for amendment in self.amendments:
            if not is_before(instant, placed(amendment.at, period, self.plan.cycle)):
                found = amendment.plan
        return found

    def placed_in(self, at: date, period: Period) -> date:
        """A date or instant of the contract, read as one of a period's kind."""
        return placed(at, period, self.plan.cycle)

    def versions(self, period: Period) -> tuple[Version, ...]:
        """The half-open parts of a period with the plan of each; they tile it, up to the contract's end.

        Raises:
            InvalidPlan: If the versions of the period differ in currency, token unit, rounding, proration
                or the boundaries of their cycles.
            InvalidPeriod: If *period* is none, or begins after the contract's end.
        """
        return tuple(Version(clause.period, clause.plan) for clause in self.clauses(period))

    def clauses(self, period: Period) -> tuple[Clause, ...]:
        """The versions of a period, each with what its amendment says of fees and tiers."""
        # one period is billed again and again; equal instants may be written in two zones, and show so
        last: Any = (self.compiled.value or {}).get("clauses")
        if last is not None and (last[0] is period or str(last[0]) == str(period)):
            return last[1]  # type: ignore[no-any-return]
        whole, clauses = self.billed_part(period), list[Clause]()
        for i, (part, change) in enumerate(self._parts(whole)):
            for k, (span, plan, in_trial) in enumerate(_dated_versions(part, change.plan)):
                # the first version of a period amends nothing: it is how the period begins
                begins = bool(i and not k)
                clauses.append(Clause(span, plan, change.fees, change.tiers, begins, in_trial))
        for clause in clauses[1:]:
            _check_alike(clauses[0].plan, clause.plan, whole)
        found = tuple(clauses)
        self.compiled.value = {**(self.compiled.value or {}), "clauses": (period, found)}
        return found

    def lint(self, period: Period, credit: Any = ()) -> tuple[TermFinding, ...]:
        """What is seldom meant in the terms of a period, and in the grants that are there to pay for it.

        Args:
            period: The service period.
            credit: An Account, a Balance or grants, if they are to be looked at, too.

        Raises:
            InvalidGrant: If *credit* is none of them.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> plan = BillingPlan.subscription(60, PriceSchedule(), minimum=50)
        >>> [
        ...     finding.message
        ...     for finding in Contract(plan).lint(Period("2026-06-01", "2026-07-01"))
        ... ]
        ['the minimum of 50 is below the fees of 60, which reach it alone']
        """
        from tokenbill.core.plans.contract_lint import contract_findings  # few programs lint

        versions = self.versions(period)
        written = dict.fromkeys(self.plan_in(version.period.start, period) for version in versions)
        return contract_findings(
            [version.plan for version in versions],
            written,
            period,
            credit,
            lambda at: placed(at, period, self.plan.cycle),
        )

    def billed_part(self, whole: Period) -> Period:
        """What of a period the contract lasts: all of it, or up to the end."""
        if self.end is None:
            return period(whole)
        end = placed(self.end, whole, self.plan.cycle)
        if not is_before(whole.start, end):
            way_out = f"bill the periods before {iso_text(self.end)}"
            raise InvalidPeriod("a period after the contract's end", str(whole), way_out)
        return Period(whole.start, end) if is_before(end, whole.end) else whole

    def ends_with(self, whole: Period | None) -> bool:
        """Whether a period is the last one: the contract ends in it, or as it does."""
        if self.end is None or whole is None:
            return False
        return not is_before(whole.end, placed(self.end, whole, self.plan.cycle))

    def fingerprint(self) -> str:
        """A hash of everything that decides about money; that of the plan, where nothing was amended."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        if not self.amendments and self.end is None:
            return self.plan.fingerprint()
        changes = [(item.at, item.plan.fingerprint(), item.fees, item.tiers) for item in self.amendments]
        return content_hash((self.plan.fingerprint(), changes, self.end, self.end_fees))

    def _parts(self, whole: Period) -> Iterator[tuple[Period, Amendment]]:
        """The parts of a period between amendments; of those before it only the last one still holds."""
        before, within = Amendment(whole.start, self.plan), list[Amendment]()
        for amendment in self.amendments:
            at = placed(amendment.at, whole, self.plan.cycle)
            if not is_before(whole.start, at):
                before = evolve(amendment, at=whole.start)
            elif is_before(at, whole.end):
                within.append(evolve(amendment, at=at))
        changes = [before, *within]
        ends = [*(change.at for change in within), whole.end]
        return ((Period(change.at, end), change) for change, end in zip(changes, ends, strict=True))


def versions_of(terms: BillingPlan | Contract, period: Period) -> tuple[Clause, ...]:
    """The versions of a period under a contract, or under a plan, which is a contract of one version."""
    return (terms if isinstance(terms, Contract) else Contract(terms)).clauses(period)


def placed(at: date, whole: Period, cycle: Cycle | None) -> date:
    """A date or instant as one of the kind of *whole*: a date begins at its local midnight.

    Raises:
        InvalidPeriod: For an instant that is no local midnight, beside a period of dates.
    """
    if isinstance(whole.start, datetime):
        home, last = whole.start.tzinfo, cast(datetime, whole.end)
        assert home is not None  # a period holds no naive time
        if isinstance(at, datetime):
            return at.astimezone(home)
        # The day after a period that was written under other rules of its zone begins where that ended: an
        # hour of it inside would be a version of its own.
        if whole.is_as_written and last.replace(tzinfo=None) == datetime.combine(at, time()):
            return last
        return midnight(at, home)
    if isinstance(at, datetime):
        local = at.astimezone(zone(cycle.tz)) if cycle is not None else at
        if local.timetz().replace(tzinfo=None) != time():
            raise InvalidPeriod("an instant in a period of dates", iso_text(at), "bill periods of instants")
        return local.date()
    return at


def _dated_versions(part: Period, plan: BillingPlan) -> Iterator[tuple[Period, BillingPlan, bool]]:
    """The versions that the dated terms of one plan make of a part of a period, and which are in a trial."""
    dated_terms: tuple[Fee | Discount | Tax, ...] = (*plan.fees, *plan.discounts, *plan.taxes)
    given: Any = plan.prices
    book = given if isinstance(given, PriceBook) else None
    dated = [at for term in dated_terms for at in (term.starts, term.ends) if at is not None]
    trial = plan.trial_within(part, "usage") if plan.covers_usage else None
    if trial is not None:
        dated += [trial.start, trial.end]
    if book is None and not dated and not plan.covers_usage:
        yield part, plan, False
        return

    def place(at: date) -> date:
        return placed(at, part, plan.cycle)

    def holds(term: Fee | Discount | Tax, start: date) -> bool:
        begun = term.starts is None or not is_before(start, place(term.starts))
        return begun and (term.ends is None or is_before(start, place(term.ends)))

    def in_force(kept: Iterable[Any], start: date) -> tuple[Any, ...]:
        # without their dates, so that a term is the same in each version that has it
        return tuple(evolve(term, starts=None, ends=None) for term in kept if holds(term, start))

    dates = [place(at) for at in (*dated, *(version.start for version in book or ()))]
    cuts = {utc(at): at for at in dates if is_before(part.start, at) and is_before(at, part.end)}
    for start, end in pairwise([part.start, *(cuts[key] for key in sorted(cuts)), part.end]):
        prices = given
        if book is not None:
            known = [version.schedule for version in book if not is_before(start, place(version.start))]
            if not known:
                way_out = "add a schedule that holds by then"
                raise InvalidPeriod("a period before the first prices", iso_text(start), way_out)
            prices = known[-1]
        held: Any = prices
        fees, discounts, taxes = (in_force(kept, start) for kept in (plan.fees, plan.discounts, plan.taxes))
        in_trial = trial is not None and not is_before(start, trial.start) and is_before(start, trial.end)
        terms = {"prices": prices, "fees": fees, "discounts": discounts, "taxes": taxes, "is_version": True}
        changed = evolve(plan, **terms | terms_of_trial(plan.trial, held, in_trial=in_trial))
        changed.cache["levels"] = plan.levels
        yield Period(start, end), changed, in_trial


def _check_alike(one: BillingPlan, other: BillingPlan, whole: Period) -> None:
    """What a period has once cannot change within it."""
    for what in ("currency", "pricing_unit", "rounding", "proration"):
        if getattr(one, what) != getattr(other, what):
            way_out = "end the period first, with contract.ended(at), and make a new contract from then on"
            raise InvalidPlan(f"another {what} in the middle of a period", getattr(other, what), way_out)
    # tiers, fees and minimum count once in a period, so all its versions must mean the same one
    bounds = [plan.cycle and plan.cycle.containing(whole.start) for plan in (one, other)]
    if bounds[0] != bounds[1]:
        way_out = "end the contract there, with contract.ended(at), and make a new one from then on"
        raise InvalidPlan("another cycle in the middle of a period", other.cycle, way_out)
