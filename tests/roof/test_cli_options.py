"""Each option of the command line, and what is said of a word that is misspelt or a stream that is closed."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from tokenbill import catalog, serial
from tokenbill.cli import main
from tokenbill.cli.parser import _Parser, options

HERE = Path(__file__).parent
USAGE = "docs/usage.csv"
GPU = ["--sum", "gpu_hours", "--price", "gpu_hours=0.10"]
MONTH = ["--period", "2026-11-01/2026-12-01"]


@pytest.fixture
def file(tmp_path):
    def write(text, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return str(path)

    return write


def test_every_option_is_in_a_test(monkeypatch):
    every = set()
    known = _Parser.parse_known_args

    def noted(parser, *given):
        every.update(parser._option_string_actions)
        return known(parser, *given)

    monkeypatch.setattr(_Parser, "parse_known_args", noted)
    for command in (["bill", "-"], ["compare", "-"], ["store", "u", "close", "c"], ["lint", "-"], ["schema"]):
        assert isinstance(options(command), Namespace)
    texts = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("**/test_c*.py"))

    assert len(every) > 25
    assert [option for option in sorted(every) if f'"{option}' not in texts and option != "-h"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bil", USAGE], "invalid choice: 'bil'; did you mean 'bill'?"),
        (["bill", USAGE, "--äö", "x"], "no such argument: '--äö'; see tokenbill bill --help"),
        (["bill", USAGE, "--pirce=1"], "no such argument: '--pirce=1'; did you mean --price?"),
        (["bill", USAGE, *GPU, "--format", "totls"], "invalid choice: 'totls'; did you mean 'totals'?"),
        (["compare", USAGE, "--paln", "a"], "did you mean --plan?"),
        (["bill", USAGE, *GPU, "--ignore", "x"], "--ignore names keys of a map of prices"),
        (["bill", USAGE, *GPU, "--tz", "Mars", "--by", "time:day"], "an unknown time zone: 'Mars'"),
    ],
)
def test_a_misspelt_word_is_answered_by_the_nearest(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            ["--where", "custmer=acme"],
            "usage.csv, line 2: no such member: 'custmer'; did you mean 'customer'?",
        ),
        (["--label", "model=custmer"], "line 2: no such member: 'custmer'; did you mean 'customer'?"),
        ([*MONTH, "--time", "tme"], "line 2: no such member: 'tme'; did you mean 'time'?"),
        (["--by", "tme:day"], "line 2: no such member: 'tme'; did you mean 'time'?"),
        (
            ["--by", "custmer"],
            "usage.csv, line 1, column 'custmer': no such column; did you mean 'customer'?",
        ),
        (["--where", "zzz=acme"], "name one that every row has"),
    ],
)
def test_a_misspelt_column_is_answered_by_file_line_and_the_nearest(asked, said, capsys):
    assert main(["bill", USAGE, *GPU, *asked]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "csv", "json", "totals", "html"])
def test_closed_streams_bring_no_traceback(form):
    def ran(closed):
        command = f"{sys.executable} -m tokenbill bill {USAGE} {' '.join(GPU)} --format {form} {closed}"
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    done = ran(">&-")
    assert (done.returncode, done.stderr) == (
        1,
        "tokenbill: cannot write the bill: standard output is closed\n",
    )
    # what is said of rows goes nowhere, and never among the data
    done = ran("--period 2026-11-01/2026-12-01 2>&-")
    assert done.returncode == 0
    assert done.stdout
    assert "tokenbill:" not in done.stdout
    done = ran("--by customer").args, ran("--by x 2>&-")
    assert (done[1].returncode, done[1].stdout) == (1, "")


def test_standard_input_that_is_closed_is_said():
    command = f"{sys.executable} -m tokenbill bill - {' '.join(GPU)} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to read on standard input, which is closed: '-'; name a file" in done.stderr


WISHED = {"m": {"input_cost_per_token": "0.000001", "output_cost_per_token": "0", "cost_per_wish": "3"}}


@pytest.mark.parametrize("models", [["--model", "m"], []])
def test_a_key_of_a_price_map_may_be_ignored(models, file, capsys):
    usage = {"prompt_tokens": 5_000_000, "completion_tokens": 0, "total_tokens": 5_000_000}
    rows = file({"id": "a", "model": "m", "usage": usage})
    asked = ["bill", rows, "--as", "openai.chat", *models, "--price-map", file(WISHED, "map.json")]

    assert main(asked) == 1
    assert "no meter counts: 'cost_per_wish'" in capsys.readouterr().err
    assert main([*asked, "--ignore", "cost_per_wish"]) == 0
    assert "Total: $5.00" in capsys.readouterr().out


def test_rows_are_priced_by_a_map_without_an_ignored_key(file, capsys):
    table = file("meter,quantity\ninput_tokens,3000000\n", "rows.csv")
    asked = ["bill", table, "--model", "m", "--price-map", file(WISHED, "map.json")]

    assert main([*asked, "--ignore", "cost_per_wish"]) == 0
    assert "Total: $3.00" in capsys.readouterr().out


def test_a_plan_of_a_list_charges_each_answer_as_a_request(file, tmp_path, capsys):
    off_peak = {"input_cost_per_token": "0.5", "windows": [{"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}
    prices = {
        "d": {
            "input_cost_per_token": "1",
            "output_cost_per_token": "1",
            "input_cost_per_request": "10",
            "off_peak_pricing": off_peak,
        }
    }
    serial.dump(catalog.from_price_map(prices, model=["d"]), tmp_path / "plan.json")
    usage = {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5}
    # Monday and Sunday, both at two
    answers = [
        {"id": name, "model": "d", "usage": usage, "created": at}
        for name, at in (("a", 1791165600), ("b", 1791079200))
    ]
    rows = file("".join(f"{json.dumps(each)}\n" for each in answers))

    assert main(["bill", rows, "--as", "openai.chat", "--plan", str(tmp_path / "plan.json")]) == 0
    # 4 × 1 + 1 on Monday; 4 × 0.5 on Sunday, whose output costs 1; two requests at 10
    assert "Total: $28.00" in capsys.readouterr().out
    timeless = [{key: each[key] for key in ("id", "model", "usage")} for each in answers]
    rows = file("".join(f"{json.dumps(each)}\n" for each in timeless), "timeless.jsonl")
    assert main(["bill", rows, "--as", "openai.chat", "--plan", str(tmp_path / "plan.json")]) == 1
    assert "timeless.jsonl, line 1: a request without its instant" in capsys.readouterr().err
