"""Prices of the package genai-prices: what one model costs, by the instant from which it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tokenbill.catalog.cells import STANDARD, Condition, Dated, ModelPrices, Steps, entries, starts
from tokenbill.catalog.units import meter_of
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.pricing.source import Hours
from tokenbill.errors import UnreadableInput

INSTALLED: Final = find_spec("genai_prices") is not None
"""Without it a price map is read all the same; the error comes when its prices are asked for."""

if TYPE_CHECKING or INSTALLED:
    from genai_prices import data_units, types

    UNITS = {unit.get("price_key", key): (key, unit) for key, unit in data_units.unit_data.items()}

__all__ = ["INSTALLED", "Offer", "dated_prices"]

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a price holds that has no start."""
MIDNIGHT: Final = time(0, 0)
OFF_PEAK: Final[Condition] = (("variant", "off_peak"),)

UNCHARGED: Final = {"claude": ("web_fetches",)}
"""What payloads of a family of models count and its provider charges nothing for."""


class Offer(NamedTuple):
    """A model, who offers it, what it is asked for as, and whether its variants are that provider's."""

    provider: types.Provider
    model: types.ModelInfo
    label: str
    own: bool = True

    @property
    def path(self) -> str:
        """Provider and model, as an error shows them."""
        return f"{self.provider.id}/{self.model.id}"


def dated_prices(
    offer: Offer, at: datetime | None, variant: str | None, untied: set[frozenset[Meter]]
) -> Dated:
    """The prices of a model from each instant on at which they may change; only those of *at*, if given.

    *untied* are sets of meters that were seen to be without ties: thousands of models share a few dozen.

    Raises:
        UnreadableInput: If it has none then, or they cannot be told by meters and labels.
    """
    starting = [] if at is None else [at]
    if at is None:
        constraints: list[Any] = [each.constraint for each in _conditional(offer.model)]
        constraints += [each.constraint for each in _variants_of(offer)]
        days = {each.start_date for each in constraints if isinstance(each, types.StartDateConstraint)}
        # the list says days, and its providers change their prices at midnight UTC
        starting = [EVER, *sorted(datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days)]
    found = {start: _prices(offer, start, is_asked=at is not None) for start in starting}
    if variant is not None:
        # who asks for one variant gets its prices without the label: all of the usage is of it
        own: Condition = (("variant", variant),)
        for start, each in found.items():
            cells = {STANDARD: each.variants[own]} if own in each.variants else {}
            found[start] = ModelPrices(cells, (), each.comments)
    if not any(cells for prices in found.values() for cells in prices.variants.values()):
        what = "a model without prices" if variant is None else f"no prices of variant {quoted(variant)}"
        raise UnreadableInput(what, offer.path, "price it by a schedule of your own, if it is free by 0")
    for prices in found.values():
        meters = frozenset(meter for cells in prices.variants.values() for meter in cells)
        if meters not in untied:
            PriceSchedule(entries(prices.variants, thresholds=starts(prices.variants), labels={}))
            untied.add(meters)
    return found


def _conditional(info: types.ModelInfo) -> list[types.ConditionalPrice]:
    if isinstance(info.prices, types.ModelPrice):
        return [types.ConditionalPrice(prices=info.prices)]
    return info.prices


def _variants_of(offer: Offer) -> list[types.PriceVariant]:
    return list(offer.model.price_variants or ()) if offer.own else []


def _prices(offer: Offer, at: datetime, *, is_asked: bool) -> ModelPrices:
    """The prices that hold at an instant; of a day that nobody asked the hour of, off-peak ones with a label.

    A daily window belongs to the dated price before it in the list, and holds while that one does:
    the package lets the windows of today's prices win over the prices of last year.
    """
    listed = _conditional(offer.model)
    dated = [place for place, each in enumerate(listed) if not _is_window(each.constraint)]
    active = [place for place in dated if _is_active(listed[place].constraint, at)]
    first = active[-1] if active else 0
    after = next((place for place in dated if place > first), len(listed))
    windows = [each for each in listed[first + 1 : after] if _is_window(each.constraint)]
    standard, hours = listed[first].prices, tuple[Hours, ...]()
    variants = dict[Condition, Mapping[Meter, Steps]]()
    if is_asked:
        # of windows that overlap the last wins, as of dates
        for each in windows:
            standard = each.prices if _is_active(each.constraint, at) else standard
        variants[STANDARD] = _cells(offer, standard)
    elif windows:
        variants, hours = by_the_hour(offer, standard, windows)
    else:
        variants[STANDARD] = _cells(offer, standard)
    for name, own in overrides(offer, at).items():
        if hours:
            raise UnreadableInput(
                "variants of prices by the time of day", offer.path, "give the instant: at=…"
            )
        variants[(("variant", name),)] = _cells(offer, standard, own)
    comments = (offer.provider.price_comments, offer.model.price_comments)
    told = tuple(f"{offer.path}: {comment}" for comment in comments if comment)
    return ModelPrices(variants, hours, told)


def overrides(offer: Offer, at: datetime) -> dict[str, dict[str, Any]]:
    """What each variant that has started charges otherwise than the standard; of two the first says it."""
    names, found = dict[str, dict[str, str]](), dict[str, dict[str, Any]]()
    for each in _variants_of(offer):
        if _is_active(each.constraint, at):
            name = "+".join(each.when.values())
            # a label has one value: conditions that need two of them cannot be told by usage
            if names.setdefault(name, each.when) != each.when or len(each.when) != 1:
                raise UnreadableInput("a variant that one label does not tell", name, "price it by hand")
            own = {key: value for key, value in vars(each.prices).items() if value is not None}
            found[name] = own | found.get(name, {})
    return found


def _is_window(constraint: object) -> bool:
    return isinstance(constraint, types.TimeOfDateConstraint)


def _is_active(constraint: Any, at: datetime) -> bool:
    return constraint is None or bool(constraint.active(at))


def by_the_hour(
    offer: Offer, base: types.ModelPrice, windows: list[types.ConditionalPrice]
) -> tuple[dict[Condition, Mapping[Meter, Steps]], tuple[Hours, ...]]:
    """Prices of a day: the dearer ones are the standard, so that usage without its hour is not too cheap."""
    outside, inside = _cells(offer, base), _cells(offer, windows[0].prices)
    same = all(each.prices == windows[0].prices for each in windows) and outside.keys() == inside.keys()
    compared = [_compared(outside[meter], inside[meter]) for meter in outside] if same else []
    if not compared or not (max(compared) <= 0 or min(compared) >= 0):
        raise UnreadableInput("prices by the time of day", offer.path, "give the instant: at=…")
    constraints: list[Any] = [each.constraint for each in windows]
    spans = sorted((clock_in_utc(each.start_time), clock_in_utc(each.end_time)) for each in constraints)
    if max(compared) <= 0:  # a window of the day is dearer: off peak is what lies between windows
        ends = [end for _, end in spans]
        gaps = zip(ends, [start for start, _ in spans[1:]] + [spans[0][0]], strict=True)
        return {STANDARD: inside, OFF_PEAK: outside}, tuple(Hours(*gap) for gap in gaps if gap[0] != gap[1])
    return {STANDARD: outside, OFF_PEAK: inside}, tuple(Hours(*span) for span in spans)


def _compared(one: Steps, other: Steps) -> int:
    """-1, 0 or 1: whether a price is lower, the same or higher; prices with tiers have to agree."""
    if one == other:
        return 0
    # which of two tables of tiers is dearer depends on the request
    if one.above or other.above:
        raise UnreadableInput("prices by the time of day", "tiers", "give the instant: at=…")
    return -1 if one.base.rate < other.base.rate else 1


def clock_in_utc(given: time) -> time:
    """A time of day in UTC."""
    moved = datetime.combine(EVER.date(), given, given.tzinfo or UTC).astimezone(UTC).time()
    # hours of a schedule are told by minutes; a window by the second would be cut without a word
    if moved.second or moved.microsecond:
        raise UnreadableInput("prices by the second of the day", moved.isoformat(), "give the instant: at=…")
    return moved


def _cells(
    offer: Offer, price: types.ModelPrice, own: Mapping[str, Any] | None = None
) -> Mapping[Meter, Steps]:
    """What a set of prices charges by meter; none where it holds no price at all."""
    found = dict[Meter, Steps]()
    for key, value in {**vars(price), **(own or {})}.items():
        if value is None or key.startswith("_"):
            continue
        meter, per = _counted(key)
        steps = _steps(value, per)
        # the package may name one meter by two keys, which is no harm while they agree
        if found.setdefault(meter, steps) != steps:
            raise UnreadableInput("two prices of one meter", f"{meter} of {offer.path}", "price it by hand")
    # what is counted and not charged is priced 0, so that the provider's own payloads are never unpriced
    free = (name for family, names in UNCHARGED.items() if family in offer.model.id for name in names)
    return {**{Meter(name): Steps(PerUnit(0)) for name in free}, **found} if found else {}


@cache
def _counted(key: str) -> tuple[Meter, int]:
    """The meter that a key of prices is about, and the units that its price covers."""
    # the package may learn units that no payload of ours counts, and their price must not be lost
    if key not in UNITS:
        raise UnreadableInput("a price of an unknown unit", key, "price it by a schedule of your own")
    name, unit = UNITS[key]
    return meter_of(name, unit["dimensions"]), unit["per"]


def _steps(value: Any, per: int) -> Steps:
    """A tier holds for the whole request, strictly above its start; the last that applies wins."""
    if not isinstance(value, types.TieredPrices):
        return Steps(PerUnit(value, per))
    above = [(int(tier.start), PerUnit(tier.price, per)) for tier in value.tiers]
    return Steps(PerUnit(value.base, per), tuple(sorted(above, key=lambda step: step[0])))
