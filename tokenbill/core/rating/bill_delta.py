"""Deltas: what a bill adds to its opening account, and how the balance pays it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, cast

from tokenbill.core.base.values import named
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import CREDIT, NO_DRAWS, Offer, Units, total_drawn
from tokenbill.core.credits.ledger import Draws as ByGrant
from tokenbill.core.credits.ledger import DrawsByCharge
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.rating.bill_request import NO_USAGE, BillRequest, used_in, with_held
from tokenbill.core.rating.billed_before import billed_before, check_accrued, check_terms
from tokenbill.core.rating.charge_run import NOTHING_EARLIER, RatingRequest, Sort, Sorts
from tokenbill.core.rating.compiled_plan import NOTHING, CompiledPlan, Position
from tokenbill.core.rating.credit_position import (
    ChargePosition,
    CreditPosition,
    Stretch,
    by_grant,
    position_of,
    stretch_of,
)
from tokenbill.core.rating.opening import (
    Opening,
    changed_draws,
    check_currencies,
    check_entries,
    check_grants,
    has_no_credit,
    kept_draws,
    least_of,
    offers_of,
)
from tokenbill.core.rating.settlement import settled_parts
from tokenbill.core.rating.statement import Statement, minor_units, rate
from tokenbill.errors import BalanceExhausted

__all__ = [
    "BillDelta",
    "PaidByCharge",
    "PaidBySums",
    "delta_by_sums",
    "delta_of",
    "is_straight",
    "weighed",
    "with_statements",
]

NO_BALANCE = Balance()


class BillDelta(NamedTuple):
    """What a bill adds to an account, and the statements of the period after and before.

    ``draws`` are those of the period, by grant and charge; ``drawn`` what this bill adds to them, by grant.
    """

    total: Decimal
    accrued: Decimal
    due: Decimal
    credit_balance: Decimal
    position: Position | None
    balance: Balance
    draws: DrawsByCharge = ()
    drawn: ByGrant = ()
    after: Statement | None = None
    before: Statement | None = None
    credit: CreditPosition | None = None
    charges: ChargePosition | None = None


class PaidBySums(BillDelta):
    """What a bill adds where sums say what credit pays: which grant paid which charge is told when asked."""

    asked: tuple[BillRequest, CompiledPlan]

    @cached_property
    def staged(self) -> BillDelta:
        """The same, charge by charge."""
        return _staged(*self.asked)[0]

    @cached_property
    def after(self) -> Statement:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """The period with this bill; nothing holds a grant back here, whatever was drawn before."""
        request, plan = self.asked
        credit = cast(CreditPosition, self.credit)
        return rate(RatingRequest(plan, used_in(request), request.final, credit.stretch.offered))

    @property
    def before(self) -> Statement | None:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """The period before this bill."""
        return None if self.asked[0][2].is_fresh else self.staged.before

    @property
    def balance(self) -> Balance:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What is left of the grants."""
        return cast(CreditPosition, self.credit).balance()

    @property
    def draws(self) -> DrawsByCharge:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What credit paid in the period, by grant and charge."""
        return self.staged.draws

    @property
    def drawn(self) -> ByGrant:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What this bill adds to it, by grant."""
        return self.staged.drawn


class PaidByCharge(BillDelta):
    """What a bill adds where single charges say what credit pays; balance and draws are told when asked."""

    earlier: Sorts

    @property
    def balance(self) -> Balance:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What is left of the grants."""
        return cast(ChargePosition, self.charges).balance()

    @property
    def draws(self) -> DrawsByCharge:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What credit paid in the period, by grant and charge."""
        charges = cast(ChargePosition, self.charges)
        return charges.draws(charges.after.run.request.usage)

    @cached_property
    def drawn(self) -> ByGrant:  # pyright: ignore[reportIncompatibleVariableOverride] told when asked
        """What this bill adds to it, by grant."""
        charges = cast(ChargePosition, self.charges)
        return tuple(sorted(changed_draws(charges.drawn, self.earlier, charges.plan.plan).items()))


def delta_of(request: BillRequest, plan: CompiledPlan, *, refusing: bool = True) -> BillDelta:
    """What a bill adds to its opening account.

    Raises:
        AccountMismatch: If the account is of another period or terms, or its replay gives another amount.
        BalanceExhausted: If the plan refuses what the balance does not cover; nothing is half done.
        CurrencyMismatch: If a grant or the credit balance is in a currency that the plan does not know.
    """
    if request.settled is not None:
        return BillDelta(*settled_parts(request, plan, request.settled))
    if request.versions is None:
        cache = request.opening.cache
        by_sums = _paid_by_sums(request, plan) if cache.get("position") is None else None
        if by_sums is not None:
            return by_sums
        # an account whose charges credit paid is not asked for its balance, which it would have to work out
        if "charges" not in cache and is_straight(request.opening, plan):
            return _straight(request, plan)
        by_charge = _paid_by_charge(request, plan)
        if by_charge is not None:
            return by_charge
    overage, usages = plan.versions[-1].plan.overage, request.versions.usages if request.versions else ()
    if overage == "bill" and has_no_credit(request.opening):
        before = billed_before(request, plan)[0]
        rating = RatingRequest(plan, used_in(request), request.final, usages=usages)
        after = rate(rating._replace(met=request.opening.commitments))
        return _owed(request, decimal(after.total), None, after, before)
    # The last of the roads, and the slowest: each charge is rated, to the last digit, with and without holds.
    if refusing and overage == "refuse" and request.usage:
        found, lacking = weighed(request, plan)
        held = with_held(request)
        if held is not request:
            # what was reserved for others is not there for this one
            lacking = max(lacking, weighed(held, plan if held.versions is None else held.versions.plan)[1])
        if lacking:
            raise BalanceExhausted(lacking, request.plan.currency.code)
        return found
    return _staged(request, plan)[0]


def is_straight(opening: Opening, plan: CompiledPlan) -> bool:
    """Whether sums say what is due: no term looks at single charges, and there is no credit to draw on."""
    return plan.by_sums and plan.plan.overage == "bill" and has_no_credit(opening)


def with_statements(delta: BillDelta, request: BillRequest, plan: CompiledPlan) -> BillDelta:
    """What a bill adds, with the statements of its period; a stored bill keeps none."""
    if delta.after is not None:
        return delta
    return _staged(request, plan)[0] if request.settled is None else delta_of(request, plan)


def _straight(request: BillRequest, plan: CompiledPlan) -> BillDelta:
    """The difference of two totals by cell, from where the account stands on each curve."""
    opening, period = request.opening, request.period
    position: Position | None = opening.cache.get("position")
    if (
        position is None
        or position.plan is not plan
        or (period is not opening.period and period != opening.period)
    ):
        position = _replayed(request, plan)
    # What was withdrawn may have been in any tier, so sums cannot go on from where they stand.
    if request.reversal is NO_USAGE:
        nets = list(position.nets)
        tiered = plan.added(request.usage, nets, position.tiered)
    else:
        nets = plan.start()
        tiered = plan.added(used_in(request), nets)
    position = named(Position, (plan, nets, tiered))
    return _owed(request, plan.money(plan.units(nets, final=request.final)), position)


def _owed(
    request: BillRequest,
    accrued: Decimal,
    position: Position | None,
    after: Statement | None = None,
    was: Statement | None = None,
) -> BillDelta:
    """What a bill adds where no credit pays."""
    opening = request.opening
    before, credit = opening.accrued, opening.credit_balance
    if credit:  # what is owed is of one currency, too
        check_currencies(opening, request.plan)
    total = decimal(difference(accrued, before)) if before else accrued
    due, credit = decimal(difference(total, credit)) if credit else total, ZERO
    # Below zero a bill gives back: never cash, but a credit that the next bill spends first.
    if due < ZERO or _is_carried(request, due):
        due, credit = ZERO, due.copy_negate()
    parts = total, accrued, due, credit, position, opening.balance, (), (), after, was, None, None
    return named(BillDelta, parts)


def _is_carried(request: BillRequest, due: Decimal) -> bool:
    """Whether what would be due stays owed: on an account that may owe, and below the least that is due."""
    plan = request.plan
    if plan.overage == "owe":
        return due > 0
    if plan.least_due is None or not 0 < due < plan.least_due:
        return False
    # no bill comes after the last one of a contract, so that what it carried would never be paid
    versions = request.versions
    return versions is None or not request.final or not versions.contract.ends_with(request.period)


def _paid_by_sums(request: BillRequest, plan: CompiledPlan) -> PaidBySums | None:
    """The same where credit without scopes pays, and has paid all there was; None elsewhere."""
    opening = request.opening
    if "credit" not in opening.cache and not (opening.is_fresh and opening.balance.grants):
        return None
    anew = request.reversal is not NO_USAGE
    usage = used_in(request) if anew else request.usage
    period, at = request.period, request.at
    credit = position_of(opening, plan, usage, period, at, final=request.final, anew=anew)
    # credit that runs out leaves sums: then it matters which charge it paid
    if credit is None:
        return None
    accrued, before = plan.money(credit.total), opening.accrued
    total = decimal(difference(accrued, before)) if before else accrued
    return delta_by_sums(request, plan, credit, total, accrued)


def delta_by_sums(
    request: BillRequest, plan: CompiledPlan, credit: CreditPosition, total: Decimal, accrued: Decimal
) -> PaidBySums:
    """What a bill adds after which credit stands at a position."""
    due, owed = plan.money(credit.total - credit.paid), ZERO
    if _is_carried(request, due):
        due, owed = ZERO, due.copy_negate()
    parts = total, accrued, due, owed, None, NO_BALANCE, (), (), None, None, credit, None
    delta = named(PaidBySums, parts)
    delta.asked = request, plan
    return delta


def _paid_by_charge(request: BillRequest, plan: CompiledPlan) -> PaidByCharge | None:
    """The same where credit in the plan's currency pays single charges, of a stretch of time."""
    opening = request.opening
    known: ChargePosition | None = opening.cache.get("charges")
    if plan.plan.overage != "bill" or opening.credit_balance or not (known or opening.balance.grants):
        return None
    before: Statement | None
    stretch: Stretch | None = None
    if known is not None and known.plan is plan and request.period == opening.period:
        before, earlier = known.after, known.drawn
        stretch = known.stretch if known.goes_on(request.at) else None
    else:
        check_currencies(opening, request.plan)
        check_grants(opening, request.plan)
        before, earlier = billed_before(request, plan)
    stretch = stretch or stretch_of(opening, plan, request.period, request.at)
    if stretch is None:
        return None
    was = NOTHING_EARLIER if before is None else before.amounts
    used, met = used_in(request), opening.commitments
    asked = plan, used, request.final, stretch.offered, was, earlier, False, 0, (), met
    after = rate(named(RatingRequest, asked))
    draws: Sorts = {**after.run.draws, "paid": after.paid()}
    paid = total_drawn(draws["paid"]) - total_drawn(earlier.get("paid", NO_DRAWS))
    accrued = decimal(after.total)
    total = decimal(difference(accrued, opening.accrued))
    cash = decimal(difference(total, plan.money(int(paid))))
    is_due = cash >= 0 and not _is_carried(request, cash)
    due, credit = (cash, ZERO) if is_due else (ZERO, cash.copy_negate())
    now, was_paid = by_grant(draws), by_grant(earlier)
    # what an ended grant gives back it offers no more
    fell = any(now.get(id, 0) < amount for id, amount in was_paid.items())
    position = named(ChargePosition, (plan, stretch, after, draws, fell))
    parts = total, accrued, due, credit, None, NO_BALANCE, (), (), after, before, None, position
    delta = named(PaidByCharge, parts)
    delta.earlier = earlier
    return delta


def _replayed(request: BillRequest, plan: CompiledPlan) -> Position:
    """Where an account stands, by rating what it used; that must come to what it says was billed."""
    opening, nets = request.opening, plan.start()
    if opening.is_fresh:
        return Position(plan, nets, NOTHING)
    check_terms(request)
    check_entries(opening, plan.plan)
    tiered = plan.added(opening.used, nets)
    check_accrued(opening, plan.money(plan.units(nets, final=False)))
    return Position(plan, nets, tiered)


def _staged(request: BillRequest, plan: CompiledPlan) -> tuple[BillDelta, RatingRequest]:
    """The difference of two statements of the period, and what credit pays of it; and how it was rated."""
    opening, period, at = request.opening, request.period, request.at
    check_currencies(opening, request.plan)
    check_grants(opening, request.plan, request.versions and request.versions.contract)
    before, earlier = billed_before(request, plan)
    offers = offers_of(opening, request.plan, period, at)
    was = before.amounts if before is not None else NOTHING_EARLIER
    usages = request.versions.usages if request.versions is not None else ()
    owed: Units = 0
    if request.plan.overage == "owe" and opening.credit_balance < 0:
        owed = minor_units(opening.credit_balance.copy_negate(), plan.places)
    # the whole period, never what is new alone: a tier that is reached now prices what came before it
    used = used_in(request)
    rating = RatingRequest(plan, used, request.final, offers, was, earlier, owed=owed, usages=usages)
    rating = rating._replace(met=opening.commitments)
    after = rate(rating)
    draws: Sorts = {**after.run.draws, "paid": after.paid()}

    # cash is what credit does not pay; what was paid too much of it goes to the credit balance
    total = decimal(difference(decimal(after.total), opening.accrued))
    changes = changed_draws(draws, earlier, request.plan)
    spent, in_money = changes.pop(CREDIT, ZERO), {*draws["paid"], *earlier.get("paid", ())}
    credit = decimal(difference(opening.credit_balance, spent))
    cash = difference(total, exact_sum([spent, *(part for id, part in changes.items() if id in in_money)]))
    due = decimal(max(difference(cash, min(credit, ZERO)), ZERO))
    due = ZERO if _is_carried(request, due) else due
    credit = decimal(exact_sum([credit, due, difference(ZERO, cash)])) or ZERO

    balance = opening.balance.drawn_by(changes) if changes else opening.balance
    drawn = tuple(sorted(changes.items()))
    kept = kept_draws(draws, request.plan)
    accrued = decimal(after.total)
    delta = BillDelta(total, accrued, due, credit, None, balance, kept, drawn, after, before)
    return delta, rating


def weighed(request: BillRequest, plan: CompiledPlan) -> tuple[BillDelta, Decimal]:
    """What a bill adds, and what is not there of its exact amount.

    What the period comes to, before rounding, less what its past came to, or less what was billed of that if
    it is more: rounded amounts would serve fourteen calls of a tenth of a token for one token, and refuse a
    third of a cent after a fee of 10.333…
    """
    opening = request.opening
    if request.versions is None and is_straight(opening, plan):
        delta, rating = _straight(request, plan), RatingRequest(plan, used_in(request), request.final)
    else:
        delta, rating = _staged(request, plan)
    # A first bill has no past; else it is rated to the last digit too, or rounding would be charged again.
    earlier, past, offers = NOTHING_EARLIER, Fraction(0), rating.offers
    if delta.before is not None or not opening.is_fresh:
        past_of = rating._replace(usage=opening.used, final=False, offers=None, exact=True)
        if request.versions is not None:
            past_of = past_of._replace(plan=request.versions.past, usages=request.versions.past_usages)
        was = rate(past_of)
        past = max(Fraction(was.total), Fraction(opening.accrued))
        earlier = least_of(was.amounts, delta.before.amounts if delta.before else NOTHING_EARLIER)
    now = rate(rating._replace(offers=offers or _nothing, earlier=earlier, exact=True))
    pays = now.paid() if offers is not None else NO_DRAWS
    there = total_drawn(pays) - total_drawn(rating.draws.get("paid", NO_DRAWS))
    lacking = Fraction(now.total) - past - Fraction(there - rating.owed) / 10**plan.places
    return delta, Rounding(plan.places, mode="up")(max(lacking, Fraction(delta.due), Fraction(0)))


def _nothing(sort: Sort) -> Sequence[Offer]:
    """What is offered where there is no credit."""
    return ()
