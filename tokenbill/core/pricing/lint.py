"""Lint: what is allowed in a schedule, and yet is seldom meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.metering.meters import LLM_METERS, Meter
from tokenbill.core.money.decimals import ZERO, decimal
from tokenbill.core.pricing.breakpoints import breakpoints
from tokenbill.core.pricing.curves import Curve, composed, constant, curve
from tokenbill.core.pricing.price import SAME, Combinator, Each, Price
from tokenbill.core.pricing.tiers import Graduated, Volume
from tokenbill.errors import InvalidPrice, InvalidSchedule, UnpricedUsage

__all__ = ["Cliff", "Finding", "Listed", "cliffs", "lint"]

Tiered: TypeAlias = "Graduated | Volume"

CACHED: Final = {"cache": "read"}
"""The label of tokens read from a cache."""
POOLS: Final = tuple(Meter(text) for text in LLM_METERS)
"""The meters that tokens of a model are counted by; each token is in exactly one."""
POOL_LABELS: Final = frozenset(label for pool in POOLS for label in pool.labels)


class Finding(NamedTuple):
    """What lint has to say of one meter: a stable *code*, the *meter*, and a *message* for people.

    | code | what it says |
    | --- | --- |
    | ``cliff`` | a larger quantity costs less |
    | ``unreachable_tier`` | no quantity falls in the tier |
    | ``gap`` | a meter is priced with certain labels only; with others it is an error |
    | ``cached_at_full_rate`` | input read from a cache is billed like any input |
    | ``bare_entry`` | other tokens that providers price apart are billed by this entry |
    """

    code: str
    meter: Meter
    message: str


class Cliff(NamedTuple):
    """Where a curve falls: at *quantity* it goes from the amount *before* to the amount *after*."""

    quantity: Fraction
    before: Fraction
    after: Fraction


class Listed(Protocol):
    """A schedule that lists its entries: a ``PriceSchedule``, or one of a user's own that is iterable."""

    def match(self, meter: Meter, /) -> Any:
        """The entry for a meter: its ``key`` and its ``price``; or UnpricedUsage."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Its entries; of a mapping, the keys."""
        ...


def lint(schedule: Listed) -> tuple[Finding, ...]:
    """What is doubtful in a schedule.

    A price has a cliff if and only if it is not monotone. Of a price that lists no pieces, as most
    of users' own do, nothing can be said about cliffs, nor about the tiers that its amounts reach.

    Raises:
        InvalidSchedule: If the schedule does not list its entries.

    >>> from tokenbill import PriceSchedule, Tier
    >>> seats = Volume([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])
    >>> [finding.message for finding in lint(PriceSchedule(seats=seats))]
    ['at 10 units the amount falls from 52 to 43']
    """
    entries = _entries(schedule)
    found = [
        finding
        for key, price in entries.items()
        for finding in (*_cliffs(key, price), *_tiers(key, price), *_pools(key, schedule))
    ]
    return tuple(sorted((*found, *_gaps(entries)), key=lambda finding: finding.meter))


def _entries(schedule: object) -> dict[Meter, Price]:
    pairs: Any = schedule.items() if is_mapping(schedule) else schedule
    found = dict[Meter, Price]()
    try:
        for key, entry in pairs:
            price = entry.price if isinstance(entry, Each) else entry
            if not isinstance(price, Price):
                raise InvalidPrice("not a price", price, 'write one, as in PerUnit("0.10")')
            found[Meter(key)] = price
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        way_out = "let it iterate over Entry(key, price)"
        raise InvalidSchedule("a schedule that lists no entries", schedule, way_out) from None
    return found


def cliffs(price: Price) -> list[Cliff]:
    """Where a price falls; nothing of a price that lists no pieces.

    >>> from tokenbill.core.pricing.tiers import Tier
    >>> cliffs(Volume([Tier(10, 2), Tier(None, 1)]))
    [Cliff(quantity=Fraction(10, 1), before=Fraction(20, 1), after=Fraction(10, 1))]
    """
    pieces = price.pieces()
    # A form never falls on its piece, so that only the ends of pieces can be cliffs.
    points = breakpoints(pieces, jumps=False) if pieces is not None else ()
    found = [Cliff(point.quantity, *point.amounts()) for point in points]
    return [cliff for cliff in found if cliff.after < cliff.before]


def _cliffs(key: Meter, price: Price) -> Iterator[Finding]:
    for cliff in cliffs(price):
        quantity, before, after = (f"{decimal(value):f}" for value in cliff)
        message = f"at {quantity} units the amount falls from {before} to {after}"
        yield Finding("cliff", key, message)


def _tiers(key: Meter, price: Price) -> Iterator[Finding]:
    for tiered, reached in _tiered(price, SAME):
        lows = (ZERO, *(tier.up_to for tier in tiered.tiers))
        for i in _idle(tiered, reached):
            end = tiered.tiers[i].up_to
            upper = "open" if end is None else f"up to {end:f}"
            yield Finding(
                "unreachable_tier", key, f"no quantity falls in the tier above {lows[i]:f}, {upper}"
            )


def _tiered(price: Price, inner: Curve | None) -> Iterator[tuple[Tiered, Curve]]:
    """The tiers within a price, each with the curve of the quantities that arrive there, if it is known."""
    if inner is None:
        return
    if isinstance(price, Graduated | Volume):
        yield price, inner
    elif isinstance(price, Combinator):  # what a user's own price makes of a quantity is not known
        for part, reaching in price.input_curves():
            yield from _tiered(part, composed(inner, reaching) if reaching else None)


def _idle(tiered: Tiered, reached: Curve) -> list[int]:
    """The tiers in which no quantity falls: the numbers of tiers, from 1 on, are a curve of the quantity."""
    # behind packages or a minimum some quantities never arrive, so a tier between them is dead text
    ends = [None if tier.up_to is None else Fraction(tier.up_to) for tier in tiered.tiers]
    numbers = [constant(Fraction(i)) for i in range(1, len(ends) + 1)]
    marked = composed(reached, curve(Fraction(tiered.fee_at_zero), ends, numbers))
    met = {int(piece.form.constant) for piece in marked or ()}
    if met and isinstance(
        tiered, Graduated
    ):  # units fall in every tier below the one that the total falls in
        met = set(range(max(met) + 1))
    return [i - 1 for i in range(1, len(ends) + 1) if met and i not in met]


def _gaps(entries: Iterable[Meter]) -> Iterator[Finding]:
    """Names of which every entry has labels."""
    keys = list(entries)
    # usage with labels that no entry has is refused at the bill; this tells it before
    bare = {key.name for key in keys if not key.labels}
    for name in dict.fromkeys(key.name for key in keys if key.name not in bare):
        message = f"priced with certain labels only; an entry {name} prices all others"
        yield Finding("gap", Meter(name), message)


def _pools(key: Meter, schedule: Listed) -> Iterator[Finding]:
    """The pools of tokens, other than its own, that an entry prices."""
    # cached tokens cost a tenth at most providers: an entry that takes them with the rest overcharges in
    # silence
    kept = {label: value for label, value in key.labels.items() if label not in POOL_LABELS}
    pools = [Meter(pool.name, {**kept, **pool.labels}) for pool in POOLS if pool.name == key.name]
    covered = [pool for pool in pools if pool != key and key.includes(pool) and _covers(schedule, key, pool)]
    cached = Meter(key.name, {**key.labels, **CACHED})
    if cached in covered:
        message = f"cached tokens are billed at the full input rate; add {cached}"
        yield Finding("cached_at_full_rate", key, message)
    others = ", ".join(pool for pool in covered if pool != cached)
    if others:
        yield Finding("bare_entry", key, f"also prices {others}")


def _covers(schedule: Listed, key: Meter, meter: Meter) -> bool:
    try:
        return Meter(schedule.match(meter).key) == key
    except UnpricedUsage:
        return False
