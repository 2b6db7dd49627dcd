"""Credit: all the grants of a customer, how they are drawn on, and what is left of each."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeAlias

from attrs import Factory, evolve, field, frozen

from tokenbill.core.base.values import Value
from tokenbill.core.credits.grants import KEYS, Grant, Kind, credit, grants_of, kind_of, order_of
from tokenbill.core.credits.ledger import Amounts, Draws, by_grant, changed, draws_of, found, left_of, total
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.currencies import currency as unit_of
from tokenbill.core.money.decimals import ZERO, Number, decimal, difference, plus
from tokenbill.core.periods.instants import optional_moment
from tokenbill.core.periods.period import Period
from tokenbill.errors import CurrencyMismatch, InvalidCurrency, InvalidGrant, InvalidPeriod

__all__ = ["Balance", "Draw", "Grant", "top_up"]

Instant: TypeAlias = "date | str | None"
Unit: TypeAlias = "Currency | str | None"

ORDER = ("priority", "expires", "starts", "id")


def _left_of(balance: Balance) -> dict[str, Decimal]:
    return left_of(balance.grants, added=balance.rolled_over, taken=(*balance.draws, *balance.forfeited))


@frozen(repr=False)
class Balance(Value):
    """All grants of a customer, and what became of each; drawing on it returns another.

    For each grant, amount + rolled over = drawn + forfeited + left; in all, granted = drawn + expired +
    remaining.

    Args:
        grants: Grants with different ids, in any order; their currencies may differ.
        order: What is drawn first, as keys: ``priority`` (lower first), ``expires`` (never last),
            ``starts`` (always usable first), ``created`` (unknown last), ``larger`` (more left first),
            ``promotional`` and ``scoped`` (these first), and ``id``, the last of every order.
        draws: How much was drawn on which grants, in their currencies.
        rolled_over: What roll-over added to them.
        forfeited: What roll-over took from them; it counts as expired.

    Raises:
        InvalidGrant: For an id given twice, more drawn than granted, an order that is none.
        InvalidPeriod: For grants that are partly dated by dates, partly by instants.

    Source: docs/explanation/credits.md

    >>> balance = Balance([Grant("gift", 10, "USD"), Grant("paid", 50, "USD", priority=-1)])
    >>> draw = balance.draw(55)
    >>> draw.by_grant, draw.short, draw.balance.remaining()
    ((('paid', Decimal('50')), ('gift', Decimal('5'))), Decimal('0'), Decimal('5'))
    """

    grants: tuple[Grant, ...] = field(default=(), converter=grants_of)
    order: tuple[str, ...] = field(default=ORDER, converter=order_of)
    draws: Draws = field(default=(), converter=draws_of, kw_only=True)
    rolled_over: Draws = field(default=(), converter=draws_of, kw_only=True)
    forfeited: Draws = field(default=(), converter=draws_of, kw_only=True)
    _left: dict[str, Decimal] = field(
        default=Factory(_left_of, takes_self=True), init=False, eq=False, repr=False
    )

    @property
    def currencies(self) -> tuple[Currency, ...]:
        """The currencies of the grants, in order of their codes."""
        return tuple(sorted({grant.currency for grant in self.grants}, key=str))

    def left(self, id: str) -> Decimal:
        """What is left of one grant, whether it is usable or not.

        >>> Balance([Grant("gift", 10, "USD")]).draw(4).balance.left("gift")
        Decimal('6')
        """
        return found(self._left, id)

    def granted(self, *, currency: Unit = None) -> Decimal:
        """What was granted in all, roll-over's additions included.

        >>> Balance([Grant("a", 10, "USD"), Grant("b", 5, "USD")]).granted()
        Decimal('15')
        """
        grants, added = self._in(currency), dict(self.rolled_over)
        return total(amount for grant in grants for amount in (grant.amount, added.get(grant.id, ZERO)))

    def drawn(self, *, currency: Unit = None) -> Decimal:
        """What was drawn in all."""
        drawn = dict(self.draws)
        return total(drawn.get(grant.id, ZERO) for grant in self._in(currency))

    def expired(self, at: Instant = None, *, currency: Unit = None) -> Decimal:
        """What can be drawn no more: what is left of grants gone at *at*, and what was forfeited.

        >>> Balance([Grant("g1", 5, "USD", expires="2026-01-01")]).expired("2026-01-01")
        Decimal('5')
        """
        grants, forfeited = self._in(currency), dict(self.forfeited)
        gone = [self._left[grant.id] for grant in grants if _is_gone(grant, at)]
        return total([*gone, *(forfeited.get(grant.id, ZERO) for grant in grants)])

    def remaining(self, at: Instant = None, *, currency: Unit = None) -> Decimal:
        """What is left of the grants not expired at *at*, of those that start later too.

        *at* may be left out where no grant expires, *currency* where there is but one.
        """
        return total(self._left[grant.id] for grant in self._in(currency) if not _is_gone(grant, at))

    def usable(
        self,
        at: Instant = None,
        *,
        period: Period | None = None,
        currency: Unit = None,
        kind: Kind | None = None,
        drawn: Amounts = (),
    ) -> tuple[tuple[Grant, Decimal], ...]:
        """The grants that can pay, in the order of drawing, each with how much.

        Without *at* they are those usable for a bill of all of *period*. What a period's earlier
        bills have *drawn* is offered anew, even by a grant that has ended, which then comes first.

        >>> balance = Balance([Grant("b", 5, "USD"), Grant("a", 1, "USD", expires="2026-02-01")])
        >>> [(grant.id, left) for grant, left in balance.usable("2026-01-31")]
        [('a', Decimal('1')), ('b', Decimal('5'))]
        """
        unit = None if currency is None else unit_of(currency)
        wanted = None if kind is None else kind_of(kind)
        again, instant = dict(draws_of(drawn)), optional_moment(at)
        for key in again:
            found(self._left, key)
        offers: list[tuple[bool, Grant, Decimal]] = []
        for grant in self.grants:
            if unit in (None, grant.currency) and wanted in (None, grant.kind):
                usable = _is_usable(grant, instant, period)
                offer = plus(again.get(grant.id, ZERO), self._left[grant.id] if usable else ZERO)
                offers.append((usable, grant, decimal(offer)))
        offers.sort(key=lambda offer: (offer[0], *(KEYS[key](*offer[1:]) for key in self.order)))
        return tuple((grant, offer) for _, grant, offer in offers if offer)

    def draw(
        self,
        amount: Number,
        at: Instant = None,
        on: str | tuple[str, ...] | None = None,
        *,
        period: Period | None = None,
        currency: Unit = None,
    ) -> Draw:
        """Pay *amount* from the grants usable at *at*, in order: exactly, and never more than is left.

        Args:
            amount: What is to be paid, in *currency*.
            at: The instant of the charge; may be left out where no grant is dated.
            on: What the charge is for, a kind or a meter; a grant with a scope pays only what lies in it.
            period: In place of *at*: the grants usable for a bill of all of it.
            currency: May be left out where the balance has only one.

        Raises:
            InvalidPeriod: If a grant is dated, and neither *at* nor *period* is given.
            CurrencyMismatch: If no grant is in *currency*.
            InvalidCurrency: If the balance has several, and none is said.

        >>> Balance([Grant("a", 40, "USD")]).draw(100).short
        Decimal('60')
        """
        short, parts = credit(amount), dict[str, Decimal]()
        for grant, left in self.usable(at, period=period, currency=self._unit(currency)):
            if short and grant.pays(on):
                parts[grant.id] = min(left, short)
                short = decimal(difference(short, parts[grant.id]))
        return Draw(credit(amount), tuple(parts.items()), short, self.drawn_by(parts))

    def drawn_by(self, amounts: Amounts) -> Balance:
        """The balance after drawing these amounts by grant; a negative one gives back what was drawn.

        >>> balance = Balance([Grant("a", 40, "USD")]).drawn_by({"a": 30})
        >>> balance.drawn_by({"a": "-10.50"}).left("a")
        Decimal('20.50')
        """
        return evolve(self, draws=changed(self.draws, by_grant(amounts)))

    def rolled(self, end: Instant = None) -> Balance:
        """The balance after a period that closes at *end*: roll-over takes from what is left, or adds.

        It concerns the grants usable on both sides of *end*, which may be left out where none is dated.

        >>> Balance([Grant("a", 90, "USD", rollover=(0, 50))]).rolled().left("a")
        Decimal('50')
        """
        over = [grant for grant in self.grants if grant.rollover is not None and _is_across(grant, end)]
        left = [(grant.id, self._left[grant.id], grant.rolled(self._left[grant.id])) for grant in over]
        added = {key: decimal(difference(kept, was)) for key, was, kept in left if kept > was}
        cut = {key: decimal(difference(was, kept)) for key, was, kept in left if kept < was}
        return evolve(
            self, rolled_over=changed(self.rolled_over, added), forfeited=changed(self.forfeited, cut)
        )

    def without_spent(self, at: Instant = None) -> Balance:
        """The balance without grants of which nothing is left, and those that were over at *at*.

        So an account costs the same after a thousand grants as after one.

        >>> balance = Balance([Grant("a", 40, "USD"), Grant("b", 10, "USD")]).drawn_by({"b": 10})
        >>> [grant.id for grant in balance.without_spent().grants]
        ['a']
        """
        instant = optional_moment(at)
        over = [
            grant.id
            for grant in self.grants
            if not self._left[grant.id] or (instant is not None and grant.expired_at(instant))
        ]
        return self.without(*over) if over else self

    def with_grants(self, *grants: Grant) -> Balance:
        """The balance with more grants.

        >>> Balance([Grant("a", 40, "USD")]).with_grants(Grant("b", 10, "USD")).remaining()
        Decimal('50')
        """
        return evolve(self, grants=(*self.grants, *grants))

    def without(self, *ids: str) -> Balance:
        """The balance without these grants and all that became of them.

        >>> Balance([Grant("a", 40, "USD"), Grant("b", 10, "USD")]).without("b").remaining()
        Decimal('40')
        """
        for key in ids:
            found(self._left, key)
        kept = self._left.keys() - set(ids)
        ledgers = {"draws": self.draws, "rolled_over": self.rolled_over, "forfeited": self.forfeited}
        rest = {name: [pair for pair in pairs if pair[0] in kept] for name, pairs in ledgers.items()}
        return evolve(self, grants=[grant for grant in self.grants if grant.id in kept], **rest)

    def _in(self, currency: Unit) -> list[Grant]:
        unit = self._unit(currency)
        return [grant for grant in self.grants if grant.currency == unit]

    def _unit(self, currency: Unit) -> Currency | None:
        """The currency said, or the only one there is."""
        known = self.currencies
        if currency is None and len(known) > 1:
            codes = ", ".join(map(str, known))
            raise InvalidCurrency("several currencies in a balance", codes, "say which: currency=")
        unit = unit_of(currency) if currency is not None else next(iter(known), None)
        if known and unit not in known:
            raise CurrencyMismatch(unit, known[0])
        return unit


def _is_usable(grant: Grant, at: date | None, period: Period | None) -> bool:
    if not grant.dated:
        return True
    if at is not None:
        return grant.usable_at(at)
    if period is None:
        raise InvalidPeriod("a dated grant, and no time to use it at", grant.id, "say at=, or period=")
    return grant.usable_in(period)


def _is_across(grant: Grant, end: Instant) -> bool:
    if grant.dated and end is None:
        raise InvalidPeriod("a dated grant, and no end of a period", grant.id, "say when it closes: end=")
    return end is None or grant.usable_across(end)


def _is_gone(grant: Grant, at: Instant) -> bool:
    if grant.expires is not None and at is None:
        raise InvalidPeriod("a grant that expires, and no time to ask about", grant.id, "say at=")
    return at is not None and grant.expired_at(at)


@frozen(repr=False)
class Draw(Value):
    """What came of drawing on a balance: ``amount`` = the sum of ``by_grant`` + ``short``.

    ``by_grant`` holds pairs of a grant's id and what it paid, in the order of drawing; ``short`` is
    what is left unpaid; ``balance`` is the balance after, while the one drawn on is as it was.
    """

    amount: Decimal
    by_grant: Draws
    short: Decimal
    balance: Balance


def top_up(
    balance: Balance, grant: Grant, *, below: Number, to: Number | None = None, at: date | str | None = None
) -> Grant | None:
    """The grant to buy when less than *below* is left to pay with, or None.

    Counted is what is usable at *at*, in the currency of *grant* and for all that it pays.
    The amount bought is that of *grant*, or with *to* what lifts the rest to this amount.
    A pure rule: it buys nothing, and adds nothing to the balance.

    >>> balance = Balance([Grant("a", 15, "USD")])
    >>> top_up(balance, Grant("auto-1", 100, "USD"), below=20).amount
    Decimal('100')
    >>> top_up(balance, Grant("auto-1", 0, "USD"), below=20, to=50).amount
    Decimal('35')
    """
    given: tuple[object, object] = (balance, grant)
    if not (isinstance(given[0], Balance) and isinstance(given[1], Grant)):
        raise InvalidGrant("nothing to top up", given, "give a balance, and the grant to buy")
    left = total(left for held, left in balance.usable(at, currency=grant.currency) if held.pays(grant.on))
    least, aim = credit(below), None if to is None else credit(to)
    if aim is not None and aim < least:
        raise InvalidGrant("a top-up that ends below where it begins", to, "give to= no less than below=")
    if left >= least:
        return None
    return grant if aim is None else evolve(grant, amount=difference(aim, left))
