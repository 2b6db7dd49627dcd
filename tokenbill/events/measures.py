"""Measures: what is decided for each request, payment, reading or job, before usage is summed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from numbers import Integral
from typing import Any, Literal, TypeAlias

from attrs import frozen

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter, is_label
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import (
    EXACT,
    ZERO,
    Number,
    decimal,
    number,
    plus,
    product,
    ratio,
    rounded,
    shifted,
)
from tokenbill.core.periods.instants import is_before
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.period import period as checked_period
from tokenbill.errors import InvalidMeter, InvalidPeriod, InvalidUsage
from tokenbill.shared.foreign_data import each_of, instant
from tokenbill.shared.request_context import bracketed

__all__ = [
    "Charged",
    "bracket",
    "counter",
    "ends_of",
    "epoch",
    "free_window",
    "gpu_seconds",
    "increments",
    "rises",
]

Instant: TypeAlias = "datetime | str | int | Decimal"
"""What a job begins or ends with: an aware datetime, its RFC 3339 text, or seconds of the epoch."""

ONE = (Integral, str, Decimal)
"""What one number may be given as, where a list of them may be given, too."""
MICROSECOND = timedelta(microseconds=1)
MILLION = Decimal(10**6)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FARTHEST = 10**17
"""Most microseconds that lie between an instant and the epoch: three thousand years."""


def bracket(
    usage: Usage | Quantities,
    by: str | Iterable[str] = ("input_tokens",),
    over: Number | Iterable[Number] = (200_000,),
    label: str = "context",
    inclusive: bool = False,
) -> Usage:
    """One request's usage, labelled with the threshold that it passed, for long-context prices.

    At or below the first threshold nothing changes. Above it every meter of the request is labelled
    with the highest threshold passed, and the schedule prices the label. A request is one inference
    of one model: tokens of another, such as those that a payload labels ``model``, have a context of
    their own, so bracket each apart and add up what comes out.

    Args:
        usage: The usage of one request; a sum of requests has no context of its own.
        by: The meters whose sum is compared; a bare name counts all its labels, each meter once.
        over: The thresholds, in units of these meters, zero or more.
        label: The label that is added; no meter may have it already.
        inclusive: Whether a sum that equals a threshold has passed it.

    Raises:
        InvalidMeter: If *by* or *label* is none, or a meter that is labelled has the label already.
        InvalidNumber: If a threshold is no number.
        InvalidUsage: If a threshold is negative, or *usage* is none.

    Source: docs/how-to/bill-events.md

    >>> bracket(
    ...     {
    ...         "input_tokens": 50_000,
    ...         "input_tokens{cache=read}": 200_000,
    ...         "output_tokens": 2_000,
    ...     }
    ... )
    Usage({'input_tokens{cache=read,context=200000}': 200000, \
'input_tokens{context=200000}': 50000, 'output_tokens{context=200000}': 2000})
    """
    request = usage if type(usage) is Usage else Usage(usage)
    if not is_label(label):
        raise InvalidMeter("not a label name", label, 'give a name: "context"')
    meters = [Meter(meter) for meter in several(by, str, "meters")]
    limits = [quantity_of(limit, "threshold") for limit in several(over, ONE, "thresholds")]
    return bracketed(request, meters, limits, label=label, inclusive=inclusive)


def rises(readings: Iterable[Number], prior: Number = 0) -> tuple[Decimal, ...]:
    """What each reading adds to the highest one so far: so peaks and seats become usage that adds up.

    The rises sum to the highest reading less *prior*, or to nothing; however the readings are cut
    into bills, with the highest one billed so far as *prior* of the next.

    Args:
        readings: In their order, each zero or more.
        prior: The highest reading before them, such as ``account.used["seats"]``.

    Raises:
        InvalidNumber: If a reading is no number.
        InvalidUsage: If a reading is negative, or *readings* is no list.

    >>> rises([3, 5, 4, 8])
    (Decimal('3'), Decimal('2'), Decimal('0'), Decimal('3'))
    >>> Usage(("seats", rise) for rise in rises([7, 9], prior=8))
    Usage({'seats': 1})
    """
    top, found = quantity_of(prior, "prior reading"), list[Decimal]()
    for given in each_of(readings, "readings"):
        # A reading below the highest one gives nothing back: seats are paid for at the peak of the period.
        reading = max(quantity_of(given, "reading"), top)
        found.append(EXACT.subtract(reading, top))
        top = reading
    return tuple(found)


@frozen
class Charged:
    """What of one payment is charged.

    Args:
        amount: The part on which the percentage is due, in the currency of the payments.
        pays_fee: Whether the payment pays the fixed fee; if not, it costs nothing at all.
    """

    amount: Decimal
    pays_fee: bool


def free_window(
    amounts: Iterable[Number],
    *,
    free_events: int | None = None,
    free_amount: Number | None = None,
    ends: Literal["first", "amount"] = "first",
    exact_fit: Literal["free", "charged"] = "free",
) -> tuple[Charged, ...]:
    """What of each payment is charged, after the first ones are free up to a number or an amount.

    An event is covered while every allowance given is unspent; the first one that is not ends them.
    An event that is free as a whole costs nothing: no rate, no fixed fee, no minimum.

    Args:
        amounts: The payments of the whole period, in order of time and, at one time, of their ids.
        free_events: How many events are free; None sets no limit.
        free_amount: How much is free in all; None sets no limit. Without both nothing is free.
        ends: With both given, whether the ``"first"`` to run out ends both, or the ``"amount"`` alone
            decides.
        exact_fit: Whether an event that uses up the free amount exactly is ``"free"``, or is
            ``"charged"`` the fixed fee all the same.

    Raises:
        InvalidNumber: If an amount is no number, or *free_events* is not a whole one.
        InvalidUsage: If a number is negative, or a policy is not one of the two.

    Source: docs/how-to/bill-events.md

    >>> charged = free_window([40, 40, 80], free_events=1, free_amount=100)
    >>> [(str(part.amount), part.pays_fee) for part in charged]
    [('0', False), ('40', True), ('80', True)]
    >>> payments = sum(part.pays_fee for part in charged)
    >>> Usage(("volume", part.amount) for part in charged) + Usage(payments=payments)
    Usage({'payments': 2, 'volume': 120})
    """
    policies = (("ends", ends, ("first", "amount")), ("exact_fit", exact_fit, ("free", "charged")))
    for what, policy, choices in policies:
        given: object = policy
        if not isinstance(given, str) or given not in choices:
            raise InvalidUsage(f"no such {what}", given, f"choose {' or '.join(choices)}")
    events_left = None if free_events is None else whole_count(free_events)
    amount_left = None if free_amount is None else quantity_of(free_amount, "free amount")
    # Where the amount alone decides, the number of events says nothing: Window takes None for no limit.
    window = Window(None if ends == "amount" and amount_left is not None else events_left, amount_left)
    payments = [quantity_of(amount, "payment") for amount in each_of(amounts, "payments")]
    return tuple(window.charged(payment, fitting_pays=exact_fit == "charged") for payment in payments)


class Window:
    """What is left of the free allowances while the events go by; None never runs out."""

    def __init__(self, events_left: int | None, amount_left: Decimal | None) -> None:
        self._events_left, self._amount_left = events_left, amount_left
        self._open = not (events_left is None and amount_left is None)

    def charged(self, payment: Decimal, *, fitting_pays: bool) -> Charged:
        """What of the next payment is charged."""
        self._open = self._open and self._events_left != 0 and self._amount_left != 0
        if not self._open:
            return Charged(payment, pays_fee=True)
        if self._events_left is not None:
            self._events_left -= 1
        if self._amount_left is None:
            return Charged(ZERO, pays_fee=False)
        # The payment that crosses the allowance is free up to it, and is charged for the rest alone.
        free = min(payment, self._amount_left)
        self._amount_left, rest = EXACT.subtract(self._amount_left, free), EXACT.subtract(payment, free)
        return Charged(rest, pays_fee=rest > 0 or (fitting_pays and self._amount_left == 0))


def counter(readings: Iterable[Number], prior: Number = 0) -> tuple[Decimal, ...]:
    """What each reading of a counter adds: a counter only grows, but for a restart, which begins at zero.

    Args:
        readings: In their order, each zero or more; text such as ``"1e+06"``, as exporters write it, too.
        prior: The reading before them.

    Raises:
        InvalidNumber: If a reading is no number.
        InvalidUsage: If a reading is negative, or *readings* is no list.

    >>> counter([3, 7, 2, 5])  # the third was read after a restart
    (Decimal('3'), Decimal('4'), Decimal('2'), Decimal('3'))
    """
    before, found = quantity_of(prior, "prior reading"), list[Decimal]()
    for given in each_of(readings, "readings"):
        reading = quantity_of(given, "reading")
        # what was counted between the last reading and the restart is lost, and never guessed
        found.append(EXACT.subtract(reading, before) if reading >= before else reading)
        before = reading
    return tuple(found)


def gpu_seconds(
    jobs: Iterable[tuple[Instant, Instant, Number] | tuple[Instant, Instant, Number, Number]],
    period: Period | None = None,
) -> Decimal:
    """Seconds × GPUs of all jobs, cut at a period: each job is its start, its end and its GPUs.

    Exact to the microsecond. Jobs may overlap, since each has GPUs of its own. With gigabytes or cores in
    place of GPUs these are the seconds that GB-hours and core-hours are made of: price 3,600 of them.

    Args:
        jobs: Starts and ends as aware datetimes, RFC 3339 text or seconds of the epoch, GPUs as numbers;
            and, if a job was paused, for how many seconds.
        period: Counts only what lies within it, and all of it unless given; of instants, not dates.

    Raises:
        InvalidPeriod: If a job ends before it starts, was paused for longer than it lasted, or was paused
            and lies only partly in *period*; if a time is no instant, or *period* is none of instants.
        InvalidNumber: If the GPUs are no number.
        InvalidUsage: If the GPUs are negative, or a job is not made of these.

    >>> november = Period("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    >>> # half an hour
    >>> gpu_seconds([("2026-10-31T23:00:00Z", "2026-11-01T00:30:00Z", 8)], november)
    Decimal('14400')
    >>> gpu_seconds([(1795948656, 1795948683, 2, 17)])  # ten seconds of running
    Decimal('20')
    """
    total = ZERO
    ends = None if period is None else ends_of(period)
    for job in each_of(jobs, "jobs"):
        total = EXACT.add(total, seconds_of_job(job, ends))
    return Decimal(shortest(total))


def ends_of(period: Period) -> tuple[datetime, datetime]:
    """Start and end of a period of instants.

    Raises:
        InvalidPeriod: If it is no period, or one of dates.

    >>> [
    ...     end.isoformat()
    ...     for end in ends_of(Period("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"))
    ... ]
    ['2026-11-01T00:00:00+00:00', '2026-11-02T00:00:00+00:00']
    """
    given = checked_period(period)
    return instant(given.start), instant(given.end)


def epoch(value: object) -> datetime:
    """The instant of so many seconds since 1970, in UTC.

    Raises:
        InvalidNumber: If it is no number.
        InvalidPeriod: If the instant is out of bounds, or finer than a microsecond.

    >>> epoch("1795948656").isoformat()
    '2026-11-29T10:37:36+00:00'
    """
    # A float holds today's seconds to a quarter of a microsecond only; `number` refuses it.
    micros = EXACT.multiply(number(value), MILLION)
    if micros != int(micros) or abs(micros) > FARTHEST:
        raise InvalidPeriod("not seconds of the epoch", value, "give seconds, with at most six decimals")
    return instant(EPOCH + int(micros) * MICROSECOND)


def seconds_of_job(job: Any, ends: tuple[datetime, datetime] | None) -> Decimal:
    """Seconds × GPUs of one job, of what lies between two ends."""
    begun, ended, gpus, paused = parts_of_job(job)
    start, end = (instant_of(each) for each in (begun, ended))
    if is_before(end, start):
        raise InvalidPeriod("a job that ends before it starts", (begun, ended), "swap its ends")
    held = shifted(0, 0) if paused is None else quantity_of(paused, "pause")
    if held > seconds_between(start, end):
        raise InvalidPeriod("a job that was paused for longer than it lasted", paused, "give seconds")
    # Each period bills its part of a job that runs over its end, so that no second is billed twice or never.
    first, last = (start, end) if ends is None else (max(start, ends[0]), min(end, ends[1]))
    if first >= last:
        return ZERO
    if held and (first, last) != (start, end):
        # nobody tells in which of the periods the pause lay
        raise InvalidPeriod("a paused job that lies partly in the period", paused, "give its parts as jobs")
    lasted = EXACT.subtract(seconds_between(first, last), held)
    return EXACT.multiply(lasted, quantity_of(gpus, "number of GPUs"))


def seconds_between(start: datetime, end: datetime) -> Decimal:
    """Seconds from one instant to another, to the microsecond."""
    return shifted((end - start) // MICROSECOND, 6)


def parts_of_job(job: Any) -> tuple[Any, Any, Any, Any]:
    """Start, end, GPUs and pause of a job, which is None where it has none."""
    try:
        begun, ended, gpus, *more = job
    except (TypeError, ValueError):
        begun, ended, gpus, *more = [None] * 5
    if len(more) > 1:
        raise InvalidUsage(
            "not a job", job, "give its start, its end, its GPUs, and the seconds it was paused"
        )
    return begun, ended, gpus, more[0] if more else None


def instant_of(value: Any) -> datetime:
    """An instant, given as such or in seconds of the epoch."""
    is_number = isinstance(value, Decimal | Integral) and not isinstance(value, bool)
    return epoch(value) if is_number else instant(value)


def increments(quantities: Iterable[Number], step: Number, at_least: Number = 0) -> Decimal:
    """The sum of quantities, each first rounded up to whole steps: "by the second, at least a minute".

    A quantity that is lifted to *at_least* is rounded up after that, so each is whole steps. A
    quantity of zero stays zero, for what was not used is not billed.

    Args:
        quantities: What was used each time, zero or more.
        step: What is billed at a time, in the same unit, more than zero.
        at_least: The least that is billed each time, in the same unit.

    Raises:
        InvalidNumber: If something is no number.
        InvalidUsage: If a quantity is negative, *step* is not positive, or *quantities* is no list.

    >>> increments(["59.2", 61, "90.001", 0], step=1, at_least=60)
    Decimal('212')
    """
    unit, least = number(step), quantity_of(at_least, "least quantity")
    if unit <= 0:
        raise InvalidUsage("a step that is not positive", step, "give more than zero")
    total = ZERO
    for given in each_of(quantities, "quantities"):
        quantity = quantity_of(given, "quantity")
        if quantity:
            # Lifted first, rounded after it: a least quantity of one step and a half is billed as two.
            steps = rounded(ratio(max(quantity, least), unit), "up")
            total = decimal(plus(total, product(steps, unit)))
    return total


def several(given: Any, one: type | tuple[type, ...], what: str) -> list[Any]:
    """A list, where one alone may be given."""
    return [given] if isinstance(given, one) else list(each_of(given, what))


def quantity_of(value: Number, what: str) -> Decimal:
    """A number of zero or more."""
    quantity = number(value)
    if quantity < 0:
        raise InvalidUsage(f"a negative {what}", value, "give zero or more")
    return quantity


def whole_count(free_events: int) -> int:
    """How many events are free."""
    count = quantity_of(free_events, "number of free events")
    if count != int(count):
        raise InvalidUsage("not a number of free events", free_events, "give a whole number")
    return int(count)
