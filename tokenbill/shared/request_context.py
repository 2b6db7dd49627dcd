"""Context of a request: the label that says which threshold its input passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO

__all__ = ["bracketed"]


def bracketed(
    request: Usage,
    by: Iterable[Meter],
    over: Sequence[Decimal],
    *,
    label: str = "context",
    inclusive: bool = False,
) -> Usage:
    """One request's usage, labelled with the highest of the thresholds *over* that the meters *by* passed.

    >>> bracketed(
    ...     Usage(input_tokens=300), [Meter("input_tokens")], [Decimal(100), Decimal(200)]
    ... )
    Usage({'input_tokens{context=200}': 300})
    """
    total, patterns = ZERO, list(by)
    for meter, quantity in request.items():
        if any(pattern.includes(meter) for pattern in patterns):
            total = EXACT.add(total, quantity)
    passed = [limit for limit in over if limit < total or (inclusive and limit == total)]
    if not passed:
        return request
    step = {label: shortest(max(passed))}
    return Usage([(Meter(meter, step), quantity) for meter, quantity in request.counted.items()])
