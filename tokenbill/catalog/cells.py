"""Cells: what one model costs by meter, length of context and variant, laid out as entries of a schedule.

Catalogues price a model by several things at once, and give a price only where it differs.
A schedule finds a price by labels, and refuses two entries of which neither contains the other.
So wherever one of these things changes a price, every combination gets an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations, product
from typing import NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule

__all__ = ["STANDARD", "Cells", "Dated", "Steps", "Variants", "closed", "editions", "entries", "starts"]

STANDARD = ""
"""The variant that usage has which names none."""


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
"""Prices by meter; the meters have no labels for context, variant and model."""
Variants: TypeAlias = "Mapping[str, Cells]"
"""The cells of one model: those of ``STANDARD``, and in full those of each variant."""
Dated: TypeAlias = "Mapping[datetime, Variants]"
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
    contexts: list[int | None] = [None, *(sorted(thresholds) if starts(variants) else ())]
    names = dict.fromkeys(meter.name for cells in variants.values() for meter in cells)
    return {
        Meter(meter, more): price
        for name in names
        for meter, more, price in _combined(_of_name(name, variants), contexts, labels)
    }


def editions(models: Sequence[tuple[Dated, Mapping[str, str]]], name: str) -> PriceSchedule | PriceBook:
    """One schedule of all models; a book of them where a price may change at some instant.

    Args:
        models: What each costs, and the labels that tell it from others.
        name: What people call the schedules.
    """
    limits = {start for dated, _ in models for variants in dated.values() for start in starts(variants)}
    laid = [
        {start: entries(variants, thresholds=limits, labels=labels) for start, variants in dated.items()}
        for dated, labels in models
    ]
    cuts = sorted({start for each in laid for start in each})
    schedules = [(cut, PriceSchedule(_holding(laid, cut), name=name)) for cut in cuts]
    return PriceBook(schedules) if len(schedules) > 1 else schedules[0][1]


def _holding(laid: Iterable[Mapping[datetime, dict[Meter, PerUnit]]], at: datetime) -> dict[Meter, PerUnit]:
    """The entries of all models at an instant: of each those that began last."""
    latest = (each[max(start for start in each if start <= at)] for each in laid)
    return {meter: price for prices in latest for meter, price in prices.items()}


def _of_name(name: str, variants: Variants) -> dict[str, Cells]:
    return {
        variant: {meter: steps for meter, steps in cells.items() if meter.name == name}
        for variant, cells in variants.items()
    }


def _combined(
    variants: Variants, contexts: list[int | None], labels: Mapping[str, str]
) -> Iterator[tuple[Meter, dict[str, str], PerUnit]]:
    """Meters of one name in every variant and context that changes one of their prices."""
    prices = {
        (variant, context): {meter: steps.at(context) for meter, steps in cells.items()}
        for (variant, cells), context in product(variants.items(), contexts)
    }
    own = [v for v in variants if any(prices[v, c] != prices[STANDARD, c] for c in contexts)]
    long = [c for c in contexts if any(prices[v, c] != prices[v, None] for v in variants)]
    for variant, context in product([STANDARD, *own], [None, *long]):
        more = {"context": "" if context is None else str(context), "variant": variant, **labels}
        for meter, price in prices[variant, context].items():
            yield meter, {label: value for label, value in more.items() if value}, price


def closed(cells: Cells) -> dict[Meter, Steps]:
    """*cells*, and a cell for each two that one token may belong to: there the modality yields.

    >>> audio, cached = Meter("input_tokens{modality=audio}"), Meter("input_tokens{cache=read}")
    >>> both = closed({audio: Steps(PerUnit(8)), cached: Steps(PerUnit(1))})
    >>> both[Meter("input_tokens{cache=read,modality=audio}")].base == PerUnit(1)
    True
    """
    found = dict(cells)
    for one, other in combinations(sorted(cells, key=_has_modality), 2):
        agree = all(other.labels.get(label, value) == value for label, value in one.labels.items())
        if one.name == other.name and agree:
            found.setdefault(Meter(one.name, {**one.labels, **other.labels}), cells[one])
    return found


def _has_modality(meter: Meter) -> bool:
    return "modality" in meter.labels
