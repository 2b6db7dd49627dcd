"""Amounts by grant: of these a balance keeps what was drawn, and what a roll-over added and took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias, cast

from tokenbill.core.base.inputs import EMPTY, is_mapping, name, pairs_of
from tokenbill.core.credits.grants import Grant, credit
from tokenbill.core.money.decimals import ZERO, Number, decimal, difference, number, plus
from tokenbill.errors import InvalidGrant

__all__ = [
    "Amounts",
    "Draws",
    "DrawsByCharge",
    "by_charge",
    "by_grant",
    "changed",
    "draws_of",
    "found",
    "left_of",
    "total",
]

Draws: TypeAlias = "tuple[tuple[str, Decimal], ...]"
"""Pairs of a grant's id and an amount in its currency."""

Amounts: TypeAlias = "Mapping[str, Number] | Iterable[tuple[str, Number]]"
"""What amounts by grant may be given as."""


DrawsByCharge: TypeAlias = "tuple[tuple[str, Draws], ...]"
"""The same by grant and charge; the credit balance stands among grants with an empty id."""


def draws_of(value: object) -> Draws:
    """Amounts by grant as a value: zero or more, in order of the ids, zeros left out.

    >>> draws_of({"b": "2.50", "a": 1, "c": 0})
    (('a', Decimal('1')), ('b', Decimal('2.50')))
    """
    if value is EMPTY:
        return ()
    return tuple(sorted((key, credit(amount)) for key, amount in by_grant(value).items() if amount))


def by_grant(value: object) -> dict[str, Decimal]:
    """Amounts by grant, of any sign.

    Raises:
        InvalidGrant: For anything but a mapping or pairs, and for a grant named twice.

    >>> by_grant([("a", "-1")])
    {'a': Decimal('-1')}
    """
    amounts: dict[str, Decimal] = {}
    for key, amount in _pairs(value):
        # a mapping with a name twice is no mapping, but pairs may name one twice
        if name(key, what="grant id") in amounts:
            raise InvalidGrant("two amounts for one grant", key, "add them up first")
        amounts[key] = number(amount)
    return amounts


def by_charge(value: object) -> DrawsByCharge:
    """Amounts by grant and charge, zeros left out; one amount for a grant is of an unknown charge.

    >>> by_charge({"b": {"fee:seat": 2, "usage:calls": "1.50"}, "a": 1})
    (('a', (('', Decimal('1')),)), ('b', (('fee:seat', Decimal('2')), ('usage:calls', Decimal('1.50')))))
    """
    found: dict[str, Draws] = {}
    for key, parts in _pairs(value):
        if key in found or not isinstance(key, str):
            raise InvalidGrant("two amounts for one grant", key, "add them up first")
        if key:
            name(key, what="grant id")
        if is_mapping(parts) or isinstance(parts, list | tuple):
            amounts = [(charge, credit(amount)) for charge, amount in _pairs(cast(object, parts))]
        else:
            amounts = [("", credit(parts))]
        if len(dict(amounts)) < len(amounts) or not all(isinstance(charge, str) for charge, _ in amounts):
            raise InvalidGrant("two amounts for one charge", key, "add them up first")
        if kept := tuple(sorted(pair for pair in amounts if pair[1])):
            found[key] = kept
    return tuple(sorted(found.items()))


def _pairs(value: object) -> list[tuple[Any, Any]]:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidGrant("not amounts by grant", value, 'give a mapping: {"id": "5.00"}')
    return pairs


def changed(amounts: Draws, changes: Mapping[str, Decimal]) -> Draws:
    """The amounts after *changes* of either sign, none below zero.

    >>> changed((("a", Decimal(5)),), {"a": Decimal(-2), "b": Decimal(1)})
    (('a', Decimal('3')), ('b', Decimal('1')))
    """
    after = dict(amounts)
    for key, change in changes.items():
        after[key] = decimal(plus(after.get(key, ZERO), change))
        # A grant gets back what it paid, never more: else a correction would make credit out of nothing.
        if after[key] < 0:
            raise InvalidGrant("more given back than was drawn", key, "give back at most what was drawn")
    return draws_of(after)


def found(amounts: Mapping[str, Decimal], key: object) -> Decimal:
    """The amount of a grant that must be there.

    >>> found({"a": Decimal(5)}, "a")
    Decimal('5')
    """
    if not isinstance(key, str) or key not in amounts:
        raise InvalidGrant("no grant of that id", key, "name a grant of the balance")
    return amounts[key]


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum.

    >>> total([Decimal("0.1"), Decimal("0.2")])
    Decimal('0.3')
    """
    added = ZERO
    for amount in amounts:
        added = decimal(plus(added, amount))
    return added


def left_of(grants: Iterable[Grant], *, added: Draws, taken: Draws) -> dict[str, Decimal]:
    """What is left of each grant: its amount + what was added − what was taken.

    Raises:
        InvalidGrant: If more was taken than there was, or from a grant that is not there.

    >>> left_of([Grant("a", 5, "USD")], added=(), taken=(("a", Decimal(3)),))
    {'a': Decimal('2')}
    """
    left = {grant.id: grant.amount for grant in grants}
    for key, amount in added:
        left[key] = decimal(plus(found(left, key), amount))
    for key, amount in taken:
        left[key] = decimal(difference(found(left, key), amount))
    # Checked at the end: what roll-over added may have been drawn, too.
    for key, amount in left.items():
        if amount < 0:
            raise InvalidGrant("a grant overdrawn", key, "draw at most what is left of it")
    return left
