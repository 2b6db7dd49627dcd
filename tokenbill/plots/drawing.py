"""Drawing: axes, labels, legends and colours, alike in every picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from tokenbill.core.money.decimals import Exact
from tokenbill.errors import InvalidPlan, MissingExtra

try:
    import numpy
    from matplotlib import pyplot
    from matplotlib.axes import Axes
except ImportError:
    raise MissingExtra("matplotlib", "plots") from None

__all__ = [
    "BLUE",
    "COLOURS",
    "DASHES",
    "GREEN",
    "GREY",
    "ORANGE",
    "PLAIN",
    "Axes",
    "axes_of",
    "draw_legend",
    "floats",
    "label_axes",
]

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
COLOURS: Final = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
"""Lines differ by their dashes, too."""
GREY: Final = "#808080"

ENTRY, MANY = 28, 6
"""Most characters of a plan's name in the legend; entries beyond which it is written small."""
WIDTH = 76
"""Characters beside each other in the legend."""
PLAIN: Final = {"parse_math": False}
"""Names are text: what stands between two dollar signs is no formula."""


def axes_of(ax: Axes | None) -> Any:
    """The Axes to draw on; what matplotlib says of its types leaves too much open to check."""
    axes: object = pyplot.gca() if ax is None else ax
    if not isinstance(axes, Axes):
        raise InvalidPlan("not Axes to draw on", axes, "give some, as pyplot.subplots() makes them, or none")
    return axes


def floats(values: Iterable[Exact | int | None]) -> Any:
    """Numbers as a picture needs them, None as a gap: the only place where exact ones become floats."""
    return numpy.array([*values], dtype="float64")


def label_axes(axes: Any, *, x: str, y: str) -> None:
    """Names of the two axes, as they are, and no frame around them."""
    axes.set_xlabel(x, **PLAIN)
    axes.set_ylabel(y, **PLAIN)
    axes.spines[["top", "right"]].set_visible(False)


def draw_legend(axes: Any, drawn: Sequence[Any]) -> None:
    """The legend above the picture, where it hides nothing; long names in fewer columns."""
    half, labels = ENTRY // 2, list[str]()
    for label in (one.get_label() for one in drawn):
        # A long name loses its middle: names of plans often differ in their ends.
        labels.append(label if len(label) <= ENTRY else f"{label[:half]}…{label[1 - half :]}")
    columns = max(1, min(3, WIDTH // (max(map(len, labels)) + 8)))
    size, place = ("small" if len(labels) > MANY else None), {"loc": "lower left", "bbox_to_anchor": (0, 1)}
    dots = ["…"] * len(labels)  # written over, for a label that begins with "_" would be left out
    legend = axes.legend(drawn, dots, ncols=columns, fontsize=size, frameon=False, borderaxespad=0.2, **place)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set(text=label, **PLAIN)
