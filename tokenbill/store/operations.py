"""Operations: what else happens to a customer than events, and what may be asked about one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, cast

from tokenbill.core.base.inputs import name
from tokenbill.core.billing.account import Account
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.versions_of_period import levels_read
from tokenbill.core.credits.balance import Grant
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.cycle import Cycle
from tokenbill.core.periods.instants import iso_text, midnight, moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.zone_rules import by_rules_at_hand
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import (
    ConflictingEvent,
    InvalidGrant,
    InvalidPeriod,
    InvalidPlan,
)
from tokenbill.serial import dumps, loads
from tokenbill.store.closing import booked, closed_bill, whole_bill
from tokenbill.store.closing import close as closed
from tokenbill.store.ledger import Ledger
from tokenbill.store.parts import ENDLESS, OWN, TICK, Agreed, Part, Terms, instant_at, plan_of
from tokenbill.store.recording import adjustment, correct_later, keep_adjustments
from tokenbill.store.sessions import Session
from tokenbill.store.spans import is_one_span, middle
from tokenbill.store.statements import ADD_CONTRACT, ADD_GRANT, BILLS, CHANGES, CONTRACT, GRANTS
from tokenbill.store.texts import document_of, time_text, usage_text
from tokenbill.watch import Status
from tokenbill.watch import status as status_of

__all__ = ["adjust", "agree", "bill", "bills", "close", "grant", "held", "periods", "status"]


def customer_of(customer: object) -> str:
    """The name of a customer."""
    return name(customer, what="customer")


def agree(session: Session, customer: str, contract: Agreed, *, restate: bool) -> Agreed:
    """Let terms hold for a customer, and keep them by their content."""
    given: object = contract
    if not isinstance(given, BillingPlan | Contract):
        raise InvalidPlan("not a contract", given, "give a BillingPlan or a Contract")
    # An event tells usage alone: each would be refused by a level that nobody can tell here.
    if levels := sorted(levels_read(given)):
        way_out = "agree on a fee of what they come to, and amend the contract when their number changes"
        raise InvalidPlan("terms of levels, which no event tells", levels[0], way_out)
    text = dumps(contract)
    # Thousands of customers agree on the same terms, which are kept once, by what they say.
    key = sha256(text.encode()).hexdigest()
    if not session.rows(CONTRACT, key=key):
        session.run(ADD_CONTRACT, hash=key, document=text)
    ledger = session.ledger(customer_of(customer), new=True)
    check_end(ledger, contract)
    was = ledger.seq
    bookings = ledger.agree(
        Terms(session.contract(key), key, None), lambda part: session.dated(customer, part), restate=restate
    )
    if ledger.seq != was:
        session.add_change(ledger, "agree", {"contract": key, "restate": restate}, bookings)
    return ledger.terms[-1].agreed


def check_end(ledger: Ledger, agreed: Agreed) -> None:
    """That a contract does not end before a period that is closed, beside which the next one's would lie."""
    before = ledger.terms[-1].agreed if ledger.terms else None
    known = before.end if isinstance(before, Contract) else None
    end = None if isinstance(agreed, BillingPlan) else agreed.end
    if end is None or end == known:
        return
    last = ledger.archive.closed_before(cast(datetime, utc(ENDLESS.end)))
    if last is not None and instant_at(end, agreed) < last:
        way_out = f"end it at {iso_text(last)} or later; store.adjust(…) takes back what was billed"
        raise InvalidPeriod("an end before what is closed", iso_text(end), way_out)


def grant(session: Session, customer: str, given: Grant) -> bool:
    """Add a grant; False where it was added before."""
    if not isinstance(given, Grant):
        raise InvalidGrant("not a grant", given, 'give one: Grant("june", 50, "USD")')
    ledger = session.ledger(customer_of(customer), new=True)
    text = dumps(given)
    known = {id: document for id, document, _ in session.rows(GRANTS, name=customer)}
    if given.id in known:
        if known[given.id] != text:
            raise InvalidGrant("a grant whose id another one has", given.id, "give it an id of its own")
        return False
    ledger.grant(given)
    session.run(ADD_GRANT, customer=customer, id=given.id, document=text, retired="")
    session.add_change(ledger, "grant", {"grant": given.id})
    return True


def close(session: Session, customer: str, period: Period | None, at: date | str | None) -> Bill:
    """End a period, and keep its bill; a period that is closed has the bill that was kept."""
    ledger = session.ledger(customer_of(customer))
    part, end = to_close(ledger, period, at)
    if part.final is not None:
        return kept_bill(session, customer, part)
    # A period in which nothing was used is closed, too: its fee is due, and it needs a row of its own.
    if part.number not in ledger.parts and part not in ledger.opened_parts:
        ledger.opened_parts.append(part)
    dated = [] if end is None else session.dated(customer, part)
    done = closed(ledger, part, end, dated)
    document = {"since": time_text(part.since), "until": time_text(part.until)}
    session.add_change(ledger, "close", document, done.bookings)
    session.add_bill(ledger, part, "bill", done.bill)
    return done.bill


def to_close(ledger: Ledger, period: Period | None, at: date | str | None) -> tuple[Part, datetime | None]:
    """The period to close, and where an endless one ends."""
    if at is None:
        part = part_of_period(ledger, period)
        if part.span.end == ENDLESS.end and part.final is None:
            way_out = "say when it ends: close(customer, at=…)"
            raise InvalidPeriod("a period without end", str(part.span), way_out)
        return part, None
    end = instant_of(ledger, at)
    part = ledger.part_at(end - TICK)
    if end in (part.until, utc(by_rules_at_hand(part.span.end))):
        return part, None
    # The end of a period of a cycle is not for the caller to choose; only one without end is closed where he
    # says.
    if part.final is None and plan_of(part.terms.agreed).cycle is None:
        return part, end
    way_out = "close it by its period, or end the contract first: contract.ended(at)"
    raise InvalidPeriod("not the end of a period", at, way_out)


def part_of_period(ledger: Ledger, period: Period | None) -> Part:
    """The part of a period that somebody names; the only open one where none is named."""
    if period is None:
        parts = list(ledger.parts.values())
        if len(parts) == 1:
            return parts[0]
        if not parts and ledger.terms and plan_of(ledger.terms[-1].agreed).cycle is None:
            return ledger.part_at(cast(datetime, ENDLESS.end) - TICK)
        spans = ", ".join(str(part.span) for part in parts)
        raise InvalidPeriod("no period, and not one that is open", spans or None, "say which: period=")
    if not isinstance(period, Period):
        raise InvalidPeriod("not a period", period, "give a Period")
    # a date begins in the zone of the customer's cycle, and an instant keeps the offset written beside it
    start, end = (
        each if isinstance(each, datetime) else instant_of(ledger, each)
        for each in (period.start, period.end)
    )
    named = Period(start, end)
    part = ledger.part_at(instant_of(ledger, start))
    if not is_one_span(part.span, named):  # the start that it has today may lie in the one before
        part = ledger.part_at(middle(named))
    if not is_one_span(part.span, named):
        raise InvalidPeriod("not a period of the customer", str(period), f"give the one there: {part.span}")
    return part


def instant_of(ledger: Ledger, at: date | str) -> datetime:
    """A date as the instant at which it begins in the zone of the customer's cycle."""
    when = moment(at)
    if ledger.terms:
        return instant_at(when, ledger.terms[-1].agreed)
    return (when if isinstance(when, datetime) else midnight(when, UTC)).astimezone(UTC)


def kept_bill(session: Session, customer: str, part: Part) -> Bill:
    """The bill that was kept when a period was closed."""
    [text] = [
        document
        for _, period, kind, document, _ in session.rows(BILLS, name=customer)
        if kind == "bill" and period == part.number
    ]
    found: Bill = loads(text, longest=OWN)
    return found


def held(session: Session, customer: str, period: Period | None) -> Account:
    """The account of a period; without one that of the last period which is open, with all credit."""
    ledger = session.ledger(customer_of(customer))
    if period is None:
        last = max(ledger.parts.values(), key=lambda part: part.since, default=None)
        return ledger.credit if last is None else ledger.opened(last)
    part = part_of_period(ledger, period)
    return part.account if part.final is not None else ledger.opened(part)


def periods(session: Session, customer: str) -> tuple[Period, ...]:
    """The periods of a customer in which something was charged, and that are not closed yet."""
    ledger = session.ledger(customer_of(customer))
    return tuple(part.span for part in sorted(ledger.parts.values(), key=lambda part: part.since))


def bill(session: Session, customer: str, period: Period | None) -> Bill:
    """The bill of a period so far; of a closed one with all that came late."""
    ledger = session.ledger(customer_of(customer))
    part = part_of_period(ledger, period)
    return bill_so_far(ledger, part)


def bills(session: Session, customer: str) -> tuple[Bill | Adjustment, ...]:
    """The bills that were kept, and what changed them later, in the order in which they were made."""
    session.ledger(customer_of(customer))
    return tuple(loads(document, longest=OWN) for _, _, _, document, _ in session.rows(BILLS, name=customer))


def status(session: Session, customer: str, at: date | str, period: Period | None) -> Status:
    """The status of a customer's account at an instant."""
    ledger = session.ledger(customer_of(customer))
    instant = instant_of(ledger, at)
    part = ledger.part_at(instant)
    account = part.account if part.final is not None else ledger.opened(part)
    whole = period
    if whole is None:
        endless = plan_of(part.terms.agreed).cycle is None
        whole = Cycle.monthly().containing(instant) if endless else part.span
    return status_of(account, part.agreed, at=instant, period=whole)


def adjust(
    session: Session,
    customer: str,
    usage: Any,
    *,
    id: str,
    at: date | str,
    reversal: Any,
    reason: str,
) -> Adjustment:
    """Correct what was used at a time, once for each id, in a period that is open or closed."""
    ledger = session.ledger(customer_of(customer))
    key, why = name(id, what="id"), name(reason, what="reason", empty=True)
    more, less = (each if isinstance(each, Usage) else Usage(each) for each in (usage, reversal))
    instant = instant_of(ledger, at)
    document: Mapping[str, Any] = {
        "id": key,
        "at": time_text(instant),
        "usage": usage_text(more),
        "reversal": usage_text(less),
        "reason": why,
    }
    # A caller that got no answer asks again: the same correction under its id is made once.
    for _, _, kind, text, *_ in session.rows(CHANGES, name=customer):
        known: dict[str, Any] = document_of(text) if kind == "adjust" else {}
        if known.get("id") == key:
            if known["document"] != document:
                raise ConflictingEvent("adjust", key)
            again: Adjustment = loads(known["adjustment"], longest=OWN)
            return again
    part = ledger.part_at(instant)
    was = bill_so_far(ledger, part)
    booking = booked(ledger, more, instant, less)
    after = bill_so_far(ledger, booking.part)
    made = adjustment(after, was, why)
    kept = {"id": key, "document": document, "adjustment": dumps(made), **document}
    session.add_change(ledger, "adjust", kept, [booking])
    if booking.part.final is not None:
        late = {booking.part.number: (booking.part, was)}
        correct_later(session, ledger, late)
        keep_adjustments(session, ledger, late, why)
    return made


def bill_so_far(ledger: Ledger, part: Part) -> Bill:
    """The bill of a period with all that was booked; of a closed one with all that came late."""
    if part.final is not None:
        return closed_bill(part)
    opening = ledger.opened(part)
    step = Bill.of(
        NO_USAGE, part.agreed, opening=opening, period=part.named, at=opening.billed_at, final=False
    )
    return whole_bill(part, opening, step)
