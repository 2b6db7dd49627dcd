import pickle
from copy import copy
from datetime import time
from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import Bill, BillingPlan, Meter, PerUnit, PriceSchedule, UnpricedUsage
from tokenbill.core.pricing import source
from tokenbill.core.pricing.source import Hours, Source
from tokenbill.errors import (
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
    InvalidSchedule,
    TokenbillError,
    UnpricedVariant,
)

LIST = Source()


def listed(**prices):
    return PriceSchedule(prices, source=LIST)


def of(prices):
    return PriceSchedule(prices, source=LIST)


@pytest.mark.parametrize(
    "labels",
    [
        "variant=priority",
        "variant=fast",
        "variant=ultrafast",
        "variant=anything",
        "geo=us",
        "geo=eu",
        "ttl=1h",
        "ttl=12h",
        "cache=write,ttl=1h",
    ],
)
def test_tokens_of_what_may_be_dearer_are_not_billed_at_the_price_of_others(labels):
    meter = f"input_tokens{{{labels}}}"

    with pytest.raises(UnpricedVariant, match="no price of"):
        listed(input_tokens=3).match(meter)
    assert of({"input_tokens": 3, meter: 6}).match(meter).price == PerUnit(6)
    assert PriceSchedule(input_tokens=3).match(meter).price == PerUnit(3)  # a list of one's own covers them


def test_the_error_says_which_label_and_is_one_of_usage_without_a_price():
    with pytest.raises(UnpricedUsage) as caught:
        Bill.of({"input_tokens{geo=us}": 1}, BillingPlan.on_demand(listed(input_tokens=3)))

    assert (caught.value.code, caught.value.label) == ("unpriced_variant", "geo=us")
    assert caught.value.priced == ("input_tokens",)


@pytest.mark.parametrize("label", ["variant=batch", "variant=flex", "variant=off_peak", "modality=audio"])
def test_what_costs_no_more_than_the_standard_falls_back_with_a_note(label):
    meter = f"input_tokens{{{label}}}"
    bill = Bill.of({meter: 2}, BillingPlan.on_demand(listed(input_tokens=3)))

    assert bill.total == Decimal("6.00")
    assert bill.notes == (f"{meter}: no price of {label}, billed as input_tokens",)
    assert f"Note: {bill.notes[0]}" in str(bill)
    assert f"note: {bill.notes[0]}" in bill.explain()


@pytest.mark.parametrize(
    "label",
    ["variant=standard", "geo=global", "ttl=5m", "modality=text", "modality=unknown", "kind=reasoning"],
)
def test_what_is_the_standard_by_another_name_needs_no_note(label):
    bill = Bill.of({f"input_tokens{{{label}}}": 2}, BillingPlan.on_demand(listed(input_tokens=3)))

    assert (bill.total, bill.notes) == (Decimal("6.00"), ())


def test_only_tokens_are_asked_for():
    prices = listed(gpu_hours=3, web_searches=1)
    bill = Bill.of({"gpu_hours{geo=eu}": 2, "web_searches{variant=batch}": 1}, BillingPlan.on_demand(prices))

    assert (bill.total, bill.notes) == (Decimal("7.00"), ())
    with pytest.raises(UnpricedUsage):
        prices.match("calls")


def test_a_list_is_read_once_for_what_it_names_however_many_meters_ask(monkeypatch):
    read, names = [], source.named_by
    monkeypatch.setattr(source, "named_by", lambda keys: read.append(list(keys)) or names(read[-1]))
    prices = of({"input_tokens{model=a}": 1, "input_tokens{model=a,modality=text}": 1, "calls": 2})

    for user in range(5):
        assert prices.match(f"input_tokens{{context=128000,model=a,user=u{user}}}").price == PerUnit(1)
        assert prices.match(f"input_tokens{{modality=unknown,model=a,user=u{user}}}").price == PerUnit(1)
    assert len(read) == 1
    assert pickle.loads(pickle.dumps(prices)) == copy(prices) == prices


def test_a_long_request_is_refused_only_where_its_model_knows_a_threshold_that_it_passed():
    prices = of(
        {
            "input_tokens{model=a}": 1,
            "input_tokens{context=200000,model=a}": 2,
            "input_tokens{model=b}": 3,
            "output_tokens{model=a}": 4,
        }
    )

    assert prices.match("input_tokens{context=200000,model=a}").price == PerUnit(2)
    assert prices.match("input_tokens{context=128000,model=a}").price == PerUnit(1)
    assert prices.match("input_tokens{context=272000,model=b}").price == PerUnit(3)
    assert prices.match("output_tokens{context=200000,model=a}").price == PerUnit(4)
    for context in ("272000", "long"):
        with pytest.raises(UnpricedVariant, match=f"context={context}"):
            prices.match(f"input_tokens{{context={context},model=a}}")
    with pytest.raises(UnpricedVariant):
        of({"input_tokens": 1, "input_tokens{context=long}": 2}).match("input_tokens{context=128000}")


def test_tokens_whose_modality_nobody_told_are_priced_where_it_does_not_matter():
    same = of({"input_tokens": 3, "input_tokens{modality=image}": 3})
    other = of({"input_tokens": 3, "input_tokens{modality=image}": 5})
    images = of({"output_tokens{modality=image}": 7})

    assert same.match("input_tokens{modality=unknown}").price == PerUnit(3)
    assert images.match("output_tokens{modality=unknown}").price == PerUnit(7)
    with pytest.raises(UnpricedVariant) as caught:
        other.match("input_tokens{modality=unknown}")
    assert caught.value.priced == ("input_tokens", "input_tokens{modality=image}")
    with pytest.raises(UnpricedUsage):
        same.match("output_tokens{modality=unknown}")


def test_a_source_goes_along_when_prices_are_changed():
    prices, own = listed(input_tokens=3), PriceSchedule(input_tokens=2)

    assert (prices | own).source == (own | prices).source == (prices * 2).source == LIST
    assert (own | own).source is None
    noted = PriceSchedule(source=Source(["a"], ["b"], [Hours("00:00", "06:00")], strict=False))
    assert (prices | noted).source == Source(["a"], ["b"], [Hours("00:00", "06:00")])
    assert "source=Source(" in repr(prices)
    assert "source" not in repr(own)


def test_a_source_is_part_of_the_terms_and_what_it_says_is_not():
    plain, strict = PriceSchedule(input_tokens=3), listed(input_tokens=3)

    assert plain.content_hash() != strict.content_hash()
    assert strict.content_hash() == PriceSchedule(input_tokens=3, source=Source(["a"])).content_hash()
    assert plain.notes(["input_tokens"]) == strict.notes(["input_tokens", "calls"]) == ()


@pytest.mark.parametrize(
    "more", [{"notes": "a"}, {"notes": [5]}, {"hours": [5]}, {"hours": 5}, {"strict": "no"}], ids=str
)
def test_what_is_no_source_is_refused(more):
    with pytest.raises(TokenbillError):
        Source(**more)
    with pytest.raises(InvalidSchedule):
        PriceSchedule(source=more)


def test_hours_hold_from_their_start_until_their_end_which_is_outside():
    morning = Hours("04:00", "06:00")
    held = [
        morning.hold(f"2026-11-27T{clock}Z") for clock in ("03:59:59", "04:00:00", "05:59:59", "06:00:00")
    ]

    assert held == [False, True, True, False]


def test_hours_may_wrap_midnight_and_hold_all_day():
    night, day = Hours("22:00", "02:00"), Hours("00:00", "00:00", weekdays=[6, 7])

    assert [night.hold(f"2026-11-27T{clock}:00Z") for clock in ("21:59", "22:00", "01:59", "02:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert [day.hold(f"2026-11-{date}T12:00:00Z") for date in (27, 28, 29, 30)] == [False, True, True, False]


def test_the_day_of_the_week_is_that_of_the_calendar_named():
    utc, shanghai = (
        Hours("00:00", "00:00", weekdays=[6], calendar=zone) for zone in ("UTC", "Asia/Shanghai")
    )
    friday_evening = "2026-11-27T17:00:00Z"  # 01:00 on Saturday in Shanghai

    assert (utc.hold(friday_evening), shanghai.hold(friday_evening)) == (False, True)
    assert utc.hold("2026-11-28T08:00:00+08:00")


def test_hours_are_those_of_a_model_and_its_provider_where_they_name_them():
    hours = Hours("00:00", "06:00", model="m", provider="p")

    assert hours.are_of(Meter("input_tokens{model=m,provider=p}"))
    assert not hours.are_of(Meter("input_tokens{model=m}"))
    assert not hours.are_of(Meter("input_tokens{model=n,provider=p}"))
    assert Hours("00:00", "06:00").are_of(Meter("input_tokens"))


@pytest.mark.parametrize(
    "more",
    [
        {"start": "24:00"},
        {"start": "10:60"},
        {"start": "1000"},
        {"start": "10-00"},
        {"start": "aa:bb"},
        {"end": 5},
        {"weekdays": []},
        {"weekdays": [0]},
        {"weekdays": 5},
        {"weekdays": [True]},
        {"calendar": "Nowhere"},
    ],
    ids=str,
)
def test_what_is_no_time_of_day_no_day_and_no_zone_is_refused(more):
    with pytest.raises(InvalidPeriod):
        Hours(**{"start": "10:00", "end": "06:00", **more})


@pytest.mark.parametrize("instant", ["2026-11-27", 5], ids=str)
def test_only_an_instant_lies_in_hours(instant):
    with pytest.raises(InvalidPeriod):
        Hours("10:00", "06:00").hold(instant)


def test_a_time_of_day_may_be_one_of_python():
    assert Hours(time(10, 30), time(0)) == Hours("10:30", "00:00")


YUAN = PriceSchedule({"input_tokens": PerUnit(2, per=1_000_000)}, currency="CNY", name="list")


def test_prices_are_converted_at_a_dated_rate_and_every_bill_says_so():
    dollars = YUAN.converted("USD", rate="0.1389", source="ECB", on="2026-11-05")
    bill = Bill.of({"input_tokens": 8_000_000}, BillingPlan.on_demand(dollars))

    assert (bill.exact, bill.currency) == (Fraction("2.2224"), "USD")  # 8 × 2 × 0.1389
    assert bill.notes == ("converted from CNY to USD at 0.1389, ECB, 2026-11-05",)
    assert dollars.name == "list"
    assert dollars.match("input_tokens{variant=fast}")  # prices of one's own cover what they include


@pytest.mark.parametrize("rate", ["1/7.12", Fraction(100, 712)])
def test_a_rate_that_does_not_end_loses_no_digit(rate):
    dollars = YUAN.converted("USD", rate=rate, source="a bank", on="2026-11-05")

    assert dollars["input_tokens"].exact(8_000_000) == Fraction(200, 89)  # 16 ÷ 7.12


def test_every_kind_of_price_is_converted_by_its_amount():
    prices = PriceSchedule(
        {
            "calls": PerUnit("0.10").capped(5),
            "seats": PerUnit(3).each("region"),
            "tokens": PerUnit("0.000000000000000000000000000001"),
        },
        currency="EUR",
        source=LIST,
    )
    dollars = prices.converted("USD", rate="1.1", source="ECB", on="2026-11-05")
    bill = Bill.of({"calls": 100, "seats{region=eu}": 2, "tokens": 10**20}, BillingPlan.on_demand(dollars))

    assert bill.exact == Fraction("12.10000000011")  # (5 + 6 + 0.0000000001) × 1.1
    assert dollars.source.strict


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"rate": 0}, InvalidSchedule),
        ({"rate": "-1"}, InvalidSchedule),
        ({"rate": "1/0"}, InvalidSchedule),
        ({"rate": "1/2/3"}, InvalidNumber),
        ({"rate": 0.5}, InvalidNumber),
        ({"rate": "x"}, InvalidNumber),
        ({"on": "2026-11-05T00:00:00Z"}, InvalidPeriod),
        ({"on": 5}, InvalidPeriod),
        ({"source": ""}, InvalidName),
        ({"source": 5}, InvalidName),
    ],
    ids=str,
)
def test_what_is_no_rate_no_day_and_no_name_is_refused(more, error):
    with pytest.raises(error):
        YUAN.converted("USD", **{"rate": 1, "source": "ECB", "on": "2026-11-05", **more})


def test_a_long_request_is_refused_from_the_first_threshold_on_that_its_model_knows():
    prices = of(
        {
            "input_tokens": 1,
            "input_tokens{cache=read,context=200000}": 2,
            "input_tokens{cache=read,context=500000}": 3,
        }
    )

    assert prices.match("input_tokens{context=199999}").price == PerUnit(1)
    for context in (200_000, 272_000, 500_000):
        with pytest.raises(UnpricedVariant, match=f"context={context}"):
            prices.match(f"input_tokens{{context={context}}}")


@pytest.mark.parametrize("days", [[1, 8], [1, "2"], [0, 7]])
def test_every_day_of_the_week_is_one(days):
    with pytest.raises(InvalidPeriod, match="not days of the week"):
        Hours("16:30", "00:30", weekdays=days)


@pytest.mark.parametrize("clock", ["1a:30", "16:3b"])
def test_hours_and_minutes_are_digits(clock):
    with pytest.raises(InvalidPeriod, match="not a time of day"):
        Hours(clock, "00:30")


def test_tokens_whose_modality_nobody_told_cost_what_their_own_model_asks():
    prices = of(
        {"input_tokens{model=a}": 3, "input_tokens{modality=image,model=a}": 3, "input_tokens{model=b}": 4}
    )

    assert prices.match("input_tokens{modality=unknown,model=a}").price == PerUnit(3)
    assert prices.match("input_tokens{modality=unknown,model=b}").price == PerUnit(4)
    dearer = of({"input_tokens{model=a}": 3, "input_tokens{modality=image,model=a}": 5})
    with pytest.raises(UnpricedVariant):
        dearer.match("input_tokens{modality=unknown,model=a}")
