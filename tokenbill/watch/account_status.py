"""Account status: what is spent, left and expected in the middle of a period, as values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from attrs import frozen

from tokenbill.core.base.tables import digits, html_table, shortest, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, decimal, difference
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.quotas import Quota
from tokenbill.shared.marginal_cost import PriceBreak

__all__ = ["Allowance", "Credit", "DailyTotals", "Forecast", "QuotaStatus", "Status"]

HEADER = ("what", "amount", "unit", "note")

DailyTotals: TypeAlias = "tuple[tuple[date, Decimal], ...]"
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
    """What is left of the grants of one currency that are usable now, beside what is held for requests."""

    currency: Currency
    left: Decimal
    held: Decimal = ZERO


@frozen(repr=False)
class QuotaStatus(Value):
    """What is used and held of a quota now, in units or in the plan's currency.

    ``free_at`` is the first moment at which more of it is free than now; None while nothing counts.
    """

    quota: Quota
    used: Decimal
    held: Decimal
    left: Decimal
    free_at: datetime | None


@frozen(repr=False)
class Forecast(Value):
    """What the whole period will come to at the run rate, in the plan's currency, taxes included.

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
    by_day: DailyTotals

    def _repr_html_(self) -> str:
        ends = ("total", self.total), ("at least", self.low), ("at most", self.high), ("due", self.due)
        rows = [(title, digits(amount)) for title, amount in ends if amount is not None]
        return html_table(("forecast", "amount"), rows, numbers=(1,), caption=self.method)


@frozen(repr=False)
class Status(Value):
    """The status of an account at an instant: what is left, what comes next, and where the period will end.

    ``spent`` is what the period comes to so far; ``spent_by_day`` the same at the end of each day, where
    the days are known. ``exhausted_on`` is the first day on which the balance does not pay everything,
    today for one that is used up. It is None without a balance, where it lasts longer than 360 days, and
    where it takes more than 1,000 bills of days and periods to say, as it may with periods of minutes.
    """

    at: date
    period: Period
    currency: Currency
    spent: Decimal
    spent_by_day: DailyTotals
    allowances: tuple[Allowance, ...]
    price_breaks: tuple[tuple[Meter, PriceBreak], ...]
    credit: tuple[Credit, ...]
    exhausted_on: date | None
    forecast: Forecast
    quotas: tuple[QuotaStatus, ...] = ()

    def to_rows(self) -> list[dict[str, str]]:
        """The status as text by column: what, its amount, its unit, and a note."""
        return [dict(zip(HEADER, row, strict=True)) for row in self._rows()]

    def __str__(self) -> str:
        return text_table(HEADER, self._rows(), numbers=(1,))

    def _repr_html_(self) -> str:
        caption = f"{iso_text(self.at)} in {self.period}"
        return html_table(HEADER, self._rows(), numbers=(1,), caption=caption)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        code, forecast = self.currency.code, self.forecast
        rows = [("spent", digits(self.spent), code, "")]
        rows.append(("forecast", digits(forecast.total), code, forecast.method))
        if forecast.low is not None:
            rows += [("at least", digits(forecast.low), code, forecast.interval)]
            rows += [("at most", digits(forecast.high), code, forecast.interval)]
        for free in self.allowances:
            note = f"of {shortest(free.included)} included"
            rows.append((f"{free.meter} left", shortest(free.left), "units", note))
        for meter, change in self.price_breaks:
            # At the end of a package the amount jumps, and the rate is 0 on both sides of it.
            rates = [shortest(decimal(rate)) for rate in (change.rate_before, change.rate_after)]
            is_new = rates[0] != rates[1]
            note = f"from {rates[0]} to {rates[1]} a unit" if is_new else "where its price jumps"
            ahead = shortest(decimal(change.distance))
            rows.append((f"{meter}, next price break", ahead, "units ahead", note))
        until = (
            f"lasts until {self.exhausted_on}" if self.exhausted_on else "lasts longer than is looked ahead"
        )
        rows += [("balance", digits(credit.left), credit.currency.code, until) for credit in self.credit]
        rows += [("held", digits(each.held), each.currency.code, "") for each in self.credit if each.held]
        for each in self.quotas:
            note = f"of {shortest(each.quota.limit)}"
            note += "" if each.free_at is None else f", free again at {iso_text(each.free_at)}"
            unit = "units" if each.quota.units is not None else code
            rows.append((f"{each.quota.title} left", shortest(each.left), unit, note))
        return rows
