"""Plots: a price, a bill, plans side by side and a period's spend, drawn with matplotlib.

Each function takes Axes, or uses the current ones, and returns them.
Colours are told apart by the colour-blind, on white and on black; text has the colour of the style.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, combinations, islice, takewhile
from typing import Any, Final, cast

from tokenbill.compare import break_even, cheapest_plans
from tokenbill.core.base.tables import shortest
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import Exact, Number, decimal, number, product
from tokenbill.core.pricing.breakpoints import jumps_within
from tokenbill.core.pricing.curves import Curve, at
from tokenbill.core.pricing.price import Price
from tokenbill.core.rating.increment import NO_USAGE
from tokenbill.errors import InvalidNumber, InvalidPlan, InvalidPrice, MissingExtra
from tokenbill.shared.forecasts import local_day
from tokenbill.shared.plan_curve import total_curve
from tokenbill.shared.usage_history import NamedPlans, Plans, named_plans
from tokenbill.watch import Budget, DailyTotals, Status

try:
    import numpy
    from matplotlib import pyplot
    from matplotlib.axes import Axes
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
except ImportError:
    raise MissingExtra("matplotlib", "plots") from None

__all__ = ["plan_curves", "price_curve", "spend", "waterfall"]

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
COLOURS: Final = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
"""Lines differ by their dashes, too."""
GREY: Final = "#808080"

GRID = 240
"""Points at which a curve is drawn, beside those where it bends or jumps."""
JUMPS = 500
"""Most jumps of one curve that are drawn as such."""
LABEL = 40
"""Most characters of a description beside a bar."""
ENTRY, MANY = 28, 6
"""Most characters of a plan's name in the legend; entries beyond which it is written small."""
WIDTH = 76
"""Characters beside each other in the legend."""
ROOM = 15
"""Most crossings that are labelled, each at least this part of the picture from the one before."""
PLAIN: Final = {"parse_math": False}
"""Names are text: what stands between two dollar signs is no formula."""


def price_curve(
    price: Price,
    up_to: Number,
    *,
    per: Number = 1,
    currency: str = "",
    unit: str = "units",
    ax: Axes | None = None,
) -> Axes:
    """A price as a curve, and on a second scale what a unit costs: on average, and the next one.

    Args:
        price: Any price; of one that lists no pieces, jumps are drawn as steep lines.
        up_to: The largest quantity drawn.
        per: Units that the rates on the second scale are for: 1_000_000 for tokens.
        currency: What the axes name as the unit of amounts.
        unit: What the axes name as the unit of quantities.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidPrice: If *price* is none.
        InvalidNumber: If *up_to* or *per* is not more than zero.
    """
    if not isinstance(price, Price):
        raise InvalidPrice("no price to draw", price, 'give one: PerUnit("0.10")')
    end, size = _positive(up_to, "largest quantity"), _positive(per, "number of units")
    curve, left = _Curve(price), _axes(ax)
    points = _points(curve.pieces, end)
    average = [(point, curve.at(point) / point * size) for point in points if point]
    top = _top(average, end)
    following = [(point, (curve.at(point + 1) - curve.at(point)) * size) for point in points]
    right = left.twinx()
    lines = left.plot(_drawn(points), _drawn(map(curve.at, points)), color=BLUE, label="amount")
    lines += right.plot(*_columns(average), color=ORANGE, linestyle="--", label="average rate")
    if shown := _within(following, top):
        lines += right.plot(*_columns(shown), color=GREEN, linestyle=":", label="next unit")
    _named(left, x=unit, y=_in(currency, "amount"))
    told = f"rate for {_count(size)} {unit}" if size != 1 else "rate for one unit"
    right.set_ylabel(_in(currency, told), **PLAIN)
    right.spines["top"].set_visible(False)
    right.set_ylim(*_drawn([0, top]))
    _legend(left, lines)
    return cast("Axes", left)


def _top(average: Sequence[tuple[Fraction, Fraction]], end: Fraction) -> Fraction:
    """Where the scale of rates ends: a fee spread over few units, or a jump, would flatten the rest."""
    told = max(rate for point, rate in average if point >= end / 10)
    return told * Fraction(4, 3) or Fraction(1)


def _within(
    rates: Sequence[tuple[Fraction, Fraction]], top: Fraction
) -> list[tuple[Fraction, Fraction | None]]:
    """Rates with a gap at each jump off the scale; none of them where a unit costs nothing but there."""
    found = [(point, rate if 0 <= rate <= top else None) for point, rate in rates]
    return found if any(rate for _, rate in found) or all(rate == 0 for _, rate in rates) else []


def waterfall(bill: Bill, *, ax: Axes | None = None) -> Axes:
    """A bill as a waterfall: each line a bar from where the one above it ended, and the total last.

    Raises:
        InvalidPlan: If *bill* is none.
    """
    if not isinstance(bill, Bill):
        raise InvalidPlan("no bill to draw", bill, "give one: Bill.of(usage, plan)")
    axes, amounts = _axes(ax), [Fraction(line.amount) for line in bill.lines]
    starts = [*accumulate(amounts, initial=Fraction())][:-1]
    titles = [_short(line.description) for line in bill.lines]
    colours = [BLUE if amount >= 0 else ORANGE for amount in amounts]
    bars = axes.barh(
        range(len(titles) + 1),
        _drawn([*amounts, Fraction(bill.total)]),
        left=_drawn([*starts, Fraction()]),
        color=[*colours, GREEN],
    )
    told = [f"{line.amount:,f}" for line in bill.lines] + [f"{bill.total:,f}"]
    axes.bar_label(bars, told, padding=4, **PLAIN)
    axes.set_yticks(range(len(titles) + 1), [*titles, "total"], **PLAIN)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.axvline(0, color=GREY, linewidth=0.8)
    _named(axes, x=_in(bill.currency, "amount"), y="")
    return cast("Axes", axes)


def plan_curves(
    plans: Plans,
    meter: str,
    up_to: Number,
    *,
    usage: Usage | Quantities = NO_USAGE,
    ax: Axes | None = None,
) -> Axes:
    """What plans come to along one meter, the cheapest underlined, and every crossing of two as a ring.

    Args:
        plans: As for ``compare.cheapest_plans``.
        meter: What varies.
        up_to: The largest quantity drawn.
        usage: What else is used.
        ax: Where to draw; the current axes unless given.

    Raises:
        CurrencyMismatch, InvalidPlan, InvalidPrice, UnpricedUsage: As ``compare.cheapest_plans`` does.
        InvalidNumber: If *up_to* is not more than zero.
    """
    end, titled = _positive(up_to, "largest quantity"), named_plans(plans)
    axes = _axes(ax)
    curves = [total_curve(plan, meter, usage=usage) for _, plan in titled]
    for place, ((title, _), curve) in enumerate(zip(titled, curves, strict=True)):
        points = _points(curve, end)
        (drawn,) = axes.plot(_drawn(points), _drawn(at(curve, point) for point in points), label=title)
        dashes = DASHES[(place + place // len(COLOURS)) % len(DASHES)]
        drawn.set(color=COLOURS[place % len(COLOURS)], linestyle=dashes)
    lines = axes.get_lines()[-len(titled) :]
    broad = _underline(axes, plans, meter, usage=usage, end=end)
    _rings(axes, titled, meter, usage=usage, end=end)
    _named(axes, x=meter, y=_in(titled[0][1].currency.code, "total"))
    _legend(axes, [*lines, broad])
    return cast("Axes", axes)


def spend(status: Status, budget: Budget | None = None, *, ax: Axes | None = None) -> Axes:
    """What a period has come to and will, day by day: so far, at the run rate, its interval, a budget.

    Raises:
        InvalidPlan: If *status* or *budget* is none.
    """
    given: tuple[object, object] = (status, budget)
    if not (isinstance(given[0], Status) and isinstance(given[1], Budget | None)):
        raise InvalidPlan("nothing to draw", given, "give a status, and a budget or none")
    axes, end = _axes(ax), status.forecast.by_day
    now = (local_day(status.at), status.spent)
    ahead = [now, *_ends(end)]
    lines = list[Any]()
    if status.spent_by_day:
        lines += axes.plot(*_columns(_ends(status.spent_by_day)), color=BLUE, label="spent")
    lines += axes.plot(*_columns(ahead), color=ORANGE, linestyle="--", label="forecast")
    axes.plot(*_columns([now]), color=BLUE, marker="o", linestyle="")
    lines += _fan(axes, status, ahead)
    if budget is not None:
        _limits(axes, budget)
    locator: Any = AutoDateLocator
    formatter: Any = ConciseDateFormatter
    axes.xaxis.set_major_locator(days := locator())
    axes.xaxis.set_major_formatter(formatter(days))
    _named(axes, x="end of day", y=_in(status.currency.code, "total of the period"))
    axes.set_ylim(bottom=0)
    _legend(axes, lines)
    return cast("Axes", axes)


def _ends(days: DailyTotals) -> list[tuple[date, Decimal]]:
    """What a day comes to stands where the day ends."""
    return [(day + timedelta(1), amount) for day, amount in days]


def _fan(axes: Any, status: Status, ahead: Sequence[tuple[date, Decimal]]) -> list[Any]:
    """The interval, if there is one, which grows day by day, since it is so much for each."""
    forecast, days = status.forecast, len(ahead) - 1
    if forecast.low is None or forecast.high is None or not days:
        return []
    grown = [(Fraction(i, days), Fraction(amount)) for i, (_, amount) in enumerate(ahead)]
    below, above = (Fraction(end) - Fraction(forecast.total) for end in (forecast.low, forecast.high))
    spent = Fraction(status.spent)
    low = _drawn([max(amount + below * part, spent) for part, amount in grown])
    high = _drawn([amount + above * part for part, amount in grown])
    where: Any = [day for day, _ in ahead]
    return [axes.fill_between(where, low, high, color=ORANGE, alpha=0.25, linewidth=0, label="interval")]


def _axes(ax: Axes | None) -> Any:
    """The Axes to draw on; what matplotlib says of its types leaves too much open to check."""
    given: object = pyplot.gca() if ax is None else ax
    if not isinstance(given, Axes):
        raise InvalidPlan("no Axes to draw on", given, "give some, as pyplot.subplots() makes them, or none")
    return given


class _Curve:
    """A price as it is drawn: by its pieces where it lists them, for they take any quantity."""

    def __init__(self, price: Price) -> None:
        self.price, self.pieces = price, price.pieces()

    def at(self, quantity: Fraction) -> Fraction:
        if self.pieces is not None:
            return at(self.pieces, quantity)
        return self.price.exact(decimal(quantity))


def _points(pieces: Curve | None, end: Fraction) -> list[Fraction]:
    """Quantities from 0 to *end*: a grid, and both sides of each place where the curve bends or jumps."""
    beside = end / 10**6
    found = {end * step / GRID for step in range(GRID + 1)}
    for place in _breakpoints(pieces or (), end):
        found |= {max(place - beside, Fraction()), place, min(place + beside, end)}
    return sorted(found)


def _breakpoints(pieces: Curve, end: Fraction) -> Iterator[Fraction]:
    """The ends of pieces and the jumps within them, up to *end*."""
    start = Fraction()
    for piece in pieces:
        stop = end if piece.end is None else min(piece.end.at, end)
        yield from islice(takewhile(stop.__ge__, jumps_within(piece, start)), JUMPS)
        yield stop
        start = stop
        if start >= end:
            return


def _underline(axes: Any, plans: Plans, meter: str, *, usage: Any, end: Fraction) -> Any:
    """A broad pale line under the cheapest plan, as far as it is the cheapest; its first stretch."""
    drawn = list[Any]()
    for place, cheapest in enumerate(cheapest_plans(plans, meter, usage=usage, up_to=decimal(end))):
        curve = total_curve(cheapest.plan, meter, usage=usage)
        stop = end if cheapest.end is None else min(cheapest.end, end)
        points = [point for point in _points(curve, end) if cheapest.start <= point <= stop]
        amounts = _drawn(at(curve, point) for point in points)
        label = "cheapest" if place == 0 else None
        drawn += axes.plot(_drawn(points), amounts, color=GREY, alpha=0.5, linewidth=7, label=label, zorder=1)
    return drawn[0]


def _rings(axes: Any, titled: NamedPlans, meter: str, *, usage: Any, end: Fraction) -> None:
    """A ring at each quantity where two plans cross, with the quantity beside it where there is room."""
    colour, last = axes.yaxis.label.get_color(), -end
    found = [
        (crossing.quantity, crossing.amount)
        for (_, one), (_, other) in combinations(titled, 2)
        for crossing in break_even(one, other, meter, usage=usage, up_to=decimal(end))
    ]
    for quantity, amount in sorted(found):
        place = _drawn([quantity, amount])
        axes.plot(*place[:, None], marker="o", markersize=9, markerfacecolor="none", color=colour)
        if quantity - last >= end / ROOM:
            side, offset = ("right", (-8, 8)) if quantity > end * 9 / 10 else ("left", (8, -14))
            told: dict[str, Any] = {"textcoords": "offset points", "ha": side, "color": colour, **PLAIN}
            axes.annotate(_rounded(quantity), place, offset, **told)
            last = quantity


def _rounded(quantity: Fraction) -> str:
    """A quantity to two places, in groups of three digits."""
    return f"{number(shortest(decimal(round(quantity, 2)))):,f}"


def _limits(axes: Any, budget: Budget) -> None:
    """A line at each threshold of a budget, the whole one drawn strongest."""
    for threshold in budget.thresholds:
        limit, whole = _drawn([Fraction(budget.amount) * Fraction(threshold)])[0], threshold == 1
        axes.axhline(limit, color=COLOURS[3], linestyle="-" if whole else ":", linewidth=1.5 if whole else 1)
        percent = shortest(decimal(product(threshold, Decimal(100))))
        told = f"{budget.name} {budget.amount:,f}" if whole else f"{percent} %"
        place: Any = ("axes fraction", "data")
        axes.annotate(told, (0, limit), (4, 3), place, "offset points", ha="left", **PLAIN)


def _columns(pairs: Iterable[tuple[Any, Exact | None]]) -> tuple[Any, Any]:
    """Pairs as what is drawn across and what is drawn up."""
    across, up = zip(*pairs, strict=True)
    return (list(across) if isinstance(across[0], date) else _drawn(across)), _drawn(up)


def _drawn(values: Iterable[Exact | int | None]) -> Any:
    """Numbers as a picture needs them, None as a gap: the only place where exact ones become floats."""
    return numpy.array([*values], dtype="float64")


def _named(axes: Any, *, x: str, y: str) -> None:
    axes.set_xlabel(x, **PLAIN)
    axes.set_ylabel(y, **PLAIN)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Any, drawn: Sequence[Any]) -> None:
    """The legend above the picture, where it hides nothing; long names in fewer columns."""
    told = [_middle(one.get_label()) for one in drawn]
    columns = max(1, min(3, WIDTH // (max(map(len, told)) + 8)))
    size, place = ("small" if len(told) > MANY else None), {"loc": "lower left", "bbox_to_anchor": (0, 1)}
    dots = ["…"] * len(told)  # written over, for a label that begins with "_" would be left out
    legend = axes.legend(drawn, dots, ncols=columns, fontsize=size, frameon=False, borderaxespad=0.2, **place)
    for text, label in zip(legend.get_texts(), told, strict=True):
        text.set(text=label, **PLAIN)


def _in(currency: str, what: str) -> str:
    return f"{what} ({currency})" if currency else what


def _count(size: Fraction) -> str:
    return f"{size.numerator:,}" if size.denominator == 1 else str(size)


def _short(text: str) -> str:
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"


def _middle(text: str) -> str:
    """A name without its middle where it is long: names often differ in their ends."""
    half = ENTRY // 2
    return text if len(text) <= ENTRY else f"{text[:half]}…{text[1 - half :]}"


def _positive(value: Number, what: str) -> Fraction:
    found = Fraction(number(value))
    if found <= 0:
        raise InvalidNumber(f"no {what}", value, "give more than zero")
    return found
