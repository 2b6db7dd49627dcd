"""Jobs: what a frame is asked for and what its columns mean, told to a back end once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tokenbill.frames.layouts import Layout, Options

if TYPE_CHECKING:
    from tokenbill.frames.column_plan import ColumnPlan

__all__ = ["Backend", "Job"]


class Backend(Protocol):
    """What the frames of one package are billed and rated by."""

    def rate(self, data: Any, options: Options) -> Any:
        """The lines of bills, one for each group."""

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
        job = cls(options, layout, places)
        return job._replace(layout=layout._replace(labels=job.plan.told_apart(layout.labels)))

    @property
    def decimals(self) -> int:
        """The decimals that make every quantity whole."""
        return max(self.places.values(), default=0)

    @property
    def plan(self) -> ColumnPlan:
        """The plan for these columns; it is kept by the plan, and made anew on each worker."""
        # Here and not above: it needs numpy, and the face of this wing is imported without it.
        from tokenbill.frames.column_plan import column_plan

        names = self.layout.names()
        return column_plan(self.options.plan, 10**self.decimals, names=names, period=self.options.period)
