"""Cells: what one model costs by meter, length of context and variant, laid out as entries of a schedule.

Catalogues price a model by several things at once, and give a price only where it differs.
A schedule finds a price by labels, and refuses two entries of which neither contains the other.
So wherever one of these things changes a price, every combination gets an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import combinations, product
from typing import NamedTuple, TypeAlias

from attrs import evolve

from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.core.pricing.source import Hours, Source

__all__ = [
    "STANDARD",
    "Cells",
    "Condition",
    "Dated",
    "ModelPrices",
    "Steps",
    "Variants",
    "closed",
    "price_versions",
    "entries",
    "schedule_of",
    "starts",
]

Condition: TypeAlias = "tuple[tuple[str, str], ...]"
"""Labels that tell how a request was served, sorted: its variant, where it was answered."""
STANDARD: Condition = ()
"""That of usage which says nothing of the kind."""


class Steps(NamedTuple):
    """The price of a meter by the total input of a request: *base*, and what holds above each threshold.

    >>> short, long = PerUnit(3), PerUnit(6)
    >>> Steps(short, ((200_000, long),)).at(272_000) == long
    True
    """

    base: PerUnit
    above: tuple[tuple[int, PerUnit], ...] = ()

    def at(self, context: int | None) -> PerUnit:
        """The price of a request that passed the threshold *context*, or none."""
        passed = [price for start, price in self.above if context is not None and start <= context]
        return passed[-1] if passed else self.base


Cells: TypeAlias = "Mapping[Meter, Steps]"
"""Prices by meter; the meters have no labels for context, condition and model."""
Variants: TypeAlias = "Mapping[Condition, Cells]"
"""The cells of one model: those of ``STANDARD``, and in full those of each other condition."""
Dated: TypeAlias = "Mapping[datetime, ModelPrices]"
"""What one model costs by the instant from which it does; without cells there is no price."""


def starts(variants: Variants) -> set[int]:
    """Every threshold at which a price of the model changes."""
    return {start for cells in variants.values() for steps in cells.values() for start, _ in steps.above}


def entries(
    variants: Variants, *, thresholds: Iterable[int], labels: Mapping[str, str]
) -> dict[Meter, PerUnit]:
    """The entries of one model.

    Args:
        variants: Its cells by variant.
        thresholds: All that requests are bracketed by, of this model or of others beside it.
        labels: What tells the model from others, if anything has to.

    >>> cells = {Meter("input_tokens"): Steps(PerUnit(3), ((200_000, PerUnit(6)),))}
    >>> for key in entries({STANDARD: cells}, thresholds=[200_000], labels={"model": "m"}):
    ...     print(key)
    input_tokens{model=m}
    input_tokens{context=200000,model=m}
    """
    long = starts(variants)
    if not long and len(variants) == 1:  # as most models are: one price for each meter
        cells = variants[STANDARD]
        return {Meter(meter, {**labels}) if labels else meter: steps.base for meter, steps in cells.items()}
    contexts: list[int | None] = [None, *(sorted(thresholds) if long else ())]
    names = dict.fromkeys(meter.name for cells in variants.values() for meter in cells)
    found = dict[Meter, PerUnit]()
    for name in names:
        of_name = {
            condition: {meter: steps for meter, steps in cells.items() if meter.name == name}
            for condition, cells in variants.items()
        }
        found |= {Meter(meter, more): price for meter, more, price in _combined(of_name, contexts, labels)}
    return found


class ModelPrices(NamedTuple):
    """What one model costs: its cells by condition, its off-peak hours, and what the list adds in words."""

    variants: Variants
    hours: tuple[Hours, ...] = ()
    comments: tuple[str, ...] = ()


Labelled: TypeAlias = "tuple[ModelPrices, Mapping[str, str]]"
"""What a model costs, and the labels that tell it from others."""


def schedule_of(models: Sequence[Labelled], name: str, currency: Currency | str = "USD") -> PriceSchedule:
    """One schedule of all models, with its source.

    Args:
        models: What each costs, and the labels that tell it from others.
        name: What people call the schedule.
        currency: What the prices are in.
    """
    limits = {start for prices, _ in models for start in starts(prices.variants)}
    laid = dict[Meter, PerUnit]()
    comments, hours = list[str](), list[Hours]()
    # Each model is laid out at the thresholds of all: a request is bracketed before its model is looked up.
    for prices, labels in models:
        laid.update(entries(prices.variants, thresholds=limits, labels=labels))
        comments.extend(prices.comments)
        hours.extend(evolve(each, **labels) for each in prices.hours)
    source = Source(comments=comments, hours=hours)
    return PriceSchedule(laid, name=name, currency=currency, source=source)


def price_versions(models: Sequence[tuple[Dated, Mapping[str, str]]], name: str) -> PriceSchedule | PriceBook:
    """One schedule of all models; a book of them where a price may change at some instant.

    Args:
        models: What each costs, and the labels that tell it from others.
        name: What people call the schedules.
    """
    cuts = sorted({start for dated, _ in models for start in dated})

    def since(cut: datetime) -> PriceSchedule:
        # of each model the prices that began last: a change of one ends nothing of the others
        held = [(dated[max(start for start in dated if start <= cut)], labels) for dated, labels in models]
        return schedule_of(held, name)

    made = [partial(since, cut) for cut in cuts]
    # of the many schedules of all models few are asked for, so each is made when it is
    return PriceBook(zip(cuts, made, strict=True)) if len(cuts) > 1 else made[0]()


def _combined(
    variants: Variants, contexts: list[int | None], labels: Mapping[str, str]
) -> Iterator[tuple[Meter, dict[str, str], PerUnit]]:
    """Meters of one name in every condition and context that changes one of their prices.

    Tokens keep an entry for each condition that the list names, for one that it does not name is refused.
    """
    prices = {
        (condition, context): {meter: steps.at(context) for meter, steps in cells.items()}
        for (condition, cells), context in product(variants.items(), contexts)
    }
    # entries of one name are closed under both labels, so that no two of them tie
    own = [c for c in variants if any(prices[c, at] != prices[STANDARD, at] for at in contexts)]
    if any(meter.name.endswith("_tokens") for meter in variants[STANDARD]):
        own = [condition for condition in variants if condition != STANDARD]
    long = [at for at in contexts if any(prices[c, at] != prices[c, None] for c in variants)]
    for condition, context in product([STANDARD, *own], [None, *long]):
        more = {} if context is None else {"context": str(context)}
        for meter, price in prices[condition, context].items():
            yield meter, {**more, **dict(condition), **labels}, price


def closed(cells: Cells) -> dict[Meter, Steps]:
    """*cells*, and a cell for each two that one token may belong to: there the modality yields.

    >>> audio, cached = (
    ...     Meter("input_tokens{modality=audio}"),
    ...     Meter("input_tokens{cache=read}"),
    ... )
    >>> both = closed({audio: Steps(PerUnit(8)), cached: Steps(PerUnit(1))})
    >>> both[Meter("input_tokens{cache=read,modality=audio}")].base == PerUnit(1)
    True
    """
    found = dict(cells)
    # Sorted so that the one without a modality comes first: cached audio costs what cached tokens do.
    for one, other in combinations(sorted(cells, key=lambda meter: "modality" in meter.labels), 2):
        agree = all(other.labels.get(label, value) == value for label, value in one.labels.items())
        if one.name == other.name and agree:
            found.setdefault(Meter(one.name, {**one.labels, **other.labels}), cells[one])
    return found
