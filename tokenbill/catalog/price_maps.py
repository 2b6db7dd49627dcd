"""Price maps: schedules out of a mapping from models to prices, in the form of litellm's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from tokenbill.catalog.cells import STANDARD, Steps, Variants, closed, entries, starts
from tokenbill.catalog.keys import PER, condition, counted, is_price
from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import Number, from_float, number
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidNumber, TokenbillError, UnreadableInput

__all__ = ["from_price_map", "refused_in_price_map"]

BATCH: Final = "batch"
OUTPUT: Final = Meter("output_tokens")
REASONING: Final = Meter("output_tokens{kind=reasoning}")

Prices: TypeAlias = "dict[Meter, dict[int | None, PerUnit]]"
"""Prices by meter, each by the threshold above which it holds."""


def from_price_map(
    mapping: Mapping[str, Mapping[str, Any]],
    *,
    model: str | Iterable[str] | None = None,
    floats: bool = False,
    ignore: Iterable[str] = (),
    skip: bool = False,
    name: str = "",
) -> PriceSchedule:
    """The prices of a mapping from models to prices, as litellm keeps them: USD for one token, call or page.

    Entries carry ``model=``, unless the map has one model or *model* is one name: those price its usage
    whether it is labelled or not. Long prices have the label ``context``, for ``events.bracket`` with
    ``over=catalog.thresholds(schedule)``; prices of batch, flex and priority the label ``variant``.

    Args:
        mapping: Prices by model: ``{"gpt-4o": {"input_cost_per_token": "0.0000025", ...}}``.
            Read its JSON by ``json.loads(text, parse_float=Decimal)``.
        model: The models to take, by their names in the map; None for all.
        floats: Read a float as its shortest text says; else it is refused.
        ignore: Keys that are left out though they charge something: usage of it has no price then.
        skip: Leave out models that cannot be converted, whose usage is an error then;
            ``refused_in_price_map`` says why. Else the first such model is an error.
        name: What people call the schedule: where the map comes from, and of which day it is.

    Raises:
        UnreadableInput: If the map is none, does not have a model, or holds a price that no meter
            counts: it is named, never dropped.
        InvalidNumber: For a float, and for what is no number.
        InvalidPrice: For a negative price.

    Source: docs/how-to/prices-from-a-catalog.md

    >>> prices = from_price_map({"gpt-4o": {"input_cost_per_token": "0.0000025", "mode": "chat"}})
    >>> prices["input_tokens"](1_200)
    Decimal('0.0030000')
    """
    found, ignored = dict[str, Variants](), _names(ignore)
    chosen = _chosen(mapping, model)
    for each, prices in chosen.items():
        try:
            found[each] = _variants(each, prices, ignored, floats=floats)
        except TokenbillError:
            if not skip:
                raise
    if not found:
        raise UnreadableInput("no model that can be converted", mapping, "refused_in_price_map() says why")
    limits = {start for variants in found.values() for start in starts(variants)}
    laid = {
        meter: price
        for each, variants in found.items()
        for meter, price in entries(variants, thresholds=limits, labels=_labels(each, chosen, model)).items()
    }
    return PriceSchedule(laid, name=name)


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

    >>> refused_in_price_map({"m": {"cost_per_wish": 1}})
    {'m': "'m' has prices that no meter counts: 'cost_per_wish'; bill without them by ignore=[...]"}
    """
    reasons, ignored = dict[str, str](), _names(ignore)
    for each, prices in _chosen(mapping, None).items():
        try:
            _variants(each, prices, ignored, floats=floats)
        except TokenbillError as error:
            reasons[each] = str(error)
    return reasons


def _labels(each: str, chosen: Mapping[str, object], model: object) -> dict[str, str]:
    return {} if isinstance(model, str) or (model is None and len(chosen) == 1) else {"model": each}


def _names(given: Iterable[str]) -> frozenset[str]:
    names = listed_of(given)
    if names is None:
        raise UnreadableInput("not a list of keys", given, 'give one: ["search_free_requests"]')
    return frozenset(checked_name(each, what="key") for each in names)


def _chosen(mapping: object, model: object) -> dict[str, object]:
    """The models asked for, with what the map has for them."""
    every = _members(mapping, "not a price map", "model")
    names = every if model is None else listed_of((model,) if isinstance(model, str) else model)
    if names is None:
        raise UnreadableInput("not a model", model, "give its name, or a list of names")
    wanted = [checked_name(each, what="model") for each in names]
    for each in wanted:
        if each not in every:
            raise UnreadableInput("a model that the map does not have", each, "give a key of the map")
    return {each: every[each] for each in wanted}


def _members(given: object, what: str, key: str) -> dict[str, Any]:
    """The items of a mapping, which may be anybody's and raise anything."""
    try:
        members = dict(given) if is_mapping(given) else None
    except Exception:
        members = None
    if members is None:
        way_out = 'give a mapping: {"gpt-4o": {"input_cost_per_token": "0.0000025"}}'
        raise UnreadableInput(what, type(given).__name__, way_out)
    return {checked_name(each, what=key): value for each, value in members.items()}


def _variants(model: str, prices: object, ignored: frozenset[str], *, floats: bool) -> Variants:
    """The cells of one model by variant."""
    given = {
        key: _members(value, "no prices", "key") if is_mapping(value) else value
        for key, value in _members(prices, "no prices of a model", "key").items()
        if value is not None and key not in ignored
    }
    table = _table(model, given, floats=floats)
    standard = table.pop(STANDARD, {})
    every = {STANDARD: standard, **{each: _over(standard, table[each], each) for each in sorted(table)}}
    return {variant: closed(_steps(prices)) for variant, prices in every.items()}


def _table(model: str, given: Mapping[str, Any], *, floats: bool) -> dict[str, Prices]:
    """The prices that are given, by variant."""
    found = dict[str, Prices]()
    unknown = list[str]()
    for key, value in given.items():
        amounts = counted(key, value, given.get("mode"))
        if not amounts and is_price(key, value):
            unknown.append(key)
        variant, above = condition(key, given.get("litellm_provider"))
        for name, amount in amounts.items():
            price = PerUnit(_number(key, amount, floats=floats), PER.get(key, 1))
            _keep(found.setdefault(variant, {}).setdefault(Meter(name), {}), above, price, key)
    if unknown:
        way_out = "bill without them by ignore=[...]"
        raise UnreadableInput(f"{quoted(model)} has prices that no meter counts", ", ".join(unknown), way_out)
    if not found:
        raise UnreadableInput("a model without prices", model, "price it by a schedule of your own")
    return found


def _keep(prices: dict[int | None, PerUnit], above: int | None, price: PerUnit, key: str) -> None:
    """Two keys may name one price: of two that differ a zero says nothing."""
    known = prices.get(above, price)
    if price != known and price.rate and known.rate:
        raise UnreadableInput("another price of a meter that has one", key, "keep one of both keys")
    prices[above] = price if price.rate else known


def _over(standard: Prices, own: Prices, variant: str) -> Prices:
    """The prices of a variant over those of the standard, read as litellm reads them.

    Long requests cost the standard's price where the variant gives none, but those of a batch its
    short one; and reasoning costs what the variant's output does.
    """
    found = dict(standard)
    for meter, prices in own.items():
        alone = variant == BATCH and None in prices
        found[meter] = prices if alone else {**standard.get(meter, {}), **prices}
    if OUTPUT in own and REASONING in standard and REASONING not in own:
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


def _number(key: str, value: object, *, floats: bool) -> Number:
    if not isinstance(value, float):
        return number(value)
    if floats:
        return from_float(value)
    way_out = "read the map by json.loads(text, parse_float=Decimal), or say floats=True"
    raise InvalidNumber(f"{quoted(key)} is a float, which is not exact", value, way_out)
