"""Requests: usage of one request, with the labels and the fee by which price lists charge it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from tokenbill.catalog.asking import by_model, instant
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import number
from tokenbill.core.periods.instants import iso_text
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.schedule import Priced, PriceSchedule
from tokenbill.core.pricing.source import Source
from tokenbill.errors import InvalidPeriod, UnreadableInput
from tokenbill.shared.request_context import bracketed

__all__ = ["by_version", "request", "thresholds"]

INPUT: Final = (Meter("input_tokens"),)
FEE: Final = "api_calls"
OFF_PEAK: Final = {"variant": "off_peak"}
REPLACED: Final = ("batch", "flex", "standard", "default")
"""Variants that cost the standard where the list has no price for them, and so its off-peak price."""
VERSION: Final = "version"


def request(
    usage: Usage | Quantities, prices: PriceSchedule | PriceBook, at: datetime | str | None = None
) -> Usage:
    """The usage of one request as a price list charges it: what depends on the request becomes a label.

    Tokens of a long request get the label ``context``, each model by its own input; those of a request in
    off-peak hours ``variant=off_peak``; and a request counts one ``api_calls`` where the list has a price
    for it. Of a book of prices that changed, each meter gets the label ``version``, for ``by_version``.

    Args:
        usage: What the request used; a sum of requests has no length of its own.
        prices: The list, as a catalogue made it.
        at: When the request was made; needed where prices depend on the hour or the date.

    Raises:
        UnreadableInput: If *prices* is neither of both.
        InvalidPeriod: If *at* is missing though a price depends on it, or is no instant.

    >>> prices = PriceSchedule(
    ...     {"input_tokens": "0.01", "input_tokens{context=100}": "0.02", "api_calls": 1}
    ... )
    >>> request({"input_tokens": 300}, prices)
    Usage({'api_calls': 1, 'input_tokens{context=100}': 300})
    """
    given, when, more = usage if type(usage) is Usage else Usage(usage), instant(at), dict[str, str]()
    schedule: object = prices
    # The instant of the request decides, not that of the bill: a month may hold two versions.
    if isinstance(prices, PriceBook):
        schedule = prices.on(_needed(when))
        since = [version for version, start in _versions(prices) if start <= _needed(when)]
        more = {VERSION: since[-1]}
    if not isinstance(schedule, PriceSchedule):
        raise UnreadableInput(
            "not a price list", type(prices).__name__, "give a PriceSchedule, or a PriceBook"
        )
    limits = [number(start) for start in thresholds(schedule)]
    found = Usage()
    # a request of one model has a length of its own, whatever an advisor beside it read
    for (model, provider), part in by_model(given).items():
        told = {"model": model, "provider": provider}
        labels = {label: value for label, value in told.items() if value}
        # length before hour: the threshold is one of all the input, whenever it was sent
        found += _off_peak(bracketed(part, INPUT, limits), schedule, when)
        fee = Meter(FEE, labels)
        if schedule.find(fee) is not None and not part.total(fee):
            found += Usage({fee: 1})  # no payload counts the request that it is of
    return Usage([(Meter(meter, more), quantity) for meter, quantity in found.items()]) if more else found


def by_version(book: PriceBook) -> PriceSchedule:
    """All prices of a book in one schedule, each with the label ``version``: the date from which it holds.

    Usage of several dates then makes one bill: label each request by ``request``, with its instant.

    Raises:
        UnreadableInput: If it is no book, or one of schedules that do not list their entries.

    >>> starts = "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"
    >>> book = PriceBook(
    ...     (start, PriceSchedule(a=price)) for price, start in enumerate(starts)
    ... )
    >>> list(by_version(book))
    [Meter('a{version=2026-01-01}'), Meter('a{version=2026-05-01}')]
    """
    if not isinstance(book, PriceBook):
        raise UnreadableInput("not a book of prices", type(book).__name__, "give a PriceBook")
    laid, source = dict[Meter, Priced](), None
    schedules = [_listed(version.schedule) for version in book]
    for (version, _), schedule in zip(_versions(book), schedules, strict=True):
        laid |= {Meter(key, {VERSION: version}): price for key, price in schedule.entries}
        source = schedule.source if source is None else source | schedule.source
    if isinstance(source, Source):
        source = Source(source.notes, source.comments, (), source.strict)  # hours differ between versions
    return PriceSchedule(laid, currency=schedules[0].currency, name=schedules[0].name, source=source)


def thresholds(prices: PriceSchedule | PriceBook) -> tuple[int, ...]:
    """The lengths of a request, in input tokens, above which one of these prices changes.

    Give them to ``events.bracket`` as ``over=``, with the usage of *one* request; ``request`` does it itself.

    Raises:
        UnreadableInput: If *prices* is neither of both.

    >>> thresholds(PriceSchedule({"input_tokens": 3, "input_tokens{context=200000}": 6}))
    (200000,)
    """
    schedules = [version.schedule for version in prices] if isinstance(prices, PriceBook) else [prices]
    contexts = [key.labels.get("context", "") for each in schedules for key in _listed(each)]
    return tuple(sorted({int(start) for start in contexts if start.isascii() and start.isdecimal()}))


def _listed(schedule: object) -> PriceSchedule:
    if not isinstance(schedule, PriceSchedule):
        raise UnreadableInput("not a schedule that lists its entries", schedule, "give a PriceSchedule")
    return schedule


def _needed(when: datetime | None) -> datetime:
    if when is None:
        raise InvalidPeriod("a request without its instant", when, "its prices depend on it: at=…")
    return when


def _versions(book: PriceBook) -> list[tuple[str, datetime]]:
    """The versions of a book as labels, and their starts: a date where it is midnight in UTC."""
    starts = [_needed(instant(each.start)) for each in book.versions]
    return [(iso_text(start).removesuffix("T00:00:00Z"), start) for start in starts]


def _off_peak(usage: Usage, schedule: PriceSchedule, when: datetime | None) -> Usage:
    hours = () if schedule.source is None else schedule.source.hours
    concerned = [each for each in hours if any(each.are_of(meter) for meter in usage)]
    if not any(each.hold(_needed(when)) for each in concerned):
        return usage
    found = list[tuple[Meter, Decimal]]()
    for meter, quantity in usage.items():
        entry = schedule.find(meter) if meter.name.endswith("_tokens") else None
        # a variant that has a price of its own keeps it at every hour; others cost what the hour does
        has_own = entry is None or "variant" in entry.key.labels
        is_moved = not has_own and meter.labels.get("variant") in (None, *REPLACED)
        found.append((Meter(meter.name, {**meter.labels, **OFF_PEAK}) if is_moved else meter, quantity))
    return Usage(found)
