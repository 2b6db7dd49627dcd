"""Histories: what is compared, named: usages by tenant and month, and plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tokenbill.canonical import is_mapping, listed_of, name, pairs_of
from tokenbill.errors import CurrencyMismatch, InvalidPlan, InvalidUsage
from tokenbill.plan import BillingPlan
from tokenbill.usage import Usage

__all__ = ["Case", "History", "Named", "Plans", "cases", "checked_plan", "named"]

DEPTH = 2
"""Tenants, and months of each."""
MOST = 10_000
"""Most plans of one comparison."""

Case: TypeAlias = "tuple[Any, ...]"
"""Where a usage was found: its tenant, its month, both, or nothing for a usage alone."""

History: TypeAlias = "Usage | Mapping[Any, Any] | Sequence[Usage | Mapping[Any, Any]]"
"""One usage, a sequence of them, or a mapping to them from periods, months or tenants."""

Plans: TypeAlias = "Mapping[str, BillingPlan] | Iterable[BillingPlan]"
"""Plans by the names that the answer calls them, or plans alone, which are called by their own."""

Named: TypeAlias = "Sequence[tuple[str, BillingPlan]]"


def named(plans: Any) -> Named:
    """Plans of one currency, each with the name given, or else its own where it is the only one of it.

    Raises:
        CurrencyMismatch: If they are in different currencies.
        InvalidPlan: If there are none, too many, or one is no plan.
    """
    pairs = pairs_of(plans) if is_mapping(plans) else [(None, plan) for plan in listed_of(plans) or ()]
    if not pairs or len(pairs) > MOST:
        raise InvalidPlan("no plans to compare", plans, 'give a list of plans, or a mapping: {"pro": plan}')
    found = [(None if title is None else name(title), checked_plan(plan)) for title, plan in pairs]
    for _, plan in found:
        if plan.currency != found[0][1].currency:
            raise CurrencyMismatch(found[0][1].currency, plan.currency)
    known = Counter(plan.name for _, plan in found)
    return [
        (title or (plan.name if plan.name and known[plan.name] == 1 else f"{plan.name or 'plan'} {i}"), plan)
        for i, (title, plan) in enumerate(found, 1)
    ]


def checked_plan(value: Any) -> BillingPlan:
    """*value*, if it is a plan."""
    if not isinstance(value, BillingPlan):
        raise InvalidPlan("no plan", value, "give one: BillingPlan.on_demand(prices)")
    return value


def cases(usage: Any, case: Case = ()) -> Iterator[tuple[Case, Usage]]:
    """Every usage of a history, or of tenants, with where it was found.

    Raises:
        InvalidUsage: If it is none.

    >>> list(cases({"red": [Usage(calls=1), Usage(calls=2)], "blue": {"calls": 3}}))
    [(('red', 1), Usage({'calls': 1})), (('red', 2), Usage({'calls': 2})), (('blue',), Usage({'calls': 3}))]
    """
    parts = _parts(usage)
    if not parts:
        yield case, usage if isinstance(usage, Usage) else Usage(usage)
        return
    if len(case) == DEPTH:
        raise InvalidUsage("usage nested too deep", usage, "give tenants, and months of each, no more")
    for key, part in parts:
        yield from cases(part, (*case, key))


def _parts(usage: Any) -> list[tuple[Any, Any]]:
    """What a history or a set of tenants is made of; nothing where it is one usage."""
    if isinstance(usage, Usage):
        return []
    pairs = pairs_of(usage) if is_mapping(usage) else list(enumerate(listed_of(usage) or (), 1))
    whole = pairs is None or not all(is_mapping(part) or isinstance(part, list | tuple) for _, part in pairs)
    return [] if whole else pairs or []
