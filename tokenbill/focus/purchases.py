"""What is bought ahead and what is lost: the purchase of a grant, and grants that end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.inputs import name, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.money.validators import non_negative, optional_number
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidGrant, InvalidPeriod

__all__ = ["Expired", "Purchase"]


def _grant(value: Any) -> Grant:
    if not isinstance(value, Grant):
        raise InvalidGrant("no grant", value, "give the Grant that was bought")
    return value


def _about(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidGrant("nothing that can be said", value, 'give a mapping: {"customer": "acme"}')
    return tuple(sorted((name(key), name(item, what=key)) for key, item in pairs))


def _period(value: Any) -> Period | None:
    if value is None or isinstance(value, Period):
        return value
    raise InvalidPeriod("no period", value, "give a Period, or None")


def _currency_of(value: Any) -> Currency | None:
    return None if value is None else currency(value)


@frozen(repr=False)
class Purchase(Value):
    """The purchase of a paid grant: what was asked for it, and what list prices ask.

    Args:
        grant: What was bought, of kind ``paid``.
        price: What was paid for all of it, in *currency*; the amount of the grant, for a grant of money.
        currency: Of the price; that of the grant unless given.
        list_price: What it costs without discount; the price unless given.
        period: The billing period that it was bought in.
        about: Customer, number and so on, as of a bill.

    Raises:
        InvalidGrant: If *grant* is none, or is promotional, or tokens come without a price in money.
        InvalidNumber, InvalidPrice, InvalidCurrency, InvalidPeriod: For parts that are none.

    >>> from tokenbill import Currency
    >>> Purchase(Grant("spring", 100_000, Currency("CRD", places=0)), "900", "USD", list_price="1000").price
    Decimal('900')
    """

    grant: Grant = field(converter=_grant)
    _price: Decimal | None = field(default=None, converter=optional_number, validator=non_negative)
    _currency: Currency | None = field(default=None, converter=_currency_of)
    _list_price: Decimal | None = field(
        default=None, converter=optional_number, validator=non_negative, kw_only=True
    )
    period: Period | None = field(default=None, converter=_period, kw_only=True)
    about: tuple[tuple[str, str], ...] = field(default=(), converter=_about, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.grant.kind != "paid":
            raise InvalidGrant("a gift that was bought", self.grant.id, "leave it out: gifts have no price")
        if self.currency.code not in MINOR_UNITS:
            way_out = 'say what was paid in money: Purchase(grant, "900", "USD")'
            raise InvalidGrant("credit bought for no money", self.currency, way_out)
        if self._price is None and self.currency != self.grant.currency:
            raise InvalidGrant("credit of unknown price", self.grant.id, "say what was paid for all of it")

    @property
    def price(self) -> Decimal:
        """What was paid for all of it."""
        return self.grant.amount if self._price is None else self._price

    @property
    def currency(self) -> Currency:
        """What the price is in."""
        return self._currency or self.grant.currency

    @property
    def list_price(self) -> Decimal:
        """What it costs without discount."""
        return self.price if self._list_price is None else self._list_price


@frozen(repr=False)
class Expired(Value):
    """The credit of a balance that ended in a period: what was paid for it is lost.

    Args:
        balance: The balance when the period closed.
        period: Grants that expire after its start and no later than its end are counted.
        about: Customer, number and so on, as of a bill.

    Raises:
        InvalidGrant, InvalidPeriod: For parts that are none.
    """

    balance: Balance
    period: Period
    about: tuple[tuple[str, str], ...] = field(default=(), converter=_about, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.balance, Balance):
            raise InvalidGrant("no balance", self.balance, "give the balance of the closing account")
        if not isinstance(self.period, Period):
            raise InvalidPeriod("no period", self.period, "give the Period in which grants expired")
