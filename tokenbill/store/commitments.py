"""What closed periods met of commitments whose terms are longer, for the periods that come after them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from attrs import evolve

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.decimals import ZERO, decimal, difference, exact_sum
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import InvalidPeriod
from tokenbill.store.parts import Part

__all__ = ["CaughtUp", "Met", "caught_up", "check_order", "is_behind", "met_in"]

Met: TypeAlias = list[tuple[datetime, CommitmentMet]]
"""What each closed period met, by the instant at which it begins."""


class CaughtUp(NamedTuple):
    """An account with what was met before its period, and what that charges of usage billed without it."""

    account: Account
    total: Decimal = ZERO
    due: Decimal = ZERO


def caught_up(account: Account, part: Part, met: Met) -> CaughtUp:
    """The account of a period as it goes on: the periods before it may have closed since it was billed.

    Raises:
        TokenbillError: As ``Bill.of``.
    """
    if not part.plan.commitment:
        return CaughtUp(account)
    before = _met_before(part, met)
    if before == account.commitments:
        return CaughtUp(account)
    account = evolve(account, commitments=before)
    if account.is_fresh:
        return CaughtUp(account)
    # What was met before decides what of this period lies beyond a commitment, so that its past costs
    # something else by now: the difference is charged with what is booked next.
    bill = Bill.of(
        NO_USAGE,
        part.agreed,
        opening=account,
        period=part.named,
        at=account.billed_at,
        final=False,
        restate=True,
    )
    return CaughtUp(bill.closing, bill.total, bill.due)


def _met_before(part: Part, met: Met) -> tuple[CommitmentMet, ...]:
    found = list[CommitmentMet]()
    for commitment in part.plan.commitment:
        start = commitment.cycle.containing(part.span.start).start
        earlier = [each for since, each in met if since < part.since and each.is_of(commitment.name, start)]
        if earlier:
            found.append(evolve(earlier[0], amount=decimal(exact_sum([each.amount for each in earlier]))))
    return tuple(sorted(found, key=lambda each: each.name))


def is_behind(part: Part, met: Met) -> bool:
    """Whether a closed period was billed with less, or more, than those before it have met by now."""
    return bool(part.plan.commitment) and _met_before(part, met) != part.account.commitments


def met_in(part: Part, opening: Account, closing: Account) -> Met:
    """What a period that closes met by itself of each commitment."""
    found = Met()
    for each in closing.commitments:
        before = (it.amount for it in opening.commitments if it.is_of(each.name, each.start))
        own = decimal(difference(each.amount, next(before, ZERO)))
        found.append((part.since, evolve(each, amount=own)))
    return found


def check_order(part: Part, parts: Iterable[Part]) -> None:
    """That no earlier period is open, whose usage still counts for the commitments of this one.

    Raises:
        InvalidPeriod: If there is one: close it first.
    """
    earlier = [each for each in parts if each.plan.commitment and each.until <= part.since]
    if earlier and part.plan.commitment:
        way_out = f"close {earlier[0].span} first, whose usage counts for the commitment"
        raise InvalidPeriod("a period of a commitment out of order", str(part.span), way_out)
