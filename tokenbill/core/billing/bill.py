"""Bills: what a usage costs on a plan, line by line, and what is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack, cast

from attrs import field, frozen

from tokenbill.core.base.tables import html_table, text_table
from tokenbill.core.base.values import Cache, Value, cache_field, draft_of, named, slot_setters
from tokenbill.core.billing.account import NEW, Account, closing_of
from tokenbill.core.billing.adjustment import Adjustment, adjustment_of
from tokenbill.core.billing.arguments import check_rest, dated_totals, notes_of
from tokenbill.core.billing.bill_lines import bill_lines, lines_of_first
from tokenbill.core.billing.lives import with_lives
from tokenbill.core.billing.notes import bill_notes
from tokenbill.core.billing.running_account import event_on
from tokenbill.core.billing.zone_rules import in_period
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import Exact, exact_sum
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_delta import BillDelta, delta_of
from tokenbill.core.rating.bill_request import NO_USAGE, BillRequest, request_of
from tokenbill.core.rating.compiled_plan import CompiledPlan, compiled_plan
from tokenbill.core.rating.lines import HEADER, NUMBERS, LineItem
from tokenbill.core.rating.statement import rate_fresh

if TYPE_CHECKING:
    from tokenbill.core.billing.breakdown import Breakdown
    from tokenbill.core.billing.explanation import Explanation
    from tokenbill.core.billing.page import PageOptions
    from tokenbill.core.billing.section import Section
    from tokenbill.core.plans.contract import Contract, Version

__all__ = ["Bill"]

NOTHING: Mapping[str, str] = MappingProxyType({})
UNSAID = tuple(BillRequest._field_defaults[name] for name in BillRequest._fields[8:])
"""What most bills are not asked with, so that two asked in either way are equal."""
Dated: TypeAlias = "Mapping[Any, Usage | Quantities]"
"""Usage by the date or instant that it has."""


@frozen(init=False, repr=False)
class Bill(Value):
    """What a usage costs on a plan: the lines, their total, and what is due.

    Make one with ``Bill.of``. Its lines are made when they are first looked at.

    >>> from tokenbill import PriceSchedule
    >>> prices = PriceSchedule(gpu_hours="0.1", api_calls="0.01")
    >>> Bill.of(Usage(gpu_hours=10, api_calls=1000), BillingPlan.on_demand(prices)).total
    Decimal('11.00')
    """

    _parts: tuple[Any, ...] = field(eq=request_of)
    total: Decimal
    _cache: Cache | None = cache_field()

    def __init__(self, parts: tuple[Any, ...], total: Decimal, /) -> None:
        # By position alone, so that `evolve(bill, total=…)` makes no bill of which the total is not what its
        # lines come to.
        _set_parts(self, parts)
        _set_total(self, total)
        _set_cache(self, None)

    @classmethod
    def of(
        cls,
        usage: Usage | Quantities | Dated,
        plan: BillingPlan | Contract,
        *,
        period: Period | None = None,
        opening: Account = NEW,
        final: bool = True,
        at: date | str | None = None,
        reversal: Usage | Dated = NO_USAGE,
        about: Mapping[str, str] = NOTHING,
        restate: bool = False,
        settles: str | None = None,
        levels: Mapping[str, Any] = NOTHING,
    ) -> Bill:
        """The bill of *usage* on *plan*, after what the *opening* account has already billed.

        Args:
            usage: What was used since the opening account; by date or instant where terms change in between.
            plan: The terms: a plan, or a contract whose versions tile the period.
            period: The whole service period, on each of its bills; part of a cycle's owes part of its fees.
            opening: The account before; the ``closing`` of the bill before.
            final: Whether the period ends here; an interim bill carries its state on in ``closing``.
            at: When grants are drawn on; without it, those usable for the whole period pay.
            reversal: Taken off the period's usage: a correction.
            restate: Whether the past is rated anew by these terms, and the difference charged.
            settles: The hold of this usage, whose rest is free again; kept in ``about``, on no page.
            about: Customer, number, reason and so on: carried and shown, read by no rule.
            levels: How many there are of what fees are for, such as seats: by name a number, or numbers by
                date. A level goes on until it changes, on the next bills too.

        Raises:
            UnpricedUsage: If the schedule has no price for a meter.
            AccountMismatch: If *opening* belongs to another period or other terms, or was edited.
            BalanceExhausted: If the plan refuses what the balance does not cover.
            CurrencyMismatch: If a grant is in a currency that the plan does not know.
            InvalidHold, InvalidUsage: If *settles* is no open hold, *reversal* more than was used.
            InvalidPeriod: If a grant is dated, and neither *period* nor *at* is given.
        """
        notes = () if about is NOTHING else notes_of(about)
        if final is False and reversal is NO_USAGE and settles is None and levels is NOTHING and not restate:
            event = event_on(opening, usage, plan, period, at=at, notes=notes)
            if event is not None:
                return _bill(*event)
        is_new = opening is NEW and reversal is NO_USAGE and at is None
        if not (is_new and bool(final) is final and (period is None or type(period) is Period)):
            at = check_rest(opening, final, period, at, reversal)
            opening = with_lives(in_period(opening, period, plan), at, period)
        if settles is not None:
            opening, notes = opening.released(settles), tuple(sorted((*notes, ("settles", settles))))
        before: Any = opening  # pyright takes no field with a converter for what a Protocol asks
        is_plan = type(plan) is BillingPlan and not (plan.is_dated or plan.levels or levels)
        is_undated = is_new or (type(reversal) is Usage and not opening.versions)
        if is_plan and type(usage) is Usage and is_undated and not restate:
            terms: Any = plan
            compiled = compiled_plan(terms, period)
            if is_new and compiled.by_sums and terms.overage == "bill":
                # a tenth of what the whole bill costs would go into naming what it was asked with
                parts = (usage, terms, before, final, reversal, notes, period, at, None)
                return _bill(parts, compiled.total(usage, final=final))
            request = named(BillRequest, (usage, terms, before, final, reversal, notes, period, at, *UNSAID))
        else:
            if opening is NEW and reversal is NO_USAGE and not restate:
                summed = dated_totals()(usage, plan, period, at, levels, final=final)
                if summed is not None:
                    used, total, sums = summed
                    return _bill((used, plan, before, final, reversal, notes, period, at, sums), total)
            from tokenbill.core.billing.dated import bill_request

            asked: Any = {"at": at, "reversal": reversal, "about": notes, "restate": restate}
            request, compiled = bill_request(usage, plan, period, before, final=final, levels=levels, **asked)
        return _rated(request, compiled)

    @property
    def request(self) -> BillRequest:
        """What the bill was asked with."""
        if type(self._parts) is not BillRequest:
            _set_parts(self, request_of(self._parts))
        return self._parts  # type: ignore[return-value]  # of its class by now

    @property
    def cache(self) -> Cache:
        """What the bill worked out once; most bills are asked for their total alone."""
        if self._cache is None:
            _set_cache(self, Cache())
        return self._cache  # type: ignore[return-value]  # just made

    @property
    def usage(self) -> Usage:
        """What was used since the opening account."""
        return self.request.usage

    @property
    def period(self) -> Period | None:
        """The service period, where one was named."""
        return self.request.period

    @property
    def plan(self) -> BillingPlan:
        """The terms; of several versions in the period those of the last."""
        return self.request.plan

    @property
    def versions(self) -> tuple[Version, ...]:
        """The parts of the period with the plan of each, where its terms changed; else nothing."""
        versions = self.request.versions
        return () if versions is None else versions.contract.versions(cast(Period, self.period))

    @property
    def opening(self) -> Account:
        """The account before."""
        return cast(Account, self.request.opening)

    @property
    def final(self) -> bool:
        """Whether the period ends with this bill."""
        return self.request.final

    @property
    def about(self) -> Mapping[str, str]:
        """What was said of the bill: customer, number, and so on."""
        return MappingProxyType(dict(self.request.about))

    @property
    def currency(self) -> str:
        """The code of the currency that every amount is in."""
        return self.plan.currency.code

    @property
    def lines(self) -> tuple[LineItem, ...]:
        """The rows: charges, what changes them, taxes and the rounding; their amounts add up to the total."""
        cache = self.cache
        lines: tuple[LineItem, ...] | None = cache.get("lines")
        if lines is None:
            parts, total = self._parts, self.total
            if type(parts) is tuple and parts[2] is NEW and parts[-1] is None:
                lines = lines_of_first(parts, total)
            else:
                known = cache.get("statement")
                lines = bill_lines(self.request, self._compiled, total, lambda: self.delta, known)
            cache["lines"] = lines
        return lines

    @property
    def exact(self) -> Fraction:
        """The lines without the rounding line, to the last digit."""
        return Fraction(exact_sum(line.precise for line in self.lines if line.kind != "rounding"))

    @property
    def due(self) -> Decimal:
        """What is left to pay, after the credit balance and what grants paid; never negative."""
        return self.delta.due

    @property
    def draws(self) -> tuple[tuple[str, Decimal], ...]:
        """What each grant paid of this bill, by id; a negative amount was given back to it."""
        return self.delta.drawn

    @property
    def recognised(self) -> Exact:
        """What it earns of what was paid for credit: the cost of what grants paid, to the last digit."""
        from tokenbill.core.billing.journal import recognised

        return recognised(self)

    @property
    def delta(self) -> BillDelta:
        """What the bill adds to its opening account."""
        cache = self.cache
        if "delta" not in cache:
            running, request = cache.get("running"), self.request
            cache["delta"] = running.delta(request) if running else delta_of(request, self._compiled)
        return cache["delta"]  # type: ignore[no-any-return]

    @property
    def _compiled(self) -> CompiledPlan:
        versions = self.request.versions
        return compiled_plan(self.request.plan, self.request.period) if versions is None else versions.plan

    @property
    def closing(self) -> Account:
        """The account after: pass it to the next bill as *opening*."""
        cache = self.cache
        if "closing" not in cache:
            running = cache.get("running")
            cache["closing"] = running.closing() if running else closing_of(self.request, self.delta)
        return cache["closing"]  # type: ignore[no-any-return]

    def __sub__(self, earlier: Bill) -> Adjustment:
        """What this bill of a period changes of an *earlier* one.

        Raises:
            CurrencyMismatch: If the two are in different currencies.
            InvalidPeriod: If they are of different periods.
        """
        if not isinstance(earlier, Bill):
            return NotImplemented
        return adjustment_of(self, earlier)

    def verify(self) -> None:
        """Compute the bill again from plan and usage, the long way: every figure, not the words.

        Raises:
            BillMismatch: If a line, the total or what paid it comes out otherwise; it names the first.
        """
        from tokenbill.core.billing.verification import verify

        verify(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the schedule has to say of the prices: a conversion, or a price that stands in for another."""
        return tuple(bill_notes(self.request))

    @property
    def explanation(self) -> Explanation:
        """How the bill comes about, as a tree: a step for each line, and below it the way there."""
        from tokenbill.core.billing.explanation import explained  # a process that only bills never needs it

        return explained(self.lines, self._compiled, self.request, self.delta)

    def explain(self) -> str:
        """Each line as arithmetic that a clerk can redo, the rule applied, and the way along a price."""
        from tokenbill.core.billing.explanation import settlement

        told = [*map(str, self.explanation.steps), *settlement(self.total, self.delta, self.request)]
        return "\n".join([*told, *(f"note: {each}" for each in self.notes)])

    @property
    def total_minor(self) -> int:
        """The total in minor units of the currency, as payment providers count: 1230 for 12.30 USD.

        Raises:
            InvalidNumber: If the plan rounds to more decimals than the currency has.
        """
        return self.plan.currency.minor(self.total)

    def breakdown(self) -> Breakdown:
        """Each charge with its list amount, discounts, credit, net, taxes and gross, in whole minor units."""
        from tokenbill.core.billing.breakdown import breakdown_of  # most bills are asked for their total

        return breakdown_of(self.request, self._compiled, lambda: self.delta)

    def to_rows(self) -> list[dict[str, str | Decimal | None]]:
        """The lines by column, numbers as Decimals; net, tax and total are those of the whole bill."""
        return self.section().to_rows()

    def section(self) -> Section:
        """What a page shows of it."""
        from tokenbill.core.billing.section import Section, credits_of  # a process may only bill

        plan, unit = self.plan, self.plan.currency
        settled = self.total, self.due, unit.code, unit.places, plan.name, self.about, self.period
        paid = credits_of(self.opening.balance, self.delta.balance, dict(self.draws))
        told = (f"other terms from {each.period.start} on" for each in self.versions[1:])
        return Section(self.lines, *settled, paid, (*self.notes, *told))

    def to_html(self, **options: Unpack[PageOptions]) -> str:
        """The bill as a page that can be sent and printed: one file of HTML, which fetches nothing.

        Args:
            **options: All may be left out.
            names: Readable names, by meter or by the description of a line; others are put into words.
            places: Most decimals of an amount; without it four more than the currency has. What is cut
                off is marked by "≈"; all digits stay in ``explain()``, CSV and JSON.
            lang: ``en`` or ``zh``.
            issuer: Who bills, as a text of some lines or a list of them.
            customer: Who is billed, likewise.
            number: The number of the invoice; it and the customer are else read from ``about``.
            issued: The date of the invoice.

        Raises:
            InvalidName: For a name that is none, another language, or another option.
            InvalidCurrency: If *places* is no number of decimals.
            InvalidPeriod: If *issued* is no date.

        >>> from tokenbill import PriceSchedule
        >>> bill = Bill.of(Usage(calls=3), BillingPlan.on_demand(PriceSchedule(calls="0.50")))
        >>> "1.50 USD" in bill.to_html(number="2026-10-0007", customer="acme")
        True
        """
        from tokenbill.core.billing.page import page

        return page([self.section()], **options)

    def __repr__(self) -> str:
        about = "".join(f", {key}={value!r}" for key, value in self.request.about)
        return f"<Bill of {self.total:f} {self.currency}, plan {self.plan.name!r}{about}>"

    def __str__(self) -> str:
        table = text_table(HEADER, [line.cells() for line in self.lines], numbers=NUMBERS)
        return "\n".join([table, self._sum(), *(f"Note: {each}" for each in self.notes)])

    def _repr_html_(self) -> str:
        caption = " · ".join([*filter(None, [self.plan.name]), *self.section().said.values(), self._sum()])
        return html_table(HEADER, [line.cells() for line in self.lines], numbers=NUMBERS, caption=caption)

    def _sum(self) -> str:
        return f"Total: {self.plan.currency.format(self.total)}"


_set_parts, _set_total, _set_cache = slot_setters(Bill)
_Draft = draft_of(Bill)


def _bill(parts: tuple[Any, ...], total: Decimal, kept: Cache | None = None) -> Bill:
    """The bill of these, as ``Bill`` makes it, in half the time: one is made for every event."""
    bill: Any = _Draft()
    bill._parts = parts
    bill.total = total
    bill._cache = kept
    bill.__class__ = Bill
    return bill  # type: ignore[no-any-return]  # of its class by now


def _rated(request: BillRequest, compiled: CompiledPlan) -> Bill:
    """The bill of a request, whose parts were read and checked."""
    is_new = request.opening is NEW and request.reversal is NO_USAGE and request.versions is None
    if is_new and request.plan.overage == "bill":
        statement = rate_fresh(compiled, request.usage, final=request.final)
        # its lines say the same of each charge
        return _bill(request, cast(Decimal, statement.total), Cache(statement=statement))
    delta = delta_of(request, compiled)
    bill = _bill(request, delta.total, Cache(delta=delta))
    if request.final and (delta.credit is None or delta.credit.stretch.is_dated) and delta.balance.grants:
        bill.closing  # noqa: B018  # a roll-over that lacks its time is refused before the bill exists
    return bill
