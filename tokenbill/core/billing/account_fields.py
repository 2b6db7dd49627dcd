"""Fields of accounts: what each is read from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tokenbill.core.base.inputs import EMPTY, name, pairs_of
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.ledger import DrawsByCharge, by_charge
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import number, plain_amount
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidAccount

__all__ = ["balance", "drawn", "meters", "money", "open_period", "reasons", "text", "unit", "usage"]


def usage(value: Any) -> Usage:
    """A stored usage."""
    return value if type(value) is Usage else Usage(value)


def money(value: Any) -> Decimal:
    """A stored amount; a Decimal of ours is taken as it is, for each event carries a few of them."""
    # without the limits of the door: what was settled is what it is, and a sum may outgrow them
    plain = plain_amount(value)
    return number(value) if plain is None else plain


def drawn(value: Any) -> DrawsByCharge:
    """Draws by grant and charge."""
    return () if value == () else by_charge(value)


def balance(value: Any) -> Balance:
    """A balance, or its grants."""
    return value if type(value) is Balance else Balance(value)


def open_period(value: Any) -> Period | None:
    """The open period, or None."""
    if value is None or isinstance(value, Period):
        return value
    raise InvalidAccount("not a period", value, "give a Period, or None")


def text(value: Any) -> str | None:
    """A fingerprint, or None."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidAccount("not a fingerprint", value, "give what plan.fingerprint() says, or None")


def meters(value: Any) -> tuple[Meter, ...]:
    """Meters in order."""
    if value is EMPTY:
        return ()
    return tuple(sorted(map(Meter, value)))


def reasons(value: Any) -> tuple[tuple[str, Decimal], ...]:
    """Amounts by reason."""
    if value is EMPTY:
        return ()
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidAccount("not amounts by reason", value, 'give them: {"outage": "5.00"}')
    return tuple((name(reason, what="reason of a credit"), number(amount)) for reason, amount in pairs)


def unit(value: Any) -> Currency | None:
    """A currency, or None."""
    return None if value is None else currency(value)
