"""Usage histories: usages by tenant and month, and the plans that they are billed on, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from attrs import evolve, fields

from tokenbill.core.base.inputs import is_mapping, listed_of, name, pairs_of
from tokenbill.core.billing.dated import is_dated
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import CurrencyMismatch, InvalidPlan, InvalidUsage

__all__ = [
    "NamedPlans",
    "Plans",
    "Scenario",
    "Terms",
    "UsageHistory",
    "first_plan",
    "named_plans",
    "scenarios",
    "with_terms",
]

DEPTH = 2
"""Tenants, and months of each."""
MOST = 10_000
"""Most plans of one comparison."""

Scenario: TypeAlias = "tuple[Any, ...]"
"""Which usage a bill is of: its tenant, its month, both, or nothing for a usage alone."""

Dated: TypeAlias = "Mapping[Any, Usage]"
"""Usage by date or instant."""

UsageHistory: TypeAlias = "Usage | Mapping[Any, Any] | Sequence[Usage | Mapping[Any, Any]]"
"""One usage, a sequence of them, or a mapping to them from periods, months or tenants."""

Terms: TypeAlias = "BillingPlan | Contract"

Plans: TypeAlias = "Mapping[str, Terms] | Iterable[Terms]"
"""Plans or contracts by the names that the answer calls them, or alone, called by their own."""

NamedPlans: TypeAlias = "Sequence[tuple[str, Terms]]"


def named_plans(plans: Any) -> NamedPlans:
    """Plans of one currency, each by its key, or else by its own name where it is the only one of it.

    A contract has the name and the currency of its first plan.

    Raises:
        CurrencyMismatch: If they are in different currencies.
        InvalidPlan: If there are none, too many, or one is not a plan.
    """
    pairs = pairs_of(plans) if is_mapping(plans) else [(None, plan) for plan in listed_of(plans) or ()]
    if not pairs or len(pairs) > MOST:
        raise InvalidPlan("not plans to compare", plans, 'give a list of plans, or a mapping: {"pro": plan}')
    offers = [(None if key is None else name(key), _checked(plan)) for key, plan in pairs]
    firsts = [first_plan(plan) for _, plan in offers]
    for plan in firsts:
        if plan.currency != firsts[0].currency:
            raise CurrencyMismatch(firsts[0].currency, plan.currency)
    # Two plans of one name would be one line of a ranking: their places tell them apart.
    times = Counter(plan.name for plan in firsts)
    own = [
        plan.name if plan.name and times[plan.name] == 1 else f"{plan.name or 'plan'} {i}"
        for i, plan in enumerate(firsts, 1)
    ]
    return [(key or name, plan) for (key, plan), name in zip(offers, own, strict=True)]


def first_plan(terms: Terms) -> BillingPlan:
    """A plan, or the plan that a contract begins with: currency and unit are those of all its versions."""
    return terms.plan if isinstance(terms, Contract) else terms


def with_terms(plan: Any, terms: Mapping[str, Any]) -> Terms:
    """A plan with other terms, or a contract with them in each of its plans.

    Raises:
        InvalidPlan: If it is not a plan, or a name is not that of a term.
    """
    known = [term.alias or term.name for term in fields(BillingPlan) if term.init]
    for term in terms:
        if term not in known:
            near = get_close_matches(term[:100], known, n=3)
            way_out = f"did you mean {' or '.join(near)}?" if near else f"the terms are {', '.join(known)}"
            raise InvalidPlan("not a term of a plan", term, way_out)
    checked = _checked(plan)
    if isinstance(checked, BillingPlan):
        return evolve(checked, **terms)
    amendments = [evolve(each, plan=evolve(each.plan, **terms)) for each in checked.amendments]
    return evolve(checked, plan=evolve(checked.plan, **terms), amendments=amendments)


def _checked(value: Any) -> Terms:
    if not isinstance(value, BillingPlan | Contract):
        raise InvalidPlan("not a plan", value, "give one: BillingPlan.on_demand(prices)")
    return value


def scenarios(usage: Any, within: Scenario = ()) -> Iterator[tuple[Scenario, Usage | Dated]]:
    """Every usage of a history, or of tenants, with its tenant and month; an empty sequence has none.

    Under a ``Period`` usages by date are one, of a period whose terms change.

    Raises:
        InvalidUsage: If it is not usage.

    >>> list(scenarios({"red": [Usage(calls=1), Usage(calls=2)], "blue": {"calls": 3}}))
    [(('red', 1), Usage({'calls': 1})), (('red', 2), Usage({'calls': 2})), (('blue',), Usage({'calls': 3}))]
    """
    parts: list[tuple[Any, Any]] | None = None
    if is_mapping(usage) and not isinstance(usage, Usage):
        parts = pairs_of(usage) or None  # an empty mapping is a usage of nothing
    elif not isinstance(usage, Usage):
        months = listed_of(usage)
        parts = None if months is None else list(enumerate(months, 1))
    if within and isinstance(within[-1], Period) and is_dated(usage):
        yield within, usage
        return
    # Pairs of meter and quantity are one usage, as are mappings to numbers; only what holds usages is more.
    if parts is None or not all(is_mapping(part) or isinstance(part, list | tuple) for _, part in parts):
        yield within, usage if isinstance(usage, Usage) else Usage(usage)
        return
    if len(within) == DEPTH:
        raise InvalidUsage("usage nested too deep", usage, "give tenants, and months of each, no more")
    for key, part in parts:
        yield from scenarios(part, (*within, key))
