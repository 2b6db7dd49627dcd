"""Roll-over: what of each grant stays when a period closes, and what all of them together may keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from tokenbill.core.credits.grants import KEYS, Grant
from tokenbill.core.credits.ledger import total
from tokenbill.core.money.decimals import ZERO, decimal, difference
from tokenbill.errors import InvalidGrant, InvalidPeriod

__all__ = ["kept_of"]


def kept_of(
    grants: Iterable[Grant],
    left: Mapping[str, Decimal],
    end: date | str | None,
    *,
    most: Decimal | None = None,
    order: Sequence[str] = ("id",),
    held: Mapping[str, Decimal] | None = None,
) -> dict[str, Decimal]:
    """What stays of each grant after a period that closes at *end*, of those that are usable on both sides.

    What is held stays. With *most* all together keep no more: promotional credit is cut before what was paid
    for, and of these first what is drawn first, which ends soonest.

    >>> kept_of([Grant("a", 90, "USD", rollover="50%")], {"a": Decimal(90)}, None)
    {'a': Decimal('45.00')}
    """
    across = [grant for grant in grants if grant.rollover is not None or most is not None]
    for grant in across:
        if grant.dated and end is None:
            raise InvalidPeriod("a dated grant, and no end of a period", grant.id, "say when it closes: end=")
    across = [grant for grant in across if end is None or grant.usable_across(end)]
    kept = {grant.id: grant.rolled(left[grant.id]) for grant in across}
    # a request that runs while the period closes is settled after it, and was promised its credit before
    for id in kept.keys() & (held or {}).keys():
        kept[id] = max(kept[id], min(left[id], (held or {})[id]))
    if most is None:
        return kept
    if len({grant.currency for grant in across}) > 1:
        raise InvalidGrant(
            "a cap over grants of several currencies", most, "keep a balance for each currency"
        )
    beyond = decimal(max(difference(total(kept.values()), most), ZERO))
    # Gifts are cut before money, since what a customer paid for is the last that a customer loses.
    across.sort(key=lambda it: (it.kind == "paid", *(KEYS[key](it, kept[it.id]) for key in order)))
    for grant in across:
        # what is held runs already, and is nobody's to cut
        free = max(difference(kept[grant.id], (held or {}).get(grant.id, ZERO)), ZERO)
        cut = min(beyond, decimal(free))
        kept[grant.id] = decimal(difference(kept[grant.id], cut))
        beyond = decimal(difference(beyond, cut))
    return kept
