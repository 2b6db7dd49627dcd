"""Catalogues: schedules out of the prices that others collect, each meter at its own rate.

tokenbill ships no prices. ``schedule`` reads those of the package genai-prices, and ``from_price_map``
those of a mapping in the form of litellm's, which needs no package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from tokenbill.catalog.cells import STANDARD, Dated, Steps, Variants, editions, entries, starts
from tokenbill.catalog.price_maps import from_price_map, refused_in_price_map
from tokenbill.catalog.units import meter_of
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.periods.instants import moment, spelled
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidPeriod, MissingExtra, TokenbillError, UnreadableInput

INSTALLED: Final = find_spec("genai_prices") is not None
"""Without it a price map is read all the same; the error comes when its prices are asked for."""

if TYPE_CHECKING or INSTALLED:
    from genai_prices import __version__ as release
    from genai_prices import data_snapshot, data_units, types

    UNITS = {unit.get("price_key", key): (key, unit) for key, unit in data_units.unit_data.items()}

__all__ = ["from_price_map", "refused", "refused_in_price_map", "schedule", "thresholds"]

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a price holds that has no start."""

UNCHARGED: Final = {"claude": ("web_fetches",)}
"""What payloads of a family of models count and its provider charges nothing for."""


class Offer(NamedTuple):
    """A model, who offers it, what it is asked for as, and whether its variants are that provider's."""

    provider: str
    model: types.ModelInfo
    label: str
    own: bool = True


@overload
def schedule(
    model: str | Iterable[str] | None,
    provider: str | None,
    at: datetime | str,
    *,
    variant: str | None = None,
    snapshot: data_snapshot.DataSnapshot | None = None,
) -> PriceSchedule: ...
@overload
def schedule(
    model: str | Iterable[str] | None = None,
    provider: str | None = None,
    *,
    at: datetime | str,
    variant: str | None = None,
    snapshot: data_snapshot.DataSnapshot | None = None,
) -> PriceSchedule: ...
@overload
def schedule(
    model: str | Iterable[str] | None = None,
    provider: str | None = None,
    at: None = None,
    *,
    variant: str | None = None,
    snapshot: data_snapshot.DataSnapshot | None = None,
) -> PriceSchedule | PriceBook: ...
def schedule(
    model: str | Iterable[str] | None = None,
    provider: str | None = None,
    at: datetime | str | None = None,
    *,
    variant: str | None = None,
    snapshot: data_snapshot.DataSnapshot | None = None,
) -> PriceSchedule | PriceBook:
    """The prices of a model, of some models, of all models of a provider, or of all there are.

    One model, named as a text, gives entries without a ``model`` label: they price its usage whether
    it is labelled or not. Of several models each entry carries ``model=``, and ``provider=`` where two
    providers offer one of that name. A list of one name gives the label, too.

    A model that is named is converted or refused. Of *all* models those that cannot be converted are
    left out, so that their usage is an error and never a wrong amount; ``refused`` says why.

    Args:
        model: Its id, or another name that genai-prices knows it by; a list of names; None for all.
        provider: The id of who offers it; None is who genai-prices takes for its maker.
        at: The instant whose prices hold: an aware datetime, or its RFC 3339 text.
            Without it, prices that changed on some date give a ``PriceBook`` of instants.
        variant: The prices of one variant only, such as ``"batch"``, without a label. By default
            each variant is priced by the label ``variant=``, next to the standard.
        snapshot: A ``DataSnapshot`` of genai-prices; by default the one it uses itself.

    Returns:
        A schedule in USD, or a book of them; its name says which release of genai-prices it is from, and
        its ``content_hash`` which prices they are. Prices of long requests have the label ``context``:
        label each request by ``events.bracket`` with ``over=thresholds(schedule)``, before usage is summed.

    Raises:
        UnreadableInput: For a model, provider or variant that is unknown at that instant, for a name that
            several providers use, and for prices that no meter counts or that need a time of day.
        InvalidPeriod: If *at* is no instant.
        MissingExtra: If genai-prices is not installed.

    Source: docs/how-to/prices-from-a-catalog.md
    """
    shot, instant = _snapshot(snapshot), _instant(at)
    name = _name(shot, own=snapshot is not None)
    variant = None if variant is None else checked_name(variant, what="variant", empty=True)
    offers = _offers(model, provider, shot)
    converted = list(_converted(offers, instant, variant, named=model is not None))
    if not converted:
        raise UnreadableInput("no model that can be converted", provider, "refused() says why")
    if isinstance(model, str):
        return editions([(dated, {}) for _, dated in converted], f"{name}: {_path(offers[0])}")
    return editions(_labelled(converted), name)


def refused(
    provider: str | None = None,
    at: datetime | str | None = None,
    *,
    variant: str | None = None,
    snapshot: data_snapshot.DataSnapshot | None = None,
) -> dict[str, str]:
    """Why each model that ``schedule`` leaves out cannot be converted, by ``provider/model``.

    Args:
        provider: As of ``schedule``, and so are the others.
        at: As of ``schedule``.
        variant: As of ``schedule``.
        snapshot: As of ``schedule``.

    Raises:
        UnreadableInput: For a provider that is unknown.
        InvalidPeriod: If *at* is no instant.
        MissingExtra: If genai-prices is not installed.
    """
    instant, reasons = _instant(at), dict[str, str]()
    for offer in _offers(None, provider, _snapshot(snapshot)):
        try:
            _dated(offer, instant, variant)
        except TokenbillError as error:
            reasons[f"{offer.provider}/{offer.model.id}"] = str(error)
    return reasons


def thresholds(prices: PriceSchedule | PriceBook) -> tuple[int, ...]:
    """The lengths of a request, in input tokens, above which one of these prices changes.

    Give them to ``events.bracket`` as ``over=``, with the usage of *one* request.

    Raises:
        UnreadableInput: If *prices* is neither of both.

    >>> long = {"input_cost_per_token": 3, "input_cost_per_token_above_200k_tokens": 6}
    >>> thresholds(from_price_map({"m": long}))
    (200000,)
    """
    schedules = [edition.schedule for edition in prices] if isinstance(prices, PriceBook) else [prices]
    return tuple(sorted({start for each in schedules for start in _contexts(each)}))


def _contexts(schedule: object) -> Iterator[int]:
    if not isinstance(schedule, PriceSchedule):
        raise UnreadableInput("no schedule that lists its entries", schedule, "give a PriceSchedule")
    for key in schedule:
        context = key.labels.get("context", "")
        if context.isascii() and context.isdecimal():
            yield int(context)


def _snapshot(given: data_snapshot.DataSnapshot | None) -> data_snapshot.DataSnapshot:
    if not INSTALLED:
        raise MissingExtra("genai-prices", "genai-prices")
    found = data_snapshot.get_snapshot() if given is None else given
    if not isinstance(found, data_snapshot.DataSnapshot):
        raise UnreadableInput("not a snapshot", found, "give a DataSnapshot of genai-prices")
    return found


def _instant(at: object) -> datetime | None:
    when = None if at is None else moment(at)
    if when is None or isinstance(when, datetime):
        return when
    raise InvalidPeriod("a date is no instant", spelled(when), 'give one: "2026-01-31T00:00:00Z"')


def _name(shot: data_snapshot.DataSnapshot, *, own: bool) -> str:
    """What the prices are called: the release, unless a snapshot took the place of its prices."""
    if shot.from_auto_update:
        return f"genai-prices, updated {shot.timestamp.date().isoformat()}"
    return "a snapshot for genai-prices" if own else f"genai-prices {release}"


def _path(offer: Offer) -> str:
    return f"{offer.provider}/{offer.model.id}"


def _offers(model: object, provider: str | None, shot: data_snapshot.DataSnapshot) -> list[Offer]:
    if isinstance(model, str):
        return [_found(model, provider, shot)]
    names = None if model is None else listed_of(model)
    if names is not None:
        return [
            _found(each, provider, shot)
            for each in dict.fromkeys(checked_name(name, what="model") for name in names)
        ]
    if model is not None:
        raise UnreadableInput("not a model", model, "give its name, or a list of names")
    chosen = shot.providers if provider is None else [_provider(provider, shot)]
    return [Offer(each.id, info, info.id) for each in chosen for info in each.models]


def _provider(given: object, shot: data_snapshot.DataSnapshot) -> types.Provider:
    found = data_snapshot.find_provider_by_id(shot.providers, checked_name(given, what="provider"))
    if found is None:
        raise UnreadableInput("an unknown provider", given, "give its id, as in genai-prices")
    return found


def _found(given: object, provider: str | None, shot: data_snapshot.DataSnapshot) -> Offer:
    """The offer of a model by name: of its provider, else of its maker, else of the only one who has it."""
    ref = checked_name(given, what="model")
    home = _maker(ref, shot) if provider is None else _provider(provider, shot)
    offer = None if home is None else _offered(ref, home, shot)
    if offer is not None:
        return offer
    others = [each for each in shot.providers if provider is None and _by_id(ref, each)]
    if len(others) > 1:
        names = ", ".join(each.id for each in others)
        raise UnreadableInput("a model of several providers", ref, f"give one of {names}")
    offer = _offered(ref, others[0], shot) if others else None
    if offer is None:
        raise UnreadableInput("an unknown model", ref, "give an id of genai-prices, and its provider")
    return offer


def _maker(ref: str, shot: data_snapshot.DataSnapshot) -> types.Provider | None:
    matching = (
        each for each in shot.providers if each.model_match and each.model_match.is_match(ref.lower())
    )
    return next(matching, None)


def _by_id(ref: str, provider: types.Provider) -> types.ModelInfo | None:
    return next((info for info in provider.models if info.id == ref), None)


def _offered(ref: str, provider: types.Provider, shot: data_snapshot.DataSnapshot) -> Offer | None:
    """By its id first: not every id is matched by the model's own rule."""
    info = _by_id(ref, provider) or provider.find_model(ref, all_providers=shot.providers)
    if info is None:
        return None
    return Offer(provider.id, info, ref, own=any(info is each for each in provider.models))


def _converted(
    offers: list[Offer], at: datetime | None, variant: str | None, *, named: bool
) -> Iterator[tuple[Offer, Dated]]:
    for offer in offers:
        try:
            yield offer, _dated(offer, at, variant)
        except TokenbillError:
            if named:
                raise


def _dated(offer: Offer, at: datetime | None, variant: str | None) -> Dated:
    """The cells of a model from each instant on at which they may change; only those of *at*, if given."""
    parts = [*_conditions(offer.model), *((offer.model.price_variants or ()) if offer.own else ())]
    constraints = [part.constraint for part in parts if part.constraint is not None]
    found = {start: _variants(offer, start) for start in ([at] if at else _starts(offer, constraints))}
    if variant is not None:
        found = {start: _only(variant, variants) for start, variants in found.items()}
    if not any(cells for variants in found.values() for cells in variants.values()):
        what = "a model without prices" if variant is None else f"no prices of variant {quoted(variant)}"
        raise UnreadableInput(what, _path(offer), "price it by a schedule of your own, if it is free by 0")
    for variants in found.values():
        PriceSchedule(entries(variants, thresholds=starts(variants), labels={}))  # refuses ties
    return found


def _conditions(info: types.ModelInfo) -> list[types.ConditionalPrice]:
    return [] if isinstance(info.prices, types.ModelPrice) else info.prices


def _starts(offer: Offer, constraints: list[Any]) -> list[datetime]:
    """Midnights in UTC."""
    if any(not isinstance(each, types.StartDateConstraint) for each in constraints):
        raise UnreadableInput("prices by the time of day", _path(offer), "give the instant: at=…")
    days = {each.start_date for each in constraints}
    return [EVER, *sorted(datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days)]


def _only(variant: str, variants: Variants) -> Variants:
    return {STANDARD: variants[variant]} if variant in variants else {}


def _variants(offer: Offer, at: datetime) -> Variants:
    """The cells that hold at an instant; a variant that did not start is none."""
    info = offer.model
    found = {STANDARD: _cells(offer, info.get_prices(at))}
    conditions = dict[str, dict[str, str]]()
    for each in (info.price_variants or ()) if offer.own else ():
        if each.constraint is None or each.constraint.active(at):
            name = "+".join(each.when.values())
            if conditions.setdefault(name, each.when) != each.when or len(each.when) != 1:
                raise UnreadableInput("a variant that one label does not tell", name, "price it by hand")
            found[name] = _cells(offer, info.get_prices(at, each.when))
    return found


def _cells(offer: Offer, price: types.ModelPrice) -> dict[Meter, Steps]:
    """What a set of prices charges by meter; none where it holds no price at all."""
    found = dict[Meter, Steps]()
    for key, value in vars(price).items():
        if value is not None and not key.startswith("_"):
            meter, per = _counted(key)
            steps = _steps(value, per)
            if found.setdefault(meter, steps) != steps:
                raise UnreadableInput(
                    "two prices of one meter", f"{meter} of {_path(offer)}", "price it by hand"
                )
    free = (name for family, names in UNCHARGED.items() if family in offer.model.id for name in names)
    return {**{Meter(name): Steps(PerUnit(0)) for name in free}, **found} if found else {}


def _counted(price_key: str) -> tuple[Meter, int]:
    """The meter that a key of prices is about, and the units that its price covers."""
    if price_key not in UNITS:
        raise UnreadableInput("a price of an unknown unit", price_key, "price it by a schedule of your own")
    key, unit = UNITS[price_key]
    return meter_of(key, unit["dimensions"]), unit["per"]


def _steps(value: Any, per: int) -> Steps:
    """A tier holds for the whole request, strictly above its start; the last that applies wins."""
    if not isinstance(value, types.TieredPrices):
        return Steps(PerUnit(value, per))
    above = [(int(tier.start), PerUnit(tier.price, per)) for tier in value.tiers]
    return Steps(PerUnit(value.base, per), tuple(sorted(above, key=lambda step: step[0])))


def _labelled(converted: list[tuple[Offer, Dated]]) -> list[tuple[Dated, dict[str, str]]]:
    """Models with the labels that tell them apart: the provider where two offer one of that name."""
    times = Counter(offer.label for offer, _ in converted)
    return [
        (dated, {"model": offer.label, **({"provider": offer.provider} if times[offer.label] > 1 else {})})
        for offer, dated in converted
    ]
