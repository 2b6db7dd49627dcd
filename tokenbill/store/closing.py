"""Closing periods: the last step of a bill, usage that comes after it, and the bills that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from attrs import evolve

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.dated import bill_request
from tokenbill.core.credits.balance import Balance
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum, plus
from tokenbill.core.periods.instants import is_before, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.bill_request import NO_USAGE, Settlement
from tokenbill.errors import TokenbillError
from tokenbill.store.commitments import caught_up, check_order, is_behind, met_in
from tokenbill.store.ledger import Ledger
from tokenbill.store.parts import (
    Booking,
    Dated,
    FinalStep,
    Part,
    draws_without,
    opening_of,
    span_of,
)
from tokenbill.store.versions import used_by_version

__all__ = [
    "Closed",
    "behind",
    "booked",
    "booked_late",
    "close",
    "closed_bill",
    "joined",
    "split",
    "whole_bill",
]


class Closed(NamedTuple):
    """What closing a period charged, in it and perhaps in the next one, and the bill that is kept."""

    bookings: list[Booking]
    bill: Bill


class LastStep(NamedTuple):
    """The account before the final bill of a period, what came to it last, and that bill."""

    account: Account
    total: Decimal
    due: Decimal
    step: Bill


def close(ledger: Ledger, part: Part, end: datetime | None = None, dated: Dated = ()) -> Closed:
    """End a period: what its interim bills leave to the end is charged, and grants roll over.

    Args:
        ledger: Whose period it is.
        part: The period.
        end: Where an endless one ends.
        dated: What was used in it, of which some may lie behind its end.
    """
    # An endless period has an end now, and some of its usage may lie behind it.
    check_order(part, ledger.parts.values())
    bookings = [] if end is None else split(ledger, part, end, dated)
    opening, more, more_due = caught_up(ledger.opened(part), part, ledger.met)
    part.account, part.due = opening, decimal(plus(part.due, more_due))
    opening, moved, moved_due, step = last_step(part, opening)
    more, more_due = decimal(plus(more, moved)), decimal(plus(more_due, moved_due))
    part.due = decimal(plus(part.due, moved_due))
    bill = whole_bill(part, opening, step)
    credit = decimal(difference(step.closing.credit_balance, opening.credit_balance))
    part.account, part.final = opening, FinalStep(step.total, step.due, step.draws, credit)

    after = evolve(step.closing, balance=_rolled(ledger, part, step))
    ledger.parts.pop(part.number, None)
    if part.number >= ledger.next_number:
        ledger.next_number = part.number + 1
    _hand_over(ledger, part, after)
    ledger.archive.put(part)
    ledger.met += met_in(part, opening, step.closing)
    ledger.seq += 1
    final = Booking.of(part, decimal(plus(step.total, more)), decimal(plus(step.due, more_due)))
    own = [each for each in (*bookings, final) if each.part is part]
    total, due = (
        decimal(exact_sum(list(amounts))) for amounts in zip(*(each[1:3] for each in own), strict=True)
    )
    others = [each for each in bookings if each.part is not part]
    return Closed([Booking.of(part, total, due), *others], bill)


def last_step(part: Part, account: Account) -> LastStep:
    """The final bill of a period, of an account in which it has nothing to give back but what falls."""
    # It charges what only an end decides: a minimum, fees in arrears, and what rolls over.
    ask: Any = {"period": part.named, "at": part.last}
    step = Bill.of(NO_USAGE, part.agreed, opening=account, final=True, **ask)
    gives_back = step.closing.credit_balance > account.credit_balance
    if not (gives_back or any(amount < 0 for _, amount in step.draws)):
        return LastStep(account, ZERO, ZERO, step)
    # Other credit may pay now what a grant paid. Usage that comes late takes the step back, and what it gave
    # to the grant may be spent by then: so an interim bill gives it, which nobody takes back.
    moved = Bill.of(NO_USAGE, part.agreed, opening=account, final=False, **ask)
    step = Bill.of(NO_USAGE, part.agreed, opening=moved.closing, final=True, **ask)
    return LastStep(moved.closing, moved.total, moved.due, step)


def _rolled(ledger: Ledger, part: Part, step: Bill) -> Balance:
    """The balance after a period: grants roll over, and those that are spent or over go to the archive."""
    rolled = step.delta.balance.rolled(part.span.end)
    # A grant that another open period has drawn on stays: that period's account names it.
    ids = {grant.id for grant in step.closing.balance.grants}
    for other in ledger.parts.values():
        if other is not part:
            ids |= {id for id, _ in other.account.draws}
    kept = [grant.id for grant in rolled.grants if grant.id in ids]
    gone = [grant.id for grant in rolled.grants if grant.id not in ids]
    if gone:
        ledger.archive.retire(rolled.without(*kept), ())
    return rolled.without(*gone)


def _hand_over(ledger: Ledger, part: Part, after: Account) -> None:
    """Give the credit that a closed period leaves to the next one that is open."""
    if ledger.holder is None or ledger.holder is part:
        ledger.holder = None
        ledger.purse = after
        ledger.is_changed = True
    else:
        ledger.give(after)


def split(ledger: Ledger, part: Part, at: datetime, dated: Dated) -> list[Booking]:
    """Let an endless period end at an instant: what was used from then on is of the next one."""
    span = Period(part.span.start, at)
    behind = [(when, usage, reversal) for when, usage, reversal in dated if not is_before(when, at)]
    usage = sum((usage for _, usage, _ in behind), NO_USAGE)
    usage = usage - sum((reversal for _, _, reversal in behind), NO_USAGE)
    bookings = list[Booking]()
    if usage:
        opening = ledger.opened(part)
        bill = Bill.of(
            NO_USAGE, part.agreed, opening=opening, period=part.named, at=at, final=False, reversal=usage
        )
        bookings.append(ledger.keep(part, bill))
    # The terms go on, and with them the period without end, which begins here now.
    rest = Part(ledger.next_number, Period(at, part.span.end), part.terms)
    # from here on its bills name the period, which has an end now
    part.account = evolve(part.account, period=span)
    part.place(span)
    if usage:
        opening = ledger.opened(rest)
        last = max(when for when, _, _ in behind)
        bill = Bill.of(usage, rest.agreed, opening=opening, period=rest.named, at=last, final=False)
        bookings.append(ledger.keep(rest, bill))
    return bookings


def booked(ledger: Ledger, usage: Usage, at: datetime, reversal: Usage = NO_USAGE) -> Booking:
    """Charge what was used at an instant, or take it back, in whatever period it falls."""
    part = ledger.part_at(at)
    if part.final is not None:
        return booked_late(ledger, part, usage, at, reversal)
    return ledger.book(part, usage, at, reversal)


def booked_late(
    ledger: Ledger, part: Part, usage: Usage, at: datetime, reversal: Usage = NO_USAGE
) -> Booking:
    """Charge what was used in a closed period: it is opened as it was, billed on, and closed again.

    What closing it had charged and drawn is taken back first, so that a true-up shrinks as usage grows.
    """
    before = part.final
    assert before is not None
    held = ledger.credit
    balance, back, spent = _reopened(ledger, part, before, at)
    # What the last step gave back to a grant and was spent since is paid by cash in its place.
    in_cash = exact_sum([*spent.values()])
    credit = decimal(difference(held.credit_balance, before.credit))
    unit = held.credit_currency or part.plan.currency
    held_in = unit if credit else None
    draws = draws_without(part.account.draws_by_charge, spent)
    opening: Any = {"balance": balance, "draws": draws, "credit_balance": credit, "credit_currency": held_in}
    account = evolve(part.account, **opening)
    account, more, more_due = caught_up(account, part, ledger.met)
    late = Bill.of(
        usage, part.agreed, opening=account, period=part.named, at=at, final=False, reversal=reversal
    )
    account, moved, moved_due, step = last_step(part, late.closing)
    total = decimal(exact_sum([more, late.total, moved, step.total, before.total.copy_negate()]))
    paid = decimal(exact_sum([in_cash, more_due, late.due, moved_due]))
    due = decimal(exact_sum([paid, step.due, before.due.copy_negate()]))
    # Refused before anything is changed; what was to pay in cash before goes to the credit balance.
    booking = Booking.of(part, total, max(due, ZERO))
    left = step.closing.credit_balance
    grown = decimal(difference(left, account.credit_balance))
    part.account = account
    part.final = FinalStep(step.total, step.due, step.draws, grown)
    part.due = decimal(plus(part.due, paid))
    ledger.met = [each for each in ledger.met if each[0] != part.since]
    ledger.met += met_in(part, account, step.closing)
    if due < 0:
        left = decimal(difference(left, due))
    after = _archived_again(ledger, part, step.delta.balance, back)
    held_in = unit if left else None
    ledger.give(evolve(held, balance=after, credit_balance=left, credit_currency=held_in))
    ledger.seq += 1
    return booking


def behind(ledger: Ledger, part: Part) -> Iterator[Part]:
    """The closed periods after one that are to be corrected, as they count for commitments what it met."""
    terms = [each.cycle.containing(part.span.start).end for each in part.plan.commitment]
    last, at = max((cast(datetime, utc(end)) for end in terms), default=part.until), part.until
    while at < last:
        later = ledger.archive.closed_at(at)
        if later is None:  # nothing was used in it, or it is open and catches up by itself
            at = cast(datetime, utc(span_of(ledger.terms_at(at), at).end))
            continue
        if is_behind(later, ledger.met):
            yield later
        at = later.until


def _reopened(
    ledger: Ledger, part: Part, before: FinalStep, at: datetime
) -> tuple[Balance, list[str], dict[str, Decimal]]:
    """The balance as a closed period finds it again, the grants that come back for it, and what they lack."""
    archived, balance = ledger.archive.retired(), ledger.credit.balance
    # Credit that was good at the time of the usage still pays it, though it ended or was spent since.
    needed = {id for id, _ in (*part.account.draws, *before.draws)}
    back = [
        grant.id
        for grant in archived.grants
        if grant.id in needed or (archived.left(grant.id) and grant.usable_at(at))
    ]
    if back:
        others = [grant.id for grant in archived.grants if grant.id not in back]
        balance = joined([balance, archived.without(*others)])
    spent, undone = dict[str, Decimal](), dict[str, Decimal]()
    for id, amount in before.draws:
        lacking = difference(amount.copy_negate(), balance.left(id))
        if amount < 0 < lacking:
            spent[id] = decimal(lacking)
        undone[id] = decimal(difference(amount.copy_negate(), spent.get(id, ZERO)))
    return balance.drawn_by(undone) if undone else balance, back, spent


def _archived_again(ledger: Ledger, part: Part, balance: Balance, back: list[str]) -> Balance:
    """The balance without the grants that had left it before; one that got something back stays."""
    if not back:
        return balance
    live = [g.id for g in balance.grants if balance.left(g.id) and not g.expired_at(part.until)]
    gone = [id for id in back if id not in live]
    kept = balance.without(*(grant.id for grant in balance.grants if grant.id not in gone))
    ledger.archive.retire(kept, [id for id in back if id in live])
    return balance.without(*gone)


def joined(balances: Sequence[Balance]) -> Balance:
    """Several balances as one, in the order of the first, with what became of each grant."""
    first = balances[0] if balances else Balance()
    names = ("grants", "draws", "rolled_over", "forfeited")
    return evolve(
        first, **{name: [each for one in balances for each in getattr(one, name)] for name in names}
    )


def whole_bill(part: Part, account: Account, step: Bill) -> Bill:
    """The bill of all usage of a period: the interim ones, and *step*, which comes after them.

    Where credit came in between its charges, one bill of everything would draw it otherwise: then it is a
    bill of what they settled, whose totals are those that were charged.
    """
    total = decimal(plus(account.accrued, step.total))
    due = decimal(plus(part.due, step.due))
    drawn = dict(account.draws)
    for id, amount in step.draws:
        drawn[id] = decimal(plus(drawn.get(id, ZERO), amount))
    draws = tuple(sorted((id, amount) for id, amount in drawn.items() if amount))
    usage = used_by_version(part, account)
    left = step.delta.credit_balance
    opening = opening_of(part, evolve(account, credit_balance=left), total, due, draws)
    asked: Any = {"final": step.final, "at": step.request.at}
    # What was charged is charged: a balance that no longer covers it must not refuse the bill of it.
    with suppress(TokenbillError):
        bill = Bill.of(usage, part.agreed, opening=opening, period=part.named, **asked)
        if (bill.total, bill.due, tuple(sorted(bill.draws))) == (total, due, draws):
            return bill
    request, _ = bill_request(usage, part.agreed, part.named, opening, **asked)
    return Bill(request._replace(settled=Settlement(step.delta.draws, due)), total)


def closed_bill(part: Part) -> Bill:
    """The bill of a closed period, with all usage that came late."""
    step = Bill.of(NO_USAGE, part.agreed, opening=part.account, period=part.named, at=part.last, final=True)
    return whole_bill(part, part.account, step)
