"""The ledger of one customer: what each event, grant and change of terms makes of the accounts, in order.

It asks no database: the same operations in the same order give the same ledger, which is how ``verify``
checks a database, and how one process learns what another one has recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol, cast

from attrs import evolve

from tokenbill.core.billing.account import NEW, Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance, Grant
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, plus
from tokenbill.core.periods.instants import is_before, iso_text, zone
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import AccountMismatch, CurrencyMismatch, InvalidAccount, InvalidPeriod, InvalidPlan
from tokenbill.store.changes import changed_from, follows
from tokenbill.store.commitments import CaughtUp, Met, caught_up
from tokenbill.store.parts import (
    ENDLESS,
    Booking,
    Dated,
    Part,
    Terms,
    carrying,
    holds_at,
    opening_of,
    place_grant,
    plan_of,
    span_of,
    warmed,
)
from tokenbill.store.spans import is_one_span, middle
from tokenbill.store.versions import by_version

__all__ = ["Archive", "Ledger"]

RESTATE = "agree on terms whose past is the same, or rate the past anew: store.agree(…, restate=True)"


class Archive(Protocol):
    """Where a ledger finds what it does not carry: closed periods, and grants that have left the balance."""

    def closed_at(self, instant: datetime) -> Part | None:
        """The closed period that holds an instant."""
        ...

    def closed_before(self, instant: datetime) -> datetime | None:
        """Where the last period ended that was closed before an instant."""
        ...

    def retired(self) -> Balance:
        """The grants that were spent or over when a period closed."""
        ...

    def retire(self, grants: Balance, back: Sequence[str]) -> None:
        """Keep grants that leave the balance, or what late usage drew on them; some may come *back*."""
        ...

    def put(self, part: Part) -> None:
        """Keep a period that was closed just now."""
        ...

    def save(self) -> None:
        """Write what was changed."""
        ...


class Ledger:
    """The accounts of one customer, and the operation that made them so."""

    __slots__ = (
        "archive",
        "customer",
        "holder",
        "is_changed",
        "met",
        "next_number",
        "opened_parts",
        "parts",
        "purse",
        "seq",
        "stored_length",
        "terms",
        "written_spans",
    )

    def __init__(self, customer: str, archive: Archive) -> None:
        self.customer, self.archive = customer, archive
        self.seq, self.next_number = 0, 1
        self.terms: list[Terms] = []
        # Open periods by number. A closed one is in the archive, so that an old customer is no slower than a
        # new one.
        self.parts: dict[int, Part] = {}
        # of commitments that run on after a period, what each closed one met
        self.met: Met = []
        self.holder: Part | None = None
        self.purse = NEW
        self.opened_parts: list[Part] = []
        self.is_changed = False
        """Whether something else than the accounts of its open periods is new, so that it must be stored."""
        self.stored_length = 0
        """Characters of the text that it was stored as last."""
        self.written_spans: list[Period] = []
        """Of a replay: spans that were opened under other rules of their zone, and are opened so again."""

    @property
    def credit(self) -> Account:
        """The account that is right about the customer's credit."""
        return self.purse if self.holder is None else self.holder.account

    @property
    def is_warm(self) -> bool:
        """Whether sums say what the next event costs, so that an account need not be stored for each."""
        if self.holder is not None and self.holder.running is not None:
            return True
        cache = self.credit.cache
        return "credit" in cache or "position" in cache

    def terms_at(self, instant: datetime) -> Terms:
        """The terms that hold at an instant.

        Raises:
            InvalidAccount: If none were agreed.
        """
        found = [each for each in self.terms if holds_at(each, instant)]
        if not found:
            way_out = "agree on terms first: store.agree(customer, plan)"
            raise InvalidAccount("a customer without terms", self.customer, way_out)
        # Terms that were replaced still hold for the periods before; the last that began before is right.
        return found[-1]

    def part_at(self, instant: datetime) -> Part:
        """The period that holds an instant: an open one, a closed one, or one that opens with it."""
        # Open ones first: almost every event is of one of them, and this asks no database.
        for part in self.parts.values():
            if part.since <= instant < part.until:
                return part
        closed = self.archive.closed_at(instant)
        if closed is not None:
            return closed
        terms = self.terms_at(instant)
        span = span_of(terms, instant)
        # what was closed of an endless period is no part of the next one
        end = self.archive.closed_before(instant) if span is ENDLESS else None
        part = Part(self.next_number, span if end is None else Period(end, span.end), terms)
        if instant >= part.until:
            way_out = "agree on new terms from then on: store.agree(customer, plan)"
            raise InvalidPeriod("a time after the contract's end", iso_text(instant), way_out)
        home = cast(datetime, span.start).tzinfo
        return part if str(home) == "UTC" else self._as_opened(part, instant)  # whose rules never change

    def _as_opened(self, part: Part, instant: datetime) -> Part:
        """A period that opens, or the one that it is, where that opened with other ends."""
        span, terms = part.span, part.terms
        for written in self.written_spans:
            # what a database says of its spans is believed where it names a period of these terms
            if instant in written and is_one_span(written, span_of(terms, middle(written))):
                part.place(written)
                return part
        # Between the end that a period was opened with and the one that it has by the rules of today lies an
        # hour that is of it, and of no other one: to open it twice would charge its fees twice.
        for known in (*self.parts.values(), self.archive.closed_at(middle(span))):
            if known is not None and instant not in known.span and is_one_span(known.span, span):
                return known
        same = next((written for written in self.written_spans if is_one_span(written, span)), None)
        if same is not None:
            part.place(same)
        return part

    def charge(self, part: Part, usage: Usage, at: datetime) -> Booking:
        """Charge an event in an open period, by sums where they say what it adds.

        Raises:
            TokenbillError: As ``book``.
        """
        # Only the account that holds the credit may run on: sums of another one would draw on what is gone.
        is_running = self.holder is part and not part.plan.commitment
        charged = part.charged(usage, at) if is_running else None
        if charged is None:
            return self.book(part, usage, at)
        self.seq += 1
        return charged

    def book(self, part: Part, usage: Usage, at: datetime, reversal: Usage = NO_USAGE) -> Booking:
        """Charge what was used in an open period, or take it back; refused, it changes nothing.

        Raises:
            TokenbillError: As ``Bill.of``: usage without a price, or that credit does not cover.
        """
        opening = caught_up(self.opened(part), part, self.met)
        bill = Bill.of(
            usage,
            part.agreed,
            opening=opening.account,
            period=part.named,
            at=at,
            final=False,
            reversal=reversal,
        )
        return self.keep(part, bill, opening)

    def keep(self, part: Part, bill: Bill, before: CaughtUp | None = None) -> Booking:
        """Take over what an interim bill made of a period, with what was charged *before* it."""
        total, due = (ZERO, ZERO) if before is None else before[1:]
        # What no database adds up must not be half booked: it is refused before anything is changed.
        booking = Booking.of(part, decimal(plus(bill.total, total)), decimal(plus(bill.due, due)))
        part.account = bill.closing
        if booking.due:
            part.due = decimal(plus(part.due, booking.due))
        if part.number not in self.parts:
            self.parts[part.number] = part
            self.next_number = part.number + 1
            self.opened_parts.append(part)
            self.is_changed = True
        self.holder = part
        self.seq += 1
        return booking

    def opened(self, part: Part) -> Account:
        """The account of a period, with the credit that the customer has now."""
        credit = self.credit
        # A customer has one credit, while each open period has an account of its own: it moves to the one
        # that is billed.
        if self.holder is part or (part.account is NEW and credit is NEW):
            return part.account
        account = carrying(part.account, credit)
        if part.number in self.parts:
            account = part.account = warmed(account, part)
            self.holder = part
        return account

    def grant(self, grant: Grant) -> None:
        """Add a grant to the credit of the customer.

        Raises:
            CurrencyMismatch: If it is in a currency that the terms do not know.
            InvalidGrant, InvalidPeriod: If the balance cannot hold it.
        """
        home: tzinfo = UTC
        if self.terms:
            plan = plan_of(self.terms[-1].agreed)
            home = home if plan.cycle is None else zone(plan.cycle.tz)
            if grant.currency not in (plan.currency, plan.pricing_unit):
                raise CurrencyMismatch(plan.currency, grant.currency)
        held = self.credit
        # Its days are those of the customer, who reads "until the 30th" by the clock on the wall.
        richer = evolve(held, balance=held.balance.with_grants(place_grant(grant, home)))
        self.give(richer)
        self.seq += 1

    def give(self, account: Account) -> None:
        """Let the customer have the credit of an account."""
        self.is_changed = True
        if self.holder is None:
            self.purse = carrying(NEW, account)
        else:
            self.holder.account = warmed(carrying(self.holder.account, account), self.holder)

    def agree(self, terms: Terms, dated: Callable[[Part], Dated], *, restate: bool) -> list[Booking]:
        """Let other terms hold, for all open periods too; what is booked is charged again only as it must.

        Raises:
            AccountMismatch: If the past would cost something else.
            InvalidPlan: If the boundaries of an open period change.
        """
        before = self.terms[-1] if self.terms else None
        if before is not None and terms.hash == before.hash and not restate:
            return []
        # A contract that ends is followed by the next one; any other terms take the place of those before.
        is_next = before is not None and follows(before.agreed, terms.agreed)
        start = cast(Contract, before.agreed).end if before is not None and is_next else None
        if before is not None and not is_next:
            start = before.start
        terms = terms._replace(start=start)
        open_parts = [part for part in self.parts.values() if before is not None and part.terms == before]
        bookings = list[Booking]()
        changed = list[tuple[Part, Part]]()
        if not is_next:
            for part in open_parts:
                draft = self._restated(part, terms, dated, restate=restate, bookings=bookings)
                changed.append((part, draft))
        for part, draft in changed:
            part.terms, part.account, part.due = draft.terms, draft.account, draft.due
            part.place(part.span)
        self.terms = [*(self.terms if is_next else self.terms[:-1]), terms]
        self.is_changed = True
        self.seq += 1
        return bookings

    def _restated(
        self,
        part: Part,
        terms: Terms,
        dated: Callable[[Part], Dated],
        *,
        restate: bool,
        bookings: list[Booking],
    ) -> Part:
        """A period under other terms: rated anew where its usage falls under other versions, or if asked."""
        draft = Part(part.number, part.span, terms, self.opened(part), part.due)
        account = draft.account
        if account.is_fresh:
            return draft
        is_same = is_one_span(span_of(terms, middle(part.span)), part.span)
        if not is_same and plan_of(terms.agreed).cycle is not None:
            way_out = "end the contract there, with contract.ended(at), and agree on the new one then"
            raise InvalidPlan("another cycle in the middle of a period", str(part.span), way_out)
        named = draft.named
        if named is not None and account.period is None:
            account = draft.account = evolve(account, period=named)
        # What is dated holds from its date on, whenever it is agreed on; what was charged before stays.
        since = changed_from(part.terms.agreed, terms.agreed, part.span)
        is_inside = since is not None and since <= part.since
        if not (restate or is_inside):
            _check_past(draft)
        used = list(dated(part)) if restate or isinstance(draft.agreed, Contract) or is_inside else []
        # by the labels that events told: an account keeps none that no price looked at
        given, booked, is_moved = by_version(draft, used)
        if restate:
            is_given = is_moved or account.idle_labels
            bookings.append(_rated_anew(draft, *((given, booked) if is_given else (NO_USAGE, NO_USAGE))))
        elif is_moved or is_inside or (since is not None and _is_torn(draft, since)):
            bookings.append(_as_if_agreed_before(draft, used, given))
        if self.holder is part:
            part.account = draft.account
        return draft


def _is_torn(draft: Part, since: datetime) -> bool:
    """Whether a version begins before the last bill: an account keeps no dates, and must know of it."""
    billed = draft.account.billed_at
    return isinstance(draft.agreed, Contract) and billed is not None and is_before(since, billed)


def _check_past(draft: Part) -> None:
    """That what was charged would cost the same under other terms."""
    account = draft.account
    # Asked without an instant of the last bill, a bill of nothing finds whether the past still costs the
    # same.
    seen = evolve(account, billed_at=None)
    try:
        Bill.of(NO_USAGE, draft.agreed, opening=seen, period=draft.named, at=account.billed_at, final=False)
    except AccountMismatch as mismatch:
        raise AccountMismatch("accrued amount", account.accrued, mismatch.bill, RESTATE) from None


def _rated_anew(draft: Part, given: Any, booked: Any) -> Booking:
    """The past under terms that change it: the difference is charged, and promotional credit pays none."""
    # usage that is given anew has its labels, and no entry of it is one sum any more
    idle = draft.account.idle_labels if given is NO_USAGE else ()
    draft.account = account = evolve(draft.account, period=draft.named or draft.span, idle_labels=idle)
    bill = Bill.of(
        given,
        draft.agreed,
        opening=account,
        period=account.period,
        at=account.billed_at,
        final=False,
        reversal=booked,
        restate=True,
    )
    draft.account = bill.closing
    draft.due = decimal(plus(draft.due, bill.due))
    return Booking.of(draft, bill.total, bill.due)


def _as_if_agreed_before(draft: Part, dated: Dated, given: Any) -> Booking:
    """The account as it would be, had the terms been agreed on before their date."""
    before, opening = draft.account, opening_of(draft, draft.account, draft.account.accrued, draft.due)
    due = ZERO
    # Undated credit pays for any usage, so one bill of all of it draws the same, in a fraction of the time.
    if any(grant.dated for grant in opening.balance.grants):
        account = opening
        for at, usage, back in sorted(
            dated, key=lambda each: each[0]
        ):  # grants pay what was used in their time
            bill = Bill.of(
                usage, draft.agreed, opening=account, period=draft.named, at=at, final=False, reversal=back
            )
            account, due = bill.closing, decimal(plus(due, bill.due))
    else:
        bill = Bill.of(
            given, draft.agreed, opening=opening, period=draft.named, at=before.billed_at, final=False
        )
        account, due = bill.closing, bill.due
    more = decimal(difference(due, draft.due))
    if more < 0:  # what was to pay in cash before goes to the credit balance
        unit, credit = draft.plan.currency, decimal(difference(account.credit_balance, more))
        account, more = evolve(account, credit_balance=credit, credit_currency=unit), ZERO
    draft.account, draft.due = account, decimal(plus(draft.due, more))
    return Booking.of(draft, decimal(difference(account.accrued, before.accrued)), more)
