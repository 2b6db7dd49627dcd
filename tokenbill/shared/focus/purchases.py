"""What is bought ahead and what is lost: the purchase of a grant, and grants that end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import field, frozen
from attrs.converters import optional

from tokenbill.core.base.inputs import name, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.money.validators import non_negative, optional_number
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.period import period as checked_period
from tokenbill.errors import InvalidGrant

__all__ = ["Expired", "Purchase"]


def _grant(value: Any) -> Grant:
    if not isinstance(value, Grant):
        raise InvalidGrant("not a grant", value, "give the Grant that was bought")
    return value


def _about(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidGrant("not a mapping of names to texts", value, 'give one: {"customer": "acme"}')
    return tuple(sorted((name(key), name(item, what=key)) for key, item in pairs))


@frozen(repr=False)
class Purchase(Value):
    """The purchase of a paid grant: what was asked for it, and what list prices ask.

    Args:
        grant: What was bought, of kind ``paid``.
        price: What was paid for all of it, in *currency*; without it, the amount of a grant of money.
        currency: Of the price; without it, that of the grant.
        list_price: What it costs without discount; without it, the price.
        period: The billing period that it was bought in.
        about: Customer, number and so on, as of a bill.

    Raises:
        InvalidGrant: If *grant* is not one, or is promotional, or tokens come without a price in money.
        InvalidNumber, InvalidPrice, InvalidCurrency, InvalidPeriod: For the other parts.

    >>> from tokenbill import Currency
    >>> Purchase(
    ...     Grant("spring", 100_000, Currency("CRD", places=0)),
    ...     "900",
    ...     "USD",
    ...     list_price="1000",
    ... ).price
    Decimal('900')
    """

    grant: Grant = field(converter=_grant)
    _price: Decimal | None = field(default=None, converter=optional_number, validator=non_negative)
    _currency: Currency | None = field(default=None, converter=optional(currency))
    _list_price: Decimal | None = field(
        default=None, converter=optional_number, validator=non_negative, kw_only=True
    )
    period: Period | None = field(default=None, converter=optional(checked_period), kw_only=True)
    about: tuple[tuple[str, str], ...] = field(default=(), converter=_about, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.grant.kind != "paid":
            way_out = "leave it out: promotional credit has no price"
            raise InvalidGrant("promotional credit that was bought", self.grant.id, way_out)
        # BillingCurrency is a currency of ISO 4217; tokens are what is bought, and not what pays for them.
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
        InvalidGrant: If *balance* is not one.
        InvalidPeriod: If *period* is not one.
    """

    balance: Balance
    period: Period = field(converter=checked_period)
    about: tuple[tuple[str, str], ...] = field(default=(), converter=_about, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.balance, Balance):
            raise InvalidGrant("not a balance", self.balance, "give the balance of the closing account")
