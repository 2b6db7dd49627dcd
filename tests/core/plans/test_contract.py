"""Contracts as values: which plan holds when, how a period falls into versions, and what is refused."""

from datetime import UTC, date, datetime

import pytest

from tokenbill import BillingPlan, Cycle, Discount, Fee, Period, PriceBook, PriceSchedule, Rounding, Tax
from tokenbill.core.plans.contract import Amendment, Contract, versions_of
from tokenbill.errors import InvalidPeriod, InvalidPlan

PRICES = PriceSchedule(calls=1)
MARCH = Period("2026-03-01", "2026-04-01")
APRIL = Period("2026-04-01", "2026-05-01")


def monthly(fee, **terms):
    return BillingPlan.subscription(fee, terms.pop("prices", PRICES), name=str(fee), **terms)


def told(contract, period=MARCH):
    return [(str(part), plan.name) for part, plan in contract.versions(period)]


def test_a_plan_is_a_contract_of_one_version():
    (clause,) = versions_of(monthly(31), MARCH)

    assert (clause.period, clause.plan, clause.is_amendment) == (MARCH, monthly(31), False)


def test_an_amendment_cuts_the_period_that_holds_its_date_and_holds_in_the_next():
    contract = Contract(monthly(31)).amended("2026-03-16", monthly(62))

    assert told(contract) == [("2026-03-01/2026-03-16", "31"), ("2026-03-16/2026-04-01", "62")]
    assert told(contract, APRIL) == [("2026-04-01/2026-05-01", "62")]
    assert told(contract, Period("2026-02-01", "2026-03-01")) == [("2026-02-01/2026-03-01", "31")]


def test_amendments_are_kept_in_the_order_of_their_dates():
    contract = Contract(monthly(1)).amended("2026-03-21", monthly(3)).amended("2026-03-11", monthly(2))

    assert [name for _, name in told(contract)] == ["1", "2", "3"]


def test_an_amendment_at_a_date_that_has_one_replaces_it_and_later_ones_stay():
    contract = Contract(monthly(1)).amended("2026-03-11", monthly(2)).amended("2026-03-21", monthly(3))

    assert [name for _, name in told(contract.amended("2026-03-11", monthly(9)))] == ["1", "9", "3"]


def test_an_amendment_on_the_first_day_of_a_period_is_the_plan_of_that_period():
    contract = Contract(monthly(1)).amended("2026-03-01", monthly(2), fees="from_next")
    (clause,) = contract.clauses(MARCH)

    assert (clause.plan.name, clause.is_amendment) == ("2", False)


def test_an_ended_contract_lasts_up_to_its_end():
    contract = Contract(monthly(1)).amended("2026-03-16", monthly(2)).ended("2026-03-11")

    assert told(contract) == [("2026-03-01/2026-03-11", "1")]
    with pytest.raises(InvalidPeriod):
        contract.versions(APRIL)


def test_an_amendment_after_the_end_is_refused():
    with pytest.raises(InvalidPlan):
        Contract(monthly(1)).ended("2026-03-11").amended("2026-03-11", monthly(2))


def test_a_date_begins_at_its_local_midnight_in_a_period_of_instants():
    period = Cycle.monthly(tz="America/New_York").containing("2026-03-02T00:00:00-05:00")
    contract = Contract(monthly(1)).amended("2026-03-16", monthly(2))

    assert [part.start.isoformat() for part, _ in contract.versions(period)] == [
        "2026-03-01T00:00:00-05:00",
        "2026-03-16T00:00:00-04:00",
    ]


def test_an_instant_at_local_midnight_is_a_date_in_a_period_of_dates():
    cycle = Cycle.monthly(tz="Asia/Shanghai")
    contract = Contract(monthly(1, cycle=cycle)).amended("2026-03-15T16:00:00Z", monthly(2, cycle=cycle))

    assert told(contract)[1][0] == "2026-03-16/2026-04-01"


def test_an_instant_within_a_day_has_no_place_in_a_period_of_dates():
    contract = Contract(monthly(1)).amended(datetime(2026, 3, 16, 12, tzinfo=UTC), monthly(2))

    with pytest.raises(InvalidPeriod):
        contract.versions(MARCH)


def test_dated_terms_begin_versions_and_lose_their_dates():
    plan = monthly(
        310,
        fees=Fee(45, "support", starts="2026-03-11"),
        discounts=Discount.percent(20, ends="2026-03-16"),
        taxes=[Tax("VAT", 5, ends="2026-03-11"), Tax("VAT", 8, starts="2026-03-11")],
    )

    versions = Contract(plan).versions(MARCH)

    assert [(part.start.day, len(own.fees), len(own.discounts)) for part, own in versions] == [
        (1, 1, 1),
        (11, 2, 1),
        (16, 2, 0),
    ]
    assert [own.taxes for _, own in versions] == [(Tax("VAT", 5),), (Tax("VAT", 8),), (Tax("VAT", 8),)]


def test_the_prices_of_a_book_begin_versions():
    old, new = PriceSchedule(calls=1), PriceSchedule(calls="0.99")
    plan = monthly(5, prices=PriceBook([("2026-01-01", old), ("2026-03-16", new), ("2026-09-01", old)]))

    assert [(part.days, own.prices) for part, own in Contract(plan).versions(MARCH)] == [(15, old), (16, new)]
    with pytest.raises(InvalidPeriod):
        Contract(plan).versions(Period("2025-12-01", "2026-01-01"))


@pytest.mark.parametrize(
    "other",
    [
        monthly(1, prices=PriceSchedule(calls=1, currency="EUR")),
        monthly(1, rounding=Rounding(mode="half_even")),
        monthly(1, proration="second"),
        monthly(1, cycle=Cycle.yearly()),
        monthly(1, cycle=Cycle.monthly(15)),
        BillingPlan.on_demand(PRICES),
    ],
    ids=["currency", "rounding", "proration", "rhythm", "anchor", "no cycle"],
)
def test_what_a_period_has_once_cannot_change_within_it(other):
    with pytest.raises(InvalidPlan):
        Contract(monthly(1)).amended("2026-03-16", other)
    with pytest.raises(InvalidPlan):
        Contract(monthly(1), Amendment("2026-03-16", other)).versions(MARCH)


def test_on_the_first_day_of_a_period_everything_may_change():
    euros = monthly(1, prices=PriceSchedule(calls=1, currency="EUR"))

    assert Contract(monthly(1)).amended("2026-04-01", euros).versions(APRIL)[0].plan is euros


@pytest.mark.parametrize("change", [{"fees": "later"}, {"tiers": "again"}, {"at": "soon"}, {"plan": PRICES}])
def test_an_amendment_that_says_nothing_that_can_be_done_is_refused(change):
    with pytest.raises((InvalidPlan, InvalidPeriod)):
        Contract(monthly(1)).amended(**{"at": "2026-03-16", "plan": monthly(2)} | change)


@pytest.mark.parametrize("parts", [{"plan": 5}, {"amendments": 5}, {"amendments": [5]}, {"end": 5}])
def test_a_contract_is_made_of_plans_and_amendments(parts):
    with pytest.raises((InvalidPlan, InvalidPeriod)):
        Contract(**{"plan": monthly(1)} | parts)


def test_dates_and_instants_have_no_order_among_amendments():
    contract = Contract(monthly(1)).amended("2026-03-16", monthly(2))

    with pytest.raises(InvalidPeriod):
        contract.amended("2026-03-20T00:00:00Z", monthly(3))


def test_a_contract_has_the_fingerprint_of_its_plan_until_it_is_amended():
    plan = monthly(1)

    assert Contract(plan).fingerprint() == plan.fingerprint()
    assert Contract(plan).amended("2026-03-16", plan).fingerprint() != plan.fingerprint()
    assert Contract(plan).ended("2026-03-16").fingerprint() != plan.fingerprint()


@pytest.mark.parametrize("term", [Fee, Tax])
def test_a_term_ends_after_it_starts(term):
    arguments = {Fee: (5,), Tax: ("VAT", 5)}[term]

    with pytest.raises(InvalidPlan):
        term(*arguments, starts="2026-03-16", ends="2026-03-16")
    with pytest.raises(InvalidPlan):
        Discount.percent(5, starts=date(2026, 3, 16), ends="2026-03-15")


def test_an_end_takes_back_the_amendment_of_its_day():
    contract = Contract(monthly(1)).amended("2026-03-15", monthly(2)).amended("2026-03-16", monthly(3))

    assert [str(item.at) for item in contract.ended("2026-03-16").amendments] == ["2026-03-15"]


def test_a_period_that_begins_with_the_end_is_after_the_contract():
    contract = Contract(monthly(1)).ended("2026-03-16")

    with pytest.raises(InvalidPeriod, match="after the contract's end"):
        contract.billed_part(Period("2026-03-16", "2026-04-16"))
    assert str(contract.billed_part(Period("2026-03-15", "2026-04-15"))) == "2026-03-15/2026-03-16"
