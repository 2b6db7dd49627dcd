"""Stacks: what was spent by label and time, and how it is spread over tenants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, cast

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.billing.account import NEW
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.errors import InvalidPlan, InvalidUsage, MissingExtra
from tokenbill.plots.drawing import COLOURS, GREY, Axes, axes_of, draw_legend, floats, label_axes, said_in

try:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.patches import Patch
except ImportError:
    raise MissingExtra("matplotlib", "plots") from None

__all__ = ["date_axis", "distribution", "stacked_spend"]

OTHERS = "other"
"""What has no such label: fees, and usage that is priced whatever it is."""
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
"""Bars differ by their hatches, too."""
BINS = 20
CALENDAR: Final = 'give hours of the calendar, "2026-11-01T08:00:00Z", and not of the day'
NUMBERED: Final = {
    "formats": ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S"],
    "zero_formats": ["", "%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M"],
    "offset_formats": ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"],
}
"""How dates are written in numbers, by what a tick counts: years, months, days, hours, minutes, seconds."""


def stacked_spend(
    usage: Mapping[Any, Usage],
    plan: BillingPlan,
    by: str,
    *,
    period: Period | None = None,
    lang: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """What was spent at each time, stacked by a label: by model, team or region, by day or hour.

    Each bar is an interim bill of the period, taxes and discounts included, so all bars together are the
    bill of all usage. What the entries of the schedule do not tell apart by the label is "other".

    Args:
        usage: What was used, by date or instant; the keys are the bars.
        plan: The terms.
        by: The label.
        period: The service period, where fees or grants depend on it.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidUsage: If *usage* is nothing by time, such as one by hours of the day from 0 to 23.
        InvalidPlan: If *plan* is not one.
        UnpricedUsage: If the schedule has no price for a meter.
    """
    checked: tuple[object, object] = (usage, plan)
    if not is_mapping(checked[0]) or not checked[0]:
        raise InvalidUsage("not usage by time", usage, 'give a mapping: {"2026-11-01T08:00:00Z": Usage(…)}')
    if not isinstance(checked[1], BillingPlan):
        raise InvalidPlan("not a plan", plan, "give one: BillingPlan.on_demand(prices)")
    for when in usage:
        if isinstance(when, int):
            raise InvalidUsage("a key that is no date or instant", when, CALENDAR)
    # by UTC, for the clock on the wall goes back once a year
    times = sorted(((moment(when), used) for when, used in usage.items()), key=lambda each: utc(each[0]))
    days: list[Any] = [when for when, _ in times]
    spent, account = dict[str, list[Fraction]](), NEW
    for place, (_, used) in enumerate(times):
        bill = Bill.of(used, plan, period=period, opening=account, final=place == len(times) - 1)
        account = bill.closing
        for row in bill.breakdown():
            name = OTHERS if row.meter is None else row.meter.labels.get(by, OTHERS)
            spent.setdefault(name, [Fraction()] * len(times))[place] += Fraction(row.gross)

    axes, said = axes_of(ax), said_in(lang)
    names = sorted(spent, key=lambda name: (name == OTHERS, -sum(spent[name]), name))
    low, high = ([Fraction()] * len(times) for _ in range(2))
    handles = list[Any]()
    for place, name in enumerate(names):
        # What was given back hangs below zero, where it hides nothing.
        bottoms = [low[i] if amount < 0 else high[i] for i, amount in enumerate(spent[name])]
        look: dict[str, Any] = {
            "facecolor": GREY if name == OTHERS else COLOURS[place % len(COLOURS)],
            "hatch": HATCHES[place // len(COLOURS) % len(HATCHES)],
            "edgecolor": "white",
        }
        axes.bar(days, floats(spent[name]), _width(days), floats(bottoms), linewidth=0, **look)
        for i, amount in enumerate(spent[name]):
            ends = low if amount < 0 else high
            ends[i] += amount
        handles.append(Patch(label=said["other"] if name == OTHERS else name, **look))
    date_axis(axes, lang)
    label_axes(axes, x=said["time"], y=f"{said['spent']} ({plan.currency.code})")
    draw_legend(axes, handles)
    return cast("Axes", axes)


def distribution(
    totals: Mapping[str, Decimal] | Iterable[Bill], *, lang: str = "en", ax: Axes | None = None
) -> Axes:
    """How totals are spread over tenants: how many come to how much, with the median and the top tenth.

    Args:
        totals: Amounts in one currency by tenant, or their bills.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidPlan: If there is nothing to draw, or something else than amounts and bills.
    """
    found: Any = totals
    values = list(found.values()) if is_mapping(found) else list(found) if hasattr(found, "__iter__") else []
    amounts = sorted(
        Fraction(value.total if isinstance(value, Bill) else value)
        for value in values
        if isinstance(value, Bill | Decimal | int | Fraction)
    )
    if not amounts or len(amounts) < len(values):
        raise InvalidPlan("not totals to draw", totals, "give amounts by tenant, or bills")
    axes, said = axes_of(ax), said_in(lang)
    axes.hist(floats(amounts), bins=min(BINS, len(amounts)), color=COLOURS[0], edgecolor="white")
    for text, share, dash in (("median", Fraction(1, 2), "-"), ("top tenth", Fraction(9, 10), "--")):
        place = amounts[min(int(share * len(amounts)), len(amounts) - 1)]
        axes.axvline(floats([place])[0], color=COLOURS[1], linestyle=dash, label=said[text])
    code = next((f" ({value.currency})" for value in values if isinstance(value, Bill)), "")
    label_axes(axes, x=f"{said['total']}{code}", y=said["tenants"])
    draw_legend(axes, axes.get_lines()[-2:])
    return cast("Axes", axes)


def date_axis(axes: Any, lang: str) -> None:
    """Dates across, each said once; months by their names in English, by their numbers elsewhere."""
    locator: Any = AutoDateLocator
    formatter: Any = ConciseDateFormatter
    axes.xaxis.set_major_locator(ticks := locator())
    axes.xaxis.set_major_formatter(formatter(ticks, **({} if lang == "en" else NUMBERED)))


def _width(times: list[date]) -> Any:
    """The width of a bar in days: most of the shortest way between two."""
    steps = [later - sooner for sooner, later in pairwise(map(utc, times))]
    least = min(steps, default=timedelta(hours=1) if isinstance(times[0], datetime) else timedelta(days=1))
    return floats([Fraction(int(least.total_seconds()), 86400) * Fraction(9, 10)])[0]
