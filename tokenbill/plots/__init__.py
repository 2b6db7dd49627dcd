"""Plots: a price, a bill, plans side by side and a period's spend, drawn with matplotlib.

Each function takes Axes, or uses the current ones, and returns them.
Colours are told apart by the colour-blind, on white and on black; text has the colour of the style.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, combinations, islice, takewhile
from typing import Any, cast

from tokenbill.compare import break_even, cheapest_plans
from tokenbill.core.base.tables import shortest
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.languages import amount_text, words_of
from tokenbill.core.metering.usage import Quantities, Usage
from tokenbill.core.money.decimals import Exact, Number, decimal, number, product
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.breakpoints import jumps_within
from tokenbill.core.pricing.curves import Curve, at
from tokenbill.core.pricing.price import Price
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import InvalidNumber, InvalidPlan, InvalidPrice
from tokenbill.plots.drawing import (
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    Axes,
    axes_of,
    draw_legend,
    floats,
    label_axes,
    plain,
    said_in,
)
from tokenbill.plots.stacks import date_axis, distribution, stacked_spend
from tokenbill.shared.forecasts import local_day
from tokenbill.shared.plan_curve import total_curve
from tokenbill.shared.usage_history import NamedPlans, Plans, first_plan, named_plans
from tokenbill.watch import Budget, Status

__all__ = ["distribution", "plan_curves", "price_curve", "spend", "stacked_spend", "waterfall"]

GRID = 240
"""Points at which a curve is drawn, beside its breakpoints."""
JUMPS = 500
"""Most jumps of one curve that are drawn as such."""
LABEL = 40
"""Most characters of a description beside a bar."""
LETTER, LINE = 6.6, 13
"""How wide a digit of a label is and how high its line, in points, a little space included."""


def price_curve(
    price: Price,
    up_to: Number,
    *,
    per: Number = 1,
    currency: str = "",
    unit: str = "units",
    lang: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """A price as a curve, and on a second scale what a unit costs: on average, and the next one.

    Args:
        price: Any price; of one that lists no pieces, jumps are drawn as steep lines.
        up_to: The largest quantity drawn.
        per: Units that the rates on the second scale are for: 1_000_000 for tokens.
        currency: What the axes name as the unit of amounts.
        unit: What the axes name as the unit of quantities.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidPrice: If *price* is not one.
        InvalidNumber: If *up_to* or *per* is not more than zero.
    """
    if not isinstance(price, Price):
        raise InvalidPrice("not a price to draw", price, 'give one: PerUnit("0.10")')
    end, size = _positive(up_to, "largest quantity"), _positive(per, "number of units")
    pieces, left, said = price.pieces(), axes_of(ax), said_in(lang)
    unit = said["units"] if unit == "units" else unit

    def amount(quantity: Fraction) -> Fraction:
        # Pieces take any quantity; a price without them only what a bill can hold.
        return price.exact(decimal(quantity)) if pieces is None else at(pieces, quantity)

    points = _points(pieces, end)
    average = [(point, amount(point) / point * size) for point in points if point]
    following = [(point, (amount(point + 1) - amount(point)) * size) for point in points]
    # A fee spread over few units, or a jump, would flatten the rest: the scale ends a third above the
    # average of larger quantities, and what is off it is a gap in the line.
    top = max(rate for point, rate in average if point >= end / 10) * Fraction(4, 3) or Fraction(1)
    within = [(point, rate if 0 <= rate <= top else None) for point, rate in following]

    right = left.twinx()
    lines = left.plot(floats(points), floats(map(amount, points)), color=BLUE, label=said["amount"])
    lines += right.plot(*_columns(average), color=ORANGE, linestyle="--", label=said["average rate"])
    # Where a unit costs nothing but at jumps, a line of nothing would say that it is free.
    if any(rate for _, rate in within) or all(rate == 0 for _, rate in following):
        lines += right.plot(*_columns(within), color=GREEN, linestyle=":", label=said["next unit"])
    of_currency = f" ({currency})" if currency else ""
    label_axes(left, x=unit, y=f"{said['amount']}{of_currency}")
    count = f"{size.numerator:,}" if size.denominator == 1 else str(size)
    rate_label = said["rate for {}"].format(f"{count} {unit}") if size != 1 else said["rate for one unit"]
    right.set_ylabel(f"{rate_label}{of_currency}", **plain())
    right.spines["top"].set_visible(False)
    right.set_ylim(*floats([0, top]))
    draw_legend(left, lines)
    return cast("Axes", left)


def waterfall(bill: Bill, *, lang: str = "en", ax: Axes | None = None) -> Axes:
    """A bill as a waterfall: each line a bar from where the one above it ended, and the total last.

    Args:
        bill: What is drawn; its amounts have at most four decimals more than its currency.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidPlan: If *bill* is not one.
        InvalidName: If *lang* is another language.
    """
    if not isinstance(bill, Bill):
        raise InvalidPlan("not a bill to draw", bill, "give one: Bill.of(usage, plan)")
    words, said, places = words_of(lang), said_in(lang), bill.plan.currency.places
    axes, amounts = axes_of(ax), [Fraction(line.amount) for line in bill.lines]
    starts = [*accumulate(amounts, initial=Fraction())][:-1]
    is_english = lang == "en"
    texts = [line.description if is_english else words.charge(line.charge, {}) for line in bill.lines]
    titles = [text if len(text) <= LABEL else f"{text[: LABEL - 1]}…" for text in texts]
    colours = [BLUE if amount >= 0 else ORANGE for amount in amounts]
    bars = axes.barh(
        range(len(titles) + 1),
        floats([*amounts, Fraction(bill.total)]),
        left=floats([*starts, Fraction()]),
        color=[*colours, GREEN],
    )
    labels = [amount_text(amount, places) for amount in (*(line.precise for line in bill.lines), bill.total)]
    axes.bar_label(bars, labels, padding=4, **plain())
    axes.set_yticks(range(len(titles) + 1), [*titles, said["total"]], **plain())
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.axvline(0, color=GREY, linewidth=0.8)
    label_axes(axes, x=f"{said['amount']} ({bill.currency})", y="")
    return cast("Axes", axes)


def plan_curves(
    plans: Plans,
    meter: str,
    up_to: Number,
    *,
    usage: Usage | Quantities = NO_USAGE,
    period: Period | None = None,
    lang: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """What plans come to along one meter, the cheapest underlined, and their break-even points as rings.

    Args:
        plans: As for ``compare.cheapest_plans``.
        meter: What varies.
        up_to: The largest quantity drawn.
        usage: What else is used.
        period: The service period, where fees or the version of the terms depend on it.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        CurrencyMismatch, InvalidPlan, InvalidPrice, UnpricedUsage: As ``compare.cheapest_plans`` does.
        InvalidNumber: If *up_to* is not more than zero.
    """
    end, offers = _positive(up_to, "largest quantity"), named_plans(plans)
    axes, said = axes_of(ax), said_in(lang)
    for place, (name, plan) in enumerate(offers):
        curve = total_curve(plan, meter, usage=usage, period=period)
        points = _points(curve, end)
        (drawn,) = axes.plot(floats(points), floats(at(curve, point) for point in points), label=name)
        dashes = DASHES[(place + place // len(COLOURS)) % len(DASHES)]
        drawn.set(color=COLOURS[place % len(COLOURS)], linestyle=dashes)
    lines = axes.get_lines()[-len(offers) :]

    # A broad pale line lies under the cheapest plan, as far as it is the cheapest.
    broad = list[Any]()
    for cheapest in cheapest_plans(plans, meter, usage=usage, up_to=decimal(end), period=period):
        curve = total_curve(cheapest.plan, meter, usage=usage, period=period)
        stop = end if cheapest.end is None else min(cheapest.end, end)
        points = [point for point in _points(curve, end) if cheapest.start <= point <= stop]
        amounts = floats(at(curve, point) for point in points)
        label = None if broad else said["cheapest"]
        look = {"color": GREY, "alpha": 0.5, "linewidth": 7, "zorder": 1}
        broad += axes.plot(floats(points), amounts, label=label, **look)
    _rings(axes, offers, meter, end=end, usage=usage, period=period)
    label_axes(axes, x=meter, y=f"{said['total']} ({first_plan(offers[0][1]).currency.code})")
    draw_legend(axes, [*lines, broad[0]])
    return cast("Axes", axes)


def _rings(axes: Any, offers: NamedPlans, meter: str, *, end: Fraction, **asked: Any) -> None:
    """A ring at each break-even point of two plans, and beside each the quantity."""
    colour, labelled = axes.yaxis.label.get_color(), set[Fraction]()
    taken = list[tuple[Any, Any, float]]()
    points = sorted(
        {
            (point.quantity, point.amount)
            for (_, one), (_, other) in combinations(offers, 2)
            for point in break_even(one, other, meter, up_to=decimal(end), **asked)
        }
    )
    places = [floats(point) for point in points]
    for place in places:
        axes.plot(*place[:, None], marker="o", markersize=9, markerfacecolor="none", color=colour)
    # Limits are worked out when first asked for: before that, all points stand at one place.
    axes.autoscale_view()
    for (quantity, _), place in zip(points, places, strict=True):
        if quantity in labelled:  # the number beside another ring at this quantity says it
            continue
        labelled.add(quantity)
        text = f"{number(shortest(decimal(round(quantity, 2)))):,f}"
        wide = LETTER * len(text)
        side, across = ("right", -8) if quantity > end * 9 / 10 else ("left", 8)
        x, y = axes.transData.transform(place) * 72 / axes.figure.dpi
        x += across - (wide if side == "right" else 0)
        # Where points crowd, a number stands in the next free row: one of them is the one that decides.
        down = 14
        while any(abs(y - down - low) < LINE and x < right and left < x + wide for low, left, right in taken):
            down += LINE
        taken.append((y - down, x, x + wide))
        look: dict[str, Any] = {"textcoords": "offset points", "ha": side, "color": colour, **plain()}
        if down > LINE + 1:
            look["arrowprops"] = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6}
        axes.annotate(text, place, (across, -down), annotation_clip=False, **look)


def spend(status: Status, budget: Budget | None = None, *, lang: str = "en", ax: Axes | None = None) -> Axes:
    """What a period has come to and will, day by day: so far, at the run rate, its interval, a budget.

    Args:
        status: What the period has come to so far.
        budget: Drawn as a line at each of its thresholds.
        lang: The language of what is written, ``en`` or ``zh``.
        ax: Where to draw; the current axes unless given.

    Raises:
        InvalidPlan: If *status* is not a status, or *budget* not a budget.
    """
    checked: tuple[object, object] = (status, budget)
    if not (isinstance(checked[0], Status) and isinstance(checked[1], Budget | None)):
        raise InvalidPlan("not a status and a budget to draw", checked, "give a status, and a budget or none")
    axes, forecast, said = axes_of(ax), status.forecast, said_in(lang)
    # What a day comes to stands where the day ends, which is where the next one begins.
    spent, expected = (
        [(day + timedelta(1), amount) for day, amount in days]
        for days in (status.spent_by_day, forecast.by_day)
    )
    now = (local_day(status.at), status.spent)
    ahead = [now, *expected]
    lines = list[Any]()
    if spent:
        lines += axes.plot(*_columns(spent), color=BLUE, label=said["spent"])
    lines += axes.plot(*_columns(ahead), color=ORANGE, linestyle="--", label=said["forecast"])
    axes.plot(*_columns([now]), color=BLUE, marker="o", linestyle="")

    # The interval is so much for each day, so it opens like a fan; nothing spent is ever taken back.
    if forecast.low is not None and forecast.high is not None and expected:
        parts = [Fraction(i, len(expected)) for i in range(len(ahead))]
        below, above = (Fraction(end) - Fraction(forecast.total) for end in (forecast.low, forecast.high))
        amounts = [Fraction(amount) for _, amount in ahead]
        low = [max(amount + below * part, amounts[0]) for part, amount in zip(parts, amounts, strict=True)]
        high = [amount + above * part for part, amount in zip(parts, amounts, strict=True)]
        days: Any = [day for day, _ in ahead]
        look = {"color": ORANGE, "alpha": 0.25, "linewidth": 0, "label": said["interval"]}
        lines.append(axes.fill_between(days, floats(low), floats(high), **look))
    if budget is not None:
        _thresholds(axes, budget)
    date_axis(axes, lang)
    label_axes(axes, x=said["end of day"], y=f"{said['total of the period']} ({status.currency.code})")
    axes.margins(y=0.1)  # the name of a budget stands above its line
    axes.set_ylim(bottom=0)
    draw_legend(axes, lines)
    return cast("Axes", axes)


def _thresholds(axes: Any, budget: Budget) -> None:
    """A line at each threshold of a budget, the whole one drawn strongest."""
    for threshold in budget.thresholds:
        limit, whole = floats([Fraction(budget.amount) * Fraction(threshold)])[0], threshold == 1
        axes.axhline(limit, color=COLOURS[3], linestyle="-" if whole else ":", linewidth=1.5 if whole else 1)
        percent = shortest(decimal(product(threshold, Decimal(100))))
        text = f"{budget.name} {budget.amount:,f}" if whole else f"{percent} %"
        place: Any = ("axes fraction", "data")
        axes.annotate(text, (0, limit), (4, 3), place, "offset points", ha="left", **plain())


def _points(pieces: Curve | None, end: Fraction) -> list[Fraction]:
    """Quantities from 0 to *end*: a grid, and both sides of each breakpoint."""
    points = {end * step / GRID for step in range(GRID + 1)}
    # Of endless jumps, as of packages, the first of each piece are drawn; more would be a grey area.
    start, breakpoints = Fraction(), list[Fraction]()
    for piece in pieces or ():
        stop = end if piece.end is None else min(piece.end.at, end)
        breakpoints += [*islice(takewhile(stop.__ge__, jumps_within(piece, start)), JUMPS), stop]
        start = stop
        if start >= end:
            break
    beside = end / 10**6
    for place in breakpoints:
        points |= {max(place - beside, Fraction()), place, min(place + beside, end)}
    return sorted(points)


def _columns(pairs: Iterable[tuple[Any, Exact | None]]) -> tuple[Any, Any]:
    """Pairs as what is drawn across and what is drawn up."""
    across, up = zip(*pairs, strict=True)
    return (list(across) if isinstance(across[0], date) else floats(across)), floats(up)


def _positive(value: Number, what: str) -> Fraction:
    positive = Fraction(number(value))
    if positive <= 0:
        raise InvalidNumber(f"not a {what}", value, "give more than zero")
    return positive
