"""Logs are read as tools keep them: each answer once, under the model that gave it."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Usage
from tokenbill.errors import UnreadableInput, UnreadableRow
from tokenbill.payloads import merged, read_costs, read_log, read_usage


def lines(*rows):
    return [json.dumps(row) for row in rows]


def answer(name, prompt=7, told=2, model="m", **more):
    usage = {"prompt_tokens": prompt, "completion_tokens": told, "total_tokens": prompt + told}
    return {"id": name, "model": model, "usage": usage, **more}


def of(model="m", **counts):
    return Usage({f"{meter}{{model={model}}}": count for meter, count in counts.items()})


SESSION = [
    {"type": "summary", "summary": "x", "leafUuid": "l1"},
    {"type": "user", "message": {"role": "user", "content": "hi"}, "uuid": "u1"},
    *(
        {
            "type": "assistant",
            "requestId": "req_1",
            "timestamp": f"2026-09-01T10:00:0{second}.000Z",
            "message": {"id": "msg_1", "model": "c", "usage": {"input_tokens": 10, "output_tokens": told}},
        }
        for second, told in ((3, 3), (9, 726))
    ),
    {
        "type": "assistant",
        "message": {"id": "m", "model": "<synthetic>", "usage": {"input_tokens": 0, "output_tokens": 0}},
    },
]
CODEX = [
    {"type": "session_meta", "payload": {"id": "s1"}},
    {"type": "turn_context", "payload": {"model": "gpt-5.1-codex"}},
    *(
        {
            "timestamp": "2026-09-01T10:00:00Z",
            "type": "event_msg",
            "payload": {
                "type": "token_count",
                "info": {
                    "total_token_usage": {
                        "input_tokens": given,
                        "cached_input_tokens": cached,
                        "output_tokens": told,
                    },
                    "last_token_usage": {"input_tokens": 100, "cached_input_tokens": 0, "output_tokens": 5},
                },
            },
        }
        for given, cached, told in ((100, 0, 5), (100, 0, 5), (300, 80, 25))
    ),
]
KIMI_CODE = [
    {"type": "metadata", "protocol_version": "1.0"},
    {"type": "turn.prompt", "origin": {"kind": "user"}, "time": 1793500000000},
    {
        "type": "usage.record",
        "time": 1793500001000,
        "model": "kimi-code/kimi-k2",
        "usageScope": "turn",
        "usage": {"inputOther": 10, "output": 5, "inputCacheRead": 100, "inputCacheCreation": 7},
    },
    {
        "type": "context.append_loop_event",
        "event": {"type": "step.end", "usage": {"inputOther": 10, "output": 5}},
    },
]
SPAN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.response.model": "m",
    "gen_ai.usage.input_tokens": 361,
    "gen_ai.usage.output_tokens": 53,
}
OTLP = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "5b8e",
                            "spanId": "eee1",
                            "endTimeUnixNano": "1788256801000000000",
                            "attributes": [
                                {
                                    "key": key,
                                    "value": {"intValue": str(value)}
                                    if isinstance(value, int)
                                    else {"stringValue": value},
                                }
                                for key, value in SPAN.items()
                            ],
                        }
                    ]
                }
            ]
        }
    ]
}
BATCH = [
    {"custom_id": "r1", "response": {"status_code": 200, "body": answer("c1", 10, 5)}, "error": None},
    {
        "custom_id": "r2",
        "response": {"status_code": 400, "body": {"error": {"message": "bad"}}},
        "error": None,
    },
]
RESULTS = [
    {
        "custom_id": "r1",
        "result": {
            "type": "succeeded",
            "message": {
                "id": "a",
                "model": "m",
                "usage": {"input_tokens": 11, "output_tokens": 36, "service_tier": "batch"},
            },
        },
    },
    {"custom_id": "r2", "result": {"type": "errored", "error": {"type": "invalid_request"}}},
]
SPEND = [
    {
        "request_id": "c1",
        "call_type": "acompletion",
        "prompt_tokens": 98805,
        "completion_tokens": 5120,
        "total_tokens": 103925,
        "model": "m",
        "metadata": {
            "usage_object": {
                "prompt_tokens": 98805,
                "completion_tokens": 5120,
                "total_tokens": 103925,
                "cache_read_input_tokens": 66360,
                "cache_creation_input_tokens": 32435,
            }
        },
        "status": "success",
    },
    {"request_id": "c2", "call_type": "acompletion", "model": "m", "status": "failure", "metadata": {}},
    {
        "request_id": "c3",
        "call_type": "acompletion",
        "model": "m",
        "cache_hit": "True",
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "metadata": {},
    },
]
KINDS = {
    "claude-code": (SESSION, of("c", input_tokens=10, output_tokens=726)),
    "codex": (
        CODEX,
        Usage(
            {
                "input_tokens{model=gpt-5.1-codex}": 220,
                "input_tokens{cache=read,model=gpt-5.1-codex}": 80,
                "output_tokens{model=gpt-5.1-codex}": 25,
            }
        ),
    ),
    "otel": ([OTLP], of(input_tokens=361, output_tokens=53)),
    "openai.batch": (
        BATCH,
        Usage({"input_tokens{model=m,variant=batch}": 10, "output_tokens{model=m,variant=batch}": 5}),
    ),
    "anthropic.batch": (
        RESULTS,
        Usage({"input_tokens{model=m,variant=batch}": 11, "output_tokens{model=m,variant=batch}": 36}),
    ),
    "litellm": (
        SPEND,
        Usage(
            {
                "input_tokens{model=m}": 10,
                "input_tokens{cache=read,model=m}": 66360,
                "input_tokens{cache=write,model=m}": 32435,
                "output_tokens{model=m}": 5120,
            }
        ),
    ),
    "gemini-cli": (
        [
            {
                "sessionId": "s",
                "messages": [
                    {
                        "id": "1",
                        "type": "gemini",
                        "model": "m",
                        "tokens": {
                            "input": 100,
                            "output": 20,
                            "cached": 40,
                            "thoughts": 5,
                            "tool": 0,
                            "total": 125,
                        },
                    }
                ],
            }
        ],
        Usage(
            {
                "input_tokens{model=m}": 60,
                "input_tokens{cache=read,model=m}": 40,
                "output_tokens{model=m}": 20,
                "output_tokens{kind=reasoning,model=m}": 5,
            }
        ),
    ),
    "opencode": (
        [
            {
                "id": "msg_1",
                "role": "assistant",
                "modelID": "m",
                "tokens": {"input": 5, "output": 7, "reasoning": 3, "cache": {"read": 100, "write": 20}},
            }
        ],
        Usage(
            {
                "input_tokens{model=m}": 5,
                "input_tokens{cache=read,model=m}": 100,
                "input_tokens{cache=write,model=m}": 20,
                "output_tokens{model=m}": 7,
                "output_tokens{kind=reasoning,model=m}": 3,
            }
        ),
    ),
    "kimi": (
        [
            {
                "message": {
                    "type": "StatusUpdate",
                    "payload": {
                        "message_id": "c1",
                        "token_usage": {
                            "input_other": 1244,
                            "output": 155,
                            "input_cache_read": 69376,
                            "input_cache_creation": 0,
                        },
                    },
                }
            }
        ],
        Usage({"input_tokens": 1244, "input_tokens{cache=read}": 69376, "output_tokens": 155}),
    ),
    "droid": (
        [
            {
                "model": "m",
                "tokenUsage": {
                    "inputTokens": 5,
                    "outputTokens": 7,
                    "cacheCreationTokens": 2,
                    "cacheReadTokens": 9,
                    "thinkingTokens": 1,
                },
            }
        ],
        Usage(
            {
                "input_tokens{model=m}": 5,
                "input_tokens{cache=read,model=m}": 9,
                "input_tokens{cache=write,model=m}": 2,
                "output_tokens{model=m}": 7,
                "output_tokens{kind=reasoning,model=m}": 1,
            }
        ),
    ),
    "copilot": (
        [
            {
                "type": "session.shutdown",
                "data": {
                    "modelMetrics": {
                        "m": {
                            "requests": {"count": 2},
                            "usage": {
                                "inputTokens": 50,
                                "outputTokens": 7,
                                "cacheReadTokens": 30,
                                "cacheWriteTokens": 0,
                            },
                        }
                    }
                },
            }
        ],
        Usage(
            {"input_tokens{model=m}": 20, "input_tokens{cache=read,model=m}": 30, "output_tokens{model=m}": 7}
        ),
    ),
    "qwen-code": (
        [
            {
                "type": "assistant",
                "uuid": "u",
                "model": "m",
                "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11},
            }
        ],
        of(input_tokens=9, output_tokens=2),
    ),
    "langfuse": (
        [
            {
                "id": "o1",
                "type": "GENERATION",
                "model": "m",
                "usageDetails": {
                    "input": 5,
                    "input_cached_tokens": 30,
                    "output": 7,
                    "output_reasoning_tokens": 2,
                    "total": 44,
                },
            },
            {"id": "o0", "type": "SPAN", "usageDetails": {"input": 5, "output": 7}},
        ],
        Usage(
            {
                "input_tokens{model=m}": 5,
                "input_tokens{cache=read,model=m}": 30,
                "output_tokens{model=m}": 7,
                "output_tokens{kind=reasoning,model=m}": 2,
            }
        ),
    ),
    "helicone": (
        [
            {
                "request_id": "r",
                "request_created_at": "2026-09-01T10:00:00Z",
                "model": "m",
                "prompt_tokens": 50,
                "completion_tokens": 7,
                "total_tokens": 57,
                "prompt_cache_read_tokens": 30,
            }
        ],
        Usage(
            {"input_tokens{model=m}": 20, "input_tokens{cache=read,model=m}": 30, "output_tokens{model=m}": 7}
        ),
    ),
    "openai.usage": (
        [
            {
                "object": "page",
                "data": [
                    {
                        "object": "bucket",
                        "start_time": 1793491200,
                        "results": [
                            {
                                "object": "organization.usage.completions.result",
                                "input_tokens": 1000,
                                "input_uncached_tokens": 150,
                                "input_cached_tokens": 800,
                                "input_cache_write_tokens": 50,
                                "output_tokens": 500,
                                "num_model_requests": 5,
                                "model": "m",
                            }
                        ],
                    }
                ],
            }
        ],
        Usage(
            {
                "input_tokens{model=m}": 150,
                "input_tokens{cache=read,model=m}": 800,
                "input_tokens{cache=write,model=m}": 50,
                "output_tokens{model=m}": 500,
                "api_calls{model=m}": 5,
            }
        ),
    ),
    "anthropic.usage": (
        [
            {
                "data": [
                    {
                        "starting_at": "2026-11-01T00:00:00Z",
                        "results": [
                            {
                                "uncached_input_tokens": 1500,
                                "cache_creation": {
                                    "ephemeral_1h_input_tokens": 1000,
                                    "ephemeral_5m_input_tokens": 500,
                                },
                                "cache_read_input_tokens": 200,
                                "output_tokens": 500,
                                "server_tool_use": {"web_search_requests": 10},
                                "context_window": "200k-1M",
                                "model": "m",
                            }
                        ],
                    }
                ]
            }
        ],
        Usage(
            {
                "input_tokens{context=200000,model=m}": 1500,
                "input_tokens{cache=read,context=200000,model=m}": 200,
                "input_tokens{cache=write,context=200000,model=m}": 500,
                "input_tokens{cache=write,context=200000,model=m,ttl=1h}": 1000,
                "output_tokens{context=200000,model=m}": 500,
                "web_searches{model=m}": 10,
            }
        ),
    ),
}
GUESSED = sorted(set(KINDS) - {"qwen-code"})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_log_has_its_own_place_for_ids_and_sums(kind):
    rows, usage = KINDS[kind]

    assert read_log(lines(*rows), kind).usage == usage


@pytest.mark.parametrize("kind", GUESSED)
def test_a_log_says_itself_what_kind_it_is(kind):
    rows, usage = KINDS[kind]

    assert read_log(lines(*rows)).usage == usage


def test_the_activity_of_openrouter_is_a_table():
    table = [
        "generation_id,created_at,tokens_prompt,tokens_completion,tokens_reasoning,tokens_cached,model_permaslug",
        "gen-1,2026-06-28 03:46:57.713,100,20,5,40,openai/gpt-oss-120b",
        "gen-1,2026-06-28 03:46:57.713,100,20,5,40,openai/gpt-oss-120b",
    ]
    log = read_log(table, "openrouter.activity")
    model = "model=openai/gpt-oss-120b"

    assert log.usage == Usage(
        {f"input_tokens{{{model}}}": 60, f"input_tokens{{cache=read,{model}}}": 40}
        | {f"output_tokens{{{model}}}": 15, f"output_tokens{{kind=reasoning,{model}}}": 5}
    )
    assert (log.repeated, log.records[0].at.isoformat()) == (1, "2026-06-28T03:46:57.713000+00:00")


def test_a_log_counts_what_it_passed_over():
    log = read_log(lines(*SESSION), "claude-code")

    assert (len(log), log.repeated, log.others) == (1, 1, 3)
    assert log.records[0].at.isoformat() == "2026-09-01T10:00:03+00:00"
    assert [record.model for record in log] == ["c"]


def test_spans_that_sum_up_other_spans_are_not_added_to_them():
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 722,
    }
    log = read_log(lines(SPAN, SPAN, agent), "otel")

    assert log.usage == of(input_tokens=722, output_tokens=106)
    assert log.summaries == 1


def test_a_span_that_is_exported_twice_is_one():
    span = {
        "name": "chat",
        "context": {"trace_id": "0x1", "span_id": "0x2"},
        "end_time": "2026-09-01T10:00:01Z",
        "attributes": SPAN,
    }

    assert read_log(lines(span, span), "otel").usage == of(input_tokens=361, output_tokens=53)


def test_a_document_may_span_many_lines():
    rows = [answer("a"), answer("b")]

    assert read_log(json.dumps(rows, indent=1).split("\n"), "openai.chat").usage == of(
        input_tokens=14, output_tokens=4
    )
    with pytest.raises(UnreadableInput, match="not a document"):
        read_log(["[", '{"id": 1}'], "openai.chat")


def test_a_row_that_cannot_be_read_is_named_by_its_line_or_left_out():
    rows = [*lines(answer("a")), '{"secret"', json.dumps({"secret": "x"}), *lines(answer("b"))]
    skipped = []

    with pytest.raises(UnreadableRow, match="line 2") as refusal:
        read_log(rows, "openai.chat")
    assert "secret" not in str(refusal.value)
    assert read_log(rows, "openai.chat", on_bad_row=skipped.append).usage == of(
        input_tokens=14, output_tokens=4
    )
    assert [bad.line for bad in skipped] == [2, 3]


def test_a_kind_that_is_not_known_is_refused():
    with pytest.raises(UnreadableInput, match="not a kind of log: 'cobol'"):
        read_log(lines(answer("a")), "cobol")


# One answer in several pieces -------------------------------------------------------------------------


def chunks(name, counts):
    return [answer(name, 10, told, object="chat.completion.chunk") for told in counts]


def billed(rows):
    return sum((read_usage(row, "openai.chat") for row in merged(rows)), Usage())


@given(
    st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4).map(sorted), min_size=1, max_size=5),
    st.randoms(),
)
def test_interleaving_and_repeating_the_pieces_of_answers_changes_nothing(streams, chance):
    streams = [chunks(f"c{place}", counts) for place, counts in enumerate(streams)]
    right = Usage(
        input_tokens=10 * len(streams),
        output_tokens=sum(each[-1]["usage"]["completion_tokens"] for each in streams),
    )
    # Pieces of one answer keep their order; those of others may lie between them, and any may come twice.
    left, mixed = [list(each) for each in streams], []
    while any(left):
        stream = chance.choice([each for each in left if each])
        mixed += [stream.pop(0)] * chance.randint(1, 2)

    assert billed(mixed) == right
    assert read_log(lines(*mixed), "openai.chat").usage == (of(**{m: int(q) for m, q in right.items()}))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=8), st.randoms(), st.integers(0, 8))
def test_shuffling_repeating_and_batching_answers_changes_nothing(pairs, chance, cut):
    answers = [answer(f"c{name}", 10 + name, 3) for name, _ in pairs]
    once = list({each["id"]: each for each in answers}.values())
    shuffled = [*answers, *once]
    chance.shuffle(shuffled)

    assert billed(shuffled) == billed(once)
    assert billed([*merged(shuffled[:cut]), *merged(shuffled[cut:])]) == billed(once)


def test_counts_that_fall_are_refused():
    with pytest.raises(UnreadableInput, match="fall from 2 to: 1"):
        merged(chunks("c", [1, 2, 1]))


def test_rows_without_an_id_are_answers_of_their_own():
    nameless = [{key: value for key, value in answer("x").items() if key != "id"}] * 3

    assert billed(nameless) == Usage(input_tokens=21, output_tokens=6)


def test_the_pieces_of_a_stream_without_counts_are_passed_over():
    silent = [
        {"id": "c", "object": "chat.completion.chunk", "usage": None},
        {"type": "content_block_delta", "index": 0},
        {"type": "response.created", "response": {"id": "c", "usage": None}},
    ]

    assert billed([*silent, *chunks("c", [4])]) == Usage(input_tokens=10, output_tokens=4)


def test_what_grounds_a_stream_is_counted_over_all_its_chunks():
    def chunk(queries, told):
        candidates = [{"groundingMetadata": {"webSearchQueries": queries}}] if queries else [{}]
        usage = {"promptTokenCount": 40, "candidatesTokenCount": told, "totalTokenCount": 40 + told}
        return {
            "responseId": "g",
            "modelVersion": "gemini-3-pro",
            "candidates": candidates,
            "usageMetadata": usage,
        }

    [whole] = merged([chunk([], 1), chunk(["a", "b"], 5), chunk(["b"], 9), chunk([], 9)])
    assert read_usage(whole, "gemini.generate") == Usage(input_tokens=40, output_tokens=9, web_searches=2)


def test_a_stream_of_anthropic_keeps_the_lifetimes_of_its_start():
    written = {"cache_creation_input_tokens": 797, "cache_creation": {"ephemeral_1h_input_tokens": 797}}
    start = {
        "type": "message_start",
        "message": {"model": "c", "usage": {"input_tokens": 1, "output_tokens": 2, **written}},
    }
    delta = {
        "type": "message_delta",
        "usage": {"input_tokens": None, "cache_creation_input_tokens": 900, "output_tokens": 180},
    }
    [whole] = merged([start, {"type": "ping"}, delta, {"type": "message_stop"}])

    assert read_usage(whole, "anthropic.messages", labels=True) == Usage(
        {
            "input_tokens{model=c}": 1,
            "output_tokens{model=c}": 180,
            "input_tokens{cache=write,model=c,ttl=1h}": 797,
        }
        | {"input_tokens{cache=write,model=c,ttl=unknown}": 103}
    )


@pytest.mark.parametrize(
    ("deltas", "counted"),
    [
        # a search adds to the input after the start of the stream
        (
            [
                {
                    "input_tokens": 12_000,
                    "output_tokens": 600,
                    "server_tool_use": {"web_search_requests": 1},
                }
            ],
            Usage(input_tokens=12_000, output_tokens=600, web_searches=1),
        ),
        (
            [{"output_tokens": 300}, {"output_tokens": 600}],
            Usage(input_tokens=3_000, output_tokens=600),
        ),
    ],
)
def test_each_message_delta_takes_the_place_of_the_counts_before_it(deltas, counted):
    usage = {"input_tokens": 3_000, "output_tokens": 4}
    start = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": usage}}
    [whole] = merged([start, *({"type": "message_delta", "usage": each} for each in deltas)])

    assert read_usage(whole, "anthropic.messages") == counted


def test_the_amounts_of_a_cost_report_are_exact():
    priced = {"amount": {"value": Decimal("0.06"), "currency": "usd"}, "line_item": "m, input"}
    openai = {"data": [{"start_time": 1793491200, "results": [priced]}]}
    claude = {
        "data": [
            {
                "starting_at": "2026-11-01T00:00:00Z",
                "results": [{"amount": "100.5", "currency": "USD", "model": "c"}],
            }
        ]
    }
    start = datetime(2026, 11, 1, tzinfo=UTC)

    assert read_costs(openai) == [
        {"amount": Decimal("0.06"), "currency": "USD", "time": start, "description": "m, input"}
    ]
    # text in cents, with a fraction
    assert read_costs(claude) == [
        {"amount": Decimal("1.005"), "currency": "USD", "time": start, "model": "c"}
    ]
    with pytest.raises(UnreadableInput, match="not an exact cost"):
        read_costs({"data": [{"results": [{"amount": 1.5}]}]})


@pytest.mark.parametrize("kind", ["kimi", None])
def test_records_of_kimi_code_are_counted_once(kind):
    log = read_log([json.dumps(row) for row in KIMI_CODE], kind)

    assert log.usage == Usage(
        {
            "input_tokens{model=kimi-k2}": 10,
            "input_tokens{cache=read,model=kimi-k2}": 100,
            "input_tokens{cache=write,model=kimi-k2}": 7,
            "output_tokens{model=kimi-k2}": 5,
        }
    )
    (record,) = log
    assert record.at == datetime.fromtimestamp(1793500001, UTC)


def test_what_codex_writes_to_a_cache_is_a_part_of_the_input():
    counts = {
        "input_tokens": 100,
        "cached_input_tokens": 60,
        "cache_write_input_tokens": 10,
        "output_tokens": 20,
        "reasoning_output_tokens": 6,
        "total_tokens": 120,
    }
    info = {"total_token_usage": counts, "last_token_usage": counts}
    rows = [*CODEX[:2], {"type": "event_msg", "payload": {"type": "token_count", "info": info}}]

    assert read_log([json.dumps(row) for row in rows], "codex").usage == Usage(
        {
            "input_tokens{model=gpt-5.1-codex}": 30,  # 100 - 60 - 10
            "input_tokens{cache=read,model=gpt-5.1-codex}": 60,
            "input_tokens{cache=write,model=gpt-5.1-codex}": 10,
            "output_tokens{model=gpt-5.1-codex}": 14,
            "output_tokens{kind=reasoning,model=gpt-5.1-codex}": 6,
        }
    )
