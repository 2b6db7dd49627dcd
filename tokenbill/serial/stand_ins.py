"""Stand-ins: schedules, hours and usage as documents write them, where that is not field by field."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.currencies import Currency
from tokenbill.core.pricing.price import Each, Price
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.pricing.source import WEEK, Hours, Source

__all__ = ["StoredHours", "StoredSchedule", "StoredUsage"]


@frozen
class StoredSchedule:
    """A schedule as it is written."""

    entries: tuple[tuple[Meter, Price | Each], ...]
    currency: Currency
    name: str = ""
    source: Source | None = None

    @classmethod
    def of(cls, schedule: PriceSchedule) -> StoredSchedule:
        return cls(schedule.entries, schedule.currency, schedule.name, schedule.source)

    def value(self) -> PriceSchedule:
        return PriceSchedule(self.entries, currency=self.currency, name=self.name, source=self.source)


@frozen
class StoredHours:
    """Off-peak hours as they are written: times as text."""

    start: str
    end: str
    weekdays: tuple[int, ...] = WEEK
    calendar: str = "UTC"
    model: str = ""
    provider: str = ""

    @classmethod
    def of(cls, hours: Hours) -> StoredHours:
        # to the minute, as its class reads them
        start, end = (clock.strftime("%H:%M") for clock in (hours.start, hours.end))
        return cls(start, end, hours.weekdays, hours.calendar, hours.model, hours.provider)

    def value(self) -> Hours:
        return Hours(self.start, self.end, self.weekdays, self.calendar, self.model, self.provider)


@frozen
class StoredUsage:
    """Usage as it is written where it is a document by itself."""

    quantities: tuple[tuple[Meter, Decimal], ...]

    @classmethod
    def of(cls, usage: Usage) -> StoredUsage:
        return cls(tuple(usage.items()))

    def value(self) -> Usage:
        return Usage(self.quantities)
