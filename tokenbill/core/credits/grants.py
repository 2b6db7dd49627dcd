"""Grants: money or tokens paid or given ahead, when they live and what they may pay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import name
from tokenbill.core.base.values import Value
from tokenbill.core.credits.draw_limits import DrawLimit, draw_limit
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import Scope, covers, scope
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.currencies import currency as unit_of
from tokenbill.core.money.decimals import ZERO, decimal, number, product, rounded, shifted
from tokenbill.core.periods.instants import is_before, iso_text, moment, optional_moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.period import period as checked
from tokenbill.errors import InvalidGrant, InvalidPeriod

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "KEYS",
    "Grant",
    "Kind",
    "Rollover",
    "credit",
    "grant_id",
    "grants_of",
    "kind_of",
    "optional_credit",
    "order_of",
    "priority_of",
]

Kind = Literal["paid", "promotional"]
"""Paid credit pays the bill; promotional credit lowers what is taxed."""

Rollover: TypeAlias = "tuple[Decimal, Decimal | None] | str | None"
"""The least and the most that may be left when a period closes, or a share; None leaves what is left."""

KINDS = ("paid", "promotional")
GRANTS = 100_000
HUNDRED = Decimal(100)
FINEST = 12
"""Decimals of a share that rolls over; what is finer lapses."""
"""Most grants of one balance."""


def credit(value: object) -> Decimal:
    """*value* as an amount of credit: a number, zero or more.

    >>> credit("0.10")
    Decimal('0.10')
    """
    amount = number(value)
    if amount < 0:
        raise InvalidGrant("a negative amount of credit", value, "give zero or more")
    return amount


def kind_of(value: object) -> Any:
    """*value* as a kind of grant.

    >>> kind_of("paid")
    'paid'
    """
    if not isinstance(value, str) or value not in KINDS:
        raise InvalidGrant("unknown kind of grant", value, f"choose one of {', '.join(KINDS)}")
    return str.__str__(value)


def optional_credit(value: object) -> Decimal | None:
    """*value* as an amount of credit, where None means absent.

    >>> optional_credit("0.10")
    Decimal('0.10')
    """
    return None if value is None else credit(value)


def grant_id(value: object) -> str:
    """*value* as the id of a grant.

    >>> grant_id("welcome")
    'welcome'
    """
    return name(value, what="grant id")


def priority_of(value: object) -> int:
    """*value* as a priority: a whole number.

    >>> priority_of("2")
    2
    """
    priority = number(value)
    if priority != int(priority):
        raise InvalidGrant("a priority that is not whole", value, "give an int; lower ones are drawn first")
    return int(priority)


def _rollover(value: object) -> Rollover:
    if value is None:
        return None
    # A share of what is left, not of what was granted: half of 10 that are left of 100 is 5.
    if isinstance(value, str):
        share = number(value[:-1]) if value.endswith("%") else HUNDRED + 1
        if not 0 <= share <= HUNDRED:
            raise InvalidGrant("a roll-over of no share", value, 'write "0%" to "100%", or (least, most)')
        return f"{share:f}%"
    pair = _listed(value)
    if len(pair) != 2:
        raise InvalidGrant("not a roll-over", value, "give (least, most); most may be None")
    least, most = credit(pair[0]), None if pair[1] is None else credit(pair[1])
    if most is not None and most < least:
        raise InvalidGrant("a roll-over of at least more than at most", value, "give (least, most) in order")
    return least, most


def _listed(value: object) -> tuple[Any, ...]:
    """The items of a list or a tuple; of anything else, itself alone."""
    return tuple(cast("Iterable[Any]", value)) if isinstance(value, list | tuple) else (value,)


def _after_start(grant: Grant, _: Attribute[Any], expires: date | None) -> None:
    if (
        grant.starts is not None
        and expires is not None
        and not is_before(grant.starts, expires, "starts", grant.id)
    ):
        life = f"{iso_text(grant.starts)}/{iso_text(expires)}"
        raise InvalidGrant("a grant that expires before it was usable", life, "give the earlier one first")


def _last_day(value: Any) -> date | None:
    day = None if value is None else moment(value)
    if isinstance(day, datetime):
        raise InvalidGrant("a last day that is an instant", value, "give a date, or expires= for an instant")
    return day


@frozen(repr=False)
class Grant(Value):
    """Money or tokens paid or given ahead; usable from *starts* on, and no longer at *expires*.

    Args:
        id: What a bill calls it: 1 to 255 characters, unique in its balance.
        amount: How much was granted, zero or more, in *currency*.
        currency: A code of ISO 4217, or a Currency such as the TOKEN that a schedule burns.
        starts: A date, an aware datetime or its RFC 3339 text; None for always.
        expires: The same kind as *starts*; None for never.
        priority: A whole number; lower ones are drawn first.
        kind: ``promotional`` lowers what is taxed, ``paid`` pays the bill.
        on: What it may pay: a kind of charge, a meter, or a tuple of them; None for everything.
        rollover: (least, most) that may be left when a period closes, None as most for any amount; or the
            share of what is left that stays: ``50%``.
        created: When it was made; read by the order ``created`` only.
        cost: What was paid for it, in the currency of bills; what it paid of them is earned in proportion.
            Without it a paid grant in money cost what it is, and all others nothing.
        most: The most that it pays in a window or of some charges: ``("7.50", Cycle.weekly())``,
            ``("10", "gpu_hours")``.
        through: The last valid day, in place of *expires*, which is the day after it.

    Raises:
        InvalidGrant: For a negative amount, a life that ends before it starts, an unknown kind.
        InvalidName, InvalidNumber, InvalidCurrency, InvalidPeriod, InvalidMeter: For parts that are none.

    Source: docs/explanation/credits.md

    >>> Grant("spring", "50.00", "USD", expires="2026-06-01").usable_at("2026-06-01")
    False
    """

    id: str = field(converter=grant_id)
    amount: Decimal = field(converter=credit)
    currency: Currency = field(converter=unit_of)
    starts: date | None = field(default=None, converter=optional_moment, eq=utc)
    expires: date | None = field(default=None, converter=optional_moment, eq=utc, validator=_after_start)
    priority: int = field(default=0, converter=priority_of)
    kind: Kind = field(default="paid", converter=kind_of)
    on: Scope = field(default=None, converter=scope)
    rollover: Rollover = field(default=None, converter=_rollover)
    created: date | None = field(default=None, converter=optional_moment, eq=utc)
    cost: Decimal | None = field(default=None, converter=optional_credit, kw_only=True)
    most: DrawLimit | None = field(default=None, converter=draw_limit, kw_only=True)
    through: date | None = field(default=None, converter=_last_day, eq=False, repr=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.through is None:
            return
        if self.expires is not None:
            raise InvalidGrant("a last day beside an end", self.through, "give through= or expires=")
        # "valid until 30 September" means that day too; an end of 23:59:59 would pay nothing of the month
        gone = self.through + timedelta(days=1)
        object.__setattr__(self, "expires", gone)
        object.__setattr__(self, "through", None)
        if self.starts is not None and not is_before(self.starts, gone, "starts", self.id):
            raise InvalidGrant("a life that ends before it starts", str(gone), "swap its dates")

    @property
    def dated(self) -> bool:
        """Whether it starts or expires at all."""
        return self.starts is not None or self.expires is not None

    def usable_at(self, instant: date | str) -> bool:
        """Whether it has started at *instant* and not expired: at the instant of expiry it is gone.

        >>> Grant("g", 5, "USD", starts="2026-02-01", expires="2026-03-01").usable_at(
        ...     "2026-02-01"
        ... )
        True
        """
        at = moment(instant)
        # Half open, like periods: at the instant of expiry it is gone, so two grants in a row never overlap.
        return (self.starts is None or not is_before(at, self.starts, "starts", self.id)) and not self._gone(
            at
        )

    def usable_in(self, period: Period) -> bool:
        """Whether it can pay a bill of all of *period*: it starts before the end and lasts up to it.

        >>> Grant("g", 5, "USD", expires="2026-03-01").usable_in(
        ...     Period("2026-02-01", "2026-03-01")
        ... )
        True
        """
        # A bill of a whole period draws as at its last moment: what ends on the way cannot pay all of it,
        # what begins on the way can.
        end = checked(period).end
        begun = self.starts is None or is_before(self.starts, end, "starts", self.id)
        return begun and (self.expires is None or not is_before(self.expires, end, "expires", self.id))

    def is_usable(self, at: date | str | None, period: Period | None) -> bool:
        """Whether it can pay at a time or, where none is said, a bill of all of a period.

        >>> Grant("g", 5, "USD").is_usable(None, None)
        True
        """
        if not self.dated:
            return True
        if at is not None:
            return self.usable_at(at)
        if period is None:
            raise InvalidPeriod("a dated grant, and no time to use it at", self.id, "say at=, or period=")
        return self.usable_in(period)

    def usable_across(self, end: date | str) -> bool:
        """Whether it is usable on both sides of *end*, at which a period closes.

        >>> Grant("g", 5, "USD", expires="2026-03-01").usable_across("2026-03-01")
        False
        """
        at = moment(end)
        return (self.starts is None or is_before(self.starts, at, "starts", self.id)) and not self._gone(at)

    def expired_at(self, instant: date | str) -> bool:
        """Whether it is gone at *instant*, whatever is left of it."""
        return self._gone(moment(instant))

    def pays(self, on: object) -> bool:
        """Whether it may pay a charge *on* this: a kind or a meter, or several that describe the charge.

        A charge of which nothing is said is paid only by a grant for everything.

        >>> Grant("g", 5, "USD", on="gpu_hours").pays("gpu_hours{gpu=H100}")
        True
        """
        parts = scope(on) or ()
        return self.on is None or any(
            covers(self.on, "usage", part) if isinstance(part, Meter) else covers(self.on, part)
            for part in parts
        )

    def rolled(self, left: Decimal) -> Decimal:
        """What stays of *left* when a period closes: min(most, max(least, left)), or a share of it.

        A share has at most twelve decimals.

        >>> Grant("g", 100, "USD", rollover=(0, 50)).rolled(Decimal(90))
        Decimal('50')
        """
        if self.rollover is None:
            return left
        if isinstance(self.rollover, str):
            share = number(self.rollover[:-1])
            kept = decimal(product(left, share.scaleb(-2))) if share else ZERO
            # A share of a share gains digits whenever a period closes, and no number holds more than thirty.
            if -int(kept.as_tuple().exponent) > FINEST:
                kept = shifted(int(rounded(product(kept, Decimal(10**FINEST)), "down")), FINEST)
            return kept
        least, most = self.rollover
        kept = max(least, left)
        return kept if most is None else min(most, kept)

    def _gone(self, at: date) -> bool:
        return self.expires is not None and not is_before(at, self.expires, "expires", self.id)


KEYS: Mapping[str, Callable[[Grant, Decimal], Any]] = MappingProxyType(
    {
        "priority": lambda grant, left: grant.priority,
        "expires": lambda grant, left: (grant.expires is None, grant.expires and utc(grant.expires)),
        "starts": lambda grant, left: (grant.starts is not None, grant.starts and utc(grant.starts)),
        "created": lambda grant, left: (grant.created is None, grant.created and utc(grant.created)),
        "larger": lambda grant, left: left.copy_negate(),
        "promotional": lambda grant, left: grant.kind != "promotional",
        "scoped": lambda grant, left: grant.on is None,
        "id": lambda grant, left: grant.id,
    }
)
"""What grants are put in order by: a grant never expiring comes last, one always usable first."""


def order_of(value: object) -> tuple[str, ...]:
    """*value* as an order of drawing: keys, of which the last is always the id.

    >>> order_of(("expires", "larger"))
    ('expires', 'larger', 'id')
    """
    keys = _listed(value)
    if not all(isinstance(key, str) and key in KEYS for key in keys):
        raise InvalidGrant("unknown order of grants", value, f"give a tuple of {', '.join(KEYS)}")
    if "id" in keys[:-1] or len(set(keys)) < len(keys):
        raise InvalidGrant("an order with a key that decides nothing", value, "give each once, id last")
    return keys if keys[-1:] == ("id",) else (*keys, "id")


def grants_of(value: object) -> tuple[Grant, ...]:
    """*value* as the grants of a balance: in order of their ids, in whatever order they are given.

    Raises:
        InvalidGrant: For an id given twice, what is no grant, and more than 100,000 of them.
        InvalidPeriod: For grants of which some are dated by dates, some by instants.

    >>> [grant.id for grant in grants_of([Grant("b", 1, "USD"), Grant("a", 2, "USD")])]
    ['a', 'b']
    """
    try:
        items = iter(cast("Iterable[object]", value))
    except TypeError:
        raise InvalidGrant("not grants", value, "give a list of them: Balance([Grant(...)])") from None
    grants: dict[str, Grant] = {}
    units: dict[str, Currency] = {}
    # One beyond the most is read, so that an endless iterable is refused and not awaited.
    for grant in islice(items, GRANTS + 1):
        if not isinstance(grant, Grant):
            raise InvalidGrant("not a grant", grant, "make it one: Grant(id, amount, currency)")
        if grant.id in grants:
            raise InvalidGrant("a grant given twice", grant.id, "give each an id of its own")
        # a code is what balances and bills know a currency by, so it has the same places wherever it stands
        if units.setdefault(grant.currency.code, grant.currency) != grant.currency:
            raise InvalidGrant("two currencies of one code", grant.currency, "give them the same places")
        grants[grant.id] = grant
    if len(grants) > GRANTS:
        raise InvalidGrant("too many grants", f"more than {GRANTS}", "leave out those that have ended")
    _check_clocks(instant for grant in grants.values() for instant in (grant.starts, grant.expires))
    _check_clocks(grant.created for grant in grants.values())
    return tuple(grants[id] for id in sorted(grants))


def _check_clocks(instants: Iterable[date | None]) -> None:
    """Dates only or instants only: nothing else can be put in order."""
    if len({isinstance(instant, datetime) for instant in instants if instant is not None}) > 1:
        raise InvalidPeriod("dates and instants do not mix", "both", "date all grants of a balance alike")
