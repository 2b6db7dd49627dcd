"""A stage that is put into the one list works in bills of every kind, in columns and along a meter."""

from fractions import Fraction

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Discount,
    Grant,
    PriceSchedule,
    Rounding,
    Tax,
    Usage,
    frames,
)
from tokenbill.core.pricing.curves import at
from tokenbill.core.rating import compiled_plan
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.plan_scale import Stage
from tokenbill.core.rating.stages import STAGES, TrueUpToMinimum
from tokenbill.shared.plan_curve import total_curve

PRICES = PriceSchedule(calls="1.00", gpu="2.00")
VAT = Tax("VAT", 20)


class Surcharge(Stage):
    """One percent on top of every charge, the true-up included."""

    def __init__(self, scale):
        self.scale_before = scale.scale
        scale.scale *= 1 if scale.whole_lines else 100
        self.charge = Charge("adjustment", None, "surcharge", rule="1 % of {}")

    @classmethod
    def of(cls, scale):
        yield cls(scale)

    def apply(self, run):
        before, over = run.sum(run.nets), self.scale_before * run.widened
        if run.whole_lines:
            more = run.whole(run.nets, 100, run.keys(range(len(run.nets))))
            run.nets = [net + part for net, part in zip(run.nets, more, strict=True)]
            run.note(self.charge, run.sum(run.nets) - before, over, before, over)
        else:
            run.note(self.charge, before, over * 100, before, over)
            run.nets = [net * 101 for net in run.nets]


@pytest.fixture(autouse=True)
def surcharged(monkeypatch):
    place = STAGES.index(TrueUpToMinimum.of) + 1  # after the minimum
    monkeypatch.setattr(compiled_plan, "STAGES", (*STAGES[:place], Surcharge.of, *STAGES[place:]))


def plans():
    """Made anew for each test: a plan keeps the stages that it was compiled with."""
    return {
        # 33 + 2 × 1 = 35, and 0.35
        "prices": (BillingPlan.on_demand(PRICES), "35.35", "0"),
        # 100 + 1, and 20 % of 101
        "minimum": (BillingPlan.on_demand(PRICES, minimum=100, taxes=[VAT]), "101.00", "20.20"),
        "lines": (
            BillingPlan.on_demand(PRICES, minimum=100, taxes=[VAT], rounding=Rounding(stage="line")),
            "101.00",
            "20.20",
        ),
        # (20 + 35) × 0.9 = 49.50, and 0.495; 20 % of 49.995 is 9.999
        "discount": (
            BillingPlan.subscription(20, PRICES, taxes=[VAT], discounts=[Discount.percent(10)]),
            "49.995",
            "9.999",
        ),
        # 29 + 2 held to 15.50, half of it; lifted to 20 and 0.20; 20 % of 14.50 × 1.01
        "spread": (
            BillingPlan.on_demand(
                PRICES,
                minimum=20,
                maximum=20,
                taxes=[Tax("VAT", 20, on="calls")],
                discounts=[Discount.fixed(4, on="calls"), Discount.fixed("15.50")],
            ),
            "20.20",
            "2.929",
        ),
    }


NAMES = sorted(plans())


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_of_the_list_is_on_every_bill(name):
    plan, net, tax = plans()[name]
    bill = Bill.of(Usage(calls=33, gpu=1), plan)
    assert bill.total == plan.rounding(Fraction(net), 2) + plan.rounding(Fraction(tax), 2)
    assert [line.amount > 0 for line in bill.lines if line.description == "surcharge"] == [True]
    assert sum(line.amount for line in bill.lines) == bill.total
    bill.verify()


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_of_the_list_is_on_interim_bills_and_before_credit(name):
    plan = plans()[name][0]
    whole = Bill.of(Usage(calls=33, gpu=1), plan)
    paid = [Grant("paid", 10, "USD"), Grant("calls", 7, "USD", on="calls")]
    first = Bill.of(Usage(calls=20), plan, opening=Account(balance=paid), final=False)
    last = Bill.of(Usage(calls=13, gpu=1), plan, opening=first.closing)
    assert first.total + last.total == whole.total
    assert first.due + last.due == whole.total - 17
    last.verify()


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_of_the_list_is_in_columns(name):
    polars = pytest.importorskip("polars")
    plan = plans()[name][0]
    rows = polars.DataFrame({"tenant": ["a", "b"], "calls": [33, 500], "gpu": [1, 0]})
    found = frames.rate(rows, plan, by=["tenant"]).group_by("tenant").agg(polars.col("amount").sum())
    totals = {"a": Bill.of(Usage(calls=33, gpu=1), plan).total, "b": Bill.of(Usage(calls=500), plan).total}
    assert dict(found.iter_rows()) == totals


@pytest.mark.parametrize("name", sorted({*NAMES} - {"spread"}))
def test_a_stage_of_the_list_is_in_curves(name):
    plan, net, tax = plans()[name]
    total = total_curve(plan, "calls", usage=Usage(gpu=1))
    assert at(total, Fraction(33)) == Fraction(net) + Fraction(tax)
