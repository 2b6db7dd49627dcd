"""Model prices: what one entry of a price map charges, by meter, condition and length of the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, TypeAlias

from tokenbill.catalog.asking import exact
from tokenbill.catalog.cells import STANDARD, Condition, ModelPrices, Steps, closed
from tokenbill.catalog.keys import OFF_PEAK, PER, TIERS, condition, counted, is_price, multiplier
from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import Number, decimal, number, product
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.source import WEEK, Hours
from tokenbill.errors import UnreadableInput

__all__ = ["model_prices"]

BATCH: Final = "batch"
OFF: Final = "off_peak"
INPUT: Final = Meter("input_tokens")
OUTPUT: Final = Meter("output_tokens")
REASONING: Final = Meter("output_tokens{kind=reasoning}")
DAYS: Final = {
    name: day
    for day, names in enumerate(
        (
            "mon monday",
            "tue tues tuesday",
            "wed wednesday",
            "thu thur thurs thursday",
            "fri friday",
            "sat saturday",
            "sun sunday",
        ),
        start=1,
    )
    for name in names.split()
}
"""Days of the week by the names that a map may give them."""

Prices: TypeAlias = "dict[Meter, dict[int | None, PerUnit]]"
"""Prices by meter, each by the threshold above which it holds."""


class _Reader:
    """The keys of one model, sorted by what they are: prices by variant, factors by label."""

    def __init__(self, members: Mapping[str, Any], *, floats: bool) -> None:
        self.mode, self.provider = members.get("mode"), members.get("litellm_provider")
        self.floats = floats
        self.table = dict[str, Prices]()
        self.factors = dict[tuple[str, str], Decimal]()
        self.unknown = list[str]()

    def take(self, key: str, value: object) -> None:
        """Read one key with a price or a factor; one that may charge and is not known is remembered."""
        # a factor holds under a condition that a request may or may not meet: it is no price by itself
        label = multiplier(key)
        if label is not None:
            self.factors[label] = number(self.number(key, value))
            return
        amounts = counted(key, value, self.mode)
        if not amounts and is_price(key, value):
            self.unknown.append(key)
        variant, above = condition(key, self.provider)
        for name, amount in amounts.items():
            price = PerUnit(self.number(key, amount), PER.get(key, 1))
            prices = self.table.setdefault(variant, {}).setdefault(Meter(name), {})
            known = prices.get(above, price)
            # Two keys may name one price: of two that differ a zero says nothing.
            if price != known and price.rate and known.rate:
                raise UnreadableInput("another price of a meter that has one", key, "keep one of both keys")
            prices[above] = price if price.rate else known

    def number(self, key: str, value: object) -> Number:
        """A number of the map, which may hold floats if it was said."""
        return exact(value, f"{quoted(key)} is a float", "map", floats=self.floats)


def model_prices(model: str, members: Mapping[str, Any], *, floats: bool) -> ModelPrices:
    """What one model of a map costs.

    Args:
        model: Its name, for errors and for the label of its hours.
        members: Its keys; those that are to be ignored are left out before.
        floats: Whether a float is read by its shortest text.

    Raises:
        UnreadableInput: For a key that may charge something and is not known; the error names all of them.

    >>> found = model_prices(
    ...     "m", {"input_cost_per_token": 3, "fedramp_uplift_multiplier": 2}, floats=False
    ... )
    >>> found.variants[(("geo", "fedramp"),)][INPUT].base
    PerUnit(rate=Decimal('6'), per=Decimal('1'))
    """
    reader = _Reader(members, floats=floats)
    for key, value in members.items():
        # keys of a provider's own entry go by their path, for each means another thing
        if key == "provider_specific_entry" and is_mapping(value):
            for name, inner in value.items():
                reader.take(f"{key}.{name}", inner)
        elif key not in (TIERS, OFF_PEAK):
            reader.take(key, value)
    if TIERS in members:
        _take_tiers(reader, members[TIERS])
    hours = _take_off_peak(reader, members[OFF_PEAK]) if OFF_PEAK in members else ()
    # All keys at once: who has to ask for each in turn bills late.
    if reader.unknown:
        what = f"{quoted(model)} has prices that no meter counts"
        way_out = f"bill without them by ignore={reader.unknown}"
        raise UnreadableInput(what, ", ".join(reader.unknown), way_out)
    if not reader.table:
        raise UnreadableInput("a model without prices", model, "price it by a schedule of your own")
    # An allowance that several models share is no price of one of them: whoever bills has to know of it.
    free, comments = members.get("search_free_requests"), list[str]()
    if is_mapping(free):
        told = ", ".join(f"{key} {quoted(value)}" for key, value in free.items())
        comments.append(f"{model}: some searches are free, which no price says: {told}")
    return ModelPrices(dict(by_condition(reader)), hours, tuple(comments))


def _take_tiers(reader: _Reader, given: object) -> None:
    """Prices by all the input of a request: the tiers win over the prices beside them, as in litellm.

    What a tier does not name costs what its input does, reasoning what its output does: no request
    mixes two tiers.
    """
    tiers = listed_of(given)
    if not tiers or not all(is_mapping(tier) for tier in tiers):
        raise UnreadableInput("not tiers of prices", type(given).__name__, f"give a list, or ignore {TIERS}")
    found = [(tier.get("range"), _tier(reader, tier)) for tier in tiers]
    if reader.unknown:
        return
    bounds = [_range(reader, each) for each, _ in found]
    ordered = sorted(zip(bounds, (prices for _, prices in found), strict=True), key=lambda tier: tier[0])
    ranges = [each for each, _ in ordered]
    # a gap between tiers would leave a request of that length without a price, or with a guessed one
    if ranges[0][0] != 0 or any(one[1] != other[0] for one, other in pairwise(ranges)):
        way_out = "let each range begin where the one before ends, from 0 on"
        raise UnreadableInput("tiers with a gap", TIERS, way_out)
    standard = reader.table.setdefault("", {})
    meters = {meter for _, prices in ordered for meter in prices} | {INPUT}
    for meter in [*standard]:
        if meter.name == INPUT.name or meter == REASONING:
            meters.add(meter)
    # each meter gets a price in each tier, for a request never mixes two of them
    for meter in meters:
        steps = {start or None: _in_tier(meter, prices, standard) for (start, _), prices in ordered}
        standard[meter] = {start: price for start, price in steps.items() if price is not None}


def _tier(reader: _Reader, tier: Mapping[str, Any]) -> dict[Meter, PerUnit]:
    """The prices of one tier."""
    prices = dict[Meter, PerUnit]()
    for key, value in tier.items():
        amounts = {} if value is None else counted(key, value, reader.mode)
        variant, above = condition(key, None)
        if not amounts or variant or above is not None:
            if key != "range" and value is not None:
                reader.unknown.append(f"{TIERS}.{key}")
            continue
        for name, amount in amounts.items():
            prices[Meter(name)] = PerUnit(reader.number(key, amount))
    return prices


def _range(reader: _Reader, given: object) -> tuple[int, int]:
    ends = listed_of(given)
    if ends is None or len(ends) != 2:
        raise UnreadableInput("not the range of a tier", type(given).__name__, 'give two numbers: "range"')
    low, high = (number(reader.number("range", end)) for end in ends)
    # litellm counts a request of exactly the upper end into the lower tier, and so do the labels
    if low != int(low) or high != int(high) or not 0 <= low < high:
        raise UnreadableInput(
            "not the range of a tier", f"{low:f} to {high:f}", "give whole numbers that rise"
        )
    return int(low), int(high)


def _in_tier(meter: Meter, prices: Mapping[Meter, PerUnit], standard: Prices) -> PerUnit | None:
    if meter in prices:
        return prices[meter]
    # reasoning is output, and costs what the output of its tier does unless the tier says otherwise
    if meter == REASONING:
        return prices.get(OUTPUT) or standard.get(OUTPUT, {}).get(None)
    if meter.name == INPUT.name:
        return prices.get(INPUT)
    return standard.get(meter, {}).get(None)


def _take_off_peak(reader: _Reader, given: object) -> tuple[Hours, ...]:
    """Off-peak prices as a variant, and the hours in which they hold: every day, or on days of a calendar."""
    block: Any = given if is_mapping(given) else {}
    windows = listed_of(block.get("windows") or ())
    rules = [block, *(windows or ())]
    if not block or windows is None or not all(is_mapping(rule) for rule in rules):
        raise UnreadableInput(
            "not off-peak prices", type(given).__name__, f"give a mapping, or ignore {OFF_PEAK}"
        )
    for key, value in block.items():
        if key in ("windows", "hours_utc", "weekday_timezone") or value is None:
            continue
        amounts = counted(key, value, reader.mode)
        if not amounts or condition(key, None) != ("", None):
            reader.unknown.append(f"{OFF_PEAK}.{key}")
        for name, amount in amounts.items():
            # an off-peak price takes the place of any other, so it holds for requests of every length
            reader.table.setdefault(OFF, {})[Meter(name)] = {None: PerUnit(reader.number(key, amount))}
    calendar = block.get("weekday_timezone") or "UTC"
    hours = [each for rule in rules for each in _hours(rule, calendar)]
    if not hours:
        raise UnreadableInput("off-peak prices without hours", OFF_PEAK, 'give "windows" or "hours_utc"')
    return tuple(hours)


def _hours(rule: Mapping[str, Any], calendar: str) -> Iterator[Hours]:
    given = rule.get("hours_utc") or ()
    days = rule.get("weekdays")
    # a day by its name is its number; whatever else stands there is refused by Hours, by value
    weekdays: object = WEEK
    if days is not None:
        given_days = listed_of(days) or ()
        weekdays = [DAYS.get(d.strip().lower(), d) if isinstance(d, str) else d for d in given_days]
    for window in (given,) if isinstance(given, str) else listed_of(given) or ():
        start, dash, end = window.partition("-") if isinstance(window, str) else ("", "", "")
        if not dash:
            raise UnreadableInput("not hours of the day", quoted(window), 'write "10:00-16:30"')
        yield Hours(start.strip(), end.strip(), weekdays, calendar)


def by_condition(reader: _Reader) -> Iterator[tuple[Condition, Mapping[Meter, Steps]]]:
    """The cells of the standard, of each variant, and of each with a factor on its tokens."""
    standard = reader.table.pop("", {})
    variants = {"": standard}
    for variant in sorted(reader.table):
        variants[variant] = over_standard(standard, reader.table[variant], variant)
    # the fast mode is a variant of its own; a region multiplies whatever variant is asked for
    if ("variant", "fast") in reader.factors:
        variants["fast"] = multiplied(variants.get("fast", standard), reader.factors.pop(("variant", "fast")))
    for variant, prices in variants.items():
        own: Condition = (("variant", variant),) if variant else STANDARD
        yield own, closed(_steps(prices))
        for label, factor in sorted(reader.factors.items()):
            yield tuple(sorted((*own, label))), closed(_steps(multiplied(prices, factor)))


def multiplied(prices: Prices, factor: Decimal) -> Prices:
    """Prices of tokens times a factor; a search costs the same wherever it is answered."""
    found = dict(prices)
    for meter, each in prices.items():
        # pages, searches and calls are no tokens, and no region makes them dearer
        if meter.name.endswith("_tokens"):
            rates = {start: decimal(product(price.rate, factor)) for start, price in each.items()}
            found[meter] = {start: PerUnit(rate, each[start].per) for start, rate in rates.items()}
    return found


def over_standard(standard: Prices, own: Prices, variant: str) -> Prices:
    """The prices of a variant over those of the standard, read as litellm reads them.

    Long requests cost the standard's price where the variant gives none, but those of a batch its
    short one, and off-peak ones its only one; and reasoning costs what the variant's output does.
    """
    found = dict(standard)
    for meter, prices in own.items():
        alone = variant in (BATCH, OFF) and None in prices
        found[meter] = prices if alone else {**standard.get(meter, {}), **prices}
    # off-peak, reasoning that has a price of its own keeps it
    if OUTPUT in own and REASONING in standard and REASONING not in own and variant != OFF:
        found[REASONING] = found[OUTPUT]
    return found


def _steps(prices: Prices) -> dict[Meter, Steps]:
    """What is priced for long requests only costs short ones what its nearest priced ancestor does."""
    found = dict[Meter, Steps]()
    for meter, each in sorted(prices.items(), key=lambda item: len(item[0].labels)):
        ancestors = [steps for other, steps in found.items() if other.includes(meter)]
        if None not in each and not ancestors:
            raise UnreadableInput("a price of long requests without one of short ones", meter, "give both")
        base, above = (each[None], ()) if None in each else ancestors[-1]
        own = {start: price for start, price in each.items() if start is not None}
        found[meter] = Steps(base, tuple(sorted({**dict(above), **own}.items(), key=lambda step: step[0])))
    return found
