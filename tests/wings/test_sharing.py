from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Adjustment, Bill, BillingPlan, Currency, PriceSchedule, Rounding, TokenbillError, Usage
from tokenbill.errors import InvalidCurrency, InvalidRounding, InvalidUsage
from tokenbill.serial import dumps, loads
from tokenbill.sharing import by_peak, by_use, share

PLAN = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.10", api_calls="0.01"))


def bill_of(hours):
    return Bill.of(Usage(gpu_hours=hours), PLAN)


def test_the_cents_left_over_go_to_the_largest_fractions():
    parts = share(bill_of(100), {"red": 1, "blue": 2, "green": 4})

    # 10.00 by sevenths: 1.428…, 2.857…, 5.714…; floors 1.42 + 2.85 + 5.71 leave two cents
    assert parts == {"red": Decimal("1.43"), "blue": Decimal("2.86"), "green": Decimal("5.71")}


def test_a_tenant_that_used_nothing_pays_nothing():
    weights = by_use({"red": Usage(gpu_hours=1), "blue": Usage(), "green": Usage(api_calls=20)}, PLAN)

    # 1 × 0.10 against 20 × 0.01: one third and two thirds of 1.00
    assert weights == {"red": Fraction(1, 10), "blue": 0, "green": Fraction(1, 5)}
    assert share(bill_of(10), weights) == {"red": Decimal("0.33"), "blue": 0, "green": Decimal("0.67")}


def test_peaks_share_a_bill_by_the_largest_reading():
    weights = by_peak({"red": [1, "2.5", 2], "blue": [7, "7.5"], "green": []})

    assert weights == {"red": Decimal("2.5"), "blue": Decimal("7.5"), "green": 0}
    assert share(bill_of(10), weights) == {"red": Decimal("0.25"), "blue": Decimal("0.75"), "green": 0}


def test_readings_below_one_weigh_what_they_are():
    weights = by_peak({"red": ["0.25", 0], "blue": ["0.5", "0.75"], "green": [0]})

    assert weights == {"red": Decimal("0.25"), "blue": Decimal("0.75"), "green": 0}


def test_a_reading_below_zero_by_little_is_refused():
    with pytest.raises(InvalidUsage, match=r"a negative reading: -0\.1"):
        by_peak({"red": [1, "-0.1"]})


def test_a_negative_reading_is_refused():
    with pytest.raises(InvalidUsage):
        by_peak({"red": [1, -1]})


def test_a_credit_note_is_shared_as_its_mirror_image():
    note = Adjustment((), Decimal("10.00"), Decimal(0), "USD")

    assert share(note, {"red": 1, "blue": 2, "green": 4}, rounding=Rounding(places=2)) == {
        "red": Decimal("-1.43"),
        "blue": Decimal("-2.86"),
        "green": Decimal("-5.71"),
    }


def test_a_credit_note_in_a_virtual_unit_needs_a_rounding_that_says_its_places():
    note = Adjustment((), Decimal(3), Decimal(0), "TOKEN")

    with pytest.raises(InvalidCurrency):
        share(note, {"red": 1})
    assert share(note, {"red": 1, "blue": 1}, rounding=Rounding(places=0)) == {"red": -2, "blue": -1}


def test_a_credit_note_is_shared_in_the_minor_units_of_its_currency():
    assert share(Adjustment((), Decimal(3), Decimal(0), "JPY"), {"red": 1, "blue": 1}) == {
        "red": -2,
        "blue": -1,
    }


def test_a_correction_is_shared_in_the_places_of_its_plan():
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.0105"), rounding=Rounding(places=4))
    note = Bill.of(Usage(), plan) - Bill.of(Usage(calls=1), plan)

    assert (str(note.total), note.places) == ("-0.0105", 4)
    assert share(note, {"red": 1, "blue": 1}) == {"red": Decimal("-0.0053"), "blue": Decimal("-0.0052")}
    # a whole amount has the places of the plan, too, in a unit that only the plan knows
    tokens = BillingPlan.on_demand(PriceSchedule(calls=1, currency=Currency("TOKEN", places=3)))
    whole = Bill.of(Usage(calls=1), tokens) - Bill.of(Usage(calls=2), tokens)
    assert share(loads(dumps(whole)), {"red": 1, "blue": 1}) == {
        "red": Decimal("-0.5"),
        "blue": Decimal("-0.5"),
    }


def test_places_that_cannot_hold_the_total_are_refused():
    bill = Bill.of(Usage(gpu_hours="105.5"), PLAN)  # 10.55

    with pytest.raises(InvalidRounding):
        share(bill, {"red": 1, "blue": 1}, rounding=Rounding(places=0))  # 6 + 5 would be 11
    with pytest.raises(InvalidRounding):
        share(bill, {"red": 1, "blue": 1}, rounding=Rounding(places=1))


def test_fewer_places_will_do_where_they_hold_the_total():
    parts = share(bill_of(100), {"red": 1, "blue": 2, "green": 4}, rounding=Rounding(places=0))

    assert parts == {"red": 1, "blue": 3, "green": 6}  # 10.00 by sevenths: 1.4, 2.9, 5.7


def test_an_adjustment_is_shared_in_the_places_of_its_bills():
    fine = BillingPlan.on_demand(PriceSchedule(calls="0.0105"), rounding=Rounding(places=4))
    note = Bill.of(Usage(calls=1), fine) - Bill.of(Usage(calls=2), fine)

    assert note.total == Decimal("-0.0105")
    assert share(note, {"red": 1, "blue": 1}) == {"red": Decimal("-0.0053"), "blue": Decimal("-0.0052")}


@given(
    st.integers(0, 6).flatmap(lambda places: st.tuples(st.just(places), st.integers(0, 10**6))),
    st.integers(0, 10**6),
    st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any),
)
def test_the_parts_of_an_adjustment_sum_to_its_total(places_and_hours, more, weights):
    places, hours = places_and_hours
    plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.000123"), rounding=Rounding(places=places))
    note = Bill.of(Usage(gpu_hours=hours + more), plan) - Bill.of(Usage(gpu_hours=hours), plan)
    parts = share(note, dict(enumerate(weights)))

    assert sum(map(Fraction, parts.values())) == Fraction(note.total)


@pytest.mark.parametrize(
    "call",
    [lambda: share(None, {"red": 1}), lambda: by_use([], PLAN), lambda: by_peak([1])],
    ids=["bill", "use", "peak"],
)
def test_what_is_no_bill_and_not_by_tenant_is_refused(call):
    with pytest.raises(TokenbillError):
        call()


@pytest.mark.parametrize("weights", [{}, {"red": 0}, {"red": -1, "blue": 2}, [1, 2], {"red": 0.5}])
def test_weights_that_cannot_share_are_refused(weights):
    with pytest.raises(ValueError, match=r"weights|float"):
        share(bill_of(1), weights)


@given(
    hours=st.integers(0, 10**9),
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any),
    factor=st.integers(1, 1000),
)
def test_the_parts_sum_to_the_total_and_do_not_depend_on_the_scale_of_the_weights(hours, weights, factor):
    bill = bill_of(hours)
    parts = share(bill, dict(enumerate(weights)))

    assert sum(map(Fraction, parts.values())) == Fraction(bill.total)
    assert share(bill, dict(enumerate(weight * factor for weight in weights))) == parts
