"""Credit: all the grants of a customer, how they are drawn on, and what is left of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias, cast

from attrs import Factory, evolve, field, fields, frozen

from tokenbill.core.base.inputs import EMPTY, listed_of, name
from tokenbill.core.base.values import Value, draft_of
from tokenbill.core.credits.grants import KEYS, Grant, Kind, credit, kind_of, optional_credit, order_of
from tokenbill.core.credits.holds import NO_HOLDS, Hold, Holds, holds_of
from tokenbill.core.credits.ledger import Amounts, Draws, by_grant, changed, draws_of, found, left_of, total
from tokenbill.core.credits.recurring import Grants, granted, recurring_of, take_recurring
from tokenbill.core.credits.rollover import kept_of
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.currencies import currency as unit_of
from tokenbill.core.money.decimals import ZERO, Number, decimal, difference, plus
from tokenbill.core.periods.instants import optional_moment
from tokenbill.core.periods.period import Period
from tokenbill.errors import CurrencyMismatch, InvalidCurrency, InvalidGrant, InvalidPeriod

__all__ = ["Balance", "Draw", "Grant"]

Instant: TypeAlias = "date | str | None"
Unit: TypeAlias = "Currency | str | None"

ORDER = ("priority", "expires", "starts", "id")


def _left_of(balance: Balance) -> dict[str, Decimal]:
    take_recurring(balance)
    taken = (*balance.draws, *balance.forfeited, *balance.payouts)
    left = left_of(balance.grants, added=balance.rolled_over, taken=taken)
    # what comes back to a void grant is void, too, as it is gone with one that ended
    for id in balance.void:
        found(left, id)
        left[id] = ZERO
    return left


def _ids(value: object) -> tuple[str, ...]:
    if value is EMPTY:
        return ()
    listed = (value,) if isinstance(value, str) else listed_of(value)
    if listed is None:
        raise InvalidGrant("not ids of grants", value, 'give a list: ["welcome"]')
    return tuple(sorted({name(id, what="grant id") for id in listed}))


@frozen(repr=False)
class Balance(Value):
    """All grants of a customer, and what became of each; drawing on it returns another.

    For each grant, amount + rolled over = drawn + forfeited + paid out + void + held + left; in all,
    granted = drawn + held + expired + voided + paid out + remaining.

    Args:
        grants: Grants with different ids, in any order; their currencies may differ.
        order: What is drawn first, as keys: ``priority`` (lower first), ``expires`` (never last),
            ``starts`` (always usable first), ``created`` (unknown last), ``larger`` (more left first),
            ``promotional`` and ``scoped`` (these first), and ``id``, the last of every order.
        draws: How much was drawn on which grants, in their currencies.
        rolled_over: What roll-over added to them.
        forfeited: What roll-over took from them; it counts as expired.
        payouts: What was paid out of them in cash.
        most: What all grants together keep when a period closes; what is beyond is forfeited.
        void: The ids of those that are void: what is left of them, or comes back, is nobody's.
        holds: What is reserved for requests that run; nothing else can draw on it.
        recurring: Grants that are given anew in each period of a cycle.

    Raises:
        InvalidGrant: For an id given twice, more drawn than granted, an order that is none.
        InvalidHold: For holds that are none, and two of one id.
        InvalidPeriod: For grants that are partly dated by dates, partly by instants.

    Source: docs/explanation/credits.md

    >>> balance = Balance([Grant("gift", 10, "USD"), Grant("paid", 50, "USD", priority=-1)])
    >>> draw = balance.draw(55)
    >>> draw.by_grant, draw.short, draw.balance.remaining()
    ((('paid', Decimal('50')), ('gift', Decimal('5'))), Decimal('0'), Decimal('5'))
    """

    grants: tuple[Grant, ...] = field(default=(), converter=granted)
    order: tuple[str, ...] = field(default=ORDER, converter=order_of)
    draws: Draws = field(default=(), converter=draws_of, kw_only=True)
    rolled_over: Draws = field(default=(), converter=draws_of, kw_only=True)
    forfeited: Draws = field(default=(), converter=draws_of, kw_only=True)
    payouts: Draws = field(default=(), converter=draws_of, kw_only=True)
    most: Decimal | None = field(default=None, converter=optional_credit, kw_only=True)
    void: tuple[str, ...] = field(default=(), converter=_ids, kw_only=True)
    holds: tuple[Hold, ...] = field(default=NO_HOLDS, converter=holds_of, kw_only=True)
    recurring: tuple[Grants, ...] = field(default=(), converter=recurring_of, kw_only=True)
    _left: dict[str, Decimal] = field(
        default=Factory(_left_of, takes_self=True), init=False, eq=False, repr=False
    )

    @property
    def currencies(self) -> tuple[Currency, ...]:
        """The currencies of the grants, in order of their codes."""
        return tuple(sorted({grant.currency for grant in self.grants}, key=str))

    @property
    def open_holds(self) -> Holds:
        """The holds with their sums."""
        return cast(Holds, self.holds)

    def left(self, id: str) -> Decimal:
        """What is left of one grant beside what is held, whether it is usable or not.

        >>> Balance([Grant("gift", 10, "USD")]).draw(4).balance.left("gift")
        Decimal('6')
        """
        return _beside(found(self._left, id), self.open_holds.reserved.get(id))

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
        """What is left of the grants not expired at *at*, of those that start later too, beside holds.

        *at* may be left out where no grant expires, *currency* where there is but one. Without it every
        hold counts, with it those that are not over.
        """
        held = self.open_holds.live(at).reserved
        there = [grant.id for grant in self._in(currency) if not _is_gone(grant, at)]
        return total(_beside(self._left[id], held.get(id)) for id in there)

    def held(self, at: Instant = None, *, currency: Unit = None) -> Decimal:
        """What is reserved for requests that run, of grants not expired at *at*.

        >>> Balance([Grant("a", 10, "USD")], holds=[Hold("h1", {"a": 4})]).held()
        Decimal('4')
        """
        held = self.open_holds.live(at).reserved
        there = [grant.id for grant in self._in(currency) if not _is_gone(grant, at)]
        return total(min(self._left[id], held[id]) for id in there if id in held)

    @property
    def voids(self) -> Draws:
        """What was voided, by grant: what nobody drew, and what came back since."""
        taken = (*self.draws, *self.forfeited, *self.payouts)
        left = left_of(self.grants, added=self.rolled_over, taken=taken) if self.void else {}
        return draws_of({id: left[id] for id in self.void})

    def usable(
        self,
        at: Instant = None,
        *,
        period: Period | None = None,
        currency: Unit = None,
        kind: Kind | None = None,
        drawn: Amounts = (),
        held: Mapping[str, Decimal] | None = None,
    ) -> tuple[tuple[Grant, Decimal], ...]:
        """The grants that can pay, in the order of drawing, each with how much.

        Without *at* they are those usable for a bill of all of *period*. What a period's earlier
        bills have *drawn* is offered anew, even by a grant that has ended, which then comes first. What
        is *held* is not offered: by all holds that are not over, unless said otherwise.

        >>> balance = Balance(
        ...     [Grant("b", 5, "USD"), Grant("a", 1, "USD", expires="2026-02-01")]
        ... )
        >>> [(grant.id, left) for grant, left in balance.usable("2026-01-31")]
        [('a', Decimal('1')), ('b', Decimal('5'))]
        """
        unit = None if currency is None else unit_of(currency)
        wanted = None if kind is None else kind_of(kind)
        again, instant = dict(draws_of(drawn)), optional_moment(at)
        for key in again:
            found(self._left, key)
        reserved = self.open_holds.live(instant).reserved if held is None else held
        offers: list[tuple[bool, Grant, Decimal]] = []
        for grant in self.grants:
            if unit in (None, grant.currency) and wanted in (None, grant.kind):
                usable = grant.is_usable(instant, period)
                free = _beside(self._left[grant.id], reserved.get(grant.id)) if usable else ZERO
                offer = plus(again.get(grant.id, ZERO), free)
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
        short = credit(amount)
        parts: dict[str, Decimal] = {}
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
        grants = [grant for grant in self.grants if grant.id not in self.void]
        how: Any = {"most": self.most, "order": self.order, "held": self.open_holds.reserved}
        left = [(id, self._left[id], it) for id, it in kept_of(grants, self._left, end, **how).items()]
        added = {key: decimal(difference(kept, was)) for key, was, kept in left if kept > was}
        cut = {key: decimal(difference(was, kept)) for key, was, kept in left if kept < was}
        return evolve(
            self, rolled_over=changed(self.rolled_over, added), forfeited=changed(self.forfeited, cut)
        )

    def without_spent(self, at: Instant = None) -> Balance:
        """The balance without grants of which nothing is left, and those that were over at *at*.

        So an account costs the same after a thousand grants as after one.

        >>> balance = Balance([Grant("a", 40, "USD"), Grant("b", 10, "USD")]).drawn_by(
        ...     {"b": 10}
        ... )
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

    def voided(self, id: str) -> Balance:
        """The balance in which a grant is void: a chargeback, or a gift that is called back.

        What was drawn stays drawn; what is left is gone, whatever was held of it.

        >>> Balance([Grant("a", 30, "USD")]).drawn_by({"a": 12}).voided("a").voids
        (('a', Decimal('18')),)
        """
        found(self._left, id)
        return evolve(self, void=(*self.void, id))

    def paid_out(self, id: str, amount: Number) -> Balance:
        """The balance after *amount* of a paid grant was given back in cash.

        Raises:
            InvalidGrant: For more than is left beside holds, and for a promotional grant, which is no money.

        >>> Balance([Grant("a", 30, "USD")]).drawn_by({"a": 12}).paid_out("a", 10).left("a")
        Decimal('8')
        """
        left, paid = self.left(id), credit(amount)
        if paid > left:
            raise InvalidGrant("a pay-out of more than is left", paid, f"pay out at most {left:f}")
        if any(grant.id == id and grant.kind == "promotional" for grant in self.grants):
            raise InvalidGrant("a pay-out of a promotional grant", id, "void it: balance.voided(id)")
        return evolve(self, payouts=changed(self.payouts, {id: paid}))

    def with_holds(self, holds: Holds) -> Balance:
        """The balance with these open holds in place of its own; nothing else of it is checked anew."""
        balance: Any = _Draft()
        for item in _FIELDS:
            setattr(balance, item, getattr(self, item))
        balance.holds = holds
        balance.__class__ = Balance
        return balance  # type: ignore[no-any-return]  # of its class by now

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
        ledgers = {item: getattr(self, item) for item in ("draws", "rolled_over", "forfeited", "payouts")}
        rest: dict[str, Any] = {
            item: [pair for pair in pairs if pair[0] in kept] for item, pairs in ledgers.items()
        }
        void = [id for id in self.void if id in kept]
        return evolve(self, grants=[grant for grant in self.grants if grant.id in kept], void=void, **rest)

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


_Draft, _FIELDS = draft_of(Balance), tuple(item.name for item in fields(Balance))


def _beside(left: Decimal, held: Decimal | None) -> Decimal:
    """What is left beside what is held; a grant may have paid what holds reserve of it."""
    return left if held is None else decimal(max(difference(left, held), ZERO))


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
