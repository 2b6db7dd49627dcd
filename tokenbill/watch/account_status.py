"""Standing: the values that tell how an account stands in the middle of a period."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeAlias

from attrs import frozen

from tokenbill.core.base.tables import digits, html_table, shortest, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, decimal, difference
from tokenbill.core.periods.instants import spelled
from tokenbill.core.periods.period import Period
from tokenbill.shared.marginal_cost import Bend

__all__ = ["Allowance", "Credit", "Forecast", "Path", "Status"]

HEADER = ("what", "amount", "unit", "note")

Path: TypeAlias = "tuple[tuple[date, Decimal], ...]"
"""What the period comes to at the end of each day."""


@frozen(repr=False)
class Allowance(Value):
    """Free units of an entry, in units of its meter; of an ``.each`` entry, those of one group."""

    meter: Meter
    included: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        """What is still free."""
        return decimal(max(difference(self.included, self.used), ZERO))


@frozen(repr=False)
class Credit(Value):
    """What is left of the grants of one currency that are usable now."""

    currency: Currency
    left: Decimal


@frozen(repr=False)
class Forecast(Value):
    """What the whole period will come to at the present pace, in the plan's currency, taxes included.

    ``low`` and ``high`` are None where too few days are known; ``method`` and ``interval`` say in words
    how the forecast and they are made; ``due`` is what is then left to pay after the balance.
    """

    usage: Usage
    total: Decimal
    due: Decimal
    low: Decimal | None
    high: Decimal | None
    method: str
    interval: str
    by_day: Path


@frozen(repr=False)
class Status(Value):
    """How an account stands at an instant: what is left, what comes next, and where the period will end.

    ``spent`` is what the period comes to so far; ``spent_by_day`` the way there, where days were given;
    ``lasts`` is the first day on which the balance does not pay everything, today for one that is used up.
    It is None without a balance, where it lasts longer than 360 days, and where it takes more than 1,000
    bills of days and periods to tell, as it may with periods of minutes.
    """

    at: date
    period: Period
    currency: Currency
    spent: Decimal
    spent_by_day: Path
    allowances: tuple[Allowance, ...]
    bends: tuple[tuple[Meter, Bend], ...]
    credit: tuple[Credit, ...]
    lasts: date | None
    forecast: Forecast

    def to_rows(self) -> list[dict[str, str]]:
        """The status as text by column: what, its amount, its unit, and a note."""
        return [dict(zip(HEADER, row, strict=True)) for row in _rows(self)]

    def __str__(self) -> str:
        return text_table(HEADER, _rows(self), numbers=(1,))

    def _repr_html_(self) -> str:
        caption = f"{spelled(self.at)} in {self.period}"
        return html_table(HEADER, _rows(self), numbers=(1,), caption=caption)


def _rows(status: Status) -> list[tuple[str, str, str, str]]:
    """A status as a table: what, amount, unit, note."""
    code, forecast = status.currency.code, status.forecast
    rows = [("spent", digits(status.spent), code, "")]
    rows.append(("forecast", digits(forecast.total), code, forecast.method))
    if forecast.low is not None:
        rows += [("at least", digits(forecast.low), code, forecast.interval)]
        rows += [("at most", digits(forecast.high), code, forecast.interval)]
    for free in status.allowances:
        note = f"of {shortest(free.included)} included"
        rows.append((f"{free.meter} left", shortest(free.left), "units", note))
    for meter, bend in status.bends:
        rates = [shortest(decimal(rate)) for rate in (bend.rate_before, bend.rate_after)]
        note = f"from {rates[0]} to {rates[1]} a unit" if rates[0] != rates[1] else "where its price jumps"
        rows.append((f"{meter}, next change of price", shortest(decimal(bend.distance)), "units ahead", note))
    lasts = f"lasts until {status.lasts}" if status.lasts else "lasts longer than is looked ahead"
    rows += [("balance", digits(credit.left), credit.currency.code, lasts) for credit in status.credit]
    return rows
