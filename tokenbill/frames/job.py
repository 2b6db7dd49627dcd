"""Jobs: what a frame is asked for and what its columns mean, told to a back end once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.frames.layouts import VERSION, Layout, Options

if TYPE_CHECKING:
    from tokenbill.frames.column_plan import ColumnPlan

__all__ = ["Backend", "Job", "Report"]

Report: TypeAlias = "Callable[[Job, Any], Any]"
"""What makes an Arrow table of the sums of groups and meters; it is sent to the workers of a cluster."""


class Backend(Protocol):
    """What the frames of one package are billed and rated by."""

    def report(self, data: Any, options: Options, report: Report) -> Any:
        """What *report* makes of the sums of the frame, as a frame of the same package."""

    def rate_rows(self, data: Any, options: Options) -> Any:
        """The frame with the amount of each row."""


class Job(NamedTuple):
    """What is rated: options, the columns by their meaning, and the decimals of those that hold quantities.

    It names no array and no frame, so that it can be sent to the workers of a cluster.
    """

    options: Options
    layout: Layout
    places: Mapping[str, int]

    @classmethod
    def of(cls, options: Options, layout: Layout, places: Mapping[str, int]) -> Job:
        """The job for a layout, whose labels are those that a price tells apart."""
        job = cls(options, layout, {**places, **dict.fromkeys(layout.counts, 0)})
        # labels that no price reads would only make entries of their own, one for each of their values
        if not layout.labels:
            return job
        read = {name for plan in options.every_plan for name in job.on(plan).plan.told_apart(layout.labels)}
        labels = tuple(name for name in layout.labels if name in read)
        return job._replace(layout=layout._replace(labels=labels))

    def on(self, terms: BillingPlan | Contract) -> Job:
        """The same under one of several terms; of a plan no versions tell rows apart."""
        options, layout = self.options, self.layout
        if isinstance(terms, Contract):
            period: Any = options.period
            last = terms.versions(period)[-1].plan
            return self._replace(options=options._replace(plan=last, contract=terms))
        if layout.version is not None and options.until is None:
            shown, spread = (
                tuple(name for name in names if name != VERSION) for names in (layout.shown, layout.spread)
            )
            layout = layout._replace(version=None, shown=shown, spread=spread)
        elif terms is options.plan and options.contract is None:
            return self
        return self._replace(options=options._replace(plan=terms, contract=None), layout=layout)

    @property
    def decimals(self) -> int:
        """The decimals that make every quantity whole."""
        return max(self.places.values(), default=0)

    @property
    def plan(self) -> ColumnPlan:
        """The plan for these columns; it is kept by the plan, and made anew on each worker."""
        # Here and not above: it needs numpy, and the face of this wing is imported without it.
        from tokenbill.frames.column_plan import column_plan

        options, names = self.options, self.layout.names()
        return column_plan(
            options.plan, 10**self.decimals, names=names, period=options.period, scale=options.scale
        )
