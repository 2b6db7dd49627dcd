"""Histories: what is compared, named: usages by tenant and month, and plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from attrs import evolve, fields

from tokenbill.core.base.inputs import is_mapping, listed_of, name, pairs_of
from tokenbill.core.metering.usage import Usage
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import CurrencyMismatch, InvalidPlan, InvalidUsage

__all__ = ["Case", "History", "Named", "Plans", "cases", "changed", "named"]

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
    found = [(None if title is None else name(title), _checked(plan)) for title, plan in pairs]
    for _, plan in found:
        if plan.currency != found[0][1].currency:
            raise CurrencyMismatch(found[0][1].currency, plan.currency)
    known = Counter(plan.name for _, plan in found)
    return [
        (title or (plan.name if plan.name and known[plan.name] == 1 else f"{plan.name or 'plan'} {i}"), plan)
        for i, (title, plan) in enumerate(found, 1)
    ]


def _checked(value: Any) -> BillingPlan:
    if not isinstance(value, BillingPlan):
        raise InvalidPlan("no plan", value, "give one: BillingPlan.on_demand(prices)")
    return value


def changed(plan: Any, terms: Mapping[str, Any]) -> BillingPlan:
    """A plan with other terms.

    Raises:
        InvalidPlan: If it is none, or a name is that of no term.
    """
    known = [term.alias or term.name for term in fields(BillingPlan) if term.init]
    for term in terms:
        if term not in known:
            near = get_close_matches(term[:100], known, n=3)
            way_out = f"did you mean {' or '.join(near)}?" if near else f"the terms are {', '.join(known)}"
            raise InvalidPlan("no term of a plan", term, way_out)
    return evolve(_checked(plan), **terms)


def cases(usage: Any, case: Case = ()) -> Iterator[tuple[Case, Usage]]:
    """Every usage of a history, or of tenants, with where it was found; an empty sequence has none.

    Raises:
        InvalidUsage: If it is none.

    >>> list(cases({"red": [Usage(calls=1), Usage(calls=2)], "blue": {"calls": 3}}))
    [(('red', 1), Usage({'calls': 1})), (('red', 2), Usage({'calls': 2})), (('blue',), Usage({'calls': 3}))]
    """
    parts = _parts(usage)
    if parts is None:
        yield case, usage if isinstance(usage, Usage) else Usage(usage)
        return
    if len(case) == DEPTH:
        raise InvalidUsage("usage nested too deep", usage, "give tenants, and months of each, no more")
    for key, part in parts:
        yield from cases(part, (*case, key))


def _parts(usage: Any) -> list[tuple[Any, Any]] | None:
    """What a history or a set of tenants is made of; None where it is one usage."""
    if isinstance(usage, Usage):
        return None
    if is_mapping(usage):
        pairs = pairs_of(usage) or None  # an empty mapping is a usage of nothing
    else:
        months = listed_of(usage)
        pairs = None if months is None else list(enumerate(months, 1))
    whole = pairs is None or not all(is_mapping(part) or isinstance(part, list | tuple) for _, part in pairs)
    return None if whole else pairs
