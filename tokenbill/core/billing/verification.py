"""Verification: a bill worked out again, by fractions and the `amount` of each price."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from tokenbill.core.billing.bill_lines import bill_lines
from tokenbill.core.rating.bill_delta import delta_of
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.version_terms import terms_of_plan
from tokenbill.errors import BillMismatch

__all__ = ["verify"]

FIGURES = ("kind", "meter", "quantity", "rate", "per", "way to round", "fee", "amount", "exact amount")
"""What ``LineItem.figures`` are, in their order."""


def verify(bill: Any) -> None:
    """Compare a bill with itself, computed the long way."""
    versions = bill.request.versions
    if versions is None:
        long_way = CompiledPlan(bill.plan, exactly=True, versions=[terms_of_plan(bill.plan, bill.period)])
    else:
        long_way = CompiledPlan(versions.plan.plan, versions=versions.plan.versions, exactly=True)
        past = CompiledPlan(versions.past.plan, versions=versions.past.versions, exactly=True)
        versions = versions._replace(plan=long_way, past=past)
    opening: Any = evolve(bill.opening)
    request = bill.request._replace(opening=opening, versions=versions)
    delta = delta_of(request, long_way, refusing=False)
    fresh = type(bill)(request, delta.total)
    fresh.cache["delta"] = delta
    lines = bill_lines(request, long_way, fresh.total, lambda: delta)
    for line, again in zip(bill.lines, lines, strict=False):
        if line.amount != again.amount:
            raise BillMismatch(line.description, line.amount, again.amount)
        # Lines of one amount may differ in what led to it, where the two amounts would explain nothing.
        for what, figure, computed in zip(FIGURES, line.figures, again.figures, strict=True):
            if figure != computed:
                raise BillMismatch(f"{line.description}, its {what}", figure, computed)
    for name in ("total", "due", "draws"):
        if getattr(bill, name) != getattr(fresh, name):
            raise BillMismatch(f"the bill's {name}", getattr(bill, name), getattr(fresh, name))
    if not bill.closing.agrees_with(fresh.closing):
        raise BillMismatch("the bill's closing", bill.closing, fresh.closing)
    if len(lines) != len(bill.lines):
        raise BillMismatch("the number of lines", len(bill.lines), len(lines))
