"""Price maps: schedules out of a mapping from models to prices, in the form of litellm's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from tokenbill.catalog.asking import instant, keys_of, members_of, near
from tokenbill.catalog.cells import STANDARD, ModelPrices, schedule_of
from tokenbill.catalog.keys import OFF_PEAK, TIERS
from tokenbill.catalog.model_prices import model_prices
from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.money.currencies import Currency
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import TokenbillError, UnreadableInput

__all__ = ["from_price_map", "refused_in_price_map"]

KEYS: Final = 'give one: ["search_free_requests"]'
MAP: Final = 'give a mapping: {"gpt-4o": {"input_cost_per_token": "0.0000025"}}'
"""Ways out of what is no list of keys, and no map."""
BLOCKS: Final = (TIERS, OFF_PEAK, "provider_specific_entry")
"""Keys that hold keys of their own, which may be ignored one by one: ``"off_peak_pricing.wishes"``."""


def from_price_map(
    mapping: Mapping[str, Mapping[str, Any]],
    *,
    model: str | Iterable[str] | None = None,
    floats: bool = False,
    ignore: Iterable[str] = (),
    skip: bool = False,
    name: str = "",
    at: datetime | str | None = None,
    currency: Currency | str = "USD",
) -> PriceSchedule:
    """The prices of a mapping from models to prices, as litellm keeps them: for one token, call or page.

    Entries carry ``model=``, unless the map has one model or *model* is one name: those price its usage
    whether it is labelled or not. What holds under a condition has a label: prices of long requests
    ``context``, of batch, flex, priority and off-peak hours ``variant``, of an endpoint of one region
    ``geo``. ``catalog.request`` labels the usage of a request by its length and its instant.

    Args:
        mapping: Prices by model: ``{"gpt-4o": {"input_cost_per_token": "0.0000025", ...}}``.
            Read its JSON by ``json.loads(text, parse_float=Decimal)``.
        model: The models to take, by their names in the map; None for all.
        floats: Read a float as its shortest text says; else it is refused.
        ignore: Keys that are left out though they charge something: usage of it has no price then.
        skip: Leave out models that cannot be converted, whose usage is an error then;
            ``refused_in_price_map`` says why. Else the first such model is an error.
        name: What people call the schedule: where the map comes from, and of which day it is.
        at: The instant whose prices hold, where some depend on the hour. Without it off-peak prices have
            the label ``variant=off_peak``.
        currency: The currency of the map.

    Raises:
        UnreadableInput: If the map is none, does not have a model, or holds a price that no meter
            counts: it is named, never dropped.
        InvalidNumber: For a float, and for what is no number.
        InvalidPrice: For a negative price.

    Source: docs/how-to/prices-from-a-catalog.md

    >>> prices = from_price_map(
    ...     {"gpt-4o": {"input_cost_per_token": "0.0000025", "mode": "chat"}}
    ... )
    >>> prices["input_tokens"](1_200)
    Decimal('0.0030000')
    """
    found, ignored, when = dict[str, ModelPrices](), keys_of(ignore, KEYS), instant(at)
    chosen = _chosen(mapping, model)
    for each, prices in chosen.items():
        try:
            found[each] = _at(_prices(each, prices, ignored, floats=floats), when)
        except TokenbillError:
            if not skip:
                raise
    if not found:
        raise UnreadableInput(
            "no model that can be converted", f"{len(chosen)} models", "refused_in_price_map() says why"
        )
    # Of one model by name all usage is its own; a list of names may be of rows that say theirs.
    is_one = isinstance(model, str) or (model is None and len(chosen) == 1)
    labelled = [(prices, {} if is_one else {"model": each}) for each, prices in found.items()]
    return schedule_of(labelled, name, currency)


def refused_in_price_map(
    mapping: Mapping[str, Mapping[str, Any]], *, floats: bool = False, ignore: Iterable[str] = ()
) -> dict[str, str]:
    """Why each model that ``from_price_map`` refuses, or leaves out, cannot be converted.

    Args:
        mapping: As of ``from_price_map``.
        floats: As of ``from_price_map``.
        ignore: As of ``from_price_map``.

    Raises:
        UnreadableInput: If the map is none.

    >>> print(refused_in_price_map({"m": {"cost_per_wish": 1}})["m"])
    'm' has prices that no meter counts: 'cost_per_wish'; bill without them by ignore=['cost_per_wish']
    """
    reasons, ignored = dict[str, str](), keys_of(ignore, KEYS)
    for each, prices in _chosen(mapping, None).items():
        try:
            _prices(each, prices, ignored, floats=floats)
        except TokenbillError as error:
            reasons[each] = str(error)
    return reasons


def _at(prices: ModelPrices, when: datetime | None) -> ModelPrices:
    """The prices of an instant: in off-peak hours they take the place of the standard."""
    # Who gives an instant bills that hour; who gives none gets both prices, told apart by a label.
    if when is None or not prices.hours:
        return prices
    off, variants = (("variant", "off_peak"),), dict(prices.variants)
    if any(hours.hold(when) for hours in prices.hours):
        variants[STANDARD] = variants[off]
    del variants[off]
    return ModelPrices(variants, (), prices.comments)


def _chosen(mapping: object, model: object) -> dict[str, object]:
    """The models asked for, with what the map has for them."""
    every = members_of(mapping, "not a price map", MAP, "model")
    names = every if model is None else listed_of((model,) if isinstance(model, str) else model)
    if names is None:
        raise UnreadableInput("not a model", model, "give its name, or a list of names")
    wanted = [checked_name(each, what="model") for each in names]
    for each in wanted:
        if each not in every:
            raise UnreadableInput(
                "a model that the map does not have", each, near(each, every, "a key of the map")
            )
    return {each: unaliased(each, every) for each in wanted}


def unaliased(model: str, every: Mapping[str, Any]) -> Any:
    """What the map has for a model; an alias has what the model has that it stands for."""
    seen, entry = {model}, every[model]
    while is_mapping(entry) and isinstance(target := entry.get("alias_of"), str):
        # an alias of itself, or of nothing, is left as it is: the error then names the key
        if target in seen or target not in every:
            return entry
        seen.add(target)
        entry = every[target]
    return entry


def _prices(model: str, prices: object, ignored: frozenset[str], *, floats: bool) -> ModelPrices:
    """The prices of one model, without the keys that are ignored."""
    given = {
        key: _without(key, value, ignored)
        for key, value in members_of(prices, "not prices of a model", MAP).items()
        if value is not None and key not in ignored
    }
    return model_prices(model, given, floats=floats)


def _without(key: str, value: Any, ignored: frozenset[str]) -> Any:
    """The value of a key, as plain dicts and lists; without what is ignored within it."""
    if is_mapping(value):
        members = members_of(value, "not prices", MAP)
        inner = {name: _without(key, each, ignored) for name, each in members.items()}
        return {name: each for name, each in inner.items() if f"{key}.{name}" not in ignored}
    if key in BLOCKS and isinstance(value, list | tuple):
        listed = cast("Iterable[object]", value)
        return [_without(key, each, ignored) if is_mapping(each) else each for each in listed]
    return value
