"""Reports with one planted error each: the parts add up, and the error is named."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Meter, PerUnit, PriceBook, PriceSchedule, Usage
from tokenbill.catalog import reconcile
from tokenbill.errors import TokenbillError
from tokenbill.events import Event

RATES = {
    "input_tokens": 3,
    "input_tokens{cache=read}": "0.3",
    "input_tokens{cache=write}": "3.75",
    "output_tokens": 15,
    "output_tokens{variant=batch}": "7.5",
    "input_tokens{variant=batch}": "1.5",
    "input_tokens{cache=read,variant=batch}": "0.15",
    "input_tokens{cache=write,variant=batch}": "1.8",
}


def priced(factor=1, **labels):
    return PriceSchedule(
        {Meter(key, labels): PerUnit(Decimal(rate) * factor, 1_000_000) for key, rate in RATES.items()}
    )


NEW, OLD = priced(), priced(2)
BOOK = PriceBook([("2026-01-01T00:00:00Z", OLD), ("2026-11-01T00:00:00Z", NEW)])
USAGE = Usage(
    {
        "input_tokens": 1_000_001,
        "input_tokens{cache=read}": 400_000,
        "input_tokens{cache=write}": 20_000,
        "output_tokens": 50_003,
        "output_tokens{kind=reasoning}": 10_007,
    }
)
# 3.000003 + 0.12 + 0.075 + 0.750045 + 0.150105
AMOUNT = Decimal("4.095153")
OURS = [
    {"day": "2026-11-05", "model": "m", "api_key": "k-1", "usage": USAGE},
    {"day": "2026-11-05", "model": "m", "api_key": "k-2", "usage": {"output_tokens": 1_000_000}},  # 15
]


def report(amount, **more):
    return [{"day": "2026-11-05", "model": "m", "amount": amount, **more}]


def one(ours, theirs, prices=BOOK, **more):
    (found,) = reconcile(ours, theirs, prices=prices, **more)
    assert sum(amount for _, amount in found.parts) == found.difference
    return found, {part: amount for part, amount in found.parts if amount}


PLANTED = {
    # 420,000 cached tokens once more, at 3 a million
    "cached input counted as fresh one too": ("20.355153", "quantity"),
    "cached reads counted as fresh input too": ("20.295153", "quantity"),
    # 420,000 at 3 in place of 0.12 + 0.075
    "cached input at the full price": ("20.160153", "price"),
    # 1.5000015 + 0.06 + 0.036 + 0.450075, rounded up, + 7.5
    "the price of variant=batch": ("9.5460765", "price"),
    "reasoning left out": ("18.945048", "quantity"),
    "reasoning counted twice": ("19.245258", "quantity"),
    "the price version of 2026-01-01": ("38.190306", "price"),
    "counted twice": ("38.190306", "doubled"),
    "api_key k-2 is missing": ("4.095153", "missing"),
    "api_key k-1 is missing": ("15", "missing"),
}


@pytest.mark.parametrize("cause", PLANTED)
def test_one_planted_error_is_named_and_is_all_of_the_difference(cause):
    amount, part = PLANTED[cause]
    found, parts = one(OURS, report(amount))

    assert cause in found.causes
    assert found.ours == Fraction("19.095153")
    if len(found.causes) == 1:
        assert parts == {part: found.difference}


def test_an_error_that_only_another_version_explains_is_told_by_counts():
    doubled = reconcile(OURS, report("38.190306"), prices=NEW)

    assert next(iter(doubled)).causes == ("counted twice",)


def test_what_agrees_or_is_rounded_has_no_cause():
    exact, parts = one(OURS, report("19.095153"))
    rounded, off = one(OURS, report("19.10"))

    assert (exact.difference, exact.causes, parts) == (0, (), {})
    assert (rounded.causes, off) == ((), {"rounding": Fraction("0.004847")})


def test_a_report_that_counts_is_split_into_quantity_and_price():
    counted = {"output_tokens": 100}
    found, parts = one(
        [{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 90}}],
        report("0.0017", usage=counted),
    )

    assert parts == {"quantity": Fraction("0.00015"), "price": Fraction("0.0002")}  # 10 × 15, and 17 for 15
    assert found.causes == ()
    _, parts = one([{"day": "2026-11-05", "model": "m", "usage": counted}], report("0.002", usage=counted))
    assert parts == {"rounding": Fraction("0.0005")}


def test_a_day_that_is_in_the_report_twice_is_doubled():
    rows = [{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 1000}}]
    twice, parts = one(rows, report("0.015") * 2, NEW)
    counted, of_counts = one(rows, report("0.030", usage={"output_tokens": 2000}), NEW)

    assert parts == of_counts == {"doubled": Fraction("0.015")}
    assert twice.causes == counted.causes == ("counted twice",)


def test_a_key_of_one_side_only_is_missing_on_the_other():
    ours = [{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 1000}}]
    theirs = [{"day": "2026-11-06", "model": "m", "amount": "2"}]
    found = reconcile(ours, theirs, prices=BOOK)

    assert [each.difference for each in found] == [Fraction("-0.015"), 2]
    assert found.parts["missing"] == Fraction("1.985")
    assert len(found) == 2
    assert [row["missing"] for row in found.to_rows()] == ["-0.015", "2"]
    assert "2026-11-06" in str(found)
    assert "2026-11-06" in found._repr_html_()


def test_what_nothing_explains_is_said_to_be_so():
    _, parts = one([{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 1000}}], report("7.123"))

    assert parts == {"unexplained": Fraction("7.108")}


def test_events_and_labels_of_meters_tell_the_day_and_the_model():
    prices = PriceSchedule({**dict(priced(model="m")), **dict(priced(2, model="n"))})
    moment = datetime(2026, 11, 5, 23, tzinfo=UTC)
    usage = Usage({"output_tokens{model=m}": 1000, "output_tokens{model=n}": 1000})
    theirs = [
        {"ChargePeriodStart": "2026-11-05T00:00:00Z", "SkuId": model, "BilledCost": cost}
        for model, cost in [("m", "0.015"), ("n", "0.030")]
    ]
    found = reconcile(
        [Event("s", "1", moment, "acme", usage)], theirs, prices=prices, columns={"model": "SkuId"}
    )

    assert [(each.key, each.difference) for each in found] == [
        (("2026-11-05", "m"), 0),
        (("2026-11-05", "n"), 0),
    ]
    rows = [{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 1000}}]
    assert [
        each.difference
        for each in reconcile(rows, theirs[:1], "model", prices=prices, columns={"model": "SkuId"})
    ]
    by_customer = reconcile(
        [Event("s", "1", moment, "acme", {"output_tokens{model=m}": 1})], [], ["customer"], prices=prices
    )
    assert [each.key for each in by_customer] == [("acme",)]


@pytest.mark.parametrize(
    ("ours", "theirs", "more"),
    [
        (5, [], {}),
        ([5], [], {}),
        ([], [{"day": "2026-11-05", "model": "m"}], {}),
        ([], [{"day": "2026-11-05", "amount": 1}], {}),
        ([], [{"model": "m", "amount": 1}], {}),
        ([], [{"day": "soon", "model": "m", "amount": 1}], {}),
        ([], [{"day": "2026-11-05", "model": "m", "amount": 0.5}], {}),
        ([{"day": "2026-11-05", "usage": {"output_tokens": 1}}], [], {}),
        ([{"model": "m", "usage": {"output_tokens": 1}}], [], {"by": ["model"]}),
        ([{"day": "2026-11-05", "model": "m", "usage": {"calls": 1}}], [], {}),
        ([], [], {"prices": 5}),
    ],
    ids=str,
)
def test_what_cannot_be_compared_is_refused(ours, theirs, more):
    with pytest.raises(TokenbillError):
        reconcile(ours, theirs, **{"prices": BOOK, **more})


def test_a_column_without_a_name_says_nothing():
    ours = [{"day": "2026-11-05", "model": "m", "usage": {"output_tokens": 1000}, 5: "x", "team": "a"}]

    (found,) = reconcile(ours, [{"day": "2026-11-05", "model": "m", "amount": 1}], prices=NEW)

    assert found.difference == Fraction("0.985")


@given(
    st.lists(st.tuples(st.integers(0, 9**6), st.integers(0, 9**6)), min_size=1, max_size=3),
    st.lists(st.decimals("0", "9", places=4), min_size=1, max_size=3),
    st.none() | st.integers(0, 9**6),
)
def test_parts_add_up_to_the_difference_whatever_the_report_says(counts, amounts, count):
    ours = [
        {"day": "2026-11-05", "usage": {"input_tokens": a, "input_tokens{cache=read}": b}} for a, b in counts
    ]
    usage = None if count is None else {"output_tokens": count}
    theirs = [{"day": "2026-11-05", "amount": amount, "usage": usage} for amount in amounts]
    (found,) = reconcile(ours, theirs, ["day"], prices=NEW)

    assert sum(amount for _, amount in found.parts) == found.difference
