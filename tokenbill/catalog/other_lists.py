"""Other lists: schedules out of ratio tables of gateways, of models.dev, and of OpenRouter's models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from tokenbill.catalog.asking import exact, keys_of, members_of, near
from tokenbill.catalog.cells import STANDARD, ModelPrices, Steps, closed, schedule_of
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import Number, decimal, number, product
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["from_models_dev", "from_openrouter", "from_ratios"]

MILLION: Final = 1_000_000
FLOAT: Final = ("a float", "list")
MAPPING: Final = ("not a mapping", "give it as json.loads makes it")
"""How errors tell what was given."""
QUOTA_OF_A_DOLLAR: Final = 500_000
"""Units of quota that a dollar buys: a ratio of 1 is 0.002 for a thousand tokens."""
QUOTA: Final = Currency("QUOTA", places=0)

RATIOS: Final = (
    "ModelRatio",
    "CompletionRatio",
    "CacheRatio",
    "CreateCacheRatio",
    "GroupRatio",
    "ModelPrice",
)
"""The tables that are read: by model, and one by group."""

MODELS_DEV: Final = {
    "input": "input_tokens",
    "output": "output_tokens",
    "reasoning": "output_tokens{kind=reasoning}",
    "cache_read": "input_tokens{cache=read}",
    "cache_write": "input_tokens{cache=write}",
    "input_audio": "input_tokens{modality=audio}",
    "output_audio": "output_tokens{modality=audio}",
}
LONG: Final = "context_over_200k"
LONG_FROM: Final = 200_000

OPENROUTER: Final = {
    "prompt": "input_tokens",
    "completion": "output_tokens",
    "internal_reasoning": "output_tokens{kind=reasoning}",
    "input_cache_read": "input_tokens{cache=read}",
    "input_cache_write": "input_tokens{cache=write}",
    "audio": "input_tokens{modality=audio}",
    "request": "api_calls",
    "image": "images{direction=input}",
    "web_search": "web_searches",
}
PARTS: Final = ("internal_reasoning", "input_cache_read", "input_cache_write", "audio")
"""Keys whose 0 says that nothing is charged apart, not that these tokens are free."""


def from_ratios(
    table: Mapping[str, Any],
    *,
    group: str = "default",
    model: str | Iterable[str] | None = None,
    unit: str = "USD",
    floats: bool = False,
    ignore: Iterable[str] = (),
    skip: bool = False,
    name: str = "",
) -> PriceSchedule:
    """The prices of a gateway of the one-api family, which keeps ratios: quota for one token.

    A token of input costs ratio of the model × ratio of the group; output that × its completion ratio,
    cached input that × its cache ratio. A price of a model is dollars for each call.

    Args:
        table: ``ModelRatio``, ``CompletionRatio``, ``CacheRatio``, ``CreateCacheRatio``, ``GroupRatio`` and
            ``ModelPrice``, each a mapping or its JSON text, as the gateway's options hold it.
        group: The group whose ratio holds.
        model: As of ``from_price_map``.
        unit: ``"USD"``, or ``"quota"``: the virtual unit, 500,000 of which are a dollar.
        floats: Read a float as its shortest text says.
        ignore: Tables to leave out, though they charge something.
        skip: Leave out models that cannot be converted, whose usage is an error then.
        name: What people call the schedule.

    Raises:
        UnreadableInput: If a table is unknown or missing, or does not have the group or the model. Output
            of a model without a completion ratio has no price, for gateways guess it by the name.
        InvalidNumber: For what is no number.

    >>> table = {
    ...     "ModelRatio": {"m": "1.25"},
    ...     "CompletionRatio": {"m": 4},
    ...     "GroupRatio": {"vip": "0.8"},
    ... }
    >>> prices = from_ratios(table, group="vip", unit="quota")
    >>> prices["input_tokens"](1000), prices["output_tokens"](1000)
    (Decimal('1000.000'), Decimal('4000.000'))
    """
    ignored = {checked_name(each, what="table") for each in listed_of(ignore) or ()}
    tables = {
        key: _table(key, value) for key, value in members_of(table, *MAPPING).items() if key not in ignored
    }
    for key in tables:
        if key not in RATIOS:
            way_out = "bill without it by ignore=[…]; " + near(key, RATIOS, f"one of {', '.join(RATIOS)}")
            raise UnreadableInput("a table of ratios that is not known", key, way_out)
    if unit not in ("USD", "quota"):
        raise UnreadableInput("not a unit of ratios", unit, 'give "USD" or "quota"')
    # A gateway sells to groups at ratios of their own, and what a token costs there is known by group alone.
    groups = tables.get("GroupRatio", {"default": 1})
    if group not in groups:
        raise UnreadableInput(
            "a group that the table does not have", group, near(group, groups, "one of them")
        )
    factor, per = exact(groups[group], *FLOAT, floats=floats), QUOTA_OF_A_DOLLAR if unit == "USD" else 1

    def prices(each: str) -> ModelPrices:
        return _of_ratios(each, tables, factor, per, floats=floats)

    every = dict.fromkeys([*tables.get("ModelRatio", {}), *tables.get("ModelPrice", {})])
    return _schedule(every, model, prices, skip=skip, name=name, currency="USD" if unit == "USD" else QUOTA)


def from_models_dev(
    api: Mapping[str, Any],
    provider: str | None = None,
    *,
    model: str | Iterable[str] | None = None,
    floats: bool = False,
    ignore: Iterable[str] = (),
    skip: bool = False,
    name: str = "",
) -> PriceSchedule:
    """The prices of models.dev's ``api.json``: dollars for a million tokens.

    Args:
        api: Providers by their ids, each with its models: the JSON read with ``parse_float=Decimal``.
        provider: The id of the provider, needed where there are several.
        model: As of ``from_price_map``, and so are *floats*, *skip* and *name*.
        floats: Read a float as its shortest text says.
        ignore: Keys of a cost to leave out, though they charge something.
        skip: Leave out models that cannot be converted, whose usage is an error then.
        name: What people call the schedule.

    Raises:
        UnreadableInput: If it is no such list, has no such provider or model, or a cost that no meter counts.

    >>> cost = {
    ...     "input": 3,
    ...     "output": 15,
    ...     "context_over_200k": {"input": 6, "output": "22.5"},
    ... }
    >>> prices = from_models_dev({"p": {"models": {"m": {"cost": cost}}}})
    >>> prices["output_tokens{context=200000}"](2000)
    Decimal('0.045')
    """
    providers, ignored = members_of(api, *MAPPING), keys_of(ignore, 'give a list: ["reasoning"]')
    if provider is None and len(providers) == 1:
        provider = next(iter(providers))
    if provider not in providers:
        way_out = near(str(provider), providers, f"one of {len(providers)} providers: provider=…")
        raise UnreadableInput("not a provider of the list", provider, way_out)
    models = members_of(_member(providers[provider], "models"), *MAPPING)

    def prices(each: str) -> ModelPrices:
        given = members_of(_member(models[each], "cost"), *MAPPING)
        cost = {key: value for key, value in given.items() if key not in ignored}
        long = members_of(cost.pop(LONG), *MAPPING) if cost.get(LONG) is not None else {}
        base = _metered(each, cost, MODELS_DEV, floats=floats)
        above = _metered(each, long, MODELS_DEV, floats=floats) if long else {}
        steps = {meter: Steps(PerUnit(rate, MILLION)) for meter, rate in base.items()}
        for meter, rate in above.items():
            # a schedule falls back from long to short requests, never the other way
            if meter not in steps:
                what = "a price of long requests without one of short ones"
                raise UnreadableInput(what, each, "price it by hand")
            steps[meter] = steps[meter]._replace(above=((LONG_FROM, PerUnit(rate, MILLION)),))
        return ModelPrices({STANDARD: closed(steps)})

    return _schedule(models, model, prices, skip=skip, name=name)


def from_openrouter(
    listing: Mapping[str, Any],
    *,
    model: str | Iterable[str] | None = None,
    floats: bool = False,
    ignore: Iterable[str] = (),
    skip: bool = False,
    name: str = "",
) -> PriceSchedule:
    """The prices of OpenRouter's list of models: dollars as text for one token, request, image or search.

    A price of 0 for cached or reasoning tokens means that they are not charged apart; they cost what the
    input or the output does.

    Args:
        listing: What the list holds: ``{"data": [{"id": …, "pricing": {…}}]}``.
        model: As of ``from_price_map``, and so are *floats*, *skip* and *name*.
        floats: Read a float as its shortest text says.
        ignore: Keys of a pricing to leave out, though they charge something.
        skip: Leave out models that cannot be converted, such as routers, whose price is -1.
        name: What people call the schedule.

    Raises:
        UnreadableInput: If it is no such list, does not have the model, or has a price that no meter counts.
        InvalidPrice: For a negative price, which says that it varies.

    >>> pricing = {
    ...     "prompt": "0.000003",
    ...     "completion": "0.000015",
    ...     "internal_reasoning": "0",
    ... }
    >>> list(from_openrouter({"data": [{"id": "m", "pricing": pricing}]}))
    [Meter('input_tokens'), Meter('output_tokens')]
    """
    rows, ignored = listed_of(_member(listing, "data")), keys_of(ignore, 'give a list: ["reasoning"]')
    if rows is None:
        raise UnreadableInput("not a list of models", type(listing).__name__, 'give {"data": [...]}')
    models = {checked_name(_member(row, "id"), what="model"): _member(row, "pricing") for row in rows}

    def prices(each: str) -> ModelPrices:
        given = members_of(models[each], *MAPPING)
        pricing = {key: value for key, value in given.items() if key not in ignored and value is not None}
        # a discount of 0 changes no price; any other is a rule that this list does not write out
        if "discount" in pricing and not exact(pricing["discount"], *FLOAT, floats=floats):
            del pricing["discount"]
        # 0 for a part says that it is not charged apart, unless all of the model is free
        priced = bool(exact(pricing.get("prompt", 0), *FLOAT, floats=floats))
        told = {
            key: value
            for key, value in pricing.items()
            if not (priced and key in PARTS and not exact(value, *FLOAT, floats=floats))
        }
        found = _metered(each, told, OPENROUTER, floats=floats)
        return ModelPrices({STANDARD: closed({meter: Steps(PerUnit(rate)) for meter, rate in found.items()})})

    return _schedule(models, model, prices, skip=skip, name=name)


def _of_ratios(
    model: str, tables: Mapping[str, Mapping[str, Any]], factor: Number, per: int, *, floats: bool
) -> ModelPrices:
    """The prices of a model in units of which *per* are one; a price of a call takes the place of ratios."""

    def ratio(table: str) -> Number | None:
        value = tables.get(table, {}).get(model)
        return None if value is None else exact(value, *FLOAT, floats=floats)

    # a price of a call takes the place of ratios, and the group's ratio holds for it, too
    call = ratio("ModelPrice")
    # ratios count quota, of which a dollar buys so many; a price of a call is written in dollars
    if call is not None:
        dollars = decimal(product(number(call), number(factor)))
        amount = dollars if per != 1 else decimal(product(dollars, number(QUOTA_OF_A_DOLLAR)))
        return ModelPrices({STANDARD: {Meter("api_calls"): Steps(PerUnit(amount))}})
    base = decimal(product(number(ratio("ModelRatio") or 0), number(factor)))
    parts = {
        "output_tokens": ratio("CompletionRatio"),
        "input_tokens{cache=read}": ratio("CacheRatio"),
        "input_tokens{cache=write}": ratio("CreateCacheRatio"),
    }
    rates = {"input_tokens": base} | {
        meter: decimal(product(base, number(part))) for meter, part in parts.items() if part is not None
    }
    return ModelPrices({STANDARD: {Meter(meter): Steps(PerUnit(rate, per)) for meter, rate in rates.items()}})


def _schedule(
    every: Mapping[str, Any],
    model: str | Iterable[str] | None,
    prices: Callable[[str], ModelPrices],
    *,
    skip: bool,
    name: str,
    currency: Currency | str = "USD",
) -> PriceSchedule:
    """The schedule of the models asked for; labelled unless it is of one that is named, or the only one."""
    names = every if model is None else listed_of((model,) if isinstance(model, str) else model)
    if names is None:
        raise UnreadableInput("not a model", type(model).__name__, "give its name, or a list of names")
    found = dict[str, ModelPrices]()
    for each in dict.fromkeys(checked_name(each, what="model") for each in names):
        if each not in every:
            raise UnreadableInput(
                "a model that the list does not have", each, near(each, every, "one of its own")
            )
        try:
            found[each] = prices(each)
        except TokenbillError:
            if not skip:
                raise
    if not found:
        raise UnreadableInput("no model that can be converted", f"{len(every)} models", "name one to see why")
    # who names one model bills its usage, labelled or not; of several only the label says whose price it is
    is_one = isinstance(model, str) or (model is None and len(every) == 1)
    return schedule_of(
        [(each, {} if is_one else {"model": key}) for key, each in found.items()], name, currency
    )


def _metered(
    model: str, members: Mapping[str, Any], meters: Mapping[str, str], *, floats: bool
) -> dict[Meter, Decimal]:
    """Rates by meter; keys that no meter counts are refused, all of them by name."""
    unknown = [key for key, value in members.items() if key not in meters and value is not None]
    if unknown:
        what = f"{quoted(model)} has prices that no meter counts"
        raise UnreadableInput(what, ", ".join(unknown), f"bill without them by ignore={unknown}")
    told = {Meter(meters[key]): value for key, value in members.items() if value is not None}
    if not told:
        raise UnreadableInput("a model without prices", model, "price it by a schedule of your own")
    return {meter: number(exact(value, *FLOAT, floats=floats)) for meter, value in told.items()}


def _table(key: str, given: object) -> dict[str, Any]:
    """A table of ratios; the options of a gateway hold it as JSON text."""
    if not isinstance(given, str):
        return members_of(given, *MAPPING)
    try:
        return members_of(decoded(given), *MAPPING)
    except NotJson as problem:
        raise UnreadableInput(
            f"{key} is {problem}", f"text of {len(given)} characters", problem.way_out
        ) from None


def _member(given: object, key: str) -> Any:
    members = members_of(given, *MAPPING)
    if members.get(key) is None:
        raise UnreadableInput("a list without", key, "give it as its source writes it")
    return members[key]
