"""Files of answers on the command line: each answer once, each row at the price of its own model."""

import json

import pytest

from tokenbill.cli import main

NOVEMBER = ["--at", "2026-11-01T00:00:00Z"]
CLAUDE = [
    *("--price", "input_tokens=3/1000000", "--price", "input_tokens{cache=read}=0.30/1000000"),
    *(
        "--price",
        "input_tokens{cache=write}=3.75/1000000",
        "--price",
        "input_tokens{cache=write,ttl=1h}=6/1000000",
    ),
    *("--price", "output_tokens=15/1000000"),
]
CHEAP = ["--price", "input_tokens=1/1000000", "--price", "output_tokens=4/1000000"]


def row(name, model, prompt=1_000_000, told=100_000):
    usage = {"prompt_tokens": prompt, "completion_tokens": told, "total_tokens": prompt + told}
    return {"id": name, "model": model, "usage": usage}


MIXED = [row("c1", "gpt-4o-2024-08-06"), row("c2", "gpt-4o-mini-2024-07-18")]
SPANS = [
    {
        "gen_ai.response.model": each["model"],
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.output_tokens": 100_000,
    }
    for each in MIXED
]
MAP = {
    "gpt-4o": {"input_cost_per_token": "0.0000025", "output_cost_per_token": "0.00001"},
    "gpt-4o-mini": {"input_cost_per_token": "0.00000015", "output_cost_per_token": "0.0000006"},
}
PLAN = 'type = "PriceSchedule"\nversion = 1\ncurrency = "USD"\n[entries]\n' + "".join(
    f'"{side}put_tokens{{model={model}}}" = "{prices[f"{side}put_cost_per_token"]}"\n'
    for model, prices in MAP.items()
    for side in ("in", "out")
)


@pytest.fixture
def file(tmp_path):
    def write(rows, name="rows.jsonl"):
        text = rows if isinstance(rows, str) else "".join(f"{json.dumps(row)}\n" for row in rows)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def total(capsys):
    printed = capsys.readouterr().out.splitlines()
    return printed[-1].removeprefix("Before rounding: ").removesuffix(" USD").removeprefix("Total: $")


@pytest.mark.parametrize(
    ("rows", "arguments"),
    [
        (MIXED, ["--as", "openai.chat"]),
        (MIXED, ["--as", "openai.chat", "--model", "gpt-4o", "--model", "gpt-4o-mini"]),
        (SPANS, ["--as", "otel", "--model", "gpt-4o", "--model", "gpt-4o-mini"]),
        (MIXED, ["--as", "log"]),
    ],
)
def test_each_row_is_billed_at_the_price_of_its_own_model(rows, arguments, file, capsys):
    prices = ["--price-map", file(json.dumps(MAP), "map.json")]

    assert main(["bill", file(rows), *arguments, *prices]) == 0
    assert total(capsys) == "3.71"  # 2.50 + 1.00 + 0.15 + 0.06


def test_the_catalogue_prices_each_row_by_its_dated_model(file, capsys):
    pytest.importorskip("genai_prices", reason="pip install genai-prices to price by model")

    for models in ([], ["--model", "gpt-4o", "--model", "gpt-4o-mini"]):
        assert main(["bill", file(MIXED), "--as", "openai.chat", *NOVEMBER, *models]) == 0
        assert total(capsys) == "3.71"


def test_a_plan_that_knows_models_prices_dated_ones(file, capsys):
    asked = ["bill", "--as", "openai.chat", "--plan", file(PLAN, "plan.toml")]

    assert main([*asked, file(MIXED)]) == 0
    assert total(capsys) == "3.71"
    assert main([*asked, file([*MIXED, row("c3", "claude-sonnet-4-6")])]) == 1
    assert "line 3: a row of model 'claude-sonnet-4-6', and prices of gpt-4o" in capsys.readouterr().err


def test_a_row_of_another_model_is_an_error_with_its_line(file, capsys):
    prices = ["--price-map", file(json.dumps(MAP), "map.json")]
    asked = ["bill", file(MIXED), "--as", "openai.chat", *prices]

    assert main([*asked, "--model", "gpt-4o"]) == 1
    assert "line 2: usage of another model: 'gpt-4o-mini-2024-07-18'" in capsys.readouterr().err
    assert main([*asked[:1], file([*MIXED, row("c3", "x-1")]), *asked[2:]]) == 1
    assert "line 3: no price for model 'x-1' in the map" in capsys.readouterr().err


def test_a_row_that_names_no_model_needs_one(file, capsys):
    nameless = [{"prompt_tokens": 10, "completion_tokens": 1}]
    asked = ["bill", file(nameless), "--as", "openai.chat", "--price-map", file(json.dumps(MAP), "map.json")]

    assert main(asked) == 2
    assert "line 1 names no model: give its name by --model" in capsys.readouterr().err
    assert main([*asked, "--model", "gpt-4o"]) == 0
    assert total(capsys) == "0.000035"


WRITTEN = {"cache_creation_input_tokens": 11862, "cache_creation": {"ephemeral_1h_input_tokens": 11862}}
SNAPSHOTS = [
    {
        "id": "msg_1",
        "model": "claude-sonnet-4-6",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 15555, "output_tokens": told, **WRITTEN},
    }
    for told in (3, 3, 726)
]
SESSION = [
    {"type": "summary", "summary": "x"},
    {"type": "user", "message": {"role": "user", "content": "hi"}},
    *({"type": "assistant", "sessionId": "s1", "message": each} for each in SNAPSHOTS),
]


@pytest.mark.parametrize(("kind", "rows"), [("anthropic.messages", SNAPSHOTS), ("claude-code", SESSION)])
def test_snapshots_of_one_answer_are_billed_once_and_said(kind, rows, file, capsys):
    assert main(["bill", file(rows), "--as", kind, *CLAUDE]) == 0
    printed = capsys.readouterr()

    # 10 × 3 + 15555 × 0.30 + 11862 × 6 + 726 × 15, a million
    assert "Before rounding: 0.0867585 USD" in printed.out
    assert "passed over 2 rows of answers that another row counts" in printed.err


@pytest.mark.parametrize(
    ("names", "counts", "right"),
    [("aaa", (1, 2, 2), "0.000721"), ("abc", (1, 2, 2), "0.002159"), ("aaa", (1, 2, 1), None)],
)
def test_running_counts_of_a_stream_are_one_answer(names, counts, right, file, capsys):
    rows = [
        {**row(f"chatcmpl-{name}", "q", 713, told), "object": "chat.completion.chunk", "choices": []}
        for name, told in zip(names, counts, strict=True)
    ]

    assert main(["bill", file(rows), "--as", "openai.chat", *CHEAP]) == (0 if right else 1)
    assert total(capsys) == right if right else "fall from 2 to: 1" in capsys.readouterr().err


def test_spans_that_sum_up_others_are_left_out_and_said(file, capsys):
    def span(operation, given, told):
        tokens = {"gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": told}
        return {"gen_ai.operation.name": operation, "gen_ai.response.model": "m", **tokens}

    rows = [span("chat", 6000, 300), span("chat", 8426, 471), span("invoke_agent", 14426, 771)]
    prices = ["--price", "input_tokens=1.25/1000000", "--price", "output_tokens=10/1000000"]

    assert main(["bill", file(rows), "--as", "otel", *prices]) == 0
    printed = capsys.readouterr()
    assert "Before rounding: 0.0257425 USD" in printed.out
    assert "passed over 1 row of spans that sum up others" in printed.err


def test_prices_by_the_hour_are_chosen_by_each_row(file, capsys):
    off_peak = {
        "input_cost_per_token": "0.00000015",
        "windows": [{"hours_utc": "00:00-00:00", "weekdays": [6, 7]}],
    }
    prices = {
        "d": {
            "input_cost_per_token": "0.0000003",
            "output_cost_per_token": "0.0000012",
            "off_peak_pricing": off_peak,
        }
    }
    # Monday and Sunday, both at two
    rows = [{**row(name, "d", told=0), "created": at} for name, at in (("a", 1791165600), ("b", 1791079200))]

    assert (
        main(["bill", file(rows), "--as", "openai.chat", "--price-map", file(json.dumps(prices), "map.json")])
        == 0
    )
    assert total(capsys) == "0.45"  # 0.30 + 0.15


def test_nothing_billed_is_no_bill(file, capsys):
    bad = file([{"type": "summary"}, {"type": "user"}])

    assert main(["bill", bad, "--as", "anthropic.messages", "--skip-bad", "--price", "input_tokens=1"]) == 1
    assert main(["bill", bad, "--as", "claude-code", "--price", "input_tokens=1"]) == 1
    assert "no answer to bill in" in capsys.readouterr().err
    rows = file("meter,quantity\nx,many\n", "rows.csv")
    assert main(["bill", rows, "--skip-bad", "--price", "x=1"]) == 1
    assert "no row could be read, skipped: 1; nothing billed is no bill" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--at", "--plan", "--currency", "--period", "--as", "--provider", "--issuer"]
)
def test_an_option_that_may_stand_once_is_refused_twice(option, file, capsys):
    assert main(["bill", file(MIXED), option, "a", option, "b"]) == 2
    assert "it may stand once" in capsys.readouterr().err


def test_columns_may_be_labels_and_parts_of_other_columns(file, capsys):
    table = (
        "model_name,group,prompt_tokens,cache_tokens,completion_tokens\n"
        "gpt-4o,vip,1000,0,500\ngpt-4o,vip,2000,1280,100\n"
    )
    asked = [
        *(
            "bill",
            file(table, "log.csv"),
            "--sum",
            "input_tokens=prompt_tokens",
            "--sum",
            "output_tokens=completion_tokens",
        ),
        *("--sum", "input_tokens{cache=read}=cache_tokens", "--pool", "cache_tokens=prompt_tokens"),
        *("--label", "model=model_name", "--label", "group=group"),
    ]
    prices = [
        *("--price", "input_tokens{model=gpt-4o}=2", "--price", "input_tokens{cache=read,model=gpt-4o}=1"),
        *("--price", "output_tokens{group=vip}=8"),
    ]

    assert main([*asked, *prices]) == 0
    assert total(capsys) == "9520.00"  # 1720 × 2 + 1280 × 1 + 600 × 8
    assert main([*asked, "--pool", "x=prompt_tokens", *prices]) == 2
    assert "--pool names a column that no --sum adds up: 'x'" in capsys.readouterr().err


def test_the_requests_of_a_report_cost_nothing_where_no_price_names_them(file, capsys):
    result = {"input_tokens": 1000, "output_tokens": 500, "num_model_requests": 5, "model": "m"}
    page = {"object": "page", "data": [{"start_time": 1793491200, "results": [result]}]}
    asked = ["bill", file([page]), "--as", "openai.usage", *CHEAP]

    assert main(asked) == 0
    assert total(capsys) == "0.003"  # 1000 × 1 + 500 × 4, a million
    assert main([*asked, "--price", "api_calls=1"]) == 0
    assert total(capsys) == "5.003"


def test_prices_that_changed_are_chosen_by_each_row(file, capsys):
    pytest.importorskip("genai_prices", reason="pip install genai-prices to price by model")
    # on 1 August and on 1 September 2026, between which the price of a million rose from 0.435 to 1.32
    rows = [
        {**row(name, "deepseek-v4-pro", told=0), "created": at}
        for name, at in (("a", 1785549600), ("b", 1788228000))
    ]

    assert main(["bill", file(rows), "--as", "openai.chat", "--provider", "deepseek"]) == 0
    assert total(capsys) == "1.755"
