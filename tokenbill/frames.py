"""Frames: bills and amounts for the rows of a data frame, on its own engine, to the scalar path's digits."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, TypeVar

from tokenbill.errors import InvalidPlan, UnreadableInput
from tokenbill.layouts import Asked, texts
from tokenbill.periods import Period
from tokenbill.plan import BillingPlan

__all__ = ["rate", "rate_rows"]

Frame = TypeVar("Frame")

ENGINES = {
    "pandas": "tokenbill._frames_pandas",
    "pyarrow": "tokenbill._frames_arrow",
    "polars": "tokenbill._frames_polars",
}
"""The back end for frames of each package, imported when the first of them comes."""


def rate(
    data: Frame,
    plan: BillingPlan,
    by: str | Iterable[str] = (),
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
    period: Period | None = None,
) -> Frame:
    """The bills of a frame's usage: one for each group of *by*, line by line."""
    return _back_end(data).rate(data, _asked(plan, by, meter, quantity, labels, meters, period))  # type: ignore[no-any-return]


def rate_rows(
    data: Frame,
    plan: BillingPlan,
    *,
    meter: str = "meter",
    quantity: str = "quantity",
    labels: str | Iterable[str] = (),
    meters: Iterable[str] | None = None,
) -> Frame:
    """The frame with one more column, ``amount``: what each row costs at the plan's prices, from zero."""
    return _back_end(data).rate_rows(data, _asked(plan, (), meter, quantity, labels, meters, None))  # type: ignore[no-any-return]


def _back_end(data: object) -> Any:
    for kind in type(data).__mro__:
        name = ENGINES.get(kind.__module__.partition(".")[0])
        if name is not None:
            return import_module(name)
    raise UnreadableInput("no data frame", type(data).__name__, f"give one of {', '.join(ENGINES)}")


def _asked(
    plan: Any, by: object, meter: str, quantity: str, labels: object, meters: object, period: Any
) -> Asked:
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("no plan", plan, "give BillingPlan.on_demand(prices), or another")
    named = None if meters is None else texts(meters, "meters")
    return Asked(plan, texts(by, "by"), meter, quantity, texts(labels, "labels"), named, period)
