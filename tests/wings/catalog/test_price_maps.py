import json
import os
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Bill, BillingPlan, PerUnit, UnpricedUsage, Usage
from tokenbill.catalog import from_price_map, refused_in_price_map, thresholds
from tokenbill.errors import InvalidName, InvalidNumber, InvalidPrice, TokenbillError, UnreadableInput
from tokenbill.events import bracket

LITELLM = find_spec("litellm")


def one(**prices):
    return {"m": prices}


def rates(mapping, **more):
    return {key: int(price.rate) for key, price in from_price_map(mapping, **more).items()}


def test_each_key_of_the_map_prices_its_meter():
    prices = from_price_map(
        one(
            input_cost_per_token="0.000003",
            output_cost_per_token="0.000015",
            output_cost_per_reasoning_token="0.000014",
            cache_read_input_token_cost="0.0000003",
            cache_creation_input_token_cost="0.00000375",
            cache_creation_input_token_cost_above_1hr="0.000006",
            file_search_cost_per_1k_calls="2.50",
        )
    )

    assert dict(prices) == {
        "input_tokens": PerUnit("0.000003"),
        "output_tokens": PerUnit("0.000015"),
        "output_tokens{kind=reasoning}": PerUnit("0.000014"),
        "input_tokens{cache=read}": PerUnit("0.0000003"),
        "input_tokens{cache=write}": PerUnit("0.00000375"),
        "input_tokens{cache=write,ttl=1h}": PerUnit("0.000006"),
        "file_searches": PerUnit("2.50", per=1000),
    }


def test_the_pools_of_the_rules_come_to_what_is_written_there():
    plan = BillingPlan.on_demand(
        from_price_map(
            one(
                input_cost_per_token="0.000003",
                output_cost_per_token="0.000015",
                cache_read_input_token_cost="0.0000003",
                cache_creation_input_token_cost="0.00000375",
                cache_creation_input_token_cost_above_1hr="0.000006",
            )
        )
    )
    usage = Usage(
        {
            "input_tokens": 1_200,
            "input_tokens{cache=read}": 8_000,
            "input_tokens{cache=write}": 500,
            "input_tokens{cache=write,ttl=1h}": 200,
            "output_tokens": 900,
        }
    )

    assert Bill.of(usage, plan).exact == Fraction("0.022575")  # 0.0036 + 0.0024 + 0.001875 + 0.0012 + 0.0135


def test_a_long_request_is_priced_by_the_label_that_bracket_gives_it():
    prices = from_price_map(
        one(
            input_cost_per_token=Decimal("0.000003"),
            input_cost_per_token_above_200k_tokens=Decimal("0.000006"),
            output_cost_per_token=Decimal("0.000015"),
            output_cost_per_token_above_200k_tokens=Decimal("0.0000225"),
        )
    )
    request = bracket({"input_tokens": 250_000, "output_tokens": 2_000}, over=thresholds(prices))

    assert thresholds(prices) == (200_000,)
    assert Bill.of(request, BillingPlan.on_demand(prices)).exact == Fraction("1.545")  # 1.50 + 0.045


def test_the_long_prices_of_xai_hold_from_the_threshold_on():
    keys = {"input_cost_per_token": 3, "input_cost_per_token_above_128k_tokens": 6}

    assert thresholds(from_price_map(one(**keys))) == (128_000,)
    assert thresholds(from_price_map(one(**keys, litellm_provider="xai"))) == (127_999,)


@pytest.mark.parametrize("provider", ["xai", "anthropic"])
def test_a_threshold_that_every_request_passes_is_refused(provider):
    keys = {"input_cost_per_token": 3, "input_cost_per_token_above_0_tokens": 6}

    with pytest.raises(UnreadableInput, match="input_cost_per_token_above_0_tokens"):
        from_price_map(one(**keys, litellm_provider=provider))


def test_a_price_of_long_requests_only_costs_short_ones_what_the_input_does():
    found = rates(
        one(
            input_cost_per_token=3,
            input_cost_per_token_above_200k_tokens=6,
            cache_creation_input_token_cost_above_200k_tokens=7,
        )
    )

    assert found == {
        "input_tokens": 3,
        "input_tokens{context=200000}": 6,
        "input_tokens{cache=write}": 3,
        "input_tokens{cache=write,context=200000}": 7,
    }


def test_what_follows_the_input_follows_that_of_a_variant():
    found = rates(
        one(
            input_cost_per_token=3,
            input_cost_per_token_flex=2,
            cache_creation_input_token_cost_above_200k_tokens=7,
        )
    )

    assert found["input_tokens{cache=write}"] == 3
    assert found["input_tokens{cache=write,variant=flex}"] == 2
    assert found["input_tokens{cache=write,context=200000,variant=flex}"] == 7


def test_of_two_thresholds_the_higher_that_a_request_passed_decides():
    found = rates(
        one(
            input_cost_per_token=1,
            input_cost_per_token_above_256k_tokens=3,
            input_cost_per_token_above_32k_tokens=2,
        )
    )

    assert found == {
        "input_tokens": 1,
        "input_tokens{context=32000}": 2,
        "input_tokens{context=256000}": 3,
    }


def test_a_threshold_of_a_variant_alone_is_one_of_the_model():
    found = rates(
        one(
            input_cost_per_token=4,
            input_cost_per_token_priority=5,
            input_cost_per_token_above_200k_tokens_priority=9,
        )
    )

    assert found == {
        "input_tokens": 4,
        "input_tokens{context=200000}": 4,
        "input_tokens{variant=priority}": 5,
        "input_tokens{context=200000,variant=priority}": 9,
    }


def test_a_price_of_long_requests_alone_is_refused():
    with pytest.raises(UnreadableInput, match="without one of short ones"):
        from_price_map(one(output_cost_per_token_above_200k_tokens=6))


def test_variants_are_labelled_and_keep_the_standard_price_of_what_they_do_not_name():
    found = rates(one(input_cost_per_token=4, cache_read_input_token_cost=1, input_cost_per_token_batches=2))

    assert found == {
        "input_tokens": 4,
        "input_tokens{variant=batch}": 2,
        "input_tokens{cache=read}": 1,
        "input_tokens{cache=read,variant=batch}": 1,
    }


def test_a_long_request_costs_the_standard_in_flex_and_the_short_price_in_a_batch_where_neither_says():
    found = rates(
        one(
            input_cost_per_token=4,
            input_cost_per_token_above_200k_tokens=8,
            input_cost_per_token_flex=3,
            input_cost_per_token_batches=2,
            input_cost_per_token_priority=5,
            input_cost_per_token_above_200k_tokens_priority=9,
        )
    )

    assert found == {
        "input_tokens": 4,
        "input_tokens{context=200000}": 8,
        "input_tokens{variant=flex}": 3,
        "input_tokens{context=200000,variant=flex}": 8,
        "input_tokens{variant=batch}": 2,
        "input_tokens{context=200000,variant=batch}": 2,
        "input_tokens{variant=priority}": 5,
        "input_tokens{context=200000,variant=priority}": 9,
    }


def test_reasoning_follows_the_output_of_its_variant():
    found = rates(
        one(output_cost_per_token=4, output_cost_per_reasoning_token=5, output_cost_per_token_flex=2)
    )

    assert found == {
        "output_tokens": 4,
        "output_tokens{kind=reasoning}": 5,
        "output_tokens{variant=flex}": 2,
        "output_tokens{kind=reasoning,variant=flex}": 2,
    }


def test_reasoning_of_a_variant_costs_its_own_price_where_it_has_one():
    found = rates(
        one(
            output_cost_per_token=4,
            output_cost_per_reasoning_token=5,
            output_cost_per_token_flex=2,
            output_cost_per_reasoning_token_flex=3,
        )
    )

    assert found["output_tokens{kind=reasoning,variant=flex}"] == 3


def test_a_batch_that_names_long_requests_only_costs_the_standard_for_short_ones():
    found = rates(
        one(
            input_cost_per_token=4,
            input_cost_per_token_above_200k_tokens=8,
            input_cost_per_token_above_200k_tokens_batches=3,
        )
    )

    assert found["input_tokens{variant=batch}"] == 4
    assert found["input_tokens{context=200000,variant=batch}"] == 3


def test_what_follows_the_input_follows_it_over_its_thresholds():
    found = rates(
        one(
            input_cost_per_token=3,
            input_cost_per_token_above_128k_tokens=5,
            cache_creation_input_token_cost_above_200k_tokens=7,
        )
    )

    assert found["input_tokens{cache=write,context=128000}"] == 5
    assert found["input_tokens{cache=write,context=200000}"] == 7


def test_cached_audio_without_a_price_costs_what_is_cached():
    found = rates(one(input_cost_per_token=4, cache_read_input_token_cost=1, input_cost_per_audio_token=8))

    assert found["input_tokens{cache=read,modality=audio}"] == 1


def test_what_a_second_or_an_image_is_depends_on_the_mode():
    whisper = one(mode="audio_transcription", input_cost_per_second=1, output_cost_per_second=0)
    dall_e = one(mode="image_generation", output_cost_per_image=2)

    assert rates(whisper) == {"audio_seconds": 1}
    assert rates(dall_e) == {"images": 2}
    with pytest.raises(UnreadableInput, match="output_cost_per_second"):
        from_price_map(one(mode="video_generation", output_cost_per_second=1))


def test_a_search_whose_size_nobody_names_is_a_medium_one():
    sizes = {f"search_context_size_{size}": rate for size, rate in {"low": 1, "medium": 2, "high": 3}.items()}

    assert rates(one(search_context_cost_per_query=sizes)) == {
        "web_searches": 2,
        "web_searches{search_context=low}": 1,
        "web_searches{search_context=high}": 3,
    }


def test_several_models_carry_their_names_and_one_carries_none():
    two = {"m": {"input_cost_per_token": 3}, "n": {"input_cost_per_token": 4}}

    assert rates(two) == {"input_tokens{model=m}": 3, "input_tokens{model=n}": 4}
    assert rates(two, model="n") == {"input_tokens": 4}
    assert rates(two, model=["n"]) == {"input_tokens{model=n}": 4}
    assert rates({"m": two["m"]}) == {"input_tokens": 3}


@pytest.mark.parametrize(
    "key",
    [
        "cost_per_wish",
        "wish_fee",
        "tiered_pricing",
        "regional_uplift_multiplier_eu",
        "input_cost_per_token_on_sundays",
        "input_cost_per_token_above_noon_tokens",
        "output_cost_per_video_per_second",
    ],
)
@pytest.mark.parametrize("value", ["0.10", Decimal("0.10"), [1], {"a": 1}], ids=repr)
def test_an_unknown_key_that_may_be_a_price_is_refused_by_name(key, value):
    prices = {"input_cost_per_token": 3, key: value}

    with pytest.raises(UnreadableInput, match=key):
        from_price_map({"m": prices})
    assert key in refused_in_price_map({"m": prices})["m"]
    assert rates({"m": prices}, ignore=[key]) == {"input_tokens": 3}


@pytest.mark.parametrize("value", [7, Decimal("0.10"), {"a": 1}], ids=str)
def test_an_unknown_key_that_holds_a_number_or_a_mapping_is_refused(value):
    with pytest.raises(UnreadableInput, match="wishes"):
        from_price_map(one(input_cost_per_token=3, wishes=value))


def test_keys_that_are_no_prices_are_passed_over():
    other = {
        "mode": "chat",
        "litellm_provider": "openai",
        "max_tokens": 8192,
        "max_input_tokens": 128_000,
        "supports_vision": True,
        "supports_prompt_caching": False,
        "supported_endpoints": ["/v1/chat/completions"],
        "deprecation_date": "2027-01-01",
        "source": "https://example.org/models",
        "output_cost_per_token": None,
        "metadata": {"notes": "none"},
    }

    assert rates(one(input_cost_per_token=3, **other)) == {"input_tokens": 3}


def test_a_model_that_cannot_be_converted_is_an_error_or_is_left_out_when_asked():
    mixed = {"good": {"input_cost_per_token": 3}, "bad": {"tiered_pricing": []}, "empty": {"mode": "chat"}}
    prices = from_price_map(mixed, skip=True)

    assert list(prices) == ["input_tokens{model=good}"]
    assert list(refused_in_price_map(mixed)) == ["bad", "empty"]
    with pytest.raises(UnpricedUsage):
        prices.match("input_tokens{model=bad}")
    with pytest.raises(UnreadableInput, match="tiered_pricing"):
        from_price_map(mixed)
    with pytest.raises(UnreadableInput, match="no model that can be converted"):
        from_price_map({"bad": mixed["bad"]}, skip=True)


def test_a_float_is_refused_with_the_way_out_and_read_by_its_text_when_asked():
    text = '{"m": {"input_cost_per_token": 2.5e-06}}'

    with pytest.raises(InvalidNumber, match="parse_float=Decimal"):
        from_price_map(json.loads(text))
    exact = from_price_map(json.loads(text, parse_float=Decimal))
    assert exact["input_tokens"].rate == Decimal("0.0000025")
    assert from_price_map(json.loads(text), floats=True) == exact


def test_two_keys_of_one_meter_must_agree():
    with pytest.raises(UnreadableInput, match="input_cost_per_token_cache_hit"):
        from_price_map(one(cache_read_input_token_cost=1, input_cost_per_token_cache_hit=2))
    assert rates(one(cache_read_input_token_cost=1, input_cost_per_token_cache_hit=1)) == {
        "input_tokens{cache=read}": 1
    }


class Raising(dict):
    def keys(self):
        raise RuntimeError("no keys today")

    __iter__ = items = keys


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        (None, UnreadableInput),
        ([("m", {})], UnreadableInput),
        ({}, UnreadableInput),
        ({"m": None}, UnreadableInput),
        ({"m": []}, UnreadableInput),
        ({5: {"input_cost_per_token": 1}}, InvalidName),
        ({"m\n": {"input_cost_per_token": 1}}, InvalidName),
        ({"\ud800": {"input_cost_per_token": 1}}, InvalidName),
        ({"m": {5: 1}}, InvalidName),
        ({"m": {"input_cost_per_token": True}}, InvalidNumber),
        ({"m": {"input_cost_per_token": "2.5e-106"}}, InvalidNumber),
        ({"m": {"input_cost_per_token": "2.5 USD"}}, InvalidNumber),
        ({"m": {"input_cost_per_token": Decimal("NaN")}}, InvalidNumber),
        ({"m": {"input_cost_per_token": Decimal("sNaN")}}, InvalidNumber),
        ({"m": {"input_cost_per_token": 10**400}}, InvalidNumber),
        ({"m": {"input_cost_per_token": {"a": 1}}}, InvalidNumber),
        ({"m": {"input_cost_per_token": Decimal(-1)}}, InvalidPrice),
        ({"m": {"search_context_cost_per_query": 1}}, UnreadableInput),
        ({"m": {"search_context_cost_per_query": {"search_context_size_huge": 1}}}, UnreadableInput),
        (Raising(m={}), UnreadableInput),
        ({"m": Raising(a=1)}, UnreadableInput),
        ({"m": {"search_context_cost_per_query": Raising(a=1)}}, UnreadableInput),
    ],
    ids=str,
)
def test_what_is_no_price_map_is_refused(mapping, error):
    with pytest.raises(error):
        from_price_map(mapping)


@pytest.mark.parametrize(
    "more", [{"model": "n"}, {"model": 5}, {"model": [[]]}, {"ignore": 5}, {"ignore": [5]}], ids=str
)
def test_what_is_no_model_or_key_is_refused(more):
    with pytest.raises(TokenbillError):
        from_price_map(one(input_cost_per_token=1), **more)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.decimals() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(
    [
        "input_cost_per_token",
        "input_cost_per_token_above_128k_tokens",
        "cache_read_input_token_cost_flex",
        "input_cost_per_audio_token",
        "search_context_cost_per_query",
        "litellm_provider",
        "mode",
    ]
) | st.text(max_size=8)


@given(
    st.dictionaries(st.text(max_size=3), st.dictionaries(keys, anything, max_size=4) | anything, max_size=3)
)
def test_any_map_gives_a_schedule_or_an_error_of_ours(mapping):
    try:
        prices = from_price_map(mapping, floats=True, skip=True)
    except TokenbillError:
        return
    assert len(prices) > 0


@pytest.mark.skipif(LITELLM is None, reason="run: pip install litellm")
def test_the_models_of_litellm_convert_or_are_refused_with_a_reason():
    path = Path(os.path.dirname(LITELLM.origin)) / "model_prices_and_context_window_backup.json"
    models = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    reasons = refused_in_price_map(models)
    converted = {key.labels["model"] for key in from_price_map(models, skip=True)}

    assert converted | set(reasons) == set(models)
    assert len(reasons) < len(models) // 5


@pytest.mark.parametrize("day", [{}, [1], None, "someday", 8])
def test_days_that_are_none_are_refused(day):
    windows = [{"hours_utc": "00:00-01:00", "weekdays": [day]}]
    off_peak = {"input_cost_per_token": 1, "windows": windows}

    with pytest.raises(TokenbillError):
        from_price_map({"m": {"input_cost_per_token": 2, "off_peak_pricing": off_peak}})
