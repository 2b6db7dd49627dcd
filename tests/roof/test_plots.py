"""What is drawn is asked of the Axes: data, labels, units. How it looks was looked at."""

import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib import import_module
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Package,
    Period,
    PerUnit,
    Price,
    PriceSchedule,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.errors import (
    InvalidName,
    InvalidNumber,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
    TokenbillError,
)
from tokenbill.watch import Budget, status

ROOT = Path(__file__).parents[2]
REASON = "matplotlib is not installed: pip install matplotlib"

MARCH = Period("2026-03-01", "2026-04-01")
CENT = PriceSchedule(calls="0.01")
OFFERS = {
    "pay as you go": BillingPlan.on_demand(CENT),
    "pro": BillingPlan.subscription(20, CENT, included={"calls": 5000}),
    "flat": BillingPlan.subscription(70, PriceSchedule(calls=0)),
}


@pytest.fixture
def plots():
    matplotlib = pytest.importorskip("matplotlib", reason=REASON)
    matplotlib.use("Agg")
    from tokenbill import plots

    return plots


@pytest.fixture
def ax(plots):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained")
    yield axes
    pyplot.close(figure)


def test_without_matplotlib_the_error_names_the_extra():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "try: import tokenbill.plots\n"
        "except ImportError as error: print(error.code, error.extra)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["missing_extra", "plots"]


def overlaps(axes):
    """Numbers that are written over each other; without the thin lines that lead to them."""
    axes.figure.canvas.draw()
    extent = import_module("matplotlib.text").Text.get_window_extent
    boxes = {text.get_text(): extent(text) for text in axes.texts}
    return [(one, other) for one, other in combinations(boxes, 2) if boxes[one].overlaps(boxes[other])]


def line(axes, label):
    (found,) = [drawn for drawn in axes.get_lines() if drawn.get_label() == label]
    return dict(zip(found.get_xdata(), found.get_ydata(), strict=True))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def entries(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


# A price


def test_a_price_is_drawn_with_what_a_unit_costs(plots, ax):
    price = Graduated([Tier(1000, "0.01"), Tier(None, "0.005")])

    left = plots.price_curve(price, 2000, per=1000, currency="USD", unit="calls", ax=ax)
    right = left.figure.axes[1]

    assert left is ax
    amounts = line(left, "amount")
    assert (amounts[0], amounts[1000], amounts[2000]) == (0, 10, 15)
    assert line(right, "average rate")[2000] == 7.5
    assert line(right, "next unit")[500] == pytest.approx(10)
    assert line(right, "next unit")[1500] == pytest.approx(5)
    assert (left.get_xlabel(), left.get_ylabel()) == ("calls", "amount (USD)")
    assert right.get_ylabel() == "rate for 1,000 calls (USD)"


def test_a_price_without_a_currency_names_none(plots, ax):
    left = plots.price_curve(PerUnit(1), 10, ax=ax)

    assert (left.get_xlabel(), left.get_ylabel()) == ("units", "amount")
    assert left.figure.axes[1].get_ylabel() == "rate for one unit"


def test_each_jump_of_packages_is_drawn_from_both_sides(plots, ax):
    amounts = line(plots.price_curve(Package(1000, 5), 3500, ax=ax), "amount")

    for place in (1000, 2000, 3000):
        assert amounts[place] == place / 200
        assert amounts[place + 3500 / 10**6] == place / 200 + 5


def test_a_cliff_is_drawn_from_both_sides(plots, ax):
    price = Volume([Tier(1000, "0.01"), Tier(None, "0.006")])

    amounts = line(plots.price_curve(price, 2000, ax=ax), "amount")

    assert amounts[1000] == 10
    assert amounts[1000.002] == pytest.approx(6, abs=0.001)


def test_a_price_of_a_users_own_is_drawn_by_its_amounts(plots, ax):
    class Squared(Price):
        def amount(self, quantity):
            return quantity * quantity

    assert line(plots.price_curve(Squared(), 240, ax=ax), "amount")[12] == 144


def test_a_fee_spread_over_few_units_does_not_flatten_the_rates(plots, ax):
    right = plots.price_curve(PerUnit("0.01") + Flat(5), 1000, ax=ax).figure.axes[1]

    # at a tenth, 100 units cost 6 or 0.06 each; a third of that is left above
    assert right.get_ylim() == (0, pytest.approx(0.08))


def test_what_costs_nothing_can_be_drawn(plots, ax):
    assert plots.price_curve(PerUnit(0), 10, ax=ax).figure.axes[1].get_ylim() == (0, 1)


def test_what_costs_something_only_at_jumps_has_no_line_of_the_next_unit(plots, ax):
    left = plots.price_curve(Package(1000, 5), 3500, ax=ax)

    assert entries(left) == ["amount", "average rate"]


def test_the_line_of_the_next_unit_has_a_gap_at_each_jump(plots, ax):
    right = plots.price_curve(PerUnit("0.01") + Package(1000, 5), 3500, ax=ax).figure.axes[1]
    following = line(right, "next unit")

    assert following[500 * 3.5 - 3.5 * 25] == pytest.approx(0.01)
    assert following[1000] != following[1000]  # not a number: the jump is off the scale


# A bill


def test_a_bill_is_a_waterfall_of_its_lines(plots, ax):
    plan = BillingPlan.subscription("20", CENT, discounts=[Discount.percent(10)])

    axes = plots.waterfall(Bill.of(Usage(calls=3000), plan), ax=ax)

    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert bars == [(0, 20), (20, 30), (50, -5), (0, 45)]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "subscription",
        "calls",
        "10 % off",
        "total",
    ]
    assert texts(axes) == ["20.00", "30.00", "−5.00", "45.00"]
    assert axes.get_xlabel() == "amount (USD)"


def test_a_long_description_is_cut(plots, ax):
    name = "calls_" + "x" * 60

    axes = plots.waterfall(Bill.of(Usage({name: 1}), BillingPlan(PriceSchedule({name: 1}))), ax=ax)

    assert axes.get_yticklabels()[0].get_text() == f"{name[:39]}…"


def test_an_empty_bill_is_its_total(plots, ax):
    assert texts(plots.waterfall(Bill.of(Usage(), BillingPlan(CENT)), ax=ax)) == ["0.00"]


# Plans


def test_plans_are_drawn_with_their_crossings(plots, ax):
    axes = plots.plan_curves(OFFERS, "calls", 12_000, ax=ax)

    assert line(axes, "pro")[10_000] == 70
    rings = [tuple(drawn.get_xydata()[0]) for drawn in axes.get_lines() if drawn.get_marker() == "o"]
    assert sorted(rings) == [(2000, 20), (7000, 70), (10_000, 70)]
    assert sorted(texts(axes)) == ["10,000", "2,000", "7,000"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("calls", "total (USD)")


def test_the_cheapest_plan_is_underlined_as_far_as_it_is(plots, ax):
    axes = plots.plan_curves(OFFERS, "calls", 12_000, ax=ax)

    broad = [drawn for drawn in axes.get_lines() if drawn.get_linewidth() == 7]
    assert [(drawn.get_xdata()[0], drawn.get_xdata()[-1]) for drawn in broad] == [
        (0, 2000),
        (pytest.approx(2000, abs=0.02), 10_000),
        (pytest.approx(10_000, abs=0.02), 12_000),
    ]


def test_other_usage_lifts_every_plan(plots, ax):
    plans = [BillingPlan(PriceSchedule(calls=1, hours=2), name="one")]

    assert line(plots.plan_curves(plans, "calls", 10, usage={"hours": 3}, ax=ax), "one")[0] == 6


def test_plans_are_drawn_for_a_part_of_their_cycle(plots, ax):
    team = BillingPlan.subscription(30, PriceSchedule(calls=0), cycle=Cycle.monthly(), name="team")
    plans = [BillingPlan.on_demand(PriceSchedule(calls=1), name="pay"), team]
    third = Period("2026-06-01", "2026-06-11")

    axes = plots.plan_curves(plans, "calls", 40, period=third, ax=ax)
    assert line(axes, "team")[0] == 10  # 30 × 10 ÷ 30
    assert texts(axes) == ["10"]
    broad = [drawn for drawn in axes.get_lines() if drawn.get_linewidth() == 7]
    assert broad[0].get_xdata()[-1] == 10


def test_a_crossing_with_a_fraction_is_told_to_two_places(plots, ax):
    plans = [
        BillingPlan.on_demand(PriceSchedule(calls=3), name="a"),
        BillingPlan.subscription(10, PriceSchedule(calls=0), name="b"),
    ]

    assert texts(plots.plan_curves(plans, "calls", 10, ax=ax)) == ["3.33"]


def one_rate(rate, **names):
    return BillingPlan.on_demand(PriceSchedule(calls=rate), **names)


def test_every_crossing_has_its_number_and_no_two_are_written_over_each_other(plots, ax):
    plans = [one_rate(1), *(BillingPlan.subscription(fee, PriceSchedule(calls=0)) for fee in (50, 51, 57))]

    axes = plots.plan_curves(plans, "calls", 100, ax=ax)

    assert texts(axes) == ["50", "51", "57"]
    assert not overlaps(axes)
    below = [text.xyann[1] for text in axes.texts]
    assert (below[0], below[2]) == (-14, -14)
    assert below[1] < -14  # 51 stands beside 50, so its number has a row of its own


def test_many_crossings_in_a_small_space_are_all_told_apart(plots, ax):
    fees = [(0, 10), (20, 8), (30, 6), (45, 4), (60, 2), (75, 1)]
    plans = {
        f"plan {fee}": BillingPlan.subscription(fee, PriceSchedule(calls=PerUnit(rate, per=1000)))
        for fee, rate in fees
    }

    axes = plots.plan_curves(plans, "calls", 20_000, ax=ax)

    assert len(texts(axes)) == 9
    assert not overlaps(axes)


def test_no_two_of_twelve_plans_are_drawn_alike(plots, ax):
    plans = {str(rate): one_rate(rate) for rate in range(1, 13)}

    lines = plots.plan_curves(plans, "calls", 10, ax=ax).get_lines()[:12]

    assert len({(drawn.get_color(), str(drawn._dash_pattern)) for drawn in lines}) == 12


def test_long_names_of_plans_keep_their_ends_and_are_not_cut_off(plots, ax):
    plans = {f"enterprise agreement with a commitment of {size}": one_rate(size) for size in range(1, 13)}

    axes = plots.plan_curves(plans, "calls", 10, ax=ax)
    axes.figure.canvas.draw()

    assert entries(axes)[11] == "enterprise agr…mitment of 12"
    legend, whole = axes.get_legend().get_window_extent(), axes.figure.bbox
    assert legend.x1 <= whole.x1
    assert legend.y1 <= whole.y1
    assert axes.get_window_extent().height > whole.height / 2


# A period's spend


def standing(days=True):
    account = Bill.of(
        Usage(calls=800), BillingPlan(CENT), period=MARCH, final=False, opening=Account()
    ).closing
    by_day = {
        date(2026, 3, day): Usage(calls=80 + 20 * (day == 9) - 20 * (day == 10)) for day in range(1, 11)
    }
    return status(account, BillingPlan(CENT), at="2026-03-11", days=by_day if days else None)


def test_spend_is_drawn_with_forecast_interval_and_budget(plots, ax):
    axes = plots.spend(standing(), Budget(30, name="team"), ax=ax)

    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["spent", "forecast", "interval"]
    assert list(line(axes, "spent").values())[:2] == [0.8, 1.6]
    assert min(line(axes, "spent")) == date(2026, 3, 2)
    assert line(axes, "forecast")[date(2026, 3, 11)] == 8
    assert max(line(axes, "forecast")) == date(2026, 4, 1)
    assert texts(axes) == ["50 %", "80 %", "team 30"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("end of day", "total of the period (USD)")


def test_the_interval_ends_where_the_forecast_says(plots, ax):
    found = standing()

    (fan,) = plots.spend(found, ax=ax).collections
    ends = fan.get_paths()[0].vertices[:, 1]

    assert max(ends) == pytest.approx(as_drawn(found.forecast.high))
    assert as_drawn(found.forecast.low) in [pytest.approx(end) for end in ends]


def as_drawn(amount):
    return int(amount * 10**6) / 10**6


def test_spend_without_days_has_a_forecast_alone(plots, ax):
    axes = plots.spend(standing(days=False), ax=ax)

    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["forecast"]
    assert len(axes.collections) == 0


# All of them


USED = {
    "2026-11-01T01:00:00Z": Usage({"calls{model=small}": 5, "calls{model=large}": 2}),
    "2026-11-01T00:00:00Z": Usage({"calls{model=small}": 10}),
}
BY_MODEL = PriceSchedule({"calls{model=small}": 1, "calls{model=large}": 3})


def test_spend_is_stacked_by_a_label_and_adds_up_to_the_bill(plots, ax):
    plan = BillingPlan(BY_MODEL, fees=[Fee(20)])
    axes = plots.stacked_spend(USED, plan, "model", ax=ax)
    bars = [[(bar.get_y(), bar.get_height()) for bar in drawn] for drawn in axes.containers]

    # 10 of small and the fee in the first hour; 5 of small and 2 × 3 of large in the second
    assert bars == [[(0, 10), (0, 5)], [(10, 0), (5, 6)], [(10, 20), (11, 0)]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["small", "large", "other"]
    assert axes.containers[0][0].get_width() == pytest.approx(0.9 / 24)


def test_what_is_given_back_hangs_below_zero(plots, ax):
    cliff = Volume([Tier(10, 2), Tier(None, 1)])
    used = {"2026-11-01": Usage(calls=10), "2026-11-02": Usage(calls=1)}
    axes = plots.stacked_spend(used, BillingPlan.on_demand(PriceSchedule(calls=cliff)), "model", ax=ax)

    # 10 × 2, then 11 × 1
    assert [(bar.get_y(), bar.get_height()) for bar in axes.containers[0]] == [(0, 20), (0, -9)]
    assert plots.stacked_spend({"2026-11-01": Usage(calls=1)}, one_rate(1), "model", ax=ax) is ax


def test_bars_of_an_hour_that_comes_twice_stand_in_the_order_of_time(plots, ax):
    # the half hours from 00:00Z on, of a night in Berlin whose third hour comes twice
    walls = ("02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00")
    used = {f"2026-10-25T{wall}[Europe/Berlin]": Usage(calls=n) for n, wall in enumerate(walls, 1)}
    cliff = Volume([Tier(3, 2), Tier(None, 1)])
    axes = plots.stacked_spend(used, BillingPlan.on_demand(PriceSchedule(calls=cliff)), "model", ax=ax)

    # 1 × 2, 3 × 2, 6 × 1 and 10 × 1, each less what came before
    assert [bar.get_height() for bar in axes.containers[0]] == [2, 4, 0, 4]
    assert axes.containers[0][0].get_width() == pytest.approx(0.9 / 48)


def test_totals_are_spread_over_tenants(plots, ax):
    totals = {f"t{i}": Decimal(i) for i in range(1, 101)}
    axes = plots.distribution(totals, ax=ax)

    assert sum(bar.get_height() for bar in axes.patches) == 100
    assert [line.get_xdata()[0] for line in axes.get_lines()] == [51, 91]
    bills = [Bill.of(Usage(calls=n), one_rate(1)) for n in (1, 2)]
    assert plots.distribution(bills, ax=ax).get_xlabel() == "total (USD)"


def test_without_axes_the_current_ones_are_drawn_on(plots, ax):
    import_module("matplotlib.pyplot").sca(ax)

    assert plots.waterfall(Bill.of(Usage(calls=1), BillingPlan(CENT))) is ax


ODD = ["$5 to $6", "_x", r"$\frac{$"]


@pytest.mark.parametrize("name", ODD)
def test_names_are_drawn_as_they_are(plots, name):
    plan = BillingPlan.subscription(Fee(5, name=name), CENT)
    drawings = [
        lambda ax: plots.price_curve(PerUnit(1), 10, per=1000, currency=name, unit=name, ax=ax),
        lambda ax: plots.waterfall(Bill.of(Usage(calls=5), plan), ax=ax),
        lambda ax: plots.plan_curves({name: plan, "other": one_rate(1)}, "calls", 10, ax=ax),
        lambda ax: plots.spend(standing(), Budget(30, name=name), ax=ax),
    ]
    for draw in drawings:
        figure, axes = import_module("matplotlib.pyplot").subplots(layout="constrained")
        draw(axes)
        figure.savefig(BytesIO())
        written = [
            text
            for text in figure.findobj(import_module("matplotlib.pyplot").Text)
            if name in text.get_text()
        ]
        import_module("matplotlib.pyplot").close(figure)

        assert written
        assert not any(text.get_parse_math() for text in written)


def test_a_plan_whose_name_begins_with_an_underscore_is_in_the_legend(plots, ax):
    axes = plots.plan_curves({"_x": one_rate(1), "$5 to $6": one_rate(2)}, "calls", 10, ax=ax)

    assert entries(axes) == ["_x", "$5 to $6", "cheapest"]


@pytest.mark.parametrize("ax", [5, "axes", []])
def test_what_is_no_axes_is_refused(plots, ax):
    for draw in (
        lambda: plots.price_curve(PerUnit(1), 10, ax=ax),
        lambda: plots.waterfall(Bill.of(Usage(calls=1), BillingPlan(CENT)), ax=ax),
        lambda: plots.plan_curves(OFFERS, "calls", 10, ax=ax),
        lambda: plots.spend(standing(), ax=ax),
    ):
        with pytest.raises(InvalidPlan, match="Axes"):
            draw()


REFUSED = {
    "no price": (lambda plots: plots.price_curve(5, 10), InvalidPrice),
    "no quantity": (lambda plots: plots.price_curve(PerUnit(1), 0), InvalidNumber),
    "no units": (lambda plots: plots.price_curve(PerUnit(1), 10, per=0), InvalidNumber),
    "a float": (lambda plots: plots.price_curve(PerUnit(1), 0.5), InvalidNumber),
    "no bill": (lambda plots: plots.waterfall(5), InvalidPlan),
    "no plans": (lambda plots: plots.plan_curves([], "calls", 10), InvalidPlan),
    "another meter": (lambda plots: plots.plan_curves(OFFERS, "hours", 10), TokenbillError),
    "no status": (lambda plots: plots.spend(5), InvalidPlan),
    "no budget": (lambda plots: plots.spend(standing(), 5), InvalidPlan),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_is_refused(plots, what):
    draw, error = REFUSED[what]

    with pytest.raises(error):
        draw(plots)


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_every_picture_can_be_rendered_and_no_text_is_cut(plots, style):
    plan = BillingPlan.subscription("20", PriceSchedule({"calls{region=eu,tier=gold}": "0.01"}))
    bill = Bill.of(Usage({"calls{region=eu,tier=gold}": 3000}), plan)
    drawings = [
        lambda axes: plots.price_curve(Package(1000, 5), 5500, currency="USD", unit="calls", ax=axes),
        lambda axes: plots.waterfall(bill, ax=axes),
        lambda axes: plots.plan_curves(OFFERS, "calls", 12_000, ax=axes),
        lambda axes: plots.spend(standing(), Budget(30), ax=axes),
        lambda axes: plots.stacked_spend(USED, BillingPlan.on_demand(BY_MODEL), "model", ax=axes),
    ]
    with import_module("matplotlib.pyplot").style.context(style):
        for draw in drawings:
            figure, axes = import_module("matplotlib.pyplot").subplots(layout="constrained")
            draw(axes)
            figure.canvas.draw()
            shown, whole = figure.get_tightbbox(), figure.bbox_inches
            assert min(shown.x0 - whole.x0, shown.y0 - whole.y0) >= 0
            assert shown.x1 <= whole.x1
            assert shown.y1 <= whole.y1
            import_module("matplotlib.pyplot").close(figure)


def test_what_is_no_usage_by_time_and_no_totals_is_refused(plots, ax):
    for usage, plan, error in [
        ({}, one_rate(1), InvalidUsage),
        (5, one_rate(1), InvalidUsage),
        ({hour: Usage(calls=1) for hour in range(24)}, one_rate(1), InvalidUsage),
        (USED, 5, InvalidPlan),
    ]:
        with pytest.raises(error):
            plots.stacked_spend(usage, plan, "model", ax=ax)
    for totals in ([], 5, ["a"], {"a": 1.5}):
        with pytest.raises(InvalidPlan):
            plots.distribution(totals, ax=ax)


def test_pictures_speak_chinese(plots, ax):
    pyplot = import_module("matplotlib.pyplot")
    plan = BillingPlan(BY_MODEL, fees=[Fee(20)], taxes=[Tax("VAT", 19)])
    bill = Bill.of(Usage({"calls{model=small}": 5}), plan)
    drawings = {
        ("单位", "金额"): lambda axes: plots.price_curve(PerUnit(1), 10, lang="zh", ax=axes),
        ("金额 (USD)", ""): lambda axes: plots.waterfall(bill, lang="zh", ax=axes),
        ("calls", "合计 (USD)"): lambda axes: plots.plan_curves(OFFERS, "calls", 9, lang="zh", ax=axes),
        ("日终", "本期合计 (USD)"): lambda axes: plots.spend(standing(), lang="zh", ax=axes),
        ("时间", "已支出 (USD)"): lambda axes: plots.stacked_spend(USED, plan, "model", lang="zh", ax=axes),
        ("合计 (USD)", "租户数"): lambda axes: plots.distribution([bill, bill], lang="zh", ax=axes),
    }
    for labels, draw in drawings.items():
        figure, axes = pyplot.subplots(layout="constrained")
        draw(axes)
        said = [text.get_text() for text in figure.findobj(import_module("matplotlib.text").Text)]
        assert (axes.get_xlabel(), axes.get_ylabel()) == labels
        assert not any(word in text for text in said for word in ("amount", "total", "other", "spent"))
        pyplot.close(figure)
    titles = [label.get_text() for label in plots.waterfall(bill, lang="zh", ax=ax).get_yticklabels()]
    assert titles == ["订阅费", "调用，模型 small", "VAT", "合计"]


def test_every_picture_refuses_a_language_in_which_none_is_drawn(plots, ax):
    for draw in (
        lambda: plots.price_curve(PerUnit(1), 10, lang="de", ax=ax),
        lambda: plots.distribution({"a": Decimal(1)}, lang=None, ax=ax),
    ):
        with pytest.raises(InvalidName):
            draw()
