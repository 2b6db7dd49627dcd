"""Draws: what each grant pays of each charge, worked out anew on the whole period at every bill.

Nothing is replayed, and nothing undone: each grant offers what it drew in this period and what is left of
it, and fills the charges again. So what is withdrawn goes back to where it came from, first to cash, then
to the grant that paid it, and no number of bills changes what a period's usage comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers

__all__ = [
    "CREDIT",
    "NO_DRAWS",
    "OWED",
    "ByCharge",
    "Limit",
    "Offer",
    "Payable",
    "Units",
    "draws",
    "draws_with_owed",
    "total_drawn",
]

Units: TypeAlias = "int | Fraction"
"""An amount in minor units: whole ones as an int, what is not settled yet as a Fraction."""

ByCharge: TypeAlias = "Mapping[str, Mapping[str, Units]]"
"""What was drawn, by grant and charge."""

CREDIT = ""
"""Stands for the credit balance among grants, none of which has an empty id."""
OWED = "owed:before"
"""Stands among charges for what was owed before, which grants pay first where a plan lets accounts owe."""
NO_DRAWS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
NOTHING: Mapping[str, Units] = MappingProxyType({})


class Payable(NamedTuple):
    """A charge that credit may pay: what it comes to now, and what it came to at the bill before.

    ``kind`` is what a scope knows it by.
    """

    key: str
    kind: str | tuple[str, ...]
    meter: Meter | None
    amount: Units
    before: Units = 0


class Limit(NamedTuple):
    """How much more a grant may pay than it paid, of the charges that *counts* says; others are free."""

    more: Units
    counts: Callable[[str], bool]


class Offer(NamedTuple):
    """What a grant can pay: what it drew in this period and, if it is usable, what is left of it."""

    id: str
    amount: Units
    on: Scope = None
    limit: Limit | None = None
    has_ended: bool = False


def draws(
    payables: Sequence[Payable], offers: Iterable[Offer], earlier: ByCharge = NO_DRAWS
) -> dict[str, dict[str, Units]]:
    """What each grant pays of each charge: grants in order, and the charges in the scope of each in order.

    Called once for each sort of credit: tokens, promotional credit, paid credit.

    Args:
        payables: The charges of the period, in order of lines.
        offers: The grants of one sort in order of drawing: ended ones first; before paid ones, the credit
            balance. Whatever their order, an ended one first keeps what it paid.
        earlier: What the same sort drew in the period so far.

    >>> calls = Payable("usage:calls", "usage", Meter("calls"), 10)
    >>> draws([calls], [Offer("gift", 4), Offer("disks", 9, ("disks",)), Offer("paid", 50)])
    {'gift': {'usage:calls': 4}, 'paid': {'usage:calls': 6}}

    A grant that came later pays no more than what a charge grew:

    >>> draws([calls._replace(amount=12, before=10)], [Offer("late", 50)])
    {'late': {'usage:calls': 2}}
    """
    left, room, fallen = _open(payables, earlier)
    offers = list(offers)
    kept = _kept(payables, offers, earlier, left, room)
    drawn: dict[str, dict[str, Units]] = {}
    for id, offered, on, limit, _ in offers:
        own, stays = earlier.get(id, {}), kept.get(id, NOTHING)
        # what falls away of one charge may pay another, or a withdrawal would leave the period other draws
        # than one bill of it; but never by a grant that paid nothing before, for that one came later
        moved = min(fallen, sum(own.values())) if fallen else 0
        rest = offered - sum(stays.values())
        parts, bound = {}, _bound(limit, payables, own)
        for place, charge in enumerate(payables):
            paid = stays.get(charge.key, 0)
            if not (rest or paid) or not (on is None or covers(on, charge.kind, charge.meter)):
                continue
            # No more than is left of the charge, than the grant has, and than the charge grew since the bill
            # before: else a grant that is added today would pay what cash paid yesterday.
            part = paid + min(left[place], rest, room[place] + moved)
            part = part if bound is None else bound(charge, part)
            if part > 0:
                more = part - paid
                if more > room[place]:
                    beyond = more - room[place]
                    fallen, moved, room[place] = fallen - beyond, moved - beyond, more
                left[place], room[place], rest = left[place] - more, room[place] - more, rest - more
                parts[charge.key] = part
        if parts:
            drawn[id] = parts
    return drawn


def _kept(
    payables: Sequence[Payable],
    offers: Iterable[Offer],
    earlier: ByCharge,
    left: list[Units],
    room: list[Units],
) -> dict[str, dict[str, Units]]:
    """What grants that have ended go on paying, taken out of what is left of each charge.

    Others would find those charges open, the credit balance first of all; and what goes back to a grant that
    has ended is gone, so that an empty bill would cost something.
    """
    kept: dict[str, dict[str, Units]] = {}
    for offer in offers:
        own = earlier.get(offer.id, NOTHING) if offer.has_ended else NOTHING
        for place, charge in enumerate(payables) if own else ():
            part = min(own.get(charge.key, 0), left[place])
            # an edited account may say that it paid what lies outside its scope
            if part and (offer.on is None or covers(offer.on, charge.kind, charge.meter)):
                kept.setdefault(offer.id, {})[charge.key] = part
                left[place], room[place] = left[place] - part, room[place] - part
    return kept


def _open(payables: Iterable[Payable], earlier: ByCharge) -> tuple[list[Units], list[Units], Units]:
    """What is left of each charge, what all grants together may pay of each, and what fell away of others."""
    paid: dict[str, Units] = {}
    for parts in earlier.values():
        for key, amount in parts.items():
            paid[key] = paid.get(key, 0) + amount
    # What comes to less than nothing, as an item of a volume price may, is paid by nobody.
    left: list[Units] = []
    room: list[Units] = []
    # what was paid of charges beyond what they come to now, of those that are gone altogether too
    fallen = sum(paid.values())
    for charge in payables:
        amount, earned = charge.amount if charge.amount > 0 else 0, paid.get(charge.key, 0)
        left.append(amount)
        room.append(earned + charge.amount - charge.before if charge.amount > charge.before else earned)
        fallen -= min(earned, amount)
    return left, room, fallen


def draws_with_owed(
    payables: Sequence[Payable], offers: Iterable[Offer], earlier: ByCharge, owed: Units
) -> dict[str, dict[str, Units]]:
    """The same on an account that may owe: what is left of grants without scope covers what it owes first.

    >>> calls = Payable("usage:calls", "usage", Meter("calls"), 13, before=12)
    >>> draws_with_owed(
    ...     [calls], [Offer("old", 5), Offer("new", 20)], {"old": {"usage:calls": 5}}, 7
    ... )
    {'old': {'usage:calls': 5}, 'new': {'owed:before': 7, 'usage:calls': 1}}
    """
    paid: dict[str, Units] = {}
    left: list[Offer] = []
    for offer in offers:
        id, parts = offer.id, earlier.get(offer.id, {})
        # what a grant paid of charges stays with them, or one that came later could pay them in its place
        is_free = offer.on is None and offer.limit is None
        more = min(owed, offer.amount - sum(parts.values())) if is_free else 0
        owed -= more
        if before := parts.get(OWED, 0) + more:
            paid[id] = before
        # what went to the debt is not there for charges
        left.append(offer._replace(amount=offer.amount - paid.get(id, 0)))
    of_charges = {
        id: {key: part for key, part in parts.items() if key != OWED} for id, parts in earlier.items()
    }
    drawn = draws(payables, left, of_charges)
    for id, amount in paid.items():
        drawn[id] = {OWED: amount, **drawn.get(id, {})}
    return drawn


def _bound(
    limit: Limit | None, payables: Iterable[Payable], own: Mapping[str, Units]
) -> Callable[[Payable, Units], Units] | None:
    """What a limit leaves of a part of each charge, in their order.

    A grant with a limit pays what it paid of a charge and of what that grew, no more: what it could not pay
    last week it does not pay this week, for somebody else did.
    """
    if limit is None:
        return None
    budget = limit.more + sum(own.get(charge.key, 0) for charge in payables if limit.counts(charge.key))

    def bound(charge: Payable, part: Units) -> Units:
        nonlocal budget
        if not limit.counts(charge.key):
            return part
        part = max(min(part, budget, own.get(charge.key, 0) + max(charge.amount - charge.before, 0)), 0)
        budget -= part
        return part

    return bound


def total_drawn(drawn: ByCharge) -> Units:
    """What all grants paid of all charges.

    >>> total_drawn({"gift": {"fee:seat": 3, "usage:calls": 1}, "paid": {"usage:calls": 6}})
    10
    """
    return sum(amount for parts in drawn.values() for amount in parts.values())
