"""The lint of contracts: each item of its list is found, and nothing is said of a plan without such."""

import pytest

from tokenbill import (
    Account,
    Amount,
    Balance,
    BillingPlan,
    Commitment,
    Contract,
    Cycle,
    Discount,
    Fee,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Quota,
    Tax,
    Trial,
)
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import InvalidGrant, UnpricedUsage

JUNE = Period("2026-06-01", "2026-07-01")
CALLS = PriceSchedule(calls=1)


def told(plan, credit=(), period=JUNE):
    contract = plan if isinstance(plan, Contract) else Contract(plan)
    return [(finding.code, finding.term) for finding in contract.lint(period, credit)]


def plan_of(prices=CALLS, **terms):
    return BillingPlan(prices, **{"cycle": Cycle.monthly("2026-01-01"), **terms})


class Own:
    """A schedule of a user's own, which lists nothing."""

    currency = "USD"

    def match(self, meter):
        if meter.name != "calls":
            raise UnpricedUsage(meter, [])
        return Entry("calls", 1)


class OwnListed(Own):
    def __iter__(self):
        return iter([Entry("calls{x=1}", 1), Entry("disks{x=1}", 1)])


def test_nothing_is_said_of_a_plan_without_such():
    plan = plan_of(
        fees=[Fee(60, "seat")],
        minimum=100,
        maximum=Limit(500, on="usage"),
        taxes=[Tax("VAT", 20, on="fee:seat")],
    )
    grants = [
        Grant("a", 5, "USD", expires="2026-07-01"),
        Grant("b", 5, "USD", on="calls"),
        Grant("c", 5, "USD"),
    ]

    assert told(plan, grants) == []
    assert told(plan_of(trial=Period("2026-05-20", "2026-06-05"))) == []


def test_a_scope_on_nothing_in_one_version_of_a_price_book():
    book = PriceBook([("2026-01-01", CALLS), ("2026-06-16", PriceSchedule(images=1))])
    plan = plan_of(book, taxes=[Tax("VAT", 20, on="images")], discounts=[Discount.percent(5, on="usage")])

    found = Contract(plan).lint(JUNE)

    assert [finding.message for finding in found] == ["tax VAT is on images, which nothing is charged for"]
    assert told(plan, period=Period("2026-07-01", "2026-08-01")) == []


@pytest.mark.parametrize("own", [Own(), OwnListed()])
def test_a_scope_on_nothing_of_a_schedule_of_ones_own(own):
    plan = plan_of(own, taxes=[Tax("VAT", 20, on=("call", "calls", "usage"))], minimum=Limit(5, on="images"))

    assert told(plan) == [("scope", "tax VAT"), ("scope", "minimum")]


@pytest.mark.parametrize(
    ("terms", "term"),
    [
        ({"discounts": [Discount.percent(5, "early", on="images")]}, "discount early"),
        ({"maximum": Limit(5, on="images")}, "maximum"),
        ({"commitment": Commitment(5, cycle=Cycle.yearly("2026-01-01"), on="images")}, "commitment"),
        ({"quotas": [Quota("images", 5, every="5h")]}, "quota images every 5h"),
        ({"included": {"images": 5}}, "allowance"),
        ({"included": {"calls": PerUnit(2).of("images")}}, "curve"),
        ({"fees": [Fee(PerUnit(2).of(Amount("images")), "care")]}, "curve"),
    ],
)
def test_every_kind_of_term_on_nothing_of_a_schedule_of_ones_own(terms, term):
    assert told(plan_of(Own(), **terms)) == [("scope", term)]


def test_a_curve_of_a_level_is_on_something():
    seats = Fee(10, "seats", level="seats")

    assert told(plan_of(Own(), fees=[seats], minimum=Limit(PerUnit(1).of("seats")))) == []


def test_a_scope_of_a_listed_label_is_one():
    assert told(plan_of(OwnListed(), maximum=Limit(5, on="calls{x=1}"))) == []
    # one that it lists a part of, though it has no price for what has no labels
    assert told(plan_of(OwnListed(), taxes=[Tax("VAT", 20, on="disks")])) == []
    assert told(plan_of(Own(), taxes=[Tax("VAT", 20, on="disks")])) == [("scope", "tax VAT")]


@pytest.mark.parametrize("credit", [list, Balance, lambda grants: Account(balance=grants)])
def test_a_grant_on_nothing_that_is_charged(credit):
    grants = [Grant("a", 5, "USD", on="images"), Grant("b", 5, "USD", on=("calls", "fee:seat"))]

    assert told(plan_of(), credit(grants)) == [("scope", "grant a"), ("scope", "grant b")]


@pytest.mark.parametrize(
    ("expires", "is_told"),
    [
        ("2026-06-30", True),
        ("2026-06-30T23:59:59Z", True),
        ("2026-07-01", False),
        ("2026-07-01T00:00:00Z", False),
        ("2026-06-20", False),
        ("2026-06-29", False),
        ("2026-06-29T23:59:59Z", False),
    ],
)
def test_a_grant_that_ends_a_second_before_the_period_does(expires, is_told):
    grants = [Grant("a", 5, "USD", expires=expires)]

    assert told(plan_of(), grants) == [("grant", "grant a")] * is_told
    if "T" in expires:
        assert (
            told(plan_of(), grants, Cycle.monthly().containing("2026-06-05T00:00:00Z"))
            == [("grant", "grant a")] * is_told
        )


def test_a_trial_that_is_over():
    over = [Period("2026-05-01", "2026-06-01"), Trial(Period("2026-05-01", "2026-05-05"), on="usage"), 14]

    assert [told(plan_of(trial=trial)) for trial in over] == [[("trial", "trial")]] * 3
    assert told(plan_of(trial=14), period=Period("2026-01-01", "2026-02-01")) == []
    undated = Contract(plan_of(trial=14, cycle=Cycle.monthly())).lint(JUNE)
    assert "a cycle without a first day" in undated[0].message


def test_a_minimum_below_the_fee():
    assert told(plan_of(fees=[Fee(60)], minimum=50)) == [("minimum", "minimum")]
    assert told(plan_of(fees=[Fee(60)], minimum=Limit(50, on="usage"))) == []


def test_a_maximum_below_the_minimum_of_another_scope():
    assert told(plan_of(maximum=Limit(20, on="usage"), minimum=30)) == [("limits", "maximum")]
    assert told(plan_of(maximum=Limit(20, on="calls"), minimum=Limit(30, on="usage"))) == [
        ("limits", "maximum")
    ]
    assert told(plan_of(fees=[Fee(1)], maximum=Limit(20, on="fee"), minimum=Limit(30, on="calls"))) == []


def test_of_a_limit_that_is_a_curve_nothing_is_known_before_the_bill():
    curve = PerUnit("0.10").of(Amount("usage"))

    assert told(plan_of(fees=[Fee(60)], minimum=Limit(curve))) == []
    assert told(plan_of(minimum=30, maximum=Limit(curve, on="usage"))) == []


def test_what_holds_in_several_versions_is_told_once():
    plan = plan_of(fees=[Fee(60)], minimum=50)

    assert told(Contract(plan).amended("2026-06-16", plan)) == [("minimum", "minimum")]


def test_what_are_no_grants_is_refused():
    with pytest.raises(InvalidGrant, match="not grants"):
        told(plan_of(), 5)


@pytest.mark.parametrize(("least", "codes"), [(0, []), (59, ["minimum"]), (60, []), (61, [])])
def test_a_minimum_is_told_of_where_the_fees_are_more(least, codes):
    plan = plan_of(fees=[Fee(60)], minimum=least)

    assert [code for code, _ in told(plan)] == codes


@pytest.mark.parametrize(("most", "codes"), [(49, ["limits"]), (50, [])])
def test_a_maximum_is_told_of_where_a_minimum_is_more(most, codes):
    plan = plan_of(minimum=50, maximum=Limit(most, on="calls"))

    assert [code for code, _ in told(plan)] == codes


def test_a_grant_on_what_one_of_several_versions_prices_is_on_something():
    both = PriceSchedule(calls=1, disks=1)
    contract = Contract(plan_of()).amended("2026-06-16", plan_of(both))

    assert told(contract, [Grant("a", 5, "USD", on="disks")]) == []
    assert told(contract, [Grant("a", 5, "USD", on="tapes")]) == [("scope", "grant a")]


def messages_of(**terms):
    prices = PriceSchedule({"a": 1, "a{x=1}": 1, "b": 1, "c": 1})
    plan = BillingPlan(prices, **terms)
    return [finding.code for finding in Contract(plan).lint(JUNE) if finding.code in ("minimum", "limits")]


def test_a_minimum_below_one_is_reached_by_fees_too():
    assert messages_of(fees=Fee(5), minimum="0.50") == ["minimum"]
    assert messages_of(minimum="0.50") == messages_of(fees=Fee(5), minimum=0) == []


@pytest.mark.parametrize(
    ("most", "least", "is_found"),
    [
        ("a", ("a{x=1}", "c"), True),
        (("a{x=1}", "c"), "a", True),
        (("a", "b"), ("b", "c"), True),
        ("a", ("a", "b"), True),
        (("a", "b"), "a", True),
        ("a", "b", False),
    ],
)
def test_limits_are_compared_where_one_charge_may_fall_under_both(most, least, is_found):
    found = messages_of(maximum=Limit(5, on=most), minimum=Limit(9, on=least))

    assert found == ["limits"] * is_found
