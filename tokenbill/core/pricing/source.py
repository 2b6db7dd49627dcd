"""Sources: what a price list says beside its prices, and which usage its prices do not reach.

A schedule of one's own prices whatever its entries include. A list that others keep is another thing:
it names a price where one is known, and a variant that it does not name may cost several times the standard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, name_or_nothing
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.validators import yes_or_no
from tokenbill.core.periods.instants import utc_moment, zone
from tokenbill.errors import InvalidPeriod, InvalidSchedule, UnpricedVariant

__all__ = ["WEEK", "Hours", "Named", "Source", "SourceEntry", "named_by"]

WEEK: Final = (1, 2, 3, 4, 5, 6, 7)
"""The days of the week as ISO 8601 counts them, from Monday."""


class Fallback(NamedTuple):
    """Values of a label that cost the standard where a list names no price: the silent, and the noted."""

    silent: frozenset[str]
    noted: frozenset[str]


FALLBACKS: Final = {
    # A batch, a flexible or an off-peak request costs at most the standard: billing it so is never short,
    # but the customer should know. Everything else that names a variant is sold at a premium somewhere.
    "variant": Fallback(frozenset(("standard", "default")), frozenset(("batch", "flex", "off_peak"))),
    "geo": Fallback(frozenset(("global",)), frozenset()),
    "ttl": Fallback(frozenset(("5m", "30m")), frozenset()),
}
"""Labels that may make tokens dearer. Values that are not named here need a price that names them."""
TEXT: Final = "text"
UNKNOWN: Final = "unknown"
"""What the label ``modality`` says of tokens that are no other modality, and of those nobody told apart."""


Pool: TypeAlias = tuple[str, str | None, str | None]
"""Tokens of one name, and of one model of one provider if there are such labels."""


class Named(NamedTuple):
    """What entries name, of which a source asks: contexts of the same tokens, modalities of any model."""

    contexts: dict[Pool, list[str]]
    modalities: dict[str, set[str]]


class SourceEntry(Protocol):
    """An entry of a schedule: its meter and its price."""

    @property
    def key(self) -> Meter:
        """The meter."""
        ...

    @property
    def price(self) -> Any:
        """The price."""
        ...


class Entries(Protocol):
    """A schedule, as far as its source asks it."""

    @property
    def named(self) -> Named:
        """What its entries name."""
        ...

    def find(self, meter: Meter, /) -> Any:
        """The entry for a meter, or None."""
        ...


def _clock(value: object) -> time:
    """A time of day of whole minutes, as ``"16:30"``."""
    text = value.strftime("%H:%M") if type(value) is time else value
    parts = text.split(":") if isinstance(text, str) and len(text) == 5 and text.isascii() else ()
    if len(parts) == 2 and all(part.isdecimal() for part in parts):
        hour, minute = map(int, parts)
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise InvalidPeriod("not a time of day", value, 'write hours and minutes: "16:30"')


def _weekdays(value: object) -> tuple[int, ...]:
    days: Any = listed_of(value)
    if not days or any(type(day) is not int or day not in WEEK for day in days):
        raise InvalidPeriod("not days of the week", value, "give numbers from 1, Monday, to 7, Sunday")
    return tuple(sorted(set(days)))


def _zone(value: object) -> str:
    zone(value)
    return checked_name(value, what="time zone")


@frozen
class Hours:
    """Hours of the day in which a model costs its off-peak prices: from *start* on, until *end*.

    Args:
        start: The first minute, in UTC, as ``"16:30"``.
        end: The minute that is outside again; the next day where it is before *start*, and the whole day
            where it is *start*.
        weekdays: The days of the week on which it holds, Monday being 1.
        calendar: The time zone whose calendar says which day of the week it is.
        model: The label of the model, where the schedule tells several apart.
        provider: The label of its provider, where the schedule has one.

    Raises:
        InvalidPeriod: If a time, a day or the zone is none.

    >>> evening = Hours("22:00", "02:00", weekdays=[1, 2, 3, 4, 5])
    >>> # Friday, Saturday
    >>> evening.hold("2026-11-27T23:59:59Z"), evening.hold("2026-11-28T01:00:00Z")
    (True, False)
    """

    start: time = field(converter=_clock)
    end: time = field(converter=_clock)
    weekdays: tuple[int, ...] = field(default=WEEK, converter=_weekdays)
    calendar: str = field(default="UTC", converter=_zone)
    model: str = field(default="", converter=name_or_nothing)
    provider: str = field(default="", converter=name_or_nothing)

    def hold(self, instant: datetime | str) -> bool:
        """Whether *instant* lies in them.

        Raises:
            InvalidPeriod: If it is no instant.
        """
        when = utc_moment(instant)
        if not isinstance(when, datetime):
            raise InvalidPeriod("a date where an instant is due", when, 'write "2026-01-31T00:00:00Z"')
        # the day of the week is that of the instant itself, though the window may have begun the day before
        if when.astimezone(zone(self.calendar)).isoweekday() not in self.weekdays:
            return False
        # a window over midnight, such as 16:30 to 00:30, holds on both sides of it
        clock = when.time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def are_of(self, meter: Meter) -> bool:
        """Whether they are the hours of a meter's model."""
        told = (meter.labels.get("model", ""), meter.labels.get("provider", ""))
        return (not self.model or self.model == told[0]) and (not self.provider or self.provider == told[1])


def _notes(value: object) -> tuple[str, ...]:
    given = listed_of(value)
    if given is None or not all(isinstance(note, str) for note in given):
        raise InvalidSchedule("not notes", value, "give a list of texts")
    return tuple(dict.fromkeys(given))


def _hours(value: object) -> tuple[Hours, ...]:
    given = listed_of(value)
    if given is None or not all(isinstance(each, Hours) for each in given):
        raise InvalidSchedule("not hours", value, "give a list of Hours")
    return tuple(given)


@frozen
class Source:
    """Where the prices of a schedule come from: a list that others keep.

    A schedule with a strict source never bills tokens of a dearer variant at the price of another: of the
    labels ``variant``, ``geo`` and ``ttl`` a value that no entry names is refused, unless it is known to
    cost no more than the standard. A schedule without one prices whatever its entries include.

    Args:
        notes: What every bill has to say of these prices, such as the rate at which they were converted.
        comments: What the list itself says of its prices, for who reads the schedule.
        hours: When off-peak prices hold: those with the label ``variant=off_peak``.
        strict: Whether tokens that may be dearer need an entry that names them; prices of one's own do not.

    >>> from tokenbill import PriceSchedule
    >>> PriceSchedule({"input_tokens": 3}, source=Source()).match(
    ...     "input_tokens{variant=priority}"
    ... )
    Traceback (most recent call last):
    tokenbill.errors.UnpricedVariant: no price of variant=priority for 'input_tokens{variant=priority}'; \
the price list has only 'input_tokens': price the variant by an entry of its own
    """

    notes: tuple[str, ...] = field(default=(), converter=_notes)
    comments: tuple[str, ...] = field(default=(), converter=_notes)
    hours: tuple[Hours, ...] = field(default=(), converter=_hours)
    strict: bool = field(default=True, validator=yes_or_no)

    def __or__(self, other: Source | None) -> Source:
        """Both sources: what either says."""
        if other is None:
            return self
        # of two lists the stricter one decides: what either refuses was priced by neither
        hours = tuple(dict.fromkeys(self.hours + other.hours))
        notes, comments = self.notes + other.notes, self.comments + other.comments
        return Source(notes, comments, hours, self.strict or other.strict)

    def checked(self, meter: Meter, found: SourceEntry | None, prices: Entries) -> SourceEntry | None:
        """The entry for a meter, if the list means it.

        Raises:
            UnpricedVariant: If the meter names what may be dearer, and the entry does not.
        """
        if not self.strict or not meter.name.endswith("_tokens"):
            return found
        if meter.labels.get("modality") == UNKNOWN:
            found = _whichever(meter, found, prices)
        if found is None:
            return None
        for label, fallback in FALLBACKS.items():
            value = meter.labels.get(label)
            known = value is None or value in fallback.silent or value in fallback.noted
            if not known and label not in found.key.labels:
                raise UnpricedVariant(meter, f"{label}={value}", (found.key,))
        context = meter.labels.get("context")
        if context is not None and "context" not in found.key.labels:
            _check_context(meter, context, found, prices)
        return found

    def fallbacks(self, meter: Meter, found: SourceEntry) -> Iterator[str]:
        """What a bill has to say where the list has no price for just this meter."""
        if not self.strict or not meter.name.endswith("_tokens"):
            return
        missing = {label: value for label, value in meter.labels.items() if label not in found.key.labels}
        for label, fallback in FALLBACKS.items():
            if missing.get(label) in fallback.noted:
                yield f"{meter}: no price of {label}={missing[label]}, billed as {found.key}"
        if missing.get("modality", TEXT) not in (TEXT, UNKNOWN):
            yield f"{meter}: no price of modality={missing['modality']}, billed as {found.key}"


def named_by(keys: Iterable[Meter]) -> Named:
    """What entries name."""
    found = Named({}, {})
    for key in keys:
        if "context" in key.labels:
            found.contexts.setdefault(_pool(key), []).append(key.labels["context"])
        if "modality" in key.labels:
            found.modalities.setdefault(key.name, set()).add(key.labels["modality"])
    return found


def _pool(key: Meter) -> Pool:
    return key.name, key.labels.get("model"), key.labels.get("provider")


def _check_context(meter: Meter, context: str, found: SourceEntry, prices: Entries) -> None:
    """A long request costs the short price only where the model knows no threshold that it passed."""
    # beyond a threshold of context providers charge all tokens of a request at a higher price
    starts = prices.named.contexts.get(_pool(found.key), ())
    numbers = [text for text in (context, *starts) if text.isascii() and text.isdecimal()]
    passed = len(numbers) <= len(starts) or any(int(start) <= int(context) for start in starts)
    if starts and passed:
        raise UnpricedVariant(meter, f"context={context}", (found.key,))


def _whichever(meter: Meter, found: SourceEntry | None, prices: Entries) -> SourceEntry | None:
    """The entry of tokens whose modality nobody told, where it does not matter for the price."""
    others = {key: value for key, value in meter.labels.items() if key != "modality"}
    modalities = prices.named.modalities.get(meter.name, ())
    tried = [
        prices.find(Meter(meter.name, {**others, **({"modality": each} if each else {})}))
        for each in sorted({"", *modalities})
    ]
    entries = [each for each in tried if each is not None]
    # audio may cost tens of times text: untold, it is billed only where both cost the same
    for each in entries[1:]:
        if each.price != entries[0].price:
            raise UnpricedVariant(meter, f"modality={UNKNOWN}", (entries[0].key, each.key))
    return entries[0] if entries else found
