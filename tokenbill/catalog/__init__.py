"""Catalogues: schedules out of the prices that others collect, each meter at its own rate.

tokenbill ships no prices. ``schedule`` reads those of the package genai-prices; ``from_price_map`` those of
a mapping in the form of litellm's, ``from_ratios``, ``from_models_dev`` and ``from_openrouter`` those of
other lists, which need no package. ``request`` readies the usage of one request for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, overload

from tokenbill.catalog.asking import instant, near
from tokenbill.catalog.cells import Dated, price_versions
from tokenbill.catalog.genai import INSTALLED, Offer, dated_prices
from tokenbill.catalog.other_lists import from_models_dev, from_openrouter, from_ratios
from tokenbill.catalog.price_maps import from_price_map, refused_in_price_map
from tokenbill.catalog.reconciliation import Difference, Reconciliation, reconcile
from tokenbill.catalog.requests import by_version, request, thresholds
from tokenbill.core.base.inputs import listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.pricing.source import Hours, Source
from tokenbill.errors import MissingExtra, TokenbillError, UnreadableInput

if TYPE_CHECKING or INSTALLED:
    from genai_prices import __version__ as release
    from genai_prices import data_snapshot, types

__all__ = [
    "Difference",
    "Hours",
    "Reconciliation",
    "Source",
    "by_version",
    "from_models_dev",
    "from_openrouter",
    "from_price_map",
    "from_ratios",
    "models",
    "reconcile",
    "refused",
    "refused_in_price_map",
    "request",
    "schedule",
    "thresholds",
]


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
        at: The instant whose prices hold: an aware datetime, its RFC 3339 text, or a date for its midnight
            in UTC. Without it, prices that changed on some date give a ``PriceBook`` of instants, and
            off-peak ones have the label ``variant=off_peak``.
        variant: The prices of one variant only, such as ``"batch"``, without a label. By default
            each variant is priced by the label ``variant=``, next to the standard.
        snapshot: A ``DataSnapshot`` of genai-prices; by default the one it uses itself.

    Returns:
        A schedule in USD, or a book of them; its name says which release of genai-prices it is from, its
        ``content_hash`` which prices they are, and its ``source.comments`` what the package says of them.
        Ready each request for it by ``request``, before usage is summed: it counts the fee of a request,
        and labels what depends on its length or its hour.

    Raises:
        UnreadableInput: For a model, provider or variant that is unknown at that instant, for a name that
            several providers use, and for prices that no meter counts.
        InvalidPeriod: If *at* is no instant and no date.
        MissingExtra: If genai-prices is not installed.

    Source: docs/how-to/prices-from-a-catalog.md
    """
    shot, when = _snapshot(snapshot), instant(at)
    name = _name(shot, own=snapshot is not None)
    variant = None if variant is None else checked_name(variant, what="variant", empty=True)
    offers = _offers(model, provider, shot)
    converted, untied = list[tuple[Offer, Dated]](), set[frozenset[Meter]]()
    for offer in offers:
        try:
            converted.append((offer, dated_prices(offer, when, variant, untied)))
        except TokenbillError:
            if model is not None:
                raise
    if not converted:
        raise UnreadableInput("no model that can be converted", provider, "refused() says why")
    if isinstance(model, str):
        return price_versions([(dated, {}) for _, dated in converted], f"{name}: {offers[0].path}")
    # two providers may offer one model, at prices of their own
    times = Counter(offer.label for offer, _ in converted)
    named = [
        (offer, {"provider": offer.provider.id} if times[offer.label] > 1 else {}) for offer, _ in converted
    ]
    labels = [{"model": offer.label, **more} for offer, more in named]
    return price_versions([(dated, told) for (_, dated), told in zip(converted, labels, strict=True)], name)


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
        InvalidPeriod: If *at* is no instant and no date.
        MissingExtra: If genai-prices is not installed.
    """
    # converted one by one and not as a list, so that one bad model hides no other
    when, reasons, untied = instant(at), dict[str, str](), set[frozenset[Meter]]()
    for offer in _offers(None, provider, _snapshot(snapshot)):
        try:
            dated_prices(offer, when, variant, untied)
        except TokenbillError as error:
            reasons[offer.path] = str(error)
    return reasons


def models(
    provider: str | None = None, *, snapshot: data_snapshot.DataSnapshot | None = None
) -> tuple[str, ...]:
    """The ids of the models of a provider, or of all, as ``schedule`` takes them; sorted.

    Args:
        provider: Its id, or None for all.
        snapshot: As of ``schedule``.

    Raises:
        UnreadableInput: For a provider that is unknown.
        MissingExtra: If genai-prices is not installed.

    >>> "gpt-4o" in models("openai")
    True
    """
    return tuple(sorted({offer.model.id for offer in _offers(None, provider, _snapshot(snapshot))}))


def _snapshot(given: data_snapshot.DataSnapshot | None) -> data_snapshot.DataSnapshot:
    if not INSTALLED:
        raise MissingExtra("genai-prices", "genai-prices")
    found = data_snapshot.get_snapshot() if given is None else given
    if not isinstance(found, data_snapshot.DataSnapshot):
        raise UnreadableInput("not a snapshot", found, "give a DataSnapshot of genai-prices")
    return found


def _name(shot: data_snapshot.DataSnapshot, *, own: bool) -> str:
    """What the prices are called: the release, unless a snapshot took the place of its prices."""
    # prices that were fetched meanwhile are not those of the release, and the name is all an auditor has
    if shot.from_auto_update:
        return f"genai-prices, updated {shot.timestamp.date().isoformat()}"
    return "a snapshot for genai-prices" if own else f"genai-prices {release}"


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
    return [Offer(each, info, info.id) for each in chosen for info in each.models]


def _provider(given: object, shot: data_snapshot.DataSnapshot) -> types.Provider:
    found = data_snapshot.find_provider_by_id(shot.providers, checked_name(given, what="provider"))
    if found is None:
        way_out = near(str(given), (each.id for each in shot.providers), "an id of genai-prices")
        raise UnreadableInput("an unknown provider", given, way_out)
    return found


def _found(given: object, provider: str | None, shot: data_snapshot.DataSnapshot) -> Offer:
    """The offer of a model by name: of its provider, else of its maker, else of the only one who has it."""
    ref = checked_name(given, what="model")
    if provider is not None:
        home: types.Provider | None = _provider(provider, shot)
    else:  # who genai-prices takes for its maker
        matching = (
            each for each in shot.providers if each.model_match and each.model_match.is_match(ref.lower())
        )
        home = next(matching, None)
    offer = None if home is None else _offered(ref, home, shot)
    if offer is not None:
        return offer
    # a name that no maker claims may still be the id of some other provider's model
    every = shot.providers if provider is None else []
    others = [each for each in every if any(info.id == ref for info in each.models)]
    if len(others) > 1:
        names = ", ".join(each.id for each in others)
        raise UnreadableInput("a model of several providers", ref, f"give one of {names}")
    offer = _offered(ref, others[0], shot) if others else None
    if offer is None:
        homes = shot.providers if home is None or provider is None else [home]
        known = dict.fromkeys(info.id for each in homes for info in each.models)
        way_out = near(ref, known, "an id of genai-prices, and its provider")
        raise UnreadableInput("an unknown model", ref, way_out)
    return offer


def _offered(ref: str, provider: types.Provider, shot: data_snapshot.DataSnapshot) -> Offer | None:
    # by its id first: not every id is matched by the model's own rule
    info = next((each for each in provider.models if each.id == ref), None)
    info = info or provider.find_model(ref, all_providers=shot.providers)
    if info is None:
        return None
    return Offer(provider, info, ref, own=any(info is each for each in provider.models))
