"""Positions of accounts with credit: what unscoped grants pay of a period, by sums, from event to event.

What a grant offers for a period, drawn and left together, stays the same until a grant begins or ends. While
credit has paid every charge of the period in full, nothing holds a grant back from a charge, so the sums
say what is drawn: of which grant and charge is worked out when somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.base.values import named
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draws import CREDIT, Offer, Units
from tokenbill.core.credits.holds import Holds
from tokenbill.core.credits.ledger import DrawsByCharge
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum, shifted
from tokenbill.core.periods.instants import is_before, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.charge_run import Offers, RatingRequest, Sort, Sorts, promotional_note
from tokenbill.core.rating.compiled_plan import NOTHING, CompiledPlan, Position, Tiered
from tokenbill.core.rating.opening import Opening, kept_draws, offers_of
from tokenbill.core.rating.rating_run import Identity, Note, Number, RatingRun
from tokenbill.core.rating.statement import Statement, rate

__all__ = [
    "CellRun",
    "ChargePosition",
    "CreditPosition",
    "Stretch",
    "by_grant",
    "draws_to_come",
    "position_of",
    "stretch_of",
]

At: TypeAlias = "date | str | None"
PROMOTIONAL = Identity.named("credit", "promotional", None)


class Stretch:
    """A time in which no grant begins or ends: what each offers, in order of drawing, in minor units.

    ``promotional`` and ``paid`` are the sums; ``balance`` is the one at its beginning, ``drawn`` what each
    grant had paid in the period by then; ``pays_any`` says that each pays any charge, ``is_dated`` that any
    of the grants begins or ends.
    """

    __slots__ = (
        *("at", "balance", "drawn", "held", "is_dated", "offers", "pays_any"),
        *("paid", "promotional", "since", "until"),
    )

    def __init__(self, opening: Opening, offers: Offers, at: At) -> None:
        self.offers: dict[Sort, Sequence[Offer]] = {
            "promotional": offers("promotional"),
            "paid": offers("paid"),
        }
        self.promotional, self.paid = (
            sum(int(offer.amount) for offer in each) for each in self.offers.values()
        )
        # one that has ended keeps the charges that it paid, and sums do not know them
        self.pays_any = all(
            offer.on is None and not offer.has_ended for each in self.offers.values() for offer in each
        )
        self.balance = opening.balance
        self.is_dated = any(grant.dated for grant in self.balance.grants)
        self.drawn = {id: exact_sum(amount for _, amount in parts) for id, parts in opening.draws_by_charge}
        self.at = at
        self.since: date | None = None
        self.until: date | None = None
        edges = {edge for grant in self.balance.grants for edge in (grant.starts, grant.expires) if edge}
        holds = self.balance.open_holds.live(at)
        self.held = holds.usage
        # a hold that is over frees itself, so its end bounds a stretch as that of a grant does
        if holds.bound is not None:
            edges.add(holds.bound)
        if at is not None and not isinstance(at, str) and edges:
            self.since = max((edge for edge in edges if not is_before(at, edge)), key=utc, default=None)
            self.until = min((edge for edge in edges if is_before(at, edge)), key=utc, default=None)

    @classmethod
    def of(cls, opening: Opening, plan: BillingPlan, period: Period | None, at: At) -> Stretch | None:
        """The stretch that a bill is in; None where credit changes otherwise than by what charges come to."""
        grants, unit = opening.balance.grants, plan.currency
        if opening.credit_balance or isinstance(at, str):
            return None
        # tokens pay before money is there, and a limit counts what single charges paid
        if any(grant.currency != unit or grant.most for grant in grants):
            return None
        stretch = cls(opening, offers_of(opening, plan, period, at), at)
        return stretch if CREDIT not in stretch.drawn else None

    def says_sums(self, plan: BillingPlan) -> bool:
        """Whether it does not matter which charge a grant pays."""
        if not self.promotional or not self.pays_any:
            return self.pays_any
        # promotional credit lowers what is taxed, and where taxes have scopes, it matters of which charge
        return plan.overage == "bill" and all(tax.on is None for tax in plan.taxes)

    def holds(self, at: At) -> bool:
        """Whether the same grants can pay at another time."""
        # The most usual case, and the cheapest to see: a service passes one moment on, or none.
        if at is self.at:
            return True
        if at is None or self.at is None or isinstance(at, str):
            return False
        begun = self.since is None or not is_before(at, self.since)
        return begun and (self.until is None or is_before(at, self.until))

    def offered(self, sort: Sort) -> Sequence[Offer]:
        """What grants of a sort offer."""
        return self.offers.get(sort, ())


class _Beginning(NamedTuple):
    """What a stretch reads of the account at its beginning."""

    balance: Balance
    draws_by_charge: DrawsByCharge
    credit_balance: Decimal = ZERO


class CreditPosition(NamedTuple):
    """Where an account stands whose credit is drawn on by sums; promotional credit may pay ``net``, rounded.

    ``promotional`` and ``paid`` are what either credit paid of ``net`` and of ``total``; ``fell`` says
    that one of them is less than it was: what an ended grant gives back it offers no more. ``opened`` are
    the open holds, where they are no longer those of the stretch.
    """

    sums: Position
    stretch: Stretch
    total: int
    net: int
    promotional: int
    paid: int
    fell: bool
    opened: Holds | None = None

    @property
    def holds(self) -> Holds:
        """The open holds."""
        return self.stretch.balance.open_holds if self.opened is None else self.opened

    def lets_pay(self, stretch: Stretch) -> bool:
        """Whether all that grants offer in a stretch may pay any charge, those of before too."""
        # Else a grant that begins today, or that a hold let go, would pay what others paid yesterday.
        return self.paid == self.total and (self.promotional == self.net or not stretch.promotional)

    def after(self, usage: Usage, at: At) -> CreditPosition | None:
        """The same after more usage of a period that goes on; None where sums do not say it."""
        stretch = self.stretch
        if self.fell or self.opened is not None or not self.lets_pay(stretch) or not stretch.holds(at):
            return None
        return _drawn_on(stretch, self.sums, usage, self, final=False)

    def paid_by_grant(self) -> dict[str, Decimal]:
        """What each grant paid of the period."""
        places, stretch = self.sums.plan.places, self.stretch
        found: dict[str, Decimal] = {}
        # In order of drawing each pays what those before it left: so the sums say what each has paid.
        for offers, paid in (
            (stretch.offers["promotional"], self.promotional),
            (stretch.offers["paid"], self.paid),
        ):
            upto = 0
            for offer in offers:
                part = max(min(int(offer.amount), paid - upto), 0)
                upto += part
                found[offer.id] = shifted(part, places)
        return found

    def balance(self) -> Balance:
        """What is left of the grants."""
        before, stretch = self.stretch.drawn, self.stretch
        changes = {
            id: decimal(difference(part, before.get(id, ZERO))) for id, part in self.paid_by_grant().items()
        }
        changes = {id: change for id, change in changes.items() if change}
        balance = stretch.balance.drawn_by(changes) if changes else stretch.balance
        return balance if self.opened is None else balance.with_holds(self.opened)

    def next_stretch(self, period: Period | None, at: At) -> Stretch | None:
        """The stretch of the next bill, where no grant begins or ends; holds change what is offered."""
        before = self.stretch
        if self.fell:  # an ended grant that gave something back offers no more than it kept
            return None
        if self.opened is not None:
            drawn = tuple((id, (("", decimal(amount)),)) for id, amount in before.drawn.items())
            opening: Any = _Beginning(before.balance.with_holds(self.opened), drawn)
            before = Stretch(opening, offers_of(opening, self.sums.plan.plan, period, before.at), before.at)
        return before if before.holds(at) else None

    def draws(self, used: Usage) -> DrawsByCharge:
        """What each grant paid of each charge of a period that goes on, of which this was used."""
        after = rate(RatingRequest(self.sums.plan, used, False, self.stretch.offered))
        return kept_draws({**after.run.draws, "paid": after.paid()}, self.sums.plan.plan)


class ChargePosition(NamedTuple):
    """Where an account stands whose credit looks at single charges: *drawn* is by sort, in minor units.

    *fell* says that a grant got back some of what it had paid.
    """

    plan: CompiledPlan
    stretch: Stretch
    after: Statement
    drawn: Sorts
    fell: bool

    def goes_on(self, at: At) -> bool:
        """Whether grants offer at another time what they offered here."""
        return not self.fell and self.stretch.holds(at)

    def balance(self) -> Balance:
        """What is left of the grants."""
        before, stretch = self.stretch.drawn, self.stretch
        changes: dict[str, Decimal] = {}
        now = by_grant(self.drawn)
        for id in {**before, **now}:
            change = difference(shifted(int(now.get(id, 0)), self.plan.places), before.get(id, ZERO))
            if change:
                changes[id] = decimal(change)
        return stretch.balance.drawn_by(changes) if changes else stretch.balance

    def draws(self, used: Usage) -> DrawsByCharge:
        """What each grant paid of each charge of a period of which this was used."""
        return kept_draws(self.drawn, self.plan.plan)


def by_grant(drawn: Sorts) -> dict[str, Units]:
    """What each grant paid, in minor units; no two have one id, of whatever sort."""
    return {id: sum(parts.values()) for each in drawn.values() for id, parts in each.items()}


class CellRun(RatingRun):
    """Sums by cell of which promotional credit pays: every tax is on all charges, so it is one which it pays.

    ``offers`` are those of promotional grants, in order of drawing, where lines are asked for.
    """

    __slots__ = ("net", "offered", "offers", "promotional")
    promotional: int
    net: int
    offered: int
    offers: Sequence[Offer]

    def pay_promotional(self, divisor: Number) -> None:
        if self.notes is not None:
            self.offered = self._note_promotional(self.notes, self.total)
        # gifts pay whole minor units of the rounded net, so the cent that rounding made is theirs to pay, too
        self.net, self.promotional = self.total, min(self.offered, self.total)
        if self.promotional:
            self.total -= self.promotional
            self.nets[0] -= self.promotional * divisor

    def _note_promotional(self, notes: list[Note], net: int) -> int:
        """What the grants offer together; what each pays of the net becomes a line."""
        upto = 0
        for offer in self.offers:
            part, upto = min(int(offer.amount), max(net - upto, 0)), upto + int(offer.amount)
            if part:
                notes.append(promotional_note(offer.id, part))
        return upto


def position_of(
    opening: Opening,
    plan: CompiledPlan,
    usage: Usage,
    period: Period | None,
    at: At,
    *,
    final: bool,
    anew: bool,
) -> CreditPosition | None:
    """Where an account stands after usage, of the whole period if *anew*; None where sums do not say it."""
    known: CreditPosition | None = opening.cache.get("credit")
    if known is None:
        # both callers ask before whether the period has no bill yet
        if not plan.by_sums or not opening.balance.grants:
            return None
    elif known.sums.plan is not plan or (period is not opening.period and period != opening.period):
        return None
    stretch = stretch_of(opening, plan, period, at)
    if stretch is None or not stretch.says_sums(plan.plan) or not (known is None or known.lets_pay(stretch)):
        return None
    sums = named(Position, (plan, plan.start(), NOTHING)) if known is None or anew else known.sums
    return _drawn_on(stretch, sums, usage, known, final=final)


def _drawn_on(
    stretch: Stretch, sums: Position, usage: Usage, before: CreditPosition | None, *, final: bool
) -> CreditPosition | None:
    """Where credit stands after usage; None where it may not cover it, or single charges have to say."""
    plan, nets = sums.plan, list(sums.nets)
    tiered = plan.added(usage, nets, sums.tiered)
    total, net, promotional = _settled(plan, nets, stretch.promotional, final=final)
    if plan.plan.overage == "refuse":
        # whether credit covers what is not rounded yet, single charges have to say
        # With a cent of room for each tax sums surely cover it; nearer than that single charges are asked.
        upto = max(total, _upto(plan, nets, tiered, stretch)) if stretch.held else total
        if stretch.paid <= upto + plan.step + len(plan.plan.taxes):
            return None
    paid = stretch.paid if stretch.paid < total else total
    fell = before is not None and (promotional < before.promotional or paid < before.paid)
    after = named(Position, (plan, nets, tiered))
    return named(CreditPosition, (after, stretch, total, net, promotional, paid, fell, None))


def draws_to_come(
    opening: Opening, plan: CompiledPlan, usage: Usage, period: Period | None, at: At
) -> dict[str, Decimal] | None:
    """What each grant would pay more with usage to come; None where sums do not say that credit covers it."""
    known: CreditPosition | None = opening.cache.get("credit")
    # of what bills no overage alone is it known here that credit surely covers it
    if plan.plan.overage != "refuse" or (known is None and not opening.is_fresh):
        return None
    after = position_of(opening, plan, usage, period, at, final=False, anew=False)
    if after is None:
        return None
    before = {} if known is None else known.paid_by_grant()
    paid = after.paid_by_grant()
    return {id: decimal(difference(paid.get(id, ZERO), before.get(id, ZERO))) for id in {**before, **paid}}


def _upto(plan: CompiledPlan, nets: Sequence[Number], tiered: Tiered, stretch: Stretch) -> int:
    """What a period comes to, if open holds are settled in full."""
    after = list(nets)
    plan.added(stretch.held, after, tiered)
    return _settled(plan, after, stretch.promotional, final=False)[0]


def stretch_of(opening: Opening, plan: CompiledPlan, period: Period | None, at: At) -> Stretch | None:
    """That in which a bill is; an account that opens several bills, as a preview does, keeps it."""
    known: CreditPosition | None = opening.cache.get("credit")
    # The most usual case, and the cheapest to see.
    if known is not None and known.opened is None and not known.fell and known.stretch.holds(at):
        return known.stretch
    # On the account, not on the bill: an invoice preview asks one account many times.
    kept: tuple[CompiledPlan, Period | None, Stretch] | None = opening.cache.get("stretch")
    if kept is not None and kept[0] is plan and kept[1] is period and kept[2].holds(at):
        return kept[2]
    stretch = None if known is None else known.next_stretch(period, at)
    stretch = stretch or Stretch.of(opening, plan.plan, period, at)
    if stretch is not None:
        opening.cache["stretch"] = plan, period, stretch
    return stretch


def _settled(
    plan: CompiledPlan, nets: Sequence[Number], offered: int, *, final: bool
) -> tuple[int, int, int]:
    """Total, net and promotional credit of sums of usage by cell, in minor units."""
    if not offered:
        total = plan.units(nets, final=final)
        return total, total, 0
    sums, terms = plan.whole(nets, final=final)
    run = CellRun(sums, terms.cells, round=plan.round, whole_lines=False, final=final)
    run.offered = offered
    terms.settle(run)
    return run.total, run.net, run.promotional
