"""Prices that other tools got wrong: small lists, the usage, and what it costs to the last digit."""

from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec

import pytest

from tests.vectors.shared_cases import shared_cases
from tokenbill import Bill, BillingPlan, PerUnit, PriceSchedule, Usage, catalog
from tokenbill.errors import TokenbillError
from tokenbill.payloads import read_usage

needs_prices = pytest.mark.skipif(find_spec("genai_prices") is None, reason="run: pip install genai-prices")


def exact(usage, prices):
    return Bill.of(usage, BillingPlan.on_demand(prices)).exact


def of(mapping, usage, **more):
    return exact(usage, catalog.from_price_map({"m": {"mode": "chat", **mapping}}, **more))


def of_request(mapping, usage):
    prices = catalog.from_price_map({"m": {"mode": "chat", **mapping}})
    return exact(catalog.request(usage, prices), prices)


UPLIFTED = {
    "input_cost_per_token": "0.000005",
    "output_cost_per_token": "0.00003",
    "regional_processing_uplift_multiplier_eu": "1.1",
    "regional_processing_uplift_multiplier_us": "1.1",
    "fedramp_uplift_multiplier": "1.2",
    "regional_endpoint_uplift_multiplier": "1.3",
}
OPUS = {
    "input_cost_per_token": "0.000005",
    "cache_creation_input_token_cost": "0.00000625",
    "cache_creation_input_token_cost_above_1hr": "0.00001",
    "output_cost_per_token": "0.000025",
    "provider_specific_entry": {"us": "1.1", "fast": "2.0"},
}


@pytest.mark.parametrize(
    ("mapping", "usage", "amount"),
    [
        (UPLIFTED, {"input_tokens": 10**6, "output_tokens": 10**4}, "5.3"),
        (UPLIFTED, {"input_tokens{geo=eu}": 10**6, "output_tokens{geo=eu}": 10**4}, "5.83"),
        (UPLIFTED, {"input_tokens{geo=fedramp}": 10**6}, "6"),
        (UPLIFTED, {"input_tokens{geo=regional}": 10**6}, "6.5"),
        (OPUS, {"input_tokens": 10**6}, "5"),
        (OPUS, {"input_tokens{variant=fast}": 10**6}, "10"),
        (OPUS, {"input_tokens{geo=us}": 10**6, "input_tokens{cache=write,geo=us,ttl=1h}": 10**5}, "6.6"),
        (OPUS, {"output_tokens{geo=us,variant=fast}": 10**5}, "5.5"),  # factors multiply
    ],
    ids=str,
)
def test_what_charges_under_a_condition_is_a_label(mapping, usage, amount):
    assert of(mapping, usage) == Fraction(amount)


@pytest.mark.parametrize("geo", ["us", "eu"])
def test_a_geography_without_a_factor_is_refused(geo):
    with pytest.raises(TokenbillError, match=f"geo={geo}"):
        of({"input_cost_per_token": "0.000005"}, {f"input_tokens{{geo={geo}}}": 1})


def test_searches_of_a_model_are_priced_and_what_is_free_of_them_is_a_comment():
    flash = {
        "input_cost_per_token": "0.0000005",
        "output_cost_per_token": "0.000003",
        "google_maps_grounding_cost_per_query": "0.014",
        "search_context_cost_per_query": {"search_context_size_medium": "0.014"},
        "search_free_requests": {"count": 5000, "period": "month", "shared_group": "gemini-3"},
        "token_count_tool_framing": 12,
        "token_count_framing": 23,
    }
    prices = catalog.from_price_map({"m": flash})

    usage = {"input_tokens": 40, "output_tokens": 400, "web_searches": 2, "map_searches": 1}
    assert exact(usage, prices) == Fraction("0.04322")  # 0.00002 + 0.0012 + 3 × 0.014
    assert prices.source.comments == (
        "m: some searches are free, which no price says: count 5000, period 'month', shared_group 'gemini-3'",
    )


TWO = {
    "tiered_pricing": [
        {
            "input_cost_per_token": "0.00000005",
            "output_cost_per_token": "0.0000004",
            "range": [0, "256000.0"],
        },
        {
            "input_cost_per_token": "0.00000025",
            "output_cost_per_token": "0.000002",
            "range": ["256000.0", "1000000.0"],
        },
    ]
}
FOUR = {
    "tiered_pricing": [
        {
            "input_cost_per_token": f"0.000000{rates[0]}",
            "cache_read_input_token_cost": f"0.000000{rates[1]}",
            "output_cost_per_token": f"0.00000{rates[2]}",
            "range": ends,
        }
        for rates, ends in [
            (("8", "2", "4"), [128_000, 256_000]),
            (("3", "08", "15"), [0, 32_000]),
            (("5", "12", "25"), [32_000, 128_000]),
        ]
    ]
}


@pytest.mark.parametrize(
    ("mapping", "usage", "amount"),
    [
        (TWO, {"input_tokens": 256_000, "output_tokens": 1000}, "0.0132"),
        (TWO, {"input_tokens": 256_001, "output_tokens": 1000}, "0.06600025"),
        (TWO, {"input_tokens": 300_000, "output_tokens": 1000}, "0.077"),
        (TWO, {"input_tokens": 1_500_000}, "0.375"),  # above the last end the last tier goes on
        (TWO, {"input_tokens": 300_000, "output_tokens{kind=reasoning}": 1000}, "0.077"),
        (FOUR, {"input_tokens": 40_000, "input_tokens{cache=read}": 60_000, "output_tokens": 2000}, "0.0322"),
        (FOUR, {"input_tokens": 32_000, "input_tokens{cache=write}": 1}, "0.0160005"),  # written as input is
    ],
    ids=str,
)
def test_tiers_hold_for_a_whole_request_by_all_of_its_input(mapping, usage, amount):
    assert of_request(mapping, usage) == Fraction(amount)


def test_tiers_win_over_the_prices_beside_them_but_for_output_that_they_do_not_name():
    tiers = [
        {"input_cost_per_token": 1, "cache_read_input_token_cost": 2, "range": [0, 10]},
        {"input_cost_per_token": 3, "range": [10, 20]},
    ]
    flat = {"input_cost_per_token": 7, "cache_read_input_token_cost": 8, "output_cost_per_token": 9}

    mapping = {**flat, "tiered_pricing": tiers}
    assert of_request(mapping, {"input_tokens": 1, "input_tokens{cache=read}": 1, "output_tokens": 1}) == 12
    assert of_request(mapping, {"input_tokens": 11, "input_tokens{cache=read}": 1, "output_tokens": 1}) == 45


def test_reasoning_costs_what_its_tier_says_or_what_output_does_there():
    tiers = [
        {"input_cost_per_token": 1, "output_cost_per_token": 2, "output_cost_per_reasoning_token": 5}
        | {"range": [0, 10]},
        {"input_cost_per_token": 3, "output_cost_per_token": 4, "range": [10, 20]},
    ]
    usage = {"output_tokens{kind=reasoning}": 1}

    assert of_request({"tiered_pricing": tiers}, {"input_tokens": 1, **usage}) == 6
    assert of_request({"tiered_pricing": tiers}, {"input_tokens": 11, **usage}) == 37


@pytest.mark.parametrize(
    "tiers",
    [
        [],
        [5],
        "0-10",
        [{"input_cost_per_token": 1}],
        [{"input_cost_per_token": 1, "range": [5, 10]}],
        [{"input_cost_per_token": 1, "range": [0, 10]}, {"input_cost_per_token": 1, "range": [11, 20]}],
        [{"input_cost_per_token": 1, "range": [10, 0]}],
        [{"input_cost_per_token": 1, "range": [0, "0.5"]}],
        [{"input_cost_per_token": 1, "range": [0, 5, 9]}],
        [{"input_cost_per_query": 1, "max_results_range": [0, 25]}],
        [{"input_cost_per_token_flex": 1, "range": [0, 5]}],
    ],
    ids=str,
)
def test_what_is_no_tiers_is_refused(tiers):
    with pytest.raises(TokenbillError):
        of({"input_cost_per_token": 1, "tiered_pricing": tiers}, {"input_tokens": 1})


DEEPSEEK = {
    "input_cost_per_token": "0.0000003",
    "cache_read_input_token_cost": "0.000000006",
    "input_cost_per_token_cache_hit": "0.000000006",
    "cache_creation_input_token_cost": "0.0",
    "output_cost_per_token": "0.0000012",
    "off_peak_pricing": {
        "input_cost_per_token": "0.00000015",
        "cache_read_input_token_cost": "0.000000003",
        "output_cost_per_token": "0.0000006",
        "windows": [
            {
                "hours_utc": ["00:00-01:00", "04:00-06:00", "10:00-00:00"],
                "weekdays": [1, 2, 3, "Thu", "friday"],
            },
            {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
        ],
    },
}
DAY = {"input_tokens": 600_000, "input_tokens{cache=read}": 400_000, "output_tokens": 100_000}
INSTANTS = {
    "2026-11-27T02:00:00Z": "0.3024",  # Friday, at peak: 0.18 + 0.0024 + 0.12
    "2026-11-27T17:00:00Z": "0.1512",
    "2026-11-28T02:00:00Z": "0.1512",  # Saturday
    "2026-11-27T23:59:59Z": "0.1512",
    "2026-11-27T01:00:00Z": "0.3024",  # the end of a window is outside
}


@pytest.mark.parametrize(("at", "amount"), INSTANTS.items())
def test_off_peak_prices_hold_in_their_hours(at, amount):
    prices = catalog.from_price_map({"m": DEEPSEEK})

    assert exact(DAY, catalog.from_price_map({"m": DEEPSEEK}, at=at)) == Fraction(amount)
    assert exact(catalog.request(DAY, prices, at), prices) == Fraction(amount)


def test_rows_of_a_month_are_priced_each_by_its_own_instant_on_one_bill():
    prices = catalog.from_price_map({"m": DEEPSEEK, "n": {"input_cost_per_token": "0.000001"}})
    rows = [("2026-10-05T02:00:00Z", "m"), ("2026-10-04T02:00:00Z", "m"), ("2026-10-04T02:00:00Z", "n")]
    usage = sum(
        (catalog.request({f"input_tokens{{model={model}}}": 10**6}, prices, at) for at, model in rows),
        Usage(),
    )

    assert exact(usage, prices) == Fraction("1.45")  # Monday 0.30, Sunday 0.15, and 1
    with pytest.raises(TokenbillError, match="without its instant"):
        catalog.request({"input_tokens{model=m}": 1}, prices)
    assert catalog.request({"input_tokens{model=n}": 1}, prices) == {"input_tokens{model=n}": 1}


def test_off_peak_output_does_not_move_a_price_of_reasoning():
    mapping = {**DEEPSEEK, "output_cost_per_reasoning_token": "0.000002"}

    assert of(mapping, {"output_tokens{kind=reasoning,variant=off_peak}": 10**6}) == 2


@pytest.mark.parametrize(
    "block",
    [
        {"windows": 3},
        {"windows": "10:00-11:00"},
        5,
        {},
        {"input_cost_per_token": 1},
        {"input_cost_per_token": 1, "hours_utc": "all day"},
        {"input_cost_per_token": 1, "hours_utc": [5]},
        {"input_cost_per_token": 1, "hours_utc": "10:00-25:00"},
        {"input_cost_per_token": 1, "windows": [5]},
        {"input_cost_per_token": 1, "windows": [{"hours_utc": "10:00-11:00", "weekdays": ["someday"]}]},
        {"input_cost_per_wish": 1, "hours_utc": "10:00-11:00"},
        {"input_cost_per_token_flex": 1, "hours_utc": "10:00-11:00"},
        {"input_cost_per_token": 1, "hours_utc": "10:00-11:00", "weekday_timezone": "Nowhere"},
    ],
    ids=str,
)
def test_what_is_no_off_peak_prices_is_refused(block):
    with pytest.raises(TokenbillError):
        of({"input_cost_per_token": 1, "off_peak_pricing": block}, {"input_tokens": 1})


def test_every_key_that_blocks_is_named_in_full_and_may_be_ignored_by_its_path():
    keys = [f"{'very_' * 12}long_fee_{place}" for place in range(9)]
    blocked = {
        "input_cost_per_token": 1,
        **dict.fromkeys(keys, 5),
        "off_peak_pricing": {"wish_cost": 1, "input_cost_per_token": 1, "hours_utc": "10:00-11:00"},
        "tiered_pricing": [{"input_cost_per_token": 1, "wish_cost": 1, "range": [0, 9]}],
        "provider_specific_entry": {"wish_cost": 1, "us": 2},
    }
    paths = [f"{key}.wish_cost" for key in ("off_peak_pricing", "tiered_pricing", "provider_specific_entry")]
    reason = catalog.refused_in_price_map({"m": blocked})["m"]

    assert all(key in reason for key in (*keys, *paths))
    assert of(blocked, {"input_tokens{geo=us}": 1}, ignore=[*keys, *paths]) == 2


def test_an_alias_costs_what_it_stands_for():
    prices = {"a": {"alias_of": "b"}, "b": {"alias_of": "c"}, "c": {"input_cost_per_token": 3}}

    assert exact({"input_tokens": 2}, catalog.from_price_map(prices, model="a")) == 6
    for loop in ({"a": {"alias_of": "a"}}, {"a": {"alias_of": "nothing"}}):
        with pytest.raises(TokenbillError, match="without prices"):
            catalog.from_price_map(loop)


def test_a_price_of_nothing_is_passed_over_unless_it_is_one_of_tokens():
    assert of({"input_cost_per_token": 1, "wish_fee": 0}, {"input_tokens": 1}) == 1
    with pytest.raises(TokenbillError, match="wish_cost_per_token"):
        of({"input_cost_per_token": 1, "wish_cost_per_token": 0}, {"input_tokens": 1})


PLAIN = {"input_cost_per_token": "0.0000025", "output_cost_per_token": "0.00001"}


def test_a_dearer_variant_costs_its_own_price_or_is_refused():
    usage = {"input_tokens{variant=priority}": 9, "output_tokens{variant=priority}": 1}
    own = {"input_cost_per_token_priority": "0.00000425", "output_cost_per_token_priority": "0.000017"}

    with pytest.raises(TokenbillError, match="variant=priority"):
        of(PLAIN, usage)
    assert of({**PLAIN, **own}, usage) == Fraction("0.00005525")


def test_a_variant_that_the_list_names_costs_the_standard_where_it_names_no_own_price():
    assert of(
        {**PLAIN, "input_cost_per_token_priority": 1}, {"output_tokens{variant=priority}": 100}
    ) == Fraction("0.001")


@pytest.mark.parametrize(
    ("mapping", "usage", "amount"),
    [
        (PLAIN, {"input_tokens{variant=batch}": 10**6}, "2.5"),
        (PLAIN, {"input_tokens{cache=read}": 10**6}, "2.5"),
        (
            {**PLAIN, "cache_creation_input_token_cost_above_12hr_ultrafast": "0.00015"}
            | {"input_cost_per_token_ultrafast": "0.00006"},
            {
                "input_tokens{cache=write,ttl=12h,variant=ultrafast}": 1000,
                "input_tokens{variant=ultrafast}": 100,
            },
            "0.156",
        ),
        (
            {
                **PLAIN,
                "cache_read_input_token_cost": "0.0000005",
                "explicit_cache_read_input_token_cost": "0.0000002",
            },
            {"input_tokens{cache=read}": 10**6, "input_tokens{cache=read,kind=explicit}": 10**6},
            "0.7",
        ),
    ],
    ids=str,
)
def test_what_a_list_prices_and_what_it_does_not(mapping, usage, amount):
    assert of(mapping, usage) == Fraction(amount)


RATIOS = {
    "ModelRatio": {"gpt-4o": "1.25", "deepseek-chat": "0.135", "claude": "1.5"},
    "CompletionRatio": '{"gpt-4o": 4, "deepseek-chat": 4.2}',
    "CacheRatio": {"gpt-4o": "0.5", "claude": "0.1"},
    "CreateCacheRatio": {"claude": "1.25"},
    "GroupRatio": {"default": "1", "vip": "0.8"},
    "ModelPrice": {"dall-e-3": "0.04"},
}


def test_a_table_of_ratios_is_quota_or_dollars():
    usage = {
        "input_tokens{model=gpt-4o}": 1720,
        "input_tokens{cache=read,model=gpt-4o}": 1280,
        "output_tokens{model=gpt-4o}": 600,
        "input_tokens{model=deepseek-chat}": 1000,
        "output_tokens{model=deepseek-chat}": 500,
    }
    quota = catalog.from_ratios(RATIOS, group="vip", unit="quota")

    assert exact(usage, quota) == Fraction(
        "5094.8"
    )  # 1720 + 640 + 2400, and 108 + 226.8, with the group's 0.8
    assert exact(usage, catalog.from_ratios(RATIOS, group="vip")) == Fraction("0.0101896")
    assert exact({"api_calls{model=dall-e-3}": 3}, quota) == 48000  # 3 × 0.04 × 0.8 × 500,000
    assert exact({"api_calls": 3}, catalog.from_ratios(RATIOS, model="dall-e-3")) == Fraction("0.12")
    written = {"input_tokens{cache=write,model=claude}": 1000}
    assert exact(written, catalog.from_ratios(RATIOS, unit="quota")) == 1875  # 1.5 × 1.25
    with pytest.raises(TokenbillError):
        exact({"output_tokens{model=claude}": 1}, quota)  # its completion ratio is not in the table


@pytest.mark.parametrize(
    ("table", "more"),
    [
        (5, {}),
        ({}, {}),
        (RATIOS, {"group": "vipp"}),
        (RATIOS, {"model": "gpt-4"}),
        (RATIOS, {"model": 5}),
        (RATIOS, {"unit": "yuan"}),
        ({**RATIOS, "WishRatio": {"a": 1}}, {}),
        ({**RATIOS, "CacheRatio": "{"}, {}),
        ({**RATIOS, "CacheRatio": [1]}, {}),
        ({"ModelRatio": {"m": 0.5}}, {}),
        ({"ModelRatio": {"m": "x"}}, {}),
    ],
    ids=str,
)
def test_what_is_no_table_of_ratios_is_refused(table, more):
    with pytest.raises(TokenbillError):
        catalog.from_ratios(table, **more)


def test_floats_are_read_by_their_text_and_models_left_out_only_when_asked():
    assert (
        exact({"input_tokens": 2}, catalog.from_ratios({"ModelRatio": {"m": 0.5}}, floats=True, unit="quota"))
        == 1
    )
    table = {"ModelRatio": {"m": "x", "n": 1}, "WishRatio": {"n": 5}}
    prices = catalog.from_ratios(table, skip=True, ignore=["WishRatio"])
    assert list(prices) == ["input_tokens{model=n}"]


SONNET = {
    "input": "3",
    "output": "15",
    "cache_read": "0.3",
    "cache_write": "3.75",
    "context_over_200k": {"input": "6", "output": "22.5", "cache_read": "0.6", "cache_write": "7.5"},
}
DEV = {"anthropic": {"models": {"sonnet": {"cost": SONNET}, "haiku": {"cost": {"input": 1}}}}}


def test_models_dev_lists_dollars_a_million_and_prices_of_long_requests():
    prices = catalog.from_models_dev(DEV, "anthropic", model="sonnet")
    usage = {"input_tokens": 210_000, "input_tokens{cache=write}": 5_000, "output_tokens": 1_000}

    assert exact(catalog.request(usage, prices), prices) == Fraction("1.32")  # 1.26 + 0.0375 + 0.0225
    assert "input_tokens{model=haiku}" in catalog.from_models_dev(DEV)


@pytest.mark.parametrize(
    "api",
    [
        5,
        {"a": DEV["anthropic"], "b": {}},
        {"a": {}},
        {"a": {"models": {"m": {}}}},
        {"a": {"models": {"m": {"cost": {}}}}},
        {"a": {"models": {"m": {"cost": {"input": 1, "wish": 2}}}}},
        {"a": {"models": {"m": {"cost": {"input": 1, "context_over_200k": {"output": 2}}}}}},
        {"a": {"models": {"m": {"cost": {"input": 0.5}}}}},
    ],
    ids=str,
)
def test_what_is_no_list_of_models_dev_is_refused(api):
    with pytest.raises(TokenbillError):
        catalog.from_models_dev(api)


ROUTER = {
    "data": [
        {
            "id": "anthropic/claude-sonnet-4.5",
            "pricing": {
                "prompt": "0.000003",
                "completion": "0.000015",
                "request": "0",
                "image": "0.0048",
                "web_search": "0.01",
                "internal_reasoning": "0",
                "input_cache_read": "0.0000003",
                "discount": 0,
            },
        },
        {"id": "free", "pricing": {"prompt": "0", "completion": "0", "input_cache_read": "0"}},
        {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}},
    ]
}


def test_openrouter_lists_dollars_a_token_where_0_may_mean_not_charged_apart():
    prices = catalog.from_openrouter(ROUTER, model="anthropic/claude-sonnet-4.5")
    usage = {
        "input_tokens": 1000,
        "input_tokens{cache=read}": 10_000,
        "output_tokens": 200,
        "web_searches": 2,
    }

    assert exact(usage, prices) == Fraction("0.029")  # 0.003 + 0.003 + 0.003 + 0.02
    assert exact({"output_tokens{kind=reasoning}": 200}, prices) == Fraction("0.003")
    every = catalog.from_openrouter(ROUTER, skip=True)
    assert exact({"input_tokens{cache=read,model=free}": 9}, every) == 0
    with pytest.raises(TokenbillError):
        every.match("input_tokens{model=auto}")


@pytest.mark.parametrize(
    "listing",
    [
        5,
        {},
        {"data": 5},
        {"data": [{}]},
        {"data": [{"id": "m"}]},
        {"data": [{"id": "m", "pricing": {"wish": "1"}}]},
        {"data": [{"id": "m", "pricing": {"prompt": "1", "discount": "0.5"}}]},
        {"data": ROUTER["data"][2:]},
    ],
    ids=str,
)
def test_what_is_no_list_of_openrouter_is_refused(listing):
    with pytest.raises(TokenbillError):
        catalog.from_openrouter(listing)


@needs_prices
def test_a_fee_for_the_request_is_counted_with_it():
    prices = catalog.schedule("sonar", "perplexity", at="2026-11-01T00:00:00Z")
    usage = {"input_tokens": 1000, "output_tokens": 100}

    assert exact(catalog.request(usage, prices), prices) == Fraction("0.0131")  # 0.0011, and 12 a thousand
    counted = Usage(usage) + Usage(api_calls=1)
    assert catalog.request(counted, prices) == counted


@needs_prices
def test_a_window_of_todays_prices_does_not_win_over_prices_of_a_time_before():
    prices = catalog.schedule("deepseek-v4-flash", "deepseek", at="2026-08-01T02:00:00Z")

    assert exact(DAY, prices) == Fraction("0.11312")  # 0.6 × 0.14 + 0.4 × 0.0028 + 0.1 × 0.28


@needs_prices
def test_a_date_is_its_midnight_in_utc():
    at = "2026-11-01"

    assert catalog.schedule("gpt-4o", "openai", at) == catalog.schedule("gpt-4o", "openai", f"{at}T00:00:00Z")


# The public file of cases, each run by its kind --------------------------------------------------------


def prices_of(case):
    """The list that a case is about: everything it may hold is read here, or the test fails."""
    if "map" in case:
        return catalog.from_price_map(case["map"])
    if "ratios" in case:
        return catalog.from_ratios(case["ratios"], group=case["group"], unit=case["unit"])
    if "models_dev" in case:
        return catalog.from_models_dev(case["models_dev"], model=case["model"])
    if "openrouter" in case:
        return catalog.from_openrouter(case["openrouter"], model=case["model"])
    if "catalog" in case:
        return catalog.schedule(*case["catalog"])
    per, currency = case.get("per", 1), case.get("currency", "USD")
    prices = PriceSchedule(
        {key: PerUnit(rate, per) for key, rate in case["prices"].items()}, currency=currency
    )
    if "to" in case:
        rate = case["rate"].partition(" ")[0]
        return prices.converted(case["to"], rate=rate, source="the case", on="2026-11-01")
    return prices


def usage_of(case, prices):
    if "rows" in case:
        return sum((catalog.request(usage, prices, at) for at, usage in case["rows"]), Usage())
    if "payload" in case:
        return catalog.request(read_usage(case["payload"]), prices)
    if "request" in case or "at" in case:
        return catalog.request(case.get("request") or case["usage"], prices, case.get("at"))
    return Usage(case["usage"])


@needs_prices
@pytest.mark.parametrize("case", shared_cases("prices.json"), ids=lambda case: case["id"])
def test_public_cases_come_out_to_the_last_digit(case):
    if case.get("refused"):
        with pytest.raises(TokenbillError):
            exact(usage_of(case, prices_of(case)), prices_of(case))
        return
    prices = prices_of(case)

    assert exact(usage_of(case, prices), prices) == Fraction(case["exact"])


def test_a_bill_is_exact_in_any_currency():
    yuan = catalog.from_price_map({"m": PLAIN}, currency="CNY")

    assert yuan.currency.code == "CNY"
    assert exact({"input_tokens": 10**6}, yuan) == Decimal("2.5")
