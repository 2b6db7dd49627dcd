"""Price books: schedules by the date from which each holds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias, TypeGuard, cast

from attrs import field, frozen

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.decimals import Number
from tokenbill.core.periods.instants import is_before, iso_text, utc_moment
from tokenbill.core.periods.period import Period, period
from tokenbill.core.pricing.schedule import PriceSchedule, Schedule
from tokenbill.errors import InvalidPeriod, InvalidSchedule, TokenbillError

__all__ = ["PriceVersion", "PriceBook"]


@frozen(eq=False, repr=False)
class PriceVersion:
    """A schedule, and the date or instant from which it holds; unpacks into both.

    A catalogue of thousands of models changes some price every few days, and few of its schedules are
    ever asked for: instead of one it may give what makes it, which runs once.
    """

    start: date
    given: Schedule | Callable[[], Schedule]

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule."""
        return self.given() if _makes(self.given) else cast(Schedule, self.given)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.start, self.schedule))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, PriceVersion) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.start)

    def __repr__(self) -> str:
        return f"PriceVersion(start={self.start!r}, schedule={self.schedule!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PriceVersion, (self.start, self.schedule)


PriceVersions: TypeAlias = "Iterable[PriceVersion | tuple[date | str, Schedule | Callable[[], Schedule]]]"
"""What a book may be given as: pairs of start and schedule, or what makes it, in any order."""


def _makes(given: object) -> TypeGuard[Callable[[], Schedule]]:
    return callable(given) and not callable(getattr(given, "match", None)) and not isinstance(given, type)


def _price_versions(value: PriceVersions) -> tuple[PriceVersion, ...]:
    versions = list[PriceVersion]()
    try:
        for each in value:
            start, schedule = (each.start, each.given) if isinstance(each, PriceVersion) else each
            versions.append(PriceVersion(utc_moment(start), _schedule(schedule)))
    except (TypeError, ValueError) as error:
        if isinstance(error, TokenbillError):
            raise
        raise InvalidSchedule(
            "not a book of schedules", value, 'give pairs: [("2026-01-01", schedule)]'
        ) from None
    for one, other in pairwise(versions):
        is_before(one.start, other.start)  # refuses dates beside instants, which have no order
    return tuple(sorted(versions, key=lambda version: version.start))


def _schedule(value: Any) -> Schedule | Callable[[], Schedule]:
    if _makes(value):
        return value
    fits = callable(getattr(value, "match", None)) and hasattr(value, "currency")
    if not fits or isinstance(value, type):
        raise InvalidSchedule("not a schedule of prices", value, 'give one: PriceSchedule(gpu_hours="0.10")')
    return cast(Schedule, value)


def _distinct(_: object, __: object, versions: tuple[PriceVersion, ...]) -> None:
    """Validate that there are versions, and that no two begin at once."""
    if not versions:
        raise InvalidSchedule("a book without schedules", versions, "give at least one")
    for one, other in pairwise(versions):
        if one.start == other.start:
            raise InvalidSchedule("two schedules from", iso_text(one.start), "give each a start of its own")


@frozen
class PriceBook:
    """Schedules by date: each holds from its start until the next one starts.

    Args:
        versions: Pairs of a start and a schedule, in any order. Starts are dates, aware datetimes,
            or the RFC 3339 text of either, all of one kind.

    Raises:
        InvalidSchedule: For no schedules, for something else than schedules, or two of one start.
        InvalidPeriod: For a start that is no date or instant, and for dates beside instants.

    >>> from tokenbill.core.pricing.schedule import PriceSchedule
    >>> old, new = PriceSchedule(gpu_hours="0.10"), PriceSchedule(gpu_hours="0.08")
    >>> book = PriceBook([("2026-01-01", old), ("2026-07-01", new)])
    >>> book.on("2026-06-30") == old, book.on("2026-07-01") == new
    (True, True)
    """

    versions: tuple[PriceVersion, ...] = field(converter=_price_versions, validator=_distinct)

    def __iter__(self) -> Iterator[PriceVersion]:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)

    @property
    def currency(self) -> Currency:
        """The currency, or the virtual unit, of its first schedule; a plan asks that all have it."""
        return currency(self.versions[0].schedule.currency)

    def content_hash(self) -> str | None:
        """A hash of starts and prices; None where a schedule brought by a user has none."""
        hashes = [getattr(item.schedule, "content_hash", None) for item in self.versions]
        if not all(map(callable, hashes)):
            return None
        return content_hash(
            [(item.start, own()) for item, own in zip(self.versions, hashes, strict=True) if own]
        )

    def marked_up(
        self, percent: Number | str, by_label: Mapping[str, Number | str] | None = None
    ) -> PriceBook:
        """Every price of every schedule with a percentage on top, as ``PriceSchedule.marked_up`` has it.

        A mark-up by label holds in the schedules that price what it is on; one of them has to.

        Args:
            percent: The usual one: ``"20%"``, or a number.
            by_label: Others by labels, ``"provider=x"``, or by meter.

        Raises:
            InvalidSchedule: If two tie, one is on nothing that is priced at any time, or a schedule is a
                user's own, whose entries nobody can list.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> book = PriceBook(
        ...     [("2026-01-01", PriceSchedule(a=1)), ("2026-07-01", PriceSchedule(a=2))]
        ... )
        >>> str(book.marked_up("20%").on("2026-07-01").match("a").price(1))
        '2.4'
        """
        from tokenbill.core.pricing.markup import check_used, marked_up, markups_of  # few sell on

        markups, versions = markups_of(percent, by_label or {}), list[tuple[date, Schedule]]()
        unused = set(range(1, len(markups)))
        for start, schedule in self.versions:
            if not isinstance(schedule, PriceSchedule):
                raise InvalidSchedule("no entries to mark up", schedule, "give a PriceSchedule")
            prices, idle = marked_up(schedule.entries, markups, schedule.find)
            unused &= idle  # a model may be priced from some day on only
            unit, name, source = schedule.currency, schedule.name, schedule.source
            versions.append((start, PriceSchedule(prices, currency=unit, name=name, source=source)))
        check_used(markups, unused)
        return PriceBook(versions)

    def on(self, instant: date | str) -> Schedule:
        """The schedule that holds at *instant*: a date in a book of dates, else an instant.

        Raises:
            InvalidPeriod: If *instant* is before the first start, or of the other kind.
        """
        return self.versions[self._index(utc_moment(instant))].schedule

    def parts(self, whole: Period) -> tuple[tuple[Period, Schedule], ...]:
        """The parts of a period with the schedule that holds in each: a change of price closes a period.

        >>> from tokenbill.core.pricing.schedule import PriceSchedule
        >>> book = PriceBook(
        ...     [("2026-01-01", PriceSchedule(a=1)), ("2026-07-01", PriceSchedule(a=2))]
        ... )
        >>> [str(part) for part, _ in book.parts(Period("2026-06-16", "2026-07-16"))]
        ['2026-06-16/2026-07-01', '2026-07-01/2026-07-16']
        """
        start, end = utc_moment(period(whole).start), utc_moment(whole.end)
        first = self._index(start)
        cuts = [version.start for version in self.versions[first + 1 :] if is_before(version.start, end)]
        # books keep their starts in UTC; the parts of a period are written in its own zone
        home = whole.start.tzinfo if isinstance(whole.start, datetime) else None
        placed = (cut.astimezone(home) if home and isinstance(cut, datetime) else cut for cut in cuts)
        bounds = [whole.start, *placed, whole.end]
        schedules = [version.schedule for version in self.versions[first:]]
        return tuple(
            (Period(*ends), schedule) for ends, schedule in zip(pairwise(bounds), schedules, strict=False)
        )

    def _index(self, at: date) -> int:
        first = self.versions[0].start
        if is_before(at, first):
            way_out = f"add a schedule, or ask from {iso_text(first)} on"
            raise InvalidPeriod("before the first prices", iso_text(at), way_out)
        # a schedule holds from its first moment on: at a change of prices the new ones win
        return bisect_right(self.versions, at, key=lambda version: version.start) - 1
