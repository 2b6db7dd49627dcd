"""Drawing: axes, labels, legends and colours, alike in every picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from tokenbill.core.billing.languages import words_of
from tokenbill.core.money.decimals import Exact
from tokenbill.errors import InvalidPlan, MissingExtra

try:
    import numpy
    from matplotlib import font_manager, pyplot, rcParams
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
    "Axes",
    "axes_of",
    "draw_legend",
    "floats",
    "label_axes",
    "plain",
    "said_in",
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
HAN: Final = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei"),
    *("SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
)
"""Fonts with Chinese characters, which those of matplotlib's own lack."""
CHINESE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amount": "金额",
        "average rate": "平均单价",
        "next unit": "下一单位",
        "rate for {}": "每 {} 的单价",
        "rate for one unit": "每单位单价",
        "units": "单位",
        "total": "合计",
        "cheapest": "最便宜",
        "spent": "已支出",
        "forecast": "预测",
        "interval": "区间",
        "end of day": "日终",
        "total of the period": "本期合计",
        "time": "时间",
        "other": "其他",
        "tenants": "租户数",
        "median": "中位数",
        "top tenth": "前十分之一",
    }
)
"""What a picture says, by what it says in English."""


def said_in(lang: str) -> Mapping[str, str]:
    """What a picture says in a language, by what it says in English.

    Raises:
        InvalidName: If no picture is drawn in it.
    """
    return CHINESE if words_of(lang).lang.startswith("zh") else {text: text for text in CHINESE}


@cache
def fonts_with_han() -> tuple[str, ...]:
    """Fonts with Chinese characters that are installed here, the best first."""
    installed = set(font_manager.get_font_names())
    return tuple(font for font in HAN if font in installed)


def plain() -> dict[str, Any]:
    """How a text is drawn: names are no formulas, whatever stands between two dollar signs.

    A character that the fonts of the style lack is drawn with one that has it.
    """
    return {"parse_math": False, "fontfamily": [*rcParams["font.family"], *fonts_with_han()]}


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
    axes.set_xlabel(x, **plain())
    axes.set_ylabel(y, **plain())
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
        text.set(text=label, **plain())
