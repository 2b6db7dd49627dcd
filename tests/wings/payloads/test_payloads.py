"""Payloads become usage in meters that share no token, or are refused; nothing is dropped in silence."""

import json
import traceback
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wings.payloads.payload_writers import (
    AUDIO,
    IMAGE,
    OUT,
    OUT_AUDIO,
    OUT_IMAGE,
    READ,
    READ_AUDIO,
    READ_IMAGE,
    READ_VIDEO,
    REASONING,
    TEXT,
    VIDEO,
    WRITE,
    WRITE_1H,
    WRITERS,
    example,
    seconds,
)
from tokenbill import Bill, BillingPlan, PriceSchedule, TokenbillError, Usage
from tokenbill.core.metering.meters import LLM_METERS
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.payloads import read_cost, read_usage, shape_of


def used_by(shape, most=10**12):
    cells = st.fixed_dictionaries({meter: st.integers(0, most) for meter in WRITERS[shape][1]})
    return cells.map(Counter)


# What is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", WRITERS)
@given(st.data())
def test_what_an_api_writes_is_read_back(shape, data):
    used = data.draw(used_by(shape))

    assert read_usage(WRITERS[shape][0](used), shape) == Usage(used)


@pytest.mark.parametrize("shape", WRITERS)
@given(st.data())
def test_all_tokens_of_a_total_are_in_exactly_one_meter(shape, data):
    payload = WRITERS[shape][0](data.draw(used_by(shape)))
    usage = read_usage(payload, shape)

    for total in {"total_tokens", "totalTokens", "totalTokenCount"} & payload.keys():
        assert usage.total("input_tokens") + usage.total("output_tokens") == payload[total]


@pytest.mark.parametrize("shape", WRITERS)
def test_every_meter_is_one_of_the_table_or_a_cached_modality(shape):
    assert set(read_usage(example(shape), shape)) <= {*LLM_METERS, READ_AUDIO, READ_IMAGE, READ_VIDEO}


@given(st.integers(0, 10**12))
def test_a_transcription_may_be_counted_in_seconds(length):
    used = Counter(audio_seconds=length)

    assert read_usage(seconds(used), "openai.transcription") == Usage(used)


SAMPLES = [
    (
        "openai.chat",
        {
            "prompt_tokens": 900,
            "completion_tokens": 250,
            "total_tokens": 1150,
            "prompt_tokens_details": {"cached_tokens": 640},
            "completion_tokens_details": {"reasoning_tokens": 192},
        },
        {TEXT: 260, READ: 640, OUT: 58, REASONING: 192},
    ),
    (
        "openai.chat",
        {
            "prompt_tokens": 75,
            "completion_tokens": 20,
            "total_tokens": 95,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        {TEXT: 75, OUT: 20},
    ),
    (
        "openai.chat",
        {
            "prompt_tokens": 110,
            "completion_tokens": 40,
            "total_tokens": 150,
            "prompt_tokens_details": {"audio_tokens": 70, "cached_tokens": 0},
            "completion_tokens_details": {"audio_tokens": 15},
        },
        {TEXT: 40, AUDIO: 70, OUT: 25, OUT_AUDIO: 15},
    ),
    (
        "openai.responses",
        {
            "input_tokens": 2100,
            "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 512},
            "output_tokens": 330,
            "output_tokens_details": {"reasoning_tokens": 300},
            "total_tokens": 2430,
        },
        {TEXT: 564, READ: 1024, WRITE: 512, OUT: 30, REASONING: 300},
    ),
    (
        "openai.realtime",
        {
            "input_tokens": 800,
            "input_token_details": {
                "text_tokens": 500,
                "audio_tokens": 300,
                "cached_tokens": 200,
                "cached_tokens_details": {"text_tokens": 150, "audio_tokens": 50},
            },
            "output_tokens": 120,
            "output_token_details": {"text_tokens": 20, "audio_tokens": 100},
        },
        {TEXT: 350, AUDIO: 250, READ: 150, READ_AUDIO: 50, OUT: 20, OUT_AUDIO: 100},
    ),
    ("openai.transcription", {"type": "duration", "seconds": 42}, {"audio_seconds": 42}),
    (
        "anthropic.messages",
        {
            "input_tokens": 12,
            "cache_read_input_tokens": 3000,
            "cache_creation_input_tokens": 700,
            "cache_creation": {"ephemeral_5m_input_tokens": 450, "ephemeral_1h_input_tokens": 250},
            "output_tokens": 95,
            "output_tokens_details": {"thinking_tokens": 60},
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        },
        {TEXT: 12, READ: 3000, WRITE: 450, WRITE_1H: 250, OUT: 35, REASONING: 60}
        | {"web_searches": 2, "web_fetches": 1},
    ),
    (
        "gemini.generate",
        {
            "promptTokenCount": 50,
            "toolUsePromptTokenCount": 30,
            "cachedContentTokenCount": 20,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 25,
            "totalTokenCount": 120,
        },
        {TEXT: 60, READ: 20, OUT: 15, REASONING: 25},
    ),
    (
        "bedrock.converse",
        {
            "inputTokens": 5,
            "cacheReadInputTokens": 400,
            "cacheReadInputTokenCount": 400,
            "cacheWriteInputTokens": 90,
            "cacheWriteInputTokenCount": 90,
            "cacheDetails": [{"inputTokens": 90, "ttl": "1h"}],
            "outputTokens": 25,
            "totalTokens": 520,
        },
        {TEXT: 5, READ: 400, WRITE_1H: 90, OUT: 25},
    ),
    (
        "deepseek.chat",
        {
            "prompt_tokens": 300,
            "prompt_cache_hit_tokens": 256,
            "prompt_cache_miss_tokens": 44,
            "prompt_tokens_details": {"cached_tokens": 256},
            "completion_tokens": 80,
            "completion_tokens_details": {"reasoning_tokens": 50},
            "total_tokens": 380,
        },
        {TEXT: 44, READ: 256, OUT: 30, REASONING: 50},
    ),
    (
        "xai.chat",
        {
            "prompt_tokens": 40,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 60},
            "num_sources_used": 3,
        },
        {TEXT: 32, READ: 8, OUT: 10, REASONING: 60, "web_searches": 3},
    ),
    (
        "cohere.chat",
        {
            "billed_units": {"input_tokens": 210, "output_tokens": 12},
            "tokens": {"input_tokens": 260, "output_tokens": 14},
            "cached_tokens": 0,
        },
        {TEXT: 210, OUT: 12},
    ),
    ("openai.embeddings", {"prompt_tokens": 4, "total_tokens": 4}, {TEXT: 4}),
    # nothing says what the images API put out, and images are what it puts out
    ("openai.images", {"input_tokens": 50, "output_tokens": 600}, {TEXT: 50, OUT_IMAGE: 600}),
    (
        "openai.images",
        {"input_tokens": 50, "output_tokens": 600, "output_tokens_details": {"text_tokens": 100}},
        {TEXT: 50, OUT: 100, OUT_IMAGE: 500},
    ),
    # the list names 120 of 180: the other 60 are text; documents are text and images, too
    (
        "gemini.generate",
        {
            "promptTokenCount": 33,
            "promptTokensDetails": [{"modality": "DOCUMENT", "tokenCount": 30}, {"tokenCount": 3}],
            "candidatesTokenCount": 180,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 120}],
            "totalTokenCount": 213,
        },
        {TEXT: 33, OUT: 60, OUT_IMAGE: 120},
    ),
    (
        "gemini.generate",
        {"promptTokenCount": 9, "promptTokenDetails": [{"modality": "VIDEO", "tokenCount": 4}]},
        {TEXT: 5, VIDEO: 4},
    ),
    (
        "gemini.generate",
        {
            "promptTokenCount": 9,
            "toolUsePromptTokenCount": 8,
            "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
        },
        {TEXT: 12, IMAGE: 5},
    ),
    # as Google's SDK writes it
    (
        "gemini.generate",
        {
            "prompt_token_count": 9,
            "candidates_token_count": 4,
            "thoughts_token_count": None,
            "prompt_tokens_details": [{"modality": "AUDIO", "token_count": 2}],
            "traffic_type": None,
        },
        {TEXT: 7, AUDIO: 2, OUT: 4},
    ),
    # cached without a modality: from the text first
    (
        "openai.chat",
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"audio_tokens": 60, "cached_tokens": 40},
        },
        {AUDIO: 60, READ: 40, OUT: 1},
    ),
    # predicted tokens are output under another name
    (
        "openai.chat",
        {
            "prompt_tokens": 10,
            "completion_tokens": 30,
            "completion_tokens_details": {"accepted_prediction_tokens": 20, "rejected_prediction_tokens": 10},
        },
        {TEXT: 10, OUT: 30},
    ),
    # a delta of a stream has no lifetimes
    (
        "anthropic.messages",
        {"input_tokens": 1, "cache_creation_input_tokens": 20, "cache_creation": None, "output_tokens": 2},
        {TEXT: 1, WRITE: 20, OUT: 2},
    ),
    (
        "mistral.chat",
        {"prompt_tokens": 9, "completion_tokens": 2, "num_cached_tokens": 8},
        {TEXT: 1, READ: 8, OUT: 2},
    ),
]


@pytest.mark.parametrize(("shape", "payload", "meters"), SAMPLES)
def test_a_payload_is_read_by_its_shape(shape, payload, meters):
    assert read_usage(payload, shape) == Usage(meters)


def test_the_total_of_xai_says_where_reasoning_stands():
    payload = {
        "prompt_tokens": 50,
        "completion_tokens": 120,
        "completion_tokens_details": {"reasoning_tokens": 85},
    }

    outside = read_usage(payload | {"total_tokens": 255}, "xai.chat")
    assert outside == Usage({TEXT: 50, OUT: 120, REASONING: 85})
    for inside in (payload, payload | {"total_tokens": 170}):
        assert read_usage(inside, "xai.chat") == Usage({TEXT: 50, OUT: 35, REASONING: 85})


def test_vertex_counts_reasoning_outside_unless_its_total_says_inside():
    payload = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }

    for outside in (payload, payload | {"total_tokens": 170}):
        assert read_usage(outside, "vertex.openai") == Usage({TEXT: 100, OUT: 50, REASONING: 20})
    inside = read_usage(payload | {"total_tokens": 150}, "vertex.openai")
    assert inside == Usage({TEXT: 100, OUT: 30, REASONING: 20})


@pytest.mark.parametrize("shape", ["xai.chat", "vertex.openai"])
def test_a_total_that_fits_neither_reading_is_refused(shape):
    payload = {
        "prompt_tokens": 50,
        "completion_tokens": 120,
        "total_tokens": 200,
        "completion_tokens_details": {"reasoning_tokens": 85},
    }

    with pytest.raises(UnreadableInput, match=r"170.*200"):
        read_usage(payload, shape)


def test_whole_numbers_of_other_kinds_are_counts():
    class Whole(int):
        pass

    assert read_usage({"prompt_tokens": Whole(3), "completion_tokens": 0}, "openai.chat") == Usage({TEXT: 3})


def test_whole_numbers_of_numpy_are_counts():
    numpy = pytest.importorskip("numpy", reason="pip install numpy to count with its integers")
    payload = {"prompt_tokens": numpy.int64(3), "completion_tokens": numpy.uint8(2)}

    assert read_usage(payload, "openai.chat") == Usage({TEXT: 3, OUT: 2})


# Anthropic's iterations -------------------------------------------------------------------------------


def iteration(kind, given, answered, **more):
    return {"type": kind, "input_tokens": given, "output_tokens": answered, **more}


def iterated(*rounds):
    return {"input_tokens": 60, "output_tokens": 9, "iterations": list(rounds)}


def test_compaction_is_billed_beside_the_message():
    written = {"cache_creation_input_tokens": 900, "cache_creation": {"ephemeral_5m_input_tokens": 900}}
    payload = iterated(iteration("compaction", 40, 30, **written), iteration("message", 60, 9))

    assert read_usage(payload, "anthropic.messages") == Usage({TEXT: 100, WRITE: 900, OUT: 39})


def test_tokens_of_another_model_carry_its_name():
    advice = iteration("advisor_message", 500, 70, model="claude-opus-5", cache_read_input_tokens=4)
    payload = iterated(iteration("message", 60, 9), advice)

    assert read_usage(payload, "anthropic.messages") == Usage(
        {
            TEXT: 60,
            OUT: 9,
            "input_tokens{model=claude-opus-5}": 500,
            "input_tokens{cache=read,model=claude-opus-5}": 4,
            "output_tokens{model=claude-opus-5}": 70,
        }
    )


def test_the_model_of_the_response_is_no_other_model():
    usage = iterated(
        iteration("message", 60, 9, model="own"), iteration("advisor_message", 5, 7, model="own")
    )

    assert read_usage({"model": "own", "usage": usage}, "anthropic.messages") == Usage({TEXT: 65, OUT: 16})


def test_a_message_of_another_model_than_the_response_carries_its_name():
    usage = iterated(iteration("message", 60, 9, model="other"))
    expected = {"input_tokens{model=other}": 60, "output_tokens{model=other}": 9}

    assert read_usage({"model": "own", "usage": usage}, "anthropic.messages") == Usage(expected)


def test_without_a_response_the_model_of_a_message_is_its_own():
    payload = iterated(
        iteration("message", 60, 9, model="own"), iteration("advisor_message", 5, 7, model="big")
    )
    other = {"input_tokens{model=big}": 5, "output_tokens{model=big}": 7}

    assert read_usage(payload, "anthropic.messages") == Usage({TEXT: 60, OUT: 9, **other})


def test_searches_are_counted_once_for_all_iterations():
    payload = iterated(iteration("message", 50, 8), iteration("message", 10, 1))
    payload["server_tool_use"] = {"web_search_requests": 3}

    assert read_usage(payload, "anthropic.messages") == Usage({TEXT: 60, OUT: 9, "web_searches": 3})


def test_without_a_message_among_the_iterations_the_own_counts_are_billed_beside_them():
    advice = iteration("advisor_message", 5, 7, model="big")
    payload = iterated(iteration("compaction", 40, 30), advice)
    other = {"input_tokens{model=big}": 5, "output_tokens{model=big}": 7}

    assert read_usage(payload, "anthropic.messages") == Usage({TEXT: 100, OUT: 39, **other})


@pytest.mark.parametrize(
    ("rounds", "numbers"),
    [
        ([iteration("message", 1, 9)], r"add up to 1 input_tokens, .*: 60;"),
        ([iteration("message", 60, 9), iteration("message", 10, 0)], r"add up to 70 input_tokens, .*: 60;"),
        ([iteration("message", 60, 8)], r"add up to 8 output_tokens, .*: 9;"),
        ([iteration("message", 40, 9, cache_read_input_tokens=20)], r"20 input_tokens\{cache=read\}, .*: 0;"),
        ([iteration("message", 40, 9, cache_creation_input_tokens=20)], r"20 .*cache=write\}, .*: 0;"),
    ],
)
def test_the_messages_among_the_iterations_add_up_to_the_own_counts(rounds, numbers):
    with pytest.raises(UnreadableInput, match=numbers):
        read_usage(iterated(*rounds, iteration("compaction", 1, 1)), "anthropic.messages")


def test_of_an_advised_request_the_own_input_may_be_that_of_the_first_message():
    # as in Anthropic's description of the advisor tool: 412 is the first input, 531 = 89 + 442
    first, advice = iteration("message", 412, 89), iteration("advisor_message", 823, 1612, model="big")
    second = iteration("message", 1348, 442, cache_read_input_tokens=412)
    own = {"input_tokens": 412, "cache_read_input_tokens": 0, "output_tokens": 531}

    read = read_usage({**own, "iterations": [first, advice, second]}, "anthropic.messages")
    other = {"input_tokens{model=big}": 823, "output_tokens{model=big}": 1612}
    assert read == Usage({TEXT: 1760, READ: 412, OUT: 531, **other})
    for rounds in ([first, second], [second, advice, first]):
        with pytest.raises(UnreadableInput, match="add up to"):
            read_usage({**own, "iterations": rounds}, "anthropic.messages")


WRITTEN = {
    "input_tokens": 4,
    "output_tokens": 10,
    "cache_creation_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
    "output_tokens_details": {"thinking_tokens": 6},
}


def test_lifetimes_and_reasoning_that_only_the_own_counts_tell_are_kept():
    rounds = [
        iteration("message", 2, 7, cache_creation_input_tokens=30),
        iteration("compaction", 100, 1),
        iteration("message", 2, 3, cache_creation_input_tokens=20),
    ]

    assert read_usage({**WRITTEN, "iterations": rounds}, "anthropic.messages") == Usage(
        {TEXT: 104, WRITE: 20, WRITE_1H: 30, OUT: 5, REASONING: 6}
    )


def test_lifetimes_and_reasoning_of_a_message_of_another_model_are_kept():
    message = iteration("message", 4, 10, model="other", cache_creation_input_tokens=50)
    usage = {**WRITTEN, "iterations": [message]}

    assert read_usage({"model": "own", "usage": usage}, "anthropic.messages") == Usage(
        {
            "input_tokens{model=other}": 4,
            "input_tokens{cache=write,model=other}": 20,
            "input_tokens{cache=write,model=other,ttl=1h}": 30,
            "output_tokens{model=other}": 4,
            "output_tokens{kind=reasoning,model=other}": 6,
        }
    )


def test_lifetimes_that_only_the_iterations_tell_are_kept():
    written = {"cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30}}
    rounds = [iteration("message", 4, 10, cache_creation_input_tokens=50, **written)]
    own = {"input_tokens": 4, "output_tokens": 10, "cache_creation_input_tokens": 50}

    assert read_usage({**own, "iterations": rounds}, "anthropic.messages") == Usage(
        {TEXT: 4, WRITE: 20, WRITE_1H: 30, OUT: 10}
    )


@pytest.mark.parametrize(
    "rounds",
    [
        # both tell the lifetimes, and not the same
        [
            iteration(
                "message",
                4,
                10,
                cache_creation={"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 50},
                output_tokens_details={"thinking_tokens": 6},
            )
        ],
        # nothing tells which model wrote for an hour
        [
            iteration("message", 2, 7, cache_creation_input_tokens=30, model="a"),
            iteration("message", 2, 3, cache_creation_input_tokens=20, model="own"),
        ],
    ],
)
def test_lifetimes_that_contradict_or_cannot_be_told_apart_are_refused(rounds):
    with pytest.raises(UnreadableInput, match=r"ttl=1h.*30"):
        read_usage({"model": "own", "usage": {**WRITTEN, "iterations": rounds}}, "anthropic.messages")


@pytest.mark.parametrize("rounds", [None, [], ()])
def test_no_iterations_leave_the_counts_as_they_are(rounds):
    payload = {"input_tokens": 60, "output_tokens": 9, "iterations": rounds}

    assert read_usage(payload, "anthropic.messages") == Usage({TEXT: 60, OUT: 9})


@pytest.mark.parametrize(
    "rounds",
    [
        7,
        "message",
        [7],
        [iteration("advisor_message", 5, 7)],
        [iteration("advisor_message", 5, 7, model=None)],
        [iteration("message", 60, 9), iteration("fallback_message", 5, 7)],
        [iteration(None, 60, 9)],
        [iteration("message", 60, 9, model=["own"])],
        [iteration("message", 60, 9, model="a\u202eb")],
        [iteration("message", None, 9)],
        [iteration("message", 60, 9, spare_tokens=3)],
    ],
)
def test_an_iteration_that_is_not_understood_is_refused(rounds):
    with pytest.raises(UnreadableInput):
        read_usage({"input_tokens": 60, "output_tokens": 9, "iterations": rounds}, "anthropic.messages")


def test_of_a_fallback_each_model_is_billed_for_its_own_rounds():
    rounds = [iteration("message", 60, 9), iteration("fallback_message", 5, 7, model="big")]
    expected = Usage({TEXT: 60, OUT: 9, "input_tokens{model=big}": 5, "output_tokens{model=big}": 7})

    # the own counts hold the declined round, the answer, or both
    for prompt, answered in ((60, 9), (5, 7), (65, 16)):
        own = {"input_tokens": prompt, "output_tokens": answered, "iterations": rounds}
        assert read_usage({"model": "small", "usage": own}, "anthropic.messages") == expected
    with pytest.raises(UnreadableInput, match="add up to"):
        read_usage({"input_tokens": 64, "output_tokens": 16, "iterations": rounds}, "anthropic.messages")


# Whole responses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", WRITERS)
def test_the_usage_of_a_whole_response_is_found(shape):
    payload = example(shape)
    key = {"gemini.generate": "usageMetadata"}.get(shape, "usage")
    response = {
        "id": "r1",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [{"text": "12 tokens"}],
        key: payload,
    }

    assert read_usage(response, shape) == read_usage(payload, shape)


def test_the_usage_in_an_event_of_a_stream_is_found():
    payload = example("openai.realtime")
    event = {"type": "response.done", "response": {"object": "realtime.response", "usage": payload}}

    assert read_usage(event, "openai.realtime") == read_usage(payload, "openai.realtime")


def test_a_chunk_of_a_stream_without_usage_is_told_to_be_left_out():
    for read in (lambda chunk: read_usage(chunk, "openai.chat"), shape_of):
        with pytest.raises(UnreadableInput, match="only the last chunk of a stream has it"):
            read({"object": "chat.completion.chunk", "choices": [], "usage": None})


def test_the_first_event_of_a_stream_is_not_read_as_its_last():
    event = {"type": "message_start", "message": {"usage": {"input_tokens": 60, "output_tokens": 1}}}

    for shape in (None, "anthropic.messages"):
        with pytest.raises(UnreadableInput, match=r"message_start.*payloads\.merged"):
            read_usage(event, shape)


def test_cohere_wrote_its_usage_under_meta_before():
    meta = {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 3, "output_tokens": 2}}

    assert read_usage({"text": "hi", "meta": meta}, "cohere.chat") == Usage({TEXT: 3, OUT: 2})


def test_billed_calls_among_the_items_of_a_response_are_counted():
    output = [
        {"type": "reasoning", "summary": []},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "web_search_call", "id": "ws_2", "status": "completed"},
        {"type": "file_search_call", "id": "fs_1"},
        {"type": "code_interpreter_call", "container_id": "c_1"},
        {"type": "code_interpreter_call", "container_id": "c_1"},
        {"type": "code_interpreter_call", "container_id": "c_2"},
        {"type": "code_interpreter_call"},
        {"type": "message", "content": [{"text": "web_search_call"}]},
    ]
    usage = {"input_tokens": 8, "output_tokens": 2, "total_tokens": 10}

    calls = {"web_searches": 2, "file_searches": 1, "code_sessions": 3}
    expected = Usage({TEXT: 8, OUT: 2, **calls})
    assert read_usage({"output": output, "usage": usage}, "openai.responses") == expected
    assert read_usage({"output": output, "usage": usage}, "openai.images").total("web_searches") == 0


def test_the_output_of_other_apis_is_not_looked_at():
    response = {"output": {"message": {"role": "assistant"}}, "usage": {"inputTokens": 3, "outputTokens": 2}}

    assert read_usage(response, "bedrock.converse") == Usage({TEXT: 3, OUT: 2})


@pytest.mark.parametrize("tier", [None, "default", "auto", "standard", "on_demand"])
def test_the_standard_tier_has_no_label(tier):
    response = {"service_tier": tier, "usage": {"prompt_tokens": 3, "completion_tokens": 2}}

    assert read_usage(response, "groq.chat") == Usage({TEXT: 3, OUT: 2})


@pytest.mark.parametrize(
    ("tier", "variant"), [("batch", "batch"), ("flex", "flex"), ("priority", "priority")]
)
def test_a_tier_with_a_price_of_its_own_is_the_variant_of_all_tokens(tier, variant):
    response = {
        "service_tier": tier,
        "output": [{"type": "web_search_call"}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
    }

    assert read_usage(response, "openai.responses") == Usage(
        {
            f"input_tokens{{variant={variant}}}": 2,
            f"input_tokens{{cache=read,variant={variant}}}": 1,
            f"output_tokens{{variant={variant}}}": 2,
            "web_searches": 1,
        }
    )


@pytest.mark.parametrize(
    ("shape", "payload", "variant"),
    [
        ("anthropic.messages", {"input_tokens": 1, "output_tokens": 0, "service_tier": "batch"}, "batch"),
        ("anthropic.messages", {"input_tokens": 1, "output_tokens": 0, "speed": "fast"}, "fast"),
        ("gemini.generate", {"promptTokenCount": 1, "trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ("gemini.generate", {"promptTokenCount": 1, "trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned"),
        (
            "bedrock.converse",
            {"serviceTier": {"type": "flex"}, "usage": {"inputTokens": 1, "outputTokens": 0}},
            "flex",
        ),
        (
            "vertex.openai",
            {
                "prompt_tokens": 1,
                "completion_tokens": 0,
                "extra_properties": {"google": {"traffic_type": "ON_DEMAND_PRIORITY"}},
            },
            "priority",
        ),
    ],
)
def test_each_api_has_its_own_place_for_the_tier(shape, payload, variant):
    assert read_usage(payload, shape) == Usage({f"input_tokens{{variant={variant}}}": 1})


def test_paid_capacity_costs_nothing_where_the_schedule_says_so():
    prices = PriceSchedule({"input_tokens": 1, "input_tokens{variant=provisioned}": 0})
    usage = read_usage({"promptTokenCount": 5, "trafficType": "PROVISIONED_THROUGHPUT"}, "gemini.generate")

    assert Bill.of(usage, BillingPlan.on_demand(prices)).total == 0


@pytest.mark.parametrize("tier", ["gold", "my SSN is 123-45-6789", 7, ["flex"], {"type": "gold"}])
def test_a_tier_whose_price_nobody_knows_is_refused(tier):
    usage = {"inputTokens": 1, "outputTokens": 0}

    for key in ("service_tier", "serviceTier"):
        with pytest.raises(UnreadableInput) as refusal:
            read_usage({key: tier, "usage": usage}, "bedrock.converse")
        assert "123-45-6789" not in str(refusal.value)


def test_two_tiers_at_once_are_refused():
    payload = {"input_tokens": 1, "output_tokens": 0, "service_tier": "batch", "speed": "fast"}

    with pytest.raises(UnreadableInput, match="batch and fast"):
        read_usage(payload, "anthropic.messages")


@pytest.mark.parametrize(
    "response", [{"usage": None}, {"usage": [7]}, {"usageMetadata": "x"}, {"choices": []}, {}]
)
def test_a_response_without_usage_is_refused(response):
    for shape in (None, *WRITERS):
        with pytest.raises(UnreadableInput):
            read_usage(response, shape)


# Labels and cost --------------------------------------------------------------------------------------


def test_labels_are_put_on_every_meter_that_does_not_have_them():
    payload = iterated(iteration("message", 60, 9), iteration("advisor_message", 5, 7, model="big"))
    payload["server_tool_use"] = {"web_search_requests": 3}
    usage = read_usage(payload, "anthropic.messages", labels={"model": "small", "team": "red"})

    assert usage == Usage(
        {
            "input_tokens{model=small,team=red}": 60,
            "output_tokens{model=small,team=red}": 9,
            "input_tokens{model=big,team=red}": 5,
            "output_tokens{model=big,team=red}": 7,
            "web_searches{model=small,team=red}": 3,
        }
    )


def test_labels_that_make_two_meters_one_add_them_up():
    payload = iterated(iteration("message", 60, 9), iteration("advisor_message", 5, 7, model="big"))

    usage = read_usage(payload, "anthropic.messages", labels={"model": "big"})
    assert usage == Usage({"input_tokens{model=big}": 65, "output_tokens{model=big}": 16})


class Failing(dict):
    """A mapping that raises whatever one asks of it."""

    def items(self):
        raise RuntimeError("swordfish")

    get = keys = __getitem__ = __iter__ = __len__ = __bool__ = items


@pytest.mark.parametrize(
    "labels", ["model", "", 7, [], {"a b": "x"}, {"model": ""}, {7: "x"}, Failing(model="m"), Failing()]
)
def test_labels_that_are_none_are_refused(labels):
    with pytest.raises(TokenbillError):
        read_usage({"prompt_tokens": 3, "completion_tokens": 2}, "openai.chat", labels=labels)


@pytest.mark.parametrize(
    ("text", "cost"),
    [('"0.5"', "0.5"), ("3", "3"), ("0.00216775", "0.00216775"), ("7.75e-06", "0.00000775"), ("null", None)],
)
def test_the_cost_that_a_provider_gives_stands_beside_the_usage(text, cost):
    usage = f'{{"prompt_tokens": 3, "completion_tokens": 2, "cost": {text}}}'
    response = json.loads(f'{{"usage": {usage}}}', parse_float=Decimal)

    assert read_cost(response) == read_cost(response["usage"]) == (None if cost is None else Decimal(cost))
    assert read_usage(response, "openrouter.chat") == Usage({TEXT: 3, OUT: 2})


def test_no_cost_is_none():
    assert read_cost({"prompt_tokens": 3}) is None


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ([0.1, float("nan")], r"^not an exact cost: .*parse_float=Decimal"),
        ([-1, Decimal("-0.1")], r"^a negative cost: '?-.*of 0 or more$"),
        ([Decimal("NaN"), True, "my SSN", [1], {}, 10**40, object()], r"^not a cost: .*of 0 or more$"),
    ],
    ids=["float", "negative", "other"],
)
def test_a_cost_that_is_none_is_refused_with_its_way_out_and_its_text_not_shown(costs, message):
    for cost in costs:
        with pytest.raises(UnreadableInput, match=message) as refusal:
            read_cost({"cost": cost})
        assert "SSN" not in str(refusal.value)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"prompt_tokens": "12 tokens", "completion_tokens": 5}, "text of 9 characters"),
        ({"prompt_tokens": 1, "completion_tokens": 5, "my prompt": 3}, "text of 9 characters"),
        (
            {"usage": {"prompt_tokens": 1, "completion_tokens": 5}, "service_tier": "gold"},
            "text of 4 characters",
        ),
    ],
)
def test_an_error_tells_of_a_text_how_long_it_is(payload, told):
    with pytest.raises(UnreadableInput, match=told):
        read_usage(payload, "openai.chat")


def test_an_iteration_without_its_model_is_told_so():
    with pytest.raises(UnreadableInput, match="whose model is: None;"):
        read_usage(iterated(iteration("advisor_message", 5, 7)), "anthropic.messages")


# Which shape ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", WRITERS)
@given(st.data())
def test_a_shape_is_found_or_left_open_but_never_another(shape, data):
    payload = WRITERS[shape][0](data.draw(used_by(shape)))
    try:
        found = shape_of(payload)
    except UnreadableInput as open_question:
        found = shape if shape in str(open_question) or " more of " in str(open_question) else None

    assert found == shape


OPEN = [
    *("openai.chat", "cerebras.chat", "zai.chat", "vertex.openai", "together.chat", "deepseek.chat"),
    "openai.images",
]
"""Shapes whose keys others have, too."""
DECIDED = [shape for shape in WRITERS if shape not in OPEN]


@pytest.mark.parametrize("shape", DECIDED)
def test_keys_that_only_one_api_has_decide(shape):
    assert shape_of(example(shape)) == shape_of({"usage": example(shape)}) == shape
    assert read_usage(example(shape)) == read_usage(example(shape), shape)


PLAIN = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_a_plain_chat_may_be_any_of_many_and_all_read_it_alike():
    with pytest.raises(UnreadableInput, match="several shapes have these keys: 'prompt_tokens, ") as refusal:
        shape_of(PLAIN)

    assert "openai.chat, groq.chat" in str(refusal.value) or "openai.chat, " in str(refusal.value)
    assert read_usage(PLAIN) == Usage({TEXT: 3, OUT: 2})


def test_shapes_that_read_a_payload_differently_leave_it_open():
    thought = {
        "prompt_tokens": 75,
        "completion_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 30},
    }

    with pytest.raises(UnreadableInput, match=r"several shapes.*openai\.chat.*vertex\.openai"):
        read_usage(thought)
    assert read_usage(thought | {"total_tokens": 125}) == Usage({TEXT: 75, OUT: 20, REASONING: 30})
    assert read_usage(thought | {"total_tokens": 155}) == Usage({TEXT: 75, OUT: 50, REASONING: 30})


def test_an_error_shows_no_key_that_may_be_a_prompt():
    with pytest.raises(UnreadableInput, match="first of these keys: 'mood, text of 9 characters'"):
        shape_of({"mood": 1, "my prompt": 2})


def test_plain_input_and_output_leave_several_apis_open():
    with pytest.raises(UnreadableInput, match=r"openai\.responses, openai\.realtime, "):
        shape_of({"input_tokens": 3, "output_tokens": 2})


def test_a_key_that_no_api_has_leaves_the_shape_open():
    with pytest.raises(UnreadableInput, match="no shape"):
        shape_of({"promptTokenCount": 3, "mood": "good"})


@pytest.mark.parametrize("payload", [{}, {"usage": {}}, {"mood": None}, {"mood": {}}])
def test_what_counts_nothing_has_no_shape(payload):
    with pytest.raises(UnreadableInput, match="no shape"):
        shape_of(payload)


@pytest.mark.parametrize("shape", ["openai", "OpenAI.chat", "", 7, ["openai.chat"], "x" * 1000])
def test_a_shape_that_is_not_known_is_refused_with_those_that_are(shape):
    with pytest.raises(UnreadableInput, match=r"openai\.chat.*more of payloads\.SHAPES") as refusal:
        read_usage({"prompt_tokens": 3, "completion_tokens": 2}, shape)

    assert len(str(refusal.value)) < 500


# What is refused --------------------------------------------------------------------------------------


REFUSED = [
    # a part over its whole
    {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 140}},
    # another total
    {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 150},
    # unknown counts
    {"prompt_tokens": None, "completion_tokens": 5},
    {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": None},
    {"prompt_tokens": 100},
    # no counts
    *(
        {"prompt_tokens": count, "completion_tokens": 5}
        for count in (-1, True, 12.5, "12.0", "x", "²", [1], {}, Decimal("12.5"), 2.0**53, Decimal("1e50"))
    ),
    {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": 7},
    {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": [7]},
    {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": "none"},
    # two vocabularies
    {"prompt_tokens": 10, "input_tokens": 10, "completion_tokens": 1, "output_tokens": 1},
    {"prompt_tokens": 10, "completion_tokens": 1, "output_tokens": 0},
    # counts that the shape does not have
    {"prompt_tokens": 10, "completion_tokens": 1, "citation_tokens": 3},
    {"prompt_tokens": 10, "completion_tokens": 1, "citation_tokens": 3.5},
    {"prompt_tokens": 10, "completion_tokens": 1, "citation_tokens": "3"},
    {"prompt_tokens": 10, "completion_tokens": 1, "search_queries": 3},
    {"prompt_tokens": 10, "completion_tokens": 1, "extra": {"deep": [{"counts": 3}]}},
    {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"citation_tokens": 3}},
    # predictions beyond the output
    {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "completion_tokens_details": {"rejected_prediction_tokens": 2},
    },
    # keys that are no text
    {1: 5, "prompt_tokens": 3, "completion_tokens": 1},
]


@pytest.mark.parametrize("payload", REFUSED)
def test_what_does_not_add_up_is_refused(payload):
    with pytest.raises(UnreadableInput):
        read_usage(payload, "openai.chat")


def prompt_listed(entry):
    return {"promptTokenCount": 1, "promptTokensDetails": [entry]}


@pytest.mark.parametrize(
    ("shape", "payload"),
    [
        ("anthropic.messages", {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 7}
         | {"cache_creation": {"ephemeral_1h_input_tokens": 8}}),
        ("bedrock.converse", {"inputTokens": 1, "outputTokens": 1, "cacheReadInputTokens": 9}
         | {"cacheReadInputTokenCount": 8}),
        ("bedrock.converse", {"inputTokens": 1, "outputTokens": 1, "cacheWriteInputTokens": 9}
         | {"cacheDetails": [{"ttl": "30m", "inputTokens": 9}]}),
        ("bedrock.converse", {"inputTokens": 1, "outputTokens": 1, "cacheDetails": [{"inputTokens": 9}]}),
        ("bedrock.converse", {"inputTokens": 1, "outputTokens": 1, "cacheDetails": {"ttl": "1h"}}),
        ("deepseek.chat", {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_miss_tokens": 8}),
        ("deepseek.chat", {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}
         | {"prompt_tokens_details": {"cached_tokens": 7}}),
        ("openai.transcription", {"seconds": 3, "input_tokens": 1, "output_tokens": 1}),
        ("openai.transcription", {"type": "tokens"}),
        ("openai.transcription", {"seconds": 3.5}),
        ("openai.transcription", {"seconds": Decimal("-3.5")}),
        ("openai.realtime", {"input_tokens": 9, "output_tokens": 1, "input_token_details": {"audio_tokens": 2}
         | {"cached_tokens": 5, "cached_tokens_details": {"audio_tokens": 3}}}),
        ("gemini.generate", {"totalTokenCount": 14}),
        ("gemini.generate", prompt_listed({"modality": "SMELL", "tokenCount": 1})),
        ("gemini.generate", prompt_listed({"modality": 7, "tokenCount": 1})),
        ("gemini.generate", prompt_listed({"modality": "", "tokenCount": 1})),
        ("gemini.generate", prompt_listed({"tokenCount": 1, "more": 2})),
        ("gemini.generate", prompt_listed({"modality": "TEXT", "tokenCount": 2})),
        ("gemini.generate", {"promptTokenCount": 1, "toolUsePromptTokensDetails": [{"tokenCount": 2}]}),
        ("gemini.generate", {"promptTokenCount": 1, "prompt_token_count": 1}),
        ("cohere.chat", {"tokens": {"input_tokens": 3, "output_tokens": 1}}),
        ("cohere.chat", {"billed_units": {"input_tokens": 3, "output_tokens": 1, "wonder_units": 1}}),
        ("openai.embeddings", {"prompt_tokens": 4, "total_tokens": 5}),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_in_every_shape(shape, payload):
    with pytest.raises(UnreadableInput):
        read_usage(payload, shape)


def test_a_fraction_of_a_second_is_exact():
    assert read_usage({"seconds": Decimal("3.25")}, "openai.transcription") == Usage(audio_seconds="3.25")


WHOLES = {"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"} | {
    *(
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "promptTokenCount",
        "candidatesTokenCount",
        "totalTokenCount",
    )
}


def places(value, path=()):
    """The path of every member of a payload and of what it holds."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def changed(payload, path, value):
    copy = deepcopy(payload)
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return copy


def at(payload, path):
    for key in path:
        payload = payload[key]
    return payload


NOT_BILLED = {"cost", "is_byok", "cost_in_usd_ticks", "request_count", "total_time"}
NOT_BILLED_BY_COHERE = {"tokens", "cached_tokens"}


def counts_in(shape):
    """Where a payload of this shape holds a number that is billed."""
    ignored = NOT_BILLED_BY_COHERE if shape == "cohere.chat" else NOT_BILLED
    paths = [path for path in places(example(shape)) if path[0] not in ignored]
    return [path for path in paths if type(at(example(shape), path)) is int]


EVERY_COUNT = [(shape, path) for shape in WRITERS for path in counts_in(shape)]


@pytest.mark.parametrize("count", [-1, True, 12.5, "12.0", [1], {"a": 1}, 3 + 4j], ids=repr)
@pytest.mark.parametrize(("shape", "path"), EVERY_COUNT)
def test_a_number_that_is_no_count_is_refused_wherever_it_stands(shape, path, count):
    with pytest.raises(UnreadableInput):
        read_usage(changed(example(shape), path, count), shape)


@pytest.mark.parametrize(("shape", "path"), EVERY_COUNT)
def test_a_count_beyond_the_limits_is_refused_wherever_it_stands(shape, path):
    with pytest.raises(InvalidNumber):
        read_usage(changed(example(shape), path, 10**30), shape)


@pytest.mark.parametrize(("shape", "path"), EVERY_COUNT)
def test_a_whole_that_is_null_is_refused(shape, path):
    whole = path[-1] in WHOLES and len(path) == (2 if shape == "cohere.chat" else 1)
    try:
        read_usage(changed(example(shape), path, None), shape)
        refused = False
    except UnreadableInput as refusal:
        refused = "is not known: None" in str(refusal)

    assert refused == whole


@pytest.mark.parametrize("shape", WRITERS)
def test_details_that_are_null_are_not_there(shape):
    answer = {"openai.embeddings": TEXT, "openai.images": OUT_IMAGE}.get(shape, OUT)
    plain = WRITERS[shape][0](Counter({TEXT: 30, answer: 20}))
    details = {
        key: None if isinstance(value, dict | list) and key != "billed_units" else value
        for key, value in plain.items()
    }

    assert read_usage(details, shape) == read_usage(plain, shape)


TOTALS = [(shape, path[0]) for shape, path in EVERY_COUNT if "total" in path[0]]


@pytest.mark.parametrize(("shape", "total"), TOTALS)
@pytest.mark.parametrize("more", [-1, 1])
def test_another_total_is_refused_with_both_numbers(shape, total, more):
    payload = example(shape)
    right = payload[total]
    with pytest.raises(UnreadableInput, match=f"{right}.* {right + more};"):
        read_usage(payload | {total: right + more}, shape)


@pytest.mark.parametrize(("shape", "path"), EVERY_COUNT)
def test_an_unknown_count_beside_any_other_is_refused_by_its_name(shape, path):
    with pytest.raises(UnreadableInput):
        read_usage(changed(example(shape), (*path[:-1], "wonder_tokens"), 3), shape)
    with pytest.raises(UnreadableInput, match="'wonder_tokens'"):
        read_usage(example(shape) | {"wonder_tokens": 3}, shape)


@pytest.mark.parametrize("shape", WRITERS)
def test_what_counts_nothing_may_be_unknown(shape):
    more = {
        "wonder_tokens": 0,
        "spare_tokens": None,
        "latency_ms": 12,
        "created": 1_700_000_000,
        "tokens_per_second": 31.5,
        "request_id": 7,
        "mood": "good",
        "final": True,
        "nested": {"notes": ["a", {"wonder_tokens": 0}], "ratio": 0.5},
    }

    assert read_usage({**more, **example(shape)}, shape) == read_usage(example(shape), shape)


# Hostile payloads -------------------------------------------------------------------------------------


class Raising(Mapping):
    """A mapping that fails when it is read."""

    def __getitem__(self, key):
        raise RuntimeError("secret 123-45-6789")

    def __iter__(self):
        raise RuntimeError("secret 123-45-6789")

    def __len__(self):
        return 1

    def items(self):
        raise OSError("secret 123-45-6789")


class Endless(Mapping):
    """A mapping without an end."""

    def __getitem__(self, key):
        return 1

    def __len__(self):
        return 1

    def __iter__(self):
        count = 0
        while True:
            yield f"key{count}"
            count += 1

    def items(self):
        return ((key, "x") for key in self)


class Words(str):
    __slots__ = ()

    def __eq__(self, other):
        raise RuntimeError("secret 123-45-6789")

    __hash__ = str.__hash__


class Odd(int):
    def __lt__(self, other):
        raise RuntimeError("secret 123-45-6789")

    __le__ = __gt__ = __ge__ = __add__ = __radd__ = __eq__ = __bool__ = __lt__
    __hash__ = int.__hash__


def itself():
    loop = {}
    loop.update({f"key{place}": loop for place in range(100)})
    return loop


def deep():
    value = {"tokens": 1}
    for _ in range(100_000):
        value = [value]
    return value


SECRET = "my SSN is 123-45-6789"
JUNK = [
    None, True, False, 0, 1, -1, 10**40, 0.5, float("nan"), float("inf"), Decimal("sNaN"),
    Decimal("1E+99999"),
    "", SECRET, "\ud800", "\x1b[31m", b"12", [], [SECRET], {}, {SECRET: 1}, {1: 2}, {None: {}},
    {"tokens": SECRET},
    object(), Raising(), Endless(), itself(), deep(), Odd(5), 3 + 4j, range(9), ...,
]  # fmt: skip


def read_or_refused(payload, shape):
    """The usage, or what the refusal tells."""
    try:
        return read_usage(payload, shape), ""
    except TokenbillError as refusal:
        return None, "".join([str(refusal), *traceback.format_exception(refusal)])


@pytest.mark.parametrize("shape", [*WRITERS, None])
@given(st.data())
def test_junk_anywhere_gives_usage_or_an_error_of_ours_that_tells_no_text(shape, data):
    payload = example(shape or data.draw(st.sampled_from(list(WRITERS))))
    spots = [*places(payload), ("iterations",), ("output",), ("mood",), (SECRET,)]
    chosen = data.draw(st.lists(st.sampled_from(spots), max_size=3, unique_by=lambda path: path[0]))
    for path in chosen:
        payload = with_junk(payload, path, data.draw(st.sampled_from(JUNK)))

    usage, told = read_or_refused(payload, shape)
    assert isinstance(usage, Usage) != bool(told)
    assert "123-45-6789" not in told


def with_junk(payload, path, junk):
    """The payload with one member replaced by what may not be copied."""
    key, *rest = path
    copy = dict(payload) if isinstance(payload, dict) else list(payload)
    copy[key] = with_junk(payload[key], rest, junk) if rest else junk
    return copy


@pytest.mark.parametrize("shape", ["openai.responses", "anthropic.messages", None])
@pytest.mark.parametrize("place", ["payload", "usage", "output"])
@pytest.mark.parametrize("junk", [pytest.param(junk, id=f"junk{n}") for n, junk in enumerate(JUNK)])
def test_junk_instead_of_a_payload_is_refused_or_counts_nothing(junk, place, shape):
    good = example("openai.responses")
    payload = {"payload": junk, "usage": {"usage": junk}, "output": {"output": junk, "usage": good}}[place]
    usage, told = read_or_refused(payload, shape)

    assert "123-45-6789" not in told
    assert usage is None or usage == read_usage(good, "openai.responses")


@pytest.mark.parametrize(
    ("shape", "payload"),
    [
        ("openai.chat", {"prompt_tokens": SECRET, "completion_tokens": 1}),
        ("openai.chat", {"prompt_tokens": 1, "completion_tokens": 1, SECRET: 3}),
        ("openai.chat", {"prompt_tokens": 1, "completion_tokens": 1, (SECRET,): 3}),
        ("openai.chat", {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": SECRET}),
        ("gemini.generate", {"promptTokenCount": 1, "promptTokensDetails": SECRET}),
        ("gemini.generate", {"promptTokenCount": 1, "promptTokensDetails": [SECRET]}),
        ("gemini.generate", {"promptTokenCount": 1, "promptTokensDetails": [{"modality": SECRET}]}),
        ("gemini.generate", {"promptTokenCount": 1, "trafficType": SECRET}),
        ("anthropic.messages", iterated(SECRET)),
        ("anthropic.messages", iterated(iteration(SECRET, 1, 1))),
        ("anthropic.messages", iterated(iteration("message", 1, 1, model=[SECRET]))),
        ("anthropic.messages", iterated(iteration("message", 1, 1, model=SECRET * 100))),
        ("openai.responses", {"output": SECRET, "usage": {"input_tokens": 1, "output_tokens": 1}}),
        ("openai.responses", {"output": [SECRET], "usage": {"input_tokens": 1, "output_tokens": 1}}),
        ("openai.responses", {"usage": SECRET}),
        ("openai.responses", SECRET),
    ],
)
def test_no_text_of_a_payload_is_told(shape, payload):
    usage, told = read_or_refused(payload, shape)

    assert usage is None
    assert "123-45-6789" not in told


def test_a_key_of_a_hostile_kind_is_read_as_its_plain_text():
    payload = {Words("prompt_tokens"): 3, "completion_tokens": 2}

    assert read_usage(payload, "openai.chat") == Usage({TEXT: 3, OUT: 2})


def test_an_integer_of_a_hostile_kind_is_read_as_a_plain_one():
    assert read_usage({"prompt_tokens": Odd(3), "completion_tokens": 2}, "openai.chat") == Usage(
        {TEXT: 3, OUT: 2}
    )


def test_a_payload_with_too_many_members_is_refused():
    payload = {"prompt_tokens": 3, "completion_tokens": 2} | {f"note{place}": "x" for place in range(10_000)}

    with pytest.raises(UnreadableInput, match="too many"):
        read_usage(payload, "openai.chat")


def test_a_refusal_shows_the_number_and_no_cause_that_could_hold_text():
    with pytest.raises(UnreadableInput, match=r"prompt_tokens is not a count: 1\.5") as refusal:
        read_usage({"prompt_tokens": 1.5, "completion_tokens": 1}, "openai.chat")

    assert refusal.value.code == "unreadable_input"
    assert refusal.value.__cause__ is None


def test_reading_does_not_change_the_payload():
    for shape in WRITERS:
        payload = example(shape)
        read_usage(payload, shape)

        assert payload == example(shape)
