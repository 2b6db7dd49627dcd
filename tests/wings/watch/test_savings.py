from decimal import Decimal

import pytest

from tokenbill import BillingPlan, Currency, Package, PerUnit, PriceSchedule, Usage
from tokenbill.errors import (
    CurrencyMismatch,
    InvalidMeter,
    InvalidNumber,
    InvalidPeriod,
    InvalidPlan,
    InvalidUsage,
)
from tokenbill.watch.savings import advice, with_share

PRICES = PriceSchedule(
    {
        "input_tokens": PerUnit(3, per=1000),
        "input_tokens{cache=read}": PerUnit("0.30", per=1000),
        "output_tokens": PerUnit(15, per=1000),
        "input_tokens{variant=batch}": PerUnit("1.50", per=1000),
        "output_tokens{variant=batch}": PerUnit("7.50", per=1000),
        "input_tokens{cache=read,variant=batch}": PerUnit("0.15", per=1000),
    }
)
PLAN = BillingPlan.on_demand(PRICES)
USED = Usage(input_tokens=10_000, output_tokens=1000)  # 30 + 15 = 45


def advice_of(found):
    return [(it.code, str(it.saving)) for it in found]


def test_reading_a_share_from_a_cache_saves_the_difference_of_the_rates():
    (found,) = advice(USED, PLAN, cached="0.4")

    # 4,000 tokens at 3 - 0.30 a thousand
    assert (found.code, found.saving, found.before, found.after) == (
        "cache",
        Decimal("10.80"),
        Decimal("45.00"),
        Decimal("34.20"),
    )


def test_batches_are_for_input_and_output():
    assert advice_of(advice(USED, PLAN, batched=1)) == [("batch", "22.50")]


def test_batches_are_for_what_is_read_from_a_cache_too():
    assert advice_of(advice(Usage({"input_tokens{cache=read}": 10_000}), PLAN, batched=1)) == [
        ("batch", "1.50")
    ]


def test_another_plan_is_advised_where_it_is_cheaper_and_only_there():
    dear = BillingPlan.on_demand(PRICES * 2, name="dear")
    flat = BillingPlan.subscription("20", PRICES * "0.5", name="flat")

    (found,) = advice(USED, PLAN, plans=[dear, flat])

    assert str(found) == "change to flat: saves 2.50 USD, 42.50 in place of 45.00"


def test_the_largest_saving_comes_first():
    cheap = BillingPlan.on_demand(PRICES * "0.9", name="cheap")

    assert advice_of(advice(USED, PLAN, cached="0.4", batched="0.5", plans=[cheap])) == [
        ("batch", "11.25"),
        ("cache", "10.80"),
        ("plan", "4.50"),
    ]


def test_a_larger_package_saves_what_its_price_is_lower():
    token = Currency("TOKEN", places=0)
    plan = BillingPlan.prepaid(
        PriceSchedule(gpu_hours=100, currency=token), currency="USD", token_price=PerUnit(20, per=10_000)
    )
    packages = [Package(10_000, 20), Package(50_000, 90), Package(1_000_000, 1500)]

    (found,) = advice(Usage(gpu_hours=450), plan, packages=packages)

    # 45,000 tokens: five packages of 10,000 for 100, or one of 50,000 for 90
    assert str(found) == (
        "buy packages of 50000 in place of 10000: saves 10.00 USD, 90.00 in place of 100.00"
    )


def test_a_change_that_saves_nothing_is_no_advice():
    plain = BillingPlan.on_demand(PriceSchedule(input_tokens=1, output_tokens=1))

    assert advice(USED, plain, cached=1, batched=1, plans=[plain], packages=[Package(1, 1)]) == ()


def test_no_usage_needs_no_advice():
    assert advice(Usage(), PLAN, cached=1, batched=1) == ()


def test_a_share_moves_only_what_has_no_such_label():
    used = Usage({"a{x=1}": 10, "a": 10, "b": 10})

    assert with_share(used, "0.1", "x", "2", names=["a"]) == Usage(
        {"a{x=1}": 10, "a": 9, "a{x=2}": 1, "b": 10}
    )


@pytest.mark.parametrize("share", ["1.01", "-0.1"])
def test_a_share_lies_between_nothing_and_everything(share):
    with pytest.raises(InvalidUsage):
        advice(USED, PLAN, cached=share)


@pytest.mark.parametrize(
    ("used", "label", "names", "error"),
    [
        (5, "x", None, InvalidUsage),
        (USED, "no label", None, InvalidMeter),
        (USED, ["x"], None, InvalidMeter),
        (USED, "x", 5, InvalidMeter),
    ],
)
def test_what_cannot_be_moved_is_refused(used, label, names, error):
    with pytest.raises(error):
        with_share(used, "0.5", label, "y", names=names)


def test_advice_is_about_usage_and_a_plan():
    with pytest.raises(InvalidUsage):
        advice(5, PLAN)
    with pytest.raises(InvalidPlan):
        advice(USED, PRICES)
    with pytest.raises(InvalidPeriod):
        advice(USED, PLAN, period="2026-03")


def test_a_share_is_no_float():
    with pytest.raises(InvalidNumber):
        advice(USED, PLAN, batched=0.5)


@pytest.mark.parametrize("plans", [5, [PRICES], "x"])
def test_what_is_no_plan_is_refused(plans):
    with pytest.raises(InvalidPlan):
        advice(USED, PLAN, plans=plans)


def test_a_plan_in_another_currency_is_not_compared():
    with pytest.raises(CurrencyMismatch):
        advice(USED, PLAN, plans=[BillingPlan.on_demand(PriceSchedule(input_tokens=1, currency="EUR"))])


def test_advice_is_a_table_in_a_notebook():
    (found,) = advice(USED, PLAN, cached="0.4")

    assert "<td" in found._repr_html_()
    assert "10.80" in found._repr_html_()
