"""Causes: errors that are often made when tokens are billed, as what they would make of a usage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Final, NamedTuple, Protocol

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.pricing.schedule import PriceSchedule

__all__ = ["Cause", "causes_of"]

CONDITIONS: Final = ("variant", "context", "geo", "ttl")
"""Labels under which the same tokens cost otherwise."""


class Cause(NamedTuple):
    """An error: its *name*, the *part* of a difference that it makes, and the *amount* that it comes to."""

    name: str
    part: str
    amount: Fraction


class Rated(Protocol):
    """What all usage costs after a change of each row, or None where there is no price for it."""

    def __call__(
        self, change: Callable[[Usage], Usage], schedule: PriceSchedule | None = None, /
    ) -> Fraction | None:
        """The amount."""
        ...


def causes_of(
    usages: Iterable[Usage],
    known: Iterable[tuple[str, str]],
    rated: Rated,
    versions: Iterable[tuple[str, PriceSchedule]],
) -> Iterator[Cause]:
    """Each error with what it comes to.

    Args:
        usages: The usage of each row.
        known: The labels that the price list knows, and their values.
        rated: What usage costs.
        versions: Versions of the prices by their start.
    """
    labels = {pair for usage in usages for meter in usage for pair in meter.labels.items()}
    changes = dict[str, tuple[str, Callable[[Usage], Usage]]]()
    if any(label == "cache" for label, _ in labels):
        # some providers count cached tokens within the input, some beside it: both errors are common
        changes["cached input counted as fresh one too"] = ("quantity", cached_twice)
        if {("cache", "read"), ("cache", "write")} <= labels:
            changes["cached reads counted as fresh input too"] = (
                "quantity",
                partial(cached_twice, only="read"),
            )
        changes["cached input at the full price"] = ("price", uncached)
        changes["cached input left out"] = ("quantity", partial(without, label="cache", value=None))
    if ("kind", "reasoning") in labels:
        changes["reasoning left out"] = ("quantity", partial(without, label="kind", value="reasoning"))
        changes["reasoning counted twice"] = ("quantity", reasoning_twice)
    for label, value in sorted({pair for pair in {*known, *labels} if pair[0] in CONDITIONS}):
        if (label, value) in labels:
            dropped = partial(relabelled, label=label, value=None)
            changes[f"the standard price in place of {label}={value}"] = ("price", dropped)
        changes[f"the price of {label}={value}"] = ("price", partial(relabelled, label=label, value=value))
    # a day imported twice is the commonest error of all, and looks like a price that doubled
    changes["counted twice"] = ("doubled", lambda usage: usage * 2)
    for name, (part, change) in changes.items():
        amount = rated(change)
        if amount is not None:
            yield Cause(name, part, amount)
    # an invoice may follow a list that changed later, or earlier, than ours
    for start, schedule in versions:
        amount = rated(lambda usage: usage, schedule)
        if amount is not None:
            yield Cause(f"the price version of {start}", "price", amount)


def labelled(meter: Meter, label: str, value: str | None) -> Meter:
    """A meter with another value of a label, or without the label."""
    others = {key: told for key, told in meter.labels.items() if key != label}
    return Meter(meter.name, others if value is None else {**others, label: value})


def cached_twice(usage: Usage, only: str | None = None) -> Usage:
    """Cached input counted within the fresh input as well as beside it; *only* reads, or only writes."""
    return usage + Usage(
        (labelled(labelled(meter, "cache", None), "ttl", None), quantity)
        for meter, quantity in usage.items()
        if meter.labels.get("cache") in ((only,) if only else ("read", "write"))
    )


def uncached(usage: Usage) -> Usage:
    """All input at the fresh price, whatever came out of a cache."""
    return Usage(
        (labelled(labelled(meter, "cache", None), "ttl", None), quantity) for meter, quantity in usage.items()
    )


def without(usage: Usage, label: str, value: str | None) -> Usage:
    """Usage without the part that has a label, or this value of it."""

    def is_kept(meter: Meter, _: Decimal) -> bool:
        return label not in meter.labels or (value is not None and meter.labels[label] != value)

    return Usage([pair for pair in usage.items() if is_kept(*pair)])


def reasoning_twice(usage: Usage) -> Usage:
    """Reasoning added to an output that holds it already."""
    return usage + Usage(
        (labelled(meter, "kind", None), quantity)
        for meter, quantity in usage.items()
        if meter.labels.get("kind") == "reasoning"
    )


def relabelled(usage: Usage, label: str, value: str | None) -> Usage:
    """Tokens under another value of a label, or without it."""
    found = list[tuple[Meter, Decimal]]()
    for meter, quantity in usage.items():
        # a lifetime is one of what is written to a cache; searches cost the same in every variant
        concerns = label != "ttl" or meter.labels.get("cache") == "write"
        is_tokens = meter.name.endswith("_tokens")
        found.append((labelled(meter, label, value) if is_tokens and concerns else meter, quantity))
    return Usage(found)
