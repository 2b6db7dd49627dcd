import copy
import pickle
import subprocess
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Grant,
    Meter,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Trial,
    Usage,
    Volume,
)
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.plans.levels import LevelChange, levels_of
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import (
    CurrencyMismatch,
    InvalidCurrency,
    InvalidMeter,
    InvalidName,
    InvalidNumber,
    InvalidPlan,
    InvalidPrice,
    InvalidUsage,
)

PRICES = PriceSchedule(gpu_hours="0.10", api_calls="0.01")
TOKENS = PriceSchedule(currency=Currency("TOKEN", places=0), api_calls=3)
FEBRUARY = Period("2026-02-01", "2026-03-01")
LATE = Period("2026-02-15", "2026-03-01")


class Doubling:
    """A schedule of a user's own: every meter costs 2."""

    currency = "EUR"

    def match(self, meter):
        return Entry(meter, PerUnit(2))


class Hashed(Doubling):
    """The same, with a hash of its content."""

    def content_hash(self):
        return "two"


def test_a_plan_on_demand_is_its_prices():
    plan = BillingPlan.on_demand(PRICES)

    assert plan == BillingPlan(PRICES)
    assert (plan.fees, plan.taxes, plan.cycle, plan.overage) == ((), (), None, "bill")
    assert plan.currency == plan.pricing_unit == Currency("USD")


def test_a_subscription_has_a_fee_a_month_before_its_other_fees():
    plan = BillingPlan.subscription("99", PRICES, fees=Fee(5, "seats"))

    assert plan.fees == (Fee("99"), Fee(5, "seats"))
    assert plan.cycle == Cycle.monthly()


def test_a_subscription_takes_a_fee_and_a_cycle_of_its_own():
    fee, yearly = Fee(99, "platform", "arrears"), Cycle("year", "2026-01-01")

    plan = BillingPlan.subscription(fee, PRICES, cycle=yearly)

    assert (plan.fees, plan.cycle) == ((fee,), yearly)


def test_a_prepaid_plan_bills_or_refuses_what_the_balance_does_not_cover():
    assert BillingPlan.prepaid(PRICES).overage == "bill"
    assert BillingPlan.prepaid(PRICES, overage="refuse").overage == "refuse"


def test_terms_are_given_alone_or_as_a_list():
    discount, tax = Discount.percent(10), Tax("VAT", 19)

    plan = BillingPlan(PRICES, discounts=discount, taxes=iter([tax]), included=[("api_calls", 5)])

    assert (plan.discounts, plan.taxes) == ((discount,), (tax,))
    assert plan.included == ((Meter("api_calls"), 5),)


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"name": "a\nb"}, InvalidName),
        ({"name": None}, InvalidName),
        ({"fees": 99}, InvalidPlan),
        ({"fees": ["99"]}, InvalidPlan),
        ({"discounts": [Tax("VAT", 19)]}, InvalidPlan),
        ({"taxes": "VAT"}, InvalidPlan),
        ({"included": 100}, InvalidPlan),
        ({"included": {"api_calls": -1}}, InvalidPlan),
        ({"included": [("api_calls", 1), ("api_calls{}", 2)]}, InvalidPlan),
        ({"included": {"pages": 5}}, InvalidPlan),
        ({"included": {"a b": 5}}, InvalidMeter),
        ({"included": {"api_calls": 0.5}}, InvalidNumber),
        ({"prorate_included": 1}, InvalidPlan),
        ({"prorate_included": None}, InvalidPlan),
        ({"minimum": -1}, InvalidPrice),
        ({"maximum": 0.5}, InvalidNumber),
        ({"minimum": 500, "maximum": 499}, InvalidPlan),
        ({"rounding": 2}, InvalidPlan),
        ({"rounding": None}, InvalidPlan),
        ({"rounding": Rounding(tax="line")}, InvalidPlan),
        ({"currency": "dollars"}, InvalidCurrency),
        ({"currency": "EUR"}, CurrencyMismatch),
        ({"token_price": PerUnit(1)}, InvalidPlan),
        ({"token_price": "0.10"}, InvalidPlan),
        ({"cycle": "month"}, InvalidPlan),
        ({"proration": "week"}, InvalidPlan),
        ({"overage": "ignore"}, InvalidPlan),
        ({"trial": 14}, InvalidPlan),  # from when on?
        ({"trial": True, "cycle": Cycle.monthly()}, InvalidPlan),
        ({"trial": -1, "cycle": Cycle.monthly()}, InvalidPlan),
        ({"trial": 3661, "cycle": Cycle.monthly()}, InvalidPlan),
        ({"trial": "14", "cycle": Cycle.monthly()}, InvalidPlan),
    ],
    ids=str,
)
def test_terms_that_are_none_or_contradict_each_other_are_refused(terms, error):
    with pytest.raises(error):
        BillingPlan(PRICES, **terms)


@pytest.mark.parametrize(
    "prices", [None, {"gpu_hours": "0.10"}, 5, "gpu_hours", object()], ids=lambda it: type(it).__name__
)
def test_a_plan_needs_a_schedule(prices):
    with pytest.raises(InvalidPlan, match="not a schedule of prices"):
        BillingPlan(prices)


def test_what_is_wrong_with_an_allowance_is_told_with_the_meters_that_there_are():
    with pytest.raises(InvalidPlan, match="name one of 'api_calls', 'gpu_hours'"):
        BillingPlan(PRICES, included={"pages": 5})


def test_any_object_that_matches_meters_in_a_currency_is_a_schedule():
    plan = BillingPlan(Doubling(), included={"whatever": 5})

    assert (plan.currency, plan.allowance(Meter("whatever"))) == (Currency("EUR"), 5)
    assert plan.allowance(Meter("other")) == 0


def test_a_token_price_leads_from_the_units_of_the_schedule_to_the_currency():
    plan = BillingPlan(TOKENS, currency="USD", token_price=PerUnit("0.002"))

    assert (plan.pricing_unit.code, plan.currency.code) == ("TOKEN", "USD")


def test_a_minimum_may_be_the_maximum():
    assert BillingPlan(PRICES, minimum=500, maximum=500).maximum == 500


def test_a_plan_without_a_cycle_owes_all_of_it_for_any_period():
    assert BillingPlan(PRICES).share(LATE) == 1
    assert BillingPlan.subscription(99, PRICES).share(None) == 1


def test_a_part_of_a_period_owes_its_part():
    by_day = BillingPlan.subscription(93, PRICES)
    march = Period("2026-03-16", "2026-03-31")

    assert by_day.share(march) == Fraction(15, 31)
    assert by_day.fee_share(march) == Fraction(15, 31)


def test_a_part_may_be_counted_by_the_second():
    cycle = Cycle("month", "2024-03-01", tz="America/New_York")
    part = Period(
        "2024-03-01T00:00:00-05:00[America/New_York]", "2024-03-11T00:00:00-04:00[America/New_York]"
    )

    # 10 days of 31; an hour was skipped on the 10th: 239 hours of 743
    assert BillingPlan(PRICES, cycle=cycle).share(part) == Fraction(10, 31)
    assert BillingPlan(PRICES, cycle=cycle, proration="second").share(part) == Fraction(239, 743)


def test_no_fee_is_owed_for_days_of_the_trial():
    plan = BillingPlan.subscription(99, PRICES, cycle=Cycle.monthly("2026-02-01"), trial=14)

    assert plan.share(FEBRUARY) == 1
    assert plan.fee_share(FEBRUARY) == Fraction(1, 2)  # 14 of 28 days
    assert plan.fee_share(LATE) == Fraction(1, 2)  # the trial is over
    assert plan.fee_share(Period("2026-02-01", "2026-02-15")) == 0


def test_a_trial_of_days_is_counted_from_the_anchor_in_its_zone():
    cycle = Cycle("month", "2026-02-01", tz="America/New_York")
    plan = BillingPlan.subscription(99, PRICES, cycle=cycle, trial=14)
    february = Period(
        "2026-02-01T00:00:00-05:00[America/New_York]", "2026-03-01T00:00:00-05:00[America/New_York]"
    )

    assert plan.fee_share(february) == Fraction(1, 2)


def test_a_trial_may_be_a_period_of_its_own():
    free = Period("2026-02-08", "2026-02-15")

    assert BillingPlan(PRICES, trial=free).fee_share(FEBRUARY) == Fraction(3, 4)  # 7 of 28 days are free
    assert BillingPlan.subscription(9, PRICES, trial=free).fee_share(FEBRUARY) == Fraction(3, 4)
    assert BillingPlan(PRICES, trial=free).fee_share(None) == 1


def test_a_plan_says_whether_a_balance_covers_usage():
    plan = BillingPlan.prepaid(PRICES, taxes=Tax("VAT", 20))
    account = Account(balance=Balance([Grant("paid", 12, "USD")]))

    assert plan.covers(Usage(gpu_hours=100), account)  # 10 + 2 tax = 12
    assert not plan.covers(Usage(gpu_hours=101), account)


def test_a_balance_is_asked_at_a_time_where_grants_are_dated():
    plan = BillingPlan.prepaid(PRICES)
    account = Account(balance=Balance([Grant("paid", 12, "USD", expires="2026-03-01")]))

    assert plan.covers(Usage(gpu_hours=100), account, at="2026-02-28")
    assert not plan.covers(Usage(gpu_hours=100), account, at=date(2026, 3, 1))
    assert plan.covers(Usage(gpu_hours=100), account, period=FEBRUARY)


@pytest.mark.parametrize("account", [None, Balance(), BillingPlan(PRICES)], ids=["none", "balance", "plan"])
def test_only_an_account_affords_usage(account):
    with pytest.raises(InvalidPlan, match="not an account"):
        BillingPlan.prepaid(PRICES).covers(Usage(gpu_hours=1), account)


def test_a_plan_tells_what_is_seldom_meant_in_its_prices_and_its_token_price():
    falling = Volume([Tier(10, 10), Tier(None, 6)])
    tokens = BillingPlan(TOKENS, currency="USD", token_price=falling)

    assert [(found.code, found.meter) for found in tokens.lint()] == [("cliff", "token_price")]
    assert [found.code for found in BillingPlan(PriceSchedule(calls=falling)).lint()] == ["cliff"]
    assert BillingPlan(Doubling()).lint() == ()


def test_the_hash_of_terms_is_of_what_decides_about_money():
    plan = BillingPlan(PRICES, name="basic")

    assert plan.fingerprint() == BillingPlan(PRICES, name="renamed").fingerprint()
    assert plan.fingerprint() == BillingPlan(PriceSchedule(api_calls="0.010", gpu_hours="0.1")).fingerprint()
    assert plan.fingerprint() != BillingPlan(PRICES * 2).fingerprint()
    assert plan.fingerprint() != BillingPlan(PRICES, minimum=5).fingerprint()
    assert plan.fingerprint() == plan.fingerprint()


def test_a_schedule_of_ones_own_counts_with_its_hash_where_it_has_one():
    assert BillingPlan(Doubling()).fingerprint() == BillingPlan(Doubling(), name="again").fingerprint()
    assert BillingPlan(Doubling()).fingerprint() != BillingPlan(Hashed()).fingerprint()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_of_terms_is_the_same_in_every_process(seed):
    program = (
        "from tokenbill import *;"
        "prices = PriceSchedule(api_calls='0.01', gpu_hours='0.10');"
        "print(BillingPlan(prices, discounts=Discount.percent(10, on=('fee', 'usage'))).fingerprint())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )

    assert (
        done.stdout.strip()
        == BillingPlan(PRICES, discounts=Discount.percent(10, on=["usage", "fee"])).fingerprint()
    )


EVERYTHING = BillingPlan.subscription(
    "99",
    PRICES,
    name="pro",
    included={"api_calls": 100},
    prorate_included=True,
    discounts=[Discount.percent(10), Discount.fixed(5)],
    minimum=10,
    maximum=500,
    taxes=[Tax("VAT", 19)],
    rounding=Rounding(stage="line"),
    trial=14,
    proration="second",
    overage="refuse",
)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, evolve, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_plan_survives_a_copy_and_a_pickle(again):
    EVERYTHING.fingerprint()

    assert again(EVERYTHING) == EVERYTHING
    assert hash(again(EVERYTHING)) == hash(EVERYTHING)
    assert repr(again(EVERYTHING)) == repr(EVERYTHING)
    assert again(EVERYTHING).fingerprint() == EVERYTHING.fingerprint()


def test_a_change_of_terms_makes_another_plan():
    cheaper = evolve(EVERYTHING, minimum=Decimal(5))

    assert (EVERYTHING.minimum, cheaper.minimum) == (10, 5)
    assert cheaper.fingerprint() != EVERYTHING.fingerprint()


def test_a_plan_is_a_table_of_its_terms_in_a_notebook():
    html = evolve(EVERYTHING, name="<pro>")._repr_html_()

    assert ">&lt;pro&gt;</caption>" in html
    assert ">price of api_calls</td>" in html
    assert ">Tax: name VAT, percent 19</td>" in html


def test_the_prices_of_a_book_are_in_one_currency():
    euros = PriceSchedule(gpu_hours="0.10", api_calls="0.01", currency="EUR")

    with pytest.raises(CurrencyMismatch):
        BillingPlan(PriceBook([("2026-01-01", PRICES), ("2026-07-01", euros)]))


def test_a_list_of_two_kinds_is_read_as_neither():
    with pytest.raises(InvalidPlan, match="not an allowance"):
        BillingPlan(PRICES, included=[Allowance(5, "gpu_hours"), ("b", 3)])
    for wrong in ([LevelChange("2026-06-01", 1), 5], [5, LevelChange("2026-06-01", 1)]):
        with pytest.raises(InvalidUsage, match="not a level"):
            levels_of({"seats": wrong})
    changes = [("2026-06-01", 1), ("2026-06-10", 2)]
    told = [LevelChange(*change) for change in changes]
    assert levels_of({"seats": told}) == levels_of({"seats": iter(changes)}) == levels_of({"seats": changes})


def test_an_allowance_may_be_nothing_or_a_part_of_a_unit():
    for units in (0, "0.5"):
        plan = BillingPlan(PriceSchedule(a=1), included={"a": units})
        assert Bill.of({"a": 1}, plan).exact == 1 - Decimal(units)


@pytest.mark.parametrize("dates", [{"starts": "2026-06-10"}, {"ends": "2026-06-10"}])
def test_a_term_with_one_date_makes_a_plan_dated(dates):
    assert BillingPlan(PRICES, taxes=Tax("VAT", 1, **dates)).is_dated
    assert not BillingPlan(PRICES, taxes=Tax("VAT", 1)).is_dated


def test_a_tax_per_unit_is_on_meters_alone():
    for on in (("a", "fee"), "fee", ("fee", "a")):
        with pytest.raises(InvalidPlan, match="of no meter"):
            Tax.per_unit("levy", "0.10", meter=on)


def test_usage_is_charged_in_a_trial_of_fees():
    fees = [Fee(30), Fee(3, "d", ends="2026-06-16")]
    plan = BillingPlan(
        PriceSchedule(a=1), cycle=Cycle.monthly("2026-06-01"), fees=fees, trial=Trial(10, on=("fee",))
    )
    bill = Bill.of({"2026-06-02": {"a": 8}}, plan, period=Period("2026-06-01", "2026-07-01"))

    # 20 of 30 days; 5 of the 15 that the second fee has
    assert [str(line.amount) for line in bill.lines] == ["20.00", "0.50", "8"]
